//! What the protocol cores of this workspace share: [instants](time::Instant) that the caller brings, and [random draws](random::Random)
//! that are keyed by a seed.
//!
//! Neither reads a clock or a source of entropy, and nothing allocates.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

pub mod random;
pub mod time;
