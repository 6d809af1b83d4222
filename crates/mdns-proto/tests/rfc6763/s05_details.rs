//! §5, §12: what is asked for follows from what is wanted, and what came without being asked for is not asked for.

use mdns_proto::{discovery::Details, name::ServiceType};

use super::bench::{Bench, Heard, ms};

const PTR: &str = "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local";
const SRV: &str = "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 hall.local";
const TXT: &str = "Printer._ipp._tcp.local 4500 IN! TXT a=b";
const A: &str = "hall.local 120 IN! A 10.0.0.7";
const AAAA: &str = "hall.local 120 IN! AAAA fe80::7";
const BARE: &str = "found Printer._ipp._tcp.local";
const WHOLE: &str = "found Printer._ipp._tcp.local at hall.local:631 10.0.0.7 \"a=b\"";

const ALL: [Details; 3] = [Details::NamesOnly, Details::Once, Details::Kept];

/// A host with these addresses that has browsed for five seconds.
fn browsing(details: Details, addresses: &[&str]) -> Bench {
    let mut bench = Bench::with(1, mdns_proto::config::Config::DEFAULT, addresses);
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    bench
        .act(|core, now| core.browse_with(now, ipp.as_name(), details))
        .expect("a browse");
    bench.run(ms(5_000));
    bench.forget();
    bench
}

const BOTH: [&str; 2] = ["10.0.0.1/24", "fe80::1/64"];

/// The questions on the first link that are not for names of instances, in order.
fn details_asked(bench: &mut Bench) -> Vec<String> {
    let first = bench.links[0];
    let sent = bench.take().into_iter().filter(|sent| sent.link == first);
    let questions = sent.flat_map(|sent| sent.questions());
    questions
        .filter(|question| !question.ends_with("PTR?"))
        .collect()
}

/// covers: 6763-4-a, 6763-12-b
#[test]
fn s5_a_browse_for_names_asks_for_names_alone() {
    let mut bench = browsing(Details::NamesOnly, &BOTH);
    bench.hear(&Heard::response(&[PTR]));
    bench.run(ms(600_000));
    assert!(details_asked(&mut bench).is_empty());
    assert_eq!(bench.take_events(), [BARE]);
    // Details are no news, but they can be read.
    bench.hear(&Heard::response(&[PTR]).beside(&[SRV, TXT, A]));
    bench.run(ms(600_000));
    assert!(details_asked(&mut bench).is_empty() && bench.take_events().is_empty());
    bench.hear(&Heard::response(&[&PTR.replace("4500", "0")]));
    bench.run(ms(1_000));
    assert_eq!(bench.take_events(), ["gone Printer._ipp._tcp.local"]);
    bench.hear(&Heard::response(&[PTR]).beside(&[SRV, TXT, A]));
    assert_eq!(bench.take_events(), [WHOLE]);
}

/// What comes whole costs no question, whether or not its owner says that there is no more, and whatever families we have.
///
/// covers: 6763-12-b, 6763-12.2-a
#[test]
fn s12_what_comes_whole_is_not_asked_for() {
    let denial = "hall.local 120 IN! NSEC hall.local A";
    for details in ALL {
        for addresses in [&BOTH[..], &BOTH[..1]] {
            for more in [
                &[SRV, TXT, A][..],
                &[SRV, TXT, A, denial],
                &[SRV, TXT, AAAA, A],
            ] {
                let mut bench = browsing(details, addresses);
                bench.hear(&Heard::response(&[PTR]).beside(more));
                bench.run(ms(90_000));
                assert!(details_asked(&mut bench).is_empty(), "{details:?} {more:?}");
            }
        }
    }
}

/// Both families are asked for together, three times at most; the first address ends that.
///
/// covers: 6763-12-b, 6763-5-a
#[test]
fn s12_addresses_that_are_missing_are_asked_for_together_and_not_for_ever() {
    let both = ["hall.local IN A?", "hall.local IN AAAA?"];
    for details in [Details::Once, Details::Kept] {
        let mut bench = browsing(details, &BOTH);
        bench.hear(&Heard::response(&[PTR]).beside(&[SRV, TXT]));
        bench.run(ms(120));
        assert_eq!(details_asked(&mut bench), both, "{details:?}");
        bench.hear(&Heard::response(&[A]));
        bench.run(ms(60_000));
        let asked = details_asked(&mut bench);
        let most = if details == Details::Once { 0 } else { 2 };
        assert!(asked.len() <= most, "{details:?}: {asked:?}");
        assert!(asked.iter().all(|question| question == both[1]));
    }
    let mut bench = browsing(Details::Once, &BOTH);
    bench.hear(&Heard::response(&[PTR]).beside(&[SRV, TXT]));
    bench.run(ms(60_000));
    assert_eq!(details_asked(&mut bench).len(), 6, "three times, in vain");
}

/// Who has no IPv6 on an interface has no use for IPv6 addresses there; and the other way round.
///
/// covers: 6763-12-b
#[test]
fn s12_addresses_of_a_family_that_the_interface_lacks_are_not_asked_for() {
    for (addresses, question) in [
        (["10.0.0.1/24"], "hall.local IN A?"),
        (["fe80::1/64"], "hall.local IN AAAA?"),
    ] {
        for details in [Details::Once, Details::Kept] {
            let mut bench = browsing(details, &addresses);
            let heard = Heard::response(&[PTR]).beside(&[SRV, TXT]);
            let source = if addresses[0].contains(':') {
                "[fe80::7]:5353"
            } else {
                super::bench::PEER
            };
            bench.hear_from(source, mdns_proto::link::Via::Multicast, &heard);
            bench.run(ms(10_000));
            let asked = details_asked(&mut bench);
            assert!(
                !asked.is_empty() && asked.iter().all(|asked| asked == question),
                "{asked:?}"
            );
        }
    }
}

/// Details that are kept are asked for before they end; others are gone when they do.
///
/// covers: 6762-5.2-i, 6763-5-d
#[test]
fn s5_details_are_kept_up_to_date_if_that_is_wanted() {
    for (details, is_kept) in [(Details::Once, false), (Details::Kept, true)] {
        let mut bench = browsing(details, &BOTH);
        bench.hear(&Heard::response(&[PTR]).beside(&[SRV, TXT, A, AAAA]));
        bench.run(ms(115_000));
        let asked = details_asked(&mut bench);
        assert_eq!(asked.is_empty(), !is_kept, "{asked:?}");
        if is_kept {
            assert!(asked.contains(&"hall.local IN A?".into()));
            assert!(asked.contains(&"hall.local IN AAAA?".into()));
            assert!(asked.contains(&"Printer._ipp._tcp.local IN SRV?".into()));
        }
    }
}

/// A look-up asks for both, and goes on for neither when it has one.
///
/// covers: 6762-5.2-m
#[test]
fn s5_a_look_up_does_not_ask_for_ever_for_the_other_family() {
    let mut bench = Bench::with(1, mdns_proto::config::Config::DEFAULT, &BOTH);
    bench.run(ms(2_000));
    bench.lookup("hall.local");
    bench.hear(&Heard::response(&[A]));
    bench.run(ms(90_000));
    let asked = details_asked(&mut bench);
    let times = |question: &str| asked.iter().filter(|asked| *asked == question).count();
    assert_eq!(
        (times("hall.local IN A?"), times("hall.local IN AAAA?")),
        (1, 3)
    );
    // It is asked anew for a new look-up.
    bench.lookup("hall.local");
    assert_eq!(details_asked(&mut bench), ["hall.local IN AAAA?"]);
}
