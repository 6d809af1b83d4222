//! IPv4 link-local addresses (RFC 3927) and address conflict detection (RFC 5227) on Linux, with tokio.
//!
//! ```no_run
//! use ipv4ll_tokio::{AddressClaim, Event, Options};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut claim = AddressClaim::start(Options::new("eth0"))?;
//!     while let Some(event) = claim.next().await {
//!         if let Event::Claimed { address } = event? {
//!             println!("eth0 has {address}");
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! All of the protocol is in [`ipv4ll`]; here are a packet socket for ARP, netlink for addresses, and a task. Programs that use mDNS beside it
//! need do nothing: the addresses of an interface are watched there.
//!
//! It needs the capabilities `CAP_NET_RAW` and `CAP_NET_ADMIN`; [`check`] needs the first alone.
//!
//! # What the kernel does
//!
//! Linux replies to ARP requests for each address that is configured, and does so by unicast. RFC 3927 §2.5 wants broadcasts, so that hosts whose
//! links are joined notice that they have one address; [`Options::broadcast_arp`] has a rule of nftables make them so.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod error;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod nftables;
#[cfg(target_os = "linux")]
mod packet_socket;
#[cfg(target_os = "linux")]
mod task;

pub use ipv4ll::{Event, HardwareAddress, Policy};

#[cfg(target_os = "linux")]
pub use self::{
    error::Error,
    task::{AddressClaim, Options, Usage, check},
};
