//! `cargo xtask platforms`: type-checks what runs on std for systems other than this one (docs/platforms.md).
//!
//! A system is checked with rustup's copy of its library where that is installed. Otherwise the library is checked too, from
//! source, with a toolchain that has it beside the compiler: Debian's `rustc-web` with `rust-web-src`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Result, bail};
use clap::Args;

use crate::shell::{Shell, has, target};

/// What is checked: all that touches the system.
const PACKAGES: [&str; 6] = [
    "mdns-socket",
    "mdns-driver",
    "mdns-tokio",
    "mdns-async-io",
    "mdns-mio",
    "mdns-cli",
];

/// A system that is not tested here.
struct Platform {
    target: &'static str,
    /// A program that its crates need even to be checked.
    tool: Option<&'static str>,
}

/// One of each kind of socket code comes first; these are what `cargo xtask test` has time for.
const PLATFORMS: [Platform; 9] = [
    Platform {
        target: "x86_64-pc-windows-gnu",
        tool: Some("x86_64-w64-mingw32-dlltool"),
    },
    platform("aarch64-apple-darwin"),
    platform("x86_64-unknown-freebsd"),
    platform("x86_64-apple-darwin"),
    platform("aarch64-apple-ios"),
    platform("x86_64-pc-windows-msvc"),
    platform("aarch64-linux-android"),
    platform("x86_64-unknown-netbsd"),
    platform("x86_64-unknown-illumos"),
];

/// How many of them every change has to pass.
const USUAL: usize = 3;

const fn platform(target: &'static str) -> Platform {
    Platform { target, tool: None }
}

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Checks these targets alone.
    targets: Vec<String>,
    /// Checks all targets that are known, not the usual three alone.
    #[arg(long, conflicts_with = "targets")]
    all: bool,
}

/// For `cargo xtask test`.
pub(crate) fn check() -> Result<()> {
    run(&Options::default())
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen: Vec<&Platform> = match (&options.targets[..], options.all) {
        ([], false) => PLATFORMS.iter().take(USUAL).collect(),
        ([], true) => PLATFORMS.iter().collect(),
        (named, _) => {
            let known = |name: &String| PLATFORMS.iter().find(|one| one.target == name.as_str());
            if let Some(unknown) = named.iter().find(|name| known(name).is_none()) {
                let all: Vec<_> = PLATFORMS.iter().map(|one| one.target).collect();
                bail!("{unknown} is none of {}", all.join(", "));
            }
            named.iter().filter_map(known).collect()
        }
    };
    let source = Toolchain::with_source();
    for platform in chosen {
        let target = platform.target;
        if let Some(tool) = platform.tool.filter(|tool| !has(tool)) {
            println!("platforms: {target} skipped: {tool} is missing (binutils-mingw-w64-x86-64)");
            continue;
        }
        let check = match (is_installed(target), &source) {
            (true, _) => Shell::cargo("check"),
            (false, Some(source)) => source.check(),
            (false, None) => {
                println!(
                    "platforms: {target} skipped: neither rustup's target nor a compiler with the source of its library is \
                     there (Debian: rustc-web cargo-web rust-web-src)"
                );
                continue;
            }
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
    }
    Ok(())
}

/// Apart from what the other toolchain built.
fn target_dir() -> PathBuf {
    target().join("platforms")
}

/// Whether the compiler that cargo uses here has the library of a target.
fn is_installed(target: &str) -> bool {
    let libdir = Shell::new("rustc").args(["--print", "target-libdir", "--target", target]);
    libdir
        .output()
        .is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

/// A compiler that has the source of its library.
struct Toolchain {
    rustc: &'static str,
    cargo: &'static str,
}

impl Toolchain {
    /// The one that is in use here, or else the one that belongs to the system.
    fn with_source() -> Option<Self> {
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

    /// `cargo check` of the library and ours: a feature of nightly compilers, which others have under another name.
    fn check(&self) -> Shell {
        Shell::new(self.cargo)
            .args(["check", "-Zbuild-std=std,panic_abort"])
            .env("RUSTC", self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
    }
}
