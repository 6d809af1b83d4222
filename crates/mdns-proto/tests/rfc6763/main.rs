//! RFC 6763, clause by clause, as `tests/rfc6762` does it; and RFC 2782 where it is about finding a service.

#[expect(
    dead_code,
    reason = "the bench belongs to the clauses of RFC 6762, which need more of it"
)]
#[path = "../rfc6762/bench.rs"]
mod bench;
mod s04_browsing;
mod s06_txt;
mod s07_publishing;
mod s12_additionals;
