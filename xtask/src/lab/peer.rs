//! A program in a host of the lab: its lines as they come, and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use regex::Regex;

/// A line a program wrote, to standard output or standard error.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// When it arrived here.
    pub(crate) at: SystemTime,
    pub(crate) text: String,
    pub(crate) stream: Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// What a program left when it had ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running program. Clones are the same program; the lab ends it when the scenario does.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Inner>);

struct Inner {
    title: String,
    started: SystemTime,
    child: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    heard: Mutex<Transcript>,
    news: Condvar,
}

#[derive(Default)]
struct Transcript {
    lines: Vec<Line>,
    /// Streams that have ended, of two.
    ended: u8,
}

/// A thread that panicked with a lock held leaves lines that are still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    /// Starts `command`; `title` is what it is called in messages.
    pub(crate) fn start(title: String, mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = SystemTime::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {title}"))?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let peer = Peer(Arc::new(Inner {
            title,
            started,
            child: Mutex::new(child),
            stdin: Mutex::new(stdin),
            heard: Mutex::default(),
            news: Condvar::new(),
        }));
        peer.listen(stdout, Stream::Out);
        peer.listen(stderr, Stream::Err);
        Ok(peer)
    }

    fn listen(&self, pipe: Option<impl Read + Send + 'static>, stream: Stream) {
        let peer = self.clone();
        thread::spawn(move || {
            for line in pipe
                .into_iter()
                .flat_map(|pipe| BufReader::new(pipe).split(b'\n'))
                .map_while(Result::ok)
            {
                let text = String::from_utf8_lossy(&line).into_owned();
                lock(&peer.0.heard).lines.push(Line {
                    at: SystemTime::now(),
                    text,
                    stream,
                });
                peer.0.news.notify_all();
            }
            lock(&peer.0.heard).ended += 1;
            peer.0.news.notify_all();
        });
    }

    pub(crate) fn title(&self) -> &str {
        &self.0.title
    }

    pub(crate) fn pid(&self) -> u32 {
        lock(&self.0.child).id()
    }

    /// Just before it was started.
    pub(crate) fn started(&self) -> SystemTime {
        self.0.started
    }

    /// What it has said so far.
    pub(crate) fn lines(&self) -> Vec<Line> {
        lock(&self.0.heard).lines.clone()
    }

    /// Waits until `look` finds what it wants in the lines so far. `what` names it in the error, which shows the last lines.
    pub(crate) fn wait_until<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut look: impl FnMut(&[Line]) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + timeout;
        let mut heard = lock(&self.0.heard);
        loop {
            if let Some(found) = look(&heard.lines) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.ended == 2 {
                let why = if heard.ended == 2 { "ended" } else { "went on" };
                let tail: Vec<_> = heard
                    .lines
                    .iter()
                    .rev()
                    .take(12)
                    .rev()
                    .map(|line| line.text.as_str())
                    .collect();
                bail!(
                    "{} {why} without {what}; it said\n{}",
                    self.0.title,
                    tail.join("\n")
                );
            }
            heard = self
                .0
                .news
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for a line that matches the regular expression.
    pub(crate) fn wait_for(&self, pattern: &str, timeout: Duration) -> Result<Line> {
        let regex = Regex::new(pattern)?;
        let found = |lines: &[Line]| {
            lines
                .iter()
                .find(|line| regex.is_match(&line.text))
                .cloned()
        };
        self.wait_until(&format!("/{pattern}/"), timeout, found)
    }

    /// Writes a line to its standard input.
    pub(crate) fn write_line(&self, line: &str) -> Result<()> {
        match &mut *lock(&self.0.stdin) {
            Some(stdin) => Ok(writeln!(stdin, "{line}")?),
            None => bail!("{} has no standard input", self.0.title),
        }
    }

    /// Sends a signal, unless it has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let mut child = lock(&self.0.child);
        if child.try_wait()?.is_none() {
            kill(Pid::from_raw(child.id().try_into()?), signal)?;
        }
        Ok(())
    }

    pub(crate) fn is_running(&self) -> Result<bool> {
        Ok(lock(&self.0.child).try_wait()?.is_none())
    }

    /// Waits for its end and for all it said before.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + timeout;
        let mut heard = lock(&self.0.heard);
        while heard.ended < 2 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!(
                    "{} did not end within {} s",
                    self.0.title,
                    timeout.as_secs_f32()
                );
            }
            heard = self
                .0
                .news
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(heard);
        Ok(lock(&self.0.child).wait()?)
    }

    /// Ends it at once, without a goodbye.
    pub(crate) fn kill(&self) {
        let mut child = lock(&self.0.child);
        // It may have ended by itself.
        child.kill().ok();
        child.wait().ok();
    }

    /// Waits for its end and returns all it said.
    pub(crate) fn output(&self, timeout: Duration) -> Result<Output> {
        let status = self.wait(timeout)?;
        let lines = self.lines();
        let text = |stream| {
            lines
                .iter()
                .filter(|line| line.stream == stream)
                .map(|line| line.text.clone() + "\n")
                .collect::<String>()
        };
        Ok(Output {
            status,
            stdout: text(Stream::Out),
            stderr: text(Stream::Err),
        })
    }
}
