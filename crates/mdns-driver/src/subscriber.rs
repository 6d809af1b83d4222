//! What a subscriber has been told, what is so now, and therefore what is news.
//!
//! Nothing is queued: a slow reader finds the latest state of each thing, and has lost only what came between. What came
//! and went before it looked has not been.

use std::{
    collections::{BTreeMap, HashMap},
};

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
            Some(slot) => (slot.is_told, slot.dirty),
            None => (false, None),
        };
        let dirty = dirty.unwrap_or_else(|| self.mark(&key));
        self.slots.insert(key, Slot { instance, is_there: true, is_told, dirty: Some(dirty) });
    }

    /// An instance is gone.
    pub(crate) fn remove(&mut self, instance: Instance) {
        let key = Box::from(instance.name.as_wire());
        let Some(slot) = self.slots.get_mut(&key) else { return };
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
        self.slots.values().filter(|slot| slot.is_there).map(|slot| slot.instance.clone()).collect()
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
            return self.slots.remove(&key).map(|slot| BrowseEvent::Gone(slot.instance));
        }
        let instance = slot.instance.clone();
        Some(match std::mem::replace(&mut slot.is_told, true) {
            true => BrowseEvent::Changed(instance),
            false => BrowseEvent::Found(instance),
        })
    }
}

/// What a resolve has yet to tell.
#[derive(Debug, Default)]
pub struct ResolveNews {
    instance: Option<Instance>,
    is_told: bool,
    is_dirty: bool,
}

impl ResolveNews {
    pub(crate) fn set(&mut self, instance: Option<Instance>) {
        self.is_dirty = instance.is_some() || self.is_told;
        self.instance = instance;
    }
}

impl News for ResolveNews {
    type Event = ResolveEvent;

    fn next(&mut self) -> Option<ResolveEvent> {
        if !std::mem::take(&mut self.is_dirty) {
            return None;
        }
        self.is_told = self.instance.is_some();
        Some(self.instance.clone().map_or(ResolveEvent::Lost, ResolveEvent::Resolved))
    }
}

/// What a look-up has yet to tell.
#[derive(Debug, Default)]
pub struct LookupNews(Option<Vec<Address>>);

impl LookupNews {
    pub(crate) fn set(&mut self, addresses: Vec<Address>) {
        self.0 = Some(addresses);
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
    answers: Option<Vec<Answer>>,
    outcome: Option<Outcome>,
    is_over: bool,
}

impl QueryNews {
    pub(crate) fn set(&mut self, answers: Vec<Answer>) {
        self.answers = Some(answers);
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
