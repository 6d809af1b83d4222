//! Resolves an instance on the smallest executor there is, which knows neither sockets nor time:
//! `cargo run -p mdns-async-io --example resolve_bare -- 'Front\ Desk._http._tcp.local'`.

use std::{env, error::Error, time::Duration};

use mdns_async_io::Mdns;

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("a name is missing")?.parse()?;
    let mdns = Mdns::new()?;
    let mut resolve = mdns.resolve(&name)?;
    match pollster::block_on(resolve.first(Duration::from_secs(5))) {
        Some(found) => println!("{:?}", found.socket_addrs().collect::<Vec<_>>()),
        None => println!("nobody is called {name}"),
    }
    Ok(())
}
