//! The suites of `heap.rs` on a small board, whose rows do not grow, under an allocator that tells on the core.

mod bct;
mod replay;
mod rfc6762;
mod rfc6763;
mod security;
mod stories;

mdns_proto::fixed! {
    /// The rows of every host: two services, and 16 records of others on each link.
    struct Memory {
        links: 4, hosts: 1, addresses: 4, services: 2, subtypes: 2, own_text: 2048, askers: 4,
        asks: 3, told: 4, ask_text: 512, heard: 16, heard_text: 1024,
    }
}

/// What is done around each verb of a host: it must not allocate.
///
/// # Panics
/// If it did.
fn around(verb: &mut dyn FnMut()) {
    let allocated = allocation_counter::measure(verb);
    assert_eq!(
        allocated.count_total, 0,
        "the core allocates: {allocated:?}"
    );
}

/// Whether a test asks for more than there is room for; and what that is.
fn lacks_room_for(what: &str) -> bool {
    println!("not on a board: {what}");
    true
}

/// covers: none (what every test here relies on)
#[test]
#[should_panic(expected = "the core allocates")]
fn an_allocation_is_noticed() {
    around(&mut || drop(std::hint::black_box(Box::new(0))));
}
