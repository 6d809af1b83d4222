//! Handles: what users of an async adapter hold. They run on any executor.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake as _},
    time::{Duration, Instant},
};

use futures_core::Stream;
use mdns_proto::{
    discovery::{AddressKind, AskError, AskId, Details, Span},
    name::{NameBuf, ServiceType},
    own::RegisterError,
    wire::{RecordType, TxtVec},
};

use crate::{
    AdvertisementEvent, Announcement, BackendInfo, BrowseNews, Clock, Driver, Error, Instance,
    LinkInfo, LookupNews, Options, OwnId, QueryNews, Reactor, ResolveEvent, ResolveNews, Run,
    Subscription, SystemClock, UnusableLink,
    clock::Reading,
    survey::Wanted,
    waiting::{AlarmId, DrivingTask, SilenceId},
};

/// How long to wait for goodbyes to be said; the driver says them within a second.
const GOODBYE: Duration = Duration::from_millis(1300);

/// The driver, and the task that waits for it.
pub(crate) struct Shared {
    driver: Mutex<Driver>,
    /// Read before the driver is locked.
    clock: Box<dyn Clock>,
    task: Arc<DrivingTask>,
    opened: Instant,
}

impl Shared {
    fn new(mut driver: Driver) -> Self {
        Shared {
            clock: driver.take_clock(),
            driver: Mutex::new(driver),
            task: Arc::default(),
            opened: Instant::now(),
        }
    }

    /// The task that drives.
    pub(crate) fn task(&self) -> &Arc<DrivingTask> {
        &self.task
    }

    /// Does something that changes nothing the task waits for, then wakes those who have news.
    ///
    /// Code that is not ours (clocks, predicates, wakers, who listens to log messages) may call a handle, and so come back
    /// here: it is called before and after, and never by `act`.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Driver) -> T) -> T {
        let read = Reading::of(&*self.clock);
        let mut driver = self.lock();
        driver.set_time(read);
        let result = act(&mut driver);
        let deferred = driver.take_deferred();
        drop(driver);
        deferred.release();
        result
    }

    /// Does something, and puts off to wake those who have news until [`release`](Self::release).
    pub(crate) fn turn<T>(&self, act: impl FnOnce(&mut Driver) -> T) -> T {
        let read = Reading::of(&*self.clock);
        let mut driver = self.lock();
        driver.set_time(read);
        act(&mut driver)
    }

    /// Wakes those who have news, and calls what else is not ours.
    pub(crate) fn release(&self) {
        let deferred = self.lock().take_deferred();
        deferred.release();
    }

    fn lock(&self) -> MutexGuard<'_, Driver> {
        // A panic of somebody who held it left no half-done thing that matters more than going on.
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something after which the task must look at its deadline again.
    fn command<T>(&self, act: impl FnOnce(&mut Driver) -> T) -> T {
        let result = self.with(act);
        self.task.wake_by_ref();
        result
    }
}

/// What all handles share; the last one says goodbye.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.command(Driver::shutdown);
    }
}

/// An mDNS host on an event loop: what advertises and discovers. All clones are one.
///
/// When the last handle is dropped (clones, and all that came from them) goodbyes are said, and the task ends.
///
/// ```no_run
/// use mdns_tokio::{Announcement, BrowseEvent, Mdns};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mdns = Mdns::new()?;
/// let mut printer = mdns.advertise(&Announcement::new("Front Desk", "_ipp._tcp".parse()?, 631))?;
/// println!("known as {:?}", printer.registered().await);
///
/// let mut browse = mdns.browse(&"_ipp._tcp".parse()?)?;
/// while let Some(event) = browse.next().await {
///     if let BrowseEvent::Found(instance) = event {
///         println!("{}", instance.name);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Mdns<R> {
    handle: Arc<Handle>,
    reactor: PhantomData<fn() -> R>,
}

impl<R: Reactor> Mdns<R> {
    /// A host on all interfaces that lead to neighbours. Call it where the event loop runs.
    ///
    /// Its sockets are open when this returns. Without a network it waits for one.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new() -> Result<Self, Error> {
        Self::with(Options::default())
    }

    /// A host as one chooses.
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// ```no_run
    /// use mdns_tokio::{Mdns, Options, socket::Selection};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let interfaces = Selection::usual().without_name("wlan*")?;
    /// let mdns = Mdns::with(Options { interfaces, host_name: Some("attic".into()), ..Options::default() })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(options: Options) -> Result<Self, Error> {
        Self::with_clock(options, Box::new(SystemClock::new()))
    }

    /// A host on other clocks, for tests.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn with_clock(options: Options, clock: Box<dyn Clock>) -> Result<Self, Error> {
        let (mdns, run) = Self::unspawned(options, clock)?;
        R::spawn(run).map_err(Error::Runtime)?;
        Ok(mdns)
    }

    /// A host and its task, for an executor of one's own: nothing happens until the task is run.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn unspawned(options: Options, clock: Box<dyn Clock>) -> Result<(Self, Run<R>), Error> {
        let reactor = R::current().map_err(Error::Runtime)?;
        let shared = Arc::new(Shared::new(Driver::with_clock(options, clock)?));
        let run = Run::new(Arc::clone(&shared), reactor);
        let mdns = Mdns {
            handle: Arc::new(Handle { shared }),
            reactor: PhantomData,
        };
        Ok((mdns, run))
    }

    /// Advertises a service: its name is probed for, then its records are announced (RFC 6762 §8). It is withdrawn when what
    /// is returned is dropped.
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Closed`](RegisterError::Closed) after [`shutdown`](Self::shutdown).
    pub fn advertise(&self, announcement: &Announcement) -> Result<Advertisement, RegisterError> {
        let shared = &self.handle.shared;
        let Some(selection) = &announcement.interfaces else {
            return self.register(|driver| driver.advertise(announcement));
        };
        loop {
            let (seen, generation) = shared.with(|driver| driver.seen());
            let wanted = Wanted::new(selection, &seen);
            let added = shared
                .command(|driver| driver.advertise_on(announcement, Some(&wanted), generation));
            // If interfaces have changed meanwhile, the selection is asked again.
            if let Some(added) = added {
                return self.advertisement(added?);
            }
        }
    }

    /// Advertises a host by itself, without a service: its name, one label without `.local`, for the addresses of this host;
    /// `None` is the [name of this host](Self::host_name). It is withdrawn when what is returned is dropped, unless services
    /// are on it; this host's own name stays.
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Taken`](RegisterError::Taken) when it is advertised by itself already,
    /// [`Closed`](RegisterError::Closed) after [`shutdown`](Self::shutdown).
    ///
    /// ```no_run
    /// use mdns_tokio::Mdns;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mdns = Mdns::new()?;
    /// let mut attic = mdns.advertise_host(Some("attic"))?;
    /// println!("known as {:?}", attic.registered().await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn advertise_host(&self, label: Option<&str>) -> Result<Advertisement, RegisterError> {
        self.register(|driver| driver.advertise_host(label))
    }

    fn register<Id: Into<OwnId>>(
        &self,
        register: impl FnOnce(&mut Driver) -> Result<Id, RegisterError>,
    ) -> Result<Advertisement, RegisterError> {
        let own = self.handle.shared.command(register)?;
        self.advertisement(own)
    }

    fn advertisement(&self, own: impl Into<OwnId>) -> Result<Advertisement, RegisterError> {
        Ok(Advertisement {
            handle: Arc::clone(&self.handle),
            own: Some(own.into()),
        })
    }

    /// Looks for instances of a service type, or of a subtype, until what is returned is dropped (RFC 6763 §4).
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn browse(&self, service_type: &ServiceType) -> Result<Browse, AskError> {
        self.ask(|driver| driver.browse(service_type))
    }

    /// Looks for instances as [`browse`](Self::browse) does, and says what is asked for beside their names.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn browse_with(
        &self,
        service_type: &ServiceType,
        details: Details,
    ) -> Result<Browse, AskError> {
        self.ask(|driver| driver.browse_with(service_type, details))
    }

    /// Looks for the service types there are (RFC 6763 §9); see [`Instance::as_service_type`].
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn browse_types(&self) -> Result<Browse, AskError> {
        self.ask(Driver::browse_types)
    }

    /// Resolves an instance to host, port, attributes and addresses, and keeps them up to date (RFC 6763 §5).
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mdns_tokio::Mdns;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mdns = Mdns::new()?;
    /// let name = r"Front\ Desk._ipp._tcp.local".parse()?;
    /// if let Some(printer) = mdns.resolve(&name)?.first(Duration::from_secs(5)).await {
    ///     println!("{:?}", printer.socket_addrs().collect::<Vec<_>>());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolve(&self, instance: &NameBuf) -> Result<Resolve, AskError> {
        self.ask(|driver| driver.resolve(instance.as_name()))
    }

    /// Looks up the addresses of a host such as `hall.local`, and keeps them up to date.
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn lookup_host(&self, host: &NameBuf, kind: AddressKind) -> Result<Lookup, AskError> {
        self.ask(|driver| driver.lookup_host(host.as_name(), kind))
    }

    /// Asks for the PTR records of an address, which name the host that has it: until dropped, or once.
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn reverse(&self, address: IpAddr, span: Span) -> Result<Query, AskError> {
        self.ask(|driver| driver.reverse(address, span))
    }

    /// Asks for records of one type: until dropped, or once.
    ///
    /// # Errors
    /// See [`AskError`]; [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn query(&self, name: &NameBuf, rtype: RecordType, span: Span) -> Result<Query, AskError> {
        self.ask(|driver| driver.query(name.as_name(), rtype, span))
    }

    /// Says that an instance seems to be gone: a connection to it failed, for example. It is asked for again, and is gone
    /// after ten seconds if nobody answers (RFC 6762 §10.4). What was asked for tells what comes of it.
    ///
    /// # Errors
    /// [`Closed`](AskError::Closed) after [`shutdown`](Self::shutdown).
    pub fn reconfirm(&self, instance: &NameBuf) -> Result<(), AskError> {
        self.handle
            .shared
            .command(|driver| driver.reconfirm(instance.as_name()))
    }

    fn ask<N: Subscription>(
        &self,
        ask: impl FnOnce(&mut Driver) -> Result<AskId, AskError>,
    ) -> Result<Results<N>, AskError> {
        let ask = self.handle.shared.command(ask)?;
        Ok(Results {
            handle: Arc::clone(&self.handle),
            ask,
            news: PhantomData,
        })
    }

    /// Waits until the first look at the interfaces is done and what was found is joined; returns when that was.
    ///
    /// It is so as soon as there is an [`Mdns`]. Whether there was a network, [`links`](Self::links) tells.
    pub async fn ready(&self) -> Instant {
        self.handle.shared.opened
    }

    /// Who asks and publishes now, and why; see [`Options::backend`].
    pub fn backend(&self) -> BackendInfo {
        self.handle.shared.with(|driver| driver.backend())
    }

    /// The links that are open now.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.handle.shared.with(|driver| driver.links().collect())
    }

    /// The links that are to be used and could not be opened, as of now; see [`Driver::unusable_links`].
    pub fn unusable_links(&self) -> Vec<UnusableLink> {
        self.handle
            .shared
            .with(|driver| driver.unusable_links().to_vec())
    }

    /// The name of this host as it is now, such as `hall.local`. It is claimed when something is first advertised on it.
    pub fn host_name(&self) -> NameBuf {
        self.handle.shared.with(|driver| driver.host_name())
    }

    /// Withdraws everything, says goodbye and closes all sockets, for all handles, whose streams end. It takes a second at
    /// most.
    pub async fn shutdown(&self) {
        self.handle.shared.command(Driver::shutdown);
        let mut end = Silence::new(Arc::clone(&self.handle));
        poll_fn(|context| end.poll(Driver::has_ended, context)).await;
    }
}

impl<R> Clone for Mdns<R> {
    fn clone(&self) -> Self {
        Mdns {
            handle: Arc::clone(&self.handle),
            reactor: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Mdns<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mdns").finish_non_exhaustive()
    }
}

/// A service, or a host by itself, that is advertised. It is withdrawn when this is dropped.
pub struct Advertisement {
    handle: Arc<Handle>,
    /// `None` once it is withdrawn.
    own: Option<OwnId>,
}

impl Advertisement {
    /// The full name as it is now; it may not be won yet.
    pub fn name(&self) -> Option<NameBuf> {
        let own = self.own?;
        self.handle
            .shared
            .with(|driver| driver.advertised(own).map(|(name, _)| name.clone()))
    }

    /// The full name of the host that the service runs on, as it is now; it is won by the time the service is registered.
    pub fn host_name(&self) -> Option<NameBuf> {
        let own = self.own?;
        self.handle.shared.with(|driver| driver.service_host(own))
    }

    /// Waits until it is announced, and returns the name under which it is. `None` after
    /// [`shutdown`](Mdns::shutdown).
    pub async fn registered(&mut self) -> Option<NameBuf> {
        self.wait(|driver, own| match driver.advertised(own)? {
            (name, true) => Some(name.clone()),
            (_, false) => None,
        })
        .await
    }

    /// Waits until it is announced or tries another name, and tells which. What happened before it was asked is
    /// told too, the latest only. `None` after [`shutdown`](Mdns::shutdown).
    pub async fn next_change(&mut self) -> Option<AdvertisementEvent> {
        self.wait(|driver, own| driver.next_change(own)).await
    }

    async fn wait<T>(
        &mut self,
        mut find: impl FnMut(&mut Driver, OwnId) -> Option<T>,
    ) -> Option<T> {
        let own = self.own?;
        poll_fn(|context| {
            let waker = context.waker().clone();
            self.handle.shared.with(|driver| {
                let found = find(driver, own);
                if found.is_some() || driver.advertised(own).is_none() {
                    driver.waiting().deferred.discard([waker]);
                    return Poll::Ready(found);
                }
                driver.wake_on_change(own, waker);
                Poll::Pending
            })
        })
        .await
    }

    /// Replaces the TXT data of a service, and announces them (RFC 6762 §8.4).
    ///
    /// # Errors
    /// See [`RegisterError`]; [`Unknown`](RegisterError::Unknown) for a host, [`Closed`](RegisterError::Closed) after
    /// [`shutdown`](Mdns::shutdown).
    pub async fn update_txt(&mut self, txt: &TxtVec) -> Result<(), RegisterError> {
        let Some(OwnId::Service(service)) = self.own else {
            return Err(RegisterError::Unknown);
        };
        self.handle
            .shared
            .command(|driver| driver.update_txt(service, txt.as_txt()))
    }

    /// Replaces the port of a service, and announces it (RFC 6762 §8.4).
    ///
    /// # Errors
    /// As [`update_txt`](Self::update_txt).
    pub async fn update_port(&mut self, port: u16) -> Result<(), RegisterError> {
        let Some(OwnId::Service(service)) = self.own else {
            return Err(RegisterError::Unknown);
        };
        self.handle
            .shared
            .command(|driver| driver.update_port(service, port))
    }

    /// Replaces the subtypes of a service: new ones are announced, those that are not among them any more say goodbye.
    ///
    /// # Errors
    /// As [`update_txt`](Self::update_txt). Nothing has changed then.
    pub async fn update_subtypes(&mut self, subtypes: &[String]) -> Result<(), RegisterError> {
        let Some(OwnId::Service(service)) = self.own else {
            return Err(RegisterError::Unknown);
        };
        self.handle
            .shared
            .command(|driver| driver.update_subtypes(service, subtypes))
    }

    /// Withdraws it; returns when goodbye has been said, at most a little more than a second later.
    pub async fn withdraw(mut self) {
        self.end();
        let mut alarm = Alarm::new(Arc::clone(&self.handle), GOODBYE);
        let mut silence = Silence::new(Arc::clone(&self.handle));
        let is_done = |driver: &Driver| driver.is_silent() || driver.has_ended();
        poll_fn(|context| match silence.poll(is_done, context) {
            Poll::Pending => alarm.poll(context),
            ready => ready,
        })
        .await;
    }

    fn end(&mut self) {
        if let Some(own) = self.own.take() {
            self.handle.shared.command(|driver| driver.withdraw(own));
        }
    }
}

impl Drop for Advertisement {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Advertisement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Advertisement")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

/// Instances of a service type, as they come, change and go.
pub type Browse = Results<BrowseNews>;
/// An instance, resolved and kept up to date.
pub type Resolve = Results<ResolveNews>;
/// The addresses of a host, kept up to date.
pub type Lookup = Results<LookupNews>;
/// Records of one name and type.
pub type Query = Results<QueryNews>;

/// What was asked for: a stream of news, which ends with [`shutdown`](Mdns::shutdown). Dropping it ends the question.
///
/// Each item is the latest state of something. A reader who is slow loses what came between, and nothing else; nothing grows
/// while nobody reads.
pub struct Results<N: Subscription> {
    handle: Arc<Handle>,
    ask: AskId,
    news: PhantomData<fn() -> N>,
}

impl<N: Subscription> Results<N> {
    /// The next news; `None` when all is over.
    ///
    /// It may be dropped before it is ready, and nothing is lost.
    pub async fn next(&mut self) -> Option<N::Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// The next news, if there is some within a time.
    pub async fn next_within(&mut self, timeout: Duration) -> Option<N::Event> {
        let mut alarm = Alarm::new(Arc::clone(&self.handle), timeout);
        poll_fn(|context| match self.poll_event(context) {
            Poll::Pending => alarm.poll(context).map(|()| None),
            ready => ready,
        })
        .await
    }

    /// Whether nothing more is to be expected soon of a resolve, a look-up or a query, as far as it was answered when this is asked:
    /// each record that it asks for is known, or its owner has said that there is none. Another link may still have more of them.
    /// Never so of a browse.
    pub fn is_complete(&self) -> bool {
        let shared = &self.handle.shared;
        shared.with(|driver| driver.is_complete(self.ask))
    }

    fn poll_event(&mut self, context: &Context<'_>) -> Poll<Option<N::Event>> {
        let waker = context.waker().clone();
        self.handle
            .shared
            .with(|driver| driver.poll_next::<N>(self.ask, waker))
    }
}

impl Results<BrowseNews> {
    /// What is there now, in no order, told or not.
    pub fn snapshot(&self) -> Vec<Instance> {
        self.handle.shared.with(|driver| driver.snapshot(self.ask))
    }
}

impl Results<ResolveNews> {
    /// What is resolved first, if anything is within a time.
    pub async fn first(&mut self, timeout: Duration) -> Option<Instance> {
        let mut alarm = Alarm::new(Arc::clone(&self.handle), timeout);
        poll_fn(|context| {
            loop {
                match self.poll_event(context) {
                    Poll::Ready(Some(ResolveEvent::Resolved(instance))) => {
                        return Poll::Ready(Some(instance));
                    }
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return alarm.poll(context).map(|()| None),
                }
            }
        })
        .await
    }
}

impl<N: Subscription> Stream for Results<N> {
    type Item = N::Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<N::Event>> {
        self.get_mut().poll_event(context)
    }
}

impl<N: Subscription> Drop for Results<N> {
    fn drop(&mut self) {
        self.handle
            .shared
            .command(|driver| driver.stop::<N>(self.ask));
    }
}

impl<N: Subscription> fmt::Debug for Results<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results")
            .field("ask", &self.ask)
            .finish_non_exhaustive()
    }
}

/// The end of a wait, on the clock of the driver.
struct Alarm {
    handle: Arc<Handle>,
    after: Duration,
    id: Option<AlarmId>,
}

impl Alarm {
    fn new(handle: Arc<Handle>, after: Duration) -> Self {
        Alarm {
            handle,
            after,
            id: None,
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let shared = &self.handle.shared;
        let waker = context.waker().clone();
        let has_come = match self.id {
            Some(id) => shared.with(|driver| driver.waiting().poll_alarm(id, waker)),
            None => {
                self.id = shared.command(|driver| driver.set_alarm(self.after, waker));
                self.id.is_none()
            }
        };
        if has_come {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.handle
                .shared
                .with(|driver| driver.waiting().drop_alarm(id));
        }
    }
}

/// Waits until everything is said, or all is over.
struct Silence {
    handle: Arc<Handle>,
    id: Option<SilenceId>,
}

impl Silence {
    fn new(handle: Arc<Handle>) -> Self {
        Silence { handle, id: None }
    }

    fn poll(&mut self, is_done: impl FnOnce(&Driver) -> bool, context: &Context<'_>) -> Poll<()> {
        let id = &mut self.id;
        let waker = context.waker().clone();
        self.handle.shared.with(|driver| {
            if is_done(driver) {
                driver.waiting().deferred.discard([waker]);
                return Poll::Ready(());
            }
            *id = Some(driver.waiting().wake_on_silence(*id, waker));
            Poll::Pending
        })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.handle
                .shared
                .with(|driver| driver.waiting().drop_silence(id));
        }
    }
}
