//! The committed corpus, on any toolchain: each input into the targets that it is for, the adapter for boards among them.
//!
//! covers: SEC-13, SEC-21

use std::{fs, path::PathBuf};

use mdns_fuzz::{TARGETS, Target, seeds};

/// The inputs of a target.
fn inputs(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs = Vec::new();
    for corpus in target.corpora {
        let folder = seeds::directory().join(corpus);
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            inputs.push((path, bytes));
        }
    }
    inputs
}

fn all_pass(name: &str) {
    let target = mdns_fuzz::target(name).unwrap();
    let inputs = inputs(&target);
    assert!(inputs.len() > 3, "{name} has no corpus");
    for (path, bytes) in inputs {
        // Shown when it fails.
        println!("{}", path.display());
        (target.run)(&bytes);
    }
}

/// Defines a test for each target, and one that there is one for each.
macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                all_pass(stringify!($name));
            }
        )*

        #[test]
        fn each_target_has_a_test() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

targets! { message round_trip name txt differential endpoint pair smoltcp arp dns }

/// The files are those that the command writes.
#[test]
fn the_seeds_are_what_is_committed() {
    let seeds = seeds::all().unwrap();
    assert!(seeds.len() > 100);
    for seed in seeds {
        let path = seeds::directory().join(seed.target).join(&seed.name);
        let bytes = fs::read(&path).unwrap_or_default();
        assert!(
            bytes == seed.bytes,
            "{} is stale: cargo xtask fuzz --seed-corpus",
            path.display()
        );
    }
}

/// Small enough to be cloned by everyone.
#[test]
fn the_corpus_is_small() {
    let all: usize = TARGETS
        .iter()
        .filter(|target| target.corpora[0] == target.name)
        .flat_map(inputs)
        .map(|(_, bytes)| bytes.len())
        .sum();
    assert!(all < 1 << 20, "{all} bytes");
}
