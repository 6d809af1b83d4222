//! What records say, by type.
//!
//! Every rdata is a row of up to four pieces, each a name or plain bytes. What is the same for all types (length,
//! order, hash, writing) is said once, of pieces.

mod named;
mod nsec;
mod txt;

use core::{
    cmp::Ordering,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

#[cfg(feature = "alloc")]
pub use self::txt::TxtVec;
pub use self::{
    named::{Named, NamedParts},
    nsec::{Nsec, TypeSet, Types},
    txt::{Attribute, Txt, TxtBuf, TxtError},
};
use super::{RecordType, reader};
use crate::name::{KeyedHash, Name, escape_quoted};

/// What a record says.
///
/// Equal are rdata of one type with equal pieces: names without regard to ASCII case and to compression, all
/// else byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rdata<'a> {
    /// An IPv4 address (RFC 1035 §3.4.1).
    A(Ipv4Addr),
    /// An IPv6 address (RFC 3596 §2.2).
    Aaaa(Ipv6Addr),
    /// Another name: an instance, a service type, a host (RFC 1035 §3.3.12).
    Ptr(Name<'a>),
    /// The owner's true name (RFC 1035 §3.3.1).
    Cname(Name<'a>),
    /// Where a service is (RFC 2782).
    Srv(Srv<'a>),
    /// Attributes of a service (RFC 6763 §6).
    Txt(Txt<'a>),
    /// Which types the owner has (RFC 6762 §6.1).
    Nsec(Nsec<'a>),
    /// Processor and operating system (RFC 1035 §3.3.2).
    Hinfo(Hinfo<'a>),
    /// Options, which are no record of anybody's (RFC 6891); they reach no cache.
    Opt(&'a [u8]),
    /// Another type with names that may be compressed (RFC 6762 §18.14).
    Named(Named<'a>),
    /// Any other type, opaque (RFC 3597 §4). Names in it are not known as such.
    Other(RecordType, &'a [u8]),
}

/// Where a service is (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Srv<'a> {
    /// The lowest that can be reached is to be tried first.
    pub priority: u16,
    /// How often to choose this one among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; the root if the service is not available.
    pub target: Name<'a>,
}

/// Processor and operating system, each a text of up to 255 bytes (RFC 1035 §3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hinfo<'a> {
    /// At most 255 bytes.
    cpu: &'a [u8],
    /// At most 255 bytes.
    os: &'a [u8],
}

impl<'a> Hinfo<'a> {
    /// Both texts; `None` if one is longer than 255 bytes.
    pub fn new(cpu: &'a [u8], os: &'a [u8]) -> Option<Self> {
        let fits = |text: &[u8]| u8::try_from(text.len()).is_ok();
        (fits(cpu) && fits(os)).then_some(Hinfo { cpu, os })
    }

    /// The processor.
    pub fn cpu(&self) -> &'a [u8] {
        self.cpu
    }

    /// The operating system.
    pub fn os(&self) -> &'a [u8] {
        self.os
    }
}

/// A part of rdata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Name(Name<'a>),
    Bytes(&'a [u8]),
    /// Numbers and addresses, which lie nowhere as bytes.
    Number(Few),
}

/// At most 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Few {
    bytes: [u8; 16],
    len: u8,
}

impl Few {
    const NONE: Few = Few {
        bytes: [0; 16],
        len: 0,
    };

    fn new(from: &[u8]) -> Self {
        let mut few = Few::NONE;
        if let Some(to) = few.bytes.get_mut(..from.len()) {
            to.copy_from_slice(from);
            few.len = from.len() as u8;
        }
        few
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or(&self.bytes)
    }
}

impl<'a> Piece<'a> {
    const NONE: Piece<'static> = Piece::Bytes(&[]);

    fn number(bytes: &[u8]) -> Self {
        Piece::Number(Few::new(bytes))
    }

    fn len(&self) -> usize {
        match self {
            Piece::Name(name) => name.wire_len(),
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Number(few) => few.len.into(),
        }
    }
}

/// The pieces of rdata, each made when it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'r, 'a> {
    rdata: &'r Rdata<'a>,
    at: u8,
}

impl<'a> Iterator for Pieces<'_, 'a> {
    type Item = Piece<'a>;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Piece<'a>> {
        let piece = self.rdata.piece(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(piece)
    }
}

/// Pieces byte by byte, with names in flat form.
#[derive(Clone, Debug)]
struct Bytes<'a> {
    rdata: Rdata<'a>,
    /// How many pieces have been begun.
    begun: u8,
    /// The last of them.
    piece: Piece<'a>,
    /// How much of that piece has been read: of bytes and numbers how many, of names whether the final zero.
    done: usize,
    /// What is left of a label that has been begun.
    part: &'a [u8],
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<u8> {
        loop {
            if let Some((byte, part)) = self.part.split_first() {
                self.part = part;
                return Some(*byte);
            }
            let byte = match &mut self.piece {
                Piece::Bytes(bytes) => bytes.get(self.done).copied(),
                Piece::Number(few) => few.as_slice().get(self.done).copied(),
                Piece::Name(name) => {
                    let mut labels = name.labels();
                    if let Some(part) = labels.next_part() {
                        *name = labels.rest();
                        self.part = part;
                        continue;
                    }
                    (self.done == 0).then_some(0)
                }
            };
            self.done = self.done.saturating_add(1);
            if byte.is_some() {
                return byte;
            }
            let mut pieces = Pieces {
                rdata: &self.rdata,
                at: self.begun,
            };
            self.piece = pieces.next()?;
            self.begun = pieces.at;
            self.done = 0;
        }
    }
}

impl<'a> Rdata<'a> {
    /// Rdata of this type from its flat wire form, in which names are not compressed, as
    /// [`copy_to`](Self::copy_to) writes it; `None` if it is not sound.
    ///
    /// ```
    /// use mdns_proto::wire::{Rdata, RecordType};
    ///
    /// let rdata = Rdata::from_wire(RecordType::PTR, b"\x04hall\x05local\0").unwrap();
    /// assert_eq!(rdata.to_string(), "hall.local");
    /// assert_eq!(Rdata::from_wire(RecordType::A, &[192, 0, 2]), None);
    /// ```
    pub fn from_wire(rtype: RecordType, bytes: &'a [u8]) -> Option<Rdata<'a>> {
        u16::try_from(bytes.len()).ok()?;
        // Flat: there is nothing that a pointer could lead to.
        reader::check_rdata(bytes, 0, usize::MAX, rtype)
            .then(|| reader::rdata(bytes, 0, rtype))
            .flatten()
    }

    /// The type.
    pub fn rtype(&self) -> RecordType {
        match self {
            Rdata::A(_) => RecordType::A,
            Rdata::Aaaa(_) => RecordType::AAAA,
            Rdata::Ptr(_) => RecordType::PTR,
            Rdata::Cname(_) => RecordType::CNAME,
            Rdata::Srv(_) => RecordType::SRV,
            Rdata::Txt(_) => RecordType::TXT,
            Rdata::Nsec(_) => RecordType::NSEC,
            Rdata::Hinfo(_) => RecordType::HINFO,
            Rdata::Opt(_) => RecordType::OPT,
            Rdata::Named(named) => named.rtype(),
            Rdata::Other(rtype, _) => *rtype,
        }
    }

    /// The length in bytes with no name compressed: the most it takes.
    pub fn wire_len(&self) -> usize {
        let mut len = 0usize;
        for piece in self.pieces() {
            len = len.saturating_add(piece.len());
        }
        len
    }

    /// Writes the flat wire form at the front of `to` and says how long it is; `None` if it does not fit.
    pub fn copy_to(&self, to: &mut [u8]) -> Option<usize> {
        let to = to.get_mut(..self.wire_len())?;
        for (place, byte) in to.iter_mut().zip(self.bytes()) {
            *place = byte;
        }
        Some(to.len())
    }

    /// The order of RFC 6762 §8.2 among rdata of one type: byte by byte, unsigned, names not compressed; if one
    /// runs out, the longer is the greater.
    pub fn cmp_wire(&self, other: &Rdata<'_>) -> Ordering {
        let (mut ours, mut theirs) = (self.bytes(), other.bytes());
        loop {
            let (our, their) = (ours.next(), theirs.next());
            // None is less than any byte.
            if our != their || our.is_none() {
                return our.cmp(&their);
            }
        }
    }

    /// A hash under which equal rdata are equal, the type included.
    pub fn hash(&self, key: u64) -> u32 {
        let mut hash = KeyedHash::new(key);
        hash.bytes(&self.rtype().0.to_be_bytes());
        for piece in self.pieces() {
            match piece {
                Piece::Name(name) => hash.name(name),
                Piece::Bytes(bytes) => hash.bytes(bytes),
                Piece::Number(few) => hash.bytes(few.as_slice()),
            }
        }
        hash.finish()
    }

    /// The flat wire form, byte by byte.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        Bytes {
            rdata: *self,
            begun: 0,
            piece: Piece::NONE,
            done: 0,
            part: &[],
        }
    }

    /// Shows the flat wire form, part by part.
    pub(crate) fn try_each_part<E>(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for piece in self.pieces() {
            match piece {
                Piece::Name(name) => name.try_each_part(&mut each)?,
                Piece::Bytes(bytes) => each(bytes)?,
                Piece::Number(few) => each(few.as_slice())?,
            }
        }
        Ok(())
    }

    pub(super) fn pieces(&self) -> Pieces<'_, 'a> {
        Pieces { rdata: self, at: 0 }
    }

    /// One piece, by its number; `None` behind the last.
    fn piece(&self, at: u8) -> Option<Piece<'a>> {
        // At most 255.
        let len = |text: &[u8]| Piece::number(&[text.len() as u8]);
        Some(match (*self, at) {
            (Rdata::A(address), 0) => Piece::number(&address.octets()),
            (Rdata::Aaaa(address), 0) => Piece::number(&address.octets()),
            (Rdata::Ptr(name) | Rdata::Cname(name), 0) => Piece::Name(name),
            (Rdata::Srv(srv), 0) => {
                let [a, b] = srv.priority.to_be_bytes();
                let [c, d] = srv.weight.to_be_bytes();
                let [e, f] = srv.port.to_be_bytes();
                Piece::number(&[a, b, c, d, e, f])
            }
            (Rdata::Srv(srv), 1) => Piece::Name(srv.target),
            (Rdata::Txt(txt), 0) => Piece::Bytes(txt.as_wire()),
            (Rdata::Nsec(nsec), 0) => Piece::Name(nsec.next),
            (Rdata::Nsec(nsec), 1) => Piece::Bytes(nsec.types.as_wire()),
            (Rdata::Hinfo(hinfo), 0) => len(hinfo.cpu),
            (Rdata::Hinfo(hinfo), 1) => Piece::Bytes(hinfo.cpu),
            (Rdata::Hinfo(hinfo), 2) => len(hinfo.os),
            (Rdata::Hinfo(hinfo), 3) => Piece::Bytes(hinfo.os),
            (Rdata::Named(named), _) => return named.piece(at),
            (Rdata::Opt(bytes) | Rdata::Other(_, bytes), 0) => Piece::Bytes(bytes),
            _ => return None,
        })
    }
}

/// As in a zone file; what is not known as `\#`, length and hexadecimal digits (RFC 3597 §5).
impl fmt::Display for Rdata<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rdata::A(address) => address.fmt(f),
            Rdata::Aaaa(address) => address.fmt(f),
            Rdata::Ptr(name) | Rdata::Cname(name) => name.fmt(f),
            Rdata::Srv(srv) => write!(
                f,
                "{} {} {} {}",
                srv.priority, srv.weight, srv.port, srv.target
            ),
            Rdata::Txt(txt) => txt.fmt(f),
            Rdata::Nsec(nsec) => {
                write!(f, "{}", nsec.next)?;
                nsec.types
                    .iter()
                    .try_for_each(|rtype| write!(f, " {rtype}"))
            }
            Rdata::Hinfo(Hinfo { cpu, os }) => {
                write!(f, "\"{}\" \"{}\"", escape_quoted(cpu), escape_quoted(os))
            }
            Rdata::Named(named) => named.fmt(f),
            Rdata::Opt(bytes) | Rdata::Other(_, bytes) => {
                write!(f, "\\# {}", bytes.len())?;
                if !bytes.is_empty() {
                    f.write_str(" ")?;
                }
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
