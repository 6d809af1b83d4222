//! Who else has port 5353.

use std::fmt;
use std::net::SocketAddr;

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

#[cfg(target_os = "linux")]
mod system {
    use std::collections::HashMap;

    use nix::unistd::{Uid, User};
    use procfs::process::{FDTarget, all_processes};

    use super::Holder;
    use crate::PORT;

    pub(super) fn port_holders() -> Vec<Holder> {
        let v4 = procfs::net::udp().unwrap_or_default();
        let v6 = procfs::net::udp6().unwrap_or_default();
        let sockets: Vec<_> = v4
            .into_iter()
            .chain(v6)
            .filter(|entry| entry.local_address.port() == PORT)
            .collect();
        if sockets.is_empty() {
            return Vec::new();
        }
        let owners = socket_owners();
        let holder = |entry: procfs::net::UdpNetEntry| Holder {
            address: entry.local_address,
            uid: entry.uid,
            user: user_name(entry.uid),
            process: owners.get(&entry.inode).cloned(),
        };
        sockets.into_iter().map(holder).collect()
    }

    fn user_name(uid: u32) -> Option<String> {
        let user = User::from_uid(Uid::from_raw(uid)).ok()??;
        Some(user.name)
    }

    /// The process of every socket, by inode. Processes come and go meanwhile, and some may not be
    /// looked into.
    fn socket_owners() -> HashMap<u64, (u32, String)> {
        let mut owners = HashMap::new();
        for process in all_processes().into_iter().flatten().flatten() {
            let (Ok(descriptors), Ok(stat)) = (process.fd(), process.stat()) else {
                continue;
            };
            let Ok(pid) = u32::try_from(process.pid) else {
                continue;
            };
            for descriptor in descriptors.flatten() {
                if let FDTarget::Socket(inode) = descriptor.target {
                    owners.insert(inode, (pid, stat.comm.clone()));
                }
            }
        }
        owners
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn port_holders() -> Vec<super::Holder> {
        Vec::new()
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
