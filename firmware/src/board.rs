//! The board: a clock, a cable, an interface with addresses, and a socket on which it takes commands.

use cortex_m::{peripheral::Peripherals, singleton};
use mdns_smoltcp::GROUP_MAC_V4;
use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage},
    socket::udp,
    time::{Duration, Instant},
    wire::{EthernetAddress, IpEndpoint},
};

use crate::{
    console::{self, Parameters},
    device::{Device, Wired},
    machine::{self, TICKS_PER_MICRO},
    say, stack,
};

/// Where it takes commands, by UDP: `bye`, `stack` or `exit`.
const COMMAND_PORT: u16 = 4242;

/// The largest UDP payload that fits a frame.
pub const PACKET: usize = 1472;

/// That for commands, that of the program, and that for DHCP.
const SOCKETS: usize = 2 + cfg!(feature = "dhcp") as usize;

/// How often it is looked whether the cable is in.
const CABLE_INTERVAL: Duration = Duration::from_millis(50);

/// Packets on their way. All zero, so that nothing of it is in flash.
struct Buffers {
    received: [u8; PACKET],
    sent: [u8; PACKET],
    packet: [u8; PACKET],
    command: [u8; 16],
    reply: [u8; 16],
}

impl Buffers {
    /// Without any packet.
    const EMPTY: Buffers = Buffers {
        received: [0; PACKET],
        sent: [0; PACKET],
        packet: [0; PACKET],
        command: [0; 16],
        reply: [0; 16],
    };
}

/// Which packets are in the buffers, and the sockets they are of.
struct Queues {
    received: [udp::PacketMetadata; 2],
    sent: [udp::PacketMetadata; 1],
    command: [udp::PacketMetadata; 1],
    reply: [udp::PacketMetadata; 1],
    sockets: [SocketStorage<'static>; SOCKETS],
}

impl Queues {
    /// Without any packet, and without a socket.
    const EMPTY: Queues = Queues {
        received: [udp::PacketMetadata::EMPTY; 2],
        sent: [udp::PacketMetadata::EMPTY; 1],
        command: [udp::PacketMetadata::EMPTY; 1],
        reply: [udp::PacketMetadata::EMPTY; 1],
        sockets: [SocketStorage::EMPTY; SOCKETS],
    };
}

/// What a program adds to the board: one socket, and where its packets are written.
pub struct Program {
    /// Neither bound nor in the set.
    pub socket: udp::Socket<'static>,
    /// Room for one packet.
    pub packet: &'static mut [u8],
}

/// What the board is told while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Take leave.
    Bye,
}

/// The board, whose chip is in a device of type `D`.
pub struct Board<D: Wired = Device> {
    /// The chip.
    pub device: D,
    /// Its addresses.
    pub interface: Interface,
    /// That for commands, and room for others.
    pub sockets: SocketSet<'static>,
    /// What it was told when it was switched on.
    pub parameters: Parameters,
    clock: Clock,
    commands: SocketHandle,
    /// The cable, and when to look again.
    is_plugged: bool,
    look_at: Instant,
}

impl<D: Wired> Board<D> {
    /// Switches everything on, but for addresses; `wrap` makes the device of the chip, its hardware address and a seed.
    ///
    /// # Panics
    /// When it is called twice.
    pub fn new(wrap: impl FnOnce(Device, EthernetAddress, u64) -> D) -> (Board<D>, Program) {
        let buffers = singleton!(: Buffers = Buffers::EMPTY).expect("called once");
        let queues = singleton!(: Queues = Queues::EMPTY).expect("called once");
        let peripherals = Peripherals::take().expect("called once");
        let mut chip = machine::start(peripherals);
        let clock = Clock::new(machine::ticks(&chip));
        let address = chip.address();
        chip.listen(GROUP_MAC_V4.0);
        let parameters = console::parameters();
        let hardware = EthernetAddress(address);
        let seed = seed(&mut chip, &parameters);
        let mut device = wrap(Device::new(chip), hardware, seed);
        #[cfg_attr(not(feature = "ipv6"), expect(unused_mut))]
        let mut interface =
            Interface::new(Config::new(hardware.into()), &mut device, Instant::ZERO);
        #[cfg(feature = "ipv6")]
        set_link_local(device.chip(), &mut interface, address);

        let mut commands = udp::Socket::new(
            udp::PacketBuffer::new(&mut queues.command[..], &mut buffers.command[..]),
            udp::PacketBuffer::new(&mut queues.reply[..], &mut buffers.reply[..]),
        );
        commands.bind(COMMAND_PORT).ok();
        let socket = udp::Socket::new(
            udp::PacketBuffer::new(&mut queues.received[..], &mut buffers.received[..]),
            udp::PacketBuffer::new(&mut queues.sent[..], &mut buffers.sent[..]),
        );
        let mut sockets = SocketSet::new(&mut queues.sockets[..]);
        let commands = sockets.add(commands);
        let board = Board {
            device,
            interface,
            sockets,
            parameters,
            clock,
            commands,
            is_plugged: false,
            look_at: Instant::ZERO,
        };
        let packet = &mut buffers.packet;
        (board, Program { socket, packet })
    }

    /// Gives it the address that it was told.
    pub fn set_address(&mut self) {
        let address = self.parameters.address;
        self.interface.update_ip_addrs(|addresses| {
            addresses.push(address).ok();
        });
    }

    /// The time since it was switched on.
    pub fn now(&mut self) -> Instant {
        self.clock.now(machine::ticks(self.device.chip()))
    }

    /// A seed for all random draws.
    pub fn seed(&mut self) -> u64 {
        let parameters = self.parameters;
        seed(self.device.chip(), &parameters)
    }

    /// Whether the cable has come in or out since this was last asked.
    pub fn cable(&mut self, now: Instant) -> Option<Cable> {
        if now < self.look_at {
            return None;
        }
        self.look_at = now + CABLE_INTERVAL;
        let is_plugged = self.device.chip().is_plugged();
        if is_plugged == self.is_plugged {
            return None;
        }
        self.is_plugged = is_plugged;
        let cable = if is_plugged { Cable::In } else { Cable::Out };
        say!(now, "cable {cable:?}");
        Some(cable)
    }

    /// What the board was told, if it is not a matter of its own.
    pub fn command(&mut self, now: Instant) -> Option<Command> {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.commands);
        let (words, from) = socket.recv().ok()?;
        let mut command = [0; 5];
        let len = words.len().min(command.len());
        command[..len].copy_from_slice(&words[..len]);
        match &command[..len] {
            b"bye" => return Some(Command::Bye),
            b"stack" => {
                let depth = stack::depth();
                say!(now, "stack {depth}");
                self.reply(from.endpoint, &depth.to_be_bytes());
            }
            b"exit" => console::exit(),
            _ => {}
        }
        None
    }

    fn reply(&mut self, to: IpEndpoint, bytes: &[u8]) {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.commands);
        // Who gets none asks again.
        socket.send_slice(bytes, to).ok();
    }

    /// Sleeps, a millisecond at most.
    pub fn sleep(&self) {
        cortex_m::asm::wfi();
    }
}

/// A seed for all random draws. This board has no source of noise: its address and the moment have to do. A real one has better.
fn seed(chip: &mut machine::Chip, parameters: &Parameters) -> u64 {
    let [a, b, c, d, e, f] = chip.address();
    let ticks = machine::ticks(chip);
    let seed = u64::from(ticks) << 32 | u64::from(u32::from_le_bytes([c, d, e, f]));
    let seed = seed ^ u64::from(u16::from_le_bytes([a, b])) << 16;
    parameters.seed.unwrap_or(seed)
}

/// The cable of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cable {
    /// It leads somewhere.
    In,
    /// It does not.
    Out,
}

/// The link-local IPv6 address that follows from the hardware address (RFC 4291 App. A), and the groups that go with it.
#[cfg(feature = "ipv6")]
fn set_link_local(
    chip: &mut machine::Chip,
    interface: &mut Interface,
    [a, b, c, d, e, f]: [u8; 6],
) {
    use mdns_smoltcp::GROUP_MAC_V6;
    use smoltcp::wire::{IpCidr, Ipv6Address};

    let half = |x, y| u16::from_be_bytes([x, y]);
    let address = Ipv6Address::new(
        0xfe80,
        0,
        0,
        0,
        half(a ^ 2, b),
        half(c, 0xff),
        half(0xfe, d),
        half(e, f),
    );
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address.into(), 64)).ok();
    });
    chip.listen(GROUP_MAC_V6.0);
    // Neighbours that look for the address ask there (RFC 4291 §2.7.1).
    chip.listen([0x33, 0x33, 0xff, d, e, f]);
}

/// The counter of the machine, which overflows, as a time that does not.
struct Clock {
    last: u32,
    total: u64,
}

impl Clock {
    fn new(ticks: u32) -> Self {
        Clock {
            last: ticks,
            total: 0,
        }
    }

    fn now(&mut self, ticks: u32) -> Instant {
        self.total += u64::from(ticks.wrapping_sub(self.last));
        self.last = ticks;
        Instant::from_micros((self.total / TICKS_PER_MICRO) as i64)
    }
}
