//! Recent rdata: hashes of records that were ours until lately.
//!
//! A copy of an old packet of ours may come back late, through a bridge, a sleeping access point or another interface. It is
//! no conflict (RFC 6762 §9 speaks of other hosts), so what was ours stays ours for ten minutes. So do our addresses: a copy
//! comes from where we were when we sent it.

use crate::{
    moment::{Moment, Now, Round},
    store::Slots,
};

/// How long a copy may still come back, in milliseconds.
const KEPT: u32 = 600_000;

/// The most hashes kept in a row that grows; the oldest makes room.
const MOST: usize = 1024;

/// The hash of a record that was ours.
#[derive(Debug, Clone, Copy)]
pub struct RecentRdata {
    hash: u32,
    since: Moment,
}

/// Hashes of records that were ours.
#[derive(Debug)]
pub(super) struct RecentRdataSet<R> {
    row: R,
}

impl<R: Slots<RecentRdata>> RecentRdataSet<R> {
    pub(super) const fn new() -> Self {
        RecentRdataSet { row: R::EMPTY }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn remember(&mut self, now: Now, hash: u32) {
        let recent = RecentRdata {
            hash,
            since: now.noted(),
        };
        let is_old =
            |recent: &RecentRdata| recent.since.is_never() || recent.since.plus(KEPT).has_come(now);
        if !self.row.iter().any(is_old) && self.row.len() < MOST && self.row.push(recent).is_ok() {
            return;
        }
        // What was aged away is older than all others.
        let oldest = self
            .row
            .iter_mut()
            .min_by_key(|recent| (!recent.since.is_never(), recent.since));
        if let Some(oldest) = oldest {
            *oldest = recent;
        }
    }

    /// When it was withdrawn, the last time; never if that is not remembered.
    pub(super) fn since(&self, hash: u32) -> Moment {
        let same = self.row.iter().filter(|recent| recent.hash == hash);
        same.fold(Moment::NEVER, |latest, recent| latest.latest(recent.since))
    }

    pub(super) fn contains(&self, now: Now, hash: u32) -> bool {
        let since = self.since(hash);
        !since.is_never() && !since.plus(KEPT).has_come(now)
    }

    pub(super) fn age(&mut self, round: Round) {
        for recent in self.row.iter_mut() {
            recent.since.age(round);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    #[test]
    fn what_was_ours_is_forgotten_after_ten_minutes_and_the_oldest_yields() {
        let mut recent: RecentRdataSet<heapless::Vec<RecentRdata, 2>> = RecentRdataSet::new();
        let at = |secs: u64| Now::of(Instant::from_millis(secs * 1000));
        recent.remember(at(1), 1);
        recent.remember(at(2), 2);
        assert!(recent.contains(at(600), 1));
        assert!(!recent.contains(at(601), 1));
        recent.remember(at(3), 3);
        assert!(!recent.contains(at(3), 1));
        assert!(recent.contains(at(3), 2) && recent.contains(at(3), 3));
    }
}
