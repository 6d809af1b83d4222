//! What can be asked for.

use core::fmt;

use super::{AskSlot, ToldSlot};
use crate::{
    store::{Full, NameChains, NameSlot, Names, Slot, Slots},
    wire::RecordType,
};

/// The rows that hold all names, what was asked for and what was told.
///
/// Rows of `u32` are as those of [`HeardStorage`](crate::cache::HeardStorage). A browse takes a slot of `Asks` and one of `Told` for each
/// instance; everything else takes one of each.
pub trait AskStorage {
    /// Names: asked for, found, of records on all links, and of what they lead to. Each is kept once.
    type Names: Slots<Slot<NameSlot>>;
    /// What is asked for and told of each name, as many as there are `Names`.
    type NameChains: Slots<NameChains>;
    /// Finds `Names`.
    type Index: Slots<u32>;
    /// The bytes of names.
    type Text: Slots<u8>;
    /// What was asked for.
    type Asks: Slots<Slot<AskSlot>>;
    /// Orders `Asks` by time.
    type AskDue: Slots<u32>;
    /// What is told.
    type Told: Slots<Slot<ToldSlot>>;
}

/// All names of a querier.
pub(crate) type NamesOf<A> =
    Names<<A as AskStorage>::Names, <A as AskStorage>::Index, <A as AskStorage>::Text>;

/// The number of something asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AskId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Why something cannot be asked for. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError {
    /// The name is neither under `.local` nor in a reverse zone of link-local addresses: multicast is not the place to
    /// ask for it (RFC 6762 §13, §22.1).
    NotLinkLocal,
    /// There is no slot left.
    Full,
    /// The host has been shut down. Adapters say so; a [`Host`](crate::host::Host) takes requests all its life.
    Closed,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::NotLinkLocal => {
                f.write_str("name is not under .local nor in a link-local reverse zone")
            }
            AskError::Full => Full.fmt(f),
            AskError::Closed => f.write_str("the host has been shut down"),
        }
    }
}

impl core::error::Error for AskError {}

impl From<Full> for AskError {
    fn from(Full: Full) -> Self {
        AskError::Full
    }
}

/// Which addresses of a host are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AddressKind {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    #[default]
    Both,
}

impl AddressKind {
    /// The types that hold such addresses.
    pub(super) fn types(self) -> &'static [RecordType] {
        match self {
            AddressKind::V4 => &[RecordType::A],
            AddressKind::V6 => &[RecordType::AAAA],
            AddressKind::Both => &[RecordType::A, RecordType::AAAA],
        }
    }
}

/// What a browse asks for beside the names of instances (RFC 6763 §5). What comes with them without being asked for can be read in any
/// case, for as long as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Details {
    /// Nothing: the one series of questions for the names is all. An instance is found and gone; its details are no news. This is for
    /// lists that people choose from, and for whoever resolves what is chosen.
    NamesOnly,
    /// SRV, TXT and an address of each instance, as far as they do not come with its name, at most three times. They are not kept up to
    /// date: when they expire, they are gone.
    #[default]
    Once,
    /// The same until they are there, and before they expire, as [`resolve`](crate::host::Host::resolve) does for a single instance.
    Kept,
}

impl Details {
    /// How much they are wanted.
    pub(super) fn need(self) -> Need {
        match self {
            Details::NamesOnly => Need::None,
            Details::Once => Need::Once,
            Details::Kept => Need::Kept,
        }
    }
}

/// How long a query lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Until it is stopped; what it found is kept up to date (RFC 6762 §5.2).
    Continuous,
    /// Until the first answer, or three seconds (§5.1).
    OneShot,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Instances of a service type.
    Browse(Details),
    /// Service types.
    Types,
    /// One instance, with all details.
    Resolve,
    /// Addresses of a host.
    Host(AddressKind),
    /// Records of one type.
    Query(RecordType),
}

impl Kind {
    /// Whether it may find any number of things.
    pub(super) fn is_browse(self) -> bool {
        matches!(self, Kind::Browse(_) | Kind::Types)
    }
}

/// How much an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Not at all.
    None,
    /// It is good to know, and asked for a few times.
    Once,
    /// It is asked for until it is there, and refreshed.
    Kept,
    /// It is asked for all the time, however it is answered: there may always be one more.
    Open,
}
