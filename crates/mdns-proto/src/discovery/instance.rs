//! An instance of a service, as it is known now (RFC 6763 §5, RFC 2782).

use core::{
    cmp::{Ordering, Reverse},
    fmt::{self, Write as _},
    net::SocketAddr,
};

use super::{
    AddressKind, Addresses, Heard, Links,
    alias::{canonical, canonical_on},
    heard::{Rank, each_link, fingerprint, newest, newest_on, rank, some_of},
    host::Fingerprint,
};
use crate::{
    cache::HeardRecord,
    name::{KeyedHash, Name, split_instance},
    store::NameId,
    wire::{Rdata, RecordType, Srv, Txt},
};

/// An instance of a service, as it is known now.
///
/// Of a service type that was found, only the name means anything.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    pub(super) links: &'a dyn Links,
    pub(super) name: NameId,
    pub(super) is_own: bool,
}

impl<'a> Instance<'a> {
    /// The whole name, such as `Printer._ipp._tcp.local`.
    pub fn name(&self) -> Name<'a> {
        self.links.name(self.name)
    }

    /// The first label, which is what users are shown: by convention UTF-8, in truth any bytes (RFC 6763 §4.1.1).
    pub fn label(&self) -> &'a [u8] {
        self.name().first_label().unwrap_or_default()
    }

    /// The first label as text for people: not escaped, and with U+FFFD for what is no text or what a terminal would obey.
    pub fn label_text(&self) -> impl fmt::Display + use<'a> {
        LabelText(self.label())
    }

    /// The service type, such as `_ipp._tcp.local`: without the subtype, if one was browsed (RFC 6763 §7.1).
    pub fn service_type(&self) -> Name<'a> {
        let name = self.name();
        let parent = || name.parent().unwrap_or(Name::ROOT);
        split_instance(name).map_or_else(parent, |(_, service_type)| service_type)
    }

    /// Where the service is, in order of priority, and of weight among equals; [`order`](super::order) leaves that to
    /// chance as RFC 2782 has it. Almost always there is one, or none because it is not known yet.
    ///
    /// These are the SRV records that were heard last, all in one packet. An older one that is still in the cache, because its
    /// sender did not set the cache-flush bit, does not count beside them; it counts again if the newer ones are withdrawn (RFC 6762
    /// §10.1).
    pub fn targets(&self) -> Targets<'a> {
        Targets {
            instance: *self,
            last: None,
        }
    }

    /// The first of the targets.
    pub fn target(&self) -> Option<Target<'a>> {
        let target = first_target(self.links, self.name)?;
        Some(target.shown(self.links))
    }

    /// The host of the first target.
    pub fn host(&self) -> Option<Name<'a>> {
        self.target().map(|target| target.host)
    }

    /// The name that has the addresses: another than the host if that is an alias, as it should not be (RFC 2782). See
    /// [`Host::canonical_name`](super::Host::canonical_name).
    pub fn canonical_host(&self) -> Option<Name<'a>> {
        let target = first_target(self.links, self.name)?;
        let canonical = canonical(self.links, target.host, AddressKind::Both);
        Some(self.links.name(canonical))
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

    #[cfg_attr(target_os = "none", inline(never))]
    fn newest_txt(&self) -> Option<(Txt<'a>, bool)> {
        let newest = newest(self.links, self.name, RecordType::TXT)?;
        // Two of one packet: the one that was there before.
        let mut found = None;
        for heard in each_link(self.links) {
            for record in some_of(heard, self.name, RecordType::TXT) {
                if rank(record) == newest
                    && let Some(txt) = heard.txt(record)
                {
                    found = Some((txt, record.is_dropped()));
                }
            }
        }
        found
    }

    /// The addresses of the first target, with the link that each was heard on.
    pub fn addresses(&self) -> Addresses<'a> {
        let target = first_target(self.links, self.name);
        self.addresses_of(target.map(|target| target.host))
    }

    fn addresses_of(&self, host: Option<NameId>) -> Addresses<'a> {
        Addresses::new(self.links, host, Some(self.name), AddressKind::Both)
    }

    /// Where to connect to: each address with the port, and with its scope where it needs one.
    pub fn socket_addrs(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let port = self.port().unwrap_or(0);
        self.addresses()
            .map(move |address| address.socket_addr(port))
    }

    /// Whether it is one of our own.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether nothing more is to be expected soon: port, attributes and an address are known, or known not to be there.
    pub(super) fn is_complete(&self) -> bool {
        let Some(target) = first_target(self.links, self.name) else {
            return false;
        };
        if !target.is_available(self.links) {
            return true;
        }
        let denies_txt = |heard: &dyn Heard| heard.denies(self.name, RecordType::TXT);
        let has_txt = self.newest_txt().is_some() || each_link(self.links).any(denies_txt);
        // Outside .local nothing is asked for.
        let has_none = |rtype| {
            each_link(self.links).any(|heard| {
                canonical_on(self.links, heard, target.host).is_some_and(|name| {
                    !self.links.name(name).is_link_local() || heard.denies(name, rtype)
                })
            })
        };
        let has_address = self.addresses_of(Some(target.host)).next().is_some()
            || has_none(RecordType::A) && has_none(RecordType::AAAA);
        has_txt && has_address
    }

    /// A number of all that can be read here.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn fingerprint(&self, key: u64) -> Fingerprint<u32> {
        let mut sum = self.sum_of_targets(key);
        if let Some((txt, _)) = self.newest_txt() {
            let mut hash = KeyedHash::new(key);
            hash.bytes(txt.as_wire());
            sum = sum.wrapping_add(hash.finish());
        }
        let host = first_target(self.links, self.name).map(|target| target.host);
        let of_addresses = self.sum_of_addresses(host, key);
        Fingerprint {
            number: fingerprint(sum.wrapping_add(of_addresses.number)),
            ..of_addresses
        }
    }

    // Each sum apart: the rows they go through are not on the stack while the host is looked for.

    #[cfg_attr(target_os = "none", inline(never))]
    fn sum_of_targets(&self, key: u64) -> u32 {
        let Some(newest) = newest(self.links, self.name, RecordType::SRV) else {
            return 0;
        };
        let mut sum = 0u32;
        for (at, heard) in each_link(self.links).enumerate() {
            for target in targets_of(heard, self.name, newest) {
                // Each counts once: on the first link that has it.
                if each_link(self.links)
                    .take(at)
                    .any(|heard| has_target(heard, self.name, newest, target))
                {
                    continue;
                }
                let mut hash = KeyedHash::new(key);
                let numbers = [target.priority, target.weight, target.port].map(u64::from);
                hash.word(numbers.iter().fold(0, |word, number| word << 16 | number));
                hash.word(self.links.fingerprint(target.host).into());
                sum = sum.wrapping_add(hash.finish());
            }
        }
        sum
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn sum_of_addresses(&self, host: Option<NameId>, key: u64) -> Fingerprint<u32> {
        let mut sum = 0u32;
        let mut addresses = self.addresses_of(host);
        for address in addresses.by_ref() {
            sum = sum.wrapping_add(address.hash(key));
        }
        if let Some(host) = host {
            let canonical = canonical(self.links, host, AddressKind::Both);
            if canonical != host {
                sum = sum.wrapping_add(self.links.fingerprint(canonical));
            }
        }
        Fingerprint {
            number: sum,
            is_cut: addresses.is_cut,
            addresses: addresses.count,
        }
    }
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", &self.name())
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
            let shown = |c: char| {
                if c.is_control() {
                    char::REPLACEMENT_CHARACTER
                } else {
                    c
                }
            };
            chunk
                .valid()
                .chars()
                .map(shown)
                .chain(replaced)
                .try_for_each(|c| f.write_char(c))
        })
    }
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
    /// The host; the root if the service is not available. One that is not under `.local` is told as it is: its addresses are not
    /// asked for here (RFC 6762 §13), the application may ask unicast DNS for them.
    pub host: Name<'a>,
}

impl<'a> Target<'a> {
    /// Whether there is something to connect to.
    pub fn is_available(&self) -> bool {
        self.port != 0 && !self.host.is_root()
    }

    /// The order in which they are shown.
    #[cfg_attr(target_os = "none", inline(never))]
    fn cmp(&self, other: &Target<'_>) -> Ordering {
        let rank = |target: &Target<'_>| (target.priority, Reverse(target.weight));
        rank(self)
            .cmp(&rank(other))
            .then_with(|| self.rdata().cmp_wire(&other.rdata()))
    }

    fn rdata(&self) -> Rdata<'a> {
        let Target {
            priority,
            weight,
            port,
            host,
        } = *self;
        Rdata::Srv(Srv {
            priority,
            weight,
            port,
            target: host,
        })
    }
}

/// The same, with the number of the host's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredTarget {
    priority: u16,
    weight: u16,
    port: u16,
    pub(super) host: NameId,
}

impl StoredTarget {
    fn of(record: &HeardRecord) -> Option<Self> {
        let (priority, weight, port) = record.srv()?;
        Some(StoredTarget {
            priority,
            weight,
            port,
            host: record.target()?,
        })
    }

    /// Whether there is something to connect to.
    pub(super) fn is_available(&self, links: &dyn Links) -> bool {
        self.port != 0 && !links.name(self.host).is_root()
    }

    /// Whether there is a host whose addresses are to be asked for on a link: not outside `.local` (RFC 6762 §13).
    pub(super) fn has_host_here(&self, links: &dyn Links) -> bool {
        self.port != 0 && links.name(self.host).is_link_local()
    }

    fn shown<'a>(&self, links: &'a dyn Links) -> Target<'a> {
        Target {
            priority: self.priority,
            weight: self.weight,
            port: self.port,
            host: links.name(self.host),
        }
    }
}

/// The targets of an instance, each once.
#[derive(Clone, Debug)]
pub struct Targets<'a> {
    instance: Instance<'a>,
    last: Option<StoredTarget>,
}

impl<'a> Iterator for Targets<'a> {
    type Item = Target<'a>;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Target<'a>> {
        let Instance { links, name, .. } = self.instance;
        self.last = target_after(links, name, self.last);
        self.last.map(|target| target.shown(links))
    }
}

/// The target of an instance after the last one.
fn target_after(
    links: &dyn Links,
    name: NameId,
    last: Option<StoredTarget>,
) -> Option<StoredTarget> {
    let rank = newest(links, name, RecordType::SRV)?;
    let mut next = None;
    for heard in each_link(links) {
        next = first_of(links, (heard, name, rank), last, next);
    }
    next
}

/// The first of the targets of an instance.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn first_target(links: &dyn Links, name: NameId) -> Option<StoredTarget> {
    target_after(links, name, None)
}

/// Where an instance is, as one link has it.
pub(super) fn target_on(
    links: &dyn Links,
    heard: &dyn Heard,
    name: NameId,
) -> Option<StoredTarget> {
    let rank = newest_on(heard, name, RecordType::SRV)?;
    first_of(links, (heard, name, rank), None, None)
}

/// The first of the targets on a link after the last one, or another if that comes before it.
#[cfg_attr(target_os = "none", inline(never))]
fn first_of(
    links: &dyn Links,
    (heard, name, rank): (&dyn Heard, NameId, Rank),
    last: Option<StoredTarget>,
    other: Option<StoredTarget>,
) -> Option<StoredTarget> {
    let order = |a: &StoredTarget, b: &StoredTarget| a.shown(links).cmp(&b.shown(links));
    let mut first = other;
    for target in targets_of(heard, name, rank) {
        let is_later = last.is_none_or(|last| order(&target, &last).is_gt());
        if is_later && first.is_none_or(|first| order(&target, &first).is_lt()) {
            first = Some(target);
        }
    }
    first
}

/// Whether one of the targets of an instance on a link is this host.
pub(super) fn is_target_on(heard: &dyn Heard, name: NameId, host: NameId) -> bool {
    newest_on(heard, name, RecordType::SRV)
        .is_some_and(|rank| targets_of(heard, name, rank).any(|target| target.host == host))
}

/// Whether a target is among those of an instance on a link.
#[cfg_attr(target_os = "none", inline(never))]
fn has_target(heard: &dyn Heard, name: NameId, newest: Rank, target: StoredTarget) -> bool {
    targets_of(heard, name, newest).any(|other| other == target)
}

fn targets_of(
    heard: &dyn Heard,
    name: NameId,
    newest: Rank,
) -> impl Iterator<Item = StoredTarget> + use<'_> {
    some_of(heard, name, RecordType::SRV)
        .filter(move |record| rank(record) == newest)
        .filter_map(StoredTarget::of)
}
