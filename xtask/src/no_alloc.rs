//! Proof that `mdns-proto` needs no allocator: a program without one links it, and runs.
//!
//! The program is `xtask/no-alloc`, a workspace of its own, since features unify over a workspace. A dependency on the
//! crate `alloc` fails its compilation (no global allocator), one on `std` too (two panic handlers).

use anyhow::{Result, ensure};

use crate::{
    install,
    shell::{Shell, root, target},
};

pub(crate) fn run() -> Result<()> {
    install::program("nm")?;
    let manifest = root().join("xtask/no-alloc/Cargo.toml");
    let out = target().join("no-alloc");
    Shell::cargo("build --quiet --release --manifest-path")
        .args([manifest])
        .args(["--target-dir".into(), out.clone()])
        .run()?;
    let program = out.join("release/no-alloc");
    Shell::new(&program).run()?;

    // What links might still call malloc by hand: look at the names too.
    let names = Shell::new("nm").args([&program]).output()?;
    let found = names.lines().find(|line| {
        ["rust_alloc", "malloc", "realloc"]
            .iter()
            .any(|name| line.contains(name))
    });
    ensure!(
        found.is_none(),
        "{} refers to an allocator: {}",
        program.display(),
        found.unwrap_or_default()
    );
    println!("no-alloc: mdns-proto linked and ran without an allocator");
    Ok(())
}
