//! What does not fit leaves nothing behind, wherever it was that room ran out.
//!
//! For each bound up to one at which all fits, two hosts are alike but for this: one tries something first, for which there
//! is no room. After that both do the same, and the network must not be able to tell them apart.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    discovery::{AskError, Details},
    host::{Event, Host},
    link::{Family, InterfaceId, LinkConfig, Packet, Subnet, Via},
    name::{NameBuf, ServiceType},
    own::{HostId, NewRecord, RegisterError, Service, ServiceId, Sharing},
    store::Heap,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Nsec, Question, Rdata, Record, RecordType, Section, Srv,
        Ttl, Txt, TxtVec, TypeSet, Writer,
    },
};

type Small = Host<Heap>;

/// Questions and records of the first seconds, as text, and what the application is told; sorted, since the number of a row
/// decides which packet a record goes into.
fn life(host: &mut Small) -> Vec<String> {
    let (mut now, end) = (Instant::ZERO, Instant::ZERO + Duration::from_secs(4));
    let mut told = Vec::new();
    let mut buffer = [0; 9000];
    loop {
        host.handle_timeout(now);
        while let Some(sent) = host.poll_transmit(now, &mut buffer) {
            let message = Message::parse(&buffer[..sent.len]).expect("we send what can be read");
            told.extend(message.questions().map(|question| question.to_string()));
            told.extend(message.records().map(|(_, record)| record.to_string()));
        }
        while let Some(event) = host.poll_event() {
            told.push(match event {
                Event::Registered { name, .. } => format!("registered {name}"),
                other => format!("{other:?}"),
            });
        }
        match host.poll_timeout() {
            Some(next) if next <= end => now = next,
            _ => break,
        }
    }
    told.sort();
    told
}

fn types() -> [ServiceType; 3] {
    ["_ipp._tcp", "_printer._tcp", "_http._tcp"].map(|text| text.parse().expect("a type"))
}

/// A host under these bounds, with an address; and the service that it has already, if there is room for it.
fn host(records: u32, text: usize) -> Option<(Small, HostId, ServiceId)> {
    let config = Config {
        own_records_max: records,
        own_text_max: text,
        ..Config::DEFAULT
    };
    let now = Instant::ZERO;
    let mut host = Small::started(config, now, 1);
    let interface = InterfaceId(1);
    let link = LinkConfig {
        interface,
        family: Family::V4,
        mtu: 1500,
        unicast: true,
        ..LinkConfig::MULTICAST
    };
    host.add_link(now, link).ok()?;
    host.set_addresses(now, interface, &subnets(1)).ok()?;
    let id = host.add_host(now, "hall").ok()?;
    let [ipp, ..] = types();
    let service = host.register(now, &Service::new("Desk", &ipp, 631)).ok()?;
    Some((host, id, service))
}

fn subnets(count: u8) -> Vec<Subnet> {
    let subnet = |n| Subnet {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)),
        prefix_len: 24,
    };
    (1..=count).map(subnet).collect()
}

/// Something to try; whether it worked.
type Attempt = fn(&mut Small, HostId, ServiceId) -> Result<(), RegisterError>;

fn second_host(host: &mut Small, _: HostId, _: ServiceId) -> Result<(), RegisterError> {
    host.add_host(Instant::ZERO, "a-second-host").map(drop)
}

fn large_service(host: &mut Small, _: HostId, _: ServiceId) -> Result<(), RegisterError> {
    let [ipp, printer, http] = types();
    let mut txt = TxtVec::new();
    txt.push("paper", Some(b"A4")).expect("an attribute");
    let service = Service {
        txt: txt.as_txt(),
        subtypes: &["_color", "_duplex"],
        placeholders: &[&ipp, &printer],
        ..Service::new("Front Office", &http, 80)
    };
    host.register(Instant::ZERO, &service).map(drop)
}

fn more_subtypes(host: &mut Small, _: HostId, service: ServiceId) -> Result<(), RegisterError> {
    host.update_subtypes(Instant::ZERO, service, &["_color", "_duplex", "_scan"])
}

fn longer_txt(host: &mut Small, _: HostId, service: ServiceId) -> Result<(), RegisterError> {
    let mut txt = TxtVec::new();
    txt.push("note", Some(&[b'x'; 60])).expect("an attribute");
    host.update_txt(Instant::ZERO, service, txt.as_txt())
}

fn record_of_its_own(host: &mut Small, _: HostId, _: ServiceId) -> Result<(), RegisterError> {
    let name: NameBuf = "an-alias.local".parse().expect("a name");
    let to: NameBuf = "somewhere-else.local".parse().expect("a name");
    let record = NewRecord::new(name.as_name(), Rdata::Cname(to.as_name()), Sharing::Unique);
    host.add_record(Instant::ZERO, &record).map(drop)
}

fn foreign_srv(host: &mut Small, _: HostId, _: ServiceId) -> Result<(), RegisterError> {
    let name: NameBuf = "x._foo._udp.local".parse().expect("a name");
    let target: NameBuf = "somewhere-else.local".parse().expect("a name");
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 9,
        target: target.as_name(),
    };
    let record = NewRecord::new(name.as_name(), Rdata::Srv(srv), Sharing::Shared);
    host.add_record(Instant::ZERO, &record).map(drop)
}

/// What both do in the end: as little as can be said to have worked.
fn afterwards(host: &mut Small) -> Result<(), RegisterError> {
    let [.., http] = types();
    host.register(Instant::ZERO, &Service::new("W", &http, 1))
        .map(drop)
}

const ATTEMPTS: [(&str, Attempt); 6] = [
    ("a second host", second_host),
    ("a large service", large_service),
    ("more subtypes", more_subtypes),
    ("a longer TXT", longer_txt),
    ("an alias", record_of_its_own),
    ("an SRV record", foreign_srv),
];

/// Under these bounds: does it fit? Then there is nothing to compare.
fn compare(what: &str, attempt: Attempt, records: u32, text: usize) -> Option<bool> {
    let (mut plain, ..) = host(records, text)?;
    let (mut tried, id, service) = host(records, text)?;
    match attempt(&mut tried, id, service) {
        Ok(()) => return Some(true),
        Err(error) => assert_eq!(error, RegisterError::Full, "{what}"),
    }
    let results = [afterwards(&mut plain), afterwards(&mut tried)];
    let bounds = format!("{what}, with {records} records and {text} bytes");
    assert_eq!(results[0], results[1], "{bounds}: what fits afterwards");
    assert_eq!(life(&mut plain), life(&mut tried), "{bounds}");
    Some(false)
}

/// All bounds from too little for the host alone to enough for everything.
fn at_every_bound(
    attempts: &[(&str, Attempt)],
    bounds: impl Iterator<Item = (u32, usize)> + Clone,
) {
    for &(what, attempt) in attempts {
        let outcomes: Vec<_> = bounds
            .clone()
            .filter_map(|(records, text)| compare(what, attempt, records, text))
            .collect();
        assert!(outcomes.contains(&true), "{what}: it never fits");
        let failures = outcomes.iter().filter(|fits| !**fits).count();
        assert!(
            failures > 0 && outcomes[failures..].iter().all(|fits| *fits),
            "{what}: too large at first, then it fits: {outcomes:?}"
        );
    }
}

/// covers: none (a bound of ours)
#[test]
fn without_room_for_text_nothing_has_changed() {
    at_every_bound(&ATTEMPTS, (40..600).map(|text| (100, text)));
}

/// covers: none (a bound of ours)
#[test]
fn without_room_for_records_nothing_has_changed() {
    // A TXT takes the place of the one before.
    let attempts = ATTEMPTS.iter().filter(|(what, _)| *what != "a longer TXT");
    let attempts: Vec<_> = attempts.copied().collect();
    at_every_bound(&attempts, (2..24).map(|records| (records, 10_000)));
}

/// The addresses of an interface are taken over as far as there is room.
///
/// covers: none (a bound of ours)
#[test]
fn addresses_without_room_are_an_error_and_those_before_stay() {
    let mut failures = 0;
    for records in 6..20 {
        let Some((mut host, ..)) = host(records, 10_000) else {
            continue;
        };
        let all = subnets(5);
        if host
            .set_addresses(Instant::ZERO, InterfaceId(1), &all)
            .is_err()
        {
            failures += 1;
            let told = life(&mut host).join("\n");
            assert!(told.contains("hall.local 120 IN! A 10.0.0.1"), "{told}");
        }
    }
    assert!(failures > 2);
}

/// covers: none (a bound of ours)
#[test]
fn a_question_without_room_is_an_error_and_asks_nothing() {
    let config = Config {
        asks_max: 2,
        ..Config::DEFAULT
    };
    let now = Instant::ZERO;
    let mut host = Small::started(config, now, 1);
    let link = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        mtu: 1500,
        unicast: true,
        ..LinkConfig::MULTICAST
    };
    host.add_link(now, link).expect("rows that grow");
    let [ipp, printer, http] = types();
    let first = host.browse(now, ipp.as_name()).expect("room");
    host.browse(now, printer.as_name()).expect("room");
    assert_eq!(host.browse(now, http.as_name()), Err(AskError::Full));
    host.stop(now, first);
    let told = life(&mut host).join("\n");
    assert!(told.contains("_printer._tcp.local") && !told.contains("_http._tcp.local"));
    host.browse(now, http.as_name()).expect("room again");
}

/// What found no row for its record does not go on taking room for its bytes.
///
/// covers: none (a bound of ours)
#[test]
fn bytes_that_found_no_row_are_given_back() {
    let config = Config {
        own_records_max: 1,
        own_text_max: 700,
        ..Config::DEFAULT
    };
    let now = Instant::ZERO;
    let mut host = Small::started(config, now, 1);
    let name: NameBuf = "data.local".parse().expect("a name");
    let add = |host: &mut Small, value: &[u8]| {
        let mut txt = TxtVec::new();
        txt.push("a", Some(value)).expect("a string");
        let record = NewRecord::new(name.as_name(), Rdata::Txt(txt.as_txt()), Sharing::Shared);
        host.add_record(now, &record)
    };
    let first = add(&mut host, b"first").expect("room");
    for _ in 0..5 {
        assert_eq!(add(&mut host, &[b'b'; 100]), Err(RegisterError::Full));
    }
    host.remove_record(now, first);
    assert!(add(&mut host, &[b'c'; 200]).is_ok(), "room again");
}

/// A name that is lost stays what it is while there is no room for the next one, and that is counted.
///
/// covers: SEC-11
#[test]
fn a_name_without_room_for_the_next_one_is_counted() {
    let rename = |text: usize| {
        let (mut host, _, service) = host(100, text)?;
        let now = Instant::ZERO + Duration::from_millis(300);
        host.handle_timeout(now);
        let link = host
            .poll_transmit(now, &mut [0; 9000])
            .expect("a probe")
            .link;
        let (name, rival) = ("Desk._ipp._tcp.local", "rival.local");
        let [name, rival]: [NameBuf; 2] = [name, rival].map(|text| text.parse().expect("a name"));
        let mut bytes = [0; 500];
        let header = Header {
            id: 0,
            flags: Flags::RESPONSE,
        };
        let mut writer = Writer::new(&mut bytes, 500, header);
        let srv = Rdata::Srv(Srv {
            priority: 0,
            weight: 0,
            port: 1,
            target: rival.as_name(),
        });
        let record = Record {
            name: name.as_name(),
            class: Class::IN,
            cache_flush: true,
            ttl: Ttl(120),
            rdata: srv,
        };
        writer.record(Section::Answer, &record).expect("room");
        let len = writer.finish();
        let packet = Packet {
            source: ([10, 0, 0, 9], 5353).into(),
            via: Via::Multicast,
            hop_limit: None,
            bytes: &bytes[..len],
        };
        host.handle_packet(now, link, packet);
        let stats = host.stats(link).expect("a link");
        assert_eq!(stats.conflicts, 1);
        Some((stats.names_full, host.service_name(service)?.to_string()))
    };
    let least = (40..600).find_map(rename);
    assert_eq!(least, Some((1, "Desk._ipp._tcp.local".to_owned())));
    let most = rename(600);
    assert_eq!(most, Some((0, "Desk (2)._ipp._tcp.local".to_owned())));
}

/// A response with PTR, and beside it SRV, TXT and A of a host of its own; and that it has no AAAA, if it says so.
fn whole_instance(n: u16, says_so: bool) -> Vec<u8> {
    let name = |text: String| -> NameBuf { text.parse().expect("a name") };
    let ipp = name("_ipp._tcp.local".into());
    let (instance, host) = (
        name(format!("Printer {n}._ipp._tcp.local").replace(' ', "\\032")),
        name(format!("host-{n}.local")),
    );
    let types: TypeSet = [RecordType::A].into_iter().collect();
    let [high, low] = n.to_be_bytes();
    let mut records = vec![
        (&ipp, Rdata::Ptr(instance.as_name())),
        (
            &instance,
            Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port: 631,
                target: host.as_name(),
            }),
        ),
        (&instance, Rdata::Txt(Txt::EMPTY)),
        (&host, Rdata::A(Ipv4Addr::new(10, 7, high, low))),
    ];
    if says_so {
        let denial = Nsec {
            next: host.as_name(),
            types: types.as_types(),
        };
        records.push((&host, Rdata::Nsec(denial)));
    }
    let mut buffer = [0; 1500];
    let flags = Flags::RESPONSE;
    let mut writer = Writer::new(&mut buffer, 1500, Header { id: 0, flags });
    for (at, (name, rdata)) in records.into_iter().enumerate() {
        let record = Record {
            name: name.as_name(),
            class: Class::IN,
            cache_flush: at > 0,
            ttl: Ttl(120),
            rdata,
        };
        let section = if at == 0 {
            Section::Answer
        } else {
            Section::Additional
        };
        writer.record(section, &record).expect("room");
    }
    let len = writer.finish();
    buffer[..len].to_vec()
}

/// Ten thousand instances that come whole cost the one series for their names, whatever details are wanted, and not 24,000
/// questions for addresses that they do not have.
///
/// covers: 6763-12-b, SEC-16
#[test]
fn ten_thousand_instances_that_come_whole_cost_one_series() {
    const INSTANCES: u16 = 10_000;
    let [ipp, ..] = types();
    let interface = InterfaceId(1);
    let link = LinkConfig {
        interface,
        family: Family::V4,
        mtu: 1500,
        unicast: true,
        ..LinkConfig::MULTICAST
    };
    let both = |host: &mut Small| {
        let v6 = Subnet {
            address: "fe80::1".parse().expect("an address"),
            prefix_len: 64,
        };
        let addresses = [subnets(1)[0], v6];
        host.set_addresses(Instant::ZERO, interface, &addresses)
    };
    for details in [Details::NamesOnly, Details::Once, Details::Kept] {
        for says_so in [false, true] {
            let mut host = Small::started(Config::DEFAULT, Instant::ZERO, 1);
            let id = host.add_link(Instant::ZERO, link).expect("a link");
            both(&mut host).expect("room");
            host.browse_with(Instant::ZERO, ipp.as_name(), details)
                .expect("a browse");
            let (mut buffer, mut questions) = ([0; 9000], 0);
            let mut now = Instant::ZERO;
            for n in 0..INSTANCES + 20 {
                if n < INSTANCES {
                    let bytes = whole_instance(n, says_so);
                    let packet = Packet {
                        source: ([10, 0, 0, 7], 5353).into(),
                        via: Via::Multicast,
                        hop_limit: None,
                        bytes: &bytes,
                    };
                    host.handle_packet(now, id, packet);
                    now += Duration::from_millis(1);
                } else {
                    now += Duration::from_secs(1);
                }
                host.handle_timeout(now);
                while let Some(sent) = host.poll_transmit(now, &mut buffer) {
                    let message = Message::parse(&buffer[..sent.len]).expect("a message");
                    questions += message.questions().count();
                }
                while host.poll_event().is_some() {}
            }
            assert!(
                (5..=7).contains(&questions),
                "{details:?}, NSEC: {says_so}: {questions} questions in 30 s"
            );
        }
    }
}

/// A router with many networks: where rows grow, links are told from each other by more than a byte.
///
/// covers: none (the number of links is a bound of ours)
#[test]
fn s14_more_than_255_links_are_served() {
    const LINKS: u32 = 300;
    let mut host = Small::started(Config::DEFAULT, Instant::ZERO, 1);
    host.add_host(Instant::ZERO, "hall").expect("a host");
    let kind: ServiceType = "_ipp._tcp".parse().expect("a type");
    for number in 0..LINKS {
        let interface = InterfaceId(number + 1);
        let config = LinkConfig {
            interface,
            family: Family::V4,
            mtu: 1500,
            unicast: false,
            ..LinkConfig::MULTICAST
        };
        let [.., high, low] = number.to_be_bytes();
        let subnet = Subnet {
            address: Ipv4Addr::new(10, high, low, 1).into(),
            prefix_len: 24,
        };
        host.add_link(Instant::ZERO, config).expect("a link");
        host.set_addresses(Instant::ZERO, interface, &[subnet])
            .expect("room");
    }
    host.browse(Instant::ZERO, kind.as_name())
        .expect("a browse");
    let (mut asked, mut announced) = (BTreeSet::new(), BTreeSet::new());
    let mut now = Instant::ZERO;
    let mut buffer = [0; 9000];
    while let Some(next) = host
        .poll_timeout()
        .filter(|next| *next < Instant::from_millis(3_000))
    {
        now = now.max(next);
        host.handle_timeout(now);
        while let Some(sent) = host.poll_transmit(now, &mut buffer) {
            let message = Message::parse(&buffer[..sent.len]).expect("we send what can be read");
            let is_browse = |question: Question<'_>| question.qtype == RecordType::PTR;
            if message.questions().any(is_browse) {
                asked.insert(sent.link);
            }
            let [high, low] = u16::try_from(sent.link.index())
                .expect("a number")
                .to_be_bytes();
            let own = Rdata::A(Ipv4Addr::new(10, high, low, 1));
            if message.answers().any(|answer| answer.rdata == own) {
                announced.insert(sent.link);
            }
        }
        while host.poll_event().is_some() {}
    }
    assert_eq!((asked.len(), announced.len()), (300, 300));
    // One that cannot send is one, not those whose numbers are like it.
    for link in &announced {
        host.set_writable(*link, false);
    }
    let one = *announced.iter().nth(44).expect("a link");
    host.set_writable(one, true);
    host.resumed(now);
    host.handle_timeout(now + Duration::from_millis(500));
    let sent = host.poll_transmit(now + Duration::from_millis(500), &mut buffer);
    assert_eq!(sent.map(|sent| sent.link), Some(one));
}
