//! `mdns decode`: what was said in a recording, as a transcript.

mod capture;
mod datagram;

use std::{collections::BTreeSet, fs::File, io, io::Read, path::Path, time::Duration};

use self::{
    capture::{Broken, each_frame},
    datagram::Contents,
};
use super::Results;
use crate::{
    args::Decode,
    files,
    output::{Output, Stamp},
    session::{Failure, Found},
    transcript::Transcript,
};

pub(super) fn run(args: &Decode, output: Output) -> Result<Found, Failure> {
    let mut tally = Tally {
        results: Results {
            found: 0,
            wanted: args.count,
        },
        ..Tally::default()
    };
    let outcome = match open(&args.file) {
        Ok(file) => tell(file, &mut tally, output),
        Err(error) => return Err(files::unreadable(&args.file, &error)),
    };
    if let Some(skipped) = tally.skipped() {
        output.remark(&skipped);
    }
    match outcome {
        Ok(()) | Err(End::Enough) => {}
        Err(End::Output(error)) => return Err(Failure::Output(error)),
        Err(End::Broken(broken)) => {
            let file = args.file.display();
            return Err(Failure::Usage(format!("{file}: {broken}")));
        }
    }
    match tally.unknown.first().filter(|_| tally.results.found == 0) {
        Some(linktype) => Err(Failure::Usage(format!(
            "{}: packets of link type {linktype} are not understood; Ethernet, raw IP, Linux cooked and BSD loopback are",
            args.file.display()
        ))),
        None => Ok(tally.results.outcome()),
    }
}

/// The file, or standard input for `-`.
fn open(file: &Path) -> io::Result<Box<dyn Read + Send>> {
    match file.to_str() {
        Some("-") => Ok(Box::new(io::stdin())),
        _ => Ok(Box::new(File::open(file)?)),
    }
}

/// Why reading ends.
enum End {
    Enough,
    Output(io::Error),
    Broken(Broken),
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        End::Broken(broken)
    }
}

/// What came of the packets of a recording.
#[derive(Debug, Default)]
struct Tally {
    results: Results,
    others: u64,
    fragments: u64,
    /// Of link types that are not known.
    unread: u64,
    unknown: BTreeSet<i32>,
}

fn tell(file: impl Read + Send, tally: &mut Tally, output: Output) -> Result<(), End> {
    let mut transcript = Transcript::default();
    let mut first = None;
    let mut now = Duration::ZERO;
    each_frame(file, |frame| {
        now = frame.at.unwrap_or(now);
        let started = *first.get_or_insert(now);
        match Contents::of(&frame) {
            Contents::Datagram(datagram) => {
                let stamp = Stamp::recorded(now.saturating_sub(started), now);
                output
                    .recorded(&transcript.line(datagram), stamp)
                    .map_err(End::Output)?;
                tally.results.add();
            }
            Contents::Other => tally.others += 1,
            Contents::Fragment => tally.fragments += 1,
            Contents::UnknownLink(linktype) => {
                tally.unread += 1;
                tally.unknown.insert(linktype.0);
            }
        }
        match tally.results.are_enough() {
            true => Err(End::Enough),
            false => Ok(()),
        }
    })
}

impl Tally {
    /// What was not shown, if anything.
    fn skipped(&self) -> Option<String> {
        let kinds = [
            (self.others, "not of UDP port 5353"),
            (self.fragments, "IP fragments, which are not put together"),
            (self.unread, "of unknown link types"),
        ];
        let told: Vec<String> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!told.is_empty()).then(|| format!("packets left out: {}", told.join("; ")))
    }
}
