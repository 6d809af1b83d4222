//! `mdns advertise`: services of ours, until ctrl-C.

use std::collections::BTreeMap;

use futures_util::{
    StreamExt as _,
    stream::{self, SelectAll},
};
use mdns_proto::name::NameBuf;
use mdns_socket::Selection;
use mdns_tokio::{AdvertisementEvent, Announcement};

use super::Results;
use crate::{
    args::{Advertise, Limits},
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
};

/// The names that are ours, by the places of their services.
type Registered = BTreeMap<usize, NameBuf>;

pub(super) async fn run(args: Advertise, output: Output) -> Result<Found, Failure> {
    let (limits, mut options) = (args.limits, args.network.options(Selection::usual())?);
    let services = args.services().map_err(Failure::Usage)?;
    options.host_name = main_host(&services).cloned();
    let mut session = Session::open(options, limits.timeout, output).await?;
    let mut registered = Registered::new();
    let outcome = advertise(&services, &limits, &mut session, &mut registered).await;
    session.close().await;
    let found = outcome?;
    for (place, name) in &registered {
        output.line(&line(Kind::Withdrawn, name, &services[*place], None))?;
    }
    Ok(found)
}

/// Advertises all of them, until it is to end.
async fn advertise(
    services: &[Announcement],
    limits: &Limits,
    session: &mut Session,
    registered: &mut Registered,
) -> Result<Found, Failure> {
    let mut changes = SelectAll::new();
    for (place, service) in services.iter().enumerate() {
        let advertisement = session.mdns.advertise(service);
        let advertisement = advertisement
            .map_err(|error| Failure::Usage(format!("service {:?}: {error}", service.instance)))?;
        let of_one = stream::unfold(advertisement, async |mut advertisement| {
            let event = advertisement.next_change().await?;
            Some((event, advertisement))
        });
        changes.push(of_one.map(move |event| (place, event)).boxed_local());
    }
    let mut results = Results::of(limits);
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some((place, event)) = changes.next() => {
                let (kind, name) = match event {
                    AdvertisementEvent::Registered(name) => (Kind::Registered, name),
                    AdvertisementEvent::Renamed(name) => (Kind::Renamed, name),
                    _ => continue,
                };
                let service = &services[place];
                // What other hosts are called by now is not known here.
                let is_main = service.host.is_none() || service.host.as_ref() == main_host(services);
                let host = is_main.then(|| session.mdns.host_name().to_string());
                session.output.line(&line(kind, &name, service, host))?;
                if kind == Kind::Registered && registered.insert(place, name).is_none() {
                    results.add();
                }
            }
        }
    }
    Ok(results.outcome())
}

/// The name of this host as it was asked for. If every service names a host, the system's name need not be claimed.
fn main_host(services: &[Announcement]) -> Option<&String> {
    let all: Option<Vec<&String>> = services
        .iter()
        .map(|service| service.host.as_ref())
        .collect();
    all?.first().copied()
}

fn line(event: Kind, name: &NameBuf, service: &Announcement, host: Option<String>) -> Line {
    Line::of_own(
        event,
        name.as_name(),
        host,
        service.port,
        service.txt.clone(),
    )
}
