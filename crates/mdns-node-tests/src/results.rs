//! The stories of what is told of what others say. They say it by hand, on port 5353, so that it is as much and as odd as a story needs.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use mdns_driver::{
    Answer, BrowseEvent, LookupEvent, Options, QueryEvent, ResolveEvent,
    proto::{
        config::Config,
        name::{NameBuf, ServiceType},
        wire::{Class, Flags, Header, Rdata, Record, RecordType, Section, Srv, Ttl},
    },
};
use mdns_sim::message;

use crate::{
    Clocks, Node,
    hostile::mouth,
    stories::{PATIENCE, kind, node, until},
};

/// How often what is said is said again.
const PAUSE: Duration = Duration::from_millis(300);

/// How many addresses go into one packet.
const ADDRESSES: usize = 50;

/// Something to ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// The instances of a type.
    Browse(ServiceType),
    /// An instance.
    Resolve(NameBuf),
    /// The IPv4 addresses of a host.
    LookUp(NameBuf),
    /// The records of a name and type.
    Query(NameBuf, RecordType),
}

/// Events that tell how many results there are.
pub(crate) trait Count {
    /// So many results there are after the event, if there were so many before. `None` if it says that results are missing.
    fn count(&self, before: usize) -> Option<usize>;
}

impl Count for BrowseEvent {
    fn count(&self, before: usize) -> Option<usize> {
        match self {
            BrowseEvent::Found(_) => Some(before + 1),
            BrowseEvent::Gone(_) => Some(before - 1),
            BrowseEvent::Incomplete => None,
            _ => Some(before),
        }
    }
}

impl Count for ResolveEvent {
    fn count(&self, _: usize) -> Option<usize> {
        match self {
            ResolveEvent::Resolved(found) => Some(found.addresses.len()),
            ResolveEvent::Incomplete => None,
            _ => Some(0),
        }
    }
}

impl Count for LookupEvent {
    fn count(&self, _: usize) -> Option<usize> {
        match self {
            LookupEvent::Addresses(found) => Some(found.len()),
            _ => None,
        }
    }
}

impl Count for QueryEvent {
    fn count(&self, before: usize) -> Option<usize> {
        match self {
            QueryEvent::Answers(found) => Some(found.len()),
            QueryEvent::Incomplete => None,
            _ => Some(before),
        }
    }
}

/// Counts what is told until it is so many, or some are said to be missing, or time is up: how many results there are, and
/// whether some are missing.
pub(crate) fn count<E: Count>(
    enough: usize,
    within: Duration,
    mut next: impl FnMut(Duration) -> Option<E>,
) -> (usize, bool) {
    let end = Instant::now() + within;
    let mut found = 0;
    while found < enough {
        let Some(event) = next(end.saturating_duration_since(Instant::now())) else {
            break;
        };
        match event.count(found) {
            Some(now) => found = now,
            None => return (found, true),
        }
    }
    (found, false)
}

/// A response with these records.
fn response<'r>(records: impl IntoIterator<Item = (&'r NameBuf, Rdata<'r>)>) -> Vec<u8> {
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    message(header, |writer| {
        for (name, rdata) in records {
            let record = Record {
                name: name.as_name(),
                class: Class::IN,
                cache_flush: rdata.rtype() != RecordType::PTR,
                ttl: Ttl(120),
                rdata,
            };
            writer.record(Section::Answer, &record).expect("room");
        }
    })
}

/// All addresses of a host, in as many packets as they need (RFC 6762 §10.2).
fn addresses(host: &NameBuf, count: usize) -> Vec<Vec<u8>> {
    let address = |n: usize| {
        let [.., high, low] = n.to_be_bytes();
        (host, Rdata::A(Ipv4Addr::new(127, 1, high, low)))
    };
    let packet = |from: usize| response((from..count.min(from + ADDRESSES)).map(address));
    (0..count).step_by(ADDRESSES).map(packet).collect()
}

/// What leads to an instance: its pointer, its place, its attributes.
fn place(kind: &ServiceType, instance: &NameBuf, host: &NameBuf) -> Vec<u8> {
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 631,
        target: host.as_name(),
    };
    let kind = NameBuf::from(kind.as_name());
    let txt = mdns_driver::proto::wire::TxtVec::new();
    response([
        (&kind, Rdata::Ptr(instance.as_name())),
        (instance, Rdata::Srv(srv)),
        (instance, Rdata::Txt(txt.as_txt())),
    ])
}

/// A host name that nobody else on this machine has now.
fn host_of(kind: &ServiceType) -> NameBuf {
    let label = kind.to_string().replace(['_', '.'], "");
    format!("h-{label}.local").parse().expect("a name")
}

/// Says the packets to the group again and again while a story is told.
fn said<T>(packets: &[Vec<u8>], story: impl FnOnce() -> T) -> T {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mouth = mouth();
            while !is_over.load(Ordering::SeqCst) {
                for packet in packets {
                    mouth.send_to(packet, mouth.group()).expect("sent");
                }
                thread::sleep(PAUSE);
            }
        });
        let _end = End(&is_over);
        story()
    })
}

/// Whatever was asked for, and whether the core or the adapter ran out of room: who misses a result is told so.
///
/// covers: SEC-11
pub(crate) fn what_finds_no_room_is_told_as_incomplete<N: Node>() {
    const COUNT: usize = 40;
    let kind = kind();
    let (host, desk) = (host_of(&kind), kind.instance("Desk").expect("a name"));
    let mut packets = addresses(&host, COUNT);
    packets.push(place(&kind, &desk, &host));
    let instances: Vec<NameBuf> = (1..COUNT)
        .map(|n| kind.instance(&format!("S{n}")).expect("a name"))
        .collect();
    let pointers = NameBuf::from(kind.as_name());
    packets.push(response(
        instances
            .iter()
            .map(|instance| (&pointers, Rdata::Ptr(instance.as_name()))),
    ));

    let small_core = Options {
        config: Config {
            heard_records_max: 12,
            ..Config::DEFAULT
        },
        ..Options::loopback()
    };
    let small_adapter = Options {
        results_max: 900,
        ..Options::loopback()
    };
    let requests = [
        Request::Browse(kind),
        Request::Resolve(desk),
        Request::LookUp(host.clone()),
        Request::Query(host, RecordType::A),
    ];
    said(&packets, || {
        for request in &requests {
            for options in [&small_core, &small_adapter] {
                let node = N::open(options.clone(), Box::new(Clocks::new()));
                let (count, is_incomplete) = node.results(request, COUNT, PATIENCE);
                assert!(is_incomplete && count < COUNT, "{request:?}: {count}");
            }
            let node: N = node();
            assert_eq!(node.results(request, COUNT, PATIENCE), (COUNT, false));
        }
    });
}

/// covers: none (how many results an adapter shows)
pub(crate) fn a_host_with_300_addresses_is_shown_whole<N: Node>() {
    const COUNT: usize = 300;
    let kind = kind();
    let (host, desk) = (host_of(&kind), kind.instance("Desk").expect("a name"));
    let mut packets = addresses(&host, COUNT);
    packets.push(place(&kind, &desk, &host));
    said(&packets, || {
        let node: N = node();
        for request in [
            Request::LookUp(host.clone()),
            Request::Query(host.clone(), RecordType::A),
            Request::Resolve(desk),
        ] {
            let found = node.results(&request, COUNT, PATIENCE);
            assert_eq!(found, (COUNT, false), "{request:?}");
        }
        let browse = node.browse(&kind);
        let end = Instant::now() + PATIENCE;
        let is_whole = |node: &N| {
            let all = node.snapshot(&browse);
            all.iter().any(|found| found.addresses.len() == COUNT)
        };
        while !is_whole(&node) {
            assert!(Instant::now() < end, "{:?}", node.snapshot(&browse));
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Aliases are followed to the name that has the addresses; those that go round lead nowhere.
///
/// covers: none (RFC 1034 §3.6.2)
pub(crate) fn an_alias_is_followed_to_who_has_the_addresses<N: Node>() {
    let kind = kind();
    let host = host_of(&kind);
    let [www, web, round, about] = ["www", "web", "round", "about"].map(|label| {
        let name: NameBuf = format!("{label}-{host}").parse().expect("a name");
        name
    });
    let desk = kind.instance("Desk").expect("a name");
    let aliases = [
        (&www, Rdata::Cname(web.as_name())),
        (&web, Rdata::Cname(host.as_name())),
        (&round, Rdata::Cname(about.as_name())),
        (&about, Rdata::Cname(round.as_name())),
    ];
    let mut packets = addresses(&host, 2);
    packets.push(response(aliases));
    packets.push(place(&kind, &desk, &www));
    said(&packets, || {
        let node: N = node();
        let found = node.look_up(&www, PATIENCE).expect("a look-up");
        let found = found.expect("addresses");
        assert_eq!((&found.canonical_name, found.len()), (&host, 2));
        let mut resolve = node.resolve(&desk);
        let Some(ResolveEvent::Resolved(found)) = node.next_resolved(&mut resolve, PATIENCE) else {
            panic!("not resolved");
        };
        assert_eq!(
            (found.host, found.canonical_host),
            (Some(www.clone()), Some(host))
        );
        assert_eq!(found.addresses.len(), 2);
        let answers: Vec<Answer> = node.ask(&www, RecordType::A).expect("a query");
        let answers: Vec<_> = answers.iter().map(|answer| answer.rtype).collect();
        assert_eq!(answers, [RecordType::CNAME], "a query tells what there is");
        let wait = Duration::from_millis(500);
        assert_eq!(node.look_up(&round, wait), Ok(None));
    });
}

/// An instance is one label before the type that was asked for, a type two labels; what others say beside that is not told.
///
/// covers: 6763-4.1-a
pub(crate) fn what_is_no_instance_and_no_type_is_not_told<N: Node>() {
    let kind = kind();
    let name = |text: String| -> NameBuf { text.parse().expect("a name") };
    let (asked, all) = (
        NameBuf::from(kind.as_name()),
        name("_services._dns-sd._udp.local".into()),
    );
    let targets = [
        name(format!("two.labels.{kind}")),
        asked.clone(),
        name(format!("Desk._other.{kind}")),
        name("Desk._ipp._tcp.local".into()),
        name("Desk.local".into()),
    ];
    let no_types = [
        name(format!("Desk.{kind}")),
        name(format!("one-{kind}").replace("._tcp", "")),
        name("_udp.local".into()),
    ];
    let odd = targets
        .iter()
        .map(|target| (&asked, Rdata::Ptr(target.as_name())));
    let odd_types = no_types
        .iter()
        .map(|target| (&all, Rdata::Ptr(target.as_name())));
    let desk = kind.instance("Desk").expect("a name");
    // What is right comes last.
    let right = [
        (&asked, Rdata::Ptr(desk.as_name())),
        (&all, Rdata::Ptr(asked.as_name())),
    ];
    let packets = [response(odd.chain(odd_types)), response(right)];
    said(&packets, || {
        let node: N = node();
        let mut types = node.browse_types();
        let mut browse = node.browse(&kind);
        until(&node, &mut browse, 1);
        // And what is said again.
        thread::sleep(3 * PAUSE);
        let found = node.snapshot(&browse);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].name, desk);
        let end = Instant::now() + PATIENCE;
        loop {
            let found = node.snapshot(&types);
            for one in &found {
                assert!(one.as_service_type().is_some(), "{one:?}");
            }
            if found
                .iter()
                .any(|one| one.as_service_type().as_ref() == Some(&kind))
            {
                break;
            }
            assert!(Instant::now() < end, "{found:?}");
            node.next(&mut types, PAUSE);
        }
    });
}
