//! Questions and records.

use core::{cmp::Ordering, fmt};

use super::{Class, Rdata, RecordType, Ttl};
use crate::name::Name;

/// Something asked (RFC 1035 §4.1.2).
///
/// ```
/// use mdns_proto::{name::NameBuf, wire::{Class, Question, RecordType}};
///
/// let name: NameBuf = "hall.local".parse()?;
/// let question = Question {
///     name: name.as_name(),
///     qtype: RecordType::A,
///     qclass: Class::IN,
///     unicast: true,
/// };
/// assert_eq!(question.to_string(), "hall.local IN A? QU");
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// What it is about.
    pub name: Name<'a>,
    /// The type wanted.
    pub qtype: RecordType,
    /// The class wanted.
    pub qclass: Class,
    /// QU: a unicast answer is welcome (RFC 6762 §5.4).
    pub unicast: bool,
}

impl<'a> Question<'a> {
    /// A question of class IN that wants its answer by multicast.
    pub const fn new(name: Name<'a>, qtype: RecordType) -> Self {
        Question {
            name,
            qtype,
            qclass: Class::IN,
            unicast: false,
        }
    }
}

/// One line, such as `hall.local IN A?`, with ` QU` after it if a unicast answer is welcome.
impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unicast = if self.unicast { " QU" } else { "" };
        write!(f, "{} {} {}?{unicast}", self.name, self.qclass, self.qtype)
    }
}

/// Something said (RFC 1035 §4.1.3).
///
/// ```
/// use mdns_proto::{name::NameBuf, wire::{Class, Rdata, Record, Ttl}};
///
/// let name: NameBuf = "hall.local".parse()?;
/// let record = Record {
///     name: name.as_name(),
///     class: Class::IN,
///     cache_flush: true,
///     ttl: Ttl(120),
///     rdata: Rdata::A([192, 0, 2, 1].into()),
/// };
/// assert_eq!(record.to_string(), "hall.local 120 IN! A 192.0.2.1");
/// # Ok::<(), mdns_proto::name::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The owner.
    pub name: Name<'a>,
    /// The class; of an OPT, fifteen bits of something else.
    pub class: Class,
    /// Of a unique set that is sent whole (RFC 6762 §10.2); of an OPT, a bit of something else.
    pub cache_flush: bool,
    /// How long it may be believed; of an OPT, four bytes of something else.
    pub ttl: Ttl,
    /// What is said.
    pub rdata: Rdata<'a>,
}

impl Record<'_> {
    /// The type.
    pub fn rtype(&self) -> RecordType {
        self.rdata.rtype()
    }

    /// The order in which simultaneous probes are decided (RFC 6762 §8.2): by class without the top bit, by
    /// type, then by rdata as [`Rdata::cmp_wire`] has it. The greater wins.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn cmp_probe(&self, other: &Record<'_>) -> Ordering {
        let Class(class) = self.class;
        let Class(other_class) = other.class;
        (class & 0x7fff)
            .cmp(&(other_class & 0x7fff))
            .then_with(|| self.rtype().cmp(&other.rtype()))
            .then_with(|| self.rdata.cmp_wire(&other.rdata))
    }
}

/// One line: owner, TTL, class with `!` for cache-flush, type, rdata.
impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flush = if self.cache_flush { "!" } else { "" };
        write!(
            f,
            "{} {} {}{flush} {} {}",
            self.name,
            self.ttl,
            self.class,
            self.rtype(),
            self.rdata
        )
    }
}

/// The three parts of a message that hold records, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Answers; in a query, known answers (RFC 6762 §7.1).
    Answer,
    /// Authority; in a probe, what is proposed (RFC 6762 §8.2).
    Authority,
    /// What may be of use beside the answers.
    Additional,
}
