//! An Ethernet in a box: boards on one wire and one clock, and whatever frames a test puts beside theirs.

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use mdns_sim::ethernet_frame;
use mdns_smoltcp::{
    CONFIG, GROUP_MAC_V4, GROUP_MAC_V6, Mdns, at,
    proto::{
        self,
        discovery::Event as News,
        host::Event,
        link::{Family, PORT},
        name::ServiceType,
        own::Service,
        wire::Message,
    },
};
use smoltcp::{
    iface::{self, Interface, SocketSet},
    phy::{self, Device, DeviceCapabilities, Medium},
    socket::udp,
    time::{Duration, Instant},
    wire::{EthernetAddress, IpCidr},
};

proto::fixed! {
    /// The memory of each board.
    pub(crate) struct Small {
        links: 2, hosts: 1, addresses: 2, services: 2, subtypes: 1, own_text: 768, askers: 4,
        asks: 2, told: 4, ask_text: 512, heard: 16, heard_text: 1024,
    }
}

/// A frame that passed.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Instant,
    pub(crate) port: usize,
    pub(crate) bytes: Vec<u8>,
}

/// A UDP datagram in a frame.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) at: Instant,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) hop_limit: u8,
    pub(crate) payload: Vec<u8>,
}

impl Datagram {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::parse(&self.payload).unwrap()
    }

    pub(crate) fn is_response(&self) -> bool {
        self.message().header().flags.response()
    }
}

impl Frame {
    pub(crate) fn datagram(&self) -> Option<Datagram> {
        let packet = SlicedPacket::from_ethernet(&self.bytes).unwrap();
        let (source, destination, hop_limit): (IpAddr, IpAddr, u8) = match packet.net? {
            NetSlice::Ipv4(ip) => {
                let header = ip.header();
                let (from, to) = (header.source_addr(), header.destination_addr());
                (from.into(), to.into(), header.ttl())
            }
            NetSlice::Ipv6(ip) => {
                let header = ip.header();
                let (from, to) = (header.source_addr(), header.destination_addr());
                (from.into(), to.into(), header.hop_limit())
            }
            NetSlice::Arp(_) => return None,
        };
        let Some(TransportSlice::Udp(udp)) = packet.transport else {
            return None;
        };
        Some(Datagram {
            at: self.at,
            source: (source, udp.source_port()).into(),
            destination: (destination, udp.destination_port()).into(),
            hop_limit,
            payload: udp.payload().to_vec(),
        })
    }

    /// Whether it is a report of membership in the IPv4 group (IGMP type 0x16).
    pub(crate) fn is_report(&self) -> bool {
        let ip = self.bytes.get(14..).unwrap_or(&[]);
        self.bytes.get(12..14) == Some(&[8, 0])
            && ip.get(9) == Some(&2)
            && ip.get(20) == Some(&0x16)
            && ip.ends_with(&[224, 0, 0, 251])
    }
}

struct Wire {
    now: Instant,
    /// What has not been received yet, for each port, and whether its cable is in.
    ports: Vec<(VecDeque<Vec<u8>>, bool)>,
    frames: Vec<Frame>,
}

impl Default for Wire {
    fn default() -> Self {
        Wire {
            now: Instant::ZERO,
            ports: Vec::new(),
            frames: Vec::new(),
        }
    }
}

impl Wire {
    fn send(&mut self, port: usize, bytes: Vec<u8>) {
        if !self.ports[port].1 {
            return;
        }
        for (_, (queue, is_plugged)) in self
            .ports
            .iter_mut()
            .enumerate()
            .filter(|(other, _)| *other != port)
        {
            if *is_plugged {
                queue.push_back(bytes.clone());
            }
        }
        let at = self.now;
        self.frames.push(Frame { at, port, bytes });
    }
}

/// The network chip of a board.
pub(crate) struct Port {
    wire: Rc<RefCell<Wire>>,
    number: usize,
    address: EthernetAddress,
}

impl Port {
    /// The filter that the board has to set: itself, all, the groups of mDNS and of neighbour discovery.
    fn wants(&self, frame: &[u8]) -> bool {
        let to = &frame[..6];
        to == self.address.as_bytes()
            || to == EthernetAddress::BROADCAST.as_bytes()
            || to == GROUP_MAC_V4.as_bytes()
            || to == GROUP_MAC_V6.as_bytes()
            || to.starts_with(&[0x33, 0x33, 0xff])
    }
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        loop {
            let frame = self.wire.borrow_mut().ports[self.number].0.pop_front()?;
            if self.wants(&frame) {
                return Some((Received(frame), Sending(self)));
            }
        }
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

pub(crate) struct Sending<'a>(&'a Port);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.wire.borrow_mut().send(self.0.number, frame);
        result
    }
}

/// A board with `mdns-smoltcp`, and what it has told.
pub(crate) struct Board {
    pub(crate) mdns: Box<Mdns<Small>>,
    pub(crate) interface: Interface,
    pub(crate) device: Port,
    pub(crate) sockets: SocketSet<'static>,
    packet: Vec<u8>,
    pub(crate) told: Vec<String>,
}

impl Board {
    /// Serves it once.
    pub(crate) fn poll(&mut self) {
        let now = self.device.wire.borrow().now;
        let Board {
            mdns,
            interface,
            device,
            sockets,
            packet,
            told,
        } = self;
        mdns.poll(now, interface, device, sockets, packet);
        while let Some(event) = mdns.poll_event() {
            told.push(words(&event));
        }
    }

    fn poll_at(&mut self) -> Option<Instant> {
        let now = self.device.wire.borrow().now;
        self.mdns.poll_at(now, &mut self.interface, &self.sockets)
    }

    pub(crate) fn advertise(&mut self, host: &str, instance: &str) {
        let now = at(self.device.wire.borrow().now);
        let http: ServiceType = "_http._tcp".parse().unwrap();
        self.mdns.add_host(now, host).unwrap();
        self.mdns
            .register(now, &Service::new(instance, &http, 80))
            .unwrap();
    }

    pub(crate) fn browse(&mut self) {
        let now = at(self.device.wire.borrow().now);
        let http: ServiceType = "_http._tcp".parse().unwrap();
        self.mdns.browse(now, http.as_name()).unwrap();
    }

    pub(crate) fn set_addresses(&mut self, addresses: &[&str]) {
        self.interface.update_ip_addrs(|row| {
            row.clear();
            for address in addresses {
                row.push(address.parse::<IpCidr>().unwrap()).unwrap();
            }
        });
    }

    /// Puts the cable in, or pulls it out, and tells the board as its chip would.
    pub(crate) fn plug(&mut self, is_plugged: bool) {
        let now = {
            let mut wire = self.device.wire.borrow_mut();
            let port = &mut wire.ports[self.device.number];
            port.0.clear();
            port.1 = is_plugged;
            wire.now
        };
        if is_plugged {
            self.mdns.link_up(now);
        } else {
            self.mdns.link_down(now);
        }
    }

    /// Whether it has told something with these words in it.
    pub(crate) fn has_told(&self, words: &str) -> bool {
        self.told.iter().any(|told| told.contains(words))
    }
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Registered { name, .. } => format!("registered {name}"),
        Event::Renamed { name, .. } => format!("renamed {name}"),
        Event::HostRegistered { name, .. } => format!("host {name}"),
        Event::HostRenamed { name, .. } => format!("host renamed {name}"),
        Event::Discovery(News::Found { instance, .. } | News::Changed { instance, .. }) => {
            let addresses: Vec<_> = instance
                .socket_addrs()
                .map(|address| address.to_string())
                .collect();
            format!("found {} at {}", instance.name(), addresses.join(" "))
        }
        Event::Discovery(News::Gone { instance, .. }) => format!("gone {}", instance.name()),
        other => format!("{other:?}"),
    }
}

/// The wire, all boards and the clock.
#[derive(Default)]
pub(crate) struct Ethernet {
    wire: Rc<RefCell<Wire>>,
    pub(crate) boards: Vec<Board>,
}

impl Ethernet {
    /// One of boards that have their cables in and these addresses.
    pub(crate) fn of(families: &[Family], boards: &[&[&str]]) -> Self {
        let mut ethernet = Ethernet::default();
        for addresses in boards {
            let board = ethernet.board(families);
            board.set_addresses(addresses);
            board.plug(true);
        }
        ethernet
    }

    /// One more board, without addresses, its cable out.
    pub(crate) fn board(&mut self, families: &[Family]) -> &mut Board {
        self.board_with(families, SocketSet::new(vec![]), socket(1472))
    }

    /// One with this socket, in a set that may have no room for more.
    pub(crate) fn board_with(
        &mut self,
        families: &[Family],
        mut sockets: SocketSet<'static>,
        socket: udp::Socket<'static>,
    ) -> &mut Board {
        let device = self.port();
        let mut device = Port {
            address: EthernetAddress([2, 0, 0, 0, 0, device.number as u8]),
            ..device
        };
        let now = self.now();
        let config = iface::Config::new(device.address.into());
        let interface = Interface::new(config, &mut device, now);
        let mut mdns = Box::new(Mdns::new(CONFIG));
        let seed = 100 + device.number as u64;
        mdns.start(now, seed, families, &device, &mut sockets, socket)
            .unwrap();
        self.boards.push(Board {
            mdns,
            interface,
            device,
            sockets,
            packet: vec![0; 1472],
            told: Vec::new(),
        });
        self.boards.last_mut().unwrap()
    }

    /// A port for frames of the test's own.
    pub(crate) fn port(&mut self) -> Port {
        let mut wire = self.wire.borrow_mut();
        wire.ports.push((VecDeque::new(), true));
        Port {
            wire: self.wire.clone(),
            number: wire.ports.len() - 1,
            address: EthernetAddress::BROADCAST,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.wire.borrow().now
    }

    /// Serves all boards until nothing is left to do now.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1000 {
            self.boards.iter_mut().for_each(Board::poll);
            let now = self.now();
            let is_quiet = |board: &mut Board| {
                let number = board.device.number;
                board.poll_at().is_none_or(|at| at > now)
                    && board.device.wire.borrow().ports[number].0.is_empty()
            };
            if self.boards.iter_mut().all(is_quiet) {
                return;
            }
        }
        panic!("the boards find no rest at {}", self.now());
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now() + span;
        loop {
            self.settle();
            let next = self.boards.iter_mut().filter_map(Board::poll_at).min();
            let next = next.unwrap_or(end).min(end);
            self.wire.borrow_mut().now = next;
            if next == end {
                return self.settle();
            }
        }
    }

    /// Sends a datagram to the group from a host that has no board.
    pub(crate) fn say(&mut self, port: &Port, from: impl Into<SocketAddr>, payload: &[u8]) {
        let from = from.into();
        let family = Family::of(&from.ip());
        self.send(port, from, family.group(), payload);
    }

    /// Sends a datagram; to a single receiver, whatever its hardware address, by broadcast.
    pub(crate) fn send(&mut self, port: &Port, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        self.put(port, frame(from, to, payload));
    }

    /// Puts a frame on the wire, whatever it is.
    pub(crate) fn put(&mut self, port: &Port, frame: Vec<u8>) {
        self.wire.borrow_mut().send(port.number, frame);
    }

    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.wire.borrow().frames.clone()
    }

    /// The datagrams of one board.
    pub(crate) fn said_by(&self, board: usize) -> Vec<Datagram> {
        let number = self.boards[board].device.number;
        self.frames()
            .iter()
            .filter(|frame| frame.port == number)
            .filter_map(Frame::datagram)
            .collect()
    }
}

/// A frame with a datagram; to a single receiver, whatever its hardware address, by broadcast.
pub(crate) fn frame(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mac = match (to.ip().is_multicast(), to) {
        (false, _) => EthernetAddress::BROADCAST,
        (true, SocketAddr::V4(_)) => GROUP_MAC_V4,
        (true, SocketAddr::V6(_)) => GROUP_MAC_V6,
    };
    ethernet_frame(mac.0, from, to, payload)
}

/// One with room for packets of this size.
pub(crate) fn socket(bytes: usize) -> udp::Socket<'static> {
    let buffer =
        |packets| udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; packets], vec![0; bytes]);
    udp::Socket::new(buffer(2), buffer(1))
}

/// A host at which no board is.
pub(crate) const STRANGER: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 99), PORT);
/// The same for IPv6.
pub(crate) const STRANGER_V6: (Ipv6Addr, u16) =
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99), PORT);
