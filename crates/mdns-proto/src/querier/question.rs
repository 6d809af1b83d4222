//! When a question is asked, and when again (RFC 6762 §5.2).
//!
//! ```text
//! start ─20..120 ms─▶ ask ─1 s─▶ ask ─2 s─▶ ask ─4 s─▶ ... ─1 h─▶ ask ─1 h─▶ ...
//! start ────at once─▶ ask, and a one-shot question (§5.1) ─1 s─▶ ask ─2 s─▶ ...
//! ```
//!
//! The wait keeps hosts apart that begin to ask because of the same event. A look-up that somebody waits for has no such cause,
//! unless the link has just come up.
//!
//! All intervals of a series are longer by one part of themselves, which is drawn when it starts: each is twice the one
//! before, and browsers that started together ask one after the other, so that the first spares the others theirs (§7.3).
//!
//! The series ends when a unique answer comes, or when nobody wants one any more. Beside it, a question may be asked at any
//! time: once because a record is about to end, a few times because somebody doubts what it says (§10.4).

use core::time::Duration;

use crate::{
    store::{Id, NameId, Timed},
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

/// By how much all intervals of a series are longer, at most, in hundredths.
const LATE_PERCENT: u64 = 25;

/// How soon our question must be due for another's to stand in for it (§7.3), at least, and as a part of the interval: as
/// wide as what chance adds. One that is due much later is better asked later.
const SOON: Duration = Duration::from_secs(1);
const SOON_PART: u32 = 4;

/// How often we ask for details that nobody keeps up to date.
const DETAILS_ASKED: u8 = 3;

/// How often we ask for what is in doubt. Two is the least (§10.4).
const DOUBTS_ASKED: u8 = 3;

/// When the first question of a series is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once, with a one-shot question beside it where that is possible: somebody waits for the answer.
    AtOnce,
    /// After a random wait, together with others that start (§5.2).
    Random,
    /// Not at all: there is most likely no answer. What is known is wanted all the same.
    Never,
}

/// The one-shot question beside the first question of a series (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OneShot {
    /// There is none, or its answer is not waited for any more.
    None,
    /// It is asked after the question of the series.
    Due,
    /// It was asked under this id.
    Asked(u16),
}

/// A question as it stands on one link.
#[derive(Debug)]
pub struct QuestionSlot {
    pub(super) name: NameId,
    /// The next question about the same name.
    pub(super) next: Id,
    /// The next question whose known answers are still to be written.
    pub(super) next_listed: Id,
    pub(super) rtype: RecordType,
    /// How often it was asked in this series.
    asked: u8,
    /// The next is to say that a unicast answer is welcome (§5.4).
    pub(super) unicast: bool,
    /// A record that answers it is about to end.
    pub(super) refresh: bool,
    /// How often it is still to be asked because what answers it is in doubt.
    doubts: u8,
    one_shot: OneShot,
    /// How late the series is, of what it may be.
    late: u16,
    /// When the series goes on; [`Instant::MAX`] if there is none.
    due: Instant,
    /// When it may be asked beside its series: a second after it was last asked.
    free: Instant,
}

impl QuestionSlot {
    /// A question without a series.
    pub(super) fn new(name: NameId, rtype: RecordType) -> Self {
        QuestionSlot {
            name,
            next: Id::NONE,
            next_listed: Id::NONE,
            rtype,
            asked: 0,
            unicast: false,
            refresh: false,
            doubts: 0,
            one_shot: OneShot::None,
            late: 0,
            due: Instant::MAX,
            free: Instant::ZERO,
        }
    }

    /// Starts the series.
    pub(super) fn start(&mut self, due: Instant, late: u16, unicast: bool) {
        self.due = due;
        self.late = late;
        self.asked = 0;
        self.unicast = unicast;
        self.one_shot = OneShot::None;
    }

    /// A one-shot question is asked too, after the next question of the series or, if there was one already, at once.
    pub(super) fn ask_one_shot(&mut self) {
        if self.one_shot == OneShot::None {
            self.one_shot = OneShot::Due;
        }
    }

    /// Whether a one-shot question is the next thing to ask.
    pub(super) fn is_one_shot_due(&self) -> bool {
        self.one_shot == OneShot::Due && self.asked > 0 && !self.refresh
    }

    /// The one-shot question was asked under an id, or with `None` there is no need for it any more.
    pub(super) fn note_one_shot(&mut self, id: Option<u16>) {
        self.one_shot = id.map_or(OneShot::None, OneShot::Asked);
    }

    /// Whether a message of this id may answer the one-shot question.
    pub(super) fn awaits_one_shot(&self, id: u16) -> bool {
        self.one_shot == OneShot::Asked(id)
    }

    /// Whether it is asked of its own accord, not for the sake of one record alone.
    pub(super) fn has_series(&self) -> bool {
        self.due != Instant::MAX
    }

    /// Whether there is nothing more to ask.
    pub(super) fn is_over(&self) -> bool {
        self.due() == Instant::MAX
    }

    /// Whether it was asked often enough for something that is good to know but not kept up to date.
    pub(super) fn is_spent(&self) -> bool {
        self.asked >= DETAILS_ASKED
    }

    /// Asks at once because a record is about to end; once a second is enough for all records of a set.
    pub(super) fn ask_for_refresh(&mut self, now: Instant) {
        self.refresh |= self.free <= now;
    }

    /// Asks a few times, a second apart, because what answers it is in doubt (§10.4).
    pub(super) fn ask_in_doubt(&mut self, now: Instant) {
        self.doubts = DOUBTS_ASKED;
        self.free = self.free.max(now);
    }

    /// Whether it is asked because what answers it is in doubt.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubts > 0
    }

    /// It was asked.
    pub(super) fn note_asked(&mut self, now: Instant) {
        self.refresh = false;
        self.doubts = self.doubts.saturating_sub(1);
        self.free = now + Duration::from_secs(INTERVAL_SECS);
        if self.due <= now {
            self.go_on(now);
        }
    }

    /// Another asks the same, and will make known to us what we want to know: what is due soon counts as asked (§7.3).
    pub(super) fn note_asked_by_another(&mut self, now: Instant) {
        let soon = SOON.max(self.interval(self.asked.saturating_sub(1)) / SOON_PART);
        if self.has_series() && self.due <= now + soon {
            self.go_on(now);
        }
    }

    /// Goes on with the series after a question at `now`.
    fn go_on(&mut self, now: Instant) {
        self.unicast = false;
        if self.asked > 0 && self.one_shot != OneShot::Due {
            // What is asked again was not answered.
            self.one_shot = OneShot::None;
        }
        // From now, not from `due`: a late driver must not make intervals short.
        self.due = now + self.interval(self.asked);
        self.asked = self.asked.saturating_add(1).min(32);
    }

    /// The interval after a question before which `asked` were asked.
    fn interval(&self, asked: u8) -> Duration {
        let secs = INTERVAL_SECS.checked_shl(asked.into());
        let secs = secs.map_or(INTERVAL_SECS_MAX, |secs| secs.min(INTERVAL_SECS_MAX));
        let late = secs * 10_000 * LATE_PERCENT * u64::from(self.late) / u64::from(u16::MAX);
        Duration::from_secs(secs) + Duration::from_micros(late)
    }
}

impl Timed for QuestionSlot {
    type At = Instant;
    const NEVER: Instant = Instant::MAX;

    fn due(&self) -> Instant {
        if self.is_one_shot_due() {
            // When it was asked on port 5353: questions that started together come before.
            return self.free - Duration::from_secs(INTERVAL_SECS);
        }
        match (self.refresh, self.doubts) {
            (true, _) => Instant::ZERO,
            (false, 0) => self.due,
            (false, _) => self.due.min(self.free),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: 6762-5.2-a, 6762-5.2-b, 6762-5.2-c
    #[test]
    fn intervals_double_up_to_an_hour() {
        for (late, percent) in [(0, 100), (u16::MAX, 125)] {
            let mut question = QuestionSlot::new(NameId::of(0), RecordType::PTR);
            question.start(Instant::ZERO, late, true);
            let mut now = Instant::ZERO;
            for secs in [
                1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600,
            ] {
                question.note_asked(now);
                assert!(!question.unicast);
                let interval = Duration::from_millis(secs * 10 * percent);
                assert_eq!(question.due(), now + interval);
                now = question.due();
            }
        }
    }

    /// covers: 6762-7.3-a
    #[test]
    fn another_stands_in_for_what_is_due_soon() {
        let after = |asked: u8, left: u64| {
            let mut question = QuestionSlot::new(NameId::of(0), RecordType::PTR);
            question.start(Instant::ZERO, 0, false);
            for _ in 0..asked {
                question.note_asked(question.due());
            }
            let due = question.due();
            let now = Instant::from_micros(due.as_micros() - left * 1000);
            question.note_asked_by_another(now);
            question.due() != due
        };
        assert!(after(1, 999) && after(2, 1_000) && !after(2, 1_001));
        // The interval is 64 s.
        assert!(after(7, 16_000) && !after(7, 16_001));
        // An hour.
        assert!(after(20, 900_000) && !after(20, 900_001));
    }

    /// covers: 6762-10.4-b
    #[test]
    fn what_is_in_doubt_is_asked_for_three_times_a_second_apart() {
        let mut question = QuestionSlot::new(NameId::of(0), RecordType::SRV);
        question.ask_in_doubt(Instant::from_millis(500));
        for millis in [500, 1500, 2500] {
            assert_eq!(question.due(), Instant::from_millis(millis));
            // A second doubt does not hurry.
            question.ask_for_refresh(Instant::from_millis(millis - 1));
            question.note_asked(Instant::from_millis(millis));
        }
        assert!(question.is_over());
    }
}
