//! Everything but mDNS: the board, smoltcp, the group, a socket on port 5353 that sends back what it receives. What the other
//! programs have more is what mDNS takes.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::board::{Board, Buffers};
use smoltcp::socket::udp;

#[entry]
fn main() -> ! {
    static mut BUFFERS: Buffers = Buffers::EMPTY;
    let (mut board, mut socket, packet) = Board::new(BUFFERS);
    socket.bind(5353).expect("the socket is new");
    socket.set_hop_limit(Some(255));
    let handle = board.sockets.add(socket);
    let mut groups = [
        [224, 0, 0, 251].into(),
        #[cfg(feature = "ipv6")]
        core::net::IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0xfb]),
    ]
    .into_iter();
    let mut join = |board: &mut Board| {
        for group in groups.by_ref() {
            match group {
                core::net::IpAddr::V4(group) => board.interface.join_multicast_group(group),
                #[cfg(feature = "ipv6")]
                core::net::IpAddr::V6(group) => board.interface.join_multicast_group(group),
                #[cfg(not(feature = "ipv6"))]
                core::net::IpAddr::V6(_) => continue,
            }
            .expect("the table has room");
        }
    };
    loop {
        let now = board.now();
        if board.cable(now).is_some() {
            join(&mut board);
        }
        board.command(now);
        board
            .interface
            .poll(now, &mut board.device, &mut board.sockets);
        let socket = board.sockets.get_mut::<udp::Socket<'_>>(handle);
        if let Ok((len, from)) = socket.recv_slice(packet) {
            socket.send_slice(&packet[..len], from.endpoint).ok();
        }
        let next = board.interface.poll_at(now, &board.sockets);
        if next.is_none_or(|next| next > now) {
            board.sleep();
        }
    }
}
