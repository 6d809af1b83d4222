//! The Ethernet chip: SMSC LAN9118, by polling, through its FIFOs. Frames in, frames out, and which addresses it listens to.

use core::ptr;

use crate::device::{FRAME_MAX, FRAME_WORDS};

/// Where the board has it.
const BASE: usize = 0x4020_0000;

/// Registers, by their distance from [`BASE`].
mod at {
    pub(super) const RX_DATA: usize = 0x00;
    pub(super) const TX_DATA: usize = 0x20;
    pub(super) const RX_STATUS: usize = 0x40;
    pub(super) const TX_STATUS: usize = 0x48;
    pub(super) const INT_EN: usize = 0x5c;
    pub(super) const BYTE_TEST: usize = 0x64;
    pub(super) const TX_CFG: usize = 0x70;
    pub(super) const HW_CFG: usize = 0x74;
    pub(super) const RX_FIFO_INF: usize = 0x7c;
    pub(super) const TX_FIFO_INF: usize = 0x80;
    pub(super) const FREE_RUN: usize = 0x9c;
    pub(super) const MAC_CSR_CMD: usize = 0xa4;
    pub(super) const MAC_CSR_DATA: usize = 0xa8;
}

/// Registers of the MAC, which are reached through `MAC_CSR_CMD`.
mod mac {
    pub(super) const CR: u32 = 1;
    pub(super) const ADDRH: u32 = 2;
    pub(super) const ADDRL: u32 = 3;
    pub(super) const HASHH: u32 = 4;
    pub(super) const HASHL: u32 = 5;
    pub(super) const MII_ACC: u32 = 6;
    pub(super) const MII_DATA: u32 = 7;
}

/// What `BYTE_TEST` reads when the bus works.
const BYTE_TEST: u32 = 0x8765_4321;
const SOFT_RESET: u32 = 1;
/// Whole frames wait in the FIFO until they are sent; 5 KiB of it are for sending.
const STORE_AND_FORWARD: u32 = 0x0015_0000;
const TX_ON: u32 = 2;
const CSR_BUSY: u32 = 1 << 31;
const CSR_READ: u32 = 1 << 30;
const FULL_DUPLEX: u32 = 1 << 20;
/// Group addresses are let through by their hash.
const HASH_FILTER: u32 = 1 << 13;
const TX_ENABLE: u32 = 1 << 3;
const RX_ENABLE: u32 = 1 << 2;
const RX_ERROR: u32 = 1 << 15;
const FIRST_SEGMENT: u32 = 1 << 13;
const LAST_SEGMENT: u32 = 1 << 12;
const PHY_ADDRESS: u32 = 1 << 11;
const PHY_STATUS: u32 = 1;
const PHY_LINK_UP: u32 = 1 << 2;
const MII_BUSY: u32 = 1;

/// The chip. There is one: whoever has this has it alone.
pub struct Lan9118(());

impl Lan9118 {
    /// Resets the chip and switches it on. It hears its own address, broadcasts, and the groups it is told to.
    ///
    /// # Safety
    /// The board has one at [`BASE`], and this is called once.
    pub unsafe fn new() -> Self {
        let mut chip = Lan9118(());
        while chip.read(at::BYTE_TEST) != BYTE_TEST {}
        // The address that the board was given survives the reset.
        chip.write(at::HW_CFG, SOFT_RESET);
        while chip.read(at::HW_CFG) & SOFT_RESET != 0 {}
        chip.write(at::INT_EN, 0);
        chip.write(at::HW_CFG, STORE_AND_FORWARD);
        chip.mac_write(mac::HASHH, 0);
        chip.mac_write(mac::HASHL, 0);
        chip.mac_write(mac::CR, FULL_DUPLEX | HASH_FILTER | TX_ENABLE | RX_ENABLE);
        chip.write(at::TX_CFG, TX_ON);
        chip
    }

    /// Its hardware address.
    pub fn address(&mut self) -> [u8; 6] {
        let [a, b, c, d] = self.mac_read(mac::ADDRL).to_le_bytes();
        let [e, f, ..] = self.mac_read(mac::ADDRH).to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// Lets frames to a group address through, and those to some others of the same hash.
    pub fn listen(&mut self, group: [u8; 6]) {
        let hash = crc(group) >> 26;
        let register = if hash & 0x20 == 0 {
            mac::HASHL
        } else {
            mac::HASHH
        };
        let bits = self.mac_read(register);
        self.mac_write(register, bits | 1 << (hash & 0x1f));
    }

    /// Whether the cable is in.
    pub fn is_plugged(&mut self) -> bool {
        self.mac_write(mac::MII_ACC, PHY_ADDRESS | PHY_STATUS << 6 | MII_BUSY);
        while self.mac_read(mac::MII_ACC) & MII_BUSY != 0 {}
        self.mac_read(mac::MII_DATA) & PHY_LINK_UP != 0
    }

    /// The counter of the chip, which runs freely at 25 MHz.
    pub fn ticks(&self) -> u32 {
        self.read(at::FREE_RUN)
    }

    /// Takes the next whole frame out of the chip; its length without the checksum. Frames with errors are passed over.
    pub fn receive(&mut self, frame: &mut [u32; FRAME_WORDS]) -> Option<usize> {
        while self.read(at::RX_FIFO_INF) >> 16 & 0xff != 0 {
            let status = self.read(at::RX_STATUS);
            let len = (status >> 16 & 0x3fff) as usize;
            for i in 0..len.div_ceil(4) {
                let word = self.read(at::RX_DATA);
                if let Some(slot) = frame.get_mut(i) {
                    *slot = word;
                }
            }
            if status & RX_ERROR == 0 && (4..=FRAME_MAX + 4).contains(&len) {
                return Some(len - 4);
            }
        }
        None
    }

    /// Whether the chip has room for the longest frame.
    pub fn can_send(&mut self) -> bool {
        // Nobody asks what became of frames: what the chip says of it has to be taken all the same.
        while self.read(at::TX_FIFO_INF) >> 16 & 0xff != 0 {
            self.read(at::TX_STATUS);
        }
        self.read(at::TX_FIFO_INF) & 0xffff >= 8 + 4 * FRAME_WORDS as u32
    }

    /// Sends the first `len` bytes of a frame.
    pub fn send(&mut self, frame: &[u32; FRAME_WORDS], len: usize) {
        let len = len.min(FRAME_MAX);
        self.write(at::TX_DATA, FIRST_SEGMENT | LAST_SEGMENT | len as u32);
        self.write(at::TX_DATA, (len as u32) << 16 | len as u32);
        for word in frame.iter().take(len.div_ceil(4)) {
            self.write(at::TX_DATA, *word);
        }
    }

    fn mac_read(&mut self, register: u32) -> u32 {
        self.write(at::MAC_CSR_CMD, CSR_BUSY | CSR_READ | register);
        while self.read(at::MAC_CSR_CMD) & CSR_BUSY != 0 {}
        self.read(at::MAC_CSR_DATA)
    }

    fn mac_write(&mut self, register: u32, value: u32) {
        self.write(at::MAC_CSR_DATA, value);
        self.write(at::MAC_CSR_CMD, CSR_BUSY | register);
        while self.read(at::MAC_CSR_CMD) & CSR_BUSY != 0 {}
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: a register of the chip, which `new` was promised to be there.
        unsafe { ptr::read_volatile((BASE + register) as *const u32) }
    }

    fn write(&mut self, register: usize, value: u32) {
        // SAFETY: as in `read`; the chip is ours alone.
        unsafe { ptr::write_volatile((BASE + register) as *mut u32, value) }
    }
}

/// The checksum of Ethernet over an address, before its bits are turned over: its first six bits are the hash.
fn crc(address: [u8; 6]) -> u32 {
    let mut crc = u32::MAX;
    for byte in address {
        for bit in 0..8 {
            let is_one = (crc >> 31) as u8 ^ (byte >> bit) & 1 == 1;
            crc = crc << 1 ^ if is_one { 0x04c1_1db7 } else { 0 };
        }
    }
    crc
}
