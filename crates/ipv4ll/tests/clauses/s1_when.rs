//! RFC 3927 §1.9: not beside a routable address.

use ipv4ll::{Event, Transmit};

use crate::support::*;

/// covers: 3927-1.9-a
#[test]
fn s1_9_no_link_local_address_beside_a_routable_one() {
    let mut bench = Bench::new(1);
    bench.machine.set_routable(bench.now, true);
    bench.machine.start(bench.now, None);
    bench.run_for(3_600_000);
    assert!(bench.sent.is_empty() && bench.events.is_empty());
    // It is alive all the same.
    bench.machine.set_routable(bench.now, false);
    bench.run_for(10_000);
    assert_eq!(bench.times(Transmit::Announcement).len(), 2);
}

/// covers: 3927-1.9-c
#[test]
fn s1_9_a_routable_address_ends_the_use_of_the_link_local_one_at_once() {
    let mut bench = Bench::settled(1);
    let at = ms(bench.now);
    bench.machine.set_routable(bench.now, true);
    bench.run_for(60_000);
    assert_eq!(bench.events, [(at, Event::Lost { address: ADDRESS })]);
    assert_eq!(bench.machine.address(), None);
    // It is not defended any more, and no requests for it are answered.
    bench.hear(announcement(ADDRESS));
    bench.hear(request(NEIGHBOUR, ADDRESS));
    assert!(bench.sent.is_empty());
}

/// Also in the middle of the claim.
///
/// covers: 3927-1.9-a, 3927-1.9-c
#[test]
fn s1_9_a_routable_address_ends_a_claim() {
    let mut bench = Bench::started(1);
    bench.run_until_sent(Transmit::Probe, 2);
    bench.machine.set_routable(bench.now, true);
    bench.run_for(60_000);
    assert_eq!(bench.sent.len(), 2);
    assert!(bench.events.is_empty());
}

/// covers: 3927-1.9-e, 3927-2.2-b
#[test]
fn s1_9_the_same_address_is_probed_for_again_when_the_routable_one_goes() {
    let mut bench = Bench::settled(1);
    bench.machine.set_routable(bench.now, true);
    bench.run_for(60_000);
    bench.events.clear();
    bench.machine.set_routable(bench.now, false);
    bench.run_for(10_000);
    assert_eq!(bench.candidates(), [ADDRESS]);
    assert_eq!(bench.times(Transmit::Probe).len(), 3);
    assert_eq!(bench.only_events(), [Event::Claimed { address: ADDRESS }]);
}

/// covers: none (that nothing happens twice)
#[test]
fn a_routable_address_that_is_reported_twice_changes_nothing() {
    let mut bench = Bench::settled(1);
    bench.machine.set_routable(bench.now, false);
    bench.machine.link_up(bench.now);
    bench.run_for(10_000);
    assert!(bench.sent.is_empty() && bench.events.is_empty());
}
