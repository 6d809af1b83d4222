//! A keyed hash in one pass: quick, and not to be aimed at by who does not know the key.

use super::Name;

/// Bits of the golden ratio and of the square root of two, for a start that is no multiple of the key.
const START: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0x6a09_e667_f3bc_c909;

/// Bytes taken at a time; the eighth of a word says how many are left.
const CHUNK: usize = 7;

/// A running hash over rows of bytes, each of which counts as one: `ab`, `c` is not `a`, `bc`.
pub(crate) struct KeyedHash {
    state: u64,
    factor: u64,
}

impl KeyedHash {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn new(key: u64) -> Self {
        KeyedHash {
            state: key ^ START,
            factor: (key.rotate_left(32) ^ FACTOR) | 1,
        }
    }

    /// Adds a number.
    pub(crate) fn word(&mut self, word: u64) {
        self.state = mix(self.state ^ word, self.factor);
    }

    /// Adds a row of bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.row(bytes, |word| word);
    }

    /// Adds a name, label by label, without regard to ASCII case.
    pub(crate) fn name(&mut self, name: Name<'_>) {
        for label in name.labels() {
            // The count of bytes left is at most 63, which is no letter.
            self.row(label, lowercase);
        }
        self.row(&[], |word| word);
    }

    pub(crate) fn finish(self) -> u32 {
        mix(self.state, self.factor.rotate_left(17) | 1) as u32
    }

    #[inline]
    fn row(&mut self, bytes: &[u8], fold: impl Fn(u64) -> u64) {
        // How many bytes are left tells a short last chunk from zeros, and one row from two. An empty row
        // is a word too.
        let mut rest = bytes;
        loop {
            let mut word = [0; 8];
            let [left, places @ ..] = &mut word;
            *left = rest.len() as u8;
            if let Some((chunk, tail)) = rest.split_first_chunk::<CHUNK>() {
                *places = *chunk;
                rest = tail;
            } else {
                for (place, byte) in places.iter_mut().zip(rest) {
                    *place = *byte;
                }
                rest = &[];
            }
            self.state = mix(self.state ^ fold(u64::from_le_bytes(word)), self.factor);
            if rest.is_empty() {
                return;
            }
        }
    }
}

/// ASCII letters of a word, eight at once, without case.
fn lowercase(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let low = word & !HIGH;
    // The high bit of each sum says: from `A` on; after `Z`. None carries into the next byte.
    let from_a = low.wrapping_add((0x80 - 0x41) * EACH);
    let after_z = low.wrapping_add((0x80 - 0x5b) * EACH);
    let upper = from_a & !after_z & !word & HIGH;
    word | upper >> 2
}

/// Multiplies, and folds the upper half of the product into the lower.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lose_their_case_and_nothing_else_changes() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                let mut word = *b"Az[@`{\xc1Z";
                word[place] = byte;
                let folded = word.map(|byte| byte.to_ascii_lowercase());
                assert_eq!(
                    lowercase(u64::from_le_bytes(word)),
                    u64::from_le_bytes(folded)
                );
            }
        }
    }
}
