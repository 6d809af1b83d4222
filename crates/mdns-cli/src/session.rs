//! What every command has: a place on the network, and an end.

use std::{collections::BTreeMap, future::Future, io, pin::Pin, time::Duration};

use mdns_socket::PatternError;
use mdns_tokio::{Mdns, Options};
use tokio::signal;

use crate::output::{Interface, Output};

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

/// Ready when a command is to end: by ctrl-C, SIGTERM, or because its time is up.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()>>>;

/// A place on the network.
pub(crate) struct Session {
    pub(crate) mdns: Mdns,
    pub(crate) output: Output,
    pub(crate) stop: Stop,
    /// An answer said that there is nothing, and that was told.
    pub(crate) is_denied: bool,
}

impl Session {
    /// Opens what there is to open. If that is nothing yet, says so and goes on: networks come and go.
    pub(crate) async fn open(
        options: Options,
        timeout: Option<Duration>,
        output: Output,
    ) -> Result<Self, Failure> {
        // Before the sockets: a signal that comes while they are opened counts.
        let stop = stop(timeout)?;
        let mdns = open(options)?;
        join(&mdns, &output).await?;
        Ok(Session {
            mdns,
            output,
            stop,
            is_denied: false,
        })
    }

    /// Says that there is nothing, because somebody answered so.
    pub(crate) fn deny(&mut self, text: &str) {
        self.is_denied = true;
        self.output.remark(text);
    }

    /// Closes all after a search, and says where nothing was found.
    pub(crate) async fn end(self, outcome: Result<Found, Failure>) -> Result<Found, Failure> {
        if matches!(outcome, Ok(Found(false))) && !self.is_denied {
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

/// Waits until there are sockets where there can be, and tells where that is.
pub(crate) async fn join(mdns: &Mdns, output: &Output) -> io::Result<()> {
    let joined = mdns.ready().await;
    let used = mdns.links().into_iter().map(|link| Interface {
        interface: link.interface_name,
        family: link.family.to_string(),
    });
    match used.collect::<Vec<_>>() {
        none if none.is_empty() => {
            output.remark(NO_INTERFACE);
            Ok(())
        }
        used => output.joined(joined, used),
    }
}

/// See [`Stop`]. From now on signals end the process no other way.
pub(crate) fn stop(timeout: Option<Duration>) -> Result<Stop, Failure> {
    let signalled = signalled().map_err(|error| Failure::Network(error.to_string()))?;
    Ok(Box::pin(async move {
        match timeout {
            Some(timeout) => {
                tokio::select! {
                    () = tokio::time::sleep(timeout) => {}
                    () = signalled => {}
                }
            }
            None => signalled.await,
        }
    }))
}

/// Ready at ctrl-C or SIGTERM.
#[cfg(unix)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready at ctrl-C.
#[cfg(not(unix))]
fn signalled() -> io::Result<impl Future<Output = ()>> {
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

/// SIGHUP, which many take to mean: read your file again. From now on it does not end the process.
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
