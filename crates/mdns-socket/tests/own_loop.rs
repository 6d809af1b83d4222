//! The examples of loops of one's own, on loopback: one behind channels, which has the other inside.

#![cfg(target_os = "linux")]

#[path = "../examples/own_thread/mdns.rs"]
mod mdns;

use std::{
    process,
    time::{Duration, Instant},
};

use mdns::{Mdns, News, looper::Looper};
use mdns_proto::{discovery::Event as Discovery, host::Event, name::ServiceType, wire::Ttl};
use mdns_sim::instances;
use mdns_socket::{Family, LinkSocket, Selection, interfaces};

const PATIENCE: Duration = Duration::from_secs(15);

#[test]
fn two_loops_find_each_other_and_say_goodbye() {
    let id = process::id();
    let node = |name| Mdns::new(Selection::loopback(), format!("{name}-{id}")).expect("a node");
    let (hall, attic) = (node("hall"), node("attic"));
    let kind: ServiceType = format!("_o{id}._tcp").parse().expect("a service type");
    let news = attic.browse(&kind);

    let first = hall.advertise("Desk", &kind, 1);
    let name = first
        .recv_timeout(PATIENCE)
        .expect("in time")
        .expect("a name");
    assert_eq!(name, format!("Desk._o{id}._tcp.local"));
    assert_eq!(news.recv_timeout(PATIENCE), Ok(News::Found(name.clone())));
    hall.advertise("Desk", &kind, 2)
        .recv_timeout(PATIENCE)
        .expect("in time")
        .expect_err("the name is ours already");

    let start = Instant::now();
    drop(hall);
    assert!(
        start.elapsed() < Duration::from_millis(1200),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(news.recv_timeout(PATIENCE), Ok(News::Gone(name)));
}

/// However much there is to read, time and commands have their turn.
///
/// covers: SEC-12, SEC-25
#[test]
fn a_flood_does_not_hold_the_loop() {
    const DATAGRAMS: usize = 100;
    let kind: ServiceType = format!("_of{}._tcp", process::id())
        .parse()
        .expect("a service type");
    let mut looper = Looper::new(Selection::loopback()).expect("a loop");
    let now = looper.now();
    looper.host.browse(now, kind.as_name()).expect("a browse");
    let all = interfaces().expect("interfaces");
    let selection = Selection::loopback();
    let (loopback, _) = selection.links(&all).next().expect("loopback");
    let mouth = LinkSocket::open(loopback, Family::V4).expect("a socket");
    for n in 0..DATAGRAMS {
        let response = instances(&kind, [n.to_string()], Ttl(120));
        mouth.send_to(&response, mouth.group()).expect("sent");
    }
    let mut found_in_a_turn = || {
        looper.wait(None, Duration::ZERO).expect("a turn");
        let mut found = 0;
        while let Some(event) = looper.host.poll_event() {
            found += usize::from(matches!(event, Event::Discovery(Discovery::Found { .. })));
        }
        found
    };
    let first = found_in_a_turn();
    assert!(first <= 64, "{first}");
    let start = Instant::now();
    let mut found = first;
    while found < DATAGRAMS {
        assert!(start.elapsed() < PATIENCE, "{found}");
        found += found_in_a_turn();
    }
}
