//! Finds records by a hash, where memory grows: groups of records of one hash, each in the order of their numbers.
//!
//! A group is a ring of records that mean the same (one owner name, for example). The first of each group hangs in the chain of
//! a bucket. Adding and removing takes the same time whatever the size of a group: ten thousand services of one type are one.
//! On fixed memory the rows have no room, and the registry looks through its records instead.

use crate::store::{NONE, Slots, beside, set_beside};

/// How many records are passed over, from the end of a group, to keep it in the order of the numbers. A longer group may lose
/// the order where a number is used again; nothing but the order of answers depends on it.
const SORTED_MAX: usize = 64;

/// Groups of records by hash.
#[derive(Debug)]
pub(super) struct Index<I> {
    /// The first group of each chain; their number is a power of two.
    buckets: I,
    /// For the first of a group: the first of the next group in the chain.
    chain: I,
    hashes: I,
    /// The ring of a group, both ways.
    next: I,
    before: I,
    groups: usize,
}

impl<I: Slots<u32>> Index<I> {
    /// Whether there is none, and the records are looked through.
    pub(super) const SCANS: bool = I::CAPACITY == 0;

    pub(super) const fn new() -> Self {
        Index {
            buckets: I::EMPTY,
            chain: I::EMPTY,
            hashes: I::EMPTY,
            next: I::EMPTY,
            before: I::EMPTY,
            groups: 0,
        }
    }

    fn bucket(&self, hash: u32) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }

    /// The first of the group of a hash for which `is` holds.
    pub(super) fn find(&self, hash: u32, is: &dyn Fn(u32) -> bool) -> u32 {
        let mut head = self.buckets.get(self.bucket(hash)).copied().unwrap_or(NONE);
        while head != NONE {
            if beside(&self.hashes, head) == hash && is(head) {
                return head;
            }
            head = beside(&self.chain, head);
        }
        NONE
    }

    /// Whether a record is in a group.
    pub(super) fn contains(&self, id: u32) -> bool {
        beside(&self.before, id) != NONE
    }

    /// The hash under which a record was added.
    pub(super) fn hash(&self, id: u32) -> u32 {
        beside(&self.hashes, id)
    }

    /// The next of a group; [`NONE`] after the last. `head` is its first.
    pub(super) fn next(&self, head: u32, id: u32) -> u32 {
        let next = beside(&self.next, id);
        if next == head { NONE } else { next }
    }

    /// Adds a record to the group for whose first record `is_same` holds, or makes a group of it.
    pub(super) fn insert(&mut self, id: u32, hash: u32, is_same: &dyn Fn(u32) -> bool) {
        if Self::SCANS {
            return;
        }
        let head = self.find(hash, is_same);
        set_beside(&mut self.hashes, id, hash);
        if head == NONE {
            self.groups += 1;
            if self.groups > self.buckets.len() {
                self.grow();
            }
            self.join(id, id);
            return self.hang(id);
        }
        let mut after = beside(&self.before, head);
        let mut looks = 0;
        while after > id && after != head && looks < SORTED_MAX {
            after = beside(&self.before, after);
            looks += 1;
        }
        if after == head && head > id {
            // Before the first: the new one is the first now.
            let last = beside(&self.before, head);
            self.unhang(head);
            self.hang(id);
            after = last;
        }
        let next = beside(&self.next, after);
        self.join(after, id);
        self.join(id, next);
    }

    /// Takes a record out of its group.
    pub(super) fn remove(&mut self, id: u32) {
        if Self::SCANS {
            return;
        }
        let (before, next) = (beside(&self.before, id), beside(&self.next, id));
        if before == NONE {
            return;
        }
        if self.unhang(id) {
            if next == id {
                self.groups -= 1;
            } else {
                let hash = beside(&self.hashes, id);
                set_beside(&mut self.hashes, next, hash);
                self.hang(next);
            }
        }
        self.join(before, next);
        set_beside(&mut self.before, id, NONE);
        set_beside(&mut self.next, id, NONE);
    }

    fn join(&mut self, id: u32, next: u32) {
        set_beside(&mut self.next, id, next);
        set_beside(&mut self.before, next, id);
    }

    /// Puts the first of a group in its chain.
    fn hang(&mut self, head: u32) {
        let bucket = self.bucket(beside(&self.hashes, head));
        if let Some(place) = self.buckets.get_mut(bucket) {
            let next = core::mem::replace(place, head);
            set_beside(&mut self.chain, head, next);
        }
    }

    /// Takes the first of a group out of its chain; `false` if it is not the first of one.
    fn unhang(&mut self, head: u32) -> bool {
        let next = beside(&self.chain, head);
        let bucket = self.bucket(beside(&self.hashes, head));
        let Some(place) = self.buckets.get_mut(bucket) else {
            return false;
        };
        if *place == head {
            *place = next;
            return true;
        }
        let mut at = *place;
        while at != NONE {
            let after = beside(&self.chain, at);
            if after == head {
                set_beside(&mut self.chain, at, next);
                return true;
            }
            at = after;
        }
        false
    }

    /// Doubles the buckets, and hangs every group anew.
    fn grow(&mut self) {
        let old = self.buckets.len();
        let wanted = (old * 2).max(8);
        let mut all = NONE;
        for at in 0..old {
            let place = self.buckets.get_mut(at);
            let mut head = place.map_or(NONE, |place| core::mem::replace(place, NONE));
            while head != NONE {
                let next = beside(&self.chain, head);
                set_beside(&mut self.chain, head, all);
                all = head;
                head = next;
            }
        }
        while self.buckets.len() < wanted && self.buckets.push(NONE).is_ok() {}
        while all != NONE {
            let next = beside(&self.chain, all);
            self.hang(all);
            all = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Numbers whose hash is their remainder by `groups`; those of one remainder mean the same.
    fn group(index: &Index<Vec<u32>>, of: u32, groups: u32) -> Vec<u32> {
        let head = index.find(of, &|id| id % groups == of);
        let mut found = Vec::new();
        let mut id = head;
        while id != NONE {
            found.push(id);
            id = index.next(head, id);
        }
        found
    }

    #[test]
    fn groups_are_in_order_and_lose_what_is_removed() {
        for groups in [1, 3, 50] {
            let mut index: Index<Vec<u32>> = Index::new();
            // Some are added in another order than that of their numbers.
            let order: Vec<u32> = (0..40).rev().chain(40..120).collect();
            for &id in &order {
                index.insert(id, id % groups, &|other| other % groups == id % groups);
            }
            for of in 0..groups {
                let expected: Vec<u32> = (0..120).filter(|id| id % groups == of).collect();
                assert_eq!(group(&index, of, groups), expected, "{groups} groups");
            }
            for id in (0..120).filter(|id| id % 7 < 3) {
                index.remove(id);
                index.remove(id);
            }
            for of in 0..groups {
                let expected: Vec<u32> = (0..120)
                    .filter(|id| id % groups == of && id % 7 >= 3)
                    .collect();
                assert_eq!(group(&index, of, groups), expected, "{groups} groups");
            }
            for id in (0..120).filter(|id| id % 7 < 3) {
                index.insert(id, id % groups, &|other| other % groups == id % groups);
            }
            let all: usize = (0..groups).map(|of| group(&index, of, groups).len()).sum();
            assert_eq!(all, 120);
        }
    }
}
