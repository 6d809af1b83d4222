//! Figures that are kept in the tables of a document, which a command writes and CI compares with what it measures.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// The figures of tables: what a row and its column are called, and what they say.
pub(crate) type Figures = BTreeMap<(String, String), i64>;

/// A document that keeps figures.
pub(crate) struct Kept {
    /// Where it is, from the root of the workspace.
    pub(crate) file: &'static str,
    /// What writes it.
    pub(crate) command: &'static str,
    /// How much a figure may grow before the document has to say so, as a share of it.
    pub(crate) tolerance: f64,
    /// How much more a figure of this row and column may grow, in its own unit.
    pub(crate) slack: fn(&str, &str) -> f64,
}

impl Kept {
    /// Compares what is kept with what was measured.
    ///
    /// # Errors
    /// If a figure has grown by more than the tolerance, or is new.
    pub(crate) fn compare(&self, kept: &Figures, measured: &Figures) -> Result<()> {
        let mut grown = Vec::new();
        for ((row, column), value) in measured {
            let before = kept.get(&(row.clone(), column.clone()));
            let is_within = |before: &i64| {
                let most = *before as f64 * (1.0 + self.tolerance) + (self.slack)(row, column);
                *value as f64 <= most
            };
            if !before.is_some_and(is_within) {
                let before = before.map_or("nothing".to_owned(), |before| number(*before));
                let now = number(*value);
                grown.push(format!("{row}, {column}: {before} before, {now} now"));
            }
        }
        ensure!(
            grown.is_empty(),
            "{} does not say so yet (`{}` writes it):\n{}",
            self.file,
            self.command,
            grown.join("\n")
        );
        println!(
            "{}: {} figures, none grown by more than {:.0} %",
            self.file,
            measured.len(),
            self.tolerance * 100.0
        );
        Ok(())
    }
}

/// A number with commas between thousands.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", groups.join(","))
}

/// The compiler that the figures of a document were measured with.
pub(crate) fn made_with(report: &str) -> Option<&str> {
    report
        .split_once("Measured with ")?
        .1
        .split_once(" at ")
        .map(|(version, _)| version)
}

/// The figures of all tables of a document.
pub(crate) fn figures(report: &str) -> Figures {
    let mut found = BTreeMap::new();
    let mut columns: Vec<String> = Vec::new();
    for line in report.lines() {
        let Some(line) = line.strip_prefix('|') else {
            columns.clear();
            continue;
        };
        let cells: Vec<_> = line
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if columns.is_empty() {
            columns = cells.iter().map(|cell| (*cell).to_owned()).collect();
        }
        for (column, cell) in columns.iter().zip(&cells).skip(1) {
            if let Ok(value) = cell.replace(',', "").parse() {
                found.insert((cells[0].to_owned(), column.clone()), value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_they_are_written() {
        let report = "words\n| of | flash | level |\n|---|---:|---|\n| both | 12,345 | z |\n";
        let found = figures(report);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("both".to_owned(), "flash".to_owned())], 12_345);
        assert_eq!(number(-1_234_567), "-1,234,567");
    }

    #[test]
    fn a_figure_that_is_not_kept_fails() {
        let kept = Kept {
            file: "f",
            command: "c",
            tolerance: 0.5,
            slack: |_, _| 0.0,
        };
        let of = |value| figures(&format!("| of | flash |\n|---|---|\n| both | {value} |\n"));
        assert!(kept.compare(&of(10), &of(15)).is_ok());
        assert!(kept.compare(&of(10), &of(16)).is_err());
        assert!(kept.compare(&Figures::new(), &of(1)).is_err());
    }
}
