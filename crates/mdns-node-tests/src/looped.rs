//! A node whose driver is turned by a loop without async, on a thread.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mdns_driver::{
    AdvertisementEvent, Announcement, Answer, BrowseEvent, BrowseNews, Clock, Driver,
    HostAddresses, Instance, LinkInfo, LookupNews, Options, QueryEvent, QueryNews, ResolveEvent,
    ResolveNews, Subscription,
    proto::{
        discovery::{AddressKind, AskError, AskId, Span},
        name::{NameBuf, ServiceType},
        own::{RegisterError, ServiceId},
        wire::{RecordType, TxtVec},
    },
};

use crate::{
    Node, Request,
    node::{Story, addresses, refusal},
    polls::a_loop_turns_for_datagrams_and_deadlines,
    results::{Count, count},
    stories::stories,
};

/// How often a story looks for what it waits for, and a loop for what it is told.
const TICK: Duration = Duration::from_millis(2);

/// Longer than a question takes that is asked once.
const PATIENCE: Duration = Duration::from_secs(15);

/// An event loop that waits for a driver.
pub trait Loop: 'static {
    /// A loop around a driver.
    fn new(driver: Driver) -> Self;
    /// Waits for something to do, no longer than `limit`, and does it.
    fn turn(&mut self, limit: Duration);
    /// The driver.
    fn driver_mut(&mut self) -> &mut Driver;
}

type Command = Box<dyn FnOnce(&mut Driver) + Send>;

/// A node in a loop.
pub struct Looped<L> {
    shared: Arc<Shared>,
    event_loop: std::marker::PhantomData<fn() -> L>,
}

impl<L> Clone for Looped<L> {
    fn clone(&self) -> Self {
        Looped {
            shared: Arc::clone(&self.shared),
            event_loop: self.event_loop,
        }
    }
}

struct Shared {
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The loop ends without a word to its driver, which is dropped.
impl Drop for Shared {
    fn drop(&mut self) {
        self.commands.lock().expect("no panic").take();
        if let Some(thread) = self.thread.lock().expect("no panic").take() {
            thread.join().expect("no panic");
        }
    }
}

impl Shared {
    fn call<T: Send + 'static>(&self, act: impl FnOnce(&mut Driver) -> T + Send + 'static) -> T {
        let (reply, result) = mpsc::sync_channel(1);
        let command: Command = Box::new(move |driver| {
            let _ = reply.send(act(driver));
        });
        let commands = self.commands.lock().expect("no panic");
        let commands = commands.as_ref().expect("a loop that runs");
        commands.send(command).expect("a loop that runs");
        result.recv().expect("a result")
    }

    fn wait<T: Send + 'static>(
        &self,
        within: Duration,
        find: impl FnMut(&mut Driver) -> Option<T> + Clone + Send + 'static,
    ) -> Option<T> {
        let end = Instant::now() + within;
        loop {
            let mut find = find.clone();
            let found = self.call(move |driver| (find(driver), driver.has_ended()));
            match found {
                (None, false) if Instant::now() < end => thread::sleep(TICK),
                (found, _) => return found,
            }
        }
    }
}

/// A service that is withdrawn when it is dropped.
pub struct OwnService {
    shared: Arc<Shared>,
    service: Option<ServiceId>,
}

impl Drop for OwnService {
    fn drop(&mut self) {
        if let Some(service) = self.service {
            self.shared.call(move |driver| driver.withdraw(service));
        }
    }
}

/// Something asked for, until it is dropped.
pub struct Ask<N: Subscription + 'static> {
    shared: Arc<Shared>,
    ask: AskId,
    news: std::marker::PhantomData<fn() -> N>,
}

impl<N: Subscription + 'static> Ask<N>
where
    N::Event: Send,
{
    fn new(shared: &Arc<Shared>, ask: AskId) -> Self {
        Ask {
            shared: Arc::clone(shared),
            ask,
            news: std::marker::PhantomData,
        }
    }

    fn next(&self, within: Duration) -> Option<N::Event> {
        let ask = self.ask;
        self.shared
            .wait(within, move |driver| driver.next::<N>(ask))
    }
}

impl<N: Subscription + 'static> Drop for Ask<N> {
    fn drop(&mut self) {
        let ask = self.ask;
        self.shared.call(move |driver| driver.stop::<N>(ask));
    }
}

impl<L: Loop> Node for Looped<L> {
    type Advertisement = OwnService;
    type Browse = Ask<BrowseNews>;
    type Resolve = Ask<ResolveNews>;

    fn more_stories() -> Vec<Story> {
        stories![a_loop_turns_for_datagrams_and_deadlines::<L>].into()
    }

    fn open(options: Options, clock: Box<dyn Clock>) -> Self {
        let (commands, to_do) = mpsc::channel::<Command>();
        let (opened, is_open) = mpsc::channel();
        let thread = thread::spawn(move || {
            let driver = Driver::with_clock(options, clock).expect("a host on loopback");
            let mut event_loop = L::new(driver);
            opened.send(()).expect("somebody who waits");
            loop {
                match to_do.try_recv() {
                    Ok(command) => command(event_loop.driver_mut()),
                    Err(mpsc::TryRecvError::Empty) => event_loop.turn(TICK),
                    Err(mpsc::TryRecvError::Disconnected) => break,
                }
            }
        });
        is_open.recv().expect("a host on loopback");
        Looped {
            shared: Arc::new(Shared {
                commands: Mutex::new(Some(commands)),
                thread: Mutex::new(Some(thread)),
            }),
            event_loop: std::marker::PhantomData,
        }
    }

    fn links(&self) -> Vec<LinkInfo> {
        self.shared.call(|driver| driver.links().collect())
    }

    fn host_name(&self) -> NameBuf {
        self.shared.call(|driver| driver.host_name())
    }

    fn advertise(&self, announcement: &Announcement) -> Result<OwnService, RegisterError> {
        let announcement = announcement.clone();
        let service = self
            .shared
            .call(move |driver| driver.advertise(&announcement));
        Ok(OwnService {
            shared: Arc::clone(&self.shared),
            service: Some(service?),
        })
    }

    fn registered(&self, advertisement: &mut OwnService) -> Option<NameBuf> {
        let service = advertisement.service?;
        self.shared.wait(Duration::MAX / 4, move |driver| {
            match driver.next_change(service)? {
                AdvertisementEvent::Registered(name) => Some(name),
                _ => None,
            }
        })
    }

    fn update_txt(&self, advertisement: &mut OwnService, txt: &TxtVec) {
        let (service, txt) = (advertisement.service.expect("a service"), txt.clone());
        self.shared
            .call(move |driver| driver.update_txt(service, txt.as_txt()))
            .expect("an update");
    }

    fn withdraw(&self, advertisement: OwnService) {
        drop(advertisement);
        self.shared.wait(Duration::from_secs(2), |driver| {
            driver.is_silent().then_some(())
        });
    }

    fn browse(&self, service_type: &ServiceType) -> Ask<BrowseNews> {
        let service_type = service_type.clone();
        let ask = self.shared.call(move |driver| driver.browse(&service_type));
        Ask::new(&self.shared, ask.expect("a browse"))
    }

    fn browse_types(&self) -> Ask<BrowseNews> {
        let ask = self.shared.call(Driver::browse_types);
        Ask::new(&self.shared, ask.expect("a browse"))
    }

    fn next(&self, browse: &mut Ask<BrowseNews>, within: Duration) -> Option<BrowseEvent> {
        browse.next(within)
    }

    fn snapshot(&self, browse: &Ask<BrowseNews>) -> Vec<Instance> {
        let ask = browse.ask;
        self.shared.call(move |driver| driver.snapshot(ask))
    }

    fn resolve(&self, instance: &NameBuf) -> Ask<ResolveNews> {
        let instance = instance.clone();
        let ask = self
            .shared
            .call(move |driver| driver.resolve(instance.as_name()));
        Ask::new(&self.shared, ask.expect("a resolve"))
    }

    fn next_resolved(
        &self,
        resolve: &mut Ask<ResolveNews>,
        within: Duration,
    ) -> Option<ResolveEvent> {
        resolve.next(within)
    }

    fn look_up(&self, host: &NameBuf, within: Duration) -> Result<Option<HostAddresses>, AskError> {
        let host = host.clone();
        let ask = self
            .shared
            .call(move |driver| driver.lookup_host(host.as_name(), AddressKind::V4));
        let found = Ask::<LookupNews>::new(&self.shared, ask?).next(within);
        Ok(found.and_then(addresses))
    }

    fn ask(&self, name: &NameBuf, rtype: RecordType) -> Result<Vec<Answer>, AskError> {
        let name = name.clone();
        let ask = self
            .shared
            .call(move |driver| driver.query(name.as_name(), rtype, Span::OneShot));
        let ask = Ask::<QueryNews>::new(&self.shared, ask?);
        let mut answers = Vec::new();
        while let Some(QueryEvent::Answers(found)) = ask.next(PATIENCE) {
            answers = found;
        }
        Ok(answers)
    }

    fn results(&self, request: &Request, enough: usize, within: Duration) -> (usize, bool) {
        fn told<N: Subscription + 'static>(
            shared: &Arc<Shared>,
            enough: usize,
            within: Duration,
            ask: impl FnOnce(&mut Driver) -> Result<AskId, AskError> + Send + 'static,
        ) -> (usize, bool)
        where
            N::Event: Count + Send,
        {
            let ask = shared.call(ask).expect("a request");
            let ask = Ask::<N>::new(shared, ask);
            count(enough, within, |left| ask.next(left))
        }
        let shared = &self.shared;
        match request.clone() {
            Request::Browse(kind) => {
                told::<BrowseNews>(shared, enough, within, move |driver| driver.browse(&kind))
            }
            Request::Resolve(instance) => {
                told::<ResolveNews>(shared, enough, within, move |driver| {
                    driver.resolve(instance.as_name())
                })
            }
            Request::LookUp(host) => told::<LookupNews>(shared, enough, within, move |driver| {
                driver.lookup_host(host.as_name(), AddressKind::V4)
            }),
            Request::Query(name, rtype) => {
                told::<QueryNews>(shared, enough, within, move |driver| {
                    driver.query(name.as_name(), rtype, Span::Continuous)
                })
            }
        }
    }

    fn reconfirm(&self, instance: &NameBuf) {
        let instance = instance.clone();
        self.shared
            .call(move |driver| driver.reconfirm(instance.as_name()))
            .expect("a host that runs");
    }

    fn refusals(&self, own: &mut OwnService) -> Vec<(&'static str, String)> {
        let service = own.service.expect("a service");
        self.shared.call(move |driver| {
            let name: NameBuf = "nobody.local".parse().expect("a name");
            let name = name.as_name();
            let kind: ServiceType = "_late._tcp".parse().expect("a type");
            let late = Announcement::new("Late", kind.clone(), 1);
            let loopback = [127, 0, 0, 1].into();
            vec![
                ("advertise", refusal(driver.advertise(&late))),
                ("advertise_host", refusal(driver.advertise_host(None))),
                (
                    "update_txt",
                    refusal(driver.update_txt(service, TxtVec::new().as_txt())),
                ),
                ("browse", refusal(driver.browse(&kind))),
                ("browse_types", refusal(driver.browse_types())),
                ("resolve", refusal(driver.resolve(name))),
                (
                    "lookup_host",
                    refusal(driver.lookup_host(name, AddressKind::Both)),
                ),
                (
                    "query",
                    refusal(driver.query(name, RecordType::TXT, Span::OneShot)),
                ),
                ("reverse", refusal(driver.reverse(loopback, Span::OneShot))),
                ("reconfirm", refusal(driver.reconfirm(name))),
            ]
        })
    }

    fn shutdown(&self) {
        self.shared.call(Driver::shutdown);
        self.shared.wait(Duration::from_secs(5), |driver| {
            driver.has_ended().then_some(())
        });
    }
}
