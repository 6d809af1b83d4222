//! Phase I of Apple's Bonjour Conformance Test, as far as public sources tell (docs/conformance/bct.md).

use std::net::Ipv4Addr;

use ipv4ll::{Event, Transmit};

use crate::support::*;

/// covers: BCT-I-1, BCT-I-4
#[test]
fn a_device_that_is_switched_on_probes_and_announces() {
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, None);
    bench.run_for(60_000);
    let kinds: Vec<_> = bench.sent.iter().map(|sent| sent.kind).collect();
    use Transmit::{Announcement, Probe};
    assert_eq!(kinds, [Probe, Probe, Probe, Announcement, Announcement]);
    let gaps: Vec<_> = bench
        .sent
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    assert!(gaps[..2].iter().all(|gap| (1_000..=2_000).contains(gap)));
    assert_eq!(gaps[2..], [2_000, 2_000]);
}

/// covers: BCT-I-2
#[test]
fn a_denied_probe_and_a_simultaneous_probe() {
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, None);
    bench.run_until_sent(Transmit::Probe, 1);
    bench.hear(reply(bench.candidates()[0], Ipv4Addr::UNSPECIFIED));
    bench.run_until_sent(Transmit::Probe, 2);
    let second = bench.candidates()[1];
    bench.hear(probe(second));
    bench.run_for(20_000);
    let [first, second, third] = bench.candidates()[..] else {
        panic!("three candidates: {:?}", bench.candidates());
    };
    assert!(first != second && second != third && first != third);
    assert_eq!(bench.machine.address(), Some(third));
}

/// covers: BCT-I-3
#[test]
fn an_hour_of_denials() {
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, None);
    while ms(bench.now) < 3_600_000 {
        let count = bench.sent.len() + 1;
        bench.run_until_sent(Transmit::Probe, count);
        let target = bench.sent[count - 1].packet.target;
        bench.hear(reply(target, Ipv4Addr::UNSPECIFIED));
    }
    assert!(
        (60..=71).contains(&bench.sent.len()),
        "{}",
        bench.sent.len()
    );
    bench.run_for(68_000);
    assert!(bench.machine.address().is_some());
}

/// covers: BCT-I-5
#[test]
fn subsequent_conflicts() {
    let mut bench = Bench::settled(1);
    bench.hear(announcement(ADDRESS));
    assert_eq!(bench.machine.address(), Some(ADDRESS));
    bench.run_for(5_000);
    bench.hear(announcement(ADDRESS));
    assert_eq!(bench.machine.address(), None);
    bench.run_for(10_000);
    assert!(
        bench
            .machine
            .address()
            .is_some_and(|address| address != ADDRESS)
    );
}

/// covers: BCT-I-6
#[test]
fn a_cable_that_is_plugged_into_a_link_where_the_address_is_taken() {
    let mut bench = Bench::settled(1);
    bench.machine.link_down(bench.now);
    bench.run_for(10_000);
    bench.machine.link_up(bench.now);
    bench.run_until_sent(Transmit::Probe, 1);
    assert_eq!(bench.candidates(), [ADDRESS]);
    bench.hear(reply(ADDRESS, Ipv4Addr::UNSPECIFIED));
    bench.run_for(20_000);
    assert_eq!(bench.times(Transmit::Announcement).len(), 2);
    let last = bench.only_events().pop();
    assert!(matches!(last, Some(Event::Claimed { address }) if address != ADDRESS));
}
