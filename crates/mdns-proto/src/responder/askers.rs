//! Who waits for an answer: a small row of askers, so that an answer knows whether one waits for it, or many.
//!
//! A known answer from X clears an answer only if X alone waits for it (RFC 6762 §7.2); an answer to one asker may go by
//! unicast, one to two goes by multicast (§5.4).

use core::net::SocketAddr;

use crate::{
    pace::Pace,
    store::{Full, NameId, Slot, Slots, Table},
    time::Instant,
    wire::{Class, RecordType},
};

/// The most askers remembered at once in a row that grows.
const MOST: u32 = 1024;

/// How many questions are answered by unicast within a second of the first of them: anyone on the link can ask in another's name.
const REPLIES_MAX: u8 = 100;

/// How many of one packet are: a resolver asks one question, a host that starts probes for all of its names.
const REPLIES_A_PACKET: u8 = 16;

/// One who waits.
#[derive(Debug)]
pub struct Asker {
    pub(super) address: SocketAddr,
    pub(super) waits: Waits,
}

/// What for.
#[derive(Debug)]
pub(super) enum Waits {
    /// For records that name this asker in their debt.
    Debts {
        /// How many do.
        count: u32,
        /// Not before: each further packet with known answers pushes it back (RFC 6762 §7.2).
        due: Instant,
    },
    /// For the answer to one question, at once and by unicast: a legacy query (§6.7) or the probe of a name of ours (§8.1).
    Question(Asked),
}

/// A question to be answered by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) name: NameId,
    pub(super) qtype: RecordType,
    pub(super) qclass: Class,
    /// The id of a legacy query, which the reply repeats with the question; `None` for a full participant.
    pub(super) legacy: Option<Echoed>,
}

/// What a legacy reply repeats (§6.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct Echoed {
    pub(super) id: u16,
    /// Which letters of the name stood in the other case than ours, a bit each.
    pub(super) case: [u8; 32],
}

/// The row of askers.
#[derive(Debug)]
pub(super) struct Askers<R> {
    table: Table<Asker, R>,
    /// Replies; a burst are those to one packet.
    pace: Pace,
}

impl<R: Slots<Slot<Asker>>> Askers<R> {
    pub(super) const fn new() -> Self {
        Askers {
            table: Table::new(),
            pace: Pace::NEW,
        }
    }

    /// Another query is going to be read.
    pub(super) fn begin_packet(&mut self) {
        self.pace.begin_burst();
    }

    /// Whether one more question may be answered by unicast now; it counts then. The answer to another goes by multicast, which has
    /// limits of its own, or nowhere.
    pub(super) fn may_reply(&mut self, now: Instant) -> bool {
        let is_allowed =
            self.pace.counted(now) < REPLIES_MAX && self.pace.in_burst() < REPLIES_A_PACKET;
        if is_allowed {
            self.pace.count();
        }
        is_allowed
    }

    pub(super) fn get(&self, id: u16) -> Option<&Asker> {
        self.table.get(u32::from(id))
    }

    /// The asker at this IP address who waits for debts (§15.2 knows queriers by their IP address).
    pub(super) fn at(&self, address: SocketAddr) -> Option<u16> {
        let found = self.table.iter().find(|(_, asker)| {
            asker.address.ip() == address.ip() && matches!(asker.waits, Waits::Debts { .. })
        });
        found.and_then(|(id, _)| u16::try_from(id).ok())
    }

    /// Remembers an asker; `due` is when the answer may go.
    pub(super) fn wait(&mut self, address: SocketAddr, due: Instant) -> Option<u16> {
        if let Some(id) = self.at(address) {
            if let Some(Asker {
                waits: Waits::Debts { due: old, .. },
                ..
            }) = self.table.get_mut(u32::from(id))
            {
                *old = (*old).max(due);
            }
            return Some(id);
        }
        let asker = Asker {
            address,
            waits: Waits::Debts { count: 0, due },
        };
        u16::try_from(self.table.insert(asker, MOST).ok()?).ok()
    }

    /// Remembers a question that is answered by itself.
    pub(super) fn ask(&mut self, address: SocketAddr, asked: Asked) -> Result<(), Full> {
        // A link that cannot send for a while owes no more than what it may send at once.
        let is_question = |(_, asker): &(u32, &Asker)| matches!(asker.waits, Waits::Question(_));
        if self.table.iter().filter(is_question).count() >= usize::from(REPLIES_MAX) {
            return Err(Full);
        }
        self.table
            .insert(
                Asker {
                    address,
                    waits: Waits::Question(asked),
                },
                MOST,
            )
            .map(|_| ())
    }

    /// Pushes back what waits for this asker.
    pub(super) fn push_back(&mut self, id: u16, until: Instant) {
        if let Some(Asker {
            waits: Waits::Debts { due, .. },
            ..
        }) = self.table.get_mut(u32::from(id))
        {
            *due = (*due).max(until);
        }
    }

    pub(super) fn hold(&mut self, id: u16) {
        if let Some(Asker {
            waits: Waits::Debts { count, .. },
            ..
        }) = self.table.get_mut(u32::from(id))
        {
            *count += 1;
        }
    }

    pub(super) fn release(&mut self, id: u16) {
        if let Some(Asker {
            waits: Waits::Debts { count, .. },
            ..
        }) = self.table.get_mut(u32::from(id))
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.table.vacate(u32::from(id));
            }
        }
    }

    /// Forgets an asker for whom nothing came of it.
    pub(super) fn forget_idle(&mut self, id: u16) {
        if self
            .get(id)
            .is_some_and(|asker| matches!(asker.waits, Waits::Debts { count: 0, .. }))
        {
            self.table.vacate(u32::from(id));
        }
    }

    /// A question that is to be answered now.
    pub(super) fn next_question(&self) -> Option<(u16, SocketAddr, Asked)> {
        self.table.iter().find_map(|(id, asker)| match asker.waits {
            Waits::Question(asked) => Some((u16::try_from(id).ok()?, asker.address, asked)),
            Waits::Debts { .. } => None,
        })
    }

    /// The question at place `at` among those of one query: a legacy one may have several, which have its id.
    pub(super) fn question_of(
        &self,
        address: SocketAddr,
        first: &Asked,
        at: u32,
    ) -> Option<(u16, Asked)> {
        let id = |asked: &Asked| asked.legacy.map(|echoed| echoed.id);
        let mut same = self
            .table
            .iter()
            .filter_map(|(slot, asker)| match asker.waits {
                Waits::Question(asked) if asker.address == address && id(&asked) == id(first) => {
                    Some((u16::try_from(slot).ok()?, asked))
                }
                _ => None,
            });
        same.nth(at as usize)
    }

    pub(super) fn remove(&mut self, id: u16) {
        self.table.vacate(u32::from(id));
    }
}
