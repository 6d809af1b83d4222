//! An event loop of one's own: `mdns_proto::host::Host` on plain sockets, with a blocking wait.
//!
//! `docs/custom-event-loop.md` walks through it.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    host::Host,
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, Packet, SourcePort, Subnet, Via},
    store::Heap,
    time::Instant,
};
use mdns_socket::{Interface, LinkSocket, OneShotSocket, Selection, Watcher, interfaces};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Room for the largest datagram that `Config::packet_max` promises to bring.
const BUFFER: usize = 9000;

/// The most datagrams that are read before time has its turn: there may be no end of them.
const TURN: usize = 64;

/// Changes of interfaces come in bursts: how long to wait for the rest.
const SETTLE: Duration = Duration::from_millis(100);

/// How long goodbyes may take (RFC 6762 §10.1).
const GOODBYE: Duration = Duration::from_secs(1);

pub(crate) struct Looper {
    /// Give it commands at any time; then go round the loop again.
    pub(crate) host: Host<Heap>,
    start: std::time::Instant,
    selection: Selection,
    watcher: Watcher,
    /// When to look at the interfaces again.
    look: Option<Instant>,
    has_looked: bool,
    links: Vec<Link>,
    buffer: Box<[u8; BUFFER]>,
}

/// One interface and one IP family.
struct Link {
    id: LinkId,
    interface: u32,
    family: Family,
    socket: LinkSocket,
    /// Where one-shot questions leave from; without it the first answer may come up to a second later.
    one_shot: Option<OneShotSocket>,
    /// A datagram that the socket had no room for.
    waiting: Option<(Vec<u8>, SocketAddr)>,
}

impl Looper {
    pub(crate) fn new(selection: Selection) -> io::Result<Self> {
        // Nobody else can guess it, and no other process has it.
        let seed = RandomState::new().build_hasher().finish();
        let mut looper = Looper {
            host: Host::started(Config::DEFAULT, Instant::ZERO, seed),
            start: std::time::Instant::now(),
            selection,
            // Before the first look, so that no change is missed.
            watcher: Watcher::new()?,
            look: None,
            has_looked: false,
            links: Vec::new(),
            buffer: Box::new([0; BUFFER]),
        };
        looper.look()?;
        Ok(looper)
    }

    /// The time, as the core has it: microseconds since the start.
    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// Sends all that is to be sent. Then take the events of `host`, and [`wait`](Self::wait).
    pub(crate) fn send(&mut self) {
        let now = self.now();
        while let Some(transmit) = self.host.poll_transmit(now, &mut *self.buffer) {
            let Some(link) = self.links.iter_mut().find(|link| link.id == transmit.link) else {
                continue;
            };
            if transmit.source == SourcePort::OneShot {
                link.ask(&self.buffer[..transmit.len]);
                continue;
            }
            let destination = match transmit.destination {
                Destination::Multicast => link.socket.group(),
                Destination::Unicast(address) => address,
            };
            link.send(
                &mut self.host,
                now,
                &self.buffer[..transmit.len],
                destination,
            );
        }
    }

    /// Waits until something is heard, or time has passed, or `other` has something to read; at most for `limit`.
    ///
    /// Returns whether `other` has.
    pub(crate) fn wait(&mut self, other: Option<&UdpSocket>, limit: Duration) -> io::Result<bool> {
        let next = self.host.poll_timeout().into_iter().chain(self.look).min();
        let timeout = next.map_or(limit, |next| next.since(self.now()).min(limit));
        let timeout = Timespec::try_from(timeout).ok();

        let mut waits = vec![PollFd::new(&self.watcher, PollFlags::IN)];
        for link in &self.links {
            let flags = match link.waiting {
                Some(_) => PollFlags::IN | PollFlags::OUT,
                None => PollFlags::IN,
            };
            waits.push(PollFd::new(link.socket.socket(), flags));
            let one_shot = link.one_shot.iter();
            waits.extend(one_shot.map(|socket| PollFd::new(socket.socket(), PollFlags::IN)));
        }
        waits.extend(other.map(|other| PollFd::new(other, PollFlags::IN)));
        match poll(&mut waits, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            waited => drop(waited?),
        }
        let ready: Vec<PollFlags> = waits.iter().map(PollFd::revents).collect();

        let now = self.now();
        let mut sockets = ready[1..].iter();
        for link in &mut self.links {
            let Some(ready) = sockets.next() else { break };
            if ready.contains(PollFlags::OUT) {
                link.send_waiting(&mut self.host, now);
            }
            if link.one_shot.is_some() && sockets.next().is_some_and(|ready| !ready.is_empty()) {
                link.read_one_shot(&mut self.host, now, &mut *self.buffer);
            }
            // Also when there is an error to be read.
            if !ready.difference(PollFlags::OUT).is_empty() {
                link.read(&mut self.host, now, &mut *self.buffer);
            }
        }
        if !ready[0].is_empty() && self.watcher.drain()? {
            self.look = self.look.or(Some(now + SETTLE));
        }
        if self.look.is_some_and(|look| look <= now) {
            self.look()?;
        }
        self.host.handle_timeout(now);
        Ok(other.is_some() && ready.last().is_some_and(|ready| !ready.is_empty()))
    }

    /// Withdraws everything, and goes on until all goodbyes are said: a second at most.
    pub(crate) fn leave(mut self) -> io::Result<()> {
        let end = self.now() + GOODBYE;
        self.host.shutdown(self.now());
        loop {
            self.send();
            while self.host.poll_event().is_some() {}
            let left = end.since(self.now());
            if self.host.is_silent() || left.is_zero() {
                return Ok(());
            }
            self.wait(None, left)?;
        }
    }

    /// Looks at the interfaces: closes links that cannot be used any more, tells the addresses, opens new links.
    fn look(&mut self) -> io::Result<()> {
        self.look = None;
        let now = self.now();
        // What is up at the first look was up before the program began.
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let (found, selection) = (interfaces()?, self.selection.clone());
        let wanted: Vec<(&Interface, Family)> = selection.links(&found).collect();
        self.links.retain(|link| {
            let mut wanted = wanted.iter();
            let is_wanted = wanted.any(|(interface, family)| link.is_on(interface, *family));
            if !is_wanted {
                self.host.remove_link(now, link.id);
                // Told anew below, if the interface is still there. Taking away never fails.
                let _ = self
                    .host
                    .set_addresses(now, InterfaceId(link.interface), &[]);
            }
            is_wanted
        });
        for interface in &found {
            // An interface that is not used has no addresses to be answered for.
            let is_used = wanted.iter().any(|(used, _)| used.index == interface.index);
            let ready = interface
                .addresses
                .iter()
                .filter(|address| is_used && address.is_ready);
            let subnets: Vec<Subnet> = ready
                .map(|address| Subnet {
                    address: address.ip,
                    prefix_len: address.prefix_len,
                })
                .collect();
            if self
                .host
                .set_addresses(now, InterfaceId(interface.index), &subnets)
                .is_err()
            {
                eprintln!("{} has too many addresses", interface.name);
            }
        }
        for (interface, family) in wanted {
            let mut links = self.links.iter();
            if let Some(link) = links.find(|link| link.is_on(interface, family)) {
                let has_route = family == Family::V4 && interface.has_link_local_route;
                self.host.set_link_local_route(link.id, has_route);
                continue;
            }
            match LinkSocket::open(interface, family) {
                Ok(socket) => self.add(now, interface, family, socket, is_first),
                Err(error) => eprintln!("{error}"),
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        now: Instant,
        interface: &Interface,
        family: Family,
        socket: LinkSocket,
        is_running: bool,
    ) {
        let config = LinkConfig {
            interface: InterfaceId(interface.index),
            family,
            mtu: u16::try_from(interface.mtu).unwrap_or(u16::MAX),
            // There is no socket for it here.
            unicast: false,
            ..LinkConfig::MULTICAST
        };
        let added = if is_running {
            self.host.add_running_link(now, config)
        } else {
            self.host.add_link(now, config)
        };
        match added {
            Ok(id) => {
                let one_shot = OneShotSocket::open(interface, family).ok();
                self.host.set_one_shot(id, one_shot.is_some());
                self.links.push(Link {
                    id,
                    interface: interface.index,
                    family,
                    socket,
                    one_shot,
                    waiting: None,
                });
            }
            Err(full) => eprintln!("{} {family}: {full}", interface.name),
        }
    }
}

impl Link {
    fn is_on(&self, interface: &Interface, family: Family) -> bool {
        self.interface == interface.index && self.family == family
    }

    /// Sends a one-shot question. One that is not sent is lost: the same was asked on port 5353.
    fn ask(&self, datagram: &[u8]) {
        if let Some(socket) = &self.one_shot
            && let Err(error) = socket.ask(datagram)
        {
            eprintln!("cannot ask: {error}");
        }
    }

    fn send(
        &mut self,
        host: &mut Host<Heap>,
        now: Instant,
        datagram: &[u8],
        destination: SocketAddr,
    ) {
        match self.socket.send_to(datagram, destination) {
            Ok(()) => {}
            // What was polled counts as sent: keep it, and ask this link for no more until it is gone.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                host.set_writable(self.id, false);
                self.waiting = Some((datagram.into(), destination));
            }
            // An answer to one asker is lost as on a wire: he must not be able to make the link begin anew.
            Err(error) if destination != self.socket.group() => {
                eprintln!("cannot answer {destination}: {error}");
            }
            Err(error) => {
                eprintln!("cannot send: {error}");
                host.send_failed(now, self.id);
            }
        }
    }

    fn send_waiting(&mut self, host: &mut Host<Heap>, now: Instant) {
        if let Some((datagram, destination)) = self.waiting.take() {
            host.set_writable(self.id, true);
            self.send(host, now, &datagram, destination);
        }
    }

    fn read_one_shot(&self, host: &mut Host<Heap>, now: Instant, buffer: &mut [u8]) {
        let Some(socket) = &self.one_shot else { return };
        for _ in 0..TURN {
            let Ok(received) = socket.recv_from(buffer) else {
                return;
            };
            // Where the system tells of another interface, it is not for this link.
            if received.interface.is_none_or(|by| by == self.interface) {
                let packet = Packet {
                    source: received.source,
                    via: Via::OneShot,
                    hop_limit: received.hop_limit,
                    bytes: &buffer[..received.len],
                };
                host.handle_packet(now, self.id, packet);
            }
        }
    }

    fn read(&mut self, host: &mut Host<Heap>, now: Instant, buffer: &mut [u8]) {
        for _ in 0..TURN {
            let Ok(received) = self.socket.recv_from(buffer) else {
                return;
            };
            let packet = Packet {
                source: received.source,
                // Where a socket cannot be bound to the group, it gets unicast too.
                via: match received.destination {
                    Some(to) if !to.is_multicast() => Via::Unicast,
                    _ => Via::Multicast,
                },
                hop_limit: received.hop_limit,
                bytes: &buffer[..received.len],
            };
            host.handle_packet(now, self.id, packet);
        }
    }
}
