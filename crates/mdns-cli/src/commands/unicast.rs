//! `browse`, `resolve` and `lookup` in a domain of unicast DNS, and `mdns domains`.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use dnssd_unicast::{
    BrowseEvent, Client, DomainKind, Instance as UnicastInstance, QueryError, ResolvConf,
    reverse_domains,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mdns_proto::name::{Name, NameBuf, ServiceType};
use mdns_socket::{Family, interfaces};
use mdns_tokio::{Address, Instance};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{PATIENCE, Results, key};
use crate::{
    args::{Browse, Dns, Limits, Lookup, Resolve, Show, domain_name, server_address},
    output::{Kind, Line, Output, Print, Stamp},
    session::{Failure, Found, Stop, stop},
};

/// The most instances that are resolved at once; others wait.
const RESOLVED_AT_ONCE: usize = 16;

/// How long an instance that could not be resolved is left alone.
const RETRY: Duration = Duration::from_secs(10);

/// The client that the arguments ask for.
fn client(dns: &Dns) -> Result<Client, Failure> {
    let mut conf = ResolvConf::system()
        .map_err(|error| Failure::Network(format!("cannot read /etc/resolv.conf: {error}")))?;
    if !dns.servers.is_empty() {
        conf.servers.clone_from(&dns.servers);
    }
    Ok(Client::new(conf))
}

/// The type in another domain than `.local`; without one, the list of types there (RFC 6763 §9).
fn browsed(service_type: Option<&ServiceType>, domain: &NameBuf) -> Result<NameBuf, Failure> {
    let mut name = NameBuf::new();
    let pushed = match service_type {
        Some(service_type) => {
            let labels: Vec<&[u8]> = service_type.as_name().labels().collect();
            let before = labels.len().saturating_sub(1);
            labels
                .iter()
                .take(before)
                .try_for_each(|label| name.push_label(label))
        }
        None => [&b"_services"[..], b"_dns-sd", b"_udp"]
            .iter()
            .try_for_each(|label| name.push_label(label)),
    };
    let whole = pushed.and_then(|()| name.push_name(domain.as_name()));
    whole.map_err(|error| Failure::Usage(format!("domain {domain}: {error}")))?;
    Ok(name)
}

/// An instance as other commands print it. The address is of no interface.
fn printable(found: &UnicastInstance) -> Instance {
    let address = |ip: &std::net::IpAddr| Address {
        ip: *ip,
        interface: 0,
        interface_name: "".into(),
    };
    Instance {
        name: found.name.clone(),
        host: Some(found.host.clone()),
        canonical_host: Some(found.canonical_host.clone()),
        port: Some(found.port),
        txt: found.txt.clone(),
        addresses: found.addresses.iter().map(address).collect(),
        is_own: false,
    }
}

/// What is printed of it, to be compared.
fn state(found: &UnicastInstance) -> String {
    let UnicastInstance {
        host,
        canonical_host,
        port,
        txt,
        addresses,
        ..
    } = found;
    format!("{host} {canonical_host} {port} {txt:?} {addresses:?}")
}

type Asked = (NameBuf, Result<Option<UnicastInstance>, QueryError>);

/// Resolves an instance, at some time.
async fn resolve_at(client: Client, name: NameBuf, at: Instant) -> Asked {
    sleep_until(at).await;
    let found = client.resolve(&name).await;
    (name, found)
}

pub(super) async fn browse(
    args: Browse,
    domain: NameBuf,
    output: Output,
) -> Result<Found, Failure> {
    args.check().map_err(Failure::Usage)?;
    let client = client(&args.dns)?;
    let name = browsed(args.service_type.as_ref(), &domain)?;
    let mut stop = stop(args.limits.timeout)?;
    let mut results = Results::of(&args.limits);
    let mut browse = client.browse(name.clone());
    // The name of each instance that is there, and what was printed of it last.
    let mut known: HashMap<String, Option<String>> = HashMap::new();
    let mut waiting: Vec<(NameBuf, Instant)> = Vec::new();
    let mut asked = FuturesUnordered::new();
    let is_type = args.service_type.is_none();
    while !results.are_enough() {
        while asked.len() < RESOLVED_AT_ONCE
            && let Some((name, at)) = waiting.pop()
        {
            asked.push(resolve_at(client.clone(), name, at));
        }
        let is_all_resolved = !args.resolve || known.values().all(Option::is_some);
        if args.once && browse.is_complete() && (is_all_resolved || asked.is_empty()) {
            break;
        }
        tokio::select! {
            biased;
            () = &mut stop => break,
            event = browse.next() => match event {
                BrowseEvent::Found(found) => {
                    if is_type {
                        let line = Line::of_type(Kind::Type, found.as_name());
                        output.line(&line.valued(&found))?;
                    } else {
                        let line = Line::about(Kind::Found, found.as_name());
                        output.line(&line.valued(&found))?;
                    }
                    known.insert(key(&found), None);
                    if args.resolve && !is_type {
                        waiting.push((found, Instant::now()));
                    } else {
                        results.add();
                    }
                }
                BrowseEvent::Gone(gone) => {
                    known.remove(&key(&gone));
                    if !is_type {
                        output.line(&Line::about(Kind::Gone, gone.as_name()))?;
                    }
                }
                BrowseEvent::Failed(error) => {
                    output.remark(&format!("{name}: {error}"));
                    if args.once {
                        return Err(Failure::Network(format!("{name} cannot be asked for")));
                    }
                }
                _ => {}
            },
            Some((name, found)) = asked.next() => {
                let Some(last) = known.get_mut(&key(&name)) else {
                    continue;
                };
                let wait = match found {
                    Ok(Some(found)) => {
                        let now = state(&found);
                        if last.as_ref() != Some(&now) {
                            output.line(&Line::with_details(Kind::Resolved, &printable(&found)))?;
                            *last = Some(now);
                            results.add();
                        }
                        found.ttl
                    }
                    // The pointer may go a little later; until then it is asked for again.
                    Ok(None) => {
                        if last.take().is_some_and(|last| !last.is_empty()) {
                            output.line(&Line::about(Kind::Lost, name.as_name()))?;
                        }
                        *last = Some(String::new());
                        RETRY
                    }
                    Err(_) => RETRY,
                };
                waiting.push((name, Instant::now() + wait));
            }
        }
    }
    Ok(results.outcome())
}

pub(super) async fn resolve(
    args: Resolve,
    name: NameBuf,
    output: Output,
) -> Result<Found, Failure> {
    let client = client(&args.dns)?;
    let mut stop = stop(Some(args.limits.timeout.unwrap_or(PATIENCE)))?;
    let mut results = Results::one(&args.limits);
    let mut last = None;
    let mut next = Instant::now();
    while !results.are_enough() {
        let (_, found) = tokio::select! {
            biased;
            () = &mut stop => break,
            asked = resolve_at(client.clone(), name.clone(), next) => asked,
        };
        let found = found.map_err(|error| Failure::Network(format!("{name}: {error}")))?;
        match found {
            Some(found) => {
                next = Instant::now() + found.ttl;
                let now = state(&found);
                if last.as_ref() != Some(&now) {
                    output.line(&Line::with_details(Kind::Resolved, &printable(&found)))?;
                    last = Some(now);
                    results.add();
                }
            }
            None if args.limits.count.is_none() => {
                output.remark(&format!("there is no {name} in DNS"));
                break;
            }
            None => {
                if last.take().is_some() {
                    output.line(&Line::about(Kind::Lost, name.as_name()))?;
                }
                next = Instant::now() + RETRY;
            }
        }
    }
    Ok(results.outcome())
}

pub(super) async fn look_up(args: Lookup, output: Output) -> Result<Found, Failure> {
    let client = client(&args.dns.dns())?;
    let mut stop = stop(Some(args.limits.timeout.unwrap_or(PATIENCE)))?;
    let limits = Limits {
        count: args.limits.count.or(Some(1)),
        ..args.limits
    };
    let mut results = Results::of(&limits);
    let mut last = None;
    let mut next = Instant::now();
    while !results.are_enough() {
        let host = &args.host;
        let asked = async {
            sleep_until(next).await;
            client.addresses(host).await
        };
        let found = tokio::select! {
            biased;
            () = &mut stop => break,
            found = asked => found,
        };
        let (name, mut addresses, ttl) =
            found.map_err(|error| Failure::Network(format!("{host}: {error}")))?;
        match args.network.family() {
            Some(Family::V4) => addresses.retain(|ip| ip.is_ipv4()),
            Some(Family::V6) => addresses.retain(|ip| ip.is_ipv6()),
            None => {}
        }
        if addresses.is_empty() && args.limits.count.is_none() {
            output.remark(&format!("{name} has no such address in DNS"));
            break;
        }
        next = Instant::now() + ttl;
        if last.as_ref() != Some(&addresses) {
            let address = |ip: &std::net::IpAddr| Address {
                ip: *ip,
                interface: 0,
                interface_name: "".into(),
            };
            let all = addresses.iter().map(address).collect();
            output.line(&Line::of_host(host, &name, all))?;
            last = Some(addresses);
            results.add();
        }
    }
    Ok(results.outcome())
}

/// Lists the domains of DNS in which services can be browsed or registered, as the network recommends them.
///
/// They are asked for in the search domains of /etc/resolv.conf, and in the reverse names of the networks that this host is on (RFC 6763
/// §11). It is advice: `browse -d` looks in one of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns domains
  mdns domains example.com                     what example.com recommends
  mdns domains --short                         the domains to browse, one a line")]
pub(crate) struct Domains {
    /// Asks about this domain, in place of the search domains and the networks of this host.
    #[arg(value_name = "DOMAIN", value_parser = domain_name)]
    domain: Option<NameBuf>,

    /// Asks this DNS server, in place of those in /etc/resolv.conf; may be repeated.
    #[arg(long = "server", value_name = "ADDRESS[:PORT]", value_parser = server_address)]
    servers: Vec<SocketAddr>,

    #[command(flatten)]
    pub(crate) show: Show,

    /// Prints the domains to browse, one a line, and nothing else.
    #[arg(long, help_heading = "Output", conflicts_with = "json")]
    short: bool,
}

impl Domains {
    pub(crate) fn show(&self) -> Show {
        Show {
            short: self.short,
            ..self.show
        }
    }
}

/// A domain that is recommended.
#[derive(Debug, Serialize)]
struct DomainLine {
    event: &'static str,
    /// What for.
    kind: &'static str,
    domain: String,
    /// The domain that recommends it.
    from: String,
}

impl DomainLine {
    fn new(kind: DomainKind, domain: Name<'_>, from: &NameBuf) -> Self {
        DomainLine {
            event: "domain",
            kind: match kind {
                DomainKind::Browse => "browse",
                DomainKind::DefaultBrowse => "browse-default",
                DomainKind::Register => "register",
                DomainKind::DefaultRegister => "register-default",
                DomainKind::Automatic => "automatic",
            },
            domain: domain.to_string(),
            from: from.to_string(),
        }
    }
}

impl Print for DomainLine {
    fn columns(&self, stamp: Stamp) -> String {
        let DomainLine {
            kind, domain, from, ..
        } = self;
        format!("{:>8.3}  {kind:<16}  {domain}  (from {from})", stamp.secs())
    }

    fn short(&self) -> Option<&str> {
        let is_browsed = matches!(self.kind, "browse" | "browse-default" | "automatic");
        is_browsed.then_some(&self.domain)
    }
}

pub(super) async fn domains(args: Domains, output: Output) -> Result<Found, Failure> {
    let dns = Dns {
        domain: None,
        servers: args.servers.clone(),
    };
    let client = client(&dns)?;
    let mut stop: Stop = stop(Some(PATIENCE * 2))?;
    let asked_in = match &args.domain {
        Some(domain) => vec![domain.clone()],
        None => {
            let all = interfaces().unwrap_or_default().into_iter();
            let addresses = all.flat_map(|interface| interface.addresses);
            let near = reverse_domains(addresses.map(|address| (address.ip, address.prefix_len)));
            [client.conf().domains.clone(), near].concat()
        }
    };
    let mut asked = FuturesUnordered::new();
    for from in &asked_in {
        for kind in DomainKind::ALL {
            let client = &client;
            asked.push(async move { (kind, from, client.domains(kind, from).await) });
        }
    }
    let (mut has_found, mut failure) = (false, None);
    let mut printed = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            answer = asked.next() => match answer {
                Some((kind, from, Ok(domains))) => {
                    for domain in domains {
                        has_found = true;
                        let line = DomainLine::new(kind, domain.as_name(), from);
                        // One that is recommended twice is one value.
                        let is_new = !printed.contains(&key(&domain));
                        if !output.is_short() || is_new && line.short().is_some() {
                            printed.push(key(&domain));
                            output.line(&line)?;
                        }
                    }
                }
                Some((_, from, Err(error))) => failure = Some(format!("{from}: {error}")),
                None => break,
            },
        }
    }
    match failure {
        Some(text) if !has_found => Err(Failure::Network(text)),
        _ => {
            if !has_found {
                let names: Vec<String> = asked_in.iter().map(NameBuf::to_string).collect();
                output.remark(&format!("no domain is recommended by {}", names.join(", ")));
            }
            Ok(Found(has_found))
        }
    }
}
