//! §5.4, §5.5, §6: which question gets which answer, when, and how.

use std::time::Duration;

use mdns_proto::{
    config::Config,
    link::{Destination, Via},
    wire::Class,
};

use super::bench::{Bench, Heard, OTHER, PEER, assert_even, ms};

/// covers: 6762-6-k, 6762-6-l, 6762-6-r, 6762-6-h, 6762-18.1-d, 6762-18.4-b, 6762-18.5-b, 6762-16-f
#[test]
fn s6_a_question_that_only_we_can_answer_is_answered_at_once() {
    let (mut bench, _) = Bench::established(1);
    let start = bench.at();
    bench.hear(&Heard {
        id: 7,
        ..Heard::query(&["HALL.LOCAL A"])
    });
    bench.run(ms(2000));
    let (delay, sent) = bench.one_since(start);
    assert_eq!(delay, 0);
    assert!(sent.is_multicast());
    assert_eq!(sent.answers(), ["hall.local 120 IN! A 10.0.0.1"]);
    assert_eq!(sent.additionals(), ["hall.local 120 IN! NSEC hall.local A"]);
    let header = sent.message().header();
    assert_eq!((header.id, header.flags.0), (0, 0x8400));
    assert_eq!(sent.message().question_count(), 0);
}

/// covers: 6762-6-n, 6763-9-c
#[test]
fn s6_shared_answers_wait_20_to_120_ms_evenly() {
    for question in ["_ipp._tcp.local PTR", "_services._dns-sd._udp.local PTR"] {
        let mut delays = Vec::new();
        for seed in 0..240 {
            let (mut bench, _) = Bench::established(seed);
            let start = bench.now.as_micros();
            bench.hear(&Heard::query(&[question]));
            bench.run(ms(2000));
            assert_eq!(bench.sent.len(), 1);
            delays.push(Duration::from_micros(bench.sent[0].micros - start));
        }
        assert_even(&delays, ms(20), ms(120));
    }
}

/// covers: 6762-6-o, 6762-7.2-d, 6762-18.5-a, 6762-6-j
#[test]
fn s6_answers_to_a_truncated_query_wait_400_to_500_ms() {
    let mut delays = Vec::new();
    for seed in 0..240 {
        let (mut bench, _) = Bench::established(seed);
        let start = bench.now.as_micros();
        bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]).truncated());
        bench.run(ms(2000));
        assert_eq!(bench.sent.len(), 1);
        delays.push(Duration::from_micros(bench.sent[0].micros - start));
    }
    assert_even(&delays, ms(400), ms(500));
}

/// covers: 6762-6-c, 6762-6-d, 6762-6-e, 6762-6-g, 6762-6.5-a, 6762-12-b, 6762-12-c, 6762-12-d, 6763-7-c
#[test]
fn s6_what_matches_is_answered_and_nothing_else() {
    let (mut bench, _) = Bench::established(2);
    let silent = [
        "unknown.local A",
        "x.hall.local A",
        "_http._tcp.local PTR",
        "local NS",
        "local SOA",
        "hall.local TYPE252",
        "hall.local TYPE251",
        "_ipp._tcp.local SRV",
    ];
    for question in silent {
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(3000));
        assert!(bench.take().is_empty(), "{question}");
    }
    bench.hear(&Heard::query(&["printer._IPP._tcp.local ANY"]));
    bench.run(ms(3000));
    assert_eq!(
        bench.take()[0].answers(),
        [
            "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
            "Printer._ipp._tcp.local 4500 IN! TXT \"a=b\"",
        ]
    );
}

/// covers: 6763-12.1-a, 6763-12.2-a, 6763-12.3-a, 6763-12-a, 6763-12-e, 6763-12-f, 6762-10.2-h, 6762-6.2-d, 6762-6.1-b
#[test]
fn s6_what_belongs_to_an_answer_comes_beside_it() {
    let (mut bench, _) = Bench::established(3);
    let srv = "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local";
    let txt = "Printer._ipp._tcp.local 4500 IN! TXT \"a=b\"";
    let instance_nsec = "Printer._ipp._tcp.local 120 IN! NSEC Printer._ipp._tcp.local TXT SRV";
    let (a, host_nsec) = (
        "hall.local 120 IN! A 10.0.0.1",
        "hall.local 120 IN! NSEC hall.local A",
    );
    let cases: [(&str, &[&str]); 4] = [
        (
            "_ipp._tcp.local PTR",
            &[instance_nsec, srv, txt, a, host_nsec],
        ),
        (
            "_color._sub._ipp._tcp.local PTR",
            &[instance_nsec, srv, txt, a, host_nsec],
        ),
        (
            "Printer._ipp._tcp.local SRV",
            &[instance_nsec, a, host_nsec],
        ),
        ("Printer._ipp._tcp.local TXT", &[instance_nsec]),
    ];
    for (question, beside) in cases {
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(3000));
        let sent = bench.take();
        assert_eq!(sent[0].additionals(), beside, "{question}");
        assert_eq!(sent[0].answers().len(), 1);
    }
}

/// covers: 6762-6.1-a, 6762-6-f, 6762-6.1-d, 6762-6.1-m, 6762-6.1-n, 6762-6.1-r
#[test]
fn s6_1_an_absent_type_is_denied() {
    let (mut bench, _) = Bench::established(4);
    for (question, denial) in [
        ("hall.local AAAA", "hall.local 120 IN! NSEC hall.local A"),
        (
            "Printer._ipp._tcp.local A",
            "Printer._ipp._tcp.local 120 IN! NSEC Printer._ipp._tcp.local TXT SRV",
        ),
        (
            "1.0.0.10.in-addr.arpa A",
            "1.0.0.10.in-addr.arpa 120 IN! NSEC 1.0.0.10.in-addr.arpa PTR",
        ),
    ] {
        let start = bench.at();
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(3000));
        let (delay, sent) = bench.one_since(start);
        assert_eq!((delay, sent.answers()), (0, vec![denial.to_owned()]));
    }
}

/// covers: 6762-6.1-p
#[test]
fn s6_1_nothing_is_denied_before_the_name_is_ours() {
    let mut bench = Bench::new(5);
    bench.add_host("hall");
    bench.run(ms(400));
    bench.forget();
    bench.hear(&Heard::query(&["hall.local AAAA"]));
    bench.run(ms(100));
    assert!(bench.take_responses().is_empty());
}

/// covers: 6762-6.2-b, 6762-6.2-c, 6762-20-c, 6762-14-d
#[test]
fn s6_2_all_addresses_of_the_interface_and_no_other() {
    let mut bench = Bench::with(
        6,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "fe80::1/64"],
    );
    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    for (at, family) in [(0, "10.0.0.7:5353"), (1, "[fe80::7]:5353")] {
        let link = bench.links[at];
        bench.hear_bytes(
            link,
            family,
            Via::Multicast,
            &Heard::query(&["hall.local A"]).bytes(),
        );
        let sent = bench.take();
        assert_eq!(sent[0].link, link);
        assert_eq!(sent[0].answers(), ["hall.local 120 IN! A 10.0.0.1"]);
        let beside = [
            "hall.local 120 IN! AAAA fe80::1",
            "hall.local 120 IN! NSEC hall.local A AAAA",
        ];
        assert_eq!(sent[0].additionals(), beside);
        bench.run(ms(2000));
    }
    let link = bench.links[2];
    bench.hear_bytes(
        link,
        "192.168.7.7:5353",
        Via::Multicast,
        &Heard::query(&["hall.local A"]).bytes(),
    );
    assert_eq!(
        bench.take()[0].answers(),
        ["hall.local 120 IN! A 192.168.7.1"]
    );
}

/// covers: 6762-6.3-a, 6762-6.3-b, 6762-5.3-a, 6762-6.4-c
#[test]
fn s6_3_several_questions_are_answered_together_after_a_wait() {
    for seed in 0..40 {
        let (mut bench, _) = Bench::established(seed);
        let start = bench.at();
        bench.hear(&Heard::query(&[
            "hall.local A",
            "unknown.local A",
            "Printer._ipp._tcp.local SRV",
        ]));
        bench.run(ms(2000));
        let (delay, sent) = bench.one_since(start);
        assert!((20..=120).contains(&delay));
        let answers = [
            "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
            "hall.local 120 IN! A 10.0.0.1",
        ];
        assert_eq!(sent.answers(), answers);
        assert!(!sent.additionals().iter().any(|line| line.contains(" A ")));
    }
}

/// covers: 6762-6.4-a, BCT-II-15
#[test]
fn s6_4_answers_to_two_queries_share_a_packet() {
    for seed in 0..100 {
        let mut bench = Bench::new(seed);
        bench.add_host("hall");
        bench.register_printer();
        bench.register("Site", "_http._tcp", 80, &[], &[]);
        bench.run(ms(20_000));
        bench.forget();
        let start = bench.at();
        bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
        bench.run(ms(1));
        bench.hear(&Heard::query(&["_http._tcp.local PTR"]));
        bench.run(ms(2000));
        let (delay, sent) = bench.one_since(start);
        assert!((20..=121).contains(&delay));
        assert_eq!(sent.answers().len(), 2);
    }
}

/// covers: 6762-6-v, 6762-6-y
#[test]
fn s6_a_record_is_multicast_once_a_second_and_held_back_not_lost() {
    let (mut bench, _) = Bench::established(7);
    let start = bench.at();
    for after in [0, 300, 600] {
        bench.run(ms(start + after - bench.at()));
        bench.hear_from(
            if after == 0 { PEER } else { OTHER },
            Via::Multicast,
            &Heard::query(&["hall.local A"]),
        );
    }
    bench.run(ms(5000));
    let times: Vec<_> = bench.sent.iter().map(|sent| sent.at - start).collect();
    assert_eq!(times, [0, 1000]);
}

/// covers: 6762-6-w, 6762-6-x, 6762-6-m, 6762-8.1-i, 6762-8.2-l, 6762-6.3-c
#[test]
fn s6_a_probe_is_answered_at_once_and_250_ms_after_a_multicast() {
    let (mut bench, _) = Bench::established(8);
    let probe = Heard::query(&["hall.local ANY", "other.local ANY"])
        .proposes(&["hall.local 120 IN A 10.0.0.200"]);
    let start = bench.at();
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(100));
    bench.hear(&probe);
    bench.run(ms(500));
    bench.hear(&probe);
    bench.run(ms(5000));
    let times: Vec<_> = bench.sent.iter().map(|sent| sent.at - start).collect();
    assert_eq!(times, [0, 250, 600]);
    assert!(bench.events.is_empty());
}

/// covers: 6762-5.4-a, 6762-5.4-e, 6762-5.4-f, 6762-5.4-h
#[test]
fn s5_4_a_qu_question_is_answered_by_unicast_if_the_record_is_fresh() {
    for (after, is_unicast) in [(29, true), (31, false)] {
        let (mut bench, _) = Bench::established(9);
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(after * 1000));
        bench.forget();
        bench.hear(&Heard::query(&["hall.local A QU"]));
        bench.run(ms(500));
        let sent = bench.take();
        assert_eq!(sent.len(), 1);
        let to = if is_unicast {
            Destination::Unicast(PEER.parse().expect("address"))
        } else {
            Destination::Multicast
        };
        assert_eq!(sent[0].to, to);
        assert_eq!(sent[0].answers(), ["hall.local 120 IN! A 10.0.0.1"]);
        assert_eq!(
            (
                sent[0].message().header().id,
                sent[0].message().question_count()
            ),
            (0, 0)
        );
    }
}

/// covers: 6762-5.4-g, 6762-6-x
#[test]
fn s5_4_a_qu_probe_always_gets_a_unicast_answer_at_once() {
    let (mut bench, _) = Bench::established(10);
    let probe = Heard::query(&["hall.local ANY QU"]).proposes(&["hall.local 120 IN A 10.0.0.200"]);
    bench.run(ms(3_600_000));
    bench.hear(&probe);
    let sent = bench.take();
    assert!(!sent[0].is_multicast());
    assert!(
        sent.iter().any(super::bench::Sent::is_multicast),
        "it had become rare"
    );
    bench.run(ms(100));
    bench.hear(&probe);
    let sent = bench.take();
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].is_multicast());
}

/// Of a crowd that asks for what is owed already nobody is remembered: later there is room to answer one alone.
///
/// covers: 6762-5.4-e, SEC-11
#[test]
fn s5_4_a_crowd_of_askers_leaves_room_for_the_next() {
    let mut bench = Bench::with(10, Config::DEFAULT, &["10.0.0.1/16"]);
    bench.add_host("hall");
    bench.run(ms(20_000));
    for n in 0..1100 {
        let source = format!("10.0.{}.{}:5353", 1 + n / 250, 1 + n % 250);
        let query = Heard::query(&["hall.local A"]);
        bench.hear_from(&source, Via::Multicast, &query);
    }
    bench.run(ms(5000));
    bench.forget();
    bench.hear(&Heard::query(&["hall.local A QU"]));
    let (_, sent) = bench.one_since(0);
    assert!(!sent.is_multicast());
}

/// covers: 6762-5.4-i, 6762-5.4-j
#[test]
fn s5_4_one_message_may_need_both_ways() {
    let (mut bench, _) = Bench::established(11);
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(5000));
    bench.forget();
    let start = bench.at();
    bench.hear(&Heard::query(&["hall.local A QU", "_ipp._tcp.local PTR"]));
    bench.run(ms(1000));
    let sent = bench.take();
    assert_eq!(sent.len(), 2);
    assert!(
        sent.iter()
            .all(|sent| (20..=120).contains(&(sent.at - start)))
    );
    let unicast = sent
        .iter()
        .find(|sent| !sent.is_multicast())
        .expect("one by unicast");
    assert_eq!(unicast.answers(), ["hall.local 120 IN! A 10.0.0.1"]);
    let multicast = sent
        .iter()
        .find(|sent| sent.is_multicast())
        .expect("one by multicast");
    assert!(multicast.answers()[0].starts_with("_ipp._tcp.local"));
}

/// covers: 6762-5.5-a, 6762-5.5-b, SEC-15
#[test]
fn s5_5_a_direct_query_is_answered_if_it_comes_from_the_link() {
    let (mut bench, _) = Bench::established(12);
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(5000));
    bench.forget();
    bench.hear_from(PEER, Via::Unicast, &Heard::query(&["hall.local A"]));
    bench.run(ms(500));
    let sent = bench.take();
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].is_multicast());
    for source in [
        "203.0.113.9:5353",
        "203.0.113.9:4000",
        "10.0.0.7:0",
        "224.0.0.251:5353",
        "0.0.0.0:5353",
    ] {
        bench.hear_from(source, Via::Unicast, &Heard::query(&["hall.local A"]));
        bench.run(ms(500));
        assert!(bench.take().is_empty(), "{source}");
    }
    bench.hear_from(
        "10.0.0.7:0",
        Via::Multicast,
        &Heard::query(&["hall.local A"]),
    );
    bench.run(ms(500));
    assert!(bench.take().is_empty());
}

/// covers: 6762-11-f
#[test]
fn s11_a_qu_question_from_off_the_subnet_is_answered_by_multicast() {
    let (mut bench, _) = Bench::established(13);
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(5000));
    bench.forget();
    bench.hear_from(
        "10.9.9.9:5353",
        Via::Multicast,
        &Heard::query(&["hall.local A QU"]),
    );
    bench.run(ms(500));
    let sent = bench.take();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].is_multicast());
}

/// covers: 6762-6.7-a, 6762-6.7-b, 6762-6.7-c, 6762-6.7-d, 6762-6.7-e, 6762-6.7-f, 6762-18.1-e, 6762-10.2-j
#[test]
fn s6_7_a_legacy_query_gets_a_conventional_reply() {
    let (mut bench, _) = Bench::established(14);
    let query = Heard {
        id: 0x1234,
        ..Heard::query(&["HaLL.local A"])
    };
    let start = bench.at();
    bench.hear_from("10.0.0.7:40000", Via::Multicast, &query);
    bench.run(ms(500));
    let (delay, sent) = bench.one_since(start);
    assert_eq!(
        (delay, sent.to),
        (
            0,
            Destination::Unicast("10.0.0.7:40000".parse().expect("address"))
        )
    );
    let header = sent.message().header();
    assert_eq!((header.id, header.flags.0), (0x1234, 0x8400));
    let question = sent.message().questions().next().expect("the question");
    assert_eq!(question.to_string(), "HaLL.local IN A?");
    assert_eq!(sent.answers(), ["hall.local 10 IN A 10.0.0.1"]);
    assert_eq!(sent.additionals(), ["hall.local 10 IN NSEC hall.local A"]);
}

/// covers: 6762-6.7-c
#[test]
fn s6_7_a_legacy_reply_repeats_the_class_of_the_question() {
    let (mut bench, _) = Bench::established(14);
    let mut query = Heard::query(&["hall.local A"]).bytes();
    let class = query.len() - 2;
    query[class..].copy_from_slice(&Class::ANY.0.to_be_bytes());
    bench.hear_bytes(bench.links[0], "10.0.0.7:40000", Via::Multicast, &query);
    let (_, sent) = bench.one_since(0);
    assert_eq!(sent.questions(), ["hall.local ANY A?"]);
    assert_eq!(sent.answers(), ["hall.local 10 IN A 10.0.0.1"]);
}

/// covers: 6762-6.1-a, 6762-6.7-e, 6762-6.7-f
#[test]
fn s6_7_a_legacy_query_for_what_is_not_there_is_told_what_is() {
    let (mut bench, _) = Bench::established(14);
    let query = Heard::query(&["hall.local AAAA"]);
    bench.hear_from("10.0.0.7:40000", Via::Multicast, &query);
    let (_, sent) = bench.one_since(0);
    assert_eq!(sent.questions(), ["hall.local IN AAAA?"]);
    assert_eq!(sent.answers(), ["hall.local 10 IN NSEC hall.local A"]);
}

/// covers: 6762-6.7-g
#[test]
fn s6_7_a_legacy_reply_is_no_multicast() {
    let (mut bench, _) = Bench::established(15);
    bench.run(ms(60_000));
    bench.hear_from(
        "10.0.0.7:40000",
        Via::Multicast,
        &Heard::query(&["hall.local A"]),
    );
    bench.run(ms(500));
    bench.forget();
    bench.hear(&Heard::query(&["hall.local A QU"]));
    assert!(bench.take()[0].is_multicast());
}

/// covers: 6762-6.6-a, 6762-6.6-c, 6762-6.6-d
#[test]
fn s6_6_a_cooperating_responder_with_too_low_a_ttl_is_corrected() {
    for (heard, is_said_again) in [
        ("hall.local 60 IN! A 10.0.0.1", false),
        ("hall.local 59 IN! A 10.0.0.1", true),
        ("hall.local 0 IN! A 10.0.0.1", true),
        ("_ipp._tcp.local 4500 IN PTR Other._ipp._tcp.local", false),
    ] {
        let (mut bench, _) = Bench::established(16);
        bench.hear(&Heard::response(&[heard]));
        bench.run(ms(5000));
        let said: Vec<_> = bench
            .take()
            .iter()
            .flat_map(super::bench::Sent::answers)
            .collect();
        if is_said_again {
            assert_eq!(said, ["hall.local 120 IN! A 10.0.0.1"], "{heard}");
        } else {
            assert!(said.is_empty(), "{heard}");
        }
    }
}

/// covers: 6762-18.3-b, 6762-18.11-b, 6762-18.4-a, 6762-18.6-a, 6762-18.7-a, 6762-18.8-a, 6762-18.9-a, 6762-18.10-a
#[test]
fn s18_what_other_flags_say() {
    let (mut bench, _) = Bench::established(17);
    for flags in (1..16).map(|opcode| opcode << 11).chain(1..16) {
        bench.hear(&Heard {
            flags,
            ..Heard::query(&["hall.local A"])
        });
        bench.run(ms(2000));
        assert!(bench.take().is_empty(), "{flags:#x}");
    }
    for flags in [0x0400, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010] {
        bench.hear(&Heard {
            flags,
            ..Heard::query(&["hall.local A"])
        });
        bench.run(ms(2000));
        assert_eq!(bench.take().len(), 1, "{flags:#x}");
    }
}

/// covers: 6762-6.4-a, 6762-17-a, 6762-17-f, 6762-8.3-b
#[test]
fn s17_many_answers_take_several_packets_within_the_mtu() {
    if crate::lacks_room_for("200 services") {
        return;
    }
    let mut bench = Bench::new(18);
    bench.add_host("hall");
    for n in 0..200 {
        bench.register(
            &format!("Printer number {n}"),
            "_ipp._tcp",
            631,
            &["a=b"],
            &[],
        );
    }
    bench.run(ms(20_000));
    assert!(bench.sent.iter().all(|sent| sent.bytes.len() <= 1472));
    bench.forget();
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    bench.run(ms(2000));
    assert!(bench.sent.len() > 1);
    assert!(
        bench
            .sent
            .iter()
            .all(|sent| sent.bytes.len() <= 1472 && !sent.message().header().flags.truncated())
    );
    let mut answers: Vec<_> = bench
        .sent
        .iter()
        .flat_map(super::bench::Sent::answers)
        .collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 200);
}

/// covers: 6762-6.4-a, 6762-17-a
#[test]
fn s17_two_answers_that_fit_no_packet_together_take_two() {
    let mut bench = Bench::new(18);
    for text in ["first", "second"] {
        bench.add_long(text);
    }
    bench.run(ms(20_000));
    bench.forget();
    bench.hear(&Heard::query(&["long.local TXT"]));
    bench.run(ms(2000));
    let sent = bench.take();
    assert_eq!(sent.len(), 2);
    for sent in &sent {
        assert!(sent.bytes.len() <= 1472 && !sent.message().header().flags.truncated());
        assert_eq!(sent.answers().len(), 1);
    }
    assert_ne!(sent[0].answers(), sent[1].answers());
}

/// covers: 6762-17-b, 6762-17-c, 6762-17-d
#[test]
fn s17_a_record_over_the_mtu_goes_alone() {
    let mut bench = Bench::new(19);
    bench.add_host("hall");
    let string = "x".repeat(255);
    bench.register("Big", "_ipp._tcp", 631, &[string.as_str(); 6], &[]);
    bench.run(ms(20_000));
    bench.forget();
    bench.hear(&Heard::query(&["Big._ipp._tcp.local TXT"]));
    bench.run(ms(2000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.bytes.len() > 1500);
    assert_eq!(sent.message().records().count(), 1);
}

/// The query that an encyclopedia prints, and the same records as the answer beside it: A, AAAA and an NSEC for both.
///
/// covers: 6762-6.2-c, 6762-6.1-b, 6762-16-f
#[test]
fn s6_the_printed_question_gets_the_printed_records() {
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x07appletv\x05local\0\0\x01\0\x01";
    let addresses = ["153.109.7.90/24", "fe80::223:32ff:feb1:2152/64"];
    let mut bench = Bench::with(20, mdns_proto::config::Config::DEFAULT, &addresses);
    bench.add_host("AppleTV");
    bench.run(ms(20_000));
    bench.forget();
    let start = bench.at();
    bench.hear_bytes(bench.links[0], "153.109.7.1:5353", Via::Multicast, query);
    bench.run(ms(2000));
    let (delay, sent) = bench.one_since(start);
    assert_eq!(delay, 0);
    let message = sent.message();
    assert_eq!((message.header().id, message.header().flags.0), (0, 0x8400));
    assert_eq!(message.question_count(), 0);
    assert_eq!(sent.answers(), ["AppleTV.local 120 IN! A 153.109.7.90"]);
    assert_eq!(
        sent.additionals(),
        [
            "AppleTV.local 120 IN! AAAA fe80::223:32ff:feb1:2152",
            "AppleTV.local 120 IN! NSEC AppleTV.local A AAAA",
        ]
    );
    // Owner names and the next name by pointer to the first: as long as the printed one, byte for byte but the TTLs.
    assert_eq!(sent.bytes.len(), 89);
}

/// The host stores its times in 32 bits of milliseconds, which turn over after 49 days.
///
/// covers: 6762-6-k, 6762-6-a
#[test]
fn s6_on_the_sixtieth_day_answers_come_as_on_the_first() {
    const HOUR: u64 = 3_600_000;
    let (mut bench, _) = Bench::established(1);
    for hours in 1..=60 * 4 {
        bench.run(ms(6 * HOUR));
        bench.forget();
        let start = bench.at();
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(300));
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(3000));
        let times: Vec<_> = bench.take().iter().map(|sent| sent.at - start).collect();
        assert!(
            times[..] == [0, 1000] || times[..] == [0, 1001],
            "after {} hours: {times:?}",
            6 * hours
        );
    }
}

/// Nothing calls a host that has nothing to do, for however long.
///
/// covers: 6762-6-k, 6762-6-a
#[test]
fn s6_after_any_silence_answers_come_as_before() {
    // Around half a turn and a whole turn of 32 bits of milliseconds, and what is long in any case.
    for days in [1, 2, 24, 25, 26, 49, 50, 60, 4000] {
        let (mut bench, _) = Bench::established(1);
        let now = bench.now;
        bench.now = now + Duration::from_secs(days * 86_400);
        let start = bench.at();
        bench.forget();
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(300));
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.run(ms(3000));
        let times: Vec<_> = bench.take().iter().map(|sent| sent.at - start).collect();
        assert!(
            times[..] == [0, 1000] || times[..] == [0, 1001],
            "after {days} days: {times:?}"
        );
    }
}

/// A question in another's name must not bring him more than one packet; the rest goes to all.
///
/// covers: 6762-5.4-d
#[test]
fn s5_4_a_question_is_answered_with_one_packet_by_unicast() {
    if crate::lacks_room_for("300 services") {
        return;
    }
    let mut bench = Bench::new(1);
    bench.add_host("hall");
    for n in 0..300 {
        bench.register(&format!("Printer {n}"), "_ipp._tcp", 631, &[], &[]);
    }
    bench.run(ms(10_000));
    bench.forget();
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR QU"]));
    bench.run(ms(10_000));
    let sent = bench.take();
    let alone: Vec<_> = sent.iter().filter(|sent| !sent.is_multicast()).collect();
    assert_eq!(alone.len(), 1);
    assert!(alone[0].bytes.len() <= 1472);
    let answers: std::collections::BTreeSet<_> =
        sent.iter().flat_map(|sent| sent.answers()).collect();
    assert_eq!(answers.len(), 300);
}
