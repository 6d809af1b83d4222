//! A record of ours: rdata in a few bytes, names as numbers.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::ClaimId;
use crate::{
    link::InterfaceId,
    name::{KeyedHash, Name},
    store::{Block, Chained, Full, Id, NameId, Raw},
    wire::{Rdata, RecordType, Srv, Ttl},
};

/// TTL of records in which a host name is owner or rdata (RFC 6762 §10).
pub(crate) const HOST_TTL: Ttl = Ttl(120);
/// TTL of all others.
pub(crate) const OTHER_TTL: Ttl = Ttl(4500);

/// Rdata with names as numbers, so that it follows a rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    A([u8; 4]),
    Aaaa([u8; 16]),
    /// PTR or CNAME.
    Name(RecordType, NameId),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: NameId,
    },
    /// Of any other type, as it is on the wire without compression.
    Bytes(RecordType, Block),
}

impl Stored {
    /// Rdata with names as `number` has them; `None` for what is kept as it is on the wire.
    pub(super) fn of(
        rdata: &Rdata<'_>,
        number: &mut dyn FnMut(Name<'_>) -> Result<NameId, Full>,
    ) -> Result<Option<Stored>, Full> {
        Ok(Some(match *rdata {
            Rdata::A(address) => Stored::A(address.octets()),
            Rdata::Aaaa(address) => Stored::Aaaa(address.octets()),
            Rdata::Ptr(target) => Stored::Name(RecordType::PTR, number(target)?),
            Rdata::Cname(target) => Stored::Name(RecordType::CNAME, number(target)?),
            Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target,
            }) => Stored::Srv {
                priority,
                weight,
                port,
                target: number(target)?,
            },
            _ => return Ok(None),
        }))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn rtype(&self) -> RecordType {
        match self {
            Stored::A(_) => RecordType::A,
            Stored::Aaaa(_) => RecordType::AAAA,
            Stored::Name(rtype, _) | Stored::Bytes(rtype, _) => *rtype,
            Stored::Srv { .. } => RecordType::SRV,
        }
    }

    /// The name in the rdata.
    pub(crate) const fn target(&self) -> Option<NameId> {
        match *self {
            Stored::Name(_, target) | Stored::Srv { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The address in the rdata.
    pub(crate) fn address(&self) -> Option<core::net::IpAddr> {
        match *self {
            Stored::A(octets) => Some(Ipv4Addr::from(octets).into()),
            Stored::Aaaa(octets) => Some(Ipv6Addr::from(octets).into()),
            _ => None,
        }
    }

    /// The hash of a record with this rdata; `opaque` is that of what is in the block, if there is one.
    pub(crate) fn hash(&self, key: u64, name: NameId, opaque: u32) -> u32 {
        let mut hash = KeyedHash::new(key);
        hash.bytes(&name.get().to_le_bytes());
        hash.bytes(&self.rtype().0.to_le_bytes());
        match self {
            Stored::A(octets) => hash.bytes(octets),
            Stored::Aaaa(octets) => hash.bytes(octets),
            Stored::Name(_, target) => hash.bytes(&target.get().to_le_bytes()),
            Stored::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                hash.bytes(&priority.to_le_bytes());
                hash.bytes(&weight.to_le_bytes());
                hash.bytes(&port.to_le_bytes());
                hash.bytes(&target.get().to_le_bytes());
            }
            Stored::Bytes(..) => hash.bytes(&opaque.to_le_bytes()),
        }
        hash.finish()
    }
}

/// On which links a record is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// On all.
    Everywhere,
    /// On the links of one interface: its addresses (RFC 6762 §6.2).
    Interface(InterfaceId),
}

impl Scope {
    pub(crate) fn covers(self, interface: InterfaceId) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::Interface(own) => own == interface,
        }
    }
}

/// A record of ours.
#[derive(Debug)]
pub struct OwnRecord {
    pub(crate) name: NameId,
    pub(crate) stored: Stored,
    pub(crate) scope: Scope,
    /// Whether it is unique, and its RRset said whole and with the cache-flush bit.
    pub(crate) unique: bool,
    pub(crate) ttl: Ttl,
    /// Whose name it is; `None` for a shared record, and for one that is leaving.
    pub(crate) claim: Option<ClaimId>,
    /// Whether the application registered it by itself, not as part of a service or host.
    pub(crate) is_single: bool,
    /// Told apart from a later record in the same place, if it is single.
    pub(crate) generation: u32,
    /// The next record of the same service, `NONE` at the end.
    pub(crate) sibling: Id,
    /// How many services need it; more than one only for the PTR of a service type.
    pub(crate) users: Raw,
    /// On how many links a goodbye is still owed, once nobody needs it.
    pub(crate) goodbyes: u8,
    /// The records of the same name before and after this one.
    pub(super) before: Id,
    pub(super) after: Id,
    /// By name, type and rdata.
    pub(super) hash: Raw,
}

impl OwnRecord {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn new(name: NameId, stored: Stored, scope: Scope, claim: Option<ClaimId>) -> Self {
        // RFC 6762 §10: 120 s where a host name is owner or rdata, 75 minutes for the rest. A unique PTR is the reverse mapping
        // of an address; a shared one leads to a service.
        let ttl = match stored {
            Stored::A(_) | Stored::Aaaa(_) | Stored::Srv { .. } => HOST_TTL,
            Stored::Name(..) if claim.is_some() => HOST_TTL,
            Stored::Name(..) | Stored::Bytes(..) => OTHER_TTL,
        };
        OwnRecord {
            name,
            stored,
            scope,
            unique: claim.is_some(),
            ttl,
            is_single: false,
            generation: 0,
            claim,
            sibling: Id::NONE,
            users: 1,
            goodbyes: 0,
            before: Id::NONE,
            after: Id::NONE,
            hash: 0,
        }
    }

    pub(crate) fn rtype(&self) -> RecordType {
        self.stored.rtype()
    }

    /// Whether nobody needs it any more: it only says goodbye.
    pub(crate) fn is_leaving(&self) -> bool {
        self.users == 0
    }
}

impl Chained for OwnRecord {
    fn hash(&self) -> Raw {
        self.hash
    }
}
