//! Multicast DNS (RFC 6762) and DNS-SD (RFC 6763) as sans-IO state machines.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

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
pub mod name;
pub mod own;
pub mod querier;
pub mod responder;
pub mod stats;
pub mod store;
pub mod time;
pub mod wire;
