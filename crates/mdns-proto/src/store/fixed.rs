//! Rows of fixed size, for machines without an allocator.

/// Names a [`Storage`](crate::host::Storage) of fixed rows by the numbers that matter; the rest follows from them.
///
/// | number | what it bounds |
/// |---|---|
/// | `links` | links: an interface with both families has two |
/// | `hosts` | host names of ours, usually 1 |
/// | `addresses` | addresses of our interfaces |
/// | `services`, `subtypes` | services of ours, and subtypes of each |
/// | `own_text` | bytes of our names and TXT data: about 40 a service and its TXT data, 60 an address |
/// | `askers` | askers that are told apart while they wait |
/// | `asks`, `told` | open questions; results of them that are told apart |
/// | `ask_text` | bytes of names of both: about 40 each |
/// | `heard` | records of others, on each link |
/// | `heard_text` | bytes of such records, about 30 each: half of it for their names, on all links together, half for their data, on each link |
///
/// With no `asks`, nothing can be asked for, nothing heard is kept, and the code for it is not linked; `told`, `ask_text`,
/// `heard` and `heard_text` may be 0 then. With no `hosts`, nothing can be registered, and the code of the responder is not linked.
///
/// ```
/// use mdns_proto::{config::Config, host::Host};
///
/// mdns_proto::fixed! {
///     /// A small board.
///     pub struct Board {
///         links: 1, hosts: 1, addresses: 2, services: 2, subtypes: 1, own_text: 768, askers: 4,
///         asks: 2, told: 6, ask_text: 512, heard: 32, heard_text: 1536,
///     }
/// }
///
/// static HOST: Host<Board> = Host::new(Config::DEFAULT);
/// # let _ = HOST.poll_timeout();
/// ```
#[macro_export]
macro_rules! fixed {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        links: $links:expr, hosts: $hosts:expr, addresses: $addresses:expr, services: $services:expr,
        subtypes: $subtypes:expr, own_text: $own_text:expr, askers: $askers:expr,
        asks: $asks:expr, told: $told:expr, ask_text: $ask_text:expr,
        heard: $heard:expr, heard_text: $heard_text:expr $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        $vis struct $name;

        const _: () = {
            use $crate::{
                cache::{HeardRecord, HeardStorage},
                discovery::{AskSlot, AskStorage, ToldSlot},
                host::Storage,
                querier::{HeardLink, QuerierStorage, QuestionSlot},
                registry::{
                    AddressRow, Claim, CustomRow, RecentRdata, RecordRow, RegistryStorage, ServiceRow,
                    TypeRow,
                },
                responder::{ClaimState, Link, LinkStorage, RecordState, Requester, ResponderStorage},
                store::{NameChains, NameSlot, NoRow, Slot, heapless::Vec},
            };

            const CLAIMS: usize = if $hosts == 0 {
                0
            } else {
                $services + $hosts + $addresses
            };
            // SRV, TXT, PTR and that of the type; forward and, for the first host, reverse; a negative response for each claim.
            const RECORDS: usize = if $hosts == 0 {
                0
            } else {
                $services * (4 + $subtypes) + ($hosts + 1) * $addresses + CLAIMS
            };
            const SERVICES: usize = if $hosts == 0 { 0 } else { $services };
            // A PTR is a question, its SRV, TXT and two types of address are four.
            const QUESTIONS: usize = $asks + 2 * $told;
            // A result has its own name and that of its host. A record has a name, and may lead to another; most of them are those of
            // results, or the same on several links.
            const ALL_NAMES: usize = if $asks == 0 {
                0
            } else {
                $asks + 2 * $told + $heard
            };
            const NAMES_TEXT: usize = $ask_text + $heard_text / 2;

            impl RegistryStorage for $name {
                type Text = Vec<u8, { $own_text }>;
                type Records = Vec<Slot<RecordRow>, RECORDS>;
                type Index = NoRow;
                type Claims = Vec<Slot<Claim>, CLAIMS>;
                type Services = Vec<Slot<ServiceRow>, SERVICES>;
                type Types = Vec<Slot<TypeRow>, SERVICES>;
                // They have no number of their own: they take the records that services do not.
                type Customs = Vec<Slot<CustomRow>, CLAIMS>;
                // One that is gone may still say goodbye when the next one comes.
                type Addresses = Vec<Slot<AddressRow>, { 2 * $addresses }>;
                // A rename or an address that changes leaves all that it was in.
                type RecentRdata = Vec<RecentRdata, { RECORDS + $addresses }>;
            }

            impl LinkStorage for $name {
                type Claims = Vec<Slot<ClaimState>, CLAIMS>;
                type Records = Vec<Slot<RecordState>, RECORDS>;
                type Types = Vec<u32, SERVICES>;
                type ClaimsDue = NoRow;
                type RecordsDue = NoRow;
                type Requesters = Vec<Slot<Requester>, { $askers }>;
            }

            impl ResponderStorage for $name {
                type Registry = $name;
                type Link = $name;
                type Links = Vec<Slot<Link<$name>>, { $links }>;
            }

            impl HeardStorage for $name {
                type Names = Vec<NameChains, ALL_NAMES>;
                type Text = Vec<u8, { $heard_text / 2 }>;
                type Records = Vec<Slot<HeardRecord>, { $heard }>;
                type RecordIndex = NoRow;
                type Due = Vec<u32, { if $heard > $crate::store::SHORT { $heard } else { 0 } }>;
                type Questions = Vec<Slot<QuestionSlot>, QUESTIONS>;
                type QuestionDue = NoRow;
            }

            impl AskStorage for $name {
                type Names = Vec<Slot<NameSlot>, ALL_NAMES>;
                type NameChains = Vec<NameChains, ALL_NAMES>;
                type Index = NoRow;
                type Text = Vec<u8, NAMES_TEXT>;
                type Asks = Vec<Slot<AskSlot>, { $asks }>;
                type AskDue = NoRow;
                type Told = Vec<Slot<ToldSlot>, { $told }>;
            }

            impl QuerierStorage for $name {
                type Heard = $name;
                type Ask = $name;
                type Links = Vec<Option<HeardLink<$name>>, { if $asks == 0 { 0 } else { $links } }>;
            }

            impl Storage for $name {
                type Responder = $name;
                type Querier = $name;
            }
        };
    };
}
