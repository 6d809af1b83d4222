//! Another host on loopback, which multicasts until it is dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mdns_proto::name::NameBuf;
use mdns_socket::{Family, LinkSocket, interfaces};

/// Sends a packet every 50 ms until it is dropped.
pub(crate) struct Sender {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sender {
    /// Sends what `packet` returns, which is called for each packet.
    pub(crate) fn start(mut packet: impl FnMut() -> Vec<u8> + Send + 'static) -> Self {
        let all = interfaces().expect("interfaces");
        let loopback = all.iter().find(|interface| interface.is_loopback);
        let socket = LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket");
        let ends = Arc::new(AtomicBool::new(false));
        let is_ended = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while !is_ended.load(Ordering::SeqCst) {
                match socket.send_to(&packet(), socket.group()) {
                    // A full queue is of the moment.
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                        panic!("cannot send: {error}")
                    }
                    _ => {}
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        Sender {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Where it panicked, that has been printed.
            thread.join().ok();
        }
    }
}

/// Returns the name with these labels.
pub(crate) fn name<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> NameBuf {
    NameBuf::from_labels(labels).expect("a name")
}
