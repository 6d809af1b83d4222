//! How often something is done within a second: what others send makes us answer and ask, and must not make us do so without end.

use core::time::Duration;

use crate::time::Instant;

/// How long is counted, from the first that is.
const WITHIN: Duration = Duration::from_secs(1);

/// What was done within a second of the first of it.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When the count began.
    from: Instant,
    /// How often since then.
    count: u8,
}

impl Pace {
    pub(crate) const NEW: Pace = Pace {
        from: Instant::ZERO,
        count: 0,
    };

    /// Begins to count anew if a second has passed, and says how often it was done since the count began.
    pub(crate) fn counted(&mut self, now: Instant) -> u8 {
        if now >= self.from + WITHIN {
            (self.from, self.count) = (now, 0);
        }
        self.count
    }

    /// It is done once more.
    pub(crate) fn count(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Before this it is not to be done again, if it may be done so often within a second.
    pub(crate) fn held_until(&self, most: u8) -> Instant {
        if self.count < most {
            Instant::ZERO
        } else {
            self.from + WITHIN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_begins_with_the_first_that_is_counted() {
        let at = Instant::from_millis;
        let mut pace = Pace::NEW;
        for millis in [5000, 5500, 5999] {
            assert!(pace.counted(at(millis)) < 3 && pace.held_until(3) <= at(millis));
            pace.count();
        }
        assert_eq!(pace.counted(at(5999)), 3);
        assert_eq!(pace.held_until(3), at(6000));
        assert_eq!(pace.held_until(4), Instant::ZERO);
        assert_eq!(pace.counted(at(6000)), 0);
        assert_eq!(pace.held_until(3), Instant::ZERO);
    }
}
