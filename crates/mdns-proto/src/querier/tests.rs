//! Timetables of questions, and what is kept of the answers, on fixed and on growing rows.

use core::time::Duration;
use std::{format, string::String, vec::Vec};

use super::{
    Querier, QuerierStorage, QuestionSlot,
    scene::{LAN, LAN6, Scene, millis, name, on_both, packet, secs},
};
use crate::{
    cache::HeardRecord,
    config::Config,
    discovery::{AddressKind, AskId, AskSlot, Details, Span, ToldSlot},
    link::{Family, InterfaceId, LinkConfig, Via},
    store::{NameSlot, Slot},
    time::Instant,
    wire::{Message, RecordType},
};

const PTR: &str = "_ipp._tcp.local 4500 PTR Printer._ipp._tcp.local";
const A: &str = "hall.local 120! A 192.0.2.1";

fn browse<S: QuerierStorage>(scene: &mut Scene<S>) -> AskId {
    scene
        .querier
        .browse(
            scene.now,
            name("_ipp._tcp.local").as_name(),
            Details::Once,
            &scene.ours,
        )
        .unwrap()
}

fn query<S: QuerierStorage>(scene: &mut Scene<S>, text: &str, rtype: RecordType) -> AskId {
    let asked = name(text);
    scene
        .querier
        .query(
            scene.now,
            asked.as_name(),
            rtype,
            Span::Continuous,
            &scene.ours,
        )
        .unwrap()
}

/// covers: 6762-5.2-a, 6762-5.2-b, 6762-5.2-c, 6762-5.4-c, 6762-5.4-d, 6762-18.1-c, 6762-18.2-a
#[test]
fn a_series_doubles_its_intervals_up_to_an_hour() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let start = scene.now;
        browse(&mut scene);
        scene.run(secs(6 * 3600));
        let times = scene.times_of(start, "_ipp._tcp.local IN PTR?");
        assert!((20..=120).contains(&times[0]));
        let intervals: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((1000..=1250).contains(&intervals[0]));
        for (at, interval) in intervals.iter().enumerate() {
            // All are longer by one part.
            let wanted = intervals[0] << at.min(12);
            let wanted = wanted.min(intervals[0] * 3600);
            assert!(
                interval.abs_diff(wanted) <= 1 << at.min(12),
                "{intervals:?}"
            );
        }
        assert!(intervals.len() >= 15);
    }
    on_both!(test);
}

/// covers: 6762-5.2-e
#[test]
fn the_first_question_waits_a_random_while() {
    let mut quarters = [0; 4];
    for seed in 0..400 {
        let mut scene = Scene::<super::scene::Board>::new(seed);
        let start = scene.now;
        browse(&mut scene);
        scene.run(millis(200));
        let times = scene.times_of(start, "_ipp._tcp.local IN PTR?");
        assert!((20..=120).contains(&times[0]), "{times:?}");
        quarters[((times[0] - 20) / 26) as usize] += 1;
    }
    assert!(
        quarters.iter().all(|&n| (60..=140).contains(&n)),
        "{quarters:?}"
    );
}

/// covers: 6762-5.3-b
#[test]
fn questions_that_start_together_share_a_packet() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        query(&mut scene, "hall.local", RecordType::A);
        scene.run(millis(150));
        assert_eq!(scene.sent.len(), 1);
        assert_eq!(
            scene.sent[0].questions,
            ["_ipp._tcp.local IN PTR?", "hall.local IN A?"]
        );
    }
    on_both!(test);
}

/// covers: 6762-5.2-m, 6762-7.1-b, 6762-5.2-i, 6762-5.2-f
#[test]
fn a_unique_answer_ends_the_series_until_its_refresh() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let start = scene.now;
        query(&mut scene, "hall.local", RecordType::A);
        scene.run(millis(150));
        scene.sent.clear();
        scene.hear(&[A]);
        let heard = scene.now;
        scene.run(secs(119));
        let times = scene.times_of(heard, "hall.local IN A?");
        assert_eq!(times.len(), 4, "{times:?}");
        for (time, percent) in times.iter().zip([80, 85, 90, 95]) {
            assert!(
                (percent * 1200..=(percent + 2) * 1200).contains(time),
                "{times:?}"
            );
        }
        scene.told();
        scene.run(millis(999));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(scene.told(), ["answers hall.local A"]);
        scene.run(millis(150));
        assert!(
            !scene.times_of(start, "hall.local IN A?").is_empty(),
            "it is asked for anew"
        );
    }
    on_both!(test);
}

/// covers: 6762-5.2-j
#[test]
fn refreshes_are_spread_over_two_hundredths() {
    let mut quarters = [0; 4];
    for seed in 0..400 {
        let mut scene = Scene::<super::scene::Board>::new(seed);
        query(&mut scene, "hall.local", RecordType::A);
        scene.hear(&["hall.local 100! A 192.0.2.1"]);
        let heard = scene.now;
        scene.run(secs(83));
        let times = scene.times_of(heard, "hall.local IN A?");
        let late = times.last().unwrap() - 80_000;
        assert!(late <= 2_000);
        quarters[(late / 501) as usize] += 1;
    }
    assert!(
        quarters.iter().all(|&n| (60..=140).contains(&n)),
        "{quarters:?}"
    );
}

/// covers: 6762-5.2-k
#[test]
fn an_answer_starts_the_schedule_of_refreshes_anew() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        query(&mut scene, "hall.local", RecordType::A);
        scene.hear(&["hall.local 100! A 192.0.2.1"]);
        scene.run(secs(83));
        assert_eq!(
            scene
                .times_of(scene.now - secs(83), "hall.local IN A?")
                .len(),
            1
        );
        scene.hear(&["hall.local 100! A 192.0.2.1"]);
        let heard = scene.now;
        scene.run(millis(79_999));
        assert_eq!(scene.sent, []);
        scene.run(millis(2_001));
        assert_eq!(scene.times_of(heard, "hall.local IN A?").len(), 1);
    }
    on_both!(test);
}

/// covers: 6762-5.2-l, 6762-5.2-h, 6762-18.1-a, 6762-18.1-b
#[test]
fn what_nobody_wants_is_kept_and_not_refreshed() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        scene.hear(&[A]);
        scene.run(secs(60));
        query(&mut scene, "hall.local", RecordType::A);
        scene.run(Duration::ZERO);
        assert_eq!(scene.told(), ["answers hall.local A [192.0.2.1]"]);
        assert_eq!(scene.sent, []);
        scene.run(secs(40));
        assert_eq!(scene.sent.len(), 1, "once someone wants it, at four fifths");
        let mut scene = Scene::<S>::new(1);
        scene.hear(&[A]);
        scene.run(secs(200));
        assert_eq!(scene.sent, []);
        assert_eq!(scene.querier.next_timer(), Instant::MAX);
    }
    on_both!(test);
}

/// covers: 6762-5.4-b, 6762-5.4-c, 6762-15.1-b
#[test]
fn after_a_link_came_up_the_first_question_takes_a_unicast_answer() {
    fn test<S: QuerierStorage>() {
        for unicast in [true, false] {
            let mut scene = Scene::<S>::new(1);
            browse(&mut scene);
            scene.run(secs(100));
            let config = LinkConfig {
                interface: InterfaceId(8),
                family: Family::V6,
                mtu: 1500,
                unicast,
                ..LinkConfig::MULTICAST
            };
            scene
                .querier
                .add_link(LAN6, config, &Config::DEFAULT)
                .unwrap();
            scene.run(secs(10));
            assert!(
                scene.sent.iter().all(|sent| sent.link == LAN),
                "it is down at first"
            );
            scene.querier.link_up(scene.now, LAN6, &scene.ours);
            scene.sent.clear();
            scene.run(secs(5));
            scene.sent.retain(|sent| sent.link == LAN6);
            let asked: Vec<String> = scene
                .asked(scene.now - secs(5))
                .into_iter()
                .map(|(_, asked)| asked)
                .collect();
            let first = if unicast {
                "_ipp._tcp.local IN PTR? QU"
            } else {
                "_ipp._tcp.local IN PTR?"
            };
            assert_eq!(
                asked,
                [first, "_ipp._tcp.local IN PTR?", "_ipp._tcp.local IN PTR?"]
            );
        }
    }
    on_both!(test);
}

/// Nobody but us asks for an answer to our own address.
///
/// covers: 6762-5.4-b, 6762-7.3-a
#[test]
fn a_question_that_takes_a_unicast_answer_is_asked_whoever_else_asks() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        scene.run(secs(100));
        let up = scene.now;
        scene.querier.link_down(up, LAN, &scene.ours);
        scene.querier.link_up(up, LAN, &scene.ours);
        scene.hear_query(&["_ipp._tcp.local PTR"], &[]);
        scene.run(millis(120));
        assert_eq!(scene.times_of(up, "_ipp._tcp.local IN PTR? QU").len(), 1);
    }
    on_both!(test);
}

/// covers: 6762-10.3-b, 6762-5.4-b
#[test]
fn after_a_sleep_what_is_not_confirmed_goes_within_ten_seconds() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        scene.hear(&[PTR, "_ipp._tcp.local 4500 PTR Other._ipp._tcp.local"]);
        scene.run(secs(100));
        scene.told();
        scene.sent.clear();
        let start = scene.now;
        scene.querier.resumed(scene.now, &scene.ours);
        scene.run(millis(150));
        let asked = scene.asked(start);
        assert!(
            asked
                .iter()
                .any(|(_, asked)| asked == "_ipp._tcp.local IN PTR? QU"),
            "{asked:?}"
        );
        scene.hear(&[PTR]);
        scene.run(millis(9_849));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(scene.told(), ["gone Other"]);
    }
    on_both!(test);
}

/// covers: 6762-10.2-c, 6762-10.2-d, 6762-10.2-e, 6762-10.2-n
#[test]
fn cache_flush_ends_what_is_older_than_a_second() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        let hall = name("hall.local");
        scene
            .querier
            .lookup_host(scene.now, hall.as_name(), AddressKind::Both, &scene.ours)
            .unwrap();
        scene.hear(&[A, "hall.local 120! AAAA fe80::1"]);
        scene.run(millis(900));
        scene.hear(&["hall.local 120! A 192.0.2.2"]);
        scene.run(secs(5));
        scene.told();
        scene.hear(&["hall.local 120! A 192.0.2.3"]);
        assert_eq!(
            scene.told(),
            ["addresses hall.local 192.0.2.3@0 192.0.2.2@0 fe80::1@0 192.0.2.1@0"]
        );
        scene.run(millis(999));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(millis(1));
        assert_eq!(
            scene.told().last().unwrap(),
            "addresses hall.local 192.0.2.3@0 fe80::1@0"
        );
        scene.hear(&["hall.local 120 A 192.0.2.3"]);
        scene.run(secs(5));
        assert_eq!(
            scene.told(),
            [""; 0],
            "with or without the bit it is one record"
        );
    }
    on_both!(test);
}

/// A responder multicasts a change one second after what it said before; the packets may come a little less than that apart.
///
/// covers: 6762-10.2-c, 6762-10.2-d
#[test]
fn a_second_that_jitter_made_short_is_a_second() {
    fn test<S: QuerierStorage>() {
        for (apart, is_flushed) in [(949, false), (950, true), (997, true)] {
            let mut scene = Scene::<S>::new(1);
            let hall = name("hall.local");
            scene
                .querier
                .lookup_host(scene.now, hall.as_name(), AddressKind::V4, &scene.ours)
                .unwrap();
            scene.hear(&[A]);
            scene.run(millis(apart));
            scene.hear(&["hall.local 120! A 192.0.2.2"]);
            scene.run(secs(5));
            let told = scene.told();
            let last = told.last().unwrap();
            assert_eq!(!last.contains("192.0.2.1@0"), is_flushed, "{apart}: {last}");
        }
    }
    on_both!(test);
}

/// covers: none (devices that set cache-flush on shared pointers: conformance/README.md, mistake 3)
#[test]
fn pointers_of_a_service_type_do_not_flush_each_other() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        for _ in 0..5 {
            scene.hear(&["_ipp._tcp.local 4500! PTR A._ipp._tcp.local"]);
            scene.run(secs(5));
            scene.hear(&["_ipp._tcp.local 4500! PTR B._ipp._tcp.local"]);
            scene.run(secs(5));
        }
        assert_eq!(scene.told(), ["found A", "found B"]);
    }
    on_both!(test);
}

/// covers: 6762-10.2-o, 6762-7.1-f
#[test]
fn what_is_no_data_is_not_kept() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        query(&mut scene, "hall.local", RecordType::ANY);
        scene.hear(&[A]);
        scene.told();
        scene.run(secs(3));
        scene.hear(&["hall.local 120! OPT", "hall.local 120! TYPE250"]);
        scene.hear_query(&["hall.local A"], &["hall.local 120 A 192.0.2.77"]);
        scene.run(secs(5));
        assert_eq!(scene.told(), [""; 0]);
    }
    on_both!(test);
}

/// covers: 6762-5.2-d, 6762-7.1-a, 6762-7.1-e, 6762-7.1-h, 6762-10.2-k
#[test]
fn known_answers_are_shared_fresh_and_without_cache_flush() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        scene.hear(&[
            PTR,
            "_ipp._tcp.local 4500 PTR Other._ipp._tcp.local",
            "_ipp._tcp.local 4500! PTR Odd._ipp._tcp.local",
            "_ipp._tcp.local 2000 PTR Stale._ipp._tcp.local",
        ]);
        scene.run(secs(900));
        scene.sent.clear();
        scene.run(secs(400));
        let sent = scene
            .sent
            .iter()
            .find(|sent| sent.questions == ["_ipp._tcp.local IN PTR?"])
            .unwrap();
        let left = 4500 - (sent.at - Instant::from_millis(1_000_000)).as_secs() - 1;
        assert_eq!(
            sent.known,
            [
                format!("_ipp._tcp.local {left} IN PTR Odd._ipp._tcp.local"),
                format!("_ipp._tcp.local {left} IN PTR Other._ipp._tcp.local"),
                format!("_ipp._tcp.local {left} IN PTR Printer._ipp._tcp.local"),
            ]
        );
        assert!(!sent.truncated);
    }
    on_both!(test);
}

/// What comes for one type of a name neither ends nor hurries the questions for its others.
///
/// covers: 6762-5.2-b
#[test]
fn an_answer_to_one_question_leaves_the_others_their_time() {
    fn test<S: QuerierStorage>() {
        let times = |heard: &[&str]| {
            let mut scene = Scene::<S>::new(1);
            let printer = name("Printer._ipp._tcp.local");
            let start = scene.now;
            scene
                .querier
                .resolve(start, printer.as_name(), &scene.ours)
                .unwrap();
            scene.run(millis(1500));
            scene.hear(heard);
            scene.run(secs(10));
            scene.times_of(start, "Printer._ipp._tcp.local IN TXT?")
        };
        let alone = times(&[]);
        assert!(alone.len() >= 2);
        assert_eq!(
            times(&["Printer._ipp._tcp.local 120! SRV 0 0 631 hall.local"]),
            alone
        );
    }
    on_both!(test);
}

/// However long it had been asked for before, and however rarely in the end.
///
/// covers: 6762-6.1-o
#[test]
fn what_is_denied_is_asked_for_again_when_the_denial_ends() {
    fn test<S: QuerierStorage>() {
        for before in [millis(500), secs(2100)] {
            let mut scene = Scene::<S>::new(1);
            let hall = name("hall.local");
            scene
                .querier
                .lookup_host(scene.now, hall.as_name(), AddressKind::V6, &scene.ours)
                .unwrap();
            scene.run(before);
            scene.hear(&["hall.local 60! NSEC A"]);
            assert_eq!(
                scene.told(),
                ["addresses hall.local"],
                "it has none of these, and that is known at once"
            );
            scene.sent.clear();
            let heard = scene.now;
            scene.run(millis(59_999));
            assert_eq!(scene.sent, []);
            scene.run(millis(121));
            assert_eq!(scene.times_of(heard, "hall.local IN AAAA?").len(), 1);
        }
    }
    on_both!(test);
}

/// covers: 6762-5.2-g, 6762-5.2-l
#[test]
fn what_is_known_before_it_is_browsed_is_refreshed_from_then_on() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        scene.hear(&["_ipp._tcp.local 100 PTR Printer._ipp._tcp.local"]);
        scene.run(secs(70));
        let first = browse(&mut scene);
        scene.run(secs(9));
        scene.sent.clear();
        scene.run(secs(4));
        assert_eq!(scene.sent.len(), 1, "at four fifths");
        scene.querier.stop(scene.now, first, &scene.ours);
        scene.sent.clear();
        scene.run(secs(30));
        assert_eq!(scene.sent, []);
    }
    on_both!(test);
}

/// covers: 6762-5.2-i, 6762-5.2-l
#[test]
fn one_type_of_a_name_is_kept_when_another_is_let_go() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        query(&mut scene, "hall.local", RecordType::A);
        let txt = query(&mut scene, "hall.local", RecordType::TXT);
        scene.hear(&["hall.local 100! A 192.0.2.1", "hall.local 100! TXT a=1"]);
        let heard = scene.now;
        scene.run(secs(1));
        scene.querier.stop(scene.now, txt, &scene.ours);
        scene.sent.clear();
        scene.run(secs(98));
        let asked = scene.asked(heard);
        assert_eq!(asked.len(), 4, "{asked:?}");
        assert!(asked.iter().all(|(_, asked)| asked == "hall.local IN A?"));
    }
    on_both!(test);
}

/// covers: 6762-7.2-a, 6762-7.2-b, 6762-7.2-c, 6762-17-a
#[test]
#[cfg(feature = "alloc")]
fn known_answers_go_on_over_packets() {
    let mut scene = Scene::<super::scene::Server>::new(1);
    browse(&mut scene);
    let lines: Vec<String> = (0..200)
        .map(|n| {
            format!("_ipp._tcp.local 4500 PTR A-printer-with-a-longish-name-{n}._ipp._tcp.local")
        })
        .collect();
    for lines in lines.chunks(50) {
        scene.hear(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    // Details are not asked for any more by then.
    scene.run(secs(20));
    let at = scene
        .sent
        .iter()
        .rev()
        .find(|sent| sent.questions == ["_ipp._tcp.local IN PTR?"])
        .unwrap()
        .at;
    let series: Vec<_> = scene.sent.iter().filter(|sent| sent.at == at).collect();
    assert!(series.len() > 5);
    let (last, before) = series.split_last().unwrap();
    assert!(before.iter().all(|sent| sent.truncated) && !last.truncated);
    assert_eq!(series[0].questions.len(), 1);
    assert!(series[1..].iter().all(|sent| sent.questions.is_empty()));
    assert!(series.iter().all(|sent| sent.len <= 1472));
    let mut known: Vec<&String> = series.iter().flat_map(|sent| &sent.known).collect();
    known.sort();
    known.dedup();
    assert_eq!(known.len(), 200);
}

/// covers: none (a question may be let go while known answers are being written)
#[test]
#[cfg(feature = "alloc")]
fn known_answers_of_a_question_that_goes_meanwhile_are_left_out() {
    let names = ["a.local", "b.local", "c.local"];
    for gone in 0..names.len() {
        let mut scene = Scene::<super::scene::Server>::new(1);
        let asks = names.map(|owner| query(&mut scene, owner, RecordType::PTR));
        for owner in names {
            for n in 0..60 {
                scene.hear(&[&format!(
                    "{owner} 4500 PTR A-printer-with-a-longish-name-{n}.{owner}"
                )]);
            }
        }
        while !scene.querier.is_continuing(LAN) {
            scene.now = scene.querier.next_transmit(LAN);
            scene
                .querier
                .poll_transmit(scene.now, LAN, &mut [0; 1500])
                .unwrap();
        }
        scene.querier.stop(scene.now, asks[gone], &scene.ours);
        scene.run(millis(1));
        for (at, owner) in names.into_iter().enumerate() {
            let is_said = scene
                .sent
                .iter()
                .flat_map(|sent| &sent.known)
                .any(|known| known.starts_with(owner));
            assert_eq!(is_said, at != gone, "{owner}");
        }
    }
}

/// covers: none (records may go while known answers are being written)
#[test]
#[cfg(feature = "alloc")]
fn known_answers_that_go_meanwhile_are_passed_over() {
    let mut scene = Scene::<super::scene::Server>::new(1);
    browse(&mut scene);
    for n in 0..200 {
        scene.hear(&[&format!(
            "_ipp._tcp.local 4500 PTR A-printer-with-a-longish-name-{n}._ipp._tcp.local"
        )]);
    }
    while !scene.querier.is_continuing(LAN) {
        scene.now = scene.querier.next_transmit(LAN);
        scene
            .querier
            .poll_transmit(scene.now, LAN, &mut [0; 1500])
            .unwrap();
    }
    assert_eq!(scene.querier.next_transmit(LAN), Instant::ZERO);
    scene.querier.link_down(scene.now, LAN, &scene.ours);
    assert!(!scene.querier.is_continuing(LAN));
    scene.run(secs(5));
}

/// covers: 6762-7.3-a, 6762-7.3-b, 6762-7.3-c
#[test]
fn a_question_that_another_has_just_asked_is_not_asked_again() {
    fn test<S: QuerierStorage>() {
        let next_after = |questions: &[&str], known: &[&str]| {
            let mut scene = Scene::<S>::new(1);
            browse(&mut scene);
            while scene.sent.is_empty() {
                scene.run(millis(1));
            }
            let first = scene.sent[0].at;
            scene.hear(&["_ipp._tcp.local 4500 PTR Known._ipp._tcp.local"]);
            scene.sent.clear();
            scene.run(first + millis(900) - scene.now);
            scene.hear_query(questions, known);
            scene.run(secs(10));
            scene.times_of(first, "_ipp._tcp.local IN PTR?")[0]
        };
        let ours = "_ipp._tcp.local PTR";
        let alone = next_after(&["_ipp._tcp.local SRV"], &[]);
        assert!((1_000..=1_250).contains(&alone));
        // As if it were sent at 900.
        let spared = 900 + 2 * alone;
        assert!(next_after(&[ours], &[]).abs_diff(spared) <= 1);
        let known = ["_ipp._tcp.local 4500 PTR Known._ipp._tcp.local"];
        assert!(next_after(&["_IPP._tcp.local PTR"], &known).abs_diff(spared) <= 1);
        let strange = ["_ipp._tcp.local 4500 PTR Strange._ipp._tcp.local"];
        assert_eq!(next_after(&[ours], &strange), alone);
        assert_eq!(next_after(&["_ipp._tcp.local PTR QU"], &[]), alone);
    }
    on_both!(test);
}

/// covers: SEC-14, 2181-8-a
#[test]
fn the_longest_ttl_at_the_end_of_time_does_no_harm() {
    fn test<S: QuerierStorage>() {
        let mut scene = Scene::<S>::new(1);
        browse(&mut scene);
        scene.run(Duration::from_secs(1));
        scene.hear(&["_ipp._tcp.local 2147483647 PTR Printer._ipp._tcp.local"]);
        scene.told();
        scene.run(secs(75 * 60 - 1));
        assert_eq!(scene.told(), [""; 0]);
        scene.run(secs(1));
        assert_eq!(
            scene.told(),
            ["gone Printer"],
            "no record lives longer than 75 minutes"
        );
        scene.querier.handle_timeout(Instant::MAX, &scene.ours);
        while scene
            .querier
            .poll_transmit(Instant::MAX, LAN, &mut [0; 1500])
            .is_some()
        {}
        assert_eq!(scene.querier.next_transmit(LAN), Instant::MAX);
    }
    on_both!(test);
}

/// Work is counted in slots looked at, which no busy machine makes more of.
///
/// covers: 6762-21-b, SEC-11, SEC-12
#[test]
#[cfg(feature = "alloc")]
#[cfg_attr(mdns_narrow, ignore = "16 bits number fewer bytes of text")]
fn thousands_of_pointers_are_taken_in_linear_time() {
    let mut scene = Scene::<super::scene::Server>::new(1);
    browse(&mut scene);
    let work = |scene: &mut Scene<super::scene::Server>, from: usize| {
        let lines: Vec<String> = (from..from + 4_000)
            .map(|n| format!("_ipp._tcp.local 4500 PTR P{n}._ipp._tcp.local"))
            .collect();
        let before = crate::store::looks();
        for lines in lines.chunks(100) {
            let bytes = packet(&[], &lines.iter().map(String::as_str).collect::<Vec<_>>());
            let message = Message::parse(&bytes).unwrap();
            scene
                .querier
                .handle_response(scene.now, LAN, &message, Via::Multicast, &scene.ours);
        }
        crate::store::looks() - before
    };
    let first = work(&mut scene, 0);
    let third = [work(&mut scene, 4_000), work(&mut scene, 8_000)][1];
    let mut events = 0;
    while scene.querier.poll_event(scene.now).is_some() {
        events += 1;
    }
    assert_eq!(events, 12_000);
    // Quadratic would be five times as much.
    assert!(third < 2 * first, "{first}, then {third}");
}

/// After any operation a full drain ends, and then nothing is due; on short rows, where everything is full most of the time.
///
/// covers: SEC-11, SEC-22, SEC-25, 6762-21-b
#[test]
fn after_any_operations_a_drain_ends() {
    fn test<S: QuerierStorage>() {
        for seed in 0..12 {
            let mut chance = crate::chance::Chance::new(seed);
            let mut draw = |n: u64| (chance.draw(crate::chance::Draw::Answer, 0) % n) as usize;
            let config = Config {
                cache_unasked: seed % 2 == 0,
                heard_records_max: 24,
                heard_text_max: 1_500,
                ..Config::DEFAULT
            };
            let mut scene = Scene::<S>::with(seed, config);
            let mut asks: Vec<AskId> = Vec::new();
            let instances = ["A", "B", "C", "D", "E", "F"];
            for _ in 0..400 {
                let instance = format!("{}._ipp._tcp.local", instances[draw(6)]);
                let host = format!("h{}.local", draw(3));
                let ttl = [0, 1, 2, 60, 4500][draw(5)];
                let flush = ["", "!"][draw(2)];
                let line = match draw(9) {
                    0 | 1 => format!("_ipp._tcp.local {ttl} PTR {instance}"),
                    2 => format!("{instance} {ttl}{flush} SRV 0 0 {} {host}", draw(3)),
                    3 => format!(
                        "{instance} {ttl}{flush} TXT a={} {}",
                        draw(3),
                        "x".repeat(draw(200))
                    ),
                    4 => format!("{host} {ttl}{flush} A 192.0.2.{}", draw(4)),
                    5 => format!("{host} {ttl}{flush} AAAA fe80::{}", draw(4)),
                    6 => format!("{host} {ttl}{flush} NSEC A"),
                    7 => format!("{host} {ttl}{flush} CNAME {host}"),
                    _ => format!("{instance} {ttl}{flush} NSEC SRV"),
                };
                let link = [LAN, LAN6][draw(2)];
                match draw(16) {
                    0 => asks.extend(scene.querier.browse(
                        scene.now,
                        name("_ipp._tcp.local").as_name(),
                        Details::Once,
                        &scene.ours,
                    )),
                    1 => asks.extend(scene.querier.resolve(
                        scene.now,
                        name(&instance).as_name(),
                        &scene.ours,
                    )),
                    2 => {
                        let kind = [AddressKind::V4, AddressKind::V6, AddressKind::Both][draw(3)];
                        asks.extend(scene.querier.lookup_host(
                            scene.now,
                            name(&host).as_name(),
                            kind,
                            &scene.ours,
                        ));
                    }
                    3 => {
                        let (span, rtype) = (
                            [Span::OneShot, Span::Continuous][draw(2)],
                            [RecordType::A, RecordType::ANY][draw(2)],
                        );
                        asks.extend(scene.querier.query(
                            scene.now,
                            name(&host).as_name(),
                            rtype,
                            span,
                            &scene.ours,
                        ));
                    }
                    4 if !asks.is_empty() => {
                        let ask = asks.swap_remove(draw(asks.len() as u64));
                        scene.querier.stop(scene.now, ask, &scene.ours);
                    }
                    5 => scene.querier.link_down(scene.now, link, &scene.ours),
                    6 => scene.querier.link_up(scene.now, link, &scene.ours),
                    7 if draw(3) == 0 => scene.add_link(LAN6),
                    7 => scene.querier.resumed(scene.now, &scene.ours),
                    8 => scene.hear_query(&["_ipp._tcp.local PTR"], &[]),
                    9 => scene.say(&[&line]),
                    _ => scene.hear_on(link, &[&line]),
                }
                let span = [0, 1, 50, 2_000, 100_000][draw(5)];
                scene.run(millis(span));
                scene.sent.clear();
                scene.told.clear();
            }
            for ask in asks {
                scene.querier.stop(scene.now, ask, &scene.ours);
            }
            scene.run(secs(100_000));
            assert_eq!(scene.querier.next_transmit(LAN), Instant::MAX);
            assert_eq!(scene.querier.next_timer(), Instant::MAX);
            assert!(scene.querier.asks.is_empty());
            // What was ours is still there: it does not expire.
            for link in [LAN, LAN6] {
                scene.querier.link_down(scene.now, link, &scene.ours);
            }
            assert!(
                scene
                    .querier
                    .links
                    .iter()
                    .all(|link| link.cache.is_empty() && link.questions.len() == 0)
            );
            assert!(scene.querier.links.names.is_empty());
        }
    }
    on_both!(test);
}

/// A querier can be in a `static`, and rows for a small board are small.
///
/// covers: none (size is a goal of the design)
#[test]
fn a_querier_can_be_a_constant_and_is_small() {
    const QUERIER: Querier<super::scene::Board> = Querier::new(&Config::DEFAULT);
    let _ = QUERIER;
    let sizes = [
        size_of::<Slot<HeardRecord>>(),
        size_of::<Slot<QuestionSlot>>(),
        size_of::<Slot<AskSlot>>(),
        size_of::<Slot<ToldSlot>>(),
        size_of::<Slot<NameSlot>>(),
    ];
    assert!(
        sizes
            .iter()
            .zip([56, 40, 40, 60, 28])
            .all(|(size, max)| *size <= max),
        "{sizes:?}"
    );
}
