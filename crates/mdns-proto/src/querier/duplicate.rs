//! A question that another has just asked need not be asked again (RFC 6762 §7.3).

use core::time::Duration;

use super::link::HeardLink;
use crate::{
    cache::HeardStorage,
    time::Instant,
    wire::{Class, Message, Question, RecordType},
};

/// How soon our question must be due for another's to stand in for it. One that is due much later is better asked later.
const SOON: Duration = Duration::from_secs(1);

impl<H: HeardStorage> HeardLink<H> {
    /// Somebody else asks: whatever we were about to ask as well counts as asked.
    pub(super) fn handle_query(&mut self, now: Instant, message: &Message<'_>) {
        // More known answers may follow, and they may be such as we do not know.
        if message.header().flags.truncated() {
            return;
        }
        for question in message
            .questions()
            .filter(|question| question.qclass == Class::IN && !question.unicast)
        {
            let Some(id) = self.find_question(question.name, question.qtype) else {
                continue;
            };
            let Some(slot) = self.questions.get_mut(id) else {
                continue;
            };
            let is_soon = slot.has_series() && slot.series_due() <= now + SOON;
            if !is_soon || slot.unicast || slot.refresh || !self.knows_all(now, message, &question)
            {
                continue;
            }
            if let Some(slot) = self.questions.get_mut(id) {
                slot.go_on(now);
            }
            self.due.settle(&mut self.questions, id);
        }
    }

    /// Whether we would list every answer that the other lists as known.
    fn knows_all(&self, now: Instant, message: &Message<'_>, question: &Question<'_>) -> bool {
        message
            .answers()
            .filter(|known| {
                (question.qtype == RecordType::ANY || known.rtype() == question.qtype)
                    && known.name == question.name
            })
            .all(|known| {
                let kept = self.cache.find(&known).and_then(|id| self.cache.get(id));
                kept.is_some_and(|kept| kept.known_ttl(now).is_some())
            })
    }
}
