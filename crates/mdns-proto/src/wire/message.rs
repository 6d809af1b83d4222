//! Messages, read.

use core::fmt;

use super::{
    Flags, Header, Question, Record, Section,
    reader::{self, HEADER_LEN},
};

/// How often a record of a packet is held against a question of it: every one against every one in whatever fits a frame of Ethernet,
/// where 29 names that are probed for have 58 records, and no more in what is larger and made to be compared.
const COMPARED_MAX: usize = 4096;

/// A received message, walked once and completely: reading it cannot fail.
///
/// Counts are claims, and devices make mistakes. What can be used is used:
///
/// - A question or record that is wrong inside sound bounds (an address of three bytes, a pointer that leads
///   nowhere) is left out, and the next one is read.
/// - Where the bounds themselves are wrong (a name without an end, an rdata length past the end, fewer records
///   than counted) the rest of the message is left out.
/// - Bytes after the last counted record are not looked at.
///
/// [`is_sound`](Self::is_sound) says that nothing was left out.
///
/// ```
/// use mdns_proto::wire::{Flags, Message, RecordType};
///
/// let bytes = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x07appletv\x05local\0\0\x01\0\x01";
/// let message = Message::parse(bytes)?;
/// assert_eq!(message.header().flags, Flags::QUERY);
/// let question = message.questions().next().unwrap();
/// assert_eq!(question.name.to_string(), "appletv.local");
/// assert_eq!(question.qtype, RecordType::A);
/// # Ok::<(), mdns_proto::wire::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    /// Questions, answers, authorities, additionals.
    parts: [Part; 4],
    whole: bool,
    /// No question or record was left out between others.
    gapless: bool,
}

/// A part of a message.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Where the first entry of this part begins.
    start: u16,
    /// Entries that can be used.
    count: u16,
}

/// Why nothing of a message can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer than the 12 bytes of a header.
    TooShort,
    /// More than 65,535 bytes: no datagram.
    TooLong,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::TooShort => "message shorter than its header of 12 bytes",
            ParseError::TooLong => "message longer than 65535 bytes",
        })
    }
}

impl core::error::Error for ParseError {}

impl<'a> Message<'a> {
    /// Walks a message.
    ///
    /// The work is in proportion to its length, whatever is in it, and nothing is allocated.
    ///
    /// # Errors
    ///
    /// Only if nothing of it can be used.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, ParseError> {
        if u16::try_from(bytes.len()).is_err() {
            return Err(ParseError::TooLong);
        }
        let (_, (id, flags, claims)) = reader::header(bytes).map_err(|_| ParseError::TooShort)?;
        let mut message = Message {
            bytes,
            header: Header {
                id,
                flags: Flags(flags),
            },
            parts: [Part::default(); 4],
            whole: true,
            gapless: true,
        };
        let mut at = HEADER_LEN;
        let mut is_question = true;
        for (part, claim) in message.parts.iter_mut().zip(claims) {
            // The message has no more than 65,535 bytes.
            part.start = u16::try_from(at).unwrap_or(u16::MAX);
            for _ in 0..claim {
                let checked = if is_question {
                    reader::check_question(bytes, at)
                } else {
                    reader::check_record(bytes, at)
                };
                let Some((end, is_sound)) = checked else {
                    message.whole = false;
                    return Ok(message);
                };
                at = end;
                part.count = part.count.saturating_add(u16::from(is_sound));
                message.gapless &= is_sound;
            }
            is_question = false;
        }
        Ok(message)
    }

    /// Id and flags.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The message as it was received.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the message ended no sooner than its counts said.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether everything the counts claim was there and was right.
    pub fn is_sound(&self) -> bool {
        self.whole && self.gapless
    }

    /// The questions.
    pub fn questions(&self) -> Questions<'a> {
        let [questions, ..] = self.parts;
        Questions(Walk::new(self, questions))
    }

    /// The answers; in a query, the known answers.
    pub fn answers(&self) -> Records<'a> {
        self.section(Section::Answer)
    }

    /// The authority records; in a probe, the proposed ones.
    pub fn authorities(&self) -> Records<'a> {
        self.section(Section::Authority)
    }

    /// The additional records.
    pub fn additionals(&self) -> Records<'a> {
        self.section(Section::Additional)
    }

    /// The records of one section.
    pub fn section(&self, section: Section) -> Records<'a> {
        let [_, answers, authorities, additionals] = self.parts;
        let part = match section {
            Section::Answer => answers,
            Section::Authority => authorities,
            Section::Additional => additionals,
        };
        Records(Walk::new(self, part))
    }

    /// All records in their order, each with its section.
    pub fn records(&self) -> impl Iterator<Item = (Section, Record<'a>)> + Clone + use<'a> {
        AllRecords {
            message: *self,
            section: Section::Answer,
            records: self.answers(),
        }
    }

    /// How many questions may be held against all records of a section, one by one, without more than [`COMPARED_MAX`] looks.
    pub(crate) fn compared_max(&self, section: Section) -> usize {
        let records = self.section(section).len();
        COMPARED_MAX.checked_div(records).unwrap_or(COMPARED_MAX)
    }

    /// How many questions there are to read.
    pub fn question_count(&self) -> usize {
        self.questions().len()
    }

    /// How many answers there are to read.
    pub fn answer_count(&self) -> usize {
        self.answers().len()
    }
}

/// Header, questions and records, a line each.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} sound: {}", self.header, self.is_sound())?;
        self.questions()
            .try_for_each(|question| writeln!(f, "{question}"))?;
        self.records()
            .try_for_each(|(section, record)| writeln!(f, "{section:?} {record}"))
    }
}

/// What both iterators are.
#[derive(Clone, Debug)]
struct Walk<'a> {
    message: &'a [u8],
    /// Where the next entry is.
    at: usize,
    /// Entries still to be told.
    left: u16,
    /// Something was left out and has to be told from the rest again.
    has_gaps: bool,
}

impl<'a> Walk<'a> {
    fn new(message: &Message<'a>, part: Part) -> Self {
        Walk {
            message: message.bytes,
            at: part.start.into(),
            left: part.count,
            has_gaps: !message.gapless,
        }
    }

    /// The next entry that is sound.
    #[inline]
    fn next<T>(
        &mut self,
        check: impl Fn(&'a [u8], usize) -> Option<(usize, bool)>,
        read: impl Fn(&'a [u8], usize) -> Option<(usize, T)>,
    ) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        while self.has_gaps
            && let (end, false) = check(self.message, self.at)?
        {
            self.at = end;
        }
        let (end, entry) = read(self.message, self.at)?;
        self.at = end;
        Some(entry)
    }
}

/// The questions of a message.
#[derive(Clone, Debug)]
pub struct Questions<'a>(Walk<'a>);

impl<'a> Iterator for Questions<'a> {
    type Item = Question<'a>;

    fn next(&mut self) -> Option<Question<'a>> {
        self.0.next(reader::check_question, reader::question)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left.into(), Some(self.0.left.into()))
    }
}

impl ExactSizeIterator for Questions<'_> {}

/// The records of one section of a message.
#[derive(Clone, Debug)]
pub struct Records<'a>(Walk<'a>);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Record<'a>> {
        self.0.next(reader::check_record, reader::record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left.into(), Some(self.0.left.into()))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// The records of all sections.
#[derive(Clone)]
struct AllRecords<'a> {
    message: Message<'a>,
    section: Section,
    records: Records<'a>,
}

impl<'a> Iterator for AllRecords<'a> {
    type Item = (Section, Record<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.records.next() {
                return Some((self.section, record));
            }
            self.section = match self.section {
                Section::Answer => Section::Authority,
                Section::Authority => Section::Additional,
                Section::Additional => return None,
            };
            self.records = self.message.section(self.section);
        }
    }
}

#[cfg(test)]
mod tests;
