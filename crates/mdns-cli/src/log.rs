//! What the libraries log, on standard error, if `RUST_LOG` asks for it.
//!
//! `RUST_LOG=debug` shows all up to a level (`error`, `warn`, `info`, `debug`, `trace`), `RUST_LOG=mdns_driver=debug` those of a module;
//! several go with commas.

use std::{
    env,
    io::{self, Write},
};

use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{output::ERROR, text::escaped};

/// Shows what `RUST_LOG` asks for; nothing if it is not set or empty.
///
/// # Errors
///
/// Says what in `RUST_LOG` makes no sense.
pub(crate) fn start() -> Result<(), String> {
    let wanted = env::var_os("RUST_LOG").unwrap_or_default();
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted = wanted.to_string_lossy();
    let targets: Targets = wanted
        .parse()
        .map_err(|error| format!("RUST_LOG={wanted}: {error}"))?;
    let lines = fmt::layer()
        .with_ansi(false)
        .with_writer(|| Escaping(&ERROR));
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .try_init()
        .map_err(|error| format!("RUST_LOG: {error}"))
}

/// Escapes what is written: names of others are in it.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    /// Takes whole events, as the layer writes them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .write_all(escaped(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: SEC-19
    #[test]
    fn log_lines_command_no_terminal() {
        let mut written = Vec::new();
        let name = "\u{1b}[2J\u{200b}";
        writeln!(Escaping(&mut written), "name={name}").expect("written");
        assert_eq!(written, b"name=\\027[2J\\226\\128\\139\n");
    }
}
