//! Who has joined the mDNS group.

use std::io;

use crate::Family;

/// The membership of this host in the mDNS group of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The index of the interface.
    pub interface: u32,
    /// Which of the two groups.
    pub family: Family,
    /// How many sockets have joined, those of this process among them.
    pub sockets: u32,
}

/// The links on which sockets of this network namespace have joined the mDNS group, whoever has
/// opened them.
///
/// # Errors
///
/// [`Unsupported`](io::ErrorKind::Unsupported) on systems other than Linux; else, `/proc` is
/// missing or hidden.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// for membership in mdns_socket::memberships()? {
///     println!("{membership:?}");
/// }
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn memberships() -> io::Result<Vec<Membership>> {
    system::memberships()
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::read_to_string;
    use std::io;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::Membership;
    use crate::{Family, GROUP_V4, GROUP_V6};

    pub(super) fn memberships() -> io::Result<Vec<Membership>> {
        let v4 = read_to_string("/proc/net/igmp")?;
        // There is no such file where IPv6 is switched off.
        let v6 = read_to_string("/proc/net/igmp6").unwrap_or_default();
        Ok(in_igmp(&v4).chain(in_igmp6(&v6)).collect())
    }

    /// A line `2 eth0 : 2 V3` for an interface, then one `FB0000E0 1 0:00000000 0` for each group:
    /// the address as a number of the machine, then the sockets.
    pub(super) fn in_igmp(text: &str) -> impl Iterator<Item = Membership> + '_ {
        let mut interface = 0;
        text.lines().filter_map(move |line| {
            let mut words = line.split_whitespace();
            let first = words.next()?;
            if !line.starts_with(char::is_whitespace) {
                interface = first.parse().unwrap_or(0);
                return None;
            }
            let group = u32::from_str_radix(first, 16).ok()?;
            let sockets = words.next()?.parse().ok()?;
            let family = Family::V4;
            (Ipv4Addr::from(group.to_ne_bytes()) == GROUP_V4).then_some(Membership {
                interface,
                family,
                sockets,
            })
        })
    }

    /// Lines `2 eth0 ff0200000000000000000000000000fb 1 0000000C 0`: index, name, group, sockets.
    pub(super) fn in_igmp6(text: &str) -> impl Iterator<Item = Membership> + '_ {
        text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let interface = words.next()?.parse().ok()?;
            let group = u128::from_str_radix(words.nth(1)?, 16).ok()?;
            let sockets = words.next()?.parse().ok()?;
            let family = Family::V6;
            (Ipv6Addr::from_bits(group) == GROUP_V6).then_some(Membership {
                interface,
                family,
                sockets,
            })
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use super::Membership;

    pub(super) fn memberships() -> io::Result<Vec<Membership>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux", target_endian = "little"))]
mod tests {
    use super::system::{in_igmp, in_igmp6};
    use super::*;

    #[test]
    fn a_group_stands_under_its_interface() {
        let text = "\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
12\tbr-lan    :     2      V3
\t\t\t\tFB0000E0     3 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
";
        let found: Vec<Membership> = in_igmp(text).collect();
        let expected = Membership {
            interface: 12,
            family: Family::V4,
            sockets: 3,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn an_ipv6_group_has_its_interface_beside_it() {
        let text = "\
1    lo              ff020000000000000000000000000001     1 0000000C 0
2    eth0            ff0200000000000000000000000000fb     2 00000004 0
2    eth0            ff0200000000000000000001ff630001     1 00000004 0
garbage
";
        let found: Vec<Membership> = in_igmp6(text).collect();
        let expected = Membership {
            interface: 2,
            family: Family::V6,
            sockets: 2,
        };
        assert_eq!(found, [expected]);
    }
}
