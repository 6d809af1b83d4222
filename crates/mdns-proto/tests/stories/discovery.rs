//! Finding services, and losing them (RFC 6763 §4, §5).

use expect_test::expect;
use mdns_proto::config::Config;
use mdns_sim::Kind;

use super::{millis, net, secs};

/// A browser hears of a service by one question, and of its end by a goodbye.
///
/// covers: 6763-4-a, 6763-4.1-a, 6763-F-a, 6763-F-b, 6763-F-c, 6763-F-f
#[test]
fn a_browser_finds_a_printer_and_loses_it() {
    let mut net = net(7);
    let hall = net
        .host("hall")
        .advertise_with("Printer", "_ipp._tcp", 631, &["paper=A4"], &[]);
    let attic = net.host("attic");
    net.run_for(secs(5));
    net.skip();
    attic.browse("_ipp._tcp");
    net.run_for(secs(2));
    attic.resolve("Printer._ipp._tcp");
    net.run_for(secs(2));
    hall.withdraw("Printer");
    net.run_for(secs(3));
    net.expect(expect![[r#"
        5.000 attic  finds    Printer at hall:631, 10.0.0.1, paper=A4
        5.115 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4496 s
        6.171 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4495 s
        7.000 attic  resolves Printer at hall:631, 10.0.0.1, paper=A4
        8.282 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4493 s
        9.000 hall   says     bye Printer SRV! hall:631, bye TXT! paper=A4, bye types PTR _ipp._tcp, bye PTR Printer
        9.038 attic  asks     Printer._ipp._tcp SRV?, TXT?
        10.000 attic  hears    Printer is nowhere any more
        10.000 attic  loses    Printer
        10.254 attic  asks     Printer._ipp._tcp SRV?, TXT?
    "#]]);
}

/// An instance that nobody has browsed for is resolved by name (RFC 6763 §5).
///
/// covers: 6763-5-a, 6763-12.2-a
#[test]
fn an_instance_is_resolved_by_name() {
    let mut net = net(7);
    net.host("hall")
        .dual_stack()
        .advertise_with("Printer", "_ipp._tcp", 631, &["paper=A4"], &[]);
    let attic = net.host_with(
        "attic",
        Config {
            cache_unasked: false,
            ..Config::DEFAULT
        },
    );
    net.run_for(secs(5));
    net.skip();
    attic.resolve("Printer._ipp._tcp");
    net.run_for(secs(5));
    net.expect(expect![[r#"
        5.000 attic  asks     Printer._ipp._tcp SRV?, TXT?
        5.098 hall   says     Printer SRV! hall:631, TXT! paper=A4  (+ hall A! 10.0.0.1, AAAA! fe80::1, Printer NSEC! TXT SRV, hall NSEC! A AAAA)
        5.098 attic  resolves Printer at hall:631, 10.0.0.1, fe80::1, paper=A4
    "#]]);
}

/// A host is looked up; that it has no IPv6 address is no reason to wait.
///
/// covers: 6762-6.1-a, 6762-6.2-d
#[test]
fn a_host_is_looked_up() {
    let mut net = net(7);
    net.host("hall");
    let attic = net.host_with(
        "attic",
        Config {
            cache_unasked: false,
            ..Config::DEFAULT
        },
    );
    net.run_for(secs(5));
    net.skip();
    attic.lookup("hall");
    net.run_for(secs(20));
    net.expect(expect![[r#"
        5.000 attic  asks     hall A?, AAAA?
        5.068 hall   says     hall NSEC! A, A! 10.0.0.1
        5.068 attic  hears    hall is at 10.0.0.1
    "#]]);
}

/// By subtype only what has it is found (RFC 6763 §7.1); the types themselves are found by their own question (§9).
///
/// covers: 6763-7.1-a, 6763-7.1-g, 6763-9-a
#[test]
fn subtypes_and_types_are_found() {
    let mut net = net(7);
    net.hide(Kind::Owns);
    net.host("hall")
        .advertise_with("Printer", "_ipp._tcp", 631, &[], &["_universal"])
        .advertise("Old Printer", "_ipp._tcp", 632);
    net.host("desk").advertise("Pages", "_http._tcp", 80);
    let attic = net.host_with(
        "attic",
        Config {
            cache_unasked: false,
            ..Config::DEFAULT
        },
    );
    net.run_for(secs(5));
    net.skip();
    attic.browse("_universal._sub._ipp._tcp");
    net.run_for(secs(1));
    attic.stop("_universal._sub._ipp._tcp").browse_types();
    net.run_for(secs(1));
    net.expect(expect![[r#"
        5.024 attic  asks     _universal._sub._ipp._tcp PTR?
        5.121 hall   says     _universal PTR Printer._ipp._tcp  (+ SRV! hall:631, TXT!, hall A! 10.0.0.1, Printer._ipp._tcp NSEC! TXT SRV, hall NSEC! A)
        5.121 attic  finds    Printer._ipp._tcp at hall:631, 10.0.0.1
        6.111 attic  asks     _services._dns-sd._udp PTR?
        6.154 desk   says     types PTR _http._tcp
        6.154 attic  finds    _http._tcp
        6.217 hall   says     types PTR _ipp._tcp
        6.217 attic  finds    _ipp._tcp
    "#]]);
}

/// A host that browses for what it has itself finds it without a packet.
///
/// covers: none (own results are a choice of ours)
#[test]
fn a_host_finds_its_own_service() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(5));
    net.skip();
    hall.browse("_ipp._tcp")
        .resolve("Printer._ipp._tcp")
        .lookup("hall");
    net.run_for(millis(10));
    net.expect(expect![[r#"
        5.000 hall   finds    Printer at hall:631, 10.0.0.1
        5.000 hall   resolves Printer at hall:631, 10.0.0.1
        5.000 hall   hears    hall is at 10.0.0.1
    "#]]);
    hall.withdraw("Printer");
    net.run_for(millis(10));
    net.expect(expect![[r#"
        5.010 hall   says     bye Printer SRV! hall:631, bye TXT!, bye types PTR _ipp._tcp, bye PTR Printer
        5.010 hall   loses    Printer
        5.010 hall   hears    Printer is nowhere any more
    "#]]);
}

/// The owner's link is lost and comes back: it probes and announces anew (RFC 6762 §8.3, §10.2).
///
/// covers: 6762-8-a, 6762-10.2-a, 6762-10.2-b
#[test]
fn a_printer_comes_back_with_its_link() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.host("attic").browse("_ipp._tcp");
    net.run_for(secs(5));
    net.skip();
    hall.link_down();
    net.run_for(secs(20));
    hall.link_up();
    net.run_for(secs(5));
    net.expect(expect![[r#"
        5.000 hall   is down
        7.481 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4494 s
        16.008 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4485 s
        25.000 hall   is up
        25.133 hall   asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        25.383 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        25.633 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        25.883 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        26.883 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
    "#]]);
}

/// The browser's link is lost: what was heard there is gone, and found again when it is back.
///
/// covers: 6762-10.3-a, 6762-5.4-b, 6762-5.4-c
#[test]
fn a_browser_forgets_what_it_heard_on_a_link_that_is_lost() {
    let mut net = net(7);
    net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    let attic = net.host("attic").browse("_ipp._tcp");
    net.run_for(secs(5));
    net.skip();
    attic.link_down();
    net.run_for(secs(20));
    attic.link_up();
    net.run_for(secs(3));
    net.expect(expect![[r#"
        5.000 attic  loses    Printer
        5.000 attic  is down
        25.000 attic  is up
        25.026 attic  asks     _ipp._tcp PTR? QU
        25.101 attic  asks     attic ANY? QU  for A 10.0.0.2
        25.123 hall   says     to attic  PTR Printer  (+ SRV! hall:631, TXT!, hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
        25.123 attic  finds    Printer at hall:631, 10.0.0.1
        25.351 attic  asks     attic ANY?  for A 10.0.0.2
        25.601 attic  asks     attic ANY?  for A 10.0.0.2
        25.851 attic  says     attic A! 10.0.0.2, 10.0.0.2 PTR! attic
        26.080 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4499 s
        26.851 attic  says     attic A! 10.0.0.2, 10.0.0.2 PTR! attic
    "#]]);
}

/// A laptop wakes in another place: what it knew must be confirmed within ten seconds (RFC 6762 §10.3).
///
/// covers: 6762-10.3-b, 6762-8-a, 6762-5.4-b
#[test]
fn a_laptop_that_wakes_elsewhere_finds_what_is_there() {
    let mut net = net(7);
    net.hide(Kind::Owns);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    let cafe = net.host("cafe").advertise("Till", "_ipp._tcp", 631);
    let laptop = net.host("laptop").browse("_ipp._tcp");
    net.segment().part(&[&hall, &laptop]);
    net.run_for(secs(5));
    laptop.sleep();
    net.run_for(secs(600));
    net.segment().heal();
    net.segment().part(&[&cafe, &laptop]);
    net.skip();
    laptop.wake();
    net.run_for(secs(15));
    net.expect(expect![[r#"
        605.000 laptop wakes
        605.000 laptop learns   Printer
        605.024 laptop asks     _ipp._tcp PTR? QU, Printer._ipp._tcp SRV? QU, TXT? QU
        605.094 laptop asks     laptop ANY? QU  for A 10.0.0.3
        605.134 cafe   says     to laptop  PTR Till  (+ SRV! cafe:631, TXT!, cafe A! 10.0.0.2, Till NSEC! TXT SRV, cafe NSEC! A)
        605.134 laptop finds    Till at cafe:631, 10.0.0.2
        605.344 laptop asks     laptop ANY?  for A 10.0.0.3
        605.594 laptop asks     laptop ANY?  for A 10.0.0.3
        605.844 laptop says     laptop A! 10.0.0.3, 10.0.0.3 PTR! laptop
        606.119 laptop asks     _ipp._tcp PTR?, Printer._ipp._tcp SRV?, TXT?  knows PTR Till 4499 s
        606.844 laptop says     laptop A! 10.0.0.3, 10.0.0.3 PTR! laptop
        608.309 laptop asks     _ipp._tcp PTR?, Printer._ipp._tcp SRV?, TXT?  knows PTR Till 4496 s
        612.688 laptop asks     _ipp._tcp PTR?  knows PTR Till 4492 s
        615.000 laptop loses    Printer
    "#]]);
    assert_eq!(
        laptop.found().keys().collect::<Vec<_>>(),
        ["Till._ipp._tcp.local"]
    );
}
