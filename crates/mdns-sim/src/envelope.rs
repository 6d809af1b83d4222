//! What is around a datagram on the wire.

use std::net::SocketAddr;

use etherparse::PacketBuilder;
use mdns_proto::link::Family;

/// RFC 6762 §11: all packets leave with this IP TTL or hop limit.
const HOP_LIMIT: u8 = 255;

/// The Ethernet address from which frames of no board come.
pub const STRANGER_MAC: [u8; 6] = [2, 0, 0, 0, 9, 9];

/// A datagram with its IP and UDP headers, as it leaves a host.
///
/// ```
/// let packet = mdns_sim::ip_packet("10.0.0.7:5353".parse()?, "224.0.0.251:5353".parse()?, b"payload");
/// assert_eq!(packet.len(), 20 + 8 + 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When the two addresses are of different families, or the payload is too long for a datagram.
pub fn ip_packet(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let builder = match (from, to) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), HOP_LIMIT)
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), HOP_LIMIT)
        }
        _ => panic!("{from} and {to} are of two families"),
    };
    let builder = builder.udp(from.port(), to.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    match builder.write(&mut packet, payload) {
        Ok(()) => packet,
        Err(error) => panic!("{} bytes of payload: {error}", payload.len()),
    }
}

/// The same in an Ethernet frame without its check sequence, from [`STRANGER_MAC`] to this address.
///
/// # Panics
///
/// As [`ip_packet`].
pub fn ethernet_frame(
    to_mac: [u8; 6],
    from: SocketAddr,
    to: SocketAddr,
    payload: &[u8],
) -> Vec<u8> {
    let ethertype = match Family::of(&to.ip()) {
        Family::V4 => [0x08, 0x00],
        Family::V6 => [0x86, 0xdd],
    };
    let packet = ip_packet(from, to, payload);
    [&to_mac[..], &STRANGER_MAC, &ethertype, &packet].concat()
}
