//! Our own datagrams, come back: multicast loopback brings each sender what it sent.
//!
//! That they are recognised here only saves work. That a late or a second copy does no harm is the matter of
//! [`own`](crate::own), which knows our own words by what they say.

use core::time::Duration;

use crate::{
    link::{LinkId, SourcePort},
    name::KeyedHash,
    time::Instant,
};

/// How many datagrams are remembered.
const MOST: usize = 8;

/// How long they are.
const KEPT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Sent {
    hash: u32,
    until: Instant,
    link: LinkId,
}

/// Hashes of the last datagrams sent.
#[derive(Debug)]
pub(crate) struct Echoes {
    sent: heapless::Deque<Sent, MOST>,
    key: u64,
}

impl Echoes {
    pub(crate) const fn new() -> Self {
        Echoes {
            sent: heapless::Deque::new(),
            key: 0,
        }
    }

    pub(crate) fn start(&mut self, key: u64) {
        self.key = key;
    }

    fn hash(&self, source: SourcePort, bytes: &[u8]) -> u32 {
        let mut hash = KeyedHash::new(self.key ^ source as u64);
        hash.bytes(bytes);
        hash.finish()
    }

    /// Remembers a datagram that goes out to the group.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        link: LinkId,
        source: SourcePort,
        bytes: &[u8],
    ) {
        if self.sent.is_full() {
            self.sent.pop_front();
        }
        let sent = Sent {
            hash: self.hash(source, bytes),
            until: now + KEPT,
            link,
        };
        // There is room: the oldest was taken out.
        let _pushed = self.sent.push_back(sent);
    }

    /// Whether this is the first copy of a datagram of ours. The memory is used up by it: a neighbour on this host may send
    /// the very same bytes.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        link: LinkId,
        source: SourcePort,
        bytes: &[u8],
    ) -> bool {
        if self.sent.is_empty() {
            return false;
        }
        let hash = self.hash(source, bytes);
        let found = self
            .sent
            .iter_mut()
            .find(|sent| sent.hash == hash && sent.link == link && sent.until > now);
        match found {
            Some(sent) => {
                sent.until = Instant::ZERO;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MDNS: SourcePort = SourcePort::Mdns;

    #[test]
    fn one_copy_is_ours_and_no_more() {
        let mut echoes = Echoes::new();
        let (now, link) = (Instant::from_millis(5), LinkId(0));
        echoes.remember(now, link, MDNS, b"hello");
        assert!(!echoes.take(now, LinkId(1), MDNS, b"hello"));
        assert!(!echoes.take(now, link, MDNS, b"hullo"));
        assert!(!echoes.take(now, link, SourcePort::OneShot, b"hello"));
        assert!(echoes.take(now, link, MDNS, b"hello"));
        assert!(!echoes.take(now, link, MDNS, b"hello"));
        echoes.remember(now, link, MDNS, b"hello");
        assert!(!echoes.take(now + KEPT, link, MDNS, b"hello"));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut echoes = Echoes::new();
        let (now, link) = (Instant::ZERO, LinkId(0));
        for n in 0..=8u8 {
            echoes.remember(now, link, MDNS, &[n]);
        }
        assert!(!echoes.take(now, link, MDNS, &[0]));
        assert!(echoes.take(now, link, MDNS, &[8]));
    }
}
