//! What is known of an instance, a host, a name: read from the caches of all links, not copied (RFC 6763 §5, RFC 2782).

use core::{
    cmp::{Ordering, Reverse},
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr, SocketAddrV6},
};

use super::ask::AddressKind;
use crate::{
    cache::Life,
    link::{InterfaceId, LinkConfig, LinkId},
    name::{KeyedHash, Name, split_instance},
    time::Instant,
    wire::{Rdata, RecordType, Srv, Txt},
};

/// What was heard on one link, to be read.
pub(crate) trait Heard {
    fn id(&self) -> LinkId;
    fn config(&self) -> LinkConfig;
    /// The first record of a name, `NONE` if there is none.
    fn first(&self, name: Name<'_>) -> u32;
    fn entry(&self, id: u32) -> Option<Entry<'_>>;
    fn denies(&self, name: Name<'_>, rtype: RecordType) -> bool;
    /// How many records of a name are looked at where a stranger could make us look at many.
    fn walk_max(&self) -> usize;
}

/// What was heard on all links, to be read.
pub(crate) trait Links {
    fn bound(&self) -> usize;
    fn link(&self, index: usize) -> Option<&dyn Heard>;
}

/// A record as it was heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) rdata: Rdata<'a>,
    pub(crate) next: u32,
    pub(crate) heard: Instant,
    pub(crate) life: Life,
    pub(crate) is_unique: bool,
    pub(crate) is_dropped: bool,
}

/// The records of a name on one link, of one type or, for ANY, of all.
#[derive(Clone)]
struct Entries<'a> {
    heard: &'a dyn Heard,
    next: u32,
    left: usize,
    rtype: RecordType,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let entry = self.heard.entry(self.next)?;
            self.next = entry.next;
            if self.rtype == RecordType::ANY || entry.rdata.rtype() == self.rtype {
                return Some(entry);
            }
        }
    }
}

/// As many records of a name as a stranger may make us look at.
fn some_of<'a>(heard: &'a dyn Heard, name: Name<'_>, rtype: RecordType) -> Entries<'a> {
    Entries { heard, next: heard.first(name), left: heard.walk_max(), rtype }
}

/// Those that are not about to be replaced, if there are any.
fn current<'a>(
    heard: &'a dyn Heard,
    name: Name<'_>,
    rtype: RecordType,
) -> impl Iterator<Item = Entry<'a>> + use<'a> {
    let all = some_of(heard, name, rtype);
    let is_whole = |entry: &Entry<'_>| entry.life != Life::CutShort;
    let has_whole = all.clone().any(|entry| is_whole(&entry));
    all.filter(move |entry| !has_whole || is_whole(entry))
}

fn each_link<'a>(links: &'a dyn Links) -> impl Iterator<Item = &'a dyn Heard> + Clone + use<'a> {
    (0..links.bound()).filter_map(|index| links.link(index))
}

/// Whether a record that will last says something of this type, and how surely it is all there is.
pub(crate) fn is_answered(heard: &dyn Heard, name: Name<'_>, rtype: RecordType, in_full: bool) -> bool {
    let is_answer = |entry: Entry<'_>| {
        entry.life == Life::Own && entry.is_unique
            || entry.life == Life::Whole && (entry.is_unique || !in_full)
    };
    rtype != RecordType::ANY && some_of(heard, name, rtype).any(is_answer) || heard.denies(name, rtype)
}

/// Whether there is a record of this type.
pub(super) fn has_any(heard: &dyn Heard, name: Name<'_>, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).next().is_some()
}

/// Whether a record of ours is among those of this type.
pub(super) fn has_own(heard: &dyn Heard, name: Name<'_>, rtype: RecordType) -> bool {
    some_of(heard, name, rtype).any(|entry| entry.life == Life::Own)
}

/// Where an instance is, as one link has it.
pub(super) fn target_on<'a>(heard: &'a dyn Heard, name: Name<'_>) -> Option<Target<'a>> {
    targets_on(heard, name).min_by(Target::cmp)
}

fn targets_on<'a>(heard: &'a dyn Heard, name: Name<'_>) -> impl Iterator<Item = Target<'a>> + use<'a> {
    current(heard, name, RecordType::SRV).filter_map(|entry| match entry.rdata {
        Rdata::Srv(Srv { priority, weight, port, target }) => {
            Some(Target { priority, weight, port, host: target })
        }
        _ => None,
    })
}

/// An instance of a service, as it is known now.
///
/// Of a service type that was found, only the name means anything.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) name: Name<'a>,
    pub(super) is_own: bool,
}

impl<'a> Instance<'a> {
    /// The whole name, such as `Printer._ipp._tcp.local`.
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// The first label, which is what users are shown: by convention UTF-8, in truth any bytes (RFC 6763 §4.1.1).
    pub fn label(&self) -> &'a [u8] {
        self.name.first_label().unwrap_or_default()
    }

    /// The first label as text for people: not escaped, and with U+FFFD for what is no text or what a terminal would obey.
    pub fn label_text(&self) -> impl fmt::Display + use<'a> {
        LabelText(self.label())
    }

    /// The service type, such as `_ipp._tcp.local`. It need not be the one that was browsed (RFC 6763 §4.2).
    pub fn service_type(&self) -> Name<'a> {
        let parent = || self.name.parent().unwrap_or(Name::ROOT);
        split_instance(self.name).map_or_else(parent, |(_, service_type)| service_type)
    }

    /// Where the service is, in order of priority, and of weight among equals; [`order`](super::order) leaves that to
    /// chance as RFC 2782 has it. Almost always there is one, or none because it is not known yet.
    pub fn targets(&self) -> Targets<'a> {
        Targets { instance: *self, last: None }
    }

    /// The first of the targets.
    pub fn target(&self) -> Option<Target<'a>> {
        self.targets().next()
    }

    /// The host of the first target.
    pub fn host(&self) -> Option<Name<'a>> {
        self.target().map(|target| target.host)
    }

    /// The port of the first target.
    pub fn port(&self) -> Option<u16> {
        self.target().map(|target| target.port)
    }

    /// Whether the service says of itself that it is not there to be used (RFC 2782; RFC 6763 §8).
    pub fn is_unavailable(&self) -> bool {
        self.target().is_some_and(|target| !target.is_available())
    }

    /// The attributes; empty if they are not known, which means the same (RFC 6763 §6.1).
    pub fn txt(&self) -> Txt<'a> {
        self.newest_txt().map_or(Txt::EMPTY, |(txt, _)| txt)
    }

    /// Whether there are attributes that were too large to be kept.
    pub fn txt_dropped(&self) -> bool {
        self.newest_txt().is_some_and(|(_, is_dropped)| is_dropped)
    }

    fn newest_txt(&self) -> Option<(Txt<'a>, bool)> {
        let name = self.name;
        let newest = each_link(self.links)
            .flat_map(|heard| current(heard, name, RecordType::TXT))
            .max_by_key(|entry| (entry.life != Life::CutShort, entry.heard))?;
        match newest.rdata {
            Rdata::Txt(txt) => Some((txt, newest.is_dropped)),
            _ => None,
        }
    }

    /// The addresses of the first target, with the link that each was heard on.
    pub fn addresses(&self) -> Addresses<'a> {
        let host = self.host().unwrap_or(Name::ROOT);
        Addresses::new(self.links, host, Some(self.name), AddressKind::Both)
    }

    /// Where to connect to: each address with the port, and with its scope where it needs one.
    pub fn socket_addrs(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let port = self.port().unwrap_or(0);
        self.addresses().map(move |address| address.socket_addr(port))
    }

    /// Whether it is one of our own.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether nothing more is to be expected soon: port, attributes and an address are known, or known not to be there.
    pub(super) fn is_complete(&self) -> bool {
        let Some(target) = self.target() else { return false };
        if !target.is_available() {
            return true;
        }
        let denied = |name: Name<'_>, rtype| each_link(self.links).any(|heard| heard.denies(name, rtype));
        let has_txt = self.newest_txt().is_some() || denied(self.name, RecordType::TXT);
        let has_address = self.addresses().next().is_some()
            || denied(target.host, RecordType::A) && denied(target.host, RecordType::AAAA);
        has_txt && has_address
    }

    /// A number of all that can be read here.
    pub(super) fn fingerprint(&self, key: u64) -> u32 {
        let targets = self.targets().map(|target| target.rdata().hash(key));
        let txt = self.newest_txt().map(|(txt, _)| Rdata::Txt(txt).hash(key));
        fingerprint(targets.chain(txt).chain(self.addresses().map(|address| address.hash(key))))
    }
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", &self.name)
            .field("target", &self.target())
            .field("txt", &self.txt())
            .finish_non_exhaustive()
    }
}

struct LabelText<'a>(&'a [u8]);

impl fmt::Display for LabelText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LabelText(label) = self;
        label.utf8_chunks().try_for_each(|chunk| {
            let replaced = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
            let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            chunk.valid().chars().map(shown).chain(replaced).try_for_each(|c| f.write_char(c))
        })
    }
}

/// The sum of some hashes, as a number that stands for something being there.
fn fingerprint(hashes: impl Iterator<Item = u32>) -> u32 {
    hashes.fold(0, u32::wrapping_add).max(super::told::EMPTY + 1)
}

/// Where a service is (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The lowest that can be reached is to be tried first.
    pub priority: u16,
    /// How often to choose this one among those of one priority.
    pub weight: u16,
    /// The port; zero if the service is not available (RFC 6763 §8).
    pub port: u16,
    /// The host; the root if the service is not available.
    pub host: Name<'a>,
}

impl<'a> Target<'a> {
    /// Whether there is something to connect to.
    pub fn is_available(&self) -> bool {
        self.port != 0 && !self.host.is_root()
    }

    fn rdata(&self) -> Rdata<'a> {
        let Target { priority, weight, port, host } = *self;
        Rdata::Srv(Srv { priority, weight, port, target: host })
    }

    /// The order in which they are shown.
    fn cmp(&self, other: &Target<'_>) -> Ordering {
        let rank = |target: &Target<'_>| (target.priority, Reverse(target.weight));
        rank(self).cmp(&rank(other)).then_with(|| self.rdata().cmp_wire(&other.rdata()))
    }
}

/// The targets of an instance, each once.
#[derive(Clone, Debug)]
pub struct Targets<'a> {
    instance: Instance<'a>,
    last: Option<Target<'a>>,
}

impl<'a> Iterator for Targets<'a> {
    type Item = Target<'a>;

    fn next(&mut self) -> Option<Target<'a>> {
        let (name, last) = (self.instance.name, self.last);
        let is_later = |target: &Target<'a>| last.is_none_or(|last| target.cmp(&last) == Ordering::Greater);
        let next = each_link(self.instance.links)
            .flat_map(|heard| targets_on(heard, name))
            .filter(is_later)
            .min_by(Target::cmp)?;
        self.last = Some(next);
        Some(next)
    }
}

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

    fn hash(&self, key: u64) -> u32 {
        let mut hash = KeyedHash::new(key);
        match self.ip {
            IpAddr::V4(ip) => hash.bytes(&ip.octets()),
            IpAddr::V6(ip) => hash.bytes(&ip.octets()),
        }
        hash.bytes(&[self.link.0]);
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
    host: Name<'a>,
    /// If given, only links on which this instance is on the host count.
    instance: Option<Name<'a>>,
    kind: AddressKind,
}

impl<'a> Addresses<'a> {
    fn new(links: &'a dyn Links, host: Name<'a>, instance: Option<Name<'a>>, kind: AddressKind) -> Self {
        Addresses { links, index: 0, entries: None, host, instance, kind }
    }
}

impl Iterator for Addresses<'_> {
    type Item = Address;

    fn next(&mut self) -> Option<Address> {
        loop {
            if let Some((entries, link, interface)) = &mut self.entries {
                for entry in entries {
                    let ip = match (entry.rdata, self.kind) {
                        (Rdata::A(ip), AddressKind::V4 | AddressKind::Both) => IpAddr::V4(ip),
                        (Rdata::Aaaa(ip), AddressKind::V6 | AddressKind::Both) => IpAddr::V6(ip),
                        _ => continue,
                    };
                    return Some(Address { ip, link: *link, interface: *interface });
                }
                self.entries = None;
            }
            if self.index >= self.links.bound() {
                return None;
            }
            let heard = self.links.link(self.index);
            self.index += 1;
            let (host, instance) = (self.host, self.instance);
            let is_there = |heard: &&dyn Heard| {
                instance.is_none_or(|name| targets_on(*heard, name).any(|target| target.host == host))
            };
            self.entries = heard.filter(is_there).map(|heard| {
                (some_of(heard, host, RecordType::ANY), heard.id(), heard.config().interface)
            });
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
    pub(super) name: Name<'a>,
    pub(super) kind: AddressKind,
    pub(super) is_own: bool,
}

impl<'a> Host<'a> {
    /// The name, such as `hall.local`.
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// Its addresses, with the link that each was heard on.
    pub fn addresses(&self) -> Addresses<'a> {
        Addresses::new(self.links, self.name, None, self.kind)
    }

    /// Whether it is our own.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// A number of all that can be read here; `None` if that is nothing.
    pub(super) fn fingerprint(&self, key: u64) -> Option<u32> {
        self.addresses().next()?;
        Some(fingerprint(self.addresses().map(|address| address.hash(key))))
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}

/// One record that answers a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What it says.
    pub rdata: Rdata<'a>,
    /// The link it was heard on.
    pub link: LinkId,
    /// The interface of the link.
    pub interface: InterfaceId,
    /// Whether it is our own.
    pub is_own: bool,
}

/// The answers to a query, as they are known now.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) name: Name<'a>,
    pub(super) rtype: RecordType,
}

impl<'a> Records<'a> {
    /// The name that was asked about.
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// The type that was asked for.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The records, link by link.
    pub fn iter(&self) -> impl Iterator<Item = Answer<'a>> + use<'a> {
        let Records { links, name, rtype } = *self;
        each_link(links).flat_map(move |heard| {
            let all = Entries { heard, next: heard.first(name), left: usize::MAX, rtype };
            all.map(move |entry| Answer {
                rdata: entry.rdata,
                link: heard.id(),
                interface: heard.config().interface,
                is_own: entry.life == Life::Own,
            })
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
