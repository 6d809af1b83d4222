//! The simulator as judge: a [`Script`] is played, the rules that always hold are checked at every packet, and when it is quiet
//! again everyone must know what there is.
//!
//! *Quiet* means: the noise has stopped, each name was asked for once, and 80 minutes have passed, more than the longest TTL. Then
//! no two hosts own a name, each browser's picture is the union of what responders own, and what an instance resolves to is so.
//!
//! ```
//! use mdns_sim::judge::{self, WORLDS};
//!
//! let world = &WORLDS[0];
//! let script = world.script(7, world.hosts, world.noise);
//! let figures = judge::run(&script).expect("the world agrees in the end");
//! assert_eq!(figures.renames, 0);
//! ```

mod addresses;
mod rules;
mod script;
mod shrink;
mod worlds;

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

use mdns_proto::{
    config::Config,
    name::NameBuf,
    store::Heap,
    time::Instant,
    wire::{Question, RecordType},
};

pub use self::{
    addresses::{ADDRESS_WORLDS, AddressWorld},
    rules::{Failure, Rule},
    script::{Act, Guest, Script},
    shrink::shrink,
    worlds::{WORLDS, WorldPlan},
};
use self::{rules::Rules, script::SERVICE_TYPE};
use crate::{
    Conditions, Host, Net, Sent,
    transcript::{Entry, Told},
};

/// How long it is quiet before pictures are compared: longer than the 75 minutes of a PTR (RFC 6762 §10).
const QUIET: Duration = Duration::from_secs(80 * 60);

/// When in the quiet each name is asked for.
const ASKED: Duration = Duration::from_secs(60);

/// How many names are asked for in one packet.
const NAMES_A_PACKET: usize = 20;

/// How many instances are resolved in the end, by how long after it.
const RESOLVED: usize = 40;
const RESOLVING: Duration = Duration::from_secs(10);

/// How many lines of the transcript are kept for a failure, and packets of a host to be repeated.
const PAGE: usize = 60;
const PACKETS: usize = 64;

/// How old a packet may be that is repeated: a host knows its own words for ten minutes.
const STALE: Duration = Duration::from_secs(5 * 60);

/// How long after a rival is gone a host may still act on what it has heard.
const SLACK: Duration = Duration::from_secs(1);

/// What a run has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// The most packets of a host in an hour.
    pub packets_worst: u32,
    /// How long after the noise (in a world without, after the beginning) the last picture became right.
    pub settled: Duration,
    /// How often a name was given up for another.
    pub renames: u32,
    /// Packets that arrived somewhere.
    pub deliveries: u64,
}

impl Figures {
    /// The worse of two.
    #[must_use]
    pub fn worst(self, other: Figures) -> Figures {
        Figures {
            packets_worst: self.packets_worst.max(other.packets_worst),
            settled: self.settled.max(other.settled),
            renames: self.renames.max(other.renames),
            deliveries: self.deliveries + other.deliveries,
        }
    }
}

/// Plays a script and judges it.
///
/// # Errors
/// The first rule that was broken; a panic counts as a broken contract.
pub fn run(script: &Script) -> Result<Figures, Box<Failure>> {
    let played = catch_unwind(AssertUnwindSafe(|| Judge::new(script).play()));
    played.unwrap_or_else(|panic| Err(caught(&*panic)))
}

/// A panic, as a broken contract.
fn caught(panic: &(dyn Any + Send)) -> Box<Failure> {
    let what = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default();
    Box::new(Failure {
        at: Instant::ZERO,
        rule: Rule::Contract,
        what,
        page: String::new(),
    })
}

/// A host of the script, as it is now.
struct Played {
    host: Host<Heap>,
    state: State,
    is_registered: bool,
    /// How often its attributes were changed.
    updates: u32,
    /// The last packets it sent.
    packets: VecDeque<Rc<Sent>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Awake,
    Asleep,
    Off,
}

struct Judge<'s> {
    script: &'s Script,
    net: Net,
    played: Vec<Played>,
    rules: Rules,
    /// How long a packet may be on its way.
    late: Duration,
    /// The last of what happened.
    page: VecDeque<Entry>,
    /// Whether a picture may have changed since it was last looked at.
    is_dirty: bool,
    is_right: bool,
    /// Since when pictures are right.
    right_since: Instant,
}

impl<'s> Judge<'s> {
    fn new(script: &'s Script) -> Self {
        let net = Net::seeded(script.seed);
        net.watch();
        net.segment().set(script.conditions.clone());
        let played = script.guests.iter().enumerate().map(|(at, guest)| {
            let config = Config {
                // A thing that only answers has no use for what others say.
                cache_unasked: guest.browses,
                ..Config::DEFAULT
            };
            Played {
                host: net.host_nowhere(&at.to_string(), &guest.label, config),
                state: State::Absent,
                is_registered: false,
                updates: 0,
                packets: VecDeque::new(),
            }
        });
        let played = played.collect();
        let conditions = &script.conditions;
        let mut late = *conditions.delay.end();
        if conditions.stale_percent > 0 {
            late += *conditions.stale_delay.end();
        }
        let replays = |(_, act): &(Duration, Act)| matches!(act, Act::Replay(..));
        let repeated = if script.acts.iter().any(replays) {
            STALE
        } else {
            Duration::ZERO
        };
        Judge {
            script,
            net,
            played,
            rules: Rules::new(script.packets_max, late + repeated + SLACK),
            late,
            page: VecDeque::new(),
            is_dirty: true,
            is_right: true,
            right_since: Instant::ZERO,
        }
    }

    fn play(mut self) -> Result<Figures, Box<Failure>> {
        let start = self.net.now();
        let script = self.script;
        for (at, act) in script.acts.iter().filter(|(at, _)| *at <= script.noise) {
            self.run_until(start + *at)?;
            self.act(act);
        }
        self.run_until(start + script.noise)?;

        self.net.segment().set(Conditions::default());
        self.net.segment().heal();
        for host in 0..self.played.len() {
            self.act(&Act::Wake(host));
        }
        // Late copies are noise, too.
        self.run_until(self.net.now() + self.late)?;
        let quiet = self.net.now();
        // A world of nothing but arrivals has no noise to wait for.
        let is_calm = script
            .acts
            .iter()
            .all(|(at, act)| matches!(act, Act::Arrive(_)) && at.is_zero());
        let calm = if is_calm { start } else { quiet };
        self.run_until(quiet + ASKED)?;
        self.ask_for_each_name()?;
        self.run_until(quiet + QUIET)?;

        self.check_names()?;
        self.check_pictures()?;
        self.check_details()?;
        Ok(Figures {
            packets_worst: self.rules.packets_worst,
            settled: self.right_since.max(calm) - calm,
            renames: self.rules.renames,
            deliveries: self.net.deliveries(),
        })
    }

    // --- what is done ---

    fn act(&mut self, act: &Act) {
        self.is_dirty = true;
        match act {
            Act::Arrive(host) => self.arrive(*host),
            Act::Crash(host) => self.crash(*host),
            Act::Sleep(host) => {
                if let Some(played) = self.in_state(*host, State::Awake) {
                    played.host.sleep();
                    played.state = State::Asleep;
                }
            }
            Act::Wake(host) => {
                if let Some(played) = self.in_state(*host, State::Asleep) {
                    played.host.wake();
                    played.state = State::Awake;
                }
            }
            Act::Toggle(host) => self.toggle(*host),
            Act::Update(host) => {
                let service = self.service(*host);
                if let Some(played) = self.in_state(*host, State::Awake)
                    && let Some(service) = service.filter(|_| played.is_registered)
                {
                    played.updates += 1;
                    let txt = format!("n={}", played.updates);
                    played.host.update_txt(&service, &[&txt]);
                }
            }
            Act::Move(host) => {
                if let Some(played) = self.in_state(*host, State::Awake) {
                    let address = played.host.change_address();
                    self.rules.moved(*host, address);
                }
            }
            Act::Part(hosts) => {
                let hosts: Vec<_> = hosts
                    .iter()
                    .filter_map(|host| Some(&self.played.get(*host)?.host))
                    .collect();
                self.net.segment().part(&hosts);
            }
            Act::Heal => self.net.segment().heal(),
            Act::Replay(host, back) => {
                let now = self.net.now();
                let packet = self.played.get(*host).and_then(|played| {
                    let at = played.packets.len().checked_sub(1 + back)?;
                    let packet = played.packets.get(at)?;
                    (now <= packet.at + STALE).then(|| Rc::clone(packet))
                });
                if let Some(packet) = packet {
                    self.net.replay(&packet);
                }
            }
        }
    }

    fn in_state(&mut self, host: usize, state: State) -> Option<&mut Played> {
        self.played
            .get_mut(host)
            .filter(|played| played.state == state)
    }

    fn service(&self, host: usize) -> Option<String> {
        self.script.guests.get(host)?.service.clone()
    }

    fn arrive(&mut self, host: usize) {
        let segment = self.net.segment();
        let Some(guest) = self.script.guests.get(host) else {
            return;
        };
        let Some(played) = self.in_state(host, State::Absent) else {
            return;
        };
        played.state = State::Awake;
        played.host.attach(&segment);
        if guest.is_twice {
            played.host.attach(&segment);
        }
        if guest.is_dual {
            played.host.dual_stack();
        }
        if guest.browses {
            played.host.browse(SERVICE_TYPE);
        }
        self.rules.wants(host, &format!("{}.local", guest.label));
        self.toggle(host);
    }

    fn toggle(&mut self, host: usize) {
        let now = self.net.now();
        let Some(service) = self.service(host) else {
            return;
        };
        let Some(played) = self.in_state(host, State::Awake) else {
            return;
        };
        played.is_registered = !played.is_registered;
        if played.is_registered {
            let port = port(host);
            let txt = format!("n={}", played.updates);
            played
                .host
                .advertise_with(&service, SERVICE_TYPE, port, &[&txt], &[]);
            self.rules
                .wants(host, &format!("{service}.{SERVICE_TYPE}.local"));
            self.rules.registered(host);
        } else {
            let names = played.host.wanted_services();
            played.host.withdraw(&service);
            for name in names {
                self.rules.leaves(now, host, &name);
            }
        }
    }

    fn crash(&mut self, host: usize) {
        let now = self.net.now();
        let Some(played) = self
            .played
            .get_mut(host)
            .filter(|played| [State::Awake, State::Asleep].contains(&played.state))
        else {
            return;
        };
        played.state = State::Off;
        played.host.crash();
        for name in played
            .host
            .wanted_services()
            .into_iter()
            .chain(played.host.name())
        {
            self.rules.leaves(now, host, &name);
        }
    }

    fn ask_for_each_name(&mut self) -> Result<(), Box<Failure>> {
        let asker = self.net.peer("asker");
        let awake = self.awake();
        let names = awake.flat_map(|(_, played)| {
            let services = played.host.services();
            services.into_iter().chain(played.host.name())
        });
        let names: BTreeSet<String> = names.collect();
        let names: Vec<NameBuf> = names.iter().filter_map(|name| name.parse().ok()).collect();
        for names in names.chunks(NAMES_A_PACKET) {
            asker.ask(|message| {
                for name in names {
                    let question = Question::new(name.as_name(), RecordType::ANY);
                    // What does not fit is not asked for.
                    let _ = message.question(&question);
                }
            });
            let next = self.net.now() + Duration::from_millis(20);
            self.run_until(next)?;
            asker.forget();
        }
        asker.leave();
        Ok(())
    }

    // --- what happens ---

    fn run_until(&mut self, end: Instant) -> Result<(), Box<Failure>> {
        // What an act made hosts say at once, before the next act at the same time.
        self.look()?;
        while self.net.now() < end {
            // Close looks while much happens.
            let step = if self.net.now() < Instant::ZERO + Duration::from_secs(10) {
                Duration::from_millis(100)
            } else {
                Duration::from_secs(1)
            };
            let left = end - self.net.now();
            self.net.run_for(step.min(left));
            self.look()?;
        }
        Ok(())
    }

    /// Reads what has happened since the last look.
    fn look(&mut self) -> Result<(), Box<Failure>> {
        let (log, probed) = self.net.take_log();
        for (at, to, packet) in probed {
            self.rules.probed(at, to, packet);
        }
        for entry in log {
            let (at, verdict) = self.read(&entry);
            self.page.push_back(entry);
            if self.page.len() > PAGE {
                self.page.pop_front();
            }
            if let Err((rule, what)) = verdict {
                return Err(self.failure(at, rule, what));
            }
        }
        if self.is_dirty {
            self.is_dirty = false;
            let is_right = self.names().is_none() && self.pictures().is_none();
            if is_right && !self.is_right {
                self.right_since = self.net.now();
            }
            self.is_right = is_right;
        }
        Ok(())
    }

    fn read(&mut self, entry: &Entry) -> (Instant, rules::Verdict) {
        match entry {
            Entry::Packet(sent) => {
                let station = sent.from.station as usize;
                let Some(played) = self.played.get_mut(station) else {
                    return (sent.at, Ok(()));
                };
                played.packets.push_back(Rc::clone(sent));
                if played.packets.len() > PACKETS {
                    played.packets.pop_front();
                }
                (sent.at, self.rules.sent(sent))
            }
            Entry::Told { at, station, told } => {
                self.is_dirty = true;
                let verdict = match told {
                    Told::Renames { old, new } => self.rules.renamed(*at, *station, old, new),
                    _ => Ok(()),
                };
                (*at, verdict)
            }
        }
    }

    fn failure(&self, at: Instant, rule: Rule, what: String) -> Box<Failure> {
        let page: Vec<_> = self.page.iter().cloned().collect();
        Box::new(Failure {
            at,
            rule,
            what,
            page: self.net.page(&page),
        })
    }

    // --- what must be so in the end ---

    fn awake(&self) -> impl Iterator<Item = (usize, &Played)> {
        let played = self.played.iter().enumerate();
        played.filter(|(_, played)| played.state == State::Awake)
    }

    fn check_names(&self) -> Result<(), Box<Failure>> {
        match self.names() {
            None => Ok(()),
            Some(what) => Err(self.failure(self.net.now(), Rule::Names, what)),
        }
    }

    /// The first host or service that has no name, or that of another.
    fn names(&self) -> Option<String> {
        let mut owners = BTreeMap::new();
        for (at, played) in self.awake() {
            let services = played.host.services();
            if services.len() != usize::from(played.is_registered) {
                return Some(format!("host {at} has no name for its service"));
            }
            if !played.host.owns_name() {
                return Some(format!("host {at} has no name"));
            }
            for name in services.into_iter().chain(played.host.name()) {
                if let Some(other) = owners.insert(name.to_ascii_lowercase(), at) {
                    return Some(format!("{name} is owned by hosts {other} and {at}"));
                }
            }
        }
        None
    }

    /// The first browser whose picture is not what there is, and how.
    fn pictures(&self) -> Option<String> {
        let owned: BTreeSet<String> = self
            .awake()
            .flat_map(|(_, played)| played.host.services())
            .collect();
        self.awake()
            .filter(|(at, _)| self.script.guests.get(*at).is_some_and(|g| g.browses))
            .find_map(|(at, played)| {
                let found: BTreeSet<String> = played.host.found().into_keys().collect();
                let misses: Vec<_> = owned.difference(&found).take(5).collect();
                let invents: Vec<_> = found.difference(&owned).take(5).collect();
                (found != owned)
                    .then(|| format!("host {at} misses {misses:?}, invents {invents:?}"))
            })
    }

    fn check_pictures(&self) -> Result<(), Box<Failure>> {
        match self.pictures() {
            None => Ok(()),
            Some(what) => Err(self.failure(self.net.now(), Rule::Picture, what)),
        }
    }

    /// One host, the last that browses, resolves what it has found, and gets what is so.
    fn check_details(&mut self) -> Result<(), Box<Failure>> {
        let guests = &self.script.guests;
        let resolver = self
            .awake()
            .filter(|(at, _)| guests.get(*at).is_some_and(|guest| guest.browses))
            .map(|(_, played)| played.host.clone())
            .last();
        let Some(resolver) = resolver else {
            return Ok(());
        };
        let owned = self.awake().filter(|(_, played)| played.is_registered);
        let expected: BTreeMap<String, String> = owned
            .filter_map(|(at, played)| {
                let host = played.host.name()?;
                let host = host.strip_suffix(".local")?;
                let mut addresses = played.host.addresses();
                addresses.sort();
                let addresses = addresses.iter().map(|address| format!("{address}, "));
                let details = format!(
                    "at {host}:{}, {}n={}",
                    port(at),
                    addresses.collect::<String>(),
                    played.updates
                );
                Some((played.host.services().into_iter().next()?, details))
            })
            .take(RESOLVED)
            .collect();
        for name in expected.keys() {
            resolver.resolve(name);
        }
        let end = self.net.now() + RESOLVING;
        self.run_until(end)?;
        let resolved = resolver.resolved();
        for (name, details) in expected {
            let found = resolved.get(&name);
            if found != Some(&details) {
                let what = format!("{name} is {details}, and resolves to {found:?}");
                return Err(self.failure(self.net.now(), Rule::Details, what));
            }
        }
        Ok(())
    }
}

/// The port of the service of a host.
fn port(host: usize) -> u16 {
    u16::try_from(1000 + host).unwrap_or(u16::MAX)
}
