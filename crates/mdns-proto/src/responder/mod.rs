//! The responder: probes for names, announces records, answers for them, and takes its leave (RFC 6762 §6, §8 to §10).
//!
//! | clause | file |
//! |---|---|
//! | §8.1 probing, §8.3 announcing, the rhythm | `state` |
//! | §8.4 changes, §10.1 taking leave: the commands | `commands` |
//! | §8, §10.2 when to begin, which records may be said | `link` |
//! | §14 which links a service is offered on | `offer` |
//! | §8.2 simultaneous probes | `tiebreak` |
//! | §9 conflicts, §6.6, §7.4 what others say of our names | `conflict` |
//! | §5.4, §5.5, §6, §6.3, §6.7, §7.1, §7.2 which question gets which answer, when and how | `question` |
//! | §6.2, §6.4, §8.3, §10.1, §17 what goes into which packet | `packet` |
//! | §6.1 what is not there | `denial` |
//! | §7.2, §15.2 who waits for an answer | `askers`, `debt` |
//!
//! What is ours is stored once, in [`own`](crate::own); a link keeps its state of it, in rows that run beside. It does not know
//! the querier: conflicts are seen in packets, never in a cache (§8.1).

mod askers;
mod commands;
mod conflict;
mod conflict_rate;
mod debt;
mod denial;
mod link;
mod offer;
mod packet;
mod question;
mod state;
mod tiebreak;

use core::time::Duration;

pub use askers::Asker;
use askers::Askers;
use conflict_rate::Conflicts;
pub use link::{Link, LinkStorage};
use state::Step;
pub use state::{ClaimState, RecordState};

use crate::{
    chance::Chance,
    config::Config,
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, Subnet, UNICAST_SPAN},
    name::Name,
    own::{
        ClaimId, Holder, HostId, News, Own, OwnRecord, OwnRecords, OwnStorage, ServiceId,
        ServiceSlot,
    },
    stats::Stats,
    store::{Full, NONE, Slot, Slots, Table},
    time::Instant,
    wire::{Record, RecordType},
};

/// All rows of a responder.
pub trait ResponderStorage {
    /// What is ours.
    type Own: OwnStorage;
    /// What each link keeps of it.
    type Link: LinkStorage;
    /// The links.
    type Links: Slots<Slot<Link<Self::Link>>>;
}

/// The longest wait for one more attempt after a send has failed.
const RETRY: Duration = Duration::from_secs(1);

/// The most debts looked at for one packet, when each turns out to have to wait.
const TURNS_MAX: u32 = 10_000;

/// What the responder tells the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Service(ServiceId, News),
    Host(HostId, News),
    /// Of records registered by themselves.
    Name(ClaimId, News),
}

/// The responder over all links of a host.
pub(crate) struct Responder<S: ResponderStorage> {
    own: Own<S::Own>,
    links: Table<Link<S::Link>, S::Links>,
    chance: Chance,
    /// Conflicts over all names and links.
    conflicts: Conflicts,
    announcements: u8,
    /// Something that was said is so no more, and no goodbye tells it.
    has_unsaid: bool,
}

impl<S: ResponderStorage> Responder<S> {
    /// States run beside what they are of: their rows may not be shorter.
    const ROWS_FIT: () = {
        type Own<S> = <S as ResponderStorage>::Own;
        let records = <<Own<S> as OwnStorage>::Records as Slots<Slot<OwnRecord>>>::CAPACITY;
        let claims = <<Own<S> as OwnStorage>::Claims as Slots<Slot<crate::own::Claim>>>::CAPACITY;
        assert!(
            <<S::Link as LinkStorage>::Records as Slots<Slot<RecordState>>>::CAPACITY >= records,
            "LinkStorage::Records is shorter than OwnStorage::Records"
        );
        assert!(
            <<S::Link as LinkStorage>::Claims as Slots<Slot<ClaimState>>>::CAPACITY >= claims,
            "LinkStorage::Claims is shorter than OwnStorage::Claims"
        );
    };

    /// Nothing can ever be registered, for lack of rows: who only browses. The compiler sees that what follows from it is never
    /// run, and leaves it out.
    const NONE: bool = <<S::Own as OwnStorage>::Records as Slots<Slot<OwnRecord>>>::CAPACITY == 0;

    pub(crate) const fn new(config: &Config) -> Self {
        let () = Self::ROWS_FIT;
        Responder {
            own: Own::new(config),
            links: Table::new(),
            chance: Chance::new(0),
            conflicts: Conflicts::NONE,
            announcements: if config.announcements < 2 {
                2
            } else if config.announcements > 8 {
                8
            } else {
                config.announcements
            },
            has_unsaid: false,
        }
    }

    pub(crate) fn start(&mut self, chance: Chance) {
        self.own.start(chance.key(0));
        self.chance = chance;
    }

    pub(crate) fn own(&self) -> &Own<S::Own> {
        &self.own
    }

    fn link(&self, id: LinkId) -> Option<&Link<S::Link>> {
        self.links.get(u32::from(id.0))
    }

    fn link_mut(&mut self, id: LinkId) -> Option<&mut Link<S::Link>> {
        self.links.get_mut(u32::from(id.0))
    }

    /// One more than the highest number of a link.
    pub(crate) fn links_bound(&self) -> u32 {
        self.links.bound()
    }

    pub(crate) fn link_config(&self, id: LinkId) -> Option<LinkConfig> {
        self.link(id).map(|link| link.config)
    }

    pub(crate) fn has_link_local_route(&self, id: LinkId) -> bool {
        self.link(id).is_some_and(|link| link.has_link_local_route)
    }

    pub(crate) fn set_link_local_route(&mut self, id: LinkId, has_route: bool) {
        if let Some(link) = self.link_mut(id) {
            link.has_link_local_route = has_route;
        }
    }

    pub(crate) fn stats_mut(&mut self, link: LinkId) -> Option<&mut Stats> {
        self.link_mut(link).map(|link| &mut link.stats)
    }

    /// Whether a unicast response may be the answer to a probe of the last two seconds (RFC 6762 §6).
    pub(crate) fn expects_unicast(&self, now: Instant, link: LinkId) -> bool {
        self.link(link).is_some_and(|link| {
            link.config.unicast
                && link
                    .last_probe
                    .is_some_and(|probe| now < probe + UNICAST_SPAN)
        })
    }

    pub(crate) fn stats(&self, link: LinkId) -> Option<&Stats> {
        self.link(link).map(|link| &link.stats)
    }

    // --- links ---

    /// Adds a link, which is down until [`link_up`](Self::link_up).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn add_link(&mut self, config: LinkConfig) -> Result<LinkId, Full> {
        let id = self
            .links
            .insert_with(u32::from(u8::MAX), || Link::new(config))?;
        let link_id = LinkId(u8::try_from(id).map_err(|_| Full)?);
        let Responder { own, links, .. } = self;
        if let Some(link) = links.get_mut(id)
            && let Err(full) = link.follow(own)
        {
            links.vacate(id);
            return Err(full);
        }
        Ok(link_id)
    }

    /// Takes back a link that was never up.
    pub(crate) fn undo_link(&mut self, id: LinkId) {
        self.links.vacate(u32::from(id.0));
    }

    /// Forgets a link and all that it owed.
    pub(crate) fn remove_link(&mut self, now: Instant, id: LinkId) {
        self.link_down(now, id);
        self.links.vacate(u32::from(id.0));
    }

    /// Whether nothing is said on a link from now on.
    pub(crate) fn set_asks_only(&mut self, now: Instant, id: LinkId, asks_only: bool) {
        let Some(link) = self.link_mut(id) else {
            return;
        };
        if link.config.asks_only == asks_only {
            return;
        }
        link.config.asks_only = asks_only;
        if asks_only {
            self.link_down(now, id);
            self.has_unsaid = true;
        } else {
            self.link_up(now, id);
        }
    }

    /// The link can be used (again): probe, then announce (RFC 6762 §8, §10.2).
    pub(crate) fn link_up(&mut self, now: Instant, id: LinkId) {
        let Responder {
            own,
            links,
            chance,
            announcements,
            ..
        } = self;
        // Where we only ask, the responder takes the link for one that is down.
        let Some(link) = links
            .get_mut(u32::from(id.0))
            .filter(|link| !link.config.asks_only)
        else {
            return;
        };
        link.is_up = true;
        link.held_until = Instant::ZERO;
        if Self::NONE {
            return;
        }
        link.start_over(now, own, chance);
        link.wake_shared(now, own, *announcements);
        self.settle_address_claims(now, id);
    }

    /// The link cannot be used: nothing is owed there, goodbyes cannot be said.
    pub(crate) fn link_down(&mut self, now: Instant, id: LinkId) {
        let Responder { own, links, .. } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        link.is_up = false;
        link.first_probe = Instant::ZERO;
        link.answers = Instant::ZERO;
        if Self::NONE {
            return;
        }
        // Who waits for a reply holds the name that it is about.
        while let Some((asker, _, asked)) = link.askers.next_question() {
            link.askers.remove(asker);
            own.release_name(asked.name);
        }
        for claim in 0..own.claims_bound() {
            link.stop_claim(ClaimId::of(claim));
        }
        for record in 0..own.records_bound() {
            if link.silence(record) {
                left(now, own, record);
            }
        }
        link.askers = Askers::new();
    }

    /// After a sleep: all links begin anew.
    pub(crate) fn resumed(&mut self, now: Instant) {
        for id in 0..self.links.bound() {
            if self.links.get(id).is_some_and(|link| link.is_up) {
                self.link_up(now, LinkId(u8::try_from(id).unwrap_or(u8::MAX)));
            }
        }
    }

    /// A datagram did not leave: a probe nobody could hear proves nothing, nor does an announcement.
    pub(crate) fn send_failed(&mut self, now: Instant, id: LinkId) {
        let Responder {
            own,
            links,
            chance,
            announcements,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        link.held_until = now + RETRY;
        Stats::count(&mut link.stats.send_failed);
        if Self::NONE {
            return;
        }
        for (claim, _) in own.claims() {
            if link
                .claims
                .get(claim.get())
                .is_some_and(|state| matches!(state.phase, state::Phase::Probing(_)))
            {
                link.probe(now, claim, RETRY, chance);
            }
        }
        for (record, _) in own.records() {
            let Some(state) = link.records.get_mut(record) else {
                continue;
            };
            if state.is_live && state.left > 0 {
                // Not before `held_until`, whatever is due.
                state.announce(now, *announcements);
                link.settle_record(record);
            }
        }
    }

    // --- claims ---

    /// Makes the rows of every link as long as those of what is ours.
    fn follow(&mut self) -> Result<(), Full> {
        if Self::NONE {
            return Ok(());
        }
        let Responder { own, links, .. } = self;
        links.iter_mut().try_for_each(|(_, link)| link.follow(own))
    }

    /// A new claim: every link that is up probes for it.
    fn begin_claim(&mut self, now: Instant, claim: ClaimId) {
        let Responder {
            own, links, chance, ..
        } = self;
        for (_, link) in links.iter_mut() {
            if let Some(state) = link.claims.get_mut(claim.get()) {
                state.is_first = true;
                state.forget_disputes();
                state.is_withheld = false;
                state.sent = None;
            }
            if link.is_up && link.has_records(own, claim) {
                link.probe(now, claim, Duration::ZERO, chance);
            }
        }
    }

    /// Reverse names are ours without asking (RFC 6762 §8.1).
    fn begin_address_claims(&mut self, now: Instant) {
        for id in 0..self.links.bound() {
            self.settle_address_claims(now, LinkId(u8::try_from(id).unwrap_or(u8::MAX)));
        }
    }

    fn settle_address_claims(&mut self, now: Instant, id: LinkId) {
        let Responder {
            own,
            links,
            announcements,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)).filter(|link| link.is_up) else {
            return;
        };
        for (claim, found) in own.claims() {
            // A neighbour on this host has the same addresses, and would take our word for a conflict.
            if found.holder != Holder::Address
                || !link.config.unicast
                || !link.has_records(own, claim)
            {
                continue;
            }
            if let Some(state) = link.claims.get_mut(claim.get()) {
                state.win(now);
                link.settle_claim(claim);
            }
            for (record, _) in own.records_of(found.name) {
                link.wake(now, own, record, *announcements);
            }
        }
    }

    /// A link has won a name: tells the application what is settled by that.
    fn won(&mut self, claim: ClaimId) {
        match self.own.claim(claim).map(|claim| claim.holder) {
            Some(Holder::Host) => {
                self.tell_settled(claim, claim);
                for index in 0..self.own.services_bound() {
                    if let Some(service) = self.own.service_at(index)
                        && service.host == claim
                    {
                        self.tell_settled(service.claim, claim);
                    }
                }
            }
            Some(Holder::Service(index) | Holder::Placeholder(index)) => {
                if let Some(&ServiceSlot { claim, host, .. }) = self.own.service_at(index.get()) {
                    self.tell_settled(claim, host);
                }
            }
            Some(Holder::Records) => self.tell_settled(claim, claim),
            Some(Holder::Address) | None => {}
        }
    }

    /// Tells once that a name is ours: when it and that of its host were won, and no link is in its first probing any more.
    fn tell_settled(&mut self, claim: ClaimId, host: ClaimId) {
        let Some(found) = self.own.claim(claim).filter(|claim| !claim.told) else {
            return;
        };
        let mut held = match found.holder {
            Holder::Service(index) => Some(self.own.claims_of_service(index.get())),
            _ => None,
        }
        .into_iter()
        .flatten();
        let is_settled = held.all(|claim| self.is_settled(claim));
        drop(held);
        if is_settled && self.is_settled(claim) && self.is_settled(host) {
            self.own.set_news(claim, News::Registered);
        }
    }

    fn is_settled(&self, claim: ClaimId) -> bool {
        let mut states = self
            .links
            .iter()
            .filter_map(|(_, link)| link.claims.get(claim.get()));
        let is_probing = |state: &ClaimState| state.is_first && state.phase != state::Phase::Off;
        states.clone().any(ClaimState::is_won) && !states.any(is_probing)
    }

    // --- time ---

    /// Goes on with what time alone moves: names are won, debts that must wait are put off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if Self::NONE {
            return;
        }
        for id in 0..self.links.bound() {
            self.win_names(now, id);
        }
    }

    fn win_names(&mut self, now: Instant, id: u32) {
        loop {
            let Responder {
                own,
                links,
                chance,
                announcements,
                ..
            } = self;
            let Some(link) = links.get_mut(id) else {
                return;
            };
            let Some(claim) = link.claims_due.by(&link.claims, now).map(ClaimId::of) else {
                return;
            };
            let Some(state) = link.claims.get_mut(claim.get()) else {
                return;
            };
            match state.step(now) {
                Step::Win => {
                    link.win(now, own, claim, *announcements);
                    self.won(claim);
                }
                Step::Settle => {
                    state.settle();
                    link.settle_claim(claim);
                }
                Step::Recheck => {
                    state.recheck();
                    link.hush(own, claim);
                    link.probe(now, claim, Duration::ZERO, chance);
                    self.has_unsaid = true;
                }
                Step::Probe | Step::Wait => return,
            }
        }
    }

    /// When this link next has something to send or to do.
    pub(crate) fn next(&self, id: LinkId) -> Instant {
        // Of a link that is down nothing is due.
        let Some(link) = self.link(id).filter(|_| !Self::NONE) else {
            return Instant::MAX;
        };
        if link.askers.next_question().is_some() {
            return link.held_until;
        }
        let next = link
            .claims_due
            .next(&link.claims)
            .min(link.records_due.next(&link.records));
        if next == Instant::MAX {
            next
        } else {
            next.max(link.held_until)
        }
    }

    /// The next datagram of a link.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Instant,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        if Self::NONE
            || !self
                .link(id)
                .is_some_and(|link| link.is_up && link.held_until <= now)
        {
            return None;
        }
        if let Some(sent) = self.answer_question(id, buffer) {
            return Some(sent);
        }
        // What is due may turn out to have to wait; then the next debt has its turn. Each turn puts one off or pays it; the
        // bound is there so that an error of ours would be a spin of the driver and not a hang.
        for _ in 0..TURNS_MAX {
            if self.next(id) > now {
                break;
            }
            self.win_names(now, u32::from(id.0));
            let Responder { own, links, .. } = self;
            let link = links.get_mut(u32::from(id.0))?;
            let is_probe_due = link
                .claims_due
                .by(&link.claims, now)
                .and_then(|claim| link.claims.get(claim))
                .is_some_and(|state| state.step(now) == Step::Probe);
            if is_probe_due {
                let len = link.write_probe(now, own, buffer)?;
                return Some((Destination::Multicast, len));
            }
            let sent = self.write_response(now, id, buffer);
            if sent.is_some() {
                return sent;
            }
        }
        None
    }

    /// Whether, since the last call, something that was said has become untrue without a goodbye.
    pub(crate) fn take_unsaid(&mut self) -> bool {
        core::mem::take(&mut self.has_unsaid)
    }

    pub(crate) fn has_news(&self) -> bool {
        !Self::NONE && self.own.has_news()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Told> {
        if Self::NONE {
            return None;
        }
        loop {
            let (claim, news) = self.own.take_news()?;
            match self.own.claim(claim)?.holder {
                Holder::Host => return Some(Told::Host(self.own.host_id(claim)?, news)),
                Holder::Service(index) => {
                    return Some(Told::Service(self.own.service_id(index.get())?, news));
                }
                Holder::Records => return Some(Told::Name(claim, news)),
                Holder::Address | Holder::Placeholder(_) => {}
            }
        }
    }
}

/// One link has nothing more to say of a record that is leaving; with the last one it is forgotten.
fn left<O: OwnStorage>(now: Instant, own: &mut Own<O>, record: u32) {
    // One that is withheld takes its leave of one link and goes on elsewhere.
    let Some(found) = own.get_mut(record).filter(|found| found.is_leaving()) else {
        return;
    };
    found.goodbyes = found.goodbyes.saturating_sub(1);
    if found.goodbyes == 0 {
        own.remove_record(now, record);
    }
}

impl<S: ResponderStorage> OwnRecords for Responder<S> {
    fn first(&self, name: Name<'_>) -> u32 {
        if Self::NONE {
            return NONE;
        }
        let name = self.own.find_name(name);
        name.map_or(NONE, |name| self.own.records_of(name).next)
    }

    fn answer(&self, id: LinkId, rtype: RecordType, next: &mut u32) -> Option<Record<'_>> {
        if Self::NONE {
            return None;
        }
        let link = self.link(id)?;
        let mut records = self.own.records_from(*next);
        let found = records.find(|(id, record)| {
            let is_said = link.records.get(*id).is_some_and(RecordState::is_said);
            is_said && (rtype == record.rtype() || rtype == RecordType::ANY)
        });
        *next = records.next;
        found.map(|(_, record)| self.own.record(record))
    }

    fn has_family(&self, interface: InterfaceId, family: Family) -> bool {
        if Self::NONE {
            return true;
        }
        let is_of = |subnet: Subnet| Family::of(&subnet.address) == family;
        let mut addresses = self.own.addresses(interface).peekable();
        addresses.peek().is_none() || addresses.any(is_of)
    }

    fn is_alone(&self, id: LinkId, name: Name<'_>) -> bool {
        if Self::NONE {
            return false;
        }
        let name = self.own.find_name(name);
        let claim = name.and_then(|name| self.own.claim_of(name));
        let state = claim.zip(self.link(id));
        state
            .and_then(|(claim, link)| link.claims.get(claim.get()))
            .is_some_and(ClaimState::is_won)
    }
}
