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
    heard::{Rank, each_link, has_any, some_of},
};
use crate::{
    cache::Life,
    name::Name,
    wire::{Rdata, RecordType},
};

/// How many aliases are followed one after another. Where one more would have to be, nothing is found.
pub const ALIASES_MAX: usize = 8;

/// The name that a name stands for on a link, if it stands for one.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn alias_on<'a>(heard: &'a dyn Heard, name: Name<'_>) -> Option<Name<'a>> {
    let mut newest: Option<(Rank, Name<'a>)> = None;
    for entry in some_of(heard, name, RecordType::ANY) {
        match entry.rdata {
            Rdata::A(_) | Rdata::Aaaa(_) if entry.life != Life::CutShort => return None,
            Rdata::Cname(target) if newest.is_none_or(|(rank, _)| entry.rank() > rank) => {
                newest = Some((entry.rank(), target));
            }
            _ => {}
        }
    }
    newest.map(|(_, target)| target)
}

/// The names that a name stands for on a link, one after another, up to [`ALIASES_MAX`].
pub(super) fn aliases_on<'a>(
    heard: &'a dyn Heard,
    name: Name<'a>,
) -> impl Iterator<Item = Name<'a>> + use<'a> {
    let next = move |name: &Name<'a>| {
        let alias = name.is_link_local().then(|| alias_on(heard, *name));
        alias.flatten()
    };
    core::iter::successors(next(&name), next).take(ALIASES_MAX)
}

/// The name that has the addresses of a name on a link: that itself, if it is no alias. `None` if there are too many aliases, or
/// they go round.
pub(super) fn canonical_on<'a>(heard: &'a dyn Heard, name: Name<'a>) -> Option<Name<'a>> {
    let last = aliases_on(heard, name).last().unwrap_or(name);
    let is_last = !last.is_link_local() || alias_on(heard, last).is_none();
    is_last.then_some(last)
}

/// The name that has the addresses of a name: on the first link that has some, else on the first where it is outside `.local`,
/// else the name itself.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn canonical<'a>(links: &'a dyn Links, name: Name<'a>, kind: AddressKind) -> Name<'a> {
    let mut outside = None;
    for heard in each_link(links) {
        let Some(found) = canonical_on(heard, name) else {
            continue;
        };
        if kind
            .types()
            .iter()
            .any(|&rtype| has_any(heard, found, rtype))
        {
            return found;
        }
        if !found.is_link_local() {
            outside.get_or_insert(found);
        }
    }
    outside.unwrap_or(name)
}
