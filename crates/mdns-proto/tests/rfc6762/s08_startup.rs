//! §8: probing and announcing.

use mdns_proto::{
    link::Via,
    name::ServiceType,
    own::{Service, Sharing},
};

use super::bench::{Bench, Heard, Sent, assert_even, ms};

fn probes(bench: &Bench) -> Vec<&Sent> {
    bench
        .sent
        .iter()
        .filter(|sent| !sent.is_response())
        .collect()
}

/// covers: 6762-8.1-d, 6762-8.1-e, 6762-8.1-f, 6762-8.3-e, 6762-8.1-g
#[test]
fn s8_1_three_probes_then_two_announcements() {
    let mut waits = Vec::new();
    for seed in 0..240 {
        let mut bench = Bench::new(seed);
        bench.add_host("hall");
        bench.run(ms(100_000));
        let times: Vec<_> = bench.sent.iter().map(|sent| sent.micros).collect();
        let first = times[0];
        assert_eq!(
            times,
            [0, 250, 500, 750, 1750].map(|after| first + after * 1000)
        );
        assert!(bench.sent[..3].iter().all(|sent| !sent.is_response()));
        assert!(bench.sent[3..].iter().all(Sent::is_response));
        waits.push(std::time::Duration::from_micros(first));
    }
    assert_even(&waits, ms(0), ms(250));
}

/// covers: 6762-8.1-a, 6762-8.1-b, 6762-8.1-c, 6762-8.1-j, 6762-8.2-a, 6762-8.2-b, 6762-8.2-c, 6762-18.1-c, 6762-8.1-r
#[test]
fn s8_2_a_probe_asks_for_any_and_says_what_is_proposed() {
    let mut bench = Bench::new(1);
    bench.add_host("hall");
    bench.register_printer();
    bench.run(ms(750));
    for (at, probe) in probes(&bench).into_iter().enumerate() {
        let mark = if at == 0 { " QU" } else { "" };
        let mut questions = probe.questions();
        questions.sort();
        assert_eq!(
            questions,
            [
                format!("Printer._ipp._tcp.local IN ANY?{mark}"),
                format!("hall.local IN ANY?{mark}")
            ]
        );
        assert_eq!(
            probe.authorities(),
            [
                "Printer._ipp._tcp.local 120 IN SRV 0 0 631 hall.local",
                "Printer._ipp._tcp.local 4500 IN TXT \"a=b\"",
                "hall.local 120 IN A 10.0.0.1",
            ]
        );
        assert_eq!(probe.message().header().id, 0);
    }
    assert_eq!(probes(&bench).len(), 3);
}

/// Names whose proposals fit no packet together are probed for apart: a question without them could not be judged.
///
/// covers: 6762-8.2-a, 6762-17-a
#[test]
fn s8_2_every_probe_says_all_that_is_proposed() {
    let mut bench = Bench::new(2);
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    let string = "x".repeat(250);
    for label in ["Printer", "Scanner"] {
        bench.register(label, "_ipp._tcp", 631, &[string.as_str(); 3], &[]);
    }
    bench.run(ms(740));
    let sent = bench.take();
    assert_eq!(sent.len(), 6);
    for sent in sent {
        assert!(sent.bytes.len() <= 1472);
        assert_eq!((sent.questions().len(), sent.authorities().len()), (1, 2));
    }
}

/// covers: 6762-8.3-a, 6762-8.3-c, 6762-8.3-d, 6762-10-a, 6762-10-b, 6762-4-c, 6763-7.1-c, 6763-6-a, 6763-5-c, 6763-4.1-a
#[test]
fn s8_3_an_announcement_has_everything_as_an_answer() {
    let mut bench = Bench::new(2);
    bench.add_host("hall");
    bench.register_printer();
    bench.run(ms(5000));
    let announced: Vec<_> = bench
        .sent
        .iter()
        .filter(|sent| sent.is_response())
        .collect();
    assert_eq!(announced.len(), 2);
    for announcement in announced {
        assert_eq!(
            announcement.answers(),
            [
                "1.0.0.10.in-addr.arpa 120 IN! PTR hall.local",
                "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local",
                "Printer._ipp._tcp.local 4500 IN! TXT \"a=b\"",
                "_color._sub._ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
                "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
                "_services._dns-sd._udp.local 4500 IN PTR _ipp._tcp.local",
                "hall.local 120 IN! A 10.0.0.1",
            ]
        );
        assert_eq!(announcement.message().question_count(), 0);
    }
}

/// covers: 6762-8.3-g, 6762-8.3-h
#[test]
fn s8_3_nothing_is_announced_without_reason() {
    let (mut bench, _) = Bench::established(3);
    bench.run(ms(24 * 3600 * 1000));
    assert!(bench.sent.is_empty());
}

/// covers: 6762-8.3-f
#[test]
fn s8_3_up_to_eight_announcements_double_their_distance() {
    let config = mdns_proto::config::Config {
        announcements: 8,
        ..mdns_proto::config::Config::DEFAULT
    };
    let mut bench = Bench::with(4, config, &["10.0.0.1/24"]);
    bench.add_host("hall");
    bench.run(ms(1_000_000));
    let times: Vec<_> = bench
        .sent
        .iter()
        .filter(|sent| sent.is_response())
        .map(|sent| sent.micros)
        .collect();
    let gaps: Vec<_> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / 1_000_000)
        .collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 64]);
}

/// covers: 6762-8.1-m
#[test]
fn s8_1_what_is_heard_before_the_first_probe_is_not_meant_for_us() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed);
        bench.add_host("hall");
        if !bench.sent.is_empty() {
            continue;
        }
        bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
        bench.run(ms(3000));
        assert_eq!(bench.events, ["host registered hall.local"]);
    }
}

/// covers: 6762-8.1-k, 6762-8.1-l, 6762-8.1-n, 6762-3-a, 6762-3-b
#[test]
fn s8_1_an_answer_of_any_type_denies_the_name() {
    let denials = [
        "hall.local 120 IN! A 10.0.0.7",
        "hall.local 120 IN! AAAA fe80::7",
        "HALL.local 120 IN TXT x",
        "hall.local 120 IN! TYPE65280 xy",
    ];
    for (seed, denial) in denials.into_iter().enumerate() {
        for after in [100, 400, 740] {
            let mut bench = Bench::new(seed as u64);
            bench.add_host("hall");
            while bench.sent.is_empty() {
                bench.run(ms(1));
            }
            bench.run(ms(after));
            bench.forget();
            bench.hear(&Heard::response(&[denial]));
            bench.run(ms(5000));
            assert_eq!(
                bench.events,
                ["host renamed hall-2.local", "host registered hall-2.local"]
            );
            assert!(bench.sent.iter().all(|sent| !sent.says("hall.local")));
        }
    }
}

/// covers: 6762-8.1-o, 6762-2-b, 6762-9-a
#[test]
fn s8_1_the_same_data_from_another_do_not_deny_it() {
    let mut bench = Bench::new(5);
    bench.add_host("hall");
    bench.run(ms(300));
    bench.hear(&Heard::response(&["Hall.local 120 IN! A 10.0.0.1"]));
    bench.run(ms(3000));
    bench.hear(&Heard::response(&["Hall.local 120 IN! A 10.0.0.1"]));
    bench.run(ms(3000));
    assert_eq!(bench.events, ["host registered hall.local"]);
}

/// covers: 6762-8.1-t, 6762-8.2-m, 6762-2-a
#[test]
fn s8_1_questions_meanwhile_neither_disturb_nor_get_an_answer() {
    let mut bench = Bench::new(6);
    bench.add_host("hall");
    bench.run(ms(300));
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.hear(&Heard::query(&["hall.local ANY"]));
    bench.run(ms(5000));
    let first = bench.sent[0].micros;
    let times: Vec<_> = bench.sent.iter().map(|sent| sent.micros - first).collect();
    assert_eq!(times, [0, 250_000, 500_000, 750_000, 1_750_000]);
}

/// covers: 6762-8.1-p, 6762-8.1-u, 6762-9-g
#[test]
fn s8_1_after_fifteen_conflicts_attempts_are_five_seconds_apart() {
    let mut bench = Bench::new(7);
    bench.add_host("hall");
    let mut attempts = Vec::new();
    while attempts.len() < 22 {
        bench.run(ms(1));
        let Some(probe) = bench.take().into_iter().next() else {
            continue;
        };
        attempts.push(probe.at);
        let name = probe.questions()[0]
            .split(' ')
            .next()
            .expect("a name")
            .to_owned();
        bench.hear(&Heard::response(&[&format!("{name} 120 IN! A 10.0.0.7")]));
    }
    let gaps: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..14].iter().all(|gap| *gap <= 251), "{gaps:?}");
    assert!(
        gaps[14..].iter().all(|gap| (5000..=5251).contains(gap)),
        "{gaps:?}"
    );
    bench.run(ms(20_000));
    assert!(
        bench
            .events
            .last()
            .expect("an event")
            .starts_with("host registered hall-")
    );
}

/// covers: 6762-8.2-d, 6762-8.2-e, 6762-8.2-f, 6762-8.2-g
#[test]
fn s8_2_the_later_data_win_and_the_loser_waits_a_second_for_the_same_name() {
    for (theirs, loses) in [("10.0.0.0", false), ("10.0.0.2", true)] {
        let mut bench = Bench::new(8);
        bench.add_host("hall");
        bench.run(ms(260));
        let first = bench.sent[0].micros;
        bench.forget();
        let rival = format!("hall.local 120 IN A {theirs}");
        bench.hear(&Heard::query(&["hall.local ANY QU"]).proposes(&[&rival]));
        let heard = bench.now.as_micros();
        bench.run(ms(4000));
        assert_eq!(bench.events, ["host registered hall.local"]);
        let times: Vec<_> = bench.sent.iter().map(|sent| sent.micros).collect();
        let from = if loses {
            heard + 1_000_000
        } else {
            first + 250_000
        };
        assert_eq!(times[0], from);
        assert_eq!(
            bench.sent.iter().filter(|sent| !sent.is_response()).count(),
            if loses { 3 } else { 2 }
        );
    }
}

/// covers: 6762-8.2-g
#[test]
fn s8_2_a_winner_that_answers_the_second_series_has_the_name() {
    let mut bench = Bench::new(9);
    bench.add_host("hall");
    bench.run(ms(260));
    bench.hear(&Heard::query(&["hall.local ANY QU"]).proposes(&["hall.local 120 IN A 10.0.0.7"]));
    // The winner announces while we wait: that is no answer to a probe of ours.
    bench.run(ms(750));
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    assert!(bench.events.is_empty());
    bench.run(ms(260));
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    bench.run(ms(3000));
    assert_eq!(
        bench.events,
        ["host renamed hall-2.local", "host registered hall-2.local"]
    );
}

/// covers: 6762-8.2-k
#[test]
fn s8_2_own_probes_echoed_do_nothing() {
    let mut bench = Bench::new(10);
    bench.add_host("hall");
    bench.run(ms(300));
    let probe = bench.sent[0].clone();
    let link = bench.links[0];
    for _ in 0..5 {
        bench.hear_bytes(
            link,
            "10.0.0.1:5353",
            mdns_proto::link::Via::Multicast,
            &probe.bytes,
        );
    }
    bench.run(ms(3000));
    bench.hear_bytes(
        link,
        "10.0.0.1:5353",
        mdns_proto::link::Via::Multicast,
        &probe.bytes,
    );
    bench.run(ms(3000));
    assert_eq!(bench.events, ["host registered hall.local"]);
    assert_eq!(bench.sent.len(), 5);
}

/// covers: 6762-8.4-a, 6762-8.4-c, 6762-8.4-e, 6762-8.4-g
#[test]
fn s8_4_changed_data_are_announced_without_probing() {
    let (mut bench, service) = Bench::established(11);
    let start = bench.now.as_micros();
    bench.update_txt(service, &["a=c"]);
    bench.run(ms(500));
    bench.update_txt(service, &["a=d"]);
    bench.run(ms(10_000));
    let said: Vec<_> = bench
        .sent
        .iter()
        .map(|sent| (sent.micros - start, sent.answers()))
        .collect();
    let txt = |value: &str| {
        vec![format!(
            "Printer._ipp._tcp.local 4500 IN! TXT \"a={value}\""
        )]
    };
    assert_eq!(
        said,
        [(0, txt("c")), (1_000_000, txt("d")), (2_000_000, txt("d"))]
    );
}

/// covers: 6762-8.4-b, 6762-6.2-a
#[test]
fn s8_4_a_new_address_is_announced_with_the_others() {
    let (mut bench, _) = Bench::established(12);
    bench.set_addresses(1, &["10.0.0.1/24", "10.0.0.9/24"]);
    bench.run(ms(10_000));
    assert_eq!(bench.sent.len(), 2);
    for sent in &bench.sent {
        assert_eq!(
            sent.answers(),
            [
                "9.0.0.10.in-addr.arpa 120 IN! PTR hall.local",
                "hall.local 120 IN! A 10.0.0.1",
                "hall.local 120 IN! A 10.0.0.9",
            ]
        );
    }
    bench.forget();
    bench.set_addresses(1, &["10.0.0.9/24"]);
    bench.run(ms(10_000));
    assert_eq!(
        bench.sent[0].answers()[0],
        "1.0.0.10.in-addr.arpa 0 IN! PTR hall.local"
    );
    assert!(
        bench
            .sent
            .iter()
            .any(|sent| sent.says("hall.local 120 IN! A 10.0.0.9"))
    );
    assert!(!bench.sent.iter().any(|sent| sent.says("hall.local 0")));
}

/// covers: 6762-8.4-b
#[test]
fn s8_4_addresses_that_go_together_all_say_goodbye() {
    let mut bench = Bench::with(
        14,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "10.0.0.2/24", "fe80::1/64"],
    );
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    bench.set_addresses(1, &["fe80::1/64"]);
    bench.run(ms(5000));
    for address in ["10.0.0.1", "10.0.0.2"] {
        assert!(
            bench
                .sent
                .iter()
                .any(|sent| sent.says(&format!("hall.local 0 IN! A {address}")))
        );
    }
    assert!(!bench.sent.iter().any(|sent| sent.says("hall.local 120")));
}

/// covers: 6762-8-a, 6762-10.2-a, 6762-10.2-b
#[test]
fn s8_a_link_that_comes_back_is_probed_and_announced_anew() {
    let (mut bench, _) = Bench::established(13);
    let link = bench.links[0];
    bench.act(|core, now| core.link_down(now, link));
    bench.run(ms(5000));
    assert!(bench.sent.is_empty());
    bench.act(|core, now| core.link_up(now, link));
    bench.run(ms(5000));
    let kinds: Vec<_> = bench.sent.iter().map(Sent::is_response).collect();
    assert_eq!(kinds, [false, false, false, true, true]);
}

/// A shared record needs no probing, and so waits for no name.
///
/// covers: 6762-8.3-a, 6762-8.3-e
#[test]
fn s8_3_a_shared_record_is_announced_on_every_link_that_comes_up() {
    let mut bench = Bench::new(13);
    bench
        .add("choir.local 120 IN TXT alto", Sharing::Shared)
        .expect("room");
    bench.run(ms(20_000));
    bench.forget();
    let start = bench.at();
    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.run(ms(20_000));
    let said = bench.sent.iter().filter(|sent| sent.says("choir.local"));
    let times: Vec<_> = said.map(|sent| (sent.link, sent.at - start)).collect();
    assert_eq!(times, [(bench.links[1], 0), (bench.links[1], 1000)]);
}

/// The first probe of a name asks for a unicast answer, the others for one by multicast: who takes our unicast takes no denial.
///
/// covers: 6762-8.1-j
#[test]
fn s8_1_a_probe_for_unicast_is_followed_by_others_for_multicast() {
    let kinds = |bench: &mut Bench| {
        let is_of_hall = |text: &String| text.starts_with("hall.local");
        let sent = bench.take();
        let of_hall = sent
            .iter()
            .flat_map(|sent| sent.questions())
            .filter(is_of_hall);
        of_hall.collect::<Vec<_>>()
    };
    let expected = [
        "hall.local IN ANY? QU",
        "hall.local IN ANY?",
        "hall.local IN ANY?",
    ];
    let mut bench = Bench::new(81);
    bench.add_host("hall");
    bench.run(ms(5000));
    assert_eq!(kinds(&mut bench), expected);
    let link = bench.links[0];
    bench.act(|core, now| core.link_down(now, link));
    bench.act(|core, now| core.link_up(now, link));
    bench.run(ms(5000));
    assert_eq!(kinds(&mut bench), expected, "the link came up");
    bench.act(|core, now| core.resumed(now));
    bench.run(ms(5000));
    assert_eq!(kinds(&mut bench), expected, "after a sleep");
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    bench.run(ms(5000));
    assert_eq!(kinds(&mut bench), expected, "contradicted");
    bench.act(|core, now| core.send_failed(now, link));
    bench.run(ms(5000));
    bench.take();
    // Given way to, it begins anew.
    let probe = Heard::query(&["lamp.local ANY"]).proposes(&["lamp.local 120 IN A 255.0.0.1"]);
    bench.add_host("lamp");
    assert!(bench.run_until(ms(300), |bench| !bench.sent.is_empty()));
    bench.hear(&probe);
    bench.run(ms(5000));
    let sent = bench.take();
    let lamp: Vec<_> = sent
        .iter()
        .filter(|sent| !sent.is_response())
        .map(|sent| sent.questions())
        .collect();
    let lamp: Vec<_> = lamp.iter().map(|questions| questions[0].as_str()).collect();
    assert_eq!(
        lamp,
        [
            "lamp.local IN ANY? QU",
            "lamp.local IN ANY? QU",
            "lamp.local IN ANY?",
            "lamp.local IN ANY?"
        ]
    );
}

/// What a probe proposes is read to its end: copies of what is ours hide nothing, whether the name is won or probed for.
///
/// covers: 6762-8.2.1-a
#[test]
fn s8_2_copies_of_our_records_hide_nothing_behind_them() {
    let ours = "hall.local 120 IN A 10.0.0.1";
    for copies in [0, 1, 15, 16, 17, 200] {
        let mut proposed = vec![ours; copies];
        proposed.push("hall.local 120 IN A 10.0.0.2");
        let probe = Heard::query(&["hall.local ANY"]).proposes(&proposed);
        let (mut bench, _) = Bench::established(82);
        bench.run(ms(10_000));
        bench.hear(&probe);
        bench.run(ms(300));
        assert_eq!(bench.take_responses().len(), 1, "defended: {copies}");

        let mut bench = Bench::new(83);
        bench.add_host("hall");
        assert!(bench.run_until(ms(300), |bench| !bench.sent.is_empty()));
        bench.hear(&probe);
        let stats = bench.host.stats(bench.links[0]).expect("a link");
        assert_eq!(stats.deferred, 1, "given way to: {copies}");
    }
}

/// A link that goes down forgets who waits, and what that holds: there is room for the next service, again and again.
///
/// covers: 6762-10.2-a
#[test]
fn s8_a_link_that_goes_down_releases_what_its_answers_held() {
    let mut bench = Bench::new(84);
    bench.add_host("hall");
    let link = bench.links[0];
    for round in 0..40 {
        let label = format!("{round} {}", "x".repeat(50));
        let service = bench.register(&label, "_ipp._tcp", 631, &[], &[]);
        bench.run(ms(5000));
        bench.act(|core, _| core.set_writable(link, false));
        let question = format!("{label}._ipp._tcp.local SRV");
        for port in 40_000..40_003 {
            let source = format!("10.0.0.7:{port}");
            bench.hear_from(&source, Via::Multicast, &Heard::query(&[&question]));
        }
        bench.act(|core, now| core.link_down(now, link));
        bench.act(|core, _| core.set_writable(link, true));
        bench.act(|core, now| core.link_up(now, link));
        bench.run(ms(3000));
        bench.act(|core, now| core.withdraw(now, service));
        bench.run(ms(3000));
        assert!(bench.host.is_silent());
        bench.forget();
    }
}

/// What is given twice is said once: subtypes, placeholders, addresses.
///
/// covers: none (what the application gives twice)
#[test]
fn s8_3_what_is_given_twice_is_said_once() {
    let mut bench = Bench::new(85);
    bench.add_host("hall");
    bench.set_addresses(1, &["10.0.0.1/24", "10.0.0.1/24", "10.0.0.1/16"]);
    let id = bench.register("Desk", "_ipp._tcp", 631, &[], &["_a", "_a", "_A"]);
    bench.run(ms(5000));
    let once = |bench: &mut Bench| {
        for sent in bench.take_responses() {
            let answers = sent.answers();
            let mut unique = answers.clone();
            unique.dedup_by_key(|text| text.to_lowercase());
            assert_eq!(answers, unique);
        }
    };
    once(&mut bench);
    bench
        .act(|core, now| core.update_subtypes(now, id, &["_b", "_b", "_a", "_A"]))
        .expect("room");
    bench.run(ms(5000));
    once(&mut bench);
    let (ipp, http): (ServiceType, ServiceType) = (
        "_ipp._tcp".parse().expect("a type"),
        "_http._tcp".parse().expect("a type"),
    );
    let service = Service {
        placeholders: &[&ipp, &http, &http],
        ..Service::new("Table", &ipp, 1)
    };
    let id = bench
        .act(|core, now| core.register(now, &service))
        .expect("a service");
    bench.run(ms(5000));
    once(&mut bench);
    bench.act(|core, now| core.withdraw(now, id));
    bench.run(ms(5000));
    bench
        .act(|core, now| core.register(now, &service))
        .expect("its names are free again");
}
