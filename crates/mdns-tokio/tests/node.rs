//! The suite of all adapters, on tokio. Linux alone has the loopback interface that it needs.

use std::{future::Future, sync::LazyLock};

use mdns_node_tests::{Async, Executor, Suite};
use mdns_tokio::Tokio;
use tokio::runtime::{Builder, Runtime};

struct Threads;

static THREADS: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
});

impl Executor for Threads {
    fn enter<T>(open: impl FnOnce() -> T) -> T {
        let _guard = THREADS.enter();
        open()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        THREADS.block_on(future)
    }
}

fn main() {
    let mut suite = Suite::new();
    if cfg!(target_os = "linux") {
        suite = suite.with::<Async<Tokio, Threads>>("tokio");
    }
    suite.run()
}
