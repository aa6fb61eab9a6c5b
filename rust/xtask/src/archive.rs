//! From what rustc leaves to what a firmware links.
//!
//! rustc's archive holds the kit as one object, Rust's copies of memcpy and of the division
//! helpers, and a few symbols of Rust's runtime. A C firmware has the former in its libc and
//! libgcc, and another Rust library in the same image would clash with the latter. So the
//! published archive drops the first and makes the second local.

use crate::localise::localise;
use crate::workspace;
use anyhow::{bail, Context, Result};
use ar_archive_writer::{
    write_archive_to_stream, ArchiveKind, NewArchiveMember, DEFAULT_OBJECT_READER,
};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

/// The global symbols of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// Defined in it.
    pub defined: BTreeSet<String>,
    /// Wanted from elsewhere.
    pub undefined: BTreeSet<String>,
}

/// Write the archive for firmware authors to `out`; returns the number of its global symbols.
pub fn publish(raw: &Path, out: &Path) -> Result<usize> {
    let data = std::fs::read(raw).with_context(|| format!("cannot read {}", raw.display()))?;
    let mut members = Vec::new();
    for (name, object) in members_of(&data)? {
        if is_kit(&name) {
            let object = localise(object, |symbol| !is_api(symbol))
                .with_context(|| format!("rewriting {name}"))?;
            let name = format!("smpkit{}.o", members.len());
            members.push(NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, name));
        }
    }
    let mut stream = Cursor::new(Vec::new());
    write_archive_to_stream(&mut stream, &members, ArchiveKind::Gnu, false, None)?;
    workspace::write(out, stream.into_inner())?;
    Ok(symbols(out)?.defined.len())
}

fn members_of(data: &[u8]) -> Result<Vec<(String, &[u8])>> {
    let archive = ArchiveFile::parse(data)?;
    let mut found = Vec::new();
    for member in archive.members() {
        let member = member?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        found.push((name, member.data(data)?));
    }
    Ok(found)
}

/// The one object that link-time optimisation makes of the kit and of what it uses of core.
fn is_kit(member: &str) -> bool {
    member.starts_with("smpkit-") && member.ends_with(".o")
}

/// A C name of the kit, as opposed to a symbol of Rust's runtime.
fn is_api(name: &str) -> bool {
    !name.starts_with('_') && !name.starts_with("rust_") && !name.contains('$')
}

/// The global symbols of the archive at `path`.
pub fn symbols(path: &Path) -> Result<Symbols> {
    let data = std::fs::read(path)
        .with_context(|| format!("no {}: run cargo xtask build", workspace::show(path)))?;
    let mut all = Symbols::default();
    for (name, object) in members_of(&data)? {
        let file = object::File::parse(object).with_context(|| name.clone())?;
        for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
            let set = if symbol.is_undefined() {
                &mut all.undefined
            } else {
                &mut all.defined
            };
            set.insert(symbol.name()?.to_string());
        }
    }
    all.undefined = &all.undefined - &all.defined;
    if all.defined.is_empty() {
        bail!("{} defines nothing", workspace::show(path));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_runtime_symbols_are_not_api() {
        for name in [
            "rust_begin_unwind",
            "rust_eh_personality",
            "_RNvCs1234_7___rustc17rust_begin_unwind",
            "_ZN4core9panicking5panic17h0123456789abcdefE",
            "__rust_alloc",
        ] {
            assert!(!is_api(name), "{name}");
        }
        for name in ["smpkit_init", "img_mgmt_impl_erase_slot", "flash_area_open"] {
            assert!(is_api(name), "{name}");
        }
    }

    #[test]
    fn builtins_and_metadata_are_left_out() {
        assert!(!is_kit(
            "compiler_builtins-1a2b.compiler_builtins.cgu.0.rcgu.o"
        ));
        assert!(!is_kit("45c91108d938afe8-absvdi2.o"));
        assert!(!is_kit("lib.rmeta"));
        assert!(is_kit("smpkit-1a2b.smpkit.cgu.0.rcgu.o"));
    }
}
