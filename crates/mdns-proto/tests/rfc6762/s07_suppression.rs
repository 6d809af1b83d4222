//! §7: known answers, and answers that others give.

use mdns_proto::link::Via;

use super::bench::{Bench, Heard, OTHER, PEER, ms};

const PTR: &str = "_ipp._tcp.local PTR";

fn known(ttl: u32) -> String {
    format!("_ipp._tcp.local {ttl} IN PTR Printer._ipp._tcp.local")
}

/// covers: 6762-7.1-c, 6762-7.1-d, 6762-7.1-g, 6762-7.1-i, BCT-II-9
#[test]
fn s7_1_a_known_answer_counts_from_half_its_ttl() {
    for (answer, is_silent) in [
        (known(2250), true),
        (known(2249), false),
        (
            "_IPP._tcp.local 4500 IN PTR PRINTER._ipp._TCP.local".into(),
            true,
        ),
        (
            "_ipp._tcp.local 4500 IN PTR Other._ipp._tcp.local".into(),
            false,
        ),
    ] {
        let (mut bench, _) = Bench::established(1);
        bench.hear(&Heard::query(&[PTR]).knows(&[&answer]));
        bench.run(ms(2000));
        assert_eq!(bench.take().is_empty(), is_silent, "{answer}");
    }
}

/// covers: 6762-7.1-j
#[test]
fn s7_1_a_known_answer_counts_for_each_question() {
    let (mut bench, _) = Bench::established(2);
    bench.hear(&Heard::query(&[PTR, "Printer._ipp._tcp.local SRV"]).knows(&[&known(4500)]));
    bench.run(ms(2000));
    let sent = bench.take();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].answers(),
        ["Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local"]
    );
}

/// covers: 6762-7.2-e, 6762-7.2-h, 6762-15.2-a, BCT-II-10
#[test]
fn s7_2_known_answers_may_follow_from_the_same_address() {
    for (source, is_silent) in [(PEER, true), (OTHER, false)] {
        let (mut bench, _) = Bench::established(3);
        bench.hear(&Heard::query(&[PTR]).truncated());
        bench.run(ms(100));
        bench.hear_from(
            source,
            Via::Multicast,
            &Heard::query(&[]).knows(&[&known(4500)]),
        );
        bench.run(ms(2000));
        assert_eq!(bench.take().is_empty(), is_silent);
        // And the next question is answered as ever.
        bench.hear(&Heard::query(&[PTR]));
        bench.run(ms(2000));
        assert_eq!(bench.take().len(), 1);
    }
}

/// covers: 6762-7.2-f
#[test]
fn s7_2_an_answer_for_which_another_waits_is_sent() {
    let (mut bench, _) = Bench::established(4);
    bench.hear(&Heard::query(&[PTR]).truncated());
    bench.run(ms(50));
    bench.hear_from(OTHER, Via::Multicast, &Heard::query(&[PTR]));
    bench.hear(&Heard::query(&[]).knows(&[&known(4500)]));
    bench.run(ms(2000));
    assert_eq!(bench.take().len(), 1);
}

/// covers: 6762-7.2-g
#[test]
fn s7_2_each_further_packet_pushes_the_answer_back() {
    for seed in 0..40 {
        let (mut bench, _) = Bench::established(seed);
        let start = bench.at();
        bench.hear(&Heard::query(&[PTR]).truncated());
        bench.run(ms(300));
        bench.hear(
            &Heard::query(&[])
                .knows(&["_ipp._tcp.local 4500 IN PTR x._ipp._tcp.local"])
                .truncated(),
        );
        bench.run(ms(2000));
        let (delay, _) = bench.one_since(start);
        assert!((700..=800).contains(&delay), "{delay}");
    }
}

/// covers: 6762-7.2-i, 6762-15.2-b
#[test]
fn s7_2_ten_thousand_truncated_queries_cost_no_service() {
    let (mut bench, _) = Bench::established(5);
    for n in 0..10_000u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let source = format!("10.{a}.{b}.{c}:5353");
        bench.hear_from(&source, Via::Multicast, &Heard::query(&[PTR]).truncated());
    }
    bench.run(ms(2000));
    assert!(!bench.take().is_empty());
    bench.hear(&Heard::query(&["hall.local A"]));
    assert_eq!(bench.take().len(), 1);
}

/// covers: 6762-7.4-a, 6762-7.4-b, 6762-7.4-c
#[test]
fn s7_4_an_answer_that_another_gives_is_not_given_twice() {
    for (heard, is_silent) in [
        (known(4500), true),
        (known(4499), false),
        (
            "_ipp._tcp.local 4500 IN! PTR Printer._ipp._tcp.local".into(),
            false,
        ),
    ] {
        let (mut bench, _) = Bench::established(6);
        bench.hear(&Heard::query(&[PTR]));
        bench.hear_from(OTHER, Via::Multicast, &Heard::response(&[&heard]));
        bench.run(ms(2000));
        assert_eq!(bench.take().is_empty(), is_silent, "{heard}");
    }
}
