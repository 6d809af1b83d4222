//! NSEC: what the owner has, and so what it has not (RFC 4034 §4, RFC 6762 §6.1).

use core::fmt;

use super::{
    super::reader::{all_parse, block},
    RecordType,
};
use crate::name::Name;

/// Bytes of bits in a block (RFC 4034 §4.1.2).
const BITS_MAX: usize = 32;

/// Which types the owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nsec<'a> {
    /// In mDNS, the owner again (RFC 6762 §6.1).
    pub next: Name<'a>,
    /// The types there are.
    pub types: Types<'a>,
}

/// A set of types as the blocks of bits in an NSEC (RFC 4034 §4.1.2).
///
/// Bits of pseudo-types mean nothing. A block with no bytes of bits, with more than 32, or with fewer than it says
/// makes the rdata unsound, so that a cut bitmap denies nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Types<'a> {
    /// Sound blocks.
    blocks: &'a [u8],
}

impl<'a> Types<'a> {
    /// Blocks of bits, if all are sound.
    pub fn from_wire(blocks: &'a [u8]) -> Option<Self> {
        all_parse(blocks, block).then_some(Types { blocks })
    }

    pub(in crate::wire) fn trusted(blocks: &'a [u8]) -> Self {
        Types { blocks }
    }

    /// The blocks of bits.
    pub fn as_wire(&self) -> &'a [u8] {
        self.blocks
    }

    /// Whether `rtype` is there; never for a pseudo-type.
    pub fn contains(&self, rtype: RecordType) -> bool {
        let [high, low] = rtype.0.to_be_bytes();
        !rtype.is_pseudo()
            && self
                .blocks()
                .any(|(window, bits)| window == high && has_bit(bits, low))
    }

    /// The types that are there, block by block.
    pub fn iter(&self) -> impl Iterator<Item = RecordType> + use<'a> {
        self.blocks()
            .flat_map(|(window, bits)| {
                (0u8..)
                    .zip(bits)
                    .filter(|(_, byte)| **byte != 0)
                    .flat_map(move |(index, byte)| {
                        set_bits(*byte).map(move |bit| {
                            // The bits of a block are 256 at the most.
                            RecordType(u16::from_be_bytes([window, index << 3 | bit]))
                        })
                    })
            })
            .filter(|rtype| !rtype.is_pseudo())
    }

    fn blocks(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.blocks;
        core::iter::from_fn(move || {
            let (after, found) = block(rest).ok()?;
            rest = after;
            Some(found)
        })
    }
}

/// The names of the types.
impl fmt::Debug for Types<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The numbers of the bits that are set, from the top one, which is 0.
fn set_bits(mut byte: u8) -> impl Iterator<Item = u8> {
    core::iter::from_fn(move || {
        // At most 8.
        let bit = byte.leading_zeros() as u8;
        byte &= !0x80u8.checked_shr(bit.into())?;
        Some(bit)
    })
}

/// Whether bit `low` is set; the first bit is the top one of the first byte, and those not there are not set.
fn has_bit(bits: &[u8], low: u8) -> bool {
    bits.get(usize::from(low >> 3))
        .is_some_and(|byte| byte & mask(low) != 0)
}

fn mask(low: u8) -> u8 {
    0x80 >> (low & 7)
}

/// A set of types below 256 to write into an NSEC: the only ones that one is to be sent about (RFC 6762 §6.1).
///
/// ```
/// use mdns_proto::wire::{RecordType, TypeSet};
///
/// let set: TypeSet = [RecordType::A, RecordType::AAAA].into_iter().collect();
/// assert_eq!(set.as_types().as_wire(), [0, 4, 0x40, 0, 0, 0x08]);
/// ```
#[derive(Clone)]
pub struct TypeSet {
    /// Window 0, the number of bytes of bits in use, the bits.
    block: [u8; BITS_MAX + 2],
}

impl TypeSet {
    /// No types.
    pub const fn new() -> Self {
        TypeSet {
            block: [0; BITS_MAX + 2],
        }
    }

    /// Adds a type. One that an NSEC of mDNS cannot have stays out: NSEC itself (RFC 6762 §6.1), pseudo-types
    /// and what is 256 or above.
    pub fn insert(&mut self, rtype: RecordType) {
        let [_, used, bits @ ..] = &mut self.block;
        let Ok(low) = u8::try_from(rtype.0) else {
            return;
        };
        if rtype.is_pseudo() || rtype == RecordType::NSEC {
            return;
        }
        let index = low >> 3;
        if let Some(byte) = bits.get_mut(usize::from(index)) {
            *byte |= mask(low);
            *used = (*used).max(index.saturating_add(1));
        }
    }

    /// The set, without zeros at its end; an empty one has no block.
    pub fn as_types(&self) -> Types<'_> {
        let [_, used, ..] = self.block;
        let len = match used {
            0 => 0,
            used => usize::from(used).saturating_add(2),
        };
        Types {
            blocks: self.block.get(..len).unwrap_or_default(),
        }
    }
}

impl Default for TypeSet {
    fn default() -> Self {
        TypeSet::new()
    }
}

impl FromIterator<RecordType> for TypeSet {
    fn from_iter<T: IntoIterator<Item = RecordType>>(types: T) -> Self {
        let mut set = TypeSet::new();
        types.into_iter().for_each(|rtype| set.insert(rtype));
        set
    }
}

impl fmt::Debug for TypeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_types().fmt(f)
    }
}
