//! The emulated board on a wire that ends here: one UDP datagram on loopback is one Ethernet frame. Wants no rights.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, NetSlice, PacketBuilder, SlicedPacket,
    TransportSlice,
};
use mdns_proto::{
    link::{GROUP_V4, PORT},
    wire::Message,
};

use crate::lab::peer::Peer;

/// A program for one of the boards that are emulated.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) file: PathBuf,
    /// The board, as the emulator calls it.
    pub(super) machine: &'static str,
}

impl Image {
    pub(super) fn mps2(file: PathBuf) -> Self {
        Image {
            file,
            machine: "mps2-an385",
        }
    }

    pub(super) fn lm3s6965(file: PathBuf) -> Self {
        Image {
            file,
            machine: "lm3s6965evb",
        }
    }
}

/// The board's addresses.
const BOARD_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x77];
pub(super) const BOARD: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// The one other host on the wire: the test.
const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
pub(super) const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

/// Where groups go.
const GROUP_MAC: [u8; 6] = [1, 0, 0x5e, 0, 0, 0xfb];

/// Where the program takes commands.
const COMMAND_PORT: u16 = 4242;

/// A board that is switched on until dropped.
pub(super) struct Emulator {
    peer: Peer,
    wire: UdpSocket,
    board: SocketAddr,
    /// All that the board has sent.
    frames: Vec<Frame>,
    started: Instant,
}

/// What the board sent at once.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Since the emulator was started.
    pub(super) at: Duration,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Datagram(Datagram),
    /// It has joined the group of mDNS (IGMP).
    Report,
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) source: u16,
    pub(super) to: SocketAddr,
    /// Or the hop limit.
    pub(super) ttl: u8,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    fn read(at: Duration, bytes: &[u8]) -> Frame {
        let content = read(bytes).unwrap_or(Content::Other);
        Frame { at, content }
    }

    pub(super) fn is_report(&self) -> bool {
        matches!(self.content, Content::Report)
    }

    pub(super) fn datagram(&self) -> Option<&Datagram> {
        match &self.content {
            Content::Datagram(datagram) => Some(datagram),
            Content::Report | Content::Other => None,
        }
    }

    /// The mDNS message in it.
    pub(super) fn message(&self) -> Option<Message<'_>> {
        let datagram = self.datagram().filter(|datagram| datagram.source == PORT)?;
        Message::parse(&datagram.payload).ok()
    }
}

fn read(bytes: &[u8]) -> Option<Content> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    let (to, ttl, payload): (IpAddr, _, _) = match packet.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let to = header.destination_addr().into();
            (to, header.ttl(), ip.payload().payload)
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            let to = header.destination_addr().into();
            (to, header.hop_limit(), ip.payload().payload)
        }
        NetSlice::Arp(_) => return None,
    };
    if let Some(TransportSlice::Udp(udp)) = packet.transport {
        return Some(Content::Datagram(Datagram {
            source: udp.source_port(),
            to: (to, udp.destination_port()).into(),
            ttl,
            payload: udp.payload().to_vec(),
        }));
    }
    // A report is a 0x16 and the group at its end (RFC 2236 §2).
    let is_report = payload.first() == Some(&0x16) && payload.ends_with(&GROUP_V4.octets());
    is_report.then_some(Content::Report)
}

/// The words that start the emulator with this image, told these parameters; `netdev` is where its cable, `n0`, leads. Commands to
/// the emulator go to its standard input.
pub(super) fn command(
    image: &Image,
    parameters: &[String],
    mac: [u8; 6],
    netdev: &str,
) -> Result<Vec<String>> {
    let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
    // A comma ends an option; two are one.
    let parameters: String = ["fw".to_owned()]
        .iter()
        .chain(parameters)
        .map(|parameter| format!(",arg={}", parameter.replace(',', ",,")))
        .collect();
    let file = image
        .file
        .to_str()
        .context("the path of the image is not UTF-8")?;
    let words = [
        "qemu-system-arm",
        "-M",
        image.machine,
        "-display",
        "none",
        "-serial",
        "none",
    ];
    let mut words: Vec<String> = words.map(String::from).into();
    words.extend([
        "-monitor".into(),
        "stdio".into(),
        "-nic".into(),
        "none".into(),
    ]);
    words.extend(["-netdev".into(), netdev.into()]);
    words.extend(["-net".into(), format!("nic,netdev=n0,macaddr={mac}")]);
    words.extend([
        "-semihosting-config".into(),
        format!("enable=on,target=native{parameters}"),
    ]);
    words.extend(["-kernel".into(), file.into()]);
    Ok(words)
}

impl Emulator {
    /// Switches a board on.
    pub(super) fn start(image: &Image, parameters: &[&str]) -> Result<Self> {
        // Ours is bound before there is anybody to send to it, or the first frames were lost.
        let wire = UdpSocket::bind("127.0.0.1:0")?;
        let theirs = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let netdev = format!(
            "dgram,id=n0,local.type=inet,local.host=127.0.0.1,local.port={},remote.type=inet,remote.host=127.0.0.1,remote.port={}",
            theirs.port(),
            wire.local_addr()?.port()
        );
        let mut told = vec![format!("ip={BOARD}/24")];
        told.extend(parameters.iter().map(|word| (*word).to_owned()));
        let words = command(image, &told, BOARD_MAC, &netdev)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(words);
        Ok(Emulator {
            started: Instant::now(),
            peer: Peer::start("board".into(), command)?,
            wire,
            board: theirs,
            frames: Vec::new(),
        })
    }

    /// What the board has said to its debugger, and how it ended.
    pub(super) fn console(&self) -> &Peer {
        &self.peer
    }

    /// Lets the board live for a while.
    pub(super) fn run_for(&mut self, span: Duration) -> Result<()> {
        let end = Instant::now() + span;
        while self.receive(end)? {}
        Ok(())
    }

    /// Takes one frame, until the end. `false` when it has come.
    fn receive(&mut self, end: Instant) -> Result<bool> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            ensure!(
                self.peer.is_running()?,
                "the board has ended; it said {:?}",
                self.peer.lines()
            );
            return Ok(false);
        }
        self.wire.set_read_timeout(Some(left))?;
        let mut bytes = [0; 2048];
        match self.wire.recv(&mut bytes) {
            Ok(len) => {
                self.answer_arp(&bytes[..len])?;
                self.frames
                    .push(Frame::read(self.started.elapsed(), &bytes[..len]));
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(true),
            // Nobody is there yet, or not any more.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                sleep(Duration::from_millis(1));
                Ok(true)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Says where we are, when the board asks.
    fn answer_arp(&self, bytes: &[u8]) -> Result<()> {
        let Some(NetSlice::Arp(arp)) = SlicedPacket::from_ethernet(bytes)
            .ok()
            .and_then(|packet| packet.net)
        else {
            return Ok(());
        };
        if arp.operation() != ArpOperation::REQUEST || arp.target_protocol_addr() != US.octets() {
            return Ok(());
        }
        let reply = ArpPacket::from(ArpEthIpv4Packet {
            operation: ArpOperation::REPLY,
            sender_mac: OUR_MAC,
            sender_ipv4: US.octets(),
            target_mac: BOARD_MAC,
            target_ipv4: BOARD.octets(),
        });
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(OUR_MAC, BOARD_MAC)
            .arp(reply)
            .write(&mut frame)?;
        self.send(&frame)
    }

    /// All that the board has sent so far.
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// How much that is, to look at what follows.
    pub(super) fn mark(&self) -> usize {
        self.frames.len()
    }

    /// Waits for a frame after `mark` in which `look` finds what it wants.
    pub(super) fn wait_for<T>(
        &mut self,
        mark: usize,
        what: &str,
        span: Duration,
        mut look: impl FnMut(&Frame) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + span;
        let mut next = mark;
        loop {
            while let Some(frame) = self.frames.get(next) {
                if let Some(found) = look(frame) {
                    return Ok(found);
                }
                next += 1;
            }
            if !self.receive(end)? {
                bail!("no {what} within {} ms", span.as_millis());
            }
        }
    }

    /// The time of the emulator's wire.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Puts a frame on the wire.
    fn send(&self, frame: &[u8]) -> Result<()> {
        self.wire.send_to(frame, self.board)?;
        Ok(())
    }

    /// Sends an mDNS message to the group, from this port.
    pub(super) fn say(&self, port: u16, message: &[u8]) -> Result<()> {
        self.datagram(port, (GROUP_V4, PORT), GROUP_MAC, message)
    }

    fn datagram(
        &self,
        port: u16,
        (to, to_port): (Ipv4Addr, u16),
        mac: [u8; 6],
        payload: &[u8],
    ) -> Result<()> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(OUR_MAC, mac)
            .ipv4(US.octets(), to.octets(), 255)
            .udp(port, to_port)
            .write(&mut frame, payload)?;
        self.send(&frame)
    }

    /// Gives the program a command.
    pub(super) fn tell(&self, word: &str) -> Result<()> {
        self.datagram(
            COMMAND_PORT,
            (BOARD, COMMAND_PORT),
            BOARD_MAC,
            word.as_bytes(),
        )
    }

    /// The most bytes of stack that the program has had in use.
    pub(super) fn stack(&mut self) -> Result<usize> {
        let mark = self.mark();
        self.tell("stack")?;
        self.wait_for(mark, "word of the stack", Duration::from_secs(3), |frame| {
            let reply = frame
                .datagram()
                .filter(|datagram| datagram.source == COMMAND_PORT)?;
            let bytes = reply.payload.as_slice().try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        })
    }

    /// Puts the cable in, or pulls it out.
    pub(super) fn plug(&self, is_plugged: bool) -> Result<()> {
        let word = if is_plugged { "on" } else { "off" };
        self.peer.write_line(&format!("set_link n0 {word}"))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.peer.kill();
    }
}
