//! A little TCP server that announces itself and greets the others that it finds, in one thread with one poll:
//! `cargo run -p mdns-mio --example greeter -- Alice 30` runs for half a minute. Start another, as Bob.

mod greeter;

use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

use greeter::Greeter;
use mdns_mio::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let name = args.next().ok_or("a name is missing")?;
    let secs = args.next().ok_or("a number of seconds is missing")?;

    let mut greeter = Greeter::new(Options::default(), &name)?;
    let end = Instant::now() + Duration::from_secs(secs.parse()?);
    while Instant::now() < end {
        greeter.turn(end.saturating_duration_since(Instant::now()))?;
        for line in greeter.heard.drain(..) {
            println!("{line}");
        }
    }
    Ok(greeter.leave()?)
}
