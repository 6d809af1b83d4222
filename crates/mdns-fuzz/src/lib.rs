//! What fuzz targets do with the bytes they are given (`docs/fuzzing.md`).
//!
//! Each [`Target`] is a function of bytes that returns if all is well and panics if not. The programs in `fuzz/` hand it what libFuzzer
//! makes up; a test of this crate hands it the committed corpus, with a stable toolchain and without libFuzzer.
//! [`seeds`] makes that corpus.
//!
//! ```
//! let name = mdns_fuzz::target("name").ok_or("a target of this name")?;
//! (name.run)(b"\x04hall\x05local\0");
//! # Ok::<(), &str>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod arp;
mod differential;
mod dns;
mod endpoint;
mod ethernet;
mod input;
mod message;
mod name;
mod packet;
mod pair;
mod round_trip;
pub mod seeds;
mod txt;

/// Something that is done with any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, here and in `fuzz/`.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The folders of `fuzz/corpus` that are for it.
    pub corpora: &'static [&'static str],
    /// Does it. Panics if something is wrong.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "message",
        about: "any bytes are parsed, walked and put into words",
        corpora: &["message"],
        run: message::run,
    },
    Target {
        name: "round_trip",
        about: "what parses is written, and parses to the same",
        corpora: &["message"],
        run: round_trip::run,
    },
    Target {
        name: "name",
        about: "names, labels and service types between bytes and text",
        corpora: &["name"],
        run: name::run,
    },
    Target {
        name: "txt",
        about: "TXT data between bytes, attributes and text",
        corpora: &["txt"],
        run: txt::run,
    },
    Target {
        name: "differential",
        about: "what two other parsers read in a message",
        corpora: &["message"],
        run: differential::run,
    },
    Target {
        name: "endpoint",
        about: "a program of things done to a host, on rows that grow and on rows of fixed size",
        corpora: &["endpoint"],
        run: endpoint::run,
    },
    Target {
        name: "pair",
        about: "two hosts and a link that loses, doubles, delays, reorders and changes packets",
        corpora: &["pair"],
        run: pair::run,
    },
    Target {
        name: "smoltcp",
        about: "Ethernet frames into the firmware adapter",
        corpora: &["smoltcp"],
        run: ethernet::run,
    },
    Target {
        name: "arp",
        about: "a program of things done to two hosts that claim an address on one link",
        corpora: &["arp"],
        run: arp::run,
    },
    Target {
        name: "dns",
        about: "a program of things done to a translator between DNS and multicast DNS",
        corpora: &["dns"],
        run: dns::run,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Hands bytes to a target.
///
/// # Panics
/// If there is none of this name, or if something is wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = target(name).unwrap_or_else(|| panic!("no target is called {name}"));
    (target.run)(bytes);
}
