//! Names, labels and service types: bytes to text and back, text to bytes and back.

use std::net::{Ipv4Addr, Ipv6Addr};

use mdns_proto::name::{
    LABEL_MAX, Name, NameBuf, ServiceType, check_host, check_instance, cut_label, escape_label,
    reverse_name, split_instance, unescape_label,
};

use crate::input::Input;

pub(crate) fn run(bytes: &[u8]) {
    if let Ok(name) = Name::from_wire(bytes) {
        assert_eq!(name.wire_len(), bytes.len());
        both_ways(name);
    }
    // Labels of any bytes, each with its length before it.
    let mut input = Input::new(bytes);
    let mut built = NameBuf::new();
    while !input.is_empty() {
        let len = input.byte();
        let before = built.as_wire().len();
        if built.push_label(input.bytes(len.into())).is_err() {
            assert_eq!(built.as_wire().len(), before);
        }
    }
    both_ways(built.as_name());
    if let Ok(text) = std::str::from_utf8(bytes) {
        of_text(text);
    } else {
        of_text(&String::from_utf8_lossy(bytes));
    }
    if let Some(octets) = bytes.first_chunk() {
        both_ways(reverse_name(Ipv4Addr::from(*octets).into()).as_name());
    }
    if let Some(octets) = bytes.first_chunk() {
        both_ways(reverse_name(Ipv6Addr::from(*octets).into()).as_name());
    }
}

/// A name is read back from its text, and from its bytes; so is each of its labels.
fn both_ways(name: Name<'_>) {
    let text = name.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    let again: NameBuf = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    assert!(again.as_name().eq_case(name), "{text}");
    assert_eq!(again.as_name().hash(7), name.hash(7));
    // Case is kept and does not matter.
    let shouted = NameBuf::from_labels(
        name.labels()
            .map(<[u8]>::to_ascii_uppercase)
            .collect::<Vec<_>>()
            .iter()
            .map(Vec::as_slice),
    );
    let shouted = shouted.unwrap_or_else(|e| panic!("{text}: {e}"));
    assert!(shouted.as_name() == name && shouted.as_name().hash(7) == name.hash(7));
    for label in name.labels() {
        let text = escape_label(label).to_string();
        let again = unescape_label(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(&again[..], label);
    }
    let mut zone = Some(name);
    while let Some(at) = zone {
        assert!(name.ends_with(at));
        zone = at.parent();
    }
    let Some((label, zone)) = split_instance(name) else {
        return;
    };
    let service_type = ServiceType::from_name(zone).filter(|found| found.as_name() == zone);
    if let (Some(service_type), Ok(label)) = (service_type, str::from_utf8(label)) {
        match service_type.instance(label) {
            Ok(instance) => assert!(instance.as_name() == name),
            Err(_) => assert!(check_instance(label).is_err()),
        }
    }
}

/// Whatever a user types is a name that is read back, or an error with a place inside the text.
fn of_text(text: &str) {
    match text.parse::<NameBuf>() {
        Ok(name) => both_ways(name.as_name()),
        Err(error) => assert!(error.at <= text.len() && !error.to_string().is_empty()),
    }
    match unescape_label(text) {
        Ok(label) => {
            let again = escape_label(&label).to_string();
            assert_eq!(unescape_label(&again).as_ref(), Ok(&label));
        }
        Err(error) => assert!(error.at <= text.len()),
    }
    for service_type in [text.parse::<ServiceType>(), ServiceType::browse(text)] {
        match service_type {
            Ok(service_type) => {
                both_ways(service_type.as_name());
                assert!(
                    service_type
                        .as_name()
                        .ends_with(service_type.base().as_name())
                );
                let again = ServiceType::browse(&service_type.to_string());
                assert_eq!(again.as_ref(), Ok(&service_type));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let ipp: Result<ServiceType, _> = "_ipp._tcp".parse();
    if let Ok(ipp) = ipp {
        assert_eq!(ipp.instance(text).is_ok(), check_instance(text).is_ok());
    }
    if check_host(text).is_ok() {
        assert!(NameBuf::from_labels([text.as_bytes()]).is_ok());
    }
    for len_max in [0, 1, 7, LABEL_MAX] {
        let cut = cut_label(text, len_max);
        assert!(cut.len() <= len_max && text.starts_with(cut));
        assert!(cut.len() + 3 >= len_max.min(text.len()));
    }
}
