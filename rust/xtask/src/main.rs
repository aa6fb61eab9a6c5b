//! Every developer command of smpkit; `cargo xtask help` lists them.

mod abi;
mod apt;
mod archive;
mod bench;
mod build;
mod compiler;
mod headers;
mod localise;
mod modules;
mod panics;
mod readme;
mod replay;
mod report;
mod sh;
mod size;
mod suite;
mod toolchain;
mod vectors;
mod workspace;

use anyhow::{bail, Result};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo                 an update from the first to the last packet, on this machine
  test                 everything below, and a verdict
  build [--target T] [--features F,...]
                       libsmpkit.a and headers into target/smpkit/<T>; without --target: all
  headers [--verify]   generate include/*.h; --verify only compares
  abi [--bless]        headers compile alone, symbols and struct layouts equal tests/abi/*.txt
  replay [host|qemu]   a recorded upload through the public C API, replies compared
  size [--functions]   flash per module, RAM, no panic path, budgets
  bench                instructions and stack per request on a Cortex-M4 in QEMU, budgets
  help                 this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    match command {
        "demo" => replay::demo(),
        "test" => suite::run(),
        "build" => build::command(rest),
        "headers" => headers::command(rest),
        "abi" => abi::command(rest),
        "replay" => replay::command(rest),
        "size" => size::command(rest),
        "bench" => bench::command(),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command \"{other}\"; try cargo xtask help"),
    }
}
