//! Each header alone, and twice in one file, in every dialect.

use crate::compiler::Machine;
use crate::{headers, sh, workspace};
use anyhow::Result;
use std::path::Path;

const DIALECTS: &[(&str, &str, &str)] = &[
    ("gcc", "-std=c99", "c"),
    ("gcc", "-std=c11", "c"),
    ("g++", "-std=c++11", "cc"),
];

pub fn check() -> Result<()> {
    let dir = workspace::out_dir("abi")?;
    let mut count = 0;
    for header in headers::paths() {
        let name = header.file_name().unwrap_or_default().to_string_lossy();
        for times in [1, 2] {
            let text = format!("#include \"{name}\"\n").repeat(times);
            let text = format!("{text}extern int abi_not_empty;\n");
            for (tool, standard, extension) in DIALECTS {
                let file = dir.join(format!("once.{extension}"));
                workspace::write(&file, &text)?;
                for machine in Machine::ALL {
                    compile(machine, tool, standard, &file, &name)?;
                    count += 1;
                }
            }
        }
    }
    println!("    {count} compilations of headers alone and twice: C99, C11, C++11, host and ARM");
    Ok(())
}

fn compile(machine: Machine, tool: &str, standard: &str, file: &Path, name: &str) -> Result<()> {
    let mut compiler = machine.compiler(tool);
    compiler.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Wconversion"]);
    compiler.args(["-Werror", "-fsyntax-only"]).arg(file);
    let what = format!("{name} with {} {tool} {standard}", machine.name());
    sh::run(&mut compiler, &what).map(drop)
}
