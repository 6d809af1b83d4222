//! Advertises a service, and nothing else.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    address::Fixed,
    mdns,
    services::{Small, advertise},
};
use mdns_smoltcp::{CONFIG, Mdns};

#[entry]
fn main() -> ! {
    let mdns = cortex_m::singleton!(: Mdns<Small> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve(mdns, Fixed, advertise)
}
