//! What is ours: hosts, services and the records they are made of, stored once for all links.
//!
//! A *claim* is a name that must be ours alone: a host name, a service instance, the reverse name of an address. Records of a
//! claimed name are unique; all others are shared (RFC 6762 §2). What each link does about them (probing, announcing,
//! answering) is the responder's matter and its state.

mod error;
mod host;
mod past;
mod record;
mod service;
mod single;
mod spelling;

use core::net::IpAddr;

pub use error::RegisterError;
pub use past::Past;
use past::Pasts;
pub use record::OwnRecord;
pub(crate) use record::{HOST_TTL, Scope, Stored};
pub use service::{Service, ServiceSlot};
pub use single::{NewRecord, RecordId, Sharing};
pub(crate) use spelling::Spelling;

use crate::{
    chance::Chance,
    config::Config,
    link::{Family, InterfaceId, LinkId, Subnet},
    name::{KeyedHash, Name, NameBuf},
    store::{
        Block, Full, Id, Index, Limits, NONE, NameId, NameSlot, Names, Slot, Slots, Source, Table,
        Taken, short,
    },
    time::Instant,
    wire::{Class, Rdata, Record, RecordType, Srv, Txt},
};

/// Records of ours, as the querier may see them: own established records answer own questions, without a packet.
pub(crate) trait OwnRecords {
    /// The first of our records with this name, [`NONE`] if there is none.
    fn first(&self, name: Name<'_>) -> u32;

    /// The record from `next` on, among those of one name, that is established on this link and answers a question for the
    /// type. Moves `next` behind it.
    fn answer(&self, link: LinkId, rtype: RecordType, next: &mut u32) -> Option<Record<'_>>;

    /// Whether the name is ours alone on this link: then nobody else need be asked.
    fn is_alone(&self, link: LinkId, name: Name<'_>) -> bool;

    /// Whether an interface has addresses of a family, or none at all that we know of.
    fn has_family(&self, interface: InterfaceId, family: Family) -> bool;
}

/// The rows for what is ours.
pub trait OwnStorage {
    /// Names: each service takes its own and that of its type, each host and each of its addresses one.
    type Names: Slots<Slot<NameSlot>>;
    /// Finds `Names`: as many ids, or none ([`NoRow`](crate::store::NoRow)), and they are looked through.
    type NameIndex: Slots<u32>;
    /// Names and TXT data, in bytes.
    type Text: Slots<u8>;
    /// Records: a service takes SRV, TXT, PTR, one PTR a subtype, and one for its type; a host two an address.
    type Records: Slots<Slot<OwnRecord>>;
    /// Finds `Records`: as many ids, or none.
    type RecordIndex: Slots<u32>;
    /// Names that are ours alone: one a service, one a host, one an address.
    type Claims: Slots<Slot<Claim>>;
    /// Services.
    type Services: Slots<Slot<ServiceSlot>>;
    /// Addresses of our interfaces.
    type Addresses: Slots<OwnAddress>;
    /// Hashes of what was ours until lately; a few.
    type Past: Slots<Past>;
}

/// The number of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimId(Id);

impl ClaimId {
    pub(crate) const fn of(number: u32) -> Self {
        ClaimId(Id::of(number))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }
}

/// What a claimed name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A host.
    Host,
    /// A service, by its number.
    Service(Id),
    /// The same service under a type that it only holds a place in (RFC 6763 §8).
    Placeholder(Id),
    /// Records that were registered by themselves. It keeps its name, or loses it.
    Records,
    /// The reverse mapping of an address. Not probed: nobody else can rightly have it (RFC 6762 §8.1).
    Address,
}

/// News for the application about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    None,
    Registered,
    Renamed,
    /// Another has the name, and there is no next one.
    Lost,
}

/// A name that must be ours alone.
#[derive(Debug)]
pub struct Claim {
    pub(crate) name: NameId,
    pub(crate) holder: Holder,
    /// Told apart from a later claim in the same place.
    pub(crate) generation: u32,
    /// Whether the application has been told that the name is ours.
    pub(crate) told: bool,
    /// Whether the application has been told that it is not.
    pub(crate) is_lost: bool,
    /// The number that was put behind the label it was registered with, after a lost conflict; 1 for none.
    pub(crate) number: u32,
    pub(crate) news: News,
}

/// An address of one of our interfaces.
#[derive(Debug, Clone, Copy)]
pub struct OwnAddress {
    pub(crate) interface: InterfaceId,
    pub(crate) subnet: Subnet,
}

/// A host that answers for the addresses of our interfaces: the number [`add_host`](crate::host::Host::add_host) gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostId {
    pub(crate) claim: u32,
    pub(crate) generation: u32,
}

/// A registered service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// What joins the records of a [`Chain`].
#[derive(Clone, Copy, Debug)]
enum By {
    Name,
    Service,
}

/// Records that lead to one another, each with its number.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'a> {
    records: &'a [Slot<OwnRecord>],
    pub(crate) next: u32,
    by: By,
}

impl<'a> Iterator for Chain<'a> {
    type Item = (u32, &'a OwnRecord);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next;
        let Some(Slot::Taken(record)) = self.records.get(id as usize) else {
            return None;
        };
        self.next = match self.by {
            By::Name => record.after.get(),
            By::Service => record.sibling.get(),
        };
        Some((id, record))
    }
}

/// The records of a claim on an interface.
#[derive(Clone, Debug)]
pub(crate) struct Claimed<'a> {
    chain: Chain<'a>,
    claim: ClaimId,
    interface: InterfaceId,
}

impl<'a> Iterator for Claimed<'a> {
    type Item = (u32, &'a OwnRecord);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (id, record) = self.chain.next()?;
            if record.claim == Some(self.claim) && record.scope.covers(self.interface) {
                return Some((id, record));
            }
        }
    }
}

/// The claims of a service: that of its name, and those of its placeholders.
pub(crate) struct ServiceClaims<'a> {
    main: Option<ClaimId>,
    is_first: bool,
    records: Chain<'a>,
}

impl Iterator for ServiceClaims<'_> {
    type Item = ClaimId;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<ClaimId> {
        if core::mem::take(&mut self.is_first) {
            return self.main;
        }
        loop {
            let (_, record) = self.records.next()?;
            if record.claim.is_some() && record.claim != self.main {
                return record.claim;
            }
        }
    }
}

/// Everything that is ours.
pub(crate) struct Own<S: OwnStorage> {
    names: Names<S::Names, S::NameIndex, S::Text>,
    records: Table<OwnRecord, S::Records>,
    index: Index<S::RecordIndex>,
    claims: Table<Claim, S::Claims>,
    services: Table<ServiceSlot, S::Services>,
    addresses: S::Addresses,
    past: Pasts<S::Past>,
    /// The key of all hashes here.
    key: u64,
    generation: u32,
    records_max: u32,
    packet_max: usize,
    /// How many claims have something to tell, and where to look for the next.
    news: u32,
    news_from: u32,
}

impl<S: OwnStorage> Own<S> {
    pub(crate) const fn new(config: &Config) -> Self {
        Own {
            names: Names::new(Limits {
                names: config.own_records_max,
                text: config.own_text_max,
            }),
            records: Table::new(),
            index: Index::new(),
            claims: Table::new(),
            services: Table::new(),
            addresses: S::Addresses::EMPTY,
            past: Pasts::new(),
            key: 0,
            generation: 0,
            records_max: config.own_records_max,
            packet_max: config.packet_max,
            news: 0,
            news_from: 0,
        }
    }

    pub(crate) fn start(&mut self, key: u64) {
        self.key = key;
        self.names.set_key(key);
    }

    pub(crate) fn name(&self, id: NameId) -> Name<'_> {
        self.names.name(id)
    }

    pub(crate) fn find_name(&self, name: Name<'_>) -> Option<NameId> {
        self.names.find(name)
    }

    pub(crate) fn hold_name(&mut self, id: NameId) {
        self.names.hold(id);
    }

    pub(crate) fn release_name(&mut self, id: NameId) {
        self.names.release(id);
    }

    // --- records ---

    pub(crate) fn get(&self, id: u32) -> Option<&OwnRecord> {
        self.records.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut OwnRecord> {
        self.records.get_mut(id)
    }

    /// One more than the highest number of a record.
    pub(crate) fn records_bound(&self) -> u32 {
        self.records.bound()
    }

    /// One more than the highest number of a claim.
    pub(crate) fn claims_bound(&self) -> u32 {
        self.claims.bound()
    }

    pub(crate) fn records(&self) -> Taken<'_, OwnRecord> {
        self.records.iter()
    }

    /// The records of a name, newest first.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn records_of(&self, name: NameId) -> Chain<'_> {
        self.records_from(self.names.first(name))
    }

    /// The record with this number, and those of its name behind it.
    pub(crate) fn records_from(&self, id: u32) -> Chain<'_> {
        Chain {
            records: self.records.rows(),
            next: id,
            by: By::Name,
        }
    }

    /// The records of a service.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn records_of_service(&self, service: u32) -> Chain<'_> {
        Chain {
            records: self.records.rows(),
            next: self
                .services
                .get(service)
                .map_or(NONE, |service| service.first.get()),
            by: By::Service,
        }
    }

    fn rdata(&self, stored: Stored) -> Rdata<'_> {
        match stored {
            Stored::A(octets) => Rdata::A(octets.into()),
            Stored::Aaaa(octets) => Rdata::Aaaa(octets.into()),
            Stored::Name(RecordType::CNAME, target) => Rdata::Cname(self.names.name(target)),
            Stored::Name(_, target) => Rdata::Ptr(self.names.name(target)),
            Stored::Srv {
                priority,
                weight,
                port,
                target,
            } => Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target: self.names.name(target),
            }),
            Stored::Bytes(rtype, block) => {
                // What was stored was read from the wire form before.
                let bytes = self.names.bytes(block);
                Rdata::from_wire(rtype, bytes).unwrap_or(Rdata::Txt(Txt::EMPTY))
            }
        }
    }

    /// A record as it is sent by multicast. Unique records have the cache-flush bit (RFC 6762 §10.2).
    pub(crate) fn record(&self, record: &OwnRecord) -> Record<'_> {
        Record {
            name: self.names.name(record.name),
            class: Class::IN,
            cache_flush: record.unique,
            ttl: record.ttl,
            rdata: self.rdata(record.stored),
        }
    }

    /// The records of ours with this name and rdata; several only where two interfaces have one address.
    pub(crate) fn find(
        &self,
        name: NameId,
        rdata: &Rdata<'_>,
        is: &dyn Fn(&OwnRecord) -> bool,
    ) -> Option<u32> {
        // What leads to a name that we do not know is not ours.
        let stored = Stored::of(rdata, &mut |target| self.names.find(target).ok_or(Full)).ok()?;
        let opaque = match stored {
            Some(_) => 0,
            None => rdata.hash(self.key),
        };
        let hash = stored
            .unwrap_or(Stored::Bytes(rdata.rtype(), Block::NONE))
            .hash(self.key, name, opaque);
        self.index.find(&self.records, hash, &|record: &OwnRecord| {
            let is_same = match stored {
                Some(stored) => record.stored == stored,
                None => self.rdata(record.stored) == *rdata,
            };
            record.name == name && is_same && is(record)
        })
    }

    /// Whether a record of this name and rdata is ours, on whatever link; or was so lately, and comes from where we are or
    /// were then. From elsewhere it is another's, who may well say today what we said yesterday.
    pub(crate) fn is_ours(
        &self,
        now: Instant,
        name: NameId,
        record: &Record<'_>,
        source: IpAddr,
    ) -> bool {
        self.find(name, &record.rdata, &|_| true).is_some()
            || (self.was_here(now, source) && self.past.contains(now, self.past_hash(record)))
    }

    /// When a record that says the same was last taken back, if that is remembered.
    pub(crate) fn taken_back(&self, id: u32) -> Option<Instant> {
        let record = self.records.get(id)?;
        self.past.since(self.past_hash(&self.record(record)))
    }

    /// Whether an address is one of ours, or was lately.
    fn was_here(&self, now: Instant, address: IpAddr) -> bool {
        self.has_address(address) || self.past.contains(now, self.address_hash(address))
    }

    fn address_hash(&self, address: IpAddr) -> u32 {
        let mut hash = KeyedHash::new(self.key);
        match address {
            IpAddr::V4(address) => hash.bytes(&address.octets()),
            IpAddr::V6(address) => hash.bytes(&address.octets()),
        }
        hash.finish()
    }

    fn past_hash(&self, record: &Record<'_>) -> u32 {
        let mut of_name = KeyedHash::new(self.key);
        of_name.name(record.name);
        of_name.bytes(&record.rdata.rtype().0.to_le_bytes());
        of_name.bytes(&record.rdata.hash(self.key).to_le_bytes());
        of_name.finish()
    }

    /// Notes that a record is about to say something else, or nothing.
    pub(crate) fn remember(&mut self, now: Instant, id: u32) {
        if let Some(record) = self.records.get(id) {
            let hash = self.past_hash(&self.record(record));
            self.past.remember(now, hash);
        }
    }

    fn hash(&self, name: NameId, stored: Stored) -> u32 {
        let opaque = match stored {
            Stored::Bytes(..) => self.rdata(stored).hash(self.key),
            _ => 0,
        };
        stored.hash(self.key, name, opaque)
    }

    fn insert_record(&mut self, mut record: OwnRecord) -> Result<u32, Full> {
        record.hash = short(self.hash(record.name, record.stored));
        let name = record.name;
        record.after = Id::of(self.names.first(name));
        let (after, target) = (record.after, record.stored.target());
        let id = self.records.insert(record, self.records_max)?;
        if let Some(after) = self.records.get_mut(after.get()) {
            after.before = Id::of(id);
        }
        self.names.set_first(name, id);
        self.names.hold(name);
        if let Some(target) = target {
            self.names.hold(target);
        }
        self.index.insert(&self.records, id);
        Ok(id)
    }

    /// Forgets a record. What it said is remembered as past.
    pub(crate) fn remove_record(&mut self, now: Instant, id: u32) {
        self.remember(now, id);
        self.discard_record(id);
    }

    /// Forgets a record that was never said: that of a command which failed.
    pub(super) fn discard_record(&mut self, id: u32) {
        self.index.remove(&self.records, id);
        let Some(record) = self.records.remove(id) else {
            return;
        };
        if let Some(after) = self.records.get_mut(record.after.get()) {
            after.before = record.before;
        }
        match self.records.get_mut(record.before.get()) {
            Some(before) => before.after = record.after,
            None => self.names.set_first(record.name, record.after.get()),
        }
        if let Some(target) = record.stored.target() {
            self.names.release(target);
        }
        if let Stored::Bytes(_, block) = record.stored {
            self.names.remove_bytes(block);
        }
        self.names.release(record.name);
    }

    fn intern(&mut self, name: Name<'_>) -> Result<NameId, Full> {
        let Own { names, records, .. } = self;
        names.intern(name, &mut |record, block| moved(records, record, block))
    }

    fn insert_bytes(&mut self, record: u32, bytes: Source<'_>) -> Result<Block, Full> {
        let Own { names, records, .. } = self;
        names.insert_bytes(record, bytes, &mut |record, block| {
            moved(records, record, block)
        })
    }

    /// Does something that takes back what it did if it fails; then the ids that it used are free again too.
    pub(crate) fn or_undone<T>(
        &mut self,
        add: impl FnOnce(&mut Self) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        let generation = self.generation;
        let added = add(self);
        if added.is_err() {
            self.generation = generation;
        }
        added
    }

    // --- claims ---

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn claim(&self, id: ClaimId) -> Option<&Claim> {
        self.claims.get(id.get())
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.claims
            .iter()
            .map(|(id, claim)| (ClaimId::of(id), claim))
    }

    /// The records of a claim on an interface: what is proposed when its name is probed for (RFC 6762 §8.2).
    pub(crate) fn claimed(&self, claim: ClaimId, interface: InterfaceId) -> Claimed<'_> {
        let name = self.claim(claim).map_or(NameId::NONE, |claim| claim.name);
        Claimed {
            chain: self.records_of(name),
            claim,
            interface,
        }
    }

    /// Whose name this is, if it is claimed.
    pub(crate) fn claim_of(&self, name: NameId) -> Option<ClaimId> {
        let tag = self.names.tag(name);
        (tag != NONE).then_some(ClaimId::of(tag))
    }

    fn add_claim(&mut self, name: Name<'_>, holder: Holder) -> Result<ClaimId, Full> {
        let name = self.intern(name)?;
        self.generation = self.generation.wrapping_add(1);
        let claim = Claim {
            name,
            holder,
            generation: self.generation,
            told: false,
            is_lost: false,
            number: 1,
            news: News::None,
        };
        match self.claims.insert(claim, self.records_max) {
            Ok(id) => {
                self.names.set_tag(name, id);
                Ok(ClaimId::of(id))
            }
            Err(full) => {
                self.names.release(name);
                Err(full)
            }
        }
    }

    /// Gives a claim up. Its records go on by themselves until they have said goodbye.
    pub(crate) fn drop_claim(&mut self, id: ClaimId) {
        self.set_news(id, News::None);
        let Some(claim) = self.claims.remove(id.get()) else {
            return;
        };
        self.names.set_tag(claim.name, NONE);
        self.names.release(claim.name);
    }

    /// The claim that stands for the whole: of a placeholder, that of its service; of any other, itself.
    pub(crate) fn leader(&self, id: ClaimId) -> ClaimId {
        match self.claims.get(id.get()).map(|claim| claim.holder) {
            Some(Holder::Placeholder(service)) => self
                .services
                .get(service.get())
                .map_or(id, |slot| slot.claim),
            _ => id,
        }
    }

    /// A lost conflict: the claim takes the next number, and every record that has the name in it follows (RFC 6762 §9), as do
    /// the placeholders of a service (RFC 6763 §8).
    ///
    /// The old name stays only if there is no memory for a longer one; then the next conflict tries again. Says whether there was.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn rename(&mut self, now: Instant, id: ClaimId, chance: &mut Chance) -> bool {
        let Some(claim) = self.claims.get(id.get()) else {
            return true;
        };
        let mut number = claim.number;
        let (name, spelling, service) = match claim.holder {
            Holder::Host => (claim.name, Spelling::Host, None),
            Holder::Service(service) => (claim.name, Spelling::Instance, Some(service.get())),
            // Such names mean what they are, or what they belong to: no other would do.
            Holder::Address | Holder::Records | Holder::Placeholder(_) => return true,
        };
        // Late copies of our own probes and announcements name what we were.
        for record in 0..self.records.bound() {
            let Some(found) = self.records.get(record) else {
                continue;
            };
            let is_held = service.is_some() && self.holds_place(found) == service;
            if found.name == name || found.stored.target() == Some(name) || is_held {
                self.remember(now, record);
            }
        }
        let mut base = spelling::Label::new();
        let text = self.names.name(name).first_label();
        if let Some(text) = text.and_then(|bytes| core::str::from_utf8(bytes).ok()) {
            // Claimed names were made from text of at most a label.
            let _always_fits = base.push_str(spelling.base(text, number));
        }
        // A number that another name of ours has is passed over.
        for _ in 0..100 {
            number = spelling::next_number(number, chance, id.get());
            let label = spelling.spell(&base, number);
            match self.relabel(name, &label, Relabel::Try) {
                Ok(()) => {}
                Err(RelabelError::Taken) => continue,
                Err(RelabelError::Full) => return false,
            }
            if let Some(service) = service
                && self.rename_placeholders(service, &label).is_err()
            {
                continue;
            }
            let is_renamed = self.relabel(name, &label, Relabel::Do).is_ok();
            if is_renamed {
                self.set_news(id, News::Renamed);
                if let Some(claim) = self.claims.get_mut(id.get()) {
                    (claim.told, claim.number) = (false, number);
                }
            }
            return is_renamed;
        }
        false
    }

    /// The service for which a record holds a place.
    fn holds_place(&self, record: &OwnRecord) -> Option<u32> {
        match self.claims.get(record.claim?.0.get())?.holder {
            Holder::Placeholder(service) => Some(service.get()),
            _ => None,
        }
    }

    /// Gives the placeholders of a service another label, if all of them can have it.
    fn rename_placeholders(&mut self, service: u32, label: &str) -> Result<(), RelabelError> {
        for relabel in [Relabel::Try, Relabel::Do] {
            let mut next = self
                .services
                .get(service)
                .map_or(NONE, |slot| slot.first.get());
            while let Some(record) = self.records.get(next) {
                next = record.sibling.get();
                let name = record.name;
                if self.holds_place(record).is_some() {
                    self.relabel(name, label, relabel)?;
                }
            }
        }
        Ok(())
    }

    /// Gives a name another first label, or tells whether it could have it: what is long stands on the stack here alone.
    #[cfg_attr(target_os = "none", inline(never))]
    fn relabel(&mut self, name: NameId, label: &str, relabel: Relabel) -> Result<(), RelabelError> {
        let mut new = NameBuf::new();
        let parent = self.names.name(name).parent().unwrap_or(Name::ROOT);
        new.push_label(label.as_bytes())
            .and_then(|()| new.push_name(parent))
            .map_err(|_| RelabelError::Full)?;
        let Own { names, records, .. } = self;
        match relabel {
            Relabel::Try if names.find(new.as_name()).is_some() => Err(RelabelError::Taken),
            Relabel::Try => Ok(()),
            Relabel::Do => names
                .rename(name, new.as_name(), &mut |record, block| {
                    moved(records, record, block);
                })
                .map_err(|Full| RelabelError::Full),
        }
    }

    // --- news ---

    pub(crate) fn set_news(&mut self, id: ClaimId, news: News) {
        let Some(claim) = self.claims.get_mut(id.get()) else {
            return;
        };
        match (claim.news, news) {
            (News::None, News::None) => {}
            (News::None, _) => self.news += 1,
            (_, News::None) => self.news -= 1,
            // A name won after a rename: the application learns the final one.
            _ => {}
        }
        claim.news = news;
    }

    pub(crate) fn has_news(&self) -> bool {
        self.news > 0
    }

    /// A claim with something to tell, which is thereby told.
    pub(crate) fn take_news(&mut self) -> Option<(ClaimId, News)> {
        if self.news == 0 {
            return None;
        }
        // From where the last one was found, once around: many claims that are told together are walked once.
        let bound = self.claims.bound();
        let (from, to) = (self.news_from.min(bound), bound);
        let (id, news) = (from..to).chain(0..from).find_map(|id| {
            let news = self.claims.get(id)?.news;
            (news != News::None).then_some((ClaimId::of(id), news))
        })?;
        self.news_from = id.get();
        self.set_news(id, News::None);
        if let Some(claim) = self.claims.get_mut(id.get()) {
            claim.told |= news == News::Registered;
            claim.is_lost &= news != News::Registered;
        }
        Some((id, news))
    }

    /// A name that has no successor is lost: told once, until it is won again.
    pub(crate) fn set_lost(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.get_mut(id.get()) else {
            return;
        };
        claim.told = false;
        let news = if core::mem::replace(&mut claim.is_lost, true) {
            News::None
        } else {
            News::Lost
        };
        self.set_news(id, news);
    }

    // --- addresses ---

    pub(crate) fn addresses(&self, interface: InterfaceId) -> impl Iterator<Item = Subnet> {
        self.addresses
            .iter()
            .filter(move |own| own.interface == interface)
            .map(|own| own.subnet)
    }

    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|own| own.subnet.address == address)
    }

    /// Sets the network around an address that is ours already. `false` if it is not.
    pub(crate) fn set_prefix(&mut self, interface: InterfaceId, subnet: Subnet) -> bool {
        let mut all = self.addresses.iter_mut();
        let found =
            all.find(|own| own.interface == interface && own.subnet.address == subnet.address);
        match found {
            Some(own) => {
                own.subnet = subnet;
                true
            }
            None => false,
        }
    }

    pub(crate) fn add_address(
        &mut self,
        interface: InterfaceId,
        subnet: Subnet,
    ) -> Result<(), Full> {
        self.addresses
            .push(OwnAddress { interface, subnet })
            .map_err(|_| Full)
    }

    pub(crate) fn remove_address(&mut self, now: Instant, interface: InterfaceId, address: IpAddr) {
        let hash = self.address_hash(address);
        self.past.remember(now, hash);
        let found = self
            .addresses
            .iter()
            .position(|own| own.interface == interface && own.subnet.address == address);
        if let (Some(at), Some(last)) = (found, self.addresses.len().checked_sub(1)) {
            self.addresses.swap(at, last);
            self.addresses.truncate(last);
        }
    }
}

/// A record's bytes have moved.
fn moved<R: Slots<Slot<OwnRecord>>>(records: &mut Table<OwnRecord, R>, record: u32, to: Block) {
    if let Some(OwnRecord {
        stored: Stored::Bytes(_, block),
        ..
    }) = records.get_mut(record)
    {
        *block = to;
    }
}

/// What to do about another label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relabel {
    Try,
    Do,
}

/// Why a name cannot have a label.
enum RelabelError {
    /// Another name of ours is the same then.
    Taken,
    /// The whole is too long, or there is no memory for it.
    Full,
}
