//! Instructions and stack of the kit on a Cortex-M4 in QEMU, for each kind of request.

mod counts;

use crate::compiler::{Machine, STRICT};
use crate::report::{self, Gate};
use crate::{modules, replay, sh, vectors, workspace};
use anyhow::{bail, Context, Result};
use counts::{Counts, Phase};
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Kinds of requests in the order of tests/replay/rules.h, with what C stacks need for one of them:
/// Zephyr 3.7 and Apache mynewt-mcumgr, both -Os, without their flash driver. 0: not known.
const KINDS: &[(&str, u64, u64)] = &[
    ("echo", 2762, 3898),
    ("params", 0, 0),
    ("list", 12_633, 13_678),
    ("confirm", 0, 0),
    ("erase", 0, 0),
    ("upload_first", 14_326, 21_529),
    ("upload_mid", 4257, 7155),
    ("upload_last", 0, 0),
    ("test", 18_630, 25_799),
    ("reset", 0, 0),
    ("other", 0, 0),
];
/// The kind that is 99 % of an update.
const UPLOAD: usize = 6;
/// Row of the hash.
const HASH: &str = "sha2";
/// Fewer than Zephyr.
const UPLOAD_LIMIT: u64 = 4256;
/// Stack of smpkit_link_rx and of smpkit_poll, in bytes.
const STACK_LIMITS: [(&str, u64); 2] = [("smpkit_link_rx", 256), ("smpkit_poll", 1024)];

/// `bench`.
pub fn command() -> Result<()> {
    let program = replay::link(Machine::CortexM4)?;
    let counts = measure(&program)?;
    print_kinds(&counts);
    println!();
    print_modules(&counts, UPLOAD);
    println!();
    print_stack(&counts);
    print_hash(&counts);
    // The C stacks hash nothing; what the kit hashes is told above.
    let both = counts.kit(UPLOAD, Phase::Request) + counts.kit(UPLOAD, Phase::Background);
    let mut gates = vec![Gate {
        what: "instructions for a middle upload request, background included, without hashing"
            .to_string(),
        is: both - hashing(&counts),
        limit: UPLOAD_LIMIT,
        target: None,
    }];
    for ((name, limit), depth) in STACK_LIMITS.iter().zip(&counts.stack) {
        gates.push(Gate {
            what: format!("stack of {name} in bytes"),
            is: depth.kit,
            limit: *limit,
            target: None,
        });
    }
    report::gates(&gates)
}

fn measure(program: &Path) -> Result<Counts> {
    let out = workspace::out_dir(Machine::CortexM4.target())?.join("counts.txt");
    let image = replay::load(program)?;
    let mut qemu = replay::emulator(program, &vectors::unpack()?);
    qemu.arg("-plugin").arg(format!(
        "{},out={},stack={},harness={}",
        plugin()?.display(),
        out.display(),
        stack(&image)?,
        range(&image, "harness_start", "harness_end")?
    ));
    let said = sh::output(&mut qemu, "counting in QEMU")?;
    let words = [said.stdout, said.stderr].concat();
    print!("    {}", String::from_utf8_lossy(&words));
    if !said.status.success() {
        bail!("numbers of a replay that is wrong mean nothing: see cargo xtask replay qemu");
    }
    Counts::read(&workspace::read_text(&out)?, &modules::symbols(&image)?)
}

fn plugin() -> Result<PathBuf> {
    Machine::Host.ensure()?;
    let source = workspace::root().join("tests/bench/count.c");
    let library = workspace::out_dir("bench")?.join("libcount.so");
    let mut gcc = Machine::Host.compiler("gcc");
    gcc.args(["-std=c99", "-O2", "-shared", "-fPIC"])
        .args(STRICT);
    gcc.arg(source).arg("-o").arg(&library);
    sh::run(&mut gcc, "building the counting plugin")?;
    Ok(library)
}

/// The highest 16 KB below the start of the stack; nothing else lies there.
fn stack(image: &[u8]) -> Result<String> {
    let top = address(image, "stack_top")?;
    let low = top - 16 * 1024;
    if address(image, "bss_end")? > low {
        bail!("variables reach into the stack");
    }
    Ok(format!("{low:#x}-{top:#x}"))
}

fn range(image: &[u8], low: &str, high: &str) -> Result<String> {
    Ok(format!(
        "{:#x}-{:#x}",
        address(image, low)?,
        address(image, high)?
    ))
}

fn address(image: &[u8], name: &str) -> Result<u64> {
    let file = object::File::parse(image)?;
    let mut symbols = file.symbols();
    let found = symbols.find(|symbol| symbol.name() == Ok(name));
    Ok(found
        .with_context(|| format!("no {name} in the program"))?
        .address())
}

fn print_kinds(counts: &Counts) {
    let mut rows = Vec::new();
    for (kind, (name, zephyr, apache)) in KINDS.iter().enumerate() {
        let times = counts.times(kind);
        if times == 0 {
            continue;
        }
        let request = counts.kit(kind, Phase::Request);
        let background = counts.kit(kind, Phase::Background);
        let known = |number: u64| match number {
            0 => "-".to_string(),
            _ => number.to_string(),
        };
        rows.push(vec![
            (*name).to_string(),
            times.to_string(),
            request.to_string(),
            background.to_string(),
            counts.libc(kind, Phase::Request).to_string(),
            known(*zephyr),
            known(*apache),
        ]);
    }
    println!("    instructions for one request, flash driver and harness not counted");
    let heading = [
        "request",
        "n",
        "to reply",
        "afterwards",
        "of it libc",
        "Zephyr",
        "Apache",
    ];
    report::table(&heading, &rows);
}

fn print_modules(counts: &Counts, kind: usize) {
    let both = [Phase::Request, Phase::Background];
    let names: BTreeSet<String> = both
        .iter()
        .flat_map(|phase| counts.parts(kind, *phase))
        .map(|(name, _)| name)
        .collect();
    let mut rows = Vec::new();
    for name in names {
        let of = |phase| {
            let parts = counts.parts(kind, phase);
            parts.get(&name).copied().unwrap_or(0.0)
        };
        rows.push((name.clone(), of(Phase::Request), of(Phase::Background)));
    }
    rows.sort_by(|a, b| (b.1 + b.2).total_cmp(&(a.1 + a.2)));
    let cells: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, now, later)| vec![name, format!("{now:.1}"), format!("{later:.1}")])
        .collect();
    report::table(
        &["a middle upload request", "to reply", "afterwards"],
        &cells,
    );
}

/// The C stacks hash nothing on the device, so a reader wants to know this share.
fn print_hash(counts: &Counts) {
    let hash = hashing(counts);
    println!("    SHA-256 is {hash} of a middle upload request; the C stacks do not hash");
}

/// Instructions of SHA-256 for each middle upload request.
fn hashing(counts: &Counts) -> u64 {
    let both = [Phase::Request, Phase::Background];
    let parts = both.map(|phase| counts.parts(UPLOAD, phase).get(HASH).copied());
    parts.into_iter().flatten().sum::<f64>() as u64
}

fn print_stack(counts: &Counts) {
    let mut rows = Vec::new();
    for ((name, _), depth) in STACK_LIMITS.iter().zip(&counts.stack) {
        rows.push(vec![
            (*name).to_string(),
            depth.calls.to_string(),
            depth.kit.to_string(),
            depth.all.to_string(),
        ]);
    }
    let heading = ["stack, deepest", "calls", "kit", "with callbacks"];
    report::table(&heading, &rows);
}
