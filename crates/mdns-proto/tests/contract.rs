//! The contract, after every operation: a drain ends, and then the timeout is in the future or never; and what is sent keeps to
//! the rules that every packet keeps.
//!
//! Operations come at random: commands, packets that are right, hostile or our own, time that passes, links and sockets that
//! fail. The same runs are done on rows that grow and on a small board, where much finds no room.

use std::{net::SocketAddr, sync::LazyLock, time::Duration};

use mdns_proto::{
    config::Config,
    discovery::{AddressKind, AskId, Span},
    host::{Host, Storage},
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, PORT, Packet, Subnet, Via},
    name::{NameBuf, ServiceType},
    own::{Service, ServiceId},
    store::Heap,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Nsec, Question, Rdata, Record, RecordType, Section, Srv,
        Ttl, TxtBuf, TypeSet,
    },
};
use mdns_sim::message;
use proptest::{collection::vec, prelude::*};

mdns_proto::fixed! {
    /// Small enough that much finds no room.
    struct Board {
        links: 2, hosts: 1, addresses: 3, services: 2, subtypes: 1, own_text: 512, askers: 2,
        asks: 3, told: 4, ask_text: 384, heard: 10, heard_text: 512,
    }
}

const MTU: u16 = 1500;

/// More than any drain here should take.
const DRAIN_MAX: usize = 200;

/// One thing that is done.
#[derive(Clone, Debug)]
enum Op {
    Register(u8),
    Withdraw(u8),
    UpdateTxt(u8, u8),
    Browse(u8),
    BrowseTypes,
    Resolve(u8),
    LookUp(u8),
    Query(u8, bool),
    Stop(u8),
    Shutdown,
    /// A packet of the pool, with one byte changed, perhaps.
    Hear {
        link: u8,
        packet: u8,
        source: u8,
        by_unicast: bool,
        change: Option<(u16, u8)>,
    },
    /// One of the last packets of our own comes back.
    Echo {
        link: u8,
        age: u8,
    },
    /// The driver sleeps until it is called for, or this long.
    Sleep(u64),
    /// The driver is late: time passes, and the next operation comes first.
    Delay(u64),
    LinkDown(u8),
    LinkUp(u8),
    SendFailed(u8),
    Writable(u8, bool),
    Addresses(u8),
    Resumed,
}

fn op() -> impl Strategy<Value = Op> {
    let spans = || prop_oneof![4 => 0..400_000u64, 3 => 0..3_000_000u64, 1 => 0..8_000_000_000u64];
    let hear = (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
        proptest::option::weighted(0.2, any::<(u16, u8)>()),
    );
    prop_oneof![
        3 => any::<u8>().prop_map(Op::Register),
        1 => any::<u8>().prop_map(Op::Withdraw),
        1 => any::<(u8, u8)>().prop_map(|(n, txt)| Op::UpdateTxt(n, txt)),
        2 => any::<u8>().prop_map(Op::Browse),
        1 => Just(Op::BrowseTypes),
        1 => any::<u8>().prop_map(Op::Resolve),
        1 => any::<u8>().prop_map(Op::LookUp),
        1 => any::<(u8, bool)>().prop_map(|(n, is_one_shot)| Op::Query(n, is_one_shot)),
        1 => any::<u8>().prop_map(Op::Stop),
        12 => hear.prop_map(|(link, packet, source, by_unicast, change)| Op::Hear { link, packet, source, by_unicast, change }),
        2 => any::<(u8, u8)>().prop_map(|(link, age)| Op::Echo { link, age }),
        12 => spans().prop_map(Op::Sleep),
        1 => spans().prop_map(Op::Delay),
        1 => any::<u8>().prop_map(Op::LinkDown),
        1 => any::<u8>().prop_map(Op::LinkUp),
        1 => any::<u8>().prop_map(Op::SendFailed),
        2 => any::<(u8, bool)>().prop_map(|(link, is_writable)| Op::Writable(link, is_writable)),
        1 => any::<u8>().prop_map(Op::Addresses),
        1 => Just(Op::Resumed),
    ]
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

static POOL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(pool);

/// Packets of others: questions, probes, answers, conflicts, goodbyes, and things that no one should send.
fn pool() -> Vec<Vec<u8>> {
    let hall = name("hall.local");
    let attic = name("attic.local");
    let ipp = name("_ipp._tcp.local");
    let printers: Vec<_> = (0..6)
        .map(|n| name(&format!("Printer {n}._ipp._tcp.local")))
        .collect();
    let nobody = name("nobody.local");
    let record = |owner: &'static str, ttl, cache_flush, rdata: Rdata<'static>| {
        move |section: Section, message: &mut mdns_proto::wire::Writer<'_>| {
            let owner = name(owner);
            let record = Record {
                name: owner.as_name(),
                class: Class::IN,
                cache_flush,
                ttl: Ttl(ttl),
                rdata,
            };
            let _fits = message.record(section, &record);
        }
    };
    let query = Header {
        id: 0,
        flags: Flags::QUERY,
    };
    let response = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    let mut pool = Vec::new();

    for (name, rtype) in [
        (&ipp, RecordType::PTR),
        (&ipp, RecordType::ANY),
        (&hall, RecordType::A),
        (&hall, RecordType::AAAA),
        (&hall, RecordType::ANY),
        (&printers[0], RecordType::SRV),
        (&printers[1], RecordType::TXT),
        (&printers[2], RecordType::HINFO),
        (&nobody, RecordType::A),
    ] {
        for unicast in [false, true] {
            let question = Question {
                unicast,
                ..Question::new(name.as_name(), rtype)
            };
            pool.push(message(query, |message| {
                message.question(&question).unwrap()
            }));
        }
    }
    // Many questions, with known answers, and more to come.
    for truncated in [false, true] {
        pool.push(message(query, |message| {
            message.set_truncated(truncated);
            for printer in &printers {
                message
                    .question(&Question::new(printer.as_name(), RecordType::ANY))
                    .unwrap();
            }
            message
                .question(&Question::new(ipp.as_name(), RecordType::PTR))
                .unwrap();
            for (n, printer) in printers.iter().enumerate() {
                let known = Record {
                    name: ipp.as_name(),
                    class: Class::IN,
                    cache_flush: false,
                    ttl: Ttl(2249 + n as u32 % 2),
                    rdata: Rdata::Ptr(printer.as_name()),
                };
                message.record(Section::Answer, &known).unwrap();
            }
        }));
    }
    // Probes and claims that are less and greater than ours.
    for address in [[0, 0, 0, 1], [10, 0, 0, 1], [255, 0, 0, 1]] {
        let ours = record("hall.local", 120, false, Rdata::A(address.into()));
        pool.push(message(query, |message| {
            message
                .question(&Question::new(hall.as_name(), RecordType::ANY))
                .unwrap();
            ours(Section::Authority, message);
        }));
        let claim = record("hall.local", 120, true, Rdata::A(address.into()));
        pool.push(message(response, |message| claim(Section::Answer, message)));
    }
    for (printer, port) in printers.iter().zip([0, 1, 631, 65_535, 631, 80]) {
        for target in [&hall, &attic] {
            let srv = Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port,
                target: target.as_name(),
            });
            for (header, section) in [(query, Section::Authority), (response, Section::Answer)] {
                let is_response = header == response;
                let record = |ttl| Record {
                    name: printer.as_name(),
                    class: Class::IN,
                    cache_flush: is_response,
                    ttl: Ttl(ttl),
                    rdata: srv,
                };
                pool.push(message(header, |message| {
                    if !is_response {
                        message
                            .question(&Question::new(printer.as_name(), RecordType::ANY))
                            .unwrap();
                    }
                    message.record(section, &record(120)).unwrap();
                }));
            }
        }
    }
    // Announcements and goodbyes, with all that belongs to them.
    for ttl in [0, 1, 120, 4500, u32::MAX] {
        for printer in &printers {
            pool.push(message(response, |message| {
                let pointer = Record {
                    name: ipp.as_name(),
                    class: Class::IN,
                    cache_flush: false,
                    ttl: Ttl(ttl),
                    rdata: Rdata::Ptr(printer.as_name()),
                };
                message.record(Section::Answer, &pointer).unwrap();
                let srv = Srv {
                    priority: 1,
                    weight: 2,
                    port: 9100,
                    target: attic.as_name(),
                };
                let rdata = Rdata::Srv(srv);
                let srv = Record {
                    name: printer.as_name(),
                    cache_flush: true,
                    rdata,
                    ..pointer
                };
                message.record(Section::Additional, &srv).unwrap();
                let rdata = Rdata::A([10, 0, 0, 77].into());
                message
                    .record(
                        Section::Additional,
                        &Record {
                            name: attic.as_name(),
                            rdata,
                            ..srv
                        },
                    )
                    .unwrap();
                let set: TypeSet = [RecordType::A].into_iter().collect();
                let rdata = Rdata::Nsec(Nsec {
                    next: attic.as_name(),
                    types: set.as_types(),
                });
                message
                    .record(
                        Section::Additional,
                        &Record {
                            name: attic.as_name(),
                            rdata,
                            ..srv
                        },
                    )
                    .unwrap();
            }));
        }
    }
    // Nobody should send these: nothing, half of something, a loop, counts without records, another opcode.
    pool.push(Vec::new());
    pool.push(vec![0; 11]);
    pool.push(vec![0xff; 200]);
    pool.push(b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x0c\0\x01".to_vec());
    pool.push(b"\0\0\x84\0\0\0\xff\xff\0\0\0\0\0\0\x01\0\x01\0\0\0\x78\0\x04\x0a\0\0\x02".to_vec());
    pool.push(b"\0\0\x28\0\0\0\0\0\0\0\0\0".to_vec());
    pool
}

/// A host, driven as the contract says.
struct Machine<S: Storage> {
    host: Host<S>,
    now: Instant,
    links: Vec<(LinkId, LinkConfig, State)>,
    services: Vec<ServiceId>,
    asks: Vec<AskId>,
    /// The last packets it sent.
    sent: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Time has passed that the host was not told of.
    is_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    is_up: bool,
    is_writable: bool,
}

fn subnet(address: &str) -> Subnet {
    Subnet {
        address: address.parse().unwrap(),
        prefix_len: if address.contains(':') { 64 } else { 24 },
    }
}

impl<S: Storage> Machine<S> {
    fn new(seed: u64) -> Self {
        let now = Instant::from_millis(seed % 3);
        let mut host = Host::started(
            Config {
                own_results: seed.is_multiple_of(2),
                ..Config::DEFAULT
            },
            now,
            seed,
        );
        host.set_addresses(
            now,
            InterfaceId(1),
            &[subnet("10.0.0.1"), subnet("fe80::1")],
        )
        .unwrap();
        let links = [Family::V4, Family::V6].map(|family| {
            let config = LinkConfig {
                interface: InterfaceId(1),
                family,
                mtu: MTU,
                unicast: !seed.is_multiple_of(5),
            };
            (
                host.add_link(now, config).unwrap(),
                config,
                State {
                    is_up: true,
                    is_writable: true,
                },
            )
        });
        host.add_host(now, "hall").unwrap();
        Machine {
            host,
            now,
            links: links.into(),
            services: Vec::new(),
            asks: Vec::new(),
            sent: Vec::new(),
            buffer: vec![0; 9000],
            is_late: false,
        }
    }

    fn link(&mut self, n: u8) -> &mut (LinkId, LinkConfig, State) {
        let at = usize::from(n) % self.links.len();
        &mut self.links[at]
    }

    /// Does one thing. Errors are the caller's own and change nothing.
    fn apply(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Register(n) => {
                let ipp: ServiceType = "_ipp._tcp".parse().unwrap();
                let label = format!("Printer {}", n % 6);
                let subtypes: &[&str] = if n > 127 { &["_universal"] } else { &[] };
                let service = Service {
                    subtypes,
                    ..Service::new(&label, &ipp, u16::from(n) + 1)
                };
                self.services.extend(self.host.register(now, &service));
            }
            Op::Withdraw(n) => {
                if !self.services.is_empty() {
                    let service = self.services.remove(usize::from(n) % self.services.len());
                    self.host.withdraw(now, service);
                }
            }
            Op::UpdateTxt(n, len) => {
                let mut txt = TxtBuf::<2000>::new();
                for key in 0..len / 32 {
                    txt.push(
                        &format!("key{key}"),
                        Some(&vec![b'x'; usize::from(len) % 240]),
                    )
                    .unwrap();
                }
                if let Some(&service) = self
                    .services
                    .get(usize::from(n) % self.services.len().max(1))
                {
                    let _refused = self.host.update_txt(now, service, txt.as_txt());
                }
            }
            Op::Browse(n) => {
                let types = [
                    "_ipp._tcp.local",
                    "_http._tcp.local",
                    "_universal._sub._ipp._tcp.local",
                ];
                let name = name(types[usize::from(n) % types.len()]);
                self.asks.extend(self.host.browse(now, name.as_name()));
            }
            Op::BrowseTypes => self.asks.extend(self.host.browse_types(now)),
            Op::Resolve(n) => {
                let name = name(&format!("Printer {}._ipp._tcp.local", n % 6));
                self.asks.extend(self.host.resolve(now, name.as_name()));
            }
            Op::LookUp(n) => {
                let kinds = [AddressKind::V4, AddressKind::V6, AddressKind::Both];
                let name = name(["hall.local", "attic.local", "nobody.local"][usize::from(n) % 3]);
                self.asks.extend(self.host.lookup_host(
                    now,
                    name.as_name(),
                    kinds[usize::from(n / 3) % 3],
                ));
            }
            Op::Query(n, is_one_shot) => {
                let name = name(
                    ["hall.local", "attic.local", "Printer 1._ipp._tcp.local"][usize::from(n) % 3],
                );
                let rtype = [
                    RecordType::A,
                    RecordType::ANY,
                    RecordType::SRV,
                    RecordType::TXT,
                ][usize::from(n / 3) % 4];
                let span = if is_one_shot {
                    Span::OneShot
                } else {
                    Span::Continuous
                };
                self.asks
                    .extend(self.host.query(now, name.as_name(), rtype, span));
            }
            Op::Stop(n) => {
                if !self.asks.is_empty() {
                    let ask = self.asks.remove(usize::from(n) % self.asks.len());
                    self.host.stop(now, ask);
                }
            }
            Op::Shutdown => self.host.shutdown(now),
            Op::Hear {
                link,
                packet,
                source,
                by_unicast,
                change,
            } => {
                let mut bytes = POOL[usize::from(packet) % POOL.len()].clone();
                if let (Some((at, mask)), false) = (change, bytes.is_empty()) {
                    let at = usize::from(at) % bytes.len();
                    bytes[at] ^= mask;
                }
                self.hear(link, source, by_unicast, &bytes);
            }
            Op::Echo { link, age } => {
                if let Some(bytes) = self
                    .sent
                    .get(usize::from(age) % self.sent.len().max(1))
                    .cloned()
                {
                    self.hear(link, 0, false, &bytes);
                }
            }
            Op::Sleep(micros) => {
                let end = now + Duration::from_micros(micros);
                self.now = self.host.poll_timeout().map_or(end, |at| at.min(end));
                self.host.handle_timeout(self.now);
            }
            Op::Delay(micros) => self.now = now + Duration::from_micros(micros),
            Op::LinkDown(n) => {
                let (link, ..) = *self.link(n);
                self.link(n).2.is_up = false;
                self.host.link_down(now, link);
            }
            Op::LinkUp(n) => {
                let (link, ..) = *self.link(n);
                self.link(n).2.is_up = true;
                self.host.link_up(now, link);
            }
            Op::SendFailed(n) => {
                let (link, ..) = *self.link(n);
                self.host.send_failed(now, link);
            }
            Op::Writable(n, is_writable) => {
                let (link, ..) = *self.link(n);
                self.link(n).2.is_writable = is_writable;
                self.host.set_writable(link, is_writable);
            }
            Op::Addresses(n) => {
                let all = [subnet("10.0.0.1"), subnet("fe80::1"), subnet("10.0.0.5")];
                let some: Vec<_> = (0..3)
                    .filter(|bit| n >> bit & 1 == 1)
                    .map(|bit| all[bit])
                    .collect();
                let _full = self.host.set_addresses(now, InterfaceId(1), &some);
            }
            Op::Resumed => self.host.resumed(now),
        }
    }

    fn hear(&mut self, link: u8, source: u8, by_unicast: bool, bytes: &[u8]) {
        let (link, config, _) = *self.link(link);
        let addresses = match config.family {
            Family::V4 => ["10.0.0.1", "10.0.0.77", "10.0.0.78", "198.51.100.1"],
            Family::V6 => ["fe80::1", "fe80::77", "fe80::78", "2001:db8::1"],
        };
        let address = addresses[usize::from(source) % 4].parse().unwrap();
        let port = [PORT, PORT, PORT, PORT, PORT, 4711, 0][usize::from(source / 4) % 7];
        let via = if by_unicast {
            Via::Unicast
        } else {
            Via::Multicast
        };
        self.host.handle_packet(
            self.now,
            link,
            Packet {
                source: SocketAddr::new(address, port),
                via,
                bytes,
            },
        );
    }

    /// Transmits until there are none, events until there are none, and then the timeout.
    fn drain(&mut self) -> Option<Instant> {
        for count in 0.. {
            assert!(count < DRAIN_MAX, "it does not stop sending");
            let Some(transmit) = self.host.poll_transmit(self.now, &mut self.buffer) else {
                break;
            };
            let bytes = self.buffer[..transmit.len].to_vec();
            let (_, config, state) = *self
                .links
                .iter()
                .find(|(link, ..)| *link == transmit.link)
                .unwrap();
            assert!(
                state.is_up && state.is_writable,
                "sent where nothing can be sent"
            );
            check(&bytes, config, transmit.destination);
            self.sent.insert(0, bytes);
            self.sent.truncate(8);
        }
        for count in 0.. {
            assert!(count < DRAIN_MAX, "it does not stop telling");
            if self.host.poll_event().is_none() {
                break;
            }
        }
        self.host.poll_timeout()
    }

    fn run(&mut self, op: &Op) {
        self.apply(op);
        if let Op::Delay(_) = op {
            self.is_late = true;
            return;
        }
        let mut timeout = self.drain();
        if std::mem::take(&mut self.is_late) {
            // What else was due in the meantime.
            self.host.handle_timeout(self.now);
            timeout = self.drain();
        }
        assert!(
            timeout.is_none_or(|at| at > self.now),
            "drained at {:?}, its timeout is {timeout:?}",
            self.now
        );
    }
}

/// What every packet keeps to.
fn check(bytes: &[u8], config: LinkConfig, destination: Destination) {
    let message = Message::parse(bytes).unwrap();
    assert!(message.is_sound(), "{message:?}");
    let Header { id, flags } = message.header();
    let (questions, records) = (message.question_count(), message.records().count());
    assert!(questions + records > 0, "an empty packet");
    // §17: several records keep to the MTU.
    let room = usize::from(MTU) - config.family.headers();
    let is_alone = message.answers().len() + message.authorities().len() <= 1 || questions == 1;
    assert!(
        bytes.len() <= room || is_alone,
        "{} bytes: {message:?}",
        bytes.len()
    );
    assert_eq!((flags.opcode(), flags.rcode()), (0, 0));
    // §18.14 and RFC 1035 §2.3.4: nothing of ours needs a longer name.
    for (section, record) in message.records() {
        assert!(
            !record.rtype().is_pseudo() && record.class == Class::IN,
            "{record}"
        );
        // §10.2: the cache-flush bit is for responses to all, and never on a shared record.
        if !flags.response() {
            assert!(!record.cache_flush, "{record}");
        }
        if record.rtype() == RecordType::PTR && !record.name.to_string().ends_with(".arpa") {
            assert!(!record.cache_flush, "{record}");
        }
        let twins = message
            .section(section)
            .filter(|other| other.name == record.name && other.rdata == record.rdata);
        assert_eq!(twins.count(), 1, "said twice: {record} in {message:?}");
    }
    if flags.response() {
        assert!(
            flags.authoritative() && message.authorities().len() == 0,
            "{message:?}"
        );
        assert!(
            message.answers().len() > 0,
            "nothing is answered: {message:?}"
        );
        match destination {
            Destination::Multicast => assert_eq!((id, questions), (0, 0), "{message:?}"),
            Destination::Unicast(to) if to.port() == PORT => {
                assert_eq!((id, questions), (0, 0), "{message:?}")
            }
            Destination::Unicast(_) => assert_eq!(questions, 1, "{message:?}"),
        }
    } else {
        assert_eq!((id, destination), (0, Destination::Multicast));
        let has_more = flags.truncated();
        assert!(!has_more || message.answers().len() > 0 || questions > 0);
    }
}

fn holds<S: Storage>(seed: u64, ops: &[Op]) {
    let mut machine = Machine::<S>::new(seed);
    let start = machine.drain();
    assert!(start.is_some_and(|at| at > machine.now));
    for op in ops {
        machine.run(op);
    }
    // Left alone with its links in order, it finds rest between what it does.
    for link in 0..2 {
        machine.run(&Op::Writable(link, true));
        machine.run(&Op::LinkUp(link));
    }
    for _ in 0..40 {
        machine.run(&Op::Sleep(u64::from(u32::MAX)));
    }
    machine.run(&Op::Shutdown);
    for _ in 0..10 {
        machine.run(&Op::Sleep(2_000_000));
    }
    assert!(machine.host.is_silent(), "it has not said all goodbyes");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// covers: none (the contract of the crate, for rows that grow)
    #[test]
    fn holds_for_rows_that_grow(seed in any::<u64>(), ops in vec(op(), 0..80)) {
        holds::<Heap>(seed, &ops);
    }

    /// covers: none (the contract of the crate, for rows of fixed size)
    #[test]
    fn holds_for_rows_of_fixed_size(seed in any::<u64>(), ops in vec(op(), 0..80)) {
        holds::<Board>(seed, &ops);
    }
}
