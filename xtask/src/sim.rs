//! `cargo xtask sim`: hosts in bad worlds (`docs/simulation.md`). The work is done by an example of mdns-sim, built to be fast.

use anyhow::Result;
use clap::Args;

use crate::shell::Shell;

/// What every change has to pass: all worlds at their small size, in about a minute.
const SEEDS: &str = "0..300";

/// The same of worlds of addresses, of which one has a thousand hosts.
const ADDRESS_SEEDS: &str = "0..20";

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Worlds, seeds and sizes; `--help` tells of them, `--list` shows the worlds.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    judge(&options.args)
}

pub(crate) fn check() -> Result<()> {
    judge(&["--seeds".to_owned(), SEEDS.to_owned()])?;
    judge(&[
        "--addresses".to_owned(),
        "--seeds".to_owned(),
        ADDRESS_SEEDS.to_owned(),
    ])
}

fn judge(args: &[String]) -> Result<()> {
    Shell::cargo("run --quiet --profile checked --package mdns-sim --example judge --")
        .args(args)
        .run()
}
