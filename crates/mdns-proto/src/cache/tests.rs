//! What is kept when there is no room for all, on fixed and on growing rows.

use core::time::Duration;
use std::{format, string::String, string::ToString, vec, vec::Vec};

use super::{Cache, Gone, HeardStorage, Inserted, Origin, Room, Worth};
use crate::{
    config::Config,
    name::NameBuf,
    querier::scene::{Board, name, on_both, with_record},
    store::Full,
    time::Instant,
    wire::{Class, Rdata, Record, RecordType, Ttl, Txt},
};

const NOW: Instant = Instant::from_millis(1_000_000);

/// As much as a board has, for rows that grow too.
const CONFIG: Config = Config {
    heard_records_max: 12,
    heard_text_max: 1024,
    ..Config::DEFAULT
};

fn cache<H: HeardStorage>() -> Cache<H> {
    Cache::new(&CONFIG, 7)
}

/// Takes in a line, and says what had to go for it.
fn insert<H: HeardStorage>(
    cache: &mut Cache<H>,
    line: &str,
) -> (Result<Inserted, Full>, Vec<String>) {
    insert_for(cache, line, Worth::Idle)
}

fn insert_for<H: HeardStorage>(
    cache: &mut Cache<H>,
    line: &str,
    worth: Worth,
) -> (Result<Inserted, Full>, Vec<String>) {
    let mut went = Vec::new();
    let gone: Gone<'_> = &mut |name, rdata| went.push(format!("{name} {rdata}"));
    let inserted = with_record(line, |record| {
        cache.insert(NOW, record, Origin::Heard(0), &mut Room { worth, gone })
    });
    (inserted, went)
}

fn has<H: HeardStorage>(cache: &Cache<H>, line: &str) -> bool {
    with_record(line, |record| cache.find(record).is_some())
}

/// covers: 6762-16-d, 6762-7.1-g, 6762-10.2-n
#[test]
fn a_record_that_comes_again_is_known_whatever_its_case() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        let (first, _) = insert(
            &mut cache,
            "_ipp._tcp.local 4500 PTR Printer._ipp._tcp.local",
        );
        let Ok(Inserted::New(id)) = first else {
            panic!("{first:?}")
        };
        let (again, _) = insert(&mut cache, "_IPP._tcp.local 9! PTR printer._IPP._tcp.LOCAL");
        assert_eq!(again, Ok(Inserted::Again(id)));
        for other in [
            "A 192.0.2.1",
            "A 192.0.2.2",
            "TXT a",
            "SRV 0 0 1 a.local",
            "SRV 0 0 2 a.local",
            "NSEC A",
        ] {
            let (new, _) = insert(&mut cache, &format!("_ipp._tcp.local 120 {other}"));
            assert!(matches!(new, Ok(Inserted::New(_))), "{other}");
            let (again, _) = insert(&mut cache, &format!("_ipp._tcp.local 120 {other}"));
            assert!(matches!(again, Ok(Inserted::Again(_))), "{other}");
        }
    }
    on_both!(test);
}

/// covers: SEC-11, 6762-18.1-b
#[test]
fn room_is_made_from_what_ends_first_and_nobody_awaits() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        for n in 0..12 {
            let (inserted, gone) =
                insert(&mut cache, &format!("h{n}.local {} A 192.0.2.1", 100 - n));
            assert!(inserted.is_ok() && gone.is_empty());
        }
        let last = with_record("h11.local 0 A 192.0.2.1", |record| cache.find(record)).unwrap();
        cache.set_worth(NOW, last, Worth::Kept);
        let (_, gone) = insert(&mut cache, "x.local 500 A 192.0.2.1");
        assert_eq!(gone, ["h10.local 192.0.2.1"]);
        assert_eq!(cache.evicted(), 1);
        assert!(has(&cache, "h11.local 0 A 192.0.2.1"));
        for n in (0..10).rev() {
            let (_, gone) = insert(&mut cache, &format!("y{n}.local 500 A 192.0.2.1"));
            assert_eq!(gone, [format!("h{n}.local 192.0.2.1")]);
        }
    }
    on_both!(test);
}

/// covers: SEC-11
#[test]
fn what_is_only_shown_yields_to_what_is_kept_and_to_nothing_else() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        for n in 0..12 {
            let (inserted, _) = insert(&mut cache, &format!("h{n}.local {} A 192.0.2.1", 100 - n));
            let Ok(Inserted::New(id)) = inserted else {
                panic!("{inserted:?}")
            };
            cache.set_worth(
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
        assert_eq!(insert_for(&mut cache, newcomer, Worth::Idle).0, Err(Full));
        assert_eq!(insert_for(&mut cache, newcomer, Worth::Shown).0, Err(Full));
        let (inserted, gone) = insert_for(&mut cache, newcomer, Worth::Kept);
        assert!(inserted.is_ok());
        assert_eq!(gone, ["h11.local 192.0.2.1"]);
    }
    on_both!(test);
}

/// covers: SEC-11, SEC-25
#[test]
fn what_is_awaited_never_yields_to_a_stranger() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        for n in 0..12 {
            let (inserted, _) = insert(&mut cache, &format!("h{n}.local 100 A 192.0.2.1"));
            let Ok(Inserted::New(id)) = inserted else {
                panic!("{inserted:?}")
            };
            cache.set_worth(NOW, id, Worth::Kept);
        }
        for line in [
            "x.local 500 A 192.0.2.1",
            "x.local 500 PTR y.local",
            "x.local 500 TXT a",
            "x.local 9 SRV 0 0 1 y.local",
        ] {
            assert_eq!(insert(&mut cache, line), (Err(Full), vec![]));
        }
        // Nothing of the refused ones is left: what goes leaves no name behind.
        cache.clear(&mut |_, _| {});
        assert!(cache.is_empty());
    }
    on_both!(test);
}

fn txt<H: HeardStorage>(
    cache: &mut Cache<H>,
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
    let mut went = 0;
    let gone: Gone<'_> = &mut |_, _| went += 1;
    let inserted = cache.insert(
        NOW,
        &record,
        Origin::Heard(0),
        &mut Room {
            worth: Worth::Idle,
            gone,
        },
    );
    if let Ok(Inserted::New(id)) = inserted {
        let kept = cache.rdata(id);
        assert!(
            kept == rdata || cache.get(id).unwrap().is_dropped() && kept == Rdata::Txt(Txt::EMPTY)
        );
    }
    (inserted, went)
}

/// covers: SEC-08, SEC-11
#[test]
fn one_record_takes_at_most_a_quarter_of_the_text() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        let owner = name("a.local");
        let (kept, _) = txt(&mut cache, &owner, b'a', 256);
        let Ok(Inserted::New(kept)) = kept else {
            panic!()
        };
        assert!(!cache.get(kept).unwrap().is_dropped());
        let (dropped, gone) = txt(&mut cache, &owner, b'b', 257);
        let Ok(Inserted::New(dropped)) = dropped else {
            panic!()
        };
        assert!(cache.get(dropped).unwrap().is_dropped() && gone == 0);
        assert_eq!(
            txt(&mut cache, &owner, b'b', 257).0,
            Ok(Inserted::Again(dropped)),
            "known when it comes again"
        );
    }
    on_both!(test);
}

/// covers: SEC-11, SEC-13
#[test]
fn text_moves_and_stays_whole() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        for round in 0..300usize {
            let owner = name(&format!("owner-{}.local", round % 7));
            let (inserted, _) = txt(
                &mut cache,
                &owner,
                (round % 20) as u8 + b'a',
                1 + round * 37 % 250,
            );
            assert!(inserted.is_ok());
            insert(
                &mut cache,
                &format!("h{}.local 100 AAAA fe80::{round}", round % 5),
            )
            .0
            .unwrap();
            for id in 0..12 {
                let Some(record) = cache.get(id) else {
                    continue;
                };
                let owner = cache.name(record.name()).to_string();
                match cache.rdata(id) {
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
    let mut cache = Cache::<Board>::new(
        &Config {
            name_records_max: 4,
            ..CONFIG
        },
        7,
    );
    for n in 0..8 {
        insert(&mut cache, &format!("h.local 100! A 192.0.2.{n}"))
            .0
            .unwrap();
    }
    let last = with_record("h.local 0 A 192.0.2.7", |record| cache.find(record)).unwrap();
    let mut cut = 0;
    cache.flush(
        NOW + Duration::from_secs(2),
        last,
        Origin::Heard(0),
        &mut |_, _| cut += 1,
    );
    assert_eq!(
        cut, 3,
        "four are looked at, one of them is the record itself"
    );
}

/// covers: 6762-6.1-i, 6762-6.1-j, 6762-6.1-o
#[test]
fn a_denial_is_about_types_below_256_that_are_not_there() {
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        insert(&mut cache, "h.local 100! NSEC A").0.unwrap();
        let h = cache.find_name(name("h.local").as_name()).unwrap();
        assert!(cache.denies(h, RecordType::AAAA));
        assert!(!cache.denies(h, RecordType::A));
        assert!(!cache.denies(h, RecordType(256)));
        insert(&mut cache, "h.local 100! AAAA fe80::1").0.unwrap();
        assert!(
            !cache.denies(h, RecordType::AAAA),
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
    fn test<H: HeardStorage>() {
        for (origin, expected) in [
            (Origin::Heard(0), vec!["hall.local 192.0.2.1"]),
            (
                Origin::Own,
                vec!["hall.local 192.0.2.2", "hall.local 192.0.2.1"],
            ),
        ] {
            let mut cache = cache::<H>();
            let mut put = |line: &str, at, origin| {
                let inserted = with_record(line, |record| {
                    let room = &mut Room {
                        worth: Worth::Idle,
                        gone: &mut |_, _| {},
                    };
                    cache.insert(at, record, origin, room)
                });
                let (Ok(Inserted::New(id)), mut gone) = (inserted, Vec::new()) else {
                    panic!("{inserted:?}")
                };
                cache.flush(at, id, origin, &mut |name, rdata| {
                    gone.push(format!("{name} {rdata}"));
                });
                gone
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
    fn test<H: HeardStorage>() {
        let mut cache = cache::<H>();
        let _ = insert(&mut cache, "hall.local 120! A 192.0.2.1");
        for n in 2..12 {
            let _ = insert(&mut cache, &format!("hall.local 4500 A 192.0.2.{n}"));
        }
        let first = |cache: &Cache<H>| {
            let id = cache.find_name(name("hall.local").as_name())?;
            let (first, _) = cache.of_type(id, RecordType::A).next()?;
            Some(format!("{}", cache.rdata(first)))
        };
        assert_eq!(first(&cache).as_deref(), Some("192.0.2.11"));
        let _ = insert(&mut cache, "hall.local 120! A 192.0.2.1");
        assert_eq!(first(&cache).as_deref(), Some("192.0.2.1"));
        let id = cache.find_name(name("hall.local").as_name()).unwrap();
        assert_eq!(cache.of_type(id, RecordType::A).count(), 11, "none is lost");
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
        let mut cache = Cache::<Server>::new(&config, 7);
        for n in 0..NAMES {
            for other in 0..others {
                let _ = insert(
                    &mut cache,
                    &format!("h{n}.local 4500 A 10.0.{}.{}", other / 250, other % 250),
                );
            }
        }
        let mut packet = |now| {
            let before = looks();
            cache.begin_packet(RECORDS);
            for n in 0..RECORDS {
                let line = format!("h{}.local 120! {rtype} 0 0 {n} a.local", n % NAMES);
                let line = if rtype == "A" {
                    format!("h{}.local 120! A 10.9.0.{n}", n % NAMES)
                } else {
                    line
                };
                with_record(&line, |record| {
                    let room = &mut Room {
                        worth: Worth::Idle,
                        gone: &mut |_, _| {},
                    };
                    let (Inserted::New(id) | Inserted::Rescued(id) | Inserted::Again(id)) =
                        cache.insert(now, record, Origin::Heard(0), room).unwrap();
                    cache.flush(now, id, Origin::Heard(0), &mut |_, _| {});
                });
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
