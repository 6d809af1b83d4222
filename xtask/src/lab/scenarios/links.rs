//! Networks that come late, go, come back and change.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};

use super::until;
use crate::lab::{
    Context, Kind, Lab,
    net::{Families, Link},
    stack::{SOON, Service, Stack},
};

/// A network is noticed at once or at the next look; then comes the time of a fresh start.
const COMES_BACK: Duration = Duration::from_secs(15);

/// Nothing is wrong with a host that has no network yet.
pub(super) fn late_network(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (late, other) = (lab.host(1), lab.host(2));
    late.link(0, Link::Down)?;
    let theirs = Service::new("Theirs", "_ipp._tcp", 631);
    let _daemon = other.avahi("h2", std::slice::from_ref(&theirs))?;
    let watching = Stack::Avahi.browse(context, other, "_ipp._tcp")?;

    let browsing = Stack::Ours.browse(context, late, "_ipp._tcp")?;
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    let advertising = Stack::Ours.advertise(context, late, &ours)?;
    sleep(Duration::from_secs(1));
    for peer in [&browsing, &advertising] {
        ensure!(
            peer.is_running()?,
            "{} died of a missing network: {:?}",
            peer.title(),
            peer.lines()
        );
    }
    late.link(0, Link::Up)?;
    browsing.event("a service found late", COMES_BACK, |event| {
        theirs.is_whole_in(event, other)
    })?;
    watching.event("a service published late", COMES_BACK, |event| {
        ours.is_whole_in(event, late)
    })?;
    Ok(())
}

/// A cable pulled for two seconds: what was there before is there after, and what is new is seen.
pub(super) fn cable(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (moved, other) = (lab.host(1), lab.host(2));
    let _daemon = other.avahi("h2", &[])?;
    let (first, second) = (
        Service::new("First", "_ipp._tcp", 631),
        Service::new("Second", "_ipp._tcp", 633),
    );
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    let browsing = Stack::Ours.browse(context, moved, "_ipp._tcp")?;
    let (advertising, _) = Stack::Ours.advertised(context, moved, &ours)?;
    Stack::Avahi.advertised(context, other, &first)?;
    browsing.event("a service before", SOON, |event| {
        first.is_whole_in(event, other)
    })?;

    moved.carrier(0, Link::Down)?;
    sleep(Duration::from_secs(2));
    let new = Stack::Avahi.advertise(context, other, &second)?;
    new.event("its registration", SOON, |event| {
        event.kind == Kind::Registered
    })?;
    moved.carrier(0, Link::Up)?;
    browsing.event("a service after", COMES_BACK, |event| {
        second.is_whole_in(event, other)
    })?;
    let watching = Stack::Avahi.browse(context, other, "_ipp._tcp")?;
    watching.event("our service after", COMES_BACK, |event| {
        ours.is_whole_in(event, moved)
    })?;
    ensure!(
        advertising
            .events()
            .iter()
            .all(|event| event.kind != Kind::Renamed),
        "an own echo renamed mdns"
    );
    Ok(())
}

/// A second address is announced, and the reverse look-up finds it; removed, it is no longer told.
pub(super) fn address(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::V4)?;
    let (changing, other) = (lab.host(1), lab.host(2));
    let _daemon = other.avahi("h2", &[])?;
    let ours = Service {
        host: Some("changing"),
        ..Service::new("Ours", "_ipp._tcp", 632)
    };
    Stack::Ours.advertised(context, changing, &ours)?;
    let reverse = || {
        Ok(other
            .run(&["avahi-resolve", "-a", "10.99.0.77"])?
            .stdout
            .contains("changing.local"))
    };
    changing.add_address("10.99.0.77/24")?;
    until("the new address is known", COMES_BACK, reverse)?;
    changing.remove_address("10.99.0.77/24")?;
    until("the old address is forgotten", COMES_BACK, || {
        Ok(!reverse()?)
    })
}

/// `h1` sits on two networks, `h2` on the first, `h3` on the second: each learns the address it can reach (§14).
pub(super) fn two_links(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let (both, first, second) = (lab.host(1), lab.host(2), lab.host(3));
    both.plug(1)?;
    second.plug(1)?;
    second.link(0, Link::Down)?;
    let _daemons = [first.avahi("h2", &[])?, second.avahi("h3", &[])?];
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    let (advertising, registered) = Stack::Ours.advertised(context, both, &ours)?;
    for (host, reachable, hidden) in [
        (first, "10.99.0.1", "10.100.0.1"),
        (second, "10.100.0.1", "10.99.0.1"),
    ] {
        let watching = Stack::Avahi.browse(context, host, "_ipp._tcp")?;
        let seen = watching.event("our service", SOON, |event| {
            event.kind == Kind::Resolved && ours.is_in(event)
        })?;
        ensure!(
            seen.addresses().any(|a| a == reachable),
            "{} was told {seen:?}",
            host.name()
        );
        ensure!(
            seen.addresses().all(|a| a != hidden),
            "{} was told {seen:?}",
            host.name()
        );
        ensure!(
            seen.host() == registered.host(),
            "another name on another link: {seen:?}"
        );
    }
    ensure!(
        advertising
            .events()
            .iter()
            .all(|event| event.kind != Kind::Renamed),
        "its own other link renamed mdns"
    );
    Ok(())
}
