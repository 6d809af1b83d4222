//! Chance is a seed: each draw is a keyed hash of the seed, its purpose and its subject.
//!
//! Not the next number of one stream: a draw that is added moves no other, so that one seed replays a whole network.

use core::{num::NonZeroU64, ops::RangeInclusive, time::Duration};

/// What a number is drawn for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    /// The keys of the hashes of names and records.
    Key(u8),
    /// The wait before the first probe of a link (RFC 6762 §8.1).
    FirstProbe,
    /// The delay of an answer that others may give too (§6).
    Answer,
    /// The delay of an answer to a question whose known answers go on in another packet (§7.2).
    TruncatedAnswer,
    /// The step by which the number in a name rises (§9).
    Rename,
    /// The wait before the first question of a series (§5.2).
    FirstQuestion,
    /// By how much the intervals of a series are longer (§5.2).
    LateSeries,
    /// The extra time before a record is asked for again (§5.2).
    Refresh,
}

impl Draw {
    const fn number(self) -> u64 {
        match self {
            Draw::Key(n) => n as u64,
            Draw::FirstProbe => 0x100,
            Draw::Answer => 0x200,
            Draw::TruncatedAnswer => 0x300,
            Draw::Rename => 0x400,
            Draw::FirstQuestion => 0x500,
            Draw::Refresh => 0x600,
            Draw::LateSeries => 0x700,
        }
    }
}

/// The source of all chance of one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    seed: u64,
    /// Draws made so far, so that the same subject drawn for twice gives two numbers.
    count: u64,
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Chance { seed, count: 0 }
    }

    /// A number for this purpose and subject; another each time.
    pub(crate) fn draw(&mut self, purpose: Draw, subject: u32) -> u64 {
        self.count = self.count.wrapping_add(1);
        self.keyed(purpose, u64::from(subject) << 32 ^ self.count)
    }

    /// A key that depends on the seed and the purpose alone.
    pub(crate) fn key(&self, n: u8) -> u64 {
        self.keyed(Draw::Key(n), 0)
    }

    fn keyed(&self, purpose: Draw, subject: u64) -> u64 {
        mix(mix(self.seed ^ mix(purpose.number())) ^ subject)
    }

    /// A span drawn evenly from a range, in microseconds.
    pub(crate) fn within(
        &mut self,
        purpose: Draw,
        subject: u32,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let from = range.start().as_micros() as u64;
        let last = (range.end().as_micros() as u64).saturating_sub(from);
        // The bias of the remainder is below one in 10^12 for spans of seconds.
        let drawn = self.draw(purpose, subject) % NonZeroU64::MIN.saturating_add(last);
        Duration::from_micros(from + drawn)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), with its increment: each bit of the input moves half of the output.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fill_the_range_evenly() {
        let mut quarters = [0u32; 4];
        for seed in 0..2_000 {
            let span = Chance::new(seed).within(
                Draw::Answer,
                3,
                Duration::from_millis(20)..=Duration::from_millis(120),
            );
            let micros = span.as_micros() as usize - 20_000;
            assert!(micros <= 100_000);
            quarters[(micros / 25_001).min(3)] += 1;
        }
        assert!(
            quarters.iter().all(|&n| (400..600).contains(&n)),
            "{quarters:?}"
        );
    }
}
