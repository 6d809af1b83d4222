//! Ethernet frames into `mdns-smoltcp`: any bytes, or datagrams whose headers are right and whose payload is as for the other
//! targets; beside them time, cables and addresses.
//!
//! What the board sends is judged: frames that another library reads, datagrams of mDNS that are sound and leave as they must.
//! After a few polls, whatever came, it wants to sleep.

use std::{collections::VecDeque, net::SocketAddr};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use mdns_proto::{
    link::{Family, PORT},
    name::{NameBuf, ServiceType},
    own::Service,
    wire::Message,
};
use mdns_sim::{STRANGER_MAC, ethernet_frame};
use mdns_smoltcp::{CONFIG, GROUP_MAC_V4, GROUP_MAC_V6, Mdns, at};
use smoltcp::{
    iface::{self, Interface, SocketSet},
    phy::{self, Device, DeviceCapabilities, Medium},
    socket::udp,
    time::{Duration, Instant},
    wire::{EthernetAddress, IpCidr},
};

use crate::{input::Input, packet::packet};

/// The most that happens in one program.
const STEPS_MAX: usize = 300;

/// More polls than any flood here takes.
const POLLS_MAX: usize = 100;

/// An Ethernet frame without its check sequence.
const FRAME_MAX: usize = 1514;

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Addresses that the board has at one time or another.
const ADDRESSES: [&str; 4] = ["10.0.0.1/24", "fe80::1/64", "10.0.0.5/24", "169.254.7.7/16"];

/// Addresses that frames come from.
const SOURCES: [&str; 6] = [
    "10.0.0.99",
    "fe80::99",
    "10.0.0.1",
    "fe80::1",
    "198.51.100.1",
    "2001:db8::1",
];

mdns_proto::fixed! {
    /// The memory of the board.
    struct Small {
        links: 2, hosts: 1, addresses: 2, services: 2, subtypes: 1, own_text: 768, askers: 4,
        asks: 2, told: 4, ask_text: 512, heard: 16, heard_text: 1024,
    }
}

/// A network chip.
#[derive(Default)]
struct Chip {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

impl Device for Chip {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities
    }
}

struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

struct Sending<'a>(&'a mut Vec<Vec<u8>>);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.push(frame);
        result
    }
}

struct Board {
    mdns: Box<Mdns<Small>>,
    interface: Interface,
    chip: Chip,
    sockets: SocketSet<'static>,
    packet: Vec<u8>,
    now: Instant,
    /// The last datagrams it sent.
    said: Vec<Vec<u8>>,
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut board = Board::new(input.byte());
    board.settle();
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        board.step(&mut input);
        board.settle();
    }
    // Left alone it finds rest.
    for _ in 0..40 {
        board.sleep(Duration::from_secs(100));
        board.settle();
    }
}

impl Board {
    fn new(seed: u8) -> Self {
        let mut chip = Chip::default();
        let now = Instant::ZERO;
        let config = iface::Config::new(EthernetAddress(OURS).into());
        let interface = Interface::new(config, &mut chip, now);
        let mut sockets = SocketSet::new(vec![]);
        let buffer = |packets| {
            let room = vec![udp::PacketMetadata::EMPTY; packets];
            udp::PacketBuffer::new(room, vec![0; CONFIG.packet_max])
        };
        let socket = udp::Socket::new(buffer(2), buffer(1));
        let mut mdns = Box::new(Mdns::new(CONFIG));
        let started = mdns.start(now, seed.into(), &Family::ALL, &chip, &mut sockets, socket);
        assert_eq!(started, Ok(()));
        let mut board = Board {
            mdns,
            interface,
            chip,
            sockets,
            packet: vec![0; CONFIG.packet_max],
            now,
            said: Vec::new(),
        };
        board.set_addresses(0b11);
        board.mdns.link_up(now);
        let added = board.mdns.add_host(at(now), "hall");
        assert!(added.is_ok());
        board
    }

    fn set_addresses(&mut self, bits: u8) {
        self.interface.update_ip_addrs(|row| {
            row.clear();
            for (bit, address) in ADDRESSES.iter().enumerate() {
                let cidr: Option<IpCidr> = address.parse().ok();
                if bits >> bit & 1 == 1
                    && let Some(cidr) = cidr
                {
                    // There is no room for more than smoltcp was built for.
                    let _fits = row.push(cidr);
                }
            }
        });
    }

    fn sleep(&mut self, span: Duration) {
        let end = self.now + span;
        let wake = self
            .mdns
            .poll_at(self.now, &mut self.interface, &self.sockets);
        self.now = wake.map_or(end, |wake| wake.clamp(self.now, end));
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        match input.byte() % 32 {
            0..=1 => {
                let n = input.byte();
                let ipp: Result<ServiceType, _> = "_ipp._tcp".parse();
                if let Ok(ipp) = ipp {
                    let label = format!("Printer {}", n % 3);
                    let service = Service::new(&label, &ipp, n.into());
                    let _fits = self.mdns.register(at(now), &service);
                }
            }
            2..=3 => {
                let names = ["_ipp._tcp.local", "_http._tcp.local"];
                let name: Option<NameBuf> = input.one_of(&names).and_then(|name| name.parse().ok());
                if let Some(name) = name {
                    let _fits = self.mdns.browse(at(now), name.as_name());
                }
            }
            4 => {
                let name: Result<NameBuf, _> = "Printer 0._ipp._tcp.local".parse();
                if let Ok(name) = name {
                    let _fits = self.mdns.resolve(at(now), name.as_name());
                }
            }
            5 => self.set_addresses(input.byte()),
            6 => self.mdns.link_up(now),
            7 => self.mdns.link_down(now),
            8 => self.mdns.shutdown(at(now)),
            9..=11 => {
                let len = input.number();
                let frame = input.bytes(usize::from(len).min(FRAME_MAX)).to_vec();
                self.chip.received.push_back(frame);
            }
            12..=13 => {
                // To us, of a protocol that smoltcp looks at.
                let kind = input.byte();
                let ethertype = [[8, 0], [8, 6], [0x86, 0xdd]][usize::from(kind % 3)];
                let to =
                    [OURS, GROUP_MAC_V4.0, GROUP_MAC_V6.0, [0xff; 6]][usize::from(kind / 3) % 4];
                let len = usize::from(input.byte());
                let frame = [&to[..], &STRANGER_MAC, &ethertype, input.bytes(len)].concat();
                self.chip.received.push_back(frame);
            }
            14..=24 => {
                let frame = datagram(input, &self.said);
                self.chip.received.extend(frame);
            }
            25 => {
                // A flood of one frame.
                let frame = datagram(input, &self.said);
                let count = usize::from(input.byte());
                self.chip
                    .received
                    .extend(frame.into_iter().cycle().take(count));
            }
            _ => self.sleep(Duration::from_micros(input.span())),
        }
    }

    /// Polls until it wants to sleep, and looks at what it sent.
    fn settle(&mut self) {
        let mut is_settled = false;
        for _ in 0..POLLS_MAX {
            let Board {
                mdns,
                interface,
                chip,
                sockets,
                packet,
                now,
                ..
            } = self;
            mdns.poll(*now, interface, chip, sockets, packet);
            let mut told = 0;
            while mdns.poll_event().is_some() {
                told += 1;
                assert!(told < 1000, "it does not stop telling");
            }
            let wake = mdns.poll_at(*now, interface, sockets);
            let sent = std::mem::take(&mut self.chip.sent);
            sent.iter().for_each(|frame| self.check(frame));
            is_settled = self.chip.received.is_empty() && wake.is_none_or(|wake| wake > self.now);
            if is_settled {
                break;
            }
        }
        assert!(is_settled, "it finds no rest at {}", self.now);
    }

    fn check(&mut self, frame: &[u8]) {
        assert!(frame.len() <= FRAME_MAX);
        let sliced =
            SlicedPacket::from_ethernet(frame).unwrap_or_else(|e| panic!("{e}: {frame:?}"));
        let hop_limit = match &sliced.net {
            Some(NetSlice::Ipv4(ip)) => ip.header().ttl(),
            Some(NetSlice::Ipv6(ip)) => ip.header().hop_limit(),
            _ => return,
        };
        let Some(TransportSlice::Udp(udp)) = sliced.transport else {
            return;
        };
        assert_eq!((hop_limit, udp.source_port()), (255, PORT));
        let payload = udp.payload();
        assert!(payload.len() <= CONFIG.packet_max);
        let message = Message::parse(payload).map(|message| message.is_sound());
        assert_eq!(message, Ok(true), "{payload:?}");
        self.said.insert(0, payload.to_vec());
        self.said.truncate(4);
    }
}

/// A datagram of right headers, from here or there to the group or to the board; `None` if it is too long.
fn datagram(input: &mut Input<'_>, said: &[Vec<u8>]) -> Option<Vec<u8>> {
    let (kind, source) = (input.byte(), input.one_of(&SOURCES)?);
    let from_port = [PORT, PORT, PORT, 4711][usize::from(kind % 4)];
    let to_port = if kind / 4 % 16 == 15 { 53 } else { PORT };
    let from = SocketAddr::new(source.parse().ok()?, from_port);
    let is_unicast = kind > 191;
    let payload = packet(input, &[], said);
    if payload.len() > FRAME_MAX - 14 - 48 {
        return None;
    }
    let (mac, to) = match (is_unicast, from) {
        (false, _) => (group(&from), Family::of(&from.ip()).group().ip()),
        (true, SocketAddr::V4(_)) => (OURS, [10, 0, 0, 1].into()),
        (true, SocketAddr::V6(_)) => (OURS, "fe80::1".parse().ok()?),
    };
    Some(ethernet_frame(
        mac,
        from,
        SocketAddr::new(to, to_port),
        &payload,
    ))
}

fn group(from: &SocketAddr) -> [u8; 6] {
    match Family::of(&from.ip()) {
        Family::V4 => GROUP_MAC_V4.0,
        Family::V6 => GROUP_MAC_V6.0,
    }
}
