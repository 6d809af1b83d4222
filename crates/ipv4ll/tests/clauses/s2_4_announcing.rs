//! RFC 3927 §2.4, RFC 5227 §2.3: announcing.

use ipv4ll::{Event, HardwareAddress, Transmit, arp::Operation};

use crate::support::*;

/// covers: 3927-2.4-a, 5227-2.3-a
#[test]
fn s2_4_two_announcements_two_seconds_apart() {
    for seed in 0..50 {
        let mut bench = Bench::started(seed);
        bench.run_for(3_600_000);
        let [first, second] = bench.times(Transmit::Announcement)[..] else {
            panic!("two announcements: {:?}", bench.sent);
        };
        assert_eq!(second - first, 2_000);
        assert_eq!(first - bench.times(Transmit::Probe)[2], 2_000);
    }
}

/// covers: 3927-2.4-b
#[test]
fn s2_4_the_fields_of_an_announcement() {
    let mut bench = Bench::started(1);
    bench.run_until_sent(Transmit::Announcement, 2);
    for sent in &bench.sent[3..] {
        assert_eq!(sent.destination, HardwareAddress::BROADCAST);
        assert_eq!(sent.packet.operation, Operation::Request);
        assert_eq!(sent.packet.sender_hardware, OWN);
        assert_eq!(sent.packet.target_hardware, HardwareAddress::ZERO);
        assert_eq!(sent.packet.sender, ADDRESS);
        assert_eq!(sent.packet.target, ADDRESS);
    }
}

/// covers: 3927-2.4-c, 3927-6.1-a
#[test]
fn s2_4_the_application_is_told_with_the_first_announcement() {
    let mut bench = Bench::started(1);
    bench.run_for(60_000);
    let first = bench.times(Transmit::Announcement)[0];
    assert_eq!(bench.events, [(first, Event::Claimed { address: ADDRESS })]);
}
