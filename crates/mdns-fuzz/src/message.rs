//! Any bytes are parsed, walked, compared and put into words: nothing panics, and all of it is bounded by the length.

use std::fmt::Write as _;

use mdns_proto::{
    name::{NAME_MAX, Name, NameBuf, ServiceType, split_instance},
    wire::{Message, Rdata, Section, Words},
};

/// The least that a question takes: a root, a type and a class.
const QUESTION_MIN: usize = 5;
/// The same for a record, which has a TTL and a length beside them.
const RECORD_MIN: usize = 11;
/// Characters of text for one byte: `\255` in a name or a string, `TYPE65535` for one bit of an NSEC.
const TEXT_PER_BYTE: usize = 90;

pub(crate) fn run(bytes: &[u8]) {
    let words = Words::of(bytes);
    assert_is_plain(&format!("{} {words}", words.verb()));
    if let Some(faults) = words.faults() {
        assert_is_plain(&faults.to_string());
    }
    let Ok(message) = Message::parse(bytes) else {
        return assert!(bytes.len() < 12 || bytes.len() > 65535);
    };
    read(&message);
}

/// Reads all there is to read in a message.
pub(crate) fn read(message: &Message<'_>) {
    let len = message.as_bytes().len();
    let questions = message.questions().count();
    let records = message.records().count();
    assert_eq!(message.questions().len(), questions);
    for section in [Section::Answer, Section::Authority, Section::Additional] {
        let records = message.section(section);
        assert_eq!(records.len(), records.count());
    }
    assert!(questions * QUESTION_MIN + records * RECORD_MIN + 12 <= len);

    // What one entry says is as long as a name can be, and its rdata; a pointer of two bytes can stand for a name.
    let names_max = 5 * NAME_MAX * (questions + 4 * records);
    let text_max = 200 + TEXT_PER_BYTE * len + 3 * names_max;
    let mut text = format!("{message:?}");
    for question in message.questions() {
        look_at(question.name);
        let _infallible = write!(text, "{question}");
    }
    let mut flat = vec![0; 66_000];
    for (_, record) in message.records() {
        look_at(record.name);
        let _infallible = write!(text, "{record} {:?}", record.rdata);
        assert!(record.cmp_probe(&record).is_eq());
        let len = record.rdata.copy_to(&mut flat).unwrap_or_default();
        assert_eq!(len, record.rdata.wire_len());
        let again = Rdata::from_wire(record.rtype(), &flat[..len]);
        assert_eq!(again, Some(record.rdata));
        assert_eq!(again.map(|rdata| rdata.hash(1)), Some(record.rdata.hash(1)));
    }
    assert!(
        text.len() <= 2 * text_max,
        "{} characters of {len} bytes",
        text.len()
    );
    assert_is_plain(&text);
}

fn look_at(name: Name<'_>) {
    assert!(name.wire_len() <= NAME_MAX);
    split_instance(name);
    ServiceType::from_name(name);
    assert!(NameBuf::from(name).as_name().eq_case(name));
    assert_eq!(NameBuf::from(name).as_name().hash(1), name.hash(1));
}

/// Nothing in it moves a cursor, rings a bell or changes a colour.
fn assert_is_plain(text: &str) {
    let odd = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "{text:?}");
}
