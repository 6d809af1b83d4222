//! What a network is inside: stations, segments, a clock and what is going to happen.
//!
//! There is one queue of what is to happen, ordered by time and, at one time, by when it was put in. A packet is kept once and
//! shared by all of its arrivals.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

use ipv4ll::AddressMachine;
use mdns_proto::{
    config::Config,
    host::{Host as Core, Storage},
    link::{
        Destination, Family, InterfaceId, LinkConfig, LinkId, PORT, Packet, Subnet, Transmit, Via,
    },
    store::Full,
    time::Instant,
    wire::{Message, ParseError},
};

use crate::{
    Around,
    arp::Frame,
    chance::{Chance, Draw},
    node::{Node, Power, Sends},
    segment::{Medium, Port},
    transcript::{Entry, Told},
};

/// The largest UDP payload over IPv4.
const BUFFER: usize = 65_507;

/// The MTU of all segments: that of Ethernet.
const MTU: u16 = 1500;

/// A packet that was sent: kept once, however often it arrives.
#[derive(Debug)]
pub struct Sent {
    /// When it left.
    pub at: Instant,
    /// Who sent it.
    pub source: SocketAddr,
    /// Where to.
    pub destination: Destination,
    /// The UDP payload.
    pub bytes: Box<[u8]>,
    pub(crate) from: Port,
    pub(crate) segment: usize,
    /// Which of the sender's packets it is: what chance goes by.
    pub(crate) number: u64,
}

impl Sent {
    /// The payload, read.
    ///
    /// # Errors
    /// If nothing of it can be read.
    pub fn message(&self) -> Result<Message<'_>, ParseError> {
        Message::parse(&self.bytes)
    }

    /// Whether it is a query that proposes records (RFC 6762 §8.2): asked at every arrival, so by the header alone.
    fn is_probe(&self) -> bool {
        matches!(&*self.bytes, [_, _, flags, _, _, _, _, _, high, low, ..]
            if flags & 0x80 == 0 && high | low != 0)
    }

    pub(crate) fn family(&self) -> Family {
        Family::of(&self.source.ip())
    }
}

/// When a probe arrived, where, and the packet.
pub(crate) type Probed = (Instant, Port, Rc<Sent>);

/// A packet that a [`Peer`](crate::Peer) has heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it arrived.
    pub at: Instant,
    /// Which way it came.
    pub via: Via,
    /// The packet.
    pub packet: Rc<Sent>,
}

/// Something attached to segments.
pub(crate) struct Station<S: Storage> {
    pub(crate) name: String,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) role: Role<S>,
    /// Packets sent so far.
    pub(crate) sent: u64,
    /// ARP frames sent so far.
    pub(crate) frames: u32,
    /// How often it has lost an address that it had claimed.
    pub(crate) losses: u32,
}

pub(crate) enum Role<S: Storage> {
    Host(Box<Node<S>>),
    /// What it has heard.
    Peer(Vec<Heard>),
}

/// One interface of a station.
pub(crate) struct Interface {
    pub(crate) segment: usize,
    pub(crate) addresses: Vec<Subnet>,
    /// Those of the families that the host uses.
    pub(crate) links: [Option<LinkId>; 2],
    /// Whether the cable is in.
    pub(crate) is_up: bool,
    /// The part of the segment that it is on.
    pub(crate) island: u32,
    /// How often it was given another address.
    pub(crate) changes: usize,
    /// What claims its IPv4 address, if it was not given one.
    pub(crate) machine: Option<Box<AddressMachine>>,
}

impl Interface {
    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses
            .iter()
            .map(|subnet| subnet.address)
            .find(|address| Family::of(address) == family)
    }

    pub(crate) fn link(&self, family: Family) -> Option<LinkId> {
        self.links[family as usize]
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    /// At one time, what was put in first comes first.
    order: u64,
}

pub(crate) enum What {
    Wake(usize),
    /// An ARP frame arrives at one port, or at all of its segment.
    Frame {
        frame: Rc<Frame>,
        to: Option<Port>,
    },
    Arrival {
        packet: Rc<Sent>,
        to: Port,
        via: Via,
    },
}

struct Event {
    due: Due,
    what: What,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

pub(crate) struct World<S: Storage> {
    pub(crate) chance: Chance,
    pub(crate) now: Instant,
    pub(crate) stations: Vec<Station<S>>,
    pub(crate) segments: Vec<Medium>,
    queue: BinaryHeap<Reverse<Event>>,
    order: u64,
    /// What happened, unless nobody wants to know.
    pub(crate) log: Option<Vec<Entry>>,
    /// Service types that hosts have advertised or browsed: while there is one, names do without it.
    pub(crate) types: BTreeSet<String>,
    pub(crate) deliveries: u64,
    /// ARP frames sent so far.
    pub(crate) frames: u64,
    /// Probes that hosts have heard, if somebody wants to know.
    pub(crate) probed: Option<Vec<Probed>>,
    /// What is put around the verbs of hosts that are added.
    pub(crate) around: Around,
    buffer: Box<[u8]>,
}

impl<S: Storage> World<S> {
    pub(crate) fn new(seed: u64) -> Self {
        World {
            chance: Chance(seed),
            now: Instant::ZERO,
            stations: Vec::new(),
            segments: Vec::new(),
            queue: BinaryHeap::new(),
            order: 0,
            log: Some(Vec::new()),
            types: BTreeSet::new(),
            deliveries: 0,
            frames: 0,
            probed: None,
            around: |verb| verb(),
            buffer: vec![0; BUFFER].into(),
        }
    }

    // --- building ---

    pub(crate) fn add_segment(&mut self, name: &str) -> usize {
        self.segments.push(Medium {
            name: name.to_owned(),
            ..Medium::default()
        });
        self.segments.len() - 1
    }

    pub(crate) fn add_host(&mut self, name: &str, label: &str, config: Config) -> usize {
        let index = self.stations.len();
        let seed = self.chance.draw(Draw::HostSeed, [index as u64, 0]);
        let mut node = Box::new(Node::new(config, self.now, seed, self.around));
        node.claim(self.now, label);
        self.add_station(name, Role::Host(node))
    }

    pub(crate) fn add_station(&mut self, name: &str, role: Role<S>) -> usize {
        self.stations.push(Station {
            name: name.to_owned(),
            interfaces: Vec::new(),
            role,
            sent: 0,
            frames: 0,
            losses: 0,
        });
        self.stations.len() - 1
    }

    /// Attaches a station to a segment with addresses of these families.
    pub(crate) fn attach(&mut self, index: usize, segment: usize, families: &[Family]) -> usize {
        let interface = self.stations[index].interfaces.len();
        let port = Port {
            station: number(index),
            interface: number(interface),
        };
        self.segments[segment].ports.push(port);
        self.stations[index].interfaces.push(Interface {
            segment,
            addresses: Vec::new(),
            links: [None; 2],
            is_up: true,
            island: 0,
            changes: 0,
            machine: None,
        });
        for &family in families {
            self.add_family(index, interface, family);
        }
        interface
    }

    /// Gives an interface an address of one more family, and a host the link that goes with it.
    pub(crate) fn add_family(&mut self, index: usize, interface: usize, family: Family) {
        let segment = self.stations[index].interfaces[interface].segment;
        let port = Port {
            station: number(index),
            interface: number(interface),
        };
        let owners = &mut self.segments[segment].owners;
        // By the number of the station; for one more interface of it, from the other end.
        let first = address(segment, index + 1, family);
        let others = (index + 1..usize::from(u16::MAX))
            .rev()
            .map(|n| address(segment, n, family));
        let free = std::iter::once(first)
            .chain(others)
            .find(|subnet| !owners.contains_key(&subnet.address));
        let address = free.unwrap_or_else(|| panic!("no more than 65,535 addresses on a segment"));
        owners.insert(address.address, port);
        let station = &mut self.stations[index];
        let found = &mut station.interfaces[interface];
        found.addresses.push(address);
        if matches!(station.role, Role::Host(_)) {
            self.add_link(index, interface, family);
        }
    }

    /// Gives a host the link of an interface and a family. It is down if the interface has no address.
    pub(crate) fn add_link(&mut self, index: usize, interface: usize, family: Family) {
        let now = self.now;
        let station = &mut self.stations[index];
        let found = &mut station.interfaces[interface];
        let Role::Host(node) = &mut station.role else {
            return;
        };
        let id = InterfaceId(number(interface) + 1);
        let has_address = found.address(family).is_some();
        let added = node.core.call(|core| {
            core.set_addresses(now, id, &found.addresses)?;
            let config = LinkConfig {
                interface: id,
                family,
                mtu: MTU,
                unicast: true,
                ..LinkConfig::MULTICAST
            };
            let link = core.add_link(now, config)?;
            if !has_address {
                core.link_down(now, link);
            }
            Ok(link)
        });
        found.links[family as usize] =
            Some(added.unwrap_or_else(|Full| panic!("no room for the links of {}", station.name)));
        self.drain(index);
    }

    /// Gives the first interface of a host an IPv4 address that no other host has had, in the place of the one it has.
    pub(crate) fn change_address(&mut self, index: usize) -> IpAddr {
        let interface = &mut self.stations[index].interfaces[0];
        let (segment, family) = (interface.segment, Family::V4);
        interface.changes += 1;
        // The upper half of the addresses: 32 for each host, in turn.
        let n = 0x8000 + (index % 1024) * 32 + interface.changes % 32;
        let new = address(segment, n, family);
        let is_old = |subnet: &&mut Subnet| Family::of(&subnet.address) == family;
        let owners = &mut self.segments[segment].owners;
        if let Some(old) = interface.addresses.iter_mut().find(is_old) {
            owners.remove(&old.address);
            *old = new;
        }
        let port = Port {
            station: number(index),
            interface: 0,
        };
        owners.insert(new.address, port);
        let addresses = interface.addresses.clone();
        let id = InterfaceId(1);
        let set = self.act(index, |core, now| core.set_addresses(now, id, &addresses));
        set.unwrap_or_else(|Full| panic!("{}: no room for its address", self.place(index)));
        new.address
    }

    pub(crate) fn set_island(&mut self, segment: usize, index: usize, island: u32) {
        for interface in &mut self.stations[index].interfaces {
            if interface.segment == segment {
                interface.island = island;
            }
        }
    }

    pub(crate) fn node(&mut self, index: usize) -> &mut Node<S> {
        match &mut self.stations[index].role {
            Role::Host(node) => node,
            Role::Peer(_) => unreachable!("handles of peers know no host"),
        }
    }

    // --- what happens ---

    /// Lets one thing happen, if there is one until `end`. The clock goes as far as that, or to the end.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        match self.queue.peek() {
            Some(Reverse(next)) if next.due.at <= end => {}
            _ => {
                self.now = end;
                return false;
            }
        }
        let Some(Reverse(event)) = self.queue.pop() else {
            return false;
        };
        self.now = event.due.at;
        match event.what {
            What::Wake(index) => self.wake(index),
            What::Arrival { packet, to, via } => self.arrive(&packet, to, via),
            What::Frame { frame, to } => self.arrive_frame(&frame, to),
        }
        true
    }

    pub(crate) fn happen(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.queue.push(Reverse(Event {
            due: Due {
                at,
                order: self.order,
            },
            what,
        }));
    }

    fn wake(&mut self, index: usize) {
        let now = self.now;
        let node = self.node(index);
        if node.queued != Some(now) {
            // An earlier one has taken its place.
            return;
        }
        node.queued = None;
        if node.power == Power::Awake {
            node.core.call(|core| core.handle_timeout(now));
            for machine in self.machines(index) {
                machine.handle_timeout(now);
            }
            self.drain(index);
        }
    }

    fn arrive(&mut self, packet: &Rc<Sent>, to: Port, via: Via) {
        let now = self.now;
        let index = to.station as usize;
        let station = &mut self.stations[index];
        let interface = &station.interfaces[to.interface as usize];
        if !interface.is_up {
            return;
        }
        self.deliveries += 1;
        match &mut station.role {
            Role::Peer(heard) => heard.push(Heard {
                at: now,
                via,
                packet: Rc::clone(packet),
            }),
            Role::Host(node) => {
                let Some(link) = interface
                    .link(packet.family())
                    .filter(|_| node.power == Power::Awake)
                else {
                    return;
                };
                if let Some(probed) = self.probed.as_mut().filter(|_| packet.is_probe()) {
                    probed.push((now, to, Rc::clone(packet)));
                }
                if node.queued == Some(now) {
                    // Both at one moment: the driver looks at its clock first.
                    node.core.call(|core| core.handle_timeout(now));
                }
                let packet = Packet {
                    source: packet.source,
                    via,
                    hop_limit: Some(255),
                    bytes: &packet.bytes,
                };
                node.core.call(|core| core.handle_packet(now, link, packet));
                self.drain(index);
            }
        }
    }

    /// Does one thing to a host, and what the contract asks for after it.
    pub(crate) fn act<T>(
        &mut self,
        index: usize,
        verb: impl FnOnce(&mut Core<S>, Instant) -> T,
    ) -> T {
        let now = self.now;
        let node = self.node(index);
        let done = node.core.call(|core| verb(core, now));
        self.drain(index);
        done
    }

    /// The contract: transmits until there are none, events until there are none, then sleep until the timeout.
    pub(crate) fn drain(&mut self, index: usize) {
        let now = self.now;
        if self.node(index).power != Power::Awake {
            return;
        }
        self.drain_addresses(index);
        let mut left = 10_000u32;
        while let Some(transmit) = {
            let World {
                stations, buffer, ..
            } = self;
            let Role::Host(node) = &mut stations[index].role else {
                return;
            };
            node.core.call(|core| core.poll_transmit(now, buffer))
        } {
            left -= 1;
            assert!(left > 0, "{}: it does not stop sending", self.place(index));
            self.transmit(index, &transmit);
        }
        let is_recording = self.log.is_some();
        let mut told = Vec::new();
        self.node(index).take_events(|event| {
            if is_recording {
                told.push(event);
            }
        });
        for told in told {
            self.record(Entry::Told {
                at: now,
                station: index,
                told,
            });
        }
        let timeout = self.node(index).core.call(|core| core.poll_timeout());
        let timeouts = self
            .machines(index)
            .filter_map(|machine| machine.poll_timeout());
        let Some(at) = timeouts.chain(timeout).min() else {
            return;
        };
        assert!(
            at > now,
            "{}: it is drained, and its timeout is {at:?}",
            self.place(index)
        );
        let node = self.node(index);
        if node.queued.is_none_or(|queued| at < queued) {
            node.queued = Some(at);
            self.happen(at, What::Wake(index));
        }
    }

    /// What claims the addresses of a host.
    pub(crate) fn machines(&mut self, index: usize) -> impl Iterator<Item = &mut AddressMachine> {
        let interfaces = self.stations[index].interfaces.iter_mut();
        interfaces.filter_map(|interface| interface.machine.as_deref_mut())
    }

    /// Where and when, for a panic.
    pub(crate) fn place(&self, index: usize) -> String {
        format!(
            "seed {}, {:?}, {}",
            self.chance.0, self.now, self.stations[index].name
        )
    }

    fn transmit(&mut self, index: usize, transmit: &Transmit) {
        let now = self.now;
        let station = &mut self.stations[index];
        let found = station
            .interfaces
            .iter()
            .enumerate()
            .find_map(|(at, interface)| {
                [Family::V4, Family::V6].into_iter().find_map(|family| {
                    (interface.link(family) == Some(transmit.link))
                        .then(|| Some((at, interface.address(family)?)))?
                })
            });
        let Some((interface, address)) = found else {
            panic!("{}: no such link", self.place(index))
        };
        let Role::Host(node) = &mut station.role else {
            return;
        };
        match node.sends {
            Sends::Blocked => panic!("{}: it sends where it cannot", self.place(index)),
            Sends::Fail => {
                return node.core.call(|core| core.send_failed(now, transmit.link));
            }
            Sends::Work => {}
        }
        let source = SocketAddr::new(address, PORT);
        let bytes = self.buffer[..transmit.len].into();
        self.send(index, interface, source, transmit.destination, bytes);
    }

    /// Puts a packet on the segment of an interface.
    pub(crate) fn send(
        &mut self,
        index: usize,
        interface: usize,
        source: SocketAddr,
        destination: Destination,
        bytes: Box<[u8]>,
    ) {
        let station = &mut self.stations[index];
        let found = &station.interfaces[interface];
        if !found.is_up {
            return;
        }
        station.sent += 1;
        let packet = Rc::new(Sent {
            at: self.now,
            source,
            destination,
            bytes,
            from: Port {
                station: number(index),
                interface: number(interface),
            },
            segment: found.segment,
            number: station.sent,
        });
        let is_host = matches!(station.role, Role::Host(_));
        self.record(Entry::Packet(Rc::clone(&packet)));
        if is_host && destination == Destination::Multicast {
            // Loopback.
            let (to, via) = (packet.from, Via::Multicast);
            self.happen(
                self.now,
                What::Arrival {
                    packet: Rc::clone(&packet),
                    to,
                    via,
                },
            );
        }
        self.carry(&packet, None);
    }

    /// Carries a packet to all that it is for; again, if `again` says so: then to its sender, too.
    pub(crate) fn carry(&mut self, packet: &Rc<Sent>, again: Option<u64>) {
        let medium = &self.segments[packet.segment];
        match packet.destination {
            Destination::Multicast => {
                let sends_back = medium.conditions.sends_back || again.is_some();
                for at in 0..medium.ports.len() {
                    let Some(&to) = self.segments[packet.segment].ports.get(at) else {
                        break;
                    };
                    if to != packet.from || sends_back {
                        self.carry_to(packet, to, Via::Multicast, again);
                    }
                }
            }
            Destination::Unicast(address) => {
                if let Some(&to) = medium.owners.get(&address.ip()) {
                    self.carry_to(packet, to, Via::Unicast, again);
                }
            }
        }
    }

    fn carry_to(&mut self, packet: &Rc<Sent>, to: Port, via: Via, again: Option<u64>) {
        let reaches = |port: Port| {
            let interface =
                &self.stations[port.station as usize].interfaces[port.interface as usize];
            (
                interface.island,
                interface.address(packet.family()).is_some(),
            )
        };
        let ((from_island, _), (to_island, has_family)) = (reaches(packet.from), reaches(to));
        if from_island != to_island || !has_family {
            return;
        }
        let conditions = &self.segments[packet.segment].conditions;
        let subject = [
            u64::from(packet.from.station) << 32 ^ packet.number ^ again.unwrap_or(0) << 48,
            u64::from(to.station) << 32 | u64::from(to.interface),
        ];
        let arrivals = conditions.delays(self.chance, subject);
        for delay in arrivals.into_iter().flatten() {
            self.happen(
                self.now + delay,
                What::Arrival {
                    packet: Rc::clone(packet),
                    to,
                    via,
                },
            );
        }
    }

    // --- what is kept ---

    fn record(&mut self, entry: Entry) {
        if let Some(log) = &mut self.log {
            log.push(entry);
        }
    }

    /// Writes into the transcript what is done to the network or to a host.
    pub(crate) fn note(&mut self, station: Option<usize>, verb: &'static str, what: String) {
        let at = self.now;
        self.record(Entry::Told {
            at,
            station: station.unwrap_or(usize::MAX),
            told: Told::Done { verb, what },
        });
    }
}

/// A number of a station or interface; there are never four billion.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The address of a number on a segment: `10.s.0.n/16` and `fe80::s:n/64`.
fn address(segment: usize, n: usize, family: Family) -> Subnet {
    let segment = u8::try_from(segment).unwrap_or_else(|_| panic!("no more than 256 segments"));
    let n = u16::try_from(n).unwrap_or_else(|_| panic!("no more than 65,535 stations"));
    match family {
        Family::V4 => {
            let [high, low] = n.to_be_bytes();
            Subnet {
                address: Ipv4Addr::new(10, segment, high, low).into(),
                prefix_len: 16,
            }
        }
        Family::V6 => {
            let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, segment.into(), n);
            Subnet {
                address: address.into(),
                prefix_len: 64,
            }
        }
    }
}
