//! Who else has port 5353.

use std::fmt;
use std::net::SocketAddr;

use crate::Family;
use crate::socket::is_port_free;

/// A socket on port 5353, of this process or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it is bound to.
    pub address: SocketAddr,
    /// The user whose socket it is.
    pub uid: u32,
    /// The user's name, if the system knows one.
    pub user: Option<String>,
    /// The process and its name; known only for the own processes of the asking user, or to root.
    pub process: Option<(u32, String)>,
}

impl Holder {
    /// The program, or whose it is: `avahi-daemon (pid 812)`, `a program of user avahi`.
    pub fn program(&self) -> String {
        match (&self.process, &self.user) {
            // A process calls itself what it likes.
            (Some((pid, name)), _) => {
                let name = name.replace(char::is_control, "\u{fffd}");
                format!("{name} (pid {pid})")
            }
            (None, Some(user)) => format!("a program of user {user}"),
            (None, None) => format!("a program of user id {}", self.uid),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.program(), self.address)
    }
}

/// The sockets on port 5353 of this network namespace, the own ones among them.
///
/// It reads `/proc` from end to end: for diagnosis, not for every start. Empty where it cannot be
/// known: where `/proc` is missing or hidden, and on systems other than Linux.
///
/// ```
/// for holder in mdns_socket::port_holders() {
///     println!("port 5353 is used by {holder}");
/// }
/// ```
pub fn port_holders() -> Vec<Holder> {
    system::port_holders()
}

/// Returns whether another mDNS stack runs on this host, which may have the host name of the system.
///
/// On Linux such a stack has a socket on port 5353 for all addresses, and a socket in the mDNS group. A program that has the
/// port on one address alone, as a DNS proxy on 127.0.0.1, is none. Sockets that are bound to the group are left out, too: so are
/// those of a [`LinkSocket`](crate::LinkSocket), and the first stack that uses this crate has a [`UnicastSocket`](crate::UnicastSocket)
/// beside them. Elsewhere, and where `/proc` is hidden, a stack is there if the port cannot be had exclusively.
///
/// Ask before the first socket is opened: a socket of this process counts.
pub fn is_beside_stack() -> bool {
    system::is_beside_stack()
}

/// Whether all who have the port are bound to the group, and so get no unicast of this family. `false` where it cannot be known.
pub(crate) fn are_bound_to_group(family: Family) -> bool {
    system::are_bound_to_group(family)
}

/// Whether anybody has the port.
fn is_port_in_use() -> bool {
    Family::ALL
        .iter()
        .any(|family| matches!(is_port_free(*family), Ok(false)))
}

#[cfg(target_os = "linux")]
mod system {
    use nix::unistd::{Uid, User};

    use super::{Holder, is_port_in_use};
    use crate::proc::{UdpSocket, socket_owners, udp_sockets};
    use crate::{Family, PORT, memberships};

    /// The sockets on the port; `None` where `/proc` is hidden.
    fn sockets() -> Option<Vec<UdpSocket>> {
        let mut sockets = udp_sockets().ok()?;
        sockets.retain(|socket| socket.address.port() == PORT);
        Some(sockets)
    }

    pub(super) fn is_beside_stack() -> bool {
        match (sockets(), memberships()) {
            (Some(sockets), Ok(memberships)) => {
                let is_for_all = |socket: &UdpSocket| socket.address.ip().is_unspecified();
                !memberships.is_empty() && sockets.iter().any(is_for_all)
            }
            _ => is_port_in_use(),
        }
    }

    pub(super) fn are_bound_to_group(family: Family) -> bool {
        let Some(sockets) = sockets() else {
            return false;
        };
        sockets.iter().all(|socket| {
            let ip = socket.address.ip();
            // A socket for all IPv6 addresses may take IPv4 too.
            ip.is_multicast() || (Family::of(&ip) != family && !ip.is_unspecified())
        })
    }

    pub(super) fn port_holders() -> Vec<Holder> {
        let sockets = sockets().unwrap_or_default();
        if sockets.is_empty() {
            return Vec::new();
        }
        let owners = socket_owners();
        let holder = |socket: UdpSocket| Holder {
            address: socket.address,
            uid: socket.uid,
            user: user_name(socket.uid),
            process: owners.get(&socket.inode).cloned(),
        };
        sockets.into_iter().map(holder).collect()
    }

    fn user_name(uid: u32) -> Option<String> {
        let user = User::from_uid(Uid::from_raw(uid)).ok()??;
        Some(user.name)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn port_holders() -> Vec<super::Holder> {
        Vec::new()
    }

    pub(super) fn is_beside_stack() -> bool {
        super::is_port_in_use()
    }

    /// On the BSDs and macOS, too, a socket that is bound to a group gets no unicast; who is bound so is not asked there.
    pub(super) fn are_bound_to_group(_: super::Family) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: SEC-19
    #[test]
    fn a_holder_is_named_as_well_as_it_is_known() {
        let address = "0.0.0.0:5353".parse().expect("an address");
        let daemon = Holder {
            address,
            uid: 110,
            user: Some("avahi".to_owned()),
            process: Some((812, "avahi-daemon".to_owned())),
        };
        assert_eq!(daemon.to_string(), "avahi-daemon (pid 812) on 0.0.0.0:5353");
        let nasty = Holder {
            process: Some((7, "\u{1b}[2J\n".to_owned())),
            ..daemon.clone()
        };
        let harmless = "\u{fffd}[2J\u{fffd} (pid 7) on 0.0.0.0:5353";
        assert_eq!(nasty.to_string(), harmless);
        let hidden = Holder {
            process: None,
            ..daemon
        };
        assert_eq!(
            hidden.to_string(),
            "a program of user avahi on 0.0.0.0:5353"
        );
        let nobody = Holder {
            user: None,
            ..hidden
        };
        assert_eq!(
            nobody.to_string(),
            "a program of user id 110 on 0.0.0.0:5353"
        );
    }
}
