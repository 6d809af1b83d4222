//! A segment: what carries packets from one to all others, well or badly.

use std::{
    cell::RefCell, collections::HashMap, fmt, net::IpAddr, ops::RangeInclusive, rc::Rc,
    time::Duration,
};

use mdns_proto::host::Storage;

use crate::{
    Host,
    arp::Reaction,
    chance::{Chance, Draw},
    world::World,
};

/// How well a segment carries packets.
///
/// Each receiver's copy has its own luck and its own delay, so that a wide range of delays also changes the order of packets.
/// What a host hears of its own packets (multicast loopback) never passes over the segment: it is neither late nor lost.
///
/// ```
/// use std::time::Duration;
/// use mdns_sim::Conditions;
///
/// let bad = Conditions {
///     delay: Duration::from_millis(1)..=Duration::from_secs(2),
///     loss_percent: 30,
///     ..Conditions::default()
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The time from sending to arrival.
    pub delay: RangeInclusive<Duration>,
    /// How many copies of a hundred do not arrive.
    pub loss_percent: u8,
    /// How many of those that arrive do so twice, the second time with a delay of its own.
    pub duplication_percent: u8,
    /// How many arrive once more, after a delay from [`stale_delay`](Self::stale_delay): what a sleeping proxy or a confused
    /// access point sends.
    pub stale_percent: u8,
    /// How late stale copies are.
    pub stale_delay: RangeInclusive<Duration>,
    /// Whether every multicast packet comes back to its sender over the air, beside the loopback copy, as some Wi-Fi access
    /// points have it.
    pub sends_back: bool,
}

/// A wire: a tenth of a millisecond, nothing lost.
impl Default for Conditions {
    fn default() -> Self {
        let delay = Duration::from_micros(100);
        Conditions {
            delay: delay..=delay,
            loss_percent: 0,
            duplication_percent: 0,
            stale_percent: 0,
            stale_delay: Duration::from_secs(5)..=Duration::from_secs(300),
            sends_back: false,
        }
    }
}

impl Conditions {
    /// Whether all copies arrive, once and at one time.
    pub(crate) fn is_a_wire(&self) -> bool {
        self.delay.start() == self.delay.end()
            && self.loss_percent == 0
            && self.duplication_percent == 0
            && self.stale_percent == 0
            && !self.sends_back
    }

    /// How late the copies of one packet for one receiver are: none, one, or up to three.
    pub(crate) fn delays(&self, chance: Chance, subject: [u64; 2]) -> [Option<Duration>; 3] {
        let mut delays = [None; 3];
        if !chance.happens(Draw::Loss, subject, self.loss_percent) {
            delays[0] = Some(chance.within(Draw::Delay, subject, &self.delay));
            if chance.happens(Draw::Duplicate, subject, self.duplication_percent) {
                delays[1] = Some(chance.within(Draw::DuplicateDelay, subject, &self.delay));
            }
        }
        if chance.happens(Draw::Stale, subject, self.stale_percent) {
            delays[2] = Some(chance.within(Draw::StaleDelay, subject, &self.stale_delay));
        }
        delays
    }
}

/// Where a station is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) station: u32,
    pub(crate) interface: u32,
}

/// What a segment is inside.
#[derive(Debug, Default)]
pub(crate) struct Medium {
    pub(crate) name: String,
    pub(crate) conditions: Conditions,
    pub(crate) ports: Vec<Port>,
    /// Whose address is whose, for unicast.
    pub(crate) owners: HashMap<IpAddr, Port>,
    /// The number of the last island.
    pub(crate) islands: u32,
    /// A neighbour that says something about each ARP packet.
    pub(crate) reaction: Option<Reaction>,
}

/// A handle to a segment of a [`Net`](crate::Net).
pub struct Segment<S: Storage> {
    pub(crate) world: Rc<RefCell<World<S>>>,
    pub(crate) index: usize,
}

impl<S: Storage> Segment<S> {
    /// Sets how packets are carried from now on. Those on their way are not touched.
    pub fn set(&self, conditions: Conditions) {
        self.medium(|medium| medium.conditions = conditions);
    }

    /// How packets are carried.
    pub fn conditions(&self) -> Conditions {
        self.medium(|medium| medium.conditions.clone())
    }

    /// Cuts the segment: these hosts hear each other and no one else. Their sockets do not notice.
    pub fn part(&self, hosts: &[&Host<S>]) {
        let island = self.medium(|medium| {
            medium.islands += 1;
            medium.islands
        });
        let mut world = self.world.borrow_mut();
        for host in hosts {
            world.set_island(self.index, host.index, island);
        }
        let names: Vec<_> = hosts
            .iter()
            .map(|host| world.stations[host.index].name.clone())
            .collect();
        world.note(None, "parts", names.join(", "));
    }

    /// Makes the segment whole again.
    pub fn heal(&self) {
        let mut world = self.world.borrow_mut();
        for station in 0..world.stations.len() {
            world.set_island(self.index, station, 0);
        }
        world.note(None, "heals", String::new());
    }

    /// Sets what a neighbour on it says of each ARP packet, from now on.
    pub fn react_to_arp(&self, reaction: Option<Reaction>) {
        self.medium(|medium| medium.reaction = reaction);
    }

    fn medium<T>(&self, with: impl FnOnce(&mut Medium) -> T) -> T {
        with(&mut self.world.borrow_mut().segments[self.index])
    }
}

impl<S: Storage> Clone for Segment<S> {
    fn clone(&self) -> Self {
        Segment {
            world: Rc::clone(&self.world),
            index: self.index,
        }
    }
}

impl<S: Storage> fmt::Debug for Segment<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
