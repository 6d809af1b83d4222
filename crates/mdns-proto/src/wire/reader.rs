//! The grammar of messages, in nom's combinators (RFC 1035 §4.1).
//!
//! Every input is a tail of [`Reader::message`], so its length says where it is, which is what compression pointers
//! count in. A parser that fails means that the rest of the message cannot be told apart; a part that is wrong
//! within sound bounds parses to `None`.

use nom::{
    IResult, Parser,
    bytes::complete::take,
    combinator::{map_opt, rest, verify},
    error::{ErrorKind, FromExternalError, ParseError},
    multi::length_data,
    number::complete::{be_u8, be_u16},
};

use super::{Class, Hinfo, Named, Nsec, Question, Rdata, Record, RecordType, Srv, Ttl, Txt, Types};
use crate::name::Name;

/// The header, where no name can be (RFC 1035 §4.1.1).
pub(super) const HEADER_LEN: usize = 12;

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

/// What parsers need to know beside their input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    /// All that names may lie in, up to the end of what is read.
    message: &'a [u8],
    /// The first place a pointer may lead to.
    floor: usize,
    /// Whether all this has been read before and found sound.
    trusts: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn of_message(message: &'a [u8], trusts: bool) -> Self {
        Reader {
            message,
            floor: HEADER_LEN,
            trusts,
        }
    }

    /// For flat rdata, in which there are no pointers.
    pub(super) fn of_rdata(rdata: &'a [u8]) -> Self {
        Reader {
            message: rdata,
            floor: usize::MAX,
            trusts: false,
        }
    }

    /// Id, flags, and what the counts claim.
    pub(super) fn header(input: &'a [u8]) -> Parsed<'a, (u16, u16, [u16; 4])> {
        (be_u16, be_u16, be_u16, be_u16, be_u16, be_u16)
            .map(|(id, flags, qd, an, ns, ar)| (id, flags, [qd, an, ns, ar]))
            .parse_complete(input)
    }

    pub(super) fn question(self, input: &'a [u8]) -> Parsed<'a, Option<Question<'a>>> {
        let (input, name) = self.name_or_none(input)?;
        let (input, [t1, t2, c1, c2]) = array(input)?;
        let question = name.map(|name| {
            let (qclass, unicast) = Class::from_wire(u16::from_be_bytes([c1, c2]));
            Question {
                name,
                qtype: RecordType(u16::from_be_bytes([t1, t2])),
                qclass,
                unicast,
            }
        });
        Ok((input, question))
    }

    #[cfg_attr(not(target_os = "none"), inline(always))]
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn record(self, input: &'a [u8]) -> Parsed<'a, Option<Record<'a>>> {
        let (input, name) = self.name_or_none(input)?;
        let (input, [t1, t2, c1, c2, s1, s2, s3, s4, l1, l2]) = array(input)?;
        let (after, rdata) = take(u16::from_be_bytes([l1, l2])).parse_complete(input)?;
        let rtype = RecordType(u16::from_be_bytes([t1, t2]));
        let (class, cache_flush) = Class::from_wire(u16::from_be_bytes([c1, c2]));
        let secs = u32::from_be_bytes([s1, s2, s3, s4]);
        // What an OPT has in this place is not a time.
        let ttl = match rtype {
            RecordType::OPT => Ttl(secs),
            _ => Ttl::from_wire(secs),
        };
        let record = name
            .zip(self.before(after).rdata(rtype, rdata))
            .map(|(name, rdata)| Record {
                name,
                class,
                cache_flush,
                ttl,
                rdata,
            });
        Ok((after, record))
    }

    /// All of `input` as rdata of this type, if it is sound.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn rdata(self, rtype: RecordType, input: &'a [u8]) -> Option<Rdata<'a>> {
        let name = |input| self.name(input);
        let parsed = match rtype {
            RecordType::A => array
                .map(|octets: [u8; 4]| Rdata::A(octets.into()))
                .parse_complete(input),
            RecordType::AAAA => array
                .map(|octets: [u8; 16]| Rdata::Aaaa(octets.into()))
                .parse_complete(input),
            RecordType::PTR => name.map(Rdata::Ptr).parse_complete(input),
            RecordType::CNAME => name.map(Rdata::Cname).parse_complete(input),
            RecordType::SRV => (be_u16, be_u16, be_u16, name)
                .map(|(priority, weight, port, target)| {
                    Rdata::Srv(Srv {
                        priority,
                        weight,
                        port,
                        target,
                    })
                })
                .parse_complete(input),
            RecordType::TXT => map_opt(rest, |bytes| self.txt(bytes))
                .map(Rdata::Txt)
                .parse_complete(input),
            RecordType::NSEC => (name, map_opt(rest, |bytes| self.types(bytes)))
                .map(|(next, types)| Rdata::Nsec(Nsec { next, types }))
                .parse_complete(input),
            RecordType::HINFO => map_opt((string, string), |(cpu, os)| Hinfo::new(cpu, os))
                .map(Rdata::Hinfo)
                .parse_complete(input),
            RecordType::OPT => rest.map(Rdata::Opt).parse_complete(input),
            _ => match Named::read(self, rtype, input) {
                Some(named) => named.map(|(input, named)| (input, Rdata::Named(named))),
                None => Ok((&[][..], Rdata::Other(rtype, input))),
            },
        };
        match parsed {
            Ok(([], rdata)) => Some(rdata),
            _ => None,
        }
    }

    /// A name that must be sound.
    pub(super) fn name(self, input: &'a [u8]) -> Parsed<'a, Name<'a>> {
        let (after, name) = self.name_or_none(input)?;
        Ok((after, name.ok_or(nom::Err::Error(Fault))?))
    }

    /// A name that has an end; whether all of it is sound is another matter.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    fn name_or_none(self, input: &'a [u8]) -> Parsed<'a, Option<Name<'a>>> {
        let read = if self.trusts {
            Name::reread(self.message, input).map(|(name, after)| (Some(name), after))
        } else {
            Name::read(self.message, input, self.floor)
        };
        let (name, after) = read.ok_or(nom::Err::Error(Fault))?;
        Ok((after, name))
    }

    fn txt(self, bytes: &'a [u8]) -> Option<Txt<'a>> {
        if self.trusts {
            Some(Txt::trusted(bytes))
        } else {
            Txt::from_wire(bytes)
        }
    }

    fn types(self, bytes: &'a [u8]) -> Option<Types<'a>> {
        if self.trusts {
            Some(Types::trusted(bytes))
        } else {
            Types::from_wire(bytes)
        }
    }

    /// The same, where nothing from `after` on may be looked at: a name in rdata ends inside it.
    fn before(self, after: &[u8]) -> Self {
        let end = self.message.len().saturating_sub(after.len());
        Reader {
            message: self.message.get(..end).unwrap_or(self.message),
            ..self
        }
    }

    /// All that names may lie in, and how far into it `input` is.
    pub(super) fn place(self, input: &[u8]) -> (&'a [u8], u16) {
        let at = self.message.len().saturating_sub(input.len());
        (self.message, u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// For what has been read before, from `message` as [`place`](Self::place) told it.
    pub(super) fn again(message: &'a [u8]) -> Self {
        Reader {
            message,
            floor: 0,
            trusts: true,
        }
    }
}

/// So many bytes. Numbers side by side are taken as one array: one check of the length, not one each.
fn array<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    let (array, after) = input.split_first_chunk().ok_or(nom::Err::Error(Fault))?;
    Ok((after, *array))
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
