//! The command `mdns`: finds and advertises services on the local network.
//!
//! `args` says what may be asked, `session` holds the network and knows when to end, `commands` does it, `output` prints it.
//! What is advertised comes from `services` and `attributes`, changes by `updates`, and keeps its `names`.

mod args;
mod attributes;
mod commands;
mod log;
mod names;
mod output;
mod services;
mod session;
mod text;
mod tips;
mod transcript;
mod updates;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
    time::Instant,
};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use clap_complete::CompleteEnv;

use crate::{args::Args, output::Output, session::Failure};

fn main() -> ExitCode {
    let started = Instant::now();
    // A shell asks for completions by a variable, and gets nothing else.
    CompleteEnv::with_factory(Args::command).complete();
    let command = match Args::try_parse() {
        Ok(args) => args.command,
        Err(error) => return refuse(&error),
    };
    let output = Output::new(started, command.show());
    if let Err(text) = log::start() {
        output.error(&text);
        return ExitCode::from(2);
    }
    // One thread: a command waits nearly all the time, and starts faster without more of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(command, output)),
        Err(error) => Err(Failure::Network(error.to_string())),
    };
    let (text, code) = match outcome {
        Ok(found) => return ExitCode::from(if found.0 { 0 } else { 1 }),
        Err(Failure::Usage(text)) => (text, 2),
        Err(Failure::Network(text)) => (text, 3),
        // Nobody listens any more: that is how `mdns browse | head` ends.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(Failure::Output(error)) => (format!("cannot write the output: {error}"), 3),
    };
    output.error(&text);
    ExitCode::from(code)
}

/// Says why the arguments make no sense, and what was most likely meant. Asked-for help is no error.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // Who does not read it does not need it.
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    // With colours, unless there is something in it that a terminal must not see.
    let plain = error.render().to_string();
    match text::escaped(&plain) {
        harmless if harmless == plain => drop(error.print()),
        harmless => drop(write!(io::stderr(), "{harmless}")),
    }
    if let Some(tip) = tips::tip(&words, error) {
        writeln!(io::stderr(), "\n  tip: {}", text::escaped(&tip)).ok();
    }
    ExitCode::from(2)
}
