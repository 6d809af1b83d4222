//! What the application has asked for, and what it has been told of it.
//!
//! Both are above the links: an ask is one, on however many links it is asked. An [`AskSlot`] is a browse, a resolve, a
//! look-up or a query. A [`ToldSlot`] is one thing it is told about: an instance of a browse, or what else was asked for.
//! It carries two numbers, of what is so now and of what was told last; where they differ there is news.

use super::{AskId, AskStorage, Need, Outcome, ask::Kind};
use crate::{
    config::Config,
    name::Name,
    store::{Due, Full, Limits, NONE, NameId, Names, Table, Timed},
    time::Instant,
    wire::{Rdata, RecordType},
};

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
    /// What is known has to do.
    is_impatient: bool,
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

/// A list through slots, first in first out: those that owe something.
#[derive(Debug)]
struct List {
    first: u32,
    last: u32,
}

impl List {
    const EMPTY: List = List { first: NONE, last: NONE };

    /// Adds a slot at the end. `set_next` names the slot after another.
    fn push(&mut self, id: u32, mut set_next: impl FnMut(u32, u32)) {
        set_next(id, NONE);
        if self.first == NONE {
            self.first = id;
        } else {
            set_next(self.last, id);
        }
        self.last = id;
    }

    /// Takes the first slot. `next` tells the one after another.
    fn pop(&mut self, next: impl FnOnce(u32) -> u32) -> Option<u32> {
        let id = self.first;
        if id == NONE {
            return None;
        }
        self.first = next(id);
        Some(id)
    }

    fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was not there before, or was about to go.
    Came,
    /// It was there before.
    Stayed,
    /// It is gone, or will be soon.
    Went,
}

/// All that was asked for.
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

/// What is to be looked at for one told slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) ask: u32,
    pub(super) kind: Kind,
    pub(super) asked: NameId,
    pub(super) name: NameId,
    pub(super) owes_details: bool,
    /// Whether what is known has to do.
    pub(super) is_impatient: bool,
    pub(super) now: u32,
    pub(super) told: u32,
}

impl<A: AskStorage> Asks<A> {
    pub(crate) const fn new(config: &Config) -> Self {
        // One more bit is needed beside a number of a told slot.
        let told_max = match config.heard_records_max {
            max @ 0..0x4000_0000 => max,
            _ => 0x4000_0000,
        };
        let names = told_max.saturating_mul(2).saturating_add(config.asks_max);
        Asks {
            names: Names::new(Limits { names, text: config.heard_text_max }),
            asks: Table::new(),
            due: Due::new(),
            told: Table::new(),
            asks_max: config.asks_max,
            told_max: told_max.saturating_add(config.asks_max),
            generation: 0,
            touched: List::EMPTY,
            told_news: List::EMPTY,
            ask_news: List::EMPTY,
            spent: NONE,
        }
    }

    /// Sets the key of the hashes. Only while nothing is asked for.
    pub(crate) fn set_key(&mut self, key: u64) {
        self.names.set_key(key);
    }

    pub(super) fn name(&self, id: NameId) -> Name<'_> {
        self.names.name(id)
    }

    // Asking.

    /// Makes room for something asked for; all but a browse has its one told slot at once.
    pub(super) fn add(&mut self, name: Name<'_>, kind: Kind, patience: Option<Instant>) -> Result<u32, Full> {
        let name = self.names.intern(name, |_, _| {})?;
        self.generation = self.generation.wrapping_add(1);
        let slot = AskSlot {
            name,
            next: self.names.first(name),
            next_news: NONE,
            place: NONE,
            generation: self.generation,
            kind,
            is_one_shot: patience.is_some(),
            is_impatient: false,
            has_news: false,
            incomplete: Once::No,
            outcome: None,
            due: patience.unwrap_or(Instant::MAX),
        };
        let Ok(ask) = self.asks.insert(slot, self.asks_max) else {
            self.names.release(name);
            return Err(Full);
        };
        self.names.set_first(name, ask);
        self.due.settle(&mut self.asks, ask);
        if !matches!(kind, Kind::Browse | Kind::Types) {
            self.names.hold(name);
            if let Err(full) = self.add_told(ask, name) {
                self.names.release(name);
                self.remove(ask);
                return Err(full);
            }
        }
        Ok(ask)
    }

    /// A slot for something to be told; takes over the caller's hold on the name unless it is full.
    fn add_told(&mut self, ask: u32, name: NameId) -> Result<u32, Full> {
        let slot = ToldSlot {
            ask,
            name,
            host: None,
            links: [(NONE, NONE); 2],
            next_touched: NONE,
            next_news: NONE,
            now: NOTHING,
            told: NOTHING,
            is_touched: false,
            has_news: false,
            owes_details: true,
            is_own: false,
        };
        let told = self.told.insert(slot, self.told_max)?;
        self.link(Entry::new(told, Role::Name), name);
        self.touch(told);
        Ok(told)
    }

    pub(super) fn id(&self, ask: u32) -> Option<AskId> {
        let generation = self.asks.get(ask)?.generation;
        Some(AskId { index: ask, generation })
    }

    /// The slot of an id, if it still means something.
    pub(super) fn index(&self, id: AskId) -> Option<u32> {
        self.asks.get(id.index).filter(|ask| ask.generation == id.generation).map(|_| id.index)
    }

    /// What was asked for under this name and how, for each slot.
    pub(super) fn asked(&self, ask: u32) -> Option<(Name<'_>, Kind)> {
        let slot = self.asks.get(ask)?;
        Some((self.names.name(slot.name), slot.kind))
    }

    pub(super) fn asks_bound(&self) -> u32 {
        self.asks.bound()
    }

    pub(super) fn told_bound(&self) -> u32 {
        self.told.bound()
    }

    /// Forgets an ask. Its told slots must be gone.
    fn remove(&mut self, ask: u32) {
        let Some(slot) = self.asks.get(ask) else { return };
        let (name, next) = (slot.name, slot.next);
        if self.names.first(name) == ask {
            self.names.set_first(name, next);
        } else {
            let mut before = self.names.first(name);
            while let Some(slot) = self.asks.get_mut(before) {
                if slot.next == ask {
                    slot.next = next;
                    break;
                }
                before = slot.next;
            }
        }
        self.due.forget(&mut self.asks, ask);
        self.asks.remove(ask);
        self.names.release(name);
    }

    /// Nothing is needed for an ask any more.
    pub(super) fn retire(&mut self, ask: u32) {
        if let Some(slot) = self.asks.get_mut(ask) {
            slot.outcome.get_or_insert(Outcome::Answered);
        }
    }

    /// Forgets an ask and all that is told of it.
    pub(super) fn remove_ask(&mut self, ask: u32) {
        for list in [Listed::Touched, Listed::News] {
            self.unlist(list, ask);
        }
        let mut news = core::mem::replace(&mut self.ask_news, List::EMPTY);
        while let Some(id) = news.pop(|id| self.asks.get(id).map_or(NONE, |slot| slot.next_news)) {
            if let Some(slot) = self.asks.get_mut(id) {
                slot.has_news = false;
            }
            if id != ask {
                self.push_ask_news(id);
            }
        }
        for told in self.told_range(ask) {
            if self.told.get(told).is_some_and(|slot| slot.ask == ask) {
                self.remove_told(told);
            }
        }
        self.remove(ask);
    }

    /// Where the told slots of an ask are.
    fn told_range(&self, ask: u32) -> core::ops::Range<u32> {
        match self.asks.get(ask) {
            Some(slot) if slot.kind.is_browse() => 0..self.told.bound(),
            Some(slot) => self.find_told(ask, self.names.name(slot.name)).map_or(0..0, |told| told..told + 1),
            None => 0..0,
        }
    }

    /// Shows each name that an ask is about.
    pub(super) fn each_name(&self, ask: u32, mut each: impl FnMut(Name<'_>)) {
        let Some((name, kind)) = self.asked(ask) else { return };
        if kind.is_browse() {
            each(name);
        }
        for slot in self.told_range(ask).filter_map(|told| self.told.get(told)).filter(|slot| slot.ask == ask) {
            each(self.names.name(slot.name));
            if let Some(host) = slot.host {
                each(self.names.name(host));
            }
        }
    }

    /// Takes the slots of an ask out of a list.
    fn unlist(&mut self, which: Listed, ask: u32) {
        let mut list = core::mem::replace(self.list(which), List::EMPTY);
        while let Some(id) = list.pop(|id| self.told.get(id).map_or(NONE, |slot| which.next(slot))) {
            if self.told.get(id).is_some_and(|slot| slot.ask != ask) {
                self.push(which, id);
            }
        }
    }

    // Finding.

    fn link(&mut self, entry: Entry, name: NameId) {
        let next = self.names.tag(name);
        self.set_links(entry, |links| *links = (NONE, next));
        self.set_links(Entry(next), |links| links.0 = entry.0);
        self.names.set_tag(name, entry.0);
    }

    fn unlink(&mut self, entry: Entry, name: NameId) {
        let (before, after) = self.links(entry);
        if before == NONE {
            self.names.set_tag(name, after);
        }
        self.set_links(Entry(before), |links| links.1 = after);
        self.set_links(Entry(after), |links| links.0 = before);
    }

    fn links(&self, entry: Entry) -> (u32, u32) {
        let of_slot = |slot: &ToldSlot| {
            let [as_name, as_host] = slot.links;
            if entry.role() == Role::Name { as_name } else { as_host }
        };
        self.told.get(entry.told()).map_or((NONE, NONE), of_slot)
    }

    fn set_links(&mut self, entry: Entry, set: impl FnOnce(&mut (u32, u32))) {
        if let Some(slot) = self.told.get_mut(entry.told()) {
            let [as_name, as_host] = &mut slot.links;
            set(if entry.role() == Role::Name { as_name } else { as_host });
        }
    }

    /// What is told about a name, and as what.
    fn entries(&self, name: NameId) -> impl Iterator<Item = (u32, Role, &ToldSlot)> {
        let mut entry = Entry(self.names.tag(name));
        core::iter::from_fn(move || {
            let slot = self.told.get(entry.told())?;
            let found = (entry.told(), entry.role(), slot);
            entry = Entry(self.links(entry).1);
            Some(found)
        })
    }

    /// What is asked for under a name and has not ended.
    fn asks_of(&self, name: NameId) -> impl Iterator<Item = (u32, &AskSlot)> {
        let mut id = self.names.first(name);
        core::iter::from_fn(move || {
            let slot = self.asks.get(id)?;
            let found = (id, slot);
            id = slot.next;
            Some(found)
        })
        .filter(|(_, slot)| slot.outcome.is_none())
    }

    fn find_told(&self, ask: u32, name: Name<'_>) -> Option<u32> {
        let name = self.names.find(name)?;
        self.entries(name)
            .find(|(_, role, slot)| *role == Role::Name && slot.ask == ask)
            .map(|(told, ..)| told)
    }

    /// How much a record of this name and type is wanted.
    pub(crate) fn need(&self, name: Name<'_>, rtype: RecordType) -> Need {
        let Some(name) = self.names.find(name) else { return Need::None };
        let browsed = self
            .asks_of(name)
            .map(|(_, ask)| if ask.kind.is_browse() && rtype == RecordType::PTR { Need::Open } else { Need::None });
        let told = self.entries(name).map(|(_, role, slot)| self.need_of(slot, role, rtype));
        // Above `Kept` only a browse can be.
        browsed.max().unwrap_or(Need::None).max(first_kept(told))
    }

    fn need_of(&self, slot: &ToldSlot, role: Role, rtype: RecordType) -> Need {
        let Some(ask) = self.asks.get(slot.ask).filter(|ask| ask.outcome.is_none()) else { return Need::None };
        let is_wanted = match (ask.kind, role) {
            (Kind::Browse | Kind::Resolve, Role::Name) => matches!(rtype, RecordType::SRV | RecordType::TXT),
            (Kind::Browse | Kind::Resolve, Role::Host) => matches!(rtype, RecordType::A | RecordType::AAAA),
            (Kind::Host(addresses), Role::Name) => addresses.types().contains(&rtype),
            (Kind::Query(wanted), Role::Name) => wanted == RecordType::ANY || wanted == rtype,
            (Kind::Types | Kind::Host(_) | Kind::Query(_), _) => false,
        };
        match (is_wanted, ask.kind) {
            (false, _) => Need::None,
            (true, Kind::Browse) => Need::Once,
            (true, _) => Need::Kept,
        }
    }

    // Taking note.

    /// A record has come or has gone. Whatever is told of it is to be looked at again. Says how much it is wanted.
    pub(crate) fn note(&mut self, change: Change, name: Name<'_>, rdata: &Rdata<'_>) -> Need {
        let Some(name) = self.names.find(name) else { return Need::None };
        let rtype = rdata.rtype();
        let mut need = Need::None;
        if let Rdata::Ptr(target) = *rdata
            && !target.is_root()
        {
            let mut ask = self.names.first(name);
            while let Some(slot) = self.asks.get(ask) {
                let next = slot.next;
                if slot.kind.is_browse() && slot.outcome.is_none() {
                    need = Need::Open;
                    self.note_instance(change, ask, target);
                }
                ask = next;
            }
        }
        if change == Change::Stayed {
            return need;
        }
        let mut entry = Entry(self.names.tag(name));
        while let Some(slot) = self.told.get(entry.told()) {
            let wanted = self.need_of(slot, entry.role(), rtype);
            need = need.max(wanted);
            if wanted != Need::None || rtype == RecordType::NSEC {
                if change == Change::Came && rtype == RecordType::SRV {
                    self.owe_details(entry.told());
                }
                self.touch(entry.told());
            }
            entry = Entry(self.links(entry).1);
        }
        need
    }

    /// An instance has come or gone on some link.
    fn note_instance(&mut self, change: Change, ask: u32, instance: Name<'_>) {
        let told = match (self.find_told(ask, instance), change) {
            (Some(_), Change::Stayed) => return,
            (Some(told), _) => told,
            (None, Change::Went) => return,
            (None, Change::Came | Change::Stayed) => {
                let Ok(name) = self.names.intern(instance, |_, _| {}) else {
                    self.set_incomplete(ask);
                    return;
                };
                let Ok(told) = self.add_told(ask, name) else {
                    self.names.release(name);
                    self.set_incomplete(ask);
                    return;
                };
                told
            }
        };
        if change != Change::Went {
            self.owe_details(told);
        }
        self.touch(told);
    }

    /// Details of this one are to be asked for.
    pub(super) fn owe_details(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told) {
            slot.owes_details = true;
        }
    }

    pub(super) fn touch(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told)
            && !slot.is_touched
        {
            slot.is_touched = true;
            self.push(Listed::Touched, told);
        }
    }

    /// A result is missing because memory is too small; that is told once.
    pub(super) fn set_incomplete(&mut self, ask: u32) {
        if let Some(slot) = self.asks.get_mut(ask)
            && slot.incomplete == Once::No
        {
            slot.incomplete = Once::Owed;
            self.push_ask_news(ask);
        }
    }

    /// A record that is wanted found no room: whoever wants it is told so.
    pub(crate) fn note_dropped(&mut self, name: Name<'_>, rtype: RecordType) {
        let Some(name) = self.names.find(name) else { return };
        let mut ask = self.names.first(name);
        while let Some(slot) = self.asks.get(ask) {
            let next = slot.next;
            if slot.kind.is_browse() && rtype == RecordType::PTR {
                self.set_incomplete(ask);
            }
            ask = next;
        }
        let mut entry = Entry(self.names.tag(name));
        while let Some(slot) = self.told.get(entry.told()) {
            if self.need_of(slot, entry.role(), rtype) != Need::None {
                self.set_incomplete(slot.ask);
            }
            entry = Entry(self.links(entry).1);
        }
    }

    // Looking again.

    /// The next told slot that is to be looked at.
    pub(super) fn take_touched(&mut self) -> Option<u32> {
        let told = self.touched.pop(|id| self.told.get(id).map_or(NONE, |slot| slot.next_touched))?;
        if let Some(slot) = self.told.get_mut(told) {
            slot.is_touched = false;
        }
        Some(told)
    }

    pub(super) fn standing(&self, told: u32) -> Option<Standing> {
        let slot = self.told.get(told)?;
        let ask = self.asks.get(slot.ask).filter(|ask| ask.outcome.is_none())?;
        Some(Standing {
            ask: slot.ask,
            kind: ask.kind,
            asked: ask.name,
            name: slot.name,
            owes_details: slot.owes_details,
            is_impatient: ask.is_impatient,
            now: slot.now,
            told: slot.told,
        })
    }

    /// Details were asked for.
    pub(super) fn pay_details(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told) {
            slot.owes_details = false;
        }
    }

    /// The host that an instance is on now. Says whether it is another one; `Err` if its name finds no room.
    pub(super) fn set_host(&mut self, told: u32, host: Option<Name<'_>>) -> Result<bool, Full> {
        let Some(old) = self.told.get(told).map(|slot| slot.host) else { return Ok(false) };
        if old.map(|old| self.names.name(old)) == host {
            return Ok(false);
        }
        let new = host.map(|host| self.names.intern(host, |_, _| {})).transpose();
        let entry = Entry::new(told, Role::Host);
        if let Some(old) = old {
            self.unlink(entry, old);
            self.names.release(old);
        }
        let host = new.unwrap_or(None);
        if let Some(slot) = self.told.get_mut(told) {
            slot.host = host;
        }
        if let Some(host) = host {
            self.link(entry, host);
        }
        new.map(|_| true)
    }

    /// What is so now; if that differs from what was told, there is news. What is not there and was never told is
    /// forgotten, if it can be found again.
    pub(super) fn set_now(&mut self, told: u32, now: u32, is_own: bool) {
        let Some(slot) = self.told.get_mut(told) else { return };
        slot.now = now;
        slot.is_own = is_own;
        if slot.now != slot.told && !slot.has_news {
            slot.has_news = true;
            self.push(Listed::News, told);
        }
        self.forget_if_idle(told);
    }

    fn forget_if_idle(&mut self, told: u32) {
        let Some(slot) = self.told.get(told) else { return };
        let is_found = self.asks.get(slot.ask).is_some_and(|ask| ask.kind.is_browse());
        if is_found && slot.now == NOTHING && slot.told == NOTHING && !slot.has_news && !slot.is_touched {
            self.remove_told(told);
        }
    }

    /// Forgets a told slot. It must be in no list.
    fn remove_told(&mut self, told: u32) {
        let Some(slot) = self.told.get(told) else { return };
        let (name, host) = (slot.name, slot.host);
        self.unlink(Entry::new(told, Role::Name), name);
        if let Some(host) = host {
            self.unlink(Entry::new(told, Role::Host), host);
            self.names.release(host);
        }
        self.names.release(name);
        self.told.remove(told);
    }

    // Ending.

    /// How an ask ended. It is told later; until then nothing is needed for it any more.
    pub(super) fn finish(&mut self, ask: u32, outcome: Outcome) {
        let Some(slot) = self.asks.get_mut(ask) else { return };
        if slot.outcome.is_none() {
            slot.outcome = Some(outcome);
            slot.due = Instant::MAX;
            self.due.settle(&mut self.asks, ask);
            self.push_ask_news(ask);
        }
    }

    pub(super) fn is_one_shot(&self, ask: u32) -> bool {
        self.asks.get(ask).is_some_and(|slot| slot.is_one_shot)
    }

    /// Waits no longer than until `due` for what is still missing.
    pub(super) fn set_patience(&mut self, ask: u32, due: Instant) {
        if let Some(slot) = self.asks.get_mut(ask)
            && slot.due == Instant::MAX
        {
            slot.due = due;
            self.due.settle(&mut self.asks, ask);
        }
    }

    /// An ask whose patience ends by now. It has none from here on.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let ask = self.due.by(&self.asks, now)?;
        if let Some(slot) = self.asks.get_mut(ask) {
            slot.due = Instant::MAX;
            slot.is_impatient = true;
        }
        self.due.settle(&mut self.asks, ask);
        Some(ask)
    }

    /// Looks again at all that is told of an ask.
    pub(super) fn touch_ask(&mut self, ask: u32) {
        for told in self.told_range(ask) {
            if self.told.get(told).is_some_and(|slot| slot.ask == ask) {
                self.touch(told);
            }
        }
    }

    /// Is patient again.
    pub(super) fn calm(&mut self, ask: u32) {
        if let Some(slot) = self.asks.get_mut(ask) {
            slot.is_impatient = false;
            slot.due = Instant::MAX;
        }
        self.due.settle(&mut self.asks, ask);
    }

    /// Whether nothing at all is kept, not even a name.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.asks.len() == 0 && self.told.len() == 0 && self.names.is_empty()
    }

    // Telling.

    pub(super) fn has_news(&self) -> bool {
        !self.told_news.is_empty() || !self.ask_news.is_empty()
    }

    pub(super) fn next_due(&self) -> Instant {
        self.due.next(&self.asks)
    }

    /// Takes the next piece of news.
    pub(super) fn take_news(&mut self) -> Option<News> {
        let spent = core::mem::replace(&mut self.spent, NONE);
        self.forget_if_idle(spent);
        while let Some(told) = self.told_news.pop(|id| self.told.get(id).map_or(NONE, |slot| slot.next_news)) {
            let Some(slot) = self.told.get_mut(told) else { continue };
            slot.has_news = false;
            let before = core::mem::replace(&mut slot.told, slot.now);
            let (after, ask) = (slot.now, slot.ask);
            if after == NOTHING {
                self.spent = told;
            }
            if before != after {
                return Some(News::Told { ask, told, before, after });
            }
            self.forget_if_idle(told);
        }
        let ask = self.ask_news.pop(|id| self.asks.get(id).map_or(NONE, |slot| slot.next_news))?;
        let slot = self.asks.get_mut(ask)?;
        slot.has_news = false;
        if slot.incomplete == Once::Owed {
            slot.incomplete = Once::Paid;
            if slot.outcome.is_some() {
                self.push_ask_news(ask);
            }
            return Some(News::Incomplete { ask });
        }
        Some(News::Finished { ask, outcome: slot.outcome? })
    }

    pub(super) fn told(&self, told: u32) -> Option<(Name<'_>, bool)> {
        let slot = self.told.get(told)?;
        Some((self.names.name(slot.name), slot.is_own))
    }

    // Lists.

    fn list(&mut self, which: Listed) -> &mut List {
        match which {
            Listed::Touched => &mut self.touched,
            Listed::News => &mut self.told_news,
        }
    }

    fn push(&mut self, which: Listed, told: u32) {
        let slots = &mut self.told;
        let list = match which {
            Listed::Touched => &mut self.touched,
            Listed::News => &mut self.told_news,
        };
        list.push(told, |id, next| {
            if let Some(slot) = slots.get_mut(id) {
                which.set_next(slot, next);
            }
        });
    }

    fn push_ask_news(&mut self, ask: u32) {
        let asks = &mut self.asks;
        let Some(slot) = asks.get_mut(ask) else { return };
        if core::mem::replace(&mut slot.has_news, true) {
            return;
        }
        self.ask_news.push(ask, |id, next| {
            if let Some(slot) = asks.get_mut(id) {
                slot.next_news = next;
            }
        });
    }
}

/// What is told next.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    Told { ask: u32, told: u32, before: u32, after: u32 },
    Incomplete { ask: u32 },
    Finished { ask: u32, outcome: Outcome },
}

/// A list of told slots.
#[derive(Clone, Copy)]
enum Listed {
    Touched,
    News,
}

impl Listed {
    fn next(self, slot: &ToldSlot) -> u32 {
        match self {
            Listed::Touched => slot.next_touched,
            Listed::News => slot.next_news,
        }
    }

    fn set_next(self, slot: &mut ToldSlot, next: u32) {
        match self {
            Listed::Touched => slot.next_touched = next,
            Listed::News => slot.next_news = next,
        }
    }
}

/// The greatest of some needs, none of which is above `Kept`.
fn first_kept(needs: impl Iterator<Item = Need>) -> Need {
    let mut greatest = Need::None;
    for need in needs {
        greatest = greatest.max(need);
        if greatest == Need::Kept {
            break;
        }
    }
    greatest
}
