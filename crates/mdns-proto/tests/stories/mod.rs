//! Stories: what happens between hosts, as pages to be read (RFC 6762, RFC 6763).
//!
//! The network is that of `mdns-sim`, whose [transcripts](mdns_sim::Net::transcript) say how a line is to be read. A page that
//! changes is read as prose, against the RFC, before it is accepted with `UPDATE_EXPECT=1`.

mod answers;
mod conflict;
mod discovery;
mod goodbye;
mod questions;
mod startup;

use std::time::Duration;

use mdns_proto::{
    name::NameBuf,
    wire::{Class, Rdata, Record, Ttl},
};
use mdns_sim::Net;

use crate::{Memory, around};

/// An empty network.
fn net(seed: u64) -> Net<Memory> {
    let net = Net::with_rows(seed);
    net.around_verbs(around);
    net
}

/// So many seconds.
const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// So many milliseconds.
const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A name from text that is one.
fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

/// A record that others may have too.
fn shared<'a>(owner: &'a NameBuf, ttl: u32, rdata: Rdata<'a>) -> Record<'a> {
    Record {
        name: owner.as_name(),
        class: Class::IN,
        cache_flush: false,
        ttl: Ttl(ttl),
        rdata,
    }
}
