//! One host on a bench: a virtual clock, scripted neighbours, and a list of what it sent.
//!
//! Questions and records are written as text: `hall.local A`, `hall.local 120 IN! A 10.0.0.1` (`!` is the cache-flush bit).

use std::time::Duration;

use mdns_proto::{
    config::Config,
    discovery::{AddressKind, AskId, Span},
    host::Host,
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, Packet, SourcePort, Subnet, Via},
    name::{NameBuf, ServiceType},
    own::{HostId, NewRecord, RecordId, RegisterError, Service, ServiceId, Sharing},
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Nsec, Question, Rdata, Record, RecordType, Section, Srv,
        Ttl, TxtVec, TypeSet, Writer,
    },
};
use mdns_sim::Machine;

use super::news::told;
use crate::{Memory, around};

/// Milliseconds.
pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A neighbour on the link, port 5353.
pub(crate) const PEER: &str = "10.0.0.7:5353";
/// Another one.
pub(crate) const OTHER: &str = "10.0.0.8:5353";

/// A datagram the host sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// When, in milliseconds since the bench was set up, with the fraction cut off.
    pub(crate) at: u64,
    pub(crate) micros: u64,
    pub(crate) link: LinkId,
    pub(crate) from: SourcePort,
    pub(crate) to: Destination,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).expect("we send what can be read")
    }

    pub(crate) fn is_response(&self) -> bool {
        self.message().header().flags.response()
    }

    pub(crate) fn is_one_shot(&self) -> bool {
        self.from == SourcePort::OneShot
    }

    pub(crate) fn is_multicast(&self) -> bool {
        self.to == Destination::Multicast
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        self.message()
            .questions()
            .map(|question| question.to_string())
            .collect()
    }

    /// The questions, whether or not they ask for an answer by unicast.
    pub(crate) fn asked(&self) -> Vec<String> {
        let questions = self.questions();
        let plain = |text: &String| text.trim_end_matches(" QU").to_owned();
        questions.iter().map(plain).collect()
    }

    fn section(&self, section: Section) -> Vec<String> {
        let mut lines: Vec<_> = self
            .message()
            .section(section)
            .map(|record| record.to_string())
            .collect();
        lines.sort();
        lines
    }

    /// The answers as lines of text, sorted.
    pub(crate) fn answers(&self) -> Vec<String> {
        self.section(Section::Answer)
    }

    pub(crate) fn authorities(&self) -> Vec<String> {
        self.section(Section::Authority)
    }

    pub(crate) fn additionals(&self) -> Vec<String> {
        self.section(Section::Additional)
    }

    /// Whether any section has a record whose text begins so.
    pub(crate) fn says(&self, record: &str) -> bool {
        self.message()
            .records()
            .any(|(_, said)| said.to_string().starts_with(record))
    }
}

/// A message to be heard by the host.
#[derive(Default, Clone)]
pub(crate) struct Heard {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) questions: Vec<String>,
    pub(crate) answers: Vec<String>,
    pub(crate) authorities: Vec<String>,
    pub(crate) additionals: Vec<String>,
}

impl Heard {
    /// A query for these questions: `NAME TYPE`, or `NAME TYPE QU`.
    pub(crate) fn query(questions: &[&str]) -> Self {
        Heard {
            questions: questions.iter().map(|text| (*text).into()).collect(),
            ..Heard::default()
        }
    }

    /// A response with these answers: `NAME TTL IN[!] TYPE RDATA`.
    pub(crate) fn response(answers: &[&str]) -> Self {
        Heard {
            flags: Flags::RESPONSE.0,
            answers: strings(answers),
            ..Heard::default()
        }
    }

    pub(crate) fn knows(self, answers: &[&str]) -> Self {
        Heard {
            answers: strings(answers),
            ..self
        }
    }

    pub(crate) fn proposes(self, authorities: &[&str]) -> Self {
        Heard {
            authorities: strings(authorities),
            ..self
        }
    }

    pub(crate) fn beside(self, additionals: &[&str]) -> Self {
        Heard {
            additionals: strings(additionals),
            ..self
        }
    }

    pub(crate) fn truncated(self) -> Self {
        Heard {
            flags: self.flags | 0x0200,
            ..self
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut buffer = [0; 9000];
        let room = buffer.len();
        let mut writer = Writer::new(
            &mut buffer,
            room,
            Header {
                id: self.id,
                flags: Flags(self.flags),
            },
        );
        for text in &self.questions {
            question(text, |question| writer.question(question).expect("room"));
        }
        let sections = [
            (Section::Answer, &self.answers),
            (Section::Authority, &self.authorities),
            (Section::Additional, &self.additionals),
        ];
        for (section, texts) in sections {
            for text in texts {
                record(text, |record| writer.record(section, record).expect("room"));
            }
        }
        let len = writer.finish();
        buffer[..len].to_vec()
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).into()).collect()
}

fn name(text: &str) -> NameBuf {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Splits a name, which may have spaces, from what follows it: the first word that is the marker ends it.
fn question(text: &str, use_it: impl FnOnce(&Question<'_>)) {
    let (text, unicast) = text
        .strip_suffix(" QU")
        .map_or((text, false), |text| (text, true));
    let (owner, qtype) = text.rsplit_once(' ').expect("NAME TYPE");
    let owner = name(owner);
    let qtype: RecordType = qtype.parse().expect("a type");
    use_it(&Question {
        unicast,
        ..Question::new(owner.as_name(), qtype)
    });
}

pub(crate) fn record(text: &str, use_it: impl FnOnce(&Record<'_>)) {
    let (head, flush, tail) = match text.split_once(" IN! ") {
        Some((head, tail)) => (head, true, tail),
        None => {
            let (head, tail) = text.split_once(" IN ").expect("NAME TTL IN TYPE RDATA");
            (head, false, tail)
        }
    };
    let (owner, ttl) = head.rsplit_once(' ').expect("NAME TTL");
    let owner = name(owner);
    let ttl = Ttl(ttl.parse().expect("a TTL"));
    let (rtype, data) = tail.split_once(' ').unwrap_or((tail, ""));
    let mut words = data.split(' ');
    let mut number = || {
        words
            .next()
            .and_then(|word| word.parse::<u16>().ok())
            .expect("a number")
    };
    let mut txt = TxtVec::new();
    let mut types = TypeSet::new();
    let target;
    let rdata = match rtype {
        "A" => Rdata::A(data.parse().expect("an address")),
        "AAAA" => Rdata::Aaaa(data.parse().expect("an address")),
        "CNAME" => {
            target = name(data);
            Rdata::Cname(target.as_name())
        }
        "PTR" => {
            target = name(data);
            Rdata::Ptr(target.as_name())
        }
        "SRV" => {
            let (priority, weight, port) = (number(), number(), number());
            target = name(data.splitn(4, ' ').nth(3).expect("a target"));
            Rdata::Srv(Srv {
                priority,
                weight,
                port,
                target: target.as_name(),
            })
        }
        "TXT" => {
            for string in data.split(' ').filter(|string| !string.is_empty()) {
                txt.push_string(string.trim_matches('"').as_bytes())
                    .expect("a string");
            }
            Rdata::Txt(txt.as_txt())
        }
        "NSEC" => {
            let (next, list) = data.split_once(' ').unwrap_or((data, ""));
            target = name(next);
            for rtype in list.split(' ').filter(|word| !word.is_empty()) {
                types.insert(rtype.parse().expect("a type"));
            }
            Rdata::Nsec(Nsec {
                next: target.as_name(),
                types: types.as_types(),
            })
        }
        other => Rdata::Other(other.parse().expect("a type"), data.as_bytes()),
    };
    use_it(&Record {
        name: owner.as_name(),
        class: Class::IN,
        cache_flush: flush,
        ttl,
        rdata,
    });
}

/// One host, driven as the contract has it.
pub(crate) struct Bench {
    /// Verbs go through [`act`](Bench::act).
    pub(crate) host: Machine<Memory>,
    pub(crate) now: Instant,
    pub(crate) links: Vec<LinkId>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: Vec<String>,
}

impl Bench {
    /// A host with one IPv4 link, 10.0.0.1/24, and nothing to say.
    pub(crate) fn new(seed: u64) -> Self {
        Bench::with(seed, Config::DEFAULT, &["10.0.0.1/24"])
    }

    /// A host with one link per family of the addresses given.
    pub(crate) fn with(seed: u64, config: Config, addresses: &[&str]) -> Self {
        let now = Instant::ZERO;
        let mut bench = Bench {
            host: Machine::started(config, now, seed, around),
            now,
            links: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
        };
        bench.add_interface(1, addresses);
        bench
    }

    /// Adds the links of an interface with these addresses.
    pub(crate) fn add_interface(&mut self, interface: u32, addresses: &[&str]) {
        self.set_addresses(interface, addresses);
        for family in [Family::V4, Family::V6] {
            let is_wanted = |text: &&str| text.contains(':') == (family == Family::V6);
            if addresses.iter().any(is_wanted) {
                let config = LinkConfig {
                    interface: InterfaceId(interface),
                    family,
                    mtu: 1500,
                    unicast: true,
                    ..LinkConfig::MULTICAST
                };
                let link = self
                    .act(|core, now| core.add_link(now, config))
                    .expect("a link");
                self.links.push(link);
            }
        }
        self.drain();
    }

    pub(crate) fn set_addresses(&mut self, interface: u32, addresses: &[&str]) {
        let subnets: Vec<_> = addresses
            .iter()
            .map(|text| {
                let (address, prefix) = text.split_once('/').expect("ADDRESS/LEN");
                Subnet {
                    address: address.parse().expect("an address"),
                    prefix_len: prefix.parse().expect("a length"),
                }
            })
            .collect();
        self.act(|core, now| core.set_addresses(now, InterfaceId(interface), &subnets))
            .expect("room");
    }

    pub(crate) fn add_host(&mut self, label: &str) -> HostId {
        self.act(|core, now| core.add_host(now, label))
            .expect("a host")
    }

    /// Registers `Printer`, `_ipp._tcp`, port 631, with TXT `a=b` and the subtype `_color`.
    pub(crate) fn register_printer(&mut self) -> ServiceId {
        self.register("Printer", "_ipp._tcp", 631, &["a=b"], &["_color"])
    }

    /// The same, offered on these links alone.
    pub(crate) fn register_printer_on(&mut self, links: &[LinkId]) -> ServiceId {
        let ty: ServiceType = "_ipp._tcp".parse().expect("a type");
        let service = Service {
            subtypes: &["_color"],
            ..Service::new("Printer", &ty, 631)
        };
        let all = self.links.clone();
        let id = self.act(|core, now| {
            let id = core.register(now, &service)?;
            for link in all {
                core.set_offered(now, id, link, links.contains(&link));
            }
            Ok::<_, RegisterError>(id)
        });
        id.expect("a service")
    }

    pub(crate) fn register(
        &mut self,
        label: &str,
        ty: &str,
        port: u16,
        txt: &[&str],
        subtypes: &[&str],
    ) -> ServiceId {
        let ty: ServiceType = ty.parse().expect("a type");
        let txt = strings_txt(txt);
        let service = Service {
            txt: txt.as_txt(),
            subtypes,
            ..Service::new(label, &ty, port)
        };
        self.act(|core, now| core.register(now, &service))
            .expect("a service")
    }

    pub(crate) fn update_txt(&mut self, service: ServiceId, txt: &[&str]) {
        let txt = strings_txt(txt);
        self.act(|core, now| core.update_txt(now, service, txt.as_txt()))
            .expect("room");
    }

    /// Registers a record written as text.
    pub(crate) fn add(&mut self, text: &str, sharing: Sharing) -> Result<RecordId, RegisterError> {
        let mut added = Err(RegisterError::Unknown);
        record(text, |record| {
            let new = NewRecord {
                ttl: Some(record.ttl),
                ..NewRecord::new(record.name, record.rdata, sharing)
            };
            added = self.act(|core, now| core.add_record(now, &new));
        });
        added
    }

    /// Registers one of several TXT records of `long.local` that begins so: two of them fit no packet together.
    pub(crate) fn add_long(&mut self, text: &str) -> RecordId {
        let strings = vec![text.repeat(40); 4].join(" ");
        self.add(&format!("long.local 120 IN TXT {strings}"), Sharing::Shared)
            .expect("room")
    }

    pub(crate) fn browse(&mut self, service_type: &str) -> AskId {
        let ask = self.act(|core, now| core.browse(now, name(service_type).as_name()));
        ask.expect("a browse")
    }

    pub(crate) fn resolve(&mut self, instance: &str) -> AskId {
        let ask = self.act(|core, now| core.resolve(now, name(instance).as_name()));
        ask.expect("a resolve")
    }

    pub(crate) fn lookup(&mut self, host: &str) -> AskId {
        let ask =
            self.act(|core, now| core.lookup_host(now, name(host).as_name(), AddressKind::Both));
        ask.expect("a look-up")
    }

    /// Asks for `NAME TYPE` until stopped.
    pub(crate) fn query(&mut self, question: &str) -> AskId {
        self.query_for(question, Span::Continuous)
    }

    pub(crate) fn query_for(&mut self, question: &str, span: Span) -> AskId {
        let (owner, rtype) = question.rsplit_once(' ').expect("NAME TYPE");
        let rtype = rtype.parse().expect("a type");
        let ask = self.act(|core, now| core.query(now, name(owner).as_name(), rtype, span));
        ask.expect("a query")
    }

    pub(crate) fn stop(&mut self, ask: AskId) {
        self.act(|core, now| core.stop(now, ask));
    }

    /// A host `hall` with its printer, announced, 20 s ago; what was sent until then is forgotten.
    pub(crate) fn established(seed: u64) -> (Self, ServiceId) {
        let mut bench = Bench::new(seed);
        bench.add_host("hall");
        let service = bench.register_printer();
        bench.run(ms(20_000));
        bench.forget();
        (bench, service)
    }

    pub(crate) fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
    }

    /// The time in whole milliseconds.
    pub(crate) fn at(&self) -> u64 {
        self.now.as_micros() / 1000
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.host.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.act(|core, now| core.handle_timeout(now));
            self.drain();
        }
        self.now = end;
        self.act(|core, now| core.handle_timeout(now));
    }

    /// Lets time pass in a network that sends everything back to every link, as from each of these hosts, within a hundredth of a
    /// second. Says how much was sent.
    pub(crate) fn run_echoing(&mut self, span: Duration, sources: &[&str]) -> usize {
        let end = self.now + span;
        let mut sent = 0;
        while self.now < end {
            self.run(ms(10));
            for said in self.take() {
                sent += 1;
                for link in self.links.clone() {
                    for source in sources {
                        self.hear_bytes(link, source, Via::Multicast, &said.bytes);
                    }
                }
            }
        }
        sent
    }

    /// Lets time pass until something is so, but no longer than a span. Says whether it is so.
    pub(crate) fn run_until(&mut self, span: Duration, is_so: impl Fn(&Bench) -> bool) -> bool {
        let end = self.now + span;
        while !is_so(self) && self.now < end {
            let next = self.host.poll_timeout().unwrap_or(end).min(end);
            self.run(next - self.now);
        }
        is_so(self)
    }

    /// Does one thing to the host, and what the contract asks for after it.
    pub(crate) fn act<T>(&mut self, verb: impl FnOnce(&mut Host<Memory>, Instant) -> T) -> T {
        let now = self.now;
        let done = self.host.call(|host| verb(host, now));
        self.drain();
        done
    }

    fn drain(&mut self) {
        let now = self.now;
        let mut buffer = [0; 9000];
        let mut due = self.host.poll_timeout();
        while let Some(transmit) = self.host.call(|host| host.poll_transmit(now, &mut buffer)) {
            self.assert_due(due, "sent");
            due = self.host.poll_timeout();
            self.sent.push(Sent {
                at: self.now.as_micros() / 1000,
                micros: self.now.as_micros(),
                link: transmit.link,
                from: transmit.source,
                to: transmit.destination,
                bytes: buffer[..transmit.len].to_vec(),
            });
        }
        due = self.host.poll_timeout();
        while let Some(event) = self.host.call(Host::poll_event) {
            self.events.push(told(&event));
            self.assert_due(due, "told");
            due = self.host.poll_timeout();
        }
        assert!(
            due.is_none_or(|due| due > self.now),
            "drained, and still due: {due:?} at {:?}",
            self.now
        );
    }

    /// Of what was polled `poll_timeout` said before that it was due: a driver that sleeps until then misses nothing.
    fn assert_due(&self, due: Option<Instant>, what: &str) {
        assert!(
            due.is_some_and(|due| due <= self.now),
            "{what}, but due only at {due:?}, now {:?}",
            self.now
        );
    }

    /// The host hears a multicast message from [`PEER`].
    pub(crate) fn hear(&mut self, heard: &Heard) {
        self.hear_from(PEER, Via::Multicast, heard);
    }

    pub(crate) fn hear_from(&mut self, source: &str, via: Via, heard: &Heard) {
        self.hear_bytes(self.links[0], source, via, &heard.bytes());
    }

    pub(crate) fn hear_bytes(&mut self, link: LinkId, source: &str, via: Via, bytes: &[u8]) {
        self.hear_at(link, source, via, None, bytes);
    }

    /// The host hears a datagram that arrived with this TTL or hop limit.
    pub(crate) fn hear_at(
        &mut self,
        link: LinkId,
        source: &str,
        via: Via,
        hop_limit: Option<u8>,
        bytes: &[u8],
    ) {
        let packet = Packet {
            source: source.parse().expect("a source"),
            via,
            hop_limit,
            bytes,
        };
        self.act(|core, now| core.handle_packet(now, link, packet));
    }

    /// What was sent since the last time this was asked.
    pub(crate) fn take(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The responses sent since.
    pub(crate) fn take_responses(&mut self) -> Vec<Sent> {
        self.take().into_iter().filter(Sent::is_response).collect()
    }

    /// The events since the last time this was asked.
    pub(crate) fn take_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// The only datagram sent since; its delay from `since` in milliseconds.
    pub(crate) fn one_since(&mut self, since: u64) -> (u64, Sent) {
        let mut sent = self.take();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        let sent = sent.remove(0);
        (sent.at - since, sent)
    }
}

fn strings_txt(strings: &[&str]) -> TxtVec {
    let mut txt = TxtVec::new();
    for string in strings {
        txt.push_string(string.as_bytes()).expect("a string");
    }
    txt
}

/// Checks that delays drawn over many seeds fill a range evenly: each quarter has 15 to 35 percent of them.
pub(crate) fn assert_even(delays: &[Duration], from: Duration, to: Duration) {
    assert!(delays.len() >= 200);
    let mut quarters = [0usize; 4];
    for delay in delays {
        assert!(
            (from..=to).contains(delay),
            "{delay:?} is not within {from:?} and {to:?}"
        );
        let part = (*delay - from).as_micros() * 4 / (to - from).as_micros().max(1);
        quarters[usize::try_from(part).unwrap_or(3).min(3)] += 1;
    }
    for quarter in quarters {
        let percent = quarter * 100 / delays.len();
        assert!((15..=35).contains(&percent), "{quarters:?}");
    }
}
