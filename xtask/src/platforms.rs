//! `cargo xtask platforms`: type-checks what runs on std for systems other than this one (docs/platforms.md).
//!
//! A system is checked with rustup's copy of its library where that can be had. Otherwise the library is checked too, from source, with a toolchain that has it beside the compiler: Debian's `rustc-web` with `rust-web-src`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::Result;
use clap::Args;

use crate::{
    install::{self, Missing},
    shell::{Shell, target},
};

/// What is checked: all that touches the system.
const PACKAGES: [&str; 6] = [
    "mdns-socket",
    "mdns-driver",
    "mdns-tokio",
    "mdns-async-io",
    "mdns-mio",
    "mdns-cli",
];

/// What is checked of itself, the one most unlike the others first.
const TARGETS: [&str; 3] = [
    "x86_64-pc-windows-gnu",
    "aarch64-apple-darwin",
    "x86_64-unknown-freebsd",
];

/// A program that crates need even to be checked.
const TOOLS: [(&str, &str); 1] = [("x86_64-pc-windows-gnu", "x86_64-w64-mingw32-dlltool")];

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Checks these targets, by the names that the compiler has for them [default: Windows, macOS and FreeBSD].
    targets: Vec<String>,
}

/// For `cargo xtask test`: one system alone, since each takes its time.
pub(crate) fn check() -> Result<()> {
    check_all(&TARGETS[..1])
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let named: Vec<&str> = options.targets.iter().map(String::as_str).collect();
    check_all(if named.is_empty() { &TARGETS } else { &named })
}

/// Checks those that can be; fails if one could not.
fn check_all(targets: &[&str]) -> Result<()> {
    let mut missing = Vec::new();
    for &target in targets {
        match check_one(target) {
            Err(error) if error.is::<Missing>() => missing.push(format!("{target}: {error:#}")),
            other => other?,
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Missing::error(missing.join("; ")))
}

fn check_one(target: &str) -> Result<()> {
    for (_, tool) in TOOLS.iter().filter(|(of, _)| *of == target) {
        install::program(tool)?;
    }
    let check = match (install::targets(None, &[target]), Toolchain::with_source()) {
        (Ok(()), _) => Shell::cargo("check"),
        (Err(_), Some(source)) => source.library_and("check", "std,panic_abort"),
        (Err(error), None) => return Err(error),
    };
    let start = Instant::now();
    check
        .args(["--quiet", "--target", target])
        .args(PACKAGES.iter().flat_map(|package| ["--package", package]))
        .args(["--target-dir".into(), target_dir()])
        .run()?;
    println!(
        "platforms: {target} checked in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Apart from what the other toolchain built.
fn target_dir() -> PathBuf {
    target().join("platforms")
}

/// A compiler that has the source of its library.
pub(crate) struct Toolchain {
    rustc: &'static str,
    cargo: &'static str,
}

impl Toolchain {
    /// The one that is in use here, or else the one that belongs to the system.
    pub(crate) fn with_source() -> Option<Self> {
        let known = [("rustc", "cargo"), ("/usr/bin/rustc", "/usr/bin/cargo")];
        known
            .into_iter()
            .map(|(rustc, cargo)| Toolchain { rustc, cargo })
            .find(Toolchain::has_source)
    }

    fn has_source(&self) -> bool {
        let sysroot = Command::new(self.rustc)
            .args(["--print", "sysroot"])
            .output();
        let Ok(sysroot) = sysroot else { return false };
        let sysroot = String::from_utf8_lossy(&sysroot.stdout);
        Path::new(sysroot.trim())
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .is_file()
    }

    /// A verb of cargo for these parts of the library and for ours: a feature of nightly compilers, which others have under
    /// another name.
    pub(crate) fn library_and(&self, verb: &str, library: &str) -> Shell {
        Shell::new(self.cargo)
            .args([verb, &format!("-Zbuild-std={library}")])
            .env("RUSTC", self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
    }
}
