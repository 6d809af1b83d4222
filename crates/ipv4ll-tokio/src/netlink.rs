//! Adding and removing addresses and routes (rtnetlink(7)).

use std::{
    io::{self, ErrorKind},
    net::Ipv4Addr,
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage, AddressScope},
    route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::error::Error;

/// The prefix 169.254/16, which is never subnetted (RFC 3927 §2.8).
const PREFIX_LEN: u8 = 16;
const BROADCAST: Ipv4Addr = Ipv4Addr::new(169, 254, 255, 255);

/// What the metric of an interface's route is its index above: routes that others make have lower ones, and two interfaces have two.
const METRIC: u32 = 1000;

/// Error numbers of Linux that say that something is so already.
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EADDRNOTAVAIL: i32 = 99;

/// Adds and removes link-local addresses of one interface.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: Socket,
    index: u32,
}

impl Netlink {
    /// Opens a socket, and makes sure that it may change addresses.
    pub(crate) fn open(index: u32) -> Result<Self, Error> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        let socket = open().map_err(|error| Error::System("open a netlink socket", error))?;
        let netlink = Netlink { socket, index };
        // Nobody has this address: whoever may remove it is told so, all others that they may not.
        netlink.remove(Ipv4Addr::new(169, 254, 0, 0))?;
        Ok(netlink)
    }

    /// Adds an address with the scope *link*; and a default route with that scope, if asked for.
    pub(crate) fn add(&self, address: Ipv4Addr, default_route: bool) -> Result<(), Error> {
        let mut message = self.address(address);
        let metric = METRIC.saturating_add(self.index);
        message
            .attributes
            .push(AddressAttribute::Broadcast(BROADCAST));
        message
            .attributes
            .push(AddressAttribute::RoutePriority(metric));
        self.request(
            RouteNetlinkMessage::NewAddress(message),
            NLM_F_CREATE | NLM_F_REPLACE,
        )
        .map_err(|error| refused("add an address", error))?;
        if default_route {
            let mut message = RouteMessage::default();
            message.header.address_family = AddressFamily::Inet;
            message.header.table = RouteHeader::RT_TABLE_MAIN;
            message.header.protocol = RouteProtocol::Static;
            message.header.scope = RouteScope::Link;
            message.header.kind = RouteType::Unicast;
            message.attributes = vec![
                RouteAttribute::Oif(self.index),
                RouteAttribute::Priority(metric),
                RouteAttribute::PrefSource(address.into()),
            ];
            // It goes with the address that is its source.
            self.request(
                RouteNetlinkMessage::NewRoute(message),
                NLM_F_CREATE | NLM_F_REPLACE,
            )
            .map_err(|error| refused("add a route", error))?;
        }
        Ok(())
    }

    /// Removes an address, if it is there.
    pub(crate) fn remove(&self, address: Ipv4Addr) -> Result<(), Error> {
        let message = RouteNetlinkMessage::DelAddress(self.address(address));
        match self.request(message, 0) {
            Err(error) if is_gone(&error) => Ok(()),
            result => result.map_err(|error| refused("remove an address", error)),
        }
    }

    fn address(&self, address: Ipv4Addr) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = PREFIX_LEN;
        message.header.scope = AddressScope::Link;
        message.header.index = self.index;
        message.attributes = vec![
            AddressAttribute::Address(address.into()),
            AddressAttribute::Local(address.into()),
        ];
        message
    }

    /// Sends a request and waits for the answer, which the kernel gives at once.
    fn request(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let (answer, _) = self.socket.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer);
        match answer.map_err(io::Error::other)?.payload {
            NetlinkPayload::Error(error) if error.code.is_some() => Err(error.to_io()),
            _ => Ok(()),
        }
    }
}

/// Whether an error says that there is nothing to remove; or no interface any more, with which all its addresses have gone.
fn is_gone(error: &io::Error) -> bool {
    const ENODEV: i32 = 19;
    matches!(
        error.raw_os_error(),
        Some(ENOENT | ESRCH | EADDRNOTAVAIL | ENODEV)
    )
}

fn refused(what: &'static str, error: io::Error) -> Error {
    if error.kind() == ErrorKind::PermissionDenied {
        Error::NoAdmin
    } else {
        Error::System(what, error)
    }
}
