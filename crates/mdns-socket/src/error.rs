//! Why a socket could not be opened, in words that say what to do.

use std::fmt;
use std::io::{self, ErrorKind};

use rustix::io::Errno;

use crate::{Family, Holder, PORT, port_holders};

/// A socket could not be opened.
///
/// The message says which link, which step, why, and what can be done about it.
#[derive(Debug)]
pub struct OpenError {
    /// The interface, if the socket is a link's.
    interface: Option<String>,
    family: Family,
    /// What was being done, as in "cannot .. ".
    step: &'static str,
    reason: Reason,
    source: io::Error,
}

/// What stood in the way, as far as one can do something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A program holds the port and does not share it, or not with this user. As far as known:
    /// these are all on the port.
    PortTaken(Vec<Holder>),
    /// The process, or the system, has no file descriptor left.
    NoDescriptors,
    /// The system has no room for another group membership.
    NoMemberships,
    /// The interface, or its address, has gone since it was looked up: look again.
    InterfaceGone,
    /// The system does not speak this IP family.
    FamilyOff,
    /// The process may not do this: a sandbox or a security module forbids it.
    Denied,
    /// Something else; the source tells.
    Other,
}

impl OpenError {
    pub(crate) fn new(
        interface: Option<&str>,
        family: Family,
        step: &'static str,
        source: io::Error,
    ) -> Self {
        let interface = interface.map(str::to_owned);
        let reason = reason(family, &source);
        OpenError {
            interface,
            family,
            step,
            reason,
            source,
        }
    }

    /// Who has the port, if that stood in the way; as far as it is known.
    pub fn holders(&self) -> &[Holder] {
        match &self.reason {
            Reason::PortTaken(holders) => holders,
            _ => &[],
        }
    }

    /// What stood in the way.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

fn reason(family: Family, error: &io::Error) -> Reason {
    match error.kind() {
        ErrorKind::AddrInUse => {
            // A socket for all IPv6 addresses may take IPv4 too.
            let own = std::process::id();
            let may_hold = |holder: &Holder| {
                let ip = holder.address.ip();
                let is_own = matches!(holder.process, Some((pid, _)) if pid == own);
                !is_own && (Family::of(&ip) == family || (ip.is_ipv6() && ip.is_unspecified()))
            };
            Reason::PortTaken(port_holders().into_iter().filter(may_hold).collect())
        }
        ErrorKind::AddrNotAvailable => Reason::InterfaceGone,
        ErrorKind::PermissionDenied => Reason::Denied,
        ErrorKind::OutOfMemory => Reason::NoMemberships,
        _ => match Errno::from_io_error(error) {
            Some(Errno::MFILE) => Reason::NoDescriptors,
            Some(Errno::NOBUFS) => Reason::NoMemberships,
            Some(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => Reason::FamilyOff,
            #[cfg(unix)]
            Some(Errno::NFILE) => Reason::NoDescriptors,
            #[cfg(unix)]
            Some(Errno::NODEV | Errno::NXIO) => Reason::InterfaceGone,
            _ => Reason::Other,
        },
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface}, ")?;
        }
        write!(
            f,
            "{}: cannot {}: {}; ",
            self.family, self.step, self.source
        )?;
        match &self.reason {
            Reason::PortTaken(holders) => {
                write!(f, "UDP port {PORT} is held")?;
                for (n, holder) in holders.iter().enumerate() {
                    write!(f, "{}{holder}", if n == 0 { " by " } else { ", " })?;
                }
                f.write_str(", which does not share it with this program: stop it, or let it share the port")
            }
            Reason::NoDescriptors => f.write_str("close files or raise the limit (ulimit -n)"),
            Reason::NoMemberships => f.write_str(
                "the system is out of memory for multicast groups: leave some, or raise net.ipv4.igmp_max_memberships \
                 or net.core.optmem_max",
            ),
            Reason::InterfaceGone => f.write_str("the interface or its address has gone: look at the interfaces again"),
            Reason::FamilyOff => write!(f, "{} is switched off on this system", self.family),
            Reason::Denied => f.write_str("a sandbox or security module forbids it: allow multicast on UDP port 5353"),
            Reason::Other => f.write_str("this is unusual"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        io::Error::new(error.source.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_where_what_why_and_what_to_do() {
        let source = io::Error::from(Errno::MFILE);
        let error = OpenError::new(Some("eth0"), Family::V6, "open a socket", source);
        assert_eq!(error.reason(), &Reason::NoDescriptors);
        assert_eq!(
            error.to_string(),
            format!(
                "eth0, IPv6: cannot open a socket: {}; close files or raise the limit (ulimit -n)",
                io::Error::from(Errno::MFILE)
            )
        );
    }

    #[test]
    fn every_reason_is_found_in_its_error() {
        let reason_of = |errno: Errno| {
            OpenError::new(None, Family::V4, "try", errno.into())
                .reason()
                .clone()
        };
        assert!(matches!(reason_of(Errno::ADDRINUSE), Reason::PortTaken(_)));
        assert_eq!(reason_of(Errno::NOBUFS), Reason::NoMemberships);
        assert_eq!(reason_of(Errno::ADDRNOTAVAIL), Reason::InterfaceGone);
        assert_eq!(reason_of(Errno::AFNOSUPPORT), Reason::FamilyOff);
        assert_eq!(reason_of(Errno::ACCESS), Reason::Denied);
        assert_eq!(reason_of(Errno::INTR), Reason::Other);
    }
}
