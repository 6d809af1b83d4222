//! Look-ups by one process after another: each is answered at once, though a record is multicast once a second at most.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};

use crate::lab::{
    Context, Datagram, Lab,
    net::{Families, Host},
    stack::{SOON, Service, Stack, mdns},
};

/// How many in a row.
const LOOK_UPS: usize = 10;

/// No look-up takes this long from its first question to its line: half of what some would wait for a multicast, on a slow machine.
/// `docs/timings.md` has what it takes.
const MOST: Duration = Duration::from_millis(500);

/// covers: 6762-5.1-a, 6762-15.1-a
pub(super) fn in_a_row(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 4, Families::Both)?;
    let [ours, avahi, zeroconf, asker] = [1, 2, 3, 4].map(|number| lab.host(number));
    let service = |name, port| Service {
        host: Some(name),
        ..Service::new(name, "_http._tcp", port)
    };
    let _ours = Stack::Ours.advertised(context, ours, &service("ours", 8001))?;
    let _daemon = avahi.avahi("theirs", &[])?;
    let _zeroconf = Stack::Zeroconf.advertised(context, zeroconf, &service("other", 8003))?;

    let all = || -> Result<()> {
        for (owner, name) in [(ours, "ours"), (avahi, "theirs"), (zeroconf, "other")] {
            for family in ["-4", "-6"] {
                for _ in 0..LOOK_UPS {
                    look_up(context, &lab, asker, (owner, name), family)
                        .with_context(|| format!("{name} {family}"))?;
                }
            }
        }
        Ok(())
    };
    all().context("alone on the port")?;
    let _daemon = asker.avahi("asker", &[])?;
    all().context("beside Avahi")
}

/// Looks a host up by a new process, and sees how long that took.
fn look_up(
    context: &Context,
    lab: &Lab,
    asker: &Host,
    (owner, name): (&Host, &str),
    family: &str,
) -> Result<()> {
    let full = format!("{name}.local");
    let peer = mdns(context, asker, &["lookup", &full, family])?;
    let found = peer.event("the addresses", SOON, |event| {
        event.addresses().next().is_some()
    })?;
    peer.wait(SOON)?;
    let addresses = owner.addresses();
    ensure!(
        found
            .addresses()
            .all(|found| addresses.iter().any(|own| own == found)),
        "it found {found:?}, and {name} has {addresses:?}"
    );
    let since = peer.started();
    let packets = lab.packets()?;
    let own: Vec<IpAddr> = asker
        .addresses()
        .iter()
        .filter_map(|ip| ip.parse().ok())
        .collect();
    let of_asker = |packet: &&Datagram| packet.at >= since && own.contains(&packet.source);
    let is_one_shot = |packet: &&Datagram| {
        packet
            .ports
            .is_some_and(|(from, to)| from != 5353 && to == 5353)
    };
    let asked = packets.iter().filter(of_asker).find(is_one_shot);
    let asked = asked.context("no question from a port of its own")?;
    let printed = found.at.context("a line without its time")?;
    let waited = printed.duration_since(asked.at).unwrap_or_default();
    ensure!(
        waited < MOST,
        "it took {waited:?} from the question to the line"
    );
    Ok(())
}
