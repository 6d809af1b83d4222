//! RFC 3927 §2.1: which address is chosen.

use std::{collections::HashSet, net::Ipv4Addr};

use ipv4ll::{AddressMachine, FRAME_LEN, HardwareAddress, is_candidate};

use crate::support::*;

/// The first address that a host with this interface tries.
fn first(n: u32, seed: u64, previous: Option<Ipv4Addr>) -> Ipv4Addr {
    let [a, b, c, d] = n.to_be_bytes();
    let mut machine = AddressMachine::new(HardwareAddress([2, 0, a, b, c, d]), seed);
    machine.start(ipv4ll::Instant::ZERO, previous);
    let mut frame = [0; FRAME_LEN];
    let later = ipv4ll::Instant::from_millis(1_000);
    machine.poll_transmit(later, &mut frame).expect("a probe");
    ipv4ll::arp::Packet::parse(&frame).expect("ARP").target
}

/// covers: 3927-2.1-a, 3927-2.1-b
#[test]
fn s2_1_addresses_are_spread_over_the_range_and_never_outside() {
    let mut thirds = [0u32; 256];
    let mut fourths = [0u32; 256];
    for n in 0..100_000 {
        let [a, b, third, fourth] = first(n, 1, None).octets();
        assert_eq!([a, b], [169, 254]);
        thirds[usize::from(third)] += 1;
        fourths[usize::from(fourth)] += 1;
    }
    // §2.1: the first and the last 256 are reserved.
    assert_eq!((thirds[0], thirds[255]), (0, 0));
    // 394 each on average.
    let is_even = |counts: &[u32]| counts.iter().all(|n| (290..500).contains(n));
    assert!(is_even(&thirds[1..255]), "{thirds:?}");
    assert!(is_even(&fourths), "{fourths:?}");
}

/// covers: 3927-2.1-b
#[test]
fn s2_1_the_limits_of_the_range() {
    for (address, is_allowed) in [
        ([169, 254, 0, 255], false),
        ([169, 254, 1, 0], true),
        ([169, 254, 254, 255], true),
        ([169, 254, 255, 0], false),
        ([169, 253, 7, 7], false),
        ([10, 0, 0, 1], false),
    ] {
        assert_eq!(is_candidate(address.into()), is_allowed, "{address:?}");
    }
}

/// covers: 3927-2.1-c
#[test]
fn s2_1_hosts_that_start_together_choose_differently() {
    let firsts: HashSet<_> = (0..100).map(|n| first(n, 7, None)).collect();
    assert!(firsts.len() >= 99, "{}", firsts.len());

    let sequence = |hardware| {
        let mut bench = Bench::of(hardware, 7);
        bench.machine.start(bench.now, None);
        for n in 1..6 {
            bench.run_until_sent(ipv4ll::Transmit::Probe, n);
            let target = bench.sent.last().expect("a probe").packet.target;
            bench.hear(reply(target, NEIGHBOUR));
        }
        bench.candidates()
    };
    let (ours, others) = (sequence(OWN), sequence(HardwareAddress([2, 0, 0, 0, 0, 2])));
    assert_eq!(ours.len(), 5);
    assert!(ours.iter().all(|address| !others.contains(address)));
}

/// The seed, which differs from start to start, does not matter.
///
/// covers: 3927-2.1-d
#[test]
fn s2_1_the_same_interface_tries_the_same_address_first() {
    for seed in 0..50 {
        assert_eq!(first(1, seed, None), first(1, 99, None));
    }
}

/// covers: 3927-2.1-e, 3927-2.1-f
#[test]
fn s2_1_a_remembered_address_comes_first() {
    assert_eq!(first(1, 1, Some(ADDRESS)), ADDRESS);
    // What cannot have been chosen is ignored.
    for outside in [[169, 254, 0, 1], [169, 254, 255, 1], [10, 0, 0, 1], [0; 4]] {
        assert_eq!(first(1, 1, Some(outside.into())), first(1, 1, None));
    }
}
