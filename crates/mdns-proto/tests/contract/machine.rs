//! A host, and a driver that keeps to the contract and holds the host to it.

use std::{net::SocketAddr, time::Duration};

use mdns_proto::{
    config::Config,
    discovery::{self, AddressKind, AskError, AskId, Span},
    host::{Event, Host, Storage},
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, PORT, Packet, Subnet, Via},
    name::ServiceType,
    own::{RegisterError, Service, ServiceId},
    stats::Stats,
    time::Instant,
    wire::{Class, Header, Message, RecordType, TxtBuf},
};

use crate::{
    op::Op,
    packets::{POOL, name},
};

const MTU: u16 = 1500;

/// More than any drain here should take.
const DRAIN_MAX: usize = 200;

/// A host, driven as the contract says.
pub(crate) struct Machine<S: Storage> {
    pub(crate) host: Host<S>,
    pub(crate) now: Instant,
    links: Vec<(LinkId, LinkConfig, State)>,
    services: Vec<ServiceId>,
    asks: Vec<AskId>,
    /// The last packets it sent.
    sent: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Time has passed that the host was not told of.
    is_late: bool,
    /// What it did since this was taken.
    done: Vec<Done>,
    /// Something of the application's found no room.
    is_full: bool,
}

/// What a host does to the world.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It sent a datagram.
    Sent(LinkId, Destination, Vec<u8>),
    /// It told the application something.
    Told(String),
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
    pub(crate) fn new(seed: u64) -> Self {
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
            done: Vec::new(),
            is_full: false,
        }
    }

    /// What it did since the last time.
    pub(crate) fn take_done(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.done)
    }

    /// What was counted on each link.
    pub(crate) fn stats(&self) -> Vec<Stats> {
        let links = self.links.iter();
        links
            .filter_map(|(link, ..)| self.host.stats(*link))
            .collect()
    }

    /// Whether it lacked room for anything so far.
    pub(crate) fn lacked_room(&self) -> bool {
        let has_lost = |stats: &Stats| stats.evicted + stats.not_cached + stats.askers_full > 0;
        self.is_full || self.stats().iter().any(has_lost)
    }

    fn asked(&mut self, ask: Result<AskId, AskError>) {
        self.is_full |= ask == Err(AskError::Full);
        self.asks.extend(ask);
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
                let registered = self.host.register(now, &service);
                self.is_full |= registered == Err(RegisterError::Full);
                self.services.extend(registered);
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
                    let updated = self.host.update_txt(now, service, txt.as_txt());
                    self.is_full |= updated == Err(RegisterError::Full);
                }
            }
            Op::Browse(n) => {
                let types = [
                    "_ipp._tcp.local",
                    "_http._tcp.local",
                    "_universal._sub._ipp._tcp.local",
                ];
                let name = name(types[usize::from(n) % types.len()]);
                let ask = self.host.browse(now, name.as_name());
                self.asked(ask);
            }
            Op::BrowseTypes => {
                let ask = self.host.browse_types(now);
                self.asked(ask);
            }
            Op::Resolve(n) => {
                let name = name(&format!("Printer {}._ipp._tcp.local", n % 6));
                let ask = self.host.resolve(now, name.as_name());
                self.asked(ask);
            }
            Op::LookUp(n) => {
                let kinds = [AddressKind::V4, AddressKind::V6, AddressKind::Both];
                let name = name(["hall.local", "attic.local", "nobody.local"][usize::from(n) % 3]);
                let ask = self
                    .host
                    .lookup_host(now, name.as_name(), kinds[usize::from(n / 3) % 3]);
                self.asked(ask);
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
                let ask = self.host.query(now, name.as_name(), rtype, span);
                self.asked(ask);
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
                let set = self.host.set_addresses(now, InterfaceId(1), &some);
                self.is_full |= set.is_err();
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
    pub(crate) fn drain(&mut self) -> Option<Instant> {
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
            self.done.push(Done::Sent(
                transmit.link,
                transmit.destination,
                bytes.clone(),
            ));
            self.sent.insert(0, bytes);
            self.sent.truncate(8);
        }
        for count in 0.. {
            assert!(count < DRAIN_MAX, "it does not stop telling");
            let Some(event) = self.host.poll_event() else {
                break;
            };
            self.is_full |= matches!(event, Event::Discovery(discovery::Event::Incomplete { .. }));
            self.done.push(Done::Told(told(&event)));
        }
        self.host.poll_timeout()
    }

    pub(crate) fn run(&mut self, op: &Op) {
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
/// An event with all that can be read in it.
fn told(event: &Event<'_>) -> String {
    use discovery::Event::{Changed, Found, Resolved};
    match event {
        Event::Discovery(
            Found { instance, .. } | Changed { instance, .. } | Resolved { instance, .. },
        ) => format!("{event:?} {:?}", instance.addresses()),
        event => format!("{event:?}"),
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
