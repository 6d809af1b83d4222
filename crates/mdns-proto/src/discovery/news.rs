//! From records that come and go to news: what is told of them is marked, looked at again, and told.

use super::{
    AskStorage, Asks, NamesOf, Need, Outcome, ToldSlot,
    ask::Kind,
    asks::TOGETHER,
    told::{Entry, List, Listed, NOTHING, Once, PassOn, Role},
};
use crate::{
    cache::Subject,
    store::{Id, NONE, NameId},
    time::Instant,
    wire::RecordType,
};

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was not there before, or was about to go.
    Came,
    /// It was there before.
    Stayed,
}

/// What is to be looked at for one told slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) ask: u32,
    pub(super) kind: Kind,
    pub(super) asked: NameId,
    pub(super) name: NameId,
    pub(super) owes_details: bool,
    /// Whether what is known has to do.
    pub(super) is_impatient: bool,
    pub(super) now: u32,
    pub(super) told: u32,
}

/// What is told next.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    Told {
        ask: u32,
        told: u32,
        before: u32,
        after: u32,
    },
    Incomplete {
        ask: u32,
    },
    Finished {
        ask: u32,
        outcome: Outcome,
    },
}

impl<A: AskStorage> Asks<A> {
    // Taking note.

    /// A record is gone, or will be soon. Whatever is told of it is to be looked at again.
    pub(crate) fn note_gone(&mut self, record: Subject) {
        if let Some(instance) = record.pointer {
            let mut ask = self.chains.first(record.name);
            while let Some(slot) = self.asks.get(ask) {
                let next = slot.next;
                if slot.kind.is_browse()
                    && let Some(told) = self.find_told(ask, instance)
                {
                    self.touch(told);
                }
                ask = next.get();
            }
        }
        self.touch_all(record, false);
    }

    /// A record is there. Says how much it is wanted.
    ///
    /// `is_result`: whether it is a pointer to what a browse may find.
    pub(crate) fn note(
        &mut self,
        names: &mut NamesOf<A>,
        change: Change,
        record: Subject,
        is_result: bool,
    ) -> Need {
        let mut need = Need::None;
        if let Some(instance) = record.pointer.filter(|_| is_result) {
            let mut ask = self.chains.first(record.name);
            while let Some(slot) = self.asks.get(ask) {
                let next = slot.next;
                if slot.kind.is_browse()
                    && slot.outcome.is_none()
                    && self.note_instance(names, change, ask, instance)
                {
                    need = Need::Open;
                }
                ask = next.get();
            }
        }
        if change == Change::Came {
            let wanted = self.touch_all(record, record.rtype == RecordType::SRV);
            need = need.max(wanted);
        }
        need
    }

    /// Whatever is told of a record is to be looked at again, and its details asked for, if there may be more now. Says how much it is
    /// wanted.
    fn touch_all(&mut self, record: Subject, owes_details: bool) -> Need {
        let mut need = Need::None;
        let mut entry = Entry(self.chains.second(record.name));
        for _ in 0..TOGETHER {
            let Some(slot) = self.told.get(entry.told()) else {
                return need;
            };
            let wanted = self.need_of(slot, entry.role(), record.rtype);
            need = need.max(wanted);
            if wanted != Need::None || record.rtype == RecordType::NSEC {
                if owes_details {
                    self.owe_details(entry.told());
                }
                self.touch(entry.told());
            }
            entry = Entry(self.links(entry).1);
        }
        self.pass_on(entry, PassOn::Touched);
        need
    }

    /// An instance is there on some link. Says whether it can be told of: if not, its pointer is not worth more room than another.
    fn note_instance(
        &mut self,
        names: &mut NamesOf<A>,
        change: Change,
        ask: u32,
        instance: NameId,
    ) -> bool {
        let told = match (self.find_told(ask, instance), change) {
            (Some(_), Change::Stayed) => return true,
            (Some(told), Change::Came) => told,
            (None, _) => {
                let Ok(told) = self.add_told(ask, instance) else {
                    self.set_missing(ask);
                    return false;
                };
                names.hold(instance);
                told
            }
        };
        self.owe_details(told);
        self.touch(told);
        true
    }

    /// Details of this one are to be asked for.
    pub(super) fn owe_details(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told) {
            slot.owes_details = true;
        }
    }

    pub(super) fn touch(&mut self, told: u32) {
        let owner = self.told.get(told).map_or(Id::NONE, |slot| slot.owner);
        self.touch_itself(if owner == Id::NONE { told } else { owner.get() });
    }

    /// The same, also of a name that a look-up goes through.
    pub(super) fn touch_itself(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told)
            && !slot.is_touched
        {
            slot.is_touched = true;
            self.push(Listed::Touched, told);
        }
    }

    /// A result is missing because memory is too small. That is told once, and the result looked for when there is room.
    pub(super) fn set_missing(&mut self, ask: u32) {
        let Some(slot) = self.asks.get_mut(ask) else {
            return;
        };
        slot.is_missing = true;
        self.is_missing = true;
        self.set_incomplete(ask);
    }

    /// Results are missing. That is told once.
    pub(super) fn set_incomplete(&mut self, ask: u32) {
        if let Some(slot) = self.asks.get_mut(ask)
            && slot.incomplete == Once::No
        {
            slot.incomplete = Once::Owed;
            self.push_ask_news(ask);
        }
    }

    /// A record that is wanted found no room: whoever wants it is told so. A pointer is one that a browse wants.
    pub(crate) fn note_dropped(&mut self, name: NameId, rtype: RecordType, is_result: bool) {
        let mut ask = self.chains.first(name);
        while let Some(slot) = self.asks.get(ask) {
            let next = slot.next;
            if slot.kind.is_browse() && is_result {
                self.set_missing(ask);
            }
            ask = next.get();
        }
        let mut entry = Entry(self.chains.second(name));
        for _ in 0..TOGETHER {
            let Some(slot) = self.told.get(entry.told()) else {
                return;
            };
            if self.need_of(slot, entry.role(), rtype) != Need::None {
                self.set_missing(slot.ask.get());
            }
            entry = Entry(self.links(entry).1);
        }
        self.pass_on(entry, PassOn::Missing);
    }

    /// Records of a name and type cannot be asked for, and no room that becomes free will change that.
    pub(crate) fn note_not_asked(&mut self, name: NameId, rtype: RecordType) {
        let mut ask = self.chains.first(name);
        while let Some(slot) = self.asks.get(ask) {
            let next = slot.next;
            if slot.kind.is_browse() && rtype == RecordType::PTR {
                self.set_incomplete(ask);
            }
            ask = next.get();
        }
        let mut entry = Entry(self.chains.second(name));
        while let Some(slot) = self.told.get(entry.told()) {
            if self.need_of(slot, entry.role(), rtype) != Need::None {
                self.set_incomplete(slot.ask.get());
            }
            entry = Entry(self.links(entry).1);
        }
    }

    // Looking again.

    /// Whether any told slot is to be looked at.
    pub(super) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// The next told slot that is to be looked at.
    pub(super) fn take_touched(&mut self) -> Option<u32> {
        let told = self.touched.pop(|id| {
            self.told
                .get(id)
                .map_or(NONE, |slot| slot.next_touched.get())
        })?;
        if let Some(slot) = self.told.get_mut(told) {
            slot.is_touched = false;
        }
        Some(told)
    }

    pub(super) fn standing(&self, told: u32) -> Option<Standing> {
        let slot = self.told.get(told).filter(|slot| slot.owner == Id::NONE)?;
        let ask = self
            .asks
            .get(slot.ask.get())
            .filter(|ask| ask.outcome.is_none())?;
        Some(Standing {
            ask: slot.ask.get(),
            kind: ask.kind,
            asked: ask.name,
            name: slot.name,
            owes_details: slot.owes_details,
            is_impatient: ask.is_impatient,
            now: slot.now,
            told: slot.told,
        })
    }

    /// Details were asked for.
    pub(super) fn pay_details(&mut self, told: u32) {
        if let Some(slot) = self.told.get_mut(told) {
            slot.owes_details = false;
        }
    }

    /// The host that an instance is on now. Says whether it is another one.
    pub(super) fn set_host(
        &mut self,
        names: &mut NamesOf<A>,
        told: u32,
        host: Option<NameId>,
    ) -> bool {
        let Some(old) = self.told.get(told).map(ToldSlot::host) else {
            return false;
        };
        if old == host {
            return false;
        }
        let entry = Entry::new(told, Role::Host);
        if let Some(host) = host {
            names.hold(host);
        }
        if let Some(old) = old {
            self.unlink(entry, old);
            names.release(old);
        }
        if let Some(slot) = self.told.get_mut(told) {
            slot.set_host(host);
        }
        if let Some(host) = host {
            self.link(entry, host);
        }
        true
    }

    /// What is so now; if that differs from what was told, there is news. What is not there and was never told is
    /// forgotten, if it can be found again.
    pub(super) fn set_now(&mut self, names: &mut NamesOf<A>, told: u32, now: u32, is_own: bool) {
        let Some(slot) = self.told.get_mut(told) else {
            return;
        };
        slot.now = now;
        slot.is_own = is_own;
        if slot.now != slot.told && !slot.has_news {
            slot.has_news = true;
            self.push(Listed::News, told);
        }
        self.forget_if_idle(names, told);
    }

    fn forget_if_idle(&mut self, names: &mut NamesOf<A>, told: u32) {
        let Some(slot) = self.told.get(told) else {
            return;
        };
        let is_found = self
            .asks
            .get(slot.ask.get())
            .is_some_and(|ask| ask.kind.is_browse());
        if is_found
            && slot.now == NOTHING
            && slot.told == NOTHING
            && !slot.has_news
            && !slot.is_touched
        {
            self.remove_told(names, told);
        }
    }

    // Telling.

    pub(super) fn has_news(&self) -> bool {
        !self.told_news.is_empty() || !self.ask_news.is_empty()
    }

    /// Takes the next piece of news.
    pub(super) fn take_news(&mut self, names: &mut NamesOf<A>, now: Instant) -> Option<News> {
        let spent = core::mem::replace(&mut self.spent, NONE);
        if spent != NONE {
            self.forget_if_idle(names, spent);
            self.note_room(now);
        }
        while let Some(told) = self
            .told_news
            .pop(|id| self.told.get(id).map_or(NONE, |slot| slot.next_news.get()))
        {
            let Some(slot) = self.told.get_mut(told) else {
                continue;
            };
            slot.has_news = false;
            let before = core::mem::replace(&mut slot.told, slot.now);
            let (after, ask) = (slot.now, slot.ask);
            if after == NOTHING {
                self.spent = told;
            }
            if before != after {
                return Some(News::Told {
                    ask: ask.get(),
                    told,
                    before,
                    after,
                });
            }
            self.forget_if_idle(names, told);
        }
        let ask = self
            .ask_news
            .pop(|id| self.asks.get(id).map_or(NONE, |slot| slot.next_news.get()))?;
        let slot = self.asks.get_mut(ask)?;
        slot.has_news = false;
        if slot.incomplete == Once::Owed {
            slot.incomplete = Once::Paid;
            if slot.outcome.is_some() {
                self.push_ask_news(ask);
            }
            return Some(News::Incomplete { ask });
        }
        Some(News::Finished {
            ask,
            outcome: slot.outcome?,
        })
    }

    pub(super) fn told(&self, told: u32) -> Option<(NameId, bool)> {
        let slot = self.told.get(told)?;
        Some((slot.name, slot.is_own))
    }

    // Lists.

    fn list(&mut self, which: Listed) -> &mut List {
        match which {
            Listed::Touched => &mut self.touched,
            Listed::News => &mut self.told_news,
        }
    }

    fn push(&mut self, which: Listed, told: u32) {
        let Asks {
            touched,
            told_news,
            told: slots,
            ..
        } = self;
        let list = match which {
            Listed::Touched => touched,
            Listed::News => told_news,
        };
        list.push(told, |id, next| {
            if let Some(slot) = slots.get_mut(id) {
                which.set_next(slot, next);
            }
        });
    }

    pub(super) fn push_ask_news(&mut self, ask: u32) {
        let asks = &mut self.asks;
        let Some(slot) = asks.get_mut(ask) else {
            return;
        };
        if core::mem::replace(&mut slot.has_news, true) {
            return;
        }
        self.ask_news.push(ask, |id, next| {
            if let Some(slot) = asks.get_mut(id) {
                slot.next_news = Id::of(next);
            }
        });
    }

    /// Takes the slots of an ask out of a list.
    pub(super) fn unlist(&mut self, which: Listed, ask: u32) {
        let mut list = core::mem::replace(self.list(which), List::EMPTY);
        while let Some(id) = list.pop(|id| self.told.get(id).map_or(NONE, |slot| which.next(slot)))
        {
            if self
                .told
                .get(id)
                .is_some_and(|slot| slot.ask != Id::of(ask))
            {
                self.push(which, id);
            }
        }
    }

    /// Takes an ask out of the list of those that have news.
    pub(super) fn unlist_ask(&mut self, ask: u32) {
        if !self.asks.get(ask).is_some_and(|slot| slot.has_news) {
            return;
        }
        let mut news = core::mem::replace(&mut self.ask_news, List::EMPTY);
        while let Some(id) =
            news.pop(|id| self.asks.get(id).map_or(NONE, |slot| slot.next_news.get()))
        {
            if let Some(slot) = self.asks.get_mut(id) {
                slot.has_news = false;
            }
            if id != ask {
                self.push_ask_news(id);
            }
        }
    }
}
