//! Queries, read (RFC 1035 §4.1, RFC 6891 §6).

use mdns_proto::{
    name::NameBuf,
    wire::{Class, Header, Message, Rdata, RecordType},
};

/// Response codes (RFC 1035 §4.1.1, RFC 6891 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
    BadVers = 16,
}

/// What a query says of itself with an OPT record (RFC 6891 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    /// The longest response over UDP.
    pub(crate) payload: u16,
    /// DO, which a response repeats (RFC 3225 §3).
    pub(crate) wants_dnssec: bool,
}

/// A question as it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// With the case of its letters, which the response repeats.
    pub(crate) name: NameBuf,
    pub(crate) qtype: RecordType,
    pub(crate) qclass: Class,
    /// The top bit of the class, which has no meaning in DNS.
    pub(crate) top: bool,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) header: Header,
    /// `None` only where the response is an error.
    pub(crate) asked: Option<Asked>,
    pub(crate) edns: Option<Edns>,
}

impl Query {
    /// Reads a message; `None` if it is no query, and not to be answered. Beside it stands the error that it is to be answered with.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Query, Option<Rcode>)> {
        let message = Message::parse(bytes).ok()?;
        let header = message.header();
        if header.flags.response() {
            return None;
        }
        let mut query = Query {
            header,
            asked: None,
            edns: None,
        };
        if header.flags.opcode() != 0 {
            return Some((query, Some(Rcode::NotImp)));
        }
        let mut questions = message.questions();
        if let (Some(question), None) = (questions.next(), questions.next()) {
            query.asked = Some(Asked {
                name: question.name.into(),
                qtype: question.qtype,
                qclass: question.qclass,
                top: question.unicast,
            });
        }
        let mut version = 0;
        let mut options = 0;
        for record in message.additionals() {
            if !matches!(record.rdata, Rdata::Opt(_)) {
                continue;
            }
            options += 1;
            // Extended response code, version, DO and zeros.
            let [_, number, flags, _] = record.ttl.0.to_be_bytes();
            version = number;
            let top = u16::from(record.cache_flush) << 15;
            query.edns = Some(Edns {
                payload: record.class.0 | top,
                wants_dnssec: flags & 0x80 != 0,
            });
        }
        let is_sound = message.is_sound()
            && options <= 1
            && query
                .asked
                .as_ref()
                .is_some_and(|asked| asked.name.fits_unicast());
        let error = match &query.asked {
            _ if version > 0 && options == 1 => Some(Rcode::BadVers),
            Some(asked) if is_sound => {
                let is_ours = !asked.top && matches!(asked.qclass, Class::IN | Class::ANY);
                match asked.qtype {
                    // Transfers: there is no zone to be sent.
                    RecordType(251 | 252) => Some(Rcode::Refused),
                    qtype if qtype.is_pseudo() && qtype != RecordType::ANY => Some(Rcode::NotImp),
                    _ if !is_ours => Some(Rcode::Refused),
                    _ => None,
                }
            }
            _ => Some(Rcode::FormErr),
        };
        Some((query, error))
    }
}
