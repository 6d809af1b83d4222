//! Avahi asks and publishes for us: where it keeps the port, when it goes and comes back, and when we may not use it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{
    many::{names, services},
    until,
};
use crate::{
    install,
    lab::{
        Context, Kind, Lab,
        avahi::BUS,
        net::{Families, Host},
        peer::Peer,
        stack::{SOON, Service, Stack, mdns},
    },
    shell::{Shell, target},
};

const HTTP: &str = "_http._tcp";

/// A line for `avahi-daemon.conf`: nobody else may have port 5353.
const FORBID: &str = "disallow-other-stacks=yes";

/// How soon all is there again after a daemon has come back, and what a loaded machine adds.
const BACK: Duration = Duration::from_secs(5 + 5);

/// Waits until a program has found and resolved a service.
fn resolves(peer: &Peer, name: &str) -> Result<()> {
    peer.event(name, SOON, |event| {
        event.kind == Kind::Resolved && event.instance == name
    })?;
    Ok(())
}

/// Starts `mdns` as the user nobody.
fn as_nobody(context: &Context, host: &Host, args: &[&str]) -> Result<Peer> {
    let program = context.mdns.to_str().context("a path is not UTF-8")?;
    let user = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
    ];
    host.spawn(&[&user[..], &[program], args, &["--json"]].concat())
}

/// The tests of the adapters that are left out are listed there, each with its reason.
///
/// covers: none (daemons)
pub(super) fn suite(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 1, Families::Both)?;
    let host = lab.host(1);
    let _bus = host.bus(BUS)?;
    let _daemon = host.avahi_on_bus("h1", &[], FORBID)?;
    for adapter in ["mdns-tokio", "mdns-async-io", "mdns-mio"] {
        let program = build(adapter)?;
        // One daemon works for all nodes: with more of them at once its answers take longer than a one-shot query waits.
        let tests = host.spawn(&[
            "env",
            "MDNS_TEST_BACKEND=avahi",
            &program,
            "--test-threads=6",
        ])?;
        let output = tests.output(Duration::from_secs(300))?;
        ensure!(
            output.status.success(),
            "{adapter} over Avahi:\n{}{}",
            output.stdout,
            output.stderr
        );
    }
    Ok(())
}

/// Compiles the suite of an adapter; returns the program.
fn build(adapter: &str) -> Result<String> {
    let args = format!(
        "test --quiet --package {adapter} --features daemon --test node --no-run --message-format=json"
    );
    let output = Shell::cargo(&args).output()?;
    let key = "\"executable\":\"";
    let paths = output.lines().filter_map(|line| {
        let (_, rest) = line.split_once(key)?;
        rest.split('"').next()
    });
    let folder = target().join("debug/deps/node-");
    let folder = folder.to_str().context("a path is not UTF-8")?;
    let mut programs = paths.filter(|path| path.starts_with(folder));
    let program = programs.next_back().context("cargo names no program")?;
    Ok(program.to_owned())
}

/// covers: none (daemons)
pub(super) fn forbidden(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (ours, other) = (lab.host(1), lab.host(2));
    let _bus = ours.bus(BUS)?;
    let _daemon = ours.avahi_on_bus("h1", &[], FORBID)?;
    let theirs = Service::new("Theirs", HTTP, 4000);
    let _other = other.avahi("h2", std::slice::from_ref(&theirs))?;
    let watching = Stack::Avahi.browse(context, other, HTTP)?;

    let advertising = mdns(
        context,
        ours,
        &["advertise", "Ours", HTTP, "80", "--txt", "path=/"],
    )?;
    advertising.wait_for("our own sockets are refused", SOON)?;
    advertising.event("registered", SOON, |event| event.kind == Kind::Registered)?;
    resolves(&watching, "Ours")?;
    let browsing = mdns(context, ours, &["browse", HTTP, "--resolve", "--verbose"])?;
    browsing.wait_for("\"backend\":\"avahi\"", SOON)?;
    resolves(&browsing, "Theirs")?;
    resolves(&browsing, "Ours")?;
    for args in [
        &["resolve", "Theirs._http._tcp", "--count", "1"][..],
        &["lookup", "h2.local", "--count", "1"],
        &["query", "h2.local", "A", "--count", "1"],
        &["browse", HTTP, "--count", "1"],
    ] {
        for (who, peer) in [
            ("root", mdns(context, ours, args)?),
            ("nobody", as_nobody(context, ours, args)?),
        ] {
            let output = peer.output(SOON)?;
            ensure!(output.status.success(), "{who}: {args:?}: {output:?}");
        }
    }
    let doctor = ours.run(&[context.mdns.to_str().unwrap_or_default(), "doctor"])?;
    ensure!(doctor.stdout.contains("avahi-daemon (avahi "), "{doctor:?}");

    let advertising = as_nobody(
        context,
        ours,
        &["advertise", "Nobody", HTTP, "81", "--backend", "avahi"],
    )?;
    advertising.event("registered", SOON, |event| event.kind == Kind::Registered)?;
    resolves(&watching, "Nobody")?;
    advertising.signal(nix::sys::signal::Signal::SIGTERM)?;
    watching.event("goodbye", SOON, |event| {
        event.kind == Kind::Gone && event.instance == "Nobody"
    })?;
    Ok(())
}

/// covers: none (daemons)
pub(super) fn restarted(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (ours, other) = (lab.host(1), lab.host(2));
    let bus = ours.bus(BUS)?;
    let daemon = ours.avahi_on_bus("h1", &[], "")?;
    let theirs = Service::new("Theirs", HTTP, 4000);
    let _other = other.avahi("h2", std::slice::from_ref(&theirs))?;
    let advertising = mdns(
        context,
        ours,
        &["advertise", "Ours", HTTP, "80", "--backend", "avahi"],
    )?;
    let browsing = mdns(
        context,
        ours,
        &["browse", HTTP, "--resolve", "--backend", "avahi"],
    )?;
    let registered = |count: usize| {
        until(&format!("registered {count} times"), BACK, || {
            let events = advertising.events();
            let all = events.iter().filter(|event| event.kind == Kind::Registered);
            Ok(all.count() >= count)
        })
    };
    registered(1)?;
    resolves(&browsing, "Theirs")?;

    daemon.kill();
    std::thread::sleep(Duration::from_secs(2));
    let daemon = ours.avahi_on_bus("h1", &[], "")?;
    registered(2)?;
    // What comes after the daemon has come back is found.
    let late = Stack::Avahi.advertise(context, other, &Service::new("Late", HTTP, 4001))?;
    browsing.event("Late", BACK, |event| event.instance == "Late")?;
    resolves(&Stack::Avahi.browse(context, other, HTTP)?, "Ours")?;

    bus.kill();
    // It ends with its bus.
    daemon.kill();
    std::thread::sleep(Duration::from_secs(2));
    let _bus = ours.bus(BUS)?;
    let _daemon = ours.avahi_on_bus("h1", &[], "")?;
    registered(3)?;
    late.kill();
    browsing.event("Late is gone", SOON + SOON, |event| {
        event.kind == Kind::Gone && event.instance == "Late"
    })?;
    let events = browsing.events();
    let gone = events
        .iter()
        .find(|event| event.kind == Kind::Gone && event.instance == "Theirs");
    ensure!(
        gone.is_none(),
        "a service went that was there all the time: {gone:?}"
    );
    Ok(())
}

/// A bus on which nobody may send to Avahi.
fn forbidding() -> String {
    BUS.replace(
        "</policy>",
        "<deny send_destination=\"org.freedesktop.Avahi\"/></policy>",
    )
}

/// covers: none (daemons)
pub(super) fn denied(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 1, Families::Both)?;
    let host = lab.host(1);
    let fails = |words: &str| {
        let args = ["browse", HTTP, "--backend", "avahi", "--timeout", "1"];
        let output = mdns(context, host, &args)?.output(SOON)?;
        ensure!(output.status.code() == Some(3), "{output:?}");
        ensure!(output.stderr.contains(words), "{words}: {output:?}");
        Ok(())
    };
    fails("there is no D-Bus system bus")?;
    let bus = host.bus(BUS)?;
    fails("avahi-daemon does not run")?;
    bus.kill();
    let _bus = host.bus(&forbidding())?;
    let _daemon = host.avahi_on_bus("h1", &[], "")?;
    fails("avahi-daemon cannot be used")?;
    // It says so, and goes on by itself.
    let args = [
        "browse",
        HTTP,
        "--backend",
        "auto",
        "--timeout",
        "2",
        "--verbose",
    ];
    let output = mdns(context, host, &args)?.output(SOON)?;
    ensure!(
        output.stdout.contains("\"backend\":\"own\"") && output.stdout.contains("cannot be used"),
        "{output:?}"
    );
    Ok(())
}

/// covers: none (daemons)
pub(super) fn auto(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (ours, other) = (lab.host(1), lab.host(2));
    let _bus = ours.bus(BUS)?;
    let daemon = ours.avahi_on_bus("h1", &[], "")?;
    let theirs = Service::new("Theirs", HTTP, 4000);
    let _other = other.avahi("h2", std::slice::from_ref(&theirs))?;
    let args = ["browse", HTTP, "--resolve", "--backend", "auto"];
    let browsing = mdns(context, ours, &args)?;
    let args = ["advertise", "Ours", HTTP, "80", "--backend", "auto"];
    let advertising = mdns(context, ours, &args)?;
    let registered = |count: usize| {
        until(&format!("registered {count} times"), 3 * SOON, || {
            let events = advertising.events();
            let all = events.iter().filter(|event| event.kind == Kind::Registered);
            Ok(all.count() >= count)
        })
    };
    registered(1)?;
    resolves(&browsing, "Theirs")?;
    daemon.kill();
    // After ten seconds our own sockets take over.
    registered(2)?;
    resolves(&Stack::Avahi.browse(context, other, HTTP)?, "Ours")?;
    std::thread::sleep(Duration::from_secs(7));
    let _daemon = ours.avahi_on_bus("h1", &[], "")?;
    registered(3)?;
    std::thread::sleep(Duration::from_secs(7));
    resolves(&Stack::Avahi.browse(context, other, HTTP)?, "Ours")?;

    let events = browsing.events();
    let count = |kind, name: &str| {
        let all = events
            .iter()
            .filter(|event| event.kind == kind && event.instance == name);
        all.count()
    };
    for name in ["Theirs", "Ours"] {
        ensure!(
            count(Kind::Gone, name) == 0 && count(Kind::Found, name) == 1,
            "{name} was found {} times, and {} times gone",
            count(Kind::Found, name),
            count(Kind::Gone, name)
        );
    }
    let told = advertising.events();
    let renamed = told.iter().find(|event| event.kind == Kind::Renamed);
    ensure!(renamed.is_none(), "renamed: {renamed:?}");
    Ok(())
}

/// The figures are printed: docs/backends.md has them.
///
/// covers: none (daemons)
pub(super) fn many(context: &Context) -> Result<()> {
    const SERVICES: usize = 500;
    let lab = Lab::new(context, 2, Families::V4)?;
    let (one, two) = (lab.host(1), lab.host(2));
    let daemons = [one.avahi("h1", &[])?, two.avahi("h2", &[])?];
    let names = names("S", SERVICES);
    let lines: String = services(&names, 8000)
        .iter()
        .map(|service| format!("{}\n", service.to_json(one)))
        .collect();
    one.write("/run/services.jsonl", &lines)?;
    let start = Instant::now();
    let args = [
        "advertise",
        "--from",
        "/run/services.jsonl",
        "--backend",
        "avahi",
    ];
    let advertising = mdns(context, one, &args)?;
    advertising.count(Kind::Registered, SERVICES, 6 * SOON)?;
    let published = start.elapsed();
    let start = Instant::now();
    let browsing = mdns(
        context,
        two,
        &["browse", HTTP, "--resolve", "--backend", "avahi"],
    )?;
    browsing.count(Kind::Resolved, SERVICES, 6 * SOON)?;
    println!(
        "backend-500: {SERVICES} published in {:.1} s, found and resolved in {:.1} s",
        published.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    drop(daemons);
    Ok(())
}

/// What systemd-resolved and polkit consist of, on Debian 12. They are unpacked and not installed: a machine whose lab this is keeps its
/// own resolver.
const PACKAGES: [&str; 6] = [
    "systemd-resolved",
    "libsystemd-shared",
    "polkitd",
    "libpolkit-gobject-1-0",
    "libpolkit-agent-1-0",
    "libduktape207",
];

/// Its user and polkit's, its folders and its setting, seen by one host alone.
const RESOLVED: &str = "
    cp /etc/passwd /run/passwd; cp /etc/group /run/group
    echo 'systemd-resolve:x:994:994::/:/usr/sbin/nologin' >> /run/passwd
    echo 'polkitd:x:993:993::/:/usr/sbin/nologin' >> /run/passwd
    echo 'systemd-resolve:x:994:' >> /run/group
    mount --bind /run/passwd /etc/passwd; mount --bind /run/group /etc/group
    mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d /run/polkit/actions /run/polkit/rules.d
    chown 994:994 /run/systemd/resolve
    printf '[Resolve]\\nMulticastDNS=yes\\nLLMNR=no\\n' > /run/systemd/resolved.conf.d/lab.conf
    mkdir -p /usr/share/polkit-1; mount --bind /run/polkit /usr/share/polkit-1
    cp $ROOT/usr/share/polkit-1/actions/* /usr/share/polkit-1/actions/
";

/// covers: none (daemons)
pub(super) fn resolved(context: &Context) -> Result<()> {
    let root = install::unpacked(&PACKAGES)?;
    let root = root.to_str().context("a path is not UTF-8")?;
    let lab = Lab::new(context, 2, Families::Both)?;
    let (ours, other) = (lab.host(1), lab.host(2));
    let _other = other.avahi("h2", &[])?;
    let _bus = ours.bus(BUS)?;
    ours.run(&["sh", "-c", &format!("ROOT={root}; {RESOLVED}")])?;
    let libraries = format!(
        "LD_LIBRARY_PATH={root}/usr/lib/x86_64-linux-gnu/systemd:{root}/usr/lib/x86_64-linux-gnu"
    );
    let program = |path: &str| format!("{root}/{path}");
    let daemon = program("lib/systemd/systemd-resolved");
    let _daemon = ours.spawn(&["env", &libraries, "SYSTEMD_LOG_TARGET=console", &daemon])?;
    let resolvectl = program("usr/bin/resolvectl");
    let ask = |args: &[&str]| ours.run(&[&["env", &libraries, &resolvectl], args].concat());
    until("systemd-resolved runs", SOON, || {
        Ok(ask(&["mdns", "eth0", "yes"])?.status.success())
    })?;

    let args = [
        "advertise",
        "Ours",
        HTTP,
        "80",
        "--txt",
        "path=/",
        "--backend",
        "resolved",
    ];
    let advertising = mdns(context, ours, &args)?;
    advertising.event("registered", SOON, |event| event.kind == Kind::Registered)?;
    until("resolvectl sees it on the same host", SOON, || {
        let output = ask(&["service", "Ours", HTTP, "local"])?;
        Ok(output.stdout.contains("path=/"))
    })?;
    resolves(&Stack::Avahi.browse(context, other, HTTP)?, "Ours")?;
    let events = advertising.events();
    let registered = events.iter().filter(|event| event.kind == Kind::Registered);
    ensure!(registered.count() == 1, "our own sockets publish it, too");
    let doctor = ours.run(&[context.mdns.to_str().unwrap_or_default(), "doctor"])?;
    ensure!(doctor.stdout.contains("MulticastDNS=yes"), "{doctor:?}");

    let refused = |why: &str| {
        let args = [
            "advertise",
            "Nobody",
            HTTP,
            "81",
            "--backend",
            "resolved",
            "--timeout",
            "2",
        ];
        let output = as_nobody(context, ours, &args)?.output(SOON)?;
        ensure!(
            output.status.code() == Some(1) && output.stderr.contains(why),
            "{why}: {output:?}"
        );
        Ok(())
    };
    refused("AccessDenied")?;
    let polkit = program("usr/lib/polkit-1/polkitd");
    let polkit = ours.spawn(&["env", &libraries, &polkit, "--no-debug"])?;
    polkit.wait_for("", Duration::from_secs(2)).ok();
    refused("InteractiveAuthorizationRequired")?;
    // Who chooses by itself does without.
    let args = [
        "advertise",
        "Nobody",
        HTTP,
        "81",
        "--backend",
        "auto",
        "--count",
        "1",
    ];
    let output = as_nobody(context, ours, &args)?.output(SOON)?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}
