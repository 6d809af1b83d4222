//! Reports of what a machine does: over time, to many packets, or with what its own application gives it.

use mdns_proto::{
    config::Config,
    discovery::{AskError, Span},
    link::Via,
    name::{NameBuf, ServiceType},
    own::{RegisterError, Service, Sharing},
    wire::{Message, Rdata, RecordType, Txt, Words},
};

use super::{
    raw::*,
    report::{assert_answers, assert_finds, assert_well, witness},
};
use crate::{
    lacks_room_for,
    rfc6762::bench::{Bench, Heard, OTHER, PEER, Sent, ms},
};

// --- names and data of the own application ---

/// A host name in conflict is given up for another, and the service goes on under it.
///
/// covers: CVE-2006-2288
#[test]
fn a_conflict_stops_no_service() {
    let (mut bench, _) = Bench::established(1);
    // It says so as often as it is probed for.
    for _ in 0..3 {
        let denial = Heard::response(&["hall.local 120 IN! A 10.0.0.7"]);
        bench.run_until(ms(500), |bench| {
            bench.sent.iter().any(|sent| !sent.is_response())
        });
        bench.forget();
        bench.hear(&denial);
    }
    bench.run(ms(20_000));
    assert_answers(
        &mut bench,
        "Printer._ipp._tcp.local SRV",
        "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall-",
    );
}

/// Labels that are no host names, instances or subtypes are errors, and nothing has changed.
///
/// covers: CVE-2021-3502, CVE-2023-38471, CVE-2008-2326, SEC-20
#[test]
fn names_that_are_none_are_refused() {
    let mut bench = Bench::new(2);
    let long = "x".repeat(64);
    for label in [
        "", ".", "a.b", "-a", "a-", "a b", "a_b", "a\0", "a\u{85}", "é ", "a\\", &long,
    ] {
        let added = bench.act(|core, now| core.add_host(now, label));
        assert!(matches!(added, Err(RegisterError::Label(_))), "{label:?}");
    }
    bench.add_host("hall");
    let ty: ServiceType = "_ipp._tcp".parse().expect("a type");
    for label in ["", "a\0", "a\n", "a\u{7f}", &long] {
        let service = Service::new(label, &ty, 631);
        let added = bench.act(|core, now| core.register(now, &service));
        assert!(matches!(added, Err(RegisterError::Label(_))), "{label:?}");
    }
    for subtypes in [&[""][..], &["a", &long]] {
        let service = Service {
            subtypes,
            ..Service::new("Printer", &ty, 631)
        };
        let added = bench.act(|core, now| core.register(now, &service));
        assert!(matches!(added, Err(RegisterError::Name(_))), "{subtypes:?}");
    }
    for text in [
        "_ipp",
        "ipp._tcp",
        "_._tcp",
        "_ipp._sctp",
        "_sixteen-letters1._tcp",
    ] {
        assert!(text.parse::<ServiceType>().is_err(), "{text}");
    }
    assert!(format!("{long}.local").parse::<NameBuf>().is_err());
    assert!(
        format!("{}local", "x.".repeat(126))
            .parse::<NameBuf>()
            .is_err()
    );
    // Room was taken by none of them.
    bench.register_printer();
    bench.run(ms(10_000));
    assert_answers(&mut bench, "hall.local A", "hall.local 120 IN! A 10.0.0.1");
}

/// A TXT of no bytes is said as one empty string (RFC 6763 §6.1).
///
/// covers: CVE-2007-3372
#[test]
fn an_empty_txt_is_one_empty_string() {
    let mut bench = Bench::new(3);
    bench.add_host("hall");
    let ty: ServiceType = "_ipp._tcp".parse().expect("a type");
    let service = Service {
        txt: Txt::from_wire(&[]).expect("no strings"),
        ..Service::new("Printer", &ty, 631)
    };
    let id = bench
        .act(|core, now| core.register(now, &service))
        .expect("room");
    bench
        .act(|core, now| core.update_txt(now, id, Txt::from_wire(&[]).expect("no strings")))
        .expect("room");
    bench.run(ms(10_000));
    let announced = bench.sent.iter().rev().find(|sent| sent.says("Printer"));
    let message = announced.expect("an announcement").message();
    let txt = message
        .records()
        .find_map(|(_, record)| match record.rdata {
            Rdata::Txt(txt) => Some(txt.as_wire().to_vec()),
            _ => None,
        });
    assert_eq!(txt, Some(vec![0]));
}

/// What no packet can hold is refused when it is registered, and when it is changed.
///
/// covers: CVE-2023-38469, rust-libp2p-1872, SEC-08
#[test]
fn data_larger_than_a_packet_are_refused() {
    let mut bench = Bench::new(4);
    bench.add_host("hall");
    let ty: ServiceType = "_ipp._tcp".parse().expect("a type");
    let large = [&[255; 1][..], &[b'x'; 255]].concat().repeat(200);
    let txt = Txt::from_wire(&large).expect("strings");
    let service = Service {
        txt,
        ..Service::new("Printer", &ty, 631)
    };
    let full = if lacks_room_for("text of 51,200 bytes") {
        RegisterError::Full
    } else {
        RegisterError::TooLarge
    };
    let added = bench.act(|core, now| core.register(now, &service));
    assert!(matches!(added, Err(RegisterError::TooLarge)) || added == Err(full));
    let printer = bench.register_printer();
    let updated = bench.act(|core, now| core.update_txt(now, printer, txt));
    assert!(matches!(updated, Err(RegisterError::TooLarge)) || updated == Err(full));
    bench.run(ms(10_000));
    assert_answers(
        &mut bench,
        "Printer._ipp._tcp.local TXT",
        "Printer._ipp._tcp.local 4500 IN! TXT \"a=b\"",
    );
}

/// A host of the longest names, with as many data as it has room for, sends what can be read, whole, to the last byte.
///
/// covers: CVE-2006-2289, CVE-2026-5245, mjansson-mdns-11, esp8266-4317, CVE-2017-9445, CVE-2021-23386, SEC-20
#[test]
fn the_largest_data_of_ours_are_said_whole() {
    let mut bench = Bench::with(5, Config::DEFAULT, &["10.0.0.1/24", "fe80::1/64"]);
    bench.add_host(&"h".repeat(63));
    let label = "\u{1f5a8}".repeat(15) + "abc";
    assert_eq!(label.len(), 63);
    let strings = ["k=".to_owned() + &"v".repeat(200), "e=".into(), "f".into()];
    let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
    bench.register(
        &label,
        "_fifteen-letters._tcp",
        65_535,
        &strings,
        &["_color"],
    );
    bench.browse("_fifteen-letters._tcp.local");
    bench.run(ms(20_000));
    for question in [
        "_fifteen-letters._tcp.local PTR",
        "_services._dns-sd._udp.local PTR",
    ] {
        for (source, qu) in [(PEER, ""), (OTHER, " QU"), ("10.0.0.7:40000", "")] {
            let query = Heard::query(&[&format!("{question}{qu}")]);
            bench.hear_from(source, Via::Multicast, &query);
            bench.run(ms(2000));
        }
    }
    bench.act(|core, now| core.shutdown(now));
    bench.run(ms(5000));
    assert!(bench.sent.len() > 15);
    for sent in bench.take() {
        assert!(sent.bytes.len() <= 1472);
        assert!(sent.message().is_sound());
        // Nothing stands behind what is counted: one byte less, and something is missing.
        let cut = &sent.bytes[..sent.bytes.len() - 1];
        assert!(
            !Message::parse(cut).is_ok_and(|message| message.is_whole()),
            "{sent:?}"
        );
    }
}

/// The next name is found however long the last one was, and whatever it ended with.
///
/// covers: CVE-2023-38473
#[test]
fn there_is_always_a_next_name() {
    for label in [
        "x".repeat(63),
        "x".repeat(61) + "-9",
        "ü".repeat(31),
        "99".repeat(31),
        "a-999999".into(),
        "a-18446744073709551615".into(),
    ] {
        let mut bench = Bench::new(6);
        bench.add_host(&label);
        for _ in 0..30 {
            bench.run_until(ms(10_000), |bench| !bench.sent.is_empty());
            let probe = bench.take().pop().expect("a probe");
            let message = probe.message();
            let name = message.questions().next().expect("a name").name.to_string();
            let denial = format!("{name} 120 IN! A 10.0.0.7");
            bench.hear(&Heard::response(&[&denial]));
            let renamed = bench.take_events().pop().expect("news");
            assert!(renamed.starts_with("host renamed "), "{renamed}");
            assert_ne!(renamed, format!("host renamed {name}"));
        }
        bench.run(ms(20_000));
        let last = bench.take_events().pop().expect("news");
        assert!(last.starts_with("host registered "), "{last}");
    }
}

/// What multicast is not the place to ask for, and names that are hardly names, are errors or questions, never a crash.
///
/// covers: CVE-2023-1981, CVE-2025-68276
#[test]
fn a_question_that_cannot_be_is_an_error() {
    let mut bench = Bench::new(7);
    for text in [
        ".",
        "com",
        "example.com",
        "local.com",
        "1.1.1.1.in-addr.arpa",
    ] {
        let name: NameBuf = text.parse().expect("a name");
        let name = name.as_name();
        let asked = bench.act(|core, now| core.query(now, name, RecordType::ANY, Span::OneShot));
        assert_eq!(asked, Err(AskError::NotLinkLocal), "{text}");
        assert_eq!(
            bench.act(|core, now| core.resolve(now, name)),
            Err(AskError::NotLinkLocal)
        );
    }
    for text in ["local", "a.local", "_tcp.local", r"\000\255.local"] {
        let name: NameBuf = text.parse().expect("a name");
        let name = name.as_name();
        for ask in [
            bench.act(|core, now| core.browse(now, name)),
            bench.act(|core, now| core.resolve(now, name)),
            bench.act(|core, now| core.query(now, name, RecordType::OPT, Span::OneShot)),
        ] {
            bench.run(ms(5000));
            let Ok(ask) = ask else {
                panic!("{text}: {ask:?}")
            };
            bench.stop(ask);
        }
    }
}

/// A record that is none to register, an update of another type, an id that is gone.
///
/// covers: CVE-2015-7988, hashicorp-mdns-39
#[test]
fn requests_that_make_no_sense_are_errors() {
    let (mut bench, printer) = Bench::established(8);
    bench.act(|core, now| core.withdraw(now, printer));
    bench.run(ms(5000));
    let txt = Txt::from_wire(b"\x01a").expect("a string");
    assert_eq!(
        bench.act(|core, now| core.update_txt(now, printer, txt)),
        Err(RegisterError::Unknown)
    );
    assert_eq!(
        bench.act(|core, now| core.update_port(now, printer, 1)),
        Err(RegisterError::Unknown)
    );
    for refused in [
        "hall.local 120 IN NSEC hall.local A",
        "hall.local 120 IN TYPE41 x",
        "hall.local 120 IN TYPE255 x",
    ] {
        let added = bench.add(refused, Sharing::Unique);
        assert!(
            matches!(added, Err(RegisterError::Type)),
            "{refused}: {added:?}"
        );
    }
    let ty: ServiceType = "_ipp._tcp".parse().expect("a type");
    let nobody = Service::new("Printer", &ty, 1);
    let mut empty = Bench::new(8);
    let added = empty.act(|core, now| core.register(now, &nobody));
    assert_eq!(added, Err(RegisterError::NoHost));
}

/// Own questions with more known answers than a packet holds are split, and each part can be read whole.
///
/// covers: mdnsd-79
#[test]
fn questions_with_many_known_answers_are_well_formed() {
    let mut bench = Bench::new(9);
    for n in 0..300 {
        let pointer = format!("_http._tcp.local 4500 IN PTR Instance {n}._http._tcp.local");
        bench.hear(&Heard::response(&[&pointer]));
    }
    bench.browse("_http._tcp.local");
    bench.run(ms(10_000));
    let sent: Vec<Sent> = bench.take();
    let known = |sent: &Sent| sent.message().answer_count();
    assert!(sent.iter().any(|sent| known(sent) > 5));
    for sent in &sent {
        assert!(sent.message().is_sound() && sent.bytes.len() <= 1472);
        assert!(!sent.is_response());
    }
}

// --- where a datagram comes from ---

/// Nobody has port 0, and no host is a group, nobody or everybody: nothing goes there, by either way.
///
/// covers: CVE-2008-5081
#[test]
fn nothing_is_sent_where_nobody_is() {
    let mut bench = witness();
    for source in [
        "10.0.0.7:0",
        "224.0.0.251:5353",
        "255.255.255.255:5353",
        "0.0.0.0:40000",
    ] {
        for via in [Via::Multicast, Via::Unicast] {
            for question in ["hall.local A", "hall.local A QU"] {
                bench.hear_from(source, via, &Heard::query(&[question]));
            }
        }
    }
    bench.run(ms(5000));
    assert!(bench.take().is_empty());
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(stats.refused, 16);
    assert_well(&mut bench);
}

/// From off the link there is no answer to a direct query, and none by unicast to what came by the group.
///
/// covers: CVE-2017-6519, VU-550620, SEC-15
#[test]
fn who_is_off_the_link_learns_nothing_alone() {
    let mut bench = witness();
    for source in [
        "203.0.113.9:5353",
        "203.0.113.9:40000",
        "[2001:db8::9]:5353",
    ] {
        for question in [
            "hall.local A",
            "hall.local A QU",
            "_services._dns-sd._udp.local PTR",
        ] {
            let query = Heard::query(&[question]);
            bench.hear_from(source, Via::Unicast, &query);
            bench.run(ms(2000));
            assert!(bench.take().is_empty(), "{source} {question}");
            bench.hear_from(source, Via::Multicast, &query);
            bench.run(ms(2000));
            assert!(
                bench.take().iter().all(Sent::is_multicast),
                "{source} {question}"
            );
        }
    }
    assert_well(&mut bench);
}

/// Our own legacy query, come back: it is answered once. The answers, come back from everywhere, have the short TTLs of their kind:
/// their records are said once more as they are (RFC 6762 §6.6), and that is all.
///
/// covers: CVE-2009-0758, SEC-16
#[test]
fn our_own_words_make_no_storm() {
    let mut bench = witness();
    let query = Heard::query(&["hall.local A", "_ipp._tcp.local PTR"]).bytes();
    let mut heard = vec![("10.0.0.1:40000", query)];
    let mut sent = 0;
    while let Some((source, bytes)) = heard.pop() {
        bench.hear_bytes(bench.links[0], source, Via::Multicast, &bytes);
        bench.run(ms(2000));
        for said in bench.take() {
            sent += 1;
            assert!(sent < 8, "it does not end");
            for source in ["10.0.0.1:40000", "10.0.0.1:5353", "10.0.0.7:5353"] {
                heard.push((source, said.bytes.clone()));
            }
        }
    }
    assert_well(&mut bench);
}

/// Unicast answers to questions that nobody asked, and answers of any kind from another port, are not believed.
///
/// covers: CVE-2020-17439, SEC-17
#[test]
fn what_nobody_asked_for_is_not_believed() {
    let mut bench = witness();
    let forged = Heard::response(&[
        "_http._tcp.local 4500 IN PTR Forged._http._tcp.local",
        "Forged._http._tcp.local 120 IN! SRV 0 0 80 forged.local",
    ]);
    for (source, via) in [
        (PEER, Via::Unicast),
        ("10.0.0.7:53", Via::Multicast),
        ("10.0.0.7:40000", Via::Unicast),
        ("203.0.113.9:5353", Via::Unicast),
    ] {
        bench.hear_from(source, via, &forged);
        bench.run(ms(1000));
        assert!(bench.take_events().is_empty(), "{source}");
    }
    assert_well(&mut bench);
}

// --- aliases ---

/// An alias of itself, two of each other, a chain of a hundred: an alias is a record like others, and nobody follows it.
///
/// covers: CVE-2026-24401, SEC-10
#[test]
fn aliases_go_round_without_us() {
    let mut bench = witness();
    bench.query("self.local ANY");
    for alias in [
        "self.local 120 IN! CNAME self.local",
        "one.local 120 IN! CNAME two.local",
        "two.local 120 IN! CNAME one.local",
        "Self._http._tcp.local 120 IN! CNAME Self._http._tcp.local",
        "hall.local 120 IN! CNAME hall.local",
    ] {
        bench.hear(&Heard::response(&[alias]));
        bench.run(ms(1000));
    }
    for n in 0..100 {
        let alias = format!("c{n}.local 120 IN! CNAME c{}.local", n + 1);
        bench.hear(&Heard::response(&[&alias]));
    }
    let heard = "answers self.local ANY [self.local]";
    assert!(
        bench.events.iter().any(|event| event.contains(heard)),
        "{:?}",
        bench.events
    );
    bench.run(ms(200_000));
    // An alias of our own name is no conflict: we have none of that type.
    assert_well(&mut bench);
}

/// An alias whose target lives for a second, and that is asked for while it goes.
///
/// covers: CVE-2025-68468
#[test]
fn an_alias_outlives_its_target() {
    let mut bench = witness();
    bench.query("www.local CNAME");
    bench.lookup("short.local");
    for _ in 0..5 {
        bench.hear(&Heard::response(&[
            "www.local 4500 IN! CNAME short.local",
            "short.local 1 IN! A 10.0.0.7",
        ]));
        bench.run(ms(700));
        bench.hear(&Heard::response(&["www.local 0 IN! CNAME short.local"]));
        bench.run(ms(3000));
    }
    assert_eq!(
        bench.events.last().map(String::as_str),
        Some("answers www.local CNAME"),
        "{:?}",
        bench.events
    );
    assert_well(&mut bench);
}

/// Two aliases of one name, said two seconds apart: the second takes the place of the first (RFC 6762 §10.2).
///
/// covers: CVE-2025-68471
#[test]
fn two_aliases_two_seconds_apart() {
    let mut bench = witness();
    bench.query("www.local CNAME");
    for target in ["one", "two", "one"] {
        let alias = format!("www.local 120 IN! CNAME {target}.local");
        bench.hear(&Heard::response(&[&alias]));
        bench.run(ms(2000));
    }
    assert_eq!(
        bench.events.last().map(String::as_str),
        Some("answers www.local CNAME [one.local]"),
        "{:?}",
        bench.events
    );
    assert_well(&mut bench);
}

// --- what is kept ---

/// Forged records live as long as they state and no longer, whatever is said in between, and the rows have an end.
///
/// covers: CVE-2026-47184, CVE-2024-20303
#[test]
fn forged_records_end_when_they_say() {
    let mut bench = witness();
    let watched = "_http._tcp.local 2 IN PTR Forged._http._tcp.local";
    bench.hear(&Heard::response(&[watched]));
    for n in 0..2000 {
        // The same record with shifting TTLs, and records nobody has ever seen.
        let ttl = 1 + n % 2;
        bench.hear(&Heard::response(&[
            &format!("x{n}.local {ttl} IN! A 10.0.0.7"),
            &format!("same.local {} IN! A 10.0.0.7", 1 + n % 2),
        ]));
    }
    bench.run(ms(2100));
    assert_eq!(
        bench.take_events().last().map(String::as_str),
        Some("gone Forged._http._tcp.local")
    );
    // All of them are gone: there is room for others at once.
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    for n in 0..10 {
        bench.hear(&Heard::response(&[&format!(
            "y{n}.local 120 IN! A 10.0.0.7"
        )]));
    }
    let after = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(
        (stats.evicted, stats.not_cached),
        (after.evicted, after.not_cached)
    );
    assert_well(&mut bench);
}

/// Malformed messages leave nothing behind: not their bytes, not a note that they were seen.
///
/// covers: CVE-2020-6079, PYSEC-2026-3437, CVE-2014-3358, SEC-21
#[test]
fn malformed_messages_leave_nothing_behind() {
    let mut bench = witness();
    let mut bad = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        let raw = Raw::response()
            .answer(&name("evil.local"), A, &[a, b, c])
            .answer(&name("evil.local"), TXT, &[200, a, b, c, d])
            .bytes(&n.to_be_bytes())
            .claims([0, 3, 0, 0])
            .done();
        let link = bench.links[0];
        bench.hear_bytes(link, PEER, Via::Multicast, &raw);
    };
    // Rows that grow have grown by then.
    (0..100).for_each(&mut bad);
    let kept = allocation_counter::measure(|| (100..10_100).for_each(&mut bad));
    assert_eq!((kept.bytes_current, kept.count_current), (0, 0));
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!(stats.faulty, 10_100);
    assert_well(&mut bench);
}

/// A browse lives through ten thousand announcements and goodbyes with what it had.
///
/// covers: esp-mdns-1.10.1
#[test]
fn a_browse_lives_long() {
    let mut bench = witness();
    for n in 0..10_000 {
        let ttl = if n % 3 == 2 { 0 } else { 4500 };
        let instance = format!("I{}._http._tcp.local", n % 7);
        bench.hear(&Heard::response(&[
            &format!("_http._tcp.local {ttl} IN PTR {instance}"),
            &format!("{instance} {ttl} IN! SRV 0 0 {n} h{}.local", n % 5),
        ]));
        bench.run(ms(1 + n % 400));
        bench.forget();
    }
    for n in 0..7 {
        let pointer = format!("_http._tcp.local 0 IN PTR I{n}._http._tcp.local");
        bench.hear(&Heard::response(&[&pointer]));
    }
    bench.run(ms(2000));
    assert_well(&mut bench);
}

/// Queries with TC from ten thousand addresses, none of which goes on: the answer is late by half a second at most, and the next
/// asker is answered.
///
/// covers: CVE-2026-48045
#[test]
fn tc_series_from_everywhere_end_soon() {
    let mut bench = Bench::with(1, Config::DEFAULT, &["10.0.0.1/8"]);
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    let query = Heard::query(&["hall.local A"]).truncated().bytes();
    let start = bench.at();
    for n in 0..10_000 {
        let source = format!("10.1.{}.{}:5353", n / 250, 1 + n % 250);
        bench.hear_bytes(bench.links[0], &source, Via::Multicast, &query);
    }
    bench.run(ms(5000));
    let sent = bench.take();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!((400..=500).contains(&(sent[0].at - start)));
    assert_answers(&mut bench, "hall.local A", "hall.local 120 IN! A 10.0.0.1");
}

/// What is added to a TC series from a forged address of its sender is taken for his: he misses what he is said to know, for this
/// once, and all others are answered.
///
/// covers: python-zeroconf-1753, ABUSE-4, SEC-25
#[test]
fn forged_known_answers_hold_for_one_asker_once() {
    let mut bench = witness();
    let known = ["hall.local 120 IN! A 10.0.0.1"];
    let victim = Heard::query(&["hall.local A"]).truncated();
    let forged = Heard::default().knows(&known);
    bench.hear_from(PEER, Via::Multicast, &victim);
    bench.hear_from(PEER, Via::Multicast, &forged);
    bench.run(ms(1000));
    assert!(bench.take().is_empty());
    // Two wait: what one is said to know says nothing of the other.
    bench.hear_from(PEER, Via::Multicast, &victim);
    bench.hear_from(OTHER, Via::Multicast, &victim);
    bench.hear_from(PEER, Via::Multicast, &forged);
    bench.run(ms(1000));
    assert_eq!(bench.take().len(), 1);
    assert_well(&mut bench);
}

/// Two packets in turn, a thousand times: each is answered once a second.
///
/// covers: python-zeroconf-1724, SEC-12
#[test]
fn two_packets_in_turn_are_answered_once_a_second() {
    let mut bench = witness();
    let packets = [
        Heard::query(&["hall.local A"]),
        Heard::query(&["hall.local AAAA"]),
    ];
    for _ in 0..1000 {
        for query in &packets {
            bench.hear(query);
        }
        bench.run(ms(10));
    }
    let sent = bench.take().len();
    assert!((10..=22).contains(&sent), "{sent} in ten seconds");
    assert_well(&mut bench);
}

// --- order ---

/// TXT before SRV before PTR, each alone in a packet, the address last: the instance is found with all of them.
///
/// covers: esp-idf-2866, SEC-22
#[test]
fn records_come_in_any_order() {
    let records = [
        "_http._tcp.local 4500 IN PTR Odd._http._tcp.local",
        "Odd._http._tcp.local 120 IN! SRV 0 0 80 odd.local",
        "Odd._http._tcp.local 4500 IN! TXT \"a=b\"",
        "odd.local 120 IN! A 10.0.0.7",
    ];
    for order in permutations(4) {
        let mut bench = witness();
        for at in order {
            bench.hear(&Heard::response(&[]).beside(&[records[at]]));
            bench.run(ms(100));
        }
        bench.run(ms(2000));
        let last = bench.take_events().pop().expect("news");
        assert!(
            last.ends_with(" Odd._http._tcp.local at odd.local:80 10.0.0.7 \"a=b\""),
            "{last}"
        );
    }
}

fn permutations(len: usize) -> Vec<Vec<usize>> {
    (0..len).fold(vec![Vec::new()], |shorter, next| {
        let grown = shorter.iter().flat_map(|order: &Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, next);
                order
            })
        });
        grown.collect()
    })
}

/// Queries, also for the very name, do not begin its probing anew.
///
/// covers: contiki-1301
#[test]
fn queries_do_not_hold_up_probing() {
    let mut bench = Bench::new(10);
    bench.add_host("hall");
    while bench.at() < 1100 {
        bench.hear(&Heard::query(&["hall.local A", "_http._tcp.local PTR"]));
        bench.run(ms(5));
    }
    assert_eq!(bench.events, ["host registered hall.local"]);
}

/// A packet of nothing but known answers belongs to the query before it.
///
/// covers: resolved-29168
#[test]
fn known_answers_come_alone() {
    let mut bench = witness();
    bench.hear(&Heard::query(&["hall.local A"]).truncated());
    bench.run(ms(100));
    bench.hear(&Heard::default().knows(&["hall.local 120 IN! A 10.0.0.1"]));
    bench.run(ms(2000));
    assert!(bench.take().is_empty());
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert_eq!((stats.faulty, stats.refused, stats.malformed), (0, 0, 0));
}

/// Two answers in one go, the largest there can be: each is read by itself.
///
/// covers: CVE-2015-7547
#[test]
fn two_large_answers_are_two() {
    let mut bench = witness();
    let mut raw = Raw::response();
    while raw.len() < 8800 {
        raw = raw.answer(
            &name("large.local"),
            TXT,
            &[&[200][..], &[b'x'; 200]].concat(),
        );
    }
    for _ in 0..2 {
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
    }
    assert_well(&mut bench);
}

/// A datagram of no bytes before a good one, and behind it.
///
/// covers: CVE-2010-2244
#[test]
fn a_datagram_of_no_bytes_is_passed_over() {
    let mut bench = witness();
    let good = Heard::query(&["hall.local A"]).bytes();
    for bytes in [&[][..], &good, &[]] {
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, bytes);
    }
    bench.run(ms(500));
    assert_eq!(bench.take().len(), 1);
    assert_eq!(
        bench.host.stats(bench.links[0]).expect("a link").malformed,
        2
    );
    assert_well(&mut bench);
}

// --- text ---

/// Labels of every byte there is: their text is up to four times as long, is read back, and harms no terminal.
///
/// covers: CVE-2023-38470, CVE-2015-7987, SEC-19
#[test]
fn the_text_of_a_label_is_longer_than_the_label() {
    for first in (0..=255u8).step_by(63) {
        let label_bytes: Vec<u8> = (0..63).map(|n: u8| first.wrapping_add(n)).collect();
        let owner = [label(&label_bytes).repeat(3), name("local")].concat();
        let raw = Raw::response()
            .answer(&owner, TXT, &label(&label_bytes))
            .done();
        let message = Message::parse(&raw).expect("a message");
        let record = message.answers().next().expect("a record");
        let text = record.name.to_string();
        assert!(!text.chars().any(char::is_control));
        let again: NameBuf = text.parse().expect("a name");
        assert!(again.as_name().eq_case(record.name));
        for text in [
            record.to_string(),
            format!("{message:?}"),
            Words::of(&raw).to_string(),
        ] {
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n'),
                "{text:?}"
            );
        }
    }
}

/// What a discovered printer says of itself is bytes to the application, and escaped where we show it.
///
/// covers: CVE-2024-47175
#[test]
fn attributes_of_others_are_shown_escaped() {
    let mut bench = witness();
    let said = b"\x0arp=\"; rm \n\x06pdl=\x1b\x5b\x0d=\0=\xff=..=../..";
    let owner = [label(b"E\"\n*"), name("_http._tcp.local")].concat();
    let raw = Raw::response()
        .answer(&name("_http._tcp.local"), PTR, &owner)
        .answer(&owner, TXT, said)
        .answer(
            &owner,
            SRV,
            &srv(631, &[label(b"..\x1b[2J"), name("local")].concat()),
        )
        .done();
    bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw);
    bench.run(ms(1000));
    let events = bench.take_events();
    assert!(
        events.iter().any(|event| event.starts_with("found ")),
        "{events:?}"
    );
    for event in events {
        assert!(!event.chars().any(char::is_control), "{event:?}");
    }
    let raw_words = Words::of(&raw).to_string();
    assert!(!raw_words.chars().any(char::is_control));
    // The bytes themselves are there for who asks for them.
    let message = Message::parse(&raw).expect("a message");
    let txt = message.answers().find_map(|record| match record.rdata {
        Rdata::Txt(txt) => Some(txt.as_wire().to_vec()),
        _ => None,
    });
    assert_eq!(txt.as_deref(), Some(&said[..]));
}

// --- what was never told ---

/// Of these reports it was told that a packet does it, and not which: every byte of packets of every kind is changed, and every
/// packet cut everywhere.
///
/// covers: CVE-2011-0220, CVE-2015-0650, CVE-2014-3357, CVE-2020-3359, CVE-2021-1439, CVE-2026-34933, SEC-13
#[test]
fn every_byte_may_be_another() {
    let packets = [
        Heard::query(&["_ipp._tcp.local PTR QU", "hall.local ANY"])
            .knows(&["_ipp._tcp.local 4500 IN PTR Other._ipp._tcp.local"])
            .bytes(),
        Heard::query(&["Printer._ipp._tcp.local ANY QU"])
            .proposes(&[
                "Printer._ipp._tcp.local 120 IN SRV 0 0 631 other.local",
                "Printer._ipp._tcp.local 4500 IN TXT \"x=y\"",
            ])
            .bytes(),
        Heard::response(&[
            "_http._tcp.local 4500 IN PTR Web._http._tcp.local",
            "Web._http._tcp.local 120 IN! SRV 0 0 80 web.local",
            "Web._http._tcp.local 4500 IN! TXT \"a=b\" \"c\"",
        ])
        .beside(&[
            "web.local 120 IN! A 10.0.0.7",
            "web.local 120 IN! NSEC web.local A",
        ])
        .bytes(),
    ];
    let mut bench = witness();
    let link = bench.links[0];
    for packet in &packets {
        for at in 0..packet.len() {
            bench.hear_bytes(link, PEER, Via::Multicast, &packet[..at]);
            for value in [0, 1, 12, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
                let mut packet = packet.clone();
                packet[at] = value;
                bench.hear_bytes(link, PEER, Via::Multicast, &packet);
                assert!(!Words::of(&packet).to_string().contains('\u{1b}'));
            }
        }
        bench.run(ms(100));
    }
    // Some of them were true conflicts: the host goes on under the name it has then.
    bench.run(ms(5 * 3_600_000));
    bench.forget();
    assert_finds(&mut bench, "Honest");
    bench.run(ms(1100));
    bench.forget();
    bench.hear_from(
        OTHER,
        Via::Multicast,
        &Heard::query(&["_ipp._tcp.local PTR"]),
    );
    bench.run(ms(1000));
    assert!(
        bench
            .sent
            .iter()
            .any(|sent| sent.says("_ipp._tcp.local 4500 IN PTR Printer"))
    );
}
