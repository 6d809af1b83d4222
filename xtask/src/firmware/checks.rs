//! What the programs have to do on the emulated board, with a test for its only neighbour.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use mdns_proto::{
    link::{Family, PORT},
    name::NameBuf,
    wire::{
        Class, Flags, Header, Message, Question, Rdata, Record, RecordType, Section, Srv, Ttl, Txt,
        Writer,
    },
};

use super::emulator::{Emulator, Frame, Image, US};

/// The programs, built to talk.
pub(super) struct Images {
    /// Advertises and browses.
    pub(super) node: Image,
    /// Advertises only.
    pub(super) advertise: Image,
    /// Advertises, at an address that it claims itself.
    pub(super) address: Image,
    /// The same, with an address from DHCP while there is a server.
    pub(super) dhcp: Image,
    /// The same for a processor without atomics (Cortex-M0). The board's own runs it too.
    pub(super) advertise_m0: Image,
    /// For a board that has IPv6 too.
    pub(super) advertise_both: Image,
    /// Advertises and browses, on the board with 64 KiB.
    pub(super) node_small: Image,
}

/// Something that has to hold.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn(&Images) -> Result<()>,
}

/// The long ones first.
pub(super) const CHECKS: [Check; 14] = [
    Check {
        name: "traffic",
        about: "10,000 packets of others in 10 s, and an answer to every question between them",
        run: traffic,
    },
    Check {
        name: "start",
        about: "joins, probes three times, announces 750 to 1,100 ms after the cable is in",
        run: start,
    },
    Check {
        name: "m0",
        about: "the same with the code for a Cortex-M0",
        run: start_m0,
    },
    Check {
        name: "both",
        about: "the same on a board of both families, on each",
        run: start_both,
    },
    Check {
        name: "unique",
        about: "a question for what is its own alone is answered within 5 ms",
        run: unique,
    },
    Check {
        name: "small",
        about: "the board with 64 KiB: starts as the other, answers within 5 ms, finds a service, says goodbye",
        run: small,
    },
    Check {
        name: "small-conflict",
        about: "the same: gives up names that another has, and holds its own",
        run: small_conflict,
    },
    Check {
        name: "burst",
        about: "100 questions at once have 100 answers",
        run: burst,
    },
    Check {
        name: "denial",
        about: "a board without IPv6 says so (NSEC)",
        run: denial,
    },
    Check {
        name: "known",
        about: "what the asker knows is not said",
        run: known,
    },
    Check {
        name: "conflict",
        about: "names that another has are given up, and held against another",
        run: conflict,
    },
    Check {
        name: "malformed",
        about: "alive after 1,000 malformed packets",
        run: malformed,
    },
    Check {
        name: "cable",
        about: "the cable comes out and goes back: all begins anew",
        run: cable,
    },
    Check {
        name: "browse",
        about: "finds a service, misses it when it says goodbye, and says goodbye itself",
        run: browse,
    },
];

/// Time for a name to be won, announced, and for the second after in which it is not said again (RFC 6762 §6).
const SETTLED: Duration = Duration::from_millis(3500);

/// For what comes at once, and for the delays of RFC 6762 §6 (at most 500 ms).
const SOON: Duration = Duration::from_secs(1);

/// §8.1: three probes, 250 ms apart, the first within 250 ms; and 100 ms for the board.
const ANNOUNCED: (Duration, Duration) = (Duration::from_millis(745), Duration::from_millis(1100));

/// How long a busy machine may hold an emulator up.
const GRACE: Duration = Duration::from_millis(150);

/// What an answer to a question for what is its own alone may take.
const AT_ONCE: Duration = Duration::from_millis(5);

const SERVICE: &str = "Front Desk._http._tcp.local";
const HOST: &str = "board.local";
const HTTP: &str = "_http._tcp.local";

fn name(text: &str) -> NameBuf {
    text.parse().expect("names in the source are names")
}

fn message(id: u16, flags: Flags, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = [0; 1472];
    let mut writer = Writer::new(&mut buffer, 1472, Header { id, flags });
    write(&mut writer);
    let len = writer.finish();
    buffer[..len].to_vec()
}

/// A question, with answers that are known already.
fn question(id: u16, owner: &str, qtype: RecordType, known: &[Record<'_>]) -> Vec<u8> {
    message(id, Flags::QUERY, |writer| {
        writer
            .question(&Question::new(name(owner).as_name(), qtype))
            .expect("it fits");
        for record in known {
            writer.record(Section::Answer, record).expect("it fits");
        }
    })
}

fn response(records: &[Record<'_>]) -> Vec<u8> {
    message(0, Flags::RESPONSE, |writer| {
        for record in records {
            writer.record(Section::Answer, record).expect("it fits");
        }
    })
}

fn record<'a>(owner: &'a NameBuf, ttl: u32, rdata: Rdata<'a>) -> Record<'a> {
    Record {
        name: owner.as_name(),
        class: Class::IN,
        // A pointer is shared, the rest is not.
        cache_flush: !matches!(rdata, Rdata::Ptr(_)),
        ttl: Ttl(ttl),
        rdata,
    }
}

/// Whether a frame is a response in which a record does.
fn says(frame: &Frame, mut does: impl FnMut(&Record<'_>) -> bool) -> bool {
    frame.message().is_some_and(|message| {
        message.header().flags.response() && message.answers().any(|record| does(&record))
    })
}

fn has_address(frame: &Frame) -> bool {
    says(frame, |record| {
        record.rtype() == RecordType::A && record.ttl != Ttl(0)
    })
}

fn is_response(message: &Message<'_>) -> bool {
    message.header().flags.response()
}

/// What is only looked for has no authority section.
fn is_probe(message: &Message<'_>) -> bool {
    !is_response(message) && message.section(Section::Authority).next().is_some()
}

/// A board that has its names.
fn settled(image: &Image) -> Result<Emulator> {
    let mut board = Emulator::start(image, &["seed=7"])?;
    board.run_for(SETTLED)?;
    Ok(board)
}

fn start(images: &Images) -> Result<()> {
    announces(
        &images.advertise,
        &["seed=1", "seed=2", "seed=3"],
        Family::V4,
    )
}

fn start_m0(images: &Images) -> Result<()> {
    announces(&images.advertise_m0, &["seed=4"], Family::V4)
}

fn start_both(images: &Images) -> Result<()> {
    announces(&images.advertise_both, &["seed=5"], Family::V4)?;
    announces(&images.advertise_both, &["seed=6"], Family::V6)
}

/// On the link of one family.
fn announces(image: &Image, seeds: &[&str], family: Family) -> Result<()> {
    for &seed in seeds {
        let mut board = Emulator::start(image, &[seed])?;
        board.run_for(SETTLED)?;
        let joined = board.frames().iter().find(|frame| frame.is_report());
        let joined = joined.map(|frame| frame.at);
        let messages: Vec<_> = board
            .frames()
            .iter()
            .filter_map(|frame| Some((frame, frame.datagram()?, frame.message()?)))
            .filter(|(_, sent, _)| Family::of(&sent.to.ip()) == family)
            .collect();
        let first = messages.iter().find(|(.., message)| is_response(message));
        let (Some(joined), Some((first, ..))) = (joined, first) else {
            bail!("{seed}: the board said nothing");
        };
        let wait = first.at.saturating_sub(joined);
        ensure!(
            (ANNOUNCED.0..=ANNOUNCED.1 + GRACE).contains(&wait),
            "{seed}: the first announcement came {} ms after the group was joined",
            wait.as_millis()
        );
        let count = |is: &dyn Fn(&Message<'_>) -> bool| {
            messages.iter().filter(|(.., message)| is(message)).count()
        };
        let (probes, announcements) = (count(&is_probe), count(&is_response));
        ensure!(
            (probes, announcements) == (3, 2),
            "{seed}: {probes} probes, {announcements} announcements"
        );
        ensure!(
            messages
                .iter()
                .all(|(_, sent, _)| sent.ttl == 255 && sent.to == family.group()),
            "{seed}: to another place, or with another TTL"
        );
    }
    Ok(())
}

fn unique(images: &Images) -> Result<()> {
    answers_at_once(&mut settled(&images.advertise)?)
}

fn answers_at_once(board: &mut Emulator) -> Result<()> {
    // A busy machine may hold the emulator up for a while; a slow board is slow again.
    let first = answer_time(board)?;
    let best = if first > AT_ONCE {
        answer_time(board)?
    } else {
        first
    };
    ensure!(
        best <= AT_ONCE,
        "answered after {first:?}, and after {best:?} at another try"
    );
    Ok(())
}

/// The median time from a question to its answer.
fn answer_time(board: &mut Emulator) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..7 {
        let (mark, asked) = (board.mark(), board.now());
        board.say(PORT, &question(0, HOST, RecordType::A, &[]))?;
        let answered = board.wait_for(mark, "answer", SOON, |frame| {
            has_address(frame).then_some(frame.at)
        })?;
        times.push(answered.saturating_sub(asked));
        // §6: a record is not multicast twice a second.
        board.run_for(Duration::from_millis(1050))?;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn burst(images: &Images) -> Result<()> {
    let mut board = settled(&images.advertise)?;
    // The board asks once where we are; what it has to send in the meantime may be lost.
    board.say(40_000, &question(1000, HOST, RecordType::A, &[]))?;
    board.run_for(SOON)?;
    let mark = board.mark();
    for id in 0..100 {
        board.say(40_000, &question(id, HOST, RecordType::A, &[]))?;
    }
    board.run_for(SOON)?;
    let answers = board.frames()[mark..]
        .iter()
        .filter(|frame| has_address(frame))
        .count();
    ensure!(answers == 100, "{answers} answers");
    Ok(())
}

fn denial(images: &Images) -> Result<()> {
    let mut board = settled(&images.advertise)?;
    let mark = board.mark();
    board.say(PORT, &question(0, HOST, RecordType::AAAA, &[]))?;
    board.wait_for(mark, "NSEC without AAAA", SOON, |frame| {
        says(frame, |record| match record.rdata {
            Rdata::Nsec(nsec) => {
                nsec.types.contains(RecordType::A) && !nsec.types.contains(RecordType::AAAA)
            }
            _ => false,
        })
        .then_some(())
    })
}

fn known(images: &Images) -> Result<()> {
    let mut board = settled(&images.advertise)?;
    let (owner, instance) = (name(HTTP), name(SERVICE));
    let pointer = record(&owner, 4500, Rdata::Ptr(instance.as_name()));
    let is_pointer = |frame: &Frame| says(frame, |record| record.rtype() == RecordType::PTR);

    let mark = board.mark();
    board.say(PORT, &question(0, HTTP, RecordType::PTR, &[pointer]))?;
    board.run_for(SOON)?;
    ensure!(
        !board.frames()[mark..].iter().any(is_pointer),
        "what was known was said"
    );

    // §7.1: half the TTL is not enough.
    let old = Record {
        ttl: Ttl(2000),
        ..pointer
    };
    let mark = board.mark();
    board.say(PORT, &question(0, HTTP, RecordType::PTR, &[old]))?;
    board.wait_for(mark, "answer", SOON, |frame| {
        is_pointer(frame).then_some(())
    })
}

fn conflict(images: &Images) -> Result<()> {
    gives_up_and_holds(&images.advertise)
}

fn gives_up_and_holds(image: &Image) -> Result<()> {
    // Another has the names already, and says so to the first probe.
    let mut board = Emulator::start(image, &["seed=7"])?;
    let (host, service) = (name(HOST), name(SERVICE));
    board.wait_for(0, "probe", SOON, |frame| {
        frame.message().filter(is_probe).map(drop)
    })?;
    let target = name("other.local");
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 8080,
        target: target.as_name(),
    };
    board.say(
        PORT,
        &response(&[
            record(&host, 120, Rdata::A(US)),
            record(&service, 120, Rdata::Srv(srv)),
        ]),
    )?;
    board.run_for(SETTLED)?;
    board.console().wait_for("host board-2.local", SOON)?;
    board
        .console()
        .wait_for(r"registered Front Desk \(2\)._http._tcp.local", SOON)?;

    // Now it is the board that has the names, and another that wants them: it says so at once.
    let (mark, second) = (board.mark(), name("board-2.local"));
    let probe = message(0, Flags::QUERY, |writer| {
        writer
            .question(&Question::new(second.as_name(), RecordType::ANY))
            .expect("it fits");
        writer
            .record(Section::Authority, &record(&second, 120, Rdata::A(US)))
            .expect("it fits");
    });
    board.say(PORT, &probe)?;
    board.wait_for(mark, "defence", SOON, |frame| {
        has_address(frame).then_some(())
    })
}

/// Valid packets with a few bytes changed, and some of nothing but noise.
fn malformed(images: &Images) -> Result<()> {
    let mut board = settled(&images.node)?;
    let (owner, instance) = (name(HTTP), name(SERVICE));
    let pointer = record(&owner, 4500, Rdata::Ptr(instance.as_name()));
    let whole = [
        question(0, SERVICE, RecordType::ANY, &[pointer]),
        response(&[pointer, record(&instance, 120, Rdata::A(US))]),
    ];
    // A generator that needs no crate (Marsaglia's xorshift): the same packets every time.
    let mut state = 0x9e37_79b9_u32;
    let mut draw = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for n in 0..1000 {
        let mut packet = whole[n % whole.len()].clone();
        for _ in 0..=draw(4) {
            let at = draw(packet.len());
            packet[at] = draw(256) as u8;
        }
        packet.truncate(1 + draw(packet.len()));
        if n % 10 == 0 {
            packet = (0..draw(600)).map(|_| draw(256) as u8).collect();
        }
        board.say(PORT, &packet)?;
        if n % 25 == 0 {
            // As fast as the chip takes them: its memory is 10 KiB.
            board.run_for(Duration::from_millis(1))?;
        }
    }
    board.run_for(SOON)?;
    // Some of it was sound by chance, and may have cost the board its name: it has one.
    let mark = board.mark();
    board.say(PORT, &question(0, HTTP, RecordType::PTR, &[]))?;
    board.wait_for(mark, "answer", SOON, |frame| {
        says(frame, |record| record.rtype() == RecordType::PTR).then_some(())
    })
}

fn traffic(images: &Images) -> Result<()> {
    let mut board = settled(&images.node)?;
    board.say(40_000, &question(1000, HOST, RecordType::A, &[]))?;
    board.run_for(SOON)?;
    let (mark, begin) = (board.mark(), Instant::now());
    for n in 0..10_000_u32 {
        // What a room full of phones and printers says and asks.
        let owner = name(&format!("Printer {}._ipp._tcp.local", n % 700));
        let (service_type, host) = (
            name("_ipp._tcp.local"),
            name(&format!("printer-{}.local", n % 700)),
        );
        let others = if n % 3 == 0 {
            question(0, "_ipp._tcp.local", RecordType::PTR, &[])
        } else {
            let srv = Srv {
                priority: 0,
                weight: 0,
                port: 631,
                target: host.as_name(),
            };
            response(&[
                record(&service_type, 4500, Rdata::Ptr(owner.as_name())),
                record(&owner, 120, Rdata::Srv(srv)),
                record(&host, 120, Rdata::A([10, 0, 1, n as u8].into())),
            ])
        };
        board.say(PORT, &others)?;
        if n % 100 == 0 {
            board.say(
                40_000,
                &question((n / 100) as u16, HOST, RecordType::A, &[]),
            )?;
        }
        if n % 5 == 4 {
            let due = begin + Duration::from_millis(u64::from(n) + 1);
            board.run_for(due.saturating_duration_since(Instant::now()))?;
        }
    }
    let took = begin.elapsed();
    board.run_for(SOON)?;
    let answers = board.frames()[mark..]
        .iter()
        .filter(|frame| has_address(frame))
        .count();
    ensure!(
        answers == 100,
        "{answers} answers to 100 questions, in {} ms",
        took.as_millis()
    );
    Ok(())
}

fn cable(images: &Images) -> Result<()> {
    let mut board = settled(&images.advertise)?;
    board.plug(false)?;
    board.console().wait_for("cable Out", SOON)?;
    board.run_for(SOON)?;
    let mark = board.mark();
    board.plug(true)?;
    board.console().wait_until("the cable", SOON, |lines| {
        let ins = lines.iter().filter(|line| line.text.contains("cable In"));
        (ins.count() == 2).then_some(())
    })?;
    board.run_for(SETTLED)?;
    let frames = &board.frames()[mark..];
    let messages: Vec<_> = frames.iter().filter_map(Frame::message).collect();
    let probes = messages
        .iter()
        .filter(|message| !is_response(message))
        .count();
    ensure!(
        frames.iter().any(Frame::is_report) && probes == 3 && frames.iter().any(has_address),
        "{probes} probes in {} messages after the cable was in again",
        messages.len()
    );
    Ok(())
}

fn browse(images: &Images) -> Result<()> {
    finds_and_leaves(&mut settled(&images.node)?)
}

fn small(images: &Images) -> Result<()> {
    announces(&images.node_small, &["seed=8"], Family::V4)?;
    let mut board = settled(&images.node_small)?;
    answers_at_once(&mut board)?;
    finds_and_leaves(&mut board)
}

fn small_conflict(images: &Images) -> Result<()> {
    gives_up_and_holds(&images.node_small)
}

fn finds_and_leaves(board: &mut Emulator) -> Result<()> {
    let (owner, instance, host) = (
        name(HTTP),
        name("Side Door._http._tcp.local"),
        name("door.local"),
    );
    let srv = Srv {
        priority: 0,
        weight: 0,
        port: 8080,
        target: host.as_name(),
    };
    let path = Txt::from_wire(b"\x06path=/").expect("an attribute");
    board.say(
        PORT,
        &response(&[
            record(&owner, 4500, Rdata::Ptr(instance.as_name())),
            record(&instance, 120, Rdata::Srv(srv)),
            record(&instance, 4500, Rdata::Txt(path)),
            record(&host, 120, Rdata::A(US)),
        ]),
    )?;
    board.console().wait_for(
        r"found Side Door\._http\._tcp\.local at 10\.0\.0\.9:8080",
        SOON,
    )?;
    board.say(
        PORT,
        &response(&[record(&owner, 0, Rdata::Ptr(instance.as_name()))]),
    )?;
    // §10.1: a second later.
    board.console().wait_for("gone Side Door", SOON * 3)?;

    let mark = board.mark();
    board.tell("bye")?;
    board.wait_for(mark, "goodbye", SOON, |frame| {
        says(frame, |record| {
            record.rtype() == RecordType::PTR && record.ttl == Ttl(0)
        })
        .then_some(())
    })?;
    let depth = board.stack()?;
    println!("       stack of the node, console included: {depth} bytes");
    Ok(())
}

/// How deep the stack of a program gets, whichever it is, when it has much to do.
pub(super) fn stack(image: &Path) -> Result<usize> {
    let mut board = settled(&Image::mps2(image.to_owned()))?;
    let types = [name(HTTP), name("_ipp._tcp.local")];
    for n in 0..100 {
        let owner = &types[n % types.len()];
        let instance = name(&format!("Door {n}.{}", owner.as_name()));
        let host = name(&format!("door-{n}.local"));
        let srv = Srv {
            priority: 0,
            weight: 0,
            port: 8080,
            target: host.as_name(),
        };
        let records = [
            record(owner, 4500, Rdata::Ptr(instance.as_name())),
            record(&instance, 120, Rdata::Srv(srv)),
            record(&host, 120, Rdata::A(US)),
        ];
        board.say(PORT, &response(&records))?;
        board.say(PORT, &question(0, HTTP, RecordType::PTR, &records[..1]))?;
        board.say(40_000, &question(n as u16, SERVICE, RecordType::ANY, &[]))?;
        board.run_for(Duration::from_millis(20))?;
    }
    board.stack()
}
