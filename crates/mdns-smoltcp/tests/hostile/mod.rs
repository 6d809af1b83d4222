//! Frames that nobody honest sends (docs/security.md): what does not reach the protocol, and what does it no harm.

use std::{
    net::{IpAddr, SocketAddr},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use mdns_sim::reported_packets;
use mdns_smoltcp::proto::{
    link::{Family, GROUP_V4, PORT},
    stats::Stats,
    wire::RecordType,
};
use smoltcp::{
    iface::{SocketSet, SocketStorage},
    time::Duration,
    wire::{IpProtocol, Ipv4Packet, Ipv6Packet, UdpPacket},
};

use crate::{
    SECOND, has_address, question,
    wire::{Datagram, Ethernet, Port, STRANGER, STRANGER_V6, frame, socket},
};

/// Where the parts of a frame of IPv4 begin.
const IP: usize = 14;
const UDP: usize = IP + 20;

/// A board with a service, announced and quiet, and a port for the hostile.
fn quiet(families: &[Family]) -> (Ethernet, Port) {
    let mut net = Ethernet::of(families, &[&["10.0.0.1/24", "fe80::1/64"]]);
    net.boards[0].advertise("hall", "Door");
    net.boards[0].browse();
    net.run_for(SECOND * 20);
    let port = net.port();
    (net, port)
}

fn stats(net: &Ethernet, family: Family) -> Stats {
    let mdns = &net.boards[0].mdns;
    let link = mdns.link(family).expect("a link");
    mdns.stats(link).expect("a link")
}

/// What the board answers in a while.
fn answers_in(net: &mut Ethernet, span: Duration) -> Vec<Datagram> {
    let before = net.said_by(0).len();
    net.run_for(span);
    let mut said = net.said_by(0).split_off(before);
    said.retain(Datagram::is_response);
    said
}

/// The board has its names, answers who asks, and finds who is there.
fn assert_well(net: &mut Ethernet, port: &Port) {
    net.run_for(SECOND * 12);
    assert!(!net.boards[0].has_told("renamed"));
    net.say(port, STRANGER, &question("hall.local", RecordType::A, 0));
    let said = answers_in(net, SECOND);
    assert!(said.iter().any(|said| has_address(&said.message())));
    net.board(&[Family::V4]).set_addresses(&["10.0.0.3/24"]);
    let honest = net.boards.len() - 1;
    net.boards[honest].plug(true);
    net.boards[honest].advertise("honest", "Honest");
    net.run_for(SECOND * 4);
    assert!(net.boards[0].has_told("found Honest._http._tcp.local at 10.0.0.3:80"));
}

/// Sets the checksums of a frame of IPv4 that was changed.
fn mend(frame: &mut [u8]) {
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[IP..]);
    ip.fill_checksum();
    let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
    // What has no checksum for its length is left with the one it had.
    let len = usize::from(u16::from_be_bytes([frame[UDP + 4], frame[UDP + 5]]));
    if let Some(udp) = frame.get_mut(UDP..UDP + len).filter(|udp| udp.len() >= 8) {
        UdpPacket::new_unchecked(udp).fill_checksum(&from, &to);
    }
}

/// Frames that contradict themselves, and parts of packets. A checksum is wrong in the first alone.
fn liars(payload: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let good = frame(STRANGER.into(), (GROUP_V4, PORT).into(), payload);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        change(&mut frame);
        frame
    };
    let mended = |change: &dyn Fn(&mut Vec<u8>)| {
        with(&|frame| {
            change(frame);
            mend(frame);
        })
    };
    let udp_len =
        |len: u16| mended(&|frame| frame[UDP + 4..UDP + 6].copy_from_slice(&len.to_be_bytes()));
    let ip_len =
        |len: u16| mended(&|frame| frame[IP + 2..IP + 4].copy_from_slice(&len.to_be_bytes()));
    let fragment = |flags: u8, offset: u8| {
        mended(&|frame| frame[IP + 6..IP + 8].copy_from_slice(&[flags, offset]))
    };
    vec![
        (
            "a wrong UDP checksum",
            with(&|frame| frame[UDP + 6] ^= 0x55),
        ),
        (
            "a payload that was damaged",
            with(&|frame| *frame.last_mut().expect("a byte") ^= 1),
        ),
        ("a wrong IP checksum", with(&|frame| frame[IP + 10] ^= 0x55)),
        ("UDP of no length", udp_len(0)),
        ("UDP shorter than its header", udp_len(7)),
        ("UDP longer than the packet", udp_len(9000)),
        ("IP of no length", ip_len(0)),
        ("IP that ends in its header", ip_len(19)),
        ("IP that ends in the header of UDP", ip_len(27)),
        ("IP longer than the frame", ip_len(1400)),
        (
            "an IP header of no length",
            mended(&|frame| frame[IP] = 0x40),
        ),
        (
            "an IP header longer than the packet",
            with(&|frame| frame[IP] = 0x4f),
        ),
        ("IP of another version", mended(&|frame| frame[IP] = 0x65)),
        ("a first fragment", fragment(0x20, 0)),
        ("a fragment in the middle", fragment(0x20, 1)),
        ("a last fragment", fragment(0, 1)),
        (
            "another protocol",
            mended(&|frame| frame[IP + 9] = IpProtocol::Tcp.into()),
        ),
        ("a frame of nothing", good[..IP].to_vec()),
        ("half a frame", good[..good.len() - 1].to_vec()),
    ]
}

/// A frame that lies does not reach the protocol, and hides none behind it: not the one of a wrong checksum either.
///
/// covers: SEC-05, SEC-07, SEC-24, CVE-2010-2244
#[test]
fn frames_that_lie_are_passed_over() {
    let (mut net, port) = quiet(&[Family::V4]);
    for (what, liar) in liars(&question("Door._http._tcp.local", RecordType::SRV, 0)) {
        let before = stats(&net, Family::V4).received;
        net.put(&port, liar);
        net.say(&port, STRANGER, &question("hall.local", RecordType::A, 0));
        let said = answers_in(&mut net, SECOND * 2);
        assert_eq!(stats(&net, Family::V4).received - before, 1, "{what}");
        assert_eq!(said.len(), 1, "{what}");
        assert!(has_address(&said[0].message()), "{what}");
    }
}

/// The same over IPv6. (That a datagram without a checksum is none there, RFC 8200 §8.1, smoltcp does not know.)
///
/// covers: SEC-05, SEC-24
#[test]
fn frames_of_ipv6_that_lie_are_passed_over() {
    /// Where the parts begin.
    const UDP: usize = IP + 40;
    let (mut net, port) = quiet(&[Family::V6]);
    let group = Family::V6.group();
    let good = frame(
        STRANGER_V6.into(),
        group,
        &question("Door._http._tcp.local", RecordType::SRV, 0),
    );
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        change(&mut frame);
        frame
    };
    let liars = [
        ("a wrong checksum", with(&|frame| frame[UDP + 6] ^= 0x55)),
        (
            "a packet longer than the frame",
            with(&|frame| Ipv6Packet::new_unchecked(&mut frame[IP..]).set_payload_len(1400)),
        ),
        (
            "a fragment",
            with(&|frame| {
                // Its header: the next is UDP, the offset 0, more follow.
                let head = [17, 0, 0, 1, 0, 0, 0, 7];
                let len = u16::try_from(frame.len() - UDP + head.len()).expect("a short frame");
                let mut ip = Ipv6Packet::new_unchecked(&mut frame[IP..]);
                ip.set_next_header(IpProtocol::Ipv6Frag);
                ip.set_payload_len(len);
                frame.splice(UDP..UDP, head);
            }),
        ),
    ];
    for (what, liar) in liars {
        let before = stats(&net, Family::V6).received;
        net.put(&port, liar);
        net.say(
            &port,
            STRANGER_V6,
            &question("hall.local", RecordType::A, 0),
        );
        let said = answers_in(&mut net, SECOND * 2);
        assert_eq!(stats(&net, Family::V6).received - before, 1, "{what}");
        assert_eq!(said.len(), 1, "{what}");
    }
}

/// A datagram ends where its UDP header says, whatever the frame has after it.
///
/// covers: SEC-04, SEC-24
#[test]
fn what_is_behind_a_datagram_is_not_read() {
    let (mut net, port) = quiet(&[Family::V4]);
    let question = question("hall.local", RecordType::A, 0);
    let mut cut = frame(STRANGER.into(), (GROUP_V4, PORT).into(), &question);
    // The name's last byte is the last that counts.
    let len = u16::try_from(8 + question.len() - 4).expect("a short question");
    cut[UDP + 4..UDP + 6].copy_from_slice(&len.to_be_bytes());
    mend(&mut cut);
    let before = stats(&net, Family::V4);
    net.put(&port, cut);
    assert!(answers_in(&mut net, SECOND * 2).is_empty());
    let after = stats(&net, Family::V4);
    assert_eq!(
        (
            after.received - before.received,
            after.faulty - before.faulty
        ),
        (1, 1)
    );
    // And padding, as Ethernet adds it to short frames.
    let mut padded = frame(STRANGER.into(), (GROUP_V4, PORT).into(), &question);
    padded.extend([0xff; 40]);
    net.put(&port, padded);
    assert_eq!(answers_in(&mut net, SECOND * 2).len(), 1);
    assert_eq!(stats(&net, Family::V4).faulty, after.faulty);
}

/// What the socket has no room for is dropped whole, and what comes after it is heard.
///
/// covers: SEC-24
#[test]
fn a_datagram_too_large_for_the_socket_is_dropped() {
    let mut net = Ethernet::default();
    let sockets = SocketSet::new(vec![]);
    let board = net.board_with(&[Family::V4], sockets, socket(1452));
    board.set_addresses(&["10.0.0.1/24"]);
    board.plug(true);
    board.advertise("hall", "Door");
    net.run_for(SECOND * 4);
    let port = net.port();
    let mut large = question("hall.local", RecordType::A, 0);
    for (len, heard) in [(1472, 0), (1453, 0), (1452, 1)] {
        large.resize(len, 0);
        let before = stats(&net, Family::V4).received;
        net.say(&port, STRANGER, &large);
        net.say(&port, STRANGER, &question("other.local", RecordType::A, 0));
        let said = answers_in(&mut net, SECOND * 2);
        assert_eq!(
            stats(&net, Family::V4).received - before,
            heard + 1,
            "{len}"
        );
        assert_eq!(said.len() as u32, heard, "{len}");
    }
}

/// Ten thousand datagrams of no bytes are ten thousand polls, and no more.
///
/// covers: SEC-07, CVE-2011-1002
#[test]
fn datagrams_of_no_bytes_are_passed_over() {
    const COUNT: u32 = 10_000;
    let (mut net, port) = quiet(&Family::ALL);
    let before = stats(&net, Family::V4);
    for _ in 0..COUNT {
        net.say(&port, STRANGER, b"");
    }
    assert!(answers_in(&mut net, SECOND).is_empty());
    let after = stats(&net, Family::V4);
    assert_eq!(after.received - before.received, COUNT);
    assert_eq!(after.malformed - before.malformed, COUNT);
    assert_well(&mut net, &port);
}

/// Questions of senders that are no neighbour who could be answered: nothing goes to them, and nothing to the port 0.
///
/// covers: SEC-15, CVE-2008-5081
#[test]
fn senders_that_are_nobody_are_not_answered() {
    let (mut net, port) = quiet(&Family::ALL);
    let nobody = [
        "224.0.0.251:40000",
        "255.255.255.255:40000",
        "0.0.0.0:40000",
        "10.0.0.255:40000",
        "127.0.0.1:40000",
        "10.0.0.99:0",
        "192.0.2.1:40000",
        "[ff02::fb]:40000",
        "[::]:40000",
        "[::1]:40000",
        "[fe80::99]:0",
        "[2001:db8::1]:40000",
    ];
    for text in nobody {
        let from: SocketAddr = text.parse().expect("an address");
        let board: IpAddr = match from {
            SocketAddr::V4(_) => [10, 0, 0, 1].into(),
            SocketAddr::V6(_) => "fe80::1".parse().expect("an address"),
        };
        let question = question("hall.local", RecordType::A, 7);
        net.say(&port, from, &question);
        net.send(&port, from, (board, PORT).into(), &question);
        let said = answers_in(&mut net, SECOND * 2);
        let astray = said
            .iter()
            .find(|said| !said.destination.ip().is_multicast());
        assert!(astray.is_none(), "{text}: {astray:?}");
    }
    assert_eq!(net.boards[0].mdns.dropped(), 0);
    assert_well(&mut net, &port);
}

/// The packets of all reports, as questions and as answers, to the group and to the board: it keeps its names, answers and
/// finds as ever.
///
/// covers: SEC-01, SEC-02, SEC-03, SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-13, SEC-16, SEC-23
#[test]
fn the_packets_of_all_reports_do_no_harm() {
    /// The largest payload of a frame.
    const FRAME_MAX: usize = 1472;
    let (mut net, port) = quiet(&Family::ALL);
    let before = stats(&net, Family::V4).received;
    let mut heard = 0;
    for report in reported_packets() {
        for bytes in report.both_ways() {
            if bytes.len() > FRAME_MAX {
                continue;
            }
            for to in [GROUP_V4.into(), [10, 0, 0, 1].into()] {
                for port_number in [PORT, 40_000] {
                    let from = SocketAddr::new(STRANGER.0.into(), port_number);
                    net.send(&port, from, SocketAddr::new(to, PORT), &bytes);
                    heard += 1;
                }
            }
            let said = answers_in(&mut net, SECOND);
            assert!(
                said.len() <= 12,
                "{}: {} datagrams",
                report.name,
                said.len()
            );
            assert!(
                said.iter().all(|said| said.message().is_sound()),
                "{}",
                report.name
            );
        }
    }
    assert_eq!(stats(&net, Family::V4).received - before, heard);
    assert_well(&mut net, &port);
}

/// A flood fills the socket's ring while an answer waits its random delay, and others wait for askers who are not there: what is
/// owed goes out in its time.
///
/// covers: SEC-12, SEC-25
#[test]
fn what_is_owed_goes_out_in_a_flood() {
    let (mut net, port) = quiet(&[Family::V4]);
    let before = net.said_by(0).len();
    let start = net.now();
    net.say(
        &port,
        STRANGER,
        &question("_http._tcp.local", RecordType::PTR, 0),
    );
    // 250 ms of it (RFC 6762 §6: the answer is due after 20 to 120 ms).
    for n in 0..250u8 {
        for _ in 0..20 {
            net.say(&port, STRANGER, &question("other.local", RecordType::A, 0));
        }
        let ghost = ([10, 0, 0, 100 + n % 100], 40_000);
        net.say(&port, ghost, &question("hall.local", RecordType::A, 7));
        net.run_for(Duration::from_millis(1));
    }
    let said = net.said_by(0).split_off(before);
    let answer = said
        .iter()
        .find(|said| said.destination.ip() == IpAddr::from(GROUP_V4));
    let answer = answer.expect("an answer");
    // It may wait for one asker who is not there.
    assert!(
        answer.at - start <= Duration::from_millis(250),
        "{}",
        answer.at - start
    );
    assert_well(&mut net, &port);
}

/// A set of sockets that has no room for another one is enough, also when the socket has to be emptied.
///
/// covers: SEC-11
#[test]
fn a_full_set_of_sockets_is_enough() {
    // It is never given back, and in sight of who looks for leaks.
    static STORAGE: AtomicPtr<SocketStorage<'static>> = AtomicPtr::new(ptr::null_mut());
    let mut net = Ethernet::default();
    let storage: &'static mut [SocketStorage<'static>] =
        Box::leak(Box::new([SocketStorage::EMPTY]));
    std::hint::black_box(&STORAGE).store(storage.as_mut_ptr(), Ordering::Relaxed);
    let board = net.board_with(&[Family::V4], SocketSet::new(storage), socket(1472));
    board.set_addresses(&["10.0.0.1/24"]);
    board.plug(true);
    board.advertise("hall", "Door");
    net.run_for(SECOND * 4);
    let port = net.port();
    for n in 0..20 {
        let ghost = ([10, 0, 0, 100 + n], 40_000);
        net.say(&port, ghost, &question("hall.local", RecordType::A, 7));
        net.run_for(SECOND);
    }
    assert_eq!(net.boards[0].mdns.dropped(), 20);
    net.say(&port, STRANGER, &question("hall.local", RecordType::A, 0));
    assert_eq!(answers_in(&mut net, SECOND).len(), 1);
}

/// smoltcp does not report the hop limit of a datagram, and a neighbour may use any (RFC 6762 §11).
///
/// covers: 6762-11-c
#[test]
fn any_hop_limit_is_heard() {
    let (mut net, port) = quiet(&[Family::V4]);
    for ttl in [255, 64, 1] {
        let mut frame = frame(
            STRANGER.into(),
            (GROUP_V4, PORT).into(),
            &question("hall.local", RecordType::A, 0),
        );
        frame[IP + 8] = ttl;
        mend(&mut frame);
        net.put(&port, frame);
        assert_eq!(answers_in(&mut net, SECOND * 2).len(), 1, "{ttl}");
    }
}
