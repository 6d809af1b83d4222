//! Aliases: a CNAME record says that a name stands for another one, which has the records (RFC 1034 §3.6.2).
//!
//! Look-ups of addresses follow them, link by link, for what is heard on one link says nothing about another:
//!
//! ```text
//! www.local ──CNAME──▶ hall.local ──A──▶ 10.0.0.7        hall.local is the canonical name
//! ```
//!
//! A name that has an address itself is followed no further: it has what was asked for. A name outside `.local` is where following
//! ends, too: nothing is asked about it (RFC 6762 §13).

use super::{
    AddressKind, Heard, Links,
    heard::{Rank, each_link, has_any, rank, some_of},
};
use crate::{cache::Life, store::NameId, wire::RecordType};

/// How many aliases are followed one after another. Where one more would have to be, nothing is found.
pub const ALIASES_MAX: usize = 8;

/// The name that a name stands for on a link, if it stands for one.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn alias_on(heard: &dyn Heard, name: NameId) -> Option<NameId> {
    let mut newest: Option<(Rank, NameId)> = None;
    for record in some_of(heard, name, RecordType::ANY) {
        match record.rtype() {
            RecordType::A | RecordType::AAAA if record.life() != Life::CutShort => return None,
            RecordType::CNAME if newest.is_none_or(|(other, _)| rank(record) > other) => {
                newest = record.target().map(|target| (rank(record), target));
            }
            _ => {}
        }
    }
    newest.map(|(_, target)| target)
}

/// The names that a name stands for on a link, one after another, up to [`ALIASES_MAX`].
pub(super) fn aliases_on<'a>(
    links: &'a dyn Links,
    heard: &'a dyn Heard,
    name: NameId,
) -> impl Iterator<Item = NameId> + use<'a> {
    let next =
        move |name: &NameId| alias_on(heard, *name).filter(|_| links.name(*name).is_link_local());
    core::iter::successors(next(&name), next).take(ALIASES_MAX)
}

/// The name that has the addresses of a name on a link: that itself, if it is no alias. `None` if there are too many aliases, or
/// they go round.
pub(super) fn canonical_on(links: &dyn Links, heard: &dyn Heard, name: NameId) -> Option<NameId> {
    let Some(last) = aliases_on(links, heard, name).last() else {
        return Some(name);
    };
    let is_last = alias_on(heard, last).is_none() || !links.name(last).is_link_local();
    is_last.then_some(last)
}

/// The name that has the addresses of a name: on the first link that has some, else on the first where it is outside `.local`,
/// else the name itself.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn canonical(links: &dyn Links, name: NameId, kind: AddressKind) -> NameId {
    let mut outside = None;
    for heard in each_link(links) {
        let Some(found) = canonical_on(links, heard, name) else {
            continue;
        };
        let has_addresses = |&rtype: &RecordType| has_any(heard, found, rtype);
        if kind.types().iter().any(has_addresses) {
            return found;
        }
        if !links.name(found).is_link_local() {
            outside.get_or_insert(found);
        }
    }
    outside.unwrap_or(name)
}
