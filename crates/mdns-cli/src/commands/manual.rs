//! `mdns completions` and `mdns man`: what the command says of itself, for shells and for readers.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::env::Shells;
use clap_mangen::{
    Man as Page,
    roff::{Roff, bold, roman},
};

use crate::{
    args::{Args, Completions, EXIT_CODES, Man},
    output::Output,
    session::{Failure, Found},
};

/// The script has the shell call the command, which then looks at the machine it is on.
pub(super) fn completions(args: &Completions, output: Output) -> Result<Found, Failure> {
    const NAME: &str = "mdns";
    let shell = args.shell.to_string();
    let shells = Shells::builtins();
    let completer = shells
        .completer(&shell)
        .ok_or_else(|| Failure::Usage(format!("there is no script for {shell}")))?;
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", NAME, NAME, NAME, &mut script)?;
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
        let is_shown = |command: &&Command| !command.is_hide_set();
        let names = command.get_subcommands().filter(is_shown);
        let names: Vec<&str> = names.map(Command::get_name).collect();
        Failure::Usage(format!("no such command; there are {}", names.join(", ")))
    })?;
    let mut page = Vec::new();
    write_page(about, &mut page)?;
    output.text(&page)?;
    Ok(Found(true))
}

fn write_page(about: &Command, to: &mut Vec<u8>) -> io::Result<()> {
    let page = Page::new(about.clone());
    page.render_title(to)?;
    page.render_name_section(to)?;
    page.render_synopsis_section(to)?;
    page.render_description_section(to)?;
    page.render_options_section(to)?;
    let is_whole = about.has_subcommands();
    if is_whole {
        page.render_subcommands_section(to)?;
    }
    let mut rest = Roff::default();
    if let Some(text) = about.get_after_help().filter(|_| !is_whole) {
        add_examples(&text.to_string(), &mut rest);
    }
    add_exit_codes(&mut rest);
    if !is_whole {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([bold("mdns"), roman("(1)")]);
    }
    rest.to_writer(to)
}

/// What follows the help: examples, and what else there is to show.
fn add_examples(text: &str, to: &mut Roff) {
    for part in text.split("\n\n") {
        let mut lines = part.lines();
        let title = lines.next().unwrap_or_default();
        if title == "Examples:" {
            to.control("SH", ["EXAMPLES"]);
            lines.for_each(|line| add_example(line, to));
            continue;
        }
        to.control("PP", []);
        to.text([roman(title)]);
        to.control("nf", []);
        for line in lines {
            to.text([roman(line)]);
        }
        to.control("fi", []);
    }
}

/// A line is a command, what it does, or both with spaces between.
fn add_example(line: &str, to: &mut Roff) {
    let line = line.trim();
    let (command, about) = match line.split_once("   ") {
        _ if !line.contains("mdns ") => ("", line),
        Some((command, about)) => (command, about.trim()),
        // The longest commands have two spaces after them, or nothing.
        None => line.rsplit_once("  ").unwrap_or((line, "")),
    };
    if !command.is_empty() {
        to.control("TP", []);
        to.text([bold(command)]);
    }
    if !about.is_empty() {
        to.text([roman(about)]);
    }
}

fn add_exit_codes(to: &mut Roff) {
    to.control("SH", ["EXIT STATUS"]);
    for line in EXIT_CODES.lines().skip(1) {
        if let Some((code, about)) = line.trim().split_once("  ") {
            to.control("TP", []);
            to.text([bold(code)]);
            to.text([roman(about)]);
        }
    }
}
