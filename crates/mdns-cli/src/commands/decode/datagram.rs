//! From a recorded packet to the datagram in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use mdns_proto::link::PORT;
use pcap_parser::Linktype;

use super::capture::Frame;
use crate::transcript::Datagram;

/// The headers of what Linux records on all interfaces at once: first and second version.
const SLL_LEN: usize = 16;
const SLL2_LEN: usize = 20;

/// The address family before each packet of a BSD loopback interface.
const NULL_LEN: usize = 4;

/// What a packet has to do with mDNS.
#[derive(Debug)]
pub(super) enum Contents<'a> {
    /// A datagram from or to port 5353.
    Datagram(Datagram<'a>),
    /// Something else.
    Other,
    /// A part of an IP packet, of which it cannot be told.
    Fragment,
    /// Something in an envelope that is not known.
    UnknownLink(Linktype),
}

impl<'a> Contents<'a> {
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        let bytes = frame.bytes;
        let packet = match frame.linktype {
            Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(bytes).ok(),
            Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => ip(bytes),
            Linktype::NULL | Linktype::LOOP => bytes.get(NULL_LEN..).and_then(ip),
            Linktype::LINUX_SLL => cooked(bytes, SLL_LEN, SLL_LEN - 2),
            Linktype::LINUX_SLL2 => cooked(bytes, SLL2_LEN, 0),
            unknown => return Contents::UnknownLink(unknown),
        };
        packet.map_or(Contents::Other, |packet| in_packet(&packet, frame))
    }
}

fn ip(bytes: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    LaxSlicedPacket::from_ip(bytes).ok()
}

/// What follows a header of this length, with the protocol's number at `at`.
fn cooked(bytes: &[u8], len: usize, at: usize) -> Option<LaxSlicedPacket<'_>> {
    let (header, rest) = bytes.split_at_checked(len)?;
    let protocol = header.get(at..)?.first_chunk()?;
    let ether_type = EtherType(u16::from_be_bytes(*protocol));
    Some(LaxSlicedPacket::from_ether_type(ether_type, rest))
}

fn in_packet<'a>(packet: &LaxSlicedPacket<'a>, frame: &Frame<'_>) -> Contents<'a> {
    let (source, destination): (IpAddr, IpAddr) = match &packet.net {
        Some(LaxNetSlice::Ipv4(net)) => {
            let header = net.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        Some(LaxNetSlice::Ipv6(net)) => {
            let header = net.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        _ => return Contents::Other,
    };
    let payload = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref);
    if payload.is_some_and(|payload| payload.fragmented) {
        return Contents::Fragment;
    }
    let Some(TransportSlice::Udp(udp)) = &packet.transport else {
        return Contents::Other;
    };
    let (source_port, destination_port) = (udp.source_port(), udp.destination_port());
    if ![source_port, destination_port].contains(&PORT) {
        return Contents::Other;
    }
    let bytes = udp.payload();
    // What the recording left out; else the length that UDP tells is a lie, and the rest is what it is.
    let missing = frame.len.saturating_sub(frame.bytes.len());
    let len = usize::from(udp.length()).saturating_sub(udp.header_slice().len());
    Contents::Datagram(Datagram {
        interface: None,
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
        bytes,
        cut_from: (missing > 0 && len > bytes.len()).then_some(len),
    })
}

#[cfg(test)]
mod tests {
    use etherparse::{PacketBuilder, PacketBuilderStep, UdpHeader, VlanId};

    use super::*;

    fn written(builder: PacketBuilderStep<UdpHeader>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).expect("a packet");
        bytes
    }

    /// An IP packet.
    fn packet(port: u16) -> Vec<u8> {
        let builder = PacketBuilder::ipv4([10, 0, 0, 7], [224, 0, 0, 251], 255);
        written(builder.udp(port, port), b"payload")
    }

    fn frame(linktype: Linktype, bytes: &[u8]) -> Frame<'_> {
        Frame {
            at: None,
            linktype,
            bytes,
            len: bytes.len(),
        }
    }

    /// Source, destination and payload of a datagram.
    fn datagram(frame: &Frame<'_>) -> Option<(String, String, Vec<u8>)> {
        match Contents::of(frame) {
            Contents::Datagram(found) => Some((
                found.source.to_string(),
                found.destination.to_string(),
                found.bytes.to_vec(),
            )),
            _ => None,
        }
    }

    #[test]
    fn a_datagram_is_found_in_every_envelope() {
        let packet = packet(PORT);
        let vlan = VlanId::try_new(7).expect("a number");
        let tagged = PacketBuilder::ethernet2([2; 6], [4; 6]).single_vlan(vlan);
        let tagged = written(
            tagged
                .ipv4([10, 0, 0, 7], [224, 0, 0, 251], 255)
                .udp(PORT, PORT),
            b"payload",
        );
        let cooked = [&[0; 14][..], &[0x08, 0x00], &packet].concat();
        let cooked2 = [&[0x08, 0x00][..], &[0; 18], &packet].concat();
        let null = [&[2, 0, 0, 0][..], &packet].concat();
        for (linktype, bytes) in [
            (Linktype::RAW, &packet),
            (Linktype::IPV4, &packet),
            (Linktype::ETHERNET, &tagged),
            (Linktype::LINUX_SLL, &cooked),
            (Linktype::LINUX_SLL2, &cooked2),
            (Linktype::NULL, &null),
            (Linktype::LOOP, &null),
        ] {
            let found = datagram(&frame(linktype, bytes)).expect("a datagram");
            let (source, destination, payload) = found;
            assert_eq!(source, "10.0.0.7:5353", "{linktype}");
            assert_eq!(destination, "224.0.0.251:5353", "{linktype}");
            assert_eq!(payload, b"payload", "{linktype}");
            for len in 0..bytes.len() {
                datagram(&frame(linktype, &bytes[..len]));
            }
        }
        let v6 = PacketBuilder::ipv6([0xfe; 16], [0xff; 16], 255).udp(49152, PORT);
        assert!(datagram(&frame(Linktype::RAW, &written(v6, b"payload"))).is_some());
    }

    /// covers: SEC-24
    #[test]
    fn the_rest_is_told_apart() {
        let of = |linktype, bytes: &[u8]| format!("{:?}", Contents::of(&frame(linktype, bytes)));
        assert_eq!(of(Linktype::RAW, &packet(53)), "Other");
        assert_eq!(of(Linktype::RAW, b"?"), "Other");
        assert_eq!(of(Linktype::ETHERNET, &[0xff; 60]), "Other");
        let mut fragment = packet(PORT);
        // More fragments follow.
        fragment[6] = 0x20;
        assert_eq!(of(Linktype::RAW, &fragment), "Fragment");
        assert!(of(Linktype(127), b"?").starts_with("UnknownLink"));
    }

    /// covers: SEC-24
    #[test]
    fn a_packet_that_was_cut_says_so() {
        let packet = packet(PORT);
        let cut = Frame {
            len: packet.len(),
            ..frame(Linktype::RAW, &packet[..packet.len() - 3])
        };
        match Contents::of(&cut) {
            Contents::Datagram(found) => {
                assert_eq!((found.bytes, found.cut_from), (&b"payl"[..], Some(7)));
            }
            other => panic!("{other:?}"),
        }
    }
}
