//! A clock that a test turns by hand.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mdns_driver::Clock;

/// The monotonic clock and, beside it, how long the machine has slept.
#[derive(Clone, Default)]
pub(crate) struct Hands(pub(crate) Arc<Mutex<(Duration, Duration)>>);

impl Hands {
    pub(crate) fn wait(&self, span: Duration) {
        self.0.lock().unwrap().0 += span;
    }

    pub(crate) fn sleep(&self, span: Duration) {
        self.0.lock().unwrap().1 += span;
    }
}

impl Clock for Hands {
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn wall(&self) -> Duration {
        let (awake, asleep) = *self.0.lock().unwrap();
        awake + asleep
    }
}
