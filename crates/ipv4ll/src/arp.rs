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
    pub const fn is_unicast(self) -> bool {
        let [first, b, c, d, e, f] = self.0;
        first & 1 == 0 && first | b | c | d | e | f != 0
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
    /// `None` for all other frames: other protocols, ARP for other than IPv4 on Ethernet, unknown operations, frames that are too short.
    /// Bytes after the packet are padding.
    pub const fn parse(frame: &[u8]) -> Option<Packet> {
        let Some(f) = frame.first_chunk::<FRAME_LEN>() else {
            return None;
        };
        let [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, operation] = [
            f[12], f[13], f[14], f[15], f[16], f[17], f[18], f[19], f[20], f[21],
        ] else {
            return None;
        };
        Some(Packet {
            operation: match operation {
                1 => Operation::Request,
                2 => Operation::Reply,
                _ => return None,
            },
            sender_hardware: HardwareAddress([f[22], f[23], f[24], f[25], f[26], f[27]]),
            sender: Ipv4Addr::new(f[28], f[29], f[30], f[31]),
            target_hardware: HardwareAddress([f[32], f[33], f[34], f[35], f[36], f[37]]),
            target: Ipv4Addr::new(f[38], f[39], f[40], f[41]),
        })
    }

    /// Writes the packet as an Ethernet frame from its sender to `destination`.
    pub fn write(&self, destination: HardwareAddress, frame: &mut [u8; FRAME_LEN]) {
        let [d0, d1, d2, d3, d4, d5] = destination.0;
        let [s0, s1, s2, s3, s4, s5] = self.sender_hardware.0;
        let [t0, t1, t2, t3, t4, t5] = self.target_hardware.0;
        let [i0, i1, i2, i3] = self.sender.octets();
        let [j0, j1, j2, j3] = self.target.octets();
        let operation = self.operation as u8;
        #[rustfmt::skip]
        let bytes = [
            d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, 0x08, 0x06,
            0, 1, 0x08, 0x00, 6, 4, 0, operation,
            s0, s1, s2, s3, s4, s5, i0, i1, i2, i3, t0, t1, t2, t3, t4, t5, j0, j1, j2, j3,
        ];
        *frame = bytes;
    }

    /// Returns whether this asks for an address without claiming it (RFC 5227 §1.1).
    pub const fn is_probe(&self) -> bool {
        matches!(self.operation, Operation::Request) && self.sender.is_unspecified()
    }
}
