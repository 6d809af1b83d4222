//! An answer that is owed: when, to whom, and how.

use super::askers::Askers;
use crate::{
    store::{Slot, Slots},
    time::Instant,
};

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting(u16);

impl Waiting {
    /// Nobody whose known answers could make it needless: several, or one who could not be remembered.
    pub(super) const MANY: Waiting = Waiting(u16::MAX);

    /// This asker alone. Of those there are never as many as the largest number.
    pub(super) const fn one(asker: u16) -> Self {
        Waiting(asker)
    }

    /// The one asker.
    pub(super) fn asker(self) -> Option<u16> {
        (self != Self::MANY).then_some(self.0)
    }
}

/// An answer that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Debt {
    /// When it is to be sent; [`Instant::MAX`] when nothing is owed.
    pub(super) due: Instant,
    pub(super) waiting: Waiting,
    /// Whether the one asker gets it by unicast.
    pub(super) unicast: bool,
    /// Whether it defends a name against a probe: then 250 ms since the last multicast are enough (RFC 6762 §6).
    pub(super) defends: bool,
}

impl Debt {
    pub(super) const NONE: Debt = Debt {
        due: Instant::MAX,
        waiting: Waiting::MANY,
        unicast: false,
        defends: false,
    };

    pub(super) fn is_owed(&self) -> bool {
        self.due != Instant::MAX
    }

    /// Whether it goes to this one asker by unicast.
    pub(super) fn unicast_to(&self) -> Option<u16> {
        self.waiting.asker().filter(|_| self.unicast)
    }

    /// Owes one more answer: two debts become one, at the earlier time; two askers become many, and many get it by multicast.
    pub(super) fn add<R: Slots<Slot<super::Asker>>>(
        &mut self,
        other: Debt,
        askers: &mut Askers<R>,
    ) {
        if !self.is_owed() {
            *self = other;
            if let Some(asker) = other.waiting.asker() {
                askers.hold(asker);
            }
            return;
        }
        self.due = self.due.min(other.due);
        self.defends |= other.defends;
        if self.waiting == other.waiting {
            self.unicast &= other.unicast;
            return;
        }
        self.set_many(askers);
    }

    fn set_many<R: Slots<Slot<super::Asker>>>(&mut self, askers: &mut Askers<R>) {
        if let Some(asker) = self.waiting.asker() {
            askers.release(asker);
        }
        self.waiting = Waiting::MANY;
        self.unicast = false;
    }

    /// Owes nothing any more.
    pub(super) fn clear<R: Slots<Slot<super::Asker>>>(&mut self, askers: &mut Askers<R>) {
        self.set_many(askers);
        *self = Debt::NONE;
    }
}
