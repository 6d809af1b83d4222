//! Queries, written, and responses, read: what of them counts.

use mdns_proto::{
    name::{Name, NameBuf},
    wire::{Class, Flags, Header, Message, Question, Rdata, RecordType, Writer},
};

/// Bytes of a datagram that fit any path (RFC 6891 §6.2.5, DNS flag day 2020).
pub(crate) const PAYLOAD: u16 = 1232;

/// The most aliases followed one after another.
const ALIASES_MAX: usize = 8;

/// What a server says about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) rcode: u8,
    pub(crate) is_truncated: bool,
    /// The name that the records are of: the one that was asked for, or what that is an alias for.
    pub(crate) name: NameBuf,
    /// Type, TTL in seconds, flat rdata.
    pub(crate) records: Vec<(RecordType, u32, Vec<u8>)>,
    /// How long what is not there may be believed not to be, in seconds (RFC 2308 §5).
    pub(crate) negative_ttl: Option<u32>,
}

/// A query with RD set, and an OPT record if `has_opt`.
pub(crate) fn query(id: u16, name: Name<'_>, rtype: RecordType, has_opt: bool) -> Vec<u8> {
    // Room for any name.
    let mut buffer = vec![0; 512];
    let header = Header {
        id,
        flags: Flags(0x0100),
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    let written = writer.question(&Question::new(name, rtype));
    debug_assert!(written.is_ok(), "a question fits");
    let len = writer.finish();
    buffer.truncate(len);
    if has_opt {
        let [high, low] = PAYLOAD.to_be_bytes();
        buffer.extend_from_slice(&[0, 0, 41, high, low, 0, 0, 0, 0, 0, 0]);
        buffer[11] = 1;
    }
    buffer
}

/// Whether a message is the response to a query or update with this id and this first question (RFC 5452 §9.1).
pub(crate) fn is_response_to(message: &[u8], sent: &[u8]) -> bool {
    let (Ok(response), Ok(sent)) = (Message::parse(message), Message::parse(sent)) else {
        return false;
    };
    let (header, asked) = (response.header(), sent.header());
    let question = |message: &Message<'_>| {
        let question = message.questions().next()?;
        Some((
            NameBuf::from(question.name),
            question.qtype,
            question.qclass,
        ))
    };
    let is_same = match (question(&response), question(&sent)) {
        (Some(one), Some(other)) => one == other,
        // An error may come without a question.
        (None, _) => header.flags.rcode() != 0,
        _ => false,
    };
    header.flags.response()
        && header.id == asked.id
        && header.flags.opcode() == asked.flags.opcode()
        && response.question_count() <= 1
        && is_same
}

/// Reads what a response says about a question: the records of its name and of the aliases that lead on from it, and nothing else that is
/// in it.
pub(crate) fn answers(message: &[u8], name: Name<'_>, rtype: RecordType) -> Option<Answers> {
    let message = Message::parse(message).ok()?;
    let flags = message.header().flags;
    let records = || {
        let all = message.answers();
        all.filter(|record| record.class == Class::IN && !record.cache_flush)
    };
    let mut owner = NameBuf::from(name);
    if rtype != RecordType::CNAME && rtype != RecordType::ANY {
        for _ in 0..ALIASES_MAX {
            let alias = records().find_map(|record| match record.rdata {
                Rdata::Cname(target) if owner == record.name => Some(target),
                _ => None,
            });
            match alias {
                Some(target) if owner != target => owner = target.into(),
                _ => break,
            }
        }
    }
    let is_asked = |found| found == rtype || rtype == RecordType::ANY;
    let mut found: Vec<_> = records()
        .filter(|record| owner == record.name && is_asked(record.rtype()))
        .map(|record| (record.rtype(), record.ttl.0, record.rdata.bytes().collect()))
        .collect();
    found.sort_by(|a: &(RecordType, u32, Vec<u8>), b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    found.dedup_by(|a, b| (a.0, &a.2) == (b.0, &b.2));
    let negative_ttl = message.authorities().find_map(|record| match record.rdata {
        Rdata::Named(named)
            if record.rtype() == RecordType::SOA && owner.as_name().ends_with(record.name) =>
        {
            let minimum = named.parts().suffix.last_chunk().copied();
            let minimum = u32::from_be_bytes(minimum?);
            Some(record.ttl.0.min(minimum))
        }
        _ => None,
    });
    Some(Answers {
        rcode: flags.rcode(),
        is_truncated: flags.truncated(),
        name: owner,
        records: found,
        negative_ttl,
    })
}

/// The zone that an SOA record in a response is of, if the name is in it.
pub(crate) fn zone_of(message: &[u8], name: Name<'_>) -> Option<NameBuf> {
    let message = Message::parse(message).ok()?;
    let mut records = message.answers().chain(message.authorities());
    let soa =
        records.find(|record| record.rtype() == RecordType::SOA && name.ends_with(record.name))?;
    Some(soa.name.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdns_proto::wire::{Record, Section, Ttl};

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    fn response(question: &str, records: &[(Section, &str, Rdata<'_>)]) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let header = Header {
            id: 7,
            flags: Flags(0x8180),
        };
        let mut writer = Writer::new(&mut buffer, 2048, header);
        let asked = name(question);
        writer
            .question(&Question::new(asked.as_name(), RecordType::A))
            .unwrap();
        for (section, owner, rdata) in records {
            let owner = name(owner);
            let (name, rdata) = (owner.as_name(), *rdata);
            let record = Record {
                name,
                class: Class::IN,
                cache_flush: false,
                ttl: Ttl(60),
                rdata,
            };
            writer.record(*section, &record).unwrap();
        }
        let len = writer.finish();
        buffer.truncate(len);
        buffer
    }

    const GOOD: Rdata<'static> = Rdata::A(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const BAD: Rdata<'static> = Rdata::A(core::net::Ipv4Addr::new(203, 0, 113, 6));

    /// What a server adds for other names is not believed, wherever it stands (RFC 5452 §6).
    ///
    /// covers: SEC-17
    #[test]
    fn only_the_records_of_the_name_count() {
        let www = name("www.example.com");
        let bytes = response(
            "www.example.com",
            &[
                (Section::Answer, "bank.example", BAD),
                (Section::Answer, "WWW.example.com", GOOD),
                (Section::Answer, "hall.local", BAD),
                (Section::Authority, "www.example.com", BAD),
                (Section::Additional, "www.example.com", BAD),
            ],
        );
        let found = answers(&bytes, www.as_name(), RecordType::A).unwrap();
        assert_eq!(found.records, [(RecordType::A, 60, vec![192, 0, 2, 1])]);
        assert_eq!(
            answers(&bytes, www.as_name(), RecordType::AAAA)
                .unwrap()
                .records,
            []
        );
    }

    /// covers: SEC-10
    #[test]
    fn aliases_are_followed_and_circles_end() {
        let (a, b) = (name("a.example.com"), name("b.example.com"));
        let to_b = Rdata::Cname(b.as_name());
        let bytes = response(
            "a.example.com",
            &[
                (Section::Answer, "b.example.com", GOOD),
                (Section::Answer, "a.example.com", to_b),
            ],
        );
        let found = answers(&bytes, a.as_name(), RecordType::A).unwrap();
        assert_eq!((found.name, found.records.len()), (b.clone(), 1));
        let bytes = response(
            "a.example.com",
            &[
                (Section::Answer, "b.example.com", Rdata::Cname(a.as_name())),
                (Section::Answer, "a.example.com", to_b),
            ],
        );
        assert!(
            answers(&bytes, a.as_name(), RecordType::A)
                .unwrap()
                .records
                .is_empty()
        );
    }

    /// covers: SEC-17, SEC-18
    #[test]
    fn a_response_has_the_id_and_the_question_of_the_query() {
        let www = name("www.example.com");
        let sent = query(7, www.as_name(), RecordType::A, true);
        let good = response("www.example.com", &[]);
        assert!(is_response_to(&good, &sent));
        for wrong in [
            query(8, www.as_name(), RecordType::A, true),
            query(7, www.as_name(), RecordType::AAAA, false),
            query(7, name("x.example.com").as_name(), RecordType::A, false),
        ] {
            assert!(!is_response_to(&good, &wrong));
        }
        // The query itself, sent back.
        assert!(!is_response_to(&sent, &sent));
        // An error without a question.
        let mut error = good[..12].to_vec();
        (error[3], error[5]) = (1, 0);
        assert!(is_response_to(&error, &sent));
        error[3] = 0;
        assert!(!is_response_to(&error, &sent));
    }
}
