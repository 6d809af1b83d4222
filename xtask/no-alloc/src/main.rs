//! A program without `std` and without an allocator that reads and writes messages.
//!
//! That it links is the proof: had anything in it a use for the heap, the compiler would ask for a global allocator. That
//! it ends with 0 shows that what was linked works.
#![no_std]
#![no_main]

use core::{ffi::c_int, panic::PanicInfo};

use mdns_proto::wire::{Header, Message, RecordType, Writer};

/// A question for the address of `appletv.local`.
const QUESTION: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x07appletv\x05local\0\0\x01\0\x01";

/// What the C runtime calls.
// SAFETY: no other part of this program is called `main`.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    match copied() {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    }
}

/// Reads the question, writes it again: is it the same?
fn copied() -> Option<bool> {
    let message = Message::parse(QUESTION).ok()?;
    let question = message.questions().next()?;
    if question.qtype != RecordType::A {
        return Some(false);
    }
    let mut buffer = [0; 512];
    let header: Header = message.header();
    let mut writer = Writer::new(&mut buffer, 512, header);
    writer.question(&question).ok()?;
    let length = writer.finish();
    Some(buffer.get(..length)? == QUESTION)
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
