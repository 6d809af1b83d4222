//! `cargo xtask sanitize`: tests under AddressSanitizer, which sees what the compiler cannot promise of `unsafe` code: ours has
//! none, that of the rows (heapless) and of the network stack (smoltcp) has.
//!
//! It needs a nightly compiler; the library is the one that comes with it. Arithmetic is checked for overflow as in all tests.

use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    install::{self, NIGHTLY},
    shell::{Shell, target},
};

/// What is run by default: everything that holds state in rows or reads bytes of others.
const PACKAGES: [&str; 3] = ["mdns-proto", "mdns-sim", "mdns-smoltcp"];

/// The compiler's flag for it.
const FLAGS: &str = "-Zsanitizer=address";

#[derive(Args)]
pub(crate) struct Options {
    /// Runs the tests of these packages [default: mdns-proto, mdns-sim, mdns-smoltcp].
    packages: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    install::toolchain(NIGHTLY)?;
    let host = Shell::cargo("+nightly -vV").output()?;
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("cargo does not say what it runs on")?;
    let named: Vec<&str> = options.packages.iter().map(String::as_str).collect();
    let packages = if named.is_empty() {
        &PACKAGES[..]
    } else {
        &named
    };
    for package in packages {
        let start = Instant::now();
        Shell::cargo("+nightly test --quiet --all-features")
            .args(["--package", package])
            // Naming the target keeps the flags from build scripts and macros, which would not start with them.
            .args(["--target", host])
            .args(["--target-dir".into(), target().join("sanitize")])
            .env("RUSTFLAGS", FLAGS)
            .env("RUSTDOCFLAGS", FLAGS)
            // Several times faster, and still with the assertions of a debug build.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .run()?;
        println!(
            "sanitize: {package} passed in {:.1} s",
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
