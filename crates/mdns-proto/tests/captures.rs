//! What other implementations sent, decoded and compared with what another decoder read (`captures/README.md`), and
//! written again.

#[path = "captures/pcap.rs"]
mod pcap;

use std::fs;

use mdns_proto::{
    name::Name,
    wire::{Header, Message, Question, Rdata, Record, Section, Txt, Writer},
};
use serde_json::{Value, json};

use pcap::Datagram;

// covers: 6763-6.1-d, 6762-18.14-e, 6762-18.14-f, 6762-18.14-h, 2782-a, 6762-18.12-a, 6762-18.13-a, 1035-4.1.1-a
#[test]
fn every_packet_says_what_another_decoder_says() {
    each_packet(|place, packet, expected| {
        let message = Message::parse(packet.payload).unwrap();
        assert!(message.is_sound(), "{place}");
        let mut facts = facts(&message);
        facts["n"] = expected["n"].clone();
        facts["t"] = json!(packet.at.as_micros() as f64 / 1e6);
        facts["src"] = json!(packet.source.ip().to_string());
        facts["sport"] = json!(packet.source.port());
        facts["dst"] = json!(packet.destination.ip().to_string());
        facts["dport"] = json!(packet.destination.port());
        facts["hop"] = json!(packet.hop_limit);
        facts["len"] = json!(packet.payload.len());
        let mut expected = expected.clone();
        for section in ["an", "ns", "ar"] {
            for record in expected[section].as_array_mut().unwrap() {
                let record = record.as_object_mut().unwrap();
                // Of the compressed length there is nothing left to read, but that a TXT without rdata is one
                // empty string to us.
                let rdlen = record.remove("rdlen");
                if record["type"] == "TXT" && rdlen == Some(json!(0)) {
                    record.insert("rdata".into(), json!([""]));
                }
            }
        }
        assert_eq!(facts, expected, "{place}");
    });
}

// covers: 6762-18.14-a, 6762-18.14-b, 6762-18.14-c, 4343-4.1-a
#[test]
fn every_packet_can_be_written_again_and_no_longer_than_it_was() {
    each_packet(|place, packet, _| {
        let message = Message::parse(packet.payload).unwrap();
        let mut buffer = [0; 9000];
        let len = write(&message, &mut buffer);
        let again = Message::parse(&buffer[..len]).unwrap();
        assert!(again.is_sound(), "{place}");
        assert_eq!(format!("{again:?}"), format!("{message:?}"), "{place}");
        assert!(again.records().eq(message.records()), "{place}");
        assert!(again.questions().eq(message.questions()), "{place}");
        // A TXT without rdata is written with its one zero byte.
        let txt_grown = message
            .records()
            .filter(|(_, record)| matches!(record.rdata, Rdata::Txt(txt) if txt == Txt::EMPTY))
            .count();
        assert!(
            len <= packet.payload.len() + txt_grown,
            "{place}: {len} > {}",
            packet.payload.len()
        );
    });
}

// covers: SEC-07, SEC-24
#[test]
fn every_packet_cut_anywhere_gives_what_came_before_the_cut() {
    each_packet(|place, packet, _| {
        let whole = Message::parse(packet.payload).unwrap();
        for len in 0..packet.payload.len() {
            match Message::parse(&packet.payload[..len]) {
                Err(_) => assert!(len < 12, "{place} cut to {len}"),
                Ok(cut) => {
                    assert!(!cut.is_whole() && !cut.is_sound(), "{place} cut to {len}");
                    assert!(cut.questions().zip(whole.questions()).all(|(a, b)| a == b));
                    assert!(cut.records().zip(whole.records()).all(|(a, b)| a == b));
                }
            }
        }
    });
}

/// Writes all of a message.
fn write(message: &Message<'_>, buffer: &mut [u8]) -> usize {
    let limit = buffer.len();
    let mut writer = Writer::new(buffer, limit, message.header());
    for question in message.questions() {
        writer.question(&question).unwrap();
    }
    for (section, record) in message.records() {
        writer.record(section, &record).unwrap();
    }
    writer.finish()
}

/// A message in the terms of the `.jsonl` files.
fn facts(message: &Message<'_>) -> Value {
    let Header { id, flags } = message.header();
    let section = |section: Section| -> Vec<Value> {
        message
            .section(section)
            .map(|record| record_facts(&record))
            .collect()
    };
    json!({
        "id": id,
        "qr": u8::from(flags.response()),
        "opcode": flags.opcode(),
        "aa": u8::from(flags.authoritative()),
        "tc": u8::from(flags.truncated()),
        "rcode": flags.rcode(),
        "qd": message.questions().map(|question| question_facts(&question)).collect::<Vec<_>>(),
        "an": section(Section::Answer),
        "ns": section(Section::Authority),
        "ar": section(Section::Additional),
    })
}

fn question_facts(question: &Question<'_>) -> Value {
    json!({
        "name": plain(question.name),
        "type": question.qtype.to_string(),
        "class": question.qclass.0,
        "qu": question.unicast,
    })
}

fn record_facts(record: &Record<'_>) -> Value {
    let rdata = match record.rdata {
        Rdata::Opt(options) => {
            return json!({
                "name": plain(record.name),
                "type": "OPT",
                "udp": record.class.0,
                "options": option_facts(options),
            });
        }
        Rdata::A(address) => json!(address.to_string()),
        Rdata::Aaaa(address) => json!(address.to_string()),
        Rdata::Ptr(name) => json!(plain(name)),
        Rdata::Srv(srv) => json!([srv.priority, srv.weight, srv.port, plain(srv.target)]),
        Rdata::Txt(txt) => txt.strings().map(text).collect(),
        Rdata::Nsec(nsec) => [plain(nsec.next)]
            .into_iter()
            .chain(nsec.types.iter().map(|rtype| rtype.to_string()))
            .collect(),
        other => panic!("not in any capture: {other}"),
    };
    json!({
        "name": plain(record.name),
        "type": record.rtype().to_string(),
        "class": record.class.0,
        "flush": record.cache_flush,
        "ttl": record.ttl.0,
        "rdata": rdata,
    })
}

/// Code, length and bytes of each option (RFC 6891 §6.1.2).
fn option_facts(mut options: &[u8]) -> Vec<Value> {
    let mut facts = Vec::new();
    while let [c1, c2, l1, l2, rest @ ..] = options {
        let (bytes, rest) = rest.split_at(u16::from_be_bytes([*l1, *l2]).into());
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        facts.push(json!([u16::from_be_bytes([*c1, *c2]), bytes.join(":")]));
        options = rest;
    }
    facts
}

/// Labels joined by dots, nothing escaped.
fn plain(name: Name<'_>) -> String {
    if name.is_root() {
        return ".".into();
    }
    name.labels().map(text).collect::<Vec<_>>().join(".")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Calls `check` with each datagram of each capture, where it is, and what is expected of it.
fn each_packet(check: impl Fn(&str, &Datagram<'_>, &Value)) {
    let mut packets = 0;
    for path in pcap::files() {
        let capture = fs::read(&path).unwrap();
        let lines = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let datagrams = pcap::datagrams(&capture);
        assert_eq!(datagrams.len(), lines.lines().count(), "{}", path.display());
        for (datagram, line) in datagrams.into_iter().zip(lines.lines()) {
            let expected: Value = serde_json::from_str(line).unwrap();
            let place = format!("{} {}", path.display(), expected["n"]);
            check(&place, &datagram, &expected);
            packets += 1;
        }
    }
    assert_eq!(packets, 299);
}
