//! Small numbers that say what a record is: type, class, time to live.

use core::{fmt, str::FromStr, time::Duration};

/// The type of a record, or what a question asks for (RFC 1035 §3.2.2).
///
/// Text is a mnemonic, or `TYPE65280` for a type without one (RFC 3597 §5).
///
/// ```
/// use mdns_proto::wire::RecordType;
///
/// assert_eq!("srv".parse(), Ok(RecordType::SRV));
/// assert_eq!(RecordType(65280).to_string(), "TYPE65280");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

/// Defines the types we have a name for, once.
macro_rules! record_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl RecordType {
            $($(#[$doc])* pub const $name: RecordType = RecordType($number);)*

            /// Names and numbers.
            const NAMED: &'static [(&'static str, RecordType)] = &[
                $((stringify!($name), RecordType::$name),)*
            ];
        }
    };
}

record_types! {
    /// An IPv4 address.
    A = 1,
    /// A name server.
    NS = 2,
    /// Another name for the owner.
    CNAME = 5,
    /// The start of a zone.
    SOA = 6,
    /// A pointer to another name: an instance, a service type, a host.
    PTR = 12,
    /// Processor and operating system.
    HINFO = 13,
    /// A mail exchange.
    MX = 15,
    /// Attributes of a service (RFC 6763 §6).
    TXT = 16,
    /// A responsible person (RFC 1183).
    RP = 17,
    /// An AFS data base (RFC 1183).
    AFSDB = 18,
    /// A host to route through (RFC 1183).
    RT = 21,
    /// X.400 mapping (RFC 2163).
    PX = 26,
    /// An IPv6 address.
    AAAA = 28,
    /// Host and port of a service (RFC 2782).
    SRV = 33,
    /// A naming authority rule, never compressed (RFC 3403).
    NAPTR = 35,
    /// A key exchanger (RFC 2230).
    KX = 36,
    /// Another name for a whole subtree (RFC 6672).
    DNAME = 39,
    /// Not a record: options of the message (RFC 6891).
    OPT = 41,
    /// Which types the owner has; others it has not (RFC 4034 §4, RFC 6762 §6.1).
    NSEC = 47,
    /// Service binding, never compressed (RFC 9460).
    SVCB = 64,
    /// Service binding for HTTP, never compressed (RFC 9460).
    HTTPS = 65,
    /// In a question: whatever there is.
    ANY = 255,
}

impl RecordType {
    /// Whether no record has this type: zero, OPT, and what only questions may ask for (RFC 6895 §3.1).
    pub const fn is_pseudo(self) -> bool {
        matches!(self.0, 0 | 41 | 128..=255)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match RecordType::NAMED.iter().find(|(_, number)| number == self) {
            Some((name, _)) => f.pad(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that names no record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindError;

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record type: neither a known name nor TYPE and a number up to 65535")
    }
}

impl core::error::Error for KindError {}

/// Without regard to case.
impl FromStr for RecordType {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let named = RecordType::NAMED
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, rtype)) = named {
            return Ok(*rtype);
        }
        let (word, digits) = text.split_at_checked(4).ok_or(KindError)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !word.eq_ignore_ascii_case("TYPE") || !is_number {
            return Err(KindError);
        }
        digits.parse().map(RecordType).map_err(|_| KindError)
    }
}

/// The class of a record, or what a question asks for: fifteen bits, because mDNS uses the sixteenth (RFC 6762 §18.12,
/// §18.13, §22).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Class = Class(1);
    /// In a question: whatever there is.
    pub const ANY: Class = Class(255);

    /// Class and top bit from the wire.
    pub(super) const fn from_wire(bits: u16) -> (Class, bool) {
        (Class(bits & 0x7fff), bits & 0x8000 != 0)
    }

    /// Class and top bit for the wire.
    pub(super) const fn to_wire(self, top: bool) -> u16 {
        let bits = self.0 & 0x7fff;
        if top { bits | 0x8000 } else { bits }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Class::IN => f.write_str("IN"),
            Class::ANY => f.write_str("ANY"),
            Class(number) => write!(f, "CLASS{number}"),
        }
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How long a record may be believed, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ttl(pub u32);

impl Ttl {
    /// A goodbye (RFC 6762 §10.1).
    pub const ZERO: Ttl = Ttl(0);

    /// From the wire, where a value with the top bit counts as zero (RFC 2181 §8).
    pub const fn from_wire(secs: u32) -> Ttl {
        if secs > i32::MAX as u32 {
            Ttl(0)
        } else {
            Ttl(secs)
        }
    }

    /// This many seconds.
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    // covers: 2181-8-a
    #[test]
    fn a_ttl_with_the_top_bit_is_zero() {
        assert_eq!(Ttl::from_wire(0x7fff_ffff), Ttl(0x7fff_ffff));
        assert_eq!(Ttl::from_wire(0x8000_0000), Ttl(0));
        assert_eq!(Ttl::from_wire(u32::MAX), Ttl(0));
    }

    // covers: 4034-4-a
    #[test]
    fn types_have_names_both_ways() {
        assert_eq!(RecordType::NSEC, RecordType(47));
        for (name, rtype) in RecordType::NAMED {
            assert_eq!(rtype.to_string(), *name);
            assert_eq!(name.parse(), Ok(*rtype));
        }
        assert_eq!("type1".parse(), Ok(RecordType::A));
        for wrong in ["", "TYPE", "TYPE65536", "TYPE+1", "TYPE-1", "aé é", "XYZ"] {
            assert_eq!(wrong.parse::<RecordType>(), Err(KindError), "{wrong}");
        }
        assert!(KindError.to_string().starts_with("not a record type"));
    }
}
