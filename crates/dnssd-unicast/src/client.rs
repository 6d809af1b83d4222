//! Questions to DNS servers, one at a time.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use mdns_proto::{
    name::NameBuf,
    wire::{Rdata, RecordType},
};

use crate::{
    message::{self, Answers, answers},
    resolv_conf::ResolvConf,
    transport::{Sockets, Transport},
};

/// How often each server is asked before the question fails.
const ROUNDS: usize = 2;

/// Response codes (RFC 1035 §4.1.1).
const NO_ERROR: u8 = 0;
const FORM_ERR: u8 = 1;
const NX_DOMAIN: u8 = 3;
const NOT_IMP: u8 = 4;

/// Bounds of what a TTL is taken for.
const TTL_MIN: Duration = Duration::from_secs(1);
const TTL_MAX: Duration = Duration::from_secs(3600);

/// How long a negative answer holds that does not say so.
const NEGATIVE: Duration = Duration::from_secs(60);

/// Asks DNS servers. Clones share nothing but the list of servers; nothing is cached.
#[derive(Debug)]
pub struct Client<T = Sockets> {
    transport: Arc<T>,
    conf: Arc<ResolvConf>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Client {
            transport: Arc::clone(&self.transport),
            conf: Arc::clone(&self.conf),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum QueryError {
    /// No server could be reached, or none answered in time: what the last one failed with.
    Unreachable(io::Error),
    /// A server answered with this response code, neither the records nor that there are none.
    Refused(SocketAddr, u8),
    /// The name belongs to the link: no server is asked for it (RFC 6762 §22.1).
    LinkLocal,
    /// There are no random numbers to be had.
    Random,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Unreachable(error) => write!(f, "no DNS server answers: {error}"),
            QueryError::Refused(server, rcode) => {
                write!(
                    f,
                    "DNS server {server} does not answer: {}",
                    rcode_text(*rcode)
                )
            }
            QueryError::LinkLocal => f.write_str("name is of the link, and no DNS server knows it"),
            QueryError::Random => f.write_str("the system has no random numbers"),
        }
    }
}

impl std::error::Error for QueryError {}

/// The mnemonic of a response code.
pub(crate) fn rcode_text(rcode: u8) -> String {
    let text = match rcode {
        1 => "FORMERR, it does not understand the message",
        2 => "SERVFAIL, it failed",
        3 => "NXDOMAIN, there is no such name",
        4 => "NOTIMP, it does not do this",
        5 => "REFUSED, it does not do this for us",
        6 => "YXDOMAIN, the name exists",
        7 => "YXRRSET, the record exists",
        8 => "NXRRSET, the record does not exist",
        9 => "NOTAUTH, it is not responsible for the zone, or does not accept the key",
        10 => "NOTZONE, the name is not in the zone",
        _ => return format!("response code {rcode}"),
    };
    text.to_owned()
}

/// What a server says about a name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The name that the records are of: the one that was asked for, or what that is an alias for.
    pub name: NameBuf,
    /// How long it may be believed: the shortest TTL, between a second and an hour.
    pub ttl: Duration,
    /// The records; none if there are none.
    records: Vec<(RecordType, Vec<u8>)>,
    /// There is no such name at all.
    pub is_absent: bool,
}

impl Reply {
    /// The records; none if there are none.
    pub fn records(&self) -> impl Iterator<Item = Rdata<'_>> {
        let records = self.records.iter();
        records.filter_map(|(rtype, rdata)| Rdata::from_wire(*rtype, rdata))
    }

    fn new(answers: Answers) -> Self {
        let ttl = match answers.records.iter().map(|(_, ttl, _)| *ttl).min() {
            Some(ttl) => Duration::from_secs(ttl.into()),
            None => answers
                .negative_ttl
                .map_or(NEGATIVE, |ttl| Duration::from_secs(ttl.into())),
        };
        Reply {
            name: answers.name,
            ttl: ttl.clamp(TTL_MIN, TTL_MAX),
            is_absent: answers.rcode == NX_DOMAIN,
            records: answers
                .records
                .into_iter()
                .map(|(rtype, _, rdata)| (rtype, rdata))
                .collect(),
        }
    }
}

impl Client {
    /// A client that asks these servers.
    pub fn new(conf: ResolvConf) -> Self {
        Client::with_transport(conf, Sockets)
    }
}

impl<T: Transport> Client<T> {
    /// A client that reaches its servers in another way.
    pub fn with_transport(conf: ResolvConf, transport: T) -> Self {
        Client {
            transport: Arc::new(transport),
            conf: Arc::new(conf),
        }
    }

    /// The servers and search domains.
    pub fn conf(&self) -> &ResolvConf {
        &self.conf
    }

    /// Asks for the records of a name, of one type or ANY.
    ///
    /// The name is asked for as it is, and never with a search domain behind it. A server that does not answer is asked again, then the
    /// next one; a response that is too long for a datagram is fetched over TCP.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn query(&self, name: &NameBuf, rtype: RecordType) -> Result<Reply, QueryError> {
        if name.as_name().is_link_local() {
            return Err(QueryError::LinkLocal);
        }
        let mut last = QueryError::Unreachable(io::ErrorKind::NotFound.into());
        for _ in 0..ROUNDS {
            for &server in &self.conf.servers {
                match self.query_server(server, name, rtype).await {
                    Ok(answers) if matches!(answers.rcode, NO_ERROR | NX_DOMAIN) => {
                        return Ok(Reply::new(answers));
                    }
                    Ok(answers) => last = QueryError::Refused(server, answers.rcode),
                    Err(error @ QueryError::Random) => return Err(error),
                    // That a server refuses says more than that another is silent.
                    Err(error) if !matches!(last, QueryError::Refused(..)) => last = error,
                    Err(_) => {}
                }
            }
            // It would say the same again.
            if matches!(last, QueryError::Refused(..)) {
                break;
            }
        }
        Err(last)
    }

    async fn query_server(
        &self,
        server: SocketAddr,
        name: &NameBuf,
        rtype: RecordType,
    ) -> Result<Answers, QueryError> {
        let mut has_opt = true;
        loop {
            let message = message::query(random_id()?, name.as_name(), rtype, has_opt);
            let exchanged = self.transport.exchange_datagram(server, &message).await;
            let response = exchanged.map_err(QueryError::Unreachable)?;
            let read = |bytes: &[u8]| {
                let read = answers(bytes, name.as_name(), rtype);
                read.ok_or_else(|| QueryError::Unreachable(io::ErrorKind::InvalidData.into()))
            };
            let found = read(&response)?;
            // An old server (RFC 6891 §6.2.2).
            if has_opt && matches!(found.rcode, FORM_ERR | NOT_IMP) {
                has_opt = false;
                continue;
            }
            if !found.is_truncated {
                return Ok(found);
            }
            let message = message::query(random_id()?, name.as_name(), rtype, has_opt);
            let exchanged = self.transport.exchange_stream(server, &message).await;
            return read(&exchanged.map_err(QueryError::Unreachable)?);
        }
    }
}

/// An id that nobody can guess (RFC 5452 §4.5).
pub(crate) fn random_id() -> Result<u16, QueryError> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|_| QueryError::Random)?;
    Ok(u16::from_be_bytes(bytes))
}
