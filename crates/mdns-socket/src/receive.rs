//! Reading one datagram with what the system knows of it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{SockRef, Socket};

use crate::Family;

/// A datagram that was read, and which way it came. What the system does not tell is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its length in the buffer, in bytes; zero if it was longer than the buffer, since half a
    /// message is none (RFC 6762 §17).
    pub len: usize,
    /// Who sent it. A link-local source has its scope id.
    pub source: SocketAddr,
    /// What it was sent to: the group, or an address of this host.
    pub destination: Option<IpAddr>,
    /// The index of the interface it came in by.
    pub interface: Option<u32>,
    /// The IPv4 TTL or IPv6 hop limit it arrived with. 255 shows a neighbour; anything else shows
    /// nothing (RFC 6762 §11).
    pub hop_limit: Option<u8>,
}

/// Reads one datagram from a [`LinkSocket`](crate::LinkSocket) or
/// [`UnicastSocket`](crate::UnicastSocket) that was turned into a plain socket and wrapped by a
/// reactor.
///
/// The buffer should have 9,000 bytes, the largest message there is with its headers (RFC 6762
/// §17). A longer datagram is dropped, and told by a length of zero; where the system tells of no
/// cut, so is one that fills the buffer.
///
/// # Errors
///
/// [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none. Any other error is of the moment
/// (an interface went down, a signal came) and says nothing about the next datagram.
///
/// ```no_run
/// # use mdns_socket::{Family, LinkSocket, interfaces, receive};
/// # let interface = interfaces()?.remove(0);
/// let plain = LinkSocket::open(&interface, Family::V4)?.into_std(); // and on into a reactor's own type
/// let mut buffer = [0; 9000];
/// let received = receive(&plain, &mut buffer)?;
/// let message = &buffer[..received.len];
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn receive<'s>(socket: impl Into<SockRef<'s>>, buffer: &mut [u8]) -> io::Result<Received> {
    system::receive(&socket.into(), buffer)
}

/// Asks the system to tell destination, interface and hop limit with each datagram.
pub(crate) fn tell_all(socket: &Socket, family: Family) -> io::Result<()> {
    system::tell_all(socket, family)
}

/// Whether each datagram comes with its interface here, so that unicast can be checked (RFC 6762
/// §11).
pub(crate) const TELLS_INTERFACE: bool = system::TELLS_INTERFACE;

#[cfg(any(
    target_os = "linux",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
))]
mod system {
    use std::io::{self, IoSliceMut};
    use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };
    use socket2::Socket;

    use super::Received;
    use crate::Family;

    pub(super) const TELLS_INTERFACE: bool = true;

    /// Room for the control messages of one datagram: at most two addresses, an interface and a hop
    /// limit.
    #[repr(align(8))]
    struct Control([u8; 192]);

    pub(super) fn tell_all(socket: &Socket, family: Family) -> io::Result<()> {
        match family {
            Family::V4 => {
                #[cfg(any(target_os = "linux", target_vendor = "apple"))]
                setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
                #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
                {
                    setsockopt(socket, sockopt::Ipv4RecvIf, &true)?;
                    setsockopt(socket, sockopt::Ipv4RecvDstAddr, &true)?;
                }
                #[cfg(any(target_os = "linux", target_os = "freebsd"))]
                setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
            }
            Family::V6 => {
                setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
                #[cfg(any(target_os = "linux", target_os = "freebsd"))]
                setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
            }
        }
        Ok(())
    }

    pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Received> {
        let mut control = Control([0; 192]);
        let mut slices = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut control.0),
            MsgFlags::empty(),
        )?;
        let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
        let mut received = Received {
            len: if is_cut { 0 } else { message.bytes },
            source: source(message.address.as_ref())?,
            destination: None,
            interface: None,
            hop_limit: None,
        };
        // Control messages that did not fit are as good as none.
        for told in message.cmsgs().into_iter().flatten() {
            match told {
                #[cfg(any(target_os = "linux", target_vendor = "apple"))]
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    received.destination = Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()));
                    received.interface = u32::try_from(info.ipi_ifindex).ok();
                }
                #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
                ControlMessageOwned::Ipv4RecvIf(link) => {
                    received.interface = Some(link.sdl_index.into())
                }
                #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
                ControlMessageOwned::Ipv4RecvDstAddr(address) => {
                    received.destination = Some(IpAddr::from(address.s_addr.to_ne_bytes()));
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    received.destination = Some(IpAddr::from(info.ipi6_addr.s6_addr));
                    received.interface = Some(info.ipi6_ifindex);
                }
                #[cfg(any(target_os = "linux", target_os = "freebsd"))]
                ControlMessageOwned::Ipv4Ttl(ttl) => received.hop_limit = u8::try_from(ttl).ok(),
                #[cfg(any(target_os = "linux", target_os = "freebsd"))]
                ControlMessageOwned::Ipv6HopLimit(limit) => {
                    received.hop_limit = u8::try_from(limit).ok()
                }
                _ => {}
            }
        }
        Ok(received)
    }

    fn source(address: Option<&SockaddrStorage>) -> io::Result<SocketAddr> {
        let v4 = || Some(SocketAddrV4::from(*address?.as_sockaddr_in()?).into());
        let v6 = || Some(SocketAddrV6::from(*address?.as_sockaddr_in6()?).into());
        v4().or_else(v6)
            .ok_or_else(|| io::Error::other("a datagram without a source address"))
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
mod system {
    use std::io;
    use std::net::SocketAddr;

    use rustix::io::Errno;
    use rustix::net::{RecvFlags, recvfrom};
    use socket2::Socket;

    use super::Received;
    use crate::Family;

    pub(super) const TELLS_INTERFACE: bool = false;

    pub(super) fn tell_all(_: &Socket, _: Family) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Received> {
        let room = buffer.len();
        let (len, source) = loop {
            match recvfrom(socket, &mut *buffer, RecvFlags::empty()) {
                Ok((len, _, source)) => break (len, source),
                // Windows: a datagram that was cut, and a port where nobody heard what we sent.
                Err(Errno::MSGSIZE | Errno::CONNRESET) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let source = source.and_then(|any| SocketAddr::try_from(any).ok());
        Ok(Received {
            len: if len == room { 0 } else { len },
            source: source
                .ok_or_else(|| io::Error::other("a datagram without a source address"))?,
            destination: None,
            interface: None,
            hop_limit: None,
        })
    }
}
