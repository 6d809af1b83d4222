//! `dns`: a program of things done to a translator between DNS and multicast DNS.
//!
//! After each step all is polled, as drivers do, and each response is read. In the end it is left alone: nobody waits any more, and no
//! request is open.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use mdns_dns::{Client, Config, Face, RequestId, Translator, Transport, Zone};
use mdns_proto::{
    name::NameBuf,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Ttl, Writer,
    },
};

use crate::input::Input;

/// What can be done; [`crate::seeds`] writes programs of it.
pub(crate) const SLEEP: u8 = 0;
pub(crate) const QUERY_BYTES: u8 = 1;
pub(crate) const QUERY: u8 = 2;
pub(crate) const TELL: u8 = 3;
pub(crate) const FAIL: u8 = 4;
pub(crate) const FORGET: u8 = 5;
const STEPS: u8 = 6;

const STEPS_MAX: usize = 1_000;

/// Bounds that a program can reach.
const TIGHT: Config = Config {
    queries_max: 6,
    requests_max: 4,
    requests_per_second: 8,
    records_len_max: 2048,
    responses_per_second: 12,
    ..Config::DEFAULT
};

/// Names that lead somewhere, and names that do not.
const NAMES: [&str; 14] = [
    "hall.local",
    "HALL.local",
    "attic.local",
    "local",
    "_ipp._tcp.local",
    "Front Desk._ipp._tcp.local",
    "1.7.254.169.in-addr.arpa",
    "hall.link1.example.com",
    "_ipp._tcp.link1.example.com",
    "lb._dns-sd._udp.link1.example.com",
    "ns.link1.example.com",
    "link1.example.com",
    "example.com",
    ".",
];

const TYPES: [RecordType; 12] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::TXT,
    RecordType::CNAME,
    RecordType::NSEC,
    RecordType::ANY,
    RecordType::SOA,
    RecordType::NS,
    RecordType::MX,
    RecordType(65_280),
];

struct Bench {
    translator: Translator,
    config: Config,
    now: Instant,
    /// Requests that are open.
    open: BTreeSet<RequestId>,
    /// How many responses each message id has still to come, at most.
    owed: BTreeMap<u16, usize>,
    next_id: u16,
    buffer: Vec<u8>,
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mode = input.byte();
    let config = if mode & 1 == 0 {
        Config::DEFAULT
    } else {
        TIGHT
    };
    let zone = "link1.example.com".parse().ok();
    let zone = zone.and_then(|name: NameBuf| Zone::new(&name));
    let face = match zone {
        Some(zone) if mode & 2 == 0 => Face::Zone(zone.with_addresses([[192, 0, 2, 53].into()])),
        _ => Face::Stub,
    };
    let mut bench = Bench {
        translator: Translator::new(face, config, mode.into()),
        config,
        now: Instant::ZERO,
        open: BTreeSet::new(),
        owed: BTreeMap::new(),
        next_id: 0,
        buffer: vec![0; 65_535],
    };
    bench
        .translator
        .set_clients(["127.0.0.0/8", "10.0.0.0/8"].map(|text| text.parse().expect("a network")));
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        bench.step(&mut input);
        bench.drain();
    }
    bench.finish();
}

impl Bench {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % STEPS {
            SLEEP => {
                let end = self.now + Duration::from_micros(input.span());
                // Deadline by deadline, or late.
                while let Some(due) = self.translator.poll_timeout().filter(|due| *due <= end) {
                    self.now = if input.flag() { end } else { due };
                    self.translator.handle_timeout(self.now);
                    self.drain();
                }
                self.now = end;
            }
            QUERY_BYTES => {
                let client = client(input);
                let len = input.byte();
                let bytes = input.bytes(len.into());
                if let Some([high, low]) = bytes.first_chunk() {
                    self.owe(u16::from_be_bytes([*high, *low]));
                }
                self.translator.handle_query(self.now, client, bytes);
            }
            QUERY => {
                let client = client(input);
                let mut buffer = [0; 1024];
                self.next_id = self.next_id.wrapping_add(1);
                let flags = Flags(if input.flag() { 0x0100 } else { 0 });
                let header = Header {
                    id: self.next_id,
                    flags,
                };
                let mut writer = Writer::new(&mut buffer, 1024, header);
                let name = name(input);
                let qtype = input.one_of(&TYPES).unwrap_or(RecordType::A);
                if writer
                    .question(&Question::new(name.as_name(), qtype))
                    .is_err()
                {
                    return;
                }
                if input.flag() {
                    let opt = Record {
                        name: mdns_proto::name::Name::ROOT,
                        class: Class(input.number() & 0x7fff),
                        cache_flush: false,
                        ttl: Ttl(u32::from(input.number())),
                        rdata: Rdata::Opt(&[]),
                    };
                    if writer.record(Section::Additional, &opt).is_err() {
                        return;
                    }
                }
                let len = writer.finish();
                self.owe(self.next_id);
                self.translator
                    .handle_query(self.now, client, &buffer[..len]);
            }
            TELL => {
                let Some(id) = self.request(input) else {
                    return;
                };
                let mut records = Vec::new();
                for _ in 0..input.byte() % 8 {
                    let rtype = input.one_of(&TYPES).unwrap_or(RecordType::A);
                    let rdata = match rtype {
                        RecordType::PTR | RecordType::CNAME => name(input).as_wire().to_vec(),
                        _ => {
                            let len = input.byte();
                            input.bytes(len.into()).to_vec()
                        }
                    };
                    records.push((rtype, rdata));
                }
                let sound = records
                    .iter()
                    .filter_map(|(rtype, rdata)| Rdata::from_wire(*rtype, rdata));
                self.translator
                    .handle_answers(self.now, id, sound, input.flag());
            }
            FAIL => {
                let Some(id) = self.request(input) else {
                    return;
                };
                self.open.remove(&id);
                self.translator.handle_failure(self.now, id);
            }
            _ => {
                let client = client(input);
                self.translator.forget_client(client);
            }
        }
    }

    fn owe(&mut self, id: u16) {
        *self.owed.entry(id).or_default() += 1;
    }

    fn request(&self, input: &mut Input<'_>) -> Option<RequestId> {
        let open: Vec<_> = self.open.iter().copied().collect();
        input.one_of(&open)
    }

    /// Takes all output, and reads the responses.
    fn drain(&mut self) {
        while let Some(transmit) = self.translator.poll_transmit(self.now, &mut self.buffer) {
            let message = Message::parse(&self.buffer[..transmit.len]).expect("a message");
            assert!(message.is_sound(), "what is sent can be read");
            let Header { id, flags } = message.header();
            assert!(flags.response());
            let owed = self.owed.get_mut(&id).filter(|owed| **owed > 0);
            *owed.expect("a query has one response at most") -= 1;
            let is_udp = transmit.client.transport == Transport::Udp;
            assert!(!is_udp || transmit.len <= self.config.udp_max);
            assert!(is_udp || !flags.truncated(), "TCP has room");
            assert_ne!(transmit.client.address.port(), 0);
            for (section, record) in message.records() {
                let is_opt = record.rtype() == RecordType::OPT;
                assert_eq!(is_opt, section == Section::Additional);
                assert!(is_opt || record.ttl.0 <= 10 && !record.cache_flush);
                assert!(is_opt || !flags.truncated(), "no part that looks like all");
            }
        }
        while let Some(request) = self.translator.poll_request() {
            assert!(request.name.as_name().is_link_local());
            assert!(self.open.insert(request.id), "each is begun once");
        }
        while let Some(id) = self.translator.poll_cancelled() {
            assert!(self.open.remove(&id), "each was begun");
        }
        let timeout = self.translator.poll_timeout();
        assert!(timeout.is_none_or(|due| due > self.now), "all was taken");
        assert_eq!(self.translator.request_count(), self.open.len());
        assert!(self.open.len() <= self.config.requests_max);
        assert!(self.translator.query_count() <= self.config.queries_max);
    }

    /// Leaves it alone.
    fn finish(&mut self) {
        let end = self.now + self.config.idle_max + self.config.patience;
        while let Some(due) = self.translator.poll_timeout() {
            assert!(due <= end, "nothing is kept for longer");
            self.now = self.now.max(due);
            self.translator.handle_timeout(self.now);
            self.drain();
        }
        assert!(self.open.is_empty());
        assert_eq!(self.translator.query_count(), 0);
    }
}

fn client(input: &mut Input<'_>) -> Client {
    let bits = input.byte();
    let address = match bits & 3 {
        0 => [127, 0, 0, 1],
        1 => [10, 0, 0, 1],
        2 => [10, 1, 0, 1],
        _ => [192, 0, 2, 1],
    };
    Client {
        address: (address, u16::from(bits & 0x78)).into(),
        transport: if bits & 4 == 0 {
            Transport::Udp
        } else {
            Transport::Tcp
        },
        token: (bits >> 7).into(),
    }
}

/// One of those that matter, perhaps with a label of any bytes before it.
fn name(input: &mut Input<'_>) -> NameBuf {
    let which = input.byte();
    let known = NAMES[usize::from(which) % NAMES.len()];
    let known: NameBuf = known.parse().unwrap_or_default();
    if which < 0xe0 {
        return known;
    }
    let mut name = NameBuf::new();
    let len = input.byte() & 0x3f;
    let pushed = name.push_label(input.bytes(len.into()));
    match pushed.and_then(|()| name.push_name(known.as_name())) {
        Ok(()) => name,
        Err(_) => known,
    }
}
