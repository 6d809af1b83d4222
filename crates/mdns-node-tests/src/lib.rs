//! One suite of tests for all adapters with std, written over "an mDNS node".
//!
//! An adapter says how it is driven, by an executor ([`Async`]) or by a loop ([`Looped`]), and [runs](Suite::run) the
//! suite as a test without the usual harness. All of it happens over real sockets on loopback, without root.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod callbacks;
mod handles;
mod hostile;
mod looped;
mod node;
mod polls;
mod results;
mod stories;

pub use self::{
    handles::{Async, Executor},
    looped::{Loop, Looped},
    node::{Clocks, Node},
    results::Request,
    stories::Suite,
};

/// What the guide shows is compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/custom-event-loop.md")]
struct CustomEventLoop;
