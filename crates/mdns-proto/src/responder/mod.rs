//! The responder: probes for names, announces records, answers for them, and says goodbye (RFC 6762 §6, §8 to §10).
//!
//! | clause | file |
//! |---|---|
//! | §8.1 probing, §8.3 announcing: the schedule | `state` |
//! | §8.4 changes, §10.1 goodbyes, §14 scope: the commands | `commands` |
//! | §8, §10.2 when to begin, which records are said on a link | `link` |
//! | §8.2 simultaneous probes | `tiebreak` |
//! | §9 conflicts, §6.6, §7.4 what others say of our names | `conflict` |
//! | §5.4, §5.5, §6, §6.3, §6.7, §7.1, §7.2 which question gets which answer, when and how | `question` |
//! | §6.1, §6.2, §6.4, §8.3, §10.1, §17 what goes into which packet | `packet` |
//! | §7.2, §15.2 who waits for an answer | `requesters` |
//!
//! What is registered is stored once, in the [registry](crate::registry); a link keeps its state of it, in rows under the same
//! numbers. The responder does not know the querier: conflicts are seen in packets, never in a cache (§8.1).

mod commands;
mod conflict;
mod conflict_rate;
mod link;
mod packet;
mod question;
mod requesters;
mod state;
mod tiebreak;

use conflict_rate::Conflicts;
pub use link::{Link, LinkStorage};
pub use requesters::Requester;
use requesters::Requesters;
use state::Step;
pub use state::{ClaimState, RecordState};

use crate::{
    chance::Chance,
    config::Config,
    link::{Destination, Family, InterfaceId, LINKS_MAX, LinkConfig, LinkId, Subnet, UNICAST_SPAN},
    moment::{Ageing, Moment, Now},
    name::Name,
    registry::{
        Claim, ClaimId, Holder, HostId, Notice, OwnRecords, RecordNumber, RecordRow, Registry,
        RegistryStorage, ServiceId, SubtypeName, TypeRow,
    },
    stats::Stats,
    store::{Full, NONE, Slot, Slots, Table},
    time::Instant,
    wire::{Class, Record, RecordType},
};

/// All rows of a responder.
pub trait ResponderStorage {
    /// What is registered.
    type Registry: RegistryStorage;
    /// What each link keeps of it.
    type Link: LinkStorage;
    /// The links.
    type Links: Slots<Slot<Link<Self::Link>>>;
}

/// The longest wait for one more attempt after a send has failed, in milliseconds.
const RETRY: u32 = 1000;

/// How many pending answers are looked at for one packet, when each turns out to have to wait.
const TURNS_MAX: u32 = 10_000;

/// What the responder tells the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnEvent {
    Service(ServiceId, Notice),
    Host(HostId, Notice),
    /// Of records registered by themselves.
    Name(ClaimId, Notice),
}

/// The responder over all links of a host.
pub(crate) struct Responder<S: ResponderStorage> {
    registry: Registry<S::Registry>,
    links: Table<Link<S::Link>, S::Links>,
    chance: Chance,
    /// Conflicts over all names and links.
    conflicts: Conflicts,
    announcements: u8,
    /// A record was retracted without a goodbye.
    has_retracted: bool,
    ageing: Ageing,
}

impl<S: ResponderStorage> Responder<S> {
    /// States stand under the numbers of what they are of: their rows may not be shorter.
    const ROWS_FIT: () = {
        type Of<S> = <S as ResponderStorage>::Registry;
        let records = <<Of<S> as RegistryStorage>::Records as Slots<Slot<RecordRow>>>::CAPACITY;
        let claims = <<Of<S> as RegistryStorage>::Claims as Slots<Slot<Claim>>>::CAPACITY;
        let types = <<Of<S> as RegistryStorage>::Types as Slots<Slot<TypeRow>>>::CAPACITY;
        assert!(
            <<S::Link as LinkStorage>::Records as Slots<Slot<RecordState>>>::CAPACITY >= records,
            "LinkStorage::Records is shorter than RegistryStorage::Records"
        );
        assert!(
            <<S::Link as LinkStorage>::Claims as Slots<Slot<ClaimState>>>::CAPACITY >= claims,
            "LinkStorage::Claims is shorter than RegistryStorage::Claims"
        );
        assert!(
            <<S::Link as LinkStorage>::Types as Slots<u32>>::CAPACITY >= types,
            "LinkStorage::Types is shorter than RegistryStorage::Types"
        );
    };

    /// Nothing can ever be registered, for lack of rows. The compiler leaves out what follows from it.
    const NONE: bool = Registry::<S::Registry>::NONE;

    pub(crate) const fn new(config: &Config) -> Self {
        let () = Self::ROWS_FIT;
        Responder {
            registry: Registry::new(config),
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
            has_retracted: false,
            ageing: Ageing::new(),
        }
    }

    pub(crate) fn start(&mut self, now: Instant, chance: Chance) {
        self.registry.start(chance.key(0));
        self.chance = chance;
        self.ageing.start(now);
    }

    pub(crate) fn registry(&self) -> &Registry<S::Registry> {
        &self.registry
    }

    /// Ages moments that are old before they could look new.
    pub(crate) fn age(&mut self, now: Instant) {
        while let Some(round) = self.ageing.next(now) {
            self.registry.age(round);
            self.conflicts.age(round);
            for (_, link) in self.links.iter_mut() {
                link.age(round);
            }
        }
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

    /// Whether a link can take a datagram.
    pub(crate) fn is_writable(&self, id: LinkId) -> bool {
        self.link(id).is_none_or(|link| link.is_writable)
    }

    pub(crate) fn set_writable(&mut self, id: LinkId, is_writable: bool) {
        if let Some(link) = self.link_mut(id) {
            link.is_writable = is_writable;
        }
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
    pub(crate) fn expects_unicast(&self, now: Now, link: LinkId) -> bool {
        self.link(link).is_some_and(|link| {
            let until = link.last_probe.plus(UNICAST_SPAN.as_secs() as u32 * 1000);
            link.config.unicast && !until.is_never() && !until.has_come(now)
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
            .insert_with(LINKS_MAX as u32, || Link::new(config))?;
        let link_id = LinkId::of(id);
        self.follow();
        Ok(link_id)
    }

    /// Takes back a link that was never up.
    pub(crate) fn undo_link(&mut self, id: LinkId) {
        self.links.vacate(u32::from(id.0));
    }

    /// Forgets a link and all that was pending there.
    pub(crate) fn remove_link(&mut self, now: Now, id: LinkId) {
        self.link_down(now, id);
        self.links.vacate(u32::from(id.0));
    }

    /// Whether nothing is said on a link from now on.
    pub(crate) fn set_asks_only(&mut self, now: Now, id: LinkId, asks_only: bool) {
        let Some(link) = self.link_mut(id) else {
            return;
        };
        if link.config.asks_only == asks_only {
            return;
        }
        link.config.asks_only = asks_only;
        if asks_only {
            self.link_down(now, id);
            self.has_retracted = true;
        } else {
            self.link_up(now, id);
        }
    }

    /// The link can be used (again): probe, then announce (RFC 6762 §8, §10.2).
    pub(crate) fn link_up(&mut self, now: Now, id: LinkId) {
        let Responder {
            registry,
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
        link.held_until = Moment::NEVER;
        if Self::NONE {
            return;
        }
        for record in 0..registry.records_bound() {
            if !registry.is_leaving(record) {
                link.silence(record);
            }
        }
        for (claim, found) in registry.claims() {
            if found.holder != Holder::Address && link.has_records(registry, claim) {
                link.probe(now, claim, 0, chance);
            }
        }
        if registry.has_customs() {
            // Shared records that were registered by themselves wait for no name.
            for record in 0..registry.records_bound() {
                if registry.record_id(record).is_some() {
                    link.reconcile_record(now, registry, record, *announcements);
                }
            }
        }
        self.begin_address_claims(now);
    }

    /// The link cannot be used: nothing is pending there, goodbyes cannot be said.
    pub(crate) fn link_down(&mut self, now: Now, id: LinkId) {
        let Responder {
            registry, links, ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        link.is_up = false;
        link.first_probe = Moment::NEVER;
        link.answers = Moment::NEVER;
        if Self::NONE {
            return;
        }
        for claim in 0..registry.claims_bound() {
            link.stop_claim(ClaimId::of(claim));
        }
        for record in 0..registry.records_bound() {
            if link.silence(record) {
                left(now, registry, record);
            }
        }
        link.requesters = Requesters::new();
    }

    /// After a sleep: all links begin anew.
    pub(crate) fn resumed(&mut self, now: Now) {
        for id in 0..self.links.bound() {
            if self.links.get(id).is_some_and(|link| link.is_up) {
                self.link_up(now, LinkId::of(id));
            }
        }
    }

    /// A datagram did not leave: a probe nobody could hear proves nothing, nor does an announcement.
    pub(crate) fn send_failed(&mut self, now: Now, id: LinkId) {
        let Responder {
            registry,
            links,
            chance,
            announcements,
            ..
        } = self;
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        link.held_until = now.after(RETRY);
        Stats::count(&mut link.stats.send_failed);
        if Self::NONE {
            return;
        }
        for (claim, _) in registry.claims() {
            if link
                .claims
                .get(claim.get())
                .is_some_and(|state| matches!(state.phase, state::Phase::Probing(_)))
            {
                link.probe(now, claim, RETRY, chance);
            }
        }
        for record in 0..registry.records_bound() {
            // Not before `held_until`, whatever is due.
            if let Some(state) = link.records.get_mut(record)
                && state.is_sendable()
                && state.left > 0
            {
                state.announce(now.moment(), *announcements);
                link.reschedule(record);
            }
        }
    }

    // --- claims ---

    /// Makes the rows of every link as long as those of the registry.
    fn follow(&mut self) {
        let Responder {
            registry, links, ..
        } = self;
        if !Self::NONE {
            links.iter_mut().for_each(|(_, link)| link.follow(registry));
        }
    }

    /// A new claim: every link that is up probes for it.
    fn begin_claim(&mut self, now: Now, claim: ClaimId) {
        let Responder {
            registry,
            links,
            chance,
            ..
        } = self;
        for (_, link) in links.iter_mut() {
            if let Some(state) = link.claims.get_mut(claim.get()) {
                *state = ClaimState::new();
            }
            if link.is_up && link.has_records(registry, claim) {
                link.probe(now, claim, 0, chance);
            }
        }
    }

    /// Reverse names are ours without asking (RFC 6762 §8.1).
    fn begin_address_claims(&mut self, now: Now) {
        let Responder {
            registry,
            links,
            announcements,
            ..
        } = self;
        for (_, link) in links.iter_mut() {
            // A neighbour on this host has the same addresses, and would take our word for a conflict.
            if !link.is_up || !link.config.unicast {
                continue;
            }
            for (claim, found) in registry.claims() {
                if found.holder != Holder::Address || !link.has_records(registry, claim) {
                    continue;
                }
                if let Some(state) = link.claims.get_mut(claim.get()) {
                    state.win(now);
                    link.reschedule_claim(claim);
                }
                link.reconcile(now, registry, claim, *announcements);
            }
        }
    }

    /// A link has won a name: tells the application what is settled by that.
    fn won(&mut self, claim: ClaimId) {
        match self.registry.claim(claim).map(|claim| claim.holder) {
            Some(Holder::Host) => {
                self.notify_registered(claim, claim);
                for service in 0..self.registry.services_bound() {
                    if let Some(service) = self.registry.service_at(service)
                        && service.host == claim
                    {
                        self.notify_registered(service.claim, claim);
                    }
                }
            }
            Some(Holder::Service(service) | Holder::Placeholder(service)) => {
                if let Some(service) = self.registry.service_at(service.get()) {
                    self.notify_registered(service.claim, service.host);
                }
            }
            Some(Holder::Records) => self.notify_registered(claim, claim),
            Some(Holder::Address) | None => {}
        }
    }

    /// Tells once that a name is ours: when it and that of its host were won, and no link is in its first probing any more.
    fn notify_registered(&mut self, claim: ClaimId, host: ClaimId) {
        let Some(found) = self.registry.claim(claim).filter(|claim| !claim.is_told) else {
            return;
        };
        let is_settled = self.is_settled(claim)
            && self.is_settled(host)
            && match found.holder {
                Holder::Service(service) => self
                    .registry
                    .claims_of_service(service.get())
                    .all(|claim| self.is_settled(claim)),
                _ => true,
            };
        if is_settled {
            self.registry.set_notice(claim, Notice::Registered);
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

    /// Goes on with what time alone moves: names are won, and probed for again.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if Self::NONE {
            return;
        }
        for id in 0..self.links.bound() {
            self.advance_claims(now, id);
        }
    }

    fn advance_claims(&mut self, now: Now, id: u32) {
        loop {
            let Responder {
                registry,
                links,
                chance,
                announcements,
                ..
            } = self;
            let Some(link) = links.get_mut(id) else {
                return;
            };
            let due = link.claims_due.by(&link.claims, now.moment());
            let Some(claim) = due.map(ClaimId::of) else {
                return;
            };
            let Some(state) = link.claims.get_mut(claim.get()) else {
                return;
            };
            match state.step(now) {
                Step::Win => {
                    state.win(now);
                    link.reschedule_claim(claim);
                    link.reconcile(now, registry, claim, *announcements);
                    self.won(claim);
                }
                Step::EndDefence => {
                    state.end_defence();
                    link.reschedule_claim(claim);
                }
                Step::Recheck => {
                    state.recheck();
                    link.probe(now, claim, 0, chance);
                    link.reconcile(now, registry, claim, *announcements);
                    self.has_retracted = true;
                }
                Step::Probe | Step::Wait => return,
            }
        }
    }

    /// When this link next has something to send or to do, as seen at `now`.
    pub(crate) fn next(&self, now: Instant, id: LinkId) -> Instant {
        // Of a link that is down nothing is due.
        let Some(link) = self.link(id).filter(|_| !Self::NONE) else {
            return Instant::MAX;
        };
        let held_until = if link.held_until.is_never() {
            Instant::ZERO
        } else {
            link.held_until.instant(now)
        };
        if link.requesters.has_question() {
            return held_until;
        }
        let next = link
            .claims_due
            .next(&link.claims)
            .min(link.records_due.next(&link.records));
        if next.is_never() {
            Instant::MAX
        } else {
            next.instant(now).max(held_until)
        }
    }

    /// The next datagram of a link.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Now,
        id: LinkId,
        buffer: &mut [u8],
    ) -> Option<(Destination, usize)> {
        let is_held =
            |link: &Link<S::Link>| !link.held_until.is_never() && !link.held_until.has_come(now);
        if Self::NONE
            || !self
                .link(id)
                .is_some_and(|link| link.is_up && !is_held(link))
        {
            return None;
        }
        if let Some(sent) = self.answer_question(id, buffer) {
            return Some(sent);
        }
        // What is due may turn out to have to wait; then the next one has its turn. Each turn puts one off or sends it; the
        // bound is there so that an error of ours would be a spin of the driver and not a hang.
        for _ in 0..TURNS_MAX {
            self.advance_claims(now, u32::from(id.0));
            let Responder {
                registry, links, ..
            } = self;
            let link = links.get_mut(u32::from(id.0))?;
            let due_claim = link.claims_due.by(&link.claims, now.moment());
            if due_claim.is_none() && link.records_due.by(&link.records, now.moment()).is_none() {
                break;
            }
            let is_probe_due = due_claim
                .and_then(|claim| link.claims.get(claim))
                .is_some_and(|state| state.step(now) == Step::Probe);
            if is_probe_due {
                let len = link.write_probe(now, registry, buffer)?;
                return Some((Destination::Multicast, len));
            }
            let sent = self.write_response(now, id, buffer);
            if sent.is_some() {
                return sent;
            }
        }
        None
    }

    /// Whether, since the last call, a record was retracted without a goodbye.
    pub(crate) fn take_retracted(&mut self) -> bool {
        core::mem::take(&mut self.has_retracted)
    }

    pub(crate) fn has_events(&self) -> bool {
        !Self::NONE && self.registry.has_notices()
    }

    pub(crate) fn poll_event(&mut self) -> Option<OwnEvent> {
        if Self::NONE {
            return None;
        }
        loop {
            let (claim, notice) = self.registry.take_notice()?;
            match self.registry.claim(claim)?.holder {
                Holder::Host => {
                    return Some(OwnEvent::Host(self.registry.host_id(claim)?, notice));
                }
                Holder::Service(service) => {
                    let service = self.registry.service_id(service.get())?;
                    return Some(OwnEvent::Service(service, notice));
                }
                Holder::Records => return Some(OwnEvent::Name(claim, notice)),
                Holder::Address | Holder::Placeholder(_) => {}
            }
        }
    }
}

/// One link has nothing more to say of a record that is leaving; with the last one it is forgotten.
fn left<O: RegistryStorage>(now: Now, registry: &mut Registry<O>, record: RecordNumber) {
    if registry.note_goodbye(record) {
        registry.remove_record(now, record);
    }
}

impl<S: ResponderStorage> OwnRecords for Responder<S> {
    fn first(&self, name: Name<'_>) -> u32 {
        if Self::NONE {
            return NONE;
        }
        self.registry.named(name).peek()
    }

    fn answer<'a>(
        &'a self,
        id: LinkId,
        rtype: RecordType,
        next: &mut u32,
        scratch: &'a mut SubtypeName,
    ) -> Option<Record<'a>> {
        if Self::NONE || *next == NONE {
            return None;
        }
        let link = self.link(id)?;
        let mut name = SubtypeName::new();
        let mut records = self
            .registry
            .named(self.registry.owner(*next, &mut name))
            .from(*next);
        let found = records.find_map(|record| {
            let info = self.registry.info(record)?;
            let is_said = link.records.get(record).is_some_and(RecordState::is_active);
            let is_wanted = rtype == info.rtype || rtype == RecordType::ANY;
            let rdata = self.registry.rdata(record)?;
            (is_said && is_wanted).then_some((record, info, rdata))
        });
        *next = records.peek();
        let (record, info, rdata) = found?;
        Some(Record {
            name: self.registry.owner(record, scratch),
            class: Class::IN,
            cache_flush: info.is_unique,
            ttl: info.ttl,
            rdata,
        })
    }

    fn has_family(&self, interface: InterfaceId, family: Family) -> bool {
        if Self::NONE {
            return true;
        }
        let is_of = |subnet: Subnet| Family::of(&subnet.address) == family;
        let mut addresses = self.registry.addresses(interface).peekable();
        addresses.peek().is_none() || addresses.any(is_of)
    }

    fn is_alone(&self, id: LinkId, name: Name<'_>) -> bool {
        if Self::NONE {
            return false;
        }
        let claim = self.registry.claim_named(name);
        claim
            .zip(self.link(id))
            .is_some_and(|(claim, link)| link.is_won(claim))
    }
}
