//! §9: conflicts.

use mdns_proto::link::Via;

use super::bench::{Bench, Heard, ms};

/// covers: 6762-9-b, 6762-9-c, 6762-6.6-b, 6762-8.3-i, 6762-9-e
#[test]
fn s9_a_conflict_in_any_section_makes_us_probe_again() {
    let rival = "hall.local 120 IN! A 10.0.0.7";
    for heard in [
        Heard::response(&[rival]),
        Heard::response(&["x.local 120 IN! A 10.0.0.8"]).beside(&[rival]),
        Heard::response(&["x.local 120 IN! A 10.0.0.8"]).proposes(&[rival]),
    ] {
        let (mut bench, _) = Bench::established(1);
        let start = bench.at();
        bench.hear(&heard);
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(10_000));
        let sent = bench.take();
        assert!(!sent[0].is_response());
        assert!(sent[0].at - start <= 250);
        assert_eq!(sent[0].questions(), ["hall.local IN ANY? QU"]);
        assert_eq!(sent[3].at - sent[0].at, 750);
        assert!(sent[3].says("hall.local 120 IN! A 10.0.0.1"));
        // Nobody defended it: it is still ours, and the application need not know.
        assert!(bench.events.is_empty());
    }
}

/// covers: 6762-9-d, 6762-9-f, 6762-9-k, 6762-9-n, 6762-9-h, 6762-9-i
#[test]
fn s9_a_defended_name_is_left_to_the_other() {
    let (mut bench, service) = Bench::established(2);
    let rival = Heard::response(&["Printer._ipp._tcp.local 120 IN! SRV 0 0 9 other.local"]);
    bench.hear(&rival);
    bench.run(ms(255));
    bench.hear(&rival);
    bench.run(ms(10_000));
    assert_eq!(
        bench.events,
        [
            "renamed Printer (2)._ipp._tcp.local",
            "registered Printer (2)._ipp._tcp.local"
        ]
    );
    bench.forget();
    // The host was never in doubt.
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    bench.run(ms(1000));
    let sent = bench.take();
    assert_eq!(
        sent[0].answers(),
        ["_ipp._tcp.local 4500 IN PTR Printer (2)._ipp._tcp.local"]
    );
    bench.act(|core, now| core.withdraw(now, service));
    bench.run(ms(2000));
    for sent in bench.take() {
        assert!(!sent.says("Printer._ipp"));
        assert!(sent.message().answers().all(|record| record.ttl.0 <= 1));
    }
}

/// covers: 6762-9-n, 6762-9-k, BCT-II-P3
#[test]
fn s9_a_renamed_host_is_named_in_the_srv_of_its_services() {
    let (mut bench, _) = Bench::established(3);
    let rival = Heard::response(&["hall.local 120 IN! A 10.0.0.7"]);
    bench.hear(&rival);
    bench.run(ms(255));
    bench.hear(&rival);
    bench.run(ms(10_000));
    assert_eq!(
        bench.events,
        ["host renamed hall-2.local", "host registered hall-2.local"]
    );
    let said: Vec<_> = bench
        .take_responses()
        .into_iter()
        .flat_map(|sent| sent.answers())
        .collect();
    assert!(said.contains(&"Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall-2.local".to_owned()));
    assert!(said.contains(&"1.0.0.10.in-addr.arpa 120 IN! PTR hall-2.local".to_owned()));
    assert!(!said.iter().any(|line| line.contains("hall.local")));
}

/// covers: 6762-9-l, 6762-14-f, 6762-14-g
#[test]
fn s9_own_words_back_from_anywhere_are_no_conflict() {
    let mut bench = Bench::new(4);
    bench.add_interface(2, &["10.0.0.2/24"]);
    bench.add_host("hall");
    let service = bench.register_printer();
    bench.run(ms(3000));
    // All that was said, heard again on either link from either address, now and much later, and after a change.
    for round in 0..3 {
        let said: Vec<_> = bench.take();
        for sent in &said {
            for (link, source) in [
                (0, "10.0.0.1:5353"),
                (1, "10.0.0.1:5353"),
                (0, "10.0.0.2:5353"),
                (1, "10.0.0.2:5353"),
            ] {
                bench.hear_bytes(bench.links[link], source, Via::Multicast, &sent.bytes);
            }
        }
        assert!(bench.sent.len() <= 4 * said.len());
        bench.update_txt(service, &[&format!("round={round}")]);
        bench.run(ms(30_000));
    }
    assert_eq!(
        bench.events,
        [
            "host registered hall.local",
            "registered Printer._ipp._tcp.local"
        ]
    );
}

/// covers: 6762-9-m
#[test]
fn s9_another_s_goodbye_is_no_conflict() {
    let (mut bench, _) = Bench::established(5);
    bench.hear(&Heard::response(&["hall.local 0 IN! A 10.0.0.7"]));
    bench.run(ms(5000));
    assert!(bench.take().is_empty());
}

/// covers: 6762-9-j, 6762-8.1-p, SEC-25
#[test]
fn s9_a_minute_of_denials_ends_with_a_name() {
    let mut bench = Bench::new(6);
    bench.add_host("hall");
    let mut probes = 0;
    while bench.at() < 60_000 {
        bench.run(ms(1));
        for probe in bench.take() {
            probes += 1;
            let name = probe.questions()[0]
                .split(' ')
                .next()
                .expect("a name")
                .to_owned();
            bench.hear(&Heard::response(&[&format!("{name} 120 IN! A 10.0.0.7")]));
        }
    }
    assert!(probes < 30, "{probes}");
    bench.run(ms(10_000));
    assert!(
        bench
            .events
            .last()
            .expect("an event")
            .starts_with("host registered")
    );
}

/// covers: 6762-14-a, 6762-14-b
#[test]
fn s14_a_name_lost_on_one_link_is_lost_on_all() {
    let mut bench = Bench::new(7);
    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.add_host("hall");
    bench.run(ms(260));
    let rival = Heard::response(&["hall.local 120 IN! A 192.168.7.9"]).bytes();
    bench.hear_bytes(bench.links[1], "192.168.7.9:5353", Via::Multicast, &rival);
    bench.run(ms(5000));
    assert_eq!(
        bench.events,
        ["host renamed hall-2.local", "host registered hall-2.local"]
    );
    for link in bench.links.clone() {
        assert!(
            bench
                .sent
                .iter()
                .any(|sent| sent.link == link && sent.says("hall-2.local 120 IN! A"))
        );
    }
    assert!(
        !bench
            .sent
            .iter()
            .any(|sent| sent.is_response() && sent.says("hall.local"))
    );
}

/// Another stack on this host has the same addresses, and means its own name by them.
///
/// covers: 6762-15.1-a
#[test]
fn s9_the_reverse_name_of_an_address_is_left_to_a_neighbour() {
    let reverse = "1.0.0.10.in-addr.arpa";
    for heard in [
        Heard::query(&["1.0.0.10.in-addr.arpa ANY"])
            .proposes(&["1.0.0.10.in-addr.arpa 120 IN PTR box.local"]),
        Heard::response(&["1.0.0.10.in-addr.arpa 120 IN! PTR box.local"]),
    ] {
        let (mut bench, _) = Bench::established(10);
        bench.hear_from("10.0.0.1:5353", Via::Multicast, &heard);
        bench.hear(&Heard::query(&["1.0.0.10.in-addr.arpa PTR"]));
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(5000));
        let sent = bench.take();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].answers(), ["hall.local 120 IN! A 10.0.0.1"]);
        assert!(!sent[0].says(reverse));
        // On another network there may be no neighbour.
        let link = bench.links[0];
        bench.act(|core, now| core.link_up(now, link));
        bench.run(ms(5000));
        assert!(bench.take().iter().any(|sent| sent.says(reverse)));
    }
}

/// Two devices of one image: the same names, the same data. One rename each at most, and then peace.
///
/// covers: none (found by simulation; see docs/decisions/0001)
#[test]
fn s9_yesterday_s_words_from_another_are_the_other_s() {
    let (mut bench, _) = Bench::established(8);
    let rival = Heard::response(&["hall.local 120 IN! A 10.0.0.7"]);
    bench.hear(&rival);
    bench.run(ms(255));
    bench.hear(&rival);
    bench.run(ms(10_000));
    bench.forget();
    // It says what we said a moment ago.
    let twin = Heard::response(&["Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local"]);
    bench.hear(&twin);
    bench.run(ms(255));
    bench.hear(&twin);
    bench.run(ms(10_000));
    assert_eq!(
        bench.events,
        [
            "renamed Printer (2)._ipp._tcp.local",
            "registered Printer (2)._ipp._tcp.local"
        ]
    );
}

/// Whoever browses here for what is ours sees the new name instead of the old one, and nothing else change.
///
/// covers: none (own results follow a rename)
#[test]
fn s9_own_results_follow_a_rename() {
    let mut bench = Bench::new(9);
    bench.browse("_ipp._tcp.local");
    bench.add_host("hall");
    bench.register_printer();
    bench.register("Scanner", "_ipp._tcp", 632, &[], &[]);
    bench.run(ms(20_000));
    let rival = Heard::response(&["Printer._ipp._tcp.local 120 IN! SRV 0 0 9 other.local"]);
    bench.forget();
    bench.hear(&rival);
    bench.run(ms(255));
    bench.hear(&rival);
    bench.run(ms(10_000));
    let told: Vec<_> = bench
        .events
        .iter()
        .map(|event| event.split(" at ").next().unwrap_or(event))
        .collect();
    assert!(
        told.iter()
            .any(|event| event.starts_with("gone Printer._ipp")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|event| event.starts_with("found Printer (2)._ipp")),
        "{told:#?}"
    );
    assert!(
        !told.iter().any(|event| event.contains("Scanner")),
        "{told:#?}"
    );
}

/// Conflicts with more than ten seconds between them do not add up.
///
/// covers: 6762-8.1-p
#[test]
fn s8_1_conflicts_now_and_then_slow_nothing_down() {
    let (mut bench, _) = Bench::established(11);
    for _ in 0..20 {
        let start = bench.at();
        bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
        bench.run(ms(10_001));
        let probe = bench.take().remove(0);
        assert_eq!(probe.questions(), ["hall.local IN ANY? QU"]);
        assert!(probe.at - start <= 250);
    }
}

/// That a name has no records of a type is nobody's claim to it.
///
/// covers: none (the records that a rival has come beside its denial)
#[test]
fn s9_another_s_denial_is_no_conflict() {
    let mut bench = Bench::new(12);
    bench.add_host("hall");
    bench.run(ms(260));
    assert_eq!(bench.sent.len(), 1, "a probe");
    bench.hear(&Heard::response(&[
        "hall.local 120 IN! NSEC hall.local AAAA",
    ]));
    bench.run(ms(5000));
    assert_eq!(bench.take_events(), ["host registered hall.local"]);
}
