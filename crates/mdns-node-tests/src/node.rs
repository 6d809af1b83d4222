//! What the stories need of an adapter. Everything blocks, so that stories read from the top.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mdns_driver::{
    Announcement, Answer, BrowseEvent, Clock, HostAddresses, Instance, LinkInfo, LookupEvent,
    Options, ResolveEvent, SystemClock,
    proto::{
        discovery::AskError,
        name::{NameBuf, ServiceType},
        own::RegisterError,
        wire::{RecordType, TxtVec},
    },
};

use crate::Request;

/// The name of a test, and the test.
pub(crate) type Story = (&'static str, fn());

/// A host on some event loop. Dropping it, with all that came from it, says goodbye.
pub trait Node: Clone + Send + Sized + 'static {
    /// A service that is advertised until it is dropped.
    type Advertisement: Send;
    /// A browse that goes on until it is dropped.
    type Browse: Send;
    /// A resolve that goes on until it is dropped.
    type Resolve: Send;

    /// The tests that only nodes of this kind need.
    fn more_stories() -> Vec<(&'static str, fn())> {
        Vec::new()
    }
    /// A host.
    fn open(options: Options, clock: Box<dyn Clock>) -> Self;
    /// Its links.
    fn links(&self) -> Vec<LinkInfo>;
    /// Its name.
    fn host_name(&self) -> NameBuf;
    /// Advertises a service.
    fn advertise(&self, announcement: &Announcement) -> Result<Self::Advertisement, RegisterError>;
    /// Waits until a service is announced; `None` when the node has ended.
    fn registered(&self, advertisement: &mut Self::Advertisement) -> Option<NameBuf>;
    /// Replaces the TXT data.
    fn update_txt(&self, advertisement: &mut Self::Advertisement, txt: &TxtVec);
    /// Withdraws a service, and waits until goodbye is said.
    fn withdraw(&self, advertisement: Self::Advertisement);
    /// Looks for instances.
    fn browse(&self, service_type: &ServiceType) -> Self::Browse;
    /// Looks for service types.
    fn browse_types(&self) -> Self::Browse;
    /// The next news within a time; `None` at once when the node has ended.
    fn next(&self, browse: &mut Self::Browse, within: Duration) -> Option<BrowseEvent>;
    /// What is there now.
    fn snapshot(&self, browse: &Self::Browse) -> Vec<Instance>;
    /// Resolves an instance.
    fn resolve(&self, instance: &NameBuf) -> Self::Resolve;
    /// The next news within a time.
    fn next_resolved(&self, resolve: &mut Self::Resolve, within: Duration) -> Option<ResolveEvent>;
    /// The IPv4 addresses of a host, as first heard within a time.
    fn look_up(&self, host: &NameBuf, within: Duration) -> Result<Option<HostAddresses>, AskError>;
    /// Asks for records once, until the first answer or the end of the question's time.
    fn ask(&self, name: &NameBuf, rtype: RecordType) -> Result<Vec<Answer>, AskError>;
    /// Makes a request, and counts its results until there are so many, or some are told to be missing, or time is up: how many
    /// there are, and whether some are missing.
    fn results(&self, request: &Request, enough: usize, within: Duration) -> (usize, bool);
    /// Says that an instance seems to be gone.
    fn reconfirm(&self, instance: &NameBuf);
    /// Makes each request and gives each command, and returns what was wrong with it.
    fn refusals(&self, own: &mut Self::Advertisement) -> Vec<(&'static str, String)>;
    /// Withdraws everything, and waits until all goodbyes are said.
    fn shutdown(&self);
}

/// The addresses that a look-up tells of.
pub(crate) fn addresses(event: LookupEvent) -> Option<HostAddresses> {
    match event {
        LookupEvent::Addresses(addresses) => Some(addresses),
        _ => None,
    }
}

/// What was wrong, in the words of `Debug`.
pub(crate) fn refusal<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    result
        .err()
        .map_or_else(String::new, |error| format!("{error:?}"))
}

/// The clocks of the system, which can be put forward by hand, and the wall clock alone, as if the machine had slept.
#[derive(Clone, Debug)]
pub struct Clocks {
    system: SystemClock,
    /// In milliseconds.
    skipped: Arc<AtomicU64>,
    /// In milliseconds.
    asleep: Arc<AtomicU64>,
}

impl Clocks {
    /// Clocks of a machine that has not slept yet.
    #[expect(clippy::new_without_default, reason = "it begins now")]
    pub fn new() -> Self {
        Clocks {
            system: SystemClock::new(),
            skipped: Arc::default(),
            asleep: Arc::default(),
        }
    }

    /// Time passes at once. A node finds out when it next looks at its clocks.
    pub fn skip(&self, span: Duration) {
        add(&self.skipped, span);
    }

    /// The machine has slept for a while.
    pub fn sleep(&self, span: Duration) {
        add(&self.asleep, span);
    }
}

fn add(millis: &AtomicU64, span: Duration) {
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    millis.fetch_add(span, Ordering::SeqCst);
}

impl Clock for Clocks {
    fn monotonic(&self) -> Duration {
        self.system.monotonic() + Duration::from_millis(self.skipped.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Duration {
        self.monotonic() + Duration::from_millis(self.asleep.load(Ordering::SeqCst))
    }
}
