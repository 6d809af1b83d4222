//! What the command can do, one file each.

pub(crate) mod address;
mod advertise;
mod browse;
mod decode;
mod demo;
mod doctor;
mod lookup;
mod manual;
mod monitor;
pub(crate) mod publish;
mod query;
mod resolve;
pub(crate) mod resolver;
mod reverse;
pub(crate) mod unicast;

use std::time::Duration;

use mdns_proto::name::NameBuf;
use mdns_tokio::Subscription;

use crate::{
    args::{Command, Limits},
    output::Output,
    session::{Failure, Found},
};

/// How long `resolve`, `lookup` and `reverse` wait for an answer, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a result that misses something waits for what the other family's link has to add: as long as two links' first questions
/// can be apart (RFC 6762 §5.2).
const TOGETHER: Duration = Duration::from_millis(100);

/// The same after the last state of a result that misses nothing: what another link has to add was asked for at the same time.
const COMPLETE: Duration = Duration::from_millis(3);

/// Addresses that one packet holds for certain: of a host that has as many, more may come in the next packet. It follows within a
/// second (RFC 6762 §10.2); ours are some 30 ms apart.
const ADDRESSES_OF_A_PACKET: usize = 16;

/// The last of the states that follow closely on each other, and whether it was said among them that results are missing, which
/// is `incomplete` and no state. `addresses` counts the addresses in a state.
async fn settled<N: Subscription>(
    first: N::Event,
    incomplete: N::Event,
    results: &mut mdns_tokio::Results<N>,
    addresses: impl Fn(&N::Event) -> usize,
) -> (Option<N::Event>, bool)
where
    N::Event: PartialEq,
{
    let start = tokio::time::Instant::now();
    let (mut last, mut is_incomplete) = (None, false);
    let mut event = Some(first);
    while let Some(state) = event {
        if state == incomplete {
            is_incomplete = true;
        } else {
            last = Some(state);
        }
        let now = tokio::time::Instant::now();
        let fills_packet = |state| addresses(state) >= ADDRESSES_OF_A_PACKET;
        let end = match results.is_complete() {
            _ if last.as_ref().is_some_and(fills_packet) => now + TOGETHER,
            true => (start + TOGETHER).min(now + COMPLETE),
            false => start + TOGETHER,
        };
        let later = tokio::time::timeout_at(end, results.next()).await;
        event = later.ok().flatten();
    }
    (last, is_incomplete)
}

/// Does what was asked for.
pub(crate) async fn run(command: Command, output: Output) -> Result<Found, Failure> {
    match command {
        Command::Browse(args) => match args.dns.domain.clone() {
            Some(domain) => unicast::browse(args, domain, output).await,
            None => browse::run(args, output).await,
        },
        Command::Resolve(args) => match args.unicast_name().map_err(Failure::Usage)? {
            Some(name) => unicast::resolve(args, name, output).await,
            None => resolve::run(args, output).await,
        },
        Command::Lookup(args) if !args.host.as_name().is_link_local() => {
            unicast::look_up(args, output).await
        }
        Command::Lookup(args) => lookup::run(args, output).await,
        Command::Domains(args) => unicast::domains(args, output).await,
        Command::Publish(args) => publish::run(*args, output).await,
        Command::Reverse(args) => reverse::run(args, output).await,
        Command::Query(args) => query::run(args, output).await,
        Command::Advertise(args) => advertise::run(args, output).await,
        Command::Demo(args) => demo::run(args, output).await,
        Command::Monitor(args) => monitor::run(args, output).await,
        Command::Address(args) => address::run(args, output).await,
        Command::Resolver(args) => resolver::run(*args, output).await,
        only_prints => print(only_prints, output),
    }
}

/// The same for what [only prints](Command::only_prints), and needs nothing to run on.
pub(crate) fn print(command: Command, output: Output) -> Result<Found, Failure> {
    match command {
        Command::Doctor(args) => doctor::run(&args, output),
        Command::Decode(args) => decode::run(&args, output),
        Command::Completions(args) => manual::completions(&args, output),
        Command::Man(args) => manual::page(&args, output),
        _ => Err(Failure::Network("this command needs a network".to_owned())),
    }
}

/// Results counted towards `--count`.
#[derive(Debug, Default)]
struct Results {
    found: u64,
    /// As many as are wanted, if there is a number.
    wanted: Option<u64>,
}

impl Results {
    fn of(limits: &Limits) -> Self {
        Results {
            found: 0,
            wanted: limits.count,
        }
    }

    /// The same, where one result is enough unless more are asked for.
    fn one(limits: &Limits) -> Self {
        Results {
            found: 0,
            wanted: limits.count.or(Some(1)),
        }
    }

    fn add(&mut self) {
        self.found += 1;
    }

    fn are_enough(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.found >= wanted)
    }

    fn outcome(&self) -> Found {
        Found(self.found > 0)
    }
}

/// What equal names have in common: the case of ASCII letters means nothing (RFC 6762 §16).
fn key(name: &NameBuf) -> String {
    name.to_string().to_ascii_lowercase()
}
