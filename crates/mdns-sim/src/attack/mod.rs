//! One host is hostile: what it can make of the others, in figures.
//!
//! A host that advertises and browses is attacked for a while. Once a second an honest peer asks for what it has; in the middle of
//! the attack another begins to advertise what it looks for, and after it a third. Memory is measured by who calls:
//! a [`Meter`] stands around each verb of the host that is attacked.
//!
//! ```
//! use mdns_proto::store::Heap;
//! use mdns_sim::attack::{self, ATTACKS, Meter};
//!
//! let empty = attack::ATTACKS.iter().find(|attack| attack.name == "empty").expect("it is on the list");
//! let figures = attack::run::<Heap>(empty, 1000, 7, Meter::NONE);
//! figures.judge(empty, true).expect("nothing happens");
//! assert!(figures.sent_in_second <= 2);
//! ```

mod packets;
mod plans;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use mdns_proto::{
    host::Storage,
    link::{Destination, Family, PORT},
    time::Instant,
    wire::{Flags, Header, Question, RecordType},
};

pub use self::plans::{ATTACKS, Attack};
use crate::{
    Around, Host, Net, Peer, Sent, message,
    transcript::{Entry, Told},
};

/// How long everyone has before it begins.
const PEACE: Duration = Duration::from_secs(10);

/// How often it is asked for what the host has, and how long an answer may take: an answer, kept back by the one a second before
/// (RFC 6762 §6).
const ASKED: Duration = Duration::from_secs(1);
const ANSWERED: Duration = Duration::from_millis(1200);

/// The most datagrams that a host sends in a second of the clock. 100 answers by unicast and 50 packets of questions go out within a
/// second of the first of them, so that one of the clock may see twice as many.
pub const SENT_MAX: u32 = 300;

/// How long after an attack a host answers and finds as ever. A name that was fought for is probed for after 5 s (§8.1), then
/// announced.
pub const RECOVERY: Duration = Duration::from_secs(8);

/// The same for a browse that was filled with instances: their longest life, and the time to ask anew.
pub const FILLED: Duration = Duration::from_secs(4500 + 5);

mdns_proto::fixed! {
    /// A board of the usual size: one service, 32 records of others.
    pub struct Board {
        links: 1, hosts: 1, addresses: 2, services: 1, subtypes: 1, own_text: 768, askers: 4,
        asks: 2, told: 8, ask_text: 512, heard: 32, heard_text: 2048,
    }
}

/// Stands around each verb of the host that is attacked, and says what it saw.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// Called with each verb.
    pub around: Around,
    /// The most bytes that were allocated by verbs and not freed.
    pub held: fn() -> u64,
}

impl Meter {
    /// Measures nothing.
    pub const NONE: Meter = Meter {
        around: |verb| verb(),
        held: || 0,
    };
}

/// What an attack has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Datagrams of the attacker, and their bytes.
    pub heard: u64,
    /// Bytes of UDP payload in them.
    pub heard_bytes: u64,
    /// Datagrams of the host while it lasted.
    pub sent: u64,
    /// Bytes of UDP payload in them.
    pub sent_bytes: u64,
    /// The most of them in a second.
    pub sent_in_second: u32,
    /// How often the host was asked for what it has while the attack lasted ..
    pub asked: u32,
    /// .. and how often it said so in time.
    pub answered: u32,
    /// How long after it was announced in the middle of the attack an honest service was found; `None` if it was not.
    pub found: Option<Duration>,
    /// How long after the end of the attack the host answers ..
    pub answers_again: Option<Duration>,
    /// .. and how long after it was announced then another honest service was found.
    pub finds_again: Option<Duration>,
    /// The most bytes that the host held.
    pub held: u64,
}

impl Figures {
    /// Compares the figures with what docs/security.md states. `grows` says whether the host's memory does.
    ///
    /// # Errors
    /// What is not as stated.
    pub fn judge(&self, attack: &Attack, grows: bool) -> Result<(), String> {
        let is_within = |span: Option<Duration>, most| span.is_some_and(|span| span <= most);
        let all_answered = self.asked > 0 && self.answered == self.asked;
        let rules = [
            (self.sent_in_second <= SENT_MAX, "it sends too much"),
            (
                !attack.answers || all_answered,
                "it does not answer while the attack lasts",
            ),
            (
                !attack.finds || !grows || self.found.is_some_and(|span| span <= ASKED),
                "it does not find while the attack lasts",
            ),
            (
                is_within(self.answers_again, RECOVERY),
                "it does not answer afterwards",
            ),
            (
                is_within(self.finds_again, attack.finds_again_within()),
                "it does not find afterwards",
            ),
        ];
        let broken = rules.iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, what)| {
            Err(format!("{}: {what}: {self:?}", attack.name))
        })
    }
}

/// The attacker: what it has heard since the last step, and what it sends in this one.
pub(crate) struct Hostile {
    heard: Vec<Rc<Sent>>,
    out: Vec<(SocketAddr, Destination, Vec<u8>)>,
    /// Its own address, the one of the host, and that of the peer that asks.
    own: IpAddr,
    host: IpAddr,
    tool: IpAddr,
}

impl Hostile {
    /// Sends to the group from port 5353.
    fn say(&mut self, bytes: Vec<u8>) {
        self.say_from(self.own, PORT, bytes);
    }

    fn say_from(&mut self, source: IpAddr, port: u16, bytes: Vec<u8>) {
        let source = SocketAddr::new(source, port);
        self.out.push((source, Destination::Multicast, bytes));
    }

    /// Sends to the host alone.
    fn tell_from(&mut self, source: IpAddr, port: u16, bytes: Vec<u8>) {
        let host = SocketAddr::new(self.host, PORT);
        let source = SocketAddr::new(source, port);
        self.out.push((source, Destination::Unicast(host), bytes));
    }
}

/// Attacks a host for so many steps.
///
/// # Panics
/// If a host breaks the contract.
pub fn run<S: Storage>(attack: &Attack, steps: u64, seed: u64, meter: Meter) -> Figures {
    let mut scene = Scene::<S>::new(seed, meter);
    let mut figures = Figures::default();
    // In the middle; but a short attack must last until it has probed and announced.
    let comes = if steps < 300 { steps / 8 } else { steps / 2 };
    for step in 0..steps {
        if step == comes {
            scene.come("Late");
        }
        scene.attack(attack, step, &mut figures);
    }
    figures.found = scene.honest.first().and_then(Honest::found_after);
    figures.held = (meter.held)();
    scene.end(attack, &mut figures);
    figures
}

/// An honest host that comes later.
struct Honest {
    /// The number of its station.
    index: usize,
    /// The full name of its service.
    service: String,
    /// When it said so first.
    said: Option<Instant>,
    /// When the host that is attacked found it.
    found: Option<Instant>,
}

impl Honest {
    fn found_after(&self) -> Option<Duration> {
        Some(self.found? - self.said?)
    }
}

/// The network of an attack.
struct Scene<S: Storage> {
    net: Net<S>,
    host: Host<S>,
    mallory: Peer<S>,
    tool: Peer<S>,
    /// Who begins to advertise later.
    honest: Vec<Honest>,
    hostile: Hostile,
    /// What the host was asked for, and when.
    question: Option<(String, Instant)>,
    /// When it was asked last.
    asked: Instant,
    /// Datagrams of the host, by the second.
    sent: BTreeMap<u64, u32>,
}

impl<S: Storage> Scene<S> {
    fn new(seed: u64, meter: Meter) -> Self {
        let net = Net::<S>::with_rows(seed);
        net.around_verbs(meter.around);
        let host = net.host("hall");
        net.around_verbs(|verb| verb());
        host.advertise("Printer", "_ipp._tcp", 631)
            .browse("_http._tcp");
        net.host("attic").advertise("Web", "_http._tcp", 80);
        let (mallory, tool) = (net.peer("mallory"), net.peer("tool"));
        net.run_for(PEACE);
        net.take_log();
        let hostile = Hostile {
            heard: Vec::new(),
            out: Vec::new(),
            own: mallory.address(Family::V4),
            host: host
                .addresses()
                .first()
                .copied()
                .unwrap_or(mallory.address(Family::V4)),
            tool: tool.address(Family::V4),
        };
        Scene {
            net,
            host,
            mallory,
            tool,
            honest: Vec::new(),
            hostile,
            question: None,
            asked: Instant::ZERO,
            sent: BTreeMap::new(),
        }
    }

    /// One more honest host comes and advertises what is looked for.
    fn come(&mut self, name: &str) {
        let host = self.net.host(name).advertise(name, "_http._tcp", 80);
        self.honest.push(Honest {
            index: host.index,
            service: format!("{name}._http._tcp.local"),
            said: None,
            found: None,
        });
    }

    /// One step of the attack.
    fn attack(&mut self, attack: &Attack, step: u64, figures: &mut Figures) {
        (attack.write)(&mut self.hostile, step);
        self.hostile.heard.clear();
        for (source, destination, bytes) in self.hostile.out.drain(..) {
            figures.heard += 1;
            figures.heard_bytes += bytes.len() as u64;
            self.mallory.send_as(source, destination, bytes);
        }
        self.pass(attack.tick, figures);
    }

    /// Lets time pass, and asks the host once a second.
    fn pass(&mut self, span: Duration, figures: &mut Figures) {
        self.net.run_for(span);
        self.look(figures);
        if self.question.is_none() && self.net.now() - self.asked >= ASKED {
            self.ask();
        }
    }

    /// The peer asks for the service of the host, under the name that it has now.
    fn ask(&mut self) {
        let names = self.host.wanted_services();
        let Some(service) = names.first() else { return };
        let Ok(name) = service.parse::<mdns_proto::name::NameBuf>() else {
            return;
        };
        let query = Header {
            id: 0,
            flags: Flags::QUERY,
        };
        self.tool.send(message(query, |writer| {
            let asked = writer.question(&Question::new(name.as_name(), RecordType::SRV));
            debug_assert!(asked.is_ok(), "one question fits");
        }));
        self.asked = self.net.now();
        self.question = Some((service.clone(), self.asked));
    }

    /// Takes note of all that was sent since the last look.
    fn look(&mut self, figures: &mut Figures) {
        let (log, _) = self.net.take_log();
        self.mallory.forget();
        self.tool.forget();
        for entry in log {
            match entry {
                Entry::Packet(sent) => self.note_packet(sent, figures),
                Entry::Told {
                    at,
                    station,
                    told: Told::Finds { name, .. },
                } if station == self.host.index => {
                    let newcomer = self.honest.iter_mut().find(|honest| honest.service == name);
                    if let Some(honest) = newcomer {
                        honest.found.get_or_insert(at);
                    }
                }
                Entry::Told { .. } => {}
            }
        }
        let now = self.net.now();
        if self
            .question
            .as_ref()
            .is_some_and(|(_, at)| now - *at >= ANSWERED)
        {
            figures.asked += 1;
            self.question = None;
        }
    }

    fn note_packet(&mut self, sent: Rc<Sent>, figures: &mut Figures) {
        let station = sent.from.station as usize;
        if station == self.mallory.index {
            return;
        }
        if station == self.host.index {
            figures.sent += 1;
            figures.sent_bytes += sent.bytes.len() as u64;
            let second = sent.at.as_micros() / 1_000_000;
            let count = self.sent.entry(second).or_default();
            *count += 1;
            figures.sent_in_second = figures.sent_in_second.max(*count);
            self.hear_answer(&sent, figures);
        }
        let from = self
            .honest
            .iter_mut()
            .find(|honest| honest.index == station);
        if let Some(honest) = from
            && is_announcement(&sent)
        {
            honest.said.get_or_insert(sent.at);
        }
        self.hostile.heard.push(sent);
    }

    fn hear_answer(&mut self, sent: &Sent, figures: &mut Figures) {
        let Some((name, _)) = &self.question else {
            return;
        };
        let Ok(message) = sent.message() else { return };
        let is_answer = message
            .answers()
            .any(|record| record.rtype() == RecordType::SRV && record.name.to_string() == *name);
        if is_answer && message.header().flags.response() {
            figures.asked += 1;
            figures.answered += 1;
            self.question = None;
        }
    }

    /// After the attack: how long until all is as it was.
    fn end(&mut self, attack: &Attack, figures: &mut Figures) {
        let end = self.net.now();
        self.come("Garden");
        self.question = None;
        self.asked = Instant::ZERO;
        let mut after = Figures::default();
        let most = attack.finds_again_within().max(4 * RECOVERY);
        while self.net.now() - end < most {
            let is_late = self.net.now() - end >= 4 * RECOVERY;
            let step = Duration::from_millis(if is_late { 1000 } else { 50 });
            self.pass(step, &mut after);
            if after.answered > 0 {
                figures.answers_again.get_or_insert(self.net.now() - end);
            }
            figures.finds_again = self.honest.last().and_then(Honest::found_after);
            if figures.answers_again.is_some() && figures.finds_again.is_some() {
                break;
            }
        }
    }
}

/// Whether a packet announces an instance of what is looked for.
fn is_announcement(sent: &Sent) -> bool {
    sent.message().is_ok_and(|message| {
        let mut owners = message.answers().map(|record| record.name.to_string());
        message.header().flags.response() && owners.any(|owner| owner == "_http._tcp.local")
    })
}
