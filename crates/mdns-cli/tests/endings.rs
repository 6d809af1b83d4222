//! How commands end: by signals, by time, when nobody reads what they print, when the file they were given is wrong, and when the
//! system has nothing left to give.

#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Read as _},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const ON_LOOPBACK: [&str; 2] = ["--interface", "lo*"];

/// A command that runs; it ends with the test.
struct Running {
    child: Child,
    told: Option<Lines<BufReader<ChildStdout>>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        // The tests themselves may run under nohup, and what is ignored is inherited.
        let mut child = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT")
            .arg(env!("CARGO_BIN_EXE_mdns"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let told = child.stdout.take().expect("its output");
        let errors = child.stderr.take().expect("its errors");
        Running {
            child,
            told: Some(BufReader::new(told).lines()),
            errors: BufReader::new(errors).lines(),
        }
    }

    fn advertise(words: &[&str]) -> Self {
        let all = [&["advertise"], words, &ON_LOOPBACK, &["--json"]].concat();
        Running::start(&all)
    }

    /// What it says next.
    fn next(&mut self) -> Value {
        let told = self.told.as_mut().expect("its output");
        let line = told.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Until so many services are registered.
    fn until_registered(&mut self, mut count: usize) {
        while count > 0 {
            count -= usize::from(self.next()["event"] == "registered");
        }
    }

    fn next_error(&mut self) -> String {
        self.errors.next().expect("a line").expect("UTF-8")
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill").success());
    }

    /// Its exit code, which must come.
    fn end(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
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

/// A name that no other test has at the same time.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A file with one service a line.
fn services(path: &Path, services: &[Value]) {
    let lines: String = services.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, lines).expect("a file");
}

#[test]
fn every_signal_that_ends_it_says_goodbye() {
    for signal in ["INT", "TERM", "QUIT", "HUP"] {
        let name = unique(signal);
        let mut running = Running::advertise(&[&name, "_mdns-end._udp", "9"]);
        running.until_registered(1);
        running.signal(signal);
        assert_eq!(running.next()["event"], "withdrawn", "{signal}");
        assert_eq!(running.end(), Some(0), "{signal}");
    }
}

/// `nohup` has it go on without the terminal, and a shell without job control keeps what runs in the background from the keys that end
/// what runs before it. SIGTERM ends it all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    let program = env!("CARGO_BIN_EXE_mdns");
    let kinds: [&[&str]; 4] = [
        &["browse", "_mdns-end._udp"],
        &["monitor"],
        &["query", "nobody", "any", "--all", "--timeout", "100"],
        &["advertise", "--host", "ignores"],
    ];
    let mut all = Vec::new();
    for words in kinds {
        let script = "trap '' HUP INT QUIT; \"$@\" >/dev/null 2>&1 & sleep 2; for signal in HUP INT QUIT; do kill -$signal $!; sleep 0.3; done; \
                      kill -0 $! && echo lives; kill -TERM $!; wait $!; echo $?";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", program]).args(words);
        let command = command.args(ON_LOOPBACK).stdout(Stdio::piped());
        all.push((words, command.spawn().expect("sh")));
    }
    // The shell has SIGINT and SIGQUIT ignored of itself.
    let script = "\"$@\" >/dev/null 2>&1 & sleep 2; kill -INT $!; kill -QUIT $!; sleep 0.3; kill -0 $! && echo lives; kill -TERM $!; wait $!; echo $?";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", program]).args(kinds[3]);
    let command = command.args(ON_LOOPBACK).stdout(Stdio::piped());
    all.push((kinds[3], command.spawn().expect("sh")));
    for (words, shell) in all {
        let output = shell.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stdout);
        let code = u8::from(words[0] != "advertise");
        // Something may be heard on loopback.
        let is_right =
            said == format!("lives\n{code}\n") || words[0] == "monitor" && said == "lives\n0\n";
        assert!(is_right, "{words:?}: {said}");
    }
}

/// Every command that goes on ends at every signal that ends programs, and none is killed by it.
#[test]
fn every_signal_ends_every_command() {
    let kinds: [&[&str]; 8] = [
        &["browse", "_mdns-end._udp"],
        &["browse"],
        &["monitor"],
        &["resolve", "Nobody", "_mdns-end._udp", "--timeout", "100"],
        &["lookup", "nobody", "--timeout", "100"],
        &["reverse", "169.254.7.7", "--timeout", "100"],
        &["query", "nobody", "any", "--all", "--timeout", "100"],
        &["demo", "--timeout", "100"],
    ];
    let mut all = Vec::new();
    for words in kinds {
        for signal in ["INT", "TERM", "QUIT", "HUP"] {
            let words = [words, &["--json", "--verbose"], &ON_LOOPBACK].concat();
            let mut running = Running::start(&words);
            assert_eq!(running.next()["event"], "joined", "{words:?}");
            // Nobody ends at this one: it says that a pipe was written which nobody reads, and writes say so themselves.
            running.signal("PIPE");
            running.signal(signal);
            all.push((words, signal, running));
        }
    }
    for (words, signal, mut running) in all {
        let code = running.end();
        assert!(matches!(code, Some(0 | 1)), "{words:?}, {signal}: {code:?}");
    }
}

/// What is different is changed, what is new added, what is missing withdrawn; what is the same is not touched; and a file that is
/// wrong changes nothing.
#[test]
fn a_file_of_services_is_read_again_at_sighup() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("services");
    let kind = "_mdns-again._udp";
    let service =
        |name: &str, port: u16| json!({"instance": unique(name), "type": kind, "port": port});
    services(
        &path,
        &[
            service("a", 1),
            service("b", 2),
            service("c", 3),
            service("same", 4),
        ],
    );
    let mut running = Running::advertise(&["--from", text(&path)]);
    running.until_registered(4);

    let wrong = json!({"instance": unique("a"), "type": kind, "port": "1"});
    for (file, why) in [
        (vec![service("b", 7), wrong], "line 2: "),
        (
            vec![service("b", 7), service("b", 8)],
            "registered here already",
        ),
        (vec![], "there is no service in it"),
    ] {
        services(&path, &file);
        running.signal("HUP");
        let error = running.next_error();
        assert!(
            error.contains(why) && error.ends_with("; nothing has changed"),
            "{error}"
        );
    }

    let changed = json!({"instance": unique("b"), "type": kind, "port": 2, "txt": {"k": "v"}, "subtypes": ["_s"]});
    services(
        &path,
        &[
            service("a", 11),
            changed,
            service("d", 5),
            service("same", 4),
        ],
    );
    running.signal("HUP");
    assert_eq!(
        running.next_error(),
        "mdns: read again: 1 added, 2 changed, 1 withdrawn"
    );
    let mut told: Vec<(String, Value, Value)> = (0..4)
        .map(|_| running.next())
        .map(|line| {
            (
                format!("{} {}", line["event"], line["instance"]),
                line["port"].clone(),
                line["txt"].clone(),
            )
        })
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let line = |event: &str, name: &str, port: u16, txt: Value| {
        (format!("{:?} {:?}", event, unique(name)), port.into(), txt)
    };
    assert_eq!(
        told,
        [
            line("registered", "d", 5, json!({})),
            line("updated", "a", 11, json!({})),
            line("updated", "b", 2, json!({"k": "v"})),
            line("withdrawn", "c", 3, json!({})),
        ]
    );
    let found = Command::new(env!("CARGO_BIN_EXE_mdns"))
        .args([
            "browse",
            &format!("_s._sub.{kind}"),
            "-n",
            "1",
            "--timeout",
            "9",
        ])
        .args(ON_LOOPBACK)
        .output()
        .expect("the program");
    assert_eq!(found.status.code(), Some(0), "by its subtype");

    // Without the file, and with something else in its place, all stays.
    fs::remove_file(&path).expect("the file");
    running.signal("HUP");
    let error = running.next_error();
    assert!(
        error.contains("No such file") && error.ends_with("; nothing has changed"),
        "{error}"
    );
    fs::create_dir(&path).expect("a directory");
    running.signal("HUP");
    let error = running.next_error();
    assert!(
        error.contains("not a regular file") && error.ends_with("; nothing has changed"),
        "{error}"
    );
    fs::remove_dir(&path).expect("the directory");
    // It is there again: two are left, one of them without its subtype, and one is new on another host.
    let unchanged = json!({"instance": unique("b"), "type": kind, "port": 2, "txt": {"k": "v"}});
    let elsewhere =
        json!({"instance": unique("a"), "type": kind, "port": 11, "host": unique("elsewhere")});
    services(&path, &[unchanged, elsewhere]);
    running.signal("HUP");
    assert_eq!(
        running.next_error(),
        "mdns: read again: 1 added, 1 changed, 3 withdrawn"
    );
    let mut told: Vec<String> = (0..5)
        .map(|_| running.next())
        .map(|line| format!("{} {} {}", line["event"], line["instance"], line["host"]))
        .collect();
    told.sort();
    let host = Value::from(format!("{}.local", unique("elsewhere")));
    let line =
        |event: &str, name: &str, host: &Value| format!("{event:?} {:?} {host}", unique(name));
    assert_eq!(
        told,
        [
            line("registered", "a", &host),
            line("updated", "b", &Value::Null),
            line("withdrawn", "a", &Value::Null),
            line("withdrawn", "d", &Value::Null),
            line("withdrawn", "same", &Value::Null),
        ]
    );

    running.signal("TERM");
    assert_eq!(running.next()["event"], "withdrawn");
    assert_eq!(running.end(), Some(0));
}

/// The same of the attributes of one service.
#[test]
fn a_file_of_attributes_is_read_again_at_sighup() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("txt");
    fs::write(&path, "state=idle\n").expect("a file");
    let name = unique("txt");
    let mut running = Running::advertise(&[
        &name,
        "_mdns-txt._udp",
        "9",
        "--txt",
        "given=1",
        "--txt-file",
        text(&path),
    ]);
    assert_eq!(
        running.next()["txt"],
        json!({"given": "1", "state": "idle"})
    );
    let wrong = |running: &mut Running, why: &str| {
        running.signal("HUP");
        let error = running.next_error();
        assert!(error.contains(why), "{error}");
    };
    fs::write(&path, "=x\n").expect("a file");
    wrong(&mut running, "line 1: \"=x\": empty key");
    fs::remove_file(&path).expect("the file");
    wrong(&mut running, "No such file");
    fs::write(&path, b"\xff\xfe").expect("a file");
    wrong(&mut running, "UTF-8");
    fs::write(&path, "!given\nstate=busy\n").expect("a file");
    running.signal("HUP");
    let line = running.next();
    assert_eq!(
        (&line["event"], &line["txt"]),
        (&"updated".into(), &json!({"state": "busy"}))
    );
    running.signal("TERM");
    assert_eq!(running.next()["event"], "withdrawn");
    assert_eq!(running.end(), Some(0));
}

/// Exit code 2 means that nothing was sent, whatever stands before the fault.
#[test]
fn a_wrong_file_is_refused_before_the_first_packet() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("services");
    let kind = format!("_wrong{}._udp", std::process::id() % 100_000);
    let service = |n: u32| json!({"instance": format!("S{n}"), "type": kind, "port": 1});
    let mut watching = Running::start(&["monitor", "--json", "--verbose", "--interface", "lo*"]);
    assert_eq!(watching.next()["event"], "joined");
    let mut all: Vec<Value> = (0..300).map(service).collect();
    all.push(service(0));
    services(&path, &all);
    let mut refused = Running::advertise(&["--from", text(&path)]);
    assert_eq!(refused.end(), Some(2));
    assert!(
        refused
            .next_error()
            .contains("\"S0\": this name is registered here already")
    );
    thread::sleep(Duration::from_millis(300));
    watching.signal("TERM");
    let heard = watching.told.take().expect("its output");
    assert!(!heard.map_while(Result::ok).any(|line| line.contains(&kind)));
}

/// Its output is not read; it answers, and ends when it is told to, and says what was lost.
#[test]
fn a_reader_who_has_stopped_keeps_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("services");
    let host = unique("stalled");
    let all: Vec<Value> = (0..1000)
        .map(|n| json!({"instance": format!("{}-{n}", "x".repeat(50)), "type": "_mdns-stall._udp", "port": 1, "host": host}))
        .collect();
    services(&path, &all);
    for (signal, limit) in [(Some("TERM"), "100"), (Some("INT"), "100"), (None, "25")] {
        let mut running = Running::advertise(&["--from", text(&path), "--timeout", limit]);
        // The first is registered, and the pipe is full soon after.
        running.until_registered(1);
        thread::sleep(Duration::from_secs(1));
        let found = Command::new(env!("CARGO_BIN_EXE_mdns"))
            .args(["lookup", &host, "-4", "--timeout", "20"])
            .args(ON_LOOPBACK)
            .output()
            .expect("the program");
        assert_eq!(found.status.code(), Some(0), "it does not answer");
        if let Some(signal) = signal {
            running.signal(signal);
        }
        let started = Instant::now();
        assert_eq!(running.end(), Some(3));
        assert!(started.elapsed() < Duration::from_secs(40));
        let error = running.next_error();
        assert!(
            error.contains("lines of the output were not read"),
            "{error}"
        );
    }
}

/// What nobody reads ends, though there is nothing to be written.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_who_has_gone_is_noticed_without_a_write() {
    for words in [
        &["browse", "_no-such-type._udp"][..],
        &["monitor"],
        &[
            "resolve",
            "Nobody",
            "_no-such-type._udp",
            "--timeout",
            "100",
        ],
        &["lookup", "nobody-has-this-name", "--timeout", "100"],
        &[
            "query",
            "nobody-has-this-name",
            "any",
            "--all",
            "--timeout",
            "100",
        ],
        &["advertise", "--host", "nobody-reads-this"],
    ] {
        let mut running = Running::start(&[words, &ON_LOOPBACK].concat());
        if words[0] == "advertise" {
            running.told.as_mut().expect("its output").next();
        }
        drop(running.told.take());
        assert_eq!(running.end(), Some(0), "{words:?}");
    }
    // It waits for its input.
    let mut running = Running::start(&["decode", "-"]);
    drop(running.told.take());
    assert_eq!(running.end(), Some(0));
}

#[test]
fn a_fifo_is_no_file_for_names() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .expect("mkfifo")
            .success()
    );
    let socket = directory.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("fifo", &link).expect("a link");
    for path in [
        &path,
        &socket,
        &link,
        directory.path(),
        Path::new("/dev/full"),
    ] {
        let mut running =
            Running::advertise(&["Web", "_mdns-end._udp", "9", "--name-file", text(path)]);
        assert_eq!(running.end(), Some(2), "{}", path.display());
        assert!(running.next_error().ends_with("not a regular file"));
        // The same goes for the other file that is written.
        if cfg!(target_os = "linux") {
            let mut running = Running::start(&["address", "lo", "--state", text(path)]);
            assert_eq!(running.end(), Some(2), "{}", path.display());
            assert!(running.next_error().ends_with("not a regular file"));
        }
    }
}

/// With too few descriptors it works, or says that the network cannot be used. With fewer than four the system cannot even load it.
#[cfg(target_os = "linux")]
#[test]
fn few_descriptors_are_a_failure_and_no_panic() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("services");
    services(
        &path,
        &[json!({"instance": unique("few"), "type": "_mdns-few._udp", "port": 1})],
    );
    let file = text(&path);
    for words in [
        &["browse", "_mdns-few._udp", "--timeout", "0.1"][..],
        &[
            "advertise",
            "--from",
            file,
            "--count",
            "1",
            "--timeout",
            "20",
        ],
        &["monitor", "--timeout", "0.1"],
        &["lookup", "nobody", "--timeout", "0.1"],
        &["doctor"],
        &["decode", file],
        &["man"],
    ] {
        let mut words = words.to_vec();
        if !["decode", "man"].contains(&words[0]) {
            words.extend(ON_LOOPBACK);
        }
        for limit in 4..=20 {
            let script = format!("ulimit -n {limit}; exec \"$@\"");
            let mut child = Command::new("sh")
                .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mdns")])
                .args(&words)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("sh");
            let mut errors = String::new();
            let stderr = child.stderr.as_mut().expect("its errors");
            stderr.read_to_string(&mut errors).expect("UTF-8");
            let code = child.wait().expect("its end").code();
            let is_clear = match code {
                Some(0 | 1) => true,
                Some(2) => words[0] == "decode",
                Some(3) => errors.contains("error: "),
                _ => false,
            };
            assert!(
                is_clear && !errors.contains("panicked"),
                "{limit}, {words:?}: {code:?} {errors}"
            );
            // What is advertised is advertised, or it is said that it cannot be.
            assert!(
                words[0] != "advertise" || code != Some(1),
                "{limit}: {errors}"
            );
        }
    }
}
