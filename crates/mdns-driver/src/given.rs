//! What a daemon is given of what is ours: the parts of a service that it publishes.

use std::collections::HashSet;

use mdns_daemon::{Entry, Place};
use mdns_proto::{
    link::Family,
    name::{Name, NameBuf, ServiceType},
    own::HostId,
    wire::{RecordType, Txt},
};

use crate::{
    Announcement, OwnId,
    ours::{Update, precomposed},
    survey::Wanted,
};

/// The TTL of records that name a host (RFC 6762 §10).
const HOST_TTL_SECS: u32 = 120;

/// The name of this host, as a daemon has it.
#[derive(Debug, Default)]
pub(crate) struct DaemonHost {
    /// `None` while we publish ourselves.
    pub(crate) name: Option<NameBuf>,
    /// Whether the application has chosen another one.
    pub(crate) is_name_chosen: bool,
}

/// What a daemon is given of a service.
#[derive(Debug)]
pub(crate) struct Given {
    service_type: ServiceType,
    port: u16,
    txt: Vec<Vec<u8>>,
    subtypes: Vec<String>,
    placeholders: Vec<ServiceType>,
    /// The links it is for; `None` for all.
    pub(crate) links: Option<HashSet<(u32, Family)>>,
}

/// Something that is to be published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published<'a> {
    pub(crate) own: OwnId,
    /// The host that it runs on, or is.
    pub(crate) on: HostId,
    pub(crate) name: Name<'a>,
    pub(crate) host_name: Name<'a>,
    /// `None` for a host.
    pub(crate) service: Option<&'a Given>,
}

impl Given {
    pub(crate) fn new(announcement: &Announcement, wanted: Option<&Wanted>) -> Self {
        Given {
            service_type: announcement.service_type.clone(),
            port: announcement.port,
            txt: strings(announcement.txt.as_txt()),
            subtypes: announcement.subtypes.clone(),
            placeholders: announcement.placeholders.clone(),
            links: wanted.map(Wanted::links),
        }
    }

    pub(crate) fn set_wanted(&mut self, wanted: &Wanted) {
        self.links = Some(wanted.links());
    }

    pub(crate) fn update(&mut self, update: Update<'_>) {
        match update {
            Update::Txt(txt) => self.txt = strings(txt),
            Update::Port(port) => self.port = port,
            Update::Subtypes(subtypes) => self.subtypes = subtypes.to_vec(),
        }
    }

    /// Whether it is for a link.
    pub(crate) fn wants(&self, interface: u32, family: Family) -> bool {
        let links = self.links.as_ref();
        links.is_none_or(|links| links.contains(&(interface, family)))
    }

    /// The entries of a group, for the service under a full name, on a host of ours or the daemon's own.
    pub(crate) fn entries(
        &self,
        place: Place,
        name: Name<'_>,
        host: Option<NameBuf>,
        daemon_host: Option<&NameBuf>,
    ) -> Vec<Entry> {
        let label = name.first_label().unwrap_or_default();
        let instance = precomposed(&String::from_utf8_lossy(label));
        let service_type = bare(&self.service_type);
        let mut entries = vec![Entry::Service {
            place,
            instance: instance.clone(),
            service_type: service_type.clone(),
            host: host.clone(),
            port: self.port,
            txt: self.txt.clone(),
        }];
        entries.extend(self.subtypes.iter().map(|subtype| Entry::Subtype {
            place,
            instance: instance.clone(),
            service_type: service_type.clone(),
            subtype: subtype.clone(),
        }));
        let target = host.as_ref().or(daemon_host);
        for placeholder in &self.placeholders {
            if let (Ok(name), Some(target)) = (placeholder.instance(&instance), target) {
                // Priority, weight and port are zero (RFC 6763 §8).
                let mut rdata = vec![0; 6];
                rdata.extend_from_slice(target.as_wire());
                entries.push(Entry::Record {
                    place,
                    name,
                    rtype: RecordType::SRV.0,
                    ttl: HOST_TTL_SECS,
                    rdata,
                });
            }
        }
        entries
    }
}

/// The strings of TXT data. An empty one says nothing (RFC 6763 §6.1); where there is no other, a daemon adds it itself, and Avahi
/// takes none.
fn strings(txt: Txt<'_>) -> Vec<Vec<u8>> {
    let strings = txt.strings().filter(|string| !string.is_empty());
    strings.map(<[u8]>::to_vec).collect()
}

/// A service type as daemons want it: without `.local`.
fn bare(service_type: &ServiceType) -> String {
    let mut labels: Vec<_> = service_type
        .as_name()
        .labels()
        .map(|label| String::from_utf8_lossy(label).into_owned())
        .collect();
    labels.pop();
    labels.join(".")
}
