//! What the kit costs in a linked Cortex-M4 image, and that it cannot panic there.

use crate::compiler::{self, Machine};
use crate::modules::{self, Symbol};
use crate::report::{self, Gate};
use crate::{archive, build, panics, replay, sh, workspace};
use anyhow::{bail, Result};
use object::{Object, ObjectSection, SectionFlags, SectionKind};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of flash the kit has to come below in the image of tests/bench/size_main.c.
const FLASH_TARGET: u64 = 11_999;
/// Bytes it may take today: lowered with every gain, never raised.
const FLASH_LIMIT: u64 = 17_000;
/// Bytes of RAM: the caller's objects and the kit's own statics.
const RAM_LIMIT: u64 = 2048;
/// The same job done by C stacks, -Os, with their libc.
const OTHERS: &[(&str, u64)] = &[
    ("(goal)", 8192),
    ("(Apache mynewt-mcumgr, -Os)", 13_992),
    ("(Zephyr 3.7 mcumgr, -Os)", 13_836),
];
/// Functions --functions prints.
const FUNCTIONS: usize = 40;
/// Names of what size_main.c allocates for the kit.
const OBJECTS: &str = "watch_";

/// `size [--functions]`: also the largest functions.
pub fn command(args: &[String]) -> Result<()> {
    let functions = match args {
        [] => false,
        [flag] if flag == "--functions" => true,
        _ => bail!("size takes --functions or nothing"),
    };
    Machine::CortexM4.ensure()?;
    let archive = build::build(Machine::CortexM4.target(), None)?;
    let image = replay::load(&link("size", &["size_main.c"], Some(&archive))?)?;
    let bare = replay::load(&link("bare", &["size_main.c", "size_stubs.c"], None)?)?;
    let flash = flash_of_kit(&image, &bare)?;
    print_modules(&image, &bare, flash)?;
    let ram = ram_of_kit(&image, &bare)?;
    if functions {
        print_functions(&image)?;
    }
    let panics = no_panics(&archive);
    if let Err(why) = &panics {
        println!("    {why:#}");
    }
    let budgets = report::gates(&[
        Gate {
            what: "flash in bytes".to_string(),
            is: flash,
            limit: FLASH_LIMIT,
            target: Some(FLASH_TARGET),
        },
        Gate {
            what: "RAM in bytes".to_string(),
            is: ram,
            limit: RAM_LIMIT,
            target: None,
        },
    ]);
    match (budgets, panics) {
        (Err(budgets), Err(_)) => bail!("{budgets}; and the linked image can panic"),
        (budgets, panics) => budgets.and(panics),
    }
}

fn link(name: &str, sources: &[&str], archive: Option<&Path>) -> Result<PathBuf> {
    let machine = Machine::CortexM4;
    let out = workspace::out_dir(machine.target())?.join("size");
    let dir = workspace::root().join("tests/bench");
    let objects = compiler::objects(machine, &dir, sources, &out, "")?;
    let program = out.join(format!("{name}.elf"));
    let mut gcc = machine.compiler("gcc");
    gcc.args(["--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections"]);
    gcc.arg("-Wl,-e,watch").args(&objects).args(archive);
    sh::run(gcc.arg("-o").arg(&program), "linking the size image")?;
    Ok(program)
}

/// Bytes that take flash, and bytes that take only RAM.
fn totals(program: &[u8]) -> Result<(u64, u64)> {
    let file = object::File::parse(program)?;
    let (mut flash, mut ram) = (0, 0);
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
            continue;
        };
        let allocated = sh_flags.contains(object::elf::SHF_ALLOC);
        match section.kind() {
            SectionKind::UninitializedData => ram += section.size(),
            _ if allocated => flash += section.size(),
            _ => {}
        }
    }
    Ok((flash, ram))
}

/// The image less the same image with empty functions in place of the kit.
fn flash_of_kit(image: &[u8], bare: &[u8]) -> Result<u64> {
    let stubs: u64 = modules::symbols(bare)?
        .values()
        .filter(|symbol| symbol.name.starts_with("smpkit_"))
        .map(|symbol| symbol.size)
        .sum();
    Ok(totals(image)?.0 + stubs - totals(bare)?.0)
}

fn print_modules(image: &[u8], bare: &[u8], total: u64) -> Result<()> {
    let before: Vec<String> = modules::symbols(bare)?
        .into_values()
        .map(|s| s.name)
        .collect();
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for symbol in modules::symbols(image)?.values().filter(|s| !s.in_ram) {
        let of_main = before.contains(&symbol.name) && !symbol.name.starts_with("smpkit_");
        if let Some(part) = modules::part(&symbol.name).filter(|_| !of_main) {
            *parts.entry(part).or_default() += symbol.size;
        }
    }
    let named: u64 = parts.values().sum();
    let mut rows: Vec<(String, u64)> = parts.into_iter().collect();
    rows.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    rows.push((
        "constants, alignment".to_string(),
        total.saturating_sub(named),
    ));
    rows.push(("total".to_string(), total));
    rows.extend(
        OTHERS
            .iter()
            .map(|(name, size)| ((*name).to_string(), *size)),
    );
    let cells = |(name, size): &(String, u64)| vec![name.clone(), size.to_string()];
    report::table(
        &["flash", "bytes"],
        &rows.iter().map(cells).collect::<Vec<_>>(),
    );
    Ok(())
}

fn print_functions(image: &[u8]) -> Result<()> {
    let mut all: Vec<Symbol> = modules::symbols(image)?.into_values().collect();
    all.retain(|symbol| !symbol.in_ram && modules::part(&symbol.name).is_some());
    all.sort_by_key(|symbol| std::cmp::Reverse(symbol.size));
    let cells = |one: &Symbol| vec![format!("{:#}", demangle(&one.name)), one.size.to_string()];
    let rows: Vec<_> = all.iter().take(FUNCTIONS).map(cells).collect();
    report::table(&["largest functions and constants", "bytes"], &rows);
    Ok(())
}

fn ram_of_kit(image: &[u8], bare: &[u8]) -> Result<u64> {
    let objects: Vec<Symbol> = modules::symbols(image)?
        .into_values()
        .filter(|symbol| symbol.name.starts_with(OBJECTS) && symbol.in_ram)
        .collect();
    let statics = totals(image)?.1.saturating_sub(totals(bare)?.1);
    let mut rows: Vec<Vec<String>> = objects
        .iter()
        .map(|object| vec![object.name.clone(), object.size.to_string()])
        .collect();
    rows.push(vec!["the kit's statics".to_string(), statics.to_string()]);
    report::table(&["RAM", "bytes"], &rows);
    Ok(objects.iter().map(|object| object.size).sum::<u64>() + statics)
}

/// Link everything the archive offers and look for panic code.
fn no_panics(archive: &Path) -> Result<()> {
    let program = workspace::out_dir(Machine::CortexM4.target())?.join("size/all.elf");
    let symbols = archive::symbols(archive)?.defined;
    let mut gcc = Machine::CortexM4.compiler("gcc");
    gcc.args(["--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections"]);
    for symbol in &symbols {
        gcc.arg(format!("-Wl,-u,{symbol}"));
    }
    gcc.arg("-Wl,-e,smpkit_init").arg(archive);
    sh::run(gcc.arg("-o").arg(&program), "linking all of the API")?;
    panics::check(&replay::load(&program)?)?;
    println!("    no panic path behind {} functions", symbols.len());
    Ok(())
}
