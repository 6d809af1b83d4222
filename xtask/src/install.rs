//! What the checks need on the machine: installed where it is missing, if that is allowed and possible.
//!
//! What stays missing is an error of the type [`Missing`], which `cargo xtask test` reports as a part that was skipped.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Error, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::shell::{Shell, has, target};

/// The package of each program that Debian calls otherwise.
const PACKAGES: [(&str, &str); 3] = [
    ("nm", "binutils"),
    ("x86_64-w64-mingw32-dlltool", "binutils-mingw-w64-x86-64"),
    ("qemu-system-arm", "qemu-system-arm"),
];

/// The toolchain that libFuzzer and sanitizers need.
pub(crate) const NIGHTLY: &str = "nightly";

/// Whether nothing may be installed.
static IS_FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// Forbids every installation from now on.
pub(crate) fn forbid() {
    IS_FORBIDDEN.store(true, Ordering::Relaxed);
}

/// Whether nothing may be installed.
pub(crate) fn is_forbidden() -> bool {
    IS_FORBIDDEN.load(Ordering::Relaxed)
}

/// Something that a check needs is not on this machine: the check says nothing about the code.
#[derive(Debug)]
pub(crate) struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

impl Missing {
    /// The same error, as one about the machine.
    pub(crate) fn from(error: Error) -> Error {
        Missing(format!("{error:#}")).into()
    }

    /// Returns an error about the machine that says `what` is missing.
    pub(crate) fn error(what: impl Into<String>) -> Error {
        Missing(what.into()).into()
    }
}

/// Runs commands that install `what`.
fn install(what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if is_forbidden() {
        return Err(Missing::error(format!(
            "missing: {what} (--no-install was given)"
        )));
    }
    println!("installing {what}");
    // One at a time: parts run side by side, and package managers have locks for which not all of them wait.
    let lock = |file| Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into());
    let _turn = fs::create_dir_all(target())
        .and_then(|()| File::create(target().join("installing")))
        .and_then(lock)
        .ok();
    work().map_err(|error| {
        let error = format!("{error:#}");
        let why = error.lines().next().unwrap_or_default();
        Missing::error(format!("missing: {what}, and not installable: {why}"))
    })
}

/// Installs a program of Debian if it is missing.
pub(crate) fn program(name: &str) -> Result<()> {
    if has(name) {
        return Ok(());
    }
    let known = PACKAGES.iter().find(|(program, _)| *program == name);
    apt(&[known.map_or(name, |(_, package)| package)])
}

/// Installs packages of Debian and its kin, which needs root. No daemon is started by that.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let apt = |args: &[&str]| {
        Shell::new("apt-get")
            .args(["-qq"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    install(&packages.join(" "), || {
        let _policy = NoDaemons::declare()?;
        apt(&["update"]).output()?;
        apt(&["install", "-y", "--no-install-recommends"])
            .args(packages)
            .output()
            .map(drop)
    })
}

/// Downloads packages into a folder, and unpacks them there.
const UNPACK: &str = r#"cd "$1" && shift && apt-get -qq download "$@" && for p in *.deb; do dpkg -x "$p" . || exit 1; done"#;

/// The packages of a DHCP server.
pub(crate) const DNSMASQ: [&str; 3] = ["dnsmasq-base", "libnetfilter-conntrack3", "libnfnetlink0"];

/// Downloads packages of Debian and unpacks them below `target`, without what their installation would start or change. Returns the folder
/// that stands for `/`.
pub(crate) fn unpacked(packages: &[&str]) -> Result<PathBuf> {
    let dir = target()
        .join("lab")
        .join(format!("unpacked-{}", packages.join("-")));
    let done = dir.join("done");
    if !done.exists() {
        install(&packages.join(" "), || {
            // Several scenarios may have wanted the same at once: the first whose turn it was has made it.
            if done.exists() {
                return Ok(());
            }
            let download = || {
                Shell::new("sh")
                    .args(["-c", UNPACK, "sh"])
                    .args([&dir])
                    .args(packages)
                    .output()
            };
            fs::create_dir_all(&dir)?;
            if download().is_err() {
                Shell::new("apt-get").args(["-qq", "update"]).output()?;
                download()?;
            }
            fs::write(&done, "")?;
            Ok(())
        })?;
    }
    Ok(dir)
}

/// Installs a toolchain of rustup if it is missing: `nightly`, or a version.
pub(crate) fn toolchain(name: &str) -> Result<()> {
    let runs = |program: &str| Shell::new(program).args([format!("+{name}"), "--version".into()]);
    if runs("rustc").output().is_ok() && runs("cargo").output().is_ok() {
        return Ok(());
    }
    install(&format!("the toolchain {name}"), || {
        Shell::new("rustup")
            .args(["toolchain", "install", name])
            .args(["--profile", "minimal", "--no-self-update"])
            .output()
            .map(drop)
    })
}

/// Installs the library of targets if it is missing, for the toolchain in use or another.
pub(crate) fn targets(toolchain: Option<&str>, targets: &[&str]) -> Result<()> {
    let missing: Vec<&str> = targets
        .iter()
        .copied()
        .filter(|target| !has_target(toolchain, target))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = match toolchain {
        Some(name) => format!("the library of {} for {name}", missing.join(" ")),
        None => format!("the library of {}", missing.join(" ")),
    };
    install(&what, || {
        let rustup = Shell::new("rustup").args(["target", "add"]);
        match toolchain {
            Some(name) => rustup.args(["--toolchain", name]),
            None => rustup,
        }
        .args(missing.iter().copied())
        .output()
        .map(drop)
    })
}

/// Whether a toolchain, by default the one in use, has the library of a target.
pub(crate) fn has_target(toolchain: Option<&str>, target: &str) -> bool {
    let libdir = Shell::new("rustc")
        .args(toolchain.map(|name| format!("+{name}")))
        .args(["--print", "target-libdir", "--target", target]);
    libdir
        .output()
        .is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

/// Installs a component of the toolchain in use if a command of cargo that comes with it does not run.
pub(crate) fn component(name: &str, verb: &str) -> Result<()> {
    if Shell::cargo(verb).args(["--version"]).output().is_ok() {
        return Ok(());
    }
    install(&format!("{name} of rustup"), || {
        Shell::new("rustup")
            .args(["component", "add", name])
            .output()
            .map(drop)
    })
}

/// Compiles and installs a program of crates.io if it is missing.
pub(crate) fn crate_program(name: &str) -> Result<()> {
    if has(name) {
        return Ok(());
    }
    install(name, || {
        Shell::cargo("install --quiet --locked")
            .args([name])
            .output()
            .map(drop)
    })
}

/// Makes an environment of Python with these packages, in place of what is there.
pub(crate) fn venv(dir: &Path, packages: &[&str]) -> Result<()> {
    if !has("python3") {
        apt(&["python3"])?;
    }
    if !python_imports(Path::new("python3"), "ensurepip") {
        apt(&["python3-venv"])?;
    }
    install(&format!("{} of Python", packages.join(" ")), || {
        Shell::new("python3")
            .args(["-m", "venv", "--clear"])
            .args([dir])
            .output()?;
        Shell::new(dir.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages.iter().copied())
            .output()
            .map(drop)
    })
}

/// Whether a Python has a module.
pub(crate) fn python_imports(python: &Path, module: &str) -> bool {
    let import = format!("import {module}");
    Shell::new(python).args(["-c", &import]).output().is_ok()
}

/// While it lives, installing a package starts no daemon on the machine itself.
struct NoDaemons {
    ours: bool,
}

impl NoDaemons {
    /// What Debian's maintainer scripts ask before they start a daemon.
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn declare() -> Result<Self> {
        let ours = !Path::new(Self::POLICY).exists();
        if ours {
            fs::write(Self::POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(Self::POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(NoDaemons { ours })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours {
            fs::remove_file(Self::POLICY).ok();
        }
    }
}
