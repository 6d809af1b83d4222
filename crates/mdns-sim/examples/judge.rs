//! Worlds on the command line: `cargo xtask sim` runs this, built to be fast.

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use mdns_sim::judge::{
    self, ADDRESS_WORLDS, AddressWorld, Failure, Figures, Script, WORLDS, WorldPlan,
};

/// Lets hosts live in bad worlds, and says which rule they break.
///
/// A world that fails prints the command that repeats it and the smallest script found that still fails.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Options {
    /// The world; may be given several times. Without it, all of them.
    #[arg(long, value_name = "WORLD", value_parser = world)]
    world: Vec<Plan>,
    /// Without `--world`: all worlds of hosts that claim their addresses themselves.
    #[arg(long, conflicts_with = "world")]
    addresses: bool,
    /// One seed.
    #[arg(long, default_value_t = 0, conflicts_with = "seeds")]
    seed: u64,
    /// All seeds from the first on, before the second.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Option<(u64, u64)>,
    /// How many hosts there are.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    hosts: Option<u16>,
    /// How many hours the noise lasts.
    #[arg(long, value_parser = hours)]
    hours: Option<f64>,
    /// The full size of each world; `--hosts` and `--hours` go before.
    #[arg(long)]
    full: bool,
    /// How many seconds a failing script is shrunk.
    #[arg(long, default_value_t = 60)]
    shrink: u64,
    /// How many worlds run at one time; as many as there are cores.
    #[arg(long)]
    jobs: Option<usize>,
    /// Shows the worlds and their sizes, and ends.
    #[arg(long)]
    list: bool,
}

/// A world, of names or of addresses.
#[derive(Clone, Copy)]
enum Plan {
    Names(&'static WorldPlan),
    Addresses(&'static AddressWorld),
}

fn world(name: &str) -> Result<Plan, String> {
    let names = WorldPlan::named(name).map(Plan::Names);
    names
        .or_else(|| AddressWorld::named(name).map(Plan::Addresses))
        .ok_or_else(|| "no such world; `--list` shows them".to_owned())
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let ends = text.split_once("..");
    let parsed = ends.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    parsed
        .filter(|(from, to)| from < to)
        .ok_or_else(|| "not two numbers such as 0..100".to_owned())
}

fn hours(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok();
    parsed
        .filter(|hours| (0.0..=1000.0).contains(hours))
        .ok_or_else(|| "not a number from 0 to 1000".to_owned())
}

/// A world of one size.
struct Sized {
    world: Plan,
    hosts: usize,
    /// How long the noise lasts; worlds of addresses have their own times.
    noise: Duration,
}

impl Sized {
    fn new(world: Plan, options: &Options) -> Self {
        let (hosts, noise) = match world {
            Plan::Names(world) if options.full => (world.full_hosts, world.full_noise),
            Plan::Names(world) => (world.hosts, world.noise),
            Plan::Addresses(world) => (world.hosts, Duration::ZERO),
        };
        Sized {
            world,
            hosts: options.hosts.map_or(hosts, usize::from),
            noise: options
                .hours
                .map_or(noise, |hours| Duration::from_secs_f64(hours * 3600.0)),
        }
    }

    fn name(&self) -> &'static str {
        match self.world {
            Plan::Names(world) => world.name,
            Plan::Addresses(world) => world.name,
        }
    }

    fn run(&self, seed: u64) -> Result<Figures, Box<Failure>> {
        match self.world {
            Plan::Names(world) => judge::run(&self.script(world, seed)),
            Plan::Addresses(world) => world.run(seed, self.hosts),
        }
    }

    fn script(&self, world: &WorldPlan, seed: u64) -> Script {
        world.script(seed, self.hosts, self.noise)
    }

    fn hours(&self) -> f64 {
        self.noise.as_secs_f64() / 3600.0
    }

    /// The command that repeats one seed.
    fn command(&self, seed: u64) -> String {
        let (name, hosts) = (self.name(), self.hosts);
        let command = format!("cargo xtask sim --world {name} --seed {seed} --hosts {hosts}");
        match self.world {
            Plan::Names(_) => format!("{command} --hours {}", self.hours()),
            Plan::Addresses(_) => command,
        }
    }
}

/// What all seeds of a world have shown.
#[derive(Default)]
struct Sum {
    figures: Figures,
    runs: u64,
    /// The longest run.
    slowest: Duration,
    failed: Option<(u64, Box<Failure>)>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        println!(
            "{:<10} {:>14} {:>14}  what happens",
            "world", "small", "full"
        );
        for world in &WORLDS {
            let size =
                |hosts, noise: Duration| format!("{hosts} x {:.2} h", noise.as_secs_f64() / 3600.0);
            println!(
                "{:<10} {:>14} {:>14}  {}",
                world.name,
                size(world.hosts, world.noise),
                size(world.full_hosts, world.full_noise),
                world.about
            );
        }
        println!("\nof addresses (--addresses):");
        for world in &ADDRESS_WORLDS {
            let size = format!("{} hosts", world.hosts);
            println!("{:<10} {size:>14} {:>14}  {}", world.name, "", world.about);
        }
        return ExitCode::SUCCESS;
    }
    // A panic is a failure of the world: it is told once, after it is shrunk.
    std::panic::set_hook(Box::new(|_| {}));
    let (from, to) = options
        .seeds
        .unwrap_or((options.seed, options.seed.saturating_add(1)));
    println!(
        "{:<10} {:>5} {:>6} {:>6}  {:>7} {:>8} {:>9} {:>8} {:>12}",
        "world",
        "hosts",
        "hours",
        "seeds",
        "renames",
        "pkts/h",
        "settled s",
        "wall s",
        "deliveries/s"
    );
    let worlds = if options.addresses {
        ADDRESS_WORLDS.iter().map(Plan::Addresses).collect()
    } else if options.world.is_empty() {
        WORLDS.iter().map(Plan::Names).collect()
    } else {
        options.world.clone()
    };
    let mut code = ExitCode::SUCCESS;
    for world in worlds {
        let sized = Sized::new(world, &options);
        if let Some((seed, failure)) = run(&sized, from, to, &options) {
            report(&sized, seed, failure, Duration::from_secs(options.shrink));
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Runs a world with all seeds, on several threads, and prints its line.
fn run(sized: &Sized, from: u64, to: u64, options: &Options) -> Option<(u64, Box<Failure>)> {
    let (next, is_over) = (AtomicU64::new(from), AtomicBool::new(false));
    let sum = Mutex::new(Sum::default());
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                return;
            }
            let start = Instant::now();
            let result = sized.run(seed);
            let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            sum.runs += 1;
            sum.slowest = sum.slowest.max(start.elapsed());
            match result {
                Ok(figures) => sum.figures = sum.figures.worst(figures),
                Err(failure) => {
                    is_over.store(true, Ordering::Relaxed);
                    if sum.failed.as_ref().is_none_or(|(first, _)| seed < *first) {
                        sum.failed = Some((seed, failure));
                    }
                }
            }
        }
    };
    let jobs = options
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    let sum = sum
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let verdict = if sum.failed.is_some() { "  FAILED" } else { "" };
    println!(
        "{:<10} {:>5} {:>6.2} {:>6}  {:>7} {:>8} {:>9.1} {:>8.2} {:>12.0}{verdict}",
        sized.name(),
        sized.hosts,
        sized.hours(),
        sum.runs,
        sum.figures.renames,
        sum.figures.packets_worst,
        sum.figures.settled.as_secs_f64(),
        sum.slowest.as_secs_f64(),
        sum.figures.deliveries as f64 / start.elapsed().as_secs_f64(),
    );
    sum.failed
}

fn report(sized: &Sized, seed: u64, failure: Box<Failure>, budget: Duration) {
    println!("\n{failure}\nto repeat it: {}", sized.command(seed));
    match sized.world {
        Plan::Names(world) => {
            let script = sized.script(world, seed);
            let (script, failure) = judge::shrink(&script, failure, budget);
            println!("\nshrunk to:\n{script}{failure}\n\n{}", failure.page);
        }
        Plan::Addresses(_) => println!("\n{}", failure.page),
    }
}
