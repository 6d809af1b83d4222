//! Which domains there are to browse and to register in (RFC 6763 §11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mdns_proto::{
    name::{NameBuf, reverse_name},
    wire::{Rdata, RecordType},
};

use crate::{
    client::{Client, QueryError},
    transport::Transport,
};

/// What is asked about a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainKind {
    /// Domains recommended for browsing.
    Browse,
    /// The one to browse by default.
    DefaultBrowse,
    /// Domains recommended for registering.
    Register,
    /// The one to register in by default.
    DefaultRegister,
    /// Domains to browse for programs that do not ask ("legacy" or "automatic").
    Automatic,
}

impl DomainKind {
    /// All of them, in the order of RFC 6763 §11.
    pub const ALL: [DomainKind; 5] = [
        DomainKind::Browse,
        DomainKind::DefaultBrowse,
        DomainKind::Register,
        DomainKind::DefaultRegister,
        DomainKind::Automatic,
    ];

    fn label(self) -> &'static [u8] {
        match self {
            DomainKind::Browse => b"b",
            DomainKind::DefaultBrowse => b"db",
            DomainKind::Register => b"r",
            DomainKind::DefaultRegister => b"dr",
            DomainKind::Automatic => b"lb",
        }
    }
}

/// The name whose PTR records list the domains: `b._dns-sd._udp.DOMAIN`. `None` if it is too long.
///
/// ```
/// use dnssd_unicast::{DomainKind, domain_name};
///
/// let name = domain_name(DomainKind::Automatic, &"example.com".parse()?);
/// assert_eq!(name, Some("lb._dns-sd._udp.example.com".parse()?));
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
pub fn domain_name(kind: DomainKind, domain: &NameBuf) -> Option<NameBuf> {
    let mut name = NameBuf::from_labels([kind.label(), b"_dns-sd", b"_udp"]).ok()?;
    name.push_name(domain.as_name()).ok()?;
    name.fits_unicast().then_some(name)
}

/// The domain in which to ask what is near an address: the reverse name of its network, for `(address, length of the prefix)`. `None` for
/// link-local and loopback addresses, of which no server knows anything.
///
/// ```
/// let domain = dnssd_unicast::reverse_domains([([192, 168, 12, 34].into(), 16)]);
/// assert_eq!(domain[0].to_string(), "0.0.168.192.in-addr.arpa");
/// ```
pub fn reverse_domains(addresses: impl IntoIterator<Item = (IpAddr, u8)>) -> Vec<NameBuf> {
    let mut domains: Vec<NameBuf> = Vec::new();
    for (address, prefix_len) in addresses {
        let network = match address.to_canonical() {
            IpAddr::V4(v4) if v4.is_link_local() || v4.is_loopback() => continue,
            IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_loopback() => continue,
            IpAddr::V4(v4) => {
                let mask = u32::MAX
                    .checked_shl(32u32.saturating_sub(prefix_len.into()))
                    .unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX
                    .checked_shl(128u32.saturating_sub(prefix_len.into()))
                    .unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        let name = reverse_name(network);
        if !domains.contains(&name) {
            domains.push(name);
        }
    }
    domains
}

impl<T: Transport> Client<T> {
    /// Asks which domains a domain recommends. It is advice, for lists that people choose from: nothing else changes by it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn domains(
        &self,
        kind: DomainKind,
        domain: &NameBuf,
    ) -> Result<Vec<NameBuf>, QueryError> {
        let Some(name) = domain_name(kind, domain) else {
            return Ok(Vec::new());
        };
        let reply = self.query(&name, RecordType::PTR).await?;
        let targets = reply.records().filter_map(|rdata| match rdata {
            Rdata::Ptr(target) => Some(NameBuf::from(target)),
            _ => None,
        });
        Ok(targets.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: 6763-11-a
    #[test]
    fn five_kinds_have_five_names() {
        let domain = "example.com".parse().unwrap();
        let names = DomainKind::ALL.map(|kind| domain_name(kind, &domain).unwrap().to_string());
        assert_eq!(
            names,
            ["b", "db", "r", "dr", "lb"].map(|label| format!("{label}._dns-sd._udp.example.com"))
        );
    }

    /// covers: 6763-11-c, 6763-11-d
    #[test]
    fn the_domain_of_an_address_is_that_of_its_network() {
        let domain = |ip: &str, len| {
            let domains = reverse_domains([(ip.parse().unwrap(), len)]);
            domains.first().map(ToString::to_string)
        };
        assert_eq!(
            domain("192.168.12.34", 16).as_deref(),
            Some("0.0.168.192.in-addr.arpa")
        );
        assert_eq!(
            domain("10.99.0.7", 24).as_deref(),
            Some("0.0.99.10.in-addr.arpa")
        );
        assert_eq!(
            domain("10.99.0.7", 32).as_deref(),
            Some("7.0.99.10.in-addr.arpa")
        );
        assert_eq!(
            domain("10.99.0.7", 0).as_deref(),
            Some("0.0.0.0.in-addr.arpa")
        );
        let v6 = domain("2001:db8:1:2::7", 64).unwrap();
        assert!(
            v6.starts_with("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0."),
            "{v6}"
        );
        for (none, len) in [
            ("169.254.7.7", 16),
            ("fe80::7", 64),
            ("127.0.0.1", 8),
            ("::1", 128),
            ("::ffff:169.254.1.1", 16),
        ] {
            assert_eq!(domain(none, len), None, "{none}");
        }
    }
}
