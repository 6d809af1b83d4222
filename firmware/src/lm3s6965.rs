//! TI's evaluation board for the LM3S6965: where its chip is, what its clock counts with, what wakes it.
//!
//! The counter of the system is the clock: it runs freely and is read, as what is counted by interrupts is lost when two of them
//! become one. A timer is left to wake the processor.

use core::ptr;

use cortex_m::{
    interrupt::InterruptNumber,
    peripheral::{NVIC, Peripherals, SYST, syst::SystClkSource},
};
use cortex_m_rt::exception;

pub use crate::stellaris::Stellaris as Chip;

/// Ticks of [`ticks`] in a microsecond: 12.5 of the processor, of which each counts 256.
pub const TICKS_PER_MICRO: u64 = 3200;

/// The clock of the processor after a reset, in a millisecond.
const CYCLES_PER_MILLI: u32 = 12_500;

/// The counter has 24 bits.
const COUNTER_MAX: u32 = 0x00ff_ffff;

/// Which parts of the processor have a clock.
const RUN_CLOCK_1: usize = 0x400f_e104;
const RUN_CLOCK_2: usize = 0x400f_e108;
const TIMER_0: u32 = 1 << 16;
const ETHERNET: u32 = 1 << 28 | 1 << 30;

/// The first timer, by its distance from here.
const TIMER: usize = 0x4003_0000;
const TIMER_WIDTH: usize = 0x00;
const TIMER_MODE: usize = 0x04;
const TIMER_CONTROL: usize = 0x0c;
const TIMER_INTERRUPTS: usize = 0x18;
const TIMER_CLEAR: usize = 0x24;
const TIMER_INTERVAL: usize = 0x28;
const WHOLE: u32 = 0;
const PERIODIC: u32 = 2;
const ENABLE: u32 = 1;
const TIME_OUT: u32 = 1;

/// What the timer interrupts with.
#[derive(Clone, Copy)]
struct Timer0;

// SAFETY: it is the number of that interrupt on this processor, and always the same.
unsafe impl InterruptNumber for Timer0 {
    fn number(self) -> u16 {
        19
    }
}

/// Switches the chip on, and has the processor woken every millisecond.
pub fn start(peripherals: Peripherals) -> Chip {
    let mut counter = peripherals.SYST;
    counter.set_clock_source(SystClkSource::Core);
    counter.set_reload(COUNTER_MAX);
    counter.clear_current();
    counter.enable_counter();

    write(RUN_CLOCK_1, read(RUN_CLOCK_1) | TIMER_0);
    write(RUN_CLOCK_2, read(RUN_CLOCK_2) | ETHERNET);
    write(TIMER + TIMER_WIDTH, WHOLE);
    write(TIMER + TIMER_MODE, PERIODIC);
    write(TIMER + TIMER_INTERVAL, CYCLES_PER_MILLI - 1);
    write(TIMER + TIMER_INTERRUPTS, TIME_OUT);
    write(TIMER + TIMER_CONTROL, ENABLE);
    // SAFETY: its handler, below, shares nothing with anybody.
    unsafe { NVIC::unmask(Timer0) };

    // SAFETY: the board has this chip there, and whoever has the peripherals has it alone.
    unsafe { Chip::new() }
}

/// The counter of the system, upwards, at the upper end of a word so that it overflows as a word does: after 1.3 seconds. The
/// processor never sleeps as long.
pub fn ticks(_: &Chip) -> u32 {
    (COUNTER_MAX - SYST::get_current()) << 8
}

/// Of all interrupts only that of the timer is let through. Waking was all it was for.
#[exception]
unsafe fn DefaultHandler(_: i16) {
    write(TIMER + TIMER_CLEAR, TIME_OUT);
}

fn read(register: usize) -> u32 {
    // SAFETY: a register of the processor.
    unsafe { ptr::read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: a register of the processor, of a part that nothing else here uses.
    unsafe { ptr::write_volatile(register as *mut u32, value) }
}
