//! The hash of both decoders: FNV-1a, a byte at a time, without regard to ASCII case.

pub(crate) const START: u32 = 0x811c_9dc5;

/// Goes on with a label, so that `ab`, `c` is not `a`, `bc`.
pub(crate) fn label(hash: u32, label: &[u8]) -> u32 {
    label
        .iter()
        .fold(step(hash, label.len() as u8), |hash, byte| {
            step(hash, byte.to_ascii_lowercase())
        })
}

fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}
