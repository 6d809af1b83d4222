//! `cargo xtask msrv`: every package type-checks with the oldest Rust that it says it builds with (`rust-version`).
//!
//! What is checked is what others compile: libraries and programs with all features, and the core with none; no tests.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{
    firmware::build::CORTEX_M3,
    install,
    shell::{Shell, root, target},
};

/// What `cargo metadata` says of a workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    rust_version: Option<String>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
}

/// The feature whose dependencies need a later Rust than the packages that have it.
const LATER: &str = "daemon";

pub(crate) fn run() -> Result<()> {
    check()?;
    check_board()
}

/// For `cargo xtask test`: the workspace.
pub(crate) fn check() -> Result<()> {
    let said = Shell::cargo("metadata --no-deps --format-version 1").output()?;
    let later = with_later_feature(&said)?;
    for (version, packages) in by_version(&said)? {
        install::toolchain(&version)?;
        let start = Instant::now();
        let check = |args: &str| {
            Shell::new("cargo")
                .args([format!("+{version}"), "check".to_owned()])
                .args(["--quiet", "--locked"])
                // What one compiler builds is of no use to another.
                .args(["--target-dir".into(), target().join("msrv").join(&version)])
                .args(args.split_whitespace())
        };
        let (without, with) = packages
            .iter()
            .partition::<Vec<_>, _>(|name| later.contains(name));
        // What is built by one command has the features of all.
        for (features, packages) in [("--all-features", with), ("", without)] {
            let names = packages
                .iter()
                .flat_map(|name| ["--package", name.as_str()]);
            if !packages.is_empty() {
                check(features).args(names).run()?;
            }
        }
        if packages.iter().any(|name| name == CORE) {
            check("--no-default-features --package")
                .args([CORE])
                .run()?;
        }
        println!(
            "msrv: {} build with Rust {version}, checked in {:.1} s",
            packages.join(", "),
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

const CORE: &str = "mdns-proto";

/// For `cargo xtask test`: the programs of the board, a workspace of their own. rustup may not have the library of the board for
/// that version.
pub(crate) fn check_board() -> Result<()> {
    let manifest = root().join("firmware/Cargo.toml");
    let said = Shell::cargo("metadata --no-deps --format-version 1 --manifest-path")
        .args([&manifest])
        .output()?;
    for (version, packages) in by_version(&said)? {
        install::toolchain(&version)?;
        install::targets(Some(&version), &[CORTEX_M3])?;
        Shell::new("cargo")
            .args([format!("+{version}"), "check".to_owned()])
            .args(["--quiet", "--locked", "--bins", "--target", CORTEX_M3])
            .args(["--manifest-path".into(), manifest.clone()])
            .args(["--target-dir".into(), target().join("msrv").join(&version)])
            .run()?;
        println!("msrv: {} build with Rust {version}", packages.join(", "));
    }
    Ok(())
}

/// The packages that are checked without [`LATER`].
fn with_later_feature(metadata: &str) -> Result<Vec<String>> {
    let metadata: Metadata = serde_json::from_str(metadata)?;
    let packages = metadata.packages.into_iter();
    let with = packages.filter(|package| package.features.contains_key(LATER));
    Ok(with.map(|package| package.name).collect())
}

/// The packages of each version that is stated.
fn by_version(metadata: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let metadata: Metadata = serde_json::from_str(metadata)?;
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in metadata.packages {
        let version = package
            .rust_version
            .with_context(|| format!("{} states no rust-version", package.name))?;
        versions.entry(version).or_default().push(package.name);
    }
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_checked_with_their_own_version() {
        let metadata = r#"{"packages":[{"name":"a","rust_version":"1.88"},{"name":"b","rust_version":"1.91"},{"name":"c","rust_version":"1.88"}],"version":1}"#;
        let versions = by_version(metadata).expect("versions");
        assert_eq!(versions["1.88"], ["a", "c"]);
        assert_eq!(versions["1.91"], ["b"]);
        let silent = r#"{"packages":[{"name":"a","rust_version":null}]}"#;
        let error = by_version(silent).expect_err("no version");
        assert!(error.to_string().contains("a states no rust-version"));
    }

    /// Who does not want daemons does not build them: without the feature an adapter has no crate of D-Bus, and the core never has.
    #[test]
    fn no_crate_of_dbus_is_built_without_its_feature() {
        let crates = |package: &str, features: &str| {
            let args = format!(
                "tree --offline --edges normal --prefix none --package {package} {features}"
            );
            Shell::cargo(&args).output().expect("a tree")
        };
        for package in [
            "mdns-proto",
            "mdns-driver",
            "mdns-tokio",
            "mdns-async-io",
            "mdns-mio",
        ] {
            let all = crates(package, "");
            assert!(
                !all.contains("zbus") && !all.contains("mdns-daemon"),
                "{package}: {all}"
            );
        }
        assert!(crates("mdns-tokio", "--features daemon").contains("zbus v"));
    }

    /// What README.md says is what the packages state.
    #[test]
    fn the_documentation_states_the_versions() {
        let said = Shell::cargo("metadata --no-deps --offline --format-version 1")
            .output()
            .expect("metadata");
        let readme = include_str!("../../README.md");
        for version in by_version(&said).expect("versions").keys() {
            assert!(readme.contains(&format!("Rust {version}")), "{version}");
        }
    }
}
