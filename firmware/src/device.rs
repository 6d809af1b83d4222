//! The chip as smoltcp wants it: a token for each frame.

use mdns_smoltcp::Guarded;
use smoltcp::{
    phy::{self, DeviceCapabilities, Medium},
    time::Instant,
};

use crate::machine::Chip;

/// The longest frame, without its checksum.
pub const FRAME_MAX: usize = 1514;

/// Words that the longest frame takes, with its checksum.
pub const FRAME_WORDS: usize = (FRAME_MAX + 4).div_ceil(4);

/// The chip, and the frames between it and smoltcp.
pub struct Device {
    /// The chip itself.
    pub chip: Chip,
    received: [u32; FRAME_WORDS],
    sent: [u32; FRAME_WORDS],
}

impl Device {
    /// A chip with buffers of its own.
    pub const fn new(chip: Chip) -> Self {
        Device {
            chip,
            received: [0; FRAME_WORDS],
            sent: [0; FRAME_WORDS],
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        // A frame may have to be answered at once.
        if !self.chip.can_send() {
            return None;
        }
        let len = self.chip.receive(&mut self.received)?;
        let received = Received(bytes(&mut self.received).get(..len)?);
        let sending = Sending {
            chip: &mut self.chip,
            frame: &mut self.sent,
        };
        Some((received, sending))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        self.chip.can_send().then_some(Sending {
            chip: &mut self.chip,
            frame: &mut self.sent,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities
    }
}

/// A device with the chip of the board in it, however it is wrapped.
pub trait Wired: phy::Device {
    /// The chip itself.
    fn chip(&mut self) -> &mut Chip;
}

impl Wired for Device {
    fn chip(&mut self) -> &mut Chip {
        &mut self.chip
    }
}

impl Wired for Guarded<Device> {
    fn chip(&mut self) -> &mut Chip {
        &mut self.device_mut().chip
    }
}

/// A frame that has come.
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Leave to send one frame.
pub struct Sending<'a> {
    chip: &'a mut Chip,
    frame: &'a mut [u32; FRAME_WORDS],
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let len = len.min(FRAME_MAX);
        let result = write(&mut bytes(self.frame)[..len]);
        self.chip.send(self.frame, len);
        result
    }
}

/// The chip moves words, smoltcp bytes.
fn bytes(words: &mut [u32; FRAME_WORDS]) -> &mut [u8] {
    // SAFETY: a `u32` is four bytes of any value, and asks more of its place than a byte does.
    let (_, bytes, _) = unsafe { words.align_to_mut() };
    bytes
}
