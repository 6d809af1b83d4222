//! `cargo xtask rfc`: joins the rows of `docs/conformance/` with the tests that name them (docs/conformance/README.md).
//!
//! What the RFCs ask is shown in a page of its own, what attackers do in a part of docs/security.md between two marks.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use regex::Regex;

use crate::shell::root;

/// The table that is written.
const TABLE: &str = "docs/conformance.md";
/// Where the rows are.
const CHECKLIST: &str = "docs/conformance";
/// The page whose part is written.
const SECURITY: &str = "docs/security.md";
/// What stands around that part.
const MARKS: [&str; 2] = [
    "<!-- written by `cargo xtask rfc` -->\n",
    "<!-- until here -->\n",
];
/// The files of the checklist, in the order of the table, and where their rows are shown.
const FILES: [(&str, &str); 7] = [
    ("rfc6762.md", TABLE),
    ("rfc6763.md", TABLE),
    ("bct.md", TABLE),
    ("vulnerabilities.md", SECURITY),
    ("reports.md", SECURITY),
    ("rfc3927.md", TABLE),
    ("rfc8766.md", TABLE),
];
const EXCEPTIONS: &str = "exceptions.md";
/// Where tests are.
const SOURCES: [&str; 2] = ["crates", "xtask"];

#[derive(Args)]
pub(crate) struct Options {
    /// Writes nothing; fails when the committed table is not what would be written.
    #[arg(long)]
    check: bool,
    /// Fails when a MUST or MUST NOT, a defence or a report has neither test nor exception.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let checklist = root().join(CHECKLIST);
    let mut matrix = Matrix::default();
    for (file, page) in FILES {
        let path = checklist.join(file);
        matrix.read_checklist(file, page, &read(&path)?)?;
    }
    let mut faults = matrix.except(&read(&checklist.join(EXCEPTIONS))?);
    for path in sources()? {
        let text = read(&path)?;
        let path = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        faults.extend(matrix.cite(&path, &text));
    }
    faults.extend(matrix.needless_exceptions());
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }

    let security = read(&root().join(SECURITY))?;
    let pages = [
        (TABLE, matrix.to_string()),
        (SECURITY, spliced(&security, &matrix.rows_of(SECURITY))?),
    ];
    for (page, text) in pages {
        let path = root().join(page);
        if options.check {
            let committed = fs::read_to_string(&path).unwrap_or_default();
            ensure!(
                committed == text,
                "{page} is stale; to write it anew: cargo xtask rfc"
            );
        } else {
            fs::write(&path, &text).with_context(|| path.display().to_string())?;
        }
    }

    let gaps = matrix.grave_gaps();
    for row in &gaps {
        println!("gap: {} {}: {}", row.ids, row.level, row.requirement);
    }
    println!("{}, grave gaps: {}", matrix.summary(), gaps.len());
    ensure!(
        !options.strict || gaps.is_empty(),
        "a MUST, a defence and a report need a test or an exception"
    );
    Ok(())
}

/// A page with this text between its marks.
fn spliced(page: &str, text: &str) -> Result<String> {
    let [from, to] = MARKS;
    let (head, rest) = page.split_once(from).context("the first mark is missing")?;
    let (_, tail) = rest.split_once(to).context("the second mark is missing")?;
    Ok([head, from, text, to, tail].concat())
}

/// For `cargo xtask test`: the committed table says what the tests say.
pub(crate) fn check() -> Result<()> {
    run(&Options {
        check: true,
        strict: true,
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Every file that may hold tests, sorted.
fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let is = |names: &[&str], part: Option<&std::ffi::OsStr>| {
                part.is_some_and(|part| names.iter().any(|name| part == *name))
            };
            if path.is_dir() {
                if !is(&["target"], path.file_name()) {
                    folders.push(path);
                }
            } else if is(&["rs", "py"], path.extension()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// How strongly a row binds; smaller is stronger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Must,
    Should,
    May,
    LowerMust,
    LowerShould,
    LowerMay,
    /// The checklists that are not RFCs have no levels.
    None,
}

impl Rank {
    const ALL: [Rank; 7] = [
        Rank::Must,
        Rank::Should,
        Rank::May,
        Rank::LowerMust,
        Rank::LowerShould,
        Rank::LowerMay,
        Rank::None,
    ];

    fn text(self) -> &'static str {
        match self {
            Rank::Must => "MUST, MUST NOT",
            Rank::Should => "SHOULD, SHOULD NOT",
            Rank::May => "MAY",
            Rank::LowerMust => "must",
            Rank::LowerShould => "should",
            Rank::LowerMay => "may",
            Rank::None => "any",
        }
    }
}

/// One thing the protocol asks.
struct Row {
    /// One or more, each in backticks.
    ids: String,
    /// As the checklist has it: `MUST NOT`, `should+`; empty where it has none.
    level: String,
    requirement: String,
    /// The parts it binds, as letters; empty where the checklist has none.
    binds: String,
    tests: Vec<Test>,
    /// Why there is none.
    exception: Option<Exception>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    path: String,
    /// Nothing where the whole file proves the row.
    function: Option<String>,
}

#[derive(Clone)]
struct Exception {
    /// `choice` or `plan`.
    kind: String,
    reason: String,
    /// Whether the row is named itself, not by a family of rows.
    is_exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Covered,
    Exception,
    Gap,
}

impl Row {
    fn rank(&self) -> Rank {
        let word = self.level.trim_end_matches('+').trim_end_matches(" NOT");
        match word {
            "MUST" => Rank::Must,
            "SHOULD" | "RECOMMENDED" | "NOT RECOMMENDED" => Rank::Should,
            "MAY" => Rank::May,
            "must" => Rank::LowerMust,
            "should" => Rank::LowerShould,
            "may" => Rank::LowerMay,
            _ => Rank::None,
        }
    }

    fn state(&self) -> State {
        match (&self.tests[..], &self.exception) {
            ([], None) => State::Gap,
            ([], Some(_)) => State::Exception,
            _ => State::Covered,
        }
    }
}

/// The rows of one file of the checklist.
struct Checklist {
    file: &'static str,
    /// Where its rows are shown.
    page: &'static str,
    title: String,
    rows: Vec<Row>,
}

/// Rows and what is known of them.
#[derive(Default)]
struct Matrix {
    checklists: Vec<Checklist>,
    /// Where a row is: the checklist, and the row in it.
    index: BTreeMap<String, (usize, usize)>,
}

impl Matrix {
    fn read_checklist(&mut self, file: &'static str, page: &'static str, text: &str) -> Result<()> {
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        let title = title.with_context(|| format!("{file} has no title"))?;
        // "RFC 6762 (Multicast DNS): testable requirements": what stands before the colon is enough.
        let title = title.split(": ").next().unwrap_or(title).to_owned();
        let mut rows = Vec::new();
        for cells in tables(text) {
            let at = (self.checklists.len(), rows.len());
            let mut ids = Vec::new();
            for id in cells.ids() {
                ensure!(
                    self.index.insert(id.to_owned(), at).is_none(),
                    "{file}: two rows are called {id}"
                );
                ids.push(format!("`{id}`"));
            }
            if ids.is_empty() {
                continue;
            }
            let requirement = ["requirement", "defence", "test name", "result line"];
            rows.push(Row {
                ids: ids.join(", "),
                level: cells.column(&["level"]).to_owned(),
                requirement: cells.column(&requirement).to_owned(),
                binds: cells.column(&["binds"]).to_owned(),
                tests: Vec::new(),
                exception: None,
            });
        }
        self.checklists.push(Checklist {
            file,
            page,
            title,
            rows,
        });
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.checklists.iter().flat_map(|checklist| &checklist.rows)
    }

    fn row(&mut self, id: &str) -> Option<&mut Row> {
        let (checklist, row) = *self.index.get(id)?;
        self.checklists.get_mut(checklist)?.rows.get_mut(row)
    }

    /// Takes in the list of exceptions; returns what is wrong with it.
    fn except(&mut self, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for cells in tables(text) {
            let Some(pattern) = cells.ids().next() else {
                continue;
            };
            let exception = Exception {
                kind: cells.column(&["kind"]).to_owned(),
                reason: cells.column(&["reason"]).to_owned(),
                is_exact: !pattern.ends_with('*'),
            };
            if !["choice", "plan"].contains(&exception.kind.as_str()) || exception.reason.is_empty()
            {
                faults.push(format!(
                    "{EXCEPTIONS}: {pattern} needs `choice` or `plan`, and a reason"
                ));
            }
            let ids: Vec<_> = match pattern.strip_suffix('*') {
                Some(prefix) => {
                    let ids = self.index.keys().filter(|id| id.starts_with(prefix));
                    ids.cloned().collect()
                }
                None => vec![pattern.to_owned()],
            };
            let mut named = 0;
            for id in ids {
                let Some(row) = self.row(&id) else { continue };
                named += 1;
                // What is said of a row itself counts more than what is said of its family.
                let is_weaker = row
                    .exception
                    .as_ref()
                    .is_none_or(|known| !known.is_exact && exception.is_exact);
                if is_weaker {
                    row.exception = Some(exception.clone());
                } else if exception.is_exact {
                    faults.push(format!("{EXCEPTIONS}: {id} stands there twice"));
                }
            }
            if named == 0 {
                faults.push(format!("{EXCEPTIONS}: no row is called {pattern}"));
            }
        }
        faults
    }

    /// Takes in what the tests of one file say they prove; returns what is wrong with it.
    fn cite(&mut self, path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for Citation {
            line,
            ids,
            function,
        } in citations(text)
        {
            if let Some(why) = ids.strip_prefix("none") {
                let why = why.trim();
                if !(why.starts_with('(') && why.len() > 2) {
                    faults.push(format!(
                        "{path}:{line}: `covers: none` needs a reason in brackets"
                    ));
                }
                continue;
            }
            for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
                let test = Test {
                    path: path.to_owned(),
                    function: function.clone(),
                };
                match self.row(id) {
                    Some(row) if row.tests.contains(&test) => {}
                    Some(row) => row.tests.push(test),
                    None => faults.push(format!("{path}:{line}: no row is called {id}")),
                }
            }
        }
        faults
    }

    /// Rows that have a test by now and are still excused.
    fn needless_exceptions(&self) -> Vec<String> {
        let needless = self.rows().filter(|row| {
            let is_exact = row.exception.as_ref().is_some_and(|known| known.is_exact);
            is_exact && !row.tests.is_empty()
        });
        needless
            .map(|row| {
                format!(
                    "{EXCEPTIONS}: {} has a test, so it is no exception",
                    row.ids
                )
            })
            .collect()
    }

    /// The gaps, what binds most strongly first.
    fn gaps(&self) -> Vec<&Row> {
        let mut gaps: Vec<_> = self
            .rows()
            .filter(|row| row.state() == State::Gap)
            .collect();
        gaps.sort_by_key(|row| row.rank());
        gaps
    }

    /// The gaps that must not be: of what must be so, and of what attackers do.
    fn grave_gaps(&self) -> Vec<&Row> {
        let is_attack = |row: &&Row| {
            let attacks = self.checklists.iter().filter(|list| list.page == SECURITY);
            attacks
                .flat_map(|list| &list.rows)
                .any(|attack| std::ptr::eq(attack, *row))
        };
        let mut gaps = self.gaps();
        gaps.retain(|row| row.rank() == Rank::Must || is_attack(row));
        gaps
    }

    fn summary(&self) -> String {
        let all: Vec<_> = self.rows().collect();
        let Counts {
            rows,
            covered,
            exceptions,
            gaps,
        } = Counts::of(&all);
        format!("rows: {rows}, covered: {covered}, exceptions: {exceptions}, gaps: {gaps}")
    }
}

/// How many rows are in which state.
struct Counts {
    rows: usize,
    covered: usize,
    exceptions: usize,
    gaps: usize,
}

impl Counts {
    fn of(rows: &[&Row]) -> Self {
        let count = |state| rows.iter().filter(|row| row.state() == state).count();
        Counts {
            rows: rows.len(),
            covered: count(State::Covered),
            exceptions: count(State::Exception),
            gaps: count(State::Gap),
        }
    }
}

impl std::fmt::Display for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "# Conformance\n\n\
             Each row of the checklist with the tests that prove it. Written by `cargo xtask rfc`; do not edit.\n\
             [conformance/README.md](conformance/README.md) says how rows and tests are joined and what the states mean;\n\
             levels in capitals are the RFC's own words, those in lower case what its text asks without them, and a `+`\n\
             marks what is derived.\n\n\
             ## Counts\n\n\
             | checklist | level | rows | covered | exception | gap |\n|---|---|---|---|---|---|\n",
        )?;
        let mut line = |title: &str, level: &str, rows: &[&Row]| {
            let Counts {
                rows,
                covered,
                exceptions,
                gaps,
            } = Counts::of(rows);
            writeln!(
                f,
                "| {title} | {level} | {rows} | {covered} | {exceptions} | {gaps} |"
            )
        };
        for Checklist { title, rows, .. } in &self.checklists {
            for rank in Rank::ALL {
                let rows: Vec<_> = rows.iter().filter(|row| row.rank() == rank).collect();
                if !rows.is_empty() {
                    line(title, rank.text(), &rows)?;
                }
            }
        }
        line("all", "any", &self.rows().collect::<Vec<_>>())?;

        f.write_str("\n## Gaps\n\n")?;
        let gaps = self.gaps();
        if gaps.is_empty() {
            f.write_str("None.\n")?;
        } else {
            f.write_str("| id | level | requirement | binds |\n|---|---|---|---|\n")?;
        }
        for Row {
            ids,
            level,
            requirement,
            binds,
            ..
        } in gaps
        {
            writeln!(f, "| {ids} | {level} | {requirement} | {binds} |")?;
        }
        f.write_str(&self.rows_of(TABLE))
    }
}

impl Matrix {
    /// The rows of the checklists that are shown in a page, each with its tests.
    fn rows_of(&self, page: &str) -> String {
        let lists = self.checklists.iter().filter(|list| list.page == page);
        lists.map(Checklist::table).collect()
    }
}

impl Checklist {
    fn table(&self) -> String {
        let Checklist {
            file, title, rows, ..
        } = self;
        let head = format!(
            "\n## {title}\n\nThe rows in full: [{file}](conformance/{file}).\n\n\
             | id | level | requirement | state | tests, or the reason for none |\n|---|---|---|---|---|\n"
        );
        let lines = rows.iter().map(|row| {
            let proof = match (&row.tests[..], &row.exception) {
                ([], Some(exception)) => exception.reason.clone(),
                (tests, _) => tests
                    .iter()
                    .map(Test::link)
                    .collect::<Vec<_>>()
                    .join("<br>"),
            };
            let state = match (row.state(), &row.exception) {
                (State::Covered, _) => "covered",
                (State::Exception, Some(exception)) => &exception.kind,
                _ => "**gap**",
            };
            let Row {
                ids,
                level,
                requirement,
                ..
            } = row;
            format!("| {ids} | {level} | {requirement} | {state} | {proof} |\n")
        });
        head + &lines.collect::<String>()
    }
}

impl Test {
    /// The test by its name, linked to its file from the table.
    fn link(&self) -> String {
        let mut name = self.path.trim_end_matches(".rs").to_owned();
        for folder in ["crates/", "xtask/src/"] {
            name = name.strip_prefix(folder).unwrap_or(&name).to_owned();
        }
        if let Some(function) = &self.function {
            let _ = write!(name, "::{function}");
        }
        format!("[{name}](../{})", self.path)
    }
}

/// A line of a Markdown table, with the head of its columns.
struct Cells<'a> {
    head: Vec<&'a str>,
    cells: Vec<&'a str>,
}

impl<'a> Cells<'a> {
    /// What is in the first of these columns that the table has; nothing where it has none.
    fn column(&self, names: &[&str]) -> &'a str {
        let at = self.head.iter().position(|head| names.contains(head));
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or("")
    }

    /// The ids in the first cell without their backticks, where that is what makes a row.
    fn ids(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let ids = self.column(&["id"]).split(", ");
        ids.filter_map(|id| id.strip_prefix('`')?.strip_suffix('`'))
    }
}

/// The lines of all tables of a text.
fn tables(text: &str) -> impl Iterator<Item = Cells<'_>> {
    let mut head = Vec::new();
    text.lines().filter_map(move |line| {
        let Some(line) = line.trim().strip_prefix('|') else {
            head.clear();
            return None;
        };
        let line = line.strip_suffix('|').unwrap_or(line);
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if head.is_empty() {
            head = cells;
            return None;
        }
        Some(Cells {
            head: head.clone(),
            cells,
        })
    })
}

/// What one comment says a test proves.
struct Citation {
    /// Counted from 1.
    line: usize,
    /// What follows the colon, continued lines joined.
    ids: String,
    /// The next function; none where the comment is on the whole file.
    function: Option<String>,
}

fn citations(text: &str) -> Vec<Citation> {
    static COVERS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*(//[/!]?|#)\s*covers:\s*(.*?)\s*$").ok());
    static COMMENT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*(?://[/!]?|#)\s*(.*?)\s*$").ok());
    static FUNCTION: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*(?:pub(?:\(.*\))? )?(?:async )?(?:fn|def) (\w+)").ok());

    let lines: Vec<_> = text.lines().collect();
    let capture = |regex: &LazyLock<Option<Regex>>, at: usize, group: usize| {
        let captures = regex.as_ref()?.captures(lines.get(at)?)?;
        Some(captures.get(group)?.as_str().to_owned())
    };
    let mut found = Vec::new();
    for start in 0..lines.len() {
        let Some(mut ids) = capture(&COVERS, start, 2) else {
            continue;
        };
        let mut end = start + 1;
        while ids.ends_with(',')
            && let Some(more) = capture(&COMMENT, end, 1)
        {
            ids.push(' ');
            ids.push_str(&more);
            end += 1;
        }
        let is_on_file = capture(&COVERS, start, 1).is_some_and(|mark| mark == "//!");
        let function = (end..lines.len()).find_map(|at| capture(&FUNCTION, at, 1));
        found.push(Citation {
            line: start + 1,
            ids,
            function: function.filter(|_| !is_on_file),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "# RFC 1 (One): rows\n\n| id | level | requirement | binds |\n|---|---|---|---|\n\
        | `1-a` | MUST | do | R |\n| `1-b` | SHOULD NOT | do not | Q |\n| `1-c` | must+ | may be | C |\n";

    fn matrix() -> Matrix {
        let mut matrix = Matrix::default();
        matrix.read_checklist("one.md", TABLE, ROWS).expect("rows");
        matrix
    }

    /// covers: none (the table itself)
    #[test]
    fn rows_and_tests_are_joined() {
        let mut matrix = matrix();
        let test = "/// covers: 1-a,\n/// 1-b\n#[test]\nfn both() {}\n\n// covers: none (why not)\nfn other() {}\n";
        assert!(matrix.cite("crates/x/src/y.rs", test).is_empty());
        assert_eq!(
            matrix.summary(),
            "rows: 3, covered: 2, exceptions: 0, gaps: 1"
        );
        assert!(
            matrix
                .to_string()
                .contains("[x/src/y::both](../crates/x/src/y.rs)")
        );
        assert_eq!(matrix.gaps()[0].ids, "`1-c`");
    }

    /// covers: none (the table itself)
    #[test]
    fn an_attack_of_two_ids_has_one_row_and_needs_a_test() {
        let mut matrix = matrix();
        let rows = "# Attacks\n\n| id | requirement |\n|---|---|\n| `X-1`, `X-2` | harmless |\n";
        matrix
            .read_checklist("two.md", SECURITY, rows)
            .expect("rows");
        let page = format!("before\n{}old\n{}after\n", MARKS[0], MARKS[1]);
        let written = |matrix: &Matrix| spliced(&page, &matrix.rows_of(SECURITY)).expect("marks");
        assert!(written(&matrix).contains("| `X-1`, `X-2` |  | harmless | **gap** |  |\n"));
        let gaps = matrix.grave_gaps();
        assert_eq!(gaps.last().expect("a gap").ids, "`X-1`, `X-2`");

        let test = "// covers: X-2\nfn both() {}\n";
        assert!(matrix.cite("crates/x/src/y.rs", test).is_empty());
        assert!(
            matrix
                .grave_gaps()
                .iter()
                .all(|row| row.ids != "`X-1`, `X-2`")
        );
        let written = written(&matrix);
        assert!(written.starts_with("before\n") && written.ends_with("after\n"));
        assert!(written.contains("harmless | covered") && !written.contains("old"));
        assert!(!matrix.to_string().contains("harmless"));
        assert!(spliced("no marks", "").is_err());
    }

    /// covers: none (the table itself)
    #[test]
    fn what_nobody_asks_for_is_a_fault() {
        let mut matrix = matrix();
        assert_eq!(
            matrix.cite("a.rs", "// covers: 1-d\nfn f() {}"),
            ["a.rs:1: no row is called 1-d"]
        );
        assert_eq!(matrix.cite("a.rs", "// covers: none\nfn f() {}").len(), 1);
        assert_eq!(
            matrix
                .except("| id | kind | reason |\n|---|---|---|\n| `2-*` | plan | later |")
                .len(),
            1
        );
    }

    /// covers: none (the table itself)
    #[test]
    fn an_exception_ends_with_its_first_test() {
        let mut matrix = matrix();
        let list = "| id | kind | reason |\n|---|---|---|\n| `1-*` | plan | later |\n| `1-a` | choice | never |\n";
        assert!(matrix.except(list).is_empty());
        assert_eq!(
            matrix.summary(),
            "rows: 3, covered: 0, exceptions: 3, gaps: 0"
        );
        assert!(
            matrix
                .cite("a.rs", "# covers: 1-a, 1-b\ndef f():")
                .is_empty()
        );
        assert_eq!(matrix.needless_exceptions().len(), 1);
    }
}
