//! What strangers send to a driver, and what the system does to it (docs/security.md).

use std::{
    cell::Cell,
    future::Future as _,
    io,
    net::{Ipv4Addr, UdpSocket},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use mdns_driver::{
    AdvertisementEvent, Announcement, BrowseEvent, BrowseNews, Clock, Driver, Mdns, Options,
    Reactor, Run, Socket,
    proto::{
        config::Config,
        link::{GROUP_V4, PORT},
        name::{Name, NameBuf, ServiceType},
        wire::{Flags, Header, Message, Question, RecordType, Ttl},
    },
    socket::{Family, LinkSocket, interfaces},
};
use mdns_sim::{instances, message};

use crate::{hands::Hands, run, sent};

impl Hands {
    /// The monotonic clock is this now.
    fn set(&self, now: Duration) {
        self.0.lock().unwrap().0 = now;
    }
}

/// A socket on loopback that speaks as a host does, from port 5353.
fn mouth() -> LinkSocket {
    let all = interfaces().expect("interfaces");
    let loopback = all.iter().find(|interface| interface.is_loopback);
    LinkSocket::open(loopback.expect("loopback"), Family::V4).expect("a socket")
}

fn question(name: Name<'_>, rtype: RecordType) -> Vec<u8> {
    let header = Header {
        id: 7,
        flags: Flags::QUERY,
    };
    message(header, |writer| {
        writer.question(&Question::new(name, rtype)).expect("room")
    })
}

fn driver(hands: &Hands, config: Config) -> Driver {
    let options = Options {
        config,
        ..Options::loopback()
    };
    Driver::with_clock(options, Box::new(hands.clone())).expect("a driver")
}

/// Advertises a service, and waits until it has its name.
fn advertise(driver: &mut Driver, hands: &Hands, kind: &str) -> NameBuf {
    let desk = Announcement::new("Desk", kind.parse().expect("a type"), 1);
    let desk = driver.advertise(&desk).expect("an advertisement");
    run(driver, hands, Duration::from_secs(10));
    match driver.next_change(desk) {
        Some(AdvertisementEvent::Registered(name)) => name,
        other => panic!("{other:?}"),
    }
}

/// Reads all that is there.
fn read_all(driver: &mut Driver) {
    for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
        while driver.read(source).is_ok() {}
    }
}

/// Asks as a simple resolver does; `None` if there is no answer when the driver has read what is there.
fn ask(driver: &mut Driver, asker: &UdpSocket, name: &NameBuf) -> Option<usize> {
    let question = question(name.as_name(), RecordType::SRV);
    asker.send_to(&question, (GROUP_V4, PORT)).expect("sent");
    read_all(driver);
    let mut buffer = [0; 1500];
    let (len, _) = asker.recv_from(&mut buffer).ok()?;
    Some(
        Message::parse(&buffer[..len])
            .expect("a message")
            .answers()
            .count(),
    )
}

fn asker() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    socket
}

/// A datagram of no bytes is not the end of what there is to read.
///
/// covers: SEC-07, CVE-2011-1002
#[test]
fn datagrams_of_no_bytes_hide_none_behind_them() {
    let hands = Hands::default();
    let mut driver = driver(&hands, Config::DEFAULT);
    let name = advertise(&mut driver, &hands, "_d-empty._tcp");
    let (mouth, asker) = (mouth(), asker());
    for _ in 0..100 {
        mouth.send_to(b"", mouth.group()).expect("sent");
    }
    assert_eq!(ask(&mut driver, &asker, &name), Some(1));
}

/// Who never reads holds the instances that memory allows to know of, and nothing of those that came and went, whatever their
/// number.
///
/// covers: SEC-11
#[test]
fn who_never_reads_holds_no_more_than_there_is() {
    const ROOM: usize = 50;
    const WAVES: usize = 40;
    let hands = Hands::default();
    let config = Config {
        heard_records_max: 60,
        ..Config::DEFAULT
    };
    let mut driver = driver(&hands, config);
    let kind: ServiceType = "_d-waves._tcp".parse().expect("a type");
    let browse = driver.browse(&kind).expect("a browse");
    let mouth = mouth();
    for wave in 0..WAVES {
        let labels = || (0..ROOM).map(|n| format!("{wave}-{n}"));
        for ttl in [Ttl(120), Ttl(0)] {
            mouth
                .send_to(&instances(&kind, labels(), ttl), mouth.group())
                .expect("sent");
            read_all(&mut driver);
            let known = driver.snapshot(browse).len();
            assert_eq!(known, ROOM, "{wave}");
        }
        // A goodbye counts after a second (RFC 6762 §10.1).
        run(&mut driver, &hands, Duration::from_secs(2));
        assert_eq!(driver.snapshot(browse).len(), 0, "{wave}");
    }
    assert_eq!(driver.next::<BrowseNews>(browse), None);

    // More at once than there is room for: those for whom there was, and a word that there are more.
    for part in 0..100 {
        let labels = (0..100).map(|n| format!("{part}-{n}"));
        mouth
            .send_to(&instances(&kind, labels, Ttl(120)), mouth.group())
            .expect("sent");
        read_all(&mut driver);
    }
    let known = driver.snapshot(browse).len();
    assert!((1..=60).contains(&known), "{known}");
    let told: Vec<_> = std::iter::from_fn(|| driver.next::<BrowseNews>(browse)).collect();
    assert_eq!(told.len(), known + 1);
    assert_eq!(told.last(), Some(&BrowseEvent::Incomplete));
}

/// A clock that is set back stands still until it is where it was: no panic, no packet, and then all goes on.
///
/// covers: SEC-14
#[test]
fn a_clock_that_goes_back_stands_still() {
    let hands = Hands::default();
    hands.wait(Duration::from_secs(1_000_000));
    let mut driver = driver(&hands, Config::DEFAULT);
    let name = advertise(&mut driver, &hands, "_d-back._tcp");
    let before = sent(&driver);
    hands.set(Duration::from_secs(5));
    for _ in 0..100 {
        hands.wait(Duration::from_secs(1));
        driver.handle_timeout();
        driver.timeout();
    }
    assert_eq!(sent(&driver), before);
    hands.set(Duration::from_secs(2_000_000));
    driver.handle_timeout();
    assert_eq!(ask(&mut driver, &asker(), &name), Some(1));
}

/// Drivers that start at one moment draw their delays each from a seed of its own.
///
/// covers: SEC-18
#[test]
fn each_driver_has_a_seed_of_its_own() {
    const DRIVERS: usize = 8;
    let hands = Hands::default();
    let first_probe = |_| {
        let mut driver = driver(&hands, Config::DEFAULT);
        let desk = Announcement::new("Desk", "_d-seed._tcp".parse().expect("a type"), 1);
        driver.advertise(&desk).expect("an advertisement");
        driver.timeout().expect("a probe to come")
    };
    let mut delays: Vec<_> = (0..DRIVERS).map(first_probe).collect();
    assert!(
        delays
            .iter()
            .all(|delay| *delay <= Duration::from_millis(250)),
        "{delays:?}"
    );
    delays.sort();
    delays.dedup();
    assert!(delays.len() >= DRIVERS - 1, "{delays:?}");
}

/// A clock that goes on by two seconds whenever it is read: whatever is owed is due at once.
#[derive(Default)]
struct Rush(AtomicU64);

impl Clock for Rush {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(2, Ordering::SeqCst) + 2)
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// An event loop in which there is always one more datagram to be read, from the moment on when there is one at all.
struct Flooded;

thread_local! {
    /// What there is always one more of.
    static FLOOD: Cell<Option<(LinkSocket, Vec<u8>)>> = const { Cell::new(None) };
    static READ: Cell<usize> = const { Cell::new(0) };
}

impl Reactor for Flooded {
    type Source = ();

    fn current() -> io::Result<Self> {
        Ok(Flooded)
    }

    fn spawn(_: Run<Self>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn register(&self, _: &Socket) -> io::Result<()> {
        Ok(())
    }

    fn poll_read(
        _: &mut (),
        _: &mut Context<'_>,
        mut read: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        let flood = FLOOD.take();
        if let Some((mouth, datagram)) = &flood {
            mouth.send_to(datagram, mouth.group()).expect("sent");
        }
        FLOOD.set(flood);
        match read() {
            Ok(()) => {
                READ.set(READ.get() + 1);
                Poll::Ready(())
            }
            Err(_) => Poll::Pending,
        }
    }

    fn poll_write(
        _: &mut (),
        _: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<()>,
    ) -> Poll<()> {
        match write() {
            Ok(()) => Poll::Ready(()),
            Err(_) => Poll::Pending,
        }
    }

    fn set_timer(&mut self, _: Duration) {}

    fn poll_timer(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// Counts how often the task asks to be polled again.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// In a flood that does not end the task of a driver reads some datagrams, does what is due, and lets the executor and the
/// commands of others have their turn.
///
/// covers: SEC-12, SEC-25
#[test]
fn a_flood_leaves_time_and_others_their_turn() {
    /// Datagrams of a socket in a turn, and as many of others that may be about.
    const TURN: usize = 64 + 32;
    let (mdns, run) =
        Mdns::<Flooded>::unspawned(Options::loopback(), Box::<Rush>::default()).expect("a driver");
    let mut run = pin!(run);
    let kind: ServiceType = "_d-flood._tcp".parse().expect("a type");
    let mut desk = mdns
        .advertise(&Announcement::new("Desk", kind.clone(), 1))
        .expect("an advertisement");
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut poll = || {
        let (read, woken) = (READ.get(), wakes.0.load(Ordering::SeqCst));
        assert!(run.as_mut().poll(&mut context).is_pending());
        (READ.get() - read, wakes.0.load(Ordering::SeqCst) - woken)
    };
    // Probes and announcements go out, a step with each turn.
    for _ in 0..20 {
        poll();
    }
    assert!(
        pin!(desk.registered())
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );

    // A question that is answered by multicast, after its random delay.
    FLOOD.set(Some((mouth(), question(kind.as_name(), RecordType::PTR))));
    let sent = || -> u32 { mdns.links().iter().map(|link| link.stats.sent).sum() };
    let mut others = mdns
        .browse(&"_d-other._tcp".parse().expect("a type"))
        .expect("a browse");
    let mut alarm = pin!(others.next_within(Duration::from_secs(1)));
    let mut rings = || {
        let mut nobody = Context::from_waker(Waker::noop());
        alarm.as_mut().poll(&mut nobody).is_ready()
    };
    assert!(!rings());
    let before = sent();
    for turn in 0..5 {
        let (read, woken) = poll();
        assert!((64..=TURN).contains(&read), "{read} in turn {turn}");
        assert_eq!(woken, 1, "it goes on when others had their turn");
        assert!(turn > 0 || rings(), "an alarm goes off in its time");
        assert!(mdns.browse(&kind).is_ok());
    }
    assert!(sent() - before >= 5, "answers are not held up");
    FLOOD.set(None);
}
