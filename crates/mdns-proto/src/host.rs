//! A host: what is ours, and many links. An [`Endpoint`](crate::endpoint::Endpoint) is the same with one link.
//!
//! A layer is its children plus order: this file passes packets, time and commands to the responder and the querier, which
//! do not know each other, and puts their deadlines together.

use core::net::{IpAddr, SocketAddr};

use crate::{
    chance::Chance,
    config::Config,
    discovery::{self, AddressKind, AskError, AskId, Details, Span},
    echo::Echoes,
    link::{
        Destination, Family, HOP_LIMIT, InterfaceId, LinkConfig, LinkId, LinkNumber, PORT, Packet,
        SourcePort, Subnet, Transmit, Via, is_link_local,
    },
    moment::Now,
    name::Name,
    querier::{Querier, QuerierStorage},
    registry::{ClaimId, HostId, NewRecord, Notice, RecordId, RegisterError, Service, ServiceId},
    responder::{OwnEvent, Responder, ResponderStorage},
    stats::Stats,
    store::Full,
    time::Instant,
    wire::{Message, Rdata, RecordType, Txt},
};

/// All rows of a host. [`Heap`](crate::store::Heap) names rows that grow, [`fixed!`](crate::fixed) makes some that do not.
pub trait Storage {
    /// What is ours, and what each link keeps of it.
    type Responder: ResponderStorage;
    /// What was asked for, and what was heard on each link.
    type Querier: QuerierStorage;
}

/// What a host tells the application.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A service is announced under this name: it was won on at least one link, and no link is in its first probing any more.
    Registered {
        /// The service.
        service: ServiceId,
        /// Its full name now.
        name: Name<'a>,
    },
    /// Another has the name of a service; this one is tried next (RFC 6762 §9). `Registered` follows when it is ours.
    Renamed {
        /// The service.
        service: ServiceId,
        /// The full name that is tried.
        name: Name<'a>,
    },
    /// A host name is ours.
    HostRegistered {
        /// The host.
        host: HostId,
        /// Its full name.
        name: Name<'a>,
    },
    /// Another has the name of a host; this one is tried next.
    HostRenamed {
        /// The host.
        host: HostId,
        /// The full name that is tried.
        name: Name<'a>,
    },
    /// The name of records registered by themselves is ours; they are announced.
    NameRegistered {
        /// The name.
        name: Name<'a>,
    },
    /// Another has the name of records registered by themselves. What else to call them only the application can know (RFC 6762
    /// §9). Until it removes them, the name is tried again, ever more rarely, at the least every 64 seconds; `NameRegistered` follows if it
    /// is won.
    NameLost {
        /// The name.
        name: Name<'a>,
    },
    /// News of something that was asked for.
    Discovery(discovery::Event<'a>),
}

/// A machine that answers for what is ours and asks for what we want, on many links.
///
/// The contract: do one thing to it; take its [transmits](Self::poll_transmit) until there are none, then its
/// [events](Self::poll_event) until there are none; sleep until its [timeout](Self::poll_timeout).
pub struct Host<S: Storage> {
    config: Config,
    responder: Responder<S::Responder>,
    querier: Querier<S::Querier>,
    echoes: Echoes,
    /// The latest time that was brought; time does not go backwards here.
    now: Instant,
    is_started: bool,
    /// The row of the link whose turn it is to send.
    turn: LinkNumber,
}

impl<S: Storage> Host<S> {
    /// A host that does nothing until it is [started](Self::start). For a `static`.
    pub const fn new(config: Config) -> Self {
        Host {
            responder: Responder::new(&config),
            querier: Querier::new(&config),
            config,
            echoes: Echoes::new(),
            now: Instant::ZERO,
            is_started: false,
            turn: 0,
        }
    }

    /// A host that is started at once.
    pub fn started(config: Config, now: Instant, seed: u64) -> Self {
        let mut host = Self::new(config);
        host.start(now, seed);
        host
    }

    /// Starts it, once, before anything else is done to it.
    ///
    /// `seed` is the source of all random delays and of the keys of all hashes: hosts that start together must have different
    /// ones, and strangers must not know it. Two hosts of one seed and the same inputs do exactly the same.
    pub fn start(&mut self, now: Instant, seed: u64) {
        if self.is_started {
            return;
        }
        self.is_started = true;
        self.now = now;
        let chance = Chance::new(seed);
        self.echoes.start(chance.key(1));
        self.querier.start(chance.key(2));
        self.responder.start(now, chance);
    }

    /// Whether it was started.
    pub fn is_started(&self) -> bool {
        self.is_started
    }

    /// The time, which does not go backwards; `None` before the start.
    #[cfg_attr(target_os = "none", inline(never))]
    fn clock(&mut self, now: Instant) -> Option<Instant> {
        self.now = self.now.max(now);
        if !self.is_started {
            return None;
        }
        self.responder.age(self.now);
        Some(self.now)
    }

    // --- links ---

    /// Adds a link, which has just come up: names are probed for there, questions asked. Others notice that it came up too, so in the
    /// next second a look-up keeps the wait of §5.2; where the interface was up before the program began,
    /// [`add_running_link`](Self::add_running_link) spares it that.
    ///
    /// # Errors
    /// [`Full`] when there is no row for one more link; also before the start. Nothing has changed then.
    pub fn add_link(&mut self, now: Instant, config: LinkConfig) -> Result<LinkId, Full> {
        let now = self.clock(now).ok_or(Full)?;
        let link = self.responder.add_link(config)?;
        if let Err(full) = self.querier.add_link(link, config, &self.config) {
            self.responder.undo_link(link);
            return Err(full);
        }
        self.responder.link_up(Now::of(now), link);
        self.querier.link_up(now, link, &self.responder);
        self.set_writable(link, true);
        Ok(link)
    }

    /// Adds a link whose interface had its carrier and its address before: only its sockets are new. Otherwise as
    /// [`add_link`](Self::add_link).
    ///
    /// # Errors
    /// As [`add_link`](Self::add_link).
    pub fn add_running_link(&mut self, now: Instant, config: LinkConfig) -> Result<LinkId, Full> {
        let link = self.add_link(now, config)?;
        self.querier.set_running(link);
        Ok(link)
    }

    /// Says whether the caller can send from another port of the link than 5353 and receive what comes to it; until this says so, it
    /// cannot. Then, and if [`Config::one_shot`] allows it, the first question of a look-up, a resolve or a query goes out from
    /// there as well ([`SourcePort::OneShot`], RFC 6762 §5.1), and what comes back is passed in as [`Via::OneShot`].
    ///
    /// The port must be one that strangers cannot guess, such as the system gives to a socket that asks for none.
    pub fn set_one_shot(&mut self, link: LinkId, is_possible: bool) {
        self.querier
            .set_one_shot(link, is_possible && self.config.one_shot);
    }

    /// Whether a link [only asks](LinkConfig::asks_only) from now on. What was said there is not taken back: no goodbye is sent, since another
    /// program of this host says it from now on. When it is more than asking again, names are probed for as on a new link.
    pub fn set_asks_only(&mut self, now: Instant, link: LinkId, asks_only: bool) {
        let Some(now) = self.clock(now) else { return };
        self.responder.set_asks_only(Now::of(now), link, asks_only);
        self.settle_own(now);
    }

    /// Forgets a link, with what was heard there. Goodbyes cannot be said any more: withdraw first where that matters.
    pub fn remove_link(&mut self, now: Instant, link: LinkId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.remove_link(Now::of(now), link);
        self.querier.remove_link(now, link, &self.responder);
    }

    /// The link works (again), or is another network now: names are probed for and announced anew (RFC 6762 §8.3, §10.2), open
    /// questions asked anew (§5.4).
    pub fn link_up(&mut self, now: Instant, link: LinkId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.link_up(Now::of(now), link);
        // What was heard on a link that was up and comes up was heard on another network.
        self.querier.link_down(now, link, &self.responder);
        self.querier.link_up(now, link, &self.responder);
    }

    /// The link does not work: what was heard there is forgotten (§10.3), nothing is sent.
    pub fn link_down(&mut self, now: Instant, link: LinkId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.link_down(Now::of(now), link);
        self.querier.link_down(now, link, &self.responder);
    }

    /// The machine has slept: all links begin anew, and what was heard before must be confirmed within ten seconds (§10.3).
    pub fn resumed(&mut self, now: Instant) {
        let Some(now) = self.clock(now) else { return };
        self.responder.resumed(Now::of(now));
        self.querier.resumed(now, &self.responder);
    }

    /// Sets the addresses of an interface, of both families: they are answered for on its links, and on no others (§6.2).
    ///
    /// # Errors
    /// [`Full`] when not all of them found room. Those that did are answered for, and those that are not given any more are withdrawn;
    /// hosts in the network of one that found none may count as off the link. To try the others again, once something was withdrawn, give
    /// all of them again. Also before the start; then nothing has changed.
    pub fn set_addresses(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        addresses: &[Subnet],
    ) -> Result<(), Full> {
        let now = self.clock(now).ok_or(Full)?;
        self.responder
            .set_addresses(Now::of(now), interface, addresses)
    }

    /// Whether link-local addresses (169.254/16, fe80::/10) are reached directly over a link though its interface has no such address
    /// itself: the system has a route to them. A link has none, unless this says otherwise.
    ///
    /// Datagrams that come by unicast, and resolvers that are to be answered by unicast, count only from the link (RFC 6762 §11). A
    /// link-local source does where the interface has a link-local address, or this route.
    pub fn set_link_local_route(&mut self, link: LinkId, has_route: bool) {
        self.responder.set_link_local_route(link, has_route);
    }

    /// Whether a link can take a datagram now. While it cannot, [`poll_transmit`](Self::poll_transmit) has nothing for it and
    /// [`poll_timeout`](Self::poll_timeout) does not count what it would have to send.
    pub fn set_writable(&mut self, link: LinkId, is_writable: bool) {
        self.responder.set_writable(link, is_writable);
    }

    fn is_writable(&self, link: LinkId) -> bool {
        self.responder.is_writable(link)
    }

    /// A datagram that was polled could not be sent, for another reason than that the socket was full. Probing and announcing on
    /// the link begin anew, at most once a second; an answer is lost, as it may be on a wire.
    pub fn send_failed(&mut self, now: Instant, link: LinkId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.send_failed(Now::of(now), link);
    }

    // --- what is ours ---

    /// Claims the host name `label.local`, and answers for the addresses of all interfaces under it.
    ///
    /// # Errors
    /// A label that is not one, a name that is taken here already, or no room. Nothing has changed then.
    pub fn add_host(&mut self, now: Instant, label: &str) -> Result<HostId, RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Full)?;
        self.responder.add_host(Now::of(now), label)
    }

    /// Withdraws a host and the services that run on it, as [`withdraw`](Self::withdraw) does.
    pub fn remove_host(&mut self, now: Instant, host: HostId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.remove_host(Now::of(now), host);
        self.settle_own(now);
    }

    /// Registers a service: its name is probed for, then its records announced. [`Event::Registered`] tells the final name.
    ///
    /// # Errors
    /// See [`RegisterError`]. Nothing has changed then.
    pub fn register(
        &mut self,
        now: Instant,
        service: &Service<'_>,
    ) -> Result<ServiceId, RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Full)?;
        self.responder.register(Now::of(now), service)
    }

    /// Whether a service is offered on a link. It is on every link, unless this says otherwise; a link that is added later
    /// has to be told anew. Taken off a link where it was announced it says goodbye there (§10.1), and is probed for again
    /// when it comes back. Said right after [`register`](Self::register) or [`add_link`](Self::add_link), nothing of it is
    /// ever sent there.
    pub fn set_offered(
        &mut self,
        now: Instant,
        service: ServiceId,
        link: LinkId,
        is_offered: bool,
    ) {
        let Some(now) = self.clock(now) else { return };
        self.responder
            .set_offered(Now::of(now), service, link, is_offered);
        self.settle_own(now);
    }

    /// Replaces the TXT data of a service, and announces them (§8.4).
    ///
    /// # Errors
    /// No room, data too large for a packet, or a service that is not registered. Nothing has changed then.
    pub fn update_txt(
        &mut self,
        now: Instant,
        service: ServiceId,
        txt: Txt<'_>,
    ) -> Result<(), RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Unknown)?;
        self.responder.update_txt(Now::of(now), service, txt)
    }

    /// Replaces the port of a service, and announces it (§8.4).
    ///
    /// # Errors
    /// A service that is not registered. Nothing has changed then.
    pub fn update_port(
        &mut self,
        now: Instant,
        service: ServiceId,
        port: u16,
    ) -> Result<(), RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Unknown)?;
        self.responder.update_port(Now::of(now), service, port)
    }

    /// Replaces the subtypes of a service: new ones are announced, those that are not among them any more say goodbye.
    ///
    /// # Errors
    /// No room, a subtype that is not a label, or a service that is not registered. Nothing has changed then.
    pub fn update_subtypes(
        &mut self,
        now: Instant,
        service: ServiceId,
        subtypes: &[&str],
    ) -> Result<(), RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Unknown)?;
        self.responder
            .update_subtypes(Now::of(now), service, subtypes)
    }

    /// Registers a record by itself: an alias, another type, a set that others share. The name of a unique one is probed
    /// for; [`Event::NameRegistered`] or [`Event::NameLost`] tells the outcome.
    ///
    /// # Errors
    /// See [`RegisterError`]. Nothing has changed then.
    pub fn add_record(
        &mut self,
        now: Instant,
        record: &NewRecord<'_>,
    ) -> Result<RecordId, RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Full)?;
        self.responder.add_record(Now::of(now), record)
    }

    /// Replaces what a unique record says, and announces it (§8.4).
    ///
    /// # Errors
    /// A record that is not registered, is shared, or is of another type; another one that says it already; no room. Nothing has changed then.
    pub fn update_record(
        &mut self,
        now: Instant,
        record: RecordId,
        rdata: &Rdata<'_>,
    ) -> Result<(), RegisterError> {
        let now = self.clock(now).ok_or(RegisterError::Unknown)?;
        self.responder.update_record(Now::of(now), record, rdata)
    }

    /// Withdraws a record that was registered by itself, as [`withdraw`](Self::withdraw) does.
    pub fn remove_record(&mut self, now: Instant, record: RecordId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.remove_record(Now::of(now), record);
        self.settle_own(now);
    }

    /// Withdraws a service. What was announced says goodbye (§10.1); keep on driving until [`is_silent`](Self::is_silent).
    pub fn withdraw(&mut self, now: Instant, service: ServiceId) {
        let Some(now) = self.clock(now) else { return };
        self.responder.withdraw(Now::of(now), service);
        self.settle_own(now);
    }

    /// Withdraws all services and hosts. After at most a second all goodbyes are said; then [`is_silent`](Self::is_silent).
    pub fn shutdown(&mut self, now: Instant) {
        let Some(now) = self.clock(now) else { return };
        self.responder.shutdown(Now::of(now));
        self.settle_own(now);
    }

    /// Whether every goodbye that is owed has been said.
    pub fn is_silent(&self) -> bool {
        self.responder.is_silent()
    }

    /// The full name of a service as it is now, while it is registered.
    pub fn service_name(&self, service: ServiceId) -> Option<Name<'_>> {
        let registry = self.responder.registry();
        Some(registry.claim_name(registry.service(service)?.claim))
    }

    /// The full name of a host as it is now.
    pub fn host_name(&self, host: HostId) -> Option<Name<'_>> {
        let registry = self.responder.registry();
        Some(registry.claim_name(registry.host(host)?))
    }

    /// Another has the name of a service, as the program says that registers it for us on a link that [only
    /// asks](crate::link::LinkConfig::asks_only). The next name is taken, on all links, and [`Event::Renamed`] tells it (RFC 6762 §9).
    pub fn service_name_taken(&mut self, now: Instant, service: ServiceId) {
        let claim = self
            .responder
            .registry()
            .service(service)
            .map(|service| service.claim);
        self.name_taken(now, claim);
    }

    /// The same of a host; [`Event::HostRenamed`] tells the next name.
    pub fn host_name_taken(&mut self, now: Instant, host: HostId) {
        let claim = self.responder.registry().host(host);
        self.name_taken(now, claim);
    }

    fn name_taken(&mut self, now: Instant, claim: Option<ClaimId>) {
        if let (Some(now), Some(claim)) = (self.clock(now), claim) {
            self.responder.take_next_name(Now::of(now), claim, 0);
            self.settle_own(now);
        }
    }

    // --- what we want to know ---

    /// Looks for instances of a service type, or of a subtype, until it is [stopped](Self::stop) (RFC 6763 §4). Under
    /// [`META_QUERY`](crate::name::META_QUERY) there are types, not instances: that is [`browse_types`](Self::browse_types).
    ///
    /// # Errors
    /// A name for which multicast is not the place to ask, or no room. Nothing has changed then.
    pub fn browse(&mut self, now: Instant, service_type: Name<'_>) -> Result<AskId, AskError> {
        self.browse_with(now, service_type, Details::default())
    }

    /// Looks for instances as [`browse`](Self::browse) does, and says what is asked for beside their names.
    ///
    /// # Errors
    /// As [`browse`](Self::browse).
    pub fn browse_with(
        &mut self,
        now: Instant,
        service_type: Name<'_>,
        details: Details,
    ) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier
            .browse(now, service_type, details, &self.responder)
    }

    /// Looks for service types (RFC 6763 §9); each is told as an instance is, with the type as its name.
    ///
    /// # Errors
    /// As [`browse`](Self::browse).
    pub fn browse_types(&mut self, now: Instant) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier.browse_types(now, &self.responder)
    }

    /// Resolves an instance to host, port, attributes and addresses, and keeps them up to date (RFC 6763 §5).
    ///
    /// # Errors
    /// As [`browse`](Self::browse).
    pub fn resolve(&mut self, now: Instant, instance: Name<'_>) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier.resolve(now, instance, &self.responder)
    }

    /// Looks up the addresses of a host, and keeps them up to date.
    ///
    /// # Errors
    /// As [`browse`](Self::browse).
    pub fn lookup_host(
        &mut self,
        now: Instant,
        host: Name<'_>,
        kind: AddressKind,
    ) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier.lookup_host(now, host, kind, &self.responder)
    }

    /// Asks for records of one type.
    ///
    /// # Errors
    /// As [`browse`](Self::browse).
    pub fn query(
        &mut self,
        now: Instant,
        name: Name<'_>,
        rtype: RecordType,
        span: Span,
    ) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier.query(now, name, rtype, span, &self.responder)
    }

    /// Asks for the PTR records of an address, which name the host that has it. By [`query`](Self::query) one may ask for
    /// link-local ones only, for which multicast is the only place; here for every address that is on one of the links
    /// (RFC 6762 §3, §4).
    ///
    /// # Errors
    /// No room.
    pub fn reverse(
        &mut self,
        now: Instant,
        address: IpAddr,
        span: Span,
    ) -> Result<AskId, AskError> {
        let now = self.clock(now).ok_or(AskError::Full)?;
        self.querier.reverse(now, address, span, &self.responder)
    }

    /// Says that what is known under a name seems to be wrong: an address that nobody answers at, for example. Records of the
    /// type are asked for three times, a second apart, on all links, and are gone after ten seconds if nobody says them
    /// (RFC 6762 §10.4). The news come as ever. What is not known, or our own, stays as it is.
    ///
    /// For something found by a browse, [`reconfirm_instance`](Self::reconfirm_instance) is what is meant.
    pub fn reconfirm(&mut self, now: Instant, name: Name<'_>, rtype: RecordType) {
        let Some(now) = self.clock(now) else { return };
        self.querier.reconfirm(now, name, rtype);
    }

    /// Says that an instance seems to be gone: a connection to it failed, for example. The pointers to it, its SRV and the
    /// addresses of its host are asked for as by [`reconfirm`](Self::reconfirm).
    ///
    /// A [`resolve`](Self::resolve) that misses something for three seconds does this for the pointers by itself.
    pub fn reconfirm_instance(&mut self, now: Instant, instance: Name<'_>) {
        let Some(now) = self.clock(now) else { return };
        self.querier.reconfirm_instance(now, instance);
    }

    /// Whether nothing more is to be expected soon of a resolve, a look-up or a query: each record that it asks for is known, or its
    /// owner has said that there is none. Another link may still have more of them. Never so of a browse, nor of what was stopped.
    pub fn is_complete(&self, ask: AskId) -> bool {
        self.querier.is_complete(ask)
    }

    /// Whether anything that was asked for needs the records of a name and type, now and when they change. It matters to those who
    /// answer on a link that [only asks](crate::link::LinkConfig::asks_only): on other links they are multicast.
    pub fn is_wanted(&self, name: Name<'_>, rtype: RecordType) -> bool {
        self.querier.is_wanted(name, rtype)
    }

    /// What was asked about a name and type on a link that [only asks](crate::link::LinkConfig::asks_only) cannot be asked there, for
    /// lack of room: all that need it are told that they are [incomplete](discovery::Event::Incomplete).
    pub fn note_not_asked(&mut self, name: Name<'_>, rtype: RecordType) {
        self.querier.note_not_asked(name, rtype);
    }

    /// Ends what was asked for. Its id means nothing any more.
    pub fn stop(&mut self, now: Instant, ask: AskId) {
        let Some(now) = self.clock(now) else { return };
        self.querier.stop(now, ask, &self.responder);
    }

    // --- the verbs ---

    /// Takes in a datagram. It is never an error: what is no use is ignored and [counted](Self::stats).
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn handle_packet(&mut self, now: Instant, link: LinkId, packet: Packet<'_>) {
        let Some(now) = self.clock(now) else { return };
        let Some(config) = self.responder.link_config(link) else {
            return;
        };
        let port = match packet.source.port() {
            PORT => SourcePort::Mdns,
            _ => SourcePort::OneShot,
        };
        let is_echo = self.is_own_address(packet.source.ip())
            && self.echoes.take(now, link, port, packet.bytes);
        let Some(stats) = self.responder.stats_mut(link) else {
            return;
        };
        Stats::count(&mut stats.received);
        if is_echo {
            return Stats::count(&mut stats.echoes);
        }
        // By reference, so that it is on the stack once.
        let parsed = Message::parse(packet.bytes);
        let Ok(message) = &parsed else {
            return Stats::count(&mut stats.malformed);
        };
        let flags = message.header().flags;
        if flags.opcode() != 0 || flags.rcode() != 0 {
            // §18.3, §18.11.
            return Stats::count(&mut stats.malformed);
        }
        if !message.is_sound() {
            Stats::count(&mut stats.faulty);
        }
        let is_near = self.is_near(link, config, &packet);
        // §11: of what comes to the group only that counts as forwarded which says so itself.
        let needs_near = packet.via != Via::Multicast
            || packet.hop_limit.is_some_and(|limit| limit != HOP_LIMIT);
        // §6: responses come from port 5353. §5.5, §11: what comes by unicast comes from the link. No one has port 0.
        let is_refused = !is_host(packet.source)
            || (flags.response() && packet.source.port() != PORT)
            || (needs_near && !is_near)
            || (packet.via == Via::OneShot && !flags.response());
        if is_refused {
            if let Some(stats) = self.responder.stats_mut(link) {
                Stats::count(&mut stats.refused);
            }
            return;
        }
        if packet.via == Via::OneShot {
            let is_of_use = self
                .querier
                .handle_one_shot(now, link, message, &self.responder);
            if !is_of_use && let Some(stats) = self.responder.stats_mut(link) {
                Stats::count(&mut stats.refused);
            }
        } else if flags.response() {
            // The defence of a name that we are probing for may come by unicast.
            if !config.asks_only
                && (packet.via == Via::Multicast
                    || self.responder.expects_unicast(Now::of(now), link))
            {
                self.responder
                    .handle_response(Now::of(now), link, packet.source.ip(), message);
                self.settle_own(now);
            }
            self.querier
                .handle_response(now, link, message, packet.via, &self.responder);
        } else {
            if !config.asks_only {
                self.responder
                    .handle_query(Now::of(now), link, &packet, message, is_near);
            }
            if packet.via == Via::Multicast && packet.source.port() == PORT {
                self.querier.handle_query(now, link, message);
            }
        }
    }

    /// Own results that are none any more are taken back.
    fn settle_own(&mut self, now: Instant) {
        if self.responder.take_retracted() && self.config.own_results {
            self.querier.verify_own(now, &self.responder);
        }
    }

    fn is_own_address(&self, address: IpAddr) -> bool {
        self.responder.registry().has_address(address)
    }

    /// Whether the source of a datagram is on the link (§11): it is in a network of the interface. A link-local address is too, if the
    /// interface has one of that kind or a route to them, unless the hop limit says that a router may have forwarded the datagram.
    fn is_near(&self, link: LinkId, config: LinkConfig, packet: &Packet<'_>) -> bool {
        let source = packet.source.ip();
        let may_be_link_local =
            is_link_local(source) && packet.hop_limit.is_none_or(|limit| limit == HOP_LIMIT);
        if may_be_link_local && self.responder.has_link_local_route(link) {
            return true;
        }
        let mut subnets = self.responder.registry().addresses(config.interface);
        subnets.any(|subnet| {
            let is_same_kind = may_be_link_local
                && is_link_local(subnet.address)
                && Family::of(&subnet.address) == Family::of(&source);
            is_same_kind || subnet.contains(source)
        })
    }

    /// Goes on with what time alone moves. It is enough to call it when [`poll_timeout`](Self::poll_timeout) has come.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(now) = self.clock(now) else { return };
        self.responder.handle_timeout(Now::of(now));
        self.querier.handle_timeout(now, &self.responder);
    }

    /// The next datagram to be sent, on whatever link, written into `buffer`; what is polled counts as sent.
    ///
    /// The buffer should hold [`Config::packet_max`] bytes, and at least 512.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let now = self.clock(now)?;
        // Each link has its turn, so that a busy one does not keep the others waiting.
        let tries = self.responder.links_bound().saturating_mul(2).max(256);
        for _ in 0..tries {
            let link = LinkId(self.turn);
            if let Some(transmit) = self.poll_link(now, link, buffer) {
                return Some(transmit);
            }
            self.turn = self.turn.wrapping_add(1);
            if u32::from(self.turn) >= self.responder.links_bound() {
                self.turn = 0;
            }
            if u32::from(link.0) + 1 >= self.responder.links_bound() && !self.is_due(now) {
                break;
            }
        }
        None
    }

    fn is_due(&self, now: Instant) -> bool {
        self.links().any(|link| self.link_due(link) <= now)
    }

    fn links(&self) -> impl Iterator<Item = LinkId> {
        (0..self.responder.links_bound()).map(LinkId::of)
    }

    fn link_due(&self, link: LinkId) -> Instant {
        if self.is_writable(link) {
            self.responder
                .next(self.now, link)
                .min(self.querier.next_transmit(link))
        } else {
            Instant::MAX
        }
    }

    fn poll_link(&mut self, now: Instant, link: LinkId, buffer: &mut [u8]) -> Option<Transmit> {
        if !self.is_writable(link) {
            return None;
        }
        let room = buffer.len().min(self.config.packet_max);
        let buffer = buffer.get_mut(..room)?;
        // §7.2: the rest of the known answers follows at once.
        let is_continuing = self.querier.is_continuing(link);
        let answer = if is_continuing {
            None
        } else {
            self.responder.poll_transmit(Now::of(now), link, buffer)
        };
        let (destination, source, len) = match answer {
            Some((destination, len)) => (destination, SourcePort::Mdns, len),
            None => {
                let (source, len) = self.querier.poll_transmit(now, link, buffer)?;
                (Destination::Multicast, source, len)
            }
        };
        let bytes = buffer.get(..len).unwrap_or(&[]);
        if destination == Destination::Multicast {
            self.echoes.remember(now, link, source, bytes);
            if self.querier.wants_own()
                && let Ok(message) = &Message::parse(bytes)
                && message.header().flags.response()
            {
                self.querier.handle_own(now, link, message, &self.responder);
            }
        }
        if let Some(stats) = self.responder.stats_mut(link) {
            Stats::count(&mut stats.sent);
        }
        Some(Transmit {
            link,
            source,
            destination,
            len,
        })
    }

    /// The next thing to tell the application.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if let Some(told) = self.responder.poll_event() {
            return self.event(told);
        }
        self.querier.poll_event(self.now).map(Event::Discovery)
    }

    fn event(&self, told: OwnEvent) -> Option<Event<'_>> {
        Some(match told {
            OwnEvent::Service(service, news) => {
                let name = self.service_name(service)?;
                if news == Notice::Renamed {
                    Event::Renamed { service, name }
                } else {
                    Event::Registered { service, name }
                }
            }
            OwnEvent::Name(claim, news) => {
                let registry = self.responder.registry();
                let name = registry.claim_name(claim);
                if news == Notice::Lost {
                    Event::NameLost { name }
                } else {
                    Event::NameRegistered { name }
                }
            }
            OwnEvent::Host(host, news) => {
                let name = self.host_name(host)?;
                if news == Notice::Renamed {
                    Event::HostRenamed { host, name }
                } else {
                    Event::HostRegistered { host, name }
                }
            }
        })
    }

    /// When to come back: at once while anything is still to be sent or told; `None` when nothing will ever be.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.is_started {
            return None;
        }
        if self.responder.has_events() {
            return Some(self.now);
        }
        let links = self
            .links()
            .map(|link| self.link_due(link))
            .min()
            .unwrap_or(Instant::MAX);
        // What has come already has come now.
        let next = links.min(self.querier.next_timer());
        next.deadline().map(|next| next.max(self.now))
    }

    /// What was counted on a link.
    pub fn stats(&self, link: LinkId) -> Option<Stats> {
        let mut stats = *self.responder.stats(link)?;
        self.querier.count(link, &mut stats);
        Some(stats)
    }
}

/// Whether an address can be that of a host: a datagram from anything else asks for trouble.
fn is_host(source: SocketAddr) -> bool {
    let is_nobody = match source.ip() {
        IpAddr::V4(address) => {
            address.is_unspecified() || address.is_multicast() || address.is_broadcast()
        }
        IpAddr::V6(address) => address.is_unspecified() || address.is_multicast(),
    };
    source.port() != 0 && !is_nobody
}
