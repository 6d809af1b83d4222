//! What mDNS needs of the operating system: interfaces and their changes, and sockets on port 5353.
//!
//! Nothing of the protocol is here. A *link* is one interface and one IP family (RFC 6762 §20), and
//! has one [`LinkSocket`] that sends and receives everything of it; so a datagram's link is known
//! by its socket.
//!
//! ```no_run
//! use mdns_socket::{LinkSocket, Selection, UnicastSocket, Watcher, interfaces};
//!
//! let watcher = Watcher::new()?; // before the first look, so that no change is missed
//! let unicast = UnicastSocket::open(mdns_socket::Family::V4)?; // before the first link
//! let selection = Selection::usual();
//! let now = interfaces()?;
//! for (interface, family) in selection.links(&now) {
//!     let link = LinkSocket::open(interface, family)?;
//!     link.send_to(b"a query", link.group())?;
//! }
//! watcher.wait(None)?; // then look again, and open and close what `changes` says
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All sockets are non-blocking. On Unix each is a descriptor ([`AsFd`](std::os::fd::AsFd)) for any
//! event loop; everywhere [`LinkSocket::into_std`] gives the plain socket for a reactor, and
//! [`receive`] reads from whatever wraps it.
//!
//! # Systems
//!
//! | | bound to | unicast socket | [`Received`] tells |
//! |---|---|---|---|
//! | Linux | the group, and to the device (5.7 and later) | yes | interface, destination, hop limit |
//! | macOS, iOS, FreeBSD, NetBSD, OpenBSD | the group | yes | interface, destination; FreeBSD: hop limit |
//! | Windows, illumos | Windows: the wildcard address; illumos: the group | no | nothing |
//!
//! Linux is tested, the others are not.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod group;
mod holder;
mod host;
mod interface;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod proc;
mod receive;
mod selection;
mod socket;
mod trial;
mod watcher;

pub use error::{OpenError, Reason};
pub use group::{Membership, memberships};
pub use holder::{Holder, is_beside_stack, port_holders};
pub use host::{host_name, is_root, machine_id};
pub use interface::{Address, Change, Interface, changes, interfaces};
pub use mdns_proto::link::{Family, GROUP_V4, GROUP_V6, PORT};
pub use receive::{Received, receive};
pub use selection::{PatternError, Selection, Unused};
pub use socket::{LinkSocket, OneShotSocket, UnicastSocket};
pub use trial::{Trial, try_links};
pub use watcher::Watcher;
