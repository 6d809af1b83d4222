//! A message in words, on one line, for people who want to see what a network says.
//!
//! ```text
//! asks  Printer._ipp._tcp ANY?  for SRV hall:631, TXT
//! says  PTR Printer._ipp._tcp, SRV! hall:631, TXT!  (+ hall A! 10.0.0.1)
//! asks  _ipp._tcp PTR? QU  knows PTR Printer._ipp._tcp 4321 s
//! ```
//!
//! `QU` marks a question that welcomes a unicast answer, `for` what a probe proposes, `knows` what a question knows already,
//! `!` the cache-flush bit, `bye` a TTL of zero. `.local` is left out, and so is the class IN. A record that has no name
//! before it has that of the one before. A TTL is shown where it matters: with known answers, and where it is not that of
//! RFC 6762 §10.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Class, Flags, Message, ParseError, Question, Rdata, Record, RecordType, Section, Ttl, reader,
};
use crate::{
    link::PORT,
    name::{LOCAL, META_QUERY, Name, escape_label, escape_quoted, reverse_name},
};

/// What is between parts of a line.
const GAP: &str = "  ";

/// A datagram in words; [`Display`](fmt::Display) writes them.
///
/// Nothing is allocated, and no control character comes out, whatever was received.
///
/// ```
/// use mdns_proto::wire::Words;
///
/// let question = Words::of(b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04hall\x05local\0\0\x01\x80\x01");
/// assert_eq!(format!("{} {question}", question.verb()), "asks hall A? QU");
///
/// let cut = Words::of(b"\0\0\x84\0\0\0\0\x02\0\0\0\0\x04hall\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\x0a\0\0\x01");
/// assert_eq!(format!("{} {cut}", cut.verb()), "says hall A! 10.0.0.1  malformed: ends after 1 of 2 answers");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    message: Result<Message<'a>, ParseError>,
    /// Of the datagram, in bytes.
    len: usize,
    service_type: Option<Name<'a>>,
}

/// Which way a datagram went, if not from port 5353 to the group; then a line has it before the [`Words`].
///
/// ```
/// use mdns_proto::{link::PORT, wire::Way};
///
/// let answer = Way { source_port: PORT, to: Some(("10.0.0.7", 49152)) };
/// assert_eq!(format!("{answer}hall A 10.0.0.1"), "to 10.0.0.7:49152  hall A 10.0.0.1");
/// assert_eq!(Way::<&str> { source_port: PORT, to: None }.to_string(), "");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way<T> {
    /// The port it came from.
    pub source_port: u16,
    /// Who alone it was sent to, and on which port.
    pub to: Option<(T, u16)>,
}

impl<T: fmt::Display> fmt::Display for Way<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source_port != PORT {
            write!(f, "from port {} ", self.source_port)?;
        }
        match &self.to {
            Some((to, PORT)) => write!(f, "to {to}{GAP}"),
            Some((to, port)) => write!(f, "to {to}:{port}{GAP}"),
            None => Ok(()),
        }
    }
}

impl<'a> Words<'a> {
    /// The words for a datagram, whatever is in it.
    pub fn of(datagram: &'a [u8]) -> Self {
        Words {
            message: Message::parse(datagram),
            len: datagram.len(),
            service_type: None,
        }
    }

    /// Leaves this service type out of the names of its instances: for where there is no other.
    #[must_use]
    pub fn without_type(self, service_type: Name<'a>) -> Self {
        Words {
            service_type: Some(service_type),
            ..self
        }
    }

    /// What the sender does: `asks`, `says`, or `sends` what is no message.
    pub fn verb(&self) -> &'static str {
        match &self.message {
            Ok(message) if message.header().flags.response() => "says",
            Ok(_) => "asks",
            Err(_) => "sends",
        }
    }

    /// Why not all of the datagram could be read, if so.
    ///
    /// ```
    /// use mdns_proto::wire::Words;
    ///
    /// let faults = |datagram| Words::of(datagram).faults().map(|why| why.to_string());
    /// assert_eq!(faults(b"\0\0\0\0\0\0\0\0\0\0\0\0"), None);
    /// assert_eq!(faults(b"?").as_deref(), Some("message shorter than its header of 12 bytes"));
    /// ```
    pub fn faults(&self) -> Option<Faults<'a>> {
        match self.message {
            Ok(message) if message.is_sound() => None,
            message => Some(Faults { message }),
        }
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line {
            f,
            service_type: self.service_type,
            subject: None,
            is_begun: false,
        };
        match &self.message {
            Ok(message) if message.header().flags.response() => line.response(message)?,
            Ok(message) => line.query(message)?,
            Err(_) => line.part(format_args!("{} bytes that mean nothing", self.len))?,
        }
        match self.faults() {
            Some(faults) => line.part(format_args!("malformed: {faults}")),
            None => Ok(()),
        }
    }
}

/// Why not all of a datagram could be read.
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    message: Result<Message<'a>, ParseError>,
}

impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match &self.message {
            Ok(message) => message,
            Err(error) => return error.fmt(f),
        };
        let mut separator = if message.is_whole() {
            "only "
        } else {
            "ends after "
        };
        let claims = reader::header(message.as_bytes()).map(|(_, (_, _, claims))| claims);
        let read = [
            message.questions().len(),
            message.answers().len(),
            message.authorities().len(),
            message.additionals().len(),
        ];
        let nouns = ["questions", "answers", "authorities", "additionals"];
        for ((read, claim), noun) in read.into_iter().zip(claims.unwrap_or_default()).zip(nouns) {
            if read != usize::from(claim) {
                write!(f, "{separator}{read} of {claim} {noun}")?;
                separator = ", ";
            }
        }
        if message.is_whole() {
            f.write_str(" can be read")?;
        }
        Ok(())
    }
}

/// A line as it is written.
struct Line<'f, 'g, 'a> {
    f: &'f mut fmt::Formatter<'g>,
    service_type: Option<Name<'a>>,
    /// Whom the next record is about if it does not say so.
    subject: Option<Name<'a>>,
    /// Whether a part has been written.
    is_begun: bool,
}

impl<'a> Line<'_, '_, 'a> {
    fn query(&mut self, message: &Message<'a>) -> fmt::Result {
        self.code("opcode", message.header().flags.opcode())?;
        self.questions(message)?;
        // What is proposed, or known, does without the name while only one is asked about.
        let first = message.questions().next().map(|question| question.name);
        let only =
            first.filter(|first| message.questions().all(|question| question.name == *first));
        for (word, section) in [
            ("for", Section::Authority),
            ("knows", Section::Answer),
            ("+", Section::Additional),
        ] {
            if message.section(section).len() > 0 {
                self.subject = only;
                self.gap()?;
                write!(self.f, "{word} ")?;
                self.records(message, section, word == "knows")?;
            }
        }
        self.truncated(message.header().flags, "and more")
    }

    fn response(&mut self, message: &Message<'a>) -> fmt::Result {
        let header = message.header();
        if header.id != 0 {
            write!(self.f, "#{} ", header.id)?;
        }
        self.code("opcode", header.flags.opcode())?;
        self.code("rcode", header.flags.rcode())?;
        if message.questions().len() > 0 {
            self.questions(message)?;
            self.f.write_str(": ")?;
        }
        self.records(message, Section::Answer, false)?;
        for (open, section, close) in [
            ("[", Section::Authority, "]"),
            ("(+ ", Section::Additional, ")"),
        ] {
            if message.section(section).len() > 0 {
                self.gap()?;
                self.f.write_str(open)?;
                self.records(message, section, false)?;
                self.f.write_str(close)?;
            }
        }
        self.truncated(header.flags, "cut")
    }

    /// §18.3, §18.11: other than zero, and nobody listens.
    fn code(&mut self, word: &str, code: u8) -> fmt::Result {
        match code {
            0 => Ok(()),
            code => write!(self.f, "{word} {code} "),
        }
    }

    fn truncated(&mut self, flags: Flags, word: &str) -> fmt::Result {
        match flags.truncated() {
            true => self.part(format_args!("{word}")),
            false => Ok(()),
        }
    }

    fn part(&mut self, words: fmt::Arguments<'_>) -> fmt::Result {
        self.gap()?;
        self.f.write_fmt(words)
    }

    /// Parts the next part from those before it.
    fn gap(&mut self) -> fmt::Result {
        if self.is_begun {
            self.f.write_str(GAP)?;
        }
        self.is_begun = true;
        Ok(())
    }

    fn comma(&mut self, at: usize) -> fmt::Result {
        self.is_begun = true;
        self.f.write_str(if at > 0 { ", " } else { "" })
    }

    fn questions(&mut self, message: &Message<'a>) -> fmt::Result {
        for (at, question) in message.questions().enumerate() {
            let Question {
                name,
                qtype,
                qclass,
                unicast,
            } = question;
            self.comma(at)?;
            if self.subject != Some(name) {
                write!(self.f, "{} ", Short::of(name))?;
            }
            if qclass != Class::IN {
                write!(self.f, "{qclass} ")?;
            }
            write!(self.f, "{qtype}?{}", if unicast { " QU" } else { "" })?;
            self.subject = Some(name);
        }
        Ok(())
    }

    fn records(&mut self, message: &Message<'a>, section: Section, shows_ttl: bool) -> fmt::Result {
        for (at, record) in message.section(section).enumerate() {
            self.comma(at)?;
            match record.rdata {
                // It is about the message, and its class and TTL are none (RFC 6891 §6.1.2).
                Rdata::Opt(_) => write!(self.f, "OPT {}", record.rdata)?,
                _ => self.record(&record, shows_ttl)?,
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'a>, shows_ttl: bool) -> fmt::Result {
        let Record {
            name,
            class,
            cache_flush,
            ttl,
            rdata,
        } = *record;
        if ttl == Ttl::ZERO {
            self.f.write_str("bye ")?;
        }
        let instance = instance(name, rdata);
        match instance {
            Some(_) => {
                if let Some(subtype) = subtype(name) {
                    write!(self.f, "{} ", escape_label(subtype))?;
                }
            }
            None if self.subject == Some(name) => {}
            None => self.owner(name)?,
        }
        if class != Class::IN {
            write!(self.f, "{class} ")?;
        }
        let flush = if cache_flush { "!" } else { "" };
        write!(self.f, "{}{flush}", record.rtype())?;
        self.rdata(rdata)?;
        let is_usual =
            [Ttl::ZERO, usual_ttl(record)].contains(&ttl) || record.rtype() == RecordType::NSEC;
        if shows_ttl || !is_usual {
            write!(self.f, " {ttl} s")?;
        }
        self.subject = Some(instance.unwrap_or(name));
        Ok(())
    }

    /// The owner of a record: for a reverse name, the address.
    fn owner(&mut self, name: Name<'a>) -> fmt::Result {
        match reversed(name) {
            _ if name == META_QUERY => self.f.write_str("types "),
            Some(address) => write!(self.f, "{address} "),
            None => write!(self.f, "{} ", self.short(name)),
        }
    }

    /// What is said, with a space before it.
    fn rdata(&mut self, rdata: Rdata<'a>) -> fmt::Result {
        match rdata {
            Rdata::Ptr(target) => write!(self.f, " {}", self.short(target)),
            Rdata::Srv(srv) => write!(self.f, " {}:{}", Short::of(srv.target), srv.port),
            Rdata::Txt(txt) => txt
                .strings()
                .filter(|string| !string.is_empty())
                .try_for_each(|string| write!(self.f, " {}", escape_quoted(string))),
            Rdata::Nsec(nsec) => nsec
                .types
                .iter()
                .try_for_each(|rtype| write!(self.f, " {rtype}")),
            other => write!(self.f, " {other}"),
        }
    }

    fn short(&self, name: Name<'a>) -> Short<'a> {
        Short {
            name,
            service_type: self.service_type,
        }
    }
}

/// A name without `.local`, and an instance without its type where that goes without saying.
struct Short<'a> {
    name: Name<'a>,
    service_type: Option<Name<'a>>,
}

impl<'a> Short<'a> {
    fn of(name: Name<'a>) -> Self {
        Short {
            name,
            service_type: None,
        }
    }
}

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels = self.name.labels();
        match labels.next() {
            None => return self.name.fmt(f),
            Some(first) => write!(f, "{}", escape_label(first))?,
        }
        while labels.rest() != LOCAL && Some(labels.rest()) != self.service_type {
            match labels.next() {
                Some(label) => write!(f, ".{}", escape_label(label))?,
                None => break,
            }
        }
        Ok(())
    }
}

/// The instance that a PTR points to: its name says by itself whose it is.
fn instance<'a>(owner: Name<'_>, rdata: Rdata<'a>) -> Option<Name<'a>> {
    let Rdata::Ptr(target) = rdata else {
        return None;
    };
    let service_type = match subtype(owner) {
        Some(_) => owner.parent().and_then(Name::parent)?,
        None => owner,
    };
    (target.parent()? == service_type).then_some(target)
}

/// The label before `_sub` (RFC 6763 §7.1).
fn subtype(name: Name<'_>) -> Option<&[u8]> {
    let mut labels = name.labels();
    let (first, second) = (labels.next()?, labels.next()?);
    second.eq_ignore_ascii_case(b"_sub").then_some(first)
}

/// The TTL that RFC 6762 §10 recommends.
fn usual_ttl(record: &Record<'_>) -> Ttl {
    match record.rtype() {
        RecordType::A | RecordType::AAAA | RecordType::SRV | RecordType::HINFO => Ttl(120),
        RecordType::PTR if reversed(record.name).is_some() => Ttl(120),
        _ => Ttl(4500),
    }
}

/// The address that this is the [`reverse_name`] of.
fn reversed(name: Name<'_>) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut places = octets.iter_mut().rev().zip(name.labels());
    let v4 = places
        .try_for_each(|(octet, label)| {
            *octet = number(label, 10).and_then(|number| u8::try_from(number).ok())?;
            Some(())
        })
        .map(|()| Ipv4Addr::from(octets).into());
    let v6 = name
        .labels()
        .take(32)
        .try_fold(0, |bits, label| Some(bits >> 4 | number(label, 16)? << 124))
        .map(|bits: u128| Ipv6Addr::from(bits).into());
    // Digits make a candidate; whether it is one, the one rule says.
    [v4, v6]
        .into_iter()
        .flatten()
        .find(|address| reverse_name(*address) == name)
}

fn number(label: &[u8], radix: u32) -> Option<u128> {
    u128::from_str_radix(str::from_utf8(label).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, string::ToString};

    use super::*;
    use crate::{
        name::NameBuf,
        wire::{Header, Hinfo, Txt, Writer},
    };

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    /// A message of these records.
    fn written(flags: Flags, records: &[(Section, Record<'_>)]) -> std::vec::Vec<u8> {
        let mut buffer = [0; 2000];
        let header = Header { id: 0, flags };
        let mut writer = Writer::new(&mut buffer, 2000, header);
        for (section, record) in records {
            writer.record(*section, record).unwrap();
        }
        let len = writer.finish();
        buffer[..len].into()
    }

    fn record<'a>(name: &'a NameBuf, ttl: u32, rdata: Rdata<'a>) -> Record<'a> {
        Record {
            name: name.as_name(),
            class: Class::IN,
            cache_flush: false,
            ttl: Ttl(ttl),
            rdata,
        }
    }

    #[test]
    fn reverse_names_are_read_as_addresses() {
        for text in ["10.0.0.1", "255.255.255.255", "0.0.0.0", "fe80::1:2a", "::"] {
            let address: IpAddr = text.parse().unwrap();
            let name = reverse_name(address);
            assert_eq!(reversed(name.as_name()), Some(address), "{name}");
        }
        for other in [
            "1.0.0.in-addr.arpa",
            "01.0.0.10.in-addr.arpa",
            "+1.0.0.10.in-addr.arpa",
            "256.0.0.10.in-addr.arpa",
            "1.0.0.10.local",
            "1.0.0.10",
            "0.8.e.f.ip6.arpa",
            "arpa",
            ".",
        ] {
            assert_eq!(reversed(name(other).as_name()), None, "{other}");
        }
    }

    #[test]
    fn what_is_unusual_is_said() {
        let [hall, types, root] = ["hall.local", "_services._dns-sd._udp.local", "."].map(name);
        let (ipp, nasty) = (name("_ipp._tcp.local"), name("\\027[2J.local"));
        let reverse = reverse_name([10, 0, 0, 1].into());
        let txt = Txt::from_wire(b"\x04\x1b[2J\0\x05a=b c\x03\xc2\x9b\xff").unwrap();
        let chaos = Record {
            class: Class(3),
            ..record(&hall, 4500, Rdata::Txt(txt))
        };
        let records = [
            record(&types, 4500, Rdata::Ptr(ipp.as_name())),
            record(&reverse, 120, Rdata::Ptr(hall.as_name())),
            chaos,
            record(&hall, 0, Rdata::Hinfo(Hinfo::new(b"\x07", b"\"").unwrap())),
            record(&nasty, 7, Rdata::Cname(nasty.as_name())),
            record(&root, 4500, Rdata::Opt(b"\x00\x04\x00\x00")),
            record(&hall, 120, Rdata::Other(RecordType(65280), b"\x1b")),
        ]
        .map(|record| (Section::Answer, record));
        let bytes = written(Flags(0xfe0f), &records);
        let words = Words::of(&bytes);
        assert_eq!(words.verb(), "says");
        assert_eq!(
            words.to_string(),
            "opcode 15 rcode 15 types PTR _ipp._tcp, 10.0.0.1 PTR hall, \
             hall CLASS3 TXT \\027[2J a=b c \\194\\155\\255, bye HINFO \"\\007\" \"\\\"\", \
             \\027[2J CNAME \\027[2J.local 7 s, OPT \\# 4 00040000, hall TYPE65280 \\# 1 1b 120 s  cut"
        );
    }

    #[test]
    fn an_instance_says_whose_it_is() {
        let [ipp, color, web, other] = [
            "_ipp._tcp.local",
            "_color._sub._ipp._tcp.local",
            "Web._ipp._tcp.local",
            "Web._http._tcp.local",
        ]
        .map(name);
        let records = [
            record(&ipp, 4500, Rdata::Ptr(web.as_name())),
            record(&color, 4500, Rdata::Ptr(web.as_name())),
            record(&ipp, 4500, Rdata::Ptr(other.as_name())),
        ]
        .map(|record| (Section::Additional, record));
        let bytes = written(Flags::QUERY, &records);
        let words = Words::of(&bytes);
        let long = "+ PTR Web._ipp._tcp, _color PTR Web._ipp._tcp, _ipp._tcp PTR Web._http._tcp";
        assert_eq!(format!("{} {words}", words.verb()), format!("asks {long}"));
        assert_eq!(
            words.without_type(ipp.as_name()).to_string(),
            "+ PTR Web, _color PTR Web, _ipp._tcp PTR Web._http._tcp"
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let said = |bytes: &[u8]| {
            let words = Words::of(bytes);
            format!("{} {words}", words.verb())
        };
        assert_eq!(
            said(b"\x1b[2J"),
            "sends 4 bytes that mean nothing  malformed: message shorter than its header of 12 bytes"
        );
        let hall = name("hall.local");
        let a = record(&hall, 120, Rdata::A([10, 0, 0, 1].into()));
        let mut bytes = written(Flags::RESPONSE, &[(Section::Answer, a); 2]);
        // An address of three bytes, and one too many: what follows is still told apart.
        let at = bytes.len() - 5;
        bytes[at] = 3;
        assert_eq!(
            said(&bytes[..bytes.len() - 1]),
            "says hall A 10.0.0.1  malformed: only 1 of 2 answers can be read"
        );
        assert_eq!(
            said(&bytes[..20]),
            "says malformed: ends after 0 of 2 answers"
        );
    }

    proptest::proptest! {
        /// A header with small counts, and anything after it.
        #[test]
        fn every_datagram_has_harmless_words(
            response: bool,
            counts in proptest::array::uniform4(0u8..3),
            rest in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ) {
            let [qd, an, ns, ar] = counts;
            let flags = if response { 0x84 } else { 0 };
            let header = [0, 0, flags, 0, 0, qd, 0, an, 0, ns, 0, ar];
            let bytes = [&header[..], &rest].concat();
            let words = Words::of(&bytes);
            let text = format!("{} {words}", words.verb());
            assert!(!text.contains(char::is_control), "{text:?}");
            assert_eq!(text.contains("malformed"), words.faults().is_some());
        }
    }

    #[test]
    fn nothing_that_is_received_commands_a_terminal() {
        let rdata = Rdata::from_wire(RecordType::MX, b"\x1b\x07\x02\x1b[\0").unwrap();
        let bytes = written(
            Flags::QUERY,
            &[(Section::Authority, record(&name("\\155x"), 1, rdata))],
        );
        let text: String = Words::of(&bytes).to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert_eq!(text, "for \\155x MX 6919 \\027[ 1 s");
    }
}
