//! The loop of every program with mDNS.

use mdns_smoltcp::{
    Mdns, at,
    proto::{
        discovery::Event as News,
        host::{Event, Storage},
        link::Family,
        time::Instant,
    },
};

use crate::{
    address::Address,
    board::{Board, Cable, Command, Program},
    console::Parameters,
    say,
};

/// The families that the board has.
const FAMILIES: &[Family] = if cfg!(feature = "ipv6") {
    &Family::ALL
} else {
    &[Family::V4]
};

/// How many there are: that of the links.
pub const LINKS: usize = FAMILIES.len();

/// Starts an endpoint on the board, with this source of the board's IPv4 address, has it told what is wanted of it, and serves it for ever.
///
/// # Panics
/// When it is called twice, or the storage is too small for what is wanted.
pub fn serve<S: Storage, A: Address>(
    mdns: &'static mut Mdns<S>,
    mut address: A,
    want: impl FnOnce(&mut Mdns<S>, Instant, &Parameters),
) -> ! {
    let (mut board, Program { socket, packet }) = Board::new(A::wrap);
    let (now, seed) = (board.now(), board.seed());
    mdns.start(
        now,
        seed,
        FAMILIES,
        &board.device,
        &mut board.sockets,
        socket,
    )
    .expect("the buffers are large enough");
    ask(mdns, at(now), &board.parameters, want);
    address.start(now, &mut board);
    loop {
        let now = board.now();
        if let Some(cable) = board.cable(now) {
            match cable {
                Cable::In => mdns.link_up(now),
                Cable::Out => mdns.link_down(now),
            }
            address.cable(now, &mut board, cable);
        }
        if board.command(now) == Some(Command::Bye) {
            say!(now, "bye");
            mdns.shutdown(at(now));
        }
        address.poll(now, &mut board);
        mdns.poll(
            now,
            &mut board.interface,
            &mut board.device,
            &mut board.sockets,
            packet,
        );
        while let Some(event) = mdns.poll_event() {
            tell(now, &event);
        }
        let next = mdns.poll_at(now, &mut board.interface, &board.sockets);
        let next_address = address.poll_at(&board);
        let now = board.now();
        let is_due = |next: Option<_>| next.is_some_and(|next| next <= now);
        if !is_due(next) && !is_due(next_address) {
            board.sleep();
        }
    }
}

/// Apart from the loop, whose stack it would be on for ever.
#[inline(never)]
fn ask<S: Storage>(
    mdns: &mut Mdns<S>,
    now: Instant,
    parameters: &Parameters,
    want: impl FnOnce(&mut Mdns<S>, Instant, &Parameters),
) {
    want(mdns, now, parameters);
}

/// Says what has happened.
fn tell(now: smoltcp::time::Instant, event: &Event<'_>) {
    match event {
        Event::Registered { name, .. } => say!(now, "registered {name}"),
        Event::Renamed { name, .. } => say!(now, "renamed {name}"),
        Event::HostRegistered { name, .. } => say!(now, "host {name}"),
        Event::HostRenamed { name, .. } => say!(now, "host renamed {name}"),
        Event::Discovery(news) => tell_found(now, news),
        _ => {}
    }
}

/// The same of what was asked for. Apart from the loop, for the same reason as `ask`.
#[inline(never)]
fn tell_found(now: smoltcp::time::Instant, news: &News<'_>) {
    match news {
        News::Found { instance, .. } | News::Changed { instance, .. } => {
            say!(now, "found {}", instance.name());
            for address in instance.socket_addrs() {
                say!(now, "found {} at {address}", instance.name());
            }
        }
        News::Gone { instance, .. } => say!(now, "gone {}", instance.name()),
        News::Incomplete { .. } => say!(now, "incomplete"),
        _ => {}
    }
}
