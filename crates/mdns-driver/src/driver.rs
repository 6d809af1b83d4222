//! The machine that adapters drive: a host, its links, a clock, and those who are told.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, io,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mdns_proto::{
    discovery::{AddressKind, AskError, AskId, Event as Discovery, Span},
    host::{Event, Host},
    link::{Packet, Via},
    name::{META_QUERY, Name, NameBuf, ServiceType, check_host},
    own::{HostId, RegisterError, Service, ServiceId},
    store::Heap,
    time::Instant,
    wire::{RecordType, Txt},
};
use mdns_socket::Received;
use tracing::{debug, info};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    Announcement, Answer, BrowseNews, Clock, Error, Instance, LinkInfo, LookupNews, News, Options,
    QueryNews, ResolveNews, Socket, SourceId, SystemClock,
    clock::Time,
    links::{Kind, Links},
    options,
    owned::Address,
    subscribers::{Subscribers, keep},
};

/// Room for the largest datagram (RFC 6762 §17).
const BUFFER: usize = 9000;

/// How many errors of a socket in a row may come before it counts as empty.
const ERRORS: usize = 8;

/// How long goodbyes may take (RFC 6762 §10.1; the core says them within a second).
const GOODBYE: Duration = Duration::from_millis(1200);

/// Text as it goes into names: precomposed, or the same word typed on two systems would be two names (RFC 6762 §16).
fn precomposed(text: &str) -> String {
    text.nfc().collect()
}

/// News of something advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdvertisementEvent {
    /// The service is announced under this name.
    Registered(NameBuf),
    /// Another has the name; this one is tried next.
    Renamed(NameBuf),
}

/// A service that is advertised.
#[derive(Debug)]
struct Advertised {
    name: NameBuf,
    host: HostId,
    is_registered: bool,
    is_news: bool,
    waker: Option<Waker>,
}

/// The number of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlarmId(Instant, u64);

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
/// let Some(browse) = driver.browse(&"_ipp._tcp".parse()?)? else { return Ok(()) };
/// loop {
///     // Wait until a socket of `driver.sources()` is readable, at most for `driver.timeout()`; then:
///     for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
///         while driver.read(source).is_ok() {}
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
    time: Time,
    now: Instant,
    life: Life,
    links: Links,
    buffer: Box<[u8]>,
    /// The name of this host as it was asked for, and its number once something is advertised on it.
    main_host: (String, Option<HostId>),
    /// Other names that services asked for. Each is on one of them.
    extra_hosts: Vec<(String, HostId)>,
    advertised: HashMap<ServiceId, Advertised>,
    browses: Subscribers<BrowseNews>,
    resolves: Subscribers<ResolveNews>,
    lookups: Subscribers<LookupNews>,
    queries: Subscribers<QueryNews>,
    /// Those who wait until everything is said.
    silence: Vec<Waker>,
    alarms: BTreeMap<AlarmId, Waker>,
    alarm_count: u64,
    /// Those to be woken as soon as nobody holds the driver.
    ///
    /// All wakers leave by this way, also those that are needed no more: to drop one may be to drop a task, and handles with
    /// it, which come back to the driver.
    woken: Vec<Waker>,
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
        let mut time = Time::new(clock);
        let (now, _) = time.read();
        let mut host = Host::started(options.config, now, getrandom::u64()?);
        let mut links = Links::new(options.interfaces);
        let name = match options.host_name {
            Some(name) => precomposed(&name),
            None => {
                let system = mdns_socket::host_name();
                options::host_name(system.as_deref(), links.is_alone(), getrandom::u32()?)
            }
        };
        check_host(&name).map_err(Error::HostName)?;
        let opened = links.look(now, &mut host);
        if links.is_empty() {
            opened?;
            info!("no network yet");
        }
        let mut driver = Driver {
            host,
            time,
            now,
            life: Life::Runs,
            links,
            buffer: vec![0; BUFFER].into(),
            main_host: (name, None),
            extra_hosts: Vec::new(),
            advertised: HashMap::new(),
            browses: Subscribers::default(),
            resolves: Subscribers::default(),
            lookups: Subscribers::default(),
            queries: Subscribers::default(),
            silence: Vec::new(),
            alarms: BTreeMap::new(),
            alarm_count: 0,
            woken: Vec::new(),
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
        let received = match socket.kind() {
            Kind::Watcher(watcher) => {
                self.links.handle_change(self.now, source, watcher.drain());
                return Err(nothing());
            }
            Kind::Link(socket) => receive(|buffer| socket.recv_from(buffer), &mut self.buffer)?,
            Kind::Unicast(socket, _) => {
                receive(|buffer| socket.recv_from(buffer), &mut self.buffer)?
            }
        };
        // Where sockets cannot be bound to the group, they get unicast too.
        let is_unicast = received.destination.is_some_and(|to| !to.is_multicast());
        let (link, via) = match (socket.kind(), received.interface) {
            (Kind::Unicast(_, family), Some(interface)) => {
                (self.links.link_on(interface, *family), Via::Unicast)
            }
            (Kind::Unicast(..), None) => (None, Via::Unicast),
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
        let alarm = self.alarms.keys().next().map(|AlarmId(at, _)| *at);
        [self.host.poll_timeout(), self.links.look_due(), ends, alarm]
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
        if self.links.look_due().is_some_and(|at| at <= self.now) {
            // What went wrong has been logged, and is tried again.
            let _ = self.links.look(self.now, &mut self.host);
        }
        self.host.handle_timeout(self.now);
        while let Some(alarm) = self.alarms.first_entry()
            && alarm.key().0 <= self.now
        {
            self.woken.push(alarm.remove());
        }
        self.drain();
    }

    /// Withdraws everything and says goodbye. After at most a second the driver [has ended](Self::has_ended).
    pub fn shutdown(&mut self) {
        self.tick();
        if self.life == Life::Runs {
            self.life = Life::Ends(self.now + GOODBYE);
            self.host.shutdown(self.now);
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
        self.links.close_all(self.now, &mut self.host);
        self.woken.append(&mut self.silence);
        self.woken
            .extend(std::mem::take(&mut self.alarms).into_values());
        self.woken.extend(
            self.advertised
                .drain()
                .filter_map(|(_, advertised)| advertised.waker),
        );
        self.browses.end(&mut self.woken);
        self.resolves.end(&mut self.woken);
        self.lookups.end(&mut self.woken);
        self.queries.end(&mut self.woken);
    }

    /// Reads the clocks.
    fn tick(&mut self) {
        let (now, has_slept) = self.time.read();
        self.now = self.now.max(now);
        if has_slept && self.life == Life::Runs {
            info!("the machine has slept, or its clock was set");
            self.host.resumed(self.now);
            self.links.look_at(self.now);
        }
    }

    /// Sends what is to be sent and tells what is to be told.
    fn drain(&mut self) {
        while let Some(transmit) = self.host.poll_transmit(self.now, &mut self.buffer) {
            let bytes = self.buffer.get(..transmit.len).unwrap_or_default();
            self.links.send(self.now, &mut self.host, transmit, bytes);
        }
        let Driver {
            host,
            links,
            advertised,
            browses,
            resolves,
            lookups,
            queries,
            woken,
            ..
        } = self;
        while let Some(event) = host.poll_event() {
            match event {
                Event::Registered { service, name } => {
                    info!(%name, "registered");
                    tell(advertised.get_mut(&service), name, true, woken);
                }
                Event::Renamed { service, name } => {
                    info!(%name, "another has the name, this one is tried");
                    tell(advertised.get_mut(&service), name, false, woken);
                }
                Event::HostRegistered { name, .. } => info!(%name, "host name registered"),
                Event::HostRenamed { name, .. } => {
                    info!(%name, "another has the host name, this one is tried")
                }
                Event::Discovery(event) => match event {
                    Discovery::Found { ask, instance } | Discovery::Changed { ask, instance } => {
                        browses.tell(ask, woken, |news| news.set(Instance::new(instance, links)));
                    }
                    Discovery::Gone { ask, instance } => {
                        browses.tell(ask, woken, |news| {
                            news.remove(&Instance::new(instance, links))
                        });
                    }
                    Discovery::Resolved { ask, instance } => {
                        resolves.tell(ask, woken, |news| {
                            news.set(Some(Instance::new(instance, links)))
                        });
                    }
                    Discovery::Lost { ask, .. } => resolves.tell(ask, woken, |news| news.set(None)),
                    Discovery::Addresses { ask, host } => {
                        lookups.tell(ask, woken, |news| {
                            news.set(Address::all(host.addresses(), links))
                        });
                    }
                    Discovery::Answers { ask, records } => {
                        queries.tell(ask, woken, |news| news.set(Answer::all(records, links)));
                    }
                    Discovery::Finished { ask, outcome } => {
                        queries.tell(ask, woken, |news| news.finish(outcome))
                    }
                    Discovery::Incomplete { ask } => {
                        debug!("memory is too small for all results");
                        browses.tell(ask, woken, BrowseNews::set_incomplete);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        if self.is_silent() {
            self.woken.append(&mut self.silence);
        }
        if let Life::Ends(at) = self.life
            && (self.is_silent() || at <= self.now)
        {
            self.abandon();
        }
    }

    // --- what is ours ---

    /// Advertises a service, under another name if another has the one that is wished for. Names are brought into
    /// precomposed form (NFC), as RFC 6762 §16 has it.
    ///
    /// # Errors
    /// See [`RegisterError`]. `None` when the driver ends.
    pub fn advertise(
        &mut self,
        announcement: &Announcement,
    ) -> Result<Option<ServiceId>, RegisterError> {
        self.tick();
        if self.life != Life::Runs {
            return Ok(None);
        }
        let host = announcement.host.as_deref().map(precomposed);
        let host = self.host_id(host.as_deref())?;
        let instance = precomposed(&announcement.instance);
        let subtypes: Vec<&str> = announcement.subtypes.iter().map(String::as_str).collect();
        let service = Service {
            txt: announcement.txt.as_txt(),
            subtypes: &subtypes,
            host: Some(host),
            ..Service::new(&instance, &announcement.service_type, announcement.port)
        };
        let registered = self.host.register(self.now, &service);
        if let Ok(id) = registered {
            let name = self.host.service_name(id);
            let advertised = Advertised {
                name: name.map_or_else(NameBuf::new, NameBuf::from),
                host,
                is_registered: false,
                is_news: false,
                waker: None,
            };
            self.advertised.insert(id, advertised);
        } else {
            self.release(host);
        }
        self.drain();
        registered.map(Some)
    }

    /// The host of that name, which is claimed if it is not yet; `None` is this host.
    fn host_id(&mut self, label: Option<&str>) -> Result<HostId, RegisterError> {
        let (main, main_id) = &mut self.main_host;
        let Some(label) = label.filter(|label| !main.eq_ignore_ascii_case(label)) else {
            return match *main_id {
                Some(id) => Ok(id),
                None => Ok(*main_id.insert(self.host.add_host(self.now, main)?)),
            };
        };
        let mut extra = self.extra_hosts.iter();
        if let Some((_, id)) = extra.find(|(name, _)| name.eq_ignore_ascii_case(label)) {
            return Ok(*id);
        }
        let id = self.host.add_host(self.now, label)?;
        self.extra_hosts.push((label.to_owned(), id));
        Ok(id)
    }

    /// Lets an extra name go with its last service. This host keeps its own.
    fn release(&mut self, host: HostId) {
        if self.advertised.values().any(|other| other.host == host) {
            return;
        }
        let at = self.extra_hosts.iter().position(|(_, id)| *id == host);
        if let Some(at) = at {
            self.extra_hosts.swap_remove(at);
            self.host.remove_host(self.now, host);
        }
    }

    /// Replaces the TXT data of a service, and announces them.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn update_txt(&mut self, service: ServiceId, txt: Txt<'_>) -> Result<(), RegisterError> {
        self.tick();
        self.host.update_txt(self.now, service, txt)?;
        self.drain();
        Ok(())
    }

    /// Withdraws a service and says goodbye.
    pub fn withdraw(&mut self, service: ServiceId) {
        self.tick();
        if let Some(advertised) = self.advertised.remove(&service) {
            self.woken.extend(advertised.waker);
            self.host.withdraw(self.now, service);
            self.release(advertised.host);
            self.drain();
        }
    }

    /// Whether every goodbye that is owed has been said.
    pub fn is_silent(&self) -> bool {
        self.host.is_silent() && !self.links.is_waiting()
    }

    /// The name of a service as it is now, and whether it is announced under it; `None` if it is not advertised any more.
    pub fn service(&self, service: ServiceId) -> Option<(&NameBuf, bool)> {
        self.advertised
            .get(&service)
            .map(|advertised| (&advertised.name, advertised.is_registered))
    }

    /// What has changed about a service since this was last asked: the latest, if anything.
    pub fn next_change(&mut self, service: ServiceId) -> Option<AdvertisementEvent> {
        let advertised = self.advertised.get_mut(&service)?;
        if !std::mem::take(&mut advertised.is_news) {
            return None;
        }
        let name = advertised.name.clone();
        Some(match advertised.is_registered {
            true => AdvertisementEvent::Registered(name),
            false => AdvertisementEvent::Renamed(name),
        })
    }

    /// Wakes a task when something changes about a service.
    pub(crate) fn wake_on_change(&mut self, service: ServiceId, context: &Context<'_>) {
        if let Some(advertised) = self.advertised.get_mut(&service) {
            self.woken
                .extend(keep(&mut advertised.waker, context.waker()));
        }
    }

    /// The full name of the host that a service runs on, as it is now; `None` if it is not advertised any more.
    pub fn service_host(&self, service: ServiceId) -> Option<NameBuf> {
        let host = self.advertised.get(&service)?.host;
        self.host.host_name(host).map(NameBuf::from)
    }

    /// The full name of this host as it is now, such as `hall.local`. It is claimed when something is first advertised on
    /// it, and kept until the end.
    pub fn host_name(&self) -> NameBuf {
        let (label, id) = &self.main_host;
        match id.and_then(|id| self.host.host_name(id)) {
            Some(name) => name.into(),
            None => NameBuf::from_labels([label.as_bytes(), b"local"]).unwrap_or_default(),
        }
    }

    /// All open links.
    pub fn links(&self) -> impl Iterator<Item = LinkInfo> {
        self.links.infos(&self.host)
    }

    // --- what is wanted ---

    /// Looks for instances of a service type, or of a subtype.
    ///
    /// # Errors
    /// See [`AskError`]. `None` when the driver ends, here and in the others.
    pub fn browse(&mut self, service_type: &ServiceType) -> Result<Option<AskId>, AskError> {
        self.ask::<BrowseNews>(|host, now| host.browse(now, service_type.as_name()))
    }

    /// Looks for service types (RFC 6763 §9).
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn browse_types(&mut self) -> Result<Option<AskId>, AskError> {
        self.ask::<BrowseNews>(|host, now| host.browse(now, META_QUERY))
    }

    /// Resolves an instance, and keeps it up to date.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn resolve(&mut self, instance: Name<'_>) -> Result<Option<AskId>, AskError> {
        self.ask::<ResolveNews>(|host, now| host.resolve(now, instance))
    }

    /// Looks up the addresses of a host, and keeps them up to date.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn lookup_host(
        &mut self,
        name: Name<'_>,
        kind: AddressKind,
    ) -> Result<Option<AskId>, AskError> {
        self.ask::<LookupNews>(|host, now| host.lookup_host(now, name, kind))
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
    ) -> Result<Option<AskId>, AskError> {
        self.ask::<QueryNews>(|host, now| host.query(now, name, rtype, span))
    }

    fn ask<N: Subscription>(
        &mut self,
        command: impl FnOnce(&mut Host<Heap>, Instant) -> Result<AskId, AskError>,
    ) -> Result<Option<AskId>, AskError> {
        self.tick();
        if self.life != Life::Runs {
            return Ok(None);
        }
        let ask = command(&mut self.host, self.now)?;
        N::of(self).add(ask);
        self.drain();
        Ok(Some(ask))
    }

    /// The next news of what was asked for.
    pub fn next<N: Subscription>(&mut self, ask: AskId) -> Option<N::Event> {
        N::of(self).next(ask)
    }

    /// The same for a task, which is woken when there is some; `Ready(None)` when there never will be.
    pub(crate) fn poll_next<N: Subscription>(
        &mut self,
        ask: AskId,
        context: &Context<'_>,
    ) -> Poll<Option<N::Event>> {
        let (news, replaced) = N::of(self).poll_next(ask, context);
        self.woken.extend(replaced);
        news
    }

    /// The instances that a browse knows now.
    pub fn snapshot(&self, browse: AskId) -> Vec<Instance> {
        let news = self.browses.news(browse);
        news.map(BrowseNews::snapshot).unwrap_or_default()
    }

    /// Ends what was asked for.
    pub fn stop<N: Subscription>(&mut self, ask: AskId) {
        self.tick();
        if let Some(waker) = N::of(self).remove(ask) {
            self.woken.extend(waker);
            self.host.stop(self.now, ask);
            self.drain();
        }
    }

    // --- those who wait ---

    /// Wakes a task at some time from now; `None` if all is over.
    pub(crate) fn set_alarm(&mut self, after: Duration, context: &Context<'_>) -> Option<AlarmId> {
        self.tick();
        if self.life == Life::Ended {
            return None;
        }
        self.alarm_count += 1;
        let id = AlarmId(self.now + after, self.alarm_count);
        self.alarms.insert(id, context.waker().clone());
        Some(id)
    }

    /// Whether an alarm has gone off. If not, it will wake this task.
    pub(crate) fn poll_alarm(&mut self, id: AlarmId, context: &Context<'_>) -> bool {
        let Some(waker) = self.alarms.get_mut(&id) else {
            return true;
        };
        if !waker.will_wake(context.waker()) {
            let replaced = std::mem::replace(waker, context.waker().clone());
            self.woken.push(replaced);
        }
        false
    }

    pub(crate) fn drop_alarm(&mut self, id: AlarmId) {
        self.woken.extend(self.alarms.remove(&id));
    }

    /// Wakes a task when everything is said, or all is over.
    pub(crate) fn wake_on_silence(&mut self, context: &Context<'_>) {
        if !self
            .silence
            .iter()
            .any(|waker| waker.will_wake(context.waker()))
        {
            self.silence.push(context.waker().clone());
        }
    }

    /// Lets a waker go.
    pub(crate) fn let_go(&mut self, waker: Option<Waker>) {
        self.woken.extend(waker);
    }

    /// Those to be woken as soon as nobody holds the driver any more.
    pub(crate) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
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

/// Reads one datagram. An error of the moment says nothing about the next; many in a row mean that there is none.
fn receive(
    mut read: impl FnMut(&mut [u8]) -> io::Result<Received>,
    buffer: &mut [u8],
) -> io::Result<Received> {
    for _ in 0..ERRORS {
        match read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) => debug!("cannot receive: {error}"),
            Ok(received) => return Ok(received),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

fn tell(
    advertised: Option<&mut Advertised>,
    name: Name<'_>,
    is_registered: bool,
    woken: &mut Vec<Waker>,
) {
    if let Some(advertised) = advertised {
        advertised.name = name.into();
        advertised.is_registered = is_registered;
        advertised.is_news = true;
        woken.extend(advertised.waker.take());
    }
}

/// A kind of subscriber, and where the driver keeps them.
pub trait Subscription: News + Sized {
    #[doc(hidden)]
    fn of(driver: &mut Driver) -> &mut Subscribers<Self>;
}

impl Subscription for BrowseNews {
    fn of(driver: &mut Driver) -> &mut Subscribers<Self> {
        &mut driver.browses
    }
}

impl Subscription for ResolveNews {
    fn of(driver: &mut Driver) -> &mut Subscribers<Self> {
        &mut driver.resolves
    }
}

impl Subscription for LookupNews {
    fn of(driver: &mut Driver) -> &mut Subscribers<Self> {
        &mut driver.lookups
    }
}

impl Subscription for QueryNews {
    fn of(driver: &mut Driver) -> &mut Subscribers<Self> {
        &mut driver.queries
    }
}
