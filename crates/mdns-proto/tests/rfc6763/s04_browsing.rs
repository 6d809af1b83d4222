//! §4, §5, Appendix F: what a browser is told, and when.

use mdns_proto::link::Via;

use super::bench::{Bench, Heard, ms};

const PTR: &str = "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local";
const SRV: &str = "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local";
const TXT: &str = "Printer._ipp._tcp.local 4500 IN! TXT a=b";
const A: &str = "hall.local 120 IN! A 10.0.0.7";
const FOUND: &str = "found Printer._ipp._tcp.local at hall.local:631 10.0.0.7 \"a=b\"";

fn browsing() -> Bench {
    let mut bench = Bench::new(1);
    bench.browse("_ipp._tcp.local");
    bench.run(ms(5000));
    bench.forget();
    bench
}

/// Everything about the printer, as one response.
fn all() -> Heard {
    Heard::response(&[PTR]).beside(&[SRV, TXT, A])
}

/// covers: 6763-F-b
#[test]
fn s_f_an_instance_is_found_once() {
    let mut bench = browsing();
    for _ in 0..5 {
        bench.hear(&all());
        bench.run(ms(700));
    }
    assert_eq!(bench.take_events(), [FOUND]);
}

/// covers: 6763-F-a
#[test]
fn s_f_a_browse_has_no_end() {
    let mut bench = browsing();
    bench.run(ms(3_600_000));
    bench.hear(&all());
    assert_eq!(bench.take_events(), [FOUND]);
    bench.run(ms(30_000));
    bench.hear(&Heard::response(&[&PTR.replace("4500", "0")]));
    bench.run(ms(999));
    assert!(bench.take_events().is_empty());
    bench.run(ms(1));
    assert_eq!(bench.take_events(), ["gone Printer._ipp._tcp.local"]);
    bench.run(ms(3_600_000));
    bench.hear(&all());
    assert_eq!(bench.take_events(), [FOUND]);
}

/// Whatever ends it, an instance is gone once: a goodbye, its TTL, the loss of the link.
///
/// covers: 6763-F-c, 6762-10.3-a, 6762-5.2-f
#[test]
fn s_f_an_instance_is_gone_once() {
    for way in ["goodbye", "expiry", "link"] {
        let mut bench = browsing();
        bench.hear(&all());
        bench.run(ms(10_000));
        bench.forget();
        let link = bench.links[0];
        let latest = match way {
            "goodbye" => {
                for _ in 0..3 {
                    bench.hear(&Heard::response(&[&PTR.replace("4500", "0")]));
                }
                1000
            }
            "expiry" => 4_490_000,
            _ => {
                bench.act(|core, now| core.link_down(now, link));
                10_000
            }
        };
        bench.run(ms(latest));
        bench.run(ms(10_000));
        let gone = bench
            .events
            .iter()
            .filter(|event| event.starts_with("gone"))
            .count();
        assert_eq!(gone, 1, "{way}: {:?}", bench.events);
        assert_eq!(
            bench.events.last().expect("an event"),
            "gone Printer._ipp._tcp.local"
        );
    }
}

/// covers: 6763-12-c
#[test]
fn s12_what_was_not_asked_for_is_not_told() {
    let mut bench = browsing();
    bench.hear(&all().beside(&[
        SRV,
        TXT,
        A,
        "_http._tcp.local 4500 IN PTR Page._http._tcp.local",
        "Page._http._tcp.local 120 IN! SRV 0 0 80 other.local",
        "other.local 120 IN! A 10.0.0.8",
    ]));
    bench.run(ms(5000));
    assert_eq!(bench.take_events(), [FOUND]);
}

/// covers: 6763-4.1.1-b, 6763-4.2-b, 6763-4.3-c, 8553-2-a
#[test]
fn s4_1_an_instance_may_have_any_name() {
    for label in [
        "J\\. Smith's \"Printer\" (2)",
        "プリンター",
        r"a\._tcp",
        "_ipp",
        r"back\\slash",
    ] {
        let mut bench = browsing();
        let instance = format!("{label}._ipp._tcp.local");
        bench.hear(
            &Heard::response(&[&PTR.replace("Printer._ipp._tcp.local", &instance)]).beside(&[
                &SRV.replace("Printer._ipp._tcp.local", &instance),
                &TXT.replace("Printer._ipp._tcp.local", &instance),
                A,
            ]),
        );
        bench.resolve(&instance);
        let mut events = bench.take_events();
        events.sort();
        assert_eq!(
            events,
            [
                format!("found {instance} at hall.local:631 10.0.0.7 \"a=b\""),
                format!("resolved {instance} at hall.local:631 10.0.0.7 \"a=b\""),
            ]
        );
        bench.hear(&Heard::response(&[&PTR
            .replace("4500", "0")
            .replace("Printer._ipp._tcp.local", &instance)]));
        bench.run(ms(1000));
        assert_eq!(bench.take_events(), [format!("gone {instance}")]);
    }
}

/// covers: 6763-5-d, 6763-F-d
#[test]
fn s5_an_open_resolve_follows_every_change() {
    let mut bench = Bench::new(2);
    bench.resolve("Printer._ipp._tcp.local");
    bench.run(ms(500));
    bench.hear(&Heard::response(&[SRV, TXT, A]));
    assert_eq!(
        bench.take_events(),
        ["resolved Printer._ipp._tcp.local at hall.local:631 10.0.0.7 \"a=b\""]
    );
    for (changed, expected) in [
        (
            "Printer._ipp._tcp.local 120 IN! SRV 0 0 632 hall.local",
            "hall.local:632 10.0.0.7 \"a=b\"",
        ),
        (
            "Printer._ipp._tcp.local 4500 IN! TXT a=c",
            "hall.local:632 10.0.0.7 \"a=c\"",
        ),
        (
            "hall.local 120 IN! A 10.0.0.9",
            "hall.local:632 10.0.0.9 \"a=c\"",
        ),
    ] {
        bench.run(ms(3000));
        bench.hear(&Heard::response(&[changed]));
        bench.run(ms(1500));
        let events = bench.take_events();
        assert_eq!(
            events.last(),
            Some(&format!("resolved Printer._ipp._tcp.local at {expected}")),
            "{events:?}"
        );
    }
}

/// covers: 6763-9-b, 6763-9-a
#[test]
fn s9_types_are_told_once_each() {
    let mut bench = Bench::new(3);
    bench
        .act(|core, now| core.browse_types(now))
        .expect("a browse");
    bench.run(ms(500));
    assert_eq!(
        bench.take()[0].questions(),
        ["_services._dns-sd._udp.local IN PTR?"]
    );
    for _ in 0..2 {
        bench.hear(&Heard::response(&[
            "_services._dns-sd._udp.local 4500 IN PTR _ipp._tcp.local",
            "_services._dns-sd._udp.local 4500 IN PTR _http._tcp.local",
        ]));
        bench.run(ms(2000));
    }
    let mut events = bench.take_events();
    events.sort();
    assert_eq!(events, ["found _http._tcp.local", "found _ipp._tcp.local"]);
}

/// What a PTR of each of these types may point to, and what not.
const POINTERS: [(&str, &[&str], &[&str]); 3] = [
    (
        "_ipp._tcp.local",
        &[
            "Printer._ipp._tcp.local",
            "a\\.b._IPP._TCP.LOCAL",
            "_ipp._ipp._tcp.local",
            "\\000\\255._ipp._tcp.local",
        ],
        &[
            "hap-29D80A.local",
            "local",
            "_ipp._tcp.local",
            "_tcp.local",
            "a.b._ipp._tcp.local",
            "_printer._sub._ipp._tcp.local",
            "Printer._ipp._tcp",
            "Printer._ipp._tcp.example.org",
            "Printer._ipp._tcp.sub.local",
            "Printer._ipp._udp.local",
            "Printer._ipps._tcp.local",
            "Printer._http._tcp.local",
            "Printer.local",
            ".",
        ],
    ),
    (
        "_color._SUB._ipp._tcp.local",
        &["Printer._ipp._tcp.local", "_sub._ipp._tcp.local"],
        &[
            "Printer._color._sub._ipp._tcp.local",
            "_color._sub._ipp._tcp.local",
            "_ipp._tcp.local",
            "a.b._ipp._tcp.local",
            "Printer._http._tcp.local",
            ".",
        ],
    ),
    (
        "_Services._dns-sd._udp.local",
        &["_ipp._tcp.local", "_SSH._Udp.Local", "_dns-sd._udp.local"],
        &[
            "nerves._services._dns-sd._udp.local",
            "_services._dns-sd._udp.local",
            "foo.local",
            "local",
            ".",
            "www.example.com",
            "ipp._tcp.local",
            "_._tcp.local",
            "_ipp._sctp.local",
            "_ipp._tcp",
            "_ipp._tcp.example.org",
            "_printer._sub._ipp._tcp.local",
            "Printer._ipp._tcp.local",
        ],
    ),
];

/// Heard in time, or known before the browse: an instance is one label before the very type, a type two labels and the domain.
///
/// covers: 6763-4.1-a, 6763-7.1-b, 6763-9-b
#[test]
fn s4_1_only_instances_of_the_type_are_found() {
    for (owner, found, odd) in POINTERS {
        for target in found.iter().chain(odd) {
            for is_known in [false, true] {
                let is_found = found.contains(target);
                let mut bench = Bench::new(4);
                let pointer = |ttl| Heard::response(&[&format!("{owner} {ttl} IN PTR {target}")]);
                if is_known {
                    bench.hear(&pointer(4500));
                }
                bench.browse(owner);
                bench.run(ms(500));
                if !is_known {
                    bench.hear(&pointer(4500));
                }
                let told: Vec<String> = is_found
                    .then(|| format!("found {target}"))
                    .into_iter()
                    .collect();
                assert_eq!(bench.take_events(), told, "{owner} -> {target}");
                bench.hear(&pointer(0));
                bench.run(ms(1500));
                assert_eq!(bench.take_events().len(), told.len(), "{owner} -> {target}");
                let stats = bench.host.stats(bench.links[0]).expect("a link");
                let counted = u32::from(!is_found && !is_known);
                assert_eq!(stats.no_instance, counted, "{owner} -> {target}");
            }
        }
    }
}

/// What is no instance takes no room that an instance needs, and nobody is told that it is missing.
///
/// covers: none (a bound of the design)
#[test]
fn s4_1_what_is_no_instance_takes_no_room() {
    let mut bench = browsing();
    for n in 0..200 {
        let pointer = format!("_ipp._tcp.local 4500 IN PTR x{n}.local");
        bench.hear(&Heard::response(&[&pointer]));
    }
    bench.hear(&all());
    assert_eq!(bench.take_events(), [FOUND]);
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(stats.no_instance, 200);
}

/// What a query for such a record tells is what was said.
///
/// covers: none (a query is not a browse)
#[test]
fn s4_1_a_query_tells_every_pointer() {
    let mut bench = browsing();
    bench.query("_ipp._tcp.local PTR");
    bench.hear(&Heard::response(&[
        "_ipp._tcp.local 4500 IN PTR hap-29D80A.local",
    ]));
    assert_eq!(
        bench.take_events(),
        ["answers _ipp._tcp.local PTR [hap-29D80A.local]"]
    );
}

/// Two SRV records without cache-flush, as from a device that was restarted: the newest counts, whatever its port and its host.
///
/// covers: 6763-5-d
#[test]
fn s5_the_newest_srv_counts() {
    let srv =
        |ttl, port, host| format!("Printer._ipp._tcp.local {ttl} IN SRV 0 0 {port} {host}.local");
    let a = |host, last| format!("{host}.local 4500 IN A 10.0.0.{last}");
    let [low, high] = [(50, "attic", 7), (60, "zoo", 8)];
    for (old, new) in [(low, high), (high, low)] {
        for apart in [1, 500, 2000] {
            for how in ["browse", "resolve"] {
                let mut bench = Bench::new(5);
                if how == "browse" {
                    bench.browse("_ipp._tcp.local");
                } else {
                    bench.resolve("Printer._ipp._tcp.local");
                }
                bench.run(ms(500));
                for (port, host, last) in [old, new] {
                    bench.hear(&Heard::response(&[
                        PTR,
                        &srv(4500, port, host),
                        TXT,
                        &a(host, last),
                    ]));
                    bench.run(ms(apart));
                }
                let at = |(port, host, last): (u16, &str, u8)| {
                    format!("Printer._ipp._tcp.local at {host}.local:{port} 10.0.0.{last} \"a=b\"")
                };
                let told = bench.take_events();
                let last = told.last().expect("an event");
                assert!(last.ends_with(&at(new)), "{how}, {apart} ms: {told:?}");
                // Said again, the old one is the newest.
                bench.run(ms(5000));
                bench.hear(&Heard::response(&[&srv(4500, old.0, old.1)]));
                bench.run(ms(10));
                let told = bench.take_events();
                assert!(
                    told.last().is_some_and(|last| last.ends_with(&at(old))),
                    "{told:?}"
                );
                // §10.1: what is withdrawn does not count while the other stands, and counts again if it is said again.
                bench.run(ms(5000));
                bench.hear(&Heard::response(&[&srv(0, old.0, old.1)]));
                bench.run(ms(10));
                let told = bench.take_events();
                assert!(
                    told.last().is_some_and(|last| last.ends_with(&at(new))),
                    "{told:?}"
                );
                bench.hear(&Heard::response(&[&srv(4500, old.0, old.1)]));
                bench.run(ms(2000));
                let told = bench.take_events();
                assert!(
                    told.last().is_some_and(|last| last.ends_with(&at(old))),
                    "{told:?}"
                );
            }
        }
    }
}

/// Those of one packet are one set, whose order is that of RFC 2782.
///
/// covers: 6763-5-b, 2782-b
#[test]
fn s5_of_one_packet_the_lowest_priority_counts() {
    let mut bench = browsing();
    bench.hear(&Heard::response(&[
        PTR,
        "Printer._ipp._tcp.local 120 IN! SRV 20 0 1 hall.local",
        "Printer._ipp._tcp.local 120 IN! SRV 10 0 3 hall.local",
        "Printer._ipp._tcp.local 120 IN! SRV 10 9 2 hall.local",
    ]));
    assert_eq!(
        bench.take_events(),
        ["found Printer._ipp._tcp.local at hall.local:2"]
    );
}

/// covers: 6763-F-g, 6762-14-e
#[test]
fn s_f_an_instance_on_two_links_is_one() {
    let mut bench = browsing();
    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.run(ms(5000));
    for (link, source) in [(0, "10.0.0.7:5353"), (1, "192.168.7.7:5353")] {
        bench.hear_bytes(bench.links[link], source, Via::Multicast, &all().bytes());
    }
    bench.run(ms(5000));
    let found = bench
        .events
        .iter()
        .filter(|event| event.starts_with("found"))
        .count();
    assert_eq!(found, 1, "{:?}", bench.events);
    bench.forget();
    let goodbye = Heard::response(&[&PTR.replace("4500", "0")]).bytes();
    bench.hear_bytes(bench.links[0], "10.0.0.7:5353", Via::Multicast, &goodbye);
    bench.run(ms(5000));
    assert!(
        !bench.events.iter().any(|event| event.starts_with("gone")),
        "{:?}",
        bench.events
    );
    bench.hear_bytes(bench.links[1], "192.168.7.7:5353", Via::Multicast, &goodbye);
    bench.run(ms(5000));
    assert_eq!(
        bench.events.last().expect("an event"),
        "gone Printer._ipp._tcp.local"
    );
}
