//! Hosts that claim their addresses themselves, with names on top, in small worlds. `cargo xtask sim --addresses` plays them at full size.

use mdns_sim::judge::AddressWorld;

/// Plays a world with a few seeds.
fn play(world: &str, hosts: usize, seeds: std::ops::Range<u64>) {
    let world = AddressWorld::named(world).expect("a world");
    for seed in seeds {
        if let Err(failure) = world.run(seed, hosts) {
            panic!("seed {seed}: {failure}\n{}", failure.page);
        }
    }
}

/// covers: 3927-2.2.1-g, 3927-2.1-a
#[test]
fn hosts_that_are_switched_on_together() {
    play("power-up", 200, 0..2);
}

/// covers: 3927-2.2.1-g
#[test]
fn hosts_that_want_one_address() {
    play("one-address", 50, 0..3);
}

/// covers: 3927-2.2.1-j, BCT-I-3
#[test]
fn a_neighbour_that_denies_everything_for_an_hour() {
    play("denied", 10, 0..2);
}

/// covers: 3927-2.2.1-j, 3927-2.5-c
#[test]
fn a_neighbour_that_takes_each_address_for_an_hour() {
    play("contested", 10, 0..2);
}

/// covers: 3927-4-b
#[test]
fn two_links_that_are_joined() {
    play("joined", 40, 0..3);
}

/// covers: 3927-2.2.1-h
#[test]
fn frames_that_are_repeated() {
    play("repeated", 20, 0..3);
}

/// covers: 3927-2.2-b, BCT-I-6
#[test]
fn cables_out_and_in() {
    play("cables", 40, 0..3);
}

/// covers: 3927-2.5-a
#[test]
fn bad_air() {
    play("air", 20, 0..3);
}
