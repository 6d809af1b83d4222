//! Many hosts on one link, from a seed: whatever happens, no two keep one address, and none sends more than a few packets.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use ipv4ll::{
    AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Transmit,
    arp::{Operation, Packet},
};

/// A hostile neighbour.
const STRANGER: HardwareAddress = HardwareAddress([2, 0xee, 0, 0, 0, 1]);

struct Host {
    machine: AddressMachine,
    /// Which link it is on.
    link: usize,
    packets: usize,
    losses: usize,
}

/// What a neighbour says when it hears a frame.
type Reaction = fn(&Packet) -> Option<Packet>;

struct World {
    now: Instant,
    hosts: Vec<Host>,
    reaction: Reaction,
    /// When each frame was sent, and what it was.
    sent: Vec<(Instant, Transmit)>,
}

impl World {
    fn new(hosts: u32, links: usize, seed: u64) -> Self {
        let host = |n: u32| {
            let [a, b, c, d] = n.to_be_bytes();
            let hardware = HardwareAddress([2, 0, a, b, c, d]);
            Host {
                machine: AddressMachine::new(hardware, seed),
                link: n as usize % links,
                packets: 0,
                losses: 0,
            }
        };
        World {
            now: Instant::ZERO,
            hosts: (0..hosts).map(host).collect(),
            reaction: |_| None,
            sent: Vec::new(),
        }
    }

    fn start(&mut self, previous: impl Fn(usize) -> Option<Ipv4Addr>) {
        for (n, host) in self.hosts.iter_mut().enumerate() {
            host.machine.start(self.now, previous(n));
        }
        self.settle();
    }

    /// Delivers all frames that are due, and what they cause.
    fn settle(&mut self) {
        let mut frames = Vec::new();
        for n in 0..self.hosts.len() {
            self.poll(n, &mut frames);
        }
        while let Some((from, frame)) = frames.pop() {
            self.deliver(from, &frame, &mut frames);
        }
    }

    fn deliver(
        &mut self,
        from: Option<usize>,
        frame: &[u8; FRAME_LEN],
        frames: &mut Vec<(Option<usize>, [u8; FRAME_LEN])>,
    ) {
        let link = from.map(|n| self.hosts[n].link);
        for n in 0..self.hosts.len() {
            if Some(n) != from && link.is_none_or(|link| link == self.hosts[n].link) {
                self.hosts[n].machine.handle_frame(self.now, frame);
                self.poll(n, frames);
            }
        }
        let packet = Packet::parse(frame).expect("ARP");
        if from.is_some()
            && let Some(answer) = (self.reaction)(&packet)
        {
            let mut frame = [0; FRAME_LEN];
            answer.write(HardwareAddress::BROADCAST, &mut frame);
            frames.push((None, frame));
        }
    }

    fn poll(&mut self, n: usize, frames: &mut Vec<(Option<usize>, [u8; FRAME_LEN])>) {
        let host = &mut self.hosts[n];
        host.machine.handle_timeout(self.now);
        let mut frame = [0; FRAME_LEN];
        while let Some(kind) = host.machine.poll_transmit(self.now, &mut frame) {
            host.packets += 1;
            self.sent.push((self.now, kind));
            frames.push((Some(n), frame));
        }
        while let Some(event) = host.machine.poll_event() {
            host.losses += usize::from(matches!(event, Event::Lost { .. }));
        }
    }

    fn run_for(&mut self, secs: u64) {
        let end = self.now + Duration::from_secs(secs);
        loop {
            let next = self
                .hosts
                .iter()
                .filter_map(|host| host.machine.poll_timeout());
            let Some(next) = next.min().filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = end;
    }

    /// Asserts that each host has an address, that no two of one link have the same one, and that no host has sent more than `most`.
    fn judge(&self, most: usize) {
        let mut owners = HashMap::new();
        for (n, host) in self.hosts.iter().enumerate() {
            let address = host.machine.address();
            let address = address.unwrap_or_else(|| panic!("host {n} has no address"));
            let before = owners.insert((host.link, address), n);
            assert_eq!(before, None, "{address} belongs to {n} too");
            assert!(host.packets <= most, "host {n} has sent {}", host.packets);
        }
    }

    /// Each host is heard by all of its link, as it is when it talks to anybody.
    fn everybody_talks(&mut self) {
        for n in 0..self.hosts.len() {
            let Some(address) = self.hosts[n].machine.address() else {
                continue;
            };
            let packet = Packet {
                operation: Operation::Request,
                sender_hardware: self.hosts[n].machine.hardware(),
                sender: address,
                target_hardware: HardwareAddress::ZERO,
                target: Ipv4Addr::new(169, 254, 0, 1),
            };
            let mut frame = [0; FRAME_LEN];
            packet.write(HardwareAddress::BROADCAST, &mut frame);
            let mut frames = vec![(Some(n), frame)];
            while let Some((from, frame)) = frames.pop() {
                self.deliver(from, &frame, &mut frames);
            }
        }
    }
}

/// covers: 3927-2.2.1-g, 3927-2.1-a
#[test]
fn a_thousand_hosts_that_are_switched_on_together() {
    for seed in 0..2 {
        let mut world = World::new(1_000, 1, seed);
        world.start(|_| None);
        world.run_for(60);
        world.judge(5 + 3 * 3);
        // Collisions were few, and resolved before anybody had the address.
        assert!(world.hosts.iter().all(|host| host.losses == 0));
        let packets: usize = world.hosts.iter().map(|host| host.packets).sum();
        assert!(packets < 5_200, "{packets}");
    }
}

/// All remember the same address.
///
/// covers: 3927-2.2.1-g
#[test]
fn a_hundred_hosts_that_want_one_address() {
    for seed in 0..3 {
        let mut world = World::new(100, 1, seed);
        world.start(|_| Some(Ipv4Addr::new(169, 254, 7, 7)));
        world.run_for(60);
        world.judge(12);
    }
}

/// A neighbour denies everything for an hour: one candidate a minute; then it stops, and each has an address in 67 s.
///
/// covers: 3927-2.2.1-j, BCT-I-3
#[test]
fn a_neighbour_that_denies_everything_for_an_hour() {
    let mut world = World::new(20, 1, 1);
    world.reaction = |packet| {
        packet.is_probe().then_some(Packet {
            operation: Operation::Reply,
            sender_hardware: STRANGER,
            sender: packet.target,
            target_hardware: packet.sender_hardware,
            target: Ipv4Addr::UNSPECIFIED,
        })
    };
    world.start(|_| None);
    world.run_for(3_600);
    assert!(
        world
            .hosts
            .iter()
            .all(|host| host.machine.address().is_none())
    );
    for host in &world.hosts {
        assert!((60..=71).contains(&host.packets), "{}", host.packets);
    }
    world.reaction = |_| None;
    world.run_for(68);
    world.judge(71 + 5);
}

/// A neighbour sends back each probe that it hears, as it was: no host takes its own for those of others.
///
/// covers: 3927-2.2.1-h
#[test]
fn probes_that_are_replayed() {
    let mut world = World::new(20, 1, 1);
    world.reaction = |packet| Some(*packet);
    world.start(|_| None);
    world.run_for(60);
    world.judge(5);
}

/// The same 50 addresses on each of two links, which are joined: of two hosts with one address, one keeps it.
///
/// covers: 3927-4-b
#[test]
fn two_links_that_are_joined() {
    for seed in 0..5 {
        let mut world = World::new(100, 2, seed);
        world.start(|n| Some(Ipv4Addr::new(169, 254, 7, (n / 2) as u8)));
        world.run_for(60);
        world.judge(5);
        for host in &mut world.hosts {
            host.link = 0;
            host.packets = 0;
        }
        world.everybody_talks();
        world.run_for(60);
        world.judge(3 + 5);
        let losses: usize = world.hosts.iter().map(|host| host.losses).sum();
        assert_eq!(losses, 50);
    }
}

/// All cables are pulled and put in again, half of them on a link where all addresses are taken.
///
/// covers: 3927-2.2-b, BCT-I-6
#[test]
fn cables_out_and_in() {
    let mut world = World::new(100, 2, 3);
    world.start(|n| Some(Ipv4Addr::new(169, 254, 7, (n / 2) as u8)));
    world.run_for(60);
    let before: Vec<_> = world
        .hosts
        .iter()
        .map(|host| host.machine.address())
        .collect();
    for host in world.hosts.iter_mut().filter(|host| host.link == 1) {
        host.machine.link_down(world.now);
    }
    world.run_for(10);
    for host in &mut world.hosts {
        if host.link == 1 {
            host.link = 0;
            host.machine.link_up(world.now);
        }
    }
    world.run_for(60);
    world.judge(5 + 5 + 10);
    for (n, (host, before)) in world.hosts.iter().zip(&before).enumerate() {
        // Who was there keeps what it has, and replies to the probes of those who come.
        assert_eq!(host.machine.address() == *before, n % 2 == 0);
    }
}
