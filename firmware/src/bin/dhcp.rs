//! Advertises a service at an address from DHCP, or at one that it claims itself while there is no server.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    address::Dhcp,
    board::{Buffers, Queues},
    mdns,
};
use mdns_smoltcp::{
    CONFIG, Mdns,
    proto::{self, name::ServiceType, own::Service, wire::TxtBuf},
};

proto::fixed! {
    /// Two services, of which this program has one.
    struct Small {
        links: mdns::LINKS, hosts: 1, addresses: mdns::LINKS, services: 2, subtypes: 1, own_text: 512, askers: 4,
        asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFERS: Buffers = Buffers::EMPTY;
    static mut QUEUES: Queues = Queues::EMPTY;
    let mdns = cortex_m::singleton!(: Mdns<Small> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve_with(
        (BUFFERS, QUEUES),
        Dhcp::NEW,
        mdns,
        |mdns, now, parameters| {
            mdns.add_host(now, parameters.host).expect("host=LABEL");
            // By reference, so that it is on the stack once.
            let service_type = parameters.service_type.parse::<ServiceType>();
            let service_type = service_type.as_ref().expect("type=_TYPE._tcp");
            let mut txt = TxtBuf::<32>::new();
            txt.push("path", Some(b"/")).expect("32 bytes hold it");
            let service = Service {
                txt: txt.as_txt(),
                subtypes: &["_printer"],
                ..Service::new(parameters.instance, service_type, 80)
            };
            mdns.register(now, &service).expect("instance=LABEL");
        },
    )
}
