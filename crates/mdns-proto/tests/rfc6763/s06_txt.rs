//! §6: attributes, as they are published and as they are read.

use super::bench::{Bench, Heard, ms};

/// covers: 6763-6.3-c, 6763-6.5-c, 6763-6.5-b, 6763-6.7-a
#[test]
fn s6_attributes_are_published_as_they_are_given() {
    let mut bench = Bench::new(1);
    bench.add_host("hall");
    bench.register(
        "Page",
        "_http._tcp",
        80,
        &["txtvers=1", "path= \"x\" ", "flag", "empty="],
        &[],
    );
    bench.run(ms(5000));
    let rdata = b"\x09txtvers=1\x0apath= \"x\" \x04flag\x06empty=";
    let sent = bench.sent.last().expect("an announcement");
    assert!(sent.bytes.windows(rdata.len()).any(|bytes| bytes == rdata));
    let txt = sent
        .answers()
        .into_iter()
        .find(|line| line.contains(" TXT "))
        .expect("a TXT");
    assert!(!txt.contains("80") && !txt.contains("hall"), "{txt}");
}

/// covers: 6763-6-a, 6763-6.1-c
#[test]
fn s6_a_service_with_nothing_to_say_has_a_txt() {
    let mut bench = Bench::new(2);
    bench.add_host("hall");
    bench.register("Page", "_http._tcp", 80, &[], &[]);
    bench.run(ms(20_000));
    assert!(
        bench
            .sent
            .last()
            .expect("an announcement")
            .says("Page._http._tcp.local 4500 IN! TXT")
    );
    bench.forget();
    bench.hear(&Heard::query(&["Page._http._tcp.local TXT"]));
    bench.run(ms(1000));
    let (_, sent) = bench.one_since(0);
    // Type, class with cache-flush, TTL, and a length of one: the empty string.
    let rdata = [0, 16, 0x80, 1, 0, 0, 0x11, 0x94, 0, 1, 0];
    assert!(sent.bytes.windows(rdata.len()).any(|bytes| bytes == rdata));
}

/// covers: 6763-6.3-b, 6763-6.7-b
#[test]
fn s6_3_all_attributes_are_handed_on_in_order() {
    let mut bench = Bench::new(3);
    bench.resolve("x._http._tcp.local");
    bench.hear(&Heard::response(&[
        "x._http._tcp.local 120 IN! SRV 0 0 80 x.local",
        "x._http._tcp.local 4500 IN! TXT txtvers=99 unheard-of=1 =nokey flag",
        "x.local 120 IN! A 10.0.0.7",
    ]));
    let events = bench.take_events();
    assert_eq!(events.len(), 1);
    let order = ["txtvers=99", "unheard-of=1", "flag"]
        .map(|text| events[0].find(text).expect("an attribute"));
    assert!(order.is_sorted(), "{events:?}");
}

/// covers: 6763-6.1-d, 6763-6-b
#[test]
fn s6_1_three_ways_to_say_nothing() {
    // An empty string, rdata of no bytes, no TXT at all.
    for txt in [
        Some("x._http._tcp.local 4500 IN! TXT "),
        Some("x._http._tcp.local 4500 IN! TYPE16 "),
        None,
    ] {
        let mut bench = Bench::new(4);
        bench.resolve("x._http._tcp.local");
        let mut records = vec![
            "x._http._tcp.local 120 IN! SRV 0 0 80 x.local",
            "x.local 120 IN! A 10.0.0.7",
        ];
        records.extend(txt);
        bench.hear(&Heard::response(&records));
        bench.run(ms(3100));
        let events = bench.take_events();
        assert_eq!(
            events,
            ["resolved x._http._tcp.local at x.local:80 10.0.0.7"],
            "{txt:?}"
        );
    }
}
