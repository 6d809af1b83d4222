//! A socket for the ARP frames of one interface (packet(7)).

use std::{
    io::{self, ErrorKind},
    os::fd::{AsRawFd as _, OwnedFd},
};

use ipv4ll::{FRAME_LEN, HardwareAddress};
use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{LinkAddr, MsgFlags, SockaddrLike as _, bind, recv, send},
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::error::Error;

/// The Ethernet type of ARP.
const ETH_P_ARP: u16 = 0x0806;
/// What Linux calls Ethernet.
const ARPHRD_ETHER: u16 = 1;

/// A socket that sends and receives ARP frames on one interface.
///
/// It is no UDP socket, but tokio waits for any socket as for one, without unsafe code, and sends and receives what the socket does.
#[derive(Debug)]
pub(crate) struct PacketSocket(UdpSocket);

/// The interface that a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) index: u32,
    pub(crate) hardware: HardwareAddress,
}

impl PacketSocket {
    pub(crate) fn open(name: &str) -> Result<(Self, Port), Error> {
        let link = link(name)?;
        let hardware = link.addr().filter(|_| link.hatype() == ARPHRD_ETHER);
        let hardware = hardware
            .map(HardwareAddress)
            .filter(|address| address.is_unicast());
        let hardware = hardware.ok_or_else(|| Error::NotEthernet(name.to_owned()))?;
        let protocol = Protocol::from(i32::from(ETH_P_ARP.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).map_err(|error| {
            if error.kind() == ErrorKind::PermissionDenied {
                Error::NoRawSockets
            } else {
                Error::System("open a packet socket", error)
            }
        })?;
        let system = |error| Error::System("bind a packet socket", error);
        socket.set_nonblocking(true).map_err(system)?;
        // The address names the interface and no protocol: the socket keeps its own.
        bind(socket.as_raw_fd(), &link).map_err(|error| system(error.into()))?;
        // Until it was bound it has heard all interfaces (RFC 3927 §3.4: what another hears is no conflict here).
        while recv(socket.as_raw_fd(), &mut [0; 64], MsgFlags::MSG_DONTWAIT).is_ok() {}
        let socket = std::net::UdpSocket::from(OwnedFd::from(socket));
        let socket = PacketSocket(UdpSocket::from_std(socket).map_err(system)?);
        let index = u32::try_from(link.ifindex()).unwrap_or(0);
        Ok((socket, Port { index, hardware }))
    }

    /// Returns the next frame that was received; `None` if there is none.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match self.0.try_recv(buffer) {
            Ok(len) => Ok(buffer.get(..len)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for a frame.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    pub(crate) fn send(&self, frame: &[u8; FRAME_LEN]) -> io::Result<()> {
        // Not by way of tokio, which must first have heard that there is room.
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT);
        sent.map(|_| ()).map_err(io::Error::from)
    }
}

/// Returns the hardware addresses of all interfaces of this host.
pub(crate) fn hardware_addresses() -> Vec<HardwareAddress> {
    let all = getifaddrs().into_iter().flatten();
    all.filter_map(|interface| interface.address?.as_link_addr()?.addr())
        .map(HardwareAddress)
        .filter(|address| address.is_unicast())
        .collect()
}

fn link(name: &str) -> Result<LinkAddr, Error> {
    let all = getifaddrs().map_err(|error| Error::System("list interfaces", error.into()))?;
    let mut links = all
        .filter(|interface| interface.interface_name == name)
        .filter_map(|interface| interface.address?.as_link_addr().copied());
    let link = links.next().filter(|link| link.family().is_some());
    link.ok_or_else(|| Error::NoInterface(name.to_owned()))
}
