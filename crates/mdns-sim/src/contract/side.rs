//! Rows of fixed size behave as rows that grow, until something finds no room.

use mdns_proto::{
    host::Storage,
    registry::{RecentRdata, RegistryStorage},
    responder::ResponderStorage,
    store::{Heap, heapless},
};

use super::{Driver, Op, Setup};

mdns_proto::fixed! {
    /// Two services, and 16 records of others on each link.
    ///
    /// What lacks room uncounted has enough: questions have twice as many slots as there is to be told, more than the
    /// operations lead to; a TXT record of theirs is less than a quarter of the text.
    pub struct Board {
        links: 3, hosts: 2, addresses: 4, services: 2, subtypes: 3, own_text: 2048, askers: 4,
        asks: 4, told: 12, ask_text: 1024, heard: 16, heard_text: 8192,
    }
}

/// The board with room for all that was ever said: what is forgotten of that is not counted.
#[derive(Clone, Copy, Debug)]
pub struct Remembering;

impl RegistryStorage for Remembering {
    type Text = <Board as RegistryStorage>::Text;
    type Records = <Board as RegistryStorage>::Records;
    type Index = <Board as RegistryStorage>::Index;
    type Claims = <Board as RegistryStorage>::Claims;
    type Services = <Board as RegistryStorage>::Services;
    type Types = <Board as RegistryStorage>::Types;
    type Customs = <Board as RegistryStorage>::Customs;
    type Addresses = <Board as RegistryStorage>::Addresses;
    type RecentRdata = heapless::Vec<RecentRdata, 1024>;
}

impl ResponderStorage for Remembering {
    type Registry = Remembering;
    type Link = Board;
    type Links = <Board as ResponderStorage>::Links;
}

impl Storage for Remembering {
    type Responder = Remembering;
    type Querier = Board;
}

/// The same done to two hosts, one with rows that grow and one on a board.
pub struct SideBySide {
    /// The one whose rows grow.
    pub growing: Driver<Heap>,
    /// The one on a board.
    pub fixed: Driver<Remembering>,
    is_alike: bool,
}

impl SideBySide {
    /// Two that begin so.
    ///
    /// # Panics
    /// As all methods here: if one does not keep to the contract, or if they differ while nothing lacked room.
    pub fn new(setup: &Setup) -> Self {
        let mut growing = Driver::with(setup);
        let mut fixed = Driver::with(setup);
        assert_eq!(fixed.drain(), growing.drain());
        SideBySide {
            growing,
            fixed,
            is_alike: true,
        }
    }

    /// Whether they did the same so far: the board has not lacked room.
    pub fn is_alike(&self) -> bool {
        self.is_alike
    }

    /// Does one thing to both.
    pub fn run(&mut self, op: &Op) {
        let SideBySide {
            growing,
            fixed,
            is_alike,
        } = self;
        growing.run(op);
        fixed.run(op);
        *is_alike = *is_alike && !fixed.lacked_room();
        let (done, expected) = (fixed.take_done(), growing.take_done());
        if *is_alike {
            assert_eq!(done, expected, "{op:?}");
            assert_eq!(fixed.stats(), growing.stats(), "{op:?}");
            assert_eq!(
                (fixed.now(), fixed.host().poll_timeout()),
                (growing.now(), growing.host().poll_timeout()),
                "{op:?}"
            );
        }
    }
}
