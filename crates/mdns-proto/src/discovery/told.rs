//! What the application has asked for, and what it has been told of it.
//!
//! Both are above the links: an ask is one, on however many links it is asked. An [`AskSlot`] is a browse, a resolve, a
//! look-up or a query. A [`ToldSlot`] is one thing it is told about: an instance of a browse, or what else was asked for.
//! It carries two numbers, of what is so now and of what was told last; where they differ there is news.

use super::{Outcome, ask::Kind};
use crate::{
    store::{Id, NONE, NameId, Timed},
    time::Instant,
};

/// A debt that is paid once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Once {
    No,
    Owed,
    Paid,
}

/// Something asked for.
#[derive(Debug)]
pub struct AskSlot {
    pub(super) name: NameId,
    /// The next ask for this name.
    pub(super) next: Id,
    /// The next ask that has news.
    pub(super) next_news: Id,
    pub(super) generation: u32,
    pub(super) kind: Kind,
    pub(super) is_one_shot: bool,
    /// What is known has to do.
    pub(super) is_impatient: bool,
    pub(super) has_news: bool,
    pub(super) incomplete: Once,
    /// Something found no room, and is to be looked for again when there is some.
    pub(super) is_missing: bool,
    /// How it ended.
    pub(super) outcome: Option<Outcome>,
    /// When patience ends, [`Instant::MAX`] if it has ended or never does.
    pub(super) due: Instant,
    /// When it was asked for, in four bytes.
    pub(super) asked_at: CoarseTime,
}

/// A moment to within about a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoarseTime(u32);

impl CoarseTime {
    pub(super) fn of(moment: Instant) -> Self {
        CoarseTime((moment.as_micros() >> 20) as u32)
    }

    /// Whether somebody still waits for the first answer: for the first three seconds, or four (RFC 6762 §5.1).
    pub(super) fn is_recent(self, now: Instant) -> bool {
        CoarseTime::of(now).0.wrapping_sub(self.0) <= 3
    }
}

impl Timed for AskSlot {
    type At = Instant;
    const NEVER: Instant = Instant::MAX;

    fn due(&self) -> Instant {
        self.due
    }
}

/// Nothing is there, or nothing is known.
pub(super) const NOTHING: u32 = 0;
/// It is known that nothing is there, or no longer.
pub(super) const EMPTY: u32 = 1;

/// One thing that an ask is told about.
#[derive(Debug)]
pub struct ToldSlot {
    pub(super) ask: Id,
    /// The instance, the host, the owner of the records.
    pub(super) name: NameId,
    /// The number of the name of the host that an instance is on, if that is known.
    pub(super) host: Id,
    /// The slot whose look-up of addresses goes through this name, which is an alias or what an alias stands for; none if this is
    /// something that is told.
    pub(super) owner: Id,
    /// The next name that the look-up of this slot goes through.
    pub(super) next_hop: Id,
    /// Before and after it, in the chain of the name and in that of the host.
    pub(super) links: [(Id, Id); 2],
    /// The next one that may have changed.
    pub(super) next_touched: Id,
    /// The next one that has news.
    pub(super) next_news: Id,
    /// A number of what is so now: [`NOTHING`], [`EMPTY`], or one that changes when something changes.
    pub(super) now: u32,
    /// The same, when it was last told.
    pub(super) told: u32,
    pub(super) is_touched: bool,
    pub(super) has_news: bool,
    /// Its details are to be asked for.
    pub(super) owes_details: bool,
    pub(super) is_own: bool,
    /// What is to be said to those after it in its two chains, when it is looked at.
    pub(super) passes_on: [PassOn; 2],
}

/// What one slot says to the one after it in a chain: many instances may be on one host, and what changes there is looked at for a few of
/// them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PassOn {
    Nothing,
    /// A record of the name has come or gone.
    Touched,
    /// One found no room.
    Missing,
}

impl ToldSlot {
    /// Nothing known of it, and nothing told.
    pub(super) fn new(ask: Id, name: NameId) -> Self {
        ToldSlot {
            ask,
            name,
            host: Id::NONE,
            owner: Id::NONE,
            next_hop: Id::NONE,
            links: [(Id::NONE, Id::NONE); 2],
            next_touched: Id::NONE,
            next_news: Id::NONE,
            now: NOTHING,
            told: NOTHING,
            is_touched: false,
            has_news: false,
            owes_details: true,
            is_own: false,
            passes_on: [PassOn::Nothing; 2],
        }
    }
}

impl ToldSlot {
    /// Of an instance, the host that its SRV names.
    pub(super) fn host(&self) -> Option<NameId> {
        (self.host != Id::NONE).then(|| NameId::of(self.host.get()))
    }

    pub(super) fn set_host(&mut self, host: Option<NameId>) {
        self.host = host.map_or(Id::NONE, |host| Id::of(host.get()));
    }
}

/// As what a name stands in a [`ToldSlot`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Name = 0,
    Host = 1,
}

/// A place in a chain of told slots: which slot, and in which role.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u32);

impl Entry {
    pub(super) fn new(told: u32, role: Role) -> Self {
        Entry(told << 1 | role as u32)
    }

    pub(super) fn told(self) -> u32 {
        // NONE stays out of range of every table.
        if self.0 == NONE { NONE } else { self.0 >> 1 }
    }

    pub(super) fn role(self) -> Role {
        if self.0 & 1 == 0 {
            Role::Name
        } else {
            Role::Host
        }
    }
}

/// A list through slots, first in first out: those that owe something.
#[derive(Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    pub(super) const EMPTY: List = List {
        first: NONE,
        last: NONE,
    };

    /// Adds a slot at the end. `set_next` names the slot after another.
    pub(super) fn push(&mut self, id: u32, mut set_next: impl FnMut(u32, u32)) {
        set_next(id, NONE);
        if self.first == NONE {
            self.first = id;
        } else {
            set_next(self.last, id);
        }
        self.last = id;
    }

    /// Takes the first slot. `next` tells the one after another.
    pub(super) fn pop(&mut self, next: impl FnOnce(u32) -> u32) -> Option<u32> {
        let id = self.first;
        if id == NONE {
            return None;
        }
        self.first = next(id);
        Some(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

/// A list of told slots.
#[derive(Clone, Copy)]
pub(super) enum Listed {
    Touched,
    News,
}

impl Listed {
    pub(super) fn next(self, slot: &ToldSlot) -> u32 {
        match self {
            Listed::Touched => slot.next_touched.get(),
            Listed::News => slot.next_news.get(),
        }
    }

    pub(super) fn set_next(self, slot: &mut ToldSlot, next: u32) {
        match self {
            Listed::Touched => slot.next_touched = Id::of(next),
            Listed::News => slot.next_news = Id::of(next),
        }
    }
}
