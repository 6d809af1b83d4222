//! Who asks and publishes: sockets of our own, or a daemon that the host has already.

use std::{fmt, str::FromStr};

/// Who asks and publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// This crate, on sockets of its own. Where every link refuses it port 5353 and Avahi runs, Avahi does it instead.
    #[default]
    Own,
    /// Avahi, over D-Bus. Without it there is an error at the start; one that stops later is waited for.
    Avahi,
    /// systemd-resolved publishes services, over D-Bus; questions are asked on sockets of our own, since it has no way to browse.
    Resolved,
    /// Avahi where it runs, else systemd-resolved where it publishes (`MulticastDNS=yes`) and lets us, which is as root; without
    /// a daemon, and ten seconds after it has left, our own sockets. When it comes back it takes over again.
    Auto,
}

impl Backend {
    /// All, in the order in which they are listed to people.
    pub const ALL: [Backend; 4] = [
        Backend::Own,
        Backend::Avahi,
        Backend::Resolved,
        Backend::Auto,
    ];

    /// Its name: `own`, `avahi`, `resolved` or `auto`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Backend::Own => "own",
            Backend::Avahi => "avahi",
            Backend::Resolved => "resolved",
            Backend::Auto => "auto",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text names no backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBackend(String);

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "backend must be own, avahi, resolved or auto, got `{}`",
            self.0
        )
    }
}

impl std::error::Error for UnknownBackend {}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, UnknownBackend> {
        let mut all = Backend::ALL.into_iter();
        all.find(|backend| backend.as_str() == text)
            .ok_or_else(|| UnknownBackend(text.to_owned()))
    }
}

/// Who asks and publishes now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendInfo {
    /// Who: [`Own`](Backend::Own), [`Avahi`](Backend::Avahi) or [`Resolved`](Backend::Resolved).
    pub backend: Backend,
    /// Why, in words for people: `chosen`, `avahi-daemon does not run`.
    pub reason: String,
    /// What the daemon says its version is, such as `avahi 0.8`, if it says so.
    pub version: Option<String>,
    /// Whether the daemon that does it is there now. [`Own`](Backend::Own) always is.
    pub is_available: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_read_as_it_is_written() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse(), Ok(backend));
        }
        let error = "bonjour".parse::<Backend>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "backend must be own, avahi, resolved or auto, got `bonjour`"
        );
    }
}
