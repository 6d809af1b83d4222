//! A program without `std` and without an allocator in which one endpoint finds the service of another.
//!
//! That it links is the proof: had anything in it a use for the heap, the compiler would ask for a global allocator. That
//! it ends with 0 shows that what was linked works: names are probed for, announced, browsed for, resolved and withdrawn.
#![no_std]
#![no_main]

use core::{ffi::c_int, panic::PanicInfo, time::Duration};

use ipv4ll::{AddressMachine, FRAME_LEN, HardwareAddress};
use mdns_proto::{
    config::Config,
    discovery,
    endpoint::Endpoint,
    host::Event,
    link::{Family, InterfaceId, LinkConfig, Packet, Subnet, Via},
    name::ServiceType,
    own::Service,
    time::Instant,
    wire::TxtBuf,
};

mdns_proto::fixed! {
    /// What a small board would set aside.
    struct Board {
        links: 1, hosts: 1, addresses: 2, services: 2, subtypes: 1, own_text: 768, askers: 4,
        asks: 2, told: 6, ask_text: 512, heard: 32, heard_text: 1536,
    }
}

/// What the C runtime calls.
// SAFETY: no other part of this program is called `main`.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    match address().and_then(|()| life()) {
        Some(()) => 0,
        None => 1,
    }
}

/// An endpoint at 192.0.2.`n`.
fn endpoint(n: u8, now: Instant) -> Option<Endpoint<Board>> {
    let link = LinkConfig {
        interface: InterfaceId(1),
        family: Family::V4,
        mtu: 1500,
        unicast: true,
        ..LinkConfig::MULTICAST
    };
    let mut endpoint = Endpoint::started(Config::DEFAULT, link, now, u64::from(n)).ok()?;
    let subnet = Subnet {
        address: [192, 0, 2, n].into(),
        prefix_len: 24,
    };
    endpoint
        .set_addresses(now, InterfaceId(1), &[subnet])
        .ok()?;
    Some(endpoint)
}

/// What has happened so far.
#[derive(Default)]
struct Seen {
    registered: bool,
    resolved: bool,
    gone: bool,
}

/// One advertises, the other browses, on a wire without loss.
/// An address without a server.
fn address() -> Option<()> {
    let mut machine = AddressMachine::new(HardwareAddress([2, 0, 0, 0, 0, 1]), 1);
    machine.start(Instant::ZERO, None);
    let mut frame = [0; FRAME_LEN];
    let mut events = 0;
    while let Some(now) = machine.poll_timeout() {
        machine.handle_timeout(now);
        while machine.poll_transmit(now, &mut frame).is_some() {}
        while machine.poll_event().is_some() {
            events += 1;
        }
    }
    (events == 1).then_some(())
}

fn life() -> Option<()> {
    let mut now = Instant::ZERO;
    let mut printer = endpoint(1, now)?;
    let mut laptop = endpoint(2, now)?;
    printer.add_host(now, "printer").ok()?;
    let ipp: ServiceType = "_ipp._tcp".parse().ok()?;
    let mut txt = TxtBuf::<64>::new();
    txt.push("rp", Some(b"ipp/print")).ok()?;
    let service = Service {
        txt: txt.as_txt(),
        subtypes: &["_universal"],
        ..Service::new("Front Desk", &ipp, 631)
    };
    let service = printer.register(now, &service).ok()?;
    laptop.browse(now, ipp.as_name()).ok()?;

    let mut seen = Seen::default();
    let withdrawn_at = now + Duration::from_secs(5);
    let end = now + Duration::from_secs(10);
    let mut is_withdrawn = false;
    while now < end {
        exchange(now, &mut printer, 1, &mut laptop);
        exchange(now, &mut laptop, 2, &mut printer);
        hear(&mut printer, &mut seen);
        hear(&mut laptop, &mut seen);
        if now >= withdrawn_at && !is_withdrawn {
            is_withdrawn = true;
            printer.withdraw(now, service);
        }
        let due = printer
            .poll_timeout()
            .into_iter()
            .chain(laptop.poll_timeout())
            .min()
            .unwrap_or(end);
        let next = if is_withdrawn {
            due
        } else {
            due.min(withdrawn_at)
        };
        now = next.max(now).min(end);
        printer.handle_timeout(now);
        laptop.handle_timeout(now);
    }
    (seen.registered && seen.resolved && seen.gone).then_some(())
}

/// All that one has to send reaches the other.
fn exchange(now: Instant, from: &mut Endpoint<Board>, n: u8, to: &mut Endpoint<Board>) {
    let mut buffer = [0; 1472];
    while let Some(transmit) = from.poll_transmit(now, &mut buffer) {
        let bytes = buffer.get(..transmit.len).unwrap_or(&[]);
        to.handle_packet(
            now,
            Packet {
                source: ([192, 0, 2, n], 5353).into(),
                via: Via::Multicast,
                hop_limit: None,
                bytes,
            },
        );
    }
}

fn hear(endpoint: &mut Endpoint<Board>, seen: &mut Seen) {
    while let Some(event) = endpoint.poll_event() {
        match event {
            Event::Registered { .. } => seen.registered = true,
            Event::Discovery(
                discovery::Event::Found { instance, .. }
                | discovery::Event::Changed { instance, .. },
            ) => {
                let is_whole =
                    instance.port() == Some(631) && instance.addresses().next().is_some();
                seen.resolved |= is_whole;
            }
            Event::Discovery(discovery::Event::Gone { .. }) => seen.gone = true,
            _ => {}
        }
    }
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
