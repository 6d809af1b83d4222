//! The client against servers in a box, which answer as each test says; time is tokio's, paused.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use dnssd_unicast::{BrowseEvent, Client, DomainKind, QueryError, ResolvConf, Transport};
use mdns_proto::{
    name::NameBuf,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Srv, Ttl,
        Writer,
    },
};

/// TTL and flat rdata of each record.
type Rrset = Vec<(u32, Vec<u8>)>;

/// What the servers say.
#[derive(Default)]
struct Zone {
    /// TTL and flat rdata by name and type.
    records: HashMap<(String, u16), Rrset>,
    /// Response codes of servers; those that say `None` do not answer.
    rcodes: HashMap<SocketAddr, Option<u8>>,
    /// Datagrams hold so many bytes.
    datagram_max: usize,
    /// Every message that came, whether in a stream, and what was asked.
    received: Vec<(SocketAddr, bool, u16, String)>,
    /// Servers that know no OPT record.
    is_old: bool,
}

#[derive(Clone, Default)]
struct FakeServers(Arc<Mutex<Zone>>);

impl FakeServers {
    fn add(&self, name: &str, ttl: u32, rdata: Rdata<'_>) {
        let key = (name.to_owned(), rdata.rtype().0);
        let mut zone = self.0.lock().unwrap();
        zone.records
            .entry(key)
            .or_default()
            .push((ttl, rdata.bytes().collect()));
    }

    fn remove(&self, name: &str, rtype: RecordType) {
        self.0
            .lock()
            .unwrap()
            .records
            .remove(&(name.to_owned(), rtype.0));
    }

    fn set_rcode(&self, server: &str, rcode: Option<u8>) {
        self.0
            .lock()
            .unwrap()
            .rcodes
            .insert(server.parse().unwrap(), rcode);
    }

    fn received(&self) -> Vec<(SocketAddr, bool, u16, String)> {
        std::mem::take(&mut self.0.lock().unwrap().received)
    }

    fn answer(&self, server: SocketAddr, is_stream: bool, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut zone = self.0.lock().unwrap();
        let query = Message::parse(bytes).unwrap();
        let question = query.questions().next().unwrap();
        let asked = format!("{} {}", question.name, question.qtype);
        zone.received
            .push((server, is_stream, query.header().id, asked));
        let mut rcode = match zone.rcodes.get(&server) {
            None => 0,
            Some(Some(rcode)) => *rcode,
            Some(None) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if zone.is_old && query.additionals().count() > 0 {
            rcode = 1;
        }
        let mut buffer = vec![0; 65_535];
        let found = zone
            .records
            .get(&(question.name.to_string(), question.qtype.0));
        let is_absent = zone
            .records
            .keys()
            .all(|(name, _)| *name != question.name.to_string());
        if rcode == 0 && is_absent {
            rcode = 3;
        }
        let flags = Flags(0x8180 | u16::from(rcode));
        let mut writer = Writer::new(
            &mut buffer,
            65_535,
            Header {
                id: query.header().id,
                flags,
            },
        );
        writer
            .question(&Question::new(question.name, question.qtype))
            .unwrap();
        for (ttl, rdata) in found.into_iter().flatten().filter(|_| rcode == 0) {
            let rdata = Rdata::from_wire(question.qtype, rdata).unwrap();
            let record = Record {
                name: question.name,
                class: Class::IN,
                cache_flush: false,
                ttl: Ttl(*ttl),
                rdata,
            };
            writer.record(Section::Answer, &record).unwrap();
        }
        let len = writer.finish();
        if !is_stream && zone.datagram_max > 0 && len > zone.datagram_max {
            let mut writer = Writer::new(
                &mut buffer,
                512,
                Header {
                    id: query.header().id,
                    flags: Flags(0x8380),
                },
            );
            writer
                .question(&Question::new(question.name, question.qtype))
                .unwrap();
            let len = writer.finish();
            return Ok(buffer[..len].to_vec());
        }
        Ok(buffer[..len].to_vec())
    }
}

impl Transport for FakeServers {
    async fn exchange_datagram(&self, server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
        self.answer(server, false, message)
    }

    async fn exchange_stream(&self, server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
        self.answer(server, true, message)
    }
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn client() -> (FakeServers, Client<FakeServers>) {
    let servers = FakeServers::default();
    let conf =
        ResolvConf::parse("nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch example.com\n");
    (servers.clone(), Client::with_transport(conf, servers))
}

fn pointer(servers: &FakeServers, instance: &str) {
    let target = name(&format!("{instance}._ipp._tcp.example.com"));
    servers.add("_ipp._tcp.example.com", 30, Rdata::Ptr(target.as_name()));
}

fn text_of(event: &BrowseEvent) -> String {
    match event {
        BrowseEvent::Found(name) => format!("found {name}"),
        BrowseEvent::Gone(name) => format!("gone {name}"),
        BrowseEvent::Failed(_) => "failed".to_owned(),
        _ => "?".to_owned(),
    }
}

/// What is found, what goes, and that an absent name and silent servers do not end a browse.
///
/// covers: none (a browse is asked again when its TTL is over)
#[tokio::test(start_paused = true)]
async fn a_browse_follows_the_ttl_and_outlives_everything() {
    let (servers, client) = client();
    let mut browse = client.browse(name("_ipp._tcp.example.com"));
    // NXDOMAIN: nothing yet, and the browse goes on.
    let waited = tokio::time::timeout(Duration::from_secs(59), browse.next()).await;
    assert!(waited.is_err() && browse.is_complete());
    pointer(&servers, "One");
    assert_eq!(
        text_of(&browse.next().await),
        "found One._ipp._tcp.example.com"
    );
    pointer(&servers, "Two");
    let start = tokio::time::Instant::now();
    assert_eq!(
        text_of(&browse.next().await),
        "found Two._ipp._tcp.example.com"
    );
    assert_eq!(start.elapsed().as_secs(), 30);

    for server in ["192.0.2.1:53", "192.0.2.2:53"] {
        servers.set_rcode(server, None);
    }
    assert_eq!(text_of(&browse.next().await), "failed");
    // Told once; what was found is there still.
    assert!(
        tokio::time::timeout(Duration::from_secs(300), browse.next())
            .await
            .is_err()
    );
    assert_eq!(browse.instances().len(), 2);
    servers.set_rcode("192.0.2.2:53", Some(0));
    servers.remove("_ipp._tcp.example.com", RecordType::PTR);
    pointer(&servers, "Two");
    assert_eq!(
        text_of(&browse.next().await),
        "gone One._ipp._tcp.example.com"
    );
}

/// covers: none (an instance, its alias and its addresses)
#[tokio::test]
async fn an_instance_is_resolved() {
    let (servers, client) = client();
    let instance = "Front Desk._ipp._tcp.example.com";
    assert!(client.resolve(&name(instance)).await.unwrap().is_none());
    let (near, far) = (name("near.example.com"), name("far.example.com"));
    for (priority, target) in [(9, &far), (1, &near)] {
        servers.add(
            instance,
            60,
            Rdata::Srv(Srv {
                priority,
                weight: 0,
                port: 631,
                target: target.as_name(),
            }),
        );
    }
    servers.add(
        instance,
        60,
        Rdata::from_wire(RecordType::TXT, b"\x04rp=x").unwrap(),
    );
    servers.add("near.example.com", 20, Rdata::A([192, 0, 2, 7].into()));
    servers.add(
        "near.example.com",
        60,
        Rdata::Aaaa("2001:db8::7".parse().unwrap()),
    );
    let found = client.resolve(&name(instance)).await.unwrap().unwrap();
    assert_eq!((&found.host, found.port), (&near, 631));
    assert_eq!(
        found.addresses,
        [
            "192.0.2.7".parse::<std::net::IpAddr>().unwrap(),
            "2001:db8::7".parse().unwrap()
        ]
    );
    assert_eq!(found.ttl, Duration::from_secs(20));
    assert_eq!(found.txt.as_txt().as_wire(), b"\x04rp=x");
}

/// A name is asked for as it is: with a search domain behind it, somebody else could answer for it.
///
/// covers: none (no search-list surprises)
#[tokio::test]
async fn no_search_domain_is_put_behind_a_name() {
    let (servers, client) = client();
    client.query(&name("printer"), RecordType::A).await.unwrap();
    client
        .query(&name("www.bank"), RecordType::A)
        .await
        .unwrap();
    let received: Vec<_> = servers
        .received()
        .into_iter()
        .map(|(.., asked)| asked)
        .collect();
    assert_eq!(received, ["printer A", "www.bank A"]);
}

/// covers: none (what is of the link is text_of to no server: RFC 6762 §22.1)
#[tokio::test]
async fn names_of_the_link_leak_to_no_server() {
    let (servers, client) = client();
    for text in [
        "hall.local",
        "_ipp._tcp.local",
        "1.2.254.169.in-addr.arpa",
        "1.2.8.e.f.ip6.arpa",
    ] {
        let asked = client.query(&name(text), RecordType::PTR).await;
        assert!(matches!(asked, Err(QueryError::LinkLocal)), "{text}");
    }
    assert!(servers.received().is_empty());
}

/// covers: none (the next server, and again)
#[tokio::test]
async fn the_next_server_is_asked_and_errors_say_what_is_wrong() {
    let (servers, client) = client();
    servers.add("www.example.com", 60, Rdata::A([192, 0, 2, 7].into()));
    let send = || async { client.query(&name("www.example.com"), RecordType::A).await };
    servers.set_rcode("192.0.2.1:53", None);
    assert_eq!(send().await.unwrap().records().count(), 1);
    servers.set_rcode("192.0.2.1:53", Some(2));
    assert_eq!(send().await.unwrap().records().count(), 1);
    servers.set_rcode("192.0.2.2:53", Some(5));
    let error = send().await.unwrap_err();
    assert!(
        error.to_string().contains("192.0.2.2:53") && error.to_string().contains("REFUSED"),
        "{error}"
    );
    servers.received();
    servers.set_rcode("192.0.2.1:53", None);
    servers.set_rcode("192.0.2.2:53", None);
    let error = send().await.unwrap_err();
    assert!(
        error.to_string().contains("no DNS server answers"),
        "{error}"
    );
    assert_eq!(servers.received().len(), 4);
}

/// covers: none (an answer that is too long for a datagram)
#[tokio::test]
async fn a_truncated_answer_is_fetched_in_a_stream() {
    let (servers, client) = client();
    servers.0.lock().unwrap().datagram_max = 512;
    for n in 0..1500 {
        pointer(&servers, &format!("Printer {n:04}"));
    }
    let reply = client
        .query(&name("_ipp._tcp.example.com"), RecordType::PTR)
        .await
        .unwrap();
    assert_eq!(reply.records().count(), 1500);
    let received = servers.received();
    assert_eq!(
        received
            .iter()
            .map(|(_, is_stream, ..)| *is_stream)
            .collect::<Vec<_>>(),
        [false, true]
    );
}

/// covers: none (RFC 6891 §6.2.2)
#[tokio::test]
async fn an_old_server_is_asked_without_opt() {
    let (servers, client) = client();
    servers.0.lock().unwrap().is_old = true;
    servers.add("www.example.com", 60, Rdata::A([192, 0, 2, 7].into()));
    let reply = client
        .query(&name("www.example.com"), RecordType::A)
        .await
        .unwrap();
    assert_eq!(reply.records().count(), 1);
    assert_eq!(servers.received().len(), 2);
}

/// Ids that count upwards, or repeat, can be guessed by who forges a response.
///
/// covers: CVE-2008-3630, CVE-2019-19794, CVE-2021-25677, CVE-2022-30295, CVE-2024-52615, SEC-18
#[tokio::test]
async fn ids_are_drawn_anew_for_each_query() {
    let (servers, client) = client();
    for _ in 0..400 {
        client
            .query(&name("www.example.com"), RecordType::A)
            .await
            .unwrap();
    }
    let ids: Vec<u16> = servers
        .received()
        .into_iter()
        .map(|(_, _, id, _)| id)
        .collect();
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert!(distinct.len() > 380, "{} of 400", distinct.len());
    // All parts of the range, in no order.
    for quarter in 0..4u16 {
        let share = ids.iter().filter(|id| **id >> 14 == quarter).count();
        assert!(
            (60..=140).contains(&share),
            "{share} of 400 in quarter {quarter}"
        );
    }
    let rising = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((150..=250).contains(&rising), "{rising} of 399 rise");
}

/// Domains are advice: that they are recommended changes nothing that is asked for later.
///
/// covers: 6763-11-a, 6763-11-e
#[tokio::test]
async fn domains_are_advice_and_nothing_else() {
    let (servers, client) = client();
    let office = name("office.example.com");
    servers.add(
        "b._dns-sd._udp.example.com",
        60,
        Rdata::Ptr(office.as_name()),
    );
    servers.add(
        "dr._dns-sd._udp.example.com",
        60,
        Rdata::Ptr(office.as_name()),
    );
    for kind in DomainKind::ALL {
        let found = client.domains(kind, &name("example.com")).await.unwrap();
        let is_there = matches!(kind, DomainKind::Browse | DomainKind::DefaultRegister);
        assert_eq!(found.len(), usize::from(is_there), "{kind:?}");
    }
    servers.received();
    client
        .query(&name("_ipp._tcp.example.com"), RecordType::PTR)
        .await
        .unwrap();
    assert_eq!(servers.received().len(), 1);
}
