//! The cases: the codec by itself, and a host between a packet that comes and those that go.

use std::{hint::black_box, net::SocketAddr, time::Duration};

use mdns_proto::{
    config::Config,
    host::Host,
    link::{Family, InterfaceId, LinkConfig, LinkId, Packet, Subnet, Via},
    name::{Name, NameBuf, ServiceType},
    own::Service,
    store::Heap,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Srv, Ttl, Txt,
        TxtVec, Writer,
    },
};

use crate::{
    case, fnv,
    packets::{self, Printer, announce},
    visit::visit,
};

/// How often what repeats is repeated.
const ROUNDS: usize = 50;

/// Reading and writing, with nothing behind it.
pub(crate) fn codec() {
    for (name, bytes) in packets::all() {
        let ours = case(&format!("decode/{name}"), ROUNDS, || {
            (0..ROUNDS).fold(0, |_, _| decode(black_box(&bytes)))
        });
        let floor = case(&format!("visit/{name}"), ROUNDS, || {
            (0..ROUNDS).fold(None, |_, _| visit(black_box(&bytes)))
        });
        assert_eq!(Some(ours), floor, "{name}: both decoders see the same");
    }
    let printer = Printer::new();
    let mut buffer = [0; 1472];
    let records = printer.records();
    let len = case("encode", ROUNDS, || {
        (0..ROUNDS).fold(0, |_, _| {
            announce(black_box(&records), black_box(&mut buffer))
        })
    });
    assert_eq!(len, 368, "bytes of an announcement of ten records");
}

/// The same sum as [`visit`]'s.
fn decode(bytes: &[u8]) -> u32 {
    let message = Message::parse(bytes).expect("a message");
    assert!(message.is_sound());
    let mut sum = 0u32;
    let mut add = |name: Name<'_>| {
        sum = sum.wrapping_add(name.labels().fold(fnv::START, fnv::label));
    };
    let mut types = 0u32;
    for question in message.questions() {
        add(question.name);
        types = types.wrapping_add(question.qtype.0.into());
    }
    for (_, record) in message.records() {
        add(record.name);
        types = types.wrapping_add(record.rtype().0.into());
        match record.rdata {
            Rdata::Ptr(name) | Rdata::Cname(name) => add(name),
            Rdata::Srv(srv) => add(srv.target),
            Rdata::Nsec(nsec) => {
                add(nsec.next);
                types = nsec
                    .types
                    .iter()
                    .fold(types, |sum, rtype| sum.wrapping_add(rtype.0.into()));
            }
            _ => {}
        }
    }
    sum.wrapping_add(types)
}

/// A host with one link, and what drives it.
struct Driven {
    host: Host<Heap>,
    link: LinkId,
    now: Instant,
    buffer: Vec<u8>,
    sent: usize,
}

impl Driven {
    fn new(config: Config) -> Self {
        let now = Instant::from_micros(1_000_000);
        let mut host = Host::started(config, now, 0x5eed);
        let interface = InterfaceId(2);
        let link = LinkConfig {
            interface,
            family: Family::V4,
            mtu: 1500,
            unicast: true,
            ..LinkConfig::MULTICAST
        };
        let link = host.add_link(now, link).expect("room for a link");
        let subnets = [("192.0.2.1", 24), ("fe80::1", 64)].map(|(address, prefix_len)| Subnet {
            address: address.parse().expect("an address"),
            prefix_len,
        });
        host.set_addresses(now, interface, &subnets).expect("room");
        host.add_host(now, "front-desk").expect("a host name");
        let mut driven = Driven {
            host,
            link,
            now,
            buffer: vec![0; 9000],
            sent: 0,
        };
        driven.drain();
        driven
    }

    fn drain(&mut self) {
        while self
            .host
            .poll_transmit(self.now, &mut self.buffer)
            .is_some()
        {
            self.sent += 1;
        }
        while self.host.poll_event().is_some() {}
    }

    /// Lets time pass until nothing is left to do, or until `end`.
    fn run(&mut self, end: Instant) {
        while let Some(due) = self.host.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.host.handle_timeout(self.now);
            self.drain();
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        self.run(end);
        self.now = end;
    }

    /// Takes a packet, and does what follows from it within `span`.
    fn hear(&mut self, source: SocketAddr, bytes: &[u8], span: Duration) {
        let packet = Packet {
            source,
            via: Via::Multicast,
            hop_limit: Some(255),
            bytes,
        };
        self.host.handle_packet(self.now, self.link, packet);
        self.drain();
        self.pass(span);
    }

    fn register(&mut self, number: usize, service_type: &ServiceType) {
        let instance = format!("Service {number:06}");
        let service = Service::new(&instance, service_type, 80);
        self.host.register(self.now, &service).expect("room");
        self.drain();
    }
}

fn address(port: u16) -> SocketAddr {
    ([192, 0, 2, 7], port).into()
}

/// From a question to the reply that is out, with so many services.
pub(crate) fn answering() {
    for count in [1, 10_000] {
        let mut driven = Driven::new(Config::DEFAULT);
        let printers: ServiceType = "_ipp._tcp".parse().expect("a type");
        driven.register(0, &printers);
        for number in 1..count {
            let other = format!("_type{}._tcp", number % 100)
                .parse()
                .expect("a type");
            driven.register(number, &other);
        }
        driven.pass(Duration::from_secs(60));
        for (name, port) in [("multicast", 5353), ("legacy", 40_000)] {
            driven.sent = 0;
            let id = if port == 5353 { 0 } else { 7 };
            let question = question(id, &printers);
            case(&format!("answer/{name}/{count}"), ROUNDS, || {
                for _ in 0..ROUNDS {
                    driven.hear(address(port), &question, Duration::from_secs(2));
                }
            });
            assert_eq!(driven.sent, ROUNDS, "one reply to each question");
        }
    }
}

fn question(id: u16, service_type: &ServiceType) -> Vec<u8> {
    let mut bytes = message(Flags::QUERY, |writer| {
        let question = Question::new(service_type.as_name(), RecordType::PTR);
        writer.question(&question).expect("room");
    });
    bytes[..2].copy_from_slice(&id.to_be_bytes());
    bytes
}

/// From registration to the last announcement: one service, and each of many.
pub(crate) fn registering(many: usize) {
    for count in [1, many] {
        let mut driven = Driven::new(Config::DEFAULT);
        driven.pass(Duration::from_secs(60));
        let service_type = "_http._tcp".parse().expect("a type");
        case(&format!("register/{count}"), count, || {
            for number in 0..count {
                driven.register(number, &service_type);
            }
            driven.pass(Duration::from_secs(60));
        });
    }
}

/// A packet of four records of an instance that was not known before, into an open browse.
pub(crate) fn browsing() {
    for cached in [0, 100_000] {
        let config = Config {
            heard_records_max: 400_000,
            heard_text_max: 64 << 20,
            ..Config::DEFAULT
        };
        let mut driven = Driven::new(config);
        let wanted: ServiceType = "_ipp._tcp".parse().expect("a type");
        let other: ServiceType = "_http._tcp".parse().expect("a type");
        for number in 0..cached / 4 {
            let packet = instance(number, &other);
            driven.hear(address(5353), &packet, Duration::ZERO);
        }
        driven
            .host
            .browse(driven.now, wanted.as_name())
            .expect("room");
        driven.pass(Duration::from_secs(30));
        let packets: Vec<_> = (0..ROUNDS)
            .map(|n| instance(1_000_000 + n, &wanted))
            .collect();
        case(&format!("browse/{cached}"), ROUNDS, || {
            for packet in &packets {
                driven.hear(address(5353), packet, Duration::from_millis(1));
            }
        });
    }
}

/// PTR, SRV, TXT and A of an instance on a host of its own.
fn instance(number: usize, service_type: &ServiceType) -> Vec<u8> {
    let instance = service_type
        .instance(&format!("Device {number}"))
        .expect("a label");
    let host: NameBuf = format!("host-{number}.local").parse().expect("a name");
    let [_, high, mid, low] = (number as u32).to_be_bytes();
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 80,
        target: host.as_name(),
    };
    message(Flags::RESPONSE, |writer| {
        answer(
            writer,
            service_type.as_name(),
            false,
            Rdata::Ptr(instance.as_name()),
        );
        answer(writer, instance.as_name(), true, Rdata::Srv(srv));
        answer(writer, instance.as_name(), true, Rdata::Txt(Txt::EMPTY));
        answer(
            writer,
            host.as_name(),
            true,
            Rdata::A([10, high, mid, low].into()),
        );
    })
}

/// A few sorts of packets, each into a host that knows nothing and into one whose cache is full and which has 10,000 services.
pub(crate) fn proportion() {
    let printers: ServiceType = "_ipp._tcp".parse().expect("a type");
    for (state, services, cached) in [("empty", 1, 0), ("full", 10_000, 20_000)] {
        let config = Config {
            heard_records_max: 40_000,
            heard_text_max: 3 << 20,
            ..Config::DEFAULT
        };
        let mut driven = Driven::new(config);
        for number in 0..services {
            driven.register(number, &printers);
        }
        driven.pass(Duration::from_secs(60));
        driven
            .host
            .browse(driven.now, printers.as_name())
            .expect("room");
        driven.pass(Duration::from_secs(30));
        for first in (0..cached).step_by(40) {
            let packet = texts(first, 40);
            driven.hear(address(5353), &packet, Duration::ZERO);
        }
        let instance = |number: usize| {
            let label = format!("Service {number:06}");
            printers.instance(&label).expect("a label")
        };
        let owned: Vec<_> = (0..services.min(40)).map(instance).collect();
        let strange: Vec<_> = (0..40).map(|number| instance(900_000 + number)).collect();
        let packets = [
            ("new-texts", texts(10_000_000, 40)),
            ("new-instances", pointers(&strange, printers.as_name())),
            ("questions-for-strangers", questions(&strange)),
            ("questions-for-services", questions(&owned)),
            ("one-name", addresses(40)),
        ];
        for (name, packet) in packets {
            case(&format!("packet/{name}/{state}"), packet.len(), || {
                driven.hear(address(5353), &packet, Duration::from_millis(200));
            });
        }
    }
}

/// A message whose contents `write` writes.
fn message(flags: Flags, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; 9000];
    let mut writer = Writer::new(&mut buffer, 8952, Header { id: 0, flags });
    write(&mut writer);
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}

fn answer(writer: &mut Writer<'_>, name: Name<'_>, cache_flush: bool, rdata: Rdata<'_>) {
    let record = Record {
        name,
        class: Class::IN,
        cache_flush,
        ttl: Ttl(4500),
        rdata,
    };
    writer.record(Section::Answer, &record).expect("room");
}

/// So many TXT records of 140 bytes, each under a name of its own.
fn texts(first: usize, count: usize) -> Vec<u8> {
    message(Flags::RESPONSE, |writer| {
        for number in first..first + count {
            let owner: NameBuf = format!("text-{number}.local").parse().expect("a name");
            let mut txt = TxtVec::new();
            let value = number.to_string().repeat(20);
            let value = &value.as_bytes()[..130.min(value.len())];
            txt.push("k", Some(value)).expect("an attribute");
            answer(writer, owner.as_name(), true, Rdata::Txt(txt.as_txt()));
        }
    })
}

/// Pointers to instances of a type.
fn pointers(instances: &[NameBuf], service_type: Name<'_>) -> Vec<u8> {
    message(Flags::RESPONSE, |writer| {
        for instance in instances {
            answer(writer, service_type, false, Rdata::Ptr(instance.as_name()));
        }
    })
}

/// A question for each name.
fn questions(names: &[NameBuf]) -> Vec<u8> {
    message(Flags::QUERY, |writer| {
        for name in names {
            let question = Question::new(name.as_name(), RecordType::SRV);
            writer.question(&question).expect("room");
        }
    })
}

/// Addresses of one host.
fn addresses(count: usize) -> Vec<u8> {
    let owner: NameBuf = "neighbour.local".parse().expect("a name");
    message(Flags::RESPONSE, |writer| {
        for number in 0..count {
            let address = [10, 0, 0, number as u8].into();
            answer(writer, owner.as_name(), true, Rdata::A(address));
        }
    })
}
