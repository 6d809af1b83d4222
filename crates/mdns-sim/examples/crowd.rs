//! Hosts that are switched on at one moment, each with a service, some with a browser, and how fast that is computed. Hosts
//! that only advertise keep nothing of what they hear, as in the worlds; with `all`, every host keeps all.
//!
//! ```text
//! cargo run --release -p mdns-sim --example crowd -- [HOSTS] [BROWSERS] [SECONDS] [SEED] [all]
//! ```

use std::{
    env,
    time::{Duration, Instant},
};

use mdns_proto::config::Config;
use mdns_sim::Net;

fn main() {
    let numbers: Vec<u64> = env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (hosts, browsers) = (number(0, 100), number(1, 10));
    let (secs, seed) = (number(2, 60), number(3, 7));

    let keep_all = env::args().any(|arg| arg == "all");

    let mut net = Net::seeded(seed);
    net.forget();
    let start = Instant::now();
    let mut crowd = Vec::new();
    for n in 0..hosts {
        let config = Config {
            cache_unasked: keep_all || n < browsers,
            ..Config::DEFAULT
        };
        let host = net.host_with(&format!("host-{n}"), config);
        host.advertise(&format!("Service {n}"), "_ipp._tcp", 631);
        if n < browsers {
            crowd.push(host.browse("_ipp._tcp"));
        }
    }
    net.run_for(Duration::from_secs(secs));
    let took = start.elapsed().as_secs_f64();

    let deliveries = net.deliveries();
    let rate = deliveries as f64 / took;
    println!("{hosts} hosts, {browsers} browsers, {secs} s, seed {seed}");
    println!("{deliveries} deliveries in {took:.2} s, {rate:.0} a second");
    let complete = crowd
        .iter()
        .filter(|host| host.found().len() as u64 == hosts);
    println!("{} browsers have found all", complete.count());
}
