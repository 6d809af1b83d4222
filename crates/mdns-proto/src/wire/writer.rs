//! Messages, written.

use core::fmt;

use super::{
    Header, Question, Rdata, Record, RecordType, Section, rdata::Piece, reader::HEADER_LEN,
};
use crate::name::Name;

/// Where names may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Compression {
    /// Owners, and all rdata that RFC 6762 §18.14 lists.
    #[default]
    Full,
    /// Owners, and rdata of the types of RFC 1035, which every resolver expects: in answers to legacy queries an
    /// SRV target must be plain (RFC 6762 §18.14).
    Legacy,
}

/// It does not fit, and nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room left in the message")
    }
}

impl core::error::Error for Full {}

/// Writes a message into the caller's buffer.
///
/// Questions come first, then the sections in their order. Each question and record goes in whole or not at
/// all, and what has gone in can be taken back to a [`mark`](Self::mark). Names are compressed against names
/// of the same case only, so that every name keeps its own (RFC 6762 §16).
///
/// ```
/// use mdns_proto::{name::NameBuf, wire::{Flags, Header, Message, Question, RecordType, Writer}};
///
/// let name: NameBuf = "_ipp._tcp.local".parse()?;
/// let mut buffer = [0; 512];
/// let header = Header { id: 0, flags: Flags::QUERY };
/// let mut writer = Writer::new(&mut buffer, 512, header);
/// writer.question(&Question::new(name.as_name(), RecordType::PTR)).unwrap();
/// let len = writer.finish();
/// assert_eq!(len, 12 + 17 + 4);
/// assert_eq!(Message::parse(&buffer[..len]).unwrap().question_count(), 1);
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    /// No longer than the limit; empty if not even a header fits.
    buffer: &'b mut [u8],
    /// Written so far.
    len: usize,
    header: Header,
    compression: Compression,
    /// Questions, answers, authorities, additionals.
    counts: [u16; 4],
    suffixes: Suffixes,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    len: usize,
    counts: [u16; 4],
}

impl<'b> Writer<'b> {
    /// A message without questions and records, to be at most `limit` bytes long.
    ///
    /// If not even the 12 bytes of the header fit, all that follows is [`Full`] and nothing is written.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn new(buffer: &'b mut [u8], limit: usize, header: Header) -> Self {
        let limit = match limit.min(buffer.len()).min(usize::from(u16::MAX)) {
            0..HEADER_LEN => 0,
            limit => limit,
        };
        Writer {
            buffer: buffer.get_mut(..limit).unwrap_or_default(),
            len: limit.min(HEADER_LEN),
            header,
            compression: Compression::Full,
            counts: [0; 4],
            suffixes: Suffixes::EMPTY,
        }
    }

    /// Where names may be compressed from here on.
    pub fn set_compression(&mut self, compression: Compression) {
        self.compression = compression;
    }

    /// Sets TC: more known answers follow (RFC 6762 §7.2), or an answer was too long (§18.5).
    pub fn set_truncated(&mut self, truncated: bool) {
        self.header.flags = self.header.flags.with_truncated(truncated);
    }

    /// Adds a question.
    ///
    /// # Errors
    ///
    /// If it does not fit.
    pub fn question(&mut self, question: &Question<'_>) -> Result<(), Full> {
        self.entry(0, |writer| {
            writer.name(question.name, true)?;
            writer.number(question.qtype.0)?;
            writer.number(question.qclass.to_wire(question.unicast))
        })
    }

    /// Adds the first question, with those letters of its name in the other case that a bit is set for. Before it there is nothing
    /// to point to: all of its name is written.
    pub(crate) fn first_question(
        &mut self,
        question: &Question<'_>,
        case: &[u8; 32],
    ) -> Result<(), Full> {
        debug_assert!(self.is_empty(), "this is the first");
        let start = self.len;
        self.question(question)?;
        let name = self.buffer.get_mut(start..).unwrap_or_default();
        for (at, byte) in name.iter_mut().enumerate().take(question.name.wire_len()) {
            let bits = case.get(at / 8).copied().unwrap_or(0);
            // The byte of a length is at most 63, which is no letter.
            if byte.is_ascii_alphabetic() {
                *byte ^= (bits >> (at % 8) & 1) << 5;
            }
        }
        Ok(())
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// If it does not fit.
    pub fn record(&mut self, section: Section, record: &Record<'_>) -> Result<(), Full> {
        let part = match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        };
        self.entry(part, |writer| {
            writer.name(record.name, true)?;
            let [t1, t2] = record.rtype().0.to_be_bytes();
            let [c1, c2] = record.class.to_wire(record.cache_flush).to_be_bytes();
            let [s1, s2, s3, s4] = record.ttl.0.to_be_bytes();
            writer.array([t1, t2, c1, c2, s1, s2, s3, s4])?;
            writer.rdata(&record.rdata)
        })
    }

    /// This point, to come back to.
    pub fn mark(&self) -> Mark {
        Mark {
            len: self.len,
            counts: self.counts,
        }
    }

    /// Takes back all questions and records since `mark` was made of this writer.
    pub fn rollback(&mut self, mark: Mark) {
        self.len = mark.len.min(self.len);
        self.counts = mark.counts;
        self.suffixes.forget_from(self.len);
    }

    /// Bytes so far, with the header.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no question and no record.
    pub fn is_empty(&self) -> bool {
        self.counts == [0; 4]
    }

    /// How many questions there are.
    pub fn question_count(&self) -> usize {
        let [questions, ..] = self.counts;
        questions.into()
    }

    /// How many records there are in all sections.
    pub fn record_count(&self) -> usize {
        let [_, records @ ..] = self.counts;
        records.into_iter().map(usize::from).sum()
    }

    /// Completes the message, and says how long it is.
    #[inline(always)]
    pub fn finish(self) -> usize {
        let Header { id, flags } = self.header;
        let [qd, an, ns, ar] = self.counts;
        let (words, _) = self.buffer.as_chunks_mut();
        for (place, word) in words.iter_mut().zip([id, flags.0, qd, an, ns, ar]) {
            *place = word.to_be_bytes();
        }
        self.len
    }

    /// Adds what `write` writes as one more of a part of the message, whole or not at all.
    fn entry(
        &mut self,
        part: usize,
        write: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mark = self.mark();
        let in_order = self
            .counts
            .iter()
            .skip(part.saturating_add(1))
            .all(|count| *count == 0);
        debug_assert!(in_order, "sections are written in their order");
        let count = self.counts.get_mut(part).filter(|_| in_order).ok_or(Full)?;
        *count = count.checked_add(1).ok_or(Full)?;
        let written = write(self);
        if written.is_err() {
            self.rollback(mark);
        }
        written
    }

    fn rdata(&mut self, rdata: &Rdata<'_>) -> Result<(), Full> {
        let length_at = self.len;
        self.number(0)?;
        let start = self.len;
        let compress = match self.compression {
            Compression::Full => true,
            Compression::Legacy => matches!(
                rdata.rtype(),
                RecordType::PTR
                    | RecordType::CNAME
                    | RecordType::NS
                    | RecordType::MX
                    | RecordType::SOA
            ),
        };
        for piece in rdata.pieces() {
            match piece {
                Piece::Name(name) => self.name(name, compress)?,
                Piece::Bytes(bytes) => self.bytes(bytes)?,
                Piece::Number(few) => self.bytes(few.as_slice())?,
            }
        }
        let length = u16::try_from(self.len.saturating_sub(start)).map_err(|_| Full)?;
        let place = self
            .buffer
            .get_mut(length_at..)
            .and_then(<[u8]>::first_chunk_mut);
        *place.ok_or(Full)? = length.to_be_bytes();
        Ok(())
    }

    /// A name, up to the longest suffix that is in the message already if `compress`.
    fn name(&mut self, name: Name<'_>, compress: bool) -> Result<(), Full> {
        let start = self.len;
        let mut left = name.wire_len();
        let mut labels = name.labels();
        loop {
            let suffix = labels.rest();
            let Some(part) = labels.next_part() else {
                return self.bytes(&[0]);
            };
            let hash = SuffixHash::new(part, left);
            // Not what this name itself has put there, of which the end is not written.
            let written = self.buffer.get(..start).unwrap_or_default();
            let is_suffix = |at| Name::at(written, at).eq_case(suffix);
            match self.suffixes.find(hash, is_suffix) {
                Place::Written(at) if compress => return self.number(0xc000 | at),
                Place::Written(_) | Place::None => {}
                Place::Free(place) => self.suffixes.insert(place, hash, self.len),
            }
            self.bytes(part)?;
            left = left.saturating_sub(part.len());
        }
    }

    fn number(&mut self, number: u16) -> Result<(), Full> {
        self.array(number.to_be_bytes())
    }

    #[inline]
    fn array<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), Full> {
        let rest = self.buffer.get_mut(self.len..).unwrap_or_default();
        *rest.first_chunk_mut().ok_or(Full)? = bytes;
        self.len = self.len.saturating_add(N);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let rest = self.buffer.get_mut(self.len..).unwrap_or_default();
        let (place, _) = rest.split_at_mut_checked(bytes.len()).ok_or(Full)?;
        place.copy_from_slice(bytes);
        self.len = self.len.saturating_add(bytes.len());
        Ok(())
    }
}

/// A hash of a suffix of a name: of its first label, and of how long it is. The labels behind are compared, not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SuffixHash(u32);

impl SuffixHash {
    const FACTOR: u32 = 0x9e37_79b1;

    /// Of the suffix that begins with `part`, a label with its length before it, and takes `len` bytes.
    #[inline]
    fn new(part: &[u8], len: usize) -> Self {
        let add =
            |hash: u32, word: u32| (hash.rotate_left(5) ^ word).wrapping_mul(SuffixHash::FACTOR);
        let (words, rest) = part.as_chunks();
        // A name has at most 256 bytes.
        let hash = words.iter().fold(len as u32, |hash, word| {
            add(hash, u32::from_le_bytes(*word))
        });
        let last = rest
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
        SuffixHash(add(hash, last))
    }

    /// Where in the table to look first, and the two bits that are kept there.
    fn place(self) -> (usize, u16) {
        let [high, low, ..] = self.0.to_be_bytes();
        (
            usize::from(low) & (SUFFIXES - 1),
            u16::from(high) << 8 & !Suffix::AT,
        )
    }
}

/// Slots of the table.
const SUFFIXES: usize = 128;

/// Slots looked at for one suffix. If all are taken the suffix is not remembered.
const NEIGHBOURS: usize = 8;

/// Where in the message suffixes of names are, by their hashes.
#[derive(Debug)]
struct Suffixes([Suffix; SUFFIXES]);

/// A slot: an offset below 0x4000, or zero for none, and above it two bits of a hash. Most suffixes that are not the one looked
/// for differ in these or in their first bytes.
#[derive(Clone, Copy, Debug)]
struct Suffix(u16);

impl Suffix {
    /// The bits of the offset, as many as a pointer has (RFC 1035 §4.1.4).
    const AT: u16 = 0x3fff;

    fn at(self) -> u16 {
        self.0 & Suffix::AT
    }
}

/// Where a suffix is, or may be kept.
enum Place {
    /// In the message, at this offset.
    Written(u16),
    /// Nowhere; this slot is free for it.
    Free(usize),
    /// Nowhere, and all slots that it may be kept in are taken.
    None,
}

impl Suffixes {
    const EMPTY: Suffixes = Suffixes([Suffix(0); SUFFIXES]);

    /// Looks for a suffix, up to the first slot that is free.
    fn find(&self, hash: SuffixHash, is_suffix: impl Fn(u16) -> bool) -> Place {
        let (first, bits) = hash.place();
        for step in 0..NEIGHBOURS {
            let place = first.wrapping_add(step) & (SUFFIXES - 1);
            let Some(slot) = self.0.get(place) else {
                break;
            };
            if slot.at() == 0 {
                return Place::Free(place);
            }
            if slot.0 & !Suffix::AT == bits && is_suffix(slot.at()) {
                return Place::Written(slot.at());
            }
        }
        Place::None
    }

    /// Remembers that the suffix with this hash is at an offset, if a pointer can lead there.
    fn insert(&mut self, place: usize, hash: SuffixHash, at: usize) {
        let at = u16::try_from(at).ok().filter(|at| *at <= Suffix::AT);
        if let Some((slot, at)) = self.0.get_mut(place).zip(at) {
            let (_, bits) = hash.place();
            *slot = Suffix(bits | at);
        }
    }

    fn forget_from(&mut self, len: usize) {
        for slot in &mut self.0 {
            if usize::from(slot.at()) >= len {
                *slot = Suffix(0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
