//! Tests of names: text and wire form, comparison, order.

use std::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::*;

fn owned(text: &str) -> NameBuf {
    text.parse().unwrap()
}

/// The name at `start` of a message in which names begin at 12, if it is sound.
fn read(message: &[u8], start: usize) -> Option<Name<'_>> {
    let (_, is_sound) = Name::check(message, start, 12)?;
    is_sound.then(|| Name::at(message, u16::try_from(start).unwrap()))
}

/// A message with `names` after its header.
fn after_header(names: &[u8]) -> Vec<u8> {
    [&[0; 12], names].concat()
}

// covers: SEC-01, SEC-02, 1035-4.1.4-c, 1035-4.1.4-e, 9267-2-a
#[test]
fn pointers_lead_strictly_back_and_not_into_the_header() {
    let cases: [(&str, &[u8], usize); 7] = [
        ("itself", b"\xc0\x0c", 12),
        ("each other", b"\xc0\x0e\xc0\x0c", 14),
        ("the label before it", b"\x01a\xc0\x0c", 12),
        ("forward", b"\xc0\x0e\x01a\0", 12),
        ("the header", b"\xc0\x04", 12),
        ("the header's last byte", b"\xc0\x0b", 12),
        ("past the end", b"\xff\xff", 12),
    ];
    for (what, names, start) in cases {
        let message = after_header(names);
        assert_eq!(read(&message, start), None, "{what}");
    }
    let half = after_header(b"\x01a\0\xc0");
    assert_eq!(read(&half, 15), None);

    let good = after_header(b"\x01a\0\x01b\xc0\x0c\xc0\x0f");
    assert_eq!(read(&good, 15).unwrap().to_string(), "b.a");
    assert_eq!(read(&good, 19).unwrap().to_string(), "b.a");
}

// covers: SEC-01, 1035-4.1.4-d
#[test]
fn a_chain_of_pointers_ends_early() {
    let mut message = after_header(b"\x01a\0\0");
    for at in (16u16..8000).step_by(2) {
        let before = if at == 16 { 12 } else { at - 2 };
        message.extend((0xc000 | before).to_be_bytes());
    }
    let last = message.len() - 2;
    assert_eq!(read(&message, last), None);
    let few = 16 + 2 * (usize::from(HOPS_MAX) - 1);
    assert_eq!(read(&message, few).unwrap().to_string(), "a");
    assert_eq!(read(&message, few + 2), None);
}

// covers: SEC-03, 1035-2.3.4-a, 1035-4.1.4-b, 9267-3-a
#[test]
fn other_label_types_are_errors() {
    for first in [0x40, 0x41, 0x7f, 0x80, 0xbf] {
        let message = after_header(&[&[first][..], &[b'0'; 200]].concat());
        assert_eq!(read(&message, 12), None);
        assert_eq!(
            Name::from_wire(&message[12..]).unwrap_err().kind,
            NameErrorKind::LabelType
        );
    }
}

// covers: 6762-3-g, SEC-03, 1035-2.3.4-b, 9267-3-a
#[test]
fn a_name_has_255_bytes_and_a_zero() {
    // Four labels of 64 bytes less one, with the zero: 256.
    let lengths = [63, 63, 63, 62];
    let mut flat: Vec<u8> = Vec::new();
    for len in lengths {
        flat.push(len);
        flat.extend(std::iter::repeat_n(b'x', len.into()));
    }
    flat.push(0);
    assert_eq!(flat.len(), NAME_MAX);
    let name = Name::from_wire(&flat).unwrap();
    assert_eq!(name.wire_len(), NAME_MAX);
    assert!(!NameBuf::from(name).fits_unicast());
    assert_eq!(read(&after_header(&flat), 12).unwrap(), name);

    // One byte more, by pointer.
    let mut message = after_header(b"");
    message.extend(&flat[64..]);
    let start = message.len();
    message.extend(&flat[..64]);
    message.extend([0xc0, 12]);
    assert_eq!(read(&message, start).unwrap(), name);
    message.splice(start..start, [1, b'y']);
    assert_eq!(read(&message, start), None);

    let mut owned = NameBuf::from(name);
    assert_eq!(
        owned.push_label(b"y").unwrap_err().kind,
        NameErrorKind::NameTooLong
    );
    assert_eq!(owned.as_name(), name);
    let mut owned = NameBuf::from_labels([&b"y"[..]]).unwrap();
    assert_eq!(
        owned.push_name(name).unwrap_err().kind,
        NameErrorKind::NameTooLong
    );
    assert_eq!(owned.as_wire(), b"\x01y\0");
    owned.push_label(b"z").unwrap();
    assert_eq!(owned.to_string(), "y.z");
}

// covers: SEC-04, 1035-3.1-a, 9267-4-a
#[test]
fn a_name_ends_inside_its_bytes() {
    let whole = b"\x04hall\x05local\0";
    for len in 0..whole.len() {
        assert_eq!(
            Name::from_wire(&whole[..len]).unwrap_err().kind,
            NameErrorKind::Truncated
        );
        let message = after_header(&whole[..len]);
        assert_eq!(read(&message, 12), None);
    }
    let error = Name::from_wire(b"\x04hall\0\0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "name ends before its bytes do, at byte 5"
    );
}

// covers: 6762-16-d, 4343-3-a, 6762-16-b, 6763-7-c
#[test]
fn names_compare_without_ascii_case_alone() {
    let pairs = [
        ("MyPrinter.local", "myprinter.LOCAL", true),
        ("É.local", "é.local", false),
        ("[.local", "{.local", false),
        ("@.local", "`.local", false),
        ("\u{feff}a.local", "a.local", false),
        ("a.b", r"a\.b", false),
        ("a.local", "a", false),
    ];
    for (a, b, same) in pairs {
        let (a, b) = (owned(a), owned(b));
        assert_eq!(a == b, same, "{a} {b}");
        assert_eq!(a.as_name().hash(7) == b.as_name().hash(7), same, "{a} {b}");
    }
    assert!(
        !owned("A.local")
            .as_name()
            .eq_case(owned("a.local").as_name())
    );
}

#[test]
fn a_hash_needs_its_key_and_spreads() {
    let name = owned("hall.local");
    assert_ne!(name.as_name().hash(1), name.as_name().hash(2));
    let mut buckets = [0u32; 64];
    for number in 0..6400 {
        let name = owned(&format!("host-{number}.local"));
        buckets[(name.as_name().hash(0) % 64) as usize] += 1;
    }
    // 100 each, and ten standard deviations.
    assert!(
        buckets.iter().all(|count| (1..200).contains(count)),
        "{buckets:?}"
    );
    // Where labels end counts.
    assert_ne!(
        owned("ab.c").as_name().hash(0),
        owned("a.bc").as_name().hash(0)
    );
    let zero = NameBuf::from_labels([&b"a\0"[..]]).unwrap();
    assert_ne!(zero.as_name().hash(0), owned("a").as_name().hash(0));
}

// covers: 2181-11-a, SEC-19, 6762-16-e, 6763-4.1.1-a
#[test]
fn any_bytes_survive_and_none_of_them_reaches_a_terminal() {
    let every: Vec<u8> = (0..=255).collect();
    let mut name = NameBuf::new();
    for part in every.chunks(60) {
        name.push_label(part).ok();
    }
    let text = name.to_string();
    assert!(!text.chars().any(char::is_control), "{text}");
    let again: NameBuf = text.parse().unwrap();
    assert!(again.as_name().eq_case(name.as_name()));

    let escape = NameBuf::from_labels([&b"\x1b[2J\n\xc2\x9b\xff\xfe.\\\0"[..]]).unwrap();
    assert_eq!(escape.to_string(), r"\027[2J\010\194\155\255\254\.\\\000");
}

// covers: 6763-4.3-a, 6763-4.3-b, 6763-4.3-c, 6763-4.1.1-f, 6762-16-c
#[test]
fn text_keeps_labels_apart() {
    let name = owned(r"a\.b\\c._x._tcp.local.");
    assert_eq!(name.as_name().first_label(), Some(&br"a.b\c"[..]));
    assert_eq!(name.to_string(), r"a\.b\\c._x._tcp.local");
    assert_eq!(owned(r"Dev\032Box\.").to_string(), r"Dev Box\.");
    assert_eq!(
        owned("münchen.local").as_wire(),
        b"\x08m\xc3\xbcnchen\x05local\0"
    );
    assert_eq!(owned("xn--mnchen-3ya").as_wire(), b"\x0exn--mnchen-3ya\0");
    assert_eq!(owned(".").to_string(), ".");
    assert!(owned(".").as_name().is_root());
    assert_eq!(unescape_label(r"a.b\046c\\").unwrap(), br"a.b.c\");
}

// covers: SEC-20, 1035-2.3.4-a
#[test]
fn wrong_text_is_refused_with_its_place() {
    let long = format!("{}.{}", "a".repeat(6), "b".repeat(64));
    let cases = [
        ("", "empty label, at byte 0"),
        (".a", "empty label, at byte 0"),
        ("a..b", "empty label, at byte 2"),
        ("a.b..", "empty label, at byte 4"),
        (&long, "label longer than 63 bytes, at byte 70"),
        (
            "a\\",
            "backslash not followed by a character or by three digits, at byte 1",
        ),
        (
            "a\\25",
            "backslash not followed by a character or by three digits, at byte 1",
        ),
        (
            "a\\256",
            "backslash not followed by a character or by three digits, at byte 1",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(
            text.parse::<NameBuf>().unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
    let long: String = ["a".repeat(63).as_str(); 5].join(".");
    assert_eq!(
        long.parse::<NameBuf>().unwrap_err().kind,
        NameErrorKind::NameTooLong
    );
    assert_eq!(
        unescape_label("").unwrap_err().kind,
        NameErrorKind::EmptyLabel
    );
    assert_eq!(unescape_label(&"a".repeat(64)).unwrap_err().at, 63);
}

// covers: 6762-3-d
#[test]
fn zones_are_matched_by_label() {
    let cases = [
        ("a.local", true),
        ("A.LoCaL.", true),
        ("local", true),
        ("a.notlocal", false),
        ("local.example", false),
        (r"a\.local", false),
        ("1.7.254.169.in-addr.arpa", true),
        ("1.7.10.in-addr.arpa", false),
        ("0.8.e.f.ip6.arpa", true),
        ("0.B.E.F.ip6.arpa", true),
        ("0.c.e.f.ip6.arpa", false),
        (".", false),
    ];
    for (text, link_local) in cases {
        assert_eq!(owned(text).as_name().is_link_local(), link_local, "{text}");
    }
    assert!(owned("a.b").as_name().ends_with(Name::ROOT));
    assert!(!Name::ROOT.ends_with(owned("a").as_name()));
}

#[test]
fn addresses_are_turned_round() {
    let cases = [
        ("0.10.200.255", "255.200.10.0.in-addr.arpa"),
        (
            "fe80::223:32ff:feb1:2152",
            "2.5.1.2.1.b.e.f.f.f.2.3.3.2.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
        ),
    ];
    for (address, name) in cases {
        assert_eq!(reverse_name(address.parse().unwrap()).to_string(), name);
    }
}

#[test]
fn parents_follow_pointers() {
    let message = after_header(b"\x05local\0\x04hall\xc0\x0c");
    let name = read(&message, 19).unwrap();
    assert_eq!(name.wire_len(), 12);
    let zone = name.parent().unwrap();
    assert_eq!(zone.to_string(), "local");
    assert!(zone.parent().unwrap().is_root());
    assert!(zone.parent().unwrap().parent().is_none());
    let mut flat = [0; 12];
    assert_eq!(name.copy_to(&mut flat), Some(12));
    assert_eq!(&flat, b"\x04hall\x05local\0");
    assert_eq!(name.copy_to(&mut flat[..11]), None);
}

// covers: 6763-7-b, 6763-4.1.2-a, 6763-7-a, 6763-7.2-a
#[test]
fn service_types_keep_to_rfc_6335() {
    for good in [
        "_a._tcp",
        "_a23456789012345._udp",
        "_1a-b._TCP",
        "_ipp._tcp.LOCAL.",
    ] {
        let service: ServiceType = good.parse().unwrap();
        assert_eq!(service.as_name().labels().count(), 3, "{good}");
    }
    let cases = [
        (
            "http._tcp",
            "service name does not begin with an underscore, at byte 0",
        ),
        (
            "_http",
            "service name is not followed by _tcp or _udp, at byte 5",
        ),
        (
            "_http._sctp",
            "service name is not followed by _tcp or _udp, at byte 6",
        ),
        (
            "_a234567890123456._tcp",
            "service name has not 1 to 15 characters, at byte 0",
        ),
        (
            "_._tcp",
            "service name has not 1 to 15 characters, at byte 0",
        ),
        ("_80._tcp", "service name has no letter, at byte 0"),
        (
            "_-a._tcp",
            "service name has a hyphen first, last or beside another, at byte 0",
        ),
        (
            "_a-._tcp",
            "service name has a hyphen first, last or beside another, at byte 0",
        ),
        (
            "_a--b._tcp",
            "service name has a hyphen first, last or beside another, at byte 0",
        ),
        (
            "_a_b._tcp",
            "service name has other characters than letters, digits and hyphens, at byte 0",
        ),
        ("_a._tcp.example", "domain is not local, at byte 8"),
        ("_b._sub._a._tcp", "a subtype has no place here, at byte 0"),
        ("_a.._tcp", "empty label, at byte 3"),
    ];
    for (text, message) in cases {
        assert_eq!(
            text.parse::<ServiceType>().unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
}

// covers: 6763-7-b, 6763-7.1-a, 6763-7.1-d
#[test]
fn browsing_takes_what_others_registered() {
    for good in ["_a_b._tcp", "_80._udp.local", "_a2345678901234567._tcp"] {
        assert!(ServiceType::browse(good).is_ok(), "{good}");
    }
    let printers = ServiceType::browse(r"v1\.2._sub._http._tcp").unwrap();
    assert_eq!(printers.subtype(), Some(&b"v1.2"[..]));
    assert_eq!(printers.base(), "_http._tcp".parse().unwrap());
    assert_eq!(printers, printers.base().with_subtype(b"V1.2").unwrap());
    assert_eq!(printers.base().subtype(), None);
    for wrong in [
        "_a._sub",
        "x._sub.http._tcp",
        "_services._dns-sd._udp",
        "_a._tcp.example",
    ] {
        assert!(ServiceType::browse(wrong).is_err(), "{wrong}");
    }
}

// covers: 6763-9-b, 8553-2-a, 6763-4.1.3-a
#[test]
fn names_are_cut_by_labels() {
    let found = owned("_x._tcp.example");
    let service = ServiceType::from_name(found.as_name()).unwrap();
    assert_eq!(service.to_string(), "_x._tcp.local");
    assert!(ServiceType::from_name(owned("x._tcp.local").as_name()).is_none());
    assert!(ServiceType::from_name(owned("_x").as_name()).is_none());

    let name = owned(r"a\._tcp._http._tcp.b\.c.example");
    let (instance, service) = split_instance(name.as_name()).unwrap();
    assert_eq!(instance, b"a._tcp");
    assert_eq!(service.to_string(), r"_http._tcp.b\.c.example");
    for not in [
        "_http._tcp.local",
        "a.b._http._tcp.local",
        "hall.local",
        ".",
    ] {
        assert!(split_instance(owned(not).as_name()).is_none(), "{not}");
    }
}

// covers: 6763-4.1.1-a, 6763-4.1.1-b, 6763-4.1.1-g, 6763-4.1.1-h, SEC-20
#[test]
fn instances_are_any_text_without_control_characters() {
    let kanji = "漢".repeat(21);
    for good in ["J. Smith's \"Printer\" (2)", &kanji, " ", &"a".repeat(63)] {
        assert_eq!(check_instance(good), Ok(()));
    }
    assert_eq!(
        check_instance("").unwrap_err().to_string(),
        "empty name, at byte 0"
    );
    assert_eq!(
        check_instance(&"a".repeat(64)).unwrap_err().to_string(),
        "name of 64 bytes, longer than 63, at byte 63"
    );
    for (label, at) in [("a\u{7}", 1), ("é\u{7f}", 2), ("\0", 0)] {
        let error = check_instance(label).unwrap_err();
        assert!(matches!(error, LabelError::Character { at: place, .. } if place == at));
        assert!(!error.to_string().chars().any(char::is_control));
    }
    let ipp: ServiceType = "_ipp._tcp".parse().unwrap();
    assert_eq!(
        ipp.instance("a.b").unwrap().to_string(),
        r"a\.b._ipp._tcp.local"
    );
}

// covers: 6762-3-h, 8553-2-b
#[test]
fn hosts_are_one_plain_label() {
    for good in ["hall", "printer-2", "münchen", "4"] {
        assert_eq!(check_host(good), Ok(()), "{good}");
    }
    for wrong in ["", "a.b", "_x", "-a", "a-", "a b", "a\u{85}b"] {
        assert!(check_host(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn labels_are_cut_between_characters() {
    assert_eq!(cut_label("漢字", 5), "漢");
    assert_eq!(cut_label("漢字", 6), "漢字");
    assert_eq!(cut_label("漢字", 2), "");
    assert_eq!(cut_label("", 0), "");
}
