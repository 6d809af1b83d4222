//! As much as there can be: a host with many addresses is shown whole, and what is beyond a limit is said to be missing.

#![cfg(target_os = "linux")]

use std::{
    net::Ipv4Addr,
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use mdns_proto::{
    name::NameBuf,
    wire::{Class, Flags, Header, Message, Rdata, Record, Section, Srv, Ttl, TxtVec},
};
use mdns_sim::message;
use mdns_socket::{Family, LinkSocket, interfaces};
use serde_json::Value;

/// How many addresses go into one packet.
const PACKET: usize = 60;

fn name(text: &str) -> NameBuf {
    text.parse().expect("a name")
}

/// A response of records that are the only ones of their names and types, but for pointers.
fn response<'r>(records: impl IntoIterator<Item = (&'r NameBuf, Rdata<'r>)>) -> Vec<u8> {
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    message(header, |writer| {
        for (name, rdata) in records {
            let record = Record {
                name: name.as_name(),
                class: Class::IN,
                cache_flush: !matches!(rdata, Rdata::Ptr(_)),
                ttl: Ttl(120),
                rdata,
            };
            writer.record(Section::Answer, &record).expect("room");
        }
    })
}

/// What an instance `Desk` of a type says, on a host with so many addresses.
fn packets(kind: &NameBuf, desk: &NameBuf, host: &NameBuf, addresses: usize) -> Vec<Vec<u8>> {
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 80,
        target: host.as_name(),
    };
    let txt = TxtVec::new();
    let place = response([
        (kind, Rdata::Ptr(desk.as_name())),
        (desk, Rdata::Srv(srv)),
        (desk, Rdata::Txt(txt.as_txt())),
    ]);
    let address = |n: usize| {
        let [.., high, low] = n.to_be_bytes();
        (host, Rdata::A(Ipv4Addr::new(127, 3, high, low)))
    };
    let all = (0..addresses).step_by(PACKET);
    let packets = all.map(|from| response((from..addresses.min(from + PACKET)).map(address)));
    std::iter::once(place).chain(packets).collect()
}

/// Answers each question about these names with all packets, at once, while something is done.
fn answered<T>(names: &[NameBuf], packets: &[Vec<u8>], act: impl FnOnce() -> T) -> T {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_over = AtomicBool::new(false);
    let all = interfaces().expect("interfaces");
    let loopback = all.iter().find(|interface| interface.is_loopback);
    let socket = LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket");
    let is_asked = |bytes: &[u8]| {
        let Ok(message) = Message::parse(bytes) else {
            return false;
        };
        let is_about = |name| names.iter().any(|known| *known == name);
        !message.header().flags.response()
            && message.questions().any(|question| is_about(question.name))
    };
    let mut buffer = vec![0; 9_000];
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                match socket.recv_from(&mut buffer) {
                    Ok(heard) if is_asked(&buffer[..heard.len]) => {
                        for packet in packets {
                            socket.send_to(packet, socket.group()).expect("sent");
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        let _end = End(&is_over);
        act()
    })
}

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words).args(["-4", "--interface", "lo*"]);
    command
        .env_remove("RUST_LOG")
        .output()
        .expect("the program")
}

/// The commands that show addresses, or records of the type A, once.
const COMMANDS: [&[&str]; 4] = [
    &["lookup", "HOST"],
    &["resolve", "DESK"],
    &["browse", "TYPE", "--resolve", "-n", "1"],
    &["query", "HOST", "A"],
];

/// Runs a command; how many addresses it shows, and whether it says that some are missing.
fn shown(command: &[&str], kind: &str) -> (usize, bool) {
    let (desk, host) = (format!("Desk.{kind}.local"), host(kind));
    let words: Vec<&str> = command
        .iter()
        .map(|word| match *word {
            "HOST" => &*host,
            "DESK" => &*desk,
            "TYPE" => kind,
            word => word,
        })
        .collect();
    let output = run(&[&words[..], &["--json"]].concat());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (mut most, mut records, mut is_incomplete) = (0, 0, false);
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        most = most.max(line["addresses"].as_array().map_or(0, Vec::len));
        records += usize::from(line["event"] == "record");
        is_incomplete |= line["event"] == "incomplete";
    }
    (most.max(records), is_incomplete)
}

fn host(kind: &str) -> String {
    format!("{}.local", kind.replace(['_', '.'], ""))
}

/// Has `Desk` of a type there, on a host with so many addresses, while something is done.
fn with_desk<T>(kind: &str, addresses: usize, act: impl FnOnce() -> T) -> T {
    let names = [
        name(&format!("{kind}.local")),
        name(&format!("Desk.{kind}.local")),
        name(&host(kind)),
    ];
    let [of_kind, desk, host] = &names;
    answered(&names, &packets(of_kind, desk, host, addresses), act)
}

#[test]
fn a_host_with_300_addresses_is_shown_whole() {
    let kind = "_t-many._tcp";
    with_desk(kind, 300, || {
        for command in COMMANDS {
            assert_eq!(shown(command, kind), (300, false), "{command:?}");
        }
    });
}

/// Of a name 1,024 records are looked at for its addresses; a query tells all that are kept.
#[test]
fn addresses_beyond_the_limit_are_said_to_be_missing() {
    let kind = "_t-more._tcp";
    with_desk(kind, 1_200, || {
        for command in &COMMANDS[..3] {
            let (shown, is_incomplete) = shown(command, kind);
            assert!(is_incomplete && shown <= 1_024, "{command:?}: {shown}");
        }
        assert_eq!(shown(COMMANDS[3], kind), (1_200, false));
        // Where values alone are printed, it is said beside them.
        let host = host(kind);
        let output = run(&["lookup", &host, "--short"]);
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(errors.contains("more than memory allows"), "{errors}");
    });
}
