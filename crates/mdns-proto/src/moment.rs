//! Moments: points in time in 32 bits of milliseconds, for what is stored many times over.
//!
//! [`Instant`] has 64 bits at the surface; inside, a record on a link stores three moments, and on a board four bytes each are
//! what they may take. Two moments are compared by their distance, which is right while they are less than 24 days apart.
//! [`Moment::age`] sees to that: every 18 hours what is older than 37 hours is moved up or forgotten, long before it could
//! look new.

use core::cmp::Ordering;

use crate::time::Instant;

/// A point in time, or [`NEVER`](Moment::NEVER). As a deadline, never comes after all others.
#[derive(Clone, Copy, PartialEq, Eq)]
// Aligned as 16 bits are: rows of states have no gaps then.
#[repr(Rust, packed(2))]
pub(crate) struct Moment(u32);

/// The time of a call, in both roundings: what was due has come by the lower one, what is to wait counts from the upper one, so
/// that no interval is cut short by a part of a millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    floor: Moment,
    ceil: Moment,
}

/// The number of the caller's chosen moment: half way to the next turn of the numbers.
const ZERO: u32 = 1 << 31;

/// After how many microseconds all moments are aged.
const AGE_INTERVAL: u64 = 1000 << 26;

/// What is so many milliseconds old is forgotten when it is aged.
const AGE_MAX: i32 = 1 << 27;

impl Moment {
    /// No moment: of a deadline, that nothing is due; of an event, that it did not happen.
    pub(crate) const NEVER: Moment = Moment(0);

    const fn from_millis(millis: u32) -> Self {
        Moment::of_raw(millis.wrapping_add(ZERO))
    }

    const fn of_raw(raw: u32) -> Self {
        // Zero is taken: one moment in 49 days is a millisecond late.
        Moment(if raw == 0 { 1 } else { raw })
    }

    /// Whether it is no moment.
    pub(crate) const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// Whether it has come.
    pub(crate) fn has_come(self, now: Now) -> bool {
        !self.is_never() && self.since(now.floor) <= 0
    }

    /// Milliseconds from `other` to this moment; negative if this one is earlier.
    const fn since(self, other: Moment) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// So many milliseconds later; never stays never.
    pub(crate) const fn plus(self, millis: u32) -> Moment {
        if self.is_never() {
            return self;
        }
        Moment::of_raw(self.0.wrapping_add(millis))
    }

    /// The later of two, where never is before all others.
    pub(crate) fn latest(self, other: Moment) -> Moment {
        match (self.is_never(), other.is_never()) {
            (true, _) => other,
            (_, true) => self,
            _ => self.max(other),
        }
    }

    /// The instant that it stands for.
    pub(crate) fn instant(self, now: Instant) -> Instant {
        if self.is_never() {
            return Instant::MAX;
        }
        let millis = now.as_micros() / 1000;
        let ahead = i64::from(self.since(Moment::from_millis(millis as u32)));
        Instant::from_millis(millis.saturating_add_signed(ahead))
    }

    /// Forgets something that happened long ago.
    pub(crate) fn age(&mut self, round: Round) {
        if round.is_long_ago(*self) {
            *self = Moment::NEVER;
        }
    }

    /// Moves up a deadline that came long ago and was not met.
    pub(crate) fn age_deadline(&mut self, round: Round) {
        if !self.is_never() && round.is_long_ago(*self) {
            *self = Moment::of_raw(round.now.floor.0.wrapping_sub(AGE_MAX as u32));
        }
    }
}

/// By their distance: a total order among moments that lie within 24 days.
impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_never(), other.is_never()) {
            (false, false) => self.since(*other).cmp(&0),
            (never, other_never) => never.cmp(&other_never),
        }
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl core::fmt::Debug for Moment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            0 => f.write_str("never"),
            raw => {
                let millis = raw.wrapping_sub(ZERO);
                write!(f, "{}.{:03}", millis / 1000, millis % 1000)
            }
        }
    }
}

impl Now {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn of(now: Instant) -> Now {
        let micros = now.as_micros();
        let floor = Moment::from_millis((micros / 1000) as u32);
        let has_rest = !micros.is_multiple_of(1000);
        Now {
            floor,
            ceil: if has_rest { floor.plus(1) } else { floor },
        }
    }

    /// This moment as a deadline that has come.
    pub(crate) const fn moment(self) -> Moment {
        self.floor
    }

    /// This moment as one from which an interval counts.
    pub(crate) const fn noted(self) -> Moment {
        self.ceil
    }

    /// The moment at which so many milliseconds have passed.
    pub(crate) const fn after(self, millis: u32) -> Moment {
        self.ceil.plus(millis)
    }
}

/// When the moments of a machine were last aged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ageing {
    last: Instant,
}

impl Ageing {
    pub(crate) const fn new() -> Self {
        Ageing {
            last: Instant::ZERO,
        }
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.last = now;
    }

    /// Whether all moments are to be aged now. To be asked until it says no.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Round> {
        let passed = now.as_micros().saturating_sub(self.last.as_micros());
        if passed < AGE_INTERVAL {
            return None;
        }
        let is_long = passed >= 3 * AGE_INTERVAL;
        self.last = if is_long {
            now
        } else {
            Instant::from_micros(self.last.as_micros().saturating_add(AGE_INTERVAL))
        };
        Some(Round {
            now: Now::of(self.last),
            is_long,
        })
    }
}

/// One time that moments are aged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    now: Now,
    /// So much time has passed since the last one that all there was is long ago: no deadline lies further ahead than some minutes.
    is_long: bool,
}

impl Round {
    fn is_long_ago(self, moment: Moment) -> bool {
        self.is_long || self.now.floor.since(moment) > AGE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn now(micros: u64) -> Now {
        Now::of(Instant::from_micros(micros))
    }

    #[test]
    fn an_interval_is_never_cut_short() {
        let noted = now(5_000_400).after(1000);
        assert!(!noted.has_come(now(6_000_400)) && noted.has_come(now(6_001_000)));
        let exact = now(5_000_000).after(1000);
        assert!(!exact.has_come(now(5_999_999)) && exact.has_come(now(6_000_000)));
    }

    #[test]
    fn moments_are_ordered_over_the_turn_of_their_numbers() {
        let turn = 1u64 << 31;
        let [before, after] = [turn - 5, turn + 5].map(|ms| now(ms * 1000));
        assert!(before.moment() < after.moment() && after.moment() < Moment::NEVER);
        assert_eq!(
            before.after(10).instant(Instant::from_millis(turn - 5)),
            Instant::from_millis(turn + 5)
        );
        assert_eq!(before.moment().latest(after.moment()), after.moment());
        assert_eq!(Moment::NEVER.latest(before.moment()), before.moment());
    }

    #[test]
    fn what_is_old_is_forgotten_before_it_looks_new() {
        let mut ageing = Ageing::new();
        let mut sent = now(3_000_000).noted();
        let mut due = sent;
        let mut time = Instant::ZERO;
        for _ in 0..60 * 24 {
            time += Duration::from_secs(3600);
            while let Some(round) = ageing.next(time) {
                sent.age(round);
                due.age_deadline(round);
            }
            assert!(due.has_come(Now::of(time)));
            assert!(sent.is_never() || sent.has_come(Now::of(time)));
        }
        assert!(sent.is_never());
    }
}
