//! smoltcp's time and ours: both are microseconds since a moment of the caller's choice.

use mdns_proto::time::Instant;

/// smoltcp's time as commands of the host want it. Before the chosen moment there is none.
///
/// ```
/// use mdns_smoltcp::{at, proto};
///
/// let now = smoltcp::time::Instant::from_millis(1500);
/// assert_eq!(at(now), proto::time::Instant::from_millis(1500));
/// ```
pub fn at(now: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(now.total_micros()).unwrap_or(0))
}

/// Our time as smoltcp's. What smoltcp cannot count to is never.
pub(crate) fn back(at: Instant) -> Option<smoltcp::time::Instant> {
    i64::try_from(at.as_micros())
        .ok()
        .map(smoltcp::time::Instant::from_micros)
}
