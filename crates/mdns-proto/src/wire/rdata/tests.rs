//! Tests of record data: reading, writing, comparing.

use std::{format, string::ToString, vec, vec::Vec};

use super::*;
use crate::name::NameBuf;

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn attributes<'a>(txt: &Txt<'a>) -> Vec<(&'a [u8], Option<&'a [u8]>)> {
    txt.attributes().collect()
}

// covers: 1035-3.3.14-a, SEC-08
#[test]
fn strings_end_inside_the_rdata() {
    for wrong in [&b"\x01"[..], b"\x02a", b"\x01a\x01", b"\xff"] {
        assert_eq!(Txt::from_wire(wrong), None);
    }
    let long = [&[255][..], &[b'x'; 255]].concat();
    assert_eq!(
        Txt::from_wire(&long)
            .unwrap()
            .strings()
            .next()
            .unwrap()
            .len(),
        255
    );
}

// covers: 6763-6.1-b, 6763-6.1-c, 6763-6.1-d
#[test]
fn nothing_and_one_zero_are_the_same() {
    let none = Rdata::from_wire(RecordType::TXT, b"").unwrap();
    let zero = Rdata::from_wire(RecordType::TXT, b"\0").unwrap();
    assert_eq!(none, zero);
    assert_eq!(none.wire_len(), 1);
    assert_eq!(none, Rdata::Txt(Txt::EMPTY));
    assert_eq!(Txt::EMPTY.attributes().count(), 0);
    assert_eq!(TxtBuf::<0>::new().as_txt(), Txt::EMPTY);
}

// covers: 6763-6.3-a, 6763-6.4-a, 6763-6.4-b, 6763-6.4-e, 6763-6.4-f, 6763-6.4-g, 6763-6.4-i, 6763-6.4-j, 6763-6.5-a, 6763-6.5-b
#[test]
fn attributes_are_cut_at_the_first_equals_sign() {
    let txt =
        Txt::from_wire(b"\0\x05a=b=c\x02=x\x01k\x02e=\x03a =\x03A=2\x05v=\0\xff=\x06q= \"x\"")
            .unwrap();
    assert_eq!(
        attributes(&txt),
        [
            (&b"a"[..], Some(&b"b=c"[..])),
            (b"k", None),
            (b"e", Some(b"")),
            (b"a ", Some(b"")),
            (b"A", Some(b"2")),
            (b"v", Some(b"\0\xff=")),
            (b"q", Some(b" \"x\"")),
        ]
    );
    assert_eq!(txt.get("A"), Attribute::Value(b"b=c"));
    assert_eq!(txt.get("K"), Attribute::Present);
    assert_eq!(txt.get("e"), Attribute::Value(b""));
    assert_eq!(txt.get("x"), Attribute::Absent);
    assert_eq!(txt.get(""), Attribute::Absent);
    assert!(!txt.to_string().chars().any(char::is_control));
    assert!(txt.to_string().ends_with(r#""q= \"x\"""#));
}

// covers: 6763-6.4-a, 6763-6.4-d, 6763-6.4-h, 6763-6.4-j, 6763-6.7-a, SEC-08
#[test]
fn a_txt_is_built_of_checked_attributes() {
    let mut txt = TxtBuf::<300>::new();
    txt.push("txtvers", Some(b"1")).unwrap();
    txt.push("k", None).unwrap();
    txt.push("e", Some(b"")).unwrap();
    assert_eq!(txt.as_txt().as_wire(), b"\x09txtvers=1\x01k\x02e=");
    assert_eq!(format!("{txt:?}"), r#""txtvers=1" "k" "e=""#);
    let refused = [
        ("", None, TxtError::EmptyKey),
        ("=x", None, TxtError::KeyCharacter { at: 0 }),
        ("é", None, TxtError::KeyCharacter { at: 0 }),
        ("a\n", None, TxtError::KeyCharacter { at: 1 }),
        ("K", Some(&b"1"[..]), TxtError::Repeated),
        ("v", Some(&[0; 254]), TxtError::TooLong { len: 256 }),
    ];
    for (key, value, error) in refused {
        assert_eq!(txt.push(key, value), Err(error));
    }
    assert_eq!(txt.as_txt().strings().count(), 3);
    txt.push("v", Some(&[0; 253])).unwrap();
    assert_eq!(txt.as_txt().as_wire().len(), 10 + 2 + 3 + 256);
    assert_eq!(txt.push_string(&[0; 29]), Err(TxtError::Full));
    txt.push_string(&[0; 28]).unwrap();
    assert_eq!(txt.push("w", None), Err(TxtError::Full));
    assert_eq!(
        txt.push_string(&[0; 256]),
        Err(TxtError::TooLong { len: 256 })
    );
}

// covers: 6763-6.1-a, SEC-08
#[cfg(feature = "alloc")]
#[test]
fn a_growing_txt_ends_at_65535_bytes() {
    let mut txt = TxtVec::new();
    for _ in 0..255 {
        txt.push_string(&[b'x'; 255]).unwrap();
    }
    assert_eq!(txt.push_string(&[b'x'; 255]), Err(TxtError::Full));
    txt.push_string(&[b'x'; 254]).unwrap();
    assert_eq!(txt.as_txt().as_wire().len(), 65535);
    assert_eq!(txt.push("k", None), Err(TxtError::Full));
    assert_eq!(Txt::from_wire(txt.as_txt().as_wire()), Some(txt.as_txt()));
}

// covers: 4034-4.1.2-a, 4034-4.1.2-b, 4034-4.1.2-c, 4034-4.1.2-d
#[test]
fn bitmaps_are_as_short_as_can_be() {
    let set = |types: &[RecordType]| types.iter().copied().collect::<TypeSet>();
    let cases: [(&[RecordType], &[u8]); 4] = [
        (&[RecordType::A], b"\0\x01\x40"),
        (&[RecordType::AAAA, RecordType::A], b"\0\x04\x40\0\0\x08"),
        (&[RecordType::TXT, RecordType::SRV], b"\0\x05\0\0\x80\0\x40"),
        (&[], b""),
    ];
    for (types, blocks) in cases {
        assert_eq!(set(types).as_types().as_wire(), blocks);
        assert_eq!(set(types).as_types().iter().count(), types.len());
        assert!(
            types
                .iter()
                .all(|rtype| set(types).as_types().contains(*rtype))
        );
    }
    let never = [
        RecordType::NSEC,
        RecordType::OPT,
        RecordType::ANY,
        RecordType(0),
        RecordType(256),
    ];
    assert_eq!(set(&never).as_types().as_wire(), b"");
    let short = Types::from_wire(b"\0\x01\x40").unwrap();
    assert!(!short.contains(RecordType::SRV));
}

// covers: SEC-09, 4034-4.1.2-d, 4034-4.1.2-e
#[test]
fn bitmaps_are_read_block_by_block() {
    let types = Types::from_wire(b"\0\x01\x40\x01\x01\x40\xff\x01\x01").unwrap();
    assert!(types.iter().eq([1, 257, 65287].map(RecordType)));
    assert!(types.contains(RecordType(257)) && !types.contains(RecordType(258)));

    // OPT is bit 41, and ANY is 255.
    let all = [&[0, 32][..], &[0xff; 32]].concat();
    let types = Types::from_wire(&all).unwrap();
    assert!(!types.contains(RecordType::OPT) && !types.contains(RecordType::ANY));
    assert_eq!(types.iter().count(), 126);

    for wrong in [&b"\0"[..], b"\0\0", b"\0\x02\x40", b"\0\x01\x40\x01\0"] {
        assert_eq!(Types::from_wire(wrong), None);
    }
    for len in [33, 255] {
        let block = [&[0, len][..], &vec![0xff; len.into()]].concat();
        assert_eq!(Types::from_wire(&block), None);
    }
    let many: Vec<u8> = (0..=255).flat_map(|window| [window, 1, 0x40]).collect();
    assert_eq!(Types::from_wire(&many).unwrap().iter().count(), 256);
}

/// Rdata of every layout, with names not compressed.
const FLAT: [(RecordType, &[u8], &str); 13] = [
    (RecordType::A, b"\xc0\0\x02\x01", "192.0.2.1"),
    (
        RecordType::AAAA,
        &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "fe80::1",
    ),
    (RecordType::PTR, b"\x01a\0", "a"),
    (RecordType::CNAME, b"\x01a\x01b\0", "a.b"),
    (RecordType::DNAME, b"\x01a\0", "a"),
    (RecordType::NS, b"\0", "."),
    (
        RecordType::SRV,
        b"\0\x01\0\x02\x02\x77\x04hall\0",
        "1 2 631 hall",
    ),
    (RecordType::TXT, b"\x03a=1\x01k", r#""a=1" "k""#),
    (RecordType::NSEC, b"\x01a\0\0\x01\x40", "a A"),
    (RecordType::HINFO, b"\x03ARM\x02\"\\", r#""ARM" "\"\\""#),
    (RecordType::PX, b"\0\x0a\x01a\0\x01b\0", "10 a b"),
    (
        RecordType::SOA,
        b"\x01a\0\x01b\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
        "a b 1 2 3 4 5",
    ),
    (RecordType(65280), b"\x01\xff", r"\# 2 01ff"),
];

// covers: 3597-4-a
#[test]
fn flat_rdata_reads_and_is_copied_back() {
    for (rtype, flat, text) in FLAT {
        let rdata = Rdata::from_wire(rtype, flat).unwrap();
        assert_eq!(rdata.rtype(), rtype);
        assert_eq!(rdata.to_string(), text);
        assert_eq!(rdata.wire_len(), flat.len());
        let mut copy = [0; 64];
        assert_eq!(rdata.copy_to(&mut copy), Some(flat.len()));
        assert_eq!(&copy[..flat.len()], flat);
        assert_eq!(rdata.copy_to(&mut copy[..flat.len() - 1]), None);
        assert_eq!(
            rdata.hash(1),
            Rdata::from_wire(rtype, flat).unwrap().hash(1)
        );
    }
}

// covers: SEC-04, SEC-05, 1035-4.1.4-a, 1035-4.1.3-a, 9267-5-a, 2782-a
#[test]
fn rdata_of_a_wrong_length_is_none() {
    for (rtype, flat, text) in FLAT {
        if matches!(rtype, RecordType::TXT | RecordType(65280)) {
            continue;
        }
        for len in 0..flat.len() {
            // An NSEC may have no bitmap.
            let rdata = Rdata::from_wire(rtype, &flat[..len]);
            assert!(
                rdata.is_none() || rtype == RecordType::NSEC,
                "{rtype} {text} {len}"
            );
        }
        let longer = [flat, b"\0"].concat();
        assert_eq!(Rdata::from_wire(rtype, &longer), None, "{rtype} {text}");
    }
    // A pointer has no place in flat rdata.
    assert_eq!(Rdata::from_wire(RecordType::PTR, b"\x01a\0\xc0\0"), None);
    assert_eq!(Rdata::from_wire(RecordType::PTR, b"\x01a\xc0\0"), None);
}

// covers: 6762-8.2-h, 6762-8.2-i, 6762-8.2-j
#[test]
fn the_order_is_of_unsigned_bytes_and_the_longer_is_later() {
    let a = |last| Rdata::A([169, 254, last, 50].into());
    assert_eq!(a(200).cmp_wire(&a(99)), Ordering::Greater);
    let opaque = |bytes: &'static [u8]| Rdata::Other(RecordType(65280), bytes);
    assert_eq!(opaque(b"ab").cmp_wire(&opaque(b"abc")), Ordering::Less);
    assert_eq!(
        opaque(b"\xff").cmp_wire(&opaque(b"\x7f\x00")),
        Ordering::Greater
    );
    assert_eq!(opaque(b"ab").cmp_wire(&opaque(b"ab")), Ordering::Equal);
    // Case counts here.
    let (upper, lower) = (name("HALL.local"), name("hall.local"));
    assert_eq!(
        Rdata::Ptr(upper.as_name()).cmp_wire(&Rdata::Ptr(lower.as_name())),
        Ordering::Less
    );
}

// covers: 3597-4-a, 6762-16-d
#[test]
fn names_in_rdata_are_equal_in_any_case_and_bytes_are_not() {
    let (upper, lower) = (name("HALL.local"), name("hall.local"));
    let srv = |target| {
        Rdata::Srv(Srv {
            priority: 0,
            weight: 0,
            port: 631,
            target,
        })
    };
    assert_eq!(srv(upper.as_name()), srv(lower.as_name()));
    assert_eq!(srv(upper.as_name()).hash(3), srv(lower.as_name()).hash(3));
    let mx = |bytes| Rdata::from_wire(RecordType::MX, bytes).unwrap();
    assert_eq!(mx(b"\0\x0a\x01a\0"), mx(b"\0\x0a\x01A\0"));
    assert_ne!(mx(b"\0\x0a\x01a\0"), mx(b"\0\x0b\x01a\0"));
    assert_ne!(
        Rdata::Other(RecordType(65280), b"a"),
        Rdata::Other(RecordType(65280), b"A")
    );
    assert_ne!(Rdata::Ptr(lower.as_name()), Rdata::Cname(lower.as_name()));
    assert_ne!(
        Rdata::Ptr(lower.as_name()).hash(3),
        Rdata::Cname(lower.as_name()).hash(3)
    );
}
