//! Attacks on the command line, with memory and instructions: `cargo run --release -p mdns-sim --example attack -- --all`.

use std::{
    cell::Cell,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use mdns_proto::{host::Host, store::Heap};
use mdns_sim::attack::{self, ATTACKS, Attack, Board, Figures, Meter};

/// Lets one host be hostile to another, and says what comes of it (docs/security.md).
#[derive(Parser)]
struct Options {
    /// The attacks; without any, `--all` or `--list`.
    #[arg(value_parser = attack)]
    attacks: Vec<&'static Attack>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// Shows the attacks, and ends.
    #[arg(long)]
    list: bool,
    /// On which memory; without it, on both.
    #[arg(long)]
    memory: Option<Memory>,
    /// As many steps as the tests take.
    #[arg(long)]
    few: bool,
    /// Counts instructions instead, by valgrind: so many for each packet of the attack, and for each byte.
    #[arg(long)]
    instructions: bool,
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Memory {
    /// Rows that grow.
    Heap,
    /// Rows that do not.
    Board,
}

fn attack(name: &str) -> Result<&'static Attack, String> {
    let found = ATTACKS.iter().find(|attack| attack.name == name);
    found.ok_or_else(|| "no such attack; `--list` shows them".to_owned())
}

thread_local! {
    /// Bytes that the host holds, and the most it has held.
    static HELD: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

/// Around each verb. By its name valgrind knows what to count.
#[inline(never)]
fn metered(verb: &mut dyn FnMut()) {
    let allocated = allocation_counter::measure(verb);
    HELD.with(|held| {
        let (now, most) = held.get();
        let peak = now + i64::try_from(allocated.bytes_max).unwrap_or(i64::MAX);
        held.set((now + allocated.bytes_current, most.max(peak)));
    });
}

const METER: Meter = Meter {
    around: metered,
    held: || HELD.with(|held| u64::try_from(held.get().1).unwrap_or(0)),
};

impl Memory {
    const ALL: [Memory; 2] = [Memory::Heap, Memory::Board];

    fn name(self) -> &'static str {
        match self {
            Memory::Heap => "heap",
            Memory::Board => "board",
        }
    }

    fn grows(self) -> bool {
        matches!(self, Memory::Heap)
    }

    /// Bytes of the host itself.
    fn size(self) -> u64 {
        let size = match self {
            Memory::Heap => size_of::<Host<Heap>>(),
            Memory::Board => size_of::<Host<Board>>(),
        };
        size as u64
    }

    fn run(self, attack: &Attack, steps: u64, seed: u64) -> Figures {
        HELD.set((0, 0));
        match self {
            Memory::Heap => attack::run::<Heap>(attack, steps, seed, METER),
            Memory::Board => attack::run::<Board>(attack, steps, seed, METER),
        }
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if options.list {
        for attack in &ATTACKS {
            println!("{:<14} {}", attack.name, attack.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let attacks = if options.all {
        ATTACKS.iter().collect()
    } else {
        options.attacks.clone()
    };
    ensure!(!attacks.is_empty(), "which attack? `--list` shows them");
    if options.instructions {
        return instructions(&attacks, &options);
    }
    println!(
        "| attack | memory | packets | bytes | sent in a second | bytes sent for one | answered | found after | answers again | \
         finds again | KiB held |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    let mut code = ExitCode::SUCCESS;
    for attack in attacks {
        for memory in Memory::ALL {
            if options
                .memory
                .is_some_and(|only| only.grows() != memory.grows())
            {
                continue;
            }
            let steps = if options.few {
                attack.few
            } else {
                attack.steps
            };
            let figures = memory.run(attack, steps, options.seed);
            line(attack, memory, &figures);
            if let Err(why) = figures.judge(attack, memory.grows()) {
                eprintln!("{}: {why}", memory.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn line(attack: &Attack, memory: Memory, figures: &Figures) {
    let secs = |span: Option<Duration>| match span {
        Some(span) => format!("{:.2} s", span.as_secs_f64()),
        None => "-".to_owned(),
    };
    let factor = match figures.heard_bytes {
        0 => "-".to_owned(),
        bytes => format!("{:.3}", figures.sent_bytes as f64 / bytes as f64),
    };
    println!(
        "| `{}` | {} | {} | {} | {} | {factor} | {} of {} | {} | {} | {} | {:.1} |",
        attack.name,
        memory.name(),
        figures.heard,
        figures.heard_bytes,
        figures.sent_in_second,
        figures.answered,
        figures.asked,
        secs(figures.found),
        secs(figures.answers_again),
        secs(figures.finds_again),
        (memory.size() + figures.held) as f64 / 1024.0
    );
}

/// Runs itself under valgrind, which counts what is done inside of the host's verbs.
fn instructions(attacks: &[&Attack], options: &Options) -> Result<ExitCode> {
    println!("| attack | instructions for a packet | for a byte |\n|---|---:|---:|");
    for attack in attacks {
        let memory = options.memory.unwrap_or(Memory::Heap);
        let figures = memory.run(attack, attack.few, options.seed);
        let own = std::env::current_exe().context("where this program is")?;
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg("--toggle-collect=*metered*")
            .arg(own)
            .args(["--few", "--memory", memory.name(), attack.name])
            .args(["--seed", &options.seed.to_string()])
            .output()
            .context("valgrind")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let collected = said
            .lines()
            .find_map(|line| line.split("Collected : ").nth(1));
        let collected: u64 = collected
            .and_then(|number| number.trim().parse().ok())
            .with_context(|| format!("no count in {said}"))?;
        println!(
            "| `{}` | {} | {:.1} |",
            attack.name,
            collected / figures.heard.max(1),
            collected as f64 / figures.heard_bytes.max(1) as f64
        );
    }
    Ok(ExitCode::SUCCESS)
}
