//! IPv4 link-local addresses (RFC 3927) and address conflict detection (RFC 5227), without input or output.
//!
//! A host without a DHCP server chooses an address in 169.254/16, asks the link whether another host uses it, and then announces
//! and defends it. [`AddressMachine`] does this for one interface: it is fed with the ARP frames that the interface receives and with
//! time, and says which frames to send and which address to use. It checks and defends addresses that come from elsewhere too.
//!
//! ```
//! use core::time::Duration;
//! use ipv4ll::{AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Transmit};
//!
//! let mut now = Instant::ZERO;
//! let mut machine = AddressMachine::new(HardwareAddress([2, 0, 0, 0, 0, 1]), 42);
//! machine.start(now, None);
//!
//! let (mut sent, mut claimed) = (Vec::new(), None);
//! let mut frame = [0; FRAME_LEN];
//! while let Some(next) = machine.poll_timeout() {
//!     // Here the driver would wait, and call `handle_frame` for each frame that arrives.
//!     now = now.max(next);
//!     machine.handle_timeout(now);
//!     while let Some(kind) = machine.poll_transmit(now, &mut frame) {
//!         sent.push(kind);
//!     }
//!     while let Some(event) = machine.poll_event() {
//!         if let Event::Claimed { address } = event {
//!             claimed = Some((address, now));
//!         }
//!     }
//! }
//! use Transmit::{Announcement, Probe};
//! assert_eq!(sent, [Probe, Probe, Probe, Announcement, Announcement]);
//! let (address, when) = claimed.expect("an address");
//! assert!(address.is_link_local());
//! assert!(when >= Instant::from_millis(4_000) && when <= Instant::from_millis(7_000));
//! ```
//!
//! # The contract
//!
//! Do one thing to the machine; then poll transmits until `None`, then events until `None`; sleep until its timeout. While output is
//! pending, [`poll_timeout`](AddressMachine::poll_timeout) returns an instant that has already passed: an undrained driver busy-loops,
//! it never hangs. A `now` earlier than the last one is treated as the last one. No input panics.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

pub mod arp;
mod candidate;
mod machine;

pub use arp::{FRAME_LEN, HardwareAddress};
pub use candidate::is_candidate;
pub use machine::{AddressError, AddressMachine, Event, Policy, Transmit};
pub use proto_base::time::Instant;
