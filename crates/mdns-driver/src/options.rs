//! What the owner of a driver chooses, and what can be advertised.

use mdns_proto::{
    config::Config,
    name::{ServiceType, check_host, cut_label},
    wire::TxtVec,
};
use mdns_socket::Selection;

/// Which interfaces, which host name, which bounds.
///
/// ```
/// use mdns_driver::{Options, socket::Selection};
///
/// let options = Options { interfaces: Selection::loopback(), ..Options::default() };
/// assert!(options.host_name.is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The interfaces to use; by default all that lead to neighbours. It is asked anew whenever interfaces change.
    pub interfaces: Selection,
    /// The name of this host, one label without `.local`. It is claimed when something is first advertised on it.
    ///
    /// By default the system's name; where another stack has port 5353 already, and may claim that name, with four random
    /// letters after it.
    pub host_name: Option<String>,
    /// Bounds and habits of the core.
    pub config: Config,
}

impl Options {
    /// Loopback alone, on IPv4: for tests and demonstrations.
    pub fn loopback() -> Self {
        Options {
            interfaces: Selection::loopback(),
            ..Options::default()
        }
    }
}

/// A service to be advertised.
///
/// ```
/// use mdns_driver::{Announcement, socket::Selection};
///
/// let ipp = "_ipp._tcp".parse()?;
/// let printer = Announcement { subtypes: vec!["_universal".into()], ..Announcement::new("Front Desk", ipp, 631) };
/// let for_the_office = Announcement { interfaces: Some(Selection::none().with_name("en*")?), ..printer };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The name people see: 1 to 63 bytes of text, any characters but ASCII control (RFC 6763 §4.1.1).
    pub instance: String,
    /// What it speaks.
    pub service_type: ServiceType,
    /// The port it listens on.
    pub port: u16,
    /// What else a client should know (RFC 6763 §6).
    pub txt: TxtVec,
    /// Subtypes under which it is found too (RFC 6763 §7.1).
    pub subtypes: Vec<String>,
    /// The types of its family that it does not speak, and under which nobody else may have its name: `_printer._tcp` for a
    /// printer without LPR (RFC 6763 §8).
    pub placeholders: Vec<ServiceType>,
    /// The name of the host it runs on, one label without `.local`; by default this host's. Another name is claimed for the
    /// addresses of this host too, as long as a service is on it.
    pub host: Option<String>,
    /// The interfaces on which it is offered, among those that the host uses; by default all of them. It is asked anew
    /// whenever interfaces change: taken off an interface the service says goodbye there.
    pub interfaces: Option<Selection>,
}

impl Announcement {
    /// A service without TXT data and subtypes on this host.
    pub fn new(instance: impl Into<String>, service_type: ServiceType, port: u16) -> Self {
        Announcement {
            instance: instance.into(),
            service_type,
            port,
            txt: TxtVec::new(),
            subtypes: Vec::new(),
            placeholders: Vec::new(),
            host: None,
            interfaces: None,
        }
    }
}

/// How many letters tell this host from the one that another stack calls so.
const LETTERS: usize = 4;

/// The host name to begin with. `chance` is for the letters alone: they are shown to everybody.
pub(crate) fn host_name(system: Option<&str>, is_alone: bool, chance: u32) -> String {
    const ROOM: usize = mdns_proto::name::LABEL_MAX - LETTERS - 1;
    let base = system.filter(|name| check_host(name).is_ok());
    match (base, is_alone) {
        (Some(name), true) => name.to_owned(),
        (base, _) => {
            let base = cut_label(base.unwrap_or("host"), ROOM).trim_end_matches('-');
            format!("{base}-{}", letters(chance))
        }
    }
}

fn letters(mut chance: u32) -> String {
    let letter = |_| {
        let place = chance % 26;
        chance /= 26;
        char::from_u32(u32::from('a') + place).unwrap_or('x')
    };
    (0..LETTERS).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_a_host_has_the_name_of_the_system() {
        assert_eq!(host_name(Some("attic"), true, 0), "attic");
    }

    #[test]
    fn beside_another_stack_it_has_letters_after_it() {
        assert_eq!(host_name(Some("attic"), false, 0), "attic-aaaa");
        assert_eq!(host_name(Some("attic"), false, 1 + 26 * 25), "attic-bzaa");
    }

    #[test]
    fn what_is_no_name_is_not_taken() {
        for system in [None, Some("my_host"), Some("")] {
            assert_eq!(host_name(system, true, 0), "host-aaaa");
        }
    }

    #[test]
    fn the_letters_find_room() {
        for system in [
            "a".repeat(63),
            format!("{}-bbbbb", "a".repeat(57)),
            "ü".repeat(31),
        ] {
            let name = host_name(Some(&system), false, u32::MAX);
            assert!(check_host(&name).is_ok(), "{name}");
        }
    }
}
