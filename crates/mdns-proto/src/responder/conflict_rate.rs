//! How often conflicts come: after fifteen within ten seconds, each further probing waits five (RFC 6762 §8.1).

use crate::moment::{Moment, Now, Round};

/// So many conflicts within [`WITHIN`], in milliseconds ...
const MOST: u32 = 15;
const WITHIN: u32 = 10_000;
/// ... and each further probing waits so long, in milliseconds, until so long a time as [`WITHIN`] has had none.
const PAUSE: u32 = 5000;

/// Seconds that are counted one by one: ten whole ones, and the one that has begun.
const SECONDS: usize = 11;

/// Conflicts of the last ten seconds. They are counted by the second, so that fifteen within any ten are never overlooked.
#[derive(Debug)]
pub(super) struct Conflicts {
    /// The second that has begun, and those before it.
    counts: [u8; SECONDS],
    /// When the second began.
    second: Moment,
    last: Moment,
    is_limited: bool,
}

impl Conflicts {
    pub(super) const NONE: Conflicts = Conflicts {
        counts: [0; SECONDS],
        second: Moment::NEVER,
        last: Moment::NEVER,
        is_limited: false,
    };

    /// Counts one more, and returns how long the probing that follows from it has to wait, in milliseconds.
    pub(super) fn count(&mut self, now: Now) -> u32 {
        for _ in 0..SECONDS {
            let next = self.second.plus(1000);
            if next.has_come(now) {
                self.second = next;
                self.counts.rotate_right(1);
                self.set_this(0);
            }
        }
        if self.second.is_never() || self.second.plus(1000).has_come(now) {
            (self.counts, self.second) = ([0; SECONDS], now.moment());
        }
        self.is_limited &= !self.last.is_never() && self.last.plus(WITHIN) >= now.moment();
        self.last = now.noted();
        let this = self.counts.first().copied().unwrap_or(0);
        self.set_this(this.saturating_add(1));
        self.is_limited |= self.counts.iter().copied().map(u32::from).sum::<u32>() >= MOST;
        if self.is_limited { PAUSE } else { 0 }
    }

    fn set_this(&mut self, count: u8) {
        if let Some(this) = self.counts.first_mut() {
            *this = count;
        }
    }

    /// Ages all moments (see [`Moment::age`]).
    pub(super) fn age(&mut self, round: Round) {
        self.second.age(round);
        self.last.age(round);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn pauses(times: impl IntoIterator<Item = u64>) -> std::vec::Vec<bool> {
        let mut conflicts = Conflicts::NONE;
        let paused = |at| conflicts.count(Now::of(Instant::from_millis(at))) > 0;
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
