//! The command `mdns`: finds and advertises services on the local network.
//!
//! `args` says what may be asked, `session` holds the network and knows when to end, `commands` does it, `output` prints it.
//! What is advertised comes from `services` and `attributes`, changes by `updates`, and keeps its `names`.

mod args;
mod attributes;
mod commands;
mod names;
mod output;
mod services;
mod session;
mod text;
mod transcript;
mod updates;

use std::{process::ExitCode, time::Instant};

use clap::Parser as _;

use crate::{args::Args, output::Output, session::Failure};

fn main() -> ExitCode {
    let started = Instant::now();
    let command = Args::parse().command;
    let output = Output::new(started, command.show());
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
