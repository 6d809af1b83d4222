//! Boards on one wire: what passes between the protocol, smoltcp and the network.

mod hostile;
mod wire;

use mdns_smoltcp::{
    CONFIG, Mdns, StartError, at,
    proto::{
        discovery::Span,
        link::{Family, GROUP_V4, PORT},
        name::{NameBuf, ServiceType},
        own::Service,
        wire::{Flags, Header, Message, Question, Rdata, RecordType, Txt, Writer},
    },
};
use smoltcp::{
    iface::{SocketSet, SocketStorage},
    time::{Duration, Instant},
};

use wire::{Ethernet, STRANGER, STRANGER_V6, Small, socket};

const SECOND: Duration = Duration::from_secs(1);

/// A question, with an id as one-shot askers have.
fn question(name: &str, rtype: RecordType, id: u16) -> Vec<u8> {
    let name: NameBuf = name.parse().unwrap();
    let mut buffer = [0; 512];
    let header = Header {
        id,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    writer
        .question(&Question::new(name.as_name(), rtype))
        .unwrap();
    let len = writer.finish();
    buffer[..len].to_vec()
}

/// Whether a message answers for the addresses of a host.
fn has_address(message: &Message<'_>) -> bool {
    message
        .answers()
        .any(|record| record.rtype() == RecordType::A)
}

/// Two boards, one service: found, resolved, and gone when it says goodbye; over either family, or both.
#[test]
fn two_boards_find_each_other() {
    for (families, addresses) in [
        (&[Family::V4][..], ["10.0.0.1/24", "fe80::1/64"]),
        (&[Family::V6], ["fe80::1/64", "10.0.0.1/24"]),
        (&Family::ALL, ["10.0.0.1/24", "fe80::1/64"]),
    ] {
        let mut net = Ethernet::of(families, &[&addresses, &["10.0.0.2/24", "fe80::2/64"]]);
        net.boards[0].advertise("hall", "Door");
        net.boards[1].browse();
        net.run_for(SECOND * 4);
        assert!(net.boards[0].has_told("registered Door._http._tcp.local"));
        assert!(net.boards[1].has_told("found Door._http._tcp.local"));
        // A link answers with the addresses of both families.
        assert!(net.boards[1].has_told("10.0.0.1:80") && net.boards[1].has_told("[fe80::1%1]:80"));

        let now = at(net.now());
        net.boards[0].mdns.shutdown(now);
        net.run_for(SECOND * 3);
        assert!(net.boards[1].has_told("gone Door._http._tcp.local"));
        assert!(
            net.said_by(0)
                .iter()
                .all(|said| said.hop_limit == 255 && said.source.port() == PORT)
        );
    }
}

/// What a board looks up is asked at once, and from a second socket too, if it has one: the answer comes there by unicast, though
/// it was multicast within the last second.
///
/// covers: 6762-5.1-a
#[test]
fn a_board_with_a_second_socket_is_answered_at_once() {
    const ONE_SHOT: u16 = 50_505;
    for has_second in [false, true] {
        let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"], &["10.0.0.2/24"]]);
        net.boards[0].advertise("hall", "Door");
        if has_second {
            let board = &mut net.boards[1];
            let second = || socket(512);
            for port in [0, PORT] {
                let refused = board.mdns.add_one_shot(&mut board.sockets, second(), port);
                assert_eq!(refused, Err(StartError::Bound));
            }
            let small = board
                .mdns
                .add_one_shot(&mut board.sockets, socket(511), ONE_SHOT);
            assert_eq!(small, Err(StartError::Buffer));
            let added = board
                .mdns
                .add_one_shot(&mut board.sockets, second(), ONE_SHOT);
            assert_eq!(added, Ok(()));
        }
        net.run_for(SECOND * 5);
        // Somebody else asks; this board was not there when he was answered.
        net.boards[1].plug(false);
        let asks = question("hall.local", RecordType::A, 0);
        let port = net.port();
        net.say(&port, STRANGER, &asks);
        net.run_for(Duration::from_millis(1));
        net.boards[1].plug(true);
        net.run_for(Duration::from_millis(700));
        let said = net.said_by(1).len();
        let now = at(net.now());
        let hall: NameBuf = "hall.local".parse().unwrap();
        let host = &mut net.boards[1].mdns;
        host.query(now, hall.as_name(), RecordType::A, Span::OneShot)
            .unwrap();
        net.run_for(Duration::from_millis(150));
        assert_eq!(net.boards[1].has_told("Answered"), has_second);
        let asked = net.said_by(1).split_off(said);
        let from = |port| asked.iter().filter(move |said| said.source.port() == port);
        assert_eq!(from(PORT).count(), 1);
        assert_eq!(from(ONE_SHOT).count(), usize::from(has_second));
        assert!(
            asked
                .iter()
                .all(|said| said.hop_limit == 255 && said.destination == (GROUP_V4, PORT).into())
        );
        net.run_for(SECOND);
        assert!(net.boards[1].has_told("Answered"));
    }
}

/// Names are announced 750 to 1,000 ms after there is a cable, and the group is joined before anything is said.
#[test]
fn a_board_joins_probes_and_announces() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);

    assert!(net.frames()[0].is_report());
    let said = net.said_by(0);
    assert!(
        said.iter()
            .all(|said| said.destination == (GROUP_V4, PORT).into())
    );
    let first = said.iter().find(|said| said.is_response()).unwrap();
    assert!((750..=1000).contains(&first.at.total_millis()));
    assert_eq!(said.iter().filter(|said| !said.is_response()).count(), 3);
    assert_eq!(said.iter().filter(|said| said.is_response()).count(), 2);
}

/// Without an address there is silence; with the first all begins; a change is announced.
#[test]
fn addresses_come_late_and_change() {
    let mut net = Ethernet::of(&[Family::V4], &[&[]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    assert!(net.frames().is_empty());
    assert!(!net.boards[0].mdns.is_up(Family::V4));

    net.boards[0].set_addresses(&["169.254.7.7/16"]);
    net.run_for(SECOND * 3);
    assert!(net.frames().iter().any(|frame| frame.is_report()));
    assert!(net.boards[0].has_told("registered Door"));

    let before = net.said_by(0).len();
    net.boards[0].set_addresses(&["10.0.0.1/24"]);
    net.run_for(SECOND * 3);
    let said = net.said_by(0).split_off(before);
    assert!(said.iter().any(|said| has_address(&said.message())));
    assert!(
        said.iter()
            .all(|said| said.source.ip().to_string() == "10.0.0.1")
    );

    net.boards[0].set_addresses(&[]);
    net.run_for(SECOND);
    assert!(!net.boards[0].mdns.is_up(Family::V4));
}

/// What took the room is withdrawn; the address is tried again and announced, though the interface has not changed.
#[test]
fn an_address_that_found_no_room_is_answered_for_when_there_is_some() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    let board = &mut net.boards[0];
    board.advertise("hall", "Door");
    // All room for text that is left.
    let http: ServiceType = "_http._tcp".parse().unwrap();
    let large = (0..3)
        .rev()
        .flat_map(|strings| (0..255).rev().map(move |last| (strings, last)));
    let large = large.map(|(strings, last)| {
        let mut txt = [&[255][..], &[b'x'; 255]].concat().repeat(strings);
        txt.extend([last].iter().chain(&vec![b'x'; last.into()]));
        let large = Service {
            txt: Txt::from_wire(&txt).unwrap(),
            ..Service::new("Wall", &http, 81)
        };
        board.mdns.register(at(Instant::ZERO), &large)
    });
    let wall = large.flatten().next().expect("some room");
    net.run_for(SECOND * 3);
    net.boards[0].set_addresses(&["10.0.0.1/24", "10.0.0.2/24"]);
    net.run_for(SECOND * 7);
    assert!(net.boards[0].mdns.lacks_address_rows());
    let has_second = |net: &Ethernet| {
        let second: std::net::Ipv4Addr = [10, 0, 0, 2].into();
        let has_it = |message: &Message<'_>| {
            let mut answers = message.answers();
            answers.any(|record| record.rdata == Rdata::A(second))
        };
        net.said_by(0).iter().any(|said| has_it(&said.message()))
    };
    assert!(!has_second(&net));

    let now = at(net.now());
    net.boards[0].mdns.withdraw(now, wall);
    net.run_for(SECOND * 7);
    assert!(!net.boards[0].mdns.lacks_address_rows());
    assert!(has_second(&net));
    let said = net.said_by(0).len();
    net.run_for(SECOND * 30);
    assert_eq!(
        net.said_by(0).len(),
        said,
        "it is not announced again and again"
    );
}

/// The cable comes out and goes back: the group is joined again, names are probed for again.
#[test]
fn the_cable_comes_out_and_goes_back() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"], &["10.0.0.2/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.boards[1].browse();
    net.run_for(SECOND * 3);

    net.boards[0].plug(false);
    let frames = net.frames().len();
    net.run_for(SECOND * 60);
    assert!(
        net.said_by(0)
            .iter()
            .all(|said| said.at < Instant::from_secs(4))
    );

    net.boards[0].plug(true);
    let back = net.now();
    net.run_for(SECOND * 3);
    let reports = net.frames().split_off(frames);
    assert!(
        reports
            .iter()
            .any(|frame| frame.is_report() && frame.at >= back)
    );
    let said: Vec<_> = net
        .said_by(0)
        .into_iter()
        .filter(|said| said.at >= back)
        .collect();
    assert_eq!(said.iter().filter(|said| !said.is_response()).count(), 3);
    assert!(said.iter().any(|said| said.is_response()));
}

/// A cable that leads elsewhere before anybody has polled is another network too.
#[test]
fn the_cable_is_moved_at_once() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    let (frames, said) = (net.frames().len(), net.said_by(0).len());
    net.boards[0].plug(true);
    net.run_for(SECOND * 3);
    assert!(net.frames()[frames..].iter().any(|frame| frame.is_report()));
    assert_eq!(net.said_by(0).split_off(said).len(), 5);
}

/// Two boards of one image: one keeps the names, the other takes the next.
#[test]
fn the_second_board_finds_other_names() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"], &["10.0.0.2/24"]]);
    net.boards[0].advertise("board", "Door");
    net.run_for(SECOND * 3);
    net.boards[1].advertise("board", "Door");
    net.run_for(SECOND * 5);
    assert!(net.boards[1].has_told("registered Door (2)._http._tcp.local"));
    assert!(net.boards[1].has_told("host board-2.local"));
    assert!(!net.boards[0].has_told("renamed"));
}

/// A hundred one-shot questions in one burst have a hundred answers.
///
/// covers: SEC-25
#[test]
fn a_burst_is_answered() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"], &["10.0.0.2/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    let port = net.port();
    // The board has to know where the asker is: the second board answers for its address.
    let asker = ([10, 0, 0, 2], 40_000);
    net.say(&port, asker, &question("hall.local", RecordType::A, 1));
    net.run_for(SECOND);
    let before = net.said_by(0).len();

    for id in 0..100 {
        net.say(&port, asker, &question("hall.local", RecordType::A, id));
    }
    net.settle();
    let said = net.said_by(0).split_off(before);
    let mut ids: Vec<_> = said.iter().map(|said| said.message().header().id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    assert!(
        said.iter()
            .all(|said| said.destination == asker.into() && has_address(&said.message()))
    );
}

/// A flood does not keep the board in `poll`: it says that there is more.
///
/// covers: SEC-12, SEC-25
#[test]
fn a_flood_leaves_the_board_its_turn() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    let port = net.port();
    for _ in 0..1000 {
        net.say(&port, STRANGER, &question("other.local", RecordType::A, 0));
    }
    let received = |net: &Ethernet| {
        let mdns = &net.boards[0].mdns;
        mdns.stats(mdns.link(Family::V4).unwrap()).unwrap().received
    };
    let before = received(&net);
    net.boards[0].poll();
    assert_eq!(received(&net) - before, 64);
    net.settle();
    assert_eq!(received(&net) - before, 1000);
}

/// Who asks for an answer by unicast and is not there does not silence the board: others have theirs.
///
/// covers: SEC-11, SEC-25
#[test]
fn an_asker_that_is_not_there_silences_nobody() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    let port = net.port();
    let before = net.said_by(0).len();
    for n in 0..50 {
        // A new address each time: no time for all of them together.
        let ghost = ([10, 0, 0, 100 + n], 40_000);
        net.say(&port, ghost, &question("hall.local", RecordType::A, 7));
        net.run_for(Duration::from_millis(20));
    }
    net.say(&port, STRANGER, &question("hall.local", RecordType::A, 0));
    net.run_for(Duration::from_millis(250));
    let said = net.said_by(0).split_off(before);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].destination, (GROUP_V4, PORT).into());
    assert_eq!(net.boards[0].mdns.dropped(), 50);
}

/// §11: what comes by unicast counts if its sender is on the link; what comes from elsewhere does not, nor broadcasts.
///
/// covers: SEC-15, CVE-2017-6519, VU-550620
#[test]
fn strangers_from_other_networks_are_refused() {
    let mut net = Ethernet::of(&[Family::V4], &[&["10.0.0.1/24"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 3);
    let port = net.port();
    let before = net.said_by(0).len();
    let question = question("hall.local", RecordType::A, 0);
    let board = ([10, 0, 0, 1], PORT).into();
    net.send(&port, ([192, 0, 2, 1], PORT).into(), board, &question);
    net.send(
        &port,
        STRANGER.into(),
        ([10, 0, 0, 255], PORT).into(),
        &question,
    );
    net.send(
        &port,
        STRANGER.into(),
        ([255, 255, 255, 255], PORT).into(),
        &question,
    );
    net.run_for(SECOND);
    assert_eq!(net.said_by(0).len(), before);
    let mdns = &net.boards[0].mdns;
    assert_eq!(
        mdns.stats(mdns.link(Family::V4).unwrap()).unwrap().refused,
        1
    );
}

/// A board of both families is two links: a question on one is answered there alone.
#[test]
fn each_family_is_a_link() {
    let mut net = Ethernet::of(&Family::ALL, &[&["10.0.0.1/24", "fe80::1/64"]]);
    net.boards[0].advertise("hall", "Door");
    net.run_for(SECOND * 4);
    let port = net.port();
    for (asker, is_v4) in [(STRANGER.into(), true), (STRANGER_V6.into(), false)] {
        let asker: std::net::SocketAddr = asker;
        let before = net.said_by(0).len();
        net.say(&port, asker, &question("hall.local", RecordType::A, 0));
        net.run_for(SECOND);
        let said = net.said_by(0).split_off(before);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].source.is_ipv4(), is_v4);
    }
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let mut net = Ethernet::default();
    let device = net.port();
    let mut storage = [SocketStorage::EMPTY; 2];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut mdns = Mdns::<Small>::new(CONFIG);
    let now = Instant::ZERO;
    let error = mdns.start(now, 1, &[Family::V4], &device, &mut sockets, socket(512));
    assert_eq!(error, Err(StartError::Buffer));

    let mut bound = socket(1472);
    bound.bind(PORT).unwrap();
    let error = mdns.start(now, 1, &[Family::V4], &device, &mut sockets, bound);
    assert_eq!(error, Err(StartError::Bound));

    let three = [Family::V4, Family::V6, Family::V4];
    let error = mdns.start(now, 1, &three, &device, &mut sockets, socket(1472));
    assert_eq!(error, Err(StartError::Full));

    assert_eq!(
        mdns.start(now, 1, &Family::ALL, &device, &mut sockets, socket(1472)),
        Ok(())
    );
    let error = mdns.start(now, 1, &Family::ALL, &device, &mut sockets, socket(1472));
    assert_eq!(error, Err(StartError::Full));
}
