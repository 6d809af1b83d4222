//! Two hosts in one process over real sockets, on loopback: without root and without a network. IPv4 alone, since `lo` has
//! no IPv6 multicast.

#![cfg(target_os = "linux")]

use std::{
    future::Future,
    net::Ipv4Addr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use mdns_tokio::{
    AdvertisementEvent, Announcement, BrowseEvent, Mdns, Options, QueryEvent, ResolveEvent,
    proto::{
        discovery::{AddressKind, Outcome, Span},
        name::{NameBuf, ServiceType},
        wire::{RecordType, TxtVec},
    },
    socket::Selection,
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
async fn a_service_is_found_updated_and_gone() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-life");
    let mut browse = attic.browse(&kind).expect("a browse");
    let announcement = Announcement {
        txt: txt(&[("path", "/a")]),
        ..Announcement::new("Front Desk. 2", kind.clone(), 8080)
    };
    let mut desk = hall.advertise(&announcement).expect("an advertisement");
    let name = soon(desk.registered()).await.expect("a name");
    assert_eq!(name.to_string(), r"Front Desk\. 2._t-life._tcp.local");

    let Some(BrowseEvent::Found(found)) = soon(browse.next()).await else {
        panic!("not found")
    };
    assert_eq!(found.label(), "Front Desk. 2");
    assert_eq!(found.port, Some(8080));
    assert_eq!(found.host, Some(hall.host_name()));
    let address = found
        .addresses
        .iter()
        .find(|address| address.ip == Ipv4Addr::LOCALHOST)
        .expect("the address of lo");
    assert_eq!(&*address.interface_name, "lo");
    assert!(!found.is_own);

    desk.update_txt(&txt(&[("path", "/b")]))
        .await
        .expect("an update");
    loop {
        let Some(BrowseEvent::Changed(changed)) = soon(browse.next()).await else {
            panic!("not changed")
        };
        if changed.txt.as_txt() == txt(&[("path", "/b")]).as_txt() {
            break;
        }
    }
    assert_eq!(browse.snapshot().len(), 1);

    soon(desk.withdraw()).await;
    let Some(BrowseEvent::Gone(gone)) = soon(browse.next()).await else {
        panic!("not gone")
    };
    assert_eq!(gone.name, name);
    assert!(browse.snapshot().is_empty());
}

#[tokio::test]
async fn dropping_says_goodbye() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-drop");
    let mut browse = attic.browse(&kind).expect("a browse");
    let mut first = hall
        .advertise(&Announcement::new("First", kind.clone(), 1))
        .expect("an advertisement");
    let mut second = hall
        .advertise(&Announcement::new("Second", kind, 2))
        .expect("an advertisement");
    soon(first.registered()).await;
    soon(second.registered()).await;
    while browse.snapshot().len() < 2 {
        soon(browse.next()).await;
    }
    // An advertisement of a host that goes on.
    drop(first);
    while browse.snapshot().len() > 1 {
        soon(browse.next()).await;
    }
    // The last handle of all.
    drop(hall);
    drop(second);
    while !browse.snapshot().is_empty() {
        soon(browse.next()).await;
    }
}

#[tokio::test]
async fn shutdown_says_goodbye_and_ends_all_streams() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-shut");
    let mut browse = attic.browse(&kind).expect("a browse");
    let mut own = hall.browse(&kind).expect("a browse");
    let mut desk = hall
        .advertise(&Announcement::new("Desk", kind.clone(), 1))
        .expect("an advertisement");
    soon(desk.registered()).await;
    while browse.snapshot().is_empty() {
        soon(browse.next()).await;
    }
    let clone = hall.clone();
    let start = Instant::now();
    hall.shutdown().await;
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    while soon(own.next()).await.is_some() {}
    assert_eq!(soon(desk.registered()).await, None);
    assert_eq!(soon(desk.next_change()).await, None);
    assert!(clone.links().is_empty());
    assert!(desk.update_txt(&TxtVec::new()).await.is_err());
    desk.withdraw().await;
    while !browse.snapshot().is_empty() {
        soon(browse.next()).await;
    }
    // What is asked for afterwards ends at once.
    assert!(
        soon(clone.browse(&kind).expect("a browse").next())
            .await
            .is_none()
    );
    let mut late = clone
        .advertise(&Announcement::new("Late", kind, 1))
        .expect("an advertisement");
    assert_eq!(soon(late.registered()).await, None);
    soon(clone.shutdown()).await;
}

#[tokio::test]
async fn resolve_lookup_and_query_answer() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-resolve");
    let announcement = Announcement {
        txt: txt(&[("a", "1")]),
        ..Announcement::new("Desk", kind.clone(), 7)
    };
    let mut desk = hall.advertise(&announcement).expect("an advertisement");
    let name = soon(desk.registered()).await.expect("a name");

    let mut resolve = attic.resolve(&name).expect("a resolve");
    let found = resolve.first(PATIENCE).await.expect("resolved");
    assert!(
        found
            .socket_addrs()
            .any(|address| address == (Ipv4Addr::LOCALHOST, 7).into())
    );

    let mut lookup = attic
        .lookup_host(&hall.host_name(), AddressKind::V4)
        .expect("a look-up");
    let addresses = soon(lookup.next()).await.expect("addresses");
    assert_eq!(
        addresses
            .iter()
            .map(|address| address.ip)
            .collect::<Vec<_>>(),
        [Ipv4Addr::LOCALHOST]
    );

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

    soon(desk.withdraw()).await;
    while soon(resolve.next()).await != Some(ResolveEvent::Lost) {}
}

#[tokio::test]
async fn nobody_is_resolved_in_no_more_than_the_time_given() {
    let attic = host();
    let name: NameBuf = "Nobody._t-nobody._tcp.local".parse().expect("a name");
    let start = Instant::now();
    let found = attic
        .resolve(&name)
        .expect("a resolve")
        .first(Duration::from_millis(300))
        .await;
    assert_eq!(found, None);
    assert!(
        (300..1000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn own_services_are_found_and_known_as_such() {
    let hall = host();
    let kind = kind("t-own");
    let mut browse = hall.browse(&kind).expect("a browse");
    let _desk = hall
        .advertise(&Announcement::new("Desk", kind, 1))
        .expect("an advertisement");
    let Some(BrowseEvent::Found(found)) = soon(browse.next()).await else {
        panic!("not found")
    };
    assert!(found.is_own);
}

#[tokio::test]
async fn the_second_of_one_name_takes_another() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-twice");
    let announcement = Announcement::new("Desk", kind, 1);
    let mut first = hall.advertise(&announcement).expect("an advertisement");
    soon(first.registered()).await;
    let mut second = attic
        .advertise(&Announcement {
            port: 2,
            ..announcement
        })
        .expect("an advertisement");
    let name = soon(second.registered()).await.expect("a name");
    assert_eq!(name.to_string(), "Desk (2)._t-twice._tcp.local");
    assert_eq!(
        second.next_change().await,
        Some(AdvertisementEvent::Registered(name))
    );
}

#[tokio::test]
async fn a_service_may_run_on_a_host_of_its_own_name() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-host");
    let announcement = Announcement {
        host: Some("t-extra-host".to_owned()),
        ..Announcement::new("Desk", kind.clone(), 1)
    };
    let _desk = hall.advertise(&announcement).expect("an advertisement");
    let _shelf = hall
        .advertise(&Announcement {
            instance: "Shelf".to_owned(),
            ..announcement
        })
        .expect("a second one on the same host");
    let mut browse = attic.browse(&kind).expect("a browse");
    loop {
        let (Some(BrowseEvent::Found(found)) | Some(BrowseEvent::Changed(found))) =
            soon(browse.next()).await
        else {
            panic!("not found");
        };
        if let Some(host) = found.host {
            assert_eq!(host.to_string(), "t-extra-host.local");
            break;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_sees_the_latest_state() {
    let (hall, attic) = (host(), host());
    let kind = kind("t-slow");
    let mut browse = attic.browse(&kind).expect("a browse");
    let mut desk = hall
        .advertise(&Announcement::new("Desk", kind, 1))
        .expect("an advertisement");
    soon(desk.registered()).await;
    for count in 0..10_000 {
        desk.update_txt(&txt(&[("count", &count.to_string())]))
            .await
            .expect("an update");
        if count % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let latest = txt(&[("count", "9999")]);
    while browse
        .snapshot()
        .first()
        .map(|desk| desk.txt.as_txt() == latest.as_txt())
        != Some(true)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Some(BrowseEvent::Found(found)) = browse.next_within(Duration::ZERO).await else {
        panic!("not found")
    };
    assert_eq!(found.txt.as_txt(), latest.as_txt());
    assert_eq!(
        browse.next_within(Duration::ZERO).await,
        None,
        "one thing has one state"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_handles_are_one_host() {
    let hall = host();
    let kind = kind("t-many");
    let mut tasks = Vec::new();
    for n in 0..50 {
        let (hall, kind) = (hall.clone(), kind.clone());
        tasks.push(tokio::spawn(async move {
            let mut service = hall
                .advertise(&Announcement::new(format!("S{n}"), kind.clone(), n))
                .expect("an advertisement");
            soon(service.registered()).await.expect("a name");
            let mut browse = hall.browse(&kind).expect("a browse");
            while browse.snapshot().len() < 50 {
                soon(browse.next()).await;
            }
            service
        }));
    }
    let mut services = Vec::new();
    for task in tasks {
        services.push(task.await.expect("no panic"));
    }
    let start = Instant::now();
    hall.shutdown().await;
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn no_network_is_waited_for() {
    let nowhere = Options {
        interfaces: Selection::none(),
        ..Options::default()
    };
    let lonely = Mdns::with(nowhere).expect("a host without a network");
    lonely.ready().await;
    assert!(lonely.links().is_empty());
    let kind = kind("t-nowhere");
    let mut desk = lonely
        .advertise(&Announcement::new("Desk", kind.clone(), 1))
        .expect("an advertisement");
    let mut browse = lonely.browse(&kind).expect("a browse");
    assert_eq!(browse.next_within(Duration::from_millis(100)).await, None);
    let waited = tokio::time::timeout(Duration::from_millis(100), desk.registered()).await;
    assert!(waited.is_err(), "there is nowhere to be registered");
    let start = Instant::now();
    desk.withdraw().await;
    lonely.shutdown().await;
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
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
