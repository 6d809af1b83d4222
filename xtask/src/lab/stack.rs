//! The three stacks of the lab behind one face: each can advertise, browse and look a host up.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    Context,
    event::{Event, Kind},
    net::{Families, Host},
    peer::{Output, Peer},
};
use crate::shell::root;

/// Time for a service to be probed, announced and seen: about 1 s of it is the protocol's, the rest a slow machine's.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// The tools of avahi-utils; the host must run the daemon ([`Host::avahi`]).
    Avahi,
    /// python-zeroconf, by `lab/zc.py`.
    Zeroconf,
    /// The command `mdns`.
    Ours,
}

/// What is advertised.
#[derive(Clone, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    pub(crate) service_type: &'a str,
    pub(crate) port: u16,
    /// `key=value` or `key`.
    pub(crate) txt: &'a [&'a str],
    /// First labels, as `_printer`.
    pub(crate) subtypes: &'a [&'a str],
    /// The host's first label, if not what the stack chooses.
    pub(crate) host: Option<&'a str>,
    /// Where it is offered; everywhere if empty. Ours alone can.
    pub(crate) interfaces: &'a [&'a str],
}

impl<'a> Service<'a> {
    /// One that has only what it must.
    pub(crate) fn new(name: &'a str, service_type: &'a str, port: u16) -> Self {
        Service {
            name,
            service_type,
            port,
            txt: &[],
            subtypes: &[],
            host: None,
            interfaces: &[],
        }
    }

    /// As JSON, for those that read a list of them.
    pub(crate) fn to_json(&self, host: &Host) -> serde_json::Value {
        json!({
            "instance": self.name,
            "type": self.service_type,
            "port": self.port,
            "txt": txt_json(self.txt),
            "subtypes": self.subtypes,
            "host": self.host.unwrap_or(host.name()),
            "interfaces": self.interfaces,
            "addresses": host.addresses(),
        })
    }

    /// Is this event about it, under its own name?
    pub(crate) fn is_in(&self, event: &Event) -> bool {
        event.instance == self.name
    }

    /// Has everything of it arrived as it was sent, with an address of `host`?
    pub(crate) fn is_whole_in(&self, event: &Event, host: &Host) -> bool {
        let txt = self.txt.iter().map(|string| match string.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (*string, None),
        });
        let addresses = host.addresses();
        self.is_in(event)
            && event.port == self.port
            && event.txt() == txt.collect()
            && event.addresses().next().is_some()
            && event
                .addresses()
                .all(|address| addresses.iter().any(|own| own == address))
    }
}

/// An object of the attributes; `null` for a key without a value.
fn txt_json(txt: &[&str]) -> serde_json::Value {
    txt.iter()
        .map(|string| match string.split_once('=') {
            Some((key, value)) => (key.to_owned(), json!(value)),
            None => ((*string).to_owned(), json!(null)),
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl Stack {
    /// Advertises until stopped.
    pub(crate) fn advertise(
        self,
        context: &Context,
        host: &Host,
        service: &Service<'_>,
    ) -> Result<Peer> {
        let port = service.port.to_string();
        let mut words: Vec<String> = Vec::new();
        match self {
            Stack::Avahi => {
                words.extend(["stdbuf", "-oL", "-eL", "avahi-publish", "-s"].map(String::from));
                words.extend(service.host.map(|name| format!("--host={name}.local")));
                let subtype =
                    |subtype| format!("--subtype={subtype}._sub.{}", service.service_type);
                words.extend(service.subtypes.iter().map(subtype));
                words.extend([service.name, service.service_type, &port].map(String::from));
                words.extend(service.txt.iter().map(|string| (*string).to_owned()));
            }
            Stack::Zeroconf => {
                return advertise_many(self, context, host, std::slice::from_ref(service));
            }
            Stack::Ours => {
                words.extend(
                    ["advertise", service.name, service.service_type, &port].map(String::from),
                );
                words.extend(
                    service
                        .txt
                        .iter()
                        .flat_map(|string| ["--txt".to_owned(), (*string).to_owned()]),
                );
                words.extend(
                    service
                        .subtypes
                        .iter()
                        .flat_map(|label| ["--subtype".to_owned(), (*label).to_owned()]),
                );
                words.extend(
                    service
                        .host
                        .iter()
                        .flat_map(|name| ["--host".to_owned(), (*name).to_owned()]),
                );
                return mdns(
                    context,
                    host,
                    &words.iter().map(String::as_str).collect::<Vec<_>>(),
                );
            }
        }
        host.spawn(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Advertises and waits until the name is its own; returns the name it got.
    pub(crate) fn advertised(
        self,
        context: &Context,
        host: &Host,
        service: &Service<'_>,
    ) -> Result<(Peer, Event)> {
        let peer = self.advertise(context, host, service)?;
        let event = peer.event("the registration", SOON, |event| {
            event.kind == Kind::Registered
        })?;
        Ok((peer, event))
    }

    /// Browses and resolves until stopped.
    pub(crate) fn browse(self, context: &Context, host: &Host, service_type: &str) -> Result<Peer> {
        match self {
            Stack::Avahi => host.spawn(&["stdbuf", "-oL", "avahi-browse", "-rpk", service_type]),
            Stack::Zeroconf => zeroconf(context, host, &["browse", service_type]),
            Stack::Ours => mdns(context, host, &["browse", service_type, "--resolve"]),
        }
    }

    /// Looks up a host by its first label; the output has its addresses.
    pub(crate) fn lookup(self, context: &Context, host: &Host, name: &str) -> Result<Output> {
        let full = format!("{name}.local");
        match self {
            Stack::Avahi if host.families() == Families::V6 => {
                host.run(&["avahi-resolve", "-6", "-n", &full])
            }
            Stack::Avahi => host.run(&["avahi-resolve", "-4", "-n", &full]),
            Stack::Zeroconf => zeroconf(context, host, &["host", name])?.output(SOON),
            Stack::Ours => mdns(context, host, &["lookup", &full, "--count", "1"])?.output(SOON),
        }
    }
}

/// Advertises all of them by one process. Avahi's tools cannot; its daemon does (`Daemon::services`).
pub(crate) fn advertise_many(
    stack: Stack,
    context: &Context,
    host: &Host,
    services: &[Service<'_>],
) -> Result<Peer> {
    let lines: String = services
        .iter()
        .map(|service| format!("{}\n", service.to_json(host)))
        .collect();
    let file = format!("/run/services-{}.jsonl", services[0].port);
    host.write(&file, &lines)?;
    match stack {
        Stack::Ours => mdns(context, host, &["advertise", "--from", &file]),
        Stack::Avahi | Stack::Zeroconf => zeroconf(context, host, &["register", &file]),
    }
}

/// The line that makes a registering `lab/zc.py` change the TXT record of its first service.
pub(crate) fn change_txt(peer: &Peer, txt: &[&str]) -> Result<()> {
    peer.write_line(&txt_json(txt).to_string())
}

/// Starts the command `mdns` with `--json`.
pub(crate) fn mdns(context: &Context, host: &Host, args: &[&str]) -> Result<Peer> {
    let program = context
        .mdns
        .to_str()
        .context("the path of mdns is not UTF-8")?;
    host.spawn(&[&[program], args, &["--json"]].concat())
}

fn zeroconf(context: &Context, host: &Host, args: &[&str]) -> Result<Peer> {
    let python = context
        .tools
        .python
        .to_str()
        .context("the path of Python is not UTF-8")?;
    let script = root().join("xtask/lab/zc.py");
    let script = script.to_str().context("the path of zc.py is not UTF-8")?;
    let ip = match host.families() {
        Families::V4 => "v4",
        Families::V6 => "v6",
        Families::Both => "all",
    };
    host.spawn(&[&[python, "-u", script, "--ip", ip], args].concat())
}

/// The addresses in the cache of a browsing `lab/zc.py`.
pub(crate) fn cached_addresses(peer: &Peer) -> Result<Vec<String>> {
    let dumps = || {
        let mut events = peer.events();
        events.retain(|event| event.kind == Kind::Cache);
        events
    };
    let before = dumps().len();
    peer.write_line("")?;
    peer.count(Kind::Cache, before + 1, SOON)?;
    let last = dumps().pop().context("it has just come")?;
    Ok(last.addresses().map(str::to_owned).collect())
}

/// Sends `count` questions for the host `name` by unicast to `address`, one after the other; returns how many were answered.
/// They come from `source`, if that is not empty.
pub(crate) fn ask_directly(
    host: &Host,
    address: &str,
    name: &str,
    count: usize,
    source: &str,
) -> Result<usize> {
    let script = root().join("xtask/lab/ask.py");
    let script = script.to_str().context("the path of ask.py is not UTF-8")?;
    let count = count.to_string();
    let output = host.run(&["python3", script, address, name, &count, source])?;
    output
        .stdout
        .trim()
        .parse()
        .with_context(|| format!("ask.py said {:?} {:?}", output.stdout, output.stderr))
}
