//! Sockets for DNS over UDP and TCP, and the loop between them, the translator and multicast DNS.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mdns_dns::{Client, Stats, Translator, Transport};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket, tcp::OwnedReadHalf},
    sync::{
        Semaphore,
        mpsc::{Receiver, Sender, channel},
    },
    time::{sleep_until, timeout},
};

use super::requests::{Change, Clock, Requests};
use crate::{
    output::Output,
    session::{Failure, Session},
};

/// How many messages may wait to be read. Where there are more, UDP loses them, as it may, and TCP waits.
const INPUTS: usize = 256;

/// The most connections at once. Those beyond are closed at once.
const CONNECTIONS: usize = 128;

/// How long a connection may say nothing (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(10);

/// The most queries of a connection that wait for their response; until then no more of them are read.
const PIPELINED: usize = 32;

/// The longest query over UDP that is read. A longer one is not a query that anybody has a use for.
const QUERY_MAX: usize = 4096;

/// What came in.
pub(super) enum Input {
    Message(Client, Vec<u8>),
    /// A connection can be answered by this.
    Opened(u64, Sender<Vec<u8>>),
    Closed(Client),
}

/// The sockets to answer by.
pub(super) struct Server {
    datagrams: Vec<Arc<UdpSocket>>,
    connections: HashMap<u64, Sender<Vec<u8>>>,
}

/// Listens on these addresses, over UDP and TCP.
pub(super) async fn open(
    addresses: &[SocketAddr],
    output: &Output,
) -> Result<(Receiver<Input>, Server), Failure> {
    let (sender, inputs) = channel(INPUTS);
    let mut server = Server {
        datagrams: Vec::new(),
        connections: HashMap::new(),
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let numbers = Arc::new(AtomicU64::new(0));
    for (number, &address) in (0u64..).zip(addresses) {
        let failure = |error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
                io::ErrorKind::PermissionDenied => format!(
                    "{error}; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
                ),
                _ => error.to_string(),
            };
            Failure::Network(format!("cannot listen on {address}: {why}"))
        };
        let socket = Arc::new(UdpSocket::bind(address).await.map_err(failure)?);
        let listener = TcpListener::bind(address).await.map_err(failure)?;
        server.datagrams.push(Arc::clone(&socket));
        tokio::spawn(read_datagrams(number, socket, sender.clone()));
        let accept = Accept {
            room: Arc::clone(&room),
            numbers: Arc::clone(&numbers),
            inputs: sender.clone(),
            output: *output,
        };
        tokio::spawn(accept.run(listener));
    }
    // Without an address there is nobody who could send, and the channel stays open.
    if addresses.is_empty() {
        tokio::spawn(async move { sender.closed().await });
    }
    Ok((inputs, server))
}

async fn read_datagrams(token: u64, socket: Arc<UdpSocket>, inputs: Sender<Input>) {
    let mut buffer = vec![0; QUERY_MAX];
    loop {
        // An error is about a datagram of ours that found nobody: the next one may come all the same.
        let Ok((len, address)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let client = Client {
            address,
            transport: Transport::Udp,
            token,
        };
        let message = buffer.get(..len).unwrap_or_default().to_vec();
        if inputs.send(Input::Message(client, message)).await.is_err() {
            return;
        }
    }
}

/// What takes connections.
struct Accept {
    room: Arc<Semaphore>,
    /// The next connection.
    numbers: Arc<AtomicU64>,
    inputs: Sender<Input>,
    output: Output,
}

impl Accept {
    async fn run(self, listener: TcpListener) {
        let mut has_said = false;
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // No descriptors, most likely: some are free again soon.
                    if !has_said {
                        self.output
                            .remark(&format!("a connection was not taken: {error}"));
                        has_said = true;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
                continue;
            };
            let client = Client {
                address,
                transport: Transport::Tcp,
                token: self.numbers.fetch_add(1, Ordering::Relaxed),
            };
            let inputs = self.inputs.clone();
            tokio::spawn(async move {
                converse(stream, client, &inputs).await;
                inputs.send(Input::Closed(client)).await.ok();
                drop(permit);
            });
        }
    }
}

/// Reads queries of a connection and writes responses, each behind its length (RFC 1035 §4.2.2), until the client closes it, says nothing
/// for a while, or does not read.
async fn converse(stream: TcpStream, client: Client, inputs: &Sender<Input>) {
    let (sender, mut responses) = channel::<Vec<u8>>(PIPELINED);
    let opened = Input::Opened(client.token, sender);
    if inputs.send(opened).await.is_err() {
        return;
    }
    let room = Arc::new(Semaphore::new(PIPELINED));
    let (reading, mut writing) = stream.into_split();
    let write = async {
        while let Some(response) = responses.recv().await {
            let Ok(len) = u16::try_from(response.len()) else {
                return;
            };
            let message = [&len.to_be_bytes()[..], &response].concat();
            if !matches!(timeout(IDLE, writing.write_all(&message)).await, Ok(Ok(()))) {
                return;
            }
            room.add_permits(1);
        }
    };
    tokio::select! {
        () = read_stream(reading, client, inputs, &room) => {}
        () = write => {}
    }
}

async fn read_stream(
    mut stream: OwnedReadHalf,
    client: Client,
    inputs: &Sender<Input>,
    room: &Semaphore,
) {
    loop {
        // A permit comes back with each response.
        match timeout(IDLE, room.acquire()).await {
            Ok(Ok(permit)) => permit.forget(),
            _ => return,
        }
        let message = async {
            let len = stream.read_u16().await?;
            let mut message = vec![0; len.into()];
            stream.read_exact(&mut message).await?;
            Ok::<_, io::Error>(message)
        };
        match timeout(IDLE, message).await {
            Ok(Ok(message)) => {
                if inputs.send(Input::Message(client, message)).await.is_err() {
                    return;
                }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // The client has said all that it wants to say, and reads on, until all is answered.
                room.add_permits(1);
                let all = u32::try_from(PIPELINED).unwrap_or(u32::MAX);
                timeout(IDLE, room.acquire_many(all)).await.ok();
                return;
            }
            _ => return,
        }
    }
}

impl Server {
    fn send(&mut self, client: Client, response: &[u8]) {
        match client.transport {
            Transport::Udp => {
                let number = usize::try_from(client.token).unwrap_or(usize::MAX);
                if let Some(socket) = self.datagrams.get(number) {
                    // What finds no room in the socket is lost, as any datagram may be.
                    socket.try_send_to(response, client.address).ok();
                }
            }
            Transport::Tcp => {
                if let Some(connection) = self.connections.get(&client.token) {
                    // A client has no more queries open than there is room for responses.
                    connection.try_send(response.to_vec()).ok();
                }
            }
        }
    }
}

/// Answers until told to stop; returns what was counted.
pub(super) async fn serve(
    mut translator: Translator,
    mut server: Server,
    mut inputs: Receiver<Input>,
    session: &mut Session,
) -> Stats {
    let clock = Clock::start();
    let mut requests = Requests::new(session.mdns.clone());
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        while let Some(transmit) = translator.poll_transmit(clock.now(), &mut buffer) {
            let response = buffer.get(..transmit.len).unwrap_or_default();
            server.send(transmit.client, response);
        }
        while let Some(id) = translator.poll_cancelled() {
            requests.end(id);
        }
        let mut has_failed = false;
        while let Some(request) = translator.poll_request() {
            if !requests.begin(&request) {
                translator.handle_failure(clock.now(), request.id);
                has_failed = true;
            }
        }
        if has_failed {
            continue;
        }
        let due = translator.poll_timeout().map(|due| clock.system(due));
        let timer = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = &mut session.stop => return translator.stats(),
            Some((id, change)) = requests.changes.recv() => {
                if !requests.is_open(id) {
                    continue;
                }
                match change {
                    Change::Answers(answers, is_complete) => {
                        let records = answers.iter().map(|answer| answer.rdata());
                        translator.handle_answers(clock.now(), id, records, is_complete);
                    }
                    Change::Failed => {
                        requests.end(id);
                        translator.handle_failure(clock.now(), id);
                    }
                }
            }
            () = timer => translator.handle_timeout(clock.now()),
            Some(input) = inputs.recv() => match input {
                Input::Message(client, message) => {
                    translator.handle_query(clock.now(), client, &message);
                }
                Input::Opened(token, sender) => {
                    server.connections.insert(token, sender);
                }
                Input::Closed(client) => {
                    server.connections.remove(&client.token);
                    translator.forget_client(client);
                }
            },
        }
    }
}
