//! A bare board with an Ethernet chip: what the programs in `src/bin` have in common.
//!
//! ```text
//! bin/node, bin/advertise, ..   what is advertised and looked for
//!        │
//! board  clock, sleep, cable, a socket for commands  ──  mdns-smoltcp, smoltcp
//!        │
//! device frames for smoltcp
//!        │
//! lan9118 the chip, and nothing else
//! ```
//!
//! The protocol is in `mdns-smoltcp` and below: nothing here knows of it.
#![no_std]

pub mod board;
pub mod console;
pub mod device;
pub mod lan9118;
pub mod mdns;
pub mod stack;

#[cfg(not(feature = "semihosting"))]
use panic_halt as _;
#[cfg(feature = "semihosting")]
use panic_semihosting as _;
