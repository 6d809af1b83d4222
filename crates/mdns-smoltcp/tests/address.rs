//! A board whose address is claimed and defended below smoltcp, and the frames that others send it.

use std::{collections::VecDeque, net::Ipv4Addr};

use mdns_smoltcp::{
    CONFIG, Guarded, Mdns, at,
    ipv4ll::{
        Event, FRAME_LEN, HardwareAddress, Policy,
        arp::{Operation, Packet},
    },
    proto::{
        self,
        host::Event as HostEvent,
        link::Family,
        name::ServiceType,
        own::Service,
        wire::{Message, Rdata},
    },
};
use smoltcp::{
    iface::{Config, Interface, SocketSet, SocketStorage},
    phy::{self, Device, DeviceCapabilities, Medium},
    socket::udp,
    time::{Duration, Instant},
    wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Cidr},
};

const OWN: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 1]);
const OTHER: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 9]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 7);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
const GIVEN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

/// Frames that wait to be received, and those that were sent.
#[derive(Default)]
struct Port {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut Vec<Vec<u8>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Port {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Rx(frame), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct Board {
    device: Guarded<Port>,
    interface: Interface,
    now: Instant,
    events: Vec<Event>,
}

impl Board {
    fn new() -> Self {
        let hardware = EthernetAddress(OWN.0);
        let mut device = Guarded::new(Port::default(), hardware, 1);
        let config = Config::new(hardware.into());
        let interface = Interface::new(config, &mut device, Instant::ZERO);
        Board {
            device,
            interface,
            now: Instant::ZERO,
            events: Vec::new(),
        }
    }

    /// With a link-local address that is announced.
    fn settled() -> Self {
        let mut board = Board::new();
        board.device.start(board.now, Some(ADDRESS));
        board.run_for(10);
        assert_eq!(board.addresses(), ["169.254.7.7/16"]);
        board.forget();
        board
    }

    fn forget(&mut self) {
        self.events.clear();
        self.device.device_mut().sent.clear();
    }

    fn addresses(&self) -> Vec<String> {
        let addresses = self.interface.ip_addrs().iter();
        addresses.map(ToString::to_string).collect()
    }

    fn poll(&mut self) {
        while let Some(event) = self.device.poll(self.now, &mut self.interface).unwrap() {
            self.events.push(event);
        }
        let mut sockets = SocketSet::new(vec![]);
        self.interface
            .poll(self.now, &mut self.device, &mut sockets);
        while let Some(event) = self.device.poll(self.now, &mut self.interface).unwrap() {
            self.events.push(event);
        }
    }

    fn run_for(&mut self, secs: u64) {
        let end = self.now + Duration::from_secs(secs);
        self.poll();
        while let Some(next) = self.device.poll_at().filter(|&next| next <= end) {
            self.now = next.max(self.now);
            self.poll();
        }
        self.now = end;
    }

    fn hear(&mut self, operation: Operation, sender: Ipv4Addr, target: Ipv4Addr) {
        let mut frame = [0; FRAME_LEN];
        let packet = Packet {
            operation,
            sender_hardware: OTHER,
            sender,
            target_hardware: HardwareAddress::ZERO,
            target,
        };
        packet.write(HardwareAddress::BROADCAST, &mut frame);
        self.device.device_mut().received.push_back(frame.into());
    }

    /// The ARP packets that were sent, with their destinations.
    fn sent(&mut self) -> Vec<(HardwareAddress, Packet)> {
        let sent = std::mem::take(&mut self.device.device_mut().sent);
        let arp = sent.iter().filter_map(|frame| {
            let destination = HardwareAddress(frame[..6].try_into().unwrap());
            Some((destination, Packet::parse(frame)?))
        });
        arp.collect()
    }
}

/// covers: 3927-2.8-a, 3927-2.2-a
#[test]
fn the_address_is_on_the_interface_when_it_is_claimed() {
    let mut board = Board::new();
    board.device.start(board.now, Some(ADDRESS));
    board.run_for(3);
    assert!(board.addresses().is_empty());
    board.run_for(10);
    assert_eq!(board.addresses(), ["169.254.7.7/16"]);
    let sent = board.sent();
    assert_eq!(sent.len(), 5);
    assert!(sent[..3].iter().all(|(_, packet)| packet.is_probe()));
    board.device.stop(board.now);
    board.poll();
    assert!(board.addresses().is_empty());
}

/// smoltcp by itself is silent to probes and to other networks, and replies by unicast.
///
/// covers: 3927-2.5-g, 5227-2.5-a
#[test]
fn each_request_gets_one_reply_by_broadcast() {
    for sender in [NEIGHBOUR, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 1)] {
        let mut board = Board::settled();
        board.hear(Operation::Request, sender, ADDRESS);
        board.poll();
        let [(destination, packet)] = board.sent()[..] else {
            panic!("one reply to {sender}");
        };
        assert_eq!(destination, HardwareAddress::BROADCAST);
        assert_eq!(packet.operation, Operation::Reply);
        assert_eq!((packet.sender_hardware, packet.sender), (OWN, ADDRESS));
        assert_eq!((packet.target_hardware, packet.target), (OTHER, sender));
    }
}

/// covers: 5227-2.5-a
#[test]
fn requests_that_come_at_once_are_all_answered() {
    let mut board = Board::settled();
    for n in 1..=20 {
        board.hear(Operation::Request, [169, 254, 1, n].into(), ADDRESS);
    }
    board.poll();
    let targets: Vec<_> = board
        .sent()
        .iter()
        .map(|(_, packet)| packet.target)
        .collect();
    let asked: Vec<_> = (1..=20).map(|n| Ipv4Addr::new(169, 254, 1, n)).collect();
    assert_eq!(targets, asked);
}

/// smoltcp by itself replies to the host that takes its address.
///
/// covers: 3927-2.5-a, 3927-2.5-c, 3927-2.5-d
#[test]
fn a_host_that_takes_the_address_is_noticed() {
    let mut board = Board::settled();
    board.hear(Operation::Request, ADDRESS, ADDRESS);
    board.poll();
    let [(destination, packet)] = board.sent()[..] else {
        panic!("one announcement");
    };
    assert_eq!(destination, HardwareAddress::BROADCAST);
    assert_eq!(packet.operation, Operation::Request);
    assert_eq!((packet.sender, packet.target), (ADDRESS, ADDRESS));
    assert!(matches!(board.events[..], [Event::Defended { .. }]));
    board.forget();
    board.hear(Operation::Request, ADDRESS, ADDRESS);
    // What comes in the same poll is not answered for the lost address.
    board.hear(Operation::Request, NEIGHBOUR, ADDRESS);
    board.poll();
    assert!(board.sent().is_empty());
    assert!(matches!(
        board.events[..],
        [Event::Conflict { .. }, Event::Lost { address: ADDRESS }]
    ));
    assert!(board.addresses().is_empty());
    board.run_for(10);
    let [address] = &board.addresses()[..] else {
        panic!("one address: {:?}", board.addresses());
    };
    assert!(address.starts_with("169.254.") && address != "169.254.7.7/16");
}

/// DHCP comes and goes: its address is probed for, guarded, and replaced by a link-local one.
///
/// covers: 3927-1.9-c, 3927-1.9-e, 5227-2.1-a, 5227-2.6-a
#[test]
fn a_given_address_is_claimed_in_place_of_the_link_local_one() {
    let mut board = Board::settled();
    board
        .device
        .claim(board.now, Ipv4Cidr::new(GIVEN, 24))
        .unwrap();
    board.poll();
    assert!(board.addresses().is_empty());
    board.run_for(10);
    assert_eq!(board.addresses(), ["10.0.0.7/24"]);
    assert!(
        board.sent()[..3]
            .iter()
            .all(|(_, packet)| packet.is_probe())
    );
    board.hear(Operation::Request, [10, 0, 0, 1].into(), GIVEN);
    board.hear(Operation::Request, Ipv4Addr::UNSPECIFIED, GIVEN);
    board.poll();
    let destinations: Vec<_> = board.sent().iter().map(|sent| sent.0).collect();
    assert_eq!(destinations, [OTHER, OTHER]);
    board.device.set_policy(Policy::Yield);
    board.hear(Operation::Reply, GIVEN, [10, 0, 0, 1].into());
    board.poll();
    assert!(board.addresses().is_empty());
    board.device.start(board.now, Some(ADDRESS));
    board.run_for(10);
    assert_eq!(board.addresses(), ["169.254.7.7/16"]);
}

/// covers: 3927-2.2-b
#[test]
fn a_cable_that_is_pulled_takes_the_address_with_it() {
    let mut board = Board::settled();
    board.device.link_down(board.now);
    board.poll();
    assert!(board.addresses().is_empty());
    board.device.link_up(board.now);
    board.run_for(10);
    assert_eq!(board.addresses(), ["169.254.7.7/16"]);
    assert_eq!(board.sent().len(), 5);
}

/// covers: none (a limit of smoltcp)
#[test]
fn an_interface_without_room_for_the_address() {
    let mut board = Board::new();
    board.interface.update_ip_addrs(|addresses| {
        for n in 1.. {
            let address = IpCidr::new(IpAddress::v4(10, 0, 0, n), 24);
            if addresses.push(address).is_err() {
                break;
            }
        }
    });
    board.device.start(board.now, Some(ADDRESS));
    let end = Instant::from_secs(20);
    let mut refused = 0;
    while let Some(next) = board.device.poll_at().filter(|&next| next <= end) {
        board.now = next.max(board.now);
        match board.device.poll(board.now, &mut board.interface) {
            Ok(event) => assert_eq!(event, None),
            Err(_) => refused += 1,
        }
    }
    assert_eq!((refused, board.device.address()), (1, None));
}

proto::fixed! {
    struct Small {
        links: 1, hosts: 1, addresses: 1, services: 1, subtypes: 0, own_text: 512, askers: 4,
        asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
    }
}

/// A stolen address is changed, and the services are announced with the new one.
///
/// covers: 3927-6.1-a
#[test]
fn mdns_follows_the_address() {
    let Board {
        mut device,
        mut interface,
        mut now,
        ..
    } = Board::new();
    let mut mdns = Mdns::<Small>::new(CONFIG);
    let mut storage = [SocketStorage::EMPTY; 1];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 2], vec![0; 1472]);
    let socket = udp::Socket::new(buffer(), buffer());
    mdns.start(now, 1, &[Family::V4], &device, &mut sockets, socket)
        .unwrap();
    mdns.link_up(now);
    mdns.add_host(at(now), "board").unwrap();
    let http: ServiceType = "_http._tcp".parse().unwrap();
    mdns.register(at(now), &Service::new("Front Desk", &http, 80))
        .unwrap();
    device.start(now, Some(ADDRESS));

    let mut packet = [0; 1472];
    let mut run = |device: &mut Guarded<Port>, secs| {
        let end = now + Duration::from_secs(secs);
        let mut registered = None;
        while now < end {
            while device.poll(now, &mut interface).unwrap().is_some() {}
            mdns.poll(now, &mut interface, device, &mut sockets, &mut packet);
            while let Some(event) = mdns.poll_event() {
                if matches!(event, HostEvent::Registered { .. }) {
                    registered = Some(now);
                }
            }
            now += Duration::from_millis(1);
        }
        registered
    };
    let registered = run(&mut device, 10);
    assert!(registered.is_some_and(|at| at <= Instant::from_secs(10)));
    assert_eq!(announced(&mut device), [ADDRESS]);

    for _ in 0..2 {
        let mut frame = [0; FRAME_LEN];
        let packet = Packet {
            operation: Operation::Request,
            sender_hardware: OTHER,
            sender: ADDRESS,
            target_hardware: HardwareAddress::ZERO,
            target: ADDRESS,
        };
        packet.write(HardwareAddress::BROADCAST, &mut frame);
        device.device_mut().received.push_back(frame.into());
        run(&mut device, 1);
    }
    run(&mut device, 15);
    let new = device.address().unwrap();
    assert_ne!(new, ADDRESS);
    let addresses = announced(&mut device);
    assert_eq!(addresses.last(), Some(&new), "{addresses:?}");
    assert!(!addresses.contains(&ADDRESS));
}

/// The addresses in the responses that were sent, each once in a row, without goodbyes.
fn announced(device: &mut Guarded<Port>) -> Vec<Ipv4Addr> {
    let sent = std::mem::take(&mut device.device_mut().sent);
    let mut addresses = Vec::new();
    for frame in &sent {
        if frame[12..14] != [8, 0] || frame[23] != 17 {
            continue;
        }
        let message = Message::parse(&frame[42..]).unwrap();
        for record in message.answers().chain(message.additionals()) {
            if let (Rdata::A(address), false) = (&record.rdata, record.ttl.0 == 0) {
                addresses.push(*address);
            }
        }
    }
    addresses.dedup();
    addresses
}
