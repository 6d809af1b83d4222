//! RFC 3927 §2.2: probing.

use std::{net::Ipv4Addr, time::Duration};

use ipv4ll::{
    Event, HardwareAddress, Transmit,
    arp::{Operation, Packet},
};

use crate::support::*;

/// covers: 3927-2.2-a
#[test]
fn s2_2_the_address_is_not_used_before_the_claim_ends() {
    let mut bench = Bench::started(3);
    loop {
        let next = bench.machine.poll_timeout().expect("the claim goes on");
        bench.run_for(ms(next).saturating_sub(ms(bench.now)) + 1);
        if bench.machine.address().is_some() {
            break;
        }
        // Nobody is answered, and nothing is sent but probes.
        bench.hear(request(NEIGHBOUR, ADDRESS));
        assert!(bench.sent.iter().all(|sent| sent.kind == Transmit::Probe));
        assert!(
            bench
                .sent
                .iter()
                .all(|sent| sent.packet.sender.is_unspecified())
        );
        assert!(bench.events.is_empty());
    }
    assert_eq!(bench.times(Transmit::Probe).len(), 3);
}

/// covers: 3927-2.2-b
#[test]
fn s2_2_a_link_that_comes_up_starts_with_the_address_before() {
    let mut bench = Bench::settled(1);
    bench.machine.link_down(bench.now);
    bench.run_for(20_000);
    assert_eq!(bench.only_events(), [Event::Lost { address: ADDRESS }]);
    // Nothing is sent, answered or defended without a link.
    bench.hear(request(NEIGHBOUR, ADDRESS));
    bench.hear(announcement(ADDRESS));
    assert!(bench.sent.is_empty());
    bench.machine.link_up(bench.now);
    let up = ms(bench.now);
    bench.run_for(10_000);
    assert_eq!(bench.candidates(), [ADDRESS]);
    let probes = bench.times(Transmit::Probe);
    assert_eq!(probes.len(), 3);
    assert!(probes[0] - up <= 1_000);
    let claimed = bench.events.last().expect("an event");
    assert_eq!(claimed.1, Event::Claimed { address: ADDRESS });
    assert!((4_000..=7_000).contains(&(claimed.0 - up)));
}

/// covers: 3927-2.2-b
#[test]
fn s2_2_a_link_that_goes_down_while_probing_starts_anew() {
    let mut bench = Bench::started(1);
    bench.run_until_sent(Transmit::Probe, 3);
    bench.machine.link_down(bench.now);
    bench.run_for(5_000);
    bench.machine.link_up(bench.now);
    bench.run_for(10_000);
    assert_eq!(bench.times(Transmit::Probe).len(), 6);
    assert_eq!(bench.candidates(), [ADDRESS]);
}

/// covers: 3927-2.2-c, 3927-4-a, 5227-2.1-b
#[test]
fn s2_2_a_day_of_silence() {
    let mut bench = Bench::settled(1);
    bench.run_for(24 * 3_600_000);
    assert!(bench.sent.is_empty() && bench.events.is_empty());
    assert_eq!(bench.machine.poll_timeout(), None);
    // It is alive all the same.
    bench.hear(request(NEIGHBOUR, ADDRESS));
    assert_eq!(bench.times(Transmit::Reply).len(), 1);
}

/// covers: 3927-2.2.1-a, 3927-2.2.1-b, 3927-2.2.1-c, 3927-2.2.1-d
#[test]
fn s2_2_1_the_fields_of_a_probe() {
    let mut bench = Bench::started(1);
    bench.run_until_sent(Transmit::Probe, 3);
    for sent in &bench.sent {
        assert_eq!(sent.destination, HardwareAddress::BROADCAST);
        assert_eq!(
            sent.packet,
            Packet {
                operation: Operation::Request,
                sender_hardware: OWN,
                sender: Ipv4Addr::UNSPECIFIED,
                target_hardware: HardwareAddress::ZERO,
                target: ADDRESS,
            }
        );
        assert_eq!(sent.frame[6..12], OWN.0);
    }
}

/// covers: 3927-2.2.1-e
#[test]
fn s2_2_1_three_probes_at_random_times() {
    let (mut waits, mut gaps) = (Vec::new(), Vec::new());
    for seed in 0..200 {
        let mut bench = Bench::started(seed);
        bench.run_for(20_000);
        let [first, second, third] = bench.times(Transmit::Probe)[..] else {
            panic!("three probes: {:?}", bench.sent);
        };
        waits.push(first);
        gaps.extend([second - first, third - second]);
    }
    assert_spread(&waits, 0, 1_000);
    assert_spread(&gaps, 1_000, 2_000);
}

/// At each point of the claim: in the first wait, between probes, and up to two seconds after the last.
///
/// covers: 3927-2.2.1-f, 5227-2.1.1-a
#[test]
fn s2_2_1_the_address_of_another_host_is_not_taken() {
    for heard in [
        request(ADDRESS, NEIGHBOUR),
        announcement(ADDRESS),
        reply(ADDRESS, Ipv4Addr::UNSPECIFIED),
    ] {
        for (probes, after) in [(0, 0), (1, 500), (2, 500), (3, 0), (3, 1_999)] {
            let mut bench = Bench::started(5);
            bench.run_until_sent(Transmit::Probe, probes);
            bench.run_for(after);
            bench.hear(heard);
            let conflict = Event::Conflict {
                address: ADDRESS,
                hardware: OTHER,
            };
            assert_eq!(bench.only_events(), [conflict], "{probes} {after}");
            bench.sent.clear();
            bench.run_for(20_000);
            let [other] = bench.candidates()[..] else {
                panic!("one other candidate: {:?}", bench.candidates());
            };
            assert_ne!(other, ADDRESS);
            // The whole process again.
            assert_eq!(bench.times(Transmit::Probe).len(), 3);
            assert_eq!(bench.machine.address(), Some(other));
        }
    }
}

/// covers: 3927-2.2.1-f, 3927-2.2.1-l
#[test]
fn s2_2_1_two_seconds_after_the_last_probe_the_address_is_claimed() {
    let mut bench = Bench::started(5);
    bench.run_until_sent(Transmit::Probe, 3);
    let last = ms(bench.now);
    bench.run_for(1_999);
    assert!(bench.events.is_empty());
    bench.run_for(2);
    assert_eq!(
        bench.events,
        [(last + 2_000, Event::Claimed { address: ADDRESS })]
    );
    // What comes now is a matter of defence.
    bench.hear(announcement(ADDRESS));
    assert_eq!(bench.machine.address(), Some(ADDRESS));
}

/// A packet that waited in a buffer while the driver was late.
///
/// covers: 3927-2.2.1-f
#[test]
fn s2_2_1_a_conflict_that_is_read_late_still_prevents_the_claim() {
    let mut bench = Bench::started(5);
    bench.run_until_sent(Transmit::Probe, 3);
    bench.now += Duration::from_secs(10);
    bench.hear(reply(ADDRESS, Ipv4Addr::UNSPECIFIED));
    assert!(matches!(bench.only_events()[..], [Event::Conflict { .. }]));
}

/// covers: 3927-2.2.1-g
#[test]
fn s2_2_1_a_probe_of_another_host_for_the_same_address_is_a_conflict() {
    for probes in 0..=3 {
        let mut bench = Bench::started(5);
        bench.run_until_sent(Transmit::Probe, probes);
        // A probe for another address, and an ordinary request for this one, are none.
        bench.hear(probe(NEIGHBOUR));
        bench.hear(request(NEIGHBOUR, ADDRESS));
        assert!(bench.events.is_empty());
        bench.hear(probe(ADDRESS));
        assert_eq!(bench.events.len(), 1);
        bench.sent.clear();
        bench.run_for(20_000);
        assert!(!bench.candidates().contains(&ADDRESS));
    }
}

/// covers: 3927-2.2.1-h
#[test]
fn s2_2_1_packets_of_our_own_that_come_back_are_no_conflict() {
    let mut bench = Bench::started(5);
    let mut heard = 0;
    while bench.machine.poll_timeout().is_some() {
        let next = bench.machine.poll_timeout().expect("due");
        bench.now = bench.now.max(next);
        bench.machine.handle_timeout(bench.now);
        bench.drain();
        for sent in bench.sent.split_off(heard) {
            bench.sent.push(sent);
            bench.machine.handle_frame(bench.now, &sent.frame);
            bench.drain();
        }
        heard = bench.sent.len();
    }
    assert_eq!(bench.only_events(), [Event::Claimed { address: ADDRESS }]);
    assert_eq!(bench.sent.len(), 5);
}

/// Denies each probe at once, and returns when each candidate was probed for first.
fn denied(bench: &mut Bench, candidates: usize) -> Vec<u64> {
    let mut firsts = Vec::new();
    for n in 1..=candidates {
        bench.run_until_sent(Transmit::Probe, n);
        let probe = *bench.sent.last().expect("a probe");
        firsts.push(probe.at);
        bench.hear(reply(probe.packet.target, Ipv4Addr::UNSPECIFIED));
    }
    firsts
}

/// covers: 3927-2.2.1-i, 3927-2.2.1-j, 3927-2.2.1-k, 5227-2.1.1-c
#[test]
fn s2_2_1_after_ten_conflicts_one_address_a_minute() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed);
        bench.machine.start(bench.now, None);
        let firsts = denied(&mut bench, 40);
        assert_eq!(bench.machine.conflicts(), 40);
        let gaps: Vec<_> = firsts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Ten candidates without a pause, and from then on one a minute, without a burst, as long as they are denied.
        assert!(gaps[..9].iter().all(|&gap| gap <= 1_000), "{gaps:?}");
        assert!(
            gaps[9..]
                .iter()
                .all(|&gap| (60_000..=61_000).contains(&gap)),
            "{gaps:?}"
        );
        let mut tried = bench.candidates();
        tried.sort();
        tried.dedup();
        assert!(tried.len() >= 39);
    }
}

/// covers: 3927-2.2.1-k
#[test]
fn s2_2_1_only_a_claim_ends_the_limit() {
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, None);
    denied(&mut bench, 15);
    // An hour without a link is no success.
    bench.machine.link_down(bench.now);
    bench.run_for(3_600_000);
    bench.machine.link_up(bench.now);
    assert_eq!(bench.machine.conflicts(), 15);
    bench.run_for(70_000);
    assert!(bench.machine.address().is_some());
    // An address that was used for a minute is one.
    bench.run_for(60_000);
    bench.machine.link_down(bench.now);
    assert_eq!(bench.machine.conflicts(), 0);
}

/// Packets that name each candidate before it is probed for do not silence the host for longer than they come.
///
/// covers: 3927-2.2.1-j
#[test]
fn s2_2_1_conflicts_before_the_first_probe_do_not_move_the_next_minute() {
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, None);
    denied(&mut bench, 10);
    let from = ms(bench.now);
    let mut sequence = Bench::new(2);
    sequence.machine.start(sequence.now, None);
    denied(&mut sequence, 40);
    let names = sequence.candidates();
    for name in &names[10..30] {
        bench.run_for(2_000);
        bench.hear(announcement(*name));
    }
    assert_eq!(bench.machine.conflicts(), 30);
    bench.sent.clear();
    bench.run_until_sent(Transmit::Probe, 1);
    let first = ms(bench.now) - from;
    assert!((60_000..=61_000).contains(&first), "{first}");
}

/// covers: 3927-2.2.1-m
#[test]
fn s2_2_1_a_reply_to_a_third_host_counts() {
    let mut bench = Bench::started(5);
    bench.run_until_sent(Transmit::Probe, 1);
    let mut frame = [0; ipv4ll::FRAME_LEN];
    let third = HardwareAddress([2, 0, 0, 0, 0, 33]);
    let mut heard = reply(ADDRESS, NEIGHBOUR);
    heard.target_hardware = third;
    heard.write(third, &mut frame);
    bench.machine.handle_frame(bench.now, &frame);
    bench.drain();
    assert!(matches!(bench.only_events()[..], [Event::Conflict { .. }]));
}
