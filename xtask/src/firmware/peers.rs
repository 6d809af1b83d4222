//! The board on the switch of the lab, among Avahi, python-zeroconf and the command `mdns`.

use std::{path::PathBuf, process, time::Instant};

use anyhow::{Context as _, Result, ensure};

use super::{
    checks::Images,
    emulator::{self, Image},
    say,
};
use crate::{
    lab::{
        Context, Kind, Lab,
        net::{Families, Host},
        peer::Peer,
        stack::{SOON, Service, Stack},
    },
    shell::target,
};

/// What is played.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    run: fn(&Context, &Images) -> Result<()>,
}

pub(super) const CHECKS: [Check; 3] = [
    Check {
        name: "found",
        about: "Avahi, python-zeroconf and mdns find the board and its goodbye; the board finds Avahi",
        run: found,
    },
    Check {
        name: "second",
        about: "Avahi has the names: the board takes others",
        run: second,
    },
    Check {
        name: "first",
        about: "the board has the names: Avahi takes others",
        run: first,
    },
];

/// Its address, where no host of the lab is.
const BOARD: &str = "10.99.0.77";
const BOARD_MAC: [u8; 6] = [2, 0, 0x0a, 0x63, 0, 0x77];

/// What it advertises when nobody objects.
const SERVICE: &str = "Front Desk";
const HTTP: &str = "_http._tcp";

/// Plays those whose names contain `filter`, with this `mdns` or one that is built.
pub(super) fn run(images: &Images, filter: &str, mdns: Option<PathBuf>) -> Result<()> {
    let chosen: Vec<_> = CHECKS
        .iter()
        .filter(|check| check.name.contains(filter))
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let dir = target()
        .join("firmware")
        .join(format!("run-{}", process::id()));
    let context = Context::prepare(&dir, mdns)?;
    let mut failed = 0;
    for check in chosen {
        let start = Instant::now();
        let result = (check.run)(&context.named(check.name), images);
        say(check.name, start.elapsed(), &result);
        failed += usize::from(result.is_err());
    }
    ensure!(
        failed == 0,
        "{failed} checks failed; captures and logs: {}",
        dir.display()
    );
    std::fs::remove_dir_all(&dir).ok();
    Ok(())
}

/// Switches the board on.
fn board(lab: &Lab, image: &Image) -> Result<Peer> {
    lab.open_port("board")?;
    let netdev = "tap,id=n0,ifname=board,script=no,downscript=no";
    let parameters = [format!("ip={BOARD}/24"), "seed=7".into()];
    let words = emulator::command(image, &parameters, BOARD_MAC, netdev)?;
    lab.spawn_on_switch(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Gives the program on the board a command.
fn tell(host: &Host, word: &str) -> Result<()> {
    let line = format!("printf {word} > /dev/udp/{BOARD}/4242");
    let output = host.run(&["bash", "-c", &line])?;
    ensure!(output.status.success(), "{line}: {}", output.stderr.trim());
    Ok(())
}

fn found(context: &Context, images: &Images) -> Result<()> {
    let lab = Lab::new(context, 3, Families::V4)?;
    let theirs = Service::new("Side Door", HTTP, 8080);
    lab.host(1).avahi("h1", &[theirs])?;
    let browsers = [
        Stack::Avahi.browse(context, lab.host(1), HTTP)?,
        Stack::Zeroconf.browse(context, lab.host(2), HTTP)?,
        Stack::Ours.browse(context, lab.host(3), HTTP)?,
    ];
    let board = board(&lab, &images.node)?;
    for browser in &browsers {
        let event = browser.event("the board", SOON, |event| {
            event.kind == Kind::Resolved && event.instance == SERVICE
        })?;
        let addresses: Vec<_> = event.addresses().collect();
        ensure!(
            addresses == [BOARD] && event.port == 80 && event.host() == "board",
            "{} saw {event:?}",
            browser.title()
        );
    }
    board.wait_for(
        &format!(r"found Side Door\.{HTTP}\.local at 10\.99\.0\.1:8080"),
        SOON,
    )?;
    let output = Stack::Avahi.lookup(context, lab.host(1), "board")?;
    ensure!(output.stdout.contains(BOARD), "Avahi looked up {output:?}");

    tell(lab.host(2), "bye")?;
    for browser in &browsers {
        browser.event("the goodbye", SOON, |event| {
            event.kind == Kind::Gone && event.instance == SERVICE
        })?;
    }
    Ok(())
}

fn second(context: &Context, images: &Images) -> Result<()> {
    let lab = Lab::new(context, 1, Families::V4)?;
    lab.host(1)
        .avahi("board", &[Service::new(SERVICE, HTTP, 8080)])?;
    let board = board(&lab, &images.advertise)?;
    board.wait_for("host board-2.local", SOON)?;
    board.wait_for(r"registered Front Desk \(2\)", SOON)?;
    ensure!(
        lab.host(1).avahi_name()? == "board",
        "Avahi gave its name up"
    );
    let output = Stack::Avahi.lookup(context, lab.host(1), "board-2")?;
    ensure!(output.stdout.contains(BOARD), "Avahi looked up {output:?}");
    Ok(())
}

fn first(context: &Context, images: &Images) -> Result<()> {
    let lab = Lab::new(context, 1, Families::V4)?;
    let board = board(&lab, &images.advertise)?;
    board.wait_for("registered Front Desk", SOON)?;
    let host = lab.host(1);
    host.avahi("board", &[])?;
    let avahi = Stack::Avahi.advertise(context, host, &Service::new(SERVICE, HTTP, 8080))?;
    let event = avahi.event("another name", SOON, |event| event.kind == Kind::Registered)?;
    ensure!(
        event.instance != SERVICE,
        "Avahi has the name of the board's service"
    );
    let name = host.avahi_name().context("the name of Avahi")?;
    ensure!(name != "board", "Avahi has the name of the board");
    ensure!(
        !board
            .lines()
            .iter()
            .any(|line| line.text.contains("renamed")),
        "the board gave a name up"
    );
    Ok(())
}
