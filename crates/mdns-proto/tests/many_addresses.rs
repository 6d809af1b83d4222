//! A host with more addresses than fit in one packet: its RRset goes in several, within a second (RFC 6762 §6.2, §10.2, §17).

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    host::{Host, Storage},
    link::{Destination, Family, InterfaceId, LinkConfig, LinkId, Packet, Subnet, Via},
    name::{Name, NameBuf},
    store::Heap,
    time::Instant,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Ttl, Writer,
    },
};

mdns_proto::fixed! {
    /// A board with as many addresses.
    struct Board {
        links: 1, hosts: 1, addresses: 64, services: 0, subtypes: 0, own_text: 8192, askers: 4,
        asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
    }
}

const ADDRESSES: usize = 62;
const INTERFACE: InterfaceId = InterfaceId(1);
/// What a packet may have on a link of 1500 bytes, by IPv4.
const PACKET_MAX: usize = 1472;

struct Sent {
    at: Instant,
    to: Destination,
    bytes: Vec<u8>,
}

impl Sent {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).expect("we send what can be read")
    }
}

struct Bench<S: Storage> {
    host: Box<Host<S>>,
    now: Instant,
    link: LinkId,
    sent: Vec<Sent>,
}

fn subnets(count: usize) -> Vec<Subnet> {
    let v4 = Subnet {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        prefix_len: 24,
    };
    let v6 = |n: usize| Subnet {
        address: IpAddr::V6(Ipv6Addr::new(0xfd00, 0x58, 0, 0, 0, 0, 0, n as u16)),
        prefix_len: 64,
    };
    std::iter::once(v4).chain((1..=count).map(v6)).collect()
}

impl<S: Storage> Bench<S> {
    /// A host that has announced itself and been silent for a while.
    fn established() -> Self {
        let mut bench = Self::begun();
        bench.run(Duration::from_secs(60));
        bench.sent.clear();
        bench
    }

    fn begun() -> Self {
        let now = Instant::from_millis(1);
        let mut host = Box::new(Host::started(Config::DEFAULT, now, 3));
        let config = LinkConfig {
            interface: INTERFACE,
            family: Family::V4,
            mtu: 1500,
            unicast: true,
            ..LinkConfig::MULTICAST
        };
        let link = host.add_link(now, config).expect("a row");
        host.set_addresses(now, INTERFACE, &subnets(ADDRESSES))
            .expect("room");
        host.add_host(now, "alpha").expect("room");
        Bench {
            host,
            now,
            link,
            sent: Vec::new(),
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        let mut buffer = [0; 9000];
        loop {
            self.host.handle_timeout(self.now);
            while let Some(transmit) = self.host.poll_transmit(self.now, &mut buffer) {
                self.sent.push(Sent {
                    at: self.now,
                    to: transmit.destination,
                    bytes: buffer[..transmit.len].to_vec(),
                });
                assert!(self.sent.len() < 1000, "it does not stop sending");
            }
            while self.host.poll_event().is_some() {}
            match self.host.poll_timeout() {
                Some(next) if next <= end => self.now = next,
                _ => break,
            }
        }
        self.now = end;
    }

    fn hear(&mut self, port: u16, write: impl FnOnce(&mut Writer<'_>)) {
        let mut bytes = [0; 4000];
        let header = Header {
            id: 5,
            flags: Flags::QUERY,
        };
        let mut writer = Writer::new(&mut bytes, 4000, header);
        write(&mut writer);
        let len = writer.finish();
        let packet = Packet {
            source: ([10, 0, 0, 7], port).into(),
            via: Via::Multicast,
            bytes: &bytes[..len],
            hop_limit: None,
        };
        self.host.handle_packet(self.now, self.link, packet);
    }

    /// Each AAAA record of the host in what was sent since, in whatever section: TTL, cache-flush bit, address.
    fn addresses(&self) -> Vec<(u32, bool, Ipv6Addr)> {
        let mut all = Vec::new();
        for sent in &self.sent {
            for (_, record) in sent.message().records() {
                if let Rdata::Aaaa(address) = record.rdata {
                    all.push((record.ttl.0, record.cache_flush, address));
                }
            }
        }
        all
    }

    /// That one burst of multicast packets has all addresses, once.
    fn assert_one_burst(&self, ttl: u32) {
        let all = self.addresses();
        let set: BTreeSet<_> = all.iter().map(|(_, _, address)| *address).collect();
        assert_eq!((all.len(), set.len()), (ADDRESSES, ADDRESSES));
        assert!(all.iter().all(|said| (said.0, said.1) == (ttl, true)));
        assert!(self.sent.len() > 1, "it does not fit in one packet");
        for sent in &self.sent {
            assert_eq!(sent.at, self.sent[0].at);
            assert_eq!(sent.to, Destination::Multicast);
            assert!(sent.bytes.len() <= PACKET_MAX);
        }
    }
}

fn alpha() -> NameBuf {
    "alpha.local".parse().expect("a name")
}

fn aaaa(name: Name<'_>, last: u16) -> Record<'_> {
    Record {
        name,
        class: Class::IN,
        cache_flush: false,
        ttl: Ttl(120),
        rdata: Rdata::Aaaa(Ipv6Addr::new(0xfd00, 0x58, 0, 0, 0, 0, 0, last)),
    }
}

/// Runs a story on both memories.
macro_rules! on_both {
    ($($(#[$doc:meta])* fn $name:ident<S>() $story:block)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                fn story<S: Storage>() $story
                story::<Heap>();
                story::<Board>();
            }
        )*
    };
}

on_both! {
    /// covers: 6762-10.2-f, 6762-17-a, 6762-8.3-a
    fn two_announcements_and_no_more<S>() {
        let mut bench = Bench::<S>::begun();
        bench.run(Duration::from_secs(120));
        bench.sent.retain(|sent| sent.message().header().flags.response());
        let all = bench.addresses();
        assert_eq!(all.len(), 2 * ADDRESSES);
        let times: BTreeSet<_> = bench.sent.iter().map(|sent| sent.at).collect();
        let times: Vec<_> = times.into_iter().collect();
        assert_eq!(times.len(), 2, "{times:?}");
        assert_eq!(times[1] - times[0], Duration::from_secs(1));
        assert!(bench.sent.iter().all(|sent| sent.bytes.len() <= PACKET_MAX));
    }

    /// What does not fit beside its question is not proposed, rather than sent in fragments.
    ///
    /// covers: 6762-8.2-a, 6762-17-a
    fn a_probe_keeps_to_one_packet<S>() {
        let mut bench = Bench::<S>::begun();
        bench.run(Duration::from_secs(2));
        bench.sent.retain(|sent| !sent.message().header().flags.response());
        assert_eq!(bench.sent.len(), 3);
        for sent in &bench.sent {
            assert!(sent.bytes.len() <= PACKET_MAX, "{}", sent.bytes.len());
            assert!(sent.message().authorities().count() > 20);
        }
    }

    /// covers: 6762-6.2-a, 6762-10.2-f, 6762-10.2-g
    fn an_answer_goes_in_a_burst<S>() {
        let mut bench = Bench::<S>::established();
        bench.hear(5353, |writer| {
            let question = Question::new(Name::from_static(b"\x05alpha\x05local\0"), RecordType::AAAA);
            writer.question(&question).expect("room");
        });
        bench.run(Duration::from_secs(10));
        bench.assert_one_burst(120);
    }

    /// Who knows some of the set gets all of it, or the cache-flush bit would take away what it knows.
    ///
    /// covers: 6762-10.2-f
    fn known_answers_do_not_split_a_set<S>() {
        let mut bench = Bench::<S>::established();
        bench.hear(5353, |writer| {
            let name = alpha();
            writer.question(&Question::new(name.as_name(), RecordType::AAAA)).expect("room");
            for last in 1..=30 {
                writer.record(Section::Answer, &aaaa(name.as_name(), last)).expect("room");
            }
        });
        bench.run(Duration::from_secs(10));
        bench.assert_one_burst(120);
    }

    /// By unicast a set goes whole in one packet; a larger one goes to all.
    ///
    /// covers: 6762-5.4-d, 6762-10.2-f
    fn a_set_too_large_for_a_unicast_packet_is_multicast<S>() {
        let mut bench = Bench::<S>::begun();
        // A quarter of the TTL has not passed since the last announcement.
        bench.run(Duration::from_secs(20));
        bench.sent.clear();
        bench.hear(5353, |writer| {
            let question = Question {
                unicast: true,
                ..Question::new(Name::from_static(b"\x05alpha\x05local\0"), RecordType::AAAA)
            };
            writer.question(&question).expect("room");
        });
        bench.run(Duration::from_secs(10));
        bench.assert_one_burst(120);
    }

    /// covers: 6762-18.5-c
    fn a_legacy_reply_says_that_it_is_cut<S>() {
        let mut bench = Bench::<S>::established();
        bench.hear(4000, |writer| {
            let question = Question::new(Name::from_static(b"\x05alpha\x05local\0"), RecordType::AAAA);
            writer.question(&question).expect("room");
        });
        bench.run(Duration::from_secs(10));
        assert_eq!(bench.sent.len(), 1);
        let sent = &bench.sent[0];
        assert_eq!(sent.to, Destination::Unicast(([10, 0, 0, 7], 4000).into()));
        assert!(sent.bytes.len() <= PACKET_MAX);
        assert!(sent.message().header().flags.truncated());
        assert!(sent.message().answers().count() > 20);
        assert!(sent.message().answers().all(|record| !record.cache_flush && record.ttl.0 <= 10));
    }

    /// covers: 6762-8.1-j, 6762-10.2-f
    fn a_name_is_defended_with_all_that_it_has<S>() {
        let mut bench = Bench::<S>::established();
        bench.hear(5353, |writer| {
            let name = alpha();
            writer.question(&Question::new(name.as_name(), RecordType::ANY)).expect("room");
            writer.record(Section::Authority, &aaaa(name.as_name(), 0x9999)).expect("room");
        });
        bench.run(Duration::from_secs(10));
        bench.assert_one_burst(120);
    }

    /// covers: 6762-10.1-a
    fn all_say_goodbye<S>() {
        let mut bench = Bench::<S>::established();
        bench.host.shutdown(bench.now);
        bench.run(Duration::from_secs(10));
        bench.assert_one_burst(0);
        assert!(bench.host.is_silent());
    }

    /// One address more, and the set is announced with it.
    ///
    /// covers: 6762-8.4-a
    fn a_new_address_is_announced_with_the_others<S>() {
        let mut bench = Bench::<S>::established();
        let all = subnets(ADDRESSES + 1);
        bench.host.set_addresses(bench.now, INTERFACE, &all).expect("room");
        bench.run(Duration::from_secs(30));
        let set: BTreeSet<_> = bench.addresses().into_iter().collect();
        assert_eq!(set.len(), ADDRESSES + 1);
        assert_eq!(bench.addresses().len(), 2 * (ADDRESSES + 1));
    }
}
