//! What holds for any bytes: nothing panics, what parses can be written and parses to the same, text is read back.

use std::fmt::Write as _;

use mdns_proto::{
    name::{Name, NameBuf, ServiceType, escape_label, split_instance, unescape_label},
    wire::{Compression, Message, Rdata, RecordType, Section},
};
use mdns_sim::{assert_same, rewritten};
use proptest::{collection::vec, prelude::*, sample};

/// Bytes that look like a message now and then: the alphabet is of lengths, pointers and types.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let small_counts = vec(0u8..4, 4).prop_map(|counts| {
        let counts: Vec<u8> = counts.into_iter().flat_map(|count| [0, count]).collect();
        [&[0, 0, 0x84, 0][..], &counts].concat()
    });
    (small_counts, vec(any_entry(), 0..12))
        .prop_map(|(header, entries)| [header, entries.concat()].concat())
}

/// Something that may pass for a name, a question, a record or none of them.
fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let types = sample::select(vec![
        1u8, 2, 5, 6, 12, 13, 15, 16, 17, 26, 28, 33, 39, 41, 47, 99, 255,
    ]);
    let rdata = prop_oneof![
        vec(any::<u8>(), 0..24),
        (vec(any::<u8>(), 0..8), any_name()).prop_map(|(bytes, name)| [bytes, name].concat()),
        (any_name(), vec(any::<u8>(), 0..8)).prop_map(|(name, bytes)| [name, bytes].concat()),
    ];
    let record = (any_name(), types, any::<bool>(), rdata, 0usize..8).prop_map(
        |(name, rtype, flush, rdata, lie)| {
            // Mostly the length is true.
            let len = if lie == 0 { 200 } else { rdata.len() as u8 };
            let fixed = [0, rtype, u8::from(flush) << 7, 1, 0, 0, 0, 120, 0, len];
            [name, fixed.to_vec(), rdata].concat()
        },
    );
    prop_oneof![
        1 => vec(any::<u8>(), 0..12),
        2 => any_name().prop_map(|name| [name, vec![0, 1, 0, 1]].concat()),
        8 => record,
    ]
}

/// A name on the wire, whole, compressed or broken.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let label = prop_oneof![
        4 => sample::select(vec![&b"local"[..], b"LOCAL", b"_tcp", b"hall", b"a"]).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..64),
    ];
    let labels = vec(label, 0..4).prop_map(|labels| {
        labels
            .into_iter()
            .flat_map(|label| [vec![label.len() as u8], label].concat())
            .collect::<Vec<u8>>()
    });
    let end = prop_oneof![
        4 => Just(vec![0]),
        4 => (12u8..80).prop_map(|to| vec![0xc0, to]),
        1 => vec(any::<u8>(), 0..2),
    ];
    (labels, end).prop_map(|(labels, end)| [labels, end].concat())
}

/// A name made of labels of any bytes.
fn any_name_buf() -> impl Strategy<Value = NameBuf> {
    vec(vec(any::<u8>(), 1..64), 0..4)
        .prop_map(|labels| NameBuf::from_labels(labels.iter().map(Vec::as_slice)).unwrap())
}

/// Reads all there is to read, and says how much.
fn read_all(message: &Message<'_>) -> usize {
    let mut text = format!("{message:?}");
    for question in message.questions() {
        assert!(question.name.wire_len() <= 256);
        write!(text, "{question}").unwrap();
    }
    let mut buffer = vec![0; 66000];
    for (_, record) in message.records() {
        assert!(record.name.wire_len() <= 256);
        split_instance(record.name);
        ServiceType::from_name(record.name);
        write!(text, "{record} {:?} {}", record.rdata, record.rdata.hash(1)).unwrap();
        assert!(record.cmp_probe(&record).is_eq());
        let len = record.rdata.copy_to(&mut buffer).unwrap();
        assert_eq!(
            Rdata::from_wire(record.rtype(), &buffer[..len]),
            Some(record.rdata)
        );
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    text.len()
}

// covers: SEC-01, SEC-02, SEC-03, SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-13, SEC-19, SEC-21
proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_can_be_read(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(message) = Message::parse(&bytes) {
            read_all(&message);
        }
    }

    #[test]
    fn what_parses_is_written_and_parses_to_the_same(bytes in any_message()) {
        let message = Message::parse(&bytes).unwrap();
        read_all(&message);
        for compression in [Compression::Full, Compression::Legacy] {
            let again = rewritten(&message, compression, 65535).unwrap();
            let again = Message::parse(&again).unwrap();
            prop_assert!(again.is_sound());
            assert_same(&message, &again);
            read_all(&again);
        }
    }

    #[test]
    fn counts_are_of_what_is_read(bytes in any_message()) {
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.question_count(), message.questions().count());
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            prop_assert_eq!(message.section(section).len(), message.section(section).count());
        }
    }

    #[test]
    fn any_bytes_may_be_rdata(rtype in 0u16..70, bytes in vec(any::<u8>(), 0..80)) {
        if let Some(rdata) = Rdata::from_wire(RecordType(rtype), &bytes) {
            let text = rdata.to_string();
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert!(bytes.is_empty() || rdata.bytes().eq(bytes.iter().copied()));
        }
    }

    #[test]
    fn any_name_is_read_back_from_its_text(name in any_name_buf()) {
        let text = name.to_string();
        prop_assert!(!text.chars().any(char::is_control));
        let again: NameBuf = text.parse().unwrap();
        prop_assert!(again.as_name().eq_case(name.as_name()));
        prop_assert_eq!(again.as_name().hash(1), name.as_name().hash(1));
        let flat = Name::from_wire(name.as_wire()).unwrap();
        prop_assert!(flat.eq_case(name.as_name()));
        if let Some(label) = name.as_name().first_label() {
            let text = escape_label(label).to_string();
            prop_assert_eq!(&unescape_label(&text).unwrap()[..], label);
        }
    }

    #[test]
    fn any_text_is_a_name_or_an_error_inside_it(text in "[a-z.\\\\0-9é ]{0,80}") {
        match text.parse::<NameBuf>() {
            Ok(name) => prop_assert_eq!(name.to_string().parse::<NameBuf>().unwrap(), name),
            Err(error) => prop_assert!(error.at <= text.len(), "{}", error),
        }
    }
}
