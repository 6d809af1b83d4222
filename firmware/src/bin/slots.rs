//! Not to be run: each of its statics is as large as one slot of a row of `mdns_proto::fixed!`, for `cargo xtask size` to read.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use firmware::device::Device;
use mdns_smoltcp::{
    Guarded,
    proto::{
        cache::HeardRecord,
        discovery::{AskSlot, ToldSlot},
        querier::QuestionSlot,
        registry::{AddressRow, Claim, CustomRow, RecentRdata, RecordRow, ServiceRow, TypeRow},
        responder::{ClaimState, RecordState, Requester},
        store::{NameSlot, Slot},
    },
};

/// What a device that claims an address has more than the chip's own.
const GUARD: usize = size_of::<Guarded<Device>>() - size_of::<Device>();

macro_rules! slots {
    ($($name:ident: $slot:ty,)*) => {
        #[unsafe(no_mangle)]
        static RAM_ADDRESS: [u8; GUARD] = [0; GUARD];

        $(
            #[unsafe(no_mangle)]
            static $name: [u8; size_of::<$slot>()] = [0; size_of::<$slot>()];
        )*

        #[entry]
        fn main() -> ! {
            black_box(&RAM_ADDRESS);
            $(black_box(&$name);)*
            loop {}
        }
    };
}

slots! {
    SLOT_RECORD: Slot<RecordRow>,
    SLOT_CLAIM: Slot<Claim>,
    SLOT_SERVICE: Slot<ServiceRow>,
    SLOT_TYPE: Slot<TypeRow>,
    SLOT_CUSTOM: Slot<CustomRow>,
    SLOT_ADDRESS: Slot<AddressRow>,
    SLOT_RECENT: RecentRdata,
    SLOT_CLAIM_ON_LINK: Slot<ClaimState>,
    SLOT_RECORD_ON_LINK: Slot<RecordState>,
    SLOT_REQUESTER: Slot<Requester>,
    SLOT_NAME: Slot<NameSlot>,
    SLOT_HEARD_RECORD: Slot<HeardRecord>,
    SLOT_QUESTION: Slot<QuestionSlot>,
    SLOT_ASK: Slot<AskSlot>,
    SLOT_TOLD: Slot<ToldSlot>,
}
