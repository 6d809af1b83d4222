//! ARP packets for IPv4 in Ethernet frames (RFC 826): the only packets that address conflict detection reads and sends.
//!
//! ```text
//!  0        6        12   14     16     18  19  20   22       28    32       38    42
//!  | dst    | src    | 0806 | 0001 | 0800 | 6 | 4 | op | sender | IP  | target | IP  |
//!  '------ Ethernet header -----'------------------- ARP packet ----------------------'
//! ```

use core::{fmt, net::Ipv4Addr, str::FromStr};

/// Length of an Ethernet frame with an ARP packet, without padding and checksum, in bytes.
pub const FRAME_LEN: usize = 42;

// Where the fields begin.
pub(crate) const DESTINATION: usize = 0;
pub(crate) const SOURCE: usize = 6;
const ETHER_TYPE: usize = 12;
pub(crate) const OPERATION: usize = 20;
pub(crate) const SENDER_HARDWARE: usize = 22;
pub(crate) const SENDER: usize = 28;
pub(crate) const TARGET_HARDWARE: usize = 32;
pub(crate) const TARGET: usize = 38;

/// What is the same in all these frames: the type of the frame, hardware, protocol, and the lengths of their addresses.
const ARP_FOR_IPV4: [u8; 8] = [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4];

/// A request to all hosts, whose addresses are all zero.
pub(crate) const BROADCAST_REQUEST: [u8; FRAME_LEN] = [
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0,
    0,
    0,
    0,
    0,
    0,
    0x08,
    0x06, //
    0,
    1,
    0x08,
    0x00,
    6,
    4,
    0,
    Operation::Request as u8, //
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
];

/// The address of an Ethernet interface, called MAC address elsewhere.
///
/// ```
/// use ipv4ll::HardwareAddress;
///
/// let address: HardwareAddress = "02:00:00:00:00:2a".parse()?;
/// assert_eq!(address, HardwareAddress([2, 0, 0, 0, 0, 42]));
/// assert_eq!(address.to_string(), "02:00:00:00:00:2a");
/// # Ok::<(), ipv4ll::arp::ParseHardwareAddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HardwareAddress(pub [u8; 6]);

impl HardwareAddress {
    /// The destination of frames to all hosts of a link.
    pub const BROADCAST: Self = HardwareAddress([0xff; 6]);
    /// No address: the target of an ARP packet whose sender does not know it.
    pub const ZERO: Self = HardwareAddress([0; 6]);

    /// Returns whether this can be the address of one interface: neither zero nor that of a group.
    pub fn is_unicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && self != Self::ZERO
    }
}

/// Six hexadecimal numbers with colons between them.
impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not six hexadecimal numbers of two digits with colons between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseHardwareAddressError;

impl fmt::Display for ParseHardwareAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hardware address has the form 02:00:00:00:00:2a")
    }
}

impl core::error::Error for ParseHardwareAddressError {}

impl FromStr for HardwareAddress {
    type Err = ParseHardwareAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            let part = part.ok_or(ParseHardwareAddressError)?;
            // `from_str_radix` would accept a sign.
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseHardwareAddressError);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| ParseHardwareAddressError)?;
        }
        match parts.next() {
            None => Ok(HardwareAddress(bytes)),
            Some(_) => Err(ParseHardwareAddressError),
        }
    }
}

/// What an ARP packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Asks who has the target IP address.
    Request = 1,
    /// Says who has the sender IP address.
    Reply = 2,
}

/// An ARP packet.
///
/// An *ARP probe* is a request whose sender IP address is zero; an *ARP announcement* is a request whose sender and target IP
/// addresses are equal (RFC 5227 §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Request or reply.
    pub operation: Operation,
    /// The interface that sends.
    pub sender_hardware: HardwareAddress,
    /// The address of the sender; [`Ipv4Addr::UNSPECIFIED`] in a probe.
    pub sender: Ipv4Addr,
    /// The interface that a reply is for; of no meaning in requests.
    pub target_hardware: HardwareAddress,
    /// The address that is asked for, or that of the host that a reply is for.
    pub target: Ipv4Addr,
}

impl Packet {
    /// Returns the ARP packet in an Ethernet frame.
    ///
    /// `None` for all other frames, as [`Frame::parse`].
    pub fn parse(frame: &[u8]) -> Option<Packet> {
        let frame = Frame::parse(frame)?;
        Some(Packet {
            operation: frame.operation(),
            sender_hardware: frame.sender_hardware(),
            sender: frame.sender(),
            target_hardware: HardwareAddress(*frame.field::<TARGET_HARDWARE, 6>()),
            target: frame.target(),
        })
    }

    /// Writes the packet as an Ethernet frame from its sender to `destination`.
    pub fn write(&self, destination: HardwareAddress, frame: &mut [u8; FRAME_LEN]) {
        *frame = BROADCAST_REQUEST;
        set::<DESTINATION, 6>(frame, &destination.0);
        set::<SOURCE, 6>(frame, &self.sender_hardware.0);
        set::<OPERATION, 2>(frame, &[0, self.operation as u8]);
        set::<SENDER_HARDWARE, 6>(frame, &self.sender_hardware.0);
        set::<SENDER, 4>(frame, &self.sender.octets());
        set::<TARGET_HARDWARE, 6>(frame, &self.target_hardware.0);
        set::<TARGET, 4>(frame, &self.target.octets());
    }

    /// Returns whether this asks for an address without claiming it (RFC 5227 §1.1).
    pub const fn is_probe(&self) -> bool {
        matches!(self.operation, Operation::Request) && self.sender.is_unspecified()
    }
}

/// An Ethernet frame with an ARP packet for IPv4. It reads each field where it is, which takes less code than a [`Packet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<'a>(&'a [u8; FRAME_LEN]);

impl<'a> Frame<'a> {
    /// Returns the ARP packet in an Ethernet frame.
    ///
    /// `None` for all other frames: other protocols, ARP for other than IPv4 on Ethernet, unknown operations, frames that are too short.
    /// Bytes after the packet are padding.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let frame = Frame(frame.first_chunk()?);
        let is_arp = frame.field::<ETHER_TYPE, 8>() == &ARP_FOR_IPV4;
        let is_known = matches!(frame.field::<OPERATION, 2>(), [0, 1 | 2]);
        (is_arp && is_known).then_some(frame)
    }

    /// Returns whether the packet is a request or a reply.
    pub fn operation(self) -> Operation {
        match self.field::<OPERATION, 2>() {
            [_, 1] => Operation::Request,
            _ => Operation::Reply,
        }
    }

    /// Returns the interface that sends.
    pub fn sender_hardware(self) -> HardwareAddress {
        HardwareAddress(*self.field::<SENDER_HARDWARE, 6>())
    }

    /// Returns the address of the sender; [`Ipv4Addr::UNSPECIFIED`] in a probe.
    pub fn sender(self) -> Ipv4Addr {
        Ipv4Addr::from(*self.field::<SENDER, 4>())
    }

    /// Returns the address that is asked for, or that of the host that a reply is for.
    pub fn target(self) -> Ipv4Addr {
        Ipv4Addr::from(*self.field::<TARGET, 4>())
    }

    /// Returns hardware and IP address of the sender, as they are the target of a reply.
    pub(crate) fn requester(self) -> &'a [u8; 10] {
        self.field::<SENDER_HARDWARE, 10>()
    }

    fn field<const AT: usize, const LEN: usize>(self) -> &'a [u8; LEN] {
        const { assert!(AT + LEN <= FRAME_LEN, "the field ends within the frame") };
        let field = self.0.get(AT..).and_then(|rest| rest.first_chunk());
        field.unwrap_or(&[0; LEN])
    }
}

/// Writes a field of a frame.
pub(crate) fn set<const AT: usize, const LEN: usize>(
    frame: &mut [u8; FRAME_LEN],
    value: &[u8; LEN],
) {
    const { assert!(AT + LEN <= FRAME_LEN, "the field ends within the frame") };
    if let Some(field) = frame.get_mut(AT..).and_then(|rest| rest.first_chunk_mut()) {
        *field = *value;
    }
}
