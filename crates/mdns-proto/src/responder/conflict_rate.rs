//! How often conflicts come: after fifteen within ten seconds, each further probing waits five (RFC 6762 §8.1).

use core::time::Duration;

use crate::time::Instant;

/// So many conflicts within [`WITHIN`] ...
const MOST: u32 = 15;
const WITHIN: Duration = Duration::from_secs(10);
/// ... and each further probing waits so long, until so long a time as [`WITHIN`] has had none.
const PAUSE: Duration = Duration::from_secs(5);

/// Seconds that are counted one by one: ten whole ones, and the one that has begun.
const SECONDS: usize = 11;

/// Conflicts of the last ten seconds. They are counted by the second, so that fifteen within any ten are never overlooked.
#[derive(Debug)]
pub(super) struct Conflicts {
    counts: [u8; SECONDS],
    last: Instant,
    is_limited: bool,
}

impl Conflicts {
    pub(super) const NONE: Conflicts = Conflicts {
        counts: [0; SECONDS],
        last: Instant::ZERO,
        is_limited: false,
    };

    /// Counts one more, and says how long the probing that follows from it has to wait.
    pub(super) fn count(&mut self, now: Instant) -> Duration {
        let second = |at: Instant| at.as_micros() / 1_000_000;
        for passed in second(self.last) + 1..=second(now) {
            if passed > second(self.last) + SECONDS as u64 {
                break;
            }
            self.set(passed, 0);
        }
        self.is_limited &= now <= self.last + WITHIN;
        self.last = now;
        let this = self.get(second(now)).saturating_add(1);
        self.set(second(now), this);
        self.is_limited |= self.counts.iter().copied().map(u32::from).sum::<u32>() >= MOST;
        if self.is_limited {
            PAUSE
        } else {
            Duration::ZERO
        }
    }

    fn get(&self, second: u64) -> u8 {
        let at = (second % SECONDS as u64) as usize;
        self.counts.get(at).copied().unwrap_or(0)
    }

    fn set(&mut self, second: u64, count: u8) {
        if let Some(place) = self.counts.get_mut((second % SECONDS as u64) as usize) {
            *place = count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(times: impl IntoIterator<Item = u64>) -> std::vec::Vec<bool> {
        let mut conflicts = Conflicts::NONE;
        let paused = |at| !conflicts.count(Instant::from_millis(at)).is_zero();
        times.into_iter().map(paused).collect()
    }

    #[test]
    fn fifteen_within_ten_seconds_are_too_many_and_fourteen_are_not() {
        assert!(
            pauses((0..14).map(|n| 5_000 + n * 700))
                .iter()
                .all(|is| !is)
        );
        let paused = pauses((0..15).map(|n| 5_000 + n * 700));
        assert_eq!(paused.iter().filter(|&&is| is).count(), 1);
        assert!(paused[14]);
        // One in a second, for as long as one likes: ten within ten seconds.
        assert!(pauses((0..1000).map(|n| n * 1_000)).iter().all(|is| !is));
    }

    #[test]
    fn it_ends_with_ten_seconds_without_a_conflict() {
        let burst = || (0..15).map(|n| 1_000 + n * 10);
        assert_eq!(
            pauses(burst().chain([9_000, 17_000, 26_999]))[14..],
            [true; 4]
        );
        assert_eq!(pauses(burst().chain([12_001]))[14..], [true, false]);
        assert_eq!(pauses(burst().chain([2_000_000]))[14..], [true, false]);
    }
}
