//! Which address is tried (RFC 3927 §2.1): a sequence of pseudo-random addresses that depends on the hardware address alone.

use core::net::Ipv4Addr;

use proto_base::random::{Random, up_to};

use crate::{HardwareAddress, machine::Draw};

/// The first address that may be chosen: §2.1 reserves the first and the last 256 of 169.254/16.
const FIRST: u32 = Ipv4Addr::new(169, 254, 1, 0).to_bits();
/// The last one.
const LAST: u32 = Ipv4Addr::new(169, 254, 254, 255).to_bits();

/// Returns whether a host may choose this address: 169.254.1.0 to 169.254.254.255 (RFC 3927 §2.1).
pub const fn is_candidate(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    FIRST <= bits && bits <= LAST
}

/// Returns candidate number `n` of an interface.
pub(crate) fn candidate(hardware: HardwareAddress, n: u16) -> Ipv4Addr {
    // §2.1: seeded with what stays the same over restarts, not with the clock, so that a host tends to get its address again.
    let hash = Random::new(number(hardware)).fixed(Draw::Candidate, n.into());
    Ipv4Addr::from_bits(FIRST + up_to(hash, LAST - FIRST))
}

/// Returns a hardware address as a number.
fn number(hardware: HardwareAddress) -> u64 {
    let [a, b, c, d, e, f] = hardware.0;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
