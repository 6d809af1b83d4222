//! Fetches a page from a host under `.local`, with a resolver in its own process: `cargo run -p mdns-tokio --example http_get -- hall.local 8080 /`.
//!
//! [`addresses`] is all of the resolver. An HTTP client takes it where it lets one say how names are resolved: `reqwest::dns::Resolve` for reqwest, the
//! `tower` service of a name that `HttpConnector::new_with_resolver` wants for hyper. Such a program finds names under `.local` wherever it runs, linked with
//! musl or in a container, if it is on the link.

use std::{env, error::Error, net::SocketAddr, time::Duration};

use mdns_tokio::{
    LookupEvent, Mdns,
    proto::{discovery::AddressKind, name::NameBuf},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};

/// How long a name is waited for before it counts as absent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The addresses of a host: by multicast DNS under `.local`, else by the resolver of the system. Link-local IPv6 addresses have their interface as scope.
async fn addresses(mdns: &Mdns, host: &str, port: u16) -> Result<Vec<SocketAddr>, Box<dyn Error>> {
    let name: NameBuf = host.parse()?;
    if !name.as_name().is_link_local() {
        return Ok(lookup_host((host, port)).await?.collect());
    }
    let mut lookup = mdns.lookup_host(&name, AddressKind::Both)?;
    let end = Instant::now() + PATIENCE;
    while let Ok(Some(event)) = timeout_at(end, lookup.next()).await {
        match event {
            LookupEvent::Addresses(found) if !found.is_empty() => {
                return Ok(found
                    .iter()
                    .map(|address| address.socket_addr(port))
                    .collect());
            }
            // The host says that it has none.
            LookupEvent::Addresses(_) if lookup.is_complete() => break,
            _ => {}
        }
    }
    Err(format!("{host} is not on the link").into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("{what} is missing"));
    let (host, port, path) = (next("a host")?, next("a port")?.parse()?, next("a path")?);

    let mdns = Mdns::new()?;
    let found = addresses(&mdns, &host, port).await?;
    // One after the other, as a client would.
    let mut stream = TcpStream::connect(found.as_slice()).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    println!("{page}");
    mdns.shutdown().await;
    Ok(())
}
