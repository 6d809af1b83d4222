//! One link of the responder: a state for each claim and each record of the registry, and which records are said there.
//!
//! A record is *active* on a link when the names in it are ours there: its own and that it leads to. [`Link::reconcile`] compares
//! that with its state and acts: announces it, or silences it. Nothing else does.

use super::{
    requesters::{Requester, Requesters},
    state::{Activity, ClaimState, MULTICAST_INTERVAL, PROBE_INTERVAL, RecordState},
};
use crate::{
    chance::{Chance, Draw, millis},
    link::{Family, LinkConfig},
    moment::{Moment, Now, Round},
    registry::{ClaimId, Holder, Kind, RecordInfo, RecordNumber, Registry, RegistryStorage},
    stats::Stats,
    store::{Due, Slot, Slots, Table},
};

/// The rows that a link keeps beside those of the [registry](RegistryStorage).
pub trait LinkStorage {
    /// As long as [`RegistryStorage::Claims`].
    type Claims: Slots<Slot<ClaimState>>;
    /// As long as [`RegistryStorage::Records`].
    type Records: Slots<Slot<RecordState>>;
    /// As long as [`RegistryStorage::Types`].
    type Types: Slots<u32>;
    /// As long as [`RegistryStorage::Claims`]; or of no slot at all, and the claims are looked through for the next that is due.
    type ClaimsDue: Slots<u32>;
    /// As long as [`RegistryStorage::Records`]; or of no slot at all, and the records are looked through.
    type RecordsDue: Slots<u32>;
    /// Who waits for an answer at one time; a few.
    type Requesters: Slots<Slot<Requester>>;
}

/// What one link keeps.
pub struct Link<L: LinkStorage> {
    pub(super) config: LinkConfig,
    pub(super) is_up: bool,
    /// Whether the socket can take a datagram now.
    pub(super) is_writable: bool,
    /// Whether the system reaches link-local addresses here without having one.
    pub(super) has_link_local_route: bool,
    pub(super) claims: Table<ClaimState, L::Claims>,
    pub(super) records: Table<RecordState, L::Records>,
    /// How many services of each type are withheld from this link.
    pub(super) withheld: L::Types,
    pub(super) claims_due: Due<L::ClaimsDue>,
    pub(super) records_due: Due<L::RecordsDue>,
    pub(super) requesters: Requesters<L::Requesters>,
    /// When the names that are waiting for their first probe are probed: together.
    pub(super) first_probe: Moment,
    /// When the answers that others may give too are sent: together (RFC 6762 §6.4).
    pub(super) answers: Moment,
    /// When a probe was last sent.
    pub(super) last_probe: Moment,
    /// Nothing is sent before: after a send that failed.
    pub(super) held_until: Moment,
    /// The number of the packet being written.
    pub(super) packet: u16,
    pub(super) stats: Stats,
}

impl<L: LinkStorage> Link<L> {
    pub(super) const fn new(config: LinkConfig) -> Self {
        Link {
            config,
            is_up: false,
            is_writable: true,
            has_link_local_route: false,
            claims: Table::new(),
            records: Table::new(),
            withheld: L::Types::EMPTY,
            claims_due: Due::new(),
            records_due: Due::new(),
            requesters: Requesters::new(),
            first_probe: Moment::NEVER,
            answers: Moment::NEVER,
            last_probe: Moment::NEVER,
            held_until: Moment::NEVER,
            packet: 0,
            stats: Stats::NONE,
        }
    }

    /// Makes the rows as long as those of the registry.
    pub(super) fn follow<O: RegistryStorage>(&mut self, registry: &Registry<O>) {
        let followed = self
            .claims
            .extend_to(registry.claims_bound(), ClaimState::new)
            .and_then(|()| {
                self.records
                    .extend_to(registry.records_bound(), RecordState::new)
            });
        debug_assert!(followed.is_ok(), "the rows of links are as long");
        while self.withheld.len() < registry.types_bound() as usize && self.withheld.push(0).is_ok()
        {
        }
    }

    /// Ages all moments (see [`Moment::age`]).
    pub(super) fn age(&mut self, round: Round) {
        for (_, state) in self.claims.iter_mut() {
            state.age(round);
        }
        for (_, state) in self.records.iter_mut() {
            state.age(round);
        }
        self.requesters.age(round);
        for moment in [
            &mut self.first_probe,
            &mut self.answers,
            &mut self.last_probe,
            &mut self.held_until,
        ] {
            moment.age(round);
        }
    }

    pub(super) fn reschedule_claim(&mut self, claim: ClaimId) {
        self.claims_due.settle(&self.claims, claim.get());
    }

    pub(super) fn reschedule(&mut self, record: RecordNumber) {
        self.records_due.settle(&self.records, record);
    }

    // --- claims ---

    pub(super) fn is_won(&self, claim: ClaimId) -> bool {
        self.claims.get(claim.get()).is_some_and(ClaimState::is_won)
    }

    /// Whether the application wants a claim used on other links only.
    pub(super) fn is_withheld(&self, claim: ClaimId) -> bool {
        self.claims
            .get(claim.get())
            .is_some_and(|state| state.is_withheld)
    }

    /// Whether a claim has anything to say on this link.
    pub(super) fn has_records<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        claim: ClaimId,
    ) -> bool {
        !self.is_withheld(claim) && registry.has_records(claim, self.config.interface)
    }

    /// Begins to probe, `pause` and a random wait from now (RFC 6762 §8.1). Names that begin together are probed together.
    pub(super) fn probe(&mut self, now: Now, claim: ClaimId, pause: u32, chance: &mut Chance) {
        let is_waiting = !self.first_probe.is_never() && !self.first_probe.has_come(now);
        let first = if pause == 0 && is_waiting {
            self.first_probe
        } else {
            let subject =
                u32::from(self.config.family == Family::V6) << 16 | self.config.interface.0;
            now.moment()
                .plus(pause + millis(chance, Draw::FirstProbe, subject, 0..=PROBE_INTERVAL))
        };
        if pause == 0 {
            self.first_probe = first;
        }
        self.probe_at(claim, first);
    }

    pub(super) fn probe_at(&mut self, claim: ClaimId, first: Moment) {
        if let Some(state) = self.claims.get_mut(claim.get()) {
            state.probe_from(first);
            self.reschedule_claim(claim);
        }
    }

    /// Nothing more is done about a claim.
    pub(super) fn stop_claim(&mut self, claim: ClaimId) {
        if let Some(state) = self.claims.get_mut(claim.get()) {
            state.stop();
            self.reschedule_claim(claim);
        }
    }

    // --- records ---

    /// Forgets the pending answer of a record.
    pub(super) fn clear(&mut self, record: RecordNumber) {
        let Some(state) = self.records.get_mut(record) else {
            return;
        };
        if let Some(requester) = state.waiting.requester() {
            self.requesters.release(requester);
        }
        state.clear();
        self.reschedule(record);
    }

    /// Nothing more is said of a record until it is active again. Returns whether it was leaving: then it has left this link.
    pub(super) fn silence(&mut self, record: RecordNumber) -> bool {
        let Some(state) = self.records.get_mut(record) else {
            return false;
        };
        let was_leaving = state.is_leaving();
        state.activity = Activity::Silent;
        state.announce(Moment::NEVER, 0);
        if was_leaving {
            state.sent = Moment::NEVER;
        }
        self.clear(record);
        was_leaving
    }

    /// Forgets all there is about a record, for the next with its number.
    pub(super) fn forget_record(&mut self, record: RecordNumber) {
        self.silence(record);
        if let Some(state) = self.records.get_mut(record) {
            state.sent = Moment::NEVER;
        }
    }

    /// Schedules the goodbye of a record. Returns `false` when it was never said here.
    pub(super) fn send_goodbye(&mut self, now: Now, record: RecordNumber) -> bool {
        let Some(state) = self.records.get_mut(record) else {
            return false;
        };
        if !state.is_sendable() || state.sent.is_never() {
            self.forget_record(record);
            return false;
        }
        state.activity = Activity::Leaving;
        state.announce(now.moment(), 1);
        self.clear(record);
        true
    }

    /// Announces a record anew, if it is active.
    pub(super) fn announce_anew(&mut self, now: Now, record: RecordNumber, announcements: u8) {
        if let Some(state) = self.records.get_mut(record)
            && state.is_active()
        {
            state.announce(now.moment(), announcements);
            self.reschedule(record);
        }
    }

    // --- which records are said ---

    /// Makes the records of a claim, and those that lead to it, active where the names in them are ours on this link, and silent
    /// where they are not (any more).
    pub(super) fn reconcile<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        claim: ClaimId,
        announcements: u8,
    ) {
        let mut reconcile = Reconcile {
            now,
            registry,
            announcements,
            link: self,
        };
        match registry.claim(claim).map(|claim| claim.holder) {
            Some(Holder::Service(service) | Holder::Placeholder(service)) => {
                reconcile.service(service.get());
                reconcile.claim(claim);
            }
            Some(Holder::Host) => {
                for service in 0..registry.services_bound() {
                    if registry
                        .service_at(service)
                        .is_some_and(|service| service.host == claim)
                    {
                        reconcile.service(service);
                    }
                }
                for record in 0..registry.records_bound() {
                    if registry.is_of_host(record, claim) {
                        reconcile.record(record, true);
                    }
                }
            }
            Some(Holder::Records | Holder::Address) | None => reconcile.claim(claim),
        }
        if registry.has_customs() {
            let name = registry.claim_name(claim);
            for record in 0..registry.records_bound() {
                if registry.is_custom_to(record, name) {
                    reconcile.record(record, true);
                }
            }
        }
    }

    /// Makes a record active or silent that belongs to no claim.
    pub(super) fn reconcile_record<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        record: RecordNumber,
        announcements: u8,
    ) {
        Reconcile {
            now,
            registry,
            announcements,
            link: self,
        }
        .record(record, true);
    }

    /// Whether some service of a type is offered on this link.
    pub(super) fn offers_type<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        of_type: u32,
    ) -> bool {
        let withheld = self.withheld.get(of_type as usize).copied().unwrap_or(0);
        registry
            .type_pointer(of_type)
            .is_some_and(|(_, services)| services > withheld)
    }

    /// Whether the names in a record are ours on this link.
    fn is_ready<O: RegistryStorage>(
        &self,
        registry: &Registry<O>,
        record: RecordNumber,
        info: &RecordInfo,
    ) -> bool {
        self.is_up
            && !info.is_leaving
            && info.claim.is_none_or(|claim| self.is_won(claim))
            && registry.covers(record, self.config.interface)
            && registry
                .target(record)
                .is_none_or(|target| self.is_won(target))
    }
}

/// What is compared with what.
struct Reconcile<'a, L: LinkStorage, O: RegistryStorage> {
    now: Now,
    registry: &'a Registry<O>,
    announcements: u8,
    link: &'a mut Link<L>,
}

impl<L: LinkStorage, O: RegistryStorage> Reconcile<'_, L, O> {
    /// The records under a claim.
    fn claim(&mut self, claim: ClaimId) {
        for record in self.registry.records_of(claim) {
            if self.registry.service_of(record).is_none() {
                self.record(record, true);
            }
        }
    }

    /// The records of a service, which begin together: when its name, its placeholders and its host are won. The list of types
    /// begins with the first of a type.
    fn service(&mut self, service: u32) {
        let registry = self.registry;
        let Some(row) = registry.service_at(service) else {
            return;
        };
        let is_complete = self.link.is_won(row.host)
            && registry
                .claims_of_service(service)
                .all(|claim| self.link.is_won(claim));
        for record in registry.records_of_service(service) {
            self.record(record, is_complete);
        }
        let of_type = registry.type_of(service).unwrap_or_default();
        if is_complete
            && self.link.offers_type(registry, of_type)
            && let Some((pointer, _)) = registry.type_pointer(of_type)
        {
            self.record(pointer, true);
        }
    }

    /// One record. `may_begin` says whether it may become active now.
    fn record(&mut self, record: RecordNumber, may_begin: bool) {
        let Some(info) = self.registry.info(record) else {
            return;
        };
        let is_ready = self.link.is_ready(self.registry, record, &info);
        let Some(state) = self.link.records.get_mut(record) else {
            return;
        };
        match (is_ready, state.is_active()) {
            (true, false) if may_begin => {
                state.activity = Activity::Active;
                if info.kind != Kind::Negative {
                    // §6: its goodbye may be less than a second old.
                    let earliest = self.registry.withdrawn(record).plus(MULTICAST_INTERVAL);
                    let first = self.now.moment().latest(earliest);
                    state.announce(first, self.announcements);
                } else {
                    state.announce(Moment::NEVER, 0);
                }
                self.link.reschedule(record);
            }
            (false, true) => {
                self.link.silence(record);
            }
            _ => {}
        }
    }
}
