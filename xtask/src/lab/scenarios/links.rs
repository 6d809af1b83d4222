//! Networks that come late, go, come back and change.

use std::{collections::BTreeSet, thread::sleep, time::Duration};

use anyhow::{Result, ensure};

use super::until;
use crate::lab::{
    Context, Kind, Lab,
    event::Event,
    net::{Families, Host, Link},
    stack::{SOON, Service, Stack, advertise_many, cached_addresses},
};

/// A network is noticed at once or at the next look; then comes the time of a fresh start.
const COMES_BACK: Duration = Duration::from_secs(15);

/// Nothing is wrong with a host that has no network yet.
pub(super) fn late_network(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (late, other) = (lab.host(1), lab.host(2));
    late.unplug(0)?;
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
    late.plug(0)?;
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

/// An interface comes, goes down, comes up with another address, is taken away and comes back. Both peers see each state, and
/// neither keeps an address that is gone; we find what came meanwhile.
///
/// covers: 6762-8-a, 6762-8.4-b
pub(super) fn interface(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let (moving, avahi, zeroconf) = (lab.host(1), lab.host(2), lab.host(3));
    moving.unplug(0)?;
    let theirs = Service::new("Theirs", "_ipp._tcp", 631);
    let daemon = avahi.avahi("h2", std::slice::from_ref(&theirs))?;
    let watching = [
        Stack::Avahi.browse(context, avahi, "_ipp._tcp")?,
        Stack::Zeroconf.browse(context, zeroconf, "_ipp._tcp")?,
    ];
    let ours = Service {
        host: Some("moving"),
        ..Service::new("Ours", "_ipp._tcp", 632)
    };
    let browsing = Stack::Ours.browse(context, moving, "_ipp._tcp")?;
    let advertising = Stack::Ours.advertise(context, moving, &ours)?;

    // That both peers have the one address of ours, and not the other.
    let known = |what: &str, now: &str, before: &str| {
        until(what, COMES_BACK, || {
            let is_right = |cache: Vec<String>| {
                cache.iter().any(|address| address == now)
                    && cache.iter().all(|address| address != before)
            };
            Ok(is_right(daemon.cached_addresses()?) && is_right(cached_addresses(&watching[1])?))
        })
    };

    moving.plug(0)?;
    for peer in &watching {
        peer.event(
            "our service, on an interface that was added",
            COMES_BACK,
            |event| event.kind == Kind::Resolved && ours.is_whole_in(event, moving),
        )?;
    }
    browsing.count(Kind::Found, 2, COMES_BACK)?;

    moving.link(0, Link::Down)?;
    moving.remove_address("10.99.0.1/24")?;
    moving.add_address("10.99.0.77/24")?;
    sleep(Duration::from_secs(1));
    let new = Service::new("New", "_ipp._tcp", 633);
    Stack::Avahi.advertised(context, avahi, &new)?;
    moving.link(0, Link::Up)?;
    known("the other address", "10.99.0.77", "10.99.0.1")?;
    browsing.event("a service that came meanwhile", COMES_BACK, |event| {
        event.kind == Kind::Resolved && new.is_whole_in(event, avahi)
    })?;

    moving.unplug(0)?;
    browsing.event("that the neighbours are gone", COMES_BACK, |event| {
        event.kind == Kind::Gone && new.is_in(event)
    })?;
    moving.plug(0)?;
    known("the first address again", "10.99.0.1", "10.99.0.77")?;
    ensure!(
        advertising
            .events()
            .iter()
            .all(|event| event.kind != Kind::Renamed),
        "its own records of before renamed mdns"
    );
    Ok(())
}

/// Thirty interfaces, each with a neighbour of its own behind it, who is told the address that it can reach.
pub(super) fn thirty(context: &Context) -> Result<()> {
    const INTERFACES: usize = 30;
    /// Sixty links begin, and each thing that is found is told anew with each.
    const TIME: Duration = Duration::from_secs(30);
    let lab = Lab::new(context, 2, Families::Both)?;
    let (many, other) = (lab.host(1), lab.host(2));
    many.wire(other, 1..INTERFACES)?;
    // A socket of Avahi joins on all of its interfaces; each of ours joins on one.
    other.allow_joins(INTERFACES + 1)?;
    let theirs = Service::new("Theirs", "_ipp._tcp", 631);
    let _daemon = other.avahi("h2", std::slice::from_ref(&theirs))?;
    let watching = Stack::Avahi.browse(context, other, "_ipp._tcp")?;
    let browsing = Stack::Ours.browse(context, many, "_ipp._tcp")?;
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    Stack::Ours.advertised(context, many, &ours)?;
    let address = |index, host| format!("10.{}.0.{host}", 99 + index);
    for index in 0..INTERFACES {
        let reachable = address(index, 1);
        watching.event(&format!("our service at {reachable}"), TIME, |event| {
            ours.is_in(event) && event.addresses().any(|address| address == reachable)
        })?;
    }
    browsing.event("Avahi's service at thirty addresses", TIME, |event| {
        let told: BTreeSet<_> = event.addresses().map(str::to_owned).collect();
        theirs.is_in(event) && (0..INTERFACES).all(|index| told.contains(&address(index, 2)))
    })?;
    Ok(())
}

/// Two interfaces on one wire hear all that the other says. For a minute nothing is renamed, and what is sent stays little.
///
/// covers: 6762-9-l, 6762-14-e, SEC-16
pub(super) fn one_bridge(context: &Context) -> Result<()> {
    /// On each of four links three probes, two announcements and six questions; and half as much again, for a machine so slow
    /// that things are said twice.
    const BOUND: usize = 4 * (3 + 2 + 6) * 3 / 2;
    const TIME: Duration = Duration::from_secs(60);
    let lab = Lab::new(context, 2, Families::Both)?;
    let (double, other) = (lab.host(1), lab.host(2));
    double.plug_into(1, 0)?;
    let _daemon = other.avahi("h2", &[])?;
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    let browsing = Stack::Ours.browse(context, double, "_ipp._tcp")?;
    let (advertising, _) = Stack::Ours.advertised(context, double, &ours)?;
    let watching = Stack::Avahi.browse(context, other, "_ipp._tcp")?;
    watching.event("our service", SOON, |event| {
        event.kind == Kind::Resolved && ours.is_in(event)
    })?;
    sleep(TIME);
    for peer in [&browsing, &advertising, &watching] {
        let changed = peer
            .events()
            .into_iter()
            .find(|event| [Kind::Renamed, Kind::Gone].contains(&event.kind));
        ensure!(changed.is_none(), "{}: {changed:?}", peer.title());
    }
    let others = [other.v4(), other.v6()];
    let packets = lab.packets()?;
    let ours = packets
        .iter()
        .filter(|packet| packet.message().is_some())
        .filter(|packet| !others.contains(&packet.source.to_string()));
    let count = ours.count();
    ensure!(
        (1..=BOUND).contains(&count),
        "{count} packets in {} s, at most {BOUND} were expected",
        TIME.as_secs()
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

/// A host that has a link-local address alone and one that has a routable address alone, each with a route to the other by the
/// same wire: each finds what the other serves, and fetches it.
///
/// covers: BCT-III-2
pub(super) fn link_local(context: &Context) -> Result<()> {
    const LINK_LOCAL: &str = "169.254.7.1";
    let lab = Lab::new(context, 2, Families::V4)?;
    let (device, tester) = (lab.host(1), lab.host(2));
    device.remove_address(&format!("{}/24", device.v4()))?;
    device.add_address(&format!("{LINK_LOCAL}/16"))?;
    device.add_route("10.99.0.0/24")?;
    tester.add_route("169.254.0.0/16")?;
    let (ours, theirs) = (
        Service::new("Ours", "_http._tcp", 8001),
        Service::new("Theirs", "_http._tcp", 8002),
    );
    let _daemon = tester.avahi("h2", std::slice::from_ref(&theirs))?;
    let browsing = [
        (Stack::Ours.browse(context, device, "_http._tcp")?, theirs),
        (
            Stack::Avahi.browse(context, tester, "_http._tcp")?,
            ours.clone(),
        ),
    ];
    Stack::Ours.advertised(context, device, &ours)?;
    let [on_device, on_tester] = browsing.map(|(peer, service)| {
        peer.event(service.name, SOON, |event| {
            event.kind == Kind::Resolved && service.is_in(event)
        })
    });
    for (from, to, found, expected) in [
        (device, tester, on_device?, tester.v4()),
        (tester, device, on_tester?, LINK_LOCAL.to_owned()),
    ] {
        let address = found.addresses().next().unwrap_or_default().to_owned();
        ensure!(address == expected, "{} was told {found:?}", from.name());
        let port = found.port.to_string();
        let server = to.spawn(&["python3", "-u", "-m", "http.server", &port])?;
        server.wait_for("Serving", SOON)?;
        let fetch = format!("import urllib.request as web; web.urlopen('http://{address}:{port}')");
        let fetched = from.run(&["python3", "-c", &fetch])?;
        ensure!(
            fetched.status.success(),
            "{} cannot reach {address}: {}",
            from.name(),
            fetched.stderr
        );
    }
    Ok(())
}

/// `h1` sits on two networks, `h2` on the first, `h3` on the second: each learns the address it can reach (§14), and the service
/// that is for the second alone shows there alone.
pub(super) fn two_links(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let (both, first, second) = (lab.host(1), lab.host(2), lab.host(3));
    both.plug(1)?;
    second.plug(1)?;
    second.link(0, Link::Down)?;
    let _daemons = [first.avahi("h2", &[])?, second.avahi("h3", &[])?];
    let ours = Service::new("Ours", "_ipp._tcp", 632);
    let inner = Service {
        interfaces: &["eth[1-9]"],
        ..Service::new("Inner", "_ipp._tcp", 633)
    };
    let services = [ours.clone(), inner.clone()];
    let advertising = advertise_many(Stack::Ours, context, both, &services)?;
    advertising.count(Kind::Registered, services.len(), SOON)?;
    let registered = advertising.events();
    let registered = registered.iter().find(|event| ours.is_in(event));
    let seen_by = |host: &Host, reachable: &str, hidden: &str| {
        let watching = Stack::Avahi.browse(context, host, "_ipp._tcp")?;
        let seen = watching.event("our service", SOON, |event| {
            event.kind == Kind::Resolved && ours.is_in(event)
        })?;
        ensure!(
            seen.addresses().any(|a| a == reachable) && seen.addresses().all(|a| a != hidden),
            "{} was told {seen:?}",
            host.name()
        );
        ensure!(
            registered.map(Event::host) == Some(seen.host()),
            "another name on another link: {seen:?}"
        );
        Ok(watching)
    };
    let outside = seen_by(first, "10.99.0.1", "10.100.0.1")?;
    let inside = seen_by(second, "10.100.0.1", "10.99.0.1")?;
    inside.event("the inner service", SOON, |event| {
        event.kind == Kind::Resolved && inner.is_in(event)
    })?;
    ensure!(
        outside.events().iter().all(|event| !inner.is_in(event)),
        "the inner service is told outside"
    );
    ensure!(
        advertising
            .events()
            .iter()
            .all(|event| event.kind != Kind::Renamed),
        "its own other link renamed mdns"
    );
    Ok(())
}
