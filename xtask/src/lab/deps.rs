//! What the lab needs on the machine, installed where it is missing (Debian and its kin).

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{
    install::{apt, python_imports, venv},
    shell::{has, target},
};

/// Programs and the packages they come in.
const PROGRAMS: [(&str, &str); 17] = [
    ("named", "bind9"),
    ("unbound", "unbound"),
    ("dig", "bind9-dnsutils"),
    ("nsupdate", "bind9-dnsutils"),
    ("musl-gcc", "musl-tools"),
    ("curl", "curl"),
    ("nft", "nftables"),
    ("ping", "iputils-ping"),
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
    if !python_imports(&python, "zeroconf") {
        venv(&dir, &[ZEROCONF])
            .or_else(|_| venv(&dir, &["zeroconf"]))
            .context("python-zeroconf")?;
    }
    Ok(Tools { python })
}
