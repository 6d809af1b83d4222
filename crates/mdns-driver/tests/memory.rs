//! What a browsed and resolved instance takes of memory, core and driver together. It is a test by itself: the memory is the whole
//! process's.

#![cfg(target_os = "linux")]

use std::net::Ipv4Addr;

use mdns_driver::{
    BrowseEvent, BrowseNews, Driver, Instance, Options,
    proto::{
        name::{Name, NameBuf, ServiceType},
        wire::{Class, Flags, Header, Rdata, Record, Section, Srv, Ttl, TxtVec, Writer},
    },
    socket::{Family, LinkSocket, interfaces},
};
use mdns_sim::message;

/// Enough that what a process takes beside them does not matter.
const INSTANCES: usize = 4_000;

/// How many go into one packet.
const PACKET: usize = 20;

/// The most bytes of an instance.
const MOST: usize = 1_400;

/// The bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: usize = kilobytes
        .and_then(|text| text.parse().ok())
        .expect("a number");
    kilobytes * 1024
}

fn say(writer: &mut Writer<'_>, name: Name<'_>, cache_flush: bool, rdata: Rdata<'_>) {
    let record = Record {
        name,
        class: Class::IN,
        cache_flush,
        ttl: Ttl(4500),
        rdata,
    };
    writer.record(Section::Answer, &record).expect("room");
}

/// A packet that tells of some instances whole, each on the host of a number.
fn packet(
    kind: &ServiceType,
    instances: std::ops::Range<usize>,
    host_of: fn(usize) -> usize,
) -> Vec<u8> {
    let header = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    let mut txt = TxtVec::new();
    txt.push("path", Some(b"/index.html"))
        .expect("an attribute");
    message(header, |writer| {
        for n in instances {
            let instance = kind.instance(&format!("Front Desk {n}")).expect("a name");
            let host: NameBuf = format!("host-{}.local", host_of(n))
                .parse()
                .expect("a name");
            let [.., a, b] = host_of(n).to_be_bytes();
            let srv = Srv {
                priority: 0,
                weight: 0,
                port: 80,
                target: host.as_name(),
            };
            say(
                writer,
                kind.as_name(),
                false,
                Rdata::Ptr(instance.as_name()),
            );
            say(writer, instance.as_name(), true, Rdata::Srv(srv));
            say(writer, instance.as_name(), true, Rdata::Txt(txt.as_txt()));
            say(
                writer,
                host.as_name(),
                true,
                Rdata::A(Ipv4Addr::new(127, 2, a, b)),
            );
        }
    })
}

/// A driver that has heard of so many instances, and how many bytes each of them took.
fn taken(kind: &str, host_of: fn(usize) -> usize) -> (Driver, usize) {
    let mut driver = Driver::open(Options::loopback()).expect("a driver");
    let kind: ServiceType = kind.parse().expect("a type");
    let browse = driver.browse(&kind).expect("a browse");
    let all = interfaces().expect("interfaces");
    let loopback = all.iter().find(|interface| interface.is_loopback);
    let mouth = LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket");
    let before = resident();
    let mut found = 0;
    for from in (0..INSTANCES).step_by(PACKET) {
        let packet = packet(&kind, from..INSTANCES.min(from + PACKET), host_of);
        mouth.send_to(&packet, mouth.group()).expect("sent");
        for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
            while driver.read(source).is_ok() {}
        }
        while let Some(event) = driver.next::<BrowseNews>(browse) {
            found += usize::from(matches!(event, BrowseEvent::Found(_)));
        }
    }
    assert_eq!(found, INSTANCES);
    let bytes = (resident() - before) / INSTANCES;
    let all = driver.snapshot(browse);
    let is_whole = |one: &Instance| one.port == Some(80) && one.addresses.len() == 1;
    assert!(all.len() == INSTANCES && all.iter().all(is_whole));
    (driver, bytes)
}

/// covers: SEC-11
#[test]
fn an_instance_takes_little_memory() {
    // The first one stays, so that the second cannot have its memory.
    let (_first, shared) = taken("_d-memory-1._tcp", |_| 0);
    let (_second, own) = taken("_d-memory-2._tcp", |n| n);
    println!("bytes an instance: {shared} on one host, {own} each on its own");
    assert!(shared <= MOST && own <= MOST, "{shared}, {own}");
}
