//! A bare board with an Ethernet chip: what the programs in `src/bin` have in common.
//!
//! ```text
//! bin/node, bin/advertise, ..   what is advertised and looked for
//!        │
//! board  clock, sleep, cable, a socket for commands  ──  mdns-smoltcp, smoltcp
//!        │
//! device frames for smoltcp
//!        │
//! machine, lan9118 or stellaris   where things are, what wakes it; the chip, and nothing else
//! ```
//!
//! The protocol is in `mdns-smoltcp` and below: nothing here knows of it.
#![no_std]

pub mod address;
pub mod board;
pub mod console;
pub mod device;
#[cfg(not(feature = "lm3s6965"))]
pub mod lan9118;
#[cfg_attr(feature = "lm3s6965", path = "lm3s6965.rs")]
#[cfg_attr(not(feature = "lm3s6965"), path = "mps2_an385.rs")]
pub mod machine;
pub mod mdns;
pub mod services;
pub mod stack;
#[cfg(feature = "lm3s6965")]
pub mod stellaris;

#[cfg(not(feature = "semihosting"))]
use panic_halt as _;
#[cfg(feature = "semihosting")]
use panic_semihosting as _;
