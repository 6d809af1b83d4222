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

    /// Registers new sockets and lets go of those that have been closed.
    fn register(&mut self, driver: &mut Driver) {
        self.sources
            .retain(|(id, _)| driver.sources().any(|(other, _)| other == *id));
        let newest = self.sources.last().map(|(id, _)| *id);
        let new: Vec<_> = driver
            .sources()
            .filter(|(id, _)| Some(*id) > newest)
            .map(|(id, s)| (id, Arc::clone(s)))
            .collect();
        for (id, socket) in new {
            match self.reactor.register(&socket) {
                Ok(source) => self.sources.push((id, source)),
                Err(error) => driver.refuse(id, &error),
            }
        }
    }

    fn turn(&mut self, driver: &mut Driver, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            self.register(driver);
            let mut is_cut = false;
            for (id, source) in &mut self.sources {
                let id = *id;
                is_cut |= (0..TURNS)
                    .all(|_| R::poll_read(source, context, || driver.read(id)).is_ready());
                if driver.wants_write(id) {
                    // What was written made room for more; the next turn finds it.
                    is_cut |= R::poll_write(source, context, || driver.write(id)).is_ready()
                        && driver.wants_write(id);
                }
            }
            let is_due = driver.timeout() == Some(Duration::ZERO);
            if is_due {
                driver.handle_timeout();
            }
            if driver.has_ended() {
                return Poll::Ready(());
            }
            // In a flood one round is a turn, whatever else is due: others may have waited long for it.
            if is_cut {
                break;
            }
            if is_due {
                continue;
            }
            match driver.deadline() {
                None => return Poll::Pending,
                due if due == self.armed => {}
                due => {
                    self.armed = due;
                    self.reactor.set_timer(driver.timeout().unwrap_or_default());
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
        let shared = Arc::clone(&run.shared);
        shared.task().set(context.waker());
        let waker = run.waker.clone();
        shared.with(|driver| run.turn(driver, &mut Context::from_waker(&waker)))
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
