//! Who is answered what, when, and how (RFC 6762 §5.4, §6, §7).

use expect_test::expect;
use mdns_proto::{
    link::Destination,
    wire::{Flags, Header, Question, Rdata, RecordType, Section},
};
use mdns_sim::{Host, Net, Peer, message};

use crate::Memory;

use super::{millis, name, net, secs, shared};

/// A host with a printer that is long established, and a tool that asks.
fn hall_and_tool(seed: u64) -> (Net<Memory>, Host<Memory>, Peer<Memory>) {
    let mut net = net(seed);
    let hall = net.host("hall").advertise("Printer", "_ipp._tcp", 631);
    let tool = net.peer("tool");
    net.run_for(secs(10));
    net.skip();
    (net, hall, tool)
}

/// Half the TTL is known well enough; a second less is not (§7.1).
///
/// covers: 6762-7.1-c, 6762-7.1-d, 6762-7.1-i, 6763-12.1-a
#[test]
fn an_answer_that_is_known_is_not_given() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let (ipp, printer) = (name("_ipp._tcp.local"), name("Printer._ipp._tcp.local"));
    for ttl in [2250, 2249] {
        tool.ask(|message| {
            message
                .question(&Question::new(ipp.as_name(), RecordType::PTR))
                .unwrap();
            let known = shared(&ipp, ttl, Rdata::Ptr(printer.as_name()));
            message.record(Section::Answer, &known).unwrap();
        });
        net.run_for(secs(2));
    }
    net.expect(expect![[r#"
        10.000 tool   asks     _ipp._tcp PTR?  knows PTR Printer 2250 s
        12.000 tool   asks     _ipp._tcp PTR?  knows PTR Printer 2249 s
        12.023 hall   says     PTR Printer  (+ SRV! hall:631, TXT!, hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
    "#]]);
}

/// A query with TC has more known answers to come: they are waited for, 400 to 500 ms (§7.2).
///
/// covers: 6762-7.2-d, 6762-7.2-e, 6762-7.2-h, 6762-6-o
#[test]
fn known_answers_in_a_second_packet_are_waited_for() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let (ipp, printer) = (name("_ipp._tcp.local"), name("Printer._ipp._tcp.local"));
    let question = Question::new(ipp.as_name(), RecordType::PTR);
    let begin = || {
        tool.ask(|message| {
            message.question(&question).unwrap();
            message.set_truncated(true);
        });
    };
    begin();
    net.run_for(millis(300));
    tool.ask(|message| {
        let known = shared(&ipp, 4500, Rdata::Ptr(printer.as_name()));
        message.record(Section::Answer, &known).unwrap();
    });
    net.run_for(secs(2));
    net.expect(expect![[r#"
        10.000 tool   asks     _ipp._tcp PTR?  and more
        10.300 tool   asks     knows PTR Printer 4500 s
    "#]]);

    // Nothing more comes: then the answer does.
    begin();
    net.run_for(secs(2));
    net.expect(expect![[r#"
        12.300 tool   asks     _ipp._tcp PTR?  and more
        12.784 hall   says     PTR Printer  (+ SRV! hall:631, TXT!, hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
    "#]]);
}

/// What was multicast within a quarter of its TTL goes by unicast to who wants it so; what was not, to all (§5.4).
///
/// covers: 6762-5.4-e, 6762-5.4-f, 6762-5.4-h
#[test]
fn a_question_for_a_unicast_answer_gets_one_while_the_record_is_fresh() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let hall = name("hall.local");
    let ask = |unicast| {
        let question = Question {
            unicast,
            ..Question::new(hall.as_name(), RecordType::A)
        };
        tool.ask(|message| message.question(&question).unwrap());
    };
    ask(true);
    net.run_for(secs(1));
    ask(false);
    net.run_for(secs(29));
    ask(true);
    net.run_for(secs(2));
    ask(true);
    net.run_for(secs(1));
    net.expect(expect![[r#"
        10.000 tool   asks     hall A? QU
        10.000 hall   says     to tool  hall A! 10.0.0.1  (+ NSEC! A)
        11.000 tool   asks     hall A?
        11.000 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
        40.000 tool   asks     hall A? QU
        40.000 hall   says     to tool  hall A! 10.0.0.1  (+ NSEC! A)
        42.000 tool   asks     hall A? QU
        42.000 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
    "#]]);
}

/// A record is multicast at most once a second (§6); a question that comes sooner is answered when the second is over.
///
/// covers: 6762-6-v, 6762-6-y
#[test]
fn a_record_is_multicast_once_a_second() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let hall = name("hall.local");
    for _ in 0..8 {
        tool.ask(|message| {
            message
                .question(&Question::new(hall.as_name(), RecordType::A))
                .unwrap()
        });
        net.run_for(millis(300));
    }
    net.run_for(secs(2));
    net.expect(expect![[r#"
        10.000 tool   asks     hall A?
        10.000 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
        10.300 tool   asks     hall A?
        10.600 tool   asks     hall A?
        10.900 tool   asks     hall A?
        11.001 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
        11.200 tool   asks     hall A?
        11.500 tool   asks     hall A?
        11.800 tool   asks     hall A?
        12.001 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
        12.100 tool   asks     hall A?
        13.001 hall   says     hall A! 10.0.0.1  (+ NSEC! A)
    "#]]);
}

/// A simple resolver asks from another port: it gets its id and question back, short TTLs and no cache-flush bit (§6.7).
///
/// covers: 6762-6.7-a, 6762-6.7-b, 6762-6.7-c, 6762-6.7-e, 6762-6.7-f, 6762-10.2-j
#[test]
fn a_simple_resolver_is_answered_in_its_own_manner() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let printer = name("PRINTER._ipp._tcp.local");
    let header = Header {
        id: 77,
        flags: Flags(0x0100),
    };
    let query = message(header, |message| {
        message
            .question(&Question::new(printer.as_name(), RecordType::SRV))
            .unwrap();
    });
    tool.send_from(4711, Destination::Multicast, query);
    net.run_for(secs(2));
    net.expect(expect![[r#"
        10.000 tool   asks     from port 4711 PRINTER._ipp._tcp SRV?
        10.000 hall   says     to tool:4711  #77 PRINTER._ipp._tcp SRV?: SRV hall:631 10 s  (+ hall A 10.0.0.1 10 s, Printer NSEC TXT SRV, hall NSEC A)
    "#]]);
}

/// A host that has no IPv6 address says so, and nobody has to wait (§6.1).
///
/// covers: 6762-6-f, 6762-6.1-a, 6762-6.1-m
#[test]
fn what_is_not_there_is_denied() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    let hall = name("hall.local");
    tool.ask(|message| {
        message
            .question(&Question::new(hall.as_name(), RecordType::AAAA))
            .unwrap()
    });
    net.run_for(secs(2));
    net.expect(expect![[r#"
        10.000 tool   asks     hall AAAA?
        10.000 hall   says     hall NSEC! A
    "#]]);
}

/// All that one can be asked, and who is not: types (RFC 6763 §9), an address (§4 of RFC 6762), a name of nobody.
///
/// covers: 6762-6.5-a, 6762-6-e, 6762-6-g, 6762-6-k, 6763-9-a, 6763-9-c, 6763-12.2-a, 6763-12.3-a
#[test]
fn other_questions_are_answered_too() {
    let (mut net, _hall, tool) = hall_and_tool(7);
    for (text, rtype) in [
        ("_services._dns-sd._udp.local", RecordType::PTR),
        ("1.0.0.10.in-addr.arpa", RecordType::PTR),
        ("Printer._ipp._tcp.local", RecordType::ANY),
        ("printer._IPP._tcp.local", RecordType::TXT),
        ("Scanner._ipp._tcp.local", RecordType::SRV),
        ("_http._tcp.local", RecordType::PTR),
    ] {
        let name = name(text);
        tool.ask(|message| {
            message
                .question(&Question::new(name.as_name(), rtype))
                .unwrap()
        });
        net.run_for(secs(2));
    }
    net.expect(expect![[r#"
        10.000 tool   asks     _services._dns-sd._udp PTR?
        10.046 hall   says     types PTR _ipp._tcp
        12.000 tool   asks     1.0.0.10.in-addr.arpa PTR?
        12.000 hall   says     10.0.0.1 PTR! hall  (+ NSEC! PTR)
        14.000 tool   asks     Printer._ipp._tcp ANY?
        14.000 hall   says     Printer SRV! hall:631, TXT!  (+ hall A! 10.0.0.1, Printer NSEC! TXT SRV, hall NSEC! A)
        16.000 tool   asks     printer._IPP._tcp TXT?
        16.000 hall   says     Printer TXT!  (+ NSEC! TXT SRV)
        18.000 tool   asks     Scanner._ipp._tcp SRV?
        20.000 tool   asks     _http._tcp PTR?
    "#]]);
}
