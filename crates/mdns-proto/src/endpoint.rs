//! An endpoint: a host with one link, as most boards have.

use core::ops::{Deref, DerefMut};

use crate::{
    config::Config,
    host::{Host, Storage},
    link::{LinkConfig, LinkId, Packet, Transmit},
    store::Full,
    time::Instant,
};

/// A [`Host`] whose only link it adds itself. All that is not about links is the host's own, and reached through it.
///
/// ```
/// use core::net::{IpAddr, Ipv4Addr};
/// use mdns_proto::{
///     config::Config,
///     endpoint::Endpoint,
///     link::{Family, InterfaceId, LinkConfig, Subnet},
///     time::Instant,
/// };
///
/// mdns_proto::fixed! {
///     struct Board {
///         links: 1, hosts: 1, addresses: 1, services: 1, subtypes: 0, own_text: 256, askers: 2,
///         asks: 1, told: 2, ask_text: 128, heard: 8, heard_text: 256,
///     }
/// }
///
/// let link = LinkConfig { interface: InterfaceId(1), family: Family::V4, mtu: 1500, unicast: true , ..LinkConfig::MULTICAST};
/// let mut endpoint = Endpoint::<Board>::started(Config::DEFAULT, link, Instant::ZERO, 42)?;
/// let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// endpoint.set_addresses(Instant::ZERO, InterfaceId(1), &[Subnet { address, prefix_len: 24 }])?;
/// endpoint.add_host(Instant::ZERO, "hall")?;
///
/// let mut buffer = [0; 1500];
/// let due = endpoint.poll_timeout().ok_or("a probe is due")?;
/// let probe = endpoint.poll_transmit(due, &mut buffer).ok_or("a probe")?;
/// assert!(probe.len > 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Endpoint<S: Storage> {
    host: Host<S>,
    link: LinkId,
}

impl<S: Storage> Endpoint<S> {
    /// An endpoint that does nothing until it is [started](Self::start). For a `static`.
    pub const fn new(config: Config) -> Self {
        Endpoint {
            host: Host::new(config),
            link: LinkId(0),
        }
    }

    /// An endpoint that is started at once.
    ///
    /// # Errors
    /// [`Full`] when the storage has no row for a link.
    pub fn started(
        config: Config,
        link: LinkConfig,
        now: Instant,
        seed: u64,
    ) -> Result<Self, Full> {
        let mut endpoint = Self::new(config);
        endpoint.start(link, now, seed)?;
        Ok(endpoint)
    }

    /// Starts it on its link, once, before anything else is done to it. See [`Host::start`] for the seed.
    ///
    /// # Errors
    /// [`Full`] when it was started before: then nothing has changed. Also when the storage has no row for a link: then it is started,
    /// and never has anything to send or to tell.
    pub fn start(&mut self, link: LinkConfig, now: Instant, seed: u64) -> Result<(), Full> {
        if self.host.is_started() {
            return Err(Full);
        }
        self.host.start(now, seed);
        self.link = self.host.add_link(now, link)?;
        Ok(())
    }

    /// The link.
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// Takes in a datagram.
    pub fn handle_packet(&mut self, now: Instant, packet: Packet<'_>) {
        self.host.handle_packet(now, self.link, packet);
    }

    /// The link works (again), or is another network now.
    pub fn link_up(&mut self, now: Instant) {
        self.host.link_up(now, self.link);
    }

    /// The link does not work.
    pub fn link_down(&mut self, now: Instant) {
        self.host.link_down(now, self.link);
    }

    /// A datagram that was polled could not be sent.
    pub fn send_failed(&mut self, now: Instant) {
        self.host.send_failed(now, self.link);
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        self.host.poll_transmit(now, buffer)
    }
}

impl<S: Storage> Deref for Endpoint<S> {
    type Target = Host<S>;
    fn deref(&self) -> &Host<S> {
        &self.host
    }
}

impl<S: Storage> DerefMut for Endpoint<S> {
    fn deref_mut(&mut self) -> &mut Host<S> {
        &mut self.host
    }
}
