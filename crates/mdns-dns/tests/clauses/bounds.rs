//! Every bound, and what happens there.

use mdns_dns::{Config, Face};
use mdns_proto::wire::{Rdata, RecordType};

use crate::bench::{Bench, Query};

/// covers: SEC-11, SEC-12
#[test]
fn a_flood_of_absent_names_costs_a_bounded_number_of_requests() {
    let mut bench = Bench::stub();
    bench.translator.set_clients(["0.0.0.0/0".parse().unwrap()]);
    let (mut refused, mut waiting) = (0, 0);
    for n in 0..20_000 {
        // From as many networks, within half a second.
        bench.now += std::time::Duration::from_micros(25);
        let address = format!("10.{}.{}.1:4000", n / 256 % 256, n % 256);
        bench.query(&Query::new(&format!("a{n}.local"), RecordType::A).from(&address));
        for reply in bench.poll() {
            assert_eq!(reply.rcode, 2);
            refused += 1;
        }
        waiting = waiting.max(bench.translator.query_count());
    }
    assert_eq!(bench.requests.len(), 100);
    assert_eq!((refused, waiting), (19_900, 100));
    assert_eq!(bench.translator.stats().failed, 19_900);
    // All of it is over soon.
    bench.pass_millis(6000);
    assert_eq!(
        (
            bench.translator.request_count(),
            bench.translator.query_count()
        ),
        (0, 0)
    );
    assert_eq!(bench.cancelled.len(), 100);
}

/// covers: SEC-12
#[test]
fn one_network_begins_half_of_all_requests_at_most() {
    let mut bench = Bench::stub();
    for n in 0..100 {
        bench.query(&Query::new(&format!("a{n}.local"), RecordType::A));
        bench.poll();
    }
    assert_eq!(bench.requests.len(), 50);
    bench
        .translator
        .set_clients(["10.0.0.0/8".parse().unwrap()]);
    bench.query(&Query::new("hall.local", RecordType::A).from("10.0.0.1:4000"));
    bench.request("hall.local", RecordType::A);
}

/// Forged sources get no more bytes than they sent, and only every other time.
///
/// covers: SEC-15, SEC-12
#[test]
fn beyond_the_rate_udp_gets_tc_or_nothing_and_tcp_goes_on() {
    let mut bench = Bench::stub();
    let query = Query::new("hall.local", RecordType::A);
    bench.query(&query);
    let request = bench.request("hall.local", RecordType::A);
    let address = Rdata::A([10, 0, 0, 1].into());
    bench.tell(request, &[address], true);
    let (mut whole, mut truncated, mut silent) = (1, 0, 0);
    for _ in 1..1500 {
        let id = bench.query(&query);
        match bench.poll().as_slice() {
            [reply] if reply.flags.truncated() => {
                assert!(reply.len <= query.bytes(id).len() && reply.answers.is_empty());
                truncated += 1;
            }
            [_] => whole += 1,
            _ => silent += 1,
        }
    }
    assert_eq!((whole, truncated, silent), (500, 500, 500));
    assert_eq!(bench.translator.stats().limited, 1000);
    let reply = bench.reply(&Query::new("hall.local", RecordType::A).tcp());
    assert_eq!(reply.answers.len(), 1);
    bench.pass_millis(1000);
    assert_eq!(bench.reply(&query).answers.len(), 1);
}

/// covers: SEC-11
#[test]
fn the_oldest_request_makes_room_absent_names_first() {
    let config = Config {
        requests_max: 3,
        ..Config::DEFAULT
    };
    let mut bench = Bench::new(Face::Stub, config);
    let address = Rdata::A([10, 0, 0, 1].into());
    for text in ["a.local", "b.local"] {
        bench.query(&Query::new(text, RecordType::A));
        let request = bench.request(text, RecordType::A);
        bench.tell(request, &[address], true);
        bench.pass_millis(10);
    }
    bench.query(&Query::new("none.local", RecordType::A));
    let none = bench.request("none.local", RecordType::A);
    // All three are of use: a client waits.
    bench.pass_millis(1000);
    bench.query(&Query::new("c.local", RecordType::A));
    let c = bench.request("c.local", RecordType::A);
    assert_eq!(bench.cancelled, [none]);
    bench.tell(c, &[address], true);
    bench.query(&Query::new("d.local", RecordType::A));
    bench.request("d.local", RecordType::A);
    assert_eq!(bench.cancelled, [none, bench.requests[0].id]);
    assert_eq!(bench.translator.request_count(), 3);
}

/// covers: SEC-11
#[test]
fn where_clients_wait_for_all_requests_the_next_fails() {
    let config = Config {
        requests_max: 3,
        ..Config::DEFAULT
    };
    let mut bench = Bench::new(Face::Stub, config);
    for text in ["a.local", "b.local", "c.local"] {
        bench.query(&Query::new(text, RecordType::A));
    }
    assert!(bench.poll().is_empty());
    assert_eq!(bench.reply(&Query::new("d.local", RecordType::A)).rcode, 2);
}

/// covers: SEC-11
#[test]
fn the_number_of_waiting_queries_is_bounded() {
    let config = Config {
        queries_max: 2,
        ..Config::DEFAULT
    };
    let mut bench = Bench::new(Face::Stub, config);
    let query = Query::new("a.local", RecordType::A);
    bench.query(&query);
    bench.query(&query);
    assert!(bench.poll().is_empty());
    assert_eq!(bench.reply(&query).rcode, 2);
    // One that needs not wait is answered.
    assert_eq!(
        bench.reply(&Query::new("example.com", RecordType::A)).rcode,
        5
    );
}

/// covers: SEC-11
#[test]
fn records_that_find_no_room_are_an_error_and_no_part_of_an_answer() {
    let config = Config {
        records_len_max: 100,
        ..Config::DEFAULT
    };
    let mut bench = Bench::new(Face::Stub, config);
    let records = |count: u8| {
        (0..count)
            .map(|n| Rdata::A([10, 0, 0, n].into()))
            .collect::<Vec<_>>()
    };
    // 36 bytes each.
    for (text, count, rcode) in [("a.local", 3, 2), ("b.local", 2, 0)] {
        bench.query(&Query::new(text, RecordType::A));
        let request = bench.request(text, RecordType::A);
        let reply = &bench.tell(request, &records(count), true)[0];
        assert_eq!(
            (reply.rcode, reply.answers.len()),
            (rcode, usize::from(count) * usize::from(rcode == 0))
        );
    }
}

/// covers: SEC-14
#[test]
fn time_that_goes_backwards_stands_still() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("none.local", RecordType::A));
    bench.poll();
    bench
        .translator
        .handle_timeout(mdns_proto::time::Instant::ZERO);
    assert_eq!(bench.pass_millis(1000).len(), 1);
}

/// Found by fuzzing: a request that made room for the target of its own alias left the second of its clients without a response.
///
/// covers: SEC-10, SEC-11
#[test]
fn every_client_of_an_alias_gets_a_response_where_there_is_no_room_for_the_target() {
    let config = Config {
        requests_max: 1,
        ..Config::DEFAULT
    };
    let mut bench = Bench::new(Face::Stub, config);
    for _ in 0..3 {
        bench.query(&Query::new("a.local", RecordType::A));
    }
    let request = bench.request("a.local", RecordType::A);
    let target = crate::bench::name("b.local");
    let mut replies = bench.tell(request, &[Rdata::Cname(target.as_name())], true);
    replies.extend(bench.pass_millis(1000));
    assert_eq!(replies.len(), 3);
    assert_eq!(bench.translator.query_count(), 0);
}
