//! Names and services for programs that know only DNS: libnss-mdns without Avahi, a static program, other DNS servers, a zone that
//! stands for a link.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::until;
use crate::{
    install::{DNSMASQ, unpacked},
    lab::{
        Context, Lab,
        avahi::BUS,
        net::{Families, Host},
        peer::Peer,
        stack::{SOON, Service, Stack, advertise_many, mdns},
    },
};

/// A program that looks up a name as programs do, built with musl.
const LOOK_UP: &str = r#"#include <netdb.h>
#include <stdio.h>
#include <arpa/inet.h>
int main(int argc, char **argv) {
    struct addrinfo *list = 0, hints = {0};
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(argv[1], "80", &hints, &list);
    if (error) { printf("%s\n", gai_strerror(error)); return 1; }
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        char text[64];
        void *bytes = a->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr
                                              : (void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr;
        puts(inet_ntop(a->ai_family, bytes, text, sizeof text));
    }
    return 0;
}
"#;

/// Sends as many queries for names that are not there as it can within some seconds, from many ports; counts what comes back.
const FLOOD: &str = r#"
import os, socket, struct, sys, time
server, zone, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
for s in sockets: s.setblocking(False)
sent = got = 0
size = 0
end = time.time() + seconds
tail = b''.join(bytes([len(l)]) + l.encode() for l in zone.split('.')) + b'\0' + struct.pack('!HH', 1, 1)
while time.time() < end:
    for s in sockets:
        label = b'x%d' % sent
        try:
            s.sendto(os.urandom(2) + b'\1\0\0\1\0\0\0\0\0\0' + bytes([len(label)]) + label + tail, (server, 53))
            sent += 1
        except BlockingIOError: pass
        try:
            while True: size += len(s.recv(4096)); got += 1
        except BlockingIOError: pass
print('sent', sent, 'got', got, 'bytes', size)
"#;

/// Where unpacked programs find their libraries.
fn libraries(root: &Path, folders: &[&str]) -> String {
    let arch = std::env::consts::ARCH;
    let paths = folders
        .iter()
        .map(|folder| format!("{}/{folder}/{arch}-linux-gnu", root.display()));
    format!("LD_LIBRARY_PATH={}", paths.collect::<Vec<_>>().join(":"))
}

/// Puts a file of a host's own in the place of one of the machine.
fn replace(host: &Host, path: &str, text: &str) -> Result<()> {
    let own = format!("/run/{}", path.trim_start_matches('/').replace('/', "-"));
    host.write(&own, text)?;
    let output = host.run(&["mount", "--bind", &own, path])?;
    ensure!(output.status.success(), "{}", output.stderr);
    Ok(())
}

/// Runs a command to its end; returns what it printed, whether it succeeded, and how long it took.
fn timed(host: &Host, command: &[&str]) -> Result<(String, bool, Duration)> {
    let begun = Instant::now();
    let output = host.run(command)?;
    Ok((output.stdout, output.status.success(), begun.elapsed()))
}

/// Asks a server with dig.
fn dig(host: &Host, server: &str, words: &[&str]) -> Result<String> {
    let server = format!("@{server}");
    Ok(host
        .run(&[&["dig", &server, "+tries=1", "+time=4"], words].concat())?
        .stdout)
}

/// Starts the resolver and waits until it can be asked.
fn resolver(context: &Context, host: &Host, words: &[&str]) -> Result<Peer> {
    let resolver = mdns(context, host, &[&["resolver"], words].concat())?;
    resolver.wait_for("listening", SOON)?;
    Ok(resolver)
}

/// A host with a web server, which is advertised.
fn web(context: &Context, host: &Host, name: &str) -> Result<Peer> {
    host.spawn(&[
        "python3",
        "-m",
        "http.server",
        "80",
        "--directory",
        "/etc/avahi",
    ])?;
    let service = Service {
        host: Some(name),
        ..Service::new("Hall Web", "_http._tcp", 80)
    };
    let (peer, _) = Stack::Ours.advertised(context, host, &service)?;
    Ok(peer)
}

/// Debian's libnss-mdns, unmodified, with our socket in place of Avahi's, then with Avahi.
pub(super) fn nss(context: &Context) -> Result<()> {
    let root = unpacked(&["libnss-mdns"])?;
    let lab = Lab::new(context, 2, Families::Both)?;
    let (host, other) = (lab.host(1), lab.host(2));
    let _web = web(context, other, "hall")?;
    let hosts = "hosts: files mdns_minimal [NOTFOUND=return] dns\n";
    replace(host, "/etc/nsswitch.conf", hosts)?;
    replace(host, "/etc/resolv.conf", "# None.\n")?;
    let env = libraries(&root, &["lib", "usr/lib"]);
    let with = |words: &[&'static str]| -> Vec<&str> { [&["env", &env], words].concat() };

    let running = resolver(context, host, &["--nss-socket", "/run/avahi-daemon/socket"])?;
    let (found, ok, time) = timed(host, &with(&["getent", "ahosts", "hall.local"]))?;
    ensure!(ok && found.contains(&other.v4()), "getent ahosts: {found}");
    ensure!(
        found.contains("fe80::") && found.contains("%"),
        "no scope: {found}"
    );
    println!("       nss-mdns with mdns resolver: a host in {time:.3?}");
    let (found, ok, _) = timed(host, &with(&["getent", "hosts", "hall.local"]))?;
    ensure!(ok && found.contains("hall.local"), "getent hosts: {found}");
    let (said, ok, _) = timed(host, &with(&["ping", "-c", "1", "-W", "5", "hall.local"]))?;
    ensure!(ok, "ping: {said}");
    let curl = [
        "curl",
        "-sS",
        "-m",
        "10",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "http://hall.local/",
    ];
    let (code, ok, _) = timed(host, &with(&curl))?;
    ensure!(ok && code.trim() == "200", "curl: {code}");
    let absent = with(&["getent", "ahosts", "none.local"]);
    let (found, ok, time) = timed(host, &absent)?;
    ensure!(!ok, "an absent name was found: {found}");
    println!("       nss-mdns with mdns resolver: an absent name in {time:.3?}");
    // The wait is a second; the rest is for starting programs on a busy machine.
    ensure!(
        time < Duration::from_millis(2500),
        "an absent name took {time:?}"
    );
    // The minimal module asks for link-local addresses alone.
    host.write("/run/etc-nsswitch.conf", "hosts: files mdns\n")?;
    let (found, ok, _) = timed(host, &with(&["getent", "hosts", "10.99.0.2"]))?;
    ensure!(
        ok && found.contains("local"),
        "getent hosts of an address: {found}"
    );
    host.write("/run/etc-nsswitch.conf", hosts)?;
    running.signal(nix::sys::signal::Signal::SIGTERM)?;
    ensure!(running.wait(SOON)?.success(), "the resolver failed");

    let _daemon = host.avahi("h1", &[])?;
    let (found, ok, with_avahi) = timed(host, &absent)?;
    ensure!(!ok, "an absent name was found: {found}");
    println!("       nss-mdns with Avahi:         an absent name in {with_avahi:.3?}");
    ensure!(time < with_avahi, "Avahi is faster: {with_avahi:?}");
    Ok(())
}

/// A static program built with musl knows no NSS, and asks the stub.
pub(super) fn musl(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let (host, other) = (lab.host(1), lab.host(2));
    let _web = web(context, other, "hall")?;
    replace(host, "/etc/resolv.conf", "nameserver 127.0.0.1\n")?;
    host.write("/run/look_up.c", LOOK_UP)?;
    let built = host.run(&[
        "musl-gcc",
        "-static",
        "-o",
        "/run/look_up",
        "/run/look_up.c",
    ])?;
    ensure!(built.status.success(), "musl-gcc: {}", built.stderr);
    let _running = resolver(context, host, &["--listen", "127.0.0.1:53"])?;
    let (found, ok, time) = timed(host, &["/run/look_up", "hall.local"])?;
    println!("       a static musl program: a host in {time:.3?}");
    ensure!(ok && found.trim() == other.v4(), "it found {found}");
    let (found, ok, time) = timed(host, &["/run/look_up", "none.local"])?;
    println!("       a static musl program: an absent name in {time:.3?}");
    ensure!(
        !ok && time < Duration::from_millis(2500),
        "{found} in {time:?}"
    );
    // A name elsewhere is refused, and that at once.
    let (_, ok, time) = timed(host, &["/run/look_up", "example.com"])?;
    ensure!(!ok && time < SOON, "example.com in {time:?}");
    Ok(())
}

/// dnsmasq, Unbound and systemd-resolved ask the stub for `.local`, and it alone.
pub(super) fn forwarders(context: &Context) -> Result<()> {
    let root = unpacked(&DNSMASQ)?;
    let systemd = unpacked(&["systemd-resolved", "libsystemd-shared"])?;
    let lab = Lab::new(context, 2, Families::Both)?;
    let (host, other) = (lab.host(1), lab.host(2));
    let _web = web(context, other, "hall")?;
    let _running = resolver(context, host, &[])?;
    let env = libraries(&root, &["lib", "usr/lib"]);
    let dnsmasq = format!("{}/usr/sbin/dnsmasq", root.display());
    host.spawn(&[
        "env",
        &env,
        &dnsmasq,
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--group=root",
        "--listen-address=127.0.0.2",
        "--bind-interfaces",
        "--pid-file=",
        "--server=/local/127.0.0.1#5354",
    ])?;
    host.write(
        "/run/unbound.conf",
        "server:\n interface: 127.0.0.3\n use-syslog: no\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"/run\"\n pidfile: \"\"\n \
         do-not-query-localhost: no\n domain-insecure: \"local\"\n local-zone: \"local.\" nodefault\nremote-control:\n control-enable: no\n\
         stub-zone:\n name: \"local\"\n stub-addr: 127.0.0.1@5354\n",
    )?;
    let unbound = host.spawn(&["unbound", "-d", "-c", "/run/unbound.conf"])?;
    unbound.wait_for("start of service", SOON)?;
    host.bus(BUS)?;
    let _resolved = resolved(host, &systemd, "DNS=127.0.0.1:5354\nDomains=~local\n")?;
    // The last is that of systemd-resolved.
    for server in ["127.0.0.2", "127.0.0.3", "127.0.0.53"] {
        until(server, SOON, || {
            let found = dig(host, server, &["hall.local", "A", "+short"])?;
            Ok(found.lines().any(|line| line == other.v4()))
        })?;
        let found = dig(host, server, &["_http._tcp.local", "PTR", "+short"])?;
        ensure!(found.contains("Hall"), "{server}: {found}");
        let found = dig(
            host,
            server,
            &[r"Hall\032Web._http._tcp.local", "SRV", "+short"],
        )?;
        ensure!(found.contains("80 hall.local"), "{server}: {found}");
        let found = dig(host, server, &["none.local", "A"])?;
        ensure!(found.contains("NXDOMAIN"), "{server}: {found}");
    }
    Ok(())
}

/// A zone for BIND, with a delegation to the proxy.
const ZONE: &str = r#"$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 10.100.0.3
link1 NS ns.link1
ns.link1 A 10.100.0.2
b._dns-sd._udp PTR link1
lb._dns-sd._udp PTR link1
"#;

/// Starts BIND with the zone `example.test`, dynamic if there is a key, and waits until it answers.
fn bind(host: &Host, zone: &str, key: Option<&str>) -> Result<Peer> {
    host.run(&["mkdir", "-p", "/run/named"])?;
    host.write("/run/named/zone", zone)?;
    let update = key.map_or("", |_| "update-policy { grant lab-key zonesub ANY; };");
    let key = key.unwrap_or_default();
    host.write(
        "/run/named.conf",
        &format!(
            "{key}\noptions {{ directory \"/run/named\"; listen-on {{ any; }}; listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; \
             recursion yes; allow-recursion {{ any; }}; allow-query {{ any; }}; dnssec-validation no; }};\n\
             zone \"example.test\" {{ type primary; file \"zone\"; {update} }};\n\
             zone \".\" {{ type primary; file \"root\"; }};\n"
        ),
    )?;
    // A root of its own, so that nothing is asked outside.
    let root = "$TTL 60\n. SOA ns.example.test. a. 1 1 1 1 1\n. NS ns.example.test.\nexample.test. NS ns.example.test.\nns.example.test. A 127.0.0.1\n";
    host.write("/run/named/root", root)?;
    let named = host.spawn(&["named", "-g", "-c", "/run/named.conf"])?;
    named.wait_for(" running$", SOON)?;
    Ok(named)
}

/// The network of the proxy: a printer on the first link, the proxy on both, BIND and a client on the second.
///
/// ```text
/// h1 printer ── br0 ── h2 proxy ── br1 ── h3 BIND, h4 client
/// ```
fn two_links(context: &Context) -> Result<Lab> {
    let lab = Lab::new(context, 4, Families::Both)?;
    lab.host(2).plug(1)?;
    for number in [3, 4] {
        lab.host(number).unplug(0)?;
        lab.host(number).plug(1)?;
    }
    Ok(lab)
}

fn proxy_on(context: &Context, host: &Host) -> Result<Peer> {
    let words = [
        "--zone",
        "link1.example.test",
        "-i",
        "eth0",
        "--listen",
        "10.100.0.2:53",
    ];
    resolver(context, host, &words)
}

/// A printer on one link is found and resolved from the other, through BIND, by systemd-resolved and by Avahi's wide area.
///
/// covers: 8766-5.1-a, 8766-5.6-b
pub(super) fn proxy(context: &Context) -> Result<()> {
    let resolved = unpacked(&["systemd-resolved", "libsystemd-shared"])?;
    let lab = two_links(context)?;
    let (printer, proxy, server, client) = (lab.host(1), lab.host(2), lab.host(3), lab.host(4));
    let service = Service {
        txt: &["rp=print"],
        host: Some("laser"),
        ..Service::new("Laser Printer", "_ipp._tcp", 631)
    };
    let (advertising, _) = Stack::Ours.advertised(context, printer, &service)?;
    let _proxy = proxy_on(context, proxy)?;
    let _named = bind(server, ZONE, None)?;

    let pointer = ["_ipp._tcp.link1.example.test", "PTR", "+short"];
    let found = dig(client, "10.100.0.3", &pointer)?;
    ensure!(
        found.contains(r"Laser\032Printer._ipp._tcp.link1.example.test."),
        "dig: {found}"
    );
    let found = dig(
        client,
        "10.100.0.3",
        &["laser.link1.example.test", "ANY", "+tcp", "+short"],
    )?;
    ensure!(
        found.contains(&printer.v4()) && !found.contains("fe80"),
        "dig: {found}"
    );

    replace(client, "/etc/resolv.conf", "nameserver 10.100.0.3\n")?;
    let found = wide_area(client, "link1.example.test")?;
    ensure!(
        found.contains("Laser") && found.contains(&printer.v4()),
        "avahi-browse: {found}"
    );
    let found = resolve_by_resolved(
        client,
        &resolved,
        "eth1",
        "10.100.0.3",
        &["Laser Printer", "_ipp._tcp", "link1.example.test"],
    )?;
    ensure!(
        found.contains("laser.link1.example.test:631") && found.contains("rp=print"),
        "resolvectl: {found}"
    );

    // Goodbye on the link; the server keeps what it knows for 10 s.
    advertising.signal(nix::sys::signal::Signal::SIGTERM)?;
    ensure!(
        advertising.wait(SOON)?.success(),
        "it could not say goodbye"
    );
    let gone = Instant::now();
    until("the goodbye", Duration::from_secs(20), || {
        Ok(!dig(client, "10.100.0.3", &pointer)?.contains("Laser"))
    })?;
    println!(
        "       proxy through BIND: a goodbye is seen after {:.1?}",
        gone.elapsed()
    );
    ensure!(
        gone.elapsed() < Duration::from_secs(11),
        "it took {:?}",
        gone.elapsed()
    );
    Ok(())
}

/// Browses a domain of DNS by Avahi's wide area, and resolves what is there.
fn wide_area(host: &Host, domain: &str) -> Result<String> {
    let _daemon = host.avahi_wide_area("client")?;
    let words = ["avahi-browse", "-d", domain, "-rtp", "_ipp._tcp"];
    let mut found = String::new();
    until("avahi-browse", SOON, || {
        found = host.run(&words)?.stdout;
        Ok(found.lines().any(|line| line.starts_with('=')))
    })?;
    Ok(found)
}

/// A running systemd-resolved, and how to ask it.
struct Resolved {
    daemon: Peer,
    env: String,
    resolvectl: String,
}

/// Starts systemd-resolved, unpacked below `root`, with this configuration.
fn resolved(host: &Host, root: &Path, conf: &str) -> Result<Resolved> {
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let user = "systemd-resolve:x:998:998::/:/usr/sbin/nologin\n";
    if !passwd.contains("systemd-resolve:") {
        replace(host, "/etc/passwd", &format!("{passwd}{user}"))?;
    }
    host.run(&[
        "mkdir",
        "-p",
        "/run/systemd/resolve",
        "/run/systemd/resolved.conf.d",
    ])?;
    host.run(&["chown", "-R", "998:998", "/run/systemd"])?;
    let conf = format!("[Resolve]\nMulticastDNS=no\nLLMNR=no\nDNSSEC=no\n{conf}");
    host.write("/run/systemd/resolved.conf.d/lab.conf", &conf)?;
    let arch = std::env::consts::ARCH;
    let env = format!(
        "LD_LIBRARY_PATH={}/usr/lib/{arch}-linux-gnu/systemd",
        root.display()
    );
    let daemon = format!("{}/lib/systemd/systemd-resolved", root.display());
    let daemon = host.spawn(&["env", &env, "SYSTEMD_LOG_TARGET=console", &daemon])?;
    let resolvectl = format!("{}/usr/bin/resolvectl", root.display());
    Ok(Resolved {
        daemon,
        env,
        resolvectl,
    })
}

/// Resolves a service by systemd-resolved, which asks this server.
fn resolve_by_resolved(
    host: &Host,
    root: &Path,
    device: &str,
    server: &str,
    service: &[&str],
) -> Result<String> {
    let Resolved {
        daemon,
        env,
        resolvectl,
    } = resolved(host, root, "DNSStubListener=no\n")?;
    // The hosts of a service are asked for on the interface that told of it.
    for words in [["dns", device, server], ["domain", device, "~."]] {
        until("resolvectl", SOON, || {
            let output = host.run(&[&["env", &env, &resolvectl], &words[..]].concat())?;
            Ok(output.status.success())
        })?;
    }
    let mut found = String::new();
    let asked = until("resolvectl service", SOON, || {
        let output = host.run(&[&["env", &env, &resolvectl, "service"], service].concat())?;
        found = output.stdout + &output.stderr;
        Ok(output.status.success())
    });
    daemon.kill();
    asked.with_context(|| found.clone())?;
    Ok(found)
}

/// Sixty printers: more than fits a datagram of 512 or of 1,232 bytes. And a flood, which the link hardly sees.
///
/// covers: SEC-11, SEC-12, SEC-15
pub(super) fn proxy_large(context: &Context) -> Result<()> {
    let lab = two_links(context)?;
    let (printers, proxy, server, client) = (lab.host(1), lab.host(2), lab.host(3), lab.host(4));
    let names: Vec<String> = (0..60)
        .map(|n| format!("Printer {n:02} of the house"))
        .collect();
    let services: Vec<Service<'_>> = names
        .iter()
        .map(|name| Service::new(name, "_ipp._tcp", 631))
        .collect();
    let _advertising = advertise_many(Stack::Ours, context, printers, &services)?;
    let running = proxy_on(context, proxy)?;
    let _named = bind(server, ZONE, None)?;
    let asked = "_ipp._tcp.link1.example.test";
    let count = |text: &str| text.lines().filter(|line| line.contains("Printer")).count();
    until("sixty printers", Duration::from_secs(30), || {
        Ok(count(&dig(
            client,
            "10.100.0.2",
            &[asked, "PTR", "+tcp", "+short"],
        )?) == 60)
    })?;
    for words in [
        &["+noedns", "+ignore"][..],
        &["+bufsize=512", "+ignore"],
        &["+bufsize=4096", "+ignore"],
    ] {
        let said = dig(client, "10.100.0.2", &[&[asked, "PTR"], words].concat())?;
        let flags = said
            .lines()
            .find(|line| line.contains("flags:"))
            .unwrap_or_default();
        ensure!(
            flags.contains(" tc") && count(&said) == 0,
            "{words:?}: {said}"
        );
    }
    // Through BIND, which asks again over TCP, and to the client over UDP and TCP.
    until("sixty printers through BIND", SOON, || {
        Ok(count(&dig(client, "10.100.0.3", &[asked, "PTR", "+short"])?) == 60)
    })?;

    let before = lab.packets()?.len();
    client.write("/run/flood.py", FLOOD)?;
    let flood = client.spawn(&[
        "python3",
        "/run/flood.py",
        "10.100.0.2",
        "link1.example.test",
        "5",
    ])?;
    sleep(Duration::from_secs(2));
    let (_, _, meanwhile) = timed(client, &["true"])?;
    let begun = Instant::now();
    let found = dig(
        client,
        "10.100.0.2",
        &["link1.example.test", "SOA", "+tcp", "+short"],
    )?;
    let time = begun.elapsed();
    ensure!(
        found.contains("hostmaster"),
        "no answer over TCP during the flood: {found}"
    );
    let said = flood.output(SOON)?.stdout;
    sleep(Duration::from_secs(2));
    let on_the_link = lab.packets()?.len() - before;
    let memory = proxy
        .run(&[
            "sh",
            "-c",
            &format!("grep VmHWM /proc/{}/status", running.pid()),
        ])?
        .stdout;
    println!(
        "       flood: {} on the link {on_the_link} packets; TCP in {:.3?}; {}",
        said.trim(),
        time.saturating_sub(meanwhile),
        memory.trim()
    );
    // 50 requests a second of one network, each asked for three times before it is absent.
    ensure!(
        on_the_link < 8 * 50 * 6,
        "{on_the_link} packets on the link"
    );
    let found = dig(client, "10.100.0.2", &[asked, "PTR", "+tcp", "+short"])?;
    ensure!(count(&found) == 60, "after the flood: {found}");
    Ok(())
}

/// Two printers and the domain itself, for browsing.
const PRINTERS: &str = r#"$TTL 5
@ SOA ns hostmaster 1 3600 600 86400 2
@ NS ns
ns A 10.99.0.1
b._dns-sd._udp PTR @
lb._dns-sd._udp PTR @
laser A 10.99.0.1
press CNAME laser
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR Laser\032Printer._ipp._tcp
_ipp._tcp PTR The\.Press._ipp._tcp
Laser\032Printer._ipp._tcp SRV 0 0 631 laser
Laser\032Printer._ipp._tcp TXT "rp=print" "note=\195\164"
The\.Press._ipp._tcp SRV 0 0 632 press
The\.Press._ipp._tcp TXT ""
"#;

/// Browse, resolve, look-up and domains against BIND; Avahi's wide area and systemd-resolved see the same; the server is restarted under an
/// open browse.
///
/// covers: 6763-10-a, 6763-11-a, 6763-11-e
pub(super) fn unicast(context: &Context) -> Result<()> {
    let resolved = unpacked(&["systemd-resolved", "libsystemd-shared"])?;
    let lab = Lab::new(context, 3, Families::Both)?;
    let (server, client, cache) = (lab.host(1), lab.host(2), lab.host(3));
    let named = bind(server, PRINTERS, None)?;
    // In between a cache, as networks have.
    cache.write(
        "/run/unbound.conf",
        "server:\n interface: 10.99.0.3\n access-control: 0.0.0.0/0 allow\n use-syslog: no\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"/run\"\n pidfile: \"\"\n \
         local-zone: \"test.\" nodefault\n domain-insecure: \"test\"\nremote-control:\n control-enable: no\nstub-zone:\n name: \"example.test\"\n stub-addr: 10.99.0.1\n",
    )?;
    let unbound = cache.spawn(&["unbound", "-d", "-c", "/run/unbound.conf"])?;
    unbound.wait_for("start of service", SOON)?;
    replace(
        client,
        "/etc/resolv.conf",
        "search example.test\nnameserver 10.99.0.3\n",
    )?;

    let run = |words: &[&str]| -> Result<String> {
        let output = mdns(context, client, words)?.output(SOON)?;
        ensure!(
            output.status.success(),
            "{words:?}: {}{}",
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    };
    let found = run(&["domains"])?;
    for kind in ["browse", "automatic"] {
        let wanted = format!(r#""kind":"{kind}","domain":"example.test""#);
        ensure!(found.contains(&wanted), "no {wanted} in {found}");
    }
    let found = run(&["browse", "-d", "example.test", "--once"])?;
    ensure!(
        found.contains(r#""event":"type""#) && found.contains("_ipp._tcp"),
        "types: {found}"
    );
    let found = run(&[
        "browse",
        "-d",
        "example.test",
        "_ipp._tcp",
        "--resolve",
        "--once",
    ])?;
    for wanted in [
        r#""instance":"Laser Printer""#,
        r#""domain":"example.test""#,
        r#""host":"laser.example.test""#,
        r#""rp":"print""#,
        r#""note":"ä""#,
        r#""instance":"The.Press""#,
        r#""canonical_name":"laser.example.test""#,
        r#""socket":"10.99.0.1:632""#,
    ] {
        ensure!(found.contains(wanted), "no {wanted} in {found}");
    }
    let found = run(&["resolve", "The.Press._ipp._tcp.example.test"])?;
    ensure!(found.contains(r#""port":632"#), "resolve: {found}");
    let found = run(&["lookup", "press.example.test"])?;
    ensure!(
        found.contains("10.99.0.1") && found.contains("laser.example.test"),
        "lookup: {found}"
    );

    let theirs = wide_area(client, "example.test")?;
    ensure!(
        theirs.contains("Laser") && theirs.contains("Press"),
        "avahi-browse: {theirs}"
    );
    let domains = client.run(&["avahi-browse", "-D", "-t", "-p"])?.stdout;
    ensure!(
        domains.contains("example.test"),
        "avahi-browse -D: {domains}"
    );
    let service = ["Laser Printer", "_ipp._tcp", "example.test"];
    let theirs = resolve_by_resolved(client, &resolved, "eth0", "10.99.0.3", &service)?;
    ensure!(
        theirs.contains("laser.example.test:631"),
        "resolvectl: {theirs}"
    );

    // Restarted with other printers, under an open browse.
    let watching = mdns(
        context,
        client,
        &[
            "browse",
            "-d",
            "example.test",
            "_ipp._tcp",
            "--server",
            "10.99.0.1",
        ],
    )?;
    watching.wait_for(r#""found".*Laser"#, SOON)?;
    named.kill();
    watching.wait_for("no DNS server answers", Duration::from_secs(40))?;
    let changed = PRINTERS.replace(
        "_ipp._tcp PTR Laser",
        "_ipp._tcp PTR Third._ipp._tcp\n_http._tcp PTR Laser",
    );
    let _named = bind(server, &changed, None)?;
    watching.wait_for(r#""found".*Third"#, Duration::from_secs(90))?;
    watching.wait_for(r#""gone".*Laser"#, SOON)?;
    Ok(())
}

/// Services published by DNS Update: two who want one name get two, Avahi finds them, a server that lost them gets them back, and in the end
/// they are removed. A key that the server does not know is refused in words.
///
/// covers: 6763-10-a
pub(super) fn publish(context: &Context) -> Result<()> {
    const EMPTY: &str = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 2\n@ NS ns\nns A 10.99.0.1\nlaser A 10.99.0.2\n";
    let lab = Lab::new(context, 4, Families::Both)?;
    let (server, client) = (lab.host(1), lab.host(4));
    let key = server
        .run(&["tsig-keygen", "-a", "hmac-sha256", "lab-key"])?
        .stdout;
    let named = bind(server, EMPTY, Some(&key))?;
    let publish = |number: usize, words: &[&str]| -> Result<Peer> {
        let host = lab.host(number);
        host.write("/run/key", &key)?;
        let all = [
            "publish",
            "Front Desk",
            "_ipp._tcp",
            "631",
            "-d",
            "example.test",
            "--server",
            "10.99.0.1",
            "--key",
            "/run/key",
            "--ttl",
            "10",
        ];
        mdns(context, host, &[&all, words].concat())
    };
    let first = publish(
        2,
        &[
            "--host",
            "laser",
            "--txt",
            "rp=print",
            "--subtype",
            "_universal",
        ],
    )?;
    first.wait_for(r#""registered""#, SOON)?;
    let second = publish(
        3,
        &[
            "--host",
            "press",
            "--address",
            "10.99.0.3",
            "--address",
            "fd00::3",
        ],
    )?;
    second.wait_for(r#""registered".*Front Desk \(2\)"#, SOON)?;

    replace(client, "/etc/resolv.conf", "nameserver 10.99.0.1\n")?;
    let theirs = wide_area(client, "example.test")?;
    let named_two =
        theirs.contains("10.99.0.2") && theirs.contains("10.99.0.3") && theirs.contains("rp=print");
    ensure!(named_two, "avahi-browse: {theirs}");
    let query = |name: &str, rtype: &str| {
        dig(
            client,
            "10.99.0.1",
            &[&format!("{name}.example.test"), rtype, "+short"],
        )
    };
    ensure!(
        query("_universal._sub._ipp._tcp", "PTR")?.contains("Front"),
        "the subtype"
    );
    ensure!(
        query("_services._dns-sd._udp", "PTR")?.contains("_ipp._tcp"),
        "the type"
    );
    ensure!(query("press", "AAAA")?.contains("fd00::3"), "the address");

    // The server comes back with nothing.
    named.kill();
    server.run(&["sh", "-c", "rm -f /run/named/*.jnl"])?;
    let _named = bind(server, EMPTY, Some(&key))?;
    until("the services are back", Duration::from_secs(60), || {
        Ok(query("_ipp._tcp", "PTR")?.lines().count() == 2)
    })?;

    // Killed without a goodbye, it takes its own name again.
    first.kill();
    let first = publish(2, &["--host", "laser"])?;
    let line = first.wait_for(r#""registered""#, SOON)?;
    ensure!(
        !line.text.contains("(2)"),
        "renamed from itself: {}",
        line.text
    );

    for (peer, left) in [(&first, 1), (&second, 0)] {
        peer.signal(nix::sys::signal::Signal::SIGTERM)?;
        ensure!(peer.wait(SOON)?.success(), "it ended badly");
        peer.wait_for(r#""withdrawn""#, SOON)?;
        ensure!(
            query("_ipp._tcp", "PTR")?.lines().count() == left,
            "after {left}"
        );
    }
    for (name, rtype) in [
        ("_services._dns-sd._udp", "PTR"),
        ("press", "A"),
        (r"Front\032Desk._ipp._tcp", "ANY"),
        (r"Front\032Desk\032\(2\)._ipp._tcp", "ANY"),
    ] {
        let left = query(name, rtype)?;
        ensure!(left.is_empty(), "{name} is there still: {left}");
    }

    for (key, words) in [
        (key.replace("lab-key", "other"), "does not know the key"),
        (
            key.replace("secret \"", "secret \"AAAA"),
            "finds the signature wrong",
        ),
    ] {
        client.write("/run/key", &key)?;
        let words_ = [
            "publish",
            "X",
            "_ipp._tcp",
            "631",
            "-d",
            "example.test",
            "--server",
            "10.99.0.1",
            "--key",
            "/run/key",
            "--host",
            "laser",
        ];
        let output = mdns(context, client, &words_)?.output(SOON)?;
        ensure!(
            output.status.code() == Some(3) && output.stderr.contains(words),
            "{:?}: {}",
            output.status,
            output.stderr
        );
    }
    Ok(())
}
