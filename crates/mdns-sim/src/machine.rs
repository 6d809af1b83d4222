//! The machine of a host, with something around each of its verbs.

use std::{fmt, ops::Deref};

use mdns_proto::{
    config::Config,
    host::{Host, Storage},
    time::Instant,
};

/// What a test puts around every verb of a machine: it calls what it is given, once.
pub type Around = fn(&mut dyn FnMut());

/// A host of the core that changes only inside of what a test puts around that: to see what it costs, or that it does not do
/// what it must not. What only reads it is at hand without.
///
/// ```
/// use mdns_proto::{config::Config, host::Host, store::Heap, time::Instant};
/// use mdns_sim::Machine;
///
/// let mut machine = Machine::<Heap>::started(Config::DEFAULT, Instant::ZERO, 7, |verb| {
///     println!("now");
///     verb();
/// });
/// machine.call(|host| host.add_host(Instant::ZERO, "hall"))?;
/// assert!(machine.call(Host::poll_event).is_none());
/// assert!(machine.is_silent());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Machine<S: Storage> {
    host: Host<S>,
    around: Around,
}

impl<S: Storage> Machine<S> {
    /// A host that is started at once, as [`Host::started`] has it.
    pub fn started(config: Config, now: Instant, seed: u64, around: Around) -> Self {
        let host = Host::new(config);
        let mut machine = Machine { host, around };
        machine.call(|host| host.start(now, seed));
        machine
    }

    /// Does something to it.
    ///
    /// # Panics
    /// If what is around the verb does not call it.
    pub fn call<'a, T>(&'a mut self, verb: impl FnOnce(&'a mut Host<S>) -> T) -> T {
        let mut work = Some((verb, &mut self.host));
        let mut done = None;
        (self.around)(&mut || done = work.take().map(|(verb, host)| verb(host)));
        done.unwrap_or_else(|| panic!("what is around a verb calls it"))
    }
}

impl<S: Storage> Deref for Machine<S> {
    type Target = Host<S>;
    fn deref(&self) -> &Host<S> {
        &self.host
    }
}

impl<S: Storage> fmt::Debug for Machine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}
