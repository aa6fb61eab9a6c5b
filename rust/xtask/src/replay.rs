//! A recorded upload through the public C API: tests/replay, on the host and in QEMU.

use crate::compiler::{self, Machine};
use crate::vectors::{self, Blobs};
use crate::{build, sh, workspace};
use anyhow::{bail, Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const PORTABLE: &[&str] = &["replay.c", "device.c", "rules.c", "ramflash.c"];
const HOST_ONLY: &[&str] = &["host.c", "narrate.c"];
const M4_ONLY: &[&str] = &["m4.c"];
/// Where tests/replay/m4.c looks for the blobs.
const ADDRESSES: [u32; 3] = [0x2120_0000, 0x2140_0000, 0x2160_0000];
/// Seconds after which an emulated run is given up.
const PATIENCE: &str = "300";

/// `replay [host|qemu]`; both without argument.
pub fn command(args: &[String]) -> Result<()> {
    match args {
        [] => host().and_then(|()| qemu()),
        [machine] if machine == "host" => host(),
        [machine] if machine == "qemu" => qemu(),
        _ => bail!("replay takes host or qemu"),
    }
}

/// Replay on the host, also under valgrind where it is installed.
pub fn host() -> Result<()> {
    let program = link(Machine::Host)?;
    let blobs = vectors::unpack()?;
    let said = sh::run(&mut on_host(&[], &program, &blobs), "replay on the host")?;
    print!("    {said}");
    if sh::find("valgrind").is_none() {
        println!("    valgrind is not installed: memory was not checked");
        return Ok(());
    }
    let valgrind = ["valgrind", "-q", "--error-exitcode=9"];
    let mut checked = on_host(&valgrind, &program, &blobs);
    let said = sh::run(&mut checked, "replay under valgrind")?;
    print!("    valgrind: {said}");
    Ok(())
}

/// Replay on an emulated Cortex-M4.
pub fn qemu() -> Result<()> {
    let program = link(Machine::CortexM4)?;
    let mut emulator = emulator(&program, &vectors::unpack()?);
    let said = sh::output(&mut emulator, "replay in QEMU")?;
    let words = [said.stdout, said.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    if !said.status.success() {
        bail!("replay in QEMU failed ({})\n{words}", said.status);
    }
    print!("    {words}");
    Ok(())
}

/// Show the replay to a reader.
pub fn demo() -> Result<()> {
    println!("building the host archive");
    let program = link(Machine::Host)?;
    let blobs = vectors::unpack()?;
    println!("\nA client updates a watch: a recorded session against the kit\n");
    let mut run = on_host(&[], &program, &blobs);
    let status = run.arg("--narrate").status()?;
    if !status.success() {
        bail!("the update did not go as recorded");
    }
    Ok(())
}

/// Build the program for a machine; returns its path.
pub fn link(machine: Machine) -> Result<PathBuf> {
    machine.ensure()?;
    let archive = build::build(machine.target(), None)?;
    let out = workspace::out_dir(machine.target())?.join("replay");
    let dir = workspace::root().join("tests/replay");
    let (own, name) = match machine {
        Machine::Host => (HOST_ONLY, "replay"),
        Machine::CortexM4 => (M4_ONLY, "replay.elf"),
    };
    let sources = [PORTABLE, own].concat();
    let objects = compiler::objects(machine, &dir, &sources, &out, "harness_")?;
    let program = out.join(name);
    let mut gcc = machine.compiler("gcc");
    if machine == Machine::CortexM4 {
        gcc.args(["-nostartfiles", "--specs=nano.specs", "-T"]);
        gcc.arg(dir.join("m4.ld"));
    }
    gcc.arg("-Wl,--gc-sections").args(&objects).arg(&archive);
    sh::run(gcc.arg("-o").arg(&program), "linking the replay program")?;
    Ok(program)
}

fn on_host(before: &[&str], program: &Path, blobs: &Blobs) -> Command {
    let mut command = match before.split_first() {
        Some((first, rest)) => {
            let mut wrapped = sh::command(first);
            wrapped.args(rest).arg(program);
            wrapped
        }
        None => sh::command(program),
    };
    command.args([&blobs.flash, &blobs.trace, &blobs.secondary]);
    command
}

/// QEMU with the program and its blobs; it ends by itself with the program's verdict.
pub fn emulator(program: &Path, blobs: &Blobs) -> Command {
    let mut qemu = sh::command("timeout");
    qemu.args([PATIENCE, "qemu-system-arm", "-M", "mps2-an386"]);
    qemu.args(["-display", "none", "-monitor", "none", "-serial", "none"]);
    qemu.args(["-semihosting-config", "enable=on,target=native"]);
    qemu.arg("-kernel").arg(program);
    let files = [&blobs.flash, &blobs.trace, &blobs.secondary];
    for (file, address) in files.iter().zip(ADDRESSES) {
        qemu.arg("-device").arg(format!(
            "loader,file={},addr={address:#x},force-raw=on",
            file.display()
        ));
    }
    qemu
}

/// The bytes of a linked program.
pub fn load(program: &Path) -> Result<Vec<u8>> {
    std::fs::read(program).with_context(|| format!("cannot read {}", workspace::show(program)))
}
