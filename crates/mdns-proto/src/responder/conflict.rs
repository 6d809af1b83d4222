//! What others say of our names: conflicts (RFC 6762 §9), lost probes (§8.1), answers they give for us (§6.6, §7.4), our own words
//! come back through a bridge (§14).
//!
//! A record is ours if its name is ours and its rdata is what any link of this host says now; or what it said lately, if it
//! comes from an address of ours. Ours never conflicts.

use core::net::IpAddr;

use super::{
    Link, LinkStorage, Responder, ResponderStorage,
    state::{Phase, Waiting},
};
use crate::{
    link::LinkId,
    moment::Now,
    registry::{ClaimId, Holder, RecordNumber, Registry, RegistryStorage},
    stats::Stats,
    store::NONE,
    wire::{Class, Message, Record, RecordType, Section},
};

/// What a record of another means for a claim of ours.
enum Verdict {
    /// Nothing.
    Fine,
    /// The name belongs to another (§8.1).
    Lost,
    /// It may: probe once more (§9).
    Doubtful,
}

impl<S: ResponderStorage> Responder<S> {
    /// Takes in a response: looks in every section for what concerns our names.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn handle_response(
        &mut self,
        now: Now,
        id: LinkId,
        source: IpAddr,
        message: &Message<'_>,
    ) {
        if Self::NONE {
            return;
        }
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            for record in message.section(section) {
                if record.class == Class::IN {
                    self.handle_record(now, id, source, &record);
                }
            }
        }
    }

    fn handle_record(&mut self, now: Now, id: LinkId, source: IpAddr, record: &Record<'_>) {
        let named = self.registry.named(record.name);
        let first = named.clone().peek();
        if first == NONE {
            return;
        }
        if self.registry.is_ours(now, record, source) {
            self.handle_ours(now, id, record);
        } else if let Some(claim) = named.claim(first) {
            match self.judge(id, claim, record) {
                Verdict::Fine => {}
                Verdict::Lost => self.lose(now, id, claim),
                Verdict::Doubtful if self.is_of_address(claim) => {
                    self.contradict_address(now, id, claim, source);
                }
                Verdict::Doubtful => self.contradict(now, id, claim, record.rtype()),
            }
        }
    }

    fn judge(&self, id: LinkId, claim: ClaimId, record: &Record<'_>) -> Verdict {
        let Some(state) = self.link(id).and_then(|link| link.claims.get(claim.get())) else {
            return Verdict::Fine;
        };
        let rtype = record.rtype();
        // A goodbye takes nothing from us. What does not exist conflicts with nothing: the rival's records come beside it.
        if record.ttl.0 == 0 || rtype == RecordType::NSEC || rtype.is_pseudo() {
            return Verdict::Fine;
        }
        match state.phase {
            // Before the first probe nothing is meant for us (§8.1).
            Phase::Off | Phase::Waiting => Verdict::Fine,
            // We asked for any type, so any type denies us (§8.1).
            Phase::Probing(_) => Verdict::Lost,
            Phase::Won | Phase::Defended | Phase::Contested => {
                let is_conflict = self.registry.records_of(claim).any(|ours| {
                    self.registry
                        .info(ours)
                        .is_some_and(|info| info.rtype == rtype)
                });
                if is_conflict {
                    Verdict::Doubtful
                } else {
                    Verdict::Fine
                }
            }
        }
    }

    /// Another has the name: every link takes the next one (§9).
    #[cfg_attr(target_os = "none", inline(never))]
    fn lose(&mut self, now: Now, id: LinkId, claim: ClaimId) {
        if let Some(link) = self.link_mut(id) {
            Stats::count(&mut link.stats.conflicts);
        }
        let pause = self.conflicts.count(now);
        let holder =
            |responder: &Self, claim| responder.registry.claim(claim).map(|claim| claim.holder);
        if holder(self, claim) == Some(Holder::Records) {
            return self.lose_records(now, id, claim);
        }
        if !self.take_next_name(now, claim, pause)
            && let Some(link) = self.link_mut(id)
        {
            Stats::count(&mut link.stats.names_full);
        }
    }

    /// Gives a service or a host its next name, and probes for it on every link, after `pause` milliseconds (§9). `false` if there was no
    /// memory for it.
    pub(crate) fn take_next_name(&mut self, now: Now, claim: ClaimId, pause: u32) -> bool {
        let leader = self.registry.leader(claim);
        let is_renamed = self.registry.rename(now, leader, &mut self.chance);
        self.has_retracted = true;
        match self.registry.claim(leader).map(|claim| claim.holder) {
            Some(Holder::Service(service)) => {
                self.each_claim(service.get(), |responder, claim| {
                    responder.probe_anew(now, claim, pause);
                });
            }
            _ => self.probe_anew(now, leader, pause),
        }
        is_renamed
    }

    /// Probes for a name that was given another number, on every link that has use for it.
    fn probe_anew(&mut self, now: Now, claim: ClaimId, pause: u32) {
        let Responder {
            registry,
            links,
            chance,
            announcements,
            ..
        } = self;
        for (_, link) in links.iter_mut().filter(|(_, link)| link.is_up) {
            if link.has_records(registry, claim) {
                if let Some(state) = link.claims.get_mut(claim.get()) {
                    state.forget_disputes();
                }
                link.probe(now, claim, pause, chance);
                link.reconcile(now, registry, claim, *announcements);
            }
        }
    }

    /// Another has a name for which there is no next one: nothing is said of it, the application is told, and it is tried again after a
    /// while, so that a denial that was forged takes nothing for good.
    fn lose_records(&mut self, now: Now, id: LinkId, claim: ClaimId) {
        let Responder {
            registry,
            links,
            chance,
            announcements,
            ..
        } = self;
        let state = links
            .get_mut(u32::from(id.0))
            .and_then(|link| link.claims.get_mut(claim.get()));
        let pause = state.map_or(0, |state| state.lose());
        for (_, link) in links.iter_mut() {
            if link.is_up && link.has_records(registry, claim) {
                link.probe(now, claim, pause, chance);
            } else {
                link.stop_claim(claim);
            }
            link.reconcile(now, registry, claim, *announcements);
        }
        registry.set_lost(claim);
        self.has_retracted = true;
    }

    fn is_of_address(&self, claim: ClaimId) -> bool {
        let found = self.registry.claim(claim);
        found.is_some_and(|claim| claim.holder == Holder::Address)
    }

    /// Another contradicts what we say of a name: it is probed for again and not used meanwhile (§9), or, when that was just done, used
    /// and said again until it has its turn. Who never answers a probe can so keep a name silent for a tenth of the time at most.
    #[cfg_attr(target_os = "none", inline(never))]
    fn contradict(&mut self, now: Now, id: LinkId, claim: ClaimId, rtype: RecordType) {
        let Responder {
            registry,
            links,
            chance,
            conflicts,
            announcements,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        Stats::count(&mut link.stats.conflicts);
        let Some(state) = link.claims.get_mut(claim.get()) else {
            return;
        };
        // Each attempt to probe counts once, however often we are contradicted until then.
        let pause = match state.phase {
            Phase::Contested => 0,
            _ => conflicts.count(now),
        };
        if state.contradict(now, pause) {
            link.probe(now, claim, 0, chance);
            link.reconcile(now, registry, claim, *announcements);
            self.has_retracted = true;
            return;
        }
        link.reschedule_claim(claim);
        link.defend(now, registry, claim, rtype);
    }

    /// Another says whose address this is. Somebody at that very address, another stack of this host above all, may say so; from
    /// elsewhere it is a lie, and ours is said again.
    #[cfg_attr(target_os = "none", inline(never))]
    fn contradict_address(&mut self, now: Now, id: LinkId, claim: ClaimId, source: IpAddr) {
        let Responder {
            registry, links, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        if registry.has_address(source) {
            link.yield_address(now, registry, claim);
        } else {
            Stats::count(&mut link.stats.conflicts);
            link.defend(now, registry, claim, RecordType::PTR);
        }
    }

    /// Our own words from another's mouth.
    #[cfg_attr(target_os = "none", inline(never))]
    fn handle_ours(&mut self, now: Now, id: LinkId, heard: &Record<'_>) {
        let Responder {
            registry, links, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        let interface = link.config.interface;
        let is_here = |record| registry.covers(record, interface) && !registry.is_leaving(record);
        let Some(record) = registry.find(heard.name, &heard.rdata, &is_here) else {
            // What another link of ours says, or what we said before: it has flushed what we say here (§14).
            if heard.cache_flush {
                let rtype = heard.rtype();
                let same = registry.named(heard.name).find(|&record| {
                    is_here(record)
                        && registry
                            .info(record)
                            .is_some_and(|info| info.rtype == rtype && info.is_unique)
                });
                if let Some(record) = same {
                    link.say_again(now, record, false);
                }
            }
            return;
        };
        let Some(info) = registry.info(record) else {
            return;
        };
        let ttl = u64::from(info.ttl.0);
        let theirs = u64::from(heard.ttl.0);
        if theirs * 2 < ttl {
            // §6.6, §10.1: others would forget too soon what is so.
            link.say_again(now, record, true);
            return;
        }
        // §7.4: another has answered for us.
        if let Some(state) = link.records.get(record)
            && state.is_pending()
            && !state.is_unicast()
            && !state.defends()
            && theirs >= ttl
            && heard.cache_flush == info.is_unique
        {
            link.clear(record);
        }
    }
}

impl<L: LinkStorage> Link<L> {
    /// Says an RRset of ours once more, after another has said otherwise.
    fn defend<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        claim: ClaimId,
        rtype: RecordType,
    ) {
        for record in registry.proposed(claim, self.config.interface) {
            if registry
                .info(record)
                .is_some_and(|info| info.rtype == rtype)
            {
                self.say_again(now, record, true);
            }
        }
    }

    /// Another stack on this host, or another host of the same address, says whose address it is: that is not ours to settle.
    /// We say no more about it until the link comes up anew.
    pub(super) fn yield_address<O: RegistryStorage>(
        &mut self,
        now: Now,
        registry: &Registry<O>,
        claim: ClaimId,
    ) {
        self.stop_claim(claim);
        self.reconcile(now, registry, claim, 0);
    }

    /// Multicasts a record once more, unless that was just done or it may not be said.
    fn say_again(&mut self, now: Now, record: RecordNumber, even_if_recent: bool) {
        let Some(state) = self.records.get(record) else {
            return;
        };
        let may_go = state.may_go();
        let is_recent = !may_go.is_never() && may_go > now.noted();
        if state.is_active() && (!is_recent || even_if_recent) {
            self.add_pending(record, now.moment(), Waiting::MANY, false, false);
        }
    }
}
