//! RFC 3927 §3 and §4: several interfaces, links that are joined.

use ipv4ll::{Event, FRAME_LEN, Transmit};

use crate::support::*;

/// Runs benches on one link for so many milliseconds: what one has sent, all others hear.
fn run_joined(benches: &mut [Bench], millis: u64) {
    let end = benches[0].now + std::time::Duration::from_millis(millis);
    let mut delivered = vec![0; benches.len()];
    loop {
        while let Some(from) = (0..benches.len()).find(|&n| delivered[n] < benches[n].sent.len()) {
            let frame: [u8; FRAME_LEN] = benches[from].sent[delivered[from]].frame;
            delivered[from] += 1;
            for (to, bench) in benches.iter_mut().enumerate() {
                if to != from {
                    bench.machine.handle_frame(bench.now, &frame);
                    bench.drain();
                }
            }
        }
        let next = benches
            .iter()
            .filter_map(|bench| bench.machine.poll_timeout())
            .min();
        let now = next.filter(|&next| next <= end).unwrap_or(end);
        for bench in &mut *benches {
            bench.now = bench.now.max(now);
            bench.machine.handle_timeout(bench.now);
            bench.drain();
        }
        if now == end
            && delivered
                .iter()
                .zip(&*benches)
                .all(|(n, bench)| *n == bench.sent.len())
        {
            break;
        }
    }
}

/// covers: 3927-3-a, 3927-3.4-a
#[test]
fn s3_interfaces_are_independent() {
    let (mut first, mut second) = (Bench::settled(1), Bench::of(OTHER, 2));
    second.machine.start(second.now, None);
    second.settle();
    // What the link of the second one says about the address of the first is not heard there.
    second.hear(announcement(ADDRESS));
    second.hear(request(NEIGHBOUR, ADDRESS));
    assert!(second.sent.is_empty() && second.events.is_empty());
    first.run_for(1_000);
    assert!(first.sent.is_empty() && first.events.is_empty());
}

/// Two interfaces of one host, or two hosts, that begin with the same address at the same time.
///
/// covers: 3927-3.4-b
#[test]
fn s3_4_two_interfaces_on_one_link_get_two_addresses() {
    for seed in 0..100 {
        let mut benches = [Bench::new(seed), Bench::of(OTHER, seed + 1)];
        for bench in &mut benches {
            bench.machine.start(bench.now, Some(ADDRESS));
        }
        run_joined(&mut benches, 60_000);
        let [first, second] = [0, 1].map(|n: usize| benches[n].machine.address());
        assert!(
            first.is_some() && second.is_some() && first != second,
            "{first:?} {second:?}"
        );
    }
}

/// covers: 3927-4-b
#[test]
fn s4_of_two_hosts_whose_links_are_joined_one_keeps_the_address() {
    for seed in 0..100 {
        let mut benches = [Bench::settled(seed), Bench::of(OTHER, seed)];
        benches[1].machine.start(benches[1].now, Some(ADDRESS));
        benches[1].settle();
        run_joined(&mut benches, 60_000);
        // Nothing shows that there are two until one of them sends.
        assert!(benches.iter().all(|bench| bench.events.is_empty()));
        benches[0].hear(announcement(ADDRESS));
        run_joined(&mut benches, 60_000);
        let [first, second] = [0, 1].map(|n: usize| benches[n].machine.address());
        assert!(first.is_some() && second.is_some() && first != second);
        let lost = |bench: &Bench| {
            bench
                .only_events()
                .contains(&Event::Lost { address: ADDRESS })
        };
        assert_eq!(benches.iter().filter(|bench| lost(bench)).count(), 1);
        let packets: usize = benches.iter().map(|bench| bench.sent.len()).sum();
        assert!(packets <= 8, "{packets}");
        let announced = benches
            .iter()
            .map(|bench| bench.times(Transmit::Announcement).len());
        assert!(announced.sum::<usize>() >= 3);
    }
}
