//! RFC 6763, clause by clause, as `tests/rfc6762` does it; and RFC 2782 where it is about finding a service.

use super::rfc6762::bench;

mod s04_browsing;
mod s05_details;
mod s06_txt;
mod s07_publishing;
mod s08_flagship;
mod s12_additionals;
