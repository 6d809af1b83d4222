//! What the owner of a driver chooses, and what can be advertised.

use mdns_proto::{
    config::Config,
    host::Host,
    name::{LABEL_MAX, ServiceType, check_host, cut_label},
    own::RegisterError,
    store::Heap,
    time::Instant,
    wire::TxtVec,
};
use mdns_socket::Selection;

use crate::{
    Backend,
    ours::{Ours, precomposed},
};

/// Which interfaces, which host name, which bounds.
///
/// ```
/// use mdns_driver::{Options, socket::Selection};
///
/// let options = Options { interfaces: Selection::loopback(), ..Options::default() };
/// assert!(options.host_name.is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The interfaces to use; by default all that lead to neighbours. It is asked anew whenever interfaces change.
    pub interfaces: Selection,
    /// The name of this host, one label without `.local`. It is claimed when something is first advertised on it.
    ///
    /// By default the first label of the system's name, in which a hyphen takes the place of what no host name may have, cut to 63
    /// bytes. Where another stack on this host has the mDNS port already, and with it that name, four letters follow; so they do after
    /// `host` where the system has no name. They are a hash of the machine's identity ([`machine_id`](mdns_socket::machine_id)), so
    /// the name is the same at each start.
    pub host_name: Option<String>,
    /// Who asks and publishes: our own sockets, or a daemon that this host has. Daemons need the feature `daemon`.
    pub backend: Backend,
    /// Bounds and habits of the core.
    pub config: Config,
    /// The most bytes that are kept of all results, told or yet to be told, beside what the core keeps of the network; 64 MiB by default. An instance
    /// takes some 250, and its host as much again and 40 for each address; instances of one host share that.
    ///
    /// What finds no room is told as incomplete, once to each request that misses something: an instance that was told before is told without
    /// details then, a new one is not told, and of addresses and records there are as many as find room. They are told when there is
    /// room and something about them changes, or when they are asked for again.
    pub results_max: usize,
}

/// What is kept of results by default: for more of them than the core knows of by default.
const RESULTS_MAX: usize = 64 << 20;

impl Default for Options {
    fn default() -> Self {
        Options {
            backend: Backend::default(),
            interfaces: Selection::default(),
            host_name: None,
            config: Config::DEFAULT,
            results_max: RESULTS_MAX,
        }
    }
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

impl Options {
    /// Checks that services can be advertised, all of them together, without a socket and without a packet.
    ///
    /// # Errors
    /// The place of the first that cannot, and why.
    ///
    /// ```
    /// use mdns_driver::{Announcement, Options};
    ///
    /// let desk = Announcement::new("Front Desk", "_http._tcp".parse()?, 80);
    /// assert!(Options::default().check([&desk]).is_ok());
    /// // One name, twice.
    /// assert_eq!(Options::default().check([&desk, &desk]).map_err(|(place, _)| place), Err(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check<'a>(
        &self,
        services: impl IntoIterator<Item = &'a Announcement>,
    ) -> Result<(), (usize, RegisterError)> {
        let mut host = Host::<Heap>::started(self.config, Instant::ZERO, 0);
        let name = self.host_name.as_deref().unwrap_or(NAMELESS);
        let mut ours = Ours::new(precomposed(name));
        for (place, service) in services.into_iter().enumerate() {
            ours.register(Instant::ZERO, &mut host, service)
                .map_err(|error| (place, error))?;
        }
        Ok(())
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

/// The name of a host whose system has none.
const NAMELESS: &str = "host";

/// Returns the host name to begin with, the same at each start.
///
/// `system` is the system's name, and `identity` what tells this machine from others; it is hashed, since everybody is shown the
/// result. The name has letters of it where the system's name is not ours alone, or says nothing.
pub(crate) fn host_name(
    system: Option<&str>,
    is_alone: bool,
    identity: impl FnOnce() -> Option<Vec<u8>>,
) -> String {
    let base = system.map(as_host_name).filter(|name| !name.is_empty());
    match base {
        Some(name) if is_alone => name,
        base => {
            let base = base.as_deref().unwrap_or(NAMELESS);
            // Where nothing is known of the machine, the name is at least another than the one without letters.
            let identity = identity().unwrap_or_else(|| base.into());
            const ROOM: usize = LABEL_MAX - LETTERS - 1;
            let base = cut_label(base, ROOM).trim_end_matches('-');
            format!("{base}-{}", letters(hash(&identity)))
        }
    }
}

/// Text as a host name: precomposed, a hyphen for all in a row that no host name may have (RFC 6762 App. A leaves the
/// choice of characters to the user interface; RFC 1123 §2.1), and not too long. Empty if nothing is left.
fn as_host_name(text: &str) -> String {
    let mut name = String::new();
    for character in precomposed(text).chars() {
        let is_allowed = character == '-'
            || (character != char::REPLACEMENT_CHARACTER
                && check_host(character.encode_utf8(&mut [0; 4])).is_ok());
        if is_allowed {
            name.push(character);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_start_matches('-');
    cut_label(name, LABEL_MAX).trim_end_matches('-').to_owned()
}

/// FNV-1a, which stays the same in every version: names must not change with an update.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn letters(mut hash: u64) -> String {
    // The low bits of FNV are its weakest.
    hash ^= hash >> 32;
    let letter = |_| {
        let place = (hash % 26) as u32;
        hash /= 26;
        char::from_u32(u32::from('a') + place).unwrap_or('x')
    };
    (0..LETTERS).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_name(system: Option<&str>, is_alone: bool, identity: Option<&[u8]>) -> String {
        super::host_name(system, is_alone, || identity.map(<[u8]>::to_vec))
    }

    const ID: Option<&[u8]> = Some(b"0f3d6c1e4a5b4d7e9f00112233445566");

    #[test]
    fn alone_a_host_has_the_name_of_the_system() {
        assert_eq!(host_name(Some("attic"), true, ID), "attic");
        assert_eq!(host_name(Some("xn--bro-hoa"), true, ID), "xn--bro-hoa");
    }

    #[test]
    fn beside_another_stack_it_has_letters_of_the_machine_after_it() {
        let name = host_name(Some("attic"), false, ID);
        assert_eq!(name, host_name(Some("attic"), false, ID));
        assert_ne!(name, host_name(Some("attic"), false, Some(b"another")));
        let letters = name.strip_prefix("attic-").expect("the name");
        assert!(letters.len() == LETTERS && letters.bytes().all(|c| c.is_ascii_lowercase()));
        // Letters that were ever shown to users stay theirs.
        assert_eq!(name, "attic-ciep");
        let unknown = host_name(Some("attic"), false, None);
        assert!(unknown.starts_with("attic-") && unknown.len() == name.len());
    }

    #[test]
    fn what_no_host_name_may_have_is_replaced() {
        for (system, name) in [
            ("host_name", "host-name"),
            ("my host", "my-host"),
            ("Anna's iPad", "Anna-s-iPad"),
            ("_ -x- _", "x"),
            ("B\u{fc}ro", "B\u{fc}ro"),
            ("Bu\u{308}ro", "B\u{fc}ro"),
            ("a\u{fffd}b\0c", "a-b-c"),
        ] {
            assert_eq!(host_name(Some(system), true, ID), name, "{system:?}");
        }
        for system in [None, Some(""), Some("__"), Some("-")] {
            let name = host_name(system, true, ID);
            assert_eq!(name, host_name(system, false, ID));
            assert!(name.starts_with("host-") && name.len() == 9, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_on_a_character() {
        assert_eq!(host_name(Some(&"x".repeat(64)), true, ID), "x".repeat(63));
        for system in [
            "a".repeat(63),
            "\u{fc}".repeat(40),
            format!("{}-bbbbb", "a".repeat(57)),
            format!("{}-b", "a".repeat(62)),
            "\u{6771}".repeat(40),
        ] {
            for is_alone in [true, false] {
                let name = host_name(Some(&system), is_alone, ID);
                assert!(check_host(&name).is_ok() && name.len() > 55, "{name}");
            }
        }
    }
}
