//! Commands that can be shown as a person would type them, and where things are.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::available_parallelism,
};

use anyhow::{Context as _, Result, ensure};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where something was measured: `on 2 cores, Linux 6.1`.
pub(crate) fn machine() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // 6.1 of 6.1.0-13-amd64: the rest names a build.
    let version: Vec<_> = kernel.trim().splitn(3, '.').take(2).collect();
    format!("on {cores} cores, Linux {}", version.join("."))
}

/// A command run from the root of the workspace, without standard input.
pub(crate) struct Shell {
    env: Vec<(&'static str, OsString)>,
    program: OsString,
    args: Vec<OsString>,
}

impl Shell {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Shell {
            env: Vec::new(),
            program: program.into(),
            args: Vec::new(),
        }
    }

    /// `cargo` with the words of `line`.
    pub(crate) fn cargo(line: &str) -> Self {
        Shell::new("cargo").args(line.split_whitespace())
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(root())
            .stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it with its output on the terminal.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self
            .command()
            .status()
            .with_context(|| format!("cannot run `{self}`"))?;
        ensure!(status.success(), "`{self}` failed ({status})");
        Ok(())
    }

    /// Runs it and returns what it printed; its errors show only when it fails.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self
            .command()
            .output()
            .with_context(|| format!("cannot run `{self}`"))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`{self}` failed ({}): {}",
            output.status,
            stderr.trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl fmt::Display for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// As a shell would need it written.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Is there a program of this name on the path?
pub(crate) fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // A user's path often leaves these out, and daemons live there.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(more)
        .any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_as_it_is_typed() {
        let shell = Shell::cargo("doc --no-deps")
            .args(["it's"])
            .env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            shell.to_string(),
            r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'"
        );
    }
}
