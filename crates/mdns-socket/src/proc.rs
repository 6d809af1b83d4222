//! What Linux shows of sockets in `/proc` (proc(5), proc_pid_net(5)).

use std::collections::HashMap;
use std::fs::{read_dir, read_link, read_to_string};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A UDP socket of this network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UdpSocket {
    /// What it is bound to.
    pub(crate) address: SocketAddr,
    /// The user whose socket it is.
    pub(crate) uid: u32,
    /// Its number, which the descriptors of its processes show.
    pub(crate) inode: u64,
}

/// Returns the UDP sockets.
///
/// # Errors
///
/// `/proc` is missing or hidden.
pub(crate) fn udp_sockets() -> io::Result<Vec<UdpSocket>> {
    let v4 = read_to_string("/proc/net/udp")?;
    // There is no such file where IPv6 is switched off.
    let v6 = read_to_string("/proc/net/udp6").unwrap_or_default();
    let lines = v4.lines().chain(v6.lines());
    Ok(lines.filter_map(read_udp_socket).collect())
}

/// Reads a line of the table. The words are: slot, address and port, those of the peer, state, queues, timer, retransmissions, user,
/// timeout, inode. The headings are no socket.
fn read_udp_socket(line: &str) -> Option<UdpSocket> {
    let mut words = line.split_ascii_whitespace();
    let (ip, port) = words.nth(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(UdpSocket {
        address: SocketAddr::new(read_ip(ip)?, port),
        uid: words.nth(5)?.parse().ok()?,
        inode: words.nth(1)?.parse().ok()?,
    })
}

/// Reads an address: groups of eight digits, each the number that the machine reads from four bytes.
fn read_ip(digits: &str) -> Option<IpAddr> {
    let word = |n: usize| {
        let digits = digits.get(8 * n..8 * n + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// Returns the process of every socket and its name, by inode. Processes come and go meanwhile, and some may not be looked into.
pub(crate) fn socket_owners() -> HashMap<u64, (u32, String)> {
    let mut owners = HashMap::new();
    for process in read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let descriptors = read_dir(process.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        let sockets = descriptors
            .filter_map(|descriptor| read_link(descriptor.path()).ok())
            .filter_map(|target| socket_inode(target.to_str()?));
        let mut sockets = sockets.peekable();
        if sockets.peek().is_none() {
            continue;
        }
        let name = std::fs::read(process.path().join("comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned();
        owners.extend(sockets.map(|inode| (inode, (pid, name.clone()))));
    }
    owners
}

/// Returns the number in `socket:[4711]`, which a descriptor of a socket is a link to.
fn socket_inode(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_table_is_a_socket() {
        let v4 = "  412: FB0000E0:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   110        0 34567 2 0000000000000000 0";
        let expected = UdpSocket {
            address: "224.0.0.251:5353".parse().expect("an address"),
            uid: 110,
            inode: 34567,
        };
        assert_eq!(read_udp_socket(v4), Some(expected));
        let v6 = "  413: 000080FE000000000000000001000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18446744073709551615 2 0000000000000000 0";
        let found = read_udp_socket(v6).expect("a socket");
        assert_eq!(found.address, "[fe80::1]:5353".parse().expect("an address"));
        assert_eq!(found.inode, u64::MAX);
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
            "",
            "  412: FB0000E0:14E9 00000000:0000 07",
            "  412: FB0000:14E9 00000000:0000 07 0:0 00:0 0 110 0 34567 2",
            "  412: FB0000E\u{e9}:14E9 00000000:0000 07 0:0 00:0 0 110 0 34567 2",
        ] {
            assert_eq!(read_udp_socket(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_descriptor_of_a_socket_shows_its_inode() {
        assert_eq!(socket_inode("socket:[4711]"), Some(4711));
        for other in ["pipe:[4711]", "/dev/null", "socket:[]", "socket:[4711"] {
            assert_eq!(socket_inode(other), None, "{other:?}");
        }
    }
}
