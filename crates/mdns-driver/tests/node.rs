//! The suite of all adapters, in a loop around a driver that knows nothing but `poll`. Linux alone has the loopback interface
//! that it needs.

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use mdns_driver::Driver;
    use mdns_node_tests::{Loop, Looped, Suite};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    struct Bare(Driver);

    impl Loop for Bare {
        fn new(driver: Driver) -> Self {
            Bare(driver)
        }

        fn turn(&mut self, limit: Duration) {
            let Bare(driver) = self;
            let timeout = driver.timeout().map_or(limit, |timeout| timeout.min(limit));
            let timeout = Timespec::try_from(timeout).expect("no long wait");
            let sources: Vec<_> = driver
                .sources()
                .map(|(id, socket)| (id, socket.clone()))
                .collect();
            let mut waits: Vec<_> = sources
                .iter()
                .map(|(id, socket)| {
                    let flags = match driver.wants_write(*id) {
                        true => PollFlags::IN | PollFlags::OUT,
                        false => PollFlags::IN,
                    };
                    PollFd::new(socket, flags)
                })
                .collect();
            poll(&mut waits, Some(&timeout)).expect("what is ready");
            for ((id, _), wait) in sources.iter().zip(waits) {
                if wait.revents().contains(PollFlags::OUT) {
                    // If there is no room after all, it is waited for again.
                    let _ = driver.write(*id);
                }
                if !wait.revents().difference(PollFlags::OUT).is_empty() {
                    // Not for ever: in a flood there is always one more.
                    (0..64).all(|_| driver.read(*id).is_ok());
                }
            }
            driver.handle_timeout();
        }

        fn driver_mut(&mut self) -> &mut Driver {
            &mut self.0
        }
    }

    pub(crate) fn main() {
        Suite::new().with::<Looped<Bare>>("bare").run()
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main()
}
