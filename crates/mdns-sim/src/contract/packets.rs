//! Packets of others.

use std::sync::LazyLock;

use crate::message;
use mdns_proto::{
    name::NameBuf,
    wire::{
        Class, Flags, Header, Nsec, Question, Rdata, Record, RecordType, Section, Srv, Ttl, TypeSet,
    },
};

pub(super) fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

/// Packets of others: questions, probes, answers, conflicts, goodbyes, and things that no one should send.
pub fn pool() -> &'static [Vec<u8>] {
    static POOL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(packets);
    &POOL
}

fn packets() -> Vec<Vec<u8>> {
    let hall = name("hall.local");
    let attic = name("attic.local");
    let ipp = name("_ipp._tcp.local");
    let printers: Vec<_> = (0..6)
        .map(|n| name(&format!("Printer {n}._ipp._tcp.local")))
        .collect();
    let nobody = name("nobody.local");
    let record = |owner: &'static str, ttl, cache_flush, rdata: Rdata<'static>| {
        move |section: Section, message: &mut mdns_proto::wire::Writer<'_>| {
            let owner = name(owner);
            let record = Record {
                name: owner.as_name(),
                class: Class::IN,
                cache_flush,
                ttl: Ttl(ttl),
                rdata,
            };
            let _fits = message.record(section, &record);
        }
    };
    let query = Header {
        id: 0,
        flags: Flags::QUERY,
    };
    let response = Header {
        id: 0,
        flags: Flags::RESPONSE,
    };
    let mut pool = Vec::new();

    for (name, rtype) in [
        (&ipp, RecordType::PTR),
        (&ipp, RecordType::ANY),
        (&hall, RecordType::A),
        (&hall, RecordType::AAAA),
        (&hall, RecordType::ANY),
        (&printers[0], RecordType::SRV),
        (&printers[1], RecordType::TXT),
        (&printers[2], RecordType::HINFO),
        (&nobody, RecordType::A),
    ] {
        for unicast in [false, true] {
            let question = Question {
                unicast,
                ..Question::new(name.as_name(), rtype)
            };
            pool.push(message(query, |message| {
                message.question(&question).unwrap()
            }));
        }
    }
    // Many questions, with known answers, and more to come.
    for truncated in [false, true] {
        pool.push(message(query, |message| {
            message.set_truncated(truncated);
            for printer in &printers {
                message
                    .question(&Question::new(printer.as_name(), RecordType::ANY))
                    .unwrap();
            }
            message
                .question(&Question::new(ipp.as_name(), RecordType::PTR))
                .unwrap();
            for (n, printer) in printers.iter().enumerate() {
                let known = Record {
                    name: ipp.as_name(),
                    class: Class::IN,
                    cache_flush: false,
                    ttl: Ttl(2249 + n as u32 % 2),
                    rdata: Rdata::Ptr(printer.as_name()),
                };
                message.record(Section::Answer, &known).unwrap();
            }
        }));
    }
    // Probes and claims that are less and greater than ours.
    for address in [[0, 0, 0, 1], [10, 0, 0, 1], [255, 0, 0, 1]] {
        let ours = record("hall.local", 120, false, Rdata::A(address.into()));
        pool.push(message(query, |message| {
            message
                .question(&Question::new(hall.as_name(), RecordType::ANY))
                .unwrap();
            ours(Section::Authority, message);
        }));
        let claim = record("hall.local", 120, true, Rdata::A(address.into()));
        pool.push(message(response, |message| claim(Section::Answer, message)));
    }
    for (printer, port) in printers.iter().zip([0, 1, 631, 65_535, 631, 80]) {
        for target in [&hall, &attic] {
            let srv = Rdata::Srv(Srv {
                priority: 0,
                weight: 0,
                port,
                target: target.as_name(),
            });
            for (header, section) in [(query, Section::Authority), (response, Section::Answer)] {
                let is_response = header == response;
                let record = |ttl| Record {
                    name: printer.as_name(),
                    class: Class::IN,
                    cache_flush: is_response,
                    ttl: Ttl(ttl),
                    rdata: srv,
                };
                pool.push(message(header, |message| {
                    if !is_response {
                        message
                            .question(&Question::new(printer.as_name(), RecordType::ANY))
                            .unwrap();
                    }
                    message.record(section, &record(120)).unwrap();
                }));
            }
        }
    }
    // Announcements and goodbyes, with all that belongs to them.
    for ttl in [0, 1, 120, 4500, u32::MAX] {
        for printer in &printers {
            pool.push(message(response, |message| {
                let pointer = Record {
                    name: ipp.as_name(),
                    class: Class::IN,
                    cache_flush: false,
                    ttl: Ttl(ttl),
                    rdata: Rdata::Ptr(printer.as_name()),
                };
                message.record(Section::Answer, &pointer).unwrap();
                let srv = Srv {
                    priority: 1,
                    weight: 2,
                    port: 9100,
                    target: attic.as_name(),
                };
                let rdata = Rdata::Srv(srv);
                let srv = Record {
                    name: printer.as_name(),
                    cache_flush: true,
                    rdata,
                    ..pointer
                };
                message.record(Section::Additional, &srv).unwrap();
                let set: TypeSet = [RecordType::A].into_iter().collect();
                let denial = Nsec {
                    next: attic.as_name(),
                    types: set.as_types(),
                };
                for rdata in [Rdata::A([10, 0, 0, 77].into()), Rdata::Nsec(denial)] {
                    let of_host = Record {
                        name: attic.as_name(),
                        rdata,
                        ..srv
                    };
                    message.record(Section::Additional, &of_host).unwrap();
                }
            }));
        }
    }
    // Nobody should send these: nothing, half of something, a loop, counts without records, another opcode.
    pool.push(Vec::new());
    pool.push(vec![0; 11]);
    pool.push(vec![0xff; 200]);
    pool.push(b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x0c\0\x01".to_vec());
    pool.push(b"\0\0\x84\0\0\0\xff\xff\0\0\0\0\0\0\x01\0\x01\0\0\0\x78\0\x04\x0a\0\0\x02".to_vec());
    pool.push(b"\0\0\x28\0\0\0\0\0\0\0\0\0".to_vec());
    pool
}
