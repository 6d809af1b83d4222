//! `mdns` on a host whose Avahi was there first: neither disturbs the other.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::many::{names, services};
use crate::lab::{
    Context, Kind, Lab,
    net::Families,
    stack::{SOON, Stack, advertise_many, ask_directly},
};

/// How long they live together.
const TIME: Duration = Duration::from_secs(60);

/// Services of each.
const SERVICES: usize = 20;

/// Questions by unicast, a round.
const QUESTIONS: usize = 10;

/// Twenty services of each on one host, seen by both and by a neighbour for a minute. Avahi keeps its unicast, and nobody a
/// name that is not his.
///
/// covers: 6762-15.1-a, 6762-15.1-b
pub(super) fn avahi(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (shared, other) = (lab.host(1), lab.host(2));
    let (theirs, ours) = (names("Theirs", SERVICES), names("Ours", SERVICES));
    let (theirs, ours) = (services(&theirs, 8000), services(&ours, 9000));
    let _daemons = [shared.avahi("h1", &theirs)?, other.avahi("h2", &[])?];
    let ask = || ask_directly(other, &shared.v4(), "h1", QUESTIONS, "");
    let alone = ask()?;
    ensure!(
        alone == QUESTIONS,
        "Avahi, alone, answers {alone} of {QUESTIONS} unicast questions"
    );

    let start = Instant::now();
    let browsing = Stack::Ours.browse(context, shared, "_http._tcp")?;
    let advertising = advertise_many(Stack::Ours, context, shared, &ours)?;
    advertising.count(Kind::Registered, SERVICES, SOON)?;
    let watching = [
        Stack::Avahi.browse(context, shared, "_http._tcp")?,
        Stack::Avahi.browse(context, other, "_http._tcp")?,
        browsing,
    ];
    for peer in &watching {
        for service in theirs.iter().chain(&ours) {
            peer.event(service.name, SOON, |event| {
                event.kind == Kind::Resolved && service.is_in(event) && event.port == service.port
            })?;
        }
    }

    while start.elapsed() < TIME {
        let answered = ask()?;
        ensure!(
            answered == QUESTIONS,
            "Avahi, beside mdns, answers {answered} of {QUESTIONS} unicast questions"
        );
        sleep(Duration::from_secs(1));
    }
    ensure!(
        shared.avahi_name()? == "h1",
        "Avahi calls itself {}",
        shared.avahi_name()?
    );
    let told = advertising.events();
    let renamed = told.iter().find(|event| event.kind == Kind::Renamed);
    ensure!(renamed.is_none(), "mdns renamed itself: {renamed:?}");
    let mut hosts: Vec<_> = told
        .iter()
        .filter(|event| event.kind == Kind::Registered)
        .map(|event| event.host())
        .collect();
    hosts.dedup();
    ensure!(hosts.len() == 1, "more than one host name: {hosts:?}");
    for peer in &watching {
        let events = peer.events();
        let gone = events.iter().find(|event| event.kind == Kind::Gone);
        ensure!(
            gone.is_none(),
            "{}: a service went that nobody withdrew: {gone:?}",
            peer.title()
        );
    }
    Ok(())
}
