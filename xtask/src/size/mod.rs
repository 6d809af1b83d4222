//! `cargo xtask size`: what the protocol takes of a board, measured, and kept in docs/footprint.md.

mod elf;

use std::{fs, path::Path, thread, time::Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::elf::Image;
use crate::{
    figures::{Kept, figures, made_with, number},
    firmware::{
        self,
        build::{self, Build, Compiler},
    },
    shell::root,
};

/// Where the figures are kept.
const FILE: &str = "docs/footprint.md";

/// How much its figures may grow before the file has to say so.
const KEPT: Kept = Kept {
    file: FILE,
    command: "cargo xtask size",
    tolerance: 0.05,
    slack,
};

/// The programs, as the tables call them.
const PROGRAMS: [(&str, &str); 3] = [
    ("advertise", "responder"),
    ("browse", "querier"),
    ("node", "both"),
];

/// The program with an address of its own, and the one that it is compared with: it does the same but for that.
const ADDRESS: [&str; 2] = ["address", "advertise"];

/// The row of what an address takes.
const ADDRESS_ROW: &str = "address, over the responder";

/// What the project set itself: a row of the tables, a figure of it, and the most that it should be.
const GATES: [(&str, Column, i64); 10] = [
    (ADDRESS_ROW, Column::Flash, 2560),
    (ADDRESS_ROW, Column::Ram, 100),
    ("responder, IPv4", Column::Flash, 16 << 10),
    ("both, IPv4", Column::Flash, 28 << 10),
    ("responder, IPv4", Column::Ram, 1536),
    ("both, IPv4", Column::Ram, 6656),
    ("both, IPv4 and IPv6", Column::Ram, 6656 + 4096),
    ("responder, IPv4", Column::Stack, 2048),
    ("querier, IPv4", Column::Stack, 2048),
    ("both, IPv4", Column::Stack, 2048),
];

/// A figure of a row.
#[derive(Clone, Copy)]
enum Column {
    Flash,
    Ram,
    Stack,
}

/// What the board has, and the features of `firmware` for it.
const FAMILIES: [(&str, &str); 2] = [("IPv4", ""), ("IPv4 and IPv6", "ipv6")];

#[derive(Args)]
pub(crate) struct Options {
    /// Fails if a figure has grown by more than 5 %, and writes nothing.
    #[arg(long)]
    check: bool,
}

/// For `cargo xtask test`.
pub(crate) fn check() -> Result<()> {
    run(&Options { check: true })
}

/// For `cargo xtask test`: the firmware has no allocator, and the core no panic there.
pub(crate) fn check_image() -> Result<()> {
    scan(&build::compiler(&[build::CORTEX_M3])?)
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    build::emulator()?;
    let kept = fs::read_to_string(root().join(FILE)).unwrap_or_default();
    if options.check {
        // Figures of another compiler say nothing: it is that of the file, or none.
        let version = made_with(&kept).with_context(|| format!("{FILE} names no compiler"))?;
        let compiler = build::compiler_of(version, &[build::CORTEX_M3])?;
        // The file says which level is smaller: the other need not be built.
        let levels: &[&'static str] = match level(&kept) {
            Some("s") => &["s"],
            Some("z") => &["z"],
            _ => &["s", "z"],
        };
        let report = measure(&compiler, levels)?;
        KEPT.compare(&figures(&kept), &figures(&report))?;
    } else {
        let compiler = build::compiler(&[build::CORTEX_M3])?;
        let report = measure(&compiler, &["s", "z"])?;
        print!("{report}");
        fs::write(root().join(FILE), report).context(FILE)?;
        scan(&compiler)?;
    }
    println!("size: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Everything, as the file has it.
fn measure(compiler: &Compiler, levels: &[&'static str]) -> Result<String> {
    let measured = levels.iter().map(|level| Measured::at(compiler, level));
    let measured = measured.collect::<Result<Vec<_>>>()?;
    let best = measured
        .iter()
        .min_by_key(|measured| measured.rows.iter().map(|row| row.flash).sum::<i64>());
    let Measured {
        level,
        rows,
        address,
        buffers,
        slots,
    } = best.context("no level was asked for")?;

    let mut report = include_str!("head.md").to_owned();
    report += &format!(
        "Measured with {} at `opt-level = \"{level}\"`, the smaller of `s` and `z`.\n\n",
        compiler.version()?
    );
    report += "| of a board with | flash | static RAM | stack |\n|---|---:|---:|---:|\n";
    for row in rows {
        report += &format!(
            "| {} | {} | {} | {} |\n",
            row.name,
            number(row.flash),
            number(row.ram),
            number(row.stack)
        );
    }
    report += "\n| | flash | RAM |\n|---|---:|---:|\n";
    let [flash, ram] = address.map(number);
    report += &format!("| {ADDRESS_ROW} | {flash} | {ram} |\n");
    report += &format!(
        "\nThe baseline itself has {} bytes of variables, nearly all of them packet buffers: three of 1,472 bytes.\n",
        number(*buffers)
    );
    report += include_str!("gates.md");
    report += "| of | measured | gate | |\n|---|---:|---:|---|\n";
    for (name, column, gate) in GATES {
        let row = rows.iter().find(|row| row.name == name);
        let (column, measured) = match (column, row) {
            (Column::Flash, Some(row)) => ("flash", row.flash),
            (Column::Ram, Some(row)) => ("static RAM", row.ram),
            (Column::Stack, Some(row)) => ("stack", row.stack),
            (Column::Flash, None) => ("flash", address[0]),
            (Column::Ram | Column::Stack, None) => ("RAM", address[1]),
        };
        let verdict = if measured <= gate { "met" } else { "missed" };
        let (measured, gate) = (number(measured), number(gate));
        report += &format!("| {name}: {column} | {measured} | {gate} | {verdict} |\n");
    }
    report += include_str!("after.md");
    report += include_str!("slots.md");
    report += "\n| slot | bytes |\n|---|---:|\n";
    for (name, size) in slots {
        report += &format!("| {} | {size} |\n", name.to_lowercase().replace('_', " "));
    }
    Ok(report)
}

/// All figures at one level of optimisation.
struct Measured {
    level: &'static str,
    rows: Vec<Row>,
    /// Flash and RAM that an address takes over the responder.
    address: [i64; 2],
    buffers: i64,
    slots: Vec<(String, u64)>,
}

/// One program on one kind of board, less the baseline.
struct Row {
    name: String,
    flash: i64,
    ram: i64,
    stack: i64,
}

impl Measured {
    fn at(compiler: &Compiler, level: &'static str) -> Result<Self> {
        let (mut rows, mut buffers) = (Vec::new(), 0);
        for (families, features) in FAMILIES {
            let build = Build {
                features,
                opt_level: level,
                ..Build::SILENT
            };
            let names: Vec<_> = ["baseline"]
                .into_iter()
                .chain(PROGRAMS.map(|(program, _)| program))
                .collect();
            let images = build.build(compiler, &names)?;
            // Each has an emulator of its own, which mostly waits.
            let taken = thread::scope(|scope| {
                let running = images.iter().map(|image| scope.spawn(|| taken(image)));
                let running: Vec<_> = running.collect();
                let ended = running
                    .into_iter()
                    .map(|one| one.join().expect("it returns its errors"));
                ended.collect::<Result<Vec<_>>>()
            })?;
            let [flash, ram, stack] = taken[0];
            buffers = ram;
            for ((_, name), taken) in PROGRAMS.iter().zip(&taken[1..]) {
                rows.push(Row {
                    name: format!("{name}, {families}"),
                    flash: taken[0] - flash,
                    ram: taken[1] - ram,
                    stack: taken[2] - stack,
                });
            }
        }
        let build = Build {
            opt_level: level,
            ..Build::SILENT
        };
        let images = build.build(compiler, &ADDRESS)?;
        let [with, without] = [&images[0], &images[1]].map(|image| Image::read(image)?.memory());
        let (with, without) = (with?, without?);
        let slots = build.build(compiler, &["slots"])?;
        let slots = Image::read(&slots[0])?;
        // The device with the machine in it is on the stack of the loop, and no static.
        let device = slots.variables("RAM_ADDRESS")?;
        let (_, device) = device.first().context("the image has no RAM_ADDRESS")?;
        let address = [
            with.flash.cast_signed() - without.flash.cast_signed(),
            with.ram.cast_signed() - without.ram.cast_signed() + device.cast_signed(),
        ];
        let slots = slots.variables("SLOT_")?;
        Ok(Measured {
            level,
            rows,
            address,
            buffers,
            slots,
        })
    }
}

/// Flash, static RAM and stack of one program.
fn taken(image: &Path) -> Result<[i64; 3]> {
    let memory = Image::read(image)?.memory()?;
    let stack = firmware::stack(image)?;
    Ok([memory.flash, memory.ram, stack as u64].map(u64::cast_signed))
}

/// Looks for what must not be in the image: an allocator, and panics in the core.
fn scan(compiler: &Compiler) -> Result<()> {
    // At `z`, code of several functions is put together in one, and nothing says where it came from.
    let build = Build {
        lines: true,
        ..Build::SILENT
    };
    let images = build.build(compiler, &["advertise"])?;
    let image = Image::read(&images[0])?;
    let allocator = image.allocator()?;
    ensure!(
        allocator.is_empty(),
        "the firmware has an allocator: {}",
        allocator.join(", ")
    );
    let panics = image.panics("mdns-proto")?;
    for panic in &panics {
        println!("size: {} calls {}", panic.place, panic.function);
    }
    ensure!(
        panics.is_empty(),
        "{} calls in mdns-proto can panic",
        panics.len()
    );
    println!("size: no allocator, and no call of a panic in mdns-proto");
    Ok(())
}

/// The level that the file was measured at.
fn level(report: &str) -> Option<&str> {
    report.split_once("`opt-level = \"")?.1.split('"').next()
}

/// How much more, in bytes, one run may show than another of the same image: how deep the stack is depends on when packets come.
fn slack(row: &str, column: &str) -> f64 {
    let is_stack = column == "stack" || row.ends_with(": stack");
    if is_stack { 256.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_may_grow_by_five_per_cent_and_a_stack_by_256_bytes_more() {
        let of = |value| figures(&format!("| of | flash |\n|---|---|\n| both | {value} |\n"));
        assert!(KEPT.compare(&of(1000), &of(1050)).is_ok());
        assert!(KEPT.compare(&of(1000), &of(1051)).is_err());
        let of = |value| figures(&format!("| of | stack |\n|---|---|\n| both | {value} |\n"));
        assert!(KEPT.compare(&of(1000), &of(1306)).is_ok());
        assert!(KEPT.compare(&of(1000), &of(1307)).is_err());
    }
}
