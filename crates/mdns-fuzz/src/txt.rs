//! TXT data: bytes to strings and back, attributes into bytes and back, and all of it into text.

use mdns_proto::wire::{Attribute, Txt, TxtBuf, TxtError, TxtVec};

use crate::input::Input;

/// So small that much finds no room.
const ROOM: usize = 100;

pub(crate) fn run(bytes: &[u8]) {
    if let Some(txt) = Txt::from_wire(bytes) {
        of_wire(txt, bytes);
    }
    of_attributes(&mut Input::new(bytes));
}

/// Written again string by string it is the same, and each attribute is found.
fn of_wire(txt: Txt<'_>, bytes: &[u8]) {
    let mut again = TxtVec::new();
    let all = txt
        .strings()
        .try_for_each(|string| again.push_string(string));
    match all {
        Ok(()) => assert_eq!(again.as_txt(), txt),
        Err(_) => assert!(bytes.len() >= 65535),
    }
    assert_eq!(Txt::from_wire(txt.as_wire()), Some(txt));
    let text = txt.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(txt.strings().count() <= bytes.len().max(1));
    // The first of those with one key counts.
    let mut seen: Vec<&[u8]> = Vec::new();
    for (key, value) in txt.attributes().take(64) {
        assert!(!key.is_empty() && !key.contains(&b'='));
        let is_first = !seen.iter().any(|seen| seen.eq_ignore_ascii_case(key));
        if let (true, Ok(text)) = (is_first, str::from_utf8(key)) {
            let expected = value.map_or(Attribute::Present, Attribute::Value);
            assert_eq!(txt.get(text), expected);
        }
        seen.push(key);
    }
}

/// Attributes are pushed until there is no room; what was refused has changed nothing.
fn of_attributes(input: &mut Input<'_>) {
    let mut vec = TxtVec::new();
    let mut buf = TxtBuf::<ROOM>::new();
    let mut is_full = false;
    while !input.is_empty() {
        let (kind, key_len) = (input.byte(), input.byte());
        let key = String::from_utf8_lossy(input.bytes((key_len % 80).into())).into_owned();
        let value_len = input.byte();
        let value = input.bytes(value_len.into());
        let value = (kind & 1 == 1).then_some(value);
        let before = vec.as_txt().as_wire().to_vec();
        let pushed = vec.push(&key, value);
        match pushed {
            Ok(()) => {
                let expected = value.map_or(Attribute::Present, Attribute::Value);
                assert_eq!(vec.as_txt().get(&key), expected);
                assert_eq!(vec.as_txt().get(&key.to_ascii_uppercase()), expected);
            }
            Err(error) => {
                assert_eq!(vec.as_txt().as_wire(), before);
                if let TxtError::KeyCharacter { at } = error {
                    assert!(at < key.len());
                }
            }
        }
        let is_known = buf.as_txt().get(&key) != Attribute::Absent;
        match buf.push(&key, value) {
            Err(TxtError::Full) => is_full = true,
            // What found no room before is not there to be repeated.
            in_buf if is_known || !is_full => assert_eq!(in_buf, pushed),
            _ => {}
        }
        if !is_full {
            assert_eq!(buf.as_txt(), vec.as_txt());
        }
        assert!(buf.as_txt().as_wire().len() <= ROOM);
        assert_eq!(Txt::from_wire(vec.as_txt().as_wire()), Some(vec.as_txt()));
    }
}
