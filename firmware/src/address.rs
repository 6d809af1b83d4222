//! Where the board's IPv4 address comes from: it is told, it claims one itself (RFC 3927), or it gets one from DHCP and claims one itself
//! while there is no server.

use mdns_smoltcp::{Guarded, ipv4ll::Event};
use smoltcp::{time::Instant, wire::EthernetAddress};

use crate::{
    board::{Board, Cable},
    device::{Device, Wired},
    say,
};

/// A source of the board's IPv4 address.
pub trait Address {
    /// The device that it needs.
    type Device: Wired;

    /// Makes that device of the plain one.
    fn wrap(device: Device, hardware: EthernetAddress, seed: u64) -> Self::Device;

    /// Begins. The cable is out.
    fn start(&mut self, now: Instant, board: &mut Board<Self::Device>);

    /// The cable has come in or out.
    fn cable(&mut self, _now: Instant, _board: &mut Board<Self::Device>, _cable: Cable) {}

    /// Does what is due. Called before each poll of the interface.
    fn poll(&mut self, _now: Instant, _board: &mut Board<Self::Device>) {}

    /// When to poll next.
    fn poll_at(&self, _board: &Board<Self::Device>) -> Option<Instant> {
        None
    }
}

/// The address that the board was told.
pub struct Fixed;

impl Address for Fixed {
    type Device = Device;

    fn wrap(device: Device, _: EthernetAddress, _: u64) -> Device {
        device
    }

    fn start(&mut self, _: Instant, board: &mut Board) {
        board.set_address();
    }
}

/// A link-local address. Should a product remember it, it would be given back to [`Guarded::start`].
pub struct LinkLocal;

impl Address for LinkLocal {
    type Device = Guarded<Device>;

    fn wrap(device: Device, hardware: EthernetAddress, seed: u64) -> Self::Device {
        Guarded::new(device, hardware, seed)
    }

    fn start(&mut self, now: Instant, board: &mut Board<Self::Device>) {
        board.device.link_down(now);
        board.device.start(now, None);
    }

    fn cable(&mut self, now: Instant, board: &mut Board<Self::Device>, cable: Cable) {
        match cable {
            Cable::In => board.device.link_up(now),
            Cable::Out => board.device.link_down(now),
        }
    }

    fn poll(&mut self, now: Instant, board: &mut Board<Self::Device>) {
        while let Some(event) = poll(now, board) {
            tell(now, event);
        }
    }

    fn poll_at(&self, board: &Board<Self::Device>) -> Option<Instant> {
        board.device.poll_at()
    }
}

/// The next event, with the addresses of the interface as it says.
fn poll(now: Instant, board: &mut Board<Guarded<Device>>) -> Option<Event> {
    board
        .device
        .poll(now, &mut board.interface)
        .expect("the interface has room for one address of each family")
}

/// Says what has happened.
fn tell(now: Instant, event: Event) {
    match event {
        Event::Claimed { address } => say!(now, "address {address}"),
        Event::Defended { address, hardware } => say!(now, "defended {address} against {hardware}"),
        Event::Conflict { address, hardware } => say!(now, "conflict {address} with {hardware}"),
        Event::Lost { address } => say!(now, "lost {address}"),
        _ => {}
    }
}

/// An address from DHCP, or a link-local one while there is none. Either is defended.
#[cfg(feature = "dhcp")]
pub struct Dhcp {
    socket: Option<smoltcp::iface::SocketHandle>,
    /// The link-local address before, which is tried first.
    previous: Option<smoltcp::wire::Ipv4Address>,
    /// Whether the address that is claimed is that of DHCP.
    is_leased: bool,
}

#[cfg(feature = "dhcp")]
impl Dhcp {
    /// Without an address.
    pub const NEW: Dhcp = Dhcp {
        socket: None,
        previous: None,
        is_leased: false,
    };

    /// Claims what the server gives, and a link-local address when it gives nothing any more.
    fn follow(&mut self, now: Instant, board: &mut Board<Guarded<Device>>) {
        use smoltcp::socket::dhcpv4;

        let Some(handle) = self.socket else {
            return;
        };
        match board.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                say!(now, "lease {}", config.address);
                // An address that no host can have is a fault of the server: the one before stays.
                self.is_leased |= board.device.claim(now, config.address).is_ok();
            }
            Some(dhcpv4::Event::Deconfigured) if self.is_leased => {
                say!(now, "lease lost");
                self.is_leased = false;
                board.device.start(now, self.previous);
            }
            _ => {}
        }
    }
}

#[cfg(feature = "dhcp")]
impl Address for Dhcp {
    type Device = Guarded<Device>;

    fn wrap(device: Device, hardware: EthernetAddress, seed: u64) -> Self::Device {
        Guarded::new(device, hardware, seed)
    }

    fn start(&mut self, now: Instant, board: &mut Board<Self::Device>) {
        use smoltcp::{socket::dhcpv4, time::Duration};

        let mut socket = dhcpv4::Socket::new();
        socket.set_max_lease_duration(board.parameters.lease.map(Duration::from_secs));
        self.socket = Some(board.sockets.add(socket));
        LinkLocal.start(now, board);
    }

    fn cable(&mut self, now: Instant, board: &mut Board<Self::Device>, cable: Cable) {
        LinkLocal.cable(now, board, cable);
        // The cable may lead to another network now: what its server gave is not kept.
        if let (Some(handle), Cable::In) = (self.socket, cable) {
            board
                .sockets
                .get_mut::<smoltcp::socket::dhcpv4::Socket<'_>>(handle)
                .reset();
        }
    }

    fn poll(&mut self, now: Instant, board: &mut Board<Self::Device>) {
        self.follow(now, board);
        while let Some(event) = poll(now, board) {
            tell(now, event);
            match event {
                Event::Claimed { address } if !self.is_leased => self.previous = Some(address),
                // smoltcp cannot decline an address (RFC 2131 §3.1): it is asked for again, as often as the limit of conflicts lets it.
                Event::Conflict { .. } if self.is_leased => {
                    self.is_leased = false;
                    board.device.start(now, self.previous);
                    if let Some(handle) = self.socket {
                        board
                            .sockets
                            .get_mut::<smoltcp::socket::dhcpv4::Socket<'_>>(handle)
                            .reset();
                    }
                }
                _ => {}
            }
        }
    }

    fn poll_at(&self, board: &Board<Self::Device>) -> Option<Instant> {
        board.device.poll_at()
    }
}
