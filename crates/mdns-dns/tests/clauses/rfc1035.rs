//! RFC 1035: messages over UDP and TCP, errors.

use mdns_dns::Transport;
use mdns_proto::wire::{Flags, Rdata, RecordType};

use crate::bench::{Bench, Query, client, name};

/// A bench with an answered request for the pointers to as many instances, each of 41 bytes.
fn with_instances(count: usize) -> (Bench, Query) {
    let mut bench = Bench::zone();
    let query = Query::new("_ipp._tcp.link1.example.com", RecordType::PTR);
    bench.query(&query);
    let request = bench.request("_ipp._tcp.local", RecordType::PTR);
    let names: Vec<_> = (0..count)
        .map(|n| name(&format!("Printer {n:05} of the house._ipp._tcp.local")))
        .collect();
    let records: Vec<_> = names
        .iter()
        .map(|name| Rdata::Ptr(name.as_name()))
        .collect();
    bench.tell(request, &records, true);
    bench.pass_millis(200);
    (bench, query)
}

/// covers: 1035-4.2.1-a
#[test]
fn s4_2_1_a_response_over_udp_has_512_bytes_at_most() {
    // 45 bytes before, 41 for each.
    for (count, fits) in [(11, true), (12, false)] {
        let (mut bench, query) = with_instances(count);
        let reply = bench.reply(&query);
        assert_eq!(reply.flags.truncated(), !fits, "{count}: {}", reply.len);
        assert!(reply.len <= 512 && reply.questions == 1);
        assert_eq!(reply.answers.len(), if fits { count } else { 0 });
        // Over TCP all of them come.
        let reply = bench.reply(&query.tcp());
        assert!(!reply.flags.truncated() && reply.answers.len() == count);
    }
}

/// covers: 1035-4.2.2-a
#[test]
fn s4_2_2_over_tcp_65535_bytes_fit_and_more_is_an_error() {
    let (mut bench, query) = with_instances(1590);
    let query = query.tcp();
    let reply = bench.reply(&query);
    assert_eq!((reply.rcode, reply.answers.len()), (0, 1590));
    assert!(reply.len > 65_000);
    let (mut bench, query) = with_instances(1600);
    let reply = bench.reply(&query.tcp());
    // Not a part of it that looks like all of it.
    assert_eq!((reply.rcode, reply.answers.len()), (2, 0));
}

/// covers: 1035-4.1.1-d
#[test]
fn s4_1_1_id_opcode_and_rd_are_repeated() {
    let mut bench = Bench::stub();
    let mut query = Query::new("example.com", RecordType::A);
    for rd in [0, 0x0100] {
        query.flags = Flags(rd);
        let reply = bench.reply(&query);
        assert_eq!(reply.flags, Flags(0x8400 | rd | 5));
    }
    // TC, AD, CD and the rest are no business of a response.
    query.flags = Flags(0x02f0);
    assert_eq!(bench.reply(&query).flags, Flags(0x8405));
}

/// covers: 1035-4.1.1-e
#[test]
fn s4_1_1_other_opcodes_are_not_implemented() {
    let mut bench = Bench::stub();
    let mut query = Query::new("hall.local", RecordType::A);
    for opcode in [1, 2, 4, 5, 6, 15] {
        query.flags = Flags(opcode << 11);
        let reply = bench.reply(&query);
        assert_eq!((reply.rcode, reply.flags.opcode()), (4, opcode as u8));
    }
    assert_eq!(bench.translator.stats().malformed, 6);
}

/// Two who answer each other's responses would do so for ever.
///
/// covers: 1035-4.1.1-f
#[test]
fn s4_1_1_a_response_is_not_answered() {
    let mut bench = Bench::stub();
    let mut query = Query::new("hall.local", RecordType::A);
    query.flags = Flags(0x8000);
    bench.query(&query);
    assert!(bench.poll().is_empty());
    let source = client("127.0.0.1:40000", Transport::Udp);
    bench.translator.handle_query(bench.now, source, b"short");
    assert!(bench.poll().is_empty());
    bench.query(&Query::new("hall.local", RecordType::A).from("127.0.0.1:0"));
    assert!(bench.poll().is_empty());
    assert_eq!(bench.translator.stats().ignored, 3);
    assert!(bench.requests.is_empty());
}

/// covers: 1035-4.1.2-d
#[test]
fn s4_1_2_a_query_has_one_question_that_can_be_read() {
    let mut bench = Bench::stub();
    let source = client("127.0.0.1:40000", Transport::Udp);
    let good = Query::new("hall.local", RecordType::A).bytes(7);
    let mut none = good[..12].to_vec();
    none[5] = 0;
    let mut two = good.clone();
    two[5] = 2;
    two.extend_from_slice(&good[12..]);
    let cut = good[..good.len() - 1].to_vec();
    let mut circle = good[..12].to_vec();
    circle.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
    for wrong in [none, two, cut, circle] {
        bench.translator.handle_query(bench.now, source, &wrong);
        let replies = bench.poll();
        assert_eq!((replies.len(), replies[0].rcode), (1, 1), "{wrong:?}");
        assert_eq!(replies[0].id, 7);
    }
    assert!(bench.requests.is_empty());
}

/// covers: 1035-3.2.3-a
#[test]
fn s3_2_3_transfers_and_other_classes_are_refused() {
    let mut bench = Bench::zone();
    for (qtype, rcode) in [(252, 5), (251, 5), (253, 4), (0, 4), (41, 4), (250, 4)] {
        let reply = bench.reply(&Query::new("link1.example.com", RecordType(qtype)));
        assert_eq!(reply.rcode, rcode, "{qtype}");
    }
    let source = client("127.0.0.1:40000", Transport::Udp);
    for class in [3, 4, 0x8001] {
        let mut bytes = Query::new("laser.link1.example.com", RecordType::A).bytes(7);
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&u16::to_be_bytes(class));
        bench.translator.handle_query(bench.now, source, &bytes);
        assert_eq!(bench.poll()[0].rcode, 5, "{class}");
    }
    assert!(bench.requests.is_empty());
}

/// covers: none (names of multicast DNS may be a byte longer)
#[test]
fn a_name_of_more_than_255_bytes_is_malformed() {
    let mut bench = Bench::stub();
    let long = |last: usize| {
        let label = "a".repeat(63);
        name(&format!(
            "{label}.{label}.{label}.{}.local",
            "a".repeat(last)
        ))
    };
    let query = |name| Query {
        name,
        ..Query::new("x", RecordType::A)
    };
    assert_eq!(bench.reply(&query(long(56))).rcode, 1);
    bench.query(&query(long(55)));
    bench.poll();
    assert_eq!(bench.requests.len(), 1);
}
