//! Those who are told: one for each thing that was asked for.

use std::{
    collections::HashMap,
    task::{Context, Poll, Waker},
};

use mdns_proto::discovery::AskId;

use crate::News;

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
    pub(crate) fn news(&self, ask: AskId) -> Option<&N> {
        self.by_ask.get(&ask).map(|subscriber| &subscriber.news)
    }

    pub(crate) fn tell(&mut self, ask: AskId, woken: &mut Vec<Waker>, change: impl FnOnce(&mut N)) {
        if let Some(subscriber) = self.by_ask.get_mut(&ask) {
            change(&mut subscriber.news);
            woken.extend(subscriber.waker.take());
        }
    }

    pub(crate) fn next(&mut self, ask: AskId) -> Option<N::Event> {
        self.by_ask.get_mut(&ask)?.news.next()
    }

    /// The next news, and the waker that is kept no more.
    pub(crate) fn poll_next(
        &mut self,
        ask: AskId,
        context: &Context<'_>,
    ) -> (Poll<Option<N::Event>>, Option<Waker>) {
        let Some(subscriber) = self.by_ask.get_mut(&ask) else {
            return (Poll::Ready(None), None);
        };
        match subscriber.news.next() {
            Some(event) => (Poll::Ready(Some(event)), None),
            None if subscriber.news.is_over() => (Poll::Ready(None), None),
            None => (Poll::Pending, keep(&mut subscriber.waker, context.waker())),
        }
    }

    pub(crate) fn end(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(
            self.by_ask
                .drain()
                .filter_map(|(_, subscriber)| subscriber.waker),
        );
    }
}

/// Keeps a waker; returns the one it replaces.
pub(crate) fn keep(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(known) if known.will_wake(waker) => None,
        _ => slot.replace(waker.clone()),
    }
}
