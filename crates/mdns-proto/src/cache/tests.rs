//! What is kept when there is no room for all, on fixed and on growing rows.

use core::time::Duration;
use std::{format, string::String, string::ToString, vec, vec::Vec};

use super::{Cache, HeardStorage, Inserted, Origin, Room, Worth, as_kept};
use crate::{
    cache::Life,
    config::Config,
    discovery::{AskStorage, NamesOf},
    name::NameBuf,
    querier::scene::{Board, name, on_both, with_record},
    store::{Full, Limits, NONE, NameId, Names},
    time::Instant,
    wire::{Class, Rdata, Record, RecordType, Ttl, Txt, TypeSet},
};

const NOW: Instant = Instant::from_millis(1_000_000);

/// As much as a board has, for rows that grow too.
const CONFIG: Config = Config {
    heard_records_max: 12,
    heard_text_max: 512,
    ..Config::DEFAULT
};

/// A cache with its names.
struct Kept<H: HeardStorage + AskStorage> {
    cache: Cache<H>,
    names: NamesOf<H>,
}

impl<H: HeardStorage + AskStorage> Kept<H> {
    fn new() -> Self {
        Self::with(&CONFIG)
    }

    fn with(config: &Config) -> Self {
        let limits = Limits {
            names: NONE,
            text: 2 * config.heard_text_max,
        };
        Kept {
            cache: Cache::new(config, 7),
            names: Names::new(limits),
        }
    }

    /// Takes in a record, and says what had to go for it.
    fn take(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        origin: Origin,
        worth: Worth,
    ) -> (Result<Inserted, Full>, Vec<String>) {
        let before = self.texts();
        let (mut name, mut gone) = (self.names.look_up(record.name), 0);
        let mut types = TypeSet::new();
        let record = &Record {
            rdata: as_kept(record, &mut types),
            ..*record
        };
        let room = &mut Room {
            worth,
            gone: &mut |_| gone += 1,
        };
        let Kept { cache, names } = self;
        let inserted = cache.insert::<H>(names, now, (record, &mut name), origin, room);
        let after = self.texts();
        let mut went = before;
        went.retain(|text| !after.contains(text));
        assert_eq!(went.len(), gone);
        (inserted, went)
    }

    fn insert(&mut self, line: &str) -> (Result<Inserted, Full>, Vec<String>) {
        self.insert_for(line, Worth::Idle)
    }

    fn insert_for(&mut self, line: &str, worth: Worth) -> (Result<Inserted, Full>, Vec<String>) {
        with_record(line, |record| {
            self.take(NOW, record, Origin::Heard(0), worth)
        })
    }

    /// A record with cache-flush has come; says what ends because of it.
    fn flush(&mut self, now: Instant, id: u32, origin: Origin) -> Vec<String> {
        let name = self.cache.get(id).unwrap().name();
        let ends = |kept: &Self| {
            let ids = kept.cache.of_type(name, RecordType::ANY);
            let ends = ids.filter(|(_, record)| record.life() == Life::CutShort);
            ends.map(|(id, _)| kept.text(id)).collect::<Vec<_>>()
        };
        let before = ends(self);
        self.cache.flush(now, id, origin, &mut |_| {});
        let mut after = ends(self);
        after.retain(|text| !before.contains(text));
        after
    }

    fn find(&self, line: &str) -> Option<u32> {
        with_record(line, |record| {
            let name = self.names.find(record.name)?;
            let mut types = TypeSet::new();
            let rdata = as_kept(record, &mut types);
            self.cache.find::<H>(&self.names, name, &rdata)
        })
    }

    fn name(&self, text: &str) -> NameId {
        self.names.find(name(text).as_name()).unwrap()
    }

    fn rdata(&self, id: u32) -> Rdata<'_> {
        self.cache
            .rdata::<H>(&self.names, self.cache.get(id).unwrap())
    }

    fn text(&self, id: u32) -> String {
        let owner = self.names.name(self.cache.get(id).unwrap().name());
        format!("{owner} {}", self.rdata(id))
    }

    /// All records, as `OWNER RDATA`.
    fn texts(&self) -> Vec<String> {
        let ids = self.cache.records.iter().map(|(id, _)| id);
        ids.map(|id| self.text(id)).collect()
    }
}

/// covers: 6762-16-d, 6762-7.1-g, 6762-10.2-n
#[test]
fn a_record_that_comes_again_is_known_whatever_its_case() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        let (first, _) = kept.insert("_ipp._tcp.local 4500 PTR Printer._ipp._tcp.local");
        let Ok(Inserted::New(id)) = first else {
            panic!("{first:?}")
        };
        let (again, _) = kept.insert("_IPP._tcp.local 9! PTR printer._IPP._tcp.LOCAL");
        assert_eq!(again, Ok(Inserted::Again(id)));
        for other in [
            "A 192.0.2.1",
            "A 192.0.2.2",
            "TXT a",
            "SRV 0 0 1 a.local",
            "SRV 0 0 2 a.local",
            "NSEC A",
        ] {
            let (new, _) = kept.insert(&format!("_ipp._tcp.local 120 {other}"));
            assert!(matches!(new, Ok(Inserted::New(_))), "{other}");
            let (again, _) = kept.insert(&format!("_ipp._tcp.local 120 {other}"));
            assert!(matches!(again, Ok(Inserted::Again(_))), "{other}");
        }
    }
    on_both!(test);
}

/// covers: SEC-11, 6762-18.1-b
#[test]
fn room_is_made_from_what_ends_first_and_nobody_awaits() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        for n in 0..12 {
            let (inserted, gone) = kept.insert(&format!("h{n}.local {} A 192.0.2.1", 100 - n));
            assert!(inserted.is_ok() && gone.is_empty());
        }
        let last = kept.find("h11.local 0 A 192.0.2.1").unwrap();
        kept.cache.set_worth(NOW, last, Worth::Kept);
        let (_, gone) = kept.insert("x.local 500 A 192.0.2.1");
        assert_eq!(gone, ["h10.local 192.0.2.1"]);
        assert_eq!(kept.cache.evicted(), 1);
        assert!(kept.find("h11.local 0 A 192.0.2.1").is_some());
        for n in (0..10).rev() {
            let (_, gone) = kept.insert(&format!("y{n}.local 500 A 192.0.2.1"));
            assert_eq!(gone, [format!("h{n}.local 192.0.2.1")]);
        }
    }
    on_both!(test);
}

/// covers: SEC-11
#[test]
fn what_is_only_shown_yields_to_what_is_kept_and_to_nothing_else() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        for n in 0..12 {
            let (inserted, _) = kept.insert(&format!("h{n}.local {} A 192.0.2.1", 100 - n));
            let Ok(Inserted::New(id)) = inserted else {
                panic!("{inserted:?}")
            };
            kept.cache.set_worth(
                NOW,
                id,
                if n % 2 == 0 {
                    Worth::Kept
                } else {
                    Worth::Shown
                },
            );
        }
        let newcomer = "x.local 500 A 192.0.2.1";
        assert_eq!(kept.insert_for(newcomer, Worth::Idle).0, Err(Full));
        assert_eq!(kept.insert_for(newcomer, Worth::Shown).0, Err(Full));
        let (inserted, gone) = kept.insert_for(newcomer, Worth::Kept);
        assert!(inserted.is_ok());
        assert_eq!(gone, ["h11.local 192.0.2.1"]);
    }
    on_both!(test);
}

/// covers: SEC-11, SEC-25
#[test]
fn what_is_awaited_never_yields_to_a_stranger() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        for n in 0..12 {
            let (inserted, _) = kept.insert(&format!("h{n}.local 100 A 192.0.2.1"));
            let Ok(Inserted::New(id)) = inserted else {
                panic!("{inserted:?}")
            };
            kept.cache.set_worth(NOW, id, Worth::Kept);
        }
        for line in [
            "x.local 500 A 192.0.2.1",
            "x.local 500 PTR y.local",
            "x.local 500 TXT a",
            "x.local 9 SRV 0 0 1 y.local",
        ] {
            assert_eq!(kept.insert(line), (Err(Full), vec![]));
        }
        // Nothing of the refused ones is left: what goes leaves no name behind.
        kept.cache.clear::<H>(&mut kept.names, &mut |_| {});
        assert!(kept.cache.is_empty() && kept.names.is_empty());
    }
    on_both!(test);
}

fn txt<H: HeardStorage + AskStorage>(
    kept: &mut Kept<H>,
    owner: &NameBuf,
    fill: u8,
    len: usize,
) -> (Result<Inserted, Full>, usize) {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let string = (len - bytes.len() - 1).min(255);
        bytes.push(string as u8);
        bytes.extend(vec![fill; string]);
    }
    let rdata = Rdata::Txt(Txt::from_wire(&bytes).unwrap());
    let record = Record {
        name: owner.as_name(),
        class: Class::IN,
        cache_flush: false,
        ttl: Ttl(100),
        rdata,
    };
    let (inserted, went) = kept.take(NOW, &record, Origin::Heard(0), Worth::Idle);
    if let Ok(Inserted::New(id)) = inserted {
        let is_dropped = kept.cache.get(id).unwrap().is_dropped();
        let said = kept.rdata(id);
        assert!(said == rdata || is_dropped && said == Rdata::Txt(Txt::EMPTY));
    }
    (inserted, went.len())
}

/// covers: SEC-08, SEC-11
#[test]
fn one_record_takes_at_most_half_of_the_text() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        let owner = name("a.local");
        let (whole, _) = txt(&mut kept, &owner, b'a', 256);
        let Ok(Inserted::New(whole)) = whole else {
            panic!()
        };
        assert!(!kept.cache.get(whole).unwrap().is_dropped());
        let (dropped, gone) = txt(&mut kept, &owner, b'b', 257);
        let Ok(Inserted::New(dropped)) = dropped else {
            panic!()
        };
        assert!(kept.cache.get(dropped).unwrap().is_dropped() && gone == 0);
        assert_eq!(
            txt(&mut kept, &owner, b'b', 257).0,
            Ok(Inserted::Again(dropped)),
            "known when it comes again"
        );
    }
    on_both!(test);
}

/// covers: SEC-11, SEC-13
#[test]
fn text_moves_and_stays_whole() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        for round in 0..300usize {
            let owner = name(&format!("owner-{}.local", round % 7));
            let (inserted, _) = txt(
                &mut kept,
                &owner,
                (round % 20) as u8 + b'a',
                1 + round * 37 % 250,
            );
            assert!(inserted.is_ok());
            kept.insert(&format!("h{}.local 100 AAAA fe80::{round}", round % 5))
                .0
                .unwrap();
            for id in 0..12 {
                let Some(record) = kept.cache.get(id) else {
                    continue;
                };
                let owner = kept.names.name(record.name()).to_string();
                match kept.rdata(id) {
                    Rdata::Txt(txt) => {
                        let mut bytes: Vec<u8> = txt.strings().flatten().copied().collect();
                        bytes.dedup();
                        assert!(bytes.len() <= 1 && owner.starts_with("owner-"));
                    }
                    Rdata::Aaaa(_) => assert!(owner.starts_with('h')),
                    other => panic!("{other}"),
                }
            }
        }
    }
    on_both!(test);
}

/// covers: 6762-10.2-c, SEC-12
#[test]
fn a_flush_looks_at_so_many_records_and_no_more() {
    let mut kept = Kept::<Board>::with(&Config {
        name_records_max: 4,
        ..CONFIG
    });
    for n in 0..8 {
        kept.insert(&format!("h.local 100! A 192.0.2.{n}"))
            .0
            .unwrap();
    }
    let last = kept.find("h.local 0 A 192.0.2.7").unwrap();
    let mut cut = 0;
    let later = NOW + Duration::from_secs(2);
    kept.cache
        .flush(later, last, Origin::Heard(0), &mut |_| cut += 1);
    assert_eq!(
        cut, 3,
        "four are looked at, one of them is the record itself"
    );
}

/// covers: 6762-6.1-i, 6762-6.1-j, 6762-6.1-o
#[test]
fn a_denial_is_about_types_below_256_that_are_not_there() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        kept.insert("h.local 100! NSEC A").0.unwrap();
        let h = kept.name("h.local");
        assert!(kept.cache.denies(h, RecordType::AAAA));
        assert!(!kept.cache.denies(h, RecordType::A));
        assert!(!kept.cache.denies(h, RecordType(256)));
        kept.insert("h.local 100! AAAA fe80::1").0.unwrap();
        assert!(
            !kept.cache.denies(h, RecordType::AAAA),
            "what is there is not denied"
        );
    }
    on_both!(test);
}

/// What another says with cache-flush replaces what others said before, and not what we say ourselves.
///
/// covers: 6762-10.2-c
#[test]
fn our_own_records_yield_to_our_own_flush_alone() {
    fn test<H: HeardStorage + AskStorage>() {
        for (origin, expected) in [
            (Origin::Heard(0), vec!["hall.local 192.0.2.1"]),
            (
                Origin::Own,
                vec!["hall.local 192.0.2.2", "hall.local 192.0.2.1"],
            ),
        ] {
            let mut kept = Kept::<H>::new();
            let mut put = |line: &str, at, origin| {
                let (inserted, _) =
                    with_record(line, |record| kept.take(at, record, origin, Worth::Idle));
                let Ok(Inserted::New(id)) = inserted else {
                    panic!("{inserted:?}")
                };
                kept.flush(at, id, origin)
            };
            let later = NOW + Duration::from_secs(2);
            put("hall.local 120! A 192.0.2.1", NOW, Origin::Heard(0));
            put("hall.local 120! A 192.0.2.2", NOW, Origin::Own);
            assert_eq!(put("hall.local 120! A 192.0.2.3", later, origin), expected);
        }
    }
    on_both!(test);
}

/// A burst of forged records hides no true one: whoever looks at so many of a name looks at those that were heard last.
///
/// covers: SEC-11
#[test]
fn a_record_heard_again_is_looked_at_first() {
    fn test<H: HeardStorage + AskStorage>() {
        let mut kept = Kept::<H>::new();
        let _ = kept.insert("hall.local 120! A 192.0.2.1");
        for n in 2..12 {
            let _ = kept.insert(&format!("hall.local 4500 A 192.0.2.{n}"));
        }
        let first = |kept: &Kept<H>| {
            let hall = kept.name("hall.local");
            let (first, _) = kept.cache.of_type(hall, RecordType::A).next().unwrap();
            kept.rdata(first).to_string()
        };
        assert_eq!(first(&kept), "192.0.2.11");
        let _ = kept.insert("hall.local 120! A 192.0.2.1");
        assert_eq!(first(&kept), "192.0.2.1");
        let all = kept.cache.of_type(kept.name("hall.local"), RecordType::A);
        assert_eq!(all.count(), 11, "none is lost");
    }
    on_both!(test);
}

/// A packet of records with cache-flush costs in proportion to it, however many RRsets it names, and however large those are.
///
/// covers: SEC-11
#[cfg(feature = "alloc")]
#[test]
fn names_that_alternate_in_a_packet_are_not_walked_for_each_record() {
    use crate::{querier::scene::Server, store::looks};

    const NAMES: usize = 4;
    const EACH: usize = 1500;
    const RECORDS: usize = 200;
    let work = |rtype: &str, others: usize| {
        let config = Config {
            heard_records_max: 20_000,
            heard_text_max: 1 << 20,
            ..Config::DEFAULT
        };
        let mut kept = Kept::<Server>::with(&config);
        let insert = |kept: &mut Kept<Server>, line: &str, now| {
            with_record(line, |record| {
                let room = &mut Room {
                    worth: Worth::Idle,
                    gone: &mut |_| {},
                };
                let Kept { cache, names } = kept;
                let mut name = names.look_up(record.name);
                let (Inserted::New(id) | Inserted::Rescued(id) | Inserted::Again(id)) = cache
                    .insert::<Server>(names, now, (record, &mut name), Origin::Heard(0), room)
                    .unwrap();
                id
            })
        };
        for n in 0..NAMES {
            for other in 0..others {
                let address = format!("10.0.{}.{}", other / 250, other % 250);
                insert(&mut kept, &format!("h{n}.local 4500 A {address}"), NOW);
            }
        }
        let mut packet = |now| {
            let before = looks();
            kept.cache.begin_packet(RECORDS);
            for n in 0..RECORDS {
                let rdata = match rtype {
                    "A" => format!("A 10.9.0.{n}"),
                    _ => format!("SRV 0 0 {n} a.local"),
                };
                let id = insert(
                    &mut kept,
                    &format!("h{}.local 120! {rdata}", n % NAMES),
                    now,
                );
                kept.cache.flush(now, id, Origin::Heard(0), &mut |_| {});
            }
            looks() - before
        };
        let first = packet(NOW + Duration::from_secs(5));
        first.max(packet(NOW + Duration::from_secs(10)))
    };
    for rtype in ["A", "SRV"] {
        let (few, many) = (work(rtype, 1), work(rtype, EACH));
        // As much as one RRset may have is looked at once, and a few records for each of the packet.
        assert!(
            many < few + 50_000,
            "{rtype}: {many} looks, {few} with empty RRsets"
        );
    }
}
