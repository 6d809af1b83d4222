//! Hosts and services come to the network (RFC 6762 §8).

use expect_test::expect;
use mdns_sim::{Conditions, Kind};

use super::{millis, net, secs};

/// Three probes, 250 ms apart, then two announcements, a second apart (§8.1, §8.3); and then silence.
///
/// covers: 6762-8.1-b, 6762-8.1-e, 6762-8.1-f, 6762-8.1-j, 6762-8.1-r, 6762-8.2-a, 6762-8.2-b, 6762-8.3-a, 6762-8.3-c, 6762-8.3-d, 6762-8.3-e, 6762-8.3-g, 6762-8.3-h, 6763-6-a
#[test]
fn a_host_and_its_service_introduce_themselves() {
    let mut net = net(7);
    net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(3600));
    net.expect(expect![[r#"
        0.117 hall   asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.367 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.617 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        0.867 hall   owns     hall
        0.867 hall   owns     Printer
        1.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
    "#]]);
}

/// A service with attributes and a subtype (RFC 6763 §6, §7.1).
///
/// covers: 6762-8.3-a, 6763-5-c, 6763-7.1-b, 6763-7.1-g
#[test]
fn a_service_with_all_it_can_have() {
    let mut net = net(7);
    net.host("hall").advertise_with(
        "Printer",
        "_ipp._tcp",
        631,
        &["paper=A4", "duplex"],
        &["_universal"],
    );
    net.run_for(secs(3));
    net.expect(expect![[r#"
        0.117 hall   asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.0.0.1, Printer SRV hall:631, TXT paper=A4 duplex
        0.367 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT paper=A4 duplex
        0.617 hall   asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT paper=A4 duplex
        0.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT! paper=A4 duplex, _universal PTR Printer, types PTR _ipp._tcp, PTR Printer
        0.867 hall   owns     hall
        0.867 hall   owns     Printer
        1.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT! paper=A4 duplex, _universal PTR Printer, types PTR _ipp._tcp, PTR Printer
    "#]]);
}

/// Each family is a link of its own (§20); on each, the addresses of both are told (§6.2).
///
/// covers: 6762-20-a, 6762-6.2-a
#[test]
fn a_host_of_both_families_speaks_on_both() {
    let mut net = net(7);
    net.host("hall").dual_stack();
    net.run_for(secs(3));
    net.expect(expect![[r#"
        0.117 hall   asks     hall ANY? QU  for A 10.0.0.1, AAAA fe80::1
        0.182 hall/6 asks     hall ANY? QU  for A 10.0.0.1, AAAA fe80::1
        0.367 hall   asks     hall ANY?  for A 10.0.0.1, AAAA fe80::1
        0.432 hall/6 asks     hall ANY?  for A 10.0.0.1, AAAA fe80::1
        0.617 hall   asks     hall ANY?  for A 10.0.0.1, AAAA fe80::1
        0.682 hall/6 asks     hall ANY?  for A 10.0.0.1, AAAA fe80::1
        0.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, hall AAAA! fe80::1, fe80::1 PTR! hall
        0.932 hall/6 says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, hall AAAA! fe80::1, fe80::1 PTR! hall
        0.932 hall   owns     hall
        1.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, hall AAAA! fe80::1, fe80::1 PTR! hall
        1.932 hall/6 says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, hall AAAA! fe80::1, fe80::1 PTR! hall
    "#]]);
}

/// A service that comes later is probed for alone: the host is known already.
///
/// covers: 6762-8.1-a, 6762-8.3-g
#[test]
fn a_service_joins_a_host() {
    let mut net = net(7);
    let hall = net.host("hall");
    net.run_for(secs(5));
    net.skip();
    hall.advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(5));
    net.expect(expect![[r#"
        5.200 hall   asks     Printer._ipp._tcp ANY? QU  for SRV hall:631, TXT
        5.450 hall   asks     Printer._ipp._tcp ANY?  for SRV hall:631, TXT
        5.700 hall   asks     Printer._ipp._tcp ANY?  for SRV hall:631, TXT
        5.950 hall   says     Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        5.950 hall   owns     Printer
        6.950 hall   says     Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
    "#]]);
}

/// An access point that sends every packet back to its sender makes nobody doubt its own name (§8.2, §9).
///
/// covers: 6762-8.2-k, 6762-9-l
#[test]
fn an_access_point_that_sends_everything_back_changes_nothing() {
    let page = |conditions| {
        let mut net = net(7);
        net.segment().set(conditions);
        net.host("hall")
            .advertise("Printer", "_ipp._tcp", 631)
            .update_txt("Printer", &["paper=A4"]);
        net.run_for(secs(60));
        net.transcript()
    };
    let wire = page(Conditions::default());
    for delay in [millis(0), millis(3), millis(700), millis(2_500)] {
        assert_eq!(
            page(Conditions {
                delay: delay..=delay,
                sends_back: true,
                ..Conditions::default()
            }),
            wire
        );
    }
}

/// Fifty services: probes and announcements keep to the MTU, each record is announced exactly twice (§8.3, §17).
///
/// covers: 6762-8.1-c, 6762-8.3-b, 6762-8.3-e, 6762-17-a
#[test]
fn fifty_services_share_packets() {
    if crate::lacks_room_for("50 services") {
        return;
    }
    let net = net(7);
    let hall = net.host("hall");
    for n in 1..=50 {
        hall.advertise(&format!("Printer {n}"), "_ipp._tcp", 631);
    }
    net.run_for(secs(10));
    assert_eq!(hall.services().len(), 50);
    let packets = net.packets();
    assert!(packets.iter().all(|packet| packet.bytes.len() <= 1472));
    let said = packets
        .iter()
        .filter(|packet| packet.message().unwrap().header().flags.response());
    let records: usize = said
        .map(|packet| packet.message().unwrap().answer_count())
        .sum();
    // PTR, SRV, TXT of each; the PTR of the type; the address both ways.
    assert_eq!(records, 2 * (50 * 3 + 1 + 2));
    assert!(packets.len() <= 40, "{} packets", packets.len());
}

/// While nothing can be sent nothing is said to be ours: a probe that nobody could hear proves nothing (§8.1).
///
/// covers: 6762-8.1-a
#[test]
fn a_host_whose_sends_fail_keeps_probing() {
    let mut net = net(7);
    net.hide(Kind::Done);
    let hall = net.host("hall");
    hall.fail_sends(true);
    net.run_for(secs(10));
    net.expect(expect![[""]]);
    assert!(
        (8..=12).contains(&hall.stats().send_failed),
        "{:?}",
        hall.stats()
    );

    hall.fail_sends(false);
    net.run_for(secs(5));
    net.expect(expect![[r#"
        10.102 hall   asks     hall ANY? QU  for A 10.0.0.1
        10.352 hall   asks     hall ANY?  for A 10.0.0.1
        10.602 hall   asks     hall ANY?  for A 10.0.0.1
        10.852 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall
        10.852 hall   owns     hall
        11.852 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall
    "#]]);
}
