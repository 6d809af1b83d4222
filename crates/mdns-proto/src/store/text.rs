//! Text that moves: byte strings of any length in one row, closed up when half of it is holes.
//!
//! A block is `[owner: 4 bytes][length: 2 bytes][bytes]`. It carries its owner's id so that the owner can be told where the
//! block has gone. A hole is a block without an owner.

use super::{Full, Id, NONE, Slots};

const HEADER: usize = 6;

/// Where a block begins in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(Id);

impl Block {
    /// No block: its bytes are none.
    pub(crate) const NONE: Block = Block(Id::NONE);

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
}

impl<R: Slots<u8>> Text<R> {
    pub(crate) const fn new() -> Self {
        Text {
            row: R::EMPTY,
            holes: 0,
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
        used + HEADER + len <= most::<R>(limit) && len <= usize::from(u16::MAX)
    }

    /// Bytes in use, headers included.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
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
        if self.row.len() + HEADER + len > most::<R>(limit) || self.holes > self.row.len() / 2 {
            self.compact(moved);
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

    /// Closes all holes. The one cost in proportion to the store; it is paid by what was removed before.
    fn compact(&mut self, moved: &mut dyn FnMut(Owner, Block)) {
        let (mut from, mut to) = (0, 0);
        while from < self.row.len() {
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
        self.row.truncate(to);
        self.holes = 0;
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

    #[test]
    fn the_last_block_leaves_no_hole() {
        let mut text: Text<heapless::Vec<u8, 16>> = Text::new();
        let a = insert(&mut text, 0, b"0123456789", 16, &mut |_, _| {}).unwrap();
        text.remove(a);
        assert_eq!(text.used(), 0);
    }
}
