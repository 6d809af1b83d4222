//! `cargo xtask test`: every check there is, in parts, with the time of each.

use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};
use clap::Args;

use crate::{
    deny, exchanges, firmware, fuzz,
    install::{self, Missing},
    instr, lab, msrv, no_alloc, platforms, rfc,
    shell::Shell,
    sim, size, tidy,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Leaves the lab out.
    #[arg(long)]
    no_lab: bool,
    /// Runs this part alone; may be given several times. It fails if it cannot run.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Fails if a part is skipped.
    #[arg(long)]
    require_all: bool,
    /// Lets this part be skipped even with --require-all; may be given several times.
    #[arg(long, value_name = "PART", requires = "require_all")]
    may_skip: Vec<String>,
    /// Shows the parts and ends.
    #[arg(long)]
    list: bool,
}

/// What can fail on its own, and be repeated on its own.
struct Part {
    name: &'static str,
    about: &'static str,
    /// Installs what the part takes.
    needs: fn() -> Result<()>,
    work: Work,
}

enum Work {
    Commands(Vec<Shell>),
    Chore(fn() -> Result<()>),
}

/// How a part ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(Error),
    /// It did not run, or not to its end, for this reason. It says nothing about the code.
    Skipped(String),
}

/// A part that was done, or left out.
struct Done {
    name: &'static str,
    time: Duration,
    outcome: Outcome,
}

impl Part {
    fn run(&self) -> Done {
        let start = Instant::now();
        let result = (self.needs)().and_then(|()| match &self.work {
            Work::Commands(commands) => commands.iter().try_for_each(Shell::run),
            Work::Chore(chore) => chore(),
        });
        let outcome = match result {
            Ok(()) => Outcome::Passed,
            Err(error) if error.is::<Missing>() => Outcome::Skipped(format!("{error:#}")),
            Err(error) => Outcome::Failed(error),
        };
        Done {
            time: start.elapsed(),
            ..self.done(outcome)
        }
    }

    fn done(&self, outcome: Outcome) -> Done {
        Done {
            name: self.name,
            time: Duration::ZERO,
            outcome,
        }
    }
}

/// A part that needs nothing but cargo.
fn commands(name: &'static str, about: &'static str, lines: &[&str]) -> Part {
    Part {
        name,
        about,
        needs: || Ok(()),
        work: Work::Commands(lines.iter().map(|line| Shell::cargo(line)).collect()),
    }
}

/// A part that installs what it needs itself.
fn chore(name: &'static str, about: &'static str, work: fn() -> Result<()>) -> Part {
    Part {
        name,
        about,
        needs: || Ok(()),
        work: Work::Chore(work),
    }
}

fn parts() -> Vec<Part> {
    let doc = Shell::cargo("doc --quiet --workspace --no-deps --all-features")
        .env("RUSTDOCFLAGS", "-D warnings");
    let narrow =
        Shell::cargo("test --quiet --package mdns-proto --all-features --target-dir target/narrow")
            .env("RUSTFLAGS", "--cfg mdns_narrow");
    vec![
        Part {
            needs: || install::component("rustfmt", "fmt"),
            ..commands(
                "format",
                "rustfmt has nothing to change",
                &[
                    "fmt --all --check",
                    "fmt --check --manifest-path xtask/no-alloc/Cargo.toml",
                    "fmt --check --manifest-path firmware/Cargo.toml",
                    "fmt --check --manifest-path fuzz/Cargo.toml",
                ],
            )
        },
        Part {
            needs: || install::component("clippy", "clippy"),
            ..commands(
                "clippy",
                "no warnings, with every feature and with none",
                &[
                    "clippy --quiet --workspace --all-targets --all-features -- -D warnings",
                    "clippy --quiet --package mdns-proto --no-default-features -- -D warnings",
                    "clippy --quiet --package mdns-proto --no-default-features --features alloc -- -D warnings",
                ],
            )
        },
        Part {
            work: Work::Commands(vec![doc]),
            ..commands("docs", "the documentation builds without a warning", &[])
        },
        chore(
            "tidy",
            "words, module paragraphs, links and citations",
            tidy::check,
        ),
        chore(
            "rfc",
            "docs/conformance.md says what the tests say",
            rfc::check,
        ),
        chore(
            "exchanges",
            "docs/exchanges.md says what the stories say",
            exchanges::check,
        ),
        commands(
            "package",
            "each crate makes a package that could be published",
            // Without lock files, which are made from the registry: the crates are not there.
            &["package --quiet --workspace --no-verify --allow-dirty --exclude-lockfile"],
        ),
        chore(
            "deny",
            "licences, sources and duplicates of dependencies are as deny.toml wants them",
            deny::check,
        ),
        chore(
            "advisories",
            "nothing is known against dependencies",
            deny::check_advisories,
        ),
        chore(
            "no-alloc",
            "mdns-proto links without an allocator",
            no_alloc::run,
        ),
        chore(
            "platforms",
            "what runs on std type-checks for Windows",
            platforms::check,
        ),
        chore(
            "msrv",
            "each package builds with the oldest Rust that it states",
            msrv::check,
        ),
        chore(
            "msrv-board",
            "so do the programs in firmware/",
            msrv::check_board,
        ),
        commands(
            "tests",
            "unit, doc, story and property tests of everything",
            &["test --quiet --workspace --all-features"],
        ),
        Part {
            work: Work::Commands(vec![narrow]),
            ..commands(
                "narrow",
                "those of mdns-proto with numbers of 16 bits, as boards have them",
                &[],
            )
        },
        chore(
            "sim",
            "hosts in bad worlds agree in the end and break no rule on the way",
            sim::check,
        ),
        chore(
            "fuzz",
            "each fuzz target for 5 s; their corpora are among the tests",
            fuzz::check,
        ),
        chore(
            "size",
            "docs/footprint.md says what the protocol takes of a board",
            size::check,
        ),
        chore(
            "instr",
            "docs/performance.md says how many instructions the core takes",
            instr::check,
        ),
        chore(
            "image",
            "no allocator and no panic in the image of a board",
            size::check_image,
        ),
        chore(
            "firmware",
            "the protocol on an emulated board",
            firmware::check,
        ),
        chore(
            "peers",
            "the emulated board among real peers (root, Linux)",
            firmware::check_peers,
        ),
        Part {
            needs: || lab::possible().map_err(Missing::from),
            ..chore(
                "lab",
                "real peers in network namespaces (root, Linux)",
                lab::run_all,
            )
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
        .chain(&options.may_skip)
        .find(|name| parts.iter().all(|part| part.name != name.as_str()))
    {
        bail!("no part is called {unknown}; `cargo xtask test --list` shows them");
    }
    if !options.only.is_empty() {
        parts.retain(|part| options.only.iter().any(|name| part.name == name.as_str()));
    }
    let left_out: &[&str] = if options.no_lab { &["lab"] } else { &[] };
    let done = run_parts(&parts, left_out);
    print!("\n{}", report(&done));
    judge(
        done,
        options.require_all || !options.only.is_empty(),
        &options.may_skip,
    )
}

/// Runs parts until one fails; what comes after that is skipped, and so is what was asked to be left out.
fn run_parts(parts: &[Part], left_out: &[&str]) -> Vec<Done> {
    let mut failed = None;
    let run = |part: &Part| {
        if left_out.contains(&part.name) {
            return part.done(Outcome::Skipped(format!("--no-{} was given", part.name)));
        }
        if let Some(failed) = failed {
            return part.done(Outcome::Skipped(format!("{failed} failed before it")));
        }
        println!("==> {}: {}", part.name, part.about);
        let done = part.run();
        match &done.outcome {
            Outcome::Passed => {}
            Outcome::Failed(_) => failed = Some(part.name),
            Outcome::Skipped(why) => println!("{} skipped: {why}", part.name),
        }
        done
    };
    parts.iter().map(run).collect()
}

/// One line a part, then the count.
fn report(done: &[Done]) -> String {
    let line = |name: &str, time: Duration| format!("{name:<10} {:>8.1}", time.as_secs_f64());
    let mut text = format!("{:<10} {:>8}\n", "part", "seconds");
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Done {
        name,
        time,
        outcome,
    } in done
    {
        text += &line(name, *time);
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(_) => {
                failed += 1;
                text += "  FAILED";
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                text += &format!("  skipped: {}", why.replace('\n', " "));
            }
        }
        text += "\n";
    }
    text += &line("all", done.iter().map(|done| done.time).sum());
    text + &format!("\nparts: {passed} passed, {failed} failed, {skipped} skipped\n")
}

/// Whether that will do: nothing failed and, if all parts are required, none was skipped but those that may be.
fn judge(done: Vec<Done>, all_required: bool, may_skip: &[String]) -> Result<()> {
    let mut skipped = Vec::new();
    for Done { name, outcome, .. } in done {
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(error) => {
                return Err(error.context(format!(
                    "part {name} failed; to repeat it: cargo xtask test --only {name}"
                )));
            }
            Outcome::Skipped(_) if may_skip.iter().any(|part| part == name) => {}
            Outcome::Skipped(_) => skipped.push(name),
        }
    }
    if all_required && !skipped.is_empty() {
        bail!("skipped, and had to run: {}", skipped.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three(second: fn() -> Result<()>) -> Vec<Done> {
        let parts = [
            chore("first", "passes", || Ok(())),
            chore("second", "is tried", second),
            chore("third", "passes", || Ok(())),
        ];
        run_parts(&parts, &[])
    }

    fn last_line(done: &[Done]) -> String {
        report(done).lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_cannot_run_has_not_passed() {
        let missing = || Err(Missing::error("there is no compiler").context("second"));
        let done = three(missing);
        assert_eq!(last_line(&done), "parts: 2 passed, 0 failed, 1 skipped");
        assert!(report(&done).contains("skipped: second: there is no compiler\n"));
        assert!(judge(three(missing), false, &[]).is_ok());
        let error = judge(three(missing), true, &[]).expect_err("it was skipped");
        assert_eq!(error.to_string(), "skipped, and had to run: second");
        assert!(judge(three(missing), true, &["second".to_owned()]).is_ok());
        assert!(judge(three(missing), true, &["third".to_owned()]).is_err());
    }

    #[test]
    fn what_a_part_needs_is_looked_for_before_it_runs() {
        let part = Part {
            needs: || Err(Missing::error("no root")),
            ..chore("lab", "panics", || panic!("it ran"))
        };
        let done = run_parts(&[part], &[]);
        assert_eq!(last_line(&done), "parts: 0 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn after_a_failure_the_rest_is_skipped() {
        let done = three(|| bail!("wrong"));
        assert_eq!(last_line(&done), "parts: 1 passed, 1 failed, 1 skipped");
        assert!(report(&done).contains("third           0.0  skipped: second failed before it"));
        let error = judge(done, false, &["second".to_owned()]).expect_err("it failed");
        assert!(format!("{error:#}").ends_with("--only second: wrong"));
    }

    #[test]
    fn what_is_left_out_is_said_to_be() {
        let parts = [chore("lab", "panics", || panic!("it ran"))];
        let done = run_parts(&parts, &["lab"]);
        assert!(report(&done).contains("skipped: --no-lab was given"));
    }
}
