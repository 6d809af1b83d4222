//! Tasks that wait for a driver, and those to be woken.

use std::{
    collections::BTreeMap,
    task::{Context, Waker},
};

use mdns_proto::time::Instant;

/// The number of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlarmId(Instant, u64);

/// Tasks that wait for a time or for silence, and those whose waiting has ended.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Those who wait until everything is said.
    silence: Vec<Waker>,
    alarms: BTreeMap<AlarmId, Waker>,
    alarm_count: u64,
    /// Those to be woken as soon as nobody holds the driver.
    ///
    /// All wakers leave by this way, also those that are needed no more: to drop one may be to drop a task, and handles with
    /// it, which come back to the driver.
    pub(crate) woken: Vec<Waker>,
}

impl Waiting {
    /// Wakes a task at some time.
    pub(crate) fn set_alarm(&mut self, at: Instant, context: &Context<'_>) -> AlarmId {
        self.alarm_count += 1;
        let id = AlarmId(at, self.alarm_count);
        self.alarms.insert(id, context.waker().clone());
        id
    }

    /// Whether an alarm has gone off. If not, it will wake this task.
    pub(crate) fn poll_alarm(&mut self, id: AlarmId, context: &Context<'_>) -> bool {
        let Some(waker) = self.alarms.get_mut(&id) else {
            return true;
        };
        if !waker.will_wake(context.waker()) {
            let replaced = std::mem::replace(waker, context.waker().clone());
            self.woken.push(replaced);
        }
        false
    }

    pub(crate) fn drop_alarm(&mut self, id: AlarmId) {
        self.woken.extend(self.alarms.remove(&id));
    }

    /// When the first alarm goes off.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.alarms.keys().next().map(|AlarmId(at, _)| *at)
    }

    /// Alarms go off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(alarm) = self.alarms.first_entry()
            && alarm.key().0 <= now
        {
            self.woken.push(alarm.remove());
        }
    }

    /// Wakes a task when everything is said, or all is over.
    pub(crate) fn wake_on_silence(&mut self, context: &Context<'_>) {
        let mut known = self.silence.iter();
        if !known.any(|waker| waker.will_wake(context.waker())) {
            self.silence.push(context.waker().clone());
        }
    }

    /// Everything is said.
    pub(crate) fn end_silence(&mut self) {
        self.woken.append(&mut self.silence);
    }

    /// All is over.
    pub(crate) fn end(&mut self) {
        self.end_silence();
        let alarms = std::mem::take(&mut self.alarms);
        self.woken.extend(alarms.into_values());
    }
}

/// Keeps a waker; returns the one it replaces.
pub(crate) fn keep(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(known) if known.will_wake(waker) => None,
        _ => slot.replace(waker.clone()),
    }
}
