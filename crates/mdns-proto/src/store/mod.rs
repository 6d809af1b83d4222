//! Memory as rows of slots that may or may not grow.
//!
//! A row is anything that is [`Slots`]: a `heapless::Vec` in firmware, an `alloc::vec::Vec` on a server. Everything that is
//! remembered lives in a few such rows, and what is built on them here (tables with vacancies, chained indices, heaps of
//! deadlines, moving text, interned names) is written once for both. None of it allocates by itself, none of it fails
//! in another way than [`Full`].

mod due;
mod fixed;
#[cfg(feature = "alloc")]
mod heap;
mod id;
mod index;
mod names;
mod slots;
mod table;
mod text;

pub(crate) use due::{Due, Timed};
#[cfg(feature = "alloc")]
pub use heap::Heap;
/// For the rows that [`fixed!`](crate::fixed) makes.
#[doc(hidden)]
pub use heapless;
#[doc(hidden)]
pub use id::Id;
pub(crate) use id::{NONE, Raw, short};
pub(crate) use index::{Chained, Index};
pub(crate) use names::{ChainsByName, Limits, Lookup, NameId, Names};
pub use names::{NameChains, NameSlot};
pub use slots::{Full, NoRow, Slots};
pub(crate) use slots::{beside, set_beside};
pub use table::Slot;
#[cfg(test)]
pub(crate) use table::looks;
pub(crate) use table::{Table, Taken};
pub(crate) use text::{Block, HEADER as BLOCK_HEADER, Owner, Text};

/// So many records heard are looked through for the one that is due; [`fixed!`](crate::fixed) keeps heaps of more.
#[doc(hidden)]
pub const SHORT: usize = 64;
