//! Responses, written (RFC 1035 §4.1, RFC 2308 §3, RFC 6891 §6).

use alloc::vec::Vec;

use mdns_proto::{
    name::{Name, NameBuf},
    wire::{
        Class, Compression, Flags, Full, Header, Question, Rdata, Record, RecordType, Section, Ttl,
        Writer,
    },
};

use crate::{
    face::Answer,
    query::{Query, Rcode},
};

/// The longest message over UDP without EDNS (RFC 1035 §4.2.1).
pub(crate) const UDP_MIN: usize = 512;

/// Bytes of an OPT record without options.
const OPT_LEN: usize = 11;

/// QR and AA: whatever we answer, nobody knows better.
const RESPONSE: u16 = 0x8400;
/// Opcode and RD, which a response repeats.
const REPEATED: u16 = 0x7900;

/// The records of one name, in a response.
pub(crate) struct Rrset<'a> {
    pub(crate) owner: Name<'a>,
    pub(crate) answers: &'a [Answer],
}

/// What a response says.
pub(crate) struct Response<'a> {
    pub(crate) query: &'a Query,
    pub(crate) rcode: Rcode,
    /// The zone and its SOA record, for the authority section of a negative response.
    pub(crate) soa: Option<(Name<'a>, Answer)>,
    /// TTL of all records.
    pub(crate) ttl: u32,
    /// TTL of the SOA record.
    pub(crate) negative_ttl: u32,
    /// The longest response over UDP, which an OPT record announces.
    pub(crate) udp_max: u16,
}

impl<'a> Response<'a> {
    /// Writes it with the records of these names, and returns its length; `None` if they do not fit.
    pub(crate) fn write(
        &self,
        rrsets: impl Iterator<Item = Rrset<'a>>,
        buffer: &mut [u8],
        limit: usize,
    ) -> Option<usize> {
        let room = self.query.edns.map_or(0, |_| OPT_LEN);
        let limit = limit.min(buffer.len());
        let mut writer = Writer::new(buffer, limit.saturating_sub(room), self.header());
        writer.set_compression(Compression::Legacy);
        self.write_question(&mut writer).ok()?;
        for rrset in rrsets {
            self.write_rrset(&mut writer, &rrset).ok()?;
        }
        if let Some((zone, soa)) = &self.soa {
            let ttl = Ttl(self.negative_ttl);
            write_record(&mut writer, Section::Authority, *zone, ttl, soa.rdata()).ok()?;
        }
        let len = writer.finish();
        self.finish(buffer, len, limit)
    }

    /// Writes it without records; with TC, if what it should say did not fit.
    pub(crate) fn write_empty(
        &self,
        buffer: &mut [u8],
        limit: usize,
        is_truncated: bool,
    ) -> Option<usize> {
        let limit = limit.min(buffer.len());
        let mut writer = Writer::new(buffer, limit, self.header());
        writer.set_truncated(is_truncated);
        self.write_question(&mut writer).ok()?;
        let len = writer.finish();
        self.finish(buffer, len, limit)
    }

    fn header(&self) -> Header {
        let Header { id, flags } = self.query.header;
        let bits = RESPONSE | flags.0 & REPEATED | (self.rcode as u16 & 0xf);
        Header {
            id,
            flags: Flags(bits),
        }
    }

    fn write_question(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let Some(asked) = &self.query.asked else {
            return Ok(());
        };
        writer.question(&Question {
            name: asked.name.as_name(),
            qtype: asked.qtype,
            qclass: asked.qclass,
            unicast: asked.top,
        })
    }

    fn write_rrset(&self, writer: &mut Writer<'_>, rrset: &Rrset<'_>) -> Result<(), Full> {
        let qtype = self.query.asked.as_ref().map(|asked| asked.qtype);
        let (owner, ttl) = (rrset.owner, Ttl(self.ttl));
        if qtype == Some(RecordType::NSEC) {
            return self.write_nsec(writer, rrset);
        }
        rrset.answers.iter().try_for_each(|answer| {
            write_record(writer, Section::Answer, owner, ttl, answer.rdata())
        })
    }

    /// Says which types the owner has, and of no other name anything: the next name is the very next that there can be (RFC 8766 §5.5.3).
    fn write_nsec(&self, writer: &mut Writer<'_>, rrset: &Rrset<'_>) -> Result<(), Full> {
        if rrset.answers.is_empty() {
            return Ok(());
        }
        let mut next = NameBuf::new();
        let pushed = next.push_label(&[0]);
        let pushed = pushed.and_then(|()| next.push_name(rrset.owner));
        // A name that is as long as names can be has no name below it.
        if pushed.is_err() || !next.fits_unicast() {
            next = rrset.owner.into();
        }
        // The block of the types below 256 (RFC 4034 §4.1.2). NSEC itself is among them, as it never is in multicast DNS.
        let mut bits = [0u8; 32];
        let types = rrset.answers.iter().map(|answer| answer.rtype);
        for rtype in types.chain([RecordType::NSEC]) {
            if let Some(byte) = bits.get_mut(usize::from(rtype.0 / 8)) {
                *byte |= 0x80 >> (rtype.0 % 8);
            }
        }
        let used = bits
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let mut rdata = Vec::from(next.as_wire());
        rdata.extend_from_slice(&[0, u8::try_from(used).unwrap_or(32)]);
        rdata.extend(bits.iter().take(used));
        let nsec = Rdata::from_wire(RecordType::NSEC, &rdata).ok_or(Full)?;
        write_record(writer, Section::Answer, rrset.owner, Ttl(self.ttl), nsec)
    }

    /// Adds the OPT record, for which there is room, after a message of `len` bytes.
    fn finish(&self, buffer: &mut [u8], len: usize, limit: usize) -> Option<usize> {
        let Some(edns) = self.query.edns else {
            return Some(len);
        };
        let end = len.checked_add(OPT_LEN).filter(|end| *end <= limit)?;
        let [size_high, size_low] = self.udp_max.to_be_bytes();
        let rcode_high = (self.rcode as u16 >> 4) as u8;
        let flags = if edns.wants_dnssec { 0x80 } else { 0 };
        let [_, opt] = RecordType::OPT.0.to_be_bytes();
        let bytes = [
            0, 0, opt, size_high, size_low, rcode_high, 0, flags, 0, 0, 0,
        ];
        buffer.get_mut(len..end)?.copy_from_slice(&bytes);
        // The number of additional records, of which there are no others.
        buffer.get_mut(10..12)?.copy_from_slice(&[0, 1]);
        Some(end)
    }
}

fn write_record(
    writer: &mut Writer<'_>,
    section: Section,
    name: Name<'_>,
    ttl: Ttl,
    rdata: Rdata<'_>,
) -> Result<(), Full> {
    let record = Record {
        name,
        class: Class::IN,
        cache_flush: false,
        ttl,
        rdata,
    };
    writer.record(section, &record)
}
