//! Recordings of packets, as pcap or pcapng files have them; also while they are being written.

use std::{fmt, io::Read, time::Duration};

use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader, traits::PcapReaderIterator,
};

/// Room for a packet, at first.
const BUFFER: usize = 1 << 16;

/// The longest packet or other block that is read, in bytes: as long as what today's programs write ever is.
const BLOCK_MAX: usize = 1 << 24;

/// The most interfaces of a section that are read: more than machines have, and a file may describe as many as it likes.
const INTERFACES_MAX: usize = 1 << 16;

/// The resolution of a pcapng interface that does not tell: microseconds.
const MICROS: u64 = 1_000_000;

/// A packet as it was recorded.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// When, after 1970; `None` where the file does not tell.
    pub(super) at: Option<Duration>,
    /// What it begins with.
    pub(super) linktype: Linktype,
    pub(super) bytes: &'a [u8],
    /// How many bytes it had on the wire.
    pub(super) len: usize,
}

/// Why a file cannot be read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// There is nothing in it.
    Empty,
    /// It begins as no recording does.
    Unknown,
    /// It ends in the middle of something.
    Cut {
        /// Where that begins, in bytes.
        at: usize,
    },
    /// It claims a block of more than [`BLOCK_MAX`] bytes.
    Long { at: usize },
    /// A block contradicts itself.
    Malformed { at: usize },
    /// It describes more than [`INTERFACES_MAX`] interfaces.
    ManyInterfaces { at: usize },
    /// A packet is of an interface that was not described.
    NoInterface { at: usize },
    /// The system does not give its bytes.
    Unreadable,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Empty => f.write_str("it is empty"),
            Broken::Unknown => f.write_str("neither pcap nor pcapng"),
            Broken::Cut { at } => write!(f, "it ends in the middle of the block at byte {at}"),
            Broken::Long { at } => write!(
                f,
                "the block at byte {at} claims more than {} MiB",
                BLOCK_MAX >> 20
            ),
            Broken::Malformed { at } => write!(f, "the block at byte {at} is malformed"),
            Broken::ManyInterfaces { at } => write!(
                f,
                "the block at byte {at} describes one more than {INTERFACES_MAX} interfaces"
            ),
            Broken::NoInterface { at } => write!(
                f,
                "the packet at byte {at} is of an interface that is not described"
            ),
            Broken::Unreadable => f.write_str("it cannot be read"),
        }
    }
}

/// An interface of a recording.
#[derive(Clone, Copy, Debug)]
struct Interface {
    linktype: Linktype,
    /// Units of time in a second.
    resolution: u64,
    /// Seconds to add to all times.
    offset: i64,
}

/// Shows each packet, in the order of the file, until one is refused.
///
/// # Errors
///
/// What `each` refuses a packet with, or what is wrong with the file; what came before was shown.
pub(super) fn each_frame<E: From<Broken>>(
    file: impl Read + Send,
    mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = create_reader(BUFFER, file).map_err(|error| match error {
        PcapError::Eof => Broken::Empty,
        PcapError::Incomplete(_) => Broken::Cut { at: 0 },
        PcapError::ReadError => Broken::Unreadable,
        _ => Broken::Unknown,
    })?;
    let mut interfaces = Vec::new();
    let mut room = BUFFER;
    loop {
        let at = reader.consumed();
        match reader.next() {
            Ok((len, block)) => {
                if let Some(frame) = frame(&block, &mut interfaces, at)? {
                    each(frame)?;
                }
                reader.consume(len);
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                let before = reader.data().len();
                reader.refill().map_err(|_| Broken::Unreadable)?;
                if reader.data().len() == before && !reader.reader_exhausted() {
                    grow(&mut *reader, &mut room, at)?;
                }
            }
            Err(PcapError::BufferTooSmall) => {
                grow(&mut *reader, &mut room, at)?;
                reader.refill().map_err(|_| Broken::Unreadable)?;
            }
            Err(PcapError::UnexpectedEof) => return Err(Broken::Cut { at }.into()),
            Err(PcapError::ReadError) => return Err(Broken::Unreadable.into()),
            Err(_) => return Err(Broken::Malformed { at }.into()),
        }
    }
}

/// Doubles the room for what has been read.
fn grow(
    reader: &mut (dyn PcapReaderIterator + Send),
    room: &mut usize,
    at: usize,
) -> Result<(), Broken> {
    *room *= 2;
    if *room <= BLOCK_MAX && reader.grow(*room) {
        Ok(())
    } else {
        Err(Broken::Long { at })
    }
}

/// The packet in a block, if it is one; what others say of interfaces is kept.
fn frame<'a>(
    block: &'a PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    at: usize,
) -> Result<Option<Frame<'a>>, Broken> {
    let described = |interfaces: &[Interface], index: usize| {
        interfaces
            .get(index)
            .copied()
            .ok_or(Broken::NoInterface { at })
    };
    let frame = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = match header.is_nanosecond_precision() {
                true => 1_000_000_000,
                false => MICROS,
            };
            interfaces.push(Interface {
                // Above are words on checksums.
                linktype: Linktype(header.network.0 & 0xffff),
                resolution,
                offset: 0,
            });
            return Ok(None);
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = described(interfaces, 0)?;
            let whole = Duration::from_secs(packet.ts_sec.into());
            Frame {
                at: Some(whole + interface.span(packet.ts_usec.into())),
                linktype: interface.linktype,
                bytes: packet.data,
                len: size(packet.origlen),
            }
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(_))
            if interfaces.len() == INTERFACES_MAX =>
        {
            return Err(Broken::ManyInterfaces { at });
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(found)) => {
            interfaces.push(Interface {
                linktype: found.linktype,
                resolution: resolution(found.if_tsresol).unwrap_or(MICROS),
                offset: found.if_tsoffset,
            });
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = described(interfaces, size(packet.if_id))?;
            let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            Frame {
                at: Some(interface.span(units)),
                linktype: interface.linktype,
                // The rest is padding.
                bytes: front(packet.data, packet.caplen),
                len: size(packet.origlen),
            }
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => Frame {
            at: None,
            linktype: described(interfaces, 0)?.linktype,
            bytes: front(packet.data, packet.origlen),
            len: size(packet.origlen),
        },
        // Statistics, names, comments.
        PcapBlockOwned::NG(_) => return Ok(None),
    };
    Ok(Some(frame))
}

impl Interface {
    /// What a number of units says, with the offset.
    fn span(self, units: u64) -> Duration {
        let secs = (units / self.resolution).saturating_add_signed(self.offset);
        let rest = u128::from(units % self.resolution) * 1_000_000_000;
        // Less than a second.
        let nanos = u64::try_from(rest / u128::from(self.resolution)).unwrap_or(0);
        Duration::from_secs(secs).saturating_add(Duration::from_nanos(nanos))
    }
}

/// Units in a second: a power of ten, or of two if the top bit is set; `None` if there are too many.
fn resolution(tsresol: u8) -> Option<u64> {
    match tsresol.checked_sub(0x80) {
        Some(power) => 1u64.checked_shl(power.into()),
        None => 10u64.checked_pow(tsresol.into()),
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn front(bytes: &[u8], len: u32) -> &[u8] {
    bytes.get(..size(len)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of pcapng, least byte first.
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let len = u32::try_from(body.len() + padding + 12).expect("a short block");
        let mut bytes = [kind, len].map(u32::to_le_bytes).concat();
        bytes.extend(body);
        bytes.extend(vec![0; padding]);
        bytes.extend(len.to_le_bytes());
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn section() -> Vec<u8> {
        block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]))
    }

    /// An interface of this link type, with one option.
    fn interface(linktype: u32, option: u16, value: &[u8]) -> Vec<u8> {
        let mut body = words(&[linktype, 0]);
        let len = u16::try_from(value.len()).expect("a short option");
        body.extend([option, len].map(u16::to_le_bytes).concat());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([0; 4]);
        block(1, &body)
    }

    fn packet(interface: u32, units: u64, len: u32, bytes: &[u8]) -> Vec<u8> {
        let [high, low] = [units >> 32, units & 0xffff_ffff].map(|half| half as u32);
        let captured = u32::try_from(bytes.len()).expect("a short packet");
        let body = [
            words(&[interface, high, low, captured, len]),
            bytes.to_vec(),
        ];
        block(6, &body.concat())
    }

    type Told = (Option<Duration>, i32, Vec<u8>, usize);

    fn all(file: &[u8]) -> (Vec<Told>, Result<(), Broken>) {
        let mut told = Vec::new();
        let end = each_frame(file, |frame| {
            told.push((frame.at, frame.linktype.0, frame.bytes.to_vec(), frame.len));
            Ok(())
        });
        (told, end)
    }

    #[test]
    fn a_pcapng_file_may_have_many_interfaces_and_clocks() {
        const TSRESOL: u16 = 9;
        const TSOFFSET: u16 = 14;
        let file = [
            section(),
            interface(1, TSRESOL, &[9]),
            interface(101, TSRESOL, &[0x80 | 1]),
            interface(113, TSOFFSET, &1000i64.to_le_bytes()),
            packet(0, 1_500_000_000, 3, b"one"),
            packet(1, 7, 300, b"three"),
            packet(2, 2_000_001, 3, b"two"),
            // A packet without its time, a block of no interest, and a section that begins anew.
            block(3, &[&words(&[4])[..], b"four"].concat()),
            block(5, &words(&[0, 0, 0])),
            section(),
            interface(228, TSRESOL, &[6]),
            packet(0, 5, 4, b"five"),
        ]
        .concat();
        let (told, end) = all(&file);
        assert_eq!(end, Ok(()));
        let at = |secs, nanos| Some(Duration::new(secs, nanos));
        let expected = [
            (at(1, 500_000_000), 1, &b"one"[..], 3),
            (at(3, 500_000_000), 101, b"three", 300),
            (at(1002, 1_000), 113, b"two", 3),
            (None, 1, b"four", 4),
            (at(0, 5_000), 228, b"five", 4),
        ];
        let expected =
            expected.map(|(at, linktype, bytes, len)| (at, linktype, bytes.to_vec(), len));
        assert_eq!(told, expected);
    }

    #[test]
    fn a_pcap_file_says_how_fine_its_clock_is() {
        let record = [words(&[10, 5, 2, 60]), b"ab".to_vec()].concat();
        for (magic, nanos) in [(0xa1b2_c3d4, 5_000), (0xa1b2_3c4d, 5)] {
            // The upper bits of the link type tell of checksums.
            let header = words(&[magic, 0x0004_0002, 0, 0, 65535, 0x1400_0001]);
            let (told, end) = all(&[header, record.clone()].concat());
            assert_eq!(end, Ok(()));
            let at = Some(Duration::new(10, nanos));
            assert_eq!(told, [(at, 1, b"ab".to_vec(), 60)]);
        }
    }

    /// covers: SEC-05, SEC-11
    #[test]
    fn a_broken_file_is_told_with_the_place() {
        let header = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1]);
        let claim = |captured| words(&[0, 0, captured, captured]);
        let huge = [header.clone(), claim(1 << 30), vec![0; 1 << 25]].concat();
        let large = [header.clone(), claim(1 << 20), vec![7; 1 << 20]].concat();
        let cut = [header.clone(), claim(100), vec![0; 99]].concat();
        let stranger = [section(), packet(0, 0, 3, b"one")].concat();
        assert_eq!(all(b"").1, Err(Broken::Empty));
        assert_eq!(all(b"no such thing").1, Err(Broken::Unknown));
        assert_eq!(all(&header[..20]).1, Err(Broken::Cut { at: 0 }));
        assert_eq!(all(&cut).1, Err(Broken::Cut { at: 24 }));
        assert_eq!(all(&huge).1, Err(Broken::Long { at: 24 }));
        assert_eq!(all(&stranger).1, Err(Broken::NoInterface { at: 28 }));
        let (told, end) = all(&large);
        assert_eq!((told.len(), end), (1, Ok(())));
    }

    /// covers: SEC-11
    #[test]
    fn interfaces_without_end_are_not_kept() {
        let one = interface(1, 9, &[6]);
        let mut file = section();
        for _ in 0..INTERFACES_MAX {
            file.extend(&one);
        }
        file.extend(packet(65_535, 5, 3, b"one"));
        let (told, end) = all(&file);
        assert_eq!((told.len(), end), (1, Ok(())));
        let at = file.len();
        file.extend(&one);
        file.extend(packet(65_535, 5, 3, b"two"));
        let (told, end) = all(&file);
        assert_eq!((told.len(), end), (1, Err(Broken::ManyInterfaces { at })));
    }

    /// covers: SEC-05, SEC-06, SEC-13, PcapPlusPlus-854
    #[test]
    fn whatever_is_damaged_reading_ends() {
        let file = [
            section(),
            interface(1, 9, &[9]),
            packet(0, 1_500_000_000, 3, b"one"),
            block(3, &[&words(&[4])[..], b"four"].concat()),
        ]
        .concat();
        for at in 0..file.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= bits;
                drop(all(&damaged));
            }
            drop(all(&file[..at]));
        }
    }
}
