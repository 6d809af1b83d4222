//! A name that owns its bytes.

use core::{fmt, net::IpAddr, str::FromStr};

use super::{
    LABEL_MAX, NAME_MAX, Name, NameError, NameErrorKind,
    label::{Symbol, symbols},
};

/// The longest name in unicast DNS, in bytes with the final zero (RFC 1035 §2.3.4). Our own names keep to it.
const UNICAST_MAX: usize = 255;

/// An owned name of up to [`NAME_MAX`] bytes on the wire, built label by label or read from text.
///
/// ```
/// use mdns_proto::name::NameBuf;
///
/// let name: NameBuf = r"Dev\. Box._http._tcp.local.".parse()?;
/// assert_eq!(name.as_name().labels().count(), 4);
/// assert_eq!(name.to_string(), r"Dev\. Box._http._tcp.local");
///
/// let error = "a..local".parse::<NameBuf>().unwrap_err();
/// assert_eq!(error.to_string(), "empty label, at byte 2");
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Clone)]
pub struct NameBuf {
    /// A flat name of `len` bytes, then zeros.
    bytes: [u8; NAME_MAX],
    /// `1..=NAME_MAX`.
    len: u16,
}

impl NameBuf {
    /// The root.
    pub const fn new() -> Self {
        NameBuf {
            bytes: [0; NAME_MAX],
            len: 1,
        }
    }

    /// A name of these labels.
    ///
    /// # Errors
    ///
    /// As [`push_label`](Self::push_label).
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, NameError> {
        let mut name = NameBuf::new();
        for label in labels {
            name.push_label(label)?;
        }
        Ok(name)
    }

    /// Adds a label at the end, before the root.
    ///
    /// # Errors
    ///
    /// If the label is empty or longer than [`LABEL_MAX`] bytes, or the name would be longer than [`NAME_MAX`]. The
    /// name is then as it was; the place told is where in its flat form the label would have begun.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn push_label(&mut self, label: &[u8]) -> Result<(), NameError> {
        let at = usize::from(self.len).saturating_sub(1);
        let error = |kind| NameError { kind, at };
        if label.is_empty() {
            return Err(error(NameErrorKind::EmptyLabel));
        }
        let len = u8::try_from(label.len())
            .ok()
            .filter(|len| usize::from(*len) <= LABEL_MAX)
            .ok_or(error(NameErrorKind::LabelTooLong))?;
        let whole = self.len.saturating_add(u16::from(len)).saturating_add(1);
        let rest = self.bytes.get_mut(at..).unwrap_or_default();
        match rest.split_first_mut() {
            // One byte must remain for the root, which is there already.
            Some((first, rest)) if rest.len() > label.len() => {
                *first = len;
                for (place, byte) in rest.iter_mut().zip(label) {
                    *place = *byte;
                }
                self.len = whole;
                Ok(())
            }
            _ => Err(error(NameErrorKind::NameTooLong)),
        }
    }

    /// Adds all labels of `name` at the end.
    ///
    /// # Errors
    ///
    /// If the name would be longer than [`NAME_MAX`]; it is then as it was.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn push_name(&mut self, name: Name<'_>) -> Result<(), NameError> {
        let at = usize::from(self.len).saturating_sub(1);
        let copied = self.bytes.get_mut(at..).and_then(|rest| name.copy_to(rest));
        let whole = copied.and_then(|len| u16::try_from(at.saturating_add(len)).ok());
        if let Some(whole) = whole {
            self.len = whole;
            return Ok(());
        }
        // Part of it may have been written.
        self.bytes.iter_mut().skip(at).for_each(|byte| *byte = 0);
        Err(NameError {
            kind: NameErrorKind::NameTooLong,
            at,
        })
    }

    /// Whether unicast DNS allows the length too: 255 bytes with the final zero (RFC 1035 §2.3.4).
    ///
    /// A name that we receive may have one byte more; a name that we register may not.
    pub fn fits_unicast(&self) -> bool {
        usize::from(self.len) <= UNICAST_MAX
    }

    /// This name, borrowed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn as_name(&self) -> Name<'_> {
        Name {
            bytes: self.as_wire(),
            start: 0,
        }
    }

    /// The flat wire form, with the final zero.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn as_wire(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[0])
    }
}

impl Default for NameBuf {
    fn default() -> Self {
        NameBuf::new()
    }
}

impl From<Name<'_>> for NameBuf {
    fn from(name: Name<'_>) -> Self {
        let mut owned = NameBuf::new();
        let pushed = owned.push_name(name);
        debug_assert!(pushed.is_ok(), "a valid name fits");
        owned
    }
}

/// Reads escaped text (RFC 6763 §4.3): `\.`, `\\`, and `\DDD` for any byte. A final dot may be there or not.
impl FromStr for NameBuf {
    type Err = NameError;

    #[cfg_attr(target_os = "none", inline(never))]
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut name = NameBuf::new();
        if text == "." {
            return Ok(name);
        }
        let mut label = heapless::Vec::<u8, LABEL_MAX>::new();
        let mut ended = false;
        for symbol in symbols(text) {
            let (at, symbol) = symbol?;
            let place = |error: NameError| NameError { at, ..error };
            match symbol {
                Symbol::Dot => {
                    name.push_label(&label).map_err(place)?;
                    label.clear();
                    ended = true;
                }
                Symbol::Byte(byte) => {
                    label.push(byte).map_err(|_| NameError {
                        kind: NameErrorKind::LabelTooLong,
                        at,
                    })?;
                    ended = false;
                }
            }
        }
        if !ended {
            name.push_label(&label).map_err(|error| NameError {
                at: text.len(),
                ..error
            })?;
        }
        Ok(name)
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &NameBuf) -> bool {
        self.as_name() == other.as_name()
    }
}

impl Eq for NameBuf {}

impl PartialEq<Name<'_>> for NameBuf {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.as_name() == *other
    }
}

/// As [`Name`].
impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name under which an address is looked up the other way: `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa`
/// (RFC 3596 §2.5).
///
/// ```
/// use mdns_proto::name::reverse_name;
///
/// let name = reverse_name([169, 254, 7, 90].into());
/// assert_eq!(name.to_string(), "90.7.254.169.in-addr.arpa");
/// assert!(name.as_name().is_link_local());
/// ```
pub fn reverse_name(address: IpAddr) -> NameBuf {
    const V4: Name<'static> = Name::from_static(b"\x07in-addr\x04arpa\0");
    const V6: Name<'static> = Name::from_static(b"\x03ip6\x04arpa\0");
    let mut name = NameBuf::new();
    let pushed = match address {
        IpAddr::V4(address) => address
            .octets()
            .iter()
            .rev()
            .try_for_each(|octet| name.push_label(&decimal(*octet)))
            .and_then(|()| name.push_name(V4)),
        IpAddr::V6(address) => address
            .octets()
            .iter()
            .rev()
            .flat_map(|octet| [octet & 0xf, octet >> 4])
            .try_for_each(|nibble| name.push_label(&[hexadecimal(nibble)]))
            .and_then(|()| name.push_name(V6)),
    };
    debug_assert!(pushed.is_ok(), "74 bytes at most");
    name
}

/// A number in decimal, without zeros in front.
fn decimal(number: u8) -> heapless::Vec<u8, 3> {
    let digits = [number / 100, number / 10 % 10, number % 10];
    let zeros = digits
        .iter()
        .take(2)
        .take_while(|digit| **digit == 0)
        .count();
    let digits = digits.map(|digit| digit | b'0');
    heapless::Vec::from_slice(digits.get(zeros..).unwrap_or(&digits)).unwrap_or_default()
}

fn hexadecimal(nibble: u8) -> u8 {
    match nibble {
        0..=9 => nibble | b'0',
        _ => nibble.wrapping_sub(10).wrapping_add(b'a'),
    }
}
