//! What happened, as a page to be read: one line a packet, one line for what a host tells its application.
//!
//! ```text
//! 0.363 hall   asks     Printer._ipp._tcp ANY?  for SRV hall:631, TXT
//! 1.863 hall   says     PTR Printer, SRV! hall:631, TXT!  (+ hall A! 10.0.0.1)
//! 3.201 attic  renames  Printer -> Printer (2)
//! ```
//!
//! `QU` marks a question that welcomes a unicast answer, `for` what a probe proposes, `knows` what a question knows already,
//! `!` the cache-flush bit, `bye` a TTL of zero. `.local` is left out; so is the service type, while there is only one. A record
//! that has no name before it has that of the one before. A TTL is shown where it matters: with known answers, and
//! where it is not that of RFC 6762 §10.

use std::{collections::BTreeSet, fmt::Write as _, net::IpAddr, rc::Rc};

use mdns_proto::{
    host::Storage,
    link::{Destination, PORT},
    name::{META_QUERY, Name, NameBuf, ServiceType},
    time::Instant,
    wire::{Class, Message, Question, Rdata, Record, RecordType, Ttl},
};

use crate::world::{Sent, World};

/// What a line of the transcript is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A query.
    Asks,
    /// A response.
    Says,
    /// A host name or service that is ours, or has to be renamed.
    Owns,
    /// What discovery tells.
    Finds,
    /// What the test does to hosts and segments.
    Done,
}

/// What happened once.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Packet(Rc<Sent>),
    Told {
        at: Instant,
        station: usize,
        told: Told,
    },
}

/// What a host told its application, or what was done to it.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Owns(String),
    Renames { old: String, new: String },
    Finds { name: String, details: String },
    Learns { name: String, details: String },
    Resolves { name: String, details: String },
    Loses(String),
    Hears { name: String, what: String },
    Done { verb: &'static str, what: String },
}

/// The transcript of a log, without what is hidden.
pub(crate) fn write<S: Storage>(
    world: &World<S>,
    log: &[Entry],
    hidden: &BTreeSet<Kind>,
) -> String {
    let words = Words { world };
    let lines = log
        .iter()
        .map(|entry| words.line(entry))
        .filter(|line| !hidden.contains(&line.kind));
    let lines: Vec<Line> = lines.collect();
    let width = lines
        .iter()
        .map(|line| line.who.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let mut page = String::new();
    for Line {
        at,
        who,
        verb,
        what,
        ..
    } in lines
    {
        let (secs, millis) = (at.as_micros() / 1_000_000, at.as_micros() / 1_000 % 1_000);
        let text = format!("{secs}.{millis:03} {who:<width$} {verb:<8} {what}");
        page.push_str(text.trim_end());
        page.push('\n');
    }
    page
}

struct Line {
    at: Instant,
    kind: Kind,
    who: String,
    verb: &'static str,
    what: String,
}

struct Words<'w, S: Storage> {
    world: &'w World<S>,
}

impl<S: Storage> Words<'_, S> {
    fn line(&self, entry: &Entry) -> Line {
        match entry {
            Entry::Packet(sent) => self.packet(sent),
            Entry::Told { at, station, told } => self.told(*at, *station, told),
        }
    }

    fn told(&self, at: Instant, station: usize, told: &Told) -> Line {
        let at_place = |name: &str, details: &str| match details {
            "" => self.short(name),
            details => format!("{} {details}", self.short(name)),
        };
        let (kind, verb, what) = match told {
            Told::Owns(name) => (Kind::Owns, "owns", self.short(name)),
            Told::Renames { old, new } => (
                Kind::Owns,
                "renames",
                format!("{} -> {}", self.short(old), self.short(new)),
            ),
            Told::Finds { name, details } => (Kind::Finds, "finds", at_place(name, details)),
            Told::Learns { name, details } => (Kind::Finds, "learns", at_place(name, details)),
            Told::Resolves { name, details } => (Kind::Finds, "resolves", at_place(name, details)),
            Told::Loses(name) => (Kind::Finds, "loses", self.short(name)),
            Told::Hears { name, what } => (Kind::Finds, "hears", at_place(name, what)),
            Told::Done { verb, what } => (Kind::Done, *verb, what.clone()),
        };
        let who = self
            .world
            .stations
            .get(station)
            .map_or("net", |station| &station.name);
        Line {
            at,
            kind,
            who: who.to_owned(),
            verb,
            what,
        }
    }

    fn packet(&self, sent: &Sent) -> Line {
        let who = self.who(sent);
        let Ok(message) = sent.message() else {
            let what = format!("{} bytes that mean nothing", sent.bytes.len());
            return Line {
                at: sent.at,
                kind: Kind::Says,
                who,
                verb: "sends",
                what,
            };
        };
        let is_response = message.header().flags.response();
        let mut what = self.destination(sent);
        if is_response {
            self.response(&mut what, &message);
        } else {
            self.query(&mut what, &message);
        }
        let (kind, verb) = if is_response {
            (Kind::Says, "says")
        } else {
            (Kind::Asks, "asks")
        };
        Line {
            at: sent.at,
            kind,
            who,
            verb,
            what,
        }
    }

    /// The station, and where it has several links, which.
    fn who(&self, sent: &Sent) -> String {
        let station = &self.world.stations[sent.from.station as usize];
        let mut who = station.name.clone();
        if station.interfaces.len() > 1 {
            let _ = write!(who, "/{}", self.world.segments[sent.segment].name);
            let before = station.interfaces.iter().take(sent.from.interface as usize);
            match before
                .filter(|interface| interface.segment == sent.segment)
                .count()
            {
                0 => {}
                n => {
                    let _ = write!(who, "{}", n + 1);
                }
            }
        }
        if sent.source.is_ipv6() {
            who.push_str("/6");
        }
        who
    }

    fn destination(&self, sent: &Sent) -> String {
        let mut text = String::new();
        if sent.source.port() != PORT {
            text = format!("from port {} ", sent.source.port());
        }
        if let Destination::Unicast(address) = sent.destination {
            let owner = self.world.segments[sent.segment].owners.get(&address.ip());
            let owner = owner.map(|port| self.world.stations[port.station as usize].name.clone());
            text += &format!("to {}", owner.unwrap_or_else(|| address.ip().to_string()));
            if address.port() != PORT {
                text += &format!(":{}", address.port());
            }
            text.push_str("  ");
        }
        text
    }

    fn query(&self, text: &mut String, message: &Message<'_>) {
        let mut subject = None;
        self.questions(text, message, &mut subject);
        // What is proposed, or known, does without the name while only one is asked about.
        let first = message.questions().next().map(|question| question.name);
        let one = first.filter(|first| message.questions().all(|question| question.name == *first));
        for (word, records) in [
            ("for", message.authorities()),
            ("knows", message.answers()),
            ("+", message.additionals()),
        ] {
            if records.len() > 0 {
                let mut subject = one.map(NameBuf::from);
                let separator = if text.is_empty() { "" } else { "  " };
                let _ = write!(text, "{separator}{word} ");
                self.records(text, records, &mut subject, word == "knows");
            }
        }
        if message.header().flags.truncated() {
            text.push_str("  and more");
        }
    }

    fn response(&self, text: &mut String, message: &Message<'_>) {
        let mut subject = None;
        if message.header().id != 0 {
            let _ = write!(text, "#{} ", message.header().id);
        }
        if message.questions().len() > 0 {
            self.questions(text, message, &mut subject);
            text.push_str(": ");
        }
        self.records(text, message.answers(), &mut subject, false);
        if message.authorities().len() > 0 {
            text.push_str("  [");
            self.records(text, message.authorities(), &mut subject, false);
            text.push(']');
        }
        if message.additionals().len() > 0 {
            text.push_str("  (+ ");
            self.records(text, message.additionals(), &mut subject, false);
            text.push(')');
        }
        if message.header().flags.truncated() {
            text.push_str("  cut");
        }
    }

    fn questions(&self, text: &mut String, message: &Message<'_>, subject: &mut Option<NameBuf>) {
        for (at, question) in message.questions().enumerate() {
            let Question {
                name,
                qtype,
                qclass,
                unicast,
            } = question;
            if at > 0 {
                text.push_str(", ");
            }
            if subject
                .as_ref()
                .is_none_or(|subject| subject.as_name() != name)
            {
                text.push_str(&plain(&name.to_string()));
                text.push(' ');
            }
            if qclass != Class::IN {
                let _ = write!(text, "{qclass} ");
            }
            let _ = write!(text, "{qtype}?{}", if unicast { " QU" } else { "" });
            *subject = Some(name.into());
        }
    }

    fn records<'a>(
        &self,
        text: &mut String,
        records: impl Iterator<Item = Record<'a>>,
        subject: &mut Option<NameBuf>,
        shows_ttl: bool,
    ) {
        for (at, record) in records.enumerate() {
            if at > 0 {
                text.push_str(", ");
            }
            self.record(text, &record, subject, shows_ttl);
        }
    }

    fn record(
        &self,
        text: &mut String,
        record: &Record<'_>,
        subject: &mut Option<NameBuf>,
        shows_ttl: bool,
    ) {
        let Record {
            name, ttl, rdata, ..
        } = *record;
        if ttl == Ttl::ZERO {
            text.push_str("bye ");
        }
        // A pointer to an instance says by itself whose it is.
        let instance = match rdata {
            Rdata::Ptr(target) => target
                .parent()
                .filter(|parent| base(name) == *parent)
                .map(|_| target),
            _ => None,
        };
        if instance.is_some() {
            if let Some(subtype) = ServiceType::browse(&name.to_string())
                .ok()
                .as_ref()
                .and_then(ServiceType::subtype)
            {
                let _ = write!(text, "{} ", String::from_utf8_lossy(subtype));
            }
        } else if subject
            .as_ref()
            .is_none_or(|subject| subject.as_name() != name)
        {
            let _ = write!(text, "{} ", self.owner(name));
        }
        let flush = if record.cache_flush { "!" } else { "" };
        let _ = write!(text, "{}{flush}", record.rtype());
        let said = match rdata {
            Rdata::Ptr(target) => self.short(&target.to_string()),
            Rdata::Srv(srv) => format!("{}:{}", plain(&srv.target.to_string()), srv.port),
            Rdata::Txt(txt) => {
                let strings = txt.strings().filter(|string| !string.is_empty());
                strings
                    .map(String::from_utf8_lossy)
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            Rdata::Nsec(nsec) => nsec
                .types
                .iter()
                .map(|rtype| rtype.to_string())
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_string(),
        };
        if !said.is_empty() {
            let _ = write!(text, " {said}");
        }
        let is_usual =
            [Ttl::ZERO, usual_ttl(record)].contains(&ttl) || record.rtype() == RecordType::NSEC;
        if shows_ttl || !is_usual {
            let _ = write!(text, " {} s", ttl.0);
        }
        *subject = Some(instance.unwrap_or(name).into());
    }

    /// The owner of a record: for a reverse name, the address.
    fn owner(&self, name: Name<'_>) -> String {
        if name == META_QUERY {
            return "types".to_owned();
        }
        reversed(name).map_or_else(
            || self.short(&name.to_string()),
            |address| address.to_string(),
        )
    }

    /// A name without `.local`, and an instance without its type while there is only one.
    fn short(&self, name: &str) -> String {
        let name = plain(name);
        let types = &self.world.types;
        let label = types
            .first()
            .filter(|_| types.len() == 1)
            .and_then(|service| name.strip_suffix(service.as_str()));
        label
            .and_then(|label| label.strip_suffix('.'))
            .map_or(name.clone(), ToOwned::to_owned)
    }
}

/// A name without `.local`.
fn plain(name: &str) -> String {
    name.strip_suffix(".local").unwrap_or(name).to_owned()
}

/// A service type without its subtype; any other name as it is.
fn base(name: Name<'_>) -> Name<'_> {
    let is_sub = name
        .labels()
        .nth(1)
        .is_some_and(|label| label.eq_ignore_ascii_case(b"_sub"));
    if is_sub {
        name.parent().and_then(Name::parent).unwrap_or(name)
    } else {
        name
    }
}

/// The TTL that RFC 6762 §10 recommends.
fn usual_ttl(record: &Record<'_>) -> Ttl {
    match record.rtype() {
        RecordType::A | RecordType::AAAA | RecordType::SRV | RecordType::HINFO => Ttl(120),
        RecordType::PTR if reversed(record.name).is_some() => Ttl(120),
        _ => Ttl(4500),
    }
}

/// The address that a reverse name is of.
pub(crate) fn reversed(name: Name<'_>) -> Option<IpAddr> {
    let text = name.to_string().to_ascii_lowercase();
    if let Some(digits) = text.strip_suffix(".in-addr.arpa") {
        let octets: Vec<&str> = digits.split('.').rev().collect();
        return octets.join(".").parse().ok();
    }
    let nibbles: Vec<&str> = text.strip_suffix(".ip6.arpa")?.split('.').rev().collect();
    let groups: Vec<String> = nibbles.chunks(4).map(<[&str]>::concat).collect();
    groups.join(":").parse().ok()
}
