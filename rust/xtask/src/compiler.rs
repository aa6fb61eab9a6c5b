//! The C compilers.

use crate::{apt, sh, toolchain, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Warnings every C file of the kit is free of.
pub const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wconversion", "-Werror"];

/// A machine C is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// This one.
    Host,
    /// Cortex-M4 with FPU.
    CortexM4,
}

impl Machine {
    /// Both.
    pub const ALL: [Machine; 2] = [Machine::Host, Machine::CortexM4];

    /// The Rust target of the archive that links with it.
    pub fn target(self) -> &'static str {
        match self {
            Machine::Host => toolchain::HOST,
            Machine::CortexM4 => toolchain::CORTEX_M4,
        }
    }

    /// How files and messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Machine::Host => "host",
            Machine::CortexM4 => "arm",
        }
    }

    /// Have the compiler installed, or say what is missing.
    pub fn ensure(self) -> Result<()> {
        let packages = match self {
            Machine::Host => apt::HOST,
            Machine::CortexM4 => apt::ARM,
        };
        if sh::find(self.program("gcc")).is_some() && sh::find(self.program("g++")).is_some() {
            return Ok(());
        }
        apt::ensure(packages)
    }

    fn program(self, tool: &str) -> &'static str {
        match (self, tool) {
            (Machine::Host, "gcc") => "gcc",
            (Machine::Host, _) => "g++",
            (Machine::CortexM4, "gcc") => "arm-none-eabi-gcc",
            (Machine::CortexM4, _) => "arm-none-eabi-g++",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Machine::Host => &[],
            Machine::CortexM4 => &[
                "-mcpu=cortex-m4",
                "-mthumb",
                "-mfloat-abi=hard",
                "-mfpu=fpv4-sp-d16",
            ],
        }
    }

    /// `gcc` or `g++` for this machine, the public headers on its path.
    pub fn compiler(self, tool: &str) -> Command {
        let mut command = sh::command(self.program(tool));
        command.args(self.flags());
        command.arg("-I").arg(workspace::root().join("include"));
        command
    }
}

/// Compile `sources` of `dir` one by one to objects in `out`, named `<prefix><stem>.o`.
pub fn objects(
    machine: Machine,
    dir: &Path,
    sources: &[&str],
    out: &Path,
    prefix: &str,
) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(out)?;
    let mut made = Vec::new();
    for source in sources {
        let stem = source.strip_suffix(".c").context("not a .c file")?;
        let object = out.join(format!("{prefix}{stem}.o"));
        let mut gcc = machine.compiler("gcc");
        gcc.args(["-std=c99", "-Os", "-g", "-ffunction-sections"]);
        // A loop stays a loop: what is counted as libc was called by the kit.
        gcc.args(["-fdata-sections", "-fno-tree-loop-distribute-patterns"]);
        gcc.args(STRICT).arg("-c").arg(dir.join(source)).arg("-o");
        sh::run(gcc.arg(&object), &format!("compiling {source}"))?;
        made.push(object);
    }
    Ok(made)
}
