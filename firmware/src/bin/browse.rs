//! Says which services of a type there are, and advertises nothing.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    board::{Buffers, Queues},
    mdns,
};
use mdns_smoltcp::{
    CONFIG, Mdns,
    proto::{self, name::ServiceType},
};

proto::fixed! {
    /// 32 records of others.
    struct Curious {
        links: mdns::LINKS, hosts: 0, addresses: mdns::LINKS, services: 0, subtypes: 0, own_text: 0, askers: 0,
        asks: 1, told: 8, ask_text: 512, heard: 32, heard_text: 1024,
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFERS: Buffers = Buffers::EMPTY;
    static mut QUEUES: Queues = Queues::EMPTY;
    let mdns = cortex_m::singleton!(: Mdns<Curious> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve((BUFFERS, QUEUES), mdns, |mdns, now, parameters| {
        // By reference, so that it is on the stack once.
        let service_type = parameters.service_type.parse::<ServiceType>();
        let service_type = service_type.as_ref().expect("type=_TYPE._tcp");
        mdns.browse(now, service_type.as_name())
            .expect("a row for one question");
    })
}
