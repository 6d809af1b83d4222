//! A test for each class of defence, with the input that docs/conformance/vulnerabilities.md names for it.

use std::net::{Ipv4Addr, SocketAddr};

use mdns_proto::{
    config::Config,
    link::{Destination, Via},
    own::{RegisterError, Sharing},
    time::Instant,
    wire::{Header, Message, Rdata, Record, RecordType, Section, Ttl, Words, Writer},
};

use super::{
    raw::*,
    report::{assert_answers, assert_finds, assert_well, witness},
};
use crate::{
    Memory,
    rfc6762::bench::{Bench, Heard, OTHER, PEER, Sent, ms},
};

/// How many questions and records there are to read.
fn counts(raw: &Raw) -> (usize, usize) {
    let bytes = raw.done();
    let message = Message::parse(&bytes).expect("a header");
    (message.questions().count(), message.records().count())
}

/// A host hears these, one after another, from the group, and is well afterwards.
fn hears(packets: impl IntoIterator<Item = Vec<u8>>) {
    let mut bench = witness();
    for bytes in packets {
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &bytes);
        bench.run(ms(1));
    }
    assert_well(&mut bench);
}

/// covers: SEC-01
#[test]
fn sec_01_pointers_end() {
    let own = pointer(BODY);
    let back = [&label(b"a")[..], &own].concat();
    for name in [&own[..], &back] {
        assert_eq!(counts(&Raw::query().question(name, A)), (0, 0));
    }
    let mutual = Raw::query()
        .question(&pointer(BODY + 6), A)
        .question(&own, A);
    assert_eq!(counts(&mutual), (0, 0));
    // A chain of 4,000 pointers in 8 kB, each to the one before: from its first links a name can be read, from its end none.
    // A name follows 128 pointers at most, so the work is in proportion to the length: docs/security.md has it in instructions.
    let mut chain = b"\x01a\0".to_vec();
    let first = BODY + 11;
    for n in 0..4000u16 {
        let before = if n == 0 { first } else { first + 1 + 2 * n };
        chain.extend(pointer(before));
    }
    let raw = Raw::response().answer(&[0], PRIVATE, &chain);
    let owned_by = |link: u16| {
        let owner = pointer(first + 3 + 2 * link);
        raw.clone().answer(&owner, A, &[10, 0, 0, 7])
    };
    assert_eq!(counts(&owned_by(0)), (0, 2));
    assert_eq!(counts(&owned_by(100)), (0, 2));
    assert_eq!(counts(&owned_by(3999)), (0, 1));
    hears([owned_by(0).done(), owned_by(3999).done()]);
}

/// covers: SEC-02
#[test]
fn sec_02_pointers_stay_inside() {
    let outside = (0xc000..=0xc00bu16).chain([0xffff, 0xc000 + BODY + 6, 0xc100]);
    let packets = outside.map(|to| Raw::query().question(&to.to_be_bytes(), A));
    let half = Raw::query().claims([1, 0, 0, 0]).bytes(&[0xc0]);
    for raw in packets.chain([half]) {
        assert_eq!(counts(&raw), (0, 0));
        hears([raw.done()]);
    }
}

/// covers: SEC-03
#[test]
fn sec_03_labels_and_names_have_a_length() {
    let long = [&[64][..], &[b'x'; 64], &[0]].concat();
    let bits = [&[0x41, 0x30][..], &[b'x'; 64], &[0]].concat();
    for owner in [long, bits, vec![0x80, 12], vec![0xbf, 12]] {
        let raw = Raw::query().question(&owner, A);
        assert_eq!(counts(&raw), (0, 0));
        hears([raw.done()]);
    }
    // 300 bytes, made of pointers; 255 are a name.
    let part = |len: u8, to: u16| [label(&vec![b'y'; len.into()]), pointer(to).into()].concat();
    let first = Raw::query().question(&[label(&[b'y'; 63]), vec![0]].concat(), A);
    let second = first.here();
    let first = first.question(&part(63, BODY), A);
    let third = first.here();
    let first = first.question(&part(63, second), A);
    assert_eq!(counts(&first.clone().question(&part(62, third), A)), (4, 0));
    let longer = first.question(&part(63, third), A);
    assert_eq!(counts(&longer), (3, 0));
    hears([longer.done()]);
}

/// covers: SEC-04
#[test]
fn sec_04_names_end_where_they_must() {
    let raw = Raw::query().question(&name("hall.local"), A).done();
    for cut in 13..raw.len() {
        assert_eq!(
            Message::parse(&raw[..cut])
                .expect("a header")
                .questions()
                .count(),
            0
        );
    }
    // The target goes on behind its rdata, where the next record is.
    let target = name("hall.local");
    let rdata = srv(80, &target);
    for cut in 0..rdata.len() {
        let len = u16::try_from(cut).expect("short");
        let raw = Raw::response()
            .head(1, &name("x.local"), SRV, len)
            .bytes(&rdata);
        assert_eq!(counts(&raw), (0, 0), "{cut}");
        hears([raw.done()]);
    }
}

/// covers: SEC-05
#[test]
fn sec_05_rdata_has_the_length_of_its_type() {
    let owner = name("x.local");
    let types = [
        1u16, 2, 5, 6, 12, 13, 15, 16, 17, 24, 28, 33, 39, 41, 47, 64, 65, 99, 250, 65_280,
    ];
    for rtype in types {
        for rdlength in [0u16, 1, 3, 5, 15, 65_535] {
            let len = usize::from(rdlength).min(20);
            for last in [true, false] {
                let mut raw = Raw::response()
                    .head(1, &owner, rtype, rdlength)
                    .bytes(&vec![0xc0; len]);
                if !last {
                    raw = raw.additional(&name("y.local"), A, &[10, 0, 0, 7]);
                }
                let (_, records) = counts(&raw);
                let sound = !matches!(
                    rtype,
                    1 | 2 | 5 | 6 | 12 | 13 | 15 | 16 | 17 | 28 | 33 | 39 | 47
                ) || (rtype == TXT && rdlength == 0);
                let expected = if rdlength == 65_535 {
                    0
                } else {
                    usize::from(sound) + usize::from(!last)
                };
                assert_eq!(
                    records, expected,
                    "type {rtype}, {rdlength} bytes, last: {last}"
                );
            }
        }
    }
}

/// covers: SEC-06
#[test]
fn sec_06_counts_are_claims() {
    for len in 12..=100usize {
        for section in 0..4 {
            let mut claims = [0; 4];
            claims[section] = 65_535;
            let raw = Raw::response().claims(claims).bytes(&vec![0; len - 12]);
            let bytes = raw.done();
            // Nothing is reserved for them.
            let allocated = allocation_counter::measure(|| {
                let message = Message::parse(&bytes).expect("a header");
                assert!(!message.is_whole());
                let found = message.questions().count() + message.records().count();
                assert!(found <= len / 5);
            });
            assert_eq!(allocated.count_total, 0);
        }
    }
    let raw = Raw::response()
        .answer(&name("a.local"), A, &[10, 0, 0, 7])
        .answer(&name("b.local"), A, &[10, 0, 0, 7])
        .claims([0, 1, 0, 0]);
    assert_eq!(counts(&raw), (0, 1));
    hears([raw.done()]);
}

/// covers: SEC-07
#[test]
fn sec_07_short_datagrams() {
    let whole = Heard::query(&["_ipp._tcp.local PTR"])
        .knows(&["_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local"])
        .bytes();
    assert!(whole.len() > 40);
    hears((0..=40).map(|len| whole[..len].to_vec()));
}

/// covers: SEC-08
#[test]
fn sec_08_strings_end_inside() {
    let owner = name("Strings._http._tcp.local");
    let full = [&[255][..], &[b's'; 255]].concat();
    let sound = [
        &b""[..],
        b"\0",
        b"\0\0",
        b"\x02k=",
        b"\x01k",
        b"\x02=v",
        &full,
        &full.repeat(30),
    ];
    for rdata in sound {
        let raw = Raw::response().answer(&owner, TXT, rdata);
        assert_eq!(counts(&raw), (0, 1));
        hears([raw.done()]);
    }
    for rdata in [&b"\x01"[..], b"\xff", b"\0\x05four", &full[..255]] {
        let raw = Raw::response().answer(&owner, TXT, rdata);
        assert_eq!(counts(&raw), (0, 0));
        hears([raw.done()]);
    }
    // A set of 65,535 bytes, which is the most that an rdata length can say.
    let mut most = full.repeat(255);
    most.extend(label(&[b's'; 254]));
    assert_eq!(most.len(), 65_535);
    assert!(Rdata::from_wire(RecordType::TXT, &most).is_some());
    most.push(0);
    assert!(Rdata::from_wire(RecordType::TXT, &most).is_none());
}

/// covers: SEC-09
#[test]
fn sec_09_bitmaps_end() {
    let owner = name("hall.local");
    let nsec = |blocks: &[u8]| {
        let rdata = [&owner[..], blocks].concat();
        Raw::response().answer(&name("x.local"), NSEC, &rdata)
    };
    let block = |window: u8, len: u8| [&[window, len][..], &vec![0xff; len.into()]].concat();
    for bad in [
        block(0, 0),
        block(0, 33),
        block(0, 255),
        vec![0, 5, 0x40],
        vec![0],
    ] {
        let raw = nsec(&bad);
        assert_eq!(counts(&raw), (0, 0));
        hears([raw.done()]);
    }
    let every: Vec<u8> = (0..=255).flat_map(|window| block(window, 32)).collect();
    let raw = nsec(&every);
    assert_eq!(counts(&raw), (0, 1));
    let bytes = raw.done();
    let message = Message::parse(&bytes).expect("a message");
    let Some(Rdata::Nsec(nsec_all)) = message.answers().next().map(|record| record.rdata) else {
        panic!("an NSEC");
    };
    assert!(nsec_all.types.iter().count() <= 65_536);
    hears([bytes]);
    // A name that ends behind the rdata.
    let raw = Raw::response()
        .head(1, &name("x.local"), NSEC, 5)
        .bytes(&owner);
    assert_eq!(counts(&raw), (0, 0));
}

/// covers: SEC-10
#[test]
fn sec_10_a_query_follows_no_alias() {
    let mut bench = witness();
    bench.query("c0.local ANY");
    bench.hear(&Heard::response(&["c0.local 120 IN! CNAME c1.local"]));
    bench.run(ms(30_000));
    assert!(
        bench
            .events
            .contains(&"answers c0.local ANY [c1.local]".to_owned())
    );
    // Nobody asks where it leads.
    let asks = |sent: &Sent| {
        sent.questions()
            .iter()
            .any(|question| question.contains("c1"))
    };
    assert!(!bench.sent.iter().any(asks));
    assert_well(&mut bench);
}

/// A hundred thousand records that nobody has asked for, on rows that grow and on rows that do not: memory has an end, and what is
/// asked for is still found.
///
/// covers: SEC-11
#[test]
fn sec_11_rows_have_an_end() {
    let config = Config {
        heard_records_max: 2000,
        heard_text_max: 100_000,
        ..Config::DEFAULT
    };
    let mut bench = Bench::with(11, config, &["10.0.0.1/24"]);
    bench.add_host("hall");
    bench.browse("_http._tcp.local");
    bench.run(ms(20_000));
    let flood = |bench: &mut Bench, from: u32| {
        for n in from..from + 100 {
            let mut raw = Raw::response();
            for m in 0..500u32 {
                let [_, b, c, d] = (n * 500 + m).to_be_bytes();
                let owner = [label(&[b'f', b, c, d]), name("local")].concat();
                raw = raw.answer(&owner, A, &[10, b, c, d]);
            }
            let bytes = raw.done();
            bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &bytes);
            bench.events.clear();
        }
    };
    flood(&mut bench, 0);
    // As large as it gets: the second half takes no byte more.
    let grown = allocation_counter::measure(|| flood(&mut bench, 100));
    assert_eq!(grown.bytes_current, 0);
    let stats = bench.host.stats(bench.links[0]).expect("a link");
    assert!(stats.evicted + stats.not_cached > 90_000, "{stats:?}");
    assert_finds(&mut bench, "Honest");
    assert_answers(&mut bench, "hall.local A", "hall.local 120 IN! A 10.0.0.1");
}

/// Packets of the largest size in which everything is compared with everything, if anything is: questions about our names beside
/// records of others, and questions about the one beside known answers of the other. What matters of it is still done.
///
/// covers: SEC-12
#[test]
fn sec_12_nothing_is_compared_with_everything() {
    let mut bench = witness();
    let mut probe = Raw::query().question(&name("hall.local"), ANY);
    while probe.len() < 4000 {
        probe = probe.question(&pointer(BODY), ANY);
    }
    while probe.len() < 8900 {
        probe = probe.authority(&pointer(BODY + 5), PRIVATE, &[]);
    }
    let mut known = Raw::query().question(&name("_http._tcp.local"), PTR);
    while known.len() < 4000 {
        known = known.question(&pointer(BODY), PTR);
    }
    while known.len() < 8900 {
        known = known.answer(&pointer(BODY + 6), PRIVATE, &[]);
    }
    for _ in 0..10 {
        for raw in [&probe, &known] {
            bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
        }
        bench.run(ms(10));
    }
    // Twenty packets in a tenth of a second: what is asked is said once, or twice.
    let sent = bench.take().len();
    assert!(sent <= 8, "{sent}");
    assert_well(&mut bench);
}

/// What is held against all records of a packet is bounded, a frame of Ethernet and some more: a probe at the end of more questions
/// than that is a question like others, and the defence has the delay of an answer.
///
/// covers: SEC-12
#[test]
fn sec_12_what_comes_late_in_a_large_packet_is_only_asked() {
    for (questions, is_compared) in [(20, true), (400, false)] {
        let mut bench = witness();
        let mut raw = Raw::query().question(&name("Printer._ipp._tcp.local"), A);
        for _ in 0..questions {
            raw = raw.question(&pointer(BODY), A);
        }
        raw = raw.question_qu(&name("hall.local"), ANY);
        for _ in 0..60 {
            raw = raw.authority(&name("hall.local"), A, &[10, 0, 0, 99]);
        }
        let start = bench.at();
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
        bench.run(ms(1000));
        let sent = bench.take();
        let says = |sent: &&Sent| sent.says("hall.local 120 IN! A 10.0.0.1");
        let defence = sent.iter().find(says).expect("an answer");
        let delay = defence.at - start;
        assert_eq!(delay == 0, is_compared, "{questions} questions: {delay} ms");
        assert!(delay <= 120);
    }
}

/// covers: SEC-13
#[test]
fn sec_13_every_type_is_read() {
    let owner = name("any.local");
    let mut packets = Vec::new();
    for rtype in 0..=300u16 {
        let mut raw = Raw::response();
        for rdata in [&[][..], &[0], &[0; 4], &[0xff; 7], &name("a.local")] {
            raw = raw
                .answer(&owner, rtype, rdata)
                .answer(&name("hall.local"), rtype, rdata);
        }
        let bytes = raw.done();
        assert!(!Words::of(&bytes).to_string().is_empty());
        let mut query = bytes.clone();
        query[2] = 0;
        packets.extend([bytes, query]);
    }
    let mut bench = witness();
    for bytes in packets {
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &bytes);
    }
    // The A records among them were a true conflict.
    bench.run(ms(60_000));
    assert_finds(&mut bench, "Honest");
}

/// covers: SEC-14
#[test]
fn sec_14_times_do_not_wrap() {
    for now in [0, 1, u64::MAX / 2, u64::MAX - 1_000_000, u64::MAX - 1] {
        let mut bench = witness();
        bench.now = bench.now.max(Instant::from_micros(now));
        for ttl in [0, 1, (1 << 31) - 1, 1 << 31, u32::MAX] {
            let bytes = Raw::response()
                .record(
                    1,
                    &name("_http._tcp.local"),
                    PTR,
                    ttl,
                    &name("T._http._tcp.local"),
                )
                .record(1, &name("t.local"), A, ttl, &[10, 0, 0, 7])
                .done();
            bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &bytes);
        }
        bench.hear(&Heard::query(&["hall.local A"]));
        bench.act(|core, now| core.handle_timeout(now));
        // The clock goes back, and on.
        bench.act(|core, _| core.handle_timeout(Instant::ZERO));
    }
}

/// covers: SEC-15
#[test]
fn sec_15_replies_stay_on_the_link() {
    let mut bench = witness();
    for source in [
        "203.0.113.9:5353",
        "203.0.113.9:40000",
        "10.0.0.7:0",
        "224.0.0.251:5353",
        "255.255.255.255:5353",
    ] {
        for question in ["hall.local A", "_ipp._tcp.local PTR QU"] {
            bench.hear_from(source, Via::Unicast, &Heard::query(&[question]));
            bench.run(ms(1000));
        }
        assert!(bench.take().is_empty(), "{source}");
    }
    // From our own address: nothing goes to ourselves that would be answered.
    bench.hear_from(
        "10.0.0.1:5353",
        Via::Unicast,
        &Heard::query(&["hall.local A QU"]),
    );
    bench.run(ms(1000));
    for sent in bench.take() {
        let bytes = sent.bytes.clone();
        bench.hear_bytes(bench.links[0], "10.0.0.1:5353", Via::Unicast, &bytes);
        bench.run(ms(1000));
        assert!(bench.take().is_empty());
    }
    assert_well(&mut bench);
}

/// covers: SEC-16
#[test]
fn sec_16_what_we_say_comes_back_for_a_minute() {
    let mut bench = Bench::new(16);
    bench.add_interface(2, &["10.0.0.2/24"]);
    bench.add_host("hall");
    bench.register_printer();
    let sent = bench.run_echoing(ms(60_000), &["10.0.0.1:5353", "10.0.0.2:5353"]);
    assert!(sent < 60, "{sent}");
    assert!(
        bench
            .events
            .contains(&"registered Printer._ipp._tcp.local".to_owned())
    );
}

/// covers: SEC-17
#[test]
fn sec_17_unicast_answers_need_a_question() {
    let mut bench = witness();
    let forged = Heard::response(&["_http._tcp.local 4500 IN PTR Forged._http._tcp.local"]);
    bench.run(ms(60_000));
    bench.forget();
    bench.hear_from(PEER, Via::Unicast, &forged);
    bench.hear_from("10.0.0.7:53", Via::Multicast, &forged);
    bench.hear_from("203.0.113.9:5353", Via::Unicast, &forged);
    bench.run(ms(100));
    assert!(bench.take_events().is_empty());
    // To a question that asks for it a unicast answer is believed, from the link.
    bench.query("new.local A");
    let link = bench.links[0];
    bench.act(|core, now| core.link_down(now, link));
    bench.act(|core, now| core.link_up(now, link));
    bench.run(ms(200));
    bench.forget();
    let answer = Heard::response(&["new.local 120 IN! A 10.0.0.7"]);
    bench.hear_from("203.0.113.9:5353", Via::Unicast, &answer);
    assert!(bench.take_events().is_empty());
    bench.hear_from(PEER, Via::Unicast, &answer);
    assert_eq!(bench.take_events(), ["answers new.local A [10.0.0.7]"]);
}

/// covers: SEC-18
#[test]
fn sec_18_chance_is_the_seed_s() {
    // A delay is one of 101 whole milliseconds; two of them are one of ten thousand pairs.
    let delay = |seed| {
        let (mut bench, _) = Bench::established(seed);
        [(); 2].map(|()| {
            let start = bench.now;
            bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
            bench.run(ms(2000));
            bench.take()[0].micros - start.as_micros()
        })
    };
    let mut delays: Vec<_> = (0..50).map(delay).collect();
    assert_eq!(delay(7), delay(7));
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() >= 48);
}

/// covers: SEC-19
#[test]
fn sec_19_text_of_others_is_escaped() {
    for bytes in [
        &b"a\0b"[..],
        b"a\nb",
        b"\x1b[2J",
        b"\"';`$(x)",
        b"..",
        b"a.b",
        b"\xff\xfe",
        b"\\",
        b"\x7f",
    ] {
        let instance = [label(bytes), name("_http._tcp.local")].concat();
        let raw = Raw::response()
            .answer(&name("_http._tcp.local"), PTR, &instance)
            .answer(&instance, TXT, &label(bytes))
            .done();
        let mut bench = witness();
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw);
        bench.run(ms(100));
        let found = bench.take_events().pop().expect("news");
        assert!(found.starts_with("found "), "{found}");
        assert!(!found.chars().any(char::is_control), "{found:?}");
        let words = Words::of(&raw).to_string();
        assert!(!words.chars().any(char::is_control), "{words:?}");
        assert_well(&mut bench);
    }
}

/// covers: SEC-20
#[test]
fn sec_20_what_does_not_fit_is_not_begun() {
    // The writer, into every room there is.
    let owner = "h".repeat(63) + ".local";
    let owner: mdns_proto::name::NameBuf = owner.parse().expect("a name");
    let record = Record {
        name: owner.as_name(),
        class: mdns_proto::wire::Class::IN,
        cache_flush: true,
        ttl: Ttl(120),
        rdata: Rdata::Ptr(owner.as_name()),
    };
    for room in 12..200 {
        let mut buffer = [0xaa; 200];
        let mut writer = Writer::new(&mut buffer[..room], room, Header::default());
        while writer.record(Section::Answer, &record).is_ok() {}
        let len = writer.finish();
        assert!(len <= room);
        assert!(
            Message::parse(&buffer[..len])
                .expect("a message")
                .is_sound()
        );
        assert!(buffer[room..].iter().all(|byte| *byte == 0xaa));
    }
    // As many records of one name as there is room for: said in packets that keep to the MTU.
    let mut bench = Bench::new(20);
    bench.add_host("hall");
    let mut added = 0;
    for n in 0..200 {
        let text = format!("many.local 120 IN TXT {}{n}", "x".repeat(100));
        match bench.add(&text, Sharing::Shared) {
            Ok(_) => added += 1,
            Err(error) => {
                assert_eq!(error, RegisterError::Full);
                break;
            }
        }
    }
    assert!(added > 5);
    bench.run(ms(20_000));
    bench.forget();
    bench.hear(&Heard::query(&["many.local TXT"]));
    bench.run(ms(5000));
    let sent = bench.take();
    let said: usize = sent.iter().map(|sent| sent.message().answer_count()).sum();
    assert_eq!(said, added);
    assert!(sent.iter().all(|sent| sent.bytes.len() <= 1472));
}

/// A million bad packets are counted and leave no byte behind.
///
/// covers: SEC-21
#[test]
fn sec_21_bad_packets_are_a_number() {
    let mut bench = witness();
    let bad = Raw::response()
        .answer(&name("bad.local"), A, &[1, 2, 3])
        .done();
    let link = bench.links[0];
    let source: SocketAddr = PEER.parse().expect("a source");
    let mut hear = |times: u32| {
        for _ in 0..times {
            let packet = mdns_proto::link::Packet {
                source,
                via: Via::Multicast,
                hop_limit: None,
                bytes: &bad,
            };
            bench
                .host
                .call(|host| host.handle_packet(Instant::ZERO, link, packet));
        }
    };
    hear(10);
    let kept = allocation_counter::measure(|| hear(1_000_000));
    assert_eq!((kept.count_total, kept.bytes_current), (0, 0));
    assert_eq!(bench.host.stats(link).expect("a link").faulty, 1_000_010);
    for text in [
        format!("{:?}", bench.host.stats(link)),
        format!("{:?}", Message::parse(&bad)),
    ] {
        assert!(text.len() < 1000);
    }
    assert_well(&mut bench);
}

/// covers: SEC-22
#[test]
fn sec_22_records_stand_in_any_section() {
    let records = [
        ("_http._tcp.local", PTR, name("Odd._http._tcp.local")),
        ("Odd._http._tcp.local", SRV, srv(80, &name("odd.local"))),
        ("Odd._http._tcp.local", TXT, b"\x03a=b".to_vec()),
        ("odd.local", A, vec![10, 0, 0, 7]),
    ];
    // Backwards, in the answers or in the additionals, without any answer.
    for section in [1, 3] {
        let mut raw = Raw::response();
        for (owner, rtype, rdata) in records.iter().rev() {
            raw = raw.record(section, &name(owner), *rtype, 120, rdata);
        }
        let mut bench = witness();
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
        bench.run(ms(500));
        let found = "found Odd._http._tcp.local at odd.local:80 10.0.0.7 \"a=b\"";
        assert_eq!(bench.take_events(), [found]);
    }
}

/// covers: SEC-23
#[test]
fn sec_23_one_bad_record_costs_no_other() {
    let good = [
        ("_http._tcp.local", PTR, name("Good._http._tcp.local")),
        ("Good._http._tcp.local", SRV, srv(80, &name("good.local"))),
        ("Good._http._tcp.local", TXT, b"\x03a=b".to_vec()),
        ("good.local", A, vec![10, 0, 0, 7]),
    ];
    for place in 0..=good.len() {
        for (rtype, bad) in [
            (A, &[1, 2, 3][..]),
            (NSEC, &[0xc0, 0xff]),
            (SRV, &[0; 6]),
            (TXT, &[9]),
        ] {
            let mut raw = Raw::response();
            for (at, (owner, rtype_good, rdata)) in good.iter().enumerate() {
                if at == place {
                    raw = raw.answer(&name("bad.local"), rtype, bad);
                }
                raw = raw.answer(&name(owner), *rtype_good, rdata);
            }
            if place == good.len() {
                raw = raw.answer(&name("bad.local"), rtype, bad);
            }
            let mut bench = witness();
            bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
            bench.run(ms(500));
            let found = "found Good._http._tcp.local at good.local:80 10.0.0.7 \"a=b\"";
            assert_eq!(bench.take_events(), [found], "{place} {rtype}");
        }
    }
}

/// Datagrams of every size that matters are read from a slice of just that size.
///
/// covers: SEC-24
#[test]
fn sec_24_nothing_is_read_behind_the_slice() {
    for len in [512, 1500, 8972, 9001, 65_507] {
        let mut raw = Raw::response().answer(&name("size.local"), A, &[10, 0, 0, 7]);
        let room = len - raw.len() - 12;
        raw = raw.answer(&pointer(BODY), PRIVATE, &vec![0xc0; room]);
        let bytes: Box<[u8]> = raw.done().into();
        assert_eq!(bytes.len(), len);
        assert_eq!(counts(&raw), (0, 2));
        hears([bytes.to_vec()]);
        // Cut by one byte, the last record is not there.
        let cut: Box<[u8]> = bytes[..len - 1].into();
        let message = Message::parse(&cut).expect("a message");
        assert!(!message.is_whole());
        assert_eq!(message.records().count(), 1);
    }
}

/// A minute of each: denials of every probe, a better probe each time, goodbyes and other data for the records of others, floods with
/// cache-flush, known answers for everything. Then a question is answered within its round, and a browse finds.
///
/// covers: SEC-25, ABUSE-1, ABUSE-2, ABUSE-3
#[test]
fn sec_25_a_hostile_minute_passes() {
    type Attack = fn(&mut Bench, u64);
    let attacks: [(&str, Attack); 5] = [
        ("denials", |bench, _| {
            for probe in probes(bench) {
                let denial = format!("{probe} 120 IN! A 10.0.0.66");
                bench.hear(&Heard::response(&[&denial]));
            }
        }),
        ("better probes", |bench, _| {
            for probe in probes(bench) {
                let better = Heard::query(&[&format!("{probe} ANY")])
                    .proposes(&[&format!("{probe} 120 IN TXT \"zzz\"")]);
                bench.hear(&better);
            }
        }),
        ("goodbyes", |bench, _| {
            bench.hear(&Heard::response(&[
                "hall.local 0 IN! A 10.0.0.1",
                "_http._tcp.local 0 IN PTR Old._http._tcp.local",
                "Old._http._tcp.local 0 IN! SRV 0 0 80 old.local",
            ]));
        }),
        ("cache-flush", |bench, n| {
            let record = format!("old.local 120 IN! A 10.1.{}.{}", n / 250 % 250, 1 + n % 250);
            bench.hear(&Heard::response(&[&record]));
        }),
        ("questions", |bench, _| {
            bench.hear(&Heard::query(&["old.local A", "_http._tcp.local PTR"]));
        }),
    ];
    for (what, attack) in attacks {
        let mut bench = Bench::new(25);
        bench.browse("_http._tcp.local");
        bench.hear(&Heard::response(&[
            "_http._tcp.local 4500 IN PTR Old._http._tcp.local",
        ]));
        bench.add_host("hall");
        let mut sent = 0;
        for n in 0..6000 {
            bench.run(ms(10));
            sent += bench.sent.len();
            attack(&mut bench, n);
            sent += bench.take().len();
        }
        assert!(sent < 200, "{what}: {sent} datagrams in a minute");
        bench.run(ms(10_000));
        let name = bench
            .events
            .iter()
            .rev()
            .find_map(|event| Some(event.strip_prefix("host registered ")?.to_owned()));
        let name = name.unwrap_or_else(|| panic!("{what}: it has no name: {:?}", bench.events));
        bench.forget();
        assert_answers(
            &mut bench,
            &format!("{name} A"),
            &format!("{name} 120 IN! A 10.0.0.1"),
        );
        assert_finds(&mut bench, "Honest");
    }
}

/// The names that are probed for in what was sent and not looked at yet.
fn probes(bench: &mut Bench) -> Vec<String> {
    let sent = bench.take();
    let probes = sent.iter().filter(|sent| !sent.authorities().is_empty());
    let names = probes.flat_map(|probe| {
        probe
            .message()
            .questions()
            .map(|q| q.name.to_string())
            .collect::<Vec<_>>()
    });
    names.collect()
}

/// Of what is not ours nothing is said, and of what is ours no more than fits a packet: the bytes for one byte of a question.
///
/// covers: SEC-26
#[test]
fn sec_26_only_what_is_ours_is_told() {
    let mut bench = witness();
    bench.hear(&Heard::response(&["secret.local 120 IN! A 10.0.0.7"]));
    bench.run(ms(2000));
    bench.forget();
    for question in [
        "secret.local A",
        "local ANY",
        ". ANY",
        "_http._tcp.local PTR",
    ] {
        for (source, via) in [
            (OTHER, Via::Multicast),
            (OTHER, Via::Unicast),
            ("10.0.0.8:40000", Via::Unicast),
        ] {
            bench.hear_from(source, via, &Heard::query(&[question]));
            bench.run(ms(1000));
            assert!(!bench.take().iter().any(Sent::is_response), "{question}");
        }
    }
    for question in [
        "Printer._ipp._tcp.local ANY",
        "hall.local ANY",
        "_services._dns-sd._udp.local ANY",
    ] {
        let query = Heard::query(&[question]);
        let asked = query.bytes().len();
        bench.hear_from("10.0.0.8:40000", Via::Unicast, &query);
        bench.run(ms(1000));
        let sent = bench.take();
        let [reply] = &sent[..] else {
            panic!("{question}: {sent:#?}");
        };
        let asker = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 8), 40_000));
        assert_eq!(reply.to, Destination::Unicast(asker));
        assert!(
            reply.bytes.len() < 6 * asked,
            "{question}: {} for {asked}",
            reply.bytes.len()
        );
    }
    assert_well(&mut bench);
}

/// The rows are those of the memory that this suite runs on.
///
/// covers: none (what the tests above rely on)
#[test]
fn the_suite_runs_on_its_memory() {
    let host: &mdns_proto::host::Host<Memory> = &witness().host;
    assert!(host.poll_timeout().is_none_or(|due| due > Instant::ZERO));
}
