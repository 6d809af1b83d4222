//! Numbers of slots, as small as the rows allow.

// Of the two widths one is always that of the number itself.
#![allow(
    clippy::absurd_extreme_comparisons,
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast
)]

/// What a number or a count of slots is kept in. Without an allocator no row grows, and a board has fewer than 65,535 of anything.
#[cfg(all(feature = "alloc", not(mdns_narrow)))]
pub(crate) type Raw = u32;
#[cfg(not(all(feature = "alloc", not(mdns_narrow))))]
pub(crate) type Raw = u16;

/// The number of no slot: the end of a chain. All numbers of slots are below it.
pub(crate) const NONE: u32 = Raw::MAX as u32;

/// The number of a slot, or of none, as other slots keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Raw);

/// As much of a hash as is kept in a slot.
pub(crate) const fn short(hash: u32) -> Raw {
    hash as Raw
}

impl Id {
    pub(crate) const NONE: Id = Id(Raw::MAX);

    /// Keeps a number, which is at most [`NONE`].
    pub(crate) const fn of(number: u32) -> Self {
        debug_assert!(number <= NONE, "no slot has a larger number");
        Id(number as Raw)
    }

    /// The number of a place in a row, [`NONE`] for one too far.
    pub(crate) fn at(place: usize) -> Self {
        Id(Raw::try_from(place).unwrap_or(Raw::MAX))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0 as u32
    }
}
