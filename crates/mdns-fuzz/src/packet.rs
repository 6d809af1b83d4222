//! Packets, made from choices: of names that matter, or any bytes.

use mdns_proto::{
    name::NameBuf,
    wire::{
        Class, Flags, Header, Hinfo, Nsec, Question, Rdata, Record, RecordType, Section, Srv, Ttl,
        Txt, TypeSet,
    },
};
use mdns_sim::message;

use crate::input::Input;

/// The most entries of one packet.
const ENTRIES_MAX: u8 = 24;

/// Names that hosts here have, want or have heard of.
const NAMES: [&str; 14] = [
    "_ipp._tcp.local",
    "Printer 0._ipp._tcp.local",
    "Printer 1._ipp._tcp.local",
    "Printer 2._ipp._tcp.local",
    "hall.local",
    "attic.local",
    "alias.local",
    "_services._dns-sd._udp.local",
    "_universal._sub._ipp._tcp.local",
    "_http._tcp.local",
    "Door._http._tcp.local",
    "1.0.0.10.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
    ".",
];

const TYPES: [RecordType; 12] = [
    RecordType::A,
    RecordType::PTR,
    RecordType::TXT,
    RecordType::SRV,
    RecordType::AAAA,
    RecordType::ANY,
    RecordType::NSEC,
    RecordType::HINFO,
    RecordType::CNAME,
    RecordType::OPT,
    RecordType::NS,
    RecordType(65280),
];

/// A packet: any bytes, one that is made of entries, or one of these that were sent, and perhaps a few changes.
pub(crate) fn packet(input: &mut Input<'_>, own: &[NameBuf], sent: &[Vec<u8>]) -> Vec<u8> {
    let kind = input.byte();
    let mut bytes = match kind % 4 {
        0 => {
            let len = input.number();
            input.bytes(len.into()).to_vec()
        }
        1 | 2 => written(input, own),
        _ => sent
            .get(usize::from(input.byte()) % sent.len().max(1))
            .cloned()
            .unwrap_or_default(),
    };
    for _ in 0..kind / 4 % 4 {
        change(input, &mut bytes);
    }
    bytes
}

/// One change: a byte of the packet, or its length.
pub(crate) fn change(input: &mut Input<'_>, bytes: &mut Vec<u8>) {
    let (at, mask) = (usize::from(input.number()), input.byte());
    let Some(at) = at.checked_rem(bytes.len()) else {
        return;
    };
    match mask {
        0 => bytes.truncate(at),
        mask => bytes[at] ^= mask,
    }
}

/// A packet of entries that are right each.
fn written(input: &mut Input<'_>, own: &[NameBuf]) -> Vec<u8> {
    let kind = input.byte();
    let flags = [
        Flags::QUERY,
        Flags::RESPONSE,
        Flags::QUERY,
        Flags::RESPONSE,
        Flags::QUERY.with_truncated(true),
        Flags::RESPONSE,
        Flags::QUERY,
        Flags(0x8000),
    ][usize::from(kind % 8)];
    let id = if kind > 127 { input.number() } else { 0 };
    let count = input.byte() % ENTRIES_MAX;
    // Entries of the same kind come together, in any order that they were chosen in.
    let mut questions = Vec::new();
    let mut records = Vec::new();
    for _ in 0..count {
        if input.is_empty() {
            break;
        }
        let part = input.byte();
        if part.is_multiple_of(4) {
            questions.push((name(input, own), question(input)));
        } else {
            records.push((part % 4, entry(input, own)));
        }
    }
    records.sort_by_key(|(part, _)| *part);
    message(Header { id, flags }, |message| {
        for (name, (qtype, unicast)) in &questions {
            let question = Question {
                unicast: *unicast,
                ..Question::new(name.as_name(), *qtype)
            };
            let _fits = message.question(&question);
        }
        for (part, entry) in &records {
            let section = match part {
                1 => Section::Answer,
                2 => Section::Authority,
                _ => Section::Additional,
            };
            let _fits = entry.with(|record| message.record(section, record));
        }
    })
}

fn question(input: &mut Input<'_>) -> (RecordType, bool) {
    let kind = input.byte();
    (TYPES[usize::from(kind / 2) % TYPES.len()], kind & 1 == 1)
}

/// A name that matters, in its own case or another, or one of a label of the input's.
fn name(input: &mut Input<'_>, own: &[NameBuf]) -> NameBuf {
    let n = usize::from(input.byte());
    let known = |n: usize| match own.get(n) {
        Some(name) => Some(name.clone()),
        None => NAMES.get(n - own.len()).map(|text| parsed(text)),
    };
    let count = own.len() + NAMES.len();
    match n {
        n if n < count => known(n).unwrap_or_default(),
        // The same, shouted.
        n if n < 2 * count => {
            let name = known(n - count).unwrap_or_default();
            parsed(&name.to_string().to_ascii_uppercase())
        }
        _ => {
            let len = usize::from(input.byte() % 64);
            let label = input.bytes(len);
            let zone = parsed(NAMES[usize::from(input.byte()) % NAMES.len()]);
            let mut name = NameBuf::from_labels([label]).unwrap_or_default();
            let _fits = name.push_name(zone.as_name());
            name
        }
    }
}

fn parsed(text: &str) -> NameBuf {
    text.parse().unwrap_or_default()
}

/// A record, and what it borrows.
struct Entry {
    owner: NameBuf,
    target: NameBuf,
    ttl: Ttl,
    cache_flush: bool,
    kind: u8,
    bytes: Vec<u8>,
}

fn entry(input: &mut Input<'_>, own: &[NameBuf]) -> Entry {
    let owner = name(input, own);
    let kind = input.byte();
    let needs_target = matches!(kind % 16, 2 | 3 | 5 | 8 | 9 | 12);
    let target = if needs_target {
        name(input, own)
    } else {
        owner.clone()
    };
    let len = match kind % 16 {
        4 => usize::from(input.byte()),
        11 => usize::from(input.number() % 4000),
        _ => 4,
    };
    let ttls = [0, 1, 10, 60, 120, 2250, 4500, u32::MAX];
    Entry {
        owner,
        target,
        ttl: Ttl(input.one_of(&ttls).unwrap_or(120)),
        cache_flush: kind > 127,
        kind: kind % 16,
        bytes: input.bytes(len).to_vec(),
    }
}

impl Entry {
    /// Does something with the record.
    fn with<T>(&self, take: impl FnOnce(&Record<'_>) -> T) -> T {
        let target = self.target.as_name();
        let byte = |at: usize| self.bytes.get(at).copied().unwrap_or_default();
        let types: TypeSet = [RecordType::A, RecordType::SRV]
            .into_iter()
            .filter(|_| byte(0) & 1 == 1)
            .collect();
        // Strings of up to 255 bytes.
        let strings = || {
            let chunks = self.bytes.chunks(255);
            chunks
                .flat_map(|chunk| [&[chunk.len() as u8][..], chunk].concat())
                .collect::<Vec<_>>()
        };
        let text = strings();
        let rdata = match self.kind {
            0 => Rdata::A([10, 0, 0, 1].into()),
            1 => Rdata::A([10, 0, 0, byte(0)].into()),
            2 => Rdata::Ptr(target),
            3 => Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port: u16::from(byte(0)),
                target,
            }),
            4 | 11 => Rdata::Txt(Txt::from_wire(&text).unwrap_or(Txt::EMPTY)),
            5 => Rdata::Nsec(Nsec {
                next: target,
                types: types.as_types(),
            }),
            6 => Hinfo::new(b"ARM", b"none").map_or(Rdata::Opt(&[]), Rdata::Hinfo),
            7 => Rdata::Aaaa([0xfe80, 0, 0, 0, 0, 0, 0, u16::from(byte(0))].into()),
            8 => Rdata::Cname(target),
            9 => Rdata::Nsec(Nsec {
                next: self.owner.as_name(),
                types: types.as_types(),
            }),
            10 => Rdata::Other(RecordType(65280), &self.bytes),
            12 => Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port: 1,
                target,
            }),
            13 => Rdata::Opt(&self.bytes),
            14 => Rdata::Txt(Txt::EMPTY),
            _ => Rdata::Aaaa([0xfe80, 0, 0, 0, 0, 0, 0, 1].into()),
        };
        take(&Record {
            name: self.owner.as_name(),
            class: Class::IN,
            cache_flush: self.cache_flush,
            ttl: self.ttl,
            rdata,
        })
    }
}
