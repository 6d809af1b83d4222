//! The machine that adapters drive: a host, its links, a clock, and those who are told.

use std::{
    fmt, io,
    net::IpAddr,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use mdns_proto::{
    discovery::{AddressKind, AskError, AskId, Details, Span},
    host::{Event, Host},
    link::{InterfaceId, Packet, Via},
    name::{META_QUERY, Name, NameBuf, ServiceType, check_host},
    own::{HostId, RegisterError, ServiceId},
    store::Heap,
    time::Instant,
    wire::{RecordType, Txt},
};
use mdns_socket::{Interface, Received, Selection};
use tracing::{Level, debug, info};

use crate::{
    AdvertisementEvent, Announcement, BackendInfo, BrowseNews, Clock, Error, Instance, LinkInfo,
    LookupNews, Options, OwnId, QueryNews, ResolveNews, Socket, SourceId, SystemClock,
    UnusableLink,
    clock::Reading,
    daemon::Daemons,
    links::{Kind, Links},
    options,
    ours::{Ours, Update, precomposed},
    owned::InterfaceNames,
    subscribers::{Asks, Subscription},
    survey::{Survey, Wanted},
    waiting::{AlarmId, Deferred, Waiting},
};

/// Room for the largest datagram (RFC 6762 §17).
pub(crate) const BUFFER: usize = 9000;

/// How many errors of a socket in a row may come before it counts as empty.
const ERRORS: usize = 8;

/// How long goodbyes may take (RFC 6762 §10.1; the core says them within a second).
const GOODBYE: Duration = Duration::from_millis(1200);

/// Where a driver is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Runs,
    /// Goodbyes are being said, until then at the latest.
    Ends(Instant),
    Ended,
}

/// The machine that adapters drive.
///
/// When it is dropped it says what can be said at once of goodbye, which is all of it if nothing was announced within the
/// last second; [`shutdown`](Self::shutdown), and driving on until it [has ended](Self::has_ended), says all of it.
///
/// Commands may be given at any time; after each, as after every other call, everything that can be sent has been sent, and
/// [`timeout`](Self::timeout) may have changed.
///
/// ```no_run
/// use mdns_driver::{Driver, Options, BrowseNews};
///
/// let mut driver = Driver::open(Options::default())?;
/// let browse = driver.browse(&"_ipp._tcp".parse()?)?;
/// loop {
///     // Wait until a socket of `driver.sources()` is readable, at most for `driver.timeout()`; then:
///     for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
///         // Not for ever: in a flood there is always one more.
///         (0..64).all(|_| driver.read(source).is_ok());
///     }
///     driver.handle_timeout();
///     while let Some(event) = driver.next::<BrowseNews>(browse) {
///         println!("{event:?}");
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Driver {
    host: Host<Heap>,
    /// `None` where the time is brought: handles read their clock before they lock the driver.
    clock: Option<Box<dyn Clock>>,
    read: Reading,
    now: Instant,
    life: Life,
    links: Links,
    buffer: Box<[u8]>,
    ours: Ours,
    asks: Asks,
    waiting: Waiting,
    daemons: Daemons,
}

impl Driver {
    /// A driver on the clocks of the system, whose links are open when this returns.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(options: Options) -> Result<Driver, Error> {
        Driver::with_clock(options, Box::new(SystemClock::new()))
    }

    /// A driver on other clocks.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn with_clock(options: Options, clock: Box<dyn Clock>) -> Result<Driver, Error> {
        let read = Reading::of(&*clock);
        let now = read.now();
        let mut host = Host::started(options.config, now, getrandom::u64()?);
        let mut links = Links::new(options.interfaces);
        let own_results = options.config.own_results;
        let mut daemons = Daemons::start(now, options.backend, own_results, &mut links)?;
        let is_name_chosen = options.host_name.is_some();
        let name = match options.host_name {
            Some(name) => precomposed(&name),
            None => {
                let system = mdns_socket::host_name();
                // A daemon that comes later must find its name free.
                let is_alone = links.is_alone() && !daemons.may_share_host_name();
                let name = options::host_name(system.as_deref(), is_alone, mdns_socket::machine_id);
                if system.as_ref() != Some(&name) {
                    info!(
                        ?system,
                        name,
                        is_alone = links.is_alone(),
                        "host name made of the system's"
                    );
                }
                name
            }
        };
        check_host(&name).map_err(Error::HostName)?;
        let mut survey = Survey::new(links.selection(), Vec::new());
        let mut opened = links.handle_survey(now, &mut host, &mut survey);
        if links.is_empty()
            && let Err(Error::Socket(error)) = &opened
            && daemons.fall_back(now, &mut links, &error.to_string())
        {
            let mut survey = Survey::new(links.selection(), Vec::new());
            opened = links.handle_survey(now, &mut host, &mut survey);
        }
        if links.is_empty() {
            opened?;
            info!("no network yet");
        }
        let mut ours = Ours::new(name);
        daemons.set_up(&mut ours, is_name_chosen);
        let mut driver = Driver {
            host,
            clock: Some(clock),
            read,
            now,
            life: Life::Runs,
            links,
            buffer: vec![0; BUFFER].into(),
            ours,
            asks: Asks::new(options.results_max),
            waiting: Waiting::default(),
            daemons,
        };
        driver.drain();
        Ok(driver)
    }

    // --- what an event loop does ---

    /// The sockets to wait for. Numbers rise and are never used again, so that a loop sees what is new and what has gone.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &std::sync::Arc<Socket>)> {
        self.links
            .sources()
            .iter()
            .map(|(id, socket)| (*id, socket))
    }

    /// Reads one datagram, or one burst of changes, and does what follows from it.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), and no other, when there is nothing to read: wait until the socket is
    /// readable again.
    pub fn read(&mut self, source: SourceId) -> io::Result<()> {
        let nothing = || io::Error::from(io::ErrorKind::WouldBlock);
        self.tick();
        let socket = self.links.socket(source).ok_or_else(nothing)?;
        #[cfg(all(unix, feature = "daemon"))]
        if let Kind::Daemon(_) = socket.kind() {
            let (host, links, ours) = (&mut self.host, &mut self.links, &mut self.ours);
            self.daemons.read(self.now, host, links, ours)?;
            self.drain();
            return Ok(());
        }
        let received = match socket.kind() {
            #[cfg(all(unix, feature = "daemon"))]
            Kind::Daemon(_) => return Err(nothing()),
            Kind::Watcher(watcher) => {
                self.links.handle_change(self.now, source, watcher.drain());
                return Err(nothing());
            }
            Kind::Link(socket) => receive(
                |buffer| socket.recv_from(buffer),
                &mut self.buffer,
                &mut self.waiting.deferred,
            )?,
            Kind::Unicast(socket, _) => receive(
                |buffer| socket.recv_from(buffer),
                &mut self.buffer,
                &mut self.waiting.deferred,
            )?,
            Kind::OneShot(socket) => receive(
                |buffer| socket.recv_from(buffer),
                &mut self.buffer,
                &mut self.waiting.deferred,
            )?,
        };
        // Where sockets cannot be bound to the group, they get unicast too.
        let is_unicast = received.destination.is_some_and(|to| !to.is_multicast());
        let (link, via) = match (socket.kind(), received.interface) {
            (Kind::Unicast(_, family), Some(interface)) => {
                (self.links.link_on(interface, *family), Via::Unicast)
            }
            (Kind::Unicast(..), None) => (None, Via::Unicast),
            (Kind::OneShot(_), by) => (self.links.one_shot_link_of(source, by), Via::OneShot),
            _ => (
                self.links.link_of(source),
                if is_unicast {
                    Via::Unicast
                } else {
                    Via::Multicast
                },
            ),
        };
        let bytes = self.buffer.get(..received.len).unwrap_or_default();
        if let (Some(link), false) = (link, bytes.is_empty()) {
            self.host.handle_packet(
                self.now,
                link,
                Packet {
                    source: received.source,
                    via,
                    hop_limit: received.hop_limit,
                    bytes,
                },
            );
            self.drain();
        }
        Ok(())
    }

    /// Whether a socket is to be waited for until it can take a datagram.
    pub fn wants_write(&self, source: SourceId) -> bool {
        self.links.wants_write(source)
    }

    /// Sends what a socket had no room for.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), and no other, when it still has none.
    pub fn write(&mut self, source: SourceId) -> io::Result<()> {
        self.tick();
        self.links.write(self.now, &mut self.host, source)?;
        self.drain();
        Ok(())
    }

    /// The event loop cannot wait for a socket; what it is for is tried again later.
    pub fn refuse(&mut self, source: SourceId, error: &io::Error) {
        self.links.refuse(self.now, &mut self.host, source, error);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if only a socket or a command can bring something new.
    pub fn deadline(&self) -> Option<Instant> {
        let ends = match self.life {
            Life::Runs => None,
            Life::Ends(at) => Some(at),
            Life::Ended => return None,
        };
        let (host, links, waiting) = (&self.host, &self.links, &self.waiting);
        let daemons = self.daemons.deadline();
        [
            host.poll_timeout(),
            links.look_due(),
            waiting.due(),
            ends,
            daemons,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// How long it is until the [`deadline`](Self::deadline).
    pub fn timeout(&mut self) -> Option<Duration> {
        self.tick();
        self.deadline().map(|at| at - self.now)
    }

    /// Goes on with what time alone moves. It does no harm to call it early.
    pub fn handle_timeout(&mut self) {
        self.tick();
        if self.life == Life::Ended {
            return;
        }
        if self.clock.is_some()
            && let Some(look) = self.begin_look()
        {
            self.handle_survey(look.survey());
        }
        self.host.handle_timeout(self.now);
        self.waiting.handle_timeout(self.now);
        let (host, links, ours) = (&mut self.host, &mut self.links, &mut self.ours);
        self.daemons.handle_timeout(self.now, host, links, ours);
        self.drain();
    }

    /// If it is time to look at the interfaces: what is needed for it. [`handle_survey`](Self::handle_survey) takes the result.
    pub(crate) fn begin_look(&mut self) -> Option<Look> {
        if self.life == Life::Ended || self.links.look_due().is_none_or(|at| at > self.now) {
            return None;
        }
        self.links.set_looked();
        Some(Look {
            selection: self.links.selection().clone(),
            services: self.ours.selections(),
        })
    }

    /// Goes on with what a look at the interfaces has found. Returns it, to be dropped when the driver is not locked.
    pub(crate) fn handle_survey(&mut self, mut survey: Survey) -> Survey {
        self.tick();
        if self.life == Life::Ended {
            return survey;
        }
        let (host, links) = (&mut self.host, &mut self.links);
        // What went wrong has been logged, and is tried again.
        let _ = links.handle_survey(self.now, host, &mut survey);
        if !self.ours.handle_survey(self.now, host, links, &survey) {
            links.look_at(self.now);
        }
        self.daemons
            .handle_survey(self.now, host, links, &mut self.ours);
        self.drain();
        survey
    }

    /// Withdraws everything and says goodbye. After at most a second the driver [has ended](Self::has_ended).
    pub fn shutdown(&mut self) {
        self.tick();
        if self.life == Life::Runs {
            self.life = Life::Ends(self.now + GOODBYE);
            self.host.shutdown(self.now);
            self.daemons.withdraw_all();
            self.drain();
        }
    }

    /// Whether all is over: sockets are closed, and nobody is told anything any more.
    pub fn has_ended(&self) -> bool {
        self.life == Life::Ended
    }

    /// Ends at once, without goodbye: the event loop is gone.
    pub fn abandon(&mut self) {
        if self.life == Life::Ended {
            return;
        }
        self.life = Life::Ended;
        self.daemons.end();
        self.links.close_all(self.now, &mut self.host);
        self.waiting.end();
        self.ours.end(&mut self.waiting.deferred);
        self.asks.end(&mut self.waiting.deferred);
    }

    /// Reads the clocks, unless the time is brought.
    fn tick(&mut self) {
        if let Some(clock) = &self.clock {
            let read = Reading::of(&**clock);
            self.set_time(read);
        }
    }

    /// The clock, for one who brings the time from now on with [`set_time`](Self::set_time), and does what is
    /// [put off](Self::take_deferred) himself.
    pub(crate) fn take_clock(&mut self) -> Box<dyn Clock> {
        self.clock
            .take()
            .unwrap_or_else(|| Box::new(SystemClock::new()))
    }

    /// What others' code is to be called for now. A driver with a clock of its own does so itself.
    pub(crate) fn take_deferred(&mut self) -> Deferred {
        let mut deferred = std::mem::take(&mut self.waiting.deferred);
        deferred.append(std::mem::take(&mut self.links.deferred));
        deferred.append(self.daemons.take_deferred());
        deferred
    }

    /// It is this late now.
    pub(crate) fn set_time(&mut self, read: Reading) {
        let has_slept = self.read.replace(read);
        self.now = self.now.max(read.now());
        if has_slept && self.life == Life::Runs {
            self.waiting.deferred.log(Level::INFO, || {
                info!("the machine has slept, or its clock was set");
            });
            self.host.resumed(self.now);
            self.links.look_at(self.now);
        }
    }

    /// Sends what is to be sent and tells what is to be told.
    fn drain(&mut self) {
        while let Some(transmit) = self.host.poll_transmit(self.now, &mut self.buffer) {
            let bytes = self.buffer.get(..transmit.len).unwrap_or_default();
            #[cfg(all(unix, feature = "daemon"))]
            if self.links.is_to_daemon(transmit.link) {
                self.daemons
                    .ask(self.now, &self.links, transmit.link, bytes);
                continue;
            }
            self.links.send(self.now, &mut self.host, transmit, bytes);
        }
        let Driver {
            host,
            links,
            ours,
            asks,
            waiting: Waiting { deferred, .. },
            daemons,
            now,
            ..
        } = self;
        while let Some(event) = host.poll_event() {
            match event {
                Event::Registered { service, name } => {
                    deferred.log_name(name, |name| info!(%name, "registered"));
                    deferred.wake(ours.set_registered(service, name));
                }
                Event::Renamed { service, name } => {
                    deferred.log_name(name, |name| {
                        info!(%name, "another has the name, this one is tried");
                    });
                    deferred.wake(ours.set_renamed(service, name));
                    daemons.note_own(service.into());
                }
                Event::HostRegistered { host, name } => {
                    deferred.log_name(name, |name| info!(%name, "host name registered"));
                    deferred.wake(ours.set_registered(host, name));
                }
                Event::HostRenamed { host, name } => {
                    deferred.log_name(name, |name| {
                        info!(%name, "another has the host name, this one is tried");
                    });
                    deferred.wake(ours.set_renamed(host, name));
                    daemons.note_own(host.into());
                }
                Event::Discovery(event) => {
                    daemons.note_change(*now);
                    asks.tell(event, &Known { links, ours }, deferred);
                }
                _ => {}
            }
        }
        if self.life == Life::Runs {
            daemons.sync(host, links, ours);
        }
        if self.waiting.wants_silence() && self.is_silent() {
            self.waiting.end_silence();
        }
        if let Life::Ends(at) = self.life
            && (self.is_silent() || at <= self.now)
        {
            self.abandon();
        }
        self.release();
    }

    /// Calls others' code, unless the one who brings the time does.
    fn release(&mut self) {
        if self.clock.is_some() {
            self.take_deferred().release();
        }
    }

    // --- what is ours ---

    /// Advertises a service, under another name if another has the one that is wished for. Names are brought into
    /// precomposed form (NFC), as RFC 6762 §16 has it.
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Closed`](RegisterError::Closed) after [`shutdown`](Self::shutdown).
    pub fn advertise(&mut self, announcement: &Announcement) -> Result<ServiceId, RegisterError> {
        let (seen, generation) = self.links.seen();
        let selection = announcement.interfaces.as_ref();
        let wanted = selection.map(|selection| Wanted::new(selection, seen));
        self.advertise_on(announcement, wanted.as_ref(), generation)
            // The links have not changed since.
            .unwrap_or(Err(RegisterError::Closed))
    }

    /// The interfaces as they were last seen, and a number that changes with them.
    pub(crate) fn seen(&self) -> (Vec<Interface>, u64) {
        let (seen, generation) = self.links.seen();
        (seen.to_vec(), generation)
    }

    /// Advertises a service on those interfaces that it wants. `None` if these have changed since that was found out.
    pub(crate) fn advertise_on(
        &mut self,
        announcement: &Announcement,
        wanted: Option<&Wanted>,
        generation: u64,
    ) -> Option<Result<ServiceId, RegisterError>> {
        self.tick();
        if self.life != Life::Runs {
            return Some(Err(RegisterError::Closed));
        }
        if self.links.seen().1 != generation {
            return None;
        }
        let (host, links) = (&mut self.host, &self.links);
        let added = self
            .ours
            .add_service(self.now, host, links, announcement, wanted);
        if let Ok(service) = added {
            self.daemons.note_own(service.into());
        }
        self.drain();
        Some(added)
    }

    /// Advertises a host by itself: its name, one label without `.local`, for the addresses of this host. `None` is the name of
    /// this host. It may also have services, before and after.
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Taken`](RegisterError::Taken) when it is advertised by itself already,
    /// [`Closed`](RegisterError::Closed) after [`shutdown`](Self::shutdown).
    pub fn advertise_host(&mut self, label: Option<&str>) -> Result<HostId, RegisterError> {
        self.tick();
        if self.life != Life::Runs {
            return Err(RegisterError::Closed);
        }
        let added = self.ours.add_host(self.now, &mut self.host, label);
        if let Ok(host) = added {
            self.daemons.note_own(host.into());
        }
        self.drain();
        added
    }

    /// Replaces the TXT data of a service, and announces them.
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Closed`](RegisterError::Closed) after [`shutdown`](Self::shutdown).
    pub fn update_txt(&mut self, service: ServiceId, txt: Txt<'_>) -> Result<(), RegisterError> {
        self.tick();
        if self.life != Life::Runs {
            return Err(RegisterError::Closed);
        }
        self.host.update_txt(self.now, service, txt)?;
        self.ours.update(service, Update::Txt(txt));
        self.daemons.note_own(service.into());
        self.drain();
        Ok(())
    }

    /// Replaces the port of a service, and announces it.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn update_port(&mut self, service: ServiceId, port: u16) -> Result<(), RegisterError> {
        self.tick();
        self.host.update_port(self.now, service, port)?;
        self.ours.update(service, Update::Port(port));
        self.daemons.note_own(service.into());
        self.drain();
        Ok(())
    }

    /// Replaces the subtypes of a service: new ones are announced, those that are not among them any more say goodbye.
    ///
    /// # Errors
    /// See [`RegisterError`]. Nothing has changed then.
    pub fn update_subtypes(
        &mut self,
        service: ServiceId,
        subtypes: &[String],
    ) -> Result<(), RegisterError> {
        self.tick();
        let labels: Vec<&str> = subtypes.iter().map(String::as_str).collect();
        self.host.update_subtypes(self.now, service, &labels)?;
        self.ours.update(service, Update::Subtypes(subtypes));
        self.daemons.note_own(service.into());
        self.drain();
        Ok(())
    }

    /// Withdraws a service or a host, and says goodbye. This host's own name stays.
    pub fn withdraw(&mut self, own: impl Into<OwnId>) {
        self.tick();
        let (host, deferred) = (&mut self.host, &mut self.waiting.deferred);
        let own = own.into();
        if self.ours.remove(self.now, host, own, deferred) {
            self.daemons.note_own(own);
            self.drain();
        }
    }

    /// Whether every goodbye that is owed has been said.
    pub fn is_silent(&self) -> bool {
        self.host.is_silent() && !self.links.is_waiting() && self.daemons.is_silent()
    }

    /// The full name of a service or a host as it is now, and whether it is announced under it; `None` if it is not advertised
    /// any more.
    pub fn advertised(&self, own: impl Into<OwnId>) -> Option<(&NameBuf, bool)> {
        self.ours.name(own.into())
    }

    /// What has changed about a service or a host since this was last asked: the latest, if anything.
    pub fn next_change(&mut self, own: impl Into<OwnId>) -> Option<AdvertisementEvent> {
        self.ours.next_change(own.into())
    }

    /// Wakes a task when something changes about a service or a host.
    pub(crate) fn wake_on_change(&mut self, own: OwnId, waker: Waker) {
        self.ours
            .wake_on_change(own, &mut self.waiting.deferred, waker);
    }

    /// The full name of the host that a service runs on, as it is now; `None` if it is not advertised any more.
    pub fn service_host(&self, own: impl Into<OwnId>) -> Option<NameBuf> {
        self.ours.host_of(&self.host, own.into())
    }

    /// The full name of this host as it is now, such as `hall.local`. It is claimed when something is first advertised on
    /// it, and kept until the end.
    pub fn host_name(&self) -> NameBuf {
        self.ours.main_host_name(&self.host)
    }

    /// Who asks and publishes now, and why.
    pub fn backend(&self) -> BackendInfo {
        self.daemons.info()
    }

    /// All open links.
    pub fn links(&self) -> impl Iterator<Item = LinkInfo> {
        self.links.infos(&self.host)
    }

    /// The links that are to be used and could not be opened: where another program has the port and does not share it, for example.
    pub fn unusable_links(&self) -> &[UnusableLink] {
        self.links.unusable()
    }

    // --- what is wanted ---

    /// Looks for instances of a service type, or of a subtype.
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown), here and in the others.
    pub fn browse(&mut self, service_type: &ServiceType) -> Result<AskId, AskError> {
        self.browse_with(service_type, Details::default())
    }

    /// Looks for instances as [`browse`](Self::browse) does, and says what is asked for beside their names.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn browse_with(
        &mut self,
        service_type: &ServiceType,
        details: Details,
    ) -> Result<AskId, AskError> {
        self.ask::<BrowseNews>(|host, now| host.browse_with(now, service_type.as_name(), details))
    }

    /// Looks for service types (RFC 6763 §9).
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn browse_types(&mut self) -> Result<AskId, AskError> {
        self.ask::<BrowseNews>(|host, now| host.browse(now, META_QUERY))
    }

    /// Resolves an instance, and keeps it up to date.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn resolve(&mut self, instance: Name<'_>) -> Result<AskId, AskError> {
        self.ask::<ResolveNews>(|host, now| host.resolve(now, instance))
    }

    /// Looks up the addresses of a host, and keeps them up to date.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn lookup_host(&mut self, name: Name<'_>, kind: AddressKind) -> Result<AskId, AskError> {
        self.ask::<LookupNews>(|host, now| host.lookup_host(now, name, kind))
    }

    /// Asks for the PTR records of an address: the names of the host that has it.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn reverse(&mut self, address: IpAddr, span: Span) -> Result<AskId, AskError> {
        self.ask::<QueryNews>(|host, now| host.reverse(now, address, span))
    }

    /// Asks for records of one type.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn query(
        &mut self,
        name: Name<'_>,
        rtype: RecordType,
        span: Span,
    ) -> Result<AskId, AskError> {
        self.ask::<QueryNews>(|host, now| host.query(now, name, rtype, span))
    }

    fn ask<N: Subscription>(
        &mut self,
        command: impl FnOnce(&mut Host<Heap>, Instant) -> Result<AskId, AskError>,
    ) -> Result<AskId, AskError> {
        self.tick();
        if self.life != Life::Runs {
            return Err(AskError::Closed);
        }
        let ask = command(&mut self.host, self.now)?;
        N::of(&mut self.asks).add(ask);
        self.drain();
        Ok(ask)
    }

    /// The next news of what was asked for.
    pub fn next<N: Subscription>(&mut self, ask: AskId) -> Option<N::Event> {
        N::of(&mut self.asks).next(ask)
    }

    /// The same for a task, which is woken when there is some; `Ready(None)` when there never will be.
    pub(crate) fn poll_next<N: Subscription>(
        &mut self,
        ask: AskId,
        waker: Waker,
    ) -> Poll<Option<N::Event>> {
        N::of(&mut self.asks).poll_next(ask, &mut self.waiting.deferred, waker)
    }

    /// The instances that a browse knows now.
    pub fn snapshot(&self, browse: AskId) -> Vec<Instance> {
        self.asks.snapshot(browse)
    }

    /// Says that an instance seems to be gone: a connection to it failed, for example. It is asked for again, and is gone
    /// after ten seconds if nobody answers (RFC 6762 §10.4). The news come as ever.
    ///
    /// # Errors
    /// [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn reconfirm(&mut self, instance: Name<'_>) -> Result<(), AskError> {
        self.tick();
        if self.life != Life::Runs {
            return Err(AskError::Closed);
        }
        self.host.reconfirm_instance(self.now, instance);
        self.drain();
        Ok(())
    }

    /// Whether nothing more is to be expected soon of a resolve, a look-up or a query: each record that it asks for is known, or its
    /// owner has said that there is none. Another link may still have more of them. Never so of a browse.
    pub fn is_complete(&self, ask: AskId) -> bool {
        self.host.is_complete(ask)
    }

    /// Ends what was asked for.
    pub fn stop<N: Subscription>(&mut self, ask: AskId) {
        self.tick();
        if let Some(waker) = N::of(&mut self.asks).remove(ask) {
            self.waiting.deferred.discard(waker);
            self.host.stop(self.now, ask);
            self.daemons.note_change(self.now);
            self.drain();
        }
    }

    // --- those who wait ---

    /// Wakes a task at some time from now; `None` if all is over.
    pub(crate) fn set_alarm(&mut self, after: Duration, waker: Waker) -> Option<AlarmId> {
        self.tick();
        if self.life == Life::Ended {
            self.waiting.deferred.discard([waker]);
            return None;
        }
        Some(self.waiting.set_alarm(self.now + after, waker))
    }

    /// The tasks that wait.
    pub(crate) fn waiting(&mut self) -> &mut Waiting {
        &mut self.waiting
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("life", &self.life)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

/// What is known beside the core of what it tells.
struct Known<'a> {
    links: &'a Links,
    ours: &'a Ours,
}

impl InterfaceNames for Known<'_> {
    fn name_of(&self, interface: InterfaceId) -> Arc<str> {
        self.links.name_of(interface)
    }

    fn is_published(&self, name: Name<'_>) -> bool {
        self.ours.is_published(name)
    }
}

/// A look at the interfaces that is due.
pub(crate) struct Look {
    selection: Selection,
    services: Vec<(ServiceId, Selection)>,
}

impl Look {
    /// Looks. The driver must not be locked.
    pub(crate) fn survey(self) -> Survey {
        Survey::new(&self.selection, self.services)
    }
}

/// Reads one datagram. An error of the moment says nothing about the next; many in a row mean that there is none.
fn receive(
    mut read: impl FnMut(&mut [u8]) -> io::Result<Received>,
    buffer: &mut [u8],
    deferred: &mut Deferred,
) -> io::Result<Received> {
    for _ in 0..ERRORS {
        match read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) => deferred.log(Level::DEBUG, move || debug!("cannot receive: {error}")),
            Ok(received) => return Ok(received),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> Received {
        Received {
            len: 7,
            source: ([127, 0, 0, 1], 5353).into(),
            destination: None,
            interface: None,
            hop_limit: None,
        }
    }

    /// What an ICMP message or a signal did to a socket hides no datagram; a socket that does nothing but fail is left alone.
    ///
    /// covers: SEC-25
    #[test]
    fn an_error_of_the_moment_is_not_the_end() {
        use io::ErrorKind::{ConnectionRefused, Interrupted, NetworkDown, WouldBlock};
        let mut told = vec![
            Err(ConnectionRefused.into()),
            Err(Interrupted.into()),
            Err(NetworkDown.into()),
            Ok(received()),
        ]
        .into_iter();
        let mut read = |_: &mut [u8]| told.next().unwrap_or(Err(WouldBlock.into()));
        let deferred = &mut Deferred::default();
        assert_eq!(receive(&mut read, &mut [], deferred).unwrap(), received());
        assert_eq!(
            receive(&mut read, &mut [], deferred).unwrap_err().kind(),
            WouldBlock
        );

        let mut tries = 0;
        let broken = |_: &mut [u8]| {
            tries += 1;
            Err(ConnectionRefused.into())
        };
        assert_eq!(
            receive(broken, &mut [], deferred).unwrap_err().kind(),
            WouldBlock
        );
        assert_eq!(tries, ERRORS);
    }
}
