//! The stories: what happens between nodes that know nothing of each other but what goes through the sockets.

use std::{
    net::{Ipv4Addr, UdpSocket},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Trial};
use mdns_driver::{
    Announcement, Backend, BrowseEvent, Driver, Options, ResolveEvent,
    proto::{
        discovery::AskError,
        name::{NameBuf, ServiceType},
        wire::{Flags, Header, Message, Question, RecordType, TxtVec, Writer},
    },
    socket::{Family, GROUP_V4, PORT, Selection, is_beside_stack},
};

use crate::{
    Clocks, Node,
    hostile::{mouth, what_is_no_message_is_passed_over},
    results::{
        a_host_with_300_addresses_is_shown_whole, an_alias_is_followed_to_who_has_the_addresses,
        what_finds_no_room_is_told_as_incomplete, what_is_no_instance_and_no_type_is_not_told,
    },
};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// How long a shutdown may take: goodbyes are said within a second (RFC 6762 §10.1); the rest is for a busy machine.
const SHUTDOWN: Duration = Duration::from_millis(2000);

/// How many stories are told at once: more would keep a small machine from answering in time.
const AT_ONCE: usize = 24;

/// Stories with their names.
macro_rules! stories {
    ($($story:ident::<$($of:ty),*>),* $(,)?) => {
        [$((stringify!($story), $story::<$($of),*> as fn())),*]
    };
}
pub(crate) use stories;

/// The stories of some nodes, all told at once; and those that nobody else on the machine's loopback should have to hear, or that
/// depend on who else is there, told one by one when the others have ended.
#[derive(Debug, Default)]
pub struct Suite {
    stories: Vec<Trial>,
    noisy: Vec<Trial>,
}

impl Suite {
    /// Nothing yet.
    pub fn new() -> Self {
        Suite::default()
    }

    /// Adds all stories of a node, under the name of what it runs on.
    pub fn with<N: Node>(mut self, name: &str) -> Self {
        let stories = stories![
            a_service_is_found_updated_and_gone::<N>,
            resolve_and_look_up_answer::<N>,
            own_services_are_found_and_known_as_such::<N>,
            the_second_of_one_name_takes_another::<N>,
            an_advertisement_that_is_dropped_says_goodbye::<N>,
            a_node_that_is_dropped_says_goodbye::<N>,
            shutdown_says_all_goodbyes_within_a_second::<N>,
            a_slow_reader_sees_the_latest_state::<N>,
            many_handles_are_one_host::<N>,
            after_sleep_names_are_claimed_anew::<N>,
            no_network_is_waited_for::<N>,
            an_extra_host_has_its_own_name::<N>,
            a_simple_resolver_is_answered_where_it_asked::<N>,
            a_one_shot_query_ends_with_the_answer_or_without::<N>,
            one_look_up_after_another_is_answered_at_once::<N>,
            names_of_elsewhere_are_refused::<N>,
            names_go_out_as_people_see_them::<N>,
            the_largest_message_is_heard::<N>,
            what_vanished_is_gone_when_doubted_or_after_sleep::<N>,
            a_service_is_offered_on_its_interfaces_alone::<N>,
        ];
        let noisy = stories![
            what_is_no_message_is_passed_over::<N>,
            the_second_on_the_port_asks_for_multicast_alone::<N>,
            a_host_name_is_the_same_at_each_start::<N>,
            what_finds_no_room_is_told_as_incomplete::<N>,
            a_host_with_300_addresses_is_shown_whole::<N>,
            an_alias_is_followed_to_who_has_the_addresses::<N>,
            what_is_no_instance_and_no_type_is_not_told::<N>,
        ];
        let is_left_out = |story: &str| {
            backend() == Backend::Avahi && NOT_OVER_AVAHI.iter().any(|(name, _)| *name == story)
        };
        let trial = |(story, tell): (&str, fn())| {
            let trial = Trial::test(format!("{name}::{story}"), move || {
                tell();
                Ok(())
            });
            trial.with_ignored_flag(is_left_out(story))
        };
        self.stories.extend(stories.map(trial));
        self.stories
            .extend(N::more_stories().into_iter().map(trial));
        self.noisy.extend(noisy.map(trial));
        self
    }

    /// Tells them, many at once: they mostly wait. Ends the process.
    pub fn run(self) -> ! {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(AT_ONCE);
        let told = libtest_mimic::run(&arguments, self.stories);
        arguments.test_threads = Some(1);
        let noisy = libtest_mimic::run(&arguments, self.noisy);
        told.exit_if_failed();
        noisy.exit()
    }
}

/// The environment variable that names the backend of all nodes. Without it they are on sockets of their own.
const BACKEND: &str = "MDNS_TEST_BACKEND";

/// The backend of all nodes.
fn backend() -> Backend {
    match std::env::var(BACKEND) {
        Ok(text) => text.parse().expect("a backend"),
        Err(_) => Backend::Own,
    }
}

/// The stories that are not of a node for which Avahi asks and publishes, and why.
const NOT_OVER_AVAHI: [(&str, &str); 9] = [
    (
        "after_sleep_names_are_claimed_anew",
        "Avahi claims the names; our own packets are counted there",
    ),
    (
        "what_vanished_is_gone_when_doubted_or_after_sleep",
        "Avahi has no command to doubt a record",
    ),
    (
        "the_second_on_the_port_asks_for_multicast_alone",
        "it reads our questions on port 5353, which is closed to us",
    ),
    (
        "what_is_no_message_is_passed_over",
        "it speaks on port 5353, which is closed to us",
    ),
    (
        "what_finds_no_room_is_told_as_incomplete",
        "it speaks on port 5353, which is closed to us",
    ),
    (
        "a_host_with_300_addresses_is_shown_whole",
        "it speaks on port 5353, which is closed to us",
    ),
    (
        "an_alias_is_followed_to_who_has_the_addresses",
        "it speaks on port 5353, which is closed to us",
    ),
    (
        "what_is_no_instance_and_no_type_is_not_told",
        "it speaks on port 5353, which is closed to us",
    ),
    (
        "a_host_name_is_the_same_at_each_start",
        "the name of the host is Avahi's, and is so for all nodes",
    ),
];

/// Loopback alone, by the backend of all nodes.
pub(crate) fn loopback() -> Options {
    Options {
        backend: backend(),
        ..Options::loopback()
    }
}

pub(crate) fn node<N: Node>() -> N {
    N::open(loopback(), Box::new(Clocks::new()))
}

/// A service type that nobody else on this machine has now.
pub(crate) fn kind() -> ServiceType {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("_n{}-{count}._tcp", process::id());
    name.parse().expect("a service type")
}

fn txt(key: &str, value: &str) -> TxtVec {
    let mut txt = TxtVec::new();
    txt.push(key, Some(value.as_bytes())).expect("an attribute");
    txt
}

fn advertise<N: Node>(node: &N, announcement: &Announcement) -> N::Advertisement {
    node.advertise(announcement).expect("an advertisement")
}

pub(crate) fn announce<N: Node>(
    node: &N,
    announcement: &Announcement,
) -> (N::Advertisement, NameBuf) {
    let mut advertisement = advertise(node, announcement);
    let name = node.registered(&mut advertisement).expect("a name");
    (advertisement, name)
}

/// Reads until so many instances are there.
pub(crate) fn until<N: Node>(node: &N, browse: &mut N::Browse, count: usize) {
    let end = Instant::now() + PATIENCE;
    while node.snapshot(browse).len() != count {
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "not {count}: {:?}", node.snapshot(browse));
        node.next(browse, left.min(Duration::from_millis(100)));
    }
}

/// Waits until nobody has the port: the sockets of a node close a little after it.
fn until_alone() {
    let end = Instant::now() + PATIENCE;
    while is_beside_stack() && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
}

/// The first stack of a host has the system's name, a second one letters of the machine after it; whichever of them starts again
/// has the name that it had.
///
/// covers: none (how the name of this host is made is no matter of the RFC)
fn a_host_name_is_the_same_at_each_start<N: Node>() {
    let start = || {
        let node = node::<N>();
        let name = node.host_name().to_string();
        (node, name)
    };
    let label = |name: &str| name.strip_suffix(".local").expect("a host name").to_owned();
    until_alone();
    let (first, plain) = start();
    let (second, other) = start();
    let (plain, other) = (label(&plain), label(&other));
    // Unless the system has no name, or another stack was there before the first.
    if plain != other {
        let letters = other.strip_prefix(&plain).expect("the same name");
        assert!(letters.len() == 5 && letters.starts_with('-'), "{other}");
    }
    second.shutdown();
    drop(second);
    let (second, again) = start();
    assert_eq!(label(&again), other);
    first.shutdown();
    drop(first);
    until_alone();
    let (first, again) = start();
    assert_eq!(label(&again), plain);
    second.shutdown();
    drop(second);
    let (_second, again) = start();
    assert_eq!(label(&again), other);
    drop(first);
}

/// covers: 6762-8.2-k, 6762-9-l, 6762-14-e
fn a_service_is_found_updated_and_gone<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let announcement = Announcement {
        txt: txt("path", "/a"),
        ..Announcement::new("Front Desk. 2", kind.clone(), 8080)
    };
    let (mut desk, name) = announce(&hall, &announcement);
    assert_eq!(name.as_name().first_label(), Some(&b"Front Desk. 2"[..]));

    let Some(BrowseEvent::Found(mut found)) = attic.next(&mut browse, PATIENCE) else {
        panic!("not found");
    };
    // Avahi tells record by record; our own sockets tell all that a response says at once.
    while backend() == Backend::Avahi && found.addresses.is_empty() {
        match attic.next(&mut browse, PATIENCE) {
            Some(BrowseEvent::Changed(changed)) => found = changed,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        (found.port, &found.host),
        (Some(8080), &Some(hall.host_name()))
    );
    let address = found
        .addresses
        .iter()
        .find(|address| address.ip == Ipv4Addr::LOCALHOST);
    assert_eq!(&*address.expect("the address of lo").interface_name, "lo");
    assert!(!found.is_own);

    // Others forget the old data at once if they heard them more than a second ago (RFC 6762 §10.2); the second
    // announcement was one second after the first.
    thread::sleep(Duration::from_millis(2500));
    let new = txt("path", "/b");
    hall.update_txt(&mut desk, &new);
    loop {
        match attic.next(&mut browse, PATIENCE) {
            Some(BrowseEvent::Changed(changed)) if changed.txt.as_txt() == new.as_txt() => break,
            Some(BrowseEvent::Changed(_)) => {}
            other => panic!("{other:?}"),
        }
    }

    hall.withdraw(desk);
    loop {
        match attic.next(&mut browse, PATIENCE) {
            Some(BrowseEvent::Gone(gone)) => break assert_eq!(gone.name, name),
            Some(BrowseEvent::Changed(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(attic.snapshot(&browse).is_empty());
}

/// covers: none (adapters)
fn resolve_and_look_up_answer<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let announcement = Announcement {
        txt: txt("a", "1"),
        ..Announcement::new("Desk", kind(), 7)
    };
    let (desk, name) = announce(&hall, &announcement);

    let mut resolve = attic.resolve(&name);
    let Some(ResolveEvent::Resolved(found)) = attic.next_resolved(&mut resolve, PATIENCE) else {
        panic!("not resolved");
    };
    let here = (Ipv4Addr::LOCALHOST, 7).into();
    assert!(found.socket_addrs().any(|address| address == here));
    assert_eq!(found.txt.as_txt(), announcement.txt.as_txt());

    let addresses = attic
        .look_up(&hall.host_name(), PATIENCE)
        .expect("a look-up")
        .expect("addresses");
    let addresses: Vec<_> = addresses.iter().map(|address| address.ip).collect();
    assert_eq!(addresses, [Ipv4Addr::LOCALHOST]);

    hall.withdraw(desk);
    while attic.next_resolved(&mut resolve, PATIENCE).expect("news") != ResolveEvent::Lost {}

    let nobody = kind().instance("Nobody").expect("a name");
    let start = Instant::now();
    let wait = Duration::from_millis(300);
    assert_eq!(attic.next_resolved(&mut attic.resolve(&nobody), wait), None);
    assert!((wait..PATIENCE).contains(&start.elapsed()));
}

/// covers: none (adapters)
fn own_services_are_found_and_known_as_such<N: Node>() {
    let hall: N = node();
    let kind = kind();
    let mut browse = hall.browse(&kind);
    let _desk = advertise(&hall, &Announcement::new("Desk", kind, 1));
    let Some(BrowseEvent::Found(found)) = hall.next(&mut browse, PATIENCE) else {
        panic!("not found");
    };
    assert!(found.is_own);
}

/// covers: 6762-9-h, 6762-9-i
fn the_second_of_one_name_takes_another<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let announcement = Announcement::new("Desk", kind(), 1);
    let (_first, _) = announce(&hall, &announcement);
    let second = Announcement {
        port: 2,
        ..announcement.clone()
    };
    let (second, name) = announce(&attic, &second);
    assert_eq!(name.as_name().first_label(), Some(&b"Desk (2)"[..]));

    // Who keeps the name has it at once the next time.
    attic.withdraw(second);
    let kept = Announcement {
        instance: "Desk (2)".to_owned(),
        ..announcement
    };
    let (_again, again) = announce(&attic, &kept);
    assert_eq!(again, name);
}

/// covers: none (adapters)
fn an_advertisement_that_is_dropped_says_goodbye<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let (first, _) = announce(&hall, &Announcement::new("First", kind.clone(), 1));
    let (_second, _) = announce(&hall, &Announcement::new("Second", kind, 2));
    until(&attic, &mut browse, 2);
    drop(first);
    until(&attic, &mut browse, 1);
}

/// covers: none (adapters)
fn a_node_that_is_dropped_says_goodbye<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let (desk, _) = announce(&hall, &Announcement::new("Desk", kind, 1));
    until(&attic, &mut browse, 1);
    // After the second announcement, and a second more: goodbye can be said at once then, and a loop that ends with its
    // node says it.
    thread::sleep(Duration::from_millis(2500));
    drop(hall);
    drop(desk);
    until(&attic, &mut browse, 0);
}

/// covers: none (adapters)
fn shutdown_says_all_goodbyes_within_a_second<N: Node>() {
    const SERVICES: u16 = 10;
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let mut own = hall.browse(&kind);
    let mut services: Vec<_> = (0..SERVICES)
        .map(|n| advertise(&hall, &Announcement::new(format!("S{n}"), kind.clone(), n)))
        .collect();
    for service in &mut services {
        hall.registered(service).expect("a name");
    }
    until(&attic, &mut browse, SERVICES.into());

    let clone = hall.clone();
    let start = Instant::now();
    hall.shutdown();
    assert!(start.elapsed() < SHUTDOWN, "{:?}", start.elapsed());
    until(&attic, &mut browse, 0);

    // Nothing goes on, and nothing begins.
    while hall.next(&mut own, Duration::ZERO).is_some() {}
    assert!(clone.links().is_empty());
    assert_eq!(clone.registered(&mut services[0]), None);
    for (what, refusal) in clone.refusals(&mut services[0]) {
        assert_eq!(refusal, "Closed", "{what}");
    }
    let start = Instant::now();
    services
        .into_iter()
        .for_each(|service| clone.withdraw(service));
    clone.shutdown();
    assert!(start.elapsed() < SHUTDOWN, "{:?}", start.elapsed());
}

/// covers: 6762-8.4-f, SEC-11
fn a_slow_reader_sees_the_latest_state<N: Node>() {
    const CHANGES: u32 = 10_000;
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let (mut desk, _) = announce(&hall, &Announcement::new("Desk", kind, 1));
    for count in 1..=CHANGES {
        hall.update_txt(&mut desk, &txt("count", &count.to_string()));
    }
    let latest = txt("count", &CHANGES.to_string());
    let end = Instant::now() + PATIENCE;
    let is_latest = |desk: &mdns_driver::Instance| desk.txt.as_txt() == latest.as_txt();
    while !attic.snapshot(&browse).iter().any(is_latest) {
        assert!(Instant::now() < end, "{:?}", attic.snapshot(&browse));
        thread::sleep(Duration::from_millis(20));
    }
    let Some(BrowseEvent::Found(found)) = attic.next(&mut browse, Duration::ZERO) else {
        panic!("not found");
    };
    assert!(is_latest(&found), "{found:?}");
    let more = attic.next(&mut browse, Duration::ZERO);
    assert_eq!(more, None, "one thing has one state");
}

/// covers: none (adapters)
fn many_handles_are_one_host<N: Node>() {
    const HANDLES: usize = 20;
    let hall: N = node();
    let kind = kind();
    let tasks: Vec<_> = (0..HANDLES)
        .map(|n| {
            let (hall, kind) = (hall.clone(), kind.clone());
            thread::spawn(move || {
                let service = Announcement::new(format!("S{n}"), kind.clone(), 1);
                let (service, _) = announce(&hall, &service);
                let mut browse = hall.browse(&kind);
                until(&hall, &mut browse, HANDLES);
                service
            })
        })
        .collect();
    let services: Vec<_> = tasks
        .into_iter()
        .map(|task| task.join().expect("no panic"))
        .collect();
    let start = Instant::now();
    hall.shutdown();
    assert!(start.elapsed() < SHUTDOWN, "{:?}", start.elapsed());
    drop(services);
}

/// covers: 6762-8-a
fn after_sleep_names_are_claimed_anew<N: Node>() {
    let clocks = Clocks::new();
    let hall = N::open(loopback(), Box::new(clocks.clone()));
    let kind = kind();
    let (_desk, _) = announce(&hall, &Announcement::new("Desk", kind.clone(), 1));
    // The second announcement.
    thread::sleep(Duration::from_millis(1200));
    let sent = || -> u32 { hall.links().iter().map(|link| link.stats.sent).sum() };
    let before = sent();
    clocks.sleep(Duration::from_secs(3600));
    // Whatever it does next, it looks at its clocks first.
    let _browse = hall.browse(&kind);
    let end = Instant::now() + PATIENCE;
    // Three probes and two announcements.
    while sent() < before + 5 {
        assert!(Instant::now() < end, "{before} before, {} after", sent());
        thread::sleep(Duration::from_millis(20));
    }
}

/// covers: none (adapters)
fn no_network_is_waited_for<N: Node>() {
    let nowhere = Options {
        interfaces: Selection::none(),
        ..Options::default()
    };
    let lonely = N::open(nowhere, Box::new(Clocks::new()));
    assert!(lonely.links().is_empty());
    let kind = kind();
    let desk = advertise(&lonely, &Announcement::new("Desk", kind.clone(), 1));
    let mut browse = lonely.browse(&kind);
    let wait = Duration::from_millis(200);
    assert_eq!(lonely.next(&mut browse, wait), None);
    let start = Instant::now();
    lonely.withdraw(desk);
    lonely.shutdown();
    assert!(start.elapsed() < SHUTDOWN / 2, "{:?}", start.elapsed());
}

/// covers: none (adapters)
fn an_extra_host_has_its_own_name<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let host = format!("extra-{}", kind.to_string().replace(['_', '.'], ""));
    let announcement = Announcement {
        host: Some(host.clone()),
        ..Announcement::new("Desk", kind, 1)
    };
    let (_desk, name) = announce(&hall, &announcement);
    let shelf = Announcement {
        instance: "Shelf".to_owned(),
        ..announcement
    };
    let (_shelf, _) = announce(&hall, &shelf);
    let mut resolve = attic.resolve(&name);
    let Some(ResolveEvent::Resolved(found)) = attic.next_resolved(&mut resolve, PATIENCE) else {
        panic!("not resolved");
    };
    let found = found.host.expect("a host");
    assert_eq!(found.as_name().first_label(), Some(host.as_bytes()));
}

/// A resolver that knows nothing of multicast asks from a port of its own, and is answered there from ours.
///
/// covers: 6762-6-p, 6762-6.7-a
fn a_simple_resolver_is_answered_where_it_asked<N: Node>() {
    let hall: N = node();
    let (_desk, name) = announce(&hall, &Announcement::new("Desk", kind(), 631));
    ask_simply(&name);
}

/// Asks for the SRV record of an instance, as a simple resolver does.
pub(crate) fn ask_simply(name: &NameBuf) {
    const ID: u16 = 0x5eed;
    let mut buffer = [0; 1500];
    let header = Header {
        id: ID,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    let question = Question::new(name.as_name(), RecordType::SRV);
    writer.question(&question).expect("room for a question");
    let len = writer.finish();

    // Bound to the address of loopback it multicasts there.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let group = (GROUP_V4, PORT);
    socket.send_to(&buffer[..len], group).expect("a question");
    let (len, source) = socket.recv_from(&mut buffer).expect("an answer");
    assert_eq!(source.port(), PORT);
    let message = Message::parse(&buffer[..len]).expect("a message");
    assert_eq!(message.header().id, ID);
    let answer = message.answers().next().expect("an answer");
    assert_eq!(
        (*name == answer.name, answer.rtype()),
        (true, RecordType::SRV)
    );
}

/// covers: 6762-5.1-b
fn a_one_shot_query_ends_with_the_answer_or_without<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let (_desk, name) = announce(&hall, &Announcement::new("Desk", kind(), 631));
    let answers = attic.ask(&name, RecordType::SRV).expect("a query");
    assert_eq!(answers.len(), 1);
    assert_eq!((&answers[0].name, answers[0].is_own), (&name, false));

    let nobody = kind().instance("Nobody").expect("a name");
    let start = Instant::now();
    assert_eq!(attic.ask(&nobody, RecordType::SRV), Ok(Vec::new()));
    assert!(start.elapsed() >= Duration::from_millis(2900));
}

/// Its owner multicasts a record once a second; who asks in between has the answer by unicast, on a port of its own, although
/// port 5353 has more than one user here.
///
/// covers: 6762-5.1-a
fn one_look_up_after_another_is_answered_at_once<N: Node>() {
    let hall: N = node();
    let (_desk, name) = announce(&hall, &Announcement::new("Desk", kind(), 631));
    let mut waited = [(); 9].map(|()| {
        // As a new process would be: it has heard nothing yet.
        let attic: N = node();
        let start = Instant::now();
        let answers = attic.ask(&name, RecordType::SRV).expect("a query");
        assert_eq!(answers.len(), 1);
        start.elapsed()
    });
    waited.sort_unstable();
    assert!(
        waited[4] < Duration::from_millis(500),
        "it is some milliseconds by unicast, and most of a second by multicast: {waited:?}"
    );
}

/// covers: 6762-3-h, 6762-13-a, 6762-22.1-a, 6761-5-a, 6761-6.3-a, SEC-20
fn names_of_elsewhere_are_refused<N: Node>() {
    let hall: N = node();
    let name = |name: &str| -> NameBuf { name.parse().expect("a name") };
    for elsewhere in ["www.example.com", "localhost", "1.0.0.10.in-addr.arpa"] {
        let refused = Err(AskError::NotLinkLocal);
        assert_eq!(hall.ask(&name(elsewhere), RecordType::PTR), refused);
        let refused = Err(AskError::NotLinkLocal);
        assert_eq!(hall.look_up(&name(elsewhere), Duration::ZERO), refused);
    }
    let here = name("1.0.254.169.in-addr.arpa");
    assert_eq!(hall.look_up(&here, Duration::ZERO), Ok(None));

    let two_labels = Announcement {
        host: Some("two.labels".to_owned()),
        ..Announcement::new("Desk", kind(), 1)
    };
    assert!(hall.advertise(&two_labels).is_err());
}

/// covers: 6762-12-a, 6762-16-a, 6762-16-c
fn names_go_out_as_people_see_them<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    // An accent of its own becomes one with its letter.
    let (_cafe, _) = announce(&hall, &Announcement::new("Cafe\u{301} \u{5496}", kind, 1));
    let Some(BrowseEvent::Found(found)) = attic.next(&mut browse, PATIENCE) else {
        panic!("not found");
    };
    let mut labels = found.name.as_name().labels();
    assert_eq!(labels.next(), Some("Caf\u{e9} \u{5496}".as_bytes()));
    assert_eq!(labels.last(), Some(&b"local"[..]));
}

/// covers: 6762-17-e
fn the_largest_message_is_heard<N: Node>() {
    /// Each of 255 bytes and its length: with names and the rest about 8,900.
    const STRINGS: usize = 34;
    let (hall, attic): (N, N) = (node(), node());
    let mut large = TxtVec::new();
    for n in 0..STRINGS {
        let value = [b'x'; 252];
        large
            .push(&format!("{n:02}"), Some(&value))
            .expect("an attribute");
    }
    let announcement = Announcement {
        txt: large,
        ..Announcement::new("Desk", kind(), 1)
    };
    let (_desk, name) = announce(&hall, &announcement);
    let mut resolve = attic.resolve(&name);
    let Some(ResolveEvent::Resolved(found)) = attic.next_resolved(&mut resolve, PATIENCE) else {
        panic!("not resolved");
    };
    assert_eq!(found.txt.as_txt(), announcement.txt.as_txt());
}

/// What comes back of its own questions does not end them, either.
///
/// covers: 6762-7.3-d, 6762-15.1-a, 6762-15.1-b, 6762-15.1-c
fn the_second_on_the_port_asks_for_multicast_alone<N: Node>() {
    until_alone();
    let ear = mouth();
    let (_first, second): (N, N) = (node(), node());
    assert!(second.links().iter().all(|link| !link.unicast));
    let kind = kind();
    let _browse = second.browse(&kind);
    let mut buffer = [0; 9000];
    let mut questions = 0;
    let end = Instant::now() + PATIENCE;
    while questions < 2 {
        assert!(Instant::now() < end, "{questions} questions");
        let Ok(received) = ear.recv_from(&mut buffer) else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        // Whatever others say here.
        let Ok(message) = Message::parse(&buffer[..received.len]) else {
            continue;
        };
        for question in message
            .questions()
            .filter(|asked| asked.name == kind.as_name())
        {
            assert_eq!((received.source.port(), question.unicast), (PORT, false));
            questions += 1;
        }
    }
}

/// covers: 6762-10.3-b, 6762-10.4-a
fn what_vanished_is_gone_when_doubted_or_after_sleep<N: Node>() {
    /// As long as what is in doubt is believed (RFC 6762 §10.3, §10.4), and a bit.
    const DOUBT: Duration = Duration::from_secs(11);
    /// A node that had no time to read yet hears the old words after it was made to doubt them, and believes them again.
    const TRIES: usize = 5;
    let kind = kind();
    let doubt: fn(&N, &Clocks, &NameBuf) = |node, _, name| node.reconfirm(name);
    let sleep: fn(&N, &Clocks, &NameBuf) = |_, clocks, _| clocks.sleep(Duration::from_secs(3600));
    let nodes = [doubt, sleep].map(|shake| {
        let clocks = Clocks::new();
        let node = N::open(loopback(), Box::new(clocks.clone()));
        let browse = node.browse(&kind);
        (node, clocks, browse, shake)
    });
    let name = vanishing(&kind);
    for (node, clocks, mut browse, shake) in nodes {
        until(&node, &mut browse, 1);
        // Whatever a node is told to do next, it looks at its clocks first.
        let look = || drop(node.browse(&self::kind()));
        let is_gone = (0..TRIES).any(|_| {
            shake(&node, &clocks, &name);
            look();
            assert_eq!(node.snapshot(&browse).len(), 1, "nobody was asked yet");
            clocks.skip(DOUBT);
            look();
            thread::sleep(Duration::from_millis(100));
            node.snapshot(&browse).is_empty()
        });
        assert!(is_gone, "{:?}", node.snapshot(&browse));
    }
}

/// Advertises a service, and ends without goodbye.
fn vanishing(kind: &ServiceType) -> NameBuf {
    let mut driver = Driver::open(Options::loopback()).expect("a driver");
    let ghost = driver.advertise(&Announcement::new("Ghost", kind.clone(), 1));
    let ghost = ghost.expect("an advertisement");
    let start = Instant::now();
    // Three probes, two announcements.
    while start.elapsed() < Duration::from_secs(3) {
        let sources: Vec<_> = driver.sources().map(|(id, _)| id).collect();
        for source in sources {
            while driver.read(source).is_ok() {}
        }
        driver.handle_timeout();
        thread::sleep(Duration::from_millis(5));
    }
    let (name, is_registered) = driver.advertised(ghost).expect("a service");
    assert!(is_registered);
    let name = name.clone();
    driver.abandon();
    name
}

/// covers: none (adapters)
fn a_service_is_offered_on_its_interfaces_alone<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let service = |name: &str, interfaces| Announcement {
        interfaces: Some(interfaces),
        ..Announcement::new(name, kind.clone(), 1)
    };
    let elsewhere = Selection::none().with_name("nosuch*").expect("a pattern");
    let _hidden = advertise(&hall, &service("Hidden", elsewhere));
    let on_v6 = Selection::loopback().only(Family::V6);
    let _hidden = advertise(&hall, &service("Hidden too", on_v6));
    let by_predicate = Selection::none().with(|interface| interface.is_loopback);
    let (_desk, _) = announce(&hall, &service("Desk", by_predicate));
    until(&attic, &mut browse, 1);
    thread::sleep(Duration::from_secs(2));
    let found: Vec<_> = attic.snapshot(&browse);
    let found: Vec<_> = found.iter().map(|instance| instance.label()).collect();
    assert_eq!(found, ["Desk"]);
}
