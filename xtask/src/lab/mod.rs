//! The lab: real peers on a network of namespaces, and what we expect of each other.
//!
//! ```text
//! h1 eth0 ──veth──┐                     each in its own network, mount and UTS namespaces,
//! h2 eth0 ──veth──┼── br0 ── tcpdump    10.99.0.K/24 and fe80::aff:fe63:K
//! h3 eth0 ──veth──┘
//! ```
//!
//! Nothing has a name outside: a namespace lives as long as a process in it, and every process here dies with this one. So
//! runs coexist, and nothing is left behind however a run ends.

pub(crate) mod address;
pub(crate) mod avahi;
mod capture;
mod deps;
mod event;
pub(crate) mod net;
pub(crate) mod peer;
mod scenarios;
pub(crate) mod stack;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

pub(crate) use self::{
    capture::{Content, Datagram},
    event::Kind,
    net::Lab,
};
use self::{deps::Tools, scenarios::Scenario};
use crate::shell::{Shell, target};

/// How many scenarios run at a time, since they mostly wait: short ones, and beside them long ones, which wait for most of a minute.
const AT_A_TIME: [usize; 2] = [4, 3];

/// Several times what all scenarios take.
const LIMIT: Duration = Duration::from_secs(20 * 60);

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Runs the scenarios whose names contain this.
    filter: Option<String>,
    /// Shows the scenarios and ends.
    #[arg(long)]
    list: bool,
    /// Leaves each network up until Enter is pressed, saying how to enter it.
    #[arg(long)]
    keep: bool,
    /// Writes captures and logs of all scenarios here (without it: of failures only, under target/lab).
    #[arg(long, value_name = "DIR")]
    captures: Option<PathBuf>,
    /// Tests this `mdns` instead of building one.
    #[arg(long, value_name = "PROGRAM")]
    mdns: Option<PathBuf>,
}

/// What a scenario is given.
pub(crate) struct Context {
    pub(crate) tools: Tools,
    /// The program `mdns`.
    pub(crate) mdns: PathBuf,
    /// Where this scenario's capture and log go, without an ending.
    pub(crate) record: PathBuf,
    pub(crate) keep: bool,
}

impl Context {
    /// Installs what is missing and builds the command, for records under `dir`.
    pub(crate) fn prepare(dir: &Path, mdns: Option<PathBuf>) -> Result<Self> {
        let tools = deps::install()?;
        let mdns = match mdns {
            Some(program) => {
                fs::canonicalize(&program).with_context(|| program.display().to_string())?
            }
            None => {
                Shell::cargo("build --quiet --release --package mdns-cli --bin mdns").run()?;
                target().join("release/mdns")
            }
        };
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        Ok(Context {
            tools,
            mdns,
            record: dir.to_owned(),
            keep: false,
        })
    }

    /// The same for one scenario.
    pub(crate) fn named(&self, name: &str) -> Self {
        Context {
            tools: self.tools.clone(),
            mdns: self.mdns.clone(),
            record: self.record.join(name),
            ..*self
        }
    }
}

/// Says why the lab cannot run here, if it cannot.
pub(crate) fn possible() -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "it needs Linux");
    ensure!(nix::unistd::geteuid().is_root(), "it needs root");
    let trial = Command::new("unshare")
        .args(["--net", "--mount", "--uts", "true"])
        .stdin(Stdio::null())
        .output()
        .context("it needs unshare, of util-linux")?;
    ensure!(
        trial.status.success(),
        "it needs namespaces: {}",
        String::from_utf8_lossy(&trial.stderr).trim()
    );
    Ok(())
}

/// Everything, as `cargo xtask test` wants it.
pub(crate) fn run_all() -> Result<()> {
    run(&Options::default())
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let chosen: Vec<_> = scenarios::all()
        .into_iter()
        .filter(|s| s.name.contains(filter))
        .collect();
    if options.list {
        for scenario in &chosen {
            println!("{:<24} {}", scenario.name, scenario.about);
        }
        return Ok(());
    }
    ensure!(
        !chosen.is_empty(),
        "no scenario's name contains {filter:?}; `cargo xtask lab --list` shows them"
    );
    possible()?;

    let dir = match &options.captures {
        Some(dir) => std::path::absolute(dir)?,
        None => target()
            .join("lab")
            .join(format!("run-{}", std::process::id())),
    };
    let mut context = Context::prepare(&dir, options.mdns.clone())?;
    context.keep = options.keep;

    if !context.keep {
        thread::spawn(watch);
    }
    let start = Instant::now();
    let failed = run_scenarios(&context, &chosen)?;
    if failed == 0 && options.captures.is_none() {
        fs::remove_dir_all(&dir).ok();
    } else {
        println!("captures and logs: {}", dir.display());
    }
    println!("lab: {:.1} s", start.elapsed().as_secs_f64());
    println!("{} passed, {failed} failed", chosen.len() - failed);
    if failed > 0 {
        bail!(
            "{failed} of {} scenarios failed; `cargo xtask lab NAME` repeats one",
            chosen.len()
        );
    }
    Ok(())
}

/// As many [at a time](AT_A_TIME) as there may be; one when a person looks on. Returns how many failed.
fn run_scenarios(context: &Context, scenarios: &[Scenario]) -> Result<usize> {
    let (long, short): (Vec<_>, Vec<_>) = scenarios.iter().partition(|scenario| scenario.is_long);
    let queues = [Mutex::new(short.iter()), Mutex::new(long.iter())];
    let failed = Mutex::new(0);
    let work = |queue: usize| {
        let next = || queues[queue].lock().ok().and_then(|mut queue| queue.next());
        while let Some(scenario) = next() {
            let start = Instant::now();
            let result = (scenario.run)(&context.named(scenario.name));
            say(scenario, start.elapsed(), &result);
            if let (Err(_), Ok(mut failed)) = (result, failed.lock()) {
                *failed += 1;
            }
        }
    };
    thread::scope(|scope| {
        if context.keep {
            scope.spawn(|| (0..queues.len()).for_each(work));
        } else {
            for (queue, workers) in AT_A_TIME.into_iter().enumerate() {
                for _ in 0..workers {
                    scope.spawn(move || work(queue));
                }
            }
        }
    });
    failed
        .into_inner()
        .map_err(|_| anyhow::anyhow!("a scenario panicked"))
}

/// Ends a lab that hangs. The kernel clears up.
fn watch() {
    thread::sleep(LIMIT);
    eprintln!("error: the lab takes longer than {} s", LIMIT.as_secs());
    std::process::exit(1);
}

fn say(scenario: &Scenario, time: Duration, result: &Result<()>) {
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    let mut line = format!(
        "{verdict:<6} {:<24} {:>5.1} s",
        scenario.name,
        time.as_secs_f64()
    );
    if let Err(e) = result {
        line += &format!("  {e:#}").replace('\n', "\n       ");
    }
    println!("{line}");
}

/// Tries again until it is true. `what` names it in the error.
pub(crate) fn until(
    what: &str,
    timeout: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let end = Instant::now() + timeout;
    while !holds()? {
        if Instant::now() > end {
            bail!("{what}: not within {} s", timeout.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
