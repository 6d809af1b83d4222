//! Who is due next: a heap of ids over the slots of a table, ordered by the instant each slot carries; of one instant, by id.
//!
//! A heap whose row has no room, which is enough for a table of a few dozen slots, is none: the table is looked through instead.

use super::{NONE, Slot, Slots, Table, Taken, beside, set_beside};

/// What a slot must carry to be in a heap of deadlines.
pub(crate) trait Timed {
    /// How time is told here.
    type At: Copy + Ord;

    /// The time that never comes.
    const NEVER: Self::At;

    /// When something is to be done for this slot; [`NEVER`](Self::NEVER) for never.
    fn due(&self) -> Self::At;
}

/// A binary heap of the ids that are due some time.
///
/// The row must be able to hold every id of its table, or none.
#[derive(Debug)]
pub(crate) struct Due<D> {
    heap: D,
    /// Where each id stands in the heap, `NONE` if it does not.
    places: D,
}

impl<D: Slots<u32>> Due<D> {
    pub(crate) const fn new() -> Self {
        Due {
            heap: D::EMPTY,
            places: D::EMPTY,
        }
    }

    /// Whether there is no heap, and the table is looked through.
    const SCANS: bool = D::CAPACITY == 0;

    /// So many that are due some time, the earlier ones rather in front; of a table that is looked through, all its slots.
    pub(crate) fn some<'a, T: Timed, R: Slots<Slot<T>>>(
        &'a self,
        table: &'a Table<T, R>,
        most: usize,
    ) -> impl Iterator<Item = (u32, &'a T)> {
        let ids = self.heap.iter().take(most);
        let slots = if Self::SCANS { table.rows() } else { &[] };
        ids.filter_map(|&id| Some((id, table.get(id)?)))
            .chain(Taken::of(slots))
    }

    /// The slot that is due first of all, and when. Of a table that is looked through, only slots that are `in_it` count.
    pub(crate) fn least<T: Timed, R: Slots<Slot<T>>>(
        &self,
        table: &Table<T, R>,
        in_it: &dyn Fn(&T) -> bool,
    ) -> Option<(T::At, u32)> {
        if !Self::SCANS {
            let id = *self.heap.first()?;
            return Some((table.get(id)?.due(), id));
        }
        let mut least = None;
        for (id, slot) in table.iter() {
            let due = slot.due();
            if due != T::NEVER && least.is_none_or(|(other, _)| due < other) && in_it(slot) {
                least = Some((due, id));
            }
        }
        least
    }

    /// The earliest instant of all.
    pub(crate) fn next<T: Timed, R: Slots<Slot<T>>>(&self, table: &Table<T, R>) -> T::At {
        self.least(table, &|_| true)
            .map_or(T::NEVER, |(due, _)| due)
    }

    /// The slot that is due first, if that is by `now`.
    pub(crate) fn by<T: Timed, R: Slots<Slot<T>>>(
        &self,
        table: &Table<T, R>,
        now: T::At,
    ) -> Option<u32> {
        let (due, id) = self.least(table, &|_| true)?;
        (due <= now).then_some(id)
    }

    /// Puts a slot where its instant belongs. Call it after each change of the instant, and before the slot is vacated with
    /// the instant at [`Timed::NEVER`].
    pub(crate) fn settle<T: Timed, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, id: u32) {
        const {
            assert!(
                D::CAPACITY == 0 || D::CAPACITY >= R::CAPACITY,
                "a row of deadlines is shorter than its table"
            )
        }
        if Self::SCANS {
            return;
        }
        let Some(slot) = table.get(id) else { return };
        match (slot.due() == T::NEVER, self.place(id)) {
            (true, None) => {}
            (true, Some(place)) => self.take_out(table, place),
            (false, None) => {
                let at = self.heap.len();
                let pushed = self.heap.push(id);
                debug_assert!(
                    pushed.is_ok(),
                    "a heap of deadlines holds every id of its table"
                );
                if pushed.is_ok() {
                    self.note(at);
                    self.rise(table, at);
                }
            }
            (false, Some(place)) => {
                let at = self.rise(table, place);
                self.sink(table, at);
            }
        }
    }

    /// Takes a slot out, whatever its instant. Call it before the slot is vacated or goes to another heap.
    pub(crate) fn forget<T: Timed, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, id: u32) {
        if Self::SCANS {
            return;
        }
        if let Some(place) = self.place(id) {
            self.take_out(table, place);
        }
    }

    /// Where an id stands in the heap.
    fn place(&self, id: u32) -> Option<usize> {
        let place = beside(&self.places, id);
        (place != NONE).then_some(place as usize)
    }

    fn take_out<T: Timed, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, at: usize) {
        let Some(last) = self.heap.len().checked_sub(1) else {
            return;
        };
        if let Some(&id) = self.heap.get(at) {
            set_beside(&mut self.places, id, NONE);
        }
        swap(&mut self.heap, at, last);
        self.heap.truncate(last);
        if at < last {
            self.note(at);
            let at = self.rise(table, at);
            self.sink(table, at);
        }
    }

    /// Takes note of where the id at a place of the heap stands.
    fn note(&mut self, at: usize) {
        if let Some(&id) = self.heap.get(at) {
            set_beside(&mut self.places, id, u32::try_from(at).unwrap_or(NONE));
        }
    }

    fn due_at<T: Timed, R: Slots<Slot<T>>>(
        &self,
        table: &Table<T, R>,
        at: usize,
    ) -> Option<(T::At, u32)> {
        let id = *self.heap.get(at)?;
        Some((table.get(id)?.due(), id))
    }

    /// Puts an id in a place of the heap.
    fn put(&mut self, at: usize, id: u32) {
        if let Some(place) = self.heap.get_mut(at) {
            *place = id;
        }
        set_beside(&mut self.places, id, u32::try_from(at).unwrap_or(NONE));
    }

    /// Moves what stands at a place towards the front, past all that is due later.
    fn rise<T: Timed, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, mut at: usize) -> usize {
        let Some(moved) = self.due_at(table, at) else {
            return at;
        };
        let from = at;
        while at > 0 {
            let parent = (at - 1) / 2;
            match self.due_at(table, parent) {
                Some(above) if above > moved => self.put(at, above.1),
                _ => break,
            }
            at = parent;
        }
        if at != from {
            self.put(at, moved.1);
        }
        at
    }

    /// Moves what stands at a place towards the end, past all that is due earlier.
    fn sink<T: Timed, R: Slots<Slot<T>>>(&mut self, table: &Table<T, R>, mut at: usize) {
        let Some(moved) = self.due_at(table, at) else {
            return;
        };
        let from = at;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(mut least) = self.due_at(table, left).map(|due| (due, left)) else {
                break;
            };
            if let Some(due) = self.due_at(table, right)
                && due < least.0
            {
                least = (due, right);
            }
            if moved <= least.0 {
                break;
            }
            self.put(at, least.0.1);
            at = least.1;
        }
        if at != from {
            self.put(at, moved.1);
        }
    }
}

/// Like that of a slice, but never a panic.
fn swap(ids: &mut [u32], a: usize, b: usize) {
    if let Ok([a, b]) = ids.get_disjoint_mut([a, b]) {
        core::mem::swap(a, b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    struct Slept(Instant);

    impl Timed for Slept {
        type At = Instant;
        const NEVER: Instant = Instant::MAX;

        fn due(&self) -> Instant {
            self.0
        }
    }

    #[test]
    fn slots_come_up_in_the_order_of_their_instants() {
        let mut table: Table<Slept, std::vec::Vec<Slot<Slept>>> = Table::new();
        let mut due: Due<std::vec::Vec<u32>> = Due::new();
        for n in 0..200u64 {
            let at = Instant::from_micros(n * 7919 % 211);
            let id = table.insert(Slept(at), 1000).unwrap();
            due.settle(&table, id);
        }
        // Some change their mind.
        for id in (0..200).step_by(5) {
            table.get_mut(id).unwrap().0 = Instant::from_micros(u64::from(id) * 31 % 97);
            due.settle(&table, id);
        }
        let mut last = Instant::ZERO;
        let mut seen = 0;
        while let Some((_, id)) = due.least(&table, &|_| true) {
            let slot = table.get_mut(id).unwrap();
            assert!(slot.0 >= last);
            last = slot.0;
            slot.0 = Instant::MAX;
            due.settle(&table, id);
            assert_eq!(due.place(id), None);
            seen += 1;
        }
        assert_eq!(seen, 200);
    }
}
