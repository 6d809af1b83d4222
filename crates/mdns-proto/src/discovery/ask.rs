//! What the application has asked for, and what it has been told of it.
//!
//! Both are above the links: an ask is one, on however many links it is asked. An [`AskSlot`] is a browse, a resolve, a
//! look-up or a query. A [`ToldSlot`] is one thing it is told about: an instance of a browse, or what else was asked for.
//! It carries two numbers, of what is so now and of what was told last; where they differ there is news.

use core::fmt;

use super::Outcome;
use crate::{
    config::Config,
    name::Name,
    store::{Due, Full, Limits, NONE, NameId, NameSlot, Names, Slot, Slots, Table, Timed},
    time::Instant,
    wire::{Rdata, RecordType},
};

/// The rows that hold what was asked for and what was told.
///
/// `AskDue` must have room for as many ids as `Asks`. A browse takes a slot of `Asks` and one of `Told` for each
/// instance; everything else takes one of each.
pub trait AskStorage {
    /// Names: asked for, found, hosts of what was found.
    type Names: Slots<Slot<NameSlot>>;
    /// Finds names. A number of slots that is a power of two, or none.
    type Index: Slots<u32>;
    /// The bytes of names.
    type Text: Slots<u8>;
    /// What was asked for.
    type Asks: Slots<Slot<AskSlot>>;
    /// Orders it by time.
    type AskDue: Slots<u32>;
    /// What is told.
    type Told: Slots<Slot<ToldSlot>>;
}

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
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::NotLinkLocal => f.write_str("name is not under .local nor in a link-local reverse zone"),
            AskError::Full => Full.fmt(f),
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
    /// Instances of a service type, with details as far as they come.
    Browse,
    /// Service types.
    Types,
    /// One instance, with all details.
    Resolve,
    /// Addresses of a host.
    Host(AddressKind),
    /// Records of one type.
    Query(RecordType),
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

/// A debt that is paid once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Once {
    No,
    Owed,
    Paid,
}

/// Something asked for.
#[derive(Debug)]
pub struct AskSlot {
    name: NameId,
    /// The next ask for this name.
    next: u32,
    /// The next ask that has news.
    next_news: u32,
    place: u32,
    generation: u32,
    kind: Kind,
    is_one_shot: bool,
    has_news: bool,
    incomplete: Once,
    /// How it ended.
    outcome: Option<Outcome>,
    /// When patience ends, [`Instant::MAX`] if it has ended or never does.
    due: Instant,
}

impl Timed for AskSlot {
    fn due(&self) -> Instant {
        self.due
    }
    fn place(&self) -> u32 {
        self.place
    }
    fn set_place(&mut self, place: u32) {
        self.place = place;
    }
}

/// Nothing is there, or nothing is known.
pub(super) const NOTHING: u32 = 0;
/// It is known that nothing is there, or no longer.
pub(super) const EMPTY: u32 = 1;

/// One thing that an ask is told about.
#[derive(Debug)]
pub struct ToldSlot {
    ask: u32,
    /// The instance, the host, the owner of the records.
    name: NameId,
    /// Of an instance, the host that its SRV names.
    host: Option<NameId>,
    /// Before and after it, in the chain of the name and in that of the host.
    links: [(u32, u32); 2],
    /// The next one that may have changed.
    next_touched: u32,
    /// The next one that has news.
    next_news: u32,
    /// A number of what is so now: [`NOTHING`], [`EMPTY`], or one that changes when something changes.
    now: u32,
    /// The same, when it was last told.
    told: u32,
    is_touched: bool,
    has_news: bool,
    /// Its details are to be asked for.
    owes_details: bool,
    is_own: bool,
}

/// As what a name stands in a [`ToldSlot`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Name = 0,
    Host = 1,
}

/// A place in a chain of told slots: which slot, and in which role.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    fn new(told: u32, role: Role) -> Self {
        Entry(told << 1 | role as u32)
    }

    fn told(self) -> u32 {
        // NONE stays out of range of every table.
        if self.0 == NONE { NONE } else { self.0 >> 1 }
    }

    fn role(self) -> Role {
        if self.0 & 1 == 0 { Role::Name } else { Role::Host }
    }
}

/// A list through slots: those that owe something.
#[derive(Debug)]
struct List {
    first: u32,
    last: u32,
}

impl List {
    const EMPTY: List = List { first: NONE, last: NONE };
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Came,
    Went,
}

/// All that was asked for.
#[derive(Debug)]
pub(crate) struct Asks<A: AskStorage> {
    names: Names<A::Names, A::Index, A::Text>,
    asks: Table<AskSlot, A::Asks>,
    due: Due<A::AskDue>,
    told: Table<ToldSlot, A::Told>,
    asks_max: u32,
    told_max: u32,
    generation: u32,
    /// Told slots whose records have changed since they were last looked at.
    touched: List,
    /// Told slots that differ from what was told.
    told_news: List,
    /// Asks that have ended, or are incomplete.
    ask_news: List,
    /// The slot of something that was told to be gone; it keeps the name until the next call.
    spent: u32,
}
