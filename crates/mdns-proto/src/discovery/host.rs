//! A host and its addresses, as they are known now.

use core::{
    fmt,
    net::{IpAddr, SocketAddr, SocketAddrV6},
};

use super::{
    AddressKind, Links,
    alias::{canonical, canonical_on},
    heard::{Entries, fingerprint, some_of},
    instance::is_target_on,
};
use crate::{
    link::{InterfaceId, LinkId},
    name::{KeyedHash, Name},
    store::NameId,
    wire::RecordType,
};

/// An address of a host, and where it was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The link.
    pub link: LinkId,
    /// The interface of the link.
    pub interface: InterfaceId,
}

impl Address {
    /// Where to connect to on a port: with the interface as scope, if the address is link-local.
    pub fn socket_addr(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddr::V6(SocketAddrV6::new(ip, port, 0, self.interface.0))
            }
            ip => SocketAddr::new(ip, port),
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn hash(&self, key: u64) -> u32 {
        let mut hash = KeyedHash::new(key);
        match self.ip {
            IpAddr::V4(ip) => hash.word(ip.to_bits().into()),
            IpAddr::V6(ip) => hash.bytes(&ip.octets()),
        }
        hash.word(self.link.0.into());
        hash.finish()
    }
}

/// Addresses of a host, link by link.
#[derive(Clone)]
pub struct Addresses<'a> {
    links: &'a dyn Links,
    /// The link after the one being read.
    index: usize,
    entries: Option<(Entries<'a>, LinkId, InterfaceId)>,
    /// None of a name that nothing is known of.
    host: Option<NameId>,
    /// If given, only links on which this instance is on the host count.
    instance: Option<NameId>,
    kind: AddressKind,
    /// Whether a link knows of more than may be looked at.
    pub(super) is_cut: bool,
    /// How many there were so far.
    pub(super) count: usize,
}

impl<'a> Addresses<'a> {
    pub(super) fn new(
        links: &'a dyn Links,
        host: Option<NameId>,
        instance: Option<NameId>,
        kind: AddressKind,
    ) -> Self {
        Addresses {
            links,
            index: 0,
            entries: None,
            host,
            instance,
            kind,
            is_cut: false,
            count: 0,
        }
    }
}

/// A number of all that can be read of something, and what is to be known of how it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fingerprint<N> {
    pub(super) number: N,
    /// There is more than may be looked at.
    pub(super) is_cut: bool,
    /// So many addresses were looked at.
    pub(super) addresses: usize,
}

impl Iterator for Addresses<'_> {
    type Item = Address;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Address> {
        loop {
            if let Some((entries, link, interface)) = &mut self.entries {
                let heard = entries.heard;
                for record in entries.by_ref() {
                    let is_wanted = self.kind.types().contains(&record.rtype());
                    let Some(ip) = heard.address(record).filter(|_| is_wanted) else {
                        continue;
                    };
                    self.count += 1;
                    return Some(Address {
                        ip,
                        link: *link,
                        interface: *interface,
                    });
                }
                self.is_cut |= entries.is_cut();
                self.entries = None;
            }
            if self.index >= self.links.bound() {
                return None;
            }
            let (links, heard) = (self.links, self.links.link(self.index));
            self.index += 1;
            let (Some(heard), Some(name)) = (heard, self.host) else {
                continue;
            };
            let is_there = |instance| is_target_on(heard, instance, name);
            if self.instance.is_none_or(is_there) {
                self.entries = canonical_on(links, heard, name).map(|host| {
                    let entries = some_of(heard, host, RecordType::ANY);
                    (entries, heard.id(), heard.config().interface)
                });
            }
        }
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A host, as it is known now.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) name: NameId,
    pub(super) kind: AddressKind,
    pub(super) is_own: bool,
}

impl<'a> Host<'a> {
    /// The name, such as `hall.local`.
    pub fn name(&self) -> Name<'a> {
        self.links.name(self.name)
    }

    /// The name that has the addresses: another than [`name`](Self::name) if that is an alias, or an alias of an alias, up to
    /// [`ALIASES_MAX`](super::ALIASES_MAX) of them (RFC 1034 §3.6.2).
    ///
    /// If it is not under `.local`, it has none here: it is not asked for by multicast (RFC 6762 §13). Unicast DNS may know it.
    pub fn canonical_name(&self) -> Name<'a> {
        self.links.name(self.canonical())
    }

    fn canonical(&self) -> NameId {
        canonical(self.links, self.name, self.kind)
    }

    /// Its addresses, with the link that each was heard on.
    pub fn addresses(&self) -> Addresses<'a> {
        Addresses::new(self.links, Some(self.name), None, self.kind)
    }

    /// Whether it is our own.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// A number of all that can be read here, `None` if that is nothing.
    pub(super) fn fingerprint(&self, key: u64) -> Fingerprint<Option<u32>> {
        let mut sum = None;
        let mut addresses = self.addresses();
        for address in addresses.by_ref() {
            sum = Some(sum.unwrap_or(0u32).wrapping_add(address.hash(key)));
        }
        let canonical = self.canonical();
        if !self.links.name(canonical).is_link_local() {
            sum.get_or_insert(0);
        }
        let alias = if canonical == self.name {
            0
        } else {
            self.links.fingerprint(canonical)
        };
        Fingerprint {
            number: sum.map(|sum| fingerprint(sum.wrapping_add(alias))),
            is_cut: addresses.is_cut,
            addresses: addresses.count,
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name())
            .field("canonical_name", &self.canonical_name())
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}
