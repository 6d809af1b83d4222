//! A script: who comes to a network, how badly it carries packets, and what is done to it while the noise lasts.
//!
//! A script is data, so that it can be shown and shrunk. Every act stands by itself: what makes no sense any more when others are
//! left out (a host wakes that never slept) does nothing. A host that never arrives keeps its number, so that leaving it out
//! moves no chance of the others.

use std::{fmt, time::Duration};

use crate::Conditions;

/// The service type of all services in scripts.
pub(crate) const SERVICE_TYPE: &str = "_ipp._tcp";

/// A host of a script.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// The host name it wants, without `.local`; others may want it too.
    pub label: String,
    /// The service instance it wants, if any.
    pub service: Option<String>,
    /// Whether it browses.
    pub browses: bool,
    /// Whether it has two interfaces, both on the one wire.
    pub is_twice: bool,
    /// Whether it speaks IPv6, too.
    pub is_dual: bool,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A host is plugged in, with all that it wants.
    Arrive(usize),
    /// A host loses its power.
    Crash(usize),
    /// A machine sleeps.
    Sleep(usize),
    /// A machine wakes.
    Wake(usize),
    /// A host withdraws its service, or if it has done so, registers it anew.
    Toggle(usize),
    /// The attributes of a service are others now.
    Update(usize),
    /// A host gets another IPv4 address in the place of the one it has.
    Move(usize),
    /// These hosts hear each other and no one else.
    Part(Vec<usize>),
    /// The wire is whole again.
    Heal,
    /// A packet of this host, that many before its last, arrives everywhere once more, at itself too.
    Replay(usize, usize),
}

/// All that happens.
#[derive(Clone, Debug)]
pub struct Script {
    /// The source of all chance.
    pub seed: u64,
    /// The hosts, by their numbers.
    pub guests: Vec<Guest>,
    /// How packets are carried while the noise lasts.
    pub conditions: Conditions,
    /// What is done, in the order of time.
    pub acts: Vec<(Duration, Act)>,
    /// How long the noise lasts.
    pub noise: Duration,
    /// The most packets that a host may send in an hour.
    pub packets_max: u32,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Arrive(host) => write!(f, "{host} arrives"),
            Act::Crash(host) => write!(f, "{host} crashes"),
            Act::Sleep(host) => write!(f, "{host} sleeps"),
            Act::Wake(host) => write!(f, "{host} wakes"),
            Act::Toggle(host) => write!(f, "{host} withdraws or registers"),
            Act::Update(host) => write!(f, "{host} has other attributes"),
            Act::Move(host) => write!(f, "{host} has another address"),
            Act::Part(hosts) => write!(f, "{hosts:?} are cut off"),
            Act::Heal => f.write_str("the wire is whole"),
            Act::Replay(host, back) => {
                write!(f, "{host} is repeated: the packet {back} before its last")
            }
        }
    }
}

/// The script as lines: hosts that arrive, conditions, acts.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, noise for {:?}", self.seed, self.noise)?;
        writeln!(f, "{:?}", self.conditions)?;
        for (at, guest) in self.guests.iter().enumerate() {
            if self
                .acts
                .iter()
                .any(|(_, act)| matches!(act, Act::Arrive(host) if *host == at))
            {
                writeln!(f, "host {at}: {guest:?}")?;
            }
        }
        for (at, act) in &self.acts {
            writeln!(f, "{:10.3} {act}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
