//! Chores of this project, in Rust so that every developer has the same ones: `cargo xtask --help`.

mod coverage;
mod deny;
mod exchanges;
mod figures;
mod firmware;
mod foreign;
mod fuzz;
mod install;
mod instr;
mod lab;
mod msrv;
mod no_alloc;
mod platforms;
mod rfc;
mod sanitize;
mod shell;
mod sim;
mod size;
mod soak;
mod test;
mod tidy;
mod timings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of this project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    /// Installs nothing: a check that lacks something says what, and does not run.
    #[arg(long, global = true)]
    no_install: bool,
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every check; the lab too where this is root on Linux.
    Test(test::Options),
    /// Tests against Avahi and python-zeroconf in network namespaces (root, Linux).
    Lab(lab::Options),
    /// Builds the firmware and runs it on an emulated board; among real peers too where this is root on Linux.
    Firmware(firmware::Options),
    /// Fuzzes the parser, whole hosts and the firmware adapter (docs/fuzzing.md; a nightly toolchain).
    Fuzz(fuzz::Options),
    /// Links mdns-proto into a program that has no allocator, and runs it.
    NoAlloc,
    /// Type-checks what runs on std for Windows, macOS and FreeBSD.
    Platforms(platforms::Options),
    /// Type-checks every package with the oldest Rust that it says it builds with.
    Msrv,
    /// Runs the tests of the core on emulated processors: big-endian, of 32 bits.
    Foreign(foreign::Options),
    /// Runs tests under AddressSanitizer, with a nightly compiler.
    Sanitize(sanitize::Options),
    /// Writes docs/conformance.md: what the protocol asks, and the tests that prove it.
    Rfc(rfc::Options),
    /// Lets hosts live in bad worlds and judges them; a failure is shrunk, and the command that repeats it printed.
    Sim(sim::Options),
    /// Measures what the protocol takes of a board and writes docs/footprint.md.
    Size(size::Options),
    /// Counts the instructions of the core's work with callgrind and writes docs/performance.md.
    Instr(instr::Options),
    /// Measures which lines of mdns-proto its tests run and writes docs/coverage.md.
    Coverage(coverage::Options),
    /// Looks at licences, sources and duplicates of all dependencies, and at what is known against them.
    Deny,
    /// Writes docs/exchanges.md: the protocol as sequence charts, from the stories.
    Exchanges,
    /// Checks words, module paragraphs, links and citations of source and documents.
    Tidy(tidy::Options),
    /// Watches the memory and descriptors of `mdns` for hours, in the lab, while peers come and go (root, Linux).
    Soak(soak::Options),
    /// Measures the `mdns` command in the lab and writes docs/timings.md (root, Linux).
    Timings(timings::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.no_install {
        install::forbid();
    }
    let done = match cli.chore {
        Chore::Test(options) => test::run(&options),
        Chore::Lab(options) => lab::run(&options),
        Chore::Firmware(options) => firmware::run(&options),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::NoAlloc => no_alloc::run(),
        Chore::Platforms(options) => platforms::run(&options),
        Chore::Msrv => msrv::run(),
        Chore::Foreign(options) => foreign::run(&options),
        Chore::Sanitize(options) => sanitize::run(&options),
        Chore::Rfc(options) => rfc::run(&options),
        Chore::Sim(options) => sim::run(&options),
        Chore::Size(options) => size::run(&options),
        Chore::Instr(options) => instr::run(&options),
        Chore::Coverage(options) => coverage::run(&options),
        Chore::Deny => deny::run(),
        Chore::Exchanges => exchanges::run(),
        Chore::Tidy(options) => tidy::run(&options),
        Chore::Soak(options) => soak::run(&options),
        Chore::Timings(options) => timings::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            match e.is::<install::Missing>() {
                true => ExitCode::from(test::SKIPPED),
                false => ExitCode::FAILURE,
            }
        }
    }
}
