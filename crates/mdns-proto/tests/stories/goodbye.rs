//! What was said changes, or ends (RFC 6762 §8.4, §10.1).

use super::{millis, net, secs};
use expect_test::expect;

/// A service that is withdrawn says goodbye; a browser takes its leave of it a second later (§10.1).
///
/// covers: 6762-10.1-a, 6762-10.1-b, 6763-9-d, 6763-F-c
#[test]
fn a_withdrawn_service_says_goodbye() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    net.host("attic").browse("_ipp._tcp");
    net.run_for(secs(5));
    net.skip();
    hall.withdraw("Printer");
    net.run_for(secs(5));
    net.expect(expect![[r#"
        5.000 hall   says     bye Printer SRV! hall:631, bye TXT!, bye types PTR _ipp._tcp, bye PTR Printer
        6.000 attic  loses    Printer
        7.481 attic  asks     _ipp._tcp PTR?
    "#]]);
}

/// A host that is shut down takes back all it has said.
///
/// covers: 6762-10.1-a, 6763-7.1-f
#[test]
fn a_shut_down_host_takes_everything_back() {
    let mut net = net(7);
    let hall = net.host("hall").dual_stack().advertise_with(
        "Printer",
        "_ipp._tcp",
        631,
        &[],
        &["_universal"],
    );
    net.run_for(secs(5));
    net.skip();
    hall.shutdown();
    net.run_for(secs(60));
    net.expect(expect![[r#"
        5.000 hall   says     bye hall A! 10.0.0.1, bye 10.0.0.1 PTR! hall, bye hall AAAA! fe80::1, bye fe80::1 PTR! hall, bye Printer SRV! hall:631, bye TXT!, bye _universal PTR Printer, bye types PTR _ipp._tcp, bye PTR Printer
        5.000 hall/6 says     bye hall A! 10.0.0.1, bye 10.0.0.1 PTR! hall, bye hall AAAA! fe80::1, bye fe80::1 PTR! hall, bye Printer SRV! hall:631, bye TXT!, bye _universal PTR Printer, bye types PTR _ipp._tcp, bye PTR Printer
    "#]]);
}

/// What was never announced says no goodbye.
///
/// covers: 6762-10.1-g
#[test]
fn a_service_that_is_withdrawn_while_probing_just_ends() {
    let mut net = net(7);
    let hall = net.host("hall");
    net.run_for(secs(3));
    net.skip();
    hall.advertise("Printer", "_ipp._tcp", 631);
    net.run_for(millis(400));
    hall.withdraw("Printer");
    net.run_for(secs(5));
    net.expect(expect![[r#"
        3.200 hall   asks     Printer._ipp._tcp ANY? QU  for SRV hall:631, TXT
    "#]]);
}

/// New attributes are announced at once, without probing, and once more (§8.4).
///
/// covers: 6762-8.4-a, 6762-8.4-c, 6762-8.4-e, 6763-F-d
#[test]
fn new_attributes_are_announced() {
    let mut net = net(7);
    let hall = net
        .host("hall")
        .advertise_with("Printer", "_ipp._tcp", 631, &["paper=A4"], &[]);
    net.host("attic").browse("_ipp._tcp");
    net.run_for(secs(5));
    net.skip();
    hall.update_txt("Printer", &["paper=A3"]);
    net.run_for(secs(5));
    net.expect(expect![[r#"
        5.000 hall   says     Printer TXT! paper=A3
        5.000 attic  learns   Printer at hall:631, 10.0.0.1, paper=A3
        6.000 hall   says     Printer TXT! paper=A3
        7.481 attic  asks     _ipp._tcp PTR?  knows PTR Printer 4494 s
    "#]]);
}

/// A host without power says nothing. The last fifth of the time of its PTR it is asked for four times more; then it is gone
/// (§5.2).
///
/// covers: 6762-5.2-f, 6762-5.2-g, 6762-5.2-i, 6763-F-c
#[test]
fn a_service_that_vanished_is_asked_for_until_its_time_is_over() {
    let mut net = net(7);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    let attic = net.host("attic").browse("_ipp._tcp");
    net.run_for(secs(5));
    hall.crash();
    net.run_for(secs(3000));
    net.skip();
    net.run_for(secs(1600));
    net.expect(expect![[r#"
        3633.476 attic  asks     _ipp._tcp PTR?
        3858.476 attic  asks     _ipp._tcp PTR?
        4083.476 attic  asks     _ipp._tcp PTR?
        4308.476 attic  asks     _ipp._tcp PTR?
        4364.739 attic  asks     _ipp._tcp PTR?
        4501.867 attic  loses    Printer
    "#]]);
    assert!(attic.found().is_empty());
}

/// A service that is registered anew at once is announced when its goodbye is a second old, not before (§6). Found by
/// simulation: `cargo xtask sim --world bad-air --seed 707`.
///
/// covers: 6762-6-v
#[test]
fn an_announcement_keeps_its_distance_from_the_goodbye() {
    for seed in 0..20 {
        let mut net = net(seed);
        let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
        net.run_for(secs(10));
        hall.withdraw("Printer");
        net.run_for(millis(10));
        net.skip();
        hall.advertise("Printer", "_ipp._tcp", 631);
        net.run_for(millis(989));
        let page = net.transcript();
        assert!(!page.contains(" says "), "seed {seed}: {page}");
        net.run_for(millis(300));
        let page = net.transcript();
        assert!(page.contains(" says "), "seed {seed}: {page}");
    }
}
