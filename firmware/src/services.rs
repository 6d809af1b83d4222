//! What the programs advertise and look for, and storage that is large enough for it.

use mdns_smoltcp::{
    Mdns,
    proto::{self, host::Storage, name::ServiceType, own::Service, time::Instant, wire::TxtBuf},
};

use crate::{console::Parameters, mdns::LINKS};

proto::fixed! {
    /// Two services, of which the programs register one.
    pub struct Small {
        links: LINKS, hosts: 1, addresses: LINKS, services: 2, subtypes: 1, own_text: 512, askers: 4,
        asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
    }
}

/// Registers the host, and the service of the board.
///
/// # Panics
/// When a name that the board was told is none, or the storage is too small.
pub fn advertise<S: Storage>(mdns: &mut Mdns<S>, now: Instant, parameters: &Parameters) {
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
}

/// Browses for services of the type of the board's own.
///
/// # Panics
/// When the type that the board was told is none, or the storage is too small.
pub fn browse<S: Storage>(mdns: &mut Mdns<S>, now: Instant, parameters: &Parameters) {
    let service_type = parameters.service_type.parse::<ServiceType>();
    let service_type = service_type.as_ref().expect("type=_TYPE._tcp");
    mdns.browse(now, service_type.as_name())
        .expect("a row for one question");
}
