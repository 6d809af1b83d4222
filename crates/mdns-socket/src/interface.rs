//! Interfaces as they are now, and the difference between two looks.

use std::io;
use std::net::IpAddr;

use crate::Family;

/// What the MTU is taken for where the system does not tell: Ethernet's.
pub(crate) const MTU_UNKNOWN: u32 = 1500;

/// A network interface at one moment.
///
/// ```
/// use mdns_socket::{Address, Interface};
///
/// let hall = Interface {
///     index: 2,
///     name: "eth0".into(),
///     mtu: 1500,
///     is_up: true,
///     has_carrier: true,
///     is_multicast: true,
///     is_loopback: false,
///     is_point_to_point: false,
///     has_link_local_route: false,
///     addresses: vec![Address { ip: [192, 168, 1, 7].into(), prefix_len: 24, is_ready: true }],
/// };
/// assert!(hall.is_on_link([192, 168, 1, 200].into()));
/// assert!(!hall.is_on_link([192, 168, 2, 7].into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The system's number for it, also the scope id of its link-local addresses. Never zero; not
    /// used again soon.
    pub index: u32,
    /// Its name, such as `eth0`; it may change while the index stays.
    pub name: String,
    /// The largest IP packet it carries, in bytes, headers included.
    pub mtu: u32,
    /// It is switched on.
    pub is_up: bool,
    /// It is connected: the cable is in, the radio is associated. Meaningful only while it is up.
    pub has_carrier: bool,
    /// It says that it can multicast. Linux's `lo` does not say so, and can on IPv4.
    pub is_multicast: bool,
    /// It leads back to this host.
    pub is_loopback: bool,
    /// It leads to one other host: most tunnels and VPNs.
    pub is_point_to_point: bool,
    /// The system reaches IPv4 link-local addresses (169.254/16) over it, by a route without a gateway (RFC 3927 §2.6.2). Read on Linux
    /// alone; `false` elsewhere. It says nothing of the addresses that the interface has.
    pub has_link_local_route: bool,
    /// Its addresses, sorted.
    pub addresses: Vec<Address>,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// How many of its first bits all hosts on the link share.
    pub prefix_len: u8,
    /// It may be used and advertised. An IPv6 address is not ready while the system still asks
    /// whether another host has it (RFC 4862 §5.4), nor when one has.
    pub is_ready: bool,
}

impl Interface {
    /// Whether a host with this address is a neighbour, by the prefixes of this interface (RFC 6762
    /// §11).
    ///
    /// A link-local address is where the interface has one of its family, or a route to them. A datagram sent by unicast from
    /// anywhere else is to be ignored.
    pub fn is_on_link(&self, ip: IpAddr) -> bool {
        let is_link_local = |ip: &IpAddr| match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        let is_near = |own: &Address| {
            let is_same_kind = is_link_local(&own.ip) && Family::of(&own.ip) == Family::of(&ip);
            (is_same_kind && is_link_local(&ip)) || own.covers(ip)
        };
        (self.has_link_local_route && ip.is_ipv4() && is_link_local(&ip))
            || self.addresses.iter().any(is_near)
    }

    /// The addresses of one family that are ready to be used.
    pub fn ready(&self, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses
            .iter()
            .filter(move |address| address.is_ready && Family::of(&address.ip) == family)
            .map(|address| address.ip)
    }
}

impl Address {
    /// Whether this address and `ip` have the same prefix.
    fn covers(&self, ip: IpAddr) -> bool {
        let prefix_len = u32::from(self.prefix_len);
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= prefix_len
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                (own.to_bits() ^ ip.to_bits()).leading_zeros() >= prefix_len
            }
            _ => false,
        }
    }
}

/// All interfaces of the system, in the order of their indices.
///
/// # Errors
///
/// When the system tells of none, not even loopback: most likely the process has no file descriptor
/// left to ask with. It does not mean that the interfaces are gone.
///
/// ```
/// let all = mdns_socket::interfaces()?;
/// assert!(all.iter().any(|interface| interface.is_loopback));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let interfaces = system::interfaces().map_err(with_advice)?;
    if interfaces.is_empty() {
        return Err(io::Error::other(
            "the system lists no network interface, not even loopback; are all file descriptors in use?",
        ));
    }
    Ok(interfaces)
}

/// Says what to do where the process or the system has no descriptor left.
fn with_advice(error: io::Error) -> io::Error {
    use rustix::io::Errno;
    match Errno::from_io_error(&error) {
        #[cfg(unix)]
        Some(Errno::NFILE) => {}
        Some(Errno::MFILE) => {}
        _ => return error,
    }
    let advice = format!("{error}; close files or raise the limit (ulimit -n)");
    io::Error::new(error.kind(), advice)
}

#[cfg(target_os = "linux")]
use crate::netlink as system;

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use super::{Address, Interface, MTU_UNKNOWN};

    pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
        let mut interfaces: Vec<Interface> = netdev::get_interfaces()
            .into_iter()
            .map(Interface::from)
            .collect();
        interfaces.sort_by_key(|interface| interface.index);
        Ok(interfaces)
    }

    impl From<netdev::Interface> for Interface {
        fn from(found: netdev::Interface) -> Self {
            let v4 = found.ipv4.iter().map(|net| Address {
                ip: net.addr().into(),
                prefix_len: net.prefix_len(),
                is_ready: true,
            });
            let v6 = found.ipv6.iter().enumerate().map(|(n, net)| Address {
                ip: net.addr().into(),
                prefix_len: net.prefix_len(),
                is_ready: found
                    .ipv6_addr_flags
                    .get(n)
                    .is_none_or(|flags| !flags.tentative && !flags.duplicated),
            });
            let mut addresses: Vec<Address> = v4.chain(v6).collect();
            addresses.sort();
            Interface {
                index: found.index,
                mtu: found.mtu.unwrap_or(MTU_UNKNOWN),
                is_up: found.is_up(),
                has_carrier: found.is_running(),
                is_multicast: found.is_multicast(),
                is_loopback: found.is_loopback(),
                is_point_to_point: found.is_point_to_point(),
                has_link_local_route: false,
                name: found.name,
                addresses,
            }
        }
    }
}

/// One difference between two looks at the interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// It was not there before.
    Added(&'a Interface),
    /// It is there no more.
    Removed(&'a Interface),
    /// Something about it is different: its state, MTU, name or addresses.
    Changed {
        /// What it was.
        before: &'a Interface,
        /// What it is.
        after: &'a Interface,
    },
}

/// What is different between two looks, interfaces being the same when their indices are: first
/// what is gone, then what has changed or is new.
///
/// ```
/// use mdns_socket::{Change, changes, interfaces};
///
/// let before = interfaces()?;
/// assert_eq!(changes(&before, &before).count(), 0);
/// assert!(changes(&[], &before).all(|change| matches!(change, Change::Added(_))));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn changes<'a>(
    before: &'a [Interface],
    after: &'a [Interface],
) -> impl Iterator<Item = Change<'a>> {
    let removed = before
        .iter()
        .filter(|old| find(after, old.index).is_none())
        .map(Change::Removed);
    let others = after
        .iter()
        .filter_map(|new| match find(before, new.index) {
            None => Some(Change::Added(new)),
            Some(old) if old != new => Some(Change::Changed {
                before: old,
                after: new,
            }),
            Some(_) => None,
        });
    removed.chain(others)
}

fn find(interfaces: &[Interface], index: u32) -> Option<&Interface> {
    interfaces.iter().find(|interface| interface.index == index)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ethernet(index: u32, name: &str, addresses: &[&str]) -> Interface {
        Interface {
            index,
            name: name.into(),
            mtu: 1500,
            is_up: true,
            has_carrier: true,
            is_multicast: true,
            is_loopback: false,
            is_point_to_point: false,
            has_link_local_route: false,
            addresses: addresses.iter().map(|text| address(text)).collect(),
        }
    }

    fn address(text: &str) -> Address {
        let (ip, prefix_len) = text.split_once('/').expect("address/prefix");
        Address {
            ip: ip.parse().expect("an address"),
            prefix_len: prefix_len.parse().expect("a length"),
            is_ready: true,
        }
    }

    /// covers: SEC-15, SEC-17
    #[test]
    fn s11_a_neighbour_shares_a_prefix() {
        let hall = ethernet(
            2,
            "eth0",
            &[
                "192.168.1.9/24",
                "fd00:1::9/64",
                "fe80::9/64",
                "10.0.0.1/32",
            ],
        );
        let on_link = |ip: &str| hall.is_on_link(ip.parse().expect("an address"));
        for near in ["192.168.1.7", "fd00:1::1:7", "fe80::1", "10.0.0.1"] {
            assert!(on_link(near), "{near}");
        }
        for far in [
            "192.168.2.7",
            "fd00:2::7",
            "10.0.0.2",
            "::ffff:192.168.1.7",
            "169.254.1.1",
        ] {
            assert!(!on_link(far), "{far}");
        }
    }

    /// covers: SEC-17
    #[test]
    fn s11_a_link_local_address_is_near_where_there_is_another_or_a_route() {
        let (near4, near6) = (
            [169, 254, 3, 4].into(),
            "fe80::1".parse().expect("an address"),
        );
        let mut hall = ethernet(2, "eth0", &["192.168.1.9/24", "fd00:1::9/64"]);
        assert!(!hall.is_on_link(near4) && !hall.is_on_link(near6));
        hall.has_link_local_route = true;
        assert!(
            hall.is_on_link(near4) && !hall.is_on_link(near6),
            "a route of IPv4"
        );
        let hall = ethernet(2, "eth0", &["169.254.7.7/32", "fe80::9/128"]);
        assert!(hall.is_on_link(near4) && hall.is_on_link(near6));
        let hall = ethernet(2, "eth0", &["192.168.1.9/24", "fe80::9/64"]);
        assert!(
            !hall.is_on_link(near4),
            "one of the other family says nothing"
        );
    }

    #[test]
    fn a_prefix_of_no_bits_is_everywhere() {
        assert!(ethernet(2, "tun0", &["10.0.0.1/0"]).is_on_link([8, 8, 8, 8].into()));
    }

    #[test]
    fn an_address_in_doubt_is_not_ready() {
        let mut hall = ethernet(2, "eth0", &["192.168.1.9/24", "fe80::9/64"]);
        assert_eq!(hall.ready(Family::V6).count(), 1);
        hall.addresses[1].is_ready = false;
        assert_eq!(hall.ready(Family::V6).count(), 0);
        assert_eq!(hall.ready(Family::V4).count(), 1);
    }

    #[test]
    fn changes_tell_what_came_went_and_turned() {
        let (hall, attic) = (
            ethernet(2, "eth0", &["10.0.0.2/8"]),
            ethernet(3, "eth1", &[]),
        );
        let (renamed, cellar) = (ethernet(3, "lan1", &[]), ethernet(4, "eth2", &[]));
        let before = [hall.clone(), attic.clone()];
        let after = [renamed.clone(), cellar.clone()];
        assert_eq!(
            changes(&before, &after).collect::<Vec<_>>(),
            [
                Change::Removed(&hall),
                Change::Changed {
                    before: &attic,
                    after: &renamed
                },
                Change::Added(&cellar)
            ]
        );
    }

    #[test]
    fn an_address_that_becomes_ready_is_a_change() {
        let after = [ethernet(2, "eth0", &["fe80::2/64"])];
        let mut before = after.clone();
        before[0].addresses[0].is_ready = false;
        assert_eq!(changes(&before, &after).count(), 1);
    }
}
