//! Random draws from a seed: each draw is a keyed hash of the seed, its purpose and its subject.
//!
//! Draws are not successive numbers of one stream: a draw that is added changes no other, so that one seed replays a whole network.

use core::{num::NonZeroU64, ops::RangeInclusive, time::Duration};

use crate::time::micros;

/// What a number is drawn for. Each core has its own enum of purposes.
pub trait Purpose {
    /// The number that stands for this purpose in the hash: different for each, and not below 256, where the
    /// [keys](Random::key) are.
    fn number(self) -> u64;
}

/// The only source of randomness of a state machine.
#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    /// Draws made so far, so that two draws for one subject give two numbers.
    count: u64,
}

impl Random {
    /// Returns the source of randomness that this seed stands for.
    pub const fn new(seed: u64) -> Self {
        Random { seed, count: 0 }
    }

    /// Draws a number for this purpose and subject; another one each time.
    pub fn draw(&mut self, purpose: impl Purpose, subject: u32) -> u64 {
        self.draw_for(purpose.number(), subject)
    }

    /// Draws a duration evenly from a range, in whole microseconds.
    pub fn within(
        &mut self,
        purpose: impl Purpose,
        subject: u32,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.within_for(purpose.number(), subject, range)
    }

    /// Draws a number evenly from zero to `last`. Takes less code than [`within`](Self::within).
    pub fn up_to(&mut self, purpose: impl Purpose, subject: u32, last: u32) -> u32 {
        up_to(self.draw_for(purpose.number(), subject), last)
    }

    /// Returns the number that belongs to the seed, this purpose and this subject: the same one each time.
    pub fn fixed(&self, purpose: impl Purpose, subject: u64) -> u64 {
        self.hash(purpose.number(), subject)
    }

    /// Returns key `n` of a keyed hash, which depends on the seed alone.
    pub fn key(&self, n: u8) -> u64 {
        self.hash(n.into(), 0)
    }

    // What follows does not know the type of the purpose, so that a board with two cores has it once.

    fn draw_for(&mut self, purpose: u64, subject: u32) -> u64 {
        self.count = self.count.wrapping_add(1);
        self.hash(purpose, u64::from(subject) << 32 ^ self.count)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn within_for(
        &mut self,
        purpose: u64,
        subject: u32,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        within(self.draw_for(purpose, subject), &range)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn hash(&self, purpose: u64, subject: u64) -> u64 {
        mix(mix(self.seed ^ mix(purpose)) ^ subject)
    }
}

/// Returns the duration in a range that a random number stands for, in whole microseconds: each is as likely as the others.
pub fn within(number: u64, range: &RangeInclusive<Duration>) -> Duration {
    let from = micros(*range.start());
    let last = micros(*range.end()).saturating_sub(from);
    // The bias of the remainder is below one in 10^12 for spans of seconds.
    let drawn = number % NonZeroU64::MIN.saturating_add(last);
    Duration::from_micros(from.saturating_add(drawn))
}

/// Returns the number from zero to `last` that a random number stands for. It is its upper half, scaled to the range: the chances of two numbers
/// differ by one in 2^32.
pub const fn up_to(number: u64, last: u32) -> u32 {
    (((number >> 32) * (last as u64 + 1)) >> 32) as u32
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), with its increment: each bit of the input changes half of the output.
pub const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Delay;

    impl Purpose for Delay {
        fn number(self) -> u64 {
            0x200
        }
    }

    #[test]
    fn draws_fill_the_range_evenly() {
        let mut quarters = [0u32; 4];
        for seed in 0..2_000 {
            let range = Duration::from_millis(20)..=Duration::from_millis(120);
            let span = Random::new(seed).within(Delay, 3, range);
            let micros = span.as_micros() as usize - 20_000;
            assert!(micros <= 100_000);
            quarters[(micros / 25_001).min(3)] += 1;
        }
        assert!(
            quarters.iter().all(|&n| (400..600).contains(&n)),
            "{quarters:?}"
        );
    }

    #[test]
    fn numbers_up_to_a_last_one_fill_the_range() {
        let mut seen = [0u32; 4];
        let mut random = Random::new(1);
        for _ in 0..2_000 {
            seen[random.up_to(Delay, 3, 3) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (400..600).contains(&n)), "{seen:?}");
        assert_eq!(random.up_to(Delay, 3, 0), 0);
        assert!((0..100).any(|_| random.up_to(Delay, 3, u32::MAX) > u32::MAX / 2));
    }

    #[test]
    fn a_range_of_one_duration_and_one_that_is_empty_give_its_start() {
        let second = Duration::from_secs(1);
        for range in [second..=second, second..=Duration::ZERO] {
            assert_eq!(within(u64::MAX, &range), second);
        }
        assert_eq!(
            within(u64::MAX, &(Duration::MAX..=Duration::MAX)),
            Duration::from_micros(u64::MAX)
        );
    }

    #[test]
    fn a_fixed_draw_is_the_same_before_and_after_others() {
        let mut random = Random::new(7);
        let fixed = random.fixed(Delay, 1);
        assert_ne!(random.draw(Delay, 1), random.draw(Delay, 1));
        assert_eq!(random.fixed(Delay, 1), fixed);
        assert_ne!(random.fixed(Delay, 2), fixed);
    }
}
