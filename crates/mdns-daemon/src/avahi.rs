//! Avahi as its client sees it (`org.freedesktop.Avahi.Server2`, of Avahi 0.8 and later).
//!
//! ```text
//! daemon   absent ──owner──▶ asking ──state 2──▶ running ──state 1, 3──▶ settling ──state 2──▶ running
//! browser  preparing ──path──▶ open ──not wanted──▶ freed          refused: no object is left, tried when one is freed
//! group    creating ──path──▶ filling ──all added──▶ committed ──▶ established | collision | failed
//! ```
//!
//! What a daemon had is given to it again when it was restarted. What its browsers told before is believed until it has had
//! [time to tell it again](STALE).

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use mdns_proto::{
    link::Family,
    name::{Name, NameBuf},
    time::Instant,
    wire::RecordType,
};
use zbus::{Message, OwnedObjectPath};

use crate::{
    calls::{Calls, Refusal},
    group::{ChangedGroups, Entry, GroupId, Outcome, Place, escape, escape_label},
};

/// The name of the daemon on the bus.
pub(crate) const SERVICE: &str = "org.freedesktop.Avahi";
const SERVER2: &str = "org.freedesktop.Avahi.Server2";
const BROWSER: &str = "org.freedesktop.Avahi.RecordBrowser";
const GROUP: &str = "org.freedesktop.Avahi.EntryGroup";

/// Any interface, any family.
const UNSPECIFIED: i32 = -1;
const V4: i32 = 0;
const V6: i32 = 1;
/// The class of the Internet.
const IN: u16 = 1;

/// States of the server.
const RUNNING: i32 = 2;
const COLLISION: i32 = 3;

/// States of a group.
const GROUP_ESTABLISHED: i32 = 2;
const GROUP_COLLISION: i32 = 3;
const GROUP_FAILURE: i32 = 4;

/// Flags of an entry.
const NO_FLAGS: u32 = 0;
const UNIQUE: u32 = 1;
const NO_REVERSE: u32 = 16;

/// The most entries that Avahi takes in a group, unless it is configured otherwise.
const ENTRIES_MAX: usize = 32;

/// How long a restarted daemon has to tell again what it told before: it asks the network anew, and other programs of the host
/// register anew.
pub(crate) const STALE: Duration = Duration::from_secs(8);

/// Records of one name and type, as the key of a browser: the name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(Vec<u8>, u16);

impl Key {
    pub(crate) fn new(name: Name<'_>, rtype: RecordType) -> Self {
        Key(NameBuf::from(name).as_wire().to_ascii_lowercase(), rtype.0)
    }
}

/// A record that a browser has told.
#[derive(Debug)]
struct Item {
    interface: u32,
    family: Family,
    name: NameBuf,
    rdata: Vec<u8>,
    /// It was told by a daemon that was restarted since, and not again.
    is_stale: bool,
    /// The caller has not been told that it is there.
    is_new: bool,
    /// It is there no more, and the caller has not been told.
    is_gone: bool,
}

/// Where a browser is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// There is no daemon to make it.
    Idle,
    /// The daemon was asked for it.
    Preparing,
    /// It tells.
    Open(OwnedObjectPath),
    /// The daemon refused it.
    Refused,
}

#[derive(Debug)]
struct Browser {
    name: NameBuf,
    rtype: RecordType,
    phase: Phase,
    items: Vec<Item>,
    /// When what is still stale is gone.
    stale_until: Option<Instant>,
    /// It is in the list of those that have something to tell.
    is_listed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupPhase {
    Idle,
    Creating,
    /// So many entries are still to be confirmed.
    Filling(usize),
    Committed,
}

#[derive(Debug)]
struct Group {
    entries: Vec<Entry>,
    phase: GroupPhase,
    path: Option<OwnedObjectPath>,
    /// Goes up with each new filling: replies to older ones mean nothing.
    round: u32,
    /// Replacing entries that are still to be confirmed.
    updating: usize,
    /// The entries have changed since they were replaced.
    is_outdated: bool,
    /// What the first entry that was refused means.
    refused: Option<Outcome>,
    is_established: bool,
    outcome: Option<Outcome>,
}

/// What a call was for.
#[derive(Debug)]
pub(crate) enum Purpose {
    Version,
    State,
    HostName,
    Prepare(Key),
    Create(GroupId),
    Fill(GroupId, u32),
    Commit(GroupId, u32),
    Update(GroupId, u32),
    /// Freed, started, reset: nobody waits for that.
    Nothing,
}

/// What the daemon is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// It is not on the bus.
    Absent,
    /// It is, and has not said yet how it is.
    Asking,
    /// It answers and publishes.
    Running,
    /// It looks for a host name.
    Settling,
    /// It does not let us use it, and why.
    Refused(String),
}

/// Records of one name and type on one link: all that there are now, and those that are no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) interface: u32,
    pub(crate) family: Family,
    pub(crate) name: NameBuf,
    pub(crate) rtype: RecordType,
    pub(crate) present: Vec<Vec<u8>>,
    pub(crate) gone: Vec<Vec<u8>>,
}

/// A client of Avahi.
#[derive(Debug)]
pub(crate) struct Avahi {
    pub(crate) daemon: Daemon,
    pub(crate) version: String,
    pub(crate) host_name: Option<NameBuf>,
    /// One of the three has changed since the caller was told.
    pub(crate) is_news: bool,
    pub(crate) calls: Calls<Purpose>,
    browsers: HashMap<Key, Browser>,
    paths: HashMap<OwnedObjectPath, Target>,
    groups: BTreeMap<GroupId, Group>,
    /// Browsers that have something to tell.
    listed: Vec<Key>,
    /// Browsers that found no room, and were not told of yet.
    not_asked: Vec<Key>,
    /// Groups whose outcome has changed.
    changed: ChangedGroups,
}

#[derive(Clone, Debug)]
enum Target {
    Browser(Key),
    Group(GroupId),
}

impl Avahi {
    pub(crate) fn new() -> Self {
        Avahi {
            daemon: Daemon::Absent,
            version: String::new(),
            host_name: None,
            is_news: false,
            calls: Calls::new(SERVICE),
            browsers: HashMap::new(),
            paths: HashMap::new(),
            groups: BTreeMap::new(),
            listed: Vec::new(),
            not_asked: Vec::new(),
            changed: ChangedGroups::default(),
        }
    }

    fn call<B>(&mut self, path: &str, interface: &str, method: &str, body: &B, purpose: Purpose)
    where
        B: zbus::export::serde::Serialize + zbus::DynamicType,
    {
        self.calls.call(path, interface, method, body, purpose);
    }

    fn set_daemon(&mut self, daemon: Daemon) {
        self.is_news |= self.daemon != daemon;
        self.daemon = daemon;
    }

    // --- the daemon ---

    /// The daemon has come, gone, or was replaced by another.
    pub(crate) fn set_owner(&mut self, now: Instant, is_there: bool) {
        self.lose(now);
        if !is_there {
            return self.set_daemon(Daemon::Absent);
        }
        self.set_daemon(Daemon::Asking);
        self.call("/", SERVER2, "GetVersionString", &(), Purpose::Version);
        self.call("/", SERVER2, "GetState", &(), Purpose::State);
    }

    /// All objects are gone, with who had them.
    fn lose(&mut self, now: Instant) {
        self.calls.clear();
        self.paths.clear();
        for browser in self.browsers.values_mut() {
            browser.phase = Phase::Idle;
            browser.stale_until = Some(now + STALE);
            for item in &mut browser.items {
                item.is_stale = true;
            }
        }
        for group in self.groups.values_mut() {
            group.forget_object();
        }
    }

    fn set_state(&mut self, state: i32) {
        match state {
            RUNNING => self.call("/", SERVER2, "GetHostNameFqdn", &(), Purpose::HostName),
            _ if self.daemon == Daemon::Asking && state != COLLISION => {}
            _ => self.set_daemon(Daemon::Settling),
        }
    }

    /// The daemon runs under this host name.
    fn run(&mut self, host_name: &str) {
        let host_name = host_name.parse().ok();
        let is_other = self.host_name.is_some() && self.host_name != host_name;
        self.is_news |= self.host_name != host_name;
        self.host_name = host_name;
        self.set_daemon(Daemon::Running);
        let idle: Vec<_> = self
            .browsers
            .iter()
            .filter(|(_, browser)| browser.phase == Phase::Idle)
            .map(|(key, _)| key.clone())
            .collect();
        for key in idle {
            self.prepare(&key);
        }
        let groups: Vec<_> = self.groups.keys().copied().collect();
        for id in groups {
            // What runs on the daemon's host names it in its SRV record.
            if is_other && self.groups.get(&id).is_some_and(Group::is_on_daemon_host) {
                self.refill(id);
            } else {
                self.create(id);
            }
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let why = if refusal.is("UnknownMethod") || refusal.is("UnknownInterface") {
            "it is older than 0.8".to_owned()
        } else {
            refusal.text()
        };
        self.set_daemon(Daemon::Refused(why));
    }

    // --- messages ---

    pub(crate) fn handle_reply(
        &mut self,
        now: Instant,
        message: &Message,
        (purpose, result): (Purpose, Result<(), Refusal>),
    ) {
        let body = message.body();
        match (purpose, result) {
            (Purpose::Version, Ok(())) => self.version = body.deserialize().unwrap_or_default(),
            (Purpose::State, Ok(())) => {
                if let Ok(state) = body.deserialize() {
                    self.set_state(state);
                }
            }
            (Purpose::HostName, Ok(())) => {
                let name: String = body.deserialize().unwrap_or_default();
                self.run(&name);
            }
            (Purpose::Version | Purpose::State | Purpose::HostName, Err(refusal)) => {
                self.refuse(&refusal);
            }
            (Purpose::Prepare(key), Ok(())) => {
                if let Ok(path) = body.deserialize::<OwnedObjectPath>() {
                    self.open(now, key, path);
                }
            }
            (Purpose::Prepare(key), Err(_)) => self.refuse_browser(key),
            (Purpose::Create(id), result) => match result {
                Ok(()) => {
                    if let Ok(path) = body.deserialize::<OwnedObjectPath>() {
                        self.created(id, path);
                    }
                }
                Err(refusal) => {
                    if let Some(group) = self.groups.get_mut(&id) {
                        group.phase = GroupPhase::Idle;
                    }
                    self.set_outcome(id, Outcome::Failed(refusal.text()));
                }
            },
            (Purpose::Fill(id, round), result) => self.filled(id, round, result),
            (Purpose::Commit(id, round) | Purpose::Update(id, round), Err(refusal)) => {
                if self
                    .groups
                    .get(&id)
                    .is_some_and(|group| group.round == round)
                {
                    self.reset(id);
                    self.set_outcome(id, outcome_of(&refusal));
                }
            }
            (Purpose::Update(id, round), Ok(())) => self.updated(id, round),
            (Purpose::Commit(..) | Purpose::Nothing, _) => {}
        }
    }

    pub(crate) fn handle_signal(&mut self, message: &Message) {
        let header = message.header();
        let (Some(path), Some(member)) = (header.path(), header.member()) else {
            return;
        };
        let body = message.body();
        let target = self.paths.get(path).cloned();
        match (target, member.as_str()) {
            (None, "StateChanged") if path.as_str() == "/" => {
                if let Ok((state, _)) = body.deserialize::<(i32, &str)>() {
                    self.set_state(state);
                }
            }
            (Some(Target::Browser(key)), "ItemNew" | "ItemRemove") => {
                type Body<'a> = (i32, i32, &'a str, u16, u16, Vec<u8>, u32);
                if let Ok((interface, protocol, name, _, _, rdata, _)) =
                    body.deserialize::<Body<'_>>()
                    && let (Some((interface, family)), Ok(name)) =
                        (link_of(interface, protocol), name.parse())
                {
                    let is_there = member.as_str() == "ItemNew";
                    self.handle_item(&key, interface, family, name, rdata, is_there);
                }
            }
            (Some(Target::Group(id)), "StateChanged") => {
                if let Ok((state, error)) = body.deserialize::<(i32, &str)>() {
                    self.handle_group_state(id, state, error);
                }
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        if self.daemon != Daemon::Running {
            return None;
        }
        self.browsers
            .values()
            .filter_map(|browser| browser.stale_until)
            .min()
    }

    /// What a restarted daemon did not tell again is gone.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.daemon != Daemon::Running {
            return;
        }
        let mut due = Vec::new();
        for (key, browser) in &mut self.browsers {
            if browser.stale_until.is_some_and(|at| at <= now) {
                browser.stale_until = None;
                for item in browser.items.iter_mut().filter(|item| item.is_stale) {
                    item.is_gone = true;
                }
                due.push(key.clone());
            }
        }
        due.iter().for_each(|key| self.list(key));
    }

    // --- browsers ---

    /// How many objects the daemon keeps for us.
    pub(crate) fn objects(&self) -> usize {
        self.paths.len()
    }

    /// Wants the records of a name and type, and all that is known of them on one link if there is a browser already.
    pub(crate) fn watch(&mut self, name: Name<'_>, rtype: RecordType, link: (u32, Family)) {
        let key = Key::new(name, rtype);
        if let Some(browser) = self.browsers.get_mut(&key) {
            let on_link = |item: &&mut Item| (item.interface, item.family) == link;
            let mut is_known = false;
            for item in browser.items.iter_mut().filter(on_link) {
                item.is_new = true;
                is_known = true;
            }
            if is_known {
                self.list(&key);
            } else if browser.phase == Phase::Refused {
                self.not_asked.push(key);
            }
            return;
        }
        let browser = Browser {
            name: name.into(),
            rtype,
            phase: Phase::Idle,
            items: Vec::new(),
            stale_until: None,
            is_listed: false,
        };
        self.browsers.insert(key.clone(), browser);
        if self.daemon == Daemon::Running {
            self.prepare(&key);
        }
    }

    /// Closes the browsers of which this does not say that they are wanted.
    pub(crate) fn retain(&mut self, is_wanted: &mut dyn FnMut(Name<'_>, RecordType) -> bool) {
        let mut closed = Vec::new();
        self.browsers.retain(|_, browser| {
            let keeps = is_wanted(browser.name.as_name(), browser.rtype);
            if !keeps && let Phase::Open(path) = &browser.phase {
                closed.push(path.clone());
            }
            keeps
        });
        let has_room = !closed.is_empty();
        for path in closed {
            self.paths.remove(&path);
            self.call(path.as_str(), BROWSER, "Free", &(), Purpose::Nothing);
        }
        if has_room {
            let mut refused: Vec<_> = self
                .browsers
                .iter()
                .filter(|(_, browser)| browser.phase == Phase::Refused)
                .map(|(key, _)| key.clone())
                .collect();
            refused.sort();
            refused.iter().for_each(|key| self.prepare(key));
        }
    }

    fn prepare(&mut self, key: &Key) {
        let Some(browser) = self.browsers.get_mut(key) else {
            return;
        };
        browser.phase = Phase::Preparing;
        let (name, rtype) = (escape(browser.name.as_name()), browser.rtype.0);
        let body = (UNSPECIFIED, UNSPECIFIED, name.as_str(), IN, rtype, 0_u32);
        let purpose = Purpose::Prepare(key.clone());
        self.call("/", SERVER2, "RecordBrowserPrepare", &body, purpose);
    }

    fn open(&mut self, now: Instant, key: Key, path: OwnedObjectPath) {
        let method = match self.browsers.get_mut(&key) {
            // Two were prepared, because it was not wanted for a moment.
            Some(browser) if browser.phase == Phase::Preparing => {
                if browser.stale_until.is_some() {
                    browser.stale_until = Some(now + STALE);
                }
                browser.phase = Phase::Open(path.clone());
                self.paths.insert(path.clone(), Target::Browser(key));
                "Start"
            }
            _ => "Free",
        };
        self.call(path.as_str(), BROWSER, method, &(), Purpose::Nothing);
    }

    fn refuse_browser(&mut self, key: Key) {
        if let Some(browser) = self.browsers.get_mut(&key) {
            browser.phase = Phase::Refused;
            self.not_asked.push(key);
        }
    }

    fn handle_item(
        &mut self,
        key: &Key,
        interface: u32,
        family: Family,
        name: NameBuf,
        rdata: Vec<u8>,
        is_there: bool,
    ) {
        let Some(browser) = self.browsers.get_mut(key) else {
            return;
        };
        let known = browser.items.iter_mut().find(|item| {
            (item.interface, item.family) == (interface, family)
                && item.rdata == rdata
                && item.name == name
        });
        match (known, is_there) {
            (Some(item), true) => {
                item.is_new |= item.is_gone;
                (item.is_stale, item.is_gone) = (false, false);
            }
            (Some(item), false) => item.is_gone = true,
            (None, true) => browser.items.push(Item {
                interface,
                family,
                name,
                rdata,
                is_stale: false,
                is_new: true,
                is_gone: false,
            }),
            (None, false) => return,
        }
        self.list(key);
    }

    fn list(&mut self, key: &Key) {
        if let Some(browser) = self.browsers.get_mut(key)
            && !std::mem::replace(&mut browser.is_listed, true)
        {
            self.listed.push(key.clone());
        }
    }

    /// The next records to be told: those of one owner on one link.
    pub(crate) fn poll_told(&mut self) -> Option<Told> {
        loop {
            let key = self.listed.last()?;
            let Some(browser) = self.browsers.get_mut(key) else {
                self.listed.pop();
                continue;
            };
            let is_due = |item: &Item| item.is_new || item.is_gone;
            let Some(first) = browser.items.iter().position(is_due) else {
                browser.is_listed = false;
                self.listed.pop();
                continue;
            };
            return Some(browser.take_told(first));
        }
    }

    /// The next name and type that found no room.
    pub(crate) fn poll_not_asked(&mut self) -> Option<(NameBuf, RecordType)> {
        while let Some(key) = self.not_asked.pop() {
            if let Some(browser) = self.browsers.get(&key) {
                return Some((browser.name.clone(), browser.rtype));
            }
        }
        None
    }

    // --- groups ---

    /// Publishes entries as a group, in place of what the group had.
    pub(crate) fn publish(&mut self, id: GroupId, entries: Vec<Entry>) {
        let Some(group) = self.groups.get_mut(&id) else {
            self.groups.insert(id, Group::new(entries));
            return self.create(id);
        };
        if group.entries == entries && !matches!(group.outcome, Some(Outcome::Collision)) {
            return;
        }
        let before = std::mem::replace(&mut group.entries, entries);
        if group.is_established && is_update(&before, &group.entries) {
            return self.update(id);
        }
        match group.phase {
            // What is on the way is replaced when it has arrived.
            GroupPhase::Filling(_) => group.is_outdated = true,
            GroupPhase::Committed => self.refill(id),
            GroupPhase::Idle | GroupPhase::Creating => self.create(id),
        }
    }

    /// Takes a group back. The daemon says goodbye.
    pub(crate) fn unpublish(&mut self, id: GroupId) {
        if let Some(path) = self.groups.remove(&id).and_then(|group| group.path) {
            self.paths.remove(&path);
            self.call(path.as_str(), GROUP, "Free", &(), Purpose::Nothing);
        }
    }

    fn create(&mut self, id: GroupId) {
        if self.daemon != Daemon::Running {
            return;
        }
        if let Some(group) = self.groups.get_mut(&id)
            && group.phase == GroupPhase::Idle
            && group.path.is_none()
        {
            if group.entries.len() > ENTRIES_MAX {
                let count = group.entries.len();
                let why =
                    format!("Avahi takes {ENTRIES_MAX} entries for a service, and it has {count}");
                return self.set_outcome(id, Outcome::Failed(why));
            }
            group.phase = GroupPhase::Creating;
            self.call("/", SERVER2, "EntryGroupNew", &(), Purpose::Create(id));
        }
    }

    fn created(&mut self, id: GroupId, path: OwnedObjectPath) {
        let Some(group) = self.groups.get_mut(&id) else {
            return self.call(path.as_str(), GROUP, "Free", &(), Purpose::Nothing);
        };
        group.path = Some(path.clone());
        self.paths.insert(path, Target::Group(id));
        self.fill(id);
    }

    fn refill(&mut self, id: GroupId) {
        self.reset(id);
        self.fill(id);
    }

    fn reset(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.is_established = false;
            group.outcome = None;
            group.round += 1;
            if let Some(path) = group.path.clone() {
                self.call(path.as_str(), GROUP, "Reset", &(), Purpose::Nothing);
            }
        }
    }

    fn fill(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let Some(path) = group.path.clone() else {
            return;
        };
        group.round += 1;
        (group.updating, group.is_outdated) = (0, false);
        group.refused = None;
        group.phase = GroupPhase::Filling(group.entries.len());
        let (round, entries) = (group.round, group.entries.clone());
        for entry in &entries {
            self.add(path.as_str(), entry, Purpose::Fill(id, round));
        }
    }

    /// TXT data are replaced in place, and announced. While that goes on, later ones wait.
    fn update(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        group.is_outdated = group.updating > 0;
        let Some(path) = group.path.clone().filter(|_| !group.is_outdated) else {
            return;
        };
        let round = group.round;
        let mut services = group.entries.clone();
        services.retain(|entry| matches!(entry, Entry::Service { .. }));
        group.updating = services.len();
        for entry in services {
            if let Entry::Service {
                place,
                instance,
                service_type,
                txt,
                ..
            } = entry
            {
                let (interface, protocol) = place.numbers();
                let (name, service_type, domain) = (instance.as_str(), service_type.as_str(), "");
                let body = (interface, protocol, 0_u32, name, service_type, domain, txt);
                let purpose = Purpose::Update(id, round);
                self.call(path.as_str(), GROUP, "UpdateServiceTxt", &body, purpose);
            }
        }
    }

    fn updated(&mut self, id: GroupId, round: u32) {
        if let Some(group) = self
            .groups
            .get_mut(&id)
            .filter(|group| group.round == round)
        {
            group.updating = group.updating.saturating_sub(1);
            if group.updating == 0 && group.is_outdated {
                self.update(id);
            }
        }
    }

    fn add(&mut self, path: &str, entry: &Entry, purpose: Purpose) {
        match entry {
            Entry::Service {
                place,
                instance,
                service_type,
                host,
                port,
                txt,
            } => {
                let host = host.as_ref().map(|host| escape(host.as_name()));
                let host = host.unwrap_or_default();
                let (interface, protocol) = place.numbers();
                let (service_type, domain) = (service_type.as_str(), "");
                let name = instance.as_str();
                let body = (
                    interface,
                    protocol,
                    NO_FLAGS,
                    name,
                    service_type,
                    domain,
                    host.as_str(),
                    *port,
                    txt,
                );
                self.call(path, GROUP, "AddService", &body, purpose);
            }
            Entry::Subtype {
                place,
                instance,
                service_type,
                subtype,
            } => {
                let mut full = String::new();
                escape_label(subtype.as_bytes(), &mut full);
                full.push_str("._sub.");
                full.push_str(service_type);
                let (interface, protocol) = place.numbers();
                let (name, service_type) = (instance.as_str(), service_type.as_str());
                let body = (
                    interface,
                    protocol,
                    NO_FLAGS,
                    name,
                    service_type,
                    "",
                    full.as_str(),
                );
                self.call(path, GROUP, "AddServiceSubtype", &body, purpose);
            }
            Entry::Address {
                interface,
                host,
                address,
            } => {
                let interface = i32::try_from(*interface).unwrap_or(UNSPECIFIED);
                let (host, address) = (escape(host.as_name()), address.to_string());
                // On both families: an address of one is found over the other.
                let body = (
                    interface,
                    UNSPECIFIED,
                    NO_REVERSE,
                    host.as_str(),
                    address.as_str(),
                );
                self.call(path, GROUP, "AddAddress", &body, purpose);
            }
            Entry::Record {
                place,
                name,
                rtype,
                ttl,
                rdata,
            } => {
                let (interface, protocol) = place.numbers();
                let name = escape(name.as_name());
                let body = (
                    interface,
                    protocol,
                    UNIQUE,
                    name.as_str(),
                    IN,
                    *rtype,
                    *ttl,
                    rdata,
                );
                self.call(path, GROUP, "AddRecord", &body, purpose);
            }
        }
    }

    fn filled(&mut self, id: GroupId, round: u32, result: Result<(), Refusal>) {
        let Some(group) = self
            .groups
            .get_mut(&id)
            .filter(|group| group.round == round)
        else {
            return;
        };
        let GroupPhase::Filling(left) = group.phase else {
            return;
        };
        if let Err(refusal) = result {
            group.refused.get_or_insert(outcome_of(&refusal));
        }
        if left > 1 {
            group.phase = GroupPhase::Filling(left - 1);
            return;
        }
        group.phase = GroupPhase::Committed;
        if group.is_outdated {
            return self.refill(id);
        }
        match (group.refused.take(), group.path.clone()) {
            (Some(outcome), _) => {
                self.reset(id);
                self.set_outcome(id, outcome);
            }
            (None, Some(path)) => {
                let purpose = Purpose::Commit(id, round);
                self.call(path.as_str(), GROUP, "Commit", &(), purpose);
            }
            (None, None) => {}
        }
    }

    fn handle_group_state(&mut self, id: GroupId, state: i32, error: &str) {
        let Some(group) = self
            .groups
            .get_mut(&id)
            .filter(|group| group.phase == GroupPhase::Committed)
        else {
            return;
        };
        match state {
            GROUP_ESTABLISHED => {
                group.is_established = true;
                self.set_outcome(id, Outcome::Established);
            }
            GROUP_COLLISION => {
                group.is_established = false;
                self.set_outcome(id, Outcome::Collision);
            }
            GROUP_FAILURE => {
                group.is_established = false;
                self.set_outcome(id, Outcome::Failed(error.to_owned()));
            }
            _ => {}
        }
    }

    fn set_outcome(&mut self, id: GroupId, outcome: Outcome) {
        if let Some(group) = self.groups.get_mut(&id)
            && group.outcome.as_ref() != Some(&outcome)
        {
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

impl Browser {
    /// What is known of the owner and the link of an item, which counts as told then.
    fn take_told(&mut self, first: usize) -> Told {
        let (interface, family, name) = {
            let item = &self.items[first];
            (item.interface, item.family, item.name.clone())
        };
        let is_shared = self.rtype == RecordType::PTR;
        let (mut present, mut gone) = (Vec::new(), Vec::new());
        self.items.retain_mut(|item| {
            if (item.interface, item.family) != (interface, family) || item.name != name {
                return true;
            }
            if item.is_gone {
                gone.push(std::mem::take(&mut item.rdata));
                return false;
            }
            // A set that is unique is told whole: the new one takes the place of the old.
            if std::mem::take(&mut item.is_new) || !is_shared {
                present.push(item.rdata.clone());
            }
            true
        });
        Told {
            interface,
            family,
            name,
            rtype: self.rtype,
            present,
            gone,
        }
    }
}

impl Group {
    fn new(entries: Vec<Entry>) -> Self {
        Group {
            entries,
            phase: GroupPhase::Idle,
            path: None,
            round: 0,
            updating: 0,
            is_outdated: false,
            refused: None,
            is_established: false,
            outcome: None,
        }
    }

    fn forget_object(&mut self) {
        self.phase = GroupPhase::Idle;
        self.path = None;
        self.round += 1;
        self.updating = 0;
        self.is_outdated = false;
        self.is_established = false;
        self.outcome = None;
    }

    fn is_on_daemon_host(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| matches!(entry, Entry::Service { host: None, .. }))
    }
}

impl Place {
    /// The numbers of the interface and of the protocol.
    fn numbers(self) -> (i32, i32) {
        match self {
            Place::Everywhere => (UNSPECIFIED, UNSPECIFIED),
            Place::Interface(index, family) => (
                i32::try_from(index).unwrap_or(UNSPECIFIED),
                match family {
                    Some(Family::V4) => V4,
                    Some(Family::V6) => V6,
                    None => UNSPECIFIED,
                },
            ),
        }
    }
}

/// Whether only TXT data of services have changed: all else cannot be replaced in place.
fn is_update(before: &[Entry], after: &[Entry]) -> bool {
    let bare = |entry: &Entry| {
        let mut entry = entry.clone();
        if let Entry::Service { txt, .. } = &mut entry {
            txt.clear();
        }
        entry
    };
    before.iter().map(bare).eq(after.iter().map(bare))
}

fn outcome_of(refusal: &Refusal) -> Outcome {
    if refusal.is("CollisionError") {
        Outcome::Collision
    } else {
        Outcome::Failed(refusal.text())
    }
}

/// The link that numbers of Avahi mean.
fn link_of(interface: i32, protocol: i32) -> Option<(u32, Family)> {
    let family = match protocol {
        V4 => Family::V4,
        V6 => Family::V6,
        _ => return None,
    };
    Some((u32::try_from(interface).ok()?, family))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;
    const ETH0: (u32, Family) = (2, Family::V4);

    /// A client, and an Avahi that answers all it is asked.
    struct Bench {
        avahi: Avahi,
        /// Calls so far, by their names.
        called: Vec<String>,
        objects: usize,
        objects_max: usize,
    }

    impl Bench {
        fn new() -> Self {
            let mut bench = Bench {
                avahi: Avahi::new(),
                called: Vec::new(),
                objects: 0,
                objects_max: 1024,
            };
            bench.start();
            bench
        }

        fn start(&mut self) {
            self.avahi.set_owner(NOW, true);
            self.answer();
        }

        /// Answers all calls.
        fn answer(&mut self) {
            while let Some(call) = self.avahi.calls.poll() {
                let header = call.header();
                assert!(
                    call.primary_header()
                        .flags()
                        .contains(zbus::message::Flags::NO_AUTO_START)
                );
                let member = header.member().expect("a method").to_string();
                let reply = Message::method_return(&header);
                let reply = match member.as_str() {
                    "GetState" => reply.build(&RUNNING),
                    "GetVersionString" => reply.build(&"avahi 0.8"),
                    "GetHostNameFqdn" => reply.build(&"attic.local"),
                    "RecordBrowserPrepare" | "EntryGroupNew"
                        if self.objects >= self.objects_max =>
                    {
                        let name = "org.freedesktop.Avahi.TooManyObjectsError";
                        Message::error(&header, name).build(&"Too many objects")
                    }
                    "RecordBrowserPrepare" | "EntryGroupNew" => {
                        self.objects += 1;
                        let path = format!("/Client0/Object{}", self.called.len());
                        reply.build(&OwnedObjectPath::try_from(path).expect("a path"))
                    }
                    "Free" => {
                        self.objects -= 1;
                        reply.build(&())
                    }
                    _ => reply.build(&()),
                };
                self.called.push(member);
                let reply = reply.expect("a reply");
                let taken = self.avahi.calls.take_reply(&reply).expect("it was called");
                self.avahi.handle_reply(NOW, &reply, taken);
            }
        }

        fn watch(&mut self, name: &str) {
            let name: NameBuf = name.parse().expect("a name");
            self.avahi.watch(name.as_name(), RecordType::SRV, ETH0);
            self.answer();
        }

        fn tell(&mut self, name: &str, rdata: &[u8]) {
            let name: NameBuf = name.parse().expect("a name");
            let key = Key::new(name.as_name(), RecordType::SRV);
            let (interface, family) = ETH0;
            self.avahi
                .handle_item(&key, interface, family, name, rdata.to_vec(), true);
        }

        fn publish(&mut self, port: u16, txt: &str) {
            let service = Entry::Service {
                place: Place::Everywhere,
                instance: "Desk".into(),
                service_type: "_http._tcp".into(),
                host: None,
                port,
                txt: vec![txt.into()],
            };
            self.avahi.publish(GroupId(1), vec![service]);
        }

        fn count(&self, member: &str) -> usize {
            self.called
                .iter()
                .filter(|called| *called == member)
                .count()
        }
    }

    #[test]
    fn a_name_and_type_has_one_browser_and_what_is_known_is_told_again() {
        let mut bench = Bench::new();
        assert_eq!(bench.avahi.daemon, Daemon::Running);
        bench.watch("a.local");
        bench.watch("A.local");
        assert_eq!(
            (bench.count("RecordBrowserPrepare"), bench.count("Start")),
            (1, 1)
        );
        bench.tell("a.local", b"1");
        let told = bench.avahi.poll_told().expect("news");
        assert_eq!(
            (told.interface, told.present, told.gone.len()),
            (2, vec![b"1".to_vec()], 0)
        );
        assert_eq!(bench.avahi.poll_told(), None);
        bench.tell("a.local", b"1");
        assert_eq!(bench.avahi.poll_told(), None, "nothing is new");
        bench.watch("a.local");
        assert!(bench.avahi.poll_told().is_some(), "somebody asked again");
    }

    #[test]
    fn what_a_restarted_daemon_does_not_tell_again_is_gone_after_a_while() {
        let mut bench = Bench::new();
        bench.watch("a.local");
        bench.tell("a.local", b"1");
        bench.tell("a.local", b"2");
        while bench.avahi.poll_told().is_some() {}
        bench.avahi.set_owner(NOW, false);
        assert_eq!((bench.avahi.timeout(), bench.avahi.objects()), (None, 0));
        bench.start();
        bench.tell("a.local", b"1");
        assert_eq!(
            (bench.count("RecordBrowserPrepare"), bench.avahi.poll_told()),
            (2, None)
        );
        bench
            .avahi
            .handle_timeout(NOW + STALE - Duration::from_millis(1));
        assert_eq!(bench.avahi.poll_told(), None);
        bench
            .avahi
            .handle_timeout(bench.avahi.timeout().expect("a deadline"));
        let told = bench.avahi.poll_told().expect("news");
        assert_eq!(
            (told.present, told.gone),
            (vec![b"1".to_vec()], vec![b"2".to_vec()])
        );
        assert_eq!(bench.avahi.timeout(), None);
    }

    #[test]
    fn what_finds_no_room_is_told_and_asked_when_there_is_some() {
        let mut bench = Bench::new();
        bench.objects_max = 2;
        ["a.local", "b.local", "c.local"]
            .iter()
            .for_each(|name| bench.watch(name));
        let not_asked = bench.avahi.poll_not_asked().expect("one found no room");
        assert_eq!(not_asked.0.to_string(), "c.local");
        assert_eq!(bench.avahi.poll_not_asked(), None);
        let a: NameBuf = "a.local".parse().expect("a name");
        bench.avahi.retain(&mut |name, _| name != a.as_name());
        bench.answer();
        assert_eq!((bench.count("Free"), bench.objects), (1, 2));
        assert_eq!(
            (bench.avahi.objects(), bench.avahi.poll_not_asked()),
            (2, None)
        );
    }

    #[test]
    fn a_group_is_committed_when_it_is_whole_and_txt_data_are_replaced_in_place() {
        let mut bench = Bench::new();
        bench.publish(80, "a");
        bench.answer();
        assert_eq!(
            bench.called[bench.called.len() - 2..],
            ["AddService", "Commit"]
        );
        bench
            .avahi
            .handle_group_state(GroupId(1), GROUP_ESTABLISHED, "");
        assert_eq!(
            bench.avahi.poll_outcome(),
            Some((GroupId(1), Outcome::Established))
        );
        // While one update is on the way the others wait, and the last of them is sent.
        for n in 0..1000 {
            bench.publish(80, &n.to_string());
        }
        bench.answer();
        assert_eq!(
            (bench.count("UpdateServiceTxt"), bench.count("Reset")),
            (2, 0)
        );
        bench.publish(81, "a");
        bench.answer();
        assert_eq!((bench.count("Reset"), bench.count("Commit")), (1, 2));
        bench.avahi.unpublish(GroupId(1));
        bench.answer();
        assert_eq!(bench.objects, 0);
    }

    #[test]
    fn a_name_that_is_taken_is_told_and_another_is_tried() {
        let mut bench = Bench::new();
        bench.publish(80, "a");
        bench.answer();
        bench
            .avahi
            .handle_group_state(GroupId(1), GROUP_COLLISION, "");
        assert_eq!(
            bench.avahi.poll_outcome(),
            Some((GroupId(1), Outcome::Collision))
        );
        // The same once more, because the caller found no other.
        bench.publish(80, "a");
        bench.answer();
        assert_eq!((bench.count("Reset"), bench.count("Commit")), (1, 2));
        let refused = Refusal {
            name: "org.freedesktop.Avahi.CollisionError".into(),
            message: String::new(),
        };
        assert_eq!(outcome_of(&refused), Outcome::Collision);
    }

    #[test]
    fn a_daemon_that_is_too_old_or_forbids_itself_is_refused() {
        for (name, why) in [
            (
                "org.freedesktop.DBus.Error.UnknownMethod",
                "it is older than 0.8",
            ),
            (
                "org.freedesktop.DBus.Error.AccessDenied",
                "no (AccessDenied)",
            ),
        ] {
            let mut avahi = Avahi::new();
            avahi.refuse(&Refusal {
                name: name.into(),
                message: "no".into(),
            });
            assert_eq!(avahi.daemon, Daemon::Refused(why.into()));
        }
    }
}
