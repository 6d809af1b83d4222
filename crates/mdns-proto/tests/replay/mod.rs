//! Captures of other implementations (`captures/README.md`), heard by a host of ours: one that listens, or one that takes the
//! place of a host of the capture. It does what the note of each capture says.

#[path = "../captures/pcap.rs"]
mod pcap;

use std::{fs, net::IpAddr, time::Duration};

use mdns_proto::{
    config::Config,
    discovery::Span,
    link::{Destination, Via},
    time::Instant,
};

use crate::rfc6762::bench::{Bench, Sent, ms};

const HTTP: &str = "_http._tcp.local";
const PTR: &str = "_http._tcp.local 4500 IN PTR Lab Web._http._tcp.local";
const LAB_WEB: &str = "Lab Web._http._tcp.local";

/// A response of ours.
#[derive(Debug)]
struct Said {
    /// In milliseconds since the capture began.
    at: u64,
    to: String,
    sent: Sent,
}

/// Checks when responses were sent, within two limits each, to whom, and what the first answer was.
fn assert_said(said: &[Said], expected: &[(u64, u64, &str, &str)]) {
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, (from, until, to, answer)) in said.iter().zip(expected) {
        assert!((from..=until).contains(&&said.at), "{said:#?}");
        let answers = said.sent.answers();
        assert_eq!((said.to.as_str(), answers[0].as_str()), (*to, *answer));
    }
}

/// A host of ours in the lab. Host `n` has 10.99.0.`n` and fe80::aff:fe63:`n`.
struct Lab {
    bench: Bench,
    addresses: [IpAddr; 2],
    /// When the capture began.
    start: Instant,
    /// What was told since, with the milliseconds.
    news: Vec<(u64, String)>,
}

impl Lab {
    fn new(n: u8) -> Self {
        let addresses = [format!("10.99.0.{n}"), format!("fe80::aff:fe63:{n}")];
        let [v4, v6] = &addresses;
        let subnets = [format!("{v4}/24"), format!("{v6}/64")];
        let [v4, v6] = subnets.each_ref().map(String::as_str);
        let bench = Bench::with(7, Config::DEFAULT, &[v4, v6]);
        Lab {
            start: bench.now,
            bench,
            addresses: addresses.map(|text| text.parse().expect("an address")),
            news: Vec::new(),
        }
    }

    /// A host that no capture has.
    fn listener() -> Self {
        Lab::new(9)
    }

    /// One that looks for pages.
    fn browser() -> Self {
        let mut lab = Lab::listener();
        lab.bench.browse(HTTP);
        lab.settle()
    }

    /// A host in the place of h1, with what h1 has.
    fn h1() -> Self {
        let mut lab = Lab::new(1);
        lab.bench.add_host("h1");
        lab.bench
            .register("Lab Web", "_http._tcp", 8080, &["path=/x"], &[]);
        lab.settle()
    }

    /// Twenty seconds later; what was sent and told until then is forgotten.
    fn settle(mut self) -> Self {
        self.bench.run(ms(20_000));
        self.bench.forget();
        self
    }

    /// Lets it hear a capture: what comes from others to all or to it, each at its time.
    fn hear(&mut self, capture: &str) {
        self.hear_for(capture, Duration::MAX);
    }

    /// The same, but only a part from the beginning.
    fn hear_for(&mut self, capture: &str, span: Duration) {
        self.start = self.bench.now;
        let bytes = fs::read(pcap::directory().join(capture).with_extension("pcap"));
        let bytes = bytes.unwrap_or_else(|error| panic!("{capture}: {error}"));
        for datagram in pcap::datagrams(&bytes) {
            let to = datagram.destination.ip();
            let is_for_it = to.is_multicast() || self.addresses.contains(&to);
            let is_its_own = self.addresses.contains(&datagram.source.ip());
            if datagram.at > span || !is_for_it || is_its_own {
                continue;
            }
            self.run_to(datagram.at);
            let via = if to.is_multicast() {
                Via::Multicast
            } else {
                Via::Unicast
            };
            let link = self.bench.links[usize::from(to.is_ipv6())];
            let source = datagram.source.to_string();
            self.bench.hear_bytes(link, &source, via, datagram.payload);
        }
    }

    /// Lets time pass until so long after the beginning of the capture.
    fn run_to(&mut self, at: Duration) {
        let end = self.start + at;
        while self
            .bench
            .run_until(end - self.bench.now, |bench| !bench.events.is_empty())
        {
            let at = (self.bench.now - self.start).as_millis() as u64;
            let told = self.bench.take_events().into_iter();
            self.news.extend(told.map(|told| (at, told)));
        }
    }

    /// What was told until so many seconds after the beginning of the capture, with the milliseconds.
    fn told(&mut self, secs: u64) -> Vec<(u64, &str)> {
        self.run_to(Duration::from_secs(secs));
        let news = self.news.iter();
        news.map(|(at, told)| (*at, told.as_str())).collect()
    }

    /// The responses of those seconds.
    fn said(&mut self, secs: u64) -> Vec<Said> {
        self.run_to(Duration::from_secs(secs));
        let start = self.start.as_micros();
        let said = self.bench.take_responses().into_iter();
        said.map(|sent| Said {
            at: (sent.micros - start) / 1000,
            to: match sent.to {
                Destination::Multicast => "all".into(),
                Destination::Unicast(to) => to.to_string(),
            },
            sent,
        })
        .collect()
    }
}

/// covers: none (what other implementations send)
#[test]
fn every_capture_is_fit_to_be_heard() {
    let (mut heard, mut near) = (0, 0);
    for path in pcap::files() {
        let mut lab = Lab::browser();
        lab.hear(
            path.file_stem()
                .and_then(|name| name.to_str())
                .expect("a name"),
        );
        for link in lab.bench.links.clone() {
            let stats = lab.bench.host.stats(link).expect("a link");
            assert_eq!(
                stats.malformed + stats.faulty + stats.refused + stats.conflicts,
                0,
                "{path:?}"
            );
            heard += stats.received;
        }
        let bytes = fs::read(&path).expect("a file");
        near += pcap::datagrams(&bytes)
            .iter()
            .filter(|datagram| datagram.hop_limit == 255)
            .count();
    }
    // All but what went to one host alone, seven datagrams; one of them had another hop limit.
    assert_eq!((heard, near), (292, 298));
}

/// covers: 6763-F-b
#[test]
fn avahi_startup() {
    let mut lab = Lab::browser();
    lab.hear("avahi-startup");
    // The announcement over IPv4, message 15; what IPv6 adds is the address as seen from there.
    let details = "at h1.local:8080 10.99.0.1 fe80::aff:fe63:1";
    assert_eq!(
        lab.told(60),
        [
            (1674, &*format!("found {LAB_WEB} {details} \"path=/x\"")),
            (
                1677,
                &*format!("changed {LAB_WEB} {details} fe80::aff:fe63:1 \"path=/x\"")
            ),
        ]
    );
}

/// covers: 6762-10.1-b, 6763-F-c
#[test]
fn avahi_goodbye() {
    let mut lab = Lab::browser();
    lab.hear("avahi-startup");
    lab.told(20);
    lab.news.clear();
    lab.hear("avahi-goodbye");
    let told = lab.told(20);
    assert_eq!(told.last(), Some(&(1000, &*format!("gone {LAB_WEB}"))));
    assert!(told.iter().all(|(at, _)| *at >= 1000), "{told:?}");
}

/// A host of ours in the place of Avahi answers at the same times: what is unique at once, what is shared a little later; and
/// what is known not at all.
///
/// covers: 6762-7.1-c, 6762-7.1-i
#[test]
fn avahi_browse_resolve() {
    let mut lab = Lab::h1();
    lab.hear("avahi-browse-resolve");
    let said = lab.said(20);
    let (a, reverse) = (
        "h1.local 120 IN! A 10.99.0.1",
        "1.0.99.10.in-addr.arpa 120 IN! PTR h1.local",
    );
    assert_said(
        &said,
        &[
            (0, 0, "all", a),
            (0, 0, "all", a),
            (481, 481, "all", reverse),
            (481, 481, "all", reverse),
            (954, 1055, "all", PTR),
            (954, 1055, "all", PTR),
        ],
    );
    for link in lab.bench.links {
        assert_eq!(said.iter().filter(|said| said.sent.link == link).count(), 3);
    }
}

/// covers: 6762-8.1-i, 6762-8.2-l
#[test]
fn avahi_conflict_hostname() {
    let mut lab = Lab::new(1);
    lab.bench.add_host("printer");
    let mut lab = lab.settle();
    lab.hear("avahi-conflict-hostname");
    let a = "printer.local 120 IN! A 10.99.0.1";
    assert_said(&lab.said(20), &[(0, 4, "all", a), (0, 4, "all", a)]);
    assert_eq!(lab.told(20), []);
}

/// The greater address goes on; in the place of the other we ask for the same name again after a second, as §8.2 has it and
/// Avahi has not, and find it taken.
///
/// covers: 6762-8.2-f, 6762-8.2-g, 6762-8.1-k, 6762-8.1-l
#[test]
fn avahi_conflict_simultaneous() {
    let mut lab = Lab::new(1);
    lab.bench.add_host("printer");
    lab.hear("avahi-conflict-simultaneous");
    let told: Vec<_> = lab.told(20).into_iter().map(|(_, told)| told).collect();
    assert_eq!(
        told,
        [
            "host renamed printer-2.local",
            "host registered printer-2.local"
        ]
    );
    let link = lab.bench.links[0];
    assert_eq!(lab.bench.host.stats(link).expect("a link").deferred, 1);
    let sent = lab.bench.take();
    let probes = sent
        .iter()
        .filter(|sent| sent.link == link && !sent.is_response());
    let at: Vec<_> = probes.map(|sent| sent.at).collect();
    // The probe of the other came at 250 ms, its first announcements at 703 and 1716 ms. What is to wait counts from
    // the end of the millisecond.
    assert!(
        at[0] <= 250 && (1250..=1251).contains(&at[1]) && at[2] == at[1] + 250 && at[3] >= 1716,
        "{at:?}"
    );
}

/// covers: 6762-8.1-i, 6762-8.2-l
#[test]
fn avahi_conflict_service() {
    let mut lab = Lab::h1();
    lab.bench.browse(HTTP);
    let mut lab = lab.settle();
    lab.hear("avahi-conflict-service");
    let srv = "Lab Web._http._tcp.local 120 IN! SRV 0 0 8080 h1.local";
    assert_said(&lab.said(10), &[(0, 0, "all", srv), (0, 0, "all", srv)]);
    // Ours stays what it is; the other is found by its new name.
    let found =
        "found Lab Web #2._http._tcp.local at h2.local:8081 10.99.0.2 fe80::aff:fe63:2 \"path=/y\"";
    assert_eq!(lab.told(10)[0], (1707, found));
    assert!(
        lab.told(10)
            .iter()
            .all(|(_, told)| told.contains("Lab Web #2"))
    );
}

/// The new address comes alone and with the cache-flush bit, 0.2 s after the old one: both stay.
///
/// covers: 6762-10.2-d, 6762-10.1-b
#[test]
fn avahi_address_change() {
    let mut lab = Lab::listener();
    lab.bench.lookup("h1.local");
    let mut lab = lab.settle();
    lab.hear("avahi-address-change");
    assert_eq!(
        lab.told(20),
        [
            (0, "addresses h1.local 10.99.0.1 fe80::aff:fe63:1"),
            (
                702,
                "addresses h1.local 10.99.0.1 10.99.0.77 fe80::aff:fe63:1"
            ),
            (4027, "addresses h1.local 10.99.0.1 fe80::aff:fe63:1"),
        ]
    );
}

/// covers: 6763-7.1-a, 6763-7.1-b, 6763-4.1.1-b, 6763-F-c
#[test]
fn avahi_subtype_unicode() {
    let mut lab = Lab::listener();
    lab.bench.browse("_printer._sub._http._tcp.local");
    let mut lab = lab.settle();
    lab.hear("avahi-subtype-unicode");
    let instance = "Jürgen’s Dev\\. Box / 2._http._tcp.local";
    let details = "at h1.local:8080 10.99.0.1 fe80::aff:fe63:1 \"note=grüße\" \"empty=\" \"flag\"";
    let told = lab.told(20);
    assert_eq!(told[0], (702, &*format!("found {instance} {details}")));
    assert_eq!(told.last(), Some(&(4529, &*format!("gone {instance}"))));
}

/// covers: none (three packets of fifty instances)
#[test]
fn avahi_many_services() {
    if crate::lacks_room_for("50 results") {
        return;
    }
    let mut lab = Lab::browser();
    lab.hear("avahi-many-services-tc");
    let told = lab.told(20);
    let found = told
        .iter()
        .filter(|(_, told)| told.starts_with("found Instance number "));
    assert_eq!(found.count(), 50);
}

/// In the place of Avahi: the first question is answered in full, the others, whose known answers take two packets, not at all.
///
/// covers: 6762-7.2-d, 6762-7.2-e, 6762-7.2-h
#[test]
fn avahi_many_services_tc() {
    if crate::lacks_room_for("50 services") {
        return;
    }
    let mut lab = Lab::new(1);
    lab.bench.add_host("h1");
    for n in 1..=50 {
        let (label, txt) = (format!("Instance number {n} of many"), format!("n={n}"));
        lab.bench
            .register(&label, "_http._tcp", 8000 + n, &[&txt], &[]);
    }
    let mut lab = lab.settle();
    lab.hear("avahi-many-services-tc");
    let said = lab.said(20);
    assert!(said.iter().all(|said| (20..=122).contains(&said.at)));
    let answers: usize = said.iter().map(|said| said.sent.answers().len()).sum();
    assert_eq!(answers, 100, "fifty on each link");
}

/// The four questions: nothing known, all, a TTL just below half, and something else.
///
/// covers: 6762-7.1-c, 6762-7.1-d, 6762-7.1-g
#[test]
fn known_answer_suppression() {
    let mut lab = Lab::h1();
    lab.hear("known-answer-suppression");
    assert_said(
        &lab.said(20),
        &[
            (20, 120, "all", PTR),
            (3894, 3995, "all", PTR),
            (5815, 5916, "all", PTR),
        ],
    );
}

/// Questions from other ports, the last by unicast, with an OPT record and a hop limit of 64.
///
/// covers: 6762-6.7-a, 6762-6.7-b, 6762-6.7-c, 6762-6.7-e, 6762-6.7-f
#[test]
fn legacy_unicast() {
    let mut lab = Lab::h1();
    lab.hear("legacy-unicast");
    let said = lab.said(20);
    assert_said(
        &said,
        &[
            (0, 0, "10.99.0.3:52369", &PTR.replace("4500", "10")),
            (742, 742, "10.99.0.3:44501", "h1.local 10 IN A 10.99.0.1"),
            (
                1465,
                1465,
                "10.99.0.3:35137",
                "h1.local 10 IN AAAA fe80::aff:fe63:1",
            ),
        ],
    );
    let questions = [
        "_http._tcp.local IN PTR?",
        "h1.local IN A?",
        "h1.local IN AAAA?",
    ];
    for ((said, id), question) in said.iter().zip([0x1234, 0x4321, 0x99f6]).zip(questions) {
        let message = said.sent.message();
        assert_eq!(
            (message.header().id, said.sent.questions()),
            (id, vec![question.into()])
        );
        assert!(
            message
                .records()
                .all(|(_, record)| record.ttl.0 <= 10 && !record.cache_flush)
        );
    }
}

/// What Avahi multicasts we send to the one who asks, as long as it was multicast lately.
///
/// covers: 6762-5.4-a, 6762-5.4-e, 6762-5.4-h
#[test]
fn qu_questions() {
    let mut lab = Lab::h1();
    lab.hear("qu-questions");
    let (h3, a) = ("10.99.0.3:5353", "h1.local 120 IN! A 10.99.0.1");
    assert_said(
        &lab.said(20),
        &[(0, 0, h3, a), (887, 887, h3, a), (1819, 1920, h3, PTR)],
    );
}

/// covers: 6763-F-b, 6763-F-c, 6762-10.1-b
#[test]
fn zeroconf_register() {
    let mut lab = Lab::browser();
    lab.hear("zeroconf-register");
    let instance = "Zc Svc._http._tcp.local";
    assert_eq!(
        lab.told(20),
        [
            (
                1003,
                &*format!("found {instance} at zc3.local:9000 10.99.0.3 \"a=1\" \"flag\"")
            ),
            (5020, &*format!("gone {instance}")),
        ]
    );
}

/// covers: 6762-5.4-e, 6762-7.1-c
#[test]
fn zeroconf_browse() {
    let mut lab = Lab::h1();
    lab.hear("zeroconf-browse");
    assert_said(&lab.said(20), &[(20, 120, "10.99.0.3:5353", PTR)]);
}

/// A TXT record without any rdata is one without attributes.
///
/// covers: 6763-6.1-d
#[test]
fn zeroconf_conflict() {
    let mut lab = Lab::browser();
    lab.hear("zeroconf-conflict");
    let found = lab.told(20)[1];
    assert_eq!(
        found,
        (
            1001,
            "found Lab Web-2._http._tcp.local at zc3.local:9000 10.99.0.3"
        )
    );
}

/// In the place of python-zeroconf, and after our first probe: Avahi's answers, two of them by unicast and without the
/// AA bit, say that the name is taken.
///
/// covers: 6762-8.1-k, 6762-8.1-l
#[test]
fn zeroconf_conflict_in_its_place() {
    let mut lab = Lab::new(3);
    lab.bench.add_host("zc3");
    lab.bench.register("Lab Web", "_http._tcp", 9000, &[], &[]);
    lab.bench.run(ms(300));
    lab.hear("zeroconf-conflict");
    let told: Vec<_> = lab.told(20).into_iter().map(|(_, told)| told).collect();
    assert!(
        told.contains(&"renamed Lab Web (2)._http._tcp.local"),
        "{told:?}"
    );
    assert!(
        told.contains(&"registered Lab Web (2)._http._tcp.local"),
        "{told:?}"
    );
    assert!(told.contains(&"host registered zc3.local"), "{told:?}");
}

/// What its probes propose, 127.0.0.1 among it, is not what is.
///
/// covers: 6763-F-c, 6762-10.1-b
#[test]
fn ciao() {
    let mut lab = Lab::browser();
    lab.hear("ciao");
    let (instance, addresses) = ("Ciao Svc._http._tcp.local", "10.99.0.4 fe80::aff:fe63:4");
    assert_eq!(
        lab.told(20),
        [
            (
                761,
                &*format!("found {instance} at Ciao-Svc.local:9100 {addresses} \"x=y\"")
            ),
            (4940, &*format!("gone {instance}")),
        ]
    );
}

/// No cache-flush bits, a long TTL, and a host that is in no domain: good enough to be found. The addresses of such a host are not
/// believed (RFC 6762 §13).
///
/// covers: 6762-13-a
#[test]
fn bonjour_service() {
    let mut lab = Lab::browser();
    lab.hear("bonjour-service");
    let instance = "Bonj Svc._http._tcp.local";
    assert_eq!(
        lab.told(20),
        [
            (755, &*format!("found {instance} at h4:9200 \"x=y\"")),
            (6112, &*format!("gone {instance}")),
        ]
    );
}

/// Three goodbyes, of which the first counts.
///
/// covers: 6762-10.1-b, 6762-10.1-d
#[test]
fn jmdns() {
    let mut lab = Lab::browser();
    lab.hear("jmdns");
    assert_eq!(
        lab.told(20),
        [
            (
                3047,
                "found Jm Svc._http._tcp.local at h4.local:9300 10.99.0.4 \"x=y\""
            ),
            (5083, "gone Jm Svc._http._tcp.local"),
        ]
    );
}

/// It says no goodbye: after 80, 85, 90 and 95 % of its 120 s the pointer is asked for, then it is gone.
///
/// covers: 6762-5.2-i, 6763-F-c
#[test]
fn mdnsd() {
    let mut lab = Lab::browser();
    lab.hear("mdnsd");
    let instance = "Troglo Svc._http._tcp.local";
    assert_eq!(
        lab.told(125),
        [
            (
                751,
                &*format!(
                    "found {instance} at Troglo Svc.local:9400 10.99.0.4 fe80::aff:fe63:4 \"x=y\""
                )
            ),
            (124_753, &*format!("gone {instance}")),
        ]
    );
    let (start, link) = (lab.start.as_micros() / 1000, lab.bench.links[0]);
    let asked = lab
        .bench
        .take()
        .into_iter()
        .filter(|sent| sent.link == link);
    let asked = asked.map(|sent| sent.at - start).filter(|at| *at > 60_000);
    let asked: Vec<_> = asked.map(|at| (at - 4753) / 1200).collect();
    assert!(asked.len() == 4, "{asked:?}");
    for (percent, from) in asked.into_iter().zip([80, 85, 90, 95]) {
        assert!((from..=from + 2).contains(&percent), "{percent} %");
    }
}

/// Its probes have the cache-flush bit, which does not count when they are compared: 10.99.0.9 is greater than 10.99.0.4.
///
/// covers: 6762-8.2-e, 6762-8.2-h
#[test]
fn resolved() {
    let mut lab = Lab::new(9);
    lab.bench.add_host("h4");
    lab.hear_for("resolved", ms(1200));
    let link = lab.bench.links[0];
    let said = lab.said(1);
    let announced = said
        .iter()
        .find(|said| said.sent.link == link)
        .expect("an announcement");
    assert!((750..=1000).contains(&announced.at));
    assert!(announced.sent.says("h4.local 120 IN! A 10.99.0.9"));
    assert_eq!(lab.bench.host.stats(link).expect("a link").deferred, 0);
}

/// The goodbye is for the pointer alone.
///
/// covers: 6763-F-c, 6762-10.1-b
#[test]
fn apple_register() {
    let mut lab = Lab::browser();
    lab.hear("apple-register");
    let told = lab.told(20);
    let instance = "Apple Svc._http._tcp.local";
    let found = format!("found {instance} at h4.local:9600 10.99.0.4 fe80::aff:fe63:4 \"x=y\"");
    assert_eq!(told[0], (942, &*found));
    assert_eq!(told.last(), Some(&(6351, &*format!("gone {instance}"))));
}

/// covers: 6762-5.4-e, 6762-7.1-c
#[test]
fn apple_browse_resolve() {
    let mut lab = Lab::h1();
    lab.hear("apple-browse-resolve");
    let mut said = lab.said(20);
    said.sort_by_key(|said| said.sent.link);
    assert_said(
        &said,
        &[
            (20, 120, "10.99.0.4:5353", PTR),
            (20, 120, "[fe80::aff:fe63:4]:5353", PTR),
        ],
    );
}

/// In the place of Avahi: the name is defended each time it is probed for, and the other is found under its new one.
///
/// covers: 6762-8.1-i, 6762-5.4-g, 6762-8.2-l, 6763-6.1-d
#[test]
fn apple_conflict_service() {
    let mut lab = Lab::h1();
    lab.bench.browse(HTTP);
    let mut lab = lab.settle();
    lab.hear("apple-conflict-service");
    let h4 = "10.99.0.4:5353";
    let to_h4 = lab.said(10).into_iter().filter(|said| said.to == h4);
    let srv = "Lab Web._http._tcp.local 120 IN! SRV 0 0 8080 h1.local";
    assert_said(
        &to_h4.collect::<Vec<_>>(),
        &[(174, 184, h4, srv), (1174, 1184, h4, srv)],
    );
    let found = "found Lab Web (2)._http._tcp.local at h4.local:9600 10.99.0.4 fe80::aff:fe63:4";
    assert_eq!(lab.told(10)[0], (2153, found));
    assert!(
        lab.told(10)
            .iter()
            .all(|(_, told)| told.contains("Lab Web (2)"))
    );
}

/// In the place of h3, which asks: an answer section with nothing in it, and the denial beside it.
///
/// covers: 6762-6.1-a
#[test]
fn apple_nsec_negative() {
    let mut lab = Lab::new(3);
    lab.bench.query_for("h4.local HINFO", Span::OneShot);
    lab.hear("apple-nsec-negative");
    assert_eq!(
        lab.told(20),
        [(0, "answers h4.local HINFO"), (0, "finished Denied")]
    );
}
