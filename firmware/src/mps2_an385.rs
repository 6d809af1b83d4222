//! The board MPS2 with image AN385: where its chip is, what its clock counts with, what wakes it.

use cortex_m::peripheral::{Peripherals, syst::SystClkSource};
use cortex_m_rt::exception;

pub use crate::lan9118::Lan9118 as Chip;

/// Ticks of [`ticks`] in a microsecond.
pub const TICKS_PER_MICRO: u64 = 25;

/// The clock of the processor, in a millisecond.
const CYCLES_PER_MILLI: u32 = 25_000;

/// Switches the chip on, and has the processor woken every millisecond.
pub fn start(peripherals: Peripherals) -> Chip {
    let mut timer = peripherals.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CYCLES_PER_MILLI - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    // SAFETY: the board has this chip there, and whoever has the peripherals has it alone.
    unsafe { Chip::new() }
}

/// The counter of the chip, which begins anew after 171 seconds. Interrupts would do for waking, but not for counting: two that
/// come while the processor is held up are one.
pub fn ticks(chip: &Chip) -> u32 {
    chip.ticks()
}

#[exception]
fn SysTick() {}
