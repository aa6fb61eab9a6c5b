//! Debian packages the commands need.

use crate::sh;
use anyhow::{bail, Result};

/// Cross compiler, C library and emulator for Cortex-M.
pub const ARM: &[&str] = &[
    "gcc-arm-none-eabi",
    "libnewlib-arm-none-eabi",
    "libstdc++-arm-none-eabi-dev",
    "qemu-system-arm",
];
/// A Rust whose core library can be built for any target.
pub const RUST: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
/// Compiler of the host.
pub const HOST: &[&str] = &["gcc", "g++", "libc6-dev"];

/// Those of `packages` that dpkg does not know as installed; none where there is no dpkg.
pub fn missing(packages: &[&str]) -> Vec<String> {
    if sh::find("dpkg-query").is_none() {
        return Vec::new();
    }
    let absent = |package: &&&str| {
        let mut query = sh::command("dpkg-query");
        query.args(["-W", "-f", "${db:Status-Status}", package]);
        !query
            .output()
            .is_ok_and(|out| out.stdout == b"installed".as_slice())
    };
    let names = packages.iter().filter(absent);
    names.map(|package| (*package).to_string()).collect()
}

/// Install what is missing when that is possible here; otherwise say what to do.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let wanted = missing(packages);
    if wanted.is_empty() {
        return Ok(());
    }
    if sh::find("apt-get").is_none() || !is_root() {
        bail!("install these first: apt-get install {}", wanted.join(" "));
    }
    println!("    installing {}", wanted.join(" "));
    sh::run(
        sh::command("apt-get").args(["update", "-q"]),
        "apt-get update",
    )?;
    let mut install = sh::command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "-y", "-q", "--no-install-recommends"]);
    sh::run(install.args(&wanted), "apt-get install").map(drop)
}

fn is_root() -> bool {
    let id = sh::command("id").arg("-u").output();
    id.is_ok_and(|out| out.stdout.starts_with(b"0\n"))
}
