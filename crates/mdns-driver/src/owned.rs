//! What subscribers are told: owned copies of what the core lends.

use std::{
    fmt,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    ops::Deref,
    sync::Arc,
};

use mdns_proto::{
    discovery,
    link::InterfaceId,
    name::{Name, NameBuf, ServiceType, split_instance},
    wire::{Rdata, RecordType, Txt, TxtVec},
};

/// Interfaces have numbers in the core, and names for people.
pub(crate) trait InterfaceNames {
    /// The name of an interface; empty once it has gone.
    fn name_of(&self, interface: InterfaceId) -> Arc<str>;

    /// Whether a daemon publishes a service of this name for us.
    fn is_published(&self, _name: Name<'_>) -> bool {
        false
    }
}

/// An instance of a service, as it was known when it was told.
///
/// Of a service type that was found by browsing types only the name means anything; see
/// [`as_service_type`](Self::as_service_type).
#[derive(Clone)]
pub struct Instance {
    /// The whole name, such as `Printer._ipp._tcp.local`.
    pub name: NameBuf,
    /// The host it runs on; `None` while that is not known.
    pub host: Option<NameBuf>,
    /// The name that has the addresses: [`host`](Self::host), or what that is an alias for (RFC 1034 §3.6.2).
    pub canonical_host: Option<NameBuf>,
    /// The port it listens on; `None` while that is not known. Zero says that it is not available (RFC 6763 §8).
    pub port: Option<u16>,
    /// What else it says of itself (RFC 6763 §6); empty while that is not known.
    pub txt: TxtVec,
    /// The addresses of its host, as heard on each interface, IPv4 before IPv6; none while they are not known.
    pub addresses: Vec<Address>,
    /// Whether it is one of our own.
    pub is_own: bool,
}

impl Instance {
    pub(crate) fn new(instance: discovery::Instance<'_>, interfaces: &dyn InterfaceNames) -> Self {
        let target = instance.target();
        Instance {
            name: instance.name().into(),
            host: target.map(|target| target.host.into()),
            canonical_host: instance.canonical_host().map(NameBuf::from),
            port: target.map(|target| target.port),
            txt: owned_txt(instance.txt()),
            addresses: Address::all(instance.addresses(), interfaces),
            is_own: instance.is_own() || interfaces.is_published(instance.name()),
        }
    }

    /// The first label as text: what users are shown. Bytes that are not UTF-8 become `�`; control characters stay, so
    /// escape it before it reaches a terminal, or print [`name`](Self::name) instead.
    pub fn label(&self) -> String {
        String::from_utf8_lossy(self.name.as_name().first_label().unwrap_or_default()).into_owned()
    }

    /// The service type, such as `_ipp._tcp.local`. Its first subtype label is not part of it.
    pub fn service_type(&self) -> Name<'_> {
        let name = self.name.as_name();
        match split_instance(name) {
            Some((_, service_type)) => service_type,
            None => name.parent().unwrap_or(Name::ROOT),
        }
    }

    /// What was found by browsing types, as a type that can be browsed. `None` if the name is not one.
    pub fn as_service_type(&self) -> Option<ServiceType> {
        ServiceType::from_name(self.name.as_name())
    }

    /// Where to connect to: each address with the port, and with its scope where it needs one. Empty while the port is
    /// not known.
    pub fn socket_addrs(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let port = self.port.filter(|&port| port != 0);
        port.into_iter().flat_map(|port| {
            self.addresses
                .iter()
                .map(move |address| address.socket_addr(port))
        })
    }
}

/// Equal are instances of one name that say the same.
impl PartialEq for Instance {
    fn eq(&self, other: &Instance) -> bool {
        self.name == other.name
            && self.host == other.host
            && self.canonical_host == other.canonical_host
            && self.port == other.port
            && self.txt.as_txt() == other.txt.as_txt()
            && self.addresses == other.addresses
            && self.is_own == other.is_own
    }
}

impl Eq for Instance {}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("canonical_host", &self.canonical_host)
            .field("port", &self.port)
            .field("txt", &self.txt)
            .field("addresses", &self.addresses)
            .field("is_own", &self.is_own)
            .finish()
    }
}

fn owned_txt(txt: Txt<'_>) -> TxtVec {
    let mut owned = TxtVec::new();
    for string in txt.strings() {
        let pushed = owned.push_string(string);
        debug_assert!(pushed.is_ok(), "strings of a TXT make a TXT");
    }
    owned
}

/// An address of a host, and the interface it was heard on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The system's number for the interface, which is also the scope id.
    pub interface: u32,
    /// The interface's name, such as `eth0`; empty if it has gone.
    pub interface_name: Arc<str>,
}

impl Address {
    pub(crate) fn all(
        addresses: discovery::Addresses<'_>,
        interfaces: &dyn InterfaceNames,
    ) -> Vec<Address> {
        let owned = |discovery::Address { ip, interface, .. }| Address {
            ip,
            interface: interface.0,
            interface_name: interfaces.name_of(interface),
        };
        let mut all: Vec<Address> = addresses.map(owned).collect();
        all.sort_by_key(|address| (address.interface, address.ip));
        // The two links of an interface may both have told it.
        all.dedup();
        all
    }

    /// Where to connect to on a port: with the interface as scope, if the address is link-local.
    ///
    /// ```
    /// use mdns_driver::Address;
    ///
    /// let address = Address { ip: "fe80::7".parse()?, interface: 2, interface_name: "eth0".into() };
    /// assert_eq!(address.socket_addr(80).to_string(), "[fe80::7%2]:80");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn socket_addr(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, port, 0, self.interface).into()
            }
            ip => SocketAddr::new(ip, port),
        }
    }
}

/// The addresses of a host, as they were known when they were told.
///
/// It reads as a slice of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostAddresses {
    /// The name that has them: the one that was asked for, or what that is an alias for (RFC 1034 §3.6.2). If it is not under
    /// `.local`, it is not asked about by multicast (RFC 6762 §13): there are none, and unicast DNS may know it.
    pub canonical_name: NameBuf,
    /// The addresses, as heard on each interface, IPv4 before IPv6; none if the host has none of the kind that was asked for, or none
    /// any more.
    pub addresses: Vec<Address>,
}

impl HostAddresses {
    pub(crate) fn new(host: discovery::Host<'_>, interfaces: &dyn InterfaceNames) -> Self {
        HostAddresses {
            canonical_name: host.canonical_name().into(),
            addresses: Address::all(host.addresses(), interfaces),
        }
    }
}

impl Deref for HostAddresses {
    type Target = [Address];

    fn deref(&self) -> &[Address] {
        &self.addresses
    }
}

impl IntoIterator for HostAddresses {
    type Item = Address;
    type IntoIter = std::vec::IntoIter<Address>;

    fn into_iter(self) -> Self::IntoIter {
        self.addresses.into_iter()
    }
}

/// A record that answers a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name that was asked about.
    pub name: NameBuf,
    /// The type of the record.
    pub rtype: RecordType,
    /// What it says, without compression.
    pub(crate) rdata: Vec<u8>,
    /// The system's number for the interface it was heard on.
    pub interface: u32,
    /// The interface's name; empty if it has gone.
    pub interface_name: Arc<str>,
    /// Whether it is our own.
    pub is_own: bool,
}

impl Answer {
    pub(crate) fn all(
        records: discovery::Records<'_>,
        interfaces: &dyn InterfaceNames,
    ) -> Vec<Answer> {
        let owned = |answer: discovery::Answer<'_>| Answer {
            name: records.name().into(),
            rtype: answer.rdata.rtype(),
            rdata: answer.rdata.bytes().collect(),
            interface: answer.interface.0,
            interface_name: interfaces.name_of(answer.interface),
            is_own: answer.is_own,
        };
        let mut all: Vec<Answer> = records.iter().map(owned).collect();
        let key = |answer: &Answer| (answer.interface, answer.rtype.0);
        all.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.rdata.cmp(&b.rdata)));
        // The two links of an interface may both have told it.
        all.dedup();
        all
    }

    /// What the record says; its `Display` is the usual text form.
    pub fn rdata(&self) -> Rdata<'_> {
        Rdata::from_wire(self.rtype, &self.rdata).unwrap_or(Rdata::Other(self.rtype, &self.rdata))
    }

    /// What the record says, as bytes without compression.
    pub fn rdata_bytes(&self) -> &[u8] {
        &self.rdata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer() -> Instance {
        Instance {
            name: r"Front\.Desk._ipp._tcp.local".parse().unwrap(),
            host: None,
            canonical_host: None,
            port: None,
            txt: TxtVec::new(),
            addresses: Vec::new(),
            is_own: false,
        }
    }

    #[test]
    fn an_instance_is_a_label_and_a_type() {
        assert_eq!(printer().label(), "Front.Desk");
        assert_eq!(printer().service_type().to_string(), "_ipp._tcp.local");
    }

    #[test]
    fn a_type_that_was_found_can_be_browsed() {
        let found = Instance {
            name: "_ipp._tcp.local".parse().unwrap(),
            ..printer()
        };
        assert_eq!(found.as_service_type(), Some("_ipp._tcp".parse().unwrap()));
    }

    #[test]
    fn there_is_nowhere_to_connect_to_without_a_port() {
        let address = Address {
            ip: [10, 0, 0, 1].into(),
            interface: 2,
            interface_name: "eth0".into(),
        };
        let mut printer = Instance {
            addresses: vec![address],
            ..printer()
        };
        assert_eq!(printer.socket_addrs().count(), 0);
        printer.port = Some(0);
        assert_eq!(printer.socket_addrs().count(), 0);
        printer.port = Some(631);
        assert_eq!(
            printer.socket_addrs().next(),
            Some("10.0.0.1:631".parse().unwrap())
        );
    }
}
