//! Which Rust builds for which target.
//!
//! 1. cargo on PATH, when it has the target's core library;
//! 2. the same after `rustup target add`;
//! 3. Debian's cargo and rustc, which build core from Debian's sources.

use crate::{apt, sh, workspace};
use anyhow::{bail, Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The host: always there, and what the tests run on.
pub const HOST: &str = "x86_64-unknown-linux-gnu";
/// The target budgets are stated for.
pub const CORTEX_M4: &str = "thumbv7em-none-eabihf";
/// Everything `cargo xtask build` builds.
pub const TARGETS: &[&str] = &[
    HOST,
    CORTEX_M4,
    "thumbv7em-none-eabi",
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv8m.main-none-eabihf",
    "riscv32imac-unknown-none-elf",
];

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A way to build for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// cargo on PATH with a precompiled core.
    Path,
    /// Debian's cargo, core built from source.
    Debian,
}

impl Toolchain {
    /// As written into the file that remembers the choice.
    pub fn name(self) -> &'static str {
        match self {
            Toolchain::Path => "rustup",
            Toolchain::Debian => "debian",
        }
    }

    fn parse(text: &str) -> Option<Toolchain> {
        let all = [Toolchain::Path, Toolchain::Debian];
        all.into_iter().find(|one| one.name() == text.trim())
    }

    /// `cargo build` for `target`, with what this toolchain needs.
    pub fn cargo_build(self, target: &str) -> Command {
        let mut command = match self {
            Toolchain::Path => sh::command("cargo"),
            Toolchain::Debian => sh::command(DEBIAN_CARGO),
        };
        command.args(["build", "--release", "--target", target]);
        if self == Toolchain::Debian {
            command.env("RUSTC", DEBIAN_RUSTC);
            command.env("RUSTC_BOOTSTRAP", "1");
            command.env_remove("RUSTUP_TOOLCHAIN");
            command.arg("-Zbuild-std=core");
        }
        command
    }

    /// Where this toolchain's rustc keeps its own files.
    pub fn sysroot(self) -> Result<PathBuf> {
        let rustc = match self {
            Toolchain::Path => "rustc",
            Toolchain::Debian => DEBIAN_RUSTC,
        };
        let mut query = sh::command(rustc);
        let text = sh::run(query.args(["--print", "sysroot"]), "rustc --print sysroot")?;
        Ok(PathBuf::from(text.trim()))
    }
}

/// Find, remember and return the toolchain for `target`.
pub fn pick(target: &str) -> Result<Toolchain> {
    let note = workspace::out_dir(target)?.join("toolchain.txt");
    let noted = std::fs::read_to_string(&note).ok();
    if let Some(known) = noted.as_deref().and_then(Toolchain::parse) {
        if works(known, target) {
            return Ok(known);
        }
    }
    let found = search(target)?;
    workspace::write(&note, format!("{}\n", found.name()))?;
    Ok(found)
}

fn works(toolchain: Toolchain, target: &str) -> bool {
    match toolchain {
        Toolchain::Path => path_has(target),
        Toolchain::Debian => debian_ready(),
    }
}

fn search(target: &str) -> Result<Toolchain> {
    if path_has(target) || rustup_adds(target) {
        return Ok(Toolchain::Path);
    }
    if !debian_ready() {
        apt::ensure(apt::RUST).with_context(|| {
            format!("no Rust here builds for {target}: rustup target add {target}, or Debian's source-built core")
        })?;
    }
    if !debian_ready() {
        bail!("no Rust here builds for {target}: run rustup target add {target}");
    }
    Ok(Toolchain::Debian)
}

fn path_has(target: &str) -> bool {
    let mut query = sh::command("rustc");
    query.args(["--print", "target-libdir", "--target", target]);
    let Ok(out) = query.output() else {
        return false;
    };
    let dir = String::from_utf8_lossy(&out.stdout).trim().to_string();
    std::fs::read_dir(dir).is_ok_and(|files| files.flatten().any(|f| is_core(&f.path())))
}

fn is_core(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("libcore-") && name.ends_with(".rlib")
}

/// Bounded: a machine without network answers "no" after a minute, once for each build directory.
fn rustup_adds(target: &str) -> bool {
    if sh::find("rustup").is_none() || sh::find("timeout").is_none() {
        return false;
    }
    println!("    rustup target add {target}");
    let mut add = sh::command("timeout");
    add.args(["60", "rustup", "target", "add", target]);
    sh::run(&mut add, "rustup target add").is_ok() && path_has(target)
}

fn debian_ready() -> bool {
    let sources = Toolchain::Debian.sysroot().map(|root| {
        root.join("lib/rustlib/src/rust/library/core/Cargo.toml")
            .is_file()
    });
    Path::new(DEBIAN_CARGO).is_file() && sources.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remembered_choice_is_read_back() {
        for one in [Toolchain::Path, Toolchain::Debian] {
            assert_eq!(Toolchain::parse(&format!("{}\n", one.name())), Some(one));
        }
        assert_eq!(Toolchain::parse("else"), None);
    }

    #[test]
    fn only_a_core_rlib_counts() {
        assert!(is_core(Path::new("/x/libcore-12ab.rlib")));
        assert!(!is_core(Path::new("/x/liballoc-12ab.rlib")));
    }
}
