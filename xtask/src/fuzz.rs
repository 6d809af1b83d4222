//! `cargo xtask fuzz`: the targets of `fuzz/` (docs/fuzzing.md), built with cargo-fuzz and run one after another.
//!
//! What libFuzzer finds of interest goes to a folder of its own below `target`, from which the next run goes on; the committed corpus
//! is read beside it and never written but by `--seed-corpus`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    install::{self, NIGHTLY},
    shell::{Shell, has, root, target},
};

/// What `cargo xtask test` gives each target.
const CHECK_SECONDS: u64 = 5;

/// The longest inputs, in bytes: more than a frame of Ethernet, that packets of several frames are tried too.
const LEN_MAX: u32 = 4096;

/// Longer than any input should take, in seconds.
const TIMEOUT: u32 = 10;

#[derive(Args)]
pub(crate) struct Options {
    /// The target to run; without one they are listed.
    #[arg(conflicts_with = "all")]
    target: Option<String>,
    /// Runs all targets, one after another.
    #[arg(long)]
    all: bool,
    /// How long each runs.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Writes the seeds of the committed corpora anew, and ends.
    #[arg(long)]
    seed_corpus: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.seed_corpus {
        return Shell::cargo("run --quiet --package mdns-fuzz --example seeds").run();
    }
    let all = targets()?;
    let chosen: Vec<&str> = match &options.target {
        Some(name) => {
            let known = all.iter().find(|target| *target == name);
            let known = known.with_context(|| {
                format!("no target is called {name}; there are {}", all.join(", "))
            })?;
            vec![known]
        }
        None if options.all => all.iter().map(String::as_str).collect(),
        None => {
            println!("{}", all.join("\n"));
            return Ok(());
        }
    };
    tools()?;
    fuzz(&chosen, options.seconds)
}

/// For `cargo xtask test`: a few seconds each.
pub(crate) fn check() -> Result<()> {
    tools()?;
    let all = targets()?;
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    fuzz(&all, CHECK_SECONDS)
}

/// The names of the programs in `fuzz/`.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_stem(), path.extension() == Some("rs".as_ref())) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Installs what targets are built with: a nightly toolchain, a C++ compiler for libFuzzer, and cargo-fuzz.
fn tools() -> Result<()> {
    install::toolchain(NIGHTLY)?;
    if !["c++", "g++", "clang++"].into_iter().any(has) {
        install::apt(&["g++"])?;
    }
    install::crate_program("cargo-fuzz")
}

/// Runs targets, and says what they did.
fn fuzz(targets: &[&str], seconds: u64) -> Result<()> {
    let start = Instant::now();
    let out = target().join("fuzz");
    // The code is safe Rust: a sanitizer would find nothing and halve the speed.
    let build = Shell::cargo("+nightly fuzz build --sanitizer none --target-dir").args([&out]);
    let build = match targets {
        [one] => build.args([one]),
        _ => build,
    };
    build.output()?;
    println!("fuzz: built in {:.1} s", start.elapsed().as_secs_f64());

    println!(
        "\n{:<14}{:>8}{:>14}{:>10}{:>10}",
        "target", "seconds", "executions", "a second", "coverage"
    );
    let mut failed = Vec::new();
    for name in targets {
        let ran = Run::of(name, seconds, &out)?;
        let elapsed = ran.elapsed.as_secs_f64();
        println!(
            "{name:<14}{elapsed:>8.1}{:>14}{:>10.0}{:>10}",
            ran.executions,
            ran.executions as f64 / elapsed,
            ran.coverage
        );
        if let Some(finding) = ran.finding {
            println!("\n{name}: {}\n{}\n", finding.input.display(), finding.words);
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        bail!("findings in {}", failed.join(", "));
    }
    println!("no findings");
    Ok(())
}

/// What one target did.
struct Run {
    elapsed: Duration,
    executions: u64,
    coverage: u64,
    finding: Option<Finding>,
}

/// An input that is wrong.
struct Finding {
    input: PathBuf,
    /// What was said about it.
    words: String,
}

impl Run {
    fn of(name: &str, seconds: u64, out: &Path) -> Result<Self> {
        let corpus = out.join("corpus").join(name);
        let artifacts = out.join("artifacts").join(name);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let program = program(name, out)?;
        let start = Instant::now();
        let output = Command::new(&program)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LEN_MAX}"))
            .arg(format!("-timeout={TIMEOUT}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-dict={}", root().join("fuzz/mdns.dict").display()))
            .args(["-len_control=0", "-print_final_stats=1", "-close_fd_mask=1"])
            .arg(&corpus)
            .args(committed(name))
            .current_dir(root())
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let log = String::from_utf8_lossy(&output.stderr);
        let finding = (!output.status.success()).then(|| Finding::read(&log, &artifacts));
        Ok(Run {
            elapsed: start.elapsed(),
            executions: number_after(&log, "stat::number_of_executed_units:").unwrap_or(0),
            coverage: number_after(&log, " cov: ").unwrap_or(0),
            finding,
        })
    }
}

impl Finding {
    fn read(log: &str, artifacts: &Path) -> Self {
        let written = log.lines().find_map(|line| {
            let (_, path) = line.split_once("Test unit written to ")?;
            Some(PathBuf::from(path.trim()))
        });
        // From the panic on, without the calls that led there.
        let from = log
            .find("panicked at")
            .or_else(|| log.find("ERROR: libFuzzer"))
            .unwrap_or(0);
        let words = log[from..]
            .lines()
            .take_while(|line| !line.starts_with("stack backtrace"));
        Finding {
            input: written.unwrap_or_else(|| artifacts.to_owned()),
            words: words.take(40).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// The committed inputs of a target; messages are for all that read messages.
fn committed(name: &str) -> Vec<PathBuf> {
    let corpora = root().join("fuzz/corpus");
    [name, "message"]
        .into_iter()
        .filter(|folder| *folder == name || ["round_trip", "differential"].contains(&name))
        .map(|folder| corpora.join(folder))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// Where cargo-fuzz put a target: in the folder of the only machine it built for.
fn program(name: &str, out: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(out).with_context(|| out.display().to_string())?;
    let mut built = entries
        .filter_map(|entry| Some(entry.ok()?.path().join("release").join(name)))
        .filter(|program| program.is_file());
    built
        .next()
        .with_context(|| format!("{name} was not built"))
}

/// The last number that follows some words.
fn number_after(log: &str, words: &str) -> Option<u64> {
    let (_, rest) = log.rsplit_once(words)?;
    let digits = rest.trim_start();
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_libfuzzer_is_read() {
        let log = "#2\tINITED cov: 7 ft: 8\n#9\tNEW cov: 12 ft: 20\nstat::number_of_executed_units: 345\n";
        assert_eq!(number_after(log, " cov: "), Some(12));
        assert_eq!(
            number_after(log, "stat::number_of_executed_units:"),
            Some(345)
        );
        assert_eq!(number_after(log, "stat::peak_rss_mb:"), None);
    }

    #[test]
    fn a_finding_is_the_panic_and_its_input() {
        let log = "thread panicked at lib.rs:1:2:\nit is wrong\nstack backtrace:\n 0: main\n\
                   artifact_prefix='x/'; Test unit written to x/crash-1\n";
        let finding = Finding::read(log, Path::new("x"));
        assert_eq!(finding.words, "panicked at lib.rs:1:2:\nit is wrong");
        assert_eq!(finding.input, Path::new("x/crash-1"));
    }

    #[test]
    fn targets_are_the_files() -> Result<()> {
        let targets = targets()?;
        assert!(targets.iter().any(|name| name == "endpoint"));
        assert!(targets.iter().all(|name| !committed(name).is_empty()));
        Ok(())
    }
}
