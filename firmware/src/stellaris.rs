//! The Ethernet controller of TI's Stellaris LM3S6965, by polling, through its FIFO. Frames in, frames out.

use core::ptr;

use crate::device::{FRAME_MAX, FRAME_WORDS};

/// Where the processor has it.
const BASE: usize = 0x4004_8000;

/// Registers, by their distance from [`BASE`].
mod at {
    pub(super) const ACKNOWLEDGE: usize = 0x00;
    pub(super) const INTERRUPTS: usize = 0x04;
    pub(super) const RECEIVE: usize = 0x08;
    pub(super) const TRANSMIT: usize = 0x0c;
    pub(super) const DATA: usize = 0x10;
    pub(super) const ADDRESS_LOW: usize = 0x14;
    pub(super) const ADDRESS_HIGH: usize = 0x18;
    pub(super) const FRAMES_WAITING: usize = 0x34;
    pub(super) const REQUEST: usize = 0x38;
}

const ALL_INTERRUPTS: u32 = 0x7f;

const RECEIVE_ENABLE: u32 = 1;
/// The chip has no filter for single groups.
const ALL_GROUPS: u32 = 1 << 1;
const REJECT_BAD_CHECKSUM: u32 = 1 << 3;
const RECEIVE_FLUSH: u32 = 1 << 4;

const TRANSMIT_ENABLE: u32 = 1;
const PAD: u32 = 1 << 1;
const ADD_CHECKSUM: u32 = 1 << 2;
const FULL_DUPLEX: u32 = 1 << 4;

const NEW_FRAME: u32 = 1;

/// Bytes around a frame that has come: its length before it, its checksum after it.
const AROUND: usize = 2 + 4;

/// The header of a frame, which the length does not count when it is sent.
const HEADER: usize = 14;

/// The controller. There is one: whoever has this has it alone.
pub struct Stellaris(());

impl Stellaris {
    /// Switches the controller on. It hears its own address, broadcasts, and all groups.
    ///
    /// # Safety
    /// The processor has one at [`BASE`], with its clock on, and this is called once.
    pub unsafe fn new() -> Self {
        let mut chip = Stellaris(());
        chip.write(at::INTERRUPTS, 0);
        chip.write(at::ACKNOWLEDGE, ALL_INTERRUPTS);
        chip.write(at::RECEIVE, RECEIVE_FLUSH);
        chip.write(
            at::RECEIVE,
            RECEIVE_ENABLE | ALL_GROUPS | REJECT_BAD_CHECKSUM,
        );
        chip.write(
            at::TRANSMIT,
            TRANSMIT_ENABLE | PAD | ADD_CHECKSUM | FULL_DUPLEX,
        );
        chip
    }

    /// Its hardware address. The emulator sets it; on a board the program has to, from where the board keeps it.
    pub fn address(&mut self) -> [u8; 6] {
        let [a, b, c, d] = self.read(at::ADDRESS_LOW).to_le_bytes();
        let [e, f, ..] = self.read(at::ADDRESS_HIGH).to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// Lets frames to a group address through: all groups are let through anyway.
    pub fn listen(&mut self, _: [u8; 6]) {}

    /// Whether the cable is in: always, since the emulated controller has nothing behind it that could tell.
    pub fn is_plugged(&mut self) -> bool {
        true
    }

    /// Takes the next whole frame out of the chip; its length without the checksum. Frames too long are passed over.
    pub fn receive(&mut self, frame: &mut [u32; FRAME_WORDS]) -> Option<usize> {
        while self.read(at::FRAMES_WAITING) != 0 {
            // The length and the first two bytes come together: all that follows is between two words of ours.
            let first = self.read(at::DATA);
            let total = (first & 0xffff) as usize;
            let mut carry = first >> 16;
            for i in 0..total.div_ceil(4).saturating_sub(1) {
                let word = self.read(at::DATA);
                if let Some(slot) = frame.get_mut(i) {
                    *slot = carry | word << 16;
                }
                carry = word >> 16;
            }
            if let Some(slot) = frame.get_mut(total.div_ceil(4).saturating_sub(1)) {
                *slot = carry;
            }
            if (AROUND + HEADER..=AROUND + FRAME_MAX).contains(&total) {
                return Some(total - AROUND);
            }
        }
        None
    }

    /// Whether the frame before has left.
    pub fn can_send(&mut self) -> bool {
        self.read(at::REQUEST) & NEW_FRAME == 0
    }

    /// Sends the first `len` bytes of a frame.
    pub fn send(&mut self, frame: &[u32; FRAME_WORDS], len: usize) {
        let len = len.clamp(HEADER, FRAME_MAX);
        let mut low = (len - HEADER) as u32;
        for word in frame.iter().take((len + 2).div_ceil(4)) {
            self.write(at::DATA, low & 0xffff | word << 16);
            low = word >> 16;
        }
        self.write(at::REQUEST, NEW_FRAME);
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: a register of the controller, which `new` was promised to be there.
        unsafe { ptr::read_volatile((BASE + register) as *const u32) }
    }

    fn write(&mut self, register: usize, value: u32) {
        // SAFETY: as in `read`; the controller is ours alone.
        unsafe { ptr::write_volatile((BASE + register) as *mut u32, value) }
    }
}
