//! The command at work, over real sockets on loopback.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

fn mdns(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words);
    command
}

/// The lines of a command that has ended.
fn lines(command: &mut Command) -> (Option<i32>, Vec<Value>) {
    let output = command.output().expect("the program");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let parse = |line| serde_json::from_str(line).expect("JSON");
    (output.status.code(), text.lines().map(parse).collect())
}

#[test]
fn the_demo_sees_all_of_it() {
    let started = Instant::now();
    let (code, lines) = lines(&mut mdns(&["demo", "--json", "--verbose"]));
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(started.elapsed() < Duration::from_secs(10));

    let times: Vec<f64> = lines
        .iter()
        .filter_map(|line| line["time_ms"].as_f64())
        .collect();
    assert!(times.len() == lines.len() && times.is_sorted(), "{times:?}");
    for (event, count) in [
        ("joined", 1),
        ("registered", 2),
        ("found", 2),
        ("withdrawn", 2),
        ("gone", 2),
    ] {
        let told = lines.iter().filter(|line| line["event"] == event);
        assert_eq!(told.count(), count, "{event} in {lines:?}");
    }
    let states: Vec<&str> = lines
        .iter()
        .filter(|line| line["event"] == "resolved")
        .filter_map(|line| line["txt"]["state"].as_str())
        .collect();
    assert!(
        states.starts_with(&["idle"]) && states.ends_with(&["printing"]),
        "{states:?}"
    );
}

/// A running command, which ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// One process advertises, others ask for it; then it says goodbye because it is told to end.
#[test]
fn processes_find_each_other() {
    // Instance and host are not those of other tests that run at the same time.
    let instance = format!("Test {} v1.0", std::process::id());
    let host = format!("test-{}", std::process::id());
    let on_loopback = ["--interface", "lo*", "--json"];
    let words = [
        "advertise",
        &instance,
        "_mdns-test._udp",
        "9",
        "--txt",
        "a=b",
        "--host",
        &host,
    ];
    let mut advertising = mdns(&words);
    let advertising = advertising.args(on_loopback).stdout(Stdio::piped());
    let mut advertising = Running(advertising.spawn().expect("the program"));
    let output = advertising.0.stdout.take().expect("its output");
    let mut told = BufReader::new(output).lines();
    let mut next = || -> Value {
        let line = told.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    let registered = next();
    assert_eq!(registered["event"], "registered");
    assert_eq!(registered["instance"], instance.as_str());
    assert_eq!(registered["host"], format!("{host}.local"));

    let browse = [
        "browse",
        "_mdns-test._udp",
        "--resolve",
        "--count",
        "1",
        "--timeout",
        "9",
    ];
    let (code, lines_of_browse) = lines(mdns(&browse).args(on_loopback));
    assert_eq!(code, Some(0));
    let resolved = lines_of_browse.last().expect("a line");
    assert_eq!(resolved["event"], "resolved");
    assert_eq!(
        (&resolved["port"], &resolved["txt"]["a"]),
        (&Value::from(9), &Value::from("b"))
    );

    let name = registered["name"].as_str().expect("a name");
    let (code, lines_of_resolve) = lines(mdns(&["resolve", name]).args(on_loopback));
    assert_eq!(
        (code, &lines_of_resolve[0]["host"]),
        (Some(0), &registered["host"])
    );

    let (code, lines_of_lookup) = lines(mdns(&["lookup", &host, "-4"]).args(on_loopback));
    assert_eq!(code, Some(0));
    assert_eq!(lines_of_lookup[0]["addresses"][0]["address"], "127.0.0.1");

    terminate(&advertising.0);
    assert_eq!(next()["event"], "withdrawn");
    assert_eq!(advertising.0.wait().expect("its end").code(), Some(0));
    let (code, lines_of_browse) =
        lines(mdns(&["browse", "_mdns-test._udp", "--timeout", "1"]).args(on_loopback));
    assert_eq!((code, lines_of_browse), (Some(1), Vec::new()));
}

/// Asks a process to end, as a service manager would.
fn terminate(child: &Child) {
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn nothing_found_is_told_by_the_exit_code() {
    for words in [
        &["browse", "_no-such-type._udp"][..],
        &["resolve", "Nobody", "_no-such-type._udp"],
        &["lookup", "nobody-has-this-name"],
    ] {
        let limits = ["--timeout", "0.3", "--json", "--interface", "lo*"];
        let (code, lines) = lines(mdns(words).args(limits));
        assert_eq!((code, lines), (Some(1), Vec::new()), "{words:?}");
    }
}
