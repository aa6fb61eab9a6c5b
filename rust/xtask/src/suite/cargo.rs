//! Steps that cargo does.

use super::Outcome;
use crate::{sh, workspace};
use anyhow::Result;

/// A cargo command that passes or fails.
pub fn plain(args: &[&str]) -> Result<()> {
    let mut cargo = sh::command("cargo");
    cargo.args(args).current_dir(workspace::root());
    sh::run(&mut cargo, &format!("cargo {}", args.join(" "))).map(drop)
}

/// Clippy over the workspace. The C API without its test cfg is `no_std`, so it goes alone.
pub fn clippy() -> Result<()> {
    let strict = ["--", "-D", "warnings"];
    let rest = [
        "clippy",
        "--workspace",
        "--exclude",
        "smpkit",
        "--all-targets",
    ];
    plain(&[&rest[..], &strict[..]].concat())?;
    let kit = ["clippy", "--package", "smpkit", "--lib", "--release"];
    plain(&[&kit[..], &strict[..]].concat())?;
    let mcuboot = [
        "--no-default-features",
        "--features",
        "panic-handler,dialect-mcuboot",
    ];
    plain(&[&kit[..], &mcuboot[..], &strict[..]].concat())
}

/// `cargo test` of the workspace, counted.
pub fn tests() -> Outcome {
    test(&["--workspace"])
}

/// The symbol groups that the defaults leave out, each without the others.
pub fn groups() -> Outcome {
    let mut passed = 0;
    for features in ["dialect-mcuboot", "boot-api", "img-mgmt,img-read-exact"] {
        println!("    with {features} alone");
        let package = ["--package", "smpkit", "--no-default-features"];
        match test(&[&package[..], &["--features", features]].concat()) {
            Outcome::Passed(more) => passed += more,
            other => return other,
        }
    }
    Outcome::Passed(passed)
}

fn test(args: &[&str]) -> Outcome {
    let mut cargo = sh::command("cargo");
    cargo.args(["test", "--no-fail-fast"]).args(args);
    cargo.current_dir(workspace::root());
    let output = match sh::output(&mut cargo, "cargo test") {
        Ok(output) => output,
        Err(error) => return Outcome::Failed(1, 0, format!("{error:#}")),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (passed, failed, ignored) = count(&text);
    println!("    {passed} tests passed, {failed} failed, {ignored} ignored");
    if output.status.success() && passed > 0 {
        return Outcome::Passed(passed);
    }
    Outcome::Failed(failed.max(1), passed, explain(&text, &output.stderr))
}

/// What a reader needs of a failed run: the tests that failed with their words, or why nothing ran.
fn explain(stdout: &str, stderr: &[u8]) -> String {
    let failures: Vec<&str> = stdout
        .split("\nfailures:\n")
        .skip(1)
        .filter_map(|part| part.split("\ntest result:").next())
        .collect();
    if failures.is_empty() {
        return sh::tail(&String::from_utf8_lossy(stderr), 30);
    }
    sh::tail(&failures.join("\n"), 60)
}

/// Sums over the "test result:" lines.
fn count(text: &str) -> (u32, u32, u32) {
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        passed += before(line, " passed");
        failed += before(line, " failed");
        ignored += before(line, " ignored");
    }
    (passed, failed, ignored)
}

/// The number in front of a word.
fn before(line: &str, word: &str) -> u32 {
    let text = line.split(word).next().unwrap_or_default();
    let number = text.rsplit(' ').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_quoted() {
        let out = "test a ... ok\n\nfailures:\n\n---- b stdout ----\nwords\n\ntest result: FAILED.";
        assert!(explain(out, b"").contains("words"));
        assert_eq!(explain("test a ... ok\n", b"error: x"), "error: x");
    }

    #[test]
    fn test_results_are_summed() {
        let text = "\
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
noise 9 passed
test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(count(text), (5, 4, 1));
    }
}
