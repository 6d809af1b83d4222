//! When a question is asked, and when again (RFC 6762 §5.2).
//!
//! ```text
//! start ─20..120 ms─▶ ask ─1 s─▶ ask ─2 s─▶ ask ─4 s─▶ ... ─1 h─▶ ask ─1 h─▶ ...
//! ```
//!
//! The series ends when a unique answer comes, or when nobody wants one any more. Of its own, a question may be asked
//! once more at any time because a record is about to end.

use core::time::Duration;

use crate::{
    store::{NONE, NameId, Timed},
    time::Instant,
    wire::RecordType,
};

/// The wait before the first question of a series, at least.
pub(super) const FIRST_MIN: Duration = Duration::from_millis(20);
/// The wait before the first question of a series, at most.
pub(super) const FIRST_MAX: Duration = Duration::from_millis(120);

/// The interval after the first question. It doubles with each.
const INTERVAL_SECS: u64 = 1;
/// The longest interval.
const INTERVAL_SECS_MAX: u64 = 3600;

/// How often we ask for details that nobody keeps up to date.
const DETAILS_ASKED: u8 = 3;

/// A question as it stands on one link.
#[derive(Debug)]
pub struct QuestionSlot {
    pub(super) name: NameId,
    /// The next question about the same name.
    pub(super) next: u32,
    /// The next question whose known answers are still to be written.
    pub(super) next_listed: u32,
    place: u32,
    pub(super) rtype: RecordType,
    /// How often it was asked in this series.
    asked: u8,
    /// The next is to say that a unicast answer is welcome (§5.4).
    pub(super) unicast: bool,
    /// A record that answers it is about to end.
    pub(super) refresh: bool,
    /// When the series goes on; [`Instant::MAX`] if there is none.
    due: Instant,
    /// When it was last asked for a refresh; [`Instant::ZERO`] if never.
    refreshed: Instant,
}

impl QuestionSlot {
    /// A question without a series.
    pub(super) fn new(name: NameId, rtype: RecordType) -> Self {
        QuestionSlot {
            name,
            next: NONE,
            next_listed: NONE,
            place: NONE,
            rtype,
            asked: 0,
            unicast: false,
            refresh: false,
            due: Instant::MAX,
            refreshed: Instant::ZERO,
        }
    }

    /// Starts the series.
    pub(super) fn start(&mut self, due: Instant, unicast: bool) {
        self.due = due;
        self.asked = 0;
        self.unicast = unicast;
    }

    /// Whether it is asked of its own accord, not for the sake of one record alone.
    pub(super) fn has_series(&self) -> bool {
        self.due != Instant::MAX
    }

    /// When the series goes on.
    pub(super) fn series_due(&self) -> Instant {
        self.due
    }

    /// Whether it was asked often enough for something that is good to know but not kept up to date.
    pub(super) fn is_spent(&self) -> bool {
        self.asked >= DETAILS_ASKED
    }

    /// Asks at once because a record is about to end; once a second is enough for all records of a set.
    pub(super) fn ask_for_refresh(&mut self, now: Instant) {
        let is_long_ago = now.since(self.refreshed) >= Duration::from_secs(INTERVAL_SECS);
        if is_long_ago || self.refreshed == Instant::ZERO {
            self.refresh = true;
        }
    }

    /// It was asked, by us or by another who will make known to us what we want to know (§7.3).
    pub(super) fn note_asked(&mut self, now: Instant) {
        if self.refresh {
            self.refresh = false;
            self.refreshed = now;
        }
        if self.due <= now {
            self.go_on(now);
        }
    }

    /// Goes on with the series after a question at `now`.
    pub(super) fn go_on(&mut self, now: Instant) {
        self.unicast = false;
        let secs = INTERVAL_SECS
            .checked_shl(self.asked.into())
            .unwrap_or(INTERVAL_SECS_MAX);
        self.asked = self.asked.saturating_add(1).min(32);
        // From now, not from `due`: a late driver must not make intervals short.
        self.due = now + Duration::from_secs(secs.min(INTERVAL_SECS_MAX));
    }
}

impl Timed for QuestionSlot {
    fn due(&self) -> Instant {
        if self.refresh {
            Instant::ZERO
        } else {
            self.due
        }
    }
    fn place(&self) -> u32 {
        self.place
    }
    fn set_place(&mut self, place: u32) {
        self.place = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: 6762-5.2-a, 6762-5.2-b, 6762-5.2-c
    #[test]
    fn intervals_double_up_to_an_hour() {
        let mut question = QuestionSlot::new(NameId(0), RecordType::PTR);
        question.start(Instant::ZERO, true);
        let mut now = Instant::ZERO;
        for secs in [
            1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600,
        ] {
            question.note_asked(now);
            assert!(!question.unicast);
            assert_eq!(question.due(), now + Duration::from_secs(secs));
            now = question.due();
        }
    }
}
