//! Says which services of a type there are, and advertises nothing.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{address::Fixed, mdns, services::browse};
use mdns_smoltcp::{CONFIG, Mdns, proto};

proto::fixed! {
    /// 32 records of others.
    struct Curious {
        links: mdns::LINKS, hosts: 0, addresses: mdns::LINKS, services: 0, subtypes: 0, own_text: 0, askers: 0,
        asks: 1, told: 8, ask_text: 512, heard: 32, heard_text: 1024,
    }
}

#[entry]
fn main() -> ! {
    let mdns = cortex_m::singleton!(: Mdns<Curious> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve(mdns, Fixed, browse)
}
