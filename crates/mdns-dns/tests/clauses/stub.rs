//! The stub: `.local` for programs on this host.

use std::net::{Ipv4Addr, Ipv6Addr};

use mdns_dns::Transport;
use mdns_proto::wire::{Rdata, RecordType};

use crate::bench::{Bench, Query, client, name};

const A: Rdata<'static> = Rdata::A(Ipv4Addr::new(192, 0, 2, 1));

/// covers: none (what the stub is for)
#[test]
fn an_address_is_asked_for_and_told() {
    let mut bench = Bench::stub();
    let id = bench.query(&Query::new("Hall.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    let replies = bench.tell(request, &[A], true);
    assert_eq!(replies.len(), 1);
    assert_eq!((replies[0].id, replies[0].rcode), (id, 0));
    assert_eq!(replies[0].answers, ["Hall.local 10 IN A 192.0.2.1"]);
    assert!(replies[0].authorities.is_empty());
}

/// The second who asks has no request of its own, and gets the same; a third is answered at once.
///
/// covers: none (requests are shared)
#[test]
fn one_request_serves_all_clients() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A));
    bench.query(&Query::new("HALL.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.tell(request, &[A], true).len(), 2);
    let reply = bench.reply(&Query::new("hall.LOCAL", RecordType::A));
    assert_eq!(reply.answers, ["hall.LOCAL 10 IN A 192.0.2.1"]);
    assert_eq!(bench.translator.stats().from_cache, 1);
}

/// covers: none (absent names: at the first negative response, else after a second)
#[test]
fn an_absent_name_is_told_after_a_second_and_remembered_for_five() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("none.local", RecordType::A));
    bench.request("none.local", RecordType::A);
    assert!(bench.pass_millis(999).is_empty());
    let replies = bench.pass_millis(1);
    assert_eq!((replies.len(), replies[0].rcode), (1, 3));
    assert_eq!(
        replies[0].authorities,
        ["local 5 IN SOA . . 0 7200 3600 86400 10"]
    );
    bench.pass_millis(4000);
    assert_eq!(
        bench.reply(&Query::new("none.local", RecordType::A)).rcode,
        3
    );
    bench.pass_millis(1000);
    // Now it is asked for again.
    bench.query(&Query::new("none.local", RecordType::A));
    bench.request("none.local", RecordType::A);
    assert_eq!(bench.requests.len(), 2);
}

/// covers: none (absent names: at the first negative response, else after a second)
#[test]
fn a_negative_response_of_the_owner_ends_the_wait() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::AAAA));
    let request = bench.request("hall.local", RecordType::AAAA);
    // Nothing is known yet: that is no answer.
    assert!(bench.tell(request, &[], false).is_empty());
    let replies = bench.tell(request, &[], true);
    // The name is there: musl would take NXDOMAIN to mean that it has no IPv4 address either.
    assert_eq!((replies.len(), replies[0].rcode), (1, 0));
    assert!(replies[0].answers.is_empty() && replies[0].authorities.len() == 1);
}

/// A host that does not say what it has not: the name is there, since another type was answered.
///
/// covers: none (absent types of names that exist)
#[test]
fn a_name_with_another_type_exists() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    bench.query(&Query::new("hall.local", RecordType::AAAA));
    assert_eq!(bench.tell(request, &[A], true).len(), 1);
    let replies = bench.pass_millis(1000);
    assert_eq!((replies.len(), replies[0].rcode), (1, 0));
}

/// covers: none (a name that is not ours)
#[test]
fn the_rest_is_refused() {
    let mut bench = Bench::stub();
    for text in [
        "example.com",
        "local.example.com",
        "1.0.0.10.in-addr.arpa",
        ".",
    ] {
        let reply = bench.reply(&Query::new(text, RecordType::A));
        assert_eq!((reply.rcode, reply.questions), (5, 1), "{text}");
    }
    assert!(bench.requests.is_empty());
    assert_eq!(bench.translator.stats().refused, 4);
    bench.query(&Query::new("1.0.254.169.in-addr.arpa", RecordType::PTR));
    bench.request("1.0.254.169.in-addr.arpa", RecordType::PTR);
}

/// nss-mdns leaves `.local` to DNS where DNS has an SOA for it.
///
/// covers: none (a peer's heuristic)
#[test]
fn the_stub_has_no_soa_for_local() {
    let reply = Bench::stub().reply(&Query::new("local", RecordType::SOA));
    assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
}

/// covers: none (an address without its interface)
#[test]
fn ipv6_addresses_without_a_scope_are_left_out() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::AAAA));
    let request = bench.request("hall.local", RecordType::AAAA);
    let (near, far) = ("fe80::7".parse().unwrap(), "fd00::7".parse().unwrap());
    let replies = bench.tell(request, &[Rdata::Aaaa(near), Rdata::Aaaa(far)], true);
    assert_eq!(replies[0].answers, ["hall.local 10 IN AAAA fd00::7"]);
    assert_eq!(bench.translator.stats().left_out, 1);
    let replies = bench.tell(request, &[Rdata::Aaaa(near)], true);
    assert!(replies.is_empty());
    let reply = bench.reply(&Query::new("hall.local", RecordType::AAAA));
    assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
    let _: Ipv6Addr = near;
}

/// covers: none (aliases)
#[test]
fn an_alias_is_followed_and_a_circle_ends() {
    let mut bench = Bench::stub();
    let (b, c) = (name("b.local"), name("c.local"));
    bench.query(&Query::new("a.local", RecordType::A));
    let request = bench.request("a.local", RecordType::A);
    assert!(
        bench
            .tell(request, &[Rdata::Cname(b.as_name())], true)
            .is_empty()
    );
    let request = bench.request("b.local", RecordType::A);
    let replies = bench.tell(request, &[A], true);
    assert_eq!(
        replies[0].answers,
        ["a.local 10 IN CNAME b.local", "b.local 10 IN A 192.0.2.1"]
    );
    // In a circle.
    bench.query(&Query::new("c.local", RecordType::A));
    let request = bench.request("c.local", RecordType::A);
    let replies = bench.tell(request, &[Rdata::Cname(c.as_name())], true);
    assert_eq!((replies.len(), replies[0].answers.len()), (1, 1));
    // To a name elsewhere, which the client asks for itself.
    let elsewhere = name("www.example.com");
    bench.query(&Query::new("d.local", RecordType::A));
    let request = bench.request("d.local", RecordType::A);
    let replies = bench.tell(request, &[Rdata::Cname(elsewhere.as_name())], true);
    assert_eq!(replies[0].answers, ["d.local 10 IN CNAME www.example.com"]);
}

/// covers: none (who may query)
#[test]
fn strangers_are_refused() {
    let mut bench = Bench::stub();
    let query = Query::new("hall.local", RecordType::A);
    assert_eq!(bench.reply(&query.from("192.0.2.7:4000")).rcode, 5);
    bench
        .translator
        .set_clients(["192.0.2.0/24".parse().unwrap()]);
    let query = Query::new("hall.local", RecordType::A);
    assert_eq!(bench.reply(&query).rcode, 5);
    bench.query(&query.from("192.0.2.7:4000"));
    bench.request("hall.local", RecordType::A);
}

/// covers: none (a connection that is closed)
#[test]
fn a_client_that_went_is_forgotten() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A).tcp());
    let request = bench.request("hall.local", RecordType::A);
    let gone = client("127.0.0.1:40000", Transport::Tcp);
    bench.translator.forget_client(gone);
    assert!(bench.tell(request, &[A], true).is_empty());
    assert_eq!(bench.translator.query_count(), 0);
}

/// covers: none (a request that ends by itself)
#[test]
fn a_request_that_fails_is_told() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    bench.translator.handle_failure(bench.now, request);
    let replies = bench.poll();
    assert_eq!((replies.len(), replies[0].rcode), (1, 2));
    assert_eq!(bench.translator.request_count(), 0);
}

/// Found by fuzzing: records that come back long after anybody asked for them left a deadline that had passed.
///
/// covers: none (requests end)
#[test]
fn records_that_come_back_keep_the_request_open_for_a_while() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    bench.tell(request, &[A], true);
    bench.pass_millis(29_000);
    bench.tell(request, &[], false);
    bench.pass_millis(4_000);
    // All was taken, which the bench checks.
    bench.tell(request, &[A], true);
    bench.pass_millis(29_999);
    assert!(bench.cancelled.is_empty());
    bench.pass_millis(1);
    assert_eq!(bench.cancelled, [request]);
}

/// covers: none (requests end)
#[test]
fn a_request_is_cancelled_when_nobody_has_asked_for_thirty_seconds() {
    let mut bench = Bench::stub();
    bench.query(&Query::new("hall.local", RecordType::A));
    let request = bench.request("hall.local", RecordType::A);
    bench.tell(request, &[A], true);
    bench.pass_millis(20_000);
    bench.reply(&Query::new("hall.local", RecordType::A));
    bench.pass_millis(29_999);
    assert!(bench.cancelled.is_empty());
    bench.pass_millis(1);
    assert_eq!(bench.cancelled, [request]);
    assert!(bench.translator.poll_timeout().is_none());
}
