//! Being told that interfaces have changed.
//!
//! On Unix the system writes to a socket (netlink, or a routing socket) when a link or an address
//! is not what it was. What it writes is thrown away: after any change, however many, one looks
//! again with [`interfaces`](crate::interfaces), which cannot miss anything. Windows calls back
//! instead, and the callback writes to a socket of ours, so that the watcher is a socket
//! everywhere.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

/// Tells that something about the interfaces has changed: one came or went, was switched, connected
/// or renamed, or has other addresses, also when an IPv6 address becomes ready.
///
/// It becomes readable then. An event loop registers it ([`AsFd`](std::os::fd::AsFd) on Unix,
/// `AsSocket` on Windows) and calls [`drain`](Self::drain); a thread calls [`wait`](Self::wait).
/// Changes come in bursts: wait some tens of milliseconds for the burst to end before looking at
/// the interfaces. A change need not show: it may be of something we do not look at.
///
/// It works without privileges, and sees the network namespace in which it was opened.
///
/// ```
/// use std::time::Duration;
///
/// let watcher = mdns_socket::Watcher::new()?; // before the first look
/// let interfaces = mdns_socket::interfaces()?;
/// if watcher.wait(Some(Duration::from_millis(10)))? {
///     // look again
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Watcher {
    /// Readable after a change.
    socket: Socket,
    /// Calls back while it lives.
    #[cfg(windows)]
    _bell: Bell,
}

impl Watcher {
    /// Starts to watch. What changes from now on is told.
    ///
    /// # Errors
    ///
    /// When the system has no descriptor left, or a sandbox forbids it. One can do without: look
    /// now and then.
    pub fn new() -> io::Result<Self> {
        system::open()
    }

    /// Whether anything has changed since the last call. It does not wait.
    ///
    /// # Errors
    ///
    /// The watcher is broken and will tell nothing more. Open another, and look at the interfaces.
    pub fn drain(&self) -> io::Result<bool> {
        let mut has_changed = false;
        let mut scrap = [0; 4096];
        loop {
            match (&self.socket).read(&mut scrap) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => has_changed = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(has_changed),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Too many changes for the system to list.
                Err(error) if is_overrun(&error) => has_changed = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for a change, and says whether there was one. `None` waits without end; a signal ends
    /// any wait early.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        // What no `Timespec` can hold is without end.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(
            &mut [PollFd::new(&self.socket, PollFlags::IN)],
            timeout.as_ref(),
        ) {
            Ok(_) => self.drain(),
            Err(error) if error == rustix::io::Errno::INTR => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// An event loop may keep it on any thread, and share it.
const _: fn() = || {
    fn any_thread<T: Send + Sync>() {}
    any_thread::<Watcher>();
};

fn is_overrun(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOBUFS)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use super::Watcher;

    /// News of links, IPv4 addresses and IPv6 addresses: `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`,
    /// `RTMGRP_IPV6_IFADDR`.
    const GROUPS: u32 = 0x1 | 0x10 | 0x100;

    pub(super) fn open() -> io::Result<Watcher> {
        let socket = crate::netlink::open(GROUPS)?;
        socket.set_nonblocking(true)?;
        Ok(Watcher { socket })
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use std::io;

    use rustix::net::AddressFamily;
    use socket2::{Domain, Socket, Type};

    use super::Watcher;

    pub(super) fn open() -> io::Result<Watcher> {
        let domain = Domain::from(i32::from(AddressFamily::ROUTE.as_raw()));
        let socket = Socket::new(domain, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        Ok(Watcher { socket })
    }
}

#[cfg(windows)]
use system::Bell;

#[cfg(windows)]
mod system {
    use std::fmt;
    use std::io;
    use std::net::{Ipv4Addr, UdpSocket};
    use std::sync::Mutex;

    use super::Watcher;

    /// The callback, which ends when this is dropped. The handle may go to another thread but not
    /// be shared; behind a lock, which nobody takes, it may.
    pub(super) struct Bell(
        #[expect(dead_code, reason = "held for its drop")] Mutex<netwatcher::WatchHandle>,
    );

    impl fmt::Debug for Bell {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Bell")
        }
    }

    pub(super) fn open() -> io::Result<Watcher> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(socket.local_addr()?)?;
        let ringer = socket.try_clone()?;
        let ring = move |update: netwatcher::Update| {
            if !update.is_initial {
                // If there is no room, it has rung already.
                drop(ringer.send(&[1]));
            }
        };
        let bell = netwatcher::watch_interfaces_with_callback(ring).map_err(io::Error::other)?;
        Ok(Watcher {
            socket: socket.into(),
            _bell: Bell(Mutex::new(bell)),
        })
    }
}

#[cfg(unix)]
mod descriptor {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    use super::Watcher;

    impl AsFd for Watcher {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl AsRawFd for Watcher {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }
}

#[cfg(windows)]
mod descriptor {
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    use super::Watcher;

    impl AsSocket for Watcher {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.socket.as_socket()
        }
    }

    impl AsRawSocket for Watcher {
        fn as_raw_socket(&self) -> RawSocket {
            self.socket.as_raw_socket()
        }
    }
}
