//! Chance is the seed of the network: each draw is a hash of the seed, its purpose and what it is about.
//!
//! A draw for one packet moves none for another, so that a story stays what it was when a host is added that says nothing.

use std::{ops::RangeInclusive, time::Duration};

use proto_base::random::{mix, within};

/// What a number is drawn for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    /// The seed of a host.
    HostSeed = 1,
    /// Whether a copy of a packet is lost on its way.
    Loss,
    /// How long it takes.
    Delay,
    /// Whether it arrives twice, and when the second time.
    Duplicate,
    DuplicateDelay,
    /// Whether it arrives once more much later, and when.
    Stale,
    StaleDelay,
    /// What a script does.
    Script,
    /// The seed of what claims the address of a host.
    AddressSeed,
}

/// The source of all chance of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number for this purpose and subject: always the same.
    pub(crate) fn draw(self, purpose: Draw, subject: [u64; 2]) -> u64 {
        subject
            .into_iter()
            .fold(mix(self.0 ^ mix(purpose as u64)), |hash, part| {
                mix(hash ^ part)
            })
    }

    /// Whether something happens that happens in so many cases of a hundred.
    pub(crate) fn happens(self, purpose: Draw, subject: [u64; 2], percent: u8) -> bool {
        percent > 0 && self.draw(purpose, subject) % 100 < u64::from(percent)
    }

    /// A span drawn evenly from a range, in microseconds.
    pub(crate) fn within(
        self,
        purpose: Draw,
        subject: [u64; 2],
        range: &RangeInclusive<Duration>,
    ) -> Duration {
        within(self.draw(purpose, subject), range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_about_what_it_says() {
        let chance = Chance(7);
        let lost = (0..10_000)
            .filter(|&n| chance.happens(Draw::Loss, [n, 3], 30))
            .count();
        assert!((2_850..3_150).contains(&lost), "{lost}");
        assert!((0..10_000).all(|n| !chance.happens(Draw::Loss, [n, 3], 0)));
    }

    #[test]
    fn a_span_stays_in_its_range() {
        let range = Duration::from_millis(2)..=Duration::from_millis(5);
        for n in 0..1_000 {
            assert!(range.contains(&Chance(1).within(Draw::Delay, [n, 0], &range)));
        }
        assert_eq!(
            Chance(1).within(Draw::Delay, [0, 0], &(Duration::ZERO..=Duration::ZERO)),
            Duration::ZERO
        );
    }
}
