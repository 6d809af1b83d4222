//! An endpoint on a board: the life of its one link.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use mdns_proto::{
    config::Config,
    endpoint::Endpoint,
    link::{Destination, Family, InterfaceId, LinkConfig, Packet, Subnet, Via},
    name::{NameBuf, ServiceType},
    own::Service,
    store::Full,
    time::Instant,
    wire::{Flags, Header, Message, Question, RecordType, Writer},
};

mdns_proto::fixed! {
    struct Board {
        links: 1, hosts: 1, addresses: 1, services: 1, subtypes: 0, own_text: 256, askers: 2,
        asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
    }
}

const LINK: LinkConfig = LinkConfig {
    interface: InterfaceId(1),
    family: Family::V4,
    mtu: 1500,
    unicast: true,
    ..LinkConfig::MULTICAST
};

/// What it sends in the time, as text.
fn run(endpoint: &mut Endpoint<Board>, from: Instant, time: Duration) -> Vec<String> {
    let mut sent = Vec::new();
    let (mut now, mut buffer) = (from, [0; 1500]);
    while now <= from + time {
        endpoint.handle_timeout(now);
        while let Some(transmit) = endpoint.poll_transmit(now, &mut buffer) {
            assert_eq!(transmit.link, endpoint.link());
            let message =
                Message::parse(&buffer[..transmit.len]).expect("we send what can be read");
            let answers = message.records().map(|(_, record)| record.to_string());
            assert_eq!(transmit.destination, Destination::Multicast);
            sent.push(answers.collect::<Vec<_>>().join("; "));
        }
        while endpoint.poll_event().is_some() {}
        match endpoint.poll_timeout() {
            Some(next) => now = next,
            None => break,
        }
    }
    sent
}

/// A neighbour's question for the host's address, by multicast.
fn asked(endpoint: &mut Endpoint<Board>, now: Instant) {
    let mut bytes = [0; 512];
    let header = Header {
        id: 0,
        flags: Flags::QUERY,
    };
    let mut writer = Writer::new(&mut bytes, 512, header);
    let name: NameBuf = "hall.local".parse().expect("a name");
    let question = Question::new(name.as_name(), RecordType::A);
    writer.question(&question).expect("room");
    let len = writer.finish();
    let packet = Packet {
        source: "10.0.0.7:5353".parse().expect("an address"),
        via: Via::Multicast,
        hop_limit: None,
        bytes: &bytes[..len],
    };
    endpoint.handle_packet(now, packet);
}

/// Its link comes, works, fails to send, goes down and comes up; each time the network hears what it must.
///
/// covers: none (the wrapper of a host with one link)
#[test]
fn the_link_of_an_endpoint_is_its_own() {
    let mut endpoint = Endpoint::<Board>::new(Config::DEFAULT);
    let mut now = Instant::ZERO;
    endpoint.start(LINK, now, 7).expect("room for a link");
    assert_eq!(endpoint.start(LINK, now, 7), Err(Full), "it has its link");
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let subnet = Subnet {
        address,
        prefix_len: 24,
    };
    endpoint
        .set_addresses(now, LINK.interface, &[subnet])
        .expect("room for an address");
    endpoint.add_host(now, "hall").expect("room for a host");
    let ipp: ServiceType = "_ipp._tcp".parse().expect("a type");
    let service = Service::new("Desk", &ipp, 631);
    endpoint
        .register(now, &service)
        .expect("room for a service");

    let mut buffer = [0; 1500];
    now = endpoint.poll_timeout().expect("a probe is due");
    endpoint.handle_timeout(now);
    endpoint.poll_transmit(now, &mut buffer).expect("a probe");
    endpoint.send_failed(now);
    let held = run(&mut endpoint, now, Duration::from_millis(999));
    assert_eq!(held, Vec::<String>::new(), "the next try is a second later");
    now += Duration::from_secs(1);

    let step = Duration::from_secs(3);
    let said = |sent: &[String]| sent.iter().filter(|text| text.contains("IN! A ")).count();
    let started = run(&mut endpoint, now, step);
    assert_eq!(said(&started), 2, "announced twice: {started:?}");

    now += step;
    asked(&mut endpoint, now);
    let answered = run(&mut endpoint, now, step);
    assert_eq!(said(&answered), 1, "{answered:?}");

    now += step;
    endpoint.link_down(now);
    asked(&mut endpoint, now);
    assert_eq!(run(&mut endpoint, now, step), Vec::<String>::new());
    now += step;
    endpoint.link_up(now);
    let back = run(&mut endpoint, now, step);
    assert_eq!(said(&back), 2, "announced anew: {back:?}");
}

/// covers: none (a bound of ours)
#[test]
fn without_a_row_for_the_link_it_does_not_start() {
    mdns_proto::fixed! {
        struct Nowhere {
            links: 0, hosts: 1, addresses: 1, services: 1, subtypes: 0, own_text: 256, askers: 2,
            asks: 0, told: 0, ask_text: 0, heard: 0, heard_text: 0,
        }
    }
    let started = Endpoint::<Nowhere>::started(Config::DEFAULT, LINK, Instant::ZERO, 1);
    assert!(matches!(started, Err(Full)));
}
