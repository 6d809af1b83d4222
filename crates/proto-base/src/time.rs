//! Time is a number that the caller brings: microseconds since a moment of the caller's choice.
//!
//! No code in this crate reads a clock. Spans are [`core::time::Duration`].

use core::{
    fmt,
    num::NonZeroU64,
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

/// A point in time, in microseconds since a moment the caller chose.
///
/// Sums stop at [`Instant::MAX`] rather than overflow; the difference to a later instant is zero.
///
/// ```
/// use core::time::Duration;
/// use proto_base::time::Instant;
///
/// let start = Instant::from_micros(1_000_000);
/// let later = start + Duration::from_millis(250);
/// assert_eq!(later - start, Duration::from_millis(250));
/// assert_eq!(start - later, Duration::ZERO);
/// ```
// Aligned as a word of a board is, not as two: slots of boards have no gaps then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(4))]
pub struct Instant(
    /// One more than the microseconds, so that `Option<Instant>` takes no more than an instant: boards have many.
    NonZeroU64,
);

impl Instant {
    /// The caller's chosen moment itself.
    pub const ZERO: Instant = Instant(NonZeroU64::MIN);
    /// The end of time, 584,000 years on: "never" in a deadline.
    pub const MAX: Instant = Instant(NonZeroU64::MAX);

    /// The instant `micros` microseconds after the caller's chosen moment.
    pub const fn from_micros(micros: u64) -> Self {
        Instant(NonZeroU64::MIN.saturating_add(micros))
    }

    /// The instant `millis` milliseconds after the caller's chosen moment.
    pub const fn from_millis(millis: u64) -> Self {
        Instant::from_micros(millis.saturating_mul(1_000))
    }

    /// Microseconds since the caller's chosen moment.
    pub const fn as_micros(self) -> u64 {
        self.0.get() - 1
    }

    /// How long after `earlier` this instant is; zero if it is not after it.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// This instant as a deadline: `None` for [`Instant::MAX`], which is never reached.
    pub fn deadline(self) -> Option<Instant> {
        (self != Instant::MAX).then_some(self)
    }
}

/// Whole microseconds of a span; 584,000 years for anything longer.
pub(crate) fn micros(span: Duration) -> u64 {
    span.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(span.subsec_micros().into())
}

impl Add<Duration> for Instant {
    type Output = Instant;
    #[cfg_attr(target_os = "none", inline(never))]
    fn add(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(micros(span)))
    }
}

/// [`Instant::ZERO`].
impl Default for Instant {
    fn default() -> Self {
        Instant::ZERO
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, span: Duration) -> Instant {
        Instant::from_micros(self.as_micros().saturating_sub(micros(span)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

/// Seconds with six decimals, as transcripts print it.
impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.as_micros();
        write!(f, "{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(Instant::MAX + Duration::from_secs(1), Instant::MAX);
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
    }
}
