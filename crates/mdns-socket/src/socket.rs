//! Sockets on port 5353 that live beside other stacks of the host, and one on another port for one-shot questions.
//!
//! | socket | bound to | hears | takes from neighbours on the port |
//! |---|---|---|---|
//! | [`LinkSocket`], one per link | the group | the group, on its interface | nothing |
//! | [`UnicastSocket`], one per family, if nobody else is there | the wildcard address | unicast | a later one shares it by hash |
//! | [`OneShotSocket`], one per link, when a look-up needs it | the wildcard address, a random port | unicast to that port | nothing |
//!
//! On Linux, as measured: a socket bound to the group never sees unicast, every member of a group
//! gets its own copy of a multicast datagram, and unicast goes to one of the sockets bound to the
//! wildcard or the very address. IPv6 wants the scope id in the bind and then hears no other
//! device; IPv4 hears what any socket of the host has joined anywhere unless `IP_MULTICAST_ALL` is
//! off, and one socket joins on at most 20 interfaces.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::holder;
use crate::receive::{TELLS_INTERFACE, tell_all};
use crate::{Family, GROUP_V4, GROUP_V6, Interface, OpenError, PORT, Received, receive};

/// TTL and hop limit of all we send, so that receivers can tell that it was not forwarded (RFC 6762
/// §11).
const HOP_LIMIT: u8 = 255;

/// What to ask for as receive buffer, in bytes; the system may give less. A query that all hosts
/// answer at once should find room for some hundred full packets.
const RECEIVE_BUFFER: usize = 1 << 20;

/// How often to try to bind before the port counts as taken.
const BIND_TRIES: u32 = 5;

/// The pause between two tries to bind; an exclusive bind that only asks takes some microseconds.
const BIND_PAUSE: Duration = Duration::from_millis(2);

/// The socket of one link: it hears the mDNS group on one interface and sends all we say there.
///
/// It shares the port with other stacks of the host and takes nothing from them. What is sent by
/// multicast comes back to the host, also to this socket, so that all stacks of one host hear each
/// other (RFC 6762 §15.4); telling own packets from others is the protocol's work.
///
/// It survives an interface that goes down and comes up, and a change of addresses unless it
/// [keeps an address](Self::keeps_address). One that is removed leaves a useless socket. Close a link that has no address left
/// ([`Unused::NoAddress`](crate::Unused)): Linux would send from another interface's.
#[derive(Debug)]
pub struct LinkSocket {
    socket: UdpSocket,
    group: SocketAddr,
}

impl LinkSocket {
    /// Opens the socket of a link and joins the group.
    ///
    /// # Errors
    ///
    /// See [`Reason`](crate::Reason). None of them concerns other links.
    pub fn open(interface: &Interface, family: Family) -> Result<Self, OpenError> {
        let name = Some(interface.name.as_str());
        let at = |step| move |error| OpenError::new(name, family, step, error);
        let group = group(interface, family);
        let socket = shared(family).map_err(at("open a socket"))?;
        bind_to_device(&socket, interface, family);
        bind(&socket, group).map_err(at("bind to the mDNS group"))?;
        join(&socket, interface, family).map_err(at("join the mDNS group"))?;
        set_hop_limit(&socket, family).map_err(at("set the hop limit"))?;
        tell_all(&socket, family).map_err(at("ask for the destination of datagrams"))?;
        Ok(LinkSocket {
            socket: socket.into(),
            group,
        })
    }

    /// Whether the socket of a link is joined by an address of the interface, and so must be opened
    /// again when the interface has other addresses: that of IPv4 on Windows, NetBSD, OpenBSD and
    /// illumos.
    pub fn keeps_address(family: Family) -> bool {
        let by_index = cfg!(any(
            target_os = "linux",
            target_vendor = "apple",
            target_os = "freebsd"
        ));
        family == Family::V4 && !by_index
    }

    /// Where to send what the whole link is to hear: the group, with the interface's scope id on
    /// IPv6.
    pub fn group(&self) -> SocketAddr {
        self.group
    }

    /// Reads one datagram; as [`receive`].
    ///
    /// # Errors
    ///
    /// As [`receive`].
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive(&self.socket, buffer)
    }

    /// Sends one datagram, from port 5353 and an address of the interface.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the system has no room now. Any other means
    /// that it was not sent and says nothing about the next: the interface is down, has no address,
    /// or the destination is out of reach.
    pub fn send_to(&self, datagram: &[u8], destination: SocketAddr) -> io::Result<()> {
        self.socket.send_to(datagram, destination).map(drop)
    }

    /// The plain socket, to be registered in an event loop. It is non-blocking; its options are
    /// ours.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The plain socket, to be owned by a reactor; [`receive`] reads from it.
    pub fn into_std(self) -> UdpSocket {
        self.socket
    }
}

/// The socket that takes unicast on port 5353: answers to questions that ask for them so (RFC 6762
/// §5.4), direct questions (§5.5).
///
/// It hears no multicast and sends nothing: a link replies from its own socket.
#[derive(Debug)]
pub struct UnicastSocket {
    socket: UdpSocket,
}

impl UnicastSocket {
    /// Opens the socket if nobody else gets what is sent to the port by unicast (RFC 6762 §15.1): an exclusive bind
    /// succeeds, or, on Linux, all who have the port are bound to the group.
    ///
    /// `None` means that somebody does, or that this system does not tell which interface a datagram
    /// comes from, which is needed to refuse strangers (§11). Then unicast cannot be relied on, and
    /// no question should ask for it.
    ///
    /// **Open it before the first [`LinkSocket`]** of its family, which has the port as well. A
    /// stack that comes later may share what this socket gets, so not every answer that is asked
    /// for by unicast arrives.
    ///
    /// # Errors
    ///
    /// See [`Reason`](crate::Reason).
    pub fn open(family: Family) -> Result<Option<Self>, OpenError> {
        let at = |step| move |error| OpenError::new(None, family, step, error);
        if !TELLS_INTERFACE
            || !(is_port_free(family).map_err(at("find out whether the port is free"))?
                || holder::are_bound_to_group(family))
        {
            return Ok(None);
        }
        let socket = shared(family).map_err(at("open a socket"))?;
        match bind(&socket, wildcard(family)) {
            // One who is bound to the group does not share the port.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            bound => bound.map_err(at("bind to the wildcard address"))?,
        }
        tell_all(&socket, family).map_err(at("ask for the interface of datagrams"))?;
        Ok(Some(UnicastSocket {
            socket: socket.into(),
        }))
    }

    /// Reads one datagram; as [`receive`]. The interface is always told.
    ///
    /// # Errors
    ///
    /// As [`receive`].
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive(&self.socket, buffer)
    }

    /// The plain socket, to be registered in an event loop. It is non-blocking; its options are
    /// ours.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The plain socket, to be owned by a reactor; [`receive`] reads from it.
    pub fn into_std(self) -> UdpSocket {
        self.socket
    }
}

/// The socket that one-shot questions of a link leave from (RFC 6762 §5.1). The system chooses its port at random, and answers to
/// that come at once, by unicast (§6.7), also where another stack has port 5353.
///
/// It shares its port with nobody, and is not a member of the group.
#[derive(Debug)]
pub struct OneShotSocket {
    socket: UdpSocket,
    group: SocketAddr,
}

impl OneShotSocket {
    /// Opens the socket of a link.
    ///
    /// # Errors
    ///
    /// See [`Reason`](crate::Reason). A link works without it: its first answer may come up to a second later.
    pub fn open(interface: &Interface, family: Family) -> Result<Self, OpenError> {
        let name = Some(interface.name.as_str());
        let at = |step| move |error| OpenError::new(name, family, step, error);
        let socket = plain(family).map_err(at("open a socket"))?;
        socket
            .set_nonblocking(true)
            .map_err(at("make the socket non-blocking"))?;
        bind_to_device(&socket, interface, family);
        let any_port = SocketAddr::new(wildcard(family).ip(), 0);
        socket
            .bind(&SockAddr::from(any_port))
            .map_err(at("bind to a free port"))?;
        send_by(&socket, interface, family).map_err(at("choose the interface"))?;
        set_hop_limit(&socket, family).map_err(at("set the hop limit"))?;
        tell_all(&socket, family).map_err(at("ask for the interface of datagrams"))?;
        Ok(OneShotSocket {
            socket: socket.into(),
            group: group(interface, family),
        })
    }

    /// Reads one datagram; as [`receive`]. Where its interface is told and is another than that of the link, it is not for the link.
    ///
    /// # Errors
    ///
    /// As [`receive`].
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive(&self.socket, buffer)
    }

    /// Sends a question to the group, from an address of the interface.
    ///
    /// # Errors
    ///
    /// As [`LinkSocket::send_to`]. A question that is not sent is lost: the same one goes out from port 5353.
    pub fn ask(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, self.group).map(drop)
    }

    /// The plain socket, to be registered in an event loop. It is non-blocking; its options are
    /// ours.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The plain socket, to be owned by a reactor; [`receive`] reads from it.
    pub fn into_std(self) -> UdpSocket {
        self.socket
    }
}

/// A non-blocking socket that will share its port and hears no group that it has not joined.
fn shared(family: Family) -> io::Result<Socket> {
    let socket = plain(family)?;
    socket.set_nonblocking(true)?;
    // Both: of one alone, Linux lets the last one bound take all unicast (REUSEADDR), or refuses
    // other users (REUSEPORT).
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(target_os = "illumos")))]
    socket.set_reuse_port(true)?;
    #[cfg(target_os = "linux")]
    match family {
        Family::V4 => socket.set_multicast_all_v4(false)?,
        // Since Linux 4.20. Before, the scope id of the bind does the same.
        Family::V6 => drop(socket.set_multicast_all_v6(false)),
    }
    // As much as the system allows; the default does too, where it allows nothing.
    drop(socket.set_recv_buffer_size(RECEIVE_BUFFER));
    Ok(socket)
}

/// A socket of one family that is nothing yet.
fn plain(family: Family) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if family == Family::V6 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Whether a socket that does not share would get the port now. It is closed again at once.
pub(crate) fn is_port_free(family: Family) -> io::Result<bool> {
    match plain(family)?.bind(&SockAddr::from(wildcard(family))) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

/// The group, and the interface on which it is meant.
fn group(interface: &Interface, family: Family) -> SocketAddr {
    match family {
        Family::V4 => SocketAddr::from((GROUP_V4, PORT)),
        Family::V6 => SocketAddrV6::new(GROUP_V6, PORT, 0, interface.index).into(),
    }
}

fn wildcard(family: Family) -> SocketAddr {
    match family {
        Family::V4 => (Ipv4Addr::UNSPECIFIED, PORT).into(),
        Family::V6 => (Ipv6Addr::UNSPECIFIED, PORT).into(),
    }
}

/// Binds to an address; Windows, which cannot bind to a group, to the wildcard address instead.
///
/// A port that is taken may be so for a moment only, by somebody who starts now and tries, as we
/// do, whether he is alone.
fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let address = if cfg!(windows) {
        wildcard(Family::of(&address.ip()))
    } else {
        address
    };
    let address = SockAddr::from(address);
    for _ in 1..BIND_TRIES {
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(BIND_PAUSE),
            done => return done,
        }
    }
    socket.bind(&address)
}

/// Ties the socket to its device, so that unicast too leaves by it, whatever the routes are. Linux
/// before 5.7 allows it to root alone; without it such answers follow the routes.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn bind_to_device(socket: &Socket, interface: &Interface, family: Family) {
    let index = std::num::NonZeroU32::new(interface.index);
    drop(match family {
        Family::V4 => socket.bind_device_by_index_v4(index),
        Family::V6 => socket.bind_device_by_index_v6(index),
    });
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn bind_to_device(_: &Socket, _: &Interface, _: Family) {}

/// Joins the group on this interface alone, and [sends by it](send_by).
fn join(socket: &Socket, interface: &Interface, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => join_v4(socket, interface)?,
        Family::V6 => socket.join_multicast_v6(&GROUP_V6, interface.index)?,
    }
    send_by(socket, interface, family)
}

/// Sends to the group by this interface, and to our own host too.
fn send_by(socket: &Socket, interface: &Interface, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => {
            send_by_v4(socket, interface)?;
            socket.set_multicast_loop_v4(true)
        }
        Family::V6 => {
            socket.set_multicast_if_v6(interface.index)?;
            socket.set_multicast_loop_v6(true)
        }
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd"))]
fn join_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    use socket2::InterfaceIndexOrAddress;

    socket.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(interface.index))
}

/// By index: an address, on Linux, would stay the source of what is sent when the interface has it
/// no more. Loopback's does not go, and has to be given: of itself Linux sends there from another
/// interface's.
#[cfg(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd"))]
fn send_by_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    use rustix::net::sockopt::set_ip_multicast_if_with_ifindex;

    let source = if interface.is_loopback {
        first_v4(interface)?
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    set_ip_multicast_if_with_ifindex(socket, &GROUP_V4, &source, interface.index)?;
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd")))]
fn join_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    socket.join_multicast_v4(&GROUP_V4, &first_v4(interface)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd")))]
fn send_by_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    socket.set_multicast_if_v4(&first_v4(interface)?)
}

fn first_v4(interface: &Interface) -> io::Result<Ipv4Addr> {
    match interface.ready(Family::V4).next() {
        Some(IpAddr::V4(address)) => Ok(address),
        _ => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

fn set_hop_limit(socket: &Socket, family: Family) -> io::Result<()> {
    let limit = HOP_LIMIT.into();
    match family {
        Family::V4 => {
            socket.set_multicast_ttl_v4(limit)?;
            socket.set_ttl_v4(limit)
        }
        Family::V6 => {
            socket.set_multicast_hops_v6(limit)?;
            socket.set_unicast_hops_v6(limit)
        }
    }
}

#[cfg(unix)]
mod descriptors {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    use super::{LinkSocket, OneShotSocket, UnicastSocket};

    impl AsFd for OneShotSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl AsRawFd for OneShotSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }

    impl AsFd for LinkSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl AsRawFd for LinkSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }

    impl AsFd for UnicastSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl AsRawFd for UnicastSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }
}
