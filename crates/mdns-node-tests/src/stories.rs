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
    Announcement, BrowseEvent, Options, ResolveEvent,
    proto::{
        name::{NameBuf, ServiceType},
        wire::{Flags, Header, Message, Question, RecordType, TxtVec, Writer},
    },
    socket::{GROUP_V4, PORT, Selection},
};

use crate::{Clocks, Node};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a shutdown may take: goodbyes are said within a second (RFC 6762 §10.1).
const SHUTDOWN: Duration = Duration::from_millis(1200);

/// Stories with their names.
macro_rules! stories {
    ($($story:ident::<$node:ty>),* $(,)?) => {
        [$((stringify!($story), $story::<$node> as fn())),*]
    };
}

/// The stories of some nodes, all told at once.
#[derive(Debug, Default)]
pub struct Suite(Vec<Trial>);

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
        ];
        let trials = stories.map(|(story, tell)| {
            Trial::test(format!("{name}::{story}"), move || {
                tell();
                Ok(())
            })
        });
        self.0.extend(trials);
        self
    }

    /// Tells them, as many at once as there are: they mostly wait. Ends the process.
    pub fn run(self) -> ! {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(self.0.len().max(1));
        libtest_mimic::run(&arguments, self.0).exit()
    }
}

fn node<N: Node>() -> N {
    N::open(Options::loopback(), Box::new(Clocks::new()))
}

/// A service type that nobody else on this machine has now.
fn kind() -> ServiceType {
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

fn announce<N: Node>(node: &N, announcement: &Announcement) -> (N::Advertisement, NameBuf) {
    let mut advertisement = node.advertise(announcement);
    let name = node.registered(&mut advertisement).expect("a name");
    (advertisement, name)
}

/// Reads until so many instances are there.
fn until<N: Node>(node: &N, browse: &mut N::Browse, count: usize) {
    let end = Instant::now() + PATIENCE;
    while node.snapshot(browse).len() != count {
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "not {count}: {:?}", node.snapshot(browse));
        node.next(browse, left.min(Duration::from_millis(100)));
    }
}

/// covers: 6762-8.2-k, 6762-9-l
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

    let Some(BrowseEvent::Found(found)) = attic.next(&mut browse, PATIENCE) else {
        panic!("not found");
    };
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
    let Some(BrowseEvent::Gone(gone)) = attic.next(&mut browse, PATIENCE) else {
        panic!("not gone");
    };
    assert_eq!(gone.name, name);
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
        .expect("addresses");
    let addresses: Vec<_> = addresses.iter().map(|address| address.ip).collect();
    assert_eq!(addresses, [Ipv4Addr::LOCALHOST]);

    hall.withdraw(desk);
    while attic.next_resolved(&mut resolve, PATIENCE).expect("news") != ResolveEvent::Lost {}

    let nobody = kind().instance("Nobody").expect("a name");
    let start = Instant::now();
    let wait = Duration::from_millis(300);
    assert_eq!(attic.next_resolved(&mut attic.resolve(&nobody), wait), None);
    assert!((wait..wait * 4).contains(&start.elapsed()));
}

/// covers: none (adapters)
fn own_services_are_found_and_known_as_such<N: Node>() {
    let hall: N = node();
    let kind = kind();
    let mut browse = hall.browse(&kind);
    let _desk = hall.advertise(&Announcement::new("Desk", kind, 1));
    let Some(BrowseEvent::Found(found)) = hall.next(&mut browse, PATIENCE) else {
        panic!("not found");
    };
    assert!(found.is_own);
}

/// covers: 6762-9-i
fn the_second_of_one_name_takes_another<N: Node>() {
    let (hall, attic): (N, N) = (node(), node());
    let announcement = Announcement::new("Desk", kind(), 1);
    let (_first, _) = announce(&hall, &announcement);
    let second = Announcement {
        port: 2,
        ..announcement
    };
    let (_second, name) = announce(&attic, &second);
    assert_eq!(name.as_name().first_label(), Some(&b"Desk (2)"[..]));
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
        .map(|n| hall.advertise(&Announcement::new(format!("S{n}"), kind.clone(), n)))
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
    let mut late = clone.advertise(&Announcement::new("Late", kind.clone(), 1));
    assert_eq!(clone.registered(&mut late), None);
    assert_eq!(clone.next(&mut clone.browse(&kind), PATIENCE), None);
    let start = Instant::now();
    services
        .into_iter()
        .for_each(|service| clone.withdraw(service));
    clone.shutdown();
    assert!(start.elapsed() < SHUTDOWN, "{:?}", start.elapsed());
}

/// covers: 6762-8.4-f
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
    let hall = N::open(Options::loopback(), Box::new(clocks.clone()));
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
    let desk = lonely.advertise(&Announcement::new("Desk", kind.clone(), 1));
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
    const ID: u16 = 0x5eed;
    let hall: N = node();
    let (_desk, name) = announce(&hall, &Announcement::new("Desk", kind(), 631));
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
        (name == answer.name, answer.rtype()),
        (true, RecordType::SRV)
    );
}
