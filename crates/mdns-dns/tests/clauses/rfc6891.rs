//! RFC 6891: EDNS0.

use mdns_dns::Transport;
use mdns_proto::wire::{Rdata, RecordType};

use crate::bench::{Bench, Query, client, name};

/// covers: 6891-6.1.1-a, 6891-7-a
#[test]
fn s6_1_1_an_opt_is_answered_by_one_and_none_by_none() {
    let mut bench = Bench::stub();
    let query = Query::new("example.com", RecordType::A);
    assert_eq!(bench.reply(&query).opt, None);
    assert_eq!(bench.reply(&query.edns(4096)).opt, Some((1232, 0)));
    // DO is repeated (RFC 3225 §3).
    let mut query = Query::new("example.com", RecordType::A);
    query.edns = Some((4096, 0x8000));
    assert_eq!(bench.reply(&query).opt, Some((1232, 0x8000)));
}

/// covers: 6891-6.2.3-a, 6891-6.2.5-a
#[test]
fn s6_2_3_the_payload_counts_between_512_and_1232() {
    let mut bench = Bench::zone();
    bench.query(&Query::new("_ipp._tcp.link1.example.com", RecordType::PTR));
    let request = bench.request("_ipp._tcp.local", RecordType::PTR);
    let names: Vec<_> = (0..60)
        .map(|n| name(&format!("Printer {n:05} of the house._ipp._tcp.local")))
        .collect();
    let mut most = |payload, transport| {
        let fits = (1..60).rev().find(|&count| {
            let records: Vec<_> = names[..count]
                .iter()
                .map(|name| Rdata::Ptr(name.as_name()))
                .collect();
            bench.tell(request, &records, true);
            bench.pass_millis(200);
            let mut query =
                Query::new("_ipp._tcp.link1.example.com", RecordType::PTR).edns(payload);
            query.client.transport = transport;
            let reply = bench.reply(&query);
            let limit = usize::from(payload.clamp(512, 1232));
            assert!(transport == Transport::Tcp || reply.len <= limit);
            assert!(reply.opt.is_some());
            !reply.flags.truncated()
        });
        fits.unwrap()
    };
    let (small, large) = (most(512, Transport::Udp), most(1232, Transport::Udp));
    assert_eq!(most(0, Transport::Udp), small);
    assert_eq!(most(511, Transport::Udp), small);
    assert_eq!(most(65_535, Transport::Udp), large);
    assert_eq!(most(512, Transport::Tcp), 59);
    // 56 bytes before and after, 41 for each.
    assert_eq!((small, large), (11, 28));
}

/// covers: 6891-6.1.1-b
#[test]
fn s6_1_1_two_opts_are_malformed() {
    let mut bench = Bench::stub();
    let mut bytes = Query::new("hall.local", RecordType::A).edns(1232).bytes(7);
    let opt = bytes[bytes.len() - 11..].to_vec();
    bytes.extend_from_slice(&opt);
    bytes[11] = 2;
    let source = client("127.0.0.1:40000", Transport::Udp);
    bench.translator.handle_query(bench.now, source, &bytes);
    assert_eq!(bench.poll()[0].rcode, 1);
}

/// covers: 6891-6.1.3-a
#[test]
fn s6_1_3_another_version_is_badvers() {
    let mut bench = Bench::stub();
    let mut query = Query::new("hall.local", RecordType::A);
    query.edns = Some((1232, 0x0001_0000));
    let reply = bench.reply(&query);
    assert_eq!((reply.rcode, reply.answers.len()), (16, 0));
    assert_eq!(reply.opt, Some((1232, 0)));
    assert!(bench.requests.is_empty());
}
