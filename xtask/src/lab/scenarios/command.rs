//! The command line: what is refused, and how commands end.

use anyhow::{Result, ensure};

use crate::lab::{
    Context, Lab,
    net::Families,
    stack::{SOON, mdns},
};

/// Arguments, and what the message has to name.
const BAD: [(&[&str], &str); 20] = [
    (&["browse", "http"], "http"),
    (&["browse", "_http"], "_http"),
    (&["browse", "_http._sctp"], "_sctp"),
    (&["browse", "_a-name-of-sixteen._tcp"], "_a-name-of-sixteen"),
    (
        &["browse", "_http._tcp", "--interface", "nosuch0"],
        "nosuch0",
    ),
    (&["browse", "_http._tcp", "--timeout", "soon"], "soon"),
    (&["browse", "_http._tcp", "--count", "-1"], "-1"),
    (&["resolve", "no type at all"], "no type at all"),
    (&["resolve", "._http._tcp"], "_http._tcp"),
    (&["lookup", ""], "label"),
    (&["lookup", "a..local"], "a..local"),
    (&["advertise", "Name", "http", "80"], "http"),
    (&["advertise", "Name", "_http._tcp", "65536"], "65536"),
    (&["advertise", "Name", "_http._tcp", "eighty"], "eighty"),
    (&["advertise", "", "_http._tcp", "80"], "name"),
    (
        &[
            "advertise",
            "A name of more than sixty-three bytes does not fit in one DNS label",
            "_http._tcp",
            "80",
        ],
        "63",
    ),
    (
        &["advertise", "Name", "_http._tcp", "80", "--txt", "=value"],
        "=value",
    ),
    (
        &["advertise", "Name", "_http._tcp", "80", "--subtype", ""],
        "subtype",
    ),
    (
        &[
            "advertise",
            "Name",
            "_http._tcp",
            "80",
            "--host",
            "two.labels",
        ],
        "two.labels",
    ),
    (&["advertise", "Name", "_http._tcp"], "PORT"),
];

pub(super) fn bad_input(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 1, Families::V4)?;
    for (args, named) in BAD {
        let output = mdns(context, lab.host(1), args)?.output(SOON)?;
        let said = output.stderr.trim();
        ensure!(
            output.status.code() == Some(2),
            "mdns {args:?} ended with {}, saying {said:?}",
            output.status
        );
        ensure!(
            said.contains(named),
            "mdns {args:?} does not name {named:?}: {said:?}"
        );
        ensure!(
            output.stdout.is_empty(),
            "mdns {args:?} wrote {:?} to its output",
            output.stdout
        );
    }
    Ok(())
}

/// An empty network: exit code 1, when the time is up.
pub(super) fn nothing_found(context: &Context) -> Result<()> {
    let lab = Lab::new(context, 1, Families::V4)?;
    let commands: [&[&str]; 3] = [
        &["browse", "_http._tcp"],
        &["resolve", "Nobody._http._tcp"],
        &["lookup", "nobody.local"],
    ];
    for args in commands {
        let output =
            mdns(context, lab.host(1), &[args, &["--timeout", "1"]].concat())?.output(SOON)?;
        ensure!(
            output.status.code() == Some(1),
            "mdns {args:?} ended with {}: {}",
            output.status,
            output.stderr
        );
    }
    Ok(())
}
