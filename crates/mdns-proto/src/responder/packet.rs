//! What goes into which packet: probes (RFC 6762 §8.1), answers with their additional records (§6.1, §6.2, RFC 6763 §12),
//! announcements (§8.3), goodbyes (§10.1), replies to one question (§6.7).
//!
//! There is no queue to be emptied: each packet is made of what is due when it is polled, and what does not fit stays due. An RRset
//! may be larger than a packet: when its first record goes by multicast, all others *join* it and go in the packets that follow at
//! once (§10.2, §17). By unicast an RRset goes whole in one packet, or else by multicast.

use core::net::SocketAddr;

use super::{
    Link, LinkStorage, Responder, ResponderStorage, left,
    question::may_deny,
    requesters::Asked,
    state::{Phase, RecordState, Step, Waiting},
};
use crate::{
    link::{Destination, InterfaceId, LinkId},
    moment::{Moment, Now},
    registry::{
        ClaimId, Kind, RecordInfo, RecordNumber, Registry, RegistryStorage, Scratch, SubtypeName,
    },
    wire::{Compression, Flags, Full, Header, Question, Record, RecordType, Section, Ttl, Writer},
};

/// The most TTL in a reply to a legacy query, whose requester will hear of no change (RFC 6762 §6.7).
const LEGACY_TTL: Ttl = Ttl(10);

/// The most names in one probe, and the most answers of one packet that get their additional records.
const MOST: usize = 64;

/// Bytes of a question beside its name, and of a record beside its names and rdata.
const QUESTION_FIXED: usize = 4;
const RECORD_FIXED: usize = 10;

/// Bytes of a message's header.
const HEADER: usize = 12;

/// Records that were answered, whose additional records are still to be added.
type Answered = heapless::Vec<RecordNumber, MOST>;

/// In which form a record is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As it is.
    Plain,
    /// With a TTL of zero (RFC 6762 §10.1).
    Goodbye,
    /// Short-lived, and without the bit that a legacy requester would take for part of the class (§6.7).
    Legacy,
    /// As it is, but that it flushes nothing: a part of an RRset.
    Part,
}

impl Form {
    fn of(self, record: Record<'_>) -> Record<'_> {
        match self {
            Form::Plain => record,
            Form::Goodbye => Record {
                // Not zero for NSEC: Avahi compares what it does not know byte by byte, pointers and all, and would not find it
                // again. Replaced (§10.2) by one that ends within the second, it is gone everywhere.
                ttl: Ttl(u32::from(record.rtype() == RecordType::NSEC)),
                ..record
            },
            Form::Legacy => Record {
                cache_flush: false,
                ttl: record.ttl.min(LEGACY_TTL),
                ..record
            },
            Form::Part => Record {
                cache_flush: false,
                ..record
            },
        }
    }
}

/// Shows what a probe proposes for a claim: its records, as far as they fit in one packet of `limit` bytes beside the question (RFC 6762
/// §8.2, §17); until one is refused. Returns how many bytes the question and those shown take at most.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn propose<'r, O: RegistryStorage>(
    limit: usize,
    interface: InterfaceId,
    registry: &'r Registry<O>,
    claim: ClaimId,
    show: &mut dyn FnMut(RecordNumber, &Record<'r>) -> Result<(), Full>,
) -> usize {
    let name = registry.claim_name(claim).wire_len();
    let question = name + QUESTION_FIXED;
    let mut len = question;
    for id in registry.proposed(claim, interface) {
        let Some(record) = registry.unique_record(id) else {
            continue;
        };
        let size = name + RECORD_FIXED + record.rdata.wire_len();
        // A single record may be over the MTU.
        if len > question && HEADER + len + size > limit {
            break;
        }
        len += size;
        if show(id, &record).is_err() {
            break;
        }
    }
    len
}

impl<L: LinkStorage> Link<L> {
    /// The largest packet of several records (RFC 6762 §17).
    pub(super) fn limit(&self) -> usize {
        usize::from(self.config.mtu)
            .saturating_sub(self.config.family.headers())
            .max(512)
    }

    /// The next number of a packet; records written into it remember it.
    fn next_packet(&mut self) {
        // Zero is that of a record that was never written.
        self.packet = self.packet.checked_add(1).unwrap_or(1);
    }

    // --- probes ---

    /// A probe for as many names as are due and fit: the questions, and in the authority section what we propose (§8.2).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write_probe<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let (room, interface) = (self.limit(), self.config.interface);
        let limit = room.min(buffer.len());
        // What a name takes when nothing can be compressed: then what was chosen is sure to fit.
        let mut claims = heapless::Vec::<ClaimId, MOST>::new();
        let mut len = HEADER;
        while let Some(claim) = self
            .claims_due
            .by(&self.claims, now.moment())
            .map(ClaimId::of)
        {
            let size = propose(room, interface, registry, claim, &mut |_, _| Ok(()));
            let is_probe = self
                .claims
                .get(claim.get())
                .is_some_and(|state| state.step(now) == Step::Probe);
            if !is_probe
                || (!claims.is_empty() && len + size > limit)
                || claims.push(claim).is_err()
            {
                break;
            }
            len += size;
            if let Some(state) = self.claims.get_mut(claim.get()) {
                state.probed(now);
            }
            self.reschedule_claim(claim);
        }
        self.last_probe = now.noted();
        // A single record over the MTU goes alone with its name (§17).
        let limit = if claims.len() == 1 {
            buffer.len()
        } else {
            limit
        };
        let header = Header {
            id: 0,
            flags: Flags::QUERY,
        };
        let mut writer = Writer::new(buffer, limit, header);
        for &claim in &claims {
            let is_first = self
                .claims
                .get(claim.get())
                .is_some_and(|state| state.phase == Phase::Probing(1));
            let question = Question {
                // §8.1 wants QU. Where unicast cannot arrive it would only lose the answer (§15.1), and whether it can may change at any
                // time: so the probes after the first have their answers sent to the group.
                unicast: self.config.unicast && is_first,
                ..Question::new(registry.claim_name(claim), RecordType::ANY)
            };
            // What was measured fits; in a buffer too small for one name the probe goes without.
            let _fits = writer.question(&question);
        }
        for &claim in &claims {
            propose(room, interface, registry, claim, &mut |_, record| {
                writer.record(Section::Authority, record)
            });
        }
        Some(writer.finish())
    }

    // --- records and RRsets ---

    /// The moment from which all of an RRset may be multicast; never if none of it was.
    #[cfg_attr(target_os = "none", inline(never))]
    fn rrset_may_go<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        record: RecordNumber,
        info: &RecordInfo,
    ) -> Moment {
        registry
            .rrset(record, info, self.config.interface)
            .filter_map(|record| self.records.get(record))
            .fold(Moment::NEVER, |latest, state| latest.latest(state.may_go()))
    }

    /// Whether an RRset fits in a packet by itself, with no name compressed.
    fn rrset_fits<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        record: RecordNumber,
        info: &RecordInfo,
    ) -> bool {
        let mut len = HEADER;
        let name = info
            .claim
            .map_or(0, |claim| registry.claim_name(claim).wire_len());
        for record in registry.rrset(record, info, self.config.interface) {
            len += name + RECORD_FIXED + registry.rdata_len(record);
        }
        len <= self.limit()
    }

    /// Writes a record, unless the packet has it already or it cannot be said.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_record<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        section: Section,
        record: RecordNumber,
        form: Form,
    ) -> Result<(), Full> {
        let Some(state) = self.records.get_mut(record) else {
            return Ok(());
        };
        if state.packet == self.packet || !state.is_sendable() {
            return Ok(());
        }
        let mut scratch = Scratch::new();
        if let Some(record) = registry.record(record, self.config.interface, &mut scratch) {
            writer.record(section, &form.of(record))?;
        }
        state.packet = self.packet;
        Ok(())
    }

    /// Writes the RRset of a record, whole or not at all, but for what the packet has already.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_rrset<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        section: Section,
        record: RecordNumber,
        info: &RecordInfo,
        form: Form,
    ) -> Result<(), Full> {
        let mark = writer.mark();
        let mut written = Ok(());
        for record in registry.rrset(record, info, self.config.interface) {
            written = self.write_record(registry, writer, section, record, form);
            if written.is_err() {
                break;
            }
        }
        if written.is_err() {
            writer.rollback(mark);
            let packet = self.packet;
            // What was in the packet before is in it still: it is of other sections or RRsets, but for answers of this one, which
            // came whole or will come in the next packet.
            for record in registry.rrset(record, info, self.config.interface) {
                if let Some(state) = self.records.get_mut(record)
                    && state.packet == packet
                {
                    state.packet = 0;
                }
            }
        }
        written
    }

    /// Writes the additional records of those answered, as far as there is room (RFC 6762 §6.2, RFC 6763 §12), then negative
    /// responses (§6.1). `multicast` is the time if the packet goes by multicast: then what was multicast within the last
    /// second stays out.
    ///
    /// What was added is noted behind what was answered, as far as there is room: its additional records are written too.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_additionals<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        answered: &mut Answered,
        multicast: Option<Now>,
        form: Form,
    ) {
        // Additional records may want others beside them: PTR, then SRV, then addresses.
        let mut at = 0;
        while let Some(&record) = answered.get(at) {
            at += 1;
            let Some(info) = registry.info(record) else {
                continue;
            };
            let wanted = match info.rtype {
                // The SRV and TXT of an instance.
                RecordType::PTR if !info.is_unique => registry.target(record),
                RecordType::SRV | RecordType::CNAME => registry.target(record),
                // The addresses of the other family.
                RecordType::A | RecordType::AAAA => info.claim,
                _ => None,
            };
            let Some(claim) = wanted else { continue };
            for other in registry.records_of(claim) {
                let Some(beside) = registry.info(other) else {
                    continue;
                };
                let is_wanted = match info.rtype {
                    RecordType::PTR => matches!(beside.rtype, RecordType::SRV | RecordType::TXT),
                    _ => beside.is_address(),
                };
                if is_wanted && self.add(registry, writer, other, &beside, multicast, form) {
                    let _noted_while_there_is_room = answered.push(other);
                }
            }
        }
        for &record in answered.iter() {
            let claim = registry.info(record).and_then(|info| info.claim);
            let negative = claim.and_then(|claim| registry.negative_of(claim));
            if let Some(negative) = negative
                && let Some(info) = registry.info(negative)
            {
                self.add(registry, writer, negative, &info, multicast, form);
            }
        }
    }

    /// Adds the RRset of a record to a packet, if it may go and fits. Returns whether it was added.
    fn add<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        record: RecordNumber,
        info: &RecordInfo,
        multicast: Option<Now>,
        form: Form,
    ) -> bool {
        let is_new = self
            .records
            .get(record)
            .is_some_and(|state| state.is_active() && state.packet != self.packet);
        if !is_new || !registry.covers(record, self.config.interface) {
            return false;
        }
        if let Some(now) = multicast {
            let may_go = self.rrset_may_go(registry, record, info);
            if !may_go.is_never() && !may_go.has_come(now) {
                return false;
            }
        }
        if self
            .write_rrset(registry, writer, Section::Additional, record, info, form)
            .is_err()
        {
            return false;
        }
        if let Some(now) = multicast {
            for record in registry.rrset(record, info, self.config.interface) {
                if let Some(state) = self.records.get_mut(record) {
                    state.sent = now.noted();
                    if state.is_pending() && !(info.kind == Kind::Negative && state.is_unicast()) {
                        self.clear(record);
                    }
                }
            }
        }
        true
    }

    // --- what is due ---

    /// Whether a record is due now, once what keeps it back is regarded: its requester's last known answers, and that its RRset was
    /// just multicast. What must wait is put off.
    fn is_due<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        record: RecordNumber,
    ) -> bool {
        let Some(info) = registry.info(record) else {
            self.forget_record(record);
            return false;
        };
        let Some(state) = self.records.get(record) else {
            return false;
        };
        let (mut due, mut announce) = (state.due, state.announce);
        let is_unicast = self.unicast_to(record).is_some();
        if due.has_come(now)
            && let Some(requester) = state.waiting.requester()
        {
            due = due.latest(self.requesters.due_of(requester));
        }
        if announce.has_come(now) || (due.has_come(now) && !is_unicast) {
            let may_go = self.rrset_may_go(registry, record, &info);
            if due.has_come(now) && !is_unicast {
                due = due.latest(may_go);
            }
            if announce.has_come(now) {
                announce = announce.latest(may_go);
            }
        }
        let Some(state) = self.records.get_mut(record) else {
            return false;
        };
        if (state.due, state.announce) != (due, announce) {
            (state.due, state.announce) = (due, announce);
            self.reschedule(record);
        }
        due.has_come(now) || announce.has_come(now)
    }

    /// The record that is due first, once all that must wait has been put off.
    fn next_record<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
    ) -> Option<RecordNumber> {
        loop {
            let record = self.records_due.by(&self.records, now.moment())?;
            if self.records.get(record).is_some_and(RecordState::is_joined) {
                return Some(record);
            }
            if !self.is_due(now, registry, record) {
                continue;
            }
            if self.destination(now, record).is_none() {
                self.join_rrset(now, registry, record);
                return Some(record);
            }
            // By unicast an RRset goes whole.
            let info = registry.info(record)?;
            if self.rrset_fits(registry, record, &info) {
                return Some(record);
            }
            self.set_multicast(record);
        }
    }

    /// An RRset begins to go by multicast: all of it goes now.
    fn join_rrset<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        record: RecordNumber,
    ) {
        let Some(info) = registry.info(record) else {
            return;
        };
        for other in registry.rrset(record, &info, self.config.interface) {
            let Some(state) = self.records.get(other) else {
                continue;
            };
            if !state.is_active() {
                continue;
            }
            if !(state.due.has_come(now) || state.announce.has_come(now)) {
                self.add_pending(other, now.moment(), Waiting::MANY, false, false);
            }
            if let Some(state) = self.records.get_mut(other) {
                state.join();
            }
        }
    }

    /// A pending answer goes by multicast after all.
    fn set_multicast(&mut self, record: RecordNumber) {
        if let Some(state) = self.records.get_mut(record) {
            if let Some(requester) = state.waiting.requester() {
                self.requesters.release(requester);
            }
            state.waiting = Waiting::MANY;
            state.set_unicast(false);
        }
    }

    /// To whom the pending answer goes by unicast.
    fn unicast_to(&self, record: RecordNumber) -> Option<u16> {
        let state = self.records.get(record)?;
        state
            .waiting
            .requester()
            .filter(|&requester| state.is_unicast() && !self.requesters.is_served(requester))
    }

    /// To whom a due record goes by unicast; `None` for multicast, which is what announcements and goodbyes need.
    fn destination(&self, now: Now, record: RecordNumber) -> Option<u16> {
        let is_announced = self
            .records
            .get(record)
            .is_none_or(|state| state.announce.has_come(now) || state.is_joined());
        self.unicast_to(record).filter(|_| !is_announced)
    }

    /// A record has gone out: its pending answer is given.
    fn note_sent(&mut self, now: Now, record: RecordNumber, is_multicast: bool, announcements: u8) {
        let Some(state) = self.records.get_mut(record) else {
            return;
        };
        if is_multicast {
            state.sent = now.noted();
            state.announced(now, announcements);
        }
        // A requester for whom the packet is not meant still waits.
        if is_multicast || state.due.has_come(now) {
            self.clear(record);
        } else {
            self.reschedule(record);
        }
    }

    /// Everything that is due and goes the same way, `to` one requester or to the group; `None` if that is nothing.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_due<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &mut Registry<O>,
        buffer: &mut [u8],
        to: Option<u16>,
        announcements: u8,
    ) -> Option<usize> {
        let is_multicast = to.is_none();
        let header = Header {
            id: 0,
            flags: Flags::RESPONSE,
        };
        let limit = self.limit().min(buffer.len());
        let mut answered = Answered::new();
        let mut gone = Answered::new();
        let mut oversize = None;
        let mut writer = Writer::new(buffer, limit, header);
        while let Some(record) = self.next_record(now, registry) {
            if self.destination(now, record) != to {
                break;
            }
            let Some((info, state)) = registry.info(record).zip(self.records.get(record)) else {
                break;
            };
            let is_goodbye = state.is_leaving();
            let is_answer = state.due.has_come(now);
            let form = if is_goodbye {
                Form::Goodbye
            } else {
                Form::Plain
            };
            let written = if is_multicast {
                self.write_record(registry, &mut writer, Section::Answer, record, form)
            } else {
                self.write_rrset(registry, &mut writer, Section::Answer, record, &info, form)
            };
            if written.is_err() || (is_goodbye && gone.is_full()) {
                if writer.record_count() == 0 {
                    oversize = Some(record);
                }
                break;
            }
            if is_multicast {
                self.note_sent(now, record, true, announcements);
            } else {
                for record in registry.rrset(record, &info, self.config.interface) {
                    self.note_sent(now, record, false, announcements);
                }
            }
            if is_goodbye {
                self.silence(record);
                // Forgotten behind the packet: a negative response tells the types that are going too.
                let _there_was_room = gone.push(record);
            }
            if is_answer && !is_goodbye {
                let _noted_while_there_is_room = answered.push(record);
            }
        }
        if let Some(requester) = to {
            self.requesters.set_served(requester);
        }
        if let Some(record) = oversize {
            return self.write_oversize(now, registry, buffer, record, is_multicast, announcements);
        }
        let multicast = is_multicast.then_some(now);
        self.write_additionals(registry, &mut writer, &mut answered, multicast, Form::Plain);
        let len = (writer.record_count() > 0).then(|| writer.finish());
        for &record in &gone {
            left(now, registry, record);
        }
        len
    }

    /// One record over the MTU goes alone, in fragments (§17). Registration made sure that it fits in what the caller promised to
    /// bring; what is in no buffer at all is given up.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_oversize<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &mut Registry<O>,
        buffer: &mut [u8],
        record: RecordNumber,
        is_multicast: bool,
        announcements: u8,
    ) -> Option<usize> {
        let room = buffer.len();
        let header = Header {
            id: 0,
            flags: Flags::RESPONSE,
        };
        let mut writer = Writer::new(buffer, room, header);
        let is_goodbye = self.records.get(record)?.is_leaving();
        let form = if is_goodbye {
            Form::Goodbye
        } else {
            Form::Plain
        };
        let _in_no_buffer = self.write_record(registry, &mut writer, Section::Answer, record, form);
        self.note_sent(now, record, is_multicast, announcements);
        let len = (writer.record_count() > 0).then(|| writer.finish());
        if is_goodbye {
            self.silence(record);
            left(now, registry, record);
        }
        len
    }

    /// Writes the reply to a question by itself: of a probe that asks for unicast, or of a legacy query and then to the other questions
    /// of it too (RFC 6762 §6.7).
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_reply<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        buffer: &mut [u8],
        address: SocketAddr,
        first: &Asked,
    ) -> Reply {
        self.next_packet();
        let is_legacy = first.legacy.is_some();
        let header = Header {
            id: first.legacy.map_or(0, |echoed| echoed.id),
            flags: Flags::RESPONSE,
        };
        let limit = self.limit().min(buffer.len());
        let mut writer = Writer::new(buffer, limit, header);
        let mut questions = 1;
        if is_legacy {
            // §6.7: as an ordinary server would, with the questions, and nothing that is new in mDNS.
            writer.set_compression(Compression::Legacy);
            questions = 0;
            while let Some((_, asked)) = self.requesters.question_of(address, first, questions)
                && write_question(registry, &mut writer, &asked).is_ok()
            {
                questions += 1;
            }
            // In a buffer too small for the question there is no reply to it.
            questions = questions.max(1);
        }
        let form = if is_legacy { Form::Legacy } else { Form::Plain };
        let mut answered = Answered::new();
        for at in 0..questions {
            let Some((_, asked)) = self.requesters.question_of(address, first, at) else {
                break;
            };
            if self
                .write_answers(registry, &mut writer, &mut answered, &asked, form)
                .is_err()
            {
                // §18.5: in a legacy reply the bit means what it means elsewhere.
                writer.set_truncated(is_legacy);
                break;
            }
        }
        let has_answer = writer.record_count() > 0 && (!is_legacy || writer.question_count() > 0);
        self.write_additionals(registry, &mut writer, &mut answered, None, form);
        Reply {
            questions,
            len: has_answer.then(|| writer.finish()),
        }
    }

    /// Writes the answers to one question: the records, or that there are none.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_answers<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        answered: &mut Answered,
        asked: &Asked,
        form: Form,
    ) -> Result<(), Full> {
        let mut scratch = SubtypeName::new();
        // Unless no record has the name any more.
        let Some(named) = registry.named_as(asked.record, asked.hash, &mut scratch) else {
            return Ok(());
        };
        let claim = named.claim(asked.record);
        let mut is_known = false;
        for record in named {
            let Some(info) = registry.info(record) else {
                continue;
            };
            if !info.answers(asked.qtype) || !registry.covers(record, self.config.interface) {
                continue;
            }
            // A record that is not active yet is not denied either.
            is_known |= info.claim.is_some();
            if !self.records.get(record).is_some_and(RecordState::is_active) {
                continue;
            }
            if self
                .write_rrset(registry, writer, Section::Answer, record, &info, form)
                .is_err()
            {
                // What fits of it is better than nothing: it flushes nothing.
                let part = if form == Form::Legacy {
                    form
                } else {
                    Form::Part
                };
                self.write_part(registry, writer, record, &info, part)?;
            }
            let _noted_while_there_is_room = answered.push(record);
        }
        let negative = claim.and_then(|claim| registry.negative_of(claim));
        if let Some(negative) = negative.filter(|_| !is_known && may_deny(asked.qtype)) {
            self.write_record(registry, writer, Section::Answer, negative, form)?;
        }
        Ok(())
    }

    /// Writes as much of an RRset as fits.
    fn write_part<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        writer: &mut Writer<'_>,
        record: RecordNumber,
        info: &RecordInfo,
        form: Form,
    ) -> Result<(), Full> {
        registry
            .rrset(record, info, self.config.interface)
            .try_for_each(|record| {
                self.write_record(registry, writer, Section::Answer, record, form)
            })
    }
}

/// Writes the question of a legacy query as it was asked.
fn write_question<O: RegistryStorage>(
    registry: &Registry<O>,
    writer: &mut Writer<'_>,
    asked: &Asked,
) -> Result<(), Full> {
    let mut scratch = SubtypeName::new();
    let Some(named) = registry.named_as(asked.record, asked.hash, &mut scratch) else {
        return Ok(());
    };
    let question = Question {
        qclass: asked.qclass,
        ..Question::new(named.name(), asked.qtype)
    };
    match asked.legacy {
        Some(echoed) if writer.is_empty() => writer.first_question(&question, &echoed.case),
        // A name that is compressed has no letters of its own.
        _ => writer.question(&question),
    }
}

/// A reply to one requester.
struct Reply {
    /// How many of the requester's questions it answers, or leaves without an answer for good.
    questions: u32,
    /// Its length; `None` if there is nothing to say.
    len: Option<usize>,
}

impl<S: ResponderStorage> Responder<S> {
    /// A response with everything that is due and goes the same way as what is due first.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write_response(
        &mut self,
        now: Now,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        let Responder {
            registry,
            links,
            announcements,
            ..
        } = self;
        let link = links.get_mut(u32::from(id.0))?;
        let first = link.next_record(now, registry)?;
        let to = link.destination(now, first);
        let destination = match to {
            Some(requester) => Destination::Unicast(link.requesters.get(requester)?.address),
            None => Destination::Multicast,
        };
        link.next_packet();
        let len = link.write_due(now, registry, buffer, to, *announcements)?;
        if to.is_some() {
            link.requesters.count_bytes(len);
        }
        Some((destination, len))
    }

    /// The reply to one question by itself.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn answer_question(
        &mut self,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        let Responder {
            registry, links, ..
        } = self;
        let link = links.get_mut(u32::from(id.0))?;
        loop {
            let (address, asked) = link.requesters.next_question()?;
            let reply = link.write_reply(registry, buffer, address, &asked);
            link.requesters
                .remove_questions(address, &asked, reply.questions);
            if let Some(len) = reply.len {
                link.requesters.count_bytes(len);
                return Some((Destination::Unicast(address), len));
            }
        }
    }
}
