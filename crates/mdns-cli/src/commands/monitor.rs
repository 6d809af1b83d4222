//! `mdns monitor`: what is said on the network, as a transcript.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use mdns_socket::{
    Family, Holder, Interface, LinkSocket, PORT, Received, Selection, Watcher, interfaces, receive,
};
use tokio::{
    io::Interest,
    net::UdpSocket,
    sync::{Notify, mpsc},
    task::AbortHandle,
    time::{Interval, MissedTickBehavior},
};

use super::Results;
use crate::{
    args::Monitor,
    output::{self, Output, Unusable},
    session::{Failure, Found, LOOK, NO_INTERFACE, nothing_found, stop},
    transcript::{Datagram, Transcript},
};

/// Room for any datagram there is.
const BUFFER: usize = 1 << 16;

/// Datagrams that wait to be printed; then they wait in the system.
const WAITING_MAX: usize = 64;

/// How long after the first change of a burst to look at the interfaces.
const SETTLE: Duration = Duration::from_millis(100);

pub(super) async fn run(args: Monitor, output: Output) -> Result<Found, Failure> {
    let mut stop = stop(args.limits.timeout)?;
    // Before the first look, so that no change is missed.
    let changed = watch(&output);
    let (heard, mut news) = mpsc::channel(WAITING_MAX);
    let mut links = Links {
        selection: args.network.selection(Selection::usual())?,
        open: BTreeMap::new(),
        refused: BTreeMap::new(),
        heard,
    };
    links
        .look(&output)
        .map_err(|error| Failure::Network(error.to_string()))?;
    let mut used = links.used();
    if let (Some(reason), true) = (links.refused.values().next(), used.is_empty()) {
        return Err(Failure::Network(reason.clone()));
    }
    let mut again = tokio::time::interval(LOOK);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tell(&used, &output)?;
    let mut results = Results::of(&args.limits);
    let mut transcript = Transcript::default();
    while !results.are_enough() {
        tokio::select! {
            biased;
            () = &mut stop => break,
            delay = looked_for(&changed, &mut again, &links) => {
                tokio::time::sleep(delay).await;
                match links.look(&output) {
                    Err(error) => output.remark(&error.to_string()),
                    Ok(()) if links.used() == used => {}
                    Ok(()) => {
                        used = links.used();
                        tell(&used, &output)?;
                    }
                }
            }
            Some(Heard { at, interface, source, destination, bytes }) = news.recv() => {
                let line = transcript.line(Datagram {
                    interface: Some(&interface),
                    source,
                    destination,
                    bytes: &bytes,
                    cut_from: None,
                });
                output.line_at(&line, at)?;
                results.add();
            }
        }
    }
    let outcome = results.outcome();
    if outcome == Found(false) {
        let used = used.into_iter().map(|used| (used.interface, used.family));
        output.remark(&nothing_found(used));
    }
    Ok(outcome)
}

/// Tells where is listened now.
fn tell(used: &[output::Interface], output: &Output) -> io::Result<()> {
    match used {
        [] => output.remark(NO_INTERFACE),
        used => output.joined(Instant::now(), used.to_vec(), None)?,
    }
    Ok(())
}

/// Ready when interfaces have changed, or it is time to try again what could not be opened. Returns how long to wait for more changes.
async fn looked_for(changed: &Notify, again: &mut Interval, links: &Links) -> Duration {
    loop {
        tokio::select! {
            () = changed.notified() => return SETTLE,
            _ = again.tick() => {
                if !links.refused.is_empty() {
                    return Duration::ZERO;
                }
            }
        }
    }
}

/// Tells when interfaces have changed. It needs a thread, which ends with the process.
fn watch(output: &Output) -> Arc<Notify> {
    let changed = Arc::new(Notify::new());
    match Watcher::new() {
        Ok(watcher) => {
            let notify = Arc::clone(&changed);
            std::thread::spawn(move || {
                while let Ok(has_changed) = watcher.wait(None) {
                    if has_changed {
                        notify.notify_one();
                    }
                }
            });
        }
        Err(error) => output.remark(&format!(
            "changes of network interfaces will not be noticed: {error}"
        )),
    }
    changed
}

/// A datagram that was heard.
struct Heard {
    at: Instant,
    interface: Arc<str>,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Box<[u8]>,
}

/// What there is to hear with.
struct Links {
    selection: Selection,
    open: BTreeMap<Key, AbortHandle>,
    /// Why links cannot be opened, as it was told.
    refused: BTreeMap<Key, String>,
    heard: mpsc::Sender<Heard>,
}

/// A link, by name and index of its interface.
type Key = (String, u32, Family);

impl Links {
    /// Opens and closes what is different since the last look.
    fn look(&mut self, output: &Output) -> io::Result<()> {
        let all = interfaces()?;
        let wanted: BTreeMap<_, &Interface> = self
            .selection
            .links(&all)
            .map(|(interface, family)| {
                let key = (interface.name.clone(), interface.index, family);
                (key, interface)
            })
            .collect();
        self.open.retain(|key, task| {
            let stays = wanted.contains_key(key);
            if !stays {
                task.abort();
            }
            stays
        });
        self.refused.retain(|key, _| wanted.contains_key(key));
        for (key, interface) in wanted {
            if self.open.contains_key(&key) {
                continue;
            }
            match self.listen(interface, key.2) {
                Ok(task) => {
                    if self.refused.remove(&key).is_some() {
                        output.usable(vec![used(&key)])?;
                    }
                    self.open.insert(key, task);
                }
                Err((reason, holders)) => {
                    if self.refused.get(&key) != Some(&reason) {
                        output.unusable(&Unusable {
                            interface: &key.0,
                            family: key.2,
                            reason: &reason,
                            holders: &holders,
                        })?;
                        self.refused.insert(key, reason);
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens a link. Says why it cannot, and who has its port.
    fn listen(
        &self,
        interface: &Interface,
        family: Family,
    ) -> Result<AbortHandle, (String, Vec<Holder>)> {
        let link = LinkSocket::open(interface, family)
            .map_err(|error| (error.to_string(), error.holders().to_vec()))?;
        let (name, group) = (Arc::from(interface.name.as_str()), link.group());
        let socket = UdpSocket::from_std(link.into_std())
            .map_err(|error| (format!("{}, {family}: {error}", interface.name), Vec::new()))?;
        let task = listen(socket, name, group, self.heard.clone());
        Ok(tokio::spawn(task).abort_handle())
    }

    fn used(&self) -> Vec<output::Interface> {
        self.open.keys().map(used).collect()
    }
}

fn used((name, _, family): &Key) -> output::Interface {
    output::Interface {
        interface: name.clone(),
        family: family.to_string(),
    }
}

/// Passes on what is heard on a link.
async fn listen(
    socket: UdpSocket,
    interface: Arc<str>,
    group: SocketAddr,
    heard: mpsc::Sender<Heard>,
) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = socket
            .async_io(Interest::READABLE, || receive(&socket, &mut buffer))
            .await;
        // An error is of the moment.
        let Ok(Received {
            len,
            source,
            destination,
            ..
        }) = received
        else {
            continue;
        };
        let datagram = Heard {
            at: Instant::now(),
            interface: Arc::clone(&interface),
            source,
            destination: SocketAddr::new(destination.unwrap_or(group.ip()), PORT),
            bytes: buffer[..len].into(),
        };
        if heard.send(datagram).await.is_err() {
            return;
        }
    }
}
