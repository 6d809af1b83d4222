//! Advertises a service, and says which others of its type there are.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    address::Fixed,
    mdns,
    services::{advertise, browse},
};
use mdns_smoltcp::{CONFIG, Mdns, proto};

proto::fixed! {
    /// Two services, of which this program has one; 32 records of others and 2 KiB of text in all.
    struct Medium {
        links: mdns::LINKS, hosts: 1, addresses: mdns::LINKS, services: 2, subtypes: 1, own_text: 512, askers: 4,
        asks: 1, told: 8, ask_text: 512, heard: 32, heard_text: 1024,
    }
}

#[entry]
fn main() -> ! {
    let mdns = cortex_m::singleton!(: Mdns<Medium> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve(mdns, Fixed, |mdns, now, parameters| {
        advertise(mdns, now, parameters);
        browse(mdns, now, parameters);
    })
}
