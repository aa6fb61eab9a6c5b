//! Committed lists and how they are compared.

use crate::workspace;
use anyhow::{bail, Result};
use std::collections::BTreeSet;

/// The lines of a committed list, without comments and blank lines.
pub fn read(name: &str) -> Result<BTreeSet<String>> {
    let text = workspace::read_text(&super::dir().join(name))?;
    Ok(lines(&text))
}

fn lines(text: &str) -> BTreeSet<String> {
    let trimmed = text.lines().map(str::trim);
    let kept = trimmed.filter(|line| !line.is_empty() && !line.starts_with('#'));
    kept.map(str::to_string).collect()
}

/// Compare what is with the committed list, or write the list.
pub fn check(name: &str, comment: &str, is: &BTreeSet<String>, bless: bool) -> Result<()> {
    let path = super::dir().join(name);
    if bless {
        let body: Vec<&str> = is.iter().map(String::as_str).collect();
        workspace::write(&path, format!("# {comment}\n{}\n", body.join("\n")))?;
        println!("    {} written", workspace::show(&path));
        return Ok(());
    }
    let differences = differences(&read(name)?, is);
    if !differences.is_empty() {
        bail!(
            "{} differs (- listed, + is); if meant, cargo xtask abi --bless\n{}",
            workspace::show(&path),
            differences.join("\n")
        );
    }
    println!("    {}: {} lines equal", workspace::show(&path), is.len());
    Ok(())
}

fn differences(listed: &BTreeSet<String>, is: &BTreeSet<String>) -> Vec<String> {
    let gone = (listed - is).into_iter().map(|line| format!("  - {line}"));
    let new = (is - listed).into_iter().map(|line| format!("  + {line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_and_a_new_line_are_told_apart() {
        let listed = lines("# names\na\nb\n");
        let is = lines("b\nc\n");
        assert_eq!(differences(&listed, &is), ["  - a", "  + c"]);
        assert!(differences(&is, &is).is_empty());
    }
}
