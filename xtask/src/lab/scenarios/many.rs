//! Fifty services of one process, all seen.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lab::{
    Context, Kind, Lab,
    net::{Families, Host},
    peer::Peer,
    stack::{Service, Stack, advertise_many},
};

/// Fifty look-ups of python-zeroconf on a machine of two cores take their time.
const LONG: Duration = Duration::from_secs(30);

const FIFTY: usize = 50;

/// Names, since a service borrows its own.
pub(super) fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{prefix} {n}")).collect()
}

pub(super) fn services(names: &[String], first_port: u16) -> Vec<Service<'_>> {
    let service = |(name, port)| Service {
        txt: &["n=1"],
        ..Service::new(name, "_http._tcp", port)
    };
    names
        .iter()
        .map(String::as_str)
        .zip(first_port..)
        .map(service)
        .collect()
}

fn all_seen(browsing: &Peer, services: &[Service<'_>], host: &Host) -> Result<()> {
    for service in services {
        browsing.event(service.name, LONG, |event| {
            event.kind == Kind::Resolved && service.is_whole_in(event, host)
        })?;
    }
    Ok(())
}

/// One process registers all; each browser has them whole.
fn fifty(context: &Context, publisher: Stack) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let _daemon = lab.host(2).avahi("h2", &[])?;
    let browsing = [
        Stack::Avahi.browse(context, lab.host(2), "_http._tcp")?,
        Stack::Zeroconf.browse(context, lab.host(3), "_http._tcp")?,
    ];
    let names = names("Web", FIFTY);
    let services = services(&names, 8000);
    let peer = advertise_many(publisher, context, lab.host(1), &services)?;
    peer.count(Kind::Registered, services.len(), LONG)?;
    browsing
        .iter()
        .try_for_each(|browsing| all_seen(browsing, &services, lab.host(1)))
}

pub(super) fn peers(context: &Context) -> Result<()> {
    fifty(context, Stack::Zeroconf)
}

pub(super) fn ours(context: &Context) -> Result<()> {
    fifty(context, Stack::Ours)
}

pub(super) fn theirs(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let (h1, h2, h3) = (lab.host(1), lab.host(2), lab.host(3));
    let (avahi, zeroconf) = (names("Avahi", FIFTY), names("Zeroconf", FIFTY));
    let (avahi, zeroconf) = (services(&avahi, 8000), services(&zeroconf, 9000));
    let browsing = Stack::Ours.browse(context, h3, "_http._tcp")?;
    let _daemon = h1.avahi("h1", &avahi)?;
    advertise_many(Stack::Zeroconf, context, h2, &zeroconf)?;
    all_seen(&browsing, &avahi, h1)?;
    all_seen(&browsing, &zeroconf, h2)?;
    let events = browsing.events();
    let found = events
        .iter()
        .filter(|event| event.kind == Kind::Found)
        .count();
    ensure!(found == 100, "{found} instances were found instead of 100");
    Ok(())
}
