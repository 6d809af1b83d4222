//! What others say of our names: conflicts (RFC 6762 §9), lost probes (§8.1), answers they give for us (§6.6, §7.4), our own words
//! come back through a bridge (§14).
//!
//! A record is ours if its name is ours and its rdata is what any link of this host says now; or what it said lately, if it
//! comes from an address of ours. Ours never conflicts.

use core::{net::IpAddr, time::Duration};

use super::{
    Responder, ResponderStorage,
    debt::{Debt, Waiting},
    state::Phase,
};
use crate::{
    link::LinkId,
    own::{ClaimId, Holder},
    stats::Stats,
    store::NameId,
    time::Instant,
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
        now: Instant,
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
                    self.hear_record(now, id, source, &record);
                }
            }
        }
    }

    fn hear_record(&mut self, now: Instant, id: LinkId, source: IpAddr, record: &Record<'_>) {
        let Some(name) = self.own.find_name(record.name) else {
            return;
        };
        if self.own.is_ours(now, name, record, source) {
            self.hear_ours(now, id, name, record);
        } else if let Some(claim) = self.own.claim_of(name) {
            match self.judge(id, claim, name, record) {
                Verdict::Fine => {}
                Verdict::Lost => self.lose(now, id, claim),
                Verdict::Doubtful if self.is_of_address(claim) => {
                    self.contradict_address(now, id, claim, name, source);
                }
                Verdict::Doubtful => self.contradict(now, id, claim, name, record.rtype()),
            }
        }
    }

    fn judge(&self, id: LinkId, claim: ClaimId, name: NameId, record: &Record<'_>) -> Verdict {
        let Some(state) = self.link(id).and_then(|link| link.claims.get(claim.get())) else {
            return Verdict::Fine;
        };
        // A goodbye takes nothing from us. What does not exist conflicts with nothing: the rival's records come beside it.
        if record.ttl.0 == 0 || record.rtype() == RecordType::NSEC || record.rtype().is_pseudo() {
            return Verdict::Fine;
        }
        match state.phase {
            // Before the first probe nothing is meant for us (§8.1).
            Phase::Off | Phase::Waiting => Verdict::Fine,
            // We asked for any type, so any type denies us (§8.1).
            Phase::Probing(_) => Verdict::Lost,
            Phase::Won | Phase::Defended | Phase::Contested => {
                let is_conflict = self
                    .own
                    .records_of(name)
                    .any(|(_, ours)| ours.claim == Some(claim) && ours.rtype() == record.rtype());
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
    fn lose(&mut self, now: Instant, id: LinkId, claim: ClaimId) {
        if let Some(link) = self.link_mut(id) {
            Stats::count(&mut link.stats.conflicts);
        }
        let pause = self.conflicts.count(now);
        if self
            .own
            .claim(claim)
            .is_some_and(|claim| claim.holder == Holder::Records)
        {
            return self.lose_records(now, id, claim);
        }
        if !self.take_next_name(now, claim, pause)
            && let Some(link) = self.link_mut(id)
        {
            Stats::count(&mut link.stats.names_full);
        }
    }

    /// Gives a service or a host its next name, and probes for it on every link (§9). `false` if there was no memory for it.
    pub(crate) fn take_next_name(&mut self, now: Instant, claim: ClaimId, pause: Duration) -> bool {
        let leader = self.own.leader(claim);
        let is_renamed = self.own.rename(now, leader, &mut self.chance);
        self.has_unsaid = true;
        match self.own.claim(leader).map(|claim| claim.holder) {
            Some(Holder::Service(index)) => {
                self.each_claim(index.get(), |responder, claim| {
                    responder.retry(now, claim, pause)
                });
            }
            _ => self.retry(now, leader, pause),
        }
        is_renamed
    }

    /// Probes for a name that was given another number, on every link that has use for it.
    fn retry(&mut self, now: Instant, claim: ClaimId, pause: Duration) {
        let Responder {
            own, links, chance, ..
        } = self;
        for (_, link) in links.iter_mut().filter(|(_, link)| link.is_up) {
            if link.has_records(own, claim) {
                link.hush(own, claim);
                if let Some(state) = link.claims.get_mut(claim.get()) {
                    state.forget_disputes();
                }
                link.probe(now, claim, pause, chance);
            }
        }
    }

    /// Another has a name for which there is no next one: nothing is said of it, the application is told, and it is tried again after a
    /// while, so that a denial that was forged takes nothing for good.
    fn lose_records(&mut self, now: Instant, id: LinkId, claim: ClaimId) {
        let Responder {
            own, links, chance, ..
        } = self;
        let state = links
            .get_mut(u32::from(id.0))
            .and_then(|link| link.claims.get_mut(claim.get()));
        let pause = state.map_or(Duration::ZERO, |state| state.lose());
        for (_, link) in links.iter_mut() {
            link.hush(own, claim);
            if link.is_up && link.has_records(own, claim) {
                link.probe(now, claim, pause, chance);
            } else {
                link.stop_claim(claim);
            }
        }
        own.set_lost(claim);
        self.has_unsaid = true;
    }

    fn is_of_address(&self, claim: ClaimId) -> bool {
        let found = self.own.claim(claim);
        found.is_some_and(|claim| claim.holder == Holder::Address)
    }

    /// Another contradicts what we say of a name: it is probed for again and not used meanwhile (§9), or, when that was just done, used
    /// and said again until it has its turn. Who never answers a probe can so keep a name silent for a tenth of the time at most.
    #[cfg_attr(target_os = "none", inline(never))]
    fn contradict(
        &mut self,
        now: Instant,
        id: LinkId,
        claim: ClaimId,
        name: NameId,
        rtype: RecordType,
    ) {
        let Responder {
            own,
            links,
            chance,
            conflicts,
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
            Phase::Contested => Duration::ZERO,
            _ => conflicts.count(now),
        };
        if state.contradict(now, pause) {
            link.hush(own, claim);
            link.probe(now, claim, Duration::ZERO, chance);
            self.has_unsaid = true;
            return;
        }
        link.settle_claim(claim);
        link.defend(now, own, name, claim, rtype);
    }

    /// Another says whose address this is. Somebody at that very address, another stack of this host above all, may say so; from
    /// elsewhere it is a lie, and ours is said again.
    #[cfg_attr(target_os = "none", inline(never))]
    fn contradict_address(
        &mut self,
        now: Instant,
        id: LinkId,
        claim: ClaimId,
        name: NameId,
        source: IpAddr,
    ) {
        let Responder { own, links, .. } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        if own.has_address(source) {
            link.yield_address(own, claim);
        } else {
            Stats::count(&mut link.stats.conflicts);
            link.defend(now, own, name, claim, RecordType::PTR);
        }
    }

    /// Our own words from another's mouth.
    #[cfg_attr(target_os = "none", inline(never))]
    fn hear_ours(&mut self, now: Instant, id: LinkId, name: NameId, heard: &Record<'_>) {
        let Responder { own, links, .. } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        let interface = link.config.interface;
        let here = own.find(name, &heard.rdata, &|record| {
            record.scope.covers(interface) && !record.is_leaving()
        });
        let Some(record) = here else {
            // What another link of ours says, or what we said before: it has flushed what we say here (§14).
            if heard.cache_flush {
                let rtype = heard.rtype();
                let same = own.records_of(name).find(|(_, record)| {
                    record.rtype() == rtype
                        && record.unique
                        && record.scope.covers(interface)
                        && !record.is_leaving()
                });
                if let Some((record, _)) = same {
                    link.say_again(now, record, false);
                }
            }
            return;
        };
        let Some(found) = own.get(record) else { return };
        let ttl = u64::from(found.ttl.0);
        let theirs = u64::from(heard.ttl.0);
        if theirs * 2 < ttl {
            // §6.6, §10.1: others would forget too soon what is so.
            link.say_again(now, record, true);
            return;
        }
        // §7.4: another has answered for us.
        if let Some(state) = link.records.get_mut(record)
            && state.debt.is_owed()
            && !state.debt.unicast
            && !state.debt.defends
            && theirs >= ttl
            && heard.cache_flush == found.unique
        {
            state.debt.clear(&mut link.askers);
            link.settle_record(record);
        }
    }
}

impl<L: super::LinkStorage> super::Link<L> {
    /// What a claim's records say is not said until the name is ours (again): its own, and those that name it as their target,
    /// but for the PTRs of services on a host in doubt.
    pub(super) fn hush<O: crate::own::OwnStorage>(
        &mut self,
        own: &crate::own::Own<O>,
        claim: ClaimId,
    ) {
        let Some(found) = own.claim(claim) else {
            return;
        };
        let name = found.name;
        if let Some(state) = self.claims.get_mut(claim.get()) {
            state.denial.clear(&mut self.askers);
            self.settle_claim(claim);
        }
        for (id, record) in own.records() {
            if !record.is_leaving()
                && (record.claim == Some(claim) || record.stored.target() == Some(name))
            {
                self.silence(id);
            }
        }
    }

    /// Says an RRset of ours once more, after another has said otherwise.
    fn defend<O: crate::own::OwnStorage>(
        &mut self,
        now: Instant,
        own: &crate::own::Own<O>,
        name: NameId,
        claim: ClaimId,
        rtype: RecordType,
    ) {
        let interface = self.config.interface;
        for (id, record) in own.records_of(name) {
            if record.claim == Some(claim)
                && record.rtype() == rtype
                && record.scope.covers(interface)
            {
                self.say_again(now, id, true);
            }
        }
    }

    /// Another stack on this host, or another host of the same address, says whose address it is: that is not ours to settle.
    /// We say no more about it until the link comes up anew.
    pub(super) fn yield_address<O: crate::own::OwnStorage>(
        &mut self,
        own: &crate::own::Own<O>,
        claim: ClaimId,
    ) {
        self.hush(own, claim);
        self.stop_claim(claim);
    }

    /// Multicasts a record once more, unless that was just done or it may not be said.
    fn say_again(&mut self, now: Instant, record: u32, even_if_recent: bool) {
        let Some(state) = self.records.get_mut(record) else {
            return;
        };
        let is_recent = state.may_go() > now;
        if !state.is_said() || (is_recent && !even_if_recent) {
            return;
        }
        state.debt.add(
            Debt {
                due: now,
                waiting: Waiting::MANY,
                unicast: false,
                defends: false,
            },
            &mut self.askers,
        );
        self.settle_record(record);
    }
}
