//! Sockets on loopback: what can be seen without root and without a network. IPv4 alone, since `lo`
//! has no IPv6 multicast.

#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use mdns_socket::{
    Family, GROUP_V4, Interface, LinkSocket, Membership, OneShotSocket, PORT, Received, Selection,
    UnicastSocket, interfaces, is_beside_stack, memberships, port_holders, receive, try_links,
};

/// The loopback interface of this machine.
fn loopback() -> Interface {
    let all = interfaces().expect("interfaces");
    let selection = Selection::loopback();
    let (interface, family) = selection.links(&all).next().expect("a loopback link");
    assert_eq!(family, Family::V4);
    interface.clone()
}

fn open() -> LinkSocket {
    LinkSocket::open(&loopback(), Family::V4).expect("a socket")
}

/// The first datagram that is `bytes`; other tests, and other programs, talk on the same group.
fn hear(socket: &UdpSocket, bytes: &[u8]) -> Option<Received> {
    socket.set_nonblocking(false).expect("a blocking socket");
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    let mut buffer = [0; 9000];
    loop {
        match receive(socket, &mut buffer) {
            Ok(received) if &buffer[..received.len] == bytes => return Some(received),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("cannot receive: {error}"),
        }
    }
}

/// covers: 6762-15.1-a, 6762-5.2-o
#[test]
fn s15_1_all_sockets_of_a_link_hear_the_group() {
    let sockets = [open(), open(), open()];
    sockets[0]
        .send_to(b"to all", sockets[0].group())
        .expect("sent");
    for socket in &sockets {
        assert!(hear(socket.socket(), b"to all").is_some());
    }
}

/// covers: 6762-11-a, 6762-11-e, 6762-5.2-n, 6762-22-a, BCT-III-1
#[test]
fn s11_a_datagram_leaves_from_5353_with_hop_limit_255() {
    let (speaker, listener) = (open(), open());
    speaker.send_to(b"hop", speaker.group()).expect("sent");
    let received = hear(listener.socket(), b"hop").expect("heard");
    assert_eq!(
        received.source,
        SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))
    );
    assert_eq!(received.destination, Some(IpAddr::from(GROUP_V4)));
    assert_eq!(received.interface, Some(loopback().index));
    assert_eq!(received.hop_limit, Some(255));
}

/// A one-shot question leaves from a port that nobody can guess and nobody else gets, and what is answered comes there.
///
/// covers: 6762-5.1-a, 6762-11-a, SEC-18, CVE-2024-52615
#[test]
fn s5_1_a_one_shot_question_leaves_from_a_random_port_of_its_own() {
    let sockets = [(); 8].map(|()| OneShotSocket::open(&loopback(), Family::V4).expect("a socket"));
    let port = |socket: &OneShotSocket| socket.socket().local_addr().expect("an address").port();
    let mut ports = sockets.each_ref().map(port);
    ports.sort_unstable();
    assert!(ports.windows(2).all(|pair| pair[0] < pair[1]), "{ports:?}");
    assert!(
        ports[0] > PORT && ports[7] - ports[0] > 7,
        "not one after another: {ports:?}"
    );

    let (listener, asker) = (open(), &sockets[0]);
    asker.ask(b"one shot").expect("sent");
    let asked = hear(listener.socket(), b"one shot").expect("heard");
    assert_eq!(asked.source, (Ipv4Addr::LOCALHOST, port(asker)).into());
    assert_eq!(asked.hop_limit, Some(255));
    listener.send_to(b"group", listener.group()).expect("sent");
    listener.send_to(b"answer", asked.source).expect("sent");
    let mut buffer = [0; 9000];
    asker
        .socket()
        .set_nonblocking(false)
        .expect("a blocking socket");
    let answer = asker.recv_from(&mut buffer).expect("an answer");
    assert_eq!(&buffer[..answer.len], b"answer", "the group is not heard");
    assert_eq!(answer.source, (Ipv4Addr::LOCALHOST, PORT).into());
    assert_eq!(answer.interface, Some(loopback().index));

    let thief =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).expect("a socket");
    thief.set_reuse_address(true).expect("an option");
    let taken = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port(asker)));
    assert!(thief.bind(&taken.into()).is_err());
}

/// covers: 6762-6-p, 6762-11-a, BCT-III-1
#[test]
fn s6_unicast_leaves_from_5353_with_hop_limit_255() {
    let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    setsockopt(&asker, sockopt::Ipv4RecvTtl, &true).expect("an option");
    let link = open();
    link.send_to(b"unicast", asker.local_addr().expect("an address"))
        .expect("sent");
    let received = hear(&asker, b"unicast").expect("heard");
    assert_eq!(
        received.source,
        SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))
    );
    assert_eq!(received.hop_limit, Some(255));
}

/// covers: 6762-17-e
#[test]
fn s17_the_largest_message_arrives_whole() {
    let (speaker, listener) = (open(), open());
    let message = [0x5a; 8972];
    speaker.send_to(&message, speaker.group()).expect("sent");
    assert!(hear(listener.socket(), &message).is_some());
}

/// covers: 6762-17-e, SEC-24
#[test]
fn s17_half_a_message_is_none() {
    let (speaker, listener) = (open(), open());
    speaker
        .send_to(&[0xa5; 600], speaker.group())
        .expect("sent");
    let mut small = [0; 599];
    let mut lens = Vec::new();
    while let Ok(received) = listener.recv_from(&mut small) {
        if small == [0xa5; 599] {
            lens.push(received.len);
        }
    }
    assert_eq!(lens, [0]);
}

#[test]
fn a_socket_with_nothing_to_read_would_block() {
    let socket = open();
    let mut buffer = [0; 9000];
    let error = loop {
        if let Err(error) = socket.recv_from(&mut buffer) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Who is bound to the group takes no unicast, and one address is not all; who has them all is another stack.
///
/// covers: 6762-15.1-c, 6762-15.1-b
#[test]
fn s15_1_a_port_in_use_has_no_unicast_socket() {
    if port_holders()
        .iter()
        .any(|holder| holder.address.ip().is_unspecified())
    {
        eprintln!("skipped: another stack runs on this machine");
        return;
    }
    let unicast = || UnicastSocket::open(Family::V4).expect("an answer");
    let _link = open();
    let proxy = UdpSocket::bind((Ipv4Addr::LOCALHOST, PORT)).expect("the port");
    assert!(!is_beside_stack());
    assert!(unicast().is_none());
    drop(proxy);

    let first = unicast().expect("no other gets unicast");
    assert!(is_beside_stack());
    assert!(unicast().is_none());
    drop(first);
    assert!(!is_beside_stack());
    assert!(unicast().is_some());
}

#[test]
fn an_interface_that_is_gone_is_told() {
    let gone = Interface {
        index: 999_999,
        name: "eth9".into(),
        ..loopback()
    };
    let error = LinkSocket::open(&gone, Family::V4).expect_err("no interface");
    assert_eq!(error.reason(), &mdns_socket::Reason::InterfaceGone);
    assert!(
        error
            .to_string()
            .starts_with("eth9, IPv4: cannot join the mDNS group: "),
        "{error}"
    );
}

#[test]
fn the_holder_of_a_socket_is_found() {
    let _socket = open();
    let own = std::process::id();
    let is_own =
        |holder: &mdns_socket::Holder| holder.process.as_ref().is_some_and(|(pid, _)| *pid == own);
    assert!(
        port_holders()
            .iter()
            .any(|holder| is_own(holder) && holder.address == (GROUP_V4, PORT).into())
    );
}

#[test]
fn a_trial_hears_its_own_datagram() {
    let lo = loopback();
    let span = Duration::from_millis(200);
    let trials = try_links(&[(&lo, open())], &[], b"a trial", span).expect("trials");
    let [trial] = &trials[..] else {
        panic!("one link, {} trials", trials.len());
    };
    assert!(trial.sent.is_ok() && trial.came_back);
    // What other tests say at the same time comes from our own address.
    assert!(trial.by_multicast.is_empty() && trial.by_unicast.is_empty());
}

#[test]
fn a_membership_is_seen() {
    let link = open();
    let found = memberships().expect("memberships");
    let is_its = |found: &Membership| found.interface == loopback().index;
    let its = found.iter().find(|found| is_its(found)).expect("a member");
    assert!(its.family == Family::V4 && its.sockets >= 1);
    drop(link);
}
