//! Which part of the kit a symbol belongs to.

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use rustc_demangle::demangle;
use std::collections::BTreeMap;

/// Rust crates whose names may stand in a symbol. The kit's own core is split by module.
const CRATES: &[&str] = &[
    "smpkit_core",
    "smpkit",
    "sha2",
    "digest",
    "minicbor",
    "heapless",
    "embedded_storage",
    "core",
];
/// C names that only the kit defines.
const API: &[&str] = &["smpkit_", "img_mgmt_", "flash_area_", "flash_map_", "boot_"];
/// C names that a libc or libgcc defines and compiled code calls.
const LIBC: &[&str] = &[
    "mem", "str", "bcmp", "__aeabi_", "__gnu_", "__udiv", "__div",
];

/// The part `symbol` belongs to; None when it is neither the kit's nor libc's.
pub fn part(symbol: &str) -> Option<String> {
    if let Some(part) = rust_part(symbol) {
        return Some(part);
    }
    if API.iter().any(|prefix| symbol.starts_with(prefix)) {
        return Some("smpkit (C API)".to_string());
    }
    let libc = LIBC.iter().any(|prefix| symbol.starts_with(prefix));
    libc.then(|| format!("libc {symbol}"))
}

fn rust_part(symbol: &str) -> Option<String> {
    if !symbol.starts_with("_R") && !symbol.starts_with("_ZN") {
        return None;
    }
    let path = format!("{:#}", demangle(symbol));
    let at = |name: &&&str| position(&path, name);
    let known = CRATES.iter().filter(|name| at(name).is_some());
    let Some(krate) = known.min_by_key(|name| at(name)) else {
        return Some("other Rust".to_string());
    };
    // The hasher and the compression function it may have swallowed are one part.
    if path.contains("smpkit_core::image::digest::") {
        return Some("sha2".to_string());
    }
    let rest = &path[position(&path, krate)? + krate.len() + 2..];
    let module: String = rest.chars().take_while(|c| is_word(*c)).collect();
    Some(match *krate {
        "smpkit" => "smpkit (C API)".to_string(),
        "smpkit_core" => format!("smpkit_core::{module}"),
        other => other.to_string(),
    })
}

/// Where `name::` stands in a path as a whole word.
fn position(path: &str, name: &str) -> Option<usize> {
    let wanted = format!("{name}::");
    let mut hits = path.match_indices(&wanted).map(|(at, _)| at);
    hits.find(|at| !path[..*at].ends_with(|c: char| is_word(c) || c == ':'))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A function or object of a linked program.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// As in the file.
    pub name: String,
    /// First address, without the Thumb bit.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// Whether it takes RAM.
    pub in_ram: bool,
}

/// Functions and objects of a program, by address; of two names for one address, the first.
pub fn symbols(program: &[u8]) -> anyhow::Result<BTreeMap<u64, Symbol>> {
    let file = object::File::parse(program)?;
    let mut found = BTreeMap::new();
    for symbol in file.symbols() {
        let wanted = [SymbolKind::Text, SymbolKind::Data].contains(&symbol.kind());
        let Some(index) = symbol
            .section_index()
            .filter(|_| wanted && symbol.size() > 0)
        else {
            continue;
        };
        let section = file.section_by_index(index)?;
        let writable = section.name().is_ok_and(|n| n == ".bss" || n == ".data");
        let one = Symbol {
            name: symbol.name()?.to_string(),
            address: symbol.address() & !u64::from(symbol.kind() == SymbolKind::Text),
            size: symbol.size(),
            in_ram: writable,
        };
        found.entry(one.address).or_insert(one);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_symbols_go_to_their_module() {
        let cases = [
            ("_ZN11smpkit_core6upload6writer5write17h0123456789abcdefE", "smpkit_core::upload"),
            ("_ZN4sha25block8compress17h0123456789abcdefE", "sha2"),
            ("_ZN6smpkit3api4poll17h0123456789abcdefE", "smpkit (C API)"),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", "core"),
            (
                "_ZN65_$LT$smpkit_core..smp..Reader$u20$as$u20$core..iter..Iterator$GT$4next17h0123456789abcdefE",
                "smpkit_core::smp",
            ),
        ];
        for (symbol, wanted) in cases {
            assert_eq!(part(symbol).as_deref(), Some(wanted), "{symbol}");
        }
    }

    #[test]
    fn c_symbols_are_api_libc_or_nobodys() {
        assert_eq!(part("smpkit_poll").as_deref(), Some("smpkit (C API)"));
        assert_eq!(part("memcpy").as_deref(), Some("libc memcpy"));
        assert_eq!(part("ramflash_read"), None);
        assert_eq!(part("replay_run"), None);
    }
}
