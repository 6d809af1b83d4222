//! What every command has: a place on the network, and an end.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    time::{Duration, Instant},
};

use mdns_socket::PatternError;
use mdns_tokio::{Backend, Mdns, Options, UnusableLink};
use tokio::{signal, time::MissedTickBehavior};

use crate::output::{Interface, OUTPUT, Output, backend_text};

/// How often to look whether a link has become unusable; they are tried again as often.
pub(crate) const LOOK: Duration = Duration::from_secs(5);

/// What is said where there is no network yet.
pub(crate) const NO_INTERFACE: &str = "no network interface can be used now; waiting for one";

/// Whether a command found what it was to find, or advertised what it was to advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found(pub(crate) bool);

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// The network cannot be used, and waiting would not help.
    Network(String),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<PatternError> for Failure {
    fn from(error: PatternError) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

/// Ready when a command is to end: by ctrl-C, SIGTERM, SIGQUIT or SIGHUP, because its time is up, or because nobody reads what it prints.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()>>>;

/// A place on the network.
pub(crate) struct Session {
    pub(crate) mdns: Mdns,
    pub(crate) output: Output,
    pub(crate) stop: Stop,
    /// An answer said that there is nothing, or there was something that is no result, such as a type without instances; that was told.
    pub(crate) is_answered: bool,
}

impl Session {
    /// Opens what there is to open. If that is nothing yet, says so and goes on: networks come and go.
    pub(crate) async fn open(
        options: Options,
        timeout: Option<Duration>,
        output: Output,
    ) -> Result<Self, Failure> {
        Session::open_until(stop(timeout)?, options, output).await
    }

    /// The same for a command that reads a file again at SIGHUP, and so does not end then.
    pub(crate) async fn open_rereading(
        options: Options,
        timeout: Option<Duration>,
        output: Output,
    ) -> Result<Self, Failure> {
        Session::open_until(stop_but_not_at_hangup(timeout)?, options, output).await
    }

    /// `stop` is made before the sockets: a signal that comes while they are opened counts.
    async fn open_until(stop: Stop, options: Options, output: Output) -> Result<Self, Failure> {
        let backend = options.backend;
        let mdns = open(options)?;
        let told = join(&mdns, backend, &output).await?;
        let stop = watching(stop, mdns.clone(), told, output);
        Ok(Session {
            mdns,
            output,
            stop,
            is_answered: false,
        })
    }

    /// Says that there is nothing, because somebody answered so.
    pub(crate) fn deny(&mut self, text: &str) {
        self.is_answered = true;
        self.output.remark(text);
    }

    /// Closes all after a search, and says where nothing was found.
    pub(crate) async fn end(self, outcome: Result<Found, Failure>) -> Result<Found, Failure> {
        if matches!(outcome, Ok(Found(false))) && !self.is_answered && !OUTPUT.is_closed() {
            let links = self.mdns.links().into_iter();
            let used = links.map(|link| (link.interface_name.to_string(), link.family.to_string()));
            self.output.remark(&nothing_found(used));
        }
        self.close().await;
        outcome
    }

    /// Says what goodbyes are to be said, and closes all.
    pub(crate) async fn close(self) {
        self.mdns.shutdown().await;
    }
}

/// What to say where nothing was found on these interfaces and families.
pub(crate) fn nothing_found(used: impl Iterator<Item = (String, String)>) -> String {
    let mut families = BTreeMap::<String, Vec<String>>::new();
    for (interface, family) in used {
        families.entry(interface).or_default().push(family);
    }
    let place = |(interface, families): (&String, &Vec<String>)| {
        format!("{interface} ({})", families.join(", "))
    };
    let places: Vec<String> = families.iter().map(place).collect();
    match places.is_empty() {
        true => {
            "nothing found: no network interface can be used; `mdns doctor` says why".to_owned()
        }
        false => format!(
            "nothing found on {}; `mdns doctor` says what may be wrong",
            places.join(", ")
        ),
    }
}

pub(crate) fn open(options: Options) -> Result<Mdns, Failure> {
    Mdns::with(options).map_err(|error| Failure::Network(error.to_string()))
}

/// Waits until there are sockets where there can be, and tells where that is. Returns the links that should be used, and cannot be.
///
/// # Errors
///
/// None of them can be, or the output cannot be written.
pub(crate) async fn join(
    mdns: &Mdns,
    wanted: Backend,
    output: &Output,
) -> Result<Vec<UnusableLink>, Failure> {
    let joined = mdns.ready().await;
    // The event loop takes the sockets, or does not, in the first turn of their task.
    tokio::task::yield_now().await;
    let unusable = mdns.unusable_links();
    let used = mdns.links().into_iter().map(|link| Interface {
        interface: link.interface_name,
        family: link.family.to_string(),
    });
    let used: Vec<Interface> = used.collect();
    if let (Some(first), true) = (unusable.first(), used.is_empty()) {
        return Err(Failure::Network(first.reason.clone()));
    }
    tell_unusable(unusable.iter(), output)?;
    let backend = mdns.backend();
    if wanted == Backend::Own && backend.backend != wanted {
        output.remark(&backend_text(&backend));
    }
    match used.is_empty() {
        true => output.remark(NO_INTERFACE),
        false => output.joined(joined, used, Some(&backend))?,
    }
    Ok(unusable)
}

fn tell_unusable<'a>(
    links: impl Iterator<Item = &'a UnusableLink>,
    output: &Output,
) -> io::Result<()> {
    for link in links {
        output.unusable(&link.into())?;
    }
    Ok(())
}

/// The same end; until then it reports which links have become unusable, beside those `known` to be, and which can be used again.
fn watching(mut stop: Stop, mdns: Mdns, mut known: Vec<UnusableLink>, output: Output) -> Stop {
    Box::pin(async move {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = look.tick() => {}
            }
            let unusable = mdns.unusable_links();
            let new = unusable.iter().filter(|link| !known.contains(link));
            // Where nothing can be written any more, the command notices that itself.
            tell_unusable(new, &output).ok();
            let again = mdns.links().into_iter().filter(|link| {
                known
                    .iter()
                    .any(|known| (known.interface, known.family) == (link.interface, link.family))
            });
            let again = again.map(|link| Interface {
                interface: link.interface_name,
                family: link.family.to_string(),
            });
            output.usable(again.collect()).ok();
            known = unusable;
        }
    })
}

/// See [`Stop`]. From now on signals end the process no other way.
pub(crate) fn stop(timeout: Option<Duration>) -> Result<Stop, Failure> {
    stop_at(timeout, true)
}

/// The same, but for SIGHUP.
fn stop_but_not_at_hangup(timeout: Option<Duration>) -> Result<Stop, Failure> {
    stop_at(timeout, false)
}

fn stop_at(timeout: Option<Duration>, at_hangup: bool) -> Result<Stop, Failure> {
    let signalled = signalled(at_hangup).map_err(|error| Failure::Network(error.to_string()))?;
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    if let Some(end) = end {
        OUTPUT.set_end(end);
    }
    Ok(Box::pin(async move {
        let time_is_up = async {
            match end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time_is_up => {}
            () = signalled => OUTPUT.set_end(Instant::now()),
            () = OUTPUT.closed() => {}
        }
    }))
}

/// Waits until what was printed has been read, or the program is to end.
pub(crate) async fn until_read() {
    if OUTPUT.is_idle() {
        return;
    }
    let left = OUTPUT
        .end()
        .map(|end| end.saturating_duration_since(Instant::now()));
    match stop(left) {
        Ok(stop) => tokio::select! {
            () = OUTPUT.idle() => {}
            () = stop => {}
        },
        Err(_) => OUTPUT.set_end(Instant::now()),
    }
}

/// Ready at ctrl-C, SIGTERM or SIGQUIT; and at SIGHUP, if that is wanted. SIGTERM aside, a signal that was ignored when we started stays
/// ignored: a shell without job control starts what runs in the background so, and `nohup` does.
#[cfg(unix)]
fn signalled(at_hangup: bool) -> io::Result<impl Future<Output = ()>> {
    use futures_util::future::select_all;
    use signal::unix::{Signal, SignalKind, signal};

    let terminate = signal(SignalKind::terminate())?;
    let mut signals: Vec<Signal> = vec![terminate];
    let hangup = at_hangup.then(SignalKind::hangup);
    let others = [SignalKind::interrupt(), SignalKind::quit()];
    for kind in others.into_iter().chain(hangup) {
        if !is_ignored(kind) {
            signals.push(signal(kind)?);
        }
    }
    Ok(async move {
        let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        select_all(any).await;
    })
}

/// Ready at ctrl-C.
#[cfg(not(unix))]
fn signalled(_at_hangup: bool) -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // An error means that it can never come.
        if signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// SIGWINCH: the terminal has another size.
#[cfg(unix)]
pub(crate) struct Resized(signal::unix::Signal);

#[cfg(unix)]
impl Resized {
    pub(crate) fn new() -> Result<Self, Failure> {
        signal::unix::signal(signal::unix::SignalKind::window_change())
            .map(Resized)
            .map_err(|error| Failure::Network(error.to_string()))
    }

    /// Ready at each; `None` when there will be none any more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) struct Resized;

#[cfg(not(unix))]
impl Resized {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Resized)
    }

    pub(crate) async fn next(&mut self) -> Option<()> {
        None
    }
}

/// Whether whoever started us has a signal ignored. It can be seen on Linux alone.
#[cfg(unix)]
fn is_ignored(kind: signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // A bit for each signal, from 1 on.
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 != 0)
}

/// SIGHUP, which many take to mean: read your file again. From now on it does not end the process, so it need not be ignored.
#[cfg(unix)]
pub(crate) struct Hangup(signal::unix::Signal);

#[cfg(unix)]
impl Hangup {
    pub(crate) fn new() -> Result<Self, Failure> {
        signal::unix::signal(signal::unix::SignalKind::hangup())
            .map(Hangup)
            .map_err(|error| Failure::Network(error.to_string()))
    }

    /// Ready at each; `None` when there will be none any more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Hangup)
    }

    pub(crate) async fn next(&mut self) -> Option<()> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_where_nothing_was_found() {
        let used = [("eth0", "IPv4"), ("wlan0", "IPv4"), ("eth0", "IPv6")];
        let used = used.map(|(interface, family)| (interface.to_owned(), family.to_owned()));
        assert_eq!(
            nothing_found(used.into_iter()),
            "nothing found on eth0 (IPv4, IPv6), wlan0 (IPv4); `mdns doctor` says what may be wrong"
        );
        let nowhere = nothing_found([].into_iter());
        assert!(nowhere.contains("no network interface") && nowhere.contains("mdns doctor"));
    }
}
