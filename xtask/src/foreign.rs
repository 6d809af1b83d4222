//! `cargo xtask foreign`: tests of the core on processors unlike this one, emulated: big-endian, and of 32 bits.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    install::{apt, has_target},
    platforms::Toolchain,
    shell::{Shell, has, target},
};

/// What is tested: all that looks at bytes and numbers, nothing that waits for a network.
const PACKAGES: [&str; 1] = ["mdns-proto"];

/// A processor, and what Debian has to build and run programs for it.
struct Foreign {
    target: &'static str,
    /// Of cargo's variables: the target in capitals.
    variables: [&'static str; 2],
    about: &'static str,
    emulator: &'static str,
    /// Of the GNU tools, before `-gcc`; the library is in a folder of this name too.
    triple: &'static str,
    packages: [&'static str; 2],
}

const ALL: [Foreign; 3] = [
    Foreign {
        target: "powerpc-unknown-linux-gnu",
        variables: [
            "CARGO_TARGET_POWERPC_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_TARGET_POWERPC_UNKNOWN_LINUX_GNU_RUNNER",
        ],
        about: "big-endian, 32 bits",
        emulator: "qemu-ppc",
        triple: "powerpc-linux-gnu",
        packages: ["gcc-powerpc-linux-gnu", "libc6-dev-powerpc-cross"],
    },
    Foreign {
        target: "s390x-unknown-linux-gnu",
        variables: [
            "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER",
        ],
        about: "big-endian, 64 bits",
        emulator: "qemu-s390x",
        triple: "s390x-linux-gnu",
        packages: ["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"],
    },
    Foreign {
        target: "armv7-unknown-linux-gnueabihf",
        variables: [
            "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER",
            "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUNNER",
        ],
        about: "little-endian, 32 bits",
        emulator: "qemu-arm",
        triple: "arm-linux-gnueabihf",
        packages: ["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"],
    },
];

/// What of Debian's compiler is needed where rustup's has no library of the target.
const COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

#[derive(Args)]
pub(crate) struct Options {
    /// Tests on these [default: powerpc, s390x and armv7], by what their names begin with.
    processors: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let is_chosen = |foreign: &&Foreign| {
        let named = &options.processors;
        named.is_empty()
            || named
                .iter()
                .any(|name| foreign.target.starts_with(name.as_str()))
    };
    let chosen: Vec<_> = ALL.iter().filter(is_chosen).collect();
    ensure!(!chosen.is_empty(), "no such processor is known here");
    for foreign in chosen {
        let cargo = foreign.cargo()?;
        let start = Instant::now();
        let said = cargo.output()?;
        println!(
            "foreign: {} ({}): {} tests passed in {:.1} s",
            foreign.target,
            foreign.about,
            passed(&said),
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

impl Foreign {
    /// The command that tests, once all that it needs is there.
    fn cargo(&self) -> Result<Shell> {
        let compiler = format!("{}-gcc", self.triple);
        let sysroot = Path::new("/usr").join(self.triple);
        let mut missing = Vec::new();
        if !has(self.emulator) {
            missing.push("qemu-user");
        }
        if !has(&compiler) || !sysroot.is_dir() {
            missing.extend(self.packages);
        }
        let has_library = has_target(None, self.target);
        if !has_library && Toolchain::with_source().is_none() {
            missing.extend(COMPILER);
        }
        apt(&missing)?;
        let cargo = match Toolchain::with_source() {
            Some(toolchain) if !has_library => {
                toolchain.library_and("test", "std,panic_unwind,test")
            }
            _ => Shell::cargo("test"),
        };
        let [linker, runner] = self.variables;
        let out: PathBuf = target().join("platforms");
        Ok(cargo
            .args(["--quiet", "--lib", "--tests", "--all-features"])
            .args(["--target", self.target])
            .args(PACKAGES.iter().flat_map(|package| ["--package", package]))
            .args(["--target-dir".into(), out])
            .env(linker, compiler)
            .env(
                runner,
                format!("{} -L {}", self.emulator, sysroot.display()),
            )
            // Emulated, unoptimised code takes minutes, and a backtrace seconds. Assertions and overflow checks stay.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "2")
            // A quarter of the random cases: what is of interest is the processor.
            .env("PROPTEST_CASES", "64")
            .env("RUST_BACKTRACE", "0"))
    }
}

/// How many tests the harnesses counted.
fn passed(said: &str) -> usize {
    let counts = said
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    counts.filter_map(|count| count.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_harnesses_counted_is_added_up() {
        let said =
            "\ntest result: ok. 3 passed; 0 failed;\nx\ntest result: ok. 4 passed; 0 failed;\n";
        assert_eq!(passed(said), 7);
    }

    #[test]
    fn the_variables_are_those_of_the_target() {
        for foreign in &ALL {
            let name = foreign.target.to_uppercase().replace('-', "_");
            assert_eq!(
                foreign.variables,
                ["LINKER", "RUNNER"].map(|what| format!("CARGO_TARGET_{name}_{what}"))
            );
        }
    }
}
