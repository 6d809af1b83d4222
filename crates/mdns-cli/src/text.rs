//! Text from the network, made safe to show and impossible to confuse.
//!
//! * [`escaped`] is for people: characters that are invisible, or that command the terminal, are written as bytes.
//! * [`label_text`] is for programs: bytes that need not be UTF-8 as a string, a different one for different bytes.

use std::{borrow::Cow, fmt::Write as _};

/// Whether a character commands a terminal, turns the direction of writing, breaks a line, or cannot be seen.
///
/// Control characters, and what Unicode calls default ignorable: names that differ in these look the same.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, grapheme joiner, Arabic letter mark.
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Fillers of Hangul and Khmer, selectors of Mongolian.
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
            // Without width; direction; line and paragraph separators; invisible operators.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Variation selectors, byte order mark, annotations.
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // Controls of shorthand and of musical notation.
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags and more variation selectors.
            | '\u{e0000}'..='\u{e0fff}')
}

/// Text in which harmful characters are written as in names and zone files, byte by byte: `\226\128\174`. Lines stay lines: a
/// line break that others sent is escaped before.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) && c != '\n' {
            push_bytes(&mut escaped, c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Text with U+FFFD in place of every harmful character.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(is_harmful, "\u{fffd}")
}

/// The bytes of a label or of a key as a string that no other bytes have, and whether it is escaped.
///
/// Text is itself. Only what is not UTF-8, and text that reads like an escape (`\\`, or `\` and three digits), is escaped:
/// `\255` for a byte that belongs to no character, `\\` for a backslash. To read it: an escape is its byte, all else is itself.
pub(crate) fn label_text(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = str::from_utf8(bytes)
        && !text
            .char_indices()
            .any(|(at, _)| escape_at(text, at).is_some())
    {
        return (text.into(), false);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text += &chunk.valid().replace('\\', r"\\");
        push_bytes(&mut text, chunk.invalid());
    }
    (text.into(), true)
}

/// The byte that an escape at this place stands for, and the length of the escape.
fn escape_at(text: &str, at: usize) -> Option<(u8, usize)> {
    match text.as_bytes()[at..] {
        [b'\\', b'\\', ..] => Some((b'\\', 2)),
        [b'\\', a, b, c, ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
            let number = text[at + 1..at + 4].parse().ok()?;
            Some((number, 4))
        }
        _ => None,
    }
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "\\{byte:03}").ok();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The bytes that [`label_text`] makes this text of.
    pub(crate) fn label_bytes(text: &str) -> Cow<'_, [u8]> {
        if !text.contains('\\') {
            return text.as_bytes().into();
        }
        let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
        while at < text.len() {
            let (byte, len) = escape_at(text, at).unwrap_or((text.as_bytes()[at], 1));
            bytes.push(byte);
            at += len;
        }
        bytes.into()
    }

    #[test]
    fn text_is_itself() {
        for text in [
            "",
            "Büro 2.0",
            r"DOMAIN\user",
            r"a\",
            r"\25x",
            r"\999",
            "\u{fffd}",
        ] {
            assert_eq!(label_text(text.as_bytes()), (text.into(), false));
        }
        for (bytes, text) in [
            (&b"P\xff"[..], r"P\255"),
            (br"P\255", r"P\\255"),
            (br"\\server", r"\\\\server"),
            (b"\\\xe2\x82", r"\\\226\130"),
        ] {
            assert_eq!(label_text(bytes), (text.into(), true));
        }
    }

    /// Every string of up to six of these bytes has a text of its own, from which it is read back.
    #[test]
    fn no_two_have_one_text() {
        const BYTES: &[u8] = b"\\25\xc3\xbf";
        let mut texts = BTreeMap::new();
        for len in 0..=6 {
            for number in 0..BYTES.len().pow(len) {
                let digit = |place| BYTES[number / BYTES.len().pow(place) % BYTES.len()];
                let bytes: Vec<u8> = (0..len).map(digit).collect();
                let text = label_text(&bytes).0.into_owned();
                assert_eq!(*label_bytes(&text), *bytes, "{text}");
                assert_eq!(texts.insert(text, bytes.clone()), None, "{bytes:?}");
            }
        }
    }

    /// covers: SEC-19
    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for range in [
            0x00..=0x09,
            0x0b..=0x1f,
            0x7f..=0x9f,
            0xad..=0xad,
            0x61c..=0x61c,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xe0000..=0xe007f,
            0xe0100..=0xe01ef,
        ] {
            for c in range.filter_map(char::from_u32) {
                let text = format!("a{c}b");
                assert!(escaped(&text).is_ascii(), "U+{:04X}", u32::from(c));
                assert_eq!(harmless(&text), "a\u{fffd}b");
            }
        }
        assert_eq!(
            escaped("a\u{200b}\u{e0041}"),
            r"a\226\128\139\243\160\129\129"
        );
        for text in [
            "Büro",
            "東京",
            "日本\u{3000}",
            "אבג",
            "☕",
            "e\u{301}",
            "\u{1f600}",
            "a\nb",
        ] {
            assert_eq!(escaped(text), text);
        }
    }
}
