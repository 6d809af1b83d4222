//! The packet of a report: what may be read of it, and that it does a host no harm.

use std::{fmt::Write as _, path::Path};

use mdns_proto::{
    config::Config,
    link::Via,
    wire::{Message, Words},
};

use super::raw::Raw;
use crate::rfc6762::bench::{Bench, Heard, OTHER, PEER, ms};

/// What there is to read: so many questions, so many records, and how the packet ends.
pub(super) struct Read(pub(super) usize, pub(super) usize, pub(super) End);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All that was counted is there, and right.
    Sound,
    /// It has its end, and something before it is wrong.
    Gaps,
    /// The rest cannot be told apart.
    Cut,
    /// It is no message at all.
    Nothing,
}

/// Packets of more bytes make no seed for a fuzzer.
const SEED_MAX: usize = 9000;

/// Takes the packet of a report: it is read as stated, put into words, heard by a host in every way there is; after which the host
/// answers and finds as ever. It is a seed of the corpus, too.
pub(super) fn harmless(raw: &Raw, read: Read) {
    harmless_bytes(&raw.done(), read);
}

pub(super) fn harmless_bytes(bytes: &[u8], read: Read) {
    reads(bytes, read);
    seeds_the_corpus(bytes);
    let mut bench = witness();
    for bytes in both_ways(bytes) {
        for (source, via) in [
            (PEER, Via::Multicast),
            (PEER, Via::Unicast),
            ("10.0.0.7:40000", Via::Multicast),
            ("10.0.0.7:40000", Via::Unicast),
        ] {
            bench.hear_bytes(bench.links[0], source, via, &bytes);
            bench.run(ms(2000));
        }
    }
    let sent = bench.take().len();
    assert!(sent <= 40, "{sent} datagrams for 8 packets");
    assert_well(&mut bench);
}

/// The packet, and the packet as a query if it is a response, or the other way round.
fn both_ways(bytes: &[u8]) -> [Vec<u8>; 2] {
    let mut other = bytes.to_vec();
    if let Some(flags) = other.get_mut(2) {
        *flags ^= 0x80;
    }
    [bytes.to_vec(), other]
}

/// What is there to read is read, and put into words without a control character.
fn reads(bytes: &[u8], Read(questions, records, end): Read) {
    // A slice that ends where its allocation does: what reads past it is seen by a sanitizer.
    let bytes: Box<[u8]> = bytes.into();
    let mut text = Words::of(&bytes).to_string();
    let Ok(message) = Message::parse(&bytes) else {
        assert_eq!((0, 0, End::Nothing), (questions, records, end));
        return;
    };
    let found = if message.is_sound() {
        End::Sound
    } else if message.is_whole() {
        End::Gaps
    } else {
        End::Cut
    };
    assert_eq!(
        (
            message.questions().count(),
            message.records().count(),
            found
        ),
        (questions, records, end),
        "{message:?}"
    );
    write!(text, "{message:?}").expect("text");
    for question in message.questions() {
        write!(text, "{question} {question:?}").expect("text");
    }
    for (_, record) in message.records() {
        write!(text, "{record} {record:?} {}", record.rdata.wire_len()).expect("text");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

/// A host with a printer and a browse, announced and quiet.
pub(super) fn witness() -> Bench {
    let mut bench = Bench::with(1, Config::DEFAULT, &["10.0.0.1/24"]);
    bench.add_host("hall");
    bench.register_printer();
    bench.browse("_http._tcp.local");
    bench.run(ms(20_000));
    bench.forget();
    bench
}

/// The host has its names, answers for them, and finds an honest peer.
pub(super) fn assert_well(bench: &mut Bench) {
    bench.run(ms(10_000));
    assert!(
        !bench.events.iter().any(|event| event.contains("renamed")),
        "{:?}",
        bench.events
    );
    bench.forget();
    assert_answers(bench, "hall.local A", "hall.local 120 IN! A 10.0.0.1");
    assert_finds(bench, "Honest");
}

/// A question from the link is answered within a second.
pub(super) fn assert_answers(bench: &mut Bench, question: &str, answer: &str) {
    bench.run(ms(1100));
    bench.take();
    bench.hear_from(OTHER, Via::Multicast, &Heard::query(&[question]));
    bench.run(ms(1000));
    let sent = bench.take();
    assert!(
        sent.iter().any(|sent| sent.says(answer)),
        "{answer}: {sent:#?}"
    );
}

/// An honest instance of `_http._tcp` is found, with all that there is to know of it.
pub(super) fn assert_finds(bench: &mut Bench, label: &str) {
    bench.events.clear();
    let instance = format!("{label}._http._tcp.local");
    let said = [
        &format!("_http._tcp.local 4500 IN PTR {instance}"),
        &format!("{instance} 120 IN! SRV 0 0 80 honest.local"),
        &format!("{instance} 4500 IN! TXT \"a=b\""),
        "honest.local 120 IN! A 10.0.0.8",
    ];
    bench.hear_from(OTHER, Via::Multicast, &Heard::response(&said));
    bench.run(ms(1000));
    let found = format!("found {instance} at honest.local:80 10.0.0.8 \"a=b\"");
    assert!(bench.events.contains(&found), "{:?}", bench.events);
}

/// The packet stands in the seed corpus of the fuzzer under the name of the test. With `BLESS` set it is written there.
fn seeds_the_corpus(bytes: &[u8]) {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next());
    // Where tests have no threads of their own, they have no names.
    let Some(test) = test.filter(|name| *name != "main" && bytes.len() <= SEED_MAX) else {
        return;
    };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/message");
    let path = corpus.join(format!("sec-{test}"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(&corpus).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
    }
    assert!(
        std::fs::read(&path).is_ok_and(|seed| seed == bytes),
        "{} is not the packet of this test; to write it: \
         BLESS=1 cargo test --package mdns-proto --all-features --test heap security::packets",
        path.display()
    );
}
