//! The ARP codec.

use std::net::Ipv4Addr;

use ipv4ll::{
    FRAME_LEN, HardwareAddress,
    arp::{Operation, Packet},
};
use proptest::prelude::*;

use crate::support::*;

fn frame(packet: Packet) -> [u8; FRAME_LEN] {
    let mut frame = [0; FRAME_LEN];
    packet.write(HardwareAddress::BROADCAST, &mut frame);
    frame
}

/// covers: 3927-W-a
#[test]
fn only_arp_for_ipv4_on_ethernet_is_read() {
    let good = frame(announcement(ADDRESS));
    assert_eq!(Packet::parse(&good), Some(announcement(ADDRESS)));
    // With padding to the shortest frame of Ethernet.
    let mut padded = good.to_vec();
    padded.resize(60, 0xee);
    assert_eq!(Packet::parse(&padded), Some(announcement(ADDRESS)));
    for len in 0..FRAME_LEN {
        assert_eq!(Packet::parse(&good[..len]), None);
    }
    // Type of the frame, of the hardware, of the protocol, their lengths, the operation.
    for at in 12..22 {
        for bit in 0..8 {
            let mut bad = good;
            bad[at] ^= 1 << bit;
            // Request and reply differ by two bits.
            assert_eq!(Packet::parse(&bad), None, "{at} {bit}");
            let mut bench = Bench::settled(1);
            bench.machine.handle_frame(bench.now, &bad);
            bench.drain();
            assert!(bench.sent.is_empty() && bench.events.is_empty());
        }
    }
    let reply = frame(reply(ADDRESS, NEIGHBOUR));
    assert_eq!(
        Packet::parse(&reply).map(|packet| packet.operation),
        Some(Operation::Reply)
    );
}

/// A sender that no host can have: it counts as another host, and no frame is sent to it alone.
///
/// covers: 3927-W-b
#[test]
fn senders_that_are_no_host() {
    for sender in [
        HardwareAddress::ZERO,
        HardwareAddress::BROADCAST,
        HardwareAddress([1, 0, 0x5e, 0, 0, 251]),
    ] {
        let mut bench = Bench::new(1);
        bench.machine.claim(bench.now, ROUTABLE).unwrap();
        bench.settle();
        bench.hear(packet(Operation::Request, sender, NEIGHBOUR, ROUTABLE));
        assert_eq!(bench.sent.len(), 1);
        assert_eq!(bench.sent[0].destination, HardwareAddress::BROADCAST);
        bench.hear(packet(Operation::Request, sender, ROUTABLE, ROUTABLE));
        assert_eq!(bench.events.len(), 1);
        bench.run_for(60_000);
        assert!(bench.sent.len() <= 2);
    }
}

proptest! {
    /// covers: none (the codec loses nothing)
    #[test]
    fn what_is_written_is_read(
        is_reply: bool,
        sender_hardware: [u8; 6],
        sender: u32,
        target_hardware: [u8; 6],
        target: u32,
        destination: [u8; 6],
        padding in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let packet = Packet {
            operation: if is_reply { Operation::Reply } else { Operation::Request },
            sender_hardware: HardwareAddress(sender_hardware),
            sender: Ipv4Addr::from_bits(sender),
            target_hardware: HardwareAddress(target_hardware),
            target: Ipv4Addr::from_bits(target),
        };
        let mut bytes = [0; FRAME_LEN];
        packet.write(HardwareAddress(destination), &mut bytes);
        prop_assert_eq!(&bytes[..6], &destination);
        prop_assert_eq!(&bytes[6..12], &sender_hardware);
        let mut padded = bytes.to_vec();
        padded.extend(padding);
        prop_assert_eq!(Packet::parse(&padded), Some(packet));
    }

    /// covers: none (text of a hardware address)
    #[test]
    fn hardware_addresses_are_read_as_they_are_shown(bytes: [u8; 6], junk in ".{0,20}") {
        let address = HardwareAddress(bytes);
        prop_assert_eq!(address.to_string().parse(), Ok(address));
        if let Ok(parsed) = junk.parse::<HardwareAddress>() {
            prop_assert_eq!(parsed.to_string(), junk.to_lowercase());
        }
    }
}
