//! What was heard on one link: inserted, flushed, refreshed, expired, evicted (RFC 6762 §10).
//!
//! A record is found two ways: by a chain for each name, which is how a set of records is walked, and by a hash of name,
//! type and rdata, which is how a record that comes again is known. Records that someone
//! would miss and records that nobody would wait in two heaps: the first of the second is the one to forget when room is
//! needed.

mod record;
#[cfg(test)]
mod tests;

use core::{cmp::Reverse, time::Duration};

use crate::{
    config::Config,
    name::Name,
    store::{
        Block, Due, Full, Id, Index, Limits, NO_RECORD, NONE, NameId, NameSlot, Names, Slot, Slots,
        Source, Table, short,
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
    /// Names: of records, of what they point to, of questions.
    type Names: Slots<Slot<NameSlot>>;
    /// Finds `Names`.
    type Index: Slots<u32>;
    /// The bytes of names and of such rdata as has no fixed size. No record takes more than a quarter.
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

/// Who hears of each record that is no more, or will not be for long: its name and what it said.
pub(crate) type Gone<'g> = &'g mut dyn FnMut(Name<'_>, &Rdata<'_>);

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
    names: Names<H::Names, H::Index, H::Text>,
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
    pub(crate) fn new(config: &Config, key: u64) -> Self {
        let limits = Limits {
            names: config.heard_records_max.saturating_mul(2),
            text: config.heard_text_max,
        };
        let mut names = Names::new(limits);
        names.set_key(key);
        Cache {
            names,
            records: Table::new(),
            index: Index::new(),
            awaited: Due::new(),
            idle: Due::new(),
            key,
            records_max: config.heard_records_max,
            text_max: config.heard_text_max.min(H::Text::CAPACITY),
            walk_max: config.name_records_max,
            compared_left: config.name_records_max,
            flushed: None,
            ttl_secs_max: u32::try_from(config.ttl_max.as_secs()).unwrap_or(u32::MAX),
            cursor: NONE,
            evicted: 0,
        }
    }

    // Reading.

    pub(crate) fn find_name(&self, name: Name<'_>) -> Option<NameId> {
        self.names.find(name)
    }

    pub(crate) fn name(&self, id: NameId) -> Name<'_> {
        self.names.name(id)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&HeardRecord> {
        self.records.get(id)
    }

    /// The first record of a name, `NONE` if it has none.
    pub(crate) fn first(&self, name: NameId) -> u32 {
        self.names.first(name)
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
                |id| matches!(self.rdata(id), Rdata::Nsec(nsec) if !nsec.types.contains(rtype) && !nsec.types.contains(RecordType::CNAME)),
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

    /// What a record says.
    pub(crate) fn rdata(&self, id: u32) -> Rdata<'_> {
        self.records
            .get(id)
            .map_or(Rdata::Other(RecordType(0), &[]), |record| self.said(record))
    }

    pub(crate) fn said(&self, record: &HeardRecord) -> Rdata<'_> {
        let rtype = record.rtype;
        match record.data {
            Data::V4(octets) => Rdata::A(octets.into()),
            Data::Name(name) if rtype == RecordType::CNAME => Rdata::Cname(self.name(name)),
            Data::Name(name) => Rdata::Ptr(self.name(name)),
            Data::Srv {
                target,
                priority,
                weight,
                port,
            } => Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target: self.name(target),
            }),
            Data::Bytes(block) => {
                let bytes = self.names.bytes(block);
                let types = if rtype == RecordType::NSEC {
                    Types::from_wire(bytes)
                } else {
                    None
                };
                types
                    .map(|types| {
                        Rdata::Nsec(Nsec {
                            next: self.name(record.name),
                            types,
                        })
                    })
                    .or_else(|| Rdata::from_wire(rtype, bytes))
                    .unwrap_or(Rdata::Other(rtype, bytes))
            }
            Data::Dropped if rtype == RecordType::TXT => Rdata::Txt(Txt::EMPTY),
            Data::Dropped => Rdata::Other(rtype, &[]),
        }
    }

    /// The record that says this, if it is there.
    pub(crate) fn find(&self, record: &Record<'_>) -> Option<u32> {
        let name = self.names.find(record.name)?;
        as_kept(record, |rdata| self.find_kept(name, rdata))
    }

    /// The pointer from one name to another, if it is there.
    pub(crate) fn find_pointer(&self, from: Name<'_>, to: Name<'_>) -> Option<u32> {
        self.find_kept(self.names.find(from)?, &Rdata::Ptr(to))
    }

    fn find_kept(&self, name: NameId, rdata: &Rdata<'_>) -> Option<u32> {
        let rtype = rdata.rtype();
        self.index.find(
            &self.records,
            self.hash(name, rdata),
            &|record: &HeardRecord| {
                record.name == name
                    && record.rtype == rtype
                    && (record.is_dropped() || self.said(record) == *rdata)
            },
        )
    }

    fn hash(&self, name: NameId, rdata: &Rdata<'_>) -> u32 {
        rdata.hash(self.key ^ u64::from(name.get()).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Whether anything is kept, be it a name.
    pub(crate) fn keeps_any(&self) -> bool {
        self.names.keeps_any()
    }

    /// Whether nothing at all is kept, not a byte.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.records.len() == 0 && self.names.is_empty()
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
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        record: &Record<'_>,
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
        let ttl_secs = record.ttl.0.min(self.ttl_secs_max);
        let term = Term {
            heard: now,
            ttl_secs,
            jitter,
            life,
            set,
        };
        let Some(id) = self.find(record) else {
            // What has to go for it is forgotten from here, where there is no half-made record, and little on the stack.
            let id = loop {
                match self.add(record, term) {
                    Ok(id) => break id,
                    Err(Full) => self.evict(room)?,
                }
            };
            self.settle(id);
            return Ok(Inserted::New(id));
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
        let (name, first) = (record.name, self.names.first(record.name));
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
        self.names.set_first(name, id);
    }

    /// Takes a record out of the chain of its name. Who reads the chain and stands there goes on behind it.
    fn unchain(&mut self, id: u32) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        let (name, before, after) = (record.name, record.before, record.after);
        match self.records.get_mut(before.get()) {
            Some(record) => record.after = after,
            None => self.names.set_first(name, after.get()),
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
    fn add(&mut self, record: &Record<'_>, term: Term) -> Result<u32, Full> {
        let name = self.intern(record.name)?;
        let added = as_kept(record, |rdata| {
            let data = self.keep(rdata)?;
            self.add_row(name, rdata, data, term)
                .inspect_err(|Full| self.release_data(data))
        });
        added.inspect_err(|Full| self.names.release(name))
    }

    /// Keeps what a record says, under a number that no record has yet; or leaves it dropped if it would take more than a quarter of
    /// the text row.
    #[cfg_attr(target_os = "none", inline(never))]
    fn keep(&mut self, rdata: &Rdata<'_>) -> Result<Data, Full> {
        let bytes = match *rdata {
            Rdata::A(address) => return Ok(Data::V4(address.octets())),
            Rdata::Ptr(target) | Rdata::Cname(target) => {
                return Ok(Data::Name(self.intern(target)?));
            }
            Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target,
            }) => {
                return Ok(Data::Srv {
                    target: self.intern(target)?,
                    priority,
                    weight,
                    port,
                });
            }
            Rdata::Nsec(nsec) => Source::Bytes(nsec.types.as_wire()),
            _ => Source::of(rdata),
        };
        if bytes.len() > self.text_max / 4 {
            return Ok(Data::Dropped);
        }
        let records = &mut self.records;
        let block = self
            .names
            .insert_bytes(NO_RECORD, bytes, &mut |id, block| moved(records, id, block))?;
        Ok(Data::Bytes(block))
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn add_row(
        &mut self,
        name: NameId,
        rdata: &Rdata<'_>,
        data: Data,
        term: Term,
    ) -> Result<u32, Full> {
        let mut row = HeardRecord::new(name, short(self.hash(name, rdata)), rdata.rtype(), term);
        let next = self.names.first(name);
        row.data = data;
        row.after = Id::of(next);
        let id = self.records.insert(row, self.records_max)?;
        if let Data::Bytes(block) = data {
            self.names.set_bytes_owner(block, id);
        }
        if let Some(after) = self.records.get_mut(next) {
            after.before = Id::of(id);
        }
        self.names.set_first(name, id);
        self.index.insert(&self.records, id);
        Ok(id)
    }

    /// Holds a name, if there is room for it.
    pub(crate) fn intern(&mut self, name: Name<'_>) -> Result<NameId, Full> {
        let records = &mut self.records;
        self.names
            .intern(name, &mut |id, block| moved(records, id, block))
    }

    pub(crate) fn hold(&mut self, name: NameId) {
        self.names.hold(name);
    }

    pub(crate) fn release(&mut self, name: NameId) {
        self.names.release(name);
    }

    /// What else is found by this name: the first question about it.
    pub(crate) fn tag(&self, name: NameId) -> u32 {
        self.names.tag(name)
    }

    pub(crate) fn set_tag(&mut self, name: NameId, tag: u32) {
        self.names.set_tag(name, tag);
    }

    /// Forgets the record that would end first of those that nobody would miss; if there are none and the newcomer is to
    /// be kept, of some that are only shown.
    pub(crate) fn evict(&mut self, room: &mut Room<'_>) -> Result<(), Full> {
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
        self.remove(id.ok_or(Full)?, room.gone);
        self.evicted = self.evicted.saturating_add(1);
        Ok(())
    }

    /// The first record of our own from `from` on.
    pub(crate) fn next_own(&self, from: u32) -> Option<u32> {
        (from..self.records.bound())
            .find(|&id| self.get(id).is_some_and(|kept| kept.life() == Life::Own))
    }

    /// Forgets a record now.
    pub(crate) fn remove(&mut self, id: u32, gone: Gone<'_>) {
        let Some(record) = self.records.get(id) else {
            return;
        };
        self.flushed = None;
        let (name, data) = (record.name, record.data);
        gone(self.name(name), &self.said(record));
        if record.worth() > Worth::Idle {
            self.awaited.forget(&self.records, id);
        } else {
            self.idle.forget(&self.records, id);
        }
        self.unchain(id);
        self.index.remove(&self.records, id);
        self.records.vacate(id);
        self.release_data(data);
        self.names.release(name);
    }

    fn release_data(&mut self, data: Data) {
        match data {
            Data::Name(target) | Data::Srv { target, .. } => self.names.release(target),
            Data::Bytes(block) => self.names.remove_bytes(block),
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

    /// A goodbye: the record ends in a second, if it is not heard again (§10.1). Our own ends at once.
    pub(crate) fn withdraw(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        origin: Origin,
        gone: Gone<'_>,
    ) {
        let Some(id) = self.find(record) else { return };
        let is_own = self.get(id).is_some_and(|kept| kept.life() == Life::Own);
        match (origin, is_own) {
            (Origin::Own, _) => self.remove(id, gone),
            (Origin::Heard(_), false) => {
                self.cut(now, id, LAST_SECS);
                gone(record.name, &record.rdata);
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
            let ends = other != id && record.rtype == rtype && is_old && yields;
            self.compared_left = self.compared_left.saturating_sub(1);
            if ends {
                self.cut(now, other, LAST_SECS);
                gone(self.name(name), &self.rdata(other));
            }
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

    /// Says of a record, if it is there, whether the query that is being read lists it as known.
    pub(crate) fn set_listed(&mut self, record: &Record<'_>, is_listed: bool) {
        if let Some(id) = self.find(record)
            && let Some(kept) = self.records.get_mut(id)
        {
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
    pub(crate) fn clear(&mut self, gone: Gone<'_>) {
        for id in 0..self.records.bound() {
            self.remove(id, gone);
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

fn moved<R: Slots<Slot<HeardRecord>>>(records: &mut Table<HeardRecord, R>, id: u32, block: Block) {
    if let Some(record) = records.get_mut(id) {
        record.data = Data::Bytes(block);
    }
}

/// Rdata as they are kept: of an NSEC only the types that §6.1 is about, and the owner as the next name.
fn as_kept<T>(record: &Record<'_>, f: impl FnOnce(&Rdata<'_>) -> T) -> T {
    let Rdata::Nsec(nsec) = record.rdata else {
        return f(&record.rdata);
    };
    let types: TypeSet = nsec.types.iter().collect();
    f(&Rdata::Nsec(Nsec {
        next: record.name,
        types: types.as_types(),
    }))
}
