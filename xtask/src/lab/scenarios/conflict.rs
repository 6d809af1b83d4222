//! Two want one name (RFC 6762 §9): both end with one of their own, and ours changes at most once.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};

use super::until;
use crate::lab::{
    Context, Kind, Lab,
    net::Families,
    peer::Peer,
    stack::{SOON, Service, Stack},
};

/// Time in which a second rename would show: conflicts are fought out within a second, Avahi waits one more.
const QUIET: Duration = Duration::from_secs(3);

pub(super) fn peers(context: &Context) -> Result<()> {
    service(context, Stack::Avahi, Stack::Avahi)
}

pub(super) fn service_avahi_first(context: &Context) -> Result<()> {
    service(context, Stack::Avahi, Stack::Ours)
}

pub(super) fn service_ours_first(context: &Context) -> Result<()> {
    service(context, Stack::Ours, Stack::Avahi)
}

/// The second to come has to take another name, and the first keeps its own.
fn service(context: &Context, first: Stack, second: Stack) -> Result<()> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let mut daemons = vec![lab.host(3).avahi("h3", &[])?];
    for (n, stack) in [first, second].into_iter().enumerate() {
        if stack == Stack::Avahi {
            daemons.push(lab.host(n + 1).avahi(lab.host(n + 1).name(), &[])?);
        }
    }
    let watching = Stack::Avahi.browse(context, lab.host(3), "_ipp._tcp")?;

    let (winner, _) = first.advertised(
        context,
        lab.host(1),
        &Service::new("Same", "_ipp._tcp", 631),
    )?;
    let (loser, _) = second.advertised(
        context,
        lab.host(2),
        &Service::new("Same", "_ipp._tcp", 632),
    )?;
    sleep(QUIET);
    ensure!(
        name(&winner) == "Same",
        "the first to come was renamed to {}",
        name(&winner)
    );
    ensure!(name(&loser) != "Same", "the second to come kept the name");
    for (stack, peer) in [(first, &winner), (second, &loser)] {
        ensure!(
            stack != Stack::Ours || renames(peer) <= 1,
            "mdns was renamed {} times",
            renames(peer)
        );
    }
    for (name, port) in [(name(&winner), 631), (name(&loser), 632)] {
        watching.event(&format!("{name} at port {port}"), SOON, |event| {
            event.kind == Kind::Resolved && event.instance == name && event.port == port
        })?;
    }
    Ok(())
}

pub(super) fn host_avahi_first(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let _daemons = [
        lab.host(1).avahi("same", &[])?,
        lab.host(3).avahi("h3", &[])?,
    ];
    let service = Service {
        host: Some("same"),
        ..Service::new("Ours", "_ipp._tcp", 632)
    };
    let (ours, _) = Stack::Ours.advertised(context, lab.host(2), &service)?;
    different_hosts(context, &lab, &ours)?;
    ensure!(
        lab.host(1).avahi_name()? == "same",
        "Avahi, first to come, was renamed"
    );
    Ok(())
}

pub(super) fn host_ours_first(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let service = Service {
        host: Some("same"),
        ..Service::new("Ours", "_ipp._tcp", 632)
    };
    let (ours, _) = Stack::Ours.advertised(context, lab.host(2), &service)?;
    let _daemons = [
        lab.host(1).avahi("same", &[])?,
        lab.host(3).avahi("h3", &[])?,
    ];
    different_hosts(context, &lab, &ours)?;
    ensure!(renames(&ours) == 0, "mdns, first to come, was renamed");
    Ok(())
}

/// Avahi on `h1` and `ours` on `h2` both wanted `same.local`: each has a name of its own in the end, seen from `h3`.
fn different_hosts(context: &Context, lab: &Lab, ours: &Peer) -> Result<()> {
    sleep(QUIET);
    ensure!(
        renames(ours) <= 1,
        "mdns was renamed {} times",
        renames(ours)
    );
    let watching = Stack::Avahi.browse(context, lab.host(3), "_ipp._tcp")?;
    let seen = watching.event("our service", SOON, |event| {
        event.kind == Kind::Resolved
            && event.port == 632
            && event.addresses().any(|a| a == lab.host(2).v4())
    })?;
    let theirs = lab.host(1).avahi_name()?;
    ensure!(seen.host() != theirs, "both are called {theirs}");
    for (name, host) in [(seen.host(), lab.host(2)), (&theirs, lab.host(1))] {
        until(&format!("{name}.local is {}", host.v4()), SOON, || {
            Ok(Stack::Avahi
                .lookup(context, lab.host(3), name)?
                .stdout
                .contains(&host.v4()))
        })?;
    }
    Ok(())
}

/// The name a program told last.
fn name(peer: &Peer) -> String {
    let told = |kind| matches!(kind, Kind::Registered | Kind::Renamed);
    peer.events()
        .into_iter()
        .rfind(|event| told(event.kind))
        .map(|event| event.instance)
        .unwrap_or_default()
}

fn renames(peer: &Peer) -> usize {
    peer.events()
        .iter()
        .filter(|event| event.kind == Kind::Renamed)
        .count()
}
