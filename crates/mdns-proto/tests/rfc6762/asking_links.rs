//! Links that only ask: what a program of this host, or a server, answers in place of the multicast group.

use mdns_proto::{
    link::{Family, InterfaceId, LinkConfig, LinkId, Names, Via},
    name::NameBuf,
    wire::RecordType,
};

use super::bench::{Bench, Heard, Sent, ms};

/// Where what a daemon tells seems to come from. It need not be on the link.
const DAEMON: &str = "192.0.2.1:5353";

/// A host without multicast links, with one that only asks for these names.
fn asking(seed: u64, names: Names) -> (Bench, LinkId) {
    let mut bench = Bench::with(seed, mdns_proto::config::Config::DEFAULT, &[]);
    bench.set_addresses(1, &["10.0.0.1/24"]);
    let link = add_asking(&mut bench, names);
    (bench, link)
}

fn add_asking(bench: &mut Bench, names: Names) -> LinkId {
    let config = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        asks_only: true,
        names,
        ..LinkConfig::MULTICAST
    };
    let link = bench.act(|core, now| core.add_running_link(now, config));
    let link = link.expect("a link");
    bench.links.push(link);
    link
}

fn name(text: &str) -> NameBuf {
    text.parse().expect("a name")
}

fn tell(bench: &mut Bench, link: LinkId, records: &[&str]) {
    let told = Heard::response(records).bytes();
    bench.hear_bytes(link, DAEMON, Via::Multicast, &told);
}

/// Nothing is said of what is registered, whatever is asked or claimed; on a multicast link beside it everything is.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn nothing_is_probed_announced_answered_or_withdrawn_where_we_only_ask() {
    let (mut bench, link) = asking(1, Names::All);
    bench.add_host("hall");
    let printer = bench.register_printer();
    bench.run(ms(10_000));
    for query in ["hall.local A", "_ipp._tcp.local PTR", "hall.local ANY"] {
        bench.hear_bytes(
            link,
            DAEMON,
            Via::Multicast,
            &Heard::query(&[query]).bytes(),
        );
        bench.run(ms(2000));
    }
    // Another has the name: not for us to settle.
    tell(&mut bench, link, &["hall.local 120 IN! A 192.0.2.9"]);
    bench.run(ms(5000));
    bench.act(|core, now| core.resumed(now));
    bench.act(|core, now| core.link_up(now, link));
    bench.run(ms(5000));
    assert_eq!(bench.take().len(), 0);
    assert_eq!(bench.take_events(), [""; 0]);

    bench.add_interface(2, &["192.168.7.1/24"]);
    bench.run(ms(10_000));
    assert!(bench.take().iter().all(|sent| sent.link != link));
    assert!(
        bench
            .take_events()
            .iter()
            .any(|event| event.contains("registered"))
    );
    bench.act(|core, now| core.withdraw(now, printer));
    bench.run(ms(5000));
    let sent = bench.take();
    assert!(sent.iter().any(Sent::is_response) && sent.iter().all(|sent| sent.link != link));
}

/// What is asked is a query; what is handed in as a response is known, and a TTL of 0 takes it away.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn what_is_asked_can_be_answered_from_elsewhere() {
    let (mut bench, link) = asking(2, Names::LinkLocal);
    let browse = bench.browse("_ipp._tcp.local");
    bench.run(ms(200));
    let asked: Vec<_> = bench.take().iter().flat_map(Sent::asked).collect();
    assert_eq!(asked, ["_ipp._tcp.local IN PTR?"]);
    let is_wanted = |bench: &Bench, text: &str, rtype| {
        let core: &mdns_proto::host::Host<_> = &bench.host;
        core.is_wanted(name(text).as_name(), rtype)
    };
    assert!(is_wanted(&bench, "_ipp._tcp.local", RecordType::PTR));
    assert!(!is_wanted(&bench, "_ipp._tcp.local", RecordType::TXT));
    assert!(!is_wanted(&bench, "_http._tcp.local", RecordType::PTR));

    let pointer = "_ipp._tcp.local 4500 IN PTR Desk._ipp._tcp.local";
    tell(&mut bench, link, &[pointer]);
    assert!(
        bench
            .take_events()
            .iter()
            .any(|event| event.starts_with("found") && event.contains("Desk"))
    );
    tell(
        &mut bench,
        link,
        &["_ipp._tcp.local 0 IN PTR Desk._ipp._tcp.local"],
    );
    bench.run(ms(1500));
    assert!(
        bench
            .take_events()
            .iter()
            .any(|event| event.starts_with("gone") && event.contains("Desk"))
    );

    bench.stop(browse);
    assert!(!is_wanted(&bench, "_ipp._tcp.local", RecordType::PTR));
}

/// A question that the daemon has no room for is no silence.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn what_cannot_be_asked_is_told_once() {
    let (mut bench, _) = asking(3, Names::All);
    bench.browse("_ipp._tcp.local");
    bench.run(ms(200));
    let not_asked = |bench: &mut Bench, text: &str, rtype| {
        let name = name(text);
        bench.act(|core, _| core.note_not_asked(name.as_name(), rtype));
        bench
            .take_events()
            .iter()
            .filter(|event| event.contains("Incomplete"))
            .count()
    };
    assert_eq!(
        not_asked(&mut bench, "_http._tcp.local", RecordType::PTR),
        0
    );
    assert_eq!(not_asked(&mut bench, "_ipp._tcp.local", RecordType::SRV), 0);
    assert_eq!(not_asked(&mut bench, "_ipp._tcp.local", RecordType::PTR), 1);
    assert_eq!(not_asked(&mut bench, "_ipp._tcp.local", RecordType::PTR), 0);
}

/// Names are asked for on the links that know them alone.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn a_link_is_asked_for_its_names_alone() {
    for (names, is_asked) in [
        (Names::All, true),
        (Names::LinkLocal, true),
        (Names::Global, false),
    ] {
        let (mut bench, _) = asking(4, names);
        bench.lookup("hall.local");
        bench.query("1.0.254.169.in-addr.arpa PTR");
        bench.run(ms(5000));
        assert_eq!(!bench.take().is_empty(), is_asked, "{names:?}");
        assert!(names.contain(name("x.local").as_name()) == is_asked);
        assert!(names.contain(name("example.com").as_name()) == (names != Names::LinkLocal));
    }
}

/// The program that registers for us says that a name is taken: the next one is told, by the rules of §9.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn a_name_that_another_program_finds_taken_is_followed_by_the_next() {
    let (mut bench, _) = asking(5, Names::All);
    let host = bench.add_host("hall");
    let printer = bench.register_printer();
    bench.act(|core, now| core.service_name_taken(now, printer));
    bench.act(|core, now| core.host_name_taken(now, host));
    bench.run(ms(2000));
    let events = bench.take_events().join("\n");
    assert!(
        events.contains("renamed") && events.contains("Printer (2)") && events.contains("hall-2"),
        "{events}"
    );
    assert!(bench.take().is_empty());
}

/// Another program of this host takes over what we say on a link, and gives it back: no goodbye between, and no name is lost.
///
/// covers: none (a choice of ours: links that are not multicast)
#[test]
fn a_link_can_be_handed_over_and_back_without_a_goodbye() {
    let (mut bench, _) = Bench::established(6);
    let link = bench.links[0];
    bench.act(|core, now| core.set_asks_only(now, link, true));
    bench.hear(&Heard::query(&["hall.local A"]));
    bench.run(ms(5000));
    assert!(bench.take_responses().is_empty());
    // It is asked on as ever, and heard.
    bench.browse("_http._tcp.local");
    bench.run(ms(200));
    assert!(!bench.take().is_empty());
    bench.act(|core, now| core.set_asks_only(now, link, false));
    bench.run(ms(5000));
    let sent = bench.take();
    assert!(
        sent.iter()
            .any(|sent| sent.says("hall.local 120 IN! A 10.0.0.1"))
    );
    assert!(!sent.iter().any(|sent| sent.says(" 0 IN")));
    assert!(
        !bench
            .take_events()
            .iter()
            .any(|event| event.contains("renamed"))
    );
}
