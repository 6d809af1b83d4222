//! Which interfaces to use, and why not the others.

use std::fmt;
use std::sync::Arc;

use glob::Pattern;

use crate::{Family, Interface};

/// How the host's ends of container links are named; nobody but this host and its containers is
/// there.
///
/// Only names tell: inside a container the other end is an ordinary `eth0`, and is used.
const CONTAINERS: [&str; 7] = [
    "veth*",
    "docker*",
    "podman*",
    "cni[0-9-]*",
    "cali*",
    "flannel*",
    "br-????????????",
];

/// Which interfaces to use.
///
/// An interface is used if any rule wants it and none refuses it, and while it is up, connected,
/// able to multicast and has a ready address of the family. So a selection is asked anew whenever
/// interfaces change.
///
/// ```
/// use mdns_socket::{Family, Selection, interfaces};
///
/// let usual = Selection::usual();
/// let wired = Selection::none().with_name("en*")?.with_name("eth*")?.without_name("eth7")?;
/// let and_a_tunnel = Selection::usual().with_name("wg0")?.only(Family::V4);
/// let fast = Selection::none().with(|interface| interface.mtu > 8000);
///
/// for interface in &interfaces()? {
///     if let Err(why) = usual.check(interface, Family::V4) {
///         println!("{} is not used: {why}", interface.name);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Two selections are equal if they have the same rules in the same order; predicates are the same only if one is a clone of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    wanted: Vec<Rule>,
    refused: Vec<Pattern>,
    /// The one family to use; both if `None`.
    only: Option<Family>,
}

#[derive(Clone)]
enum Rule {
    /// Neither loopback nor point-to-point nor a container's.
    Usual,
    Loopback,
    Name(Pattern),
    Index(u32),
    Predicate(Arc<dyn Fn(&Interface) -> bool + Send + Sync>),
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Rule::Usual, Rule::Usual) | (Rule::Loopback, Rule::Loopback) => true,
            (Rule::Name(one), Rule::Name(two)) => one == two,
            (Rule::Index(one), Rule::Index(two)) => one == two,
            (Rule::Predicate(one), Rule::Predicate(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

/// Why an interface, or one family of it, is not used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unused {
    /// The selection does not want this family.
    FamilyUnwanted,
    /// No rule wants it, or one refuses it.
    Unwanted,
    /// It is loopback, which only [`Selection::loopback`] or its name asks for.
    Loopback,
    /// It is point-to-point, a tunnel or VPN, and is used only if named.
    PointToPoint,
    /// It is the host's end of a container's link, and is used only if named.
    Container,
    /// It is switched off.
    Down,
    /// It is not connected.
    NoCarrier,
    /// It cannot multicast; loopback cannot on IPv6.
    NoMulticast,
    /// It has no address of the family that is ready.
    NoAddress,
}

/// A pattern that is none.
#[derive(Debug)]
pub struct PatternError {
    pattern: String,
    source: glob::PatternError,
}

impl Default for Selection {
    fn default() -> Self {
        Selection::usual()
    }
}

impl Selection {
    /// All that lead to neighbours: not loopback, not point-to-point links, not the host's ends of
    /// container links (`veth*`, `docker*`, `podman*`, `cni*`, `cali*`, `flannel*`, `br-` and
    /// twelve characters).
    pub fn usual() -> Self {
        Selection {
            wanted: vec![Rule::Usual],
            ..Selection::none()
        }
    }

    /// Loopback alone: this host hears itself, on IPv4. For tests and demonstrations.
    pub fn loopback() -> Self {
        Selection {
            wanted: vec![Rule::Loopback],
            ..Selection::none()
        }
    }

    /// No interface, to add to.
    pub fn none() -> Self {
        Selection {
            wanted: Vec::new(),
            refused: Vec::new(),
            only: None,
        }
    }

    /// Adds interfaces by name, in which `*` stands for any text, `?` for one character, `[a-c]`
    /// for one of some.
    ///
    /// # Errors
    ///
    /// When the pattern is malformed, for instance `eth[`.
    pub fn with_name(mut self, pattern: &str) -> Result<Self, PatternError> {
        self.wanted.push(Rule::Name(parse(pattern)?));
        Ok(self)
    }

    /// Adds the interface of this index.
    pub fn with_index(mut self, index: u32) -> Self {
        self.wanted.push(Rule::Index(index));
        self
    }

    /// Adds the interfaces for which the predicate holds.
    pub fn with(mut self, predicate: impl Fn(&Interface) -> bool + Send + Sync + 'static) -> Self {
        self.wanted.push(Rule::Predicate(Arc::new(predicate)));
        self
    }

    /// Refuses interfaces by name, whatever wants them.
    ///
    /// # Errors
    ///
    /// As [`with_name`](Self::with_name).
    pub fn without_name(mut self, pattern: &str) -> Result<Self, PatternError> {
        self.refused.push(parse(pattern)?);
        Ok(self)
    }

    /// Uses one family instead of both.
    pub fn only(mut self, family: Family) -> Self {
        self.only = Some(family);
        self
    }

    /// The links to use now.
    pub fn links<'a>(
        &'a self,
        interfaces: &'a [Interface],
    ) -> impl Iterator<Item = (&'a Interface, Family)> {
        interfaces
            .iter()
            .flat_map(|interface| Family::ALL.map(|family| (interface, family)))
            .filter(|(interface, family)| self.check(interface, *family).is_ok())
    }

    /// Whether a link is to be used now.
    ///
    /// # Errors
    ///
    /// The first reason why not: what is not wanted comes before what is not possible.
    pub fn check(&self, interface: &Interface, family: Family) -> Result<(), Unused> {
        self.wants(interface, family)?;
        can_be_used(interface, family)
    }

    /// Whether a link is wanted, in whatever state it is: what a service for some interfaces asks.
    ///
    /// # Errors
    ///
    /// The reason why it is not.
    pub fn wants(&self, interface: &Interface, family: Family) -> Result<(), Unused> {
        if self.only.is_some_and(|only| only != family) {
            return Err(Unused::FamilyUnwanted);
        }
        if self
            .refused
            .iter()
            .any(|pattern| pattern.matches(&interface.name))
        {
            return Err(Unused::Unwanted);
        }
        let mut answer = Err(Unused::Unwanted);
        for rule in &self.wanted {
            match rule.wants(interface) {
                Ok(()) => return Ok(()),
                Err(Unused::Unwanted) => {}
                Err(why) => answer = Err(why),
            }
        }
        answer
    }
}

/// Whether mDNS is possible there now, wanted or not.
fn can_be_used(interface: &Interface, family: Family) -> Result<(), Unused> {
    // Linux does not flag `lo` as able to multicast. On IPv4 it is all the same, on IPv6 the group
    // is unreachable.
    let can_multicast = interface.is_multicast || (interface.is_loopback && family == Family::V4);
    if !interface.is_up {
        Err(Unused::Down)
    } else if !interface.has_carrier {
        Err(Unused::NoCarrier)
    } else if !can_multicast {
        Err(Unused::NoMulticast)
    } else if interface.ready(family).next().is_none() {
        Err(Unused::NoAddress)
    } else {
        Ok(())
    }
}

impl Rule {
    fn wants(&self, interface: &Interface) -> Result<(), Unused> {
        let wanted = match self {
            Rule::Usual if interface.is_loopback => return Err(Unused::Loopback),
            Rule::Usual if interface.is_point_to_point => return Err(Unused::PointToPoint),
            Rule::Usual if is_container_end(&interface.name) => return Err(Unused::Container),
            Rule::Usual => true,
            Rule::Loopback => interface.is_loopback,
            Rule::Name(pattern) => pattern.matches(&interface.name),
            Rule::Index(index) => *index == interface.index,
            Rule::Predicate(predicate) => predicate(interface),
        };
        if wanted {
            Ok(())
        } else {
            Err(Unused::Unwanted)
        }
    }
}

fn is_container_end(name: &str) -> bool {
    CONTAINERS
        .iter()
        .filter_map(|text| Pattern::new(text).ok())
        .any(|pattern| pattern.matches(name))
}

fn parse(pattern: &str) -> Result<Pattern, PatternError> {
    Pattern::new(pattern).map_err(|source| PatternError {
        pattern: pattern.to_owned(),
        source,
    })
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Usual => f.write_str("Usual"),
            Rule::Loopback => f.write_str("Loopback"),
            Rule::Name(pattern) => write!(f, "Name({:?})", pattern.as_str()),
            Rule::Index(index) => write!(f, "Index({index})"),
            Rule::Predicate(_) => f.write_str("Predicate(..)"),
        }
    }
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unused::FamilyUnwanted => "this IP family is not wanted",
            Unused::Unwanted => "it is not selected",
            Unused::Loopback => "it is loopback; select it by name to use it",
            Unused::PointToPoint => "it is a point-to-point link; select it by name to use it",
            Unused::Container => {
                "it is the host's end of a container's link; select it by name to use it"
            }
            Unused::Down => "it is down",
            Unused::NoCarrier => "it is not connected",
            Unused::NoMulticast => "it cannot multicast",
            Unused::NoAddress => "it has no address that is ready",
        })
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PatternError { pattern, source } = self;
        write!(
            f,
            "interface pattern {pattern:?} is malformed at character {}: {}",
            source.pos + 1,
            source.msg
        )
    }
}

impl std::error::Error for PatternError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::tests::ethernet;

    fn names(selection: &Selection, interfaces: &[Interface]) -> Vec<(String, Family)> {
        selection
            .links(interfaces)
            .map(|(interface, family)| (interface.name.clone(), family))
            .collect()
    }

    fn loopback() -> Interface {
        let lo = ethernet(1, "lo", &["127.0.0.1/8", "::1/128"]);
        Interface {
            is_loopback: true,
            is_multicast: false,
            ..lo
        }
    }

    fn tunnel() -> Interface {
        Interface {
            is_point_to_point: true,
            has_link_local_route: false,
            ..ethernet(9, "wg0", &["10.8.0.2/24"])
        }
    }

    #[test]
    fn the_usual_ones_lead_to_neighbours() {
        let veth = ethernet(5, "veth12ab", &["fe80::5/64"]);
        let all = [
            loopback(),
            ethernet(2, "eth0", &["10.0.0.2/8", "fe80::2/64"]),
            veth,
            tunnel(),
        ];
        assert_eq!(
            names(&Selection::usual(), &all),
            [
                ("eth0".to_owned(), Family::V4),
                ("eth0".to_owned(), Family::V6)
            ]
        );
    }

    #[test]
    fn the_reason_names_what_the_interface_is() {
        let usual = Selection::usual();
        let why = |interface: Interface| usual.check(&interface, Family::V4).expect_err("not used");
        assert_eq!(why(loopback()), Unused::Loopback);
        assert_eq!(why(tunnel()), Unused::PointToPoint);
        assert_eq!(
            why(ethernet(3, "docker0", &["172.17.0.1/16"])),
            Unused::Container
        );
        assert_eq!(
            why(Interface {
                is_up: false,
                ..ethernet(2, "eth0", &["10.0.0.2/8"])
            }),
            Unused::Down
        );
        assert_eq!(
            why(Interface {
                has_carrier: false,
                ..ethernet(2, "eth0", &["10.0.0.2/8"])
            }),
            Unused::NoCarrier
        );
        assert_eq!(
            why(Interface {
                is_multicast: false,
                ..ethernet(2, "eth0", &["10.0.0.2/8"])
            }),
            Unused::NoMulticast
        );
        assert_eq!(why(ethernet(2, "eth0", &["fe80::2/64"])), Unused::NoAddress);
    }

    #[test]
    fn a_container_end_is_known_by_its_name() {
        for name in [
            "veth0",
            "docker0",
            "docker_gwbridge",
            "br-0123456789ab",
            "cali01234567890",
            "cni0",
            "cni-podman0",
        ] {
            assert!(is_container_end(name), "{name}");
        }
        for name in [
            "eth0", "br0", "br-lan", "bridge0", "virbr0", "wlan0", "calm0", "cnix",
        ] {
            assert!(!is_container_end(name), "{name}");
        }
    }

    #[test]
    fn what_is_named_is_used_though_unusual() {
        let all = [loopback(), ethernet(2, "eth0", &["10.0.0.2/8"]), tunnel()];
        let named = Selection::usual().with_name("wg?").expect("a pattern");
        assert_eq!(
            names(&named, &all),
            [
                ("eth0".to_owned(), Family::V4),
                ("wg0".to_owned(), Family::V4)
            ]
        );
        let by_index = Selection::none().with_index(9);
        assert_eq!(names(&by_index, &all), [("wg0".to_owned(), Family::V4)]);
        let by_predicate = Selection::none().with(|interface| interface.name.ends_with('0'));
        assert_eq!(names(&by_predicate, &all).len(), 2);
    }

    #[test]
    fn refusing_is_stronger_than_wanting() {
        let all = [
            ethernet(2, "eth0", &["10.0.0.2/8"]),
            ethernet(3, "eth1", &["10.1.0.2/8"]),
        ];
        let selection = Selection::usual()
            .with_index(3)
            .without_name("eth1")
            .expect("a pattern");
        assert_eq!(names(&selection, &all), [("eth0".to_owned(), Family::V4)]);
        assert_eq!(selection.wants(&all[1], Family::V4), Err(Unused::Unwanted));
    }

    #[test]
    fn loopback_is_used_on_ipv4_alone() {
        let all = [loopback(), ethernet(2, "eth0", &["10.0.0.2/8"])];
        assert_eq!(
            names(&Selection::loopback(), &all),
            [("lo".to_owned(), Family::V4)]
        );
        assert_eq!(
            Selection::loopback().check(&all[0], Family::V6),
            Err(Unused::NoMulticast)
        );
    }

    #[test]
    fn one_family_can_be_left_out() {
        let all = [ethernet(2, "eth0", &["10.0.0.2/8", "fe80::2/64"])];
        assert_eq!(
            names(&Selection::usual().only(Family::V6), &all),
            [("eth0".to_owned(), Family::V6)]
        );
    }

    #[test]
    fn a_malformed_pattern_is_told_with_its_place() {
        let error = Selection::none().with_name("eth[").expect_err("no pattern");
        assert_eq!(
            error.to_string(),
            r#"interface pattern "eth[" is malformed at character 4: invalid range pattern"#
        );
    }
}
