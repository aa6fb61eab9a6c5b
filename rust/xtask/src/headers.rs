//! include/*.h from the Rust sources, a header for one or two source files.

use crate::workspace;
use anyhow::{bail, Context, Result};
use cbindgen::{Builder, Config};
use std::path::{Path, PathBuf};

/// A header, the sources it is made from, and the headers of the kit it includes.
struct Header {
    name: &'static str,
    sources: &'static [&'static str],
    includes: &'static [&'static str],
}

/// All of them. A source listed here that is missing is an error.
const HEADERS: &[Header] = &[
    Header {
        name: "smpkit_port.h",
        sources: &["port.rs"],
        includes: &[],
    },
    Header {
        name: "smpkit.h",
        sources: &["api.rs", "calls.rs"],
        includes: &["smpkit_port.h"],
    },
    Header {
        name: "smpkit_compat.h",
        sources: &["compat.rs"],
        includes: &["smpkit.h"],
    },
    Header {
        name: "smpkit_bootutil.h",
        sources: &["bootutil.rs"],
        includes: &["smpkit_compat.h"],
    },
    Header {
        name: "smpkit_img_mgmt.h",
        sources: &["img_mgmt.rs"],
        includes: &["smpkit_compat.h"],
    },
    Header {
        name: "smpkit_flash_map.h",
        sources: &["flash_map.rs"],
        includes: &["smpkit_compat.h"],
    },
    Header {
        name: "smpkit_flash_map_mynewt.h",
        sources: &["flash_map/mynewt.rs"],
        includes: &["smpkit_flash_map.h"],
    },
    Header {
        name: "smpkit_flash_map_mcuboot.h",
        sources: &["flash_map/mcuboot.rs"],
        includes: &["smpkit_flash_map.h"],
    },
];

/// `headers [--verify]`.
pub fn command(args: &[String]) -> Result<()> {
    let verify = match args {
        [] => false,
        [flag] if flag == "--verify" => true,
        _ => bail!("headers takes --verify or nothing"),
    };
    for header in HEADERS {
        let path = workspace::root().join("include").join(header.name);
        let text = generate(header)?;
        check_prose(header, &text)?;
        if verify {
            compare(&path, &text)?;
        } else {
            std::fs::create_dir_all(workspace::root().join("include"))?;
            workspace::write(&path, &text)?;
            println!("    {}", workspace::show(&path));
        }
    }
    Ok(())
}

/// The committed headers, in the order they were listed.
pub fn paths() -> Vec<PathBuf> {
    let dir = workspace::root().join("include");
    HEADERS.iter().map(|header| dir.join(header.name)).collect()
}

fn source(name: &str) -> PathBuf {
    workspace::root().join("rust/capi/src").join(name)
}

fn generate(header: &Header) -> Result<String> {
    let mut rust = String::new();
    let mut builder = Builder::new();
    for name in header.sources {
        rust += &workspace::read_text(&source(name))?;
        builder = builder.with_src(source(name));
    }
    let bindings = builder
        .with_config(config(header, &rust)?)
        .generate()
        .with_context(|| format!("cbindgen on {}", header.sources.join(", ")))?;
    let mut out = Vec::new();
    bindings.write(&mut out);
    Ok(polish(&String::from_utf8(out)?, &unsigned_constants(&rust)))
}

fn config(header: &Header, rust: &str) -> Result<Config> {
    let mut config = Config::from_file(workspace::root().join("rust/capi/cbindgen.toml"))
        .map_err(anyhow::Error::msg)?;
    config.include_guard = Some(guard(header.name));
    config.autogen_warning = Some(format!(
        "/* Generated from rust/capi/src/{} by cargo xtask headers. Do not edit. */",
        header.sources.join(", ")
    ));
    config.includes = header.includes.iter().map(|h| (*h).to_string()).collect();
    if rust.contains(": bool") || rust.contains("-> bool") || rust.contains("*mut bool") {
        config.sys_includes.push("stdbool.h".to_string());
    }
    // Also those that no function mentions.
    config.export.include = structs(rust);
    for foreign in foreign_structs(header)? {
        let tagged = format!("struct {foreign}");
        config.export.rename.insert(foreign, tagged);
    }
    Ok(config)
}

fn guard(name: &str) -> String {
    name.to_ascii_uppercase().replace('.', "_")
}

/// cbindgen reads one source and would name the structs of the others without "struct".
fn foreign_structs(header: &Header) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for other in HEADERS.iter().filter(|other| other.name != header.name) {
        for name in other.sources {
            names.extend(structs(&workspace::read_text(&source(name))?));
        }
    }
    Ok(names)
}

fn structs(rust: &str) -> Vec<String> {
    let after = |line: &str| {
        let rest = line.strip_prefix("pub struct ")?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        rest.get(..end).map(str::to_string)
    };
    rust.lines().filter_map(after).collect()
}

/// Names of constants that C should see as unsigned.
fn unsigned_constants(rust: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.strip_prefix("pub const ")?;
        let (name, kind) = rest.split_once(": ")?;
        kind.starts_with('u').then(|| name.to_string())
    };
    rust.lines().filter_map(name).collect()
}

/// Numbers as C programmers write them: (-1) and 7u.
fn polish(text: &str, unsigned: &[String]) -> String {
    let mut out: Vec<String> = text.lines().map(|line| constant(line, unsigned)).collect();
    out.push(String::new());
    out.join("\n")
}

fn constant(line: &str, unsigned: &[String]) -> String {
    let Some((name, value)) = line
        .strip_prefix("#define ")
        .and_then(|rest| rest.split_once(' '))
    else {
        return line.trim_end().to_string();
    };
    let Ok(number) = value.parse::<i64>() else {
        return line.to_string();
    };
    let text = if number < 0 {
        format!("({number})")
    } else if !unsigned.iter().any(|known| known == name) {
        number.to_string()
    } else if number > 0xFFFF {
        format!("0x{number:08X}u")
    } else {
        format!("{number}u")
    };
    format!("#define {name} {text}")
}

/// Comments are read by C programmers.
fn check_prose(header: &Header, text: &str) -> Result<()> {
    let signs = ["`", "# Safety", "::", "[`", "Option<", "*mut", "*const"];
    let bad = text
        .lines()
        .find(|line| signs.iter().any(|sign| line.contains(sign)));
    match bad {
        Some(line) => bail!("{}: Rust notation in \"{}\"", header.name, line.trim()),
        None => Ok(()),
    }
}

fn compare(path: &Path, text: &str) -> Result<()> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    if old == text {
        println!("    {} is up to date", workspace::show(path));
        return Ok(());
    }
    let same = old
        .lines()
        .zip(text.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let line = |of: &str| of.lines().nth(same).unwrap_or("(end)").to_string();
    bail!(
        "{}:{}: is \"{}\", should be \"{}\"; run cargo xtask headers and commit",
        workspace::show(path),
        same + 1,
        line(&old),
        line(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_get_signs_and_suffixes() {
        let unsigned = vec!["SMPKIT_BITS".to_string(), "SMPKIT_OPEN".to_string()];
        let of = |line: &str| constant(line, &unsigned);
        assert_eq!(of("#define SMPKIT_ERR_X -1"), "#define SMPKIT_ERR_X (-1)");
        assert_eq!(of("#define SMPKIT_BITS 4"), "#define SMPKIT_BITS 4u");
        assert_eq!(
            of("#define SMPKIT_OPEN 2147483648"),
            "#define SMPKIT_OPEN 0x80000000u"
        );
        assert_eq!(of("#define SMPKIT_IDLE 7"), "#define SMPKIT_IDLE 7");
        assert_eq!(of("#define SMPKIT_H"), "#define SMPKIT_H");
    }

    #[test]
    fn structs_of_a_source_are_found() {
        let rust = "pub struct smpkit {\n}\n/// pub struct no\npub struct smpkit_port {";
        assert_eq!(structs(rust), ["smpkit", "smpkit_port"]);
    }

    #[test]
    fn rust_notation_in_a_comment_is_refused() {
        let header = &HEADERS[0];
        assert!(check_prose(header, "/* see `Foo` */").is_err());
        assert!(check_prose(header, "/* see smpkit_init() */").is_ok());
    }
}
