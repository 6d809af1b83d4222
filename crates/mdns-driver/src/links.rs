//! Links and their sockets, as interfaces come, go and change.
//!
//! A look compares the interfaces with what is open and closes, opens and tells the core what is different. Changes come
//! in bursts, so a look follows a little after the first of them.

use std::{
    collections::{BTreeMap, HashSet},
    fmt, io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use mdns_proto::{
    host::Host,
    link::{
        Destination, Family, InterfaceId, LinkConfig, LinkId, Names, SourcePort, Subnet, Transmit,
    },
    stats::Stats,
    store::Heap,
    time::Instant,
};
use mdns_socket::{
    Interface, LinkSocket, OneShotSocket, OpenError, Selection, UnicastSocket, Unused, Watcher,
};
use tracing::{Level, debug, info, warn};

use crate::{Error, owned::InterfaceNames, survey::Survey, waiting::Deferred};

/// How long after the first change of a burst to look.
const SETTLE: Duration = Duration::from_millis(100);

/// How long to wait before another try of what failed.
const RETRY: Duration = Duration::from_secs(5);

/// The least that RFC 791 asks of every link.
const MTU_MIN: u32 = 576;

/// The number of a socket of a driver; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u64);

/// A socket of a driver, to be registered in an event loop. It is non-blocking.
#[derive(Debug)]
pub struct Socket(Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Link(LinkSocket),
    Unicast(UnicastSocket, Family),
    OneShot(OneShotSocket),
    Watcher(Watcher),
    /// What wakes us when a daemon has told something; for waiting alone.
    #[cfg(all(unix, feature = "daemon"))]
    Daemon(std::os::unix::net::UnixStream),
}

impl Socket {
    /// The same socket once more, for an event loop that must own what it waits for. It is for nothing but waiting: the
    /// one that tells of interfaces is no UDP socket in truth.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        #[cfg(unix)]
        return std::os::fd::AsFd::as_fd(self)
            .try_clone_to_owned()
            .map(UdpSocket::from);
        #[cfg(windows)]
        return std::os::windows::io::AsSocket::as_socket(self)
            .try_clone_to_owned()
            .map(UdpSocket::from);
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }
}

#[cfg(unix)]
mod descriptor {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    use super::{Kind, Socket};

    impl AsFd for Socket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match &self.0 {
                Kind::Link(socket) => socket.as_fd(),
                Kind::Unicast(socket, _) => socket.as_fd(),
                Kind::OneShot(socket) => socket.as_fd(),
                Kind::Watcher(watcher) => watcher.as_fd(),
                #[cfg(all(unix, feature = "daemon"))]
                Kind::Daemon(stream) => stream.as_fd(),
            }
        }
    }

    impl AsRawFd for Socket {
        fn as_raw_fd(&self) -> RawFd {
            self.as_fd().as_raw_fd()
        }
    }
}

#[cfg(windows)]
mod descriptor {
    use std::os::windows::io::{AsSocket, BorrowedSocket};

    use super::{Kind, Socket};

    impl AsSocket for Socket {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            match &self.0 {
                Kind::Link(socket) => socket.socket().as_socket(),
                Kind::Unicast(socket, _) => socket.socket().as_socket(),
                Kind::OneShot(socket) => socket.socket().as_socket(),
                Kind::Watcher(watcher) => watcher.as_socket(),
            }
        }
    }
}

/// A link as it is now.
#[derive(Clone, Debug)]
pub struct LinkInfo {
    /// The interface's name, such as `eth0`.
    pub interface_name: String,
    /// The system's number for the interface.
    pub interface: u32,
    /// The IP family.
    pub family: Family,
    /// Whether the interface is switched on and connected.
    pub is_up: bool,
    /// Whether answers sent to us by unicast can arrive: no other stack had the port when we began.
    pub unicast: bool,
    /// What was counted since the link was opened.
    pub stats: Stats,
}

/// A link that is to be used and could not be opened. It is tried again every few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableLink {
    /// The interface's name, such as `eth0`.
    pub interface_name: String,
    /// The system's number for the interface.
    pub interface: u32,
    /// The IP family.
    pub family: Family,
    /// What is wrong, and what can be done about it.
    pub reason: String,
    /// Who has the port and does not share it, if that is what is wrong; as far as it is known.
    pub holders: Vec<mdns_socket::Holder>,
}

/// An open link.
#[derive(Debug)]
struct Link {
    id: LinkId,
    source: SourceId,
    socket: Arc<Socket>,
    config: LinkConfig,
    is_up: bool,
    /// The socket of one-shot questions, from the first of them on.
    one_shot: Option<(SourceId, Arc<Socket>)>,
    /// A datagram that the socket had no room for.
    waiting: Option<(Box<[u8]>, SocketAddr)>,
    /// Why the last send failed, if it did: said once.
    trouble: Option<io::ErrorKind>,
}

/// A link to Avahi, which has no socket.
#[derive(Debug)]
struct DaemonLink {
    id: LinkId,
    config: LinkConfig,
    is_up: bool,
}

/// All links and sockets of a driver.
#[derive(Debug)]
pub(crate) struct Links {
    selection: Selection,
    /// Whether there are links on sockets of our own.
    uses_sockets: bool,
    /// Whether these only ask, because a daemon publishes for us.
    only_asks: bool,
    /// Whether there are links to Avahi.
    asks_daemon: bool,
    daemon_links: Vec<DaemonLink>,
    interfaces: Vec<Interface>,
    /// Their names, as all results share them.
    names: BTreeMap<u32, Arc<str>>,
    /// The links that could be used when they were last seen; `None` before the first look.
    usable: Option<HashSet<(u32, Family)>>,
    /// Goes up when `links` or `interfaces` change.
    generation: u64,
    links: Vec<Link>,
    /// Those that the last look opened.
    opened: Vec<LinkId>,
    /// In the order of their numbers.
    sources: Vec<(SourceId, Arc<Socket>)>,
    next_source: u64,
    /// The families whose unicast reaches us.
    unicast: Vec<Family>,
    /// Whether another mDNS stack ran on this host when we began.
    has_neighbour: bool,
    /// The addresses that the core was told of, by interface.
    addresses: BTreeMap<u32, Vec<Subnet>>,
    /// The interfaces of which not all addresses found room: said once, tried again.
    crowded: Vec<u32>,
    look_due: Option<Instant>,
    /// The links that could not be opened.
    unusable: Vec<UnusableLink>,
    /// Why links could not be opened, or the system could not be asked: said once.
    troubles: BTreeMap<Option<(u32, Family)>, String>,
    pub(crate) deferred: Deferred,
}

impl Links {
    /// Nothing but the watcher of interfaces.
    pub(crate) fn new(selection: Selection) -> Self {
        let mut links = Links {
            selection,
            uses_sockets: false,
            only_asks: false,
            asks_daemon: false,
            daemon_links: Vec::new(),
            interfaces: Vec::new(),
            names: BTreeMap::new(),
            usable: None,
            generation: 0,
            links: Vec::new(),
            opened: Vec::new(),
            sources: Vec::new(),
            next_source: 0,
            unicast: Vec::new(),
            has_neighbour: mdns_socket::is_beside_stack(),
            addresses: BTreeMap::new(),
            crowded: Vec::new(),
            look_due: None,
            unusable: Vec::new(),
            troubles: BTreeMap::new(),
            deferred: Deferred::default(),
        };
        links.watch(Instant::ZERO);
        links
    }

    /// Whether there are links on sockets of our own. They are opened and closed at the next look; the sockets for unicast, which come
    /// before all links, at once.
    pub(crate) fn set_uses_sockets(&mut self, uses_sockets: bool) {
        if self.uses_sockets == uses_sockets {
            return;
        }
        self.uses_sockets = uses_sockets;
        if !uses_sockets {
            self.unicast.clear();
            self.sources
                .retain(|(_, socket)| !matches!(socket.0, Kind::Unicast(..)));
            return;
        }
        for family in Family::ALL {
            match UnicastSocket::open(family) {
                Ok(Some(socket)) => {
                    self.unicast.push(family);
                    self.add_source(Kind::Unicast(socket, family));
                }
                Ok(None) => self.deferred.log(Level::INFO, move || {
                    info!(%family, "another program has port 5353: unicast answers will not arrive");
                }),
                Err(error) => self.deferred.log(Level::DEBUG, move || {
                    debug!(%family, "no socket for unicast: {error}");
                }),
            }
        }
    }

    /// Whether links on our own sockets that are opened from now on only ask.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn set_new_only_ask(&mut self, only_asks: bool) {
        self.only_asks = only_asks;
    }

    /// Whether the links on our own sockets only ask, because a daemon publishes for us.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn set_only_asks(&mut self, now: Instant, host: &mut Host<Heap>, only_asks: bool) {
        self.only_asks = only_asks;
        for link in &mut self.links {
            link.config.asks_only = only_asks;
            host.set_asks_only(now, link.id, only_asks);
        }
    }

    /// Whether there are links to Avahi. They are opened and closed at the next look.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn set_asks_daemon(&mut self, asks_daemon: bool) {
        self.asks_daemon = asks_daemon;
    }

    /// Adds the descriptor that a daemon wakes us by.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn add_daemon_source(&mut self, stream: std::os::unix::net::UnixStream) {
        self.add_source(Kind::Daemon(stream));
    }

    /// Whether there are links to use on our own sockets, and all of them are refused.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn is_refused(&self) -> bool {
        self.uses_sockets && self.links.is_empty() && !self.unusable.is_empty()
    }

    /// Whether the interfaces are chosen as they are by default.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn is_selection_usual(&self) -> bool {
        self.selection == Selection::default()
    }

    /// The link to Avahi for an interface and a family.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn daemon_link(&self, interface: u32, family: Family) -> Option<LinkId> {
        let mut links = self.daemon_links.iter();
        let is_it = |link: &&DaemonLink| {
            link.config.interface.0 == interface && link.config.family == family
        };
        links.find(is_it).map(|link| link.id)
    }

    /// The interface and the family of a link to Avahi; `None` if it is no such link.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn daemon_link_at(&self, id: LinkId) -> Option<(u32, Family)> {
        let found = self.daemon_links.iter().find(|link| link.id == id)?;
        Some((found.config.interface.0, found.config.family))
    }

    /// Whether a link is one to Avahi.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn is_to_daemon(&self, id: LinkId) -> bool {
        self.daemon_links.iter().any(|link| link.id == id)
    }

    /// The interfaces that have links to Avahi, each with the families of them.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn families_of_daemon(&self) -> BTreeMap<u32, Vec<Family>> {
        let mut families = BTreeMap::<u32, Vec<Family>>::new();
        for link in &self.daemon_links {
            let of_interface = families.entry(link.config.interface.0).or_default();
            of_interface.push(link.config.family);
        }
        families
    }

    /// These interfaces with their addresses.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn addresses_of_daemon(
        &self,
    ) -> impl Iterator<Item = (u32, impl Iterator<Item = std::net::IpAddr>)> {
        let interfaces = self.families_of_daemon().into_keys();
        interfaces.map(|interface| {
            let subnets = self
                .addresses
                .get(&interface)
                .map_or(&[][..], Vec::as_slice);
            (interface, subnets.iter().map(|subnet| subnet.address))
        })
    }

    fn watch(&mut self, now: Instant) {
        match Watcher::new() {
            Ok(watcher) => drop(self.add_source(Kind::Watcher(watcher))),
            Err(error) => {
                self.complain(None, format!("changes of interfaces are not told: {error}"));
                self.look_at(now + RETRY);
            }
        }
    }

    fn add_source(&mut self, kind: Kind) -> (SourceId, Arc<Socket>) {
        let id = SourceId(self.next_source);
        self.next_source += 1;
        let socket = Arc::new(Socket(kind));
        self.sources.push((id, Arc::clone(&socket)));
        (id, socket)
    }

    /// Whether no other mDNS stack ran on this host when we began.
    pub(crate) fn is_alone(&self) -> bool {
        !self.has_neighbour
    }

    pub(crate) fn sources(&self) -> &[(SourceId, Arc<Socket>)] {
        &self.sources
    }

    pub(crate) fn socket(&self, source: SourceId) -> Option<Arc<Socket>> {
        let at = self
            .sources
            .binary_search_by_key(&source, |(id, _)| *id)
            .ok()?;
        self.sources.get(at).map(|(_, socket)| Arc::clone(socket))
    }

    /// The link whose socket this is.
    pub(crate) fn link_of(&self, source: SourceId) -> Option<LinkId> {
        self.links
            .iter()
            .find(|link| link.has_source(source))
            .map(|link| link.id)
    }

    /// The link whose socket of one-shot questions this is, if what came by an interface is for it.
    pub(crate) fn one_shot_link_of(&self, source: SourceId, by: Option<u32>) -> Option<LinkId> {
        let is_it = |link: &&Link| {
            link.has_source(source) && by.is_none_or(|by| by == link.config.interface.0)
        };
        self.links.iter().find(is_it).map(|link| link.id)
    }

    /// The link of an interface and a family.
    pub(crate) fn link_on(&self, interface: u32, family: Family) -> Option<LinkId> {
        let is_it =
            |link: &&Link| link.config.interface.0 == interface && link.config.family == family;
        self.links.iter().find(is_it).map(|link| link.id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.daemon_links.is_empty()
    }

    /// The links that the last look opened.
    pub(crate) fn opened(&self) -> &[LinkId] {
        &self.opened
    }

    /// The open links, each with its interface as it was last seen.
    pub(crate) fn open(&self) -> impl Iterator<Item = (LinkId, &Interface, Family)> {
        self.links.iter().filter_map(|link| {
            let LinkConfig {
                interface, family, ..
            } = link.config;
            let mut seen = self.interfaces.iter();
            let found = seen.find(|found| found.index == interface.0)?;
            Some((link.id, found, family))
        })
    }

    pub(crate) fn infos<'a>(&'a self, host: &'a Host<Heap>) -> impl Iterator<Item = LinkInfo> + 'a {
        let on_sockets = self
            .links
            .iter()
            .map(|link| (link.id, link.config, link.is_up));
        let to_daemon = self
            .daemon_links
            .iter()
            .map(|link| (link.id, link.config, link.is_up));
        // While one takes over from the other both have a link.
        let to_daemon = to_daemon
            .filter(|(_, config, _)| self.link_on(config.interface.0, config.family).is_none());
        on_sockets
            .chain(to_daemon)
            .map(|(id, config, is_up)| LinkInfo {
                interface_name: self.name_of(config.interface).to_string(),
                interface: config.interface.0,
                family: config.family,
                is_up,
                unicast: config.unicast,
                stats: host.stats(id).unwrap_or_default(),
            })
    }

    /// The links that could not be opened, when they were last tried.
    pub(crate) fn unusable(&self) -> &[UnusableLink] {
        &self.unusable
    }

    // --- looking ---

    /// When to look again.
    pub(crate) fn look_due(&self) -> Option<Instant> {
        self.look_due
    }

    /// Looks at a certain time, or before.
    pub(crate) fn look_at(&mut self, at: Instant) {
        self.look_due = Some(self.look_due.map_or(at, |due| due.min(at)));
    }

    /// The watcher has something to tell.
    pub(crate) fn handle_change(&mut self, now: Instant, source: SourceId, told: io::Result<bool>) {
        match told {
            Ok(true) => self.look_at(now + SETTLE),
            Ok(false) => {}
            Err(error) => {
                self.deferred.log(Level::WARN, move || {
                    warn!("the watcher of interfaces ended: {error}");
                });
                self.sources.retain(|(id, _)| *id != source);
                self.look_at(now + SETTLE);
            }
        }
    }

    /// Which interfaces to use.
    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The interfaces as they were last seen, and a number that changes with them.
    pub(crate) fn seen(&self) -> (&[Interface], u64) {
        (&self.interfaces, self.generation)
    }

    /// A look has begun.
    pub(crate) fn set_looked(&mut self) {
        self.look_due = None;
    }

    /// Opens, closes and tells what a look at the interfaces found to be different.
    ///
    /// # Errors
    /// What was wrong with the first link that could not be opened, or with asking; it is tried again later.
    pub(crate) fn handle_survey(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        survey: &mut Survey,
    ) -> Result<(), Error> {
        self.generation += 1;
        self.opened.clear();
        if !self
            .sources
            .iter()
            .any(|(_, socket)| matches!(socket.0, Kind::Watcher(_)))
        {
            self.watch(now);
        }
        let seen = match survey.take_interfaces() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                self.complain(None, error.to_string());
                self.look_at(now + RETRY);
                return Err(Error::Interfaces(error));
            }
        };
        let turns = self.close(now, host, &seen, survey);
        self.close_daemon_links(now, host, survey);
        self.set_addresses(now, host, &seen, survey);
        for link in self
            .links
            .iter()
            .filter(|link| link.config.family == Family::V4)
        {
            let index = link.config.interface.0;
            let found = seen.iter().find(|found| found.index == index);
            host.set_link_local_route(
                link.id,
                found.is_some_and(|found| found.has_link_local_route),
            );
        }
        for (link, fate) in turns {
            match fate {
                Fate::ComesUp => host.link_up(now, link),
                Fate::GoesDown => host.link_down(now, link),
                Fate::Stays | Fate::Closes => {}
            }
        }
        let opened = self.open_new(now, host, &seen, survey);
        self.open_daemon_links(now, host, &seen, survey);
        self.usable = Some(survey.usable());
        self.set_interfaces(seen);
        Ok(opened?)
    }

    fn set_interfaces(&mut self, seen: Vec<Interface>) {
        let named = seen.iter().map(|found| {
            let before = self.names.get(&found.index);
            let same = before.filter(|name| ***name == *found.name);
            let name = same.map_or_else(|| found.name.as_str().into(), Arc::clone);
            (found.index, name)
        });
        self.names = named.collect();
        self.interfaces = seen;
    }

    /// Closes the links that are not to be used any more; returns those that come up, go down or become another network.
    fn close(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        seen: &[Interface],
        survey: &Survey,
    ) -> Vec<(LinkId, Fate)> {
        let mut turns = Vec::new();
        let uses_sockets = self.uses_sockets;
        let Links {
            links,
            sources,
            addresses,
            deferred,
            ..
        } = self;
        links.retain_mut(|link| {
            let interface = link.config.interface.0;
            let before = addresses.get(&interface).map_or(&[][..], Vec::as_slice);
            let fate = if uses_sockets {
                link.fate(survey, seen, before)
            } else {
                Fate::Closes
            };
            match fate {
                Fate::Stays => return true,
                Fate::ComesUp => link.is_up = true,
                Fate::GoesDown => link.is_up = false,
                Fate::Closes => {
                    host.remove_link(now, link.id);
                    sources.retain(|(id, _)| !link.has_source(*id));
                }
            }
            let family = link.config.family;
            deferred.log(Level::INFO, move || {
                info!(interface, %family, "link {fate}");
            });
            turns.push((link.id, fate));
            fate != Fate::Closes
        });
        turns
    }

    /// Closes the links to Avahi whose interfaces are not to be used any more.
    fn close_daemon_links(&mut self, now: Instant, host: &mut Host<Heap>, survey: &Survey) {
        let asks_daemon = self.asks_daemon;
        self.daemon_links.retain(|link| {
            let LinkConfig {
                interface, family, ..
            } = link.config;
            let stays = asks_daemon && survey.check(interface.0, family).is_ok();
            if !stays {
                host.remove_link(now, link.id);
            }
            stays
        });
    }

    /// Opens links to Avahi for the interfaces that have none.
    fn open_daemon_links(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        seen: &[Interface],
        survey: &Survey,
    ) {
        if !self.asks_daemon {
            return;
        }
        for (index, family) in seen
            .iter()
            .flat_map(|found| Family::ALL.map(|family| (found.index, family)))
        {
            let is_open = self
                .daemon_links
                .iter()
                .any(|link| link.config.interface.0 == index && link.config.family == family);
            if is_open || survey.check(index, family).is_err() {
                continue;
            }
            let config = LinkConfig {
                interface: InterfaceId(index),
                family,
                // Questions go nowhere: as many at once as find room.
                mtu: 9000,
                asks_only: true,
                names: Names::LinkLocal,
                ..LinkConfig::MULTICAST
            };
            match host.add_running_link(now, config) {
                Ok(id) => self.daemon_links.push(DaemonLink {
                    id,
                    config,
                    is_up: true,
                }),
                Err(_) => self.complain(None, "there are too many links".into()),
            }
        }
    }

    /// Tells the core the addresses of the interfaces that have a link or will have one.
    fn set_addresses(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        seen: &[Interface],
        survey: &Survey,
    ) {
        let mut wanted = BTreeMap::new();
        for found in seen {
            let is_open = self
                .links
                .iter()
                .any(|link| link.config.interface.0 == found.index);
            if is_open
                || Family::ALL
                    .iter()
                    .any(|&family| survey.check(found.index, family).is_ok())
            {
                wanted.insert(found.index, subnets(found));
            }
        }
        for &gone in self
            .addresses
            .keys()
            .filter(|index| !wanted.contains_key(index))
        {
            // Taking away never fails.
            let _ = host.set_addresses(now, InterfaceId(gone), &[]);
        }
        let mut full = Vec::new();
        for (&index, subnets) in &wanted {
            let is_news = self.addresses.get(&index) != Some(subnets);
            if (is_news || self.crowded.contains(&index))
                && host
                    .set_addresses(now, InterfaceId(index), subnets)
                    .is_err()
            {
                full.push(index);
            }
        }
        self.addresses = wanted;
        if full.is_empty() {
            self.crowded.clear();
            return;
        }
        if self.crowded != full {
            self.crowded.clone_from(&full);
            self.deferred.log(Level::WARN, move || {
                warn!(interfaces = ?full, "not all addresses found room; those that did are answered for");
            });
        }
        self.look_at(now + RETRY);
    }

    fn open_new(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        seen: &[Interface],
        survey: &Survey,
    ) -> Result<(), OpenError> {
        let mut first = Ok(());
        let mut troubles = BTreeMap::new();
        self.unusable.clear();
        if !self.uses_sockets {
            self.troubles.retain(|link, _| link.is_none());
            return first;
        }
        let of_families = |found| Family::ALL.map(|family| (found, family));
        for (found, family) in seen.iter().flat_map(of_families) {
            if survey.check(found.index, family).is_err()
                || self.link_on(found.index, family).is_some()
            {
                continue;
            }
            let socket = match LinkSocket::open(found, family) {
                Ok(socket) => socket,
                Err(error) => {
                    troubles.insert((found.index, family), error.to_string());
                    self.unusable.push(UnusableLink {
                        interface_name: found.name.clone(),
                        interface: found.index,
                        family,
                        reason: error.to_string(),
                        holders: error.holders().to_vec(),
                    });
                    first = first.and(Err(error));
                    continue;
                }
            };
            let config = LinkConfig {
                interface: InterfaceId(found.index),
                family,
                mtu: mtu_of(found),
                unicast: self.unicast.contains(&family),
                asks_only: self.only_asks,
                names: Names::All,
            };
            let added = if self.was_usable(found.index, family) {
                host.add_running_link(now, config)
            } else {
                host.add_link(now, config)
            };
            let Ok(id) = added else {
                let reason = format!("{}, {family}: there are too many links", found.name);
                troubles.insert((found.index, family), reason.clone());
                self.unusable.push(UnusableLink {
                    interface_name: found.name.clone(),
                    interface: found.index,
                    family,
                    reason,
                    holders: Vec::new(),
                });
                continue;
            };
            host.set_link_local_route(id, family == Family::V4 && found.has_link_local_route);
            host.set_one_shot(id, true);
            let name = found.name.clone();
            self.deferred.log(Level::INFO, move || {
                info!(interface = name, %family, "link opened");
            });
            let (source, socket) = self.add_source(Kind::Link(socket));
            self.opened.push(id);
            self.links.push(Link {
                id,
                source,
                socket,
                config,
                is_up: true,
                one_shot: None,
                waiting: None,
                trouble: None,
            });
        }
        self.troubles
            .retain(|link, _| link.is_some_and(|link| troubles.contains_key(&link)));
        if !troubles.is_empty() {
            self.look_at(now + RETRY);
        }
        for (link, what) in troubles {
            self.complain(Some(link), what);
        }
        first
    }

    /// Whether an interface could be used for a family before this look. At the first look that is so of all: what others noticed
    /// too happened before the program began.
    fn was_usable(&self, interface: u32, family: Family) -> bool {
        self.usable
            .as_ref()
            .is_none_or(|before| before.contains(&(interface, family)))
    }

    fn complain(&mut self, about: Option<(u32, Family)>, what: String) {
        if self.troubles.get(&about) != Some(&what) {
            let message = what.clone();
            self.deferred.log(Level::WARN, move || warn!("{message}"));
            self.troubles.insert(about, what);
        }
    }

    /// The event loop does not take a socket: its link is closed, and tried again later.
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        source: SourceId,
        error: &io::Error,
    ) {
        if let Some(Kind::Unicast(_, family)) = self.socket(source).as_deref().map(Socket::kind) {
            // Links that are opened from now on do not count on it.
            self.unicast.retain(|other| other != family);
        }
        self.generation += 1;
        let Some(at) = self.links.iter().position(|link| link.has_source(source)) else {
            self.sources.retain(|(id, _)| *id != source);
            return self.note_refused(now, error);
        };
        if let Some(link) = self.links.get_mut(at).filter(|link| link.source != source) {
            let message = error.to_string();
            self.deferred.log(Level::DEBUG, move || {
                debug!("no one-shot questions: the event loop takes no more sockets: {message}");
            });
            self.sources.retain(|(id, _)| *id != source);
            link.one_shot = None;
            return host.set_one_shot(link.id, false);
        }
        let link = self.links.swap_remove(at);
        self.sources.retain(|(id, _)| !link.has_source(*id));
        host.remove_link(now, link.id);
        let LinkConfig {
            interface, family, ..
        } = link.config;
        let interface_name = self.name_of(interface).to_string();
        self.unusable.push(UnusableLink {
            reason: format!(
                "{interface_name}, {family}: the event loop takes no more sockets: {error}"
            ),
            interface_name,
            interface: interface.0,
            family,
            holders: Vec::new(),
        });
        self.note_refused(now, error);
    }

    fn note_refused(&mut self, now: Instant, error: &io::Error) {
        self.complain(
            None,
            format!("the event loop takes no more sockets: {error}"),
        );
        self.look_at(now + RETRY);
    }

    /// Closes everything.
    pub(crate) fn close_all(&mut self, now: Instant, host: &mut Host<Heap>) {
        for link in self.links.drain(..) {
            host.remove_link(now, link.id);
        }
        for link in self.daemon_links.drain(..) {
            host.remove_link(now, link.id);
        }
        self.sources.clear();
        self.unusable.clear();
        self.look_due = None;
    }

    // --- sending ---

    /// Sends what the core wrote.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        transmit: Transmit,
        bytes: &[u8],
    ) {
        if transmit.source == SourcePort::OneShot {
            return self.ask_one_shot(host, transmit.link, bytes);
        }
        let Links {
            links, deferred, ..
        } = self;
        let Some(link) = links.iter_mut().find(|link| link.id == transmit.link) else {
            return;
        };
        let Kind::Link(socket) = link.socket.kind() else {
            return;
        };
        let destination = match transmit.destination {
            Destination::Multicast => socket.group(),
            Destination::Unicast(address) => address,
        };
        match socket.send_to(bytes, destination) {
            Ok(()) => link.is_sent(deferred),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                host.set_writable(link.id, false);
                link.waiting = Some((bytes.into(), destination));
            }
            Err(error) => link.is_not_sent(now, host, transmit.destination, error, deferred),
        }
    }

    /// Sends a one-shot question. The socket is opened for the first of them: who only advertises needs no descriptor for it. One
    /// that cannot be sent is lost; the same was asked on port 5353.
    fn ask_one_shot(&mut self, host: &mut Host<Heap>, id: LinkId, bytes: &[u8]) {
        let Some(at) = self.links.iter().position(|link| link.id == id) else {
            return;
        };
        if self
            .links
            .get(at)
            .is_some_and(|link| link.one_shot.is_none())
        {
            let opened = self.open_one_shot(at);
            match (opened, self.links.get_mut(at)) {
                (Ok(source), Some(link)) => link.one_shot = Some(source),
                (Err(error), _) => {
                    self.deferred.log(Level::DEBUG, move || {
                        debug!("no one-shot questions: {error}");
                    });
                    return host.set_one_shot(id, false);
                }
                (Ok(_), None) => return,
            }
        }
        let one_shot = self.links.get(at).and_then(|link| link.one_shot.as_ref());
        if let Some(Kind::OneShot(socket)) = one_shot.map(|(_, socket)| socket.kind())
            && let Err(error) = socket.ask(bytes)
        {
            self.deferred.log(Level::DEBUG, move || {
                debug!("a one-shot question was not sent: {error}");
            });
        }
    }

    fn open_one_shot(&mut self, at: usize) -> io::Result<(SourceId, Arc<Socket>)> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let LinkConfig {
            interface, family, ..
        } = self.links.get(at).ok_or_else(gone)?.config;
        let mut seen = self.interfaces.iter();
        let found = seen.find(|found| found.index == interface.0);
        let socket = OneShotSocket::open(found.ok_or_else(gone)?, family)?;
        Ok(self.add_source(Kind::OneShot(socket)))
    }

    /// Whether a socket is waited for to take a datagram.
    pub(crate) fn wants_write(&self, source: SourceId) -> bool {
        self.links
            .iter()
            .any(|link| link.source == source && link.waiting.is_some())
    }

    /// Whether any socket is.
    pub(crate) fn is_waiting(&self) -> bool {
        self.links.iter().any(|link| link.waiting.is_some())
    }

    /// A socket can take a datagram again: the one that waits.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        source: SourceId,
    ) -> io::Result<()> {
        let Links {
            links, deferred, ..
        } = self;
        let Some(link) = links.iter_mut().find(|link| link.source == source) else {
            return Ok(());
        };
        let Some((bytes, destination)) = link.waiting.take() else {
            return Ok(());
        };
        let Kind::Link(socket) = link.socket.kind() else {
            return Ok(());
        };
        match socket.send_to(&bytes, destination) {
            Ok(()) => link.is_sent(deferred),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                link.waiting = Some((bytes, destination));
                return Err(error);
            }
            Err(error) => {
                let to = if destination == socket.group() {
                    Destination::Multicast
                } else {
                    Destination::Unicast(destination)
                };
                link.is_not_sent(now, host, to, error, deferred);
            }
        }
        host.set_writable(link.id, true);
        Ok(())
    }
}

/// What becomes of an open link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    /// Or it is on another network now.
    ComesUp,
    GoesDown,
    /// It is opened anew if it can be.
    Closes,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Stays => "stays",
            Fate::ComesUp => "is up",
            Fate::GoesDown => "is down",
            Fate::Closes => "closed",
        })
    }
}

impl Link {
    /// What becomes of it, now that the interfaces are these.
    fn fate(&self, survey: &Survey, seen: &[Interface], before: &[Subnet]) -> Fate {
        let LinkConfig {
            interface,
            family,
            mtu,
            ..
        } = self.config;
        let Some(found) = seen.iter().find(|found| found.index == interface.0) else {
            return Fate::Closes;
        };
        let after = subnets(found);
        let has_others = || !of_family(before, family).eq(of_family(&after, family));
        match survey.check(found.index, family) {
            Err(Unused::Down | Unused::NoCarrier) if self.is_up => Fate::GoesDown,
            Err(Unused::Down | Unused::NoCarrier) => Fate::Stays,
            Err(_) => Fate::Closes,
            Ok(()) if mtu_of(found) != mtu => Fate::Closes,
            Ok(()) if LinkSocket::keeps_address(family) && has_others() => Fate::Closes,
            Ok(()) if !self.is_up || is_other_network(before, &after, family) => Fate::ComesUp,
            Ok(()) => Fate::Stays,
        }
    }

    /// Whether a socket is one of this link.
    fn has_source(&self, source: SourceId) -> bool {
        self.source == source || self.one_shot.as_ref().is_some_and(|(id, _)| *id == source)
    }

    fn is_sent(&mut self, deferred: &mut Deferred) {
        if self.trouble.take().is_some() {
            let LinkConfig {
                interface, family, ..
            } = self.config;
            deferred.log(Level::INFO, move || {
                info!(interface = interface.0, %family, "sends again");
            });
        }
    }

    /// A datagram could not be sent. One to a single asker is lost as on a wire: he could be anybody, and must not be able
    /// to make the link begin anew.
    fn is_not_sent(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        destination: Destination,
        error: io::Error,
        deferred: &mut Deferred,
    ) {
        if let Destination::Unicast(asker) = destination {
            deferred.log(Level::DEBUG, move || {
                debug!(%asker, "cannot answer: {error}");
            });
            return;
        }
        host.send_failed(now, self.id);
        if self.trouble.replace(error.kind()) != Some(error.kind()) {
            let LinkConfig {
                interface, family, ..
            } = self.config;
            deferred.log(Level::WARN, move || {
                warn!(interface = interface.0, %family, "cannot send: {error}");
            });
        }
    }
}

impl InterfaceNames for Links {
    fn name_of(&self, interface: InterfaceId) -> Arc<str> {
        let name = self.names.get(&interface.0);
        name.map_or_else(|| "".into(), Arc::clone)
    }
}

fn mtu_of(interface: &Interface) -> u16 {
    u16::try_from(interface.mtu.max(MTU_MIN)).unwrap_or(u16::MAX)
}

/// The addresses that may be used.
fn subnets(interface: &Interface) -> Vec<Subnet> {
    let ready = interface
        .addresses
        .iter()
        .filter(|address| address.is_ready);
    ready
        .map(|address| Subnet {
            address: address.ip,
            prefix_len: address.prefix_len,
        })
        .collect()
}

/// Whether a link that stayed up has none of the addresses that it had: a cable in another hole, another radio cell.
fn is_other_network(before: &[Subnet], after: &[Subnet], family: Family) -> bool {
    let mut before = of_family(before, family).peekable();
    before.peek().is_some() && !before.any(|subnet| after.contains(subnet))
}

fn of_family(subnets: &[Subnet], family: Family) -> impl Iterator<Item = &Subnet> {
    let is_of = move |subnet: &&Subnet| Family::of(&subnet.address) == family;
    subnets.iter().filter(is_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str, prefix_len: u8) -> Subnet {
        Subnet {
            address: text.parse().unwrap(),
            prefix_len,
        }
    }

    #[test]
    fn a_network_is_another_when_no_address_stays() {
        let home = [subnet("192.168.1.7", 24), subnet("fe80::7", 64)];
        let cafe = [subnet("10.0.0.9", 8), subnet("fe80::7", 64)];
        assert!(is_other_network(&home, &cafe, Family::V4));
        assert!(!is_other_network(&home, &cafe, Family::V6));
        assert!(!is_other_network(&home, &home, Family::V4));
    }

    #[test]
    fn a_first_address_is_no_other_network() {
        let home = [subnet("192.168.1.7", 24)];
        assert!(!is_other_network(&[], &home, Family::V4));
        assert!(!is_other_network(
            &[subnet("fe80::7", 64)],
            &home,
            Family::V4
        ));
    }

    /// The links of loopback.
    #[cfg(target_os = "linux")]
    fn on_loopback() -> (Links, Host<Heap>) {
        let config = mdns_proto::config::Config::DEFAULT;
        let mut host = Host::started(config, Instant::ZERO, 7);
        let mut links = Links::new(Selection::loopback());
        links.set_uses_sockets(true);
        look(&mut links, Instant::ZERO, &mut host);
        (links, host)
    }

    /// Looks at the interfaces.
    #[cfg(target_os = "linux")]
    fn look(links: &mut Links, now: Instant, host: &mut Host<Heap>) {
        links.set_looked();
        let mut survey = Survey::new(links.selection(), Vec::new());
        links.handle_survey(now, host, &mut survey).unwrap();
    }

    /// An answer to one who cannot be reached is lost, as on a wire; what the group does not get begins anew, at most once a
    /// second, and is complained of once.
    ///
    /// covers: SEC-16, SEC-25
    #[cfg(target_os = "linux")]
    #[test]
    fn who_cannot_be_answered_does_not_make_a_link_begin_anew() {
        let (mut links, mut host) = on_loopback();
        let link = links.links[0].id;
        let to = |destination| Transmit {
            link,
            source: SourcePort::Mdns,
            destination,
            len: 12,
        };
        // The system refuses broadcasts (EACCES), a source port 0 (EINVAL), and what is too long (EMSGSIZE).
        let unreachable =
            ["255.255.255.255:40000", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        for asker in unreachable {
            links.send(
                Instant::ZERO,
                &mut host,
                to(Destination::Unicast(asker)),
                &[0; 12],
            );
        }
        let failed = |host: &Host<Heap>| host.stats(link).unwrap().send_failed;
        assert_eq!((failed(&host), links.links[0].trouble), (0, None));
        for _ in 0..3 {
            links.send(
                Instant::ZERO,
                &mut host,
                to(Destination::Multicast),
                &[0; 70_000],
            );
        }
        assert_eq!(failed(&host), 3);
        assert!(links.links[0].trouble.is_some() && !links.is_waiting());
        // And it sends again.
        links.send(
            Instant::ZERO,
            &mut host,
            to(Destination::Multicast),
            &[0; 12],
        );
        assert_eq!(links.links[0].trouble, None);
    }

    /// Interfaces that come and go a thousand times a second are looked at ten times: not for each change, and not only when
    /// they rest.
    ///
    /// covers: SEC-25
    #[cfg(target_os = "linux")]
    #[test]
    fn interfaces_that_flap_are_looked_at_ten_times_a_second() {
        let (mut links, mut host) = on_loopback();
        let source = links.sources[0].0;
        let mut looks = 0;
        for millis in 0..1000 {
            let now = Instant::from_millis(millis);
            links.handle_change(now, source, Ok(true));
            if links.look_due().is_some_and(|due| due <= now) {
                look(&mut links, now, &mut host);
                looks += 1;
            }
        }
        assert!((9..=10).contains(&looks), "{looks}");
        assert_eq!(links.links.len(), 1);
    }

    /// A watcher that breaks is replaced, and what it did not tell is looked for.
    ///
    /// covers: SEC-25
    #[cfg(target_os = "linux")]
    #[test]
    fn a_watcher_that_breaks_is_replaced() {
        let (mut links, mut host) = on_loopback();
        let source = links.sources[0].0;
        links.handle_change(Instant::ZERO, source, Err(io::ErrorKind::Other.into()));
        assert!(links.socket(source).is_none());
        let due = links.look_due().unwrap();
        look(&mut links, due, &mut host);
        let watchers = |links: &Links| {
            let all = links.sources.iter();
            all.filter(|(_, socket)| matches!(socket.0, Kind::Watcher(_)))
                .count()
        };
        assert_eq!(watchers(&links), 1);
    }
}
