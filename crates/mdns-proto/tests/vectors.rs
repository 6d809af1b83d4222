//! UDP payloads printed in an encyclopedia's article on multicast DNS: what they say, fact by fact, and that we write
//! the same bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use mdns_proto::{
    name::NameBuf,
    wire::{Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Ttl, Writer},
};

const QUERY: &str = "
    00 00 00 00 00 01 00 00 00 00 00 00 07 61 70 70
    6c 65 74 76 05 6c 6f 63 61 6c 00 00 01 00 01";

const ANSWER: &str = "
    00 00 84 00 00 00 00 01 00 00 00 02 07 41 70 70
    6c 65 54 56 05 6c 6f 63 61 6c 00 00 01 80 01 00
    00 00 78 00 04 99 6d 07 5a c0 0c 00 1c 80 01 00
    00 00 78 00 10 fe 80 00 00 00 00 00 00 02 23 32
    ff fe b1 21 52 c0 0c 00 2f 80 01 00 00 00 78 00
    08 c0 0c 00 04 40 00 00 08";

const TYPES_QUERY: &str = "
    00 00 00 00 00 02 00 05 00 00 00 00 09 5f 73 65
    72 76 69 63 65 73 07 5f 64 6e 73 2d 73 64 04 5f
    75 64 70 05 6c 6f 63 61 6c 00 00 0c 00 01 01 62
    c0 16 00 0c 00 01 c0 0c 00 0c 00 01 00 00 11 94
    00 14 0c 5f 77 6f 72 6b 73 74 61 74 69 6f 6e 04
    5f 74 63 70 c0 23 c0 0c 00 0c 00 01 00 00 11 94
    00 07 04 5f 72 66 62 c0 4f c0 0c 00 0c 00 01 00
    00 11 94 00 07 04 5f 73 73 68 c0 4f c0 0c 00 0c
    00 01 00 00 11 94 00 0c 09 5f 73 66 74 70 2d 73
    73 68 c0 4f c0 0c 00 0c 00 01 00 00 11 94 00 09
    06 5f 6f 64 69 73 6b c0 4f";

const TYPES_ANSWER: &str = "
    00 00 84 00 00 01 00 03 00 00 00 00 09 5f 73 65
    72 76 69 63 65 73 07 5f 64 6e 73 2d 73 64 04 5f
    75 64 70 05 6c 6f 63 61 6c 00 00 0c 00 01 c0 0c
    00 0c 00 01 00 00 00 0a 00 13 0b 5f 61 66 70 6f
    76 65 72 74 63 70 04 5f 74 63 70 c0 23 c0 0c 00
    0c 00 01 00 00 00 0a 00 07 04 5f 66 74 70 c0 46
    c0 0c 00 0c 00 01 00 00 00 0a 00 07 04 5f 73 6d
    62 c0 46";

/// A host looked up.
// covers: 1035-3.1-a, 6762-18.2-a, 6762-18.4-a
#[test]
fn a_host_looked_up() {
    let bytes = bytes(QUERY);
    assert_eq!(bytes.len(), 31);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_sound());
    assert_eq!(
        message.header(),
        Header {
            id: 0,
            flags: Flags::QUERY
        }
    );
    let name = name("appletv.local");
    let expected = Question {
        name: name.as_name(),
        qtype: RecordType::A,
        qclass: Class::IN,
        unicast: false,
    };
    assert!(message.questions().eq([expected]));
    assert_eq!(message.records().count(), 0);
    assert_eq!(written(&message), bytes);
}

/// The answer: names of mixed case, pointers, an NSEC.
// covers: 6762-18.13-a, 1035-4.1.4-a, 4034-4.1.2-a, 6762-18.2-b, 6762-18.4-b
#[test]
fn the_answer_with_addresses_and_nsec() {
    let bytes = bytes(ANSWER);
    assert_eq!(bytes.len(), 89);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_sound());
    assert_eq!(
        message.header(),
        Header {
            id: 0,
            flags: Flags::RESPONSE
        }
    );
    assert_eq!(message.question_count(), 0);
    assert_eq!(message.authorities().count(), 0);

    let owner = name("AppleTV.local");
    for (_, record) in message.records() {
        assert!(record.name.eq_case(owner.as_name()));
        assert_eq!((record.class, record.cache_flush), (Class::IN, true));
        // The four bytes are 00 00 00 78. The article reads 0x7800, a byte too far on.
        assert_eq!(record.ttl, Ttl(120));
    }
    let answers: Vec<Record<'_>> = message.answers().collect();
    let [a] = answers.try_into().unwrap();
    assert_eq!(a.rdata, Rdata::A(Ipv4Addr::new(153, 109, 7, 90)));
    let additionals: Vec<Record<'_>> = message.additionals().collect();
    let [aaaa, nsec] = additionals.try_into().unwrap();
    let address: Ipv6Addr = "fe80::223:32ff:feb1:2152".parse().unwrap();
    assert_eq!(aaaa.rdata, Rdata::Aaaa(address));
    let Rdata::Nsec(nsec) = nsec.rdata else {
        panic!("not an NSEC: {nsec}");
    };
    assert!(nsec.next.eq_case(owner.as_name()));
    assert_eq!(nsec.types.as_wire(), [0, 4, 0x40, 0, 0, 0x08]);
    assert!(nsec.types.iter().eq([RecordType::A, RecordType::AAAA]));
    assert_eq!(written(&message), bytes);
}

/// Browsing for service types: pointers into questions and rdata.
// covers: 1035-4.1.4-e, 6763-9-a, 6762-18.14-b, 6762-18.14-f
#[test]
fn service_types_browsed_for_with_known_answers() {
    let bytes = bytes(TYPES_QUERY);
    assert_eq!(bytes.len(), 169);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_sound());
    assert_eq!(
        message.header(),
        Header {
            id: 0,
            flags: Flags::QUERY
        }
    );
    let types = name("_services._dns-sd._udp.local");
    let browse = name("b._dns-sd._udp.local");
    let questions = [&types, &browse].map(|name| Question::new(name.as_name(), RecordType::PTR));
    assert!(message.questions().eq(questions));
    assert_pointers(
        &message,
        4500,
        ["_workstation", "_rfb", "_ssh", "_sftp-ssh", "_odisk"],
    );
    assert_eq!(written(&message), bytes);
}

/// An answer to it that repeats the question.
// covers: 6763-9-a, 1035-4.1.4-e
#[test]
fn service_types_answered() {
    let bytes = bytes(TYPES_ANSWER);
    assert_eq!(bytes.len(), 115);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_sound());
    assert_eq!(
        message.header(),
        Header {
            id: 0,
            flags: Flags::RESPONSE
        }
    );
    let types = name("_services._dns-sd._udp.local");
    let question = Question::new(types.as_name(), RecordType::PTR);
    assert!(message.questions().eq([question]));
    assert_pointers(&message, 10, ["_afpovertcp", "_ftp", "_smb"]);
    assert_eq!(written(&message), bytes);
}

/// The message has these PTRs under `_services._dns-sd._udp.local` to types over TCP, and no other record.
fn assert_pointers<const N: usize>(message: &Message<'_>, ttl: u32, services: [&str; N]) {
    assert_eq!(message.records().count(), N);
    assert_eq!(message.answer_count(), N);
    let owner = name("_services._dns-sd._udp.local");
    for (record, service) in message.answers().zip(services) {
        let service_type = name(&format!("{service}._tcp.local"));
        let expected = Record {
            name: owner.as_name(),
            class: Class::IN,
            cache_flush: false,
            ttl: Ttl(ttl),
            rdata: Rdata::Ptr(service_type.as_name()),
        };
        assert_eq!(record, expected);
    }
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hexadecimal
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// The message as we write it.
fn written(message: &Message<'_>) -> Vec<u8> {
    let mut buffer = vec![0; 9000];
    let mut writer = Writer::new(&mut buffer, 9000, message.header());
    for question in message.questions() {
        writer.question(&question).unwrap();
    }
    for (section, record) in message.records() {
        writer.record(section, &record).unwrap();
    }
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}
