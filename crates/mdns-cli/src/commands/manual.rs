//! `mdns completions` and `mdns man`: what the command says of itself, for shells and for readers.

use clap::CommandFactory as _;
use clap_mangen::Man as Page;

use crate::{
    args::{Args, Completions, Man},
    output::Output,
    session::{Failure, Found},
};

pub(super) fn completions(args: &Completions, output: Output) -> Result<Found, Failure> {
    let mut script = Vec::new();
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output.text(&script)?;
    Ok(Found(true))
}

pub(super) fn page(args: &Man, output: Output) -> Result<Found, Failure> {
    let mut command = Args::command();
    command.build();
    let about = match &args.command {
        None => Some(&command),
        Some(name) => command.find_subcommand(name),
    };
    let about = about.ok_or_else(|| {
        let is_shown = |command: &&clap::Command| !command.is_hide_set();
        let names = command.get_subcommands().filter(is_shown);
        let names: Vec<&str> = names.map(clap::Command::get_name).collect();
        Failure::Usage(format!("no such command; there are {}", names.join(", ")))
    })?;
    let mut page = Vec::new();
    Page::new(about.clone()).render(&mut page)?;
    output.text(&page)?;
    Ok(Found(true))
}
