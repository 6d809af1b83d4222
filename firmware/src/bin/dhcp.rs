//! Advertises a service at an address from DHCP, or at one that it claims itself while there is no server.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    address::Dhcp,
    mdns,
    services::{Small, advertise},
};
use mdns_smoltcp::{CONFIG, Mdns};

#[entry]
fn main() -> ! {
    let mdns = cortex_m::singleton!(: Mdns<Small> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve(mdns, Dhcp::NEW, advertise)
}
