//! DNS-SD (RFC 6763) over unicast DNS: browse, resolve and publish in any domain.
//!
//! Multicast DNS knows what is on the link. Beyond it, the same records are in ordinary DNS: a [`Client`] asks the servers of
//! `/etc/resolv.conf`, and a [`Publisher`] writes them by DNS Update.
//!
//! ```no_run
//! use dnssd_unicast::{BrowseEvent, Client, ResolvConf};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ResolvConf::system()?);
//! let mut browse = client.browse("_ipp._tcp.example.com".parse()?);
//! loop {
//!     if let BrowseEvent::Found(name) = browse.next().await {
//!         println!("{name}: {:?}", client.resolve(&name).await?);
//!     }
//! }
//! # }
//! ```
//!
//! Nothing that a server adds of its own accord is believed: of a response, only the records of the name that was asked for count, and of
//! the aliases that lead on from it. Nothing is shared with the cache of multicast DNS.
#![forbid(unsafe_code)]

mod client;
mod discovery;
mod domains;
mod key;
mod message;
mod resolv_conf;
mod transport;
mod tsig;
mod update;

pub use self::{
    client::{Client, QueryError, Reply},
    discovery::{Browse, BrowseEvent, Instance},
    domains::{DomainKind, domain_name, reverse_domains},
    key::{Algorithm, Key, KeyError},
    resolv_conf::ResolvConf,
    transport::{Sockets, Transport},
    update::{Publication, PublishError, Publisher},
};
