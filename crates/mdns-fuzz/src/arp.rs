//! `arp`: a program of things done to two address machines on one link.
//!
//! After each step all is polled, as drivers do, and the contract is checked. In the end both are left alone with a link that loses
//! nothing: each that wants a link-local address has one, and they have two.

use core::{net::Ipv4Addr, time::Duration};

use ipv4ll::{
    AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Policy, Transmit,
    arp::{Operation, Packet},
    is_candidate,
};

use crate::input::Input;

/// What can be done; [`crate::seeds`] writes programs of it. Each is followed by the machine it is done to.
pub(crate) const SLEEP: u8 = 0;
pub(crate) const HEAR_BYTES: u8 = 1;
pub(crate) const HEAR: u8 = 2;
pub(crate) const LINK: u8 = 3;
pub(crate) const ROUTABLE: u8 = 4;
pub(crate) const START: u8 = 5;
pub(crate) const CLAIM: u8 = 6;
pub(crate) const CHECK: u8 = 7;
pub(crate) const STOP: u8 = 8;
pub(crate) const POLICY: u8 = 9;
pub(crate) const DELIVER: u8 = 10;
pub(crate) const REPLAY: u8 = 11;
pub(crate) const REPLIES: u8 = 12;
const STEPS: u8 = 13;

/// The most steps of a program.
const STEPS_MAX: usize = 2_000;

/// The interfaces of the two, a third host, and what no host has.
const HARDWARE: [HardwareAddress; 5] = [
    HardwareAddress([2, 0, 0, 0, 0, 1]),
    HardwareAddress([2, 0, 0, 0, 0, 2]),
    HardwareAddress([2, 0, 0, 0, 0, 3]),
    HardwareAddress::ZERO,
    HardwareAddress::BROADCAST,
];

/// An address that both may remember.
const REMEMBERED: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 7);
const GIVEN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

struct Host {
    machine: AddressMachine,
    hardware: HardwareAddress,
    /// The address as events tell it.
    told: Option<Ipv4Addr>,
    /// What it sent last.
    last: Option<[u8; FRAME_LEN]>,
    /// Whether a link-local address was requested, no routable one is there, and the link is up.
    is_started: bool,
    is_routable: bool,
    is_link_up: bool,
}

impl Host {
    /// Polls all there is, and hands frames to `deliver`.
    fn drain(&mut self, now: Instant, mut deliver: impl FnMut([u8; FRAME_LEN])) {
        let mut frame = [0; FRAME_LEN];
        let mut sent = 0;
        while let Some(kind) = self.machine.peek_transmit(now) {
            assert_eq!(self.machine.poll_transmit(now, &mut frame), Some(kind));
            let packet = Packet::parse(&frame).expect("what is sent is ARP");
            assert_eq!(packet.sender_hardware, self.hardware);
            if kind == Transmit::Probe {
                assert!(packet.is_probe());
            } else {
                assert_eq!(Some(packet.sender), self.machine.address());
            }
            // RFC 3927 §2.5.
            if packet.sender.is_link_local() || kind != Transmit::Reply {
                assert_eq!(frame[..6], HardwareAddress::BROADCAST.0);
            }
            sent += 1;
            assert!(sent <= 3, "more than a packet of each kind at one time");
            self.last = Some(frame);
            deliver(frame);
        }
        assert_eq!(self.machine.poll_transmit(now, &mut frame), None);
        for n in 0.. {
            assert!(n < 4, "events do not end");
            match self.machine.poll_event() {
                Some(Event::Claimed { address }) => assert_eq!(self.told.replace(address), None),
                Some(Event::Lost { address }) => assert_eq!(self.told.take(), Some(address)),
                Some(_) => {}
                None => break,
            }
        }
        assert_eq!(self.told, self.machine.address());
        let next = self.machine.poll_timeout();
        assert!(next.is_none_or(|next| next > now), "{next:?} at {now:?}");
    }

    fn is_settling(&self) -> bool {
        self.is_started && self.is_link_up && !self.is_routable
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let seed = u64::from(input.byte());
    let mut hosts = [0, 1].map(|n: usize| Host {
        machine: AddressMachine::new(HARDWARE[n], seed),
        hardware: HARDWARE[n],
        told: None,
        last: None,
        is_started: false,
        is_routable: false,
        is_link_up: true,
    });
    let mut now = Instant::ZERO;
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        step(&mut input, &mut hosts, &mut now);
        for host in &mut hosts {
            host.machine.handle_timeout(now);
            host.drain(now, |_| ());
        }
    }
    rest(&mut hosts, now);
}

fn step(input: &mut Input<'_>, hosts: &mut [Host; 2], now: &mut Instant) {
    let action = input.byte() % STEPS;
    if action == SLEEP {
        *now += Duration::from_micros(input.span());
        return;
    }
    let n = usize::from(input.byte() & 1);
    let addresses = [
        hosts[0].machine.address().unwrap_or(REMEMBERED),
        hosts[1].machine.address().unwrap_or(REMEMBERED),
        REMEMBERED,
        GIVEN,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
    ];
    let mut address = || input.one_of(&addresses).unwrap_or(REMEMBERED);
    let last = hosts[1 - n].last;
    let host = &mut hosts[n];
    let now = *now;
    match action {
        HEAR_BYTES => {
            let len = usize::from(input.byte());
            host.machine.handle_frame(now, input.bytes(len));
        }
        HEAR => {
            let (sender, target) = (address(), address());
            let hardware = input.one_of(&HARDWARE).unwrap_or(HardwareAddress::ZERO);
            let packet = Packet {
                operation: if input.flag() {
                    Operation::Reply
                } else {
                    Operation::Request
                },
                sender_hardware: hardware,
                sender,
                target_hardware: HardwareAddress::ZERO,
                target,
            };
            let mut frame = [0; FRAME_LEN];
            packet.write(HardwareAddress::BROADCAST, &mut frame);
            let own = if input.flag() { &HARDWARE[..2] } else { &[] };
            host.machine.handle_frame_of_host(now, &frame, own);
        }
        LINK => {
            host.is_link_up = input.flag();
            if host.is_link_up {
                host.machine.link_up(now);
            } else {
                host.machine.link_down(now);
            }
        }
        ROUTABLE => {
            host.is_routable = input.flag();
            host.machine.set_routable(now, host.is_routable);
        }
        START => {
            host.is_started = true;
            host.machine.start(now, Some(address()));
        }
        CLAIM | CHECK => {
            let address = address();
            let result = if action == CLAIM {
                host.machine.claim(now, address)
            } else {
                host.machine.check(now, address)
            };
            // What is refused changes nothing.
            host.is_started &= result.is_err();
        }
        STOP => {
            host.is_started = false;
            host.machine.stop(now);
        }
        POLICY => {
            let all = [Policy::Yield, Policy::Defend, Policy::Keep];
            host.machine
                .set_policy(input.one_of(&all).unwrap_or_default());
        }
        REPLIES => host.machine.set_replies(input.flag()),
        DELIVER => {
            if let Some(frame) = last {
                host.machine.handle_frame(now, &frame);
            }
        }
        _ => {
            if let Some(frame) = host.last {
                host.machine.handle_frame(now, &frame);
            }
        }
    }
}

/// Lets five minutes pass on a good link.
fn rest(hosts: &mut [Host; 2], mut now: Instant) {
    for host in &mut *hosts {
        host.machine.set_policy(Policy::Defend);
    }
    let end = now + Duration::from_secs(300);
    let mut packets = 0;
    // Each says once what it has, as it would when it talks to anyone.
    let mut frames: Vec<(usize, [u8; FRAME_LEN])> = Vec::new();
    for (n, host) in hosts.iter().enumerate() {
        if let Some(address) = host.machine.address() {
            let packet = Packet {
                operation: Operation::Request,
                sender_hardware: host.hardware,
                sender: address,
                target_hardware: HardwareAddress::ZERO,
                target: Ipv4Addr::new(169, 254, 1, 1),
            };
            let mut frame = [0; FRAME_LEN];
            packet.write(HardwareAddress::BROADCAST, &mut frame);
            frames.push((n, frame));
        }
    }
    loop {
        while let Some((from, frame)) = frames.pop() {
            let to = 1 - from;
            if hosts[from].is_link_up && hosts[to].is_link_up {
                hosts[to].machine.handle_frame(now, &frame);
                hosts[to].drain(now, |frame| frames.push((to, frame)));
            }
            packets += 1;
            assert!(packets < 200, "they do not find rest");
        }
        let next = hosts.iter().filter_map(|host| host.machine.poll_timeout());
        let Some(next) = next.min().filter(|&next| next <= end) else {
            break;
        };
        now = next;
        for (n, host) in hosts.iter_mut().enumerate() {
            host.machine.handle_timeout(now);
            host.drain(now, |frame| frames.push((n, frame)));
        }
    }
    for host in &*hosts {
        if host.is_settling() {
            let address = host.machine.address();
            assert!(address.is_some_and(is_candidate), "{address:?}");
        }
    }
    let [first, second] = [0, 1].map(|n: usize| hosts[n].machine.address());
    if hosts.iter().all(|host| host.is_link_up) && first.is_some() {
        assert_ne!(first, second, "one address for two hosts");
    }
}
