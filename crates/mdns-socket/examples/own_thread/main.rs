//! Advertises a service and prints who else does, from a program that blocks:
//! `cargo run -p mdns-socket --example own_thread -- "Front Desk" 8080`. It ends when its input does (ctrl-D).

mod mdns;

use std::{
    env,
    error::Error,
    io::{Read as _, stdin},
    thread,
};

use mdns::Mdns;
use mdns_socket::{Selection, host_name};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let name = args.next().ok_or("a name is missing")?;
    let port = args.next().ok_or("a port is missing")?.parse()?;

    let mdns = Mdns::new(Selection::usual(), host_name().unwrap_or("host".to_owned()))?;
    let greeting = "_greeting._tcp".parse()?;
    let news = mdns.browse(&greeting);
    thread::spawn(move || news.iter().for_each(|news| println!("{news:?}")));
    let names = mdns.advertise(&name, &greeting, port);
    println!("known as {}", names.recv()??);

    stdin().read_to_end(&mut Vec::new())?;
    drop(mdns);
    Ok(())
}
