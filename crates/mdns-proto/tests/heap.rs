//! The suites on rows that grow: clauses, conformance test, captures, stories. `board.rs` runs the same on rows that do not.

mod bct;
mod replay;
mod rfc6762;
mod rfc6763;
mod security;
mod stories;

/// The rows of every host.
type Memory = mdns_proto::store::Heap;

/// What is done around each verb of a host: nothing.
fn around(verb: &mut dyn FnMut()) {
    verb();
}

/// Whether a test asks for more than there is room for; and what that is.
fn lacks_room_for(_: &str) -> bool {
    // Numbers of 16 bits are those of a board.
    cfg!(mdns_narrow)
}
