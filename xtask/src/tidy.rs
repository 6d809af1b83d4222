//! `cargo xtask tidy`: checks of source and documents that no compiler makes.
//!
//! * Words of docs/glossary.md are used, and not those of [`WORDS`]; no crate has two public types of one name. What there is of
//!   both is counted for each crate in [`COUNTS`]: a count may fall and must not grow. `--write` writes the counts, when they have fallen.
//! * A module begins with a `//!` paragraph. No code is commented out.
//! * Links and paths in documents lead to something; sections that ARCHITECTURE.md's tables name are cited in the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use regex::Regex;

use crate::shell::root;

/// Words that no identifier should have: they belong to no RFC, and say nothing to who has not read the code.
const WORDS: [&str; 29] = [
    "ask", "asker", "askers", "asks", "calm", "chance", "debt", "debts", "denial", "deny", "fate",
    "heard", "hungry", "hush", "manner", "offer", "owe", "owed", "owes", "pace", "past", "pasts",
    "settle", "settled", "spelling", "starved", "told", "unsay", "worth",
];
/// How often each crate has each of them, and public types of one name.
const COUNTS: &str = "xtask/src/tidy.txt";
/// Where sources are: crates and what is not published.
const SOURCES: [&str; 4] = ["crates", "xtask", "firmware/src", "fuzz/fuzz_targets"];
/// Documents at the top; those in `docs/` are found.
const DOCUMENTS: [&str; 4] = [
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
];

#[derive(Args)]
pub(crate) struct Options {
    /// Writes how often each crate has each word that it should not have.
    #[arg(long)]
    write: bool,
}

/// For `cargo xtask test`.
pub(crate) fn check() -> Result<()> {
    run(&Options { write: false })
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let sources = sources()?;
    let mut found = Vec::new();
    let mut counts = count_words(&sources);
    counts.extend(twins(&sources));
    let counts = render(&counts);
    let path = root().join(COUNTS);
    if options.write {
        fs::write(&path, &counts)?;
        println!("written: {}", path.display());
    } else {
        found.extend(compare(&read(&path)?, &counts));
    }
    for source in &sources {
        found.extend(check_source(source));
    }
    for document in documents()? {
        found.extend(check_links(&document, &read(&root().join(&document))?));
    }
    found.extend(check_sections(
        &read(&root().join("ARCHITECTURE.md"))?,
        &sources,
    ));
    if found.is_empty() {
        println!("tidy: {} files", sources.len());
        return Ok(());
    }
    bail!("{}", found.join("\n"));
}

/// A file of Rust.
struct Source {
    /// From the root.
    path: PathBuf,
    /// The crate, as its folder is called.
    package: String,
    text: String,
}

impl Source {
    fn is_part_of_library(&self) -> bool {
        self.path.components().any(|part| part.as_os_str() == "src")
    }

    /// The lines of code: without comments and strings.
    fn code(&self) -> impl Iterator<Item = String> + '_ {
        static STRINGS: LazyLock<Regex> = LazyLock::new(|| pattern(r#""(?:[^"\\]|\\.)*""#));
        self.text.lines().map(|line| {
            let line = STRINGS.replace_all(line, "");
            line.split("//").next().unwrap_or_default().to_owned()
        })
    }
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "literals, which the tests compile")]
    Regex::new(text).expect("a pattern")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files below `dir` with this extension, `target` and hidden folders left out.
fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "target" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn sources() -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for dir in SOURCES {
        for file in files(&root().join(dir), "rs")? {
            let path = file.strip_prefix(root())?.to_owned();
            let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
            let package = if dir == "crates" {
                &parts[1]
            } else {
                &parts[0]
            };
            sources.push(Source {
                package: package.to_string(),
                text: read(&file)?,
                path,
            });
        }
    }
    Ok(sources)
}

/// How often identifiers of each crate have each word.
fn count_words(sources: &[Source]) -> BTreeMap<String, usize> {
    static IDENTIFIERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z][A-Za-z0-9_]*"));
    static HUMPS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Z]?[a-z]+|[A-Z]+"));
    let mut counts = BTreeMap::new();
    for source in sources {
        for line in source.code() {
            for hump in IDENTIFIERS
                .find_iter(&line)
                .flat_map(|found| HUMPS.find_iter(found.as_str()))
            {
                let word = hump.as_str().to_ascii_lowercase();
                if let Some(word) = WORDS.iter().find(|known| **known == word) {
                    *counts
                        .entry(format!("{} {word}", source.package))
                        .or_insert(0) += 1;
                }
            }
        }
    }
    counts
}

fn render(counts: &BTreeMap<String, usize>) -> String {
    counts
        .iter()
        .map(|(key, count)| format!("{key} {count}\n"))
        .collect()
}

/// What has grown, or has fallen and is not written.
fn compare(written: &str, counted: &str) -> Vec<String> {
    let read = |text: &str| -> BTreeMap<String, usize> {
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        lines
            .filter_map(|(key, count)| Some((key.to_owned(), count.parse().ok()?)))
            .collect()
    };
    let (written, counted) = (read(written), read(counted));
    let keys: BTreeSet<_> = written.keys().chain(counted.keys()).collect();
    let count = |counts: &BTreeMap<String, usize>, key| counts.get(key).copied().unwrap_or(0);
    keys.into_iter()
        .filter_map(|key| match (count(&written, key), count(&counted, key)) {
            (before, after) if after > before => Some(format!(
                "{key}: {after} times, no more than {before} are allowed; docs/glossary.md has better words"
            )),
            (before, after) if after < before => Some(format!(
                "{key}: {after} times, no longer {before}; write it with `cargo xtask tidy --write`"
            )),
            _ => None,
        })
        .collect()
}

fn check_source(source: &Source) -> Vec<String> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^\s*// ?(?:(?:let|use|pub|fn|if|for|match|return|mod)\b.*[;{]|\}.*|.*\)\?;)$")
    });
    let mut found = Vec::new();
    let path = source.path.display();
    let first = source.text.lines().find(|line| !line.starts_with("#!["));
    if source.is_part_of_library() && !first.is_some_and(|line| line.starts_with("//!")) {
        found.push(format!(
            "{path}: does not begin with a paragraph (`//! ..`)"
        ));
    }
    for (number, line) in source.text.lines().enumerate() {
        let is_doc = line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
        if !is_doc && CODE.is_match(line) {
            found.push(format!("{path}:{}: code that is commented out", number + 1));
        }
    }
    found
}

/// How many public types of a crate have one name, where it is not one.
fn twins(sources: &[Source]) -> BTreeMap<String, usize> {
    static TYPES: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^pub (?:struct|enum|trait|union) ([A-Za-z0-9]+)"));
    let mut types = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is_part_of_library()) {
        for line in source.text.lines() {
            if let Some(name) = TYPES.captures(line).and_then(|found| found.get(1)) {
                let key = format!("{} pub {}", source.package, name.as_str());
                *types.entry(key).or_insert(0) += 1;
            }
        }
    }
    types.retain(|_, count| *count > 1);
    types
}

fn documents() -> Result<Vec<PathBuf>> {
    let mut documents: Vec<PathBuf> = DOCUMENTS.iter().map(PathBuf::from).collect();
    for dir in ["docs", "crates"] {
        for file in files(&root().join(dir), "md")? {
            documents.push(file.strip_prefix(root())?.to_owned());
        }
    }
    Ok(documents)
}

/// Links to files that are not there, and paths in backticks that lead nowhere.
fn check_links(document: &Path, text: &str) -> Vec<String> {
    static LINKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\]\(([^)#\s]+)(?:#[^)]*)?\)"));
    static PATHS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"`((?:crates|docs|xtask|fuzz|firmware)/[A-Za-z0-9_./-]+)`"));
    let parent = document.parent().unwrap_or(Path::new(""));
    let links = LINKS
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .filter(|link| !link.as_str().contains("://") && !link.as_str().starts_with("mailto:"))
        .map(|link| (link.as_str().to_owned(), parent.join(link.as_str())));
    // A path begins at the root or, in a document of a crate, where the document is.
    let paths = PATHS
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .map(|path| (path.as_str().to_owned(), PathBuf::from(path.as_str())));
    links
        .chain(paths)
        .filter(|(_, path)| !root().join(path).exists())
        .map(|(shown, _)| format!("{}: {shown} leads nowhere", document.display()))
        .collect()
}

/// Sections that the tables of ARCHITECTURE.md name and no code cites.
fn check_sections(map: &str, sources: &[Source]) -> Vec<String> {
    static SECTIONS: LazyLock<Regex> = LazyLock::new(|| pattern(r"§(\d+(?:\.\d+)*)"));
    let cited: BTreeSet<&str> = sources
        .iter()
        .filter(|source| source.is_part_of_library())
        .flat_map(|source| SECTIONS.captures_iter(&source.text))
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    // A section is cited where one of its parts is.
    let is_cited = |section: &str| {
        cited.iter().any(|found| {
            found
                .strip_prefix(section)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    map.lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| SECTIONS.captures_iter(line))
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .filter(|section| !is_cited(section))
        .map(|section| format!("ARCHITECTURE.md: no code cites §{section}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.into(),
            package: "demo".into(),
            text: text.into(),
        }
    }

    #[test]
    fn words_are_counted_in_identifiers_alone() {
        let text = "let told_slot = AskId::new(\"told\"); // told\nfn retold() {}\n";
        let counts = count_words(&[source("crates/demo/src/lib.rs", text)]);
        assert_eq!(render(&counts), "demo ask 1\ndemo told 1\n");
    }

    #[test]
    fn a_count_may_not_grow_and_what_has_fallen_is_written() {
        assert_eq!(compare("demo ask 2\n", "demo ask 2\n").len(), 0);
        for (before, after) in [
            ("demo ask 2\n", "demo ask 3\n"),
            ("", "demo ask 1\n"),
            ("demo ask 2\n", ""),
        ] {
            assert_eq!(compare(before, after).len(), 1, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_module_has_a_paragraph_and_no_code_in_comments() {
        let good = "//! What it is.\n\n// Why, in words; more of it.\nfn f() {}\n";
        assert_eq!(check_source(&source("crates/demo/src/a.rs", good)).len(), 0);
        for bad in [
            "fn f() {}\n",
            "//! It.\n// let x = 1;\n",
            "//! It.\n    // }\n",
            "//! It.\n//if x {\n",
        ] {
            assert_eq!(
                check_source(&source("crates/demo/src/a.rs", bad)).len(),
                1,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn two_public_types_of_one_name_are_found() {
        let (a, b) = (
            source("crates/demo/src/a.rs", "pub struct Entry;\n"),
            source("crates/demo/src/b.rs", "pub enum Entry {}\n"),
        );
        assert_eq!(twins(&[a]).len(), 0);
        let a = source("crates/demo/src/a.rs", "pub struct Entry;\n");
        assert_eq!(twins(&[a, b]).len(), 1);
    }

    #[test]
    fn a_link_leads_somewhere() {
        let page = Path::new("docs/page.md");
        assert!(
            check_links(
                page,
                "[x](../README.md#part) `crates/mdns-proto` <https://x.y>"
            )
            .is_empty()
        );
        assert_eq!(
            check_links(page, "[x](README.md) `crates/nothing/here.rs`").len(),
            2
        );
    }

    #[test]
    fn a_section_of_the_map_is_cited() {
        let code = [source("crates/demo/src/a.rs", "//! Cites §7.1.\n")];
        assert!(check_sections("| §7 known answers | `a.rs` |\n", &code).is_empty());
        assert_eq!(check_sections("| §7.2, §8 | `a.rs` |\n", &code).len(), 2);
    }
}
