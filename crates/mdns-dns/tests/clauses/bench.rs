//! A translator with a client and a link, and time that moves when a test says so.

use std::{net::SocketAddr, time::Duration};

use mdns_dns::{Client, Config, Face, Request, RequestId, Translator, Transport, Zone};
use mdns_proto::{
    name::NameBuf,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Ttl, Writer,
    },
};

pub(crate) struct Bench {
    pub(crate) translator: Translator,
    pub(crate) now: Instant,
    pub(crate) requests: Vec<Request>,
    pub(crate) cancelled: Vec<RequestId>,
    next_id: u16,
}

/// A response, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) client: Client,
    pub(crate) id: u16,
    pub(crate) flags: Flags,
    pub(crate) rcode: u16,
    pub(crate) questions: usize,
    pub(crate) answers: Vec<String>,
    pub(crate) authorities: Vec<String>,
    /// The payload that an OPT record announces, and its flags.
    pub(crate) opt: Option<(u16, u16)>,
    pub(crate) len: usize,
}

/// A query, before it is sent.
pub(crate) struct Query {
    pub(crate) name: NameBuf,
    pub(crate) qtype: RecordType,
    pub(crate) client: Client,
    pub(crate) flags: Flags,
    /// Payload and flags word of an OPT record.
    pub(crate) edns: Option<(u16, u32)>,
}

pub(crate) fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

pub(crate) fn client(address: &str, transport: Transport) -> Client {
    let address: SocketAddr = address.parse().unwrap();
    Client {
        address,
        transport,
        token: 0,
    }
}

impl Query {
    pub(crate) fn new(text: &str, qtype: RecordType) -> Self {
        Query {
            name: name(text),
            qtype,
            client: client("127.0.0.1:40000", Transport::Udp),
            flags: Flags(0x0100),
            edns: None,
        }
    }

    pub(crate) fn tcp(mut self) -> Self {
        self.client.transport = Transport::Tcp;
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        self.client.address = address.parse().unwrap();
        self
    }

    pub(crate) fn edns(mut self, payload: u16) -> Self {
        self.edns = Some((payload, 0));
        self
    }

    pub(crate) fn bytes(&self, id: u16) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let header = Header {
            id,
            flags: self.flags,
        };
        let mut writer = Writer::new(&mut buffer, 1024, header);
        writer
            .question(&Question::new(self.name.as_name(), self.qtype))
            .unwrap();
        if let Some((payload, ttl)) = self.edns {
            let opt = Record {
                name: mdns_proto::name::Name::ROOT,
                class: Class(payload & 0x7fff),
                cache_flush: payload & 0x8000 != 0,
                ttl: Ttl(ttl),
                rdata: Rdata::Opt(&[]),
            };
            writer.record(Section::Additional, &opt).unwrap();
        }
        let len = writer.finish();
        buffer[..len].to_vec()
    }
}

impl Bench {
    pub(crate) fn new(face: Face, config: Config) -> Self {
        Bench {
            translator: Translator::new(face, config, 0x5eed),
            now: Instant::from_millis(1_000_000),
            requests: Vec::new(),
            cancelled: Vec::new(),
            next_id: 0,
        }
    }

    pub(crate) fn stub() -> Self {
        Bench::new(Face::Stub, Config::DEFAULT)
    }

    pub(crate) fn zone() -> Self {
        let zone = Zone::new(&name("link1.example.com")).unwrap();
        Bench::new(Face::Zone(zone), Config::DEFAULT)
    }

    /// Sends a query and returns its id.
    pub(crate) fn query(&mut self, query: &Query) -> u16 {
        self.next_id += 1;
        let id = self.next_id;
        let bytes = query.bytes(id);
        self.translator.handle_query(self.now, query.client, &bytes);
        id
    }

    /// Sends a query and returns the response, which must come at once.
    pub(crate) fn reply(&mut self, query: &Query) -> Reply {
        let id = self.query(query);
        let mut replies = self.poll();
        assert_eq!(replies.len(), 1, "one response at once");
        let reply = replies.remove(0);
        assert_eq!(reply.id, id);
        reply
    }

    /// Takes all output; returns the responses.
    pub(crate) fn poll(&mut self) -> Vec<Reply> {
        let mut buffer = vec![0; 65_535];
        let mut replies = Vec::new();
        while let Some(transmit) = self.translator.poll_transmit(self.now, &mut buffer) {
            replies.push(read(transmit.client, &buffer[..transmit.len]));
        }
        while let Some(request) = self.translator.poll_request() {
            self.requests.push(request);
        }
        while let Some(id) = self.translator.poll_cancelled() {
            self.cancelled.push(id);
        }
        let timeout = self.translator.poll_timeout();
        assert!(timeout.is_none_or(|due| due > self.now), "all was taken");
        replies
    }

    /// The last request, which must be for this.
    pub(crate) fn request(&mut self, text: &str, rtype: RecordType) -> RequestId {
        let replies = self.poll();
        assert!(replies.is_empty(), "nothing to say yet: {replies:?}");
        let request = self.requests.last().expect("a request");
        assert_eq!((&request.name, request.rtype), (&name(text), rtype));
        request.id
    }

    pub(crate) fn tell(
        &mut self,
        id: RequestId,
        records: &[Rdata<'_>],
        is_complete: bool,
    ) -> Vec<Reply> {
        let records = records.iter().copied();
        self.translator
            .handle_answers(self.now, id, records, is_complete);
        self.poll()
    }

    /// Lets time pass, deadline by deadline; returns what is said meanwhile.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<Reply> {
        let end = self.now + span;
        let mut replies = Vec::new();
        while let Some(due) = self.translator.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.translator.handle_timeout(due);
            replies.extend(self.poll());
        }
        self.now = end;
        replies
    }

    pub(crate) fn pass_millis(&mut self, millis: u64) -> Vec<Reply> {
        self.pass(Duration::from_millis(millis))
    }
}

/// Reads a response.
pub(crate) fn read(client: Client, bytes: &[u8]) -> Reply {
    let message = Message::parse(bytes).unwrap();
    assert!(message.is_sound());
    let Header { id, flags } = message.header();
    assert!(flags.response());
    let mut opt = None;
    let mut extended = 0;
    for record in message.additionals() {
        assert_eq!(record.rtype(), RecordType::OPT);
        assert!(opt.is_none(), "one OPT at most");
        let [high, version, flags_high, flags_low] = record.ttl.0.to_be_bytes();
        assert_eq!(version, 0);
        extended = u16::from(high);
        let payload = record.class.0 | u16::from(record.cache_flush) << 15;
        opt = Some((payload, u16::from_be_bytes([flags_high, flags_low])));
    }
    Reply {
        client,
        id,
        flags,
        rcode: extended << 4 | u16::from(flags.rcode()),
        questions: message.question_count(),
        answers: message.answers().map(|r| r.to_string()).collect(),
        authorities: message.authorities().map(|r| r.to_string()).collect(),
        opt,
        len: bytes.len(),
    }
}
