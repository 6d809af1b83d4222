//! What can be read from an image without running it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

/// An image, taken apart.
pub(super) struct Image {
    bytes: Vec<u8>,
    path: std::path::PathBuf,
}

/// What an image takes of the board.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Code, constants and what variables are at the start.
    pub(super) flash: u64,
    /// Variables. The stack comes on top.
    pub(super) ram: u64,
}

/// A call that ends the program.
pub(super) struct Panic {
    /// What is called.
    pub(super) function: String,
    /// From where, as `file:line`: the innermost place in a crate of ours.
    pub(super) place: String,
}

impl Image {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let path = path.to_owned();
        Ok(Image { bytes, path })
    }

    fn file(&self) -> Result<object::File<'_>> {
        object::File::parse(&*self.bytes).with_context(|| self.path.display().to_string())
    }

    pub(super) fn memory(&self) -> Result<Memory> {
        let file = self.file()?;
        let size = |name| {
            file.section_by_name(name)
                .map_or(0, |section| section.size())
        };
        let data = size(".data");
        Ok(Memory {
            flash: size(".vector_table") + size(".text") + size(".rodata") + data,
            ram: data + size(".bss"),
        })
    }

    /// The sizes of the variables whose names begin so, under the rest of their names.
    pub(super) fn variables(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let file = self.file()?;
        let mut found: Vec<_> = file
            .symbols()
            .filter_map(|symbol| {
                Some((
                    symbol.name().ok()?.strip_prefix(prefix)?.to_owned(),
                    symbol.size(),
                ))
            })
            .collect();
        found.sort();
        Ok(found)
    }

    /// Names of functions that belong to an allocator.
    pub(super) fn allocator(&self) -> Result<Vec<String>> {
        let file = self.file()?;
        let names = file
            .symbols()
            .filter_map(|symbol| symbol.name().ok().map(demangled));
        Ok(names
            .filter(|name| {
                ["alloc::", "__rust_alloc", "__rust_realloc", "malloc"]
                    .iter()
                    .any(|part| name.starts_with(part))
            })
            .collect())
    }

    /// Every call of a function that panics from code of this crate, inlined code included.
    pub(super) fn panics(&self, crate_name: &str) -> Result<Vec<Panic>> {
        let file = self.file()?;
        let enders: Vec<_> = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text)
            .filter_map(|symbol| Some((symbol.address() & !1, demangled(symbol.name().ok()?))))
            .filter(|(_, name)| panics(name))
            .collect();
        let text = file.section_by_name(".text").context("no .text")?;
        let loader = addr2line::Loader::new(&self.path)
            .map_err(|e| anyhow!("{}: {e}", self.path.display()))?;
        let folder = format!("crates/{crate_name}/");
        let mut found = Vec::new();
        for (from, to) in branches(text.data()?, text.address()) {
            let Some((_, function)) = enders.iter().find(|(address, _)| *address == to) else {
                continue;
            };
            let mut frames = loader
                .find_frames(from)
                .map_err(|e| anyhow!("{}: {e}", self.path.display()))?;
            while let Some(frame) = frames.next()? {
                let Some((file, line)) = frame
                    .location
                    .and_then(|place| Some((place.file?.to_owned(), place.line)))
                else {
                    continue;
                };
                if let Some((_, file)) = file.split_once(&folder) {
                    found.push(Panic {
                        function: function.clone(),
                        place: format!("{crate_name}/{file}:{}", line.unwrap_or(0)),
                    });
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Whether a function of `core` by this name does not come back.
fn panics(name: &str) -> bool {
    let fails = [
        "unwrap_failed",
        "expect_failed",
        "len_mismatch_fail",
        "slice_index_fail",
        "slice_error_fail",
    ];
    name.starts_with("core::")
        && (name.starts_with("core::panicking::") || fails.iter().any(|fail| name.ends_with(fail)))
}

/// The branches of Thumb code: from where to where (Armv7-M reference manual, A7.7.12 and A7.7.18). Constants between the code
/// read as code too, but do not lead anywhere that anybody asks for.
fn branches(code: &[u8], base: u64) -> impl Iterator<Item = (u64, u64)> {
    let halves = code
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_le_bytes([pair[0], pair[1]])));
    let halves: Vec<_> = halves.collect();
    let count = halves.len();
    (0..count).filter_map(move |i| {
        let first = halves[i];
        let from = base + 2 * i as u64;
        let offset = if first >> 11 == 0b11100 {
            // B, 11 bits
            sign_extended((first & 0x7ff) << 1, 12)
        } else if first >> 11 == 0b11110 {
            let second = *halves.get(i + 1)?;
            let is_branch = second & 0xd000 == 0xd000 || second & 0xd000 == 0x9000;
            if !is_branch {
                return None;
            }
            let (s, j1, j2) = (first >> 10 & 1, second >> 13 & 1, second >> 11 & 1);
            let (i1, i2) = (1 ^ j1 ^ s, 1 ^ j2 ^ s);
            let offset =
                s << 24 | i1 << 23 | i2 << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
            sign_extended(offset, 25)
        } else {
            return None;
        };
        Some((from, from.wrapping_add(4).wrapping_add_signed(offset)))
    })
}

fn sign_extended(value: u32, bits: u32) -> i64 {
    let shift = 32 - bits;
    i64::from((value << shift).cast_signed() >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_lead_where_the_manual_says() {
        // At 0x400: bl 0x13b64; b 0x410 from 0x404.
        let code = [0x13, 0xf0, 0xb0, 0xfb, 0x04, 0xe0, 0x00, 0x22];
        let found: Vec<_> = branches(&code, 0x400).collect();
        assert_eq!(found, [(0x400, 0x13b64), (0x404, 0x410)]);
    }
}
