//! Tests of writing messages and of name compression.

use std::{format, string::ToString, vec, vec::Vec};

use super::*;
use crate::{
    name::NameBuf,
    wire::{Class, Flags, Message, Nsec, Srv, Ttl, Txt, TypeSet},
};

const HEADER: Header = Header {
    id: 0,
    flags: Flags::RESPONSE,
};

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn record<'a>(name: &'a NameBuf, rdata: Rdata<'a>) -> Record<'a> {
    Record {
        name: name.as_name(),
        class: Class::IN,
        cache_flush: true,
        ttl: Ttl(120),
        rdata,
    }
}

fn srv(target: &NameBuf) -> Rdata<'_> {
    Rdata::Srv(Srv {
        priority: 0,
        weight: 0,
        port: 631,
        target: target.as_name(),
    })
}

/// What `write` writes with a limit of 9000.
fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xee; 9000];
    let mut writer = Writer::new(&mut buffer, 9000, HEADER);
    write(&mut writer);
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}

// covers: 6762-18.14-a, 6762-18.14-c
#[test]
fn names_are_compressed_in_owners_and_rdata() {
    let (ipp, printer, hall) = (
        name("_ipp._tcp.local"),
        name("Printer._ipp._tcp.local"),
        name("hall.local"),
    );
    let types: TypeSet = [RecordType::TXT, RecordType::SRV].into_iter().collect();
    let bytes = written(|writer| {
        let records = [
            record(&ipp, Rdata::Ptr(printer.as_name())),
            record(&printer, srv(&hall)),
            record(&printer, Rdata::Txt(Txt::EMPTY)),
            record(
                &printer,
                Rdata::Nsec(Nsec {
                    next: printer.as_name(),
                    types: types.as_types(),
                }),
            ),
        ];
        for record in records {
            writer.record(Section::Answer, &record).unwrap();
        }
    });
    // Fixed parts are 10 bytes; a PTR of 17 bytes owner at 12, its target at 39.
    let expected = [
        &b"\0\0\x84\0\0\0\0\x04\0\0\0\0"[..],
        b"\x04_ipp\x04_tcp\x05local\0\0\x0c\x80\x01\0\0\0\x78\0\x0a\x07Printer\xc0\x0c",
        b"\xc0\x27\0\x21\x80\x01\0\0\0\x78\0\x0d\0\0\0\0\x02\x77\x04hall\xc0\x16",
        b"\xc0\x27\0\x10\x80\x01\0\0\0\x78\0\x01\0",
        b"\xc0\x27\0\x2f\x80\x01\0\0\0\x78\0\x09\xc0\x27\0\x05\0\0\x80\0\x40",
    ];
    assert_eq!(bytes, expected.concat());
}

// covers: 6762-18.14-i, 2782-f
#[test]
fn to_legacy_resolvers_an_srv_target_is_plain() {
    let (printer, hall) = (name("Printer._ipp._tcp.local"), name("hall.local"));
    let bytes = written(|writer| {
        writer.set_compression(Compression::Legacy);
        writer
            .question(&Question::new(hall.as_name(), RecordType::ANY))
            .unwrap();
        writer
            .record(Section::Answer, &record(&printer, srv(&hall)))
            .unwrap();
        writer
            .record(
                Section::Answer,
                &record(&printer, Rdata::Ptr(hall.as_name())),
            )
            .unwrap();
    });
    let plain = b"\0\x12\0\0\0\0\x02\x77\x04hall\x05local\0";
    assert!(bytes.windows(plain.len()).any(|window| window == plain));
    assert!(bytes.ends_with(b"\0\x02\xc0\x0c"));
}

// covers: 6762-18.14-d
#[test]
fn other_types_are_written_as_they_are() {
    let hall = name("hall.local");
    let naptr = Rdata::Other(RecordType::NAPTR, b"\0\x01\0\x02\0\0\0\x04hall\x05local\0");
    let bytes = written(|writer| {
        writer
            .record(Section::Answer, &record(&hall, naptr))
            .unwrap();
    });
    assert!(bytes.ends_with(b"\0\x13\0\x01\0\x02\0\0\0\x04hall\x05local\0"));
}

// covers: 4343-4.1-a, 6762-16-f
#[test]
fn every_name_keeps_its_case() {
    let names = ["Hall.local", "hall.local", "x.HALL.LOCAL", "HALL.local"].map(name);
    let bytes = written(|writer| {
        for name in &names {
            writer
                .record(Section::Answer, &record(name, Rdata::Ptr(name.as_name())))
                .unwrap();
        }
    });
    let message = Message::parse(&bytes).unwrap();
    for (record, name) in message.answers().zip(&names) {
        assert!(record.name.eq_case(name.as_name()));
        assert_eq!(record.rdata.to_string(), name.to_string());
    }
}

// covers: 1035-4.1.4-f
#[test]
fn nothing_points_beyond_14_bits() {
    let owner = name("big.local");
    let late = name("late.example");
    let big = vec![0; 0x3ff0];
    let mut buffer = vec![0; 40000];
    let mut writer = Writer::new(&mut buffer, 40000, HEADER);
    let opaque = Rdata::Other(RecordType(65280), &big);
    writer
        .record(Section::Answer, &record(&owner, opaque))
        .unwrap();
    assert!(writer.len() > 0x4000);
    for _ in 0..2 {
        writer
            .record(Section::Answer, &record(&late, Rdata::Ptr(late.as_name())))
            .unwrap();
    }
    let len = writer.finish();
    let message = Message::parse(&buffer[..len]).unwrap();
    assert!(message.is_sound());
    let plain = late.as_wire();
    let times = buffer[..len]
        .windows(plain.len())
        .filter(|window| *window == plain)
        .count();
    assert_eq!(times, 4);
}

// covers: SEC-20, 6762-17-d
#[test]
fn what_does_not_fit_is_not_begun() {
    let (printer, hall) = (name("Printer._ipp._tcp.local"), name("hall.local"));
    let whole = written(|writer| {
        writer
            .record(Section::Answer, &record(&printer, srv(&hall)))
            .unwrap();
        writer
            .record(
                Section::Additional,
                &record(&hall, Rdata::A([192, 0, 2, 1].into())),
            )
            .unwrap();
    });
    let first = written(|writer| {
        writer
            .record(Section::Answer, &record(&printer, srv(&hall)))
            .unwrap();
    });
    for limit in 0..=whole.len() {
        let mut buffer = [0xee; 100];
        let mut writer = Writer::new(&mut buffer, limit, HEADER);
        let fits = writer
            .record(Section::Answer, &record(&printer, srv(&hall)))
            .is_ok();
        assert_eq!(fits, limit >= first.len());
        let fits = writer
            .record(
                Section::Additional,
                &record(&hall, Rdata::A([192, 0, 2, 1].into())),
            )
            .is_ok();
        assert_eq!(
            fits,
            limit == whole.len() || (12 + 26..first.len()).contains(&limit),
            "{limit}"
        );
        let len = writer.finish();
        assert!(len <= limit);
        assert!(buffer[limit..].iter().all(|byte| *byte == 0xee));
        if len == 0 {
            assert!(limit < 12);
        } else {
            assert!(Message::parse(&buffer[..len]).unwrap().is_sound());
        }
    }
}

#[test]
fn a_rollback_leaves_no_trace() {
    let (printer, hall, attic) = (
        name("Printer._ipp._tcp.local"),
        name("hall.local"),
        name("attic.local"),
    );
    let without = written(|writer| {
        writer
            .record(Section::Answer, &record(&hall, srv(&printer)))
            .unwrap();
        writer
            .record(
                Section::Authority,
                &record(&attic, Rdata::Ptr(attic.as_name())),
            )
            .unwrap();
    });
    let with = written(|writer| {
        writer
            .record(Section::Answer, &record(&hall, srv(&printer)))
            .unwrap();
        let mark = writer.mark();
        writer
            .record(Section::Answer, &record(&attic, srv(&printer)))
            .unwrap();
        writer
            .record(Section::Additional, &record(&attic, srv(&hall)))
            .unwrap();
        writer.rollback(mark);
        assert_eq!((writer.len(), writer.record_count()), (mark.len, 1));
        // The section is free again too.
        writer
            .record(
                Section::Authority,
                &record(&attic, Rdata::Ptr(attic.as_name())),
            )
            .unwrap();
    });
    assert_eq!(with, without);
}

// covers: 6762-18.5-a, 6762-18.1-e
#[test]
fn the_header_says_what_it_was_told() {
    let mut buffer = [0; 12];
    let header = Header {
        id: 0xbeef,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    assert!(writer.is_empty());
    assert_eq!(writer.len(), 12);
    writer.set_truncated(true);
    assert_eq!(writer.finish(), 12);
    assert_eq!(&buffer, b"\xbe\xef\x02\0\0\0\0\0\0\0\0\0");
}

/// A name that begins like its own end: pointing into itself would be a loop.
#[test]
fn a_name_does_not_point_into_itself() {
    let names = ["a.b.a.b", "a.a.a.a", "b.a.b"].map(name);
    let bytes = written(|writer| {
        for name in &names {
            writer
                .question(&Question::new(name.as_name(), RecordType::A))
                .unwrap();
        }
    });
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_sound());
    assert!(
        message
            .questions()
            .zip(&names)
            .all(|(question, name)| *name == question.name)
    );
}

// covers: 6762-17-f
#[test]
fn two_hundred_names_stay_compressed() {
    let ipp = name("_ipp._tcp.local");
    let instances: Vec<NameBuf> = (0..200)
        .map(|number| name(&format!("Printer {number}._ipp._tcp.local")))
        .collect();
    let bytes = written(|writer| {
        for instance in &instances {
            writer
                .record(
                    Section::Answer,
                    &record(&ipp, Rdata::Ptr(instance.as_name())),
                )
                .unwrap();
        }
    });
    // At most 12 bytes of label and 14 of the rest each: no shared suffix is ever lost.
    assert!(bytes.len() < 12 + 15 + 200 * 26, "{}", bytes.len());
    let message = Message::parse(&bytes).unwrap();
    assert!(
        message
            .answers()
            .zip(&instances)
            .all(|(record, name)| record.rdata == Rdata::Ptr(name.as_name()))
    );
    assert!(size_of::<Suffixes>() <= 512);
}
