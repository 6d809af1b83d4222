//! §6, §6.1: what is ours to say, and what is ours to deny.

use mdns_proto::{link::Via, wire::RecordType};

use super::bench::{Bench, Heard, OTHER, PEER, Sent, ms};

/// covers: 6762-6-a, 6762-6-b, 6762-6-s, SEC-26
#[test]
fn s6_only_what_is_ours_is_said_and_to_the_group() {
    let (mut bench, _) = Bench::established(1);
    bench.browse("_ipp._tcp.local");
    bench.query("x.local A");
    bench.hear(&Heard::response(&[
        "_ipp._tcp.local 4500 IN PTR theirs._ipp._tcp.local",
        "theirs._ipp._tcp.local 120 IN! SRV 0 0 1 x.local",
        "theirs._ipp._tcp.local 4500 IN! TXT",
        "x.local 120 IN! A 10.0.0.7",
    ]));
    bench.run(ms(5000));
    bench.forget();
    for question in [
        "x.local A",
        "theirs._ipp._tcp.local ANY",
        "x.local ANY",
        "x.local AAAA",
    ] {
        bench.hear_from(OTHER, Via::Multicast, &Heard::query(&[question]));
        bench.run(ms(2000));
        assert!(bench.take_responses().is_empty(), "{question}");
    }
    for question in [
        "_ipp._tcp.local ANY",
        "_services._dns-sd._udp.local ANY",
        "hall.local ANY",
        "hall.local MX",
    ] {
        bench.hear_from(OTHER, Via::Multicast, &Heard::query(&[question]));
        bench.run(ms(2000));
        let responses = bench.take_responses();
        assert!(!responses.is_empty(), "{question}");
        let len: usize = responses.iter().map(|sent| sent.bytes.len()).sum();
        assert!(len < 512, "{question} makes {len} bytes");
        for sent in responses {
            assert!(sent.is_multicast());
            assert!(
                !sent
                    .message()
                    .records()
                    .any(|(_, record)| record.to_string().contains("theirs"))
            );
            assert!(
                !sent
                    .message()
                    .records()
                    .any(|(_, record)| record.to_string().contains("10.0.0.7"))
            );
        }
    }
}

/// The NSEC of the only response.
fn nsec(bench: &mut Bench, question: &str) -> (Sent, Vec<u8>) {
    bench.hear(&Heard::query(&[question]));
    bench.run(ms(2000));
    let mut responses = bench.take_responses();
    assert_eq!(responses.len(), 1, "{question}");
    let sent = responses.remove(0);
    // It stands last: type 47, class with cache-flush, TTL, length, rdata.
    let head = [0, 47, 0x80, 1];
    let at = sent
        .bytes
        .windows(4)
        .rposition(|bytes| bytes == head)
        .expect("an NSEC");
    let rdata = sent.bytes[at + 10..].to_vec();
    assert_eq!(usize::from(sent.bytes[at + 9]), rdata.len());
    (sent, rdata)
}

/// covers: 6762-6.1-c, 6762-6.1-d, 6762-6.1-e, 6762-6.1-f
#[test]
fn s6_1_an_nsec_has_its_own_name_and_one_block() {
    let (mut bench, _) = Bench::established(2);
    // The owner is the first name of the message; behind the pointer: block 0, its length, the bits.
    let (_, rdata) = nsec(&mut bench, "hall.local AAAA");
    assert_eq!(rdata, [0xc0, 12, 0, 1, 0x40]);
    let (_, rdata) = nsec(&mut bench, "Printer._ipp._tcp.local A");
    assert_eq!(rdata, [0xc0, 12, 0, 5, 0, 0, 0x80, 0, 0x40]);
}

/// covers: 6762-6.1-q, 6762-8.1-r
#[test]
fn s6_1_a_reverse_name_is_ours_without_probing() {
    let (mut bench, _) = Bench::established(3);
    let (sent, rdata) = nsec(&mut bench, "1.0.0.10.in-addr.arpa A");
    assert_eq!(rdata, [0xc0, 12, 0, 2, 0, 8]);
    assert!(sent.says("1.0.0.10.in-addr.arpa 120 IN! NSEC"));
}

/// covers: 6762-6.2-e, 6762-6.1-r, 6762-20-c
#[test]
fn s6_2_no_family_that_is_there_is_denied() {
    let mut bench = Bench::with(
        4,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "fe80::1/64"],
    );
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    for link in bench.links.clone() {
        for question in [
            "hall.local A",
            "hall.local AAAA",
            "hall.local TXT",
            "hall.local ANY",
        ] {
            let source = if link == bench.links[0] {
                PEER
            } else {
                "[fe80::7]:5353"
            };
            bench.hear_bytes(
                link,
                source,
                Via::Multicast,
                &Heard::query(&[question]).bytes(),
            );
            bench.run(ms(2000));
            for sent in bench.take() {
                for (_, record) in sent
                    .message()
                    .records()
                    .filter(|(_, record)| record.rtype() == RecordType::NSEC)
                {
                    assert_eq!(
                        record.to_string(),
                        "hall.local 120 IN! NSEC hall.local A AAAA"
                    );
                }
            }
        }
    }
}

/// covers: 6762-6.1-l, 6762-6.1-k, SEC-09, SEC-23
#[test]
fn s6_1_an_nsec_that_cannot_be_read_costs_nothing_else() {
    for broken in [
        // No name; a block of no bits; one of 33 bytes; one that ends too soon.
        "zzz",
        "\0\0\0",
        "\0\0!abc",
        "\0\0\u{2}@",
        // A block other than the first.
        "\0\u{1}\u{1}@",
    ] {
        let mut bench = Bench::new(5);
        bench.lookup("x.local");
        bench.resolve("x._ipp._tcp.local");
        bench.hear(&Heard::response(&[
            "x.local 120 IN! A 10.0.0.7",
            &format!("x.local 120 IN! TYPE47 {broken}"),
            "x._ipp._tcp.local 120 IN! SRV 0 0 1 x.local",
            "x._ipp._tcp.local 120 IN! TXT k=v",
        ]));
        bench.run(ms(100));
        let mut events = bench.take_events();
        events.sort();
        let resolved = "resolved x._ipp._tcp.local at x.local:1 10.0.0.7 \"k=v\"";
        assert_eq!(
            events,
            ["addresses x.local 10.0.0.7", resolved],
            "{broken:?}"
        );
    }
}

/// covers: 6762-18.5-c
#[test]
fn s18_5_a_legacy_answer_that_does_not_fit_says_so() {
    let mut bench = Bench::new(6);
    for text in ["first", "second"] {
        bench.add_long(text);
    }
    bench.run(ms(20_000));
    bench.forget();
    bench.hear_from(
        "10.0.0.7:40000",
        Via::Multicast,
        &Heard::query(&["long.local TXT"]),
    );
    bench.run(ms(2000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.message().header().flags.0 & 0x0200 != 0);
    assert!(sent.message().is_sound());
    assert_eq!(sent.answers().len(), 1);
}

/// covers: 6762-6.4-b, 6762-6-j
#[test]
fn s6_4_an_answer_waits_at_most_half_a_second_for_company() {
    for seed in 0..200 {
        let (mut bench, _) = Bench::established(seed);
        bench.register("Page", "_http._tcp", 80, &[], &[]);
        bench.run(ms(20_000));
        bench.forget();
        let start = bench.at();
        bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
        bench.hear_from(
            OTHER,
            Via::Multicast,
            &Heard::query(&["_http._tcp.local PTR"]).truncated(),
        );
        bench.run(ms(2000));
        for (record, latest) in [
            ("_ipp._tcp.local 4500", 620),
            ("_http._tcp.local 4500", 500),
        ] {
            let sent = bench
                .sent
                .iter()
                .find(|sent| sent.says(record))
                .expect("an answer");
            assert!(
                (20..=latest).contains(&(sent.at - start)),
                "{record} after {}",
                sent.at - start
            );
        }
    }
}

/// Who asked for a unicast answer gets it, whatever the group hears before it is due.
///
/// covers: 6762-5.4-e
#[test]
fn s6_1_a_denial_owed_by_unicast_is_not_paid_to_the_group() {
    let (mut bench, _) = Bench::established(7);
    bench.hear(&Heard::query(&["hall.local AAAA"]));
    bench.run(ms(5000));
    bench.forget();
    bench.hear(&Heard::query(&["hall.local AAAA QU"]).truncated());
    bench.run(ms(50));
    bench.hear_from(OTHER, Via::Multicast, &Heard::query(&["hall.local A"]));
    let denial = "hall.local 120 IN! NSEC hall.local A";
    let (_, answer) = bench.one_since(0);
    assert!(answer.is_multicast() && answer.says(denial));
    bench.run(ms(1000));
    let (_, reply) = bench.one_since(0);
    assert!(!reply.is_multicast());
    assert_eq!(reply.answers(), [denial]);
}

/// Whoever asks here for what is not here any more asks for all of it.
///
/// covers: none (own results end with the goodbye, and what we denied with them)
#[test]
fn s6_1_our_denial_ends_with_our_name() {
    let mut bench = Bench::new(8);
    let host = bench.add_host("hall");
    bench.lookup("hall.local");
    bench.run(ms(5000));
    bench.hear(&Heard::query(&["hall.local AAAA"]));
    bench.run(ms(20_000));
    bench.forget();
    bench.act(|core, now| core.remove_host(now, host));
    bench.run(ms(5000));
    let asked: Vec<_> = bench.sent.iter().flat_map(Sent::questions).collect();
    assert!(
        asked.contains(&"hall.local IN AAAA?".to_owned()),
        "{asked:?}"
    );
}

/// Types above 255 that are not there are denied like others; question types are not (RFC 6895 §3.1).
///
/// covers: 6762-6.1-a, 6762-6.1-g
#[test]
fn s6_1_absent_types_above_255_are_denied_too() {
    for (qtype, denied) in [
        ("AAAA", true),
        ("TYPE99", true),
        ("TYPE249", false),
        ("TYPE254", false),
        ("TYPE256", true),
        ("TYPE257", true),
        ("TYPE65535", true),
    ] {
        let (mut bench, _) = Bench::established(71);
        let question = format!("hall.local {qtype}");
        bench.hear(&Heard::query(&[&question]));
        bench.run(ms(1500));
        let said = bench.take_responses();
        let denials = said
            .iter()
            .filter(|said| said.answers() == ["hall.local 120 IN! NSEC hall.local A"])
            .count();
        assert_eq!(denials, usize::from(denied), "{qtype}: {said:#?}");
        bench.hear_from(
            "10.0.0.7:40000",
            Via::Multicast,
            &Heard {
                id: 7,
                ..Heard::query(&[&question])
            },
        );
        bench.run(ms(500));
        assert_eq!(bench.take_responses().len(), usize::from(denied), "{qtype}");
    }
}

/// A legacy query with several questions gets one reply, with all of them and all answers.
///
/// covers: 6762-6.7-b
#[test]
fn s6_7_several_questions_of_a_legacy_query_have_one_reply() {
    let (mut bench, _) = Bench::established(72);
    let ask = |bench: &mut Bench, source: &str, id, questions: &[&str]| {
        bench.hear_from(
            source,
            Via::Multicast,
            &Heard {
                id,
                ..Heard::query(questions)
            },
        );
        bench.run(ms(100));
        bench.take_responses()
    };
    let both = [
        "hall.local A",
        "Printer._ipp._tcp.local SRV",
        "hall.local AAAA",
        "other.local A",
    ];
    let said = ask(&mut bench, "10.0.0.7:40000", 77, &both);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0].message().header().id, 77);
    assert_eq!(
        said[0].questions(),
        [
            "hall.local IN A?",
            "Printer._ipp._tcp.local IN SRV?",
            "hall.local IN AAAA?"
        ]
    );
    assert_eq!(
        said[0].answers(),
        [
            "Printer._ipp._tcp.local 10 IN SRV 0 0 631 hall.local",
            "hall.local 10 IN A 10.0.0.1",
            "hall.local 10 IN NSEC hall.local A"
        ]
    );
    // Two queries of one resolver, and of two, have a reply each.
    for (one, other) in [
        (("10.0.0.7:40000", 1), ("10.0.0.7:40000", 2)),
        (("10.0.0.7:40000", 1), ("10.0.0.8:40000", 1)),
    ] {
        for (source, id) in [one, other] {
            let heard = Heard {
                id,
                ..Heard::query(&["hall.local A"])
            };
            bench.hear_from(source, Via::Multicast, &heard);
        }
        bench.run(ms(100));
        let said = bench.take_responses();
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said.iter().all(|said| said.questions().len() == 1));
    }
}
