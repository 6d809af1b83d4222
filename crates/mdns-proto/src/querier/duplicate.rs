//! What others ask: a question that another has just asked need not be asked again (RFC 6762 §7.3), and one that nobody
//! answers tells that there is nobody any more (§10.5).

use super::link::HeardLink;
use crate::{
    cache::HeardStorage,
    store::NameId,
    time::Instant,
    wire::{Class, Message, Question, Record, RecordType, Section},
};

impl<H: HeardStorage> HeardLink<H> {
    /// Somebody else asks: whatever we were about to ask as well counts as asked, and whatever we know of the answer is
    /// expected to be said.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn handle_query(&mut self, now: Instant, message: &Message<'_>) {
        // More known answers may follow, and they may be such as we do not know.
        if message.header().flags.truncated() {
            return;
        }
        let mut compared_left = message.compared_max(Section::Answer);
        for question in message
            .questions()
            .filter(|question| question.qclass == Class::IN && !question.unicast)
        {
            let Some(name) = self.cache.find_name(question.name) else {
                continue;
            };
            // What comes after so many is as if nobody had asked it.
            let Some(left) = compared_left.checked_sub(1) else {
                return;
            };
            compared_left = left;
            if !listed(message, &question).any(|_| true) {
                self.expect_answers(now, name, &question);
            }
            let Some(id) = self.question_of(name, question.qtype) else {
                continue;
            };
            let is_ours = self.questions.get(id).is_some_and(|slot| {
                // What takes a unicast answer, or is asked for a reason of ours, another does not ask for us.
                !slot.unicast && !slot.refresh && !slot.is_in_doubt()
            });
            if is_ours
                && self.knows_all(now, message, &question)
                && let Some(slot) = self.questions.get_mut(id)
            {
                slot.note_asked_by_another(now);
                self.due.settle(&self.questions, id);
            }
        }
    }

    /// Takes note that somebody is to answer another's question (§10.5). Of unique sets only, which are said whole and have
    /// few members: of a shared set each member would have to be told from those that are known.
    fn expect_answers(&mut self, now: Instant, name: NameId, question: &Question<'_>) {
        let mut next = self.cache.first(name);
        for _ in 0..self.cache.walk_max() {
            let Some(record) = self.cache.get(next) else {
                return;
            };
            let id = core::mem::replace(&mut next, record.next_of_name());
            let rtype = record.rtype();
            // Nobody need say what it has not, if it is asked for all that it has.
            let is_asked = is_asked(question, rtype) && rtype != RecordType::NSEC;
            if is_asked && record.is_unique() {
                self.cache.expect(now, id);
            }
        }
    }

    /// Whether we would list every answer that the other lists as known.
    fn knows_all(&self, now: Instant, message: &Message<'_>, question: &Question<'_>) -> bool {
        listed(message, question).all(|known| {
            let kept = self.cache.find(&known).and_then(|id| self.cache.get(id));
            kept.is_some_and(|kept| kept.known_ttl(now).is_some())
        })
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
