//! Tests of reading messages.

use std::{format, string::ToString, vec, vec::Vec};

use super::*;
use crate::wire::{Class, Rdata, RecordType, Ttl};

/// A header with these counts.
fn header(counts: [u16; 4]) -> Vec<u8> {
    [[0, 0].as_slice(), &[0x84, 0]]
        .into_iter()
        .chain(counts.map(u16::to_be_bytes).iter().map(<[u8; 2]>::as_slice))
        .flatten()
        .copied()
        .collect()
}

/// An answer of class IN owned by the root.
fn record(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    let [high, low] = rtype.0.to_be_bytes();
    let len = u16::try_from(rdata.len()).unwrap().to_be_bytes();
    [&[0, high, low, 0, 1, 0, 0, 0, 120], &len[..], rdata].concat()
}

const GOOD: &[u8] = &[192, 0, 2, 1];

// covers: SEC-07, 1035-4.1.1-a
#[test]
fn what_has_no_header_is_no_message() {
    for len in 0..12 {
        assert_eq!(
            Message::parse(&vec![0; len]).unwrap_err(),
            ParseError::TooShort
        );
    }
    assert!(Message::parse(&[0; 12]).unwrap().is_sound());
    assert!(Message::parse(&vec![0; 65535]).is_ok());
    assert_eq!(
        Message::parse(&vec![0; 65536]).unwrap_err(),
        ParseError::TooLong
    );
}

// covers: SEC-06, 1035-4.1.1-b, 9267-6-a
#[test]
fn counts_are_claims() {
    let everything = header([u16::MAX; 4]);
    let message = Message::parse(&everything).unwrap();
    assert!(!message.is_whole() && !message.is_sound());
    assert_eq!(message.questions().count() + message.records().count(), 0);

    let one = [header([0, u16::MAX, 0, 0]), record(RecordType::A, GOOD)].concat();
    let message = Message::parse(&one).unwrap();
    assert!(!message.is_whole());
    assert_eq!((message.answer_count(), message.answers().count()), (1, 1));

    // What is not counted is not there.
    let more = [
        header([0, 1, 0, 0]),
        record(RecordType::A, GOOD),
        vec![0xff; 20],
    ]
    .concat();
    let message = Message::parse(&more).unwrap();
    assert!(message.is_sound());
    assert_eq!(message.records().count(), 1);
}

// covers: SEC-05, SEC-23, 1035-4.1.3-a, 9267-5-a
#[test]
fn a_bad_record_is_left_out_and_the_next_one_read() {
    let bad = [
        record(RecordType::A, &[1, 2, 3]),
        record(RecordType::A, &[1, 2, 3, 4, 5]),
        record(RecordType::A, &[]),
        record(RecordType::AAAA, &[0; 15]),
        record(RecordType::SRV, &[0; 6]),
        record(RecordType::PTR, &[]),
        record(RecordType::PTR, b"\xc0\xff"),
        record(RecordType::TXT, b"\x02a"),
        record(RecordType::NSEC, b"\0\0\0"),
        record(RecordType::SOA, &[0; 21]),
        // Names that look past the rdata.
        record(RecordType::SRV, b"\0\0\0\0\0\0\x05"),
        record(RecordType::PTR, b"\x01a"),
        // An owner whose pointer leads nowhere but which has an end.
        [&[0xff, 0xff][..], &record(RecordType::A, GOOD)[1..]].concat(),
    ];
    let good = record(RecordType::A, GOOD);
    for bad in bad {
        for place in 0..3 {
            let mut records = vec![good.clone(), good.clone()];
            records.insert(place, bad.clone());
            let bytes = [header([0, 1, 1, 1]), records.concat()].concat();
            let message = Message::parse(&bytes).unwrap();
            assert!(message.is_whole() && !message.is_sound(), "{bad:?}");
            assert_eq!(message.records().count(), 2, "{bad:?}");
            assert!(
                message
                    .records()
                    .all(|(_, record)| record.rdata == Rdata::A([192, 0, 2, 1].into()))
            );
        }
    }
}

// covers: SEC-05, 9267-5-a
#[test]
fn an_rdata_length_past_the_end_ends_the_message() {
    let mut bytes = [
        header([0, 2, 0, 0]),
        record(RecordType::A, GOOD),
        record(RecordType::A, GOOD),
    ]
    .concat();
    let length = bytes.len() - 6;
    for wrong in [5u16, 6, 255, 65535] {
        bytes[length..length + 2].copy_from_slice(&wrong.to_be_bytes());
        let message = Message::parse(&bytes).unwrap();
        assert!(!message.is_whole());
        assert_eq!(message.answer_count(), 1);
        assert_eq!(message.answers().count(), 1);
    }
}

// covers: SEC-01, SEC-02, SEC-03
#[test]
fn a_bad_question_is_left_out_if_it_has_an_end() {
    let good = b"\x01a\0\0\x01\0\x01";
    let bytes = [&header([2, 0, 0, 0])[..], b"\xc0\x0c\0\x01\0\x01", good].concat();
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_whole() && !message.is_sound());
    assert_eq!(message.question_count(), 1);
    assert_eq!(message.questions().next().unwrap().name.to_string(), "a");

    let bytes = [&header([2, 0, 0, 0])[..], b"\x41\x30\0\0\x01\0\x01", good].concat();
    let message = Message::parse(&bytes).unwrap();
    assert!(!message.is_whole());
    assert_eq!(message.questions().len(), 0);
}

// covers: SEC-04, 1035-4.1.3-a
#[test]
fn a_name_in_rdata_may_not_end_behind_it() {
    // The target's label lies in the next record's owner.
    let first = record(RecordType::SRV, b"\0\0\0\0\0\x50\x04");
    let second = [b"hall", &record(RecordType::A, GOOD)[..]].concat();
    let bytes = [header([0, 1, 0, 0]), first, second].concat();
    assert_eq!(Message::parse(&bytes).unwrap().answer_count(), 0);
}

// covers: SEC-12, 1035-4.1.4-d
#[test]
fn the_worst_message_is_walked_in_proportion_to_its_length() {
    // Names of 127 labels behind a row of pointers, and as many questions for it as fit.
    let mut bytes = header([u16::MAX, 0, 0, 0]);
    bytes.extend([1, b'a'].repeat(127));
    bytes.extend([0, 0, 1, 0, 1]);
    let mut to = 12u16;
    while bytes.len() < 65530 {
        let next = u16::try_from(bytes.len()).unwrap();
        bytes.extend((0xc000 | to).to_be_bytes());
        bytes.extend([0, 1, 0, 1]);
        if to < 0x3f00 && next < 12 + 259 + 6 * 120 {
            to = next;
        }
    }
    let message = Message::parse(&bytes).unwrap();
    let count = (bytes.len() - 12 - 259) / 6 + 1;
    assert_eq!(message.questions().len(), count);
    assert!(
        message
            .questions()
            .all(|question| question.name.wire_len() == 255)
    );
}

// covers: 2181-8-a, SEC-14
#[test]
fn a_ttl_with_the_top_bit_reads_as_zero() {
    let mut bytes = [
        header([0, 1, 0, 1]),
        record(RecordType::A, GOOD),
        record(RecordType::OPT, b""),
    ]
    .concat();
    bytes[12 + 5] = 0x80;
    bytes[12 + 15 + 5] = 0x80;
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.answers().next().unwrap().ttl, Ttl(0));
    // Of an OPT it is no time.
    let opt = message.additionals().next().unwrap();
    assert_eq!((opt.ttl, opt.rdata), (Ttl(0x8000_0078), Rdata::Opt(b"")));
}

// covers: 6762-18.12-a, 6762-18.13-a, 6762-22-b
#[test]
fn the_top_bit_is_not_of_the_class() {
    let mut bytes = header([1, 1, 0, 0]);
    bytes.extend(b"\0\0\xff\x80\x01");
    bytes.extend(record(RecordType::A, GOOD));
    bytes[12 + 5 + 3] = 0x80;
    let message = Message::parse(&bytes).unwrap();
    let question = message.questions().next().unwrap();
    assert_eq!(
        (question.qtype, question.qclass, question.unicast),
        (RecordType::ANY, Class::IN, true)
    );
    let record = message.answers().next().unwrap();
    assert_eq!((record.class, record.cache_flush), (Class::IN, true));
    assert_eq!(record.to_string(), ". 120 IN! A 192.0.2.1");
    assert_eq!(question.to_string(), ". IN ANY? QU");
}

// covers: 6762-18.14-f, 6762-18.14-g, 6762-18.14-h
#[test]
fn names_in_rdata_of_every_listed_type_are_expanded() {
    // "hall.local" as question; each record's rdata has a pointer to it.
    let names: [(RecordType, &[u8], &str); 13] = [
        (RecordType::NS, b"\xc0\x0c", "hall.local"),
        (RecordType::CNAME, b"\x01x\xc0\x11", "x.local"),
        (RecordType::PTR, b"\xc0\x0c", "hall.local"),
        (RecordType::DNAME, b"\xc0\x0c", "hall.local"),
        (
            RecordType::SOA,
            b"\xc0\x0c\xc0\x11\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
            "hall.local local 1 2 3 4 5",
        ),
        (RecordType::MX, b"\0\x05\xc0\x0c", "5 hall.local"),
        (RecordType::AFSDB, b"\0\x01\xc0\x0c", "1 hall.local"),
        (RecordType::RT, b"\0\x02\xc0\x0c", "2 hall.local"),
        (RecordType::KX, b"\0\x03\xc0\x0c", "3 hall.local"),
        (RecordType::RP, b"\xc0\x11\xc0\x0c", "local hall.local"),
        (
            RecordType::PX,
            b"\0\x04\xc0\x11\xc0\x0c",
            "4 local hall.local",
        ),
        (
            RecordType::SRV,
            b"\0\0\0\0\x02\x77\xc0\x0c",
            "0 0 631 hall.local",
        ),
        (RecordType::NSEC, b"\xc0\x0c\0\x01\x40", "hall.local A"),
    ];
    for (rtype, rdata, text) in names {
        let question = b"\x04hall\x05local\0\0\xff\0\x01";
        let bytes = [&header([1, 1, 0, 0])[..], question, &record(rtype, rdata)].concat();
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_sound(), "{rtype}");
        let found = message.answers().next().unwrap().rdata;
        assert_eq!(found.to_string(), text, "{rtype}");
        // The same, expanded.
        let flat: Vec<u8> = found.bytes().collect();
        let expanded = Rdata::from_wire(rtype, &flat).unwrap();
        assert_eq!(expanded, found, "{rtype}");
        assert_eq!(
            expanded.cmp_wire(&found),
            core::cmp::Ordering::Equal,
            "{rtype}"
        );
        assert_eq!(expanded.hash(9), found.hash(9), "{rtype}");
    }
}

// covers: 6762-18.4-a, 6762-18.6-a, 6762-18.7-a, 6762-18.8-a, 6762-18.9-a, 6762-18.10-a
#[test]
fn flags_do_not_keep_a_message_from_being_read() {
    let mut bytes = [header([0, 1, 0, 0]), record(RecordType::A, GOOD)].concat();
    for flags in [
        0x8000u16, 0x0400, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010, 0xffff,
    ] {
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.header().flags, Flags(flags));
        assert_eq!(message.answer_count(), 1);
    }
}

// covers: SEC-19, SEC-21
#[test]
fn no_control_character_gets_out() {
    let label: Vec<u8> = (0..32).chain([0x7f, 0x80, 0xc2, 0x9b]).collect();
    let len = u8::try_from(label.len()).unwrap();
    let name = [&[len][..], &label, &[0]].concat();
    let mut bytes = header([0, 3, 0, 0]);
    bytes.extend(record(RecordType::PTR, &name));
    bytes.extend(record(RecordType::TXT, &name[..name.len() - 1]));
    bytes.extend(record(
        RecordType::HINFO,
        &[&name[..name.len() - 1], &[0]].concat(),
    ));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.answer_count(), 3);
    let text = format!("{message:?}");
    assert!(
        !text.replace('\n', "").chars().any(char::is_control),
        "{text}"
    );
}
