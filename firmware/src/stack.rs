//! How deep the stack has been: before `main`, all of it was painted.

use core::ptr;

/// What `cortex-m-rt` paints with.
const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The most bytes of stack in use at once so far.
pub fn depth() -> usize {
    let (mut lowest, top) = (&raw const _stack_end, &raw const _stack_start);
    // SAFETY: between these two symbols is the stack and nothing else, and it is all initialised.
    while lowest < top && unsafe { ptr::read_volatile(lowest) } == PAINT {
        lowest = lowest.wrapping_add(1);
    }
    top.addr() - lowest.addr()
}
