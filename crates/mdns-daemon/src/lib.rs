//! The responder that a host has already: a client of Avahi and systemd-resolved, over D-Bus.
//!
//! [`Client`] is a state machine with one file descriptor. It never blocks: a thread of its own speaks to the bus, and what
//! comes from there is handled when the descriptor is [readable](Client::handle_next).
//!
//! ```text
//!  caller ── watch, publish ──▶ Client ── calls ──▶ thread ──▶ D-Bus ──▶ avahi-daemon
//!         ◀── poll_event ──────        ◀── messages ──                    systemd-resolved
//! ```
//!
//! * Avahi: records are asked for by record browsers, one for each name and type, on all interfaces
//!   ([`watch`](Client::watch)); services are published by entry groups ([`publish`](Client::publish)).
//! * systemd-resolved: services are published; it has no browsing on D-Bus.
//!
//! A daemon that is restarted is given again all that it had; so is one whose bus is restarted. No daemon is ever started by a
//! call from here: each has the flag NO_AUTO_START. Where something does not exist or is not allowed, the events say so.
//!
//! On systems that are not Unix this crate is empty.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg(unix)]

mod avahi;
mod bus;
mod calls;
mod client;
mod group;
mod resolved;

pub use self::{
    client::{Client, Event, Status},
    group::{Entry, GroupId, Outcome, Place},
};
