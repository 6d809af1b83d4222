//! ARP on segments: hosts that claim their addresses themselves (RFC 3927), beside their names.
//!
//! An interface with an [`AddressMachine`] has an address while the machine has one; its mDNS link is up for as long. ARP frames pass over the
//! segment as [`Conditions`](crate::Conditions) say, as datagrams do.

use std::{net::Ipv4Addr, rc::Rc};

use ipv4ll::{
    AddressMachine, Event, FRAME_LEN, HardwareAddress, Policy,
    arp::{self, Operation, Packet},
};
use mdns_proto::{
    host::Storage,
    link::{Family, InterfaceId, Subnet},
};

use crate::{
    chance::Draw,
    node::Power,
    segment::Port,
    world::{Role, What, World, number},
};

/// What a neighbour that is not one of the hosts says when it hears an ARP packet; nothing if `None`.
pub type Reaction = fn(&Packet) -> Option<Packet>;

/// The neighbour of a [`Reaction`].
pub const NEIGHBOUR: HardwareAddress = HardwareAddress([2, 0xee, 0, 0, 0, 1]);

/// A frame that was sent: kept once, however often it arrives.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: [u8; FRAME_LEN],
    /// Who sent it; nobody if it is the neighbour's.
    from: Option<Port>,
    segment: usize,
    /// The part of the segment that it was sent on.
    island: u32,
    /// Which of the frames of the world it is: what chance goes by.
    number: u64,
}

impl<S: Storage> World<S> {
    /// Lets the first interface of a host claim a link-local address, `previous` first. Its mDNS link is down until there is one.
    pub(crate) fn claim_address(&mut self, index: usize, previous: Option<Ipv4Addr>) {
        let now = self.now;
        let seed = self.chance.draw(Draw::AddressSeed, [index as u64, 0]);
        let [a, b, c, d] = number(index).to_be_bytes();
        let mut machine = AddressMachine::new(HardwareAddress([2, 0, a, b, c, d]), seed);
        machine.start(now, previous);
        self.stations[index].interfaces[0].machine = Some(Box::new(machine));
        self.drain(index);
    }

    /// Sets what the machine of a host does at the next conflict.
    pub(crate) fn set_address_policy(&mut self, index: usize, policy: Policy) {
        if let Some(machine) = &mut self.stations[index].interfaces[0].machine {
            machine.set_policy(policy);
        }
    }

    /// Polls the address machines of a host: frames, then events, which change its addresses.
    pub(crate) fn drain_addresses(&mut self, index: usize) {
        let now = self.now;
        for at in 0..self.stations[index].interfaces.len() {
            let mut frame = [0; FRAME_LEN];
            let mut left = 10;
            while let Some(machine) = &mut self.stations[index].interfaces[at].machine
                && machine.poll_transmit(now, &mut frame).is_some()
            {
                left -= 1;
                assert!(left > 0, "{}: it does not stop sending", self.place(index));
                self.send_frame(index, at, frame);
            }
            while let Some(machine) = &mut self.stations[index].interfaces[at].machine
                && let Some(event) = machine.poll_event()
            {
                match event {
                    Event::Claimed { address } => {
                        self.note(Some(index), "takes", address.to_string());
                        self.configure(index, at, Some(address));
                    }
                    Event::Lost { address } => {
                        self.stations[index].losses += 1;
                        self.note(Some(index), "gives up", address.to_string());
                        self.configure(index, at, None);
                    }
                    Event::Defended { address, .. } => {
                        self.note(Some(index), "defends", address.to_string());
                    }
                    _ => {}
                }
            }
        }
    }

    /// Gives an interface this address of its own, or none.
    fn configure(&mut self, index: usize, at: usize, address: Option<Ipv4Addr>) {
        let now = self.now;
        let port = Port {
            station: number(index),
            interface: number(at),
        };
        let station = &mut self.stations[index];
        let interface = &mut station.interfaces[at];
        let owners = &mut self.segments[interface.segment].owners;
        let is_own = |subnet: &Subnet| matches!(subnet.address, std::net::IpAddr::V4(ip) if ip.is_link_local());
        for old in interface.addresses.iter().filter(|subnet| is_own(subnet)) {
            // Two hosts may have had it: the other has it still.
            if owners.get(&old.address) == Some(&port) {
                owners.remove(&old.address);
            }
        }
        interface.addresses.retain(|subnet| !is_own(subnet));
        if let Some(address) = address {
            owners.insert(address.into(), port);
            interface.addresses.push(Subnet {
                address: address.into(),
                prefix_len: 16,
            });
        }
        let Role::Host(node) = &mut station.role else {
            return;
        };
        let Some(link) = interface.link(Family::V4) else {
            return;
        };
        let id = InterfaceId(number(at) + 1);
        let addresses = &interface.addresses;
        let set = node.core.call(|core| {
            core.set_addresses(now, id, addresses)?;
            match address {
                Some(_) => core.link_up(now, link),
                None => core.link_down(now, link),
            }
            Ok::<(), mdns_proto::store::Full>(())
        });
        set.unwrap_or_else(|_| panic!("no room for the address of {}", station.name));
    }

    /// Lets each host that has an address be heard by all of its segment, as it is when it talks to anybody.
    pub(crate) fn talk(&mut self, index: usize) {
        for at in 0..self.stations[index].interfaces.len() {
            let machine = &self.stations[index].interfaces[at].machine;
            let Some((hardware, address)) = machine
                .as_ref()
                .and_then(|machine| Some((machine.hardware(), machine.address()?)))
            else {
                continue;
            };
            let request = Packet {
                operation: Operation::Request,
                sender_hardware: hardware,
                sender: address,
                target_hardware: HardwareAddress::ZERO,
                // One that no host can have (RFC 3927 §2.1).
                target: Ipv4Addr::new(169, 254, 0, 1),
            };
            let mut frame = [0; FRAME_LEN];
            request.write(HardwareAddress::BROADCAST, &mut frame);
            self.send_frame(index, at, frame);
        }
    }

    fn send_frame(&mut self, index: usize, at: usize, bytes: [u8; FRAME_LEN]) {
        let station = &mut self.stations[index];
        let interface = &station.interfaces[at];
        if !interface.is_up {
            return;
        }
        let (segment, island) = (interface.segment, interface.island);
        let from = Port {
            station: number(index),
            interface: number(at),
        };
        station.frames += 1;
        self.put_frame(bytes, Some(from), segment, island);
        let reaction = self.segments[segment].reaction;
        if let Some(answer) = Packet::parse(&bytes).and_then(|packet| reaction?(&packet)) {
            let mut frame = [0; FRAME_LEN];
            answer.write(HardwareAddress::BROADCAST, &mut frame);
            self.put_frame(frame, None, segment, island);
        }
    }

    /// Puts a frame on a segment, for all others there: a frame of this size is for all, or heard by all.
    fn put_frame(
        &mut self,
        bytes: [u8; FRAME_LEN],
        from: Option<Port>,
        segment: usize,
        island: u32,
    ) {
        self.frames += 1;
        let frame = Rc::new(Frame {
            bytes,
            from,
            segment,
            island,
            number: self.frames,
        });
        let conditions = &self.segments[segment].conditions;
        let (chance, first) = (self.chance, *conditions.delay.start());
        if conditions.is_a_wire() {
            // All copies arrive at one time: one thing that happens is enough for a thousand hosts.
            self.happen(self.now + first, What::Frame { frame, to: None });
            return;
        }
        let conditions = conditions.clone();
        for at in 0..self.segments[segment].ports.len() {
            let to = self.segments[segment].ports[at];
            if frame.from == Some(to) && !conditions.sends_back {
                continue;
            }
            // The upper half: those of datagrams have the number of their sender there.
            let subject = [
                u64::MAX << 32 ^ frame.number,
                u64::from(to.station) << 32 | u64::from(to.interface),
            ];
            for delay in conditions.delays(chance, subject).into_iter().flatten() {
                let (at, frame) = (self.now + delay, Rc::clone(&frame));
                self.happen(
                    at,
                    What::Frame {
                        frame,
                        to: Some(to),
                    },
                );
            }
        }
    }

    /// A frame arrives at one port, or at all of its segment but its sender's.
    pub(crate) fn arrive_frame(&mut self, frame: &Frame, to: Option<Port>) {
        if let Some(to) = to {
            return self.arrive_frame_at(frame, to);
        }
        for at in 0..self.segments[frame.segment].ports.len() {
            let to = self.segments[frame.segment].ports[at];
            if Some(to) != frame.from {
                self.arrive_frame_at(frame, to);
            }
        }
    }

    fn arrive_frame_at(&mut self, frame: &Frame, to: Port) {
        let now = self.now;
        let index = to.station as usize;
        let station = &mut self.stations[index];
        let interface = &mut station.interfaces[to.interface as usize];
        let Role::Host(node) = &station.role else {
            return;
        };
        if !interface.is_up || interface.island != frame.island || node.power != Power::Awake {
            return;
        }
        let Some(machine) = &mut interface.machine else {
            return;
        };
        self.deliveries += 1;
        if node.queued == Some(now) {
            // Both at one moment: the driver looks at its clock first.
            machine.handle_timeout(now);
        }
        machine.handle_frame(now, &frame.bytes);
        if machine.poll_timeout().is_some_and(|next| next <= now) {
            self.drain(index);
        }
    }
}

/// Denies each address that is probed for.
pub(crate) fn deny(packet: &Packet) -> Option<Packet> {
    packet.is_probe().then_some(Packet {
        operation: Operation::Reply,
        sender_hardware: NEIGHBOUR,
        sender: packet.target,
        target_hardware: packet.sender_hardware,
        target: Ipv4Addr::UNSPECIFIED,
    })
}

/// Repeats what it hears, as it was.
pub(crate) fn repeat(packet: &arp::Packet) -> Option<Packet> {
    Some(*packet)
}
