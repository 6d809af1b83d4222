//! What every adapter owes to the network, on its own examples: they run unchanged, each on a host of its own.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::until;
use crate::{
    lab::{
        Content, Context, Kind, Lab,
        net::{Families, Link},
        stack::{SOON, Service, Stack, ask_directly},
    },
    shell::{Shell, target},
};

/// The service type of the examples.
const GREETING: &str = "_greeting._tcp";

/// An example that advertises a service, which is called as it is, and browses.
struct Example {
    name: &'static str,
    /// What follows the name among its arguments.
    args: &'static [&'static str],
    /// What it prints of a service that it finds; nothing if that is not its way.
    found: Option<&'static str>,
    /// Whether it has a socket for unicast.
    takes_unicast: bool,
}

const EXAMPLES: [Example; 4] = [
    Example {
        name: "neighbours",
        args: &["4001"],
        found: Some("found Theirs"),
        takes_unicast: true,
    },
    Example {
        name: "neighbours_async_std",
        args: &["4002"],
        found: Some("found Theirs"),
        takes_unicast: true,
    },
    // It prints who greets it, and Avahi greets nobody.
    Example {
        name: "greeter",
        args: &["60"],
        found: None,
        takes_unicast: true,
    },
    Example {
        name: "own_loop",
        args: &["4004", "60"],
        found: Some("Theirs"),
        takes_unicast: false,
    },
];

/// A network that none of the hosts is on.
const ELSEWHERE: &str = "192.0.2.0/24";
const STRANGER: &str = "192.0.2.9";

/// How long it may take until a change shows.
const SHOWS: Duration = Duration::from_secs(15);

/// Each adapter is found and finds, sends from port 5353 to the group with a hop limit of 255 on both families, takes direct
/// questions from the link and from nowhere else, tells of an address that comes, and speaks again after its cable was out.
///
/// covers: 6762-3-c, 6762-5.2-n, 6762-5.2-o, 6762-5.5-b, 6762-6-p, 6762-8-a, 6762-8.4-b, 6762-11-a, 6762-11-b, 6762-11-d,
/// 6762-11-e, 6762-20-a, 6762-22-a, 6762-22.1-a, SEC-15, CVE-2017-6519, VU-550620
pub(super) fn adapters(context: &Context) -> Result<()> {
    let programs = build()?;
    let lab = Lab::new(context, EXAMPLES.len() + 1, Families::Both)?;
    let peer = lab.host(EXAMPLES.len() + 1);
    let theirs = Service::new("Theirs", GREETING, 4000);
    let daemon = peer.avahi("peer", std::slice::from_ref(&theirs))?;
    let watching = Stack::Avahi.browse(context, peer, GREETING)?;
    let mut running = Vec::new();
    for (number, (example, program)) in (1..).zip(EXAMPLES.iter().zip(&programs)) {
        let host = lab.host(number);
        host.add_route(ELSEWHERE)?;
        let program = program.to_str().context("a path is not UTF-8")?;
        let words = [&["stdbuf", "-oL", program, example.name], example.args].concat();
        running.push((example, host, host.spawn(&words)?));
    }
    peer.add_address(&format!("{STRANGER}/32"))?;

    for (example, host, program) in &running {
        let name = example.name;
        watching.event(name, SOON, |event| {
            event.kind == Kind::Resolved && event.instance == name
        })?;
        let addresses = host.addresses();
        until(&format!("{name} tells {addresses:?}"), SHOWS, || {
            let cached = daemon.cached_addresses()?;
            Ok(addresses.iter().all(|address| cached.contains(address)))
        })?;
        if let Some(found) = example.found {
            program.wait_for(found, SOON)?;
        }
        let ask = |source: &str| ask_directly(peer, &host.v4(), host.name(), 2, source);
        ensure!(
            ask("")? == if example.takes_unicast { 2 } else { 0 },
            "{name} answers direct questions as it should not"
        );
        ensure!(ask(STRANGER)? == 0, "{name} answers a stranger");
    }

    for (_, host, _) in &running {
        host.add_address(&format!("{}/24", second(&host.v4())))?;
    }
    for (Example { name, .. }, host, _) in &running {
        until(&format!("{name} tells its second address"), SHOWS, || {
            Ok(daemon.cached_addresses()?.contains(&second(&host.v4())))
        })?;
        host.remove_address(&format!("{}/24", second(&host.v4())))?;
    }
    for (Example { name, .. }, host, _) in &running {
        until(&format!("{name} takes it back"), SHOWS, || {
            Ok(!daemon.cached_addresses()?.contains(&second(&host.v4())))
        })?;
        host.carrier(0, Link::Down)?;
    }
    std::thread::sleep(Duration::from_secs(1));
    let before = lab.packets()?.len();
    for (_, host, _) in &running {
        host.carrier(0, Link::Up)?;
    }
    for (Example { name, .. }, host, _) in &running {
        until(&format!("{name} probes and announces anew"), SHOWS, || {
            let packets = lab.packets()?;
            let source = host.v4();
            let said = packets[before..]
                .iter()
                .filter(|packet| packet.source.to_string() == source)
                .filter_map(|packet| packet.message());
            let (mut probes, mut announcements) = (0, 0);
            for message in said {
                match message.header().flags.response() {
                    false => probes += usize::from(message.authorities().next().is_some()),
                    true => announcements += 1,
                }
            }
            Ok(probes >= 3 && announcements >= 2)
        })?;
    }

    for packet in lab.packets()? {
        let Content::Message(_) = packet.content else {
            continue;
        };
        let source = packet.source.to_string();
        let sender = running
            .iter()
            .find(|(_, host, _)| host.addresses().contains(&source));
        let Some((Example { name, .. }, ..)) = sender else {
            continue;
        };
        let (from, to) = packet.ports.context("it is a message")?;
        ensure!(
            from == 5353 && packet.hop_limit == 255,
            "{name} sends from port {from} with hop limit {}",
            packet.hop_limit
        );
        ensure!(
            packet.destination.is_multicast() || to != 5353,
            "{name} sends to {} by unicast",
            packet.destination
        );
    }
    Ok(())
}

/// The examples, compiled as `cargo xtask test` has compiled them just before, so that nothing is compiled twice.
fn build() -> Result<Vec<PathBuf>> {
    Shell::cargo("build --quiet --workspace --all-features --examples").run()?;
    let folder = target().join("debug/examples");
    Ok(EXAMPLES
        .iter()
        .map(|example| folder.join(example.name))
        .collect())
}

/// `10.99.0.101` for `10.99.0.1`.
fn second(address: &str) -> String {
    address.replacen("10.99.0.", "10.99.0.10", 1)
}
