//! Who reads what commands print: someone who has stopped reading, someone who has gone, a terminal that is stopped or has hung up.
//! None of them keeps a command from ending, and `| head -1` ends with the first line.

#![cfg(target_os = "linux")]

mod sender;

use std::{
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use mdns_proto::{
    name::Name,
    wire::{Class, Flags, Header, Rdata, Record, Section, Srv, Ttl, TxtVec},
};
use mdns_sim::message;
use rustix::{
    fs::{Mode, OFlags},
    pipe::PipeFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use sender::{Sender, name};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time enough to fill a pipe, and much more than a terminal needs.
const FILLING: Duration = Duration::from_secs(4);

/// Instances in a packet, and packets of a crowd: more than a pipe has room for, and little enough for a dozen programs at once.
const INSTANCES: usize = 10;
const PACKETS: usize = 100;

/// Many programs run in each test: one after the other.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Instances and types on loopback that nobody has heard of before, again and again until this is dropped.
fn crowd(kind: &str) -> Sender {
    let (kind, mut numbers) = (kind.to_owned(), (0..PACKETS).cycle());
    Sender::start(move || newcomers(&kind, numbers.next().unwrap_or(0)))
}

fn newcomers(kind: &str, number: usize) -> Vec<u8> {
    let types = name([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]);
    let owner = name([kind.as_bytes(), b"_udp", b"local"]);
    let host = name([&b"crowd"[..], b"local"]);
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    message(header, |writer| {
        let mut put = |name: Name<'_>, rdata: Rdata<'_>| {
            let record = Record {
                name,
                class: Class::IN,
                cache_flush: false,
                ttl: Ttl(120),
                rdata,
            };
            writer.record(Section::Answer, &record).expect("room");
        };
        put(host.as_name(), Rdata::A([127, 0, 0, 7].into()));
        for n in 0..INSTANCES {
            let label = format!("{}{number}-{n}", "x".repeat(40));
            let instance = name([label.as_bytes(), kind.as_bytes(), b"_udp", b"local"]);
            let new_type = format!("_t{number}-{n}");
            let new_type = name([new_type.as_bytes(), b"_udp", b"local"]);
            let srv = Srv {
                priority: 0,
                weight: 0,
                port: 9,
                target: host.as_name(),
            };
            let its_own = name(
                instance
                    .as_name()
                    .labels()
                    .take(1)
                    .chain(new_type.as_name().labels()),
            );
            put(types.as_name(), Rdata::Ptr(new_type.as_name()));
            put(new_type.as_name(), Rdata::Ptr(its_own.as_name()));
            put(owner.as_name(), Rdata::Ptr(instance.as_name()));
            put(instance.as_name(), Rdata::Srv(srv));
            put(instance.as_name(), Rdata::Txt(TxtVec::new().as_txt()));
        }
    })
}

/// A program that runs; it ends with the test.
struct Running {
    child: Child,
    what: String,
}

impl Running {
    fn start(words: &[&str], stdout: impl Into<Stdio>) -> Self {
        // The tests themselves may run under nohup, and what is ignored is inherited.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP,INT,QUIT");
        command.arg(env!("CARGO_BIN_EXE_mdns"));
        command.args(words).args(["--interface", "lo*"]);
        command.env("TERM", "xterm").stdin(Stdio::null());
        let command = command.stdout(stdout).stderr(Stdio::null());
        Running {
            child: command.spawn().expect("the program"),
            what: words.join(" "),
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill").success(), "{}", self.what);
    }

    /// How it ends, which it must.
    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{} does not end", self.what);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// No other program has an end of it.
fn pipe() -> (OwnedFd, OwnedFd) {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC).expect("a pipe")
}

/// Both ends of a terminal: whoever types and looks at it, and the one of programs.
fn terminal() -> (OwnedFd, OwnedFd) {
    let ours =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    rustix::fs::fcntl_setfl(&ours, OFlags::NONBLOCK).expect("a mode");
    grantpt(&ours).expect("rights");
    unlockpt(&ours).expect("a lock");
    let path = ptsname(&ours, Vec::new()).expect("a name");
    let path = Path::new(std::ffi::OsStr::from_bytes(path.to_bytes()));
    let theirs = rustix::fs::open(
        path,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    (ours, theirs.expect("the other end"))
}

/// All commands that go on and on, with something to say of a crowd.
fn talkative(service_type: &str) -> Vec<Vec<&str>> {
    [
        &["browse", service_type][..],
        &["browse", service_type, "--json"],
        &["browse", service_type, "--resolve"],
        &["browse", service_type, "--resolve", "--json"],
        &["browse"],
        &["browse", "--json"],
        &["query", service_type, "PTR", "--all", "--timeout", "1000"],
        &[
            "query",
            service_type,
            "any",
            "--all",
            "--json",
            "--timeout",
            "1000",
        ],
        &["monitor"],
        &["monitor", "--json"],
    ]
    .map(<[&str]>::to_vec)
    .to_vec()
}

fn unique(letter: char) -> (String, String) {
    let kind = format!("_{letter}{}", std::process::id() % 100_000);
    let service_type = format!("{kind}._udp");
    (kind, service_type)
}

/// It has ended by itself, with what its documentation says of output that nobody reads.
fn assert_gives_up(running: &mut Running, why: &str) {
    let status = running.end();
    assert!(
        // 1: on a busy machine nothing may have been found by then.
        matches!(status.code(), Some(0 | 1 | 3)),
        "{}, {why}: {status}, {:?}",
        running.what,
        status.signal()
    );
}

#[test]
fn a_stalled_pipe_keeps_no_command() {
    let _turn = turn();
    let (kind, service_type) = unique('p');
    let _crowd = crowd(&kind);
    let mut all: Vec<(Running, OwnedFd)> = Vec::new();
    for words in talkative(&service_type) {
        let (reader, writer) = pipe();
        all.push((Running::start(&words, writer), reader));
        // Its time is up, and nobody reads that.
        if words[0] != "query" {
            let (reader, writer) = pipe();
            let words = [&words[..], &["--timeout", "1"]].concat();
            all.push((Running::start(&words, writer), reader));
        }
    }
    thread::sleep(FILLING);
    for (at, (running, _)) in all.iter_mut().enumerate() {
        if !running.what.ends_with("--timeout 1") {
            running.signal(["TERM", "INT", "QUIT", "HUP"][at % 4]);
        }
    }
    for (running, _reader) in &mut all {
        assert_gives_up(running, "a stalled pipe");
    }
}

#[test]
fn a_stopped_terminal_keeps_no_command() {
    let _turn = turn();
    let (kind, service_type) = unique('s');
    let _crowd = crowd(&kind);
    let mut all: Vec<(Running, OwnedFd)> = Vec::new();
    for words in talkative(&service_type) {
        let (ours, theirs) = terminal();
        all.push((Running::start(&words, theirs), ours));
    }
    thread::sleep(FILLING);
    for (at, (running, _)) in all.iter().enumerate() {
        running.signal(["TERM", "INT", "QUIT", "HUP"][at % 4]);
    }
    for (running, _ours) in &mut all {
        assert_gives_up(running, "a stopped terminal");
    }
}

/// A terminal that hangs up, with something to write and without.
#[test]
fn a_terminal_that_has_hung_up_ends_every_command() {
    let _turn = turn();
    let (kind, service_type) = unique('h');
    let crowd = crowd(&kind);
    let quiet = [
        vec!["browse", "_nobody-has._udp"],
        vec!["lookup", "nobody-has-this", "--timeout", "1000"],
        vec!["advertise", "--host", "nobody-looks"],
    ];
    let mut all: Vec<(Running, OwnedFd)> = Vec::new();
    for words in talkative(&service_type).into_iter().chain(quiet) {
        let (ours, theirs) = terminal();
        all.push((Running::start(&words, theirs), ours));
    }
    let started = Instant::now();
    let mut screen = [0; 4096];
    while started.elapsed() < FILLING {
        for (at, (_, ours)) in all.iter().enumerate() {
            // Every other one is stopped, so that its program waits for it when it hangs up.
            while at % 2 == 0 && rustix::io::read(ours, &mut screen).is_ok() {}
        }
        thread::sleep(Duration::from_millis(20));
    }
    drop(crowd);
    let (mut all, terminals): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    drop(terminals);
    for running in &mut all {
        assert_gives_up(running, "a terminal that has hung up");
    }
}

#[test]
fn the_first_line_ends_what_is_read_by_head() {
    let _turn = turn();
    let (kind, service_type) = unique('f');
    let _crowd = crowd(&kind);
    for words in talkative(&service_type) {
        let started = Instant::now();
        let output = Command::new("sh")
            .args(["-c", "\"$@\" | head -n 1", "sh", env!("CARGO_BIN_EXE_mdns")])
            .args(&words)
            .args(["--interface", "lo*"])
            .output()
            .expect("sh");
        assert!(started.elapsed() < PATIENCE, "{words:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.lines().count(), 1, "{words:?}: {text}");
    }
}
