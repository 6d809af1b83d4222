//! What happened, as a page to be read: one line a packet, one line for what a host tells its application.
//!
//! ```text
//! 0.363 hall   asks     Printer._ipp._tcp ANY?  for SRV hall:631, TXT
//! 1.863 hall   says     PTR Printer, SRV! hall:631, TXT!  (+ hall A! 10.0.0.1)
//! 3.201 attic  renames  Printer -> Printer (2)
//! ```
//!
//! Packets are in the words of [`wire::Words`]; the service type is left out of names while there is only one.

use std::{collections::BTreeSet, fmt::Write as _, net::SocketAddr, rc::Rc};

use mdns_proto::{
    host::Storage,
    link::Destination,
    name::NameBuf,
    time::Instant,
    wire::{self, Way},
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
    let page = Page {
        world,
        only_type: only_type(&world.types),
    };
    let lines = log
        .iter()
        .map(|entry| page.line(entry))
        .filter(|line| !hidden.contains(&line.kind));
    let lines: Vec<Line> = lines.collect();
    let width = lines
        .iter()
        .map(|line| line.who.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let mut text = String::new();
    for Line {
        at,
        who,
        verb,
        what,
        ..
    } in lines
    {
        let (secs, millis) = (at.as_micros() / 1_000_000, at.as_micros() / 1_000 % 1_000);
        let line = format!("{secs}.{millis:03} {who:<width$} {verb:<8} {what}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The service type that goes without saying, as text and as a name.
fn only_type(types: &BTreeSet<String>) -> Option<(&str, NameBuf)> {
    let only = types.first().filter(|_| types.len() == 1)?;
    let name = format!("{only}.local").parse().ok()?;
    Some((only, name))
}

struct Line {
    at: Instant,
    kind: Kind,
    who: String,
    verb: &'static str,
    what: String,
}

struct Page<'w, S: Storage> {
    world: &'w World<S>,
    only_type: Option<(&'w str, NameBuf)>,
}

impl<S: Storage> Page<'_, S> {
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
        let mut words = wire::Words::of(&sent.bytes);
        if let Some((_, service_type)) = &self.only_type {
            words = words.without_type(service_type.as_name());
        }
        let kind = match words.verb() {
            "asks" => Kind::Asks,
            _ => Kind::Says,
        };
        Line {
            at: sent.at,
            kind,
            who: self.who(sent),
            verb: words.verb(),
            what: format!("{}{words}", self.way(sent)),
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

    /// Who it was sent to, by name.
    fn way(&self, sent: &Sent) -> Way<String> {
        let named = |address: SocketAddr| {
            let owner = self.world.segments[sent.segment].owners.get(&address.ip());
            let name = owner.map(|port| self.world.stations[port.station as usize].name.clone());
            let to = name.unwrap_or_else(|| address.ip().to_string());
            (to, address.port())
        };
        Way {
            source_port: sent.source.port(),
            to: match sent.destination {
                Destination::Multicast => None,
                Destination::Unicast(address) => Some(named(address)),
            },
        }
    }

    /// A name without `.local`, and an instance without its type while there is only one.
    fn short(&self, name: &str) -> String {
        let mut name = name.strip_suffix(".local").unwrap_or(name);
        if let Some((service_type, _)) = self.only_type {
            let label = name.strip_suffix(service_type);
            name = label
                .and_then(|label| label.strip_suffix('.'))
                .unwrap_or(name);
        }
        name.to_owned()
    }
}
