//! Hosts, cables and a switch, made of namespaces.
//!
//! A namespace is held by a sleeping process in it, its *anchor*. Others enter through the anchor's pid. All are started so
//! that the kernel kills them with us (`setpriv --pdeathsig`); the last to go takes the namespace and its files along.

use std::{
    fs,
    io::Write as _,
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Context,
    capture::{self, Datagram},
    peer::{Output, Peer},
};

/// Long enough for any command that ends by itself.
const COMMAND: Duration = Duration::from_secs(20);

/// What a host is set up with: an own /run and /etc/avahi that vanish with it, its own view of devices and its own name.
/// Addresses are usable at once: nobody else here could have them, so the kernel does not look for duplicates.
const HOST_SETUP: &str = r#"set -e
echo "$1" > /proc/sys/kernel/hostname
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon /run/lock
mount -t tmpfs tmpfs /etc/avahi
mkdir /etc/avahi/services
umount -l /sys
mount -t sysfs sysfs /sys
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/default/router_solicitations
ip link set lo up
echo ready
exec sleep infinity"#;

/// The switch is silent itself, and shows every port every multicast frame, as a plain switch does.
const BRIDGE_SETUP: &str = r#"set -e
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
for bridge in br0 br1; do
    ip link add $bridge type bridge forward_delay 0 stp_state 0 mcast_snooping 0
    ip link set $bridge up
done
echo ready
exec sleep infinity"#;

/// Which addresses the hosts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    Both,
}

impl Families {
    pub(crate) fn has_v4(self) -> bool {
        self != Families::V6
    }

    pub(crate) fn has_v6(self) -> bool {
        self != Families::V4
    }
}

/// A network and all that runs on it, until dropped.
pub(crate) struct Lab {
    bridge: Namespace,
    hosts: Vec<Host>,
    families: Families,
    all: Arc<Programs>,
    record: PathBuf,
    keep: bool,
}

/// Every program of a lab, in the order of starting.
#[derive(Default)]
struct Programs(Mutex<Vec<Peer>>);

impl Programs {
    fn add(&self, peer: &Peer) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(peer.clone());
    }

    fn list(&self) -> Vec<Peer> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The namespaces of one host, or of the switch.
#[derive(Clone)]
struct Namespace {
    name: String,
    /// Of the anchor.
    pid: String,
    all: Arc<Programs>,
}

/// A host `hK` with interface `eth0`.
pub(crate) struct Host {
    namespace: Namespace,
    bridge: Namespace,
    /// K: the last part of its addresses.
    number: usize,
    families: Families,
}

impl Lab {
    /// A switch with the hosts `h1` to `h<hosts>` on it, recorded from the start.
    pub(crate) fn new(context: &Context, hosts: usize, families: Families) -> Result<Self> {
        let all = Arc::default();
        let bridge = Namespace::new("bridge", BRIDGE_SETUP, &all)?;
        let record = context.record.clone();
        let mut lab = Lab {
            bridge,
            hosts: Vec::new(),
            families,
            all,
            record,
            keep: context.keep,
        };
        let pcap = lab.pcap();
        let pcap = pcap
            .to_str()
            .context("the path of the capture is not UTF-8")?;
        let tcpdump = [
            "tcpdump",
            "-i",
            "br0",
            "--immediate-mode",
            "-U",
            "-n",
            "-Z",
            "root",
            "-w",
            pcap,
        ];
        lab.bridge
            .spawn(&tcpdump)?
            .wait_for("listening on", COMMAND)?;
        for number in 1..=hosts {
            lab.add_host(number)?;
        }
        Ok(lab)
    }

    fn add_host(&mut self, number: usize) -> Result<()> {
        let namespace = Namespace::new(&format!("h{number}"), HOST_SETUP, &self.all)?;
        let host = Host {
            namespace,
            bridge: self.bridge.clone(),
            number,
            families: self.families,
        };
        host.plug(0)?;
        self.hosts.push(host);
        Ok(())
    }

    /// Host `hK`, counted from 1.
    ///
    /// # Panics
    ///
    /// When the scenario did not ask for so many.
    pub(crate) fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    /// Every mDNS datagram and group membership report that crossed the first switch so far.
    pub(crate) fn packets(&self) -> Result<Vec<Datagram>> {
        // What has just been sent is still on its way through tcpdump.
        sleep(Duration::from_millis(300));
        capture::read(&self.pcap())
    }

    /// Opens a port of the first switch to a program that makes its own frames, by this name.
    pub(crate) fn open_port(&self, port: &str) -> Result<()> {
        self.bridge
            .must(&format!("ip tuntap add {port} mode tap"))?;
        self.bridge
            .must(&format!("ip link set {port} master br0 up"))
            .map(drop)
    }

    /// Starts a program on the switch itself, where its ports are.
    pub(crate) fn spawn_on_switch(&self, command: &[&str]) -> Result<Peer> {
        self.bridge.spawn(command)
    }

    fn pcap(&self) -> PathBuf {
        self.record.with_extension("pcap")
    }

    /// What everybody said, in the order of time.
    fn write_log(&self) -> Result<()> {
        let mut said: Vec<_> = Vec::new();
        for peer in self.all.list() {
            said.push((peer.started(), format!("{} starts", peer.title())));
            said.extend(
                peer.lines()
                    .into_iter()
                    .map(|line| (line.at, format!("{}: {}", peer.title(), line.text))),
            );
        }
        said.sort_by_key(|(at, _)| *at);
        let mut file = fs::File::create(self.record.with_extension("log"))?;
        for (at, text) in said {
            writeln!(file, "{} {text}", clock(at))?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.keep {
            for host in &self.hosts {
                println!(
                    "{}: {}",
                    host.namespace.name,
                    host.namespace.enter().join(" ")
                );
            }
            println!("press Enter to take the network down");
            std::io::stdin().read_line(&mut String::new()).ok();
        }
        if let Err(e) = self.write_log() {
            eprintln!("cannot write the log: {e:#}");
        }
        let namespaces = self
            .hosts
            .iter()
            .map(|host| &host.namespace)
            .chain([&self.bridge]);
        namespaces.for_each(Namespace::kill_all);
        self.all.list().iter().rev().for_each(Peer::kill);
    }
}

/// Seconds of the day in UTC, as tcpdump shows them.
fn clock(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let s = since.as_secs();
    format!(
        "{:02}:{:02}:{:02}.{:06}",
        s / 3600 % 24,
        s / 60 % 60,
        s % 60,
        since.subsec_micros()
    )
}

impl Namespace {
    fn new(name: &str, setup: &str, all: &Arc<Programs>) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--net",
            "--mount",
            "--uts",
            "sh",
            "-c",
            setup,
            "sh",
            name,
        ]);
        let anchor = Peer::start(format!("{name} anchor"), command)?;
        all.add(&anchor);
        anchor.wait_for("^ready$", COMMAND)?;
        let pid = anchor.pid().to_string();
        Ok(Namespace {
            name: name.to_owned(),
            pid,
            all: all.clone(),
        })
    }

    /// The words before a command that is to run in here.
    fn enter(&self) -> Vec<&str> {
        vec![
            "nsenter", "--target", &self.pid, "--net", "--mount", "--uts",
        ]
    }

    fn spawn(&self, command: &[&str]) -> Result<Peer> {
        let program = Path::new(command[0])
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let mut words = Command::new("setpriv");
        words
            .args(["--pdeathsig", "KILL"])
            .args(self.enter())
            .args(command);
        words.env("LC_ALL", "C.UTF-8").env(
            "DBUS_SYSTEM_BUS_ADDRESS",
            "unix:path=/run/dbus/system_bus_socket",
        );
        let peer = Peer::start(format!("{} {program}", self.name), words)?;
        self.all.add(&peer);
        Ok(peer)
    }

    fn run(&self, command: &[&str]) -> Result<Output> {
        self.spawn(command)?.output(COMMAND)
    }

    /// Runs it and fails if it does.
    fn must(&self, line: &str) -> Result<String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let output = self.run(&words)?;
        ensure!(
            output.status.success(),
            "{}: `{line}` failed: {}",
            self.name,
            output.stderr.trim()
        );
        Ok(output.stdout)
    }

    /// Sets what `/proc/sys` has under this key.
    fn set(&self, key: &str, value: usize) -> Result<()> {
        let line = format!("echo {value} > /proc/sys/{key}");
        let output = self.run(&["sh", "-c", &line])?;
        ensure!(
            output.status.success(),
            "{}: `{line}` failed: {}",
            self.name,
            output.stderr.trim()
        );
        Ok(())
    }

    /// Ends everything in this network namespace, by pid: also what our programs started in turn.
    fn kill_all(&self) {
        let inode = |pid: &str| {
            fs::metadata(format!("/proc/{pid}/ns/net"))
                .map(|meta| meta.ino())
                .ok()
        };
        let ours = inode(&self.pid);
        if ours.is_none() || ours == inode("self") {
            return;
        }
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in pids.filter(|pid: &i32| *pid > 0 && inode(&pid.to_string()) == ours) {
            // It may end by itself at this moment.
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.namespace.name
    }

    pub(crate) fn families(&self) -> Families {
        self.families
    }

    /// Its address on `eth0`, whether or not it has one.
    pub(crate) fn v4(&self) -> String {
        format!("10.99.0.{}", self.number)
    }

    /// Its link-local address on `eth0`.
    pub(crate) fn v6(&self) -> String {
        format!("fe80::aff:fe63:{:x}", self.number)
    }

    /// The addresses it has, as others should learn them.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let v4 = self.families.has_v4().then(|| self.v4());
        let v6 = self.families.has_v6().then(|| self.v6());
        v4.into_iter().chain(v6).collect()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &[&str]) -> Result<Output> {
        self.namespace.run(command)
    }

    /// Starts a program.
    pub(crate) fn spawn(&self, command: &[&str]) -> Result<Peer> {
        self.namespace.spawn(command)
    }

    /// Writes a file as this host sees it; only below `/run` and `/etc/avahi`, which are its own.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        ensure!(
            path.starts_with("/run/") || path.starts_with("/etc/avahi/"),
            "{path} belongs to the machine"
        );
        let outside = format!("/proc/{}/root{path}", self.namespace.pid);
        fs::write(&outside, text).with_context(|| format!("cannot write {path} of {}", self.name()))
    }

    /// Adds interface `eth<index>`, on the switch `br<index>` (0 or 1), with 10.(99 + index).0.K/24.
    pub(crate) fn plug(&self, index: usize) -> Result<()> {
        self.plug_into(index, index)
    }

    /// The same on the switch `br<bridge>`.
    pub(crate) fn plug_into(&self, index: usize, bridge: usize) -> Result<()> {
        let (pid, k, net) = (&self.namespace.pid, self.number, 99 + index);
        let (device, port) = (format!("eth{index}"), self.port(index));
        let mac = format!("02:00:0a:{net:02x}:00:{k:02x}");
        self.bridge.must(&format!(
            "ip link add name {port} type veth peer name {device} address {mac} netns {pid}"
        ))?;
        self.bridge
            .must(&format!("ip link set {port} master br{bridge} up"))?;
        if !self.families.has_v6() {
            self.namespace
                .set(&format!("net/ipv6/conf/{device}/disable_ipv6"), 1)?;
        }
        if self.families.has_v4() {
            self.namespace
                .must(&format!("ip addr add 10.{net}.0.{k}/24 brd + dev {device}"))?;
        }
        self.link(index, Link::Up)?;
        Ok(())
    }

    /// Moves the cable of an interface to the switch `br<bridge>`. The host does not notice.
    pub(crate) fn move_to(&self, index: usize, bridge: usize) -> Result<()> {
        let port = self.port(index);
        self.bridge
            .must(&format!("ip link set {port} master br{bridge}"))
            .map(drop)
    }

    /// Takes the interface away, as if it had never been there.
    pub(crate) fn unplug(&self, index: usize) -> Result<()> {
        self.namespace
            .must(&format!("ip link del eth{index}"))
            .map(drop)
    }

    /// Lays cables to another host without a switch between: `eth<index>` of both, with addresses as [`plug`](Self::plug)
    /// gives.
    pub(crate) fn wire(&self, other: &Host, indices: Range<usize>) -> Result<()> {
        let mut commands = String::new();
        for index in indices.clone() {
            let pid = &other.namespace.pid;
            commands +=
                &format!("link add eth{index} type veth peer name eth{index} netns {pid}\n");
        }
        self.batch(&commands)?;
        for host in [self, other] {
            let up = |index| {
                let (net, k) = (99 + index, host.number);
                format!("addr add 10.{net}.0.{k}/24 brd + dev eth{index}\nlink set eth{index} up\n")
            };
            host.batch(&indices.clone().map(up).collect::<String>())?;
        }
        Ok(())
    }

    /// Many commands of `ip`, a line each.
    fn batch(&self, commands: &str) -> Result<()> {
        self.write("/run/batch", commands)?;
        self.namespace.must("ip -batch /run/batch").map(drop)
    }

    /// Lets IPv4 sockets join groups on this many interfaces.
    pub(crate) fn allow_joins(&self, count: usize) -> Result<()> {
        self.namespace.set("net/ipv4/igmp_max_memberships", count)
    }

    /// Adds a route by `eth0`.
    pub(crate) fn add_route(&self, network: &str) -> Result<()> {
        self.namespace
            .must(&format!("ip route add {network} dev eth0"))
            .map(drop)
    }

    fn port(&self, index: usize) -> String {
        format!("h{}-{index}", self.number)
    }

    /// Switches the interface on or off, as an administrator would.
    pub(crate) fn link(&self, index: usize, link: Link) -> Result<()> {
        self.namespace
            .must(&format!("ip link set eth{index} {}", link.word()))?;
        if link == Link::Up && index == 0 && self.families.has_v4() {
            self.namespace
                .must("ip route replace 224.0.0.0/4 dev eth0")?;
        }
        Ok(())
    }

    /// Plugs the cable in or pulls it out: the host sees its carrier come or go.
    pub(crate) fn carrier(&self, index: usize, link: Link) -> Result<()> {
        self.bridge
            .must(&format!("ip link set {} {}", self.port(index), link.word()))
            .map(drop)
    }

    /// Adds an address with its prefix length to `eth0`.
    pub(crate) fn add_address(&self, address: &str) -> Result<()> {
        self.namespace
            .must(&format!("ip addr add {address} dev eth0"))
            .map(drop)
    }

    /// Takes it away.
    pub(crate) fn remove_address(&self, address: &str) -> Result<()> {
        self.namespace
            .must(&format!("ip addr del {address} dev eth0"))
            .map(drop)
    }
}

/// The state of an interface or a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    Down,
}

impl Link {
    fn word(self) -> &'static str {
        match self {
            Link::Up => "up",
            Link::Down => "down",
        }
    }
}
