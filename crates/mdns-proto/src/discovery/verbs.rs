//! What the application can ask for, and what it is told.

use core::{net::IpAddr, time::Duration};

use super::{
    AddressKind, AskError, AskId, Asks, Change, Details, Event, Host, Instance, Links, Outcome,
    Records, Span,
    alias::canonical_on,
    ask::Kind,
    heard::{each_link, has_any},
    instance::{first_target, target_on},
    news::News,
    told::NOTHING,
};
use crate::{
    cache::Subject,
    name::{META_QUERY, Name, is_browse_result, reverse_name, split_instance},
    querier::{Querier, QuerierStorage, Rows, Start, worth_of},
    registry::OwnRecords,
    store::{Full, NameId},
    time::Instant,
    wire::RecordType,
};

/// How long a one-shot query waits for its answer, and a resolve for its port, then for the rest (RFC 6762 §5.1).
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

impl<S: QuerierStorage> Querier<S> {
    // Commands.

    /// Looks for instances of a service type, or of a subtype, until it is stopped; for service types, if that is what the
    /// name lists.
    pub(crate) fn browse(
        &mut self,
        now: Instant,
        service_type: Name<'_>,
        details: Details,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        // What is found there has no SRV to ask for.
        let kind = if service_type == META_QUERY {
            Kind::Types
        } else {
            Kind::Browse(details)
        };
        self.ask(now, service_type, kind, Span::Continuous, own)
    }

    /// Looks for service types, until it is stopped (RFC 6763 §9).
    pub(crate) fn browse_types(
        &mut self,
        now: Instant,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        self.ask(now, META_QUERY, Kind::Types, Span::Continuous, own)
    }

    /// Learns host, port, attributes and addresses of an instance and keeps them up to date, until it is stopped.
    pub(crate) fn resolve(
        &mut self,
        now: Instant,
        instance: Name<'_>,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        self.ask(now, instance, Kind::Resolve, Span::Continuous, own)
    }

    /// Learns the addresses of a host and keeps them up to date, until it is stopped.
    pub(crate) fn lookup_host(
        &mut self,
        now: Instant,
        host: Name<'_>,
        addresses: AddressKind,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        self.ask(now, host, Kind::Host(addresses), Span::Continuous, own)
    }

    /// Asks for records of one type; ANY for all.
    pub(crate) fn query(
        &mut self,
        now: Instant,
        name: Name<'_>,
        rtype: RecordType,
        span: Span,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        self.ask(now, name, Kind::Query(rtype), span, own)
    }

    /// Asks for the names of an address. It need not be link-local: who asks here says that it is on the link (RFC 6762 §3).
    pub(crate) fn reverse(
        &mut self,
        now: Instant,
        address: IpAddr,
        span: Span,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        let name = reverse_name(address);
        self.ask_anyway(now, name.as_name(), Kind::Query(RecordType::PTR), span, own)
    }

    fn ask(
        &mut self,
        now: Instant,
        name: Name<'_>,
        kind: Kind,
        span: Span,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        match name.is_link_local() {
            true => self.ask_anyway(now, name, kind, span, own),
            false => Err(AskError::NotLinkLocal),
        }
    }

    /// Asks, whether or not multicast is the place to ask.
    fn ask_anyway(
        &mut self,
        now: Instant,
        name: Name<'_>,
        kind: Kind,
        span: Span,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        let patience = (span == Span::OneShot).then(|| now + PATIENCE);
        let name = self.intern(name)?;
        let names = &mut self.links.names;
        let Ok(ask) = self.asks.add(names, now, name, kind, patience) else {
            names.release(name);
            return Err(AskError::Full);
        };
        self.recheck(now, ask);
        let is_asked = if kind.is_browse() {
            (0..self.links.bound()).try_for_each(|link| self.open(now, link, ask, own))
        } else {
            match self.asks.find_told(ask, name) {
                Some(told) => self.reconcile(now, told, own),
                None => Ok(()),
            }
        };
        if is_asked.is_err() {
            self.end(now, ask);
            self.settle(now, own);
            return Err(AskError::Full);
        }
        self.settle(now, own);
        self.asks.id(ask).ok_or(AskError::Full)
    }

    /// Ends something asked for. Nothing more is asked or told of it.
    pub(crate) fn stop(&mut self, now: Instant, id: AskId, own: &dyn OwnRecords) {
        if let Some(ask) = self.asks.index(id) {
            self.end(now, ask);
            self.settle(now, own);
        }
    }

    /// Whether every record that was asked for is known, or known not to be there, on some link. Never of a browse.
    pub(crate) fn is_complete(&self, id: AskId) -> bool {
        let Some((name, kind)) = self.asks.index(id).and_then(|ask| self.asks.asked(ask)) else {
            return false;
        };
        let links = &self.links;
        let is_known = |name, rtype| {
            each_link(links).any(|heard| has_any(heard, name, rtype) || heard.denies(name, rtype))
        };
        // Of the name that has them; of one outside .local nothing more will be known.
        let has_addresses = |name, kind: AddressKind| {
            kind.types().iter().all(|&rtype| {
                each_link(links)
                    .filter_map(|heard| canonical_on(links, heard, name))
                    .any(|name| !links.name(name).is_link_local() || is_known(name, rtype))
            })
        };
        match kind {
            Kind::Browse(_) | Kind::Types => false,
            Kind::Resolve => first_target(links, name).is_some_and(|target| {
                !target.is_available(links)
                    || is_known(name, RecordType::TXT)
                        && has_addresses(target.host, AddressKind::Both)
            }),
            Kind::Host(kind) => has_addresses(name, kind),
            Kind::Query(rtype) => is_known(name, rtype),
        }
    }

    /// Holds a name; what nobody would miss is forgotten if there is no room for it.
    fn intern(&mut self, name: Name<'_>) -> Result<NameId, Full> {
        loop {
            match self.links.names.intern(name) {
                Ok(name) => return Ok(name),
                Err(Full) => self.links.evict_any(&mut self.asks, usize::MAX)?,
            }
        }
    }

    fn end(&mut self, now: Instant, ask: u32) {
        self.asks.retire(ask);
        self.recheck(now, ask);
        self.asks.remove_ask(&mut self.links.names, ask);
        self.asks.note_room(now);
    }

    /// Sees to what a new ask would miss, or lets go of what only a retired one needed.
    pub(super) fn recheck(&mut self, now: Instant, ask: u32) {
        let Querier { links, asks, .. } = self;
        asks.each_name(ask, |name| links.recheck(asks, now, name));
    }

    // Doubting.

    /// Records turned out to be wrong, or seem to: they are asked for, and are gone in ten seconds if nobody says them
    /// (§10.4).
    pub(crate) fn reconfirm(&mut self, now: Instant, name: Name<'_>, rtype: RecordType) {
        if let Some(name) = self.links.names.find(name) {
            self.links.reconfirm(now, name, rtype);
        }
    }

    /// An instance seems to be gone: all that leads to it and to its host is asked for.
    pub(crate) fn reconfirm_instance(&mut self, now: Instant, instance: Name<'_>) {
        let Some(instance) = self.links.names.find(instance) else {
            return;
        };
        reconfirm_pointers(&mut self.links, &self.asks, now, instance);
        for index in 0..self.links.bound() {
            let links = &self.links;
            let heard = links.link(index);
            let target = heard.and_then(|heard| target_on(links, heard, instance));
            let Some((link, names)) = self.links.up_with_names(index) else {
                continue;
            };
            link.reconfirm(names, now, instance, RecordType::SRV);
            for &rtype in AddressKind::Both.types() {
                if let Some(target) = &target {
                    link.reconfirm(names, now, target.host, rtype);
                }
            }
        }
    }

    // Starting to ask.

    /// Everything is asked on links that are fresh, and everything is looked at again.
    pub(crate) fn start_over(&mut self, now: Instant, own: &dyn OwnRecords) {
        if Self::NONE {
            return;
        }
        self.open_all(now, own);
        for told in 0..self.asks.told_bound() {
            self.asks.owe_details(told);
            self.asks.touch(told);
        }
        self.settle(now, own);
        for link in self.links.iter_mut() {
            link.is_fresh = false;
        }
    }

    /// Browses on all links, where that is not being done.
    pub(super) fn open_all(&mut self, now: Instant, own: &dyn OwnRecords) {
        for ask in 0..self.asks.asks_bound() {
            if !self.asks.is_browse(ask) {
                continue;
            }
            for link in 0..self.links.bound() {
                // What finds no room is tried again when a question has made some.
                let _ = self.open(now, link, ask, own);
            }
        }
    }

    /// Browses on a link: with what is known there, with what is ours, and by asking.
    pub(super) fn open(
        &mut self,
        now: Instant,
        index: usize,
        ask: u32,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let Querier { links, asks, .. } = self;
        let Some((name, _)) = asks.asked(ask) else {
            return Ok(());
        };
        let Some((link, names)) = links.up_with_names(index) else {
            return Ok(());
        };
        let mut id = link.cache.first(name);
        while let Some(record) = link.cache.get(id) {
            let next = record.next_of_name();
            if let Some(target) = record
                .target()
                .filter(|_| record.rtype() == RecordType::PTR)
            {
                let subject = Subject {
                    name,
                    rtype: RecordType::PTR,
                    pointer: Some(target),
                };
                let is_result = is_browse_result(names.name(name), names.name(target));
                let need = asks.note(names, Change::Stayed, subject, is_result);
                link.cache.set_worth(now, id, worth_of(need));
            }
            id = next;
        }
        let put = self.put(now, index, (name, RecordType::PTR), Start::Random, own);
        if put.is_err() {
            self.asks.set_missing(ask);
        }
        put
    }

    /// Ends what has waited long enough: one-shot queries, and the wait of a resolve for what is still missing. An instance
    /// of which that is so is perhaps no more.
    pub(crate) fn end_patience(&mut self, now: Instant) {
        if Self::NONE {
            return;
        }
        while let Some(ask) = self.asks.take_due(now) {
            if self.asks.is_one_shot(ask) {
                self.asks.finish(ask, Outcome::TimedOut);
                self.recheck(now, ask);
                continue;
            }
            self.asks.touch_ask(ask);
            let Some((name, _)) = self.asks.asked(ask) else {
                continue;
            };
            let instance = Instance {
                links: &self.links,
                name,
                is_own: false,
            };
            if !instance.is_complete() {
                reconfirm_pointers(&mut self.links, &self.asks, now, name);
            }
        }
    }

    /// When the next of these falls due.
    pub(crate) fn next_patience(&self) -> Instant {
        self.asks.next_due().min(self.reconcile_at)
    }

    // Telling.

    pub(crate) fn has_news(&self) -> bool {
        !Self::NONE && self.asks.has_news()
    }

    /// Tells the next piece of news.
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<Event<'_>> {
        if Self::NONE {
            return None;
        }
        match self.asks.take_news(&mut self.links.names, now)? {
            News::Told {
                ask,
                told,
                before,
                after,
            } => self.event(ask, told, before, after),
            News::Incomplete { ask } => Some(Event::Incomplete {
                ask: self.asks.id(ask)?,
            }),
            News::Finished { ask, outcome } => {
                let id = self.asks.id(ask)?;
                self.asks.remove_ask(&mut self.links.names, ask);
                self.asks.note_room(now);
                Some(Event::Finished { ask: id, outcome })
            }
        }
    }

    fn event(&self, ask: u32, told: u32, before: u32, after: u32) -> Option<Event<'_>> {
        let (_, kind) = self.asks.asked(ask)?;
        let (name, is_own) = self.asks.told(told)?;
        let ask = self.asks.id(ask)?;
        let links = &self.links;
        let instance = Instance {
            links,
            name,
            is_own,
        };
        Some(match (kind, before, after) {
            (Kind::Browse(_) | Kind::Types, NOTHING, _) => Event::Found { ask, instance },
            (Kind::Browse(_) | Kind::Types, _, NOTHING) => Event::Gone { ask, instance },
            (Kind::Browse(_) | Kind::Types, ..) => Event::Changed { ask, instance },
            (Kind::Resolve, _, NOTHING) => Event::Lost { ask, instance },
            (Kind::Resolve, ..) => Event::Resolved { ask, instance },
            (Kind::Host(kind), ..) => Event::Addresses {
                ask,
                host: Host {
                    links,
                    name,
                    kind,
                    is_own,
                },
            },
            (Kind::Query(rtype), ..) => Event::Answers {
                ask,
                records: Records { links, name, rtype },
            },
        })
    }
}

/// Doubts the pointers to an instance: that of its type, and those it was found by.
fn reconfirm_pointers<S: QuerierStorage>(
    links: &mut Rows<S>,
    asks: &Asks<S::Ask>,
    now: Instant,
    instance: NameId,
) {
    let of_type = split_instance(links.names.name(instance))
        .and_then(|(_, service_type)| links.names.find(service_type));
    for index in 0..links.bound() {
        let Some((link, names)) = links.up_with_names(index) else {
            continue;
        };
        if let Some(service_type) = of_type {
            link.reconfirm_pointer(names, now, service_type, instance);
        }
        asks.each_browse_of(instance, |asked| {
            link.reconfirm_pointer(names, now, asked, instance);
        });
    }
}
