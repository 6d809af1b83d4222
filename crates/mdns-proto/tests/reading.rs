//! What an application reads: errors in words, and all that is known of a service, a host and a record.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    discovery::{self, Address, AddressKind, AskError, AskId, Instance, Span},
    host::{Event, Host},
    link::{Family, InterfaceId, LinkConfig, LinkId, Packet, Subnet, Via},
    name::{LabelError, Name, NameBuf, NameError, NameErrorKind, ServiceType},
    own::{RegisterError, Service},
    store::{Full, Heap},
    time::Instant,
    wire::{
        self, Flags, Header, Hinfo, Question, RecordType, Ttl, TxtError, TxtVec, TypeSet, Writer,
    },
};

/// covers: none (text for people)
#[test]
fn errors_say_what_is_wrong_and_where() {
    let told = [
        Full.to_string(),
        wire::Full.to_string(),
        AskError::NotLinkLocal.to_string(),
        RegisterError::from(LabelError::Empty).to_string(),
        RegisterError::NoHost.to_string(),
        RegisterError::Taken.to_string(),
        RegisterError::TooLarge.to_string(),
        RegisterError::Unknown.to_string(),
        RegisterError::Type.to_string(),
        RegisterError::Shared.to_string(),
        RegisterError::NotLinkLocal.to_string(),
        TxtError::EmptyKey.to_string(),
        TxtError::KeyCharacter { at: 3 }.to_string(),
        TxtError::Repeated.to_string(),
        TxtError::TooLong { len: 300 }.to_string(),
        TxtError::Full.to_string(),
    ];
    expect_test::expect![[r#"
        no room left in the memory set aside for this
        no room left in the message
        name is not under .local nor in a link-local reverse zone
        empty name, at byte 0
        no host has been added that the service could run on
        this name is registered here already
        a record of it would not fit in one packet
        nothing of this id is registered
        a record of this type cannot be registered here
        a shared record cannot be changed, only removed and added
        name is not under .local nor in a link-local reverse zone
        empty key, at byte 0
        key has '=' or is not printable ASCII, at byte 3
        key given before
        key and value of 300 bytes, longer than 255
        no room for another string"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(AskError::Full.to_string(), Full.to_string());
    assert_eq!(RegisterError::Full.to_string(), Full.to_string());
}

/// covers: none (text for people)
#[test]
fn errors_of_names_say_what_is_wrong_and_where() {
    let long = [&[63; 64][..], &[63; 64], &[63; 64], &[63; 64], &[0]].concat();
    let flat = [
        &[5, b'h', b'a'][..],
        &[0x40, 0],
        &[0xc0, 12],
        &[0, 0],
        &[64],
        &long,
    ];
    let told: Vec<_> = flat
        .map(|bytes| Name::from_wire(bytes).expect_err("not a name").to_string())
        .into();
    expect_test::expect![[r#"
        name ends inside a label, at byte 0
        unknown label type, at byte 0
        compression pointer where there is nothing to point to, at byte 0
        name ends before its bytes do, at byte 0
        unknown label type, at byte 0
        name longer than 255 bytes, at byte 256"#]]
    .assert_eq(&told.join("\n"));
    let error = NameError {
        kind: NameErrorKind::LabelTooLong,
        at: 7,
    };
    let told = RegisterError::from(error).to_string();
    assert_eq!(told, "label longer than 63 bytes, at byte 7");
}

/// covers: none (a convenience of ours)
#[test]
fn a_name_of_the_program_itself_is_checked_when_it_is_made() {
    const HALL: Name<'static> = Name::from_static(b"\x04hall\x05local\x00");
    assert_eq!(HALL.to_string(), "hall.local");
    assert!(std::panic::catch_unwind(|| Name::from_static(b"\x04ha")).is_err());
}

/// covers: none (conveniences of ours)
#[test]
fn small_values_show_themselves() {
    assert_eq!(Config::default(), Config::DEFAULT);
    assert_eq!(NameBuf::default().as_name(), Name::ROOT);
    assert_eq!(
        [Family::V4, Family::V6].map(|f| f.to_string()),
        ["IPv4", "IPv6"]
    );
    assert_eq!(format!("{} {:?}", Ttl(120), Ttl(120)), "120 120s");
    assert_eq!(format!("{:?}", RecordType::SRV), "SRV");
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    assert_eq!(format!("{ipp:?}"), "_ipp._tcp.local");
    let name: NameBuf = "hall.local".parse().expect("a name");
    assert_eq!(format!("{name:?}"), "hall.local");
    let mut types = TypeSet::default();
    types.insert(RecordType::A);
    assert_eq!(format!("{types:?}"), format!("{:?}", types.as_types()));
    let mut txt = TxtVec::new();
    txt.push("a", Some(b"b")).expect("an attribute");
    assert_eq!(format!("{txt:?}"), "\"a=b\"");
    let hinfo = Hinfo::new(b"ARM", b"None").expect("short texts");
    assert_eq!((hinfo.cpu(), hinfo.os()), (&b"ARM"[..], &b"None"[..]));
    let mut at = Instant::ZERO;
    at += Duration::from_millis(3);
    assert_eq!(at, Instant::ZERO + Duration::from_millis(3));
    let mut buffer = [0; 512];
    let header = Header {
        id: 0,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    let question = Question::new(name.as_name(), RecordType::A);
    writer.question(&question).expect("room");
    assert_eq!((writer.question_count(), writer.record_count()), (1, 0));
}

/// A link-local address without its interface leads nowhere.
///
/// covers: none (RFC 4007)
#[test]
fn a_link_local_address_has_its_interface_as_scope() {
    let link = Pair::new().links[0];
    let address = |ip: &str| Address {
        ip: ip.parse().expect("an address"),
        link,
        interface: InterfaceId(4),
    };
    let to = |ip| address(ip).socket_addr(80);
    assert_eq!(to("10.0.0.1"), "10.0.0.1:80".parse().expect("an address"));
    assert_eq!(to("fd00::1"), "[fd00::1]:80".parse().expect("an address"));
    match to("fe80::1") {
        SocketAddr::V6(scoped) => assert_eq!((scoped.port(), scoped.scope_id()), (80, 4)),
        other => panic!("{other}"),
    }
}

/// Two hosts on a wire, 10.0.0.1 and 10.0.0.2.
struct Pair {
    hosts: [Host<Heap>; 2],
    links: [LinkId; 2],
    now: Instant,
}

const INTERFACE: InterfaceId = InterfaceId(3);

impl Pair {
    fn new() -> Self {
        let now = Instant::ZERO;
        let mut hosts = [1, 2].map(|seed| Host::started(Config::DEFAULT, now, seed));
        let link = LinkConfig {
            interface: INTERFACE,
            family: Family::V4,
            mtu: 1500,
            unicast: true,
            ..LinkConfig::MULTICAST
        };
        let links = [0, 1].map(|n| {
            let subnet = Subnet {
                address: address(n).ip(),
                prefix_len: 24,
            };
            hosts[n]
                .set_addresses(now, INTERFACE, &[subnet])
                .expect("room");
            hosts[n].add_link(now, link).expect("room")
        });
        Pair { hosts, links, now }
    }

    /// Each hears all that the other sends. News wait to be read.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let mut buffer = [0; 9000];
        while self.now <= end {
            for from in [0, 1] {
                self.hosts[from].handle_timeout(self.now);
                while let Some(sent) = self.hosts[from].poll_transmit(self.now, &mut buffer) {
                    let packet = Packet {
                        source: address(from),
                        via: Via::Multicast,
                        hop_limit: Some(255),
                        bytes: &buffer[..sent.len],
                    };
                    self.hosts[1 - from].handle_packet(self.now, self.links[1 - from], packet);
                }
            }
            self.now += Duration::from_millis(5);
        }
    }

    /// What the second host has to tell, by what asked for it.
    fn news(&mut self) -> Vec<(AskId, String)> {
        let mut told = Vec::new();
        while let Some(event) = self.hosts[1].poll_event() {
            let Event::Discovery(event) = event else {
                continue;
            };
            told.push(match event {
                discovery::Event::Found { ask, instance } => {
                    (ask, format!("found {}", instance.name()))
                }
                discovery::Event::Resolved { ask, instance } => (ask, describe(&instance)),
                discovery::Event::Addresses { ask, host } => {
                    let addresses: Vec<_> = host.addresses().map(|address| address.ip).collect();
                    (
                        ask,
                        format!("{} own: {} {addresses:?}", host.name(), host.is_own()),
                    )
                }
                discovery::Event::Answers { ask, records } => (
                    ask,
                    format!(
                        "{} answers, none: {}",
                        records.iter().count(),
                        records.is_empty()
                    ),
                ),
                _ => continue,
            });
        }
        told
    }
}

/// All that can be read of an instance.
fn describe(instance: &Instance<'_>) -> String {
    format!(
        "{} of {} on {:?}, TXT {:?} dropped: {}, available: {}, at {:?}",
        instance.label_text(),
        instance.service_type(),
        instance.port(),
        instance.txt(),
        instance.txt_dropped(),
        !instance.is_unavailable(),
        instance.socket_addrs().collect::<Vec<_>>(),
    )
}

fn address(n: usize) -> SocketAddr {
    let text = ["10.0.0.1:5353", "10.0.0.2:5353"][n];
    text.parse().expect("an address")
}

fn pair_with_desk() -> (Pair, NameBuf) {
    let mut pair = Pair::new();
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    let mut txt = TxtVec::new();
    txt.push("paper", Some(b"A4")).expect("an attribute");
    let service = Service {
        txt: txt.as_txt(),
        ..Service::new("Desk", &ipp, 631)
    };
    pair.hosts[0].add_host(pair.now, "hall").expect("room");
    pair.hosts[0].register(pair.now, &service).expect("room");
    let instance = "Desk._ipp._tcp.local".parse().expect("a name");
    (pair, instance)
}

/// covers: none (a convenience of ours)
#[test]
fn all_that_is_known_of_an_instance_can_be_read() {
    let (mut pair, instance) = pair_with_desk();
    let now = pair.now;
    pair.hosts[1]
        .resolve(now, instance.as_name())
        .expect("room");
    pair.run(Duration::from_secs(3));
    let told: Vec<_> = pair.news().into_iter().map(|(_, told)| told).collect();
    let text = r#"Desk of _ipp._tcp.local on Some(631), TXT "paper=A4" dropped: false, available: true, at [10.0.0.1:631]"#;
    assert_eq!(told, [text]);
}

/// The name of a neighbour by its address, and the same backwards.
///
/// covers: none (a convenience of ours)
#[test]
fn an_address_leads_to_its_host_and_back() {
    let (mut pair, _) = pair_with_desk();
    let (now, hall): (_, NameBuf) = (pair.now, "hall.local".parse().expect("a name"));
    let ip: IpAddr = address(0).ip();
    let reverse = pair.hosts[1]
        .reverse(now, ip, Span::Continuous)
        .expect("room");
    let forward = pair.hosts[1]
        .lookup_host(now, hall.as_name(), AddressKind::Both)
        .expect("room");
    pair.run(Duration::from_secs(3));
    let told = pair.news();
    assert!(
        told.contains(&(reverse, "1 answers, none: false".to_owned())),
        "{told:?}"
    );
    assert!(
        told.contains(&(forward, "hall.local own: false [10.0.0.1]".to_owned())),
        "{told:?}"
    );
}

/// Of four that have news nobody has read yet, two are stopped: the others still tell theirs, once.
///
/// covers: none (a convenience of ours)
#[test]
fn what_is_stopped_tells_nothing_and_keeps_no_other_from_telling() {
    let (mut pair, instance) = pair_with_desk();
    let (now, hall): (_, NameBuf) = (pair.now, "hall.local".parse().expect("a name"));
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    let browses = [(); 2].map(|()| pair.hosts[1].browse(now, ipp.as_name()).expect("room"));
    let queries = [(); 2].map(|()| {
        pair.hosts[1]
            .query(now, hall.as_name(), RecordType::A, Span::Continuous)
            .expect("room")
    });
    pair.run(Duration::from_secs(3));
    let now = pair.now;
    for ask in [browses[0], queries[0]] {
        pair.hosts[1].stop(now, ask);
    }
    let told = pair.news();
    let wanted = [
        (browses[1], format!("found {}", instance.as_name())),
        (queries[1], "1 answers, none: false".to_owned()),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    assert!(wanted.iter().all(|news| told.contains(news)), "{told:?}");
}

/// A link that is taken away takes along what was heard on it, and is no longer spoken on.
///
/// covers: none (a convenience of ours)
#[test]
fn a_link_that_is_removed_is_silent_and_forgotten() {
    let (mut pair, _) = pair_with_desk();
    let (now, hall): (_, NameBuf) = (pair.now, "hall.local".parse().expect("a name"));
    let ask = pair.hosts[1]
        .lookup_host(now, hall.as_name(), AddressKind::Both)
        .expect("room");
    pair.run(Duration::from_secs(3));
    assert_eq!(pair.news().len(), 1);
    let (now, links) = (pair.now, pair.links);
    pair.hosts[1].remove_link(now, links[1]);
    let told = pair.news();
    assert_eq!(told, [(ask, "hall.local own: false []".to_owned())]);
    assert_eq!(pair.hosts[1].stats(links[1]), None);

    pair.hosts[0].remove_link(now, links[0]);
    assert_eq!(pair.hosts[0].poll_transmit(now, &mut [0; 1500]), None);
    while pair.hosts[0].poll_event().is_some() {}
    assert_eq!(
        pair.hosts[0].poll_timeout(),
        None,
        "nothing is left to be done"
    );
}
