//! Packets written byte by byte.

/// Types by their numbers, so that those nobody knows are written like all others.
pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
pub(super) const TXT: u16 = 16;
pub(super) const SIG: u16 = 24;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const OPT: u16 = 41;
pub(super) const NSEC: u16 = 47;
pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;
pub(super) const ANY: u16 = 255;
/// For private use: nobody looks into its rdata.
pub(super) const PRIVATE: u16 = 65_280;

/// Where the body of a packet begins.
pub(super) const BODY: u16 = 12;

/// A packet that may be wrong in any way. Its counts are true unless it [claims](Self::claims) others.
#[derive(Clone)]
pub(super) struct Raw {
    flags: u16,
    counts: [u16; 4],
    body: Vec<u8>,
}

impl Raw {
    pub(super) fn query() -> Self {
        Raw {
            flags: 0,
            counts: [0; 4],
            body: Vec::new(),
        }
    }

    pub(super) fn response() -> Self {
        Raw {
            flags: 0x8400,
            ..Raw::query()
        }
    }

    /// Where what is written next begins, for pointers.
    pub(super) fn here(&self) -> u16 {
        BODY + u16::try_from(self.body.len()).expect("a place that pointers reach")
    }

    pub(super) fn len(&self) -> usize {
        usize::from(BODY) + self.body.len()
    }

    /// Any bytes, which no count counts.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.extend(bytes);
        self
    }

    /// A question of class IN.
    pub(super) fn question(mut self, name: &[u8], qtype: u16) -> Self {
        self.counts[0] += 1;
        self.bytes(name).bytes(&qtype.to_be_bytes()).bytes(&[0, 1])
    }

    /// The same, with the bit that asks for unicast.
    pub(super) fn question_qu(self, name: &[u8], qtype: u16) -> Self {
        let mut raw = self.question(name, qtype);
        let class = raw.body.len() - 2;
        raw.body[class] |= 0x80;
        raw
    }

    /// An answer of class IN, TTL 120.
    pub(super) fn answer(self, name: &[u8], rtype: u16, rdata: &[u8]) -> Self {
        self.record(1, name, rtype, 120, rdata)
    }

    pub(super) fn authority(self, name: &[u8], rtype: u16, rdata: &[u8]) -> Self {
        self.record(2, name, rtype, 120, rdata)
    }

    pub(super) fn additional(self, name: &[u8], rtype: u16, rdata: &[u8]) -> Self {
        self.record(3, name, rtype, 120, rdata)
    }

    /// A record in a section, 1 to 3; they must come in the order of sections.
    pub(super) fn record(
        self,
        section: usize,
        name: &[u8],
        rtype: u16,
        ttl: u32,
        rdata: &[u8],
    ) -> Self {
        let len = u16::try_from(rdata.len()).expect("rdata of 16 bits");
        let mut raw = self.head(section, name, rtype, len);
        let place = raw.body.len() - 6;
        raw.body[place..place + 4].copy_from_slice(&ttl.to_be_bytes());
        raw.bytes(rdata)
    }

    /// A record up to its rdata, which may have another length than stated.
    pub(super) fn head(mut self, section: usize, name: &[u8], rtype: u16, rdlength: u16) -> Self {
        self.counts[section] += 1;
        self.bytes(name)
            .bytes(&rtype.to_be_bytes())
            .bytes(&[0, 1, 0, 0, 0, 120])
            .bytes(&rdlength.to_be_bytes())
    }

    /// What the header says, whatever there is.
    pub(super) fn claims(mut self, counts: [u16; 4]) -> Self {
        self.counts = counts;
        self
    }

    pub(super) fn done(&self) -> Vec<u8> {
        let mut bytes = vec![0, 0];
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend(self.counts.iter().flat_map(|count| count.to_be_bytes()));
        bytes.extend(&self.body);
        bytes
    }
}

/// A name on the wire, of labels without dots in them.
pub(super) fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels.flat_map(|text| label(text.as_bytes())).collect();
    bytes.push(0);
    bytes
}

/// A label with its length before it, which is not checked.
pub(super) fn label(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("a length of one byte");
    [&[len], bytes].concat()
}

pub(super) fn pointer(to: u16) -> [u8; 2] {
    (0xc000 | to).to_be_bytes()
}

/// Rdata of an SRV record.
pub(super) fn srv(port: u16, target: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0], &port.to_be_bytes()[..], target].concat()
}
