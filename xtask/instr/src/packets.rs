//! The ten packets that the codec is measured with: four from an encyclopedia article, and six as hosts of today send them.

use mdns_proto::{
    name::NameBuf,
    wire::{
        Class, Flags, Header, Nsec, Question, Rdata, Record, RecordType, Section, Srv, Ttl, TxtVec,
        TypeSet, Writer,
    },
};

/// The name of each packet, and its bytes.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("query", query()),
        ("browse-ka10", browse(10)),
        ("probe", probe()),
        ("announce", announcement()),
        ("records-200", records(200)),
        ("records-30", records(30)),
        ("article-1", bytes(ARTICLE[0])),
        ("article-2", bytes(ARTICLE[1])),
        ("article-3", bytes(ARTICLE[2])),
        ("article-4", bytes(ARTICLE[3])),
    ]
}

/// UDP payloads printed in an encyclopedia article on multicast DNS, in hexadecimal.
const ARTICLE: [&str; 4] = [
    "0000000000010000000000000761707065746c76056c6f63616c0000010001",
    "000084000000000100000002074170706c655456056c6f63616c00000180010000780000\
     04996d075ac00c001c8001000078000010fe800000000000000223 32fffeb12152c00c\
     002f80010000780000\
     08c00c000440000008",
    "000000000002000500000000095f7365727669636573075f646e732d7364045f75647005\
     6c6f63616c00000c00010162c016000c0001c00c000c00010000119400140c5f776f726b\
     73746174696f6e045f746370c023c00c000c0001000011940007045f726662c04fc00c00\
     0c0001000011940007045f737368c04fc00c000c000100001194000c095f736674702d73\
     7368c04fc00c000c0001000011940009065f6f6469736bc04f",
    "000084000001000300000000095f7365727669636573075f646e732d7364045f75647005\
     6c6f63616c00000c0001c00c000c00010000000a00130b5f6166706f766572746370045f\
     746370c023c00c000c00010000000a0007045f667470c046c00c000c00010000000a0007\
     045f736d62c046",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
        .collect()
}

fn name(text: &str) -> NameBuf {
    text.parse().expect("a name")
}

/// A message with these flags, of which `write` writes the contents.
fn message(flags: Flags, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; 9000];
    let mut writer = Writer::new(&mut buffer, 9000, Header { id: 0, flags });
    write(&mut writer);
    let len = writer.finish();
    buffer.truncate(len);
    buffer
}

fn query() -> Vec<u8> {
    message(Flags::QUERY, |writer| {
        let owner = name("_ipp._tcp.local");
        question_in(writer, &Question::new(owner.as_name(), RecordType::PTR));
    })
}

fn question_in(writer: &mut Writer<'_>, question: &Question<'_>) {
    writer.question(question).expect("room for a question");
}

/// A record as a response has it.
fn record<'a>(owner: &'a NameBuf, flush: bool, ttl: u32, rdata: Rdata<'a>) -> Record<'a> {
    Record {
        name: owner.as_name(),
        class: Class::IN,
        cache_flush: flush,
        ttl: Ttl(ttl),
        rdata,
    }
}

/// A question for a service type whose answers are known already.
fn browse(known: usize) -> Vec<u8> {
    let owner = name("_ipp._tcp.local");
    message(Flags::QUERY, |writer| {
        question_in(writer, &Question::new(owner.as_name(), RecordType::PTR));
        for number in 0..known {
            let instance = name(&format!("Printer on floor {number}._ipp._tcp.local"));
            let pointer = record(&owner, false, 4500, Rdata::Ptr(instance.as_name()));
            writer.record(Section::Answer, &pointer).expect("room");
        }
    })
}

/// What a printer is made of, in text.
pub(crate) struct Printer {
    instance: NameBuf,
    service_type: NameBuf,
    meta: NameBuf,
    host: NameBuf,
    subtype: NameBuf,
    txt: TxtVec,
    host_types: TypeSet,
    instance_types: TypeSet,
}

impl Printer {
    pub(crate) fn new() -> Self {
        let mut txt = TxtVec::new();
        for (key, value) in [
            ("txtvers", "1"),
            ("rp", "ipp/print"),
            ("ty", "Ink 40"),
            (
                "note",
                "Second floor, beside the stairs; ask for paper inside.",
            ),
        ] {
            txt.push(key, Some(value.as_bytes())).expect("an attribute");
        }
        let mut host_types = TypeSet::new();
        host_types.insert(RecordType::A);
        host_types.insert(RecordType::AAAA);
        let mut instance_types = TypeSet::new();
        instance_types.insert(RecordType::TXT);
        instance_types.insert(RecordType::SRV);
        Printer {
            instance: name("Front Desk._ipp._tcp.local"),
            service_type: name("_ipp._tcp.local"),
            meta: name("_services._dns-sd._udp.local"),
            host: name("front-desk.local"),
            subtype: name("_universal._sub._ipp._tcp.local"),
            txt,
            host_types,
            instance_types,
        }
    }

    /// Its ten records, as an announcement has them.
    pub(crate) fn records(&self) -> [Record<'_>; 10] {
        let host = self.host.as_name();
        let instance = self.instance.as_name();
        let srv = Srv {
            priority: 0,
            weight: 0,
            port: 631,
            target: host,
        };
        [
            record(&self.service_type, false, 4500, Rdata::Ptr(instance)),
            record(&self.subtype, false, 4500, Rdata::Ptr(instance)),
            record(
                &self.meta,
                false,
                4500,
                Rdata::Ptr(self.service_type.as_name()),
            ),
            record(&self.instance, true, 120, Rdata::Srv(srv)),
            record(&self.instance, true, 4500, Rdata::Txt(self.txt.as_txt())),
            record(&self.host, true, 120, Rdata::A([192, 0, 2, 1].into())),
            record(
                &self.host,
                true,
                120,
                Rdata::Aaaa("fe80::1".parse().expect("an address")),
            ),
            record(
                &self.host,
                true,
                120,
                Rdata::Aaaa("2001:db8::1".parse().expect("an address")),
            ),
            record(
                &self.instance,
                true,
                4500,
                Rdata::Nsec(Nsec {
                    next: instance,
                    types: self.instance_types.as_types(),
                }),
            ),
            record(
                &self.host,
                true,
                120,
                Rdata::Nsec(Nsec {
                    next: host,
                    types: self.host_types.as_types(),
                }),
            ),
        ]
    }
}

/// Writes an announcement of records into `buffer`, and returns how long it is.
pub(crate) fn announce(records: &[Record<'_>], buffer: &mut [u8]) -> usize {
    let flags = Flags::RESPONSE;
    let mut writer = Writer::new(buffer, 1472, Header { id: 0, flags });
    for record in records {
        writer.record(Section::Answer, record).expect("room");
    }
    writer.finish()
}

fn announcement() -> Vec<u8> {
    let mut buffer = vec![0; 1472];
    let len = announce(&Printer::new().records(), &mut buffer);
    buffer.truncate(len);
    buffer
}

/// Probes for an instance and a host, with the records that are to be theirs (RFC 6762 §8.2).
fn probe() -> Vec<u8> {
    let printer = Printer::new();
    message(Flags::QUERY, |writer| {
        for owner in [&printer.instance, &printer.host] {
            let mut question = Question::new(owner.as_name(), RecordType::ANY);
            question.unicast = true;
            question_in(writer, &question);
        }
        for mut record in printer.records().into_iter().skip(3).take(4) {
            record.cache_flush = false;
            writer.record(Section::Authority, &record).expect("room");
        }
    })
}

/// A response with many records of all sorts, as a busy host sends it.
fn records(count: usize) -> Vec<u8> {
    message(Flags::RESPONSE, |writer| {
        let host = name("media-centre.local");
        for number in 0..count {
            let service_type = name(["_airplay._tcp.local", "_raop._tcp.local"][number / 4 % 2]);
            let instance = name(&format!("Room {}.{service_type}", number / 4));
            let mut txt = TxtVec::new();
            txt.push(
                "deviceid",
                Some(format!("02:00:00:00:00:{number:02x}").as_bytes()),
            )
            .expect("an attribute");
            txt.push("features", Some(b"0x4A7FFFF7,0xE"))
                .expect("an attribute");
            let srv = Srv {
                priority: 0,
                weight: 0,
                port: 7000,
                target: host.as_name(),
            };
            let record = match number % 4 {
                0 => record(&service_type, false, 4500, Rdata::Ptr(instance.as_name())),
                1 => record(&instance, true, 120, Rdata::Srv(srv)),
                2 => record(&instance, true, 4500, Rdata::Txt(txt.as_txt())),
                _ => record(
                    &host,
                    true,
                    120,
                    Rdata::A([10, 0, (number >> 8) as u8, number as u8].into()),
                ),
            };
            writer.record(Section::Answer, &record).expect("room");
        }
    })
}
