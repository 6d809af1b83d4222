//! Two want one name (RFC 6762 §8.2, §9).

use expect_test::expect;
use mdns_proto::config::Config;
use mdns_sim::Kind;

use super::{millis, net, secs};

/// Two printers of one name: the first keeps it, the second finds another (§8.1, §9).
///
/// covers: 6762-8.1-i, 6762-8.1-k, 6762-8.1-l, 6762-8.2-l, 6762-9-f, 6762-9-i, 6762-9-n, 6762-5.4-g
#[test]
fn the_second_printer_finds_another_name() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(3));
    net.skip();
    let attic = net.host("attic").advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(3));
    net.expect(expect![[r#"
        3.165 attic  asks     attic ANY? QU, Printer._ipp._tcp ANY? QU  for attic A 10.0.0.2, Printer SRV attic:631, TXT
        3.165 hall   says     to attic  Printer SRV! hall:631, TXT!  (+ hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
        3.165 attic  renames  Printer -> Printer (2)
        3.318 attic  asks     Printer (2)._ipp._tcp ANY? QU  for SRV attic:631, TXT
        3.415 attic  asks     attic ANY?  for A 10.0.0.2
        3.568 attic  asks     Printer (2)._ipp._tcp ANY?  for SRV attic:631, TXT
        3.665 attic  asks     attic ANY?  for A 10.0.0.2
        3.818 attic  asks     Printer (2)._ipp._tcp ANY?  for SRV attic:631, TXT
        3.915 attic  says     attic A! 10.0.0.2, 10.0.0.2 PTR! attic
        3.915 attic  owns     attic
        4.068 attic  says     Printer (2) SRV! attic:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
        4.068 attic  owns     Printer (2)
        4.915 attic  says     attic A! 10.0.0.2, 10.0.0.2 PTR! attic
        5.068 attic  says     Printer (2) SRV! attic:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
    "#]]);
    assert_eq!(hall.services(), ["Printer._ipp._tcp.local"]);
    assert_eq!(attic.services(), ["Printer (2)._ipp._tcp.local"]);
}

/// Two hosts of one name, switched on together: the lesser data lose, wait a second and ask again; only when the winner
/// answers do they take another name (§8.2).
///
/// covers: 6762-8.2-d, 6762-8.2-e, 6762-8.2-f, 6762-8.2-g, 6762-8.2-h
#[test]
fn the_loser_of_a_tie_asks_again_before_it_gives_up() {
    let mut net = net(7);
    let hall = net.host_as("hall", "box");
    let attic = net.host_as("attic", "box");
    net.run_for(secs(5));
    net.expect(expect![[r#"
        0.117 hall   asks     box ANY? QU  for A 10.0.0.1
        0.165 attic  asks     box ANY? QU  for A 10.0.0.2
        0.415 attic  asks     box ANY?  for A 10.0.0.2
        0.665 attic  asks     box ANY?  for A 10.0.0.2
        0.915 attic  says     box A! 10.0.0.2, 10.0.0.2 PTR! box
        0.915 attic  owns     box
        1.166 hall   asks     box ANY? QU  for A 10.0.0.1
        1.166 attic  says     to hall  box A! 10.0.0.2  (+ NSEC! A)
        1.166 hall   renames  box -> box-2
        1.211 hall   asks     box-2 ANY? QU  for A 10.0.0.1
        1.461 hall   asks     box-2 ANY?  for A 10.0.0.1
        1.711 hall   asks     box-2 ANY?  for A 10.0.0.1
        1.915 attic  says     box A! 10.0.0.2, 10.0.0.2 PTR! box
        1.961 hall   says     box-2 A! 10.0.0.1, 10.0.0.1 PTR! box-2
        1.961 hall   owns     box-2
        2.961 hall   says     box-2 A! 10.0.0.1, 10.0.0.1 PTR! box-2
    "#]]);
    assert_eq!(hall.name().unwrap(), "box-2.local");
    assert_eq!(attic.name().unwrap(), "box.local");
}

/// A winner that goes away leaves the name to the loser (§8.2).
///
/// covers: 6762-8.2-f
#[test]
fn the_loser_of_a_tie_gets_the_name_if_the_winner_goes() {
    let mut net = net(7);
    let hall = net.host_as("hall", "box");
    let attic = net.host_as("attic", "box");
    net.run_for(millis(600));
    attic.crash();
    net.run_for(secs(5));
    net.expect(expect![[r#"
        0.117 hall   asks     box ANY? QU  for A 10.0.0.1
        0.165 attic  asks     box ANY? QU  for A 10.0.0.2
        0.415 attic  asks     box ANY?  for A 10.0.0.2
        0.600 attic  crashes
        1.166 hall   asks     box ANY? QU  for A 10.0.0.1
        1.416 hall   asks     box ANY?  for A 10.0.0.1
        1.666 hall   asks     box ANY?  for A 10.0.0.1
        1.916 hall   says     box A! 10.0.0.1, 10.0.0.1 PTR! box
        1.916 hall   owns     box
        2.916 hall   says     box A! 10.0.0.1, 10.0.0.1 PTR! box
    "#]]);
    assert_eq!(hall.name().unwrap(), "box.local");
}

/// Two segments, each with its Printer, are joined. The first answer shows the conflict, both probe again, one is renamed (§9).
///
/// covers: 6762-9-a, 6762-9-b, 6762-9-c, 6762-9-d, 6762-9-e, 6762-8.3-i
#[test]
fn two_printers_meet_when_their_segments_are_joined() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    let attic = net.host("attic").advertise("Printer", "_ipp._tcp", 631);
    net.segment().part(&[&attic]);
    net.run_for(secs(10));
    net.skip();
    net.segment().heal();
    let desk = net.host("desk").browse("_ipp._tcp");
    net.run_for(secs(6));
    net.expect(expect![[r#"
        10.000 net    heals
        10.058 desk   asks     _ipp._tcp PTR?
        10.104 hall   says     PTR Printer  (+ SRV! hall:631, TXT!, hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
        10.104 desk   finds    Printer at hall:631, 10.0.0.1
        10.223 desk   asks     desk ANY? QU  for A 10.0.0.3
        10.230 attic  asks     Printer._ipp._tcp ANY? QU  for SRV attic:631, TXT
        10.230 hall   says     to attic  Printer SRV! hall:631, TXT!  (+ hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
        10.230 attic  renames  Printer -> Printer (2)
        10.331 attic  asks     Printer (2)._ipp._tcp ANY? QU  for SRV attic:631, TXT
        10.473 desk   asks     desk ANY?  for A 10.0.0.3
        10.581 attic  asks     Printer (2)._ipp._tcp ANY?  for SRV attic:631, TXT
        10.723 desk   asks     desk ANY?  for A 10.0.0.3
        10.831 attic  asks     Printer (2)._ipp._tcp ANY?  for SRV attic:631, TXT
        10.973 desk   says     desk A! 10.0.0.3, 10.0.0.3 PTR! desk
        10.973 desk   owns     desk
        11.081 attic  says     Printer (2) SRV! attic:631, TXT!, PTR Printer (2)
        11.081 attic  owns     Printer (2)
        11.081 desk   finds    Printer (2) at attic:631
        11.105 desk   asks     attic A?
        11.105 attic  says     attic A! 10.0.0.2  (+ NSEC! A)
        11.106 desk   learns   Printer (2) at attic:631, 10.0.0.2
        11.270 desk   asks     _ipp._tcp PTR?  knows PTR Printer (2) 4499 s, PTR Printer 4498 s
        11.973 desk   says     desk A! 10.0.0.3, 10.0.0.3 PTR! desk
        12.081 attic  says     Printer (2) SRV! attic:631, TXT!, PTR Printer (2)
        13.694 desk   asks     _ipp._tcp PTR?  knows PTR Printer (2) 4498 s, PTR Printer 4496 s
    "#]]);
    assert_eq!(hall.services(), ["Printer._ipp._tcp.local"]);
    assert_eq!(attic.services(), ["Printer (2)._ipp._tcp.local"]);
    assert_eq!(desk.found().len(), 2);
}

/// A host with two links loses on one of them: it takes one new name, on both, once (§14).
///
/// covers: 6762-14-b, 6762-9-k, 6762-6.2-b, 6762-14-d
#[test]
fn a_name_that_is_lost_on_one_link_is_changed_on_all() {
    let mut net = net(7);
    let air = net.add_segment("air");
    let attic = net
        .host_nowhere("attic", "attic", Config::DEFAULT)
        .attach(&air)
        .advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(3));
    net.skip();
    let hall = net
        .host("hall")
        .attach(&air)
        .advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(4));
    net.expect(expect![[r#"
        3.103 hall/air asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.1.0.2, Printer SRV hall:631, TXT
        3.103 attic    says     to hall  Printer SRV! attic:631, TXT!  (+ attic A! 10.1.0.1, Printer NSEC! TXT SRV, attic NSEC! A)
        3.103 hall     renames  Printer -> Printer (2)
        3.165 hall/a   asks     hall ANY? QU, Printer (2)._ipp._tcp ANY? QU  for hall A 10.0.0.2, Printer (2) SRV hall:631, TXT
        3.349 hall/air asks     Printer (2)._ipp._tcp ANY? QU  for SRV hall:631, TXT
        3.353 hall/air asks     hall ANY?  for A 10.1.0.2
        3.415 hall/a   asks     hall ANY?, Printer (2)._ipp._tcp ANY?  for hall A 10.0.0.2, Printer (2) SRV hall:631, TXT
        3.599 hall/air asks     Printer (2)._ipp._tcp ANY?  for SRV hall:631, TXT
        3.603 hall/air asks     hall ANY?  for A 10.1.0.2
        3.665 hall/a   asks     hall ANY?, Printer (2)._ipp._tcp ANY?  for hall A 10.0.0.2, Printer (2) SRV hall:631, TXT
        3.849 hall/air asks     Printer (2)._ipp._tcp ANY?  for SRV hall:631, TXT
        3.853 hall/air says     hall A! 10.1.0.2, 10.1.0.2 PTR! hall
        3.915 hall/a   says     hall A! 10.0.0.2, 10.0.0.2 PTR! hall, Printer (2) SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
        3.915 hall     owns     hall
        4.099 hall/air says     Printer (2) SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
        4.099 hall     owns     Printer (2)
        4.853 hall/air says     hall A! 10.1.0.2, 10.1.0.2 PTR! hall
        4.915 hall/a   says     hall A! 10.0.0.2, 10.0.0.2 PTR! hall, Printer (2) SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
        5.099 hall/air says     Printer (2) SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer (2)
    "#]]);
    assert_eq!(hall.services(), ["Printer (2)._ipp._tcp.local"]);
    assert_eq!(attic.services(), ["Printer._ipp._tcp.local"]);
}

/// Both interfaces of a host on one wire: what one says the other hears, and it is no rival (§14).
///
/// covers: 6762-9-l, 6762-14-g
#[test]
fn two_interfaces_on_one_wire_are_no_rivals() {
    let mut net = net(7);
    let hall = net.host("hall");
    hall.attach(&net.segment())
        .advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(60));
    net.expect(expect![[r#"
        0.058 hall/a2 asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.0.255.254, Printer SRV hall:631, TXT
        0.117 hall/a  asks     hall ANY? QU, Printer._ipp._tcp ANY? QU  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.308 hall/a2 asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.255.254, Printer SRV hall:631, TXT
        0.367 hall/a  asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.558 hall/a2 asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.255.254, Printer SRV hall:631, TXT
        0.617 hall/a  asks     hall ANY?, Printer._ipp._tcp ANY?  for hall A 10.0.0.1, Printer SRV hall:631, TXT
        0.808 hall/a2 says     hall A! 10.0.255.254, 10.0.255.254 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        0.867 hall/a  says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        0.867 hall    owns     hall
        0.867 hall    owns     Printer
        1.808 hall/a2 says     hall A! 10.0.255.254, 10.0.255.254 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
        1.867 hall/a  says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall, Printer SRV! hall:631, TXT!, types PTR _ipp._tcp, PTR Printer
    "#]]);
    assert_eq!(hall.services(), ["Printer._ipp._tcp.local"]);
}

/// A cable is plugged into the wire that the host is on already. What the new interface announces would flush the address of the
/// old one from all caches: the old one speaks up within a second, and the two do not go on for ever (§14).
///
/// covers: 6762-14-f, 6762-14-g
#[test]
fn a_second_interface_on_a_wire_makes_the_first_speak_up() {
    let mut net = net(7);
    let hall = net.host("hall");
    let attic = net.host("attic").lookup("hall");
    net.run_for(secs(10));
    net.skip();
    hall.attach(&net.segment());
    net.run_for(secs(60));
    net.expect(expect![[r#"
        10.197 hall/a2 asks     hall ANY? QU  for A 10.0.255.254
        10.447 hall/a2 asks     hall ANY?  for A 10.0.255.254
        10.697 hall/a2 asks     hall ANY?  for A 10.0.255.254
        10.947 hall/a2 says     hall A! 10.0.255.254, 10.0.255.254 PTR! hall
        10.947 hall/a  says     hall A! 10.0.0.1  (+ NSEC! A)
        10.947 attic   hears    hall is at 10.0.255.254, 10.0.0.1
        11.947 hall/a2 says     hall A! 10.0.255.254, 10.0.255.254 PTR! hall
        11.948 hall/a  says     hall A! 10.0.0.1  (+ NSEC! A)
    "#]]);
    drop(attic);
}

/// A copy of what we said ourselves, however late, is no rival: not of a probe, not of an announcement, not of what has
/// changed since.
///
/// covers: 6762-8.2-k, 6762-9-l
#[test]
fn stale_copies_of_our_own_packets_change_nothing() {
    let mut net = net(7);
    net.hide(Kind::Done);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.run_for(secs(3));
    hall.update_txt("Printer", &["paper=A4"]);
    net.run_for(secs(5));
    net.skip();
    for packet in net.packets() {
        net.replay(&packet);
        net.run_for(secs(7));
    }
    net.expect(expect![[r#"
        29.000 hall   says     Printer TXT! paper=A4  (+ NSEC! TXT SRV)
        36.000 hall   says     Printer TXT! paper=A4  (+ NSEC! TXT SRV)
    "#]]);
    assert_eq!(hall.services(), ["Printer._ipp._tcp.local"]);
    assert_eq!(hall.stats().conflicts, 0);
}

/// A copy of our own probe arrives while we are still probing: no tie is broken (§8.2).
///
/// covers: 6762-8.2-k
#[test]
fn a_copy_of_our_own_probe_does_not_slow_us_down() {
    let mut net = net(7);
    net.hide(Kind::Done);
    let hall = net.host("hall");
    net.run_for(millis(300));
    for packet in net.packets() {
        net.replay(&packet);
        net.replay(&packet);
    }
    net.run_for(secs(3));
    net.expect(expect![[r#"
        0.117 hall   asks     hall ANY? QU  for A 10.0.0.1
        0.367 hall   asks     hall ANY?  for A 10.0.0.1
        0.617 hall   asks     hall ANY?  for A 10.0.0.1
        0.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall
        0.867 hall   owns     hall
        1.867 hall   says     hall A! 10.0.0.1, 10.0.0.1 PTR! hall
    "#]]);
    assert_eq!(hall.stats().deferred, 0);
}
