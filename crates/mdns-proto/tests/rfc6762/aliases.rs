//! Aliases (RFC 1034 §3.6.2, §4.3.2): look-ups of addresses follow CNAME records, up to eight one after another, and say which name has
//! the addresses.

use mdns_proto::{discovery::Span, own::Sharing};

use super::bench::{Bench, Heard, ms};

const ALIAS: &str = "alias.local 120 IN! CNAME host.local";
const ADDRESS: &str = "host.local 120 IN! A 10.0.0.2";

fn looking_up(name: &str) -> Bench {
    let mut bench = Bench::new(1);
    bench.lookup(name);
    bench.run(ms(500));
    bench.forget();
    bench
}

/// What was asked since, each question once.
fn asked(bench: &mut Bench) -> Vec<String> {
    let mut all: Vec<_> = bench
        .take()
        .iter()
        .flat_map(|sent| sent.questions())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// covers: 6762-16-g
#[test]
fn a_look_up_follows_an_alias() {
    // In one packet, in either order, and one after the other.
    for packets in [
        &[&[ALIAS, ADDRESS][..]][..],
        &[&[ADDRESS, ALIAS]],
        &[&[ALIAS], &[ADDRESS]],
        &[&[ADDRESS], &[ALIAS]],
    ] {
        let mut bench = looking_up("alias.local");
        for records in packets {
            bench.hear(&Heard::response(records));
            bench.run(ms(200));
        }
        let is_asked_for = asked(&mut bench).contains(&"host.local IN AAAA?".into());
        assert!(is_asked_for, "{packets:?}");
        assert_eq!(
            bench.take_events(),
            ["addresses alias.local is host.local 10.0.0.2"],
            "{packets:?}"
        );
        bench.hear(&Heard::response(&["host.local 120 IN! AAAA fe80::2"]));
        assert_eq!(
            bench.take_events(),
            ["addresses alias.local is host.local 10.0.0.2 fe80::2"]
        );
        bench.run(ms(60_000));
        assert!(
            !asked(&mut bench)
                .iter()
                .any(|question| question.starts_with("alias")),
            "the alias is the answer"
        );
    }
}

/// An alias that is known before is followed without a question about it.
///
/// covers: none (what is known need not be asked for)
#[test]
fn an_alias_that_is_known_is_followed_at_once() {
    let mut bench = Bench::new(2);
    bench.hear(&Heard::response(&[ALIAS, ADDRESS]));
    bench.lookup("alias.local");
    assert_eq!(
        bench.take_events(),
        ["addresses alias.local is host.local 10.0.0.2"]
    );
    bench.run(ms(500));
    assert_eq!(asked(&mut bench), ["host.local IN AAAA?"]);
}

/// The names of a chain of `count` aliases, in full.
fn chain(count: usize) -> Vec<String> {
    let alias = |n| format!("a{n}.local 120 IN! CNAME a{}.local", n + 1);
    (0..count).map(alias).collect()
}

/// covers: SEC-10
#[test]
fn eight_aliases_are_followed_and_nine_are_not() {
    for (count, is_found) in [(1, true), (8, true), (9, false), (12, false)] {
        if crate::lacks_room_for("a name in a row of results for each alias") && count > 1 {
            continue;
        }
        let mut bench = looking_up("a0.local");
        for alias in chain(count) {
            bench.hear(&Heard::response(&[&alias]));
        }
        bench.run(ms(500));
        let last = format!("a{count}.local");
        let is_asked = asked(&mut bench).contains(&format!("{last} IN A?"));
        assert_eq!(is_asked, is_found, "{count}");
        bench.hear(&Heard::response(&[&format!("{last} 120 IN! A 10.0.0.2")]));
        let told = format!("addresses a0.local is {last} 10.0.0.2");
        let told: Vec<_> = is_found.then_some(told).into_iter().collect();
        assert_eq!(bench.take_events(), told, "{count}");
        // A question for each, to keep it; no more.
        bench.run(ms(100_000));
        assert!(bench.take().len() < 30);
    }
}

/// covers: SEC-10
#[test]
fn aliases_that_go_round_are_no_answer() {
    for aliases in [
        &["x.local 120 IN! CNAME x.local"][..],
        &["x.local 120 IN! CNAME X.LOCAL"],
        &[
            "x.local 120 IN! CNAME y.local",
            "y.local 120 IN! CNAME x.local",
        ],
        &[
            "x.local 120 IN! CNAME y.local",
            "y.local 120 IN! CNAME y.local",
        ],
    ] {
        let mut bench = looking_up("x.local");
        bench.hear(&Heard::response(aliases));
        bench.run(ms(60_000));
        assert!(bench.take_events().is_empty());
        assert!(asked(&mut bench).len() <= 6, "{aliases:?}");
        // It is not stuck: a true address is told.
        bench.hear(&Heard::response(&["x.local 120 IN! A 10.0.0.2"]));
        assert_eq!(bench.take_events(), ["addresses x.local 10.0.0.2"]);
    }
}

/// covers: 6762-13-a, ABUSE-8
#[test]
fn an_alias_for_a_name_outside_is_told_and_not_followed() {
    let mut bench = looking_up("alias.local");
    bench.hear(&Heard::response(&[
        "alias.local 120 IN! CNAME www.example.com",
        "www.example.com 120 IN! A 10.6.6.6",
    ]));
    assert_eq!(
        bench.take_events(),
        ["addresses alias.local is www.example.com"]
    );
    bench.run(ms(60_000));
    assert!(
        !asked(&mut bench)
            .iter()
            .any(|question| question.contains("example"))
    );
}

/// A name with an address has what was asked for: that it should be an alias as well does not count (RFC 1034 §3.6.2).
///
/// covers: none (what no zone may have)
#[test]
fn an_address_counts_before_an_alias() {
    for order in [[0, 1, 2], [2, 1, 0]] {
        let records = [ALIAS, "alias.local 120 IN! A 10.0.0.9", ADDRESS];
        let mut bench = looking_up("alias.local");
        bench.hear(&Heard::response(&order.map(|at| records[at])));
        assert_eq!(bench.take_events(), ["addresses alias.local 10.0.0.9"]);
        // It is one once that address is gone.
        bench.run(ms(5000));
        bench.hear(&Heard::response(&["alias.local 0 IN! A 10.0.0.9"]));
        bench.run(ms(2000));
        assert_eq!(
            bench.take_events().last().map(String::as_str),
            Some("addresses alias.local is host.local 10.0.0.2")
        );
    }
}

/// covers: none (what is told is a state)
#[test]
fn a_look_up_follows_an_alias_that_changes_or_goes() {
    let mut bench = looking_up("alias.local");
    bench.hear(&Heard::response(&[ALIAS, ADDRESS]));
    bench.run(ms(5000));
    bench.forget();
    // Another host now; with cache-flush and without.
    for (flush, host, last) in [("!", "attic", 3), ("", "cellar", 4)] {
        bench.hear(&Heard::response(&[
            &format!("alias.local 120 IN{flush} CNAME {host}.local"),
            &format!("{host}.local 120 IN! A 10.0.0.{last}"),
        ]));
        bench.run(ms(2000));
        let told = format!("addresses alias.local is {host}.local 10.0.0.{last}");
        assert_eq!(bench.take_events(), [told]);
    }
    // Its address changes.
    bench.hear(&Heard::response(&["cellar.local 120 IN! A 10.0.0.5"]));
    bench.run(ms(2000));
    assert_eq!(
        bench.take_events().last().map(String::as_str),
        Some("addresses alias.local is cellar.local 10.0.0.5")
    );
    // What is withdrawn does not count while an older one stands.
    bench.hear(&Heard::response(&["alias.local 0 IN CNAME cellar.local"]));
    bench.run(ms(100));
    assert_eq!(
        bench.take_events(),
        ["addresses alias.local is attic.local 10.0.0.3"]
    );
    // No alias any more: nothing is known then, and it is asked for.
    bench.forget();
    bench.hear(&Heard::response(&["alias.local 0 IN! CNAME attic.local"]));
    bench.run(ms(1999));
    assert_eq!(bench.take_events(), ["addresses alias.local"]);
    assert!(asked(&mut bench).contains(&"alias.local IN A?".into()));
}

/// An alias is kept up to date as an address is.
///
/// covers: 6762-5.2-i
#[test]
fn an_alias_is_refreshed() {
    let mut bench = looking_up("alias.local");
    bench.hear(&Heard::response(&[
        ALIAS,
        "host.local 4500 IN! A 10.0.0.2",
        "host.local 4500 IN! NSEC host.local A",
    ]));
    bench.run(ms(95_000));
    assert!(bench.sent.is_empty(), "{:?}", bench.sent);
    bench.run(ms(5_000));
    assert_eq!(asked(&mut bench), ["alias.local IN CNAME?"]);
    bench.hear(&Heard::response(&[ALIAS]));
    bench.run(ms(90_000));
    assert_eq!(bench.take_events().len(), 1);
}

/// Who has the name says that there is an alias, and nothing else: that denies no address.
///
/// covers: 6762-6.1-a
#[test]
fn what_has_an_alias_denies_no_address() {
    let mut bench = looking_up("alias.local");
    bench.hear(&Heard::response(&[
        "alias.local 120 IN! NSEC alias.local CNAME",
    ]));
    bench.run(ms(3000));
    assert!(bench.take_events().is_empty());
    bench.hear(&Heard::response(&[
        ALIAS,
        ADDRESS,
        "host.local 120 IN! NSEC host.local A",
    ]));
    bench.run(ms(10));
    assert_eq!(
        bench.take_events(),
        ["addresses alias.local is host.local 10.0.0.2"]
    );
    bench.forget();
    bench.run(ms(30_000));
    assert!(bench.take().is_empty(), "nothing is missing");
}

/// An SRV record that names an alias, as it should not, leads to the host all the same.
///
/// covers: 2782-d
#[test]
fn a_service_on_an_alias_is_found() {
    for how in ["browse", "resolve"] {
        let mut bench = Bench::new(3);
        if how == "browse" {
            bench.browse("_ipp._tcp.local");
        } else {
            bench.resolve("Printer._ipp._tcp.local");
        }
        bench.run(ms(500));
        bench.hear(&Heard::response(&[
            "_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local",
            "Printer._ipp._tcp.local 120 IN! SRV 0 0 631 alias.local",
            "Printer._ipp._tcp.local 4500 IN! TXT",
            ALIAS,
        ]));
        bench.run(ms(500));
        assert!(
            asked(&mut bench).contains(&"host.local IN A?".into()),
            "{how}"
        );
        bench.hear(&Heard::response(&[ADDRESS]));
        let told = bench.take_events();
        let told = told.last().expect("an event");
        assert!(
            told.ends_with("Printer._ipp._tcp.local at alias.local:631 is host.local 10.0.0.2"),
            "{told}"
        );
        bench.run(ms(5000));
        bench.forget();
        bench.hear(&Heard::response(&[
            "alias.local 120 IN! CNAME attic.local",
            "attic.local 120 IN! A 10.0.0.3",
        ]));
        bench.run(ms(2000));
        let told = bench.take_events();
        assert!(
            told.last()
                .is_some_and(|told| told.ends_with("is attic.local 10.0.0.3")),
            "{told:?}"
        );
    }
}

/// A query shows the alias, whatever type it asks for, and does not follow it (RFC 1034 §4.3.2).
///
/// covers: none (a query tells what is said of the name)
#[test]
fn a_query_tells_the_alias() {
    for rtype in ["A", "TXT", "CNAME", "ANY"] {
        let mut bench = Bench::new(4);
        bench.query_for(&format!("alias.local {rtype}"), Span::OneShot);
        bench.run(ms(500));
        bench.hear(&Heard::response(&[ALIAS, ADDRESS]));
        assert_eq!(
            bench.take_events(),
            [
                format!("answers alias.local {rtype} [host.local]"),
                "finished Answered".into()
            ]
        );
    }
}

/// Our own aliases are followed, too, and nobody is asked.
///
/// covers: none (own results are results)
#[test]
fn an_alias_of_ours_is_followed() {
    let mut bench = Bench::new(5);
    bench.add_host("hall");
    bench
        .add("www.local 120 IN CNAME hall.local", Sharing::Unique)
        .expect("room");
    bench.run(ms(20_000));
    bench.forget();
    bench.lookup("www.local");
    bench.run(ms(500));
    assert_eq!(
        bench.take_events(),
        ["addresses www.local is hall.local 10.0.0.1"]
    );
    assert!(bench.take().is_empty());
}

/// What a look-up goes through is forgotten with it, and the next one begins anew.
///
/// covers: none (nothing grows without bound)
#[test]
fn a_look_up_leaves_nothing_behind() {
    let mut bench = Bench::new(6);
    for _ in 0..50 {
        let ask = bench.lookup("alias.local");
        bench.hear(&Heard::response(&[ALIAS, ADDRESS]));
        assert_eq!(
            bench.take_events(),
            ["addresses alias.local is host.local 10.0.0.2"]
        );
        bench.stop(ask);
        bench.run(ms(500));
    }
    bench.forget();
    bench.run(ms(1_000_000));
    assert!(bench.take().is_empty() && bench.take_events().is_empty());
}
