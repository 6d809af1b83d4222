//! `mdns` on a host whose Avahi was there first: neither disturbs the other.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::lab::{
    Context, Kind, Lab,
    net::Families,
    stack::{SOON, Service, Stack, ask_directly},
};

/// Questions by unicast, a round.
const QUESTIONS: usize = 10;

pub(super) fn avahi(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (shared, other) = (lab.host(1), lab.host(2));
    let theirs = Service::new("Theirs", "_ipp._tcp", 631);
    let _daemons = [
        shared.avahi("h1", std::slice::from_ref(&theirs))?,
        other.avahi("h2", &[])?,
    ];
    let alone = ask_directly(other, &shared.v4(), "h1", QUESTIONS)?;
    ensure!(
        alone == QUESTIONS,
        "Avahi, alone, answers {alone} of {QUESTIONS} unicast questions"
    );

    let start = Instant::now();
    let browsing = Stack::Ours.browse(context, shared, "_ipp._tcp")?;
    let mine = Service::new("Ours", "_ipp._tcp", 632);
    let (ours, registered) = Stack::Ours.advertised(context, shared, &mine)?;
    browsing.event("Avahi's service, by mdns", SOON, |event| {
        theirs.is_whole_in(event, shared)
    })?;
    for host in [shared, other] {
        let watching = Stack::Avahi.browse(context, host, "_ipp._tcp")?;
        for service in [&theirs, &mine] {
            watching.event(service.name, SOON, |event| {
                event.kind == Kind::Resolved && service.is_in(event) && event.port == service.port
            })?;
        }
        watching.kill();
    }

    let time = Duration::from_secs(if context.long { 60 } else { 15 });
    while start.elapsed() < time {
        let answered = ask_directly(other, &shared.v4(), "h1", QUESTIONS)?;
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
    for event in ours.events() {
        ensure!(
            event.kind != Kind::Renamed,
            "mdns renamed itself: {event:?}"
        );
        ensure!(
            event.kind != Kind::Registered || event.host() == registered.host(),
            "another host name: {event:?}"
        );
    }
    let gone = browsing
        .events()
        .into_iter()
        .find(|event| event.kind == Kind::Gone);
    ensure!(
        gone.is_none(),
        "a service went that nobody withdrew: {gone:?}"
    );
    Ok(())
}
