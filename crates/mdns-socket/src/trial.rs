//! Trying links: whether what is sent to the group comes back, and who is heard.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Family, Interface, LinkSocket, Received, UnicastSocket};

/// Room for the longest message there is (RFC 6762 §17).
const BUFFER: usize = 9000;

/// How many neighbours of one link are told apart; of more, [`Trial::is_cut`] is true.
const NEIGHBOURS_MAX: usize = 10_000;

/// What came of one datagram that was sent to the group of a link.
#[derive(Debug)]
pub struct Trial {
    /// Whether it could be sent.
    pub sent: io::Result<()>,
    /// It came back to its own socket, as it does where nothing filters it: multicast loopback is
    /// on.
    pub came_back: bool,
    /// Who else was heard, by multicast. Never an address of the interface; at most 10,000.
    pub by_multicast: BTreeSet<IpAddr>,
    /// Who sent something to us alone. Never an address of the interface; at most 10,000.
    pub by_unicast: BTreeSet<IpAddr>,
}

/// Sends a datagram to the group of each link, once, and listens for as long as `span`; one trial
/// for each link, in their order.
///
/// The datagram should be a harmless query, one that every neighbour has an answer to. It is for
/// diagnosis: it blocks for the whole `span`, and what is heard is dropped.
///
/// # Errors
///
/// When the system refuses to wait. What goes wrong on a link is in its trial.
///
/// ```no_run
/// use std::time::Duration;
/// use mdns_socket::{LinkSocket, Selection, interfaces, try_links};
///
/// let all = interfaces()?;
/// let usual = Selection::usual();
/// let mut links = Vec::new();
/// for (interface, family) in usual.links(&all) {
///     links.push((interface, LinkSocket::open(interface, family)?));
/// }
/// let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01";
/// let trials = try_links(&links, &[], query, Duration::from_secs(1))?;
/// assert!(trials.iter().all(|trial| trial.came_back), "a firewall?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn try_links(
    links: &[(&Interface, LinkSocket)],
    unicast: &[UnicastSocket],
    datagram: &[u8],
    span: Duration,
) -> io::Result<Vec<Trial>> {
    let mut trials: Vec<Trial> = links
        .iter()
        .map(|(_, link)| Trial {
            sent: link.send_to(datagram, link.group()),
            came_back: false,
            by_multicast: BTreeSet::new(),
            by_unicast: BTreeSet::new(),
        })
        .collect();
    let sockets = || {
        let links = links.iter().map(|(_, link)| link.socket());
        links.chain(unicast.iter().map(UnicastSocket::socket))
    };
    let mut ready: Vec<PollFd<'_>> = sockets()
        .map(|socket| PollFd::new(socket, PollFlags::IN))
        .collect();
    let end = Instant::now() + span;
    let mut buffer = [0; BUFFER];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(trials);
        }
        match poll(&mut ready, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) => {}
            Err(error) if error == rustix::io::Errno::INTR => continue,
            Err(error) => return Err(error.into()),
        }
        // One datagram of each socket, so that no flood keeps us.
        for ((interface, link), trial) in links.iter().zip(&mut trials) {
            if let Ok(received) = link.recv_from(&mut buffer) {
                trial.hear(interface, &received, &buffer[..received.len] == datagram);
            }
        }
        for socket in unicast {
            let Ok(received) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let is_its = |interface: &Interface, link: &LinkSocket| {
                Some(interface.index) == received.interface
                    && link.group().is_ipv4() == received.source.is_ipv4()
            };
            let mut tried = links.iter().zip(&mut trials);
            if let Some(((interface, _), trial)) =
                tried.find(|((interface, link), _)| is_its(interface, link))
            {
                note(&mut trial.by_unicast, interface, received.source.ip());
            }
        }
    }
}

impl Trial {
    /// Whether there may be more neighbours than are told apart.
    pub fn is_cut(&self) -> bool {
        self.by_multicast.len().max(self.by_unicast.len()) >= NEIGHBOURS_MAX
    }

    /// Adds what a later trial of the same link found: what went wrong once has gone wrong.
    pub fn add(&mut self, later: Trial) {
        if self.sent.is_ok() {
            self.sent = later.sent;
        }
        self.came_back |= later.came_back;
        self.by_multicast.extend(later.by_multicast);
        self.by_unicast.extend(later.by_unicast);
    }

    fn hear(&mut self, interface: &Interface, received: &Received, is_ours: bool) {
        let source = received.source.ip();
        if is_ours && is_own(interface, source) {
            self.came_back = true;
        } else {
            note(&mut self.by_multicast, interface, source);
        }
    }
}

/// Takes down a neighbour.
fn note(neighbours: &mut BTreeSet<IpAddr>, interface: &Interface, source: IpAddr) {
    if !is_own(interface, source) && neighbours.len() < NEIGHBOURS_MAX {
        neighbours.insert(source);
    }
}

fn is_own(interface: &Interface, source: IpAddr) -> bool {
    interface
        .ready(Family::of(&source))
        .any(|own| own == source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::tests::ethernet;

    #[test]
    fn more_neighbours_than_are_told_apart_are_not_passed_over_in_silence() {
        let mut trial = Trial {
            sent: Ok(()),
            came_back: false,
            by_multicast: BTreeSet::new(),
            by_unicast: BTreeSet::new(),
        };
        let interface = ethernet(2, "eth0", &["10.0.0.1/24"]);
        for n in 0..NEIGHBOURS_MAX as u32 {
            assert!(!trial.is_cut());
            note(
                &mut trial.by_multicast,
                &interface,
                IpAddr::from((n + 1).to_be_bytes()),
            );
        }
        assert!(trial.is_cut());
        note(&mut trial.by_multicast, &interface, [10, 9, 9, 9].into());
        assert_eq!(trial.by_multicast.len(), NEIGHBOURS_MAX);
    }
}
