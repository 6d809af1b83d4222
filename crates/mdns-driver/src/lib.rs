//! What all adapters with std share: links and their sockets, the clock, the seed, and what subscribers are told.
//!
//! [`Driver`] is a machine around [`mdns_proto::host::Host`]: it opens and closes sockets as interfaces come and go, reads
//! and sends, and keeps for each subscriber the latest state of what it asked for. It waits for nothing: an event loop tells
//! it what has become [readable](Driver::read) or [writable](Driver::write) and when its [deadline](Driver::timeout)
//! has come.
//!
//! ```text
//!   handles: Mdns, Browse, Advertisement ..      on any executor; they lock the driver and call it
//!          │ commands        ▲ wakers
//!   ┌──────▼─────────────────┴──────┐
//!   │ Driver: Host<Heap>, links,    │◀── Run: one task, which waits for sockets and the timer
//!   │ sockets, clock, subscribers   │    on a Reactor, the only thing an adapter brings
//!   └───────────────────────────────┘
//! ```
//!
//! For the handles an adapter brings a [`Reactor`], and `Mdns<ItsReactor>` is its whole interface. A loop without async
//! drives [`Driver`] itself.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod backend;
mod clock;
#[cfg(all(unix, feature = "daemon"))]
mod daemon;
#[cfg(not(all(unix, feature = "daemon")))]
#[path = "no_daemon.rs"]
mod daemon;
mod driver;
mod error;
#[cfg(all(unix, feature = "daemon"))]
mod given;
mod handle;
mod kept;
mod links;
mod news;
mod options;
mod ours;
mod owned;
mod run;
mod subscribers;
mod survey;
mod waiting;

pub use mdns_proto as proto;
pub use mdns_socket as socket;

pub use self::{
    backend::{Backend, BackendInfo, UnknownBackend},
    clock::{Clock, SystemClock},
    driver::Driver,
    error::Error,
    handle::{Advertisement, Browse, Lookup, Mdns, Query, Resolve, Results},
    links::{LinkInfo, Socket, SourceId, UnusableLink},
    news::{
        BrowseEvent, BrowseNews, LookupEvent, LookupNews, News, QueryEvent, QueryNews,
        ResolveEvent, ResolveNews,
    },
    options::{Announcement, Options},
    ours::{AdvertisementEvent, OwnId},
    owned::{Address, Answer, HostAddresses, Instance},
    run::{Reactor, Run},
    subscribers::{Asks, Subscribers, Subscription},
};
