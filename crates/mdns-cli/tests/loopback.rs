//! The command at work, over real sockets on loopback.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

const ON_LOOPBACK: [&str; 3] = ["--interface", "lo*", "--json"];

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

/// A running command that advertises something on loopback. It ends with the test.
struct Running {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut command = mdns(words);
        let command = command.args(ON_LOOPBACK).stdin(Stdio::piped());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let output = child.stdout.take().expect("its output");
        let errors = child.stderr.take().expect("its errors");
        Running {
            child,
            told: BufReader::new(output).lines(),
            errors: BufReader::new(errors).lines(),
        }
    }

    /// What it says next, after however long.
    fn next(&mut self) -> Value {
        let line = self.told.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    }

    /// What it complains of next.
    fn next_error(&mut self) -> String {
        self.errors.next().expect("a line").expect("UTF-8")
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill").success());
    }

    /// Asks it to end, as a service manager would.
    fn terminate(mut self) {
        self.signal("TERM");
        assert_eq!(self.next()["event"], "withdrawn");
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A name that no other test has at the same time.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// One process advertises, others ask for it; then it says goodbye because it is told to end.
#[test]
fn processes_find_each_other() {
    let instance = format!("Test {} v1.0", std::process::id());
    let host = unique("test");
    let mut advertising = Running::start(&[
        "advertise",
        &instance,
        "_mdns-test._udp",
        "9",
        "--txt",
        "a=b",
        "--host",
        &host,
    ]);
    let registered = advertising.next();
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
    let (code, lines_of_browse) = lines(mdns(&browse).args(ON_LOOPBACK));
    assert_eq!(code, Some(0));
    let resolved = lines_of_browse.last().expect("a line");
    assert_eq!(resolved["event"], "resolved");
    assert_eq!(
        (&resolved["port"], &resolved["txt"]["a"]),
        (&Value::from(9), &Value::from("b"))
    );

    let name = registered["name"].as_str().expect("a name");
    let (code, lines_of_resolve) =
        lines(mdns(&["resolve", name, "--timeout", "30"]).args(ON_LOOPBACK));
    assert_eq!(
        (code, &lines_of_resolve[0]["host"]),
        (Some(0), &registered["host"])
    );

    let (code, lines_of_lookup) =
        lines(mdns(&["lookup", &host, "-4", "--timeout", "30"]).args(ON_LOOPBACK));
    assert_eq!(code, Some(0));
    assert_eq!(lines_of_lookup[0]["addresses"][0]["address"], "127.0.0.1");

    let mut query = mdns(&["query", name, "any", "--timeout", "9"]);
    let (code, lines_of_query) = lines(query.args(ON_LOOPBACK));
    let data_of = |rtype: &str| {
        let record = lines_of_query.iter().find(|line| line["rtype"] == rtype);
        record.map(|record| record["rdata"].clone())
    };
    assert_eq!(code, Some(0));
    assert_eq!(data_of("SRV"), Some(format!("0 0 9 {host}.local").into()));
    assert_eq!(data_of("TXT"), Some("\"a=b\"".into()));
    // Its owner says that there is no such record.
    let started = Instant::now();
    let mut query = mdns(&["query", name, "A", "--timeout", "9"]);
    assert_eq!(lines(query.args(ON_LOOPBACK)), (Some(1), Vec::new()));
    assert!(started.elapsed() < Duration::from_secs(5));

    advertising.terminate();
    let (code, lines_of_browse) =
        lines(mdns(&["browse", "_mdns-test._udp", "--timeout", "1"]).args(ON_LOOPBACK));
    assert_eq!((code, lines_of_browse), (Some(1), Vec::new()));
}

#[test]
fn a_host_is_advertised_alone() {
    let host = unique("alone");
    let mut running = Running::start(&["advertise", "--host", &host]);
    let registered = running.next();
    assert_eq!(registered["event"], "registered");
    assert_eq!(registered["host"], format!("{host}.local"));
    let (code, found) = lines(mdns(&["query", &host, "a"]).args(ON_LOOPBACK));
    assert_eq!((code, &found[0]["rdata"]), (Some(0), &"127.0.0.1".into()));
    running.terminate();
}

/// Two processes want one name; the second finds another, and begins with it the next time.
///
/// covers: 6762-9-h, 6762-9-i
#[test]
fn a_name_that_was_won_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("names");
    let (name, host) = (unique("Kept"), unique("kept"));
    let advertise = |port| ["advertise", &name, "_mdns-kept._udp", port];
    let mut first = Running::start(&advertise("9"));
    assert_eq!(first.next()["instance"], name.as_str());

    let path_text = path.to_str().expect("UTF-8");
    let options = ["--host", &host, "--name-file", path_text];
    let words = [&advertise("10")[..], &options].concat();
    let mut second = Running::start(&words);
    for event in ["renamed", "registered"] {
        let line = second.next();
        assert_eq!(line["event"], event);
        assert_eq!(line["instance"], format!("{name} (2)"));
    }
    second.terminate();
    let kept = format!(
        "{{\"wanted\":\"{host}\",\"name\":\"{host}\"}}\n\
         {{\"type\":\"_mdns-kept._udp.local\",\"wanted\":\"{name}\",\"name\":\"{name} (2)\"}}\n"
    );
    assert_eq!(fs::read_to_string(&path).expect("the file"), kept);

    first.terminate();
    // What is there under names that nobody wants any more is forgotten.
    let host_line = format!("{{\"wanted\":\"{host}\",\"name\":\"{host}\"}}");
    let other_host = format!("{{\"wanted\":\"{host}\",\"name\":\"{host}-7\"}}");
    let edited = kept.replace(&host_line, &other_host) + "{\"wanted\":\"x\",\"name\":\"x\"}\n";
    fs::write(&path, edited).expect("the file");
    let mut again = Running::start(&words);
    let line = again.next();
    assert_eq!(line["event"], "registered");
    assert_eq!(line["instance"], format!("{name} (2)"));
    assert_eq!(line["host"], format!("{host}-7.local"));
    again.terminate();
}

/// A name that was won and is another's by now gives way to the search from the base: no number becomes a part of it. What a dispute
/// has left is not begun with.
#[test]
fn a_number_is_never_part_of_the_base() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("names");
    let name = unique("Desk");
    let kept = |number: &str| {
        let line = json!({"type": "_mdns-desk._udp.local", "wanted": name, "name": format!("{name}{number}")});
        fs::write(&path, format!("{line}\n")).expect("a file");
    };
    let advertise = |words: &[&str]| {
        let all = ["advertise", words[0], "_mdns-desk._udp", words[1]];
        Running::start(&[&all, &words[2..]].concat())
    };
    let taken = format!("{name} (2)");
    let mut other = advertise(&[&taken, "9"]);
    assert_eq!(other.next()["event"], "registered");

    let file = ["--name-file", path.to_str().expect("UTF-8")];
    kept(" (2)");
    let mut running = advertise(&[&name, "10", file[0], file[1], "--txt-file", "-"]);
    for event in ["renamed", "registered"] {
        let line = running.next();
        assert_eq!(
            (&line["event"], &line["instance"]),
            (&event.into(), &name.clone().into())
        );
    }
    // What takes the place of the first is changed as that would be.
    let mut input = running.child.stdin.take().expect("its input");
    input.write_all(b"k=v\n").expect("a line");
    assert_eq!(running.next()["txt"], json!({"k": "v"}));
    running.terminate();
    assert!(
        fs::read_to_string(&path)
            .expect("a file")
            .contains(&format!("\"name\":\"{name}\""))
    );

    for left in [" (1479015)", " (1479015) (2)", " (2) (2)"] {
        kept(left);
        let mut running = advertise(&[&name, "10", file[0], file[1]]);
        let line = running.next();
        assert_eq!(
            (&line["event"], &line["instance"]),
            (&"registered".into(), &name.clone().into())
        );
        running.terminate();
    }
    other.terminate();
}

/// Attributes change by the lines of standard input; what is wrong changes nothing.
#[test]
fn attributes_change_line_by_line() {
    let name = unique("lines");
    let mut running = Running::start(&[
        "advertise",
        &name,
        "_mdns-lines._udp",
        "9",
        "--txt",
        "state=idle",
        "--txt",
        "flag",
        "--txt-file",
        "-",
    ]);
    assert_eq!(
        running.next()["txt"],
        json!({"state": "idle", "flag": true})
    );
    let mut input = running.child.stdin.take().expect("its input");
    input
        .write_all(b"state=busy\n\n=wrong\n!flag\n")
        .expect("its input");
    for txt in [
        json!({"state": "busy", "flag": true}),
        json!({"state": "busy"}),
    ] {
        let updated = running.next();
        assert_eq!(
            (&updated["event"], &updated["txt"]),
            (&"updated".into(), &txt)
        );
    }
    let error = running.next_error();
    assert!(error.contains("standard input: \"=wrong\""), "{error}");
    // It goes on without more to read, and others see what it said last.
    drop(input);
    let mut resolve = mdns(&["resolve", &name, "_mdns-lines._udp"]);
    let (code, resolved) = lines(resolve.args(ON_LOOPBACK));
    assert_eq!(
        (code, &resolved[0]["txt"]),
        (Some(0), &json!({"state": "busy"}))
    );
    running.terminate();
}

/// Attributes change by a file, which is read again at SIGHUP.
#[cfg(unix)]
#[test]
fn attributes_change_with_their_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("txt");
    fs::write(&path, "state=idle\nflag\n").expect("a file");
    let mut running = Running::start(&[
        "advertise",
        &unique("file"),
        "_mdns-file._udp",
        "9",
        "--txt",
        "path=/",
        "--txt-file",
        path.to_str().expect("UTF-8"),
    ]);
    let idle = json!({"path": "/", "state": "idle", "flag": true});
    assert_eq!(running.next()["txt"], idle);
    // What is wrong changes nothing, and ends nothing.
    fs::write(&path, "=wrong\n").expect("the file");
    running.signal("HUP");
    let error = running.next_error();
    assert!(error.contains("line 1: \"=wrong\": empty key"), "{error}");

    fs::write(&path, "state=busy\n").expect("the file");
    running.signal("HUP");
    let updated = running.next();
    assert_eq!(updated["event"], "updated");
    assert_eq!(updated["txt"], json!({"path": "/", "state": "busy"}));
    running.terminate();
}

#[test]
fn nothing_found_is_told_by_the_exit_code() {
    for words in [
        &["browse", "_no-such-type._udp"][..],
        &["resolve", "Nobody", "_no-such-type._udp"],
        &["lookup", "nobody-has-this-name"],
        &["reverse", "169.254.255.7"],
        &["query", "nobody-has-this-name", "any", "--all"],
    ] {
        let limits = ["--timeout", "0.3", "--json", "--interface", "lo*"];
        let (code, lines) = lines(mdns(words).args(limits));
        assert_eq!((code, lines), (Some(1), Vec::new()), "{words:?}");
    }
}
