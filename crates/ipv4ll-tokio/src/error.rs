//! What can go wrong outside the protocol.

use std::{fmt, io};

/// Why an address could not be claimed, checked, or configured.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no interface of this name.
    NoInterface(String),
    /// The interface is not Ethernet, or has no hardware address: it has no ARP.
    NotEthernet(String),
    /// The interface is down, or has no link, or lost it while an address was checked: whether another host uses the address cannot be told.
    NoLink(String),
    /// The program may not send and receive ARP packets: it lacks `CAP_NET_RAW`.
    NoRawSockets,
    /// The program may not change addresses: it lacks `CAP_NET_ADMIN`.
    NoAdmin,
    /// No host can have the address.
    Address(ipv4ll::AddressError),
    /// The rule for broadcasts could not be installed, with the reason. ARP replies go by unicast then; all else works.
    Rule(String),
    /// The system has refused something else, with what was tried.
    System(&'static str, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoInterface(name) => write!(f, "there is no interface `{name}`"),
            Error::NotEthernet(name) => write!(f, "interface `{name}` is not Ethernet, and so has no ARP"),
            Error::NoLink(name) => write!(f, "interface `{name}` is down, or has no link: nobody could be asked there"),
            Error::NoRawSockets => f.write_str(
                "sending ARP packets needs the capability CAP_NET_RAW: run as root, or give it to the program with setcap",
            ),
            Error::NoAdmin => f.write_str(
                "changing addresses needs the capability CAP_NET_ADMIN: run as root, or give it to the program with setcap",
            ),
            Error::Address(error) => error.fmt(f),
            Error::Rule(reason) => write!(f, "ARP replies stay unicast, since nft did not accept the rule: {reason}"),
            Error::System(what, error) => write!(f, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::System(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<ipv4ll::AddressError> for Error {
    fn from(error: ipv4ll::AddressError) -> Self {
        Error::Address(error)
    }
}
