//! The connection to the system bus: a thread that reads, one that writes, and both again when the bus was restarted.

use std::{
    future::poll_fn,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use futures_core::Stream as _;
use zbus::{Connection, Message, MessageStream, connection};

/// How long to wait before the bus is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How many messages wait to be handled before the bus has to wait.
const QUEUE: usize = 1024;

/// What comes from the bus.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// There is a connection.
    Connected,
    /// There is none, or none any more, and why.
    Disconnected(String),
    /// A reply or a signal.
    Message(Message),
}

/// A connection to the system bus that is made again when it is lost.
#[derive(Debug)]
pub(crate) struct Bus {
    incoming: Receiver<Incoming>,
    outgoing: Option<SyncSender<Message>>,
    wake: UnixStream,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Of the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Connection>,
    has_ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits before the next try. `false` if there is to be none.
    fn wait(&self) -> bool {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, RETRY, |state| !state.has_ended);
        !waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }
}

impl Bus {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread or no descriptor left.
    pub(crate) fn open() -> io::Result<Bus> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let (incoming_sender, incoming) = sync_channel(QUEUE);
        let (outgoing, outgoing_receiver) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let inbox = Inbox {
            queue: incoming_sender,
            waker,
        };
        let of_reader = Arc::clone(&shared);
        thread::Builder::new()
            .name("mdns-bus-in".into())
            .spawn(move || read(&of_reader, &inbox))?;
        let of_writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("mdns-bus-out".into())
            .spawn(move || write(&of_writer, &outgoing_receiver))?;
        Ok(Bus {
            incoming,
            outgoing: Some(outgoing),
            wake,
            shared,
        })
    }

    /// The descriptor that becomes readable when there is something.
    pub(crate) fn descriptor(&self) -> &UnixStream {
        &self.wake
    }

    /// Sends a call. `false` if it cannot be taken now.
    pub(crate) fn send(&self, call: Message) -> bool {
        let outgoing = self.outgoing.as_ref();
        outgoing.is_some_and(|outgoing| outgoing.try_send(call).is_ok())
    }

    /// The next thing that has come.
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        self.try_next().or_else(|| {
            // Whatever comes after this makes the descriptor readable again.
            let mut bytes = [0; 256];
            while matches!((&self.wake).read(&mut bytes), Ok(1..)) {}
            self.try_next()
        })
    }

    fn try_next(&mut self) -> Option<Incoming> {
        self.incoming.try_recv().ok()
    }

    /// Waits for the next thing.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<Incoming> {
        self.incoming.recv_timeout(timeout).ok()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
        // The writer sends what it has been given, and closes the connection; that ends the reader.
        self.outgoing = None;
    }
}

/// Where the reader puts what comes.
struct Inbox {
    queue: SyncSender<Incoming>,
    waker: UnixStream,
}

impl Inbox {
    /// `false` if nobody wants it any more.
    fn put(&self, incoming: Incoming) -> bool {
        let is_taken = self.queue.send(incoming).is_ok();
        // If there is no room for a byte, there are enough.
        let _ = (&self.waker).write(&[0]);
        is_taken
    }
}

fn read(shared: &Shared, inbox: &Inbox) {
    loop {
        let lost = match zbus::block_on(connection::Builder::system().build()) {
            Err(error) => error.to_string(),
            Ok(connection) => {
                let stream = MessageStream::from(&connection);
                {
                    let mut state = shared.lock();
                    if state.has_ended {
                        return;
                    }
                    state.connection = Some(connection);
                }
                if !inbox.put(Incoming::Connected) {
                    return;
                }
                let lost = zbus::block_on(forward(stream, inbox));
                shared.lock().connection = None;
                lost
            }
        };
        if !inbox.put(Incoming::Disconnected(lost)) || !shared.wait() {
            return;
        }
    }
}

/// Forwards messages until the connection is lost; says why it was.
async fn forward(mut stream: MessageStream, inbox: &Inbox) -> String {
    loop {
        match poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
            Some(Ok(message)) => {
                if !inbox.put(Incoming::Message(message)) {
                    return String::new();
                }
            }
            Some(Err(error)) => return error.to_string(),
            None => return "the bus closed the connection".into(),
        }
    }
}

fn write(shared: &Shared, outgoing: &Receiver<Message>) {
    while let Ok(call) = outgoing.recv() {
        let connection = shared.lock().connection.clone();
        if let Some(connection) = connection {
            // The reader notices what is wrong with the connection.
            let _ = zbus::block_on(connection.send(&call));
        }
    }
    let connection = shared.lock().connection.take();
    if let Some(connection) = connection {
        let _ = zbus::block_on(connection.close());
    }
}
