//! `mdns decode` on recordings of other implementations, and on what is no recording.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mdns-proto/tests/captures")
}

fn decode(words: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdns"));
    command.arg("decode").args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
    let mut to = child.stdin.take().expect("its input");
    let input = input.to_vec();
    // It may end before it has read all.
    let writing = std::thread::spawn(move || to.write_all(&input).ok());
    let output = child.wait_with_output().expect("its output");
    writing.join().expect("the writer");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What another decoder read of the same files is beside them.
#[test]
fn every_packet_of_the_recordings_is_shown() {
    let mut files = 0;
    for entry in fs::read_dir(captures()).expect("a directory") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        files += 1;
        let place = path.display();
        let output = decode(&["--json", path.to_str().expect("UTF-8")], b"");
        assert_eq!(output.status.code(), Some(0), "{place}: {}", said(&output));
        let parse = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let shown: Vec<Value> = text.lines().map(parse).collect();
        let facts = fs::read_to_string(path.with_extension("jsonl")).expect("facts");
        let facts: Vec<Value> = facts.lines().map(parse).collect();
        assert_eq!(shown.len(), facts.len(), "{place}");
        for (shown, fact) in shown.iter().zip(&facts) {
            for (field, of_fact) in [
                ("source", "src"),
                ("source_port", "sport"),
                ("destination", "dst"),
                ("destination_port", "dport"),
                ("bytes", "len"),
                ("id", "id"),
            ] {
                assert_eq!(shown[field], fact[of_fact], "{place}: {field} of {shown}");
            }
            for (field, of_fact) in [
                ("questions", "qd"),
                ("answers", "an"),
                ("authorities", "ns"),
                ("additionals", "ar"),
            ] {
                let names = |list: &Value| -> Vec<Value> {
                    let list = list.as_array().expect("a list");
                    list.iter().map(|entry| entry["type"].clone()).collect()
                };
                assert_eq!(names(&shown[field]), names(&fact[of_fact]), "{place}");
            }
            let seconds = fact["t"].as_f64().expect("a number");
            let millis = shown["time_ms"].as_f64().expect("a number");
            assert!((seconds * 1e3 - millis).abs() < 1.0, "{place}: {shown}");
            assert!(shown.get("malformed").is_none(), "{place}: {shown}");
        }
    }
    assert!(files >= 20, "{files}");
}

#[test]
fn standard_input_and_a_count_are_taken() {
    let recording = fs::read(captures().join("legacy-unicast.pcap")).expect("a file");
    let output = decode(&["-", "--count", "2"], &recording);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "   0.000  10.99.0.3  asks  from port 52369 _http._tcp PTR?\n   \
            0.000  10.99.0.1  says  to 10.99.0.3:52369  #4660 _http._tcp PTR?: PTR Lab Web._http._tcp 10 s, \
         TXT path=/x 10 s, SRV h1:8080 10 s, h1 AAAA fe80::aff:fe63:1 10 s, A 10.99.0.1 10 s\n"
    );
}

/// covers: SEC-13
#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    let recording = fs::read(captures().join("legacy-unicast.pcap")).expect("a file");
    let cut = &recording[..recording.len() - 1];
    let mut wireless = recording.clone();
    wireless[20] = 127;
    let table: [(&[u8], usize, &str); 5] = [
        (b"", 0, "-: it is empty"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            0,
            "neither pcap nor pcapng",
        ),
        (
            &recording[..10],
            0,
            "it ends in the middle of the block at byte 0",
        ),
        (cut, 5, "it ends in the middle of the block at byte"),
        (&wireless, 0, "packets of link type 127 are not understood"),
    ];
    for (input, lines, why) in table {
        let output = decode(&["-"], input);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(why), "{text}");
        let shown = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(shown, lines, "{text}");
    }
    let output = decode(&["/no/such/file"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("/no/such/file: "));
}
