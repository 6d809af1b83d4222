//! The same bytes into our parser and into two others, `domain` and `simple-dns`: they accept and reject the same messages and read
//! the same in them.
//!
//! A parser is compared by what it reads, each question and record as flat bytes: the name without compression, then type, class, TTL,
//! length and rdata, whose names are not compressed either. That we accept a message means that it [is
//! sound](Message::is_sound); of one that is not, others who look for less may read more.
//!
//! Where we differ on purpose, a [`Rule`] says why, and says it of as few messages as possible. A difference that no rule explains
//! is a finding.

use domain::{
    base::{
        Message as DomainMessage, ParsedName, ParsedRecord, Record as DomainRecord, ToName,
        UnknownRecordData, rdata::ComposeRecordData,
    },
    rdata::AllRecordData,
};
use mdns_proto::{
    name::{NAME_MAX, Name},
    wire::{Class, Message, Question, Record, RecordType},
};
use simple_dns::{Packet, QTYPE, ResourceRecord};

pub(crate) fn run(bytes: &[u8]) {
    let ours = read_by_us(bytes);
    let shape = Shape::of(bytes);
    for (parser, theirs) in [
        (Parser::Domain, read_by_domain(bytes)),
        (Parser::SimpleDns, read_by_simple_dns(bytes)),
    ] {
        let found = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours = normal(parser, ours);
                let theirs = normal(parser, theirs);
                if ours == theirs {
                    continue;
                }
                Difference::Meaning
            }
            (Ok(_), Err(_)) => Difference::TheyReject,
            (Err(_), Ok(_)) => Difference::WeReject,
            (Err(_), Err(_)) => continue,
        };
        let applies = |rule: &&Rule| {
            rule.parsers.contains(&parser) && rule.difference == found && (rule.is_so)(&shape)
        };
        if RULES.iter().find(applies).is_none() {
            let words = format!("we {ours:?}, they {theirs:?}, {shape:?}");
            // A message may be 65,535 bytes long.
            let words: String = words.chars().take(4000).collect();
            panic!("{parser:?}, {found:?}: {words}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parser {
    Domain,
    SimpleDns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// Both accept, and do not read the same.
    Meaning,
    /// We accept what they do not.
    TheyReject,
    /// They accept what we do not.
    WeReject,
}

/// An intended difference.
struct Rule {
    parsers: &'static [Parser],
    difference: Difference,
    /// Whether this message is one of those.
    is_so: fn(&Shape) -> bool,
}

/// A question or a record, in one of the four parts of a message.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    part: u8,
    /// Its type.
    rtype: RecordType,
    /// In flat form.
    bytes: Vec<u8>,
    /// Where in it the TTL is; none in a question.
    ttl_at: Option<usize>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.part,
            self.rtype,
            self.bytes.escape_ascii()
        )
    }
}

/// What a parser reads, or why it does not.
type Read = Result<Vec<Entry>, String>;

/// The types whose rdata we take apart. All others are bytes to us.
const KNOWN: [RecordType; 18] = [
    RecordType::A,
    RecordType::NS,
    RecordType::CNAME,
    RecordType::SOA,
    RecordType::PTR,
    RecordType::HINFO,
    RecordType::MX,
    RecordType::TXT,
    RecordType::RP,
    RecordType::AFSDB,
    RecordType::RT,
    RecordType::PX,
    RecordType::AAAA,
    RecordType::SRV,
    RecordType::KX,
    RecordType::DNAME,
    RecordType::OPT,
    RecordType::NSEC,
];

/// Those of them that `domain` takes for bytes.
const OPAQUE_TO_DOMAIN: [RecordType; 5] = [
    RecordType::AFSDB,
    RecordType::RT,
    RecordType::PX,
    RecordType::KX,
    RecordType::OPT,
];

/// Those of them that `simple-dns` takes for bytes.
const OPAQUE_TO_SIMPLE_DNS: [RecordType; 2] = [RecordType::DNAME, RecordType::PX];

// --- each parser ---

fn read_by_us(bytes: &[u8]) -> Read {
    let message = Message::parse(bytes).map_err(|e| e.to_string())?;
    if !message.is_sound() {
        return Err("not sound".into());
    }
    let questions = message.questions().map(|question| of_question(&question));
    let records = message
        .records()
        .map(|(section, record)| of_record(1 + section as u8, &record));
    Ok(questions.chain(records).collect())
}

fn flat(name: Name<'_>) -> Vec<u8> {
    let mut bytes = vec![0; NAME_MAX];
    let len = name.copy_to(&mut bytes).unwrap_or_default();
    bytes.truncate(len);
    bytes
}

fn of_question(question: &Question<'_>) -> Entry {
    let mut bytes = flat(question.name);
    bytes.extend(question.qtype.0.to_be_bytes());
    bytes.extend(class(question.qclass, question.unicast).to_be_bytes());
    Entry {
        part: 0,
        rtype: question.qtype,
        bytes,
        ttl_at: None,
    }
}

fn class(Class(class): Class, top: bool) -> u16 {
    class | u16::from(top) << 15
}

fn of_record(part: u8, record: &Record<'_>) -> Entry {
    let mut bytes = flat(record.name);
    bytes.extend(record.rtype().0.to_be_bytes());
    bytes.extend(class(record.class, record.cache_flush).to_be_bytes());
    let ttl_at = Some(bytes.len());
    bytes.extend(record.ttl.0.to_be_bytes());
    let rdata: Vec<u8> = record.rdata.bytes().collect();
    bytes.extend((rdata.len() as u16).to_be_bytes());
    bytes.extend(rdata);
    Entry {
        part,
        rtype: record.rtype(),
        bytes,
        ttl_at,
    }
}

fn read_by_domain(bytes: &[u8]) -> Read {
    let message = DomainMessage::from_octets(bytes).map_err(|e| e.to_string())?;
    let mut entries = Vec::new();
    let mut questions = message.question();
    for question in questions.by_ref() {
        let question = question.map_err(|e| e.to_string())?;
        let mut bytes = labels_of_domain(question.qname());
        bytes.extend(question.qtype().to_int().to_be_bytes());
        bytes.extend(question.qclass().to_int().to_be_bytes());
        entries.push(Entry {
            part: 0,
            rtype: RecordType(question.qtype().to_int()),
            bytes,
            ttl_at: None,
        });
    }
    let mut section = questions.answer().map_err(|e| e.to_string())?;
    let mut part = 1;
    loop {
        for record in section.by_ref() {
            entries.push(of_domain(part, &record.map_err(|e| e.to_string())?)?);
        }
        match section.next_section().map_err(|e| e.to_string())? {
            Some(next) => section = next,
            None => return Ok(entries),
        }
        part += 1;
    }
}

fn labels_of_domain(name: &impl ToName) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.iter_labels() {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_slice());
    }
    bytes
}

fn of_domain(part: u8, record: &ParsedRecord<'_, &[u8]>) -> Result<Entry, String> {
    let rtype = RecordType(record.rtype().to_int());
    let ttl_at = Some(labels_of_domain(&record.owner()).len() + 4);
    let is_opaque = !KNOWN.contains(&rtype) || OPAQUE_TO_DOMAIN.contains(&rtype);
    let bytes = if is_opaque {
        let data = record.to_record::<UnknownRecordData<_>>();
        compose(&data.map_err(|e| e.to_string())?.ok_or("of no type")?)
    } else {
        let data = record.to_any_record::<AllRecordData<_, ParsedName<_>>>();
        compose(&data.map_err(|e| e.to_string())?)
    };
    Ok(Entry {
        part,
        rtype,
        bytes,
        ttl_at,
    })
}

fn compose(record: &DomainRecord<impl ToName, impl ComposeRecordData>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = record.compose(&mut bytes);
    bytes
}

fn read_by_simple_dns(bytes: &[u8]) -> Read {
    let packet = Packet::parse(bytes).map_err(|e| e.to_string())?;
    let mut entries = Vec::new();
    for question in &packet.questions {
        let mut bytes = labels_of_simple_dns(&question.qname);
        let qtype: u16 = question.qtype.into();
        let qclass: u16 = question.qclass.into();
        bytes.extend(qtype.to_be_bytes());
        bytes.extend((qclass | u16::from(question.unicast_response) << 15).to_be_bytes());
        entries.push(Entry {
            part: 0,
            rtype: RecordType(qtype),
            bytes,
            ttl_at: None,
        });
    }
    let sections = [
        &packet.answers,
        &packet.name_servers,
        &packet.additional_records,
    ];
    for (part, records) in (1..).zip(sections) {
        for record in records {
            entries.push(of_simple_dns(part, record)?);
        }
    }
    Ok(entries)
}

fn labels_of_simple_dns(name: &simple_dns::Name<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.get_labels() {
        let label: &[u8] = label.as_ref();
        bytes.push(label.len() as u8);
        bytes.extend(label);
    }
    bytes.push(0);
    bytes
}

fn of_simple_dns(part: u8, record: &ResourceRecord<'_>) -> Result<Entry, String> {
    // Written alone, and not compressed, it stands after the header.
    let mut alone = Packet::new_query(0);
    alone.answers.push(record.clone());
    let bytes = alone.build_bytes_vec().map_err(|e| e.to_string())?;
    Ok(Entry {
        part,
        rtype: RecordType(record.rdata.type_code().into()),
        bytes: bytes.get(12..).unwrap_or_default().to_vec(),
        ttl_at: Some(labels_of_simple_dns(&record.name).len() + 4),
    })
}

// --- what is compared ---

/// What both mean to say, where the difference is one of representation.
fn normal(parser: Parser, entries: &[Entry]) -> Vec<Entry> {
    let opaque_to_them: &[RecordType] = match parser {
        Parser::Domain => &OPAQUE_TO_DOMAIN,
        Parser::SimpleDns => &OPAQUE_TO_SIMPLE_DNS,
    };
    let mut normal = Vec::new();
    for entry in entries {
        let Entry {
            part,
            rtype,
            ref bytes,
            ttl_at,
        } = *entry;
        // simple-dns takes the first one out of the records and into the header.
        if rtype == RecordType::OPT && parser == Parser::SimpleDns && part > 0 {
            continue;
        }
        let mut bytes = bytes.clone();
        if let Some(at) = ttl_at {
            let (head, rdata) = bytes.split_at(at + 6);
            let (mut head, mut rdata) = (head.to_vec(), rdata.to_vec());
            // RFC 2181 §8: a TTL with the top bit counts as zero. Both give it as it is.
            if rtype != RecordType::OPT && head[at] & 0x80 != 0 {
                head[at..at + 4].fill(0);
            }
            // RFC 6763 §6.1: no string is the same as one empty string.
            if rtype == RecordType::TXT && rdata.is_empty() {
                rdata.push(0);
            }
            // What one of us takes for bytes, the other for names, has no common form.
            let is_opaque_to_one = opaque_to_them.contains(&rtype) && rtype != RecordType::OPT;
            if is_opaque_to_one || (parser == Parser::SimpleDns && !KNOWN.contains(&rtype)) {
                rdata.clear();
            }
            // The length follows from the rest.
            head.truncate(at + 4);
            bytes = [head, rdata].concat();
        }
        normal.push(Entry {
            part,
            rtype,
            bytes,
            ttl_at,
        });
    }
    normal
}

/// A message as it lies there, for rules to be about: read by hand, as far as its lengths are true.
#[derive(Debug, Default)]
struct Shape {
    flags: u16,
    names: Vec<NameShape>,
    questions: Vec<(RecordType, u16)>,
    records: Vec<RecordShape>,
}

/// One name.
#[derive(Debug)]
struct NameShape {
    /// In flat form, with the final zero, as far as it can be followed.
    len: usize,
    /// Pointers: where each is, where the labels began that led to it, and where it leads.
    pointers: Vec<(usize, usize, usize)>,
}

#[derive(Debug)]
struct RecordShape {
    rtype: RecordType,
    class: u16,
    rdata: Vec<u8>,
    /// Bytes of the rdata that none of its parts takes; of known types only.
    rest: Vec<u8>,
}

impl Shape {
    fn of(bytes: &[u8]) -> Self {
        let mut shape = Shape::default();
        // What cannot be read ends it.
        let _end = shape.read(bytes);
        shape
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let number = |at: usize| {
            let pair = bytes.get(at..at + 2)?;
            Some(u16::from_be_bytes([pair[0], pair[1]]))
        };
        self.flags = number(2)?;
        let mut at = 12;
        for _ in 0..number(4)? {
            at = self.name(bytes, at)?;
            self.questions
                .push((RecordType(number(at)?), number(at + 2)?));
            at += 4;
        }
        let records = [6, 8, 10].map(|at| number(at).map_or(0, usize::from));
        for _ in 0..records.iter().sum() {
            at = self.name(bytes, at)?;
            let rtype = RecordType(number(at)?);
            let class = number(at + 2)?;
            let len = usize::from(number(at + 8)?);
            let start = at + 10;
            let rdata = bytes.get(start..start + len)?.to_vec();
            let rest = self.rdata(rtype, bytes, start, start + len);
            self.records.push(RecordShape {
                rtype,
                class,
                rdata,
                rest: rest.unwrap_or_default(),
            });
            at = start + len;
        }
        Some(())
    }

    /// Reads the names in rdata, and says what is behind the last of its parts.
    fn rdata(
        &mut self,
        rtype: RecordType,
        bytes: &[u8],
        start: usize,
        end: usize,
    ) -> Option<Vec<u8>> {
        let (prefix, names, suffix) = match rtype {
            RecordType::A => (4, 0, 0),
            RecordType::AAAA => (16, 0, 0),
            RecordType::PTR | RecordType::CNAME | RecordType::NS | RecordType::DNAME => (0, 1, 0),
            RecordType::NSEC => (0, 1, 0),
            RecordType::SRV => (6, 1, 0),
            RecordType::MX | RecordType::AFSDB | RecordType::RT | RecordType::KX => (2, 1, 0),
            RecordType::RP => (0, 2, 0),
            RecordType::PX => (2, 2, 0),
            RecordType::SOA => (0, 2, 20),
            RecordType::HINFO => {
                let first = usize::from(*bytes.get(start)?);
                let second = usize::from(*bytes.get(start + 1 + first)?);
                (2 + first + second, 0, 0)
            }
            _ => return None,
        };
        let mut at = start + prefix;
        for _ in 0..names {
            at = self.name(bytes, at)?;
        }
        Some(bytes.get(at + suffix..end)?.to_vec())
    }

    /// Reads a name, and says where it ends.
    fn name(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let mut name = NameShape {
            len: 1,
            pointers: Vec::new(),
        };
        let (mut at, mut part, mut end) = (start, start, None);
        // A name that goes on for ever is long enough.
        while name.len < 1000 && name.pointers.len() < 1000 {
            match *bytes.get(at)? {
                0 => {
                    end = end.or(Some(at + 1));
                    break;
                }
                len @ 1..=63 => {
                    name.len += 1 + usize::from(len);
                    at += 1 + usize::from(len);
                }
                high @ 192.. => {
                    let target = usize::from(high & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                    name.pointers.push((at, part, target));
                    end = end.or(Some(at + 2));
                    (at, part) = (target, target);
                }
                _ => break,
            }
        }
        self.names.push(name);
        end
    }

    fn has_name(&self, is_so: impl Fn(&NameShape) -> bool) -> bool {
        self.names.iter().any(is_so)
    }

    fn has_record(&self, is_so: impl Fn(&RecordShape) -> bool) -> bool {
        self.records.iter().any(is_so)
    }
}

/// Whether it is options, each a code, a length and as many bytes (RFC 6891 §6.1.2).
fn has_options(rdata: &[u8]) -> bool {
    let mut rest = rdata;
    while let [_, _, high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(next) = after.get(len..) else {
            return false;
        };
        rest = next;
    }
    rest.is_empty()
}

/// The numbers of the blocks in the bitmap of an NSEC.
fn windows(bitmap: &[u8]) -> Vec<u8> {
    let mut windows = Vec::new();
    let mut rest = bitmap;
    while let [window, len, after @ ..] = rest {
        windows.push(*window);
        rest = after.get(usize::from(*len)..).unwrap_or_default();
    }
    windows
}

// --- intended differences ---

/// The most pointers that we follow for one name.
const POINTERS_MAX: usize = 128;

const BOTH: &[Parser] = &[Parser::Domain, Parser::SimpleDns];

const RULES: &[Rule] = &[
    // RFC 6762 appendix C: a name in mDNS may have 255 bytes and the final zero; in unicast DNS that is one too many.
    Rule {
        parsers: BOTH,
        difference: Difference::TheyReject,
        is_so: |shape| shape.has_name(|name| name.len == NAME_MAX),
    },
    // RFC 1035 §4.1.4: a pointer leads to a prior place. To us that is one before the labels that led to it, and
    // behind the header, so that each name ends; they count hops, or the length.
    Rule {
        parsers: BOTH,
        difference: Difference::WeReject,
        is_so: |shape| {
            shape.has_name(|name| {
                let leads_nowhere =
                    |(_, part, target): &(usize, usize, usize)| target >= part || *target < 12;
                name.pointers.iter().any(leads_nowhere)
            })
        },
    },
    // A name of 127 labels has no use for more pointers than that; the work for it is bounded. They bound it later, or by the length.
    Rule {
        parsers: BOTH,
        difference: Difference::WeReject,
        is_so: |shape| shape.has_name(|name| name.pointers.len() > POINTERS_MAX),
    },
    // More rdata than its type has is no rdata of the type.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::WeReject,
        is_so: |shape| shape.has_record(|record| !record.rest.is_empty()),
    },
    // Of all types but TXT there must be something.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::WeReject,
        is_so: |shape| {
            shape.has_record(|record| record.rdata.is_empty() && record.rtype != RecordType::TXT)
        },
    },
    // A class that is not known may be asked for, and be in a record: it is nobody's, and no fault.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| {
            let known = |class: u16| (1..=4).contains(&(class & 0x7fff));
            let asked = |class: u16| known(class) || matches!(class & 0x7fff, 254 | 255);
            shape.questions.iter().any(|(_, class)| !asked(*class))
                || shape
                    .has_record(|record| record.rtype != RecordType::OPT && !known(record.class))
        },
    },
    // The same with types that have no name there.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| {
            let mut types = shape.questions.iter().map(|(rtype, _)| rtype.0);
            types.any(|rtype| QTYPE::try_from(rtype).is_err())
        },
    },
    // RFC 6762 §18.8: the bit that must be zero is ignored on receipt.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| shape.flags & 0x0040 != 0,
    },
    // Options are of no use in mDNS: what is wrong in them is not looked at.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| {
            shape
                .has_record(|record| record.rtype == RecordType::OPT && !has_options(&record.rdata))
        },
    },
    // RFC 4034 §4.1.2 wants the blocks of an NSEC in order. Which types there are is as clear without it.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| {
            shape.has_record(|record| {
                record.rtype == RecordType::NSEC
                    && !windows(&record.rest).is_sorted_by(|a, b| a < b)
            })
        },
    },
    // What is bytes to them, names to us: we have more to find fault with.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::WeReject,
        is_so: |shape| shape.has_record(|record| OPAQUE_TO_SIMPLE_DNS.contains(&record.rtype)),
    },
    Rule {
        parsers: &[Parser::Domain],
        difference: Difference::WeReject,
        is_so: |shape| shape.has_record(|record| OPAQUE_TO_DOMAIN.contains(&record.rtype)),
    },
    // Types whose rdata is bytes to us: what is in it is the business of whoever wants it.
    Rule {
        parsers: &[Parser::SimpleDns],
        difference: Difference::TheyReject,
        is_so: |shape| shape.has_record(|record| !KNOWN.contains(&record.rtype)),
    },
];
