//! §3: records registered by themselves: aliases, other types, shared sets; and what changes of a service while it runs.

use mdns_proto::{
    own::{NewRecord, RegisterError, Sharing},
    wire::Rdata,
};

use super::bench::{Bench, Heard, ms, record};

/// covers: 6762-3-i
#[test]
fn s3_a_unique_record_is_probed_for_and_a_shared_one_is_not() {
    let mut bench = Bench::new(1);
    bench
        .add("lamp.local 60 IN TXT on", Sharing::Unique)
        .expect("room");
    bench.run(ms(5000));
    let kinds: Vec<_> = bench.sent.iter().map(|sent| sent.is_response()).collect();
    assert_eq!(kinds, [false, false, false, true, true]);
    assert_eq!(bench.sent[3].answers(), ["lamp.local 60 IN! TXT \"on\""]);
    assert_eq!(bench.events, ["name registered lamp.local"]);
    bench.forget();
    bench
        .add("lamps.local 60 IN A 10.0.0.50", Sharing::Shared)
        .expect("room");
    bench.run(ms(5000));
    let said: Vec<_> = bench.sent.iter().flat_map(|sent| sent.answers()).collect();
    assert_eq!(said, ["lamps.local 60 IN A 10.0.0.50"; 2]);
    bench.forget();
    // Another's is no conflict.
    bench.hear(&Heard::response(&["lamps.local 60 IN A 10.0.0.51"]));
    bench.hear(&Heard::query(&["lamps.local A"]));
    bench.run(ms(5000));
    assert_eq!(bench.take().len(), 1);
}

/// covers: 6762-16-g
#[test]
fn s3_an_alias_is_answered_with_what_it_stands_for() {
    let (mut bench, _) = Bench::established(2);
    bench
        .add("www.local 120 IN CNAME hall.local", Sharing::Unique)
        .expect("room");
    bench.run(ms(10_000));
    bench.forget();
    bench.hear(&Heard::query(&["www.local A"]));
    bench.run(ms(1000));
    let (_, sent) = bench.one_since(0);
    assert_eq!(sent.answers(), ["www.local 120 IN! CNAME hall.local"]);
    assert!(
        sent.additionals()
            .contains(&"hall.local 120 IN! A 10.0.0.1".to_owned())
    );
}

/// covers: 6762-9-d, 6762-9-i
#[test]
fn s3_a_name_that_is_lost_is_reported_and_not_changed() {
    let mut bench = Bench::new(3);
    let lamp = bench
        .add("lamp.local 60 IN TXT on", Sharing::Unique)
        .expect("room");
    bench.run(ms(260));
    bench.forget();
    bench.hear(&Heard::response(&["lamp.local 60 IN! TXT off"]));
    bench.hear(&Heard::query(&["lamp.local TXT"]));
    for _ in 0..60_000 / 20 {
        bench.run(ms(20));
        for sent in bench.take() {
            assert!(!sent.is_response(), "{sent:?}");
            bench.hear(&Heard::response(&["lamp.local 60 IN! TXT off"]));
        }
    }
    assert_eq!(bench.events, ["name lost lamp.local"]);
    bench.act(|core, now| core.remove_record(now, lamp));
    assert!(bench.host.is_silent());
    bench
        .add("lamp.local 60 IN TXT on", Sharing::Unique)
        .expect("room");
    bench.run(ms(5000));
    assert_eq!(
        bench.events.last().map(String::as_str),
        Some("name registered lamp.local")
    );
}

/// covers: 6762-6.1-g, 6762-6.1-h
#[test]
fn s3_a_name_with_a_type_above_255_is_not_denied_anything() {
    let mut bench = Bench::new(4);
    bench
        .add("lamp.local 60 IN TYPE256 x", Sharing::Unique)
        .expect("room");
    bench.run(ms(10_000));
    bench.forget();
    bench.hear(&Heard::query(&["lamp.local A"]));
    bench.run(ms(1000));
    assert!(
        bench
            .take()
            .iter()
            .all(|sent| !sent.says("lamp.local 120 IN! NSEC"))
    );
    bench.hear(&Heard::query(&["lamp.local TYPE256"]));
    bench.run(ms(1000));
    assert!(bench.take()[0].says("lamp.local 60 IN! TYPE256"));
}

/// covers: 6762-8.4-a, 6762-8.4-d, 6762-10.1-a
#[test]
fn s3_a_record_is_changed_and_taken_back() {
    let mut bench = Bench::new(5);
    let lamp = bench
        .add("lamp.local 60 IN TXT on", Sharing::Unique)
        .expect("room");
    let lamps = bench
        .add("lamps.local 60 IN A 10.0.0.50", Sharing::Shared)
        .expect("room");
    bench.run(ms(10_000));
    bench.forget();
    record("lamp.local 60 IN TXT off", |new| {
        bench
            .act(|core, now| core.update_record(now, lamp, &new.rdata))
            .expect("room");
    });
    assert_eq!(
        bench.act(|core, now| core.update_record(now, lamps, &Rdata::A([10, 0, 0, 51].into()))),
        Err(RegisterError::Shared)
    );
    bench.run(ms(5000));
    let said: Vec<_> = bench
        .take()
        .iter()
        .flat_map(|sent| sent.answers())
        .collect();
    assert_eq!(said, ["lamp.local 60 IN! TXT \"off\""; 2]);
    bench.act(|core, now| core.remove_record(now, lamp));
    bench.act(|core, now| core.remove_record(now, lamps));
    bench.run(ms(5000));
    let said: Vec<_> = bench
        .take()
        .iter()
        .flat_map(|sent| sent.answers())
        .collect();
    assert_eq!(
        said,
        [
            "lamp.local 0 IN! TXT \"off\"",
            "lamps.local 0 IN A 10.0.0.50"
        ]
    );
    assert!(bench.host.is_silent());
}

/// covers: none (errors of the caller)
#[test]
fn s3_what_cannot_be_registered_is_refused() {
    let (mut bench, _) = Bench::established(6);
    let cases = [
        ("lamp.local 60 IN NSEC lamp.local A", RegisterError::Type),
        ("lamp.example 60 IN TXT x", RegisterError::NotLinkLocal),
        ("hall.local 120 IN A 10.0.0.1", RegisterError::Taken),
    ];
    for (text, error) in cases {
        let mut new = bench.add(text, Sharing::Unique);
        if text.starts_with("hall") {
            // The same on the one interface; on all it would be another record.
            record(text, |record| {
                let interface = Some(mdns_proto::link::InterfaceId(1));
                let record = NewRecord {
                    interface,
                    ..NewRecord::new(record.name, record.rdata, Sharing::Unique)
                };
                new = bench.act(|core, now| core.add_record(now, &record));
            });
        }
        assert_eq!(new, Err(error), "{text}");
    }
}

/// covers: none (errors of the caller)
#[test]
fn s3_a_record_does_not_become_one_that_is_there() {
    let mut bench = Bench::new(8);
    let mut add = |text| bench.add(text, Sharing::Unique).expect("room");
    let (_, other) = (
        add("lamp.local 60 IN TXT on"),
        add("lamp.local 60 IN TXT off"),
    );
    record("lamp.local 60 IN TXT on", |new| {
        let updated = bench.act(|core, now| core.update_record(now, other, &new.rdata));
        assert_eq!(updated, Err(RegisterError::Taken));
    });
}

/// covers: 6763-5-d, 6762-8.4-a
#[test]
fn s8_4_a_port_changes_while_the_service_runs() {
    let (mut bench, service) = Bench::established(7);
    bench
        .act(|core, now| core.update_port(now, service, 632))
        .expect("it is registered");
    bench.run(ms(5000));
    let said: Vec<_> = bench
        .take()
        .iter()
        .flat_map(|sent| sent.answers())
        .collect();
    assert_eq!(
        said,
        ["Printer._ipp._tcp.local 120 IN! SRV 0 0 632 hall.local"; 2]
    );
    // A late copy of what was said before is no conflict.
    bench.hear_from(
        "10.0.0.1:5353",
        mdns_proto::link::Via::Multicast,
        &Heard::response(&["Printer._ipp._tcp.local 120 IN SRV 0 0 631 hall.local"]),
    );
    bench.run(ms(5000));
    assert!(bench.take().is_empty());
}

/// covers: 6763-7.1-f
#[test]
fn s8_4_subtypes_change_while_the_service_runs() {
    let (mut bench, service) = Bench::established(8);
    bench
        .act(|core, now| core.update_subtypes(now, service, &["_duplex", "_universal"]))
        .expect("room");
    bench.run(ms(5000));
    let mut said: Vec<_> = bench
        .take()
        .iter()
        .flat_map(|sent| sent.answers())
        .collect();
    said.sort();
    said.dedup();
    assert_eq!(
        said,
        [
            "_color._sub._ipp._tcp.local 0 IN PTR Printer._ipp._tcp.local",
            "_duplex._sub._ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
            "_universal._sub._ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
        ]
    );
    bench.act(|core, now| core.withdraw(now, service));
    bench.run(ms(5000));
    let (_, sent) = bench.one_since(0);
    assert!(sent.says("_duplex._sub._ipp._tcp.local 0") && !sent.says("_color"));
}
