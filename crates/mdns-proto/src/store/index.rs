//! Finding a slot by hash: chains of slots, one chain a bucket.
//!
//! The buckets are a row of their own. It may be short, even empty: then chains are long and everything still works. That is
//! how a board with thirty records saves the memory.

use super::{NONE, Raw, Slot, Slots, Table, short};

/// What a slot must carry to be in an index.
pub(crate) trait Chained {
    fn hash(&self) -> Raw;
    fn next(&self) -> u32;
    fn set_next(&mut self, next: u32);
}

/// Heads of chains through the slots of one table.
#[derive(Debug)]
pub(crate) struct Index<I> {
    buckets: I,
    /// The only chain, while there are no buckets.
    head: u32,
    count: usize,
}

impl<I: Slots<u32>> Index<I> {
    pub(crate) const fn new() -> Self {
        Index {
            buckets: I::EMPTY,
            head: NONE,
            count: 0,
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn head(&self, hash: Raw) -> u32 {
        if I::CAPACITY == 0 {
            return self.head;
        }
        // The number of buckets is a power of two.
        let mask = self.buckets.len().wrapping_sub(1);
        self.buckets
            .get(hash as usize & mask)
            .copied()
            .unwrap_or(self.head)
    }

    fn head_mut(&mut self, hash: Raw) -> &mut u32 {
        if I::CAPACITY == 0 {
            return &mut self.head;
        }
        let mask = self.buckets.len().wrapping_sub(1);
        self.buckets
            .get_mut(hash as usize & mask)
            .unwrap_or(&mut self.head)
    }

    /// The first slot of this hash for which `is` holds.
    pub(crate) fn find<T: Chained, R: Slots<Slot<T>>>(
        &self,
        table: &Table<T, R>,
        hash: u32,
        is: &dyn Fn(&T) -> bool,
    ) -> Option<u32> {
        let hash = short(hash);
        let mut id = self.head(hash);
        while let Some(slot) = table.get(id) {
            if slot.hash() == hash && is(slot) {
                return Some(id);
            }
            id = slot.next();
        }
        None
    }

    /// Puts a slot of the table in its chain.
    pub(crate) fn insert<T: Chained, R: Slots<Slot<T>>>(
        &mut self,
        table: &mut Table<T, R>,
        id: u32,
    ) {
        self.count += 1;
        if self.count > self.buckets.len() {
            self.grow(table);
        }
        self.link(table, id);
    }

    fn link<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &mut Table<T, R>, id: u32) {
        let Some(slot) = table.get_mut(id) else {
            return;
        };
        let head = self.head_mut(slot.hash());
        slot.set_next(*head);
        *head = id;
    }

    /// Takes a slot out of its chain. Call it before the slot is vacated.
    pub(crate) fn remove<T: Chained, R: Slots<Slot<T>>>(
        &mut self,
        table: &mut Table<T, R>,
        id: u32,
    ) {
        let Some(slot) = table.get(id) else { return };
        let (hash, next) = (slot.hash(), slot.next());
        if self.head(hash) == id {
            *self.head_mut(hash) = next;
            self.count -= 1;
            return;
        }
        let mut before = self.head(hash);
        while let Some(slot) = table.get_mut(before) {
            if slot.next() == id {
                slot.set_next(next);
                self.count -= 1;
                return;
            }
            before = slot.next();
        }
    }

    /// Doubles the buckets, as far as the row goes, and hangs every slot anew.
    fn grow<T: Chained, R: Slots<Slot<T>>>(&mut self, table: &mut Table<T, R>) {
        let old = self.buckets.len();
        let wanted = (old * 2).max(8);
        if I::CAPACITY == 0 || wanted > I::CAPACITY {
            return;
        }
        while self.buckets.len() < wanted {
            if self.buckets.push(NONE).is_err() {
                self.buckets.truncate(old);
                return;
            }
        }
        // Walk the old chains before their heads are cleared: only linked slots belong here.
        let mut chains = NONE;
        for at in 0..old.max(1) {
            let mut id = if old == 0 {
                core::mem::replace(&mut self.head, NONE)
            } else {
                self.buckets
                    .get_mut(at)
                    .map_or(NONE, |head| core::mem::replace(head, NONE))
            };
            while let Some(slot) = table.get_mut(id) {
                let next = slot.next();
                slot.set_next(chains);
                chains = id;
                id = next;
            }
        }
        while let Some(slot) = table.get(chains) {
            let next = slot.next();
            self.link(table, chains);
            chains = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Number(u32, u32);

    impl Chained for Number {
        fn hash(&self) -> Raw {
            short(self.0.wrapping_mul(0x9e37_79b9))
        }
        fn next(&self) -> u32 {
            self.1
        }
        fn set_next(&mut self, next: u32) {
            self.1 = next;
        }
    }

    fn all_are_found_until_removed<I: Slots<u32>>() {
        let mut table: Table<Number, std::vec::Vec<Slot<Number>>> = Table::new();
        let mut index = Index::<I>::new();
        for n in 0..100 {
            let id = table.insert(Number(n, NONE), 1000).unwrap();
            index.insert(&mut table, id);
        }
        let find = |index: &Index<I>, table: &Table<Number, _>, n: u32| {
            index.find(table, Number(n, 0).hash().into(), &|slot| slot.0 == n)
        };
        for n in (0..100).step_by(3) {
            let id = find(&index, &table, n).unwrap();
            index.remove(&mut table, id);
            table.remove(id);
        }
        for n in 0..100 {
            assert_eq!(find(&index, &table, n).is_some(), n % 3 != 0, "{n}");
        }
    }

    #[test]
    fn an_index_works_with_no_few_and_many_buckets() {
        all_are_found_until_removed::<heapless::Vec<u32, 0>>();
        all_are_found_until_removed::<heapless::Vec<u32, 16>>();
        all_are_found_until_removed::<std::vec::Vec<u32>>();
    }
}
