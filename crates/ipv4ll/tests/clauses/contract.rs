//! The contract with the driver, for any sequence of inputs.

use std::{net::Ipv4Addr, time::Duration};

use ipv4ll::{AddressMachine, Event, FRAME_LEN, HardwareAddress, Instant, Policy, Transmit};
use proptest::prelude::*;

use crate::support::*;

/// covers: none (the contract of all machines)
#[test]
fn an_undrained_machine_is_due_at_once() {
    let mut bench = Bench::started(1);
    let mut frame = [0; FRAME_LEN];
    let first = bench.machine.poll_timeout().expect("a first probe");
    bench.machine.handle_timeout(first);
    // The probe was not polled.
    assert!(
        bench
            .machine
            .poll_timeout()
            .is_some_and(|next| next <= first)
    );
    assert_eq!(
        bench.machine.poll_transmit(first, &mut frame),
        Some(Transmit::Probe)
    );
    assert!(
        bench
            .machine
            .poll_timeout()
            .is_some_and(|next| next > first)
    );
    // A packet was not polled, an event was not polled.
    let mut bench = Bench::settled(1);
    let mut heard = [0; FRAME_LEN];
    announcement(ADDRESS).write(HardwareAddress::BROADCAST, &mut heard);
    bench.machine.handle_frame(bench.now, &heard);
    assert_eq!(bench.machine.poll_timeout(), Some(bench.now));
    assert!(bench.machine.poll_transmit(bench.now, &mut frame).is_some());
    assert_eq!(bench.machine.poll_timeout(), Some(bench.now));
    assert!(bench.machine.poll_event().is_some());
    assert_eq!(bench.machine.poll_timeout(), None);
}

/// covers: none (the contract of all machines)
#[test]
fn a_time_before_the_last_one_is_treated_as_the_last_one() {
    let mut bench = Bench::new(1);
    bench.now = Instant::from_millis(100_000);
    bench.machine.start(bench.now, Some(ADDRESS));
    bench.run_until_sent(Transmit::Probe, 1);
    let at = bench.now;
    let mut frame = [0; FRAME_LEN];
    bench.machine.handle_timeout(Instant::ZERO);
    assert_eq!(bench.machine.poll_transmit(Instant::ZERO, &mut frame), None);
    assert!(bench.machine.poll_timeout().is_some_and(|next| next > at));
}

/// covers: none (an event that is outdated is not told)
#[test]
fn an_address_that_was_never_told_is_not_told_lost() {
    let mut bench = Bench::started(1);
    bench.run_until_sent(Transmit::Probe, 3);
    bench.now += Duration::from_secs(2);
    bench.machine.handle_timeout(bench.now);
    bench.machine.stop(bench.now);
    bench.drain();
    assert!(bench.events.is_empty());
}

/// covers: none (a command of ours)
#[test]
fn stop_gives_the_address_up_without_a_packet() {
    let mut bench = Bench::settled(1);
    bench.machine.stop(bench.now);
    bench.run_for(60_000);
    assert_eq!(bench.only_events(), [Event::Lost { address: ADDRESS }]);
    assert!(bench.sent.is_empty());
    bench.machine.link_down(bench.now);
    bench.machine.link_up(bench.now);
    bench.run_for(60_000);
    assert!(bench.sent.is_empty());
}

#[derive(Clone, Debug)]
enum Input {
    Wait(u32),
    Back(u32),
    Hear {
        is_reply: bool,
        host: u8,
        sender: u8,
        target: u8,
    },
    Bytes(Vec<u8>),
    Link(bool),
    Routable(bool),
    Start(bool),
    Claim(u8),
    Check(u8),
    Stop,
    Policy(u8),
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => (0u32..30_000).prop_map(Input::Wait),
        1 => (0u32..30_000).prop_map(Input::Back),
        8 => (any::<bool>(), 0u8..4, 0u8..4, 0u8..4)
            .prop_map(|(is_reply, host, sender, target)| Input::Hear { is_reply, host, sender, target }),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Input::Bytes),
        1 => any::<bool>().prop_map(Input::Link),
        1 => any::<bool>().prop_map(Input::Routable),
        1 => any::<bool>().prop_map(Input::Start),
        1 => (0u8..4).prop_map(Input::Claim),
        1 => (0u8..4).prop_map(Input::Check),
        1 => Just(Input::Stop),
        1 => (0u8..3).prop_map(Input::Policy),
    ]
}

proptest! {
    /// Whatever happens: output ends, deadlines are true, what is said in events is what the address is, and nothing is sent for an
    /// address that is not claimed but probes.
    ///
    /// covers: none (the contract of all machines)
    #[test]
    fn the_contract_holds(seed: u64, inputs in prop::collection::vec(input(), 0..100)) {
        let mut machine = AddressMachine::new(OWN, seed);
        let mut now = Instant::ZERO;
        let mut told: Option<Ipv4Addr> = None;
        let mut latest = now;
        for input in inputs {
            // Which address numbers stand for: the present one, two others, none.
            let address = |n: u8| match n {
                0 => machine.address().unwrap_or(ADDRESS),
                1 => ADDRESS,
                2 => ROUTABLE,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            match input {
                Input::Wait(millis) => now += Duration::from_millis(millis.into()),
                Input::Back(millis) => now = now - Duration::from_millis(millis.into()),
                Input::Hear { is_reply, host, sender, target } => {
                    let (sender, target) = (address(sender), address(target));
                    let mut heard = if is_reply { reply(sender, target) } else { request(sender, target) };
                    heard.sender_hardware = [OWN, OTHER, HardwareAddress::ZERO, HardwareAddress::BROADCAST][usize::from(host)];
                    let mut frame = [0; FRAME_LEN];
                    heard.write(HardwareAddress::BROADCAST, &mut frame);
                    machine.handle_frame(now, &frame);
                }
                Input::Bytes(bytes) => machine.handle_frame(now, &bytes),
                Input::Link(true) => machine.link_up(now),
                Input::Link(false) => machine.link_down(now),
                Input::Routable(is_routable) => machine.set_routable(now, is_routable),
                Input::Start(remembered) => machine.start(now, remembered.then_some(ADDRESS)),
                Input::Claim(n) => { let address = address(n); let _ = machine.claim(now, address); }
                Input::Check(n) => { let address = address(n); let _ = machine.check(now, address); }
                Input::Stop => machine.stop(now),
                Input::Policy(n) => machine.set_policy([Policy::Yield, Policy::Defend, Policy::Keep][usize::from(n)]),
            }
            machine.handle_timeout(now);
            latest = latest.max(now);
            let mut frame = [0; FRAME_LEN];
            let mut sent = 0;
            while let Some(peeked) = machine.peek_transmit(now) {
                let kind = machine.poll_transmit(now, &mut frame);
                prop_assert_eq!(kind, Some(peeked));
                let kind = peeked;
                let packet = ipv4ll::arp::Packet::parse(&frame).expect("ARP");
                prop_assert_eq!(packet.sender_hardware, OWN);
                prop_assert_eq!(packet.is_probe(), kind == Transmit::Probe || packet.sender.is_unspecified());
                if kind != Transmit::Probe {
                    prop_assert_eq!(Some(packet.sender), machine.address());
                }
                sent += 1;
                prop_assert!(sent <= 4);
            }
            prop_assert_eq!(machine.poll_transmit(now, &mut frame), None);
            let mut events = 0;
            while let Some(event) = machine.poll_event() {
                match event {
                    Event::Claimed { address } => {
                        prop_assert_eq!(told.replace(address), None);
                    }
                    Event::Lost { address } => prop_assert_eq!(told.take(), Some(address)),
                    _ => {}
                }
                events += 1;
                prop_assert!(events <= 4);
            }
            prop_assert_eq!(told, machine.address());
            let next = machine.poll_timeout();
            prop_assert!(next.is_none_or(|next| next > latest), "{:?} {:?}", next, latest);
        }
    }
}
