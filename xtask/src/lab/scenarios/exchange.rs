//! One side advertises, the other finds it whole, looks its host up, and sees it go.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use super::until;
use crate::lab::{
    Content, Context, Kind, Lab,
    net::{Families, Host},
    stack::{SOON, Service, Stack, change_txt},
};

/// A goodbye takes effect after one second (RFC 6762 §10.1); the rest is a slow machine's.
const GOODBYE: Duration = Duration::from_secs(4);

/// A name that has to be escaped in every way: spaces, dots, letters beyond ASCII.
const AWKWARD: &str = "Büro im 2. Stock, v1.0";

/// python-zeroconf takes a dot for the end of a label: it cannot advertise the above.
const WITHOUT_DOTS: &str = "Büro im Erdgeschoß";

pub(super) fn peers_v4(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V4,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn peers_v6(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V6,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn peers_both(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::Both,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn published_v4(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V4,
        &[Stack::Ours],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn published_v6(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V6,
        &[Stack::Ours],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn published_both(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::Both,
        &[Stack::Ours],
        &[Stack::Avahi, Stack::Zeroconf],
    )
}

pub(super) fn found_v4(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V4,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Ours],
    )
}

pub(super) fn found_v6(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::V6,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Ours],
    )
}

pub(super) fn found_both(context: &Context) -> Result<()> {
    exchange(
        context,
        Families::Both,
        &[Stack::Avahi, Stack::Zeroconf],
        &[Stack::Ours],
    )
}

/// Each publisher and each browser on a host of its own; every browser sees every publisher.
fn exchange(
    context: &Context,
    families: Families,
    publishers: &[Stack],
    browsers: &[Stack],
) -> Result<()> {
    let lab = Lab::new(context, publishers.len() + browsers.len(), families)?;
    let mut daemons = Vec::new();
    for (n, stack) in publishers.iter().chain(browsers).enumerate() {
        if *stack == Stack::Avahi {
            let host = lab.host(n + 1);
            daemons.push((n, host.avahi(host.name(), &[])?));
        }
    }
    let service_type = "_ipp._tcp";
    let browsing = browsers.iter().enumerate().map(|(n, stack)| {
        let host = lab.host(publishers.len() + n + 1);
        Ok((*stack, host, stack.browse(context, host, service_type)?))
    });
    let browsing: Vec<_> = browsing.collect::<Result<_>>()?;

    for (n, publisher) in publishers.iter().enumerate() {
        let host = lab.host(n + 1);
        let (place, subtypes): (_, &[&str]) = match publisher {
            Stack::Zeroconf => (WITHOUT_DOTS, &[]),
            Stack::Avahi | Stack::Ours => (AWKWARD, &["_printer"]),
        };
        let name = format!("{publisher:?}: {place}");
        let service = Service {
            txt: &["path=/x y", "empty=", "flag"],
            subtypes,
            ..Service::new(&name, service_type, 631)
        };
        let (peer, _) = publisher.advertised(context, host, &service)?;
        let mut host_name = String::new();
        for (browser, at, browsing) in &browsing {
            let what = format!("{publisher:?}'s service, whole");
            let seen = browsing.event(&what, SOON, |event| {
                event.kind == Kind::Resolved && service.is_whole_in(event, host)
            })?;
            host_name = seen.host().to_owned();
            looked_up(context, *browser, at, &host_name, host)?;
            // python-zeroconf answers no reverse questions.
            if *browser == Stack::Avahi && *publisher != Stack::Zeroconf {
                looked_up_backwards(at, &host_name, host)?;
            }
            if !subtypes.is_empty() && *browser != Stack::Zeroconf {
                let narrow = browser.browse(context, at, "_printer._sub._ipp._tcp")?;
                narrow.event("the service by its subtype", SOON, |event| {
                    service.is_in(event)
                })?;
                narrow.kill();
            }
        }
        // One way on one family, the other on the other: both have to say goodbye.
        peer.signal(if families.has_v4() {
            Signal::SIGINT
        } else {
            Signal::SIGTERM
        })?;
        for (_, _, browsing) in &browsing {
            browsing.event(&format!("{publisher:?}'s goodbye"), GOODBYE, |event| {
                event.kind == Kind::Gone && service.is_in(event)
            })?;
        }
        peer.wait(GOODBYE)?;
        if *publisher == Stack::Ours {
            for (_, daemon) in daemons.iter().filter(|(n, _)| *n >= publishers.len()) {
                // What was taken back lives for another second (RFC 6762 §10.1).
                for text in [&name, &host_name] {
                    until(&format!("Avahi forgets {text}"), GOODBYE, || {
                        Ok(!daemon.cache()?.iter().any(|line| line.contains(text)))
                    })?;
                }
            }
        }
    }

    let packets = lab.packets()?;
    ensure!(
        packets
            .iter()
            .any(|p| matches!(p.content, Content::Membership)),
        "no membership report was captured"
    );
    let messages = packets
        .iter()
        .filter(|p| matches!(p.content, Content::Message(_)));
    for packet in messages {
        let message = packet
            .message()
            .with_context(|| format!("a message of {} does not parse", packet.source))?;
        ensure!(
            message.is_sound(),
            "a message of {} is not sound",
            packet.source
        );
    }
    Ok(())
}

/// Name to address.
fn looked_up(context: &Context, stack: Stack, at: &Host, name: &str, host: &Host) -> Result<()> {
    let addresses = host.addresses();
    let output = stack.lookup(context, at, name)?;
    ensure!(
        addresses
            .iter()
            .any(|address| output.stdout.contains(address.as_str())),
        "{stack:?} looked {name} up and got {:?} {:?}",
        output.stdout.trim(),
        output.stderr.trim()
    );
    Ok(())
}

/// Each address to the name, by Avahi.
fn looked_up_backwards(at: &Host, name: &str, host: &Host) -> Result<()> {
    for address in host.addresses() {
        let output = at.run(&["avahi-resolve", "-a", &address])?;
        ensure!(
            output.stdout.contains(&format!("{name}.local")),
            "Avahi looked {address} up and got {:?} {:?}",
            output.stdout.trim(),
            output.stderr.trim()
        );
    }
    Ok(())
}

/// Avahi withdraws and registers anew when its file changes; python-zeroconf announces the new record alone (§8.4).
pub(super) fn txt_changes(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let (h1, h2, h3) = (lab.host(1), lab.host(2), lab.host(3));
    let theirs = Service {
        txt: &["state=idle"],
        ..Service::new("Static", "_ipp._tcp", 631)
    };
    let daemon = h1.avahi("h1", std::slice::from_ref(&theirs))?;
    let zc = Service {
        txt: &["state=idle"],
        ..Service::new("Live", "_ipp._tcp", 632)
    };
    let (zc_peer, _) = Stack::Zeroconf.advertised(context, h2, &zc)?;
    let browsing = Stack::Ours.browse(context, h3, "_ipp._tcp")?;
    for (service, host) in [(&theirs, h1), (&zc, h2)] {
        browsing.event(service.name, SOON, |event| service.is_whole_in(event, host))?;
    }

    let printing = &["state=printing", "job=7"];
    let (theirs, zc) = (
        Service {
            txt: printing,
            ..theirs
        },
        Service {
            txt: printing,
            ..zc
        },
    );
    h1.avahi_services(std::slice::from_ref(&theirs))?;
    daemon.reload()?;
    change_txt(&zc_peer, printing)?;
    for (service, host) in [(&theirs, h1), (&zc, h2)] {
        browsing.event("the changed TXT record", SOON, |event| {
            service.is_whole_in(event, host)
        })?;
    }
    Ok(())
}
