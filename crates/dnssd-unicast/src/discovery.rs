//! Browsing and resolving in a domain of unicast DNS (RFC 6763 §4, §5).

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use mdns_proto::{
    name::NameBuf,
    wire::{Rdata, RecordType, TxtVec},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    client::{Client, QueryError, Reply},
    transport::{Sockets, Transport},
};

/// How soon a question that failed is asked again, at first and at most.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The longest an absent name is left alone: something may be published any time.
const ABSENT_MAX: Duration = Duration::from_secs(60);

/// A service instance, resolved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Instance {
    /// The whole name.
    pub name: NameBuf,
    /// The host it runs on.
    pub host: NameBuf,
    /// The name that has the addresses: the host, or what that is an alias for.
    pub canonical_host: NameBuf,
    /// The port it listens on. Zero says that it is not available (RFC 6763 §8).
    pub port: u16,
    /// What else it says of itself (RFC 6763 §6).
    pub txt: TxtVec,
    /// The addresses of the host, IPv4 before IPv6; none if DNS has none.
    pub addresses: Vec<IpAddr>,
    /// How long all of it may be believed.
    pub ttl: Duration,
}

/// News of a browse.
#[derive(Debug)]
#[non_exhaustive]
pub enum BrowseEvent {
    /// An instance is there.
    Found(NameBuf),
    /// An instance is not there any more.
    Gone(NameBuf),
    /// No server answers now; what was found counts as there. Told once until one does.
    Failed(QueryError),
}

/// The instances of a service type in a domain, asked for again whenever their TTL is over.
#[derive(Debug)]
pub struct Browse<T = Sockets> {
    client: Client<T>,
    name: NameBuf,
    /// What is there, in order.
    known: Vec<NameBuf>,
    news: VecDeque<BrowseEvent>,
    next: Instant,
    /// Zero if the last question was answered, else how long was waited since.
    retry: Duration,
    /// Whether a server has answered at all.
    is_answered: bool,
}

impl<T: Transport> Client<T> {
    /// Looks for instances: `_ipp._tcp.example.com`, or a subtype before it. Nothing is asked before [`Browse::next`] is awaited.
    pub fn browse(&self, name: NameBuf) -> Browse<T> {
        Browse {
            client: self.clone(),
            name,
            known: Vec::new(),
            news: VecDeque::new(),
            next: Instant::now(),
            retry: Duration::ZERO,
            is_answered: false,
        }
    }

    /// Resolves an instance; `None` if there is none of this name.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn resolve(&self, name: &NameBuf) -> Result<Option<Instance>, QueryError> {
        let reply = self.query(name, RecordType::SRV).await?;
        // The lowest priority, and of those the greatest weight (RFC 2782).
        let found = reply.records().filter_map(|rdata| match rdata {
            Rdata::Srv(srv) => Some(srv),
            _ => None,
        });
        let best = found.min_by_key(|srv| (srv.priority, u16::MAX - srv.weight));
        let Some(srv) = best else {
            return Ok(None);
        };
        let (host, port) = (NameBuf::from(srv.target), srv.port);
        let mut ttl = reply.ttl;
        let reply = self.query(name, RecordType::TXT).await?;
        ttl = ttl.min(reply.ttl);
        let strings = reply.records().find_map(|rdata| match rdata {
            Rdata::Txt(txt) => Some(txt),
            _ => None,
        });
        let mut owned = TxtVec::new();
        for string in strings.iter().flat_map(|txt| txt.strings()) {
            // It came in a message, and so fits.
            let _ = owned.push_string(string);
        }
        let mut instance = Instance {
            name: name.clone(),
            canonical_host: host.clone(),
            host,
            port,
            txt: owned,
            addresses: Vec::new(),
            ttl,
        };
        if !instance.host.as_name().is_root() && !instance.host.as_name().is_link_local() {
            let (canonical, addresses, ttl) = self.addresses(&instance.host).await?;
            instance.ttl = instance.ttl.min(ttl);
            (instance.canonical_host, instance.addresses) = (canonical, addresses);
        }
        Ok(Some(instance))
    }

    /// Looks up the addresses of a host: the name that has them, the addresses, IPv4 before IPv6, and how long they may be believed.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn addresses(
        &self,
        host: &NameBuf,
    ) -> Result<(NameBuf, Vec<IpAddr>, Duration), QueryError> {
        let v4 = self.query(host, RecordType::A).await?;
        let v6 = self.query(host, RecordType::AAAA).await?;
        let of = |reply: &Reply| -> Vec<IpAddr> {
            let addresses = reply.records().filter_map(|rdata| match rdata {
                Rdata::A(v4) => Some(v4.into()),
                Rdata::Aaaa(v6) => Some(v6.into()),
                _ => None,
            });
            addresses.collect()
        };
        let addresses = [of(&v4), of(&v6)].concat();
        let name = if of(&v4).is_empty() { v6.name } else { v4.name };
        Ok((name, addresses, v4.ttl.min(v6.ttl)))
    }
}

impl<T: Transport> Browse<T> {
    /// Waits for the next news. It may be dropped before it is ready, and nothing is lost.
    pub async fn next(&mut self) -> BrowseEvent {
        loop {
            if let Some(event) = self.news.pop_front() {
                return event;
            }
            sleep_until(self.next).await;
            let asked = self.client.query(&self.name, RecordType::PTR).await;
            self.take(asked);
        }
    }

    /// Whether a server has answered, and `next` has returned all that it said.
    pub fn is_complete(&self) -> bool {
        self.is_answered && self.news.is_empty()
    }

    /// What is there now.
    pub fn instances(&self) -> &[NameBuf] {
        &self.known
    }

    fn take(&mut self, asked: Result<Reply, QueryError>) {
        let now = Instant::now();
        let reply = match asked {
            Ok(reply) => reply,
            Err(error) => {
                if self.retry.is_zero() {
                    self.news.push_back(BrowseEvent::Failed(error));
                }
                self.retry = (self.retry * 2).clamp(RETRY, RETRY_MAX);
                self.next = now + self.retry;
                return;
            }
        };
        self.retry = Duration::ZERO;
        self.is_answered = true;
        // That there are none now does not end the browse.
        let mut found: Vec<NameBuf> = Vec::new();
        for rdata in reply.records() {
            if let Rdata::Ptr(target) = rdata {
                found.push(target.into());
            }
        }
        let wait = match found.is_empty() {
            true => reply.ttl.min(ABSENT_MAX),
            false => reply.ttl,
        };
        self.next = now + wait;
        // Both are sorted as the records were, by their bytes; names differ in more than case.
        let key = |name: &NameBuf| name.as_wire().to_ascii_lowercase();
        found.sort_by_key(key);
        found.dedup();
        let is_in =
            |all: &[NameBuf], name: &NameBuf| all.binary_search_by_key(&key(name), key).is_ok();
        for gone in self.known.iter().filter(|name| !is_in(&found, name)) {
            self.news.push_back(BrowseEvent::Gone(gone.clone()));
        }
        for new in found.iter().filter(|name| !is_in(&self.known, name)) {
            self.news.push_back(BrowseEvent::Found(new.clone()));
        }
        self.known = found;
    }
}
