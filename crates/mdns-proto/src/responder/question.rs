//! Which question gets which answer, when, and how (RFC 6762 §5.4, §5.5, §6, §6.7, §7.1, §7.2).

use core::{net::SocketAddr, time::Duration};

use super::{
    Link, LinkStorage, Responder, ResponderStorage,
    askers::{Asked, Echoed},
    debt::{Debt, Waiting},
    state::{DEFERRAL, Phase, RecordState},
    tiebreak,
};
use crate::{
    chance::{Chance, Draw},
    link::{LinkId, PORT, Packet, Via},
    own::{ClaimId, Holder, Own, OwnStorage},
    stats::Stats,
    store::NameId,
    time::Instant,
    wire::{Class, Message, Question, RecordType, Section, Ttl},
};

/// The delay of an answer that others may give too (§6).
const SHARED_DELAY: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(20)..=Duration::from_millis(120);

/// The delay when more known answers are to come (§7.2).
const TRUNCATED_DELAY: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(400)..=Duration::from_millis(500);

/// Types that are for questions only (RFC 6895 §3.1): there is nothing to deny.
const QTYPES: core::ops::RangeInclusive<u16> = 249..=255;

/// Whether it can be said that there is no record of a type (RFC 6762 §6.1).
fn is_deniable(qtype: RecordType) -> bool {
    !QTYPES.contains(&qtype.0) && !qtype.is_pseudo()
}

impl<S: ResponderStorage> Responder<S> {
    /// Takes in a query: gives way to a better probe, and owes the answers.
    ///
    /// `is_near` says that the source is on the link: only then may anything go there by unicast.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn handle_query(
        &mut self,
        now: Instant,
        id: LinkId,
        packet: &Packet<'_>,
        message: &Message<'_>,
        is_near: bool,
    ) {
        if Self::NONE {
            return;
        }
        let Responder {
            own, links, chance, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)).filter(|link| link.is_up) else {
            return;
        };
        let is_truncated = message.header().flags.truncated();
        if is_truncated && let Some(asker) = link.askers.at(packet.source) {
            // §7.2: each further packet pushes the answers back.
            let wait = chance.within(Draw::TruncatedAnswer, 0, TRUNCATED_DELAY);
            link.askers.push_back(asker, now + wait);
        }
        let query = Query {
            now,
            id: message.header().id,
            source: packet.source,
            is_legacy: packet.source.port() != PORT,
            is_unicast: packet.via == Via::Unicast,
            is_near,
            due: Due::of(now, message, is_truncated, link, chance),
        };
        link.askers.begin_packet();
        let mut compared_left = message.compared_max(Section::Authority);
        for question in message.questions() {
            let Some(name) = own.find_name(question.name) else {
                continue;
            };
            let rival = || {
                message
                    .authorities()
                    .filter(|record| record.name == question.name)
            };
            // What comes after so many is a question like others.
            let is_probe = compared_left > 0 && rival().next().is_some();
            compared_left = compared_left.saturating_sub(1);
            if is_probe {
                if rival().all(|record| own.is_ours(now, name, &record, packet.source.ip())) {
                    // Our own probe, or one that proposes what is so: nothing to decide or to defend (§8.2.1).
                    continue;
                }
                if let Some(claim) = own.claim_of(name)
                    && own
                        .claim(claim)
                        .is_some_and(|claim| claim.holder == Holder::Address)
                {
                    // Who has the address too and probes for its reverse name may have that.
                    if own.has_address(packet.source.ip()) {
                        link.yield_address(own, claim);
                        continue;
                    }
                }
                if message.is_sound()
                    && let Some(claim) = own.claim_of(name)
                    && link.gives_way(now, own, claim, rival())
                {
                    continue;
                }
            }
            link.owe_answers(own, &query, &question, name, is_probe);
        }
        if !query.is_legacy {
            link.hear_known_answers(own, packet.source, message);
        }
    }
}

/// What all questions of a query have in common.
struct Query {
    now: Instant,
    /// Its id, which a legacy reply repeats.
    id: u16,
    source: SocketAddr,
    is_legacy: bool,
    /// It came to our own address (§5.5).
    is_unicast: bool,
    is_near: bool,
    due: Due,
}

/// When the answers to a query are due.
struct Due {
    /// Where only we can answer.
    unique: Instant,
    /// Where others may too.
    shared: Instant,
    /// Not before, as far as this asker is concerned.
    asker: Instant,
}

impl Due {
    fn of<L: LinkStorage>(
        now: Instant,
        message: &Message<'_>,
        is_truncated: bool,
        link: &mut Link<L>,
        chance: &mut Chance,
    ) -> Self {
        if is_truncated {
            let due = now + chance.within(Draw::TruncatedAnswer, 1, TRUNCATED_DELAY);
            return Due {
                unique: due,
                shared: due,
                asker: due,
            };
        }
        // §6.4: answers that are on their way anyway take these with them.
        let is_soon = (*SHARED_DELAY.start()..=*SHARED_DELAY.end()).contains(&(link.answers - now));
        let shared = if is_soon {
            link.answers
        } else {
            now + chance.within(Draw::Answer, 0, SHARED_DELAY)
        };
        // §6.3: with several questions others may have part of the answers.
        let unique = if message.question_count() > 1 {
            shared
        } else {
            now
        };
        Due {
            unique,
            shared,
            asker: now,
        }
    }
}

impl<L: LinkStorage> Link<L> {
    /// Compares our probe with another's for the same name. `true` when we are probing ourselves: then there is nothing to answer.
    #[cfg_attr(target_os = "none", inline(never))]
    fn gives_way<'a, O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &'a Own<O>,
        claim: ClaimId,
        theirs: impl Iterator<Item = crate::wire::Record<'a>>,
    ) -> bool {
        let Some(state) = self.claims.get(claim.get()) else {
            return false;
        };
        match state.phase {
            Phase::Off | Phase::Won | Phase::Defended | Phase::Contested => return false,
            // Nothing was proposed yet that could lose.
            Phase::Waiting => return true,
            Phase::Probing(_) => {}
        }
        if self.compare_probes(own, claim, theirs).is_lt() {
            let state = self.claims.get_mut(claim.get());
            if state.is_some_and(|state| state.defer()) {
                Stats::count(&mut self.stats.deferred);
                // §8.2: the same name once more; if the other has it by then, it will say so.
                self.probe_at(claim, now + DEFERRAL);
            }
        }
        true
    }

    /// How what we propose compares to what another does. Each of its records is looked up once, so that a rival with many, or with
    /// many copies of ours, costs no more than its bytes.
    fn compare_probes<'a, O: OwnStorage>(
        &mut self,
        own: &'a Own<O>,
        claim: ClaimId,
        theirs: impl Iterator<Item = crate::wire::Record<'a>>,
    ) -> core::cmp::Ordering {
        let interface = self.config.interface;
        let name = own.claim(claim).map_or(NameId::NONE, |claim| claim.name);
        let mut probes = tiebreak::Probes::default();
        for record in theirs {
            let same = own.find(name, &record.rdata, &|ours| {
                ours.claim == Some(claim) && ours.scope.covers(interface)
            });
            let same = same
                .filter(|_| record.class == Class::IN)
                .and_then(|id| self.records.get_mut(id));
            probes.add_theirs(record, same.is_some());
            if let Some(state) = same {
                state.is_proposed = true;
            }
        }
        for (id, record) in own.claimed(claim, interface) {
            let state = self.records.get_mut(id);
            let is_common = state.is_some_and(|state| core::mem::take(&mut state.is_proposed));
            probes.add_ours(own.record(record), is_common);
        }
        probes.compare()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn owe_answers<O: OwnStorage>(
        &mut self,
        own: &mut Own<O>,
        query: &Query,
        question: &Question<'_>,
        name: NameId,
        is_probe: bool,
    ) {
        if question.qclass != Class::IN && question.qclass != Class::ANY {
            return;
        }
        let claim = own.claim_of(name);
        if query.is_legacy {
            if query.is_near && self.may_reply(query) {
                self.owe_reply(own, query, question, name, true);
            }
            return;
        }
        let wants_unicast =
            (question.unicast || query.is_unicast) && query.is_near && self.may_reply(query);
        if is_probe && wants_unicast {
            // §5.4, §6: at once, whatever was multicast lately.
            self.owe_reply(own, query, question, name, false);
        }
        let defends = is_probe && claim.is_some();
        let due = if defends {
            query.now
        } else if claim.is_some() {
            query.due.unique
        } else {
            query.due.shared
        };
        if due == query.due.shared {
            self.answers = due;
        }
        let mut asker = None;
        let mut owe = Owe {
            now: query.now,
            due,
            asker_due: if defends { query.now } else { query.due.asker },
            source: query.source,
            wants_unicast,
            // The reply above is enough, unless the record has become rare.
            is_replied: is_probe && wants_unicast,
            defends,
            asker: &mut asker,
        };
        let mut is_known = false;
        for (id, record) in own.records_of(name) {
            if !matches(question.qtype, record.rtype())
                || !record.scope.covers(self.config.interface)
            {
                continue;
            }
            // A record that is not live yet is not denied either.
            is_known |= record.claim.is_some();
            self.owe_record(&mut owe, id, record.ttl);
        }
        if let Some(claim) = claim
            && !is_known
            && is_deniable(question.qtype)
        {
            self.owe_denial(&mut owe, claim);
        }
        if let Some(asker) = asker {
            self.askers.forget_idle(asker);
        }
    }

    fn may_reply(&mut self, query: &Query) -> bool {
        let is_allowed = self.askers.may_reply(query.now);
        if !is_allowed {
            Stats::count(&mut self.stats.askers_full);
        }
        is_allowed
    }

    /// Owes a reply by unicast to this very question.
    fn owe_reply<O: OwnStorage>(
        &mut self,
        own: &mut Own<O>,
        query: &Query,
        question: &Question<'_>,
        name: NameId,
        is_legacy: bool,
    ) {
        let is_won = own
            .claim_of(name)
            .and_then(|claim| self.claims.get(claim.get()))
            .is_some_and(|state| state.is_won());
        let has_answer = own.records_of(name).any(|(id, record)| {
            matches(question.qtype, record.rtype())
                && self.records.get(id).is_some_and(RecordState::is_said)
        });
        let can_deny = is_won && is_deniable(question.qtype);
        if !has_answer && !can_deny {
            return;
        }
        let echoed = Echoed {
            id: query.id,
            case: case_of(question, own.name(name)),
        };
        let asked = Asked {
            name,
            qtype: question.qtype,
            qclass: question.qclass,
            legacy: is_legacy.then_some(echoed),
        };
        match self.askers.ask(query.source, asked) {
            Ok(()) => own.hold_name(name),
            Err(_) => Stats::count(&mut self.stats.askers_full),
        }
    }

    fn owe_record(&mut self, owe: &mut Owe<'_>, id: u32, ttl: Ttl) {
        let Some(state) = self.records.get(id).filter(|state| state.is_said()) else {
            return;
        };
        let Some(debt) = owe.debt(state.sent, ttl, &mut self.askers, &mut self.stats) else {
            return;
        };
        if let Some(state) = self.records.get_mut(id) {
            state.debt.add(debt, &mut self.askers);
            self.settle_record(id);
        }
    }

    /// Owes the answer that there is no such record (§6.1).
    fn owe_denial(&mut self, owe: &mut Owe<'_>, claim: ClaimId) {
        let Some(state) = self.claims.get(claim.get()).filter(|state| state.is_won()) else {
            return;
        };
        let Some(debt) = owe.debt(
            state.sent,
            crate::own::HOST_TTL,
            &mut self.askers,
            &mut self.stats,
        ) else {
            return;
        };
        if let Some(state) = self.claims.get_mut(claim.get()) {
            state.denial.add(debt, &mut self.askers);
            self.settle_claim(claim);
        }
    }

    /// Clears what this asker alone waits for and knows already (§7.1, §7.2).
    #[cfg_attr(target_os = "none", inline(never))]
    fn hear_known_answers<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
        source: SocketAddr,
        message: &Message<'_>,
    ) {
        let Some(asker) = self.askers.at(source) else {
            return;
        };
        let interface = self.config.interface;
        for known in message.answers() {
            let Some(name) = own.find_name(known.name) else {
                continue;
            };
            let found = own.find(name, &known.rdata, &|record| {
                record.scope.covers(interface) && !record.is_leaving()
            });
            let Some((id, record)) = found.and_then(|id| Some((id, own.get(id)?))) else {
                continue;
            };
            // §7.1: less than half of the true TTL does not count as known.
            if known.class != Class::IN || u64::from(known.ttl.0) * 2 < u64::from(record.ttl.0) {
                continue;
            }
            if let Some(state) = self.records.get_mut(id)
                && state.debt.is_owed()
                && !state.debt.defends
                && state.debt.waiting == Waiting::one(asker)
            {
                state.debt.clear(&mut self.askers);
                self.settle_record(id);
            }
        }
    }
}

/// What is owed for one question.
struct Owe<'a> {
    now: Instant,
    due: Instant,
    asker_due: Instant,
    source: SocketAddr,
    wants_unicast: bool,
    is_replied: bool,
    defends: bool,
    /// The asker's place in the row, once it has one.
    asker: &'a mut Option<u16>,
}

impl Owe<'_> {
    /// The debt for one record, last multicast at `sent`; `None` when a reply is enough.
    fn debt<R: crate::store::Slots<crate::store::Slot<super::Asker>>>(
        &mut self,
        sent: Option<Instant>,
        ttl: Ttl,
        askers: &mut super::Askers<R>,
        stats: &mut Stats,
    ) -> Option<Debt> {
        // §5.4: what was multicast within a quarter of its TTL may go by unicast.
        let is_recent = sent.is_some_and(|sent| self.now < sent + ttl.as_duration() / 4);
        if self.is_replied && is_recent {
            return None;
        }
        if self.asker.is_none() {
            *self.asker = askers.wait(self.source, self.asker_due);
            if self.asker.is_none() {
                Stats::count(&mut stats.askers_full);
            }
        }
        let waiting = self.asker.map_or(Waiting::MANY, Waiting::one);
        let unicast = self.wants_unicast && is_recent && waiting != Waiting::MANY;
        Some(Debt {
            due: self.due,
            waiting,
            unicast,
            defends: self.defends,
        })
    }
}

/// Whether a record of this type answers a question for that one (§6).
pub(super) fn matches(qtype: RecordType, rtype: RecordType) -> bool {
    qtype == rtype || qtype == RecordType::ANY || rtype == RecordType::CNAME
}

/// Which bytes of the question's name are letters in the other case than ours.
#[cfg_attr(target_os = "none", inline(never))]
fn case_of(question: &Question<'_>, ours: crate::name::Name<'_>) -> [u8; 32] {
    let mut case = [0; 32];
    let mut at = 0;
    for (theirs, ours) in question.name.labels().zip(ours.labels()) {
        // The byte of the label's length.
        at += 1;
        for (theirs, ours) in theirs.iter().zip(ours) {
            if let Some(byte) = case.get_mut(at / 8) {
                *byte |= u8::from(theirs != ours) << (at % 8);
            }
            at += 1;
        }
    }
    case
}
