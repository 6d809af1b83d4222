//! A host on tokio's clock, for tests that pause time: an hour passes at once.
//!
//! `cargo run --example paused_time`

use std::time::Duration;

use mdns_tokio::{Clock, Mdns, Options};
use tokio::time::{Instant, advance, pause};

/// Tokio's clock, which stands still while time is paused. Nobody sleeps in a test: both clocks are one.
struct TokioClock {
    start: Instant,
}

impl Clock for TokioClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        self.start.elapsed()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    pause();
    let start = Instant::now();
    let mdns = Mdns::with_clock(Options::loopback(), Box::new(TokioClock { start }))?;
    let nobody = "Nobody._http._tcp.local".parse()?;
    let mut resolve = mdns.resolve(&nobody)?;
    // Nothing else is to be done, so tokio puts its clock forward to the end of the wait.
    let found = resolve.first(Duration::from_secs(3600)).await;
    assert!(found.is_none() && start.elapsed() >= Duration::from_secs(3600));
    advance(Duration::from_secs(60)).await;
    println!("{:?} have passed, and nobody was found", start.elapsed());
    mdns.shutdown().await;
    Ok(())
}
