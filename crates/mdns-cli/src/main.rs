//! The command `mdns`.
fn main() {}
