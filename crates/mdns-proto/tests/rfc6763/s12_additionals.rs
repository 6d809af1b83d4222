//! §12: what rides along with an answer, and what gives way.

use super::bench::{Bench, Heard, ms};

/// covers: 6763-12.4-a, 6763-12.3-a
#[test]
fn s12_4_other_answers_bring_nothing_new() {
    for question in [
        "hall.local A",
        "Printer._ipp._tcp.local TXT",
        "1.0.0.10.in-addr.arpa PTR",
    ] {
        let (mut bench, _) = Bench::established(1);
        bench.hear(&Heard::query(&[question]));
        bench.run(ms(1000));
        let (_, sent) = bench.one_since(0);
        assert_eq!(sent.answers().len(), 1, "{question}");
        for line in sent.additionals() {
            assert!(line.contains(" NSEC "), "{question} brings {line}");
        }
    }
}

/// covers: 6763-12-d, 6762-17-f, 6762-18.5-b
#[test]
fn s12_additionals_give_way_to_answers() {
    let mut bench = Bench::new(2);
    bench.add_host("hall");
    let attribute = format!("a={}", "x".repeat(250));
    for label in ["Printer", "Scanner"] {
        bench.register(label, "_ipp._tcp", 631, &[attribute.as_str(); 3], &[]);
    }
    bench.run(ms(20_000));
    bench.forget();
    bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
    bench.run(ms(2000));
    let sent = bench.take();
    let pointers: usize = sent.iter().map(|sent| sent.answers().len()).sum();
    assert_eq!(pointers, 2, "every answer once");
    assert_eq!(
        sent[0].answers().len(),
        2,
        "both of them fit, so both come first"
    );
    let texts = sent[0].additionals();
    let texts = texts.iter().filter(|line| line.contains(" TXT \"a="));
    assert_eq!(texts.count(), 1, "the other has no room any more");
    for sent in sent {
        assert!(sent.bytes.len() <= 1472);
        assert_eq!(sent.message().header().flags.0, 0x8400);
    }
}
