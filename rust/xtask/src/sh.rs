//! Running other programs, with a sign of life while they run.

use anyhow::{bail, Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often a running program is reported.
const TICK: Duration = Duration::from_secs(10);

/// The program `name` on PATH, if there is one.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// A command that does not inherit what `cargo run` put into the environment.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let leaked = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_BIN_");
        if leaked || ["CARGO", "LD_LIBRARY_PATH", "CARGO_MANIFEST_DIR"].contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
    command
}

/// Run to the end, output collected, progress on stderr every ten seconds. An exit code is no error.
pub fn output(command: &mut Command, what: &str) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let (done, ticker) = mpsc::channel::<()>();
    let what = what.to_string();
    let thread = std::thread::spawn(move || tick(&ticker, &what));
    let result = child.wait_with_output();
    drop(done);
    let _ = thread.join();
    result.with_context(|| format!("lost {}", name(command)))
}

fn tick(done: &mpsc::Receiver<()>, what: &str) {
    let start = Instant::now();
    while done.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
        eprintln!("    {what}: {} s", start.elapsed().as_secs());
    }
}

/// Run to the end; a failure is an error that carries the program's own words.
pub fn run(command: &mut Command, what: &str) -> Result<String> {
    let output = output(command, what)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let words = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    bail!("{what} failed ({})\n{}", output.status, tail(&words, 40))
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().join("\n")
}

fn name(command: &Command) -> String {
    Path::new(command.get_program()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_with_its_words() {
        let error = run(
            Command::new("sh").args(["-c", "echo why; exit 3"]),
            "a shell",
        );
        assert!(format!("{:#}", error.unwrap_err()).contains("why"));
    }

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
