//! How messages reach a server: over UDP from a new port each, over TCP where that is too small.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout, timeout_at},
};

use crate::message::is_response_to;

/// How long a datagram is waited for.
const UDP: Duration = Duration::from_secs(2);

/// How long a stream may take, all in all.
const TCP: Duration = Duration::from_secs(10);

/// The largest datagram that is read.
const DATAGRAM_MAX: usize = 4096;

/// Brings a message to a server, and its response back.
///
/// [`Sockets`] does so over the network; a test may do so in a box.
pub trait Transport: Send + Sync {
    /// Sends `message` in a datagram, and returns the response to it. What comes in between and is no response to it is passed over.
    ///
    /// # Errors
    /// If there is none within a while, or the server cannot be reached.
    fn exchange_datagram(
        &self,
        server: SocketAddr,
        message: &[u8],
    ) -> impl Future<Output = io::Result<Vec<u8>>> + Send;

    /// Sends `message` in a stream, and returns the response.
    ///
    /// # Errors
    /// If there is none within a while, if it is no response to this message, or the server cannot be reached.
    fn exchange_stream(
        &self,
        server: SocketAddr,
        message: &[u8],
    ) -> impl Future<Output = io::Result<Vec<u8>>> + Send;
}

/// Sockets of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sockets;

impl Transport for Sockets {
    async fn exchange_datagram(&self, server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
        // A port of its own, drawn by the system: who forges a response has to guess it beside the id (RFC 5452 §9.2). Connected, so
        // that only the server's address is listened to.
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        socket.send(message).await?;
        let end = Instant::now() + UDP;
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            let len = timeout_at(end, socket.recv(&mut buffer)).await??;
            let response = buffer.get(..len).unwrap_or_default();
            if is_response_to(response, message) {
                return Ok(response.to_vec());
            }
        }
    }

    async fn exchange_stream(&self, server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
        let exchange = async {
            let mut stream = TcpStream::connect(server).await?;
            let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
            let len = u16::try_from(message.len()).map_err(too_long)?;
            let bytes = [&len.to_be_bytes()[..], message].concat();
            stream.write_all(&bytes).await?;
            let len = stream.read_u16().await?;
            let mut response = vec![0; len.into()];
            stream.read_exact(&mut response).await?;
            match is_response_to(&response, message) {
                true => Ok(response),
                false => Err(io::ErrorKind::InvalidData.into()),
            }
        };
        timeout(TCP, exchange).await?
    }
}
