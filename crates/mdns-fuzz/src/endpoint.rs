//! A program of things done to a host; the contract judges (see [`mdns_sim::contract`]).
//!
//! The first byte says where: on rows that grow and on a board side by side; on a small board, where no verb may allocate; or
//! on rows that grow within tight bounds, which the memory they take has to keep to.

use std::cell::Cell;

use allocation_counter::measure;
use mdns_proto::{config::Config, host::Storage, name::NameBuf, store::Heap};
use mdns_sim::contract::{Driver, Op, Setup, SideBySide};

use crate::{input::Input, packet::packet};

/// The most that is done in one program.
const OPS_MAX: usize = 400;

mdns_proto::fixed! {
    /// Small enough that much finds no room.
    struct Board {
        links: 2, hosts: 1, addresses: 3, services: 2, subtypes: 1, own_text: 512, askers: 2,
        asks: 3, told: 4, ask_text: 384, heard: 10, heard_text: 512,
    }
}

/// Bounds that a program can reach.
const TIGHT: Config = Config {
    packet_max: 1200,
    heard_records_max: 48,
    heard_text_max: 4096,
    asks_max: 6,
    own_records_max: 48,
    own_text_max: 4096,
    ..Config::DEFAULT
};

/// What rows that grow within [`TIGHT`] bounds may take, in bytes. A quarter hour of fuzzing found 44 KB; rows double when they grow.
const TIGHT_BYTES: i64 = 96 << 10;

thread_local! {
    /// Bytes that the host has allocated and not freed.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (mode, seed) = (input.byte(), input.byte());
    let mut setup = Setup::seeded(seed.into());
    setup.config.cache_unasked = mode & 0x80 == 0;
    match mode % 4 {
        0 | 1 => {
            let mut both = SideBySide::new(&setup);
            program(&mut input, |op| match op {
                Next::Names => Known::of(&both.growing),
                Next::Do(op) => {
                    both.run(op);
                    Known::default()
                }
            });
            both.growing.finish();
            both.fixed.finish();
        }
        2 => {
            setup.around = |verb| {
                let counted = measure(verb);
                assert_eq!(counted.count_total, 0, "a board has no allocator");
            };
            alone::<Board>(&mut input, &setup, || {});
        }
        _ => {
            setup.config = Config {
                own_results: setup.config.own_results,
                cache_unasked: setup.config.cache_unasked,
                ..TIGHT
            };
            HELD.set(0);
            setup.around = |verb| HELD.set(HELD.get() + measure(verb).bytes_current);
            alone::<Heap>(&mut input, &setup, || {
                let held = HELD.get();
                assert!(held <= TIGHT_BYTES, "{held} bytes are held");
            });
        }
    }
}

fn alone<S: Storage>(input: &mut Input<'_>, setup: &Setup, check: impl Fn()) {
    let mut driver = Driver::<S>::with(setup);
    driver.drain();
    program(input, |next| match next {
        Next::Names => Known::of(&driver),
        Next::Do(op) => {
            driver.run(op);
            check();
            driver.take_done();
            Known::default()
        }
    });
    driver.finish();
    check();
}

/// What packets are made of.
#[derive(Default)]
struct Known {
    names: Vec<NameBuf>,
    sent: Vec<Vec<u8>>,
}

impl Known {
    fn of<S: Storage>(driver: &Driver<S>) -> Self {
        Known {
            names: driver.own_names(),
            sent: driver.sent().to_vec(),
        }
    }
}

/// What a program wants.
enum Next<'a> {
    Names,
    Do(&'a Op),
}

fn program(input: &mut Input<'_>, mut next: impl FnMut(Next<'_>) -> Known) {
    for _ in 0..OPS_MAX {
        if input.is_empty() {
            break;
        }
        let op = op(input, || next(Next::Names));
        next(Next::Do(&op));
    }
}

/// The kinds of operations, by their first byte.
const KINDS: u8 = 64;

// Those that seeds are made of.
pub(crate) const REGISTER: u8 = 0;
pub(crate) const BROWSE: u8 = 13;
pub(crate) const RESOLVE: u8 = 16;
pub(crate) const LOOK_UP: u8 = 17;
pub(crate) const SHUTDOWN: u8 = 22;
pub(crate) const HEAR: u8 = 23;
pub(crate) const HEAR_BYTES: u8 = 27;
pub(crate) const ECHO: u8 = 44;
pub(crate) const SLEEP: u8 = 45;

fn op(input: &mut Input<'_>, known: impl FnOnce() -> Known) -> Op {
    match input.byte() % KINDS {
        REGISTER..=2 => Op::Register(input.byte()),
        3 => Op::Withdraw(input.byte()),
        4 => Op::UpdateTxt(input.byte(), input.byte()),
        5 => Op::UpdatePort(input.byte(), input.number()),
        6 => Op::UpdateSubtypes(input.byte(), input.byte()),
        7 => Op::Offer(input.byte(), input.byte(), input.flag()),
        8 => Op::AddHost(input.byte()),
        9 => Op::RemoveHost(input.byte()),
        10 => Op::AddRecord(input.byte()),
        11 => Op::UpdateRecord(input.byte(), input.byte()),
        12 => Op::RemoveRecord(input.byte()),
        BROWSE..=14 => Op::Browse(input.byte()),
        15 => Op::BrowseTypes,
        RESOLVE => Op::Resolve(input.byte()),
        LOOK_UP => Op::LookUp(input.byte()),
        18 => Op::Query(input.byte(), input.flag()),
        19 => Op::Reverse(input.byte(), input.flag()),
        20 => Op::Reconfirm(input.byte()),
        21 => Op::Stop(input.byte()),
        SHUTDOWN => Op::Shutdown,
        HEAR..=26 => {
            let [link, packet, source, change] = [(); 4].map(|()| input.byte());
            Op::Hear {
                link,
                packet,
                source,
                by_unicast: change & 1 == 1,
                change: (change & 6 == 6).then(|| (input.number(), input.byte())),
            }
        }
        HEAR_BYTES..=43 => {
            let (way, source) = (input.byte(), input.byte());
            let Known { names, sent } = known();
            Op::HearBytes {
                link: way / 2,
                source,
                by_unicast: way & 1 == 1,
                bytes: packet(input, &names, &sent),
            }
        }
        ECHO => Op::Echo {
            link: input.byte(),
            age: input.byte(),
        },
        SLEEP..=53 => Op::Sleep(input.span()),
        54 => Op::Delay(input.span()),
        55 => Op::Backwards(input.span()),
        56 => Op::LinkDown(input.byte()),
        57 => Op::LinkUp(input.byte()),
        58 => match input.byte() {
            n @ 128.. => Op::RemoveLink(n),
            n => Op::AddLink(n.wrapping_mul(2) | n >> 6),
        },
        59 => Op::SendFailed(input.byte()),
        60 => match input.byte() {
            n @ 0..4 => Op::FailSends(n & 1 == 1),
            n => Op::Room(u16::from(n) << 6),
        },
        61 => Op::Writable(input.byte(), input.flag()),
        62 => Op::Addresses(input.byte()),
        _ => Op::Resumed,
    }
}
