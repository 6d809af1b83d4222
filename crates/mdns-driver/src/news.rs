//! What a subscriber has been told, what is so now, and therefore what is news.
//!
//! Nothing is queued: a slow reader finds the latest state of each thing, and has lost only what came between. What came
//! and went before it looked has not been.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
    sync::Arc,
};

use mdns_proto::{
    discovery::Outcome,
    name::{Name, NameBuf},
};

use crate::{
    Answer, HostAddresses, Instance,
    kept::{KeptAnswers, KeptHost, KeptInstance, NoRoom, Store},
};

/// News of a browse.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrowseEvent {
    /// An instance is there. Details may be missing; `Changed` follows as they come.
    Found(Instance),
    /// Details of an instance are others now.
    Changed(Instance),
    /// An instance is gone from the last link.
    Gone(Instance),
    /// There are more instances than memory allows to know of. Told once.
    Incomplete,
}

/// News of a resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once, to the one who is told"
)]
pub enum ResolveEvent {
    /// Host, port, attributes and addresses are these now.
    Resolved(Instance),
    /// What was resolved is not there any more.
    Lost,
    /// There is more of it than memory allows to know of. Told once.
    Incomplete,
}

/// News of a look-up.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are addresses"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupEvent {
    /// The addresses of the host are these now; none if it has none (any more).
    Addresses(HostAddresses),
    /// There are more addresses than memory allows to know of. Told once.
    Incomplete,
}

/// News of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryEvent {
    /// The records are these now; none if there are none (any more).
    Answers(Vec<Answer>),
    /// There are more records than memory allows to know of. Told once.
    Incomplete,
    /// A one-shot query has ended; nothing follows.
    Finished(Outcome),
}

/// What one subscriber of some kind has yet to be told.
pub trait News: Default {
    /// What it is told.
    type Event;
    /// The next news, if there is any.
    fn next(&mut self) -> Option<Self::Event>;
    /// Memory is too small for all results: that is told once, after those that there are.
    #[doc(hidden)]
    fn set_incomplete(&mut self);
    /// Whether nothing will ever follow what is there.
    fn is_over(&self) -> bool {
        false
    }
}

/// Whether results are missing, which is told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Incomplete {
    #[default]
    No,
    Untold,
    Told,
}

impl Incomplete {
    fn set(&mut self) {
        if *self == Incomplete::No {
            *self = Incomplete::Untold;
        }
    }

    /// Whether to tell it now.
    fn take(&mut self) -> bool {
        let is_news = *self == Incomplete::Untold;
        if is_news {
            *self = Incomplete::Told;
        }
        is_news
    }
}

/// What a browse has yet to tell.
#[derive(Debug, Default)]
pub struct BrowseNews {
    /// What is there, and what is gone and was not told to be, by name.
    slots: HashMap<Arc<[u8]>, Slot>,
    /// The slots that have news, in the order in which they came to have it.
    dirty: BTreeMap<NonZeroU64, Arc<[u8]>>,
    /// The last number of `dirty`.
    count: u64,
    incomplete: Incomplete,
}

/// An instance as it is, and as the subscriber takes it to be; one copy where these are the same.
#[derive(Debug, Default)]
struct Slot {
    now: Option<Arc<KeptInstance>>,
    told: Option<Arc<KeptInstance>>,
    /// Its number in `dirty`: there if and only if `now` and `told` differ.
    dirty: Option<NonZeroU64>,
}

impl BrowseNews {
    /// An instance was found, or has changed. One that finds no room is not told of; one that was told of before is told by its name alone.
    pub(crate) fn set(&mut self, store: &mut Store, instance: &Instance) {
        let wire = instance.name.as_wire();
        let known = self.slots.get_key_value(wire);
        let is_new = known.is_none();
        let key = known.map_or_else(|| wire.into(), |(key, _)| Arc::clone(key));
        if let Some(slot) = self.slots.get_mut(&key) {
            // It makes room for what takes its place.
            slot.now = None;
        }
        let now = match store.instance(&key, instance) {
            Ok(now) => now,
            Err(NoRoom) => {
                self.set_incomplete();
                if is_new {
                    return;
                }
                store.name_alone(&key, instance)
            }
        };
        self.update(key, Some(now));
    }

    /// An instance is gone.
    pub(crate) fn remove(&mut self, name: Name<'_>) {
        let name = NameBuf::from(name);
        if let Some((key, _)) = self.slots.get_key_value(name.as_wire()) {
            self.update(Arc::clone(key), None);
        }
    }

    fn update(&mut self, key: Arc<[u8]>, now: Option<Arc<KeptInstance>>) {
        let slot = self.slots.entry(Arc::clone(&key)).or_default();
        slot.now = match (&slot.told, now) {
            (Some(told), Some(now)) if **told == *now => Some(Arc::clone(told)),
            (_, now) => now,
        };
        match (slot.now == slot.told, slot.dirty) {
            (false, None) => {
                self.count += 1;
                slot.dirty = NonZeroU64::new(self.count);
                if let Some(number) = slot.dirty {
                    self.dirty.insert(number, key);
                }
            }
            (true, number) => {
                if let Some(number) = number {
                    self.dirty.remove(&number);
                }
                slot.dirty = None;
                if slot.now.is_none() {
                    self.slots.remove(&key);
                }
            }
            (false, Some(_)) => {}
        }
    }

    /// What is there now, told or not.
    pub(crate) fn snapshot(&self) -> Vec<Instance> {
        let there = self.slots.values().filter_map(|slot| slot.now.as_deref());
        there.map(KeptInstance::to_instance).collect()
    }
}

impl News for BrowseNews {
    type Event = BrowseEvent;

    fn set_incomplete(&mut self) {
        self.incomplete.set();
    }

    fn next(&mut self) -> Option<BrowseEvent> {
        let Some((_, key)) = self.dirty.pop_first() else {
            return self.incomplete.take().then_some(BrowseEvent::Incomplete);
        };
        let slot = self.slots.get_mut(&key)?;
        slot.dirty = None;
        let before = std::mem::replace(&mut slot.told, slot.now.clone());
        match (before, slot.now.as_deref().map(KeptInstance::to_instance)) {
            (None, Some(found)) => Some(BrowseEvent::Found(found)),
            (Some(_), Some(changed)) => Some(BrowseEvent::Changed(changed)),
            (gone, None) => {
                self.slots.remove(&key);
                gone.map(|gone| BrowseEvent::Gone(gone.to_instance()))
            }
        }
    }
}

/// A state, of which the latest is told if it is another than was told last. One copy where these are the same.
#[derive(Debug)]
struct Latest<T> {
    now: Option<Arc<T>>,
    told: Option<Arc<T>>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            now: None,
            told: None,
        }
    }
}

impl<T: PartialEq> Latest<T> {
    fn set(&mut self, state: Option<Arc<T>>) {
        self.now = if state == self.told {
            self.told.clone()
        } else {
            state
        };
    }

    /// The latest, if it is news.
    fn take(&mut self) -> Option<Option<&T>> {
        if self.now == self.told {
            return None;
        }
        self.told.clone_from(&self.now);
        Some(self.now.as_deref())
    }
}

/// What a resolve has yet to tell: nothing while it is not resolved.
#[derive(Debug, Default)]
pub struct ResolveNews {
    instance: Latest<KeptInstance>,
    incomplete: Incomplete,
}

impl ResolveNews {
    /// What it is resolved to; of what finds no room the name alone.
    pub(crate) fn set(&mut self, store: &mut Store, instance: Option<&Instance>) {
        let Some(instance) = instance else {
            return self.instance.set(None);
        };
        let Latest { now, told } = &mut self.instance;
        let mut known = now.iter().chain(&*told).map(|kept| kept.name());
        let wire = instance.name.as_wire();
        let name = known.find(|name| ***name == *wire).cloned();
        let name = name.unwrap_or_else(|| wire.into());
        // It makes room for what takes its place.
        *now = None;
        let kept = store.instance(&name, instance).unwrap_or_else(|NoRoom| {
            self.incomplete.set();
            store.name_alone(&name, instance)
        });
        self.instance.set(Some(kept));
    }
}

impl News for ResolveNews {
    type Event = ResolveEvent;

    fn set_incomplete(&mut self) {
        self.incomplete.set();
    }

    fn next(&mut self) -> Option<ResolveEvent> {
        if let Some(now) = self.instance.take() {
            return Some(now.map_or(ResolveEvent::Lost, |now| {
                ResolveEvent::Resolved(now.to_instance())
            }));
        }
        self.incomplete.take().then_some(ResolveEvent::Incomplete)
    }
}

/// What a look-up has yet to tell.
#[derive(Debug, Default)]
pub struct LookupNews {
    addresses: Latest<KeptHost>,
    incomplete: Incomplete,
}

impl LookupNews {
    /// The addresses; as many as find room.
    pub(crate) fn set(&mut self, store: &mut Store, found: &HostAddresses) {
        // It makes room for what takes its place.
        self.addresses.now = None;
        let (now, is_all) = store.addresses(found);
        if !is_all {
            self.incomplete.set();
        }
        self.addresses
            .set(now.or_else(|| self.addresses.told.clone()));
    }
}

impl News for LookupNews {
    type Event = LookupEvent;

    fn set_incomplete(&mut self) {
        self.incomplete.set();
    }

    fn next(&mut self) -> Option<LookupEvent> {
        if let Some(found) = self.addresses.take().flatten() {
            return Some(LookupEvent::Addresses(found.to_addresses()));
        }
        self.incomplete.take().then_some(LookupEvent::Incomplete)
    }
}

/// What a query has yet to tell.
#[derive(Debug, Default)]
pub struct QueryNews {
    answers: Latest<KeptAnswers>,
    incomplete: Incomplete,
    outcome: Option<Outcome>,
    is_over: bool,
}

impl QueryNews {
    /// The answers; as many as find room.
    pub(crate) fn set(&mut self, store: &mut Store, found: &[Answer]) {
        // It makes room for what takes its place.
        self.answers.now = None;
        let (now, is_all) = store.answers(found);
        if !is_all {
            self.incomplete.set();
        }
        self.answers.set(now.or_else(|| self.answers.told.clone()));
    }

    pub(crate) fn finish(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.is_over = true;
    }
}

impl News for QueryNews {
    type Event = QueryEvent;

    fn set_incomplete(&mut self) {
        self.incomplete.set();
    }

    fn next(&mut self) -> Option<QueryEvent> {
        if let Some(found) = self.answers.take().flatten() {
            return Some(QueryEvent::Answers(found.to_answers()));
        }
        if self.incomplete.take() {
            return Some(QueryEvent::Incomplete);
        }
        self.outcome.take().map(QueryEvent::Finished)
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdns_proto::wire::TxtVec;

    fn store() -> Store {
        Store::new(usize::MAX)
    }

    /// A printer, whose port tells its states apart.
    fn printer(label: &str, port: u16) -> Instance {
        Instance {
            name: format!("{label}._ipp._tcp.local").parse().unwrap(),
            host: None,
            canonical_host: None,
            port: Some(port),
            txt: TxtVec::new(),
            addresses: Vec::new(),
            is_own: false,
        }
    }

    fn all(news: &mut BrowseNews) -> Vec<String> {
        let told = |event| match event {
            BrowseEvent::Found(found) => format!("found {} {}", found.label(), found.port.unwrap()),
            BrowseEvent::Changed(changed) => {
                format!("changed {} {}", changed.label(), changed.port.unwrap())
            }
            BrowseEvent::Gone(gone) => format!("gone {}", gone.label()),
            BrowseEvent::Incomplete => "incomplete".to_owned(),
        };
        std::iter::from_fn(|| news.next()).map(told).collect()
    }

    #[test]
    fn a_quick_reader_is_told_everything() {
        let mut news = BrowseNews::default();
        news.set(&mut store(), &printer("hall", 1));
        assert_eq!(all(&mut news), ["found hall 1"]);
        news.set(&mut store(), &printer("hall", 2));
        assert_eq!(all(&mut news), ["changed hall 2"]);
        news.remove(printer("hall", 2).name.as_name());
        assert_eq!(all(&mut news), ["gone hall"]);
    }

    #[test]
    fn the_same_again_is_no_news() {
        let mut news = BrowseNews::default();
        news.set(&mut store(), &printer("hall", 1));
        all(&mut news);
        news.set(&mut store(), &printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
    }

    /// covers: SEC-11
    #[test]
    fn a_slow_reader_is_told_the_latest() {
        let mut news = BrowseNews::default();
        for port in 1..=10_000 {
            news.set(&mut store(), &printer("hall", port));
            news.set(&mut store(), &printer("attic", port));
        }
        assert_eq!(all(&mut news), ["found hall 10000", "found attic 10000"]);
    }

    /// covers: SEC-11
    #[test]
    fn what_came_and_went_unseen_has_not_been() {
        let mut news = BrowseNews::default();
        for n in 0..10_000 {
            let label = format!("hall {n}");
            news.set(&mut store(), &printer(&label, 1));
            news.remove(printer(&label, 1).name.as_name());
        }
        assert_eq!(
            (news.slots.len(), news.dirty.len()),
            (0, 0),
            "nothing grows"
        );
        assert_eq!(all(&mut news), Vec::<String>::new());
    }

    #[test]
    fn what_went_and_came_back_unseen_has_changed() {
        let mut news = BrowseNews::default();
        news.set(&mut store(), &printer("hall", 1));
        all(&mut news);
        news.remove(printer("hall", 1).name.as_name());
        news.set(&mut store(), &printer("hall", 2));
        assert_eq!(all(&mut news), ["changed hall 2"]);
    }

    #[test]
    fn what_is_again_as_it_was_told_is_no_news() {
        let mut news = BrowseNews::default();
        news.set(&mut store(), &printer("hall", 1));
        all(&mut news);
        news.set(&mut store(), &printer("hall", 2));
        news.set(&mut store(), &printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
        news.remove(printer("hall", 1).name.as_name());
        news.set(&mut store(), &printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
        assert!(news.dirty.is_empty());

        let mut news = ResolveNews::default();
        news.set(&mut store(), Some(&printer("hall", 1)));
        assert!(news.next().is_some());
        news.set(&mut store(), None);
        news.set(&mut store(), Some(&printer("hall", 1)));
        assert_eq!(news.next(), None);
    }

    #[test]
    fn what_was_told_and_came_and_went_is_gone_once() {
        let mut news = BrowseNews::default();
        news.set(&mut store(), &printer("hall", 1));
        all(&mut news);
        for _ in 0..3 {
            news.remove(printer("hall", 1).name.as_name());
            news.set(&mut store(), &printer("hall", 2));
        }
        news.remove(printer("hall", 2).name.as_name());
        assert_eq!(news.snapshot(), []);
        assert_eq!(all(&mut news), ["gone hall"]);
        assert!(news.slots.is_empty());
    }

    #[test]
    fn news_come_in_the_order_in_which_they_arose() {
        let mut news = BrowseNews::default();
        for label in ["cellar", "hall", "attic"] {
            news.set(&mut store(), &printer(label, 1));
        }
        news.set(&mut store(), &printer("cellar", 2));
        news.set_incomplete();
        assert_eq!(
            all(&mut news),
            [
                "found cellar 2",
                "found hall 1",
                "found attic 1",
                "incomplete"
            ]
        );
    }

    #[test]
    fn what_was_not_resolved_is_not_lost() {
        let mut news = ResolveNews::default();
        news.set(&mut store(), Some(&printer("hall", 1)));
        news.set(&mut store(), None);
        assert_eq!(news.next(), None);
        news.set(&mut store(), Some(&printer("hall", 1)));
        assert!(matches!(news.next(), Some(ResolveEvent::Resolved(_))));
        news.set(&mut store(), None);
        assert_eq!(news.next(), Some(ResolveEvent::Lost));
        assert_eq!(news.next(), None);
    }

    #[test]
    fn each_kind_is_told_once_that_results_are_missing() {
        fn told<N: News>(mut news: N) -> (Option<N::Event>, bool) {
            news.set_incomplete();
            (news.next(), news.next().is_none())
        }
        assert_eq!(
            told(BrowseNews::default()),
            (Some(BrowseEvent::Incomplete), true)
        );
        assert_eq!(
            told(ResolveNews::default()),
            (Some(ResolveEvent::Incomplete), true)
        );
        assert_eq!(
            told(LookupNews::default()),
            (Some(LookupEvent::Incomplete), true)
        );
        assert_eq!(
            told(QueryNews::default()),
            (Some(QueryEvent::Incomplete), true)
        );

        let mut news = QueryNews::default();
        news.set(&mut store(), &[]);
        news.set_incomplete();
        news.finish(Outcome::Answered);
        let all: Vec<_> = std::iter::from_fn(|| news.next()).collect();
        let finished = QueryEvent::Finished(Outcome::Answered);
        let answers = QueryEvent::Answers(Vec::new());
        assert_eq!(all, [answers, QueryEvent::Incomplete, finished]);
    }

    /// What an instance like those here takes.
    fn cost() -> usize {
        let (mut store, mut news) = (store(), BrowseNews::default());
        news.set(&mut store, &printer("hall", 1));
        store.used()
    }

    #[test]
    fn what_finds_no_room_is_told_to_be_missing_and_what_was_told_before_has_no_details() {
        let (mut store, mut news) = (Store::new(2 * cost()), BrowseNews::default());
        for label in ["hall", "roof", "yard"] {
            news.set(&mut store, &printer(label, 1));
        }
        assert_eq!(
            all(&mut news),
            ["found hall 1", "found roof 1", "incomplete"]
        );
        news.remove(printer("yard", 1).name.as_name());
        assert_eq!(all(&mut news), Vec::<String>::new());
        // What takes the place of what was told before needs room while the application has not read it.
        news.set(&mut store, &printer("hall", 2));
        let Some(BrowseEvent::Changed(hall)) = news.next() else {
            panic!("no news");
        };
        assert_eq!((&*hall.label(), hall.port), ("hall", None));
        // There is room again.
        news.remove(printer("roof", 1).name.as_name());
        assert_eq!(all(&mut news), ["gone roof"]);
        news.set(&mut store, &printer("hall", 2));
        assert_eq!(
            all(&mut news),
            ["changed hall 2"],
            "and not incomplete again"
        );
        drop(news);
        assert_eq!(store.used(), 0);
    }

    #[test]
    fn a_resolve_without_room_tells_the_name_alone() {
        let (mut store, mut news) = (Store::new(cost() - 1), ResolveNews::default());
        news.set(&mut store, Some(&printer("hall", 1)));
        let Some(ResolveEvent::Resolved(hall)) = news.next() else {
            panic!("no news");
        };
        assert_eq!((&*hall.label(), hall.port), ("hall", None));
        assert_eq!(news.next(), Some(ResolveEvent::Incomplete));
        assert_eq!(news.next(), None);
    }

    #[test]
    fn what_is_told_takes_its_room_once() {
        let (mut store, mut news) = (store(), BrowseNews::default());
        news.set(&mut store, &printer("hall", 1));
        let once = store.used();
        all(&mut news);
        assert_eq!(store.used(), once);
        for port in 2..100 {
            news.set(&mut store, &printer("hall", port));
        }
        assert!(store.used() <= 2 * once, "told, and to be told");
        all(&mut news);
        assert_eq!(store.used(), once);
    }

    #[test]
    fn a_query_is_over_after_its_outcome() {
        let mut news = QueryNews::default();
        news.set(&mut store(), &[]);
        news.finish(Outcome::Denied);
        assert_eq!(news.next(), Some(QueryEvent::Answers(Vec::new())));
        assert_eq!(news.next(), Some(QueryEvent::Finished(Outcome::Denied)));
        assert!(news.is_over() && news.next().is_none());
    }
}
