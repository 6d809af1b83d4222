//! The answers to a query, as they are known now.

use core::fmt;

use super::{
    Links,
    heard::{Entries, is_answer_to},
};
use crate::{
    cache::Life,
    link::{InterfaceId, LinkId},
    name::Name,
    store::NameId,
    wire::{Rdata, RecordType},
};

/// One record that answers a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What it says.
    pub rdata: Rdata<'a>,
    /// The link it was heard on.
    pub link: LinkId,
    /// The interface of the link.
    pub interface: InterfaceId,
    /// Whether it is our own.
    pub is_own: bool,
}

/// The answers to a query, as they are known now.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) name: NameId,
    pub(super) rtype: RecordType,
}

impl<'a> Records<'a> {
    /// The name that was asked about.
    pub fn name(&self) -> Name<'a> {
        self.links.name(self.name)
    }

    /// The type that was asked for.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The records, link by link. Where the name is an alias, the CNAME record that says so is among them, whatever type was asked
    /// for (RFC 1034 §4.3.2); it is not followed. [`lookup_host`](crate::host::Host::lookup_host) does that.
    pub fn iter(&self) -> impl Iterator<Item = Answer<'a>> + use<'a> {
        let Records { links, name, rtype } = *self;
        (0..links.bound())
            .filter_map(move |index| Some((index, links.link(index)?)))
            .flat_map(move |(index, heard)| {
                let all = Entries {
                    heard,
                    next: heard.first(name),
                    left: usize::MAX,
                    rtype: RecordType::ANY,
                };
                let answers = all.filter(move |record| is_answer_to(rtype, record.rtype()));
                answers.map(move |record| Answer {
                    rdata: links.rdata(index, record),
                    link: heard.id(),
                    interface: heard.config().interface,
                    is_own: record.life() == Life::Own,
                })
            })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
