//! A network in a box: many mDNS hosts on a virtual clock, all chance from one seed.
//!
//! A [`Net`] has segments, on which packets are lost, late, doubled or repeated as [`Conditions`] say; [`Host`]s, each a whole
//! `mdns_proto` machine driven by its contract; and scripted [`Peer`]s, which say what no host of ours would. What happens
//! is written down as a page to be read, and a test says what the page should be:
//!
//! ```
//! use std::time::Duration;
//! use mdns_sim::Net;
//!
//! let mut net = Net::seeded(7);
//! let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
//! let attic = net.host("attic").browse("_ipp._tcp");
//! net.run_for(Duration::from_secs(3));
//!
//! assert_eq!(hall.services(), ["Printer._ipp._tcp.local"]);
//! assert_eq!(attic.found().len(), 1);
//! assert!(net.transcript().contains("attic  finds    Printer at hall:631, 10.0.0.1"));
//! ```
//!
//! After every single thing that is done to a host the contract is kept, and checked: transmits are polled until there are
//! none, events until there are none, and then the timeout must be in the future. A host that breaks it stops the run with the
//! seed, the time and its name.
//!
//! [`judge`] makes whole networks of hosts misbehave by script and says which rule was broken; [`contract`] does whatever it is
//! told to one host and says when it breaks the contract.
//!
//! Hosts have addresses by their number: the first is `10.0.0.1`, and `fe80::1` if it is [`dual_stack`](Host::dual_stack). Or they claim one themselves
//! ([`Net::host_without_address`]), with ARP on the same segment.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod arp;
pub mod attack;
mod chance;
pub mod contract;
mod envelope;
mod host;
pub mod judge;
mod machine;
mod net;
mod node;
mod pcap;
mod peer;
mod reports;
mod rewrite;
mod segment;
mod transcript;
mod world;

pub use self::{
    arp::{NEIGHBOUR, Reaction},
    envelope::{STRANGER_MAC, ethernet_frame, ip_packet},
    host::Host,
    machine::{Around, Machine},
    net::Net,
    peer::{Peer, instances, message},
    reports::{Reported, reported_packets},
    rewrite::{assert_same, rewritten},
    segment::{Conditions, Segment},
    transcript::Kind,
    world::{Heard, Sent},
};
