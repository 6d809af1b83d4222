//! The suite of all adapters, on tokio. Linux alone has the loopback interface that it needs.

use std::{future::Future, sync::LazyLock};

use mdns_node_tests::{Async, Executor, Suite};
use mdns_tokio::Tokio;
use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of several threads.
struct Threads;

/// A runtime of one thread.
struct OneThread;

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

    fn run(program: impl Future<Output = ()> + Send + 'static) {
        THREADS.block_on(async { tokio::spawn(program).await.expect("no panic") });
    }
}

/// One thread drives it; the others only wait for their futures.
static ONE_THREAD: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
});

impl Executor for OneThread {
    fn enter<T>(open: impl FnOnce() -> T) -> T {
        let _guard = ONE_THREAD.enter();
        open()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        ONE_THREAD.block_on(future)
    }

    fn run(program: impl Future<Output = ()> + Send + 'static) {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(program);
    }
}

fn main() {
    let mut suite = Suite::new();
    if cfg!(target_os = "linux") {
        suite = suite
            .with::<Async<Tokio, Threads>>("tokio")
            .with::<Async<Tokio, OneThread>>("tokio_one_thread");
    }
    suite.run()
}
