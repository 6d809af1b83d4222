//! What is done to a host, at random.

use proptest::prelude::*;

/// One thing that is done.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Register(u8),
    Withdraw(u8),
    UpdateTxt(u8, u8),
    Browse(u8),
    BrowseTypes,
    Resolve(u8),
    LookUp(u8),
    Query(u8, bool),
    Stop(u8),
    Shutdown,
    /// A packet of the pool, with one byte changed, perhaps.
    Hear {
        link: u8,
        packet: u8,
        source: u8,
        by_unicast: bool,
        change: Option<(u16, u8)>,
    },
    /// One of the last packets of our own comes back.
    Echo {
        link: u8,
        age: u8,
    },
    /// The driver sleeps until it is called for, or this long.
    Sleep(u64),
    /// The driver is late: time passes, and the next operation comes first.
    Delay(u64),
    LinkDown(u8),
    LinkUp(u8),
    SendFailed(u8),
    Writable(u8, bool),
    Addresses(u8),
    Resumed,
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let spans = || prop_oneof![4 => 0..400_000u64, 3 => 0..3_000_000u64, 1 => 0..8_000_000_000u64];
    let hear = (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
        proptest::option::weighted(0.2, any::<(u16, u8)>()),
    );
    prop_oneof![
        3 => any::<u8>().prop_map(Op::Register),
        1 => any::<u8>().prop_map(Op::Withdraw),
        1 => any::<(u8, u8)>().prop_map(|(n, txt)| Op::UpdateTxt(n, txt)),
        2 => any::<u8>().prop_map(Op::Browse),
        1 => Just(Op::BrowseTypes),
        1 => any::<u8>().prop_map(Op::Resolve),
        1 => any::<u8>().prop_map(Op::LookUp),
        1 => any::<(u8, bool)>().prop_map(|(n, is_one_shot)| Op::Query(n, is_one_shot)),
        1 => any::<u8>().prop_map(Op::Stop),
        12 => hear.prop_map(|(link, packet, source, by_unicast, change)| Op::Hear { link, packet, source, by_unicast, change }),
        2 => any::<(u8, u8)>().prop_map(|(link, age)| Op::Echo { link, age }),
        12 => spans().prop_map(Op::Sleep),
        1 => spans().prop_map(Op::Delay),
        1 => any::<u8>().prop_map(Op::LinkDown),
        1 => any::<u8>().prop_map(Op::LinkUp),
        1 => any::<u8>().prop_map(Op::SendFailed),
        2 => any::<(u8, bool)>().prop_map(|(link, is_writable)| Op::Writable(link, is_writable)),
        1 => any::<u8>().prop_map(Op::Addresses),
        1 => Just(Op::Resumed),
    ]
}
