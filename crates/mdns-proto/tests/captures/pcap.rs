//! The files of this directory, as datagrams at their times.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// A datagram of a capture.
pub(crate) struct Datagram<'a> {
    /// Since the first of the capture.
    pub(crate) at: Duration,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) hop_limit: u8,
    pub(crate) payload: &'a [u8],
}

/// Where this directory is.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// The files, by name.
pub(crate) fn files() -> Vec<PathBuf> {
    let entries = directory().read_dir().expect("a directory");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "pcap"))
        .collect();
    files.sort();
    files
}

/// The datagrams of a little-endian pcap file of Ethernet.
pub(crate) fn datagrams(capture: &[u8]) -> Vec<Datagram<'_>> {
    let (head, mut rest) = capture.split_at(24);
    assert!(
        head.starts_with(&0xa1b2_c3d4u32.to_le_bytes()),
        "a pcap file"
    );
    assert_eq!(head[20..], 1u32.to_le_bytes(), "of Ethernet");
    let mut datagrams = Vec::new();
    let mut start = None;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(16);
        let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| head[at + n]));
        let time = Duration::from_secs(u32_at(0).into()) + Duration::from_micros(u32_at(4).into());
        let (frame, tail) = tail.split_at(u32_at(8) as usize);
        datagrams.push(datagram(time - *start.get_or_insert(time), frame));
        rest = tail;
    }
    datagrams
}

/// The UDP datagram in an Ethernet frame.
fn datagram(at: Duration, frame: &[u8]) -> Datagram<'_> {
    let u16_at = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let packet = &frame[14..];
    let (source, destination, hop_limit, udp): (IpAddr, IpAddr, u8, _) = match u16_at(frame, 12) {
        0x0800 => {
            assert_eq!(packet[9], 17, "UDP");
            let address = |at: usize| -> [u8; 4] { packet[at..at + 4].try_into().unwrap() };
            (
                Ipv4Addr::from(address(12)).into(),
                Ipv4Addr::from(address(16)).into(),
                packet[8],
                &packet[usize::from(packet[0] & 0xf) * 4..],
            )
        }
        0x86dd => {
            assert_eq!(packet[6], 17, "UDP");
            let address = |at: usize| -> [u8; 16] { packet[at..at + 16].try_into().unwrap() };
            (
                Ipv6Addr::from(address(8)).into(),
                Ipv6Addr::from(address(24)).into(),
                packet[7],
                &packet[40..],
            )
        }
        other => panic!("neither IPv4 nor IPv6: {other:#06x}"),
    };
    Datagram {
        at,
        source: (source, u16_at(udp, 0)).into(),
        destination: (destination, u16_at(udp, 2)).into(),
        hop_limit,
        payload: &udp[8..u16_at(udp, 4).into()],
    }
}
