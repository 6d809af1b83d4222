//! The one trait of memory: a row of slots that may grow.

use core::{
    fmt,
    ops::{Deref, DerefMut},
};

use super::NONE;

/// A row of slots: a slice that can be made longer until it is full.
///
/// Implemented for `heapless::Vec` (full at its fixed size) and, with the feature `alloc`, for `alloc::vec::Vec` (never
/// full by itself; what is stored in it is bounded by [`Config`](crate::config::Config)).
///
/// ```
/// use mdns_proto::store::Slots;
///
/// let mut row = <heapless::Vec<u8, 2> as Slots<u8>>::EMPTY;
/// assert!(Slots::push(&mut row, 1).is_ok());
/// assert!(Slots::push(&mut row, 2).is_ok());
/// assert_eq!(Slots::push(&mut row, 3), Err(3));
/// assert_eq!(row[..], [1, 2]);
/// ```
pub trait Slots<T>: DerefMut<Target = [T]> {
    /// A row with nothing in it.
    const EMPTY: Self;

    /// The most slots the row can ever have.
    const CAPACITY: usize;

    /// Adds a slot at the end, or gives it back when the row is full.
    ///
    /// # Errors
    /// The value itself, when there is no room.
    fn push(&mut self, value: T) -> Result<(), T>;

    /// Forgets all slots from `len` on.
    fn truncate(&mut self, len: usize);

    /// Makes the row so long with copies of a value, or as long as it may become. A longer one stays as it is.
    fn fill_to(&mut self, len: usize, value: T)
    where
        T: Copy,
    {
        while self.len() < len && self.push(value).is_ok() {}
    }
}

impl<T, const N: usize> Slots<T> for heapless::Vec<T, N> {
    const EMPTY: Self = heapless::Vec::new();
    const CAPACITY: usize = N;

    fn push(&mut self, value: T) -> Result<(), T> {
        heapless::Vec::push(self, value)
    }

    fn truncate(&mut self, len: usize) {
        heapless::Vec::truncate(self, len);
    }
}

#[cfg(feature = "alloc")]
impl<T> Slots<T> for alloc::vec::Vec<T> {
    const EMPTY: Self = alloc::vec::Vec::new();
    const CAPACITY: usize = usize::MAX;

    fn push(&mut self, value: T) -> Result<(), T> {
        alloc::vec::Vec::push(self, value);
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        alloc::vec::Vec::truncate(self, len);
    }

    fn fill_to(&mut self, len: usize, value: T)
    where
        T: Copy,
    {
        if len > self.len() {
            self.resize(len, value);
        }
    }
}

/// A row without room, that takes none: of a table that is looked through instead of being ordered or indexed.
///
/// ```
/// use mdns_proto::store::{NoRow, Slots};
///
/// let mut row = NoRow::EMPTY;
/// assert_eq!(row.push(7), Err(7));
/// assert_eq!(size_of_val(&row), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoRow;

impl Deref for NoRow {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &[]
    }
}

impl DerefMut for NoRow {
    fn deref_mut(&mut self) -> &mut [u32] {
        &mut []
    }
}

impl Slots<u32> for NoRow {
    const EMPTY: Self = NoRow;
    const CAPACITY: usize = 0;

    fn push(&mut self, value: u32) -> Result<(), u32> {
        Err(value)
    }

    fn truncate(&mut self, _: usize) {}
}

/// The number that is kept for an id of a table in a row beside it; [`NONE`] if there is none yet.
pub(crate) fn beside<R: Slots<u32>>(row: &R, id: u32) -> u32 {
    row.get(id as usize).copied().unwrap_or(NONE)
}

/// Keeps a number for an id. The row is as long as the table may become.
pub(crate) fn set_beside<R: Slots<u32>>(row: &mut R, id: u32, number: u32) {
    row.fill_to(id as usize + 1, NONE);
    let place = row.get_mut(id as usize);
    debug_assert!(
        place.is_some(),
        "there is a place for every id of the table"
    );
    if let Some(place) = place {
        *place = number;
    }
}

/// There is no slot left for this; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room left in the memory set aside for this")
    }
}

impl core::error::Error for Full {}
