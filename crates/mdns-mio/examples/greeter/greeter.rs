//! The server: its own sockets and those of mDNS in one poll.

use std::{
    collections::HashMap,
    error::Error,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    time::Duration,
};

use mdns_mio::{
    Announcement, BrowseEvent, BrowseNews, Instance, Mdns, Options,
    proto::{discovery::AskId, name::NameBuf},
};
use mio::{
    Events, Interest, Poll, Token,
    event::Event,
    net::{TcpListener, TcpStream},
};

const LISTENER: Token = Token(0);
const MDNS: Range<usize> = 1..100;
/// Connections have the tokens from here on.
const STREAMS: usize = 100;

/// The longest greeting that is read.
const GREETING_MAX: usize = 200;

pub(crate) struct Greeter {
    poll: Poll,
    events: Events,
    mdns: Mdns,
    browse: AskId,
    name: String,
    greeted: Vec<NameBuf>,
    listener: TcpListener,
    streams: HashMap<Token, Stream>,
    next_token: usize,
    /// What others said.
    pub(crate) heard: Vec<String>,
}

/// A connection, and what it is for.
enum Stream {
    /// We greet somebody, as soon as it stands.
    Out(TcpStream),
    /// Somebody greets us; what has come so far.
    In(TcpStream, Vec<u8>),
}

impl Greeter {
    pub(crate) fn new(options: Options, name: &str) -> Result<Self, Box<dyn Error>> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
        let port = listener.local_addr()?.port();
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;

        let mut mdns = Mdns::new(options)?;
        mdns.register(poll.registry(), MDNS)?;
        let greeting = "_greeting._tcp".parse()?;
        let browse = mdns.driver_mut().browse(&greeting)?;
        mdns.driver_mut()
            .advertise(&Announcement::new(name, greeting, port))?;
        Ok(Greeter {
            poll,
            events: Events::with_capacity(64),
            mdns,
            browse,
            name: name.to_owned(),
            greeted: Vec::new(),
            listener,
            streams: HashMap::new(),
            next_token: STREAMS,
            heard: Vec::new(),
        })
    }

    /// Waits for something to do, no longer than `limit`, and does it.
    pub(crate) fn turn(&mut self, limit: Duration) -> io::Result<()> {
        let timeout = self
            .mdns
            .timeout()
            .map_or(limit, |timeout| timeout.min(limit));
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            waited => waited?,
        }
        for event in &events {
            if event.token() == LISTENER {
                self.accept()?;
            } else if !self.mdns.handle_event(event) {
                self.go_on(event);
            }
        }
        self.events = events;
        self.mdns.handle_timeout();
        while let Some(news) = self.mdns.driver_mut().next::<BrowseNews>(self.browse) {
            match news {
                BrowseEvent::Found(peer) | BrowseEvent::Changed(peer) => self.greet(&peer)?,
                BrowseEvent::Gone(peer) => self.greeted.retain(|name| *name != peer.name),
                _ => {}
            }
        }
        Ok(())
    }

    /// Says goodbye.
    pub(crate) fn leave(mut self) -> io::Result<()> {
        self.mdns.driver_mut().shutdown();
        while !self.mdns.driver().has_ended() {
            self.turn(Duration::from_secs(1))?;
        }
        Ok(())
    }

    /// Connects to somebody whom we have not greeted yet, as soon as an address is known.
    fn greet(&mut self, peer: &Instance) -> io::Result<()> {
        let address = peer.socket_addrs().find(SocketAddr::is_ipv4);
        let Some(address) = address.filter(|_| !peer.is_own) else {
            return Ok(());
        };
        if !self.greeted.contains(&peer.name) {
            self.greeted.push(peer.name.clone());
            // What a stranger says of his address need not be true.
            if let Ok(stream) = TcpStream::connect(address) {
                self.add(Stream::Out(stream), Interest::WRITABLE)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            self.add(Stream::In(stream, Vec::new()), Interest::READABLE)?;
        }
        Ok(())
    }

    fn add(&mut self, mut stream: Stream, interest: Interest) -> io::Result<()> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let (Stream::Out(socket) | Stream::In(socket, _)) = &mut stream;
        self.poll.registry().register(socket, token, interest)?;
        self.streams.insert(token, stream);
        Ok(())
    }

    /// A connection has become ready. It is closed when it is done, or when something is wrong with it.
    fn go_on(&mut self, event: &Event) {
        match self.streams.get_mut(&event.token()) {
            Some(Stream::In(stream, greeting)) => match read(stream, greeting) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {}
                Ok(()) => self
                    .heard
                    .push(String::from_utf8_lossy(greeting).into_owned()),
            },
            Some(Stream::Out(stream)) => {
                // A greeting that is not taken at once is not worth another try.
                let _ = stream.write_all(format!("{} greets you", self.name).as_bytes());
            }
            None => {}
        }
        self.streams.remove(&event.token());
    }
}

/// Reads to the end.
fn read(stream: &mut TcpStream, greeting: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; GREETING_MAX];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        greeting.extend_from_slice(&buffer[..len]);
        if greeting.len() > GREETING_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}
