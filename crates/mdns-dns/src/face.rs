//! What a translator stands for: `.local` itself, or a zone of DNS in place of it (RFC 8766 §5).

use alloc::{boxed::Box, vec::Vec};
use core::net::IpAddr;

use mdns_proto::{
    name::{Name, NameBuf},
    wire::{Rdata, RecordType, Srv},
};

/// The domain of multicast DNS (RFC 6762 §3).
pub(crate) const LOCAL: Name<'static> = Name::from_static(b"\x05local\0");

/// Which domains to browse: all of them, the best one, those of programs that do not ask (RFC 6763 §11).
const BROWSED: [&[&[u8]]; 3] = [
    &[b"b", b"_dns-sd", b"_udp"],
    &[b"db", b"_dns-sd", b"_udp"],
    &[b"lb", b"_dns-sd", b"_udp"],
];

/// Which domains to register in.
const REGISTERED: [&[&[u8]]; 2] = [&[b"r", b"_dns-sd", b"_udp"], &[b"dr", b"_dns-sd", b"_udp"]];

/// What a translator stands for.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of it in a translator"
)]
pub enum Face {
    /// `.local` and the reverse zones of link-local addresses, under their own names, for programs on this host.
    Stub,
    /// A zone of DNS that stands for a link, for clients elsewhere: a Discovery Proxy (RFC 8766).
    Zone(Zone),
}

/// A zone of DNS in place of `.local` (RFC 8766 §5.1): `hall.local` is `hall.link1.example.com`.
#[derive(Clone, Debug)]
pub struct Zone {
    name: NameBuf,
    /// The name of the server, for the NS and SOA records.
    server: NameBuf,
    /// Its addresses, where its name is in the zone.
    addresses: Vec<IpAddr>,
}

impl Zone {
    /// The zone of this name, on a server called `ns` in it; `None` for the root and for names under `.local`, which are no zones of DNS,
    /// and for names so long that `ns` does not fit before them.
    pub fn new(name: &NameBuf) -> Option<Self> {
        let is_zone = !name.as_name().is_root() && !name.as_name().is_link_local();
        let mut server = NameBuf::new();
        server.push_label(b"ns").ok()?;
        server.push_name(name.as_name()).ok()?;
        (is_zone && server.fits_unicast()).then(|| Zone {
            name: name.clone(),
            server,
            addresses: Vec::new(),
        })
    }

    /// Sets the name of the server in NS and SOA records. It should be the one in the delegation (RFC 8766 §6.2).
    #[must_use]
    pub fn with_server(mut self, server: NameBuf) -> Self {
        self.server = server;
        self
    }

    /// Sets the addresses with which queries for the server's name are answered, where that is in the zone.
    #[must_use]
    pub fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses = addresses.into_iter().collect();
        self
    }

    /// The name of the zone.
    pub fn name(&self) -> &NameBuf {
        &self.name
    }

    /// The name of the server.
    pub fn server(&self) -> &NameBuf {
        &self.server
    }
}

/// How a question is answered.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is used at once")]
pub(crate) enum Source {
    /// From multicast DNS, under this name.
    Link(NameBuf),
    /// With these records, at once; none means that the name has no such record.
    Fixed(Vec<Answer>),
    /// Not at all: the name is not ours.
    Foreign,
}

/// Type and flat rdata of a record, in the names that clients use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    pub(crate) rtype: RecordType,
    pub(crate) rdata: Box<[u8]>,
}

impl Answer {
    pub(crate) fn new(rdata: &Rdata<'_>) -> Self {
        Answer {
            rtype: rdata.rtype(),
            rdata: rdata.bytes().collect(),
        }
    }

    /// The rdata, to be written.
    pub(crate) fn rdata(&self) -> Rdata<'_> {
        Rdata::from_wire(self.rtype, &self.rdata).unwrap_or(Rdata::Other(self.rtype, &self.rdata))
    }

    /// The name that the owner is an alias for, if this says so.
    pub(crate) fn alias(&self) -> Option<NameBuf> {
        match self.rdata() {
            Rdata::Cname(name) => Some(name.into()),
            _ => None,
        }
    }
}

impl Face {
    /// How a question is answered.
    pub(crate) fn source(&self, name: Name<'_>, qtype: RecordType) -> Source {
        match self {
            // The limits of a NSEC record are its owner's own: it says which types there are (RFC 8766 §5.5.3).
            _ if qtype == RecordType::NSEC => self.source(name, RecordType::ANY),
            Face::Stub if !name.is_link_local() => Source::Foreign,
            // The apex has no records, least of all an SOA: nss-mdns takes that to mean that `.local` is a zone of DNS.
            Face::Stub if name == LOCAL || is_empty(name, qtype) => Source::Fixed(Vec::new()),
            Face::Stub => Source::Link(name.into()),
            Face::Zone(zone) => zone.source(name, qtype),
        }
    }

    /// The name of the zone that a name is in, for the SOA record in a negative response.
    pub(crate) fn apex<'a>(&'a self, name: Name<'a>) -> Name<'a> {
        match self {
            Face::Zone(zone) => zone.name.as_name(),
            // `254.169.in-addr.arpa`, `8.e.f.ip6.arpa`.
            Face::Stub => {
                let labels: Vec<&[u8]> = name.labels().collect();
                let len = match labels.as_slice() {
                    [.., second, last] if last.eq_ignore_ascii_case(b"arpa") => {
                        4 + usize::from(second.eq_ignore_ascii_case(b"ip6"))
                    }
                    _ => return LOCAL,
                };
                let parents = core::iter::successors(Some(name), |name| name.parent());
                let mut parents = parents.skip(labels.len().saturating_sub(len));
                parents.next().unwrap_or(LOCAL)
            }
        }
    }

    /// The SOA record of the zone (RFC 8766 §6.1).
    pub(crate) fn soa(&self) -> Option<Answer> {
        match self {
            Face::Zone(zone) => zone.soa(),
            // There is no server to ask, and nobody to write to.
            Face::Stub => soa(Name::ROOT, Name::ROOT),
        }
    }

    /// The name that clients use for a name of multicast DNS; `None` if it is too long for DNS.
    pub(crate) fn name_for_clients(&self, name: Name<'_>) -> Option<NameBuf> {
        let mut translated = NameBuf::new();
        match self {
            Face::Zone(zone) if name.ends_with(LOCAL) => {
                let before = name.labels().count().checked_sub(1)?;
                for label in name.labels().take(before) {
                    translated.push_label(label).ok()?;
                }
                translated.push_name(zone.name.as_name()).ok()?;
            }
            _ => translated.push_name(name).ok()?,
        }
        translated.fits_unicast().then_some(translated)
    }

    /// A record as clients are told it; `None` if it means nothing to them (RFC 8766 §5.5.2).
    pub(crate) fn translate(&self, rdata: &Rdata<'_>) -> Option<Answer> {
        let is_zone = matches!(self, Face::Zone(_));
        match *rdata {
            // Of no use where the client is not on the link; and in a record of DNS there is no place for the interface.
            Rdata::Aaaa(ip) if ip.is_unicast_link_local() => None,
            Rdata::A(ip)
                if is_zone
                    && (ip.is_link_local()
                        || ip.is_loopback()
                        || ip.is_unspecified()
                        || ip.is_multicast()) =>
            {
                None
            }
            Rdata::Aaaa(ip)
                if is_zone && (ip.is_loopback() || ip.is_unspecified() || ip.is_multicast()) =>
            {
                None
            }
            // An NSEC of multicast DNS says something else than one of DNS (RFC 8766 §5.5.3); an OPT is no record.
            Rdata::Nsec(_) | Rdata::Opt(_) => None,
            _ if !is_zone => Some(Answer::new(rdata)),
            Rdata::Ptr(name) => {
                let name = self.name_for_clients(name)?;
                Some(Answer::new(&Rdata::Ptr(name.as_name())))
            }
            Rdata::Cname(name) => {
                let name = self.name_for_clients(name)?;
                Some(Answer::new(&Rdata::Cname(name.as_name())))
            }
            Rdata::Srv(srv) => {
                let target = self.name_for_clients(srv.target)?;
                let target = target.as_name();
                Some(Answer::new(&Rdata::Srv(Srv { target, ..srv })))
            }
            Rdata::Named(named) => {
                let parts = named.parts();
                let mut rdata = Vec::from(parts.prefix);
                for name in [Some(parts.first), parts.second].into_iter().flatten() {
                    rdata.extend_from_slice(self.name_for_clients(name)?.as_wire());
                }
                rdata.extend_from_slice(parts.suffix);
                Some(Answer {
                    rtype: named.rtype(),
                    rdata: rdata.into(),
                })
            }
            _ => Some(Answer::new(rdata)),
        }
    }
}

/// How long a negative answer may be believed, in seconds (RFC 8766 §6.1).
const MINIMUM: u32 = 10;

/// The SOA record of a zone with this server and this mailbox, whose serial number is always 0: nobody transfers it (RFC 8766 §6.1).
fn soa(server: Name<'_>, contact: Name<'_>) -> Option<Answer> {
    let (server, contact) = (NameBuf::from(server), NameBuf::from(contact));
    let mut rdata = [server.as_wire(), contact.as_wire()].concat();
    for number in [0, 7200, 3600, 86_400, MINIMUM] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    let soa = Rdata::from_wire(RecordType::SOA, &rdata)?;
    Some(Answer::new(&soa))
}

impl Zone {
    fn soa(&self) -> Option<Answer> {
        let mut contact = NameBuf::from_labels([&b"hostmaster"[..]]).ok()?;
        if contact.push_name(self.name.as_name()).is_err() {
            contact = NameBuf::new();
        }
        soa(self.server.as_name(), contact.as_name())
    }

    fn source(&self, name: Name<'_>, qtype: RecordType) -> Source {
        let zone = self.name.as_name();
        if !name.ends_with(zone) {
            return Source::Foreign;
        }
        let is_asked = |rtype| qtype == rtype || qtype == RecordType::ANY;
        let depth = name.labels().count() - zone.labels().count();
        if depth == 0 {
            return Source::Fixed(self.apex_records(qtype));
        }
        if name == self.server.as_name() {
            let rdata = |ip: &IpAddr| match *ip {
                IpAddr::V4(v4) => Rdata::A(v4),
                IpAddr::V6(v6) => Rdata::Aaaa(v6),
            };
            let records = self.addresses.iter().map(rdata);
            let asked = records.filter(|rdata| is_asked(rdata.rtype()));
            return Source::Fixed(asked.map(|rdata| Answer::new(&rdata)).collect());
        }
        let labels: Vec<&[u8]> = name.labels().take(depth).collect();
        // RFC 6763 §11: the zone itself is to be browsed. It is not a place to register in.
        let is_one_of = |domains: &[&[&[u8]]]| {
            let is_same = |domain: &&[&[u8]]| {
                let mut pairs = domain.iter().zip(&labels);
                domain.len() == labels.len() && pairs.all(|(a, b)| a.eq_ignore_ascii_case(b))
            };
            domains.iter().any(is_same)
        };
        if is_one_of(&BROWSED) && is_asked(RecordType::PTR) {
            return Source::Fixed([Answer::new(&Rdata::Ptr(zone))].into());
        }
        if is_one_of(&BROWSED) || is_one_of(&REGISTERED) {
            return Source::Fixed(Vec::new());
        }
        if is_empty(name, qtype) {
            return Source::Fixed(Vec::new());
        }
        let mut local = NameBuf::new();
        let pushed = labels.iter().try_for_each(|label| local.push_label(label));
        match pushed.and_then(|()| local.push_name(LOCAL)) {
            Ok(()) => Source::Link(local),
            // No name of multicast DNS is so long.
            Err(_) => Source::Fixed(Vec::new()),
        }
    }

    /// The records of the zone's own name (RFC 8766 §6.1, §6.2).
    fn apex_records(&self, qtype: RecordType) -> Vec<Answer> {
        let mut records = Vec::new();
        if matches!(qtype, RecordType::SOA | RecordType::ANY) {
            records.extend(self.soa());
        }
        if matches!(qtype, RecordType::NS | RecordType::ANY) {
            records.push(Answer {
                rtype: RecordType::NS,
                rdata: self.server.as_wire().into(),
            });
        }
        records
    }
}

/// Whether there is nothing to ask a link for: types that multicast DNS has no use for, and types other than PTR of service types, which
/// resolvers ask for on their way down to an instance (RFC 9156).
fn is_empty(name: Name<'_>, qtype: RecordType) -> bool {
    let is_of_dns = matches!(
        qtype,
        RecordType::NS | RecordType::SOA | RecordType(43 | 46 | 48 | 50 | 51 | 59 | 60)
    );
    let is_type = name
        .first_label()
        .is_some_and(|label| label.first() == Some(&b'_'));
    is_of_dns || is_type && !matches!(qtype, RecordType::PTR | RecordType::ANY)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString as _;

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    fn zone() -> Face {
        Face::Zone(Zone::new(&name("link1.example.com")).unwrap())
    }

    #[test]
    fn no_zone_is_under_local() {
        for wrong in [".", "local", "link1.local", "254.169.in-addr.arpa"] {
            assert!(Zone::new(&name(wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_stub_knows_the_zone_of_a_name() {
        for (inside, apex) in [
            ("a.b.local", "local"),
            ("1.2.254.169.in-addr.arpa", "254.169.in-addr.arpa"),
            ("1.2.8.e.f.ip6.arpa", "8.e.f.ip6.arpa"),
        ] {
            assert_eq!(Face::Stub.apex(name(inside).as_name()).to_string(), apex);
        }
    }

    #[test]
    fn names_are_those_of_the_zone_and_back() {
        let link = |text: &str, rtype| zone().source(name(text).as_name(), rtype);
        assert_eq!(
            link("Hall.Link1.example.com", RecordType::A),
            Source::Link(name("Hall.local"))
        );
        assert_eq!(
            link("link1.example.com.", RecordType::A),
            Source::Fixed(Vec::new())
        );
        assert_eq!(link("xlink1.example.com.", RecordType::A), Source::Foreign);
        assert_eq!(link("hall.local", RecordType::A), Source::Foreign);
        let back = zone()
            .name_for_clients(name("Hall.LOCAL").as_name())
            .unwrap();
        assert_eq!(back.to_string(), "Hall.link1.example.com");
        let other = zone()
            .name_for_clients(name("example.org").as_name())
            .unwrap();
        assert_eq!(other.to_string(), "example.org");
    }

    #[test]
    fn a_name_that_gets_too_long_is_left_out() {
        let mut long = NameBuf::new();
        for _ in 0..3 {
            long.push_label(&[b'a'; 63]).unwrap();
        }
        long.push_label(&[b'a'; 45]).unwrap();
        long.push_name(LOCAL).unwrap();
        assert!(long.fits_unicast());
        assert!(Face::Stub.translate(&Rdata::Ptr(long.as_name())).is_some());
        assert!(zone().translate(&Rdata::Ptr(long.as_name())).is_none());
    }

    #[test]
    fn resolvers_on_their_way_down_do_not_wait() {
        for (text, rtype) in [
            ("_tcp.link1.example.com", RecordType::A),
            ("_ipp._tcp.link1.example.com", RecordType::NS),
            ("_dns-update._udp.link1.example.com", RecordType::SRV),
            ("hall.link1.example.com", RecordType::NS),
        ] {
            let source = zone().source(name(text).as_name(), rtype);
            assert_eq!(source, Source::Fixed(Vec::new()), "{text}");
        }
    }
}
