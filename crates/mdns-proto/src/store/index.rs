//! Finding a slot by hash: chains of slots, one chain a bucket.
//!
//! A board with thirty records saves the memory: an index whose rows have no room, which is enough for a table of a few dozen
//! slots, is none, and the table is looked through instead.

use super::{NONE, Raw, Slot, Slots, Table, beside, set_beside, short};

/// What a slot must carry to be in an index.
pub(crate) trait Chained {
    fn hash(&self) -> Raw;
}

/// Heads of chains through the slots of one table.
///
/// The row must be able to hold every id of its table, or none.
#[derive(Debug)]
pub(crate) struct Index<I> {
    /// The first of each chain. Their number is a power of two.
    buckets: I,
    /// The one after each id in its chain.
    nexts: I,
    count: usize,
}

impl<I: Slots<u32>> Index<I> {
    pub(crate) const fn new() -> Self {
        Index {
            buckets: I::EMPTY,
            nexts: I::EMPTY,
            count: 0,
        }
    }

    /// Whether there are no chains, and the table is looked through.
    const SCANS: bool = I::CAPACITY == 0;

    fn bucket(&self, hash: Raw) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }

    fn head(&self, hash: Raw) -> u32 {
        let head = self.buckets.get(self.bucket(hash));
        head.copied().unwrap_or(NONE)
    }

    fn next(&self, id: u32) -> u32 {
        beside(&self.nexts, id)
    }

    fn set_next(&mut self, id: u32, next: u32) {
        set_beside(&mut self.nexts, id, next);
    }

    /// The first slot of this hash for which `is` holds.
    pub(crate) fn find<T: Chained, R: Slots<Slot<T>>>(
        &self,
        table: &Table<T, R>,
        hash: u32,
        is: &dyn Fn(&T) -> bool,
    ) -> Option<u32> {
        let hash = short(hash);
        if Self::SCANS {
            let mut slots = table.iter();
            return slots.find_map(|(id, slot)| (slot.hash() == hash && is(slot)).then_some(id));
        }
        let mut id = self.head(hash);
        while let Some(slot) = table.get(id) {
            if slot.hash() == hash && is(slot) {
                return Some(id);
            }
            id = self.next(id);
        }
        None
    }

    /// Puts a slot of the table in its chain.
    pub(crate) fn insert<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, id: u32) {
        const {
            assert!(
                I::CAPACITY == 0 || I::CAPACITY >= R::CAPACITY,
                "a row of an index is shorter than its table"
            )
        }
        if Self::SCANS {
            return;
        }
        self.count += 1;
        if self.count > self.buckets.len() {
            self.grow(table);
        }
        self.link(table, id);
    }

    fn link<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, id: u32) {
        let Some(slot) = table.get(id) else {
            return;
        };
        let bucket = self.bucket(slot.hash());
        if let Some(head) = self.buckets.get_mut(bucket) {
            let next = core::mem::replace(head, id);
            self.set_next(id, next);
        }
    }

    /// Takes a slot out of its chain. Call it before the slot is vacated, and before its hash changes.
    pub(crate) fn remove<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, id: u32) {
        if Self::SCANS {
            return;
        }
        let Some(slot) = table.get(id) else { return };
        let next = self.next(id);
        let bucket = self.bucket(slot.hash());
        let Some(head) = self.buckets.get_mut(bucket) else {
            return;
        };
        let mut before = *head;
        if before == id {
            *head = next;
            self.count -= 1;
            return;
        }
        while before != NONE {
            let after = self.next(before);
            if after == id {
                self.set_next(before, next);
                self.count -= 1;
                return;
            }
            before = after;
        }
    }

    /// Doubles the buckets, as far as the row goes, and hangs every slot anew.
    fn grow<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>) {
        let old = self.buckets.len();
        let mut wanted = (old * 2).max(8);
        while wanted > I::CAPACITY {
            wanted /= 2;
        }
        if wanted <= old {
            return;
        }
        // Walk the old chains before their heads are cleared: only linked slots belong here.
        let mut chains = NONE;
        for at in 0..old {
            let head = self.buckets.get_mut(at);
            let mut id = head.map_or(NONE, |head| core::mem::replace(head, NONE));
            while id != NONE {
                let next = self.next(id);
                self.set_next(id, chains);
                chains = id;
                id = next;
            }
        }
        while self.buckets.len() < wanted && self.buckets.push(NONE).is_ok() {}
        while chains != NONE {
            let next = self.next(chains);
            self.link(table, chains);
            chains = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NoRow;

    #[derive(Debug)]
    struct Number(u32);

    fn mixed(number: u32) -> u32 {
        number.wrapping_mul(0x9e37_79b9)
    }

    impl Chained for Number {
        fn hash(&self) -> Raw {
            short(mixed(self.0))
        }
    }

    fn all_are_found_until_removed<I: Slots<u32>, R: Slots<Slot<Number>>>() {
        let mut table: Table<Number, R> = Table::new();
        let mut index = Index::<I>::new();
        for n in 0..100 {
            let id = table.insert(Number(n), 1000).unwrap();
            index.insert(&table, id);
        }
        let find = |index: &Index<I>, table: &Table<Number, R>, n: u32| {
            index.find(table, mixed(n), &|slot| slot.0 == n)
        };
        for n in (0..100).step_by(3) {
            let id = find(&index, &table, n).unwrap();
            index.remove(&table, id);
            table.remove(id);
        }
        for n in 0..100 {
            assert_eq!(find(&index, &table, n).is_some(), n % 3 != 0, "{n}");
        }
    }

    #[test]
    fn an_index_works_with_no_room_some_and_any() {
        all_are_found_until_removed::<NoRow, heapless::Vec<_, 100>>();
        all_are_found_until_removed::<heapless::Vec<_, 100>, heapless::Vec<_, 100>>();
        all_are_found_until_removed::<std::vec::Vec<_>, std::vec::Vec<_>>();
    }
}
