//! What we said before: hashes of rdata that was ours until lately.
//!
//! A copy of an old packet of ours may come back late, through a bridge, a sleeping access point or another interface. It is
//! no conflict (RFC 6762 §9 speaks of other hosts), so what was ours stays ours for ten minutes. So do our addresses: a copy
//! comes from where we were when we said it.

use core::time::Duration;

use crate::{store::Slots, time::Instant};

/// How long a copy may still come back.
const KEPT: Duration = Duration::from_secs(600);

/// The most hashes kept in a row that grows; the oldest makes room.
const MOST: usize = 1024;

/// The hash of a record that was ours.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    hash: u32,
    until: Instant,
}

/// Hashes of records that were ours.
#[derive(Debug)]
pub(crate) struct Pasts<R> {
    row: R,
}

impl<R: Slots<Past>> Pasts<R> {
    pub(crate) const fn new() -> Self {
        Pasts { row: R::EMPTY }
    }

    pub(crate) fn remember(&mut self, now: Instant, hash: u32) {
        let past = Past {
            hash,
            until: now + KEPT,
        };
        let has_old = self.row.iter().any(|past| past.until <= now);
        if !has_old && self.row.len() < MOST && self.row.push(past).is_ok() {
            return;
        }
        if let Some(oldest) = self.row.iter_mut().min_by_key(|past| past.until) {
            *oldest = past;
        }
    }

    /// When it became past, the last time, if it is remembered.
    pub(crate) fn since(&self, hash: u32) -> Option<Instant> {
        let same = self.row.iter().filter(|past| past.hash == hash);
        same.map(|past| past.until - KEPT).max()
    }

    pub(crate) fn contains(&self, now: Instant, hash: u32) -> bool {
        self.row
            .iter()
            .any(|past| past.hash == hash && past.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_ends_after_ten_minutes_and_the_oldest_yields() {
        let mut pasts: Pasts<heapless::Vec<Past, 2>> = Pasts::new();
        let at = |secs: u64| Instant::from_millis(secs * 1000);
        pasts.remember(at(0), 1);
        pasts.remember(at(1), 2);
        assert!(pasts.contains(at(599), 1));
        assert!(!pasts.contains(at(600), 1));
        pasts.remember(at(2), 3);
        assert!(!pasts.contains(at(2), 1));
        assert!(pasts.contains(at(2), 2) && pasts.contains(at(2), 3));
    }
}
