//! `mdns resolve`: the details of one instance.

use mdns_proto::name::NameBuf;
use mdns_socket::Selection;
use mdns_tokio::ResolveEvent;

use super::{PATIENCE, Results, settled};
use crate::{
    args::{Limits, Resolve},
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
};

pub(super) async fn run(args: Resolve, output: Output) -> Result<Found, Failure> {
    let name = args.name().map_err(Failure::Usage)?;
    let timeout = args.limits.timeout.unwrap_or(PATIENCE);
    let options = args.network.options(Selection::usual())?;
    let mut session = Session::open(options, Some(timeout), output).await?;
    let outcome = resolve(&name, &args.limits, &mut session).await;
    session.end(outcome).await
}

async fn resolve(name: &NameBuf, limits: &Limits, session: &mut Session) -> Result<Found, Failure> {
    let mut resolve = session
        .mdns
        .resolve(name)
        .map_err(|error| Failure::Usage(format!("instance {name}: {error}")))?;
    let mut results = Results::one(limits);
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some(event) = resolve.next() => {
                let incomplete = ResolveEvent::Incomplete;
                let (event, is_incomplete) = settled(event, incomplete, &mut resolve, |event| match event {
                    ResolveEvent::Resolved(instance) => instance.addresses.len(),
                    _ => 0,
                }).await;
                match &event {
                    Some(ResolveEvent::Resolved(instance)) => {
                        results.add();
                        session.output.line(&Line::with_details(Kind::Resolved, instance))?;
                    }
                    Some(_) => session.output.line(&Line::about(Kind::Lost, name.as_name()))?,
                    None => {}
                }
                if is_incomplete {
                    session.output.incomplete()?;
                }
            }
        }
    }
    Ok(results.outcome())
}
