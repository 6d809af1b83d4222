//! What is done to a host.

/// One thing that is done. Numbers choose among what there is, whatever they are: a program cannot be wrong.
#[derive(Clone, Debug)]
pub enum Op {
    /// A service of one of six names is registered; those above 127 have a subtype.
    Register(u8),
    /// One of the services is withdrawn.
    Withdraw(u8),
    /// The TXT data of a service are replaced by some of about this length.
    UpdateTxt(u8, u8),
    /// The port of a service is replaced.
    UpdatePort(u8, u16),
    /// The subtypes of a service are replaced: those whose bits are set.
    UpdateSubtypes(u8, u8),
    /// A service is offered on a link, or not.
    Offer(u8, u8, bool),
    /// A host name is claimed.
    AddHost(u8),
    /// A host name is given up, with the services on it.
    RemoveHost(u8),
    /// A record is registered by itself: the low bits say which, the top bit whether it is shared.
    AddRecord(u8),
    /// What a record says is replaced.
    UpdateRecord(u8, u8),
    /// A record is withdrawn.
    RemoveRecord(u8),
    /// A browse begins.
    Browse(u8),
    /// A browse for types begins.
    BrowseTypes,
    /// A resolve begins.
    Resolve(u8),
    /// A look-up of a host begins.
    LookUp(u8),
    /// A query begins; for one answer, or for as long as it is open.
    Query(u8, bool),
    /// A query for the name of an address begins.
    Reverse(u8, bool),
    /// What is known of an instance, or of a host, is doubted.
    Reconfirm(u8),
    /// One of the questions ends.
    Stop(u8),
    /// Everything is withdrawn.
    Shutdown,
    /// A packet of the [pool](super::pool), with one byte changed, perhaps.
    Hear {
        /// On which link.
        link: u8,
        /// Which packet.
        packet: u8,
        /// From which address and port.
        source: u8,
        /// It came to an address of ours.
        by_unicast: bool,
        /// Where it is changed, and which bits.
        change: Option<(u16, u8)>,
    },
    /// Any bytes are heard.
    HearBytes {
        /// On which link.
        link: u8,
        /// From which address and port.
        source: u8,
        /// They came to an address of ours.
        by_unicast: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// One of the last packets of our own comes back.
    Echo {
        /// On which link.
        link: u8,
        /// How many packets ago.
        age: u8,
    },
    /// The driver sleeps until it is called for, or this many microseconds.
    Sleep(u64),
    /// The driver is late: so many microseconds pass, and the next operation comes first.
    Delay(u64),
    /// The driver's clock stands so many microseconds behind for one call.
    Backwards(u64),
    /// A link stops working.
    LinkDown(u8),
    /// A link works again, or is another network.
    LinkUp(u8),
    /// An interface more, with one link.
    AddLink(u8),
    /// A link goes.
    RemoveLink(u8),
    /// A datagram could not be sent.
    SendFailed(u8),
    /// From now on no datagram can be sent on any link, or each can.
    FailSends(bool),
    /// The socket of a link is full, or is not.
    Writable(u8, bool),
    /// The driver brings buffers of this size from now on, and no less than it promised.
    Room(u16),
    /// The addresses of the interface are those whose bits are set.
    Addresses(u8),
    /// The machine has slept.
    Resumed,
}
