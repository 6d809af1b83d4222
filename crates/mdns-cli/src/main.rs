//! The command `mdns`: finds and advertises services on the local network.
//!
//! `args` says what may be asked, `session` holds the network and knows when to end, `commands` does it, `output` prints it.
//! What is advertised comes from `services` and `attributes`, changes by `updates`, and keeps its `names`.

mod args;
mod attributes;
mod commands;
mod files;
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
use tokio::runtime::{Builder, Runtime};

use crate::{
    args::Args,
    output::{ERROR, OUTPUT, Output},
    session::Failure,
};

fn main() -> ExitCode {
    let started = Instant::now();
    // A shell asks for completions by a variable, and gets nothing else.
    CompleteEnv::with_factory(Args::command).complete();
    let command = match Args::try_parse() {
        Ok(args) => args.command,
        Err(error) => return refuse(&error),
    };
    let mut output = Output::new(started, command.show());
    output.mark_lost();
    if let Err(text) = log::start() {
        output.error(&text);
        return end(2);
    }
    // The others have a network to answer, and signals to heed.
    let is_patient = command.only_prints();
    if is_patient {
        output = output.patient();
    }
    let outcome = match is_patient {
        true => commands::print(command, output),
        false => runtime().and_then(|runtime| {
            let outcome = runtime.block_on(commands::run(command, output));
            runtime.block_on(session::until_read());
            outcome
        }),
    };
    let unread = OUTPUT.finish();
    let code = match (outcome, unread) {
        // Nobody listens any more: that is how `mdns browse | head` ends.
        (Ok(_) | Err(Failure::Output(_)), 0) if OUTPUT.is_closed() => 0,
        (Ok(found), 0) => u8::from(!found.0),
        (Ok(_), unread) => {
            output.error(&format!(
                "{unread} lines of the output were not read, and are lost"
            ));
            3
        }
        (Err(Failure::Usage(text)), _) => {
            output.error(&text);
            2
        }
        (Err(Failure::Network(text)), _) => {
            output.error(&text);
            3
        }
        (Err(Failure::Output(error)), _) => {
            output.error(&format!("cannot write the output: {error}"));
            3
        }
    };
    end(code)
}

/// The exit code, once what was said on standard error has been read, or nobody reads it.
fn end(code: u8) -> ExitCode {
    ERROR.set_end(Instant::now());
    ERROR.finish();
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

/// What the command runs on. One thread: a command waits nearly all the time, and starts faster without more of them.
fn runtime() -> Result<Runtime, Failure> {
    let network = |error: io::Error| {
        Failure::Network(format!(
            "cannot start: {error}; is the limit of open files too low (ulimit -n)?"
        ))
    };
    // It panics where it finds no descriptors for signals. It takes six in all, and nobody else opens any now.
    #[cfg(unix)]
    {
        use std::os::unix::net::UnixStream;
        let pair = || UnixStream::pair().map_err(network);
        let _room = [pair()?, pair()?, pair()?];
    }
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(network)
}
