//! What a translator must do, clause by clause, under a virtual clock.

mod bench;
mod bounds;
mod rfc1035;
mod rfc6891;
mod rfc8766;
mod stub;
