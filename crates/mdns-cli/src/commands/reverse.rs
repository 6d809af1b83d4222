//! `mdns reverse`: the names of the host that has an address.

use std::{collections::BTreeMap, net::IpAddr};

use mdns_proto::{discovery::Span, name::NameBuf, wire::Rdata};
use mdns_socket::Selection;
use mdns_tokio::{Address, Answer, QueryEvent};

use super::{PATIENCE, Results, key, settled};
use crate::{
    args::{Limits, Reverse},
    output::{Line, Output},
    session::{Failure, Found, Session},
};

pub(super) async fn run(args: Reverse, output: Output) -> Result<Found, Failure> {
    let timeout = args.limits.timeout.unwrap_or(PATIENCE);
    let options = args.network().options(Selection::usual())?;
    let mut session = Session::open(options, Some(timeout), output).await?;
    let outcome = reverse(args.ip(), &args.limits, &mut session).await;
    session.end(outcome).await
}

async fn reverse(ip: IpAddr, limits: &Limits, session: &mut Session) -> Result<Found, Failure> {
    let mut reverse = session
        .mdns
        .reverse(ip, Span::Continuous)
        .map_err(|error| Failure::Usage(format!("address {ip}: {error}")))?;
    let mut results = Results::one(limits);
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some(event) = reverse.next() => {
                let (event, is_incomplete) = settled(event, QueryEvent::Incomplete, &mut reverse, |_| 0).await;
                if is_incomplete {
                    session.output.incomplete()?;
                }
                let Some(QueryEvent::Answers(answers)) = event else {
                    continue;
                };
                let hosts = hosts(ip, &answers);
                if hosts.is_empty() {
                    session.deny(&format!("{ip} has no name"));
                    continue;
                }
                for (host, addresses) in hosts.into_values() {
                    let line = Line::of_host(&host, &host, addresses).valued(&host);
                    session.output.line(&line)?;
                }
                results.add();
            }
        }
    }
    Ok(results.outcome())
}

/// The hosts that have an address, and where, by their names.
fn hosts(ip: IpAddr, answers: &[Answer]) -> BTreeMap<String, (NameBuf, Vec<Address>)> {
    let mut hosts = BTreeMap::new();
    for answer in answers {
        let Rdata::Ptr(host) = answer.rdata() else {
            continue;
        };
        let host = NameBuf::from(host);
        let (_, addresses) = hosts
            .entry(key(&host))
            .or_insert_with(|| (host, Vec::new()));
        addresses.push(Address {
            ip,
            interface: answer.interface,
            interface_name: answer.interface_name.clone(),
        });
    }
    hosts
}
