//! Advertises a service and prints who else does, in a loop of one's own:
//! `cargo run -p mdns-socket --example own_loop -- "Front Desk" 8080 60` runs for a minute.

mod looper;

use std::{env, error::Error, time::Duration};

use looper::Looper;
use mdns_proto::{name::ServiceType, own::Service};
use mdns_socket::{Selection, host_name};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let name = args.next().ok_or("a name is missing")?;
    let port = args.next().ok_or("a port is missing")?.parse()?;
    let secs = args
        .next()
        .ok_or("a number of seconds is missing")?
        .parse()?;

    let mut looper = Looper::new(Selection::usual())?;
    let now = looper.now();
    let greeting: ServiceType = "_greeting._tcp".parse()?;
    looper
        .host
        .add_host(now, host_name().as_deref().unwrap_or("host"))?;
    looper
        .host
        .register(now, &Service::new(&name, &greeting, port))?;
    looper.host.browse(now, greeting.as_name())?;

    let end = now + Duration::from_secs(secs);
    while looper.now() < end {
        looper.send();
        while let Some(event) = looper.host.poll_event() {
            println!("{event:?}");
        }
        let left = end.since(looper.now());
        looper.wait(None, left)?;
    }
    looper.leave()?;
    Ok(())
}
