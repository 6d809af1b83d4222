//! A host inside: the machine, and what it has told.

use std::collections::{BTreeMap, HashMap};

use mdns_proto::{
    config::Config,
    discovery::{self, AskId, Instance, Outcome},
    host::{Event, Host as Core, Storage},
    own::{HostId, ServiceId},
    time::Instant,
};

use crate::{Around, Machine, transcript::Told};

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Awake,
    Asleep,
    Off,
}

/// What becomes of the datagrams of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    Work,
    /// Every send is an error.
    Fail,
    /// Sockets are full.
    Blocked,
}

pub(crate) struct Node<S: Storage> {
    pub(crate) core: Machine<S>,
    pub(crate) power: Power,
    pub(crate) sends: Sends,
    /// The first time at which the queue wakes it.
    pub(crate) queued: Option<Instant>,
    /// What was advertised, by the label it was to have.
    pub(crate) services: Vec<(String, ServiceId)>,
    /// What was asked for, in the words of the test.
    pub(crate) asks: Vec<(String, AskId)>,
    names: HashMap<ServiceId, String>,
    host_names: HashMap<HostId, String>,
    /// Names that are won.
    pub(crate) owned: HashMap<ServiceId, String>,
    /// What each browse has found, with its details.
    pub(crate) found: HashMap<AskId, BTreeMap<String, String>>,
    /// What each resolve says: the full name, and the details.
    pub(crate) resolved: HashMap<AskId, (String, String)>,
    /// Whether the host name is won.
    pub(crate) owns_host: bool,
}

impl<S: Storage> Node<S> {
    pub(crate) fn new(config: Config, now: Instant, seed: u64, around: Around) -> Self {
        Node {
            core: Machine::started(config, now, seed, around),
            power: Power::Awake,
            sends: Sends::Work,
            queued: None,
            services: Vec::new(),
            asks: Vec::new(),
            names: HashMap::new(),
            host_names: HashMap::new(),
            owned: HashMap::new(),
            found: HashMap::new(),
            resolved: HashMap::new(),
            owns_host: false,
        }
    }

    pub(crate) fn claim(&mut self, now: Instant, label: &str) {
        let host = self
            .core
            .call(|core| core.add_host(now, label))
            .unwrap_or_else(|error| panic!("host {label}: {error}"));
        self.host_names.insert(host, format!("{label}.local"));
    }

    pub(crate) fn named(&mut self, service: ServiceId, name: String) {
        self.names.insert(service, name);
    }

    pub(crate) fn host_name(&self) -> Option<String> {
        let host = self.host_names.keys().next()?;
        Some(self.core.host_name(*host)?.to_string())
    }

    /// Takes all events, and shows `each` in the words of the transcript.
    pub(crate) fn take_events(&mut self, mut each: impl FnMut(Told)) {
        let Node {
            core,
            asks,
            names,
            host_names,
            owned,
            found,
            resolved,
            owns_host,
            ..
        } = self;
        let asked = |ask: AskId| {
            let found = asks.iter().rev().find(|(_, id)| *id == ask);
            found.map(|(what, _)| what.clone()).unwrap_or_default()
        };
        while let Some(event) = core.call(Core::poll_event) {
            match event {
                Event::Registered { service, name } => {
                    let name = name.to_string();
                    owned.insert(service, name.clone());
                    names.insert(service, name.clone());
                    each(Told::Owns(name));
                }
                Event::HostRegistered { name, .. } => {
                    *owns_host = true;
                    each(Told::Owns(name.to_string()));
                }
                Event::Renamed { service, name } => {
                    owned.remove(&service);
                    let name = name.to_string();
                    let old = names.insert(service, name.clone()).unwrap_or_default();
                    each(Told::Renames { old, new: name });
                }
                Event::HostRenamed { host, name } => {
                    *owns_host = false;
                    let name = name.to_string();
                    let old = host_names.insert(host, name.clone()).unwrap_or_default();
                    each(Told::Renames { old, new: name });
                }
                Event::Discovery(event) => {
                    use discovery::Event as E;
                    let told = match event {
                        E::Found { ask, instance } | E::Changed { ask, instance } => {
                            let (name, details) = (instance.name().to_string(), details(&instance));
                            let known = found
                                .entry(ask)
                                .or_default()
                                .insert(name.clone(), details.clone());
                            if known.is_none() {
                                Told::Finds { name, details }
                            } else {
                                Told::Learns { name, details }
                            }
                        }
                        E::Gone { ask, instance } => {
                            let name = instance.name().to_string();
                            found.entry(ask).or_default().remove(&name);
                            Told::Loses(name)
                        }
                        E::Resolved { ask, instance } => {
                            let (name, details) = (instance.name().to_string(), details(&instance));
                            resolved.insert(ask, (name.clone(), details.clone()));
                            Told::Resolves { name, details }
                        }
                        E::Lost { ask, instance } => {
                            resolved.remove(&ask);
                            Told::Hears {
                                name: instance.name().to_string(),
                                what: "is nowhere any more".to_owned(),
                            }
                        }
                        E::Addresses { host, .. } => {
                            let addresses = host.addresses().map(|address| address.ip.to_string());
                            let what = match join(addresses) {
                                none if none.is_empty() => "has no address".to_owned(),
                                some => format!("is at {some}"),
                            };
                            Told::Hears {
                                name: host.name().to_string(),
                                what,
                            }
                        }
                        E::Answers { records, .. } => {
                            let rtype = records.rtype();
                            let what =
                                match join(records.iter().map(|answer| answer.rdata.to_string())) {
                                    none if none.is_empty() => format!("has no {rtype}"),
                                    some => format!("has {rtype} {some}"),
                                };
                            Told::Hears {
                                name: records.name().to_string(),
                                what,
                            }
                        }
                        E::Finished { ask, outcome } => Told::Done {
                            verb: "ends",
                            what: format!(
                                "{}: {}",
                                asked(ask),
                                match outcome {
                                    Outcome::Answered => "answered",
                                    Outcome::Denied => "denied",
                                    Outcome::TimedOut => "no answer",
                                }
                            ),
                        },
                        E::Incomplete { ask } => Told::Done {
                            verb: "misses",
                            what: asked(ask),
                        },
                        _ => continue,
                    };
                    each(told);
                }
                _ => {}
            }
        }
    }
}

/// Where an instance is, and what it says of itself.
fn details(instance: &Instance<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(target) = instance.target() {
        let host = target.host.to_string();
        let host = host.strip_suffix(".local").unwrap_or(&host);
        parts.push(format!("at {host}:{}", target.port));
    }
    // In an order that does not depend on what came first.
    let mut addresses: Vec<_> = instance.addresses().map(|address| address.ip).collect();
    addresses.sort();
    addresses.dedup();
    parts.extend(addresses.iter().map(ToString::to_string));
    let strings = instance.txt().strings().filter(|string| !string.is_empty());
    parts.extend(strings.map(|string| String::from_utf8_lossy(string).into_owned()));
    join(parts.into_iter())
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
