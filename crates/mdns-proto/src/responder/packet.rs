//! What goes into which packet: probes (RFC 6762 §8.1), answers with what belongs beside them (§6.1, §6.2, RFC 6763 §12),
//! announcements (§8.3), goodbyes (§10.1), replies to one asker (§6.7).
//!
//! There is no queue to be emptied: each packet is made of what is due when it is polled, and what does not fit stays due.

use core::net::SocketAddr;

use super::{
    Link, LinkStorage, Responder, ResponderStorage,
    askers::{Asked, Waits},
    left,
    question::matches,
    state::{Phase, RecordState, Step},
};
use crate::{
    link::{Destination, InterfaceId, LinkId},
    own::{Chain, ClaimId, Own, OwnRecord, OwnStorage},
    store::NameId,
    time::Instant,
    wire::{Compression, Flags, Header, Question, Record, RecordType, Section, Ttl, Writer},
};

/// The most TTL in a reply to a legacy query, whose asker will hear of no change (RFC 6762 §6.7).
const LEGACY_TTL: Ttl = Ttl(10);

/// The most names in one probe, and the most answers of one packet that get their additional records.
const MOST: usize = 64;

/// Bytes of a question beside its name, and of a record beside its names and rdata.
const QUESTION_FIXED: usize = 4;
const RECORD_FIXED: usize = 10;

/// Bytes of a message's header.
const HEADER: usize = 12;

/// Records that were answered, with what belongs beside them still to be added.
type Answered = heapless::Vec<u32, MOST>;

/// A record whose RRset is too large for a packet with others.
struct Oversize(u32);

/// How a record is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it is.
    Plain,
    /// With a TTL of zero (RFC 6762 §10.1).
    Goodbye,
    /// Short-lived, and without the bit that a legacy asker would take for part of the class (§6.7).
    Legacy,
}

impl Manner {
    pub(super) fn of(self, record: Record<'_>) -> Record<'_> {
        match self {
            Manner::Plain => record,
            Manner::Goodbye => Record {
                ttl: Ttl::ZERO,
                ..record
            },
            Manner::Legacy => Record {
                cache_flush: false,
                ttl: record.ttl.min(LEGACY_TTL),
                ..record
            },
        }
    }
}

/// The RRset a record belongs to, as far as it may be said on this interface: all of a unique one, just itself of a shared one.
#[derive(Clone)]
struct RrSet<'a> {
    chain: Chain<'a>,
    interface: InterfaceId,
    /// Type and claim of a unique record: those of the others too.
    of: Option<(RecordType, Option<ClaimId>)>,
    /// Itself, where it stands alone.
    alone: Option<(u32, &'a OwnRecord)>,
}

fn rrset<O: OwnStorage>(own: &Own<O>, interface: InterfaceId, id: u32) -> RrSet<'_> {
    let record = own.get(id);
    let whole = record.filter(|record| record.unique && !record.is_leaving());
    RrSet {
        chain: own.records_of(whole.map_or(NameId::NONE, |record| record.name)),
        interface,
        of: whole.map(|record| (record.rtype(), record.claim)),
        alone: record
            .filter(|_| whole.is_none())
            .map(|record| (id, record)),
    }
}

impl<'a> Iterator for RrSet<'a> {
    type Item = (u32, &'a OwnRecord);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(of) = self.of else {
            return self.alone.take();
        };
        loop {
            let (id, record) = self.chain.next()?;
            if (record.rtype(), record.claim) == of && record.scope.covers(self.interface) {
                return Some((id, record));
            }
        }
    }
}

impl<L: LinkStorage> Link<L> {
    /// The largest packet of several records (RFC 6762 §17).
    fn limit(&self, buffer: &[u8]) -> usize {
        usize::from(self.config.mtu)
            .saturating_sub(self.config.family.headers())
            .max(512)
            .min(buffer.len())
    }

    /// A probe for as many names as are due and fit: the questions, and in the authority section what we propose (§8.2).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write_probe<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let limit = self.limit(buffer);
        // What a name takes when nothing can be compressed: then what was chosen is sure to fit.
        let mut names = heapless::Vec::<ClaimId, MOST>::new();
        let mut len = HEADER;
        while let Some(claim) = self.claims_due.by(&self.claims, now).map(ClaimId::of) {
            let size = self.probe_size(own, claim);
            let is_probe = self
                .claims
                .get(claim.get())
                .is_some_and(|state| state.step(now) == Step::Probe);
            if !is_probe || (!names.is_empty() && len + size > limit) || names.push(claim).is_err()
            {
                break;
            }
            len += size;
            if let Some(state) = self.claims.get_mut(claim.get()) {
                state.probed(now);
            }
            self.settle_claim(claim);
        }
        self.last_probe = Some(now);
        // A single name whose records are over the MTU goes alone (§17).
        let limit = if names.len() == 1 {
            buffer.len()
        } else {
            limit
        };
        let mut writer = Writer::new(
            buffer,
            limit,
            Header {
                id: 0,
                flags: Flags::QUERY,
            },
        );
        for &claim in &names {
            let Some(name) = own.claim(claim).map(|claim| claim.name) else {
                continue;
            };
            let is_first = self
                .claims
                .get(claim.get())
                .is_some_and(|state| state.phase == Phase::Probing(1));
            let question = Question {
                // §8.1 wants QU. Where unicast cannot arrive it would only lose the answer (§15.1), and whether it can may change at any
                // time: so the probes after the first have their answers sent to the group.
                unicast: self.config.unicast && is_first,
                ..Question::new(own.name(name), RecordType::ANY)
            };
            // What was measured fits; in a buffer too small for one name the probe goes without.
            let _fits = writer.question(&question);
        }
        for &claim in &names {
            for (_, record) in own.claimed(claim, self.config.interface) {
                // §10.2: the cache-flush bit is for responses.
                let _fits = writer.record(
                    Section::Authority,
                    &Record {
                        cache_flush: false,
                        ..own.record(record)
                    },
                );
            }
        }
        Some(writer.finish())
    }

    fn probe_size<O: OwnStorage>(&self, own: &Own<O>, claim: ClaimId) -> usize {
        let Some(name) = own
            .claim(claim)
            .map(|claim| own.name(claim.name).wire_len())
        else {
            return 0;
        };
        let mut size = name + QUESTION_FIXED;
        for (_, record) in own.claimed(claim, self.config.interface) {
            size += name + RECORD_FIXED + own.record(record).rdata.wire_len();
        }
        size
    }

    /// The next number of a packet; records written into it remember it.
    fn next_packet(&mut self) -> u16 {
        // Zero is that of a record that was never written.
        self.packet = self.packet.checked_add(1).unwrap_or(1);
        self.packet
    }

    /// The time from which all of an RRset may be multicast.
    fn rrset_may_go<O: OwnStorage>(&self, own: &Own<O>, id: u32) -> Instant {
        let mut latest = Instant::ZERO;
        for (id, _) in rrset(own, self.config.interface, id) {
            if let Some(state) = self.records.get(id) {
                latest = latest.max(state.may_go());
            }
        }
        latest
    }

    /// Writes the RRset of a record, whole or not at all, but for what the packet has already.
    fn write_rrset<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        section: Section,
        id: u32,
        manner: Manner,
    ) -> Result<(), crate::wire::Full> {
        let packet = self.packet;
        let mark = writer.mark();
        for (id, record) in rrset(own, self.config.interface, id) {
            if self
                .records
                .get(id)
                .is_none_or(|state| state.packet == packet || !state.is_live)
            {
                continue;
            }
            if let Err(full) = writer.record(section, &manner.of(own.record(record))) {
                writer.rollback(mark);
                return Err(full);
            }
        }
        // Only now is it sure that they are in.
        for (id, _) in rrset(own, self.config.interface, id) {
            if let Some(state) = self.records.get_mut(id)
                && state.is_live
            {
                state.packet = packet;
            }
        }
        Ok(())
    }

    /// The records that belong beside those answered (RFC 6762 §6.1, §6.2, RFC 6763 §12), as far as there is room.
    ///
    /// They are noted behind those answered, as far as there is room: of each of these too, what belongs beside it is written.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_additionals<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        answered: &mut Answered,
        may_add: &dyn Fn(&Self, u32) -> bool,
        manner: Manner,
    ) {
        // Additional records may want others beside them: PTR, then SRV, then addresses.
        let mut at = 0;
        while let Some(&id) = answered.get(at) {
            at += 1;
            let Some(record) = own.get(id) else { continue };
            let rtype = record.rtype();
            let wanted = match rtype {
                // The SRV and TXT of an instance.
                RecordType::PTR if !record.unique => record.stored.target(),
                RecordType::SRV | RecordType::CNAME => record.stored.target(),
                // The addresses of the other family.
                RecordType::A | RecordType::AAAA => Some(record.name),
                _ => None,
            };
            let Some(name) = wanted.filter(|&name| own.claim_of(name).is_some()) else {
                continue;
            };
            for (other, beside) in own.records_of(name) {
                let is_wanted = match rtype {
                    RecordType::PTR => matches!(beside.rtype(), RecordType::SRV | RecordType::TXT),
                    _ => matches!(beside.rtype(), RecordType::A | RecordType::AAAA),
                };
                let is_new = self
                    .records
                    .get(other)
                    .is_some_and(|state| state.is_live && state.packet != self.packet);
                if is_wanted
                    && is_new
                    && beside.scope.covers(self.config.interface)
                    && may_add(self, other)
                    && self
                        .write_rrset(own, writer, Section::Additional, other, manner)
                        .is_ok()
                {
                    let _noted_while_there_is_room = answered.push(other);
                }
            }
        }
    }

    /// Debts of a record that are due but must wait: for the asker's last known answers, or because it was just multicast.
    /// `true` if it was put off.
    fn put_off<O: OwnStorage>(&mut self, now: Instant, own: &Own<O>, id: u32) -> bool {
        let Some(state) = self.records.get(id) else {
            return false;
        };
        let mut due = state.debt.due;
        if let Some(asker) = state.debt.waiting.asker()
            && due <= now
            && let Some(Waits::Debts { due: asker_due, .. }) =
                self.askers.get(asker).map(|asker| &asker.waits)
        {
            due = due.max(*asker_due);
        }
        let mut announce = state.announce;
        let goes_by_multicast =
            announce <= now || (due <= now && state.debt.unicast_to().is_none());
        if goes_by_multicast {
            let may_go = self.rrset_may_go(own, id);
            if due <= now && state.debt.unicast_to().is_none() {
                due = due.max(may_go);
            }
            if announce <= now {
                announce = announce.max(may_go);
            }
        }
        let Some(state) = self.records.get_mut(id) else {
            return false;
        };
        let is_off = due > now && announce > now;
        (state.debt.due, state.announce) = (due, announce);
        self.settle_record(id);
        is_off
    }

    /// The record whose debt is due first, once all that must wait has been put off.
    fn next_record<O: OwnStorage>(&mut self, now: Instant, own: &Own<O>) -> Option<u32> {
        loop {
            let id = self.records_due.by(&self.records, now)?;
            if !self.put_off(now, own, id) {
                return Some(id);
            }
        }
    }

    /// To whom a due record goes by unicast; `None` for multicast, which is what announcements and goodbyes need.
    fn unicast_of(&self, now: Instant, id: u32) -> Option<u16> {
        let state = self.records.get(id)?;
        if state.announce <= now {
            None
        } else {
            state.debt.unicast_to()
        }
    }

    fn address_of(&self, asker: u16) -> Option<SocketAddr> {
        self.askers.get(asker).map(|asker| asker.address)
    }
}

impl<S: ResponderStorage> Responder<S> {
    /// A response with everything that is due and goes the same way as what is due first.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn write_response(
        &mut self,
        now: Instant,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        let Responder {
            own,
            links,
            announcements,
            ..
        } = self;
        let link = links.get_mut(u32::from(id.0))?;
        while let Some(claim) = link.denial_due(now) {
            if !link.put_denial_off(now, claim) {
                break;
            }
        }
        let first = link.next_record(now, own);
        let denial = link.denial_due(now);
        let to = match (first, denial) {
            (Some(id), _) => link.unicast_of(now, id),
            (None, Some(claim)) => link.claims.get(claim.get())?.denial.unicast_to(),
            (None, None) => return None,
        };
        let destination = match to {
            Some(asker) => Destination::Unicast(link.address_of(asker)?),
            None => Destination::Multicast,
        };
        link.next_packet();
        let len = match link.write_due(now, own, buffer, to, *announcements) {
            Ok(len) => len?,
            // §17: what is over the MTU goes alone, in fragments; what is in no buffer at all is given up.
            Err(Oversize(record)) => {
                link.write_oversize(now, own, buffer, record, to.is_none(), *announcements)?
            }
        };
        Some((destination, len))
    }

    /// The reply to one question by itself: a legacy query, or a probe that asks for unicast.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn answer_question(
        &mut self,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        let Responder { own, links, .. } = self;
        let link = links.get_mut(u32::from(id.0))?;
        loop {
            let (_, address, asked) = link.askers.next_question()?;
            let reply = link.write_reply(own, buffer, address, &asked);
            for _ in 0..reply.questions {
                let Some((asker, asked)) = link.askers.question_of(address, &asked, 0) else {
                    break;
                };
                link.askers.remove(asker);
                own.release_name(asked.name);
            }
            if let Some(len) = reply.len {
                return Some((Destination::Unicast(address), len));
            }
        }
    }
}

/// Writes the question of a legacy query as it was asked.
fn write_question<O: OwnStorage>(
    own: &Own<O>,
    writer: &mut Writer<'_>,
    asked: &Asked,
) -> Result<(), crate::wire::Full> {
    let question = Question {
        qclass: asked.qclass,
        ..Question::new(own.name(asked.name), asked.qtype)
    };
    match asked.legacy {
        Some(echoed) if writer.is_empty() => writer.first_question(&question, &echoed.case),
        // A name that is compressed has no letters of its own.
        _ => writer.question(&question),
    }
}

/// A reply to one asker.
struct Reply {
    /// How many of the asker's questions it answers, or leaves without an answer for good.
    questions: u32,
    /// Its length; `None` if there is nothing to say.
    len: Option<usize>,
}

impl<L: LinkStorage> Link<L> {
    /// Writes the reply to a question, and of a legacy query to the others of it too (RFC 6762 §6.7).
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_reply<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
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
        let limit = self.limit(buffer);
        let mut writer = Writer::new(buffer, limit, header);
        let mut questions = 1;
        if is_legacy {
            // §6.7: as an ordinary server would, with the questions, and nothing that is new in mDNS.
            writer.set_compression(Compression::Legacy);
            questions = 0;
            while let Some((_, asked)) = self.askers.question_of(address, first, questions)
                && write_question(own, &mut writer, &asked).is_ok()
            {
                questions += 1;
            }
            if questions == 0 {
                // In a buffer too small for the question there is no reply to it.
                return Reply {
                    questions: 1,
                    len: None,
                };
            }
        }
        let manner = if is_legacy {
            Manner::Legacy
        } else {
            Manner::Plain
        };
        let mut answered = Answered::new();
        for at in 0..questions {
            let Some((_, asked)) = self.askers.question_of(address, first, at) else {
                break;
            };
            if self
                .write_answers(own, &mut writer, &mut answered, &asked, manner)
                .is_err()
            {
                // §18.5: in a legacy reply the bit means what it means elsewhere.
                writer.set_truncated(is_legacy);
                break;
            }
        }
        if writer.record_count() == 0 {
            return Reply {
                questions,
                len: None,
            };
        }
        self.write_additionals(own, &mut writer, &mut answered, &|_, _| true, manner);
        self.write_denials(Instant::ZERO, own, &mut writer, &answered, false, manner);
        Reply {
            questions,
            len: Some(writer.finish()),
        }
    }

    /// Writes the answers to one question: the records, or that there are none.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_answers<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        answered: &mut Answered,
        asked: &Asked,
        manner: Manner,
    ) -> Result<(), crate::wire::Full> {
        let mut has_answer = false;
        for (id, record) in own.records_of(asked.name) {
            let is_said = self.records.get(id).is_some_and(RecordState::is_said);
            if is_said && matches(asked.qtype, record.rtype()) {
                self.write_rrset(own, writer, Section::Answer, id, manner)?;
                has_answer = true;
                let _noted_while_there_is_room = answered.push(id);
            }
        }
        let packet = self.packet;
        let claim = own.claim_of(asked.name);
        let Some((claim, state)) = claim.and_then(|claim| {
            let state = self.claims.get_mut(claim.get())?;
            (!has_answer && state.is_won() && state.packet != packet).then_some((claim, state))
        }) else {
            return Ok(());
        };
        state.packet = packet;
        let types = self.types_of(own, asked.name, |record| !record.is_leaving());
        if asked.qtype != RecordType::ANY
            && types.is_some_and(|types| !types.as_types().contains(asked.qtype))
        {
            self.write_denial(own, writer, Section::Answer, claim, manner)?;
        }
        Ok(())
    }

    /// Everything that is due and goes the same way, `to` one asker or to the group; `None` if that is nothing.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_due<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &mut Own<O>,
        buffer: &mut [u8],
        to: Option<u16>,
        announcements: u8,
    ) -> Result<Option<usize>, Oversize> {
        let header = Header {
            id: 0,
            flags: Flags::RESPONSE,
        };
        let limit = self.limit(buffer);
        let mut answered = Answered::new();
        let mut writer = Writer::new(buffer, limit, header);
        while let Some(record) = self.next_record(now, own) {
            if self.unicast_of(now, record) != to {
                break;
            }
            let is_goodbye = self
                .records
                .get(record)
                .is_some_and(|state| state.is_leaving);
            let manner = if is_goodbye {
                Manner::Goodbye
            } else {
                Manner::Plain
            };
            if self
                .write_rrset(own, &mut writer, Section::Answer, record, manner)
                .is_err()
            {
                if writer.record_count() == 0 {
                    return Err(Oversize(record));
                }
                break;
            }
            let wants_beside = self
                .records
                .get(record)
                .is_some_and(|state| state.debt.due <= now);
            self.note_sent(now, own, record, to.is_none(), announcements);
            if is_goodbye {
                self.unsay_denial(own, &mut writer, record);
            }
            if is_goodbye && self.silence(record) {
                left(now, own, record);
            }
            if wants_beside {
                let _noted_while_there_is_room = answered.push(record);
            }
        }
        while let Some(claim) = self.denial_due(now) {
            let is_same = self
                .claims
                .get(claim.get())
                .is_some_and(|state| state.denial.unicast_to() == to);
            if self.put_denial_off(now, claim) {
                continue;
            }
            if !is_same
                || self
                    .write_denial(own, &mut writer, Section::Answer, claim, Manner::Plain)
                    .is_err()
            {
                break;
            }
            if let Some(state) = self.claims.get_mut(claim.get()) {
                state.denial.clear(&mut self.askers);
                if to.is_none() {
                    state.sent = Some(now);
                }
            }
            self.settle_claim(claim);
        }
        let is_multicast = to.is_none();
        let may_add = |link: &Self, id| !is_multicast || link.rrset_may_go(own, id) <= now;
        let answers = answered.len();
        self.write_additionals(own, &mut writer, &mut answered, &may_add, Manner::Plain);
        for &record in answered.iter().skip(answers) {
            self.note_added(now, own, record, is_multicast);
        }
        self.write_denials(
            now,
            own,
            &mut writer,
            &answered,
            is_multicast,
            Manner::Plain,
        );
        let is_empty = writer.record_count() == 0;
        Ok((!is_empty).then(|| writer.finish()))
    }

    /// One record, or one RRset, larger than the MTU.
    #[cfg_attr(target_os = "none", inline(never))]
    fn write_oversize<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &mut Own<O>,
        buffer: &mut [u8],
        id: u32,
        is_multicast: bool,
        announcements: u8,
    ) -> Option<usize> {
        let is_goodbye = self.records.get(id).is_some_and(|state| state.is_leaving);
        let room = buffer.len();
        let mut writer = Writer::new(
            buffer,
            room,
            Header {
                id: 0,
                flags: Flags::RESPONSE,
            },
        );
        if let Some(record) = own.get(id) {
            let manner = if is_goodbye {
                Manner::Goodbye
            } else {
                Manner::Plain
            };
            // Registration made sure that it fits in what the caller promised to bring.
            let _fits = writer.record(Section::Answer, &manner.of(own.record(record)));
        }
        let is_empty = writer.record_count() == 0;
        let len = writer.finish();
        self.note_one_sent(now, id, is_multicast, announcements);
        if is_goodbye && self.silence(id) {
            left(now, own, id);
        }
        (!is_empty).then_some(len)
    }

    /// Everything of the record's RRset has gone out: the debts are paid.
    fn note_sent<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        id: u32,
        is_multicast: bool,
        announcements: u8,
    ) {
        for (id, _) in rrset(own, self.config.interface, id) {
            self.note_one_sent(now, id, is_multicast, announcements);
        }
    }

    fn note_one_sent(&mut self, now: Instant, id: u32, is_multicast: bool, announcements: u8) {
        let Some(state) = self.records.get_mut(id) else {
            return;
        };
        if is_multicast {
            state.sent = Some(now);
            state.announced(now, announcements);
        }
        // An asker for whom the packet is not meant still waits.
        if is_multicast || state.debt.due <= now {
            state.debt.clear(&mut self.askers);
        }
        self.settle_record(id);
    }

    fn note_added<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        id: u32,
        is_multicast: bool,
    ) {
        if !is_multicast {
            return;
        }
        for (id, _) in rrset(own, self.config.interface, id) {
            if let Some(state) = self.records.get_mut(id) {
                state.sent = Some(now);
                if state.debt.is_owed() {
                    state.debt.clear(&mut self.askers);
                }
            }
            self.settle_record(id);
        }
    }
}
