//! One link: one interface and one IP family, as RFC 6762 §20 sees the world; and the datagrams that pass over it.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    time::Duration,
};

use crate::name::Name;

/// The port of Multicast DNS (RFC 6762 §22).
pub const PORT: u16 = 5353;
/// The IPv4 group of Multicast DNS.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// The IPv6 group of Multicast DNS.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// The IPv4 TTL and IPv6 hop limit of all that is sent (RFC 6762 §11). What arrives with it was not forwarded.
pub const HOP_LIMIT: u8 = 255;

/// How long after a question or a probe that asked for it an answer by unicast is believed (RFC 6762 §6).
pub(crate) const UNICAST_SPAN: Duration = Duration::from_secs(2);

/// The number by which the caller knows an interface; that of the operating system, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceId(pub u32);

/// One of the two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, in the order in which they are tried.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub const fn of(address: &IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Bytes of IP and UDP headers before the payload: 28 or 48.
    pub const fn headers(self) -> usize {
        match self {
            Family::V4 => 28,
            Family::V6 => 48,
        }
    }

    /// The group and port that everything multicast goes to.
    pub const fn group(self) -> SocketAddr {
        match self {
            Family::V4 => SocketAddr::V4(SocketAddrV4::new(GROUP_V4, PORT)),
            Family::V6 => SocketAddr::V6(SocketAddrV6::new(GROUP_V6, PORT, 0, 0)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// The number of a link: a byte where nothing allocates.
#[cfg(not(feature = "alloc"))]
pub(crate) type LinkNumber = u8;
#[cfg(feature = "alloc")]
pub(crate) type LinkNumber = u16;

/// The most links of a host: 4,096, and 255 without the feature `alloc`. One more is refused.
pub const LINKS_MAX: usize = if cfg!(feature = "alloc") { 4096 } else { 255 };

/// A link of a host: the number [`add_link`](crate::host::Host::add_link) gave it.
///
/// Numbers are small and taken again after a link is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub(crate) LinkNumber);

impl LinkId {
    /// The link of a row with this number, which is below [`LINKS_MAX`].
    pub(crate) fn of(row: u32) -> LinkId {
        LinkId(LinkNumber::try_from(row).unwrap_or(LinkNumber::MAX))
    }

    /// The number itself, for the caller's own tables: below the number of links there ever were at once.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// The interface.
    pub interface: InterfaceId,
    /// The family.
    pub family: Family,
    /// The largest IP packet of the link, in bytes; packets of several records keep to it (RFC 6762 §17). At least 576.
    pub mtu: u16,
    /// Whether answers sent to us by unicast can arrive: no other stack shares port 5353 (§15.1). Only then do we ask for them;
    /// and only then do we publish the reverse mapping of our addresses, which such a neighbour has too and takes for its own.
    pub unicast: bool,
    /// Whether nothing is registered on the link: no probe, no announcement, no answer and no goodbye is sent there. For a link that
    /// is not multicast: another program of this host, or a server, answers what is asked there.
    ///
    /// Packets that are polled for such a link are queries. The caller need not send them: it may read what they
    /// [ask](crate::wire::Message::questions), obtain the records in its own way, and pass them to
    /// [`handle_packet`](crate::host::Host::handle_packet) as a response from port 5353 that came by multicast; a record that is no more,
    /// with a TTL of 0. [`is_wanted`](crate::host::Host::is_wanted) says for how long records of a name and type are still wanted.
    pub asks_only: bool,
    /// The names that are asked for on the link.
    pub names: Names,
}

impl LinkConfig {
    /// A link to the mDNS group, of an Ethernet: the base for those that differ in some fields.
    pub const MULTICAST: LinkConfig = LinkConfig {
        interface: InterfaceId(0),
        family: Family::V4,
        mtu: 1500,
        unicast: false,
        asks_only: false,
        names: Names::All,
    };
}

/// Which names are asked for on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Names {
    /// All that the application asks for.
    All,
    /// Those of the link alone: under `local` and the reverse names of link-local addresses (RFC 6762 §3, §4).
    LinkLocal,
    /// All others: those that a unicast server knows.
    Global,
}

impl Names {
    /// Whether a name is among them.
    pub fn contain(self, name: Name<'_>) -> bool {
        match self {
            Names::All => true,
            Names::LinkLocal => name.is_link_local(),
            Names::Global => !name.is_link_local(),
        }
    }
}

/// An address of an interface and the network around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subnet {
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits name the network.
    pub prefix_len: u8,
}

impl Subnet {
    /// Whether an address is on the same network (RFC 6762 §11).
    pub fn contains(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u128::from(ours.to_bits()), u128::from(theirs.to_bits()), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        let host_bits = u32::from(width - self.prefix_len.min(width));
        (ours ^ theirs).checked_shr(host_bits).unwrap_or(0) == 0
    }
}

/// Whether an address is link-local: 169.254/16 (RFC 3927) or fe80::/10 (RFC 4291).
pub(crate) const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Which way a datagram came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Sent to the group.
    Multicast,
    /// Sent to an address of ours.
    Unicast,
    /// Sent to the port that the one-shot questions of the link leave from ([`SourcePort::OneShot`]).
    OneShot,
}

/// The port that a datagram leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePort {
    /// Port 5353.
    Mdns,
    /// Another port than 5353, which the system chose at random: that of one-shot questions (RFC 6762 §5.1). Answers come to it at
    /// once, by unicast (§6.7). Only on links for which [`set_one_shot`](crate::host::Host::set_one_shot) said that there is one.
    OneShot,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// Which way it came.
    pub via: Via,
    /// The IPv4 TTL or IPv6 hop limit it arrived with, where the system reports it. No router can have forwarded a datagram that has
    /// 255; any other is believed from the interface's own networks alone (RFC 6762 §11).
    pub hop_limit: Option<u8>,
    /// The whole UDP payload; a truncated datagram must not be passed on.
    pub bytes: &'a [u8],
}

/// Where a datagram is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the group, port 5353.
    Multicast,
    /// To one asker.
    Unicast(SocketAddr),
}

/// A datagram to be sent: the first `len` bytes of the buffer that was passed.
///
/// It leaves with an IP TTL or hop limit of 255 (RFC 6762 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// On which link.
    pub link: LinkId,
    /// From which port.
    pub source: SourcePort,
    /// Where to.
    pub destination: Destination,
    /// How many bytes of the buffer.
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_leading_bits() {
        let of = |text: &str, prefix_len| Subnet {
            address: text.parse().unwrap(),
            prefix_len,
        };
        let is = |net: Subnet, other: &str| net.contains(other.parse().unwrap());
        assert!(is(of("192.168.1.2", 24), "192.168.1.7"));
        assert!(!is(of("192.168.1.2", 24), "192.168.2.7"));
        assert!(is(of("192.168.1.2", 0), "10.0.0.1"));
        assert!(!is(of("10.0.0.1", 32), "10.0.0.2"));
        assert!(is(of("fe80::1", 64), "fe80::2"));
        assert!(!is(of("fe80::1", 64), "2001:db8::2"));
        assert!(is(of("::", 0), "2001:db8::2"));
        assert!(!is(of("10.0.0.1", 8), "::1"));
    }
}
