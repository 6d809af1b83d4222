//! Claims a link-local address for an interface and advertises a service at it, in one program:
//! `cargo run -p ipv4ll-tokio --example with_mdns -- eth0 "Front Desk" 8080`.
//!
//! The two know nothing of each other. mDNS watches the addresses of interfaces: when one is claimed, lost or changed, names are probed for and services
//! announced with what there is then.

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use ipv4ll_tokio::{AddressClaim, Event, Options};
    use mdns_tokio::{Announcement, Mdns};

    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} is missing"));
    let (interface, name, port) = (
        next("an interface")?,
        next("a name")?,
        next("a port")?.parse()?,
    );

    let mut claim = AddressClaim::start(Options::new(interface))?;
    let mdns = Mdns::new()?;
    let mut own = mdns.advertise(&Announcement::new(name, "_greeting._tcp".parse()?, port))?;
    loop {
        tokio::select! {
            event = claim.next() => match event {
                Some(Ok(Event::Claimed { address })) => println!("claimed {address}"),
                Some(Ok(Event::Defended { address, hardware })) => println!("defended {address} against {hardware}"),
                Some(Ok(Event::Lost { address })) => println!("lost {address}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => println!("{error}"),
                None => break,
            },
            Some(change) = own.next_change() => println!("{change:?}"),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    mdns.shutdown().await;
    claim.stop().await;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("other systems claim link-local addresses themselves");
}
