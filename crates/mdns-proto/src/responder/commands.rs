//! What the application does: registers, changes, withdraws; and what its interfaces' addresses do to what is ours.

use core::time::Duration;

use super::{Responder, ResponderStorage, state};
use crate::{
    link::{InterfaceId, Subnet},
    own::{
        ClaimId, Holder, HostId, NewRecord, RecordId, RegisterError, Scope, Service, ServiceId,
        Stored,
    },
    store::Full,
    time::Instant,
    wire::{Rdata, RecordType, Txt},
};

impl<S: ResponderStorage> Responder<S> {
    pub(crate) fn add_host(&mut self, now: Instant, label: &str) -> Result<HostId, RegisterError> {
        let claim = self.own.or_undone(|own| own.add_host(label))?;
        if let Err(full) = self.follow() {
            return Err(full.into());
        }
        self.call_addresses_back(now);
        self.begin_claim(now, claim);
        self.begin_address_claims(now);
        self.own.host_id(claim).ok_or(RegisterError::Full)
    }

    pub(crate) fn register(
        &mut self,
        now: Instant,
        service: &Service<'_>,
    ) -> Result<ServiceId, RegisterError> {
        let index = self.own.or_undone(|own| own.add_service(service))?;
        self.follow()?;
        self.call_back(now, index);
        self.each_claim(index, |responder, claim| responder.begin_claim(now, claim));
        self.own.service_id(index).ok_or(RegisterError::Full)
    }

    /// Does something for each claim of a service.
    pub(super) fn each_claim(&mut self, service: u32, mut each: impl FnMut(&mut Self, ClaimId)) {
        let mut at = 0;
        loop {
            let claim = self.own.claims_of_service(service).nth(at);
            let Some(claim) = claim else { return };
            each(self, claim);
            at += 1;
        }
    }

    /// What a service registered anew says is not said goodbye to any more.
    pub(super) fn call_back(&mut self, now: Instant, service: u32) {
        while let Some(twin) = self.own.leaving_twin(service) {
            self.forget_goodbye(now, twin);
        }
    }

    /// No goodbye is said for an address of a host that says it again.
    fn call_addresses_back(&mut self, now: Instant) {
        while let Some(twin) = self.own.leaving_address() {
            self.forget_goodbye(now, twin);
        }
    }

    pub(super) fn forget_goodbye(&mut self, now: Instant, record: u32) {
        for (_, link) in self.links.iter_mut() {
            link.forget_record(record);
        }
        self.own.remove_record(now, record);
    }

    /// Withdraws a host and the services that run on it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn remove_host(&mut self, now: Instant, id: HostId) {
        if Self::NONE {
            return;
        }
        let Some(host) = self.own.host(id) else {
            return;
        };
        for index in 0..self.own.services_bound() {
            if self
                .own
                .service_at(index)
                .is_some_and(|service| service.host == host)
                && let Some(id) = self.own.service_id(index)
            {
                self.withdraw(now, id);
            }
        }
        let Some(name) = self.own.claim(host).map(|claim| claim.name) else {
            return;
        };
        for record in 0..self.own.records_bound() {
            let Some(found) = self.own.get(record) else {
                continue;
            };
            let is_its = found.claim == Some(host)
                || (found.unique && found.stored == Stored::Name(RecordType::PTR, name));
            if is_its && !found.is_leaving() {
                let claim = found.claim;
                self.own.let_go(record);
                self.say_goodbye(now, record, claim);
                if let Some(claim) = claim {
                    self.drop_unused_claim(claim);
                }
            }
        }
        self.drop_unused_claim(host);
    }

    /// Gives up a claim under which nothing is said any more.
    pub(super) fn drop_unused_claim(&mut self, claim: ClaimId) {
        let Some(name) = self.own.claim(claim).map(|found| found.name) else {
            return;
        };
        if self
            .own
            .records_of(name)
            .any(|(_, record)| record.claim == Some(claim))
        {
            return;
        }
        for (_, link) in self.links.iter_mut() {
            link.stop_claim(claim);
        }
        self.own.drop_claim(claim);
    }

    /// Replaces the port of a service, and announces it.
    pub(crate) fn update_port(
        &mut self,
        now: Instant,
        id: ServiceId,
        port: u16,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.own.set_port(now, id, port)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Replaces the subtypes of a service: new ones are announced, old ones say goodbye.
    pub(crate) fn update_subtypes(
        &mut self,
        now: Instant,
        id: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        self.own.add_subtypes(id, subtypes)?;
        self.follow()?;
        while let Some(record) = self.own.take_subtype(id, subtypes) {
            if self.own.let_go(record) {
                self.say_goodbye(now, record, None);
            }
        }
        self.call_back(now, id.index);
        let Responder {
            own,
            links,
            announcements,
            ..
        } = self;
        for (_, link) in links.iter_mut() {
            link.wake_service(now, own, id.index, *announcements);
        }
        Ok(())
    }

    /// Registers a record by itself.
    pub(crate) fn add_record(
        &mut self,
        now: Instant,
        new: &NewRecord<'_>,
    ) -> Result<RecordId, RegisterError> {
        let (record, claim) = self.own.or_undone(|own| own.add_single(new))?;
        self.follow()?;
        while let Some(twin) = self.own.leaving_twin_of(record) {
            for (_, link) in self.links.iter_mut() {
                link.forget_record(twin);
            }
            self.own.remove_record(now, twin);
        }
        if let Some(claim) = claim {
            self.begin_claim(now, claim);
        } else {
            let Responder {
                own,
                links,
                announcements,
                ..
            } = self;
            for (_, link) in links.iter_mut() {
                link.wake(now, own, record, *announcements);
            }
        }
        self.own.record_id(record).ok_or(RegisterError::Full)
    }

    /// Replaces what a unique record says, and announces it.
    pub(crate) fn update_record(
        &mut self,
        now: Instant,
        id: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.own.set_single(now, id, rdata)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Withdraws a record that was registered by itself.
    pub(crate) fn remove_record(&mut self, now: Instant, id: RecordId) {
        let Some(record) = self.own.single(id) else {
            return;
        };
        let claim = self.own.get(record).and_then(|record| record.claim);
        let claim = claim.filter(|&claim| {
            self.own
                .claim(claim)
                .is_some_and(|claim| claim.holder == Holder::Records)
        });
        if self.own.let_go(record) {
            self.say_goodbye(now, record, claim);
        }
        if let Some(claim) = claim {
            self.drop_unused_claim(claim);
        }
    }

    pub(crate) fn update_txt(
        &mut self,
        now: Instant,
        id: ServiceId,
        txt: Txt<'_>,
    ) -> Result<(), RegisterError> {
        let Some(record) = self.own.set_txt(now, id, txt)? else {
            return Ok(());
        };
        self.announce_anew(now, record);
        Ok(())
    }

    /// Withdraws a service; what was announced says goodbye (RFC 6762 §10.1).
    pub(crate) fn withdraw(&mut self, now: Instant, id: ServiceId) {
        let Some(service) = self.own.service(id) else {
            return;
        };
        let (main, type_pointer) = (service.claim, service.type_pointer);
        for (_, link) in self.links.iter_mut() {
            link.stop_claim(main);
        }
        let Some(mut retired) = self.own.retire_service(id) else {
            return;
        };
        while let Some(record) = retired.next(&self.own) {
            let claim = self.own.get(record).and_then(|record| record.claim);
            if self.own.let_go(record) {
                self.say_goodbye(now, record, claim);
            }
            if let Some(placeholder) = claim.filter(|&claim| claim != main) {
                self.drop_unused_claim(placeholder);
            }
        }
        let Responder { own, links, .. } = self;
        for (_, link) in links.iter_mut().filter(|(_, link)| link.withholds) {
            link.settle_type_pointer(now, own, type_pointer.get());
        }
    }

    /// Withdraws everything.
    pub(crate) fn shutdown(&mut self, now: Instant) {
        if Self::NONE {
            return;
        }
        for record in 0..self.own.records_bound() {
            if let Some(id) = self.own.record_id(record) {
                self.remove_record(now, id);
            }
        }
        for claim in 0..self.own.claims_bound() {
            let host = ClaimId::of(claim);
            if self
                .own
                .claim(host)
                .is_some_and(|claim| claim.holder == Holder::Host)
                && let Some(id) = self.own.host_id(host)
            {
                self.remove_host(now, id);
            }
        }
    }

    /// Whether every goodbye has been said.
    pub(crate) fn is_silent(&self) -> bool {
        !self.own.records().any(|(_, record)| record.is_leaving())
    }

    /// Owes the goodbye of a record wherever it was said; forgets it at once where it never was.
    ///
    /// `claim` is whose name it was, if that goes with it.
    pub(super) fn say_goodbye(&mut self, now: Instant, record: u32, claim: Option<ClaimId>) {
        let mut owed = 0u8;
        for (_, link) in self.links.iter_mut() {
            owed = owed.saturating_add(u8::from(link.owe_goodbye(now, record, claim)));
        }
        if let Some(found) = self.own.get_mut(record) {
            found.goodbyes = owed;
        }
        if owed == 0 {
            self.own.remove_record(now, record);
            self.has_unsaid = true;
        }
    }

    /// Announces what a record says now, with the rest of its RRset, wherever it is live (RFC 6762 §8.4).
    pub(super) fn announce_anew(&mut self, now: Instant, record: u32) {
        let announcements = self.announcements;
        for (_, link) in self.links.iter_mut() {
            if let Some(state) = link.records.get_mut(record)
                && state.is_live
            {
                state.announce(now, announcements);
                link.settle_record(record);
            }
        }
    }

    /// Sets the addresses of an interface: what is new is announced, what is gone is withdrawn (RFC 6762 §8.4, §14).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set_addresses(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        addresses: &[Subnet],
    ) -> Result<(), Full> {
        let is_wanted = |own: &Subnet| addresses.iter().any(|new| new.address == own.address);
        loop {
            let gone = self.own.addresses(interface).find(|own| !is_wanted(own));
            let Some(gone) = gone else { break };
            self.own.remove_address(now, interface, gone.address);
            if !Self::NONE {
                self.withdraw_address(now, interface, gone, addresses);
            }
        }
        let mut result = Ok(());
        for (at, &new) in addresses.iter().enumerate() {
            let is_same = |other: &Subnet| other.address == new.address;
            if addresses.iter().position(is_same) != Some(at) {
                // Given twice; the first counts.
                continue;
            }
            if !self.own.set_prefix(interface, new)
                && let Err(full) = self.own.add_address(interface, new)
            {
                result = Err(full);
                continue;
            }
            if Self::NONE {
                // There is nobody whose address it would be.
                continue;
            }
            for host in 0..self.own.claims_bound() {
                let host = ClaimId::of(host);
                let claim = self.own.claim(host);
                if claim.is_some_and(|claim| claim.holder == Holder::Host)
                    && !self.own.has_address_record(host, interface, new.address)
                    && let Err(full) = self.own.add_address_records(host, interface, new)
                {
                    // What did find room is answered for.
                    result = Err(full);
                }
            }
        }
        if Self::NONE {
            return result;
        }
        self.follow()?;
        self.call_addresses_back(now);
        self.begin_address_claims(now);
        for host in 0..self.own.claims_bound() {
            if self
                .own
                .claim(ClaimId::of(host))
                .is_some_and(|claim| claim.holder == Holder::Host)
            {
                self.host_addresses_changed(now, ClaimId::of(host), interface);
            }
        }
        result
    }

    /// The records of an address that is gone. A goodbye is needed only where nothing is left to flush them with (§8.4).
    pub(super) fn withdraw_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        gone: Subnet,
        kept: &[Subnet],
    ) {
        for id in 0..self.own.records_bound() {
            let Some(record) = self.own.get(id) else {
                continue;
            };
            if record.scope != Scope::Interface(interface) || record.is_leaving() {
                continue;
            }
            let is_forward = record.stored.address() == Some(gone.address);
            let is_reverse = matches!(record.stored, Stored::Name(..))
                && self.own.name(record.name) == crate::name::reverse_name(gone.address).as_name();
            if !is_forward && !is_reverse {
                continue;
            }
            let (name, rtype, claim) = (record.name, record.rtype(), record.claim);
            let rest = self.own.records_of(name).find(|(other, rest)| {
                *other != id && rest.rtype() == rtype && rest.scope == Scope::Interface(interface)
                    && !rest.is_leaving()
                    // Another that is about to go too is no rest.
                    && rest.stored.address().is_none_or(|address| kept.iter().any(|kept| kept.address == address))
            });
            let rest = rest.map(|(rest, _)| rest);
            self.own.let_go(id);
            if let Some(rest) = rest {
                for (_, link) in self.links.iter_mut() {
                    link.forget_record(id);
                }
                self.own.remove_record(now, id);
                self.announce_anew(now, rest);
            } else {
                self.say_goodbye(now, id, claim.filter(|_| is_reverse));
            }
            if is_reverse && let Some(claim) = claim {
                self.drop_unused_claim(claim);
            }
        }
    }

    /// A host has more or fewer addresses on an interface: claim its name there, or announce the whole RRsets.
    pub(super) fn host_addresses_changed(
        &mut self,
        now: Instant,
        host: ClaimId,
        interface: InterfaceId,
    ) {
        let Responder {
            own,
            links,
            chance,
            announcements,
            ..
        } = self;
        for (_, link) in links
            .iter_mut()
            .filter(|(_, link)| link.config.interface == interface && link.is_up)
        {
            let has_any = link.has_records(own, host);
            let phase = link.claims.get(host.get()).map(|state| state.phase);
            match phase {
                Some(state::Phase::Off) if has_any => link.probe(now, host, Duration::ZERO, chance),
                Some(phase) if phase.is_won() && !has_any => {
                    link.stop_claim(host);
                    for (id, _) in own.records() {
                        if !link.is_ready(own, id)
                            && !link.records.get(id).is_some_and(|state| state.is_leaving)
                        {
                            link.silence(id);
                        }
                    }
                }
                Some(phase) if phase.is_won() => link.wake_host(now, own, host, *announcements),
                _ => {}
            }
        }
    }
}
