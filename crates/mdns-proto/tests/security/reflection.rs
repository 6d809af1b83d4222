//! How much a host can be made to send: the bytes for one byte that it hears, and the datagrams in a second.

use mdns_proto::{config::Config, link::Via};

use super::{
    raw::*,
    report::{assert_answers, assert_well, witness},
};
use crate::{
    lacks_room_for,
    rfc6762::bench::{Bench, PEER, ms},
};

/// The most questions a second that are answered by unicast on one link; docs/security.md states it.
const REPLIES_MAX: usize = 100;

/// The most datagrams of questions and known answers that one link sends in a second.
const QUESTIONS_MAX: usize = 50;

/// The bytes that a host sends, UDP payload alone, for one packet; and in how many datagrams.
fn sent_for(bench: &mut Bench, source: &str, bytes: &[u8]) -> (usize, usize) {
    bench.run(ms(5000));
    bench.forget();
    bench.hear_bytes(bench.links[0], source, Via::Multicast, bytes);
    bench.run(ms(2000));
    let sent = bench.take();
    (sent.iter().map(|sent| sent.bytes.len()).sum(), sent.len())
}

/// The smallest questions for what is ours, one and as many as fit a packet, in each of the ways there are to ask.
///
/// covers: SEC-26, ABUSE-6
#[test]
fn the_factor_is_bounded_in_each_way_to_ask() {
    let mut bench = witness();
    let names = ["Printer._ipp._tcp.local", "hall.local", "_ipp._tcp.local"];
    let mut worst = [0f64; 3];
    for (way, source) in [PEER, PEER, "10.0.0.7:40000"].into_iter().enumerate() {
        for text in names {
            let ask = |raw: Raw, name: &[u8]| match way {
                1 => raw.question_qu(name, ANY),
                _ => raw.question(name, ANY),
            };
            let one = ask(Raw::query(), &name(text));
            let mut many = one.clone();
            while many.len() < 1466 {
                many = ask(many, &pointer(BODY));
            }
            for raw in [one, many] {
                // The same twice: what was said by multicast lately may go by unicast.
                for _ in 0..2 {
                    let bytes = raw.done();
                    let (sent, datagrams) = sent_for(&mut bench, source, &bytes);
                    worst[way] = worst[way].max(sent as f64 / bytes.len() as f64);
                    assert!(datagrams <= REPLIES_MAX);
                }
            }
        }
    }
    let [by_multicast, by_unicast, legacy] = worst;
    println!("QM {by_multicast:.1}, QU {by_unicast:.1}, legacy {legacy:.1}");
    assert!(by_multicast <= 8.0 && by_unicast <= 8.0, "{worst:?}");
    assert!(legacy <= 12.0, "{worst:?}");
    assert_well(&mut bench);
}

/// Ten thousand questions in a second from as many sources, legacy or for unicast: so many are answered by unicast, what is left by
/// multicast as ever, and a second later all is as before.
///
/// covers: SEC-15, SEC-16, ABUSE-6
#[test]
fn unicast_answers_are_counted_by_the_second() {
    for (port, qu) in [(40_000, false), (5353, true)] {
        let mut bench = Bench::with(1, Config::DEFAULT, &["10.0.0.1/8"]);
        bench.add_host("hall");
        bench.run(ms(20_000));
        bench.forget();
        let ask = if qu { Raw::question_qu } else { Raw::question };
        let query = ask(Raw::query(), &name("hall.local"), A).done();
        for n in 0..10_000 {
            let source = format!("10.1.{}.{}:{port}", n / 250, 1 + n % 250);
            bench.hear_bytes(bench.links[0], &source, Via::Multicast, &query);
            if n % 1000 == 999 {
                bench.run(ms(90));
            }
        }
        let sent = bench.take();
        let unicast = sent.iter().filter(|sent| !sent.is_multicast()).count();
        assert_eq!(unicast, REPLIES_MAX);
        assert!(sent.len() - unicast <= 2, "{}", sent.len() - unicast);
        bench.run(ms(1000));
        bench.forget();
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &query);
        bench.hear_bytes(bench.links[0], "10.0.0.7:40000", Via::Multicast, &query);
        bench.run(ms(10));
        assert!(bench.take().iter().any(|sent| !sent.is_multicast()));
        assert_answers(&mut bench, "hall.local A", "hall.local 120 IN! A 10.0.0.1");
    }
}

/// Instances that nobody has make a host ask for what they are, and list them as known: at so many datagrams a second, and in the
/// end each is asked for.
///
/// covers: SEC-16, SEC-25
#[test]
fn what_is_announced_makes_a_host_ask_at_a_pace() {
    let mut bench = witness();
    if lacks_room_for("thousands of instances") {
        return;
    }
    let instances = 6000;
    for from in (0..instances).step_by(500) {
        let mut raw = Raw::response().answer(&name("_http._tcp.local"), PTR, b"\x01x\xc0\x0c");
        for n in from..from + 500 {
            let target = [label(format!("i{n}").as_bytes()), pointer(BODY).into()].concat();
            raw = raw.answer(&pointer(BODY), PTR, &target);
        }
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
    }
    // The question for all of them is asked once more, with what is known.
    bench.browse("_http._tcp.local");
    // A second begins with the first packet after the one before.
    let mut seconds = vec![(0, 0)];
    let mut asked = std::collections::BTreeSet::new();
    bench.run(ms(60_000));
    for sent in bench.take() {
        match seconds.last_mut() {
            Some((start, count)) if sent.micros < *start + 1_000_000 => *count += 1,
            _ => seconds.push((sent.micros, 1)),
        }
        let srv = |question: &String| question.ends_with(" SRV?");
        asked.extend(sent.questions().into_iter().filter(srv));
    }
    let most = seconds.iter().map(|(_, count)| *count).max();
    assert_eq!(most, Some(QUESTIONS_MAX));
    // And the one that each packet begins with.
    assert_eq!(asked.len(), instances + 1);
    assert_well(&mut bench);
}

/// What a link cannot send is not kept for later without end: no more answers by unicast wait than may go in a second.
///
/// covers: SEC-16
#[test]
fn answers_that_cannot_be_sent_do_not_pile_up() {
    let mut bench = witness();
    let link = bench.links[0];
    bench.act(|core, _| core.set_writable(link, false));
    for n in 0..500u16 {
        let mut query = Raw::question(Raw::query(), &name("hall.local"), A).done();
        query[..2].copy_from_slice(&n.to_be_bytes());
        bench.hear_bytes(link, "10.0.0.99:40000", Via::Multicast, &query);
        bench.run(ms(20));
    }
    bench.forget();
    bench.act(|core, _| core.set_writable(link, true));
    let sent = bench.take();
    let replies = sent.iter().filter(|sent| !sent.is_multicast()).count();
    assert!((1..=REPLIES_MAX).contains(&replies), "{replies}");
}

/// A burst of instances, heard once: what a browse lists of them as known is bounded for each question and for each second, for as
/// long as they last.
///
/// covers: SEC-15, ABUSE-6
#[test]
fn what_others_said_is_not_sent_back_without_end() {
    let mut bench = Bench::new(5);
    if lacks_room_for("4,000 instances") {
        return;
    }
    bench.browse("_ipp._tcp.local");
    bench.run(ms(500));
    for first in (0..4000).step_by(20) {
        let mut raw = Raw::response();
        for n in first..first + 20 {
            let instance = name(&format!("A-printer-with-a-long-name-{n}._ipp._tcp.local"));
            raw = raw.record(1, &name("_ipp._tcp.local"), PTR, 4500, &instance);
        }
        bench.hear_bytes(bench.links[0], PEER, Via::Multicast, &raw.done());
        bench.run(ms(5));
    }
    bench.run(ms(60_000));
    for minutes in [10, 60] {
        bench.forget();
        bench.run(ms(minutes * 60_000));
        let sent: usize = bench.take().iter().map(|sent| sent.bytes.len()).sum();
        let most = (64 << 10) + minutes as usize * 60 * (2 << 10) * 11 / 10;
        assert!(sent < most, "{sent} bytes in {minutes} minutes");
    }
}
