//! What follows from what was heard: questions for what is missing, news of what has changed.
//!
//! Whatever happens to records only marks what is told of them as touched. When a verb ends, each touched slot is looked at
//! once: what is missing is asked for, and what is known is compared with what was told.

use core::time::Duration;

use super::{
    AddressKind, Details, Heard as _, Host, Instance, Links, Need, Outcome, Records,
    alias::{ALIASES_MAX, alias_on, aliases_on, canonical_on},
    ask::Kind,
    heard::{each_link, has_own, is_answered, is_known},
    instance::{first_target, target_on},
    news::Standing,
    told::{EMPTY, NOTHING},
    verbs::PATIENCE,
};
use crate::{
    cache::Origin,
    link::Family,
    querier::{Querier, QuerierStorage, Start},
    registry::{OwnRecords, SubtypeName},
    store::{Full, NameId},
    time::Instant,
    wire::RecordType,
};

/// How many results are looked at at once, and how soon the next so many are. One record can touch any number of them: those of the
/// instances that are on one host.
pub(crate) const RECONCILED_MAX: usize = 64;

/// So many addresses of a host count as a result more: a stranger can give it many.
const ADDRESSES_EACH: usize = 8;

const RECONCILE_INTERVAL: Duration = Duration::from_millis(10);

impl<S: QuerierStorage> Querier<S> {
    /// Looks at what was touched, and at what found no room before.
    pub(crate) fn settle(&mut self, now: Instant, own: &dyn OwnRecords) {
        if Self::NONE {
            return;
        }
        self.reconcile_some(now, own);
        let mut is_hungry = false;
        for link in self.links.iter_mut() {
            is_hungry |= link.is_starved && link.has_freed;
            link.is_starved &= !link.has_freed;
            link.has_freed = false;
            link.retry = Instant::MAX;
        }
        if is_hungry && self.asks.note_room_for_questions(now) {
            self.open_all(now, own);
            for told in 0..self.asks.told_bound() {
                self.asks.touch(told);
            }
            self.reconcile_some(now, own);
        }
        if let Some(of_all) = self.asks.looks_again(now) {
            self.look_again(now, of_all, own);
            self.reconcile_some(now, own);
        }
        // A packet that touches many results makes work for later, and in between others have their turn.
        self.reconcile_at = if self.asks.is_touched() {
            now + RECONCILE_INTERVAL
        } else {
            Instant::MAX
        };
    }

    /// Looks for what found no room: among what is known, and by asking once more.
    #[cfg_attr(target_os = "none", inline(never))]
    fn look_again(&mut self, now: Instant, of_all: bool, own: &dyn OwnRecords) {
        for ask in 0..self.asks.asks_bound() {
            if !self.asks.take_missing(ask) && !of_all {
                continue;
            }
            self.asks.touch_ask(ask);
            if !self.asks.is_browse(ask) {
                continue;
            }
            for index in 0..self.links.bound() {
                let opened = self.open(now, index, ask, own);
                if let Some(link) = self.links.up_mut(index)
                    && let Some((name, _)) = self.asks.asked(ask)
                    && opened.is_ok()
                {
                    link.ask_again(now, name, RecordType::PTR);
                }
            }
        }
    }

    /// Looks at some of the results that were touched, the first of them first.
    fn reconcile_some(&mut self, now: Instant, own: &dyn OwnRecords) {
        while self.reconciled_left > 0 {
            let Some(told) = self.asks.take_touched() else {
                break;
            };
            self.reconciled_left -= 1;
            // What finds no room is made up for when there is some.
            let _ = self.reconcile(now, told, own);
        }
        self.reconciled_left = RECONCILED_MAX;
    }

    /// Compares what is known with what was told of one result, and gets what is missing. Says whether all of that could be asked for.
    pub(super) fn reconcile(
        &mut self,
        now: Instant,
        told: u32,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        self.asks.pass_all_on(told);
        let Some(standing) = self.asks.standing(told) else {
            return Ok(());
        };
        match standing.kind {
            Kind::Browse(details) => self.settle_found(now, told, &standing, details, own),
            Kind::Types => self.settle_found(now, told, &standing, Details::NamesOnly, own),
            Kind::Resolve => self.settle_resolve(now, told, &standing, own),
            Kind::Host(kind) => self.settle_host(now, told, &standing, kind, own),
            Kind::Query(rtype) => self.settle_query(now, told, &standing, rtype, own),
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn settle_found(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        details: Details,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let (mut is_there, mut is_own) = (false, false);
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            let pointer = self.links.pointer(index, standing.asked, standing.name);
            let Some(is_ours) = pointer else {
                continue;
            };
            is_there = true;
            is_own |= is_ours;
            let need = details.need();
            if need == Need::Kept || need == Need::Once && standing.owes_details {
                all = all.and(self.want_details(
                    now,
                    index,
                    (standing.name, need, Start::Random),
                    own,
                ));
            }
        }
        if standing.owes_details && all.is_ok() {
            self.asks.pay_details(told);
        }
        let mut number = NOTHING;
        if is_there {
            number = EMPTY + 1;
            if details != Details::NamesOnly {
                number = self.settle_target(now, told, standing.name, standing.ask);
            }
        }
        self.asks
            .set_now(&mut self.links.names, told, number, is_own);
        all
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn settle_resolve(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let start = self.asks.take_start(now, told);
        let mut all = Ok(());
        // The host first: records of it are wanted from then on.
        let mut number = self.settle_target(now, told, standing.name, standing.ask);
        for index in 0..self.links.bound() {
            all = all.and(self.want_details(now, index, (standing.name, Need::Kept, start), own));
        }
        let name = standing.name;
        let instance = Instance {
            links: &self.links,
            name,
            is_own: false,
        };
        let is_own = each_link(&self.links).any(|heard| has_own(heard, name, RecordType::SRV));
        if first_target(&self.links, name).is_none() {
            number = NOTHING;
            if standing.is_impatient {
                self.asks.calm(standing.ask);
            } else {
                self.asks.set_patience(standing.ask, now + PATIENCE);
            }
        } else if standing.told == NOTHING && !standing.is_impatient && !instance.is_complete() {
            number = NOTHING;
            self.asks.set_patience(standing.ask, now + PATIENCE);
        }
        self.asks
            .set_now(&mut self.links.names, told, number, is_own);
        all
    }

    /// Follows an instance to its host, and makes a number of what is known of it.
    fn settle_target(&mut self, now: Instant, told: u32, name: NameId, ask: u32) -> u32 {
        self.follow_target(now, told, name, ask);
        let instance = Instance {
            links: &self.links,
            name,
            is_own: false,
        };
        let known = instance.fingerprint(self.key);
        self.reconciled_left = self
            .reconciled_left
            .saturating_sub(known.addresses / ADDRESSES_EACH);
        if known.is_cut {
            self.asks.set_incomplete(ask);
        }
        known.number
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn follow_target(&mut self, now: Instant, told: u32, name: NameId, ask: u32) {
        let host = first_target(&self.links, name)
            .filter(|target| target.has_host_here(&self.links))
            .map(|target| target.host);
        if self.asks.set_host(&mut self.links.names, told, host) {
            // There is something new to wait for.
            self.asks.calm(ask);
        }
        self.follow_aliases(now, told, host, ask);
    }

    /// Follows a name through its aliases on every link: what becomes of them matters to what is told from here on, and what
    /// becomes of others does no more.
    #[cfg_attr(target_os = "none", inline(never))]
    fn follow_aliases(&mut self, now: Instant, told: u32, from: Option<NameId>, ask: u32) {
        let Querier { links, asks, .. } = self;
        loop {
            let is_past = |&name: &NameId| !from.is_some_and(|from| is_alias_of(links, from, name));
            let Some(old) = asks.hops(told).find(is_past) else {
                break;
            };
            asks.keep_hops(&mut links.names, told, |name| name != old);
        }
        let Some(from) = from else { return };
        let mut is_new = false;
        for index in 0..links.bound() {
            let alias_of = |links: &dyn Links, name| {
                let alias = alias_on(links.link(index)?, name)?;
                links.name(alias).is_link_local().then_some(alias)
            };
            let mut next = alias_of(links, from);
            for _ in 0..ALIASES_MAX {
                let Some(alias) = next else {
                    break;
                };
                if alias != from && !asks.has_hop(told, alias) {
                    if asks.add_hop(&mut links.names, told, alias).is_err() {
                        asks.set_missing(ask);
                        break;
                    }
                    is_new = true;
                }
                next = alias_of(links, alias);
            }
        }
        if is_new {
            // From here on they are missed.
            for name in asks.hops(told) {
                links.recheck(asks, now, name);
            }
        }
    }

    /// Gets what is missing of an instance on a link.
    fn want_details(
        &mut self,
        now: Instant,
        index: usize,
        (name, need, start): (NameId, Need, Start),
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let mut all = Ok(());
        for rtype in [RecordType::SRV, RecordType::TXT] {
            all = all.and(self.want(now, index, (name, rtype), (need, start), own));
        }
        if let Some(host) = self.hold_host(index, name) {
            for &rtype in AddressKind::Both.types() {
                let is_missing = self.misses_addresses(index, host, rtype, need, own);
                let start = if is_missing { start } else { Start::Never };
                all = all.and(self.want(now, index, (host, rtype), (need, start), own));
            }
            self.links.names.release(host);
        }
        all
    }

    /// Whether addresses of a family are to be asked for, of a host that an instance is on: where the interface has the family itself,
    /// and nothing is known of the other. What comes with an SRV are all addresses of the host (RFC 6763 §12.2); one that says what it has
    /// and not what it has not would be asked for the rest for ever.
    fn misses_addresses(
        &self,
        index: usize,
        host: NameId,
        rtype: RecordType,
        need: Need,
        own: &dyn OwnRecords,
    ) -> bool {
        let (family, other) = match rtype {
            RecordType::A => (Family::V4, RecordType::AAAA),
            _ => (Family::V6, RecordType::A),
        };
        let Some(link) = self.links.get(index) else {
            return false;
        };
        own.has_family(link.config().interface, family)
            && !is_known(link, host, other, need == Need::Kept)
    }

    /// The name that has the addresses of the host that an instance is on, as one link has it; held for the caller.
    #[cfg_attr(target_os = "none", inline(never))]
    fn hold_host(&mut self, index: usize, name: NameId) -> Option<NameId> {
        let links = &self.links;
        let heard = links.link(index)?;
        let target = target_on(links, heard, name).filter(|target| target.has_host_here(links))?;
        self.hold_canonical(index, target.host)
    }

    /// The name that has the addresses of a host, as one link has it; held for the caller.
    #[cfg_attr(target_os = "none", inline(never))]
    fn hold_canonical(&mut self, index: usize, name: NameId) -> Option<NameId> {
        let links = &mut self.links;
        let found = canonical_on(links, links.link(index)?, name)?;
        if !links.names.name(found).is_link_local() {
            return None;
        }
        links.names.hold(found);
        Some(found)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn settle_host(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        kind: AddressKind,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let start = self.asks.take_start(now, told);
        self.follow_aliases(now, told, Some(standing.name), standing.ask);
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            let Some(name) = self.hold_canonical(index, standing.name) else {
                continue;
            };
            for &rtype in kind.types() {
                // Both are asked for at first. Once one is known, the other is known soon or is not there. Of the name that an alias
                // stands for nothing was asked before.
                let is_rest = start == Start::Random
                    && name == standing.name
                    && kind.types().iter().any(|&other| {
                        let link = self.links.get(index);
                        other != rtype && link.is_some_and(|link| is_known(link, name, other, true))
                    });
                let start = if is_rest { Start::Never } else { start };
                all = all.and(self.want(now, index, (name, rtype), (Need::Kept, start), own));
            }
            self.links.names.release(name);
        }
        let (name, links) = (standing.name, &self.links);
        let host = Host {
            links: &self.links,
            name,
            kind,
            is_own: false,
        };
        let is_denied = each_link(links).any(|heard| {
            let types = kind.types();
            canonical_on(links, heard, name)
                .is_some_and(|name| types.iter().all(|&rtype| heard.denies(name, rtype)))
        });
        let is_own = each_link(links).any(|heard| {
            let types = kind.types();
            canonical_on(links, heard, name)
                .is_some_and(|name| types.iter().any(|&rtype| has_own(heard, name, rtype)))
        });
        let known = host.fingerprint(self.key);
        self.reconciled_left = self
            .reconciled_left
            .saturating_sub(known.addresses / ADDRESSES_EACH);
        if known.is_cut {
            self.asks.set_incomplete(standing.ask);
        }
        let number = match known.number {
            Some(number) => number,
            None if is_denied || standing.told != NOTHING => EMPTY,
            None => NOTHING,
        };
        self.asks
            .set_now(&mut self.links.names, told, number, is_own);
        all
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn settle_query(
        &mut self,
        now: Instant,
        told: u32,
        standing: &Standing,
        rtype: RecordType,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let (name, start) = (standing.name, self.asks.take_start(now, told));
        let mut all = Ok(());
        for index in 0..self.links.bound() {
            all = all.and(self.want(now, index, (name, rtype), (Need::Kept, start), own));
        }
        let is_denied = each_link(&self.links).any(|heard| heard.denies(name, rtype));
        let is_one_shot = self.asks.is_one_shot(standing.ask);
        // There may be many: that they were touched says that they are others now.
        let records = Records {
            links: &self.links,
            name,
            rtype,
        };
        let (number, outcome) = if !records.is_empty() {
            (
                standing.now.wrapping_add(1).max(EMPTY + 1),
                Some(Outcome::Answered),
            )
        } else if is_denied {
            (EMPTY, Some(Outcome::Denied))
        } else {
            (
                if standing.told == NOTHING {
                    NOTHING
                } else {
                    EMPTY
                },
                None,
            )
        };
        self.asks
            .set_now(&mut self.links.names, told, number, false);
        if let Some(outcome) = outcome.filter(|_| is_one_shot) {
            self.asks.finish(standing.ask, outcome);
            self.recheck(now, standing.ask);
        }
        all
    }

    // Getting what is missing.

    /// Gets what is missing on a link: from ourselves, or by asking. The caller holds the name.
    pub(super) fn put(
        &mut self,
        now: Instant,
        index: usize,
        (name, rtype): (NameId, RecordType),
        start: Start,
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let Some(link) = self.links.up_mut(index) else {
            return Ok(());
        };
        let (id, allowed) = (link.id, link.config().names);
        if self.own_results {
            let text = self.links.names.name(name);
            let (is_alone, first) = (own.is_alone(id, text), own.first(text));
            // Whatever is asked for, an alias answers it.
            let alias = (rtype != RecordType::ANY).then_some(RecordType::CNAME);
            for rtype in core::iter::once(rtype).chain(alias) {
                let mut next = first;
                while let Some(mut record) =
                    own.answer(id, rtype, &mut next, &mut SubtypeName::new())
                {
                    self.take(now, index, &mut record, Origin::Own);
                }
            }
            if is_alone {
                return Ok(());
            }
        }
        if start == Start::Never || !allowed.contain(self.links.names.name(name)) {
            return Ok(());
        }
        let Some((link, names)) = self.links.up_with_names(index) else {
            return Ok(());
        };
        let asked = link.ask(names, now, (name, rtype), start, &mut self.chance);
        link.is_starved |= asked.is_err();
        asked
    }

    /// Gets what is missing on a link, if it is. The caller holds the name.
    fn want(
        &mut self,
        now: Instant,
        index: usize,
        (name, rtype): (NameId, RecordType),
        (need, start): (Need, Start),
        own: &dyn OwnRecords,
    ) -> Result<(), Full> {
        let Some(link) = self.links.up_mut(index) else {
            return Ok(());
        };
        link.await_records(now, name, rtype, need);
        if is_answered(&*link, name, rtype, need == Need::Kept)
            || !link.is_fresh && start != Start::AtOnce && link.is_asking(name, rtype)
        {
            return Ok(());
        }
        self.put(now, index, (name, rtype), start, own)
    }
}

/// Whether a look-up of one name goes through another on any link.
#[cfg_attr(target_os = "none", inline(never))]
fn is_alias_of(links: &dyn Links, from: NameId, name: NameId) -> bool {
    name != from
        && each_link(links).any(|heard| aliases_on(links, heard, from).any(|alias| alias == name))
}
