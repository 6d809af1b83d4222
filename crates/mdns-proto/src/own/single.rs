//! Records that the application registers by themselves: aliases, other types, shared sets (RFC 6762 §3).

use super::{ClaimId, Holder, Own, OwnRecord, OwnStorage, RegisterError, Scope, Stored};
use crate::{
    link::InterfaceId,
    name::Name,
    store::{Block, NO_RECORD, Source, short},
    time::Instant,
    wire::{Rdata, RecordType, Ttl},
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
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// The most bytes of rdata with names in it, other than PTR, CNAME and SRV.
const COPIED_MAX: usize = 600;

impl<S: OwnStorage> Own<S> {
    /// Stores a record, and claims its name if it is to be ours alone. On an error nothing has changed.
    ///
    /// Returns its number, and the claim if that is new.
    pub(crate) fn add_single(
        &mut self,
        new: &NewRecord<'_>,
    ) -> Result<(u32, Option<ClaimId>), RegisterError> {
        let rtype = new.rdata.rtype();
        if rtype.is_pseudo() || rtype == RecordType::NSEC || rtype == RecordType::ANY {
            return Err(RegisterError::Type);
        }
        if !new.name.is_link_local() {
            return Err(RegisterError::NotLinkLocal);
        }
        self.check_room(new.name, &new.rdata)?;
        let name = self.intern(new.name)?;
        let added = self.add_under(name, new);
        // The record holds the name itself.
        self.names.release(name);
        added
    }

    fn add_under(
        &mut self,
        name: crate::store::NameId,
        new: &NewRecord<'_>,
    ) -> Result<(u32, Option<ClaimId>), RegisterError> {
        let scope = new.interface.map_or(Scope::Everywhere, Scope::Interface);
        let is_there = self.find(name, &new.rdata, &|record| {
            record.scope == scope && !record.is_leaving()
        });
        if is_there.is_some() {
            return Err(RegisterError::Taken);
        }
        let known = self.claim_of(name);
        let claim = match (new.sharing, known) {
            (Sharing::Shared, _) => None,
            (Sharing::Unique, Some(claim)) => Some(claim),
            (Sharing::Unique, None) => Some(self.add_claim(new.name, Holder::Records)?),
        };
        let fresh = claim.filter(|_| known.is_none());
        let result = self.store_single(name, new, scope, claim);
        if let (Err(_), Some(claim)) = (&result, fresh) {
            self.drop_claim(claim);
        }
        Ok((result?, fresh))
    }

    fn store_single(
        &mut self,
        name: crate::store::NameId,
        new: &NewRecord<'_>,
        scope: Scope,
        claim: Option<ClaimId>,
    ) -> Result<u32, RegisterError> {
        let stored = self.store(&new.rdata)?;
        self.generation = self.generation.wrapping_add(1);
        let mut record = OwnRecord::new(name, stored, scope, claim);
        record.is_single = true;
        record.generation = self.generation;
        record.ttl = new.ttl.unwrap_or(record.ttl);
        let inserted = self.insert_record(record);
        match inserted {
            Ok(id) => {
                self.settle_stored(stored, id);
                Ok(id)
            }
            Err(full) => {
                self.release_stored(stored);
                Err(full.into())
            }
        }
    }

    /// Stores rdata. What it holds until [`settle_stored`](Self::settle_stored) is held for nobody yet.
    fn store(&mut self, rdata: &Rdata<'_>) -> Result<Stored, RegisterError> {
        if let Some(stored) = Stored::of(rdata, &mut |target| self.intern(target))? {
            return Ok(stored);
        }
        let has_names = !matches!(rdata, Rdata::Txt(_) | Rdata::Other(..));
        if has_names && rdata.wire_len() > COPIED_MAX {
            return Err(RegisterError::TooLarge);
        }
        let block = self.store_bytes(Source::of(rdata))?;
        Ok(Stored::Bytes(rdata.rtype(), block))
    }

    /// Stores bytes under a number that no record has.
    pub(super) fn store_bytes(&mut self, bytes: Source<'_>) -> Result<Block, RegisterError> {
        Ok(self.insert_bytes(NO_RECORD, bytes)?)
    }

    /// A record has been made of what was stored: it holds the names itself, and the bytes are its own.
    fn settle_stored(&mut self, stored: Stored, id: u32) {
        if let Some(target) = stored.target() {
            self.names.release(target);
        }
        if let Stored::Bytes(_, block) = stored {
            self.names.set_bytes_owner(block, id);
        }
    }

    fn release_stored(&mut self, stored: Stored) {
        if let Some(target) = stored.target() {
            self.names.release(target);
        }
        if let Stored::Bytes(_, block) = stored {
            self.names.remove_bytes(block);
        }
    }

    /// Lets a record say something else. What it said is remembered as past.
    ///
    /// `stored` holds its name or its bytes; the record takes that over.
    pub(super) fn replace(&mut self, now: Instant, id: u32, stored: Stored) {
        self.remember(now, id);
        self.index.remove(&self.records, id);
        let hash = self
            .records
            .get(id)
            .map_or(0, |record| self.hash(record.name, stored));
        if let Some(record) = self.records.get_mut(id) {
            let old = core::mem::replace(&mut record.stored, stored);
            record.hash = short(hash);
            self.release_stored(old);
        }
        if let Stored::Bytes(_, block) = stored {
            self.names.set_bytes_owner(block, id);
        }
        self.index.insert(&self.records, id);
    }

    /// Replaces the rdata of a unique record. Its number; `None` when it says that already.
    pub(crate) fn set_single(
        &mut self,
        now: Instant,
        id: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<Option<u32>, RegisterError> {
        let index = self.single(id).ok_or(RegisterError::Unknown)?;
        let record = self.records.get(index).ok_or(RegisterError::Unknown)?;
        if record.rtype() != rdata.rtype() {
            return Err(RegisterError::Type);
        }
        if !record.unique {
            return Err(RegisterError::Shared);
        }
        if self.rdata(record.stored) == *rdata {
            return Ok(None);
        }
        let is_twin = |other: &OwnRecord| other.scope == record.scope && !other.is_leaving();
        if self.find(record.name, rdata, &is_twin).is_some() {
            return Err(RegisterError::Taken);
        }
        self.check_room(self.names.name(record.name), rdata)?;
        let stored = self.store(rdata)?;
        self.replace(now, index, stored);
        Ok(Some(index))
    }

    /// The record behind an id, while it is registered.
    pub(crate) fn single(&self, id: RecordId) -> Option<u32> {
        let record = self.records.get(id.index)?;
        let is_it = record.is_single && record.generation == id.generation && !record.is_leaving();
        is_it.then_some(id.index)
    }

    pub(crate) fn record_id(&self, index: u32) -> Option<RecordId> {
        let record = self.records.get(index)?;
        record.is_single.then_some(RecordId {
            index,
            generation: record.generation,
        })
    }

    /// A record that says goodbye to what this one says.
    pub(crate) fn leaving_twin_of(&self, id: u32) -> Option<u32> {
        let record = self.records.get(id)?;
        let rdata = self.rdata(record.stored);
        self.find(record.name, &rdata, &OwnRecord::is_leaving)
    }
}
