//! One label as text (RFC 6763 §4.3), and text as one label.

use core::fmt::{self, Write as _};

use super::{LABEL_MAX, NameError, NameErrorKind};

/// A label as text: a dot and a backslash get a backslash, control characters and what is not UTF-8 become
/// `\DDD`, byte by byte.
///
/// ```
/// use mdns_proto::name::escape_label;
///
/// assert_eq!(escape_label("J. Smith’s".as_bytes()).to_string(), r"J\. Smith’s");
/// assert_eq!(escape_label(b"\x1b[2J").to_string(), r"\027[2J");
/// ```
pub fn escape_label(label: &[u8]) -> impl fmt::Display + '_ {
    Escaped {
        bytes: label,
        special: '.',
    }
}

/// Bytes as [`escape_label`] has them, but for quotes around rather than dots between.
pub(crate) fn escape_quoted(bytes: &[u8]) -> impl fmt::Display + '_ {
    Escaped {
        bytes,
        special: '"',
    }
}

struct Escaped<'a> {
    bytes: &'a [u8],
    /// What gets a backslash beside the backslash itself.
    special: char,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    c if c == self.special || c == '\\' => write!(f, "\\{c}")?,
                    // U+0080 to U+009F too: some terminals take them for escapes.
                    c if c.is_control() => decimal(f, c.encode_utf8(&mut [0; 4]).as_bytes())?,
                    c => f.write_char(c)?,
                }
            }
            decimal(f, chunk.invalid())?;
        }
        Ok(())
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\{byte:03}"))
}

/// The bytes of one label from text as [`escape_label`] writes it; a bare dot stands for itself.
///
/// # Errors
///
/// An escape that is none, more than [`LABEL_MAX`] bytes, or nothing at all; with the offset in the text.
pub fn unescape_label(text: &str) -> Result<heapless::Vec<u8, LABEL_MAX>, NameError> {
    let mut label = heapless::Vec::new();
    for symbol in symbols(text) {
        let (at, symbol) = symbol?;
        let byte = match symbol {
            Symbol::Byte(byte) => byte,
            Symbol::Dot => b'.',
        };
        label.push(byte).map_err(|_| NameError {
            kind: NameErrorKind::LabelTooLong,
            at,
        })?;
    }
    if label.is_empty() {
        return Err(NameError {
            kind: NameErrorKind::EmptyLabel,
            at: 0,
        });
    }
    Ok(label)
}

/// What a piece of text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A byte of a label.
    Byte(u8),
    /// A dot between labels.
    Dot,
}

/// Text symbol by symbol, each with its offset.
pub(super) fn symbols(text: &str) -> impl Iterator<Item = Result<(usize, Symbol), NameError>> + '_ {
    let mut bytes = text.bytes().enumerate();
    core::iter::from_fn(move || {
        let (at, byte) = bytes.next()?;
        let symbol = match byte {
            b'.' => Some(Symbol::Dot),
            b'\\' => escaped(&mut bytes).map(Symbol::Byte),
            byte => Some(Symbol::Byte(byte)),
        };
        Some(symbol.map(|symbol| (at, symbol)).ok_or(NameError {
            kind: NameErrorKind::BadEscape,
            at,
        }))
    })
}

/// The byte that an escape stands for, from what follows the backslash.
fn escaped(bytes: &mut impl Iterator<Item = (usize, u8)>) -> Option<u8> {
    let mut next = || bytes.next().map(|(_, byte)| byte);
    let first = next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    [first, next()?, next()?]
        .into_iter()
        .try_fold(0u8, |sum, byte| {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            sum.checked_mul(10)?.checked_add(digit)
        })
}

/// The longest front of `text` of at most `len_max` bytes that ends between characters.
///
/// ```
/// use mdns_proto::name::cut_label;
///
/// assert_eq!(cut_label("Büro", 2), "B");
/// assert_eq!(cut_label("Büro", 63), "Büro");
/// ```
pub fn cut_label(text: &str, len_max: usize) -> &str {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=len_max.min(text.len())).rev().find(fits);
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
