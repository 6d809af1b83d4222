//! What is refused, before any socket is opened: with exit code 2, and words that say what and where.

use std::{
    fs,
    process::{Command, Output},
};

use expect_test::expect_file;

fn mdns(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mdns"))
        .args(words)
        // As wide as help ever is, wherever the test runs.
        .env("COLUMNS", "100")
        .output()
        .expect("the program")
}

/// covers: SEC-20
#[test]
fn bad_input_is_refused_with_the_reason() {
    const ADVERTISE: [&str; 4] = ["advertise", "Name", "_http._tcp", "80"];
    let long = "x".repeat(64);
    let table: [(&[&str], &[&str]); 50] = [
        (&[], &["Usage"]),
        (&["brows"], &["'brows'", "browse"]),
        (&["browse", "http"], &["'http'", "underscore, at byte 0"]),
        (
            &["browse", "_http"],
            &["'_http'", "_tcp or _udp, at byte 5"],
        ),
        (&["browse", "_http._sctp"], &["_sctp", "at byte 6"]),
        (
            &["browse", "_http._tcp.example.com"],
            &["domain is not local", "at byte 11"],
        ),
        (
            &["browse", "_a-name-of-sixteen._tcp"],
            &["_a-name-of-sixteen", "15", "--lax"],
        ),
        (&["browse", "a..b"], &["empty label, at byte 2"]),
        (
            &["browse", "_http._tcp", "--interface", "nosuch0"],
            &["'nosuch0'", "--interface", "lo"],
        ),
        (
            &["browse", "_http._tcp", "--interface", "4000000000"],
            &["'4000000000'"],
        ),
        (
            &["browse", "_http._tcp", "--interface", "eth["],
            &["'eth['", "at character 4"],
        ),
        (&["browse", "--timeout", "soon"], &["'soon'", "seconds"]),
        (&["browse", "--timeout", "0"], &["'0'", "above 0"]),
        (&["browse", "--count", "-1"], &["'-1'", "--count"]),
        (&["browse", "--count", "0"], &["0", "1.."]),
        (&["browse", "-4", "-6"], &["--ipv4", "--ipv6"]),
        (
            &["resolve", "no type at all"],
            &["no type at all", "no service type"],
        ),
        (
            &["resolve", "._http._tcp"],
            &["._http._tcp", "empty label, at byte 0"],
        ),
        (&["resolve", "A", "http"], &["'http'", "at byte 0"]),
        (&["resolve", &long, "_http._tcp"], &["64 bytes", "63"]),
        (&["lookup", ""], &["HOST", "not a name"]),
        (&["lookup", "a..local"], &["a..local", "at byte 2"]),
        (&["lookup", "local"], &["not a name under .local"]),
        (
            &["browse", "-d", "local"],
            &["--domain", "of the local network"],
        ),
        (&["browse", "-d", "."], &["--domain", "the root"]),
        (
            &["domains", "example.com", "--server", "ns.example.com"],
            &["--server", "not an address"],
        ),
        (
            &["publish", "A", "_http._tcp", "80"],
            &["--domain", "--server"],
        ),
        (&["advertise"], &["<NAME|--from <FILE>|--host <HOST>>"]),
        (&["advertise", "Name", "_http._tcp"], &["PORT"]),
        (
            &["advertise", "Name", "http", "80"],
            &["'http'", "at byte 0"],
        ),
        (
            &["advertise", "Name", "_http._tcp", "65536"],
            &["65536", "65535"],
        ),
        (
            &["advertise", "Name", "_http._tcp", "eighty"],
            &["'eighty'"],
        ),
        (&["advertise", "", "_http._tcp", "80"], &["NAME"]),
        (
            &["advertise", &long, "_http._tcp", "80"],
            &["64 bytes", "63"],
        ),
        (
            &["advertise", "a\u{7}b", "_http._tcp", "80"],
            &["at byte 1"],
        ),
        (
            &["advertise", "--from", "/no/such/file"],
            &["/no/such/file"],
        ),
        (
            &["advertise", "--from", "x", "--host", "laser"],
            &["--from", "--host"],
        ),
        (&["advertise", "--host", "laser", "--txt", "a=1"], &["NAME"]),
        (
            &[
                "advertise",
                "--host",
                "laser",
                "--name-file",
                "/no/such/names",
            ],
            &["/no/such/names", "cannot be written"],
        ),
        (&["reverse", "hall"], &["'hall'", "not an IP address"]),
        (
            &["reverse", "fe80::7%nosuch0"],
            &["no such interface", "lo"],
        ),
        (
            &["query", "www.example.com", "A"],
            &["www.example.com", "not under .local"],
        ),
        (&["query", "a..b", "A"], &["'a..b'", "at byte 2"]),
        (&["query", "hall", "B"], &["'B'", "not a record type"]),
        (&["query", "hall", "OPT"], &["'OPT'", "no record"]),
        (&["query", "hall"], &["TYPE"]),
        (&["completions", "cmd"], &["'cmd'", "bash"]),
        (&["man", "brows"], &["no such command", "browse"]),
        (&["demo", "--timeout", "-3"], &["'-3'", "above 0"]),
        (&["lookup", "a", "b"], &["'b'"]),
    ];
    for (words, named) in table {
        check_refused(words, named);
    }
    let options: [(&[&str], &[&str]); 7] = [
        (&["--txt", "=value"], &["'=value'", "empty key"]),
        (&["--txt", "k\u{e9}y=1"], &["printable ASCII, at byte 1"]),
        (
            &["--txt", "a=1", "--txt", "A=2"],
            &["\"A\"", "key given before"],
        ),
        (&["--subtype", ""], &["subtype"]),
        (
            &["--host", "two.labels"],
            &["'two.labels'", "'.'", "at byte 3"],
        ),
        (&["--from", "x"], &["--from"]),
        (&["--txt-file", "/no/such/file"], &["/no/such/file"]),
    ];
    for (words, named) in options {
        check_refused(&[&ADVERTISE, words].concat(), named);
    }
}

fn check_refused(words: &[&str], named: &[&str]) {
    let output = mdns(words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
    assert!(output.stdout.is_empty(), "{words:?}");
    for text in named {
        assert!(
            said.contains(text),
            "{words:?} does not name {text:?}: {said}"
        );
    }
}

#[test]
fn a_bad_line_of_a_file_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a file");
        path.into_os_string().into_string().expect("UTF-8")
    };
    let services = file(
        "services",
        "{\"instance\":\"A\",\"type\":\"http\",\"port\":80}\n",
    );
    check_refused(
        &["advertise", "--from", &services],
        &[&services, "line 1", "underscore"],
    );
    let txt = file("txt", "a=1\n=2\n");
    check_refused(
        &["advertise", "A", "_http._tcp", "80", "--txt-file", &txt],
        &[&txt, "line 2", "empty key"],
    );
    let names = file("names", "A (2)\n");
    check_refused(
        &["advertise", "A", "_http._tcp", "80", "--name-file", &names],
        &[&names, "line 1", "expected"],
    );
    assert_eq!(fs::read_to_string(&names).expect("the file"), "A (2)\n");
}

#[test]
fn shells_and_readers_are_told_of_every_command() {
    let text = |words: &[&str]| {
        let output = mdns(words);
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let page = text(&["man"]);
    assert!(page.contains(".TH mdns 1"), "{page}");
    for command in [
        "browse",
        "reverse",
        "query",
        "advertise",
        "completions",
        "man",
    ] {
        assert!(page.contains(&format!("mdns\\-{command}(1)")), "{command}");
        let about = text(&["man", command]);
        assert!(about.contains(&format!(".TH mdns-{command} 1")), "{about}");
        assert!(about.contains("\n.SH EXAMPLES\n.TP\n\\fB"), "{about}");
        assert!(about.contains("\n.SH \"EXIT STATUS\"\n"), "{about}");
        assert!(!about.contains("EXTRA"), "{about}");
    }
    assert!(page.contains("\n.SH \"EXIT STATUS\"\n") && !page.contains("EXTRA"));
    assert!(text(&["man", "advertise"]).contains("SIGHUP"));
}

/// Every command explains itself, with examples.
#[test]
fn help() {
    let mut all = String::new();
    for words in [
        &["--help"][..],
        &["browse", "--help"],
        &["resolve", "--help"],
        &["lookup", "--help"],
        &["reverse", "--help"],
        &["query", "--help"],
        &["advertise", "--help"],
        &["demo", "--help"],
        &["doctor", "--help"],
        &["monitor", "--help"],
        &["decode", "--help"],
        &["address", "--help"],
        &["resolver", "--help"],
        &["domains", "--help"],
        &["publish", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ] {
        let output = mdns(words);
        assert!(output.status.success() && output.stderr.is_empty());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(words.len() == 1, !text.contains("Examples:"));
        all += &format!("$ mdns {}\n{text}\n", words.join(" "));
    }
    expect_file!["help.txt"].assert_eq(&all);
}
