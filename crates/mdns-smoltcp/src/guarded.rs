//! A device that sees ARP: link-local addresses (RFC 3927) and conflict detection (RFC 5227) below smoltcp, which has neither.
//!
//! ```text
//!    Interface ◀── addresses ── Guarded::poll
//!        │  frames                 │
//!        ▼                         ▼
//!     Guarded  ── ARP frames ──▶ AddressMachine
//!        │  ◀── probes, announcements, replies ──┘
//!        ▼
//!      device
//! ```
//!
//! By itself smoltcp 0.14 does not answer ARP probes for its address, answers a host that takes its address, and adds that host to its
//! neighbours. Here the machine replies to those whom smoltcp ignores, and a host that takes the address is kept from smoltcp.

use ipv4ll::{AddressError, AddressMachine, Event, FRAME_LEN, HardwareAddress, Policy, arp::Frame};
use mdns_proto::store::Full;
use smoltcp::{
    iface::Interface,
    phy::{Device, DeviceCapabilities, RxToken, TxToken},
    time::Instant,
    wire::{EthernetAddress, Ipv4Address, Ipv4Cidr},
};

use crate::time::{at, back};

/// The length of the prefix 169.254/16, which is never subnetted (RFC 3927 §2.8).
const LINK_LOCAL_PREFIX: u8 = 16;

/// A device for Ethernet whose interface has one IPv4 address that is claimed and defended.
///
/// Give it to smoltcp, and to [`Mdns::poll`](crate::Mdns::poll), in place of the device, and call [`poll`](Self::poll) before each poll of the
/// interface. It adds the address to the interface when it is claimed and removes it when it is lost; mDNS follows by itself.
///
/// ```
/// use mdns_smoltcp::Guarded;
/// use smoltcp::{
///     iface::{Config, Interface},
///     phy::{Loopback, Medium},
///     time::{Duration, Instant},
///     wire::EthernetAddress,
/// };
///
/// let hardware = EthernetAddress([2, 0, 0, 0, 0, 1]);
/// let mut device = Guarded::new(Loopback::new(Medium::Ethernet), hardware, 0x5eed);
/// let mut now = Instant::ZERO;
/// let mut interface = Interface::new(Config::new(hardware.into()), &mut device, now);
/// device.start(now, None);
/// while interface.ipv4_addr().is_none() {
///     now = device.poll_at().expect("a claim is under way").max(now);
///     device.poll(now, &mut interface)?;
/// }
/// assert!(interface.ipv4_addr().is_some_and(|address| address.is_link_local()));
/// assert!(now <= Instant::from_secs(7));
/// # Ok::<(), mdns_smoltcp::proto::store::Full>(())
/// ```
///
/// # With DHCP
///
/// When the DHCP socket has an address, [`claim`](Self::claim) it instead of adding it to the interface: the link-local address goes, and
/// that of DHCP comes when no other host uses it. When the lease is lost, [`start`](Self::start) again.
#[derive(Debug)]
pub struct Guarded<D> {
    device: D,
    machine: AddressMachine,
    /// The address that the interface has from here.
    configured: Option<Ipv4Cidr>,
    /// The prefix of the address that is claimed.
    prefix_len: u8,
}

impl<D: Device> Guarded<D> {
    /// Wraps the device with this hardware address, whose cable is in. See [`AddressMachine::new`] for the seed.
    pub const fn new(device: D, hardware: EthernetAddress, seed: u64) -> Self {
        Guarded {
            device,
            machine: AddressMachine::new(HardwareAddress(hardware.0), seed),
            configured: None,
            prefix_len: LINK_LOCAL_PREFIX,
        }
    }

    /// Returns the device itself.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Returns the device itself. What is received there past smoltcp is not seen here.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Sets what happens at the next conflict. See [`Policy`].
    pub fn set_policy(&mut self, policy: Policy) {
        self.machine.set_policy(policy);
    }

    /// Starts to claim a link-local address, `previous` first. See [`AddressMachine::start`].
    pub fn start(&mut self, now: Instant, previous: Option<Ipv4Address>) {
        self.prefix_len = LINK_LOCAL_PREFIX;
        self.machine.start(at(now), previous);
    }

    /// Starts to claim a given address, of DHCP or a person, with its prefix. See [`AddressMachine::claim`].
    ///
    /// # Errors
    /// If no host can have this address; nothing has changed then.
    pub fn claim(&mut self, now: Instant, address: Ipv4Cidr) -> Result<(), AddressError> {
        self.machine.claim(at(now), address.address())?;
        self.prefix_len = address.prefix_len();
        Ok(())
    }

    /// Stops: the address goes at the next [`poll`](Self::poll).
    pub fn stop(&mut self, now: Instant) {
        self.machine.stop(at(now));
    }

    /// Takes note that the cable is in: the address is probed for again.
    pub fn link_up(&mut self, now: Instant) {
        self.machine.link_up(at(now));
    }

    /// Takes note that the cable is out: the address goes.
    pub fn link_down(&mut self, now: Instant) {
        self.machine.link_down(at(now));
    }

    /// Returns the address that is claimed.
    pub fn address(&self) -> Option<Ipv4Address> {
        self.machine.address()
    }

    /// Sends what is due, and makes the addresses of the interface follow what was claimed or lost. Returns one event; call it until there is
    /// none, before each poll of the interface.
    ///
    /// # Errors
    /// If the interface has no row for one more address (`IFACE_MAX_ADDR_COUNT` of smoltcp): the address is given up, and the machine has
    /// stopped.
    #[inline(never)]
    pub fn poll(&mut self, now: Instant, interface: &mut Interface) -> Result<Option<Event>, Full> {
        self.send(now);
        let event = self.machine.poll_event();
        let (gone, new) = match event {
            Some(Event::Claimed { address }) => {
                (address, Some(Ipv4Cidr::new(address, self.prefix_len)))
            }
            Some(Event::Lost { address }) => (address, None),
            _ => return Ok(event),
        };
        let mut is_added = true;
        interface.update_ip_addrs(|addresses| {
            // The application may have added it too.
            let mut all = addresses.iter();
            if let Some(at) = all.position(|cidr| cidr.address() == gone.into()) {
                addresses.swap_remove(at);
            }
            if let Some(new) = new {
                is_added = addresses.push(new.into()).is_ok();
            }
        });
        if !is_added {
            self.machine.stop(at(now));
            // What follows is that the address is lost, which nobody knew of.
            self.machine.poll_event();
            return Err(Full);
        }
        self.configured = new;
        Ok(event)
    }

    /// Returns when to [`poll`](Self::poll) next, if no frame comes before.
    pub fn poll_at(&self) -> Option<Instant> {
        self.machine.poll_timeout().and_then(back)
    }

    /// Sends the ARP frames that are due, while the device takes them.
    fn send(&mut self, now: Instant) {
        let time = at(now);
        // A token is asked for only when there is something to send: not all devices like to get one back.
        while self.machine.peek_transmit(time).is_some() {
            let Some(token) = self.device.transmit(now) else {
                break;
            };
            let machine = &mut self.machine;
            let sent = token.consume(FRAME_LEN, |buffer| {
                let frame = buffer.first_chunk_mut()?;
                machine.poll_transmit(time, frame)
            });
            // The device has given less than was asked for.
            if sent.is_none() {
                break;
            }
        }
    }
}

impl<D: Device> Device for Guarded<D> {
    type RxToken<'a>
        = GuardedRx<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = GuardedTx<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // What the frame before asked for goes first.
        self.send(now);
        let (rx, tx) = self.device.receive(now)?;
        let tx = GuardedTx { token: tx };
        let machine = &mut self.machine;
        let rx = GuardedRx {
            token: rx,
            machine,
            configured: self.configured,
            now,
        };
        Some((rx, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.send(now);
        let token = self.device.transmit(now)?;
        Some(GuardedTx { token })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that the machine sees before smoltcp does.
#[derive(Debug)]
pub struct GuardedRx<'a, T> {
    token: T,
    machine: &'a mut AddressMachine,
    configured: Option<Ipv4Cidr>,
    now: Instant,
}

impl<T: RxToken> RxToken for GuardedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.token.consume(|frame| {
            let mut is_hidden = false;
            if let Some(packet) = Frame::parse(frame) {
                // smoltcp replies to its neighbours, and knows them then; neither to probes nor to other networks (RFC 3927 §2.6.2).
                let configured = self.configured;
                let is_neighbour =
                    configured.is_some_and(|cidr| cidr.contains_addr(&packet.sender()));
                self.machine.set_replies(!is_neighbour);
                self.machine.handle_frame(at(self.now), frame);
                // Who says that our address is his is not made a neighbour, and gets no reply; nor does anybody for an address that is lost,
                // which the interface has until the next poll.
                is_hidden = configured.is_some_and(|cidr| {
                    packet.sender() == cidr.address()
                        || self.machine.address() != Some(cidr.address())
                });
            }
            read(if is_hidden { &[] } else { frame })
        })
    }
}

/// Permission to send one frame. Replies for a link-local address are made broadcasts (RFC 3927 §2.5).
#[derive(Debug)]
pub struct GuardedTx<T> {
    token: T,
}

impl<T: TxToken> TxToken for GuardedTx<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.token.consume(len, |frame| {
            let result = write(frame);
            broadcast(frame);
            result
        })
    }
}

/// Has an ARP packet of a link-local sender sent to all.
fn broadcast(frame: &mut [u8]) {
    let is_link_local = Frame::parse(frame).is_some_and(|packet| packet.sender().is_link_local());
    if let (true, Some(destination)) = (is_link_local, frame.first_chunk_mut()) {
        *destination = HardwareAddress::BROADCAST.0;
    }
}
