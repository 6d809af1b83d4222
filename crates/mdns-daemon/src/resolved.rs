//! systemd-resolved as its client sees it (`org.freedesktop.resolve1.Manager`): services are registered, and no more.
//!
//! It has no way to browse on D-Bus, no subtypes, and says that a service is registered before it has probed for its name; that
//! the name was taken it says later.

use std::collections::{BTreeMap, HashMap};

use zbus::{Message, OwnedObjectPath, OwnedVariant};

use crate::{
    calls::{Calls, Refusal},
    group::{ChangedGroups, Entry, GroupId, Outcome},
};

/// The name of the daemon on the bus.
pub(crate) const SERVICE: &str = "org.freedesktop.resolve1";
const PATH: &str = "/org/freedesktop/resolve1";
const MANAGER: &str = "org.freedesktop.resolve1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

#[derive(Debug)]
struct Group {
    entries: Vec<Entry>,
    path: Option<OwnedObjectPath>,
    /// Goes up with each registration.
    round: u32,
    outcome: Option<Outcome>,
}

/// What a call was for.
#[derive(Debug)]
pub(crate) enum Purpose {
    Mode,
    Register(GroupId, u32),
    Nothing,
}

/// A client of systemd-resolved.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Whether it is on the bus.
    pub(crate) is_there: bool,
    /// Its setting `MulticastDNS=`: `yes`, `resolve` or `no`.
    pub(crate) mode: Option<String>,
    /// One of the two has changed since the caller was told.
    pub(crate) is_news: bool,
    pub(crate) calls: Calls<Purpose>,
    groups: BTreeMap<GroupId, Group>,
    paths: HashMap<OwnedObjectPath, GroupId>,
    changed: ChangedGroups,
}

impl Resolved {
    pub(crate) fn new() -> Self {
        Resolved {
            is_there: false,
            mode: None,
            is_news: false,
            calls: Calls::new(SERVICE),
            groups: BTreeMap::new(),
            paths: HashMap::new(),
            changed: ChangedGroups::default(),
        }
    }

    /// Whether it has said how it is.
    pub(crate) fn is_known(&self) -> bool {
        !self.is_there || self.mode.is_some()
    }

    /// The daemon has come, gone, or was replaced by another.
    pub(crate) fn set_owner(&mut self, is_there: bool) {
        self.calls.clear();
        self.paths.clear();
        for group in self.groups.values_mut() {
            (group.path, group.outcome) = (None, None);
            group.round += 1;
        }
        self.is_news = true;
        self.is_there = is_there;
        self.mode = None;
        if is_there {
            let body = (MANAGER, "MulticastDNS");
            self.calls
                .call(PATH, PROPERTIES, "Get", &body, Purpose::Mode);
            let groups: Vec<_> = self.groups.keys().copied().collect();
            groups.into_iter().for_each(|id| self.register(id));
        }
    }

    pub(crate) fn handle_reply(
        &mut self,
        message: &Message,
        (purpose, result): (Purpose, Result<(), Refusal>),
    ) {
        let body = message.body();
        match (purpose, result) {
            (Purpose::Mode, result) => {
                let mode = body.deserialize::<OwnedVariant>().ok();
                let mode = mode.and_then(|value| String::try_from(value).ok());
                self.mode = Some(match result {
                    Ok(()) => mode.unwrap_or_default(),
                    Err(refusal) => refusal.text(),
                });
                self.is_news = true;
            }
            (Purpose::Register(id, round), Ok(())) => {
                let Ok(path) = body.deserialize::<OwnedObjectPath>() else {
                    return;
                };
                match self
                    .groups
                    .get_mut(&id)
                    .filter(|group| group.round == round)
                {
                    Some(group) => {
                        group.path = Some(path.clone());
                        self.paths.insert(path, id);
                        self.set_outcome(id, Outcome::Established);
                    }
                    None => self.unregister(&path),
                }
            }
            (Purpose::Register(id, round), Err(refusal)) => {
                if self
                    .groups
                    .get(&id)
                    .is_some_and(|group| group.round == round)
                {
                    self.set_outcome(id, Outcome::Failed(refusal.text()));
                }
            }
            (Purpose::Nothing, _) => {}
        }
    }

    pub(crate) fn handle_signal(&mut self, message: &Message) {
        let header = message.header();
        if let (Some(path), Some(member)) = (header.path(), header.member())
            && member.as_str() == "Conflicted"
            && let Some(&id) = self.paths.get(path)
        {
            self.set_outcome(id, Outcome::Collision);
        }
    }

    /// Publishes the service among the entries, in place of what the group had.
    pub(crate) fn publish(&mut self, id: GroupId, entries: Vec<Entry>) {
        if self.groups.get(&id).is_some_and(|group| {
            group.entries == entries && group.outcome != Some(Outcome::Collision)
        }) {
            return;
        }
        let round = self.groups.get(&id).map_or(0, |group| group.round);
        self.unpublish(id);
        self.groups.insert(
            id,
            Group {
                entries,
                path: None,
                round: round + 1,
                outcome: None,
            },
        );
        if self.is_there {
            self.register(id);
        }
    }

    /// Takes a group back.
    pub(crate) fn unpublish(&mut self, id: GroupId) {
        if let Some(path) = self.groups.remove(&id).and_then(|group| group.path) {
            self.paths.remove(&path);
            self.unregister(&path);
        }
    }

    fn unregister(&mut self, path: &OwnedObjectPath) {
        let purpose = Purpose::Nothing;
        self.calls
            .call(PATH, MANAGER, "UnregisterService", &(path), purpose);
    }

    fn register(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let service = group.entries.iter().find_map(|entry| match entry {
            Entry::Service {
                instance,
                service_type,
                port,
                txt,
                ..
            } => Some((instance, service_type, *port, txt)),
            _ => None,
        });
        let Some((instance, service_type, port, txt)) = service else {
            let why = "systemd-resolved publishes services and its own host name only";
            return self.set_outcome(id, Outcome::Failed(why.into()));
        };
        // `%` begins a specifier.
        let template = instance.replace('%', "%%");
        // It must not be that of another registration, of whatever program.
        let number = format!("mdns-{}-{}-{}", std::process::id(), id.0, group.round);
        let txt: Vec<HashMap<String, Vec<u8>>> = vec![
            txt.iter()
                .filter_map(|string| {
                    let (key, value) = match string.iter().position(|&byte| byte == b'=') {
                        Some(at) => (&string[..at], &string[at + 1..]),
                        None => (&string[..], &[][..]),
                    };
                    Some((String::from_utf8(key.to_vec()).ok()?, value.to_vec()))
                })
                .collect(),
        ];
        let (priority, weight) = (0_u16, 0_u16);
        let body = (number, template, service_type, port, priority, weight, txt);
        let purpose = Purpose::Register(id, group.round);
        self.calls
            .call(PATH, MANAGER, "RegisterService", &body, purpose);
    }

    fn set_outcome(&mut self, id: GroupId, outcome: Outcome) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.outcome = Some(outcome);
            self.changed.note(id);
        }
    }

    /// The next group whose outcome has changed.
    pub(crate) fn poll_outcome(&mut self) -> Option<(GroupId, Outcome)> {
        let groups = &self.groups;
        self.changed.poll(|id| groups.get(&id)?.outcome.clone())
    }
}
