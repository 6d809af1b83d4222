//! Text that moves: byte strings of any length in one row, closed up when half of it is holes, or when it is nearly full.
//!
//! A long row is closed up step by step, a little with each block that is added, so that no block costs in proportion to the row:
//!
//! ```text
//! [closed up .. to) gap [from .. not yet looked at .. end)
//! ```
//!
//! An eighth of it stays free for what is added meanwhile. A short row is closed up at once and can be filled.
//!
//! A block is `[owner: 4 bytes][length: 2 bytes][bytes]`. It carries its owner's id so that the owner can be told where the
//! block has gone. A hole is a block without an owner.

use super::{Full, Id, NONE, Slots};

/// Bytes of a block beside its own.
pub(crate) const HEADER: usize = 6;

/// How many bytes of the row are looked at to close it up with each block that is added, and for each byte of that block. While the
/// whole row is gone through, what is added takes less than the eighth that is free.
const STEP: usize = 4096;
const STEP_EACH: usize = 32;

/// Where a block begins in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(Id);

impl Block {
    /// No block: its bytes are none.
    pub(crate) const NONE: Block = Block(Id::NONE);

    /// The place as a number, for who keeps it in a field with other numbers.
    pub(crate) const fn id(self) -> Id {
        self.0
    }

    pub(crate) const fn from_id(id: Id) -> Self {
        Block(id)
    }

    const fn at(self) -> usize {
        self.0.get() as usize
    }
}

/// Who holds a block, as a number the holder understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u32);

impl Owner {
    const NOBODY: Owner = Owner(u32::MAX);
}

/// A row of blocks.
#[derive(Debug)]
pub(crate) struct Text<R> {
    row: R,
    /// Bytes in holes, headers included.
    holes: usize,
    /// Where the row is being closed up: what is free between the blocks that are and those that are not yet. Empty at the start of the
    /// row if that is not being done.
    gap: (usize, usize),
}

impl<R: Slots<u8>> Text<R> {
    pub(crate) const fn new() -> Self {
        Text {
            row: R::EMPTY,
            holes: 0,
            gap: (0, 0),
        }
    }

    /// The bytes of a block.
    pub(crate) fn bytes(&self, block: Block) -> &[u8] {
        let (_, len) = self.header(block.at());
        let from = block.at() + HEADER;
        self.row.get(from..from + len).unwrap_or(&[])
    }

    fn header(&self, at: usize) -> (Owner, usize) {
        match self.row.get(at..at + HEADER) {
            Some(&[a, b, c, d, e, f]) => (
                Owner(u32::from_le_bytes([a, b, c, d])),
                usize::from(u16::from_le_bytes([e, f])),
            ),
            _ => (Owner::NOBODY, 0),
        }
    }

    /// Whether a block of `len` bytes would find room, if need be after closing the holes.
    pub(crate) fn has_room(&self, len: usize, limit: usize) -> bool {
        let used = self.row.len() - self.holes;
        used + HEADER + len <= usable::<R>(limit) && len <= usize::from(u16::MAX)
    }

    /// How many bytes more would find room, headers included.
    pub(crate) fn room(&self, limit: usize) -> usize {
        most::<R>(limit).saturating_sub(self.row.len() - self.holes)
    }

    /// Bytes in use, headers included.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.row.len() - self.holes
    }

    /// Begins a block of so many bytes, which are to follow by [`extend`](Self::extend). `moved` is told of each block that had to move to make
    /// room.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn begin(
        &mut self,
        owner: Owner,
        len: usize,
        limit: usize,
        moved: &mut dyn FnMut(Owner, Block),
    ) -> Result<Block, Full> {
        if !self.has_room(len, limit) {
            return Err(Full);
        }
        let whole = HEADER + len;
        let is_closing = self.gap != (0, 0);
        let is_full = self.row.len() + whole > usable::<R>(limit);
        if self.holes > 0 && (is_closing || is_full || self.holes > self.row.len() / 2) {
            self.close_up(STEP + STEP_EACH * whole, moved);
        }
        // The free eighth sees to it that this is never so in a long row.
        while self.holes > 0 && self.row.len() + whole > most::<R>(limit) {
            self.close_up(usize::MAX, moved);
        }
        let block = Block(Id::at(self.row.len()));
        let [a, b, c, d] = owner.0.to_le_bytes();
        let [e, f] = u16::try_from(len).map_err(|_| Full)?.to_le_bytes();
        self.extend(block, &[a, b, c, d, e, f])?;
        Ok(block)
    }

    /// Adds bytes at the end; without room for all, nothing is left of the block.
    pub(crate) fn extend(&mut self, block: Block, bytes: &[u8]) -> Result<(), Full> {
        for &byte in bytes {
            if self.row.push(byte).is_err() {
                self.row.truncate(block.at());
                return Err(Full);
            }
        }
        Ok(())
    }

    /// Gives a block back.
    pub(crate) fn remove(&mut self, block: Block) {
        let at = block.at();
        let (owner, len) = self.header(at);
        if owner == Owner::NOBODY {
            return;
        }
        if at + HEADER + len == self.row.len() {
            self.row.truncate(at);
            if self.gap != (0, 0) {
                self.end_gap();
            }
            return;
        }
        self.set_owner(block, Owner::NOBODY);
        self.holes += HEADER + len;
    }

    /// Hands a block to another owner.
    pub(crate) fn set_owner(&mut self, block: Block, owner: Owner) {
        let at = block.at();
        if let Some(place) = self.row.get_mut(at..at + 4) {
            place.copy_from_slice(&owner.0.to_le_bytes());
        }
    }

    /// Goes on to close the holes, and looks at so many bytes of the row.
    fn close_up(&mut self, bytes: usize, moved: &mut dyn FnMut(Owner, Block)) {
        let (mut to, mut from) = self.gap;
        let until = from.saturating_add(bytes);
        while from < self.row.len().min(until) {
            let (owner, len) = self.header(from);
            let whole = HEADER + len;
            if owner != Owner::NOBODY {
                // What lies between is none of ours any more. The places are written so that the compiler sees them inside.
                if let Some(part) = self.row.get_mut(to..from + whole)
                    && let Some(gap) = part.len().checked_sub(whole)
                    && (1..=part.len()).contains(&gap)
                {
                    part.copy_within(gap.., 0);
                    moved(owner, Block(Id::at(to)));
                }
                to += whole;
            }
            from += whole;
        }
        self.gap = (to, from);
        self.end_gap();
    }

    /// Ends the row where the gap begins, if nothing lies behind it.
    fn end_gap(&mut self) {
        let (to, from) = self.gap;
        if from >= self.row.len() {
            self.holes -= from - to;
            self.row.truncate(to);
            self.gap = (0, 0);
        }
    }
}

/// How many bytes of blocks a row may have, so that a long one can be closed up step by step.
fn usable<R: Slots<u8>>(limit: usize) -> usize {
    match most::<R>(limit) {
        most @ ..=STEP => most,
        most => most - most / 8,
    }
}

/// How many bytes a row may have: places in it are numbers too.
fn most<R: Slots<u8>>(limit: usize) -> usize {
    limit.min(R::CAPACITY).min(NONE as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert<R: Slots<u8>>(
        text: &mut Text<R>,
        owner: u32,
        bytes: &[u8],
        limit: usize,
        moved: &mut dyn FnMut(Owner, Block),
    ) -> Result<Block, Full> {
        let block = text.begin(Owner(owner), bytes.len(), limit, moved)?;
        text.extend(block, bytes)?;
        Ok(block)
    }

    #[test]
    fn blocks_move_together_and_owners_learn_of_it() {
        let mut text: Text<heapless::Vec<u8, 40>> = Text::new();
        let none = &mut |_, _| panic!("nothing moves yet");
        let a = insert(&mut text, 0, b"aaaa", 40, none).unwrap();
        let b = insert(&mut text, 1, b"bbbb", 40, none).unwrap();
        let mut c = insert(&mut text, 2, b"cccc", 40, none).unwrap();
        assert_eq!(insert(&mut text, 3, b"ddddd", 40, none), Err(Full));
        text.remove(b);
        let mut d = insert(&mut text, 3, b"ddddd", 40, &mut |owner, block| {
            assert_eq!(owner, Owner(2));
            c = block;
        })
        .unwrap();
        assert_eq!(
            (text.bytes(a), text.bytes(c), text.bytes(d)),
            (&b"aaaa"[..], &b"cccc"[..], &b"ddddd"[..])
        );
        text.remove(a);
        insert(&mut text, 4, b"", 40, &mut |owner, block| {
            if owner == Owner(2) {
                c = block
            } else {
                d = block
            }
        })
        .unwrap();
        assert_eq!(
            (text.bytes(c), text.bytes(d)),
            (&b"cccc"[..], &b"ddddd"[..])
        );
    }

    /// covers: SEC-11
    #[cfg(feature = "alloc")]
    #[test]
    fn a_full_row_is_not_closed_up_for_each_block() {
        const LIMIT: usize = 1 << 20;
        const LEN: usize = 100;
        let mut text: Text<std::vec::Vec<u8>> = Text::new();
        // Where the block of each owner is, and the byte it is full of.
        let mut blocks = std::vec::Vec::new();
        for n in 0..40_000u32 {
            let byte = n as u8;
            let owner = if text.has_room(LEN, LIMIT) {
                blocks.push((Block::NONE, byte));
                blocks.len() - 1
            } else {
                // It takes the place of one anywhere.
                let owner = n.wrapping_mul(2_654_435_761) as usize % blocks.len();
                text.remove(blocks[owner].0);
                owner
            };
            let mut moves = 0;
            let block = insert(
                &mut text,
                owner as u32,
                &[byte; LEN],
                LIMIT,
                &mut |Owner(owner), block| {
                    moves += 1;
                    blocks[owner as usize].0 = block;
                },
            );
            assert!(
                moves <= (STEP + STEP_EACH * (HEADER + LEN)) / LEN,
                "{moves} blocks moved for one"
            );
            blocks[owner] = (block.unwrap(), byte);
        }
        for (block, byte) in blocks {
            assert_eq!(text.bytes(block), [byte; LEN]);
        }
    }

    #[test]
    fn the_last_block_leaves_no_hole() {
        let mut text: Text<heapless::Vec<u8, 16>> = Text::new();
        let a = insert(&mut text, 0, b"0123456789", 16, &mut |_, _| {}).unwrap();
        text.remove(a);
        assert_eq!(text.used(), 0);
    }
}
