//! What people and scripts type: short answers, ends, tips, completions, the table.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader, Lines, Read as _},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const ON_LOOPBACK: [&str; 2] = ["--interface", "lo*"];

fn mdns(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words).env_remove("RUST_LOG");
    command
}

fn run(words: &[&str]) -> Output {
    let words = [words, &ON_LOOPBACK].concat();
    mdns(&words).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Something advertised on loopback, until this is dropped. Whoever closes its output ends it.
struct Advertised(
    Child,
    #[expect(dead_code, reason = "it is kept open")] Lines<BufReader<ChildStdout>>,
);

impl Advertised {
    fn new(words: &[&str]) -> Self {
        let words = [&["advertise"], words, &["--json"], &ON_LOOPBACK].concat();
        let mut command = mdns(&words);
        let command = command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let output = child.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines();
        assert!(lines.any(|line| line.expect("a line").contains("\"registered\"")));
        Advertised(child, lines)
    }
}

impl Drop for Advertised {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn short_answers_are_values_alone() {
    let _web = Advertised::new(&["Short Web", "_t-short._tcp", "8080", "--host", "t-short"]);
    let short = |words: &[&str]| {
        let output = run(&[words, &["--short"]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        text(&output.stdout)
    };
    let name = "Short Web._t-short._tcp.local";
    assert_eq!(
        short(&["browse", "_t-short._tcp", "-n", "1"]),
        format!("{name}\n")
    );
    assert_eq!(short(&["resolve", name]), "t-short.local:8080\n");
    assert_eq!(
        short(&["browse", "_t-short._tcp", "-r", "--once"]),
        "t-short.local:8080\n"
    );
    let addresses = short(&["lookup", "t-short"]);
    assert!(
        addresses.lines().any(|line| line == "127.0.0.1"),
        "{addresses}"
    );
    assert!(
        addresses.lines().all(|line| !line.contains([' ', ','])),
        "{addresses}"
    );
    assert_eq!(
        short(&["query", "_t-short._tcp", "PTR"]),
        format!("{name}\n")
    );
}

#[test]
fn once_tells_what_is_there_and_ends() {
    let _web = Advertised::new(&["Once Web", "_t-once._tcp", "80", "--host", "t-once"]);
    let started = Instant::now();
    let output = run(&["browse", "_t-once._tcp", "--resolve", "--once", "--json"]);
    let took = started.elapsed();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        took > Duration::from_millis(1900) && took < Duration::from_secs(20),
        "{took:?}"
    );
    assert!(text(&output.stdout).contains("\"resolved\""), "{output:?}");
    let output = run(&["browse", "_t-once-not._tcp", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// The first details have what each family has to say, and what to connect to.
#[test]
fn one_result_is_whole_and_ready_to_connect_to() {
    let _web = Advertised::new(&["Whole Web", "_t-whole._tcp", "8080", "--host", "t-whole"]);
    let output = run(&["browse", "_t-whole._tcp", "-r", "-n", "1", "--json"]);
    let lines = text(&output.stdout);
    let resolved: Value = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .find(|line| line["event"] == "resolved")
        .expect("details");
    let output = run(&["resolve", "Whole Web._t-whole._tcp", "--json"]);
    let other: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(resolved["addresses"], other["addresses"]);
    let sockets = resolved["addresses"].as_array().expect("addresses");
    assert!(
        sockets.iter().any(|one| one["socket"] == "127.0.0.1:8080"),
        "{sockets:?}"
    );
    for one in sockets {
        let address = one["address"].as_str().expect("an address");
        let socket = one["socket"].as_str().expect("a socket address");
        assert!(
            socket.contains(address) && socket.ends_with(":8080"),
            "{one}"
        );
    }
}

#[test]
fn where_nothing_was_found_is_said_in_one_line() {
    for words in [
        &["browse", "_t-nothing._tcp"][..],
        &["resolve", "Nobody._t-nothing._tcp"],
        &["lookup", "t-nothing"],
        &["query", "t-nothing.local", "A"],
    ] {
        let output = run(&[words, &["--timeout", "0.3"]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("lo (IPv4") && said.contains("mdns doctor"),
            "{said}"
        );
    }
}

/// The whole of the tips is a test of `tips`; here is that they are shown, with what is wrong before them.
#[test]
fn a_refusal_names_what_was_most_likely_meant() {
    for (words, tip) in [
        (&["browse", "http"][..], "tip: mdns browse _http._tcp"),
        (&["lookup", "10.0.0.1"], "tip: mdns reverse 10.0.0.1"),
        (&["lookup", "fe80::1"], "tip: mdns reverse fe80::1"),
        (&["resolve", "hall.local"], "tip: mdns lookup hall.local"),
        (
            &["advertise", "W", "_http._tcp", "80", "path=/"],
            "tip: --txt path=/",
        ),
    ] {
        let output = mdns(words).output().expect("the program");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("error: ") && said.contains(tip), "{said}");
    }
    let output = mdns(&["browse", "a\u{202e}b\u{200b}"])
        .output()
        .expect("the program");
    assert!(
        text(&output.stderr).contains(r"a\226\128\174b\226\128\139"),
        "{output:?}"
    );
}

#[test]
fn the_log_is_shown_when_it_is_asked_for() {
    let words = ["lookup", "t-log", "--timeout", "0.2", "-i", "lo*"];
    let said = |log: &str| {
        let output = mdns(&words)
            .env("RUST_LOG", log)
            .output()
            .expect("the program");
        (output.status.code(), text(&output.stderr))
    };
    assert!(
        said("debug").1.contains("mdns_driver"),
        "{:?}",
        said("debug")
    );
    assert!(said("mdns_driver=debug").1.contains("mdns_driver"));
    assert_eq!(said("").1.lines().count(), 1);
    assert_eq!(said("off").1.lines().count(), 1);
    let (code, error) = said("mdns=loud");
    assert!(
        code == Some(2) && error.contains("RUST_LOG=mdns=loud"),
        "{error}"
    );
}

#[test]
fn shells_are_told_what_may_come_next() {
    let asked = |words: &[&str]| {
        let index = (words.len() - 1).to_string();
        let output = mdns(&[&["--"], words].concat())
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index)
            .env("_CLAP_IFS", "\n")
            .output()
            .expect("the program");
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout)
    };
    let has = |words: &[&str], word: &str| asked(words).lines().any(|line| line.trim() == word);
    assert!(has(&["mdns", "bro"], "browse"));
    assert!(has(&["mdns", "browse", "--interface", ""], "lo"));
    assert!(has(&["mdns", "lookup", "hall", "-i", "l"], "lo"));
    assert!(has(&["mdns", "browse", "_ipp"], "_ipp._tcp"));
    assert!(has(&["mdns", "browse", "--on"], "--once"));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = mdns(&["completions", shell]).output().expect("the program");
        let script = text(&script.stdout);
        assert!(
            script.contains("COMPLETE") && script.contains("mdns"),
            "{shell}: {script}"
        );
    }
    // In the shell itself.
    let directory = env!("CARGO_BIN_EXE_mdns")
        .rsplit_once('/')
        .expect("a path")
        .0;
    let script = "eval \"$(mdns completions bash)\"; COMP_WORDS=(mdns browse -i ''); COMP_CWORD=3; \
                  _clap_complete_mdns mdns '' -i; echo \"${COMPREPLY[@]}\"";
    let path = format!("{directory}:{}", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-c", script])
        .env("PATH", path)
        .output();
    let words = text(&output.expect("bash").stdout);
    assert!(words.split_whitespace().any(|word| word == "lo"), "{words}");
}

/// The table on a terminal that `script` of util-linux makes: what it says while nothing is there, and in another size.
#[test]
fn the_table_follows_the_terminal() {
    let _web = Advertised::new(&[
        "Wide Web",
        "_t-wide._tcp",
        "8080",
        "--txt",
        "path=/x",
        "--host",
        "t-wide",
    ]);
    let program = env!("CARGO_BIN_EXE_mdns");
    let line = format!(
        "stty cols 120 rows 20; {program} browse _t-wide._tcp -r -i 'lo*' -t 4 & sleep 2; stty cols 36; \
         kill -WINCH $!; wait $!"
    );
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env("SHELL", "/bin/bash")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of util-linux");
    let mut screen = String::new();
    let mut output = child.stdout.take().expect("its output");
    output.read_to_string(&mut screen).expect("UTF-8");
    child.wait().expect("its end");
    let nothing = screen.find("nothing yet").expect("nothing at first");
    let wide = screen.find("\"path=/x\"").expect("a wide table");
    let narrow = screen.rfind("t-wide.local:8080").expect("a place");
    assert!(nothing < wide && wide < narrow, "{screen}");
    let last = &screen[screen.rfind("NAME").expect("a header")..];
    assert!(
        !last.contains("ATTRIBUTES") && last.contains("t-wide.local:8080"),
        "{last}"
    );
}

/// The file and the command of docs/service.md are such as the program takes.
#[test]
fn the_documented_service_starts() {
    const PAGE: &str = include_str!("../../../docs/service.md");
    let block = |language: &str| {
        let (_, rest) = PAGE
            .split_once(&format!("```{language}\n"))
            .expect("a block");
        rest.split_once("```").expect("its end").0
    };
    let line = block("ini")
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/mdns "))
        .expect("a command");
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(place("services"), block("json")).expect("a file");
    let line = line
        .replace("/etc/mdns/services.jsonl", &place("services"))
        .replace("/var/lib/mdns/names", &place("names"));
    let words: Vec<&str> = line
        .split(' ')
        .chain(["--count", "2", "-t", "20"])
        .collect();
    let output = run(&words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        text(&output.stdout).matches("registered").count(),
        2,
        "{output:?}"
    );
}
