//! Commands, and what follows from what was heard: questions for what is missing, news of what has changed.
//!
//! Whatever happens to records only marks what is told of them as touched. When a verb ends, each touched slot is looked at
//! once: what is missing is asked for, and what is known is compared with what was told.

use core::time::Duration;

use super::{
    AddressKind, AskError, AskId, Change, Event, Host, Instance, Need, Outcome, Records, Span,
    ask::Kind,
    instance::{Links, has_any, has_own, is_answered, target_on},
    told::{EMPTY, NOTHING, News, Standing},
};
use crate::{
    cache::Origin,
    name::{META_QUERY, Name, NameBuf},
    own::OwnRecords,
    querier::{Querier, QuerierStorage},
    store::Full,
    time::Instant,
    wire::RecordType,
};

/// How long a one-shot query waits for its answer, and a resolve for details once it knows the port (RFC 6762 §5.1).
const PATIENCE: Duration = Duration::from_secs(3);

impl<S: QuerierStorage> Querier<S> {
    // Commands.

    /// Looks for instances of a service type, or of a subtype, until it is stopped.
    pub(crate) fn browse(&mut self, now: Instant, service_type: Name<'_>, own: &dyn OwnRecords) -> Result<AskId, AskError> {
        self.ask(now, service_type, Kind::Browse, Span::Continuous, own)
    }

    /// Looks for service types, until it is stopped (RFC 6763 §9).
    pub(crate) fn browse_types(&mut self, now: Instant, own: &dyn OwnRecords) -> Result<AskId, AskError> {
        self.ask(now, META_QUERY, Kind::Types, Span::Continuous, own)
    }

    /// Learns host, port, attributes and addresses of an instance and keeps them up to date, until it is stopped.
    pub(crate) fn resolve(&mut self, now: Instant, instance: Name<'_>, own: &dyn OwnRecords) -> Result<AskId, AskError> {
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

    fn ask(
        &mut self,
        now: Instant,
        name: Name<'_>,
        kind: Kind,
        span: Span,
        own: &dyn OwnRecords,
    ) -> Result<AskId, AskError> {
        if !name.is_link_local() {
            return Err(AskError::NotLinkLocal);
        }
        let patience = (span == Span::OneShot).then(|| now + PATIENCE);
        let ask = self.asks.add(name, kind, patience)?;
        let is_asked = if kind.is_browse() {
            (0..self.links.bound()).try_for_each(|link| self.open(now, link, ask, name, own))
        } else {
            self.settle_all(now, own)
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

    fn end(&mut self, now: Instant, ask: u32) {
        self.asks.retire(ask);
        self.recheck(now, ask);
        self.asks.remove_ask(ask);
    }

    /// Lets go of what only a retired ask needed.
    fn recheck(&mut self, now: Instant, ask: u32) {
        let asks = &self.asks;
        for link in self.links.iter_mut() {
            asks.each_name(ask, |name| link.recheck(asks, now, name));
        }
    }

    // Starting to ask.

    /// Everything is asked on links that are fresh, and everything is looked at again.
    pub(crate) fn start_over(&mut self, now: Instant, own: &dyn OwnRecords) {
        for ask in 0..self.asks.asks_bound() {
            let Some((name, kind)) = self.asks.asked(ask) else { continue };
            if kind.is_browse() {
                let name = NameBuf::from(name);
                for link in 0..self.links.bound() {
                    if self.open(now, link, ask, name.as_name(), own).is_err() {
                        self.asks.set_incomplete(ask);
                    }
                }
            }
        }
        for told in 0..self.asks.told_bound() {
            self.asks.owe_details(told);
            self.asks.touch(told);
        }
        self.settle(now, own);
        for link in self.links.iter_mut() {
            link.is_fresh = false;
        }
    }

    /// Browses on a link: with what is known there, with what is ours, and by asking.
    fn open(&mut self, now: Instant, index: usize, ask: u32, name: Name<'_>, own: &dyn OwnRecords) -> Result<(), Full> {
        let Querier { links, asks, .. } = self;
        let Some(link) = links.up_mut(index) else { return Ok(()) };
        link.await_records(now, name, RecordType::PTR);
        if let Some(id) = link.cache.find_name(name) {
            for (record, kept) in link.cache.of_name(id) {
                if kept.rtype() == RecordType::PTR {
                    asks.note(Change::Stayed, name, &link.cache.rdata(record));
                }
            }
        }
        if self.put(now, index, name, RecordType::PTR, own).is_err() {
            self.asks.set_incomplete(ask);
            return Err(Full);
        }
        Ok(())
    }

    /// Gets what is missing on a link: from ourselves, or by asking.
    fn put(&mut self, now: Instant, index: usize, name: Name<'_>, rtype: RecordType, own: &dyn OwnRecords) -> Result<(), Full> {
        let Querier { links, asks, chance, config, .. } = self;
        let Some(link) = links.up_mut(index) else { return Ok(()) };
        if config.own_results {
            let id = link.id;
            let is_ours_alone = own.answer(id, name, rtype, &mut |record| {
                link.take(asks, now, record, Origin::Own, config);
            });
            if is_ours_alone {
                return Ok(());
            }
        }
        link.ask(now, name, rtype, chance, &mut |name, rdata| {
            asks.note(Change::Went, name, rdata);
        })
    }

    /// Gets what is missing on a link, if it is.
    fn want(
        &mut self,
        now: Instant,
        index: usize,
        name: Name<'_>,
        rtype: RecordType,
        need: Need,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let Some(link) = self.links.up_mut(index) else { return Ok(()) };
        if need == Need::Kept {
            link.await_records(now, name, rtype);
        }
        if is_answered(&*link, name, rtype, need == Need::Kept) || !link.is_fresh && link.is_asking(name, rtype) {
            return Ok(());
        }
        let put = self.put(now, index, name, rtype, own);
        if put.is_err()
            && let Some(link) = self.links.get_mut(index)
        {
            link.is_starved = true;
        }
        put
    }

    // Looking again.

    /// Looks at all that was touched, and at what found no room before.
    pub(crate) fn settle(&mut self, now: Instant, own: &dyn OwnRecords) {
        // What finds no room is made up for when there is some.
        let _ = self.settle_all(now, own);
        let mut is_hungry = false;
        for link in self.links.iter_mut() {
            is_hungry |= link.is_starved && link.has_freed;
            link.is_starved &= !link.has_freed;
            link.has_freed = false;
            link.retry = Instant::MAX;
        }
        if is_hungry {
            for told in 0..self.asks.told_bound() {
                self.asks.touch(told);
            }
            let _ = self.settle_all(now, own);
        }
    }

    /// Says whether everything that is missing could be asked for.
    fn settle_all(&mut self, now: Instant, own: &dyn OwnRecords) -> Result<(), Full> {
        let mut all = Ok(());
        while let Some(told) = self.asks.take_touched() {
            let Some(standing) = self.asks.standing(told) else { continue };
            let name = NameBuf::from(self.asks.name(standing.name));
            let name = name.as_name();
            let settled = match standing.kind {
                Kind::Browse | Kind::Types => self.settle_found(now, told, &standing, name, own),
                Kind::Resolve => self.settle_resolve(now, told, &standing, name, own),
                Kind::Host(kind) => self.settle_host(now, told, &standing, name, kind, own),
                Kind::Query(rtype) => self.settle_query(now, told, &standing, name, rtype, own),
            };
            all = all.and(settled);
        }
        all
    }

    fn settle_found(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        name: Name<'_>,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let asked = NameBuf::from(self.asks.name(standing.asked));
        let (mut is_there, mut is_own) = (false, false);
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            let Some(life) = self.links.pointer(index, asked.as_name(), name) else { continue };
            is_there = true;
            is_own |= life;
            if standing.kind == Kind::Browse && standing.owes_details {
                all = all.and(self.want_details(now, index, name, Need::Once, own));
            }
        }
        if standing.owes_details && all.is_ok() {
            self.asks.pay_details(told);
        }
        let mut number = NOTHING;
        if is_there {
            number = EMPTY + 1;
            if standing.kind == Kind::Browse {
                number = self.settle_target(told, name, standing.ask);
            }
        }
        self.asks.set_now(told, number, is_own);
        all
    }

    fn settle_resolve(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        name: Name<'_>,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let mut all = Ok(());
        // The host first: records of it are wanted from then on.
        let mut number = self.settle_target(told, name, standing.ask);
        for index in 0..self.links.bound() {
            all = all.and(self.want_details(now, index, name, Need::Kept, own));
        }
        let instance = Instance { links: &self.links, name, is_own: false };
        let is_own = (0..self.links.bound())
            .filter_map(|index| self.links.link(index))
            .any(|heard| has_own(heard, name, RecordType::SRV));
        if instance.target().is_none() {
            number = NOTHING;
            self.asks.calm(standing.ask);
        } else if standing.told == NOTHING && !standing.is_impatient && !instance.is_complete() {
            number = NOTHING;
            self.asks.set_patience(standing.ask, now + PATIENCE);
        }
        self.asks.set_now(told, number, is_own);
        all
    }

    /// Follows an instance to its host, and makes a number of what is known of it.
    fn settle_target(&mut self, told: u32, name: Name<'_>, ask: u32) -> u32 {
        let instance = Instance { links: &self.links, name, is_own: false };
        let host = instance.target().filter(|target| target.is_available()).map(|target| target.host);
        if self.asks.set_host(told, host).is_err() {
            self.asks.set_incomplete(ask);
        }
        instance.fingerprint(self.key)
    }

    /// Gets what is missing of an instance on a link.
    fn want_details(
        &mut self,
        now: Instant,
        index: usize,
        name: Name<'_>,
        need: Need,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let mut all = Ok(());
        for rtype in [RecordType::SRV, RecordType::TXT] {
            all = all.and(self.want(now, index, name, rtype, need, own));
        }
        let target = self.links.link(index).and_then(|heard| target_on(heard, name));
        let host = target.filter(|target| target.is_available()).map(|target| NameBuf::from(target.host));
        if let Some(host) = host {
            for &rtype in AddressKind::Both.types() {
                all = all.and(self.want(now, index, host.as_name(), rtype, need, own));
            }
        }
        all
    }

    fn settle_host(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        name: Name<'_>,
        kind: AddressKind,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            for &rtype in kind.types() {
                all = all.and(self.want(now, index, name, rtype, Need::Kept, own));
            }
        }
        let host = Host { links: &self.links, name, kind, is_own: false };
        let heard = || (0..self.links.bound()).filter_map(|index| self.links.link(index));
        let is_denied = heard().any(|heard| kind.types().iter().all(|&rtype| heard.denies(name, rtype)));
        let is_own = heard().any(|heard| kind.types().iter().any(|&rtype| has_own(heard, name, rtype)));
        let number = match host.fingerprint(self.key) {
            Some(number) => number,
            None if is_denied || standing.told != NOTHING => EMPTY,
            None => NOTHING,
        };
        self.asks.set_now(told, number, is_own);
        all
    }

    fn settle_query(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        name: Name<'_>,
        rtype: RecordType,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            all = all.and(self.want(now, index, name, rtype, Need::Kept, own));
        }
        let heard = || (0..self.links.bound()).filter_map(|index| self.links.link(index));
        let is_denied = heard().any(|heard| heard.denies(name, rtype));
        let is_one_shot = self.asks.is_one_shot(standing.ask);
        // There may be many: that they were touched says that they are others now.
        let (number, outcome) = if heard().any(|heard| has_any(heard, name, rtype)) {
            (standing.now.wrapping_add(1).max(EMPTY + 1), Some(Outcome::Answered))
        } else if is_denied {
            (EMPTY, Some(Outcome::Denied))
        } else {
            (if standing.told == NOTHING { NOTHING } else { EMPTY }, None)
        };
        self.asks.set_now(told, number, false);
        if let Some(outcome) = outcome.filter(|_| is_one_shot) {
            self.asks.finish(standing.ask, outcome);
            self.recheck(now, standing.ask);
        }
        all
    }

    /// Ends what has waited long enough: one-shot queries, and the wait of a resolve for what is still missing.
    pub(crate) fn end_patience(&mut self, now: Instant) {
        while let Some(ask) = self.asks.take_due(now) {
            if self.asks.is_one_shot(ask) {
                self.asks.finish(ask, Outcome::TimedOut);
                self.recheck(now, ask);
            } else {
                self.asks.touch_ask(ask);
            }
        }
    }

    /// When the next of these falls due.
    pub(crate) fn next_patience(&self) -> Instant {
        self.asks.next_due()
    }

    // Telling.

    pub(crate) fn has_news(&self) -> bool {
        self.asks.has_news()
    }

    /// Tells the next piece of news.
    pub(crate) fn poll_event(&mut self) -> Option<Event<'_>> {
        match self.asks.take_news()? {
            News::Told { ask, told, before, after } => self.event(ask, told, before, after),
            News::Incomplete { ask } => Some(Event::Incomplete { ask: self.asks.id(ask)? }),
            News::Finished { ask, outcome } => {
                let id = self.asks.id(ask)?;
                self.asks.remove_ask(ask);
                Some(Event::Finished { ask: id, outcome })
            }
        }
    }

    fn event(&self, ask: u32, told: u32, before: u32, after: u32) -> Option<Event<'_>> {
        let (_, kind) = self.asks.asked(ask)?;
        let (name, is_own) = self.asks.told(told)?;
        let ask = self.asks.id(ask)?;
        let links = &self.links;
        let instance = Instance { links, name, is_own };
        Some(match (kind, before, after) {
            (Kind::Browse | Kind::Types, NOTHING, _) => Event::Found { ask, instance },
            (Kind::Browse | Kind::Types, _, NOTHING) => Event::Gone { ask, instance },
            (Kind::Browse | Kind::Types, ..) => Event::Changed { ask, instance },
            (Kind::Resolve, _, NOTHING) => Event::Lost { ask, instance },
            (Kind::Resolve, ..) => Event::Resolved { ask, instance },
            (Kind::Host(kind), ..) => Event::Addresses { ask, host: Host { links, name, kind, is_own } },
            (Kind::Query(rtype), ..) => Event::Answers { ask, records: Records { links, name, rtype } },
        })
    }
}
