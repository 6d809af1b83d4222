//! What is done to a host, at random.

use mdns_sim::contract::Op;
use proptest::prelude::*;

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
        1 => any::<(u8, u16)>().prop_map(|(n, port)| Op::UpdatePort(n, port)),
        1 => any::<(u8, u8)>().prop_map(|(n, bits)| Op::UpdateSubtypes(n, bits)),
        1 => any::<(u8, u8, bool)>().prop_map(|(n, link, is_offered)| Op::Offer(n, link, is_offered)),
        1 => any::<u8>().prop_map(Op::AddHost),
        1 => any::<u8>().prop_map(Op::RemoveHost),
        1 => any::<u8>().prop_map(Op::AddRecord),
        1 => any::<(u8, u8)>().prop_map(|(n, to)| Op::UpdateRecord(n, to)),
        1 => any::<u8>().prop_map(Op::RemoveRecord),
        2 => any::<u8>().prop_map(Op::Browse),
        1 => Just(Op::BrowseTypes),
        1 => any::<u8>().prop_map(Op::Resolve),
        1 => any::<u8>().prop_map(Op::LookUp),
        1 => any::<(u8, bool)>().prop_map(|(n, is_one_shot)| Op::Query(n, is_one_shot)),
        1 => any::<(u8, bool)>().prop_map(|(n, is_one_shot)| Op::Reverse(n, is_one_shot)),
        1 => any::<u8>().prop_map(Op::Reconfirm),
        1 => any::<u8>().prop_map(Op::Stop),
        12 => hear.prop_map(|(link, packet, source, by_unicast, change)| Op::Hear { link, packet, source, by_unicast, change }),
        2 => any::<(u8, u8)>().prop_map(|(link, age)| Op::Echo { link, age }),
        12 => spans().prop_map(Op::Sleep),
        1 => spans().prop_map(Op::Delay),
        1 => any::<u8>().prop_map(Op::LinkDown),
        1 => any::<u8>().prop_map(Op::LinkUp),
        1 => any::<u8>().prop_map(Op::AddLink),
        1 => any::<u8>().prop_map(Op::RemoveLink),
        1 => any::<u8>().prop_map(Op::SendFailed),
        1 => any::<bool>().prop_map(Op::FailSends),
        1 => any::<u16>().prop_map(Op::Room),
        1 => spans().prop_map(Op::Backwards),
        2 => any::<(u8, bool)>().prop_map(|(link, is_writable)| Op::Writable(link, is_writable)),
        1 => any::<u8>().prop_map(Op::Addresses),
        1 => Just(Op::Resumed),
    ]
}
