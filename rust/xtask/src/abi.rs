//! What C code may rely on: headers that compile anywhere, names, layouts.

mod compile;
mod layout;
mod lists;
mod symbols;

use crate::compiler::Machine;
use crate::{build, workspace};
use anyhow::{bail, Result};
use std::path::PathBuf;

/// `abi [--bless]`: bless rewrites the lists instead of comparing.
pub fn command(args: &[String]) -> Result<()> {
    let bless = match args {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => bail!("abi takes --bless or nothing"),
    };
    for machine in Machine::ALL {
        machine.ensure()?;
        build::build(machine.target(), None)?;
    }
    compile::check()?;
    symbols::check(bless)?;
    layout::check(bless)
}

/// The lists and programs of this check.
fn dir() -> PathBuf {
    workspace::root().join("tests/abi")
}
