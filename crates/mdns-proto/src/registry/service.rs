//! Services: what the records of one are derived from (RFC 6763): PTR, one PTR a subtype, the PTR of its type, SRV, TXT.

use super::{
    ClaimId, Holder, HostId, Kind, Need, RecordNumber, RegisterError, Registry, RegistryStorage,
    TextOf, rename,
};
use crate::{
    moment::Now,
    name::{LOCAL, META_QUERY, Name, NameBuf, ServiceType, check_instance, push_subtype},
    store::{Block, Full, Id, NONE, Raw},
    wire::{Rdata, Txt},
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// The row of a service.
#[derive(Debug)]
pub struct ServiceRow {
    pub(crate) claim: ClaimId,
    pub(crate) host: ClaimId,
    /// Its type.
    pub(super) of_type: Id,
    pub(super) txt: Block,
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// How many records there are of it, leaving ones too.
    pub(super) users: Raw,
    /// Whether it was withdrawn: then it is there for its goodbyes.
    is_withdrawn: bool,
}

/// The row of a service type.
#[derive(Debug)]
pub struct TypeRow {
    pub(super) name: Block,
    /// The record that lists it.
    pointer: Id,
    /// How many services of it are registered.
    services: u32,
    /// How many services and records have its name, leaving ones too.
    pub(super) users: Raw,
}

/// Bytes of a record beside its owner name and rdata, and of the message header.
const FRAME: usize = 10 + 12;

/// The rdata of an SRV record before the target.
const SRV_FIXED: usize = 6;

impl<S: RegistryStorage> Registry<S> {
    // --- what there is ---

    /// The service behind an id, while it is registered.
    pub(crate) fn service(&self, id: ServiceId) -> Option<&ServiceRow> {
        let service = self.service_at(id.index)?;
        (self.claim(service.claim)?.generation == id.generation).then_some(service)
    }

    pub(crate) fn service_id(&self, index: u32) -> Option<ServiceId> {
        let claim = self.service_at(index)?.claim;
        Some(ServiceId {
            index,
            generation: self.claim(claim)?.generation,
        })
    }

    /// The service of this number, while it is registered.
    pub(crate) fn service_at(&self, index: u32) -> Option<&ServiceRow> {
        self.services
            .get(index)
            .filter(|service| !service.is_withdrawn)
    }

    /// One more than the highest number of a service.
    pub(crate) fn services_bound(&self) -> u32 {
        self.services.bound()
    }

    /// One more than the highest number of a type.
    pub(crate) fn types_bound(&self) -> u32 {
        self.types.bound()
    }

    /// The type of a service, by its number.
    pub(crate) fn type_of(&self, service: u32) -> Option<u32> {
        self.services
            .get(service)
            .map(|service| service.of_type.get())
    }

    /// The record that lists a type, and how many services of it are registered.
    pub(crate) fn type_pointer(&self, of_type: u32) -> Option<(RecordNumber, u32)> {
        let of_type = self.types.get(of_type)?;
        Some((of_type.pointer.get(), of_type.services))
    }

    pub(super) fn type_name(&self, of_type: u32) -> Name<'_> {
        match self.types.get(of_type) {
            Some(of_type) => self.stored_name(of_type.name),
            None => Name::ROOT,
        }
    }

    pub(super) fn type_name_of_service(&self, service: u32) -> Name<'_> {
        self.type_name(self.type_of(service).unwrap_or(NONE))
    }

    /// The records of a service, without those that only stand under its name.
    pub(crate) fn records_of_service(&self, service: u32) -> OfService<'_, S> {
        let head = if Self::SCANS {
            0
        } else {
            let is_its = |id| self.service_of(id) == Some(service);
            self.by_service.find(service, &is_its)
        };
        OfService {
            registry: self,
            service,
            head,
            next: head,
        }
    }

    /// The record of a service behind this one, or its first.
    pub(crate) fn next_of_service(
        &self,
        service: u32,
        behind: Option<RecordNumber>,
    ) -> Option<RecordNumber> {
        let mut records = self.records_of_service(service);
        if let Some(behind) = behind {
            records.next = behind;
            records.next();
        }
        records.next()
    }

    /// The claims of a service: that of its name, and those of its placeholders.
    pub(crate) fn claims_of_service(&self, service: u32) -> impl Iterator<Item = ClaimId> {
        let main = self.service_at(service).map(|service| service.claim);
        main.into_iter().chain(self.placeholders(service))
    }

    /// The claims of the placeholders of a service.
    pub(super) fn placeholders(&self, service: u32) -> impl Iterator<Item = ClaimId> {
        self.records_of_service(service)
            .filter_map(|id| self.placeholder_claim(id))
    }

    fn record_of_kind(&self, service: u32, kind: Kind) -> Option<RecordNumber> {
        self.records_of_service(service)
            .find(|&id| self.row(id).is_some_and(|row| row.kind == kind))
    }

    // --- registration ---

    /// Registers a service and makes its records. On an error nothing has changed.
    pub(crate) fn add_service(&mut self, service: &Service<'_>) -> Result<u32, RegisterError> {
        check_instance(service.instance)?;
        let host = match service.host {
            Some(id) => self.host(id),
            None => self.default_host,
        }
        .ok_or(RegisterError::NoHost)?;
        for service_type in core::iter::once(&service.service_type).chain(service.placeholders) {
            self.check_free(service_type, service.instance)?;
        }
        self.check_size(service)?;
        self.check_service_room(service)?;
        let row = ServiceRow {
            claim: ClaimId::of(NONE),
            host,
            of_type: Id::NONE,
            txt: Block::NONE,
            priority: service.priority,
            weight: service.weight,
            port: service.port,
            users: 0,
            is_withdrawn: false,
        };
        let index = self.services.insert(row, self.records_max)?;
        self.use_claim(host);
        self.fill_service(index, service)?;
        Ok(index)
    }

    /// Whether there is room for all of a service.
    #[cfg_attr(target_os = "none", inline(never))]
    fn check_service_room(&self, service: &Service<'_>) -> Result<(), RegisterError> {
        let base = service.service_type.base_name();
        let mut need = Need {
            // SRV, TXT, PTR.
            records: 3,
            ..Need::default()
        };
        need.text(service.txt.as_wire().len());
        let mut name = NameBuf::new();
        service
            .service_type
            .push_instance(&mut name, service.instance)?;
        need.claim(name.as_name());
        for (at, held) in service.placeholders.iter().enumerate() {
            let mut earlier = service.placeholders.iter().take(at);
            if *held != service.service_type && !earlier.any(|other| other == held) {
                let mut name = NameBuf::new();
                held.push_instance(&mut name, service.instance)?;
                need.claim(name.as_name());
                need.records += 1;
            }
        }
        for (at, subtype) in service.subtypes.iter().enumerate() {
            push_subtype(&mut NameBuf::new(), base, subtype.as_bytes())?;
            if is_first_of(service.subtypes, at) {
                need.records += 1;
                need.text(subtype.len());
            }
        }
        let has_type = match self.find_type(base) {
            Some(_) => true,
            None => {
                need.records += 1;
                need.text(base.wire_len());
                self.types.has_room(self.records_max)
            }
        };
        if !has_type || !self.services.has_room(self.records_max) {
            return Err(RegisterError::Full);
        }
        Ok(self.check_need(&need)?)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn check_free(&self, service_type: &ServiceType, instance: &str) -> Result<(), RegisterError> {
        let mut name = NameBuf::new();
        service_type.push_instance(&mut name, instance)?;
        if self.claim_named(name.as_name()).is_some() {
            return Err(RegisterError::Taken);
        }
        Ok(())
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

    fn fill_service(&mut self, index: u32, service: &Service<'_>) -> Result<(), RegisterError> {
        let base = service.service_type.base_name();
        let of_type = self.use_type(base)?;
        if let Some(row) = self.services.get_mut(index) {
            row.of_type = Id::of(of_type);
        }
        let holder = Holder::Service(Id::of(index));
        let claim = self.claim_instance(service.service_type, service.instance, holder)?;
        self.use_claim(claim);
        if let Some(row) = self.services.get_mut(index) {
            row.claim = claim;
        }
        self.insert_record(Kind::Srv, index, Some(claim), Id::NONE)?;
        let txt = self.store_bytes(TextOf::Txt(index), service.txt.as_wire())?;
        if let Some(row) = self.services.get_mut(index) {
            row.txt = txt;
        }
        self.insert_record(Kind::Txt, index, Some(claim), Id::NONE)?;
        for held in service.placeholders {
            if self.check_free(held, service.instance).is_err() {
                // None was taken before: it was given twice, or is the type of the service itself.
                continue;
            }
            let holder = Holder::Placeholder(Id::of(index));
            let claim = self.claim_instance(held, service.instance, holder)?;
            self.insert_record(Kind::Placeholder, index, Some(claim), Id::NONE)?;
        }
        for subtype in service.subtypes {
            self.add_subtype(index, base, subtype)?;
        }
        self.list_type(of_type)?;
        self.insert_record(Kind::Pointer, index, None, Id::NONE)?;
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
        let number = rename::Form::Instance.number(instance.as_bytes());
        Ok(self.add_claim(name.as_name(), holder, number)?)
    }

    /// Withdraws a service: its name and its place among those of its type are free. The caller withdraws its records.
    pub(crate) fn retire_service(&mut self, index: u32) {
        if let Some(service) = self.services.get_mut(index) {
            service.is_withdrawn = true;
        }
    }

    /// Holds a service while its records are withdrawn.
    pub(crate) fn hold_service(&mut self, index: u32) {
        if let Some(service) = self.services.get_mut(index) {
            service.users += 1;
        }
    }

    pub(crate) fn release_service(&mut self, index: u32) {
        if let Some(service) = self.services.get_mut(index) {
            service.users = service.users.saturating_sub(1);
        }
        self.free_service(index);
    }

    /// Forgets a service of which there is no record any more.
    pub(super) fn free_service(&mut self, index: u32) {
        if self
            .services
            .get(index)
            .is_none_or(|service| service.users > 0)
        {
            return;
        }
        let Some(service) = self.services.remove(index) else {
            return;
        };
        self.text.remove(service.txt);
        self.release_claim(service.claim);
        self.release_claim(service.host);
        if let Some(of_type) = self.types.get_mut(service.of_type.get()) {
            of_type.users -= 1;
        }
        self.free_type(service.of_type.get());
    }

    // --- types ---

    /// The type of this name, of which services are registered.
    fn find_type(&self, base: Name<'_>) -> Option<u32> {
        let pointer = self.find(META_QUERY, &Rdata::Ptr(base), &|id| {
            self.row(id)
                .is_some_and(|row| row.kind == Kind::TypePointer && !row.is_leaving())
        });
        Some(self.row(pointer?)?.of.get())
    }

    /// Counts one more service of a type. [`list_type`](Self::list_type) makes the record that lists it (RFC 6763 §9).
    fn use_type(&mut self, base: Name<'_>) -> Result<u32, Full> {
        let index = match self.find_type(base) {
            Some(index) => index,
            None => self.add_type(base)?,
        };
        if let Some(of_type) = self.types.get_mut(index) {
            of_type.users += 1;
            of_type.services += 1;
        }
        Ok(index)
    }

    fn add_type(&mut self, base: Name<'_>) -> Result<u32, Full> {
        let row = TypeRow {
            name: Block::NONE,
            pointer: Id::NONE,
            services: 0,
            users: 0,
        };
        let index = self.types.insert(row, self.records_max)?;
        let name = self.store_name(TextOf::Type(index), base)?;
        if let Some(of_type) = self.types.get_mut(index) {
            of_type.name = name;
        }
        Ok(index)
    }

    /// Makes the record that lists a type, if it is not there.
    fn list_type(&mut self, index: u32) -> Result<(), Full> {
        let has_any = |of_type: &TypeRow| of_type.pointer != Id::NONE;
        if self.types.get(index).is_some_and(has_any) {
            return Ok(());
        }
        let pointer = self.insert_record(Kind::TypePointer, index, None, Id::NONE)?;
        if let Some(of_type) = self.types.get_mut(index) {
            of_type.pointer = Id::of(pointer);
        }
        Ok(())
    }

    /// Counts one service less of a type. Returns the record that lists it when it is needed no more.
    pub(crate) fn leave_type(&mut self, of_type: u32) -> Option<RecordNumber> {
        let of_type = self.types.get_mut(of_type)?;
        of_type.services = of_type.services.saturating_sub(1);
        let is_last = of_type.services == 0 && of_type.pointer != Id::NONE;
        is_last.then(|| of_type.pointer.get())
    }

    pub(super) fn free_type(&mut self, of_type: u32) {
        if self
            .types
            .get(of_type)
            .is_some_and(|of_type| of_type.users == 0)
            && let Some(of_type) = self.types.remove(of_type)
        {
            self.text.remove(of_type.name);
        }
    }

    // --- updates ---

    /// Replaces the TXT data of a service. Returns the record; `None` when the data are what they were.
    pub(crate) fn set_txt(
        &mut self,
        now: Now,
        id: ServiceId,
        txt: Txt<'_>,
    ) -> Result<Option<RecordNumber>, RegisterError> {
        let service = self.service(id).ok_or(RegisterError::Unknown)?;
        let name = self.claim_name(service.claim);
        self.check_room(name, &Rdata::Txt(txt))?;
        if self.text.bytes(service.txt) == txt.as_wire() {
            return Ok(None);
        }
        let record = self
            .record_of_kind(id.index, Kind::Txt)
            .ok_or(RegisterError::Unknown)?;
        let block = self.store_bytes(TextOf::Txt(id.index), txt.as_wire())?;
        self.remember(now, record);
        self.by_data.remove(record);
        if let Some(service) = self.services.get_mut(id.index) {
            let old = core::mem::replace(&mut service.txt, block);
            self.text.remove(old);
        }
        self.index_data(record);
        Ok(Some(record))
    }

    /// Replaces the port of a service. Returns the record; `None` when that is its port.
    pub(crate) fn set_port(
        &mut self,
        now: Now,
        id: ServiceId,
        port: u16,
    ) -> Result<Option<RecordNumber>, RegisterError> {
        if self.service(id).ok_or(RegisterError::Unknown)?.port == port {
            return Ok(None);
        }
        let record = self
            .record_of_kind(id.index, Kind::Srv)
            .ok_or(RegisterError::Unknown)?;
        self.remember(now, record);
        self.by_data.remove(record);
        if let Some(service) = self.services.get_mut(id.index) {
            service.port = port;
        }
        self.index_data(record);
        Ok(Some(record))
    }

    /// Adds the subtypes that a service does not have yet. On an error nothing has changed.
    pub(crate) fn add_subtypes(
        &mut self,
        id: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        self.service(id).ok_or(RegisterError::Unknown)?;
        let mut base = NameBuf::new();
        base.push_name(self.type_name_of_service(id.index))?;
        let mut need = Need::default();
        for (at, subtype) in subtypes.iter().enumerate() {
            if self
                .find_subtype(id.index, base.as_name(), subtype)?
                .is_none()
                && is_first_of(subtypes, at)
            {
                need.records += 1;
                need.text(subtype.len());
            }
        }
        self.check_need(&need)?;
        for subtype in subtypes {
            self.add_subtype(id.index, base.as_name(), subtype)?;
        }
        Ok(())
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn find_subtype(
        &self,
        service: u32,
        base: Name<'_>,
        subtype: &str,
    ) -> Result<Option<RecordNumber>, RegisterError> {
        let mut name = NameBuf::new();
        push_subtype(&mut name, base, subtype.as_bytes())?;
        let row = self.services.get(service).ok_or(RegisterError::Unknown)?;
        let rdata = Rdata::Ptr(self.claim_name(row.claim));
        Ok(self.find(name.as_name(), &rdata, &|id| {
            self.service_of(id) == Some(service) && !self.is_leaving(id)
        }))
    }

    /// Adds a subtype to a service that does not have it yet.
    fn add_subtype(
        &mut self,
        service: u32,
        base: Name<'_>,
        subtype: &str,
    ) -> Result<(), RegisterError> {
        if self.find_subtype(service, base, subtype)?.is_some() {
            return Ok(());
        }
        // The text comes first, under a number that no record has: it is what the record is found by.
        let label = self.store_bytes(TextOf::Subtype(NONE), subtype.as_bytes())?;
        let id = self.insert_record(Kind::Subtype, service, None, label.id())?;
        self.text.set_owner(label, TextOf::Subtype(id).owner());
        Ok(())
    }

    /// Whether a record is that of a subtype which is not among these.
    pub(crate) fn is_subtype_beside(&self, id: RecordNumber, kept: &[&str]) -> bool {
        self.row(id).is_some_and(|row| {
            let label = self.text.bytes(Block::from_id(row.more));
            row.kind == Kind::Subtype
                && !row.is_leaving()
                && !kept
                    .iter()
                    .any(|kept| kept.as_bytes().eq_ignore_ascii_case(label))
        })
    }

    /// The claim of a placeholder, from its record.
    pub(crate) fn placeholder_claim(&self, id: RecordNumber) -> Option<ClaimId> {
        let row = self.row(id)?;
        let is_held = row.kind == Kind::Placeholder && !row.is_leaving();
        is_held.then(|| ClaimId::of(row.claim.get()))
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

/// Whether none before it in a list of subtypes is the same.
fn is_first_of(subtypes: &[&str], at: usize) -> bool {
    let mut earlier = subtypes.iter().take(at);
    let subtype = subtypes.get(at).copied().unwrap_or("");
    !earlier.any(|other| other.eq_ignore_ascii_case(subtype))
}

/// The records of a service.
pub(crate) struct OfService<'a, S: RegistryStorage> {
    registry: &'a Registry<S>,
    service: u32,
    /// The first of its group, where there is an index.
    head: u32,
    next: u32,
}

impl<S: RegistryStorage> Iterator for OfService<'_, S> {
    type Item = RecordNumber;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<RecordNumber> {
        let registry = self.registry;
        if !Registry::<S>::SCANS {
            let id = self.next;
            registry.row(id)?;
            self.next = registry.by_service.next(self.head, id);
            return Some(id);
        }
        while self.next < registry.records_bound() {
            let id = self.next;
            self.next += 1;
            if registry.service_of(id) == Some(self.service) {
                return Some(id);
            }
        }
        None
    }
}
