//! The task that brings frames and time to the machine, and makes the interface have the address that it claims.

use std::{io::ErrorKind, net::Ipv4Addr, os::fd::AsFd as _, time::Duration};

use ipv4ll::{AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Policy};
use mdns_socket::{Interface, Watcher, interfaces};
use tokio::{
    io::Interest,
    net::UdpSocket,
    sync::{mpsc, oneshot, watch},
    time::sleep,
};

use crate::{
    clock::Clock,
    error::Error,
    netlink::Netlink,
    nftables::Rule,
    packet_socket::{PacketSocket, Port, hardware_addresses},
};

/// How many events wait for a slow reader. The task does not: it has an address to defend.
const EVENTS: usize = 16;

/// After a change of the interfaces: how long to wait for the end of the burst.
const BURST: Duration = Duration::from_millis(50);

/// How often to look at the clocks when nothing else happens: a sleep of the machine is noticed by then.
const LOOK: Duration = Duration::from_secs(10);

/// The most frames read in a row: in a flood, time and commands have their turn all the same.
const FRAMES: usize = 64;

/// How to claim an address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The name of the interface.
    pub interface: String,
    /// What to do when another host uses the address. [`Policy::Defend`] by default.
    pub policy: Policy,
    /// The address that the interface had before, which is tried first.
    pub previous: Option<Ipv4Addr>,
    /// Whether to add a default route with the scope *link*, by which routable addresses are asked for on the link too (RFC 3927 §2.6.2). Not by
    /// default: without a DHCP server for a moment, the host would ask the link for each address of the Internet.
    pub default_route: bool,
    /// Whether to have nftables send the kernel's ARP packets for link-local addresses to all (RFC 3927 §2.5). Not by default. If that
    /// is impossible, the first result is [`Error::Rule`], and all else works.
    pub broadcast_arp: bool,
}

impl Options {
    /// Returns the usual options for this interface.
    pub fn new(interface: impl Into<String>) -> Self {
        Options {
            interface: interface.into(),
            policy: Policy::default(),
            previous: None,
            default_route: false,
            broadcast_arp: false,
        }
    }
}

/// A link-local address that is claimed, configured and defended on one interface, until this is dropped.
///
/// The address is added to the interface with [`Event::Claimed`] and removed with [`Event::Lost`]. While the interface has another IPv4 address
/// that is not link-local, there is none (RFC 3927 §1.9). Link-local addresses that the interface has at the start, left behind by
/// a program that was killed, are removed; the last of them is tried first if [`Options::previous`] says nothing else.
#[derive(Debug)]
pub struct AddressClaim {
    events: mpsc::Receiver<Result<Event, Error>>,
    address: watch::Receiver<Option<Ipv4Addr>>,
    stop: oneshot::Sender<()>,
}

impl AddressClaim {
    /// Starts to claim an address, in a task of the current runtime, whose drivers of IO and time must be enabled.
    ///
    /// # Errors
    /// If there is no such interface, or it is not Ethernet, or the program lacks a capability.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: Options) -> Result<Self, Error> {
        let (sender, events) = mpsc::channel(EVENTS);
        let (told, address) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        // Before the first look at the interfaces, so that no change is missed.
        let (watcher, changes) = watch_interfaces()?;
        let port = OpenPort::open(&options.interface)?;
        let netlink = Netlink::open(port.port.index)?;
        let mut task = Task {
            machine: machine(port.port.hardware)?,
            port: Some(port),
            watcher,
            changes,
            netlink,
            clock: Clock::new(),
            configured: None,
            events: sender,
            told,
            options,
        };
        task.machine.set_policy(task.options.policy);
        let left_behind = task.remove_left_behind()?;
        let previous = task.options.previous.or(left_behind);
        let now = task.clock.now();
        task.machine.link_down(now);
        task.look(now);
        task.machine.start(now, previous);
        tokio::spawn(task.run(stopped));
        Ok(AddressClaim {
            events,
            address,
            stop,
        })
    }

    /// Returns what happens next, after it is true of the interface; `None` when the task has ended. A fault of the system comes as
    /// an error; if it is that the address cannot be configured, the task has ended.
    ///
    /// Of 16 events and more that nobody has read, the later ones are lost; [`address`](Self::address) is right all the same.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.events.recv().await
    }

    /// Returns the address that the interface has from here.
    pub fn address(&self) -> Option<Ipv4Addr> {
        *self.address.borrow()
    }

    /// Removes the address and the rule, and waits until that is done.
    pub async fn stop(mut self) {
        // If nobody listens, the task has ended.
        self.stop.send(()).ok();
        while self.events.recv().await.is_some() {}
    }
}

/// What was found about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// No other host on the link uses it.
    Unused,
    /// A host with this hardware address uses it, or wants to at the same time.
    Used(HardwareAddress),
}

/// Looks whether another host on the link of an interface uses an address (RFC 5227 §2.1). It takes 4 to 7 seconds if none does.
///
/// # Errors
/// If there is no such interface, or it is not Ethernet or has no link, or loses it meanwhile, or the program lacks `CAP_NET_RAW`, or no host can have
/// the address.
pub async fn check(interface: &str, address: Ipv4Addr) -> Result<Usage, Error> {
    // Before the first look at the interfaces, so that no change is missed.
    let (watcher, changes) = watch_interfaces()?;
    let port = OpenPort::open(interface)?;
    let has_link = || {
        let all = interfaces().map_err(|error| Error::System("list interfaces", error))?;
        let state = all.iter().find(|one| one.index == port.port.index);
        // Without a link nobody could object: that is no sign that nobody would.
        match state.is_some_and(|state| state.is_up && state.has_carrier) {
            true => Ok(()),
            false => Err(Error::NoLink(interface.to_owned())),
        }
    };
    has_link()?;
    let clock = Clock::new();
    let mut machine = machine(port.port.hardware)?;
    machine.check(clock.now(), address)?;
    let own = hardware_addresses();
    loop {
        let now = clock.now();
        machine.handle_timeout(now);
        port.send(&mut machine, now)?;
        while let Some(event) = machine.poll_event() {
            match event {
                Event::Unused { .. } => return has_link().map(|()| Usage::Unused),
                Event::Conflict { hardware, .. } => return Ok(Usage::Used(hardware)),
                _ => {}
            }
        }
        let timeout = until(&machine, now);
        tokio::select! {
            received = port.receive(&mut machine, &clock, &own) => received?,
            _ = changes.readable() => {
                drain_changes(&watcher, &changes);
                has_link()?;
            }
            () = sleep(timeout) => {}
        }
    }
}

/// Forgets which changes there were: they are looked at together.
fn drain_changes(watcher: &Watcher, changes: &UdpSocket) {
    // Read by way of tokio, which then knows that the socket is no longer readable.
    changes
        .try_io(Interest::READABLE, || {
            watcher.drain()?;
            Err::<(), _>(ErrorKind::WouldBlock.into())
        })
        .ok();
}

fn machine(hardware: HardwareAddress) -> Result<AddressMachine, Error> {
    let seed = getrandom::u64();
    let seed =
        seed.map_err(|error| Error::System("draw a random seed", std::io::Error::other(error)))?;
    Ok(AddressMachine::new(hardware, seed))
}

/// Watches the interfaces; the second is readable when the first has seen a change.
fn watch_interfaces() -> Result<(Watcher, UdpSocket), Error> {
    let watch = || {
        let watcher = Watcher::new()?;
        // Not UDP: it is how tokio waits for any socket without unsafe code.
        let readable = std::net::UdpSocket::from(watcher.as_fd().try_clone_to_owned()?);
        Ok((watcher, UdpSocket::from_std(readable)?))
    };
    watch().map_err(|error| Error::System("watch interfaces", error))
}

/// How long to wait for the machine's next deadline.
fn until(machine: &AddressMachine, now: Instant) -> Duration {
    let next = machine.poll_timeout().map(|next| next - now);
    next.unwrap_or(LOOK).min(LOOK)
}

/// The packet socket of an interface.
#[derive(Debug)]
struct OpenPort {
    socket: PacketSocket,
    port: Port,
}

impl OpenPort {
    fn open(name: &str) -> Result<Self, Error> {
        let (socket, port) = PacketSocket::open(name)?;
        Ok(OpenPort { socket, port })
    }

    /// Waits for frames, and hands them to the machine.
    async fn receive(
        &self,
        machine: &mut AddressMachine,
        clock: &Clock,
        own: &[HardwareAddress],
    ) -> Result<(), Error> {
        let ready = self.socket.readable().await;
        ready.map_err(|error| Error::System("receive ARP packets", error))?;
        let mut buffer = [0; 64];
        for _ in 0..FRAMES {
            match self.socket.receive(&mut buffer) {
                Ok(Some(frame)) => machine.handle_frame_of_host(clock.now(), frame, own),
                // An error says that the interface has gone down, which is looked at elsewhere.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Sends what is due. A frame that cannot be sent now is lost, as it may be on any link.
    fn send(&self, machine: &mut AddressMachine, now: Instant) -> Result<(), Error> {
        let mut frame = [0; FRAME_LEN];
        while machine.poll_transmit(now, &mut frame).is_some() {
            self.socket.send(&frame).ok();
        }
        Ok(())
    }
}

/// The task has nothing more to do: nobody wants to know, or the address cannot be configured.
struct Ended;

struct Task {
    machine: AddressMachine,
    /// `None` while there is no interface of that name.
    port: Option<OpenPort>,
    watcher: Watcher,
    changes: UdpSocket,
    netlink: Netlink,
    clock: Clock,
    /// The address that the interface has from here.
    configured: Option<Ipv4Addr>,
    events: mpsc::Sender<Result<Event, Error>>,
    told: watch::Sender<Option<Ipv4Addr>>,
    options: Options,
}

impl Task {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        // The kernel replies for each address that is configured.
        self.machine.set_replies(false);
        let mut rule = None;
        if let (true, Some(port)) = (self.options.broadcast_arp, &self.port) {
            match Rule::install(&self.options.interface, port.port.index).await {
                Ok(installed) => rule = Some(installed),
                Err(error) => drop(self.tell(Err(error))),
            }
        }
        let own = hardware_addresses();
        loop {
            let now = self.clock.now();
            self.machine.handle_timeout(now);
            if self.advance(now).is_err() {
                break;
            }
            let timeout = until(&self.machine, now);
            let frames = async {
                match &self.port {
                    Some(port) => port.receive(&mut self.machine, &self.clock, &own).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = &mut stopped => break,
                () = self.events.closed() => break,
                received = frames => if let Err(error) = received {
                    self.port = None;
                    self.tell(Err(error)).ok();
                },
                _ = self.changes.readable() => {
                    sleep(BURST).await;
                    drain_changes(&self.watcher, &self.changes);
                    let now = self.clock.now();
                    self.look(now);
                }
                () = sleep(timeout) => {}
            }
            // RFC 3927 §2.2: after waking up, the link may be another.
            if self.clock.has_slept() {
                let now = self.clock.now();
                self.machine.link_down(now);
                self.look(now);
            }
        }
        if let Some(address) = self.configured {
            if let Err(error) = self.netlink.remove(address) {
                self.tell(Err(error)).ok();
            }
            self.told.send_replace(None);
        }
        if let Some(rule) = rule
            && let Err(error) = rule.remove().await
        {
            self.tell(Err(error)).ok();
        }
    }

    /// Tells of an event, if there is room. An error when nobody wants to know any more.
    fn tell(&self, result: Result<Event, Error>) -> Result<(), Ended> {
        match self.events.try_send(result) {
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Ended),
            _ => Ok(()),
        }
    }

    /// Sends frames, changes the interface, and tells of it.
    fn advance(&mut self, now: Instant) -> Result<(), Ended> {
        if let Some(port) = &self.port
            && let Err(error) = port.send(&mut self.machine, now)
        {
            self.tell(Err(error))?;
        }
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Claimed { address } => {
                    if let Err(error) = self.netlink.add(address, self.options.default_route) {
                        self.tell(Err(error))?;
                        return Err(Ended);
                    }
                    self.configured = Some(address);
                }
                Event::Lost { address } => {
                    self.configured = None;
                    if let Err(error) = self.netlink.remove(address) {
                        self.tell(Err(error))?;
                    }
                }
                _ => {}
            }
            self.told.send_replace(self.configured);
            self.tell(Ok(event))?;
        }
        Ok(())
    }

    /// Looks at the interface: whether it is there, has a link, and a routable address.
    fn look(&mut self, now: Instant) {
        let Ok(all) = interfaces() else {
            // Not known for now: as it was.
            return;
        };
        let interface = all.iter().find(|one| one.name == self.options.interface);
        let index = self.port.as_ref().map(|port| port.port.index);
        if interface.map(|one| one.index) != index {
            self.reopen(now);
        }
        let has_link = |one: &&Interface| one.is_up && one.has_carrier;
        match interface.filter(has_link) {
            Some(interface) if self.port.is_some() => {
                let others = interface.addresses.iter().map(|address| address.ip);
                let is_routable = others.into_iter().any(|ip| match ip {
                    std::net::IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_loopback(),
                    std::net::IpAddr::V6(_) => false,
                });
                self.machine.set_routable(now, is_routable);
                // Somebody has removed the address: it is claimed anew.
                if let Some(configured) = self.configured
                    && !interface.addresses.iter().any(|one| one.ip == configured)
                {
                    self.machine.link_down(now);
                }
                self.machine.link_up(now);
            }
            _ => self.machine.link_down(now),
        }
    }

    /// The interface has gone, or another has its name now.
    fn reopen(&mut self, now: Instant) {
        self.machine.link_down(now);
        self.configured = None;
        self.port = None;
        let Ok(port) = OpenPort::open(&self.options.interface) else {
            return;
        };
        let Ok(netlink) = Netlink::open(port.port.index) else {
            return;
        };
        if port.port.hardware != self.machine.hardware()
            && let Ok(mut machine) = machine(port.port.hardware)
        {
            machine.set_policy(self.options.policy);
            machine.set_replies(false);
            machine.link_down(now);
            machine.start(now, None);
            self.machine = machine;
            self.told.send_replace(None);
        }
        self.netlink = netlink;
        self.port = Some(port);
    }

    /// Removes link-local addresses of the interface that nobody defends, and returns the last.
    fn remove_left_behind(&self) -> Result<Option<Ipv4Addr>, Error> {
        let all = interfaces().map_err(|error| Error::System("list interfaces", error))?;
        let mut last = None;
        for interface in all.iter().filter(|one| one.name == self.options.interface) {
            for address in &interface.addresses {
                if let std::net::IpAddr::V4(ip) = address.ip
                    && ip.is_link_local()
                {
                    self.netlink.remove(ip)?;
                    last = Some(ip);
                }
            }
        }
        Ok(last)
    }
}
