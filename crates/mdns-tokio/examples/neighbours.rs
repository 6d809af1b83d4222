//! Advertises a service and prints who else does: `cargo run -p mdns-tokio --example neighbours -- "Front Desk" 8080`.
//!
//! It waits for a network, and follows interfaces as they come and go.

use std::{env, error::Error};

use mdns_tokio::{Announcement, BrowseEvent, Instance, Mdns};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (name, port) = (
        args.next().ok_or("a name is missing")?,
        args.next().ok_or("a port is missing")?.parse()?,
    );

    let mdns = Mdns::new()?;
    for link in mdns.links() {
        println!("joined {} {}", link.interface_name, link.family);
    }
    let mut own = mdns.advertise(&Announcement::new(name, "_greeting._tcp".parse()?, port))?;
    let mut browse = mdns.browse(&"_greeting._tcp".parse()?)?;
    loop {
        tokio::select! {
            Some(change) = own.next_change() => println!("{change:?}"),
            Some(event) = browse.next() => match event {
                BrowseEvent::Found(instance) => println!("found {}", line(&instance)),
                BrowseEvent::Changed(instance) => println!("changed {}", line(&instance)),
                BrowseEvent::Gone(instance) => println!("gone {}", instance.name),
                _ => {}
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    mdns.shutdown().await;
    Ok(())
}

fn line(instance: &Instance) -> String {
    let addresses: Vec<_> = instance
        .socket_addrs()
        .map(|address| address.to_string())
        .collect();
    format!("{} at {}", instance.name, addresses.join(", "))
}
