//! What is printed: one line an event, as columns for people or as JSON for programs, written out at once.
//!
//! Nothing that the network says commands a terminal: names and attributes are escaped in columns (RFC 6763 §4.3), and in JSON
//! every control character is written as `\uXXXX`, also those beyond ASCII; so are, in both, characters that turn the direction of
//! writing or cannot be seen. Bytes that are no text are neither lost nor taken for others (`text`).
//!
//! The fields are documented in `docs/cli.md`, and stay.

mod stream;
mod table;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mdns_proto::{
    name::{Name, NameBuf, split_instance},
    wire::{Txt, TxtVec},
};
use mdns_socket::{Family, Holder};
use mdns_tokio::{Address, Answer, Backend, BackendInfo, Instance, UnusableLink};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use self::{
    stream::{ERROR, OUTPUT, WhenFull},
    table::Table,
};
use crate::{
    args::Show,
    text::{escaped, is_harmful, label_text},
};

/// The width of a column of names.
const NAME_WIDTH: usize = 34;

/// The width of a column of record types.
const TYPE_WIDTH: usize = 5;

/// The width of a column of host and port.
const PLACE_WIDTH: usize = 22;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Interfaces are used now.
    Joined,
    /// An interface cannot be used.
    Unusable,
    /// There is a service type.
    Type,
    /// There is an instance.
    Found,
    /// The details of an instance are these now.
    Resolved,
    /// The details of an instance are not known any more.
    Lost,
    /// There is no such instance, or no such record, any more.
    Gone,
    /// There is a record.
    Record,
    /// There is more than memory allows to know of.
    Incomplete,
    /// Lines are missing here: they were not read in time.
    Missed,
    /// The addresses of a host are these now.
    Address,
    /// A name is ours.
    Registered,
    /// A name is another's; this one is tried.
    Renamed,
    /// The TXT data of ours are others now.
    Updated,
    /// Goodbye has been said.
    Withdrawn,
}

/// One line. What it does not have is not printed.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    event: Kind,
    /// The first label of the name, as [`label_text`] has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Its bytes, if that is escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_base64: Option<String>,
    /// The whole name, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    service_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// The name of the host, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// What the host is an alias for, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "txt_object")]
    txt: Option<TxtVec>,
    /// All strings of it, if that object does not say all.
    #[serde(skip_serializing_if = "Option::is_none")]
    txt_base64: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Places>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtype: Option<String>,
    /// As in a zone file, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    rdata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interfaces: Option<Vec<Interface>>,
    /// Who asks and publishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    /// Why they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    backend_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<bool>,
    /// `IPv4` or `IPv6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<String>,
    /// Why it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The programs that have the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<String>>,
    /// How many there are of something.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// What `--short` prints, line by line; if nothing, the line is left out.
    #[serde(skip)]
    short: Option<String>,
}

/// An interface that is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Interface {
    pub(crate) interface: String,
    /// `IPv4` or `IPv6`.
    pub(crate) family: String,
}

/// A link that should be used, and cannot be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unusable<'a> {
    pub(crate) interface: &'a str,
    pub(crate) family: Family,
    pub(crate) reason: &'a str,
    pub(crate) holders: &'a [Holder],
}

impl<'a> From<&'a UnusableLink> for Unusable<'a> {
    fn from(link: &'a UnusableLink) -> Self {
        Unusable {
            interface: &link.interface_name,
            family: link.family,
            reason: &link.reason,
            holders: &link.holders,
        }
    }
}

impl Line {
    pub(crate) fn new(event: Kind) -> Self {
        Line {
            event,
            instance: None,
            instance_base64: None,
            name: None,
            service_type: None,
            domain: None,
            host: None,
            canonical_name: None,
            port: None,
            txt: None,
            txt_base64: None,
            addresses: None,
            rtype: None,
            rdata: None,
            interface: None,
            interfaces: None,
            backend: None,
            backend_reason: None,
            own: None,
            family: None,
            reason: None,
            holders: None,
            count: None,
            short: None,
        }
    }

    /// A line about a link that cannot be used.
    fn unusable(link: &Unusable<'_>) -> Self {
        Line {
            interface: Some(link.interface.to_owned()),
            family: Some(link.family.to_string()),
            reason: Some(link.reason.to_owned()),
            holders: Some(link.holders.iter().map(Holder::to_string).collect()),
            ..Line::new(Kind::Unusable)
        }
    }

    /// A line in place of so many others.
    fn missed(count: u64) -> Self {
        Line {
            count: Some(count),
            ..Line::new(Kind::Missed)
        }
    }

    /// The same line, of which this is the value that counts.
    pub(crate) fn valued(self, value: impl ToString) -> Self {
        Line {
            short: Some(value.to_string()),
            ..self
        }
    }

    /// A line about the instance of this name.
    pub(crate) fn about(event: Kind, name: Name<'_>) -> Self {
        let (label, service_type) = match split_instance(name) {
            Some((label, service_type)) => (Some(label), service_type),
            None => (None, name),
        };
        let text = label.map(label_text);
        let is_escaped = text.as_ref().is_some_and(|(_, is_escaped)| *is_escaped);
        Line {
            instance: text.map(|(text, _)| text.into_owned()),
            instance_base64: label
                .filter(|_| is_escaped)
                .map(|label| BASE64_STANDARD.encode(label)),
            name: Some(name.to_string()),
            ..Line::of_type(event, service_type)
        }
    }

    /// A line about a service type.
    pub(crate) fn of_type(event: Kind, service_type: Name<'_>) -> Self {
        let mut labels = service_type.labels();
        let front = NameBuf::from_labels(labels.by_ref().take(2)).unwrap_or_default();
        Line {
            service_type: Some(front.to_string()),
            domain: Some(labels.rest().to_string()),
            ..Line::new(event)
        }
    }

    /// A line about an instance, without details.
    pub(crate) fn of_instance(event: Kind, instance: &Instance) -> Self {
        Line {
            own: Some(instance.is_own),
            ..Line::about(event, instance.name.as_name())
        }
    }

    /// A line about an instance, with all that is known.
    pub(crate) fn with_details(event: Kind, instance: &Instance) -> Self {
        let place = match (&instance.host, instance.port) {
            (Some(host), Some(port)) => Some(format!("{host}:{port}")),
            _ => None,
        };
        Line {
            short: place,
            host: instance.host.as_ref().map(NameBuf::to_string),
            canonical_name: instance
                .host
                .as_ref()
                .zip(instance.canonical_host.as_ref())
                .and_then(|(host, canonical)| alias_for(host, canonical)),
            port: instance.port,
            txt_base64: txt_strings(&instance.txt.as_txt()),
            txt: Some(instance.txt.clone()),
            addresses: Some(Places {
                addresses: instance.addresses.clone(),
                port: instance.port,
            }),
            ..Line::of_instance(event, instance)
        }
    }

    /// A line about the addresses of a host.
    pub(crate) fn of_host(host: &NameBuf, canonical: &NameBuf, addresses: Vec<Address>) -> Self {
        let each: Vec<String> = addresses.iter().map(scoped).collect();
        Line {
            host: Some(host.to_string()),
            canonical_name: alias_for(host, canonical),
            addresses: Some(Places {
                addresses,
                port: None,
            }),
            ..Line::new(Kind::Address)
        }
        .valued(each.join("\n"))
    }

    /// A line about a service of ours.
    pub(crate) fn of_own(
        event: Kind,
        name: Name<'_>,
        host: Option<String>,
        port: u16,
        txt: TxtVec,
    ) -> Self {
        Line {
            host,
            port: Some(port),
            txt_base64: txt_strings(&txt.as_txt()),
            txt: Some(txt),
            own: Some(true),
            short: (event == Kind::Registered).then(|| name.to_string()),
            ..Line::about(event, name)
        }
    }

    /// A line about the name of a host of ours.
    pub(crate) fn of_own_host(event: Kind, host: &NameBuf) -> Self {
        Line {
            host: Some(host.to_string()),
            own: Some(true),
            short: (event == Kind::Registered).then(|| host.to_string()),
            ..Line::new(event)
        }
    }

    /// A line about a record.
    pub(crate) fn of_record(event: Kind, record: &Answer) -> Self {
        Line {
            name: Some(record.name.to_string()),
            rtype: Some(record.rtype.to_string()),
            rdata: Some(record.rdata().to_string()),
            interface: Some(record.interface_name.to_string()),
            own: Some(record.is_own),
            short: (event == Kind::Record).then(|| record.rdata().to_string()),
            ..Line::new(event)
        }
    }

    pub(crate) fn joined(interfaces: Vec<Interface>, backend: Option<&BackendInfo>) -> Self {
        Line {
            interfaces: Some(interfaces),
            backend: backend.map(|info| info.backend.to_string()),
            backend_reason: backend.map(|info| info.reason.clone()),
            ..Line::new(Kind::Joined)
        }
    }
}

/// Who asks and publishes, and why, for people.
pub(crate) fn backend_text(info: &BackendInfo) -> String {
    let version = info.version.as_deref().unwrap_or_default();
    let by = match info.backend {
        Backend::Avahi => format!("avahi-daemon ({version})"),
        Backend::Resolved => "systemd-resolved publishes, own sockets ask".to_owned(),
        _ => "own sockets".to_owned(),
    };
    format!("backend {}: {by}; {}", info.backend, info.reason)
}

/// What a host is an alias for, if it is one.
fn alias_for(host: &NameBuf, canonical: &NameBuf) -> Option<String> {
    (host != canonical).then(|| canonical.to_string())
}

/// What can be printed.
pub(crate) trait Print: Serialize {
    /// For people, who are shown neither JSON nor control characters.
    fn columns(&self, stamp: Stamp) -> String;

    /// What counts, one value a line, if there is something.
    fn short(&self) -> Option<&str> {
        None
    }

    /// For programs.
    fn json(&self, stamp: Stamp) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        struct Stamped<'a, T: ?Sized> {
            #[serde(flatten)]
            what: &'a T,
            #[serde(flatten)]
            stamp: Stamp,
        }
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Harmless);
        Stamped { what: self, stamp }.serialize(&mut serializer)?;
        Ok(bytes)
    }
}

impl Print for Line {
    fn short(&self) -> Option<&str> {
        self.short.as_deref()
    }

    /// Columns: time in seconds, event, name, place, addresses, attributes.
    fn columns(&self, stamp: Stamp) -> String {
        let kind = format!("{:?}", self.event).to_lowercase();
        let mut text = format!("{:>8.3}  {kind:<10}  ", stamp.secs());
        let name = self.name.clone().or_else(|| {
            let service_type = self.service_type.as_ref()?;
            Some(format!("{service_type}.{}", self.domain.as_deref()?))
        });
        if let Some(name) = name {
            column(&mut text, &name, NAME_WIDTH);
        }
        match (&self.host, self.port) {
            (Some(host), Some(port)) => column(&mut text, &format!("{host}:{port}"), PLACE_WIDTH),
            (Some(host), None) => column(&mut text, host, NAME_WIDTH),
            _ => {}
        }
        if let Some(canonical) = &self.canonical_name {
            column(&mut text, &format!("= {canonical}"), 0);
        }
        if let Some(addresses) = &self.addresses {
            column(&mut text, &addresses.joined(), 0);
        }
        if let (Some(rtype), Some(rdata)) = (&self.rtype, &self.rdata) {
            column(&mut text, rtype, TYPE_WIDTH);
            column(&mut text, rdata, PLACE_WIDTH);
        }
        if let Some(interface) = &self.interface {
            column(&mut text, interface, 0);
        }
        if let Some(interfaces) = &self.interfaces {
            let one = |used: &Interface| format!("{} {}", used.interface, used.family);
            let all: Vec<String> = interfaces.iter().map(one).collect();
            column(&mut text, &all.join(", "), 0);
        }
        if let Some(count) = self.count {
            column(&mut text, &format!("{count} lines"), 0);
        }
        if let Some(txt) = self.txt.as_ref().map(TxtVec::as_txt).filter(has_strings) {
            column(&mut text, &txt.to_string(), 0);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// Adds a column, as wide as it needs to be and at least `width`, and two spaces.
fn column(text: &mut String, content: &str, width: usize) {
    let content = escaped(content);
    let padding = width.saturating_sub(content.width());
    // Writing to a string cannot fail.
    write!(text, "{content}{:padding$}  ", "").ok();
}

/// An address with the interface that one needs to reach it, if one does.
fn scoped(address: &Address) -> String {
    match scope(address) {
        Some(_) => format!("{}%{}", address.ip, address.interface_name),
        None => address.ip.to_string(),
    }
}

/// The scope id with which to connect to an address, if it needs one.
fn scope(address: &Address) -> Option<u32> {
    match address.socket_addr(0) {
        std::net::SocketAddr::V6(found) if found.scope_id() != 0 => Some(found.scope_id()),
        _ => None,
    }
}

/// Whether there is anything in it.
fn has_strings(txt: &Txt<'_>) -> bool {
    txt.strings().any(|string| !string.is_empty())
}

/// Addresses, and the port to connect to, if that is known.
#[derive(Clone, Debug)]
struct Places {
    addresses: Vec<Address>,
    port: Option<u16>,
}

impl Places {
    /// In one column.
    fn joined(&self) -> String {
        let all: Vec<String> = self.addresses.iter().map(scoped).collect();
        all.join(", ")
    }
}

impl Serialize for Places {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object<'a> {
            address: String,
            interface: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            scope: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            socket: Option<String>,
        }
        let mut list = to.serialize_seq(Some(self.addresses.len()))?;
        for address in &self.addresses {
            list.serialize_element(&Object {
                address: address.ip.to_string(),
                interface: &address.interface_name,
                scope: scope(address),
                // A port of 0 says that there is nothing to connect to.
                socket: self
                    .port
                    .filter(|port| *port != 0)
                    .map(|port| socket(address, port)),
            })?;
        }
        list.end()
    }
}

/// What to connect to: `192.0.2.7:80`, `[2001:db8::7]:80`, `[fe80::7%eth0]:80`.
fn socket(address: &Address, port: u16) -> String {
    match address.ip {
        std::net::IpAddr::V4(ip) => format!("{ip}:{port}"),
        std::net::IpAddr::V6(_) => format!("[{}]:{port}", scoped(address)),
    }
}

/// The attributes, in their order; of a key that comes again the first counts (RFC 6763 §6.4).
fn txt_object<S: Serializer>(txt: &Option<TxtVec>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Value<'a> {
        Present(bool),
        Text(&'a str),
        Bytes { base64: String },
    }
    let mut object = to.serialize_map(None)?;
    let mut seen = BTreeSet::new();
    for (key, value) in txt.iter().flat_map(|txt| txt.as_txt().attributes()) {
        if !seen.insert(key.to_ascii_lowercase()) {
            continue;
        }
        let value = match value.map(|value| (value, str::from_utf8(value))) {
            None => Value::Present(true),
            Some((_, Ok(text))) => Value::Text(text),
            Some((bytes, Err(_))) => Value::Bytes {
                base64: BASE64_STANDARD.encode(bytes),
            },
        };
        object.serialize_entry(&label_text(key).0, &value)?;
    }
    object.end()
}

/// All strings, where the object of attributes does not say all there is: a key that is escaped or comes again, a string
/// without a key.
fn txt_strings(txt: &Txt<'_>) -> Option<Vec<String>> {
    let mut keys = BTreeSet::new();
    let is_told = |string: &[u8]| {
        let key = string.split(|byte| *byte == b'=').next().unwrap_or(string);
        !key.is_empty() && !label_text(key).1 && keys.insert(key.to_ascii_lowercase())
    };
    // One empty string is how a TXT says nothing (RFC 6763 §6.1).
    let all_told = *txt == Txt::EMPTY || txt.strings().all(is_told);
    (!all_told).then(|| {
        txt.strings()
            .map(|string| BASE64_STANDARD.encode(string))
            .collect()
    })
}

/// Compact JSON that a terminal does not obey: JSON itself escapes only the control characters below U+0020.
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive(is_harmful) {
            match part.char_indices().next_back() {
                Some((at, last)) if is_harmful(last) => {
                    to.write_all(&part.as_bytes()[..at])?;
                    for unit in last.encode_utf16(&mut [0; 2]) {
                        write!(to, "\\u{unit:04x}")?;
                    }
                }
                _ => to.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}

/// When something was printed, or what is printed happened.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Stamp {
    /// Milliseconds since the program started, or since a recording did.
    time_ms: f64,
    /// Milliseconds since 1970, UTC.
    at: f64,
}

impl Stamp {
    /// Of something recorded: when, after the start of the recording and after 1970.
    pub(crate) fn recorded(after: Duration, since_1970: Duration) -> Self {
        Stamp {
            time_ms: millis(after),
            at: millis(since_1970),
        }
    }

    pub(crate) fn secs(self) -> f64 {
        self.time_ms / 1e3
    }

    fn new(started: Instant, at: Instant) -> Self {
        // Both clocks are read now; what happened before is as much earlier on either.
        let ago = at.elapsed();
        let since_1970 = SystemTime::now()
            .checked_sub(ago)
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Stamp {
            time_ms: millis(at.saturating_duration_since(started)),
            at: since_1970.map(millis).unwrap_or_default(),
        }
    }
}

/// Milliseconds, with decimals down to microseconds.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

/// That results are missing.
pub(crate) const MORE: &str = "there is more than memory allows to know of";

/// Where lines go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    started: Instant,
    show: Show,
    when_full: WhenFull,
}

impl Output {
    pub(crate) fn new(started: Instant, show: Show) -> Self {
        Output {
            started,
            show,
            when_full: WhenFull::Drop,
        }
    }

    /// The same for a command that has nothing to do but to print: it waits for whoever reads, and ends when nobody does.
    pub(crate) fn patient(self) -> Self {
        OUTPUT.exit_when_closed();
        Output {
            when_full: WhenFull::Wait,
            ..self
        }
    }

    /// Says in place of lines that are lost how many they are.
    pub(crate) fn mark_lost(self) {
        let missing =
            |count: u64| format!("mdns: {count} lines were not read, and are missing here\n");
        OUTPUT.mark_lost(move |count| {
            if self.is_short() {
                // What is read has no place for it.
                ERROR.write(missing(count).as_bytes(), WhenFull::Drop).ok();
            }
            let line = self.bytes(
                &Line::missed(count),
                Stamp::new(self.started, Instant::now()),
            );
            line.unwrap_or_default()
        });
        ERROR.mark_lost(move |count| missing(count).into());
    }

    /// Prints a line and sees to it that it is read now.
    ///
    /// # Errors
    ///
    /// When nobody reads any more, or the disk is full.
    pub(crate) fn line(&self, line: &impl Print) -> io::Result<()> {
        self.line_at(line, Instant::now())
    }

    /// Prints a line about what happened at this moment.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn line_at(&self, line: &impl Print, at: Instant) -> io::Result<()> {
        self.recorded(line, Stamp::new(self.started, at))
    }

    /// Prints a line about what happened before the program started.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn recorded(&self, line: &impl Print, stamp: Stamp) -> io::Result<()> {
        OUTPUT.write(&self.bytes(line, stamp)?, self.when_full)
    }

    /// Prints text of our own as it is.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn text(&self, text: &[u8]) -> io::Result<()> {
        OUTPUT.write(text, self.when_full)
    }

    /// Whether one value a line is printed, and nothing else.
    pub(crate) fn is_short(&self) -> bool {
        self.show.short
    }

    /// A table in place of lines, if a person looks on.
    pub(crate) fn table(&self, with_details: bool) -> Option<Table> {
        match self.show {
            Show { json: true, .. } | Show { short: true, .. } => None,
            _ => Table::on_terminal(with_details),
        }
    }

    /// Tells what is used: for people beside the results, for programs among them; if that is wanted.
    pub(crate) fn joined(
        &self,
        at: Instant,
        interfaces: Vec<Interface>,
        backend: Option<&BackendInfo>,
    ) -> io::Result<()> {
        let line = Line::joined(interfaces, backend);
        match (self.show.verbose, self.show.json) {
            (false, _) => Ok(()),
            (true, true) => self.line_at(&line, at),
            (true, false) => {
                if let Some(info) = backend {
                    self.remark(&backend_text(info));
                }
                let line = self.bytes(&line, Stamp::new(self.started, at))?;
                ERROR.write(&line, WhenFull::Drop)
            }
        }
    }

    /// Tells that a link cannot be used: people beside the results, programs also among them.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn unusable(&self, link: &Unusable<'_>) -> io::Result<()> {
        self.remark(&format!("not used: {}", link.reason));
        match self.show.json {
            true => self.line(&Line::unusable(link)),
            false => Ok(()),
        }
    }

    /// Tells that results are missing: among them, or beside them where they are values alone.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn incomplete(&self) -> io::Result<()> {
        if self.is_short() {
            self.remark(MORE);
        }
        self.line(&Line::new(Kind::Incomplete))
    }

    /// Tells that links can be used that were told to be unusable.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(crate) fn usable(&self, links: Vec<Interface>) -> io::Result<()> {
        for link in &links {
            self.remark(&format!("used now: {}, {}", link.interface, link.family));
        }
        match self.show.json && !links.is_empty() {
            true => self.line(&Line::joined(links, None)),
            false => Ok(()),
        }
    }

    /// Says something that is no result, to people.
    pub(crate) fn remark(&self, text: &str) {
        say("mdns", text);
    }

    /// Says why it ends here.
    pub(crate) fn error(&self, text: &str) {
        say("error", text);
    }

    /// A line as it is printed; nothing, if it has no value that counts and no other is wanted.
    fn bytes(&self, line: &impl Print, stamp: Stamp) -> io::Result<Vec<u8>> {
        let mut bytes = match self.show {
            Show { json: true, .. } => line.json(stamp)?,
            Show { short: true, .. } => match line.short() {
                Some(value) => escaped(value).into_bytes(),
                None => return Ok(Vec::new()),
            },
            _ => escaped(&line.columns(stamp)).into_bytes(),
        };
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn say(who: &str, text: &str) {
    // Who does not listen to words does not need them.
    let line = format!("{who}: {}\n", escaped(text));
    ERROR.write(line.as_bytes(), WhenFull::Drop).ok();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use serde_json::Value;

    use super::*;

    /// The examples are lines as they are, but for the time.
    #[test]
    fn the_examples_are_true() {
        let mut examples = DOCUMENTATION
            .lines()
            .filter(|line| line.starts_with("{\"event\""));
        let printer = instance(
            "Büro 2.0".as_bytes(),
            txt(&[b"path=/x y", b"empty=", b"flag", b"key=\xff\x9b"]),
        );
        for line in [
            Line::of_instance(Kind::Found, &printer),
            Line::with_details(Kind::Resolved, &printer),
            Line::about(Kind::Lost, printer.name.as_name()),
        ] {
            let json = String::from_utf8(line.json(STAMP).expect("JSON")).expect("UTF-8");
            let (untimed, _) = json.split_once(",\"time_ms\"").expect("a time");
            let is_it = |example: &str| example.strip_suffix('}') == Some(untimed);
            assert!(examples.any(is_it), "{untimed}");
        }
    }

    const STAMP: Stamp = Stamp {
        time_ms: 1234.567,
        at: 1_700_000_000_000.25,
    };

    fn address(ip: &str) -> Address {
        Address {
            ip: ip.parse().expect("an address"),
            interface: 2,
            interface_name: "eth0".into(),
        }
    }

    fn txt(strings: &[&[u8]]) -> TxtVec {
        let mut txt = TxtVec::new();
        for string in strings {
            txt.push_string(string).expect("a string");
        }
        txt
    }

    fn instance(label: &[u8], txt: TxtVec) -> Instance {
        let labels = [label, b"_ipp", b"_tcp", b"local"];
        Instance {
            name: NameBuf::from_labels(labels).expect("a name"),
            host: Some("hall.local".parse().expect("a name")),
            canonical_host: Some("hall.local".parse().expect("a name")),
            port: Some(631),
            txt,
            addresses: vec![address("192.0.2.7"), address("fe80::7")],
            is_own: false,
        }
    }

    const DOCUMENTATION: &str = include_str!("../../../docs/cli.md");

    /// As columns and as JSON, all of it documented.
    fn both(lines: &[Line]) -> String {
        let text = |line: &Line| {
            let json = String::from_utf8(line.json(STAMP).expect("JSON")).expect("UTF-8");
            let fields: BTreeMap<String, Value> = serde_json::from_str(&json).expect("an object");
            for field in fields.keys() {
                assert!(DOCUMENTATION.contains(&format!("`{field}`")), "{field}");
            }
            let event = fields["event"].as_str().expect("a word");
            assert!(DOCUMENTATION.contains(&format!("\n`{event}` (")), "{event}");
            format!("{}\n{json}\n", escaped(&line.columns(STAMP)))
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn lines_of_a_browse() {
        let printer = instance(
            "Büro 2.0".as_bytes(),
            txt(&[b"path=/x y", b"empty=", b"flag"]),
        );
        let ipp: NameBuf = "_ipp._tcp.local".parse().expect("a type");
        let lines = [
            Line::of_type(Kind::Type, ipp.as_name()),
            Line::of_instance(Kind::Found, &printer),
            Line::with_details(Kind::Resolved, &printer),
            Line::of_instance(Kind::Gone, &printer),
            Line::new(Kind::Incomplete),
        ];
        expect![[r#"
               1.235  type        _ipp._tcp.local
            {"event":"type","type":"_ipp._tcp","domain":"local","time_ms":1234.567,"at":1700000000000.25}
               1.235  found       Büro 2\.0._ipp._tcp.local
            {"event":"found","instance":"Büro 2.0","name":"Büro 2\\.0._ipp._tcp.local","type":"_ipp._tcp","domain":"local","own":false,"time_ms":1234.567,"at":1700000000000.25}
               1.235  resolved    Büro 2\.0._ipp._tcp.local           hall.local:631          192.0.2.7, fe80::7%eth0  "path=/x y" "empty=" "flag"
            {"event":"resolved","instance":"Büro 2.0","name":"Büro 2\\.0._ipp._tcp.local","type":"_ipp._tcp","domain":"local","host":"hall.local","port":631,"txt":{"path":"/x y","empty":"","flag":true},"addresses":[{"address":"192.0.2.7","interface":"eth0","socket":"192.0.2.7:631"},{"address":"fe80::7","interface":"eth0","scope":2,"socket":"[fe80::7%eth0]:631"}],"own":false,"time_ms":1234.567,"at":1700000000000.25}
               1.235  gone        Büro 2\.0._ipp._tcp.local
            {"event":"gone","instance":"Büro 2.0","name":"Büro 2\\.0._ipp._tcp.local","type":"_ipp._tcp","domain":"local","own":false,"time_ms":1234.567,"at":1700000000000.25}
               1.235  incomplete
            {"event":"incomplete","time_ms":1234.567,"at":1700000000000.25}
        "#]]
        .assert_eq(&both(&lines));
    }

    #[test]
    fn lines_of_the_other_commands() {
        let host: NameBuf = "hall.local".parse().expect("a name");
        let web: NameBuf = "Web (2)._http._tcp.local".parse().expect("a name");
        let used = Interface {
            interface: "eth0".to_owned(),
            family: "IPv4".to_owned(),
        };
        let lines = [
            Line::joined(vec![used], None),
            Line::of_host(
                &host,
                &host,
                vec![address("192.0.2.7"), address("2001:db8::7")],
            ),
            Line::of_own(Kind::Renamed, web.as_name(), None, 80, TxtVec::new()),
            Line::of_own_host(Kind::Registered, &host),
            Line {
                name: Some(host.to_string()),
                rtype: Some("A".to_owned()),
                rdata: Some("192.0.2.7".to_owned()),
                interface: Some("eth0".to_owned()),
                own: Some(false),
                ..Line::new(Kind::Record)
            },
            Line::missed(7),
            Line {
                interface: Some("eth0".to_owned()),
                family: Some("IPv4".to_owned()),
                reason: Some("eth0, IPv4: cannot".to_owned()),
                holders: Some(vec!["dnsmasq (pid 7) on 0.0.0.0:5353".to_owned()]),
                ..Line::new(Kind::Unusable)
            },
        ];
        expect![[r#"
               1.235  joined      eth0 IPv4
            {"event":"joined","interfaces":[{"interface":"eth0","family":"IPv4"}],"time_ms":1234.567,"at":1700000000000.25}
               1.235  address     hall.local                          192.0.2.7, 2001:db8::7
            {"event":"address","host":"hall.local","addresses":[{"address":"192.0.2.7","interface":"eth0"},{"address":"2001:db8::7","interface":"eth0"}],"time_ms":1234.567,"at":1700000000000.25}
               1.235  renamed     Web (2)._http._tcp.local
            {"event":"renamed","instance":"Web (2)","name":"Web (2)._http._tcp.local","type":"_http._tcp","domain":"local","port":80,"txt":{},"own":true,"time_ms":1234.567,"at":1700000000000.25}
               1.235  registered  hall.local
            {"event":"registered","host":"hall.local","own":true,"time_ms":1234.567,"at":1700000000000.25}
               1.235  record      hall.local                          A      192.0.2.7               eth0
            {"event":"record","name":"hall.local","rtype":"A","rdata":"192.0.2.7","interface":"eth0","own":false,"time_ms":1234.567,"at":1700000000000.25}
               1.235  missed      7 lines
            {"event":"missed","count":7,"time_ms":1234.567,"at":1700000000000.25}
               1.235  unusable    eth0
            {"event":"unusable","interface":"eth0","family":"IPv4","reason":"eth0, IPv4: cannot","holders":["dnsmasq (pid 7) on 0.0.0.0:5353"],"time_ms":1234.567,"at":1700000000000.25}
        "#]]
        .assert_eq(&both(&lines));
    }

    /// covers: SEC-19, SEC-21, CVE-2024-47175
    #[test]
    fn what_the_network_says_commands_no_terminal() {
        let nasty = "\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\n\u{202e}\u{2028}";
        let value = format!("k={nasty}");
        let odd = txt(&[
            value.as_bytes(),
            b"bin=\xff\x9b",
            b"\xc2\x9b=1",
            b"=no key",
            b"",
            b"K=again",
        ]);
        let lines = [Line::with_details(
            Kind::Resolved,
            &instance(nasty.as_bytes(), odd),
        )];
        let text = both(&lines);
        assert!(text.chars().all(|c| c == '\n' || !is_harmful(c)));
        expect![[r#"
               1.235  resolved    \027]0;x\007\194\1552J\127\010\226\128\174\226\128\168._ipp._tcp.local  hall.local:631          192.0.2.7, fe80::7%eth0  "k=\027]0;x\007\194\1552J\127\010\226\128\174\226\128\168" "bin=\255\155" "\194\155=1" "=no key" "" "K=again"
            {"event":"resolved","instance":"\u001b]0;x\u0007\u009b2J\u007f\n\u202e\u2028","name":"\\027]0;x\\007\\194\\1552J\\127\\010\u202e\u2028._ipp._tcp.local","type":"_ipp._tcp","domain":"local","host":"hall.local","port":631,"txt":{"k":"\u001b]0;x\u0007\u009b2J\u007f\n\u202e\u2028","bin":{"base64":"/5s="},"\u009b":"1"},"txt_base64":["az0bXTA7eAfCmzJKfwrigK7igKg=","YmluPf+b","wps9MQ==","PW5vIGtleQ==","","Sz1hZ2Fpbg=="],"addresses":[{"address":"192.0.2.7","interface":"eth0","socket":"192.0.2.7:631"},{"address":"fe80::7","interface":"eth0","scope":2,"socket":"[fe80::7%eth0]:631"}],"own":false,"time_ms":1234.567,"at":1700000000000.25}
        "#]]
        .assert_eq(&text);
    }

    /// Names and keys that differ in bytes that are no text differ in JSON, and nothing of a TXT is lost.
    ///
    /// covers: SEC-19
    #[test]
    fn bytes_that_are_no_text_are_told_apart() {
        let json = |label: &[u8], strings: &[&[u8]]| -> Value {
            let line = Line::with_details(Kind::Resolved, &instance(label, txt(strings)));
            serde_json::from_slice(&line.json(STAMP).expect("JSON")).expect("an object")
        };
        let all = |value: &Value| -> Vec<Vec<u8>> {
            let strings = value["txt_base64"].as_array().expect("strings").iter();
            let bytes = |text: &Value| BASE64_STANDARD.decode(text.as_str().expect("text"));
            strings.map(|text| bytes(text).expect("base64")).collect()
        };
        let labels: [&[u8]; 6] = [
            b"P\xff",
            b"P\xfe",
            b"P\xef\xbf\xbd",
            br"P\255",
            br"P\\255",
            b"P\xc3",
        ];
        let lines = labels.map(|label| json(label, &[]));
        let names: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line["instance"].as_str())
            .collect();
        assert_eq!(names.len(), labels.len(), "{names:?}");
        for (label, line) in labels.iter().zip(&lines) {
            let told = match line.get("instance_base64") {
                Some(text) => BASE64_STANDARD
                    .decode(text.as_str().expect("text"))
                    .expect("base64"),
                None => line["instance"].as_str().expect("text").into(),
            };
            assert_eq!(told, *label);
            assert!(line.get("txt_base64").is_none());
        }

        let strings: [&[u8]; 8] = [
            b"k\xff=1",
            b"k\xfe=2",
            br"k\255=3",
            b"k=4",
            b"K=5",
            b"flag",
            b"=none",
            b"",
        ];
        let line = json(b"P", &strings);
        let keys: BTreeSet<&str> = line["txt"]
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, [r"k\255", r"k\254", r"k\\255", "k", "flag"].into());
        assert_eq!(all(&line), strings);
        // Whatever the object leaves out, the strings have.
        for strings in [
            &[&b"a"[..], b"A"][..],
            &[b"a", b""],
            &[b"a=1", b"=x"],
            &[br"\\=1"],
        ] {
            assert_eq!(all(&json(b"P", strings)), strings);
        }
        for strings in [&[&b""[..]][..], &[b"a"], &[b"a=", b"b"], &[b"a=\xff"]] {
            assert!(
                json(b"P", strings).get("txt_base64").is_none(),
                "{strings:?}"
            );
        }
    }

    #[test]
    fn the_earlier_has_the_smaller_stamp() {
        let started = Instant::now();
        let stamp = Stamp::new(started, started);
        assert_eq!(stamp.time_ms, 0.0);
        let later = Stamp::new(started, Instant::now());
        assert!(later.time_ms >= stamp.time_ms && later.at > 1.6e12);
    }
}
