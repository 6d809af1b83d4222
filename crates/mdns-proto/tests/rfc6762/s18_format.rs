//! §12, §18, §22: the form of all that is sent.

use mdns_proto::{
    config::Config,
    link::{Family, GROUP_V4, GROUP_V6, PORT},
};

use super::bench::{Bench, Heard, Sent, ms};

/// Probes, announcements, questions with known answers, answers and goodbyes.
fn everything_sent() -> Vec<Sent> {
    let mut bench = Bench::with(1, Config::DEFAULT, &["10.0.0.1/24", "fe80::1/64"]);
    bench.add_host("hall");
    bench.register_printer();
    bench.browse("_http._tcp.local");
    bench.hear(&Heard::response(&[
        "_http._tcp.local 4500 IN! PTR x._http._tcp.local",
    ]));
    bench.run(ms(20_000));
    for question in [
        "_ipp._tcp.local PTR",
        "hall.local AAAA",
        "Printer._ipp._tcp.local ANY QU",
    ] {
        bench.hear(&Heard {
            id: 9,
            flags: 0x0170,
            ..Heard::query(&[question])
        });
        bench.run(ms(2000));
    }
    bench.act(|core, now| core.shutdown(now));
    bench.run(ms(2000));
    bench.take()
}

/// covers: 6762-18.1-c, 6762-18.1-d, 6762-18.2-a, 6762-18.2-b, 6762-18.3-a, 6762-18.4-a, 6762-18.4-b, 6762-18.6-a,
/// 6762-18.7-a, 6762-18.8-a, 6762-18.9-a, 6762-18.10-a, 6762-18.11-a, 6762-6-h
#[test]
fn s18_a_header_says_query_or_response_and_nothing_else() {
    let sent = everything_sent();
    assert!(sent.len() > 20);
    for sent in sent {
        let header = sent.message().header();
        assert_eq!(header.id, 0);
        assert_eq!(header.flags.0, if sent.is_response() { 0x8400 } else { 0 });
        assert_eq!(sent.questions().is_empty(), sent.is_response());
    }
}

/// covers: 6762-10.2-i, 6762-10.2-k, 6762-8.2-b
#[test]
fn s10_2_no_query_has_cache_flush() {
    for sent in everything_sent().iter().filter(|sent| !sent.is_response()) {
        assert!(
            sent.message()
                .records()
                .all(|(_, record)| !record.cache_flush)
        );
    }
}

/// covers: 6762-12-a
#[test]
fn s12_names_end_in_local_as_it_is() {
    for sent in everything_sent() {
        let last_label = sent.bytes.windows(7).any(|bytes| bytes == b"\x05local\0");
        assert!(last_label);
    }
}

/// covers: 6762-22-a
#[test]
fn s22_the_numbers_are_those_assigned() {
    assert_eq!(PORT, 5353);
    assert_eq!(GROUP_V4.to_string(), "224.0.0.251");
    assert_eq!(GROUP_V6.to_string(), "ff02::fb");
    assert_eq!(Family::V4.group().to_string(), "224.0.0.251:5353");
    assert_eq!(Family::V6.group().to_string(), "[ff02::fb]:5353");
}
