//! The contract, after every operation: a drain ends, and then the timeout is in the future or never; and what is sent keeps to
//! the rules that every packet keeps.
//!
//! Operations come at random: commands, packets that are right, hostile or our own, time that passes, links and sockets that
//! fail. The same runs are done on rows that grow and on a small board, where much finds no room. As long as nothing lacks
//! room, both do the same (`alike`).

mod alike;
mod op;

use mdns_proto::{host::Storage, store::Heap};
use mdns_sim::contract::{Driver, Op};
use proptest::{collection::vec, prelude::*};

use op::op;

mdns_proto::fixed! {
    /// Small enough that much finds no room.
    struct Board {
        links: 2, hosts: 1, addresses: 3, services: 2, subtypes: 1, own_text: 512, askers: 2,
        asks: 3, told: 4, ask_text: 384, heard: 10, heard_text: 512,
    }
}

fn holds<S: Storage>(seed: u64, ops: &[Op]) {
    let mut driver = Driver::<S>::new(seed);
    let start = driver.drain();
    assert!(start.is_some_and(|at| at > driver.now()));
    ops.iter().for_each(|op| driver.run(op));
    driver.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// covers: none (the contract of the crate, for rows that grow)
    #[test]
    fn holds_for_rows_that_grow(seed in any::<u64>(), ops in vec(op(), 0..80)) {
        holds::<Heap>(seed, &ops);
    }

    /// covers: none (the contract of the crate, for rows of fixed size)
    #[test]
    fn holds_for_rows_of_fixed_size(seed in any::<u64>(), ops in vec(op(), 0..80)) {
        holds::<Board>(seed, &ops);
    }
}
