//! `cargo xtask exchanges`: the protocol's exchanges as sequence charts, drawn from the stories of `mdns-proto`.
//!
//! A story's transcript is in its source and is proved by its test; here its lines become arrows. What goes to the group is an
//! arrow to `the link`, what goes to one host an arrow to that host, and what a host tells its application a note.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};

use crate::shell::root;

const STORIES: &str = "crates/mdns-proto/tests/stories";
const PAGE: &str = "docs/exchanges.md";

/// What is shown: heading, file, story, and which of its pages.
const EXCHANGES: [(&str, &str, &str, usize); 9] = [
    (
        "Start-up",
        "startup",
        "a_host_and_its_service_introduce_themselves",
        0,
    ),
    (
        "Simultaneous start, and a tie",
        "conflict",
        "the_loser_of_a_tie_asks_again_before_it_gives_up",
        0,
    ),
    (
        "Conflict while probing",
        "conflict",
        "the_second_printer_finds_another_name",
        0,
    ),
    (
        "Conflict of two that are established",
        "conflict",
        "two_printers_meet_when_their_segments_are_joined",
        0,
    ),
    (
        "Known answers",
        "answers",
        "an_answer_that_is_known_is_not_given",
        0,
    ),
    (
        "Known answers in several packets",
        "answers",
        "known_answers_in_a_second_packet_are_waited_for",
        0,
    ),
    ("Goodbye", "goodbye", "a_withdrawn_service_says_goodbye", 0),
    (
        "Browse and resolve",
        "discovery",
        "a_browser_finds_a_printer_and_loses_it",
        0,
    ),
    (
        "An instance resolved by name",
        "discovery",
        "an_instance_is_resolved_by_name",
        0,
    ),
];

/// Writes the page.
pub(crate) fn run() -> Result<()> {
    let file = root().join(PAGE);
    fs::write(&file, page()?).with_context(|| file.display().to_string())?;
    println!("written: {}", file.display());
    Ok(())
}

/// Whether the page says what the stories say.
pub(crate) fn check() -> Result<()> {
    let file = root().join(PAGE);
    let committed = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    ensure!(
        committed == page()?,
        "{PAGE} is stale; `cargo xtask exchanges` writes it"
    );
    Ok(())
}

fn page() -> Result<String> {
    let mut page = String::from(
        "# Exchanges\n\n\
        What is said on the wire, as sequence charts. Written by `cargo xtask exchanges` from the stories that prove it; do not \
        edit.\n\n\
        Times are in seconds. `QU` marks a question that welcomes a unicast answer, `for` what a probe proposes, `knows` what a \
        question knows already, `!` the cache-flush bit, `bye` a TTL of zero, `(+ ..)` additional records. `.local` is left out, \
        and so is the service type `_ipp._tcp`.\n",
    );
    for (heading, file, name, at) in EXCHANGES {
        let path = format!("{STORIES}/{file}.rs");
        let text = fs::read_to_string(root().join(&path)).with_context(|| path.clone())?;
        let story =
            Story::find(&text, name, at).with_context(|| format!("{path} has no story {name}"))?;
        write!(page, "\n## {heading}\n\n{}\n\n", story.about)?;
        write!(page, "```mermaid\n{}```\n\n", story.chart())?;
        writeln!(page, "[`{name}`](../{path})")?;
    }
    Ok(page)
}

/// A story as its source tells it.
struct Story<'t> {
    /// What its doc comment says.
    about: String,
    /// The lines of one transcript.
    lines: Vec<&'t str>,
}

impl<'t> Story<'t> {
    /// Finds a story by the name of its test, and the page of that number in it.
    fn find(source: &'t str, name: &str, at: usize) -> Option<Self> {
        let (before, after) = source.split_once(&format!("\nfn {name}()"))?;
        let mut about: Vec<&str> = before
            .lines()
            .rev()
            .skip_while(|line| !line.starts_with("///"))
            .map_while(|line| line.strip_prefix("///"))
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("covers:"))
            .collect();
        about.reverse();
        let body = after.split("\n}\n").next()?;
        let page = body.split("expect![[r#\"").nth(at + 1)?;
        let lines = page.split("\"#]]").next()?.lines().map(str::trim);
        Some(Story {
            about: about.join(" "),
            lines: lines.filter(|line| !line.is_empty()).collect(),
        })
    }

    /// The transcript as a mermaid chart.
    fn chart(&self) -> String {
        let lines: Vec<_> = self
            .lines
            .iter()
            .filter_map(|line| Line::parse(line))
            .collect();
        let mut hosts: Vec<&str> = Vec::new();
        for host in lines
            .iter()
            .flat_map(|line| [Some(line.host), line.to])
            .flatten()
        {
            if host != "net" && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let mut chart = String::from("sequenceDiagram\n");
        // The link in the middle, or at the right of one alone.
        for (at, host) in hosts.iter().enumerate() {
            let _ = writeln!(chart, "    participant {}", id(host));
            if at == 0 {
                chart.push_str("    participant link as the link\n");
            }
        }
        for line in &lines {
            let text = format!("{} {} {}", line.at, line.verb, line.what);
            let text = escape(text.trim_end());
            let _ = match (line.is_packet(), line.to, line.host) {
                (true, Some(to), host) => writeln!(chart, "    {}->>{}: {text}", id(host), id(to)),
                (true, None, host) => writeln!(chart, "    {}->>link: {text}", id(host)),
                (false, _, "net") => writeln!(chart, "    Note over link: {text}"),
                (false, _, host) => writeln!(chart, "    Note over {}: {text}", id(host)),
            };
        }
        chart
    }
}

/// A line of a transcript: `3.165 hall   says     to attic  Printer TXT!`.
struct Line<'t> {
    at: &'t str,
    host: &'t str,
    verb: &'t str,
    /// The host it goes to alone.
    to: Option<&'t str>,
    what: &'t str,
}

impl<'t> Line<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let (at, rest) = line.split_once(' ')?;
        let (host, rest) = rest.trim_start().split_once(' ')?;
        let rest = rest.trim_start();
        let (verb, what) = rest.split_once(' ').unwrap_or((rest, ""));
        let what = what.trim_start();
        let unicast = what
            .strip_prefix("to ")
            .and_then(|what| what.split_once("  "));
        let (to, what) = match unicast {
            // A port, if it is not that of mDNS, is left out.
            Some((to, what)) => (to.split(':').next(), what),
            None => (None, what),
        };
        Some(Line {
            at,
            host,
            verb,
            to,
            what,
        })
    }

    fn is_packet(&self) -> bool {
        ["asks", "says", "sends"].contains(&self.verb)
    }
}

/// A name that mermaid takes: the interface of a host is part of it.
fn id(host: &str) -> String {
    host.replace('/', "_")
}

/// Text as mermaid takes it, with a new line before each part of a message.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '#' | ';' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped.replace("  ", "<br/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/// Not this.\n#[test]\nfn other() {}\n\n/// Two meet\n/// (§9).\n///\n/// covers: none (a test)\n#[test]\n\
        fn two_meet() {\n    net.expect(expect![[r#\"\n        3.165 hall   says     to attic  Printer TXT!  (+ hall A!; x)\n        \
        3.170 attic  renames  Printer -> Printer (2)\n    \"#]]);\n}\n";

    /// covers: none (a chore)
    #[test]
    fn a_transcript_becomes_arrows_and_notes() {
        let story = Story::find(SOURCE, "two_meet", 0).expect("a story");
        assert_eq!(story.about, "Two meet (§9).");
        assert_eq!(
            story.chart(),
            "sequenceDiagram\n    participant hall\n    participant link as the link\n    participant attic\n    \
            hall->>attic: 3.165 says Printer TXT!<br/>(+ hall A!#59; x)\n    \
            Note over attic: 3.170 renames Printer -> Printer (2)\n"
        );
        assert!(Story::find(SOURCE, "two_meet", 1).is_none());
        assert!(Story::find(SOURCE, "nobody", 0).is_none());
    }
}
