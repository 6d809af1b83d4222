//! Multicast DNS (RFC 6762) and DNS-SD (RFC 6763) as sans-IO state machines.
//!
//! A [`Host`](host::Host) is a value with a few verbs. It opens no socket, reads no clock and draws no random number: datagrams,
//! time and a seed are brought to it, and it says what to send, what there is to tell, and when to come back. With
//! rows of fixed size ([`fixed!`]) it needs no allocator; with [`Heap`](store::Heap) it grows as far as
//! [`Config`](config::Config) allows. Either way it is the same code.
//!
//! # The contract
//!
//! Do one thing to it; take its transmits until there are none, then its events until there are none; sleep until its timeout.
//!
//! * The timeout never lies: while anything is still to be sent or told it is an instant that has come. Who forgets to take it
//!   spins, visibly, and never hangs.
//! * What is polled counts as sent. Poll only when the socket can take a datagram; tell the host of sends that failed.
//! * Nothing from the network is an error. What is no use is ignored and counted.
//! * Time that goes backwards stands still.
//!
//! # The whole life of a responder
//!
//! ```
//! use mdns_proto::{
//!     config::Config,
//!     host::{Event, Host},
//!     link::{Destination, Family, InterfaceId, LinkConfig, Packet, Subnet, Via},
//!     name::ServiceType,
//!     registry::Service,
//!     time::Instant,
//!     wire::{Message, Question, RecordType, Txt, Writer, Header, Flags},
//! };
//! use core::time::Duration;
//!
//! // The memory, for a board; `mdns_proto::store::Heap` where there is an allocator.
//! mdns_proto::fixed! {
//!     struct Board {
//!         links: 1, hosts: 1, addresses: 1, services: 1, subtypes: 0, own_text: 256, askers: 2,
//!         asks: 1, told: 2, ask_text: 128, heard: 8, heard_text: 256,
//!     }
//! }
//!
//! // It starts with the time and a seed of the caller's.
//! let mut now = Instant::ZERO;
//! let mut host = Host::<Board>::started(Config::DEFAULT, now, 0x5eed);
//! let interface = InterfaceId(2);
//! let link = host.add_link(now, LinkConfig { interface, family: Family::V4, mtu: 1500, unicast: true , ..LinkConfig::MULTICAST})?;
//! host.set_addresses(now, interface, &[Subnet { address: [192, 0, 2, 1].into(), prefix_len: 24 }])?;
//!
//! // A host name and a service are claimed: three probes, then two announcements.
//! host.add_host(now, "hall")?;
//! let ipp: ServiceType = "_ipp._tcp".parse()?;
//! let service = host.register(now, &Service::new("Front Desk", &ipp, 631))?;
//!
//! let mut buffer = [0; 1500];
//! let (mut probes, mut announcements, mut name) = (0, 0, None);
//! while let Some(due) = host.poll_timeout() {
//!     now = due; // a driver sleeps until then
//!     host.handle_timeout(now);
//!     while let Some(transmit) = host.poll_transmit(now, &mut buffer) {
//!         assert_eq!(transmit.destination, Destination::Multicast);
//!         let message = Message::parse(&buffer[..transmit.len])?;
//!         if message.header().flags.response() { announcements += 1 } else { probes += 1 }
//!     }
//!     while let Some(event) = host.poll_event() {
//!         if let Event::Registered { name: registered, .. } = event {
//!             name = Some(registered.to_string());
//!         }
//!     }
//! }
//! assert_eq!((probes, announcements), (3, 2));
//! assert_eq!(name.as_deref(), Some("Front Desk._ipp._tcp.local"));
//! assert!(Duration::from_millis(1750) <= now - Instant::ZERO && now - Instant::ZERO <= Duration::from_millis(2000));
//!
//! // Somebody asks for printers ...
//! now += Duration::from_secs(60);
//! let mut writer = Writer::new(&mut buffer, 1472, Header { id: 0, flags: Flags::QUERY });
//! writer.question(&Question::new(ipp.as_name(), RecordType::PTR))?;
//! let len = writer.finish();
//! let packet = Packet { source: ([192, 0, 2, 7], 5353).into(), via: Via::Multicast, hop_limit: None, bytes: &buffer[..len] };
//! host.handle_packet(now, link, packet);
//!
//! // ... and is answered, with all there is to know, after a random delay of 20 to 120 ms.
//! now = host.poll_timeout().ok_or("an answer is due")?;
//! let answer = host.poll_transmit(now, &mut buffer).ok_or("an answer")?;
//! let message = Message::parse(&buffer[..answer.len])?;
//! assert_eq!(message.answers().count(), 1);
//! assert!(message.additionals().any(|record| record.rtype() == RecordType::SRV));
//!
//! // It takes its leave.
//! now += Duration::from_secs(60);
//! host.withdraw(now, service);
//! let goodbye = host.poll_transmit(now, &mut buffer).ok_or("a goodbye")?;
//! assert!(Message::parse(&buffer[..goodbye.len])?.answers().any(|record| record.ttl.0 == 0));
//! assert!(host.is_silent());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! None is on by default: `no_std`, no allocator. `alloc` gives rows that grow and owned copies of what is otherwise borrowed;
//! `std` gives `alloc`. No feature changes how anything behaves.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod cache;
mod chance;
pub mod config;
pub mod discovery;
mod echo;
pub mod endpoint;
pub mod host;
pub mod link;
mod moment;
pub mod name;
mod pace;
pub mod querier;
pub mod registry;
#[doc(hidden)]
pub use registry as own;
pub mod responder;
pub mod stats;
pub mod store;
pub mod wire;

pub use proto_base::time;
