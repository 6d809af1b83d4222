//! What strangers send to a socket, and what the system tells of it (docs/security.md), on loopback.

#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use mdns_socket::{Family, Interface, LinkSocket, Received, Selection, Watcher, interfaces};
use rustix::net::{AddressFamily, SendFlags, netlink::SocketAddrNetlink, sendto};
use socket2::{Domain, Protocol, Socket, Type};

fn loopback() -> Interface {
    let all = interfaces().expect("interfaces");
    let selection = Selection::loopback();
    let (interface, _) = selection.links(&all).next().expect("a loopback link");
    interface.clone()
}

fn open() -> LinkSocket {
    LinkSocket::open(&loopback(), Family::V4).expect("a socket")
}

/// All that has come from this sender.
fn from(socket: &LinkSocket, sender: SocketAddr) -> Vec<Received> {
    let mut buffer = [0; 9000];
    let mut heard = Vec::new();
    loop {
        match socket.recv_from(&mut buffer) {
            Ok(received) if received.source == sender => heard.push(received),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return heard,
            Err(error) => panic!("cannot receive: {error}"),
        }
    }
}

/// A datagram of any length comes whole or as none, and hides none behind it.
///
/// covers: SEC-07, SEC-24, CVE-2011-1002
#[test]
fn a_datagram_of_any_length_comes_whole_or_not_at_all() {
    let (ear, mouth) = (
        open(),
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket"),
    );
    let sender = mouth.local_addr().expect("an address");
    // What fits into a buffer of 9,000 bytes, and what does not, up to the largest datagram of IPv4.
    for (len, heard) in [
        (0, 0),
        (1, 1),
        (11, 11),
        (512, 512),
        (1_500, 1_500),
        (8_972, 8_972),
        (9_000, 9_000),
        (9_001, 0),
        (20_000, 0),
        (65_507, 0),
    ] {
        mouth.send_to(&vec![0x5a; len], ear.group()).expect("sent");
        mouth.send_to(b"behind", ear.group()).expect("sent");
        let lens: Vec<_> = from(&ear, sender)
            .iter()
            .map(|received| received.len)
            .collect();
        assert_eq!(lens, [heard, 6], "{len}");
    }
}

/// What another process tells a watcher, if it may tell anything at all, is no more than a reason to look.
///
/// covers: CVE-2006-5461
#[test]
fn a_watcher_believes_nobody() {
    /// Netlink messages begin with their length, type, flags, number and sender (netlink(7)); this one says that the loopback
    /// interface is gone: `RTM_DELLINK`, with an `ifinfomsg` of index 1.
    fn gone() -> Vec<u8> {
        let head = [
            32u32.to_ne_bytes(),
            [17u16.to_ne_bytes(), [0; 2]]
                .concat()
                .try_into()
                .expect("four"),
            [0; 4],
            [0; 4],
        ];
        let body = [[0; 4], 1i32.to_ne_bytes(), [0; 4], [0xff; 4]];
        [head.concat(), body.concat()].concat()
    }
    let watcher = Watcher::new().expect("a watcher");
    let address =
        SocketAddrNetlink::try_from(rustix::net::getsockname(&watcher).expect("an address"))
            .expect("netlink");
    let before = loopback();
    watcher.drain().expect("what came meanwhile");

    let domain = Domain::from(i32::from(AddressFamily::NETLINK.as_raw()));
    let forger = Socket::new(domain, Type::RAW, Some(Protocol::from(0))).expect("a socket");
    for message in [gone(), Vec::new(), vec![0xff; 3], vec![0xff; 60_000]] {
        let sent = sendto(
            &forger,
            &message,
            SendFlags::empty(),
            &SocketAddrNetlink::new(address.pid(), 0),
        );
        match sent.map_err(io::Error::from) {
            Ok(_) => assert!(
                watcher
                    .wait(Some(Duration::from_secs(5)))
                    .expect("a watcher that lives")
            ),
            // The system lets root alone talk to it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            // Nothing cannot be sent at all.
            Err(error) => assert!(message.is_empty(), "{error}"),
        }
        assert_eq!(loopback(), before);
    }
    watcher.drain().expect("a watcher that lives");
}
