//! Hosts that are switched on at one moment, each with a service and a browser, and how fast that is computed.
//!
//! ```text
//! cargo run --release -p mdns-sim --example crowd -- [HOSTS] [SECONDS] [SEED]
//! ```

use std::{
    env,
    time::{Duration, Instant},
};

use mdns_sim::Net;

fn main() {
    let numbers: Vec<u64> = env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (hosts, secs, seed) = (number(0, 100), number(1, 60), number(2, 7));

    let mut net = Net::seeded(seed);
    net.forget();
    let start = Instant::now();
    let crowd: Vec<_> = (0..hosts)
        .map(|n| {
            net.host(&format!("host-{n}"))
                .advertise(&format!("Service {n}"), "_ipp._tcp", 631)
                .browse("_ipp._tcp")
        })
        .collect();
    net.run_for(Duration::from_secs(secs));
    let took = start.elapsed().as_secs_f64();

    let complete = crowd
        .iter()
        .filter(|host| host.found().len() as u64 == hosts)
        .count();
    let deliveries = net.deliveries();
    println!(
        "{hosts} hosts, {secs} s, seed {seed}: {deliveries} deliveries in {took:.1} s, {:.0} a second",
        deliveries as f64 / took
    );
    println!("{complete} hosts have found all");
}
