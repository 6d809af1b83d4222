//! Code of the application that a host calls, and that calls the host: predicates, clocks, wakers, whoever reads log messages.

use std::{
    cell::Cell,
    future::Future as _,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use mdns_driver::{Announcement, Clock, Mdns, Options, Reactor, socket::Selection};
use tracing::{Metadata, Subscriber, span};

use crate::{
    Clocks, Executor,
    stories::{PATIENCE, kind},
};

/// Calls a host in every way that does not wait, and counts who does it.
struct Caller<R> {
    mdns: OnceLock<Mdns<R>>,
    by_predicate: AtomicU32,
    by_clock: AtomicU32,
    by_waker: AtomicU32,
    by_log: AtomicU32,
}

thread_local! {
    /// A call reads the clock, which calls.
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

impl<R: Reactor> Caller<R> {
    fn call(&self, by: &AtomicU32) {
        let Some(mdns) = self.mdns.get() else { return };
        if IS_CALLING.replace(true) {
            return;
        }
        by.fetch_add(1, Ordering::SeqCst);
        mdns.links();
        mdns.host_name();
        drop(mdns.browse(&kind()));
        drop(mdns.advertise(&Announcement::new("Called", kind(), 1)));
        drop(mdns.clone());
        IS_CALLING.set(false);
    }
}

/// A clock that calls the host.
struct CallingClock<R> {
    clocks: Clocks,
    caller: Arc<Caller<R>>,
}

impl<R: Reactor> Clock for CallingClock<R> {
    fn monotonic(&self) -> Duration {
        self.caller.call(&self.caller.by_clock);
        self.clocks.monotonic()
    }

    fn wall(&self) -> Duration {
        self.clocks.wall()
    }
}

/// A task whose waker calls the host when it is woken and when it is dropped.
struct CallingTask<R: Reactor>(Arc<Caller<R>>);

impl<R: Reactor> Wake for CallingTask<R> {
    fn wake(self: Arc<Self>) {
        self.0.call(&self.0.by_waker);
    }
}

impl<R: Reactor> Drop for CallingTask<R> {
    fn drop(&mut self) {
        self.0.call(&self.0.by_waker);
    }
}

type Listener = Box<dyn Fn() + Send + Sync>;

/// Who is called for each log message of a driver.
static LISTENERS: Mutex<Vec<Arc<Listener>>> = Mutex::new(Vec::new());

/// Calls all listeners.
struct CallingSubscriber;

impl Subscriber for CallingSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mdns")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        let listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        let all = listeners.clone();
        drop(listeners);
        all.iter().for_each(|listener| listener());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A driver that is locked while such code runs waits for itself for ever.
///
/// covers: none (adapters)
pub(crate) fn code_that_a_host_calls_may_call_it<R: Reactor, E: Executor>() {
    let (done, is_done) = mpsc::channel();
    let story = thread::spawn(move || {
        call_from_everywhere::<R, E>();
        done.send(())
    });
    if is_done.recv_timeout(4 * PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("somebody waits for himself");
    }
    let _sent = story.join().expect("no panic");
}

fn call_from_everywhere<R: Reactor, E: Executor>() {
    // Others may have set it already, and then it is the same one.
    let _ = tracing::subscriber::set_global_default(CallingSubscriber);
    let clocks = Clocks::new();
    let caller = Arc::new(Caller {
        mdns: OnceLock::new(),
        by_predicate: AtomicU32::new(0),
        by_clock: AtomicU32::new(0),
        by_waker: AtomicU32::new(0),
        by_log: AtomicU32::new(0),
    });
    let selection = || {
        let caller = Arc::clone(&caller);
        Selection::none().with(move |interface| {
            caller.call(&caller.by_predicate);
            interface.is_loopback
        })
    };
    let options = Options {
        interfaces: selection(),
        ..crate::stories::loopback()
    };
    let clock = CallingClock {
        clocks: clocks.clone(),
        caller: Arc::clone(&caller),
    };
    let mdns = E::enter(|| Mdns::<R>::with_clock(options, Box::new(clock)));
    let mdns = mdns.expect("a host on loopback");
    assert!(caller.mdns.set(mdns.clone()).is_ok(), "the first");
    let listener = Arc::clone(&caller);
    let listener: Arc<Listener> = Arc::new(Box::new(move || listener.call(&listener.by_log)));
    let listeners = || LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    listeners().push(Arc::clone(&listener));

    let service = Announcement {
        interfaces: Some(selection()),
        ..Announcement::new("Desk", kind(), 1)
    };
    let mut own = mdns.advertise(&service).expect("an advertisement");
    assert!(caller.by_predicate.load(Ordering::SeqCst) > 0);
    let mut browse = mdns.browse(&service.service_type).expect("a browse");
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(CallingTask(Arc::clone(&caller))));
        let _polled = pin!(browse.next()).poll(&mut Context::from_waker(&waker));
        let _polled = pin!(own.registered()).poll(&mut Context::from_waker(&waker));
    }
    E::block_on(own.registered()).expect("a name");

    // After sleep the interfaces are looked at, by the task that drives.
    let before = caller.by_predicate.load(Ordering::SeqCst);
    clocks.sleep(Duration::from_secs(3600));
    let end = Instant::now() + PATIENCE;
    while caller.by_predicate.load(Ordering::SeqCst) == before {
        assert!(Instant::now() < end, "the interfaces were not looked at");
        mdns.links();
        thread::sleep(Duration::from_millis(20));
    }
    E::block_on(mdns.shutdown());
    let counts = [&caller.by_clock, &caller.by_waker, &caller.by_log];
    let counts = counts.map(|count| count.load(Ordering::SeqCst));
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
    listeners().retain(|other| !Arc::ptr_eq(other, &listener));
}
