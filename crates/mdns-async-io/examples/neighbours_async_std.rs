//! Advertises a service and prints who else does, on async-std:
//! `cargo run -p mdns-async-io --example neighbours_async_std -- "Front Desk" 8080`.

use std::{env, error::Error};

use mdns_async_io::{Announcement, BrowseEvent, Mdns};

#[async_std::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (name, port) = (
        args.next().ok_or("a name is missing")?,
        args.next().ok_or("a port is missing")?.parse()?,
    );

    let mdns = Mdns::new()?;
    let greeting = "_greeting._tcp".parse()?;
    let mut browse = mdns.browse(&greeting)?;
    let mut own = mdns.advertise(&Announcement::new(name, greeting, port))?;
    println!("known as {:?}", own.registered().await);
    while let Some(event) = browse.next().await {
        match event {
            BrowseEvent::Found(instance) => println!("found {}", instance.name),
            BrowseEvent::Gone(instance) => println!("gone {}", instance.name),
            _ => {}
        }
    }
    Ok(())
}
