//! Types that mDNS has no use for but whose names may arrive compressed (RFC 6762 §18.14).

use core::fmt;

use nom::{Parser, bytes::complete::take};

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

    /// The piece with this number and what is behind it: numbers, a name, perhaps another, numbers.
    fn piece<'a>(
        &self,
        reader: Reader<'a>,
        mut input: &'a [u8],
        wanted: u8,
    ) -> Parsed<'a, Piece<'a>> {
        let mut at = 0;
        loop {
            let (after, piece) = match at {
                0 => take(self.prefix).map(Piece::Bytes).parse_complete(input)?,
                2 if !self.has_second => (input, Piece::NONE),
                1 | 2 => {
                    let (after, name) = reader.name(input)?;
                    (after, Piece::Name(name))
                }
                _ => take(self.suffix).map(Piece::Bytes).parse_complete(input)?,
            };
            if at >= wanted {
                return Ok((after, piece));
            }
            input = after;
            at = at.saturating_add(1);
        }
    }
}

/// The number of the last piece.
const LAST: u8 = 3;

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
        Some(
            layout
                .piece(reader, input, LAST)
                .map(|(rest, _)| (rest, named)),
        )
    }

    /// The type.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// The numbers and the names.
    pub fn parts(&self) -> NamedParts<'a> {
        let bytes = |at| match self.piece(at) {
            Some(Piece::Bytes(bytes)) => bytes,
            _ => &[],
        };
        let name = |at| match self.piece(at) {
            Some(Piece::Name(name)) => Some(name),
            _ => None,
        };
        NamedParts {
            prefix: bytes(0),
            first: name(1).unwrap_or(Name::ROOT),
            second: name(2),
            suffix: bytes(LAST),
        }
    }

    /// One of these, by its number.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn piece(&self, at: u8) -> Option<Piece<'a>> {
        let input = self.message.get(usize::from(self.start)..)?;
        let layout = Layout::of(self.rtype).filter(|_| at <= LAST)?;
        let (_, piece) = layout.piece(Reader::again(self.message), input, at).ok()?;
        Some(piece)
    }
}

impl PartialEq for Named<'_> {
    fn eq(&self, other: &Named<'_>) -> bool {
        self.rtype == other.rtype && (0..=LAST).all(|at| self.piece(at) == other.piece(at))
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
