//! `mdns address` beside the daemons of others that claim link-local addresses, and beside DHCP.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    install::{DNSMASQ, unpacked},
    lab::{
        Context, Kind, Lab,
        address::{ask_arp, dhcp_server, libraries, take_address},
        net::{Families, Host, Link},
        peer::Peer,
        stack::Stack,
        until,
    },
    shell::{Shell, target},
};

/// Longer than an address takes: 7 s of waiting, twice, and a slow machine.
const SOON: Duration = Duration::from_secs(40);

/// The address that everybody is made to want.
const WANTED: &str = "169.254.7.7";

/// A network of hosts without IPv4 addresses.
fn lab(context: &Context, hosts: usize) -> Result<Lab> {
    Lab::new(context, hosts, Families::V6)
}

fn ours(context: &Context, host: &Host, options: &[&str]) -> Result<Peer> {
    let program = context.mdns.to_string_lossy();
    host.spawn(&[&[&*program, "address", "eth0"], options].concat())
}

/// The IPv4 addresses of a host.
fn addresses(host: &Host) -> Result<Vec<String>> {
    let output = host.run(&["ip", "-4", "-o", "addr", "show", "dev", "eth0"])?;
    let words = output
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3));
    Ok(words
        .map(|word| word.split('/').next().unwrap_or(word).to_owned())
        .collect())
}

/// Waits for the one link-local address of a host.
fn settled(host: &Host) -> Result<String> {
    let mut found = None;
    until(&format!("an address of {}", host.name()), SOON, || {
        let all = addresses(host)?;
        found = all.into_iter().find(|one| one.starts_with("169.254."));
        Ok(found.is_some())
    })?;
    found.context("an address")
}

fn ping(from: &Host, to: &str) -> Result<()> {
    let output = from.run(&["ping", "-c", "1", "-W", "5", to])?;
    ensure!(
        output.status.success(),
        "{} does not reach {to}: {}",
        from.name(),
        output.stdout
    );
    Ok(())
}

/// How often our command has given an address up.
fn losses(ours: &Peer) -> usize {
    let lines = ours.lines();
    lines
        .iter()
        .filter(|line| line.text.contains("  lost "))
        .count()
}

pub(super) fn alone(context: &Context) -> Result<()> {
    let lab = lab(context, 2)?;
    let (host, other) = (lab.host(1), lab.host(2));
    let ours = ours(context, host, &["--start", WANTED, "--broadcast-arp"])?;
    let claimed = ours.wait_for(&format!("claimed +{WANTED}"), SOON)?;
    let seconds: f64 = claimed
        .text
        .split_whitespace()
        .next()
        .unwrap_or("0")
        .parse()?;
    ensure!((4.0..=8.0).contains(&seconds), "claimed after {seconds} s");
    ensure!(addresses(host)? == [WANTED], "{:?}", addresses(host)?);
    let routes = host.run(&["ip", "route"])?.stdout;
    ensure!(
        routes.contains("169.254.0.0/16 dev eth0") && !routes.contains("default"),
        "{routes}"
    );

    // The kernel's replies are broadcasts with the rule.
    let destination = ask_arp(other, "169.254.9.9", WANTED)?;
    ensure!(
        destination == "ffffffffffff",
        "the reply went to {destination}"
    );

    // Checked by another host: in use, and not.
    let program = context.mdns.to_string_lossy();
    for (address, code) in [(WANTED, 1), ("10.1.2.3", 0)] {
        let check = other.spawn(&[&*program, "address", "--check", address, "-i", "eth0"])?;
        let output = check.output(SOON)?;
        ensure!(output.status.code() == Some(code), "{address}: {output:?}");
    }

    // Defended once, given up at the second conflict.
    ensure!(take_address(other, WANTED)?, "no defence is heard");
    ours.wait_for(&format!("defended +{WANTED}"), SOON)?;
    ensure!(!take_address(other, WANTED)?, "a second defence is heard");
    ours.wait_for(&format!("lost +{WANTED}"), SOON)?;
    let second = settled(host)?;
    ensure!(second != WANTED, "it has taken {WANTED} again");

    // The cable is pulled: the same address again, after it was probed for.
    host.carrier(0, Link::Down)?;
    until("the loss of the address", SOON, || {
        Ok(addresses(host)?.is_empty())
    })?;
    host.carrier(0, Link::Up)?;
    ensure!(settled(host)? == second, "not {second} again");

    // A routable address, and back.
    host.add_address("10.98.0.1/24")?;
    until("the loss of the address", SOON, || {
        Ok(addresses(host)? == ["10.98.0.1"])
    })?;
    host.remove_address("10.98.0.1/24")?;
    ensure!(settled(host)? == second, "not {second} again");

    ours.signal(nix::sys::signal::Signal::SIGTERM)?;
    ensure!(ours.wait(SOON)?.success(), "it has not ended well");
    ensure!(addresses(host)?.is_empty(), "an address is left");
    let rules = host.run(&["nft", "list", "ruleset"])?.stdout;
    ensure!(rules.trim().is_empty(), "a rule is left: {rules}");
    Ok(())
}

/// A daemon of others that wants [`WANTED`], or the address that it chooses itself.
struct Theirs {
    packages: &'static [&'static str],
    start: fn(&Host, &str) -> Result<Peer>,
    /// Whether it can be told which address to want.
    is_told: bool,
}

const AUTOIPD: Theirs = Theirs {
    packages: &["avahi-autoipd", "libdaemon0"],
    start: |host, root| {
        host.write(
            "/run/autoipd.action",
            "#!/bin/sh\ncase $1 in\nBIND) ip addr add $3/16 brd 169.254.255.255 scope link dev $2;;\n*) ip addr del $3/16 dev $2;;\nesac\n",
        )?;
        host.run(&["chmod", "+x", "/run/autoipd.action"])?;
        let program = format!("{root}/usr/sbin/avahi-autoipd");
        host.spawn(&[
            "env",
            &libraries(root, ""),
            &program,
            "--no-drop-root",
            "--no-chroot",
            "--debug",
            "--script=/run/autoipd.action",
            &format!("--start={WANTED}"),
            "eth0",
        ])
    },
    is_told: true,
};

const DHCPCD: Theirs = Theirs {
    packages: &["dhcpcd-base"],
    start: |host, root| {
        host.write("/run/dhcpcd.conf", "ipv4\nnohook resolv.conf\n")?;
        host.run(&["mount", "-t", "tmpfs", "tmpfs", "/var/lib"])?;
        host.run(&["mkdir", "-p", "/run/dhcpcd", "/var/lib/dhcpcd"])?;
        let program = format!("{root}/usr/sbin/dhcpcd");
        host.spawn(&[
            &program,
            "-f",
            "/run/dhcpcd.conf",
            "-c",
            "/bin/true",
            "-4",
            "-B",
            "-d",
            "-t",
            "2",
            "eth0",
        ])
    },
    is_told: false,
};

const NETWORKD: Theirs = Theirs {
    packages: &["systemd", "libsystemd-shared"],
    start: |host, root| {
        host.run(&["mkdir", "-p", "/run/systemd/network"])?;
        host.write(
            "/run/systemd/network/eth0.network",
            &format!("[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=ipv4\nIPv4LLStartAddress={WANTED}\n"),
        )?;
        // Else it waits for udev.
        host.run(&["mount", "-o", "remount,bind,ro", "/sys"])?;
        let program = format!("{root}/lib/systemd/systemd-networkd");
        host.spawn(&[
            "env",
            &libraries(root, "/systemd"),
            "SYSTEMD_LOG_TARGET=console",
            &program,
        ])
    },
    is_told: true,
};

/// Either side first, then on two links that are joined: two addresses, at most one change of ours, and they reach each other.
fn beside(context: &Context, theirs: &Theirs) -> Result<()> {
    let root: PathBuf = unpacked(theirs.packages)?;
    let root = root.to_string_lossy();
    let mut wanted = WANTED.to_owned();
    for are_we_first in [false, true] {
        let lab = lab(context, 2)?;
        let (host, other) = (lab.host(1), lab.host(2));
        let ours = if are_we_first {
            let ours = ours(context, host, &["--start", &wanted])?;
            ours.wait_for("claimed", SOON)?;
            (theirs.start)(other, &root)?;
            ours
        } else {
            (theirs.start)(other, &root)?;
            let first = settled(other)?;
            if theirs.is_told {
                ensure!(first == wanted, "they have {first}");
            }
            wanted = first;
            ours(context, host, &["--start", &wanted])?
        };
        let (first, second) = (settled(host)?, settled(other)?);
        ensure!(first != second, "both have {first}");
        let keeper = if are_we_first { &first } else { &second };
        ensure!(
            *keeper == wanted,
            "{wanted} belongs to nobody: {first}, {second}"
        );
        ensure!(
            losses(&ours) <= 1,
            "we have changed {} times",
            losses(&ours)
        );
        ping(host, &second)?;
        ping(other, &first)?;
    }
    joined(context, theirs, &root, &wanted)
}

/// The link of a host that has the address that ours has is joined to ours: it takes the address without having probed for it here. Whichever of the two
/// is heard first, each hears of the conflict; there are two addresses in the end, of which ours may have changed once.
fn joined(context: &Context, theirs: &Theirs, root: &str, wanted: &str) -> Result<()> {
    for are_we_heard_first in [false, true] {
        let lab = lab(context, 2)?;
        let (host, other) = (lab.host(1), lab.host(2));
        other.move_to(0, 1)?;
        let ours = ours(context, host, &["--start", wanted])?;
        let _theirs = (theirs.start)(other, root)?;
        ensure!(settled(host)? == wanted, "ours has not taken {wanted}");
        ensure!(settled(other)? == wanted, "theirs has not taken {wanted}");
        other.move_to(0, 0)?;
        let first = if are_we_heard_first { host } else { other };
        // An ARP request for somebody else is heard by all. Nobody replies.
        first.run(&["ping", "-c", "1", "-W", "1", "169.254.200.1"])?;
        until("two addresses", SOON, || {
            let (ours, theirs) = (addresses(host)?, addresses(other)?);
            Ok(ours.len() == 1 && theirs.len() == 1 && ours != theirs)
        })?;
        ensure!(
            losses(&ours) <= 1,
            "we have changed {} times",
            losses(&ours)
        );
        let (first, second) = (settled(host)?, settled(other)?);
        ping(host, &second)?;
        ping(other, &first)?;
    }
    Ok(())
}

/// From the start of each program to the address on the interface, all at one time.
pub(super) fn times(context: &Context) -> Result<()> {
    let all = [
        ("avahi-autoipd", &AUTOIPD),
        ("systemd-networkd", &NETWORKD),
        ("dhcpcd", &DHCPCD),
    ];
    let roots = all.map(|(_, theirs)| unpacked(theirs.packages));
    // Each on a link of its own: the same address is no conflict there.
    let labs = [0; 4].map(|_| lab(context, 1));
    let [first, second, third, fourth] = labs;
    let labs = [first?, second?, third?, fourth?];
    let mut running = vec![(
        "mdns address",
        ours(context, labs[0].host(1), &[])?,
        Instant::now(),
    )];
    for (((name, theirs), root), lab) in all.iter().zip(roots).zip(&labs[1..]) {
        let peer = (theirs.start)(lab.host(1), &root?.to_string_lossy())?;
        running.push((name, peer, Instant::now()));
    }
    let mut seconds = vec![None; running.len()];
    until("an address of each", SOON, || {
        for ((seconds, (_, _, started)), lab) in seconds.iter_mut().zip(&running).zip(&labs) {
            let found = addresses(lab.host(1))?;
            if seconds.is_none() && found.iter().any(|one| one.starts_with("169.254.")) {
                *seconds = Some(started.elapsed().as_secs_f64());
            }
        }
        Ok(seconds.iter().all(Option::is_some))
    })?;
    for ((name, ..), seconds) in running.iter().zip(&seconds) {
        println!("{name:<18} {:>5.1} s", seconds.unwrap_or_default());
    }
    // The waits of the RFC are 4 to 7 s; the rest is the start of the program, and a slow machine.
    let ours = seconds[0].unwrap_or_default();
    ensure!((4.0..=9.0).contains(&ours), "ours took {ours} s");
    Ok(())
}

/// A script that does not end delays neither the defence of the address nor the next one; it is killed, and called in order.
pub(super) fn script(context: &Context) -> Result<()> {
    let lab = lab(context, 2)?;
    let (host, other) = (lab.host(1), lab.host(2));
    host.write(
        "/run/hangs",
        "#!/bin/sh\necho \"$*\" >> /run/calls\n[ $1 = BIND ] && sleep 1000\nexit 0\n",
    )?;
    host.run(&["chmod", "+x", "/run/hangs"])?;
    let ours = ours(
        context,
        host,
        &["--start", WANTED, "--script", "/run/hangs"],
    )?;
    ours.wait_for("claimed", SOON)?;
    ensure!(take_address(other, WANTED)?, "no defence is heard");
    take_address(other, WANTED)?;
    ours.wait_for(&format!("lost +{WANTED}"), SOON)?;
    let second = settled(host)?;
    ensure!(second != WANTED, "it has taken {WANTED} again");
    ours.wait_for("BIND: killed after 30 s", SOON)?;
    let calls = || Ok::<_, anyhow::Error>(host.run(&["cat", "/run/calls"])?.stdout);
    let expected = format!(
        "BIND eth0 {WANTED}\nCONFLICT eth0 {WANTED}\nUNBIND eth0 {WANTED}\nBIND eth0 {second}\n"
    );
    until("the calls in order", SOON, || Ok(calls()? == expected))?;
    ours.signal(nix::sys::signal::Signal::SIGTERM)?;
    // The second BIND hangs too.
    ensure!(ours.wait(SOON * 2)?.success(), "it has not ended well");
    ensure!(
        calls()? == expected + &format!("STOP eth0 {second}\n"),
        "{}",
        calls()?
    );
    Ok(())
}

/// What is wrong is said, with the exit code for it: the arguments (2), or the network and the rights (3).
pub(super) fn errors(context: &Context) -> Result<()> {
    let lab = lab(context, 1)?;
    let host = lab.host(1);
    let program = context.mdns.to_string_lossy();
    host.write("/run/plain", "words\n")?;
    host.run(&["chmod", "-x", "/run/plain"])?;
    let fails = |before: &[&str], args: &[&str], code: i32, text: &str| -> Result<()> {
        let words = [before, &[&*program, "address"], args].concat();
        let output = host.spawn(&words)?.output(SOON)?;
        ensure!(
            output.status.code() == Some(code) && output.stderr.contains(text),
            "{words:?}: {output:?}"
        );
        Ok(())
    };
    let without = |capability: &str| format!("-{capability}");
    fails(
        &[],
        &["eth0", "--script", "/run/none"],
        2,
        "--script /run/none: No such file",
    )?;
    fails(
        &[],
        &["eth0", "--script", "/run"],
        2,
        "--script /run: not a file",
    )?;
    fails(
        &[],
        &["eth0", "--script", "/run/plain"],
        2,
        "not executable",
    )?;
    fails(&[], &["eth0", "--state", "/run"], 2, "/run")?;
    fails(&[], &["eth0", "--state", "/none/state"], 2, "/none/state")?;
    fails(&[], &["nosuch"], 2, "there is no interface `nosuch`")?;
    fails(&[], &["lo"], 3, "not Ethernet")?;
    fails(
        &[],
        &["--check", "224.0.0.1", "-i", "eth0"],
        2,
        "must be one that a host can have",
    )?;
    for (capability, name, args) in [
        ("net_raw", "CAP_NET_RAW", &["eth0"][..]),
        ("net_admin", "CAP_NET_ADMIN", &["eth0"]),
        (
            "net_raw",
            "CAP_NET_RAW",
            &["--check", "10.1.2.3", "-i", "eth0"],
        ),
    ] {
        let bounding = format!("--bounding-set={}", without(capability));
        fails(&["setpriv", &bounding], args, 3, name)?;
    }
    // Without a link, or when it is lost meanwhile, nobody could object: it cannot be told.
    let check = [&*program, "address", "--check", "10.1.2.3", "-i", "eth0"];
    let lost = host.spawn(&check)?;
    std::thread::sleep(Duration::from_secs(1));
    host.carrier(0, Link::Down)?;
    std::thread::sleep(Duration::from_millis(500));
    host.carrier(0, Link::Up)?;
    let output = lost.output(SOON)?;
    ensure!(output.status.code() == Some(3), "link lost: {output:?}");
    host.carrier(0, Link::Down)?;
    fails(&[], &["--check", "10.1.2.3", "-i", "eth0"], 3, "no link")
}

/// One program claims an address and advertises a service; both follow a conflict.
pub(super) fn program(context: &Context) -> Result<()> {
    Shell::cargo("build --quiet --package ipv4ll-tokio --example with_mdns").run()?;
    let example = target().join("debug/examples/with_mdns");
    // IPv4 alone: avahi-browse resolves a service once for each family, and Avahi speaks those of the lab.
    let lab = Lab::new(context, 2, Families::V4)?;
    let (host, other) = (lab.host(1), lab.host(2));
    for host in [host, other] {
        host.remove_address(&format!("{}/24", host.v4()))?;
    }
    other.add_address("169.254.9.9/16")?;
    let avahi = other.avahi("peer", &[])?;
    let browser = Stack::Avahi.browse(context, other, "_greeting._tcp")?;
    let example = example.to_str().context("a path is not UTF-8")?;
    let running = host.spawn(&["stdbuf", "-oL", example, "eth0", "Hall", "4000"])?;
    let first = settled(host)?;
    browser.event("the service", SOON, |event| {
        event.kind == Kind::Resolved
            && event.instance == "Hall"
            && event.addresses().any(|address| address == first)
    })?;
    ensure!(take_address(other, &first)?, "no defence is heard");
    take_address(other, &first)?;
    running.wait_for(&format!("lost {}", first.replace('.', r"\.")), SOON)?;
    let second = settled(host)?;
    ensure!(second != first, "it has taken {first} again");
    // Announced anew: Avahi has the new address without asking, and the old one no more.
    until("the new address", SOON, || {
        let cached = avahi.cached_addresses()?;
        Ok(cached.contains(&second) && !cached.contains(&first))
    })
}

pub(super) fn avahi_autoipd(context: &Context) -> Result<()> {
    beside(context, &AUTOIPD)
}

pub(super) fn dhcpcd(context: &Context) -> Result<()> {
    beside(context, &DHCPCD)
}

pub(super) fn networkd(context: &Context) -> Result<()> {
    beside(context, &NETWORKD)
}

/// A DHCP server comes and goes: its client is not disturbed, and we step back and return.
///
/// covers: 3927-1.9-b, 3927-2.11-a, 3927-2.6.2-a, 3927-2.6.2-b
pub(super) fn dhcp(context: &Context) -> Result<()> {
    let root = unpacked(&[&DNSMASQ[..], &["dhcpcd-base"]].concat())?;
    let root = root.to_string_lossy();
    let lab = lab(context, 3)?;
    let (host, server, neighbour) = (lab.host(1), lab.host(2), lab.host(3));
    let _ours = ours(context, host, &[])?;
    let _theirs = ours(context, neighbour, &[])?;
    let (first, second) = (settled(host)?, settled(neighbour)?);
    // On the link, by its own route, though there is a router for all else.
    let route = host.run(&["ip", "route", "get", &second])?.stdout;
    ensure!(
        !route.contains("via") && route.contains(&format!("src {first}")),
        "{route}"
    );
    ping(host, &second)?;

    let dnsmasq = dhcp_server(server, &root)?;
    host.run(&["mount", "-t", "tmpfs", "tmpfs", "/var/lib"])?;
    host.run(&["mkdir", "-p", "/run/dhcpcd", "/var/lib/dhcpcd"])?;
    host.write("/run/dhcpcd.conf", "noipv4ll\nnohook resolv.conf\n")?;
    let dhcpcd = format!("{root}/usr/sbin/dhcpcd");
    let client = host.spawn(&[
        &dhcpcd,
        "-f",
        "/run/dhcpcd.conf",
        "-c",
        "/bin/true",
        "-4",
        "-B",
        "eth0",
    ])?;
    until("the address of DHCP alone", SOON, || {
        let all = addresses(host)?;
        Ok(all.len() == 1 && all[0].starts_with("10.98.0."))
    })?;
    // Link-local neighbours are not sent to the router.
    dnsmasq.kill();
    client.kill();
    let leased = addresses(host)?;
    host.remove_address(&format!("{}/24", leased[0]))?;
    ensure!(settled(host)? == first, "not {first} again");
    let _: Ipv4Addr = first.parse()?;
    Ok(())
}
