//! `cargo xtask instr`: how many instructions the core takes for its work, counted by callgrind, and kept in docs/performance.md.
//!
//! Instructions repeat exactly, whatever else the machine does; what they leave out is waiting for memory.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    figures::{Kept, figures, made_with, number},
    install,
    shell::{Shell, root, target},
};

/// Where the figures are kept.
const FILE: &str = "docs/performance.md";

/// How much its figures may grow before the file has to say so.
const KEPT: Kept = Kept {
    file: FILE,
    command: "cargo xtask instr",
    tolerance: 0.03,
    slack: |_, _| 0.0,
};

/// What the project set itself: what a row of the first table says, how it is computed, the most it should be, and what it could be.
const GATES: [(&str, Figure, f64, f64); 8] = [
    (
        "decode and hash, ten packets, over the decoder by hand",
        Figure::Decode,
        1.7,
        1.5,
    ),
    (
        "encode an announcement of ten records (368 bytes)",
        Figure::Case("encode"),
        8_000.0,
        6_500.0,
    ),
    (
        "query to multicast reply, 1 service",
        Figure::Case("answer/multicast/1"),
        14_000.0,
        10_000.0,
    ),
    (
        "query to legacy reply, 1 service",
        Figure::Case("answer/legacy/1"),
        9_000.0,
        7_000.0,
    ),
    (
        "query to multicast reply, 10,000 services over 1",
        Figure::Over("answer/multicast/10000", "answer/multicast/1"),
        1.1,
        1.0,
    ),
    (
        "response of 4 new records into a browse",
        Figure::Case("browse/0"),
        32_000.0,
        20_000.0,
    ),
    (
        "register to announced, a service of many",
        Figure::Many,
        40_000.0,
        25_000.0,
    ),
    (
        "a packet into a full host, over the same into an empty one",
        Figure::Worst,
        3.0,
        1.5,
    ),
];

/// How a figure follows from the cases.
#[derive(Clone, Copy)]
enum Figure {
    /// The instructions of one case.
    Case(&'static str),
    /// Those of one over those of another.
    Over(&'static str, &'static str),
    /// The geometric mean of all packets, the codec over the decoder by hand.
    Decode,
    /// The case of the most services registered.
    Many,
    /// The greatest of all sorts of packets.
    Worst,
}

#[derive(Args)]
pub(crate) struct Options {
    /// Fails if a figure has grown by more than 3 %, and writes nothing.
    #[arg(long)]
    check: bool,
    /// Registers 100,000 services instead of 10,000, which takes minutes; writes nothing.
    #[arg(long)]
    full: bool,
}

/// For `cargo xtask test`.
pub(crate) fn check() -> Result<()> {
    run(&Options {
        check: true,
        full: false,
    })
}

pub(crate) fn run(options: &Options) -> Result<()> {
    install::program("valgrind")?;
    let kept = fs::read_to_string(root().join(FILE)).unwrap_or_default();
    let installed = Shell::new("rustc").args(["--version"]).output()?;
    let installed: Vec<_> = installed.split_whitespace().take(2).collect();
    let installed = installed.join(" ");
    // Figures of another compiler say nothing: it is that of the file, or none.
    let version = match made_with(&kept) {
        Some(version) if options.check => version,
        _ => &installed,
    };
    let program = build(version, version == installed)?;
    let counted = count(&program, options.full)?;
    let report = report(&counted, version)?;
    if options.check {
        KEPT.compare(&figures(&kept), &figures(&report))?;
    } else {
        print!("{report}");
        if !options.full {
            fs::write(root().join(FILE), report).context(FILE)?;
        }
    }
    Ok(())
}

/// Builds the program with a compiler such as `rustc 1.95.0`.
fn build(version: &str, is_installed: bool) -> Result<PathBuf> {
    let words = "build --quiet --release --package instr";
    if is_installed {
        Shell::cargo(words).run()?;
        return Ok(target().join("release/instr"));
    }
    let number = version.strip_prefix("rustc ").unwrap_or(version);
    install::toolchain(number)?;
    let dir = target().join(number);
    Shell::new("cargo")
        .args([format!("+{number}")])
        .args(words.split_whitespace())
        .args([OsStr::new("--target-dir"), dir.as_os_str()])
        .run()?;
    Ok(dir.join("release/instr"))
}

/// Instructions of each case, for one unit of its work.
type Counted = BTreeMap<String, f64>;

/// Runs the program under callgrind, which writes a profile after each case.
fn count(program: &Path, is_full: bool) -> Result<Counted> {
    let dir = target().join("instr");
    // Profiles of an earlier run would be taken for those of this one.
    fs::remove_dir_all(&dir).ok();
    fs::create_dir_all(&dir)?;
    let out = dir.join("profile");
    let named = |option: &str| format!("--{option}=instr::measured");
    let callgrind = Shell::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .args([format!("--callgrind-out-file={}", out.display())])
        .args([named("toggle-collect"), named("dump-after")])
        .args([program])
        .args(is_full.then_some("--full"));
    let printed = callgrind.output()?;
    let mut counted = Counted::new();
    for (at, line) in printed.lines().enumerate() {
        let (name, units) = line.split_once(' ').context("a name and its units")?;
        let profile = dir.join(format!("profile.{}", at + 1));
        let profile =
            fs::read_to_string(&profile).with_context(|| profile.display().to_string())?;
        let total = profile
            .lines()
            .find_map(|line| line.strip_prefix("totals: "))
            .context("a profile without a total")?;
        let (total, units): (f64, f64) = (total.trim().parse()?, units.parse()?);
        ensure!(total > 0.0, "{name}: nothing was counted");
        counted.insert(name.to_owned(), total / units);
    }
    ensure!(!counted.is_empty(), "no case was counted");
    Ok(counted)
}

/// The document.
fn report(counted: &Counted, version: &str) -> Result<String> {
    let mut report = include_str!("instr.md").to_owned();
    report += &format!(
        "\nMeasured with {version} at the optimisation of a release, on {}.\n\n",
        env::consts::ARCH
    );
    report += "## Gates\n\n| of | measured | gate | goal | |\n|---|---:|---:|---:|---|\n";
    for (name, figure, gate, goal) in GATES {
        let measured = figure.of(counted).with_context(|| name.to_owned())?;
        let shown = |value: f64| match value < 100.0 {
            true => format!("{value:.2}"),
            false => number(value.round() as i64),
        };
        let verdict = if measured <= gate { "met" } else { "missed" };
        report += &format!(
            "| {name} | {} | {} | {} | {verdict} |\n",
            shown(measured),
            shown(gate),
            shown(goal)
        );
    }
    report += "\n## Codec\n\n| packet | by hand | ours | ratio |\n|---|---:|---:|---:|\n";
    for (packet, ours, floor) in pairs(counted, "decode/", "visit/") {
        report += &row(packet, floor, ours);
    }
    report += "\n## Work\n\n| of | instructions |\n|---|---:|\n";
    let is_work = |name: &str| {
        !["decode/", "visit/", "packet/"]
            .iter()
            .any(|p| name.starts_with(p))
    };
    for (name, value) in counted.iter().filter(|(name, _)| is_work(name)) {
        report += &format!("| {name} | {} |\n", number(value.round() as i64));
    }
    report += "\n## A packet into a full host\n\n| packet | empty | full | ratio |\n|---|---:|---:|---:|\n";
    for (packet, empty, full) in sorts(counted) {
        report += &row(packet, empty, full);
    }
    Ok(report)
}

/// A row of two figures and their ratio. A fraction of an instruction, of a byte, is none.
fn row(name: &str, floor: f64, ours: f64) -> String {
    format!(
        "| {name} | {} | {} | {:.2} |\n",
        number(floor.round() as i64),
        number(ours.round() as i64),
        ours / floor
    )
}

/// Cases of one name behind two prefixes.
fn pairs<'c>(
    counted: &'c Counted,
    first: &'c str,
    second: &'c str,
) -> impl Iterator<Item = (&'c str, f64, f64)> {
    counted.iter().filter_map(move |(name, value)| {
        let name = name.strip_prefix(first)?;
        let other = counted.get(&format!("{second}{name}"))?;
        Some((name, *value, *other))
    })
}

/// Sorts of packets: instructions a byte into an empty host and into a full one.
fn sorts(counted: &Counted) -> impl Iterator<Item = (&str, f64, f64)> {
    counted.iter().filter_map(move |(name, empty)| {
        let name = name.strip_prefix("packet/")?.strip_suffix("/empty")?;
        let full = counted.get(&format!("packet/{name}/full"))?;
        Some((name, *empty, *full))
    })
}

impl Figure {
    fn of(self, counted: &Counted) -> Option<f64> {
        let case = |name: &str| counted.get(name).copied();
        match self {
            Figure::Case(name) => case(name),
            Figure::Over(name, floor) => Some(case(name)? / case(floor)?),
            Figure::Decode => {
                let ratios = pairs(counted, "decode/", "visit/");
                let logs: Vec<_> = ratios.map(|(_, ours, floor)| (ours / floor).ln()).collect();
                Some((logs.iter().sum::<f64>() / logs.len() as f64).exp())
            }
            Figure::Many => {
                let cases = counted.iter().filter_map(|(name, value)| {
                    let count: u32 = name.strip_prefix("register/")?.parse().ok()?;
                    Some((count, *value))
                });
                cases
                    .max_by_key(|(count, _)| *count)
                    .map(|(_, value)| value)
            }
            Figure::Worst => sorts(counted)
                .map(|(_, empty, full)| full / empty)
                .max_by(f64::total_cmp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(cases: &[(&str, f64)]) -> Counted {
        let cases = cases.iter();
        cases
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    #[test]
    fn figures_follow_from_cases() {
        let counted = counted(&[
            ("decode/a", 20.0),
            ("visit/a", 10.0),
            ("decode/b", 80.0),
            ("visit/b", 10.0),
            ("register/1", 7.0),
            ("register/10000", 9.0),
            ("packet/x/empty", 2.0),
            ("packet/x/full", 5.0),
            ("packet/y/empty", 2.0),
            ("packet/y/full", 4.0),
        ]);
        let of = |figure: Figure| figure.of(&counted);
        assert!(of(Figure::Decode).is_some_and(|mean| (mean - 4.0).abs() < 1e-9));
        assert_eq!(of(Figure::Case("register/1")), Some(7.0));
        assert_eq!(of(Figure::Many), Some(9.0));
        assert_eq!(of(Figure::Worst), Some(2.5));
        assert_eq!(of(Figure::Case("missing")), None);
    }
}
