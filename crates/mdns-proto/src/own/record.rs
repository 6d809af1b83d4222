//! A record of ours: rdata in a few bytes, names as numbers.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::ClaimId;
use crate::{
    link::InterfaceId,
    name::KeyedHash,
    store::{Block, Chained, NONE, NameId},
    wire::{RecordType, Ttl, TypeSet},
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
    Ptr(NameId),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: NameId,
    },
    Txt(Block),
}

impl Stored {
    pub(crate) const fn rtype(&self) -> RecordType {
        match self {
            Stored::A(_) => RecordType::A,
            Stored::Aaaa(_) => RecordType::AAAA,
            Stored::Ptr(_) => RecordType::PTR,
            Stored::Srv { .. } => RecordType::SRV,
            Stored::Txt(_) => RecordType::TXT,
        }
    }

    /// A bit for the type.
    pub(crate) const fn bit(&self) -> u8 {
        match self {
            Stored::A(_) => 1,
            Stored::Aaaa(_) => 2,
            Stored::Ptr(_) => 4,
            Stored::Srv { .. } => 8,
            Stored::Txt(_) => 16,
        }
    }

    /// The types of which the bits are set.
    pub(crate) fn types(bits: u8) -> TypeSet {
        const TYPES: [RecordType; 5] = [
            RecordType::A,
            RecordType::AAAA,
            RecordType::PTR,
            RecordType::SRV,
            RecordType::TXT,
        ];
        (0u8..)
            .zip(TYPES)
            .filter(|(bit, _)| bits >> bit & 1 == 1)
            .map(|(_, rtype)| rtype)
            .collect()
    }

    /// The name in the rdata.
    pub(crate) const fn target(&self) -> Option<NameId> {
        match *self {
            Stored::Ptr(target) | Stored::Srv { target, .. } => Some(target),
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

    /// The hash of a record with this rdata; `bytes` are those of the block, if there is one.
    pub(crate) fn hash(&self, key: u64, name: NameId, bytes: &[u8]) -> u32 {
        let mut hash = KeyedHash::new(key);
        hash.bytes(&name.0.to_le_bytes());
        hash.bytes(&self.rtype().0.to_le_bytes());
        match self {
            Stored::A(octets) => hash.bytes(octets),
            Stored::Aaaa(octets) => hash.bytes(octets),
            Stored::Ptr(target) => hash.bytes(&target.0.to_le_bytes()),
            Stored::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                hash.bytes(&priority.to_le_bytes());
                hash.bytes(&weight.to_le_bytes());
                hash.bytes(&port.to_le_bytes());
                hash.bytes(&target.0.to_le_bytes());
            }
            Stored::Txt(_) => hash.bytes(bytes),
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
    /// Whose name it is; `None` for a shared record, and for one that is leaving.
    pub(crate) claim: Option<ClaimId>,
    /// The next record of the same service, `NONE` at the end.
    pub(crate) sibling: u32,
    /// How many services need it; more than one only for the PTR of a service type.
    pub(crate) users: u32,
    /// On how many links a goodbye is still owed, once nobody needs it.
    pub(crate) goodbyes: u8,
    /// The records of the same name before and after this one.
    pub(super) before: u32,
    pub(super) after: u32,
    /// By name, type and rdata.
    pub(super) hash: u32,
    pub(super) next: u32,
}

impl OwnRecord {
    pub(crate) fn new(name: NameId, stored: Stored, scope: Scope, claim: Option<ClaimId>) -> Self {
        OwnRecord {
            name,
            stored,
            scope,
            unique: claim.is_some(),
            claim,
            sibling: NONE,
            users: 1,
            goodbyes: 0,
            before: NONE,
            after: NONE,
            hash: 0,
            next: NONE,
        }
    }

    pub(crate) fn rtype(&self) -> RecordType {
        self.stored.rtype()
    }

    /// RFC 6762 §10: 120 s where a host name is owner or rdata, 75 minutes for the rest.
    pub(crate) fn ttl(&self) -> Ttl {
        match self.stored {
            Stored::A(_) | Stored::Aaaa(_) | Stored::Srv { .. } => HOST_TTL,
            // A unique PTR is the reverse mapping of an address; a shared one leads to a service.
            Stored::Ptr(_) if self.unique => HOST_TTL,
            Stored::Ptr(_) | Stored::Txt(_) => OTHER_TTL,
        }
    }

    /// Whether nobody needs it any more: it only says goodbye.
    pub(crate) fn is_leaving(&self) -> bool {
        self.users == 0
    }
}

impl Chained for OwnRecord {
    fn hash(&self) -> u32 {
        self.hash
    }
    fn next(&self) -> u32 {
        self.next
    }
    fn set_next(&mut self, next: u32) {
        self.next = next;
    }
}
