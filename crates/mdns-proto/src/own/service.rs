//! A service is a recipe for records (RFC 6763): PTR, one PTR a subtype, the PTR of its type, SRV, TXT.

use super::{
    ClaimId, Holder, HostId, Own, OwnRecord, OwnStorage, RegisterError, Scope, ServiceClaims,
    ServiceId, Stored,
};
use crate::{
    name::{
        LOCAL, META_QUERY, Name, NameBuf, ServiceType, check_instance, push_subtype, subtype_name,
    },
    store::{Full, Id, NO_RECORD, NONE, NameId, Source},
    time::Instant,
    wire::{Rdata, RecordType, Txt},
};

/// A service to be registered.
///
/// ```
/// use mdns_proto::{name::ServiceType, own::Service};
///
/// let ipp: ServiceType = "_ipp._tcp".parse()?;
/// let service = Service { subtypes: &["_universal"], ..Service::new("Front Desk", &ipp, 631) };
/// # Ok::<(), mdns_proto::name::ServiceError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// The name people see: 1 to 63 bytes of text, any characters but ASCII control (RFC 6763 §4.1.1).
    pub instance: &'a str,
    /// What it speaks.
    pub service_type: &'a ServiceType,
    /// The port it listens on.
    pub port: u16,
    /// Which of several to prefer: lower first (RFC 2782). 0 where there is one.
    pub priority: u16,
    /// The share among those of one priority. 0 where there is one.
    pub weight: u16,
    /// What else a client should know (RFC 6763 §6).
    pub txt: Txt<'a>,
    /// Subtypes under which it is found too (RFC 6763 §7.1).
    pub subtypes: &'a [&'a str],
    /// The host it runs on; `None` for the first that was added.
    pub host: Option<HostId>,
    /// The types of its family that it does not speak, and under which nobody else may have its name: `_printer._tcp` for a
    /// printer without LPR (RFC 6763 §8). Each gets an SRV record with port 0 and no PTR. Whoever has the name under any of
    /// them takes it everywhere: the service is renamed, and its placeholders with it.
    pub placeholders: &'a [&'a ServiceType],
}

impl<'a> Service<'a> {
    /// A service without TXT data and subtypes on the first host.
    pub const fn new(instance: &'a str, service_type: &'a ServiceType, port: u16) -> Self {
        Service {
            instance,
            service_type,
            port,
            priority: 0,
            weight: 0,
            txt: Txt::EMPTY,
            subtypes: &[],
            host: None,
            placeholders: &[],
        }
    }
}

/// A registered service.
#[derive(Debug)]
pub struct ServiceSlot {
    pub(crate) claim: ClaimId,
    pub(crate) host: ClaimId,
    /// Its first record; the others follow as siblings.
    pub(crate) first: Id,
    /// The PTR of its type, which it may share.
    pub(crate) type_pointer: Id,
}

/// Bytes of a record beside its owner name and rdata, and of the message header.
const FRAME: usize = 10 + 12;

/// The rdata of an SRV record before the target.
const SRV_FIXED: usize = 6;

impl<S: OwnStorage> Own<S> {
    pub(crate) fn service_id(&self, index: u32) -> Option<ServiceId> {
        let claim = self.services.get(index)?.claim;
        Some(ServiceId {
            index,
            generation: self.claim(claim)?.generation,
        })
    }

    /// The service behind an id, while it is registered.
    pub(crate) fn service(&self, id: ServiceId) -> Option<&ServiceSlot> {
        let service = self.services.get(id.index)?;
        (self.claim(service.claim)?.generation == id.generation).then_some(service)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (u32, &ServiceSlot)> {
        self.services.iter()
    }

    /// One more than the highest number of a service.
    pub(crate) fn services_bound(&self) -> u32 {
        self.services.bound()
    }

    pub(crate) fn service_at(&self, index: u32) -> Option<&ServiceSlot> {
        self.services.get(index)
    }

    /// Makes the records of a service. On an error nothing has changed.
    pub(crate) fn add_service(&mut self, service: &Service<'_>) -> Result<u32, RegisterError> {
        check_instance(service.instance)?;
        let host = match service.host {
            Some(id) => self.host(id),
            None => self.default_host(),
        }
        .ok_or(RegisterError::NoHost)?;
        for service_type in core::iter::once(&service.service_type).chain(service.placeholders) {
            self.check_free(service_type, service.instance)?;
        }
        self.check_size(service)?;
        let slot = ServiceSlot {
            claim: ClaimId::of(NONE),
            host,
            first: Id::NONE,
            type_pointer: Id::NONE,
        };
        let index = self.services.insert(slot, self.records_max)?;
        match self.fill_service(index, host, service) {
            Ok(()) => Ok(index),
            Err(error) => {
                self.undo_service(index);
                Err(error)
            }
        }
    }

    fn check_size(&self, service: &Service<'_>) -> Result<(), RegisterError> {
        // A name may still grow by a number.
        let name_max = 64 + service.service_type.as_name().wire_len();
        let held = service.placeholders.iter();
        let held_max = held
            .map(|held| 64 + held.as_name().wire_len())
            .max()
            .unwrap_or(0);
        let rdata_max = service
            .txt
            .as_wire()
            .len()
            .max(SRV_FIXED + 64 + LOCAL.wire_len())
            .max(name_max);
        let owner_max = name_max.max(64 + 5 + service.service_type.as_name().wire_len());
        if name_max > 255 || owner_max > 255 || held_max > 255 {
            return Err(RegisterError::TooLarge);
        }
        if owner_max + rdata_max + FRAME > self.packet_max {
            return Err(RegisterError::TooLarge);
        }
        Ok(())
    }

    fn fill_service(
        &mut self,
        index: u32,
        host: ClaimId,
        service: &Service<'_>,
    ) -> Result<(), RegisterError> {
        let holder = Holder::Service(Id::of(index));
        let claim = self.claim_instance(service.service_type, service.instance, holder)?;
        if let Some(slot) = self.services.get_mut(index) {
            slot.claim = claim;
        }
        let owner = self.claim(claim).ok_or(RegisterError::Full)?.name;
        let target = self.claim(host).ok_or(RegisterError::NoHost)?.name;
        let unique = |stored| OwnRecord::new(owner, stored, Scope::Everywhere, Some(claim));
        let &Service {
            priority,
            weight,
            port,
            ..
        } = service;
        self.add_to_service(
            index,
            unique(Stored::Srv {
                priority,
                weight,
                port,
                target,
            }),
        )?;
        self.add_txt(index, owner, claim, service.txt)?;
        for held in service.placeholders {
            self.add_placeholder(index, held, service.instance, target)?;
        }
        let base = service.service_type.base_name();
        for subtype in service.subtypes {
            let from = self.intern_subtype(base, subtype)?;
            if self.has_pointer(index, from) {
                // Given twice, said once.
                self.names.release(from);
            } else {
                self.add_pointer(index, from, owner)?;
            }
        }
        let type_pointer = self.add_type_pointer(base)?;
        if let Some(slot) = self.services.get_mut(index) {
            slot.type_pointer = Id::of(type_pointer);
        }
        // Last, and so first among the siblings: what a browser waits for.
        let from = self.intern(base)?;
        self.add_pointer(index, from, owner)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn intern_subtype(&mut self, base: Name<'_>, subtype: &str) -> Result<NameId, RegisterError> {
        let mut name = NameBuf::new();
        push_subtype(&mut name, base, subtype.as_bytes())?;
        Ok(self.intern(name.as_name())?)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn check_free(&self, service_type: &ServiceType, instance: &str) -> Result<(), RegisterError> {
        let mut name = NameBuf::new();
        service_type.push_instance(&mut name, instance)?;
        if self.is_claimed(name.as_name()) {
            return Err(RegisterError::Taken);
        }
        Ok(())
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn claim_instance(
        &mut self,
        service_type: &ServiceType,
        instance: &str,
        holder: Holder,
    ) -> Result<ClaimId, RegisterError> {
        let mut name = NameBuf::new();
        service_type.push_instance(&mut name, instance)?;
        Ok(self.add_claim(name.as_name(), holder)?)
    }

    /// Holds a name under a type that is not offered: an SRV record that leads nowhere, and no PTR (RFC 6763 §8).
    #[cfg_attr(target_os = "none", inline(never))]
    fn add_placeholder(
        &mut self,
        service: u32,
        held: &ServiceType,
        instance: &str,
        target: NameId,
    ) -> Result<(), RegisterError> {
        if self.check_free(held, instance).is_err() {
            // None was taken before: it was given twice, or is the type of the service itself.
            return Ok(());
        }
        let claim = self.claim_instance(held, instance, Holder::Placeholder(Id::of(service)))?;
        let owner = self.claim(claim).ok_or(RegisterError::Full)?.name;
        let stored = Stored::Srv {
            priority: 0,
            weight: 0,
            port: 0,
            target,
        };
        let record = OwnRecord::new(owner, stored, Scope::Everywhere, Some(claim));
        if let Err(full) = self.add_to_service(service, record) {
            self.drop_claim(claim);
            return Err(full.into());
        }
        Ok(())
    }

    /// The claims of a service: that of its name, and those of its placeholders.
    pub(crate) fn claims_of_service(&self, service: u32) -> ServiceClaims<'_> {
        let main = self.services.get(service).map(|slot| slot.claim);
        ServiceClaims {
            main,
            is_first: main.is_some(),
            records: self.records_of_service(service),
        }
    }

    fn add_to_service(&mut self, service: u32, record: OwnRecord) -> Result<u32, Full> {
        let id = self.insert_record(record)?;
        if let (Some(record), Some(slot)) =
            (self.records.get_mut(id), self.services.get_mut(service))
        {
            record.sibling = core::mem::replace(&mut slot.first, Id::of(id));
        }
        Ok(id)
    }

    fn add_txt(
        &mut self,
        service: u32,
        owner: NameId,
        claim: ClaimId,
        txt: Txt<'_>,
    ) -> Result<u32, Full> {
        // The bytes come first, under a number that no record has yet.
        let block = self.insert_bytes(NO_RECORD, Source::Bytes(txt.as_wire()))?;
        let record = OwnRecord::new(
            owner,
            Stored::Bytes(RecordType::TXT, block),
            Scope::Everywhere,
            Some(claim),
        );
        match self.add_to_service(service, record) {
            Ok(id) => {
                self.names.set_bytes_owner(block, id);
                Ok(id)
            }
            Err(full) => {
                self.names.remove_bytes(block);
                Err(full)
            }
        }
    }

    /// Takes over the caller's hold on the name it leads from.
    fn add_pointer(&mut self, service: u32, from: NameId, to: NameId) -> Result<(), RegisterError> {
        let added = self.add_to_service(
            service,
            OwnRecord::new(
                from,
                Stored::Name(RecordType::PTR, to),
                Scope::Everywhere,
                None,
            ),
        );
        // The record holds the name itself.
        self.names.release(from);
        added?;
        Ok(())
    }

    /// The PTR that lists the service type (RFC 6763 §9), one for all services of the type.
    fn add_type_pointer(&mut self, base: Name<'_>) -> Result<u32, Full> {
        let from = self.intern(META_QUERY)?;
        let to = match self.intern(base) {
            Ok(to) => to,
            Err(full) => {
                self.names.release(from);
                return Err(full);
            }
        };
        let found = self.find(from, &Rdata::Ptr(base), &|record| !record.is_leaving());
        let added = match found {
            Some(id) => {
                if let Some(record) = self.records.get_mut(id) {
                    record.users += 1;
                }
                Ok(id)
            }
            None => self.insert_record(OwnRecord::new(
                from,
                Stored::Name(RecordType::PTR, to),
                Scope::Everywhere,
                None,
            )),
        };
        self.names.release(from);
        self.names.release(to);
        added
    }

    /// A record that says goodbye to what a record of this service says.
    pub(crate) fn leaving_twin(&self, service: u32) -> Option<u32> {
        let pointer = self.services.get(service).and_then(|slot| {
            let pointer = slot.type_pointer.get();
            Some((pointer, self.get(pointer)?))
        });
        self.records_of_service(service)
            .chain(pointer)
            .find_map(|(_, record)| {
                let rdata = self.record(record).rdata;
                self.find(record.name, &rdata, &OwnRecord::is_leaving)
            })
    }

    /// A record that says goodbye to an address which is ours again.
    pub(crate) fn leaving_address(&self) -> Option<u32> {
        let is_back = |record: &OwnRecord| {
            let rdata = self.record(record).rdata;
            self.find(record.name, &rdata, &|other| {
                !other.is_leaving() && other.scope == record.scope
            })
            .is_some()
        };
        let mut leaving = self
            .records()
            .filter(|(_, record)| record.is_leaving() && record.scope != Scope::Everywhere);
        leaving
            .find(|(_, record)| is_back(record))
            .map(|(id, _)| id)
    }

    /// Takes a half-made service back.
    fn undo_service(&mut self, index: u32) {
        let Some(slot) = self.services.remove(index) else {
            return;
        };
        let mut id = slot.first;
        while let Some((sibling, claim)) = self
            .records
            .get(id.get())
            .map(|record| (record.sibling, record.claim))
        {
            self.discard_record(id.get());
            if let Some(claim) = claim.filter(|&claim| claim != slot.claim) {
                self.drop_claim(claim);
            }
            id = Id::of(sibling.get());
        }
        if let Some(record) = self.records.get_mut(slot.type_pointer.get()) {
            record.users -= 1;
            if record.users == 0 {
                self.discard_record(slot.type_pointer.get());
            }
        }
        self.drop_claim(slot.claim);
    }

    /// Forgets a service and its claim. Shows `each` record that nobody needs any more: it is still there, to say goodbye.
    pub(crate) fn retire_service(&mut self, id: ServiceId) -> Option<RetiredService> {
        self.service(id)?;
        let slot = self.services.remove(id.index)?;
        self.drop_claim(slot.claim);
        Some(RetiredService {
            next: slot.first.get(),
            type_pointer: slot.type_pointer.get(),
        })
    }

    /// Takes the service's hold off a record. `true` when nobody else needs it.
    pub(crate) fn let_go(&mut self, id: u32) -> bool {
        let Some(record) = self.records.get_mut(id) else {
            return false;
        };
        record.users = record.users.saturating_sub(1);
        // Its name may be claimed anew while it says goodbye.
        record.claim = None;
        record.users == 0
    }

    /// Replaces the TXT data of a service. The number of the record; `None` when the data are what they were.
    pub(crate) fn set_txt(
        &mut self,
        now: Instant,
        id: ServiceId,
        txt: Txt<'_>,
    ) -> Result<Option<u32>, RegisterError> {
        let slot = self.service(id).ok_or(RegisterError::Unknown)?;
        let owner = self.claim(slot.claim).ok_or(RegisterError::Unknown)?.name;
        let name = self.names.name(owner);
        self.check_room(name, &Rdata::Txt(txt))?;
        let (record, old) = self
            .records_of_service(id.index)
            .find_map(|(id, record)| match record.stored {
                Stored::Bytes(RecordType::TXT, block) => Some((id, block)),
                _ => None,
            })
            .ok_or(RegisterError::Unknown)?;
        if self.names.bytes(old) == txt.as_wire() {
            return Ok(None);
        }
        let block = self.store_bytes(Source::Bytes(txt.as_wire()))?;
        self.replace(now, record, Stored::Bytes(RecordType::TXT, block));
        Ok(Some(record))
    }

    /// Replaces the port of a service. The number of the record; `None` when that is its port.
    pub(crate) fn set_port(
        &mut self,
        now: Instant,
        id: ServiceId,
        new: u16,
    ) -> Result<Option<u32>, RegisterError> {
        let claim = self.service(id).ok_or(RegisterError::Unknown)?.claim;
        let found = self
            .records_of_service(id.index)
            .filter(|(_, found)| found.claim == Some(claim))
            .find_map(|(record, found)| match found.stored {
                Stored::Srv {
                    priority,
                    weight,
                    port,
                    target,
                } => Some((record, port, priority, weight, target)),
                _ => None,
            });
        let (record, port, priority, weight, target) = found.ok_or(RegisterError::Unknown)?;
        if port == new {
            return Ok(None);
        }
        self.names.hold(target);
        let stored = Stored::Srv {
            priority,
            weight,
            port: new,
            target,
        };
        self.replace(now, record, stored);
        Ok(Some(record))
    }

    /// Adds the subtypes that a service does not have yet. On an error nothing has changed.
    pub(crate) fn add_subtypes(
        &mut self,
        id: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        let (owner, base) = self.instance_and_type(id)?;
        let before = self
            .services
            .get(id.index)
            .map_or(NONE, |service| service.first.get());
        for subtype in subtypes {
            let from = self.intern_subtype(base.as_name(), subtype);
            let added = from.and_then(|from| {
                if self.has_pointer(id.index, from) {
                    self.names.release(from);
                    return Ok(());
                }
                self.add_pointer(id.index, from, owner)
            });
            if let Err(error) = added {
                // The new ones stand before those that were there.
                while let Some(service) = self.services.get_mut(id.index)
                    && service.first != Id::of(before)
                {
                    let record = service.first.get();
                    let next = self.records.get(record);
                    service.first = next.map_or(Id::of(before), |record| record.sibling);
                    self.discard_record(record);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn instance_and_type(&self, id: ServiceId) -> Result<(NameId, ServiceType), RegisterError> {
        let service = self.service(id).ok_or(RegisterError::Unknown)?;
        let owner = self
            .claim(service.claim)
            .ok_or(RegisterError::Unknown)?
            .name;
        let base = self
            .names
            .name(owner)
            .parent()
            .and_then(ServiceType::from_name);
        Ok((owner, base.ok_or(RegisterError::Unknown)?))
    }

    fn has_pointer(&self, service: u32, from: NameId) -> bool {
        self.records_of_service(service)
            .any(|(_, record)| matches!(record.stored, Stored::Name(..)) && record.name == from)
    }

    /// Takes a subtype that is not among these off a service: its record, which nobody needs any more.
    pub(crate) fn take_subtype(&mut self, id: ServiceId, kept: &[&str]) -> Option<u32> {
        let (_, base) = self.instance_and_type(id).ok()?;
        let is_kept = |name: Name<'_>| {
            name == base.as_name()
                || kept.iter().any(|label| {
                    subtype_name(base.as_name(), label.as_bytes())
                        .is_ok_and(|subtype| subtype.as_name() == name)
                })
        };
        let (record, sibling) = self.records_of_service(id.index).find_map(|(id, record)| {
            let is_gone =
                matches!(record.stored, Stored::Name(..)) && !is_kept(self.names.name(record.name));
            is_gone.then_some((id, record.sibling))
        })?;
        let before = self
            .records_of_service(id.index)
            .find_map(|(id, other)| (other.sibling == Id::of(record)).then_some(id));
        match before.and_then(|before| self.records.get_mut(before)) {
            Some(before) => before.sibling = sibling,
            None => self.services.get_mut(id.index)?.first = Id::of(sibling.get()),
        }
        self.records.get_mut(record)?.sibling = Id::NONE;
        Some(record)
    }

    /// Whether a record of this name and rdata can go alone in a packet.
    pub(super) fn check_room(
        &self,
        name: Name<'_>,
        rdata: &Rdata<'_>,
    ) -> Result<(), RegisterError> {
        if name.wire_len() > 255 || name.wire_len() + rdata.wire_len() + FRAME > self.packet_max {
            return Err(RegisterError::TooLarge);
        }
        Ok(())
    }
}

/// The records of a service that is no more, one after another.
pub(crate) struct RetiredService {
    next: u32,
    type_pointer: u32,
}

impl RetiredService {
    /// The next record the service needed.
    pub(crate) fn next<S: OwnStorage>(&mut self, own: &Own<S>) -> Option<u32> {
        if let Some(record) = own.get(self.next) {
            return Some(core::mem::replace(&mut self.next, record.sibling.get()));
        }
        let id = core::mem::replace(&mut self.type_pointer, NONE);
        own.get(id).map(|_| id)
    }
}
