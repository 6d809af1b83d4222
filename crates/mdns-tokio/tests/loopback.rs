//! What the suite of all adapters (`node.rs`) does not ask: queries, types, changes, and what becomes of the runtime. Over
//! real sockets, on loopback: without root and without a network. IPv4 alone, since `lo` has no IPv6 multicast.

#![cfg(target_os = "linux")]

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use mdns_tokio::{
    AdvertisementEvent, Announcement, BrowseEvent, Error, Mdns, Options, QueryEvent,
    proto::{
        discovery::{Outcome, Span},
        name::ServiceType,
        wire::{RecordType, TxtVec},
    },
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn host() -> Mdns {
    Mdns::with(Options::loopback()).expect("a host on loopback")
}

/// A service type of its own for each test: they share the wire.
fn kind(name: &str) -> ServiceType {
    format!("_{name}._tcp").parse().expect("a service type")
}

fn txt(pairs: &[(&str, &str)]) -> TxtVec {
    let mut txt = TxtVec::new();
    for (key, value) in pairs {
        txt.push(key, Some(value.as_bytes())).expect("an attribute");
    }
    txt
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens in time")
}

#[tokio::test]
async fn a_query_is_answered_and_types_are_found() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-query");
    let announcement = Announcement {
        txt: txt(&[("a", "1")]),
        ..Announcement::new("Desk", kind.clone(), 7)
    };
    let mut desk = hall.advertise(&announcement).expect("an advertisement");
    let name = soon(desk.registered()).await.expect("a name");

    let mut query = attic
        .query(&name, RecordType::TXT, Span::OneShot)
        .expect("a query");
    let Some(QueryEvent::Answers(answers)) = soon(query.next()).await else {
        panic!("no answer")
    };
    assert_eq!(answers[0].rdata().to_string(), r#""a=1""#);
    assert_eq!(
        soon(query.next()).await,
        Some(QueryEvent::Finished(Outcome::Answered))
    );
    assert_eq!(soon(query.next()).await, None);

    let mut types = attic.browse_types().expect("a browse of types");
    loop {
        let Some(BrowseEvent::Found(found)) = soon(types.next()).await else {
            panic!("not found")
        };
        if found.as_service_type().as_ref() == Some(&kind) {
            break;
        }
    }
}

#[tokio::test]
async fn changes_of_an_advertisement_are_told_until_shutdown() {
    let hall = host();
    let mut desk = hall
        .advertise(&Announcement::new("Desk", kind("t-change"), 1))
        .expect("an advertisement");
    let name = soon(desk.registered()).await;
    assert_eq!(
        soon(desk.next_change()).await,
        name.map(AdvertisementEvent::Registered)
    );
    assert_eq!(desk.host_name(), Some(hall.host_name()));

    hall.shutdown().await;
    assert_eq!(soon(desk.next_change()).await, None);
    assert_eq!((desk.name(), desk.host_name()), (None, None));
    assert!(desk.update_txt(&TxtVec::new()).await.is_err());
    soon(desk.withdraw()).await;
}

#[tokio::test]
async fn a_host_joins_quickly_and_tells_its_links() {
    let before = Instant::now();
    let hall = host();
    assert!(hall.ready().await - before < Duration::from_millis(500));
    let links = hall.links();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].interface_name, "lo");
    assert!(links[0].is_up);
}

/// A task whose last trace is its waker, as on some executors: handles go with it.
struct Task(#[expect(dead_code, reason = "held for its drop")] Mdns);

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn a_waker_may_hold_the_last_handle() {
    let hall = host();
    let mut browse = hall.browse(&kind("t-waker")).expect("a browse");
    let waker = Waker::from(Arc::new(Task(hall)));
    let polled = pin!(browse.next()).poll(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Pending);
    drop(waker);
    drop(browse);
}

#[test]
fn a_runtime_is_needed() {
    let error = Mdns::with(Options::loopback()).expect_err("no runtime");
    assert!(error.to_string().contains("event loop"), "{error}");
}

/// Tokio tells by a panic that a runtime has no timers or no IO: when the first timer is made, or the first socket.
#[test]
fn a_runtime_without_timers_or_io_is_refused() {
    use tokio::runtime::Builder;
    let lame = [
        ("timers", Builder::new_current_thread().enable_io().build()),
        ("IO", Builder::new_current_thread().enable_time().build()),
        ("timers", Builder::new_current_thread().build()),
        ("IO", Builder::new_multi_thread().enable_time().build()),
    ];
    for (what, runtime) in lame {
        let opened = runtime.expect("a runtime").block_on(async { Mdns::new() });
        let error = opened.expect_err("a runtime that lacks something");
        assert!(matches!(error, Error::Runtime(_)), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_runtime_that_ends_ends_all() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (hall, mut browse) = runtime.block_on(async {
        let hall = host();
        let browse = hall.browse(&kind("t-runtime")).expect("a browse");
        (hall, browse)
    });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    other.block_on(async {
        assert!(soon(browse.next()).await.is_none());
        soon(hall.shutdown()).await;
    });
}

#[tokio::test]
async fn a_host_name_that_is_none_is_refused() {
    let options = Options {
        host_name: Some("my host".to_owned()),
        ..Options::loopback()
    };
    let error = Mdns::with(options).expect_err("no name");
    assert_eq!(
        error.to_string(),
        "host name: character ' ' not allowed in the name, at byte 2"
    );
}
