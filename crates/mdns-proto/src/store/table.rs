//! A table: slots that are taken and given back, found by number.

use core::marker::PhantomData;

use super::{Full, Id, NONE, Slots};

/// One place of a table: taken by a value, or vacant and naming the next vacant one.
#[derive(Debug, Clone)]
pub enum Slot<T> {
    /// Vacant; the number of the next vacant place.
    #[doc(hidden)]
    Vacant(Id),
    /// Taken.
    #[doc(hidden)]
    Taken(T),
}

/// Values in numbered places. A number stays the same while its value is there.
#[derive(Debug)]
pub(crate) struct Table<T, R> {
    rows: R,
    /// The first vacant place, `NONE` when all are taken.
    vacant: u32,
    taken: u32,
    _values: PhantomData<T>,
}

impl<T, R: Slots<Slot<T>>> Table<T, R> {
    pub(crate) const fn new() -> Self {
        Table {
            rows: R::EMPTY,
            vacant: NONE,
            taken: 0,
            _values: PhantomData,
        }
    }

    /// How many places are taken.
    pub(crate) fn len(&self) -> usize {
        self.taken as usize
    }

    /// One more than the highest number ever taken.
    pub(crate) fn bound(&self) -> u32 {
        // Rows never grow past `limit`, which is below `NONE`.
        u32::try_from(self.rows.len()).unwrap_or(NONE)
    }

    /// Puts a value in a vacant place, or in a new one while fewer than `limit` are taken.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn insert(&mut self, value: T, limit: u32) -> Result<u32, Full> {
        self.insert_with(limit, || value)
    }

    /// The same for a large value, which is made in its place if the compiler can see to that.
    #[inline(always)]
    pub(crate) fn insert_with(
        &mut self,
        limit: u32,
        make: impl FnOnce() -> T,
    ) -> Result<u32, Full> {
        if self.taken >= limit.min(NONE - 1) {
            return Err(Full);
        }
        if let Some(slot) = self.rows.get_mut(self.vacant as usize) {
            let id = self.vacant;
            if let Slot::Vacant(next) = *slot {
                self.vacant = next.get();
            }
            *slot = Slot::Taken(make());
            self.taken += 1;
            return Ok(id);
        }
        let id = self.bound();
        self.rows.push(Slot::Taken(make())).map_err(|_| Full)?;
        self.taken += 1;
        Ok(id)
    }

    /// Whether one more value would find a place.
    pub(crate) fn has_room(&self, limit: u32) -> bool {
        self.taken < limit.min(NONE - 1) && (self.vacant != NONE || self.rows.len() < R::CAPACITY)
    }

    /// How many more values would find a place.
    pub(crate) fn room(&self, limit: u32) -> usize {
        let most = R::CAPACITY.min(limit.min(NONE - 1) as usize);
        most.saturating_sub(self.taken as usize)
    }

    /// Forgets a value, which is not moved for it.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn vacate(&mut self, id: u32) {
        if let Some(slot) = self.rows.get_mut(id as usize)
            && matches!(slot, Slot::Taken(_))
        {
            *slot = Slot::Vacant(Id::of(self.vacant));
            self.vacant = id;
            self.taken -= 1;
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn remove(&mut self, id: u32) -> Option<T> {
        let slot = self.rows.get_mut(id as usize)?;
        if matches!(slot, Slot::Vacant(_)) {
            return None;
        }
        let Slot::Taken(value) = core::mem::replace(slot, Slot::Vacant(Id::of(self.vacant))) else {
            return None;
        };
        self.vacant = id;
        self.taken -= 1;
        Some(value)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        match self.rows.get(id as usize)? {
            Slot::Taken(value) => Some(value),
            Slot::Vacant(_) => None,
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        match self.rows.get_mut(id as usize)? {
            Slot::Taken(value) => Some(value),
            Slot::Vacant(_) => None,
        }
    }

    /// All places, taken or not, by number.
    pub(crate) fn rows(&self) -> &[Slot<T>] {
        &self.rows
    }

    /// The taken places, in the order of their numbers.
    pub(crate) fn iter(&self) -> Taken<'_, T> {
        Taken::of(&self.rows)
    }

    /// The taken places, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..)
            .zip(self.rows.iter_mut())
            .filter_map(|(id, slot)| match slot {
                Slot::Taken(value) => Some((id, value)),
                Slot::Vacant(_) => None,
            })
    }

    /// Makes the table as long as `bound`, with values from `fill`: for tables that run beside another one.
    pub(crate) fn extend_to(
        &mut self,
        bound: u32,
        mut fill: impl FnMut() -> T,
    ) -> Result<(), Full> {
        while self.bound() < bound {
            self.rows.push(Slot::Taken(fill())).map_err(|_| Full)?;
            self.taken += 1;
        }
        Ok(())
    }
}

/// The taken places of a table, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Taken<'a, T> {
    rows: &'a [Slot<T>],
    next: u32,
}

impl<'a, T> Taken<'a, T> {
    pub(super) fn of(rows: &'a [Slot<T>]) -> Self {
        Taken { rows, next: 0 }
    }
}

impl<T> Clone for Taken<'_, T> {
    fn clone(&self) -> Self {
        Taken { ..*self }
    }
}

impl<'a, T> Iterator for Taken<'a, T> {
    type Item = (u32, &'a T);

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let id = self.next;
            let slot = self.rows.get(id as usize)?;
            self.next += 1;
            if let Slot::Taken(value) = slot {
                return Some((id, value));
            }
        }
    }
}

#[cfg(test)]
std::thread_local! {
    static LOOKS: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// How many slots were looked at in this thread: the work that was done, for tests.
#[cfg(test)]
pub(crate) fn looks() -> u64 {
    LOOKS.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_is_taken_again() {
        let mut table: Table<char, heapless::Vec<Slot<char>, 2>> = Table::new();
        let a = table.insert('a', 9).unwrap();
        let b = table.insert('b', 9).unwrap();
        assert_eq!(table.insert('c', 9), Err(Full));
        assert_eq!(table.remove(a), Some('a'));
        assert_eq!(table.remove(a), None);
        assert_eq!(table.insert('c', 9), Ok(a));
        assert_eq!(table.get(b), Some(&'b'));
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_limit_binds_rows_that_grow() {
        let mut table: Table<u8, std::vec::Vec<Slot<u8>>> = Table::new();
        assert!(table.insert(1, 1).is_ok());
        assert!(!table.has_room(1));
        assert_eq!(table.insert(2, 1), Err(Full));
    }
}
