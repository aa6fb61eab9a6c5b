//! Names the archive defines and names it wants.

use super::lists;
use crate::compiler::Machine;
use crate::{archive, workspace};
use anyhow::{bail, Result};

pub fn check(bless: bool) -> Result<()> {
    for machine in Machine::ALL {
        let symbols = archive::symbols(&workspace::archive(machine.target()))?;
        let comment = "Global symbols libsmpkit.a defines, on every target.";
        // Written from the host's archive; the others must agree with it.
        let write = bless && machine == Machine::Host;
        lists::check("symbols.txt", comment, &symbols.defined, write)?;
        // An allow list, kept by hand: a firmware must have all of these anyway.
        let allowed = lists::read("undefined.txt")?;
        let foreign: Vec<_> = (&symbols.undefined - &allowed).into_iter().collect();
        if !foreign.is_empty() {
            bail!(
                "the {} archive wants symbols that tests/abi/undefined.txt does not allow: {}",
                machine.name(),
                foreign.join(" ")
            );
        }
        let wanted: Vec<&str> = symbols.undefined.iter().map(String::as_str).collect();
        println!("    {} wants: {}", machine.name(), wanted.join(" "));
    }
    Ok(())
}
