//! §5.1, §6.7: what somebody waits for is asked at once, and from another port too, where the answer comes at once.

use std::net::IpAddr;

use mdns_proto::{
    config::Config,
    discovery::{AddressKind, AskId, Span},
    link::{Family, InterfaceId, LinkConfig, Via},
    name::NameBuf,
};

use super::bench::{Bench, Heard, OTHER, PEER, Sent, ms};

/// A way to ask for something, and the question that it asks first.
type Ask = (fn(&mut Bench) -> AskId, &'static str);

/// All that somebody waits for.
const AWAITED: [Ask; 4] = [
    (|bench| bench.lookup("hall.local"), "hall.local IN A?"),
    (
        |bench| bench.resolve("Printer._ipp._tcp.local"),
        "Printer._ipp._tcp.local IN SRV?",
    ),
    (
        |bench| bench.query_for("hall.local TXT", Span::OneShot),
        "hall.local IN TXT?",
    ),
    (reverse, "7.0.0.10.in-addr.arpa IN PTR?"),
];

fn reverse(bench: &mut Bench) -> AskId {
    let address = IpAddr::from([10, 0, 0, 7]);
    bench
        .act(|core, now| core.reverse(now, address, Span::Continuous))
        .expect("a query")
}

/// When this is first asked from port 5353, in milliseconds after it was asked for.
fn first_asked(bench: &mut Bench, ask: fn(&mut Bench) -> AskId, question: &str) -> u64 {
    let since = bench.at();
    ask(bench);
    bench.run(ms(200));
    let sent = bench.take();
    let first = sent
        .iter()
        .find(|sent| !sent.is_one_shot() && sent.questions().iter().any(|asked| asked == question));
    first.unwrap_or_else(|| panic!("{question} is asked")).at - since
}

/// A host whose link came up long ago, with a port for one-shot questions.
fn running(config: Config) -> Bench {
    let mut bench = Bench::with(1, config, &["10.0.0.1/24"]);
    let link = bench.links[0];
    bench.act(|core, _| core.set_one_shot(link, true));
    bench.run(ms(5_000));
    bench.forget();
    bench
}

fn one_shots(bench: &mut Bench) -> Vec<Sent> {
    let sent = bench.take().into_iter();
    sent.filter(Sent::is_one_shot).collect()
}

/// Hears an answer to the only one-shot question that was sent.
fn answer(bench: &mut Bench, source: &str, heard: Heard) {
    let asked = one_shots(bench);
    assert_eq!(asked.len(), 1, "{asked:?}");
    let id = asked[0].message().header().id;
    bench.hear_from(source, Via::OneShot, &Heard { id, ..heard });
}

fn refused(bench: &Bench) -> u32 {
    bench.host.stats(bench.links[0]).expect("a link").refused
}

/// covers: 6762-5.2-e
#[test]
fn s5_2_what_somebody_waits_for_is_asked_at_once_unless_the_link_came_up_within_a_second() {
    for (ask, question) in AWAITED {
        let mut bench = Bench::new(1);
        bench.run(ms(999));
        assert!((20..=120).contains(&first_asked(&mut bench, ask, question)));
        let mut bench = Bench::new(1);
        bench.run(ms(1000));
        assert_eq!(first_asked(&mut bench, ask, question), 0, "{question}");
    }
    let browse: fn(&mut Bench) -> AskId = |bench| bench.browse("_ipp._tcp.local");
    let mut bench = Bench::new(1);
    bench.run(ms(60_000));
    let wait = first_asked(&mut bench, browse, "_ipp._tcp.local IN PTR?");
    assert!((20..=120).contains(&wait), "a continuous query waits");
}

/// A cable and a sleep that ended are events that others notice too; sockets that were opened are none.
///
/// covers: 6762-5.2-e
#[test]
fn s5_2_events_that_all_hosts_notice_are_waited_for() {
    let events: [fn(&mut Bench); 2] = [
        |bench| {
            let link = bench.links[0];
            bench.act(|core, now| core.link_up(now, link));
        },
        |bench| bench.act(|core, now| core.resumed(now)),
    ];
    let (ask, question) = AWAITED[0];
    for event in events {
        for (after, waits) in [(0, true), (999, true), (1000, false)] {
            let mut bench = Bench::new(1);
            bench.run(ms(60_000));
            event(&mut bench);
            bench.run(ms(after));
            let wait = first_asked(&mut bench, ask, question);
            assert_eq!((20..=120).contains(&wait), waits, "{after}: {wait}");
            assert_eq!(wait == 0, !waits, "{after}: {wait}");
        }
    }
    let mut bench = Bench::with(1, Config::DEFAULT, &[]);
    bench.set_addresses(1, &["10.0.0.1/24"]);
    let config = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        mtu: 1500,
        unicast: false,
        ..LinkConfig::MULTICAST
    };
    let link = bench.act(|core, now| core.add_running_link(now, config));
    bench.links.push(link.expect("a link"));
    assert_eq!(first_asked(&mut bench, ask, question), 0);
}

/// Its id is another each time, and a stranger cannot guess it.
///
/// covers: 6762-5.1-a, SEC-18, CVE-2008-3630, CVE-2019-19794, CVE-2021-25677, CVE-2022-30295, CVE-2024-52615
#[test]
fn s5_1_a_one_shot_question_goes_beside_the_first_from_another_port() {
    let mut ids = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let mut bench = Bench::with(seed, Config::DEFAULT, &["10.0.0.1/24"]);
        let link = bench.links[0];
        bench.act(|core, _| core.set_one_shot(link, true));
        bench.run(ms(5_000));
        bench.lookup("hall.local");
        let sent = bench.take();
        assert_eq!(sent.len(), 2, "{sent:?}");
        let (series, one_shot) = (&sent[0], &sent[1]);
        let questions = ["hall.local IN A?", "hall.local IN AAAA?"];
        assert_eq!(series.questions(), questions);
        assert_eq!(one_shot.questions(), questions, "and none takes QU");
        assert!(!series.is_one_shot() && series.message().header().id == 0);
        assert!(one_shot.is_one_shot() && one_shot.is_multicast());
        assert_eq!(one_shot.message().records().count(), 0);
        ids.insert(one_shot.message().header().id);
        // The others of the series go alone.
        bench.run(ms(60_000));
        let sent = bench.take();
        assert!(sent.len() >= 5 && !sent.iter().any(Sent::is_one_shot));
    }
    assert!(ids.len() >= 39, "ids are random: {ids:?}");
    let mut bench = running(Config::DEFAULT);
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..20 {
        let look_up = bench.lookup(&format!("hall-{n}.local"));
        ids.insert(one_shots(&mut bench)[0].message().header().id);
        bench.stop(look_up);
        bench.run(ms(3_000));
        bench.forget();
    }
    assert!(ids.len() >= 19, "{ids:?}");
}

/// covers: 6762-5.1-a
#[test]
fn s5_1_where_there_is_no_other_port_or_no_wish_for_it_there_is_no_one_shot_question() {
    let unwished = Config {
        one_shot: false,
        ..Config::DEFAULT
    };
    let mut benches = [
        running(unwished),
        Bench::with(1, Config::DEFAULT, &["10.0.0.1/24"]),
        running(Config::DEFAULT),
        running(Config::DEFAULT),
    ];
    let [_, _, taken_back, browsing] = &mut benches;
    let link = taken_back.links[0];
    taken_back.act(|core, _| core.set_one_shot(link, false));
    browsing.browse("_ipp._tcp.local");
    browsing.run(ms(10_000));
    assert!(one_shots(browsing).is_empty());
    for bench in &mut benches[..3] {
        bench.lookup("hall.local");
        bench.run(ms(10_000));
        let sent = bench.take();
        assert!(sent.len() >= 3 && !sent.iter().any(Sent::is_one_shot));
    }
}

/// covers: 6762-5.1-b
#[test]
fn s6_7_its_answer_is_believed_for_ten_seconds_and_ends_no_series() {
    let mut bench = running(Config::DEFAULT);
    bench.lookup("hall.local");
    let records = ["hall.local 120 IN! A 10.0.0.7"];
    answer(&mut bench, PEER, Heard::response(&records));
    assert_eq!(bench.take_events(), ["addresses hall.local 10.0.0.7"]);
    bench.run(ms(9_999));
    assert!(bench.take_events().is_empty());
    let asked = bench.take();
    let asks_a = |sent: &&Sent| sent.questions().contains(&"hall.local IN A?".into());
    assert_eq!(asked.iter().filter(asks_a).count(), 3, "after 1, 3 and 7 s");
    assert!(
        asked
            .iter()
            .all(|sent| sent.message().records().next().is_none()),
        "it is no known answer"
    );
    bench.run(ms(1));
    assert_eq!(bench.take_events(), ["addresses hall.local"]);
    // What all hear is believed for as long as it says, and ends the series.
    let all = [
        "hall.local 120 IN! A 10.0.0.7",
        "hall.local 120 IN! AAAA fe80::7",
    ];
    bench.hear(&Heard::response(&all));
    bench.forget();
    bench.run(ms(90_000));
    assert!(bench.take().is_empty() && bench.take_events().is_empty());
}

/// A shorter TTL is kept, and what is heard by all meanwhile is kept as it says.
///
/// covers: 6762-5.1-b
#[test]
fn s6_7_its_answer_takes_the_place_of_nothing() {
    let mut bench = running(Config::DEFAULT);
    bench.query("hall.local A");
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    assert_eq!(bench.take_events(), ["answers hall.local A [10.0.0.7]"]);
    bench.run(ms(2_000));
    bench.forget();
    bench.query("hall.local ANY");
    let heard = Heard::response(&[
        "hall.local 3 IN! A 10.0.0.8",
        "hall.local 0 IN A 10.0.0.7",
        "hall.local 2 IN! A 10.0.0.7",
    ]);
    answer(&mut bench, PEER, heard);
    bench.run(ms(2_999));
    bench.take_events();
    bench.run(ms(1));
    let told = bench.take_events();
    assert!(
        told.contains(&"answers hall.local A [10.0.0.7]".into()),
        "10.0.0.8 is gone, 10.0.0.7 is not: {told:?}"
    );
    bench.run(ms(60_000));
    assert_eq!(bench.take_events(), [""; 0]);
}

/// Who does not know port and id cannot answer; who does, not more than was asked.
///
/// covers: 6762-5.1-a, SEC-17, CVE-2024-52615
#[test]
fn s5_1_what_answers_no_one_shot_question_is_ignored_and_counted() {
    let right = || Heard::response(&["hall.local 120 IN A 10.0.0.66"]);
    let named = |name: &str| Heard::response(&[&format!("{name} 120 IN A 10.0.0.66")]);
    let cases: [(&str, &str, Via, u16, u64, Heard); 9] = [
        ("another id", PEER, Via::OneShot, 1, 0, right()),
        ("another port", "10.0.0.7:5354", Via::OneShot, 0, 0, right()),
        ("off the link", "10.9.0.7:5353", Via::OneShot, 0, 0, right()),
        ("to port 5353", PEER, Via::Unicast, 0, 0, right()),
        ("too late", PEER, Via::OneShot, 0, 2_001, right()),
        (
            "another name",
            PEER,
            Via::OneShot,
            0,
            0,
            named("attic.local"),
        ),
        (
            "another type",
            PEER,
            Via::OneShot,
            0,
            0,
            Heard::response(&["hall.local 120 IN TXT a=b"]),
        ),
        ("a goodbye", PEER, Via::OneShot, 0, 0, named("other.local")),
        (
            "a question",
            PEER,
            Via::OneShot,
            0,
            0,
            Heard::query(&["hall.local A"]),
        ),
    ];
    for (what, source, via, other_id, late, heard) in cases {
        let mut bench = running(Config::DEFAULT);
        bench.lookup("hall.local");
        let id = one_shots(&mut bench)[0].message().header().id ^ other_id;
        bench.run(ms(late));
        let before = refused(&bench);
        bench.hear_from(source, via, &Heard { id, ..heard });
        assert_eq!(bench.take_events(), [""; 0], "{what}");
        if via == Via::OneShot {
            assert_eq!(refused(&bench), before + 1, "{what}");
        }
        // And nothing of it was kept.
        bench.query("attic.local A");
        assert_eq!(bench.take_events(), [""; 0], "{what}");
    }
    // Nobody waits any more.
    let mut bench = running(Config::DEFAULT);
    let ask = bench.lookup("hall.local");
    let id = one_shots(&mut bench)[0].message().header().id;
    bench.stop(ask);
    bench.hear_from(PEER, Via::OneShot, &Heard { id, ..right() });
    assert_eq!(refused(&bench), 1);
    bench.lookup("hall.local");
    assert_eq!(bench.take_events(), [""; 0]);
}

/// covers: 6763-12.2-a
#[test]
fn s5_1_a_resolve_takes_the_addresses_of_its_host_and_of_no_other() {
    let mut bench = running(Config::DEFAULT);
    let ask = bench.resolve("Printer._ipp._tcp.local");
    let heard = Heard::response(&[
        "Printer._ipp._tcp.local 120 IN SRV 0 0 631 hall.local",
        "Printer._ipp._tcp.local 4500 IN TXT a=b",
    ]);
    let heard = heard.beside(&[
        "hall.local 120 IN A 10.0.0.7",
        "hall.local 120 IN NSEC hall.local A",
        "attic.local 120 IN A 10.0.0.8",
    ]);
    answer(&mut bench, OTHER, heard);
    assert_eq!(
        bench.take_events(),
        [r#"resolved Printer._ipp._tcp.local at hall.local:631 10.0.0.7 "a=b""#]
    );
    assert!(bench.act(|core, _| core.is_complete(ask)));
    bench.lookup("attic.local");
    assert_eq!(bench.take_events(), [""; 0]);
}

/// covers: 6762-6.1-a
#[test]
fn s5_1_that_there_is_none_is_known_at_once_too() {
    let mut bench = running(Config::DEFAULT);
    bench.query_for("hall.local AAAA", Span::OneShot);
    let heard = Heard::response(&[]).beside(&["hall.local 120 IN NSEC hall.local A"]);
    answer(&mut bench, PEER, heard);
    let told = bench.take_events();
    assert_eq!(
        told.last().map(String::as_str),
        Some("finished Denied"),
        "{told:?}"
    );
}

/// Ten in a row: each asks and is answered at once, or knows from the one before.
///
/// covers: 6762-5.1-b
#[test]
fn s5_1_one_look_up_after_another_waits_for_none() {
    for cache_unasked in [true, false] {
        let config = Config {
            cache_unasked,
            ..Config::DEFAULT
        };
        let mut bench = running(config);
        for _ in 0..10 {
            let ask = bench.query_for("hall.local A", Span::OneShot);
            if let [asked] = one_shots(&mut bench).as_slice() {
                let id = asked.message().header().id;
                let heard = Heard::response(&["hall.local 10 IN A 10.0.0.7"]);
                bench.hear_from(PEER, Via::OneShot, &Heard { id, ..heard });
            }
            assert_eq!(
                bench.take_events(),
                ["answers hall.local A [10.0.0.7]", "finished Answered"]
            );
            bench.stop(ask);
            bench.run(ms(50));
        }
    }
}

/// A series that pauses for long does not keep a new look-up waiting.
///
/// covers: 6762-5.2-q
#[test]
fn s5_2_a_look_up_that_joins_a_series_asks_once_more() {
    let mut bench = running(Config::DEFAULT);
    bench.query("hall.local A");
    bench.run(ms(20_000));
    bench.forget();
    bench.lookup("hall.local");
    let sent = bench.take();
    assert!(sent.iter().any(Sent::is_one_shot));
    assert!(
        sent.iter().any(
            |sent| !sent.is_one_shot() && sent.questions().contains(&"hall.local IN A?".into())
        )
    );
    // Another one within the second adds nothing on port 5353.
    bench.run(ms(500));
    bench.forget();
    bench.lookup("hall.local");
    assert!(bench.take().iter().all(Sent::is_one_shot));
}

/// Addresses that do not fit into one reply: the first of them are no answer to somebody who takes what he gets for all there are.
///
/// covers: 6762-18.5-c
#[test]
fn s18_5_a_truncated_answer_is_not_taken_for_the_whole() {
    let some = ["hall.local 120 IN! A 10.0.0.7"];
    let all = [
        "hall.local 120 IN! A 10.0.0.7",
        "hall.local 120 IN! A 10.0.0.8",
    ];
    let look_up: fn(&mut Bench) -> AskId = |bench| {
        let name: NameBuf = "hall.local".parse().expect("a name");
        let ask = bench.act(|core, now| core.lookup_host(now, name.as_name(), AddressKind::V4));
        ask.expect("a look-up")
    };
    let query: fn(&mut Bench) -> AskId = |bench| bench.query_for("hall.local A", Span::OneShot);
    let cases = [
        (
            look_up,
            "addresses hall.local 10.0.0.7",
            "addresses hall.local 10.0.0.7 10.0.0.8",
        ),
        (
            query,
            "answers hall.local A [10.0.0.7]",
            "answers hall.local A [10.0.0.7] [10.0.0.8]",
        ),
    ];
    for (ask, told_of_some, told_of_all) in cases {
        let mut bench = running(Config::DEFAULT);
        ask(&mut bench);
        answer(&mut bench, PEER, Heard::response(&some));
        assert_eq!(bench.take_events()[0], told_of_some);

        let mut bench = running(Config::DEFAULT);
        let id = ask(&mut bench);
        answer(&mut bench, PEER, Heard::response(&some).truncated());
        assert_eq!((bench.take_events(), refused(&bench)), (vec![], 1));
        assert!(!bench.act(|core, _| core.is_complete(id)));
        // The question on port 5353 is answered to all; there the bit says nothing.
        bench.run(ms(100));
        bench.hear(&Heard::response(&all).truncated());
        assert_eq!(bench.take_events()[0], told_of_all);
    }
}
