//! What `cargo xtask instr` counts the instructions of.
//!
//! Each case is prepared, then runs in [`measured`], where callgrind collects and after which it writes a profile. A line for each
//! profile, in their order, is printed: its name and how many units of work it was, by which the instructions are divided.

mod cases;
mod fnv;
mod packets;
mod visit;

use std::{env, hint::black_box, process::ExitCode};

/// Runs `work`, the only thing that is counted, and prints the line of its profile.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Runs one case: `units` of work, all of which `work` does.
fn case<T>(name: &str, units: usize, work: impl FnOnce() -> T) -> T {
    let result = measured(work);
    println!("{name} {units}");
    result
}

fn main() -> ExitCode {
    let full = match env::args().nth(1).as_deref() {
        None => false,
        Some("--full") => true,
        Some(other) => {
            eprintln!("unknown argument {other}; `cargo xtask instr` runs this program");
            return ExitCode::from(2);
        }
    };
    cases::codec();
    cases::answering();
    cases::registering(if full { 100_000 } else { 10_000 });
    cases::browsing();
    cases::proportion();
    ExitCode::SUCCESS
}
