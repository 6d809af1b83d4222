//! The example, twice, each in a thread of its own.

#![cfg(target_os = "linux")]

#[path = "../examples/greeter/greeter.rs"]
mod greeter;

use std::{
    process, thread,
    time::{Duration, Instant},
};

use greeter::Greeter;
use mdns_mio::Options;

/// Runs until somebody is heard, and a little longer: the other may still be about to look.
fn meet(name: &str) -> Vec<String> {
    let mut greeter = Greeter::new(Options::loopback(), name).expect("a greeter");
    let mut end = Instant::now() + Duration::from_secs(15);
    let mut heard = Vec::new();
    while Instant::now() < end {
        greeter.turn(Duration::from_millis(100)).expect("a turn");
        if !greeter.heard.is_empty() && heard.is_empty() {
            end = Instant::now() + Duration::from_secs(2);
        }
        heard.append(&mut greeter.heard);
    }
    greeter.leave().expect("goodbye");
    heard
}

#[test]
fn two_greeters_greet_each_other() {
    let [alice, bob] = ["Alice", "Bob"].map(|name| format!("{name} {}", process::id()));
    let (name, other) = (alice.clone(), bob.clone());
    let meeting = thread::spawn(move || meet(&name));
    let heard_by_bob = meet(&other);
    let heard_by_alice = meeting.join().expect("no panic");
    assert!(
        heard_by_alice.contains(&format!("{bob} greets you")),
        "{heard_by_alice:?}"
    );
    assert!(
        heard_by_bob.contains(&format!("{alice} greets you")),
        "{heard_by_bob:?}"
    );
}
