//! How often tasks are polled and loops turn: for news and deadlines, and for nothing else.
//!
//! A task that is woken by its own poll takes a whole processor, and nothing else shows it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use mdns_driver::{
    Announcement, BrowseNews, Driver, LookupNews, Mdns, QueryNews, Reactor, ResolveNews, Results,
    Subscription,
    proto::{
        discovery::{AddressKind, AskId, Span},
        wire::RecordType,
    },
};

use crate::{Executor, Loop, stories::kind};

/// How long each is watched.
const WATCHED: Duration = Duration::from_millis(600);

/// How often something else in the same task is ready meanwhile.
const TICK: Duration = Duration::from_millis(20);

/// Polls that an event may cost: the one that it wakes, and those of other futures in the same task.
const POLLS_PER_EVENT: u32 = 4;

/// Polls that may come of the beginning and the end.
const FEW: u32 = 40;

/// Something else that a task waits for: ready every [`TICK`], by a thread and so under any executor.
struct Ticks(Arc<Mutex<TickState>>);

#[derive(Default)]
struct TickState {
    has_come: bool,
    is_over: bool,
    waker: Option<Waker>,
}

impl Ticks {
    /// Ticks for a while.
    fn during(span: Duration) -> Self {
        let state = Arc::new(Mutex::new(TickState::default()));
        let ticks = Ticks(Arc::clone(&state));
        thread::spawn(move || {
            let end = Instant::now() + span;
            loop {
                thread::sleep(TICK);
                let is_over = Instant::now() >= end;
                let waker = {
                    let mut state = state.lock().expect("no panic");
                    state.has_come = true;
                    state.is_over = is_over;
                    state.waker.take()
                };
                waker.into_iter().for_each(Waker::wake);
                if is_over {
                    break;
                }
            }
        });
        ticks
    }

    /// The next tick; `Ready(true)` is the last one.
    fn poll(&self, context: &Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock().expect("no panic");
        if std::mem::take(&mut state.has_come) {
            return Poll::Ready(state.is_over);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// What was counted while a task waited.
#[derive(Debug, Default)]
struct Counts {
    polls: AtomicU32,
    ticks: AtomicU32,
    events: Arc<AtomicU32>,
}

impl Counts {
    #[track_caller]
    fn check(&self, what: &str, extra: u32) {
        let [polls, ticks, events] =
            [&self.polls, &self.ticks, &*self.events].map(|count| count.load(Ordering::SeqCst));
        let most = 2 * ticks + POLLS_PER_EVENT * (events + extra) + FEW;
        assert!(
            polls <= most,
            "{what}: {polls} polls for {ticks} ticks, {events} events and {extra} datagrams"
        );
    }
}

/// A waker around that of the task. Executors differ in whether a waker knows its clones, even from build to build; each poll
/// gets one of these, which knows none.
struct Unknown(Waker);

impl Wake for Unknown {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// A future that is of no interest but for being waited for.
type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for all of these and for ticks in one task, as `select!` in a loop does.
async fn watch(waits: &mut [Wait], counts: &Counts) {
    let ticks = Ticks::during(WATCHED);
    let mut is_done = vec![false; waits.len()];
    poll_fn(|context| {
        counts.polls.fetch_add(1, Ordering::SeqCst);
        let waker = Waker::from(Arc::new(Unknown(context.waker().clone())));
        let context = &mut Context::from_waker(&waker);
        for (wait, is_done) in waits.iter_mut().zip(&mut is_done) {
            *is_done = *is_done || wait.as_mut().poll(context).is_ready();
        }
        while let Poll::Ready(is_last) = ticks.poll(context) {
            counts.ticks.fetch_add(1, Ordering::SeqCst);
            if is_last {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    })
    .await;
}

/// Reads all news, and counts them.
fn read_all<N: Subscription + 'static>(mut results: Results<N>, events: &Arc<AtomicU32>) -> Wait
where
    N::Event: Send,
{
    let events = Arc::clone(events);
    Box::pin(async move {
        while results.next().await.is_some() {
            events.fetch_add(1, Ordering::SeqCst);
        }
    })
}

/// Everything that can be waited for, each with its name.
fn all_waits<R: Reactor>(hall: &Mdns<R>, events: &Arc<AtomicU32>) -> Vec<(&'static str, Wait)> {
    /// As long as it takes.
    const LONG: Duration = Duration::MAX;
    let kind = kind();
    let nobody = kind.instance("Nobody").expect("a name");
    let desk = Announcement::new("Desk", kind.clone(), 1);
    let mut waits: Vec<(&'static str, Wait)> = Vec::new();
    let mut add = |name, wait| waits.push((name, wait));

    let mut own = hall.advertise(&desk).expect("an advertisement");
    let changes = Arc::clone(events);
    add(
        "next_change",
        Box::pin(async move {
            while own.next_change().await.is_some() {
                changes.fetch_add(1, Ordering::SeqCst);
            }
        }),
    );
    let shelf = Announcement::new("Shelf", kind.clone(), 1);
    let mut own = hall.advertise(&shelf).expect("an advertisement");
    add(
        "registered",
        Box::pin(async move {
            own.registered().await;
            // It stays advertised.
            std::future::pending::<()>().await;
        }),
    );
    let own = hall.advertise(&Announcement::new("Brief", kind.clone(), 1));
    let own = own.expect("an advertisement");
    add("withdraw", Box::pin(own.withdraw()));
    let browse = hall.browse(&kind).expect("a browse");
    add("browse", read_all(browse, events));
    let types = hall.browse_types().expect("a browse");
    add("browse_types", read_all(types, events));
    let name = kind.instance("Desk").expect("a name");
    for (what, name) in [("resolve", &name), ("resolve of nobody", &nobody)] {
        let resolve = hall.resolve(name).expect("a resolve");
        add(what, read_all(resolve, events));
    }
    let host = hall.host_name();
    let lookup = hall.lookup_host(&host, AddressKind::Both);
    add("lookup_host", read_all(lookup.expect("a look-up"), events));
    for (what, name) in [("query", &name), ("query of nobody", &nobody)] {
        for span in [Span::Continuous, Span::OneShot] {
            let query = hall.query(name, RecordType::SRV, span).expect("a query");
            add(what, read_all(query, events));
        }
    }
    let loopback = [127, 0, 0, 1].into();
    let reverse = hall.reverse(loopback, Span::Continuous).expect("a query");
    add("reverse", read_all(reverse, events));
    let mut resolve = hall.resolve(&nobody).expect("a resolve");
    add(
        "first",
        Box::pin(async move {
            resolve.first(LONG).await;
        }),
    );
    let mut browse = hall.browse(&kind).expect("a browse");
    let within = Arc::clone(events);
    add(
        "next_within",
        Box::pin(async move {
            while browse.next_within(LONG).await.is_some() {
                within.fetch_add(1, Ordering::SeqCst);
            }
        }),
    );
    waits
}

/// What is open sends and hears, and each datagram may wake the task that drives.
fn datagrams<R: Reactor>(mdns: &Mdns<R>) -> u32 {
    let links = mdns.links();
    let both = links
        .iter()
        .map(|link| link.stats.sent + link.stats.received);
    both.sum()
}

/// covers: none (adapters)
pub(crate) fn a_task_is_polled_for_news_alone<R: Reactor, E: Executor>() {
    // In the ways in which a program may run: as a whole, and from a thread beside the event loop.
    E::run(each_wait::<R>());
    let hall =
        E::enter(|| Mdns::<R>::with(crate::stories::loopback())).expect("a host on loopback");
    E::block_on(each_wait_of(hall));
}

async fn each_wait<R: Reactor>() {
    let hall = Mdns::<R>::with(crate::stories::loopback()).expect("a host on loopback");
    each_wait_of(hall).await;
}

async fn each_wait_of<R: Reactor>(hall: Mdns<R>) {
    // Each by itself, then all in one task.
    let events = Arc::default();
    let waits = all_waits(&hall, &events);
    for (what, wait) in waits {
        let counts = Counts {
            events: Arc::clone(&events),
            ..Counts::default()
        };
        events.store(0, Ordering::SeqCst);
        watch(&mut [wait], &counts).await;
        counts.check(what, 0);
    }
    let counts = Counts::default();
    let waits = all_waits(&hall, &counts.events);
    let mut waits: Vec<Wait> = waits.into_iter().map(|(_, wait)| wait).collect();
    watch(&mut waits, &counts).await;
    counts.check("all in one task", 0);

    let counts = Counts::default();
    let (one, other) = (hall.clone(), hall.clone());
    let shutdowns =
        [one, other].map(|mdns| -> Wait { Box::pin(async move { mdns.shutdown().await }) });
    watch(&mut { shutdowns }, &counts).await;
    counts.check("shutdown", 0);
}

/// covers: none (adapters)
pub(crate) fn a_task_that_drives_is_polled_for_datagrams_and_deadlines<R: Reactor, E: Executor>() {
    E::run(async {
        let clock = Box::new(mdns_driver::SystemClock::new());
        let opened = Mdns::<R>::unspawned(crate::stories::loopback(), clock);
        let (hall, run) = opened.expect("a host on loopback");
        let counts = Counts::default();
        let waits = all_waits(&hall, &counts.events);
        let mut waits: Vec<Wait> = waits.into_iter().map(|(_, wait)| wait).collect();
        waits.push(Box::pin(run));
        let before = datagrams(&hall);
        watch(&mut waits, &counts).await;
        counts.check("the driver in the task", datagrams(&hall) - before);
    });
}

/// covers: none (adapters)
pub(crate) fn a_loop_turns_for_datagrams_and_deadlines<L: Loop>() {
    const LIMIT: Duration = Duration::from_millis(50);
    let driver = Driver::open(crate::stories::loopback()).expect("a host on loopback");
    let mut event_loop = L::new(driver);
    let driver = event_loop.driver_mut();
    let kind = kind();
    let desk = Announcement::new("Desk", kind.clone(), 1);
    driver.advertise(&desk).expect("an advertisement");
    let name = kind.instance("Desk").expect("a name");
    let browse = driver.browse(&kind).expect("a browse");
    let resolve = driver.resolve(name.as_name()).expect("a resolve");
    let host = driver.host_name();
    let lookup = driver.lookup_host(host.as_name(), AddressKind::Both);
    let lookup = lookup.expect("a look-up");
    let query = driver.query(name.as_name(), RecordType::SRV, Span::Continuous);
    let query = query.expect("a query");
    let counted = |driver: &Driver| -> u32 {
        let links = driver.links();
        links
            .map(|link| link.stats.sent + link.stats.received)
            .sum()
    };

    let (start, before) = (Instant::now(), counted(event_loop.driver_mut()));
    let (mut turns, mut events) = (0, 0);
    while start.elapsed() < 4 * WATCHED {
        event_loop.turn(LIMIT);
        turns += 1;
        let driver = event_loop.driver_mut();
        events += count_news::<BrowseNews>(driver, browse);
        events += count_news::<ResolveNews>(driver, resolve);
        events += count_news::<LookupNews>(driver, lookup);
        events += count_news::<QueryNews>(driver, query);
    }
    let driver = event_loop.driver_mut();
    let datagrams = counted(driver) - before;
    let ticks = u32::try_from(start.elapsed().as_millis() / LIMIT.as_millis()).unwrap_or(u32::MAX);
    assert!(events >= 4, "each has news, not {events}");
    assert!(
        turns <= ticks + POLLS_PER_EVENT * datagrams + FEW,
        "{turns} turns for {datagrams} datagrams in {:?}",
        start.elapsed()
    );
}

fn count_news<N: Subscription>(driver: &mut Driver, ask: AskId) -> u32 {
    let mut count = 0;
    while driver.next::<N>(ask).is_some() {
        count += 1;
    }
    count
}
