//! RFC 6762, clause by clause: one small test for each MUST and SHOULD, in a file per section.
//!
//! Each test names the rows of the checklist it covers. Delays are checked on both sides of their limits under a virtual clock.

mod aliases;
mod asking_links;
pub(crate) mod bench;
mod news;
mod s03_names;
mod s05_one_shot;
mod s05_querying;
mod s06_negative;
mod s06_responding;
mod s07_suppression;
mod s08_startup;
mod s09_conflicts;
mod s10_coherency;
mod s13_other_domains;
mod s14_interfaces;
mod s18_format;
