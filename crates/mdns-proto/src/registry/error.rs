//! What can be wrong with what the application wants to register.

use core::fmt;

use crate::{
    name::{LabelError, NameError},
    store::Full,
};

/// Why something could not be registered or changed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The instance name or host name is not one.
    Label(LabelError),
    /// A subtype is not a label, or the names together are too long.
    Name(NameError),
    /// There is no host: [`add_host`](crate::host::Host::add_host) comes first.
    NoHost,
    /// The name is registered here already.
    Taken,
    /// A record would be larger than [`Config::packet_max`](crate::config::Config::packet_max) allows.
    TooLarge,
    /// There is no slot or no text left.
    Full,
    /// The id is not one of what is registered.
    Unknown,
    /// A record of this type cannot be registered by itself, or not in place of what is there.
    Type,
    /// A shared record cannot be changed: remove it, and add another (RFC 6762 §8.4).
    Shared,
    /// The name is neither under `.local` nor in a reverse zone of link-local addresses.
    NotLinkLocal,
    /// The host has been shut down. Adapters say so; a [`Host`](crate::host::Host) takes commands all its life.
    Closed,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Label(error) => error.fmt(f),
            RegisterError::Name(error) => error.fmt(f),
            RegisterError::NoHost => {
                f.write_str("no host has been added that the service could run on")
            }
            RegisterError::Taken => f.write_str("this name is registered here already"),
            RegisterError::TooLarge => f.write_str("a record of it would not fit in one packet"),
            RegisterError::Full => Full.fmt(f),
            RegisterError::Unknown => f.write_str("nothing of this id is registered"),
            RegisterError::Type => f.write_str("a record of this type cannot be registered here"),
            RegisterError::Shared => {
                f.write_str("a shared record cannot be changed, only removed and added")
            }
            RegisterError::NotLinkLocal => {
                f.write_str("name is not under .local nor in a link-local reverse zone")
            }
            RegisterError::Closed => f.write_str("the host has been shut down"),
        }
    }
}

impl core::error::Error for RegisterError {}

impl From<Full> for RegisterError {
    fn from(_: Full) -> Self {
        RegisterError::Full
    }
}

impl From<LabelError> for RegisterError {
    fn from(error: LabelError) -> Self {
        RegisterError::Label(error)
    }
}

impl From<NameError> for RegisterError {
    fn from(error: NameError) -> Self {
        RegisterError::Name(error)
    }
}
