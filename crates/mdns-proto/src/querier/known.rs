//! Writing questions and what we know of their answers, over as many packets as it takes (RFC 6762 §7.1, §7.2).
//!
//! Questions that are due share a packet. Behind them go the known answers to each; while some are left the packet has TC,
//! and the next one goes on with them, without questions.

use core::time::Duration;

use super::{link::HeardLink, question::FIRST_MIN};
use crate::{
    cache::HeardStorage,
    chance::{Chance, Draw},
    discovery::{AskStorage, Asks, NamesOf, Need, is_answered, is_known},
    link::SourcePort,
    store::{Id, NONE, NameId},
    time::Instant,
    wire::{Class, Flags, Full, Header, Question, Record, RecordType, Section, Ttl, Writer},
};

/// How many packets a link may send within a second of the first of them: what others say makes us ask for more, and what we know of
/// it is listed, so that anyone on the link could make us fill it.
pub(super) const PACKETS_MAX: u8 = 50;

/// How many bytes of known answers a question has behind it at most: those of about a thousand instances. §7.1 lets us: who has what is
/// not listed says it once more.
const KNOWN_BYTES_EACH: u32 = 32 << 10;

/// How many bytes of them a link sends at once, and in a second on average. What we know is what others said: a burst of
/// records that came once must not be sent back with each question for as long as they last.
const KNOWN_BYTES_MAX: u64 = 64 << 10;
const KNOWN_BYTES_SECOND: u64 = 2 << 10;

/// How many bytes of known answers may be sent.
#[derive(Debug)]
pub(super) struct KnownBytes {
    /// Of the question whose known answers are being written.
    of_question: u32,
    /// When those sent so far will have been sent at the average rate.
    paid_by: Instant,
}

impl KnownBytes {
    pub(super) const NEW: KnownBytes = KnownBytes {
        of_question: 0,
        paid_by: Instant::ZERO,
    };

    /// Counts a known answer of so many bytes, and says whether it may be sent.
    fn count(&mut self, now: Instant, bytes: usize) -> bool {
        const MICROS_EACH: u64 = 1_000_000 / KNOWN_BYTES_SECOND;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let of_question = self.of_question.saturating_add(bytes);
        let paid_by = self.paid_by.max(now) + Duration::from_micros(MICROS_EACH * u64::from(bytes));
        let may = of_question <= KNOWN_BYTES_EACH
            && paid_by <= now + Duration::from_micros(MICROS_EACH * KNOWN_BYTES_MAX);
        if may {
            (self.of_question, self.paid_by) = (of_question, paid_by);
        }
        may
    }
}

impl<H: HeardStorage> HeardLink<H> {
    /// Writes the next packet of questions, or of known answers that did not fit the last one. Says from which port it goes, and how
    /// long it is.
    pub(super) fn poll_transmit<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &Asks<A>,
        now: Instant,
        buffer: &mut [u8],
        chance: &mut Chance,
    ) -> Option<(SourcePort, usize)> {
        if self.next_transmit() > now {
            return None;
        }
        if self.listed.0 == NONE
            && let Some(len) = self.write_one_shot(names, asks, now, buffer, chance)
        {
            self.pace.counted(now);
            self.pace.count();
            return Some((SourcePort::OneShot, len));
        }
        // Whether another packet may follow this one at once.
        let may_go_on = self.pace.counted(now).saturating_add(1) < PACKETS_MAX;
        let mut writer = Writer::new(
            buffer,
            self.payload_max(),
            Header {
                id: 0,
                flags: Flags::QUERY,
            },
        );
        if self.listed.0 == NONE {
            self.write_questions(names, asks, now, &mut writer);
        }
        self.write_known::<A>(names, now, &mut writer, may_go_on);
        if writer.is_empty() {
            return None;
        }
        self.pace.count();
        Some((SourcePort::Mdns, writer.finish()))
    }

    /// Writes the one-shot questions that are due, all under one random id (§5.1). They list no known answers: who answers them
    /// suppresses none.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_one_shot<A: AskStorage>(
        &mut self,
        names: &NamesOf<A>,
        asks: &Asks<A>,
        now: Instant,
        buffer: &mut [u8],
        chance: &mut Chance,
    ) -> Option<usize> {
        let mut written: Option<(Writer<'_>, u16)> = None;
        let mut buffer = Some(buffer);
        while let Some(id) = self.due.by(&self.questions, now) {
            let Some(slot) = self.questions.get(id).filter(|slot| slot.is_one_shot_due()) else {
                break;
            };
            let (name, rtype) = (slot.name, slot.rtype);
            let is_wanted = self.has_one_shot
                && asks.need(name, rtype) >= Need::Kept
                && !is_answered(self, name, rtype, false);
            let mut asked = None;
            if is_wanted {
                if let Some(buffer) = buffer.take() {
                    let id = (chance.draw(Draw::OneShotId, self.id.0.into()) >> 48) as u16;
                    let flags = Flags::QUERY;
                    let writer = Writer::new(buffer, self.payload_max(), Header { id, flags });
                    written = Some((writer, id));
                }
                let (writer, id) = written.as_mut()?;
                let question = Question::new(names.name(name), rtype);
                // One that does not fit an empty packet is passed over.
                if writer.question(&question).is_err() && !writer.is_empty() {
                    break;
                }
                asked = Some(*id);
            }
            if let Some(slot) = self.questions.get_mut(id) {
                slot.note_one_shot(asked);
            }
            self.due.settle(&self.questions, id);
        }
        let (writer, _) = written.filter(|(writer, _)| !writer.is_empty())?;
        self.expect_one_shot(now);
        Some(writer.finish())
    }

    /// The largest UDP payload of a packet.
    fn payload_max(&self) -> usize {
        usize::from(self.config.mtu).saturating_sub(self.config.family.headers())
    }

    fn write_questions<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        asks: &Asks<A>,
        now: Instant,
        writer: &mut Writer<'_>,
    ) {
        while let Some(id) = self.due.by(&self.questions, now) {
            let Some(slot) = self
                .questions
                .get(id)
                .filter(|slot| !slot.is_one_shot_due())
            else {
                return;
            };
            let (rtype, unicast) = (slot.rtype, slot.unicast);
            let name = slot.name;
            let need = asks.need(name, rtype);
            let is_moot = match need {
                _ if slot.is_in_doubt() => false,
                Need::None => true,
                Need::Once => {
                    slot.is_spent()
                        || is_answered(self, name, rtype, false)
                        || self.knows_other_family(asks, name, rtype, false)
                }
                Need::Kept => {
                    !slot.refresh && is_answered(self, name, rtype, true)
                        || slot.is_spent() && self.knows_other_family(asks, name, rtype, true)
                }
                Need::Open => false,
            };
            if is_moot {
                self.end_question::<A>(names, now, id);
                continue;
            }
            let question = Question {
                name: names.name(name),
                qtype: rtype,
                qclass: Class::IN,
                unicast,
            };
            if writer.question(&question).is_err() && !writer.is_empty() {
                return;
            }
            // One that does not fit an empty packet is passed over as if it were asked; it must not be due for ever.
            if unicast {
                self.expect_unicast(now);
            }
            self.note_asked(now, id);
        }
    }

    /// Whether both families of addresses of a host are wanted and those of the other are known: who has said those has none of this
    /// family, though it does not say so.
    fn knows_other_family<A: AskStorage>(
        &self,
        asks: &Asks<A>,
        host: NameId,
        rtype: RecordType,
        in_full: bool,
    ) -> bool {
        let other = match rtype {
            RecordType::A => RecordType::AAAA,
            RecordType::AAAA => RecordType::A,
            _ => return false,
        };
        asks.need(host, other) != Need::None && is_known(self, host, other, in_full)
    }

    /// Takes note that a question was asked.
    fn note_asked(&mut self, now: Instant, id: u32) {
        if let Some(slot) = self.questions.get_mut(id) {
            slot.note_asked(now);
        }
        self.due.settle(&self.questions, id);
        self.list(id);
    }

    /// Drops a question while packets are written; who waits for its room is seen to soon.
    fn end_question<A: AskStorage>(&mut self, names: &mut NamesOf<A>, now: Instant, id: u32) {
        self.drop_question::<A>(names, id);
        if self.is_starved {
            self.retry = now + FIRST_MIN;
        }
    }

    fn write_known<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        writer: &mut Writer<'_>,
        may_go_on: bool,
    ) {
        while let Some(slot) = self.questions.get(self.listed.0) {
            let rtype = slot.rtype;
            while let Some(record) = self.cache.get(self.cache.cursor()) {
                let next = record.next_of_name();
                let is_asked = rtype == RecordType::ANY || record.rtype() == rtype;
                if let Some(ttl) = record.known_ttl(now).filter(|_| is_asked)
                    && !record.is_dropped()
                {
                    let known = Record {
                        name: names.name(record.name()),
                        class: Class::IN,
                        cache_flush: false,
                        ttl: Ttl(ttl),
                        rdata: self.cache.rdata::<A>(names, record),
                    };
                    let (before, mark) = (writer.len(), writer.mark());
                    // One that does not fit an empty packet fits none.
                    if writer.record(Section::Answer, &known) == Err(Full) && !writer.is_empty() {
                        if may_go_on {
                            writer.set_truncated(true);
                            return;
                        }
                        // §7.1 lets us: who has what is not listed says it once more.
                        break;
                    }
                    if !self.known_bytes.count(now, writer.len() - before) {
                        writer.rollback(mark);
                        break;
                    }
                }
                self.cache.set_cursor(next);
            }
            match self.questions.get(self.listed.0) {
                Some(slot) if slot.is_over() => self.end_question::<A>(names, now, self.listed.0),
                _ => self.unlist(self.listed.0),
            }
        }
    }

    // The list of questions whose known answers are still to be written.

    fn list(&mut self, id: u32) {
        let (first, last) = self.listed;
        if let Some(slot) = self.questions.get_mut(id) {
            slot.next_listed = Id::NONE;
        }
        match self.questions.get_mut(last) {
            Some(slot) if first != NONE => {
                slot.next_listed = Id::of(id);
                self.listed = (first, id);
            }
            _ => {
                self.listed = (id, id);
                self.start_cursor();
            }
        }
    }

    /// Takes a question out, if it is there.
    pub(super) fn unlist(&mut self, id: u32) {
        let (first, last) = self.listed;
        let after = |link: &Self, id| {
            link.questions
                .get(id)
                .map_or(NONE, |slot| slot.next_listed.get())
        };
        let next = after(self, id);
        if first == id {
            self.listed = if last == id {
                (NONE, NONE)
            } else {
                (next, last)
            };
            self.start_cursor();
            return;
        }
        let mut before = first;
        while before != NONE && after(self, before) != id {
            before = after(self, before);
        }
        if let Some(slot) = self.questions.get_mut(before) {
            slot.next_listed = Id::of(next);
            if last == id {
                self.listed = (first, before);
            }
        }
    }

    fn start_cursor(&mut self) {
        self.known_bytes.of_question = 0;
        let first = self.questions.get(self.listed.0);
        let record = first.map_or(NONE, |slot| self.cache.first(slot.name));
        self.cache.set_cursor(record);
    }
}
