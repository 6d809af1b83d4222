//! The suite of all adapters, under smol, async-std and an executor that knows nothing of sockets. Linux alone has the
//! loopback interface that it needs.

use std::future::Future;

use mdns_async_io::AsyncIo;
use mdns_node_tests::{Async, Executor, Suite};

struct Smol;
struct AsyncStd;
struct Pollster;

impl Executor for Smol {
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

impl Executor for AsyncStd {
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }
}

impl Executor for Pollster {
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }
}

fn main() {
    let mut suite = Suite::new();
    if cfg!(target_os = "linux") {
        suite = suite
            .with::<Async<AsyncIo, Smol>>("smol")
            .with::<Async<AsyncIo, AsyncStd>>("async_std")
            .with::<Async<AsyncIo, Pollster>>("pollster");
    }
    suite.run()
}
