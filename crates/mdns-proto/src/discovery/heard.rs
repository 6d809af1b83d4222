//! What was heard, as it is read for the application: link by link, nothing copied.

use super::told::EMPTY;
use crate::{
    cache::Life,
    link::{LinkConfig, LinkId},
    name::Name,
    time::Instant,
    wire::{Rdata, RecordType},
};

/// What was heard on one link, to be read.
pub(crate) trait Heard {
    fn id(&self) -> LinkId;
    fn config(&self) -> LinkConfig;
    /// The first record of a name, `NONE` if there is none.
    fn first(&self, name: Name<'_>) -> u32;
    fn entry(&self, id: u32) -> Option<Entry<'_>>;
    fn denies(&self, name: Name<'_>, rtype: RecordType) -> bool;
    /// How many records of a name are looked at where a stranger could make us look at many.
    fn walk_max(&self) -> usize;
}

/// What was heard on all links, to be read.
pub(crate) trait Links {
    fn bound(&self) -> usize;
    fn link(&self, index: usize) -> Option<&dyn Heard>;
}

/// A record as it was heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) rdata: Rdata<'a>,
    pub(crate) next: u32,
    pub(crate) heard: Instant,
    pub(crate) life: Life,
    pub(crate) is_unique: bool,
    pub(crate) is_dropped: bool,
}

/// The records of a name on one link, of one type or, for ANY, of all.
#[derive(Clone)]
pub(super) struct Entries<'a> {
    pub(super) heard: &'a dyn Heard,
    pub(super) next: u32,
    pub(super) left: usize,
    pub(super) rtype: RecordType,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let entry = self.heard.entry(self.next)?;
            self.next = entry.next;
            if self.rtype == RecordType::ANY || entry.rdata.rtype() == self.rtype {
                return Some(entry);
            }
        }
    }
}

/// As many records of a name as a stranger may make us look at.
pub(super) fn some_of<'a>(heard: &'a dyn Heard, name: Name<'_>, rtype: RecordType) -> Entries<'a> {
    Entries {
        heard,
        next: heard.first(name),
        left: heard.walk_max(),
        rtype,
    }
}

/// Those that are not about to be replaced, if there are any.
pub(super) fn current<'a>(
    heard: &'a dyn Heard,
    name: Name<'_>,
    rtype: RecordType,
) -> impl Iterator<Item = Entry<'a>> + use<'a> {
    let all = some_of(heard, name, rtype);
    let is_whole = |entry: &Entry<'_>| entry.life != Life::CutShort;
    let has_whole = all.clone().any(|entry| is_whole(&entry));
    all.filter(move |entry| !has_whole || is_whole(entry))
}

pub(super) fn each_link<'a>(
    links: &'a dyn Links,
) -> impl Iterator<Item = &'a dyn Heard> + Clone + use<'a> {
    (0..links.bound()).filter_map(|index| links.link(index))
}

/// Whether a record that is believed says something of this type, and how surely it is all there is.
pub(crate) fn is_answered(
    heard: &dyn Heard,
    name: Name<'_>,
    rtype: RecordType,
    in_full: bool,
) -> bool {
    let is_answer = |entry: Entry<'_>| {
        entry.life == Life::Own && entry.is_unique
            || matches!(entry.life, Life::Whole | Life::Doubted) && (entry.is_unique || !in_full)
    };
    rtype != RecordType::ANY && some_of(heard, name, rtype).any(is_answer)
        || heard.denies(name, rtype)
}

/// Whether there is a record of this type.
pub(super) fn has_any(heard: &dyn Heard, name: Name<'_>, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).next().is_some()
}

/// Whether a record of ours is among those of this type.
pub(super) fn has_own(heard: &dyn Heard, name: Name<'_>, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).any(|entry| entry.life == Life::Own)
}

/// The sum of some hashes, as a number that stands for something being there.
pub(super) fn fingerprint(hashes: impl Iterator<Item = u32>) -> u32 {
    hashes.fold(0, u32::wrapping_add).max(EMPTY + 1)
}
