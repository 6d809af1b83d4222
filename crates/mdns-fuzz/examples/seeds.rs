//! Writes the seeds of all corpora: `cargo xtask fuzz --seed-corpus`.

use std::io;

use mdns_fuzz::seeds;

fn main() -> io::Result<()> {
    let count = seeds::write(&seeds::directory())?;
    println!("{count} seeds in fuzz/corpus");
    Ok(())
}
