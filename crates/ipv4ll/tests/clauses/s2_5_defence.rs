//! RFC 3927 §2.5: conflicts in use.

use std::time::Duration;

use ipv4ll::{Event, HardwareAddress, Policy, Transmit, arp::Operation};

use crate::support::*;

const LOST: Event = Event::Lost { address: ADDRESS };
const DEFENDED: Event = Event::Defended {
    address: ADDRESS,
    hardware: OTHER,
};
const CONFLICT: Event = Event::Conflict {
    address: ADDRESS,
    hardware: OTHER,
};

/// covers: 3927-2.5-a
#[test]
fn s2_5_any_packet_with_our_address_as_its_sender_is_a_conflict() {
    for heard in [
        announcement(ADDRESS),
        request(ADDRESS, NEIGHBOUR),
        reply(ADDRESS, NEIGHBOUR),
    ] {
        let mut bench = Bench::settled(1);
        bench.hear(heard);
        assert_eq!(bench.only_events(), [DEFENDED]);
    }
    let mut bench = Bench::settled(1);
    for heard in [
        request(NEIGHBOUR, ADDRESS),
        probe(ADDRESS),
        reply(NEIGHBOUR, ADDRESS),
        packet(Operation::Request, OWN, ADDRESS, ADDRESS),
    ] {
        bench.hear(heard);
    }
    assert!(bench.events.is_empty());
}

/// covers: 3927-2.5-b
#[test]
fn s2_5_policy_yield_takes_another_address_at_once() {
    let mut bench = Bench::settled(1);
    bench.machine.set_policy(Policy::Yield);
    bench.hear(announcement(ADDRESS));
    assert_eq!(bench.only_events(), [CONFLICT, LOST]);
    assert!(bench.sent.is_empty());
    bench.run_for(10_000);
    let new = bench.machine.address().expect("another address");
    assert_ne!(new, ADDRESS);
}

/// covers: 3927-2.5-b, 3927-2.5-c
#[test]
fn s2_5_the_first_conflict_is_defended_with_one_announcement() {
    let mut bench = Bench::settled(1);
    let at = ms(bench.now);
    bench.hear(announcement(ADDRESS));
    bench.run_for(3_600_000);
    assert_eq!(bench.times(Transmit::Announcement), [at]);
    assert_eq!(bench.sent[0].destination, HardwareAddress::BROADCAST);
    assert_eq!(bench.events, [(at, DEFENDED)]);
    assert_eq!(bench.machine.address(), Some(ADDRESS));
}

/// covers: 3927-2.5-d, 3927-2.5-e
#[test]
fn s2_5_a_second_conflict_within_ten_seconds_ends_the_use() {
    for (gap, is_lost) in [(0, true), (9_999, true), (10_001, false)] {
        let mut bench = Bench::settled(1);
        bench.hear(announcement(ADDRESS));
        bench.run_for(gap);
        let at = ms(bench.now);
        bench.hear(announcement(ADDRESS));
        bench.run_for(20_000);
        if is_lost {
            assert_eq!(
                bench.events[..3].iter().map(|e| e.1).collect::<Vec<_>>(),
                [DEFENDED, CONFLICT, LOST]
            );
            assert_eq!(bench.events[2].0, at);
            assert_ne!(bench.machine.address(), Some(ADDRESS));
        } else {
            assert_eq!(bench.only_events(), [DEFENDED, DEFENDED]);
            assert_eq!(bench.machine.address(), Some(ADDRESS));
        }
    }
}

/// Conflicts that are far enough apart are each defended, for ever.
///
/// covers: 3927-2.5-c, 3927-2.5-d
#[test]
fn s2_5_the_time_counts_from_the_last_conflict() {
    let mut bench = Bench::settled(1);
    for _ in 0..100 {
        bench.hear(announcement(ADDRESS));
        bench.run_for(10_500);
    }
    assert_eq!(bench.machine.address(), Some(ADDRESS));
    assert_eq!(bench.times(Transmit::Announcement).len(), 100);
}

/// A conflict before the claim does not count as the first one in use.
///
/// covers: 3927-2.5-c
#[test]
fn s2_5_a_new_address_may_be_defended() {
    let mut bench = Bench::started(1);
    bench.hear(announcement(ADDRESS));
    bench.run_until_sent(Transmit::Announcement, 1);
    let address = bench.machine.address().expect("an address");
    bench.hear(announcement(address));
    assert_eq!(bench.machine.address(), Some(address));
}

/// The application hears of the loss before any packet for the next address.
///
/// covers: 3927-2.5-f
#[test]
fn s2_5_the_loss_is_told_before_anything_else_is_sent() {
    let mut bench = Bench::settled(1);
    bench.machine.set_policy(Policy::Yield);
    bench.hear(announcement(ADDRESS));
    let lost = bench.events.last().expect("an event");
    assert_eq!(*lost, (ms(bench.now), LOST));
    assert!(bench.sent.is_empty());
}

/// covers: 3927-2.5-g, 5227-2.6-a
#[test]
fn s2_5_replies_of_a_link_local_address_are_broadcast() {
    let mut bench = Bench::settled(1);
    let mut frame = [0; ipv4ll::FRAME_LEN];
    request(NEIGHBOUR, ADDRESS).write(OWN, &mut frame);
    bench.machine.handle_frame(bench.now, &frame);
    bench.drain();
    let [sent] = bench.sent[..] else {
        panic!("one reply: {:?}", bench.sent);
    };
    assert_eq!(sent.destination, HardwareAddress::BROADCAST);
    assert_eq!(sent.packet.operation, Operation::Reply);
    assert_eq!(sent.packet.sender_hardware, OWN);
    assert_eq!(sent.packet.sender, ADDRESS);
    assert_eq!(sent.packet.target_hardware, OTHER);
    assert_eq!(sent.packet.target, NEIGHBOUR);
}

/// The reply of a routable address goes to the one who asked.
///
/// covers: 5227-2.6-a
#[test]
fn s2_6_replies_of_other_addresses_are_unicast() {
    let mut bench = Bench::new(1);
    bench.machine.claim(bench.now, ROUTABLE).unwrap();
    bench.settle();
    bench.hear(request(NEIGHBOUR, ROUTABLE));
    assert_eq!(bench.sent[0].destination, OTHER);
}

/// From the first conflict on, another host and we both say that the address is ours.
///
/// covers: 3927-2.5-h
#[test]
fn s2_5_the_lost_address_is_not_tried_next() {
    for n in 0..200 {
        let mut bench = Bench::of(HardwareAddress([2, 0, 0, 0, 1, n]), 1);
        bench.machine.start(bench.now, None);
        bench.settle();
        bench.machine.set_policy(Policy::Yield);
        let lost = bench.machine.address().expect("an address");
        bench.hear(announcement(lost));
        bench.run_for(1_000);
        assert!(!bench.candidates().contains(&lost));
    }
    // Also when the next of the sequence would be the same: the one that was remembered is the first of the sequence.
    let mut fresh = Bench::new(1);
    fresh.machine.start(fresh.now, None);
    fresh.settle();
    let first = fresh.machine.address();
    let mut bench = Bench::new(1);
    bench.machine.start(bench.now, first);
    bench.run_until_sent(Transmit::Probe, 1);
    bench.hear(announcement(first.expect("an address")));
    bench.run_for(10_000);
    assert_ne!(bench.machine.address(), first);
    assert!(bench.machine.address().is_some());
}

/// A neighbour that lets us claim each address and then contests it is limited too.
///
/// covers: 5227-2.1.1-c
#[test]
fn s2_5_conflicts_in_use_count_for_the_limit() {
    let mut bench = Bench::settled(1);
    bench.machine.set_policy(Policy::Yield);
    let from = ms(bench.now);
    let mut addresses = 0;
    while ms(bench.now) < from + 3_600_000 {
        if let Some(address) = bench.machine.address() {
            addresses += 1;
            bench.hear(announcement(address));
        }
        bench.run_for(1_000);
    }
    // Ten without a pause, then one a minute.
    assert!((50..=70).contains(&addresses), "{addresses}");
}

/// The machine counts in 32 bits: what is longer ago than 71 minutes stays so, however long nobody called it.
///
/// covers: 3927-2.5-c, 3927-2.2.1-j
#[test]
fn s2_5_a_pause_of_hours_or_days_is_a_pause() {
    // Just before, at and after 2^32 microseconds, and twice that, where a time that wraps is small again.
    for secs in [4_294, 4_295, 4_296, 8_590, 90 * 86_400] {
        let mut bench = Bench::settled(1);
        bench.hear(announcement(ADDRESS));
        bench.now += Duration::from_secs(secs);
        bench.machine.handle_timeout(bench.now);
        bench.hear(announcement(ADDRESS));
        assert_eq!(bench.only_events(), [DEFENDED, DEFENDED]);
        assert_eq!(bench.machine.conflicts(), 1);
        // And what is due is due at once, not later.
        bench.machine.link_down(bench.now);
        bench.machine.link_up(bench.now);
        bench.now += Duration::from_secs(secs);
        bench.sent.clear();
        bench.drain();
        assert_eq!(bench.times(Transmit::Probe).len(), 1);
    }
}
