//! Reports whose input is one packet: a test for each, with the packet as the report describes it. The same packet is a seed of
//! the fuzz corpus, under the name of the test.

use super::{
    raw::*,
    report::{
        End::{Cut, Gaps, Nothing, Sound},
        Read, harmless, harmless_bytes,
    },
};

// --- pointers that lead in circles, SEC-01 ---

/// A name that is a pointer to itself.
///
/// covers: CVE-2006-6870
#[test]
fn cve_2006_6870() {
    harmless(
        &Raw::query().question(&pointer(BODY), ANY),
        Read(0, 0, Gaps),
    );
}

/// A label, then a pointer back to it.
///
/// covers: CVE-2000-0333
#[test]
fn cve_2000_0333() {
    let owner = [&label(b"loop")[..], &pointer(BODY)].concat();
    harmless(
        &Raw::response().answer(&owner, A, &[10, 0, 0, 7]),
        Read(0, 0, Gaps),
    );
}

/// A pointer to itself in the rdata of a PTR.
///
/// covers: CVE-2017-9345
#[test]
fn cve_2017_9345() {
    let owner = name("_http._tcp.local");
    let raw = Raw::response();
    let target = raw.here() + u16::try_from(owner.len()).expect("short") + 10;
    harmless(&raw.answer(&owner, PTR, &pointer(target)), Read(0, 0, Gaps));
}

/// Two names that are pointers to each other.
///
/// covers: CVE-2019-9747
#[test]
fn cve_2019_9747() {
    let raw = Raw::query()
        .question(&pointer(BODY + 6), A)
        .question(&pointer(BODY), A);
    harmless(&raw, Read(0, 0, Gaps));
}

/// A cycle over three names, each with a label, beside a name of 320 bytes.
///
/// covers: TizenRT-810
#[test]
fn tizenrt_810() {
    let part = |to| [&label(b"a")[..], &pointer(to)].concat();
    let step = 8;
    let raw = Raw::query()
        .question(&part(BODY + step), A)
        .question(&part(BODY + 2 * step), A)
        .question(&part(BODY), A)
        .question(&[label(&[b'x'; 63]).repeat(5), vec![0]].concat(), A);
    harmless(&raw, Read(0, 0, Cut));
}

/// An SRV whose target is a pointer to itself: a reader that calls itself has no stack for it.
///
/// covers: CVE-2018-20994
#[test]
fn cve_2018_20994() {
    let owner = name("Evil._http._tcp.local");
    let raw = Raw::response();
    let target = raw.here() + u16::try_from(owner.len()).expect("short") + 10 + 6;
    let rdata = srv(80, &pointer(target));
    harmless(&raw.answer(&owner, SRV, &rdata), Read(0, 0, Gaps));
}

/// An answer whose owner is a pointer to itself, after a sound question.
///
/// covers: CVE-2018-20103
#[test]
fn cve_2018_20103() {
    let raw = Raw::response().question(&name("hall.local"), A);
    let here = raw.here();
    harmless(
        &raw.answer(&pointer(here), A, &[10, 0, 0, 7]),
        Read(1, 0, Gaps),
    );
}

/// A pointer back to the label before it, in a question that asks for unicast.
///
/// covers: netxduo-140
#[test]
fn netxduo_140() {
    let raw = Raw::query()
        .question_qu(&[&label(b"hall")[..], &pointer(BODY)].concat(), A)
        .question_qu(&name("hall.local"), A);
    harmless(&raw, Read(1, 0, Gaps));
}

/// A chain of 4,000 pointers, each to the one before, in rdata that nobody looks into; then an owner at its end.
fn chain(step: impl Fn(u16) -> Vec<u8>, count: u16) -> (Raw, u16) {
    let raw = Raw::response();
    // The root as owner, and the ten bytes before rdata.
    let mut at = raw.here() + 11;
    let mut rdata = vec![0];
    let mut last = at;
    at += 1;
    for _ in 0..count {
        let part = step(last);
        last = at;
        at += u16::try_from(part.len()).expect("short");
        rdata.extend(part);
    }
    (raw.answer(&[0], PRIVATE, &rdata), last)
}

/// covers: CVE-2020-6071
#[test]
fn cve_2020_6071() {
    let (raw, last) = chain(|before| pointer(before).into(), 4000);
    harmless(
        &raw.answer(&pointer(last), A, &[10, 0, 0, 7]),
        Read(0, 1, Gaps),
    );
}

/// Thousands of distinct pointers, a label before each.
///
/// covers: PYSEC-2026-3436
#[test]
fn pysec_2026_3436() {
    let (raw, last) = chain(|to| [&label(b"a")[..], &pointer(to)].concat(), 2000);
    harmless(
        &raw.answer(&pointer(last), A, &[10, 0, 0, 7]),
        Read(0, 1, Gaps),
    );
}

/// A deep chain that is allowed, and 500 records whose owner is at its end.
///
/// covers: CVE-2026-42304
#[test]
fn cve_2026_42304() {
    let (mut raw, last) = chain(|before| pointer(before).into(), 120);
    for _ in 0..500 {
        raw = raw.answer(&pointer(last), A, &[10, 0, 0, 7]);
    }
    harmless(&raw, Read(0, 501, Sound));
}

/// A name whose expansion doubles: each label sends back to one that sends back.
///
/// covers: CVE-2020-27738
#[test]
fn cve_2020_27738() {
    let (raw, last) = chain(|to| [label(&[b'x'; 63]), pointer(to).into()].concat(), 8);
    harmless(
        &raw.answer(&pointer(last), PTR, &pointer(last)),
        Read(0, 1, Gaps),
    );
}

// --- pointers that lead out, SEC-02 ---

/// A pointer 16,383 bytes away in a packet of 18.
///
/// covers: CVE-2019-9748
#[test]
fn cve_2019_9748() {
    harmless(&Raw::query().question(&[0xff, 0xff], A), Read(0, 0, Gaps));
}

/// Bytes that have one of the two bits of a pointer.
///
/// covers: CVE-2020-24338
#[test]
fn cve_2020_24338() {
    let raw = Raw::query()
        .question(&name("hall.local"), A)
        .question(&[0x80, 12], A);
    harmless(&raw, Read(1, 0, Cut));
}

/// covers: CVE-2017-2909
#[test]
fn cve_2017_2909() {
    harmless(&Raw::query().question(&[0x40, 12], A), Read(0, 0, Cut));
}

/// An offset behind the end, by one and by many.
///
/// covers: CVE-2020-24339
#[test]
fn cve_2020_24339() {
    let raw = Raw::response()
        .answer(&pointer(BODY + 32), A, &[10, 0, 0, 7])
        .answer(&pointer(0x3ff0), A, &[10, 0, 0, 7]);
    assert_eq!(raw.here(), BODY + 32);
    harmless(&raw, Read(0, 0, Gaps));
}

/// Into the header, where nothing is a name.
///
/// covers: CVE-2020-24335
#[test]
fn cve_2020_24335() {
    let raw = Raw::response()
        .answer(&pointer(0), A, &[10, 0, 0, 7])
        .answer(&pointer(11), A, &[10, 0, 0, 7]);
    harmless(&raw, Read(0, 0, Gaps));
}

/// covers: CVE-2020-25767
#[test]
fn cve_2020_25767() {
    let owner = name("_http._tcp.local");
    let raw = Raw::response()
        .answer(&owner, PTR, &pointer(0x2000))
        .answer(&name("honest.local"), A, &[10, 0, 0, 8]);
    harmless(&raw, Read(0, 1, Gaps));
}

/// A pointer and an rdata length that both lead out.
///
/// covers: CVE-2020-27009
#[test]
fn cve_2020_27009() {
    let raw = Raw::response()
        .head(1, &pointer(0x1000), A, 4000)
        .bytes(&[10, 0, 0, 7]);
    harmless(&raw, Read(0, 0, Cut));
}

/// The packet ends between the two bytes of a pointer.
///
/// covers: CVE-2025-1675
#[test]
fn cve_2025_1675() {
    let raw = Raw::query()
        .question(&name("hall.local"), A)
        .claims([2, 0, 0, 0])
        .bytes(&[0xc0]);
    harmless(&raw, Read(1, 0, Cut));
}

/// Names of a list, compressed, of which the second leads past the end and the third to the second.
///
/// covers: CVE-2020-7461
#[test]
fn cve_2020_7461() {
    let raw = Raw::response().answer(&name("local"), A, &[10, 0, 0, 7]);
    let second = raw.here();
    let raw = raw
        .answer(
            &[&label(b"b")[..], &pointer(0x0fff)].concat(),
            A,
            &[10, 0, 0, 7],
        )
        .answer(&pointer(second), A, &[10, 0, 0, 7]);
    harmless(&raw, Read(0, 1, Gaps));
}

/// A name that leaves the packet by a label, one that does by a pointer, in one answer.
///
/// covers: ntopng-8793
#[test]
fn ntopng_8793() {
    let raw = Raw::response()
        .answer(&name("_http._tcp.local"), PTR, &pointer(0x3fff))
        .head(1, &label(b"local"), PTR, 2)
        .bytes(&[63]);
    harmless(&raw, Read(0, 0, Cut));
}

// --- labels and names that are too long, SEC-03 ---

/// A label of 64 bytes: its length is that of no label.
///
/// covers: CVE-2008-2326
#[test]
fn cve_2008_2326() {
    let long = [label(&[b'x'; 64]), name("local")].concat();
    harmless(&Raw::query().question(&long, A), Read(0, 0, Cut));
}

/// Labels that make more than 255 bytes once pointers are followed.
///
/// covers: CVE-2017-12087
#[test]
fn cve_2017_12087() {
    let raw = Raw::query().question(&[label(&[b'a'; 63]).repeat(3), vec![0]].concat(), A);
    let longer = [label(&[b'b'; 63]), pointer(BODY).into()].concat();
    harmless(&raw.question(&longer, A), Read(1, 0, Gaps));
}

/// A label that is longer than what is left of the packet.
///
/// covers: CVE-2020-6072
#[test]
fn cve_2020_6072() {
    let raw = Raw::query().claims([1, 0, 0, 0]).bytes(b"\x3fshort");
    harmless(&raw, Read(0, 0, Cut));
}

/// A name of 300 bytes made of pointers.
///
/// covers: CVE-2016-20009
#[test]
fn cve_2016_20009() {
    let (raw, last) = chain(|to| [label(&[b's'; 59]), pointer(to).into()].concat(), 5);
    harmless(
        &raw.answer(&pointer(last), A, &[10, 0, 0, 7]),
        Read(0, 1, Gaps),
    );
}

/// A name of 256 bytes, one more than there may be before the zero, by a pointer to its tail.
///
/// covers: CVE-2014-3484
#[test]
fn cve_2014_3484() {
    let (raw, last) = chain(|to| [label(&[b'm'; 63]), pointer(to).into()].concat(), 3);
    let longest = [label(&[b'n'; 62]), pointer(last).into()].concat();
    let longer = [label(&[b'n'; 63]), pointer(last).into()].concat();
    let raw = raw
        .answer(&longest, A, &[10, 0, 0, 7])
        .answer(&longer, A, &[10, 0, 0, 7]);
    harmless(&raw, Read(0, 2, Gaps));
}

/// Many records, each with a name that would be long without end.
///
/// covers: CVE-2025-24294
#[test]
fn cve_2025_24294() {
    let (mut raw, last) = chain(|to| [label(&[b'r'; 63]), pointer(to).into()].concat(), 100);
    for _ in 0..100 {
        raw = raw.answer(&pointer(last), A, &[10, 0, 0, 7]);
    }
    harmless(&raw, Read(0, 1, Gaps));
}

/// Labels that fit one by one, and do not together.
///
/// covers: CVE-2026-1678
#[test]
fn cve_2026_1678() {
    let fits = [label(&[b'z'; 61]).repeat(4), vec![0]].concat();
    let more = [label(&[b'z'; 61]).repeat(4), label(&[b'z'; 8]), vec![0]].concat();
    let raw = Raw::query().question(&fits, A).question(&more, A);
    harmless(&raw, Read(1, 0, Cut));
}

/// covers: CVE-2020-25110
#[test]
fn cve_2020_25110() {
    let raw = Raw::response()
        .answer(&name("honest.local"), A, &[10, 0, 0, 8])
        .claims([0, 2, 0, 0])
        .bytes(b"\x20only eight");
    harmless(&raw, Read(0, 1, Cut));
}

/// A label of the largest length, whose bytes are those of the record it stands in.
///
/// covers: CVE-2020-15795
#[test]
fn cve_2020_15795() {
    let raw = Raw::response().answer(&[63], TXT, b"\x03a=b");
    harmless(&raw, Read(0, 0, Cut));
}

// --- names without an end, SEC-04 ---

/// covers: CVE-2020-24383
#[test]
fn cve_2020_24383() {
    let raw = Raw::query()
        .claims([1, 0, 0, 0])
        .bytes(b"\x04hall\x05local");
    harmless(&raw, Read(0, 0, Cut));
}

/// covers: CVE-2020-17440
#[test]
fn cve_2020_17440() {
    let raw = Raw::response()
        .question(&name("hall.local"), A)
        .claims([1, 1, 0, 0])
        .bytes(b"\x04hall\x05local");
    harmless(&raw, Read(1, 0, Cut));
}

/// covers: CVE-2020-25107
#[test]
fn cve_2020_25107() {
    let raw = Raw::response()
        .head(1, &name("hall.local"), CNAME, 5)
        .bytes(b"\x04evil");
    harmless(&raw, Read(0, 0, Gaps));
}

/// The name of a PTR runs to the end of the packet and has no zero.
///
/// covers: CVE-2020-27736
#[test]
fn cve_2020_27736() {
    let raw = Raw::response().answer(&name("_http._tcp.local"), PTR, b"\x04evil\x05_http");
    harmless(&raw, Read(0, 0, Gaps));
}

/// A target that is cut inside a label.
///
/// covers: CVE-2025-1674
#[test]
fn cve_2025_1674() {
    let rdata = srv(80, b"\x09fragm");
    let raw = Raw::response().answer(&name("Evil._http._tcp.local"), SRV, &rdata);
    harmless(&raw, Read(0, 0, Gaps));
}

/// The last label of a question is longer than the packet.
///
/// covers: libmdns-36
#[test]
fn libmdns_36() {
    let raw = Raw::query()
        .claims([1, 0, 0, 0])
        .bytes(b"\x05_http\x04_tcp\x06local");
    harmless(&raw, Read(0, 0, Cut));
}

/// covers: mdns-sd-249
#[test]
fn mdns_sd_249() {
    let raw = Raw::response()
        .head(1, &name("_http._tcp.local"), PTR, 12)
        .bytes(b"\x14too long here");
    harmless(&raw, Read(0, 0, Gaps));
}

// --- lengths of rdata, SEC-05 ---

/// A, AAAA and an NSEC of wrong lengths; then a record whose head is cut.
///
/// covers: esp-protocols-1046
#[test]
fn esp_protocols_1046() {
    let raw = Raw::response()
        .answer(&name("a.local"), A, &[10, 0, 0])
        .answer(&name("a.local"), AAAA, &[0; 15])
        .answer(
            &name("a.local"),
            NSEC,
            &[&name("a.local")[..], &[0, 32, 0x40]].concat(),
        )
        .answer(&name("honest.local"), A, &[10, 0, 0, 8])
        .claims([0, 5, 0, 0])
        .bytes(&[&name("a.local")[..], &[0, 1, 0]].concat());
    harmless(&raw, Read(0, 1, Cut));
}

/// covers: CVE-2020-24336
#[test]
fn cve_2020_24336() {
    let raw = Raw::response()
        .head(1, &name("hall.local"), AAAA, 65_535)
        .bytes(&[0; 16]);
    harmless(&raw, Read(0, 0, Cut));
}

/// covers: CVE-2020-25108
#[test]
fn cve_2020_25108() {
    let raw = Raw::response()
        .head(1, &name("hall.local"), A, 5)
        .bytes(&[10, 0, 0, 7]);
    harmless(&raw, Read(0, 0, Cut));
}

/// The rdata length ends inside the name that stands there, and the next record begins inside it.
///
/// covers: CVE-2020-11901
#[test]
fn cve_2020_11901() {
    let raw = Raw::response()
        .head(1, &name("hall.local"), CNAME, 3)
        .bytes(&name("evil.local"));
    harmless(&raw.claims([0, 2, 0, 0]), Read(0, 0, Cut));
}

/// covers: CVE-2017-12722
#[test]
fn cve_2017_12722() {
    let raw = Raw::response()
        .answer(&name("hall.local"), SRV, &[0, 0, 0])
        .answer(&name("hall.local"), A, &[])
        .head(1, &name("hall.local"), TXT, 40)
        .bytes(b"\x03a=b");
    harmless(&raw, Read(0, 0, Cut));
}

/// A length with the top bit set, which is a negative number to some.
///
/// covers: CVE-2018-20102
#[test]
fn cve_2018_20102() {
    let raw = Raw::response()
        .head(1, &name("hall.local"), AAAA, 0x8000)
        .bytes(&[0; 32]);
    harmless(&raw, Read(0, 0, Cut));
}

/// A signature whose signer's name would grow past 65,535 bytes when it is expanded: its rdata fills the message.
///
/// covers: CVE-2020-1350
#[test]
fn cve_2020_1350() {
    let raw = Raw::response().question(&[label(&[b'9'; 63]), name("local")].concat(), SIG);
    let room = 65_535 - raw.len() - 12;
    let mut rdata = vec![0; 18];
    rdata.extend(pointer(BODY));
    rdata.resize(room, 0xff);
    let raw = raw.answer(&pointer(BODY), SIG, &rdata);
    assert_eq!(raw.len(), 65_535);
    harmless(&raw, Read(1, 1, Sound));
}

/// covers: PcapPlusPlus-854
#[test]
fn pcapplusplus_854() {
    let raw = Raw::response()
        .answer(&name("honest.local"), A, &[10, 0, 0, 8])
        .head(3, &[0], OPT, 512)
        .bytes(&[0, 4]);
    harmless(&raw, Read(0, 1, Cut));
}

/// Rdata of every type that has a form, each one byte short of it.
///
/// covers: CVE-2023-38472
#[test]
fn cve_2023_38472() {
    let owner = name("evil.local");
    let mut raw = Raw::response();
    for (rtype, rdata) in [
        (A, &[10, 0, 0][..]),
        (AAAA, &[0; 15]),
        (PTR, &[]),
        (CNAME, &[]),
        (SRV, &[0; 6]),
        (TXT, b"\x02a"),
        (NSEC, &[]),
        (SOA, &[0; 21]),
        (13, b"\x01"),
        (15, &[0, 1]),
    ] {
        raw = raw.answer(&owner, rtype, rdata);
    }
    harmless(&raw, Read(0, 0, Gaps));
}

// --- counts, SEC-06 ---

/// covers: CVE-2020-24340
#[test]
fn cve_2020_24340() {
    harmless(&Raw::response().claims([0, 65_535, 0, 0]), Read(0, 0, Cut));
}

/// covers: CVE-2020-24334
#[test]
fn cve_2020_24334() {
    let raw = Raw::response()
        .question(&name("hall.local"), A)
        .claims([65_535, 65_535, 65_535, 65_535]);
    harmless(&raw, Read(1, 0, Cut));
}

/// covers: CVE-2020-25109
#[test]
fn cve_2020_25109() {
    let raw = Raw::response()
        .answer(&name("honest.local"), A, &[10, 0, 0, 8])
        .claims([0, 1, 0, 4000]);
    harmless(&raw, Read(0, 1, Cut));
}

/// A question that is counted as an answer.
///
/// covers: CVE-2020-27737
#[test]
fn cve_2020_27737() {
    let raw = Raw::query()
        .question(&name("hall.local"), A)
        .claims([0, 1, 0, 0]);
    harmless(&raw, Read(0, 0, Cut));
}

/// covers: ArduinoMDNS-45
#[test]
fn arduinomdns_45() {
    let raw = Raw::query()
        .question(&name("hall.local"), A)
        .claims([40, 40, 0, 0])
        .bytes(&[0xc0, 12]);
    harmless(&raw, Read(1, 0, Cut));
}

/// covers: CVE-2017-9217
#[test]
fn cve_2017_9217() {
    let raw = Raw::response().answer(&name("other.local"), A, &[10, 0, 0, 7]);
    harmless(&raw, Read(0, 1, Sound));
}

// --- short datagrams, SEC-07 ---

/// covers: CVE-2011-1002
#[test]
fn cve_2011_1002() {
    harmless_bytes(&[], Read(0, 0, Nothing));
}

/// Four bytes.
///
/// covers: esp8266-4720
#[test]
fn esp8266_4720() {
    harmless_bytes(&[0, 0, 0, 0], Read(0, 0, Nothing));
}

/// A header but for its last byte.
///
/// covers: CVE-2020-6078
#[test]
fn cve_2020_6078() {
    let mut bytes = Raw::query().claims([0, 0, 0, 1]).done();
    bytes.pop();
    harmless_bytes(&bytes, Read(0, 0, Nothing));
}

/// A header and nothing behind it.
///
/// covers: CVE-2025-1673
#[test]
fn cve_2025_1673() {
    harmless(&Raw::query().claims([1, 0, 0, 0]), Read(0, 0, Cut));
}

/// A question that ends before its type.
///
/// covers: CVE-2020-6077
#[test]
fn cve_2020_6077() {
    let raw = Raw::query()
        .claims([1, 0, 0, 0])
        .bytes(&name("hall.local"))
        .bytes(&[0]);
    harmless(&raw, Read(0, 0, Cut));
}

/// covers: mdns-sd-143
#[test]
fn mdns_sd_143() {
    let raw = Raw::query()
        .question(&name("_http._tcp.local"), PTR)
        .claims([2, 0, 0, 0])
        .bytes(&[5, b'_', b'h']);
    harmless(&raw, Read(1, 0, Cut));
}

// --- TXT and NSEC, SEC-08 and SEC-09 ---

/// A string that is longer than its rdata.
///
/// covers: CVE-2020-6073
#[test]
fn cve_2020_6073() {
    let raw = Raw::response()
        .answer(&name("Evil._http._tcp.local"), TXT, b"\xffshort")
        .answer(&name("Evil._http._tcp.local"), TXT, b"\x03a=b\x04c=d");
    harmless(&raw, Read(0, 0, Gaps));
}

/// Keys without a value, with an empty one, without themselves; empty strings; no string at all.
///
/// covers: esp-idf-8267
#[test]
fn esp_idf_8267() {
    let owner = name("Evil._http._tcp.local");
    let raw = Raw::response()
        .answer(&owner, TXT, b"\x02a=\x01b\x02=c\x01=\0")
        .answer(&owner, TXT, b"\0\0\0")
        .answer(&owner, TXT, b"\0")
        .answer(&owner, TXT, &[]);
    harmless(&raw, Read(0, 4, Sound));
}

/// A bitmap with all pseudo-types, and blocks of zero length after it.
///
/// covers: CVE-2017-15908
#[test]
fn cve_2017_15908() {
    let owner = name("evil.local");
    let every = [&owner[..], &[0, 32], &[0xff; 32]].concat();
    let empty = [&owner[..], &[0, 0, 0, 0]].concat();
    let raw = Raw::response()
        .answer(&owner, NSEC, &every)
        .answer(&owner, NSEC, &empty);
    harmless(&raw, Read(0, 1, Gaps));
}

/// A block that is longer than the packet.
///
/// covers: mdns-sd-290
#[test]
fn mdns_sd_290() {
    let owner = name("evil.local");
    let raw = Raw::response().answer(&owner, NSEC, &[&owner[..], &[0, 30, 0x40]].concat());
    harmless(&raw, Read(0, 0, Gaps));
}

/// An NSEC of a name that nobody asked for, with a type above 255 in it.
///
/// covers: rust-libp2p-4507
#[test]
fn rust_libp2p_4507() {
    let owner = name("someone._p2p._udp.local");
    let raw = Raw::response().additional(
        &owner,
        NSEC,
        &[&owner[..], &[0, 4, 0x40, 0, 0, 8], &[255, 1, 0x80]].concat(),
    );
    harmless(&raw, Read(0, 1, Sound));
}

// --- other types and other faults, SEC-13 ---

/// SVCB and HTTPS records of every length from none to 24, with parameters that lie.
///
/// covers: GO-2026-5942
#[test]
fn go_2026_5942() {
    let owner = name("evil.local");
    let mut raw = Raw::response();
    for rtype in [SVCB, HTTPS] {
        for len in 0..24 {
            let rdata = [&[0, 1, 0, 0, 1, 0xff, 0xff][..], &[0xff; 17]].concat();
            raw = raw.answer(&owner, rtype, &rdata[..len]);
        }
    }
    // Nobody here looks into them: they are bytes.
    harmless(&raw, Read(0, 48, Sound));
}

/// covers: dylanmckay-mdns-8
#[test]
fn dylanmckay_mdns_8() {
    let rdata = [name("ns.local"), name("root.local"), vec![0; 20]].concat();
    let raw = Raw::response().authority(&name("local"), SOA, &rdata);
    harmless(&raw, Read(0, 1, Sound));
}

/// Rdata of no bytes where a name is asked for, and a question for the root.
///
/// covers: CVE-2017-12130
#[test]
fn cve_2017_12130() {
    let raw = Raw::response()
        .question(&[0], ANY)
        .answer(&[0], PTR, &[])
        .answer(&[0], SRV, &srv(0, &[0]));
    harmless(&raw, Read(1, 1, Gaps));
}

/// What a phone asks when it looks for things to play on: many questions in one packet, compressed, with the owner option of
/// a sleep proxy behind them.
///
/// covers: arduino-esp32-6368
#[test]
fn arduino_esp32_6368() {
    let raw = Raw::query().question_qu(&name("_airplay._tcp.local"), PTR);
    let tcp = BODY + 9;
    let ty = |text: &str| [&label(text.as_bytes())[..], &pointer(tcp)].concat();
    let owner_option = [0, 4, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7];
    let raw = raw
        .question_qu(&ty("_raop"), PTR)
        .question_qu(&ty("_companion-link"), PTR)
        .question(&name("_googlecast._tcp.local"), PTR)
        .answer(
            &pointer(BODY),
            PTR,
            &[&label(b"Den")[..], &pointer(BODY)].concat(),
        )
        .additional(&[0], OPT, &owner_option);
    harmless(&raw, Read(4, 2, Sound));
}

/// A parser that takes every buffer for a full-sized one reads on behind this record.
///
/// covers: mdnsd-15
#[test]
fn mdnsd_15() {
    let raw = Raw::response().head(1, &[0], TXT, 4000).bytes(&[255; 11]);
    harmless(&raw, Read(0, 0, Cut));
}
