//! The images, and what it takes to build and to run them.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    install::{self, apt},
    shell::{Shell, root, target},
};

/// The board's processor.
pub(crate) const CORTEX_M3: &str = "thumbv7m-none-eabi";

/// One without atomic compare-and-swap, whose code the same board runs.
pub(crate) const CORTEX_M0: &str = "thumbv6m-none-eabi";

/// Debian's compiler, with the sources of `core` to build for targets that it has no library for.
const DEBIAN: [(&str, &str); 4] = [
    ("/usr/bin/rustc", "rustc-web"),
    ("/usr/bin/cargo", "cargo-web"),
    (
        "/usr/lib/rustlib/src/rust/library/core/Cargo.toml",
        "rust-web-src",
    ),
    ("/usr/bin/ld.lld-22", "lld-22"),
];

/// How the images are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// The one in use has, or could fetch, the library of the target.
    Rustup,
    /// Another version of rustup, which has it.
    Version(String),
    /// Debian's, which builds the library first.
    Debian,
}

impl Compiler {
    /// Its name and number, such as `rustc 1.95.0`.
    pub(crate) fn version(&self) -> Result<String> {
        let rustc = match self {
            Compiler::Rustup => Shell::new("rustc"),
            Compiler::Version(version) => Shell::new("rustc").args([format!("+{version}")]),
            Compiler::Debian => Shell::new("/usr/bin/rustc"),
        };
        let said = rustc.args(["--version"]).output()?;
        let words: Vec<_> = said.split_whitespace().take(2).collect();
        Ok(words.join(" "))
    }
}

/// One way to build the programs in `firmware`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) target: &'static str,
    /// Of the package `firmware`, with commas.
    pub(crate) features: &'static str,
    /// `s` or `z`.
    pub(crate) opt_level: &'static str,
    /// With the lines of the source for each instruction.
    pub(crate) lines: bool,
}

impl Build {
    /// For the board, to be talked to from a debugger.
    pub(crate) const TALKING: Build = Build {
        target: CORTEX_M3,
        features: "semihosting",
        opt_level: "s",
        lines: false,
    };

    /// As a product is.
    pub(crate) const SILENT: Build = Build {
        features: "",
        ..Build::TALKING
    };

    /// Builds these programs and says where they are.
    pub(crate) fn build(self, compiler: &Compiler, programs: &[&str]) -> Result<Vec<PathBuf>> {
        let out = target().join("firmware");
        let mut cargo = match compiler {
            Compiler::Rustup => Shell::cargo("build"),
            Compiler::Version(version) => {
                Shell::new("cargo").args([format!("+{version}"), "build".to_owned()])
            }
            Compiler::Debian => Shell::new("/usr/bin/cargo")
                .args(["build", "-Zbuild-std=core"])
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1"),
        };
        cargo = cargo
            .args(["--quiet", "--release", "--locked", "--target", self.target])
            .args(["--features", self.features])
            .args(["--manifest-path".into(), root().join("firmware/Cargo.toml")])
            .args(["--target-dir".into(), out.clone()])
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        if self.lines {
            cargo = cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
        }
        for program in programs {
            cargo = cargo.args(["--bin", program]);
        }
        cargo.run()?;
        // Others of their names may be built next, in another way.
        let built = out.join(self.target).join("release");
        let lines = if self.lines { "-lines" } else { "" };
        let folder = format!(
            "{}-{}-{}{lines}",
            self.target, self.opt_level, self.features
        );
        let folder = out.join("images").join(folder);
        fs::create_dir_all(&folder)?;
        let copy = |program| {
            let image = folder.join(program);
            fs::copy(built.join(program), &image).with_context(|| image.display().to_string())?;
            Ok(image)
        };
        programs.iter().map(copy).collect()
    }
}

/// Finds a compiler for these targets, and installs what is missing of it.
pub(crate) fn compiler(targets: &[&str]) -> Result<Compiler> {
    if install::targets(None, targets).is_ok() {
        return Ok(Compiler::Rustup);
    }
    let missing: Vec<_> = DEBIAN
        .iter()
        .filter(|(file, _)| !PathBuf::from(file).exists())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        // `rust-lld` comes in a package of its own, and only points to `lld-22`.
        apt(&[&missing[..], &["rust-web-llvm"]].concat())
            .context("no library for the board, and none of Debian's compiler")?;
    }
    Ok(Compiler::Debian)
}

/// Returns the compiler of this version, as [`Compiler::version`] has it, and installs what is missing of it.
pub(crate) fn compiler_of(version: &str, targets: &[&str]) -> Result<Compiler> {
    if let Ok(compiler) = compiler(targets)
        && compiler.version()? == version
    {
        return Ok(compiler);
    }
    let number = version.strip_prefix("rustc ").unwrap_or(version);
    install::toolchain(number)?;
    install::targets(Some(number), targets)?;
    Ok(Compiler::Version(number.to_owned()))
}

/// Installs the emulator where it is missing.
pub(crate) fn emulator() -> Result<()> {
    install::program("qemu-system-arm")
}
