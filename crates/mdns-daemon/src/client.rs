//! The client of both daemons, on one connection.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use mdns_proto::{
    link::Family,
    name::{Name, NameBuf},
    time::Instant,
    wire::RecordType,
};
use zbus::{Message, message::Type};

use crate::{
    avahi::{self, Avahi, Daemon},
    bus::{Bus, Incoming},
    calls::{Calls, Refusal},
    group::{Entry, GroupId, Outcome},
    resolved::{self, Resolved},
};

const DBUS: &str = "org.freedesktop.DBus";
const DBUS_PATH: &str = "/org/freedesktop/DBus";

/// How the daemons of this host are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Why there is no system bus, if there is none.
    pub no_bus: Option<String>,
    /// Whether Avahi answers and publishes.
    pub avahi_runs: bool,
    /// Why Avahi cannot be used though it is on the bus, if that is so.
    pub avahi_refuses: Option<String>,
    /// What Avahi says its version is, such as `avahi 0.8`.
    pub avahi_version: String,
    /// The full name of this host, as Avahi publishes it.
    pub avahi_host_name: Option<NameBuf>,
    /// The setting `MulticastDNS=` of systemd-resolved, if that is on the bus: `yes`, `resolve` or `no`.
    pub resolved_mode: Option<String>,
}

/// What a daemon has told.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// [`Client::status`] has changed.
    Status,
    /// Records of a name and type on one link.
    Records {
        /// The system's number for the interface.
        interface: u32,
        /// The IP family.
        family: Family,
        /// The owner of the records.
        name: NameBuf,
        /// Their type.
        rtype: RecordType,
        /// Records that are there, in wire form without compression: all of them, but for PTR records, of which some.
        present: Vec<Vec<u8>>,
        /// Records that are there no more.
        gone: Vec<Vec<u8>>,
    },
    /// Records of a name and type cannot be asked for: Avahi keeps no more objects for one program, or knows no such type.
    NotAsked {
        /// The name.
        name: NameBuf,
        /// The type.
        rtype: RecordType,
    },
    /// What has become of something published.
    Group(GroupId, Outcome),
}

/// Who publishes a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Whether a daemon is on the bus.
    Owner(&'static str),
    Nothing,
}

/// A client of the daemons of this host.
///
/// The contract: when the descriptor is readable, call [`handle_next`](Self::handle_next) until it returns `false`; after that, and after
/// every other call, take [events](Self::poll_event) until there are none; call [`handle_timeout`](Self::handle_timeout) when the
/// [timeout](Self::timeout) has come.
#[derive(Debug)]
pub struct Client {
    bus: Bus,
    calls: Calls<Purpose>,
    avahi: Avahi,
    resolved: Resolved,
    /// Why there is no bus; `None` while there is one, and before that is known.
    no_bus: Option<String>,
    /// The owners that are still to be asked for.
    unknown: u8,
    has_connected: bool,
    is_news: bool,
}

impl Client {
    /// A client that connects to the system bus by and by.
    ///
    /// # Errors
    /// The system has no thread or no descriptor left. No bus is no error.
    pub fn open() -> io::Result<Client> {
        Ok(Client {
            bus: Bus::open()?,
            calls: Calls::new(DBUS),
            avahi: Avahi::new(),
            resolved: Resolved::new(),
            no_bus: None,
            unknown: 2,
            has_connected: false,
            is_news: false,
        })
    }

    /// The descriptor that becomes readable when there is something to handle. For waiting alone.
    pub fn descriptor(&self) -> &UnixStream {
        self.bus.descriptor()
    }

    /// Waits until it is known how the daemons are, which takes some milliseconds; no longer than a time.
    pub fn wait_for_status(&mut self, now: Instant, timeout: Duration) -> Status {
        let start = std::time::Instant::now();
        while !self.is_known() {
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                break;
            };
            match self.bus.wait(left) {
                Some(incoming) => self.handle(now, incoming),
                None => break,
            }
        }
        self.status()
    }

    fn is_known(&self) -> bool {
        let avahi_is_known = !matches!(self.avahi.daemon, Daemon::Asking | Daemon::Settling);
        self.no_bus.is_some()
            || self.has_connected && self.unknown == 0 && avahi_is_known && self.resolved.is_known()
    }

    /// How the daemons are.
    pub fn status(&self) -> Status {
        Status {
            no_bus: match &self.no_bus {
                None if !self.has_connected || self.unknown > 0 => {
                    Some("it has not answered yet".into())
                }
                why => why.clone(),
            },
            avahi_runs: self.avahi.daemon == Daemon::Running,
            avahi_refuses: match &self.avahi.daemon {
                Daemon::Refused(why) => Some(why.clone()),
                Daemon::Settling => Some("it looks for a host name".into()),
                Daemon::Asking => Some("it has not answered yet".into()),
                _ => None,
            },
            avahi_version: self.avahi.version.clone(),
            avahi_host_name: self.avahi.host_name.clone(),
            resolved_mode: self.resolved.mode.clone(),
        }
    }

    /// How many objects Avahi keeps for us. It allows 1024 to a program, unless it is configured otherwise.
    pub fn objects(&self) -> usize {
        self.avahi.objects()
    }

    // --- commands ---

    /// Asks Avahi for the records of a name and type, on all interfaces, until they are not
    /// [retained](Self::retain). If that is done already, what is known on one link is told again.
    pub fn watch(&mut self, name: Name<'_>, rtype: RecordType, link: (u32, Family)) {
        self.avahi.watch(name, rtype, link);
        self.send();
    }

    /// Ends to ask for the records that are not wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(Name<'_>, RecordType) -> bool) {
        self.avahi.retain(&mut is_wanted);
        self.send();
    }

    /// Publishes by Avahi, in place of what the group had.
    pub fn publish(&mut self, group: GroupId, entries: Vec<Entry>) {
        self.avahi.publish(group, entries);
        self.send();
    }

    /// Publishes by systemd-resolved, in place of what the group had: the service among the entries.
    pub fn publish_by_resolved(&mut self, group: GroupId, entries: Vec<Entry>) {
        self.resolved.publish(group, entries);
        self.send();
    }

    /// Takes back what was published, by whichever daemon.
    pub fn unpublish(&mut self, group: GroupId) {
        self.avahi.unpublish(group);
        self.resolved.unpublish(group);
        self.send();
    }

    /// Whether everything that was commanded has been done, as far as the bus is there.
    pub fn is_idle(&self) -> bool {
        self.avahi.calls.is_empty() && self.resolved.calls.is_empty()
    }

    // --- the machine ---

    /// Handles one thing that has come. `false` if there is none: wait until the descriptor is readable.
    pub fn handle_next(&mut self, now: Instant) -> bool {
        match self.bus.next() {
            Some(incoming) => {
                self.handle(now, incoming);
                true
            }
            None => false,
        }
    }

    fn handle(&mut self, now: Instant, incoming: Incoming) {
        match incoming {
            Incoming::Connected => self.connected(),
            Incoming::Disconnected(why) => {
                self.is_news |= self.no_bus.is_none();
                self.no_bus = Some(why);
                self.calls.clear();
                self.avahi.set_owner(now, false);
                self.resolved.set_owner(false);
            }
            Incoming::Message(message) => self.handle_message(now, &message),
        }
        self.send();
    }

    fn connected(&mut self) {
        self.no_bus = None;
        self.has_connected = true;
        self.unknown = 2;
        for service in [avahi::SERVICE, resolved::SERVICE] {
            let rules = [
                format!("type='signal',sender='{service}'"),
                format!("type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{service}'"),
            ];
            for rule in &rules {
                let purpose = Purpose::Nothing;
                self.calls
                    .call(DBUS_PATH, DBUS, "AddMatch", &(rule), purpose);
            }
            let purpose = Purpose::Owner(service);
            self.calls
                .call(DBUS_PATH, DBUS, "NameHasOwner", &(service), purpose);
        }
    }

    fn handle_message(&mut self, now: Instant, message: &Message) {
        match message.message_type() {
            Type::MethodReturn | Type::Error => {
                if let Some(reply) = self.calls.take_reply(message) {
                    self.handle_reply(now, message, reply);
                } else if let Some(reply) = self.avahi.calls.take_reply(message) {
                    self.avahi.handle_reply(now, message, reply);
                } else if let Some(reply) = self.resolved.calls.take_reply(message) {
                    self.resolved.handle_reply(message, reply);
                }
            }
            Type::Signal => self.handle_signal(now, message),
            Type::MethodCall => {}
        }
    }

    fn handle_reply(
        &mut self,
        now: Instant,
        message: &Message,
        (purpose, result): (Purpose, Result<(), Refusal>),
    ) {
        let Purpose::Owner(service) = purpose else {
            return;
        };
        self.unknown = self.unknown.saturating_sub(1);
        let is_there = result.is_ok() && message.body().deserialize().unwrap_or(false);
        self.set_owner(now, service, is_there);
    }

    fn handle_signal(&mut self, now: Instant, message: &Message) {
        let header = message.header();
        let member = header.member().map(|member| member.as_str());
        if member == Some("NameOwnerChanged") {
            if let Ok((service, _, owner)) = message.body().deserialize::<(&str, &str, &str)>() {
                self.set_owner(now, service, !owner.is_empty());
            }
            return;
        }
        self.avahi.handle_signal(message);
        self.resolved.handle_signal(message);
    }

    fn set_owner(&mut self, now: Instant, service: &str, is_there: bool) {
        match service {
            avahi::SERVICE => self.avahi.set_owner(now, is_there),
            resolved::SERVICE => self.resolved.set_owner(is_there),
            _ => {}
        }
    }

    fn send(&mut self) {
        while let Some(call) = self
            .calls
            .poll()
            .or_else(|| self.avahi.calls.poll())
            .or_else(|| self.resolved.calls.poll())
        {
            // There is room for all that may be in flight.
            let is_sent = self.bus.send(call);
            debug_assert!(is_sent, "more calls in flight than room for them");
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn timeout(&self) -> Option<Instant> {
        self.avahi.timeout()
    }

    /// Goes on with what time alone moves.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.avahi.handle_timeout(now);
        self.send();
    }

    /// The next thing that a daemon has told.
    pub fn poll_event(&mut self) -> Option<Event> {
        let is_news = [
            &mut self.is_news,
            &mut self.avahi.is_news,
            &mut self.resolved.is_news,
        ];
        // All of them: it is told once.
        let news = is_news.map(std::mem::take);
        if news.contains(&true) {
            return Some(Event::Status);
        }
        if let Some((id, outcome)) = self.avahi.poll_outcome() {
            return Some(Event::Group(id, outcome));
        }
        if let Some((id, outcome)) = self.resolved.poll_outcome() {
            return Some(Event::Group(id, outcome));
        }
        if let Some(told) = self.avahi.poll_told() {
            return Some(Event::Records {
                interface: told.interface,
                family: told.family,
                name: told.name,
                rtype: told.rtype,
                present: told.present,
                gone: told.gone,
            });
        }
        let (name, rtype) = self.avahi.poll_not_asked()?;
        Some(Event::NotAsked { name, rtype })
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bus.descriptor().as_fd()
    }
}
