//! No panic path may survive in a linked image.

use anyhow::{bail, Result};
use object::{Object, ObjectSymbol};
use rustc_demangle::demangle;

/// Parts of names that only panic code has.
const SIGNS: &[&str] = &[
    "panicking",
    "panic_",
    "begin_unwind",
    "rust_panic",
    "unwrap_failed",
    "expect_failed",
    "slice_index",
    "slice_start_index",
    "slice_end_index",
    "slice_error_fail",
    "len_mismatch_fail",
    "slice::index::",
    "panic_already",
];

fn is_panic(symbol: &str) -> bool {
    let name = format!("{:#}", demangle(symbol));
    SIGNS.iter().any(|sign| name.contains(sign))
        && !name.contains("SliceIndex")
        && !name.contains("slice::index::<")
}

/// Fails with the names when a linked program has panic code.
pub fn check(program: &[u8]) -> Result<()> {
    let file = object::File::parse(program)?;
    let names = file.symbols().filter_map(|symbol| symbol.name().ok());
    let bad: Vec<String> = names
        .filter(|name| is_panic(name))
        .map(|name| format!("  {:#}", demangle(name)))
        .collect();
    if !bad.is_empty() {
        bail!("the linked image can panic:\n{}", bad.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_panic_code_are_known() {
        for name in [
            "_ZN4core9panicking9panic_fmt17h0123456789abcdefE",
            "_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE",
            "_ZN4core9panicking11panic_const23panic_const_div_by_zero17h0123456789abcdefE",
            "_ZN4core6option13unwrap_failed17h0123456789abcdefE",
            "_ZN4core6result13unwrap_failed17h0123456789abcdefE",
            "_ZN4core6option13expect_failed17h0123456789abcdefE",
            "_ZN4core5slice5index16slice_index_fail17h0123456789abcdefE",
            "_ZN4core5slice5index24slice_end_index_len_fail17h0123456789abcdefE",
            "_ZN4core5slice20copy_from_slice_impl17len_mismatch_fail17h0123456789abcdefE",
            "_ZN4core4cell22panic_already_borrowed17h0123456789abcdefE",
            "_RNvNtCs1a2b3c_4core9panicking9panic_fmt",
            "_RNvCs1a2b3c_7___rustc17rust_begin_unwind",
            "rust_begin_unwind",
        ] {
            assert!(is_panic(name), "{name}");
        }
    }

    #[test]
    fn names_of_other_code_are_not() {
        for name in [
            "smpkit_init",
            "memcpy",
            "_ZN11smpkit_core6upload6writer5write17h0123456789abcdefE",
            "_ZN4core3fmt5write17h0123456789abcdefE",
        ] {
            assert!(!is_panic(name), "{name}");
        }
    }
}
