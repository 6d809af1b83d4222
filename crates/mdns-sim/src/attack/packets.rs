//! What an attacker writes.

use mdns_proto::{
    name::{Name, NameBuf},
    wire::{
        Class, Flags, Header, Question, Rdata, Record, RecordType, Section, Srv, Ttl, Txt, Writer,
    },
};

use crate::message;

/// The largest UDP payload of an attack.
pub(super) const LARGE: usize = 8900;

/// A record, with its names as text.
#[derive(Clone)]
pub(super) enum Said {
    A(String, [u8; 4]),
    Ptr(String, String),
    Srv(String, u16, String),
    Txt(String, Vec<u8>),
}

fn parsed(text: &str) -> NameBuf {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Writes a record, if there is room.
pub(super) fn put(
    writer: &mut Writer<'_>,
    section: Section,
    said: &Said,
    ttl: u32,
    flush: bool,
) -> bool {
    let mut write = |owner: &str, rdata: Rdata<'_>| {
        let owner = parsed(owner);
        let record = Record {
            name: owner.as_name(),
            class: Class::IN,
            cache_flush: flush,
            ttl: Ttl(ttl),
            rdata,
        };
        writer.record(section, &record).is_ok()
    };
    match said {
        Said::A(owner, address) => write(owner, Rdata::A((*address).into())),
        Said::Ptr(owner, target) => write(owner, Rdata::Ptr(parsed(target).as_name())),
        Said::Srv(owner, port, target) => {
            let target = parsed(target);
            let srv = Srv {
                priority: 0,
                weight: 0,
                port: *port,
                target: target.as_name(),
            };
            write(owner, Rdata::Srv(srv))
        }
        Said::Txt(owner, strings) => {
            Txt::from_wire(strings).is_some_and(|txt| write(owner, Rdata::Txt(txt)))
        }
    }
}

fn header(flags: Flags) -> Header {
    Header { id: 0, flags }
}

/// A response with these answers.
pub(super) fn response(said: &[Said], ttl: u32, flush: bool) -> Vec<u8> {
    message(header(Flags::RESPONSE), |writer| {
        for said in said {
            put(writer, Section::Answer, said, ttl, flush);
        }
    })
}

/// A query with these questions, known answers and proposed records.
pub(super) fn query(
    questions: &[(&str, RecordType)],
    known: &[Said],
    proposed: &[Said],
) -> Vec<u8> {
    query_with(Flags::QUERY, false, questions, known, proposed)
}

/// The same with flags, and the bit that asks for unicast.
pub(super) fn query_with(
    flags: Flags,
    unicast: bool,
    questions: &[(&str, RecordType)],
    known: &[Said],
    proposed: &[Said],
) -> Vec<u8> {
    message(header(flags), |writer| {
        for (owner, qtype) in questions {
            let owner = parsed(owner);
            let question = Question {
                unicast,
                ..Question::new(owner.as_name(), *qtype)
            };
            if writer.question(&question).is_err() {
                return;
            }
        }
        for said in known {
            put(writer, Section::Answer, said, 4500, false);
        }
        for said in proposed {
            put(writer, Section::Authority, said, 120, false);
        }
    })
}

/// A packet byte by byte, full of one thing: what comes first, then the same entry again and again.
pub(super) struct Full {
    pub(super) flags: u16,
    bytes: Vec<u8>,
    counts: [u16; 4],
}

impl Full {
    pub(super) fn new(flags: u16) -> Self {
        Full {
            flags,
            bytes: vec![0; 12],
            counts: [0; 4],
        }
    }

    /// Entries of a section up to a length of the packet. Each is told its number.
    pub(super) fn until(
        mut self,
        len: usize,
        section: usize,
        entry: impl Fn(u32) -> Vec<u8>,
    ) -> Self {
        for n in 0.. {
            let entry = entry(n);
            if self.bytes.len() + entry.len() > len {
                break;
            }
            self.bytes.extend(entry);
            self.counts[section] += 1;
        }
        self
    }

    pub(super) fn once(mut self, section: usize, entry: &[u8]) -> Self {
        self.bytes.extend(entry);
        self.counts[section] += 1;
        self
    }

    pub(super) fn done(mut self) -> Vec<u8> {
        self.bytes[2..4].copy_from_slice(&self.flags.to_be_bytes());
        for (at, count) in self.counts.iter().enumerate() {
            let at = 4 + 2 * at;
            self.bytes[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        self.bytes
    }
}

/// A name on the wire.
pub(super) fn wire(text: &str) -> Vec<u8> {
    parsed(text).as_wire().to_vec()
}

/// A pointer.
pub(super) fn pointer(to: u16) -> Vec<u8> {
    (0xc000 | to).to_be_bytes().to_vec()
}

/// A question on the wire.
pub(super) fn asked(owner: &[u8], qtype: u16) -> Vec<u8> {
    [owner, &qtype.to_be_bytes(), &[0, 1]].concat()
}

/// A record on the wire; with cache-flush.
pub(super) fn said(owner: &[u8], rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let len = u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = [owner, &rtype.to_be_bytes(), &[0x80, 1, 0, 0, 0, 120]].concat();
    [&head[..], &len, rdata].concat()
}

/// Names that a hash without a key puts into one place of a thousand: so many of them.
pub(super) fn colliding(count: usize) -> Vec<String> {
    let names = (0u32..).map(|n| format!("h{n}.local"));
    let hash = |text: &String| Name::hash(parsed(text).as_name(), 0) % 1024;
    names.filter(|text| hash(text) == 7).take(count).collect()
}
