//! Real sockets on loopback, and a server that lies.

use std::{net::SocketAddr, time::Duration};

use dnssd_unicast::{Sockets, Transport};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, UdpSocket},
};

/// A query for `a.b A` with this id.
fn query(id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    [
        &[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..],
        b"\x01a\x01b\0\0\x01\0\x01",
    ]
    .concat()
}

fn response(query: &[u8]) -> Vec<u8> {
    let mut response = query.to_vec();
    response[2] |= 0x80;
    response
}

async fn server() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Each query has a port of its own, which the system draws: a forger has to guess it beside the id (RFC 5452 §9.2).
///
/// covers: CVE-2024-52615, CVE-2008-3630, SEC-18
#[tokio::test]
async fn each_query_has_a_port_of_its_own() {
    let (socket, address) = server().await;
    let answering = tokio::spawn(async move {
        let mut ports = Vec::new();
        let mut buffer = [0; 512];
        while ports.len() < 200 {
            let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
            ports.push(from.port());
            socket
                .send_to(&response(&buffer[..len]), from)
                .await
                .unwrap();
        }
        ports
    });
    for id in 0..200 {
        Sockets
            .exchange_datagram(address, &query(id))
            .await
            .unwrap();
    }
    let ports = answering.await.unwrap();
    let distinct: std::collections::HashSet<_> = ports.iter().collect();
    assert!(distinct.len() > 150, "{} of 200", distinct.len());
    let by_one = ports
        .windows(2)
        .filter(|pair| pair[1].wrapping_sub(pair[0]) <= 2)
        .count();
    assert!(by_one < 40, "{by_one} of 199 follow each other");
}

/// What comes from another address, with another id or question, or is the query itself, is passed over, and does not end the wait.
///
/// covers: SEC-17
#[tokio::test]
async fn forged_responses_are_passed_over() {
    let (socket, address) = server().await;
    let (forger, _) = server().await;
    let answering = tokio::spawn(async move {
        let mut buffer = [0; 512];
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        let query = buffer[..len].to_vec();
        let good = response(&query);
        let mut other_id = good.clone();
        other_id[0] ^= 1;
        let mut other_question = good.clone();
        other_question[13] = b'x';
        forger.send_to(&good, from).await.ok();
        for bad in [
            &query,
            &other_id,
            &other_question,
            &good[..11].to_vec(),
            &Vec::new(),
        ] {
            socket.send_to(bad, from).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut marked = good;
        // AA, by which the true one is known here.
        marked[2] |= 4;
        socket.send_to(&marked, from).await.unwrap();
    });
    let found = Sockets.exchange_datagram(address, &query(7)).await.unwrap();
    assert_eq!(found[2], 0x85);
    answering.await.unwrap();
}

/// A stream that ends early, one that answers something else, and one that says nothing more than its length.
///
/// covers: SEC-17, SEC-24
#[tokio::test]
async fn a_stream_that_lies_is_an_error() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers: [Vec<u8>; 3] = [
        vec![0],
        [&[0, 9][..], &query(7)].concat(),
        [&[0, 21][..], &response(&query(8))].concat(),
    ];
    let answering = tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 64];
            let _ = stream.read(&mut buffer).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &answer)
                .await
                .unwrap();
        }
    });
    for _ in 0..3 {
        assert!(Sockets.exchange_stream(address, &query(7)).await.is_err());
    }
    answering.await.unwrap();
}
