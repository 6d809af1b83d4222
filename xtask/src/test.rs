//! `cargo xtask test`: every check there is, in parts, with the time of each.
//!
//! Parts run in lanes side by side, each part as a process of its own whose output is shown when it ends:
//!
//! ```text
//! workspace  format ▶ clippy ▶ docs ▶ .. ▶ tests ▶ narrow ▶ sim      what is compiled in `target/debug`, once
//! apart      deny ▶ platforms ▶ msrv ▶ .. ▶ image ▶ instr ▶ fuzz     other compilers, other targets
//! board                                      firmware ▶ peers        after `image`, which is built in the same folder
//! lab                                             lab                after `tests`, which compiles what it runs
//! ```
//!
//! Cargo compiles for one lane while another waits: for packets, for a linker, for an emulator.

use std::{
    env, fs,
    io::{Read as _, pipe},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Error, Result, anyhow, bail};
use clap::Args;

use crate::{
    deny, exchanges, firmware, fuzz,
    install::{self, Missing},
    instr, lab, msrv, no_alloc, platforms, rfc,
    shell::{Shell, has, root, target},
    sim, size, tidy,
};

/// The exit code of a part that was skipped.
pub(crate) const SKIPPED: u8 = 77;

/// How much a lane that compiles yields to one that measures times.
const NICE: &str = "10";

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
    /// Runs the parts one after another, and shows what they print as they print it.
    #[arg(long)]
    one_by_one: bool,
    /// Shows the parts and ends.
    #[arg(long)]
    list: bool,
    /// Runs the one part of `--only` for a lane: without a report, and with an exit code that tells what was skipped.
    #[arg(long, hide = true, requires = "only")]
    in_lane: bool,
}

/// What can fail on its own, and be repeated on its own.
struct Part {
    name: &'static str,
    about: &'static str,
    lane: Lane,
    /// Installs what the part takes.
    needs: fn() -> Result<()>,
    work: Work,
}

/// Parts of one lane run one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// What is compiled in the folder of all, which cargo lets one use at a time.
    Workspace,
    /// What has a folder of its own.
    Apart,
    /// The emulated board.
    Board,
    /// What waits for packets.
    Lab,
}

impl Lane {
    const ALL: [Lane; 4] = [Lane::Workspace, Lane::Apart, Lane::Board, Lane::Lab];

    /// The part of another lane that must have ended before this lane begins.
    fn begins_after(self) -> Option<&'static str> {
        match self {
            Lane::Workspace | Lane::Apart => None,
            Lane::Board => Some("image"),
            Lane::Lab => Some("tests"),
        }
    }

    /// Whether it only compiles and computes, and yields to what is measured in seconds.
    fn yields(self) -> bool {
        matches!(self, Lane::Workspace | Lane::Apart)
    }
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

    /// Runs it as a process of its own, and shows what it printed when it has ended.
    fn run_apart(&self, program: &Path) -> Done {
        let start = Instant::now();
        println!("    {} begins", self.name);
        let outcome = self.process(program).unwrap_or_else(Outcome::Failed);
        Done {
            time: start.elapsed(),
            ..self.done(outcome)
        }
    }

    fn process(&self, program: &Path) -> Result<Outcome> {
        let (mut output, input) = pipe()?;
        let mut command = match self.lane.yields() && has("nice") {
            true => {
                let mut nice = Command::new("nice");
                nice.args(["-n", NICE]).arg(program);
                nice
            }
            false => Command::new(program),
        };
        command.args(install::is_forbidden().then_some("--no-install"));
        command.args(["test", "--in-lane", "--only", self.name]);
        command.stdin(Stdio::null());
        command.stdout(input.try_clone()?).stderr(input);
        let mut child = command.spawn().context("this program")?;
        // It has the writing ends of the pipe, and no end would come.
        drop(command);
        let mut said = Vec::new();
        output.read_to_end(&mut said)?;
        let status = child.wait()?;
        let said = String::from_utf8_lossy(&said);
        println!("==> {}: {}\n{}", self.name, self.about, said.trim_end());
        Ok(match status.code() {
            Some(0) => Outcome::Passed,
            Some(code) if code == i32::from(SKIPPED) => {
                let why = said.trim_end().rsplit_once("error: ");
                Outcome::Skipped(why.map_or_else(String::new, |(_, why)| why.to_owned()))
            }
            _ => Outcome::Failed(anyhow!("what it printed says why")),
        })
    }

    /// It was asked to be left out.
    fn left_out(&self) -> Done {
        self.done(Outcome::Skipped(format!("--no-{} was given", self.name)))
    }

    /// Another has failed.
    fn after(&self, failed: &str) -> Done {
        self.done(Outcome::Skipped(format!("{failed} failed before it")))
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
        lane: Lane::Workspace,
        needs: || Ok(()),
        work: Work::Commands(lines.iter().map(|line| Shell::cargo(line)).collect()),
    }
}

/// A part that installs what it needs itself.
fn chore(lane: Lane, name: &'static str, about: &'static str, work: fn() -> Result<()>) -> Part {
    Part {
        name,
        about,
        lane,
        needs: || Ok(()),
        work: Work::Chore(work),
    }
}

fn parts() -> Vec<Part> {
    let doc = Shell::cargo("doc --quiet --workspace --no-deps --all-features")
        .env("RUSTDOCFLAGS", "-D warnings");
    // A wrapper for the packages of the workspace alone: all others are compiled already.
    let narrow = Shell::cargo("test --quiet --package mdns-proto --all-features")
        .env("RUSTC_WORKSPACE_WRAPPER", root().join("xtask/narrow.sh"));
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
            Lane::Workspace,
            "tidy",
            "words, module paragraphs, links and citations",
            tidy::check,
        ),
        chore(
            Lane::Workspace,
            "rfc",
            "docs/conformance.md says what the tests say",
            rfc::check,
        ),
        chore(
            Lane::Workspace,
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
            Lane::Apart,
            "deny",
            "licences, sources and duplicates of dependencies are as deny.toml wants them",
            deny::check,
        ),
        chore(
            Lane::Apart,
            "advisories",
            "nothing is known against dependencies",
            deny::check_advisories,
        ),
        chore(
            Lane::Apart,
            "no-alloc",
            "mdns-proto links without an allocator",
            no_alloc::run,
        ),
        chore(
            Lane::Apart,
            "size",
            "docs/footprint.md says what the protocol takes of a board",
            size::check,
        ),
        chore(
            Lane::Apart,
            "image",
            "no allocator and no panic in the image of a board",
            size::check_image,
        ),
        chore(
            Lane::Apart,
            "platforms",
            "what runs on std type-checks for Windows",
            platforms::check,
        ),
        chore(
            Lane::Apart,
            "msrv",
            "each package builds with the oldest Rust that it states",
            msrv::check,
        ),
        chore(
            Lane::Apart,
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
            Lane::Workspace,
            "sim",
            "hosts in bad worlds agree in the end and break no rule on the way",
            sim::check,
        ),
        chore(
            Lane::Apart,
            "instr",
            "docs/performance.md says how many instructions the core takes",
            instr::check,
        ),
        chore(
            Lane::Apart,
            "fuzz",
            "each fuzz target for 5 s; their corpora are among the tests",
            fuzz::check,
        ),
        chore(
            Lane::Board,
            "firmware",
            "the protocol on an emulated board",
            firmware::check,
        ),
        chore(
            Lane::Board,
            "peers",
            "the emulated board among real peers (root, Linux)",
            firmware::check_peers,
        ),
        Part {
            needs: || lab::possible().map_err(Missing::from),
            ..chore(
                Lane::Lab,
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
    if options.in_lane {
        return run_in_lane(&parts);
    }
    let start = Instant::now();
    let done = match options.one_by_one || parts.len() == 1 {
        true => run_parts(&parts, left_out),
        false => run_lanes(&parts, left_out)?,
    };
    print!("\n{}", report(&done, start.elapsed()));
    judge(
        done,
        options.require_all || !options.only.is_empty(),
        &options.may_skip,
    )
}

/// Runs a part in a lane. What was skipped is an error of the type [`Missing`].
fn run_in_lane(parts: &[Part]) -> Result<()> {
    for part in parts {
        match part.run().outcome {
            Outcome::Passed => {}
            Outcome::Failed(error) => return Err(error),
            Outcome::Skipped(why) => return Err(Missing::error(why)),
        }
    }
    Ok(())
}

/// Runs all lanes side by side. After a failure no part is begun; what was begun goes on to its end.
fn run_lanes(parts: &[Part], left_out: &[&str]) -> Result<Vec<Done>> {
    let program = Program::copy()?;
    let failed = Mutex::new(None);
    let ended = Ended::default();
    let run = |part: &Part| {
        let first = part.lane.begins_after();
        if let Some(first) = first.filter(|first| parts.iter().any(|part| part.name == *first)) {
            ended.wait_for(first);
        }
        let failed_before = *lock(&failed);
        let done = match failed_before {
            _ if left_out.contains(&part.name) => part.left_out(),
            Some(failed) => part.after(failed),
            None => part.run_apart(&program.0),
        };
        if matches!(done.outcome, Outcome::Failed(_)) {
            lock(&failed).get_or_insert(part.name);
        }
        ended.add(part.name);
        done
    };
    let run = &run;
    let lane = |lane: Lane| {
        let chosen = parts
            .iter()
            .enumerate()
            .filter(move |(_, part)| part.lane == lane);
        move || {
            chosen
                .map(|(place, part)| (place, run(part)))
                .collect::<Vec<_>>()
        }
    };
    let lanes = thread::scope(|scope| {
        let lanes = Lane::ALL.map(|it| scope.spawn(lane(it)));
        lanes.map(|lane| lane.join())
    });
    let mut done = Vec::new();
    for lane in lanes {
        done.extend(lane.map_err(|_| anyhow!("a lane panicked"))?);
    }
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parts that have ended, in whatever way.
#[derive(Default)]
struct Ended {
    names: Mutex<Vec<&'static str>>,
    changed: Condvar,
}

impl Ended {
    fn add(&self, name: &'static str) {
        lock(&self.names).push(name);
        self.changed.notify_all();
    }

    fn wait_for(&self, name: &str) {
        let waited = self
            .changed
            .wait_while(lock(&self.names), |names| !names.contains(&name));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// A copy of this program: cargo may compile it anew meanwhile.
struct Program(PathBuf);

impl Program {
    fn copy() -> Result<Self> {
        let copy = target().join(format!("xtask-{}", std::process::id()));
        let this = env::current_exe().context("this program")?;
        fs::copy(&this, &copy).with_context(|| copy.display().to_string())?;
        Ok(Program(copy))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is in a folder of things that may be deleted.
        fs::remove_file(&self.0).ok();
    }
}

/// Runs parts until one fails; what comes after that is skipped, and so is what was asked to be left out.
fn run_parts(parts: &[Part], left_out: &[&str]) -> Vec<Done> {
    let mut failed = None;
    let run = |part: &Part| {
        if left_out.contains(&part.name) {
            return part.left_out();
        }
        if let Some(failed) = failed {
            return part.after(failed);
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

/// One line a part, then the whole time and the count. Parts take longer than the whole, where they run side by side.
fn report(done: &[Done], time: Duration) -> String {
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
    text += &line("all", time);
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
            chore(Lane::Workspace, "first", "passes", || Ok(())),
            chore(Lane::Workspace, "second", "is tried", second),
            chore(Lane::Apart, "third", "passes", || Ok(())),
        ];
        run_parts(&parts, &[])
    }

    fn last_line(done: &[Done]) -> String {
        report(done, Duration::ZERO)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn what_cannot_run_has_not_passed() {
        let missing = || Err(Missing::error("there is no compiler").context("second"));
        let done = three(missing);
        assert_eq!(last_line(&done), "parts: 2 passed, 0 failed, 1 skipped");
        assert!(report(&done, Duration::ZERO).contains("skipped: second: there is no compiler\n"));
        assert!(judge(three(missing), false, &[]).is_ok());
        let error = judge(three(missing), true, &[]).expect_err("it was skipped");
        assert_eq!(error.to_string(), "skipped, and had to run: second");
        assert!(judge(three(missing), true, &["second".to_owned()]).is_ok());
        assert!(judge(three(missing), true, &["third".to_owned()]).is_err());
    }

    #[test]
    fn a_lane_begins_after_a_part_of_another() {
        let parts = parts();
        for lane in Lane::ALL {
            assert!(parts.iter().any(|part| part.lane == lane), "{lane:?}");
            let Some(first) = lane.begins_after() else {
                continue;
            };
            let first = parts.iter().find(|part| part.name == first);
            let first = first.expect("a part").lane;
            // Or lanes would wait for each other.
            assert_eq!(first.begins_after(), None, "{lane:?}");
        }
        let ended = Ended::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ended.wait_for("second"));
            ended.add("first");
            ended.add("second");
            waiting.join().expect("it has ended");
        });
    }

    #[test]
    fn what_a_part_needs_is_looked_for_before_it_runs() {
        let part = Part {
            needs: || Err(Missing::error("no root")),
            ..chore(Lane::Lab, "lab", "panics", || panic!("it ran"))
        };
        let done = run_parts(&[part], &[]);
        assert_eq!(last_line(&done), "parts: 0 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn after_a_failure_the_rest_is_skipped() {
        let done = three(|| bail!("wrong"));
        assert_eq!(last_line(&done), "parts: 1 passed, 1 failed, 1 skipped");
        assert!(
            report(&done, Duration::ZERO)
                .contains("third           0.0  skipped: second failed before it")
        );
        let error = judge(done, false, &["second".to_owned()]).expect_err("it failed");
        assert!(format!("{error:#}").ends_with("--only second: wrong"));
    }

    #[test]
    fn what_is_left_out_is_said_to_be() {
        let parts = [chore(Lane::Lab, "lab", "panics", || panic!("it ran"))];
        let done = run_parts(&parts, &["lab"]);
        assert!(report(&done, Duration::ZERO).contains("skipped: --no-lab was given"));
    }
}
