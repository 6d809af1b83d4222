//! One record that was heard, and when something is to be done for it.
//!
//! ```text
//! heard ──80 %──▶ ask ──85 %──▶ ask ──90 %──▶ ask ──95 %──▶ ask ──100 %──▶ gone     kept up to date (§5.2)
//! heard ─────────────────────────────────────────────────────────100 %──▶ gone     otherwise
//! goodbye, flushed ──1 s──▶ gone                                                   either way (§10.1, §10.2)
//! in doubt, and not heard again ──10 s──▶ gone                                     either way (§10.4, §10.5)
//! ```

use core::time::Duration;

use crate::{
    store::{Block, Chained, Id, NameId, Raw, Timed},
    time::Instant,
    wire::RecordType,
};

/// The parts of its life, in hundredths, after which a record that is kept up to date is asked for again (§5.2).
const REFRESH_AT: [u64; 4] = [80, 85, 90, 95];

/// By how much of its life each refresh may be late, in hundredths (§5.2).
const REFRESH_SPREAD: u64 = 2;

/// How long what was said is not said again to another who asks: a second (§6), and what packets take.
const ANSWERED: Duration = Duration::from_secs(2);

/// Of the questions of others that may go unanswered, those that come within two of these of the first are one burst with it: it is
/// still being answered (§6). After so many the first does not count any more: there were answers that we did not hear (§10.5).
const MISSED_UNIT_MILLIS: u128 = 250;
const MISSED_BURST: u16 = 2;
const MISSED_SPAN: u16 = 4 * 60 * 10;

/// No question of another went unanswered.
const NOT_MISSED: u16 = u16::MAX;

/// Later than any expiry, and yet not never: where a record of our own stands, so that it can be evicted if nobody keeps
/// it.
pub(super) const LATEST: Instant = Instant::from_micros(u64::MAX - 1);

/// A record that was heard. What can be told from other things is not kept.
#[derive(Debug)]
pub struct HeardRecord {
    pub(super) name: NameId,
    /// Of name, type and rdata.
    pub(super) hash: Raw,
    /// The record before in the chain of the name.
    pub(super) before: Id,
    /// The record after in the chain of the name.
    pub(super) after: Id,
    pub(super) data: Data,
    /// When it was last heard, or cut short.
    heard: Instant,
    ttl_secs: u32,
    /// How late its refreshes are, of what they may be. One packet, one number: then its records are refreshed together.
    jitter: u16,
    pub(super) rtype: RecordType,
    /// When another asked for it and was not answered, since it was heard, in units of 250 ms; [`NOT_MISSED`] if nobody did (§10.5).
    missed: u16,
    /// Refreshes that fell due so far, `0..=4`.
    refreshes: u8,
    life: Life,
    set: Set,
    worth: Worth,
}

/// What a record says, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// A.
    V4([u8; 4]),
    /// PTR and CNAME.
    Name(NameId),
    /// SRV.
    Srv {
        target: NameId,
        priority: u16,
        weight: u16,
        port: u16,
    },
    /// All else, in the text row. Of an NSEC, the types alone.
    Bytes(Block),
    /// It is there, and was too large to be kept.
    Dropped,
}

impl Data {
    /// The name that it leads to.
    pub(super) fn target(self) -> Option<NameId> {
        match self {
            Data::Name(target) | Data::Srv { target, .. } => Some(target),
            Data::V4(_) | Data::Bytes(_) | Data::Dropped => None,
        }
    }
}

/// The set that a record is a member of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Others have members of it too.
    Shared,
    /// It is sent whole: the record came with cache-flush.
    Unique,
    /// Others have members of it too, and the query that is being read lists this one as known (§7.1).
    Listed,
    /// It came in answer to a one-shot question, and may be one of several, or all there is (§6.7).
    OneShot,
}

/// How a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// With its TTL.
    Whole,
    /// In ten seconds, if it is not heard by then: it seems that it is so no more (§10.4, §10.5). Until then it counts.
    Doubted,
    /// Soon: it was withdrawn, or replaced, or is from before a sleep.
    CutShort,
    /// When we withdraw it: it is our own.
    Own,
}

/// Who would miss a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// Nobody. It is the first to go when room is needed.
    Idle,
    /// Whoever is shown it: it is spared, unless something that is kept needs its room.
    Shown,
    /// Whoever keeps it up to date: it never yields.
    Kept,
}

/// How long a record may be believed, and from when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) heard: Instant,
    pub(super) ttl_secs: u32,
    pub(super) jitter: u16,
    pub(super) life: Life,
    pub(super) set: Set,
}

impl HeardRecord {
    pub(super) fn new(name: NameId, hash: Raw, rtype: RecordType, term: Term) -> Self {
        HeardRecord {
            name,
            hash,
            before: Id::NONE,
            after: Id::NONE,
            data: Data::Dropped,
            heard: term.heard,
            ttl_secs: term.ttl_secs,
            jitter: term.jitter,
            rtype,
            refreshes: 0,
            life: term.life,
            missed: NOT_MISSED,
            set: term.set,
            worth: Worth::Idle,
        }
    }

    /// Starts its life anew.
    pub(super) fn renew(&mut self, term: Term) {
        self.heard = term.heard;
        self.ttl_secs = term.ttl_secs;
        self.jitter = term.jitter;
        self.life = term.life;
        self.set = term.set;
        self.missed = NOT_MISSED;
        self.refreshes = 0;
    }

    /// Lets it end `secs` from now, unless it ends sooner anyway.
    pub(super) fn cut(&mut self, now: Instant, secs: u32) {
        if self.life == Life::Own || self.expires() > now + Duration::from_secs(secs.into()) {
            self.heard = now;
            self.ttl_secs = secs;
        }
        self.life = Life::CutShort;
        self.missed = NOT_MISSED;
    }

    /// Lets it end in `secs`, unless it is heard again by then or ends sooner anyway.
    pub(super) fn doubt(&mut self, now: Instant, secs: u32) {
        if self.life == Life::Whole {
            self.cut(now, secs);
            self.life = Life::Doubted;
        }
    }

    /// Another asks for it: it is to be said again. Whether this was so before, not long ago, and it was not (§10.5).
    pub(super) fn note_missed(&mut self, now: Instant) -> bool {
        if now < self.heard + ANSWERED {
            return false;
        }
        let since = now.since(self.heard).as_millis() / MISSED_UNIT_MILLIS;
        let since = u16::try_from(since)
            .unwrap_or(NOT_MISSED)
            .min(NOT_MISSED - 1);
        match since.checked_sub(self.missed) {
            Some(..MISSED_BURST) => false,
            Some(MISSED_BURST..=MISSED_SPAN) => true,
            _ => {
                self.missed = since;
                false
            }
        }
    }

    /// Says whether the query that is being read lists it as known.
    pub(super) fn set_listed(&mut self, is_listed: bool) {
        if matches!(self.set, Set::Shared | Set::Listed) {
            self.set = if is_listed { Set::Listed } else { Set::Shared };
        }
    }

    /// Whether the query that is being read lists it as known.
    pub(crate) fn is_listed(&self) -> bool {
        self.set == Set::Listed
    }

    /// Who would miss it. Refreshes that lie in the past by then are not made up for.
    pub(super) fn set_worth(&mut self, now: Instant, worth: Worth) {
        self.worth = worth;
        if worth == Worth::Kept {
            self.skip_refreshes(now);
        }
    }

    /// Counts all refreshes up to now as made.
    pub(super) fn skip_refreshes(&mut self, now: Instant) {
        while self.refresh_at().is_some_and(|at| at <= now) {
            self.refreshes += 1;
        }
    }

    fn life_micros(&self) -> u64 {
        u64::from(self.ttl_secs) * 1_000_000
    }

    fn refresh_at(&self) -> Option<Instant> {
        let percent = REFRESH_AT.get(usize::from(self.refreshes))?;
        let life = self.life_micros();
        let late = life / 100 * REFRESH_SPREAD * u64::from(self.jitter) / u64::from(u16::MAX);
        Some(self.heard + Duration::from_micros(life / 100 * percent + late))
    }

    pub(crate) fn expires(&self) -> Instant {
        match self.life {
            Life::Own => LATEST,
            Life::Whole | Life::Doubted | Life::CutShort => {
                self.heard + Duration::from_micros(self.life_micros())
            }
        }
    }

    pub(crate) fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The name that it leads to, if it is a PTR, a CNAME or an SRV.
    pub(crate) fn target(&self) -> Option<NameId> {
        self.data.target()
    }

    /// Priority, weight and port of an SRV.
    pub(crate) fn srv(&self) -> Option<(u16, u16, u16)> {
        match self.data {
            Data::Srv {
                priority,
                weight,
                port,
                ..
            } => Some((priority, weight, port)),
            _ => None,
        }
    }

    pub(crate) fn name(&self) -> NameId {
        self.name
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    pub(crate) fn is_unique(&self) -> bool {
        self.set == Set::Unique
    }

    /// Whether all that is known of it is an answer to a one-shot question.
    pub(crate) fn is_one_shot(&self) -> bool {
        self.set == Set::OneShot
    }

    pub(crate) fn worth(&self) -> Worth {
        self.worth
    }

    /// When it was last heard, or cut short.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether it was there, but too large to be kept.
    pub(crate) fn is_dropped(&self) -> bool {
        self.data == Data::Dropped
    }

    /// The TTL to say it with as a known answer: what is left, in whole seconds; `None` if that is less than half, or
    /// if it must not be said (§7.1, §10.2).
    ///
    /// What is ours is known too. Were it not listed, others would take our question for one whose answers they will hear
    /// (§7.3), and we do not answer ourselves.
    pub(crate) fn known_ttl(&self, now: Instant) -> Option<u32> {
        if !matches!(self.set, Set::Shared | Set::Listed) {
            return None;
        }
        match self.life {
            Life::Own => Some(self.ttl_secs),
            Life::Whole => {
                let left = self.expires().since(now).as_micros();
                let is_known = left * 2 >= u128::from(self.life_micros());
                is_known.then(|| u32::try_from(left / 1_000_000).unwrap_or(u32::MAX))
            }
            Life::Doubted | Life::CutShort => None,
        }
    }

    /// The next record in the chain of the name.
    pub(crate) fn next_of_name(&self) -> u32 {
        self.after.get()
    }
}

impl Chained for HeardRecord {
    fn hash(&self) -> Raw {
        self.hash
    }
}

impl Timed for HeardRecord {
    type At = Instant;
    const NEVER: Instant = Instant::MAX;

    fn due(&self) -> Instant {
        match (self.life, self.worth) {
            // The question that an answer to a one-shot question does not end is asked on.
            (Life::Whole, Worth::Kept) if !self.is_one_shot() => {
                self.refresh_at().unwrap_or(self.expires())
            }
            _ => self.expires(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Slot;

    fn record(jitter: u16) -> HeardRecord {
        let term = Term {
            heard: Instant::ZERO,
            ttl_secs: 100,
            jitter,
            life: Life::Whole,
            set: Set::Shared,
        };
        HeardRecord::new(NameId::of(0), 0, RecordType::PTR, term)
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot<HeardRecord>>() <= 56);
    }

    /// covers: 6762-5.2-i, 6762-5.2-j, 6762-5.2-l
    #[test]
    fn a_record_that_is_kept_is_refreshed_four_times_and_another_never() {
        for (jitter, late) in [(0, 0), (u16::MAX, 2)] {
            let mut record = record(jitter);
            assert_eq!(record.due(), Instant::from_millis(100_000));
            record.set_worth(Instant::ZERO, Worth::Shown);
            assert_eq!(record.due(), Instant::from_millis(100_000));
            record.set_worth(Instant::ZERO, Worth::Kept);
            for percent in [80, 85, 90, 95] {
                let due = Instant::from_millis((percent + late) * 1000);
                assert_eq!(record.due(), due);
                record.skip_refreshes(due - Duration::from_micros(1));
                assert_eq!(record.due(), due);
                record.skip_refreshes(due);
            }
            assert_eq!(record.due(), Instant::from_millis(100_000));
        }
    }

    /// covers: 6762-5.2-i
    #[test]
    fn refreshes_that_nobody_wanted_are_not_made_up_for() {
        let mut record = record(0);
        record.set_worth(Instant::from_millis(86_000), Worth::Kept);
        assert_eq!(record.due(), Instant::from_millis(90_000));
    }

    /// covers: 6762-10.5-a, 6762-10.5-c
    #[test]
    fn two_questions_apart_and_not_too_far_count() {
        let at = |millis| Instant::ZERO + ANSWERED + Duration::from_millis(millis);
        let mut early = record(0);
        assert!(!early.note_missed(at(0) - Duration::from_micros(1)));
        assert!(!early.note_missed(at(700)), "the first that counts");
        // Half a second apart they are two, a quarter of a second apart one burst; after ten minutes the first is forgotten.
        for (apart, counts) in [
            (0, false),
            (250, false),
            (500, true),
            (1_000, true),
            (600_000, true),
            (600_250, false),
        ] {
            let mut record = record(0);
            assert!(!record.note_missed(at(0)));
            assert_eq!(record.note_missed(at(apart)), counts, "{apart} ms");
        }
    }

    /// covers: 6762-7.1-e, 6762-7.1-h
    #[test]
    fn a_known_answer_has_half_its_life_left() {
        let record = record(0);
        let at = |millis| record.known_ttl(Instant::from_millis(millis));
        assert_eq!(at(0), Some(100));
        assert_eq!(at(1), Some(99));
        assert_eq!(at(50_000), Some(50));
        assert_eq!(at(50_001), None);
    }
}
