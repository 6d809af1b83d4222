//! Rows that grow, for machines with an allocator.

use alloc::vec::Vec;

use super::{NameChains, NameSlot, Slot};
use crate::{
    cache::{HeardRecord, HeardStorage},
    discovery::{AskSlot, AskStorage, ToldSlot},
    host::Storage,
    querier::{HeardLink, QuerierStorage, QuestionSlot},
    registry::{
        AddressRow, Claim, CustomRow, RecentRdata, RecordRow, RegistryStorage, ServiceRow, TypeRow,
    },
    responder::{ClaimState, Link, LinkStorage, RecordState, Requester, ResponderStorage},
};

/// Rows that grow as needed, up to the bounds in [`Config`](crate::config::Config).
///
/// ```
/// use mdns_proto::{config::Config, host::Host, store::Heap, time::Instant};
///
/// let host = Host::<Heap>::started(Config::DEFAULT, Instant::ZERO, 42);
/// assert_eq!(host.poll_timeout(), None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Heap;

impl RegistryStorage for Heap {
    type Text = Vec<u8>;
    type Records = Vec<Slot<RecordRow>>;
    type Index = Vec<u32>;
    type Claims = Vec<Slot<Claim>>;
    type Services = Vec<Slot<ServiceRow>>;
    type Types = Vec<Slot<TypeRow>>;
    type Customs = Vec<Slot<CustomRow>>;
    type Addresses = Vec<Slot<AddressRow>>;
    type RecentRdata = Vec<RecentRdata>;
}

impl LinkStorage for Heap {
    type Claims = Vec<Slot<ClaimState>>;
    type Records = Vec<Slot<RecordState>>;
    type Types = Vec<u32>;
    type ClaimsDue = Vec<u32>;
    type RecordsDue = Vec<u32>;
    type Requesters = Vec<Slot<Requester>>;
}

impl ResponderStorage for Heap {
    type Registry = Heap;
    type Link = Heap;
    type Links = Vec<Slot<Link<Heap>>>;
}

impl HeardStorage for Heap {
    type Names = Vec<NameChains>;
    type Text = Vec<u8>;
    type Records = Vec<Slot<HeardRecord>>;
    type RecordIndex = Vec<u32>;
    type Due = Vec<u32>;
    type Questions = Vec<Slot<QuestionSlot>>;
    type QuestionDue = Vec<u32>;
}

impl AskStorage for Heap {
    type Names = Vec<Slot<NameSlot>>;
    type NameChains = Vec<NameChains>;
    type Index = Vec<u32>;
    type Text = Vec<u8>;
    type Asks = Vec<Slot<AskSlot>>;
    type AskDue = Vec<u32>;
    type Told = Vec<Slot<ToldSlot>>;
}

impl QuerierStorage for Heap {
    type Heard = Heap;
    type Ask = Heap;
    type Links = Vec<Option<HeardLink<Heap>>>;
}

impl Storage for Heap {
    type Responder = Heap;
    type Querier = Heap;
}
