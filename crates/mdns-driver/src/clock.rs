//! Clocks, and the sleep of the machine that they give away.
//!
//! The monotonic clock of std stands still while the machine sleeps (on Linux, and on most others); the wall clock does
//! not. Where the wall clock has gone on more than five seconds further than the monotonic one, the machine has slept, or
//! somebody has set the clock: what was heard is then in doubt all the same.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mdns_proto::time::Instant;

/// By how much the clocks may drift apart between two looks before it counts as sleep.
const SLEEP: Duration = Duration::from_secs(5);

/// The two clocks that a driver reads. Tests bring their own.
///
/// ```
/// use mdns_driver::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.monotonic();
/// assert!(clock.monotonic() >= before);
/// ```
pub trait Clock: Send {
    /// The time since some moment, which never goes backwards.
    fn monotonic(&self) -> Duration;
    /// The time since some moment, as a calendar has it: it goes on while the machine sleeps.
    fn wall(&self) -> Duration;
}

/// The clocks of the system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// The clocks, the monotonic one beginning now.
    pub fn new() -> Self {
        SystemClock {
            start: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

/// A clock as the driver reads it.
pub(crate) struct Time {
    clock: Box<dyn Clock>,
    monotonic: Duration,
    wall: Duration,
}

impl Time {
    pub(crate) fn new(clock: Box<dyn Clock>) -> Self {
        let (monotonic, wall) = (clock.monotonic(), clock.wall());
        Time {
            clock,
            monotonic,
            wall,
        }
    }

    /// The time now, and whether the machine has slept since it was last read.
    pub(crate) fn read(&mut self) -> (Instant, bool) {
        let (monotonic, wall) = (self.clock.monotonic(), self.clock.wall());
        let awake = monotonic.saturating_sub(self.monotonic);
        let passed = wall.saturating_sub(self.wall);
        (self.monotonic, self.wall) = (monotonic, wall);
        let micros = u64::try_from(monotonic.as_micros()).unwrap_or(u64::MAX);
        (
            Instant::from_micros(micros),
            passed.saturating_sub(awake) > SLEEP,
        )
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Time").field(&self.monotonic).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Monotonic and wall clock, in seconds.
    #[derive(Clone, Default)]
    struct Hands(Arc<Mutex<(u64, u64)>>);

    impl Clock for Hands {
        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.lock().unwrap().0)
        }
        fn wall(&self) -> Duration {
            Duration::from_secs(self.0.lock().unwrap().1)
        }
    }

    /// covers: SEC-14
    #[test]
    fn sleep_is_what_only_the_wall_clock_saw() {
        let hands = Hands(Arc::new(Mutex::new((0, 1000))));
        let mut time = Time::new(Box::new(hands.clone()));
        let mut slept_at = |monotonic, wall| {
            *hands.0.lock().unwrap() = (monotonic, wall);
            time.read().1
        };
        assert!(!slept_at(100, 1100), "a hundred seconds passed on both");
        assert!(!slept_at(101, 1106), "five seconds apart");
        assert!(slept_at(102, 1113), "six seconds apart");
        assert!(!slept_at(103, 1114), "told once");
        assert!(!slept_at(104, 14), "set back");
        assert!(!slept_at(105, 15), "and going on from there");
    }
}
