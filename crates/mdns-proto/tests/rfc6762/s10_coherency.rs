//! §10: goodbyes, as the responder says them.

use super::bench::{Bench, Heard, ms};

/// covers: 6762-10.1-a, 6763-7.1-f, 6763-9-d, BCT-II-16
#[test]
fn s10_1_what_is_withdrawn_says_goodbye() {
    let (mut bench, service) = Bench::established(1);
    let other = bench.register("Other", "_ipp._tcp", 632, &[], &[]);
    bench.run(ms(20_000));
    bench.forget();
    bench.host.withdraw(bench.now, service);
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert_eq!(
        sent.answers(),
        [
            "Printer._ipp._tcp.local 0 IN! SRV 0 0 631 hall.local",
            "Printer._ipp._tcp.local 0 IN! TXT \"a=b\"",
            "_color._sub._ipp._tcp.local 0 IN PTR Printer._ipp._tcp.local",
            "_ipp._tcp.local 0 IN PTR Printer._ipp._tcp.local",
        ]
    );
    // The type goes with the last of its services.
    bench.host.withdraw(bench.now, other);
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.says("_services._dns-sd._udp.local 0 IN PTR _ipp._tcp.local"));
    bench.hear(&Heard::query(&[
        "_ipp._tcp.local PTR",
        "Printer._ipp._tcp.local SRV",
    ]));
    bench.run(ms(5000));
    assert!(bench.take().is_empty());
}

/// covers: 6762-10.1-a
#[test]
fn s10_1_a_shutdown_takes_everything_back() {
    let (mut bench, _) = Bench::established(2);
    bench.host.shutdown(bench.now);
    bench.run(ms(5000));
    assert!(bench.host.is_silent());
    let (_, sent) = bench.one_since(0);
    assert_eq!(sent.answers().len(), 7);
    assert!(sent.message().answers().all(|record| record.ttl.0 == 0));
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(5000));
    assert!(bench.take().is_empty());
}

/// A denial that was said stays in caches like any other record, and keeps the name alive there.
///
/// covers: 6762-10.1-a
#[test]
fn s10_1_a_denial_says_goodbye_too() {
    let (mut bench, service) = Bench::established(7);
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    bench.run(ms(5000));
    bench.forget();
    bench.host.withdraw(bench.now, service);
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.says("Printer._ipp._tcp.local 1 IN! NSEC Printer._ipp._tcp.local TXT SRV"));
    assert_eq!(sent.answers().len(), 6);
    bench.host.shutdown(bench.now);
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.says("hall.local 1 IN! NSEC hall.local A"));
    assert_eq!(sent.answers().len(), 3);
}

/// covers: 6762-10.1-f
#[test]
fn s10_1_a_goodbye_waits_for_the_second_to_end() {
    let mut bench = Bench::new(3);
    bench.add_host("hall");
    let service = bench.register_printer();
    while !bench.sent.iter().any(super::bench::Sent::is_response) {
        bench.run(ms(1));
    }
    let announced = bench.at();
    bench.run(ms(200));
    bench.forget();
    bench.host.withdraw(bench.now, service);
    bench.run(ms(5000));
    let goodbye = bench
        .sent
        .iter()
        .find(|sent| sent.says("_ipp._tcp.local 0"))
        .expect("a goodbye");
    assert!(goodbye.at <= announced + 1001);
    assert!(
        !bench
            .sent
            .iter()
            .any(|sent| sent.says("_ipp._tcp.local 4500"))
    );
}

/// covers: 6762-10.1-g
#[test]
fn s10_1_what_was_never_announced_says_no_goodbye() {
    let mut bench = Bench::new(4);
    bench.add_host("hall");
    let service = bench.register_printer();
    bench.run(ms(300));
    bench.host.withdraw(bench.now, service);
    bench.host.shutdown(bench.now);
    assert!(bench.host.is_silent());
    bench.run(ms(5000));
    assert!(bench.take_responses().is_empty());
}

/// A service that is withdrawn and registered at once does not say goodbye to what it announces.
///
/// covers: none (what an application does that restarts a service)
#[test]
fn s10_1_a_service_registered_anew_stays() {
    let (mut bench, service) = Bench::established(5);
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    bench.run(ms(200));
    bench.forget();
    bench.host.withdraw(bench.now, service);
    bench.register_printer();
    bench.run(ms(10_000));
    assert!(!bench.sent.iter().any(|sent| sent.says("_ipp._tcp.local 0")));
    assert_eq!(bench.events, ["registered Printer._ipp._tcp.local"]);
}

/// covers: 6762-10.2-f, 6762-10.2-g, 6762-10.2-l, 6762-2-c, 2181-5.2-a
#[test]
fn s10_2_a_unique_rrset_is_said_whole_and_flushes() {
    let mut bench = Bench::with(
        6,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"],
    );
    bench.add_host("hall");
    bench.register_printer();
    bench.run(ms(20_000));
    for question in [
        "hall.local A",
        "_ipp._tcp.local PTR",
        "Printer._ipp._tcp.local SRV",
        "hall.local AAAA",
    ] {
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(3000));
    }
    for sent in bench.take_responses() {
        let said: Vec<_> = sent
            .message()
            .records()
            .map(|(_, record)| record.to_string())
            .collect();
        let addresses = said
            .iter()
            .filter(|line| line.starts_with("hall.local") && line.contains(" A "))
            .count();
        assert!(addresses == 0 || addresses == 3, "{said:?}");
        for line in said {
            let is_shared = line.starts_with('_');
            assert_eq!(line.contains(" IN! "), !is_shared, "{line}");
        }
    }
}
