//! A datagram of others as a line: in the words of transcripts for people, record by record for programs.

use std::net::{IpAddr, SocketAddr};

use mdns_proto::{
    link::PORT,
    wire::{Header, Message, Question, Record, Section, Way, Words},
};
use serde::{Serialize, Serializer};

use crate::output::{Print, Stamp};

/// A datagram that went over a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    /// Where it was heard, if that is known.
    pub(crate) interface: Option<&'a str>,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) bytes: &'a [u8],
    /// How many bytes it had, if there were more than these.
    pub(crate) cut_from: Option<usize>,
}

/// Lines one under the other: a column is as wide as it ever was.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    interface_width: usize,
    source_width: usize,
}

/// A line of a transcript.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    datagram: Datagram<'a>,
    interface_width: usize,
    source_width: usize,
}

impl Transcript {
    pub(crate) fn line<'a>(&mut self, datagram: Datagram<'a>) -> Line<'a> {
        let widest = |width: &mut usize, text: &str| {
            *width = text.chars().count().max(*width);
            *width
        };
        Line {
            datagram,
            interface_width: widest(
                &mut self.interface_width,
                datagram.interface.unwrap_or_default(),
            ),
            source_width: widest(&mut self.source_width, &datagram.source.ip().to_string()),
        }
    }
}

impl Line<'_> {
    /// What was done to whom, without time and place.
    fn said(&self, gap: &str) -> String {
        let Datagram {
            source,
            destination,
            bytes,
            cut_from,
            ..
        } = self.datagram;
        let way = Way {
            source_port: source.port(),
            to: match (destination.ip(), destination.port()) {
                (ip, PORT) if ip.is_multicast() => None,
                (ip, port) => Some((Host(ip), port)),
            },
        };
        let words = Words::of(bytes);
        let mut text = format!("{}{gap}{way}{words}", words.verb());
        if let Some(len) = cut_from {
            text += &format!("  captured: {} of {len} bytes", bytes.len());
        }
        text
    }
}

/// An address to which a port can be added.
struct Host(IpAddr);

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => ip.fmt(f),
            IpAddr::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl Print for Line<'_> {
    /// Time in seconds, interface, source, and what it asks or says.
    fn columns(&self, stamp: Stamp) -> String {
        let mut text = format!("{:>8.3}  ", stamp.secs());
        if let Some(interface) = self.datagram.interface {
            text += &format!("{interface:<width$}  ", width = self.interface_width);
        }
        let source = self.datagram.source.ip().to_string();
        text += &format!(
            "{source:<width$}  {}",
            self.said("  "),
            width = self.source_width
        );
        text.truncate(text.trim_end().len());
        text
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let datagram = self.datagram;
        Packet {
            event: "packet",
            interface: datagram.interface,
            source: datagram.source.ip(),
            source_port: datagram.source.port(),
            destination: datagram.destination.ip(),
            destination_port: datagram.destination.port(),
            bytes: datagram.bytes.len(),
            cut_from: datagram.cut_from,
            text: self.said(" "),
            malformed: Words::of(datagram.bytes)
                .faults()
                .map(|faults| faults.to_string()),
            message: Message::parse(datagram.bytes).ok().as_ref().map(of_message),
        }
        .serialize(to)
    }
}

#[derive(Serialize)]
struct Packet<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a str>,
    source: IpAddr,
    source_port: u16,
    destination: IpAddr,
    destination_port: u16,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_from: Option<usize>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    malformed: Option<String>,
    #[serde(flatten)]
    message: Option<Contents>,
}

/// What of a message can be read.
#[derive(Serialize)]
struct Contents {
    id: u16,
    flags: u16,
    response: bool,
    truncated: bool,
    questions: Vec<Asked>,
    answers: Vec<Told>,
    authorities: Vec<Told>,
    additionals: Vec<Told>,
}

#[derive(Serialize)]
struct Asked {
    name: String,
    #[serde(rename = "type")]
    qtype: String,
    class: String,
    unicast: bool,
}

#[derive(Serialize)]
struct Told {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    class: String,
    ttl: u32,
    flush: bool,
    /// As in a zone file.
    data: String,
}

fn of_message(message: &Message<'_>) -> Contents {
    let Header { id, flags } = message.header();
    let section = |section| message.section(section).map(told).collect();
    Contents {
        id,
        flags: flags.0,
        response: flags.response(),
        truncated: flags.truncated(),
        questions: message.questions().map(asked).collect(),
        answers: section(Section::Answer),
        authorities: section(Section::Authority),
        additionals: section(Section::Additional),
    }
}

fn asked(question: Question<'_>) -> Asked {
    Asked {
        name: question.name.to_string(),
        qtype: question.qtype.to_string(),
        class: question.qclass.to_string(),
        unicast: question.unicast,
    }
}

fn told(record: Record<'_>) -> Told {
    Told {
        name: record.name.to_string(),
        rtype: record.rtype().to_string(),
        class: record.class.to_string(),
        ttl: record.ttl.0,
        flush: record.cache_flush,
        data: record.rdata.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;

    const ANSWER: &[u8] = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x05a\x1b\xc2\x9b\n\x05local\0\0\x10\x80\x01\0\0\x11\x94\0\x04\x03\xff\x1b\n";

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        Datagram {
            interface: Some("eth0"),
            source: "10.0.0.7:5353".parse().expect("an address"),
            destination: "224.0.0.251:5353".parse().expect("an address"),
            bytes,
            cut_from: None,
        }
    }

    /// As columns and as JSON.
    fn both(line: &Line<'_>) -> String {
        let stamp = Stamp::recorded(
            Duration::from_millis(1234),
            Duration::from_secs(1_700_000_000),
        );
        let json = String::from_utf8(line.json(stamp).expect("JSON")).expect("UTF-8");
        let text = format!("{}\n{json}\n", line.columns(stamp));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        text
    }

    /// covers: SEC-19, SEC-21
    #[test]
    fn a_packet_is_a_line() {
        let mut transcript = Transcript::default();
        let answer = transcript.line(datagram(ANSWER));
        expect![[r#"
               1.234  eth0  10.0.0.7  says  a\027\194\155\010 TXT! \255\027\010
            {"event":"packet","interface":"eth0","source":"10.0.0.7","source_port":5353,"destination":"224.0.0.251","destination_port":5353,"bytes":39,"text":"says a\\027\\194\\155\\010 TXT! \\255\\027\\010","id":0,"flags":33792,"response":true,"truncated":false,"questions":[],"answers":[{"name":"a\\027\\194\\155\\010.local","type":"TXT","class":"IN","ttl":4500,"flush":true,"data":"\"\\255\\027\\010\""}],"authorities":[],"additionals":[],"time_ms":1234.0,"at":1700000000000.0}
        "#]]
        .assert_eq(&both(&answer));
    }

    #[test]
    fn what_is_unusual_is_said() {
        let mut transcript = Transcript::default();
        let legacy = Datagram {
            source: "[fe80::7]:5353".parse().expect("an address"),
            destination: "[fe80::1:7]:49152".parse().expect("an address"),
            interface: None,
            ..datagram(&ANSWER[..30])
        };
        let cut = Datagram {
            cut_from: Some(300),
            ..datagram(b"?")
        };
        let lines: Vec<String> = [legacy, cut]
            .map(|datagram| both(&transcript.line(datagram)))
            .into();
        expect![[r#"
               1.234  fe80::7  says  to [fe80::1:7]:49152  malformed: ends after 0 of 1 answers
            {"event":"packet","source":"fe80::7","source_port":5353,"destination":"fe80::1:7","destination_port":49152,"bytes":30,"text":"says to [fe80::1:7]:49152  malformed: ends after 0 of 1 answers","malformed":"ends after 0 of 1 answers","id":0,"flags":33792,"response":true,"truncated":false,"questions":[],"answers":[],"authorities":[],"additionals":[],"time_ms":1234.0,"at":1700000000000.0}
               1.234  eth0  10.0.0.7  sends  1 bytes that mean nothing  malformed: message shorter than its header of 12 bytes  captured: 1 of 300 bytes
            {"event":"packet","interface":"eth0","source":"10.0.0.7","source_port":5353,"destination":"224.0.0.251","destination_port":5353,"bytes":1,"cut_from":300,"text":"sends 1 bytes that mean nothing  malformed: message shorter than its header of 12 bytes  captured: 1 of 300 bytes","malformed":"message shorter than its header of 12 bytes","time_ms":1234.0,"at":1700000000000.0}
        "#]]
        .assert_eq(&lines.concat());
    }
}
