//! Another program has port 5353 for itself: `mdns` says so, uses what is left, and goes on when the port is free.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::lab::{
    Context, Lab,
    net::{Families, Host},
    peer::{Peer, Stream},
    stack::{SOON, mdns},
};

/// Takes the port of these families for itself, as soon as nobody has it.
const HOLD: &str = r"
import socket, sys, time
kept = []
for family in sys.argv[1:]:
    while True:
        try:
            s = socket.socket(socket.AF_INET6 if family == '6' else socket.AF_INET, socket.SOCK_DGRAM)
            if family == '6':
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(('::' if family == '6' else '0.0.0.0', 5353))
            break
        except OSError:
            time.sleep(0.05)
    kept.append(s)
print('held', flush=True)
time.sleep(1000)
";

/// Every command that opens sockets, and its exit code where one family can be used and nothing is found.
const COMMANDS: [(&[&str], i32); 9] = [
    (&["advertise", "Web", "_http._tcp", "80"], 0),
    (&["advertise", "--host", "alone"], 0),
    // These two see the others.
    (&["browse"], 0),
    (&["monitor"], 0),
    (&["browse", "_no-such._tcp"], 1),
    (&["resolve", "Nobody", "_no-such._tcp"], 1),
    (&["lookup", "nobody"], 1),
    (&["reverse", "10.99.0.77"], 1),
    (&["query", "nobody", "any"], 1),
];

/// Longer than it takes to look again, and a slow machine.
const AGAIN: Duration = Duration::from_secs(30);

fn hold(host: &Host, families: &[&str]) -> Result<Peer> {
    host.spawn(&[&["python3", "-c", HOLD], families].concat())
}

fn held(host: &Host, families: &[&str]) -> Result<Peer> {
    let holder = hold(host, families)?;
    holder.wait_for("^held$", SOON)?;
    Ok(holder)
}

/// Waits for a line about the port of IPv4 that names who has it, for people and for programs.
fn reports(peer: &Peer, family: &str) -> Result<()> {
    peer.wait_for(
        &format!("^mdns: not used: eth0, {family}: .*held by python"),
        AGAIN,
    )?;
    let json = peer.wait_for(&format!(r#""event":"unusable".*"family":"{family}""#), SOON)?;
    ensure!(
        json.stream == Stream::Out && json.text.contains(r#""holders":["python"#),
        "{}: {}",
        peer.title(),
        json.text
    );
    Ok(())
}

pub(super) fn held_port(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let host = lab.host(1);
    for (families, name) in [(&["4"][..], "IPv4"), (&["6"], "IPv6")] {
        let holder = held(host, families)?;
        let mut all = Vec::new();
        for (words, code) in COMMANDS {
            let peer = mdns(context, host, &[words, &["--timeout", "3"]].concat())?;
            all.push((words, code, peer));
        }
        for (words, code, peer) in all {
            reports(&peer, name).with_context(|| words.join(" "))?;
            let output = peer.output(AGAIN)?;
            ensure!(
                output.status.code() == Some(code),
                "{}, {name} held: {}",
                words.join(" "),
                output.status
            );
        }
        let doctor = mdns(context, host, &["doctor"])?.output(AGAIN)?;
        ensure!(
            doctor.status.code() == Some(1) && doctor.stdout.contains("python"),
            "doctor, {name} held: {doctor:?}"
        );
        holder.kill();
    }

    // Nothing is left to be used.
    let holder = held(host, &["4", "6"])?;
    for (words, _) in COMMANDS {
        let output = mdns(context, host, &[words, &["--timeout", "3"]].concat())?.output(AGAIN)?;
        ensure!(
            output.status.code() == Some(3)
                && output.stderr.contains("error: eth0, ")
                && output.stderr.contains("held by python"),
            "{}, all held: {output:?}",
            words.join(" ")
        );
    }
    holder.kill();

    // Who has the port leaves later.
    let holder = held(host, &["4"])?;
    let endless = |words: &[&str]| mdns(context, host, words);
    let all = [
        endless(&["advertise", "Web", "_http._tcp", "80"])?,
        endless(&["browse", "_http._tcp"])?,
        endless(&["query", "nobody", "any", "--all", "--timeout", "1000"])?,
        endless(&["monitor"])?,
    ];
    for peer in &all {
        reports(peer, "IPv4")?;
    }
    holder.kill();
    for peer in &all {
        peer.wait_for("^mdns: used now: eth0, IPv4$", AGAIN)?;
    }

    // Nobody can take the port any more; but a link that comes later may fail for another reason.
    host.allow_joins(0)?;
    host.plug(1)?;
    for peer in &all {
        peer.wait_for("^mdns: not used: eth1, IPv4: ", AGAIN)?;
        peer.wait_for(r#""event":"unusable","#, SOON)?;
    }
    host.allow_joins(20)?;
    for peer in &all {
        peer.wait_for("^mdns: used now: eth1, IPv4$", AGAIN)?;
        ensure!(peer.is_running()?, "{} has ended", peer.title());
    }
    Ok(())
}
