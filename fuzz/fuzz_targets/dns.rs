#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mdns_fuzz::run("dns", bytes));
