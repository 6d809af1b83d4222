//! Everything that was asked for: kept, found, ended.

use core::{ops::Range, time::Duration};

use super::{
    AskId, AskSlot, AskStorage, NamesOf, Need, Outcome, ToldSlot,
    ask::Kind,
    heard::is_answer_to,
    told::{CoarseTime, Entry, List, Listed, Once, PassOn, Role},
};

use crate::{
    cache::Subject,
    config::Config,
    name::is_browse_result,
    querier::Start,
    store::{ChainsByName, Due, Full, Id, NONE, NameId, Table},
    time::Instant,
    wire::RecordType,
};

/// How soon what found no room is looked for again when there is some: the application is told of what has gone before. All results
/// may have to be looked at; the more there are, the later.
const LOOK_AGAIN_IN: Duration = Duration::from_millis(20);
const LOOK_AGAIN_EACH: Duration = Duration::from_micros(20);

/// How many results are looked at together: of one name when a record of it changes, and to learn how much one is wanted. A stranger
/// can have any number of instances on one host.
pub(super) const TOGETHER: usize = 16;

/// How many results of a name are passed by to put another one in its place.
const PASSED_MAX: usize = 64;

/// All that was asked for.
pub(crate) struct Asks<A: AskStorage> {
    /// The first request for each name, and the first result that it is the name or the host of.
    pub(super) chains: ChainsByName<A::NameChains>,
    pub(super) asks: Table<AskSlot, A::Asks>,
    pub(super) due: Due<A::AskDue>,
    pub(super) told: Table<ToldSlot, A::Told>,
    pub(super) asks_max: u32,
    pub(super) told_max: u32,
    pub(super) generation: u32,
    /// Told slots whose records have changed since they were last looked at.
    pub(super) touched: List,
    /// Told slots that differ from what was told.
    pub(super) told_news: List,
    /// Asks that have ended, or are incomplete.
    pub(super) ask_news: List,
    /// The slot of something that was told to be gone; it keeps the name until the next call.
    pub(super) spent: u32,
    /// Some ask is missing something.
    pub(super) is_missing: bool,
    /// Any of them may be missing questions.
    misses_questions: bool,
    /// When that is to be looked for, because there is room since; [`Instant::MAX`] while there is not.
    look_at: Instant,
}

impl<A: AskStorage> Asks<A> {
    pub(crate) const fn new(config: &Config) -> Self {
        // One more bit is needed beside a number of a told slot.
        let told_max = match config.heard_records_max {
            max if max < NONE >> 2 => max,
            _ => NONE >> 2,
        };
        Asks {
            chains: ChainsByName::new(),
            asks: Table::new(),
            due: Due::new(),
            told: Table::new(),
            asks_max: config.asks_max,
            told_max: match told_max.saturating_add(config.asks_max) {
                max if max < NONE >> 1 => max,
                _ => NONE >> 1,
            },
            generation: 0,
            touched: List::EMPTY,
            told_news: List::EMPTY,
            ask_news: List::EMPTY,
            spent: NONE,
            is_missing: false,
            misses_questions: false,
            look_at: Instant::MAX,
        }
    }

    // Asking.

    /// Makes room for something asked for; all but a browse has its one told slot at once. Takes over the caller's hold on the name
    /// unless it is full.
    pub(super) fn add(
        &mut self,
        names: &mut NamesOf<A>,
        now: Instant,
        name: NameId,
        kind: Kind,
        patience: Option<Instant>,
    ) -> Result<u32, Full> {
        self.generation = self.generation.wrapping_add(1);
        let slot = AskSlot {
            name,
            next: Id::of(self.chains.first(name)),
            next_news: Id::NONE,
            generation: self.generation,
            kind,
            is_one_shot: patience.is_some(),
            is_impatient: false,
            has_news: false,
            incomplete: Once::No,
            is_missing: false,
            outcome: None,
            due: patience.unwrap_or(Instant::MAX),
            asked_at: CoarseTime::of(now),
        };
        let ask = self.asks.insert(slot, self.asks_max)?;
        self.chains.set_first(name, ask);
        self.due.settle(&self.asks, ask);
        if !kind.is_browse() {
            names.hold(name);
            if let Err(full) = self.add_told(ask, name) {
                names.release(name);
                self.remove(ask);
                return Err(full);
            }
        }
        Ok(ask)
    }

    /// A slot for something to be told; takes over the caller's hold on the name unless it is full.
    pub(super) fn add_told(&mut self, ask: u32, name: NameId) -> Result<u32, Full> {
        let slot = ToldSlot::new(Id::of(ask), name);
        let told = self.told.insert(slot, self.told_max)?;
        self.link(Entry::new(told, Role::Name), name);
        self.touch(told);
        Ok(told)
    }

    // Aliases.

    /// Whether the look-up of a told slot goes through a name.
    pub(super) fn has_hop(&self, told: u32, name: NameId) -> bool {
        self.hops(told).any(|hop| hop == name)
    }

    /// The names that the look-up of a told slot goes through.
    pub(super) fn hops(&self, told: u32) -> impl Iterator<Item = NameId> {
        let next_of = |slot: &ToldSlot| self.told.get(slot.next_hop.get());
        let first = self.told.get(told).and_then(next_of);
        core::iter::successors(first, move |slot| next_of(slot)).map(|slot| slot.name)
    }

    /// The look-up of a told slot goes through a name from here on: what becomes of that matters to it.
    pub(super) fn add_hop(
        &mut self,
        names: &mut NamesOf<A>,
        told: u32,
        name: NameId,
    ) -> Result<(), Full> {
        let Some((ask, next_hop)) = self.told.get(told).map(|slot| (slot.ask, slot.next_hop))
        else {
            return Ok(());
        };
        let slot = ToldSlot {
            owner: Id::of(told),
            next_hop,
            owes_details: false,
            ..ToldSlot::new(ask, name)
        };
        let hop = self.told.insert(slot, self.told_max)?;
        names.hold(name);
        self.link(Entry::new(hop, Role::Name), name);
        if let Some(slot) = self.told.get_mut(told) {
            slot.next_hop = Id::of(hop);
        }
        Ok(())
    }

    /// The look-up of a told slot goes through no other names than these from here on.
    pub(super) fn keep_hops(
        &mut self,
        names: &mut NamesOf<A>,
        told: u32,
        is_kept: impl Fn(NameId) -> bool,
    ) {
        let mut before = told;
        while let Some(slot) = self.told.get(before) {
            let hop = slot.next_hop.get();
            let Some(slot) = self.told.get(hop) else {
                return;
            };
            let (name, next_hop) = (slot.name, slot.next_hop);
            if is_kept(name) {
                before = hop;
                continue;
            }
            if let Some(slot) = self.told.get_mut(before) {
                slot.next_hop = next_hop;
            }
            self.unlink(Entry::new(hop, Role::Name), name);
            names.release(name);
            self.told.vacate(hop);
        }
    }

    pub(super) fn id(&self, ask: u32) -> Option<AskId> {
        let generation = self.asks.get(ask)?.generation;
        Some(AskId {
            index: ask,
            generation,
        })
    }

    /// The slot of an id, if it still means something.
    pub(super) fn index(&self, id: AskId) -> Option<u32> {
        self.asks
            .get(id.index)
            .filter(|ask| ask.generation == id.generation)
            .map(|_| id.index)
    }

    /// What was asked for under this name and how, for each slot.
    pub(super) fn asked(&self, ask: u32) -> Option<(NameId, Kind)> {
        let slot = self.asks.get(ask)?;
        Some((slot.name, slot.kind))
    }

    pub(super) fn is_browse(&self, ask: u32) -> bool {
        self.asks.get(ask).is_some_and(|slot| slot.kind.is_browse())
    }

    pub(super) fn asks_bound(&self) -> u32 {
        self.asks.bound()
    }

    pub(super) fn told_bound(&self) -> u32 {
        self.told.bound()
    }

    /// Forgets an ask, but for its hold on the name. Its told slots must be gone.
    fn remove(&mut self, ask: u32) {
        let Some(slot) = self.asks.get(ask) else {
            return;
        };
        let (name, next) = (slot.name, slot.next);
        if self.chains.first(name) == ask {
            self.chains.set_first(name, next.get());
        } else {
            let mut before = self.chains.first(name);
            while let Some(slot) = self.asks.get_mut(before) {
                if slot.next == Id::of(ask) {
                    slot.next = next;
                    break;
                }
                before = slot.next.get();
            }
        }
        self.due.forget(&self.asks, ask);
        self.asks.vacate(ask);
    }

    /// Nothing is needed for an ask any more.
    pub(super) fn retire(&mut self, ask: u32) {
        if let Some(slot) = self.asks.get_mut(ask) {
            slot.outcome.get_or_insert(Outcome::Answered);
        }
    }

    /// Forgets an ask and all that is told of it.
    pub(super) fn remove_ask(&mut self, names: &mut NamesOf<A>, ask: u32) {
        for list in [Listed::Touched, Listed::News] {
            self.unlist(list, ask);
        }
        self.unlist_ask(ask);
        for told in self.told_range(ask) {
            // The names that a look-up goes through are forgotten with it.
            if self
                .told
                .get(told)
                .is_some_and(|slot| slot.ask == Id::of(ask) && slot.owner == Id::NONE)
            {
                self.remove_told(names, told);
            }
        }
        let name = self.asks.get(ask).map(|slot| slot.name);
        self.remove(ask);
        if let Some(name) = name {
            names.release(name);
        }
    }

    /// There is room, of some kind or another: what found none before may find it now.
    pub(crate) fn note_room(&mut self, now: Instant) {
        if self.is_missing {
            let results = u32::try_from(self.told.len()).unwrap_or(u32::MAX);
            let wait = LOOK_AGAIN_IN + LOOK_AGAIN_EACH.saturating_mul(results);
            self.look_at = self.look_at.min(now + wait);
        }
    }

    /// Questions that found no room may find some now: all requests are looked at again, at once if there are few results.
    pub(super) fn note_room_for_questions(&mut self, now: Instant) -> bool {
        if self.told.len() <= TOGETHER {
            return true;
        }
        (self.is_missing, self.misses_questions) = (true, true);
        self.note_room(now);
        false
    }

    /// Whether it is time to look for all that is missing, and whether that is so of all requests. It is done then.
    pub(super) fn looks_again(&mut self, now: Instant) -> Option<bool> {
        let is_time = self.look_at <= now;
        is_time.then(|| {
            (self.look_at, self.is_missing) = (Instant::MAX, false);
            core::mem::take(&mut self.misses_questions)
        })
    }

    /// Whether this one was missing something. It is looked at now.
    pub(super) fn take_missing(&mut self, ask: u32) -> bool {
        let slot = self.asks.get_mut(ask);
        slot.is_some_and(|slot| core::mem::take(&mut slot.is_missing))
    }

    /// Forgets a told slot. It must be in no list.
    pub(super) fn remove_told(&mut self, names: &mut NamesOf<A>, told: u32) {
        self.keep_hops(names, told, |_| false);
        let Some(slot) = self.told.get(told) else {
            return;
        };
        let (name, host) = (slot.name, slot.host());
        self.unlink(Entry::new(told, Role::Name), name);
        if let Some(host) = host {
            self.unlink(Entry::new(told, Role::Host), host);
            names.release(host);
        }
        names.release(name);
        self.told.vacate(told);
    }

    /// Where the told slots of an ask are.
    fn told_range(&self, ask: u32) -> Range<u32> {
        match self.asks.get(ask) {
            Some(slot) if slot.kind.is_browse() => 0..self.told.bound(),
            Some(slot) => self
                .find_told(ask, slot.name)
                .map_or(0..0, |told| told..told + 1),
            None => 0..0,
        }
    }

    /// Shows each name that an ask is about.
    pub(super) fn each_name(&self, ask: u32, mut each: impl FnMut(NameId)) {
        let Some((name, kind)) = self.asked(ask) else {
            return;
        };
        if kind.is_browse() {
            each(name);
        }
        for told in self.told_range(ask) {
            let Some(slot) = self.told.get(told).filter(|slot| slot.ask == Id::of(ask)) else {
                continue;
            };
            each(slot.name);
            slot.host().into_iter().for_each(&mut each);
            if !kind.is_browse() {
                self.hops(told).for_each(&mut each);
            }
        }
    }

    // Finding.

    /// Puts an entry in the chain of a name: what is told of the name itself before what has it as a host, and there what is kept up to
    /// date before what is not, so that a look at the first few tells how much a record is wanted.
    pub(super) fn link(&mut self, entry: Entry, name: NameId) {
        let order = self.order(entry);
        let (mut before, mut next) = (NONE, self.chains.second(name));
        for _ in 0..PASSED_MAX {
            if next == NONE || self.order(Entry(next)) >= order {
                break;
            }
            (before, next) = (next, self.links(Entry(next)).1);
        }
        self.set_links(entry, |links| *links = (Id::of(before), Id::of(next)));
        self.set_links(Entry(next), |links| links.0 = Id::of(entry.0));
        if before == NONE {
            self.chains.set_second(name, entry.0);
        } else {
            self.set_links(Entry(before), |links| links.1 = Id::of(entry.0));
        }
    }

    /// The place of an entry among others of a name.
    fn order(&self, entry: Entry) -> u8 {
        let Some(slot) = self.told.get(entry.told()) else {
            return u8::MAX;
        };
        let ask = self.asks.get(slot.ask.get());
        let is_shown = ask.is_some_and(
            |ask| matches!(ask.kind, Kind::Browse(details) if details.need() < Need::Kept),
        );
        match entry.role() {
            Role::Name => 0,
            Role::Host => 1 + u8::from(is_shown),
        }
    }

    pub(super) fn unlink(&mut self, entry: Entry, name: NameId) {
        let (before, after) = self.links(entry);
        if before == NONE {
            self.chains.set_second(name, after);
        }
        self.set_links(Entry(before), |links| links.1 = Id::of(after));
        self.set_links(Entry(after), |links| links.0 = Id::of(before));
        // What it was to pass on goes to the next at once.
        let passed = self.passes_on(entry);
        self.pass_on(Entry(after), passed);
    }

    fn passes_on(&mut self, entry: Entry) -> PassOn {
        let slot = self.told.get_mut(entry.told());
        let place = slot.and_then(|slot| slot.passes_on.get_mut(entry.role() as usize));
        place.map_or(PassOn::Nothing, |place| {
            core::mem::replace(place, PassOn::Nothing)
        })
    }

    /// Says something to a result of a name, and through it to all after it, one after another.
    pub(super) fn pass_on(&mut self, entry: Entry, passed: PassOn) {
        let Some(slot) = self.told.get_mut(entry.told()) else {
            return;
        };
        if passed == PassOn::Nothing {
            return;
        }
        if let Some(place) = slot.passes_on.get_mut(entry.role() as usize) {
            *place = passed.max(*place);
        }
        slot.owes_details = true;
        let ask = slot.ask.get();
        self.touch_itself(entry.told());
        if passed == PassOn::Missing {
            self.set_missing(ask);
        }
    }

    /// A result is looked at: what it was to pass on goes to those after it.
    pub(super) fn pass_all_on(&mut self, told: u32) {
        for role in [Role::Name, Role::Host] {
            let entry = Entry::new(told, role);
            let passed = self.passes_on(entry);
            let after = self.links(entry).1;
            self.pass_on(Entry(after), passed);
            // A name that a look-up goes through is no result of its own.
            let owner = self.told.get(told).map_or(Id::NONE, |slot| slot.owner);
            if passed != PassOn::Nothing && owner != Id::NONE {
                self.touch(told);
            }
        }
    }

    pub(super) fn links(&self, entry: Entry) -> (u32, u32) {
        let of_slot = |slot: &ToldSlot| {
            let [as_name, as_host] = slot.links;
            let (before, after) = if entry.role() == Role::Name {
                as_name
            } else {
                as_host
            };
            (before.get(), after.get())
        };
        self.told.get(entry.told()).map_or((NONE, NONE), of_slot)
    }

    fn set_links(&mut self, entry: Entry, set: impl FnOnce(&mut (Id, Id))) {
        if let Some(slot) = self.told.get_mut(entry.told()) {
            let [as_name, as_host] = &mut slot.links;
            set(if entry.role() == Role::Name {
                as_name
            } else {
                as_host
            });
        }
    }

    /// What is told about a name, and as what.
    pub(super) fn entries(&self, name: NameId) -> Told<'_, A> {
        Told {
            asks: self,
            next: Entry(self.chains.second(name)),
        }
    }

    /// What is asked for under a name and has not ended.
    fn asks_of(&self, name: NameId) -> impl Iterator<Item = (u32, &AskSlot)> {
        let mut id = self.chains.first(name);
        core::iter::from_fn(move || {
            let slot = self.asks.get(id)?;
            let found = (id, slot);
            id = slot.next.get();
            Some(found)
        })
        .filter(|(_, slot)| slot.outcome.is_none())
    }

    pub(super) fn find_told(&self, ask: u32, name: NameId) -> Option<u32> {
        self.entries(name)
            .find(|(_, role, slot)| {
                *role == Role::Name && slot.ask == Id::of(ask) && slot.owner == Id::NONE
            })
            .map(|(told, ..)| told)
    }

    /// What was browsed and has found this instance.
    pub(super) fn each_browse_of(&self, instance: NameId, mut each: impl FnMut(NameId)) {
        for (_, role, slot) in self.entries(instance) {
            let browse = self
                .asks
                .get(slot.ask.get())
                .filter(|ask| ask.kind.is_browse());
            if let Some(ask) = browse.filter(|_| role == Role::Name && slot.owner == Id::NONE) {
                each(ask.name);
            }
        }
    }

    /// How much the answers to a question are wanted.
    pub(crate) fn need(&self, name: NameId, rtype: RecordType) -> Need {
        // Above `Kept` only a browse can be.
        if rtype == RecordType::PTR && self.is_browsed(name) {
            Need::Open
        } else {
            self.need_beside_browse(name, rtype)
        }
    }

    /// How much a record is wanted: by a browse only if it names what that finds.
    pub(crate) fn need_of_record(&self, names: &NamesOf<A>, record: Subject) -> Need {
        match record.pointer {
            Some(target)
                if self.is_browsed(record.name)
                    && is_browse_result(names.name(record.name), names.name(target)) =>
            {
                Need::Open
            }
            _ => self.need_beside_browse(record.name, record.rtype),
        }
    }

    /// Whether instances are browsed for under a name.
    pub(crate) fn is_browsed(&self, name: NameId) -> bool {
        self.asks_of(name).any(|(_, ask)| ask.kind.is_browse())
    }

    pub(crate) fn need_beside_browse(&self, name: NameId, rtype: RecordType) -> Need {
        let told = self
            .entries(name)
            .take(TOGETHER)
            .map(|(_, role, slot)| self.need_of(slot, role, rtype));
        first_kept(told)
    }

    /// Whether the application asked for records of this name.
    pub(crate) fn is_awaited(&self, name: NameId) -> bool {
        self.asks_of(name).next().is_some()
    }

    pub(super) fn need_of(&self, slot: &ToldSlot, role: Role, rtype: RecordType) -> Need {
        let Some(ask) = self
            .asks
            .get(slot.ask.get())
            .filter(|ask| ask.outcome.is_none())
        else {
            return Need::None;
        };
        // A name that a look-up goes through stands for a host, too.
        let role = if slot.owner == Id::NONE {
            role
        } else {
            Role::Host
        };
        let is_wanted = match (ask.kind, role) {
            (Kind::Browse(_) | Kind::Resolve, Role::Name) => {
                matches!(rtype, RecordType::SRV | RecordType::TXT)
            }
            (Kind::Browse(_) | Kind::Resolve, Role::Host) => {
                matches!(rtype, RecordType::A | RecordType::AAAA | RecordType::CNAME)
            }
            (Kind::Host(addresses), _) => {
                addresses.types().contains(&rtype) || rtype == RecordType::CNAME
            }
            (Kind::Query(wanted), Role::Name) => is_answer_to(wanted, rtype),
            (Kind::Types | Kind::Query(_), _) => false,
        };
        match (is_wanted, ask.kind) {
            (false, _) => Need::None,
            (true, Kind::Browse(details)) => details.need(),
            (true, _) => Need::Kept,
        }
    }

    // Ending.

    /// How an ask ended. It is told later; until then nothing is needed for it any more.
    pub(super) fn finish(&mut self, ask: u32, outcome: Outcome) {
        let Some(slot) = self.asks.get_mut(ask) else {
            return;
        };
        if slot.outcome.is_none() {
            slot.outcome = Some(outcome);
            slot.due = Instant::MAX;
            self.due.settle(&self.asks, ask);
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
            self.due.settle(&self.asks, ask);
        }
    }

    /// An ask whose patience ends by now. It has none from here on.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let ask = self.due.by(&self.asks, now)?;
        if let Some(slot) = self.asks.get_mut(ask) {
            slot.due = Instant::MAX;
            slot.is_impatient = true;
        }
        self.due.settle(&self.asks, ask);
        Some(ask)
    }

    /// When the next one's patience ends.
    pub(super) fn next_due(&self) -> Instant {
        self.due.next(&self.asks).min(self.look_at)
    }

    /// Looks again at all that is told of an ask.
    pub(super) fn touch_ask(&mut self, ask: u32) {
        for told in self.told_range(ask) {
            if self
                .told
                .get(told)
                .is_some_and(|slot| slot.ask == Id::of(ask))
            {
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
        self.due.settle(&self.asks, ask);
    }

    /// When to ask for what is missing of a told slot: at once the first time, and when more becomes known to ask for, while
    /// somebody waits for it.
    pub(super) fn take_start(&mut self, now: Instant, told: u32) -> Start {
        let Some(slot) = self.told.get_mut(told) else {
            return Start::Random;
        };
        let is_new = core::mem::take(&mut slot.owes_details);
        let ask = self.asks.get(slot.ask.get());
        if is_new && ask.is_some_and(|ask| ask.asked_at.is_recent(now)) {
            Start::AtOnce
        } else {
            Start::Random
        }
    }

    /// Whether anything was ever asked for.
    pub(crate) fn had_any(&self) -> bool {
        self.generation > 0
    }

    /// Whether nothing is asked for.
    pub(crate) fn is_idle(&self) -> bool {
        self.asks.len() == 0
    }

    /// Whether nothing at all is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.asks.len() == 0 && self.told.len() == 0
    }
}

/// What is told about a name, and as what.
pub(super) struct Told<'a, A: AskStorage> {
    asks: &'a Asks<A>,
    next: Entry,
}

impl<'a, A: AskStorage> Iterator for Told<'a, A> {
    type Item = (u32, Role, &'a ToldSlot);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next;
        let slot = self.asks.told.get(entry.told())?;
        self.next = Entry(self.asks.links(entry).1);
        Some((entry.told(), entry.role(), slot))
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
