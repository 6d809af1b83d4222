//! Pages from the life of a browser, on fixed and on growing rows.

use std::{string::String, vec::Vec};

use crate::{
    config::Config,
    discovery::{AddressKind, AskError, Details, Span},
    link::Via,
    querier::{
        QuerierStorage,
        scene::{LAN, LAN6, Ours, Scene, millis, name, on_both, packet, secs},
    },
    wire::RecordType,
};

const TYPE: &str = "_ipp._tcp.local";
const PTR: &str = "_ipp._tcp.local 4500 PTR Printer._ipp._tcp.local";
const SRV: &str = "Printer._ipp._tcp.local 120! SRV 0 0 631 hall.local";
const TXT: &str = "Printer._ipp._tcp.local 4500! TXT a=1";
const A: &str = "hall.local 120! A 192.0.2.1";
const AAAA: &str = "hall.local 120! AAAA fe80::1";

fn browsing<S: QuerierStorage>() -> Scene<S> {
    let mut scene = Scene::new(3);
    scene
        .querier
        .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
        .unwrap();
    scene
}

/// covers: 6763-4-a, 6763-12.1-a
#[test]
fn an_instance_that_comes_whole_is_found_once_with_all_details() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.run(millis(1_500));
        scene.hear(&[A, TXT, SRV, PTR, AAAA]);
        assert_eq!(
            scene.told(),
            ["found Printer at hall.local:631 192.0.2.1@0 fe80::1@0 a=1"]
        );
        scene.sent.clear();
        scene.hear(&[PTR, SRV, TXT, A, AAAA]);
        scene.run(millis(900));
        assert_eq!(
            scene.told(),
            [""; 0],
            "6763-F-b: one add however many copies arrive"
        );
        assert_eq!(scene.sent, [], "nothing is missing, nothing is asked");
    }
    on_both!(test);
}

/// covers: 6763-12-b, 6763-5-a, 6763-5-e
#[test]
fn what_does_not_come_with_the_pointer_is_asked_for() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.run(millis(1_500));
        scene.sent.clear();
        let start = scene.now;
        scene.hear(&[PTR]);
        assert_eq!(scene.told(), ["found Printer"]);
        scene.run(millis(120));
        let asked = scene.asked(start);
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert_eq!(asked[0].0, asked[1].0, "they share a packet");
        scene.hear(&[SRV, TXT]);
        assert_eq!(scene.told(), ["changed Printer at hall.local:631 a=1"]);
        scene.run(millis(120));
        let asked: Vec<String> = scene
            .asked(start)
            .into_iter()
            .map(|(_, question)| question)
            .collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(
            asked.contains(&"hall.local IN A?".into())
                && asked.contains(&"hall.local IN AAAA?".into())
        );
        scene.hear(&[A, "hall.local 120! NSEC A"]);
        assert_eq!(
            scene.told(),
            ["changed Printer at hall.local:631 192.0.2.1@0 a=1"]
        );
        scene.run(millis(500));
        assert_eq!(scene.sent, [], "what is denied is not asked for");
    }
    on_both!(test);
}

/// covers: 6763-F-e
#[test]
fn records_may_come_in_any_order_and_apart() {
    fn test<S: QuerierStorage>() {
        for order in [
            [TXT, SRV, A, PTR],
            [A, SRV, TXT, PTR],
            [SRV, PTR, A, TXT],
            [PTR, A, TXT, SRV],
        ] {
            for cache_unasked in [true, false] {
                let mut scene = Scene::<S>::with(
                    3,
                    Config {
                        cache_unasked,
                        ..Config::DEFAULT
                    },
                );
                scene
                    .querier
                    .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
                    .unwrap();
                for record in order {
                    scene.run(millis(10));
                    scene.hear(&[record]);
                }
                // What was not kept is asked for, and comes again.
                scene.run(millis(200));
                scene.hear(&[SRV, TXT]);
                scene.run(millis(200));
                scene.hear(&[A]);
                let told = scene.told();
                assert!(told[0].starts_with("found Printer"));
                assert!(
                    told.last()
                        .unwrap()
                        .ends_with("at hall.local:631 192.0.2.1@0 a=1"),
                    "{told:?}"
                );
                assert!(told[1..].iter().all(|told| told.starts_with("changed")));
            }
        }
    }
    on_both!(test);
}

/// covers: 6763-F-c, 6762-10.1-a, 6762-10.1-b, 6762-10.1-e
#[test]
fn a_goodbye_removes_after_a_second_and_once() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.hear(&[PTR, SRV, TXT, A, AAAA]);
        scene.run(secs(5));
        scene.told();
        let goodbye = PTR.replace("4500", "0");
        scene.hear(&[&goodbye]);
        scene.run(millis(600));
        scene.hear(&[&goodbye]);
        scene.run(millis(399));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(scene.told(), ["gone Printer"]);
        scene.run(secs(5));
        assert_eq!(scene.told(), [""; 0]);
        scene.hear(&[PTR]);
        assert_eq!(scene.told().len(), 1, "it may come back");
    }
    on_both!(test);
}

/// covers: 6762-10.1-c, 6762-10.1-d
#[test]
fn a_record_heard_again_within_the_second_stays() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.hear(&[&PTR.replace("4500", "0")]);
        scene.run(secs(2));
        assert_eq!(scene.told(), [""; 0]);
        scene.hear(&[PTR]);
        scene.told();
        scene.hear(&[&PTR.replace("4500", "0")]);
        scene.run(millis(500));
        scene.hear(&[PTR]);
        scene.run(secs(5));
        assert_eq!(scene.told(), [""; 0]);
    }
    on_both!(test);
}

/// covers: 6763-F-d, 6763-5-d
#[test]
fn another_txt_is_one_change() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.hear(&[PTR, SRV, TXT, A, AAAA]);
        scene.run(secs(5));
        scene.told();
        scene.hear(&["Printer._ipp._tcp.local 4500! TXT a=2"]);
        scene.run(secs(5));
        assert_eq!(
            scene.told(),
            ["changed Printer at hall.local:631 192.0.2.1@0 fe80::1@0 a=2"]
        );
        scene.hear(&["Printer._ipp._tcp.local 120! SRV 0 0 632 hall.local"]);
        scene.run(secs(5));
        assert_eq!(
            scene.told(),
            ["changed Printer at hall.local:632 192.0.2.1@0 fe80::1@0 a=2"]
        );
    }
    on_both!(test);
}

/// covers: 6763-F-f, 6762-5.2-q
#[test]
fn a_late_browser_gets_what_is_known_at_once_and_shares_the_questions() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.hear(&[PTR, SRV, TXT, A, AAAA]);
        scene.run(secs(10));
        scene.told();
        scene.sent.clear();
        let second = scene
            .querier
            .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
            .unwrap();
        let start = scene.now;
        scene.run(secs(70));
        assert_eq!(
            scene.told(),
            ["found Printer at hall.local:631 192.0.2.1@0 fe80::1@0 a=1"]
        );
        // The series that was going on: at 15 s, 31 s and 63 s, and up to a quarter more, after its start.
        assert_eq!(scene.times_of(start, "_ipp._tcp.local IN PTR?").len(), 3);
        scene.querier.stop(scene.now, second, &scene.ours);
        scene.hear(&[&PTR.replace("4500", "0")]);
        scene.run(secs(2));
        assert_eq!(scene.told(), ["gone Printer"], "the first browse goes on");
    }
    on_both!(test);
}

/// covers: 6763-F-g, 6762-14-e, 6762-10.2-e, 6762-10.3-a
#[test]
fn two_links_are_two_ways_to_one_instance() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.add_link(LAN6);
        scene.hear(&[PTR, SRV, TXT, A]);
        scene.hear_on(LAN6, &[PTR, SRV, TXT, AAAA]);
        assert_eq!(
            scene.told(),
            [
                "found Printer at hall.local:631 192.0.2.1@0 a=1",
                "changed Printer at hall.local:631 192.0.2.1@0 fe80::1@1 a=1"
            ]
        );
        scene.querier.link_down(scene.now, LAN, &scene.ours);
        scene.run(secs(1));
        assert_eq!(
            scene.told(),
            ["changed Printer at hall.local:631 fe80::1@1 a=1"]
        );
        scene.querier.remove_link(scene.now, LAN6, &scene.ours);
        scene.run(secs(1));
        assert_eq!(scene.told(), ["gone Printer"]);
    }
    on_both!(test);
}

/// covers: 6763-7.1-a, 6763-4.2-a, 6763-4.1.3-a, 6763-4.3-c, 6763-7.1-b
#[test]
fn a_subtype_leads_to_instances_of_the_base_type() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let subtype = name("_color._sub._ipp._tcp.local");
        scene
            .querier
            .browse(scene.now, subtype.as_name(), Details::Once, &scene.ours)
            .unwrap();
        scene.run(millis(200));
        assert_eq!(
            scene.asked(scene.now)[0].1,
            "_color._sub._ipp._tcp.local IN PTR?"
        );
        scene.hear(&[r"_color._sub._ipp._tcp.local 4500 PTR a\.b._ipp._tcp.local"]);
        assert_eq!(scene.told(), [r"found a.b"]);
    }
    on_both!(test);
}

/// covers: 6763-4.1.1-a, 6763-4.1.1-b, 6763-4.2-b, 6763-15-a, SEC-19
#[test]
fn whatever_a_label_holds_is_found_and_shown_harmlessly() {
    fn test<S: QuerierStorage>() {
        let mut scene = browsing::<S>();
        scene.hear(&[r"_ipp._tcp.local 4500 PTR \J\.\032\027\255ü._ipp._tcp.local"]);
        assert_eq!(scene.told(), ["found J. \u{fffd}\u{fffd}ü"]);
    }
    on_both!(test);
}

/// covers: 6763-9-a
#[test]
fn types_are_found_without_details() {
    fn test<S: QuerierStorage>() {
        let by_verb = |scene: &mut Scene<S>| scene.querier.browse_types(scene.now, &scene.ours);
        let by_name = |scene: &mut Scene<S>| {
            let meta = name("_services._DNS-SD._udp.local");
            scene
                .querier
                .browse(scene.now, meta.as_name(), Details::Once, &scene.ours)
        };
        for ask in [by_verb, by_name] {
            let mut scene = Scene::<S>::new(1);
            ask(&mut scene).unwrap();
            scene.run(millis(200));
            scene.sent.clear();
            scene.hear(&["_services._dns-sd._udp.local 4500 PTR _ipp._tcp.local"]);
            scene.run(millis(500));
            assert_eq!(scene.told(), ["found _ipp"]);
            assert_eq!(scene.sent, []);
        }
    }
    on_both!(test);
}

/// A browse that found no room for its question on a link that came up asks there when there is some.
///
/// covers: SEC-11
#[test]
fn a_browse_without_room_for_its_question_waits_for_some() {
    fn test<S: QuerierStorage>() {
        let config = Config {
            heard_records_max: 1,
            ..Config::DEFAULT
        };
        let mut scene = Scene::<S>::with(1, config);
        let types = ["_ipp._tcp.local", "_http._tcp.local"].map(name);
        scene.querier.link_down(scene.now, LAN, &scene.ours);
        let asks = types.each_ref().map(|name| {
            let ask = scene
                .querier
                .browse(scene.now, name.as_name(), Details::Once, &scene.ours);
            ask.unwrap()
        });
        scene.querier.link_up(scene.now, LAN, &scene.ours);
        let start = scene.now;
        scene.run(secs(10));
        assert_eq!(scene.told(), ["incomplete"]);
        assert!(scene.times_of(start, "_http._tcp.local IN PTR?").is_empty());
        scene.querier.stop(scene.now, asks[0], &scene.ours);
        let start = scene.now;
        scene.run(secs(10));
        assert!(scene.times_of(start, "_http._tcp.local IN PTR?").len() >= 3);
    }
    on_both!(test);
}

fn resolving<S: QuerierStorage>() -> Scene<S> {
    let mut scene = Scene::new(5);
    let printer = name("Printer._ipp._tcp.local");
    scene
        .querier
        .resolve(scene.now, printer.as_name(), &scene.ours)
        .unwrap();
    scene
}

/// covers: 6763-5-a, 6763-5-d, 6763-5-e, 6763-14-a
#[test]
fn a_resolve_tells_when_all_is_known_and_when_it_changes() {
    fn test<S: QuerierStorage>() {
        let mut scene = resolving::<S>();
        scene.run(millis(200));
        assert_eq!(scene.asked(scene.now).len(), 2, "SRV and TXT");
        scene.hear(&[SRV, TXT]);
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(200));
        assert_eq!(scene.asked(scene.now).len(), 2, "A and AAAA");
        scene.hear(&[AAAA]);
        assert_eq!(
            scene.told(),
            ["resolved Printer at hall.local:631 fe80::1@0 a=1"]
        );
        scene.run(secs(2));
        scene.hear(&[
            "Printer._ipp._tcp.local 120! SRV 0 0 99 attic.local",
            "attic.local 120! A 192.0.2.9",
        ]);
        assert_eq!(
            scene.told(),
            ["resolved Printer at attic.local:99 192.0.2.9@0 a=1"]
        );
        scene.run(secs(2));
        scene.hear(&["attic.local 120! A 192.0.2.8"]);
        scene.run(secs(2));
        assert_eq!(
            scene.told(),
            [
                "resolved Printer at attic.local:99 192.0.2.8@0 192.0.2.9@0 a=1",
                "resolved Printer at attic.local:99 192.0.2.8@0 a=1"
            ],
            "the old address is good for one more second"
        );
    }
    on_both!(test);
}

/// covers: 6763-6-b
#[test]
fn a_service_without_txt_is_resolved_after_a_wait() {
    fn test<S: QuerierStorage>() {
        let mut scene = resolving::<S>();
        scene.run(millis(200));
        scene.hear(&[SRV, A]);
        scene.run(millis(2_999));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(
            scene.told(),
            ["resolved Printer at hall.local:631 192.0.2.1@0"]
        );
        scene.run(secs(200));
        assert_eq!(
            scene.told().last().unwrap(),
            "lost Printer",
            "nobody answers any more"
        );
    }
    on_both!(test);
}

/// covers: 2782-e, 6763-8-f
#[test]
fn a_service_that_is_not_available_is_told_at_once_and_its_host_not_asked_for() {
    fn test<S: QuerierStorage>() {
        for srv in ["SRV 0 0 0 hall.local", "SRV 0 0 9 ."] {
            let mut scene = resolving::<S>();
            scene.run(millis(200));
            scene.sent.clear();
            scene.hear(&[&["Printer._ipp._tcp.local 120!", srv].join(" "), TXT]);
            assert_eq!(scene.told().len(), 1);
            scene.run(secs(60));
            assert_eq!(scene.sent, []);
        }
    }
    on_both!(test);
}

/// covers: 6762-5.2-g, 6762-5.2-i, 6762-5.2-k
#[test]
fn all_that_a_resolve_depends_on_is_refreshed_for_days() {
    fn test<S: QuerierStorage>() {
        let mut scene = resolving::<S>();
        scene.hear(&[SRV, TXT, A, "hall.local 120! NSEC A"]);
        for _ in 0..2_000 {
            scene.run(secs(10));
            let asked = scene.asked(scene.now);
            let has = |what: &str| asked.iter().any(|(_, question)| question.starts_with(what));
            if has("hall.local IN A?") {
                scene.hear(&[A, "hall.local 120! NSEC A"]);
            }
            if has("Printer._ipp._tcp.local IN SRV?") {
                scene.hear(&[SRV]);
            }
            if has("Printer._ipp._tcp.local IN TXT?") {
                scene.hear(&[TXT]);
            }
            assert!(
                !has("hall.local IN AAAA?"),
                "denied, and the denial is repeated"
            );
        }
        assert_eq!(
            scene.told(),
            ["resolved Printer at hall.local:631 192.0.2.1@0 a=1"]
        );
    }
    on_both!(test);
}

/// What else is known of a name that is resolved is no part of it, and the first to make room.
///
/// covers: SEC-11
#[test]
fn only_what_a_resolve_needs_is_spared() {
    fn test<S: QuerierStorage>() {
        let config = Config {
            heard_records_max: 5,
            ..Config::DEFAULT
        };
        let mut scene = Scene::<S>::with(3, config);
        let (printer, attic) = (name("Printer._ipp._tcp.local"), name("attic.local"));
        scene
            .querier
            .resolve(scene.now, printer.as_name(), &scene.ours)
            .unwrap();
        scene.hear(&[
            "Printer._ipp._tcp.local 4500 TYPE65280 odd",
            SRV,
            TXT,
            A,
            AAAA,
        ]);
        scene
            .querier
            .lookup_host(scene.now, attic.as_name(), AddressKind::V4, &scene.ours)
            .unwrap();
        scene.told();
        scene.hear(&["attic.local 120! A 192.0.2.9"]);
        assert_eq!(scene.told(), ["addresses attic.local 192.0.2.9@0"]);
    }
    on_both!(test);
}

/// covers: 6762-5.1-b
#[test]
fn a_one_shot_query_ends_with_the_first_answer_or_after_three_seconds() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let hall = name("hall.local");
        let ask = |scene: &mut Scene<S>| {
            let (now, hall) = (scene.now, hall.as_name());
            scene
                .querier
                .query(now, hall, RecordType::A, Span::OneShot, &scene.ours)
                .unwrap();
        };
        ask(&mut scene);
        scene.run(millis(2_999));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(scene.told(), ["finished TimedOut"]);
        scene.sent.clear();
        scene.run(secs(10));
        assert_eq!(scene.sent, []);

        ask(&mut scene);
        scene.run(millis(500));
        scene.hear(&[A, "hall.local 120! A 192.0.2.2"]);
        assert_eq!(
            scene.told(),
            [
                "answers hall.local A [192.0.2.1] [192.0.2.2]",
                "finished Answered"
            ]
        );
        scene.sent.clear();
        scene.run(secs(300));
        assert_eq!(scene.sent, []);

        ask(&mut scene);
        scene.run(millis(500));
        scene.hear(&["hall.local 120! NSEC AAAA"]);
        assert_eq!(scene.told(), ["answers hall.local A", "finished Denied"]);
    }
    on_both!(test);
}

/// covers: 6762-14-e
#[test]
fn a_look_up_tells_all_addresses_whenever_they_change() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let hall = name("hall.local");
        scene
            .querier
            .lookup_host(scene.now, hall.as_name(), AddressKind::Both, &scene.ours)
            .unwrap();
        scene.run(millis(500));
        scene.hear(&["HALL.local 120! A 192.0.2.1"]);
        scene.hear(&[AAAA]);
        scene.hear(&[A]);
        let told = scene.told();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], "addresses hall.local 192.0.2.1@0");
        scene.hear(&["hall.local 0! A 192.0.2.1", "hall.local 0! AAAA fe80::1"]);
        scene.run(secs(1));
        assert_eq!(scene.told().last().unwrap(), "addresses hall.local");
    }
    on_both!(test);
}

/// covers: none (own results are a decision of the design)
#[test]
fn what_is_ours_is_found_without_a_packet() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        scene.ours = Ours::of(&[PTR, SRV, TXT, A]);
        scene
            .querier
            .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
            .unwrap();
        scene.run(secs(5));
        assert_eq!(
            scene.told(),
            ["found Printer (own) at hall.local:631 192.0.2.1@0 a=1"]
        );
        let mut asked = scene.asked(scene.now);
        asked.retain(|(_, question)| !question.starts_with("_ipp._tcp.local IN PTR?"));
        assert_eq!(
            asked,
            [],
            "others may have the type too; the instance is ours alone"
        );
        // A stranger repeats it, and says goodbye for it: it stays ours, and does not expire.
        scene.hear(&[PTR, SRV, TXT]);
        scene.hear(&[&PTR.replace("4500", "0")]);
        scene.run(secs(10_000));
        assert_eq!(scene.told(), [""; 0]);
        // Who asks the same must not think that we will hear of it.
        let known = ["_ipp._tcp.local 4500 IN PTR Printer._ipp._tcp.local"];
        assert!(scene.sent.iter().all(|sent| sent.known == known));
        // We update it, and withdraw it.
        scene.say(&["Printer._ipp._tcp.local 4500! TXT a=2"]);
        assert_eq!(
            scene.told(),
            ["changed Printer (own) at hall.local:631 192.0.2.1@0 a=2"]
        );
        scene.ours.records.clear();
        scene.say(&[&PTR.replace("4500", "0")]);
        assert_eq!(scene.told(), ["gone Printer"]);
    }
    on_both!(test);
}

/// covers: none (own results are a decision of the design)
#[test]
fn what_is_ours_is_found_when_it_is_announced_and_hidden_on_request() {
    fn test<S: QuerierStorage>() {
        for own_results in [true, false] {
            let mut scene = Scene::<S>::with(
                1,
                Config {
                    own_results,
                    ..Config::DEFAULT
                },
            );
            scene
                .querier
                .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
                .unwrap();
            scene.run(secs(5));
            scene.ours = Ours::of(&[PTR, SRV, TXT, A]);
            scene.say(&[PTR, SRV, TXT, A]);
            scene.run(secs(5));
            assert_eq!(scene.told().len(), usize::from(own_results));
        }
    }
    on_both!(test);
}

/// covers: 6762-13-a, 6762-3-d, 6762-3-f, 6762-4-a, 6762-4-b, 6761-5-a
#[test]
fn only_link_local_names_are_asked_for() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let mut query = |text: &str| {
            let asked = name(text);
            let id = scene.querier.query(
                scene.now,
                asked.as_name(),
                RecordType::PTR,
                Span::Continuous,
                &scene.ours,
            );
            id.map(|id| scene.querier.stop(scene.now, id, &scene.ours))
        };
        for good in [
            "a.LoCaL",
            "1.2.254.169.in-addr.arpa",
            "8.e.f.ip6.arpa",
            "1.B.E.F.ip6.arpa",
        ] {
            assert_eq!(query(good), Ok(()), "{good}");
        }
        for bad in [
            "a.notlocal",
            "local.example",
            "www.example.com",
            "c.e.f.ip6.arpa",
            "localhost",
        ] {
            assert_eq!(query(bad), Err(AskError::NotLinkLocal), "{bad}");
        }
    }
    on_both!(test);
}

/// covers: 6762-3-f
#[test]
fn the_names_of_an_address_are_asked_for_wherever_it_is_from() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let begun = scene.now;
        let address = [192, 0, 2, 7].into();
        let asked = scene
            .querier
            .reverse(scene.now, address, Span::Continuous, &scene.ours);
        assert!(asked.is_ok());
        scene.run(millis(500));
        let asked = scene.asked(begun);
        let is_it = |(_, question): &(_, String)| question.starts_with("7.2.0.192.in-addr.arpa");
        assert!(!asked.is_empty() && asked.iter().all(is_it), "{asked:?}");
        scene.hear(&["7.2.0.192.in-addr.arpa 120! PTR hall.local"]);
        assert_eq!(scene.told().len(), 1);
    }
    on_both!(test);
}

/// covers: SEC-11, SEC-25
#[test]
fn what_found_no_room_is_looked_for_when_there_is_some() {
    let question = "_ipp._tcp.local IN PTR?";
    let mut scene = browsing::<crate::querier::scene::Board>();
    let hear = |scene: &mut Scene<crate::querier::scene::Board>, ttl: u32, n: u32| {
        scene.hear(&[&std::format!(
            "_ipp._tcp.local {ttl} PTR Printer-{n}._ipp._tcp.local"
        )]);
    };
    let first = |scene: &mut Scene<crate::querier::scene::Board>, from| {
        scene.times_of(from, question).first().copied()
    };
    // Four can be told. Nothing is missing; that one goes is no reason to ask.
    (0..4).for_each(|n| hear(&mut scene, 4500, n));
    // Its series asks by the 639th second, and again from the 1023rd on.
    scene.run(secs(700));
    scene.told();
    hear(&mut scene, 0, 3);
    scene.sent.clear();
    let start = scene.now;
    scene.run(secs(10));
    assert_eq!(scene.told(), ["gone Printer-3"]);
    assert_eq!(first(&mut scene, start), None);
    // The fifth is known and waits, and gets the next place.
    hear(&mut scene, 4500, 4);
    hear(&mut scene, 4500, 5);
    scene.run(secs(1));
    assert_eq!(scene.told(), ["found Printer-4", "incomplete"]);
    hear(&mut scene, 0, 0);
    scene.sent.clear();
    let start = scene.now;
    scene.run(secs(10));
    assert_eq!(scene.told(), ["gone Printer-0", "found Printer-5"]);
    let asked = first(&mut scene, start);
    assert!(
        asked.is_some_and(|asked| (1000..1100).contains(&asked)),
        "{asked:?}"
    );
    // All are there again.
    hear(&mut scene, 0, 1);
    scene.sent.clear();
    let start = scene.now;
    scene.run(secs(10));
    assert_eq!(scene.told(), ["gone Printer-1"]);
    assert_eq!(first(&mut scene, start), None);
}

/// covers: SEC-11
#[test]
fn a_board_that_is_too_small_says_so_once_and_goes_on() {
    let mut scene = browsing::<crate::querier::scene::Board>();
    for n in 0..20 {
        scene.hear(&[&std::format!(
            "_ipp._tcp.local 4500 PTR Printer-{n}._ipp._tcp.local"
        )]);
        scene.run(millis(100));
    }
    let told = scene.told();
    assert_eq!(
        told.iter().filter(|told| told.starts_with("found")).count(),
        4
    );
    assert_eq!(told.iter().filter(|told| *told == "incomplete").count(), 1);
    // What can not be told takes no room from what can.
    scene.hear(&[
        "Printer-1._ipp._tcp.local 120! SRV 0 0 631 hall.local",
        "Printer-1._ipp._tcp.local 4500! TXT a=1",
        A,
    ]);
    assert_eq!(
        scene.told(),
        ["changed Printer-1 at hall.local:631 192.0.2.1@0 a=1"]
    );
    scene.hear(&["_ipp._tcp.local 0 PTR Printer-0._ipp._tcp.local"]);
    scene.run(secs(2));
    assert_eq!(
        scene.told(),
        ["gone Printer-0", "found Printer-19"],
        "another that was heard takes its place"
    );
    // The caller is refused, and nothing has changed.
    let hall = name("hall.local");
    scene
        .querier
        .lookup_host(scene.now, hall.as_name(), AddressKind::V4, &scene.ours)
        .unwrap_err();
    scene.run(secs(10));
}

/// covers: none (what is stopped leaves nothing behind)
#[test]
fn what_is_stopped_leaves_nothing_behind() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::with(
            1,
            Config {
                cache_unasked: false,
                ..Config::DEFAULT
            },
        );
        for round in 0..50 {
            let browse = scene
                .querier
                .browse(scene.now, name(TYPE).as_name(), Details::Once, &scene.ours)
                .unwrap();
            scene.run(millis(500));
            scene.hear(&[PTR, SRV, TXT, A]);
            if round % 2 == 0 {
                scene.hear(&[&PTR.replace("4500", "0")]);
                scene.run(secs(2));
            }
            scene.querier.stop(scene.now, browse, &scene.ours);
            scene.querier.stop(scene.now, browse, &scene.ours);
            assert_eq!(
                scene.querier.next_transmit(LAN),
                crate::time::Instant::MAX,
                "6762-5.2-p"
            );
            scene.run(secs(5_000));
            assert_eq!(scene.querier.next_timer(), crate::time::Instant::MAX);
        }
        assert!(!scene.told().is_empty());
    }
    on_both!(test);
}

/// covers: 6762-6-t, 6762-6-u, SEC-17
#[test]
fn a_unicast_answer_counts_for_two_seconds_after_a_question_that_asked_for_it() {
    fn test<S: QuerierStorage>() {
        let answer = packet(&[], &[PTR]);
        for (wait, is_found) in [(1_500, true), (2_500, false)] {
            let mut scene = browsing::<S>();
            scene.hear_packet(LAN, Via::Unicast, &answer);
            assert_eq!(scene.told(), [""; 0], "not before the question");
            // A link that comes up makes a QU question.
            scene.querier.link_down(scene.now, LAN, &scene.ours);
            scene.querier.link_up(scene.now, LAN, &scene.ours);
            scene.sent.clear();
            while scene.sent.is_empty() {
                scene.run(millis(1));
            }
            assert_eq!(scene.sent[0].questions, ["_ipp._tcp.local IN PTR? QU"]);
            scene.run(millis(wait));
            scene.hear_packet(LAN, Via::Unicast, &answer);
            assert_eq!(!scene.told().is_empty(), is_found);
        }
    }
    on_both!(test);
}

/// The addresses of a host that has many, in several packets: each is a line.
fn many_addresses(count: u32) -> Vec<String> {
    let address = |n: u32| std::format!("hall.local 120! A 10.1.{}.{}", n / 250, n % 250 + 1);
    (0..count).map(address).collect()
}

fn hear_many<S: QuerierStorage>(scene: &mut Scene<S>, count: u32) {
    for lines in many_addresses(count).chunks(40) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        scene.hear(&lines);
        scene.run(millis(1));
    }
}

/// covers: SEC-12
#[test]
fn a_host_with_300_addresses_is_told_whole() {
    let mut scene = Scene::<crate::store::Heap>::new(1);
    let hall = name("hall.local");
    let both = AddressKind::Both;
    let lookup = scene
        .querier
        .lookup_host(scene.now, hall.as_name(), both, &scene.ours);
    lookup.unwrap();
    let printer = name("Printer._ipp._tcp.local");
    let resolve = scene
        .querier
        .resolve(scene.now, printer.as_name(), &scene.ours);
    resolve.unwrap();
    scene.hear(&[SRV, TXT]);
    hear_many(&mut scene, 300);
    let told = scene.told();
    for kind in ["addresses", "resolved"] {
        let last = told
            .iter()
            .rev()
            .find(|told| told.starts_with(kind))
            .unwrap();
        assert_eq!(last.matches("@0").count(), 300, "{kind}");
    }
    assert!(!told.iter().any(|told| told == "incomplete"));
    // All of them are refreshed together (10.2): none takes the place of another.
    hear_many(&mut scene, 300);
    scene.run(secs(5));
    let told = scene.told();
    assert!(
        told.iter().all(|told| told.matches("@0").count() == 300),
        "{told:?}"
    );
}

/// Of more addresses than are looked at some are told, and that there are more.
///
/// covers: SEC-12
#[test]
fn more_addresses_than_are_looked_at_are_incomplete() {
    for (count, expected) in [(8, None), (9, Some(()))] {
        let config = Config {
            name_records_max: 8,
            ..Config::DEFAULT
        };
        let mut scene = Scene::<crate::store::Heap>::with(1, config);
        let hall = name("hall.local");
        let both = AddressKind::Both;
        let lookup = scene
            .querier
            .lookup_host(scene.now, hall.as_name(), both, &scene.ours);
        lookup.unwrap();
        let printer = name("Printer._ipp._tcp.local");
        let resolve = scene
            .querier
            .resolve(scene.now, printer.as_name(), &scene.ours);
        resolve.unwrap();
        let browse = scene.querier.browse(
            scene.now,
            name(TYPE).as_name(),
            Details::default(),
            &scene.ours,
        );
        browse.unwrap();
        scene.hear(&[PTR, SRV, TXT]);
        hear_many(&mut scene, count);
        let told = scene.told();
        let incomplete = told.iter().filter(|told| *told == "incomplete").count();
        let each = expected.map_or(0, |()| 3);
        assert_eq!(incomplete, each, "{count} addresses: {told:?}");
        for kind in ["addresses", "resolved", "found"] {
            assert!(
                told.iter().any(|told| told.starts_with(kind)),
                "{kind}: {told:?}"
            );
        }
    }
}

/// What finds no room is told of each kind of request.
///
/// covers: SEC-11
#[test]
fn every_kind_of_request_is_told_that_results_are_missing() {
    let config = Config {
        heard_records_max: 6,
        ..Config::DEFAULT
    };
    type Request = (&'static str, fn(&mut Scene<crate::store::Heap>));
    let requests: [Request; 4] = [
        ("a browse", |scene| {
            let browse = scene.querier.browse(
                scene.now,
                name(TYPE).as_name(),
                Details::default(),
                &scene.ours,
            );
            browse.unwrap();
        }),
        ("a resolve", |scene| {
            let printer = name("Printer._ipp._tcp.local");
            let resolve = scene
                .querier
                .resolve(scene.now, printer.as_name(), &scene.ours);
            resolve.unwrap();
        }),
        ("a look-up", |scene| {
            let (hall, both) = (name("hall.local"), AddressKind::Both);
            let lookup = scene
                .querier
                .lookup_host(scene.now, hall.as_name(), both, &scene.ours);
            lookup.unwrap();
        }),
        ("a query", |scene| {
            let hall = name("hall.local");
            let (rtype, span) = (RecordType::A, Span::Continuous);
            let query = scene
                .querier
                .query(scene.now, hall.as_name(), rtype, span, &scene.ours);
            query.unwrap();
        }),
    ];
    for (what, request) in requests {
        let mut scene = Scene::<crate::store::Heap>::with(1, config);
        request(&mut scene);
        scene.hear(&[PTR, SRV, TXT]);
        hear_many(&mut scene, 20);
        for n in 0..20 {
            scene.hear(&[&std::format!(
                "_ipp._tcp.local 4500 PTR Printer-{n}._ipp._tcp.local"
            )]);
        }
        let told = scene.told();
        let incomplete = told.iter().filter(|told| *told == "incomplete").count();
        assert_eq!(incomplete, 1, "{what}: {told:?}");
    }
}

/// Any number of instances on one host: what a record of the host costs at once does not grow with them. All of them are told of it
/// soon, and those that were told of something since are told once.
///
/// covers: SEC-12
#[test]
#[cfg(feature = "alloc")]
fn a_record_of_a_host_of_many_instances_is_looked_at_step_by_step() {
    use std::format;

    use crate::{querier::scene::Server, store::looks, wire::Message};

    let work = |instances: usize, addresses: usize| {
        let mut scene = browsing::<Server>();
        for n in 0..instances {
            let instance = format!("Printer-{n}._ipp._tcp.local");
            scene.hear(&[
                &format!("_ipp._tcp.local 4500 PTR {instance}"),
                &format!("{instance} 4500! SRV 0 0 631 hall.local"),
                &format!("{instance} 4500! TXT a"),
            ]);
        }
        for n in 0..addresses {
            let address = format!("10.0.{}.{}", n / 250, n % 250);
            scene.hear(&[&format!("hall.local 120 A {address}")]);
        }
        scene.run(secs(20));
        let mut most = 0;
        for n in 2..5 {
            scene.told();
            let bytes = packet(&[], &[&format!("hall.local 120 A 192.0.2.{n}")]);
            let message = Message::parse(&bytes).unwrap();
            let before = looks();
            scene
                .querier
                .handle_response(scene.now, LAN, &message, Via::Multicast, &scene.ours);
            most = most.max(looks() - before);
            scene.run(secs(20));
            let told = scene.told();
            assert_eq!(told.len(), instances, "each is told once");
            assert!(
                told.iter()
                    .all(|told| told.contains(&format!("192.0.2.{n}@0")))
            );
        }
        most
    };
    // With numbers of 16 bits there is room for fewer.
    let instances = if cfg!(mdns_narrow) { 1_000 } else { 2_000 };
    let (few, many) = (work(100, 1), work(instances, 1));
    assert!(many < few + few / 10, "{many} looks, {few} with few");
    let with_addresses = work(100, 400);
    assert!(
        with_addresses < 10 * few,
        "{with_addresses} looks, {few} with one address"
    );
}
