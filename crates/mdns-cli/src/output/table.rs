//! The table of `mdns browse` on a terminal: what is there now, drawn anew in place whenever that changes.
//!
//! Names are shown as people write them, without what would command the terminal; to copy one exactly there are lines and
//! JSON.

use std::{collections::BTreeMap, io};

use comfy_table::{ContentArrangement, Row as Cells, Table as Layout, presets};
use console::Term;

use super::{Kind, Line, has_strings, joined};
use crate::text::harmless;

/// The least width at which a column is of use.
const COLUMN_WIDTH: u16 = 12;

/// What is there, on a terminal.
pub(crate) struct Table {
    terminal: Term,
    rows: Rows,
    /// Lines that stand on the terminal now, and its height and width when they were drawn.
    drawn: (usize, (u16, u16)),
}

/// What is there.
struct Rows {
    with_details: bool,
    /// By type and name.
    by_name: BTreeMap<(String, String), Row>,
    is_incomplete: bool,
}

/// An instance.
struct Row {
    instance: String,
    service_type: String,
    /// Host and port, addresses, attributes; empty while they are not known.
    details: [String; 3],
}

impl Table {
    /// A table on standard output, if that is a terminal that can be written anew.
    pub(super) fn on_terminal(with_details: bool) -> Option<Self> {
        let terminal = Term::buffered_stdout();
        let is_able = terminal.is_term() && !console::is_dumb();
        is_able.then(|| Table {
            terminal,
            rows: Rows {
                with_details,
                by_name: BTreeMap::new(),
                is_incomplete: false,
            },
            drawn: (0, (0, 0)),
        })
    }

    /// Takes in what a line says. It is seen when the table is drawn.
    pub(crate) fn tell(&mut self, line: &Line) {
        self.rows.tell(line);
    }

    /// Shows what is there now, as much as the terminal has room for.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self) -> io::Result<()> {
        let (height, width) = self.terminal.size();
        // One for the header, one for the cursor.
        self.show(width, usize::from(height).saturating_sub(2).max(1))
    }

    /// Shows all that is there, to stay when the program has ended.
    ///
    /// # Errors
    ///
    /// As [`draw`](Self::draw).
    pub(crate) fn leave(&mut self) -> io::Result<()> {
        let (_, width) = self.terminal.size();
        self.show(width, usize::MAX)
    }

    /// Takes the table away, for something else to be said. It is below that when it is drawn the next time.
    ///
    /// # Errors
    ///
    /// As [`draw`](Self::draw).
    pub(crate) fn erase(&mut self) -> io::Result<()> {
        let (lines, size) = std::mem::take(&mut self.drawn);
        // What was typed meanwhile stands there, such as ^C.
        self.terminal.clear_line()?;
        if size == self.terminal.size() {
            self.terminal.clear_last_lines(lines)?;
        } else if lines > 0 {
            // Where its lines are now only the terminal knows.
            self.terminal.clear_screen()?;
        }
        self.terminal.flush()
    }

    fn show(&mut self, width: u16, rows_max: usize) -> io::Result<()> {
        self.erase()?;
        let lines = self.rows.lines(width, rows_max);
        self.drawn = (lines.len(), self.terminal.size());
        for line in lines {
            self.terminal.write_line(&line)?;
        }
        self.terminal.flush()
    }
}

impl Rows {
    fn tell(&mut self, line: &Line) {
        let (Some(name), Some(service_type)) = (&line.name, &line.service_type) else {
            self.is_incomplete |= line.event == Kind::Incomplete;
            return;
        };
        let key = (service_type.clone(), name.to_ascii_lowercase());
        match line.event {
            Kind::Found => {
                let row = Row {
                    instance: harmless(line.instance.as_deref().unwrap_or(name)),
                    service_type: harmless(service_type),
                    details: Default::default(),
                };
                self.by_name.insert(key, row);
            }
            Kind::Gone => drop(self.by_name.remove(&key)),
            Kind::Resolved | Kind::Lost => {
                if let Some(row) = self.by_name.get_mut(&key) {
                    row.details = details(line);
                }
            }
            _ => {}
        }
    }

    /// A header, so many rows, and what else there is to say. No line is wider than the terminal.
    fn lines(&self, width: u16, rows_max: usize) -> Vec<String> {
        let rows_max = match self.by_name.len() > rows_max || self.is_incomplete {
            true => rows_max.saturating_sub(1),
            false => rows_max,
        };
        let columns = usize::from((width / COLUMN_WIDTH).max(1));
        let columns = columns.min(if self.with_details { 5 } else { 2 });
        let cells = |texts: [&str; 5]| {
            let mut cells = Cells::from(texts.into_iter().take(columns));
            cells.max_height(1);
            cells
        };
        let mut layout = Layout::new();
        layout
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .set_header(cells(["NAME", "TYPE", "HOST", "ADDRESSES", "ATTRIBUTES"]));
        for row in self.by_name.values().take(rows_max) {
            let [host, addresses, attributes] = &row.details;
            layout.add_row(cells([
                &row.instance,
                &row.service_type,
                host,
                addresses,
                attributes,
            ]));
        }
        for column in layout.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut lines: Vec<String> = layout
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let note = match self.by_name.len().saturating_sub(rows_max) {
            _ if self.is_incomplete => "there is more than memory allows to know of".to_owned(),
            0 => return lines,
            hidden => format!("and {hidden} more"),
        };
        lines.push(console::truncate_str(&note, usize::from(width), "…").into_owned());
        lines
    }
}

fn details(line: &Line) -> [String; 3] {
    let host = match (&line.host, line.port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => String::new(),
    };
    let addresses = line.addresses.as_deref().map(joined).unwrap_or_default();
    let txt = line
        .txt
        .as_ref()
        .map(|txt| txt.as_txt())
        .filter(has_strings);
    [
        host,
        addresses,
        txt.map(|txt| txt.to_string()).unwrap_or_default(),
    ]
    .map(|text| harmless(&text))
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use expect_test::expect;
    use mdns_proto::{name::NameBuf, wire::TxtVec};
    use mdns_tokio::{Address, Instance};

    use super::*;

    fn instance(name: &str) -> Instance {
        Instance {
            name: name.parse().expect("a name"),
            host: Some("hall.local".parse().expect("a name")),
            port: Some(631),
            txt: TxtVec::new(),
            addresses: vec![Address {
                ip: "fe80::7".parse().expect("an address"),
                interface: 2,
                interface_name: "eth0".into(),
            }],
            is_own: false,
        }
    }

    fn found(names: &[&str]) -> Rows {
        let mut rows = Rows {
            with_details: true,
            by_name: BTreeMap::new(),
            is_incomplete: false,
        };
        for name in names {
            rows.tell(&Line::of_instance(Kind::Found, &instance(name)));
        }
        rows
    }

    fn text(rows: &Rows, width: u16, rows_max: usize) -> String {
        rows.lines(width, rows_max).join("\n") + "\n"
    }

    #[test]
    fn what_comes_and_goes_is_there_and_not() {
        let names = [
            "Web._http._tcp.local",
            r"Büro 2\.0._ipp._tcp.local",
            "Attic._ipp._tcp.local",
        ];
        let mut rows = found(&names);
        let mut printer = instance(names[1]);
        printer.txt.push("path", Some(b"/x y")).expect("room");
        rows.tell(&Line::with_details(Kind::Resolved, &printer));
        rows.tell(&Line::with_details(Kind::Resolved, &instance(names[2])));
        expect![[r#"
             NAME      TYPE        HOST            ADDRESSES     ATTRIBUTES
             Web       _http._tcp
             Attic     _ipp._tcp   hall.local:631  fe80::7%eth0
             Büro 2.0  _ipp._tcp   hall.local:631  fe80::7%eth0  "path=/x y"
        "#]]
        .assert_eq(&text(&rows, 80, 9));

        let again: NameBuf = "ATTIC._ipp._tcp.local".parse().expect("a name");
        rows.tell(&Line::about(Kind::Lost, again.as_name()));
        rows.tell(&Line::of_instance(Kind::Gone, &instance(names[1])));
        expect![[r#"
             NAME   TYPE        HOST  ADDRESSES  ATTRIBUTES
             Web    _http._tcp
             Attic  _ipp._tcp
        "#]]
        .assert_eq(&text(&rows, 80, 9));
        rows.with_details = false;
        rows.tell(&Line::new(Kind::Incomplete));
        expect![[r#"
             NAME  TYPE
             Web   _http._tcp
             there is more than memory allows to know of
        "#]]
        .assert_eq(&text(&rows, 80, 2));
    }

    #[test]
    fn a_small_terminal_shows_less() {
        let names: Vec<String> = (10..30)
            .map(|n| format!("東京のプリンター {n}._ipp._tcp.local"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut rows = found(&names);
        rows.tell(&Line::with_details(Kind::Resolved, &instance(names[0])));
        expect![[r#"
            NAME          TYPE       HOST
            東京のプリ…   _ipp._tcp  hall.local…
            東京のプリ…   _ipp._tcp
            and 18 more
        "#]]
        .assert_eq(&text(&rows, 38, 3));
        for width in 3..120 {
            let lines = rows.lines(width, 5);
            assert_eq!(lines.len(), 6);
            let is_in = |line: &String| measure_text_width(line) <= usize::from(width);
            assert!(lines.iter().all(is_in), "{width}: {lines:?}");
        }
        assert_eq!(rows.lines(80, 20).len(), 21);
        assert_eq!(rows.lines(80, usize::MAX).len(), 21);
        assert!(!rows.lines(0, 0).is_empty());
    }

    /// covers: SEC-19
    #[test]
    fn what_the_network_says_commands_no_terminal() {
        let nasty = r"\027[2J\194\155\226\128\174x\010._ipp._tcp.local";
        let mut rows = found(&[nasty]);
        let mut printer = instance(nasty);
        printer
            .txt
            .push_string(b"a=\x1b[0m\xe2\x80\xae")
            .expect("room");
        rows.tell(&Line::with_details(Kind::Resolved, &printer));
        let all = text(&rows, 100, 9);
        let is_safe = |c: char| c == '\n' || harmless(&c.to_string()) == c.to_string();
        assert!(all.chars().all(is_safe), "{all:?}");
        assert!(
            all.contains("\u{fffd}[2J\u{fffd}\u{fffd}x\u{fffd}"),
            "{all:?}"
        );
    }
}
