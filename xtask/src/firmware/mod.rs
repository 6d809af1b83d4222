//! `cargo xtask firmware`: the programs in `firmware`, built, and run on an emulated board.
//!
//! First the board is alone with a test, over loopback, as anybody may; then, as root, on the switch of the lab with real peers.

pub(crate) mod build;
mod checks;
mod emulator;
mod peers;

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::{
    build::Build,
    checks::{CHECKS, Check, Images},
    emulator::Image,
};
use crate::{install::Missing, lab};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Runs the checks whose names contain this.
    filter: Option<String>,
    /// Shows the checks and ends.
    #[arg(long)]
    list: bool,
    /// Leaves out what needs root: the board among real peers.
    #[arg(long)]
    no_peers: bool,
    /// Takes this `mdns` for a peer instead of building one.
    #[arg(long, value_name = "PROGRAM")]
    mdns: Option<PathBuf>,
}

/// For `cargo xtask test`: the board alone.
pub(crate) fn check() -> Result<()> {
    run(&Options {
        no_peers: true,
        ..Options::default()
    })
}

/// For `cargo xtask test`: the board among real peers.
pub(crate) fn check_peers() -> Result<()> {
    lab::possible().map_err(Missing::from)?;
    among_peers(&images()?, "", None)
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let chosen: Vec<_> = CHECKS
        .iter()
        .filter(|check| check.name.contains(filter))
        .collect();
    if options.list {
        for check in &chosen {
            println!("{:<10} {}", check.name, check.about);
        }
        for check in &peers::CHECKS {
            println!("{:<10} {}", check.name, check.about);
        }
        return Ok(());
    }

    ensure!(
        !chosen.is_empty()
            || peers::CHECKS
                .iter()
                .any(|check| check.name.contains(filter)),
        "no check's name contains {filter:?}; `cargo xtask firmware --list` shows them"
    );

    let images = images()?;
    let start = Instant::now();
    let failed = run_checks(&images, &chosen);
    println!("board alone: {:.1} s", start.elapsed().as_secs_f64());

    if !options.no_peers {
        lab::possible().context("the board cannot be among peers (--no-peers leaves them out)")?;
        among_peers(&images, filter, options.mdns.clone())?;
    }
    ensure!(
        failed == 0,
        "{failed} of {} checks failed; `cargo xtask firmware NAME` repeats one",
        chosen.len()
    );
    Ok(())
}

/// Builds all images, once what that takes is there.
fn images() -> Result<Images> {
    let start = Instant::now();
    build::emulator()?;
    let compiler = build::compiler(&[build::CORTEX_M3, build::CORTEX_M0])?;
    println!("tools: {:.1} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let images = Build::TALKING.build(&compiler, &["node", "advertise", "address"])?;
    let [node, advertise, address] = <[_; 3]>::try_from(images).expect("as many as were asked for");
    let m0 = Build {
        target: build::CORTEX_M0,
        ..Build::TALKING
    };
    let both = Build {
        features: "semihosting,ipv6",
        ..Build::TALKING
    };
    let small = Build {
        features: "semihosting,lm3s6965",
        ..Build::TALKING
    };
    let leased = Build {
        features: "semihosting,dhcp",
        ..Build::TALKING
    };
    let images = Images {
        address: Image::mps2(address),
        dhcp: Image::mps2(leased.build(&compiler, &["dhcp"])?.remove(0)),
        node: Image::mps2(node),
        advertise: Image::mps2(advertise),
        advertise_both: Image::mps2(both.build(&compiler, &["advertise"])?.remove(0)),
        advertise_m0: Image::mps2(m0.build(&compiler, &["advertise"])?.remove(0)),
        node_small: Image::lm3s6965(small.build(&compiler, &["node"])?.remove(0)),
    };
    println!("images: {:.1} s", start.elapsed().as_secs_f64());
    Ok(images)
}

/// Plays the scenarios with real peers.
fn among_peers(images: &Images, filter: &str, mdns: Option<PathBuf>) -> Result<()> {
    let start = Instant::now();
    peers::run(images, filter, mdns)?;
    println!("board among peers: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Two at a time, since they mostly wait. Returns how many failed.
fn run_checks(images: &Images, checks: &[&Check]) -> usize {
    let (queue, failed) = (Mutex::new(checks.iter()), Mutex::new(0));
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || {
        while let Some(check) = next() {
            let start = Instant::now();
            let result = (check.run)(images);
            say(check.name, start.elapsed(), &result);
            if let (Err(_), Ok(mut failed)) = (result, failed.lock()) {
                *failed += 1;
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    failed.into_inner().unwrap_or(checks.len())
}

fn say(name: &str, time: Duration, result: &Result<()>) {
    match result {
        Ok(()) => println!("ok     {name:<10} {:>5.1} s", time.as_secs_f64()),
        Err(e) => println!("FAILED {name:<10} {:>5.1} s  {e:#}", time.as_secs_f64()),
    }
}

/// How deep the stack of a program gets, whichever it is, when it has much to do.
pub(crate) fn stack(image: &Path) -> Result<usize> {
    checks::stack(image)
}
