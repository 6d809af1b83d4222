//! Advertises a service at an address that it claims itself: nobody has to give it one.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    address::LinkLocal,
    mdns,
    services::{Small, advertise},
};
use mdns_smoltcp::{CONFIG, Mdns};

#[entry]
fn main() -> ! {
    let mdns = cortex_m::singleton!(: Mdns<Small> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve(mdns, LinkLocal, advertise)
}
