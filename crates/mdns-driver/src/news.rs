//! What a subscriber has been told, what is so now, and therefore what is news.
//!
//! Nothing is queued: a slow reader finds the latest state of each thing, and has lost only what came between. What came
//! and went before it looked has not been.

use std::collections::{BTreeMap, HashMap};

use mdns_proto::discovery::Outcome;

use crate::{Address, Answer, Instance};

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
}

/// News of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryEvent {
    /// The records are these now; none if there are none (any more).
    Answers(Vec<Answer>),
    /// A one-shot query has ended; nothing follows.
    Finished(Outcome),
}

/// What one subscriber of some kind has yet to be told.
pub trait News: Default {
    /// What it is told.
    type Event;
    /// The next news, if there is any.
    fn next(&mut self) -> Option<Self::Event>;
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

#[derive(Debug)]
struct Slot {
    instance: Instance,
    is_there: bool,
    /// Whether the subscriber takes it to be there.
    is_told: bool,
    /// Its number in `dirty`.
    dirty: Option<u64>,
}

impl BrowseNews {
    /// An instance was found, or has changed.
    pub(crate) fn set(&mut self, instance: Instance) {
        let key = Box::from(instance.name.as_wire());
        let (is_told, dirty) = match self.slots.get(&key) {
            // One link more or less has what the others have: no news for those who do not count links.
            Some(slot) if slot.dirty.is_none() && slot.instance == instance => return,
            Some(slot) => (slot.is_told, slot.dirty),
            None => (false, None),
        };
        let dirty = Some(dirty.unwrap_or_else(|| self.mark(&key)));
        let slot = Slot {
            instance,
            is_there: true,
            is_told,
            dirty,
        };
        self.slots.insert(key, slot);
    }

    /// An instance is gone.
    pub(crate) fn remove(&mut self, instance: Instance) {
        let key = Box::from(instance.name.as_wire());
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        slot.is_there = false;
        if !slot.is_told {
            if let Some(number) = slot.dirty {
                self.dirty.remove(&number);
            }
            self.slots.remove(&key);
        } else if slot.dirty.is_none() {
            slot.dirty = Some(self.count);
            self.mark(&key);
        }
    }

    /// Puts a slot at the end of those that have news; returns its number there, which is that of `count` before.
    fn mark(&mut self, key: &[u8]) -> u64 {
        let number = self.count;
        self.count += 1;
        self.dirty.insert(number, key.into());
        number
    }

    pub(crate) fn set_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// What is there now, told or not.
    pub(crate) fn snapshot(&self) -> Vec<Instance> {
        self.slots
            .values()
            .filter(|slot| slot.is_there)
            .map(|slot| slot.instance.clone())
            .collect()
    }
}

impl News for BrowseNews {
    type Event = BrowseEvent;

    fn next(&mut self) -> Option<BrowseEvent> {
        let Some((_, key)) = self.dirty.pop_first() else {
            return std::mem::take(&mut self.is_incomplete).then_some(BrowseEvent::Incomplete);
        };
        let slot = self.slots.get_mut(&key)?;
        slot.dirty = None;
        if !slot.is_there {
            return self
                .slots
                .remove(&key)
                .map(|slot| BrowseEvent::Gone(slot.instance));
        }
        let instance = slot.instance.clone();
        Some(match std::mem::replace(&mut slot.is_told, true) {
            true => BrowseEvent::Changed(instance),
            false => BrowseEvent::Found(instance),
        })
    }
}

/// A state, of which the latest is told if it is another than was told last.
#[derive(Debug)]
struct Latest<T> {
    now: Option<T>,
    is_dirty: bool,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            now: None,
            is_dirty: false,
        }
    }
}

impl<T: Clone + PartialEq> Latest<T> {
    fn set(&mut self, state: T) {
        if self.now.as_ref() != Some(&state) {
            self.now = Some(state);
            self.is_dirty = true;
        }
    }

    fn take(&mut self) -> Option<T> {
        if std::mem::take(&mut self.is_dirty) {
            self.now.clone()
        } else {
            None
        }
    }
}

/// What a resolve has yet to tell.
#[derive(Debug, Default)]
pub struct ResolveNews {
    instance: Latest<Option<Instance>>,
    is_told: bool,
}

impl ResolveNews {
    pub(crate) fn set(&mut self, instance: Option<Instance>) {
        self.instance.set(instance);
    }
}

impl News for ResolveNews {
    type Event = ResolveEvent;

    fn next(&mut self) -> Option<ResolveEvent> {
        let instance = self.instance.take()?;
        // What nobody knew to be resolved is not lost to anybody.
        let was_told = std::mem::replace(&mut self.is_told, instance.is_some());
        match instance {
            Some(instance) => Some(ResolveEvent::Resolved(instance)),
            None => was_told.then_some(ResolveEvent::Lost),
        }
    }
}

/// What a look-up has yet to tell.
#[derive(Debug, Default)]
pub struct LookupNews(Latest<Vec<Address>>);

impl LookupNews {
    pub(crate) fn set(&mut self, addresses: Vec<Address>) {
        self.0.set(addresses);
    }
}

impl News for LookupNews {
    type Event = Vec<Address>;

    fn next(&mut self) -> Option<Vec<Address>> {
        self.0.take()
    }
}

/// What a query has yet to tell.
#[derive(Debug, Default)]
pub struct QueryNews {
    answers: Latest<Vec<Answer>>,
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

    fn next(&mut self) -> Option<QueryEvent> {
        let answers = self.answers.take().map(QueryEvent::Answers);
        answers.or_else(|| self.outcome.take().map(QueryEvent::Finished))
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
        news.remove(printer("hall", 2));
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

    #[test]
    fn a_slow_reader_is_told_the_latest() {
        let mut news = BrowseNews::default();
        for port in 1..=10_000 {
            news.set(printer("hall", port));
            news.set(printer("attic", port));
        }
        assert_eq!(all(&mut news), ["found hall 10000", "found attic 10000"]);
    }

    #[test]
    fn what_came_and_went_unseen_has_not_been() {
        let mut news = BrowseNews::default();
        for n in 0..10_000 {
            let label = format!("hall {n}");
            news.set(printer(&label, 1));
            news.remove(printer(&label, 1));
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
        news.remove(printer("hall", 1));
        news.set(printer("hall", 2));
        assert_eq!(all(&mut news), ["changed hall 2"]);
    }

    #[test]
    fn what_was_told_and_came_and_went_is_gone_once() {
        let mut news = BrowseNews::default();
        news.set(printer("hall", 1));
        all(&mut news);
        for _ in 0..3 {
            news.remove(printer("hall", 1));
            news.set(printer("hall", 2));
        }
        news.remove(printer("hall", 2));
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
    fn a_query_is_over_after_its_outcome() {
        let mut news = QueryNews::default();
        news.set(Vec::new());
        news.finish(Outcome::Denied);
        assert_eq!(news.next(), Some(QueryEvent::Answers(Vec::new())));
        assert_eq!(news.next(), Some(QueryEvent::Finished(Outcome::Denied)));
        assert!(news.is_over() && news.next().is_none());
    }
}
