//! What RFC 5227 adds: addresses that are given, three policies, replies.

use ipv4ll::{Event, FRAME_LEN, HardwareAddress, Policy, Transmit};

use crate::support::*;

fn claiming() -> Bench {
    let mut bench = Bench::new(1);
    bench.machine.claim(bench.now, ROUTABLE).unwrap();
    bench
}

/// covers: 5227-2.1-a
#[test]
fn s2_1_a_given_address_is_probed_for_before_it_is_used() {
    let mut bench = claiming();
    // A routable address is what it is for.
    bench.machine.set_routable(bench.now, true);
    bench.run_for(20_000);
    assert_eq!(bench.candidates(), [ROUTABLE]);
    assert_eq!(bench.times(Transmit::Probe).len(), 3);
    assert_eq!(bench.times(Transmit::Announcement).len(), 2);
    assert_eq!(bench.only_events(), [Event::Claimed { address: ROUTABLE }]);
}

/// covers: 5227-2.1-a
#[test]
fn s2_1_a_check_announces_nothing() {
    let mut bench = Bench::new(1);
    bench.machine.check(bench.now, ROUTABLE).unwrap();
    bench.run_for(3_600_000);
    let kinds: Vec<_> = bench.sent.iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, [Transmit::Probe; 3]);
    let last = bench.sent[2].at;
    assert_eq!(
        bench.events,
        [(last + 2_000, Event::Unused { address: ROUTABLE })]
    );
    assert_eq!(bench.machine.address(), None);
    // It has ended: nothing is answered, and a link that comes back does not begin it again.
    bench.hear(request(NEIGHBOUR, ROUTABLE));
    bench.machine.link_down(bench.now);
    bench.machine.link_up(bench.now);
    bench.run_for(20_000);
    assert_eq!((bench.sent.len(), bench.events.len()), (3, 1));
}

/// covers: 5227-2.1.1-a
#[test]
fn s2_1_1_whoever_gave_the_address_is_told_of_a_conflict() {
    for is_check in [false, true] {
        let mut bench = claiming();
        if is_check {
            bench.machine.check(bench.now, ROUTABLE).unwrap();
        }
        bench.run_until_sent(Transmit::Probe, 2);
        bench.hear(reply(ROUTABLE, NEIGHBOUR));
        bench.run_for(3_600_000);
        let conflict = Event::Conflict {
            address: ROUTABLE,
            hardware: OTHER,
        };
        assert_eq!(bench.only_events(), [conflict]);
        // No other address is chosen.
        assert_eq!(bench.sent.len(), 2);
    }
}

/// covers: 5227-2.1.1-b
#[test]
fn s2_1_1_a_probe_of_another_interface_of_this_host_is_no_conflict() {
    let second = HardwareAddress([2, 0, 0, 0, 0, 2]);
    let mut frame = [0; FRAME_LEN];
    for (own, is_conflict) in [(&[second][..], false), (&[], true), (&[OTHER], true)] {
        let mut bench = claiming();
        bench.run_until_sent(Transmit::Probe, 1);
        let mut heard = probe(ROUTABLE);
        heard.sender_hardware = second;
        heard.write(HardwareAddress::BROADCAST, &mut frame);
        bench.machine.handle_frame_of_host(bench.now, &frame, own);
        bench.drain();
        assert_eq!(bench.events.len(), usize::from(is_conflict));
    }
    // A link-local address is for one interface alone (RFC 3927 §2.2.1).
    let mut bench = Bench::started(1);
    let mut heard = probe(ADDRESS);
    heard.sender_hardware = second;
    heard.write(HardwareAddress::BROADCAST, &mut frame);
    bench
        .machine
        .handle_frame_of_host(bench.now, &frame, &[second]);
    bench.drain();
    assert_eq!(bench.events.len(), 1);
}

/// The count outlives the address: a DHCP server that gives one bad address after another is limited too.
///
/// covers: 5227-2.1.1-c
#[test]
fn s2_1_1_given_addresses_are_limited_too() {
    let mut bench = Bench::new(1);
    let mut firsts = Vec::new();
    for n in 1..15 {
        let address = [192, 0, 2, n as u8].into();
        bench.machine.claim(bench.now, address).unwrap();
        bench.run_until_sent(Transmit::Probe, n);
        firsts.push(ms(bench.now));
        bench.hear(reply([192, 0, 2, n as u8].into(), NEIGHBOUR));
    }
    let gaps: Vec<_> = firsts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..9].iter().all(|&gap| gap <= 1_000), "{gaps:?}");
    assert!(gaps[9..].iter().all(|&gap| gap >= 60_000), "{gaps:?}");
}

/// covers: 5227-2.4-a
#[test]
fn s2_4_a_given_address_is_given_up_as_the_policy_says() {
    for (policy, conflicts) in [(Policy::Yield, 1), (Policy::Defend, 2)] {
        let mut bench = claiming();
        bench.machine.set_policy(policy);
        bench.settle();
        for _ in 0..conflicts {
            assert_eq!(bench.machine.address(), Some(ROUTABLE));
            bench.hear(announcement(ROUTABLE));
            bench.run_for(1_000);
        }
        let lost = bench.only_events();
        assert_eq!(lost.last(), Some(&Event::Lost { address: ROUTABLE }));
        bench.sent.clear();
        bench.run_for(3_600_000);
        assert!(bench.sent.is_empty());
    }
}

/// Conflicts each second for a minute: only the first is defended, and it is told once.
///
/// covers: 5227-2.4-a, 5227-2.4-b, 5227-2.4-c
#[test]
fn s2_4_policy_keep_keeps_the_address_and_defends_it_once() {
    let mut bench = claiming();
    bench.machine.set_policy(Policy::Keep);
    bench.settle();
    for _ in 0..60 {
        bench.hear(announcement(ROUTABLE));
        bench.run_for(1_000);
    }
    assert_eq!(bench.machine.address(), Some(ROUTABLE));
    assert_eq!(bench.times(Transmit::Announcement).len(), 1);
    assert!(matches!(bench.only_events()[..], [Event::Defended { .. }]));
    // After ten quiet seconds it is defended again.
    bench.run_for(9_001);
    bench.hear(announcement(ROUTABLE));
    assert_eq!(bench.times(Transmit::Announcement).len(), 2);
}

/// covers: 5227-2.5-a
#[test]
fn s2_5_requests_and_probes_are_answered_from_the_first_announcement_on() {
    for address in [ADDRESS, ROUTABLE] {
        let mut bench = Bench::new(1);
        bench.machine.claim(bench.now, address).unwrap();
        bench.run_until_sent(Transmit::Probe, 3);
        bench.hear(request(NEIGHBOUR, address));
        assert!(bench.times(Transmit::Reply).is_empty());
        bench.run_until_sent(Transmit::Announcement, 1);
        bench.hear(request(NEIGHBOUR, address));
        bench.hear(probe(address));
        // A request from another network is answered too (RFC 3927 §2.6.2).
        bench.hear(request([10, 0, 0, 1].into(), address));
        let at = ms(bench.now);
        assert_eq!(bench.times(Transmit::Reply), [at; 3]);
        let targets: Vec<_> = bench
            .sent
            .iter()
            .rev()
            .take(3)
            .map(|sent| sent.packet.target)
            .collect();
        assert_eq!(
            targets,
            [[10, 0, 0, 1], [0, 0, 0, 0], NEIGHBOUR.octets()].map(std::net::Ipv4Addr::from)
        );
        // Requests for others, and replies, are not.
        bench.hear(request(NEIGHBOUR, [169, 254, 1, 1].into()));
        bench.hear(reply(NEIGHBOUR, address));
        assert_eq!(bench.times(Transmit::Reply).len(), 3);
    }
}

/// A request that claims our address is a conflict, and gets no reply beside the defence.
///
/// covers: 5227-2.5-a
#[test]
fn s2_5_a_request_that_is_a_conflict_is_defended() {
    let mut bench = Bench::settled(1);
    bench.hear(request(ADDRESS, ADDRESS));
    let kinds: Vec<_> = bench.sent.iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, [Transmit::Announcement]);
}

/// covers: none (for operating systems that reply)
#[test]
fn replies_can_be_left_to_the_operating_system() {
    let mut bench = Bench::settled(1);
    bench.machine.set_replies(false);
    bench.hear(request(NEIGHBOUR, ADDRESS));
    assert!(bench.sent.is_empty());
    bench.hear(announcement(ADDRESS));
    assert_eq!(bench.sent.len(), 1);
}

/// covers: none (bad input)
#[test]
fn an_address_that_no_host_can_have_is_refused() {
    let mut bench = Bench::settled(1);
    for refused in [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 251],
        [255; 4],
    ] {
        assert!(bench.machine.claim(bench.now, refused.into()).is_err());
        assert!(bench.machine.check(bench.now, refused.into()).is_err());
    }
    // Nothing has changed.
    assert_eq!(bench.machine.address(), Some(ADDRESS));
    for accepted in [[1, 0, 0, 1], [223, 255, 255, 255]] {
        assert!(bench.machine.check(bench.now, accepted.into()).is_ok());
    }
}
