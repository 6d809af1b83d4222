//! Prints who advertises a service for as long as it is asked to, on smol's own executor, without another thread:
//! `cargo run -p mdns-async-io --example neighbours_smol -- _http._tcp 10`.

use std::{env, error::Error, time::Duration};

use mdns_async_io::{BrowseEvent, Mdns, Options, SystemClock};
use smol::{LocalExecutor, Timer, future};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let service_type = args.next().ok_or("a service type is missing")?.parse()?;
    let secs = args
        .next()
        .ok_or("a number of seconds is missing")?
        .parse()?;

    let executor = LocalExecutor::new();
    let (mdns, run) = Mdns::unspawned(Options::default(), Box::new(SystemClock::new()))?;
    let running = executor.spawn(run);
    future::block_on(executor.run(async {
        let mut browse = mdns.browse(&service_type)?;
        let tell = async {
            while let Some(event) = browse.next().await {
                match event {
                    BrowseEvent::Found(instance) => println!("found {}", instance.name),
                    BrowseEvent::Gone(instance) => println!("gone {}", instance.name),
                    _ => {}
                }
            }
        };
        let end = async {
            Timer::after(Duration::from_secs(secs)).await;
        };
        future::or(tell, end).await;
        mdns.shutdown().await;
        running.await;
        Ok(())
    }))
}
