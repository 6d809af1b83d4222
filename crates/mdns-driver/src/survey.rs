//! A look at the interfaces, and what selections say of them.
//!
//! Predicates of a selection are code of the application. They may call a handle, which locks the driver; so they are asked
//! apart, while the driver is not locked, and what they said is brought to it.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use mdns_proto::{link::Family, own::ServiceId};
use mdns_socket::{Interface, Selection, Unused, interfaces};

/// The interfaces, and what the selections of the host and of its services say of them.
#[derive(Debug)]
pub(crate) struct Survey {
    interfaces: io::Result<Vec<Interface>>,
    /// Whether the host uses a link.
    checks: HashMap<(u32, Family), Result<(), Unused>>,
    /// The services that are for some interfaces only, each with those it is for.
    services: HashMap<ServiceId, Wanted>,
    /// Dropped with the rest, when the driver is not locked.
    _selections: Vec<(ServiceId, Selection)>,
}

impl Survey {
    /// Asks the system and the selections: of the host, and of services that have one.
    pub(crate) fn new(selection: &Selection, services: Vec<(ServiceId, Selection)>) -> Self {
        let interfaces = interfaces();
        let seen = interfaces.as_deref().unwrap_or_default();
        let links = || {
            seen.iter()
                .flat_map(|found| Family::ALL.map(|family| (found, family)))
        };
        Survey {
            checks: links()
                .map(|(found, family)| ((found.index, family), selection.check(found, family)))
                .collect(),
            services: services
                .iter()
                .map(|(service, selection)| (*service, Wanted::new(selection, seen)))
                .collect(),
            interfaces,
            _selections: services,
        }
    }

    /// The interfaces there are, once.
    ///
    /// # Errors
    /// The system did not tell them.
    pub(crate) fn take_interfaces(&mut self) -> io::Result<Vec<Interface>> {
        std::mem::replace(&mut self.interfaces, Ok(Vec::new()))
    }

    /// Whether the host uses a link.
    pub(crate) fn check(&self, interface: u32, family: Family) -> Result<(), Unused> {
        let found = self.checks.get(&(interface, family));
        found.copied().unwrap_or(Err(Unused::Unwanted))
    }

    /// The links that the host uses.
    pub(crate) fn usable(&self) -> HashSet<(u32, Family)> {
        let used = self.checks.iter().filter(|(_, check)| check.is_ok());
        used.map(|(link, _)| *link).collect()
    }

    /// What a service is for; `None` if its selection was not asked.
    pub(crate) fn of_service(&self, service: ServiceId) -> Option<&Wanted> {
        self.services.get(&service)
    }
}

/// The links that a selection wants, in whatever state they are.
#[derive(Debug)]
pub(crate) struct Wanted(HashSet<(u32, Family)>);

impl Wanted {
    /// Asks a selection.
    pub(crate) fn new(selection: &Selection, seen: &[Interface]) -> Self {
        let links = seen
            .iter()
            .flat_map(|found| Family::ALL.map(|family| (found, family)));
        let wanted = links.filter(|(found, family)| selection.wants(found, *family).is_ok());
        Wanted(
            wanted
                .map(|(found, family)| (found.index, family))
                .collect(),
        )
    }

    /// All of them.
    #[cfg(all(unix, feature = "daemon"))]
    pub(crate) fn links(&self) -> HashSet<(u32, Family)> {
        self.0.clone()
    }

    /// Whether a link is among them.
    pub(crate) fn contains(&self, interface: u32, family: Family) -> bool {
        self.0.contains(&(interface, family))
    }
}
