//! `mdns doctor`: what of mDNS works on this host, what does not, and what to do about it.
//!
//! Here things are tried and looked up; `diagnosis` says what they mean, `report` prints it.

mod daemons;
mod diagnosis;
mod report;

use std::{collections::HashMap, io, time::Duration};

use mdns_proto::{
    name::META_QUERY,
    wire::{Flags, Header, Question, RecordType, Writer},
};
use mdns_socket::{
    Family, Holder, Interface, LinkSocket, Reason, Selection, Trial, UnicastSocket, Unused,
    Watcher, interfaces, memberships, port_holders, try_links,
};

use self::{daemons::Daemons, report::Report};
use crate::{
    args::Doctor,
    output::Output,
    session::{Failure, Found},
};

/// How often each link is tried: on a radio link multicast gets lost now and then.
const TRIALS: u32 = 2;

/// How long a trial listens; also the least time between two equal queries (RFC 6762 §5.2).
const SPAN: Duration = Duration::from_secs(1);

/// What was found out.
#[derive(Debug)]
struct Examination {
    /// Whether the user named the interfaces, and so means to use each.
    is_named: bool,
    interfaces: Vec<Examined>,
    /// What had the port before us.
    holders: Vec<Holder>,
    unicast: Vec<(Family, Unicast)>,
    /// Why changes of interfaces cannot be noticed, if so.
    watch: Result<(), String>,
    daemons: Daemons,
}

/// An interface and its links, those of them that were to be examined.
#[derive(Debug)]
struct Examined {
    interface: Interface,
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    family: Family,
    /// How many sockets had joined the group before us; `None` where that cannot be known.
    others: Option<u32>,
    state: State,
}

/// What a link is good for.
#[derive(Debug)]
enum State {
    Unused(Unused),
    /// With the reason why it cannot be opened.
    Closed(String),
    Tried(Trial),
}

/// Who gets what is sent to port 5353 of this host alone.
#[derive(Debug, PartialEq, Eq)]
enum Unicast {
    /// We do: nobody else has the port.
    Ours,
    /// Others do.
    Shared,
    /// The system does not speak this family.
    Off,
    /// With the reason.
    Fails(String),
}

/// Examines the host for about two seconds. Found is that all is well.
pub(super) fn run(args: &Doctor, output: Output) -> Result<Found, Failure> {
    let selection = args.network.selection(Selection::usual())?;
    let examination = examine(&selection, args)?;
    let report = Report::of(&examination);
    output.line(&report)?;
    Ok(Found(report.is_well()))
}

/// A link by the index of its interface.
type Key = (u32, Family);

fn examine(selection: &Selection, args: &Doctor) -> Result<Examination, Failure> {
    let families = match args.network.family() {
        Some(only) => vec![only],
        None => Family::ALL.to_vec(),
    };
    // Before we are among them.
    let holders = port_holders();
    let daemons = Daemons::examine();
    let joined = joined();
    let (unicast, unicast_sockets) = open_unicast(&families);
    let all = interfaces().map_err(network)?;
    let mut used = try_used(selection, &all, &unicast_sockets)?;
    let mut link = |interface: &Interface, family| {
        let key = (interface.index, family);
        let of = |joined: &HashMap<Key, u32>| joined.get(&key).copied().unwrap_or(0);
        let state = match selection.check(interface, family) {
            Err(why) => State::Unused(why),
            Ok(()) => used.remove(&key)?,
        };
        Some(Link {
            family,
            others: joined.as_ref().map(of),
            state,
        })
    };
    let interfaces = all
        .iter()
        .map(|interface| Examined {
            links: families
                .iter()
                .filter_map(|family| link(interface, *family))
                .collect(),
            interface: interface.clone(),
        })
        .collect();
    Ok(Examination {
        is_named: args.network.is_named(),
        interfaces,
        holders,
        unicast,
        watch: Watcher::new().map(drop).map_err(|error| error.to_string()),
        daemons,
    })
}

fn network(error: io::Error) -> Failure {
    Failure::Network(error.to_string())
}

/// How many sockets have joined the group on each link, where that can be known.
fn joined() -> Option<HashMap<Key, u32>> {
    let memberships = memberships().ok()?;
    let each = memberships
        .iter()
        .map(|found| ((found.interface, found.family), found.sockets));
    Some(each.collect())
}

/// Finds out who gets unicast, and takes it where nobody else does.
fn open_unicast(families: &[Family]) -> (Vec<(Family, Unicast)>, Vec<UnicastSocket>) {
    let mut sockets = Vec::new();
    let mut open = |family| match UnicastSocket::open(family) {
        Ok(Some(socket)) => {
            sockets.push(socket);
            Unicast::Ours
        }
        Ok(None) => Unicast::Shared,
        Err(error) if *error.reason() == Reason::FamilyOff => Unicast::Off,
        Err(error) => Unicast::Fails(error.to_string()),
    };
    let states = families
        .iter()
        .map(|family| (*family, open(*family)))
        .collect();
    (states, sockets)
}

/// Opens and tries all links that are to be used.
fn try_used(
    selection: &Selection,
    all: &[Interface],
    unicast: &[UnicastSocket],
) -> Result<HashMap<Key, State>, Failure> {
    let mut states = HashMap::new();
    let mut open = Vec::new();
    for (interface, family) in selection.links(all) {
        match LinkSocket::open(interface, family) {
            Ok(link) => open.push((interface, link)),
            Err(error) => {
                states.insert((interface.index, family), State::Closed(error.to_string()));
            }
        }
    }
    let query = query(!unicast.is_empty());
    let try_once = || try_links(&open, unicast, &query, SPAN).map_err(network);
    let mut trials = try_once()?;
    for _ in 1..TRIALS {
        for (trial, later) in trials.iter_mut().zip(try_once()?) {
            trial.add(later);
        }
    }
    let keys = open
        .iter()
        .map(|(interface, link)| (interface.index, Family::of(&link.group().ip())));
    states.extend(keys.zip(trials.into_iter().map(State::Tried)));
    Ok(states)
}

/// Asks for all service types there are (RFC 6763 §9): a question that every host with a service answers, and that hurts
/// nobody; by unicast where such answers can arrive.
fn query(unicast: bool) -> Vec<u8> {
    let mut buffer = [0; 512];
    let limit = buffer.len();
    let header = Header {
        id: 0,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut buffer, limit, header);
    let question = Question {
        unicast,
        ..Question::new(META_QUERY, RecordType::PTR)
    };
    // It is 46 bytes long.
    let written = writer.question(&question);
    debug_assert!(written.is_ok());
    let len = writer.finish();
    buffer[..len].to_vec()
}
