//! `cargo xtask coverage`: which lines of `mdns-proto` its own tests run, and `docs/coverage.md`, which lists the others.
//!
//! Measured are the lines that end up in firmware: what is below `#[cfg(test)]`, at the foot of a file, runs by itself.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    install::{self, apt},
    shell::{Shell, root, target},
};

/// What is measured.
const SOURCE: &str = "crates/mdns-proto/src";

/// Fewer lines than this fail, in percent.
const WANTED: f64 = 95.0;

/// The file with the words before the list.
const HEAD: &str = include_str!("coverage.md");

#[derive(Args)]
pub(crate) struct Options {
    /// Says only whether it is enough; docs/coverage.md stays as it is.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let tools = tools()?;
    let start = Instant::now();
    let lcov = target().join("coverage.lcov");
    let cargo = Shell::cargo("llvm-cov --package mdns-proto --all-features --quiet --lcov")
        .args(["--output-path".into(), lcov.clone()]);
    // The lines of a failing test are worth seeing, those of a passing one are not.
    tools
        .iter()
        .fold(cargo, |cargo, (name, tool)| cargo.env(name, tool))
        .output()?;
    let report = fs::read_to_string(&lcov).with_context(|| lcov.display().to_string())?;
    let files = measured(&report)?;
    let total = Total::of(&files);
    for file in files.iter().filter(|file| !file.missed().is_empty()) {
        println!("{}", file.line());
    }
    println!(
        "coverage: {total}, in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    if !options.check {
        let file = root().join("docs/coverage.md");
        fs::write(&file, document(&files, &total)).with_context(|| file.display().to_string())?;
        println!("written: {}", file.display());
    }
    ensure!(
        total.percent() >= WANTED,
        "{:.2} % of the lines are run, {WANTED} % are wanted",
        total.percent()
    );
    Ok(())
}

/// Installs what is missing; returns what cargo-llvm-cov would not find by itself.
fn tools() -> Result<Vec<(&'static str, PathBuf)>> {
    install::crate_program("cargo-llvm-cov")?;
    let said = Shell::new("rustc")
        .args(["--print", "target-libdir"])
        .output()?;
    let beside_compiler = Path::new(said.trim()).with_file_name("bin");
    let of_rustup = || beside_compiler.join("llvm-cov").is_file();
    if of_rustup() {
        return Ok(Vec::new());
    }
    // Debian has every version under its number; the format of the counts changes with it.
    let version = Shell::new("rustc").args(["-vV"]).output()?;
    let major = version
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: ")?.split('.').next())
        .context("rustc does not say which LLVM it has")?;
    let [cov, profdata] =
        ["cov", "profdata"].map(|tool| PathBuf::from(format!("/usr/bin/llvm-{tool}-{major}")));
    if !cov.is_file() {
        let added = Shell::new("rustup")
            .args(["component", "add", "llvm-tools"])
            .output();
        if added.is_ok() && of_rustup() {
            return Ok(Vec::new());
        }
        apt(&[&format!("llvm-{major}")])?;
    }
    Ok(vec![("LLVM_COV", cov), ("LLVM_PROFDATA", profdata)])
}

/// A file of the crate, and how often each of its lines was run.
struct Measured {
    /// Below [`SOURCE`].
    name: String,
    runs: BTreeMap<usize, u64>,
    source: Vec<String>,
}

impl Measured {
    /// The lines that were never run, those next to each other together.
    fn missed(&self) -> Vec<RangeInclusive<usize>> {
        let mut ranges: Vec<RangeInclusive<usize>> = Vec::new();
        let mut joins = false;
        for (&line, &runs) in &self.runs {
            match ranges.last_mut() {
                Some(last) if joins && runs == 0 => *last = *last.start()..=line,
                _ if runs == 0 => ranges.push(line..=line),
                _ => {}
            }
            joins = runs == 0;
        }
        ranges
    }

    fn line(&self) -> String {
        let ranges: Vec<_> = self
            .missed()
            .iter()
            .map(|range| match range.end() - range.start() {
                0 => range.start().to_string(),
                _ => format!("{}-{}", range.start(), range.end()),
            })
            .collect();
        format!("{}: {}", self.name, ranges.join(", "))
    }
}

/// Reads the counts; several programs may tell of one line.
fn measured(lcov: &str) -> Result<Vec<Measured>> {
    let source = root().join(SOURCE);
    let mut files: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    let mut file = None;
    for line in lcov.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let name = Path::new(path).strip_prefix(&source).ok();
            file = name.map(|name| name.to_string_lossy().into_owned());
        } else if let (Some(name), Some(counts)) = (&file, line.strip_prefix("DA:")) {
            let mut counts = counts.split(',');
            let mut next = || {
                counts
                    .next()
                    .with_context(|| format!("{line} lacks a number"))
            };
            let (number, runs) = (next()?.parse()?, next()?.parse::<u64>()?);
            *files
                .entry(name.clone())
                .or_default()
                .entry(number)
                .or_default() += runs;
        }
    }
    let of_crate = files
        .into_iter()
        .filter(|(name, _)| !name.ends_with("tests.rs"));
    of_crate
        .map(|(name, mut runs)| {
            let text = fs::read_to_string(source.join(&name)).with_context(|| name.clone())?;
            let code = text
                .lines()
                .take_while(|line| !line.starts_with("#[cfg(test)]"));
            let source: Vec<_> = code.map(str::to_owned).collect();
            runs.retain(|line, _| *line <= source.len());
            Ok(Measured { name, runs, source })
        })
        .collect()
}

/// Lines of all files.
struct Total {
    run: usize,
    all: usize,
}

impl Total {
    fn of(files: &[Measured]) -> Self {
        let counts = || files.iter().flat_map(|file| file.runs.values());
        Total {
            run: counts().filter(|runs| **runs > 0).count(),
            all: counts().count(),
        }
    }

    fn percent(&self) -> f64 {
        100.0 * self.run as f64 / self.all.max(1) as f64
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} lines, {:.2} %",
            self.run,
            self.all,
            self.percent()
        )
    }
}

fn document(files: &[Measured], total: &Total) -> String {
    let mut text = HEAD.replace("{total}", &total.to_string());
    for file in files {
        let missed = file.missed();
        if missed.is_empty() {
            continue;
        }
        let lines = file.runs.values().filter(|runs| **runs == 0).count();
        // Writing to a string cannot fail.
        writeln!(
            text,
            "\n`{}`, {lines} of {}:\n\n```text",
            file.name,
            file.runs.len()
        )
        .ok();
        for number in missed.into_iter().flatten() {
            let code = file.source.get(number - 1).map_or("", |line| line.trim());
            // Where a block ends says nothing.
            if code.chars().any(char::is_alphanumeric) {
                writeln!(text, "{number:>4}  {code}").ok();
            }
        }
        text += "```\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_missed_are_joined_up_to_one_that_was_run() {
        let runs = [(1, 0), (2, 0), (4, 0), (5, 3), (7, 0), (9, 1)].into();
        let file = Measured {
            name: "a.rs".to_owned(),
            runs,
            source: Vec::new(),
        };
        assert_eq!(file.line(), "a.rs: 1-4, 7");
        let total = Total::of(&[file]);
        assert_eq!((total.run, total.all), (2, 6));
    }

    #[test]
    fn counts_of_one_line_add_up_and_tests_do_not_count() {
        let path = root().join(SOURCE).join("link.rs");
        let beyond = fs::read_to_string(&path).unwrap().lines().count();
        let path = path.display();
        let lcov = format!(
            "SF:{path}\nDA:1,0\nDA:2,0\nDA:{beyond},1\nSF:/other.rs\nDA:1,9\nSF:{path}\nDA:2,5,x\n"
        );
        let files = measured(&lcov).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].runs, [(1, 0), (2, 5)].into());
    }
}
