//! Changes to what is advertised, while it is: a file that is read again at SIGHUP, or standard input line by line.

use std::{
    io::{self, BufRead as _},
    path::{Path, PathBuf},
    thread,
};

use mdns_proto::wire::TxtVec;
use mdns_tokio::Announcement;
use tokio::sync::mpsc;

use crate::{
    attributes::Attributes,
    files, services,
    session::{Failure, Hangup},
};

/// How many lines may be read before they are taken.
const LINES: usize = 16;

/// The attributes of a service, and where changes to them come from.
pub(crate) struct Updates {
    /// What is said by now.
    now: Attributes,
    /// What was said before the last change.
    before: Attributes,
    source: Source,
}

enum Source {
    /// A file of changes to what was given on the command line.
    File {
        path: PathBuf,
        given: Attributes,
        hangup: Hangup,
    },
    Lines(mpsc::Receiver<io::Result<String>>),
}

impl Updates {
    /// Changes from a file, the first of them now; `-` is standard input.
    pub(crate) fn open(path: PathBuf, given: Attributes) -> Result<Self, Failure> {
        let (now, source) = if path == Path::new("-") {
            (given, Source::Lines(lines()))
        } else {
            let hangup = Hangup::new()?;
            let text = files::read(&path)?;
            let now = changed(&path, &given, &text).map_err(Failure::Usage)?;
            let source = Source::File {
                path,
                given,
                hangup,
            };
            (now, source)
        };
        Ok(Updates {
            before: now.clone(),
            now,
            source,
        })
    }

    /// What is to be said now.
    ///
    /// # Errors
    ///
    /// See [`Attributes::to_txt`].
    pub(crate) fn txt(&self) -> Result<TxtVec, String> {
        self.now.to_txt()
    }

    /// Waits for the next change, and tells what is to be said from then on, or what is wrong with the change. `None` when
    /// there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Result<TxtVec, String>> {
        let changed = match &mut self.source {
            Source::File {
                path,
                given,
                hangup,
            } => {
                hangup.next().await?;
                files::read_again(path).and_then(|text| changed(path, given, &text))
            }
            Source::Lines(lines) => {
                let line = lines.recv().await?;
                let mut changed = self.now.clone();
                line.map_err(|error| error.to_string())
                    .and_then(|line| changed.change(&line))
                    .map(|()| changed)
                    .map_err(|why| format!("standard input: {why}"))
            }
        };
        Some(changed.and_then(|changed| {
            let txt = changed.to_txt()?;
            self.before = std::mem::replace(&mut self.now, changed);
            Ok(txt)
        }))
    }

    /// Takes the last change back.
    pub(crate) fn undo(&mut self) {
        self.now = self.before.clone();
    }
}

/// What was given, changed by what a file says.
fn changed(path: &Path, given: &Attributes, text: &str) -> Result<Attributes, String> {
    let mut attributes = given.clone();
    attributes
        .change_all(text)
        .map_err(|why| format!("{}, {why}", path.display()))?;
    Ok(attributes)
}

/// A file of services, which is read again at SIGHUP.
pub(crate) struct Reread {
    path: PathBuf,
    hangup: Hangup,
}

impl Reread {
    pub(crate) fn new(path: PathBuf) -> Result<Self, Failure> {
        let hangup = Hangup::new()?;
        Ok(Reread { path, hangup })
    }

    /// Waits until it is to be read again, and tells what services there are now, or what is wrong with the file. `None` when
    /// there will be no such time.
    pub(crate) async fn next(&mut self) -> Option<Result<Vec<Announcement>, String>> {
        self.hangup.next().await?;
        let services = |text: String| {
            services::read(&text).map_err(|error| format!("{}, {error}", self.path.display()))
        };
        Some(files::read_again(&self.path).and_then(services))
    }
}

/// The lines of standard input, without empty ones, as they come.
///
/// A thread reads them, which nobody waits for at the end: it may be in the middle of a line for ever.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(LINES);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            // What is no text is a fault of that line, and not the last one.
            let is_last = line
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::InvalidData);
            let is_empty = line.as_ref().is_ok_and(String::is_empty);
            if !is_empty && sender.blocking_send(line).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}
