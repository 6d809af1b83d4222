//! Rows of fixed size behave as rows that grow, until something finds no room.

use std::cell::Cell;

use mdns_sim::contract::{Op, Setup, SideBySide};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{TestError, TestRunner},
};

use crate::op::op;

/// Runs both side by side, and says how many operations it took until the board lacked room; `None` if it never did.
fn compare(seed: u64, ops: &[Op]) -> Option<usize> {
    let mut both = SideBySide::new(&Setup::seeded(seed));
    ops.iter().position(|op| {
        both.run(op);
        !both.is_alike()
    })
}

/// covers: none (rows of fixed size and rows that grow are one implementation)
#[test]
fn a_board_does_as_a_server_until_it_lacks_room() {
    let (runs, long_runs, full_runs) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tested = runner.run(&(any::<u64>(), vec(op(), 30..80)), |(seed, ops)| {
        let full_after = compare(seed, &ops);
        count(&runs);
        if full_after.is_none_or(|count| count >= 20) {
            count(&long_runs);
        }
        if full_after.is_some() {
            count(&full_runs);
        }
        Ok(())
    });
    if let Err(TestError::Fail(why, (seed, ops))) = tested {
        panic!("{why}, with seed {seed} and {ops:#?}");
    }
    // It compares something, and does not only compare what lacks nothing.
    let [runs, long_runs, full_runs] = [runs, long_runs, full_runs].map(Cell::into_inner);
    println!(
        "{runs} runs, {long_runs} of 20 operations and more, {full_runs} until room was lacking"
    );
    assert!(long_runs * 2 > runs, "{long_runs} of {runs}");
    assert!(full_runs * 10 > runs, "{full_runs} of {runs}");
}
