//! What must hold whatever happens to a network, read from the packets that hosts send and from what they tell.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::IpAddr,
    rc::Rc,
    time::Duration,
};

use mdns_proto::{
    link::Destination,
    name::reverse_name,
    time::Instant,
    wire::{Record, RecordType},
};

use crate::{segment::Port, world::Sent};

/// RFC 6762 §6: a record is multicast at most once a second ..
const INTERVAL: Duration = Duration::from_secs(1);

/// .. but to defend a name at most every 250 ms.
const DEFENCE_INTERVAL: Duration = Duration::from_millis(250);

/// How long after a probe an answer still defends against it: it is sent at once, or when the 250 ms are over.
const DEFENCE: Duration = Duration::from_millis(500);

const HOUR: Duration = Duration::from_secs(3600);

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A host broke its contract with its driver, or panicked.
    Contract,
    /// A host spoke of a record after its goodbye (RFC 6762 §10.1).
    Goodbye,
    /// A record was multicast twice within a second (§6).
    Rate,
    /// A host sent more packets in an hour than its world allows.
    Flood,
    /// A host renamed itself, and nobody else wanted the name (§9).
    Rename,
    /// After quiet, a host or service has no name, or two have one.
    Names,
    /// After quiet, a browser's picture is not what there is.
    Picture,
    /// After quiet, an instance resolves to what is not so.
    Details,
    /// In the end, a host has no address, or two have one (RFC 3927 §2).
    Addresses,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When.
    pub at: Instant,
    /// What was broken.
    pub rule: Rule,
    /// By whom, and how.
    pub what: String,
    /// The last lines of the transcript before it.
    pub page: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.at.as_micros() as f64 / 1e6;
        write!(f, "{secs:.3} s: {:?}: {}", self.rule, self.what)
    }
}

/// What a rule says of one thing that happened.
pub(crate) type Verdict = Result<(), (Rule, String)>;

/// A record as one interface of a host says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    station: u32,
    interface: u32,
    is_v6: bool,
    rtype: RecordType,
    /// In lower case.
    name: String,
    rdata: String,
}

impl Line {
    fn new(sent: &Sent, record: &Record<'_>) -> Self {
        Line {
            station: sent.from.station,
            interface: sent.from.interface,
            is_v6: sent.source.is_ipv6(),
            rtype: record.rtype(),
            name: record.name.to_string().to_ascii_lowercase(),
            rdata: record.rdata.to_string(),
        }
    }

    /// Whether it is about this address, one way or the other.
    fn is_of(&self, address: IpAddr) -> bool {
        match self.rtype {
            RecordType::A | RecordType::AAAA => self.rdata == address.to_string(),
            RecordType::PTR => self.name == reverse_name(address).to_string(),
            _ => false,
        }
    }

    fn is_of_an_address(&self) -> bool {
        [RecordType::A, RecordType::AAAA].contains(&self.rtype) || self.name.ends_with(".arpa")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.rtype, self.rdata)
    }
}

/// A time in which a host wanted a name or had it.
#[derive(Debug)]
struct Tenure {
    station: usize,
    until: Option<Instant>,
}

/// Remembers what is needed to judge what comes next.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The last time that each record was multicast.
    said: HashMap<Line, Instant>,
    /// Records that have said goodbye, and not been registered anew since.
    gone: HashMap<Line, Instant>,
    /// Probes of others that each station has heard lately.
    probes: HashMap<u32, VecDeque<(Instant, Rc<Sent>)>>,
    /// Who wants or had which name, in lower case.
    tenures: HashMap<String, Vec<Tenure>>,
    /// The hour that is counted, and the packets of each station in it.
    hour: u64,
    packets: HashMap<u32, u32>,
    /// The most packets of a host in an hour so far.
    pub(crate) packets_worst: u32,
    packets_max: u32,
    /// How long after a name was given up packets may still fight for it.
    memory: Duration,
    pub(crate) renames: u32,
}

impl Rules {
    pub(crate) fn new(packets_max: u32, memory: Duration) -> Self {
        Rules {
            packets_max,
            memory,
            ..Rules::default()
        }
    }

    /// A host has heard a probe.
    pub(crate) fn probed(&mut self, at: Instant, to: Port, packet: Rc<Sent>) {
        let heard = self.probes.entry(to.station).or_default();
        while heard
            .front()
            .is_some_and(|(before, _)| *before + INTERVAL * 2 < at)
        {
            heard.pop_front();
        }
        heard.push_back((at, packet));
    }

    /// A host has sent a packet.
    pub(crate) fn sent(&mut self, sent: &Sent) -> Verdict {
        self.count(sent)?;
        let Ok(message) = sent.message() else {
            return Err((Rule::Contract, "a packet that cannot be read".to_owned()));
        };
        if !message.header().flags.response() {
            return Ok(());
        }
        for (_, record) in message.records() {
            // Denials come and go with what they are derived from.
            if record.rtype().is_pseudo() || record.rtype() == RecordType::NSEC {
                continue;
            }
            let line = Line::new(sent, &record);
            self.spoken(sent.at, &line, record.ttl.0 == 0)?;
            if sent.destination == Destination::Multicast {
                self.multicast(sent.at, line)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, sent: &Sent) -> Verdict {
        let hour = sent.at.as_micros() / 1_000_000 / HOUR.as_secs();
        if hour != self.hour {
            self.hour = hour;
            self.packets.clear();
            self.said.retain(|_, at| *at + INTERVAL > sent.at);
        }
        let count = self.packets.entry(sent.from.station).or_default();
        *count += 1;
        self.packets_worst = self.packets_worst.max(*count);
        if *count > self.packets_max {
            let what = format!("{} packets of host {} in an hour", count, sent.from.station);
            return Err((Rule::Flood, what));
        }
        Ok(())
    }

    fn spoken(&mut self, at: Instant, line: &Line, is_goodbye: bool) -> Verdict {
        if is_goodbye {
            self.gone.entry(line.clone()).or_insert(at);
        } else if let Some(gone) = self.gone.get(line) {
            let what = format!("host {} said goodbye to {line} at {gone:?}", line.station);
            return Err((Rule::Goodbye, what));
        }
        Ok(())
    }

    fn multicast(&mut self, at: Instant, line: Line) -> Verdict {
        let before = self.said.get(&line).copied();
        if let Some(before) = before.filter(|before| at < *before + INTERVAL && at != *before) {
            let defends = at >= before + DEFENCE_INTERVAL && self.is_probed(at, &line);
            if !defends {
                let what = format!("host {} said {line} at {before:?}, too", line.station);
                return Err((Rule::Rate, what));
            }
        }
        self.said.insert(line, at);
        Ok(())
    }

    /// Whether the host of this record has just heard a probe for its name, or for one that refers to it.
    fn is_probed(&self, at: Instant, line: &Line) -> bool {
        let heard = self.probes.get(&line.station).into_iter().flatten();
        heard
            .filter(|(then, _)| *then <= at && at <= *then + DEFENCE)
            .any(|(_, packet)| {
                packet.message().is_ok_and(|message| {
                    message
                        .questions()
                        .any(|question| question.name.to_string().eq_ignore_ascii_case(&line.name))
                })
            })
    }

    /// A host has registered its service anew: what it said goodbye to it may say again.
    pub(crate) fn registered(&mut self, station: usize) {
        self.gone
            .retain(|line, _| line.station as usize != station || line.is_of_an_address());
    }

    /// A host has this address, perhaps again.
    pub(crate) fn moved(&mut self, station: usize, address: IpAddr) {
        self.gone
            .retain(|line, _| line.station as usize != station || !line.is_of(address));
    }

    /// A host wants this name from now on.
    pub(crate) fn wants(&mut self, station: usize, name: &str) {
        let tenures = self.tenures.entry(name.to_ascii_lowercase()).or_default();
        tenures.push(Tenure {
            station,
            until: None,
        });
    }

    /// A host has given this name up.
    pub(crate) fn leaves(&mut self, now: Instant, station: usize, name: &str) {
        let tenures = self.tenures.entry(name.to_ascii_lowercase()).or_default();
        for tenure in tenures
            .iter_mut()
            .filter(|tenure| tenure.station == station && tenure.until.is_none())
        {
            tenure.until = Some(now);
        }
    }

    /// A host has renamed itself or its service.
    pub(crate) fn renamed(
        &mut self,
        now: Instant,
        station: usize,
        old: &str,
        new: &str,
    ) -> Verdict {
        self.renames += 1;
        let memory = self.memory;
        let tenures = self.tenures.get(&old.to_ascii_lowercase());
        let has_rival = tenures.into_iter().flatten().any(|tenure| {
            tenure.station != station && tenure.until.is_none_or(|until| now <= until + memory)
        });
        self.leaves(now, station, old);
        self.wants(station, new);
        if has_rival {
            return Ok(());
        }
        let what = format!("host {station}: {old} -> {new}");
        Err((Rule::Rename, what))
    }
}

#[cfg(test)]
mod tests {
    use mdns_proto::{
        name::NameBuf,
        wire::{Class, Question, Rdata, RecordType, Section, Ttl, Writer},
    };

    use super::*;
    use crate::{Net, Peer};

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    fn say<S: mdns_proto::host::Storage>(peer: &Peer<S>, ttl: u32) {
        let name: NameBuf = "box.local".parse().unwrap();
        let record = Record {
            name: name.as_name(),
            class: Class::IN,
            cache_flush: true,
            ttl: Ttl(ttl),
            rdata: Rdata::A([10, 0, 0, 1].into()),
        };
        peer.say(|message| message.record(Section::Answer, &record).unwrap());
    }

    /// What the rules say of packets that `story` makes a peer send.
    fn judged(story: impl Fn(&Net, &Peer<mdns_proto::store::Heap>)) -> Verdict {
        let net = Net::seeded(1);
        let peer = net.peer("peer");
        story(&net, &peer);
        let mut rules = Rules::new(10, Duration::ZERO);
        net.packets().iter().try_for_each(|sent| rules.sent(sent))
    }

    fn broken(verdict: Verdict) -> Option<Rule> {
        verdict.err().map(|(rule, _)| rule)
    }

    /// covers: none (the judge)
    #[test]
    fn who_speaks_after_a_goodbye_is_condemned() {
        let story = |last| {
            judged(|net, peer| {
                say(peer, 120);
                net.run_for(SECONDS(1));
                say(peer, 0);
                net.run_for(SECONDS(60));
                say(peer, last);
            })
        };
        assert_eq!(broken(story(120)), Some(Rule::Goodbye));
        assert_eq!(broken(story(0)), None);
    }

    /// covers: none (the judge)
    #[test]
    fn who_speaks_twice_in_a_second_is_condemned() {
        let story = |millis| {
            judged(|net, peer| {
                say(peer, 120);
                net.run_for(Duration::from_millis(millis));
                say(peer, 120);
            })
        };
        assert_eq!(broken(story(999)), Some(Rule::Rate));
        assert_eq!(broken(story(1000)), None);
    }

    /// covers: none (the judge)
    #[test]
    fn who_defends_a_name_may_do_so_after_250_ms() {
        let story = |millis, asked: &str| {
            let net = Net::seeded(1);
            let (peer, rival) = (net.peer("peer"), net.peer("rival"));
            say(&peer, 120);
            net.run_for(Duration::from_millis(millis));
            let name: NameBuf = asked.parse().unwrap();
            rival.ask(|message: &mut Writer<'_>| {
                let question = Question::new(name.as_name(), RecordType::ANY);
                message.question(&question).unwrap();
            });
            say(&peer, 120);
            let mut rules = Rules::new(10, Duration::ZERO);
            let packets = net.packets();
            rules.probed(net.now(), packets[0].from, Rc::clone(&packets[1]));
            packets.iter().try_for_each(|sent| rules.sent(sent))
        };
        assert_eq!(broken(story(249, "BOX.local")), Some(Rule::Rate));
        assert_eq!(broken(story(250, "BOX.local")), None);
        assert_eq!(broken(story(250, "other.local")), Some(Rule::Rate));
    }

    /// covers: none (the judge)
    #[test]
    fn who_talks_too_much_is_condemned() {
        let story = |count| {
            judged(|net, peer| {
                for _ in 0..count {
                    peer.ask(|_| {});
                    net.run_for(SECONDS(1));
                }
            })
        };
        assert_eq!(broken(story(10)), None);
        assert_eq!(broken(story(11)), Some(Rule::Flood));
    }

    /// covers: none (the judge)
    #[test]
    fn who_is_renamed_without_a_rival_is_condemned() {
        let at = |secs| Instant::ZERO + SECONDS(secs);
        let mut rules = Rules::new(10, SECONDS(5));
        rules.wants(0, "box.local");
        rules.wants(1, "Box.local");
        rules.leaves(at(10), 1, "box.local");
        // What the other has sent may still be on its way.
        assert_eq!(
            broken(rules.renamed(at(15), 0, "box.local", "box-2.local")),
            None
        );
        let verdict = rules.renamed(at(16), 0, "box-2.local", "box-3.local");
        assert_eq!(broken(verdict), Some(Rule::Rename));
    }
}
