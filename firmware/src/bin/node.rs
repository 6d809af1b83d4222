//! Advertises a service, and says which others of its type there are.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::{
    board::{Buffers, Queues},
    mdns,
};
use mdns_smoltcp::{
    CONFIG, Mdns,
    proto::{self, name::ServiceType, own::Service, wire::TxtBuf},
};

proto::fixed! {
    /// Two services, of which this program has one; 32 records of others and 2 KiB of text in all.
    struct Medium {
        links: mdns::LINKS, hosts: 1, addresses: mdns::LINKS, services: 2, subtypes: 1, own_text: 512, askers: 4,
        asks: 1, told: 8, ask_text: 512, heard: 32, heard_text: 1024,
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFERS: Buffers = Buffers::EMPTY;
    static mut QUEUES: Queues = Queues::EMPTY;
    let mdns = cortex_m::singleton!(: Mdns<Medium> = Mdns::new(CONFIG)).expect("main runs once");
    mdns::serve((BUFFERS, QUEUES), mdns, |mdns, now, parameters| {
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
        mdns.browse(now, service_type.as_name())
            .expect("a row for one question");
    })
}
