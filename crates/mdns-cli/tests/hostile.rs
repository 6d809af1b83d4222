//! What others send, in the output of the command (docs/security.md): over real sockets on loopback, and in recordings.

#![cfg(target_os = "linux")]

mod sender;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    thread,
};

use mdns_proto::{
    name::Name,
    wire::{Class, Flags, Header, Rdata, Record, Section, Srv, Ttl, TxtVec},
};
use mdns_sim::{ip_packet, message, reported_packets};
use sender::{Sender, name};
use serde_json::Value;

/// What would clear a terminal, rename its window, go to the next line, turn the rest around, and what cannot be seen.
const NASTY: &str =
    "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\r\n\0\u{202e}\u{2028}\u{200b}\u{61c}\u{ad}\u{e0041}";

fn mdns(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words);
    command
}

/// Nothing in it commands a terminal, turns text around, makes lines of its own, or is there unseen.
fn assert_harmless(bytes: &[u8]) {
    let text = str::from_utf8(bytes).expect("UTF-8");
    let is_harmful = |c: char| {
        (c != '\n' && c.is_control())
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{61c}' | '\u{ad}' | '\u{e0041}')
    };
    assert!(!text.contains(is_harmful), "{text:?}");
}

/// A service on loopback whose name, host and attributes are nasty, said again and again until this is dropped.
fn liar(kind: &str) -> Sender {
    let response = announcement(kind);
    Sender::start(move || response.clone())
}

fn announcement(kind: &str) -> Vec<u8> {
    let types = name([&b"_services"[..], b"_dns-sd", b"_udp", b"local"]);
    let owner = name([kind.as_bytes(), b"_udp", b"local"]);
    let instance = name([NASTY.as_bytes(), kind.as_bytes(), b"_udp", b"local"]);
    let host = name([NASTY.as_bytes(), b"local"]);
    let mut txt = TxtVec::new();
    for string in [format!("k={NASTY}"), NASTY.to_owned(), format!("{NASTY}=1")] {
        txt.push_string(string.as_bytes()).expect("a string");
    }
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 9,
        target: host.as_name(),
    };
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
        put(types.as_name(), Rdata::Ptr(owner.as_name()));
        put(owner.as_name(), Rdata::Ptr(instance.as_name()));
        put(instance.as_name(), Rdata::Srv(srv));
        put(instance.as_name(), Rdata::Txt(txt.as_txt()));
        put(host.as_name(), Rdata::A([127, 0, 0, 7].into()));
    })
}

/// Whatever the network says, no command puts on a terminal what would command that, turn its text around or make a line of its
/// own, in columns or in JSON.
///
/// covers: SEC-19, SEC-21, CVE-2024-47175
#[test]
fn what_others_say_commands_no_terminal() {
    let kind = format!("_c{}", std::process::id() % 100_000);
    let _liar = liar(&kind);
    let service_type = format!("{kind}._udp");
    let in_text = name([NASTY.as_bytes(), kind.as_bytes(), b"_udp", b"local"]).to_string();
    let host = name([NASTY.as_bytes(), b"local"]).to_string();
    let table: [&[&str]; 7] = [
        &["browse", &service_type, "--resolve", "--count", "1"],
        &["browse", "--count", "1"],
        &["resolve", &in_text],
        &["lookup", &host, "-4"],
        &["query", &in_text, "TXT"],
        &["query", &in_text, "any"],
        &["monitor", "--count", "20"],
    ];
    for words in table {
        for json in [&[][..], &["--json"]] {
            let limits = ["--timeout", "9", "--interface", "lo*", "--verbose"];
            let mut command = mdns(&[words, json, &limits].concat());
            let Output {
                status,
                stdout,
                stderr,
            } = command.output().expect("the program");
            let said = String::from_utf8_lossy(&stderr);
            assert_eq!(status.code(), Some(0), "{words:?}: {said}");
            assert!(!stdout.is_empty(), "{words:?}");
            assert_harmless(&stdout);
            assert_harmless(&stderr);
            if !json.is_empty() {
                let text = String::from_utf8(stdout).expect("UTF-8");
                for line in text.lines() {
                    serde_json::from_str::<Value>(line)
                        .unwrap_or_else(|error| panic!("{error}: {line}"));
                }
            }
        }
    }
}

/// A recording of datagrams, each from one address to another.
fn recording(datagrams: &[Vec<u8>]) -> Vec<u8> {
    /// Raw IP.
    const LINKTYPE: u32 = 101;
    let word = |word: u32| word.to_le_bytes();
    let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, LINKTYPE].map(word);
    let mut file = header.concat();
    let (from, to): (SocketAddr, SocketAddr) = (
        "10.0.0.7:5353".parse().expect("an address"),
        "224.0.0.251:5353".parse().expect("an address"),
    );
    for bytes in datagrams {
        let packet = ip_packet(from, to, bytes);
        let len = u32::try_from(packet.len()).expect("a packet");
        file.extend([0, 0, len, len].map(word).concat());
        file.extend(packet);
    }
    file
}

fn decode(words: &[&str], input: Vec<u8>) -> Output {
    let mut command = mdns(&[&["decode", "-"], words].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
    let mut to = child.stdin.take().expect("its input");
    let writing = thread::spawn(move || to.write_all(&input).expect("its input"));
    let output = child.wait_with_output().expect("its output");
    writing.join().expect("the writer");
    output
}

/// The packets of all reports in a recording: a dissector reads what can be read of each, says what is wrong, and comes to the
/// next.
///
/// covers: SEC-01, SEC-02, SEC-03, SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-13, SEC-19, SEC-21, SEC-23,
/// CVE-2000-0333, CVE-2017-9345, ntopng-8793, PcapPlusPlus-854
#[test]
fn the_packets_of_all_reports_are_shown() {
    let reports = reported_packets();
    let mut packets: Vec<_> = reports
        .iter()
        .flat_map(|report| report.both_ways())
        .collect();
    packets.push(Vec::new());
    packets.push(announcement("_nasty"));
    let file = recording(&packets);
    for json in [&[][..], &["--json"]] {
        let output = decode(json, file.clone());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_harmless(&output.stdout);
        assert_harmless(&output.stderr);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(text.lines().count(), packets.len());
        for (line, packet) in text.lines().zip(&packets).filter(|_| !json.is_empty()) {
            let shown: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(shown["bytes"], packet.len());
        }
    }
}

/// Nobody reads on: the command ends, and does not write for ever.
///
/// covers: none (the command)
#[test]
fn who_does_not_read_on_ends_it() {
    let kind = format!("_p{}", std::process::id() % 100_000);
    let _liar = liar(&kind);
    let mut command = mdns(&["monitor", "--interface", "lo*", "--timeout", "60"]);
    let mut child: Child = command.stdout(Stdio::piped()).spawn().expect("the program");
    let mut told = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a line");
    drop(told);
    let ended = thread::spawn(move || child.wait().expect("its end"));
    assert_eq!(ended.join().expect("its end").code(), Some(0));
}
