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
mod holder;
mod host;
mod interface;
mod receive;
mod selection;
mod socket;
mod watcher;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use error::{OpenError, Reason};
pub use holder::{Holder, port_holders};
pub use host::host_name;
pub use interface::{Address, Change, Interface, changes, interfaces};
pub use receive::{Received, receive};
pub use selection::{PatternError, Selection, Unused};
pub use socket::{LinkSocket, UnicastSocket};
pub use watcher::Watcher;

/// The UDP port of mDNS, to send from and to (RFC 6762 §22).
pub const PORT: u16 = 5353;

/// The IPv4 group of mDNS (RFC 6762 §22).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// The IPv6 group of mDNS, of link-local scope (RFC 6762 §22).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// One of the two IP families; with an interface it makes a link (RFC 6762 §20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, in the order in which they are tried.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The mDNS group of this family.
    pub fn group(self) -> IpAddr {
        match self {
            Family::V4 => GROUP_V4.into(),
            Family::V6 => GROUP_V6.into(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}
