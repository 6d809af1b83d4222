//! Standard output and standard error, written by threads of their own.
//!
//! Whoever reads them may stop reading, and then a write waits for ever. A command that waits so long answers nobody on the
//! network and ends neither at a signal nor when its time is up; so no command writes itself. It leaves text here, as much as
//! there is room for. Text that finds no room is dropped by the line and counted, and the count is written in its place.
//!
//! ```text
//! command ── write ──▶ pending text ── thread ──▶ reader
//!            if full: lines lost          └─ closed, or an error: told at the next write, and to `closed`
//! ```

use std::{
    collections::VecDeque,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Room for text that is not written yet, in bytes.
const ROOM: usize = 4 << 20;

/// The most that is written at once, in bytes: how much of it was read is known only after that.
const CHUNK: usize = 16 << 10;

/// How long a command may wait in all for room, until half of it is free again: a reader who reads is not outrun by a burst, and
/// one who does not read hardly keeps us.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long a reader may read nothing before the program ends without him, once it is to end.
const STALLED: Duration = Duration::from_secs(1);

/// How long the rest may take to be read, once the program is to end.
const REST: Duration = Duration::from_secs(2);

/// What is printed in place of lost lines.
type Marker = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// A standard stream of this process.
pub(crate) struct Stream {
    which: Which,
    state: Mutex<State>,
    /// The state has changed.
    changed: Condvar,
    /// All has been written, or nothing can be any more.
    idle: Notify,
    /// Nobody reads any more.
    closed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Output,
    Error,
}

struct State {
    pending: VecDeque<u8>,
    has_thread: bool,
    /// A thread waits for the reader to go.
    #[cfg(unix)]
    is_watched: bool,
    /// Lines that found no room since text was last taken in.
    lost: u64,
    marker: Option<Marker>,
    /// What of [`PATIENCE`] is left.
    patience: Duration,
    /// Why nothing can be written any more.
    failed: Option<io::ErrorKind>,
    /// When something was last written.
    progress: Option<Instant>,
    /// When the program is to end, as far as is known.
    end: Option<Instant>,
}

/// What becomes of text that finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It is dropped, and counted.
    Drop,
    /// The caller waits: there is nothing else to do.
    Wait,
}

/// Standard output.
pub(crate) static OUTPUT: Stream = Stream::new(Which::Output);

/// Standard error.
pub(crate) static ERROR: Stream = Stream::new(Which::Error);

impl Stream {
    const fn new(which: Which) -> Self {
        Stream {
            which,
            state: Mutex::new(State {
                pending: VecDeque::new(),
                has_thread: false,
                #[cfg(unix)]
                is_watched: false,
                lost: 0,
                marker: None,
                patience: PATIENCE,
                failed: None,
                progress: None,
                end: None,
            }),
            changed: Condvar::new(),
            idle: Notify::const_new(),
            closed: Notify::const_new(),
        }
    }

    /// Sets what is printed in place of lost lines, given their number.
    pub(crate) fn mark_lost(&self, marker: impl Fn(u64) -> Vec<u8> + Send + 'static) {
        self.lock().marker = Some(Box::new(marker));
    }

    /// Leaves whole lines to be written.
    ///
    /// # Errors
    ///
    /// When an earlier write failed: nobody reads any more, or the disk is full.
    pub(crate) fn write(&'static self, text: &[u8], when_full: WhenFull) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let mut state = self.lock();
        if !state.has_thread {
            state.has_thread = true;
            let writer = thread::Builder::new().name("output".to_owned());
            if writer.spawn(|| self.write_all_that_comes()).is_err() {
                state.has_thread = false;
            }
        }
        if !state.has_thread {
            // There is no thread to be had: better late than never.
            return self.which.write_all(text);
        }
        loop {
            if let Some(kind) = state.failed {
                return Err(kind.into());
            }
            let has_room = state.pending.is_empty() || state.pending.len() + text.len() <= ROOM;
            // The count of those that were lost comes first.
            if has_room && state.lost == 0 {
                break;
            }
            let started = Instant::now();
            match when_full {
                WhenFull::Wait => state = self.wait(state, STALLED),
                WhenFull::Drop if state.lost == 0 && !state.patience.is_zero() => {
                    let patience = state.patience;
                    state = self.wait(state, patience);
                    state.patience = state.patience.saturating_sub(started.elapsed());
                }
                WhenFull::Drop => {
                    state.lost += lines(text.iter());
                    return Ok(());
                }
            }
        }
        state.pending.extend(text);
        self.changed.notify_all();
        Ok(())
    }

    /// Whether all has been written.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.pending.is_empty() && state.lost == 0
    }

    /// Ready when all has been written.
    pub(crate) async fn idle(&self) {
        while !self.is_idle() {
            self.idle.notified().await;
        }
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        let failed = self.lock().failed;
        failed.is_some_and(|kind| kind == io::ErrorKind::BrokenPipe)
    }

    /// Ready when nobody reads any more, noticed without a write where the system tells (not on Windows).
    pub(crate) async fn closed(&'static self) {
        #[cfg(unix)]
        if !std::mem::replace(&mut self.lock().is_watched, true) {
            let watcher = thread::Builder::new().name("reader".to_owned());
            // Without it the next write tells.
            watcher.spawn(|| self.watch_reader()).ok();
        }
        while !self.is_closed() {
            self.closed.notified().await;
        }
    }

    /// Ends the program when nobody reads any more: for commands that wait for something else than this.
    pub(crate) fn exit_when_closed(&'static self) {
        #[cfg(unix)]
        {
            let watcher = thread::Builder::new().name("reader".to_owned());
            let watch = || {
                self.watch_reader();
                if self.is_closed() {
                    std::process::exit(0);
                }
            };
            watcher.spawn(watch).ok();
        }
    }

    /// When the program is [to end](Self::set_end), as far as is known.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.lock().end
    }

    /// Says when the program is to end: what is not read soon after is given up. Without a time it is waited for.
    pub(crate) fn set_end(&self, end: Instant) {
        self.lock().end = Some(end);
        self.changed.notify_all();
    }

    /// Waits until all has been written, or it is [to end](Self::set_end) and the reader does not read. Returns the number of lines that
    /// were not written.
    pub(crate) fn finish(&self) -> u64 {
        let started = Instant::now();
        let mut state = self.lock();
        while !(state.pending.is_empty() && state.lost == 0) && state.failed.is_none() {
            let now = Instant::now();
            if let Some(end) = state.end.map(|end| end.max(started))
                && now >= end
            {
                let progress = state.progress.unwrap_or(end).max(end);
                if now >= progress + STALLED || now >= end + REST {
                    return lines(state.pending.iter()).max(1) + state.lost;
                }
            }
            state = self.wait(state, Duration::from_millis(100));
        }
        0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, at_most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// What the thread does.
    fn write_all_that_comes(&self) {
        let mut state = self.lock();
        loop {
            if state.pending.len() <= ROOM / 2 {
                state.patience = PATIENCE;
                let lost = std::mem::take(&mut state.lost);
                if let Some(marker) = state.marker.as_ref().filter(|_| lost > 0) {
                    let marker = marker(lost);
                    state.pending.extend(marker);
                }
            }
            if state.pending.is_empty() {
                self.idle.notify_waiters();
                self.idle.notify_one();
                self.changed.notify_all();
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (front, _) = state.pending.as_slices();
            let chunk = front[..front.len().min(CHUNK)].to_vec();
            drop(state);
            let written = self.which.write(&chunk);
            state = self.lock();
            // The reader has gone meanwhile, and the text with him.
            if state.failed.is_some() {
                return;
            }
            match written {
                Ok(len) => {
                    state.pending.drain(..len);
                    // What a burst took is given back.
                    if state.pending.is_empty() {
                        state.pending.shrink_to(CHUNK);
                    }
                    state.progress = Some(Instant::now());
                }
                // A terminal that has hung up says that there was an error.
                Err(_) if self.which.has_no_reader() => {
                    self.fail(&mut state, io::ErrorKind::BrokenPipe);
                    return;
                }
                Err(error) => {
                    self.fail(&mut state, error.kind());
                    return;
                }
            }
            self.changed.notify_all();
        }
    }

    fn fail(&self, state: &mut State, kind: io::ErrorKind) {
        state.failed.get_or_insert(kind);
        state.pending = VecDeque::new();
        state.lost = 0;
        self.changed.notify_all();
        for notify in [&self.idle, &self.closed] {
            notify.notify_waiters();
            notify.notify_one();
        }
    }

    /// Waits until the other end of a pipe, a socket or a terminal is gone.
    #[cfg(unix)]
    fn watch_reader(&self) {
        loop {
            match self.which.poll_errors(None) {
                Ok(false) | Err(rustix::io::Errno::INTR) => {}
                Ok(true) => return self.fail(&mut self.lock(), io::ErrorKind::BrokenPipe),
                // Then the next write tells.
                Err(_) => return,
            }
        }
    }
}

/// For writers of whole lines that know nothing of room.
impl io::Write for &'static Stream {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        Stream::write(self, text, WhenFull::Drop).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Which {
    /// Writes as much as the reader takes now, and waits if that is nothing.
    fn write(self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            // Around the buffer of lines, which would be written at the end, by whoever ends.
            #[cfg(unix)]
            let written = match self {
                Which::Output => rustix::io::write(io::stdout(), bytes),
                Which::Error => rustix::io::write(io::stderr(), bytes),
            }
            .map_err(io::Error::from);
            #[cfg(not(unix))]
            use io::Write as _;
            #[cfg(not(unix))]
            let written = match self {
                Which::Output => {
                    let mut to = io::stdout().lock();
                    to.write_all(bytes).and_then(|()| to.flush())
                }
                Which::Error => io::stderr().lock().write_all(bytes),
            }
            .map(|()| bytes.len());
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.until_writable(),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                done => return done,
            }
        }
    }

    fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let len = self.write(bytes)?;
            bytes = &bytes[len..];
        }
        Ok(())
    }

    /// Waits at most so long until the system says that the other end is gone, and tells whether it has.
    #[cfg(unix)]
    fn poll_errors(self, timeout: Option<&rustix::event::Timespec>) -> rustix::io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, poll};

        let (stdout, stderr) = (io::stdout(), io::stderr());
        // Errors are told of whether they are asked for or not.
        let polled = match self {
            Which::Output => PollFd::new(&stdout, PollFlags::empty()),
            Which::Error => PollFd::new(&stderr, PollFlags::empty()),
        };
        let mut polled = [polled];
        poll(&mut polled, timeout)?;
        Ok(!polled[0].revents().is_empty())
    }

    /// Whether the other end of a pipe, a socket or a terminal is gone. It is not known where the system does not tell.
    #[cfg(unix)]
    fn has_no_reader(self) -> bool {
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        self.poll_errors(Some(&now)).unwrap_or(false)
    }

    #[cfg(not(unix))]
    fn has_no_reader(self) -> bool {
        false
    }

    /// Whoever shares the stream with us may have made it non-blocking.
    fn until_writable(self) {
        #[cfg(unix)]
        {
            use rustix::event::{PollFd, PollFlags, poll};
            let (stdout, stderr) = (io::stdout(), io::stderr());
            let polled = match self {
                Which::Output => PollFd::new(&stdout, PollFlags::OUT),
                Which::Error => PollFd::new(&stderr, PollFlags::OUT),
            };
            // What went wrong the next write tells.
            let _told_by_the_write = poll(&mut [polled], None);
        }
        #[cfg(not(unix))]
        thread::sleep(Duration::from_millis(10));
    }
}

fn lines<'a>(text: impl Iterator<Item = &'a u8>) -> u64 {
    text.filter(|byte| **byte == b'\n').count() as u64
}
