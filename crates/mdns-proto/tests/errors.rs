//! A command that returns an error has changed nothing: two hosts of one seed, of which one is never given the commands that fail on the
//! other, send and tell the same.
#![cfg(feature = "std")]

use core::time::Duration;
use std::net::SocketAddr;

use mdns_proto::{
    config::Config,
    discovery::{AddressKind, Span},
    host::Host,
    link::{Family, InterfaceId, LinkConfig, LinkId, Packet, Subnet, Via},
    name::{META_QUERY, NameBuf, ServiceType},
    own::{HostId, NewRecord, RecordId, Service, ServiceId, Sharing},
    time::Instant,
    wire::{Flags, Header, Question, Rdata, RecordType, TxtVec, Writer},
};

mdns_proto::fixed! {
    struct Tiny {
        links: 2, hosts: 2, addresses: 2, services: 2, subtypes: 1, own_text: 300, askers: 2,
        asks: 3, told: 3, ask_text: 120, heard: 6, heard_text: 200,
    }
}

/// Numbers from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = usize::try_from(self.below(all.len() as u64)).expect("small");
        all[at]
    }
}

/// What the commands so far have given.
#[derive(Default)]
struct Given {
    links: Vec<LinkId>,
    hosts: Vec<HostId>,
    services: Vec<ServiceId>,
    records: Vec<RecordId>,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    AddLink(u32, Family),
    SetAddresses(u32, u8),
    AddHost(&'static str),
    Register(
        &'static str,
        &'static str,
        &'static [&'static str],
        Option<HostId>,
    ),
    Withdraw(ServiceId),
    RemoveHost(HostId),
    Txt(ServiceId, usize),
    Port(ServiceId, u16),
    Subtypes(ServiceId, &'static [&'static str]),
    AddRecord(&'static str, u8, Sharing),
    UpdateRecord(RecordId, u8),
    RemoveRecord(RecordId),
    Browse(&'static str),
    BrowseTypes,
    Resolve(&'static str),
    Lookup(&'static str),
    Query(&'static str),
    Reverse(u8),
    LinkDown(LinkId),
    LinkUp(LinkId),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Gave {
    Link(LinkId),
    Host(HostId),
    Service(ServiceId),
    Record(RecordId),
    Nothing,
}

const NAMES: [&str; 5] = [
    "hall",
    "Desk",
    "a name that is rather long for so small a board",
    "",
    "Desk (2)",
];
const SUBTYPES: [&[&str]; 4] = [&[], &["_a"], &["_a", "_b", "_c"], &["_a", "_A"]];

fn draw(numbers: &mut Numbers, given: &Given) -> Option<Command> {
    let last =
        |n: &mut Numbers, len: usize| usize::try_from(n.below(len.max(1) as u64)).expect("small");
    let service = |n: &mut Numbers| given.services.get(last(n, given.services.len())).copied();
    let record = |n: &mut Numbers| given.records.get(last(n, given.records.len())).copied();
    let host = |n: &mut Numbers| given.hosts.get(last(n, given.hosts.len())).copied();
    let link = |n: &mut Numbers| given.links.get(last(n, given.links.len())).copied();
    Some(match numbers.below(22) {
        0 => Command::AddLink(1 + numbers.below(2) as u32, numbers.of(&Family::ALL)),
        1 => Command::SetAddresses(1 + numbers.below(2) as u32, numbers.below(4) as u8),
        2 => Command::AddHost(numbers.of(&NAMES)),
        3..=6 => {
            let on = if numbers.below(2) == 0 {
                None
            } else {
                host(numbers)
            };
            Command::Register(
                numbers.of(&NAMES),
                numbers.of(&["_http._tcp", "_ipp._tcp"]),
                numbers.of(&SUBTYPES),
                on,
            )
        }
        7 => Command::Withdraw(service(numbers)?),
        8 => Command::RemoveHost(host(numbers)?),
        9 => Command::Txt(service(numbers)?, numbers.of(&[0, 10, 100, 200])),
        10 => Command::Port(service(numbers)?, numbers.below(3) as u16),
        11 => Command::Subtypes(service(numbers)?, numbers.of(&SUBTYPES)),
        12 => Command::AddRecord(
            numbers.of(&["www.local", "x.local", "example.com"]),
            numbers.below(3) as u8,
            numbers.of(&[Sharing::Unique, Sharing::Shared]),
        ),
        13 => Command::UpdateRecord(record(numbers)?, numbers.below(3) as u8),
        14 => Command::RemoveRecord(record(numbers)?),
        15 => {
            Command::Browse(numbers.of(&["_http._tcp.local", "_ipp._tcp.local", "a.example.com"]))
        }
        16 => Command::BrowseTypes,
        17 => Command::Resolve(numbers.of(&["Desk._http._tcp.local", "hall._ipp._tcp.local"])),
        18 => Command::Lookup(numbers.of(&["hall.local", "other.local", "example.com"])),
        19 => Command::Query(numbers.of(&["hall.local", "x.local", "example.com"])),
        20 => Command::Reverse(numbers.below(3) as u8),
        _ if numbers.below(2) == 0 => Command::LinkDown(link(numbers)?),
        _ => Command::LinkUp(link(numbers)?),
    })
}

fn address(n: u8) -> [u8; 4] {
    [10, 0, 0, n]
}

fn apply(host: &mut Host<Tiny>, now: Instant, command: Command) -> Result<Gave, String> {
    let name = |text: &str| text.parse::<NameBuf>().expect("a name");
    fn done<T, E: core::fmt::Debug>(
        result: Result<T, E>,
        gave: impl FnOnce(T) -> Gave,
    ) -> Result<Gave, String> {
        result.map(gave).map_err(|error| format!("{error:?}"))
    }
    match command {
        Command::AddLink(interface, family) => {
            let config = LinkConfig {
                interface: InterfaceId(interface),
                family,
                mtu: 1500,
                unicast: true,
                ..LinkConfig::MULTICAST
            };
            done(host.add_link(now, config), Gave::Link)
        }
        Command::SetAddresses(interface, count) => {
            let all: Vec<_> = (0..count)
                .map(|n| Subnet {
                    address: address(n + 1).into(),
                    prefix_len: 24,
                })
                .collect();
            done(
                host.set_addresses(now, InterfaceId(interface), &all),
                |()| Gave::Nothing,
            )
        }
        Command::AddHost(label) => done(host.add_host(now, label), Gave::Host),
        Command::Register(label, ty, subtypes, on) => {
            let ty: ServiceType = ty.parse().expect("a type");
            let service = Service {
                subtypes,
                host: on,
                ..Service::new(label, &ty, 80)
            };
            done(host.register(now, &service), Gave::Service)
        }
        Command::Withdraw(id) => {
            host.withdraw(now, id);
            Ok(Gave::Nothing)
        }
        Command::RemoveHost(id) => {
            host.remove_host(now, id);
            Ok(Gave::Nothing)
        }
        Command::Txt(id, len) => {
            let mut txt = TxtVec::new();
            txt.push_string(&vec![b'x'; len]).expect("a string");
            done(host.update_txt(now, id, txt.as_txt()), |()| Gave::Nothing)
        }
        Command::Port(id, port) => done(host.update_port(now, id, port), |()| Gave::Nothing),
        Command::Subtypes(id, subtypes) => {
            done(host.update_subtypes(now, id, subtypes), |()| Gave::Nothing)
        }
        Command::AddRecord(owner, n, sharing) => {
            let owner = name(owner);
            done(
                host.add_record(
                    now,
                    &NewRecord::new(owner.as_name(), Rdata::A(address(n).into()), sharing),
                ),
                Gave::Record,
            )
        }
        Command::UpdateRecord(id, n) => done(
            host.update_record(now, id, &Rdata::A(address(n).into())),
            |()| Gave::Nothing,
        ),
        Command::RemoveRecord(id) => {
            host.remove_record(now, id);
            Ok(Gave::Nothing)
        }
        Command::Browse(ty) => done(host.browse(now, name(ty).as_name()), |_| Gave::Nothing),
        Command::BrowseTypes => done(host.browse_types(now), |_| Gave::Nothing),
        Command::Resolve(instance) => done(host.resolve(now, name(instance).as_name()), |_| {
            Gave::Nothing
        }),
        Command::Lookup(label) => done(
            host.lookup_host(now, name(label).as_name(), AddressKind::Both),
            |_| Gave::Nothing,
        ),
        Command::Query(owner) => done(
            host.query(now, name(owner).as_name(), RecordType::A, Span::Continuous),
            |_| Gave::Nothing,
        ),
        Command::Reverse(n) => done(
            host.reverse(now, address(n).into(), Span::Continuous),
            |_| Gave::Nothing,
        ),
        Command::LinkDown(link) => {
            host.link_down(now, link);
            Ok(Gave::Nothing)
        }
        Command::LinkUp(link) => {
            host.link_up(now, link);
            Ok(Gave::Nothing)
        }
    }
}

/// All that a host sends and tells now, and when it wants to be asked again.
fn outcome(host: &mut Host<Tiny>, now: Instant) -> (Vec<String>, Option<Instant>) {
    let mut all = Vec::new();
    let mut buffer = [0; 1500];
    host.handle_timeout(now);
    while let Some(sent) = host.poll_transmit(now, &mut buffer) {
        all.push(format!("{sent:?} {:?}", &buffer[..sent.len]));
    }
    while let Some(event) = host.poll_event() {
        all.push(format!("{event:?}"));
    }
    (all, host.poll_timeout())
}

fn question(name: mdns_proto::name::Name<'_>) -> Vec<u8> {
    let mut buffer = [0; 512];
    let mut writer = Writer::new(
        &mut buffer,
        512,
        Header {
            id: 0,
            flags: Flags::QUERY,
        },
    );
    writer
        .question(&Question::new(name, RecordType::ANY))
        .expect("room");
    let len = writer.finish();
    buffer[..len].to_vec()
}

/// Both hosts until then: the same packets, events and deadlines.
fn run(twins: &mut [Host<Tiny>; 2], now: &mut Instant, until: Instant, seed: u64) {
    loop {
        let [one, other] = twins;
        let (one, other) = (outcome(one, *now), outcome(other, *now));
        assert_eq!(one, other, "seed {seed} at {now:?}");
        match one.1.filter(|&next| next <= until) {
            Some(next) => *now = next.max(*now),
            None => break,
        }
    }
    *now = until;
}

/// covers: none (style: a command that fails has changed nothing)
#[test]
fn a_command_that_fails_has_changed_nothing() {
    let (mut failed, mut done) = (0, 0);
    for seed in 1..=120 {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut now = Instant::ZERO;
        let mut twins = [(); 2].map(|()| Host::<Tiny>::started(Config::DEFAULT, now, seed));
        let mut given = Given::default();
        for _ in 0..60 {
            let Some(command) = draw(&mut numbers, &given) else {
                continue;
            };
            let result = apply(&mut twins[0], now, command);
            // What is not all or nothing says so: set_addresses.
            let is_partial = matches!(command, Command::SetAddresses(..));
            if result.is_ok() || is_partial {
                done += 1;
                assert_eq!(
                    result,
                    apply(&mut twins[1], now, command),
                    "seed {seed}: {command:?}"
                );
            } else {
                failed += 1;
            }
            match result {
                Ok(Gave::Link(id)) => given.links.push(id),
                Ok(Gave::Host(id)) => given.hosts.push(id),
                Ok(Gave::Service(id)) => given.services.push(id),
                Ok(Gave::Record(id)) => given.records.push(id),
                _ => {}
            }
            let until = now + Duration::from_millis(numbers.below(2) * numbers.below(3000));
            run(&mut twins, &mut now, until, seed);
            if let (Some(&link), 0) = (given.links.first(), numbers.below(3)) {
                let source: SocketAddr = ([10, 0, 0, 7], 5353).into();
                let bytes = question(META_QUERY);
                for host in &mut twins {
                    host.handle_packet(
                        now,
                        link,
                        Packet {
                            source,
                            via: Via::Multicast,
                            hop_limit: None,
                            bytes: &bytes,
                        },
                    );
                }
            }
        }
        let until = now + Duration::from_secs(30);
        run(&mut twins, &mut now, until, seed);
    }
    assert!(failed > 1000 && done > 1000, "{failed} failed, {done} done");
}

/// Addresses that found no room silence nothing: what found room is announced and answered for.
///
/// covers: none (a bound that is told cuts nothing else)
#[test]
fn addresses_without_room_silence_no_host() {
    let mut now = Instant::ZERO;
    let mut host = Host::<Tiny>::started(Config::DEFAULT, now, 7);
    let config = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        mtu: 1500,
        unicast: true,
        ..LinkConfig::MULTICAST
    };
    host.add_link(now, config).expect("a link");
    host.add_host(now, "hall").expect("a host");
    let all: Vec<_> = (1..=5)
        .map(|n| Subnet {
            address: address(n).into(),
            prefix_len: 24,
        })
        .collect();
    assert!(host.set_addresses(now, InterfaceId(1), &all).is_err());
    let said = |host: &mut Host<Tiny>, now: &mut Instant| {
        let mut all = Vec::new();
        let until = *now + Duration::from_secs(10);
        loop {
            let (sent, next) = outcome(host, *now);
            all.extend(sent);
            match next.filter(|&next| next <= until) {
                Some(next) => *now = next,
                None => break,
            }
        }
        *now = until;
        all
    };
    let first = said(&mut host, &mut now);
    assert!(
        first.len() >= 5,
        "three probes, two announcements: {}",
        first.len()
    );
    assert!(first.iter().any(|event| event.contains("HostRegistered")));
    // The two that found room go; the others are told again, and find the rows.
    host.set_addresses(now, InterfaceId(1), &all[2..4])
        .expect("room");
    let second = said(&mut host, &mut now);
    assert!(
        second.iter().any(|sent| sent.contains("10, 0, 0, 3")),
        "{second:#?}"
    );
}
