//! Requesters: who waits for an answer, a few at a time, so that a pending answer knows whether one waits for it, or many.
//!
//! A known answer from X clears an answer only if X alone waits for it (RFC 6762 §7.2); an answer to one requester may go by
//! unicast, one to two goes by multicast (§5.4).

use core::{net::SocketAddr, time::Duration};

use crate::{
    moment::{Moment, Now, Round},
    registry::RecordNumber,
    store::{Full, Slot, Slots, Table},
    wire::{Class, RecordType},
};

/// The most requesters remembered at once in a row that grows.
const MOST: u32 = 1024;

/// How many questions are answered by unicast within a second of the first of them: anyone on the link can ask in another's name.
const REPLIES_MAX: u8 = 100;

/// How many of one packet are: a resolver asks one question, a host that starts probes for all of its names.
const REPLIES_A_PACKET: u8 = 16;

/// How many bytes are sent by unicast within a second. What does not fit goes by multicast, whatever was asked for.
const BYTES_MAX: u16 = 32_768;

/// What is counted is counted for so long, from the first of it.
const WITHIN: u32 = Duration::from_secs(1).as_millis() as u32;

/// One who waits.
#[derive(Debug)]
pub struct Requester {
    pub(super) address: SocketAddr,
    pub(super) waits: Waits,
}

/// What for.
#[derive(Debug)]
pub(super) enum Waits {
    /// For records whose pending answer names this requester.
    Records {
        /// How many do.
        count: u32,
        /// Not before: each further packet with known answers pushes it back (RFC 6762 §7.2).
        due: Moment,
        /// Whether a packet by unicast has gone to it for its question: the rest goes by multicast.
        is_served: bool,
    },
    /// For the answer to one question, at once and by unicast: a legacy query (§6.7) or the probe of a name of ours (§8.1).
    Question(Asked),
}

/// A question to be answered by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// A record with the name, and the hash of that name: it may be another's by the time of the answer.
    pub(super) record: RecordNumber,
    pub(super) hash: u32,
    pub(super) qtype: RecordType,
    pub(super) qclass: Class,
    /// What the reply to a legacy query repeats; `None` for a full participant.
    pub(super) legacy: Option<Echoed>,
}

/// What a legacy reply repeats (§6.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct Echoed {
    pub(super) id: u16,
    /// Which letters of the name stood in the other case than ours, a bit each.
    pub(super) case: [u8; 32],
}

/// The row of requesters.
#[derive(Debug)]
pub(super) struct Requesters<R> {
    table: Table<Requester, R>,
    questions: u16,
    /// When the counts of this second began.
    from: Moment,
    replies: u8,
    replies_of_packet: u8,
    bytes: u16,
}

impl<R: Slots<Slot<Requester>>> Requesters<R> {
    pub(super) const fn new() -> Self {
        Requesters {
            table: Table::new(),
            questions: 0,
            from: Moment::NEVER,
            replies: 0,
            replies_of_packet: 0,
            bytes: 0,
        }
    }

    /// Another query is going to be read.
    pub(super) fn begin_packet(&mut self) {
        self.replies_of_packet = 0;
    }

    /// Whether one more question may be answered by unicast now; it counts then. The answer to another goes by multicast, which has
    /// limits of its own, or nowhere.
    pub(super) fn may_reply(&mut self, now: Now) -> bool {
        if self.from.is_never() || self.from.plus(WITHIN).has_come(now) {
            (self.from, self.replies, self.bytes) = (now.noted(), 0, 0);
        }
        let is_allowed = self.replies < REPLIES_MAX
            && self.replies_of_packet < REPLIES_A_PACKET
            && self.bytes < BYTES_MAX;
        if is_allowed {
            self.replies += 1;
            self.replies_of_packet += 1;
        }
        is_allowed
    }

    /// Counts the bytes of a packet by unicast.
    pub(super) fn count_bytes(&mut self, len: usize) {
        self.bytes = self
            .bytes
            .saturating_add(u16::try_from(len).unwrap_or(u16::MAX));
    }

    pub(super) fn get(&self, id: u16) -> Option<&Requester> {
        self.table.get(u32::from(id))
    }

    /// The requester at this IP address who waits for records (§15.2 knows queriers by their IP address).
    pub(super) fn at(&self, address: SocketAddr) -> Option<u16> {
        let found = self.table.iter().find(|(_, requester)| {
            requester.address.ip() == address.ip()
                && matches!(requester.waits, Waits::Records { .. })
        });
        found.and_then(|(id, _)| u16::try_from(id).ok())
    }

    /// Remembers a requester; `due` is when the answer may go.
    pub(super) fn wait(&mut self, address: SocketAddr, due: Moment) -> Option<u16> {
        if let Some(id) = self.at(address) {
            if let Some(Waits::Records {
                due: old,
                is_served,
                ..
            }) = self.waits_mut(id)
            {
                *old = old.latest(due);
                *is_served = false;
            }
            return Some(id);
        }
        let requester = Requester {
            address,
            waits: Waits::Records {
                count: 0,
                due,
                is_served: false,
            },
        };
        u16::try_from(self.table.insert(requester, MOST).ok()?).ok()
    }

    fn waits_mut(&mut self, id: u16) -> Option<&mut Waits> {
        self.table
            .get_mut(u32::from(id))
            .map(|requester| &mut requester.waits)
    }

    /// Remembers a question that is answered by itself.
    pub(super) fn ask(&mut self, address: SocketAddr, asked: Asked) -> Result<(), Full> {
        // A link that cannot send for a while owes no more than what it may send at once.
        if self.questions >= u16::from(REPLIES_MAX) {
            return Err(Full);
        }
        self.table.insert(
            Requester {
                address,
                waits: Waits::Question(asked),
            },
            MOST,
        )?;
        self.questions += 1;
        Ok(())
    }

    /// Pushes back what waits for this requester.
    pub(super) fn push_back(&mut self, id: u16, until: Moment) {
        if let Some(Waits::Records { due, .. }) = self.waits_mut(id) {
            *due = due.latest(until);
        }
    }

    /// When what waits for this requester may go.
    pub(super) fn due_of(&self, id: u16) -> Moment {
        match self.get(id).map(|requester| &requester.waits) {
            Some(Waits::Records { due, .. }) => *due,
            _ => Moment::NEVER,
        }
    }

    /// The requester has got its packet by unicast.
    pub(super) fn set_served(&mut self, id: u16) {
        if let Some(Waits::Records { is_served, .. }) = self.waits_mut(id) {
            *is_served = true;
        }
    }

    pub(super) fn is_served(&self, id: u16) -> bool {
        matches!(
            self.get(id).map(|requester| &requester.waits),
            Some(Waits::Records {
                is_served: true,
                ..
            })
        )
    }

    pub(super) fn hold(&mut self, id: u16) {
        if let Some(Waits::Records { count, .. }) = self.waits_mut(id) {
            *count += 1;
        }
    }

    pub(super) fn release(&mut self, id: u16) {
        if let Some(Waits::Records { count, .. }) = self.waits_mut(id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.table.vacate(u32::from(id));
            }
        }
    }

    /// Forgets a requester for whom nothing came of it.
    pub(super) fn forget_idle(&mut self, id: u16) {
        if self
            .get(id)
            .is_some_and(|requester| matches!(requester.waits, Waits::Records { count: 0, .. }))
        {
            self.table.vacate(u32::from(id));
        }
    }

    pub(super) fn has_question(&self) -> bool {
        self.questions > 0
    }

    /// The question that is to be answered next, and who asked it.
    pub(super) fn next_question(&self) -> Option<(SocketAddr, Asked)> {
        if self.questions == 0 {
            return None;
        }
        self.table
            .iter()
            .find_map(|(_, requester)| match requester.waits {
                Waits::Question(asked) => Some((requester.address, asked)),
                Waits::Records { .. } => None,
            })
    }

    /// The question at place `at` among those of one query: a legacy one may have several, which have its id.
    pub(super) fn question_of(
        &self,
        address: SocketAddr,
        first: &Asked,
        at: u32,
    ) -> Option<(u32, Asked)> {
        let id = |asked: &Asked| asked.legacy.map(|echoed| echoed.id);
        let mut same = self
            .table
            .iter()
            .filter_map(|(slot, requester)| match requester.waits {
                Waits::Question(asked)
                    if requester.address == address && id(&asked) == id(first) =>
                {
                    Some((slot, asked))
                }
                _ => None,
            });
        same.nth(at as usize)
    }

    /// Forgets so many questions of one query.
    pub(super) fn remove_questions(&mut self, address: SocketAddr, first: &Asked, count: u32) {
        for _ in 0..count {
            let Some((slot, _)) = self.question_of(address, first, 0) else {
                return;
            };
            self.table.vacate(slot);
            self.questions -= 1;
        }
    }

    pub(super) fn age(&mut self, round: Round) {
        self.from.age(round);
        for (_, requester) in self.table.iter_mut() {
            if let Waits::Records { due, .. } = &mut requester.waits {
                due.age_deadline(round);
            }
        }
    }
}
