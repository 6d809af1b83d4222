//! TXT: the attributes of a service (RFC 6763 §6).

use core::fmt;

use super::super::reader::{all_parse, string};
use crate::name::escape_quoted;

/// The rdata of a TXT: strings of up to 255 bytes, by convention `key=value` (RFC 6763 §6.3).
///
/// No rdata at all reads as the single empty string that says the same (RFC 6763 §6.1).
///
/// ```
/// use mdns_proto::wire::{Attribute, Txt};
///
/// let txt = Txt::from_wire(b"\x09key=value\x08paper=A4\x07passreq").unwrap();
/// assert_eq!(txt.get("PAPER"), Attribute::Value(b"A4"));
/// assert_eq!(txt.get("passreq"), Attribute::Present);
/// assert_eq!(txt.get("colour"), Attribute::Absent);
/// assert_eq!(txt.attributes().count(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Txt<'a> {
    /// Sound strings, at least one.
    bytes: &'a [u8],
}

/// What a TXT says of a key: four different things (RFC 6763 §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// Nothing.
    Absent,
    /// `key`: it is there, and has no value.
    Present,
    /// `key=value`, where the value may be empty.
    Value(&'a [u8]),
}

impl<'a> Txt<'a> {
    /// Nothing to say: one empty string (RFC 6763 §6.1).
    pub const EMPTY: Txt<'static> = Txt { bytes: &[0] };

    /// Strings, each with its length before it, if all are sound.
    pub fn from_wire(bytes: &'a [u8]) -> Option<Self> {
        all_parse(bytes, string).then_some(Txt::trusted(bytes))
    }

    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        match bytes {
            [] => Txt::EMPTY,
            bytes => Txt { bytes },
        }
    }

    /// The rdata; never without a byte.
    pub fn as_wire(&self) -> &'a [u8] {
        self.bytes
    }

    /// All strings, the empty ones too.
    pub fn strings(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let (after, found) = string(rest).ok()?;
            rest = after;
            Some(found)
        })
    }

    /// Keys with their values, in the order given; `None` is a key without `=`.
    ///
    /// Strings that are empty or begin with `=` say nothing and are left out. A key may come again, which then
    /// says nothing either (RFC 6763 §6.4) but is not left out here: [`get`](Self::get) takes the first.
    pub fn attributes(
        &self,
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone + use<'a> {
        self.strings().map(split).filter(|(key, _)| !key.is_empty())
    }

    /// What the first attribute of this key says, without regard to ASCII case.
    pub fn get(&self, key: &str) -> Attribute<'a> {
        let found = self
            .attributes()
            .find(|(found, _)| found.eq_ignore_ascii_case(key.as_bytes()));
        match found {
            None => Attribute::Absent,
            Some((_, None)) => Attribute::Present,
            Some((_, Some(value))) => Attribute::Value(value),
        }
    }
}

/// A string as key and value, cut at the first `=`.
fn split(string: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = string.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or_default(), parts.next())
}

/// Every string in quotes, with spaces between.
impl fmt::Display for Txt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, string) in self.strings().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}\"{}\"", escape_quoted(string))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Txt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an attribute cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TxtError {
    /// The key has no bytes.
    EmptyKey,
    /// The key has `=` or something that is not printable ASCII (RFC 6763 §6.4).
    KeyCharacter {
        /// Offset in the key, in bytes.
        at: usize,
    },
    /// The key is there already, perhaps in another case.
    Repeated,
    /// The string would have more than 255 bytes.
    TooLong {
        /// How many bytes it would have.
        len: usize,
    },
    /// There is no room for it.
    Full,
}

impl fmt::Display for TxtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TxtError::EmptyKey => f.write_str("empty key, at byte 0"),
            TxtError::KeyCharacter { at } => {
                write!(f, "key has '=' or is not printable ASCII, at byte {at}")
            }
            TxtError::Repeated => f.write_str("key given before"),
            TxtError::TooLong { len } => {
                write!(f, "key and value of {len} bytes, longer than 255")
            }
            TxtError::Full => f.write_str("no room for another string"),
        }
    }
}

impl core::error::Error for TxtError {}

/// An owned TXT of at most `N` bytes, built string by string.
///
/// ```
/// use mdns_proto::wire::{Attribute, TxtBuf, TxtError};
///
/// let mut txt = TxtBuf::<64>::new();
/// assert_eq!(txt.as_txt().as_wire(), [0]);
/// txt.push("path", Some(b"/x"))?;
/// txt.push("duplex", None)?;
/// assert_eq!(txt.as_txt().to_string(), r#""path=/x" "duplex""#);
/// assert_eq!(txt.push("Path", None), Err(TxtError::Repeated));
/// # Ok::<(), TxtError>(())
/// ```
#[derive(Clone, Default)]
pub struct TxtBuf<const N: usize> {
    /// Sound strings, perhaps none.
    bytes: heapless::Vec<u8, N>,
}

impl<const N: usize> TxtBuf<N> {
    /// Nothing to say.
    pub const fn new() -> Self {
        TxtBuf {
            bytes: heapless::Vec::new(),
        }
    }

    /// Adds an attribute; without a value, `key` alone (RFC 6763 §6.4).
    ///
    /// # Errors
    ///
    /// Says what is wrong; the TXT is then as it was.
    pub fn push(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), TxtError> {
        let len = check(self.as_txt(), key, value)?;
        let room = N.saturating_sub(self.bytes.len());
        if usize::from(len) >= room {
            return Err(TxtError::Full);
        }
        for byte in attribute(len, key, value) {
            self.bytes.push(byte).map_err(|_| TxtError::Full)?;
        }
        Ok(())
    }

    /// Adds a string as it is, attribute or not.
    ///
    /// # Errors
    ///
    /// If it is too long or does not fit; the TXT is then as it was.
    pub fn push_string(&mut self, string: &[u8]) -> Result<(), TxtError> {
        let len = length(string.len())?;
        let room = N.saturating_sub(self.bytes.len());
        if usize::from(len) >= room {
            return Err(TxtError::Full);
        }
        self.bytes.extend([len]);
        self.bytes.extend(string.iter().copied());
        Ok(())
    }

    /// This TXT, borrowed.
    pub fn as_txt(&self) -> Txt<'_> {
        Txt::trusted(&self.bytes)
    }
}

impl<const N: usize> fmt::Debug for TxtBuf<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_txt().fmt(f)
    }
}

/// An owned TXT that grows up to 65,535 bytes, built string by string like [`TxtBuf`].
#[cfg(feature = "alloc")]
#[derive(Clone, Default)]
pub struct TxtVec {
    /// Sound strings, perhaps none.
    bytes: alloc::vec::Vec<u8>,
}

#[cfg(feature = "alloc")]
impl TxtVec {
    /// Nothing to say.
    pub const fn new() -> Self {
        TxtVec {
            bytes: alloc::vec::Vec::new(),
        }
    }

    /// Adds an attribute; without a value, `key` alone (RFC 6763 §6.4).
    ///
    /// # Errors
    ///
    /// Says what is wrong; the TXT is then as it was.
    pub fn push(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), TxtError> {
        let len = check(self.as_txt(), key, value)?;
        self.make_room(len)?;
        self.bytes.extend(attribute(len, key, value));
        Ok(())
    }

    /// Adds a string as it is, attribute or not.
    ///
    /// # Errors
    ///
    /// If it is too long or does not fit; the TXT is then as it was.
    pub fn push_string(&mut self, string: &[u8]) -> Result<(), TxtError> {
        let len = length(string.len())?;
        self.make_room(len)?;
        self.bytes.push(len);
        self.bytes.extend_from_slice(string);
        Ok(())
    }

    /// This TXT, borrowed.
    pub fn as_txt(&self) -> Txt<'_> {
        Txt::trusted(&self.bytes)
    }

    fn make_room(&mut self, len: u8) -> Result<(), TxtError> {
        let room = usize::from(u16::MAX).saturating_sub(self.bytes.len());
        if usize::from(len) >= room {
            Err(TxtError::Full)
        } else {
            Ok(())
        }
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for TxtVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_txt().fmt(f)
    }
}

/// Whether an attribute may be added to `txt`, and how long its string is.
fn check(txt: Txt<'_>, key: &str, value: Option<&[u8]>) -> Result<u8, TxtError> {
    if key.is_empty() {
        return Err(TxtError::EmptyKey);
    }
    let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    if let Some(at) = key.bytes().position(|byte| !allowed(byte)) {
        return Err(TxtError::KeyCharacter { at });
    }
    let value_len = value.map_or(0, |value| value.len().saturating_add(1));
    let len = length(key.len().saturating_add(value_len))?;
    match txt.get(key) {
        Attribute::Absent => Ok(len),
        _ => Err(TxtError::Repeated),
    }
}

/// The length of a string as a byte.
fn length(len: usize) -> Result<u8, TxtError> {
    u8::try_from(len).map_err(|_| TxtError::TooLong { len })
}

/// An attribute as a string with its length before it.
fn attribute(len: u8, key: &str, value: Option<&[u8]>) -> impl Iterator<Item = u8> {
    let equals = value.map(|_| b'=');
    [len]
        .into_iter()
        .chain(key.bytes())
        .chain(equals)
        .chain(value.unwrap_or_default().iter().copied())
}
