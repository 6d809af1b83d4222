//! The suite of all adapters, in a `mio::Poll`. Linux alone has the loopback interface that it needs.

use std::time::Duration;

use mdns_mio::{Driver, Mdns};
use mdns_node_tests::{Loop, Looped, Suite};
use mio::{Events, Poll};

struct Mio {
    poll: Poll,
    events: Events,
    mdns: Mdns,
}

impl Loop for Mio {
    fn new(driver: Driver) -> Self {
        let poll = Poll::new().expect("a poll");
        let mut mdns = Mdns::from(driver);
        mdns.register(poll.registry(), 0..16)
            .expect("a registration");
        Mio {
            poll,
            events: Events::with_capacity(16),
            mdns,
        }
    }

    fn turn(&mut self, limit: Duration) {
        let timeout = self
            .mdns
            .timeout()
            .map_or(limit, |timeout| timeout.min(limit));
        self.poll
            .poll(&mut self.events, Some(timeout))
            .expect("events");
        for event in &self.events {
            assert!(self.mdns.handle_event(event), "{event:?} is not ours");
        }
        self.mdns.handle_timeout();
    }

    fn driver_mut(&mut self) -> &mut Driver {
        self.mdns.driver_mut()
    }
}

fn main() {
    let mut suite = Suite::new();
    if cfg!(target_os = "linux") {
        suite = suite.with::<Looped<Mio>>("mio");
    }
    suite.run()
}
