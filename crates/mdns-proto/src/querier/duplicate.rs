//! What others ask: a question that another has just asked need not be asked again (RFC 6762 §7.3), and one that nobody
//! answers tells that there is nobody any more (§10.5).

use core::time::Duration;

use super::{link::HeardLink, question::QuestionSlot};
use crate::{
    cache::{HeardStorage, Life, Worth, as_kept},
    chance::Chance,
    discovery::{AskStorage, NamesOf},
    store::NameId,
    time::Instant,
    wire::{Class, Message, Question, Record, RecordType, Section, TypeSet},
};

/// For how many sets of records a link asks within so long because others were not answered (§10.5): anybody can ask without end.
const VERIFIED_MAX: u8 = 8;
const VERIFIED_WITHIN: Duration = Duration::from_secs(60);

impl<H: HeardStorage> HeardLink<H> {
    /// Somebody else asks: whatever we were about to ask as well counts as asked, and whatever we know of the answer is
    /// expected to be said.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn handle_query<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        message: &Message<'_>,
        chance: &mut Chance,
    ) {
        // More known answers may follow, and they may be such as we do not know.
        if message.header().flags.truncated() {
            return;
        }
        let mut compared_left = message.compared_max(Section::Answer);
        for question in message
            .questions()
            .filter(|question| question.qclass == Class::IN && !question.unicast)
        {
            let Some(name) = names.find(question.name) else {
                continue;
            };
            // What comes after so many is as if nobody had asked it.
            let Some(left) = compared_left.checked_sub(1) else {
                return;
            };
            compared_left = left;
            let asked = (message, &question);
            let has_known = self.set_listed::<A>(names, name, asked, true);
            self.expect_answers::<A>(names, now, name, &question, has_known, chance);
            if has_known {
                self.set_listed::<A>(names, name, asked, false);
            }
            let Some(id) = self.question_of(name, question.qtype) else {
                continue;
            };
            let is_ours = self.questions.get(id).is_some_and(|slot| {
                // What takes a unicast answer, or is asked for a reason of ours, another does not ask for us.
                !slot.unicast && !slot.refresh && !slot.is_in_doubt()
            });
            if is_ours
                && self.knows_all::<A>(names, now, name, message, &question)
                && let Some(slot) = self.questions.get_mut(id)
            {
                slot.note_asked_by_another(now);
                self.due.settle(&self.questions, id);
            }
        }
    }

    /// Takes note that somebody is to answer another's question (§10.5). What is not answered twice is in doubt.
    ///
    /// Of a unique set, which is said whole, each member is in doubt, unless the query lists one as known; if it is still wanted
    /// when it is gone, it is asked for then. Of a shared set each record is in doubt for itself, unless the query lists it. Whoever
    /// wants one asks for it himself before it goes: the question that would find it again may be an hour away, and who sent the two
    /// questions may have seen to it that only we heard them.
    #[cfg_attr(target_os = "none", inline(never))]
    fn expect_answers<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        name: NameId,
        question: &Question<'_>,
        has_known: bool,
        chance: &mut Chance,
    ) {
        let mut next = self.cache.first(name);
        for _ in 0..self.cache.walk_max() {
            let Some(record) = self.cache.get(next) else {
                return;
            };
            let id = core::mem::replace(&mut next, record.next_of_name());
            let (rtype, is_unique) = (record.rtype(), record.is_unique());
            let is_listed = has_known && is_unique || record.is_listed();
            // An answer to a one-shot question ends soon anyway.
            let is_believed = record.life() == Life::Whole && !record.is_one_shot();
            let is_wanted = record.worth() > Worth::Idle;
            // Nobody need say what it has not, if it is asked for all that it has.
            let is_asked = is_asked(question, rtype) && rtype != RecordType::NSEC;
            if !is_asked || is_listed || !is_believed || !self.cache.note_missed(now, id) {
                continue;
            }
            if is_unique || !is_wanted || self.verify::<A>(names, now, name, rtype, chance) {
                self.cache.doubt(now, id);
            }
        }
    }

    /// Asks for what others were not answered, three times, a second apart, as soon as any question. Says whether it is asked: not if
    /// that was done for as many sets as may be within a minute.
    fn verify<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        name: NameId,
        rtype: RecordType,
        chance: &mut Chance,
    ) -> bool {
        let asked = self
            .question_of(name, rtype)
            .and_then(|id| self.questions.get(id));
        if asked.is_some_and(QuestionSlot::is_in_doubt) {
            return true;
        }
        let (from, count) = self.verified;
        let count = if now < from + VERIFIED_WITHIN {
            count
        } else {
            0
        };
        if count >= VERIFIED_MAX {
            return false;
        }
        let (due, _) = self.next_burst(now, chance);
        if !self.ask_beside(names, name, rtype, |slot| slot.ask_in_doubt(due)) {
            return false;
        }
        self.verified = (if count == 0 { now } else { from }, count + 1);
        true
    }

    /// Whether we would list every answer that the other lists as known.
    fn knows_all<A: AskStorage>(
        &self,
        names: &NamesOf<A>,
        now: Instant,
        name: NameId,
        message: &Message<'_>,
        question: &Question<'_>,
    ) -> bool {
        listed(message, question).all(|known| {
            let kept = self.find_listed::<A>(names, name, &known);
            let kept = kept.and_then(|id| self.cache.get(id));
            kept.is_some_and(|kept| kept.known_ttl(now).is_some())
        })
    }

    /// The record that a query lists as known.
    #[cfg_attr(target_os = "none", inline(never))]
    fn find_listed<A: AskStorage>(
        &self,
        names: &NamesOf<A>,
        name: NameId,
        known: &Record<'_>,
    ) -> Option<u32> {
        let mut types = TypeSet::new();
        let rdata = as_kept(known, &mut types);
        self.cache.find::<A>(names, name, &rdata)
    }

    /// Says of all records that a query lists as known whether it does, and whether there are any.
    #[cfg_attr(target_os = "none", inline(never))]
    fn set_listed<A: AskStorage>(
        &mut self,
        names: &NamesOf<A>,
        name: NameId,
        (message, question): (&Message<'_>, &Question<'_>),
        is_listed: bool,
    ) -> bool {
        let mut has_any = false;
        for known in listed(message, question) {
            has_any = true;
            if let Some(id) = self.find_listed::<A>(names, name, &known) {
                self.cache.set_listed(id, is_listed);
            }
        }
        has_any
    }
}

/// The answers to a question that a query lists as known.
fn listed<'m>(message: &Message<'m>, question: &Question<'_>) -> impl Iterator<Item = Record<'m>> {
    message
        .answers()
        .filter(|known| is_asked(question, known.rtype()) && known.name == question.name)
}

/// Whether records of a type answer a question about their name.
fn is_asked(question: &Question<'_>, rtype: RecordType) -> bool {
    question.qtype == RecordType::ANY || question.qtype == rtype
}
