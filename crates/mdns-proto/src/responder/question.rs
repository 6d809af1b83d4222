//! Which question gets which answer, when, and how (RFC 6762 §5.4, §5.5, §6, §6.7, §7.1, §7.2).

use core::{cmp::Ordering, net::SocketAddr, ops::RangeInclusive};

use super::{
    Link, LinkStorage, Responder, ResponderStorage,
    packet::propose,
    requesters::{Asked, Echoed},
    state::{DEFERRAL, Phase, RecordState, Waiting},
    tiebreak,
};
use crate::{
    chance::{Chance, Draw, millis},
    link::{LinkId, PORT, Packet, Via},
    moment::{Moment, Now},
    name::Name,
    registry::{ClaimId, Holder, Kind, Named, RecordInfo, RecordNumber, Registry, RegistryStorage},
    stats::Stats,
    store::NONE,
    wire::{Class, Message, Question, Record, RecordType, Section},
};

/// The delay of an answer that others may give too, in milliseconds (§6).
const SHARED_DELAY: RangeInclusive<u32> = 20..=120;

/// The delay when more known answers are to come, in milliseconds (§7.2).
const TRUNCATED_DELAY: RangeInclusive<u32> = 400..=500;

/// Types that are for questions only (RFC 6895 §3.1): there is nothing to deny.
const QTYPES: RangeInclusive<u16> = 249..=255;

/// A name of more records than this is answered for once a packet, however often the packet asks: so the work for a packet is in
/// proportion to it and to what is registered, not to the product of both.
const REPEATED_MAX: usize = 64;

/// So many of such names are told apart in one packet.
const LARGE_NAMES: usize = 16;

impl<S: ResponderStorage> Responder<S> {
    /// Takes in a query: gives way to a better probe, and schedules the answers.
    ///
    /// `is_near` says that the source is on the link: only then may anything go there by unicast.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn handle_query(
        &mut self,
        now: Now,
        id: LinkId,
        packet: &Packet<'_>,
        message: &Message<'_>,
        is_near: bool,
    ) {
        if Self::NONE {
            return;
        }
        let Responder {
            registry,
            links,
            chance,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)).filter(|link| link.is_up) else {
            return;
        };
        let is_truncated = message.header().flags.truncated();
        if is_truncated && let Some(requester) = link.requesters.at(packet.source) {
            // §7.2: each further packet pushes the answers back.
            let wait = millis(chance, Draw::TruncatedAnswer, 0, TRUNCATED_DELAY);
            let until = now.moment().plus(wait);
            link.requesters.push_back(requester, until);
        }
        let mut query = Query {
            now,
            id: message.header().id,
            source: packet.source,
            is_legacy: packet.source.port() != PORT,
            is_unicast: packet.via == Via::Unicast,
            is_near,
            due: Due::of(now, message, is_truncated, link, chance),
            large: heapless::Vec::new(),
        };
        link.requesters.begin_packet();
        let mut compared_left = message.compared_max(Section::Authority);
        for question in message.questions() {
            let named = registry.named(question.name);
            let first = named.clone().peek();
            if first == NONE {
                continue;
            }
            let rival = || {
                message
                    .authorities()
                    .filter(|record| record.name == question.name)
            };
            // What comes after so many is a question like others.
            let is_probe = compared_left > 0 && rival().next().is_some();
            compared_left = compared_left.saturating_sub(1);
            let claim = named.claim(first);
            if is_probe {
                if rival().all(|record| registry.is_ours(now, &record, packet.source.ip())) {
                    // Our own probe, or one that proposes what is so: nothing to decide or to defend (§8.2.1).
                    continue;
                }
                if let Some(claim) = claim
                    && registry
                        .claim(claim)
                        .is_some_and(|claim| claim.holder == Holder::Address)
                {
                    // Who has the address too and probes for its reverse name may have that.
                    if registry.has_address(packet.source.ip()) {
                        link.yield_address(now, registry, claim);
                        continue;
                    }
                }
                if message.is_sound()
                    && let Some(claim) = claim
                    && link.gives_way(now, registry, claim, rival)
                {
                    continue;
                }
            }
            link.schedule_answers(&mut query, &question, named, claim, is_probe);
        }
        if !query.is_legacy {
            link.handle_known_answers(registry, packet.source, message);
        }
    }
}

/// What all questions of a query have in common.
struct Query {
    now: Now,
    /// Its id, which a legacy reply repeats.
    id: u16,
    source: SocketAddr,
    is_legacy: bool,
    /// It came to our own address (§5.5).
    is_unicast: bool,
    is_near: bool,
    due: Due,
    /// Names of many records that were answered for in this packet, each by its first record.
    large: heapless::Vec<RecordNumber, LARGE_NAMES>,
}

/// When the answers to a query are due.
struct Due {
    /// Where only we can answer.
    unique: Moment,
    /// Where others may too.
    shared: Moment,
    /// Not before, as far as this requester is concerned.
    requester: Moment,
}

impl Due {
    fn of<L: LinkStorage>(
        now: Now,
        message: &Message<'_>,
        is_truncated: bool,
        link: &mut Link<L>,
        chance: &mut Chance,
    ) -> Self {
        let at_once = now.moment();
        if is_truncated {
            let due = at_once.plus(millis(chance, Draw::TruncatedAnswer, 1, TRUNCATED_DELAY));
            return Due {
                unique: due,
                shared: due,
                requester: due,
            };
        }
        // §6.4: answers that are on their way anyway take these with them.
        let is_soon = !link.answers.is_never()
            && link.answers >= at_once.plus(*SHARED_DELAY.start())
            && link.answers <= at_once.plus(*SHARED_DELAY.end());
        let shared = if is_soon {
            link.answers
        } else {
            at_once.plus(millis(chance, Draw::Answer, 0, SHARED_DELAY))
        };
        // §6.3: with several questions others may have part of the answers.
        let unique = if message.question_count() > 1 {
            shared
        } else {
            at_once
        };
        Due {
            unique,
            shared,
            requester: at_once,
        }
    }
}

impl<L: LinkStorage> Link<L> {
    /// Compares our probe with another's for the same name. `true` when we are probing ourselves: then there is nothing to answer.
    #[cfg_attr(target_os = "none", inline(never))]
    fn gives_way<'a, O: RegistryStorage, T: Iterator<Item = Record<'a>>>(
        &mut self,
        now: Now,
        registry: &'a Registry<O>,
        claim: ClaimId,
        theirs: impl Fn() -> T,
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
        if self.compare_probes(registry, claim, theirs()).is_lt() {
            let state = self.claims.get_mut(claim.get());
            if state.is_some_and(|state| state.defer()) {
                Stats::count(&mut self.stats.deferred);
                // §8.2: the same name once more; if the other has it by then, it will say so.
                self.probe_at(claim, now.after(DEFERRAL));
            }
        }
        true
    }

    /// How what we propose compares to what another does. Each of its records is looked up once, so that a rival with many, or with
    /// many copies of ours, costs no more than its bytes.
    fn compare_probes<'a, O: RegistryStorage>(
        &mut self,
        registry: &'a Registry<O>,
        claim: ClaimId,
        theirs: impl Iterator<Item = Record<'a>>,
    ) -> Ordering {
        let (limit, interface) = (self.limit(), self.config.interface);
        let mut probes = tiebreak::Probes::default();
        propose(limit, interface, registry, claim, &mut |id, _| {
            if let Some(state) = self.records.get_mut(id) {
                state.set_proposed();
            }
            Ok(())
        });
        for record in theirs {
            let is_its = |id| registry.is_under(id, claim) && registry.covers(id, interface);
            let same = registry
                .find(record.name, &record.rdata, &is_its)
                .filter(|_| record.class == Class::IN)
                .and_then(|id| self.records.get_mut(id));
            let is_common = same.is_some_and(RecordState::set_proposed_by_rival);
            probes.add_theirs(record, is_common);
        }
        propose(limit, interface, registry, claim, &mut |id, record| {
            let state = self.records.get_mut(id);
            probes.add_ours(*record, state.is_some_and(RecordState::take_proposed));
            Ok(())
        });
        probes.compare()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn schedule_answers<O: RegistryStorage>(
        &mut self,
        query: &mut Query,
        question: &Question<'_>,
        named: Named<'_, O>,
        claim: Option<ClaimId>,
        is_probe: bool,
    ) {
        if question.qclass != Class::IN && question.qclass != Class::ANY {
            return;
        }
        let registry = named.registry();
        let first = named.clone().peek();
        if query.is_legacy {
            if query.is_near && self.may_reply(query.now) {
                self.ask(query, question, named, claim, true);
            }
            return;
        }
        if query.large.contains(&first) {
            return;
        }
        let wants_unicast =
            (question.unicast || query.is_unicast) && query.is_near && self.may_reply(query.now);
        if is_probe && wants_unicast {
            // §5.4, §6: at once, whatever was multicast lately.
            self.ask(query, question, named.clone(), claim, false);
        }
        let defends = is_probe && claim.is_some();
        let due = if defends {
            query.now.moment()
        } else if claim.is_some() {
            query.due.unique
        } else {
            query.due.shared
        };
        if due == query.due.shared {
            self.answers = due;
        }
        let mut answer = Answer {
            now: query.now,
            due,
            requester_due: if defends {
                query.now.moment()
            } else {
                query.due.requester
            },
            source: query.source,
            wants_unicast,
            // The reply above is enough, unless the record has become rare.
            is_replied: is_probe && wants_unicast,
            defends,
            requester: None,
        };
        let mut is_known = false;
        let mut looked = 0;
        for record in named {
            looked += 1;
            let Some(info) = registry.info(record) else {
                continue;
            };
            if !info.answers(question.qtype) || !registry.covers(record, self.config.interface) {
                continue;
            }
            // A record that is not active yet is not denied either.
            is_known |= info.claim.is_some();
            self.schedule_answer(&mut answer, record, &info);
        }
        if looked > REPEATED_MAX {
            let _all_are_remembered_or_none_is_left = query.large.push(first);
        }
        if let Some(negative) = claim.and_then(|claim| registry.negative_of(claim))
            && !is_known
            && may_deny(question.qtype)
            && let Some(info) = registry.info(negative)
        {
            self.schedule_answer(&mut answer, negative, &info);
        }
        if let Some(requester) = answer.requester {
            self.requesters.forget_idle(requester);
        }
    }

    fn may_reply(&mut self, now: Now) -> bool {
        let is_allowed = self.requesters.may_reply(now);
        if !is_allowed {
            Stats::count(&mut self.stats.askers_full);
        }
        is_allowed
    }

    /// Keeps a question that is answered by unicast and by itself.
    fn ask<O: RegistryStorage>(
        &mut self,
        query: &Query,
        question: &Question<'_>,
        mut named: Named<'_, O>,
        claim: Option<ClaimId>,
        is_legacy: bool,
    ) {
        let registry = named.registry();
        let first = named.clone().peek();
        let has_answer = named.any(|record| self.replies_with(registry, record, question.qtype));
        let can_deny = may_deny(question.qtype) && claim.is_some_and(|claim| self.is_won(claim));
        if !has_answer && !can_deny {
            return;
        }
        let hash = named.hash(first);
        let mut scratch = crate::registry::SubtypeName::new();
        let ours = registry.owner(first, &mut scratch);
        let echoed = Echoed {
            id: query.id,
            case: case_of(question, ours),
        };
        let asked = Asked {
            record: first,
            hash,
            qtype: question.qtype,
            qclass: question.qclass,
            legacy: is_legacy.then_some(echoed),
        };
        if self.requesters.ask(query.source, asked).is_err() {
            Stats::count(&mut self.stats.askers_full);
        }
    }

    /// Whether a record is an answer to a question for this type that can be given now.
    pub(super) fn replies_with<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        record: RecordNumber,
        qtype: RecordType,
    ) -> bool {
        self.records.get(record).is_some_and(RecordState::is_active)
            && registry
                .info(record)
                .is_some_and(|info| info.answers(qtype))
    }

    fn schedule_answer(&mut self, answer: &mut Answer, record: RecordNumber, info: &RecordInfo) {
        let Some(state) = self.records.get(record).filter(|state| state.is_active()) else {
            return;
        };
        // §5.4: what was multicast within a quarter of its TTL may go by unicast.
        let quarter = state.sent.plus(info.ttl.0.saturating_mul(250).min(1 << 26));
        let is_recent = !quarter.is_never() && !quarter.has_come(answer.now);
        if answer.is_replied && is_recent {
            return;
        }
        if answer.requester.is_none() {
            answer.requester = self.requesters.wait(answer.source, answer.requester_due);
            if answer.requester.is_none() {
                Stats::count(&mut self.stats.askers_full);
            }
        }
        let waiting = answer.requester.map_or(Waiting::MANY, Waiting::one);
        let is_unicast = answer.wants_unicast && is_recent && waiting != Waiting::MANY;
        self.add_pending(record, answer.due, waiting, is_unicast, answer.defends);
    }

    /// Adds to what is pending: two answers become one, at the earlier time; two requesters become many, and many get it by
    /// multicast.
    pub(super) fn add_pending(
        &mut self,
        record: RecordNumber,
        due: Moment,
        waiting: Waiting,
        is_unicast: bool,
        defends: bool,
    ) {
        let Some(state) = self.records.get_mut(record) else {
            return;
        };
        if !state.is_pending() {
            (state.due, state.waiting) = (due, waiting);
            state.set_unicast(is_unicast);
            if let Some(requester) = waiting.requester() {
                self.requesters.hold(requester);
            }
        } else {
            state.due = state.due.min(due);
            if state.waiting == waiting {
                state.set_unicast(is_unicast && state.is_unicast());
            } else {
                if let Some(requester) = state.waiting.requester() {
                    self.requesters.release(requester);
                }
                state.waiting = Waiting::MANY;
                state.set_unicast(false);
            }
        }
        if defends {
            state.set_defends();
        }
        self.reschedule(record);
    }

    /// Clears what this requester alone waits for and knows already (§7.1, §7.2).
    #[cfg_attr(target_os = "none", inline(never))]
    fn handle_known_answers<O: RegistryStorage>(
        &mut self,
        registry: &Registry<O>,
        source: SocketAddr,
        message: &Message<'_>,
    ) {
        let Some(requester) = self.requesters.at(source) else {
            return;
        };
        let interface = self.config.interface;
        for known in message.answers() {
            let is_here =
                |record| registry.covers(record, interface) && !registry.is_leaving(record);
            let Some(record) = registry.find(known.name, &known.rdata, &is_here) else {
                continue;
            };
            let Some(info) = registry.info(record) else {
                continue;
            };
            // §7.1: less than half of the true TTL does not count as known.
            if known.class != Class::IN || u64::from(known.ttl.0) * 2 < u64::from(info.ttl.0) {
                continue;
            }
            if let Some(state) = self.records.get(record)
                && state.is_pending()
                && !state.defends()
                && state.waiting == Waiting::one(requester)
            {
                self.clear(record);
            }
        }
    }
}

/// What is scheduled for one question.
struct Answer {
    now: Now,
    due: Moment,
    requester_due: Moment,
    source: SocketAddr,
    wants_unicast: bool,
    is_replied: bool,
    defends: bool,
    /// The requester's place in the row, once it has one.
    requester: Option<u16>,
}

impl RecordInfo {
    /// Whether a record answers a question for this type (§6).
    pub(super) fn answers(&self, qtype: RecordType) -> bool {
        self.kind != Kind::Negative
            && (qtype == self.rtype || qtype == RecordType::ANY || self.rtype == RecordType::CNAME)
    }
}

/// Whether a question for this type can have a negative response (RFC 6762 §6.1).
pub(super) fn may_deny(qtype: RecordType) -> bool {
    !QTYPES.contains(&qtype.0) && !qtype.is_pseudo()
}

/// Which bytes of the question's name are letters in the other case than ours.
#[cfg_attr(target_os = "none", inline(never))]
fn case_of(question: &Question<'_>, ours: Name<'_>) -> [u8; 32] {
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
