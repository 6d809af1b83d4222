//! Those who are told: one for each thing that was asked for.

use std::{
    collections::HashMap,
    task::{Poll, Waker},
};

use mdns_proto::discovery::{AskId, Event};
use tracing::{Level, debug};

use crate::{
    Answer, BrowseNews, Instance, LookupNews, News, QueryNews, ResolveNews,
    kept::Store,
    owned::{HostAddresses, InterfaceNames},
    waiting::Deferred,
};

/// Those who are told of everything that was asked for.
#[derive(Debug)]
pub struct Asks {
    /// What they have been told, and what they have yet to be.
    store: Store,
    browses: Subscribers<BrowseNews>,
    resolves: Subscribers<ResolveNews>,
    lookups: Subscribers<LookupNews>,
    queries: Subscribers<QueryNews>,
}

/// A kind of subscriber, and where those of it are kept.
pub trait Subscription: News + Sized {
    #[doc(hidden)]
    fn of(asks: &mut Asks) -> &mut Subscribers<Self>;
}

impl Asks {
    /// Nobody yet. Of all that they are told so many bytes are kept at the most.
    pub(crate) fn new(results_max: usize) -> Self {
        Asks {
            store: Store::new(results_max),
            browses: Subscribers::default(),
            resolves: Subscribers::default(),
            lookups: Subscribers::default(),
            queries: Subscribers::default(),
        }
    }

    /// Tells an event to the one whom it is for.
    pub(crate) fn tell(
        &mut self,
        event: Event<'_>,
        interfaces: &dyn InterfaceNames,
        deferred: &mut Deferred,
    ) {
        let store = &mut self.store;
        match event {
            Event::Found { ask, instance } | Event::Changed { ask, instance } => {
                let instance = Instance::new(instance, interfaces);
                self.browses
                    .tell(ask, deferred, |news| news.set(store, &instance));
            }
            Event::Gone { ask, instance } => self
                .browses
                .tell(ask, deferred, |news| news.remove(instance.name())),
            Event::Resolved { ask, instance } => {
                let instance = Instance::new(instance, interfaces);
                self.resolves
                    .tell(ask, deferred, |news| news.set(store, Some(&instance)));
            }
            Event::Lost { ask, .. } => self
                .resolves
                .tell(ask, deferred, |news| news.set(store, None)),
            Event::Addresses { ask, host } => {
                let addresses = HostAddresses::new(host, interfaces);
                self.lookups
                    .tell(ask, deferred, |news| news.set(store, &addresses));
            }
            Event::Answers { ask, records } => {
                let answers = Answer::all(records, interfaces);
                self.queries
                    .tell(ask, deferred, |news| news.set(store, &answers));
            }
            Event::Finished { ask, outcome } => self
                .queries
                .tell(ask, deferred, |news| news.finish(outcome)),
            Event::Incomplete { ask } => {
                deferred.log(Level::DEBUG, || {
                    debug!("memory is too small for all results")
                });
                // Numbers are of one kind each: the others do not know it.
                self.browses.tell(ask, deferred, News::set_incomplete);
                self.resolves.tell(ask, deferred, News::set_incomplete);
                self.lookups.tell(ask, deferred, News::set_incomplete);
                self.queries.tell(ask, deferred, News::set_incomplete);
            }
            _ => {}
        }
    }

    /// What a browse knows now.
    pub(crate) fn snapshot(&self, browse: AskId) -> Vec<Instance> {
        let news = self.browses.news(browse);
        news.map(BrowseNews::snapshot).unwrap_or_default()
    }

    pub(crate) fn end(&mut self, deferred: &mut Deferred) {
        self.browses.end(deferred);
        self.resolves.end(deferred);
        self.lookups.end(deferred);
        self.queries.end(deferred);
    }
}

impl Subscription for BrowseNews {
    fn of(asks: &mut Asks) -> &mut Subscribers<Self> {
        &mut asks.browses
    }
}

impl Subscription for ResolveNews {
    fn of(asks: &mut Asks) -> &mut Subscribers<Self> {
        &mut asks.resolves
    }
}

impl Subscription for LookupNews {
    fn of(asks: &mut Asks) -> &mut Subscribers<Self> {
        &mut asks.lookups
    }
}

impl Subscription for QueryNews {
    fn of(asks: &mut Asks) -> &mut Subscribers<Self> {
        &mut asks.queries
    }
}

/// All subscribers of one kind.
#[derive(Debug)]
pub struct Subscribers<N> {
    by_ask: HashMap<AskId, Subscriber<N>>,
}

#[derive(Debug)]
struct Subscriber<N> {
    news: N,
    waker: Option<Waker>,
}

impl<N> Default for Subscribers<N> {
    fn default() -> Self {
        Subscribers {
            by_ask: HashMap::new(),
        }
    }
}

impl<N: News> Subscribers<N> {
    pub(crate) fn add(&mut self, ask: AskId) {
        self.by_ask.insert(
            ask,
            Subscriber {
                news: N::default(),
                waker: None,
            },
        );
    }

    /// Forgets one; whether it was there, and the waker that is kept no more.
    pub(crate) fn remove(&mut self, ask: AskId) -> Option<Option<Waker>> {
        self.by_ask.remove(&ask).map(|subscriber| subscriber.waker)
    }

    /// What one has yet to be told.
    fn news(&self, ask: AskId) -> Option<&N> {
        self.by_ask.get(&ask).map(|subscriber| &subscriber.news)
    }

    fn tell(&mut self, ask: AskId, deferred: &mut Deferred, change: impl FnOnce(&mut N)) {
        if let Some(subscriber) = self.by_ask.get_mut(&ask) {
            change(&mut subscriber.news);
            deferred.wake(subscriber.waker.take());
        }
    }

    pub(crate) fn next(&mut self, ask: AskId) -> Option<N::Event> {
        self.by_ask.get_mut(&ask)?.news.next()
    }

    /// The next news; if there is none yet, the task is woken when there is.
    pub(crate) fn poll_next(
        &mut self,
        ask: AskId,
        deferred: &mut Deferred,
        waker: Waker,
    ) -> Poll<Option<N::Event>> {
        if let Some(subscriber) = self.by_ask.get_mut(&ask) {
            match subscriber.news.next() {
                None if !subscriber.news.is_over() => {
                    deferred.keep(&mut subscriber.waker, waker);
                    return Poll::Pending;
                }
                event => {
                    deferred.discard([waker]);
                    return Poll::Ready(event);
                }
            }
        }
        deferred.discard([waker]);
        Poll::Ready(None)
    }

    fn end(&mut self, deferred: &mut Deferred) {
        deferred.wake(
            self.by_ask
                .drain()
                .filter_map(|(_, subscriber)| subscriber.waker),
        );
    }
}
