//! Clocks, and the sleep of the machine that they give away.
//!
//! The monotonic clock of std stands still while the machine sleeps (on Linux, and on most others); the wall clock does
//! not. Where the wall clock has gone on more than five seconds further than the monotonic one, the machine has slept, or
//! somebody has set the clock: what was heard is then in doubt all the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mdns_proto::time::Instant;

/// By how much the clocks may drift apart between two looks before it counts as sleep.
const SLEEP: Duration = Duration::from_secs(5);

/// The two clocks that a driver reads. Tests bring their own.
///
/// It is read while nothing is locked, from every thread that has a handle: it may call handles itself.
///
/// ```
/// use mdns_driver::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.monotonic();
/// assert!(clock.monotonic() >= before);
/// ```
pub trait Clock: Send + Sync {
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

/// What both clocks said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    monotonic: Duration,
    wall: Duration,
}

impl Reading {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Reading {
            monotonic: clock.monotonic(),
            wall: clock.wall(),
        }
    }

    /// The monotonic time.
    pub(crate) fn now(self) -> Instant {
        let micros = u64::try_from(self.monotonic.as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(micros)
    }

    /// Takes a newer reading. Whether the machine has slept in between; an older one, of another thread, changes nothing.
    pub(crate) fn replace(&mut self, newer: Reading) -> bool {
        let Some(awake) = newer.monotonic.checked_sub(self.monotonic) else {
            return false;
        };
        let passed = newer.wall.saturating_sub(self.wall);
        *self = newer;
        passed.saturating_sub(awake) > SLEEP
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
        let mut time = Reading::of(&hands);
        let mut slept_at = |monotonic, wall| {
            *hands.0.lock().unwrap() = (monotonic, wall);
            time.replace(Reading::of(&hands))
        };
        assert!(!slept_at(100, 1100), "a hundred seconds passed on both");
        assert!(!slept_at(101, 1106), "five seconds apart");
        assert!(slept_at(102, 1113), "six seconds apart");
        assert!(!slept_at(103, 1114), "told once");
        assert!(!slept_at(104, 14), "set back");
        assert!(!slept_at(105, 15), "and going on from there");
        assert!(!slept_at(100, 10), "read before, by another");
        assert!(!slept_at(106, 16), "and going on from there");
    }
}
