//! What is ours: services, the links that each is for, and the names of the hosts they run on.

use std::{
    collections::{HashMap, HashSet},
    task::Waker,
};

use mdns_proto::{
    host::Host,
    name::{Name, NameBuf, ServiceType},
    own::{HostId, RegisterError, Service, ServiceId},
    store::Heap,
    time::Instant,
    wire::Txt,
};
use mdns_socket::Selection;
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    Announcement,
    links::Links,
    survey::{Survey, Wanted},
    waiting::Deferred,
};

/// Text as it goes into names: precomposed, or the same word typed on two systems would be two names (RFC 6762 §16).
pub(crate) fn precomposed(text: &str) -> String {
    text.nfc().collect()
}

/// News of something advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdvertisementEvent {
    /// It is announced under this name.
    Registered(NameBuf),
    /// Another has the name; this one is tried next.
    Renamed(NameBuf),
    /// The daemon that publishes for us does not publish it, and why; see [`Backend`](crate::Backend). It is tried again when the daemon was
    /// restarted.
    Failed(String),
}

/// What is advertised: a service, or a host by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnId {
    /// A service, and the host it runs on.
    Service(ServiceId),
    /// A host name with the addresses of this host, and nothing else.
    Host(HostId),
}

impl From<ServiceId> for OwnId {
    fn from(service: ServiceId) -> Self {
        OwnId::Service(service)
    }
}

impl From<HostId> for OwnId {
    fn from(host: HostId) -> Self {
        OwnId::Host(host)
    }
}

/// What has changed of a service.
#[cfg_attr(
    not(all(unix, feature = "daemon")),
    expect(dead_code, reason = "for daemons")
)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Update<'a> {
    Txt(Txt<'a>),
    Port(u16),
    Subtypes(&'a [String]),
}

/// Something that is advertised.
#[derive(Debug)]
struct Advertised {
    name: NameBuf,
    /// The host that a service runs on; a host is its own.
    host: HostId,
    /// The interfaces that a service is for; `None` for all.
    interfaces: Option<Selection>,
    is_registered: bool,
    is_news: bool,
    waker: Option<Waker>,
    /// Why a daemon does not publish it, if it does not.
    failed: Option<String>,
    /// What a daemon is given of a service.
    #[cfg(all(unix, feature = "daemon"))]
    given: Option<Box<crate::given::Given>>,
}

/// All that is advertised, and the hosts it runs on.
#[derive(Debug)]
pub(crate) struct Ours {
    /// The name of this host as it was asked for, and its number once something is advertised on it.
    main_host: (String, Option<HostId>),
    #[cfg(all(unix, feature = "daemon"))]
    daemon_host: crate::given::DaemonHost,
    /// Other names that were asked for. Each has something advertised on it.
    extra_hosts: Vec<(String, HostId)>,
    /// The hosts whose names are won.
    won_hosts: HashSet<HostId>,
    advertised: HashMap<OwnId, Advertised>,
}

impl Ours {
    /// Nothing yet, on a host that is to have this name.
    pub(crate) fn new(host_name: String) -> Self {
        Ours {
            main_host: (host_name, None),
            #[cfg(all(unix, feature = "daemon"))]
            daemon_host: crate::given::DaemonHost::default(),
            extra_hosts: Vec::new(),
            won_hosts: HashSet::new(),
            advertised: HashMap::new(),
        }
    }

    pub(crate) fn add_service(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &Links,
        announcement: &Announcement,
        wanted: Option<&Wanted>,
    ) -> Result<ServiceId, RegisterError> {
        let (id, on) = self.register(now, host, announcement)?;
        let advertised = Advertised {
            interfaces: announcement.interfaces.clone(),
            #[cfg(all(unix, feature = "daemon"))]
            given: Some(Box::new(crate::given::Given::new(announcement, wanted))),
            ..Advertised::new(host.service_name(id), on)
        };
        if let Some(wanted) = wanted {
            offer(now, host, links, id, wanted);
        }
        self.advertised.insert(id.into(), advertised);
        Ok(id)
    }

    /// Registers a service and the host that it runs on.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        announcement: &Announcement,
    ) -> Result<(ServiceId, HostId), RegisterError> {
        let label = announcement.host.as_deref().map(precomposed);
        let on = self.host_id(now, host, label.as_deref())?;
        let instance = precomposed(&announcement.instance);
        let subtypes: Vec<&str> = announcement.subtypes.iter().map(String::as_str).collect();
        let placeholders: Vec<&ServiceType> = announcement.placeholders.iter().collect();
        let service = Service {
            txt: announcement.txt.as_txt(),
            subtypes: &subtypes,
            placeholders: &placeholders,
            host: Some(on),
            ..Service::new(&instance, &announcement.service_type, announcement.port)
        };
        match host.register(now, &service) {
            Ok(id) => Ok((id, on)),
            Err(error) => {
                self.release(now, host, on);
                Err(error)
            }
        }
    }

    /// Advertises a host by itself. That it is registered already is news.
    pub(crate) fn add_host(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        label: Option<&str>,
    ) -> Result<HostId, RegisterError> {
        let id = self.host_id(now, host, label.map(precomposed).as_deref())?;
        if self.advertised.contains_key(&id.into()) {
            return Err(RegisterError::Taken);
        }
        let is_won = self.won_hosts.contains(&id);
        let advertised = Advertised {
            is_registered: is_won,
            is_news: is_won,
            ..Advertised::new(host.host_name(id), id)
        };
        self.advertised.insert(id.into(), advertised);
        Ok(id)
    }

    /// The host of that name, which is claimed if it is not yet; `None` is this host.
    fn host_id(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        label: Option<&str>,
    ) -> Result<HostId, RegisterError> {
        let (main, main_id) = &mut self.main_host;
        let Some(label) = label.filter(|label| !main.eq_ignore_ascii_case(label)) else {
            return match *main_id {
                Some(id) => Ok(id),
                None => Ok(*main_id.insert(host.add_host(now, main)?)),
            };
        };
        let mut extra = self.extra_hosts.iter();
        if let Some((_, id)) = extra.find(|(name, _)| name.eq_ignore_ascii_case(label)) {
            return Ok(*id);
        }
        let id = host.add_host(now, label)?;
        self.extra_hosts.push((label.to_owned(), id));
        Ok(id)
    }

    /// Lets an extra name go with the last that needs it. This host keeps its own.
    fn release(&mut self, now: Instant, host: &mut Host<Heap>, id: HostId) {
        if self.advertised.values().any(|other| other.host == id) {
            return;
        }
        let at = self.extra_hosts.iter().position(|(_, extra)| *extra == id);
        if let Some(at) = at {
            self.extra_hosts.swap_remove(at);
            self.won_hosts.remove(&id);
            host.remove_host(now, id);
        }
    }

    /// What is advertised of a service has changed.
    pub(crate) fn update(&mut self, service: ServiceId, update: Update<'_>) {
        #[cfg(all(unix, feature = "daemon"))]
        if let Some(given) = self.given_mut(service) {
            given.update(update);
        }
        #[cfg(not(all(unix, feature = "daemon")))]
        let _ = (service, update);
    }

    /// Whether a daemon publishes a service of this name for us.
    pub(crate) fn is_published(&self, name: Name<'_>) -> bool {
        #[cfg(all(unix, feature = "daemon"))]
        return self.daemon_host().is_some() && self.is_service(name);
        #[cfg(not(all(unix, feature = "daemon")))]
        {
            let _ = name;
            false
        }
    }

    /// Withdraws something; whether it was there.
    pub(crate) fn remove(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        own: OwnId,
        deferred: &mut Deferred,
    ) -> bool {
        let Some(advertised) = self.advertised.remove(&own) else {
            return false;
        };
        if let OwnId::Service(service) = own {
            host.withdraw(now, service);
        }
        self.release(now, host, advertised.host);
        deferred.discard(advertised.waker);
        deferred.discard_selection(advertised.interfaces);
        true
    }

    /// The services that are for some interfaces only.
    pub(crate) fn selections(&self) -> Vec<(ServiceId, Selection)> {
        let selection = |(own, advertised): (&OwnId, &Advertised)| match own {
            OwnId::Service(service) => Some((*service, advertised.interfaces.clone()?)),
            OwnId::Host(_) => None,
        };
        self.advertised.iter().filter_map(selection).collect()
    }

    /// Offers each service on the links that are for it, after interfaces have changed. Whether all were asked for theirs: one
    /// that was registered meanwhile was not, and is offered on no link that is new.
    pub(crate) fn handle_survey(
        &mut self,
        now: Instant,
        host: &mut Host<Heap>,
        links: &Links,
        survey: &Survey,
    ) -> bool {
        let mut all_asked = true;
        for (own, advertised) in &mut self.advertised {
            if let (OwnId::Service(service), Some(_)) = (own, &advertised.interfaces) {
                match survey.of_service(*service) {
                    Some(wanted) => {
                        #[cfg(all(unix, feature = "daemon"))]
                        if let Some(given) = &mut advertised.given {
                            given.set_wanted(wanted);
                        }
                        offer(now, host, links, *service, wanted);
                    }
                    None => {
                        all_asked = false;
                        for &link in links.opened() {
                            host.set_offered(now, *service, link, false);
                        }
                    }
                }
            }
        }
        all_asked
    }

    /// Forgets all.
    pub(crate) fn end(&mut self, deferred: &mut Deferred) {
        for (_, advertised) in self.advertised.drain() {
            deferred.wake(advertised.waker);
            deferred.discard_selection(advertised.interfaces);
        }
    }

    // --- news ---

    /// A name is won; returns the one to be woken.
    pub(crate) fn set_registered(
        &mut self,
        own: impl Into<OwnId>,
        name: Name<'_>,
    ) -> Option<Waker> {
        let own = own.into();
        if let OwnId::Host(host) = own {
            self.won_hosts.insert(host);
        }
        self.advertised.get_mut(&own)?.tell(name, true)
    }

    /// A name is lost, and another tried; returns the one to be woken.
    pub(crate) fn set_renamed(&mut self, own: impl Into<OwnId>, name: Name<'_>) -> Option<Waker> {
        let own = own.into();
        if let OwnId::Host(host) = own {
            self.won_hosts.remove(&host);
        }
        self.advertised.get_mut(&own)?.tell(name, false)
    }

    /// What has changed since this was last asked.
    pub(crate) fn next_change(&mut self, own: OwnId) -> Option<AdvertisementEvent> {
        let advertised = self.advertised.get_mut(&own)?;
        if !std::mem::take(&mut advertised.is_news) {
            return None;
        }
        if let Some(why) = &advertised.failed {
            return Some(AdvertisementEvent::Failed(why.clone()));
        }
        let name = advertised.name.clone();
        Some(match advertised.is_registered {
            true => AdvertisementEvent::Registered(name),
            false => AdvertisementEvent::Renamed(name),
        })
    }

    /// Wakes a task at the next change.
    pub(crate) fn wake_on_change(&mut self, own: OwnId, deferred: &mut Deferred, waker: Waker) {
        match self.advertised.get_mut(&own) {
            Some(advertised) => deferred.keep(&mut advertised.waker, waker),
            None => deferred.discard([waker]),
        }
    }

    // --- names ---

    /// The name, and whether it is announced.
    pub(crate) fn name(&self, own: OwnId) -> Option<(&NameBuf, bool)> {
        let advertised = self.advertised.get(&own)?;
        Some((&advertised.name, advertised.is_registered))
    }

    /// The full name of the host it runs on.
    pub(crate) fn host_of(&self, host: &Host<Heap>, own: OwnId) -> Option<NameBuf> {
        let on = self.advertised.get(&own)?.host;
        if self.main_host.1 == Some(on) {
            return Some(self.main_host_name(host));
        }
        host.host_name(on).map(NameBuf::from)
    }

    /// The full name of this host.
    pub(crate) fn main_host_name(&self, host: &Host<Heap>) -> NameBuf {
        #[cfg(all(unix, feature = "daemon"))]
        if let Some(name) = self.shared_host_name() {
            return name.clone();
        }
        let (label, id) = &self.main_host;
        match id.and_then(|id| host.host_name(id)) {
            Some(name) => name.into(),
            None => NameBuf::from_labels([label.as_bytes(), b"local"]).unwrap_or_default(),
        }
    }
}

#[cfg(all(unix, feature = "daemon"))]
impl Ours {
    /// Whether the name of this host was chosen, and is not to be the daemon's.
    pub(crate) fn set_name_is_chosen(&mut self, is_chosen: bool) {
        self.daemon_host.is_name_chosen = is_chosen;
    }

    /// A daemon publishes for us, and calls this host so; `None` if we do so ourselves.
    pub(crate) fn set_daemon_host(&mut self, name: Option<NameBuf>) {
        self.daemon_host.name = name;
    }

    /// The name that the daemon gives to this host.
    pub(crate) fn daemon_host(&self) -> Option<&NameBuf> {
        self.daemon_host.name.as_ref()
    }

    /// The name of this host, while it is the daemon's.
    fn shared_host_name(&self) -> Option<&NameBuf> {
        let name = self.daemon_host.name.as_ref()?;
        let label = name.as_name().first_label().unwrap_or_default();
        let is_same = || label.eq_ignore_ascii_case(self.main_host.0.as_bytes());
        (!self.daemon_host.is_name_chosen || is_same()).then_some(name)
    }

    /// Whether a host of ours is the daemon's own, and needs no publishing.
    pub(crate) fn is_daemon_host(&self, id: HostId) -> bool {
        self.main_host.1 == Some(id) && self.shared_host_name().is_some()
    }

    /// What is advertised by itself and is the daemon's own host.
    pub(crate) fn on_daemon_host(&self) -> Vec<OwnId> {
        let id = self.main_host.1.filter(|id| self.is_daemon_host(*id));
        let own = id.map(OwnId::Host).into_iter();
        own.filter(|own| self.advertised.contains_key(own))
            .collect()
    }

    /// Tells that such a host is registered; returns the one to be woken.
    pub(crate) fn set_registered_as_daemon_host(&mut self, own: OwnId) -> Option<Waker> {
        let name = self.daemon_host.name.clone()?;
        self.set_registered_as(own, name.as_name())
    }

    fn set_registered_as(&mut self, own: OwnId, name: Name<'_>) -> Option<Waker> {
        match own {
            OwnId::Service(id) => self.set_registered(id, name),
            OwnId::Host(id) => self.set_registered(id, name),
        }
    }

    /// A daemon does not publish something; returns the one to be woken.
    pub(crate) fn set_failed(&mut self, own: OwnId, why: String) -> Option<Waker> {
        let advertised = self.advertised.get_mut(&own)?;
        (advertised.is_registered, advertised.is_news) = (false, true);
        advertised.failed = Some(why);
        advertised.waker.take()
    }

    /// The host that something runs on.
    pub(crate) fn host_id_of(&self, own: OwnId) -> Option<HostId> {
        self.advertised.get(&own).map(|advertised| advertised.host)
    }

    /// The services on a host.
    pub(crate) fn services_on(&self, host: HostId) -> Vec<OwnId> {
        let on_it = self.advertised.iter().filter(|(own, advertised)| {
            advertised.host == host && matches!(own, OwnId::Service(_))
        });
        on_it.map(|(own, _)| *own).collect()
    }

    /// All that is to be published: services, and hosts.
    pub(crate) fn published<'a>(
        &'a self,
        host: &'a Host<Heap>,
    ) -> impl Iterator<Item = crate::given::Published<'a>> {
        let services = self.advertised.iter().filter_map(|(own, advertised)| {
            let OwnId::Service(id) = *own else {
                return None;
            };
            Some(crate::given::Published {
                own: *own,
                on: advertised.host,
                name: host.service_name(id)?,
                host_name: host.host_name(advertised.host)?,
                service: Some(advertised.given.as_deref()?),
            })
        });
        let main = self.main_host.1.into_iter();
        let extra = self.extra_hosts.iter().map(|(_, id)| *id);
        let hosts = main.chain(extra).filter_map(|id| {
            let name = host.host_name(id)?;
            Some(crate::given::Published {
                own: OwnId::Host(id),
                on: id,
                name,
                host_name: name,
                service: None,
            })
        });
        services.chain(hosts)
    }

    /// What a daemon is given of a service, to be changed.
    pub(crate) fn given_mut(&mut self, service: ServiceId) -> Option<&mut crate::given::Given> {
        self.advertised
            .get_mut(&service.into())?
            .given
            .as_deref_mut()
    }

    /// Whether a name is that of a service that is advertised.
    pub(crate) fn is_service(&self, name: Name<'_>) -> bool {
        let mut services = self.advertised.values();
        services.any(|advertised| advertised.name.as_name() == name)
    }
}

impl Advertised {
    fn new(name: Option<Name<'_>>, host: HostId) -> Self {
        Advertised {
            name: name.map_or_else(NameBuf::new, NameBuf::from),
            host,
            interfaces: None,
            is_registered: false,
            is_news: false,
            waker: None,
            failed: None,
            #[cfg(all(unix, feature = "daemon"))]
            given: None,
        }
    }

    fn tell(&mut self, name: Name<'_>, is_registered: bool) -> Option<Waker> {
        self.name = name.into();
        self.is_registered = is_registered;
        self.failed = None;
        self.is_news = true;
        self.waker.take()
    }
}

/// Offers a service on the links that it wants, and on no others.
fn offer(now: Instant, host: &mut Host<Heap>, links: &Links, service: ServiceId, wanted: &Wanted) {
    for (link, interface, family) in links.open() {
        let is_offered = wanted.contains(interface.index, family);
        host.set_offered(now, service, link, is_offered);
    }
}
