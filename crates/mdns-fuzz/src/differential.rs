//! Later.
pub(crate) fn run(_: &[u8]) {}
