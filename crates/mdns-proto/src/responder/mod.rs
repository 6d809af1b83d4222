//! The responder: probes for names, announces records, answers for them, and takes its leave (RFC 6762 §6, §8 to §10).
//!
//! | clause | file |
//! |---|---|
//! | §8.1 probing, §8.3 announcing, the rhythm | `state` |
//! | §8, §10.2 when to begin, which records may be said | `link` |
//! | §8.2 simultaneous probes | `tiebreak` |
//! | §9 conflicts, §6.6, §7.4 what others say of our names | `conflict` |
//! | §5.4, §5.5, §6, §6.3, §6.7, §7.1, §7.2 which question gets which answer, when and how | `question` |
//! | §6.1, §6.2, §6.4, §8.3, §10.1, §17 what goes into which packet | `packet` |
//! | §7.2, §15.2 who waits for an answer | `askers`, `debt` |
//!
//! What is ours is stored once, in [`own`](crate::own); a link keeps its state of it, in rows that run beside. It does not know
//! the querier: conflicts are seen in packets, never in a cache (§8.1).

mod askers;
mod conflict;
mod debt;
mod link;
mod packet;
mod question;
mod state;
mod tiebreak;

use core::time::Duration;

pub use askers::Asker;
use askers::Askers;
pub use link::{Link, LinkStorage};
use state::Step;
pub use state::{ClaimState, RecordState};

use crate::{
    chance::Chance,
    config::Config,
    link::{Destination, InterfaceId, LinkConfig, LinkId, Subnet},
    name::Name,
    own::{
        ClaimId, Holder, HostId, NewRecord, News, Own, OwnRecord, OwnRecords, OwnStorage, RecordId,
        RegisterError, Scope, Service, ServiceId, Stored,
    },
    stats::Stats,
    store::{Full, Slot, Slots, Table},
    time::Instant,
    wire::{Rdata, Record, RecordType, Txt},
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

/// How long after a probe an answer to it may come by unicast (RFC 6762 §6).
const UNICAST_WITHIN: Duration = Duration::from_secs(2);

/// The most debts looked at for one packet, when each turns out to have to wait.
const TURNS_MAX: u32 = 10_000;

/// So many conflicts, none more than [`CONFLICTS_WITHIN`] after the one before ...
const CONFLICTS_MAX: u8 = 15;
const CONFLICTS_WITHIN: Duration = Duration::from_secs(10);
/// ... and each further attempt waits this long (RFC 6762 §8.1).
const CONFLICTS_PAUSE: Duration = Duration::from_secs(5);

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
    /// Conflicts that came one soon after another, over all names and links.
    conflicts: u8,
    last_conflict: Instant,
    announcements: u8,
    rrset_max: usize,
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
            <<S::Link as LinkStorage>::RecordsDue as Slots<u32>>::CAPACITY >= records,
            "LinkStorage::RecordsDue is shorter than OwnStorage::Records"
        );
        assert!(
            <<S::Link as LinkStorage>::Claims as Slots<Slot<ClaimState>>>::CAPACITY >= claims,
            "LinkStorage::Claims is shorter than OwnStorage::Claims"
        );
        assert!(
            <<S::Link as LinkStorage>::ClaimsDue as Slots<u32>>::CAPACITY >= claims,
            "LinkStorage::ClaimsDue is shorter than OwnStorage::Claims"
        );
    };

    pub(crate) const fn new(config: &Config) -> Self {
        let () = Self::ROWS_FIT;
        Responder {
            own: Own::new(config),
            links: Table::new(),
            chance: Chance::new(0),
            conflicts: 0,
            last_conflict: Instant::ZERO,
            announcements: if config.announcements < 2 {
                2
            } else if config.announcements > 8 {
                8
            } else {
                config.announcements
            },
            rrset_max: config.rrset_max,
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

    pub(crate) fn stats_mut(&mut self, link: LinkId) -> Option<&mut Stats> {
        self.link_mut(link).map(|link| &mut link.stats)
    }

    /// Whether a unicast response may be the answer to a probe of the last two seconds (RFC 6762 §6).
    pub(crate) fn expects_unicast(&self, now: Instant, link: LinkId) -> bool {
        self.link(link).is_some_and(|link| {
            link.config.unicast
                && link
                    .last_probe
                    .is_some_and(|probe| now - probe < UNICAST_WITHIN)
        })
    }

    pub(crate) fn stats(&self, link: LinkId) -> Option<&Stats> {
        self.link(link).map(|link| &link.stats)
    }

    // --- links ---

    /// Adds a link that is up.
    pub(crate) fn add_link(&mut self, now: Instant, config: LinkConfig) -> Result<LinkId, Full> {
        let link = Link::new(config);
        let id = self.links.insert(link, u32::from(u8::MAX))?;
        let link_id = LinkId(u8::try_from(id).map_err(|_| Full)?);
        let Responder { own, links, .. } = self;
        if let Some(link) = links.get_mut(id)
            && let Err(full) = link.follow(own)
        {
            links.remove(id);
            return Err(full);
        }
        self.link_up(now, link_id);
        Ok(link_id)
    }

    /// Forgets a link and all that it owed.
    pub(crate) fn remove_link(&mut self, now: Instant, id: LinkId) {
        self.link_down(now, id);
        self.links.remove(u32::from(id.0));
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
        let Some(link) = links.get_mut(u32::from(id.0)) else {
            return;
        };
        link.is_up = true;
        link.held_until = Instant::ZERO;
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
        for claim in 0..own.claims_bound() {
            link.stop_claim(ClaimId(claim));
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
        for (claim, _) in own.claims() {
            if link
                .claims
                .get(claim.0)
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
                state.announce(now + RETRY, *announcements);
                link.settle_record(record);
            }
        }
    }

    // --- commands ---

    pub(crate) fn add_host(&mut self, now: Instant, label: &str) -> Result<HostId, RegisterError> {
        let claim = self.own.add_host(now, label)?;
        if let Err(full) = self.follow() {
            return Err(full.into());
        }
        self.begin_claim(now, claim);
        self.begin_address_claims(now);
        self.own.host_id(claim).ok_or(RegisterError::Full)
    }

    pub(crate) fn register(
        &mut self,
        now: Instant,
        service: &Service<'_>,
    ) -> Result<ServiceId, RegisterError> {
        let index = self.own.add_service(now, service)?;
        self.follow()?;
        self.call_back(now, index);
        if let Some(claim) = self.own.service_at(index).map(|service| service.claim) {
            self.begin_claim(now, claim);
        }
        self.own.service_id(index).ok_or(RegisterError::Full)
    }

    /// What a service registered anew says is not said goodbye to any more.
    fn call_back(&mut self, now: Instant, service: u32) {
        while let Some(twin) = self.own.leaving_twin(service) {
            self.forget_goodbye(now, twin);
        }
    }

    fn forget_goodbye(&mut self, now: Instant, record: u32) {
        for (_, link) in self.links.iter_mut() {
            link.forget_record(record);
        }
        self.own.remove_record(now, record);
    }

    /// Withdraws a host and the services that run on it.
    pub(crate) fn remove_host(&mut self, now: Instant, id: HostId) {
        let Some(host) = self.own.host(id) else {
            return;
        };
        for index in 0..self.own.services_bound() {
            if self
                .own
                .service_at(index)
                .is_some_and(|service| service.host == host)
                && let Some(id) = self.own.service_id(index)
            {
                self.withdraw(now, id);
            }
        }
        let Some(name) = self.own.claim(host).map(|claim| claim.name) else {
            return;
        };
        for record in 0..self.own.records_bound() {
            let Some(found) = self.own.get(record) else {
                continue;
            };
            let is_its = found.claim == Some(host)
                || (found.unique && found.stored == Stored::Name(RecordType::PTR, name));
            if is_its && !found.is_leaving() {
                let claim = found.claim;
                self.own.let_go(record);
                self.say_goodbye(now, record, claim);
                if let Some(claim) = claim {
                    self.drop_unused_claim(claim);
                }
            }
        }
        self.drop_unused_claim(host);
    }

    /// Gives up a claim under which nothing is said any more.
    fn drop_unused_claim(&mut self, claim: ClaimId) {
        let Some(name) = self.own.claim(claim).map(|found| found.name) else {
            return;
        };
        if self
            .own
            .records_of(name)
            .any(|(_, record)| record.claim == Some(claim))
        {
            return;
        }
        for (_, link) in self.links.iter_mut() {
            link.stop_claim(claim);
        }
        self.own.drop_claim(claim);
    }

    /// Replaces the port of a service, and announces it.
    pub(crate) fn update_port(
        &mut self,
        now: Instant,
        id: ServiceId,
        port: u16,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.own.set_port(now, id, port)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Replaces the subtypes of a service: new ones are announced, old ones say goodbye.
    pub(crate) fn update_subtypes(
        &mut self,
        now: Instant,
        id: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        self.own.add_subtypes(now, id, subtypes)?;
        self.follow()?;
        while let Some(record) = self.own.take_subtype(id, subtypes) {
            if self.own.let_go(record) {
                self.say_goodbye(now, record, None);
            }
        }
        self.call_back(now, id.index);
        let Responder {
            own,
            links,
            announcements,
            ..
        } = self;
        for (_, link) in links.iter_mut() {
            link.wake_service(now, own, id.index, *announcements);
        }
        Ok(())
    }

    /// Registers a record by itself.
    pub(crate) fn add_record(
        &mut self,
        now: Instant,
        new: &NewRecord<'_>,
    ) -> Result<RecordId, RegisterError> {
        let (record, claim) = self.own.add_single(new)?;
        self.follow()?;
        while let Some(twin) = self.own.leaving_twin_of(record) {
            for (_, link) in self.links.iter_mut() {
                link.forget_record(twin);
            }
            self.own.remove_record(now, twin);
        }
        if let Some(claim) = claim {
            self.begin_claim(now, claim);
        } else {
            let Responder {
                own,
                links,
                announcements,
                ..
            } = self;
            for (_, link) in links.iter_mut() {
                link.wake(now, own, record, *announcements);
            }
        }
        self.own.record_id(record).ok_or(RegisterError::Full)
    }

    /// Replaces what a unique record says, and announces it.
    pub(crate) fn update_record(
        &mut self,
        now: Instant,
        id: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<(), RegisterError> {
        if let Some(record) = self.own.set_single(now, id, rdata)? {
            self.announce_anew(now, record);
        }
        Ok(())
    }

    /// Withdraws a record that was registered by itself.
    pub(crate) fn remove_record(&mut self, now: Instant, id: RecordId) {
        let Some(record) = self.own.single(id) else {
            return;
        };
        let claim = self.own.get(record).and_then(|record| record.claim);
        let claim = claim.filter(|&claim| {
            self.own
                .claim(claim)
                .is_some_and(|claim| claim.holder == Holder::Records)
        });
        if self.own.let_go(record) {
            self.say_goodbye(now, record, claim);
        }
        if let Some(claim) = claim {
            self.drop_unused_claim(claim);
        }
    }

    pub(crate) fn update_txt(
        &mut self,
        now: Instant,
        id: ServiceId,
        txt: Txt<'_>,
    ) -> Result<(), RegisterError> {
        let Some(record) = self.own.set_txt(now, id, txt)? else {
            return Ok(());
        };
        self.announce_anew(now, record);
        Ok(())
    }

    /// Withdraws a service; what was announced says goodbye (RFC 6762 §10.1).
    pub(crate) fn withdraw(&mut self, now: Instant, id: ServiceId) {
        let Some(claim) = self.own.service(id).map(|service| service.claim) else {
            return;
        };
        for (_, link) in self.links.iter_mut() {
            link.stop_claim(claim);
        }
        let Some(mut retired) = self.own.retire_service(id) else {
            return;
        };
        while let Some(record) = retired.next(&self.own) {
            let claim = self.own.get(record).and_then(|record| record.claim);
            if self.own.let_go(record) {
                self.say_goodbye(now, record, claim);
            }
        }
    }

    /// Withdraws everything.
    pub(crate) fn shutdown(&mut self, now: Instant) {
        for record in 0..self.own.records_bound() {
            if let Some(id) = self.own.record_id(record) {
                self.remove_record(now, id);
            }
        }
        for claim in 0..self.own.claims_bound() {
            let host = ClaimId(claim);
            if self
                .own
                .claim(host)
                .is_some_and(|claim| claim.holder == Holder::Host)
                && let Some(id) = self.own.host_id(host)
            {
                self.remove_host(now, id);
            }
        }
    }

    /// Whether every goodbye has been said.
    pub(crate) fn is_silent(&self) -> bool {
        !self.own.records().any(|(_, record)| record.is_leaving())
    }

    /// Owes the goodbye of a record wherever it was said; forgets it at once where it never was.
    ///
    /// `claim` is whose name it was, if that goes with it.
    fn say_goodbye(&mut self, now: Instant, record: u32, claim: Option<ClaimId>) {
        let mut owed = 0u8;
        for (_, link) in self.links.iter_mut() {
            owed = owed.saturating_add(u8::from(link.owe_goodbye(now, record, claim)));
        }
        if let Some(found) = self.own.get_mut(record) {
            found.goodbyes = owed;
        }
        if owed == 0 {
            self.own.remove_record(now, record);
            self.has_unsaid = true;
        }
    }

    /// Announces what a record says now, with the rest of its RRset, wherever it is live (RFC 6762 §8.4).
    fn announce_anew(&mut self, now: Instant, record: u32) {
        let announcements = self.announcements;
        for (_, link) in self.links.iter_mut() {
            if let Some(state) = link.records.get_mut(record)
                && state.is_live
            {
                state.announce(now, announcements);
                link.settle_record(record);
            }
        }
    }

    /// Sets the addresses of an interface: what is new is announced, what is gone is withdrawn (RFC 6762 §8.4, §14).
    pub(crate) fn set_addresses(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        addresses: &[Subnet],
    ) -> Result<(), Full> {
        let is_wanted = |own: &Subnet| addresses.iter().any(|new| new.address == own.address);
        loop {
            let gone = self.own.addresses(interface).find(|own| !is_wanted(own));
            let Some(gone) = gone else { break };
            self.own.remove_address(now, interface, gone.address);
            self.withdraw_address(now, interface, gone, addresses);
        }
        for &new in addresses {
            let known = self
                .own
                .addresses(interface)
                .find(|own| own.address == new.address);
            if known == Some(new) {
                continue;
            }
            if known.is_some() {
                self.own.remove_address(now, interface, new.address);
            }
            self.own.add_address(interface, new)?;
            if known.is_some() {
                // Only the network around it has changed.
                continue;
            }
            for host in 0..self.own.claims_bound() {
                if self
                    .own
                    .claim(ClaimId(host))
                    .is_some_and(|claim| claim.holder == Holder::Host)
                {
                    self.own
                        .add_address_records(now, ClaimId(host), interface, new)?;
                }
            }
        }
        self.follow()?;
        while let Some(twin) = self.own.leaving_address() {
            self.forget_goodbye(now, twin);
        }
        self.begin_address_claims(now);
        for host in 0..self.own.claims_bound() {
            if self
                .own
                .claim(ClaimId(host))
                .is_some_and(|claim| claim.holder == Holder::Host)
            {
                self.host_addresses_changed(now, ClaimId(host), interface);
            }
        }
        Ok(())
    }

    /// The records of an address that is gone. A goodbye is needed only where nothing is left to flush them with (§8.4).
    fn withdraw_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        gone: Subnet,
        kept: &[Subnet],
    ) {
        for id in 0..self.own.records_bound() {
            let Some(record) = self.own.get(id) else {
                continue;
            };
            if record.scope != Scope::Interface(interface) || record.is_leaving() {
                continue;
            }
            let is_forward = record.stored.address() == Some(gone.address);
            let is_reverse = matches!(record.stored, Stored::Name(..))
                && self.own.name(record.name) == crate::name::reverse_name(gone.address).as_name();
            if !is_forward && !is_reverse {
                continue;
            }
            let (name, rtype, claim) = (record.name, record.rtype(), record.claim);
            let rest = self.own.records_of(name).find(|(other, rest)| {
                *other != id && rest.rtype() == rtype && rest.scope == Scope::Interface(interface)
                    && !rest.is_leaving()
                    // Another that is about to go too is no rest.
                    && rest.stored.address().is_none_or(|address| kept.iter().any(|kept| kept.address == address))
            });
            let rest = rest.map(|(rest, _)| rest);
            self.own.let_go(id);
            if let Some(rest) = rest {
                for (_, link) in self.links.iter_mut() {
                    link.forget_record(id);
                }
                self.own.remove_record(now, id);
                self.announce_anew(now, rest);
            } else {
                self.say_goodbye(now, id, claim.filter(|_| is_reverse));
            }
            if is_reverse && let Some(claim) = claim {
                self.drop_unused_claim(claim);
            }
        }
    }

    /// A host has more or fewer addresses on an interface: claim its name there, or announce the whole RRsets.
    fn host_addresses_changed(&mut self, now: Instant, host: ClaimId, interface: InterfaceId) {
        let Responder {
            own,
            links,
            chance,
            announcements,
            ..
        } = self;
        for (_, link) in links
            .iter_mut()
            .filter(|(_, link)| link.config.interface == interface && link.is_up)
        {
            let has_any = link.has_records(own, host);
            let phase = link.claims.get(host.0).map(|state| state.phase);
            match phase {
                Some(state::Phase::Off) if has_any => link.probe(now, host, Duration::ZERO, chance),
                Some(state::Phase::Won) if !has_any => {
                    link.stop_claim(host);
                    for (id, _) in own.records() {
                        if !link.is_ready(own, id)
                            && !link.records.get(id).is_some_and(|state| state.is_leaving)
                        {
                            link.silence(id);
                        }
                    }
                }
                Some(state::Phase::Won) => link.wake_host(now, own, host, *announcements),
                _ => {}
            }
        }
    }

    // --- claims ---

    /// Makes the rows of every link as long as those of what is ours.
    fn follow(&mut self) -> Result<(), Full> {
        let Responder { own, links, .. } = self;
        links.iter_mut().try_for_each(|(_, link)| link.follow(own))
    }

    /// A new claim: every link that is up probes for it.
    fn begin_claim(&mut self, now: Instant, claim: ClaimId) {
        let Responder {
            own, links, chance, ..
        } = self;
        for (_, link) in links.iter_mut() {
            if let Some(state) = link.claims.get_mut(claim.0) {
                state.is_first = true;
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
            if let Some(state) = link.claims.get_mut(claim.0) {
                state.win();
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
            Some(Holder::Service(index)) => {
                if let Some(host) = self.own.service_at(index).map(|service| service.host) {
                    self.tell_settled(claim, host);
                }
            }
            Some(Holder::Records) => self.tell_settled(claim, claim),
            Some(Holder::Address) | None => {}
        }
    }

    /// Tells once that a name is ours: when it and that of its host were won, and no link is in its first probing any more.
    fn tell_settled(&mut self, claim: ClaimId, host: ClaimId) {
        let is_untold = self.own.claim(claim).is_some_and(|claim| !claim.told);
        if is_untold && self.is_settled(claim) && self.is_settled(host) {
            self.own.set_news(claim, News::Registered);
        }
    }

    fn is_settled(&self, claim: ClaimId) -> bool {
        let mut states = self
            .links
            .iter()
            .filter_map(|(_, link)| link.claims.get(claim.0));
        let is_probing = |state: &ClaimState| state.is_first && state.phase != state::Phase::Off;
        states.clone().any(ClaimState::is_won) && !states.any(is_probing)
    }

    /// Counts a conflict, and says how long the next attempt has to wait for it (RFC 6762 §8.1).
    fn count_conflict(&mut self, now: Instant) -> Duration {
        if now - self.last_conflict > CONFLICTS_WITHIN {
            self.conflicts = 0;
        }
        self.last_conflict = now;
        self.conflicts = self.conflicts.saturating_add(1);
        if self.conflicts >= CONFLICTS_MAX {
            CONFLICTS_PAUSE
        } else {
            Duration::ZERO
        }
    }

    // --- time ---

    /// Goes on with what time alone moves: names are won, debts that must wait are put off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for id in 0..self.links.bound() {
            self.win_names(now, id);
        }
    }

    fn win_names(&mut self, now: Instant, id: u32) {
        loop {
            let Responder {
                own,
                links,
                announcements,
                ..
            } = self;
            let Some(link) = links.get_mut(id) else {
                return;
            };
            let Some(claim) = link.claims_due.by(&link.claims, now).map(ClaimId) else {
                return;
            };
            if link
                .claims
                .get(claim.0)
                .is_none_or(|state| state.step(now) != Step::Win)
            {
                return;
            }
            link.win(now, own, claim, *announcements);
            self.won(claim);
        }
    }

    /// When this link next has something to send or to do.
    pub(crate) fn next(&self, id: LinkId) -> Instant {
        let Some(link) = self.link(id).filter(|link| link.is_up) else {
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
        if !self
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
        self.own.has_news()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Told> {
        loop {
            let (claim, news) = self.own.take_news()?;
            match self.own.claim(claim)?.holder {
                Holder::Host => return Some(Told::Host(self.own.host_id(claim)?, news)),
                Holder::Service(index) => {
                    return Some(Told::Service(self.own.service_id(index)?, news));
                }
                Holder::Records => return Some(Told::Name(claim, news)),
                Holder::Address => {}
            }
        }
    }
}

/// One link has nothing more to say of a record that is leaving; with the last one it is forgotten.
fn left<O: OwnStorage>(now: Instant, own: &mut Own<O>, record: u32) {
    let Some(found) = own.get_mut(record) else {
        return;
    };
    found.goodbyes = found.goodbyes.saturating_sub(1);
    if found.goodbyes == 0 {
        own.remove_record(now, record);
    }
}

impl<S: ResponderStorage> OwnRecords for Responder<S> {
    fn answer(
        &self,
        id: LinkId,
        name: Name<'_>,
        rtype: RecordType,
        each: &mut dyn FnMut(&Record<'_>),
    ) -> bool {
        let (Some(link), Some(name)) = (self.link(id), self.own.find_name(name)) else {
            return false;
        };
        for (record, found) in self.own.records_of(name) {
            let is_live = link
                .records
                .get(record)
                .is_some_and(|state| state.is_live && !state.is_leaving);
            if is_live && (rtype == found.rtype() || rtype == RecordType::ANY) {
                each(&self.own.record(found));
            }
        }
        let claim = self.own.claim_of(name);
        claim
            .and_then(|claim| link.claims.get(claim.0))
            .is_some_and(ClaimState::is_won)
    }
}
