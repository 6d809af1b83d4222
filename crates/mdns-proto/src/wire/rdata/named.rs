//! Types that mDNS has no use for but whose names may arrive compressed (RFC 6762 §18.14).

use core::fmt;

use super::{Piece, RecordType};
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

    /// Whether the rest of the message from an offset on is sound rdata.
    fn check(&self, message: &[u8], start: usize, floor: usize) -> bool {
        let mut at = start.saturating_add(self.prefix);
        for _ in 0..=usize::from(self.has_second) {
            match Name::check(message, at, floor) {
                Some((end, true)) => at = end,
                _ => return false,
            }
        }
        at.saturating_add(self.suffix) == message.len()
    }

    /// The piece with this number of sound rdata: numbers, a name, perhaps another, numbers.
    fn piece<'a>(&self, message: &'a [u8], start: usize, wanted: u8) -> Option<Piece<'a>> {
        let first = start.saturating_add(self.prefix);
        let name = |at| Some(Piece::Name(Name::at(message, u16::try_from(at).ok()?)));
        match wanted {
            0 => message.get(start..first).map(Piece::Bytes),
            1 => name(first),
            2 if !self.has_second => Some(Piece::NONE),
            2 => name(Name::end(message, first)?),
            _ => {
                let suffix = message.len().checked_sub(self.suffix)?;
                message.get(suffix..).map(Piece::Bytes)
            }
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
    /// Whether the rest of the message from an offset on is sound rdata of this type; `None` if the type is another.
    pub(in crate::wire) fn check(
        message: &[u8],
        start: usize,
        floor: usize,
        rtype: RecordType,
    ) -> Option<bool> {
        Layout::of(rtype).map(|layout| layout.check(message, start, floor))
    }

    /// The rest of the message from an offset on, which is sound; `None` if the type is another.
    pub(in crate::wire) fn read(message: &'a [u8], start: u16, rtype: RecordType) -> Option<Self> {
        Layout::of(rtype).map(|_| Named {
            rtype,
            message,
            start,
        })
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
        let layout = Layout::of(self.rtype).filter(|_| at <= LAST)?;
        layout.piece(self.message, self.start.into(), at)
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
