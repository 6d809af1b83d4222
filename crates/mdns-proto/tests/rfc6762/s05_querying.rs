//! §3, §5, §7.3: questions of ours, where they go and when they end.

use mdns_proto::{
    discovery::{AddressKind, AskError},
    link::Via,
    name::NameBuf,
};

use super::bench::{Bench, Heard, OTHER, PEER, Sent, ms};

/// The times of a question in milliseconds.
fn times(sent: &[Sent], question: &str) -> Vec<u64> {
    let asked = sent.iter().filter(|sent| {
        sent.questions()
            .iter()
            .any(|asked| asked.starts_with(question))
    });
    asked.map(|sent| sent.at).collect()
}

/// covers: 6762-3-c, 6762-4-a, 6762-4-b, 6762-22.1-a, 6763-11-b
#[test]
fn s3_questions_go_to_the_group_alone() {
    for question in [
        "x.LOCAL A",
        "x.local ANY",
        "1.2.254.169.in-addr.arpa PTR",
        "1.8.E.f.ip6.arpa PTR",
        "1.b.e.f.ip6.arpa PTR",
        "lb._dns-sd._udp.local PTR",
    ] {
        let mut bench = Bench::new(1);
        bench.query(question);
        bench.run(ms(100_000));
        assert!(bench.sent.len() >= 6, "{question}");
        assert!(
            bench
                .sent
                .iter()
                .all(|sent| sent.is_multicast() && !sent.is_response())
        );
    }
}

/// covers: 6761-6.3-a, 6762-13-a
#[test]
fn s13_other_names_are_not_asked_for() {
    let mut bench = Bench::new(2);
    for host in [
        "localhost",
        "x.localhost",
        "www.example.com",
        "local.example",
        "1.c.e.f.ip6.arpa",
    ] {
        let host: NameBuf = host.parse().expect("a name");
        let asked = bench.act(|core, now| core.lookup_host(now, host.as_name(), AddressKind::Both));
        assert_eq!(asked, Err(AskError::NotLinkLocal), "{host}");
    }
    bench.run(ms(10_000));
    assert!(bench.take().is_empty());
}

/// covers: 6762-5-a
#[test]
fn s5_a_host_without_questions_asks_for_its_own_names() {
    let mut bench = Bench::new(3);
    bench.add_host("hall");
    bench.run(ms(300));
    assert_eq!(bench.take()[0].questions(), ["hall.local IN ANY? QU"]);
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    bench.run(ms(5000));
    assert_eq!(
        bench.events,
        ["host renamed hall-2.local", "host registered hall-2.local"]
    );
}

/// covers: 6762-5.2-p
#[test]
fn s5_2_what_is_stopped_is_not_asked_for() {
    for after in [10, 500, 5000] {
        let mut bench = Bench::new(4);
        let ask = bench.browse("_ipp._tcp.local");
        bench.run(ms(after));
        bench.forget();
        bench.stop(ask);
        assert_eq!(bench.host.poll_timeout(), None);
        bench.run(ms(10_000));
        assert!(bench.take().is_empty());
        bench.browse("_ipp._tcp.local");
        bench.run(ms(200));
        assert_eq!(bench.take().len(), 1);
    }
}

/// covers: 6762-5.2-q
#[test]
fn s5_2_two_that_ask_the_same_share_a_series() {
    let mut bench = Bench::new(5);
    let first = bench.browse("_ipp._tcp.local");
    bench.run(ms(700));
    bench.browse("_IPP._tcp.local");
    bench.run(ms(10_000));
    let asked = times(&bench.sent, "_ipp._tcp.local IN PTR?");
    assert!(
        asked.windows(2).all(|pair| pair[1] - pair[0] >= 1000),
        "{asked:?}"
    );
    assert!(bench.sent.iter().all(|sent| sent.questions().len() == 1));
    bench.hear(&Heard::response(&[
        "_ipp._tcp.local 4500 IN PTR x._ipp._tcp.local",
    ]));
    assert_eq!(
        bench.take_events(),
        ["found x._ipp._tcp.local", "found x._ipp._tcp.local"]
    );
    // The series goes on for the one that stays.
    bench.stop(first);
    bench.forget();
    bench.run(ms(3_600_000));
    assert!(!times(&bench.sent, "_ipp._tcp.local IN PTR?").is_empty());
}

/// covers: 6762-20-a, 6762-20-b
#[test]
fn s20_each_family_is_asked_and_answered_on_its_own() {
    let mut bench = Bench::with(
        6,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "fe80::1/64"],
    );
    bench.add_host("hall");
    bench.browse("_ipp._tcp.local");
    bench.run(ms(20_000));
    for link in bench.links.clone() {
        let on_link: Vec<_> = bench.sent.iter().filter(|sent| sent.link == link).collect();
        assert!(
            on_link
                .iter()
                .any(|sent| sent.questions() == ["hall.local IN ANY? QU"])
        );
        assert!(
            on_link
                .iter()
                .any(|sent| sent.is_response() && sent.says("hall.local 120 IN! A 10.0.0.1"))
        );
        assert!(on_link.iter().any(|sent| {
            sent.questions()
                .iter()
                .any(|asked| asked.starts_with("_ipp"))
        }));
    }
    bench.forget();
    // A question on one is no business of the other.
    let question = Heard::query(&["hall.local A"]).bytes();
    bench.hear_bytes(bench.links[1], "[fe80::7]:5353", Via::Multicast, &question);
    bench.run(ms(1000));
    let (_, sent) = bench.one_since(0);
    assert_eq!(sent.link, bench.links[1]);
}

/// covers: 6762-7.3-d
#[test]
fn s7_3_own_questions_that_come_back_change_nothing() {
    let schedule = |is_looped: bool| {
        let mut bench = Bench::new(7);
        bench.browse("_ipp._tcp.local");
        let mut at = Vec::new();
        while bench.at() < 20_000 {
            bench.run(ms(1));
            for sent in bench.take() {
                at.push(sent.at);
                if is_looped {
                    bench.hear_bytes(sent.link, "10.0.0.1:5353", Via::Multicast, &sent.bytes);
                }
            }
        }
        at
    };
    assert_eq!(schedule(true), schedule(false));
}

/// A second copy, from another address of ours, or much later, does no harm either.
///
/// covers: 6762-7.3-d
#[test]
fn s7_3_own_questions_heard_late_or_twice_do_not_end_the_series() {
    let mut bench = Bench::new(8);
    bench.browse("_ipp._tcp.local");
    bench.run(ms(150));
    let question = bench.take().remove(0);
    for _ in 0..3 {
        bench.hear_bytes(
            question.link,
            "10.0.0.1:5353",
            Via::Multicast,
            &question.bytes,
        );
    }
    bench.run(ms(20_000));
    assert!(times(&bench.sent, "_ipp._tcp.local IN PTR?").len() >= 3);
}

/// covers: 6762-10.2-m, 6762-7.1-f
#[test]
fn s10_2_the_top_bit_of_a_question_flushes_nothing() {
    let mut bench = Bench::new(9);
    bench.query("hall.local A");
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    bench.run(ms(5000));
    bench.take_events();
    bench.hear_from(OTHER, Via::Multicast, &Heard::query(&["hall.local A QU"]));
    bench.hear_from(
        OTHER,
        Via::Multicast,
        &Heard::query(&["hall.local A"]).knows(&["hall.local 120 IN! A 10.0.0.9"]),
    );
    bench.run(ms(10_000));
    assert!(bench.take_events().is_empty());
}

/// covers: 6762-6-q, 6762-6-i, 6762-18.1-a, 6762-18.1-d, 6762-18.4-b, 6762-18.5-b
#[test]
fn s6_a_response_counts_by_its_port_and_not_by_its_header() {
    let response = Heard::response(&["x.local 120 IN! A 10.0.0.7"]);
    let with_question = Heard {
        questions: vec!["hall.local A".into()],
        ..response.clone()
    };
    for (source, heard, counts) in [
        (PEER, response.clone(), true),
        (
            PEER,
            Heard {
                id: 0xbeef,
                ..response.clone()
            },
            true,
        ),
        (
            PEER,
            Heard {
                flags: 0x8000,
                ..response.clone()
            },
            true,
        ),
        (PEER, response.clone().truncated(), true),
        (PEER, with_question, true),
        ("10.0.0.7:40000", response, false),
    ] {
        let (mut bench, _) = Bench::established(10);
        bench.query("x.local A");
        bench.run(ms(500));
        bench.forget();
        bench.hear_from(source, Via::Multicast, &heard);
        bench.run(ms(300));
        let events = bench.take_events();
        assert_eq!(
            events == ["answers x.local A [10.0.0.7]"],
            counts,
            "{events:?}"
        );
        assert!(
            !bench.sent.iter().any(Sent::is_response),
            "no question of a response is answered"
        );
    }
    let (mut bench, _) = Bench::established(10);
    bench.hear_from(
        "10.0.0.7:40000",
        Via::Multicast,
        &Heard::response(&["hall.local 120 IN! A 10.0.0.7"]),
    );
    bench.run(ms(5000));
    assert!(bench.take().is_empty(), "nor is it a conflict");
}

/// Asks for `x.local A` on a link that has just come up, so that the question takes a unicast answer.
fn ask_for_unicast(bench: &mut Bench) {
    bench.query("x.local A");
    bench.run(ms(5000));
    let link = bench.links[0];
    bench.act(|core, now| core.link_down(now, link));
    bench.act(|core, now| core.link_up(now, link));
    bench.forget();
    bench.run(ms(200));
    bench.take_events();
}

/// covers: 6762-11-b, 6762-11-c, 6762-11-d, 6762-6-t, 6762-6-u, SEC-17
#[test]
fn s11_responses_are_heard_from_the_link_alone() {
    for (source, via, counts) in [
        ("10.0.0.7:5353", Via::Multicast, true),
        ("10.9.9.9:5353", Via::Multicast, true),
        ("10.0.0.7:5353", Via::Unicast, true),
        ("169.254.3.4:5353", Via::Unicast, false),
        ("10.0.1.7:5353", Via::Unicast, false),
        ("203.0.113.9:5353", Via::Unicast, false),
    ] {
        let mut bench = Bench::new(11);
        ask_for_unicast(&mut bench);
        assert_eq!(bench.take()[0].questions(), ["x.local IN A? QU"]);
        bench.hear_from(
            source,
            via,
            &Heard::response(&["x.local 120 IN! A 10.0.0.7"]),
        );
        assert_eq!(!bench.take_events().is_empty(), counts, "{source} {via:?}");
    }
    // Off the subnet is on the link where it is IPv6 with the prefix of an address of ours, or link-local.
    for (source, counts) in [
        ("[fe80::7]:5353", true),
        ("[2001:db8::7]:5353", true),
        ("[2001:db8:1::7]:5353", false),
    ] {
        let mut bench = Bench::with(
            12,
            mdns_proto::config::Config::DEFAULT,
            &["fe80::1/64", "2001:db8::1/64"],
        );
        ask_for_unicast(&mut bench);
        bench.hear_from(
            source,
            Via::Unicast,
            &Heard::response(&["x.local 120 IN! A 10.0.0.7"]),
        );
        assert_eq!(!bench.take_events().is_empty(), counts, "{source}");
    }
}

/// Whether an answer from a neighbour counts, on an interface with these addresses, with or without a route to link-local ones.
fn is_heard(
    addresses: &[&str],
    has_route: bool,
    source: &str,
    via: Via,
    hop_limit: Option<u8>,
) -> bool {
    let mut bench = Bench::with(13, mdns_proto::config::Config::DEFAULT, addresses);
    let link = bench.links[0];
    bench.act(|core, _| core.set_link_local_route(link, has_route));
    ask_for_unicast(&mut bench);
    let answer = Heard::response(&["x.local 120 IN! A 10.0.0.7"]).bytes();
    bench.hear_at(link, source, via, hop_limit, &answer);
    let counted = bench.host.stats(link).expect("a link").refused;
    let is_told = !bench.take_events().is_empty();
    assert_eq!(counted, u32::from(!is_told), "what is refused is counted");
    is_told
}

/// A link-local source is on the link where the interface has a link-local address of its family, or a route to them.
///
/// covers: 6762-11-d, SEC-15, SEC-17
#[test]
fn s11_link_local_sources_are_near_where_link_local_addresses_are() {
    let (far, near) = ("169.254.3.4:5353", "10.0.0.7:5353");
    let of = |addresses: &[&str], has_route, source| {
        is_heard(addresses, has_route, source, Via::Unicast, Some(255))
    };
    assert!(!of(&["10.0.0.1/24"], false, far));
    assert!(of(&["10.0.0.1/24"], true, far));
    assert!(of(&["10.0.0.1/24"], true, near));
    assert!(of(&["169.254.7.7/32"], false, far), "of its kind");
    assert!(of(&["169.254.7.7/16"], false, far));
    assert!(!of(&["169.254.7.7/16"], true, near), "and no other network");
    assert!(!of(&["2001:db8::1/64"], false, "[fe80::7]:5353"));
    assert!(of(&["2001:db8::1/64"], true, "[fe80::7]:5353"));
    assert!(of(&["fe80::1/128"], false, "[fe80::7]:5353"));
}

/// A datagram that says that it may have been forwarded counts from the networks of the interface alone, whichever way it came.
///
/// covers: 6762-11-b, 6762-11-c, 6762-11-d, 6762-11-e
#[test]
fn s11_what_a_router_may_have_forwarded_counts_from_our_networks_alone() {
    for via in [Via::Multicast, Via::Unicast] {
        for limit in [None, Some(255), Some(254), Some(64), Some(1), Some(0)] {
            assert!(
                is_heard(&["10.0.0.1/24"], false, "10.0.0.7:5353", via, limit),
                "{via:?} {limit:?}"
            );
        }
        for limit in [Some(254), Some(64), Some(1), Some(0)] {
            for (addresses, source) in [
                (&["10.0.0.1/24"], "10.9.9.9:5353"),
                (&["10.0.0.1/24"], "169.254.3.4:5353"),
                (&["169.254.7.7/32"], "169.254.3.4:5353"),
                (&["fe80::1/128"], "[fe80::7]:5353"),
                (&["2001:db8::1/64"], "[2001:db8:1::7]:5353"),
            ] {
                assert!(
                    !is_heard(addresses, true, source, via, limit),
                    "{source} {via:?} {limit:?}"
                );
            }
        }
    }
    for limit in [None, Some(255)] {
        let heard = |via| is_heard(&["10.0.0.1/24"], false, "10.9.9.9:5353", via, limit);
        assert!(
            heard(Via::Multicast),
            "what comes to the group is of the link"
        );
        assert!(!heard(Via::Unicast));
    }
}

/// Queries follow the same rule: who is off the link is not answered, nor is a legacy resolver there.
///
/// covers: 6762-5.5-b, SEC-15
#[test]
fn s11_queries_are_answered_by_the_same_rule() {
    let answers = |source: &str, via, limit| {
        let (mut bench, _) = Bench::established(14);
        let link = bench.links[0];
        bench.run(ms(40_000));
        let question = Heard::query(&["hall.local A"]).bytes();
        bench.hear_at(link, source, via, limit, &question);
        bench.run(ms(2000));
        bench.take_responses().len()
    };
    assert_eq!(answers("169.254.3.4:5353", Via::Unicast, Some(255)), 0);
    assert_eq!(answers("169.254.3.4:40000", Via::Multicast, Some(255)), 0);
    assert_eq!(answers("169.254.3.4:5353", Via::Multicast, Some(255)), 1);
    assert_eq!(answers("169.254.3.4:5353", Via::Multicast, Some(64)), 0);
    assert_eq!(answers("10.0.0.9:5353", Via::Multicast, Some(64)), 1);
    assert_eq!(answers("10.0.0.9:40000", Via::Multicast, Some(64)), 1);
    assert_eq!(answers("10.0.0.9:5353", Via::Unicast, Some(1)), 1);
}
