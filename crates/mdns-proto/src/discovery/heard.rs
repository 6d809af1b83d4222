//! What was heard, as it is read for the application: link by link, nothing copied.

use core::net::IpAddr;

use super::{alias::alias_on, told::EMPTY};
use crate::{
    cache::{HeardRecord, Life},
    link::{LinkConfig, LinkId},
    name::Name,
    store::NameId,
    time::Instant,
    wire::{Rdata, RecordType, Txt},
};

/// What was heard on one link, to be read.
pub(crate) trait Heard {
    fn id(&self) -> LinkId;
    fn config(&self) -> LinkConfig;
    /// The first record of a name, `NONE` if there is none.
    fn first(&self, name: NameId) -> u32;
    fn record(&self, id: u32) -> Option<&HeardRecord>;
    /// The address that a record says, if it says one.
    fn address(&self, record: &HeardRecord) -> Option<IpAddr>;
    /// The attributes that a record says, if it says some.
    fn txt(&self, record: &HeardRecord) -> Option<Txt<'_>>;
    fn denies(&self, name: NameId, rtype: RecordType) -> bool;
    /// The same, but not by an answer to a one-shot question alone.
    fn denies_in_full(&self, name: NameId, rtype: RecordType) -> bool;
    /// How many records of a name are looked at where a stranger could make us look at many.
    fn walk_max(&self) -> usize;
}

/// What was heard on all links, to be read.
pub(crate) trait Links {
    fn bound(&self) -> usize;
    fn link(&self, index: usize) -> Option<&dyn Heard>;
    /// What a record of a link says.
    fn rdata<'a>(&'a self, index: usize, record: &'a HeardRecord) -> Rdata<'a>;
    fn name(&self, id: NameId) -> Name<'_>;
    /// A number that is the same for equal names, and most likely another for others.
    fn fingerprint(&self, name: NameId) -> u32;
}

/// How much a record counts among others of one unique set, of which only one can be true: how sure it is, and when it was heard.
pub(super) type Rank = (u8, Instant);

/// How much a record counts: the newest most, but for what was withdrawn, replaced or is in doubt.
pub(super) fn rank(record: &HeardRecord) -> Rank {
    let sureness = match record.life() {
        Life::CutShort => 0,
        Life::Doubted => 1,
        Life::Whole | Life::Own => 2,
    };
    (sureness, record.heard())
}

/// The records of a name on one link, of one type or, for ANY, of all.
#[derive(Clone)]
pub(super) struct Entries<'a> {
    pub(super) heard: &'a dyn Heard,
    pub(super) next: u32,
    pub(super) left: usize,
    pub(super) rtype: RecordType,
}

impl Entries<'_> {
    /// Whether there are more than may be looked at. Known when there is no next one.
    pub(super) fn is_cut(&self) -> bool {
        self.left == 0 && self.heard.record(self.next).is_some()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a HeardRecord;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<&'a HeardRecord> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let record = self.heard.record(self.next)?;
            self.next = record.next_of_name();
            if self.rtype == RecordType::ANY || record.rtype() == self.rtype {
                return Some(record);
            }
        }
    }
}

/// As many records of a name as a stranger may make us look at.
pub(super) fn some_of(heard: &dyn Heard, name: NameId, rtype: RecordType) -> Entries<'_> {
    Entries {
        heard,
        next: heard.first(name),
        left: heard.walk_max(),
        rtype,
    }
}

/// The rank of the newest record of a name and type on one link.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn newest_on(heard: &dyn Heard, name: NameId, rtype: RecordType) -> Option<Rank> {
    some_of(heard, name, rtype).map(rank).max()
}

/// The rank of the newest record of a name and type on all links.
pub(super) fn newest(links: &dyn Links, name: NameId, rtype: RecordType) -> Option<Rank> {
    each_link(links)
        .filter_map(|heard| newest_on(heard, name, rtype))
        .max()
}

/// The links, one after another.
#[derive(Clone)]
pub(super) struct EachLink<'a> {
    links: &'a dyn Links,
    next: usize,
}

pub(super) fn each_link(links: &dyn Links) -> EachLink<'_> {
    EachLink { links, next: 0 }
}

impl<'a> Iterator for EachLink<'a> {
    type Item = &'a dyn Heard;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<&'a dyn Heard> {
        while self.next < self.links.bound() {
            let link = self.links.link(self.next);
            self.next += 1;
            if link.is_some() {
                return link;
            }
        }
        None
    }
}

/// Whether what is believed says something of this type, or that there is none; and how surely it is all there is.
pub(crate) fn is_answered(
    heard: &dyn Heard,
    name: NameId,
    rtype: RecordType,
    in_full: bool,
) -> bool {
    let is_alias = || {
        matches!(rtype, RecordType::A | RecordType::AAAA)
            && is_known(heard, name, RecordType::CNAME, in_full)
            && alias_on(heard, name).is_some()
    };
    is_known(heard, name, rtype, in_full)
        || is_alias()
        || heard.denies_in_full(name, rtype)
        || !in_full && heard.denies(name, rtype)
}

/// Whether a record of this type is believed, and how surely it is all there is.
pub(crate) fn is_known(heard: &dyn Heard, name: NameId, rtype: RecordType, in_full: bool) -> bool {
    let is_answer = |record: &HeardRecord| {
        record.life() == Life::Own && record.is_unique()
            || matches!(record.life(), Life::Whole | Life::Doubted)
                && (record.is_unique() || !in_full)
    };
    rtype != RecordType::ANY && some_of(heard, name, rtype).any(is_answer)
}

/// Whether a record of a type answers a question for another: an alias answers for its name (RFC 1034 §4.3.2), though not where
/// only the types of that name itself are asked for.
pub(super) fn is_answer_to(qtype: RecordType, rtype: RecordType) -> bool {
    let is_alias = rtype == RecordType::CNAME && qtype != RecordType::NSEC;
    qtype == RecordType::ANY || qtype == rtype || is_alias
}

/// Whether there is a record of this type.
pub(super) fn has_any(heard: &dyn Heard, name: NameId, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).next().is_some()
}

/// Whether a record of ours is among those of this type.
pub(super) fn has_own(heard: &dyn Heard, name: NameId, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).any(|record| record.life() == Life::Own)
}

/// The sum of some hashes, as a number that stands for something being there.
pub(super) fn fingerprint(sum: u32) -> u32 {
    sum.max(EMPTY + 1)
}
