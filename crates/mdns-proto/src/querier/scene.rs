//! A querier, scripted peers and a virtual clock, for tests.
//!
//! Records are written as they print: `hall.local 120! A 192.0.2.1`, with `!` for cache-flush.

use core::time::Duration;
use std::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{HeardLink, Querier, QuerierStorage, QuestionSlot};
use crate::{
    cache::{HeardRecord, HeardStorage},
    config::Config,
    discovery::{AskSlot, AskStorage, Event, Instance, ToldSlot},
    link::{Family, InterfaceId, LinkConfig, LinkId, SourcePort, Via},
    name::{Name, NameBuf},
    registry::{OwnRecords, SubtypeName},
    store::{NONE, NameChains, NameSlot, Slot},
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Nsec, Question, Rdata, Record, RecordType, Section, Srv,
        Ttl, Txt, TypeSet, Writer,
    },
};

/// A board: every row is short.
pub(crate) struct Board;

impl HeardStorage for Board {
    type Names = heapless::Vec<NameChains, 28>;
    type Text = heapless::Vec<u8, 512>;
    type Records = heapless::Vec<Slot<HeardRecord>, 12>;
    type RecordIndex = heapless::Vec<u32, 0>;
    type Due = heapless::Vec<u32, 12>;
    type Questions = heapless::Vec<Slot<QuestionSlot>, 6>;
    type QuestionDue = heapless::Vec<u32, 6>;
}

impl AskStorage for Board {
    type Names = heapless::Vec<Slot<NameSlot>, 28>;
    type NameChains = heapless::Vec<NameChains, 28>;
    type Index = heapless::Vec<u32, 0>;
    type Text = heapless::Vec<u8, 1024>;
    type Asks = heapless::Vec<Slot<AskSlot>, 2>;
    type AskDue = heapless::Vec<u32, 2>;
    type Told = heapless::Vec<Slot<ToldSlot>, 4>;
}

impl QuerierStorage for Board {
    type Heard = Board;
    type Ask = Board;
    type Links = heapless::Vec<Option<HeardLink<Board>>, 2>;
}

/// A server: every row grows.
#[cfg(feature = "alloc")]
pub(crate) struct Server;

#[cfg(feature = "alloc")]
impl HeardStorage for Server {
    type Names = Vec<NameChains>;
    type Text = Vec<u8>;
    type Records = Vec<Slot<HeardRecord>>;
    type RecordIndex = Vec<u32>;
    type Due = Vec<u32>;
    type Questions = Vec<Slot<QuestionSlot>>;
    type QuestionDue = Vec<u32>;
}

#[cfg(feature = "alloc")]
impl AskStorage for Server {
    type Names = Vec<Slot<NameSlot>>;
    type NameChains = Vec<NameChains>;
    type Index = Vec<u32>;
    type Text = Vec<u8>;
    type Asks = Vec<Slot<AskSlot>>;
    type AskDue = Vec<u32>;
    type Told = Vec<Slot<ToldSlot>>;
}

#[cfg(feature = "alloc")]
impl QuerierStorage for Server {
    type Heard = Server;
    type Ask = Server;
    type Links = Vec<Option<HeardLink<Server>>>;
}

/// Runs a test on a board and, where there is an allocator, on a server.
macro_rules! on_both {
    ($test:ident) => {
        $test::<$crate::querier::scene::Board>();
        #[cfg(feature = "alloc")]
        $test::<$crate::querier::scene::Server>();
    };
}
pub(crate) use on_both;

pub(crate) const LAN: LinkId = LinkId(0);
pub(crate) const LAN6: LinkId = LinkId(1);

pub(crate) fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Shows the record that a line of text stands for.
pub(crate) fn with_record<T>(line: &str, f: impl FnOnce(&Record<'_>) -> T) -> T {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (owner, rest) = (name(words[0]), &words[3..]);
    let cache_flush = words[1].ends_with('!');
    let ttl = Ttl(words[1].trim_end_matches('!').parse().unwrap());
    let target = name(
        rest.last()
            .filter(|_| words[2] != "TXT" && words[2] != "NSEC")
            .unwrap_or(&"local"),
    );
    let number = |at: usize| rest[at].parse().unwrap();
    let mut txt = Vec::new();
    for string in rest {
        txt.push(string.len() as u8);
        txt.extend(string.as_bytes());
    }
    let types: TypeSet = match words[2] {
        "NSEC" => rest
            .iter()
            .map(|rtype| rtype.parse::<RecordType>().unwrap())
            .collect(),
        _ => TypeSet::new(),
    };
    let rdata = match words[2] {
        "A" => Rdata::A(rest[0].parse().unwrap()),
        "AAAA" => Rdata::Aaaa(rest[0].parse().unwrap()),
        "PTR" => Rdata::Ptr(target.as_name()),
        "CNAME" => Rdata::Cname(target.as_name()),
        "SRV" => Rdata::Srv(Srv {
            priority: number(0),
            weight: number(1),
            port: number(2),
            target: target.as_name(),
        }),
        "TXT" => Rdata::Txt(Txt::from_wire(&txt).unwrap()),
        "NSEC" => Rdata::Nsec(Nsec {
            next: owner.as_name(),
            types: types.as_types(),
        }),
        other => Rdata::Other(other.parse().unwrap(), b"opaque"),
    };
    f(&Record {
        name: owner.as_name(),
        class: Class::IN,
        cache_flush,
        ttl,
        rdata,
    })
}

/// Writes a response, or with questions a query. A question is `hall.local A` or `hall.local A QU`.
pub(crate) fn packet(questions: &[&str], records: &[&str]) -> Vec<u8> {
    let mut buffer = vec![0; 9000];
    let flags = if questions.is_empty() {
        Flags::RESPONSE
    } else {
        Flags::QUERY
    };
    let mut writer = Writer::new(&mut buffer, 9000, Header { id: 0, flags });
    for question in questions {
        let words: Vec<&str> = question.split_whitespace().collect();
        let owner = name(words[0]);
        let asked = Question {
            unicast: words.get(2) == Some(&"QU"),
            ..Question::new(owner.as_name(), words[1].parse().unwrap())
        };
        writer.question(&asked).unwrap();
    }
    for line in records {
        with_record(line, |record| writer.record(Section::Answer, record)).unwrap();
    }
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}

/// What is ours: records, each in a message of its own, and names that are ours alone.
#[derive(Default)]
pub(crate) struct Ours {
    pub(crate) records: Vec<Vec<u8>>,
}

impl Ours {
    pub(crate) fn of(lines: &[&str]) -> Self {
        let records = lines.iter().map(|line| packet(&[], &[line])).collect();
        Ours { records }
    }

    fn record(&self, at: u32) -> Option<Record<'_>> {
        let message = Message::parse(self.records.get(at as usize)?).unwrap();
        message.answers().next()
    }

    fn from(&self, at: u32, name: Name<'_>) -> u32 {
        let is_of = |at: &u32| self.record(*at).is_some_and(|record| record.name == name);
        let rest = at..self.records.len() as u32;
        rest.into_iter().find(is_of).unwrap_or(NONE)
    }
}

impl OwnRecords for Ours {
    fn first(&self, name: Name<'_>) -> u32 {
        self.from(0, name)
    }

    fn answer<'a>(
        &'a self,
        _link: LinkId,
        rtype: RecordType,
        next: &mut u32,
        _scratch: &'a mut SubtypeName,
    ) -> Option<Record<'a>> {
        loop {
            let record = self.record(*next)?;
            *next = self.from(*next + 1, record.name);
            if record.rtype() == rtype {
                return Some(record);
            }
        }
    }

    fn has_family(&self, _: InterfaceId, _: Family) -> bool {
        true
    }

    fn is_alone(&self, _link: LinkId, name: Name<'_>) -> bool {
        let mut next = self.first(name);
        while let Some(record) = self.record(next) {
            if record.cache_flush {
                return true;
            }
            next = self.from(next + 1, name);
        }
        false
    }
}

/// Something that was sent: when, on which link, and each question and known answer as text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) link: LinkId,
    pub(crate) source: SourcePort,
    /// The id of the message; not 0 for a one-shot question alone.
    pub(crate) id: u16,
    pub(crate) truncated: bool,
    pub(crate) questions: Vec<String>,
    pub(crate) known: Vec<String>,
    pub(crate) len: usize,
}

pub(crate) struct Scene<S: QuerierStorage> {
    pub(crate) querier: Querier<S>,
    limits: Config,
    pub(crate) now: Instant,
    pub(crate) ours: Ours,
    pub(crate) sent: Vec<Sent>,
    pub(crate) told: Vec<(Instant, String)>,
}

impl<S: QuerierStorage> Scene<S> {
    /// One link, up for a long time.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, Config::DEFAULT)
    }

    pub(crate) fn with(seed: u64, config: Config) -> Self {
        let mut querier = Querier::new(&config);
        querier.start(seed);
        let mut scene = Scene {
            querier,
            limits: config,
            now: Instant::from_millis(1_000_000),
            ours: Ours::default(),
            sent: Vec::new(),
            told: Vec::new(),
        };
        scene.add_link(LAN);
        scene
    }

    pub(crate) fn add_link(&mut self, link: LinkId) {
        let family = if link == LAN { Family::V4 } else { Family::V6 };
        let config = LinkConfig {
            interface: InterfaceId(7),
            family,
            mtu: 1500,
            unicast: true,
            ..LinkConfig::MULTICAST
        };
        self.querier.add_link(link, config, &self.limits).unwrap();
        self.querier.link_up(self.now, link, &self.ours);
    }

    /// Lets time pass, and takes down all that is sent and told.
    pub(crate) fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            self.drain();
            let links = [LAN, LAN6];
            let next = links
                .map(|link| self.querier.next_transmit(link))
                .into_iter()
                .min()
                .unwrap();
            let next = next.min(self.querier.next_timer());
            assert!(
                next > self.now,
                "drained, and still due at {next:?}, now {:?}",
                self.now
            );
            if next > until {
                break;
            }
            self.now = next;
            self.querier.handle_timeout(self.now, &self.ours);
        }
        self.now = until;
    }

    fn drain(&mut self) {
        let mut buffer = [0; 1500];
        for link in [LAN, LAN6] {
            while let Some((source, len)) = self.querier.poll_transmit(self.now, link, &mut buffer)
            {
                let message = Message::parse(&buffer[..len]).unwrap();
                let id = message.header().id;
                assert!(message.is_sound() && (id == 0 || source == SourcePort::OneShot));
                assert!(!message.header().flags.response());
                self.sent.push(Sent {
                    at: self.now,
                    link,
                    source,
                    id,
                    truncated: message.header().flags.truncated(),
                    questions: message
                        .questions()
                        .map(|question| question.to_string())
                        .collect(),
                    known: message.answers().map(|record| record.to_string()).collect(),
                    len,
                });
                assert!(self.sent.len() < 100_000, "endless");
            }
        }
        while let Some(event) = self.querier.poll_event(self.now) {
            self.told.push((self.now, text_of(&event)));
            assert!(self.told.len() < 100_000, "endless");
        }
    }

    pub(crate) fn hear_on(&mut self, link: LinkId, records: &[&str]) {
        self.hear_packet(link, Via::Multicast, &packet(&[], records));
    }

    /// Somebody says this by multicast.
    pub(crate) fn hear(&mut self, records: &[&str]) {
        self.hear_on(LAN, records);
    }

    pub(crate) fn hear_packet(&mut self, link: LinkId, via: Via, bytes: &[u8]) {
        let message = Message::parse(bytes).unwrap();
        self.querier
            .handle_response(self.now, link, &message, via, &self.ours);
        self.run(Duration::ZERO);
    }

    /// Somebody asks this.
    pub(crate) fn hear_query(&mut self, questions: &[&str], known: &[&str]) {
        let bytes = packet(questions, known);
        self.querier
            .handle_query(self.now, LAN, &Message::parse(&bytes).unwrap());
        self.run(Duration::ZERO);
    }

    /// We say this.
    pub(crate) fn say(&mut self, records: &[&str]) {
        let bytes = packet(&[], records);
        self.querier
            .handle_own(self.now, LAN, &Message::parse(&bytes).unwrap(), &self.ours);
        self.run(Duration::ZERO);
    }

    /// Takes what was told so far.
    pub(crate) fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    /// Takes the questions sent so far, each with the milliseconds since `from`.
    pub(crate) fn asked(&mut self, from: Instant) -> Vec<(u64, String)> {
        core::mem::take(&mut self.sent)
            .into_iter()
            .flat_map(|sent| {
                let at = (sent.at - from).as_millis() as u64;
                sent.questions
                    .into_iter()
                    .map(move |question| (at, question))
            })
            .collect()
    }

    /// When this question was asked, in milliseconds since `from`.
    pub(crate) fn times_of(&mut self, from: Instant, question: &str) -> Vec<u64> {
        self.asked(from)
            .into_iter()
            .filter(|(_, asked)| asked == question)
            .map(|(at, _)| at)
            .collect()
    }
}

fn text_of(event: &Event<'_>) -> String {
    match event {
        Event::Found { instance, .. } => format!("found {}", text_of_instance(instance)),
        Event::Changed { instance, .. } => format!("changed {}", text_of_instance(instance)),
        Event::Gone { instance, .. } => format!("gone {}", instance.label_text()),
        Event::Resolved { instance, .. } => format!("resolved {}", text_of_instance(instance)),
        Event::Lost { instance, .. } => format!("lost {}", instance.label_text()),
        Event::Addresses { host, .. } => {
            let mut text = format!("addresses {}", host.name());
            host.addresses()
                .for_each(|address| text += &format!(" {}@{}", address.ip, address.link.0));
            text
        }
        Event::Answers { records, .. } => {
            let mut text = format!("answers {} {}", records.name(), records.rtype());
            let mut all: Vec<String> = records
                .iter()
                .map(|answer| answer.rdata.to_string())
                .collect();
            all.sort();
            all.iter()
                .for_each(|answer| text += &format!(" [{answer}]"));
            text
        }
        Event::Finished { outcome, .. } => format!("finished {outcome:?}"),
        Event::Incomplete { .. } => "incomplete".to_string(),
    }
}

fn text_of_instance(instance: &Instance<'_>) -> String {
    let mut text = instance.label_text().to_string();
    if instance.is_own() {
        text += " (own)";
    }
    if let Some(target) = instance.target() {
        text += &format!(" at {}:{}", target.host, target.port);
    }
    let mut addresses: Vec<String> = instance
        .addresses()
        .map(|address| format!(" {}@{}", address.ip, address.link.0))
        .collect();
    addresses.sort();
    text += &addresses.concat();
    for (key, value) in instance.txt().attributes() {
        text += &format!(" {}", String::from_utf8_lossy(key));
        if let Some(value) = value {
            text += &format!("={}", String::from_utf8_lossy(value));
        }
    }
    text
}
