//! What one link keeps of what is ours: a state for each claim and each record, in rows that run beside.
//!
//! A record is *live* on a link when the names in it are ours there: its own and that it leads to. Only then is it said.

use core::time::Duration;

use super::{
    askers::{Asker, Askers},
    state::{ClaimState, MULTICAST_INTERVAL, PROBE_INTERVAL, RecordState},
};
use crate::{
    chance::{Chance, Draw},
    link::{Family, LinkConfig},
    own::{ClaimId, Holder, Own, OwnStorage, Scope},
    stats::Stats,
    store::{Due, Full, Slot, Slots, Table},
    time::Instant,
};

/// The rows a link keeps beside those of [`OwnStorage`].
pub trait LinkStorage {
    /// As long as [`OwnStorage::Claims`].
    type Claims: Slots<Slot<ClaimState>>;
    /// As long as [`OwnStorage::Records`].
    type Records: Slots<Slot<RecordState>>;
    /// As long as [`OwnStorage::Claims`]; or of no slot at all, and the claims are looked through for the next that is due.
    type ClaimsDue: Slots<u32>;
    /// As long as [`OwnStorage::Records`]; or of no slot at all, and the records are looked through.
    type RecordsDue: Slots<u32>;
    /// Who waits for an answer at one time; a few.
    type Askers: Slots<Slot<Asker>>;
}

/// What one link keeps.
pub struct Link<L: LinkStorage> {
    pub(super) config: LinkConfig,
    pub(super) is_up: bool,
    /// Whether the system reaches link-local addresses here without having one.
    pub(super) has_link_local_route: bool,
    /// Whether a service was ever withheld from this link.
    pub(super) withholds: bool,
    pub(super) claims: Table<ClaimState, L::Claims>,
    pub(super) records: Table<RecordState, L::Records>,
    pub(super) claims_due: Due<L::ClaimsDue>,
    pub(super) records_due: Due<L::RecordsDue>,
    pub(super) askers: Askers<L::Askers>,
    /// When the names that are waiting for their first probe are probed: together.
    pub(super) first_probe: Instant,
    /// When the answers that others may give too are sent: together (RFC 6762 §6.4).
    pub(super) answers: Instant,
    /// When a probe was last sent.
    pub(super) last_probe: Option<Instant>,
    /// Nothing is sent before: after a send that failed.
    pub(super) held_until: Instant,
    /// The number of the packet being written.
    pub(super) packet: u16,
    pub(super) stats: Stats,
}

impl<L: LinkStorage> Link<L> {
    pub(super) const fn new(config: LinkConfig) -> Self {
        Link {
            config,
            is_up: false,
            has_link_local_route: false,
            withholds: false,
            claims: Table::new(),
            records: Table::new(),
            claims_due: Due::new(),
            records_due: Due::new(),
            askers: Askers::new(),
            first_probe: Instant::ZERO,
            answers: Instant::ZERO,
            last_probe: None,
            held_until: Instant::ZERO,
            packet: 0,
            stats: Stats::NONE,
        }
    }

    /// Makes the rows as long as those of what is ours.
    pub(super) fn follow<O: OwnStorage>(&mut self, own: &Own<O>) -> Result<(), Full> {
        self.claims.extend_to(own.claims_bound(), ClaimState::new)?;
        self.records
            .extend_to(own.records_bound(), RecordState::new)
    }

    pub(super) fn settle_claim(&mut self, claim: ClaimId) {
        self.claims_due.settle(&self.claims, claim.get());
    }

    pub(super) fn settle_record(&mut self, record: u32) {
        self.records_due.settle(&self.records, record);
    }

    /// Whether the application wants a claim used on other links only.
    pub(super) fn is_withheld(&self, claim: ClaimId) -> bool {
        self.claims
            .get(claim.get())
            .is_some_and(|state| state.is_withheld)
    }

    /// Whether a claim has anything to say on this link.
    pub(super) fn has_records<O: OwnStorage>(&self, own: &Own<O>, claim: ClaimId) -> bool {
        if self.is_withheld(claim) {
            return false;
        }
        own.claimed(claim, self.config.interface).next().is_some()
    }

    /// Begins everything anew: probing for every claim, silence until it is won.
    pub(super) fn start_over<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        chance: &mut Chance,
    ) {
        for (record, found) in own.records() {
            if !found.is_leaving() {
                self.silence(record);
            }
        }
        for (claim, found) in own.claims() {
            if found.holder != Holder::Address && self.has_records(own, claim) {
                self.probe(now, claim, Duration::ZERO, chance);
            }
        }
    }

    /// Begins to probe, `pause` and a random wait from now (RFC 6762 §8.1). Names that begin together are probed together.
    pub(super) fn probe(
        &mut self,
        now: Instant,
        claim: ClaimId,
        pause: Duration,
        chance: &mut Chance,
    ) {
        let first = if pause.is_zero() && self.first_probe > now {
            self.first_probe
        } else {
            let subject =
                u32::from(self.config.family == Family::V6) << 16 | self.config.interface.0;
            now + pause + chance.within(Draw::FirstProbe, subject, Duration::ZERO..=PROBE_INTERVAL)
        };
        if pause.is_zero() {
            self.first_probe = first;
        }
        self.probe_at(claim, first);
    }

    pub(super) fn probe_at(&mut self, claim: ClaimId, first: Instant) {
        let Some(state) = self.claims.get_mut(claim.get()) else {
            return;
        };
        state.probe_from(first);
        state.denial.clear(&mut self.askers);
        self.settle_claim(claim);
    }

    /// Nothing more is done about a claim.
    pub(super) fn stop_claim(&mut self, claim: ClaimId) {
        let Some(state) = self.claims.get_mut(claim.get()) else {
            return;
        };
        state.stop();
        state.denial.clear(&mut self.askers);
        self.settle_claim(claim);
    }

    /// Nothing more is said of a record until it is live again. `true` if it was leaving: then it has left this link.
    pub(super) fn silence(&mut self, record: u32) -> bool {
        let Some(state) = self.records.get_mut(record) else {
            return false;
        };
        let was_leaving = state.is_leaving;
        state.is_live = false;
        state.is_leaving = false;
        state.denied = false;
        state.debt.clear(&mut self.askers);
        state.announce(Instant::MAX, 0);
        if was_leaving {
            state.sent = None;
        }
        self.settle_record(record);
        was_leaving
    }

    /// Forgets all there is about a record, for the next in its place.
    pub(super) fn forget_record(&mut self, record: u32) {
        self.silence(record);
        if let Some(state) = self.records.get_mut(record) {
            state.sent = None;
        }
    }

    /// Owes the goodbye of a record, and of what was said its name has not. `false` when it was never said here.
    pub(super) fn owe_goodbye(
        &mut self,
        now: Instant,
        record: u32,
        claim: Option<ClaimId>,
    ) -> bool {
        let was_denied = claim
            .and_then(|claim| self.claims.get(claim.get()))
            .is_some_and(|state| state.sent.is_some());
        let Some(state) = self.records.get_mut(record) else {
            return false;
        };
        if !state.is_live || state.sent.is_none() {
            self.forget_record(record);
            return false;
        }
        state.debt.clear(&mut self.askers);
        state.is_leaving = true;
        state.denied = was_denied;
        state.announce(now, 1);
        self.settle_record(record);
        true
    }

    /// The name is ours on this link: its records may be said, and those that lead to it.
    pub(super) fn win<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        claim: ClaimId,
        announcements: u8,
    ) {
        if let Some(state) = self.claims.get_mut(claim.get()) {
            state.win(now);
            self.settle_claim(claim);
        }
        match own.claim(claim).map(|claim| claim.holder) {
            Some(Holder::Service(index) | Holder::Placeholder(index)) => {
                self.wake_service(now, own, index.get(), announcements);
            }
            Some(Holder::Host) => self.wake_host(now, own, claim, announcements),
            Some(Holder::Address | Holder::Records) | None => {}
        }
        for (id, record) in own.claimed(claim, self.config.interface) {
            if record.is_single {
                self.wake(now, own, id, announcements);
            }
        }
    }

    /// Shared records that were registered by themselves wait for no name.
    pub(super) fn wake_shared<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        announcements: u8,
    ) {
        for (id, record) in own.records() {
            if record.is_single && !record.unique {
                self.wake(now, own, id, announcements);
            }
        }
    }

    pub(super) fn wake_host<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        host: ClaimId,
        announcements: u8,
    ) {
        for (id, record) in own.records() {
            // Its addresses, and the reverse records that lead to it.
            if record.unique && record.scope != Scope::Everywhere {
                self.wake(now, own, id, announcements);
            }
        }
        for (index, service) in own.services() {
            if service.host == host {
                self.wake_service(now, own, index, announcements);
            }
        }
    }

    pub(super) fn wake_service<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        index: u32,
        announcements: u8,
    ) {
        let Some(service) = own.service_at(index) else {
            return;
        };
        let mut claims = own.claims_of_service(index);
        if !self.is_won(service.host) || !claims.all(|claim| self.is_won(claim)) {
            return;
        }
        for (id, _) in own.records_of_service(index) {
            self.wake(now, own, id, announcements);
        }
        self.wake(now, own, service.type_pointer.get(), announcements);
    }

    pub(super) fn is_won(&self, claim: ClaimId) -> bool {
        self.claims.get(claim.get()).is_some_and(ClaimState::is_won)
    }

    /// Makes a record live, if it may be, and owes its announcements.
    pub(super) fn wake<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        id: u32,
        announcements: u8,
    ) {
        if !self.is_ready(own, id) {
            return;
        }
        if let Some(state) = self.records.get_mut(id)
            && !state.is_said()
        {
            // §6: its goodbye may be less than a second old.
            let first = own
                .taken_back(id)
                .map_or(now, |at| now.max(at + MULTICAST_INTERVAL));
            state.is_live = true;
            state.is_leaving = false;
            state.denied = false;
            state.announce(first, announcements);
            self.settle_record(id);
        }
    }

    /// Whether the names in a record are ours on this link.
    pub(super) fn is_ready<O: OwnStorage>(&self, own: &Own<O>, id: u32) -> bool {
        let Some(record) = own.get(id) else {
            return false;
        };
        let target = record
            .stored
            .target()
            .and_then(|target| own.claim_of(target));
        self.is_up
            && !record.is_leaving()
            && record.scope.covers(self.config.interface)
            && record.claim.is_none_or(|claim| self.is_won(claim))
            && target.is_none_or(|claim| self.is_won(claim))
    }
}
