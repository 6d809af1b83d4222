//! One link as the querier sees it: what was heard on it, what is asked on it.

use core::{fmt, net::IpAddr, time::Duration};

use super::{
    known::{KnownBytes, PACKETS_MAX},
    question::{FIRST_MAX, FIRST_MIN, QuestionSlot, Start},
};
use crate::{
    cache::{Cache, Gone, HeardRecord, HeardStorage, Life, Room, Worth},
    chance::{Chance, Draw},
    config::Config,
    discovery::{AskStorage, Asks, Heard, NamesOf, Need},
    link::{LinkConfig, LinkId, UNICAST_SPAN},
    name::Name,
    pace::Pace,
    registry::{OwnRecords, SubtypeName},
    stats::Stats,
    store::{Due, Full, Id, NONE, NameId, NameSlot, Names, Slot, Slots, Table},
    time::Instant,
    wire::{Rdata, Record, RecordType, Txt},
};
/// For how long hosts may do something because of an event that all of them notice, such as a switch that comes up.
const COMMON_EVENT: Duration = Duration::from_secs(1);

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
    pub(super) not_cached: u32,
    pub(super) no_instance: u32,
    pub(super) not_link_local: u32,
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

    /// Forgets a record to make room for one that is worth so much.
    pub(super) fn evict<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &mut Asks<A>,
        worth: Worth,
    ) -> Result<(), Full> {
        let gone: Gone<'_> = &mut |subject| asks.note_gone(subject);
        self.cache.evict::<A>(names, &mut Room { worth, gone })
    }

    /// Forgets what was taken in as our own and is not ours any more.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn verify_own<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &mut Asks<A>,
        own: &dyn OwnRecords,
    ) {
        let mut from = 0;
        while let Some(id) = self.cache.next_own(from) {
            from = id.saturating_add(1);
            let Some(record) = self.cache.get(id) else {
                continue;
            };
            let rdata = self.cache.rdata::<A>(names, record);
            let (mut is_ours, mut next) = (false, own.first(names.name(record.name())));
            while let Some(ours) =
                own.answer(self.id, rdata.rtype(), &mut next, &mut SubtypeName::new())
            {
                is_ours |= ours.rdata == rdata;
            }
            if !is_ours {
                self.cache
                    .remove::<A>(names, id, &mut |subject| asks.note_gone(subject));
            }
        }
    }

    /// Whether any record is kept or any question asked.
    pub(super) fn keeps_any(&self) -> bool {
        self.cache.keeps_any() || self.questions.len() > 0
    }

    pub(super) fn raise_worth(&mut self, now: Instant, id: u32, worth: Worth) {
        let before = self.cache.get(id).map_or(worth, |record| record.worth());
        self.cache.set_worth(now, id, before.max(worth));
    }

    /// Says of records of this name and type that someone would miss them: of as many as a stranger may make us look at.
    pub(crate) fn await_records(
        &mut self,
        now: Instant,
        name: NameId,
        rtype: RecordType,
        need: Need,
    ) {
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
    pub(crate) fn recheck<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &Asks<A>,
        now: Instant,
        name: NameId,
    ) {
        let mut record = self.cache.first(name);
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
                need = asks.need_of_record(names, Cache::<H>::subject(kept));
            }
            self.cache.set_worth(now, record, worth_of(need));
            record = next;
        }
        let mut question = self.cache.question(name);
        while let Some(slot) = self.questions.get(question) {
            let next = slot.next;
            if asks.need(name, slot.rtype) == Need::None {
                self.drop_question::<A>(names, question);
            }
            question = next.get();
        }
    }

    /// Expires and refreshes what is due.
    pub(super) fn handle_timeout<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &mut Asks<A>,
        now: Instant,
    ) {
        while let Some(id) = self.cache.due(now) {
            let Some(record) = self.cache.get(id) else {
                return;
            };
            let (name, rtype) = (record.name(), record.rtype());
            if record.expires() <= now {
                self.cache
                    .remove::<A>(names, id, &mut |subject| asks.note_gone(subject));
                asks.note_room(now);
                continue;
            }
            let need = asks.need_of_record(names, Cache::<H>::subject(record));
            let worth = worth_of(need);
            if worth == Worth::Kept {
                self.cache.refreshed(now, id);
                self.ask_for_refresh::<A>(names, now, name, rtype);
            } else {
                self.cache.set_worth(now, id, worth);
            }
        }
    }

    /// Forgets all that was heard and asked.
    pub(super) fn clear<A: AskStorage>(&mut self, names: &mut NamesOf<A>, asks: &mut Asks<A>) {
        for id in 0..self.questions.bound() {
            self.drop_question::<A>(names, id);
        }
        self.cache
            .clear::<A>(names, &mut |subject| asks.note_gone(subject));
        self.unicast_until = Instant::ZERO;
        self.one_shot_until = Instant::ZERO;
    }

    // Questions.

    /// The link came up, or the machine has slept: others notice it too, and a look-up keeps the wait of §5.2 for a while.
    pub(super) fn note_up(&mut self, now: Instant) {
        self.is_fresh = true;
        self.at_once_from = now + COMMON_EVENT;
    }

    /// Starts to ask, unless that is being done.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn ask<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>>(
        &mut self,
        names: &mut Names<N, I, T>,
        now: Instant,
        (name, rtype): (NameId, RecordType),
        start: Start,
        chance: &mut Chance,
    ) -> Result<(), Full> {
        let id = match self.question_of(name, rtype) {
            Some(id) => id,
            None => self.add_question(names, name, rtype)?,
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
    pub(crate) fn is_asking(&self, name: NameId, rtype: RecordType) -> bool {
        let slot = self
            .question_of(name, rtype)
            .and_then(|id| self.questions.get(id));
        slot.is_some_and(QuestionSlot::has_series)
    }

    pub(super) fn question_of(&self, name: NameId, rtype: RecordType) -> Option<u32> {
        let mut id = self.cache.question(name);
        while let Some(slot) = self.questions.get(id) {
            if slot.rtype == rtype {
                return Some(id);
            }
            id = slot.next.get();
        }
        None
    }

    fn add_question<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>>(
        &mut self,
        names: &mut Names<N, I, T>,
        name: NameId,
        rtype: RecordType,
    ) -> Result<u32, Full> {
        let mut slot = QuestionSlot::new(name, rtype);
        slot.next = Id::of(self.cache.question(name));
        let id = self.questions.insert(slot, self.questions_max)?;
        names.hold(name);
        self.cache.set_question(name, id);
        Ok(id)
    }

    /// Asks at once because a record is about to end.
    fn ask_for_refresh<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        name: NameId,
        rtype: RecordType,
    ) {
        // If there is no room, there is another time, at the next refresh.
        self.ask_beside(names, name, rtype, |slot| slot.ask_for_refresh(now));
    }

    /// Asks once more what is being asked: an answer to it found no room.
    pub(crate) fn ask_again(&mut self, now: Instant, name: NameId, rtype: RecordType) {
        if let Some(id) = self.question_of(name, rtype)
            && let Some(slot) = self.questions.get_mut(id)
        {
            slot.ask_for_refresh(now);
            self.due.settle(&self.questions, id);
        }
    }

    /// Asks for something that is known, beside the series if there is one. Says whether there was room for the question.
    pub(super) fn ask_beside<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>>(
        &mut self,
        names: &mut Names<N, I, T>,
        name: NameId,
        rtype: RecordType,
        ask: impl FnOnce(&mut QuestionSlot),
    ) -> bool {
        let found = self
            .question_of(name, rtype)
            .or_else(|| self.add_question(names, name, rtype).ok());
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
    pub(crate) fn reconfirm<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>>(
        &mut self,
        names: &mut Names<N, I, T>,
        now: Instant,
        name: NameId,
        rtype: RecordType,
    ) {
        let is_believed = self
            .cache
            .of_type(name, rtype)
            .any(|(_, record)| record.life() == Life::Whole);
        if is_believed && self.ask_beside(names, name, rtype, |slot| slot.ask_in_doubt(now)) {
            self.cache.doubt_all_of(now, name, rtype);
        }
    }

    /// Doubts one pointer of many.
    pub(crate) fn reconfirm_pointer<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>>(
        &mut self,
        names: &mut Names<N, I, T>,
        now: Instant,
        from: NameId,
        to: NameId,
    ) {
        let Some(id) = self.cache.find_pointer(from, to) else {
            return;
        };
        if let Some(record) = self.cache.get(id)
            && record.life() == Life::Whole
            && self.ask_beside(names, from, RecordType::PTR, |slot| slot.ask_in_doubt(now))
        {
            self.cache.doubt(now, id);
        }
    }

    /// Ends the questions that a record has answered for good: a set that came whole is all there is (§5.2), and so is
    /// what its owner denies (§6.1).
    pub(super) fn note_answered<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &Asks<A>,
        record: &Record<'_>,
        id: u32,
    ) {
        let Some(name) = self.cache.get(id).map(HeardRecord::name) else {
            return;
        };
        let mut id = self.cache.question(name);
        while let Some(slot) = self.questions.get(id) {
            let next = slot.next;
            let is_answered = match record.rdata {
                Rdata::Nsec(_) => self.cache.denies_in_full(name, slot.rtype),
                _ => record.cache_flush && record.rtype() == slot.rtype,
            };
            if is_answered && asks.need(name, slot.rtype) != Need::Open {
                self.drop_question::<A>(names, id);
            }
            id = next.get();
        }
    }

    pub(super) fn drop_question<A: AskStorage>(&mut self, names: &mut NamesOf<A>, id: u32) {
        let Some(slot) = self.questions.get(id) else {
            return;
        };
        let (name, next) = (slot.name, slot.next);
        self.unlist(id);
        if self.cache.question(name) == id {
            self.cache.set_question(name, next.get());
        } else {
            let mut before = self.cache.question(name);
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
        names.release(name);
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
        name: NameId,
        rtype: RecordType,
    ) -> bool {
        let mut question = self.cache.question(name);
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
pub(super) fn is_service(name: Name<'_>) -> bool {
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

    fn first(&self, name: NameId) -> u32 {
        self.cache.first(name)
    }

    fn record(&self, id: u32) -> Option<&HeardRecord> {
        self.cache.get(id)
    }

    fn address(&self, record: &HeardRecord) -> Option<IpAddr> {
        self.cache.address(record)
    }

    fn txt(&self, record: &HeardRecord) -> Option<Txt<'_>> {
        self.cache.txt(record)
    }

    fn denies(&self, name: NameId, rtype: RecordType) -> bool {
        self.cache.denies(name, rtype)
    }

    fn denies_in_full(&self, name: NameId, rtype: RecordType) -> bool {
        self.cache.denies_in_full(name, rtype)
    }

    fn walk_max(&self) -> usize {
        self.cache.walk_max()
    }
}
