//! `mdns lookup`: the addresses of a host.

use mdns_proto::discovery::AddressKind;
use mdns_socket::{Family, Selection};
use mdns_tokio::LookupEvent;

use super::{PATIENCE, Results, settled};
use crate::{
    args::{Limits, Lookup},
    output::{Line, Output},
    session::{Failure, Found, Session},
};

pub(super) async fn run(args: Lookup, output: Output) -> Result<Found, Failure> {
    let timeout = args.limits.timeout.unwrap_or(PATIENCE);
    let options = args.network.options(Selection::usual())?;
    let mut session = Session::open(options, Some(timeout), output).await?;
    let outcome = look_up(&args, &mut session).await;
    session.end(outcome).await
}

async fn look_up(args: &Lookup, session: &mut Session) -> Result<Found, Failure> {
    let kind = match args.network.family() {
        Some(Family::V4) => AddressKind::V4,
        Some(Family::V6) => AddressKind::V6,
        None => AddressKind::Both,
    };
    let mut lookup = session
        .mdns
        .lookup_host(&args.host, kind)
        .map_err(|error| Failure::Usage(format!("host {}: {error}", args.host)))?;
    let mut results = Results::of(&Limits {
        count: args.limits.count.or(Some(1)),
        ..args.limits
    });
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some(event) = lookup.next() => {
                let incomplete = LookupEvent::Incomplete;
                let (event, is_incomplete) = settled(event, incomplete, &mut lookup, |event| match event {
                    LookupEvent::Addresses(found) => found.len(),
                    _ => 0,
                }).await;
                if let Some(LookupEvent::Addresses(found)) = event {
                        let canonical = &found.canonical_name;
                        if !canonical.as_name().is_link_local() {
                            session.deny(&format!(
                                "{} is an alias for {canonical}, which is not asked for by multicast: it is not under .local",
                                args.host
                            ));
                        } else if found.is_empty() {
                            session.deny(&format!("{canonical} has no such address"));
                        } else {
                            let line = Line::of_host(&args.host, canonical, found.to_vec());
                            session.output.line(&line)?;
                            results.add();
                        }
                }
                if is_incomplete {
                    session.output.incomplete()?;
                }
            }
        }
    }
    Ok(results.outcome())
}
