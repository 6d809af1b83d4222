//! The grammar of messages (RFC 1035 §4.1), by offsets.
//!
//! A message is walked once by the functions that *check*: they find where each question and record ends, and whether it is sound.
//! What is sound is then *read*, without looking at it again. A check that returns `None` means that the rest of the message cannot
//! be told apart.
//!
//! Strings, bitmaps and the header are in nom's combinators; where a name may be, which counts its pointers from the start of the
//! message, an offset is passed instead of what is left.

use nom::{
    IResult, Parser,
    combinator::verify,
    error::{ErrorKind, FromExternalError, ParseError},
    multi::length_data,
    number::complete::{be_u8, be_u16},
};

use super::{Class, Hinfo, Named, Nsec, Question, Rdata, Record, RecordType, Srv, Ttl, Txt, Types};
use crate::name::Name;

/// The header, where no name can be (RFC 1035 §4.1.1).
pub(super) const HEADER_LEN: usize = 12;

/// Bytes of a question after its name: type and class.
const QUESTION_LEN: usize = 4;

/// Bytes of a record between its name and its rdata: type, class, TTL and the length of the rdata.
const RECORD_LEN: usize = 10;

/// Bytes of an SRV before its target: priority, weight and port (RFC 2782).
const SRV_LEN: usize = 6;

/// What went wrong is of no use to anyone: faulty input is skipped and counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault;

impl<I> ParseError<I> for Fault {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        Fault
    }

    fn append(_: I, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<I, E> FromExternalError<I, E> for Fault {
    fn from_external_error(_: I, _: ErrorKind, _: E) -> Self {
        Fault
    }
}

pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Fault>;

/// Id, flags, and what the counts claim.
pub(super) fn header(input: &[u8]) -> Parsed<'_, (u16, u16, [u16; 4])> {
    (be_u16, be_u16, be_u16, be_u16, be_u16, be_u16)
        .map(|(id, flags, qd, an, ns, ar)| (id, flags, [qd, an, ns, ar]))
        .parse_complete(input)
}

/// Where the question at an offset ends, and whether it is sound.
pub(super) fn check_question(message: &[u8], at: usize) -> Option<(usize, bool)> {
    let (at, is_sound) = Name::check(message, at, HEADER_LEN)?;
    let end = at.saturating_add(QUESTION_LEN);
    (end <= message.len()).then_some((end, is_sound))
}

/// The sound question at an offset, and where it ends.
pub(super) fn question(message: &[u8], at: usize) -> Option<(usize, Question<'_>)> {
    let name = name(message, at)?;
    let at = Name::end(message, at)?;
    let [t1, t2, c1, c2] = *message.get(at..)?.first_chunk()?;
    let (qclass, unicast) = Class::from_wire(u16::from_be_bytes([c1, c2]));
    let question = Question {
        name,
        qtype: RecordType(u16::from_be_bytes([t1, t2])),
        qclass,
        unicast,
    };
    Some((at.saturating_add(QUESTION_LEN), question))
}

/// What stands between the name of a record and its rdata.
struct Fixed {
    rtype: RecordType,
    class: u16,
    ttl: u32,
    /// Where the rdata begins and ends.
    start: usize,
    end: usize,
}

impl Fixed {
    #[inline]
    fn read(message: &[u8], at: usize) -> Option<Self> {
        let [t1, t2, c1, c2, s1, s2, s3, s4, l1, l2] = *message.get(at..)?.first_chunk()?;
        let start = at.saturating_add(RECORD_LEN);
        Some(Fixed {
            rtype: RecordType(u16::from_be_bytes([t1, t2])),
            class: u16::from_be_bytes([c1, c2]),
            ttl: u32::from_be_bytes([s1, s2, s3, s4]),
            start,
            end: start.saturating_add(u16::from_be_bytes([l1, l2]).into()),
        })
    }
}

/// Where the record at an offset ends, and whether it is sound.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn check_record(message: &[u8], at: usize) -> Option<(usize, bool)> {
    let (at, is_sound) = Name::check(message, at, HEADER_LEN)?;
    let fixed = Fixed::read(message, at)?;
    // A name in rdata ends inside it.
    let within = message.get(..fixed.end)?;
    let is_sound = is_sound && check_rdata(within, fixed.start, HEADER_LEN, fixed.rtype);
    Some((fixed.end, is_sound))
}

/// The sound record at an offset, and where it ends.
#[cfg_attr(not(target_os = "none"), inline(always))]
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn record(message: &[u8], at: usize) -> Option<(usize, Record<'_>)> {
    let name = name(message, at)?;
    let fixed = Fixed::read(message, Name::end(message, at)?)?;
    let (class, cache_flush) = Class::from_wire(fixed.class);
    // What an OPT has in this place is not a time.
    let ttl = match fixed.rtype {
        RecordType::OPT => Ttl(fixed.ttl),
        _ => Ttl::from_wire(fixed.ttl),
    };
    let record = Record {
        name,
        class,
        cache_flush,
        ttl,
        rdata: rdata(message.get(..fixed.end)?, fixed.start, fixed.rtype)?,
    };
    Some((fixed.end, record))
}

/// Whether the rest of the message from an offset on is sound rdata of a type, whose pointers lead to `floor` or beyond.
#[cfg_attr(not(target_os = "none"), inline)]
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn check_rdata(message: &[u8], start: usize, floor: usize, rtype: RecordType) -> bool {
    let len = message.len().saturating_sub(start);
    let name = |start| Name::check(message, start, floor);
    let name_to_the_end = |start| name(start) == Some((message.len(), true));
    let bytes = |start| message.get(start..).unwrap_or_default();
    match rtype {
        RecordType::A => len == 4,
        RecordType::AAAA => len == 16,
        RecordType::PTR | RecordType::CNAME => name_to_the_end(start),
        RecordType::SRV => name_to_the_end(start.saturating_add(SRV_LEN)),
        RecordType::TXT => all_parse(bytes(start), string),
        RecordType::NSEC => match name(start) {
            Some((end, true)) => all_parse(bytes(end), block),
            _ => false,
        },
        RecordType::HINFO => matches!(hinfo(bytes(start)), Ok(([], _))),
        _ => Named::check(message, start, floor, rtype).unwrap_or(true),
    }
}

/// The rest of the message from an offset on, which is sound rdata of a type.
#[cfg_attr(not(target_os = "none"), inline(always))]
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn rdata(message: &[u8], start: usize, rtype: RecordType) -> Option<Rdata<'_>> {
    let bytes = message.get(start..)?;
    Some(match rtype {
        RecordType::A => Rdata::A((*bytes.first_chunk::<4>()?).into()),
        RecordType::AAAA => Rdata::Aaaa((*bytes.first_chunk::<16>()?).into()),
        RecordType::PTR => Rdata::Ptr(name(message, start)?),
        RecordType::CNAME => Rdata::Cname(name(message, start)?),
        RecordType::SRV => {
            let [p1, p2, w1, w2, n1, n2] = *bytes.first_chunk::<SRV_LEN>()?;
            Rdata::Srv(Srv {
                priority: u16::from_be_bytes([p1, p2]),
                weight: u16::from_be_bytes([w1, w2]),
                port: u16::from_be_bytes([n1, n2]),
                target: name(message, start.saturating_add(SRV_LEN))?,
            })
        }
        RecordType::TXT => Rdata::Txt(Txt::trusted(bytes)),
        RecordType::NSEC => Rdata::Nsec(Nsec {
            next: name(message, start)?,
            types: Types::trusted(message.get(Name::end(message, start)?..)?),
        }),
        RecordType::HINFO => {
            let (_, (cpu, os)) = hinfo(bytes).ok()?;
            Rdata::Hinfo(Hinfo::new(cpu, os)?)
        }
        RecordType::OPT => Rdata::Opt(bytes),
        _ => match Named::read(message, u16::try_from(start).ok()?, rtype) {
            Some(named) => Rdata::Named(named),
            None => Rdata::Other(rtype, bytes),
        },
    })
}

/// The sound name at an offset.
#[inline]
fn name(message: &[u8], at: usize) -> Option<Name<'_>> {
    Some(Name::at(message, u16::try_from(at).ok()?))
}

/// Processor and operating system (RFC 1035 §3.3.2).
fn hinfo(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    (string, string).parse_complete(input)
}

/// A length byte and as many bytes (RFC 1035 §3.3).
pub(super) fn string(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u8).parse_complete(input)
}

/// A block of an NSEC bitmap: which 256 types it is about, and 1 to 32 bytes of bits (RFC 4034 §4.1.2).
pub(super) fn block(input: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    (
        be_u8,
        length_data(verify(be_u8, |len| (1..=32).contains(len))),
    )
        .parse_complete(input)
}

/// Whether `part`, over and over, takes all of the input and fails nowhere.
pub(super) fn all_parse<'a, T>(input: &'a [u8], part: impl Fn(&'a [u8]) -> Parsed<'a, T>) -> bool {
    let mut rest = input;
    while !rest.is_empty() {
        match part(rest) {
            Ok((after, _)) => rest = after,
            Err(_) => return false,
        }
    }
    true
}
