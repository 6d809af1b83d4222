//! Not to be run: each of its statics is as large as one slot of a row of `mdns_proto::fixed!`, for `cargo xtask size` to read.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use firmware as _;
use mdns_smoltcp::proto::{
    cache::HeardRecord,
    discovery::{AskSlot, ToldSlot},
    own::{Claim, OwnAddress, OwnRecord, Past, ServiceSlot},
    querier::QuestionSlot,
    responder::{Asker, ClaimState, RecordState},
    store::{NameSlot, Slot},
};

macro_rules! slots {
    ($($name:ident: $slot:ty,)*) => {
        $(
            #[unsafe(no_mangle)]
            static $name: [u8; size_of::<$slot>()] = [0; size_of::<$slot>()];
        )*

        #[entry]
        fn main() -> ! {
            $(black_box(&$name);)*
            loop {}
        }
    };
}

slots! {
    SLOT_OWN_NAME: Slot<NameSlot>,
    SLOT_OWN_RECORD: Slot<OwnRecord>,
    SLOT_CLAIM: Slot<Claim>,
    SLOT_SERVICE: Slot<ServiceSlot>,
    SLOT_ADDRESS: OwnAddress,
    SLOT_PAST: Past,
    SLOT_CLAIM_ON_LINK: Slot<ClaimState>,
    SLOT_RECORD_ON_LINK: Slot<RecordState>,
    SLOT_ASKER: Slot<Asker>,
    SLOT_HEARD_RECORD: Slot<HeardRecord>,
    SLOT_QUESTION: Slot<QuestionSlot>,
    SLOT_ASK: Slot<AskSlot>,
    SLOT_TOLD: Slot<ToldSlot>,
}
