//! The one socket or two, and what passes between them, the interface and the host.

use core::{
    fmt, mem,
    net::{IpAddr, SocketAddr},
    ops::{Deref, DerefMut},
    time::Duration,
};

use heapless::Vec;
use mdns_proto::{
    config::Config,
    host::{Host, Storage},
    link::{
        Destination, Family, InterfaceId, LinkConfig, LinkId, PORT, Packet, SourcePort, Subnet, Via,
    },
    store::Full,
    time::Instant,
};
use smoltcp::{
    config::IFACE_MAX_ADDR_COUNT,
    iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet},
    phy::Device,
    socket::udp,
    wire::{IpAddress, IpCidr},
};

use crate::time::{at, back};

/// The one interface there is.
const INTERFACE: InterfaceId = InterfaceId(1);

/// RFC 6762 §11: all that is sent has it, that older peers believe it to be of their link.
const HOP_LIMIT: u8 = 255;

/// The least room for a packet of one-shot questions or answers, in bytes: as for all DNS over UDP (RFC 1035 §2.3.4).
const ONE_SHOT_PACKET: usize = 512;

/// The most frames taken in one poll: under a flood the board has its turn all the same.
const FRAMES: usize = 64;

/// When to give the host addresses again that it had no room for.
const RETRY: Duration = Duration::from_secs(5);

/// How long a unicast answer may wait for its asker's hardware address.
const NEIGHBOR_WAIT: Duration = Duration::from_millis(100);

/// How often such a wait may be: askers that do not exist take a tenth of the time and no more.
const NEIGHBOR_INTERVAL: Duration = Duration::from_secs(1);

/// Why it could not be started. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The storage has no row for so many links, or it was started before. No link was added; with fewer families `start` can be tried
    /// again, with the seed of the first time.
    Full,
    /// A buffer of the socket, or its packet metadata, has no room for one packet of [`Config::packet_max`] bytes.
    Buffer,
    /// The socket is bound already.
    Bound,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartError::Full => "no row for so many links, or started before",
            StartError::Buffer => "the socket has no room for a packet of `packet_max` bytes",
            StartError::Bound => "the socket is bound already",
        })
    }
}

impl core::error::Error for StartError {}

impl From<Full> for StartError {
    fn from(_: Full) -> Self {
        StartError::Full
    }
}

/// A [`Host`] on a smoltcp interface. All that is not about the network is the host's own, and reached through it; it wants the
/// time as [`at`] gives it.
pub struct Mdns<S: Storage> {
    host: Host<S>,
    packet_max: usize,
    socket: Option<SocketHandle>,
    /// The socket of one-shot questions, if there is one.
    one_shot: Option<SocketHandle>,
    /// At most one a family.
    links: Vec<Link, 2>,
    is_plugged: bool,
    /// What the host was told last.
    addresses: Vec<Subnet, IFACE_MAX_ADDR_COUNT>,
    /// When to give them again, if not all of them found room.
    retry: Option<Instant>,
    /// What is in the socket has one receiver, whom smoltcp may have to find first.
    is_unicast: bool,
    /// When an answer last began to wait for its receiver.
    waits_since: Option<Instant>,
    dropped: u32,
    /// The last poll ended before everything was done.
    is_behind: bool,
}

/// One family on the interface.
struct Link {
    id: LinkId,
    family: Family,
    /// There is a cable and an address, and the group is joined.
    is_up: bool,
}

impl<S: Storage> Mdns<S> {
    /// Does nothing until it is [started](Self::start). For a `static`.
    pub const fn new(config: Config) -> Self {
        Mdns {
            host: Host::new(config),
            packet_max: config.packet_max,
            socket: None,
            one_shot: None,
            links: Vec::new(),
            is_plugged: false,
            addresses: Vec::new(),
            retry: None,
            is_unicast: false,
            waits_since: None,
            dropped: 0,
            is_behind: false,
        }
    }

    /// Starts it, once: adds the socket to the set, a link for each family. See [`Host::start`] for the seed.
    ///
    /// The socket needs room for one packet of [`Config::packet_max`] bytes each way; its receive buffer need not be larger,
    /// but should have metadata for two packets. A `device` is asked for its MTU.
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Panics
    /// As `SocketSet::add` does, when the set is full.
    #[inline(never)]
    pub fn start<'a>(
        &mut self,
        now: smoltcp::time::Instant,
        seed: u64,
        families: &[Family],
        device: &(impl Device + ?Sized),
        sockets: &mut SocketSet<'a>,
        mut socket: udp::Socket<'a>,
    ) -> Result<(), StartError> {
        if self.socket.is_some() {
            return Err(StartError::Full);
        }
        let packets = socket
            .packet_recv_capacity()
            .min(socket.packet_send_capacity());
        let bytes = socket
            .payload_recv_capacity()
            .min(socket.payload_send_capacity());
        if packets == 0 || bytes < self.packet_max {
            return Err(StartError::Buffer);
        }
        socket.bind(PORT).map_err(|_| StartError::Bound)?;
        socket.set_hop_limit(Some(HOP_LIMIT));

        self.host.start(at(now), seed);
        let mtu = u16::try_from(device.capabilities().ip_mtu()).unwrap_or(u16::MAX);
        for &family in families {
            if let Err(full) = self.add_link(at(now), family, mtu) {
                for link in &self.links {
                    self.host.remove_link(at(now), link.id);
                }
                self.links.clear();
                return Err(full.into());
            }
        }
        self.socket = Some(sockets.add(socket));
        Ok(())
    }

    /// Adds a second socket, for one-shot questions (RFC 6762 §5.1): the answer to a look-up, a resolve or a query then comes at once,
    /// even if its owner has multicast it within the last second. Without it everything works, and a board that looks nothing up
    /// has no need of it. It may be added before the start or after.
    ///
    /// `port` is one that strangers cannot guess: drawn at random from 49152 to 65535. The socket needs room for one packet of 512
    /// bytes each way; a longer answer than it has room for is lost.
    ///
    /// # Errors
    /// See [`StartError`]. [`Bound`](StartError::Bound) for the ports 0 and 5353, too.
    ///
    /// # Panics
    /// As `SocketSet::add` does, when the set is full.
    pub fn add_one_shot<'a>(
        &mut self,
        sockets: &mut SocketSet<'a>,
        mut socket: udp::Socket<'a>,
        port: u16,
    ) -> Result<(), StartError> {
        let packets = socket
            .packet_recv_capacity()
            .min(socket.packet_send_capacity());
        let bytes = socket
            .payload_recv_capacity()
            .min(socket.payload_send_capacity());
        if packets == 0 || bytes < ONE_SHOT_PACKET {
            return Err(StartError::Buffer);
        }
        if port == PORT || self.one_shot.is_some() || socket.bind(port).is_err() {
            return Err(StartError::Bound);
        }
        socket.set_hop_limit(Some(HOP_LIMIT));
        self.one_shot = Some(sockets.add(socket));
        for link in &self.links {
            self.host.set_one_shot(link.id, true);
        }
        Ok(())
    }

    fn add_link(&mut self, now: Instant, family: Family, mtu: u16) -> Result<(), Full> {
        if self.links.is_full() {
            return Err(Full);
        }
        let id = self.host.add_link(
            now,
            LinkConfig {
                interface: INTERFACE,
                family,
                mtu,
                unicast: true,
                ..LinkConfig::MULTICAST
            },
        )?;
        // It is up when there is a cable and an address.
        self.host.link_down(now, id);
        self.host.set_one_shot(id, self.one_shot.is_some());
        let link = Link {
            id,
            family,
            is_up: false,
        };
        self.links.push(link).map_err(|_| Full)
    }

    /// The link of a family, which [`start`](Self::start) added.
    pub fn link(&self, family: Family) -> Option<LinkId> {
        Some(self.links.iter().find(|link| link.family == family)?.id)
    }

    /// Whether a family is served: there is a cable, the interface has an address of it, and its table had room for the group.
    pub fn is_up(&self, family: Family) -> bool {
        self.links
            .iter()
            .any(|link| link.family == family && link.is_up)
    }

    /// Whether the interface has addresses that the storage has no room for. Those that found some are answered for; the others are tried
    /// again when the interface has other addresses, and every few seconds, for something else may have made room.
    pub fn lacks_address_rows(&self) -> bool {
        self.retry.is_some()
    }

    /// Unicast answers that were dropped because their receiver did not tell its hardware address.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The cable is in (again), or leads to another network now: names are probed for.
    pub fn link_up(&mut self, now: smoltcp::time::Instant) {
        self.link_down(now);
        self.is_plugged = true;
    }

    /// The cable is out. What was heard is forgotten in time.
    pub fn link_down(&mut self, now: smoltcp::time::Instant) {
        self.is_plugged = false;
        for link in self.links.iter_mut().filter(|link| link.is_up) {
            link.is_up = false;
            self.host.link_down(at(now), link.id);
        }
    }

    /// Takes in what has come, frame by frame, and sends what is due; for all sockets of the set. Call it whenever a frame has
    /// come, a command was given, or [`poll_at`](Self::poll_at) has come; then take the [events](Host::poll_event).
    ///
    /// `packet` is where packets are written before they are sent, at least [`Config::packet_max`] bytes; what is in it between
    /// polls does not matter. Tells whether anything changed for the other sockets, as `Interface::poll` does.
    #[inline(never)]
    pub fn poll(
        &mut self,
        now: smoltcp::time::Instant,
        interface: &mut Interface,
        device: &mut (impl Device + ?Sized),
        sockets: &mut SocketSet<'_>,
        packet: &mut [u8],
    ) -> PollResult {
        let mut result = PollResult::None;
        interface.poll_maintenance(now);
        for _ in 0..FRAMES {
            let heard = ingress(now, interface, device, sockets);
            let is_said = self.exchange(now, interface, sockets, packet);
            let sent = egress(now, interface, device, sockets);
            if heard == PollIngressSingleResult::SocketStateChanged
                || sent == PollResult::SocketStateChanged
            {
                result = PollResult::SocketStateChanged;
            } else if heard == PollIngressSingleResult::None && !is_said {
                self.is_behind = false;
                return result;
            }
        }
        self.is_behind = true;
        result
    }

    /// When to poll again, if no frame comes before.
    pub fn poll_at(
        &self,
        now: smoltcp::time::Instant,
        interface: &mut Interface,
        sockets: &SocketSet<'_>,
    ) -> Option<smoltcp::time::Instant> {
        if self.is_behind {
            return Some(now);
        }
        // What waited longer has been dropped.
        let waits = self.waits_since.map(|since| since + NEIGHBOR_WAIT);
        let waits = waits.filter(|&waits| waits > at(now));
        let ours = [self.host.poll_timeout(), waits, self.retry];
        let ours = ours.into_iter().flatten().filter_map(back);
        ours.chain(interface.poll_at(now, sockets)).min()
    }

    // What follows is kept apart, so that on the small stack of a board the frames of one are not below those of the other.

    /// What passes between the socket and the host, at most one packet from it. `true` if there may be more to do.
    #[inline(never)]
    fn exchange(
        &mut self,
        now: smoltcp::time::Instant,
        interface: &mut Interface,
        sockets: &mut SocketSet<'_>,
        packet: &mut [u8],
    ) -> bool {
        let Some(handle) = self.socket else {
            return false;
        };
        let now = at(now);
        let has_changed = self.follow(now, interface);
        self.receive(now, interface, sockets.get_mut(handle), SourcePort::Mdns);
        if let Some(one_shot) = self.one_shot {
            self.receive(
                now,
                interface,
                sockets.get_mut(one_shot),
                SourcePort::OneShot,
            );
        }
        self.host.handle_timeout(now);

        let socket = sockets.get_mut::<udp::Socket<'_>>(handle);
        if socket.send_queue() == 0 {
            self.waits_since = self.waits_since.filter(|&since| is_fresh(now, since));
            return self.send(now, sockets, handle, packet) || has_changed;
        }
        self.set_writable(false);
        if self.is_unicast && self.is_hopeless(now) {
            self.dropped = self.dropped.saturating_add(1);
            self.socket = Some(emptied(sockets, handle));
            return true;
        }
        has_changed
    }

    /// Follows the addresses of the interface, and joins the groups of the families it has. `true` if it left or joined one.
    #[inline(never)]
    fn follow(&mut self, now: Instant, interface: &mut Interface) -> bool {
        let addresses = interface.ip_addrs().iter().map(subnet);
        let is_news = !addresses.clone().eq(self.addresses.iter().copied());
        if is_news || self.retry.is_some_and(|at| at <= now) {
            self.addresses = addresses.collect();
            let set = self.host.set_addresses(now, INTERFACE, &self.addresses);
            self.retry = set.err().map(|_| now + RETRY);
        }
        let mut has_changed = false;
        for link in &mut self.links {
            let has_address = self
                .addresses
                .iter()
                .any(|subnet| Family::of(&subnet.address) == link.family);
            let Some(group) = address(link.family.group().ip()) else {
                continue;
            };
            // A new report tells the switches of the new network.
            if !link.is_up && interface.has_multicast_group(group) {
                has_changed |= interface.leave_multicast_group(group).is_ok();
            } else if self.is_plugged && has_address && !link.is_up {
                link.is_up = interface.join_multicast_group(group).is_ok();
                if link.is_up {
                    has_changed = true;
                    self.host.link_up(now, link.id);
                }
            } else if link.is_up && !has_address {
                link.is_up = false;
                self.host.link_down(now, link.id);
            }
        }
        has_changed
    }

    #[inline(never)]
    fn receive(
        &mut self,
        now: Instant,
        interface: &Interface,
        socket: &mut udp::Socket<'_>,
        port: SourcePort,
    ) {
        while let Ok((bytes, from)) = socket.recv() {
            let Some(to) = from.local_address else {
                continue;
            };
            let family = Family::of(&to.into());
            let is_group = IpAddr::from(to) == family.group().ip();
            let via = match port {
                SourcePort::Mdns if is_group => Via::Multicast,
                SourcePort::Mdns if interface.has_ip_addr(to) => Via::Unicast,
                SourcePort::OneShot if interface.has_ip_addr(to) => Via::OneShot,
                // A broadcast, or another's group.
                SourcePort::Mdns | SourcePort::OneShot => continue,
            };
            let link = self.links.iter().find(|link| link.family == family);
            if let Some(link) = link.filter(|link| link.is_up) {
                let packet = Packet {
                    source: SocketAddr::from(from.endpoint),
                    via,
                    // A smoltcp socket does not report it.
                    hop_limit: None,
                    bytes,
                };
                self.host.handle_packet(now, link.id, packet);
            }
        }
    }

    #[inline(never)]
    fn send(
        &mut self,
        now: Instant,
        sockets: &mut SocketSet<'_>,
        handle: SocketHandle,
        packet: &mut [u8],
    ) -> bool {
        self.set_writable(true);
        let socket = sockets.get::<udp::Socket<'_>>(handle);
        let room = packet.len().min(socket.payload_send_capacity());
        let Some(transmit) = packet
            .get_mut(..room)
            .and_then(|buffer| self.host.poll_transmit(now, buffer))
        else {
            return false;
        };
        let link = self.links.iter().find(|link| link.id == transmit.link);
        let to = match (transmit.destination, link) {
            (Destination::Unicast(to), _) => Some(to),
            (Destination::Multicast, link) => link.map(|link| link.family.group()),
        };
        let handle = match transmit.source {
            SourcePort::Mdns => Some(handle),
            SourcePort::OneShot => self.one_shot,
        };
        let bytes = packet.get(..transmit.len).unwrap_or(&[]);
        let sent = to
            .and_then(|to| Some((address(to.ip())?, to.port())))
            .zip(handle)
            .map(|(to, handle)| {
                sockets
                    .get_mut::<udp::Socket<'_>>(handle)
                    .send_slice(bytes, to)
            });
        if transmit.source == SourcePort::OneShot {
            // One that is not sent is lost: the same was asked on port 5353.
            return true;
        }
        self.is_unicast = transmit.destination != Destination::Multicast;
        if !matches!(sent, Some(Ok(()))) {
            self.host.send_failed(now, transmit.link);
        }
        true
    }

    fn set_writable(&mut self, is_writable: bool) {
        for link in &self.links {
            self.host.set_writable(link.id, is_writable);
        }
    }

    /// Whether an answer has waited for its receiver long enough.
    fn is_hopeless(&mut self, now: Instant) -> bool {
        let since = *self.waits_since.get_or_insert(now);
        now - since >= NEIGHBOR_WAIT
    }
}

impl<S: Storage> Deref for Mdns<S> {
    type Target = Host<S>;
    fn deref(&self) -> &Host<S> {
        &self.host
    }
}

impl<S: Storage> DerefMut for Mdns<S> {
    fn deref_mut(&mut self) -> &mut Host<S> {
        &mut self.host
    }
}

/// Takes in one frame. Apart, as is [`egress`]: each has room for a frame on the stack.
#[inline(never)]
fn ingress(
    now: smoltcp::time::Instant,
    interface: &mut Interface,
    device: &mut (impl Device + ?Sized),
    sockets: &mut SocketSet<'_>,
) -> PollIngressSingleResult {
    interface.poll_ingress_single(now, device, sockets)
}

#[inline(never)]
fn egress(
    now: smoltcp::time::Instant,
    interface: &mut Interface,
    device: &mut (impl Device + ?Sized),
    sockets: &mut SocketSet<'_>,
) -> PollResult {
    interface.poll_egress(now, device, sockets)
}

/// Whether another answer that waits would be one too many.
fn is_fresh(now: Instant, since: Instant) -> bool {
    now - since < NEIGHBOR_INTERVAL
}

/// Empties a socket, and has smoltcp forget whom it was waiting for: that only a socket new to the set is free of.
fn emptied(sockets: &mut SocketSet<'_>, handle: SocketHandle) -> SocketHandle {
    let nothing = || udp::PacketBuffer::new(&mut [][..], &mut [][..]);
    let empty = udp::Socket::new(nothing(), nothing());
    let mut socket = mem::replace(sockets.get_mut::<udp::Socket<'_>>(handle), empty);
    socket.close();
    // A socket that was closed can be bound, and our port is not 0.
    socket.bind(PORT).ok();
    sockets.remove(handle);
    sockets.add(socket)
}

fn subnet(cidr: &IpCidr) -> Subnet {
    Subnet {
        address: cidr.address().into(),
        prefix_len: cidr.prefix_len(),
    }
}

/// An address as smoltcp has it, if it was built with the family.
fn address(address: IpAddr) -> Option<IpAddress> {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddr::V4(address) => Some(address.into()),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => Some(address.into()),
        #[cfg(not(all(feature = "ipv4", feature = "ipv6")))]
        _ => None,
    }
}
