//! What a registration takes, and gives back.

#![cfg(target_os = "linux")]

use std::{io::ErrorKind, time::Duration};

use mdns_mio::{
    Mdns, Options,
    socket::{Family, LinkSocket, interfaces},
};
use mio::{Interest, Poll, Token, net::UdpSocket};

/// `lo` with IPv4, the watcher, and a socket for unicast of each family, if nobody else is on the port.
const ENOUGH: usize = 4;

fn open() -> (Poll, Mdns) {
    let poll = Poll::new().expect("a poll");
    (poll, Mdns::new(Options::loopback()).expect("a host"))
}

#[test]
fn a_registration_is_made_once_and_can_be_given_up() {
    let (poll, mut mdns) = open();
    mdns.register(poll.registry(), 0..ENOUGH)
        .expect("a registration");
    let again = mdns.register(poll.registry(), 0..ENOUGH);
    assert_eq!(
        again.expect_err("a second one").kind(),
        ErrorKind::AlreadyExists
    );

    mdns.deregister();
    mdns.register(poll.registry(), 0..ENOUGH)
        .expect("a registration");
    assert_eq!(mdns.driver().links().count(), 1);
}

#[test]
fn links_that_find_no_token_are_closed_and_tried_again_later() {
    let (poll, mut mdns) = open();
    mdns.register(poll.registry(), 0..1)
        .expect("a registration");
    assert_eq!(mdns.driver().links().count(), 0);
    mdns.handle_timeout();
    let wait = mdns.timeout().expect("another try");
    assert!(wait > Duration::from_secs(1), "{wait:?}");
}

#[test]
fn the_events_of_others_are_left_to_them() {
    let (mut poll, mut mdns) = open();
    mdns.register(poll.registry(), 0..ENOUGH)
        .expect("a registration");
    let socket = "127.0.0.1:0".parse().expect("an address");
    let mut socket = UdpSocket::bind(socket).expect("a socket");
    let registry = poll.registry();
    let token = Token(ENOUGH);
    registry
        .register(&mut socket, token, Interest::WRITABLE)
        .expect("a registration");

    let mut events = mio::Events::with_capacity(16);
    poll.poll(&mut events, None).expect("events");
    for event in &events {
        assert_eq!(mdns.handle_event(event), event.token() != token);
    }
    assert!(events.iter().any(|event| event.token() == token));
}

/// An event is good for some datagrams, not for all that a flood brings; the rest is not forgotten.
///
/// covers: SEC-12, SEC-25
#[test]
fn a_flood_leaves_the_others_their_turn() {
    const DATAGRAMS: u32 = 200;
    /// The most that is read at once, of each of the sockets.
    const TURN: u32 = 64;
    let (mut poll, mut mdns) = open();
    mdns.register(poll.registry(), 0..ENOUGH)
        .expect("a registration");
    let received =
        |mdns: &Mdns| -> u32 { mdns.driver().links().map(|link| link.stats.received).sum() };
    mdns.handle_timeout();
    let all = interfaces().expect("interfaces");
    let loopback = all.iter().find(|interface| interface.is_loopback);
    let mouth = LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket");
    for _ in 0..DATAGRAMS {
        mouth.send_to(b"nonsense", mouth.group()).expect("sent");
    }
    let start = received(&mdns);
    let mut events = mio::Events::with_capacity(16);
    poll.poll(&mut events, Some(Duration::from_secs(5)))
        .expect("events");
    for event in &events {
        let before = received(&mdns);
        mdns.handle_event(event);
        assert!(received(&mdns) - before <= TURN);
    }
    assert!((1..=TURN).contains(&(received(&mdns) - start)));
    while received(&mdns) - start < DATAGRAMS {
        assert_eq!(mdns.timeout(), Some(Duration::ZERO));
        let before = received(&mdns);
        mdns.handle_timeout();
        assert!((1..=TURN).contains(&(received(&mdns) - before)));
    }
}
