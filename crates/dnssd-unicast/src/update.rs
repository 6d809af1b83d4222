//! Publishing a service by DNS Update (RFC 2136), signed (RFC 8945).
//!
//! ```text
//! nobody has the name: all records ──▶ done
//!    │ YXRRSET: somebody has
//!    ▼
//! somebody has it with our SRV: all records ──▶ done (it was us, before a restart or a lost response)
//!    │ NXRRSET: it is another's
//!    ▼
//! the next name
//! ```
//!
//! The prerequisites and the records are one message, which a server applies as a whole or not at all: of two who want one name at the same
//! time, one gets it.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mdns_proto::{
    name::{LABEL_MAX, NameBuf, cut_label},
    wire::{
        Class, Flags, Full, Header, Message, Question, Rdata, Record, RecordType, Section, Srv,
        Ttl, TxtVec, Writer,
    },
};

use crate::{
    client::{QueryError, random_id, rcode_text},
    key::Key,
    message,
    transport::{Sockets, Transport},
    tsig::{self, TsigError},
};

/// Opcode UPDATE (RFC 2136 §2.2).
const UPDATE: u16 = 5 << 11;

/// In a prerequisite: the record is not there; in an update: it is to be removed (RFC 2136 §2.4, §2.5).
const NONE: Class = Class(254);

const YX_RRSET: u8 = 7;
const NX_RRSET: u8 = 8;

/// The most names that are tried.
const NAMES_MAX: u32 = 100;

/// A service to be published in a domain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publication {
    /// The name that people see: 1 to 63 bytes of text.
    pub instance: String,
    /// The domain: `example.com`.
    pub domain: NameBuf,
    /// What it speaks: `_ipp._tcp`, two labels.
    pub service_type: NameBuf,
    /// The host it runs on, a whole name.
    pub host: NameBuf,
    /// The port it listens on.
    pub port: u16,
    /// What else a client should know (RFC 6763 §6).
    pub txt: TxtVec,
    /// Subtypes under which it is found too (RFC 6763 §7.1).
    pub subtypes: Vec<String>,
    /// Addresses of the host that are written with it, and removed with it. If there are none, DNS has to know the host already.
    pub addresses: Vec<IpAddr>,
    /// TTL of all records, in seconds.
    pub ttl: u32,
}

impl Publication {
    /// A service without TXT data and subtypes, with a TTL of two minutes.
    pub fn new(
        instance: impl Into<String>,
        service_type: NameBuf,
        domain: NameBuf,
        host: NameBuf,
        port: u16,
    ) -> Self {
        Publication {
            instance: instance.into(),
            domain,
            service_type,
            host,
            port,
            txt: TxtVec::new(),
            subtypes: Vec::new(),
            addresses: Vec::new(),
            ttl: 120,
        }
    }
}

/// Why something is not published.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The server could not be reached, or did not answer in time.
    Unreachable(io::Error),
    /// The server said no, with this response code.
    Refused(u8),
    /// The server did not accept the key, for this reason (RFC 8945 §3: 16 signature, 17 key, 18 time).
    Key(u16),
    /// The response is not signed with the key: it may be forged, and counts for nothing.
    Forged,
    /// A name or record is too long.
    TooLong,
    /// A hundred names are taken.
    Taken,
    /// There are no random numbers to be had.
    Random,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Unreachable(error) => {
                write!(f, "the DNS server does not answer: {error}")
            }
            PublishError::Refused(rcode) => {
                write!(
                    f,
                    "the DNS server does not accept the update: {}",
                    rcode_text(*rcode)
                )
            }
            PublishError::Key(error) => f.write_str(match error {
                16 => "the DNS server finds the signature wrong: is the secret the same there?",
                17 => "the DNS server does not know the key, by its name and algorithm",
                18 => "the DNS server finds the time wrong: its clock and ours are apart",
                _ => "the DNS server does not accept the key",
            }),
            PublishError::Forged => {
                f.write_str("the response of the DNS server is not signed with the key")
            }
            PublishError::TooLong => f.write_str("a name or record is too long for DNS"),
            PublishError::Taken => f.write_str("a hundred names are taken"),
            PublishError::Random => QueryError::Random.fmt(f),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<Full> for PublishError {
    fn from(Full: Full) -> Self {
        PublishError::TooLong
    }
}

/// Publishes one service on one server. Clones share the key, and nothing else.
#[derive(Debug)]
pub struct Publisher<T = Sockets> {
    transport: Arc<T>,
    server: SocketAddr,
    key: Option<Key>,
    zone: NameBuf,
    publication: Publication,
    /// The number of the name that is tried or held; 1 is the name itself.
    number: u32,
    is_held: bool,
}

/// The names of a service's records.
struct Names {
    instance: NameBuf,
    service_type: NameBuf,
    subtypes: Vec<NameBuf>,
    meta: NameBuf,
}

impl Publisher {
    /// A publisher that writes to the zone of the domain on this server, signed with the key if there is one.
    ///
    /// # Errors
    /// As [`with_transport`](Self::with_transport).
    pub async fn new(
        server: SocketAddr,
        key: Option<Key>,
        publication: Publication,
    ) -> Result<Self, PublishError> {
        Self::with_transport(server, key, publication, Sockets).await
    }
}

impl<T: Transport> Publisher<T> {
    /// A publisher that reaches the server in another way. The server is asked for the zone.
    ///
    /// # Errors
    /// If a name is too long, or the server does not say which zone the domain is in.
    pub async fn with_transport(
        server: SocketAddr,
        key: Option<Key>,
        publication: Publication,
        transport: T,
    ) -> Result<Self, PublishError> {
        let mut publisher = Publisher {
            transport: Arc::new(transport),
            server,
            key,
            zone: publication.domain.clone(),
            publication,
            number: 1,
            is_held: false,
        };
        // The longest name that may be needed.
        publisher.names(NAMES_MAX)?;
        let domain = publisher.publication.domain.clone();
        let id = random_id().map_err(|_| PublishError::Random)?;
        let query = message::query(id, domain.as_name(), RecordType::SOA, false);
        let exchanged = publisher.transport.exchange_stream(server, &query).await;
        let response = exchanged.map_err(PublishError::Unreachable)?;
        let rcode = Message::parse(&response).map_or(2, |message| message.header().flags.rcode());
        match message::zone_of(&response, domain.as_name()) {
            Some(zone) => publisher.zone = zone,
            None => return Err(PublishError::Refused(if rcode == 0 { 10 } else { rcode })),
        }
        Ok(publisher)
    }

    /// The whole name, as it is tried or held.
    pub fn name(&self) -> NameBuf {
        let names = self.names(self.number);
        names.map(|names| names.instance).unwrap_or_default()
    }

    /// Whether the name has a number, since another has the one that was wanted.
    pub fn is_renamed(&self) -> bool {
        self.number > 1
    }

    /// How often what is published should be written again, in case the server lost it.
    pub fn refresh_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.publication.ttl).clamp(10, 3600) / 2)
    }

    /// Writes the service, under the first name that is free, and returns it. If it is there already, it is written again, and if it went
    /// from the server it comes back.
    ///
    /// # Errors
    /// See [`PublishError`]. What was there before is there still.
    pub async fn publish(&mut self) -> Result<NameBuf, PublishError> {
        while self.number <= NAMES_MAX {
            let names = self.names(self.number)?;
            // Held: most likely it is as we left it.
            let order = match self.is_held {
                true => [Claim::Ours, Claim::Free],
                false => [Claim::Free, Claim::Ours],
            };
            for claim in order {
                match self.exchange(&self.write_message(&names, claim)?).await? {
                    0 => {
                        self.is_held = true;
                        return Ok(names.instance);
                    }
                    YX_RRSET | NX_RRSET => {}
                    rcode => return Err(PublishError::Refused(rcode)),
                }
            }
            // Somebody has taken it from under us, or had it before.
            self.is_held = false;
            self.number += 1;
        }
        Err(PublishError::Taken)
    }

    /// Removes the service, if it is still ours.
    ///
    /// # Errors
    /// See [`PublishError`]. It is there still.
    pub async fn withdraw(&mut self) -> Result<(), PublishError> {
        if !self.is_held {
            return Ok(());
        }
        let names = self.names(self.number)?;
        match self.exchange(&self.removal(&names)?).await? {
            // NXRRSET: it is another's by now, or gone.
            0 | NX_RRSET => {}
            rcode => return Err(PublishError::Refused(rcode)),
        }
        self.is_held = false;
        // The type goes with its last instance; that another has come meanwhile is no error.
        self.exchange(&self.type_removal(&names)?).await?;
        Ok(())
    }

    fn names(&self, number: u32) -> Result<Names, PublishError> {
        let Publication {
            instance,
            domain,
            service_type,
            subtypes,
            ..
        } = &self.publication;
        let suffix = match number {
            0 | 1 => String::new(),
            _ => format!(" ({number})"),
        };
        let label = format!("{}{suffix}", cut_label(instance, LABEL_MAX - suffix.len()));
        let joined = |labels: &[&[u8]], ends: &[&NameBuf]| {
            let mut name =
                NameBuf::from_labels(labels.iter().copied()).map_err(|_| PublishError::TooLong)?;
            for end in ends {
                name.push_name(end.as_name())
                    .map_err(|_| PublishError::TooLong)?;
            }
            match name.fits_unicast() {
                true => Ok(name),
                false => Err(PublishError::TooLong),
            }
        };
        let subtypes = subtypes.iter();
        let subtypes =
            subtypes.map(|subtype| joined(&[subtype.as_bytes(), b"_sub"], &[service_type, domain]));
        Ok(Names {
            instance: joined(&[label.as_bytes()], &[service_type, domain])?,
            service_type: joined(&[], &[service_type, domain])?,
            subtypes: subtypes.collect::<Result<_, _>>()?,
            meta: joined(&[b"_services", b"_dns-sd", b"_udp"], &[domain])?,
        })
    }

    /// The message that writes the service if the name is as claimed.
    fn write_message(&self, names: &Names, claim: Claim) -> Result<Vec<u8>, PublishError> {
        let ttl = Ttl(self.publication.ttl);
        self.message(|writer| {
            let (instance, srv) = (names.instance.as_name(), self.srv());
            let (class, rdata) = match claim {
                Claim::Free => (NONE, Rdata::Other(RecordType::SRV, &[])),
                Claim::Ours => (Class::IN, srv),
            };
            put(writer, Section::Answer, instance, class, Ttl(0), rdata)?;
            let mut add = |name: &NameBuf, rdata| {
                put(
                    writer,
                    Section::Authority,
                    name.as_name(),
                    Class::IN,
                    ttl,
                    rdata,
                )
            };
            // An RRset has one TTL: what is ours alone is written anew.
            add(&names.meta, Rdata::Ptr(names.service_type.as_name()))?;
            for pointer in names.subtypes.iter().chain([&names.service_type]) {
                add(pointer, Rdata::Ptr(instance))?;
            }
            let empty = Rdata::Other(RecordType::TXT, &[]);
            put(
                writer,
                Section::Authority,
                instance,
                Class::ANY,
                Ttl(0),
                empty,
            )?;
            let mut add = |name: &NameBuf, rdata| {
                put(
                    writer,
                    Section::Authority,
                    name.as_name(),
                    Class::IN,
                    ttl,
                    rdata,
                )
            };
            add(&names.instance, srv)?;
            // No TXT at all is one empty string (RFC 6763 §6.1).
            let txt = &self.publication.txt;
            match txt.as_txt().as_wire().is_empty() {
                true => add(&names.instance, Rdata::Other(RecordType::TXT, &[0]))?,
                false => add(&names.instance, Rdata::Txt(txt.as_txt()))?,
            }
            for address in &self.publication.addresses {
                add(&self.publication.host, address_rdata(*address))?;
            }
            Ok(())
        })
    }

    /// The message that removes the service if it is ours.
    fn removal(&self, names: &Names) -> Result<Vec<u8>, PublishError> {
        self.message(|writer| {
            let instance = names.instance.as_name();
            put(
                writer,
                Section::Answer,
                instance,
                Class::IN,
                Ttl(0),
                self.srv(),
            )?;
            let mut remove = |name: &NameBuf, rdata| {
                put(
                    writer,
                    Section::Authority,
                    name.as_name(),
                    NONE,
                    Ttl(0),
                    rdata,
                )
            };
            for pointer in names.subtypes.iter().chain([&names.service_type]) {
                remove(pointer, Rdata::Ptr(instance))?;
            }
            for address in &self.publication.addresses {
                remove(&self.publication.host, address_rdata(*address))?;
            }
            let all = Rdata::Other(RecordType::ANY, &[]);
            put(
                writer,
                Section::Authority,
                instance,
                Class::ANY,
                Ttl(0),
                all,
            )
        })
    }

    /// The message that removes the type if it has no instance.
    fn type_removal(&self, names: &Names) -> Result<Vec<u8>, PublishError> {
        self.message(|writer| {
            let service_type = names.service_type.as_name();
            let none = Rdata::Other(RecordType::PTR, &[]);
            put(writer, Section::Answer, service_type, NONE, Ttl(0), none)?;
            let pointer = Rdata::Ptr(service_type);
            put(
                writer,
                Section::Authority,
                names.meta.as_name(),
                NONE,
                Ttl(0),
                pointer,
            )
        })
    }

    fn srv(&self) -> Rdata<'_> {
        Rdata::Srv(Srv {
            priority: 0,
            weight: 0,
            port: self.publication.port,
            target: self.publication.host.as_name(),
        })
    }

    /// An update of the zone (RFC 2136 §2).
    fn message(
        &self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<Vec<u8>, PublishError> {
        let id = random_id().map_err(|_| PublishError::Random)?;
        let mut buffer = vec![0; 32 << 10];
        let limit = buffer.len();
        let flags = Flags(UPDATE);
        let mut writer = Writer::new(&mut buffer, limit, Header { id, flags });
        writer.set_compression(mdns_proto::wire::Compression::Legacy);
        writer.question(&Question::new(self.zone.as_name(), RecordType::SOA))?;
        write(&mut writer)?;
        let len = writer.finish();
        buffer.truncate(len);
        Ok(buffer)
    }

    /// Signs and sends a message over TCP, which has room and whose address is true; returns the response code.
    async fn exchange(&self, message: &[u8]) -> Result<u8, PublishError> {
        let mut message = message.to_vec();
        let seconds = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
        };
        let signature = self
            .key
            .as_ref()
            .map(|key| tsig::sign(&mut message, key, seconds()));
        let exchanged = self.transport.exchange_stream(self.server, &message).await;
        let response = exchanged.map_err(PublishError::Unreachable)?;
        if let (Some(key), Some(signature)) = (&self.key, &signature) {
            match tsig::verify(&response, key, signature, seconds()) {
                Ok(()) => {}
                Err(TsigError::Refused(error)) => return Err(PublishError::Key(error)),
                Err(_) => return Err(PublishError::Forged),
            }
        }
        let read = Message::parse(&response).map_err(|_| PublishError::Forged)?;
        Ok(read.header().flags.rcode())
    }
}

/// What a name has to be for it to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// Nobody's.
    Free,
    /// Ours, by its SRV record.
    Ours,
}

fn address_rdata(address: IpAddr) -> Rdata<'static> {
    match address {
        IpAddr::V4(v4) => Rdata::A(v4),
        IpAddr::V6(v6) => Rdata::Aaaa(v6),
    }
}

fn put(
    writer: &mut Writer<'_>,
    section: Section,
    name: mdns_proto::name::Name<'_>,
    class: Class,
    ttl: Ttl,
    rdata: Rdata<'_>,
) -> Result<(), Full> {
    let record = Record {
        name,
        class,
        cache_flush: false,
        ttl,
        rdata,
    };
    writer.record(section, &record)
}
