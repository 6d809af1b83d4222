//! Apple's Bonjour Conformance Test as far as public sources tell (docs/conformance/bct.md): each row of phase II is one
//! scripted peer against a host, with the limits for passing that the row gives.

use std::collections::HashSet;
use std::time::Duration;

use crate::rfc6762::bench::{Bench, Heard, OTHER, PEER, Sent, assert_even, ms};
use mdns_proto::{
    config::Config,
    link::{Destination, Via},
    own::ServiceId,
    wire::Rdata,
};

const PTR: &str = "_ipp._tcp.local PTR";
const SRV: &str = "Printer._ipp._tcp.local SRV";
const KNOWN: &str = "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local";
const RIVAL_A: &str = "hall.local 120 IN! A 10.0.0.200";
const RIVAL_SRV: &str = "Printer._ipp._tcp.local 120 IN! SRV 0 0 9 rival.local";

/// How a device comes to probe: switched on, or its cable put in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    SwitchedOn,
    PluggedIn,
}

const STARTS: [Start; 2] = [Start::SwitchedOn, Start::PluggedIn];

/// A device that has sent its first probe just now.
fn probing(start: Start, seed: u64) -> Bench {
    let mut bench = match start {
        Start::SwitchedOn => {
            let mut bench = Bench::new(seed);
            bench.add_host("hall");
            bench.register_printer();
            bench
        }
        Start::PluggedIn => {
            let (mut bench, _) = Bench::established(seed);
            let link = bench.links[0];
            bench.act(|core, now| core.link_down(now, link));
            bench.run(ms(10_000));
            bench.act(|core, now| core.link_up(now, link));
            bench
        }
    };
    while bench.sent.is_empty() {
        bench.run(ms(1));
    }
    bench
}

fn is_probe_for(sent: &Sent, name: &str) -> bool {
    let question = format!("{name} IN ANY?");
    !sent.is_response() && sent.asked().contains(&question)
}

/// The times at which a name was probed for, in milliseconds.
fn probes_for(bench: &Bench, name: &str) -> Vec<u64> {
    let probes = bench.sent.iter().filter(|sent| is_probe_for(sent, name));
    probes.map(|sent| sent.at).collect()
}

/// Checks what is demanded of announcements: two or more, a second and more apart; cache-flush on what is unique alone.
fn assert_announced(sent: &[Sent], record: &str) {
    let announced = sent
        .iter()
        .filter(|sent| sent.is_response() && sent.says(record));
    let times: Vec<_> = announced.clone().map(|sent| sent.at).collect();
    assert!(times.len() >= 2, "{record} was announced at {times:?}");
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 1000),
        "{times:?}"
    );
    for sent in announced {
        assert!(sent.is_multicast());
        for line in sent.answers() {
            assert_eq!(line.contains(" IN! "), !line.starts_with('_'), "{line}");
        }
    }
}

/// covers: BCT-II-1, BCT-II-17
#[test]
fn ii_1_initial_probing() {
    for start in STARTS {
        let mut bench = probing(start, 1);
        bench.run(ms(5000));
        for name in ["hall.local", "Printer._ipp._tcp.local"] {
            assert_eq!(probes_for(&bench, name).len(), 3, "{start:?} {name}");
        }
        let third = probes_for(&bench, "hall.local")[2];
        let said = bench.sent.iter().find(|sent| sent.is_response());
        assert!(said.is_some_and(|said| said.at >= third + 250));
    }
}

/// covers: BCT-II-2a, BCT-II-17
#[test]
fn ii_2_a_lost_tiebreak_waits_and_keeps_the_name() {
    for start in STARTS {
        let mut bench = probing(start, 2);
        bench.run(ms(100));
        bench.forget();
        let lost = bench.at();
        bench.hear(
            &Heard::query(&["hall.local ANY QU"]).proposes(&["hall.local 120 IN A 10.0.0.200"]),
        );
        bench.run(ms(10_000));
        let again = probes_for(&bench, "hall.local");
        assert_eq!(again.len(), 3);
        assert!(
            (1000..=1250).contains(&(again[0] - lost)),
            "{start:?} {again:?}"
        );
        assert!(!bench.events.iter().any(|event| event.contains("renamed")));
    }
}

/// covers: BCT-II-2b, BCT-II-17
#[test]
fn ii_2_a_denied_name_is_left_at_once() {
    for start in STARTS {
        let mut bench = probing(start, 3);
        bench.run(ms(50));
        bench.forget();
        bench.hear(&Heard::response(&[RIVAL_A]));
        bench.run(ms(10_000));
        assert_eq!(probes_for(&bench, "hall-2.local").len(), 3);
        assert!(
            !bench
                .sent
                .iter()
                .any(|sent| is_probe_for(sent, "hall.local"))
        );
        assert!(!bench.sent.iter().any(|sent| sent.says("hall.local")));
    }
}

/// covers: BCT-II-2c
#[test]
fn ii_2_denials_slow_it_down() {
    let mut bench = Bench::new(4);
    bench.add_host("hall");
    let mut attempts: Vec<u64> = Vec::new();
    while attempts.len() < 30 {
        bench.run(ms(1));
        let Some(probe) = bench.take().into_iter().find(|sent| !sent.is_response()) else {
            continue;
        };
        attempts.push(probe.at);
        let questions = probe.questions();
        let name = questions[0].split(' ').next().expect("a name");
        bench.hear(&Heard::response(&[&format!("{name} 120 IN! A 10.0.0.200")]));
    }
    for conflicts in attempts.windows(16) {
        let within = conflicts[14] - conflicts[0];
        assert!(
            within > 10_000 || conflicts[15] - conflicts[14] >= 5000,
            "{attempts:?}"
        );
    }
}

/// covers: BCT-II-2d
#[test]
fn ii_2_probes_are_never_early() {
    for seed in 0..200 {
        let mut bench = probing(Start::SwitchedOn, seed);
        // What is heard meanwhile moves nothing.
        for _ in 0..10 {
            bench.hear(&Heard::query(&["hall.local A", PTR]));
            bench.run(ms(73));
        }
        let times = probes_for(&bench, "hall.local");
        assert_eq!(times.len(), 3);
        assert!(
            times
                .windows(2)
                .all(|pair| (237..=260).contains(&(pair[1] - pair[0]))),
            "{times:?}"
        );
    }
}

/// covers: BCT-II-3, BCT-II-5x, BCT-II-17
#[test]
fn ii_3_a_won_tiebreak_changes_nothing() {
    for start in STARTS {
        let mut bench = probing(start, 5);
        let first = bench.sent[0].at;
        bench.run(ms(100));
        bench.hear(
            &Heard::query(&["hall.local ANY QU"]).proposes(&["hall.local 120 IN A 10.0.0.0"]),
        );
        bench.run(ms(10_000));
        let times: Vec<_> = bench.sent.iter().map(|sent| sent.at - first).collect();
        assert_eq!(times, [0, 250, 500, 750, 1750], "{start:?}");
        assert_announced(&bench.sent, "hall.local 120 IN! A 10.0.0.1");
    }
}

/// covers: BCT-II-4, BCT-II-5x, BCT-II-17
#[test]
fn ii_4_a_service_is_probed_beside_its_host() {
    for start in STARTS {
        let mut bench = probing(start, 6);
        let first = bench.sent[0].at;
        bench.run(ms(50));
        bench.hear(&Heard::response(&[RIVAL_SRV]));
        bench.run(ms(10_000));
        // The host did not wait for the service.
        assert_eq!(
            probes_for(&bench, "hall.local"),
            [first, first + 250, first + 500]
        );
        assert_eq!(probes_for(&bench, "Printer (2)._ipp._tcp.local").len(), 3);
        assert_announced(
            &bench.sent,
            "Printer (2)._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
        );
        assert_announced(
            &bench.sent,
            "_ipp._tcp.local 4500 IN PTR Printer (2)._ipp._tcp.local",
        );
    }
}

/// A name in use is contradicted, and then defended by the one who contradicts it.
fn subsequent_conflict(rival: &str, name: &str, next: &str, announced: &str) {
    let (mut bench, _) = Bench::established(7);
    let start = bench.at();
    bench.hear(&Heard::response(&[rival]));
    while bench.sent.is_empty() {
        bench.run(ms(1));
    }
    assert!(bench.at() - start <= 250);
    assert_eq!(probes_for(&bench, name).len(), 1);
    bench.hear(&Heard::response(&[rival]));
    bench.forget();
    bench.run(ms(10_000));
    assert!(probes_for(&bench, name).is_empty());
    assert_eq!(probes_for(&bench, next).len(), 3);
    assert_announced(&bench.sent, announced);
}

/// covers: BCT-II-5, BCT-II-5x
#[test]
fn ii_5_a_subsequent_conflict_of_the_host() {
    subsequent_conflict(
        RIVAL_A,
        "hall.local",
        "hall-2.local",
        "hall-2.local 120 IN! A 10.0.0.1",
    );
}

/// covers: BCT-II-6, BCT-II-5x
#[test]
fn ii_6_a_subsequent_conflict_of_the_service() {
    let announced = "Printer (2)._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local";
    subsequent_conflict(
        RIVAL_SRV,
        "Printer._ipp._tcp.local",
        "Printer (2)._ipp._tcp.local",
        announced,
    );
}

/// covers: BCT-II-7
#[test]
fn ii_7_what_is_unique_is_answered_within_ten_milliseconds() {
    let cases = [
        (SRV, &["SRV 0 0 631 hall.local"][..]),
        ("Printer._ipp._tcp.local TXT", &["TXT \"a=b\""]),
        ("hall.local A", &["A 10.0.0.1"]),
        (
            "Printer._ipp._tcp.local ANY",
            &["SRV 0 0 631 hall.local", "TXT \"a=b\""],
        ),
        ("hall.local ANY", &["A 10.0.0.1"]),
    ];
    for (question, answers) in cases {
        let (mut bench, _) = Bench::established(8);
        let start = bench.at();
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(1000));
        let (delay, sent) = bench.one_since(start);
        assert!(delay <= 10, "{question}: {delay}");
        let said = sent.answers();
        assert_eq!(said.len(), answers.len(), "{said:?}");
        assert!(
            answers
                .iter()
                .all(|answer| said.iter().any(|said| said.ends_with(answer))),
            "{said:?}"
        );
        if question == SRV {
            assert!(
                sent.additionals()
                    .contains(&"hall.local 120 IN! A 10.0.0.1".to_owned())
            );
        }
    }
}

/// What is heard, and the delay of the only answer; over many seeds.
fn delays(heard: &Heard) -> Vec<Duration> {
    let delay = |seed| {
        let (mut bench, _) = Bench::established(seed);
        let start = bench.now.as_micros();
        bench.hear(heard);
        bench.run(ms(1000));
        assert_eq!(bench.sent.len(), 1);
        Duration::from_micros(bench.sent[0].micros - start)
    };
    (0..240).map(delay).collect()
}

/// covers: BCT-II-8
#[test]
fn ii_8_shared_replies_are_spread_evenly() {
    for question in [PTR, "_ipp._tcp.local ANY"] {
        assert_even(&delays(&Heard::query(&[question])), ms(20), ms(120));
    }
    let (mut bench, _) = Bench::established(9);
    let start = bench.at();
    bench.hear(&Heard::query(&["_ipp._tcp.local ANY"]));
    bench.run(ms(1000));
    let (_, sent) = bench.one_since(start);
    for record in [
        "Printer._ipp._tcp.local 120 IN! SRV",
        "Printer._ipp._tcp.local 4500 IN! TXT",
    ] {
        assert!(sent.says(record), "{record}");
    }
}

/// covers: BCT-II-9, BCT-II-10
#[test]
fn ii_9_an_answer_that_is_known_is_not_given() {
    for is_apart in [false, true] {
        let (mut bench, _) = Bench::established(10);
        for ttl in [4500, 3000, 2251, 2250, 2249, 1000, 1] {
            let known = format!("_ipp._tcp.local {ttl} IN PTR Printer._ipp._tcp.local");
            if is_apart {
                bench.hear(&Heard::query(&[PTR]).truncated());
                bench.hear(&Heard::query(&[]).knows(&[&known]));
            } else {
                bench.hear(&Heard::query(&[PTR]).knows(&[&known]));
            }
            bench.run(ms(2000));
            assert_eq!(
                bench.take().is_empty(),
                ttl >= 2250,
                "{ttl}, apart: {is_apart}"
            );
        }
    }
}

/// covers: BCT-II-11
#[test]
fn ii_11_several_questions_at_once() {
    for questions in [[PTR, SRV, "hall.local A"], ["hall.local A", PTR, SRV]] {
        assert_even(&delays(&Heard::query(&questions)), ms(20), ms(120));
        for is_apart in [false, true] {
            let (mut bench, _) = Bench::established(11);
            if is_apart {
                bench.hear(&Heard::query(&questions).truncated());
                bench.hear(&Heard::query(&[]).knows(&[KNOWN]));
            } else {
                bench.hear(&Heard::query(&questions).knows(&[KNOWN]));
            }
            bench.run(ms(2000));
            let said: Vec<_> = bench.take().iter().flat_map(Sent::answers).collect();
            assert_eq!(
                said,
                [
                    "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
                    "hall.local 120 IN! A 10.0.0.1"
                ]
            );
        }
    }
}

/// covers: BCT-II-15
#[test]
fn ii_15_two_replies_share_a_packet() {
    for seed in 0..200 {
        let (mut bench, _) = Bench::established(seed);
        bench.register("Page", "_http._tcp", 80, &[], &[]);
        bench.run(ms(20_000));
        bench.forget();
        bench.hear(&Heard::query(&[PTR]));
        bench.hear(&Heard::query(&["_http._tcp.local PTR"]));
        bench.run(ms(2000));
        assert_eq!(bench.sent.len(), 1);
        assert_eq!(bench.sent[0].answers().len(), 2);
    }
}

/// covers: BCT-II-16
#[test]
fn ii_16_a_name_is_changed_by_hand() {
    let (mut bench, service) = Bench::established(12);
    bench.act(|core, now| core.withdraw(now, service));
    bench.register("New-BCT", "_ipp._tcp", 631, &["a=b"], &["_color"]);
    bench.run(ms(10_000));
    let goodbyes: Vec<_> = bench
        .sent
        .iter()
        .filter(|sent| sent.says("_ipp._tcp.local 0 IN PTR Printer._ipp"))
        .collect();
    assert_eq!(goodbyes.len(), 1);
    assert!(
        !bench
            .sent
            .iter()
            .any(|sent| sent.says("_ipp._tcp.local 0 IN PTR New-BCT"))
    );
    assert_eq!(probes_for(&bench, "New-BCT._ipp._tcp.local").len(), 3);
    assert_announced(
        &bench.sent,
        "New-BCT._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
    );
}

/// covers: BCT-II-18
#[test]
fn ii_18_letters_in_another_case_are_the_same_name() {
    // A question.
    let (mut bench, _) = Bench::established(13);
    bench.hear(&Heard::query(&["pRINTER._IPP._TCP.LOCAL SRV"]));
    bench.run(ms(1000));
    assert_eq!(
        bench.take()[0].answers(),
        ["Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local"]
    );
    // A conflict, and the denial of the probe that follows.
    bench.hear(&Heard::response(&["HALL.Local 120 IN! A 10.0.0.200"]));
    bench.run(ms(260));
    bench.hear(&Heard::response(&["hALL.lOCAL 120 IN! A 10.0.0.200"]));
    bench.run(ms(10_000));
    assert_eq!(
        bench.take_events(),
        ["host renamed hall-2.local", "host registered hall-2.local"]
    );
    // A probe that wins.
    let mut bench = probing(Start::SwitchedOn, 14);
    bench.forget();
    bench.hear(&Heard::query(&["HALL.LOCAL ANY QU"]).proposes(&["HALL.LOCAL 120 IN A 10.0.0.200"]));
    bench.run(ms(999));
    assert!(probes_for(&bench, "hall.local").is_empty());
}

/// A device of two services and three addresses that was announced some time ago.
fn answering() -> (Bench, ServiceId) {
    let mut bench = Bench::with(
        15,
        Config::DEFAULT,
        &["10.0.0.1/24", "10.0.0.2/24", "fe80::1/64"],
    );
    bench.add_host("hall");
    let service = bench.register_printer();
    bench.register("Second", "_ipp._tcp", 632, &[], &["_color"]);
    bench.run(ms(20_000));
    (bench, service)
}

/// Asks every question, each way, alone and together.
fn ask_everything(bench: &mut Bench) {
    let questions = [
        PTR,
        SRV,
        "_color._sub._ipp._tcp.local PTR",
        "_services._dns-sd._udp.local PTR",
        "Printer._ipp._tcp.local ANY",
        "hall.local A",
        "hall.local AAAA",
        "hall.local ANY",
        "hall.local TXT",
        "1.0.0.10.in-addr.arpa PTR",
    ];
    for question in questions {
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(3000));
        bench.hear(&Heard::query(&[&format!("{question} QU")]));
        bench.run(ms(3000));
    }
    bench.hear(&Heard::query(&questions));
    bench.run(ms(3000));
}

/// All that a device sends in a long life: start, answers, conflicts, changes, cable out and in, goodbye.
fn everything_sent() -> Vec<Sent> {
    let (mut bench, service) = answering();
    ask_everything(&mut bench);
    for rival in [RIVAL_A, RIVAL_SRV] {
        bench.hear(&Heard::response(&[rival]));
        bench.run(ms(260));
        bench.hear(&Heard::response(&[rival]));
        bench.run(ms(10_000));
    }
    bench.update_txt(service, &["a=c"]);
    bench.run(ms(5000));
    for link in bench.links.clone() {
        bench.act(|core, now| core.link_down(now, link));
        bench.act(|core, now| core.link_up(now, link));
    }
    bench.run(ms(10_000));
    bench.act(|core, now| core.shutdown(now));
    bench.run(ms(5000));
    bench.take()
}

/// covers: BCT-II-P1, BCT-III-6
#[test]
fn ii_no_record_is_twice_in_a_packet() {
    for sent in everything_sent() {
        let mut seen = HashSet::new();
        for (_, record) in sent.message().records() {
            assert!(
                seen.insert((record.name.to_string(), record.rdata.to_string())),
                "{record}"
            );
        }
    }
}

/// covers: BCT-II-P2, BCT-III-7
#[test]
fn ii_answers_bring_what_is_asked_for_next() {
    let (mut bench, _) = answering();
    bench.forget();
    ask_everything(&mut bench);
    let answers = bench.take();
    assert!(answers.len() > 20);
    for sent in answers {
        let message = sent.message();
        let said: Vec<_> = message
            .records()
            .map(|(_, record)| record.to_string())
            .collect();
        let has = |start: &str| said.iter().any(|line| line.starts_with(start));
        for record in message.answers() {
            match record.rdata {
                Rdata::Srv(srv) => {
                    assert!(
                        has(&format!("{} 120 IN! A 10.0.0.1", srv.target)),
                        "{record}: {said:?}"
                    );
                    assert!(
                        has(&format!("{} 120 IN! AAAA fe80::1", srv.target)),
                        "{record}: {said:?}"
                    );
                }
                Rdata::Ptr(instance) if instance.labels().count() == 4 => {
                    assert!(
                        has(&format!("{instance} 120 IN! SRV")),
                        "{record}: {said:?}"
                    );
                    assert!(
                        has(&format!("{instance} 4500 IN! TXT")),
                        "{record}: {said:?}"
                    );
                    assert!(has("hall.local 120 IN! A 10.0.0.2"), "{record}: {said:?}");
                }
                _ => {}
            }
        }
    }
}

/// covers: BCT-II-P3
#[test]
fn ii_owners_of_addresses_are_host_names() {
    for sent in everything_sent() {
        for (_, record) in sent
            .message()
            .records()
            .filter(|(_, record)| record.to_string().contains(" A "))
        {
            let owner = record.name.to_string();
            let label = owner.strip_suffix(".local").expect("below local");
            assert!(
                label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{owner}"
            );
        }
    }
}

/// covers: BCT-II-P4, BCT-II-P5, BCT-II-5x
#[test]
fn ii_cache_flush_is_set_where_it_belongs() {
    for sent in everything_sent() {
        for (_, record) in sent.message().records() {
            let line = record.to_string();
            assert_eq!(
                record.cache_flush,
                sent.is_response() && !line.starts_with('_'),
                "{line}"
            );
        }
    }
}

/// covers: BCT-III-3, BCT-III-4
#[test]
fn iii_an_ordinary_resolver_gets_an_ordinary_answer() {
    let source = "10.0.0.7:40000";
    for question in [PTR, SRV, "hall.local A", "hall.local ANY"] {
        for via in [Via::Multicast, Via::Unicast] {
            let (mut bench, _) = Bench::established(16);
            bench.hear_from(
                source,
                via,
                &Heard {
                    id: 77,
                    ..Heard::query(&[question])
                },
            );
            bench.run(ms(2000));
            let (_, sent) = bench.one_since(0);
            assert_eq!(
                sent.to,
                Destination::Unicast(source.parse().expect("a source"))
            );
            assert_eq!(sent.message().header().id, 77);
            assert_eq!(sent.questions().len(), 1);
            assert!(!sent.answers().is_empty());
            assert!(
                sent.message()
                    .records()
                    .all(|(_, record)| !record.cache_flush && record.ttl.0 <= 10)
            );
        }
    }
}

/// covers: BCT-III-5
#[test]
fn iii_an_idle_device_is_silent() {
    let (mut bench, _) = Bench::established(17);
    for source in [PEER, OTHER] {
        bench.hear_from(
            source,
            Via::Multicast,
            &Heard::response(&["_other._tcp.local 120 IN PTR x._other._tcp.local"]),
        );
    }
    bench.run(ms(48 * 3_600_000));
    assert!(bench.take().is_empty());
    bench.hear(&Heard::query(&["hall.local A"]));
    assert_eq!(bench.take().len(), 1);
}
