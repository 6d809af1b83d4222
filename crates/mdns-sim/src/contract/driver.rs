//! A host, and a driver that keeps to the contract and holds the host to it.

use std::{
    collections::BTreeSet,
    mem,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    discovery::{self, AddressKind, AskError, AskId, Span},
    host::{Event, Storage},
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, PORT, Packet, Subnet, Via},
    name::{NameBuf, ServiceType},
    own::{HostId, NewRecord, RecordId, RegisterError, Service, ServiceId, Sharing},
    stats::Stats,
    time::Instant,
    wire::{Class, Header, Hinfo, Message, Rdata, RecordType, Section, TxtBuf},
};

use super::{
    Op,
    packets::{name, pool},
};
use crate::{Around, Machine};

const MTU: u16 = 1500;

/// More than any drain here should take.
const SENT_MAX: usize = 400;

/// The same for events: a packet of 65,535 bytes may tell of thousands of instances.
const TOLD_MAX: usize = 20_000;

/// How many links the driver opens at most.
const LINKS_MAX: usize = 3;

/// How a host begins.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Its seed.
    pub seed: u64,
    /// Its bounds and habits.
    pub config: Config,
    /// Whether answers can reach it by unicast.
    pub unicast: bool,
    /// The last number of its addresses.
    pub address: u8,
    /// What is put around each of its verbs.
    pub around: Around,
}

impl Setup {
    /// A host of this seed, on which its habits depend.
    pub fn seeded(seed: u64) -> Self {
        Setup {
            seed,
            config: Config {
                own_results: seed.is_multiple_of(2),
                ..Config::DEFAULT
            },
            unicast: !seed.is_multiple_of(5),
            address: 1,
            around: |verb| verb(),
        }
    }
}

/// A host on two links, driven as the contract says.
pub struct Driver<S: Storage> {
    machine: Machine<S>,
    config: Config,
    address: u8,
    now: Instant,
    links: Vec<(LinkId, LinkConfig, State)>,
    hosts: Vec<HostId>,
    services: Vec<ServiceId>,
    records: Vec<RecordId>,
    asks: Vec<AskId>,
    /// What its browses have found.
    found: Vec<(AskId, NameBuf)>,
    /// The last packets it sent.
    sent: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    sends_fail: bool,
    /// Time has passed that the host was not told of.
    is_late: bool,
    /// What it did since this was taken.
    done: Vec<Done>,
    /// Something of the application's found no room.
    is_full: bool,
}

/// What a host does to the world.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
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

impl<S: Storage> Driver<S> {
    /// A host of this seed.
    ///
    /// # Panics
    /// As all methods here: if the host does not keep to the contract.
    pub fn new(seed: u64) -> Self {
        Driver::with(&Setup::seeded(seed))
    }

    /// A host that begins so, with the name `hall`.
    pub fn with(setup: &Setup) -> Self {
        let Setup {
            seed,
            config,
            unicast,
            address,
            around,
        } = *setup;
        let now = Instant::from_millis(seed % 3);
        let mut driver = Driver {
            machine: Machine::started(config, now, seed, around),
            config,
            address,
            now,
            links: Vec::new(),
            hosts: Vec::new(),
            services: Vec::new(),
            records: Vec::new(),
            asks: Vec::new(),
            found: Vec::new(),
            sent: Vec::new(),
            buffer: vec![0; 9000],
            sends_fail: false,
            is_late: false,
            done: Vec::new(),
            is_full: false,
        };
        driver.set_addresses(InterfaceId(1), 0b011);
        for family in Family::ALL {
            driver.add_link(LinkConfig {
                interface: InterfaceId(1),
                family,
                mtu: MTU,
                unicast,
                ..LinkConfig::MULTICAST
            });
        }
        driver.add_host("hall");
        driver
    }

    /// The host itself, to be read.
    pub fn host(&self) -> &Machine<S> {
        &self.machine
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What it did since the last time.
    pub fn take_done(&mut self) -> Vec<Done> {
        mem::take(&mut self.done)
    }

    /// What was counted on each link.
    pub fn stats(&self) -> Vec<Stats> {
        let links = self.links.iter();
        links
            .filter_map(|(link, ..)| self.machine.stats(*link))
            .collect()
    }

    /// Whether it lacked room for anything so far.
    pub fn lacked_room(&self) -> bool {
        let has_lost = |stats: &Stats| {
            let Stats {
                evicted,
                not_cached,
                askers_full,
                names_full,
                ..
            } = stats;
            evicted + not_cached + askers_full + names_full > 0
        };
        self.is_full || self.stats().iter().any(has_lost)
    }

    /// The names that it has, won or not.
    pub fn own_names(&self) -> Vec<NameBuf> {
        let hosts = self.hosts.iter().map(|id| self.machine.host_name(*id));
        let services = self.services.iter();
        let services = services.map(|id| self.machine.service_name(*id));
        hosts.chain(services).flatten().map(NameBuf::from).collect()
    }

    /// The services that it has, won or not.
    pub fn own_services(&self) -> BTreeSet<String> {
        let services = self.services.iter();
        let names = services.filter_map(|id| self.machine.service_name(*id));
        names.map(|name| name.to_string()).collect()
    }

    /// What the browse that began last of all questions has found.
    pub fn found(&self) -> BTreeSet<String> {
        let of_last = |(ask, _): &&(AskId, NameBuf)| Some(ask) == self.asks.last();
        let found = self.found.iter().filter(of_last);
        found.map(|(_, name)| name.to_string()).collect()
    }

    /// A link it has, and its family.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, Family)> {
        self.links
            .iter()
            .map(|(link, config, _)| (*link, config.family))
    }

    /// Its first address of a family, whether it has that one at present or not.
    pub fn address(&self, family: Family) -> IpAddr {
        let n = self.address;
        match family {
            Family::V4 => subnet(&format!("10.0.0.{n}")).address,
            Family::V6 => subnet(&format!("fe80::{n}")).address,
        }
    }

    /// The last of its packets, the latest first.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    fn add_link(&mut self, config: LinkConfig) {
        let now = self.now;
        match self.machine.call(|host| host.add_link(now, config)) {
            Ok(link) => {
                let state = State {
                    is_up: true,
                    is_writable: true,
                };
                self.links.push((link, config, state));
            }
            Err(_) => self.is_full = true,
        }
    }

    fn set_addresses(&mut self, interface: InterfaceId, bits: u8) {
        let (now, n) = (self.now, self.address);
        let all = [
            subnet(&format!("10.0.0.{n}")),
            subnet(&format!("fe80::{n}")),
            subnet(&format!("10.0.0.{}", n + 4)),
        ];
        let some = some_of(&all, bits);
        let set = self
            .machine
            .call(|host| host.set_addresses(now, interface, &some));
        self.is_full |= set.is_err();
    }

    fn add_host(&mut self, label: &str) {
        let now = self.now;
        let added = self.machine.call(|host| host.add_host(now, label));
        self.took(added.as_ref().err());
        self.hosts.extend(added);
    }

    fn took(&mut self, error: Option<&RegisterError>) {
        self.is_full |= error == Some(&RegisterError::Full);
    }

    fn asked(&mut self, ask: Result<AskId, AskError>) {
        self.is_full |= ask == Err(AskError::Full);
        self.asks.extend(ask);
    }

    fn link(&mut self, n: u8) -> Option<&mut (LinkId, LinkConfig, State)> {
        let at = usize::from(n).checked_rem(self.links.len())?;
        self.links.get_mut(at)
    }

    fn service(&self, n: u8) -> Option<ServiceId> {
        pick(&self.services, n)
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
                let registered = self.machine.call(|host| host.register(now, &service));
                self.took(registered.as_ref().err());
                self.services.extend(registered);
            }
            Op::Withdraw(n) => {
                if let Some(service) = take(&mut self.services, n) {
                    self.machine.call(|host| host.withdraw(now, service));
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
                if let Some(service) = self.service(n) {
                    let updated = self
                        .machine
                        .call(|host| host.update_txt(now, service, txt.as_txt()));
                    self.took(updated.err().as_ref());
                }
            }
            Op::UpdatePort(n, port) => {
                if let Some(service) = self.service(n) {
                    let updated = self
                        .machine
                        .call(|host| host.update_port(now, service, port));
                    self.took(updated.err().as_ref());
                }
            }
            Op::UpdateSubtypes(n, bits) => {
                let some = some_of(&["_universal", "_color", "_a4"], bits);
                if let Some(service) = self.service(n) {
                    let updated = self
                        .machine
                        .call(|host| host.update_subtypes(now, service, &some));
                    self.took(updated.err().as_ref());
                }
            }
            Op::Offer(n, link, is_offered) => {
                if let (Some(service), Some(&mut (link, ..))) = (self.service(n), self.link(link)) {
                    self.machine
                        .call(|host| host.set_offered(now, service, link, is_offered));
                }
            }
            Op::AddHost(n) => self.add_host(["hall", "attic", "cellar"][usize::from(n) % 3]),
            Op::RemoveHost(n) => {
                if let Some(id) = take(&mut self.hosts, n) {
                    self.machine.call(|host| host.remove_host(now, id));
                }
            }
            Op::AddRecord(n) => {
                let owner = name(["alias.local", "group.local", "hall.local"][usize::from(n) % 3]);
                let target = name("hall.local");
                let sharing = if n > 127 {
                    Sharing::Shared
                } else {
                    Sharing::Unique
                };
                let record = NewRecord::new(
                    owner.as_name(),
                    rdata(n / 3, target.as_name(), sharing),
                    sharing,
                );
                let added = self.machine.call(|host| host.add_record(now, &record));
                self.took(added.as_ref().err());
                self.records.extend(added);
            }
            Op::UpdateRecord(n, to) => {
                let target = name("attic.local");
                let rdata = rdata(to, target.as_name(), Sharing::Unique);
                if let Some(record) = pick(&self.records, n) {
                    let updated = self
                        .machine
                        .call(|host| host.update_record(now, record, &rdata));
                    self.took(updated.err().as_ref());
                }
            }
            Op::RemoveRecord(n) => {
                if let Some(record) = take(&mut self.records, n) {
                    self.machine.call(|host| host.remove_record(now, record));
                }
            }
            Op::Browse(n) => {
                let types = [
                    "_ipp._tcp.local",
                    "_http._tcp.local",
                    "_universal._sub._ipp._tcp.local",
                ];
                let name = name(types[usize::from(n) % types.len()]);
                let ask = self.machine.call(|host| host.browse(now, name.as_name()));
                self.asked(ask);
            }
            Op::BrowseTypes => {
                let ask = self.machine.call(|host| host.browse_types(now));
                self.asked(ask);
            }
            Op::Resolve(n) => {
                let name = name(&format!("Printer {}._ipp._tcp.local", n % 6));
                let ask = self.machine.call(|host| host.resolve(now, name.as_name()));
                self.asked(ask);
            }
            Op::LookUp(n) => {
                let kinds = [AddressKind::V4, AddressKind::V6, AddressKind::Both];
                let kind = kinds[usize::from(n / 3) % 3];
                let name = name(["hall.local", "attic.local", "nobody.local"][usize::from(n) % 3]);
                let ask = self
                    .machine
                    .call(|host| host.lookup_host(now, name.as_name(), kind));
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
                let ask = self
                    .machine
                    .call(|host| host.query(now, name.as_name(), rtype, span(is_one_shot)));
                self.asked(ask);
            }
            Op::Reverse(n, is_one_shot) => {
                let addresses = ["10.0.0.1", "10.0.0.77", "fe80::77", "198.51.100.1"];
                let address: IpAddr = addresses[usize::from(n) % 4].parse().unwrap();
                let ask = self
                    .machine
                    .call(|host| host.reverse(now, address, span(is_one_shot)));
                self.asked(ask);
            }
            Op::Reconfirm(n) if n % 2 == 0 => {
                let name = name(&format!("Printer {}._ipp._tcp.local", n / 2 % 6));
                self.machine
                    .call(|host| host.reconfirm_instance(now, name.as_name()));
            }
            Op::Reconfirm(n) => {
                let name = name(["hall.local", "attic.local"][usize::from(n / 2) % 2]);
                self.machine
                    .call(|host| host.reconfirm(now, name.as_name(), RecordType::A));
            }
            Op::Stop(n) => {
                if let Some(ask) = take(&mut self.asks, n) {
                    self.machine.call(|host| host.stop(now, ask));
                }
            }
            Op::Shutdown => {
                self.machine.call(|host| host.shutdown(now));
                self.services.clear();
                self.hosts.clear();
                self.records.clear();
            }
            Op::Hear {
                link,
                packet,
                source,
                by_unicast,
                change,
            } => {
                let pool = pool();
                let mut bytes = pool[usize::from(packet) % pool.len()].clone();
                if let (Some((at, mask)), false) = (change, bytes.is_empty()) {
                    let at = usize::from(at) % bytes.len();
                    bytes[at] ^= mask;
                }
                self.hear(link, source, by_unicast, &bytes);
            }
            Op::HearBytes {
                link,
                source,
                by_unicast,
                ref bytes,
            } => self.hear(link, source, by_unicast, bytes),
            Op::Echo { link, age } => {
                let at = usize::from(age).checked_rem(self.sent.len());
                if let Some(bytes) = at.and_then(|at| self.sent.get(at)).cloned() {
                    self.hear(link, 0, false, &bytes);
                }
            }
            Op::Sleep(micros) => {
                let end = now + Duration::from_micros(micros);
                self.now = self.machine.poll_timeout().map_or(end, |at| at.min(end));
                self.catch_up();
            }
            Op::Delay(micros) => self.now = now + Duration::from_micros(micros),
            Op::Backwards(micros) => {
                let before = now.as_micros().saturating_sub(micros);
                self.machine
                    .call(|host| host.handle_timeout(Instant::from_micros(before)));
            }
            Op::LinkDown(n) => {
                if let Some((link, _, state)) = self.link(n) {
                    state.is_up = false;
                    let link = *link;
                    self.machine.call(|host| host.link_down(now, link));
                }
            }
            Op::LinkUp(n) => {
                if let Some((link, _, state)) = self.link(n) {
                    state.is_up = true;
                    let link = *link;
                    self.machine.call(|host| host.link_up(now, link));
                }
            }
            Op::AddLink(n) => {
                if self.links.len() < LINKS_MAX {
                    self.add_link(LinkConfig {
                        interface: InterfaceId(1 + u32::from(n / 4 % 2)),
                        family: Family::ALL[usize::from(n % 2)],
                        mtu: [MTU, 576][usize::from(n / 2 % 2)],
                        unicast: n > 127,
                        ..LinkConfig::MULTICAST
                    });
                }
            }
            Op::RemoveLink(n) => {
                if let Some((link, ..)) = take(&mut self.links, n) {
                    self.machine.call(|host| host.remove_link(now, link));
                }
            }
            Op::SendFailed(n) => {
                if let Some(&mut (link, ..)) = self.link(n) {
                    self.machine.call(|host| host.send_failed(now, link));
                }
            }
            Op::FailSends(fails) => self.sends_fail = fails,
            Op::Writable(n, is_writable) => {
                if let Some((link, _, state)) = self.link(n) {
                    state.is_writable = is_writable;
                    let link = *link;
                    self.machine
                        .call(|host| host.set_writable(link, is_writable));
                }
            }
            Op::Room(bytes) => {
                let room = usize::from(bytes).clamp(self.config.packet_max.max(512), 9000);
                self.buffer.resize(room, 0xaa);
            }
            Op::Addresses(n) => {
                self.set_addresses(InterfaceId(1 + u32::from(n / 8 % 2)), n);
            }
            Op::Resumed => self.machine.call(|host| host.resumed(now)),
        }
    }

    fn catch_up(&mut self) {
        let now = self.now;
        self.machine.call(|host| host.handle_timeout(now));
    }

    fn hear(&mut self, link: u8, source: u8, by_unicast: bool, bytes: &[u8]) {
        let Some(&mut (link, config, _)) = self.link(link) else {
            return;
        };
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
        let hop_limit = [None, Some(255), Some(64)][usize::from(source / 28) % 3];
        let source = SocketAddr::new(address, port);
        let now = self.now;
        let packet = Packet {
            source,
            via,
            hop_limit,
            bytes,
        };
        self.machine
            .call(|host| host.handle_packet(now, link, packet));
    }

    /// Transmits until there are none, events until there are none, and then the timeout.
    pub fn drain(&mut self) -> Option<Instant> {
        let now = self.now;
        for count in 0.. {
            assert!(count < SENT_MAX, "it does not stop sending");
            let Driver {
                machine, buffer, ..
            } = self;
            let Some(transmit) = machine.call(|host| host.poll_transmit(now, buffer)) else {
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
            if self.sends_fail {
                self.machine
                    .call(|host| host.send_failed(now, transmit.link));
            }
        }
        for count in 0.. {
            assert!(count < TOLD_MAX, "it does not stop telling");
            let Some(event) = self.machine.call(|host| host.poll_event()) else {
                break;
            };
            match event {
                Event::Discovery(discovery::Event::Incomplete { .. }) => self.is_full = true,
                Event::Discovery(discovery::Event::Found { ask, instance }) => {
                    self.found.push((ask, instance.name().into()));
                }
                Event::Discovery(discovery::Event::Gone { ask, instance }) => {
                    let name = NameBuf::from(instance.name());
                    self.found
                        .retain(|(of, found)| (*of, found) != (ask, &name));
                }
                _ => {}
            }
            self.done.push(Done::Told(told(&event)));
        }
        self.machine.poll_timeout()
    }

    /// Hears a datagram, and then does what the contract asks for.
    pub fn receive(&mut self, link: LinkId, packet: Packet<'_>) {
        let now = self.now;
        self.machine
            .call(|host| host.handle_packet(now, link, packet));
        self.rest();
    }

    /// Does one thing, and then what the contract asks for.
    pub fn run(&mut self, op: &Op) {
        self.apply(op);
        if let Op::Delay(_) = op {
            self.is_late = true;
            return;
        }
        self.rest();
    }

    fn rest(&mut self) {
        let mut timeout = self.drain();
        if mem::take(&mut self.is_late) {
            // What else was due in the meantime.
            self.catch_up();
            timeout = self.drain();
        }
        assert!(
            timeout.is_none_or(|at| at > self.now),
            "drained at {:?}, its timeout is {timeout:?}",
            self.now
        );
    }

    /// All questions end.
    pub fn stop_all(&mut self) {
        while !self.asks.is_empty() {
            self.run(&Op::Stop(0));
        }
    }

    /// The links that are down come up.
    pub fn reconnect(&mut self) {
        for link in 0..self.links.len() as u8 {
            if self.link(link).is_some_and(|(_, _, state)| !state.is_up) {
                self.run(&Op::LinkUp(link));
            }
        }
    }

    /// Left alone with its links in order it finds rest between what it does; then everything is withdrawn, and when all
    /// goodbyes are said it is silent.
    pub fn finish(&mut self) {
        self.run(&Op::FailSends(false));
        for link in 0..self.links.len() as u8 {
            self.run(&Op::Writable(link, true));
            self.run(&Op::LinkUp(link));
        }
        for _ in 0..40 {
            self.run(&Op::Sleep(u32::MAX.into()));
        }
        self.run(&Op::Shutdown);
        for _ in 0..10 {
            self.run(&Op::Sleep(2_000_000));
        }
        assert!(self.machine.is_silent(), "it has not said all goodbyes");
    }
}

/// One of them, if there is one.
fn pick<T: Copy>(all: &[T], n: u8) -> Option<T> {
    let at = usize::from(n).checked_rem(all.len())?;
    all.get(at).copied()
}

/// The same, and it is not among them any more.
fn take<T>(all: &mut Vec<T>, n: u8) -> Option<T> {
    let at = usize::from(n).checked_rem(all.len())?;
    Some(all.remove(at))
}

/// Those whose bits are set.
fn some_of<T: Copy>(all: &[T], bits: u8) -> Vec<T> {
    let has_bit = |(at, _): &(usize, &T)| bits >> at & 1 == 1;
    let some = all.iter().enumerate().filter(has_bit);
    some.map(|(_, one)| *one).collect()
}

fn span(is_one_shot: bool) -> Span {
    if is_one_shot {
        Span::OneShot
    } else {
        Span::Continuous
    }
}

/// What a record by itself says. A pointer is a set that others share.
fn rdata(n: u8, target: mdns_proto::name::Name<'_>, sharing: Sharing) -> Rdata<'_> {
    match (n % 4, sharing) {
        (0, Sharing::Shared) => Rdata::Ptr(target),
        (0, Sharing::Unique) => Rdata::Cname(target),
        // No address of ours: it would be said twice.
        (1, _) => Rdata::A([10, 9, 9, n].into()),
        (2, _) => Rdata::Other(RecordType(65280), b"some data"),
        _ => Rdata::Hinfo(Hinfo::new(b"ARM", b"none").unwrap()),
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
    let room = usize::from(config.mtu) - config.family.headers();
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
        // A known answer once for each question that it answers: for the address of a host and for all there is of it.
        let asking = message.questions().filter(|question| {
            let types = [record.rtype(), RecordType::ANY];
            question.name == record.name && types.contains(&question.qtype)
        });
        let times = match (flags.response(), section) {
            // In the packets after the first the questions are not repeated.
            (false, Section::Answer) if questions == 0 => usize::MAX,
            (false, Section::Answer) => asking.count().max(1),
            _ => 1,
        };
        let said = twins.count();
        assert!(said <= times, "said {said} times: {record} in {message:?}");
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
