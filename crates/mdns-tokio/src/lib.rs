//! mDNS and DNS-SD (RFC 6762, RFC 6763) on tokio: handles and streams.
//!
//! ```no_run
//! use mdns_tokio::{Announcement, BrowseEvent, Mdns};
//!
//! #[tokio::main]
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
//! One [`Mdns`] is one task, which runs until the last handle is dropped. Everything else is in `mdns-driver`, which the
//! adapters share; this crate only waits for sockets and for time.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use mdns_driver::{Reactor, Run, Socket};
use tokio::{
    io::Interest,
    net::UdpSocket,
    runtime::Handle,
    time::{Instant, Sleep, sleep},
};

pub use mdns_driver::{
    Address, Advertisement, AdvertisementEvent, Announcement, Answer, Browse, BrowseEvent, Clock,
    Error, Instance, LinkInfo, Lookup, Options, Query, QueryEvent, Resolve, ResolveEvent, Results,
    Subscription, SystemClock, UnusableLink, proto, socket,
};

/// An mDNS host on the tokio runtime of the caller, whose drivers of IO and time must be enabled.
pub type Mdns = mdns_driver::Mdns<Tokio>;

/// How a driver waits on tokio.
#[derive(Debug)]
pub struct Tokio {
    timer: Pin<Box<Sleep>>,
}

impl Reactor for Tokio {
    type Source = UdpSocket;

    fn current() -> io::Result<Self> {
        Handle::try_current().map_err(io::Error::other)?;
        Ok(Tokio {
            timer: Box::pin(sleep(Duration::ZERO)),
        })
    }

    fn spawn(run: Run<Self>) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        runtime.spawn(run);
        Ok(())
    }

    fn register(&self, socket: &Socket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket.try_clone()?)
    }

    fn poll_read(
        source: &mut UdpSocket,
        context: &mut Context<'_>,
        mut read: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        loop {
            // It fails only when the runtime shuts down, and drops the task.
            let Ok(()) = ready!(source.poll_recv_ready(context)) else {
                return Poll::Pending;
            };
            if source.try_io(Interest::READABLE, &mut read).is_ok() {
                return Poll::Ready(());
            }
        }
    }

    fn poll_write(
        source: &mut UdpSocket,
        context: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        loop {
            let Ok(()) = ready!(source.poll_send_ready(context)) else {
                return Poll::Pending;
            };
            if source.try_io(Interest::WRITABLE, &mut write).is_ok() {
                return Poll::Ready(());
            }
        }
    }

    fn set_timer(&mut self, after: Duration) {
        self.timer.as_mut().reset(Instant::now() + after);
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(context)
    }
}

/// What the README shows works as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
