//! What any stack says it saw, in one form: the JSON lines of `mdns` and of `lab/zc.py`, and the lines of Avahi's tools.

use std::{collections::BTreeMap, time::Duration, time::SystemTime};

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::peer::{Line, Peer};

/// One line of output that tells something. Fields that a line does not carry are empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[serde(rename = "event")]
    pub(crate) kind: Kind,
    /// The first label, as a person writes it.
    pub(crate) instance: String,
    #[serde(rename = "type")]
    pub(crate) service_type: String,
    /// With or without `.local` and the final dot; see [`Event::host`].
    host: String,
    pub(crate) port: u16,
    txt: BTreeMap<String, Value>,
    addresses: Vec<Address>,
    #[serde(skip)]
    pub(crate) at: Option<SystemTime>,
}

/// An address: by itself, or with the interface it belongs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Address {
    Bare(String),
    Scoped { address: String },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Found,
    Resolved,
    Changed,
    /// Still there, but nobody knows where.
    Lost,
    Gone,
    Registered,
    Renamed,
    Address,
    /// The addresses that a peer holds.
    Cache,
    #[default]
    #[serde(other)]
    Other,
}

impl Event {
    fn read(line: &Line) -> Option<Event> {
        let event = match line.text.as_bytes().first()? {
            b'{' => serde_json::from_str(&line.text).ok()?,
            b'+' | b'=' | b'-' => Event::of_avahi_browse(&line.text)?,
            _ => Event::of_avahi_publish(&line.text)?,
        };
        Some(Event {
            at: Some(line.at),
            ..event
        })
    }

    /// `=;eth0;IPv4;Lab\032Web;_http._tcp;local;h1.local;10.99.0.1;8080;"path=/x" "flag"`
    fn of_avahi_browse(line: &str) -> Option<Event> {
        let mut fields = line.splitn(10, ';');
        let kind = match fields.next()? {
            "+" => Kind::Found,
            "=" => Kind::Resolved,
            "-" => Kind::Gone,
            _ => return None,
        };
        let mut fields = fields.skip(2);
        let mut event = Event {
            kind,
            instance: unescape(fields.next()?),
            service_type: fields.next()?.to_owned(),
            ..Event::default()
        };
        let mut fields = fields.skip(1);
        if let (Some(host), Some(address), Some(port)) =
            (fields.next(), fields.next(), fields.next())
        {
            event.host = unescape(host);
            event.addresses = vec![Address::Bare(address.to_owned())];
            event.port = port.parse().ok()?;
        }
        let strings = fields.next().unwrap_or_default().trim().trim_matches('"');
        for string in strings.split("\" \"").filter(|string| !string.is_empty()) {
            let (key, value) = match string.split_once('=') {
                Some((key, value)) => (key, Value::from(value)),
                None => (string, Value::Null),
            };
            event.txt.insert(key.to_owned(), value);
        }
        Some(event)
    }

    /// `Established under name 'Same #2'`, `Name collision, picking new name 'Same #2'.`
    fn of_avahi_publish(line: &str) -> Option<Event> {
        let (what, rest) = line.split_once('\'')?;
        let (name, _) = rest.rsplit_once('\'')?;
        let kind = match what.trim() {
            "Established under name" => Kind::Registered,
            "Name collision, picking new name" => Kind::Renamed,
            _ => return None,
        };
        Some(Event {
            kind,
            instance: name.to_owned(),
            ..Event::default()
        })
    }

    /// The host's first label.
    pub(crate) fn host(&self) -> &str {
        let host = self.host.trim_end_matches('.');
        host.strip_suffix(".local").unwrap_or(host)
    }

    /// Addresses without their scopes.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(|address| {
            let (Address::Bare(address) | Address::Scoped { address }) = address;
            address.split('%').next().unwrap_or(address)
        })
    }

    /// The attributes of the TXT record; a key without a value has none. Some show the empty string as an attribute.
    pub(crate) fn txt(&self) -> BTreeMap<&str, Option<&str>> {
        self.txt
            .iter()
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }
}

/// `\032` is a byte in decimal, any other character after `\` stands for itself.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let (byte, skip) = match (first, code, tail.first()) {
            (b'\\', Some(byte), _) => (byte, 3),
            (b'\\', None, Some(escaped)) => (*escaped, 1),
            _ => (first, 0),
        };
        bytes.push(byte);
        rest = &tail[skip..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Peer {
    /// What it has told so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.lines().iter().filter_map(Event::read).collect()
    }

    /// Waits until it has told `count` events of this kind.
    pub(crate) fn count(&self, kind: Kind, count: usize, timeout: Duration) -> Result<()> {
        self.wait_until(&format!("{count} times {kind:?}"), timeout, |lines| {
            let told = lines
                .iter()
                .filter_map(Event::read)
                .filter(|event| event.kind == kind);
            (told.count() >= count).then_some(())
        })
    }

    /// Waits for an event, among those told already and those to come. `what` names it in the error.
    pub(crate) fn event(
        &self,
        what: &str,
        timeout: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        self.wait_until(what, timeout, |lines| {
            lines
                .iter()
                .filter_map(Event::read)
                .find(|event| wanted(event))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_avahi_browse_is_read() {
        let line = r#"=;eth0;IPv4;B\195\188ro\0582\.;_ipp._tcp;local;h1.local;10.99.0.1;631;"flag" "path=/a b""#;
        let event = Event::of_avahi_browse(line).unwrap();
        assert_eq!(event.kind, Kind::Resolved);
        assert_eq!(
            (event.instance.as_str(), event.host(), event.port),
            ("Büro:2.", "h1", 631)
        );
        assert_eq!(event.txt(), [("flag", None), ("path", Some("/a b"))].into());
        assert_eq!(event.addresses().collect::<Vec<_>>(), ["10.99.0.1"]);
    }

    #[test]
    fn a_line_of_avahi_publish_is_read() {
        let event = Event::of_avahi_publish("Established under name 'It's #2'").unwrap();
        assert_eq!(
            (event.kind, event.instance.as_str()),
            (Kind::Registered, "It's #2")
        );
    }

    #[test]
    fn a_line_of_json_is_read() {
        let json = r#"{"event":"resolved","instance":"A","host":"h2.local.","addresses":["fe80::1%eth0",{"address":"10.0.0.1","interface":"eth0"}],"txt":{"k":true}}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!((event.kind, event.host()), (Kind::Resolved, "h2"));
        assert_eq!(
            event.addresses().collect::<Vec<_>>(),
            ["fe80::1", "10.0.0.1"]
        );
        assert_eq!(event.txt(), [("k", None)].into());
        assert_eq!(
            serde_json::from_str::<Event>(r#"{"event":"later"}"#)
                .unwrap()
                .kind,
            Kind::Other
        );
    }
}
