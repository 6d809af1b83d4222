//! What the lab needs on the machine, installed where it is missing (Debian and its kin).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::shell::{Shell, has, target};

/// Programs and the packages they come in.
const PROGRAMS: [(&str, &str); 9] = [
    ("avahi-daemon", "avahi-daemon"),
    ("avahi-browse", "avahi-utils"),
    ("dbus-daemon", "dbus"),
    ("dbus-send", "dbus"),
    ("tcpdump", "tcpdump"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("stdbuf", "coreutils"),
    ("python3", "python3"),
];

/// The version the scenarios were written against.
const ZEROCONF: &str = "zeroconf==0.154.0";

/// What is not on the path.
#[derive(Clone)]
pub(crate) struct Tools {
    /// A Python that has the package zeroconf.
    pub(crate) python: PathBuf,
}

pub(super) fn install() -> Result<Tools> {
    let mut packages: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| !has(program))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    apt(&packages)?;

    let dir = target().join("lab/venv");
    let python = dir.join("bin/python");
    if !imports(&python, "zeroconf") {
        println!("lab: installing python-zeroconf");
        venv(&dir, &[ZEROCONF])
            .or_else(|_| venv(&dir, &["zeroconf"]))
            .context("python-zeroconf")?;
    }
    Ok(Tools { python })
}

fn imports(python: &Path, module: &str) -> bool {
    let import = format!("import {module}");
    Shell::new(python).args(["-c", &import]).output().is_ok()
}

/// Makes an environment of Python with these packages, in place of what is there.
pub(crate) fn venv(dir: &Path, packages: &[&str]) -> Result<()> {
    if !has("python3") {
        apt(&["python3"])?;
    }
    if !imports(Path::new("python3"), "ensurepip") {
        apt(&["python3-venv"])?;
    }
    Shell::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([dir])
        .output()?;
    Shell::new(dir.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet"])
        .args(packages.iter().copied())
        .output()
        .map(drop)
}

pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    println!("lab: installing {}", packages.join(" "));
    let _policy = NoDaemons::declare()?;
    let apt = |args: &[&str]| {
        Shell::new("apt-get")
            .args(["-qq"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    apt(&["update"]).output()?;
    apt(&["install", "-y", "--no-install-recommends"])
        .args(packages)
        .output()
        .map(drop)
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
