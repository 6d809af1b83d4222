//! The packets of the reports that docs/security.md lists, for those who hear packets through something else than a simulation.

use std::{fs, path::Path};

/// The packet of a report, by the name of the test of the core that has it byte by byte (`tests/security/packets.rs`).
#[derive(Clone, Debug)]
pub struct Reported {
    /// Such as `cve_2006_6870`.
    pub name: String,
    /// The UDP payload, of 9,000 bytes at most.
    pub bytes: Vec<u8>,
}

impl Reported {
    /// The packet, and the packet as a query if it is a response, or the other way round.
    pub fn both_ways(&self) -> [Vec<u8>; 2] {
        let mut other = self.bytes.clone();
        if let Some(flags) = other.get_mut(2) {
            *flags ^= 0x80;
        }
        [self.bytes.clone(), other]
    }
}

/// All of them, in the order of their names. They are seeds of the fuzz corpus, where the tests of the core keep them.
///
/// ```
/// let reports = mdns_sim::reported_packets();
/// assert!(reports.iter().any(|report| report.name == "cve_2006_6870"));
/// ```
///
/// # Panics
///
/// When the corpus is not where it is in the repository.
pub fn reported_packets() -> Vec<Reported> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/message");
    let files =
        fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut found: Vec<Reported> = files
        .filter_map(|file| {
            let path = file.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_prefix("sec-")?.to_owned();
            let bytes = fs::read(&path).ok()?;
            Some(Reported { name, bytes })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        found.len() > 50,
        "{} packets in {}",
        found.len(),
        corpus.display()
    );
    found
}
