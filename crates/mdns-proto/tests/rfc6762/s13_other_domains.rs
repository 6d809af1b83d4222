//! §13: names outside `.local` and the link-local reverse zones are told as they are, and never asked for, cached or flushed.

use std::net::IpAddr;

use mdns_proto::discovery::Span;

use super::bench::{Bench, Heard, ms};

/// Asserts that nothing was asked about such a name, nor listed as known.
fn assert_silent_about(bench: &Bench, name: &str) {
    for sent in &bench.sent {
        let said = [sent.questions(), sent.answers()].concat();
        assert!(!said.iter().any(|line| line.starts_with(name)), "{said:?}");
    }
}

/// Hosts outside, some of which look as if they were not.
const OUTSIDE: [&str; 7] = [
    "www.example.com",
    "hall",
    "com",
    "local.example",
    "hall.locala",
    "7.0.0.10.in-addr.arpa",
    "1.168.192.in-addr.arpa",
];

/// covers: 6762-13-a, SEC-20
#[test]
fn s13_a_target_outside_is_told_and_not_asked_for() {
    for host in OUTSIDE {
        for is_beside in [false, true] {
            let mut bench = Bench::new(1);
            bench.browse("_ipp._tcp.local");
            bench.resolve("Printer._ipp._tcp.local");
            bench.run(ms(500));
            let srv = format!("Printer._ipp._tcp.local 120 IN! SRV 0 0 80 {host}");
            let address = format!("{host} 120 IN! A 10.6.6.6");
            let heard = Heard::response(&[
                "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
                &srv,
                "Printer._ipp._tcp.local 4500 IN! TXT",
            ]);
            bench.hear(&if is_beside {
                heard.beside(&[&address])
            } else {
                heard
            });
            bench.hear(&Heard::response(&[&address]));
            let mut told = bench.take_events();
            told.sort();
            assert_eq!(
                told,
                [
                    format!("found Printer._ipp._tcp.local at {host}:80"),
                    format!("resolved Printer._ipp._tcp.local at {host}:80"),
                ],
                "nothing more is to be waited for"
            );
            bench.run(ms(100_000));
            assert_silent_about(&bench, host);
            let stats = bench.host.stats(bench.links[0]).expect("a link");
            assert_eq!(stats.not_link_local, 1 + u32::from(is_beside));
        }
    }
}

/// What says so in `.local` is asked for as ever: the rule is about where names are, not about what leads to them.
///
/// covers: 6763-5-e
#[test]
fn s13_a_target_inside_is_asked_for() {
    for host in [
        "hall.LOCAL",
        "a.b.local",
        "7.0.254.169.in-addr.arpa",
        "8.e.f.ip6.arpa",
    ] {
        let mut bench = Bench::new(2);
        bench.resolve("Printer._ipp._tcp.local");
        bench.run(ms(500));
        let srv = format!("Printer._ipp._tcp.local 120 IN! SRV 0 0 80 {host}");
        bench.hear(&Heard::response(&[
            &srv,
            "Printer._ipp._tcp.local 4500 IN! TXT",
        ]));
        bench.forget();
        bench.run(ms(500));
        let question = format!("{host} IN A?");
        assert!(
            bench
                .sent
                .iter()
                .any(|sent| sent.questions().contains(&question))
        );
        bench.hear(&Heard::response(&[&format!("{host} 120 IN! A 10.0.0.7")]));
        bench.run(ms(3000));
        assert_eq!(
            bench.take_events(),
            [format!(
                "resolved Printer._ipp._tcp.local at {host}:80 10.0.0.7"
            )]
        );
    }
}

/// Whatever leads to it, and of whatever type.
///
/// covers: 6762-13-a, ABUSE-8
#[test]
fn s13_records_outside_are_counted_and_not_kept() {
    let mut bench = Bench::new(3);
    bench.query("x.local ANY");
    bench.run(ms(500));
    let outside = [
        "www.example.com 120 IN! A 10.6.6.6",
        "www.example.com 120 IN! AAAA fe80::6",
        "www.example.com 120 IN! NSEC www.example.com A",
        "www.example.com 120 IN! TXT a=b",
        "www.example.com 120 IN! CNAME x.local",
        "www.example.com 120 IN PTR x.local",
        "x.example.com 0 IN! A 10.6.6.6",
        "7.0.0.10.in-addr.arpa 120 IN! PTR x.local",
        "example.com 120 IN! TYPE65280 x",
    ];
    bench.hear(&Heard::response(&["x.local 120 IN! CNAME www.example.com"]).beside(&outside));
    bench.hear(&Heard::response(&outside));
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(stats.not_link_local, 2 * 9);
    assert_eq!(
        bench.take_events(),
        ["answers x.local ANY [www.example.com]"]
    );
    bench.run(ms(300_000));
    assert_silent_about(&bench, "www.example.com");
    // What was kept would be told at once.
    let address: IpAddr = [10, 0, 0, 7].into();
    let asked = bench.act(|core, now| core.reverse(now, address, Span::Continuous));
    asked.expect("room");
    assert!(
        !bench
            .take_events()
            .iter()
            .any(|told| told.contains("[x.local]"))
    );
}

/// An address that the application asks about is another matter, be it what it may: it says that it is on the link.
///
/// covers: 6762-4-a
#[test]
fn s13_what_the_application_asks_about_outside_is_heard() {
    let mut bench = Bench::new(4);
    let address: IpAddr = [10, 0, 0, 7].into();
    let asked = bench.act(|core, now| core.reverse(now, address, Span::Continuous));
    let ask = asked.expect("room");
    bench.run(ms(500));
    let pointer = "7.0.0.10.in-addr.arpa 120 IN! PTR hall.local";
    bench.hear(&Heard::response(&[pointer]));
    assert_eq!(
        bench.take_events(),
        ["answers 7.0.0.10.in-addr.arpa PTR [hall.local]"]
    );
    // It flushes what it replaces.
    bench.run(ms(5000));
    bench.hear(&Heard::response(&[
        "7.0.0.10.in-addr.arpa 120 IN! PTR attic.local",
    ]));
    bench.run(ms(1000));
    assert_eq!(
        bench.take_events().last().map(String::as_str),
        Some("answers 7.0.0.10.in-addr.arpa PTR [attic.local]")
    );
    bench.stop(ask);
    bench.hear(&Heard::response(&[pointer]));
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(stats.not_link_local, 1, "from here on nobody asks");
}
