//! The one task that waits, and what it needs of an event loop.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mdns_proto::time::Instant;

use crate::{Driver, Socket, SourceId, handle::Shared};

/// How many datagrams of a socket, and how many rounds, before others have their turn.
const TURNS: usize = 64;

/// What an adapter brings: how its event loop waits for sockets and for time.
pub trait Reactor: Sized + Send + Unpin + 'static {
    /// A socket that is registered in the event loop until it is dropped.
    type Source: Send + Unpin;

    /// The event loop of the caller.
    ///
    /// # Errors
    /// There is none.
    fn current() -> io::Result<Self>;

    /// Runs the task to its end, beside the caller.
    ///
    /// # Errors
    /// There is nothing to run it.
    fn spawn(run: Run<Self>) -> io::Result<()>;

    /// Registers a socket.
    ///
    /// # Errors
    /// The event loop does not take it.
    fn register(&self, socket: &Socket) -> io::Result<Self::Source>;

    /// Reads once if there is something to read.
    ///
    /// `Ready` when `read` has read; `Pending` when it has not, which it says by `WouldBlock`; the task is woken when the socket
    /// is readable again.
    fn poll_read(
        source: &mut Self::Source,
        context: &mut Context<'_>,
        read: impl FnMut() -> io::Result<()>,
    ) -> Poll<()>;

    /// Writes once if there is room; as [`poll_read`](Self::poll_read).
    fn poll_write(
        source: &mut Self::Source,
        context: &mut Context<'_>,
        write: impl FnMut() -> io::Result<()>,
    ) -> Poll<()>;

    /// Sets the one timer.
    fn set_timer(&mut self, after: Duration);

    /// `Ready` when the time has come. Called only after the timer was set.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// The task that waits for sockets and for time, and drives. It ends when the driver has, and ends the driver when it is
/// dropped before.
pub struct Run<R: Reactor> {
    shared: Arc<Shared>,
    /// What the reactor wakes.
    waker: Waker,
    reactor: R,
    /// What is registered, in the order of the numbers.
    sources: Vec<(SourceId, R::Source)>,
    /// What the timer is set to.
    armed: Option<Instant>,
}

impl<R: Reactor> Run<R> {
    pub(crate) fn new(shared: Arc<Shared>, reactor: R) -> Self {
        Run {
            waker: shared.task().waker(),
            shared,
            reactor,
            sources: Vec::new(),
            armed: None,
        }
    }

    /// Looks at the interfaces, if it is time.
    fn look(&self) {
        if let Some(look) = self.shared.turn(Driver::begin_look) {
            let survey = look.survey();
            let done = self.shared.turn(|driver| driver.handle_survey(survey));
            drop(done);
        }
    }

    /// Registers new sockets and lets go of those that have been closed.
    fn register(&mut self) {
        let newest = self.sources.last().map(|(id, _)| *id);
        let (open, new) = self.shared.turn(|driver| {
            let open: Vec<_> = driver.sources().map(|(id, _)| id).collect();
            let new = driver.sources().filter(|(id, _)| Some(*id) > newest);
            let new: Vec<_> = new.map(|(id, socket)| (id, Arc::clone(socket))).collect();
            (open, new)
        });
        self.sources
            .retain(|(id, _)| open.binary_search(id).is_ok());
        for (id, socket) in new {
            match self.reactor.register(&socket) {
                Ok(source) => self.sources.push((id, source)),
                Err(error) => self.shared.turn(|driver| driver.refuse(id, &error)),
            }
        }
    }

    /// Does what there is to do. The driver is locked for each step alone: what the reactor does may be anything.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        for _ in 0..TURNS {
            self.look();
            self.register();
            let mut is_cut = false;
            for (id, source) in &mut self.sources {
                let id = *id;
                let mut read = || shared.turn(|driver| driver.read(id));
                is_cut |= (0..TURNS).all(|_| R::poll_read(source, context, &mut read).is_ready());
                let wants_write = || shared.turn(|driver| driver.wants_write(id));
                if wants_write() {
                    let write = || shared.turn(|driver| driver.write(id));
                    // What was written made room for more; the next turn finds it.
                    is_cut |= R::poll_write(source, context, write).is_ready() && wants_write();
                }
            }
            let (is_due, has_ended) = shared.turn(|driver| {
                let is_due = driver.timeout() == Some(Duration::ZERO);
                if is_due {
                    driver.handle_timeout();
                }
                (is_due, driver.has_ended())
            });
            if has_ended {
                return Poll::Ready(());
            }
            // In a flood one round is a turn, whatever else is due: others may have waited long for it.
            if is_cut {
                break;
            }
            if is_due {
                continue;
            }
            match shared.turn(|driver| (driver.deadline(), driver.timeout())) {
                (None, _) => return Poll::Pending,
                (due, _) if due == self.armed => {}
                (due, timeout) => {
                    self.armed = due;
                    self.reactor.set_timer(timeout.unwrap_or_default());
                }
            }
            if self.reactor.poll_timer(context).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
        }
        // Others have their turn, then it goes on.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: Reactor> Future for Run<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let run = self.get_mut();
        run.shared.task().set(context.waker());
        let waker = run.waker.clone();
        let turned = run.turn(&mut Context::from_waker(&waker));
        run.shared.release();
        turned
    }
}

impl<R: Reactor> Drop for Run<R> {
    fn drop(&mut self) {
        self.shared.with(Driver::abandon);
    }
}

impl<R: Reactor> fmt::Debug for Run<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}
