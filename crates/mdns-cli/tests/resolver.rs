//! `mdns resolver` at work: over real sockets on loopback, beside a command that advertises.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use mdns_proto::{
    name::NameBuf,
    wire::{Flags, Header, Message, Question, RecordType, Writer},
};
use serde_json::Value;

/// Far more than anything takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn mdns(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.args(words);
    command
}

/// A running command. It ends with the test.
struct Running {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut command = mdns(words);
        let command = command.args(["--interface", "lo*", "-4", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program");
        let output = child.stdout.take().expect("its output");
        Running {
            child,
            told: BufReader::new(output).lines(),
        }
    }

    fn next(&mut self) -> Value {
        let line = self.told.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Something that is resolved: a service on a host of this name.
    fn advertised(name: &str, host: &str) -> Self {
        let mut advertised =
            Running::start(&["advertise", name, "_test._tcp", "80", "--host", host]);
        while advertised.next()["event"] != "registered" {}
        advertised
    }

    fn resolver(words: &[&str]) -> (Self, SocketAddr) {
        let address = free_address();
        let listen = address.to_string();
        let mut resolver = Running::start(&[&["resolver", "--listen", &listen], words].concat());
        let line = resolver.next();
        assert_eq!(line["event"], "listening");
        assert_eq!(line["address"], listen);
        (resolver, address)
    }

    /// Ends it as a service manager would, and returns its last line.
    fn terminate(mut self) -> Value {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.expect("kill").success());
        let last = self.next();
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
        last
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// An address that nobody listens on, over UDP and TCP.
fn free_address() -> SocketAddr {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

fn query(name: &str, rtype: RecordType) -> Vec<u8> {
    let name: NameBuf = name.parse().expect("a name");
    let mut buffer = [0; 512];
    let header = Header {
        id: 77,
        flags: Flags(0x0100),
    };
    let mut writer = Writer::new(&mut buffer, 512, header);
    writer
        .question(&Question::new(name.as_name(), rtype))
        .expect("room");
    let len = writer.finish();
    buffer[..len].to_vec()
}

/// Response code and answers.
fn read(bytes: &[u8]) -> (u8, Vec<String>) {
    let message = Message::parse(bytes).expect("a message");
    assert!(message.is_sound());
    let header = message.header();
    assert!(header.id == 77 && header.flags.response());
    let answers = message.answers().map(|record| record.to_string()).collect();
    (header.flags.rcode(), answers)
}

fn over_udp(address: SocketAddr, name: &str, rtype: RecordType) -> (u8, Vec<String>) {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    socket.set_read_timeout(Some(SOON)).expect("a timeout");
    socket.send_to(&query(name, rtype), address).expect("sent");
    let mut buffer = [0; 2048];
    let (len, from) = socket.recv_from(&mut buffer).expect("a response");
    assert_eq!(from, address);
    read(&buffer[..len])
}

fn write_to(stream: &mut TcpStream, message: &[u8]) {
    let len = u16::try_from(message.len()).expect("short");
    stream.write_all(&len.to_be_bytes()).expect("sent");
    stream.write_all(message).expect("sent");
}

fn read_from(stream: &mut TcpStream) -> (u8, Vec<String>) {
    let mut len = [0; 2];
    stream.read_exact(&mut len).expect("a length");
    let mut message = vec![0; u16::from_be_bytes(len).into()];
    stream.read_exact(&mut message).expect("a response");
    read(&message)
}

/// covers: 1035-4.2.2-a
#[test]
fn names_of_the_link_are_told_over_udp_and_tcp() {
    let _advertised = Running::advertised("Rz Desk", "rz-hall");
    let (resolver, address) = Running::resolver(&[]);
    let (rcode, answers) = over_udp(address, "rz-hall.local", RecordType::A);
    assert_eq!(rcode, 0);
    assert!(
        answers.contains(&"rz-hall.local 10 IN A 127.0.0.1".to_owned()),
        "{answers:?}"
    );
    // No address of this family, and the name is there.
    assert_eq!(
        over_udp(address, "rz-hall.local", RecordType::MX),
        (0, vec![])
    );
    assert_eq!(over_udp(address, "example.com", RecordType::A).0, 5);

    // Two queries behind each other, in pieces; the client then says that it has no more.
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    write_to(&mut stream, &query("_test._tcp.local", RecordType::PTR));
    let second = query("Rz Desk._test._tcp.local", RecordType::SRV);
    stream.write_all(&[0]).expect("sent");
    stream.flush().expect("sent");
    stream
        .write_all(&[u8::try_from(second.len()).expect("short")])
        .expect("sent");
    stream.write_all(&second).expect("sent");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("half closed");
    let mut both = [read_from(&mut stream), read_from(&mut stream)];
    both.sort();
    assert_eq!(
        both[0],
        (
            0,
            vec!["Rz Desk._test._tcp.local 10 IN SRV 0 0 80 rz-hall.local".to_owned()]
        )
    );
    let pointer = "_test._tcp.local 10 IN PTR Rz Desk._test._tcp.local".to_owned();
    assert!(both[1].1.contains(&pointer), "{both:?}");
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);

    let last = resolver.terminate();
    assert_eq!(
        (&last["event"], &last["queries"]),
        (&"stopped".into(), &5.into())
    );
    assert_eq!(
        (&last["responses"], &last["refused"]),
        (&5.into(), &1.into())
    );
}

/// covers: none (an absent name)
#[test]
fn an_absent_name_is_told_after_the_wait() {
    let (_resolver, address) = Running::resolver(&["--wait", "0.3"]);
    let begun = Instant::now();
    assert_eq!(
        over_udp(address, "rz-none.local", RecordType::A),
        (3, vec![])
    );
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

/// covers: none (who may ask)
#[test]
fn clients_that_are_not_allowed_are_refused() {
    let (_resolver, address) = Running::resolver(&["--allow", "192.0.2.0/24"]);
    assert_eq!(over_udp(address, "rz-none.local", RecordType::A).0, 5);
}

/// A client that says nothing, one that lies about the length, and one that sends what is no query.
///
/// covers: SEC-11, SEC-13
#[test]
fn strange_clients_do_no_harm() {
    let (_resolver, address) = Running::resolver(&["--wait", "0.2"]);
    let _silent = TcpStream::connect(address).expect("a connection");
    let mut short = TcpStream::connect(address).expect("a connection");
    short.write_all(&[0xff, 0xff, 1, 2, 3]).expect("sent");
    drop(short);
    let mut empty = TcpStream::connect(address).expect("a connection");
    empty.write_all(&[0, 0, 0, 1, 9]).expect("sent");
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    for junk in [&[][..], &[0; 5], &[0xff; 600], &[0; 8000]] {
        socket.send_to(junk, address).expect("sent");
    }
    let _many: Vec<_> = (0..200).map(|_| TcpStream::connect(address)).collect();
    assert_eq!(over_udp(address, "rz-none.local", RecordType::A).0, 3);
}

/// covers: none (libnss-mdns in place of Avahi)
#[test]
fn the_socket_speaks_the_text_protocol_of_avahi() {
    let _advertised = Running::advertised("Rz Socket", "rz-socket");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run/socket");
    let path = path.to_str().expect("UTF-8");
    let mut resolver = Running::start(&["resolver", "--nss-socket", path]);
    let line = resolver.next();
    assert_eq!(
        (&line["event"], &line["socket"]),
        (&"listening".into(), &path.into())
    );
    let ask = |line: &str| {
        let mut stream = UnixStream::connect(path).expect("the socket");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        writeln!(stream, "{line}").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let answer = ask("RESOLVE-HOSTNAME-IPV4 rz-socket.local");
    let words: Vec<&str> = answer.split_whitespace().collect();
    assert!(
        matches!(words[..], ["+", "1", "0", "rz-socket.local", "127.0.0.1"]),
        "{answer}"
    );
    assert_eq!(
        ask("RESOLVE-HOSTNAME example.com"),
        "-3 Invalid host name\n"
    );
    assert_eq!(ask("RESOLVE-ADDRESS here"), "-14 Invalid address\n");
    assert_eq!(ask("BROWSE"), "-1 Operation failed\n");
    assert_eq!(ask(&"x".repeat(1000)), "-1 Operation failed\n");
    // The module asks for one family after the other: the second does not wait again.
    assert_eq!(
        ask("RESOLVE-HOSTNAME-IPV4 rz-none.local"),
        "-15 Timeout reached\n"
    );
    assert_eq!(
        ask("RESOLVE-HOSTNAME-IPV6 rz-none.local"),
        "-15 Timeout reached\n"
    );

    // One socket, one server.
    let second = mdns(&["resolver", "--nss-socket", path, "-i", "lo*"]).output();
    let second = second.expect("the program");
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(path) && said.contains("in use"), "{said}");
    assert_eq!(resolver.terminate()["event"], "stopped");
    assert!(!std::path::Path::new(path).exists());
}

/// covers: none (a socket that a crash left behind)
#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let path = path.to_str().expect("UTF-8");
    let mut resolver = Running::start(&["resolver", "--nss-socket", path]);
    assert_eq!(resolver.next()["event"], "listening");
    UnixStream::connect(path).expect("the socket");
}

/// covers: none (an address that is taken)
#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let output = mdns(&["resolver", "--listen", &address, "-i", "lo*"]).output();
    let output = output.expect("the program");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&address) && said.contains("another program"),
        "{said}"
    );
}

/// covers: SEC-20
#[test]
fn bad_arguments_are_refused_with_the_reason() {
    for (words, named) in [
        (&["--listen", "127.0.0.1"][..], "address and a port"),
        (&["--listen", "127.0.0.1:5353"], "multicast DNS"),
        (&["--listen", "127.0.0.1:0"], "port from 1"),
        (&["--zone", "example.com"], "--interface"),
        (
            &["--zone", "x.local", "-i", "lo*"],
            "not a name that DNS could delegate",
        ),
        (&["--zone", "a..b", "-i", "lo*"], "empty label"),
        (&["--allow", "10.0.0.0/33"], "not a network"),
        (&["--wait", "0"], "above 0"),
        (&["--wait", "11"], "at most 10 s"),
        (&["--server-name", "ns.example.com"], "--zone"),
    ] {
        let output = mdns(&[&["resolver"], words].concat())
            .output()
            .expect("the program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(
            said.contains(named),
            "{words:?} does not name {named:?}: {said}"
        );
    }
}

/// covers: 8766-5.5-a, 8766-5.6-b
#[test]
fn a_zone_stands_for_the_link_and_a_goodbye_counts_at_once() {
    let advertised = Running::advertised("Rz Printer", "rz-printer");
    let words = ["--zone", "link1.example.com"];
    let (_resolver, address) = Running::resolver(&words);
    let ask = |name: &str, rtype| over_udp(address, &format!("{name}.link1.example.com"), rtype);
    let pointer =
        "_test._tcp.link1.example.com 10 IN PTR Rz Printer._test._tcp.link1.example.com".to_owned();
    assert!(ask("_test._tcp", RecordType::PTR).1.contains(&pointer));
    let srv =
        "Rz Printer._test._tcp.link1.example.com 10 IN SRV 0 0 80 rz-printer.link1.example.com"
            .to_owned();
    assert_eq!(ask("Rz Printer._test._tcp", RecordType::SRV).1, [srv]);
    // Loopback means nothing to who asks from elsewhere.
    let addresses = ask("rz-printer", RecordType::A);
    assert!(
        !addresses
            .1
            .iter()
            .any(|answer| answer.contains("127.0.0.1")),
        "{addresses:?}"
    );
    drop(advertised.terminate());
    let begun = Instant::now();
    while ask("_test._tcp", RecordType::PTR).1.contains(&pointer) {
        assert!(begun.elapsed() < SOON, "it is told still");
        std::thread::sleep(Duration::from_millis(100));
    }
}
