//! Where things are.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The root of the workspace. Cargo says at run time where this crate is; a copied build directory
/// may still hold a program that was compiled elsewhere.
pub fn root() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = told.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.ancestors().nth(2).unwrap_or(&here).to_path_buf()
}

/// Cargo's target directory: CARGO_TARGET_DIR, or target/ in the workspace.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where archives and everything made from them go; a folder for each target.
pub fn out_dir(target: &str) -> Result<PathBuf> {
    let dir = target_dir().join("smpkit").join(target);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// The shipped archive of a target.
pub fn archive(target: &str) -> PathBuf {
    target_dir().join("smpkit").join(target).join("libsmpkit.a")
}

/// The path as a reader wants to see it: relative to the workspace.
pub fn show(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Read a text file of the project.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", show(path)))
}

/// Write a file of the project.
pub fn write(path: &Path, data: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, data).with_context(|| format!("cannot write {}", show(path)))
}
