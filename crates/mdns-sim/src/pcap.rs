//! What was sent, as a file that Wireshark reads.

use std::{fs::File, io, io::BufWriter, io::Write as _, net::SocketAddr, path::Path};

use mdns_proto::link::{Destination, Family, PORT};
use pcap_parser::{LegacyPcapBlock, Linktype, PcapHeader, ToVec as _};

use crate::{ip_packet, world::Sent};

pub(crate) fn write<'a>(path: &Path, packets: impl Iterator<Item = &'a Sent>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut header = PcapHeader::new();
    header.network = Linktype::RAW;
    file.write_all(&header.to_vec().map_err(other)?)?;
    for sent in packets {
        let data = packet(sent);
        let len = u32::try_from(data.len()).map_err(other)?;
        let micros = sent.at.as_micros();
        let block = LegacyPcapBlock {
            ts_sec: u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX),
            ts_usec: u32::try_from(micros % 1_000_000).unwrap_or(0),
            caplen: len,
            origlen: len,
            data: &data,
        };
        file.write_all(&block.to_vec_raw().map_err(other)?)?;
    }
    file.flush()
}

/// The packet with IP and UDP headers.
fn packet(sent: &Sent) -> Vec<u8> {
    let destination = match sent.destination {
        Destination::Multicast => SocketAddr::new(Family::of(&sent.source.ip()).group().ip(), PORT),
        Destination::Unicast(address) => address,
    };
    ip_packet(sent.source, destination, &sent.bytes)
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
