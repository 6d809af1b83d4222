//! Names that were won, in a file, to begin with them the next time (RFC 6762 §9: a host keeps the name that it had to
//! choose).
//!
//! A line is a JSON object: `{"type":"_http._tcp.local","wanted":"Web","name":"Web (2)"}`, without `type` for the name of a
//! host. A name counts for as long as the same one is wanted.
//!
//! What was wanted is the base, and the number in the name is no part of it: a low number is begun with, but a high one is what a
//! long dispute has left, and then the base is tried anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use mdns_proto::name::{LABEL_MAX, ServiceType, check_host, check_instance};
use serde::{Deserialize, Serialize};

use crate::{
    files::{Kept, unreadable, unwritable},
    session::Failure,
};

/// The highest number that is begun with. Up to here numbers rise by one: so many equals are there. Beyond they rise by random steps
/// (RFC 6762 §9), and say nothing but that there was a dispute.
const NUMBER_MAX: u32 = 9;

/// The longest that a number and its signs can be, and what a character at the cut may take of the base.
const SUFFIX_MAX: usize = " (4294967295)".len() + 3;

/// What a name is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The type of a service; `None` is a host.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    service_type: Option<String>,
    /// The label that was asked for.
    wanted: String,
}

impl Wanted {
    pub(crate) fn service(service_type: &ServiceType, label: &str) -> Self {
        Wanted {
            service_type: Some(service_type.base().to_string()),
            wanted: label.to_owned(),
        }
    }

    pub(crate) fn host(label: &str) -> Self {
        Wanted {
            service_type: None,
            wanted: label.to_owned(),
        }
    }
}

impl Wanted {
    /// Whether to begin with this name, which was won in place of the wanted one; else the wanted one is tried anew.
    ///
    /// A name with several numbers was won by a program that took a name with a number for the base.
    fn is_begun_with(&self, name: &str) -> bool {
        let (mut base, mut numbers) = (name, Vec::new());
        while let Some((rest, number)) = self.without_number(base) {
            (base, numbers) = (rest, [numbers, vec![number]].concat());
            let is_cut = name.len() + SUFFIX_MAX > LABEL_MAX && self.wanted.starts_with(base);
            if base == self.wanted || is_cut {
                return numbers.len() == 1 && number <= NUMBER_MAX;
            }
        }
        // It is not the wanted one with a number: somebody else chose it, the user or a default name.
        true
    }

    /// What stands before the number at the end of a name, and the number.
    fn without_number<'n>(&self, name: &'n str) -> Option<(&'n str, u32)> {
        let (before, number) = match self.service_type {
            Some(_) => name.strip_suffix(')')?.rsplit_once(" (")?,
            None => name.rsplit_once('-')?,
        };
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        let number = number
            .parse()
            .ok()
            .filter(|_| is_number && !number.starts_with('0'))?;
        Some((before, number))
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    wanted: Wanted,
    name: String,
}

/// The names of a file.
#[derive(Debug)]
pub(crate) struct Names {
    path: PathBuf,
    file: Kept,
    won: BTreeMap<Wanted, String>,
    /// The file says something else.
    is_changed: bool,
}

impl Names {
    /// The names in a file; none if there is no such file yet.
    ///
    /// # Errors
    ///
    /// Says what in the file is wrong, or why it cannot be read, or could not be written: better now than when there is a name to be
    /// kept.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = Kept::open(path).map_err(|error| unwritable(path, &error))?;
        let text = file.read().map_err(|error| unreadable(path, &error))?;
        let won =
            parse(&text).map_err(|why| Failure::Usage(format!("{}, {why}", path.display())))?;
        Ok(Names {
            path: path.to_owned(),
            file,
            won,
            is_changed: false,
        })
    }

    /// Forgets all names but those that are wanted.
    pub(crate) fn retain(&mut self, all_wanted: &BTreeSet<&Wanted>) {
        self.won.retain(|wanted, _| all_wanted.contains(wanted));
    }

    /// The name to begin with in place of the one that is wanted, if there is one.
    pub(crate) fn first(&self, wanted: &Wanted) -> Option<&str> {
        self.won(wanted).filter(|name| wanted.is_begun_with(name))
    }

    /// The name that was won in place of the one that is wanted.
    fn won(&self, wanted: &Wanted) -> Option<&str> {
        self.won.get(wanted).map(String::as_str)
    }

    /// Keeps a name from the next [`save`](Self::save) on.
    pub(crate) fn keep(&mut self, wanted: &Wanted, name: &str) {
        if self.won(wanted) != Some(name) {
            self.won.insert(wanted.clone(), name.to_owned());
            self.is_changed = true;
        }
    }

    /// Writes the file anew, if it says something else.
    ///
    /// # Errors
    ///
    /// Says why it cannot be written. It is as it was then.
    pub(crate) fn save(&mut self) -> Result<(), String> {
        match std::mem::take(&mut self.is_changed) {
            false => Ok(()),
            true => self
                .file
                .write(&self.text())
                .map_err(|error| format!("{} cannot be written: {error}", self.path.display())),
        }
    }

    /// What the file is to say.
    fn text(&self) -> String {
        let line = |(wanted, name): (&Wanted, &String)| {
            let line = Line {
                wanted: wanted.clone(),
                name: name.clone(),
            };
            // Two or three strings are always JSON.
            serde_json::to_string(&line).unwrap_or_default() + "\n"
        };
        self.won.iter().map(line).collect()
    }
}

fn parse(text: &str) -> Result<BTreeMap<Wanted, String>, String> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| parse_line(line).map_err(|why| format!("line {number}: {why}")))
        .collect()
}

fn parse_line(line: &str) -> Result<(Wanted, String), String> {
    let Line { wanted, name } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let checked = match wanted.service_type {
        Some(_) => check_instance(&name),
        None => check_host(&name),
    };
    match checked {
        Ok(()) => Ok((wanted, name)),
        Err(error) => Err(format!("name {name:?}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Wanted {
        Wanted::service(&"_http._tcp".parse().expect("a type"), "Web")
    }

    /// Why a file is none of names.
    fn refused(path: &Path) -> String {
        match Names::open(path) {
            Err(Failure::Usage(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_outlive_the_program() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("names");
        let mut names = Names::open(&path).expect("no file yet");
        assert_eq!(names.won(&web()), None);
        names.keep(&web(), "Web (2)");
        names.save().expect("a file");
        names.keep(&Wanted::host("hall"), "hall-2");
        names.keep(&web(), "Web (3)");
        names.save().expect("a file");

        let mut names = Names::open(&path).expect("a file");
        assert_eq!(names.won(&web()), Some("Web (3)"));
        assert_eq!(names.won(&Wanted::host("hall")), Some("hall-2"));
        assert_eq!(names.won(&Wanted::host("attic")), None);
        // What says nothing new is not written.
        std::fs::remove_file(&path).expect("the file");
        names.keep(&web(), "Web (3)");
        names.save().expect("no file");
        // Nothing is left beside it.
        let files = std::fs::read_dir(directory.path()).expect("a directory");
        assert_eq!(files.count(), 0);

        names.retain(&[&web()].into());
        names.keep(&web(), "Web");
        names.save().expect("a file");
        assert_eq!(
            std::fs::read_to_string(&path).expect("a file"),
            "{\"type\":\"_http._tcp.local\",\"wanted\":\"Web\",\"name\":\"Web\"}\n"
        );
    }

    /// The number is apart from the base: a low one is begun with, after a dispute the base is; nothing makes a number part of the base.
    #[test]
    fn what_a_dispute_has_left_is_not_begun_with() {
        let long = "x".repeat(60);
        let cut = |suffix: &str| {
            format!(
                "{}{suffix}",
                &long[..LABEL_MAX.min(60 + suffix.len()) - suffix.len()]
            )
        };
        let service = |label: &str| Wanted::service(&"_http._tcp".parse().expect("a type"), label);
        for (wanted, name, is_first) in [
            (service("Web"), "Web", true),
            (service("Web"), "Web (2)", true),
            (service("Web"), "Web (9)", true),
            (service("Web"), "Web (10)", false),
            (service("Web"), "Web (1479015)", false),
            (service("Web"), "Web (1479015) (2)", false),
            (service("Web"), "Web (2) (2)", false),
            // The base has a number itself.
            (service("Web (2)"), "Web (2)", true),
            (service("Web (2)"), "Web (2) (2)", true),
            (service("Web (2)"), "Web (2) (2) (2)", false),
            (service(&long), &cut(" (2)"), true),
            (service(&long), &cut(" (12)"), false),
            // The user has written it.
            (service("Web"), "Other (77)", true),
            (service("Web"), "Web (02)", true),
            (service("Web"), "Web (+2)", true),
            (Wanted::host("hall"), "hall-7", true),
            (Wanted::host("hall"), "hall-12", false),
            (Wanted::host("hall"), "hall-2-2", false),
            (Wanted::host("hall"), "hall-wxyz", true),
            (Wanted::host("hall-2"), "hall-2-2", true),
        ] {
            let line = serde_json::to_string(&Line {
                wanted: wanted.clone(),
                name: name.to_owned(),
            });
            let names = Names {
                path: PathBuf::new(),
                file: Kept::Nowhere,
                won: parse(&line.expect("JSON")).expect("a name"),
                is_changed: false,
            };
            assert_eq!(names.first(&wanted), is_first.then_some(name), "{wanted:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("names");
        let good = r#"{"wanted":"hall","name":"hall-2"}"#;
        for (bad, why) in [
            ("nonsense", "expected"),
            ("", "EOF"),
            ("{}", "missing field"),
            (r#"{"wanted":"a","name":"a.b"}"#, "name \"a.b\""),
            (r#"{"type":"_http._tcp","wanted":"a","name":""}"#, "empty"),
        ] {
            std::fs::write(&path, format!("{good}\n{bad}\n")).expect("a file");
            let error = refused(&path);
            let place = format!("{}, line 2: ", path.display());
            assert!(error.starts_with(&place) && error.contains(why), "{error}");
        }
        for path in [directory.path().to_owned(), path.join("in-a-file")] {
            let error = refused(&path);
            assert!(error.starts_with(path.to_str().expect("UTF-8")), "{error}");
        }
        let error = refused(Path::new("/no/such/directory/names"));
        assert!(error.contains("cannot be written"), "{error}");
    }
}
