//! Names, each stored once: whole, counted, with its hash. Records hold the id, so that PTR to SRV to A is following numbers.

use core::num::NonZero;

use super::{Block, Chained, Full, Id, Index, NONE, Owner, Raw, Slot, Slots, Table, Text, short};
use crate::name::Name;

/// The number of a stored name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameId(Id);

impl NameId {
    pub(crate) const fn of(number: u32) -> Self {
        NameId(Id::of(number))
    }

    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }
}

/// What somebody finds by the number of a name: the firsts of two chains of his.
#[derive(Clone, Copy, Debug)]
pub struct NameChains([Id; 2]);

/// The chains of all names, for one who keeps some: requests and results by name, or records and questions of a link.
#[derive(Debug)]
pub(crate) struct ChainsByName<R> {
    row: R,
}

impl<R: Slots<NameChains>> ChainsByName<R> {
    pub(crate) const fn new() -> Self {
        ChainsByName { row: R::EMPTY }
    }

    fn get(&self, name: NameId, chain: usize) -> u32 {
        let NameChains(firsts) = self
            .row
            .get(name.get() as usize)
            .copied()
            .unwrap_or(NameChains([Id::NONE; 2]));
        firsts.get(chain).map_or(NONE, |first| first.get())
    }

    fn set(&mut self, name: NameId, chain: usize, first: u32) {
        let place = name.get() as usize;
        self.row.fill_to(place + 1, NameChains([Id::NONE; 2]));
        debug_assert!(place < self.row.len(), "there is a place for every name");
        if let Some(NameChains(firsts)) = self.row.get_mut(place)
            && let Some(place) = firsts.get_mut(chain)
        {
            *place = Id::of(first);
        }
    }

    /// The first of the first chain of a name, `NONE` if there is none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn first(&self, name: NameId) -> u32 {
        self.get(name, 0)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set_first(&mut self, name: NameId, first: u32) {
        self.set(name, 0, first);
    }

    /// The first of the second chain of a name, `NONE` if there is none.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn second(&self, name: NameId) -> u32 {
        self.get(name, 1)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn set_second(&mut self, name: NameId, first: u32) {
        self.set(name, 1, first);
    }
}

/// A name that was looked for among those that are stored, and its hash for whoever stores it then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) id: Option<NameId>,
    hash: u32,
}

/// One stored name.
#[derive(Debug)]
pub struct NameSlot {
    block: Block,
    hash: Raw,
    /// How many hold the id. Never zero, which makes room for what tells a vacant place from a taken one.
    refs: NonZero<Raw>,
}

impl Chained for NameSlot {
    fn hash(&self) -> Raw {
        self.hash
    }
}

/// The owner of a block whose name has no number yet.
const NO_NAME: Owner = Owner(u32::MAX - 1);

/// How much may be stored, for rows that grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) names: u32,
    pub(crate) text: usize,
}

/// Names by number and by text, and the text row that they share with the rdata of the records beside them.
#[derive(Debug)]
pub(crate) struct Names<N, I, T> {
    table: Table<NameSlot, N>,
    index: Index<I>,
    text: Text<T>,
    /// The key of the hashes, from the seed: strangers cannot choose names that collide.
    key: u64,
    limits: Limits,
    /// A bit for each stored name, by a glance at its first label. Most names heard are none of a few that are stored, and
    /// need not be hashed to see that.
    glances: u64,
}

/// Up to so many names, their glances are taken anew when one is freed.
const FEW: usize = 16;

impl<N: Slots<Slot<NameSlot>>, I: Slots<u32>, T: Slots<u8>> Names<N, I, T> {
    pub(crate) const fn new(limits: Limits) -> Self {
        Names {
            table: Table::new(),
            index: Index::new(),
            text: Text::new(),
            key: 0,
            limits,
            glances: 0,
        }
    }

    /// Sets the key of the hashes. Only while nothing is stored.
    pub(crate) fn set_key(&mut self, key: u64) {
        debug_assert!(
            self.table.len() == 0,
            "names hashed with another key would be lost"
        );
        self.key = key;
    }

    /// Stores a name, or finds it stored, and holds it once more.
    pub(crate) fn intern(&mut self, name: Name<'_>) -> Result<NameId, Full> {
        let name = self.look_up(name);
        self.keep(name)
    }

    /// Looks for a name, and remembers its hash.
    pub(crate) fn look_up<'a>(&self, name: Name<'a>) -> Lookup<'a> {
        let hash = name.hash(self.key);
        let id = self.find_hashed(name, hash);
        Lookup { name, id, hash }
    }

    /// Looks for a name once more: others may have come or gone.
    pub(crate) fn look_again(&self, name: &mut Lookup<'_>) {
        name.id = self.find_hashed(name.name, name.hash);
    }

    /// Stores a name that was looked for and not found, or holds it once more. The name, if it was found, is still there.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn keep(&mut self, name: Lookup<'_>) -> Result<NameId, Full> {
        let Lookup { name, id, hash } = name;
        if let Some(id) = id {
            self.hold(id);
            return Ok(id);
        }
        if !self.table.has_room(self.limits.names) {
            return Err(Full);
        }
        let block = self.store(name)?;
        let slot = NameSlot {
            block,
            hash: short(hash),
            refs: NonZero::<Raw>::MIN,
        };
        let id = self.table.insert(slot, self.limits.names)?;
        self.text.set_owner(block, Owner(id));
        self.index.insert(&self.table, id);
        self.glances |= glance(name);
        Ok(NameId::of(id))
    }

    /// The same, where the name may have come since it was looked for.
    pub(crate) fn intern_looked_up(&mut self, mut name: Lookup<'_>) -> Result<NameId, Full> {
        if name.id.is_none() {
            self.look_again(&mut name);
        }
        self.keep(name)
    }

    /// Stores the bytes of a name.
    fn store(&mut self, name: Name<'_>) -> Result<Block, Full> {
        let Names {
            table,
            text,
            limits,
            ..
        } = self;
        let moved = &mut |Owner(owner), block| {
            if let Some(slot) = table.get_mut(owner) {
                slot.block = block;
            }
        };
        let block = text.begin(NO_NAME, name.wire_len(), limits.text, moved)?;
        name.try_each_part(|part| text.extend(block, part))?;
        Ok(block)
    }

    pub(crate) fn find(&self, name: Name<'_>) -> Option<NameId> {
        if self.glances & glance(name) == 0 {
            return None;
        }
        self.find_hashed(name, name.hash(self.key))
    }

    fn find_hashed(&self, name: Name<'_>, hash: u32) -> Option<NameId> {
        self.index
            .find(&self.table, hash, &|slot| self.text_of(slot) == name)
            .map(NameId::of)
    }

    /// A number that is the same for equal names, and most likely another for others.
    pub(crate) fn fingerprint(&self, id: NameId) -> u32 {
        match self.table.get(id.get()) {
            // All of the hash is kept, or half of it.
            #[allow(
                clippy::useless_conversion,
                reason = "numbers have 16 bits without an allocator"
            )]
            Some(slot) if size_of::<Raw>() == size_of::<u32>() => u32::from(slot.hash),
            _ => self.name(id).hash(self.key),
        }
    }

    fn text_of(&self, slot: &NameSlot) -> Name<'_> {
        Name::stored(self.text.bytes(slot.block))
    }

    /// The text of a stored name; the root for an id that is not in use.
    pub(crate) fn name(&self, id: NameId) -> Name<'_> {
        self.table
            .get(id.get())
            .map_or(Name::ROOT, |slot| self.text_of(slot))
    }

    pub(crate) fn hold(&mut self, id: NameId) {
        if let Some(slot) = self.table.get_mut(id.get()) {
            slot.refs = slot.refs.saturating_add(1);
        }
    }

    /// Lets go of a name; the last to do so frees it.
    pub(crate) fn release(&mut self, id: NameId) {
        let Some(slot) = self.table.get_mut(id.get()) else {
            return;
        };
        if let Some(left) = NonZero::new(slot.refs.get() - 1) {
            slot.refs = left;
        } else {
            let block = slot.block;
            self.index.remove(&self.table, id.get());
            self.text.remove(block);
            self.table.vacate(id.get());
            if self.table.len() <= FEW {
                let names = self.table.iter().map(|(_, slot)| self.text_of(slot));
                self.glances = names.fold(0, |glances, name| glances | glance(name));
            }
        }
    }

    /// Whether there is room for one more name, however long.
    pub(crate) fn has_room(&self) -> bool {
        self.table.has_room(self.limits.names)
            && self.text.has_room(crate::name::NAME_MAX, self.limits.text)
    }

    /// Whether no name and no byte is left.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.table.len() == 0 && self.text.used() == 0
    }
}

/// One bit of 64, the same for equal names: by the length of the first label and four of its bytes.
fn glance(name: Name<'_>) -> u64 {
    let label = name.first_label().unwrap_or(&[]);
    // Letters lose their case; that other bytes fall together too does no harm.
    let byte = |at: usize| label.get(at).map_or(0, |byte| u32::from(byte | 0x20));
    let len = label.len();
    let [first, middle] = [byte(0), byte(len / 2)];
    let [before_last, last] = [byte(len.wrapping_sub(2)), byte(len.wrapping_sub(1))];
    let bytes = first | middle << 8 | before_last << 16 | last << 24;
    let mixed = (bytes ^ len as u32).wrapping_mul(0x9e37_79b9);
    1 << (mixed >> 26)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameBuf;

    type Board =
        Names<heapless::Vec<Slot<NameSlot>, 4>, heapless::Vec<u32, 0>, heapless::Vec<u8, 64>>;

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_stored_once_and_freed_by_the_last_holder() {
        let mut names = Board::new(Limits {
            names: 9,
            text: 999,
        });
        let a = names.intern(name("Hall.local").as_name()).unwrap();
        assert_eq!(names.intern(name("HALL.local").as_name()), Ok(a));
        names.release(a);
        assert_eq!(names.find(name("hall.LOCAL").as_name()), Some(a));
        names.release(a);
        assert_eq!(names.find(name("hall.local").as_name()), None);
        assert_eq!(names.text.used(), 0);
    }
}
