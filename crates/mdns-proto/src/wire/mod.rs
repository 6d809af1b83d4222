//! Messages as bytes: reading them, writing them (RFC 1035 §4, RFC 6762 §18).
//!
//! [`Message::parse`] walks a message once and completely; after that reading it cannot fail. [`Writer`] puts
//! questions and records into the caller's buffer. Neither allocates.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used
    )
)]

mod header;
mod kind;
mod message;
mod rdata;
mod reader;
mod record;
mod words;
mod writer;

#[cfg(feature = "alloc")]
pub use self::rdata::TxtVec;
pub use self::{
    header::{Flags, Header},
    kind::{Class, KindError, RecordType, Ttl},
    message::{Message, ParseError, Questions, Records},
    rdata::{
        Attribute, Hinfo, Named, NamedParts, Nsec, Rdata, Srv, Txt, TxtBuf, TxtError, TypeSet,
        Types,
    },
    record::{Question, Record, Section},
    words::{Faults, Way, Words},
    writer::{Compression, Full, Mark, Writer},
};
