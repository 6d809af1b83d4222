//! `mdns query`: the records of a name.

use std::{collections::BTreeMap, time::Duration};

use mdns_proto::discovery::Span;
use mdns_socket::Selection;
use mdns_tokio::{Answer, QueryEvent};

use super::{Results, settled};
use crate::{
    args::{Limits, Query},
    output::{Kind, Line, Output},
    session::{Failure, Found, Session},
};

/// How long it takes, unless told otherwise: as long as a one-shot query waits (RFC 6762 §5.1).
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(args: Query, output: Output) -> Result<Found, Failure> {
    let timeout = args.limits.timeout.unwrap_or(PATIENCE);
    let options = args.network.options(Selection::usual())?;
    let mut session = Session::open(options, Some(timeout), output).await?;
    let outcome = query(&args, &mut session).await;
    session.end(outcome).await
}

/// Records by interface, type and data.
type Records = BTreeMap<(u32, u16, Vec<u8>), Answer>;

async fn query(args: &Query, session: &mut Session) -> Result<Found, Failure> {
    // What is asked until it is stopped hears others than the quickest, too.
    let mut query = session
        .mdns
        .query(&args.name, args.record_type, Span::Continuous)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.name)))?;
    let mut results = Results::of(&Limits {
        count: args.limits.count.or((!args.all).then_some(1)),
        ..args.limits
    });
    let mut known = Records::new();
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut session.stop => break,
            Some(event) = query.next() => {
                let (event, is_incomplete) = settled(event, QueryEvent::Incomplete, &mut query, |event| match event {
                    QueryEvent::Answers(answers) => answers.len(),
                    _ => 0,
                }).await;
                if is_incomplete {
                    session.output.incomplete()?;
                }
                let Some(QueryEvent::Answers(answers)) = event else {
                    continue;
                };
                if answers.is_empty() && known.is_empty() {
                    let nothing = format!("{} has no such record", args.name);
                    session.deny(&nothing);
                    if !args.all {
                        break;
                    }
                }
                let now: Records = answers.into_iter().map(|answer| (key(&answer), answer)).collect();
                for (_, gone) in known.iter().filter(|(key, _)| !now.contains_key(*key)) {
                    session.output.line(&Line::of_record(Kind::Gone, gone))?;
                }
                for (_, new) in now.iter().filter(|(key, _)| !known.contains_key(*key)) {
                    session.output.line(&Line::of_record(Kind::Record, new))?;
                    results.add();
                }
                known = now;
            }
        }
    }
    Ok(results.outcome())
}

fn key(answer: &Answer) -> (u32, u16, Vec<u8>) {
    (
        answer.interface,
        answer.rtype.0,
        answer.rdata_bytes().to_vec(),
    )
}
