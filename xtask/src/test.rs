//! `cargo xtask test`: every check there is, in parts, with the time of each.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::{
    deny, exchanges, firmware, fuzz, lab, no_alloc, platforms, rfc, shell::Shell, sim, size,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Leaves the lab out.
    #[arg(long)]
    no_lab: bool,
    /// Runs this part alone; may be given several times.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Shows the parts and ends.
    #[arg(long)]
    list: bool,
}

/// What can fail on its own, and be repeated on its own.
struct Part {
    name: &'static str,
    about: &'static str,
    work: Work,
}

enum Work {
    Commands(Vec<Shell>),
    Chore(fn() -> Result<()>),
}

fn parts() -> Vec<Part> {
    let commands = |name, about, lines: &[&str]| Part {
        name,
        about,
        work: Work::Commands(lines.iter().map(|line| Shell::cargo(line)).collect()),
    };
    let doc = Shell::cargo("doc --quiet --workspace --no-deps --all-features")
        .env("RUSTDOCFLAGS", "-D warnings");
    let narrow =
        Shell::cargo("test --quiet --package mdns-proto --all-features --target-dir target/narrow")
            .env("RUSTFLAGS", "--cfg mdns_narrow");
    vec![
        commands(
            "format",
            "rustfmt has nothing to change",
            &[
                "fmt --all --check",
                "fmt --check --manifest-path xtask/no-alloc/Cargo.toml",
                "fmt --check --manifest-path firmware/Cargo.toml",
                "fmt --check --manifest-path fuzz/Cargo.toml",
            ],
        ),
        commands(
            "clippy",
            "no warnings, with every feature and with none",
            &[
                "clippy --quiet --workspace --all-targets --all-features -- -D warnings",
                "clippy --quiet --package mdns-proto --no-default-features -- -D warnings",
                "clippy --quiet --package mdns-proto --no-default-features --features alloc -- -D warnings",
            ],
        ),
        Part {
            name: "docs",
            about: "the documentation builds without a warning",
            work: Work::Commands(vec![doc]),
        },
        Part {
            name: "rfc",
            about: "docs/conformance.md says what the tests say",
            work: Work::Chore(rfc::check),
        },
        Part {
            name: "exchanges",
            about: "docs/exchanges.md says what the stories say",
            work: Work::Chore(exchanges::check),
        },
        Part {
            name: "deny",
            about: "licences, sources and duplicates of dependencies are as deny.toml wants them",
            work: Work::Chore(deny::run),
        },
        Part {
            name: "no-alloc",
            about: "mdns-proto links without an allocator",
            work: Work::Chore(no_alloc::run),
        },
        Part {
            name: "platforms",
            about: "what runs on std type-checks for Windows, where a toolchain can",
            work: Work::Chore(platforms::check),
        },
        commands(
            "tests",
            "unit, doc, story and property tests of everything",
            &["test --quiet --workspace --all-features"],
        ),
        Part {
            name: "narrow",
            about: "those of mdns-proto with numbers of 16 bits, as boards have them",
            work: Work::Commands(vec![narrow]),
        },
        Part {
            name: "sim",
            about: "hosts in bad worlds agree in the end and break no rule on the way",
            work: Work::Chore(sim::check),
        },
        Part {
            name: "fuzz",
            about: "each fuzz target for 5 s, where there is a nightly toolchain; their corpora are among the tests",
            work: Work::Chore(fuzz::check),
        },
        Part {
            name: "size",
            about: "docs/footprint.md says what the protocol takes of a board; no allocator and no panic there",
            work: Work::Chore(size::check),
        },
        Part {
            name: "firmware",
            about: "the protocol on an emulated board, alone and, as root, among real peers",
            work: Work::Chore(firmware::check),
        },
        Part {
            name: "lab",
            about: "real peers in network namespaces (root, Linux)",
            work: Work::Chore(lab::run_all),
        },
    ]
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut parts = parts();
    if options.list {
        for part in &parts {
            println!("{:<10} {}", part.name, part.about);
        }
        return Ok(());
    }
    if let Some(unknown) = options
        .only
        .iter()
        .find(|name| parts.iter().all(|part| part.name != name.as_str()))
    {
        bail!("no part is called {unknown}; `cargo xtask test --list` shows them");
    }
    if !options.only.is_empty() {
        parts.retain(|part| options.only.iter().any(|name| part.name == name.as_str()));
    }

    let mut skipped = None;
    if options.no_lab {
        skipped = Some("--no-lab was given".to_owned());
    } else if let Err(why) = lab::possible() {
        // Asked for by name, it is not skipped in silence.
        ensure!(
            options.only.iter().all(|name| name != "lab"),
            "the lab cannot run: {why:#}"
        );
        skipped = Some(format!("{why:#}"));
    }
    if skipped.is_some() {
        parts.retain(|part| part.name != "lab");
    }

    let mut times = Vec::new();
    let mut failure = None;
    for part in &parts {
        println!("==> {}: {}", part.name, part.about);
        let start = Instant::now();
        let result = match &part.work {
            Work::Commands(commands) => commands.iter().try_for_each(Shell::run),
            Work::Chore(chore) => chore(),
        };
        times.push((part.name, start.elapsed(), result.is_ok()));
        if let Err(e) = result {
            let context = format!(
                "part {0} failed; to repeat it: cargo xtask test --only {0}",
                part.name
            );
            failure = Some(Err(e).context(context));
            break;
        }
    }
    report(
        &times,
        parts.len() - times.len() + usize::from(skipped.is_some()),
    );
    if let Some(failure) = failure {
        return failure;
    }
    if let Some(why) = skipped {
        println!("lab skipped: {why}");
    }
    Ok(())
}

/// One line a part, then the count.
fn report(times: &[(&str, Duration, bool)], skipped: usize) {
    println!("\n{:<10} {:>8}", "part", "seconds");
    for (name, time, passed) in times {
        println!(
            "{name:<10} {:>8.1}{}",
            time.as_secs_f64(),
            if *passed { "" } else { "  FAILED" }
        );
    }
    let total: Duration = times.iter().map(|(_, time, _)| *time).sum();
    println!("{:<10} {:>8.1}", "all", total.as_secs_f64());
    let passed = times.iter().filter(|(.., passed)| *passed).count();
    println!(
        "parts: {passed} passed, {} failed, {skipped} skipped",
        times.len() - passed
    );
}
