//! Results as they are kept for the application: small, shared and counted.
//!
//! The public types have room for the longest name in each of their names; here a name takes the bytes that it has. What is known of a host is
//! kept once for all its instances, and what was told shares its memory with what is so now. All of it is counted, and has
//! a [bound](crate::Options::results_max).

use std::{
    collections::HashMap,
    mem::size_of,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use mdns_proto::{
    name::{Name, NameBuf},
    wire::{RecordType, Txt, TxtVec},
};

use crate::{Address, Answer, HostAddresses, Instance};

/// What an allocator, the counters of an [`Arc`] and a place in a map take beside what is in them, on average.
const OVERHEAD: usize = 48;

/// There is no room for another result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The bytes that all results take.
#[derive(Debug)]
struct Ledger {
    used: Arc<AtomicUsize>,
    max: usize,
}

impl Ledger {
    fn room(&self) -> usize {
        self.max.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    fn charge(&self, bytes: usize) -> Result<Charge, NoRoom> {
        if bytes > self.room() {
            return Err(NoRoom);
        }
        Ok(self.charge_anyway(bytes))
    }

    fn charge_anyway(&self, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Charge {
            used: Arc::clone(&self.used),
            bytes,
        }
    }
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
struct Charge {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// An [`Instance`].
#[derive(Debug)]
pub(crate) struct KeptInstance {
    /// Shared with the key under which it is found.
    name: Arc<[u8]>,
    host: Option<Arc<KeptHost>>,
    txt: Box<[u8]>,
    port: Option<u16>,
    is_own: bool,
    _charge: Charge,
}

impl KeptInstance {
    /// The name, as in a message without compression.
    pub(crate) fn name(&self) -> &Arc<[u8]> {
        &self.name
    }

    pub(crate) fn to_instance(&self) -> Instance {
        let host = self.host.as_deref();
        Instance {
            name: name_of(&self.name),
            host: host.map(|host| name_of(&host.name)),
            canonical_host: host.and_then(|host| host.canonical.as_deref()).map(name_of),
            port: self.port,
            txt: txt_of(&self.txt),
            addresses: host.map_or_else(Vec::new, |host| host.addresses.to_vec()),
            is_own: self.is_own,
        }
    }
}

/// Equal are instances of one name that say the same.
impl PartialEq for KeptInstance {
    fn eq(&self, other: &KeptInstance) -> bool {
        self.name == other.name
            && self.host == other.host
            && self.txt == other.txt
            && self.port == other.port
            && self.is_own == other.is_own
    }
}

impl Eq for KeptInstance {}

/// What is known of a host.
#[derive(Debug)]
pub(crate) struct KeptHost {
    /// Shared with the key under which it is found.
    name: Arc<[u8]>,
    /// The name that has the addresses, if that is known; shared with `name` where it is the same.
    canonical: Option<Arc<[u8]>>,
    addresses: Box<[Address]>,
    _charge: Charge,
}

impl KeptHost {
    pub(crate) fn to_addresses(&self) -> HostAddresses {
        HostAddresses {
            canonical_name: name_of(&self.name),
            addresses: self.addresses.to_vec(),
        }
    }
}

impl PartialEq for KeptHost {
    fn eq(&self, other: &KeptHost) -> bool {
        self.name == other.name
            && self.canonical == other.canonical
            && self.addresses == other.addresses
    }
}

impl Eq for KeptHost {}

/// The answers to a query.
#[derive(Debug)]
pub(crate) struct KeptAnswers {
    name: Box<[u8]>,
    records: Box<[KeptRecord]>,
    _charge: Charge,
}

impl KeptAnswers {
    pub(crate) fn to_answers(&self) -> Vec<Answer> {
        let name = name_of(&self.name);
        let answer = |record: &KeptRecord| Answer {
            name: name.clone(),
            rtype: record.rtype,
            rdata: record.rdata.to_vec(),
            interface: record.interface,
            interface_name: Arc::clone(&record.interface_name),
            is_own: record.is_own,
        };
        self.records.iter().map(answer).collect()
    }
}

impl PartialEq for KeptAnswers {
    fn eq(&self, other: &KeptAnswers) -> bool {
        self.records == other.records
    }
}

impl Eq for KeptAnswers {}

#[derive(Debug, PartialEq, Eq)]
struct KeptRecord {
    rtype: RecordType,
    interface: u32,
    is_own: bool,
    rdata: Box<[u8]>,
    interface_name: Arc<str>,
}

impl KeptRecord {
    fn cost(answer: &Answer) -> usize {
        size_of::<KeptRecord>() + answer.rdata.len() + OVERHEAD / 2
    }
}

/// Keeps results.
#[derive(Debug)]
pub(crate) struct Store {
    ledger: Ledger,
    /// The latest state of each host that anything kept refers to, by name.
    hosts: HashMap<Arc<[u8]>, Weak<KeptHost>>,
    /// With how many hosts those are dropped to which nothing refers any more.
    sweep_at: usize,
}

impl Store {
    /// Keeps so many bytes at the most.
    pub(crate) fn new(max: usize) -> Self {
        Store {
            ledger: Ledger {
                used: Arc::default(),
                max,
            },
            hosts: HashMap::new(),
            sweep_at: 0,
        }
    }

    /// The bytes that are kept.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.ledger.used.load(Ordering::Relaxed)
    }

    /// Keeps an instance. `name` is its name where that is kept already.
    pub(crate) fn instance(
        &mut self,
        name: &Arc<[u8]>,
        instance: &Instance,
    ) -> Result<Arc<KeptInstance>, NoRoom> {
        let txt = instance.txt.as_txt().as_wire();
        let charge = self.ledger.charge(instance_cost(name) + txt.len())?;
        let host = match &instance.host {
            Some(host) => {
                let canonical = instance.canonical_host.as_ref();
                Some(self.host(host, canonical, &instance.addresses)?)
            }
            None => None,
        };
        Ok(Arc::new(KeptInstance {
            name: Arc::clone(name),
            host,
            txt: txt.into(),
            port: instance.port,
            is_own: instance.is_own,
            _charge: charge,
        }))
    }

    /// Keeps the name of an instance alone, of which nothing else found room, whether or not there is room for that.
    pub(crate) fn name_alone(&self, name: &Arc<[u8]>, instance: &Instance) -> Arc<KeptInstance> {
        Arc::new(KeptInstance {
            name: Arc::clone(name),
            host: None,
            txt: Box::default(),
            port: None,
            is_own: instance.is_own,
            _charge: self.ledger.charge_anyway(instance_cost(name)),
        })
    }

    fn host(
        &mut self,
        name: &NameBuf,
        canonical: Option<&NameBuf>,
        addresses: &[Address],
    ) -> Result<Arc<KeptHost>, NoRoom> {
        let known = self.hosts.get(name.as_wire()).and_then(Weak::upgrade);
        let wire = canonical.map(NameBuf::as_wire);
        if let Some(host) = &known
            && host.canonical.as_deref() == wire
            && *host.addresses == *addresses
        {
            return Ok(Arc::clone(host));
        }
        let charge = self
            .ledger
            .charge(host_cost(name) + size_of_val(addresses))?;
        let shared = known.map_or_else(|| name.as_wire().into(), |host| Arc::clone(&host.name));
        let canonical = wire.map(|wire| match wire == &*shared {
            true => Arc::clone(&shared),
            false => wire.into(),
        });
        let host = Arc::new(KeptHost {
            name: Arc::clone(&shared),
            canonical,
            addresses: addresses.into(),
            _charge: charge,
        });
        if self.hosts.len() >= self.sweep_at {
            self.hosts.retain(|_, host| host.strong_count() > 0);
            self.sweep_at = 2 * self.hosts.len() + 16;
        }
        self.hosts.insert(shared, Arc::downgrade(&host));
        Ok(host)
    }

    /// Keeps the addresses of a host, as many as find room. Says whether these are all.
    pub(crate) fn addresses(&mut self, found: &HostAddresses) -> (Option<Arc<KeptHost>>, bool) {
        let name = &found.canonical_name;
        if let Ok(host) = self.host(name, None, &found.addresses) {
            return (Some(host), true);
        }
        let room = self.ledger.room().saturating_sub(host_cost(name));
        let some = found.addresses.get(..room / size_of::<Address>());
        let some = some.filter(|some| !some.is_empty());
        (
            some.and_then(|some| self.host(name, None, some).ok()),
            false,
        )
    }

    /// Keeps answers, as many as find room. Says whether these are all.
    pub(crate) fn answers(&self, found: &[Answer]) -> (Option<Arc<KeptAnswers>>, bool) {
        let name = found
            .first()
            .map_or(&[0][..], |answer| answer.name.as_wire());
        let mut cost = OVERHEAD + size_of::<KeptAnswers>() + name.len();
        let room = self.ledger.room();
        let find_room = |answer: &&Answer| {
            let more = cost + KeptRecord::cost(answer);
            let is_room = more <= room;
            if is_room {
                cost = more;
            }
            is_room
        };
        let records: Box<[KeptRecord]> = found
            .iter()
            .take_while(find_room)
            .map(|answer| KeptRecord {
                rtype: answer.rtype,
                interface: answer.interface,
                is_own: answer.is_own,
                rdata: answer.rdata.as_slice().into(),
                interface_name: Arc::clone(&answer.interface_name),
            })
            .collect();
        let is_all = records.len() == found.len();
        if records.is_empty() && !is_all {
            return (None, false);
        }
        let answers = KeptAnswers {
            name: name.into(),
            records,
            // That there is none takes next to nothing.
            _charge: self.ledger.charge_anyway(cost),
        };
        (Some(Arc::new(answers)), is_all)
    }
}

/// What an instance takes without TXT data and host: its place among those that are told, its name, itself.
fn instance_cost(name: &[u8]) -> usize {
    size_of::<KeptInstance>() + name.len() + 2 * OVERHEAD
}

/// What a host takes without addresses.
fn host_cost(name: &NameBuf) -> usize {
    size_of::<KeptHost>() + name.as_wire().len() + 2 * OVERHEAD
}

/// A name that was one.
fn name_of(wire: &[u8]) -> NameBuf {
    let name = Name::from_wire(wire);
    debug_assert!(name.is_ok(), "it was copied from a name");
    name.map(NameBuf::from).unwrap_or_default()
}

/// TXT data that were some.
fn txt_of(wire: &[u8]) -> TxtVec {
    let mut txt = TxtVec::new();
    for string in Txt::from_wire(wire).iter().flat_map(Txt::strings) {
        let pushed = txt.push_string(string);
        debug_assert!(pushed.is_ok(), "strings of a TXT make a TXT");
    }
    txt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(label: &str, host: &str, addresses: usize) -> Instance {
        let host: NameBuf = host.parse().unwrap();
        let mut txt = TxtVec::new();
        txt.push("path", Some(b"/")).unwrap();
        let address = |n: usize| Address {
            ip: [10, 0, (n >> 8) as u8, n as u8].into(),
            interface: 2,
            interface_name: "eth0".into(),
        };
        Instance {
            name: format!("{label}._ipp._tcp.local").parse().unwrap(),
            host: Some(host.clone()),
            canonical_host: Some(host),
            port: Some(631),
            txt,
            addresses: (0..addresses).map(address).collect(),
            is_own: false,
        }
    }

    fn key(instance: &Instance) -> Arc<[u8]> {
        instance.name.as_wire().into()
    }

    #[test]
    fn what_is_kept_is_what_was_found() {
        let mut store = Store::new(usize::MAX);
        let mut found = instance("hall", "hall.local", 3);
        let kept = store.instance(&key(&found), &found).unwrap();
        assert_eq!(kept.to_instance(), found);
        found.canonical_host = Some("other.local".parse().unwrap());
        let kept = store.instance(&key(&found), &found).unwrap();
        assert_eq!(kept.to_instance(), found);
        let bare = Instance {
            host: None,
            canonical_host: None,
            port: None,
            txt: TxtVec::new(),
            addresses: Vec::new(),
            ..found
        };
        let kept = store.instance(&key(&bare), &bare).unwrap();
        assert_eq!(kept.to_instance(), bare);
        assert_eq!(
            store.name_alone(&key(&bare), &bare).to_instance(),
            bare,
            "of which nothing but the name is known"
        );
    }

    #[test]
    fn instances_of_one_host_share_it_and_it_goes_with_the_last() {
        let mut store = Store::new(usize::MAX);
        let found: Vec<_> = (0..100)
            .map(|n| instance(&format!("hall {n}"), "hall.local", 64))
            .collect();
        let keep =
            |store: &mut Store, found: &Instance| store.instance(&key(found), found).unwrap();
        let first = keep(&mut store, &found[0]);
        let alone = store.used();
        let mut all: Vec<_> = found.iter().map(|found| keep(&mut store, found)).collect();
        assert!(
            store.used() < alone + 100 * 300,
            "{} for a hundred, {alone} for the first",
            store.used()
        );
        let hosts = |kept: &KeptInstance| Arc::as_ptr(kept.host.as_ref().unwrap());
        assert!(all.iter().all(|kept| hosts(kept) == hosts(&first)));
        // Its addresses change: those that are told again share the new ones.
        let renewed = instance("hall 0", "hall.local", 65);
        all.push(keep(&mut store, &renewed));
        all.push(keep(&mut store, &instance("hall 1", "hall.local", 65)));
        assert_eq!(hosts(&all[100]), hosts(&all[101]));
        assert_ne!(hosts(&all[100]), hosts(&first));
        drop((first, all));
        assert_eq!(store.used(), 0);
        // Hosts that nothing refers to do not pile up.
        for n in 0..10_000 {
            drop(keep(
                &mut store,
                &instance("hall", &format!("h{n}.local"), 1),
            ));
        }
        assert!(store.hosts.len() < 100, "{}", store.hosts.len());
        assert_eq!(store.used(), 0);
    }

    #[test]
    fn nothing_is_kept_beyond_the_bound() {
        let found = instance("hall", "hall.local", 300);
        let mut free = Store::new(usize::MAX);
        let _all = free.instance(&key(&found), &found).unwrap();
        for (max, fits) in [(free.used(), true), (free.used() - 1, false)] {
            let mut store = Store::new(max);
            let kept = store.instance(&key(&found), &found);
            assert_eq!(kept.is_ok(), fits);
            drop(kept);
            assert_eq!(store.used(), 0);
        }
        let host = HostAddresses {
            canonical_name: found.host.clone().unwrap(),
            addresses: found.addresses,
        };
        let mut store = Store::new(4_000);
        let (kept, is_all) = store.addresses(&host);
        let kept = kept.unwrap().to_addresses();
        assert!(!is_all && (50..300).contains(&kept.len()), "{}", kept.len());
        assert_eq!(*kept, host[..kept.len()]);
        assert_eq!(Store::new(10).addresses(&host), (None, false));
    }

    #[test]
    fn answers_beyond_the_bound_are_cut() {
        let answer = |n: u8| Answer {
            name: "hall.local".parse().unwrap(),
            rtype: RecordType::A,
            rdata: vec![10, 0, 0, n],
            interface: 2,
            interface_name: "eth0".into(),
            is_own: false,
        };
        let found: Vec<_> = (0..100).map(answer).collect();
        let store = Store::new(usize::MAX);
        let (kept, is_all) = store.answers(&found);
        assert_eq!((kept.unwrap().to_answers(), is_all), (found.clone(), true));
        let store = Store::new(2_000);
        let (kept, is_all) = store.answers(&found);
        let kept = kept.unwrap();
        assert!(!is_all && store.used() <= 2_000);
        let some = kept.to_answers();
        assert!((10..100).contains(&some.len()) && *some == found[..some.len()]);
        assert_eq!(store.answers(&found), (None, false), "the rest is taken");
        let (none, is_all) = store.answers(&[]);
        assert!(is_all && none.unwrap().to_answers().is_empty());
    }
}
