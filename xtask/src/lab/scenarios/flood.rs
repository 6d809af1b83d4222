//! A hostile host floods the link: `mdns` goes on, in the memory it had.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::{
    lab::{
        Context, Kind, Lab,
        net::Families,
        stack::{SOON, Service, Stack, mdns},
    },
    shell::root,
    soak::{Sample, tick},
};

/// How long it is flooded, and with how many datagrams a second.
const SECONDS: u32 = 10;
const RATE: u32 = 1000;

/// How much memory may grow by: what `Config` lets the caches of a link hold, and what the allocator takes for it.
const GROWTH_MAX: u64 = 64 << 10;

/// Malformed packets, questions, forged goodbyes, records without end: meanwhile `mdns` is found, finds what another host begins
/// to advertise, and takes no more than its bounds. The honest host is `mdns` too: in such a flood Avahi does not even probe.
///
/// covers: SEC-11, SEC-16, SEC-25
pub(super) fn flood(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let (ours, other, hostile) = (lab.host(1), lab.host(2), lab.host(3));
    let service = Service {
        host: Some("honest"),
        ..Service::new("honest", "_http._tcp", 8001)
    };
    let browsing = mdns(context, ours, &["browse", "_http._tcp", "--resolve"])?;
    let (advertising, _) = Stack::Ours.advertised(context, ours, &service)?;
    let tick = tick()?;
    let watched = [("advertise", &advertising), ("browse", &browsing)];
    let sample = || {
        let samples = watched.map(|(_, peer)| Sample::of(peer, Duration::ZERO, tick));
        samples.into_iter().collect::<Result<Vec<_>>>()
    };
    let before = sample()?;

    let script = root().join("xtask/lab/flood.py");
    let script = script
        .to_str()
        .context("the path of flood.py is not UTF-8")?;
    let python = context.tools.python.to_str().context("Python")?;
    let (seconds, rate) = (SECONDS.to_string(), RATE.to_string());
    let flood = hostile.spawn(&[python, script, &hostile.v4(), "honest", &seconds, &rate])?;

    // In the thick of it.
    let late = Service::new("Late", "_http._tcp", 8002);
    let (_late, _) = Stack::Ours.advertised(context, other, &late)?;
    browsing.event("the other service", SOON, |event| {
        event.kind == Kind::Resolved && late.is_in(event)
    })?;
    let finding = Stack::Ours.browse(context, other, "_http._tcp")?;
    finding.event("ours", SOON, |event| {
        event.kind == Kind::Resolved && service.is_in(event)
    })?;
    flood.wait(Duration::from_secs(u64::from(SECONDS)) + SOON)?;

    for (((what, peer), before), after) in watched.iter().zip(before).zip(sample()?) {
        ensure!(peer.is_running()?, "mdns {what} has ended");
        let grown = after.resident.saturating_sub(before.resident);
        println!(
            "flood: mdns {what}: {} datagrams, {grown} KiB more, {:.2} s of a processor, {} descriptors",
            SECONDS * RATE,
            (after.cpu - before.cpu).as_secs_f64(),
            after.descriptors
        );
        ensure!(grown <= GROWTH_MAX, "mdns {what} has grown by {grown} KiB");
        ensure!(
            after.descriptors == before.descriptors,
            "mdns {what} has {} descriptors, and had {}",
            after.descriptors,
            before.descriptors
        );
    }
    let renamed = advertising.events();
    let renamed = renamed.iter().find(|event| event.kind == Kind::Renamed);
    ensure!(renamed.is_none(), "mdns gave up its name: {renamed:?}");
    Ok(())
}
