//! What crossed the switch: tcpdump's file, taken apart as far as the scenarios need.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use mdns_proto::wire::Message;
use pcap_parser::{LegacyPcapBlock, PcapCapture};

/// The port of mDNS.
const PORT: u16 = 5353;

/// The groups of mDNS, as they stand in membership reports.
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// One packet of interest.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// When it passed, by the clock that also stamps the lines of programs.
    pub(crate) at: SystemTime,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// The ports, if it is a message.
    pub(crate) ports: Option<(u16, u16)>,
    /// The TTL of IPv4, the hop limit of IPv6.
    pub(crate) hop_limit: u8,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A UDP payload to or from port 5353.
    Message(Vec<u8>),
    /// A report (IGMP, MLD) that names the group of mDNS: the sender's kernel has just joined.
    Membership,
}

impl Datagram {
    /// The message, if it is one that parses.
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        match &self.content {
            Content::Message(bytes) => Message::parse(bytes).ok(),
            Content::Membership => None,
        }
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<Datagram>> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let capture = PcapCapture::from_file(&bytes).map_err(|e| anyhow!("{}: {e}", file.display()))?;
    Ok(capture.blocks.iter().filter_map(datagram).collect())
}

fn datagram(block: &LegacyPcapBlock<'_>) -> Option<Datagram> {
    let packet = SlicedPacket::from_ethernet(block.data).ok()?;
    let (source, destination, hop_limit, payload): (IpAddr, IpAddr, _, _) = match packet.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let (source, destination) = (header.source_addr(), header.destination_addr());
            let payload = ip.payload().payload;
            (source.into(), destination.into(), header.ttl(), payload)
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            let (source, destination) = (header.source_addr(), header.destination_addr());
            let payload = ip.payload().payload;
            (
                source.into(),
                destination.into(),
                header.hop_limit(),
                payload,
            )
        }
        NetSlice::Arp(_) => return None,
    };
    let mut ports = None;
    let content = match packet.transport {
        Some(TransportSlice::Udp(udp))
            if [udp.source_port(), udp.destination_port()].contains(&PORT) =>
        {
            ports = Some((udp.source_port(), udp.destination_port()));
            Content::Message(udp.payload().to_vec())
        }
        Some(TransportSlice::Udp(_) | TransportSlice::Tcp(_)) => return None,
        // Nothing else that is sent here carries these bytes.
        _ if contains(payload, &GROUP_V4.octets()) || contains(payload, &GROUP_V6.octets()) => {
            Content::Membership
        }
        _ => return None,
    };
    let at = UNIX_EPOCH + Duration::new(block.ts_sec.into(), block.ts_usec.saturating_mul(1000));
    Some(Datagram {
        at,
        source,
        destination,
        ports,
        hop_limit,
        content,
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
