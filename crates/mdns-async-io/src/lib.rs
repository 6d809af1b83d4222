//! mDNS and DNS-SD (RFC 6762, RFC 6763) on async-io, the reactor of smol and async-std: handles and streams.
//!
//! ```no_run
//! use mdns_async_io::{Announcement, BrowseEvent, Mdns};
//!
//! #[async_std::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mdns = Mdns::new()?;
//!     let mut desk = mdns.advertise(&Announcement::new("Front Desk", "_http._tcp".parse()?, 8080))?;
//!     println!("known as {:?}", desk.registered().await);
//!
//!     let mut browse = mdns.browse(&"_http._tcp".parse()?)?;
//!     while let Some(event) = browse.next().await {
//!         match event {
//!             BrowseEvent::Found(instance) | BrowseEvent::Changed(instance) => {
//!                 println!("{} at {:?}", instance.name, instance.socket_addrs().collect::<Vec<_>>());
//!             }
//!             BrowseEvent::Gone(instance) => println!("{} is gone", instance.name),
//!             _ => {}
//!         }
//!     }
//!     mdns.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! Goodbyes take up to a second, and a program that ends does not wait for them: await [`shutdown`](Mdns::shutdown) first.
//!
//! The handles work on any executor. What waits for the sockets is one task; [`Mdns::new`] and [`Mdns::with`] run it on a
//! thread named `mdns`, since async-io brings no executor. To run it on your own, take it from [`Mdns::unspawned`]:
//!
//! ```no_run
//! use mdns_async_io::{Mdns, Options, SystemClock};
//!
//! let (mdns, run) = Mdns::unspawned(Options::default(), Box::new(SystemClock::new()))?;
//! smol::spawn(run).detach();
//! # Ok::<(), mdns_async_io::Error>(())
//! ```
//!
//! Everything else is in `mdns-driver`, which the adapters share; this crate only waits for sockets and for time.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::{
    future::Future,
    io,
    net::UdpSocket,
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use async_io::{Async, Timer, block_on};
use mdns_driver::{Reactor, Socket};

pub use mdns_driver::{
    Address, Advertisement, AdvertisementEvent, Announcement, Answer, Backend, BackendInfo, Browse,
    BrowseEvent, Clock, Error, HostAddresses, Instance, LinkInfo, Lookup, LookupEvent, Options,
    Query, QueryEvent, Resolve, ResolveEvent, Results, SystemClock, UnusableLink, proto, socket,
};

/// An mDNS host on async-io.
pub type Mdns = mdns_driver::Mdns<AsyncIo>;

/// The task behind an [`Mdns`]: a future that ends when all is over.
pub type Run = mdns_driver::Run<AsyncIo>;

/// How a driver waits on async-io.
#[derive(Debug)]
pub struct AsyncIo {
    timer: Timer,
}

/// A socket in the reactor, and for what it need not be asked: it says so itself with `WouldBlock`.
#[derive(Debug)]
pub struct Source {
    socket: Async<UdpSocket>,
    is_readable: bool,
    is_writable: bool,
}

impl Reactor for AsyncIo {
    type Source = Source;

    fn current() -> io::Result<Self> {
        let timer = Timer::never();
        Ok(AsyncIo { timer })
    }

    fn spawn(run: Run) -> io::Result<()> {
        let thread = thread::Builder::new().name("mdns".to_owned());
        thread.spawn(|| block_on(run)).map(drop)
    }

    fn register(&self, socket: &Socket) -> io::Result<Source> {
        Ok(Source {
            socket: Async::new_nonblocking(socket.try_clone()?)?,
            is_readable: true,
            is_writable: true,
        })
    }

    fn poll_read(
        source: &mut Source,
        context: &mut Context<'_>,
        read: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        let Source {
            socket,
            is_readable,
            ..
        } = source;
        poll(is_readable, || socket.poll_readable(context), read)
    }

    fn poll_write(
        source: &mut Source,
        context: &mut Context<'_>,
        write: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        let Source {
            socket,
            is_writable,
            ..
        } = source;
        poll(is_writable, || socket.poll_writable(context), write)
    }

    fn set_timer(&mut self, after: Duration) {
        self.timer.set_after(after);
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(context).map(drop)
    }
}

/// Does something once, when the socket is ready for it.
fn poll(
    is_ready: &mut bool,
    mut poll_ready: impl FnMut() -> Poll<io::Result<()>>,
    mut act: impl FnMut() -> io::Result<()>,
) -> Poll<()> {
    loop {
        if !*is_ready {
            // It fails where the system has no memory for the wait; then the next thing that wakes the task tries again.
            let Ok(()) = ready!(poll_ready()) else {
                return Poll::Pending;
            };
        }
        *is_ready = act().is_ok();
        if *is_ready {
            return Poll::Ready(());
        }
    }
}
