//! The contract, after every operation: a drain ends, and then the timeout is in the future or never; and what is sent keeps to
//! the rules that every packet keeps.
//!
//! Operations come at random: commands, packets that are right, hostile or our own, time that passes, links and sockets that
//! fail. The same runs are done on rows that grow and on a small board, where much finds no room. As long as nothing lacks
//! room, both do the same (`alike`).

mod alike;
mod machine;
mod op;
mod packets;

use mdns_proto::{host::Storage, store::Heap};
use proptest::{collection::vec, prelude::*};

use machine::Machine;
use op::{Op, op};

mdns_proto::fixed! {
    /// Small enough that much finds no room.
    struct Board {
        links: 2, hosts: 1, addresses: 3, services: 2, subtypes: 1, own_text: 512, askers: 2,
        asks: 3, told: 4, ask_text: 384, heard: 10, heard_text: 512,
    }
}

fn holds<S: Storage>(seed: u64, ops: &[Op]) {
    let mut machine = Machine::<S>::new(seed);
    let start = machine.drain();
    assert!(start.is_some_and(|at| at > machine.now));
    for op in ops {
        machine.run(op);
    }
    // Left alone with its links in order, it finds rest between what it does.
    for link in 0..2 {
        machine.run(&Op::Writable(link, true));
        machine.run(&Op::LinkUp(link));
    }
    for _ in 0..40 {
        machine.run(&Op::Sleep(u64::from(u32::MAX)));
    }
    machine.run(&Op::Shutdown);
    for _ in 0..10 {
        machine.run(&Op::Sleep(2_000_000));
    }
    assert!(machine.host.is_silent(), "it has not said all goodbyes");
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
