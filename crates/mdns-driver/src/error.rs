//! Why a driver could not start.

use std::{fmt, io};

use mdns_proto::name::LabelError;
use mdns_socket::OpenError;

use crate::Backend;

/// A driver could not start. No network is no error: it is waited for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The host name that was chosen is not one.
    HostName(LabelError),
    /// The system does not tell its interfaces, not even loopback.
    Interfaces(io::Error),
    /// There are links to use, and none of them could be opened; this is what was wrong with the first.
    Socket(OpenError),
    /// The system gives no random numbers.
    Random(getrandom::Error),
    /// The event loop is not there, or refuses a socket.
    Runtime(io::Error),
    /// The daemon that was chosen cannot be used, and why.
    Backend(Backend, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::HostName(error) => write!(f, "host name: {error}"),
            Error::Interfaces(error) => write!(f, "cannot list interfaces: {error}"),
            Error::Runtime(error) => write!(f, "cannot use the event loop: {error}"),
            Error::Socket(error) => error.fmt(f),
            Error::Backend(backend, why) => write!(f, "backend {backend}: {why}"),
            Error::Random(error) => write!(f, "the system gives no random numbers: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Error::HostName(error) => error,
            Error::Socket(error) => error,
            Error::Random(error) => error,
            Error::Interfaces(error) | Error::Runtime(error) => error,
            Error::Backend(..) => return None,
        })
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Error::Socket(error)
    }
}

impl From<getrandom::Error> for Error {
    fn from(error: getrandom::Error) -> Self {
        Error::Random(error)
    }
}
