//! Tasks that wait for a driver, and those to be woken.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
};

use mdns_proto::{
    name::{Name, NameBuf},
    time::Instant,
};
use mdns_socket::Selection;
use tracing::{Level, level_filters::LevelFilter};

/// The number of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlarmId(Instant, u64);

/// The number of a task that waits for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SilenceId(u64);

/// Calls of code that is not ours, put off until the driver is not locked: wakers, log messages, and what is dropped and may
/// have a `Drop` of its own. Any of them may lock the driver again.
#[derive(Default)]
#[must_use]
pub(crate) struct Deferred {
    /// Of tasks that have news.
    woken: Vec<Waker>,
    /// Of tasks that wait no longer, or have given another waker. These must not be woken: a task that replaces its waker
    /// each time it is polled would be polled for ever.
    dropped: Vec<Waker>,
    /// Predicates of services that are advertised no more.
    selections: Vec<Selection>,
    messages: Vec<Box<dyn FnOnce() + Send>>,
}

impl Deferred {
    /// Wakes a task.
    pub(crate) fn wake(&mut self, waker: impl IntoIterator<Item = Waker>) {
        self.woken.extend(waker);
    }

    /// Drops a waker.
    pub(crate) fn discard(&mut self, waker: impl IntoIterator<Item = Waker>) {
        self.dropped.extend(waker);
    }

    /// Drops a selection.
    pub(crate) fn discard_selection(&mut self, selection: Option<Selection>) {
        self.selections.extend(selection);
    }

    /// Keeps a waker in a slot in place of the one that was there.
    pub(crate) fn keep(&mut self, slot: &mut Option<Waker>, waker: Waker) {
        let needless = match slot {
            Some(known) if known.will_wake(&waker) => Some(waker),
            _ => slot.replace(waker),
        };
        self.dropped.extend(needless);
    }

    /// Writes a log message, if anybody listens to its level.
    pub(crate) fn log(&mut self, level: Level, message: impl FnOnce() + Send + 'static) {
        // Not `enabled!`: that asks the subscriber.
        if LevelFilter::current() >= level {
            self.messages.push(Box::new(message));
        }
    }

    /// Writes a message of level `INFO` about a name.
    pub(crate) fn log_name(&mut self, name: Name<'_>, message: fn(&NameBuf)) {
        let name = NameBuf::from(name);
        self.log(Level::INFO, move || message(&name));
    }

    /// Takes over what another was to do.
    pub(crate) fn append(&mut self, other: Deferred) {
        self.woken.extend(other.woken);
        self.dropped.extend(other.dropped);
        self.selections.extend(other.selections);
        self.messages.extend(other.messages);
    }

    /// Does what was put off. The driver must not be locked.
    pub(crate) fn release(self) {
        self.messages.into_iter().for_each(|write| write());
        self.woken.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("woken", &self.woken)
            .field("dropped", &self.dropped)
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// The task that drives, whatever wakers it is polled with.
///
/// Reactors keep the [`Waker`] that this makes, which is always the same one: some of them wake the waker that is replaced, and
/// a task that is polled with another each time would be polled for ever.
#[derive(Debug, Default)]
pub(crate) struct DrivingTask(Mutex<Option<Waker>>);

impl DrivingTask {
    /// The waker for reactors.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        // `will_wake` knows clones of a clone. It may not know the clones of the first: their tables may be at two addresses.
        let first = Waker::from(Arc::clone(self));
        Waker::clone(&first)
    }

    /// The task is polled with this waker now.
    pub(crate) fn set(&self, waker: &Waker) {
        let waker = waker.clone();
        // What is replaced is dropped when the lock is free.
        let _replaced = self.lock().replace(waker);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for DrivingTask {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Wakes it once for each time that it is polled.
    fn wake_by_ref(self: &Arc<Self>) {
        let waker = self.lock().take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Tasks that wait for a time or for silence, and those whose waiting has ended.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Those who wait until everything is said.
    silence: BTreeMap<SilenceId, Option<Waker>>,
    silence_count: u64,
    alarms: BTreeMap<AlarmId, Option<Waker>>,
    alarm_count: u64,
    pub(crate) deferred: Deferred,
}

impl Waiting {
    /// Wakes a task at some time.
    pub(crate) fn set_alarm(&mut self, at: Instant, waker: Waker) -> AlarmId {
        self.alarm_count += 1;
        let id = AlarmId(at, self.alarm_count);
        self.alarms.insert(id, Some(waker));
        id
    }

    /// Whether an alarm has gone off. If not, it will wake this task.
    pub(crate) fn poll_alarm(&mut self, id: AlarmId, waker: Waker) -> bool {
        let Some(slot) = self.alarms.get_mut(&id) else {
            self.deferred.discard([waker]);
            return true;
        };
        self.deferred.keep(slot, waker);
        false
    }

    pub(crate) fn drop_alarm(&mut self, id: AlarmId) {
        self.deferred.discard(self.alarms.remove(&id).flatten());
    }

    /// When the first alarm goes off, if one ever does.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.alarms.keys().next()?.0.deadline()
    }

    /// Alarms go off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(alarm) = self.alarms.first_entry()
            && alarm.key().0 <= now
        {
            self.deferred.wake(alarm.remove());
        }
    }

    /// Wakes a task when everything is said, or all is over. One task has one number, which it brings again each time.
    pub(crate) fn wake_on_silence(&mut self, id: Option<SilenceId>, waker: Waker) -> SilenceId {
        let id = id.unwrap_or_else(|| {
            self.silence_count += 1;
            SilenceId(self.silence_count)
        });
        self.deferred
            .keep(self.silence.entry(id).or_default(), waker);
        id
    }

    /// A task waits for silence no longer.
    pub(crate) fn drop_silence(&mut self, id: SilenceId) {
        self.deferred.discard(self.silence.remove(&id).flatten());
    }

    /// Whether a task waits for silence.
    pub(crate) fn wants_silence(&self) -> bool {
        !self.silence.is_empty()
    }

    /// Everything is said.
    pub(crate) fn end_silence(&mut self) {
        let silence = std::mem::take(&mut self.silence);
        self.deferred.wake(silence.into_values().flatten());
    }

    /// All is over.
    pub(crate) fn end(&mut self) {
        self.end_silence();
        let alarms = std::mem::take(&mut self.alarms);
        self.deferred.wake(alarms.into_values().flatten());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts how often it is woken. Each is another for `will_wake`.
    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls so often, each time with another waker; returns them.
    fn poll_anew(times: usize, mut poll: impl FnMut(Waker)) -> Vec<Arc<Count>> {
        let tasks: Vec<_> = (0..times).map(|_| Arc::new(Count::default())).collect();
        for task in &tasks {
            poll(Waker::from(Arc::clone(task)));
        }
        tasks
    }

    /// Asserts that the last waker alone was woken, and that all have been let go.
    #[track_caller]
    fn assert_last_is_woken(tasks: &[Arc<Count>]) {
        let woken: u32 = tasks.iter().map(|task| task.0.load(Ordering::SeqCst)).sum();
        let last = tasks.last().map(|task| task.0.load(Ordering::SeqCst));
        assert_eq!((woken, last), (1, Some(1)));
        assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1));
    }

    #[test]
    fn an_alarm_wakes_the_last_waker_alone() {
        let mut waiting = Waiting::default();
        let at = Instant::from_millis(5);
        let mut id = None;
        let tasks = poll_anew(100, |waker| match id {
            None => id = Some(waiting.set_alarm(at, waker)),
            Some(id) => assert!(!waiting.poll_alarm(id, waker)),
        });
        waiting.handle_timeout(at);
        std::mem::take(&mut waiting.deferred).release();
        assert_last_is_woken(&tasks);
    }

    #[test]
    fn silence_wakes_the_last_waker_alone() {
        let mut waiting = Waiting::default();
        let mut id = None;
        let tasks = poll_anew(100, |context| {
            id = Some(waiting.wake_on_silence(id, context))
        });
        assert_eq!(waiting.silence.len(), 1, "one task waits");
        waiting.end_silence();
        std::mem::take(&mut waiting.deferred).release();
        assert_last_is_woken(&tasks);
    }

    #[test]
    fn a_reactor_sees_one_waker_of_a_task_that_has_many() {
        let task = Arc::new(DrivingTask::default());
        let waker = task.waker();
        assert!(waker.will_wake(&waker.clone()));
        let wakers = poll_anew(100, |waker| task.set(&waker));
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_last_is_woken(&wakers);
    }

    #[test]
    fn who_waits_for_silence_no_longer_is_forgotten() {
        let mut waiting = Waiting::default();
        for _ in 0..100 {
            let mut id = None;
            let tasks = poll_anew(2, |waker| id = Some(waiting.wake_on_silence(id, waker)));
            waiting.drop_silence(id.expect("a number"));
            std::mem::take(&mut waiting.deferred).release();
            assert!(tasks.iter().all(|task| task.0.load(Ordering::SeqCst) == 0));
        }
        assert!(!waiting.wants_silence());
    }
}
