//! Two hosts that claim the same names, and a link between them that the bytes decide on: packets get lost, double, late, old and
//! changed, or come back. Then the link is a wire again, and in the end both must agree.
//!
//! * An hour later no name has two owners, and each browse sees what the other offers: the slowest question of a browse is asked
//!   once an hour (RFC 6762 §5.2).
//! * A day and an hour later it sees nothing else: what was heard of things that never were is forgotten (24 hours at most). A day
//!   takes its time, and so only one seed in four lives through it.
//! * Meanwhile there is next to nothing on the wire.

use std::{collections::BTreeSet, mem, net::SocketAddr, time::Duration};

use mdns_proto::{
    config::Config,
    link::{Destination, Family, LinkId, PORT, Packet, Via},
    store::Heap,
    time::Instant,
};
use mdns_sim::contract::{Done, Driver, Op, Setup};

use crate::{
    input::Input,
    packet::{change, packet},
};

/// The most that is done in one program.
const STEPS_MAX: usize = 200;

/// How long a packet takes on a wire.
const WIRE: Duration = Duration::from_micros(100);

const HOUR: Duration = Duration::from_secs(3600);

/// After a hostile time, until the next question of a browse has been asked and answered.
const AGREED_AFTER: Duration = Duration::from_secs(3900);

/// The most packets of one host on one link in so long a span of peace.
const PEACE_MAX: usize = 150;

/// The same for a day.
const DAY_MAX: usize = 800;

/// A datagram on its way.
struct Flight {
    at: Instant,
    to: usize,
    family: Family,
    source: SocketAddr,
    via: Via,
    bytes: Vec<u8>,
}

struct World {
    hosts: [Driver<Heap>; 2],
    now: Instant,
    flights: Vec<Flight>,
    /// Packets sent, by host.
    sent: [usize; 2],
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let seed = u64::from(input.byte());
    let host = |address: u8| {
        let setup = Setup::seeded(2 * seed + u64::from(address));
        Driver::with(&Setup {
            config: Config {
                own_results: false,
                ..Config::DEFAULT
            },
            address,
            ..setup
        })
    };
    let mut world = World {
        hosts: [host(1), host(2)],
        now: Instant::ZERO,
        flights: Vec::new(),
        sent: [0; 2],
    };
    // Their clocks begin within 3 ms.
    world.run_for(Duration::from_millis(3), &mut Input::new(&[]));
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
    }
    world.agree();
    if seed.is_multiple_of(4) {
        world.forget();
    }
}

impl World {
    /// Something happens to one of the hosts, or time passes.
    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        let who = usize::from(choice >> 7);
        let op = match choice % 32 {
            0..=1 => Op::Register(input.byte()),
            2 => Op::Withdraw(input.byte()),
            3 => Op::UpdateTxt(input.byte(), input.byte()),
            4 => Op::UpdatePort(input.byte(), input.number()),
            5 => Op::Browse(input.byte()),
            6 => Op::Resolve(input.byte()),
            7 => Op::LookUp(input.byte()),
            8 => Op::Query(input.byte(), input.flag()),
            9 => Op::Stop(input.byte()),
            10 => Op::LinkDown(input.byte()),
            11 => Op::LinkUp(input.byte()),
            12 => Op::SendFailed(input.byte()),
            13 => Op::Writable(input.byte(), input.flag()),
            14 => Op::Addresses(input.byte()),
            15 => Op::Resumed,
            16 => Op::AddHost(input.byte()),
            17 => Op::RemoveHost(input.byte()),
            18 => Op::FailSends(input.flag()),
            19 => Op::Shutdown,
            20 => Op::AddRecord(input.byte()),
            21..=23 => {
                // The link itself says something.
                let host = &self.hosts[who];
                let (way, source) = (input.byte(), input.byte());
                Op::HearBytes {
                    link: way / 2,
                    source,
                    by_unicast: way & 1 == 1,
                    bytes: packet(input, &host.own_names(), host.sent()),
                }
            }
            _ => {
                let span = Duration::from_micros(input.span()).min(HOUR);
                return self.run_for(span, input);
            }
        };
        self.hosts[who].run(&op);
        self.carry(who, input);
    }

    /// Lets a span pass; what is sent has the fate that the input says.
    fn run_for(&mut self, span: Duration, input: &mut Input<'_>) {
        let end = self.now + span;
        loop {
            let due = self
                .hosts
                .iter()
                .filter_map(|host| host.host().poll_timeout());
            let arrivals = self.flights.iter().map(|flight| flight.at);
            let next = due.chain(arrivals).min().unwrap_or(end).min(end);
            self.now = next.max(self.now);
            for who in 0..2 {
                let host = &mut self.hosts[who];
                let span = self.now.max(host.now()) - host.now();
                host.run(&Op::Sleep(span.as_micros() as u64));
                self.carry(who, input);
            }
            let (landed, flights) = mem::take(&mut self.flights)
                .into_iter()
                .partition(|flight: &Flight| flight.at <= self.now);
            self.flights = flights;
            for flight in landed {
                self.land(&flight);
                self.carry(flight.to, input);
            }
            if self.now >= end {
                return;
            }
        }
    }

    fn land(&mut self, flight: &Flight) {
        let host = &mut self.hosts[flight.to];
        let of_family = |(_, family): &(LinkId, Family)| *family == flight.family;
        let Some((link, _)) = host.links().find(of_family) else {
            return;
        };
        let packet = Packet {
            source: flight.source,
            via: flight.via,
            hop_limit: Some(255),
            bytes: &flight.bytes,
        };
        host.receive(link, packet);
    }

    /// Puts on the link what a host has sent.
    fn carry(&mut self, who: usize, input: &mut Input<'_>) {
        for done in self.hosts[who].take_done() {
            let Done::Sent(link, destination, bytes) = done else {
                continue;
            };
            self.sent[who] += 1;
            let host = &self.hosts[who];
            let mut links = host.links();
            let Some((_, family)) = links.find(|(other, _)| *other == link) else {
                continue;
            };
            let source = SocketAddr::new(host.address(family), PORT);
            let via = match destination {
                Destination::Multicast => Via::Multicast,
                Destination::Unicast(to) if to.ip() == self.hosts[1 - who].address(family) => {
                    Via::Unicast
                }
                Destination::Unicast(_) => continue,
            };
            let flight = Flight {
                at: self.now + WIRE,
                to: 1 - who,
                family,
                source,
                via,
                bytes,
            };
            self.flights.extend(fate(flight, who, input));
        }
    }

    /// The link is a wire again: both agree in the end.
    fn agree(&mut self) {
        self.flights.clear();
        let none = &mut Input::new(&[]);
        for who in 0..2 {
            let host = &mut self.hosts[who];
            host.run(&Op::FailSends(false));
            host.run(&Op::Addresses(0b011));
            for link in 0..2 {
                host.run(&Op::Writable(link, true));
            }
            host.reconnect();
            if host.own_names().len() == host.own_services().len() {
                host.run(&Op::AddHost(0));
            }
            if host.own_services().is_empty() {
                host.run(&Op::Register(who as u8));
            }
            host.stop_all();
            host.run(&Op::Browse(0));
            self.carry(who, none);
        }
        self.run_for(AGREED_AFTER, none);

        let [one, other] = &self.hosts;
        let names = |host: &Driver<Heap>| -> BTreeSet<String> {
            let names = host.own_names();
            names.iter().map(|name| lower(&name.to_string())).collect()
        };
        let (names_of_one, names_of_other) = (names(one), names(other));
        let both: Vec<_> = names_of_one.intersection(&names_of_other).collect();
        assert!(both.is_empty(), "two hosts have the same names: {both:?}");
        for (seer, seen) in [(one, other), (other, one)] {
            let (found, there) = (lowered(seer.found()), lowered(seen.own_services()));
            assert!(
                found.is_superset(&there),
                "sees {found:?}, there is {there:?}"
            );
        }

        self.sent = [0; 2];
        self.run_for(HOUR, none);
        assert!(
            self.sent.iter().all(|sent| *sent <= PEACE_MAX),
            "{:?} packets in an hour of peace",
            self.sent
        );
    }

    /// What never was is forgotten.
    fn forget(&mut self) {
        self.run_for(HOUR * 24, &mut Input::new(&[]));
        assert!(
            self.sent.iter().all(|sent| *sent <= DAY_MAX),
            "{:?} packets in a day of peace",
            self.sent
        );
        let [one, other] = &self.hosts;
        for (seer, seen) in [(one, other), (other, one)] {
            assert_eq!(lowered(seer.found()), lowered(seen.own_services()));
        }
    }
}

/// What becomes of a packet.
fn fate(flight: Flight, sender: usize, input: &mut Input<'_>) -> Vec<Flight> {
    let later = |input: &mut Input<'_>, flight: &Flight| {
        flight.at + Duration::from_micros(input.span()).min(HOUR)
    };
    match input.byte() % 16 {
        0..=5 => vec![flight],
        6..=7 => Vec::new(),
        8 => vec![copy(&flight), flight],
        9 => vec![Flight {
            at: later(input, &flight),
            ..flight
        }],
        10 => {
            let again = Flight {
                at: later(input, &flight),
                ..copy(&flight)
            };
            vec![flight, again]
        }
        11 => vec![changed(flight, input)],
        12 => vec![changed(copy(&flight), input), flight],
        13 => {
            let back = Flight {
                to: sender,
                ..copy(&flight)
            };
            vec![flight, back]
        }
        14 => {
            // As if the other had said it.
            let mut back = changed(copy(&flight), input);
            back.to = sender;
            back.source.set_ip(match back.family {
                Family::V4 => [10, 0, 0, 77].into(),
                Family::V6 => [0xfe80, 0, 0, 0, 0, 0, 0, 77].into(),
            });
            vec![flight, back]
        }
        _ => vec![Flight {
            at: flight.at + Duration::from_millis(50),
            ..flight
        }],
    }
}

fn copy(flight: &Flight) -> Flight {
    Flight {
        bytes: flight.bytes.clone(),
        ..*flight
    }
}

fn changed(mut flight: Flight, input: &mut Input<'_>) -> Flight {
    for _ in 0..=input.byte() % 4 {
        change(input, &mut flight.bytes);
    }
    flight
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn lowered(names: BTreeSet<String>) -> BTreeSet<String> {
    names.iter().map(|name| lower(name)).collect()
}
