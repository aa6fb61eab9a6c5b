//! The static library of each target.

use crate::toolchain::{self, Toolchain, TARGETS};
use crate::{archive, sh, workspace};
use anyhow::{bail, Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// `build [--target T] [--features F,...]`: with features, exactly those instead of the defaults.
pub fn command(args: &[String]) -> Result<()> {
    let mut targets: Vec<&str> = TARGETS.to_vec();
    let mut features = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let value = rest
            .next()
            .with_context(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--target" => targets = vec![known(value)?],
            "--features" => features = Some(value.as_str()),
            _ => bail!("build takes --target and --features, not {arg}"),
        }
    }
    for target in targets {
        build(target, features)?;
    }
    Ok(())
}

fn known(name: &str) -> Result<&'static str> {
    let wanted = if name == "host" {
        toolchain::HOST
    } else {
        name
    };
    let found = TARGETS.iter().copied().find(|target| *target == wanted);
    found.with_context(|| format!("targets are: host {}", TARGETS.join(" ")))
}

/// Build `target/smpkit/<target>/libsmpkit.a` and return its path.
pub fn build(target: &str, features: Option<&str>) -> Result<PathBuf> {
    let start = Instant::now();
    let chain = toolchain::pick(target)?;
    let raw = compile(chain, target, features)?;
    let out = workspace::archive(target);
    let globals = archive::publish(&raw, &out)?;
    copy_headers(&workspace::out_dir(target)?)?;
    let size = std::fs::metadata(&out)?.len() / 1024;
    println!(
        "    {}: {globals} symbols, {size} KB, {} toolchain, {:.1} s",
        workspace::show(&out),
        chain.name(),
        start.elapsed().as_secs_f32()
    );
    Ok(out)
}

fn compile(chain: Toolchain, target: &str, features: Option<&str>) -> Result<PathBuf> {
    let dir = workspace::target_dir().join(format!("kit-{}", chain.name()));
    let mut cargo = chain.cargo_build(target);
    cargo.args(["--package", "smpkit", "--lib", "--target-dir"]);
    cargo.arg(&dir).current_dir(workspace::root());
    if let Some(list) = features {
        cargo.args(["--no-default-features", "--features", list]);
    }
    flags(&mut cargo, chain)?;
    sh::run(&mut cargo, &format!("cargo build for {target}"))?;
    Ok(dir.join(target).join("release/libsmpkit.a"))
}

/// Small code, and no path of this machine in the archive.
fn flags(cargo: &mut Command, chain: Toolchain) -> Result<()> {
    let root = workspace::root();
    let mut flags: Vec<String> = [
        "--cfg",
        "sha2_backend=\"soft\"",
        "--cfg",
        "sha2_backend_soft=\"compact\"",
        "-Cforce-frame-pointers=no",
        // What is called from one place is inlined even when that costs a little: the calls cost
        // more. Found by trying; 2 % smaller than the default for this level.
        "-Cllvm-args=-inline-threshold=80",
    ]
    .map(str::to_string)
    .to_vec();
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let mut map = |from: &Path, to: &str| {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    };
    map(&chain.sysroot()?, "rust");
    if let Some(dir) = cargo_home.or(home) {
        map(&dir, "cargo");
    }
    map(&root, "smpkit");
    cargo.env_remove("RUSTFLAGS");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(())
}

fn copy_headers(dir: &Path) -> Result<()> {
    let from = workspace::root().join("include");
    let to = dir.join("include");
    std::fs::create_dir_all(&to)?;
    for entry in std::fs::read_dir(&from).context("no include/: run cargo xtask headers")? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "h") {
            std::fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_must_be_known() {
        assert_eq!(known("host").ok(), Some(toolchain::HOST));
        assert_eq!(known("thumbv6m-none-eabi").ok(), Some("thumbv6m-none-eabi"));
        assert!(known("z80").is_err());
    }
}
