//! One link as the querier sees it: what was heard on it, what is asked on it.

use core::{fmt, time::Duration};

use super::{
    known::{KnownBytes, PACKETS_MAX},
    question::{FIRST_MAX, FIRST_MIN, QuestionSlot, Start},
};
use crate::{
    cache::{Cache, Gone, HeardRecord, HeardStorage, Inserted, Life, Origin, Room, Worth},
    chance::{Chance, Draw},
    config::Config,
    discovery::{AskStorage, Asks, Change, Entry, Heard, Need},
    link::{LinkConfig, LinkId, UNICAST_SPAN},
    name::Name,
    pace::Pace,
    registry::{OwnRecords, SubtypeName},
    stats::Stats,
    store::{Due, Full, Id, NONE, NameId, Table},
    time::Instant,
    wire::{Rdata, Record, RecordType, Ttl},
};

/// For how long hosts may do something because of an event that all of them notice, such as a switch that comes up.
const COMMON_EVENT: Duration = Duration::from_secs(1);

/// For how long an answer to a one-shot question is believed (§6.7).
const ONE_SHOT_TTL_MAX: Ttl = Ttl(10);

/// A name that questions are about, by its number where it is held: records that are taken in meanwhile may move its text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// It is held for what was asked for.
    Asked(NameId),
    /// It is held in the cache of the link.
    Heard(NameId),
}

/// One link as the querier sees it.
pub struct HeardLink<H: HeardStorage> {
    pub(crate) id: LinkId,
    pub(super) config: LinkConfig,
    pub(crate) is_up: bool,
    /// Questions that start now are the first after the link came up.
    pub(crate) is_fresh: bool,
    pub(crate) cache: Cache<H>,
    pub(super) questions: Table<QuestionSlot, H::Questions>,
    pub(super) due: Due<H::QuestionDue>,
    questions_max: u32,
    /// When the questions that start together are asked, and how late they are from then on.
    burst: (Instant, u16),
    /// Until when a unicast answer is believed.
    unicast_until: Instant,
    /// From when on a look-up need not wait: until then others may ask because of what we ask for, that the link came up.
    pub(crate) at_once_from: Instant,
    /// Whether one-shot questions can be asked.
    pub(crate) has_one_shot: bool,
    /// Until when an answer to a one-shot question is believed.
    one_shot_until: Instant,
    /// Questions whose known answers are still to be written, the first and the last.
    pub(super) listed: (u32, u32),
    /// Packets sent lately.
    pub(super) pace: Pace,
    /// Bytes of known answers sent lately.
    pub(super) known_bytes: KnownBytes,
    /// Since when it was asked for what others were not answered, and how often (§10.5).
    pub(super) verified: (Instant, u8),
    /// A question that was wanted found no room.
    pub(crate) is_starved: bool,
    /// A question has made room since.
    pub(crate) has_freed: bool,
    /// When to see to that, if nothing else comes up before.
    pub(crate) retry: Instant,
    not_cached: u32,
    no_instance: u32,
    not_link_local: u32,
}

impl<H: HeardStorage> HeardLink<H> {
    pub(super) fn new(id: LinkId, config: LinkConfig, limits: &Config, key: u64) -> Self {
        HeardLink {
            id,
            config,
            is_up: false,
            is_fresh: false,
            cache: Cache::new(limits, key),
            questions: Table::new(),
            due: Due::new(),
            questions_max: limits.heard_records_max,
            burst: (Instant::ZERO, 0),
            unicast_until: Instant::ZERO,
            at_once_from: Instant::ZERO,
            has_one_shot: false,
            one_shot_until: Instant::ZERO,
            listed: (NONE, NONE),
            pace: Pace::NEW,
            known_bytes: KnownBytes::NEW,
            verified: (Instant::ZERO, 0),
            is_starved: false,
            has_freed: false,
            retry: Instant::MAX,
            not_cached: 0,
            no_instance: 0,
            not_link_local: 0,
        }
    }

    // Records.

    /// Takes in what a record says.
    pub(crate) fn take<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        now: Instant,
        record: &mut Record<'_>,
        origin: Origin,
        cache_unasked: bool,
    ) {
        let rtype = record.rtype();
        // §13: of other names only what the application itself asked for is believed; what others say of them is not.
        if origin != Origin::Own && !record.name.is_link_local() && !asks.is_awaited(record.name) {
            Stats::count(&mut self.not_link_local);
            return;
        }
        if record.ttl.0 == 0 {
            let cache = &mut self.cache;
            cache.withdraw(now, record, origin, &mut |name, rdata| {
                asks.note(Change::Went, name, rdata);
            });
            return;
        }
        if origin != Origin::Own && asks.is_no_result(record.name, &record.rdata) {
            Stats::count(&mut self.no_instance);
        }
        if !self.is_wanted(asks, record, origin, cache_unasked) {
            return;
        }
        // Pointers of a service type are shared, always. Devices that send them with cache-flush would remove each other.
        record.cache_flush &= !(rtype == RecordType::PTR && is_service(record.name));
        let Some(id) = self.insert_or_count(asks, now, record, origin) else {
            return;
        };
        let cache = &mut self.cache;
        if record.cache_flush {
            cache.flush(now, id, origin, &mut |name, rdata| {
                asks.note(Change::Went, name, rdata);
            });
        }
        self.note_answered(asks, record, id);
    }

    /// Takes in a record of an answer to a one-shot question. It is believed for ten seconds at most (§6.7), and there may always
    /// be more than it says: it takes the place of nothing, and ends no question.
    pub(super) fn take_one_shot<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        now: Instant,
        record: &mut Record<'_>,
    ) {
        record.cache_flush = false;
        record.ttl = record.ttl.min(ONE_SHOT_TTL_MAX);
        if record.ttl != Ttl::ZERO {
            self.insert_or_count(asks, now, record, Origin::OneShot);
        }
    }

    /// Inserts a record; one that finds no room is counted, and whoever wants it is told.
    fn insert_or_count<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        now: Instant,
        record: &Record<'_>,
        origin: Origin,
    ) -> Option<u32> {
        let inserted = self.insert(asks, now, record, origin);
        if inserted.is_err() {
            Stats::count(&mut self.not_cached);
            asks.note_dropped(record.name, &record.rdata);
        }
        inserted.ok()
    }

    /// Forgets what was taken in as our own and is not ours any more.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn verify_own<A: AskStorage>(&mut self, asks: &mut Asks<A>, own: &dyn OwnRecords) {
        let mut from = 0;
        while let Some(id) = self.cache.next_own(from) {
            from = id.saturating_add(1);
            let Some(record) = self.cache.get(id) else {
                continue;
            };
            let (name, rdata) = (self.cache.name(record.name()), self.cache.said(record));
            let (mut is_ours, mut next) = (false, own.first(name));
            while let Some(ours) =
                own.answer(self.id, rdata.rtype(), &mut next, &mut SubtypeName::new())
            {
                is_ours |= ours.rdata == rdata;
            }
            if !is_ours {
                self.cache.remove(id, &mut |name, rdata| {
                    asks.note(Change::Went, name, rdata);
                });
            }
        }
    }

    fn insert<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        now: Instant,
        record: &Record<'_>,
        origin: Origin,
    ) -> Result<u32, Full> {
        let worth = worth_of(asks.need_of_record(record.name, &record.rdata));
        let gone: Gone<'_> = &mut |name, rdata| {
            asks.note(Change::Went, name, rdata);
        };
        let inserted = self
            .cache
            .insert(now, record, origin, &mut Room { worth, gone });
        let (id, change) = match inserted? {
            Inserted::New(id) | Inserted::Rescued(id) => (id, Change::Came),
            Inserted::Again(id) => (id, Change::Stayed),
        };
        if change == Change::Came || record.rtype() == RecordType::PTR {
            let need = asks.note(change, record.name, &record.rdata);
            self.raise_worth(now, id, worth_of(need));
        }
        Ok(id)
    }

    /// Whether a record is worth its room: it is asked for, it belongs to something that was, or there is room for all.
    fn is_wanted<A: AskStorage>(
        &self,
        asks: &Asks<A>,
        record: &Record<'_>,
        origin: Origin,
        cache_unasked: bool,
    ) -> bool {
        let is_detail = matches!(
            record.rtype(),
            RecordType::SRV | RecordType::TXT | RecordType::A | RecordType::AAAA | RecordType::NSEC
        );
        cache_unasked && origin != Origin::Own
            || is_detail && self.cache.find_name(record.name).is_some()
            || asks.need_of_record(record.name, &record.rdata) != Need::None
    }

    /// Whether any name is kept, of a record or a question.
    pub(super) fn keeps_any(&self) -> bool {
        self.cache.keeps_any()
    }

    fn raise_worth(&mut self, now: Instant, id: u32, worth: Worth) {
        let before = self.cache.get(id).map_or(worth, |record| record.worth());
        self.cache.set_worth(now, id, before.max(worth));
    }

    /// Says of records of this name and type that someone would miss them: of as many as a stranger may make us look at.
    pub(crate) fn await_records<A: AskStorage>(
        &mut self,
        asks: &Asks<A>,
        now: Instant,
        subject: Subject,
        rtype: RecordType,
        need: Need,
    ) {
        let Some(name) = self.cache.find_name(self.subject(asks, subject)) else {
            return;
        };
        let mut id = self.cache.first(name);
        for _ in 0..self.cache.walk_max() {
            let Some(record) = self.cache.get(id) else {
                return;
            };
            let next = record.next_of_name();
            if rtype == RecordType::ANY || record.rtype() == rtype {
                self.raise_worth(now, id, worth_of(need));
            }
            id = next;
        }
    }

    /// Something was asked for, or is not any more: looks at all that is known and asked about a name, says what someone
    /// would miss now, and drops the questions that nobody needs.
    pub(crate) fn recheck<A: AskStorage>(&mut self, asks: &Asks<A>, now: Instant, name: Name<'_>) {
        let Some(id) = self.cache.find_name(name) else {
            return;
        };
        let mut record = self.cache.first(id);
        // Records of one type stand together, mostly.
        let mut last = None;
        while let Some(kept) = self.cache.get(record) {
            let (next, rtype) = (kept.next_of_name(), kept.rtype());
            let mut need = match last {
                Some((last, need)) if last == rtype => need,
                _ => asks.need(name, rtype),
            };
            last = Some((rtype, need));
            if need == Need::Open {
                need = asks.need_of_record(name, &self.cache.rdata(record));
            }
            self.cache.set_worth(now, record, worth_of(need));
            record = next;
        }
        let mut question = self.cache.tag(id);
        while let Some(slot) = self.questions.get(question) {
            let next = slot.next;
            if asks.need(name, slot.rtype) == Need::None {
                self.drop_question(question);
            }
            question = next.get();
        }
    }

    /// Expires and refreshes what is due.
    pub(super) fn handle_timeout<A: AskStorage>(&mut self, asks: &mut Asks<A>, now: Instant) {
        while let Some(id) = self.cache.due(now) {
            let Some(record) = self.cache.get(id) else {
                return;
            };
            let (name, rtype) = (record.name(), record.rtype());
            if record.expires() <= now {
                self.cache.remove(id, &mut |name, rdata| {
                    asks.note(Change::Went, name, rdata);
                });
                asks.note_room(now);
                continue;
            }
            let need = asks.need_of_record(self.cache.name(name), &self.cache.rdata(id));
            let worth = worth_of(need);
            if worth == Worth::Kept {
                self.cache.refreshed(now, id);
                self.ask_for_refresh(now, name, rtype);
            } else {
                self.cache.set_worth(now, id, worth);
            }
        }
    }

    /// Forgets all that was heard and asked.
    pub(super) fn clear<A: AskStorage>(&mut self, asks: &mut Asks<A>) {
        for id in 0..self.questions.bound() {
            self.drop_question(id);
        }
        self.cache.clear(&mut |name, rdata| {
            asks.note(Change::Went, name, rdata);
        });
        self.unicast_until = Instant::ZERO;
        self.one_shot_until = Instant::ZERO;
    }

    // Questions.

    /// The name of a subject.
    pub(crate) fn subject<'s, A: AskStorage>(
        &'s self,
        asks: &'s Asks<A>,
        subject: Subject,
    ) -> Name<'s> {
        match subject {
            Subject::Asked(name) => asks.name(name),
            Subject::Heard(name) => self.cache.name(name),
        }
    }

    /// The link came up, or the machine has slept: others notice it too, and a look-up keeps the wait of §5.2 for a while.
    pub(super) fn note_up(&mut self, now: Instant) {
        self.is_fresh = true;
        self.at_once_from = now + COMMON_EVENT;
    }

    /// Starts to ask, unless that is being done.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn ask<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        now: Instant,
        (subject, rtype): (Subject, RecordType),
        start: Start,
        chance: &mut Chance,
    ) -> Result<(), Full> {
        let id = match self.find_question(self.subject(asks, subject), rtype) {
            Some(id) => id,
            None => self.add_question(asks, subject, rtype)?,
        };
        let is_asked = self.questions.get(id).is_some_and(QuestionSlot::has_series);
        if is_asked && !self.is_fresh {
            if start == Start::AtOnce {
                self.hurry(now, id);
            }
            return Ok(());
        }
        let unicast = self.is_fresh && self.config.unicast;
        let (due, late) = match start {
            // Before the one-shot questions of all that are asked now, which are due when the first of these was asked.
            Start::AtOnce if now >= self.at_once_from => {
                (now - Duration::from_micros(1), self.draw_late(chance))
            }
            Start::AtOnce | Start::Random | Start::Never => self.next_burst(now, chance),
        };
        if let Some(slot) = self.questions.get_mut(id) {
            slot.start(due, late, unicast);
            if start == Start::AtOnce && self.has_one_shot {
                slot.ask_one_shot();
            }
        }
        self.due.settle(&self.questions, id);
        Ok(())
    }

    /// Somebody waits for the answer to what is being asked, and the series may pause for long: asks once more beside it, at most
    /// once a second.
    fn hurry(&mut self, now: Instant, id: u32) {
        if now < self.at_once_from {
            return;
        }
        if let Some(slot) = self.questions.get_mut(id) {
            slot.ask_for_refresh(now);
            if self.has_one_shot {
                slot.ask_one_shot();
            }
        }
        self.due.settle(&self.questions, id);
    }

    fn draw_late(&self, chance: &mut Chance) -> u16 {
        (chance.draw(Draw::LateSeries, self.id.0.into()) >> 48) as u16
    }

    /// When questions that start now are to be asked: together, so that they share packets (§5.2, §5.3).
    pub(super) fn next_burst(&mut self, now: Instant, chance: &mut Chance) -> (Instant, u16) {
        if self.burst.0 < now + FIRST_MIN {
            let wait = chance.within(Draw::FirstQuestion, self.id.0.into(), FIRST_MIN..=FIRST_MAX);
            self.burst = (now + wait, self.draw_late(chance));
        }
        self.burst
    }

    /// Whether there is a series of questions going on.
    pub(crate) fn is_asking(&self, name: Name<'_>, rtype: RecordType) -> bool {
        let slot = self
            .find_question(name, rtype)
            .and_then(|id| self.questions.get(id));
        slot.is_some_and(QuestionSlot::has_series)
    }

    fn find_question(&self, name: Name<'_>, rtype: RecordType) -> Option<u32> {
        self.question_of(self.cache.find_name(name)?, rtype)
    }

    pub(super) fn question_of(&self, name: NameId, rtype: RecordType) -> Option<u32> {
        let mut id = self.cache.tag(name);
        while let Some(slot) = self.questions.get(id) {
            if slot.rtype == rtype {
                return Some(id);
            }
            id = slot.next.get();
        }
        None
    }

    fn add_question<A: AskStorage>(
        &mut self,
        asks: &mut Asks<A>,
        subject: Subject,
        rtype: RecordType,
    ) -> Result<u32, Full> {
        if !self.questions.has_room(self.questions_max) {
            return Err(Full);
        }
        let name = match subject {
            Subject::Heard(name) => {
                self.cache.hold(name);
                name
            }
            Subject::Asked(name) => loop {
                if let Ok(name) = self.cache.intern(asks.name(name)) {
                    break name;
                }
                let gone: Gone<'_> = &mut |name, rdata| {
                    asks.note(Change::Went, name, rdata);
                };
                let worth = Worth::Kept;
                self.cache.evict(&mut Room { worth, gone })?;
            },
        };
        self.add_question_of(name, rtype)
    }

    /// Takes over the caller's hold on the name.
    fn add_question_of(&mut self, name: NameId, rtype: RecordType) -> Result<u32, Full> {
        let mut slot = QuestionSlot::new(name, rtype);
        slot.next = Id::of(self.cache.tag(name));
        let id = self
            .questions
            .insert(slot, self.questions_max)
            .inspect_err(|Full| self.cache.release(name))?;
        self.cache.set_tag(name, id);
        Ok(id)
    }

    /// Asks at once because a record is about to end.
    fn ask_for_refresh(&mut self, now: Instant, name: NameId, rtype: RecordType) {
        // If there is no room, there is another time, at the next refresh.
        self.ask_beside(name, rtype, |slot| slot.ask_for_refresh(now));
    }

    /// Asks once more what is being asked: an answer to it found no room.
    pub(crate) fn ask_again(&mut self, now: Instant, name: Name<'_>, rtype: RecordType) {
        if let Some(id) = self.find_question(name, rtype)
            && let Some(slot) = self.questions.get_mut(id)
        {
            slot.ask_for_refresh(now);
            self.due.settle(&self.questions, id);
        }
    }

    /// Asks for something that is known, beside the series if there is one. Says whether there was room for the question.
    pub(super) fn ask_beside(
        &mut self,
        name: NameId,
        rtype: RecordType,
        ask: impl FnOnce(&mut QuestionSlot),
    ) -> bool {
        let found = self.question_of(name, rtype).or_else(|| {
            self.cache.hold(name);
            self.add_question_of(name, rtype).ok()
        });
        let Some(id) = found else {
            return false;
        };
        if let Some(slot) = self.questions.get_mut(id) {
            ask(slot);
        }
        self.due.settle(&self.questions, id);
        true
    }

    /// Doubts the records of a name and type: they are asked for, and end in ten seconds if they are not heard again (§10.4).
    /// What cannot be asked for is not doubted.
    pub(crate) fn reconfirm(&mut self, now: Instant, name: Name<'_>, rtype: RecordType) {
        let Some(name) = self.cache.find_name(name) else {
            return;
        };
        let is_believed = self
            .cache
            .of_type(name, rtype)
            .any(|(_, record)| record.life() == Life::Whole);
        if is_believed && self.ask_beside(name, rtype, |slot| slot.ask_in_doubt(now)) {
            self.cache.doubt_all_of(now, name, rtype);
        }
    }

    /// Doubts one pointer of many.
    pub(crate) fn reconfirm_pointer(&mut self, now: Instant, from: Name<'_>, to: Name<'_>) {
        let Some(id) = self.cache.find_pointer(from, to) else {
            return;
        };
        if let Some(record) = self.cache.get(id)
            && record.life() == Life::Whole
            && self.ask_beside(record.name(), RecordType::PTR, |slot| {
                slot.ask_in_doubt(now)
            })
        {
            self.cache.doubt(now, id);
        }
    }

    /// Ends the questions that a record has answered for good: a set that came whole is all there is (§5.2), and so is
    /// what its owner denies (§6.1).
    fn note_answered<A: AskStorage>(&mut self, asks: &Asks<A>, record: &Record<'_>, id: u32) {
        let Some(name) = self.cache.get(id).map(HeardRecord::name) else {
            return;
        };
        let mut id = self.cache.tag(name);
        while let Some(slot) = self.questions.get(id) {
            let next = slot.next;
            let is_answered = match record.rdata {
                Rdata::Nsec(_) => self.cache.denies_in_full(name, slot.rtype),
                _ => record.cache_flush && record.rtype() == slot.rtype,
            };
            if is_answered && asks.need(record.name, slot.rtype) != Need::Open {
                self.drop_question(id);
            }
            id = next.get();
        }
    }

    pub(super) fn drop_question(&mut self, id: u32) {
        let Some(slot) = self.questions.get(id) else {
            return;
        };
        let (name, next) = (slot.name, slot.next);
        self.unlist(id);
        if self.cache.tag(name) == id {
            self.cache.set_tag(name, next.get());
        } else {
            let mut before = self.cache.tag(name);
            while let Some(slot) = self.questions.get_mut(before) {
                if slot.next == Id::of(id) {
                    slot.next = next;
                    break;
                }
                before = slot.next.get();
            }
        }
        self.due.forget(&self.questions, id);
        self.questions.vacate(id);
        self.cache.release(name);
        self.has_freed = true;
    }

    /// Takes note that a question was put that asked for a unicast answer.
    pub(super) fn expect_unicast(&mut self, now: Instant) {
        self.unicast_until = now + UNICAST_SPAN;
    }

    /// Whether a unicast answer may be one to a question of ours (§6).
    pub(super) fn expects_unicast(&self, now: Instant) -> bool {
        now <= self.unicast_until && self.unicast_until != Instant::ZERO
    }

    /// Takes note that one-shot questions were asked.
    pub(super) fn expect_one_shot(&mut self, now: Instant) {
        self.one_shot_until = now + UNICAST_SPAN;
    }

    /// Whether an answer to a one-shot question may still come.
    pub(super) fn expects_one_shot(&self, now: Instant) -> bool {
        now <= self.one_shot_until && self.one_shot_until != Instant::ZERO
    }

    /// Whether a one-shot question of this id waits for records of this name and type, or for those that would say that there are
    /// none.
    pub(super) fn awaits_one_shot<A: AskStorage>(
        &self,
        asks: &Asks<A>,
        id: u16,
        name: Name<'_>,
        rtype: RecordType,
    ) -> bool {
        let mut question = self
            .cache
            .find_name(name)
            .map_or(NONE, |name| self.cache.tag(name));
        while let Some(slot) = self.questions.get(question) {
            let is_answer = || {
                rtype == RecordType::NSEC
                    || matches!(slot.rtype, asked if asked == rtype || asked == RecordType::ANY)
                    || asks.need(name, rtype) >= Need::Kept
            };
            if slot.awaits_one_shot(id) && is_answer() {
                return true;
            }
            question = slot.next.get();
        }
        false
    }

    /// Whether known answers are left over from the last packet.
    pub(super) fn is_continuing(&self) -> bool {
        self.is_up && self.listed.0 != NONE
    }

    /// When a question is to be asked.
    pub(super) fn next_transmit(&self) -> Instant {
        match (self.is_up, self.is_continuing()) {
            (false, _) => Instant::MAX,
            (true, true) => Instant::ZERO,
            (true, false) => {
                let due = self.due.next(&self.questions);
                due.max(self.pace.held_until(PACKETS_MAX))
            }
        }
    }

    /// Adds what was counted here.
    pub(super) fn count(&self, stats: &mut Stats) {
        stats.not_cached = self.not_cached;
        stats.evicted = self.cache.evicted();
        stats.no_instance = self.no_instance;
        stats.not_link_local = self.not_link_local;
    }
}

/// What a record is worth that answers a need.
pub(crate) fn worth_of(need: Need) -> Worth {
    match need {
        Need::None => Worth::Idle,
        Need::Once => Worth::Shown,
        Need::Kept | Need::Open => Worth::Kept,
    }
}

/// Whether a name is a service type, or a subtype of one, or lists the types there are.
fn is_service(name: Name<'_>) -> bool {
    let mut labels = name.labels();
    labels.any(|label| label.eq_ignore_ascii_case(b"_tcp") || label.eq_ignore_ascii_case(b"_udp"))
}

impl<H: HeardStorage> fmt::Debug for HeardLink<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeardLink")
            .field("id", &self.id)
            .field("is_up", &self.is_up)
            .finish_non_exhaustive()
    }
}

impl<H: HeardStorage> Heard for HeardLink<H> {
    fn id(&self) -> LinkId {
        self.id
    }

    fn config(&self) -> LinkConfig {
        self.config
    }

    fn first(&self, name: Name<'_>) -> u32 {
        self.cache
            .find_name(name)
            .map_or(NONE, |name| self.cache.first(name))
    }

    fn entry(&self, id: u32) -> Option<Entry<'_>> {
        let record = self.cache.get(id)?;
        Some(Entry {
            rdata: self.cache.rdata(id),
            next: record.next_of_name(),
            heard: record.heard(),
            life: record.life(),
            is_unique: record.is_unique(),
            is_dropped: record.is_dropped(),
        })
    }

    fn denies(&self, name: Name<'_>, rtype: RecordType) -> bool {
        self.cache
            .find_name(name)
            .is_some_and(|name| self.cache.denies(name, rtype))
    }

    fn denies_in_full(&self, name: Name<'_>, rtype: RecordType) -> bool {
        self.cache
            .find_name(name)
            .is_some_and(|name| self.cache.denies_in_full(name, rtype))
    }

    fn walk_max(&self) -> usize {
        self.cache.walk_max()
    }
}
