//! §4, §5, §7, §9: names and records of a service.

use mdns_proto::{
    name::ServiceType,
    own::{RegisterError, Service},
};

use super::bench::{Bench, Heard, ms};

/// Asks and returns the answers of the only response.
fn answers(bench: &mut Bench, question: &str) -> Vec<String> {
    bench.hear(&Heard::query(&[question]));
    bench.run(ms(2000));
    let (_, sent) = bench.one_since(0);
    sent.answers()
}

/// covers: 6763-4.1-a, 6763-5-c, 2782-d
#[test]
fn s4_1_a_service_is_pointer_location_and_address() {
    let mut bench = Bench::new(1);
    bench.add_host("hall");
    bench.register("a.b c", "_http._tcp", 80, &[], &[]);
    bench.run(ms(20_000));
    bench.forget();
    assert_eq!(
        answers(&mut bench, "_http._tcp.local PTR"),
        [r"_http._tcp.local 4500 IN PTR a\.b c._http._tcp.local"]
    );
    let located = r"a\.b c._http._tcp.local 120 IN! SRV 0 0 80 hall.local";
    assert_eq!(
        answers(&mut bench, r"a\.b c._http._tcp.local SRV"),
        [located]
    );
    assert_eq!(
        answers(&mut bench, "hall.local A"),
        ["hall.local 120 IN! A 10.0.0.1"]
    );
}

/// covers: 6763-7.1-e
#[test]
fn s7_1_a_name_is_taken_whatever_its_subtypes() {
    let (mut bench, _) = Bench::established(2);
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    let service = Service {
        subtypes: &["_other"],
        ..Service::new("PRINTER", &ipp, 632)
    };
    assert_eq!(
        bench.act(|core, now| core.register(now, &service)),
        Err(RegisterError::Taken)
    );
    let http: ServiceType = "_http._tcp".parse().expect("a type");
    assert!(
        bench
            .act(|core, now| core.register(now, &Service::new("Printer", &http, 80)))
            .is_ok()
    );
}

/// covers: 6763-16-a, 6763-7.1-b, 6763-7.1-c, 2782-g, 6763-7-c
#[test]
fn s7_1_a_subtype_belongs_to_its_type() {
    let (mut bench, _) = Bench::established(3);
    bench.register("Page", "_http._tcp", 80, &[], &["_color"]);
    bench.run(ms(20_000));
    bench.forget();
    for (question, answer) in [
        (
            "_color._sub._ipp._tcp.local PTR",
            "_color._sub._ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
        ),
        (
            "_COLOR._SUB._HTTP._TCP.local PTR",
            "_color._sub._http._tcp.local 4500 IN PTR Page._http._tcp.local",
        ),
        (
            "_ipp._tcp.local PTR",
            "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
        ),
        (
            "_HTTP._tcp.local PTR",
            "_http._tcp.local 4500 IN PTR Page._http._tcp.local",
        ),
    ] {
        assert_eq!(answers(&mut bench, question), [answer]);
    }
}

/// covers: 6763-7.1-g, 6763-9-a, 6763-9-d
#[test]
fn s9_types_are_listed_without_subtypes_while_they_have_instances() {
    let (mut bench, first) = Bench::established(4);
    let second = bench.register("Second", "_ipp._tcp", 632, &[], &["_color", "_draft"]);
    bench.run(ms(20_000));
    bench.forget();
    let http = "_services._dns-sd._udp.local 4500 IN PTR _http._tcp.local";
    let ipp = "_services._dns-sd._udp.local 4500 IN PTR _ipp._tcp.local";
    let question = "_services._dns-sd._udp.local PTR";
    assert_eq!(answers(&mut bench, question), [ipp]);
    bench.act(|core, now| core.withdraw(now, first));
    bench.run(ms(5000));
    assert!(!bench.take().iter().any(|sent| sent.says("_services")));
    bench.register("Page", "_http._tcp", 80, &[], &[]);
    bench.run(ms(20_000));
    bench.forget();
    assert_eq!(answers(&mut bench, question), [http, ipp]);
    bench.act(|core, now| core.withdraw(now, second));
    bench.run(ms(5000));
    assert!(
        bench
            .take()
            .iter()
            .any(|sent| sent.says("_services._dns-sd._udp.local 0 IN PTR _ipp._tcp.local"))
    );
    assert_eq!(answers(&mut bench, question), [http]);
}
