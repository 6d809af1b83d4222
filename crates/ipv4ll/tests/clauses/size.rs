//! What the machine takes of memory.

/// covers: none (docs/footprint.md)
#[test]
fn a_machine_takes_at_most_100_bytes() {
    let len = size_of::<ipv4ll::AddressMachine>();
    assert!(len <= 100, "{len}");
}

/// covers: none (for threads)
#[test]
fn a_machine_can_be_sent_to_other_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ipv4ll::AddressMachine>();
}
