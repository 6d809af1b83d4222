//! A driver on loopback and on a clock that the test turns by hand.

#![cfg(target_os = "linux")]

mod hands;
mod hostile;

use std::time::Duration;

use mdns_driver::{
    AdvertisementEvent, Announcement, Clock as _, Driver, Options,
    proto::{discovery::AskError, own::RegisterError},
};

use hands::Hands;

/// An event loop for which time passes as it is needed.
fn run(driver: &mut Driver, hands: &Hands, span: Duration) {
    let end = hands.monotonic() + span;
    while let Some(wait) = driver
        .timeout()
        .filter(|wait| hands.monotonic() + *wait <= end)
    {
        hands.wait(wait);
        driver.handle_timeout();
        for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
            while driver.read(source).is_ok() {}
        }
    }
    hands.wait(end - hands.monotonic());
}

fn sent(driver: &Driver) -> u32 {
    driver.links().map(|link| link.stats.sent).sum()
}

#[test]
fn s8_3_after_sleep_names_are_probed_for_and_announced_again() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    let desk = Announcement::new("Desk", "_d-sleep._tcp".parse().expect("a type"), 1);
    let desk = driver.advertise(&desk).expect("an advertisement");
    run(&mut driver, &hands, Duration::from_secs(10));
    assert!(matches!(
        driver.next_change(desk),
        Some(AdvertisementEvent::Registered(_))
    ));

    let before = sent(&driver);
    run(&mut driver, &hands, Duration::from_secs(100));
    let quiet = sent(&driver) - before;
    hands.sleep(Duration::from_secs(3600));
    run(&mut driver, &hands, Duration::from_secs(10));
    // Three probes and two announcements.
    assert!(
        sent(&driver) - before - quiet >= 5,
        "{quiet} before, {} after",
        sent(&driver) - before
    );
}

/// covers: 6762-16-a
#[test]
fn s16_names_go_out_in_precomposed_form() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    let apart = Announcement {
        host: Some("d-cafe\u{301}".to_owned()),
        ..Announcement::new("Cafe\u{301}", "_d-nfc._tcp".parse().expect("a type"), 1)
    };
    let id = driver.advertise(&apart).expect("an advertisement");
    let (name, _) = driver.advertised(id).expect("a service");
    let label = name.as_name().first_label().map(<[u8]>::to_vec);
    assert_eq!(label.as_deref(), Some("Caf\u{e9}".as_bytes()));
    let host = driver.service_host(id).expect("a host");
    let label = host.as_name().first_label().map(<[u8]>::to_vec);
    assert_eq!(label.as_deref(), Some("d-caf\u{e9}".as_bytes()));
}

#[test]
fn after_its_end_a_driver_does_nothing() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    driver.shutdown();
    run(&mut driver, &hands, Duration::from_secs(2));
    assert!(driver.has_ended());
    assert_eq!(
        (
            driver.timeout(),
            driver.sources().count(),
            driver.links().count()
        ),
        (None, 0, 0)
    );
    assert_eq!(
        driver.browse(&"_d-end._tcp".parse().expect("a type")),
        Err(AskError::Closed)
    );
}

#[test]
fn who_advertises_nothing_claims_no_name() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    run(&mut driver, &hands, Duration::from_secs(10));
    assert_eq!(sent(&driver), 0);
}

#[test]
fn an_extra_host_name_goes_with_its_last_service_and_may_come_back() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    let service = |name: &str| Announcement {
        host: Some("d-extra".to_owned()),
        ..Announcement::new(name, "_d-extra._tcp".parse().expect("a type"), 1)
    };
    let mut claim = |names: &[&str]| {
        let services: Vec<_> = names
            .iter()
            .map(|name| driver.advertise(&service(name)).expect("an advertisement"))
            .collect();
        run(&mut driver, &hands, Duration::from_secs(5));
        for &service in &services {
            assert!(driver.advertised(service).is_some_and(|(_, is_won)| is_won));
            let host = driver.service_host(service).expect("a host");
            assert_eq!(host.to_string(), "d-extra.local");
        }
        for service in services {
            driver.withdraw(service);
        }
    };
    claim(&["Desk", "Shelf"]);
    claim(&["Desk"]);
}

#[test]
fn a_host_is_advertised_by_itself_or_beside_its_services() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    let advertise = |driver: &mut Driver| driver.advertise_host(Some("d-alone"));
    let registered = |driver: &mut Driver, host| match driver.next_change(host) {
        Some(AdvertisementEvent::Registered(name)) => name.to_string(),
        other => panic!("{other:?}"),
    };
    let host = advertise(&mut driver).expect("a host");
    assert_eq!(advertise(&mut driver), Err(RegisterError::Taken));
    run(&mut driver, &hands, Duration::from_secs(5));
    assert_eq!(registered(&mut driver, host), "d-alone.local");
    assert_eq!(driver.next_change(host), None);

    // A service keeps the name, and who advertises the host now is told at once that it is won.
    let service = Announcement {
        host: Some("D-Alone".to_owned()),
        ..Announcement::new("Desk", "_d-alone._tcp".parse().expect("a type"), 1)
    };
    let service = driver.advertise(&service).expect("a service");
    driver.withdraw(host);
    assert_eq!(driver.advertised(host), None);
    let again = advertise(&mut driver).expect("a host");
    assert_eq!(
        (again, registered(&mut driver, again)),
        (host, "d-alone.local".to_owned())
    );

    driver.withdraw(service);
    driver.withdraw(again);
    run(&mut driver, &hands, Duration::from_secs(5));
    let before = sent(&driver);
    let anew = advertise(&mut driver).expect("a host");
    assert_eq!(driver.next_change(anew), None, "it was given up");
    run(&mut driver, &hands, Duration::from_secs(5));
    assert_eq!(registered(&mut driver, anew), "d-alone.local");
    // Three probes and two announcements.
    assert!(sent(&driver) - before >= 5);
}

/// covers: SEC-20
#[test]
fn what_cannot_be_advertised_claims_no_host() {
    let hands = Hands::default();
    let mut driver =
        Driver::with_clock(Options::loopback(), Box::new(hands.clone())).expect("a driver");
    let nameless = Announcement {
        host: Some("d-nameless".to_owned()),
        ..Announcement::new("", "_d-nameless._tcp".parse().expect("a type"), 1)
    };
    driver.advertise(&nameless).expect_err("no name");
    run(&mut driver, &hands, Duration::from_secs(10));
    assert_eq!(sent(&driver), 0);
}
