//! What the application does: registers, changes, withdraws, chooses links; and what its interfaces' addresses do to what is
//! registered.

use super::{Responder, ResponderStorage, state};
use crate::{
    link::{InterfaceId, LinkId, Subnet},
    moment::Now,
    registry::{
        ClaimId, Holder, HostId, Kind, NewRecord, RecordId, RecordNumber, RegisterError, Service,
        ServiceId,
    },
    store::Full,
    wire::{Rdata, Txt},
};

impl<S: ResponderStorage> Responder<S> {
    // --- registering ---

    pub(crate) fn add_host(&mut self, now: Now, label: &str) -> Result<HostId, RegisterError> {
        let host = self.registry.add_host(label)?;
        self.follow();
        for record in 0..self.registry.records_bound() {
            if self.registry.is_of_host(record, host) {
                self.recall_twin(now, record);
            }
        }
        self.begin_claim(now, host);
        self.begin_address_claims(now);
        self.registry.host_id(host).ok_or(RegisterError::Full)
    }

    pub(crate) fn register(
        &mut self,
        now: Now,
        service: &Service<'_>,
    ) -> Result<ServiceId, RegisterError> {
        let index = self.registry.add_service(service)?;
        self.follow();
        self.recall_twins(now, index);
        self.each_claim(index, |responder, claim| responder.begin_claim(now, claim));
        self.registry.service_id(index).ok_or(RegisterError::Full)
    }

    /// Registers a record by itself.
    pub(crate) fn add_record(
        &mut self,
        now: Now,
        new: &NewRecord<'_>,
    ) -> Result<RecordId, RegisterError> {
        let (record, claim) = self.registry.add_custom(new)?;
        self.follow();
        self.recall_twin(now, record);
        if let Some(claim) = claim {
            self.begin_claim(now, claim);
        } else {
            let Responder {
                registry,
                links,
                announcements,
                ..
            } = self;
            for (_, link) in links.iter_mut() {
                link.reconcile_record(now, registry, record, *announcements);
            }
        }
        self.registry.record_id(record).ok_or(RegisterError::Full)
    }

    /// Does something for each claim of a service.
    pub(super) fn each_claim(&mut self, service: u32, mut each: impl FnMut(&mut Self, ClaimId)) {
        let mut at = 0;
        loop {
            let claim = self.registry.claims_of_service(service).nth(at);
            let Some(claim) = claim else { return };
            each(self, claim);
            at += 1;
        }
    }

    /// What a record says anew is not said goodbye to any more.
    fn recall_twin(&mut self, now: Now, record: RecordNumber) {
        while let Some(twin) = self.registry.leaving_twin(record) {
            for (_, link) in self.links.iter_mut() {
                link.forget_record(twin);
            }
            self.registry.remove_record(now, twin);
        }
    }

    /// The same for all records of a service, and the one that lists its type.
    fn recall_twins(&mut self, now: Now, service: u32) {
        if self.registry.leaving() == 0 {
            return;
        }
        let mut next = self.registry.next_of_service(service, None);
        while let Some(record) = next {
            next = self.registry.next_of_service(service, Some(record));
            self.recall_twin(now, record);
        }
        let of_type = self.registry.type_of(service);
        if let Some((pointer, _)) = of_type.and_then(|of_type| self.registry.type_pointer(of_type))
        {
            self.recall_twin(now, pointer);
        }
    }

    // --- changing ---

    /// Replaces the port of a service, and announces it.
    pub(crate) fn update_port(
        &mut self,
        now: Now,
        id: ServiceId,
        port: u16,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.registry.set_port(now, id, port)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Replaces the TXT data of a service, and announces them.
    pub(crate) fn update_txt(
        &mut self,
        now: Now,
        id: ServiceId,
        txt: Txt<'_>,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.registry.set_txt(now, id, txt)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Replaces the subtypes of a service: new ones are announced, old ones say goodbye.
    pub(crate) fn update_subtypes(
        &mut self,
        now: Now,
        id: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        self.registry.add_subtypes(id, subtypes)?;
        self.follow();
        let mut next = self.registry.next_of_service(id.index, None);
        while let Some(record) = next {
            next = self.registry.next_of_service(id.index, Some(record));
            if self.registry.is_subtype_beside(record, subtypes) {
                self.retire(now, record);
            }
        }
        self.recall_twins(now, id.index);
        let Some(claim) = self.registry.service(id).map(|service| service.claim) else {
            return Ok(());
        };
        self.reconcile(now, claim);
        Ok(())
    }

    /// Replaces what a unique record says, and announces it.
    pub(crate) fn update_record(
        &mut self,
        now: Now,
        id: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.registry.set_custom(now, id, rdata)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Compares what is said of a claim with what should be, on all links.
    fn reconcile(&mut self, now: Now, claim: ClaimId) {
        let Responder {
            registry,
            links,
            announcements,
            ..
        } = self;
        for (_, link) in links.iter_mut() {
            link.reconcile(now, registry, claim, *announcements);
        }
    }

    /// Announces what a record says now wherever it is active (RFC 6762 §8.4); the rest of its RRset goes with it.
    fn announce_anew(&mut self, now: Now, record: RecordNumber) {
        for (_, link) in self.links.iter_mut() {
            link.announce_anew(now, record, self.announcements);
        }
    }

    // --- withdrawing ---

    /// Withdraws a record: it says goodbye wherever it was said, and is forgotten at once where it never was.
    fn retire(&mut self, now: Now, record: RecordNumber) {
        if self.registry.is_leaving(record) {
            return;
        }
        let mut goodbyes = 0u8;
        for (_, link) in self.links.iter_mut() {
            goodbyes = goodbyes.saturating_add(u8::from(link.send_goodbye(now, record)));
        }
        self.registry.retire_record(record, goodbyes);
        if goodbyes == 0 {
            self.registry.remove_record(now, record);
            self.has_retracted = true;
        }
    }

    /// Gives a claim up, with its negative response.
    fn give_up_claim(&mut self, now: Now, claim: ClaimId) {
        for (_, link) in self.links.iter_mut() {
            link.stop_claim(claim);
        }
        let negative = self.registry.negative_of(claim);
        self.registry.give_up_claim(claim);
        if let Some(negative) = negative {
            self.retire(now, negative);
        }
    }

    /// Gives a claim up under which nothing is said any more.
    fn give_up_unused_claim(&mut self, now: Now, claim: ClaimId) {
        let negative = self.registry.negative_of(claim);
        let is_used = self
            .registry
            .records_of(claim)
            .any(|record| Some(record) != negative);
        if self.registry.claim(claim).is_some() && !is_used {
            self.give_up_claim(now, claim);
        }
    }

    /// Withdraws a service; what was announced says goodbye (RFC 6762 §10.1).
    pub(crate) fn withdraw(&mut self, now: Now, id: ServiceId) {
        let Some(service) = self.registry.service(id) else {
            return;
        };
        let (main, service) = (service.claim, id.index);
        let of_type = self.registry.type_of(service).unwrap_or_default();
        for (_, link) in self.links.iter_mut() {
            if link.is_withheld(main)
                && let Some(withheld) = link.withheld.get_mut(of_type as usize)
            {
                *withheld = withheld.saturating_sub(1);
            }
        }
        self.registry.hold_service(service);
        self.registry.retire_service(service);
        let mut next = self.registry.next_of_service(service, None);
        while let Some(record) = next {
            next = self.registry.next_of_service(service, Some(record));
            let held = self.registry.placeholder_claim(record);
            self.retire(now, record);
            if let Some(claim) = held {
                self.give_up_claim(now, claim);
            }
        }
        self.give_up_claim(now, main);
        if let Some(pointer) = self.registry.leave_type(of_type) {
            self.retire(now, pointer);
        } else {
            self.check_type(now, of_type);
        }
        self.registry.release_service(service);
    }

    /// Takes a type off the list of types of the links on which no service of it is offered (any more).
    fn check_type(&mut self, now: Now, of_type: u32) {
        let Responder {
            registry, links, ..
        } = self;
        for (_, link) in links.iter_mut() {
            if !link.offers_type(registry, of_type)
                && let Some((pointer, _)) = registry.type_pointer(of_type)
            {
                link.send_goodbye(now, pointer);
            }
        }
    }

    /// Withdraws a host and the services that run on it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn remove_host(&mut self, now: Now, id: HostId) {
        if Self::NONE {
            return;
        }
        let Some(host) = self.registry.host(id) else {
            return;
        };
        for service in 0..self.registry.services_bound() {
            let is_its = self
                .registry
                .service_at(service)
                .is_some_and(|service| service.host == host);
            if let Some(id) = self.registry.service_id(service).filter(|_| is_its) {
                self.withdraw(now, id);
            }
        }
        let negative = self.registry.negative_of(host);
        for record in 0..self.registry.records_bound() {
            if self.registry.is_of_host(record, host) && Some(record) != negative {
                self.retire_under_claim(now, record);
            }
        }
        if self.registry.host(id).is_some() {
            self.give_up_claim(now, host);
        }
    }

    /// Withdraws a record, and the reverse name of an address with the last one that stands under it.
    fn retire_under_claim(&mut self, now: Now, record: RecordNumber) {
        let Some(info) = self.registry.info(record) else {
            return;
        };
        self.retire(now, record);
        if info.kind == Kind::Reverse
            && let Some(claim) = info.claim
        {
            self.give_up_unused_claim(now, claim);
        }
    }

    /// Withdraws a record that was registered by itself.
    pub(crate) fn remove_record(&mut self, now: Now, id: RecordId) {
        let Some(record) = self.registry.custom(id) else {
            return;
        };
        let claim = self.registry.info(record).and_then(|info| info.claim);
        self.retire(now, record);
        if let Some(claim) = claim
            && self
                .registry
                .claim(claim)
                .is_some_and(|claim| claim.holder == Holder::Records)
        {
            self.give_up_unused_claim(now, claim);
        }
    }

    /// Withdraws everything.
    pub(crate) fn shutdown(&mut self, now: Now) {
        if Self::NONE {
            return;
        }
        for record in 0..self.registry.records_bound() {
            if let Some(id) = self.registry.record_id(record) {
                self.remove_record(now, id);
            }
        }
        for claim in 0..self.registry.claims_bound() {
            let host = ClaimId::of(claim);
            if self
                .registry
                .claim(host)
                .is_some_and(|claim| claim.holder == Holder::Host)
                && let Some(id) = self.registry.host_id(host)
            {
                self.remove_host(now, id);
            }
        }
    }

    /// Whether every goodbye has been said.
    pub(crate) fn is_silent(&self) -> bool {
        self.registry.leaving() == 0
    }

    // --- which links a service is offered on ---

    /// Offers a service on a link, or withholds it there and says goodbye to what was said of it (RFC 6762 §14).
    pub(crate) fn set_offered(
        &mut self,
        now: Now,
        id: ServiceId,
        link_id: LinkId,
        is_offered: bool,
    ) {
        let Some(service) = self.registry.service(id) else {
            return;
        };
        let (main, host) = (service.claim, service.host);
        let of_type = self.registry.type_of(id.index).unwrap_or_default();
        let Responder {
            registry,
            links,
            chance,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(link_id.0)) else {
            return;
        };
        if link.is_withheld(main) != is_offered {
            return;
        }
        if let Some(withheld) = link.withheld.get_mut(of_type as usize) {
            *withheld = if is_offered {
                withheld.saturating_sub(1)
            } else {
                *withheld + 1
            };
        }
        for claim in registry.claims_of_service(id.index) {
            if let Some(state) = link.claims.get_mut(claim.get()) {
                state.is_withheld = !is_offered;
            }
            if is_offered && link.is_up {
                link.probe(now, claim, 0, chance);
            }
        }
        if is_offered {
            return;
        }
        for record in registry.records_of_service(id.index) {
            link.send_goodbye(now, record);
        }
        for claim in registry.claims_of_service(id.index) {
            link.stop_claim(claim);
            if let Some(negative) = registry.negative_of(claim) {
                link.send_goodbye(now, negative);
            }
        }
        if !link.offers_type(registry, of_type)
            && let Some((pointer, _)) = registry.type_pointer(of_type)
        {
            link.send_goodbye(now, pointer);
        }
        // The other links may have waited for this one.
        self.has_retracted = true;
        self.notify_registered(main, host);
    }

    // --- addresses ---

    /// Sets the addresses of an interface: what is new is announced, what is gone is withdrawn (RFC 6762 §8.4, §14). Without room for
    /// all, those that found some are answered for.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set_addresses(
        &mut self,
        now: Now,
        interface: InterfaceId,
        addresses: &[Subnet],
    ) -> Result<(), Full> {
        let is_wanted = |own: &Subnet| addresses.iter().any(|new| new.address == own.address);
        loop {
            let mut rows = self.registry.addresses(interface);
            let gone = rows.find(|own| !is_wanted(own));
            drop(rows);
            let Some(gone) = gone else { break };
            if let Some(address) = self.registry.lose_address(now, interface, gone.address) {
                self.registry.hold_address(address);
                if !Self::NONE {
                    self.withdraw_address(now, interface, address, addresses);
                }
                self.registry.release_address(address);
            }
        }
        let mut result = Ok(());
        for (at, &new) in addresses.iter().enumerate() {
            let is_same = |other: &Subnet| other.address == new.address;
            if addresses.iter().position(is_same) != Some(at) {
                // Given twice; the first counts.
                continue;
            }
            let known = self.registry.set_subnet(interface, new);
            let added = known.map_or_else(|| self.registry.add_address(interface, new), Ok);
            let Ok(address) = added else {
                result = Err(Full);
                continue;
            };
            for host in 0..self.registry.claims_bound() {
                let host = ClaimId::of(host);
                if self.is_host(host)
                    && !self.registry.has_address_record(host, address)
                    && self.registry.add_address_records(host, address).is_err()
                {
                    // What did find room is answered for.
                    result = Err(Full);
                }
            }
        }
        if Self::NONE {
            return result;
        }
        self.follow();
        for record in 0..self.registry.records_bound() {
            if self.registry.leaving() > 0 && self.registry.address_of(record).is_some() {
                self.recall_twin(now, record);
            }
        }
        self.begin_address_claims(now);
        for host in 0..self.registry.claims_bound() {
            if self.is_host(ClaimId::of(host)) {
                self.host_addresses_changed(now, ClaimId::of(host), interface);
            }
        }
        result
    }

    fn is_host(&self, claim: ClaimId) -> bool {
        self.registry
            .claim(claim)
            .is_some_and(|claim| claim.holder == Holder::Host)
    }

    /// Withdraws the records of an address that is gone. A goodbye is needed only where nothing is left to flush them with (§8.4).
    fn withdraw_address(
        &mut self,
        now: Now,
        interface: InterfaceId,
        address: u32,
        kept: &[Subnet],
    ) {
        for record in 0..self.registry.records_bound() {
            let registry = &self.registry;
            let is_its = registry
                .address_of(record)
                .is_some_and(|(of, _)| of == address);
            let Some(info) = registry
                .info(record)
                .filter(|info| is_its && !info.is_leaving)
            else {
                continue;
            };
            let is_rest = |&other: &RecordNumber| {
                other != record
                    && registry.info(other).is_some_and(|rest| rest.rtype == info.rtype)
                    && registry.covers(other, interface)
                    // Another that is about to go too is no rest.
                    && registry.address_of(other).is_none_or(|(_, address)| {
                        kept.iter().any(|kept| kept.address == address)
                    })
            };
            let rest = info
                .claim
                .filter(|_| info.is_address())
                .and_then(|claim| registry.records_of(claim).find(is_rest));
            if let Some(rest) = rest {
                for (_, link) in self.links.iter_mut() {
                    link.forget_record(record);
                }
                self.registry.remove_record(now, record);
                self.announce_anew(now, rest);
            } else {
                self.retire_under_claim(now, record);
            }
        }
    }

    /// A host has more or fewer addresses on an interface: claim its name there, or announce what is new.
    fn host_addresses_changed(&mut self, now: Now, host: ClaimId, interface: InterfaceId) {
        let Responder {
            registry,
            links,
            chance,
            announcements,
            ..
        } = self;
        for (_, link) in links
            .iter_mut()
            .filter(|(_, link)| link.config.interface == interface && link.is_up)
        {
            let has_any = link.has_records(registry, host);
            match link.claims.get(host.get()).map(|state| state.phase) {
                Some(state::Phase::Off) if has_any => link.probe(now, host, 0, chance),
                Some(phase) if phase.is_won() => {
                    if !has_any {
                        link.stop_claim(host);
                    }
                    link.reconcile(now, registry, host, *announcements);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chance::Chance,
        config::Config,
        link::{Family, LinkConfig},
        name::ServiceType,
        store::{Heap, looks},
        time::Instant,
    };

    const INTERFACE: InterfaceId = InterfaceId(1);

    /// A responder with so many services of one type, all of them probed for, and its link.
    fn with_services(count: usize) -> (Responder<Heap>, LinkId, std::vec::Vec<ServiceId>) {
        let now = Instant::from_millis(1000);
        let mut responder = Responder::new(&Config::DEFAULT);
        responder.start(now, Chance::new(1));
        let config = LinkConfig {
            interface: INTERFACE,
            family: Family::V4,
            ..LinkConfig::MULTICAST
        };
        let link = responder.add_link(config).unwrap();
        responder.link_up(Now::of(now), link);
        let subnet = Subnet {
            address: [10, 0, 0, 1].into(),
            prefix_len: 24,
        };
        responder
            .set_addresses(Now::of(now), INTERFACE, &[subnet])
            .unwrap();
        responder.add_host(Now::of(now), "hall").unwrap();
        let http: ServiceType = "_http._tcp".parse().unwrap();
        let register = |number: usize| {
            let name = std::format!("Web {number}");
            responder
                .register(Now::of(now), &Service::new(&name, &http, 80))
                .unwrap()
        };
        let services = (0..count).map(register).collect();
        (responder, link, services)
    }

    /// As many as there is room for with numbers of 16 bits, too.
    const MANY: usize = if cfg!(mdns_narrow) { 500 } else { 2000 };

    #[test]
    fn to_withhold_one_service_costs_the_same_among_many() {
        let cost = |count| {
            let (mut responder, link, services) = with_services(count);
            let before = looks();
            let now = Now::of(Instant::from_millis(1100));
            for is_offered in [false, true] {
                responder.set_offered(now, services[count / 2], link, is_offered);
            }
            looks() - before
        };
        // The heap of deadlines is deeper.
        assert!(cost(MANY) <= cost(20) + 200, "{} {}", cost(20), cost(MANY));
    }

    #[test]
    fn whether_all_goodbyes_were_said_is_known_without_a_look() {
        let (mut responder, _, services) = with_services(MANY);
        responder.withdraw(Now::of(Instant::from_millis(1100)), services[7]);
        let before = looks();
        assert!(responder.is_silent(), "nothing was said yet");
        assert_eq!(looks(), before);
    }
}
