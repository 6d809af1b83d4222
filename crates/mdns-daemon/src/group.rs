//! What is published: groups of entries that are there together or not at all.

use std::collections::VecDeque;

use mdns_proto::{link::Family, name::NameBuf};

/// The number of a group. The caller chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u64);

/// Where an entry is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On all interfaces that the daemon uses.
    Everywhere,
    /// On one interface, for one family or, with `None`, for both.
    Interface(u32, Option<Family>),
}

/// Something to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A service: its pointers, SRV and TXT.
    Service {
        /// Where.
        place: Place,
        /// The label of the instance.
        instance: String,
        /// The type, without `.local`: `_http._tcp`.
        service_type: String,
        /// The full name of the host it runs on; `None` for the daemon's own.
        host: Option<NameBuf>,
        /// Its port.
        port: u16,
        /// The strings of its TXT record.
        txt: Vec<Vec<u8>>,
    },
    /// One more name under which a service is found.
    Subtype {
        /// Where.
        place: Place,
        /// The label of the instance.
        instance: String,
        /// The type, without `.local`.
        service_type: String,
        /// The label of the subtype: `_printer`.
        subtype: String,
    },
    /// An address of a host.
    Address {
        /// The interface that has it.
        interface: u32,
        /// The full name of the host.
        host: NameBuf,
        /// The address.
        address: std::net::IpAddr,
    },
    /// Any other record, whose name must be ours alone.
    Record {
        /// Where.
        place: Place,
        /// The name.
        name: NameBuf,
        /// The type.
        rtype: u16,
        /// The TTL in seconds.
        ttl: u32,
        /// What it says, in wire form without compression.
        rdata: Vec<u8>,
    },
}

/// What became of a group. It may change: a name that was won can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is published.
    Established,
    /// Another has a name of it: publish it under another one.
    Collision,
    /// The daemon does not publish it, and why. It is tried again when the daemon was restarted.
    Failed(String),
}

/// The groups whose outcome has changed and was not reported yet, in the order of the changes.
#[derive(Debug, Default)]
pub(crate) struct ChangedGroups(VecDeque<GroupId>);

impl ChangedGroups {
    /// Notes that the outcome of a group has changed.
    pub(crate) fn note(&mut self, id: GroupId) {
        self.0.retain(|known| *known != id);
        self.0.push_back(id);
    }

    /// Returns the next group that still has an outcome, with it.
    pub(crate) fn poll(
        &mut self,
        outcome: impl Fn(GroupId) -> Option<Outcome>,
    ) -> Option<(GroupId, Outcome)> {
        while let Some(id) = self.0.pop_front() {
            if let Some(outcome) = outcome(id) {
                return Some((id, outcome));
            }
        }
        None
    }
}

/// Writes a name as Avahi does: letters, digits, hyphens and underscores as they are, all else as `\DDD`.
pub(crate) fn escape(name: mdns_proto::name::Name<'_>) -> String {
    let mut text = String::new();
    for label in name.labels() {
        if !text.is_empty() {
            text.push('.');
        }
        escape_label(label, &mut text);
    }
    text
}

/// Writes a label as Avahi does.
pub(crate) fn escape_label(label: &[u8], text: &mut String) {
    for &byte in label {
        match byte {
            b'.' | b'\\' => text.extend(['\\', byte.into()]),
            b'-' | b'_' => text.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => text.push(byte.into()),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_avahi_reads_them() {
        for (name, text) in [
            (
                r"Front\ Desk._http._tcp.local",
                r"Front\032Desk._http._tcp.local",
            ),
            (r"a\.b\\c.local", r"a\.b\\c.local"),
            ("B\u{fc}ro.local", r"B\195\188ro.local"),
        ] {
            let name: mdns_proto::name::NameBuf = name.parse().unwrap();
            assert_eq!(escape(name.as_name()), text);
            assert_eq!(text.parse::<mdns_proto::name::NameBuf>().unwrap(), name);
        }
    }
}
