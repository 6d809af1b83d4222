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
//! The protocol reads the clocks of the system, not tokio's: while tokio's time is paused, sockets work and
//! time for the protocol goes on, but a timer of tokio never comes by itself, and with auto-advance comes at once. A test that pauses
//! time gives the host tokio's clock with [`Mdns::with_clock`](mdns_driver::Mdns::with_clock), as `examples/paused_time.rs` does.
//!
//! One [`Mdns`] is one task, which runs until the last handle is dropped. Everything else is in `mdns-driver`, which the
//! adapters share; this crate only waits for sockets and for time.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::{
    future::Future,
    io,
    net::Ipv4Addr,
    panic::{AssertUnwindSafe, catch_unwind},
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
    Address, Advertisement, AdvertisementEvent, Announcement, Answer, Backend, BackendInfo, Browse,
    BrowseEvent, Clock, Error, HostAddresses, Instance, LinkInfo, Lookup, LookupEvent, Options,
    Query, QueryEvent, Resolve, ResolveEvent, Results, Subscription, SystemClock, UnusableLink,
    proto, socket,
};

/// An mDNS host on the tokio runtime of the caller, whose drivers of IO and time must be enabled: where one is not,
/// [`new`](mdns_driver::Mdns::new) returns [`Error::Runtime`]. (Tokio reports this by a panic, which is caught; a panic hook sees it,
/// and where panics abort it ends the program.)
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
        let timer = enabled(|| Box::pin(sleep(Duration::ZERO)))?;
        // Any socket will do, and if the system gives none, those that matter will be refused with a reason.
        if let Ok(socket) = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            socket.set_nonblocking(true)?;
            enabled(|| UdpSocket::from_std(socket))??;
        }
        Ok(Tokio { timer })
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
        let now = Instant::now();
        let at = now.checked_add(after).unwrap_or(now + FAR);
        self.timer.as_mut().reset(at);
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(context)
    }
}

/// Longer than anything waits, where a clock cannot count as far as was asked.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Uses a driver of the runtime, which has it or not. Tokio tells by a panic and in no other way; its message, also printed by
/// the panic hook, says what to enable.
fn enabled<T>(use_it: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(use_it)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        io::Error::other(text.unwrap_or_else(|| "the runtime has no IO or no timers".to_owned()))
    })
}

/// What the README shows works as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
