//! A decoder written by hand, as the floor that the codec is compared with: it checks all that the codec checks, hashes every name,
//! and does nothing else.

use crate::fnv;

/// Where a compression pointer may lead at the least (RFC 1035 §4.1.1: after the header).
const HEADER: usize = 12;

/// The sum of the hashes of all names, and of the types of all records and bitmaps, of a sound message; `None` for any other.
pub(crate) fn visit(message: &[u8]) -> Option<u32> {
    let counts: [usize; 4] = [4, 6, 8, 10].map(|at| usize::from(u16_at(message, at).unwrap_or(0)));
    let [questions, records @ ..] = counts;
    let mut at = HEADER;
    let mut sum = 0u32;
    for _ in 0..questions {
        at = name(message, at, &mut sum)?;
        sum = sum.wrapping_add(u16_at(message, at)?.into());
        u16_at(message, at + 2)?;
        at += 4;
    }
    for _ in 0..records.into_iter().sum() {
        at = name(message, at, &mut sum)?;
        let rtype = u16_at(message, at)?;
        sum = sum.wrapping_add(rtype.into());
        let from = at + 10;
        let end = from + usize::from(u16_at(message, at + 8)?);
        // A name in rdata ends inside it.
        let within = message.get(..end)?;
        match rtype {
            1 if end - from == 4 => {}
            28 if end - from == 16 => {}
            12 | 5 if name(within, from, &mut sum)? == end => {}
            33 if from + 6 < end && name(within, from + 6, &mut sum)? == end => {}
            16 if strings(within.get(from..)?) => {}
            47 => {
                let bits = name(within, from, &mut sum)?;
                types(within.get(bits..)?, &mut sum)?;
            }
            13 if strings(within.get(from..)?) => {}
            41 => {}
            _ => return None,
        }
        at = end;
    }
    Some(sum)
}

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([
        *message.get(at)?,
        *message.get(at + 1)?,
    ]))
}

/// Adds the hash of the name at an offset, and returns where it ends.
fn name(message: &[u8], start: usize, sum: &mut u32) -> Option<usize> {
    let mut hash = fnv::START;
    let mut end = None;
    let mut part = start;
    let mut at = start;
    let mut len = 1;
    loop {
        match *message.get(at)? {
            0 => {
                *sum = sum.wrapping_add(hash);
                return Some(end.unwrap_or(at + 1));
            }
            count @ 1..=63 => {
                let next = at + 1 + usize::from(count);
                len += next - at;
                if len > 255 {
                    return None;
                }
                hash = fnv::label(hash, message.get(at + 1..next)?);
                at = next;
            }
            high @ 192.. => {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, *message.get(at + 1)?]));
                end = end.or(Some(at + 2));
                if target >= part || target < HEADER {
                    return None;
                }
                part = target;
                at = target;
            }
            _ => return None,
        }
    }
}

/// Whether these are strings, each with its length.
fn strings(mut bytes: &[u8]) -> bool {
    while let Some((len, rest)) = bytes.split_first() {
        match rest.get(usize::from(*len)..) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

/// Adds the types of the blocks of a bitmap (RFC 4034 §4.1.2).
fn types(mut blocks: &[u8], sum: &mut u32) -> Option<()> {
    while let [window, len, rest @ ..] = blocks {
        if !(1..=32).contains(len) {
            return None;
        }
        let (bits, rest) = rest.split_at_checked((*len).into())?;
        for (at, byte) in bits.iter().enumerate() {
            let mut byte = *byte;
            while byte != 0 {
                let bit = byte.leading_zeros();
                *sum = sum.wrapping_add(u32::from(*window) << 8 | (at as u32) << 3 | bit);
                byte &= !(0x80 >> bit);
            }
        }
        blocks = rest;
    }
    blocks.is_empty().then_some(())
}
