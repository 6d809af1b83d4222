//! A host, as a test holds it.

use std::{cell::RefCell, collections::BTreeMap, fmt, net::IpAddr, rc::Rc};

use ipv4ll::Policy;
use mdns_proto::{
    discovery::{AddressKind, AskError, AskId, Span},
    host::{Host as Core, Storage},
    link::{Family, LinkId},
    name::{NameBuf, ServiceType},
    own::Service,
    stats::Stats,
    time::Instant,
    wire::{RecordType, TxtVec},
};

use crate::{
    Segment,
    node::{Power, Sends},
    world::World,
};

/// A handle to a host of a [`Net`](crate::Net).
///
/// Every method does one thing to it, at the present time, and then what the contract asks for. Names are text; `.local` may be
/// left out. Methods that change something give a handle back, so that they can be written one after another.
///
/// # Panics
/// All methods that take names, if the core refuses what the test wants.
pub struct Host<S: Storage> {
    pub(crate) world: Rc<RefCell<World<S>>>,
    pub(crate) index: usize,
}

impl<S: Storage> Host<S> {
    // --- the network ---

    /// Attaches it to a segment, with an IPv4 address.
    pub fn attach(&self, segment: &Segment<S>) -> Self {
        self.world
            .borrow_mut()
            .attach(self.index, segment.index, &[Family::V4]);
        self.clone()
    }

    /// Gives all of its interfaces an IPv6 address, too.
    pub fn dual_stack(&self) -> Self {
        let mut world = self.world.borrow_mut();
        for interface in 0..world.stations[self.index].interfaces.len() {
            world.add_family(self.index, interface, Family::V6);
        }
        drop(world);
        self.clone()
    }

    /// Gives its first interface another IPv4 address in the place of the one it has, and says which.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mdns_sim::Net;
    ///
    /// let mut net = Net::seeded(7);
    /// let hall = net.host("hall");
    /// net.run_for(Duration::from_secs(5));
    /// net.skip();
    /// let address = hall.change_address();
    /// net.run_for(Duration::from_secs(5));
    /// assert_eq!(hall.addresses(), [address]);
    /// assert!(net.transcript().contains(&format!("hall A! {address}")));
    /// ```
    ///
    /// # Panics
    /// If it is not attached to anything.
    pub fn change_address(&self) -> IpAddr {
        self.note("moves");
        self.world.borrow_mut().change_address(self.index)
    }

    /// All addresses it has.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let world = self.world.borrow();
        let interfaces = world.stations[self.index].interfaces.iter();
        interfaces
            .flat_map(|interface| &interface.addresses)
            .map(|subnet| subnet.address)
            .collect()
    }

    /// The link on the first segment, over IPv4.
    pub fn link(&self) -> Option<LinkId> {
        self.links().next()
    }

    fn links(&self) -> impl Iterator<Item = LinkId> {
        let world = self.world.borrow();
        let interfaces = world.stations[self.index].interfaces.iter();
        let links: Vec<_> = interfaces
            .flat_map(|interface| interface.links)
            .flatten()
            .collect();
        links.into_iter()
    }

    /// Pulls all cables. The host notices.
    pub fn link_down(&self) {
        self.set_up(false);
        for link in self.links() {
            self.with(|core, now| core.link_down(now, link));
        }
        self.note("is down");
        let mut world = self.world.borrow_mut();
        let now = world.now;
        for machine in world.machines(self.index) {
            machine.link_down(now);
        }
        world.drain(self.index);
    }

    /// Puts all cables back. The host notices.
    pub fn link_up(&self) {
        self.note("is up");
        self.set_up(true);
        if self.claims_address() {
            // Its links come up with the address.
            let mut world = self.world.borrow_mut();
            let now = world.now;
            for machine in world.machines(self.index) {
                machine.link_up(now);
            }
            world.drain(self.index);
            return;
        }
        for link in self.links() {
            self.with(|core, now| core.link_up(now, link));
        }
    }

    fn claims_address(&self) -> bool {
        self.world
            .borrow_mut()
            .machines(self.index)
            .next()
            .is_some()
    }

    /// Sets what it does at the next conflict about the address that it claims itself.
    pub fn set_address_policy(&self, policy: Policy) {
        self.world
            .borrow_mut()
            .set_address_policy(self.index, policy);
    }

    /// Is heard by all hosts at its segment, as when it talks to any of them: it sends an ARP request.
    pub fn talk(&self) {
        self.world.borrow_mut().talk(self.index);
    }

    /// ARP frames that it has sent.
    pub fn arp_frames(&self) -> u32 {
        self.world.borrow().stations[self.index].frames
    }

    /// How often it has lost an address that it had claimed.
    pub fn address_losses(&self) -> u32 {
        self.world.borrow().stations[self.index].losses
    }

    fn set_up(&self, is_up: bool) {
        for interface in &mut self.world.borrow_mut().stations[self.index].interfaces {
            interface.is_up = is_up;
        }
    }

    /// Sets whether its sockets take datagrams.
    pub fn set_writable(&self, is_writable: bool) {
        self.world.borrow_mut().node(self.index).sends = if is_writable {
            Sends::Work
        } else {
            Sends::Blocked
        };
        for link in self.links() {
            self.with(|core, _| core.set_writable(link, is_writable));
        }
    }

    /// Sets whether every datagram it sends is an error of the socket.
    pub fn fail_sends(&self, fails: bool) {
        self.world.borrow_mut().node(self.index).sends =
            if fails { Sends::Fail } else { Sends::Work };
    }

    /// The machine sleeps: it hears nothing and does nothing.
    pub fn sleep(&self) {
        self.note("sleeps");
        self.world.borrow_mut().node(self.index).power = Power::Asleep;
    }

    /// The machine wakes, and knows that it has slept.
    pub fn wake(&self) {
        self.note("wakes");
        self.world.borrow_mut().node(self.index).power = Power::Awake;
        let mut world = self.world.borrow_mut();
        let now = world.now;
        for machine in world.machines(self.index) {
            // RFC 3927 §2.2: the link may be another.
            machine.link_down(now);
            machine.link_up(now);
        }
        drop(world);
        self.with(|core, now| {
            core.resumed(now);
            core.handle_timeout(now);
        });
    }

    /// It loses its power: no goodbye, and it does not come back.
    pub fn crash(&self) {
        self.note("crashes");
        self.set_up(false);
        self.world.borrow_mut().node(self.index).power = Power::Off;
    }

    fn note(&self, verb: &'static str) {
        self.world
            .borrow_mut()
            .note(Some(self.index), verb, String::new());
    }

    // --- what is its own ---

    /// Advertises a service.
    pub fn advertise(&self, instance: &str, service_type: &str, port: u16) -> Self {
        self.advertise_with(instance, service_type, port, &[], &[])
    }

    /// Advertises a service with attributes, such as `paper=A4`, and subtypes.
    pub fn advertise_with(
        &self,
        instance: &str,
        service_type: &str,
        port: u16,
        txt: &[&str],
        subtypes: &[&str],
    ) -> Self {
        let parsed: ServiceType = service_type
            .parse()
            .unwrap_or_else(|error| panic!("{service_type}: {error}"));
        let txt = attributes(txt);
        let service = Service {
            txt: txt.as_txt(),
            subtypes,
            ..Service::new(instance, &parsed, port)
        };
        let id = self.with(|core, now| core.register(now, &service));
        let id = id.unwrap_or_else(|error| panic!("{instance}: {error}"));
        let mut world = self.world.borrow_mut();
        world.types.insert(service_type.to_owned());
        let node = world.node(self.index);
        node.services.push((instance.to_owned(), id));
        node.named(id, format!("{instance}.{service_type}.local"));
        drop(world);
        self.clone()
    }

    /// Withdraws a service, by the name it was advertised with.
    pub fn withdraw(&self, instance: &str) -> Self {
        let mut world = self.world.borrow_mut();
        let services = &mut world.node(self.index).services;
        let at = services.iter().position(|(name, _)| name == instance);
        let (_, id) = services.remove(at.unwrap_or_else(|| panic!("{instance} is not advertised")));
        world.node(self.index).owned.remove(&id);
        world.act(self.index, |core, now| core.withdraw(now, id));
        drop(world);
        self.clone()
    }

    /// Replaces the attributes of a service, by the name it was advertised with.
    pub fn update_txt(&self, instance: &str, txt: &[&str]) -> Self {
        let found = self
            .world
            .borrow_mut()
            .node(self.index)
            .services
            .iter()
            .find(|(name, _)| name == instance)
            .cloned();
        let (_, id) = found.unwrap_or_else(|| panic!("{instance} is not advertised"));
        let txt = attributes(txt);
        let updated = self.with(|core, now| core.update_txt(now, id, txt.as_txt()));
        updated.unwrap_or_else(|error| panic!("{instance}: {error}"));
        self.clone()
    }

    /// Withdraws everything.
    pub fn shutdown(&self) {
        self.world.borrow_mut().node(self.index).owned.clear();
        self.with(|core, now| core.shutdown(now));
    }

    /// The name of the host as it is now, such as `hall-2.local`; none after a shutdown.
    pub fn name(&self) -> Option<String> {
        self.world.borrow_mut().node(self.index).host_name()
    }

    /// Whether the name of the host is won.
    pub(crate) fn owns_name(&self) -> bool {
        self.world.borrow_mut().node(self.index).owns_host
    }

    /// Full names of services that are won or wanted.
    pub(crate) fn wanted_services(&self) -> Vec<String> {
        let mut world = self.world.borrow_mut();
        let node = world.node(self.index);
        let names = node
            .services
            .iter()
            .filter_map(|(_, id)| node.core.service_name(*id));
        names.map(|name| name.to_string()).collect()
    }

    /// Full names of services that are won.
    pub fn services(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .world
            .borrow_mut()
            .node(self.index)
            .owned
            .values()
            .cloned()
            .collect();
        names.sort();
        names
    }

    // --- what it wants to know ---

    /// Looks for instances of a type or subtype.
    pub fn browse(&self, service_type: &str) -> Self {
        let name = local(service_type);
        let base = service_type
            .rsplit_once("_sub.")
            .map_or(service_type, |(_, base)| base);
        self.world.borrow_mut().types.insert(base.to_owned());
        self.ask(service_type, |core, now| core.browse(now, name.as_name()))
    }

    /// Looks for service types. It is stopped by the words `service types`.
    pub fn browse_types(&self) -> Self {
        self.ask("service types", |core, now| core.browse_types(now))
    }

    /// Resolves an instance.
    pub fn resolve(&self, instance: &str) -> Self {
        let name = local(instance);
        self.ask(instance, |core, now| core.resolve(now, name.as_name()))
    }

    /// Looks up the addresses of a host.
    pub fn lookup(&self, host: &str) -> Self {
        let name = local(host);
        self.ask(host, |core, now| {
            core.lookup_host(now, name.as_name(), AddressKind::Both)
        })
    }

    /// Asks once for records of one type.
    pub fn query(&self, name: &str, rtype: RecordType) -> Self {
        let name_buf = local(name);
        self.ask(&format!("{name} {rtype}"), |core, now| {
            core.query(now, name_buf.as_name(), rtype, Span::OneShot)
        })
    }

    /// Asks for records of one type until it is stopped.
    pub fn watch(&self, name: &str, rtype: RecordType) -> Self {
        let name_buf = local(name);
        self.ask(&format!("{name} {rtype}"), |core, now| {
            core.query(now, name_buf.as_name(), rtype, Span::Continuous)
        })
    }

    /// Ends what was asked for in these words.
    pub fn stop(&self, what: &str) -> Self {
        let mut world = self.world.borrow_mut();
        let node = world.node(self.index);
        let at = node.asks.iter().position(|(name, _)| name == what);
        let (_, id) = node
            .asks
            .remove(at.unwrap_or_else(|| panic!("{what} is not asked for")));
        node.found.remove(&id);
        node.resolved.remove(&id);
        world.act(self.index, |core, now| core.stop(now, id));
        drop(world);
        self.clone()
    }

    fn ask(
        &self,
        what: &str,
        ask: impl FnOnce(&mut Core<S>, Instant) -> Result<AskId, AskError>,
    ) -> Self {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        let node = world.node(self.index);
        let id = node.core.call(|core| ask(core, now));
        let id = id.unwrap_or_else(|error| panic!("{what}: {error}"));
        // Before events are taken: they are told by this name.
        node.asks.push((what.to_owned(), id));
        world.drain(self.index);
        drop(world);
        self.clone()
    }

    /// What its browses have found: full names, with what is known of them.
    pub fn found(&self) -> BTreeMap<String, String> {
        self.world
            .borrow_mut()
            .node(self.index)
            .found
            .values()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// What its resolves say: full names, with what is known of them.
    pub fn resolved(&self) -> BTreeMap<String, String> {
        let mut world = self.world.borrow_mut();
        let resolved = world.node(self.index).resolved.values();
        resolved.cloned().collect()
    }

    // --- inside ---

    /// What was counted on its first link.
    pub fn stats(&self) -> Stats {
        let link = self.link();
        let mut world = self.world.borrow_mut();
        link.and_then(|link| world.node(self.index).core.stats(link))
            .unwrap_or_default()
    }

    /// Does anything else to the machine itself; what the contract asks for follows.
    pub fn with<T>(&self, verb: impl FnOnce(&mut Core<S>, Instant) -> T) -> T {
        self.world.borrow_mut().act(self.index, verb)
    }
}

impl<S: Storage> Clone for Host<S> {
    fn clone(&self) -> Self {
        Host {
            world: Rc::clone(&self.world),
            index: self.index,
        }
    }
}

impl<S: Storage> fmt::Debug for Host<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// A name, put under `.local` if it is not in any zone.
fn local(text: &str) -> NameBuf {
    let is_whole = text.ends_with(".local") || text.ends_with(".arpa");
    let whole = if is_whole {
        text.to_owned()
    } else {
        format!("{text}.local")
    };
    whole
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn attributes(strings: &[&str]) -> TxtVec {
    let mut txt = TxtVec::new();
    for string in strings {
        let (key, value) = string
            .split_once('=')
            .map_or((*string, None), |(key, value)| {
                (key, Some(value.as_bytes()))
            });
        txt.push(key, value)
            .unwrap_or_else(|error| panic!("{string}: {error}"));
    }
    txt
}
