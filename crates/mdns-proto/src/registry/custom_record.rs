//! Custom records, which the application registers one by one: aliases, other types, shared sets (RFC 6762 §3).

use core::num::NonZero;

use super::{
    ClaimId, HOST_TTL, Holder, Kind, Need, OTHER_TTL, RecordNumber, RegisterError, Registry,
    RegistryStorage, TextOf,
};
use crate::{
    link::InterfaceId,
    moment::Now,
    name::{Name, NameBuf},
    store::{Block, Full, Id},
    wire::{Rdata, RecordType, Srv, Ttl},
};

/// Whether a record set is ours alone (RFC 6762 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Ours alone: its name is probed for and defended, and it is said whole and with the cache-flush bit.
    Unique,
    /// Others may have records of the same name and type: it is neither probed for nor defended.
    Shared,
}

/// A record to be registered by itself.
///
/// ```
/// use mdns_proto::{name::NameBuf, own::{NewRecord, Sharing}, wire::Rdata};
///
/// let (alias, host): (NameBuf, NameBuf) = ("www.local".parse()?, "hall.local".parse()?);
/// let record = NewRecord::new(alias.as_name(), Rdata::Cname(host.as_name()), Sharing::Unique);
/// # let _ = record;
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// Its owner: any name for which multicast is the place to ask.
    pub name: Name<'a>,
    /// What it says: any type but NSEC and the pseudo types.
    pub rdata: Rdata<'a>,
    /// Whether it is ours alone.
    pub sharing: Sharing,
    /// How long others may believe it; `None` for what RFC 6762 §10 recommends.
    pub ttl: Option<Ttl>,
    /// The one interface on which it is said; `None` for all.
    pub interface: Option<InterfaceId>,
}

impl<'a> NewRecord<'a> {
    /// A record with the recommended TTL, on all interfaces.
    pub const fn new(name: Name<'a>, rdata: Rdata<'a>, sharing: Sharing) -> Self {
        NewRecord {
            name,
            rdata,
            sharing,
            ttl: None,
            interface: None,
        }
    }
}

/// A record that was registered by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// The most bytes of rdata with names in it, other than PTR, CNAME and SRV.
const COPIED_MAX: usize = 600;

/// The row of a custom record.
#[derive(Debug)]
pub struct CustomRow {
    /// Told apart from a later record in the same place.
    generation: u32,
    pub(super) rtype: RecordType,
    pub(super) ttl: Ttl,
    /// The one interface on which it is said; `None` for all.
    pub(super) interface: Option<InterfaceId>,
    /// Of a shared record its owner; and the rdata in flat form.
    pub(super) data: Block,
    is_unique: bool,
}

impl<S: RegistryStorage> Registry<S> {
    /// Registers a record, and claims its name if it is to be ours alone. On an error nothing has changed.
    ///
    /// Returns its number, and the claim if that is new.
    pub(crate) fn add_custom(
        &mut self,
        new: &NewRecord<'_>,
    ) -> Result<(RecordNumber, Option<ClaimId>), RegisterError> {
        let rtype = new.rdata.rtype();
        if rtype.is_pseudo() || rtype == RecordType::NSEC || rtype == RecordType::ANY {
            return Err(RegisterError::Type);
        }
        if !new.name.is_link_local() {
            return Err(RegisterError::NotLinkLocal);
        }
        self.check_custom(new.name, &new.rdata)?;
        let is_same = |id| {
            let interface = self.row(id).and_then(|row| match row.kind {
                Kind::Custom => self.customs.get(row.of.get())?.interface,
                Kind::Address | Kind::Reverse => Some(self.addresses.get(row.of.get())?.interface),
                _ => None,
            });
            interface == new.interface && !self.is_leaving(id)
        };
        if self.find(new.name, &new.rdata, &is_same).is_some() {
            return Err(RegisterError::Taken);
        }
        let known = self.claim_named(new.name);
        let is_unique = new.sharing == Sharing::Unique;
        let mut need = Need {
            records: 1,
            ..Need::default()
        };
        let owner_len = if is_unique { 0 } else { new.name.wire_len() };
        need.text(owner_len + new.rdata.wire_len());
        if is_unique && known.is_none() {
            need.claim(new.name);
        }
        self.check_need(&need)?;
        if !self.customs.has_room(self.records_max) {
            return Err(RegisterError::Full);
        }
        let (claim, is_new) = match known.filter(|_| is_unique) {
            Some(claim) => (Some(claim), false),
            None if is_unique => {
                let claim = self.add_claim(new.name, Holder::Records, NonZero::<u32>::MIN)?;
                (Some(claim), true)
            }
            None => (None, false),
        };
        let added = self.insert_custom(new, claim)?;
        Ok((added, claim.filter(|_| is_new)))
    }

    fn insert_custom(
        &mut self,
        new: &NewRecord<'_>,
        claim: Option<ClaimId>,
    ) -> Result<RecordNumber, Full> {
        self.generation = self.generation.wrapping_add(1);
        // RFC 6762 §10: 120 s where a host name is owner or rdata, 75 minutes for the rest. A unique PTR is the reverse mapping
        // of an address; a shared one leads to a service.
        let ttl = match new.rdata {
            Rdata::A(_) | Rdata::Aaaa(_) | Rdata::Srv(_) => HOST_TTL,
            Rdata::Ptr(_) | Rdata::Cname(_) if claim.is_some() => HOST_TTL,
            _ => OTHER_TTL,
        };
        let row = CustomRow {
            generation: self.generation,
            rtype: new.rdata.rtype(),
            ttl: new.ttl.unwrap_or(ttl),
            interface: new.interface,
            data: Block::NONE,
            is_unique: claim.is_some(),
        };
        let of = self.customs.insert(row, self.records_max)?;
        let owner = claim.is_none().then_some(new.name);
        let data = self.store_custom(of, owner, &new.rdata)?;
        if let Some(custom) = self.customs.get_mut(of) {
            custom.data = data;
        }
        self.insert_record(Kind::Custom, of, claim, Id::NONE)
    }

    fn store_custom(
        &mut self,
        of: u32,
        owner: Option<Name<'_>>,
        rdata: &Rdata<'_>,
    ) -> Result<Block, Full> {
        let len = owner.map_or(0, Name::wire_len) + rdata.wire_len();
        self.store(TextOf::Custom(of), len, |push| {
            if let Some(owner) = owner {
                owner.try_each_part(&mut *push)?;
            }
            rdata.try_each_part(push)
        })
    }

    pub(super) fn free_custom(&mut self, of: u32) {
        if let Some(custom) = self.customs.remove(of) {
            self.text.remove(custom.data);
        }
    }

    /// The owner of a shared custom record, and what its block has behind it.
    fn custom_parts(&self, of: u32) -> (Name<'_>, &[u8]) {
        let Some(custom) = self.customs.get(of) else {
            return (Name::ROOT, &[]);
        };
        let bytes = self.text.bytes(custom.data);
        if custom.is_unique || bytes.is_empty() {
            return (Name::ROOT, bytes);
        }
        let len = Name::stored(bytes).wire_len();
        let (owner, rdata) = bytes.split_at_checked(len).unwrap_or((&[0], &[]));
        (Name::stored(owner), rdata)
    }

    pub(super) fn custom_owner(&self, of: u32) -> Name<'_> {
        self.custom_parts(of).0
    }

    pub(super) fn custom_rdata(&self, of: u32) -> Option<Rdata<'_>> {
        Rdata::from_wire(self.customs.get(of)?.rtype, self.custom_parts(of).1)
    }

    /// The name to which a custom record leads.
    pub(super) fn custom_target(&self, of: u32) -> Option<Name<'_>> {
        match self.custom_rdata(of)? {
            Rdata::Ptr(target) | Rdata::Cname(target) => Some(target),
            Rdata::Srv(srv) => Some(srv.target),
            _ => None,
        }
    }

    pub(crate) fn has_customs(&self) -> bool {
        self.customs.len() > 0
    }

    /// Whether this is a custom record that leads to a name.
    pub(crate) fn is_custom_to(&self, id: RecordNumber, name: Name<'_>) -> bool {
        self.row(id).is_some_and(|row| {
            row.kind == Kind::Custom
                && self
                    .custom_target(row.of.get())
                    .is_some_and(|target| target == name)
        })
    }

    /// Lets a custom record lead to the new name of what it leads to. Without room for that it stays as it is.
    pub(super) fn retarget_custom(&mut self, now: Now, id: RecordNumber, new: Name<'_>) {
        let Some(of) = self.row(id).map(|row| row.of.get()) else {
            return;
        };
        let owner = self
            .customs
            .get(of)
            .is_some_and(|custom| !custom.is_unique)
            .then(|| NameBuf::from(self.custom_owner(of)));
        let rdata = match self.custom_rdata(of) {
            Some(Rdata::Ptr(_)) => Rdata::Ptr(new),
            Some(Rdata::Cname(_)) => Rdata::Cname(new),
            Some(Rdata::Srv(srv)) => Rdata::Srv(Srv { target: new, ..srv }),
            _ => return,
        };
        if let Ok(data) = self.store_custom(of, owner.as_ref().map(NameBuf::as_name), &rdata) {
            self.replace_custom(now, id, of, data);
        }
    }

    /// Whether a record of this name and rdata can be stored, and go alone in a packet.
    fn check_custom(&self, name: Name<'_>, rdata: &Rdata<'_>) -> Result<(), RegisterError> {
        let has_names = !matches!(
            rdata,
            Rdata::A(_)
                | Rdata::Aaaa(_)
                | Rdata::Ptr(_)
                | Rdata::Cname(_)
                | Rdata::Srv(_)
                | Rdata::Txt(_)
                | Rdata::Other(..)
        );
        if has_names && rdata.wire_len() > COPIED_MAX {
            return Err(RegisterError::TooLarge);
        }
        self.check_room(name, rdata)
    }

    /// Replaces the rdata of a unique record. Returns its number; `None` when it says that already.
    pub(crate) fn set_custom(
        &mut self,
        now: Now,
        id: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<Option<RecordNumber>, RegisterError> {
        let index = self.custom(id).ok_or(RegisterError::Unknown)?;
        let row = self.row(index).ok_or(RegisterError::Unknown)?;
        let (of, claim) = (row.of.get(), ClaimId::of(row.claim.get()));
        let custom = self.customs.get(of).ok_or(RegisterError::Unknown)?;
        if custom.rtype != rdata.rtype() {
            return Err(RegisterError::Type);
        }
        if !custom.is_unique {
            return Err(RegisterError::Shared);
        }
        if self.custom_rdata(of).is_some_and(|ours| ours == *rdata) {
            return Ok(None);
        }
        let is_twin = |id: RecordNumber| {
            let other = self.row(id).filter(|row| row.kind == Kind::Custom);
            let other = other.and_then(|row| self.customs.get(row.of.get()));
            other.map(|other| other.interface) == Some(custom.interface) && !self.is_leaving(id)
        };
        let name = self.claim_name(claim);
        if self.find(name, rdata, &is_twin).is_some() {
            return Err(RegisterError::Taken);
        }
        self.check_custom(name, rdata)?;
        let block = self.store_custom(of, None, rdata)?;
        self.replace_custom(now, index, of, block);
        Ok(Some(index))
    }

    fn replace_custom(&mut self, now: Now, id: RecordNumber, of: u32, data: Block) {
        self.remember(now, id);
        self.by_data.remove(id);
        if let Some(custom) = self.customs.get_mut(of) {
            let old = core::mem::replace(&mut custom.data, data);
            self.text.remove(old);
        }
        self.index_data(id);
    }

    /// The record behind an id, while it is registered.
    pub(crate) fn custom(&self, id: RecordId) -> Option<RecordNumber> {
        let found = self.record_id(id.index)?;
        (found == id && !self.is_leaving(id.index)).then_some(id.index)
    }

    /// The id of a custom record.
    pub(crate) fn record_id(&self, index: RecordNumber) -> Option<RecordId> {
        let row = self.row(index).filter(|row| row.kind == Kind::Custom)?;
        Some(RecordId {
            index,
            generation: self.customs.get(row.of.get())?.generation,
        })
    }
}
