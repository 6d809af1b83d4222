//! What was sent, as a file that Wireshark reads.

use std::{fs::File, io, io::BufWriter, io::Write as _, net::SocketAddr, path::Path};

use etherparse::PacketBuilder;
use mdns_proto::link::{Destination, Family, PORT};
use pcap_parser::{LegacyPcapBlock, Linktype, PcapHeader, ToVec as _};

use crate::world::Sent;

/// RFC 6762 §11: all packets leave with this IP TTL or hop limit.
const TTL: u8 = 255;

pub(crate) fn write<'a>(path: &Path, packets: impl Iterator<Item = &'a Sent>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut header = PcapHeader::new();
    header.network = Linktype::RAW;
    file.write_all(&header.to_vec().map_err(other)?)?;
    for sent in packets {
        let data = datagram(sent)?;
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
fn datagram(sent: &Sent) -> io::Result<Vec<u8>> {
    let destination = match sent.destination {
        Destination::Multicast => SocketAddr::new(Family::of(&sent.source.ip()).group().ip(), PORT),
        Destination::Unicast(address) => address,
    };
    let builder = match (sent.source, destination) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL)
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), TTL)
        }
        _ => return Err(other("source and destination of two families")),
    };
    let builder = builder.udp(sent.source.port(), destination.port());
    let mut data = Vec::with_capacity(builder.size(sent.bytes.len()));
    builder.write(&mut data, &sent.bytes).map_err(other)?;
    Ok(data)
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
