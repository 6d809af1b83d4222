//! The table of `mdns browse` on a terminal: what is there now, drawn anew in place whenever that changes.
//!
//! Names are shown as people write them, without what would command the terminal; to copy one exactly there are lines and
//! JSON.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use comfy_table::{ColumnConstraint, ContentArrangement, Row as Cells, Table as Layout, presets};
use console::{Term, measure_text_width};

use super::{Kind, Line, MORE, OUTPUT, Places, WhenFull, has_strings};
use crate::text::harmless;

/// The least width at which a column is of use.
const COLUMN_WIDTH: u16 = 12;

/// Spaces after a column.
const GAP: u16 = 2;

const HEADER: [&str; 5] = ["NAME", "TYPE", "HOST", "ADDRESSES", "ATTRIBUTES"];

/// A column, by its place in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Type,
    Place,
    Addresses,
    Attributes,
}

/// What is there, on a terminal.
pub(crate) struct Table {
    terminal: Term,
    screen: Screen,
    rows: Rows,
    /// Lines that stand on the terminal now, and its height and width when they were drawn.
    drawn: (usize, (u16, u16)),
    /// Something else is to be seen than what is drawn.
    is_stale: bool,
}

/// What is to be written to the terminal at once. It goes the way of all output: a terminal that is stopped keeps nobody.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn flush(&self) -> io::Result<()> {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        match text.is_empty() {
            true => Ok(()),
            false => OUTPUT.write(&text, WhenFull::Drop),
        }
    }

    /// The terminal of standard output, written by way of this.
    #[cfg(unix)]
    fn terminal(&self) -> Term {
        Term::read_write_pair(io::stdin(), self.clone())
    }

    /// Consoles are not drawn by text alone.
    #[cfg(not(unix))]
    fn terminal(&self) -> Term {
        Term::stdout()
    }
}

impl io::Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.extend_from_slice(text);
        Ok(text.len())
    }

    /// See [`Screen::flush`]: the terminal calls this after every word.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Screen {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        io::stdout().as_raw_fd()
    }
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
        let screen = Screen::default();
        let terminal = screen.terminal();
        let is_able = terminal.is_term() && !console::is_dumb();
        is_able.then(|| Table {
            terminal,
            screen,
            rows: Rows {
                with_details,
                by_name: BTreeMap::new(),
                is_incomplete: false,
            },
            drawn: (0, (0, 0)),
            is_stale: true,
        })
    }

    /// Takes in what a line says. It is seen when the table is drawn.
    pub(crate) fn tell(&mut self, line: &Line) {
        self.rows.tell(line);
        self.is_stale = true;
    }

    /// The terminal has another size: it is to be drawn anew.
    pub(crate) fn resize(&mut self) {
        self.is_stale = true;
    }

    /// Ready when something else can be shown than what is.
    pub(crate) async fn can_be_drawn(&self) {
        match self.is_stale {
            true => OUTPUT.idle().await,
            false => std::future::pending().await,
        }
    }

    /// Shows what is there now, as much as the terminal has room for; or later, while the terminal still takes what was shown before.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self) -> io::Result<()> {
        if !self.is_stale || !OUTPUT.is_idle() {
            return Ok(());
        }
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
        self.is_stale = true;
        let (lines, size) = std::mem::take(&mut self.drawn);
        // What was typed meanwhile stands there, such as ^C.
        self.terminal.clear_line()?;
        if size == self.terminal.size() {
            self.terminal.clear_last_lines(lines)?;
        } else if lines > 0 {
            // Where its lines are now only the terminal knows.
            self.terminal.clear_screen()?;
        }
        self.screen.flush()
    }

    fn show(&mut self, width: u16, rows_max: usize) -> io::Result<()> {
        self.erase()?;
        self.is_stale = false;
        let lines = self.rows.lines(width, rows_max);
        self.drawn = (lines.len(), self.terminal.size());
        for line in lines {
            self.terminal.write_line(&line)?;
        }
        self.screen.flush()
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
        let has_note =
            self.by_name.is_empty() || self.by_name.len() > rows_max || self.is_incomplete;
        let rows_max = rows_max.saturating_sub(usize::from(has_note));
        let rows: Vec<&Row> = self.by_name.values().take(rows_max).collect();
        let columns = self.columns(&rows, usize::from(width));
        let place_max = usize::from(width).saturating_sub(usize::from(COLUMN_WIDTH));
        let place_max = place_max.max(COLUMN_WIDTH.into());
        let cells = |texts: [&str; 5]| {
            let texts = columns.iter().map(|column| match column {
                Column::Place => shortened_place(texts[*column as usize], place_max),
                _ => texts[*column as usize].to_owned(),
            });
            let mut cells = Cells::from(texts);
            cells.max_height(1);
            cells
        };
        let mut layout = Layout::new();
        layout
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .set_header(cells(HEADER));
        for row in rows {
            let [host, addresses, attributes] = &row.details;
            layout.add_row(cells([
                &row.instance,
                &row.service_type,
                host,
                addresses,
                attributes,
            ]));
        }
        for (column, kind) in layout.column_iter_mut().zip(&columns) {
            column.set_padding((0, GAP));
            // A port that is cut off is of no use.
            if *kind == Column::Place && columns.len() > 1 {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let mut lines: Vec<String> = layout
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let note = match self.by_name.len().saturating_sub(rows_max) {
            _ if self.is_incomplete => MORE.to_owned(),
            _ if self.by_name.is_empty() => "nothing yet".to_owned(),
            0 => return lines,
            hidden => format!("and {hidden} more"),
        };
        lines.push(console::truncate_str(&note, usize::from(width), "…").into_owned());
        lines
    }

    /// The columns that there is room for. Attributes are left out first, then addresses, then the type: before a place, which is
    /// a host and a port, would have to be cut.
    fn columns(&self, rows: &[&Row], width: usize) -> Vec<Column> {
        let places = rows.iter().map(|row| measure_text_width(&row.details[0]));
        let place = places.max().unwrap_or(0).max(HEADER[2].len()) + usize::from(GAP);
        let mut columns = vec![Column::Name, Column::Type];
        if self.with_details {
            columns.extend([Column::Place, Column::Addresses, Column::Attributes]);
        }
        let least = |columns: &[Column]| -> usize {
            let of = |column: &Column| match column {
                Column::Place => place,
                _ => COLUMN_WIDTH.into(),
            };
            columns.iter().map(of).sum()
        };
        while least(&columns) > width
            && columns.len() > 1
            && let Some(last) = columns.iter().rposition(|column| *column != Column::Place)
            && last > 0
        {
            columns.remove(last);
        }
        // Not even that much: the name alone.
        if width < 2 * usize::from(COLUMN_WIDTH) {
            columns.truncate(1);
        }
        columns
    }
}

/// A host and a port within so many columns: the host is cut, the port never.
fn shortened_place(place: &str, width_max: usize) -> String {
    let width_max = width_max.saturating_sub(GAP.into());
    let Some((host, port)) = place
        .rsplit_once(':')
        .filter(|_| measure_text_width(place) > width_max)
    else {
        return place.to_owned();
    };
    let host_max = width_max.saturating_sub(port.len() + 1);
    format!("{}:{port}", console::truncate_str(host, host_max, "…"))
}

fn details(line: &Line) -> [String; 3] {
    let host = match (&line.host, line.port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => String::new(),
    };
    let addresses = line
        .addresses
        .as_ref()
        .map(Places::joined)
        .unwrap_or_default();
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
    use expect_test::expect;
    use mdns_proto::{name::NameBuf, wire::TxtVec};
    use mdns_tokio::{Address, Instance};

    use super::*;

    fn instance(name: &str) -> Instance {
        Instance {
            name: name.parse().expect("a name"),
            host: Some("hall.local".parse().expect("a name")),
            canonical_host: Some("hall.local".parse().expect("a name")),
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
            NAME                 HOST
            東京のプリンター 10  hall.local:631
            東京のプリンター 11
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

    /// What is there to connect with stays whole, whatever else has to go.
    #[test]
    fn no_port_is_ever_cut() {
        let mut rows = found(&["A rather long name of a printer._ipp._tcp.local"]);
        let mut printer = instance("A rather long name of a printer._ipp._tcp.local");
        printer.host = Some(
            "a-host-with-a-very-long-name-indeed.local"
                .parse()
                .expect("a name"),
        );
        printer.port = Some(65535);
        printer.txt.push("path", Some(b"/somewhere")).expect("room");
        rows.tell(&Line::with_details(Kind::Resolved, &printer));
        for width in 24..200 {
            let lines = rows.lines(width, 5);
            assert!(lines[1].contains(":65535"), "{width}: {lines:?}");
            let has = |word: &str| lines[0].contains(word);
            assert!(has("ADDRESSES") || !has("ATTRIBUTES"), "{width}: {lines:?}");
            assert!(has("TYPE") || !has("ADDRESSES"), "{width}: {lines:?}");
            let is_whole = lines[1].contains("a-host-with-a-very-long-name-indeed.local:65535");
            assert!(is_whole || !has("TYPE"), "{width}: {lines:?}");
            assert!(
                lines
                    .iter()
                    .all(|line| measure_text_width(line) <= usize::from(width))
            );
        }
        assert!(rows.lines(200, 5)[1].contains("path=/somewhere"));
    }

    #[test]
    fn an_empty_table_says_so() {
        let mut rows = found(&[]);
        let lines = rows.lines(80, 5);
        assert_eq!(lines.last().map(|line| line.trim()), Some("nothing yet"));
        rows.tell(&Line::of_instance(
            Kind::Found,
            &instance("Web._http._tcp.local"),
        ));
        assert!(!rows.lines(80, 5).concat().contains("nothing yet"));
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
