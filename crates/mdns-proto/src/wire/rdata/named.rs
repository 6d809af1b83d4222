//! Types that mDNS has no use for but whose names may arrive compressed (RFC 6762 §18.14).

use core::fmt;

use nom::{Parser, bytes::complete::take, combinator::cond};

use super::{
    super::reader::{Parsed, Reader},
    Piece, RecordType,
};
use crate::name::Name;

/// How the rdata of a type is laid out.
struct Layout {
    rtype: RecordType,
    /// Bytes before the names: 16-bit numbers.
    prefix: usize,
    has_second: bool,
    /// Bytes after the names: 32-bit numbers.
    suffix: usize,
}

/// The types of RFC 6762 §18.14 that have no variant of their own in [`Rdata`](super::Rdata).
const LAYOUTS: [Layout; 9] = [
    Layout::new(RecordType::NS, 0, false, 0),
    Layout::new(RecordType::DNAME, 0, false, 0),
    Layout::new(RecordType::MX, 2, false, 0),
    Layout::new(RecordType::AFSDB, 2, false, 0),
    Layout::new(RecordType::RT, 2, false, 0),
    Layout::new(RecordType::KX, 2, false, 0),
    Layout::new(RecordType::RP, 0, true, 0),
    Layout::new(RecordType::PX, 2, true, 0),
    Layout::new(RecordType::SOA, 0, true, 20),
];

impl Layout {
    const fn new(rtype: RecordType, prefix: usize, has_second: bool, suffix: usize) -> Self {
        Layout {
            rtype,
            prefix,
            has_second,
            suffix,
        }
    }

    fn of(rtype: RecordType) -> Option<&'static Layout> {
        LAYOUTS.iter().find(|layout| layout.rtype == rtype)
    }

    fn parts<'a>(&self, reader: Reader<'a>, input: &'a [u8]) -> Parsed<'a, NamedParts<'a>> {
        let (input, prefix) = take(self.prefix).parse_complete(input)?;
        let (input, first) = reader.name(input)?;
        let mut second = cond(self.has_second, |input| reader.name(input));
        let (input, second) = second.parse_complete(input)?;
        let (input, suffix) = take(self.suffix).parse_complete(input)?;
        let parts = NamedParts {
            prefix,
            first,
            second,
            suffix,
        };
        Ok((input, parts))
    }
}

/// Rdata of type NS, DNAME, MX, AFSDB, RT, KX, RP, PX or SOA: numbers, one or two names, numbers.
///
/// It comes from [`Message`](crate::wire::Message) or [`Rdata::from_wire`](super::Rdata::from_wire) alone.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    rtype: RecordType,
    /// The message up to the end of the rdata, or the flat rdata.
    message: &'a [u8],
    /// Where in it the rdata begins. From there on it is as the layout of the type has it.
    start: u16,
}

/// What a [`Named`] consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedParts<'a> {
    /// 16-bit numbers before the names: a preference.
    pub prefix: &'a [u8],
    /// The name, or the first of two.
    pub first: Name<'a>,
    /// The second name, in RP, PX and SOA.
    pub second: Option<Name<'a>>,
    /// 32-bit numbers after the names: in SOA, serial number and times.
    pub suffix: &'a [u8],
}

impl<'a> Named<'a> {
    /// Reads all of `input`, a tail of the reader's message; `None` if the type is another.
    pub(in crate::wire) fn read(
        reader: Reader<'a>,
        rtype: RecordType,
        input: &'a [u8],
    ) -> Option<Parsed<'a, Named<'a>>> {
        let layout = Layout::of(rtype)?;
        let (message, start) = reader.place(input);
        let named = Named {
            rtype,
            message,
            start,
        };
        Some(layout.parts(reader, input).map(|(rest, _)| (rest, named)))
    }

    /// The type.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The numbers and the names.
    pub fn parts(&self) -> NamedParts<'a> {
        let input = self.message.get(usize::from(self.start)..).unwrap_or(&[]);
        Layout::of(self.rtype)
            .and_then(|layout| layout.parts(Reader::again(self.message), input).ok())
            .map_or(NamedParts::NOTHING, |(_, parts)| parts)
    }

    /// One of these, by its number.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn piece(&self, at: u8) -> Option<Piece<'a>> {
        let parts = self.parts();
        match at {
            0 => Some(Piece::Bytes(parts.prefix)),
            1 => Some(Piece::Name(parts.first)),
            2 => Some(parts.second.map_or(Piece::NONE, Piece::Name)),
            3 => Some(Piece::Bytes(parts.suffix)),
            _ => None,
        }
    }
}

impl NamedParts<'_> {
    const NOTHING: NamedParts<'static> = NamedParts {
        prefix: &[],
        first: Name::ROOT,
        second: None,
        suffix: &[],
    };
}

impl PartialEq for Named<'_> {
    fn eq(&self, other: &Named<'_>) -> bool {
        self.rtype == other.rtype && self.parts() == other.parts()
    }
}

impl Eq for Named<'_> {}

/// The numbers and the names, with spaces between.
impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        let (prefix, _) = parts.prefix.as_chunks();
        for bytes in prefix {
            write!(f, "{} ", u16::from_be_bytes(*bytes))?;
        }
        write!(f, "{}", parts.first)?;
        if let Some(second) = parts.second {
            write!(f, " {second}")?;
        }
        let (suffix, _) = parts.suffix.as_chunks();
        for bytes in suffix {
            write!(f, " {}", u32::from_be_bytes(*bytes))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.rtype)
    }
}
