//! Interfaces, addresses and routes as the Linux kernel lists them: three dumps over a route netlink socket (rtnetlink(7)).
//!
//! A dump is answered by messages, each a header of 16 bytes, a fixed part and attributes (netlink(7)). All numbers are in the byte
//! order of the machine. A message or attribute that ends too early ends the reading of what contains it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, bind, netlink::SocketAddrNetlink, recv, send,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::interface::{Address, Interface, MTU_UNKNOWN};

/// The netlink protocol of links, addresses and routes (`NETLINK_ROUTE`).
const ROUTE: i32 = 0;

/// Bytes of a message's header.
const HEADER: usize = 16;
/// A message that ends a dump (`NLMSG_DONE`), or reports an error (`NLMSG_ERROR`).
const DONE: u16 = 3;
const ERROR: u16 = 2;
/// Flags of a dump request: `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP_REQUEST: u16 = 0x301;
/// The tables changed during the dump, which may be inconsistent (`NLM_F_DUMP_INTR`).
const INTERRUPTED: u16 = 0x10;
/// Dumps that are tried before one that was interrupted is taken as it is.
const TRIES: u8 = 4;
/// The kernel fills datagrams of up to 32 KiB if the buffer has room for them.
const BUFFER: usize = 64 * 1024;
/// The kernel answers within the call that asks; this ends a wait that must never be.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of the fixed part of a message on a link, an address, a route (`ifinfomsg`, `ifaddrmsg`, `rtmsg`).
const LINK_FIXED: usize = 16;
const ADDRESS_FIXED: usize = 8;
const ROUTE_FIXED: usize = 12;

/// Flags of a link (`IFF_*`).
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const POINT_TO_POINT: u32 = 0x10;
const RUNNING: u32 = 0x40;
const MULTICAST: u32 = 0x1000;

/// Attributes of a link: `IFLA_ADDRESS`, `IFLA_IFNAME`, `IFLA_MTU`.
const LINK_ADDRESS: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_MTU: u16 = 4;

/// Attributes of an address: `IFA_ADDRESS` (of the peer on a point-to-point link), `IFA_LOCAL` (ours), `IFA_FLAGS`.
const ADDRESS_ANY: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;
const ADDRESS_FLAGS: u16 = 8;
/// The system still checks whether another host has the address, or has found that one does (`IFA_F_TENTATIVE`, `IFA_F_DADFAILED`).
const NOT_READY: u32 = 0x40 | 0x08;

/// Attributes of a route: `RTA_DST`, `RTA_OIF`, `RTA_GATEWAY`.
const ROUTE_DESTINATION: u16 = 1;
const ROUTE_INTERFACE: u16 = 4;
const ROUTE_GATEWAY: u16 = 5;

/// What is listed.
#[derive(Debug, Clone, Copy)]
enum Table {
    Links,
    Addresses,
    /// IPv4 routes.
    Routes,
}

impl Table {
    /// The type of the request (`RTM_GET*`), the address family in it, and the type of the answers (`RTM_NEW*`).
    fn types(self) -> (u16, AddressFamily, u16) {
        match self {
            Table::Links => (18, AddressFamily::UNSPEC, 16),
            Table::Addresses => (22, AddressFamily::UNSPEC, 20),
            Table::Routes => (26, AddressFamily::INET, 24),
        }
    }
}

/// A socket that asks the kernel.
struct Asker {
    socket: Socket,
    buffer: Vec<u8>,
}

/// Opens a route netlink socket that receives the changes of `groups` (`RTMGRP_*`).
///
/// # Errors
///
/// When the system has no descriptor left, or a sandbox forbids it.
pub(crate) fn open(groups: u32) -> io::Result<Socket> {
    let domain = Domain::from(i32::from(AddressFamily::NETLINK.as_raw()));
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(ROUTE)))?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// Returns all interfaces, in the order of their indices.
///
/// # Errors
///
/// When the kernel cannot be asked, most likely for want of a descriptor.
pub(crate) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut asker = Asker::new()?;
    let mut found = BTreeMap::new();
    asker.dump(Table::Links, |message| {
        if let Some(interface) = read_link(message) {
            found.insert(interface.index, interface);
        }
    })?;
    asker.dump(Table::Addresses, |message| {
        if let Some((index, address)) = read_address(message)
            && let Some(interface) = found.get_mut(&index)
            && !interface.addresses.contains(&address)
        {
            interface.addresses.push(address);
        }
    })?;
    asker.dump(Table::Routes, |message| {
        if let Some(interface) =
            read_link_local_route(message).and_then(|index| found.get_mut(&index))
        {
            interface.has_link_local_route = true;
        }
    })?;
    let mut interfaces: Vec<Interface> = found.into_values().collect();
    for interface in &mut interfaces {
        interface.addresses.sort_unstable();
    }
    Ok(interfaces)
}

/// Returns the hardware addresses of six bytes, with the indices of their interfaces.
///
/// # Errors
///
/// As [`interfaces`].
pub(crate) fn hardware_addresses() -> io::Result<Vec<(u32, [u8; 6])>> {
    let mut found = Vec::new();
    Asker::new()?.dump(Table::Links, |message| {
        if let Some((fixed, rest)) = message.split_at_checked(LINK_FIXED)
            && let Some(index) = number(fixed, 4)
            && let Some(address) = attribute(rest, LINK_ADDRESS)
            && let Ok(address) = address.try_into()
        {
            found.push((index, address));
        }
    })?;
    Ok(found)
}

impl Asker {
    fn new() -> io::Result<Self> {
        let socket = open(0)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Asker {
            socket,
            buffer: vec![0; BUFFER],
        })
    }

    /// Hands the body of each message of a dump to `take`; from the start again if the table changed meanwhile, so `take` must
    /// bear to see a row twice.
    fn dump(&mut self, table: Table, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        for _ in 0..TRIES {
            if self.dump_once(table, &mut take)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether the dump was consistent.
    fn dump_once(&mut self, table: Table, take: &mut impl FnMut(&[u8])) -> io::Result<bool> {
        let (request_type, family, answer_type) = table.types();
        send(
            &self.socket,
            &request(request_type, family),
            SendFlags::empty(),
        )?;
        let mut is_consistent = true;
        loop {
            let (len, _) = recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())?;
            let received = self.buffer.get(..len).unwrap_or_default();
            if received.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            for message in messages(received) {
                is_consistent &= message.flags & INTERRUPTED == 0;
                match message.kind {
                    DONE => return Ok(is_consistent),
                    ERROR => return Err(error(message.body)),
                    kind if kind == answer_type => take(message.body),
                    _ => {}
                }
            }
        }
    }
}

/// Returns a request to list a table, of one address family or of all.
fn request(kind: u16, family: AddressFamily) -> [u8; HEADER + LINK_FIXED] {
    let mut request = [0; HEADER + LINK_FIXED];
    request[..4].copy_from_slice(&((HEADER + LINK_FIXED) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&kind.to_ne_bytes());
    request[6..8].copy_from_slice(&DUMP_REQUEST.to_ne_bytes());
    // All three fixed parts begin with the family, in one byte.
    request[HEADER] = family.as_raw() as u8;
    request
}

/// Returns the error in the body of an error message: a negative number of errno.
fn error(body: &[u8]) -> io::Error {
    let code = number(body, 0).map_or(0, |code: u32| code.cast_signed());
    io::Error::from_raw_os_error(code.saturating_neg())
}

/// A netlink message.
struct Message<'a> {
    kind: u16,
    flags: u16,
    body: &'a [u8],
}

/// Returns the messages of a datagram.
fn messages(mut rest: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = number(rest, 0)? as usize;
        let message = Message {
            kind: short(rest, 4)?,
            flags: short(rest, 6)?,
            body: rest.get(HEADER..len)?,
        };
        rest = after(rest, len);
        Some(message)
    })
}

/// Returns the value of the last attribute of this type, as the kernel itself reads them.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    /// What is no part of the type: `NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`.
    const FLAGS: u16 = 0xc000;
    let mut found = None;
    while let (Some(len), Some(kind)) = (short(rest, 0), short(rest, 2)) {
        let Some(value) = rest.get(4..usize::from(len)) else {
            break;
        };
        if kind & !FLAGS == wanted {
            found = Some(value);
        }
        rest = after(rest, usize::from(len));
    }
    found
}

/// Returns what comes after `len` bytes and padding to a multiple of four.
fn after(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(len.next_multiple_of(4)..).unwrap_or_default()
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || {
        <[u8; 4]>::try_from(bytes)
            .map(Ipv4Addr::from)
            .map(IpAddr::V4)
    };
    let v6 = || {
        <[u8; 16]>::try_from(bytes)
            .map(Ipv6Addr::from)
            .map(IpAddr::V6)
    };
    v4().or_else(|_| v6()).ok()
}

fn read_link(message: &[u8]) -> Option<Interface> {
    let (fixed, attributes) = message.split_at_checked(LINK_FIXED)?;
    let flags = number(fixed, 8)?;
    let name = attribute(attributes, LINK_NAME)?;
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let mtu = attribute(attributes, LINK_MTU).and_then(|mtu| number(mtu, 0));
    Some(Interface {
        index: number(fixed, 4)?,
        name: String::from_utf8_lossy(name).into_owned(),
        mtu: mtu.unwrap_or(MTU_UNKNOWN),
        is_up: flags & UP != 0,
        has_carrier: flags & RUNNING != 0,
        is_multicast: flags & MULTICAST != 0,
        is_loopback: flags & LOOPBACK != 0,
        is_point_to_point: flags & POINT_TO_POINT != 0,
        has_link_local_route: false,
        addresses: Vec::new(),
    })
}

fn read_address(message: &[u8]) -> Option<(u32, Address)> {
    let (fixed, attributes) = message.split_at_checked(ADDRESS_FIXED)?;
    let ours =
        attribute(attributes, ADDRESS_LOCAL).or_else(|| attribute(attributes, ADDRESS_ANY))?;
    let flags = attribute(attributes, ADDRESS_FLAGS).and_then(|flags| number(flags, 0));
    let address = Address {
        ip: ip(ours)?,
        prefix_len: *fixed.get(1)?,
        is_ready: flags.unwrap_or_else(|| u32::from(fixed[2])) & NOT_READY == 0,
    };
    Some((number(fixed, 4)?, address))
}

/// Returns the interface of a route to 169.254/16 without a gateway.
fn read_link_local_route(message: &[u8]) -> Option<u32> {
    /// `RTN_UNICAST`: not one that is refused or dropped.
    const UNICAST: u8 = 1;
    let (fixed, attributes) = message.split_at_checked(ROUTE_FIXED)?;
    let is_link_local = *fixed.get(1)? == 16
        && *fixed.get(7)? == UNICAST
        && attribute(attributes, ROUTE_DESTINATION)? == [169, 254, 0, 0];
    if !is_link_local || attribute(attributes, ROUTE_GATEWAY).is_some() {
        return None;
    }
    number(attribute(attributes, ROUTE_INTERFACE)?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_attributes(fixed: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = fixed.to_vec();
        for (kind, value) in attributes {
            body.extend((value.len() as u16 + 4).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    fn link(index: u32, flags: u32) -> [u8; LINK_FIXED] {
        let mut fixed = [0; LINK_FIXED];
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
        fixed
    }

    fn address(prefix_len: u8, flags: u8, index: u32) -> [u8; ADDRESS_FIXED] {
        let [a, b, c, d] = index.to_ne_bytes();
        [2, prefix_len, flags, 0, a, b, c, d]
    }

    #[test]
    fn a_link_has_index_name_mtu_and_flags() {
        let message = with_attributes(
            &link(7, UP | RUNNING | MULTICAST),
            &[(LINK_NAME, b"eth0\0"), (LINK_MTU, &9000_u32.to_ne_bytes())],
        );
        let found = read_link(&message).expect("a link");
        assert_eq!(
            (found.index, found.name.as_str(), found.mtu),
            (7, "eth0", 9000)
        );
        assert!(found.is_up && found.has_carrier && found.is_multicast);
        assert!(!found.is_loopback && !found.is_point_to_point);
        let down = with_attributes(&link(8, LOOPBACK | POINT_TO_POINT), &[(LINK_NAME, b"x\0")]);
        let found = read_link(&down).expect("a link");
        assert!(found.is_loopback && found.is_point_to_point && !found.is_up);
        assert_eq!(found.mtu, MTU_UNKNOWN);
    }

    #[test]
    fn the_local_address_goes_before_that_of_the_peer() {
        let (peer, own): (&[u8], &[u8]) = (&[10, 0, 0, 2], &[10, 0, 0, 1]);
        let message = with_attributes(
            &address(32, 0x80, 3),
            &[(ADDRESS_ANY, peer), (ADDRESS_LOCAL, own)],
        );
        let (index, found) = read_address(&message).expect("an address");
        assert_eq!(
            (index, found.ip, found.prefix_len),
            (3, [10, 0, 0, 1].into(), 32)
        );
        assert!(found.is_ready);
        let one = with_attributes(&address(24, 0x80, 3), &[(ADDRESS_ANY, peer)]);
        assert_eq!(
            read_address(&one).expect("an address").1.ip,
            IpAddr::from([10, 0, 0, 2])
        );
    }

    /// Flags that do not fit the byte of the fixed part are in an attribute of four.
    #[test]
    fn an_ipv6_address_that_is_checked_or_taken_is_not_ready() {
        let ip: &[u8] = &Ipv6Addr::LOCALHOST.octets();
        let is_ready = |fixed: u8, flags: Option<u32>| {
            let flags = flags.map(u32::to_ne_bytes);
            let mut attributes = vec![(ADDRESS_ANY, ip)];
            attributes.extend(flags.as_ref().map(|flags| (ADDRESS_FLAGS, &flags[..])));
            let message = with_attributes(&address(64, fixed, 1), &attributes);
            read_address(&message).expect("an address").1.is_ready
        };
        assert!(is_ready(0x80, None) && is_ready(0x80, Some(0x280)));
        for not_ready in [0x40, 0x08, 0x48] {
            assert!(!is_ready(not_ready, None), "{not_ready:x}");
            assert!(
                !is_ready(0, Some(u32::from(not_ready) | 0x200)),
                "{not_ready:x}"
            );
        }
    }

    #[test]
    fn a_route_to_link_local_addresses_has_no_gateway() {
        let route = |prefix_len: u8, kind: u8, attributes: &[(u16, &[u8])]| {
            let fixed = [2, prefix_len, 0, 0, 254, 3, 253, kind, 0, 0, 0, 0];
            read_link_local_route(&with_attributes(&fixed, attributes))
        };
        let index = 5_u32.to_ne_bytes();
        let to: (u16, &[u8]) = (ROUTE_DESTINATION, &[169, 254, 0, 0]);
        let over: (u16, &[u8]) = (ROUTE_INTERFACE, &index);
        assert_eq!(route(16, 1, &[to, over]), Some(5));
        assert_eq!(
            route(16, 1, &[to, over, (ROUTE_GATEWAY, &[10, 0, 0, 1])]),
            None
        );
        assert_eq!(route(24, 1, &[to, over]), None);
        assert_eq!(route(16, 7, &[to, over]), None, "unreachable");
        assert_eq!(
            route(16, 1, &[(ROUTE_DESTINATION, &[169, 253, 0, 0]), over]),
            None
        );
        assert_eq!(route(0, 1, &[over]), None, "the default route");
    }

    /// What ends too early is not read, and nothing panics; nor is anything read for ever.
    #[test]
    fn a_message_cut_anywhere_is_left_out() {
        let body = with_attributes(&link(7, UP), &[(LINK_NAME, b"eth0\0")]);
        let mut datagram = Vec::new();
        for _ in 0..2 {
            datagram.extend(((HEADER + body.len()) as u32).to_ne_bytes());
            datagram.extend(16_u16.to_ne_bytes());
            datagram.extend([0; HEADER - 6]);
            datagram.extend(&body);
        }
        let count = |bytes: &[u8]| messages(bytes).filter_map(|m| read_link(m.body)).count();
        assert_eq!(count(&datagram), 2);
        let half = datagram.len() / 2;
        for len in 0..half {
            assert_eq!(count(&datagram[..len]), 0, "{len}");
            assert_eq!(count(&datagram[..half + len]), 1, "{len}");
        }
        for len in 0..body.len() {
            let cut = &body[..len];
            let read = (
                read_link(cut),
                read_address(cut),
                read_link_local_route(cut),
            );
            assert!(read.0.is_none_or(|link| link.name == "eth0"), "{len}");
        }
        assert_eq!(messages(&[0; 64]).count(), 0, "a length of zero");
        assert_eq!(attribute(&[0; 64], 0), None, "a length of zero");
    }

    #[test]
    fn the_kernel_lists_loopback() {
        let all = interfaces().expect("a list");
        let lo = all
            .iter()
            .find(|found| found.is_loopback)
            .expect("loopback");
        assert_eq!(lo.name, "lo");
        assert!(lo.mtu >= 1500 && lo.index != 0);
    }

    #[test]
    fn an_error_of_the_kernel_is_one_of_the_system() {
        assert_eq!(
            error(&(-13_i32).to_ne_bytes()).kind(),
            io::ErrorKind::PermissionDenied
        );
    }
}
