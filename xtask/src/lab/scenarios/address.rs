//! `mdns address` beside the daemons of others that claim link-local addresses, and beside DHCP.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};

use crate::{
    install::{DNSMASQ, unpacked},
    lab::{
        Context, Lab,
        net::{Families, Host, Link},
        peer::Peer,
        until,
    },
};

/// Longer than an address takes: 7 s of waiting, twice, and a slow machine.
const SOON: Duration = Duration::from_secs(40);

/// The address that everybody is made to want.
const WANTED: &str = "169.254.7.7";

/// Sends an ARP packet: operation, sender hardware and IP address, target IP address; and prints the destination of the first reply for one.
const ARP: &str = r#"
import socket, struct, sys
op, hardware, sender, target = sys.argv[1:5]
mac = bytes.fromhex(hardware.replace(':', ''))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(('eth0', 0x0806))
s.send(b'\xff' * 6 + mac + b'\x08\x06' + struct.pack('!HHBBH', 1, 0x800, 6, 4, int(op)) + mac
       + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target))
if sender != target:
    s.settimeout(3)
    while True:
        frame = s.recv(2048)
        if frame[20:22] == b'\0\x02' and frame[28:32] == socket.inet_aton(target):
            print(frame[:6].hex())
            break
"#;

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

fn arp(host: &Host, operation: &str, sender: &str, target: &str) -> Result<String> {
    let words = [
        "python3",
        "-c",
        ARP,
        operation,
        "02:00:00:00:00:99",
        sender,
        target,
    ];
    let output = host.run(&words)?;
    ensure!(output.status.success(), "arp: {}", output.stderr.trim());
    Ok(output.stdout.trim().to_owned())
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
    let destination = arp(other, "1", "169.254.9.9", WANTED)?;
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
    arp(other, "1", WANTED, WANTED)?;
    ours.wait_for(&format!("defended +{WANTED}"), SOON)?;
    arp(other, "1", WANTED, WANTED)?;
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

/// Where unpacked programs find their libraries.
fn libraries(root: &str, folder: &str) -> String {
    let arch = std::env::consts::ARCH;
    format!("LD_LIBRARY_PATH={root}/usr/lib/{arch}-linux-gnu{folder}")
}

/// Either side first, then both at once: two addresses, at most one change of ours, and they reach each other.
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
    Ok(())
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

    server.add_address("10.98.0.1/24")?;
    let dnsmasq = format!("{root}/usr/sbin/dnsmasq");
    let dnsmasq = server.spawn(&[
        "env",
        &libraries(&root, ""),
        &dnsmasq,
        "--no-daemon",
        "--port=0",
        "--conf-file=/dev/null",
        "--interface=eth0",
        "--user=root",
        "--dhcp-leasefile=/run/leases",
        "--dhcp-range=10.98.0.50,10.98.0.99,2m",
    ])?;
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
