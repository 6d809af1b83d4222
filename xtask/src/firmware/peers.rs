//! The board on the switch of the lab, among Avahi, python-zeroconf and the command `mdns`.

use std::{path::PathBuf, process, time::Instant};

use anyhow::{Context as _, Result, ensure};

use super::{
    checks::Images,
    emulator::{self, Image},
    say,
};
use crate::{
    install::{DNSMASQ, unpacked},
    lab::{
        Context, Kind, Lab,
        address::{dhcp_server, take_address},
        net::{Families, Host},
        peer::Peer,
        stack::{SOON, Service, Stack},
        until,
    },
    shell::target,
};

/// What is played.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    run: fn(&Context, &Images) -> Result<()>,
}

pub(super) const CHECKS: [Check; 5] = [
    Check {
        name: "address",
        about: "without an address or DHCP: Avahi resolves the board within 10 s, and again after another has taken its address",
        run: address,
    },
    Check {
        name: "dhcp",
        about: "a DHCP server comes and goes: the board has its address, and one of its own before and after",
        run: dhcp,
    },
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

/// Switches the board on, with an address that it is told.
fn board(lab: &Lab, image: &Image) -> Result<Peer> {
    start(lab, image, &[&format!("ip={BOARD}/24"), "seed=7"])
}

/// Switches the board on, told these parameters.
fn start(lab: &Lab, image: &Image, parameters: &[&str]) -> Result<Peer> {
    lab.open_port("board")?;
    let netdev = "tap,id=n0,ifname=board,script=no,downscript=no";
    let parameters: Vec<_> = parameters.iter().map(|word| (*word).to_owned()).collect();
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

/// The line in which the board says that it has a link-local address.
const CLAIMED: &str = r"address 169\.254\.";

/// The last line of the board with these words.
fn last(board: &Peer, words: &str) -> Result<String> {
    let lines = board.lines();
    let line = lines.iter().rev().find(|line| line.text.contains(words));
    let line = line.with_context(|| format!("the board has not said {words}"))?;
    Ok(line.text.clone())
}

/// The last address that the board has said.
fn claimed(board: &Peer) -> Result<String> {
    let line = last(board, " address ")?;
    Ok(line
        .split_whitespace()
        .last()
        .unwrap_or_default()
        .to_owned())
}

/// When the board has said something for the last time, in seconds since it was switched on.
fn said(board: &Peer, words: &str) -> Result<f64> {
    let line = last(board, words)?;
    // The emulator may have written its prompt before it.
    let seconds = line.split_whitespace().find_map(|word| word.parse().ok());
    seconds.with_context(|| format!("no time in: {line}"))
}

/// Waits until the board's service is resolved to this address.
fn resolved(browser: &Peer, address: &str) -> Result<()> {
    let what = format!("the board at {address}");
    browser.event(&what, SOON * 2, |event| {
        event.kind == Kind::Resolved
            && event.instance == SERVICE
            && event.addresses().any(|one| one == address)
    })?;
    Ok(())
}

fn address(context: &Context, images: &Images) -> Result<()> {
    let lab = Lab::new(context, 1, Families::V4)?;
    let host = lab.host(1);
    host.remove_address(&format!("{}/24", host.v4()))?;
    host.add_address("169.254.9.9/16")?;
    host.avahi("h1", &[])?;
    let browser = Stack::Avahi.browse(context, host, HTTP)?;
    let board = start(&lab, &images.address, &["seed=7"])?;
    board.wait_for(CLAIMED, SOON * 2)?;
    board.wait_for("registered Front Desk", SOON)?;
    // From link up to the end of probing, with which the first announcement goes out.
    let up = said(&board, "cable In")?;
    let announced = said(&board, "registered Front Desk")?;
    ensure!(
        announced - up <= 10.0,
        "announced {} s after link up",
        announced - up
    );
    let first = claimed(&board)?;
    resolved(&browser, &first)?;

    // Another host takes the address, twice within ten seconds.
    ensure!(take_address(host, &first)?, "{first} is not defended");
    ensure!(!take_address(host, &first)?, "{first} is defended again");
    let pattern = first.replace('.', r"\.");
    board.wait_for(&format!("defended {pattern}"), SOON)?;
    board.wait_for(&format!("lost {pattern}"), SOON)?;
    until(
        "another address",
        SOON * 2,
        || Ok(claimed(&board)? != first),
    )?;
    // avahi-browse resolves each service once: its host is looked up instead.
    until("Avahi to know the new address", SOON * 2, || {
        let output = Stack::Avahi.lookup(context, host, "board")?;
        Ok(output.stdout.contains(&claimed(&board)?))
    })
}

fn dhcp(context: &Context, images: &Images) -> Result<()> {
    let root = unpacked(&DNSMASQ)?;
    let lab = Lab::new(context, 1, Families::V6)?;
    let host = lab.host(1);
    let board = start(&lab, &images.dhcp, &["seed=7", "lease=20"])?;
    board.wait_for(CLAIMED, SOON * 2)?;
    let first = claimed(&board)?;

    let dnsmasq = dhcp_server(host, &root.to_string_lossy())?;
    board.wait_for(r"address 10\.98\.0\.", SOON * 6)?;
    dnsmasq.kill();
    board.wait_for("lease lost", SOON * 6)?;
    until("the address before", SOON * 2, || {
        Ok(claimed(&board)? == first)
    })
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
