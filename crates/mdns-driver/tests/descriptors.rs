//! A process without descriptors. It is a test by itself: the limit is the whole process's.

#![cfg(target_os = "linux")]

mod hands;

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use hands::Hands;
use mdns_driver::{
    Announcement, Driver, Options,
    proto::{
        link::{GROUP_V4, PORT},
        wire::{Flags, Header, Message, Question, RecordType},
    },
};
use mdns_sim::message;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn limit(descriptors: u64) {
    let limit = Rlimit {
        current: Some(descriptors),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("a limit");
}

/// The number that the next descriptor would have.
fn first_free() -> u64 {
    use std::os::fd::AsRawFd as _;
    let file = std::fs::File::open("/dev/null").expect("a file");
    file.as_raw_fd().try_into().expect("a number")
}

/// Goes on for a while, step by step.
fn run(driver: &mut Driver, hands: &Hands, seconds: u64) {
    for _ in 0..seconds * 100 {
        hands.wait(Duration::from_millis(10));
        driver.handle_timeout();
        for source in driver.sources().map(|(id, _)| id).collect::<Vec<_>>() {
            while driver.read(source).is_ok() {}
        }
    }
}

/// Whoever takes all descriptors of a process keeps it from opening more: what is open stays open and answers, interfaces that
/// cannot be asked for are not taken to be gone, and afterwards all is as before.
///
/// covers: SEC-11
#[test]
fn without_descriptors_what_is_open_stays_open() {
    let hands = Hands::default();
    let open = || Driver::with_clock(Options::loopback(), Box::new(hands.clone()));
    let mut driver = open().expect("a driver");
    let desk = Announcement::new("Desk", "_d-files._tcp".parse().expect("a type"), 1);
    let desk = driver.advertise(&desk).expect("an advertisement");
    run(&mut driver, &hands, 5);
    let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    asker
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    let name = driver.advertised(desk).expect("a service").0.clone();
    let header = Header {
        id: 7,
        flags: Flags::QUERY,
    };
    let question = message(header, |writer| {
        writer
            .question(&Question::new(name.as_name(), RecordType::SRV))
            .expect("room");
    });
    let is_answered = |driver: &mut Driver| {
        asker.send_to(&question, (GROUP_V4, PORT)).expect("sent");
        run(driver, &hands, 1);
        let mut buffer = [0; 1500];
        let heard = asker.recv_from(&mut buffer);
        heard.is_ok_and(|(len, _)| {
            Message::parse(&buffer[..len]).is_ok_and(|message| message.answers().count() == 1)
        })
    };

    let before = getrlimit(Resource::Nofile).current.unwrap_or(1024);
    limit(3);
    let error = open().expect_err("no descriptors");
    assert!(
        error.to_string().contains("descriptor") || error.to_string().contains("ulimit"),
        "{error}"
    );
    limit(before);
    // None, one, two: also where the system tells half of what there is.
    for spare in [None, Some(0), Some(1), Some(2)] {
        limit(spare.map_or(3, |spare| first_free() + spare));
        // It looks at the interfaces, and again five seconds later.
        hands.sleep(Duration::from_secs(3600));
        run(&mut driver, &hands, 12);
        let links: Vec<_> = driver.links().collect();
        assert!(links.len() == 1 && links[0].is_up, "{spare:?}: {links:?}");
        assert!(is_answered(&mut driver));
        limit(before);
    }
    run(&mut driver, &hands, 12);
    assert_eq!(driver.links().count(), 1);
    assert!(is_answered(&mut driver));
    assert!(open().is_ok());
}
