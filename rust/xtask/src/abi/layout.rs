//! Sizes and offsets of the public structs.
//!
//! The compiler is asked with arrays whose lengths are the numbers wanted; their sizes stand in the
//! object file, so the answer for ARM needs no ARM to run on.

use super::lists;
use crate::compiler::Machine;
use crate::{headers, sh, workspace};
use anyhow::Result;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::path::Path;

pub fn check(bless: bool) -> Result<()> {
    for machine in Machine::ALL {
        let mut lines = BTreeSet::new();
        for header in headers::paths() {
            measure(machine, &header, &mut lines)?;
        }
        let list = format!("layout_{}.txt", machine.name());
        let comment = "Struct sizes and member offsets in bytes.";
        lists::check(&list, comment, &lines, bless)?;
    }
    Ok(())
}

/// A C file with one array for each size and each offset. Lengths are the number plus 1. Headers
/// of other dialects declare the same names, so each has a file of its own.
fn probe(header: &Path) -> Result<String> {
    let name = header.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!("#include <stddef.h>\n#include \"{name}\"\n");
    for (tag, members) in structs(&workspace::read_text(header)?) {
        text += &format!("char size__{tag}[sizeof(struct {tag}) + 1];\n");
        for member in members {
            text +=
                &format!("char at__{tag}__DOT__{member}[offsetof(struct {tag}, {member}) + 1];\n");
        }
    }
    Ok(text)
}

fn measure(machine: Machine, header: &Path, lines: &mut BTreeSet<String>) -> Result<()> {
    let dir = workspace::out_dir("abi")?;
    let (source, out) = (dir.join("layout.c"), dir.join("layout.o"));
    workspace::write(&source, probe(header)?)?;
    let mut gcc = machine.compiler("gcc");
    gcc.args(["-std=c99", "-fno-common", "-c"]);
    sh::run(gcc.arg(&source).arg("-o").arg(&out), "the layout probe")?;
    let data = std::fs::read(&out)?;
    let file = object::File::parse(&*data)?;
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
        if let Some(name) = readable(symbol.name()?) {
            lines.insert(format!("{name} {}", symbol.size() - 1));
        }
    }
    Ok(())
}

fn readable(symbol: &str) -> Option<String> {
    if let Some(tag) = symbol.strip_prefix("size__") {
        return Some(format!("{tag} size"));
    }
    let member = symbol.strip_prefix("at__")?;
    Some(member.replace("__DOT__", "."))
}

/// Tags of the structs a header defines, with their members.
fn structs(header: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in code(header).lines().map(str::trim) {
        if let Some(tag) = opened(line) {
            found.push((tag.to_string(), Vec::new()));
            inside = true;
        } else if line.starts_with('}') {
            inside = false;
        } else if inside {
            let members = found.last_mut().map(|(_, members)| members);
            if let (Some(members), Some(name)) = (members, member(line)) {
                members.push(name);
            }
        }
    }
    found
}

fn opened(line: &str) -> Option<&str> {
    line.strip_prefix("struct ")?.strip_suffix(" {")
}

/// The header without comments, each declaration on one line.
fn code(header: &str) -> String {
    let mut out = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        out += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out += rest;
    let mut joined = String::new();
    let mut depth = 0i32;
    for c in out.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        joined.push(if c == '\n' && depth > 0 { ' ' } else { c });
    }
    joined
}

/// The name a member declaration declares: `uint32_t a;`, `char b[16];`, `int (*c)(void);`.
fn member(line: &str) -> Option<String> {
    let text = line.strip_suffix(';')?;
    let name = match text.split_once("(*") {
        Some((_, rest)) => rest.split(')').next()?,
        None => text.split('[').next()?.rsplit([' ', '*']).next()?,
    };
    (!name.is_empty()).then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_every_form_are_found() {
        let header = "\
struct smpkit_x {
    /** A comment; with int no; */
    uint32_t a;
    const char *b;
    char c[16];
    int32_t (*d)(void *ctx,
                 uint32_t len);
};
int32_t f(struct smpkit_x *x);
";
        let found = structs(header);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "smpkit_x");
        assert_eq!(found[0].1, ["a", "b", "c", "d"]);
    }

    #[test]
    fn symbol_names_become_lines() {
        assert_eq!(readable("size__smpkit").as_deref(), Some("smpkit size"));
        assert_eq!(
            readable("at__smpkit_port__DOT__ctx").as_deref(),
            Some("smpkit_port.ctx")
        );
        assert_eq!(readable("main"), None);
    }
}
