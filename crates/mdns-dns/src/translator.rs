//! The translator: queries of DNS in, requests to multicast DNS out, records in, responses out.
//!
//! ```text
//! query ──▶ waiting ── answers, a negative response, no time left ──▶ ready ──▶ response
//!              │  ▲
//!              ▼  │ an alias: on to its target
//! request:  waiting ─ first answer ─▶ (gathering) ─▶ settled ─ unused for a while ─▶ cancelled
//! ```
//!
//! A request stays open after it was answered, so that its records are kept up to date while clients ask for them: it is the cache. What
//! was refused or is known already is ready at once.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use mdns_proto::{
    name::{Name, NameBuf},
    time::Instant,
    wire::{Rdata, RecordType},
};

use crate::{
    config::{Config, Stats, count},
    face::{Answer, Face, Source},
    network::Network,
    query::{Query, Rcode},
    rate_limit::{ClientRates, RateLimit},
    response::{Response, Rrset, UDP_MIN},
};

/// The most aliases followed one after another.
const ALIASES_MAX: usize = 8;

/// The share of all requests in a second that one client network may begin: half.
const SHARE: u32 = 2;

/// Bytes that a record takes beside its rdata.
const RECORD_OVERHEAD: usize = 32;

/// The longest message over TCP (RFC 1035 §4.2.2).
const TCP_MAX: usize = 65_535;

/// Who asks, and gets the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Where the query came from.
    pub address: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// Whatever the caller knows the client by: the number of a socket or of a connection. It comes back with the response.
    pub token: u64,
}

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram, from an address that may not be true.
    Udp,
    /// In a stream, from an address that has shown to be true.
    Tcp,
}

/// The number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// Something to be asked for by multicast DNS, continuously, until it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number, for [`Translator::handle_answers`].
    pub id: RequestId,
    /// The name, in a zone that multicast DNS is for.
    pub name: NameBuf,
    /// The type; ANY for all.
    pub rtype: RecordType,
}

/// A response that was written into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Whom it is for.
    pub client: Client,
    /// Its length in bytes.
    pub len: usize,
}

/// A query that was not answered yet.
#[derive(Debug)]
struct Pending {
    client: Client,
    query: Query,
    /// The requests that answer it: the name that was asked for, then the targets of aliases.
    chain: Vec<RequestId>,
}

/// What a query is answered with.
#[derive(Debug)]
enum Outcome {
    /// This code, without records.
    Error(Rcode),
    /// TC alone, so that the client uses TCP.
    Truncated,
    /// These records of the name that was asked for.
    Fixed(Vec<Answer>),
    /// The records of its requests.
    Requests,
}

/// The name and type of a request, by which it is found: the name in lower case.
type Key = (Box<[u8]>, u16);

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is no answer yet, until this instant.
    Waiting(Instant),
    /// There is one, and more may come until this instant.
    Gathering(Instant),
    /// What is known is what clients are told.
    Settled,
    /// Nobody wants it any more; the caller does not know yet.
    Cancelled,
}

#[derive(Debug)]
struct Entry {
    name: NameBuf,
    rtype: RecordType,
    stage: Stage,
    /// The records, as clients are told them, sorted.
    answers: Vec<Answer>,
    /// The bytes that they take.
    len: usize,
    /// Something is known of the name, if only that it has no such record.
    exists: bool,
    /// There are more records than there is room for.
    is_overfull: bool,
    /// When it was last of use.
    used: Instant,
    /// When it settled.
    settled: Instant,
    /// Its place among the deadlines, if it has one.
    due: Option<Instant>,
    /// The queries that wait for it.
    waiting: Vec<u64>,
}

impl Entry {
    fn key(&self) -> Key {
        key(self.name.as_name(), self.rtype)
    }

    fn is_negative(&self) -> bool {
        self.answers.is_empty()
    }
}

fn key(name: Name<'_>, rtype: RecordType) -> Key {
    let name = NameBuf::from(name);
    (name.as_wire().to_ascii_lowercase().into(), rtype.0)
}

/// Answers DNS queries from multicast DNS. See the [crate](crate).
#[derive(Debug)]
pub struct Translator {
    face: Face,
    config: Config,
    clients: Vec<Network>,
    stats: Stats,
    /// The latest instant that it was given.
    now: Instant,
    pending: BTreeMap<u64, Pending>,
    next_query: u64,
    /// Queries that are to be answered, in order.
    ready: VecDeque<(u64, Outcome)>,
    entries: BTreeMap<RequestId, Entry>,
    next_request: u64,
    by_key: BTreeMap<Key, RequestId>,
    /// When something is to be done about an entry: one each.
    deadlines: BTreeSet<(Instant, RequestId)>,
    to_begin: BTreeSet<RequestId>,
    to_cancel: BTreeSet<RequestId>,
    /// The bytes of all records.
    records_len: usize,
    begun: RateLimit,
    begun_by: ClientRates,
    responses: ClientRates,
}

impl Translator {
    /// A translator that knows nothing yet. The seed is any number that clients cannot guess.
    ///
    /// A stub answers clients on loopback addresses, a zone all clients; [`set_clients`](Self::set_clients) says otherwise.
    pub fn new(face: Face, config: Config, seed: u64) -> Self {
        let clients = match face {
            Face::Stub => Network::LOOPBACK.into(),
            Face::Zone(_) => ["0.0.0.0/0", "::/0"]
                .iter()
                .filter_map(|all| all.parse().ok())
                .collect(),
        };
        Translator {
            face,
            config,
            clients,
            stats: Stats::default(),
            now: Instant::ZERO,
            pending: BTreeMap::new(),
            next_query: 0,
            ready: VecDeque::new(),
            entries: BTreeMap::new(),
            next_request: 0,
            by_key: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            to_begin: BTreeSet::new(),
            to_cancel: BTreeSet::new(),
            records_len: 0,
            begun: RateLimit::default(),
            begun_by: ClientRates::new(seed),
            responses: ClientRates::new(seed),
        }
    }

    /// Sets which clients are answered; others are refused.
    pub fn set_clients(&mut self, clients: impl IntoIterator<Item = Network>) {
        self.clients = clients.into_iter().collect();
    }

    /// What it stands for.
    pub fn face(&self) -> &Face {
        &self.face
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many requests are open.
    pub fn request_count(&self) -> usize {
        self.entries.len().saturating_sub(self.to_cancel.len())
    }

    /// How many queries were not answered yet.
    pub fn query_count(&self) -> usize {
        self.pending.len()
    }

    /// Takes a message of a client: a datagram, or what followed its length in a stream.
    pub fn handle_query(&mut self, now: Instant, client: Client, bytes: &[u8]) {
        self.advance(now);
        let now = self.now;
        count(&mut self.stats.queries);
        let Some((query, error)) = Query::parse(bytes) else {
            count(&mut self.stats.ignored);
            return;
        };
        // A source of port 0 cannot be answered.
        if client.address.port() == 0 {
            count(&mut self.stats.ignored);
            return;
        }
        if client.transport == Transport::Udp {
            let counted = self.responses.count(now, client.address.ip());
            if counted > self.config.responses_per_second {
                count(&mut self.stats.limited);
                // One of two: what is lost are the answers to true addresses that share the network of a forged one, every other time.
                if counted.is_multiple_of(2) {
                    self.answer_at_once(client, query, Outcome::Truncated);
                }
                return;
            }
        }
        let ip = client.address.ip();
        let is_allowed = self.clients.iter().any(|network| network.contains(ip));
        let outcome = match (error, &query.asked) {
            _ if !is_allowed => Outcome::Error(Rcode::Refused),
            (Some(error), _) => Outcome::Error(error),
            (None, None) => Outcome::Error(Rcode::FormErr),
            (None, Some(asked)) => match self.face.source(asked.name.as_name(), asked.qtype) {
                Source::Foreign => Outcome::Error(Rcode::Refused),
                Source::Fixed(answers) => Outcome::Fixed(answers),
                Source::Link(name) => {
                    let rtype = match asked.qtype {
                        RecordType::NSEC => RecordType::ANY,
                        qtype => qtype,
                    };
                    return self.wait_for_records(now, client, query, &name, rtype);
                }
            },
        };
        self.answer_at_once(client, query, outcome);
    }

    /// Takes the records that answer a request, all that are known now; none if there are none, or none any more.
    ///
    /// `is_complete` says that no more is to be expected soon; without records, that the owner of the name says that there are none, or that
    /// they are gone. While neither records nor such a negative response has come, nothing need be told.
    pub fn handle_answers<'a>(
        &mut self,
        now: Instant,
        id: RequestId,
        records: impl IntoIterator<Item = Rdata<'a>>,
        is_complete: bool,
    ) {
        self.advance(now);
        let now = self.now;
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if entry.stage == Stage::Cancelled {
            return;
        }
        let room = self
            .config
            .records_len_max
            .saturating_sub(self.records_len.saturating_sub(entry.len));
        let (mut answers, mut len, mut is_any) = (Vec::new(), 0usize, false);
        let mut is_overfull = false;
        for rdata in records {
            is_any = true;
            let Some(answer) = self.face.translate(&rdata) else {
                count(&mut self.stats.left_out);
                continue;
            };
            len = len.saturating_add(answer.rdata.len().saturating_add(RECORD_OVERHEAD));
            if len > room {
                is_overfull = true;
                break;
            }
            answers.push(answer);
        }
        answers.sort();
        // Two links may have told the same.
        answers.dedup();
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if is_overfull {
            (answers, len) = (Vec::new(), 0);
        }
        self.records_len = self
            .records_len
            .saturating_sub(entry.len)
            .saturating_add(len);
        let had_any = !entry.answers.is_empty();
        entry.answers = answers;
        entry.len = len;
        entry.is_overfull = is_overfull;
        entry.exists |= is_any || is_complete;
        let gathers = matches!(entry.rtype, RecordType::PTR | RecordType::ANY);
        match entry.stage {
            Stage::Waiting(end) if is_any && gathers => {
                entry.stage = Stage::Gathering(end.min(now + self.config.gathering));
                self.reschedule(id);
            }
            Stage::Waiting(_) if is_any || is_complete => self.settle(now, id),
            Stage::Waiting(_) | Stage::Gathering(_) | Stage::Cancelled => {}
            Stage::Settled => {
                // Records came or went: from now on it is there, or absent.
                if had_any == entry.answers.is_empty() {
                    entry.settled = now;
                }
                self.reschedule(id);
            }
        }
    }

    /// Says that a request could not be made, or that it has ended: what waits for it fails, and it is forgotten.
    pub fn handle_failure(&mut self, now: Instant, id: RequestId) {
        self.advance(now);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let waiting = core::mem::take(&mut entry.waiting);
        for query in waiting {
            self.ready
                .push_back((query, Outcome::Error(Rcode::ServFail)));
        }
        self.forget(id);
    }

    /// Says that time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        let now = self.now;
        while let Some(&(due, id)) = self.deadlines.first() {
            if due > now {
                break;
            }
            match self.entries.get(&id).map(|entry| entry.stage) {
                Some(Stage::Waiting(_) | Stage::Gathering(_)) => self.settle(now, id),
                Some(Stage::Settled) => self.cancel(id),
                Some(Stage::Cancelled) | None => {
                    self.deadlines.remove(&(due, id));
                }
            }
        }
    }

    /// Returns the next request to begin.
    pub fn poll_request(&mut self) -> Option<Request> {
        let id = self.to_begin.pop_first()?;
        let entry = self.entries.get(&id)?;
        Some(Request {
            id,
            name: entry.name.clone(),
            rtype: entry.rtype,
        })
    }

    /// Returns the next request to end.
    pub fn poll_cancelled(&mut self) -> Option<RequestId> {
        let id = self.to_cancel.pop_first()?;
        self.entries.remove(&id);
        Some(id)
    }

    /// Writes the next response. Over TCP it may have 65,535 bytes; what does not fit the buffer counts as too long.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        self.advance(now);
        loop {
            let (id, outcome) = self.ready.pop_front()?;
            let Some(pending) = self.pending.remove(&id) else {
                continue;
            };
            let Some(len) = self.write(&pending, outcome, buffer) else {
                count(&mut self.stats.failed);
                continue;
            };
            count(&mut self.stats.responses);
            return Some(Transmit {
                client: pending.client,
                len,
            });
        }
    }

    /// Returns when something is due; an instant that has passed while there is output to take, `None` when nothing will be due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let has_output =
            !(self.ready.is_empty() && self.to_begin.is_empty() && self.to_cancel.is_empty());
        match has_output {
            true => Some(self.now),
            false => self.deadlines.first().map(|(due, _)| *due),
        }
    }

    /// Forgets a client: its connection is closed, and its queries need no answer any more.
    pub fn forget_client(&mut self, client: Client) {
        let gone = self.pending.iter();
        let gone: Vec<u64> = gone
            .filter(|(_, pending)| pending.client == client)
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            let pending = self.pending.remove(&id);
            let last = pending.and_then(|pending| pending.chain.last().copied());
            if let Some(entry) = last.and_then(|last| self.entries.get_mut(&last)) {
                entry.waiting.retain(|waiting| *waiting != id);
            }
        }
    }

    // Queries.

    /// A `now` earlier than the last one is treated as the last one.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn answer_at_once(&mut self, client: Client, query: Query, outcome: Outcome) {
        if self.ready.len() >= self.config.queries_max {
            count(&mut self.stats.failed);
            return;
        }
        let id = self.insert(client, query, Vec::new());
        self.ready.push_back((id, outcome));
    }

    fn insert(&mut self, client: Client, query: Query, chain: Vec<RequestId>) -> u64 {
        let id = self.next_query;
        self.next_query = id.wrapping_add(1);
        let pending = Pending {
            client,
            query,
            chain,
        };
        self.pending.insert(id, pending);
        id
    }

    /// Lets a query wait for the records of a name.
    fn wait_for_records(
        &mut self,
        now: Instant,
        client: Client,
        query: Query,
        name: &NameBuf,
        rtype: RecordType,
    ) {
        if self.pending.len() >= self.config.queries_max {
            self.answer_at_once(client, query, Outcome::Error(Rcode::ServFail));
            return;
        }
        match self.request(now, client, name, rtype) {
            Err(rcode) => self.answer_at_once(client, query, Outcome::Error(rcode)),
            Ok(request) => {
                if self.is_settled(request) {
                    count(&mut self.stats.from_cache);
                }
                let id = self.insert(client, query, [request].into());
                self.follow(now, id, request);
            }
        }
    }

    fn is_settled(&self, request: RequestId) -> bool {
        let entry = self.entries.get(&request);
        entry.is_some_and(|entry| entry.stage == Stage::Settled)
    }

    /// Lets a query go on from a request, to the targets of aliases, until one is to be waited for or there is no more.
    fn follow(&mut self, now: Instant, id: u64, mut request: RequestId) {
        loop {
            let Some(pending) = self.pending.get_mut(&id) else {
                return;
            };
            let (client, asked) = (pending.client, pending.query.asked.as_ref());
            let qtype = asked.map_or(RecordType::ANY, |asked| asked.qtype);
            // One that made room for the target of an alias, while others waited for it, has no records any more.
            let entry = self.entries.get_mut(&request);
            let Some(entry) = entry.filter(|entry| entry.stage != Stage::Cancelled) else {
                self.ready.push_back((id, Outcome::Error(Rcode::ServFail)));
                return;
            };
            if entry.stage != Stage::Settled {
                entry.waiting.push(id);
                return;
            }
            let is_asked = |answer: &Answer| answer.rtype == qtype;
            let has_answer = matches!(qtype, RecordType::ANY | RecordType::NSEC)
                || entry.answers.iter().any(is_asked);
            let alias = entry.answers.iter().find_map(Answer::alias);
            let source = match alias {
                Some(alias) if !has_answer => self.face.source(alias.as_name(), qtype),
                _ => Source::Foreign,
            };
            // What is not ours the client may ask for itself.
            let Source::Link(name) = source else {
                self.ready.push_back((id, Outcome::Requests));
                return;
            };
            let next = match self.request(now, client, &name, qtype) {
                Ok(next) => next,
                Err(rcode) => {
                    self.ready.push_back((id, Outcome::Error(rcode)));
                    return;
                }
            };
            let Some(pending) = self.pending.get_mut(&id) else {
                return;
            };
            // An alias that leads to itself, or on and on.
            if pending.chain.contains(&next) || pending.chain.len() > ALIASES_MAX {
                self.ready.push_back((id, Outcome::Requests));
                return;
            }
            pending.chain.push(next);
            request = next;
        }
    }

    // Requests.

    /// Returns the request for these records: one that is open, or a new one.
    fn request(
        &mut self,
        now: Instant,
        client: Client,
        name: &NameBuf,
        rtype: RecordType,
    ) -> Result<RequestId, Rcode> {
        let key = key(name.as_name(), rtype);
        if let Some(&id) = self.by_key.get(&key) {
            let negative_ttl = self.config.negative_ttl;
            let entry = self.entries.get_mut(&id);
            let is_stale = |entry: &Entry| {
                entry.stage == Stage::Settled
                    && entry.is_negative()
                    && now >= entry.settled + negative_ttl
            };
            match entry {
                // It is asked for anew, rather than when the open request would do so the next time.
                Some(entry) if is_stale(entry) => self.cancel(id),
                Some(entry) => {
                    entry.used = now;
                    self.reschedule(id);
                    return Ok(id);
                }
                None => {}
            }
        }
        let max = self.config.requests_per_second;
        let by_client = self.begun_by.count(now, client.address.ip());
        if by_client > max.div_ceil(SHARE) || !self.begun.allow(now, max) {
            return Err(Rcode::ServFail);
        }
        if self.entries.len() >= self.config.requests_max && !self.evict() {
            return Err(Rcode::ServFail);
        }
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        let end = now + self.config.patience;
        let entry = Entry {
            name: name.clone(),
            rtype,
            stage: Stage::Waiting(end),
            answers: Vec::new(),
            len: 0,
            exists: false,
            is_overfull: false,
            used: now,
            settled: now,
            due: None,
            waiting: Vec::new(),
        };
        self.entries.insert(id, entry);
        self.by_key.insert(key, id);
        self.reschedule(id);
        self.to_begin.insert(id);
        count(&mut self.stats.requests);
        Ok(id)
    }

    /// Cancels the request that was of use longest ago, absent names first; returns whether there was one that nobody waits for.
    fn evict(&mut self) -> bool {
        // So many looks are had at most as often as requests are begun.
        let idle = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.stage == Stage::Settled);
        let oldest = idle.min_by_key(|(_, entry)| (!entry.is_negative(), entry.used));
        let Some(id) = oldest.map(|(id, _)| *id) else {
            return false;
        };
        self.cancel(id);
        // Those that the caller does not know of take room too.
        self.entries.len() < self.config.requests_max.saturating_mul(2)
    }

    fn cancel(&mut self, id: RequestId) {
        self.drop_records(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.stage = Stage::Cancelled;
        if self.to_begin.remove(&id) {
            self.entries.remove(&id);
        } else {
            self.to_cancel.insert(id);
        }
    }

    fn forget(&mut self, id: RequestId) {
        self.drop_records(id);
        self.to_begin.remove(&id);
        self.to_cancel.remove(&id);
        self.entries.remove(&id);
    }

    /// Takes a request out of all that finds it.
    fn drop_records(&mut self, id: RequestId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        self.records_len = self.records_len.saturating_sub(entry.len);
        (entry.len, entry.answers) = (0, Vec::new());
        let (key, due) = (entry.key(), entry.due.take());
        if self.by_key.get(&key) == Some(&id) {
            self.by_key.remove(&key);
        }
        if let Some(due) = due {
            self.deadlines.remove(&(due, id));
        }
    }

    /// When something is to be done about a request.
    fn due(&self, id: RequestId) -> Option<Instant> {
        let entry = self.entries.get(&id)?;
        match entry.stage {
            Stage::Waiting(end) | Stage::Gathering(end) => Some(end),
            Stage::Settled if entry.is_negative() => {
                Some(entry.settled.max(entry.used) + self.idle_max_of_absent())
            }
            Stage::Settled => Some(entry.settled.max(entry.used) + self.config.idle_max),
            Stage::Cancelled => None,
        }
    }

    /// An absent name is asked for anew after this, so that keeping the request open serves nobody.
    fn idle_max_of_absent(&self) -> Duration {
        self.config.negative_ttl.min(self.config.idle_max)
    }

    /// Schedules a request, after its times have changed.
    fn reschedule(&mut self, id: RequestId) {
        let due = self.due(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if let Some(before) = core::mem::replace(&mut entry.due, due) {
            self.deadlines.remove(&(before, id));
        }
        if let Some(due) = due {
            self.deadlines.insert((due, id));
        }
    }

    /// Answers the queries that wait for a request.
    fn settle(&mut self, now: Instant, id: RequestId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.settled = now;
        entry.stage = Stage::Settled;
        let waiting = core::mem::take(&mut entry.waiting);
        self.reschedule(id);
        for query in waiting {
            self.follow(now, query, id);
        }
    }

    // Responses.

    fn write(&mut self, pending: &Pending, outcome: Outcome, buffer: &mut [u8]) -> Option<usize> {
        let query = &pending.query;
        let limit = self.limit(pending);
        let owner = query
            .asked
            .as_ref()
            .map_or(Name::ROOT, |asked| asked.name.as_name());
        let mut response = Response {
            query,
            rcode: Rcode::NoError,
            soa: None,
            ttl: self.config.ttl_max,
            negative_ttl: u32::try_from(self.config.negative_ttl.as_secs()).unwrap_or(u32::MAX),
            udp_max: u16::try_from(self.config.udp_max).unwrap_or(u16::MAX),
        };
        let mut rrsets: Vec<(NameBuf, &[Answer])> = Vec::new();
        let fixed;
        match outcome {
            Outcome::Error(rcode) => response.rcode = rcode,
            Outcome::Truncated => return response.write_empty(buffer, limit, true),
            Outcome::Fixed(answers) => {
                fixed = answers;
                rrsets.push((owner.into(), &fixed));
            }
            Outcome::Requests => {
                let mut is_absent = false;
                for (number, id) in pending.chain.iter().enumerate() {
                    let entry = self.entries.get(id);
                    let entry = entry.filter(|entry| !entry.is_overfull);
                    // It was evicted meanwhile, by a caller that does not take responses at once.
                    let Some(entry) = entry else {
                        response.rcode = Rcode::ServFail;
                        rrsets.clear();
                        break;
                    };
                    let name = match number {
                        0 => Some(owner.into()),
                        _ => self.face.name_for_clients(entry.name.as_name()),
                    };
                    let Some(name) = name else { break };
                    is_absent = self.is_absent(entry);
                    rrsets.push((name, &entry.answers));
                }
                if is_absent && response.rcode == Rcode::NoError {
                    response.rcode = Rcode::NxDomain;
                }
            }
        }
        match response.rcode {
            Rcode::NoError | Rcode::NxDomain => {
                if rrsets.last().is_none_or(|(_, answers)| answers.is_empty()) {
                    let zone = rrsets.last().map_or(owner, |(name, _)| name.as_name());
                    let soa = self.face.soa();
                    response.soa = soa.map(|soa| (self.face.apex(zone), soa));
                }
                let written = response.write(
                    rrsets.iter().map(|(owner, answers)| Rrset {
                        owner: owner.as_name(),
                        answers,
                    }),
                    buffer,
                    limit,
                );
                match written {
                    Some(len) => Some(len),
                    None if pending.client.transport == Transport::Udp => {
                        count(&mut self.stats.truncated);
                        response.write_empty(buffer, limit, true)
                    }
                    None => {
                        response.rcode = Rcode::ServFail;
                        count(&mut self.stats.failed);
                        response.write_empty(buffer, limit, false)
                    }
                }
            }
            rcode => {
                count(match rcode {
                    Rcode::Refused => &mut self.stats.refused,
                    Rcode::ServFail => &mut self.stats.failed,
                    _ => &mut self.stats.malformed,
                });
                response.write_empty(buffer, limit, false)
            }
        }
    }

    /// Whether nothing is known of a name that was asked for: nobody answered, not for another type either. Of the names of service types
    /// that is never said, since there are names below them (RFC 8020).
    fn is_absent(&self, entry: &Entry) -> bool {
        let name = entry.name.as_name();
        let is_type = name
            .first_label()
            .is_some_and(|label| label.starts_with(b"_"));
        let (wire, _) = entry.key();
        let of_name = self.by_key.range((wire.clone(), 0)..=(wire, u16::MAX));
        !is_type
            && of_name
                .filter_map(|(_, id)| self.entries.get(id))
                .all(|entry| !entry.exists && entry.stage == Stage::Settled)
    }

    /// The longest response to a query (RFC 6891 §6.2.3, §6.2.5).
    fn limit(&self, pending: &Pending) -> usize {
        match (pending.client.transport, pending.query.edns) {
            (Transport::Tcp, _) => TCP_MAX,
            (Transport::Udp, None) => UDP_MIN,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload)
                .min(self.config.udp_max)
                .max(UDP_MIN),
        }
    }
}
