//! The attacks.

use std::{net::IpAddr, sync::OnceLock, time::Duration};

use mdns_proto::{
    link::PORT,
    wire::{Flags, RecordType},
};

use super::{
    Hostile,
    packets::{
        Full, LARGE, Said, asked, colliding, pointer, query, query_with, response, said, wire,
    },
};

/// One way to be hostile.
pub struct Attack {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is done.
    pub about: &'static str,
    /// The time from one step to the next.
    pub tick: Duration,
    /// How many steps there are at full size.
    pub steps: u64,
    /// How many steps the tests take.
    pub few: u64,
    /// Whether the host answers for its service all the time.
    pub answers: bool,
    /// Whether it finds an honest service all the time, on memory that grows.
    pub finds: bool,
    /// Whether there is room for what is honest as soon as it is over. What was said of the very type that is looked for is kept
    /// until it ends by itself.
    pub leaves_room: bool,
    pub(super) write: fn(&mut Hostile, u64),
}

impl Attack {
    /// The longest it may take after the attack until an honest service is found.
    pub fn finds_again_within(&self) -> Duration {
        if self.leaves_room {
            super::RECOVERY
        } else {
            super::FILLED
        }
    }
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attack")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

const MILLI: Duration = Duration::from_millis(1);
const TEN: Duration = Duration::from_millis(10);

const USUAL: Attack = Attack {
    name: "",
    about: "",
    tick: TEN,
    steps: 6000,
    few: 500,
    answers: true,
    finds: true,
    leaves_room: true,
    write: |_, _| {},
};

/// All attacks. The first is none, to compare with.
pub const ATTACKS: [Attack; 27] = [
    Attack {
        name: "none",
        about: "a hundred honest packets in a second: announcements, questions with known answers",
        write: nothing,
        ..USUAL
    },
    Attack {
        name: "denials",
        about: "every probe is denied, and every word of the host contradicted",
        answers: false,
        few: 3000,
        write: denials,
        ..USUAL
    },
    Attack {
        name: "better-probes",
        about: "every probe meets one with later data, and every word of the host is contradicted",
        answers: false,
        few: 3000,
        write: better_probes,
        ..USUAL
    },
    Attack {
        name: "goodbyes",
        about: "goodbyes for the records of the host and of an honest peer, 100 in a second",
        write: goodbyes,
        ..USUAL
    },
    Attack {
        name: "flushes",
        about: "other data with cache-flush for the records of an honest peer, 100 in a second",
        write: flushes,
        ..USUAL
    },
    Attack {
        name: "records",
        about: "100,000 records in 18 s that nobody asked for",
        tick: Duration::from_millis(50),
        steps: 350,
        few: 100,
        write: records,
        ..USUAL
    },
    Attack {
        name: "instances",
        about: "100,000 instances in 12 s of the type that is looked for, for a day",
        tick: Duration::from_millis(50),
        steps: 240,
        few: 60,
        finds: false,
        leaves_room: false,
        write: instances,
        ..USUAL
    },
    Attack {
        name: "worst-probes",
        about: "8,900 bytes: probes for one name beside records of another",
        few: 150,
        write: worst_of::<0>,
        ..USUAL
    },
    Attack {
        name: "worst-known",
        about: "8,900 bytes: questions for what is looked for beside known answers of other names",
        few: 150,
        write: worst_of::<1>,
        ..USUAL
    },
    Attack {
        name: "worst-chain",
        about: "8,900 bytes: addresses of one name, which is at the end of 120 pointers, with cache-flush",
        few: 150,
        write: worst_of::<2>,
        ..USUAL
    },
    Attack {
        name: "worst-labels",
        about: "8,900 bytes: names of 122 labels, all but one of them by pointer",
        few: 150,
        write: worst_of::<3>,
        ..USUAL
    },
    Attack {
        name: "worst-strings",
        about: "8,900 bytes: a TXT of 2,000 strings and an NSEC of 120 blocks",
        few: 150,
        write: worst_of::<4>,
        ..USUAL
    },
    Attack {
        name: "worst-mix",
        about: "8,900 bytes: instances of what is looked for, each with its SRV",
        few: 150,
        leaves_room: false,
        write: worst_of::<5>,
        ..USUAL
    },
    Attack {
        name: "worst-own",
        about: "8,900 bytes: the words of the host, over and over",
        few: 150,
        write: worst_of::<6>,
        ..USUAL
    },
    Attack {
        name: "known-answers",
        about: "questions for all that the host has, with all of it as known answers, 100 in a second",
        write: known_answers,
        ..USUAL
    },
    Attack {
        name: "tc-series",
        about: "queries with TC from 10,000 sources, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: tc_series,
        ..USUAL
    },
    Attack {
        name: "every-type",
        about: "questions for all types at once under each name of the host, 100 in a second",
        few: 300,
        write: every_type,
        ..USUAL
    },
    Attack {
        name: "own-packets",
        about: "what the host says comes back at once, from its address and from others",
        write: own_packets,
        ..USUAL
    },
    Attack {
        name: "off-link",
        about: "questions from off the link, by unicast and to the group, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: off_link,
        ..USUAL
    },
    Attack {
        name: "flapping",
        about: "the service of an honest peer is said to be on one host and on another in turn, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: flapping,
        ..USUAL
    },
    Attack {
        name: "collisions",
        about: "50,000 records whose names a hash without a key puts into one place of a thousand",
        tick: Duration::from_millis(50),
        steps: 200,
        few: 50,
        write: collisions,
        ..USUAL
    },
    Attack {
        name: "empty",
        about: "a million datagrams of no bytes, 100,000 in a second",
        steps: 1000,
        few: 150,
        write: empty,
        ..USUAL
    },
    Attack {
        name: "legacy",
        about: "legacy queries for all that the host has from 10,000 sources, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: legacy,
        ..USUAL
    },
    Attack {
        name: "qu",
        about: "QU questions for all that the host has from 10,000 sources, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: qu,
        ..USUAL
    },
    Attack {
        name: "qm",
        about: "questions for all that the host has, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: qm,
        ..USUAL
    },
    Attack {
        name: "short-ttl",
        about: "the records of the host with a TTL of 1 s, 100 in a second",
        write: short_ttl,
        ..USUAL
    },
    Attack {
        name: "probes",
        about: "probes for each name of the host from 10,000 sources, 1,000 in a second",
        tick: MILLI,
        steps: 20_000,
        few: 3000,
        write: probes,
        ..USUAL
    },
];

const PRINTER: &str = "Printer._ipp._tcp.local";
const WEB: &str = "Web._http._tcp.local";
const HTTP: &str = "_http._tcp.local";

/// A source of the same network, one of ten thousand.
fn source(step: u64) -> IpAddr {
    let n = step % 10_000;
    let [.., high, low] = (n % 250 + 1 + (n / 250 + 100) * 256).to_be_bytes();
    IpAddr::from([10, 0, high, low])
}

fn number(step: u64) -> [u8; 4] {
    let [.., b, c, d] = step.to_be_bytes();
    [10, b, c, d]
}

/// All that the host says of itself.
fn everything() -> Vec<Said> {
    vec![
        Said::Ptr("_ipp._tcp.local".into(), PRINTER.into()),
        Said::Srv(PRINTER.into(), 631, "hall.local".into()),
        Said::Txt(PRINTER.into(), vec![0]),
        Said::A("hall.local".into(), [10, 0, 0, 1]),
        Said::Ptr(
            "_services._dns-sd._udp.local".into(),
            "_ipp._tcp.local".into(),
        ),
    ]
}

const ASKED: [(&str, RecordType); 4] = [
    ("_ipp._tcp.local", RecordType::PTR),
    (PRINTER, RecordType::ANY),
    ("hall.local", RecordType::ANY),
    ("_services._dns-sd._udp.local", RecordType::PTR),
];

fn nothing(hostile: &mut Hostile, step: u64) {
    let n = step % 20;
    let bytes = if step.is_multiple_of(2) {
        let instance = format!("Other {n}._ssh._tcp.local");
        response(
            &[
                Said::Ptr("_ssh._tcp.local".into(), instance.clone()),
                Said::Srv(instance.clone(), 22, format!("other-{n}.local")),
                Said::Txt(instance, b"\x03a=b".to_vec()),
                Said::A(format!("other-{n}.local"), [10, 0, 1, 1]),
            ],
            4500,
            false,
        )
    } else {
        let known = Said::Ptr("_ssh._tcp.local".into(), "Other 1._ssh._tcp.local".into());
        query(&[("_ssh._tcp.local", RecordType::PTR)], &[known], &[])
    };
    hostile.say(bytes);
}

/// The names of the host, as they are probed for now.
fn probed(hostile: &Hostile) -> Vec<String> {
    let host = hostile.host;
    let probes = hostile.heard.iter().filter(|sent| sent.source.ip() == host);
    let names = probes.filter_map(|sent| {
        let message = sent.message().ok()?;
        let is_probe = message.authorities().len() > 0;
        is_probe.then(|| {
            message
                .questions()
                .map(|question| question.name.to_string())
                .collect::<Vec<_>>()
        })
    });
    names.flatten().collect()
}

/// The names that the host has said something about lately.
fn owned(hostile: &Hostile) -> Vec<String> {
    let host = hostile.host;
    let said = hostile.heard.iter().filter(|sent| sent.source.ip() == host);
    let names = said.filter_map(|sent| {
        let message = sent.message().ok()?;
        let unique = message.records().filter(|(_, record)| record.cache_flush);
        Some(
            unique
                .map(|(_, record)| record.name.to_string())
                .filter(|name| !name.ends_with(".arpa"))
                .collect::<Vec<_>>(),
        )
    });
    names.flatten().collect()
}

fn contradict(hostile: &mut Hostile, names: &[String]) {
    for name in names {
        let said = [
            Said::A(name.clone(), [10, 0, 0, 66]),
            Said::Srv(name.clone(), 6, "mallory.local".into()),
        ];
        let bytes = response(&said, 120, true);
        hostile.say(bytes);
    }
}

fn denials(hostile: &mut Hostile, _: u64) {
    let names = [probed(hostile), owned(hostile)].concat();
    contradict(hostile, &names);
}

fn better_probes(hostile: &mut Hostile, _: u64) {
    for name in probed(hostile) {
        let later = [Said::Txt(name.clone(), b"\xff".repeat(256))];
        let srv = [Said::Srv(name.clone(), 65_535, "zzz.local".into())];
        let proposed = if name.contains("._") { &srv } else { &later };
        let bytes = query(&[(&name, RecordType::ANY)], &[], proposed);
        hostile.say(bytes);
    }
    let names = owned(hostile);
    contradict(hostile, &names);
}

fn goodbyes(hostile: &mut Hostile, _: u64) {
    let mut said = everything();
    said.extend([
        Said::Ptr(HTTP.into(), WEB.into()),
        Said::Srv(WEB.into(), 80, "attic.local".into()),
        Said::A("attic.local".into(), [10, 0, 0, 2]),
    ]);
    let bytes = response(&said, 0, false);
    hostile.say(bytes);
}

fn flushes(hostile: &mut Hostile, step: u64) {
    let said = [
        Said::A("attic.local".into(), number(step)),
        Said::Srv(WEB.into(), 81, "attic.local".into()),
        Said::Txt(WEB.into(), b"\x03x=y".to_vec()),
    ];
    let bytes = response(&said, 120, true);
    hostile.say(bytes);
}

/// A label that no other number has, not even in other letters.
fn label(n: u64) -> Vec<u8> {
    format!("\u{6}{:06x}", n & 0xff_ffff).into_bytes()
}

fn records(hostile: &mut Hostile, step: u64) {
    let bytes = Full::new(0x8400).until(LARGE, 1, |n| {
        let n = step * 500 + u64::from(n);
        let owner = [label(n), wire("local")].concat();
        said(&owner, 1, &number(n))
    });
    hostile.say(bytes.done());
}

fn instances(hostile: &mut Hostile, step: u64) {
    let first = said(&wire(HTTP), 12, b"\x01x\xc0\x0c");
    let bytes = Full::new(0x8400).once(1, &first).until(LARGE, 1, |n| {
        let target = [label(step * 500 + u64::from(n)), pointer(12)].concat();
        let mut record = said(&pointer(12), 12, &target);
        // A shared record, for a day.
        record[4] = 0;
        record[6..10].copy_from_slice(&[0, 1, 0x51, 0x80]);
        record
    });
    hostile.say(bytes.done());
}

/// The costliest packets there are, each full of one thing.
fn worst() -> &'static [Vec<u8>] {
    static WORST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    WORST.get_or_init(|| {
        let half = LARGE / 2;
        let chain: Vec<u8> = {
            let first = 12 + 11;
            let mut rdata = b"\x01a\0".to_vec();
            for n in 0..120u16 {
                let before = if n == 0 { first } else { first + 1 + 2 * n };
                rdata.extend(pointer(before));
            }
            rdata
        };
        let end_of_chain = 12 + 11 + 3 + 2 * 119;
        let long: Vec<u8> = [b"\x01a".repeat(120), vec![0]].concat();
        vec![
            // Probes for one name beside records of another.
            Full::new(0)
                .once(0, &asked(&wire("hall.local"), 255))
                .until(half, 0, |_| asked(&pointer(12), 255))
                .until(LARGE, 2, |_| said(&pointer(17), 65_280, &[]))
                .done(),
            // Questions for what is looked for beside known answers of other names.
            Full::new(0)
                .once(0, &asked(&wire(HTTP), 12))
                .until(half, 0, |_| asked(&pointer(12), 12))
                .until(LARGE, 1, |_| said(&pointer(18), 12, &pointer(12)))
                .done(),
            // Owners at the end of a chain of pointers, each with an address of its own, flushing.
            Full::new(0x8400)
                .once(1, &said(&[0], 65_280, &chain))
                .until(LARGE, 1, |n| {
                    said(&pointer(end_of_chain), 1, &n.to_be_bytes())
                })
                .done(),
            // Names of 122 labels, all but one of them by pointer.
            Full::new(0x8400)
                .once(1, &said(&long, 1, &[10, 0, 0, 9]))
                .until(LARGE, 1, |n| {
                    let owner = [label(n.into()), pointer(12)].concat();
                    said(&owner, 1, &[1, 2, 3, 4])
                })
                .done(),
            // TXT of strings of one byte, and NSEC of every block.
            Full::new(0x8400)
                .once(
                    1,
                    &said(&wire("t.local"), 16, &b"\x01s".repeat(half / 2 - 30)),
                )
                .once(1, &{
                    let blocks: Vec<u8> = (0..=120u8)
                        .flat_map(|window| [&[window, 32][..], &[0xff; 32]].concat())
                        .collect();
                    said(&pointer(12), 47, &[pointer(12), blocks].concat())
                })
                .done(),
            // Instances of what is looked for, each with its SRV.
            Full::new(0x8400)
                .once(1, &said(&wire(HTTP), 12, b"\x01x\xc0\x0c"))
                .until(half, 1, |n| {
                    let [_, b, c, d] = n.to_be_bytes();
                    said(
                        &pointer(12),
                        12,
                        &[&[4, b'i', b, c, d][..], &pointer(12)].concat(),
                    )
                })
                .until(LARGE, 1, |n| {
                    let [_, b, c, d] = n.to_be_bytes();
                    let owner = [&[4, b'i', b, c, d][..], &pointer(12)].concat();
                    said(&owner, 33, &[&[0; 6][..], &pointer(12)].concat())
                })
                .done(),
            // Our own words, over and over.
            Full::new(0x8400)
                .once(1, &said(&wire("hall.local"), 1, &[10, 0, 0, 1]))
                .until(LARGE, 1, |_| said(&pointer(12), 1, &[10, 0, 0, 1]))
                .done(),
        ]
    })
}

fn worst_of<const KIND: usize>(hostile: &mut Hostile, _: u64) {
    hostile.say(worst()[KIND].clone());
}

fn known_answers(hostile: &mut Hostile, _: u64) {
    let bytes = query(&ASKED, &everything(), &[]);
    hostile.say(bytes);
}

fn tc_series(hostile: &mut Hostile, step: u64) {
    let truncated = Flags(Flags::QUERY.0 | 0x0200);
    let bytes = query_with(truncated, false, &ASKED, &everything()[..1], &[]);
    hostile.say_from(source(step), PORT, bytes);
}

fn every_type(hostile: &mut Hostile, step: u64) {
    let owner = [PRINTER, "hall.local", "_ipp._tcp.local"][usize::try_from(step).unwrap_or(0) % 3];
    let bytes = Full::new(0)
        .once(0, &asked(&wire(owner), 255))
        .until(LARGE, 0, |n| {
            asked(&pointer(12), u16::try_from(n % 300).unwrap_or(0))
        });
    hostile.say(bytes.done());
}

fn own_packets(hostile: &mut Hostile, _: u64) {
    let host = hostile.host;
    let own: Vec<Vec<u8>> = hostile
        .heard
        .iter()
        .filter(|sent| sent.source.ip() == host)
        .map(|sent| sent.bytes.to_vec())
        .collect();
    for bytes in own {
        for source in [host, hostile.own, hostile.tool] {
            hostile.say_from(source, PORT, bytes.clone());
        }
        hostile.say_from(host, 40_000, bytes);
    }
}

fn off_link(hostile: &mut Hostile, step: u64) {
    let [_, _, c, d] = number(step);
    let far = IpAddr::from([203, 0, c, d]);
    let qu = query_with(Flags::QUERY, true, &ASKED, &[], &[]);
    match step % 4 {
        0 => hostile.tell_from(far, PORT, qu),
        1 => hostile.tell_from(far, 40_000, qu),
        2 => hostile.say_from(far, PORT, qu),
        _ => hostile.say_from(far, 40_000, qu),
    }
}

fn flapping(hostile: &mut Hostile, step: u64) {
    let target = ["a.local", "b.local"][usize::try_from(step).unwrap_or(0) % 2];
    let said = [
        Said::Srv(WEB.into(), 80, target.into()),
        Said::A(target.into(), [10, 0, 0, 66]),
    ];
    let bytes = response(&said, 120, true);
    hostile.say(bytes);
}

fn collisions(hostile: &mut Hostile, step: u64) {
    static NAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let names = NAMES.get_or_init(|| colliding(5000).iter().map(|text| wire(text)).collect());
    let bytes = Full::new(0x8400).until(LARGE, 1, |n| {
        let n = step * 250 + u64::from(n);
        let at = usize::try_from(n).unwrap_or(0) % names.len();
        said(&names[at], 1, &number(n))
    });
    hostile.say(bytes.done());
}

fn empty(hostile: &mut Hostile, _: u64) {
    for _ in 0..1000 {
        hostile.say(Vec::new());
    }
}

fn legacy(hostile: &mut Hostile, step: u64) {
    let bytes = query(&ASKED, &[], &[]);
    hostile.say_from(source(step), 40_000, bytes);
}

fn qu(hostile: &mut Hostile, step: u64) {
    let bytes = query_with(Flags::QUERY, true, &ASKED, &[], &[]);
    hostile.say_from(source(step), PORT, bytes);
}

fn qm(hostile: &mut Hostile, step: u64) {
    let bytes = query(&ASKED, &[], &[]);
    hostile.say_from(source(step), PORT, bytes);
}

fn short_ttl(hostile: &mut Hostile, _: u64) {
    let bytes = response(&everything(), 1, false);
    hostile.say(bytes);
}

fn probes(hostile: &mut Hostile, step: u64) {
    let proposed = [
        Said::Srv(PRINTER.into(), 1, "other.local".into()),
        Said::A("hall.local".into(), number(step)),
    ];
    let questions = [(PRINTER, RecordType::ANY), ("hall.local", RecordType::ANY)];
    let bytes = query_with(Flags::QUERY, true, &questions, &[], &proposed);
    hostile.say_from(source(step), PORT, bytes);
}
