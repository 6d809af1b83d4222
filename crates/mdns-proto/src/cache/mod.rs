//! What was heard on one link: inserted, flushed, refreshed, expired, evicted (RFC 6762 §10).
//!
//! A record is found two ways: by a chain for each name, which is how a set of records is walked, and by a hash of name,
//! type and rdata, which is how a record that comes again is known. Records that someone
//! would miss and records that nobody would wait in two heaps: the first of the second is the one to forget when room is
//! needed.

mod record;
#[cfg(test)]
mod tests;

use core::{cmp::Reverse, net::IpAddr, time::Duration};

use crate::{
    config::Config,
    discovery::{AskStorage, NamesOf},
    name::{KeyedHash, Name},
    store::{
        Block, ChainsByName, Due, Full, Id, Index, Lookup, NONE, NameChains, NameId, Owner, Slot,
        Slots, Table, Text, short,
    },
    time::Instant,
    wire::{Nsec, Rdata, Record, RecordType, Srv, Txt, TypeSet, Types},
};

pub use record::HeardRecord;
use record::{Data, LATEST, Set, Term};
pub(crate) use record::{Life, Worth};

/// The seconds that are left to a record that was withdrawn or replaced (§10.1, §10.2).
const LAST_SECS: u32 = 1;

/// The seconds in which a record that is in doubt is to be heard again (§10.4, §10.5).
const DOUBT_SECS: u32 = 10;

/// Records heard this long before a cache-flush yield to it. §10.2 says one second, which is also how far apart a responder
/// multicasts what has changed: the second packet may come a little less than that after the first.
const OLD: Duration = Duration::from_millis(950);

/// How many records of a name are looked at for each record of a packet, beside those that one name may have.
const COMPARED_EACH: usize = 4;

/// How many records are looked at for one that may yield to one that is kept.
const SHOWN_MAX: usize = 64;

/// The rows that hold what was heard on one link.
///
/// Rows of `u32` find or order what is in another row. They have room for as many ids as that one has slots, or for none
/// ([`NoRow`](crate::store::NoRow)): then it is looked through, which is as good while it is short.
pub trait HeardStorage {
    /// The first record and the first question of each name, as many as there are
    /// [`Names`](crate::discovery::AskStorage::Names).
    type Names: Slots<NameChains>;
    /// The bytes of such rdata as has no fixed size and is no name. No record takes more than half of it.
    type Text: Slots<u8>;
    /// Records.
    type Records: Slots<Slot<HeardRecord>>;
    /// Finds `Records`.
    type RecordIndex: Slots<u32>;
    /// Orders `Records` by time.
    type Due: Slots<u32>;
    /// Questions that are asked on the link.
    type Questions: Slots<Slot<crate::querier::QuestionSlot>>;
    /// Orders `Questions` by time.
    type QuestionDue: Slots<u32>;
}

/// What a record is about, as far as others want to know when it comes or goes: its name, its type, and where a PTR leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: NameId,
    pub(crate) rtype: RecordType,
    pub(crate) pointer: Option<NameId>,
}

/// Who hears of each record that is no more, or will not be for long.
pub(crate) type Gone<'g> = &'g mut dyn FnMut(Subject);

/// For whom room may be made, and who hears of what had to go.
pub(crate) struct Room<'g> {
    /// Of the newcomer.
    pub(crate) worth: Worth,
    pub(crate) gone: Gone<'g>,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From another on the link. Its refreshes are late by this much of what they may be.
    Heard(u16),
    /// From another, in answer to a one-shot question (§6.7).
    OneShot,
    /// From ourselves.
    Own,
}

/// What became of a record that was told to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It was not there before.
    New(u32),
    /// It was about to end, or a newer one had taken its place.
    Rescued(u32),
    /// It was there before.
    Again(u32),
}

/// Records of one name and type.
pub(crate) struct OfType<'a> {
    records: &'a [Slot<HeardRecord>],
    next: u32,
    /// How many more are looked at.
    left: usize,
    rtype: RecordType,
}

impl<'a> Iterator for OfType<'a> {
    type Item = (u32, &'a HeardRecord);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let id = self.next;
            let Some(Slot::Taken(record)) = self.records.get(id as usize) else {
                return None;
            };
            self.next = record.after.get();
            if self.rtype == RecordType::ANY || record.rtype == self.rtype {
                return Some((id, record));
            }
        }
    }
}

/// What was heard on one link.
pub(crate) struct Cache<H: HeardStorage> {
    /// The first record of each name, and the first question about it.
    chains: ChainsByName<H::Names>,
    text: Text<H::Text>,
    records: Table<HeardRecord, H::Records>,
    index: Index<H::RecordIndex>,
    /// Those that someone would miss.
    awaited: Due<H::Due>,
    /// Those that nobody would.
    idle: Due<H::Due>,
    key: u64,
    records_max: u32,
    text_max: usize,
    /// Records of one name looked at where a stranger could make us look at many.
    walk_max: usize,
    /// How many more records the packet that is being read may make us look at to compare what it says with the rest of an RRset.
    compared_left: usize,
    /// The name and type that a record with cache-flush was last heard of, and when. The rest of its RRset comes with it, and need
    /// not look at all that is known once more.
    flushed: Option<(NameId, RecordType, Instant)>,
    ttl_secs_max: u32,
    /// A place in the chain of some name, for a reader that comes back; `NONE` at its end.
    cursor: u32,
    evicted: u32,
}

impl<H: HeardStorage> Cache<H> {
    pub(crate) const fn new(config: &Config, key: u64) -> Self {
        let text_max = match config.heard_text_max {
            max if max < H::Text::CAPACITY => max,
            _ => H::Text::CAPACITY,
        };
        let ttl_secs_max = config.ttl_max.as_secs();
        Cache {
            chains: ChainsByName::new(),
            text: Text::new(),
            records: Table::new(),
            index: Index::new(),
            awaited: Due::new(),
            idle: Due::new(),
            key,
            records_max: config.heard_records_max,
            text_max,
            walk_max: config.name_records_max,
            compared_left: config.name_records_max,
            flushed: None,
            ttl_secs_max: if ttl_secs_max < u32::MAX as u64 {
                ttl_secs_max as u32
            } else {
                u32::MAX
            },
            cursor: NONE,
            evicted: 0,
        }
    }

    // Reading.

    pub(crate) fn get(&self, id: u32) -> Option<&HeardRecord> {
        self.records.get(id)
    }

    /// The first record of a name, `NONE` if it has none.
    pub(crate) fn first(&self, name: NameId) -> u32 {
        self.chains.first(name)
    }

    /// The records of a name of one type (any, for ANY), the newest first, and as many as a stranger may make us look at.
    pub(crate) fn of_type(&self, name: NameId, rtype: RecordType) -> OfType<'_> {
        OfType {
            records: self.records.rows(),
            next: self.first(name),
            left: self.walk_max,
            rtype,
        }
    }

    /// Whether the owner of the name has said that it has no such records (§6.1).
    pub(crate) fn denies(&self, name: NameId, rtype: RecordType) -> bool {
        self.is_denied_by(name, rtype, |_| true)
    }

    /// Whether it has said so to all, and not only in answer to a one-shot question.
    pub(crate) fn denies_in_full(&self, name: NameId, rtype: RecordType) -> bool {
        self.is_denied_by(name, rtype, |record| !record.is_one_shot())
    }

    fn is_denied_by(
        &self,
        name: NameId,
        rtype: RecordType,
        counts: impl Fn(&HeardRecord) -> bool,
    ) -> bool {
        // The types of §6.1 are those below 256.
        rtype.0 < 256
            && self.newest_nsec(name, counts).is_some_and(
                // Where there is an alias, that is the answer, and perhaps still to be heard.
                |id| {
                    self.types(id).is_some_and(|types| {
                        !types.contains(rtype) && !types.contains(RecordType::CNAME)
                    })
                },
            )
            && self.of_type(name, rtype).next().is_none()
    }

    /// The newest NSEC of a name: an older one that nothing has flushed says what was so before (§10.2).
    fn newest_nsec(&self, name: NameId, counts: impl Fn(&HeardRecord) -> bool) -> Option<u32> {
        self.of_type(name, RecordType::NSEC)
            .filter(|(_, record)| record.life() != Life::CutShort && counts(record))
            .min_by_key(|(_, record)| Reverse((record.life() != Life::Doubted, record.heard())))
            .map(|(id, _)| id)
    }

    /// The types that an NSEC record says its name has.
    fn types(&self, id: u32) -> Option<Types<'_>> {
        match self.records.get(id)?.data {
            Data::Bytes(block) => Types::from_wire(self.text.bytes(block)),
            _ => None,
        }
    }

    /// What a record says.
    pub(crate) fn rdata<'a, A: AskStorage>(
        &'a self,
        names: &'a NamesOf<A>,
        record: &HeardRecord,
    ) -> Rdata<'a> {
        let rtype = record.rtype;
        match record.data {
            Data::V4(octets) => Rdata::A(octets.into()),
            Data::Name(name) if rtype == RecordType::CNAME => Rdata::Cname(names.name(name)),
            Data::Name(name) => Rdata::Ptr(names.name(name)),
            Data::Srv {
                target,
                priority,
                weight,
                port,
            } => Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target: names.name(target),
            }),
            Data::Bytes(block) if rtype == RecordType::NSEC => {
                let bytes = self.text.bytes(block);
                Types::from_wire(bytes).map_or(Rdata::Other(rtype, bytes), |types| {
                    let next = names.name(record.name);
                    Rdata::Nsec(Nsec { next, types })
                })
            }
            Data::Bytes(block) => self.rdata_of(rtype, block),
            Data::Dropped if rtype == RecordType::TXT => Rdata::Txt(Txt::EMPTY),
            Data::Dropped => Rdata::Other(rtype, &[]),
        }
    }

    /// Rdata that is kept as bytes.
    fn rdata_of(&self, rtype: RecordType, block: Block) -> Rdata<'_> {
        let bytes = self.text.bytes(block);
        Rdata::from_wire(rtype, bytes).unwrap_or(Rdata::Other(rtype, bytes))
    }

    /// The address that a record says, if it says one.
    pub(crate) fn address(&self, record: &HeardRecord) -> Option<IpAddr> {
        match record.data {
            Data::V4(octets) => Some(IpAddr::from(octets)),
            Data::Bytes(block) if record.rtype == RecordType::AAAA => {
                let octets = <[u8; 16]>::try_from(self.text.bytes(block)).ok()?;
                Some(IpAddr::from(octets))
            }
            _ => None,
        }
    }

    /// The attributes that a record says, if it says some.
    pub(crate) fn txt(&self, record: &HeardRecord) -> Option<Txt<'_>> {
        match record.data {
            _ if record.rtype != RecordType::TXT => None,
            Data::Bytes(block) => match self.rdata_of(record.rtype, block) {
                Rdata::Txt(txt) => Some(txt),
                _ => None,
            },
            _ => Some(Txt::EMPTY),
        }
    }

    /// The record that says this, if it is there.
    pub(crate) fn find<A: AskStorage>(
        &self,
        names: &NamesOf<A>,
        name: NameId,
        rdata: &Rdata<'_>,
    ) -> Option<u32> {
        let target = match target_of(rdata) {
            Some(target) => Some(names.find(target)?),
            None => None,
        };
        self.find_kept(name, rdata, target)
    }

    /// The pointer from one name to another, if it is there.
    pub(crate) fn find_pointer(&self, from: NameId, to: NameId) -> Option<u32> {
        let hash = self.hash(from, RecordType::PTR, Known::Data(Data::Name(to)));
        self.index
            .find(&self.records, hash, &|record: &HeardRecord| {
                record.name == from
                    && record.rtype == RecordType::PTR
                    && record.data == Data::Name(to)
            })
    }

    /// The same of rdata whose target, if it has one, is this.
    fn find_kept(&self, name: NameId, rdata: &Rdata<'_>, target: Option<NameId>) -> Option<u32> {
        let rtype = rdata.rtype();
        let known = Known::of(rdata, target);
        let hash = self.hash(name, rtype, known);
        self.index
            .find(&self.records, hash, &|record: &HeardRecord| {
                record.name == name
                    && record.rtype == rtype
                    && match (known, record.data) {
                        (Known::Data(data), kept) => data == kept,
                        (_, Data::Dropped) => true,
                        (Known::Types(types), Data::Bytes(block)) => {
                            types.as_wire() == self.text.bytes(block)
                        }
                        (Known::Rdata(rdata), Data::Bytes(block)) => {
                            self.rdata_of(rtype, block) == *rdata
                        }
                        _ => false,
                    }
            })
    }

    /// A number of what a record says, the same for equal records.
    fn hash(&self, name: NameId, rtype: RecordType, known: Known<'_>) -> u32 {
        let mut hash = KeyedHash::new(self.key);
        hash.word(u64::from(name.get()) << 16 | u64::from(rtype.0));
        match known {
            Known::Data(Data::V4(octets)) => hash.word(u32::from_le_bytes(octets).into()),
            Known::Data(Data::Name(target)) => hash.word(target.get().into()),
            Known::Data(Data::Srv {
                target,
                priority,
                weight,
                port,
            }) => {
                let numbers = [priority, weight, port].map(u64::from);
                let word = numbers.iter().fold(0, |word, number| word << 16 | number);
                hash.word(word);
                hash.word(target.get().into());
            }
            Known::Data(Data::Bytes(_) | Data::Dropped) => {}
            Known::Types(types) => hash.bytes(types.as_wire()),
            Known::Rdata(rdata) => hash.word(rdata.hash(self.key).into()),
        }
        hash.finish()
    }

    /// What a record is about.
    pub(crate) fn subject(record: &HeardRecord) -> Subject {
        Subject {
            name: record.name,
            rtype: record.rtype,
            pointer: match record.data {
                Data::Name(target) if record.rtype == RecordType::PTR => Some(target),
                _ => None,
            },
        }
    }

    /// Whether any record is kept.
    pub(crate) fn keeps_any(&self) -> bool {
        self.records.len() > 0
    }

    /// Whether nothing at all is kept, not a byte.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.records.len() == 0 && self.text.used() == 0
    }

    /// Where the reader of a chain stands; what is removed is passed over.
    pub(crate) fn cursor(&self) -> u32 {
        self.cursor
    }

    pub(crate) fn set_cursor(&mut self, record: u32) {
        self.cursor = record;
    }

    /// How many records of one name are looked at where a stranger could make us look at many.
    pub(crate) fn walk_max(&self) -> usize {
        self.walk_max
    }

    /// Records forgotten before their time.
    pub(crate) fn evicted(&self) -> u32 {
        self.evicted
    }

    // Changing.

    /// A packet of so many records is read next. What it says of unique RRsets is compared with so much of what is known of them as
    /// one name may have and, for each of its records, a few more: a packet that names many large RRsets costs no more than one
    /// that names one. What is left over is flushed by the next packet that names it.
    pub(crate) fn begin_packet(&mut self, records: usize) {
        self.compared_left = self
            .walk_max
            .saturating_add(records.saturating_mul(COMPARED_EACH));
        self.flushed = None;
    }

    /// Takes in a record, or its return. If there is no room, some is made from what is worth less.
    pub(crate) fn insert<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        (record, name): (&Record<'_>, &mut Lookup<'_>),
        origin: Origin,
        room: &mut Room<'_>,
    ) -> Result<Inserted, Full> {
        let (jitter, life) = match origin {
            Origin::Heard(jitter) => (jitter, Life::Whole),
            Origin::OneShot => (0, Life::Whole),
            Origin::Own => (0, Life::Own),
        };
        let set = match origin {
            Origin::OneShot => Set::OneShot,
            Origin::Heard(_) | Origin::Own if record.cache_flush => Set::Unique,
            Origin::Heard(_) | Origin::Own => Set::Shared,
        };
        let term = Term {
            heard: now,
            ttl_secs: record.ttl.0.min(self.ttl_secs_max),
            jitter,
            life,
            set,
        };
        let mut target = target_of(&record.rdata).map(|target| names.look_up(target));
        let found = match (name.id, target.map(|target| target.id)) {
            (Some(name), None) => self.find_kept(name, &record.rdata, None),
            (Some(name), Some(Some(target))) => self.find_kept(name, &record.rdata, Some(target)),
            _ => None,
        };
        let Some(id) = found else {
            // What has to go for it is forgotten from here, where there is no half-made record, and little on the stack.
            loop {
                match self.add::<A>(names, &record.rdata, (*name, target), term) {
                    Ok(id) => {
                        self.settle(id);
                        return Ok(Inserted::New(id));
                    }
                    Err(Full) => self.evict::<A>(names, room)?,
                }
                names.look_again(name);
                if let Some(target) = &mut target {
                    names.look_again(target);
                }
            }
        };
        let is_replaced = self.is_replaced(id);
        let Some(kept) = self.records.get_mut(id) else {
            return Err(Full);
        };
        let before = kept.life();
        // What is ours is ours, whoever repeats it; and what all were told is not known better for one who was.
        let is_known_better = match origin {
            Origin::Heard(_) => before == Life::Own,
            Origin::OneShot => before == Life::Own || before == Life::Whole,
            Origin::Own => false,
        };
        if !is_known_better {
            kept.renew(term);
            self.settle(id);
            self.move_to_front(id);
        }
        Ok(if before == Life::CutShort || is_replaced {
            Inserted::Rescued(id)
        } else {
            Inserted::Again(id)
        })
    }

    /// Whether another record of the name and type was heard after this one, where only the newest counts. Where more would have to
    /// be looked at than the packet may make us look at, it is as if there were one.
    fn is_replaced(&mut self, id: u32) -> bool {
        let Some(kept) = self.get(id) else {
            return false;
        };
        if !matches!(
            kept.rtype,
            RecordType::SRV | RecordType::TXT | RecordType::NSEC | RecordType::CNAME
        ) {
            return false;
        }
        let (rtype, heard, mut other) = (kept.rtype, kept.heard(), self.first(kept.name));
        for _ in 0..self.walk_max {
            let Some(record) = self.get(other) else {
                return false;
            };
            if record.rtype == rtype && record.heard() > heard {
                return true;
            }
            other = record.after.get();
            let Some(left) = self.compared_left.checked_sub(1) else {
                return true;
            };
            self.compared_left = left;
        }
        false
    }

    /// Puts a record at the front of the chain of its name: who looks at only so many looks at those heard last.
    fn move_to_front(&mut self, id: u32) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        let (name, first) = (record.name, self.chains.first(record.name));
        if first == id {
            return;
        }
        self.unchain(id);
        if let Some(record) = self.records.get_mut(id) {
            record.before = Id::NONE;
            record.after = Id::of(first);
        }
        if let Some(record) = self.records.get_mut(first) {
            record.before = Id::of(id);
        }
        self.chains.set_first(name, id);
    }

    /// Takes a record out of the chain of its name. Who reads the chain and stands there goes on behind it.
    fn unchain(&mut self, id: u32) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        let (name, before, after) = (record.name, record.before, record.after);
        match self.records.get_mut(before.get()) {
            Some(record) => record.after = after,
            None => self.chains.set_first(name, after.get()),
        }
        if let Some(record) = self.records.get_mut(after.get()) {
            record.before = before;
        }
        if self.cursor == id {
            self.cursor = after.get();
        }
    }

    /// Keeps a record, if there is room for all of it.
    #[cfg_attr(target_os = "none", inline(never))]
    fn add<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        rdata: &Rdata<'_>,
        (name, target): (Lookup<'_>, Option<Lookup<'_>>),
        term: Term,
    ) -> Result<u32, Full> {
        let name = names.keep(name)?;
        let kept = match target {
            None => self.keep(rdata, None),
            // It may be the name itself, which is there now.
            Some(target) => names.intern_looked_up(target).and_then(|target| {
                self.keep(rdata, Some(target))
                    .inspect_err(|Full| names.release(target))
            }),
        };
        let data = kept.inspect_err(|Full| names.release(name))?;
        let target = target_of(rdata).and(data.target());
        let hash = short(self.hash(name, rdata.rtype(), Known::of(rdata, target)));
        let mut row = HeardRecord::new(name, hash, rdata.rtype(), term);
        let next = self.chains.first(name);
        row.data = data;
        row.after = Id::of(next);
        let Ok(id) = self.records.insert(row, self.records_max) else {
            self.release_data::<A>(names, data);
            names.release(name);
            return Err(Full);
        };
        if let Data::Bytes(block) = data {
            self.text.set_owner(block, Owner(id));
        }
        if let Some(after) = self.records.get_mut(next) {
            after.before = Id::of(id);
        }
        self.chains.set_first(name, id);
        self.index.insert(&self.records, id);
        Ok(id)
    }

    /// Keeps what a record says, under a number that no record has yet; or leaves it dropped if it would take more than half of the
    /// text row.
    #[cfg_attr(target_os = "none", inline(never))]
    fn keep(&mut self, rdata: &Rdata<'_>, target: Option<NameId>) -> Result<Data, Full> {
        let known = Known::of(rdata, target);
        let len = match known {
            Known::Data(data) => return Ok(data),
            Known::Types(types) => types.as_wire().len(),
            Known::Rdata(rdata) => rdata.wire_len(),
        };
        if len > self.text_max / 2 {
            return Ok(Data::Dropped);
        }
        let Cache { records, text, .. } = self;
        let block = text.begin(NO_RECORD, len, self.text_max, &mut |Owner(id), block| {
            if let Some(record) = records.get_mut(id) {
                record.data = Data::Bytes(block);
            }
        })?;
        match known {
            Known::Types(types) => text.extend(block, types.as_wire())?,
            _ => rdata.try_each_part(|part| text.extend(block, part))?,
        }
        Ok(Data::Bytes(block))
    }

    /// The first question about a name.
    pub(crate) fn question(&self, name: NameId) -> u32 {
        self.chains.second(name)
    }

    pub(crate) fn set_question(&mut self, name: NameId, question: u32) {
        self.chains.set_second(name, question);
    }

    /// Forgets the record that would end first of those that nobody would miss; if there are none and the newcomer is to
    /// be kept, of some that are only shown.
    pub(crate) fn evict<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        room: &mut Room<'_>,
    ) -> Result<(), Full> {
        let idle = self.idle.least(&self.records, &is_idle).map(|(_, id)| id);
        let shown = || {
            self.awaited
                .some(&self.records, SHOWN_MAX)
                .filter(|(_, record)| record.worth() == Worth::Shown)
                .min_by_key(|(_, record)| record.expires())
                .map(|(id, _)| id)
        };
        let id = match room.worth {
            Worth::Kept => idle.or_else(shown),
            Worth::Idle | Worth::Shown => idle,
        };
        self.remove::<A>(names, id.ok_or(Full)?, room.gone);
        self.evicted = self.evicted.saturating_add(1);
        Ok(())
    }

    /// The first record of our own from `from` on.
    pub(crate) fn next_own(&self, from: u32) -> Option<u32> {
        (from..self.records.bound())
            .find(|&id| self.get(id).is_some_and(|kept| kept.life() == Life::Own))
    }

    /// Forgets a record now.
    pub(crate) fn remove<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        id: u32,
        gone: Gone<'_>,
    ) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        self.flushed = None;
        let (name, data) = (record.name, record.data);
        gone(Self::subject(record));
        if record.worth() > Worth::Idle {
            self.awaited.forget(&self.records, id);
        } else {
            self.idle.forget(&self.records, id);
        }
        self.unchain(id);
        self.index.remove(&self.records, id);
        self.records.vacate(id);
        self.release_data::<A>(names, data);
        names.release(name);
    }

    fn release_data<A: AskStorage>(&mut self, names: &mut NamesOf<A>, data: Data) {
        match data {
            Data::Name(target) | Data::Srv { target, .. } => names.release(target),
            Data::Bytes(block) => self.text.remove(block),
            Data::V4(_) | Data::Dropped => {}
        }
    }

    /// Puts a record where it belongs among those that wait.
    fn settle(&mut self, id: u32) {
        match self.records.get(id) {
            Some(record) if record.worth() > Worth::Idle => self.awaited.settle(&self.records, id),
            _ => self.idle.settle(&self.records, id),
        }
    }

    /// Says who would miss a record: whether it is refreshed, and spared when room is needed.
    pub(crate) fn set_worth(&mut self, now: Instant, id: u32, worth: Worth) {
        let Some(record) = self
            .records
            .get(id)
            .filter(|record| record.worth() != worth)
        else {
            return;
        };
        // It may belong in the other heap.
        if record.worth() > Worth::Idle {
            self.awaited.forget(&self.records, id);
        } else {
            self.idle.forget(&self.records, id);
        }
        if let Some(record) = self.records.get_mut(id) {
            record.set_worth(now, worth);
        }
        self.settle(id);
    }

    /// Takes note that a record is asked for again.
    pub(crate) fn refreshed(&mut self, now: Instant, id: u32) {
        if let Some(record) = self.records.get_mut(id) {
            record.skip_refreshes(now);
        }
        self.settle(id);
    }

    /// Lets a record end in `secs`, unless it ends sooner.
    fn cut(&mut self, now: Instant, id: u32, secs: u32) {
        if let Some(record) = self.records.get_mut(id) {
            record.cut(now, secs);
        }
        self.settle(id);
    }

    /// A goodbye of a record that is there: it ends in a second, if it is not heard again (§10.1). Our own ends at once.
    pub(crate) fn withdraw<A: AskStorage>(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        id: u32,
        origin: Origin,
        gone: Gone<'_>,
    ) {
        let Some(record) = self.get(id) else { return };
        match (origin, record.life() == Life::Own) {
            (Origin::Own, _) => self.remove::<A>(names, id, gone),
            (Origin::Heard(_), false) => {
                gone(Self::subject(record));
                self.cut(now, id, LAST_SECS);
            }
            (Origin::Heard(_), true) | (Origin::OneShot, _) => {}
        }
    }

    /// A record came with cache-flush: others of its name and type that were heard more than a second ago end in a
    /// second (§10.2).
    pub(crate) fn flush(&mut self, now: Instant, id: u32, origin: Origin, gone: Gone<'_>) {
        let Some(record) = self.get(id) else { return };
        let (name, rtype) = (record.name, record.rtype);
        if origin != Origin::Own
            && self.flushed.replace((name, rtype, now)) == Some((name, rtype, now))
        {
            return;
        }
        let mut other = self.first(name);
        for _ in 0..self.walk_max.min(self.compared_left) {
            let Some(record) = self.get(other) else {
                return;
            };
            let next = record.after;
            let is_old = now.since(record.heard()) >= OLD;
            let yields = record.life() != Life::Own || origin == Origin::Own;
            if other != id && record.rtype == rtype && is_old && yields {
                gone(Self::subject(record));
                self.cut(now, other, LAST_SECS);
            }
            self.compared_left = self.compared_left.saturating_sub(1);
            other = next.get();
        }
    }

    /// A record is in doubt: it ends in ten seconds, if it is not heard again (§10.4).
    pub(crate) fn doubt(&mut self, now: Instant, id: u32) {
        if let Some(record) = self.records.get_mut(id) {
            record.doubt(now, DOUBT_SECS);
        }
        self.settle(id);
    }

    /// So are all of a name and type.
    pub(crate) fn doubt_all_of(&mut self, now: Instant, name: NameId, rtype: RecordType) {
        let mut next = self.first(name);
        for _ in 0..self.walk_max {
            let Some(record) = self.get(next) else {
                return;
            };
            let id = core::mem::replace(&mut next, record.after.get());
            if record.rtype == rtype {
                self.doubt(now, id);
            }
        }
    }

    /// Another asks for a record. Whether that has happened before, and nothing was said since (§10.5).
    pub(crate) fn note_missed(&mut self, now: Instant, id: u32) -> bool {
        self.records
            .get_mut(id)
            .is_some_and(|record| record.note_missed(now))
    }

    /// Says of a record whether the query that is being read lists it as known.
    pub(crate) fn set_listed(&mut self, id: u32, is_listed: bool) {
        if let Some(kept) = self.records.get_mut(id) {
            kept.set_listed(is_listed);
        }
    }

    /// All that was heard is from before a sleep: what is not heard again ends in ten seconds (§10.3).
    pub(crate) fn age(&mut self, now: Instant) {
        for id in 0..self.records.bound() {
            if self
                .get(id)
                .is_some_and(|record| record.life() != Life::Own)
            {
                self.cut(now, id, DOUBT_SECS);
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear<A: AskStorage>(&mut self, names: &mut NamesOf<A>, gone: Gone<'_>) {
        for id in 0..self.records.bound() {
            self.remove::<A>(names, id, gone);
        }
    }

    /// A record for which something is to be done by now: it has expired, or is to be asked for again.
    pub(crate) fn due(&self, now: Instant) -> Option<u32> {
        let by = |&(due, _): &(Instant, u32)| due <= now;
        let awaited = self.awaited.least(&self.records, &|slot| !is_idle(slot));
        let idle = || self.idle.least(&self.records, &is_idle);
        let due = awaited.filter(by).or_else(|| idle().filter(by));
        due.map(|(_, id)| id)
    }

    /// When the next one will be.
    pub(crate) fn next_due(&self) -> Instant {
        let next = self
            .awaited
            .next(&self.records)
            .min(self.idle.next(&self.records));
        if next < LATEST { next } else { Instant::MAX }
    }
}

/// Whether nobody would miss it.
fn is_idle(record: &HeardRecord) -> bool {
    record.worth() == Worth::Idle
}

/// The owner of bytes that come before their record: a number that no record has.
const NO_RECORD: Owner = Owner(u32::MAX - 1);

/// What rdata say, as far as it is compared with what is kept.
#[derive(Clone, Copy)]
enum Known<'r> {
    /// What has a fixed size.
    Data(Data),
    /// Of an NSEC, the types that §6.1 is about.
    Types(Types<'r>),
    /// All else.
    Rdata(&'r Rdata<'r>),
}

impl<'r> Known<'r> {
    /// Of rdata whose target, if they have one, is this.
    fn of(rdata: &'r Rdata<'r>, target: Option<NameId>) -> Self {
        match (rdata, target) {
            (Rdata::A(address), _) => Known::Data(Data::V4(address.octets())),
            (Rdata::Nsec(nsec), _) => Known::Types(nsec.types),
            (Rdata::Ptr(_) | Rdata::Cname(_), Some(target)) => Known::Data(Data::Name(target)),
            (Rdata::Srv(srv), Some(target)) => Known::Data(Data::Srv {
                target,
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
            }),
            _ => Known::Rdata(rdata),
        }
    }
}

/// The name that rdata lead to, if that is kept as a name.
fn target_of<'r>(rdata: &Rdata<'r>) -> Option<Name<'r>> {
    match *rdata {
        Rdata::Ptr(target) | Rdata::Cname(target) => Some(target),
        Rdata::Srv(srv) => Some(srv.target),
        _ => None,
    }
}

/// Rdata as they are kept: of an NSEC only the types that §6.1 is about, which are written to `types`.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn as_kept<'a>(record: &Record<'a>, types: &'a mut TypeSet) -> Rdata<'a> {
    let Rdata::Nsec(nsec) = record.rdata else {
        return record.rdata;
    };
    *types = nsec.types.iter().collect();
    Rdata::Nsec(Nsec {
        next: record.name,
        types: types.as_types(),
    })
}
