//! The program in README.md: identical with examples/minimal/main.c, compiled without a warning,
//! linked with the archive of the host, and run.

use crate::compiler::{Machine, STRICT};
use crate::{build, sh, workspace};
use anyhow::{ensure, Context, Result};

/// Longest program the README may show.
const LINES: usize = 45;
/// What the program writes: the reply to an echo of "hi".
const REPLY: &[u8] = b"\x03\x00\x00\x07\x00\x00\x00\x00\xbfarbhi\xff";

/// One step of `test`.
pub fn check() -> Result<()> {
    let readme = workspace::read_text(&workspace::root().join("README.md"))?;
    let source = workspace::root().join("examples/minimal/main.c");
    let block = block(&readme).context("README.md has no block of C")?;
    let same = block == workspace::read_text(&source)?;
    ensure!(same, "README.md and examples/minimal/main.c differ");
    let lines = block.lines().count();
    ensure!(lines <= LINES, "{lines} lines of C are more than {LINES}");

    let archive = build::build(Machine::Host.target(), None)?;
    let program = workspace::out_dir(Machine::Host.target())?.join("minimal");
    let mut gcc = Machine::Host.compiler("gcc");
    gcc.arg("-std=c99").args(STRICT).arg(&source).arg(&archive);
    sh::run(
        gcc.arg("-o").arg(&program),
        "compiling the README's program",
    )?;
    let output = sh::output(&mut sh::command(&program), "the README's program")?;
    ensure!(
        output.status.success(),
        "the program failed ({})",
        output.status
    );
    ensure!(
        output.stdout == REPLY,
        "the program answered {:02x?}",
        output.stdout
    );
    println!("    {lines} lines of C compile, link and answer");
    Ok(())
}

/// The first block of C.
fn block(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\n```c\n")?;
    let end = rest.find("\n```\n")?;
    rest.get(..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_c_is_found_with_its_last_newline() {
        let text = "a\n```sh\nx\n```\n\n```c\nint a;\nint b;\n```\nb\n```c\nno\n```\n";
        assert_eq!(block(text), Some("int a;\nint b;\n"));
        assert_eq!(block("no code"), None);
    }
}
