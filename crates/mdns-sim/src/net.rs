//! The network, as a test holds it.

use std::{
    cell::RefCell, collections::BTreeSet, fmt, io, net::Ipv4Addr, path::Path, rc::Rc,
    time::Duration,
};

use expect_test::Expect;
use mdns_proto::{config::Config, host::Storage, link::Family, store::Heap, time::Instant};

use crate::{
    Around, Host, Kind, Peer, Segment, Sent,
    transcript::{self, Entry},
    world::{Probed, Role, World},
};

/// A network of hosts on a virtual clock, all of whose chance comes from one seed.
///
/// The type parameter names the rows of its hosts: those that grow, unless a test wants a board.
pub struct Net<S: Storage = Heap> {
    pub(crate) world: Rc<RefCell<World<S>>>,
    hidden: BTreeSet<Kind>,
    /// How much of the log has been looked at.
    seen: usize,
}

impl Net {
    /// An empty network with one segment, whose hosts have rows that grow.
    pub fn seeded(seed: u64) -> Self {
        Net::with_rows(seed)
    }
}

impl<S: Storage> Net<S> {
    /// An empty network with one segment, whose hosts have rows of any kind.
    ///
    /// ```
    /// use mdns_sim::Net;
    ///
    /// mdns_proto::fixed! {
    ///     struct Board {
    ///         links: 1, hosts: 1, addresses: 2, services: 2, subtypes: 1, own_text: 768, askers: 4,
    ///         asks: 2, told: 6, ask_text: 512, heard: 32, heard_text: 1536,
    ///     }
    /// }
    ///
    /// let net = Net::<Board>::with_rows(7);
    /// net.host("hall");
    /// ```
    pub fn with_rows(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.add_segment("a");
        Net {
            world: Rc::new(RefCell::new(world)),
            hidden: BTreeSet::new(),
            seen: 0,
        }
    }

    /// Puts something around every verb of the hosts that are added from now on, as [`Machine`](crate::Machine) has it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mdns_sim::Net;
    ///
    /// std::thread_local! {
    ///     static VERBS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    /// }
    ///
    /// let net = Net::seeded(7);
    /// net.around_verbs(|verb| {
    ///     verb();
    ///     VERBS.set(VERBS.get() + 1);
    /// });
    /// net.host("hall");
    /// net.run_for(Duration::from_secs(3));
    /// assert!(VERBS.get() > 10);
    /// ```
    pub fn around_verbs(&self, around: Around) {
        self.world.borrow_mut().around = around;
    }

    /// The first segment.
    pub fn segment(&self) -> Segment<S> {
        Segment {
            world: Rc::clone(&self.world),
            index: 0,
        }
    }

    /// One more segment, apart from the others.
    pub fn add_segment(&self, name: &str) -> Segment<S> {
        let index = self.world.borrow_mut().add_segment(name);
        Segment {
            world: Rc::clone(&self.world),
            index,
        }
    }

    /// A host on the first segment, over IPv4, that claims this name at once.
    ///
    /// # Panics
    /// If the name is no host name.
    pub fn host(&self, name: &str) -> Host<S> {
        self.host_with(name, Config::DEFAULT)
    }

    /// A host of other bounds or habits.
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub fn host_with(&self, name: &str, config: Config) -> Host<S> {
        let host = self.host_nowhere(name, name, config);
        host.attach(&self.segment());
        host
    }

    /// A host that transcripts call by another name than the one it claims: for two that claim the same.
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub fn host_as(&self, name: &str, label: &str) -> Host<S> {
        let host = self.host_nowhere(name, label, Config::DEFAULT);
        host.attach(&self.segment());
        host
    }

    /// A host on the first segment that claims its IPv4 address itself (RFC 3927), `previous` first, and its name when it has one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mdns_sim::Net;
    ///
    /// let net = Net::seeded(7);
    /// let hall = net.host_without_address("hall", None).advertise("Printer", "_ipp._tcp", 631);
    /// let attic = net.host_without_address("attic", None).browse("_ipp._tcp");
    /// net.run_for(Duration::from_secs(15));
    /// let details = format!("at hall:631, {}", hall.addresses()[0]);
    /// assert_eq!(attic.found()["Printer._ipp._tcp.local"], details);
    /// ```
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub fn host_without_address(&self, name: &str, previous: Option<Ipv4Addr>) -> Host<S> {
        let host = self.host_nowhere(name, name, Config::DEFAULT);
        let mut world = self.world.borrow_mut();
        let interface = world.attach(host.index, 0, &[]);
        world.add_link(host.index, interface, Family::V4);
        world.claim_address(host.index, previous);
        drop(world);
        host
    }

    /// A host on the first segment that claims an IPv4 address and does nothing else: it has no mDNS.
    pub fn bare_host(&self, label: &str, previous: Option<Ipv4Addr>) -> Host<S> {
        let host = self.host_nowhere(label, label, Config::DEFAULT);
        let mut world = self.world.borrow_mut();
        world.attach(host.index, 0, &[]);
        world.claim_address(host.index, previous);
        drop(world);
        host
    }

    /// A host that is not attached to anything yet.
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub fn host_nowhere(&self, name: &str, label: &str, config: Config) -> Host<S> {
        let index = self.world.borrow_mut().add_host(name, label, config);
        Host {
            world: Rc::clone(&self.world),
            index,
        }
    }

    /// A scripted peer on the first segment: it sends what the test writes, and only listens otherwise.
    pub fn peer(&self, name: &str) -> Peer<S> {
        let mut world = self.world.borrow_mut();
        let index = world.add_station(name, Role::Peer(Vec::new()));
        world.attach(index, 0, &[Family::V4, Family::V6]);
        Peer {
            world: Rc::clone(&self.world),
            index,
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.borrow().now
    }

    /// Lets a span pass.
    ///
    /// # Panics
    /// If a host breaks the contract: with the seed, the time and the host.
    pub fn run_for(&self, span: Duration) {
        let end = self.now() + span;
        while self.world.borrow_mut().step(end) {}
    }

    /// Lets time pass until something is so, but no longer than a span. Says whether it is so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mdns_sim::Net;
    ///
    /// let net = Net::seeded(7);
    /// net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    /// let attic = net.host("attic").browse("_ipp._tcp");
    /// assert!(net.run_until(Duration::from_secs(3), || !attic.found().is_empty()));
    /// ```
    ///
    /// # Panics
    /// As [`run_for`](Self::run_for).
    pub fn run_until(&self, span: Duration, is_so: impl Fn() -> bool) -> bool {
        let end = self.now() + span;
        while !is_so() {
            if !self.world.borrow_mut().step(end) {
                return is_so();
            }
        }
        true
    }

    /// Leaves lines of this kind out of transcripts from now on.
    pub fn hide(&mut self, kind: Kind) {
        self.hidden.insert(kind);
    }

    /// Forgets what happened so far: the next transcript begins here.
    pub fn skip(&mut self) {
        self.seen = self.world.borrow().log.as_ref().map_or(0, Vec::len);
    }

    /// What happened since the last transcript.
    pub fn transcript(&mut self) -> String {
        let seen = self.seen;
        self.skip();
        let world = self.world.borrow();
        let log = world.log.as_deref().unwrap_or_default();
        transcript::write(&world, log.get(seen..).unwrap_or_default(), &self.hidden)
    }

    /// Compares what happened since the last transcript with what was to be expected. `UPDATE_EXPECT=1` writes it down: read it
    /// as prose, against the RFC, before you accept it.
    ///
    /// # Panics
    /// If they differ.
    pub fn expect(&mut self, expected: Expect) {
        expected.assert_eq(&self.transcript());
    }

    /// All packets that were sent, since the beginning.
    pub fn packets(&self) -> Vec<Rc<Sent>> {
        let world = self.world.borrow();
        let log = world.log.iter().flatten();
        log.filter_map(|entry| match entry {
            Entry::Packet(sent) => Some(Rc::clone(sent)),
            Entry::Told { .. } => None,
        })
        .collect()
    }

    /// Delivers a packet once more, to its sender too, as a stale copy: whatever it was, it seems to come from whom it came from
    /// then.
    pub fn replay(&self, packet: &Rc<Sent>) {
        let mut world = self.world.borrow_mut();
        let again = world.now.as_micros();
        world.note(None, "replays", format!("a packet of {:?}", packet.at));
        world.carry(packet, Some(again));
    }

    /// Keeps no log from here on, and forgets what there was: for long runs of many hosts.
    pub fn forget(&mut self) {
        self.world.borrow_mut().log = None;
        self.seen = 0;
    }

    /// Notes which probes arrive where, from now on.
    pub(crate) fn watch(&self) {
        self.world.borrow_mut().probed = Some(Vec::new());
    }

    /// What happened since it was last taken, and the probes that arrived. The transcript knows of it no more.
    pub(crate) fn take_log(&self) -> (Vec<Entry>, Vec<Probed>) {
        let mut world = self.world.borrow_mut();
        let log = world.log.as_mut().map(std::mem::take);
        let probed = world.probed.as_mut().map(std::mem::take);
        (log.unwrap_or_default(), probed.unwrap_or_default())
    }

    /// Lines of a log that was taken.
    pub(crate) fn page(&self, log: &[Entry]) -> String {
        transcript::write(&self.world.borrow(), log, &self.hidden)
    }

    /// Packets that have arrived somewhere so far.
    pub fn deliveries(&self) -> u64 {
        self.world.borrow().deliveries
    }

    /// Writes all packets that were sent into a file that Wireshark reads: raw IP, times from zero.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_pcap(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let packets = self.packets();
        crate::pcap::write(path.as_ref(), packets.iter().map(|sent| &**sent))
    }
}

impl<S: Storage> fmt::Debug for Net<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.world.borrow();
        f.debug_struct("Net")
            .field("seed", &world.chance.0)
            .field("now", &world.now)
            .finish_non_exhaustive()
    }
}
