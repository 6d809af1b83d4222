//! §8, §14: several interfaces, and what a change on one of them does.

use mdns_proto::link::{Family, InterfaceId, LinkConfig, Via};

use super::bench::{Bench, Heard, Sent, ms};

/// covers: 6762-8-b, 6762-6.2-b, 6762-14-c, 6762-14-d
#[test]
fn s14_each_interface_has_the_name_and_its_own_addresses() {
    let mut bench = Bench::new(1);
    bench.add_interface(2, &["192.168.7.1/24", "192.168.7.2/24"]);
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    let expected: [&[&str]; 2] = [
        &["hall.local 120 IN! A 10.0.0.1"],
        &[
            "hall.local 120 IN! A 192.168.7.1",
            "hall.local 120 IN! A 192.168.7.2",
        ],
    ];
    for (at, source) in ["10.0.0.7:5353", "192.168.7.9:5353"]
        .into_iter()
        .enumerate()
    {
        let link = bench.links[at];
        bench.hear_bytes(
            link,
            source,
            Via::Multicast,
            &Heard::query(&["hall.local A"]).bytes(),
        );
        let (_, sent) = bench.one_since(0);
        assert_eq!(
            (sent.link, sent.answers()),
            (link, expected[at].iter().map(|&line| line.into()).collect())
        );
    }
}

/// covers: SEC-16, 6762-14-g, 6762-9-l
#[test]
fn s14_a_network_that_sends_everything_back_everywhere_comes_to_rest() {
    let mut bench = Bench::new(2);
    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.add_host("hall");
    bench.register_printer();
    bench.browse("_ipp._tcp.local");
    let count = bench.run_echoing(ms(60_000), &["10.0.0.1:5353", "192.168.7.1:5353"]);
    assert!(count < 60, "{count}");
    bench.run(ms(60_000));
    assert!(!bench.sent.iter().any(Sent::is_response));
    assert!(
        !bench.events.iter().any(|event| event.contains("renamed")),
        "{:?}",
        bench.events
    );
}

/// covers: SEC-18
#[test]
fn s6_hosts_of_other_seeds_wait_otherwise() {
    // A delay is one of 101 whole milliseconds; two of them are one of ten thousand pairs.
    let delay = |seed| {
        let (mut bench, _) = Bench::established(seed);
        [(); 2].map(|()| {
            let start = bench.now;
            bench.hear(&Heard::query(&["_ipp._tcp.local PTR"]));
            bench.run(ms(2000));
            bench.take()[0].micros - start.as_micros()
        })
    };
    let mut delays: Vec<_> = (0..200).map(delay).collect();
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 190, "{} of 200 differ", delays.len());
}

/// covers: 6762-8.1-h
#[test]
fn s8_1_what_is_cached_denies_no_name() {
    let mut bench = Bench::new(3);
    bench.lookup("hall.local");
    bench.run(ms(5000));
    bench.hear(&Heard::response(&["hall.local 120 IN! A 10.0.0.7"]));
    assert_eq!(bench.take_events(), ["addresses hall.local 10.0.0.7"]);
    bench.run(ms(5000));
    bench.forget();
    bench.add_host("hall");
    bench.run(ms(5000));
    assert_eq!(
        bench
            .sent
            .iter()
            .filter(|sent| sent.asked() == ["hall.local IN ANY?"])
            .count(),
        3
    );
    assert!(
        bench
            .events
            .contains(&"host registered hall.local".to_owned()),
        "{:?}",
        bench.events
    );
}

/// covers: 6762-8.2.1-d
#[test]
fn s8_2_1_names_of_one_probe_are_compared_apart() {
    let mut bench = Bench::new(4);
    bench.add_host("hall");
    bench.register_printer();
    bench.run(ms(260));
    bench.forget();
    let lost = bench.at();
    // The host has the later data, the service the earlier.
    bench.hear(
        &Heard::query(&["hall.local ANY QU", "Printer._ipp._tcp.local ANY QU"]).proposes(&[
            "hall.local 120 IN A 10.0.0.0",
            "Printer._ipp._tcp.local 120 IN SRV 9 0 631 hall.local",
            "Printer._ipp._tcp.local 4500 IN TXT a=b",
        ]),
    );
    bench.run(ms(900));
    let asked: Vec<_> = bench
        .take()
        .iter()
        .filter(|sent| !sent.is_response())
        .flat_map(Sent::asked)
        .collect();
    assert!(
        asked
            .iter()
            .all(|question| question == "hall.local IN ANY?"),
        "{asked:?}"
    );
    assert!(!asked.is_empty());
    bench.run(ms(10_000));
    let again = bench
        .take()
        .into_iter()
        .find(|sent| !sent.is_response())
        .expect("a probe");
    assert_eq!(again.questions(), ["Printer._ipp._tcp.local IN ANY? QU"]);
    assert!((1000..=1250).contains(&(again.at - lost)));
    assert_eq!(
        bench.events,
        [
            "host registered hall.local",
            "registered Printer._ipp._tcp.local"
        ]
    );
}

/// covers: 6762-8.4-f
#[test]
fn s8_4_many_changes_become_few_announcements() {
    let (mut bench, service) = Bench::established(5);
    for n in 0..30 {
        bench.update_txt(service, &[&format!("n={n}")]);
        bench.run(ms(33));
    }
    bench.run(ms(10_000));
    assert!(bench.sent.len() <= 4, "{}", bench.sent.len());
    let last = bench.sent.last().expect("an announcement");
    assert_eq!(
        last.answers(),
        ["Printer._ipp._tcp.local 4500 IN! TXT \"n=29\""]
    );
}

/// covers: 6762-8.4-d, 6763-4.1.1-c
#[test]
fn s8_4_a_pointer_that_changes_says_goodbye_first() {
    let (mut bench, service) = Bench::established(6);
    bench.act(|core, now| core.withdraw(now, service));
    bench.register("Copier", "_ipp._tcp", 631, &["a=b"], &[]);
    bench.run(ms(10_000));
    let at = |record: &str| {
        bench
            .sent
            .iter()
            .find(|sent| sent.says(record))
            .map(|sent| sent.at)
    };
    let goodbye = at("_ipp._tcp.local 0 IN PTR Printer._ipp._tcp.local").expect("a goodbye");
    let announcement =
        at("_ipp._tcp.local 4500 IN PTR Copier._ipp._tcp.local").expect("an announcement");
    assert!(goodbye < announcement);
}

/// covers: 6762-6.1-a, 6762-6.2-b, 6762-6.2-d
#[test]
fn s14_a_denial_speaks_of_its_interface_alone() {
    let mut bench = Bench::new(7);
    bench.add_interface(2, &["fe80::1/64"]);
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    for (at, source, question, types) in [
        (0, "10.0.0.7:5353", "hall.local AAAA", "A"),
        (1, "[fe80::7]:5353", "hall.local A", "AAAA"),
    ] {
        let link = bench.links[at];
        let heard = Heard::query(&[question]).bytes();
        bench.hear_bytes(link, source, Via::Multicast, &heard);
        bench.run(ms(1000));
        let (_, sent) = bench.one_since(0);
        let denial = format!("hall.local 120 IN! NSEC hall.local {types}");
        assert_eq!((sent.link, sent.answers()), (link, vec![denial]));
    }
}

/// covers: none (a choice of ours: §14 lets a host be known by other names on other links)
#[test]
fn s14_a_service_is_offered_on_the_links_it_is_for() {
    let mut bench = Bench::new(3);
    bench.add_interface(2, &["192.168.7.1/24"]);
    let (here, there) = (bench.links[0], bench.links[1]);
    bench.add_host("hall");
    let printer = bench.register_printer_on(&[here]);
    let scanner = bench.register("Scanner", "_ipp._tcp", 9, &[], &[]);
    bench.run(ms(20_000));
    let of_printer = |sent: &Sent| {
        format!(
            "{:?}",
            sent.message()
                .records()
                .map(|(_, record)| record.to_string())
                .collect::<Vec<_>>()
        )
        .contains("Printer")
    };
    let sent = bench.take();
    assert!(
        sent.iter()
            .any(|sent| sent.link == here && of_printer(sent))
    );
    assert!(
        !sent
            .iter()
            .any(|sent| sent.link == there && of_printer(sent))
    );
    let events = bench.take_events();
    assert!(
        events.contains(&"registered Printer._ipp._tcp.local".into()),
        "{events:?}"
    );
    // Nor is it answered for there, nor denied.
    let question = Heard::query(&["Printer._ipp._tcp.local SRV"]).bytes();
    bench.hear_bytes(there, "192.168.7.9:5353", Via::Multicast, &question);
    bench.run(ms(2000));
    assert_eq!(bench.take().len(), 0);

    // It comes: probes, then announcements.
    bench.act(|core, now| core.set_offered(now, printer, there, true));
    bench.run(ms(20_000));
    let sent = bench.take();
    assert_eq!(
        sent.iter()
            .filter(|sent| sent.link == there && !sent.is_response())
            .count(),
        3
    );
    assert!(
        sent.iter()
            .any(|sent| sent.says("Printer._ipp._tcp.local 120 IN! SRV"))
    );
    assert!(sent.iter().all(|sent| sent.link == there));

    // It goes from one link, and says so there alone; its type stays, for the other service.
    bench.act(|core, now| core.set_offered(now, printer, there, false));
    bench.run(ms(2000));
    let (_, goodbye) = bench.one_since(0);
    assert_eq!(goodbye.link, there);
    for record in [
        "_ipp._tcp.local 0 IN PTR Printer",
        "_color._sub._ipp._tcp.local 0 IN PTR Printer",
        "Printer._ipp._tcp.local 0 IN! SRV",
        "Printer._ipp._tcp.local 0 IN! TXT",
    ] {
        assert!(goodbye.says(record), "{record}: {:?}", goodbye.answers());
    }
    assert!(!goodbye.says("_services._dns-sd._udp.local"));
    bench.act(|core, now| core.withdraw(now, scanner));
    bench.run(ms(2000));
    let sent = bench.take();
    let types = |link| {
        sent.iter()
            .any(|sent| sent.link == link && sent.says("_services._dns-sd._udp.local 0"))
    };
    assert!(types(there) && !types(here));
    bench.hear(&Heard::query(&["Printer._ipp._tcp.local SRV"]));
    bench.run(ms(2000));
    assert!(
        bench
            .take()
            .iter()
            .any(|sent| sent.says("Printer._ipp._tcp.local 120 IN! SRV"))
    );
}

/// Nothing can be asked on a link that is down, so nothing is waited for there.
///
/// covers: none (a cable that is out must not hold up what the others say)
#[test]
fn s14_an_address_on_a_link_that_is_down_holds_no_name_up() {
    let mut bench = Bench::new(12);
    bench.add_interface(2, &["192.168.7.1/24"]);
    let down = bench.links[1];
    bench.act(|core, now| core.link_down(now, down));
    bench.add_host("hall");
    bench.set_addresses(2, &["192.168.7.1/24", "192.168.7.2/24"]);
    bench.run(ms(5000));
    assert_eq!(bench.take_events(), ["host registered hall.local"]);
    assert!(bench.sent.iter().all(|sent| sent.link != down));
}

/// An address is lost and another comes: nothing is said between, and the name is won anew.
///
/// covers: 6762-8-a, 6762-8.4-b
#[test]
fn s14_without_an_address_nothing_is_said() {
    let (mut bench, _) = Bench::established(13);
    bench.set_addresses(1, &[]);
    bench.run(ms(5000));
    bench.forget();
    bench.hear(&Heard::query(&["Printer._ipp._tcp.local SRV"]));
    bench.run(ms(5000));
    assert_eq!(bench.take_responses().len(), 0);
    // The link comes up anew: there is a service to probe for, and nothing that a host name would lead to.
    let link = bench.links[0];
    bench.act(|core, now| core.link_up(now, link));
    bench.run(ms(5000));
    let probed: Vec<_> = bench.take().iter().flat_map(Sent::asked).collect();
    assert_eq!(probed, [r"Printer._ipp._tcp.local IN ANY?"; 3]);

    bench.set_addresses(1, &["10.0.0.2/24"]);
    bench.run(ms(5000));
    let sent = bench.take();
    let probes: Vec<_> = sent.iter().take_while(|sent| !sent.is_response()).collect();
    assert_eq!(probes.len(), 3);
    assert!(
        probes
            .iter()
            .all(|probe| probe.asked() == ["hall.local IN ANY?"])
    );
    for record in [
        "hall.local 120 IN! A 10.0.0.2",
        "Printer._ipp._tcp.local 120 IN! SRV",
    ] {
        assert!(sent[3].says(record), "{record}");
    }
}

/// covers: 6762-8.4-b
#[test]
fn s14_an_address_that_goes_takes_its_own_reverse_name_alone() {
    let mut bench = Bench::with(
        14,
        mdns_proto::config::Config::DEFAULT,
        &["10.0.0.1/24", "10.0.0.2/24"],
    );
    bench.add_host("hall");
    bench.run(ms(20_000));
    bench.forget();
    bench.set_addresses(1, &["10.0.0.1/24"]);
    bench.run(ms(5000));
    let sent = bench.take();
    assert!(
        sent.iter()
            .any(|sent| sent.says("2.0.0.10.in-addr.arpa 0 IN! PTR"))
    );
    assert!(!sent.iter().any(|sent| sent.says("1.0.0.10.in-addr.arpa 0")));
    bench.hear(&Heard::query(&["1.0.0.10.in-addr.arpa PTR"]));
    let (_, answer) = bench.one_since(0);
    assert_eq!(
        answer.answers(),
        ["1.0.0.10.in-addr.arpa 120 IN! PTR hall.local"]
    );
}

/// A neighbour on this host, which has the same addresses, would take it for a conflict.
///
/// covers: none (a choice of ours: the reverse names are left to whoever has the port)
#[test]
fn s14_on_a_shared_port_the_reverse_names_are_left_to_the_neighbour() {
    let mut bench = Bench::with(15, mdns_proto::config::Config::DEFAULT, &[]);
    bench.set_addresses(1, &["10.0.0.1/24"]);
    let config = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        mtu: 1500,
        unicast: false,
        ..LinkConfig::MULTICAST
    };
    let link = bench.act(|core, now| core.add_link(now, config));
    bench.links.push(link.expect("a link"));
    bench.add_host("hall");
    bench.run(ms(5000));
    bench.hear(&Heard::query(&["1.0.0.10.in-addr.arpa PTR"]));
    bench.run(ms(2000));
    let sent = bench.take();
    let says = |record| sent.iter().any(|sent| sent.says(record));
    assert!(says("hall.local 120 IN! A 10.0.0.1"));
    assert!(!says("1.0.0.10.in-addr.arpa"));
}
