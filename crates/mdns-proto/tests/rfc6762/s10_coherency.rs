//! §10: goodbyes, as the responder says them; records that are doubted.

use mdns_proto::{config::Config, link::Via, name::NameBuf, wire::RecordType};

use super::bench::{Bench, Heard, OTHER, PEER, Sent, ms};

/// covers: 6762-10.1-a, 6763-7.1-f, 6763-9-d, BCT-II-16
#[test]
fn s10_1_what_is_withdrawn_says_goodbye() {
    let (mut bench, service) = Bench::established(1);
    let other = bench.register("Other", "_ipp._tcp", 632, &[], &[]);
    bench.run(ms(20_000));
    bench.forget();
    bench.act(|core, now| core.withdraw(now, service));
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
    bench.act(|core, now| core.withdraw(now, other));
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
    bench.act(|core, now| core.shutdown(now));
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
    bench.act(|core, now| core.withdraw(now, service));
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.says("Printer._ipp._tcp.local 1 IN! NSEC Printer._ipp._tcp.local TXT SRV"));
    assert_eq!(sent.answers().len(), 6);
    bench.act(|core, now| core.shutdown(now));
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
    bench.act(|core, now| core.withdraw(now, service));
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
    bench.act(|core, now| core.withdraw(now, service));
    bench.act(|core, now| core.shutdown(now));
    assert!(bench.host.is_silent());
    bench.run(ms(5000));
    assert!(bench.take_responses().is_empty());
}

/// The name is ours, but the socket took nothing since: nobody has heard of it.
///
/// covers: 6762-10.1-g
#[test]
fn s10_1_what_could_not_be_announced_says_no_goodbye() {
    let mut bench = Bench::new(4);
    bench.add_host("hall");
    let service = bench.register_printer();
    bench.run_until(ms(1000), |bench| bench.sent.len() == 3);
    let link = bench.links[0];
    bench.act(|core, _| core.set_writable(link, false));
    bench.run(ms(1000));
    assert_eq!(bench.events.len(), 2, "host and service are registered");
    bench.act(|core, now| core.withdraw(now, service));
    bench.act(|core, _| core.set_writable(link, true));
    bench.run(ms(5000));
    let said = bench.take_responses();
    assert!(!said.is_empty());
    assert!(!said.iter().any(|sent| sent.says("Printer")), "{said:#?}");
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
    bench.act(|core, now| core.withdraw(now, service));
    bench.register_printer();
    bench.run(ms(10_000));
    assert!(!bench.sent.iter().any(|sent| sent.says("_ipp._tcp.local 0")));
    assert_eq!(bench.events, ["registered Printer._ipp._tcp.local"]);
}

/// Nor does a host, whose goodbye would stand in one packet with what it announces.
///
/// covers: none (as above)
#[test]
fn s10_1_a_host_added_anew_stays() {
    let mut bench = Bench::new(5);
    let host = bench.add_host("hall");
    bench.run(ms(20_000));
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(200));
    bench.forget();
    bench.act(|core, now| core.remove_host(now, host));
    bench.add_host("hall");
    bench.run(ms(10_000));
    let goodbye = bench.sent.iter().find(|sent| sent.says("hall.local 0"));
    assert!(goodbye.is_none(), "{goodbye:?}");
    assert!(
        bench
            .sent
            .iter()
            .any(|sent| sent.says("hall.local 120 IN! A"))
    );
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

const ADDRESS: &str = "x.local 4500 IN! A 10.0.0.7";
const PTR: &str = "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local";

fn name(text: &str) -> NameBuf {
    text.parse().expect("a name")
}

/// A host that watches the address of `x`, which it heard ten seconds ago.
fn watching(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.query("x.local A");
    bench.run(ms(500));
    bench.hear(&Heard::response(&[ADDRESS]));
    bench.run(ms(10_000));
    bench.forget();
    bench
}

/// When something is told to be gone, in milliseconds; `None` if it is not within a minute.
fn gone_after(bench: &mut Bench, news: &str) -> Option<u64> {
    let start = bench.at();
    let is_told = |bench: &Bench| bench.events.iter().any(|event| event == news);
    bench
        .run_until(ms(60_000), is_told)
        .then(|| bench.at() - start)
}

/// covers: 6762-10.4-a, 6762-10.4-b, 6762-10.4-c
#[test]
fn s10_4_what_is_doubted_and_not_heard_is_gone_in_ten_seconds() {
    let mut bench = watching(8);
    let start = bench.at();
    let x = name("x.local");
    bench.act(|core, now| core.reconfirm(now, x.as_name(), RecordType::A));
    bench.run(ms(5000));
    // That it is doubted twice makes it neither last nor be asked for more often.
    bench.act(|core, now| core.reconfirm(now, x.as_name(), RecordType::A));
    assert_eq!(gone_after(&mut bench, "answers x.local A"), Some(5000));
    let asked: Vec<_> = bench
        .sent
        .iter()
        .filter(|sent| sent.at < start + 10_000)
        .collect();
    let at: Vec<_> = asked.iter().map(|sent| sent.at - start).collect();
    assert_eq!(at, [0, 1000, 2000]);
    assert!(
        asked
            .iter()
            .all(|sent| sent.questions() == ["x.local IN A?"])
    );
    assert!(asked.iter().all(|sent| sent.answers().is_empty()));
}

/// covers: 6762-10.4-c
#[test]
fn s10_4_what_is_doubted_and_heard_stays() {
    for after in [100, 3000, 9999] {
        let mut bench = watching(9);
        let x = name("x.local");
        bench.act(|core, now| core.reconfirm(now, x.as_name(), RecordType::A));
        bench.run(ms(after));
        bench.hear(&Heard::response(&[ADDRESS]));
        assert_eq!(gone_after(&mut bench, "answers x.local A"), None, "{after}");
    }
}

/// What nobody asks for is asked for too when it is doubted, and forgotten.
///
/// covers: 6762-10.4-b, 6762-10.4-c
#[test]
fn s10_4_what_nobody_wants_may_be_doubted() {
    for (after, is_known) in [(9_999, true), (10_000, false)] {
        let mut bench = Bench::new(10);
        bench.hear(&Heard::response(&[ADDRESS]));
        let x = name("x.local");
        bench.act(|core, now| core.reconfirm(now, x.as_name(), RecordType::A));
        bench.run(ms(after));
        assert_eq!(bench.take().len(), 3);
        bench.query("x.local A");
        assert_eq!(!bench.take_events().is_empty(), is_known, "{after}");
    }
}

/// covers: 6762-10.4-a, 6762-10.4-b
#[test]
fn s10_4_what_is_ours_or_unknown_is_not_doubted() {
    let (mut bench, _) = Bench::established(11);
    bench.browse("_ipp._tcp.local");
    // The series goes on after 31 and after 63 seconds, and up to a quarter more.
    bench.run(ms(40_000));
    bench.forget();
    let printer = name("Printer._ipp._tcp.local");
    bench.act(|core, now| core.reconfirm_instance(now, printer.as_name()));
    for host in ["hall.local", "x.local"] {
        let host = name(host);
        bench.act(|core, now| core.reconfirm(now, host.as_name(), RecordType::A));
    }
    bench.run(ms(10_000));
    assert!(bench.take().is_empty() && bench.take_events().is_empty());
}

/// A browser with a printer and a scanner, all that belongs to them, and a minute to get to know them.
fn found_two(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.browse("_ipp._tcp.local");
    bench.run(ms(500));
    for (label, host) in [("Printer", "hall"), ("Scanner", "attic")] {
        let records = [
            format!("_ipp._tcp.local 4500 IN PTR {label}._ipp._tcp.local"),
            format!("{label}._ipp._tcp.local 4500 IN! SRV 0 0 631 {host}.local"),
            format!("{label}._ipp._tcp.local 4500 IN! TXT"),
            format!("{host}.local 4500 IN! A 10.0.0.7"),
            format!("{host}.local 4500 IN! NSEC {host}.local A"),
        ];
        bench.hear(&Heard::response(&records.each_ref().map(String::as_str)));
    }
    bench.run(ms(25_000));
    bench.forget();
    bench
}

/// covers: 6762-10.4-a, 6762-10.4-b, 6762-10.4-c
#[test]
fn s10_4_an_instance_that_is_doubted_goes_alone() {
    let mut bench = found_two(12);
    let start = bench.at();
    let printer = name("Printer._ipp._tcp.local");
    bench.act(|core, now| core.reconfirm_instance(now, printer.as_name()));
    bench.run(ms(9_999));
    assert!(bench.take_events().is_empty());
    bench.run(ms(1));
    assert_eq!(bench.take_events(), ["gone Printer._ipp._tcp.local"]);
    let first = bench
        .sent
        .iter()
        .find(|sent| sent.at == start)
        .expect("a question");
    let mut questions = first.questions();
    questions.sort();
    assert_eq!(
        questions,
        [
            "Printer._ipp._tcp.local IN SRV?",
            "_ipp._tcp.local IN PTR?",
            "hall.local IN A?",
        ]
    );
    // §7.1: were it listed as known, its owner would be silent.
    assert_eq!(first.answers().len(), 1);
    assert!(first.says("_ipp._tcp.local 4475 IN PTR Scanner"));
}

/// A resolve that misses something doubts what leads to the instance: a browser need not show for 75 minutes what a
/// power cut has taken.
///
/// covers: 6762-10.4-b, 6762-10.4-c
#[test]
fn s10_4_a_resolve_without_answer_doubts_the_pointer() {
    for (is_there, gone) in [(false, Some(13_000)), (true, None)] {
        let mut bench = Bench::new(13);
        bench.browse("_ipp._tcp.local");
        bench.run(ms(500));
        bench.hear(&Heard::response(&[PTR]));
        bench.run(ms(25_000));
        bench.forget();
        bench.resolve("Printer._ipp._tcp.local");
        if is_there {
            bench.run(ms(3500));
            assert!(bench.sent.iter().any(|sent| {
                sent.questions() == ["_ipp._tcp.local IN PTR?"] && sent.answers().is_empty()
            }));
            bench.hear(&Heard::response(&[PTR]));
        }
        assert_eq!(gone_after(&mut bench, "gone Printer._ipp._tcp.local"), gone);
    }
}

/// covers: 6762-10.5-a, 6762-10.5-b
#[test]
fn s10_5_what_is_not_said_to_others_who_ask_is_gone() {
    for (second, answer, gone) in [
        (Some(1000), None, Some(11_000)),
        (Some(9000), None, Some(19_000)),
        (Some(1000), Some(5000), None),
        (None, None, None),
    ] {
        for question in ["x.local A", "X.local ANY"] {
            let mut bench = watching(14);
            bench.hear(&Heard::query(&[question]));
            let start = bench.at();
            if let Some(second) = second {
                bench.run(ms(second));
                bench.hear_from(OTHER, Via::Multicast, &Heard::query(&[question]));
            }
            if let Some(answer) = answer {
                bench.run(ms(start + answer - bench.at()));
                bench.hear(&Heard::response(&[ADDRESS]));
            }
            let waited = bench.at() - start;
            let gone_at = gone_after(&mut bench, "answers x.local A");
            assert_eq!(gone_at.map(|at| at + waited), gone);
            let until = start + gone.unwrap_or(60_000);
            assert!(
                bench.sent.iter().all(|sent| sent.at >= until),
                "nobody else need ask"
            );
        }
    }
}

/// covers: 6762-10.5-c
#[test]
fn s10_5_questions_that_need_no_multicast_answer_do_not_count() {
    let plain = Heard::query(&["x.local A"]);
    for (source, via, heard) in [
        (PEER, Via::Multicast, plain.clone().knows(&[ADDRESS])),
        (PEER, Via::Multicast, plain.clone().truncated()),
        (PEER, Via::Multicast, Heard::query(&["x.local A QU"])),
        (PEER, Via::Multicast, Heard::query(&["x.local AAAA"])),
        ("10.0.0.7:40000", Via::Multicast, plain.clone()),
        (PEER, Via::Unicast, plain.clone()),
    ] {
        let mut bench = watching(15);
        for _ in 0..10 {
            bench.hear_from(source, via, &heard);
            bench.run(ms(1000));
        }
        assert_eq!(gone_after(&mut bench, "answers x.local A"), None);
    }
    // §6: what was said a second ago is not said again.
    let mut bench = watching(15);
    bench.hear(&Heard::response(&[ADDRESS]));
    for _ in 0..19 {
        bench.run(ms(100));
        bench.hear(&plain);
    }
    assert_eq!(gone_after(&mut bench, "answers x.local A"), None);
}

const SCANNER: &str = "_ipp._tcp.local 4500 IN PTR Scanner._ipp._tcp.local";

/// How often the pointers of the type were asked for.
fn asked_for_pointers(bench: &Bench) -> usize {
    let asks = |sent: &&Sent| {
        sent.questions()
            .contains(&"_ipp._tcp.local IN PTR?".to_owned())
    };
    bench.sent.iter().filter(asks).count()
}

/// Others ask twice for what a browse has found, and one of two is not said: it is asked for once more, and then it is gone, alone.
///
/// covers: 6762-10.5-a
#[test]
fn s10_5_a_member_of_a_shared_set_that_is_not_said_is_gone() {
    for question in ["_ipp._tcp.local PTR", "_IPP._tcp.local ANY"] {
        for (apart, is_gone) in [(0, false), (200, false), (500, true), (60_000, true)] {
            let mut bench = found_two(16);
            let query = Heard::query(&[question]).knows(&[SCANNER]);
            bench.hear(&query);
            assert!(bench.take_events().is_empty() && bench.sent.is_empty());
            bench.run(ms(apart));
            bench.forget();
            bench.hear_from(OTHER, Via::Multicast, &query);
            let start = bench.at();
            bench.run(ms(9_999));
            assert!(bench.take_events().is_empty());
            let sent: Vec<_> = bench.sent.iter().map(|sent| sent.at - start).collect();
            if !is_gone {
                bench.run(ms(60_000));
                assert!(bench.take_events().is_empty(), "{apart} ms are one burst");
                continue;
            }
            // §5.2, §10.4: after a random wait, three times, and known is only who is not in doubt.
            assert!(sent[0] >= 20 && sent[0] <= 120, "{sent:?}");
            assert_eq!(sent[1..3], [sent[0] + 1000, sent[0] + 2000], "{sent:?}");
            assert!(sent.len() <= 4, "and the next one of the series: {sent:?}");
            for sent in &bench.sent {
                assert!(sent.says("_ipp._tcp.local 44") || sent.says("_ipp._tcp.local 43"));
                assert!(
                    sent.answers()
                        .iter()
                        .all(|known| known.ends_with("Scanner._ipp._tcp.local"))
                );
            }
            bench.run(ms(1));
            assert_eq!(bench.take_events(), ["gone Printer._ipp._tcp.local"]);
        }
    }
}

/// Whoever is there answers our question, and stays; so does what is said to others.
///
/// covers: 6762-10.5-a, SEC-25, ABUSE-3
#[test]
fn s10_5_what_is_said_when_we_ask_stays() {
    for after in [-400, 200, 5_000, 9_900] {
        let mut bench = found_two(17);
        let query = Heard::query(&["_ipp._tcp.local PTR"]).knows(&[SCANNER]);
        bench.hear(&query);
        bench.run(ms(1000));
        if after < 0 {
            bench.hear(&Heard::response(&[PTR]));
        }
        bench.hear(&query);
        bench.run(ms(after.max(0) as u64));
        if after >= 0 {
            bench.hear(&Heard::response(&[PTR]));
        }
        assert_eq!(gone_after(&mut bench, "gone Printer._ipp._tcp.local"), None);
        if after < 0 {
            assert!(
                asked_for_pointers(&bench) <= 2,
                "the series, and nothing else"
            );
        }
    }
}

/// What an asker knows is no evidence, nor is a query that goes on, one that takes a unicast answer or one for something else.
///
/// covers: 6762-10.5-c
#[test]
fn s10_5_a_shared_record_that_is_known_to_the_asker_is_not_missed() {
    let plain = Heard::query(&["_ipp._tcp.local PTR"]);
    for (source, via, heard) in [
        (PEER, Via::Multicast, plain.clone().knows(&[SCANNER, PTR])),
        (
            PEER,
            Via::Multicast,
            plain.clone().knows(&[SCANNER]).truncated(),
        ),
        (
            PEER,
            Via::Multicast,
            Heard::query(&["_ipp._tcp.local PTR QU"]),
        ),
        (
            PEER,
            Via::Multicast,
            Heard::query(&["_http._tcp.local PTR"]),
        ),
        (PEER, Via::Multicast, Heard::query(&["_ipp._tcp.local SRV"])),
        ("10.0.0.7:40000", Via::Multicast, plain.clone()),
        (PEER, Via::Unicast, plain.clone()),
    ] {
        let mut bench = found_two(18);
        for _ in 0..10 {
            bench.hear_from(source, via, &heard);
            bench.run(ms(1000));
        }
        assert_eq!(gone_after(&mut bench, "gone Printer._ipp._tcp.local"), None);
        assert!(asked_for_pointers(&bench) <= 2);
    }
}

/// Forged questions without end make us ask little, and drop nothing that answers.
///
/// covers: ABUSE-3, SEC-25
#[test]
fn s10_5_forged_questions_make_us_ask_little_and_drop_nothing() {
    let mut bench = found_two(19);
    for round in 0..600 {
        bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
        bench.run(ms(500));
        let asked = bench.take();
        let is_asked = asked.iter().any(|sent| {
            sent.questions()
                .contains(&"_ipp._tcp.local IN PTR?".to_owned())
        });
        if is_asked {
            bench.hear(&Heard::response(&[PTR, SCANNER]));
        }
        assert!(round > 0 || !is_asked, "one question is no evidence");
        bench.sent.extend(asked);
    }
    assert!(bench.take_events().is_empty(), "nothing is gone");
    // Five minutes: at most 8 sets a minute, three questions each, and those of the series.
    assert!(asked_for_pointers(&bench) <= 5 * 8 * 3 + 10);
}

/// What nobody wants is asked for by nobody, as of old.
///
/// covers: 6762-10.5-b
#[test]
fn s10_5_what_nobody_wants_is_not_asked_for() {
    let mut bench = Bench::new(20);
    bench.hear(&Heard::response(&[PTR]));
    for _ in 0..2 {
        bench.run(ms(3000));
        bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    }
    bench.run(ms(10_000));
    assert!(bench.take().is_empty());
    bench.browse("_ipp._tcp.local");
    assert!(bench.take_events().is_empty(), "it is gone");
}

/// What yields to others and what finds no room is counted, each for itself.
///
/// covers: SEC-11
#[test]
fn s10_a_full_cache_counts_what_it_forgets_and_what_it_drops() {
    let config = Config {
        heard_records_max: 4,
        ..Config::DEFAULT
    };
    let mut bench = Bench::with(17, config, &["10.0.0.1/24"]);
    let counted = |bench: &Bench| {
        let stats = bench.host.stats(bench.links[0]).expect("a link");
        (stats.evicted, stats.not_cached)
    };
    for n in 0..6 {
        bench.hear(&Heard::response(&[&format!(
            "x{n}.local 120 IN! A 10.0.0.7"
        )]));
    }
    assert_eq!(counted(&bench), (2, 0));
    bench.browse("_ipp._tcp.local");
    for n in 0..6 {
        let pointer = format!("_ipp._tcp.local 4500 IN PTR {n}._ipp._tcp.local");
        bench.hear(&Heard::response(&[&pointer]));
    }
    assert_eq!(counted(&bench), (6, 2), "what is awaited does not yield");
}

/// What is ours needs neither a refresh nor an end.
///
/// covers: none (the contract: a driver with nothing to wait for sleeps)
#[test]
fn s10_what_is_ours_wakes_nobody() {
    let (mut bench, _) = Bench::established(18);
    bench.resolve("Printer._ipp._tcp.local");
    bench.run(ms(20_000));
    assert_eq!(
        bench.take_events(),
        ["resolved Printer._ipp._tcp.local at hall.local:631 10.0.0.1 \"a=b\""]
    );
    assert_eq!(bench.host.poll_timeout(), None);
}
