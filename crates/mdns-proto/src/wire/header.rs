//! The first four bytes of a message; the counts after them are the parser's and the writer's own.

use core::fmt;

/// What a message says of itself (RFC 6762 §18.1 to §18.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// Zero in multicast; repeated in the answer to a legacy query (§18.1).
    pub id: u16,
    /// The sixteen bits after it.
    pub flags: Flags,
}

/// The bits of a header, as they are on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// Of a multicast query: no bit set.
    pub const QUERY: Flags = Flags(0);
    /// Of a multicast response: QR and AA (§18.2, §18.4).
    pub const RESPONSE: Flags = Flags(0x8400);

    const TRUNCATED: u16 = 0x0200;

    /// QR: an answer, not a question.
    pub const fn response(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// OPCODE; other than zero the message is to be ignored (§18.3).
    pub const fn opcode(self) -> u8 {
        self.0.to_be_bytes()[0] >> 3 & 0xf
    }

    /// AA: one in responses, ignored on receipt (§18.4).
    pub const fn authoritative(self) -> bool {
        self.0 & 0x0400 != 0
    }

    /// TC: in a query, more known answers follow (§18.5).
    pub const fn truncated(self) -> bool {
        self.0 & Flags::TRUNCATED != 0
    }

    /// RD: zero in multicast, ignored on receipt (§18.6).
    pub const fn recursion_desired(self) -> bool {
        self.0 & 0x0100 != 0
    }

    /// RCODE; other than zero the message is to be ignored (§18.11).
    pub const fn rcode(self) -> u8 {
        self.0.to_be_bytes()[1] & 0xf
    }

    /// The same with TC as given.
    #[must_use]
    pub const fn with_truncated(self, truncated: bool) -> Flags {
        if truncated {
            Flags(self.0 | Flags::TRUNCATED)
        } else {
            Flags(self.0 & !Flags::TRUNCATED)
        }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#06x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: 6762-18.2-a, 6762-18.2-b, 6762-18.4-a, 6762-18.4-b
    #[test]
    fn each_bit_has_its_place() {
        assert!(Flags::RESPONSE.response() && Flags::RESPONSE.authoritative());
        assert!(!Flags::QUERY.response() && !Flags::QUERY.authoritative());
        assert_eq!(Flags(0x7800).opcode(), 15);
        assert_eq!(Flags(0x87ff).opcode(), 0);
        assert_eq!(Flags(0x000f).rcode(), 15);
        assert_eq!(Flags(0xfff0).rcode(), 0);
        assert!(Flags(0x0100).recursion_desired());
        let truncated = Flags::RESPONSE.with_truncated(true);
        assert_eq!(truncated, Flags(0x8600));
        assert!(truncated.truncated());
        assert_eq!(truncated.with_truncated(false), Flags::RESPONSE);
    }
}
