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
    own::{ClaimId, Holder, News},
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
                Verdict::Doubtful => self.doubt(now, id, claim),
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
            Phase::Won => {
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
        let pause = self.count_conflict(now);
        if self
            .own
            .claim(claim)
            .is_some_and(|claim| claim.holder == Holder::Records)
        {
            return self.give_up(claim);
        }
        let leader = self.own.leader(claim);
        if !self.own.rename(now, leader, &mut self.chance)
            && let Some(link) = self.link_mut(id)
        {
            Stats::count(&mut link.stats.names_full);
        }
        self.has_unsaid = true;
        match self.own.claim(leader).map(|claim| claim.holder) {
            Some(Holder::Service(index)) => {
                self.each_claim(index.get(), |responder, claim| {
                    responder.retry(now, claim, pause)
                });
            }
            _ => self.retry(now, leader, pause),
        }
    }

    /// Probes for a name that was given another number, on every link that has use for it.
    fn retry(&mut self, now: Instant, claim: ClaimId, pause: Duration) {
        let Responder {
            own, links, chance, ..
        } = self;
        for (_, link) in links.iter_mut().filter(|(_, link)| link.is_up) {
            if link.has_records(own, claim) {
                link.hush(own, claim);
                link.probe(now, claim, pause, chance);
            }
        }
    }

    /// Another has a name for which there is no next one: nothing more is said of it, and the application decides.
    fn give_up(&mut self, claim: ClaimId) {
        let Responder { own, links, .. } = self;
        for (_, link) in links.iter_mut() {
            link.hush(own, claim);
            link.stop_claim(claim);
        }
        own.set_news(claim, News::Lost);
        self.has_unsaid = true;
    }

    /// Another may have the name: it is probed for again, and not used meanwhile (§9).
    #[cfg_attr(target_os = "none", inline(never))]
    fn doubt(&mut self, now: Instant, id: LinkId, claim: ClaimId) {
        let is_address = self
            .own
            .claim(claim)
            .is_some_and(|claim| claim.holder == Holder::Address);
        let pause = if is_address {
            Duration::ZERO
        } else {
            self.count_conflict(now)
        };
        let Responder {
            own, links, chance, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        if is_address {
            return link.yield_address(own, claim);
        }
        Stats::count(&mut link.stats.conflicts);
        link.hush(own, claim);
        link.probe(now, claim, pause, chance);
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
    fn hush<O: crate::own::OwnStorage>(&mut self, own: &crate::own::Own<O>, claim: ClaimId) {
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
