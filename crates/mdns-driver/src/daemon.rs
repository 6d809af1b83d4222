//! Daemons of this host: when one of them asks and publishes for us, what it is given to do, and what it tells.
//!
//! ```text
//! Own ──daemon runs, and is to be used──▶ Avahi, Resolved ──gone for 10 s──▶ Own
//! ```
//!
//! Who takes over begins before the other ends: the links of both are open for [`OVERLAP`], so that what was found stays found. Our own
//! sockets say no goodbye then, since the daemon announces the same records a moment later.
//!
//! With Avahi each interface and family is a link that only asks. Its questions become record browsers, and what these tell is
//! handed in as a response. There are no TTLs: a record is there until the browser says that it is not.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use mdns_daemon::{Client, Entry, Event, GroupId, Outcome, Place, Status};
use mdns_proto::{
    host::Host,
    link::{Family, HOP_LIMIT, LinkId, PORT, Packet, Via},
    name::{Name, NameBuf},
    store::Heap,
    time::Instant,
    wire::{Class, Flags, Header, Message, Rdata, Record, RecordType, Section, Ttl, Writer},
};
use tracing::{Level, info, warn};

use crate::{
    Backend, BackendInfo, Error, OwnId, given::Published, links::Links, ours::Ours,
    waiting::Deferred,
};

/// How long to wait at the start until it is known which daemons there are. It takes some milliseconds.
const START: Duration = Duration::from_secs(1);

/// How long to wait for a daemon without which there is an error: a busy one may need it.
const START_CHOSEN: Duration = Duration::from_secs(5);

/// How long a daemon may be away before our own sockets take over: a restart takes less.
const ABSENCE: Duration = Duration::from_secs(10);

/// How long both have their links when one takes over from the other: enough to find again what was found.
const OVERLAP: Duration = Duration::from_secs(5);

/// How long after a change browsers are closed that nobody needs any more: a question often follows another.
const SWEEP: Duration = Duration::from_secs(1);

/// The TTL of what a daemon tells. It says when a record is no more, so this only bounds how often the core asks again.
const TTL: Ttl = Ttl(4500);

/// The types that stand for ANY, which Avahi does not look for.
const ANY_TYPES: [RecordType; 6] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::TXT,
    RecordType::CNAME,
];

/// What a group of the daemon is of: something that is ours, everywhere or on one interface.
type GroupKey = (OwnId, Option<(u32, Option<Family>)>);

/// The daemons of this host.
#[derive(Debug)]
pub(crate) struct Daemons {
    policy: Backend,
    /// Whether what we publish is found by what we ask, too.
    own_results: bool,
    /// Who asks and publishes now.
    mode: Backend,
    reason: String,
    /// Whether our own sockets were refused, and Avahi is to do without them.
    wants_fallback: bool,
    client: Option<Client>,
    status: Status,
    groups: HashMap<GroupKey, GroupId>,
    keys: HashMap<GroupId, GroupKey>,
    next_group: u64,
    established: HashSet<GroupId>,
    /// What the application was told to be registered.
    told: HashSet<OwnId>,
    /// What is to be compared with what is published: all, or some.
    is_dirty: bool,
    dirty: HashSet<OwnId>,
    absent_since: Option<Instant>,
    retire_at: Option<Instant>,
    sweep_at: Option<Instant>,
    /// That something could not be asked was logged.
    has_complained: bool,
    deferred: Deferred,
}

impl Daemons {
    /// Finds out who asks and publishes at first, and lets the links know.
    ///
    /// # Errors
    /// The daemon that was chosen does not run.
    pub(crate) fn start(
        now: Instant,
        policy: Backend,
        own_results: bool,
        links: &mut Links,
    ) -> Result<Self, Error> {
        let mut daemons = Daemons {
            policy,
            own_results,
            mode: Backend::Own,
            reason: "chosen".into(),
            wants_fallback: false,
            client: None,
            status: Status::default(),
            groups: HashMap::new(),
            keys: HashMap::new(),
            next_group: 0,
            established: HashSet::new(),
            told: HashSet::new(),
            is_dirty: false,
            dirty: HashSet::new(),
            absent_since: None,
            retire_at: None,
            sweep_at: None,
            has_complained: false,
            deferred: Deferred::default(),
        };
        if policy == Backend::Own {
            daemons.apply(links);
            return Ok(daemons);
        }
        daemons.connect(links).map_err(Error::Runtime)?;
        daemons.wait(now);
        match (policy, daemons.choice()) {
            (Backend::Auto, choice) => {
                daemons.mode = choice;
                daemons.reason = daemons.why(choice);
            }
            (policy, choice) if choice == policy => daemons.mode = policy,
            (policy, _) => return Err(Error::Backend(policy, daemons.why_not(policy))),
        }
        daemons.apply(links);
        Ok(daemons)
    }

    fn connect(&mut self, links: &mut Links) -> io::Result<()> {
        if self.client.is_none() {
            let client = Client::open()?;
            links.add_daemon_source(client.descriptor().try_clone()?);
            self.client = Some(client);
        }
        Ok(())
    }

    /// Waits until the daemons have said how they are.
    fn wait(&mut self, now: Instant) {
        if let Some(client) = &mut self.client {
            let is_chosen = matches!(self.policy, Backend::Avahi | Backend::Resolved);
            let timeout = if is_chosen { START_CHOSEN } else { START };
            self.status = client.wait_for_status(now, timeout);
        }
    }

    /// Who is to do it, as the daemons are now.
    fn choice(&self) -> Backend {
        let resolved_publishes = self.status.resolved_mode.as_deref() == Some("yes");
        match self.policy {
            Backend::Avahi | Backend::Auto if self.status.avahi_runs => Backend::Avahi,
            Backend::Own if self.wants_fallback && self.status.avahi_runs => Backend::Avahi,
            Backend::Resolved if resolved_publishes => Backend::Resolved,
            // Others need the leave of polkit, which asks a person or says no.
            Backend::Auto if resolved_publishes && mdns_socket::is_root() => Backend::Resolved,
            _ => Backend::Own,
        }
    }

    fn why(&self, choice: Backend) -> String {
        match (self.policy, choice) {
            (Backend::Auto, Backend::Avahi) => "avahi-daemon runs".into(),
            (Backend::Auto, Backend::Resolved) => "systemd-resolved publishes services here".into(),
            (Backend::Auto, _) => self.why_not(Backend::Avahi),
            _ => "chosen".into(),
        }
    }

    /// Why a daemon is not used.
    fn why_not(&self, daemon: Backend) -> String {
        if let Some(why) = &self.status.no_bus {
            return format!("there is no D-Bus system bus: {why}");
        }
        if daemon == Backend::Resolved {
            return match self.status.resolved_mode.as_deref() {
                None => "systemd-resolved does not run".into(),
                Some(mode) => format!(
                    "systemd-resolved does not publish services: it has MulticastDNS={mode}, set it to yes in resolved.conf"
                ),
            };
        }
        match &self.status.avahi_refuses {
            Some(why) => format!("avahi-daemon cannot be used: {why}"),
            None => "avahi-daemon does not run".into(),
        }
    }

    /// Sets what the links are for.
    fn apply(&self, links: &mut Links) {
        links.set_new_only_ask(self.mode != Backend::Own);
        links.set_asks_daemon(self.mode == Backend::Avahi || self.retire_at.is_some());
        links.set_uses_sockets(self.mode != Backend::Avahi || self.retire_at.is_some());
    }

    /// Our own sockets have been refused port 5353 on every link. Whether Avahi can do it instead; if so, look again.
    pub(crate) fn fall_back(&mut self, now: Instant, links: &mut Links, why: &str) -> bool {
        if self.policy != Backend::Own || self.connect(links).is_err() {
            return false;
        }
        self.wants_fallback = true;
        self.wait(now);
        if self.choice() != Backend::Avahi {
            return false;
        }
        self.mode = Backend::Avahi;
        self.reason = format!("our own sockets are refused: {why}");
        self.apply(links);
        true
    }

    /// Who asks and publishes now.
    pub(crate) fn info(&self) -> BackendInfo {
        let is_avahi = self.mode == Backend::Avahi;
        BackendInfo {
            backend: self.mode,
            reason: self.reason.clone(),
            version: Some(self.status.avahi_version.clone())
                .filter(|version| is_avahi && !version.is_empty()),
            is_available: match self.mode {
                Backend::Avahi => self.status.avahi_runs,
                Backend::Resolved => self.status.resolved_mode.is_some(),
                _ => true,
            },
        }
    }

    /// Whether the name of this host is left to a daemon, or may be at another time.
    pub(crate) fn may_share_host_name(&self) -> bool {
        self.policy != Backend::Own || self.mode != Backend::Own
    }

    // --- time ---

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let absence = self.absent_since.filter(|_| self.may_leave());
        let client = self.client.as_ref().and_then(Client::timeout);
        let dues = [
            absence.map(|since| since + ABSENCE),
            self.retire_at,
            self.sweep_at,
            client,
        ];
        dues.into_iter().flatten().min()
    }

    /// Whether our own sockets are to take over from a daemon that has gone.
    fn may_leave(&self) -> bool {
        matches!(self.policy, Backend::Auto | Backend::Own) && self.mode != Backend::Own
    }

    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.may_leave() && is_due(self.absent_since.map(|since| since + ABSENCE)) {
            let reason = self.why_not(self.mode);
            self.switch(now, Backend::Own, reason, host, links, ours);
        }
        // The other has its links now.
        if is_due(self.retire_at) {
            self.retire_at = None;
            self.apply(links);
            links.look_at(now);
        }
        if is_due(self.sweep_at) {
            self.sweep_at = None;
            if let Some(client) = &mut self.client {
                client.retain(|name, rtype| {
                    host.is_wanted(name, rtype)
                        || ANY_TYPES.contains(&rtype) && host.is_wanted(name, RecordType::ANY)
                });
            }
        }
        if let Some(client) = &mut self.client {
            client.handle_timeout(now);
        }
        self.handle_events(now, host, links, ours);
    }

    /// Something was asked for, or is no more: browsers may be needless soon.
    pub(crate) fn note_change(&mut self, now: Instant) {
        if self.client.is_some() {
            self.sweep_at.get_or_insert(now + SWEEP);
        }
    }

    // --- who does it ---

    /// Lets another do it from now on.
    fn switch(
        &mut self,
        now: Instant,
        to: Backend,
        reason: String,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        let message = reason.clone();
        self.deferred.log(Level::INFO, move || {
            info!(backend = %to, reason = message, "another backend takes over");
        });
        self.unpublish_all();
        (self.mode, self.reason, self.absent_since) = (to, reason, None);
        self.retire_at = Some(now + OVERLAP);
        // Without goodbye: what takes over says the same.
        links.set_only_asks(now, host, to != Backend::Own);
        self.apply(links);
        links.look_at(now);
        ours.set_daemon_host(self.daemon_host());
        self.is_dirty = true;
    }

    fn status_changed(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        let Some(client) = &self.client else { return };
        let before = std::mem::replace(&mut self.status, client.status());
        let choice = self.choice();
        if choice == self.mode {
            if self.mode == Backend::Own {
                if self.policy == Backend::Auto {
                    self.reason = self.why(Backend::Own);
                }
                return;
            }
            if self.absent_since.take().is_some() {
                let mode = self.mode;
                self.deferred
                    .log(Level::INFO, move || info!("{mode} has come back"));
            }
            if before.avahi_host_name != self.status.avahi_host_name {
                ours.set_daemon_host(self.daemon_host());
            }
            self.is_dirty = true;
        } else if self.mode == Backend::Own || choice != Backend::Own {
            let reason = if self.policy == Backend::Own {
                "our own sockets are refused, and avahi-daemon runs".into()
            } else {
                self.why(choice)
            };
            self.switch(now, choice, reason, host, links, ours);
        } else if self.absent_since.is_none() {
            self.absent_since = Some(now);
            // What it had is told again when it is there again.
            self.established.clear();
            self.told.clear();
            let (mode, why) = (self.mode, self.why_not(self.mode));
            self.deferred
                .log(Level::WARN, move || warn!("{mode} has gone: {why}"));
        }
    }

    /// The name that a daemon gives to this host, if one publishes for us.
    fn daemon_host(&self) -> Option<NameBuf> {
        match self.mode {
            Backend::Avahi => self.status.avahi_host_name.clone(),
            Backend::Resolved => {
                let system = mdns_socket::host_name()?;
                NameBuf::from_labels([system.as_bytes(), b"local"]).ok()
            }
            _ => None,
        }
    }

    /// Brings what is ours under the name of this host that a daemon has, unless another was chosen.
    pub(crate) fn set_up(&self, ours: &mut Ours, is_name_chosen: bool) {
        ours.set_name_is_chosen(is_name_chosen);
        ours.set_daemon_host(self.daemon_host());
    }

    // --- what comes ---

    /// Handles one thing that has come from the bus.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), and no other, when there is none.
    pub(crate) fn read(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) -> io::Result<()> {
        let has_come = self
            .client
            .as_mut()
            .is_some_and(|client| client.handle_next(now));
        if !has_come {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.handle_events(now, host, links, ours);
        Ok(())
    }

    fn handle_events(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        while let Some(event) = self.client.as_mut().and_then(Client::poll_event) {
            match event {
                Event::Status => self.status_changed(now, host, links, ours),
                Event::Group(id, outcome) => {
                    self.handle_outcome(now, id, outcome, host, links, ours);
                }
                Event::Records {
                    interface,
                    family,
                    name,
                    rtype,
                    present,
                    gone,
                } => {
                    if let Some(link) = links.daemon_link(interface, family) {
                        let mut present = present;
                        if !self.own_results && rtype == RecordType::PTR {
                            present.retain(|rdata| !is_to_service(ours, rdata));
                        }
                        let told = [(&present, TTL), (&gone, Ttl::ZERO)];
                        for (records, ttl) in told {
                            hand_in(
                                now,
                                host,
                                (link, family),
                                name.as_name(),
                                rtype,
                                records,
                                ttl,
                            );
                        }
                    }
                }
                Event::NotAsked { name, rtype } => {
                    host.note_not_asked(name.as_name(), rtype);
                    if !std::mem::replace(&mut self.has_complained, true) {
                        self.deferred.log(Level::WARN, move || {
                            warn!(%name, %rtype, "avahi-daemon asks for no more records; some results are missing");
                        });
                    }
                }
                _ => {}
            }
        }
    }

    // --- asking ---

    /// Asks Avahi what the core asks on one of its links.
    pub(crate) fn ask(&mut self, now: Instant, links: &Links, link: LinkId, query: &[u8]) {
        let (Some(client), Some(at), Ok(message)) = (
            &mut self.client,
            links.daemon_link_at(link),
            Message::parse(query),
        ) else {
            return;
        };
        for question in message.questions() {
            if question.qtype == RecordType::ANY {
                for rtype in ANY_TYPES {
                    client.watch(question.name, rtype, at);
                }
            } else {
                client.watch(question.name, question.qtype, at);
            }
        }
        self.sweep_at.get_or_insert(now + SWEEP);
    }

    // --- publishing ---

    /// Something that is ours is new, is different, or is not ours any more.
    pub(crate) fn note_own(&mut self, own: OwnId) {
        self.dirty.insert(own);
        if matches!(own, OwnId::Host(_)) {
            // Services name it.
            self.is_dirty = true;
        }
    }

    /// The interfaces have changed.
    pub(crate) fn handle_survey(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        self.is_dirty = true;
        let is_refused = links.is_refused();
        if self.policy == Backend::Own && self.mode == Backend::Own && is_refused {
            self.wants_fallback = true;
            if self.connect(links).is_ok() && self.choice() == Backend::Avahi {
                let reason = "our own sockets are refused, and avahi-daemon runs".into();
                self.switch(now, Backend::Avahi, reason, host, links, ours);
            }
        } else if self.mode == Backend::Own {
            self.wants_fallback = false;
        }
        let _ = host;
    }

    /// Gives the daemon what is ours now, in place of what it was given.
    pub(crate) fn sync(&mut self, host: &Host<Heap>, links: &Links, ours: &mut Ours) {
        let all = std::mem::take(&mut self.is_dirty);
        let dirty = std::mem::take(&mut self.dirty);
        if self.mode == Backend::Own || self.client.is_none() || !all && dirty.is_empty() {
            return;
        }
        let mut wanted = HashMap::new();
        let is_chosen = |own: &OwnId| all || dirty.contains(own);
        for published in ours
            .published(host)
            .filter(|published| is_chosen(&published.own))
        {
            self.add_wanted(&published, links, ours, &mut wanted);
        }
        let needless: Vec<_> = self
            .groups
            .keys()
            .filter(|key| is_chosen(&key.0) && !wanted.contains_key(*key))
            .copied()
            .collect();
        for key in needless {
            self.unpublish(key);
        }
        for (key, entries) in wanted {
            let group = *self.groups.entry(key).or_insert_with(|| {
                self.next_group += 1;
                GroupId(self.next_group)
            });
            self.keys.insert(group, key);
            if let Some(client) = &mut self.client {
                match self.mode {
                    Backend::Resolved => client.publish_by_resolved(group, entries),
                    _ => client.publish(group, entries),
                }
            }
        }
        // A host whose name is the daemon's is there with the daemon.
        if self.info().is_available {
            for own in ours.on_daemon_host() {
                if is_chosen(&own) && self.told.insert(own) {
                    let waker = ours.set_registered_as_daemon_host(own);
                    self.deferred.wake(waker);
                }
            }
        }
    }

    /// Adds the groups that are wanted of something.
    fn add_wanted(
        &self,
        published: &Published<'_>,
        links: &Links,
        ours: &Ours,
        wanted: &mut HashMap<GroupKey, Vec<Entry>>,
    ) {
        let own = published.own;
        let Some(service) = published.service else {
            if ours.is_daemon_host(published.on) || self.mode == Backend::Resolved {
                return;
            }
            for (interface, addresses) in links.addresses_of_daemon() {
                let entries = addresses.map(|address| Entry::Address {
                    interface,
                    host: published.host_name.into(),
                    address,
                });
                let entries: Vec<_> = entries.collect();
                if !entries.is_empty() {
                    wanted.insert((own, Some((interface, None))), entries);
                }
            }
            return;
        };
        let host = (!ours.is_daemon_host(published.on)).then(|| NameBuf::from(published.host_name));
        let daemon_host = ours.daemon_host();
        let entries = |place| service.entries(place, published.name, host.clone(), daemon_host);
        if self.mode == Backend::Resolved || service.links.is_none() && links.is_selection_usual() {
            // What is usual is for the daemon to say, and to follow as interfaces change.
            wanted.insert((own, None), entries(Place::Everywhere));
            return;
        }
        for (interface, families) in links.families_of_daemon() {
            let families: Vec<_> = families
                .into_iter()
                .filter(|family| service.wants(interface, *family))
                .collect();
            let family = match families.as_slice() {
                [] => continue,
                [family] => Some(*family),
                _ => None,
            };
            let key = (own, Some((interface, family)));
            wanted.insert(key, entries(Place::Interface(interface, family)));
        }
    }

    fn unpublish(&mut self, key: GroupKey) {
        let Some(group) = self.groups.remove(&key) else {
            return;
        };
        self.keys.remove(&group);
        self.established.remove(&group);
        self.told.remove(&key.0);
        if let Some(client) = &mut self.client {
            client.unpublish(group);
        }
    }

    fn unpublish_all(&mut self) {
        let keys: Vec<_> = self.groups.keys().copied().collect();
        keys.into_iter().for_each(|key| self.unpublish(key));
        self.told.clear();
    }

    fn handle_outcome(
        &mut self,
        now: Instant,
        id: GroupId,
        outcome: Outcome,
        host: &mut Host<Heap>,
        links: &mut Links,
        ours: &mut Ours,
    ) {
        let Some(&(own, _)) = self.keys.get(&id) else {
            return;
        };
        match outcome {
            Outcome::Established => {
                self.established.insert(id);
                self.tell_registered(own, host, ours);
                if let OwnId::Host(on) = own {
                    for service in ours.services_on(on) {
                        self.tell_registered(service, host, ours);
                    }
                }
            }
            Outcome::Collision => {
                self.established.remove(&id);
                self.told.remove(&own);
                match own {
                    OwnId::Service(service) => host.service_name_taken(now, service),
                    OwnId::Host(on) => host.host_name_taken(now, on),
                }
                self.note_own(own);
            }
            Outcome::Failed(why) => {
                self.established.remove(&id);
                let (mode, reason) = (self.mode, why.clone());
                self.deferred.log(Level::WARN, move || {
                    warn!("{mode} does not publish: {reason}");
                });
                if self.policy == Backend::Auto && self.mode == Backend::Resolved {
                    let reason = format!("systemd-resolved does not publish: {why}");
                    return self.switch(now, Backend::Own, reason, host, links, ours);
                }
                let waker = ours.set_failed(own, format!("{mode}: {why}"));
                self.deferred.wake(waker);
            }
            _ => {}
        }
    }

    /// Tells that something is registered, when all of it is, and the host that it runs on.
    fn tell_registered(&mut self, own: OwnId, host: &Host<Heap>, ours: &mut Ours) {
        let on = ours.host_id_of(own).map(OwnId::Host);
        let is_settled = self
            .groups
            .iter()
            .filter(|(key, _)| key.0 == own || Some(key.0) == on)
            .all(|(_, group)| self.established.contains(group));
        if is_settled && self.told.insert(own) {
            if let Some((name, _)) = ours.name(own) {
                let deferred = &mut self.deferred;
                deferred.log_name(
                    name.as_name(),
                    |name| info!(%name, "registered by the daemon"),
                );
            }
            let waker = match own {
                OwnId::Service(id) => host
                    .service_name(id)
                    .and_then(|name| ours.set_registered(id, name)),
                OwnId::Host(id) => host
                    .host_name(id)
                    .and_then(|name| ours.set_registered(id, name)),
            };
            self.deferred.wake(waker);
        }
    }

    /// Whether the daemon has done all that it was given.
    pub(crate) fn is_silent(&self) -> bool {
        self.client.as_ref().is_none_or(Client::is_idle)
    }

    /// Takes back all that is published.
    pub(crate) fn withdraw_all(&mut self) {
        self.unpublish_all();
    }

    /// Calls of others' code that are put off.
    pub(crate) fn take_deferred(&mut self) -> Deferred {
        std::mem::take(&mut self.deferred)
    }

    /// The driver has ended.
    pub(crate) fn end(&mut self) {
        self.unpublish_all();
        self.client = None;
        (self.absent_since, self.retire_at, self.sweep_at) = (None, None, None);
    }
}

/// Whether a PTR record leads to a service of ours.
fn is_to_service(ours: &Ours, rdata: &[u8]) -> bool {
    matches!(
        Rdata::from_wire(RecordType::PTR, rdata),
        Some(Rdata::Ptr(target)) if ours.is_service(target)
    )
}

/// Hands records to the core, as a response of the daemon.
fn hand_in(
    now: Instant,
    host: &mut Host<Heap>,
    (link, family): (LinkId, Family),
    name: Name<'_>,
    rtype: RecordType,
    records: &[Vec<u8>],
    ttl: Ttl,
) {
    let source: SocketAddr = match family {
        Family::V4 => (Ipv4Addr::LOCALHOST, PORT).into(),
        Family::V6 => (Ipv6Addr::LOCALHOST, PORT).into(),
    };
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    let mut buffer = [0; crate::driver::BUFFER];
    let mut left = records.iter().peekable();
    while left.peek().is_some() {
        let len = buffer.len();
        let mut writer = Writer::new(&mut buffer, len, header);
        while let Some(rdata) = left.peek() {
            let record = Record {
                name,
                class: Class::IN,
                // A daemon tells unique sets whole.
                cache_flush: rtype != RecordType::PTR,
                ttl,
                rdata: Rdata::Other(rtype, rdata),
            };
            match writer.record(Section::Answer, &record) {
                Ok(()) => {
                    left.next();
                }
                // The rest goes into the next packet; what is larger than any is no record.
                Err(_) if writer.is_empty() => {
                    left.next();
                }
                Err(_) => break,
            }
        }
        if writer.is_empty() {
            continue;
        }
        let len = writer.finish();
        let packet = Packet {
            source,
            via: Via::Multicast,
            hop_limit: Some(HOP_LIMIT),
            bytes: buffer.get(..len).unwrap_or_default(),
        };
        host.handle_packet(now, link, packet);
    }
}
