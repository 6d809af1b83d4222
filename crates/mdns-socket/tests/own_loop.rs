//! The examples of loops of one's own, on loopback: one behind channels, which has the other inside.

#![cfg(target_os = "linux")]

#[path = "../examples/own_thread/mdns.rs"]
mod mdns;

use std::{
    process,
    time::{Duration, Instant},
};

use mdns::{Mdns, News};
use mdns_proto::name::ServiceType;
use mdns_socket::Selection;

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
