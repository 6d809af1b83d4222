//! mDNS and DNS-SD (RFC 6762, RFC 6763) in the [`mio::Poll`] of the caller, beside its own sources: no thread, no waiting, no
//! queue.
//!
//! ```no_run
//! use mdns_mio::{Announcement, BrowseNews, Mdns, Options};
//! use mio::{Events, Poll, Token};
//!
//! const SERVER: Token = Token(0); // the caller's own sources
//! let mut poll = Poll::new()?;
//! let mut mdns = Mdns::new(Options::default())?;
//! mdns.register(poll.registry(), 1..100)?;
//!
//! let http = "_http._tcp".parse()?;
//! mdns.driver_mut().advertise(&Announcement::new("Front Desk", http, 8080))?;
//! let browse = mdns.driver_mut().browse(&"_http._tcp".parse()?)?;
//!
//! let mut events = Events::with_capacity(64);
//! loop {
//!     poll.poll(&mut events, mdns.timeout())?;
//!     for event in &events {
//!         if !mdns.handle_event(event) {
//!             // One of the caller's.
//!         }
//!     }
//!     mdns.handle_timeout();
//!     while let Some(event) = mdns.driver_mut().next::<BrowseNews>(browse) {
//!         println!("{event:?}");
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The commands, and the news that come of them, are those of [`Driver`]. Give them at any time; ask for the
//! [`timeout`](Mdns::timeout) afterwards.
//!
//! To take leave, call [`Driver::shutdown`], and go on with the loop until [`Driver::has_ended`], a second later at most.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::{io, ops::Range, time::Duration};

use mio::{Interest, Registry, Token, event, net::UdpSocket};

pub use mdns_driver::{
    Address, AdvertisementEvent, Announcement, Answer, Backend, BackendInfo, BrowseEvent,
    BrowseNews, Clock, Driver, Error, HostAddresses, Instance, LinkInfo, LookupEvent, LookupNews,
    Options, OwnId, QueryEvent, QueryNews, ResolveEvent, ResolveNews, SystemClock, UnusableLink,
    proto, socket,
};
use mdns_driver::{Socket, SourceId};

/// How many datagrams of a socket are read before the caller's own sources have their turn.
const TURN: usize = 64;

/// The longest wait that a poll is given: mio counts milliseconds, and longer ones than some weeks wrongly.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// An mDNS host whose sockets are in the caller's `mio::Poll`.
#[derive(Debug)]
pub struct Mdns {
    driver: Driver,
    registered: Option<Registered>,
}

/// Where the sockets are registered.
#[derive(Debug)]
struct Registered {
    registry: Registry,
    tokens: Range<usize>,
    /// In the order of their numbers.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    id: SourceId,
    token: Token,
    socket: UdpSocket,
    /// It was readable, and has not said since that there is no more: mio tells of changes alone.
    is_readable: bool,
}

impl Mdns {
    /// A host whose sockets are open when this returns. Without a network it waits for one.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(options: Options) -> Result<Self, Error> {
        Driver::open(options).map(Mdns::from)
    }

    /// Registers the sockets. One token is taken for each, and given back when the socket is closed, which happens as
    /// interfaces come and go: have room for four an interface, and three more.
    ///
    /// # Errors
    /// It is registered already, or the registry cannot be shared. A socket that finds no token, or that the system cannot wait
    /// for, is no error: its link is closed and tried again every few seconds.
    pub fn register(&mut self, registry: &Registry, tokens: Range<usize>) -> io::Result<()> {
        if self.registered.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.registered = Some(Registered {
            registry: registry.try_clone()?,
            tokens,
            sources: Vec::new(),
        });
        self.follow();
        Ok(())
    }

    /// Takes the sockets out of the registry. They stay open.
    pub fn deregister(&mut self) {
        if let Some(Registered {
            registry, sources, ..
        }) = &mut self.registered
        {
            sources.iter_mut().for_each(|source| source.leave(registry));
        }
        self.registered = None;
    }

    /// Reads and sends what an event is about. Returns false if it is not one of ours.
    pub fn handle_event(&mut self, event: &event::Event) -> bool {
        let Some(registered) = &mut self.registered else {
            return false;
        };
        if !registered.tokens.contains(&event.token().0) {
            return false;
        }
        let mut sources = registered.sources.iter_mut();
        if let Some(source) = sources.find(|source| source.token == event.token()) {
            // An error of a socket is told to who reads from it.
            if event.is_readable() || event.is_error() {
                source.read(&mut self.driver);
            }
            if event.is_writable() {
                source.write(&mut self.driver);
            }
            self.follow();
        }
        true
    }

    /// How long the poll may wait before [`handle_timeout`](Self::handle_timeout) is to be called; `None` for as long as it likes.
    pub fn timeout(&mut self) -> Option<Duration> {
        // A command may have opened a socket.
        self.follow();
        let registered = self.registered.iter();
        if registered
            .flat_map(|all| &all.sources)
            .any(|source| source.is_readable)
        {
            return Some(Duration::ZERO);
        }
        self.driver.timeout().map(|wait| wait.min(LONGEST))
    }

    /// Goes on with what time alone moves, and with what was left of a flood. It does no harm to call it early.
    pub fn handle_timeout(&mut self) {
        for source in self.registered.iter_mut().flat_map(|all| &mut all.sources) {
            if source.is_readable {
                source.read(&mut self.driver);
            }
        }
        self.driver.handle_timeout();
        self.follow();
    }

    /// What is known, and what is open.
    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Commands and news. What an event loop does is done here; leave it alone.
    pub fn driver_mut(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// Registers new sockets and lets go of those that have been closed.
    fn follow(&mut self) {
        let Mdns {
            driver,
            registered: Some(registered),
        } = self
        else {
            return;
        };
        let Registered {
            registry,
            tokens,
            sources,
        } = registered;
        sources.retain_mut(|source| {
            let is_open = driver.sources().any(|(id, _)| id == source.id);
            if !is_open {
                source.leave(registry);
            }
            is_open
        });
        let newest = sources.last().map(|source| source.id);
        let mut refused = Vec::new();
        for (id, socket) in driver.sources().filter(|(id, _)| Some(*id) > newest) {
            let is_free = |token: &usize| !sources.iter().any(|source| source.token.0 == *token);
            let token = tokens.clone().find(is_free).map(Token);
            match Source::register(registry, token, id, socket) {
                Ok(source) => sources.push(source),
                Err(error) => refused.push((id, error)),
            }
        }
        for (id, error) in refused {
            driver.refuse(id, &error);
        }
    }
}

/// For a driver on another clock.
impl From<Driver> for Mdns {
    fn from(driver: Driver) -> Self {
        let registered = None;
        Mdns { driver, registered }
    }
}

impl Drop for Mdns {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl Source {
    fn register(
        registry: &Registry,
        token: Option<Token>,
        id: SourceId,
        socket: &Socket,
    ) -> io::Result<Self> {
        let token = token.ok_or_else(|| io::Error::other("there are not enough tokens"))?;
        let mut socket = UdpSocket::from_std(socket.try_clone()?);
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Source {
            id,
            token,
            socket,
            is_readable: true,
        })
    }

    fn read(&mut self, driver: &mut Driver) {
        self.is_readable = (0..TURN).all(|_| self.socket.try_io(|| driver.read(self.id)).is_ok());
    }

    /// What is sent makes room for nothing but more of the same.
    fn write(&mut self, driver: &mut Driver) {
        while driver.wants_write(self.id) && self.socket.try_io(|| driver.write(self.id)).is_ok() {}
    }

    fn leave(&mut self, registry: &Registry) {
        // It fails only for what is not there.
        drop(registry.deregister(&mut self.socket));
    }
}
