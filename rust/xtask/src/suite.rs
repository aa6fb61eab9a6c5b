//! The whole test suite: each step announced, all of them run, a verdict at the end.

mod cargo;

use crate::compiler::Machine;
use crate::{abi, apt, bench, build, headers, readme, replay, size};
use anyhow::{bail, Result};
use std::time::{Duration, Instant};

/// What became of a step.
enum Outcome {
    /// This many cases passed; a step without cases is one.
    Passed(u32),
    /// Failed and passed cases, and why.
    Failed(u32, u32, String),
    /// Not run, and why.
    Skipped(String),
}

struct Step {
    name: &'static str,
    run: fn() -> Outcome,
}

const STEPS: &[Step] = &[
    Step {
        name: "Debian packages",
        run: || one(packages()),
    },
    Step {
        name: "formatting",
        run: || one(cargo::plain(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        run: || one(cargo::clippy()),
    },
    Step {
        name: "unit tests",
        run: cargo::tests,
    },
    Step {
        name: "other symbol groups",
        run: cargo::groups,
    },
    Step {
        name: "headers are up to date",
        run: || one(headers::command(&["--verify".to_string()])),
    },
    Step {
        name: "archives of all targets",
        run: || one(build::command(&[])),
    },
    Step {
        name: "the README's program",
        run: || one(readme::check()),
    },
    Step {
        name: "ABI",
        run: || one(abi::command(&[])),
    },
    Step {
        name: "replay on the host",
        run: || one(replay::host()),
    },
    Step {
        name: "replay in QEMU",
        run: || on_arm(replay::qemu),
    },
    Step {
        name: "size budget",
        run: || on_arm(|| size::command(&[])),
    },
    Step {
        name: "instruction and stack budget",
        run: || on_arm(bench::command),
    },
];

/// `test`.
pub fn run() -> Result<()> {
    let start = Instant::now();
    let mut verdicts = Vec::new();
    for (number, step) in STEPS.iter().enumerate() {
        println!("\n[{}/{}] {}", number + 1, STEPS.len(), step.name);
        let begun = Instant::now();
        let outcome = (step.run)();
        if let Outcome::Failed(_, _, why) = &outcome {
            println!("    FAILED: {why}");
        }
        verdicts.push((step.name, outcome, begun.elapsed()));
    }
    println!("\n{:.0} s in all", start.elapsed().as_secs_f32());
    finish(&verdicts)
}

fn finish(verdicts: &[(&str, Outcome, Duration)]) -> Result<()> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, outcome, time) in verdicts {
        let word = match outcome {
            Outcome::Passed(n) => {
                passed += n;
                format!("passed ({n})")
            }
            Outcome::Failed(bad, good, _) => {
                failed += bad;
                passed += good;
                format!("FAILED ({bad})")
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                format!("skipped: {why}")
            }
        };
        println!("  {name:<30} {:>6.1} s  {word}", time.as_secs_f32());
    }
    let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 {
        // The reader's last line; the exit code says the same.
        println!("{line}");
        std::process::exit(1);
    }
    println!("{line}");
    Ok(())
}

fn one(result: Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed(1),
        Err(error) => Outcome::Failed(1, 0, format!("{error:#}")),
    }
}

/// Steps that need the ARM tools are skipped, not failed, where these cannot be had.
fn on_arm(step: fn() -> Result<()>) -> Outcome {
    match Machine::CortexM4.ensure() {
        Ok(()) => one(step()),
        Err(why) => Outcome::Skipped(format!("{why:#}")),
    }
}

fn packages() -> Result<()> {
    let wanted = [apt::HOST, apt::ARM].concat();
    let missing = apt::missing(&wanted);
    if missing.is_empty() {
        println!("    all there");
        return Ok(());
    }
    apt::ensure(&wanted)?;
    let still = apt::missing(&wanted);
    if !still.is_empty() {
        bail!("could not install {}", still.join(" "));
    }
    Ok(())
}
