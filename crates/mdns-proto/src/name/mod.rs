//! Names: a sequence of labels of up to 63 bytes, any bytes at all (RFC 1035 §3.1, RFC 2181 §11).
//!
//! [`Name`] is borrowed and lies where it was found: in a message, following compression pointers, or flat
//! in a store. [`NameBuf`] owns its bytes. Both are valid by construction, so reading them cannot fail.
//! They compare as RFC 4343 has it: ASCII letters without case, all other bytes as they are.
//!
//! No normalization is done: what is UTF-8 in precomposed form (RFC 6762 §16) stays so, and what is not is
//! kept byte by byte.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used
    )
)]

mod buf;
mod hash;
mod label;
mod service;

use core::fmt;

pub use self::{
    buf::{NameBuf, reverse_name},
    label::{cut_label, escape_label, unescape_label},
    service::{
        LabelError, META_QUERY, ServiceError, ServiceType, check_host, check_instance,
        split_instance,
    },
};
pub(crate) use self::{
    hash::KeyedHash, label::escape_quoted, service::LOCAL, service::is_browse_result,
    service::push_subtype,
};

/// The longest label, in bytes (RFC 1035 §2.3.4).
pub const LABEL_MAX: usize = 63;

/// The longest name on the wire, in bytes with the final zero: RFC 6762 appendix C allows 255 and the zero.
pub const NAME_MAX: usize = 256;

/// Pointers followed in one name before it is called hostile; a name has at most 127 labels.
const HOPS_MAX: u8 = 128;

/// A borrowed name, valid by construction.
///
/// ```
/// use mdns_proto::name::{Name, NameBuf};
///
/// const LOCAL: Name<'static> = Name::from_static(b"\x05local\0");
/// let host: NameBuf = "Hall.local".parse()?;
/// assert!(host.as_name().ends_with(LOCAL));
/// assert_eq!(host.as_name().first_label(), Some(&b"Hall"[..]));
/// assert_eq!(host.as_name().to_string(), "Hall.local");
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// The whole message, or the flat name. From `start` on, labels and pointers make a valid name.
    bytes: &'a [u8],
    start: u16,
}

/// What is wrong with a name, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What is wrong.
    pub kind: NameErrorKind,
    /// Where: an offset in bytes into the text or the flat name.
    pub at: usize,
}

/// What can be wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// A label is longer than [`LABEL_MAX`] bytes.
    LabelTooLong,
    /// The name is longer than [`NAME_MAX`] bytes on the wire.
    NameTooLong,
    /// A label is empty: the text is empty, begins with a dot, or has two dots in a row.
    EmptyLabel,
    /// A backslash is followed neither by three digits up to 255 nor by a character to take as it is.
    BadEscape,
    /// The bytes end before the name does.
    Truncated,
    /// A length byte with top bits 01 or 10, which mean nothing (RFC 1035 §4.1.4).
    LabelType,
    /// A compression pointer, which has no place in a flat name.
    Pointer,
    /// The name ends before the bytes do.
    TrailingBytes,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            NameErrorKind::LabelTooLong => "label longer than 63 bytes",
            NameErrorKind::NameTooLong => "name longer than 255 bytes",
            NameErrorKind::EmptyLabel => "empty label",
            NameErrorKind::BadEscape => "backslash not followed by a character or by three digits",
            NameErrorKind::Truncated => "name ends inside a label",
            NameErrorKind::LabelType => "unknown label type",
            NameErrorKind::Pointer => "compression pointer where there is nothing to point to",
            NameErrorKind::TrailingBytes => "name ends before its bytes do",
        };
        write!(f, "{what}, at byte {}", self.at)
    }
}

impl core::error::Error for NameError {}

impl<'a> Name<'a> {
    /// The root: no labels at all.
    pub const ROOT: Name<'static> = Name {
        bytes: &[0],
        start: 0,
    };

    /// The name in flat wire form: labels, a final zero, no pointers, nothing after it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the bytes and where.
    pub const fn from_wire(bytes: &'a [u8]) -> Result<Name<'a>, NameError> {
        let mut rest = bytes;
        loop {
            #[expect(
                clippy::arithmetic_side_effects,
                reason = "`rest` is a tail of `bytes`"
            )]
            let at = bytes.len() - rest.len();
            let kind = match rest.split_first() {
                Some((0, [])) if bytes.len() <= NAME_MAX => return Ok(Name { bytes, start: 0 }),
                Some((0, [])) => NameErrorKind::NameTooLong,
                Some((0, _)) => NameErrorKind::TrailingBytes,
                Some((&len @ 1..=63, tail)) => match tail.split_at_checked(len as usize) {
                    Some((_, tail)) => {
                        rest = tail;
                        continue;
                    }
                    None => NameErrorKind::Truncated,
                },
                Some((192.., _)) => NameErrorKind::Pointer,
                Some(_) => NameErrorKind::LabelType,
                None => NameErrorKind::Truncated,
            };
            return Err(NameError { kind, at });
        }
    }

    /// [`from_wire`](Self::from_wire) for constants.
    ///
    /// # Panics
    ///
    /// If the bytes are not a name; in a `const`, that is at compile time.
    pub const fn from_static(bytes: &'static [u8]) -> Name<'static> {
        match Name::from_wire(bytes) {
            Ok(name) => name,
            Err(_) => panic!("not a name in flat wire form"),
        }
    }

    /// A name from a store, which holds only what [`copy_to`](Self::copy_to) wrote.
    pub(crate) const fn stored(bytes: &'a [u8]) -> Name<'a> {
        Name { bytes, start: 0 }
    }

    /// The labels, without the root.
    pub fn labels(self) -> Labels<'a> {
        Labels {
            bytes: self.bytes,
            at: self.start.into(),
        }
    }

    /// Whether there are no labels.
    pub fn is_root(self) -> bool {
        self.first_label().is_none()
    }

    /// The first label, if this is not the root.
    pub fn first_label(self) -> Option<&'a [u8]> {
        self.labels().next()
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(self) -> Option<Name<'a>> {
        let mut labels = self.labels();
        labels.next()?;
        Some(labels.rest())
    }

    /// The length in bytes of the flat wire form, with the final zero: `1..=256`.
    pub fn wire_len(self) -> usize {
        let mut labels = self.labels();
        let mut len = 1usize;
        while let Some(part) = labels.next_part() {
            len = len.saturating_add(part.len());
        }
        len
    }

    /// Whether the last labels are those of `zone`, without regard to ASCII case (RFC 6762 §3).
    pub fn ends_with(self, zone: Name<'_>) -> bool {
        let Some(extra) = self.labels().count().checked_sub(zone.labels().count()) else {
            return false;
        };
        same_labels(self.labels().skip(extra), zone.labels())
    }

    /// Whether multicast DNS is the place to ask: `.local.` and the reverse zones of link-local addresses
    /// (RFC 6762 §22.1).
    pub fn is_link_local(self) -> bool {
        const REVERSE_ZONES: [Name<'static>; 5] = [
            Name::from_static(b"\x03254\x03169\x07in-addr\x04arpa\0"),
            Name::from_static(b"\x018\x01e\x01f\x03ip6\x04arpa\0"),
            Name::from_static(b"\x019\x01e\x01f\x03ip6\x04arpa\0"),
            Name::from_static(b"\x01a\x01e\x01f\x03ip6\x04arpa\0"),
            Name::from_static(b"\x01b\x01e\x01f\x03ip6\x04arpa\0"),
        ];
        // Nearly every name that is seen ends in the one or the other.
        match self.labels().last() {
            Some(label) if label.eq_ignore_ascii_case(b"local") => true,
            Some(label) if label.eq_ignore_ascii_case(b"arpa") => {
                REVERSE_ZONES.into_iter().any(|zone| self.ends_with(zone))
            }
            _ => false,
        }
    }

    /// Writes the flat wire form at the front of `to` and says how long it is; `None` if it does not fit.
    pub fn copy_to(self, to: &mut [u8]) -> Option<usize> {
        let mut labels = self.labels();
        let mut len = 0usize;
        loop {
            let part = labels.next_part().unwrap_or(&[0]);
            let (place, _) = to.get_mut(len..)?.split_at_mut_checked(part.len())?;
            place.copy_from_slice(part);
            len = len.saturating_add(part.len());
            if let [0] = part {
                return Some(len);
            }
        }
    }

    /// Shows the flat wire form, part by part: each label with its length, and the final zero.
    pub(crate) fn try_each_part<E>(
        self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut labels = self.labels();
        while let Some(part) = labels.next_part() {
            each(part)?;
        }
        each(&[0])
    }

    /// A hash under which equal names are equal, whatever their case and compression.
    ///
    /// Who does not know `key` cannot aim for collisions.
    pub fn hash(self, key: u64) -> u32 {
        let mut hash = KeyedHash::new(key);
        hash.name(self);
        hash.finish()
    }

    /// Whether both names have the same bytes, case included.
    pub fn eq_case(self, other: Name<'_>) -> bool {
        let (mut ours, mut theirs) = (self.labels(), other.labels());
        loop {
            match (ours.next_part(), theirs.next_part()) {
                (None, None) => return true,
                (Some(our), Some(their)) if our == their => {}
                _ => return false,
            }
        }
    }

    /// Checks the name at an offset: where it ends, and whether all of it is sound. `None` if its end cannot be found; a name
    /// whose pointer leads nowhere has an end all the same.
    ///
    /// Pointers must lead to `floor` or beyond, and before the part of the name they end: every hop goes
    /// strictly lower (RFC 1035 §4.1.4, RFC 9267 §2). The work is bounded by [`NAME_MAX`] and [`HOPS_MAX`].
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn check(message: &[u8], start: usize, floor: usize) -> Option<(usize, bool)> {
        let mut room = NAME_MAX - 1;
        let (end, mut pointer) = labels_at(message, start, &mut room)?;
        let mut part = start;
        for _ in 0..=HOPS_MAX {
            let Some(target) = pointer else {
                return Some((end, true));
            };
            if target >= part || target < floor {
                break;
            }
            let Some((_, next)) = labels_at(message, target, &mut room) else {
                break;
            };
            part = target;
            pointer = next;
        }
        Some((end, false))
    }

    /// The name at an offset where a sound one is.
    pub(crate) fn at(message: &'a [u8], start: u16) -> Self {
        Name {
            bytes: message,
            start,
        }
    }

    /// Where the sound name at an offset ends.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn end(message: &[u8], start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            match *message.get(at)? {
                0 => return Some(at.saturating_add(1)),
                len @ 1..=63 => at = at.saturating_add(usize::from(len).saturating_add(1)),
                _ => return Some(at.saturating_add(2)),
            }
        }
    }
}

/// Passes the labels at an offset, up to a zero or a pointer: where they end, and where the pointer leads.
/// `None` if they do not end, or take more than `room`, from which they are taken.
#[inline]
fn labels_at(message: &[u8], start: usize, room: &mut usize) -> Option<(usize, Option<usize>)> {
    let mut at = start;
    loop {
        let len = *message.get(at)?;
        at = at.saturating_add(1);
        match len {
            0 => return Some((at, None)),
            1..=63 => {
                at = at.saturating_add(len.into());
                *room = room.checked_sub(usize::from(len).saturating_add(1))?;
            }
            64..=191 => return None,
            192.. => {
                let target = pointer_target(len, *message.get(at)?);
                return Some((at.saturating_add(1), Some(target)));
            }
        }
    }
}

/// Where a pointer of these two bytes leads.
fn pointer_target(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high & 0x3f, low]))
}

/// Whether two rows of labels are the same, without regard to ASCII case (RFC 4343 §3).
fn same_labels<'a, 'b>(
    mut a: impl Iterator<Item = &'a [u8]>,
    mut b: impl Iterator<Item = &'b [u8]>,
) -> bool {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            // Most are the same to the byte, which is seen sooner.
            (Some(a), Some(b)) if a == b || a.eq_ignore_ascii_case(b) => {}
            _ => return false,
        }
    }
}

/// The labels of a name, from the left, without the root.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    bytes: &'a [u8],
    /// Where in `bytes` the next label is, or a pointer to it.
    at: usize,
}

impl<'a> Labels<'a> {
    /// Where the next label begins, with its length before it, and ends.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    #[cfg_attr(target_os = "none", inline(never))]
    fn advance(&mut self) -> Option<(usize, usize)> {
        loop {
            let start = self.at;
            match *self.bytes.get(start)? {
                0 => return None,
                len @ 1..=63 => {
                    self.at = start.saturating_add(usize::from(len).saturating_add(1));
                    return Some((start, self.at));
                }
                len => {
                    self.at = pointer_target(len, *self.bytes.get(start.saturating_add(1))?);
                }
            }
        }
    }

    /// The next label with its length before it.
    #[inline]
    pub(crate) fn next_part(&mut self) -> Option<&'a [u8]> {
        let (start, end) = self.advance()?;
        self.bytes.get(start..end)
    }

    /// The labels not yet taken, as a name.
    pub fn rest(&self) -> Name<'a> {
        Name {
            bytes: self.bytes,
            start: u16::try_from(self.at).unwrap_or(u16::MAX),
        }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (start, end) = self.advance()?;
        self.bytes.get(start.saturating_add(1)..end)
    }
}

impl PartialEq<Name<'_>> for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        same_labels(self.labels(), other.labels())
    }
}

impl Eq for Name<'_> {}

/// Labels joined by dots, escaped as RFC 6763 §4.3 has it, without a final dot; `.` for the root.
///
/// No control character comes out, whatever the labels hold, and [`NameBuf`] reads the text back.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels = self.labels();
        match labels.next() {
            None => return f.write_str("."),
            Some(first) => write!(f, "{}", escape_label(first))?,
        }
        labels.try_for_each(|label| write!(f, ".{}", escape_label(label)))
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
