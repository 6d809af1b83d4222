//! The time of the machine, and its sleep.

use std::time::Duration;

use ipv4ll::Instant;
use rustix::time::{ClockId, clock_gettime};

/// By how much the two clocks may drift apart before it counts as sleep.
const SLEEP: Duration = Duration::from_secs(1);

/// Counts the time that the machine is awake, and notices when it was not.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The time that the machine had slept for when this was last looked at.
    asleep: Duration,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock { asleep: asleep() }
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = read(ClockId::Monotonic).as_micros();
        Instant::from_micros(micros.try_into().unwrap_or(u64::MAX))
    }

    /// Returns whether the machine has slept since the last call.
    pub(crate) fn has_slept(&mut self) -> bool {
        let before = std::mem::replace(&mut self.asleep, asleep());
        self.asleep.saturating_sub(before) >= SLEEP
    }
}

/// The boot clock goes on while the machine sleeps, the monotonic one does not.
fn asleep() -> Duration {
    let monotonic = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(monotonic)
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}
