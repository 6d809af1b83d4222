//! The registry: hosts, services and records that this host has registered, once for all links.
//!
//! Records are derived, not stored. A record has a number; the row under it says only what kind of record it is and of which
//! host, service or address. Owner name, type, TTL and rdata follow from that (`Registry::owner`, `Registry::info`,
//! `Registry::rdata`), so that a rename or an update changes one place. A negative response (NSEC, RFC 6762 §6.1) is a record
//! like any other. What a link knows of a record (when it is due, when it was sent) stands in the link, under the same number.
//!
//! A *claim* is a name that must be ours alone: a host name, a service instance, the reverse name of an address. Records under a
//! claim are unique; all others are shared (RFC 6762 §2).
//!
//! Two functions hide how records are found: `Registry::named` (the records with this name) and `Registry::records_of`
//! (the records of this claim). On fixed memory they look through all records, on growing memory they use an index.

mod claim;
mod custom_record;
mod error;
mod host;
mod index;
mod recent_rdata;
mod rename;
mod service;

use core::net::IpAddr;

pub use claim::Claim;
pub(crate) use claim::{ClaimId, Holder, Notice};
pub use custom_record::{CustomRow, NewRecord, RecordId, Sharing};
pub use error::RegisterError;
pub use host::{AddressRow, HostId};
use index::Index;
pub use recent_rdata::RecentRdata;
use recent_rdata::RecentRdataSet;
pub use service::{Service, ServiceId, ServiceRow, TypeRow};

use crate::{
    config::Config,
    link::{Family, InterfaceId, LinkId},
    moment::{Moment, Now, Round},
    name::{KeyedHash, META_QUERY, Name},
    store::{BLOCK_HEADER, Block, Full, Id, NONE, Owner, Slot, Slots, Table, Text},
    wire::{Class, Nsec, Rdata, Record, RecordType, Srv, Ttl, Txt, TypeSet},
};

/// TTL of records in which a host name is owner or rdata (RFC 6762 §10).
const HOST_TTL: Ttl = Ttl(120);
/// TTL of all others.
const OTHER_TTL: Ttl = Ttl(4500);

/// Registered records, as the querier may see them: own established records answer own questions, without a packet.
pub(crate) trait OwnRecords {
    /// The first of our records with this name, [`NONE`] if there is none.
    fn first(&self, name: Name<'_>) -> u32;

    /// The record from `next` on, among those of one name, that is established on this link and answers a question for the
    /// type. Moves `next` behind it.
    fn answer<'a>(
        &'a self,
        link: LinkId,
        rtype: RecordType,
        next: &mut u32,
        scratch: &'a mut SubtypeName,
    ) -> Option<Record<'a>>;

    /// Whether the name is ours alone on this link: then nobody else need be asked.
    fn is_alone(&self, link: LinkId, name: Name<'_>) -> bool;

    /// Whether an interface has addresses of a family, or none at all that we know of.
    fn has_family(&self, interface: InterfaceId, family: Family) -> bool;
}

/// The rows of the registry.
pub trait RegistryStorage {
    /// Names, subtypes, TXT data and rdata of custom records, in bytes.
    type Text: Slots<u8>;
    /// Records: a service takes SRV, TXT, PTR, NSEC and one PTR a subtype, its type another; a host an NSEC, and an address three.
    type Records: Slots<Slot<RecordRow>>;
    /// Finds records: rows that grow, or none ([`NoRow`](crate::store::NoRow)), and the records are looked through.
    type Index: Slots<u32>;
    /// Names that must be ours alone: one a service, one a host, one an address.
    type Claims: Slots<Slot<Claim>>;
    /// Services.
    type Services: Slots<Slot<ServiceRow>>;
    /// Their types.
    type Types: Slots<Slot<TypeRow>>;
    /// Records that are registered one by one.
    type Customs: Slots<Slot<CustomRow>>;
    /// Addresses of the interfaces.
    type Addresses: Slots<Slot<AddressRow>>;
    /// Hashes of rdata that was ours until lately; a few.
    type RecentRdata: Slots<RecentRdata>;
}

/// What kind of record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// NSEC: which types the name of a claim has.
    Negative,
    /// A or AAAA of a host.
    Address,
    /// PTR from the reverse name of an address to a host.
    Reverse,
    /// SRV of a service.
    Srv,
    /// TXT of a service.
    Txt,
    /// PTR from the type to a service.
    Pointer,
    /// PTR from a subtype to a service.
    Subtype,
    /// PTR from the list of types to a type (RFC 6763 §9).
    TypePointer,
    /// SRV with port 0, under a type that a service only holds its name in (RFC 6763 §8).
    Placeholder,
    /// A record that was registered by itself.
    Custom,
}

/// The row of a record.
#[derive(Debug)]
pub struct RecordRow {
    kind: Kind,
    /// Zero while it is registered; else it is leaving, and this is one more than on how many links its goodbye is still to be sent.
    goodbyes: u8,
    /// The claim, address, service, type or custom record that it is of, as its kind has it.
    of: Id,
    /// The claim that it stands under; `NONE` for a shared record.
    claim: Id,
    /// Of a [`Kind::Subtype`] the text of the subtype, of a [`Kind::Reverse`] the claim of the host.
    more: Id,
}

impl RecordRow {
    fn is_leaving(&self) -> bool {
        self.goodbyes > 0
    }
}

/// What is known of a record without its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordInfo {
    pub(crate) kind: Kind,
    pub(crate) rtype: RecordType,
    pub(crate) ttl: Ttl,
    /// The claim that it stands under, unless it is leaving.
    pub(crate) claim: Option<ClaimId>,
    /// Whether it is sent with the cache-flush bit.
    pub(crate) is_unique: bool,
    pub(crate) is_leaving: bool,
}

impl RecordInfo {
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.rtype, RecordType::A | RecordType::AAAA)
    }
}

/// The number of a record: of an RRset of a host as of a single one.
pub(crate) type RecordNumber = u32;

/// Bytes of the name of a subtype: its label, `_sub`, and a type under `local`.
const SUBTYPE_LEN: usize = 64 + 5 + 17 + 5 + 7;

/// Room for the name of a subtype.
pub(crate) type SubtypeName = heapless::Vec<u8, SUBTYPE_LEN>;

/// Room for what is not stored as it is sent: the name of a subtype, the types of an NSEC.
#[derive(Debug)]
pub(crate) struct Scratch {
    name: SubtypeName,
    types: TypeSet,
}

impl Scratch {
    pub(crate) const fn new() -> Self {
        Scratch {
            name: heapless::Vec::new(),
            types: TypeSet::new(),
        }
    }
}

/// Whose text a block is.
#[derive(Clone, Copy)]
enum TextOf {
    Claim(u32),
    Txt(u32),
    Subtype(u32),
    Type(u32),
    Custom(u32),
}

impl TextOf {
    fn owner(self) -> Owner {
        let (tag, number) = match self {
            TextOf::Claim(number) => (0, number),
            TextOf::Txt(number) => (1, number),
            TextOf::Subtype(number) => (2, number),
            TextOf::Type(number) => (3, number),
            TextOf::Custom(number) => (4, number),
        };
        Owner(number << 3 | tag)
    }

    fn from_owner(Owner(owner): Owner) -> Self {
        let number = owner >> 3;
        match owner & 7 {
            0 => TextOf::Claim(number),
            1 => TextOf::Txt(number),
            2 => TextOf::Subtype(number),
            3 => TextOf::Type(number),
            _ => TextOf::Custom(number),
        }
    }
}

/// Rows and bytes that a registration takes.
#[derive(Default)]
struct Need {
    claims: usize,
    records: usize,
    text: usize,
}

impl Need {
    /// Counts a claim, with its negative response.
    fn claim(&mut self, name: Name<'_>) {
        self.claims += 1;
        self.records += 1;
        self.text(name.wire_len());
    }

    /// Counts a text of so many bytes.
    fn text(&mut self, len: usize) {
        self.text += BLOCK_HEADER + len;
    }
}

/// All that is registered.
pub(crate) struct Registry<S: RegistryStorage> {
    text: Text<S::Text>,
    records: Table<RecordRow, S::Records>,
    by_name: Index<S::Index>,
    by_data: Index<S::Index>,
    by_service: Index<S::Index>,
    claims: Table<Claim, S::Claims>,
    services: Table<ServiceRow, S::Services>,
    types: Table<TypeRow, S::Types>,
    customs: Table<CustomRow, S::Customs>,
    addresses: Table<AddressRow, S::Addresses>,
    recent: RecentRdataSet<S::RecentRdata>,
    /// The host that services run on that name none: the one that was added first.
    default_host: Option<ClaimId>,
    /// A bit for each name, where there is no index: most names that are heard are none of these.
    glances: u32,
    /// The key of all hashes here: strangers cannot choose names that collide.
    key: u64,
    generation: u32,
    records_max: u32,
    text_max: usize,
    packet_max: usize,
    /// How many records are leaving.
    leaving: u32,
    /// How many claims have a notice for the application, and where to look for the next.
    notices: u32,
    notices_from: u32,
}

impl<S: RegistryStorage> Registry<S> {
    /// Nothing can ever be registered, for lack of rows. The compiler leaves out what follows from it.
    pub(crate) const NONE: bool = <S::Records as Slots<Slot<RecordRow>>>::CAPACITY == 0;

    /// Records are looked through, not indexed.
    const SCANS: bool = Index::<S::Index>::SCANS;

    pub(crate) const fn new(config: &Config) -> Self {
        Registry {
            text: Text::new(),
            records: Table::new(),
            by_name: Index::new(),
            by_data: Index::new(),
            by_service: Index::new(),
            claims: Table::new(),
            services: Table::new(),
            types: Table::new(),
            customs: Table::new(),
            addresses: Table::new(),
            recent: RecentRdataSet::new(),
            default_host: None,
            glances: 0,
            key: 0,
            generation: 0,
            records_max: config.own_records_max,
            text_max: config.own_text_max,
            packet_max: config.packet_max,
            leaving: 0,
            notices: 0,
            notices_from: 0,
        }
    }

    pub(crate) fn start(&mut self, key: u64) {
        self.key = key;
    }

    // --- what a record is ---

    /// One more than the highest number of a record.
    pub(crate) fn records_bound(&self) -> RecordNumber {
        self.records.bound()
    }

    fn row(&self, id: RecordNumber) -> Option<&RecordRow> {
        self.records.get(id)
    }

    /// What kind of record this is, of whom, and how long it may be believed; `None` if there is none of this number.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn info(&self, id: RecordNumber) -> Option<RecordInfo> {
        let row = self.row(id)?;
        let (rtype, ttl) = match row.kind {
            Kind::Negative => (RecordType::NSEC, HOST_TTL),
            Kind::Address => match self.addresses.get(row.of.get())?.subnet.address {
                IpAddr::V4(_) => (RecordType::A, HOST_TTL),
                IpAddr::V6(_) => (RecordType::AAAA, HOST_TTL),
            },
            Kind::Reverse => (RecordType::PTR, HOST_TTL),
            Kind::Srv | Kind::Placeholder => (RecordType::SRV, HOST_TTL),
            Kind::Txt => (RecordType::TXT, OTHER_TTL),
            Kind::Pointer | Kind::Subtype | Kind::TypePointer => (RecordType::PTR, OTHER_TTL),
            Kind::Custom => {
                let custom = self.customs.get(row.of.get())?;
                (custom.rtype, custom.ttl)
            }
        };
        Some(RecordInfo {
            kind: row.kind,
            rtype,
            ttl,
            claim: self.claim_of(row),
            is_unique: row.claim != Id::NONE,
            is_leaving: row.is_leaving(),
        })
    }

    fn claim_of(&self, row: &RecordRow) -> Option<ClaimId> {
        (!row.is_leaving() && row.claim != Id::NONE).then(|| ClaimId::of(row.claim.get()))
    }

    /// Whether a record is said on this interface: an address only on its own (RFC 6762 §6.2).
    pub(crate) fn covers(&self, id: RecordNumber, interface: InterfaceId) -> bool {
        let Some(row) = self.row(id) else {
            return false;
        };
        match row.kind {
            Kind::Address | Kind::Reverse => self
                .addresses
                .get(row.of.get())
                .is_some_and(|address| address.interface == interface),
            Kind::Custom => self
                .customs
                .get(row.of.get())
                .is_some_and(|custom| custom.interface.is_none_or(|own| own == interface)),
            _ => true,
        }
    }

    /// The claim to whose name a record leads.
    pub(crate) fn target(&self, id: RecordNumber) -> Option<ClaimId> {
        let row = self.row(id)?;
        if row.kind == Kind::Custom {
            return self.claim_named(self.custom_target(row.of.get())?);
        }
        self.target_of(row)
    }

    /// Whether a record leads to the name of a claim. Of a custom record only its rdata says that.
    fn leads_to(&self, id: RecordNumber, claim: ClaimId) -> bool {
        self.row(id).and_then(|row| self.target_of(row)) == Some(claim)
    }

    fn target_of(&self, row: &RecordRow) -> Option<ClaimId> {
        match row.kind {
            Kind::Pointer | Kind::Subtype => Some(self.services.get(row.of.get())?.claim),
            Kind::Srv | Kind::Placeholder => Some(self.services.get(row.of.get())?.host),
            Kind::Reverse => Some(ClaimId::of(row.more.get())),
            Kind::Negative | Kind::Address | Kind::Txt | Kind::TypePointer | Kind::Custom => None,
        }
    }

    /// The service whose record this is.
    pub(crate) fn service_of(&self, id: RecordNumber) -> Option<u32> {
        let row = self.row(id)?;
        row.kind.is_of_service().then(|| row.of.get())
    }

    /// The name under which a record stands. That of a subtype is put together in `scratch`.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn owner<'a>(&'a self, id: RecordNumber, scratch: &'a mut SubtypeName) -> Name<'a> {
        let Some(row) = self.row(id) else {
            return Name::ROOT;
        };
        match row.kind {
            Kind::Pointer => self.type_name_of_service(row.of.get()),
            Kind::TypePointer => META_QUERY,
            Kind::Subtype => {
                let service_type = self.type_name_of_service(row.of.get());
                let label = self.text.bytes(Block::from_id(row.more));
                scratch.clear();
                let mut push = |part: &[u8]| scratch.extend_from_slice(part);
                let pushed = push(&[label.len() as u8])
                    .and_then(|()| push(label))
                    .and_then(|()| push(b"\x04_sub"))
                    .and_then(|()| service_type.try_each_part(push));
                debug_assert!(pushed.is_ok(), "labels of at most 63, 16 and 4 bytes");
                match pushed {
                    Ok(()) => Name::stored(scratch),
                    Err(_) => Name::ROOT,
                }
            }
            Kind::Custom if row.claim == Id::NONE => self.custom_owner(row.of.get()),
            _ => self.claim_name(ClaimId::of(row.claim.get())),
        }
    }

    /// Whether a record stands under this name.
    fn has_name(&self, id: RecordNumber, name: Name<'_>) -> bool {
        self.owner(id, &mut SubtypeName::new()) == name
    }

    /// What a record says, but for a negative response, which says another thing on each interface.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn rdata(&self, id: RecordNumber) -> Option<Rdata<'_>> {
        let row = self.row(id)?;
        let of = row.of.get();
        Some(match row.kind {
            Kind::Negative => return None,
            Kind::Address => match self.addresses.get(of)?.subnet.address {
                IpAddr::V4(address) => Rdata::A(address),
                IpAddr::V6(address) => Rdata::Aaaa(address),
            },
            Kind::Reverse => Rdata::Ptr(self.claim_name(ClaimId::of(row.more.get()))),
            Kind::Srv | Kind::Placeholder => {
                let service = self.services.get(of)?;
                let is_offered = row.kind == Kind::Srv;
                let number = |number| if is_offered { number } else { 0 };
                Rdata::Srv(Srv {
                    priority: number(service.priority),
                    weight: number(service.weight),
                    port: number(service.port),
                    target: self.claim_name(service.host),
                })
            }
            Kind::Txt => Rdata::Txt(Txt::trusted(self.text.bytes(self.services.get(of)?.txt))),
            Kind::Pointer | Kind::Subtype => {
                Rdata::Ptr(self.claim_name(self.services.get(of)?.claim))
            }
            Kind::TypePointer => Rdata::Ptr(self.type_name(of)),
            Kind::Custom => self.custom_rdata(of)?,
        })
    }

    /// The length of what a record says, with no name compressed.
    pub(crate) fn rdata_len(&self, id: RecordNumber) -> usize {
        self.rdata(id).map_or(0, |rdata| rdata.wire_len())
    }

    /// Collects the types that the name of a claim has on an interface: registered ones or, for a goodbye, leaving ones too. `None`
    /// if there are some that the restricted form of an NSEC has no place for (RFC 6762 §6.1).
    fn types_of(
        &self,
        claim: ClaimId,
        interface: InterfaceId,
        even_leaving: bool,
    ) -> Option<TypeSet> {
        let mut types = TypeSet::new();
        let (name, negative) = (self.claim_name(claim), self.negative_of(claim)?);
        for id in self.named_by(self.name_hash(negative, name), name) {
            let Some(info) = self.info(id) else { continue };
            let counts = info.kind != Kind::Negative
                && (even_leaving || !info.is_leaving)
                && self.covers(id, interface);
            if counts && info.rtype.0 > 255 {
                return None;
            }
            if counts {
                types.insert(info.rtype);
            }
        }
        Some(types)
    }

    /// A record as it is sent by multicast on an interface; `None` if there is none of this number, or if it cannot be said: an NSEC
    /// of a name with types beyond 255. Unique records have the cache-flush bit (RFC 6762 §10.2).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn record<'a>(
        &'a self,
        id: RecordNumber,
        interface: InterfaceId,
        scratch: &'a mut Scratch,
    ) -> Option<Record<'a>> {
        let info = self.info(id)?;
        let Scratch { name, types } = scratch;
        let name = self.owner(id, name);
        let rdata = if info.kind == Kind::Negative {
            let claim = ClaimId::of(self.row(id)?.of.get());
            *types = self.types_of(claim, interface, info.is_leaving)?;
            Rdata::Nsec(Nsec {
                next: name,
                types: types.as_types(),
            })
        } else {
            self.rdata(id)?
        };
        Some(Record {
            name,
            class: Class::IN,
            cache_flush: info.is_unique,
            ttl: info.ttl,
            rdata,
        })
    }

    /// A record that is proposed in a probe: it stands under a claim, and is no negative response.
    pub(crate) fn unique_record(&self, id: RecordNumber) -> Option<Record<'_>> {
        let row = self.row(id)?;
        Some(Record {
            name: self.claim_name(ClaimId::of(row.claim.get())),
            class: Class::IN,
            // §10.2: the cache-flush bit is for responses.
            cache_flush: false,
            ttl: self.info(id)?.ttl,
            rdata: self.rdata(id)?,
        })
    }

    // --- which records there are ---

    /// The records with this name, leaving ones too, in the order of their numbers.
    pub(crate) fn named<'a>(&'a self, name: Name<'a>) -> Named<'a, S> {
        let hash = if Self::SCANS { 0 } else { name.hash(self.key) };
        self.named_by(hash, name)
    }

    /// The records with this name, of which the hash is known.
    fn named_by<'a>(&'a self, hash: u32, name: Name<'a>) -> Named<'a, S> {
        let head = if !Self::SCANS {
            self.by_name.find(hash, &|id| self.has_name(id, name))
        } else if self.glances & glance(name) == 0 {
            NONE
        } else {
            0
        };
        Named {
            registry: self,
            name,
            hash,
            head,
            next: head,
        }
    }

    /// The hash of the name of a record.
    pub(crate) fn name_hash(&self, id: RecordNumber, name: Name<'_>) -> u32 {
        if Self::SCANS {
            name.hash(self.key)
        } else {
            self.by_name.hash(id)
        }
    }

    /// The records with the name of this one, as long as that is the name of this hash.
    pub(crate) fn named_as<'a>(
        &'a self,
        id: RecordNumber,
        hash: u32,
        scratch: &'a mut SubtypeName,
    ) -> Option<Named<'a, S>> {
        self.row(id)?;
        let name = self.owner(id, scratch);
        (self.name_hash(id, name) == hash).then(|| self.named_by(hash, name))
    }

    /// The records of a claim, in the order of their numbers, its negative response among them; none that is leaving.
    pub(crate) fn records_of(&self, claim: ClaimId) -> Records<'_, S> {
        // Its negative response knows the hash of its name; on fixed memory the claim alone is looked for.
        let head = match self.negative_of(claim) {
            _ if Self::SCANS => 0,
            None => NONE,
            Some(negative) => {
                let hash = self.by_name.hash(negative);
                let head = self.by_name.find(hash, &|id| self.is_under(id, claim));
                if head == NONE {
                    // A shared record is the first of its name.
                    self.named_by(hash, self.claim_name(claim)).head
                } else {
                    head
                }
            }
        };
        Records {
            named: Named {
                registry: self,
                name: Name::ROOT,
                hash: 0,
                head,
                next: head,
            },
            claim,
            rtype: None,
            interface: None,
            alone: NONE,
        }
    }

    /// The records of a claim that are said on an interface, without its negative response: what is proposed when its name is probed
    /// for (RFC 6762 §8.2).
    pub(crate) fn proposed(&self, claim: ClaimId, interface: InterfaceId) -> Records<'_, S> {
        Records {
            interface: Some(interface),
            ..self.records_of(claim)
        }
    }

    /// The RRset of a record on an interface: all of a unique one, itself of a shared, a leaving or a negative one.
    pub(crate) fn rrset(
        &self,
        id: RecordNumber,
        info: &RecordInfo,
        interface: InterfaceId,
    ) -> Records<'_, S> {
        let may_have_more = info.is_address() || info.kind == Kind::Reverse || self.has_customs();
        match info.claim {
            Some(claim) if may_have_more && info.kind != Kind::Negative => Records {
                rtype: Some(info.rtype),
                ..self.proposed(claim, interface)
            },
            _ => Records {
                // Nothing but the single one.
                named: Named {
                    registry: self,
                    name: Name::ROOT,
                    hash: 0,
                    head: NONE,
                    next: NONE,
                },
                claim: ClaimId::of(NONE),
                rtype: None,
                interface: None,
                alone: id,
            },
        }
    }

    /// The first record of this name and rdata for which `is` holds; several only where two interfaces have one address, or where
    /// one is leaving.
    pub(crate) fn find(
        &self,
        name: Name<'_>,
        rdata: &Rdata<'_>,
        is: &dyn Fn(RecordNumber) -> bool,
    ) -> Option<RecordNumber> {
        if Self::SCANS {
            return self
                .named(name)
                .find(|&id| self.rdata(id).is_some_and(|ours| ours == *rdata) && is(id));
        }
        let hash = self.data_hash(name, rdata);
        let head = self.by_data.find(hash, &|id| self.says(id, name, rdata));
        let mut id = head;
        while id != NONE {
            if is(id) {
                return Some(id);
            }
            id = self.by_data.next(head, id);
        }
        None
    }

    fn says(&self, id: RecordNumber, name: Name<'_>, rdata: &Rdata<'_>) -> bool {
        self.rdata(id).is_some_and(|ours| ours == *rdata) && self.has_name(id, name)
    }

    fn data_hash(&self, name: Name<'_>, rdata: &Rdata<'_>) -> u32 {
        self.data_hash_by(name.hash(self.key), rdata)
    }

    /// The hash of a name and rdata, from that of the name.
    fn data_hash_by(&self, hash: u32, rdata: &Rdata<'_>) -> u32 {
        hash.wrapping_mul(0x9e37_79b9) ^ rdata.hash(self.key)
    }

    /// A record that says goodbye to what this one says.
    pub(crate) fn leaving_twin(&self, id: RecordNumber) -> Option<RecordNumber> {
        if self.leaving == 0 || self.is_leaving(id) {
            return None;
        }
        let mut scratch = SubtypeName::new();
        let (name, rdata) = (self.owner(id, &mut scratch), self.rdata(id)?);
        self.find(name, &rdata, &|other| self.is_leaving(other))
    }

    pub(crate) fn is_leaving(&self, id: RecordNumber) -> bool {
        self.row(id).is_some_and(|row| row.is_leaving())
    }

    /// How many records are leaving.
    pub(crate) fn leaving(&self) -> u32 {
        self.leaving
    }

    // --- what was ours ---

    /// Whether a record that was heard is ours, on whatever link; or was so lately, and comes from where we are or were then. From
    /// elsewhere it is another's, who may well say today what we said yesterday.
    pub(crate) fn is_ours(&self, now: Now, record: &Record<'_>, source: IpAddr) -> bool {
        if self.find(record.name, &record.rdata, &|_| true).is_some() {
            return true;
        }
        let was_here =
            self.has_address(source) || self.recent.contains(now, self.address_hash(source));
        was_here
            && self
                .recent
                .contains(now, self.data_hash(record.name, &record.rdata))
    }

    /// When a record that says the same was last withdrawn; never if that is not remembered.
    pub(crate) fn withdrawn(&self, id: RecordNumber) -> Moment {
        let mut scratch = SubtypeName::new();
        match self.rdata(id) {
            Some(rdata) if !self.recent.is_empty() => self
                .recent
                .since(self.data_hash(self.owner(id, &mut scratch), &rdata)),
            _ => Moment::NEVER,
        }
    }

    fn address_hash(&self, address: IpAddr) -> u32 {
        let mut hash = KeyedHash::new(self.key);
        match address {
            IpAddr::V4(address) => hash.bytes(&address.octets()),
            IpAddr::V6(address) => hash.bytes(&address.octets()),
        }
        hash.finish()
    }

    /// Notes that a record is about to say something else, or nothing.
    fn remember(&mut self, now: Now, id: RecordNumber) {
        let mut scratch = SubtypeName::new();
        let Some(rdata) = self.rdata(id) else { return };
        let hash = self.data_hash(self.owner(id, &mut scratch), &rdata);
        self.recent.remember(now, hash);
    }

    /// Ages all moments (see [`Moment::age`]).
    pub(crate) fn age(&mut self, round: Round) {
        self.recent.age(round);
    }

    // --- changes ---

    /// Adds a record.
    #[cfg_attr(target_os = "none", inline(never))]
    fn insert_record(
        &mut self,
        kind: Kind,
        of: u32,
        claim: Option<ClaimId>,
        more: Id,
    ) -> Result<RecordNumber, Full> {
        let row = RecordRow {
            kind,
            goodbyes: 0,
            of: Id::of(of),
            claim: claim.map_or(Id::NONE, |claim| Id::of(claim.get())),
            more,
        };
        let id = self.records.insert(row, self.records_max)?;
        self.count_users(id, 1);
        if kind.is_of_service() && !Self::SCANS {
            let mut by_service = core::mem::replace(&mut self.by_service, Index::new());
            by_service.insert(id, of, &|other| self.service_of(other) == Some(of));
            self.by_service = by_service;
        }
        self.index(id);
        Ok(id)
    }

    /// Whether there is room for all that a registration takes. It is asked before anything is changed, so nothing need be taken back.
    #[cfg_attr(target_os = "none", inline(never))]
    fn check_need(&self, need: &Need) -> Result<(), Full> {
        let is_met = self.claims.room(self.records_max) >= need.claims
            && self.records.room(self.records_max) >= need.records
            && self.text.room(self.text_max) >= need.text;
        if is_met { Ok(()) } else { Err(Full) }
    }

    /// Changes the number of users of all that a record is made of.
    fn count_users(&mut self, id: RecordNumber, by: i8) {
        let Some(&RecordRow {
            kind,
            of,
            claim,
            more,
            ..
        }) = self.records.get(id)
        else {
            return;
        };
        let count = |users: &mut crate::store::Raw| {
            *users = if by > 0 {
                users.saturating_add(1)
            } else {
                users.saturating_sub(1)
            };
        };
        if let Some(claim) = self.claims.get_mut(claim.get()) {
            count(&mut claim.users);
        }
        match kind {
            Kind::Address | Kind::Reverse => {
                if let Some(address) = self.addresses.get_mut(of.get()) {
                    count(&mut address.users);
                }
                if kind == Kind::Reverse
                    && let Some(host) = self.claims.get_mut(more.get())
                {
                    count(&mut host.users);
                }
            }
            Kind::TypePointer => {
                if let Some(of_type) = self.types.get_mut(of.get()) {
                    count(&mut of_type.users);
                }
            }
            Kind::Srv | Kind::Txt | Kind::Pointer | Kind::Subtype | Kind::Placeholder => {
                if let Some(service) = self.services.get_mut(of.get()) {
                    count(&mut service.users);
                }
            }
            Kind::Negative | Kind::Custom => {}
        }
    }

    /// Makes a record be found by its name and rdata.
    fn index(&mut self, id: RecordNumber) {
        let mut scratch = SubtypeName::new();
        let name = self.owner(id, &mut scratch);
        if Self::SCANS {
            self.glances |= glance(name);
            return;
        }
        // The indices are apart for the while: what is in them is told by the rest.
        let hash = match self.row(id) {
            // Its negative response, which was the first under this name, has the hash already.
            Some(row) if row.claim != Id::NONE && row.kind != Kind::Negative => self
                .negative_of(ClaimId::of(row.claim.get()))
                .filter(|&negative| self.by_name.contains(negative))
                .map_or_else(
                    || name.hash(self.key),
                    |negative| self.by_name.hash(negative),
                ),
            _ => name.hash(self.key),
        };
        let mut by_name = core::mem::replace(&mut self.by_name, Index::new());
        let mut scratch = SubtypeName::new();
        let name = self.owner(id, &mut scratch);
        by_name.insert(id, hash, &|other| self.has_name(other, name));
        self.by_name = by_name;
        self.index_data(id);
    }

    /// Makes a record be found by its rdata.
    fn index_data(&mut self, id: RecordNumber) {
        if Self::SCANS {
            return;
        }
        let mut by_data = core::mem::replace(&mut self.by_data, Index::new());
        let mut scratch = SubtypeName::new();
        let name = self.owner(id, &mut scratch);
        match self.rdata(id) {
            Some(rdata) => {
                let hash = self.data_hash_by(self.by_name.hash(id), &rdata);
                by_data.insert(id, hash, &|other| self.says(other, name, &rdata));
            }
            // A negative response is the mark of a claim: by it a name is seen to be one.
            None => {
                let hash = Self::claim_hash(self.by_name.hash(id));
                by_data.insert(id, hash, &|other| self.is_negative_of(other, name));
            }
        }
        self.by_data = by_data;
    }

    /// The hash under which a name is found to be a claim, from that of the name.
    fn claim_hash(hash: u32) -> u32 {
        !hash
    }

    fn is_negative_of(&self, id: RecordNumber, name: Name<'_>) -> bool {
        self.row(id).is_some_and(|row| row.kind == Kind::Negative) && self.has_name(id, name)
    }

    /// Forgets a record, and what was there for it alone. What it said is remembered as recent.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn remove_record(&mut self, now: Now, id: RecordNumber) {
        self.remember(now, id);
        self.by_name.remove(id);
        self.by_data.remove(id);
        if self.service_of(id).is_some() {
            self.by_service.remove(id);
        }
        self.count_users(id, -1);
        let Some(row) = self.records.remove(id) else {
            return;
        };
        if row.is_leaving() {
            self.leaving -= 1;
        }
        match row.kind {
            Kind::Negative => {}
            Kind::Address | Kind::Reverse => {
                self.free_address(row.of.get());
                if row.kind == Kind::Reverse {
                    self.free_claim(row.more.get());
                }
            }
            Kind::TypePointer => self.free_type(row.of.get()),
            Kind::Subtype => {
                self.text.remove(Block::from_id(row.more));
                self.free_service(row.of.get());
            }
            Kind::Srv | Kind::Txt | Kind::Pointer | Kind::Placeholder => {
                self.free_service(row.of.get());
            }
            Kind::Custom => self.free_custom(row.of.get()),
        }
        self.free_claim(row.claim.get());
        if Self::SCANS {
            self.glance_anew();
        }
    }

    fn glance_anew(&mut self) {
        let mut scratch = SubtypeName::new();
        let mut glances = 0;
        for (id, _) in self.records.iter() {
            glances |= glance(self.owner(id, &mut scratch));
        }
        self.glances = glances;
    }

    /// Withdraws a record that says goodbye on so many links: its name may be claimed anew while it does.
    pub(crate) fn retire_record(&mut self, id: RecordNumber, goodbyes: u8) {
        if let Some(row) = self.records.get_mut(id)
            && !row.is_leaving()
        {
            row.goodbyes = goodbyes.saturating_add(1);
            self.leaving += 1;
        }
    }

    /// The goodbye of a record has been said on one more link, or cannot be said there. Returns whether it was the last one.
    pub(crate) fn note_goodbye(&mut self, id: RecordNumber) -> bool {
        // One that is withheld takes its leave of one link and goes on elsewhere.
        let Some(row) = self.records.get_mut(id).filter(|row| row.is_leaving()) else {
            return false;
        };
        row.goodbyes = row.goodbyes.saturating_sub(1).max(1);
        row.goodbyes == 1
    }

    // --- text ---

    /// Stores what is shown part by part.
    fn store(
        &mut self,
        of: TextOf,
        len: usize,
        mut each: impl FnMut(&mut dyn FnMut(&[u8]) -> Result<(), Full>) -> Result<(), Full>,
    ) -> Result<Block, Full> {
        let block = self.begin_text(of, len)?;
        let text = &mut self.text;
        each(&mut |part| text.extend(block, part))?;
        Ok(block)
    }

    fn store_bytes(&mut self, of: TextOf, bytes: &[u8]) -> Result<Block, Full> {
        let block = self.begin_text(of, bytes.len())?;
        self.text.extend(block, bytes)?;
        Ok(block)
    }

    fn store_name(&mut self, of: TextOf, name: Name<'_>) -> Result<Block, Full> {
        self.store(of, name.wire_len(), |push| name.try_each_part(push))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn begin_text(&mut self, of: TextOf, len: usize) -> Result<Block, Full> {
        let Registry {
            text,
            claims,
            services,
            types,
            records,
            customs,
            text_max,
            ..
        } = self;
        text.begin(of.owner(), len, *text_max, &mut |owner, block| {
            let place = match TextOf::from_owner(owner) {
                TextOf::Claim(id) => claims.get_mut(id).map(|claim| &mut claim.name),
                TextOf::Txt(id) => services.get_mut(id).map(|service| &mut service.txt),
                TextOf::Type(id) => types.get_mut(id).map(|of_type| &mut of_type.name),
                TextOf::Custom(id) => customs.get_mut(id).map(|custom| &mut custom.data),
                TextOf::Subtype(id) => {
                    if let Some(row) = records.get_mut(id) {
                        row.more = block.id();
                    }
                    None
                }
            };
            if let Some(place) = place {
                *place = block;
            }
        })
    }
}

impl<S: RegistryStorage> Clone for Named<'_, S> {
    fn clone(&self) -> Self {
        Named { ..*self }
    }
}

/// The records with a name.
pub(crate) struct Named<'a, S: RegistryStorage> {
    registry: &'a Registry<S>,
    name: Name<'a>,
    /// The hash of the name, where there is an index.
    hash: u32,
    /// The first of its group, where there is an index.
    head: u32,
    next: u32,
}

impl<S: RegistryStorage> Iterator for Named<'_, S> {
    type Item = RecordNumber;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<RecordNumber> {
        let registry = self.registry;
        if !Registry::<S>::SCANS {
            let id = self.next;
            if id == NONE {
                return None;
            }
            self.next = registry.by_name.next(self.head, id);
            return Some(id);
        }
        while self.next < registry.records_bound() {
            let id = self.next;
            self.next += 1;
            if registry.row(id).is_some() && registry.has_name(id, self.name) {
                return Some(id);
            }
        }
        None
    }
}

impl<'a, S: RegistryStorage> Named<'a, S> {
    /// Where they are registered.
    pub(crate) fn registry(&self) -> &'a Registry<S> {
        self.registry
    }

    /// The claim on this name. `first` is the first record of it.
    pub(crate) fn claim(&self, first: RecordNumber) -> Option<ClaimId> {
        let claim = self.registry.info(first)?.claim;
        claim
            .filter(|&claim| self.registry.claim(claim).is_some())
            .or_else(|| self.registry.claim_named_by(self.hash, self.name))
    }

    /// The name.
    pub(crate) fn name(&self) -> Name<'a> {
        self.name
    }

    /// The hash by which [`Registry::named_as`] finds them again.
    pub(crate) fn hash(&self, first: RecordNumber) -> u32 {
        self.registry.name_hash(first, self.name)
    }

    /// The number of the next one, [`NONE`] if there is none.
    pub(crate) fn peek(mut self) -> u32 {
        self.next().unwrap_or(NONE)
    }

    /// Goes on with the record of this number.
    pub(crate) fn from(mut self, id: RecordNumber) -> Self {
        self.next = if self.head == NONE { NONE } else { id };
        self
    }
}

/// Records of a claim, or a single one.
pub(crate) struct Records<'a, S: RegistryStorage> {
    named: Named<'a, S>,
    claim: ClaimId,
    /// Of this type alone.
    rtype: Option<RecordType>,
    /// Only those that are said on this interface; and then no negative response.
    interface: Option<InterfaceId>,
    /// The single one, until it has been told.
    alone: RecordNumber,
}

impl<S: RegistryStorage> Clone for Records<'_, S> {
    fn clone(&self) -> Self {
        Records {
            named: self.named.clone(),
            ..*self
        }
    }
}

impl<S: RegistryStorage> Iterator for Records<'_, S> {
    type Item = RecordNumber;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<RecordNumber> {
        if self.alone != NONE {
            return Some(core::mem::replace(&mut self.alone, NONE));
        }
        let registry = self.named.registry;
        loop {
            let id = if Registry::<S>::SCANS {
                let id = self.named.next;
                if id >= registry.records_bound() {
                    return None;
                }
                self.named.next += 1;
                id
            } else {
                self.named.next()?
            };
            let is_wanted = registry.info(id).is_some_and(|info| {
                info.claim == Some(self.claim)
                    && self.rtype.is_none_or(|rtype| rtype == info.rtype)
                    && self.interface.is_none_or(|interface| {
                        info.kind != Kind::Negative && registry.covers(id, interface)
                    })
            });
            if is_wanted {
                return Some(id);
            }
        }
    }
}

impl Kind {
    /// Whether such a record is of a service.
    fn is_of_service(self) -> bool {
        matches!(
            self,
            Kind::Srv | Kind::Txt | Kind::Pointer | Kind::Subtype | Kind::Placeholder
        )
    }
}

/// One bit of 32, the same for equal names: by the length of the first label and its first and last bytes.
fn glance(name: Name<'_>) -> u32 {
    let label = name.first_label().unwrap_or(&[]);
    let byte = |byte: Option<&u8>| byte.map_or(0, |byte| u32::from(byte | 0x20));
    let mixed = byte(label.first()) ^ byte(label.last()) << 2 ^ label.len() as u32;
    1 << (mixed.wrapping_mul(0x9e37_79b9) >> 27)
}
