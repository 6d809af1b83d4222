//! Rows of fixed size behave as rows that grow, until something finds no room.

use std::cell::Cell;

use mdns_proto::{
    host::Storage,
    own::{OwnStorage, Past},
    responder::ResponderStorage,
    store::{Heap, heapless},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{TestError, TestRunner},
};

use crate::{
    machine::Machine,
    op::{Op, op},
};

mdns_proto::fixed! {
    /// Two services, and 16 records of others on each link.
    ///
    /// What lacks room uncounted has enough: questions have twice as many slots as there is to be told, more than the
    /// operations lead to; a TXT record of theirs is less than a quarter of the text.
    struct Board {
        links: 2, hosts: 1, addresses: 3, services: 2, subtypes: 1, own_text: 2048, askers: 4,
        asks: 4, told: 12, ask_text: 1024, heard: 16, heard_text: 8192,
    }
}

/// The board with room for all that was ever said: what is forgotten of that is not counted.
struct Remembering;

impl OwnStorage for Remembering {
    type Names = <Board as OwnStorage>::Names;
    type NameIndex = <Board as OwnStorage>::NameIndex;
    type Text = <Board as OwnStorage>::Text;
    type Records = <Board as OwnStorage>::Records;
    type RecordIndex = <Board as OwnStorage>::RecordIndex;
    type Claims = <Board as OwnStorage>::Claims;
    type Services = <Board as OwnStorage>::Services;
    type Addresses = <Board as OwnStorage>::Addresses;
    type Past = heapless::Vec<Past, 1024>;
}

impl ResponderStorage for Remembering {
    type Own = Remembering;
    type Link = Board;
    type Links = <Board as ResponderStorage>::Links;
}

impl Storage for Remembering {
    type Responder = Remembering;
    type Querier = Board;
}

/// Runs both side by side, and says how many operations it took until the board lacked room; `None` if it never did.
fn compare(seed: u64, ops: &[Op]) -> Option<usize> {
    let mut growing = Machine::<Heap>::new(seed);
    let mut fixed = Machine::<Remembering>::new(seed);
    assert_eq!(fixed.drain(), growing.drain());
    for (count, op) in ops.iter().enumerate() {
        growing.run(op);
        fixed.run(op);
        if fixed.lacked_room() {
            return Some(count);
        }
        assert_eq!(
            fixed.take_done(),
            growing.take_done(),
            "operation {count}: {op:?}"
        );
        assert_eq!(fixed.stats(), growing.stats(), "operation {count}: {op:?}");
        assert_eq!(
            (fixed.now, fixed.host.poll_timeout()),
            (growing.now, growing.host.poll_timeout()),
            "operation {count}: {op:?}"
        );
    }
    None
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
