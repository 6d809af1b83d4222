//! The committed corpus: where fuzzing begins, and what runs on a stable toolchain.
//!
//! It is made of what others sent (`crates/mdns-proto/tests/captures`), of the packets that the property tests use, and of short programs.
//! `cargo xtask fuzz --seed-corpus` writes it; what else is in its folders, such as inputs that once showed a defect, stays.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use etherparse::{SlicedPacket, TransportSlice};
use mdns_proto::wire::{Message, Rdata};
use mdns_sim::contract::pool;
use pcap_parser::PcapCapture;

use crate::endpoint::{
    BROWSE, ECHO, HEAR, HEAR_BYTES, LOOK_UP, REGISTER, RESOLVE, SHUTDOWN, SLEEP,
};
use crate::{arp, dns};

/// The most packets of one capture in one program.
const PROGRAM_PACKETS: usize = 24;

/// Where the committed corpora are: a folder for each target.
pub fn directory() -> PathBuf {
    workspace().join("fuzz/corpus")
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// One input for one target.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The target, or another that has its corpus.
    pub target: &'static str,
    /// The name of the file.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// All seeds.
///
/// # Errors
/// If the captures cannot be read.
pub fn all() -> io::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    let mut add = |target, name: String, bytes: Vec<u8>| {
        seeds.push(Seed {
            target,
            name,
            bytes,
        });
    };
    let mut messages = HashSet::new();
    let mut texts = HashSet::new();
    for capture in captures()? {
        let Capture { name, frames } = &capture;
        let payloads: Vec<_> = frames.iter().filter_map(|frame| payload(frame)).collect();
        for (n, payload) in payloads.iter().enumerate() {
            if messages.insert(payload.clone()) {
                add("message", format!("{name}-{n:03}"), payload.clone());
            }
            for (at, txt) in txts(payload).into_iter().enumerate() {
                if texts.insert(txt.clone()) {
                    add("txt", format!("{name}-{n:03}-{at:02}"), txt);
                }
            }
        }
        add("endpoint", name.clone(), replayed(0, &payloads));
        add("endpoint", format!("{name}-board"), replayed(2, &payloads));
        add("smoltcp", name.clone(), received(frames));
    }
    for (n, packet) in pool().iter().enumerate() {
        if messages.insert(packet.clone()) {
            add("message", format!("pool-{n:03}"), packet.clone());
        }
    }
    for (name, bytes) in NAMES {
        add("name", (*name).to_owned(), bytes.to_vec());
    }
    for mode in 0..4 {
        for (name, program) in programs() {
            add(
                "endpoint",
                format!("{name}-{mode}"),
                [vec![mode, 1], program].concat(),
            );
        }
    }
    for (name, program) in ADDRESSES {
        add("arp", (*name).to_owned(), program.to_vec());
    }
    for mode in 0..4 {
        for (name, program) in TRANSLATIONS {
            let program = [&[mode], *program].concat();
            add("dns", format!("{name}-{mode}"), program);
        }
    }
    for (name, program) in PAIRS {
        add("pair", (*name).to_owned(), program.to_vec());
    }
    Ok(seeds)
}

/// Writes all seeds under a folder, and says how many.
///
/// # Errors
/// If the captures cannot be read, or a file cannot be written.
pub fn write(directory: &Path) -> io::Result<usize> {
    let seeds = all()?;
    for seed in &seeds {
        let folder = directory.join(seed.target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(&seed.name), &seed.bytes)?;
    }
    Ok(seeds.len())
}

/// What somebody recorded.
struct Capture {
    name: String,
    frames: Vec<Vec<u8>>,
}

fn captures() -> io::Result<Vec<Capture>> {
    let folder = workspace().join("crates/mdns-proto/tests/captures");
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "pcap"));
    files.sort();
    files.iter().map(|file| capture(file)).collect()
}

fn capture(file: &Path) -> io::Result<Capture> {
    let bytes = fs::read(file)?;
    let wrong = |e| io::Error::other(format!("{}: {e}", file.display()));
    let capture = PcapCapture::from_file(&bytes).map_err(wrong)?;
    let name = file.file_stem().unwrap_or_default();
    Ok(Capture {
        name: name.to_string_lossy().into_owned(),
        frames: capture
            .blocks
            .iter()
            .map(|block| block.data.to_vec())
            .collect(),
    })
}

/// The payload of the UDP datagram in a frame.
fn payload(frame: &[u8]) -> Option<Vec<u8>> {
    match SlicedPacket::from_ethernet(frame).ok()?.transport? {
        TransportSlice::Udp(udp) => Some(udp.payload().to_vec()),
        _ => None,
    }
}

/// The TXT data in a message.
fn txts(payload: &[u8]) -> Vec<Vec<u8>> {
    let Ok(message) = Message::parse(payload) else {
        return Vec::new();
    };
    let texts = message
        .records()
        .filter_map(|(_, record)| match record.rdata {
            Rdata::Txt(txt) => Some(txt.as_wire().to_vec()),
            _ => None,
        });
    texts.collect()
}

/// A program in which a host that has something to say and to ask hears a capture, a quarter of a second apart.
fn replayed(mode: u8, payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut program = vec![mode, 1, REGISTER, 0, BROWSE, 0, BROWSE, 1, RESOLVE, 0];
    program.extend(sleep(12, 250));
    for payload in payloads.iter().take(PROGRAM_PACKETS) {
        let len = u16::try_from(payload.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        // By multicast, on the first link, from another host; any bytes, unchanged.
        program.extend([HEAR_BYTES, 0, 1, 0]);
        program.extend(len);
        program.extend(payload);
        program.extend(sleep(10, 244));
    }
    program.extend(sleep(20, 200));
    program
}

/// `count` units of two to the power of `6 + unit` microseconds.
fn sleep(unit: u8, count: u8) -> [u8; 3] {
    [SLEEP, unit, count]
}

/// A program in which a board receives frames.
fn received(frames: &[Vec<u8>]) -> Vec<u8> {
    // Seed, a service, a browse, four seconds.
    let mut program = vec![1, 0, 0, 2, 0, 30, 14, 4];
    for frame in frames.iter().take(PROGRAM_PACKETS) {
        let len = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
        program.push(9);
        program.extend(len);
        program.extend(frame);
        program.extend([30, 10, 244]);
    }
    program
}

/// Short lives of a host.
fn programs() -> Vec<(&'static str, Vec<u8>)> {
    let established = [&[REGISTER, 0, REGISTER, 129][..], &sleep(14, 4)].concat();
    let asking = [BROWSE, 0, RESOLVE, 0, LOOK_UP, 7];
    let mut heard = Vec::new();
    for packet in (0..80).step_by(3) {
        heard.extend([HEAR, 0, packet, 1, 0]);
        heard.extend(sleep(9, 200));
    }
    vec![
        ("nothing", Vec::new()),
        (
            "life",
            [&established[..], &sleep(20, 60), &[SHUTDOWN], &sleep(14, 2)].concat(),
        ),
        (
            "asking",
            [&asking[..], &sleep(14, 4), &sleep(20, 60)].concat(),
        ),
        (
            "heard",
            [&established[..], &asking, &heard, &sleep(20, 90)].concat(),
        ),
        (
            "echoed",
            [&established[..], &[ECHO, 0, 0, ECHO, 1, 1], &sleep(14, 4)].concat(),
        ),
    ]
}

/// Names on the wire, and as text.
const NAMES: &[(&str, &[u8])] = &[
    ("wire-host", b"\x04hall\x05local\0"),
    ("wire-instance", b"\x0cDev. \\ Box\xc3\xa9\x04_ipp\x04_tcp\x05local\0"),
    ("wire-bytes", b"\x03\xff\0.\x05local\0"),
    ("text-host", b"hall.local."),
    ("text-instance", br"Dev\. Box\\\065._http._tcp.local"),
    ("text-type", b"_universal._sub._ipp._tcp"),
    ("text-services", b"_services._dns-sd._udp.local"),
    ("text-unicode", "Küche 漢字._ipp._tcp.local".as_bytes()),
    ("text-escape-cut", br"a\25"),
    ("text-empty-label", b"a..local"),
    ("text-long-label", &[b'a'; 64]),
    ("text-long-name", b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"),
];

/// Programs for `dns`.
const TRANSLATIONS: &[(&str, &[u8])] = &[
    (
        "address",
        &[
            dns::QUERY,
            8,
            0,
            0,
            0,
            0,
            dns::QUERY,
            8,
            0,
            7,
            0,
            0,
            dns::TELL,
            0,
            1,
            0,
            4,
            10,
            0,
            0,
            1,
            1,
            dns::SLEEP,
            14,
            40,
        ],
    ),
    (
        "alias",
        &[
            dns::QUERY,
            12,
            0,
            0,
            0,
            1,
            4,
            0,
            0,
            0,
            dns::TELL,
            0,
            1,
            5,
            2,
            1,
            dns::TELL,
            1,
            1,
            5,
            0,
            1,
            dns::SLEEP,
            16,
            200,
        ],
    ),
    (
        "pointers",
        &[
            dns::QUERY,
            8,
            0,
            8,
            2,
            0,
            dns::QUERY,
            8,
            0,
            4,
            2,
            0,
            dns::TELL,
            0,
            2,
            2,
            5,
            2,
            5,
            1,
            dns::SLEEP,
            14,
            255,
            dns::FAIL,
            0,
            dns::FORGET,
            8,
        ],
    ),
    (
        "malformed",
        &[
            dns::QUERY_BYTES,
            8,
            14,
            0,
            7,
            1,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
            0,
            0,
            0xc0,
            12,
        ],
    ),
];

/// Two hosts that claim an address: alone, both the same, joined later, denied, with a cable that is pulled, beside DHCP.
const ADDRESSES: &[(&str, &[u8])] = &[
    ("alone", &[1, arp::START, 0, 4, arp::SLEEP, 14, 10]),
    (
        "same-address",
        &[
            2,
            arp::START,
            0,
            2,
            arp::START,
            1,
            2,
            arp::SLEEP,
            14,
            1,
            arp::DELIVER,
            0,
            arp::DELIVER,
            1,
            arp::SLEEP,
            14,
            10,
        ],
    ),
    (
        "joined",
        &[
            3,
            arp::START,
            0,
            2,
            arp::START,
            1,
            2,
            arp::SLEEP,
            14,
            3,
            arp::SLEEP,
            14,
            3,
            arp::SLEEP,
            14,
            3,
            arp::SLEEP,
            14,
            3,
            arp::DELIVER,
            0,
            arp::DELIVER,
            1,
        ],
    ),
    (
        "denied",
        &[
            4,
            arp::START,
            0,
            2,
            arp::SLEEP,
            14,
            1,
            arp::HEAR,
            0,
            2,
            4,
            2,
            1,
            0,
            arp::SLEEP,
            14,
            1,
            arp::HEAR,
            0,
            0,
            4,
            2,
            1,
            0,
        ],
    ),
    (
        "cable",
        &[
            5,
            arp::START,
            0,
            2,
            arp::SLEEP,
            14,
            10,
            arp::LINK,
            0,
            0,
            arp::SLEEP,
            14,
            10,
            arp::LINK,
            0,
            1,
            arp::REPLAY,
            0,
            arp::SLEEP,
            14,
            10,
        ],
    ),
    (
        "dhcp",
        &[
            6,
            arp::START,
            0,
            2,
            arp::SLEEP,
            14,
            10,
            arp::ROUTABLE,
            0,
            1,
            arp::CHECK,
            1,
            3,
            arp::SLEEP,
            14,
            10,
            arp::CLAIM,
            1,
            3,
            arp::SLEEP,
            14,
            10,
            arp::POLICY,
            1,
            2,
            arp::HEAR,
            1,
            1,
            1,
            2,
            0,
            0,
            arp::STOP,
            1,
            arp::ROUTABLE,
            0,
            0,
        ],
    ),
    ("bytes", &[7, arp::HEAR_BYTES, 0, 3, 8, 6, 0]),
];

/// Two hosts and what becomes of them: both want one name; one comes and goes; the link is down, lossy, full of old copies.
const PAIRS: &[(&str, &[u8])] = &[
    ("same-name", &[1, 0, 0, 128, 0, 24, 14, 4]),
    ("seen", &[2, 0, 1, 133, 0, 24, 14, 4, 2, 0, 24, 14, 4]),
    (
        "down-and-up",
        &[3, 0, 1, 128, 1, 10, 0, 24, 14, 9, 11, 0, 24, 14, 9],
    ),
    (
        "lossy",
        &[
            4, 0, 0, 128, 0, 24, 14, 4, 6, 6, 0, 6, 6, 6, 0, 6, 0, 6, 6, 0, 6, 6, 24, 14, 4, 7, 7,
            0, 7,
        ],
    ),
    (
        "old-copies",
        &[
            5, 0, 0, 128, 0, 24, 14, 4, 10, 18, 9, 10, 18, 5, 10, 19, 3, 10, 20, 1, 2, 0, 24, 20,
            90,
        ],
    ),
    (
        "changed",
        &[
            6, 0, 0, 128, 0, 24, 14, 4, 12, 0, 0, 40, 1, 11, 0, 0, 30, 8, 12, 1, 0, 20, 255, 0, 50,
            1,
        ],
    ),
    (
        "comes-back",
        &[
            7, 0, 0, 128, 0, 24, 14, 4, 13, 13, 13, 14, 0, 0, 45, 1, 13, 14, 0, 0, 60, 2,
        ],
    ),
];
