//! The network itself: what it carries, what it does not, and that one seed is one story.

use std::time::Duration;

use mdns_proto::{
    link::{Destination, Family, PORT, Via},
    name::NameBuf,
    wire::{Question, RecordType},
};
use mdns_sim::{Conditions, Net, message};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn bad_air() -> Conditions {
    Conditions {
        delay: Duration::ZERO..=Duration::from_millis(300),
        loss_percent: 20,
        duplication_percent: 20,
        stale_percent: 5,
        stale_delay: secs(2)..=secs(20),
        sends_back: true,
    }
}

fn crowd_in_bad_air(seed: u64) -> String {
    let mut net = Net::seeded(seed);
    net.segment().set(bad_air());
    for n in 0..8 {
        net.host(&format!("host-{n}"))
            .advertise("Printer", "_ipp._tcp", 631)
            .browse("_ipp._tcp");
    }
    net.run_for(secs(30));
    net.transcript()
}

/// covers: none (the simulator)
#[test]
fn one_seed_is_one_story() {
    assert_eq!(crowd_in_bad_air(3), crowd_in_bad_air(3));
    assert_ne!(crowd_in_bad_air(3), crowd_in_bad_air(4));
}

/// A host that is added and silent changes nothing for the others.
///
/// covers: none (the simulator)
#[test]
fn who_says_nothing_changes_nothing() {
    let story = |has_guest| {
        let mut net = Net::seeded(9);
        net.segment().set(bad_air());
        net.host("hall").advertise("Printer", "_ipp._tcp", 631);
        net.host("attic").browse("_ipp._tcp");
        if has_guest {
            net.peer("guest");
        }
        net.run_for(secs(30));
        net.transcript()
    };
    assert_eq!(story(false), story(true));
}

/// After the noise has stopped everyone's picture of the network is the same, and no name has two owners.
///
/// covers: none (the simulator)
#[test]
fn a_crowd_agrees_in_the_end() {
    for seed in 0..3 {
        let mut net = Net::seeded(seed);
        net.forget();
        net.segment().set(bad_air());
        let crowd: Vec<_> = (0..8)
            .map(|n| {
                net.host(&format!("host-{n}"))
                    .advertise("Printer", "_ipp._tcp", 631)
                    .browse("_ipp._tcp")
            })
            .collect();
        net.run_for(secs(60));
        net.segment().set(Conditions::default());
        net.run_for(secs(4800));
        let mut owned: Vec<_> = crowd.iter().flat_map(|host| host.services()).collect();
        owned.sort();
        let count = owned.len();
        owned.dedup();
        assert_eq!((owned.len(), count), (8, 8), "seed {seed}: {owned:?}");
        for host in &crowd {
            assert_eq!(
                host.found().into_keys().collect::<Vec<_>>(),
                owned,
                "seed {seed}, {:?}",
                host.name()
            );
        }
    }
}

/// covers: none (the simulator)
#[test]
fn packets_are_lost_doubled_and_late_as_often_as_is_said() {
    let net = Net::seeded(1);
    let (from, to) = (net.peer("from"), net.peer("to"));
    net.segment().set(Conditions {
        loss_percent: 25,
        duplication_percent: 10,
        ..bad_air()
    });
    for _ in 0..2_000 {
        from.send(vec![0; 12]);
    }
    net.run_for(secs(1));
    let heard = to.heard().len();
    assert!((1_550..1_750).contains(&heard), "{heard}");
    net.run_for(secs(60));
    let stale = to.heard().len() - heard;
    assert!((70..130).contains(&stale), "{stale}");
    // The access point sends back to the sender, too.
    assert!(from.heard().len() > 1_500);
}

/// covers: none (the simulator)
#[test]
fn an_island_hears_itself_and_nobody_else() {
    let net = Net::seeded(1);
    let [hall, attic, desk] =
        ["hall", "attic", "desk"].map(|name| net.host(name).browse("_ipp._tcp"));
    hall.advertise("Printer", "_ipp._tcp", 631);
    net.segment().part(&[&hall, &attic]);
    net.run_for(secs(10));
    assert_eq!((attic.found().len(), desk.found().len()), (1, 0));
    net.segment().heal();
    net.run_for(secs(60));
    assert_eq!(desk.found().len(), 1);
}

/// covers: none (the simulator)
#[test]
fn unicast_goes_to_one() {
    let net = Net::seeded(1);
    let (from, to, other) = (net.peer("from"), net.peer("to"), net.peer("other"));
    let address = (to.address(Family::V6), 4711).into();
    from.send_from(PORT, Destination::Unicast(address), vec![1, 2, 3]);
    net.run_for(secs(1));
    assert_eq!(other.heard().len(), 0);
    let heard = to.heard();
    assert_eq!(
        (heard.len(), heard[0].via, heard[0].packet.destination),
        (1, Via::Unicast, Destination::Unicast(address))
    );
    assert_eq!(
        heard[0].packet.source,
        (from.address(Family::V6), PORT).into()
    );
}

/// A host whose sockets are full says what it has to say when they are not.
///
/// covers: none (the simulator)
#[test]
fn a_host_waits_until_it_can_send() {
    let mut net = Net::seeded(1);
    let hall = net.host("hall");
    hall.set_writable(false);
    net.run_for(secs(10));
    assert_eq!(net.transcript(), "");
    hall.set_writable(true);
    net.run_for(secs(3));
    assert_eq!(net.packets().len(), 5);
}

/// covers: none (the simulator)
#[test]
fn what_was_sent_is_written_as_pcap() {
    let net = Net::seeded(1);
    let hall = net.host("hall").dual_stack();
    let tool = net.peer("tool");
    net.run_for(secs(5));
    let name: NameBuf = "hall.local".parse().unwrap();
    let query = message(Default::default(), |message| {
        message
            .question(&Question::new(name.as_name(), RecordType::A))
            .unwrap();
    });
    tool.send_to(&hall, query);
    net.run_for(secs(1));

    let path = std::env::temp_dir().join(format!("mdns-sim-{}.pcap", std::process::id()));
    net.write_pcap(&path).unwrap();
    let file = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (mut rest, header) = pcap_parser::parse_pcap_header(&file).unwrap();
    assert_eq!(header.network, pcap_parser::Linktype::RAW);
    let mut packets = net.packets().into_iter();
    while !rest.is_empty() {
        let (after, block) = pcap_parser::parse_pcap_frame(rest).unwrap();
        let packet = packets.next().unwrap();
        let sliced = etherparse::SlicedPacket::from_ip(block.data).unwrap();
        let Some(etherparse::TransportSlice::Udp(udp)) = sliced.transport else {
            panic!("not UDP")
        };
        assert_eq!((udp.source_port(), udp.payload()), (PORT, &*packet.bytes));
        let micros = u64::from(block.ts_sec) * 1_000_000 + u64::from(block.ts_usec);
        assert_eq!(micros, packet.at.as_micros());
        rest = after;
    }
    assert_eq!(packets.next().map(|packet| packet.at), None);
}
