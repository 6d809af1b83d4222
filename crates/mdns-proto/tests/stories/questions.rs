//! How questions are asked (RFC 6762 §5.2, §5.3, §7.1, §7.2, §7.3).

use expect_test::expect;
use mdns_proto::wire::{Question, Rdata, RecordType, Section};
use mdns_sim::Conditions;

use super::{millis, name, net, secs, shared};

/// A question is asked ever more rarely: after one second, two, four, up to an hour (§5.2).
///
/// covers: 6762-5.2-a, 6762-5.2-b, 6762-5.2-c, 6762-5.4-d
#[test]
fn a_browser_alone_asks_ever_more_rarely() {
    let mut net = net(7);
    let attic = net.host("attic");
    net.run_for(secs(3));
    net.skip();
    attic.browse("_ipp._tcp");
    net.run_for(secs(4 * 3600));
    net.expect(expect![[r#"
        3.057 attic  asks     _ipp._tcp PTR?
        4.291 attic  asks     _ipp._tcp PTR?
        6.759 attic  asks     _ipp._tcp PTR?
        11.697 attic  asks     _ipp._tcp PTR?
        21.571 attic  asks     _ipp._tcp PTR?
        41.320 attic  asks     _ipp._tcp PTR?
        80.818 attic  asks     _ipp._tcp PTR?
        159.814 attic  asks     _ipp._tcp PTR?
        317.806 attic  asks     _ipp._tcp PTR?
        633.791 attic  asks     _ipp._tcp PTR?
        1265.759 attic  asks     _ipp._tcp PTR?
        2529.697 attic  asks     _ipp._tcp PTR?
        5057.571 attic  asks     _ipp._tcp PTR?
        9501.101 attic  asks     _ipp._tcp PTR?
        13944.630 attic  asks     _ipp._tcp PTR?
    "#]]);
}

/// Known answers that do not fit in one packet go on in others, all but the last with TC (§7.2).
///
/// covers: 6762-7.1-a, 6762-7.2-a, 6762-7.2-b, 6762-7.2-c
#[test]
fn many_known_answers_take_several_packets() {
    if crate::lacks_room_for("200 results") {
        return;
    }
    let net = net(7);
    let tool = net.peer("tool");
    let attic = net.host("attic").browse("_ipp._tcp");
    net.run_for(millis(500));
    let ipp = name("_ipp._tcp.local");
    let instances: Vec<_> = (0..200)
        .map(|n| name(&format!("Printer number {n} of the house._ipp._tcp.local")))
        .collect();
    for some in instances.chunks(20) {
        tool.say(|message| {
            for instance in some {
                message
                    .record(
                        Section::Answer,
                        &shared(&ipp, 4500, Rdata::Ptr(instance.as_name())),
                    )
                    .unwrap();
            }
        });
    }
    net.run_for(secs(1));
    assert_eq!(attic.found().len(), 200);
    tool.forget();
    // The next question comes two seconds after the one before.
    net.run_for(secs(60));

    let heard = tool.heard();
    let is_series = |at: &usize| {
        let message = heard[*at].packet.message().unwrap();
        let asks = |question: Question<'_>| question.qtype == RecordType::PTR;
        message.questions().any(asks) && message.header().flags.truncated()
    };
    let first = (0..heard.len()).find(is_series).unwrap();
    let mut known = 0;
    let mut packets = 0;
    for heard in &heard[first..] {
        let message = heard.packet.message().unwrap();
        assert!(heard.packet.bytes.len() <= 1472);
        known += message.answer_count();
        packets += 1;
        assert_eq!(message.question_count() > 0, packets == 1);
        if !message.header().flags.truncated() {
            break;
        }
    }
    assert_eq!(known, 200);
    assert!((4..=7).contains(&packets), "{packets}");
}

/// Three browsers of one type: a question that another has just asked need not be asked again (§7.3).
///
/// covers: 6762-7.3-a
#[test]
fn a_question_of_another_is_as_good_as_ones_own() {
    let mut net = net(7);
    let attic = net.host("attic");
    let desk = net.host("desk");
    let shed = net.host("shed");
    net.run_for(secs(3));
    net.skip();
    for host in [attic, desk, shed] {
        host.browse("_ipp._tcp");
    }
    net.run_for(secs(60));
    net.expect(expect![[r#"
        3.024 shed   asks     _ipp._tcp PTR?
        4.060 attic  asks     _ipp._tcp PTR?
        6.132 attic  asks     _ipp._tcp PTR?
        10.276 attic  asks     _ipp._tcp PTR?
        18.565 attic  asks     _ipp._tcp PTR?
        35.141 attic  asks     _ipp._tcp PTR?
    "#]]);
}

/// Twenty browsers of one type that start at one moment: chance pulls them apart, and then one asks for all (§7.3).
///
/// covers: 6762-7.3-a
#[test]
fn twenty_browsers_ask_like_a_few() {
    for seed in 0..5 {
        let net = net(seed);
        net.segment().set(Conditions {
            delay: millis(1)..=millis(5),
            ..Conditions::default()
        });
        let tool = net.peer("tool");
        let crowd: Vec<_> = (0..20).map(|n| net.host(&format!("host-{n}"))).collect();
        net.run_for(secs(3));
        tool.forget();
        for host in &crowd {
            host.browse("_ipp._tcp");
        }
        net.run_for(secs(12 * 3600));
        // One alone asks 13 times in the first hour and a quarter, then once an hour.
        let asked = tool.heard().len();
        assert!((20..=60).contains(&asked), "{asked}, seed {seed}");
    }
}

/// A browser that is what is looked for says so with its question: who does not know it yet must ask (§7.1, §7.3).
///
/// covers: 6762-7.3-b
#[test]
fn the_question_of_an_owner_does_not_silence_those_who_look_for_it() {
    for seed in 0..50 {
        let net = net(seed);
        let [hall, attic, desk] =
            ["hall", "attic", "desk"].map(|name| net.host(name).browse("_ipp._tcp"));
        hall.advertise("Printer", "_ipp._tcp", 631);
        net.segment().part(&[&hall, &attic]);
        net.run_for(secs(10));
        assert!(desk.found().is_empty());
        net.segment().heal();
        net.run_for(secs(20));
        assert_eq!(desk.found().len(), 1, "seed {seed}");
    }
}

/// A one-shot query ends with its first answer, with a denial, or after three seconds (§5.1).
///
/// covers: 6762-5.1-b
#[test]
fn a_query_ends() {
    let mut net = net(7);
    net.host("hall");
    let attic = net.host("attic");
    net.run_for(secs(3));
    net.skip();
    attic.query("hall", RecordType::A);
    net.run_for(secs(5));
    attic.query("hall", RecordType::AAAA);
    net.run_for(secs(5));
    attic.query("nobody", RecordType::A);
    net.run_for(secs(5));
    net.expect(expect![[r#"
        3.000 attic  hears    hall has A 10.0.0.1
        3.000 attic  ends     hall A: answered
        8.000 attic  asks     hall AAAA?
        8.000 hall   says     hall NSEC! A
        8.000 attic  hears    hall has no AAAA
        8.000 attic  ends     hall AAAA: denied
        13.000 attic  asks     nobody A?
        14.167 attic  asks     nobody A?
        16.000 attic  ends     nobody A: no answer
    "#]]);
}
