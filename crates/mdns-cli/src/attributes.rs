//! Attributes as they are typed (RFC 6763 §6), and as they change while they are advertised.

use std::str::FromStr;

use mdns_proto::wire::{TxtError, TxtVec};

/// `key=value` or `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    key: String,
    value: Option<String>,
}

impl FromStr for Attribute {
    type Err = TxtError;

    fn from_str(text: &str) -> Result<Self, TxtError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        TxtVec::new().push(key, value.map(str::as_bytes))?;
        Ok(Attribute {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        })
    }
}

/// All attributes of a service, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<Attribute>);

impl From<Vec<Attribute>> for Attributes {
    fn from(attributes: Vec<Attribute>) -> Self {
        Attributes(attributes)
    }
}

impl Attributes {
    /// Does what a line says: `key=value` or `key` sets an attribute, `!key` takes it away.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the line; nothing has changed then.
    pub(crate) fn change(&mut self, line: &str) -> Result<(), String> {
        let (is_set, text) = match line.strip_prefix('!') {
            Some(key) => (false, key),
            None => (true, line),
        };
        let attribute: Attribute = text.parse().map_err(|error| format!("{line:?}: {error}"))?;
        let place = self
            .0
            .iter()
            .position(|known| known.key.eq_ignore_ascii_case(&attribute.key));
        match (place, is_set) {
            (Some(at), true) => self.0[at] = attribute,
            (None, true) => self.0.push(attribute),
            (Some(at), false) => drop(self.0.remove(at)),
            (None, false) => {}
        }
        Ok(())
    }

    /// Does what all lines of a text say; empty ones say nothing.
    ///
    /// # Errors
    ///
    /// Says which line is wrong, and why.
    pub(crate) fn change_all(&mut self, text: &str) -> Result<(), String> {
        (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.is_empty())
            .try_for_each(|(number, line)| {
                self.change(line)
                    .map_err(|why| format!("line {number}: {why}"))
            })
    }

    /// As TXT data.
    ///
    /// # Errors
    ///
    /// Names the attribute that is given twice, or finds no room.
    pub(crate) fn to_txt(&self) -> Result<TxtVec, String> {
        let mut txt = TxtVec::new();
        for Attribute { key, value } in &self.0 {
            txt.push(key, value.as_deref().map(str::as_bytes))
                .map_err(|error| format!("{key:?}: {error}"))?;
        }
        Ok(txt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(attributes: &Attributes) -> String {
        attributes
            .to_txt()
            .expect("attributes")
            .as_txt()
            .to_string()
    }

    #[test]
    fn lines_set_and_take_away() {
        let mut attributes = Attributes::default();
        let lines = "path=/a=b\n\nempty=\r\nflag\nPATH=/new\n!nothing\n";
        attributes.change_all(lines).expect("changes");
        assert_eq!(text(&attributes), r#""PATH=/new" "empty=" "flag""#);
        attributes.change("!Empty").expect("a change");
        assert_eq!(text(&attributes), r#""PATH=/new" "flag""#);
    }

    #[test]
    fn a_wrong_line_changes_nothing() {
        let mut attributes = Attributes::default();
        attributes.change("a=1").expect("a change");
        for line in ["=1", "!", "k\u{e9}y", &"x".repeat(256)] {
            let why = attributes.change(line).expect_err("a fault");
            assert!(why.starts_with(&format!("{line:?}: ")), "{why}");
        }
        let why = attributes.change_all("b\n\n=c").expect_err("a fault");
        assert!(why.starts_with("line 3: \"=c\": empty key"), "{why}");
    }
}
