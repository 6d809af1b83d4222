//! `mdns resolver`: names and services of the link for programs that know only DNS.
//!
//! The translator of `mdns-dns` decides what is asked and answered; here are its sockets (`server`), the requests that it makes of
//! multicast DNS (`requests`), and the socket for libnss-mdns (`name_socket`).

#[cfg(unix)]
mod name_socket;
mod requests;
mod server;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use mdns_dns::{Config, Face, Network, NetworkError, Stats, Translator, Zone};
use mdns_proto::name::{NameBuf, NameError};
use mdns_socket::{Selection, interfaces};
use serde::Serialize;

use crate::{
    args::{self, Show, seconds},
    output::{Output, Print, Stamp},
    session::{Failure, Found, Session},
};

/// Where it listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5354);

/// Who may ask unless told otherwise: this host, and addresses that no stranger has.
const ALLOWED: [&str; 8] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// Answers DNS queries for .local, or for a zone that stands for a link, from multicast DNS.
///
/// Programs that know only DNS (static binaries with musl, Go programs, containers) find hosts and services under .local through it;
/// everything else is refused, so that it stands beside another DNS server: dnsmasq, Unbound and systemd-resolved can ask it for .local alone.
/// It does no recursion.
///
/// With --zone it is a Discovery Proxy (RFC 8766): a DNS server that delegates the zone to it shows the services of a link to clients
/// elsewhere. With --nss-socket it serves libnss-mdns in place of Avahi, with addresses of all scopes.
///
/// Runs until ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mdns resolver                                .local at 127.0.0.1:5354, over UDP and TCP
  dig @127.0.0.1 -p 5354 printer.local
  mdns resolver --listen 172.17.0.1:53         for containers: docker run --dns 172.17.0.1 ..
  mdns resolver --nss-socket /run/avahi-daemon/socket
                                               for getent, ping, curl: libnss-mdns without Avahi
  mdns resolver --zone link1.example.com -i eth1 --listen 192.0.2.53:53 --allow 192.0.2.0/24
                                               eth1 as a zone of DNS

Exit codes:
  0  ended by a signal
  2  something is wrong with the arguments
  3  an address or the network cannot be used, or the output cannot be written")]
pub(crate) struct Args {
    /// Listens on this address and port, over UDP and TCP; may be repeated [default: 127.0.0.1:5354, unless --nss-socket is given].
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    listen: Vec<SocketAddr>,

    /// Answers for this zone in place of .local, from the interface of --interface.
    #[arg(long, value_name = "NAME", value_parser = zone, requires = "interfaces")]
    zone: Option<Zone>,

    /// The name of this server in the NS and SOA records of the zone, as the delegation has it [default: ns.ZONE].
    #[arg(long, value_name = "NAME", value_parser = name, requires = "zone")]
    server_name: Option<NameBuf>,

    /// Answers clients of this network, and no others; may be repeated [default: this host and private networks].
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    allow: Vec<Network>,

    /// Opens a socket with Avahi's text protocol here, where libnss-mdns asks: /run/avahi-daemon/socket.
    #[cfg_attr(not(unix), arg(hide = true))]
    #[arg(long, value_name = "PATH", conflicts_with = "zone")]
    nss_socket: Option<PathBuf>,

    /// Waits this many seconds for an answer before a name counts as absent.
    #[arg(long, value_name = "SECS", value_parser = patience, default_value = "1", allow_negative_numbers = true)]
    wait: Duration,

    #[command(flatten)]
    network: args::Network,
    #[command(flatten)]
    show: Show,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        "not an address and a port, such as 127.0.0.1:5354 or [::1]:5354".to_owned()
    })?;
    match address.port() {
        0 => Err("a port from 1 to 65535 is needed".to_owned()),
        5353 => Err("port 5353 is that of multicast DNS".to_owned()),
        _ => Ok(address),
    }
}

fn name(text: &str) -> Result<NameBuf, String> {
    text.parse().map_err(|error: NameError| error.to_string())
}

fn zone(text: &str) -> Result<Zone, String> {
    let name = name(text)?;
    Zone::new(&name).ok_or_else(|| "not a name that DNS could delegate".to_owned())
}

fn network(text: &str) -> Result<Network, NetworkError> {
    text.parse()
}

fn patience(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        span if span > Duration::from_secs(10) => Err("must be at most 10 s".to_owned()),
        span => Ok(span),
    }
}

impl Args {
    pub(crate) fn show(&self) -> Show {
        self.show
    }

    /// Where to listen.
    fn addresses(&self) -> Vec<SocketAddr> {
        match (self.listen.is_empty(), &self.nss_socket) {
            (true, None) => vec![LISTEN],
            _ => self.listen.clone(),
        }
    }

    fn translator(&self) -> Translator {
        let config = Config {
            patience: self.wait,
            ..Config::DEFAULT
        };
        let face = match &self.zone {
            None => Face::Stub,
            Some(zone) => {
                let mut zone = zone.clone().with_addresses(self.own_addresses());
                if let Some(name) = &self.server_name {
                    zone = zone.with_server(name.clone());
                }
                Face::Zone(zone)
            }
        };
        let seed = RandomState::new().build_hasher().finish();
        let mut translator = Translator::new(face, config, seed);
        let usual = ALLOWED.iter().filter_map(|text| text.parse().ok());
        match self.allow.is_empty() {
            true => translator.set_clients(usual),
            false => translator.set_clients(self.allow.iter().copied()),
        }
        translator
    }

    /// The addresses of the server in its own zone: where it listens, or all of this host.
    fn own_addresses(&self) -> Vec<IpAddr> {
        let listened: Vec<IpAddr> = self.listen.iter().map(SocketAddr::ip).collect();
        let is_told = |ip: &IpAddr| !ip.is_loopback() && !ip.is_unspecified();
        if listened.iter().any(|ip| !ip.is_unspecified()) {
            return listened.into_iter().filter(is_told).collect();
        }
        let all = interfaces().unwrap_or_default().into_iter();
        let all = all.flat_map(|interface| interface.addresses);
        let is_link_local = |ip: &IpAddr| match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        let all = all.map(|address| address.ip);
        all.filter(is_told)
            .filter(|ip| !is_link_local(ip))
            .collect()
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    /// It can be asked.
    Listening {
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<SocketAddr>,
        #[serde(skip_serializing_if = "Option::is_none")]
        socket: Option<PathBuf>,
        /// What it answers for.
        zone: String,
    },
    /// It ends, and has done this.
    Stopped {
        queries: u32,
        responses: u32,
        from_cache: u32,
        requests: u32,
        ignored: u32,
        malformed: u32,
        refused: u32,
        failed: u32,
        limited: u32,
        truncated: u32,
    },
}

impl Line {
    fn stopped(stats: Stats) -> Self {
        Line::Stopped {
            queries: stats.queries,
            responses: stats.responses,
            from_cache: stats.from_cache,
            requests: stats.requests,
            ignored: stats.ignored,
            malformed: stats.malformed,
            refused: stats.refused,
            failed: stats.failed,
            limited: stats.limited,
            truncated: stats.truncated,
        }
    }
}

impl Print for Line {
    fn columns(&self, stamp: Stamp) -> String {
        let text = match self {
            Line::Listening {
                address,
                socket,
                zone,
            } => {
                let address = address.map(|address| address.to_string());
                let socket = socket.as_ref().map(|path| path.display().to_string());
                let place = address.or(socket).unwrap_or_default();
                format!("listening   {place}  {zone}")
            }
            Line::Stopped {
                queries,
                responses,
                from_cache,
                requests,
                ignored,
                malformed,
                refused,
                failed,
                limited,
                truncated,
            } => format!(
                "stopped     {queries} queries: {responses} responses, {from_cache} from cache, {requests} requests; {ignored} ignored, \
                 {malformed} malformed, {refused} refused, {failed} failed, {limited} over the rate, {truncated} truncated"
            ),
        };
        format!("{:>8.3}  {text}", stamp.secs())
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<Found, Failure> {
    let translator = args.translator();
    let zone = match translator.face() {
        Face::Zone(zone) => zone.name().to_string(),
        Face::Stub => "local".to_owned(),
    };
    let options = args.network.options(Selection::usual())?;
    // The addresses first: what another has already is known before anything is sent.
    let addresses = args.addresses();
    let (inputs, server) = server::open(&addresses, &output).await?;
    #[cfg(unix)]
    let names = args
        .nss_socket
        .as_deref()
        .map(name_socket::open)
        .transpose()?;
    let mut session = Session::open(options, None, output).await?;
    for address in addresses {
        let line = Line::Listening {
            address: Some(address),
            socket: None,
            zone: zone.clone(),
        };
        session.output.line(&line)?;
    }
    #[cfg(unix)]
    if let Some(names) = names {
        let line = Line::Listening {
            address: None,
            socket: args.nss_socket.clone(),
            zone: zone.clone(),
        };
        session.output.line(&line)?;
        let mdns = session.mdns.clone();
        tokio::spawn(name_socket::serve(names, mdns, args.wait));
    }
    let stats = server::serve(translator, server, inputs, &mut session).await;
    #[cfg(unix)]
    if let Some(path) = &args.nss_socket {
        // It may be another's by now, or gone.
        std::fs::remove_file(path).ok();
    }
    session.output.line(&Line::stopped(stats))?;
    session.close().await;
    Ok(Found(true))
}
