//! A scripted peer: for what a host of ours would never say, and for hearing exactly what it does.

use std::{
    cell::{Ref, RefCell},
    fmt,
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use mdns_proto::{
    host::Storage,
    link::{Destination, Family, PORT},
    name::ServiceType,
    wire::{Class, Flags, Header, Rdata, Record, Section, Ttl, Writer},
};

use crate::{
    Host,
    world::{Heard, Role, World},
};

/// The largest message a peer writes: what fits in an IPv4 datagram.
const MESSAGE_MAX: usize = 65_507;

/// A handle to a scripted peer of a [`Net`](crate::Net). It has an IPv4 and an IPv6 address, and speaks IPv4 unless told otherwise.
///
/// ```
/// use std::time::Duration;
/// use mdns_proto::{name::NameBuf, wire::{Question, RecordType}};
/// use mdns_sim::Net;
///
/// let net = Net::seeded(7);
/// net.host("hall");
/// let tool = net.peer("tool");
/// net.run_for(Duration::from_secs(3));
/// tool.forget();
///
/// let hall: NameBuf = "hall.local".parse()?;
/// tool.ask(|message| message.question(&Question::new(hall.as_name(), RecordType::A)).unwrap());
/// net.run_for(Duration::from_secs(1));
/// assert_eq!(tool.heard().len(), 1);
/// assert_eq!(tool.heard()[0].packet.message()?.answer_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Peer<S: Storage> {
    pub(crate) world: Rc<RefCell<World<S>>>,
    pub(crate) index: usize,
}

impl<S: Storage> Peer<S> {
    /// Sends a query to the group.
    pub fn ask(&self, write: impl FnOnce(&mut Writer<'_>)) {
        self.send(message(
            Header {
                id: 0,
                flags: Flags::QUERY,
            },
            write,
        ));
    }

    /// Sends a response to the group.
    pub fn say(&self, write: impl FnOnce(&mut Writer<'_>)) {
        self.send(message(
            Header {
                id: 0,
                flags: Flags::RESPONSE,
            },
            write,
        ));
    }

    /// Sends any bytes to the group.
    pub fn send(&self, bytes: Vec<u8>) {
        self.send_from(PORT, Destination::Multicast, bytes);
    }

    /// Sends any bytes to a host alone.
    pub fn send_to(&self, host: &Host<S>, bytes: Vec<u8>) {
        let address = host
            .addresses()
            .into_iter()
            .find(|address| Family::of(address) == Family::V4);
        let address = address.unwrap_or_else(|| panic!("no IPv4 address to send to"));
        self.send_from(
            PORT,
            Destination::Unicast(SocketAddr::new(address, PORT)),
            bytes,
        );
    }

    /// Sends any bytes anywhere from any port, over the family of the destination; to the IPv4 group.
    pub fn send_from(&self, port: u16, destination: Destination, bytes: Vec<u8>) {
        let family = match destination {
            Destination::Multicast => Family::V4,
            Destination::Unicast(address) => Family::of(&address.ip()),
        };
        self.send_as(
            SocketAddr::new(self.address(family), port),
            destination,
            bytes,
        );
    }

    /// Sends with a source address that need not be its own; to the group of its family.
    pub fn send_as(&self, source: SocketAddr, destination: Destination, bytes: Vec<u8>) {
        self.world
            .borrow_mut()
            .send(self.index, 0, source, destination, bytes.into());
    }

    /// Its address.
    pub fn address(&self, family: Family) -> IpAddr {
        let world = self.world.borrow();
        let addresses = world.stations[self.index].interfaces[0]
            .addresses
            .iter()
            .map(|subnet| subnet.address);
        let found = addresses
            .clone()
            .find(|address| Family::of(address) == family);
        found.unwrap_or_else(|| unreachable!("a peer has both"))
    }

    /// What it has heard, in order; not what it sent itself.
    pub fn heard(&self) -> Ref<'_, [Heard]> {
        Ref::map(self.world.borrow(), |world| {
            match &world.stations[self.index].role {
                Role::Peer(heard) => &heard[..],
                Role::Host(_) => &[],
            }
        })
    }

    /// Pulls its cable.
    pub fn leave(&self) {
        self.world.borrow_mut().stations[self.index].interfaces[0].is_up = false;
    }

    /// Forgets what it has heard.
    pub fn forget(&self) {
        if let Role::Peer(heard) = &mut self.world.borrow_mut().stations[self.index].role {
            heard.clear();
        }
    }
}

/// A message as bytes, for [`Peer::send_from`] and its like.
///
/// ```
/// use mdns_proto::wire::Header;
///
/// let bytes = mdns_sim::message(Header::default(), |_| {});
/// assert_eq!(bytes.len(), 12);
/// ```
pub fn message(header: Header, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; MESSAGE_MAX];
    let mut writer = Writer::new(&mut buffer, MESSAGE_MAX, header);
    write(&mut writer);
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}

/// A response that tells of instances of a service type, and of nothing else; with a TTL of zero it takes leave of them.
///
/// ```
/// use mdns_proto::{name::ServiceType, wire::{Message, Ttl}};
///
/// let ipp: ServiceType = "_ipp._tcp".parse()?;
/// let bytes = mdns_sim::instances(&ipp, ["Hall", "Attic"], Ttl(120));
/// assert_eq!(Message::parse(&bytes)?.answers().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When a label is none.
pub fn instances<L: AsRef<str>>(
    service_type: &ServiceType,
    labels: impl IntoIterator<Item = L>,
    ttl: Ttl,
) -> Vec<u8> {
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    message(header, |writer| {
        for label in labels {
            let label = label.as_ref();
            let instance = service_type.instance(label);
            let instance = instance.unwrap_or_else(|error| panic!("{label}: {error}"));
            let pointer = Record {
                name: service_type.as_name(),
                class: Class::IN,
                cache_flush: false,
                ttl,
                rdata: Rdata::Ptr(instance.as_name()),
            };
            let written = writer.record(Section::Answer, &pointer);
            written.unwrap_or_else(|error| panic!("{label}: {error}"));
        }
    })
}

impl<S: Storage> Clone for Peer<S> {
    fn clone(&self) -> Self {
        Peer {
            world: Rc::clone(&self.world),
            index: self.index,
        }
    }
}

impl<S: Storage> fmt::Debug for Peer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
