//! Denials: that a name of ours has these types and no others, so that nobody waits for what is not there (RFC 6762 §6.1, §6.2).

use super::{Link, LinkStorage, askers::Waits, packet::Manner, state::MULTICAST_INTERVAL};
use crate::{
    name::Name,
    own::{ClaimId, HOST_TTL, Own, OwnRecord, OwnStorage},
    store::NameId,
    time::Instant,
    wire::{Class, Nsec, Rdata, Record, RecordType, Section, Ttl, TypeSet, Writer},
};

/// The greatest type that the restricted form of an NSEC has a place for.
const RESTRICTED_MAX: RecordType = RecordType(255);

impl<L: LinkStorage> Link<L> {
    /// The types that a name has on this link, of the records that count; `None` if there are some that the restricted form of
    /// an NSEC has no place for (§6.1).
    pub(super) fn types_of<O: OwnStorage>(
        &self,
        own: &Own<O>,
        name: NameId,
        counts: impl Fn(&OwnRecord) -> bool,
    ) -> Option<TypeSet> {
        let mut types = TypeSet::new();
        for (_, record) in own.records_of(name) {
            if record.scope.covers(self.config.interface) && counts(record) {
                if record.rtype() > RESTRICTED_MAX {
                    return None;
                }
                types.insert(record.rtype());
            }
        }
        Some(types)
    }

    /// That a claimed name has these types and no others (§6.1). Whatever is ours counts, announced or not: nothing that
    /// exists is denied.
    pub(super) fn write_denial<O: OwnStorage>(
        &self,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        section: Section,
        claim: ClaimId,
        manner: Manner,
    ) -> Result<(), crate::wire::Full> {
        let Some(name) = own.claim(claim).map(|claim| claim.name) else {
            return Ok(());
        };
        match self.types_of(own, name, |record| !record.is_leaving()) {
            Some(types) => {
                writer.record(section, &manner.of(nsec(own.name(name), &types, HOST_TTL)))
            }
            None => Ok(()),
        }
    }

    /// Takes back what was said that a name has not; once a packet, as far as there is room.
    pub(super) fn unsay_denial<O: OwnStorage>(
        &mut self,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        record: u32,
    ) {
        let Some(name) = own.get(record).map(|record| record.name) else {
            return;
        };
        if !self.records.get(record).is_some_and(|state| state.denied) {
            return;
        }
        for (other, _) in own.records_of(name) {
            if let Some(state) = self.records.get_mut(other) {
                state.denied = false;
            }
        }
        if let Some(types) = self.types_of(own, name, |_| true) {
            // Not zero: Avahi compares what it does not know byte by byte, pointers and all, and would not find it again.
            // Replaced (§10.2) by one that ends within the second, it is gone everywhere. Without room it stays where it
            // was heard until its TTL ends, two minutes at most.
            let _fits = writer.record(Section::Answer, &nsec(own.name(name), &types, Ttl(1)));
        }
    }

    /// Denials beside the records answered and added: so that nobody waits for the address family that is not there (§6.2).
    pub(super) fn write_denials<O: OwnStorage>(
        &mut self,
        now: Instant,
        own: &Own<O>,
        writer: &mut Writer<'_>,
        ids: &[u32],
        is_multicast: bool,
        manner: Manner,
    ) {
        let packet = self.packet;
        for &id in ids {
            let Some(claim) = own.get(id).and_then(|record| record.claim) else {
                continue;
            };
            let Some(state) = self.claims.get_mut(claim.get()) else {
                continue;
            };
            if state.packet == packet {
                continue;
            }
            let is_due = state.denial.due <= now && is_multicast;
            let is_recent = state
                .sent
                .is_some_and(|sent| now < sent + MULTICAST_INTERVAL);
            if is_due || (is_multicast && is_recent) {
                continue;
            }
            state.packet = packet;
            if self
                .write_denial(own, writer, Section::Additional, claim, manner)
                .is_err()
            {
                return;
            }
            if is_multicast && let Some(state) = self.claims.get_mut(claim.get()) {
                state.sent = Some(now);
                if state.denial.is_owed() && !state.denial.unicast {
                    state.denial.clear(&mut self.askers);
                }
                self.settle_claim(claim);
            }
        }
    }

    pub(super) fn denial_due(&self, now: Instant) -> Option<ClaimId> {
        let claim = self.claims_due.by(&self.claims, now)?;
        self.claims
            .get(claim)
            .filter(|state| state.denial.due <= now)
            .map(|_| ClaimId::of(claim))
    }

    /// Puts a denial off that was just multicast. `None` when it may go.
    pub(super) fn put_denial_off(&mut self, now: Instant, claim: ClaimId) -> bool {
        let Some(state) = self.claims.get_mut(claim.get()) else {
            return false;
        };
        let mut due = state.denial.due;
        if let Some(asker) = state.denial.waiting.asker()
            && let Some(Waits::Debts { due: asker_due, .. }) =
                self.askers.get(asker).map(|asker| &asker.waits)
        {
            due = due.max(*asker_due);
        }
        if state.denial.unicast_to().is_none() {
            due = due.max(
                state
                    .sent
                    .map_or(Instant::ZERO, |sent| sent + MULTICAST_INTERVAL),
            );
        }
        state.denial.due = due;
        self.settle_claim(claim);
        due > now
    }
}

/// The NSEC record of a name, in the restricted form (RFC 6762 §6.1).
fn nsec<'a>(name: Name<'a>, types: &'a TypeSet, ttl: Ttl) -> Record<'a> {
    let types = types.as_types();
    Record {
        name,
        class: Class::IN,
        cache_flush: true,
        ttl,
        rdata: Rdata::Nsec(Nsec { next: name, types }),
    }
}
