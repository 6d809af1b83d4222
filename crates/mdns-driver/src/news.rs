//! What a subscriber has been told, what is so now, and therefore what is news.
//!
//! Nothing is queued: a slow reader finds the latest state of each thing, and has lost only what came between. What came
//! and went before it looked has not been.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mdns_proto::discovery::Outcome;

use crate::{Answer, HostAddresses, Instance};

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

/// What a browse has yet to tell.
#[derive(Debug, Default)]
pub struct BrowseNews {
    /// What is there, and what is gone and was not told to be, by name.
    slots: HashMap<Box<[u8]>, Slot>,
    /// The slots that have news, in the order in which they came to have it.
    dirty: BTreeMap<u64, Box<[u8]>>,
    /// The next number of `dirty`.
    count: u64,
    is_incomplete: bool,
}

/// An instance as it is, and as the subscriber takes it to be; one copy where these are the same.
#[derive(Debug, Default)]
struct Slot {
    now: Option<Arc<Instance>>,
    told: Option<Arc<Instance>>,
    /// Its number in `dirty`: there if and only if `now` and `told` differ.
    dirty: Option<u64>,
}

impl BrowseNews {
    /// An instance was found, or has changed.
    pub(crate) fn set(&mut self, instance: Instance) {
        let key = Box::from(instance.name.as_wire());
        self.update(key, Some(instance));
    }

    /// An instance is gone.
    pub(crate) fn remove(&mut self, instance: &Instance) {
        self.update(Box::from(instance.name.as_wire()), None);
    }

    fn update(&mut self, key: Box<[u8]>, now: Option<Instance>) {
        let slot = self.slots.entry(key.clone()).or_default();
        slot.now = match (&slot.told, now) {
            (Some(told), Some(now)) if **told == now => Some(Arc::clone(told)),
            (_, now) => now.map(Arc::new),
        };
        match (slot.now == slot.told, slot.dirty) {
            (false, None) => {
                slot.dirty = Some(self.count);
                self.dirty.insert(self.count, key);
                self.count += 1;
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
        there.cloned().collect()
    }
}

impl News for BrowseNews {
    type Event = BrowseEvent;

    fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    fn next(&mut self) -> Option<BrowseEvent> {
        let Some((_, key)) = self.dirty.pop_first() else {
            return std::mem::take(&mut self.is_incomplete).then_some(BrowseEvent::Incomplete);
        };
        let slot = self.slots.get_mut(&key)?;
        slot.dirty = None;
        let before = std::mem::replace(&mut slot.told, slot.now.clone());
        match (before, slot.now.as_deref().cloned()) {
            (None, Some(found)) => Some(BrowseEvent::Found(found)),
            (Some(_), Some(changed)) => Some(BrowseEvent::Changed(changed)),
            (gone, None) => {
                self.slots.remove(&key);
                gone.map(|gone| BrowseEvent::Gone(Arc::unwrap_or_clone(gone)))
            }
        }
    }
}

/// A state, of which the latest is told if it is another than was told last.
#[derive(Debug)]
struct Latest<T> {
    now: Option<T>,
    told: Option<T>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            now: None,
            told: None,
        }
    }
}

impl<T: Clone + PartialEq> Latest<T> {
    fn set(&mut self, state: T) {
        self.now = Some(state);
    }

    fn take(&mut self) -> Option<T> {
        if self.now == self.told {
            return None;
        }
        self.told.clone_from(&self.now);
        self.now.clone()
    }
}

/// What a resolve has yet to tell: `None` while it is not resolved.
#[derive(Debug, Default)]
pub struct ResolveNews {
    now: Option<Instance>,
    told: Option<Instance>,
    is_incomplete: bool,
}

impl ResolveNews {
    pub(crate) fn set(&mut self, instance: Option<Instance>) {
        self.now = instance;
    }
}

impl News for ResolveNews {
    type Event = ResolveEvent;

    fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    fn next(&mut self) -> Option<ResolveEvent> {
        if self.now == self.told {
            return std::mem::take(&mut self.is_incomplete).then_some(ResolveEvent::Incomplete);
        }
        self.told.clone_from(&self.now);
        Some(match self.now.clone() {
            Some(instance) => ResolveEvent::Resolved(instance),
            None => ResolveEvent::Lost,
        })
    }
}

/// What a look-up has yet to tell.
#[derive(Debug, Default)]
pub struct LookupNews {
    addresses: Latest<HostAddresses>,
    is_incomplete: bool,
}

impl LookupNews {
    pub(crate) fn set(&mut self, addresses: HostAddresses) {
        self.addresses.set(addresses);
    }
}

impl News for LookupNews {
    type Event = LookupEvent;

    fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    fn next(&mut self) -> Option<LookupEvent> {
        if let Some(addresses) = self.addresses.take() {
            return Some(LookupEvent::Addresses(addresses));
        }
        std::mem::take(&mut self.is_incomplete).then_some(LookupEvent::Incomplete)
    }
}

/// What a query has yet to tell.
#[derive(Debug, Default)]
pub struct QueryNews {
    answers: Latest<Vec<Answer>>,
    is_incomplete: bool,
    outcome: Option<Outcome>,
    is_over: bool,
}

impl QueryNews {
    pub(crate) fn set(&mut self, answers: Vec<Answer>) {
        self.answers.set(answers);
    }

    pub(crate) fn finish(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.is_over = true;
    }
}

impl News for QueryNews {
    type Event = QueryEvent;

    fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    fn next(&mut self) -> Option<QueryEvent> {
        if let Some(answers) = self.answers.take() {
            return Some(QueryEvent::Answers(answers));
        }
        if std::mem::take(&mut self.is_incomplete) {
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
        news.set(printer("hall", 1));
        assert_eq!(all(&mut news), ["found hall 1"]);
        news.set(printer("hall", 2));
        assert_eq!(all(&mut news), ["changed hall 2"]);
        news.remove(&printer("hall", 2));
        assert_eq!(all(&mut news), ["gone hall"]);
    }

    #[test]
    fn the_same_again_is_no_news() {
        let mut news = BrowseNews::default();
        news.set(printer("hall", 1));
        all(&mut news);
        news.set(printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
    }

    /// covers: SEC-11
    #[test]
    fn a_slow_reader_is_told_the_latest() {
        let mut news = BrowseNews::default();
        for port in 1..=10_000 {
            news.set(printer("hall", port));
            news.set(printer("attic", port));
        }
        assert_eq!(all(&mut news), ["found hall 10000", "found attic 10000"]);
    }

    /// covers: SEC-11
    #[test]
    fn what_came_and_went_unseen_has_not_been() {
        let mut news = BrowseNews::default();
        for n in 0..10_000 {
            let label = format!("hall {n}");
            news.set(printer(&label, 1));
            news.remove(&printer(&label, 1));
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
        news.set(printer("hall", 1));
        all(&mut news);
        news.remove(&printer("hall", 1));
        news.set(printer("hall", 2));
        assert_eq!(all(&mut news), ["changed hall 2"]);
    }

    #[test]
    fn what_is_again_as_it_was_told_is_no_news() {
        let mut news = BrowseNews::default();
        news.set(printer("hall", 1));
        all(&mut news);
        news.set(printer("hall", 2));
        news.set(printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
        news.remove(&printer("hall", 1));
        news.set(printer("hall", 1));
        assert_eq!(all(&mut news), Vec::<String>::new());
        assert!(news.dirty.is_empty());

        let mut news = ResolveNews::default();
        news.set(Some(printer("hall", 1)));
        assert!(news.next().is_some());
        news.set(None);
        news.set(Some(printer("hall", 1)));
        assert_eq!(news.next(), None);
    }

    #[test]
    fn what_was_told_and_came_and_went_is_gone_once() {
        let mut news = BrowseNews::default();
        news.set(printer("hall", 1));
        all(&mut news);
        for _ in 0..3 {
            news.remove(&printer("hall", 1));
            news.set(printer("hall", 2));
        }
        news.remove(&printer("hall", 2));
        assert_eq!(news.snapshot(), []);
        assert_eq!(all(&mut news), ["gone hall"]);
        assert!(news.slots.is_empty());
    }

    #[test]
    fn news_come_in_the_order_in_which_they_arose() {
        let mut news = BrowseNews::default();
        for label in ["cellar", "hall", "attic"] {
            news.set(printer(label, 1));
        }
        news.set(printer("cellar", 2));
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
        news.set(Some(printer("hall", 1)));
        news.set(None);
        assert_eq!(news.next(), None);
        news.set(Some(printer("hall", 1)));
        assert!(matches!(news.next(), Some(ResolveEvent::Resolved(_))));
        news.set(None);
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
        news.set(Vec::new());
        news.set_incomplete();
        news.finish(Outcome::Answered);
        let all: Vec<_> = std::iter::from_fn(|| news.next()).collect();
        let finished = QueryEvent::Finished(Outcome::Answered);
        let answers = QueryEvent::Answers(Vec::new());
        assert_eq!(all, [answers, QueryEvent::Incomplete, finished]);
    }

    #[test]
    fn a_query_is_over_after_its_outcome() {
        let mut news = QueryNews::default();
        news.set(Vec::new());
        news.finish(Outcome::Denied);
        assert_eq!(news.next(), Some(QueryEvent::Answers(Vec::new())));
        assert_eq!(news.next(), Some(QueryEvent::Finished(Outcome::Denied)));
        assert!(news.is_over() && news.next().is_none());
    }
}
