//! How many events are allowed in a second, in all or by client network.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use mdns_proto::time::Instant;

/// How long is counted, from the first event.
const PERIOD: Duration = Duration::from_secs(1);

/// Slots of a table by client network.
const SLOTS: usize = 1024;

/// Counts events within a second of the first of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateLimit {
    from: Instant,
    count: u32,
}

impl RateLimit {
    /// Counts one more; returns how many there were in this second with it.
    fn count(&mut self, now: Instant) -> u32 {
        if now >= self.from + PERIOD || self.count == 0 {
            (self.from, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// Counts one more, unless there were `max` already in this second.
    pub(crate) fn allow(&mut self, now: Instant, max: u32) -> bool {
        if now < self.from + PERIOD && self.count >= max {
            return false;
        }
        self.count(now);
        true
    }
}

/// Counts by client network, in a table of fixed size: networks that share a slot share its limit.
#[derive(Debug)]
pub(crate) struct ClientRates {
    slots: Vec<RateLimit>,
    /// Which slot a network has, is not for clients to know: who shares one shares its limit.
    seed: u64,
}

impl ClientRates {
    pub(crate) fn new(seed: u64) -> Self {
        ClientRates {
            seed,
            slots: alloc::vec![RateLimit::default(); SLOTS],
        }
    }

    /// Counts a query; returns how many came from its network in this second with it.
    pub(crate) fn count(&mut self, now: Instant, address: IpAddr) -> u32 {
        let network = match address.to_canonical() {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => (v6.to_bits() >> 72) as u64,
        };
        let mut hash = network ^ self.seed;
        for shift in [31, 29] {
            hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> shift;
        }
        let slot = usize::try_from(hash).unwrap_or(0) % SLOTS;
        match self.slots.get_mut(slot) {
            Some(rate) => rate.count(now),
            None => u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_begins_with_the_first_event() {
        let at = Instant::from_millis;
        let mut rate = RateLimit::default();
        assert!(rate.allow(at(500), 2) && rate.allow(at(600), 2));
        assert!(!rate.allow(at(1499), 2));
        assert!(rate.allow(at(1500), 2));
    }

    #[test]
    fn networks_are_counted_by_themselves() {
        let mut rates = ClientRates::new(7);
        let count = |rates: &mut ClientRates, address: [u8; 4]| {
            rates.count(Instant::ZERO, IpAddr::from(address))
        };
        assert_eq!(count(&mut rates, [192, 0, 2, 1]), 1);
        assert_eq!(count(&mut rates, [192, 0, 2, 200]), 2);
        assert_eq!(count(&mut rates, [192, 0, 3, 1]), 1);
    }
}
