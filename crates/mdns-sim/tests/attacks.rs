//! Every attack, for a few steps, on growing and on fixed rows; the example `attack` has them at full size.

use std::cell::Cell;

use mdns_proto::{config::Config, host::Storage, store::Heap};
use mdns_sim::attack::{self, ATTACKS, Board, Figures, Meter};

thread_local! {
    /// Bytes that the host holds, and the most it has held.
    static HELD: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

fn metered(verb: &mut dyn FnMut()) {
    let allocated = allocation_counter::measure(verb);
    HELD.with(|held| {
        let now = held.get().0 + allocated.bytes_current;
        held.set((now, held.get().1.max(now)));
    });
}

const METER: Meter = Meter {
    around: metered,
    held: || HELD.with(|held| u64::try_from(held.get().1).unwrap_or(0)),
};

fn all<S: Storage>(grows: bool, also: impl Fn(&str, &Figures)) {
    for attack in &ATTACKS {
        HELD.set((0, 0));
        let figures = attack::run::<S>(attack, attack.few, 7, METER);
        figures
            .judge(attack, grows)
            .unwrap_or_else(|why| panic!("{why}"));
        also(attack.name, &figures);
    }
}

/// covers: SEC-11, SEC-16, SEC-25
#[test]
fn a_host_on_growing_rows_stands_every_attack() {
    all::<Heap>(true, |attack, figures| {
        // Text, and less than 400 bytes for each record: what `Config` allows.
        let most = Config::DEFAULT.heard_text_max as u64
            + u64::from(Config::DEFAULT.heard_records_max) * 400;
        assert!(figures.held < most, "{attack}: {figures:?}");
    });
}

/// covers: SEC-11, SEC-16, SEC-25
#[test]
fn a_board_stands_every_attack() {
    all::<Board>(false, |attack, figures| {
        assert_eq!(figures.held, 0, "{attack}: {figures:?}");
    });
}

/// What is hostile is seen as such: an attack that is said to leave answers alone, and does not, is told.
///
/// covers: none (the judge itself)
#[test]
fn the_judge_sees_what_is_not_as_stated() {
    let denials = ATTACKS.iter().find(|attack| attack.name == "denials");
    let denials = denials.expect("it is on the list");
    let figures = attack::run::<Heap>(denials, denials.few, 7, Meter::NONE);
    assert!(figures.answered < figures.asked);
    let none = &ATTACKS[0];
    assert!(none.answers && figures.judge(none, true).is_err());
    for broken in [
        Figures {
            sent_in_second: 1000,
            ..figures
        },
        Figures {
            answers_again: None,
            ..figures
        },
        Figures {
            finds_again: None,
            ..figures
        },
    ] {
        assert!(broken.judge(denials, true).is_err());
    }
}
