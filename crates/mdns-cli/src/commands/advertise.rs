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
    let (limits, options) = (args.limits, args.network.options(Selection::usual())?);
    let services = args.services().map_err(Failure::Usage)?;
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
            let host = advertisement.host_name();
            Some(((event, host), advertisement))
        });
        let of_place = of_one.map(move |(event, host)| (place, event, host));
        changes.push(of_place.boxed_local());
    }
    let mut results = Results::of(limits);
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some((place, event, host)) = changes.next() => {
                let (kind, name) = match event {
                    AdvertisementEvent::Registered(name) => (Kind::Registered, name),
                    AdvertisementEvent::Renamed(name) => (Kind::Renamed, name),
                    _ => continue,
                };
                let service = &services[place];
                let host = host.map(|host| host.to_string());
                session.output.line(&line(kind, &name, service, host))?;
                if kind == Kind::Registered && registered.insert(place, name).is_none() {
                    results.add();
                }
            }
        }
    }
    Ok(results.outcome())
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
