//! `mdns doctor` and `mdns monitor` at work, over real sockets on loopback.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use mdns_socket::{Family, LinkSocket, Selection, interfaces};
use serde_json::Value;

/// What the fields are.
const DOCUMENTATION: &str = include_str!("../../../docs/diagnosis.md");

/// A question for the address of `doctor-test.local`.
const QUERY: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x0bdoctor-test\x05local\0\0\x01\0\x01";

fn mdns(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words);
    command
}

/// All keys of all objects.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.keys().cloned());
            fields.values().for_each(|value| keys(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

fn check_documented(value: &Value) {
    let mut found = BTreeSet::new();
    keys(value, &mut found);
    for key in found {
        let is_there = [format!("`{key}`"), format!("\"{key}\"")]
            .iter()
            .any(|text| DOCUMENTATION.contains(text));
        assert!(is_there, "{key}");
    }
}

#[test]
fn loopback_is_well() {
    let output = mdns(&["doctor", "-4", "--interface", "lo*", "--json"])
        .output()
        .expect("the program");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{report}");
    check_documented(&report);
    assert_eq!(report["well"], true);
    let interfaces = report["interfaces"].as_array().expect("a list");
    let joined: Vec<&Value> = interfaces
        .iter()
        .flat_map(|interface| interface["links"].as_array().expect("a list"))
        .filter(|link| link["joined"] == true)
        .collect();
    assert_eq!(joined.len(), 1, "{report}");
    assert_eq!(joined[0]["came_back"], true);
    assert_eq!(joined[0]["by_multicast"], Value::Array(Vec::new()));
}

#[test]
fn an_interface_that_is_not_there_is_a_problem() {
    let output = mdns(&["doctor", "--interface", "nosuch*"])
        .output()
        .expect("the program");
    assert_eq!(output.status.code(), Some(1));
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    for text in [
        "lo",
        "not used: it is not selected",
        "Problems\n- no interface can be used",
        "Something is wrong",
    ] {
        assert!(page.contains(text), "{page}");
    }
}

#[test]
fn what_is_said_is_shown() {
    let words = [
        "monitor",
        "-i",
        "lo*",
        "--json",
        "--verbose",
        "--duration",
        "20",
    ];
    let mut monitor = mdns(&words)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(monitor.stdout.take().expect("its output")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    assert_eq!(next()["event"], "joined");

    let all = interfaces().expect("interfaces");
    let loopback = Selection::loopback();
    let (interface, family) = loopback.links(&all).next().expect("a loopback link");
    assert_eq!(family, Family::V4);
    let link = LinkSocket::open(interface, family).expect("a socket");
    for datagram in [QUERY, &QUERY[..30]] {
        link.send_to(datagram, link.group()).expect("sent");
    }
    // Other tests speak on the same link.
    let mut ours = || loop {
        let packet = next();
        let text = packet["text"].as_str().expect("words").to_owned();
        let is_ours = text.contains("doctor-test") || packet["bytes"] == 30;
        if is_ours {
            check_documented(&packet);
            break (packet, text);
        }
    };
    let (packet, text) = ours();
    assert_eq!(text, "asks doctor-test A?");
    assert_eq!(packet["interface"], interface.name.as_str());
    assert_eq!(
        (&packet["source"], &packet["destination"]),
        (&Value::from("127.0.0.1"), &Value::from("224.0.0.251"))
    );
    let (packet, text) = ours();
    assert_eq!(text, "asks malformed: ends after 0 of 1 questions");
    assert_eq!(packet["malformed"], "ends after 0 of 1 questions");
    monitor.kill().expect("it runs");
    monitor.wait().expect("it ends");
}
