//! mDNS and DNS-SD (RFC 6762, RFC 6763) on a board whose network is smoltcp: `no_std`, no allocator, no interrupt, no task.
//!
//! An [`Mdns`] is a [`Host`] with one UDP socket in the caller's `SocketSet`. It joins the groups when there are addresses to
//! join from, tells the host of addresses and cables, brings it what was received, and has it write only what can be sent.
//!
//! ```
//! use mdns_smoltcp::{CONFIG, Mdns, at, proto};
//! use proto::{link::Family, name::ServiceType, own::Service};
//! use smoltcp::{
//!     iface::{Config, Interface, SocketSet, SocketStorage},
//!     phy::{Loopback, Medium},
//!     socket::udp,
//!     time::{Duration, Instant},
//!     wire::{EthernetAddress, IpAddress, IpCidr},
//! };
//!
//! // Memory: what the protocol keeps, and packets on their way.
//! proto::fixed! {
//!     struct Board {
//!         links: 1, hosts: 1, addresses: 2, services: 1, subtypes: 0, own_text: 512, askers: 4,
//!         asks: 1, told: 4, ask_text: 256, heard: 16, heard_text: 768,
//!     }
//! }
//! let mut mdns = Mdns::<Board>::new(CONFIG);
//! let (mut received, mut sent, mut packet) = ([0; 1472], [0; 1472], [0; 1472]);
//! let (mut received_meta, mut sent_meta) = ([udp::PacketMetadata::EMPTY; 2], [udp::PacketMetadata::EMPTY; 1]);
//! let mut storage = [SocketStorage::EMPTY; 1];
//!
//! // The network of the board, as for any other use of smoltcp.
//! let mut device = Loopback::new(Medium::Ethernet);
//! let mut now = Instant::ZERO;
//! let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
//! let mut interface = Interface::new(Config::new(address.into()), &mut device, now);
//! interface.update_ip_addrs(|addresses| {
//!     addresses.push(IpCidr::new(IpAddress::v4(192, 0, 2, 1), 24)).ok();
//! });
//! let mut sockets = SocketSet::new(&mut storage[..]);
//!
//! // A socket for mDNS, and a seed that no other board has.
//! let socket = udp::Socket::new(
//!     udp::PacketBuffer::new(&mut received_meta[..], &mut received[..]),
//!     udp::PacketBuffer::new(&mut sent_meta[..], &mut sent[..]),
//! );
//! mdns.start(now, 0x5eed, &[Family::V4], &device, &mut sockets, socket)?;
//! mdns.link_up(now);
//!
//! // What is wanted of it.
//! mdns.add_host(at(now), "board")?;
//! let http: ServiceType = "_http._tcp".parse()?;
//! mdns.register(at(now), &Service::new("Front Desk", &http, 80))?;
//!
//! // The loop of the board.
//! let mut registered = false;
//! while !registered && now < Instant::from_secs(3) {
//!     mdns.poll(now, &mut interface, &mut device, &mut sockets, &mut packet);
//!     while let Some(event) = mdns.poll_event() {
//!         registered |= matches!(event, proto::host::Event::Registered { .. });
//!     }
//!     now += Duration::from_millis(1); // in earnest: sleep until `poll_at`, or until a frame comes
//! }
//! assert!(registered);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the board has to do itself
//!
//! * **Let the groups through its MAC filter.** smoltcp does not tell a device what to receive. [`GROUP_MAC_V4`] and
//!   [`GROUP_MAC_V6`], and for IPv6 the solicited-node groups of its addresses, or all group addresses.
//! * **Say when the cable is in**: [`link_up`](Mdns::link_up) and [`link_down`](Mdns::link_down). Nothing is sent before the first.
//!   Addresses, from DHCP or by hand, are read from the interface at each [`poll`](Mdns::poll).
//! * **Leave the polling to it**: [`poll`](Mdns::poll) also serves all other sockets of the set. `Interface::poll` would take all
//!   frames of a burst before anybody sees the first, and most would find the socket full.
//!
//! # An address without a server
//!
//! [`Guarded`] wraps the device and gives the interface a link-local address (RFC 3927) when there is no DHCP server, or guards the one
//! that it was given (RFC 5227). By itself smoltcp notices no conflict and does not answer probes.
//!
//! # Limits of smoltcp
//!
//! It learns a neighbour only by asking for it (ARP, NDP), once a second for all neighbours together, and keeps a unicast answer
//! at the head of the socket until the asker has replied. An asker that does not exist would silence the board: so an
//! answer that has not left within 100 ms is dropped, and [`dropped`](Mdns::dropped) counts it. Who asked in earnest asks again, and is
//! known by then.
//!
//! It drops what lies about lengths or has a wrong checksum, but takes a datagram over IPv6 that has none (RFC 8200 §8.1). Packets in parts
//! are not put together, unless it is built for that.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
mod guarded;
mod mdns;
mod time;

pub use mdns_proto as proto;

#[cfg(all(feature = "ethernet", feature = "ipv4"))]
pub use guarded::{Guarded, GuardedRx, GuardedTx};
pub use ipv4ll;

pub use self::{
    mdns::{Mdns, StartError},
    time::at,
};

use mdns_proto::config::Config;
#[cfg(doc)]
use mdns_proto::host::Host;
use smoltcp::wire::EthernetAddress;

/// The Ethernet address that IPv4 mDNS is sent to (RFC 1112 §6.4).
pub const GROUP_MAC_V4: EthernetAddress = EthernetAddress([0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);
/// The Ethernet address that IPv6 mDNS is sent to (RFC 2464 §7).
pub const GROUP_MAC_V6: EthernetAddress = EthernetAddress([0x33, 0x33, 0x00, 0x00, 0x00, 0xfb]);

/// Habits of a board: packets of one Ethernet frame, and nothing kept that no question awaits.
pub const CONFIG: Config = Config {
    packet_max: 1452,
    cache_unasked: false,
    ..Config::DEFAULT
};

/// The code of docs/embedding.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct Embedding;
