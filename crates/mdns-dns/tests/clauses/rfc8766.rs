//! RFC 8766: a Discovery Proxy.

use std::net::Ipv4Addr;

use mdns_dns::{Config, Face, Zone};
use mdns_proto::wire::{Rdata, RecordType, Srv};

use crate::bench::{Bench, Query, name};

/// covers: 8766-5.1-a, 8766-5.5-a
#[test]
fn s5_5_local_is_replaced_in_owner_and_rdata() {
    let mut bench = Bench::zone();
    let (instance, host) = (name(r"Front\ Desk._ipp._tcp.local"), name("laser.local"));
    bench.query(&Query::new("_ipp._tcp.link1.example.com", RecordType::PTR));
    let request = bench.request("_ipp._tcp.local", RecordType::PTR);
    assert!(
        bench
            .tell(request, &[Rdata::Ptr(instance.as_name())], true)
            .is_empty()
    );
    let replies = bench.pass_millis(200);
    assert_eq!(
        replies[0].answers,
        ["_ipp._tcp.link1.example.com 10 IN PTR Front Desk._ipp._tcp.link1.example.com"]
    );
    bench.query(&Query::new(
        r"Front\ Desk._ipp._tcp.link1.example.com",
        RecordType::SRV,
    ));
    let request = bench.request(r"Front\ Desk._ipp._tcp.local", RecordType::SRV);
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 631,
        target: host.as_name(),
    };
    let replies = bench.tell(request, &[Rdata::Srv(srv)], true);
    assert_eq!(
        replies[0].answers,
        ["Front Desk._ipp._tcp.link1.example.com 10 IN SRV 0 0 631 laser.link1.example.com"]
    );
    // Nothing of the link is told under another name.
    assert_eq!(
        bench.reply(&Query::new("laser.local", RecordType::A)).rcode,
        5
    );
    assert_eq!(
        bench
            .reply(&Query::new("laser.link2.example.com", RecordType::A))
            .rcode,
        5
    );
}

/// covers: 8766-5.5.1-a
#[test]
fn s5_5_1_no_ttl_is_over_ten_seconds() {
    let mut bench = Bench::zone();
    bench.query(&Query::new("laser.link1.example.com", RecordType::A));
    let request = bench.request("laser.local", RecordType::A);
    let reply = &bench.tell(request, &[Rdata::A(Ipv4Addr::new(10, 0, 0, 1))], true)[0];
    assert_eq!(reply.answers, ["laser.link1.example.com 10 IN A 10.0.0.1"]);
    let reply = bench.reply(&Query::new("link1.example.com", RecordType::TXT));
    let ttl = reply.authorities[0].split(' ').nth(1).unwrap();
    assert!(ttl.parse::<u32>().unwrap() <= 10);
}

/// covers: 8766-5.5.2-a
#[test]
fn s5_5_2_link_local_addresses_are_left_out() {
    let mut bench = Bench::zone();
    bench.query(&Query::new("laser.link1.example.com", RecordType::A));
    let request = bench.request("laser.local", RecordType::A);
    let records = [
        "169.254.0.1",
        "10.0.0.1",
        "127.0.0.1",
        "224.0.0.251",
        "0.0.0.0",
        "169.255.0.1",
    ];
    let records = records.map(|ip| Rdata::A(ip.parse().unwrap()));
    let reply = &bench.tell(request, &records, true)[0];
    let ends: Vec<_> = reply
        .answers
        .iter()
        .map(|a| a.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(ends, ["10.0.0.1", "169.255.0.1"]);
    assert_eq!(bench.translator.stats().left_out, 4);

    bench.query(&Query::new("laser.link1.example.com", RecordType::AAAA));
    let request = bench.request("laser.local", RecordType::AAAA);
    let records = [
        "fe80::1",
        "febf::1",
        "::1",
        "ff02::fb",
        "::",
        "fec0::1",
        "2001:db8::1",
    ];
    let records = records.map(|ip| Rdata::Aaaa(ip.parse().unwrap()));
    let reply = &bench.tell(request, &records, true)[0];
    let ends: Vec<_> = reply
        .answers
        .iter()
        .map(|a| a.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(ends, ["2001:db8::1", "fec0::1"]);
}

/// covers: 8766-5.5.3-a, 8766-5.5.3-b
#[test]
fn s5_5_3_an_nsec_is_made_of_what_there_is() {
    let mut bench = Bench::zone();
    bench.query(&Query::new("laser.link1.example.com", RecordType::NSEC));
    let request = bench.request("laser.local", RecordType::ANY);
    let nsec_bytes = b"\x05laser\x05local\0\x00\x01\x40";
    let nsec = Rdata::from_wire(RecordType::NSEC, nsec_bytes).unwrap();
    bench.tell(request, &[Rdata::A(Ipv4Addr::new(10, 0, 0, 1)), nsec], true);
    let replies = bench.pass_millis(200);
    assert_eq!(
        replies[0].answers,
        [r"laser.link1.example.com 10 IN NSEC \000.laser.link1.example.com A NSEC"]
    );
    // The link's own NSEC goes to nobody.
    let reply = bench.reply(&Query::new("laser.link1.example.com", RecordType::ANY));
    assert_eq!(reply.answers, ["laser.link1.example.com 10 IN A 10.0.0.1"]);
}

/// covers: 8766-5.6-a
#[test]
fn s5_6_answers_that_come_together_are_told_together() {
    let mut bench = Bench::zone();
    let (one, two) = (name("One._ipp._tcp.local"), name("Two._ipp._tcp.local"));
    let three = name("Three._ipp._tcp.local");
    let query = Query::new("_ipp._tcp.link1.example.com", RecordType::PTR);
    bench.query(&query);
    let request = bench.request("_ipp._tcp.local", RecordType::PTR);
    bench.pass_millis(100);
    assert!(
        bench
            .tell(request, &[Rdata::Ptr(one.as_name())], true)
            .is_empty()
    );
    assert!(bench.pass_millis(100).is_empty());
    let both = [Rdata::Ptr(one.as_name()), Rdata::Ptr(two.as_name())];
    assert!(bench.tell(request, &both, true).is_empty());
    assert!(bench.pass_millis(99).is_empty());
    assert_eq!(bench.pass_millis(1)[0].answers.len(), 2);
    // What is there is told at once, and what comes later from then on.
    assert_eq!(bench.reply(&query).answers.len(), 2);
    let all = [both[0], both[1], Rdata::Ptr(three.as_name())];
    assert!(bench.tell(request, &all, true).is_empty());
    assert_eq!(bench.reply(&query).answers.len(), 3);
}

/// A goodbye counts from the next query on: with the TTL, ten seconds at most.
///
/// covers: 8766-5.6-b
#[test]
fn s5_6_what_is_gone_is_told_no_more() {
    let mut bench = Bench::zone();
    let one = name("One._ipp._tcp.local");
    let query = Query::new("_ipp._tcp.link1.example.com", RecordType::PTR);
    bench.query(&query);
    let request = bench.request("_ipp._tcp.local", RecordType::PTR);
    bench.tell(request, &[Rdata::Ptr(one.as_name())], true);
    bench.pass_millis(200);
    bench.tell(request, &[], false);
    let reply = bench.reply(&query);
    // There are names below a service type: it exists.
    assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
    assert_eq!(reply.authorities.len(), 1);
    // And it comes back.
    bench.tell(request, &[Rdata::Ptr(one.as_name())], true);
    assert_eq!(bench.reply(&query).answers.len(), 1);
}

/// covers: 8766-6.1-a, 8766-6.2-a
#[test]
fn s6_1_the_zone_has_soa_and_ns() {
    let mut bench = Bench::zone();
    let soa = "link1.example.com 10 IN SOA ns.link1.example.com hostmaster.link1.example.com 0 7200 3600 86400 10";
    let ns = "link1.example.com 10 IN NS ns.link1.example.com";
    let mut answers = |qtype| bench.reply(&Query::new("link1.example.com", qtype)).answers;
    assert_eq!(answers(RecordType::SOA), [soa]);
    assert_eq!(answers(RecordType::NS), [ns]);
    assert_eq!(answers(RecordType::ANY), [soa, ns]);
    assert_eq!(answers(RecordType::A), [""; 0]);

    let zone = Zone::new(&name("link1.example.com")).unwrap();
    let zone = zone.with_addresses(["10.0.0.53".parse().unwrap()]);
    let mut bench = Bench::new(Face::Zone(zone), Config::DEFAULT);
    let reply = bench.reply(&Query::new("ns.link1.example.com", RecordType::A));
    assert_eq!(reply.answers, ["ns.link1.example.com 10 IN A 10.0.0.53"]);
    let reply = bench.reply(&Query::new("ns.link1.example.com", RecordType::AAAA));
    assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
}

/// covers: 8766-5.2.1-a
#[test]
fn s5_2_the_zone_is_to_be_browsed_and_not_to_be_registered_in() {
    let mut bench = Bench::zone();
    for which in ["b", "db", "LB"] {
        let asked = format!("{which}._dns-sd._udp.link1.example.com");
        let reply = bench.reply(&Query::new(&asked, RecordType::PTR));
        assert_eq!(
            reply.answers,
            [format!("{asked} 10 IN PTR link1.example.com")]
        );
    }
    for which in ["r", "dr"] {
        let asked = format!("{which}._dns-sd._udp.link1.example.com");
        let reply = bench.reply(&Query::new(&asked, RecordType::PTR));
        assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
    }
    // What types there are, the link knows.
    bench.query(&Query::new(
        "_services._dns-sd._udp.link1.example.com",
        RecordType::PTR,
    ));
    bench.request("_services._dns-sd._udp.local", RecordType::PTR);
}

/// Push, LLQ and Update are not offered, and that is said at once.
///
/// covers: 8766-6.4-a
#[test]
fn s6_4_what_is_not_offered_is_denied_at_once() {
    let mut bench = Bench::zone();
    for service in [
        "_dns-push-tls._tcp",
        "_dns-llq._udp",
        "_dns-llq._tcp",
        "_dns-update._udp",
    ] {
        let asked = format!("{service}.link1.example.com");
        let reply = bench.reply(&Query::new(&asked, RecordType::SRV));
        assert_eq!((reply.rcode, reply.answers.len()), (0, 0));
        assert_eq!(reply.authorities.len(), 1);
    }
    assert!(bench.requests.is_empty());
}
