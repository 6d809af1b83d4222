//! The story of one who sends what is no message (docs/security.md), to nodes that go on.

use std::{thread, time::Duration};

use mdns_driver::{
    Announcement,
    proto::{
        name::{NameBuf, ServiceType},
        wire::{Class, Flags, Header, Rdata, Record, Section, Ttl, Txt},
    },
    socket::{Family, LinkSocket, interfaces},
};
use mdns_sim::{message, reported_packets};

use crate::{
    Node,
    stories::{announce, ask_simply, kind, node, until},
};

/// A socket on loopback that hears and speaks as a host does, from port 5353.
pub(crate) fn mouth() -> LinkSocket {
    let all = interfaces().expect("interfaces");
    let loopback = all.iter().find(|interface| interface.is_loopback);
    LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket")
}

/// A response that tells of an instance first, and then has so many bytes of something else.
fn response(kind: &ServiceType, label: &str, padding: usize) -> Vec<u8> {
    let instance = kind.instance(label).expect("a name");
    let nobody: NameBuf = "padding.local".parse().expect("a name");
    let strings = [&[199][..], &[b'x'; 199]].concat().repeat(padding / 200);
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    message(header, |writer| {
        let told = Record {
            name: kind.as_name(),
            class: Class::IN,
            cache_flush: false,
            ttl: Ttl(120),
            rdata: Rdata::Ptr(instance.as_name()),
        };
        let padding = Record {
            name: nobody.as_name(),
            rdata: Rdata::Txt(Txt::from_wire(&strings).expect("strings")),
            ..told
        };
        writer.record(Section::Answer, &told).expect("room");
        writer.record(Section::Answer, &padding).expect("room");
    })
}

/// Datagrams of no bytes, too large ones, and the packets of all reports: nodes take no half of a message for one, keep their
/// names, answer, and find who is there.
///
/// covers: SEC-01, SEC-02, SEC-03, SEC-04, SEC-05, SEC-06, SEC-07, SEC-08, SEC-09, SEC-13, SEC-16, SEC-23, SEC-24, CVE-2011-1002
pub(crate) fn what_is_no_message_is_passed_over<N: Node>() {
    const EMPTY: usize = 200;
    let (hall, attic): (N, N) = (node(), node());
    let kind = kind();
    let mut browse = attic.browse(&kind);
    let (_desk, name) = announce(&hall, &Announcement::new("Desk", kind.clone(), 1));

    let mouth = mouth();
    let say = |bytes: &[u8]| {
        mouth.send_to(bytes, mouth.group()).expect("sent");
        // A socket has room for some hundred datagrams, if nobody reads.
        thread::sleep(Duration::from_micros(300));
    };
    // All at once: who takes one of them for the end of what there is to read never catches up.
    for _ in 0..EMPTY {
        mouth.send_to(b"", mouth.group()).expect("sent");
    }
    for (label, padding) in [("Long", 9_000), ("Longest", 60_000), ("Whole", 8_800)] {
        say(&response(&kind, label, padding));
    }
    for packet in reported_packets()
        .iter()
        .flat_map(|report| report.both_ways())
    {
        say(&packet);
    }

    let (_shelf, _) = announce(&hall, &Announcement::new("Shelf", kind.clone(), 2));
    until(&attic, &mut browse, 3);
    let mut found: Vec<String> = attic
        .snapshot(&browse)
        .iter()
        .map(|instance| instance.label().to_string())
        .collect();
    found.sort();
    assert_eq!(found, ["Desk", "Shelf", "Whole"]);
    ask_simply(&name);
}
