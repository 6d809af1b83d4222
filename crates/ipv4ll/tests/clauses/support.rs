//! A machine on a virtual clock, and what it has sent and reported.

use std::{net::Ipv4Addr, time::Duration};

use ipv4ll::{
    AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Transmit,
    arp::{Operation, Packet},
};

/// The interface of the machine.
pub(crate) const OWN: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 1]);
/// Another host.
pub(crate) const OTHER: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 9]);
/// An address to be remembered or given.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 7);
/// A routable address.
pub(crate) const ROUTABLE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
/// The address of another host.
pub(crate) const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(169, 254, 9, 9);

/// A frame that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: u64,
    pub(crate) kind: Transmit,
    pub(crate) destination: HardwareAddress,
    pub(crate) packet: Packet,
    pub(crate) frame: [u8; FRAME_LEN],
}

pub(crate) struct Bench {
    pub(crate) machine: AddressMachine,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<Sent>,
    /// Events, with the millisecond they came.
    pub(crate) events: Vec<(u64, Event)>,
}

pub(crate) fn ms(instant: Instant) -> u64 {
    instant.as_micros() / 1_000
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(OWN, seed)
    }

    pub(crate) fn of(hardware: HardwareAddress, seed: u64) -> Self {
        Bench {
            machine: AddressMachine::new(hardware, seed),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Started with a remembered address.
    pub(crate) fn started(seed: u64) -> Self {
        let mut bench = Self::new(seed);
        bench.machine.start(bench.now, Some(ADDRESS));
        bench
    }

    /// Claimed and announced twice, with all that led there forgotten.
    pub(crate) fn settled(seed: u64) -> Self {
        let mut bench = Self::started(seed);
        bench.settle();
        bench
    }

    /// Waits until the address is announced twice, and forgets how.
    pub(crate) fn settle(&mut self) {
        self.run_for(100_000);
        assert!(self.machine.address().is_some());
        self.sent.clear();
        self.events.clear();
    }

    /// Polls everything there is, as drivers do.
    pub(crate) fn drain(&mut self) {
        let mut frame = [0; FRAME_LEN];
        while let Some(kind) = self.machine.poll_transmit(self.now, &mut frame) {
            let destination = HardwareAddress(frame[..6].try_into().unwrap());
            self.sent.push(Sent {
                at: ms(self.now),
                kind,
                destination,
                packet: Packet::parse(&frame).expect("an ARP packet"),
                frame,
            });
        }
        while let Some(event) = self.machine.poll_event() {
            self.events.push((ms(self.now), event));
        }
        let next = self.machine.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "{next:?}");
    }

    /// Lets so many milliseconds pass, deadline by deadline.
    pub(crate) fn run_for(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        self.drain();
        while let Some(next) = self.machine.poll_timeout().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.machine.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Lets time pass until so many frames of a kind have been sent.
    pub(crate) fn run_until_sent(&mut self, kind: Transmit, count: usize) {
        while self.times(kind).len() < count {
            let next = self.machine.poll_timeout().expect("something is due");
            self.now = self.now.max(next);
            self.machine.handle_timeout(self.now);
            self.drain();
        }
    }

    /// The machine hears a packet, by broadcast.
    pub(crate) fn hear(&mut self, packet: Packet) {
        let mut frame = [0; FRAME_LEN];
        packet.write(HardwareAddress::BROADCAST, &mut frame);
        self.machine.handle_frame(self.now, &frame);
        self.drain();
    }

    /// When frames of this kind were sent, in milliseconds.
    pub(crate) fn times(&self, kind: Transmit) -> Vec<u64> {
        let sent = self.sent.iter().filter(|sent| sent.kind == kind);
        sent.map(|sent| sent.at).collect()
    }

    /// The addresses that were probed for, each once in a row.
    pub(crate) fn candidates(&self) -> Vec<Ipv4Addr> {
        let probes = self.sent.iter().filter(|sent| sent.kind == Transmit::Probe);
        let mut targets: Vec<_> = probes.map(|sent| sent.packet.target).collect();
        targets.dedup();
        targets
    }

    pub(crate) fn only_events(&self) -> Vec<Event> {
        self.events.iter().map(|(_, event)| *event).collect()
    }
}

pub(crate) fn packet(
    operation: Operation,
    sender_hardware: HardwareAddress,
    sender: Ipv4Addr,
    target: Ipv4Addr,
) -> Packet {
    Packet {
        operation,
        sender_hardware,
        sender,
        target_hardware: HardwareAddress::ZERO,
        target,
    }
}

/// A probe of another host.
pub(crate) fn probe(target: Ipv4Addr) -> Packet {
    packet(Operation::Request, OTHER, Ipv4Addr::UNSPECIFIED, target)
}

/// An announcement of another host.
pub(crate) fn announcement(address: Ipv4Addr) -> Packet {
    packet(Operation::Request, OTHER, address, address)
}

/// A request of another host.
pub(crate) fn request(sender: Ipv4Addr, target: Ipv4Addr) -> Packet {
    packet(Operation::Request, OTHER, sender, target)
}

/// A reply of another host, for us or for a third.
pub(crate) fn reply(sender: Ipv4Addr, target: Ipv4Addr) -> Packet {
    packet(Operation::Reply, OTHER, sender, target)
}

/// Asserts that each quarter of the range from `first` to `last` has 15 to 35 % of the values, and that none is outside.
pub(crate) fn assert_spread(values: &[u64], first: u64, last: u64) {
    let mut quarters = [0; 4];
    for &value in values {
        assert!((first..=last).contains(&value), "{value}");
        quarters[((value - first) * 4 / (last - first + 1)) as usize] += 1;
    }
    let share = |count: usize| count * 100 / values.len();
    assert!(
        quarters.iter().all(|&n| (15..=35).contains(&share(n))),
        "{quarters:?}"
    );
}
